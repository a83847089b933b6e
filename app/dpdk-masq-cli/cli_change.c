/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words that change something: parsed here, by the grammar that the daemon and rule files use, and
 * sent as one call per command. Host names are looked up here, where waiting affects nobody else.
 *
 * A line may give several commands (-b, a host with several addresses); they are applied in order
 * and the first that is refused ends the line, as in the original tools.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"

int
cli_words_read(struct cli *cli, const char *const *words, unsigned int n_words,
		struct masq_conf_request *request)
{
	struct masq_conf_warnings warnings = { 0 };
	const struct masq_conf_reader reader = { .resolve_names = true, .warnings = &warnings };
	char buffer[MASQ_ERR_TEXT_BYTES];
	struct masq_err err = { "" };
	const int ret = masq_conf_words_read(&reader, words, n_words, request, &err);
	const char *text;

	for (unsigned int i = 0; (text = masq_conf_warning_text(&warnings, i, buffer)) != NULL; i++)
		cli_warn(cli, text);
	if (ret == 0)
		return CLI_DONE;
	cli_fail(cli, CLI_USAGE, "%s", err.text);
	if (strcmp(words[0], "ipchains") == 0)
		fputs("Try `ipchains -h' or 'ipchains --help' for more information.\n", stderr);
	if (ret == -MASQ_CONF_EUSAGE) {
		cli_portfw_usage_print(cli->out);
		return CLI_DONE;
	}
	return CLI_USAGE;
}

int
cli_change(struct cli *cli, const struct masq_conf_request *request)
{
	int code = CLI_DONE;
	json_t *result = NULL;

	for (unsigned int i = 0; i < request->n_commands && code == CLI_DONE; i++) {
		const struct masq_conf_command *command = &request->commands[i];

		json_decref(result);
		code = cli_call(cli, masq_conf_verb_method(command->verb),
				masq_rpc_command_to_params(command), &result);
		/* The rules of a line differ only in their addresses; the same words cause the same
		 * warnings. */
		if (i == 0 && !request->no_warnings)
			cli_warnings_print(cli, result);
	}
	/* One line gives one document, however many commands it has. */
	if (code == CLI_DONE && cli->json && result != NULL)
		cli_print_json(cli, result);
	json_decref(result);
	return code;
}
