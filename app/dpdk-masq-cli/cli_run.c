/* SPDX-License-Identifier: BSD-3-Clause */
/* Run one line of words: find its command, call it. "COMMAND --help" is "help COMMAND". */
#include <string.h>

#include "cli.h"

static int
unknown_command(const struct cli *cli, const char *word)
{
	const struct cli_command *list;
	unsigned int n;

	fprintf(stderr, "%s: unknown command \"%.64s\"; accepted:", cli->program, word);
	list = cli_commands(&n);
	for (unsigned int i = 0; i < n; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", list[i].name);
	fputc('\n', stderr);
	return CLI_USAGE;
}

/* ipchains and portfw have a -h of their own; ipchains also --help. */
static bool
wants_help(const struct cli_command *command, const char *word)
{
	if (command->run == cli_ipchains)
		return false;
	return strcmp(word, "--help") == 0 ||
			(strcmp(word, "-h") == 0 && command->run != cli_portfw);
}

/* An option of the program behind the command: @return it, or NULL. In ipchains and portfw, all
 * options are theirs. */
static const char *
misplaced_option(const struct cli_command *command, const char *const *words, unsigned int n_words)
{
	if (command->run == cli_ipchains || command->run == cli_portfw)
		return NULL;
	for (unsigned int i = 1; i < n_words; i++)
		if (strcmp(words[i], "-j") == 0 || strcmp(words[i], "--json") == 0 ||
				strcmp(words[i], "-s") == 0)
			return words[i];
	return NULL;
}

int
cli_run(struct cli *cli, const char *const *words, unsigned int n_words)
{
	const struct cli_command *command = cli_command_find(words[0]);
	const char *program = cli->program, *option;
	int code;

	if (command == NULL)
		return unknown_command(cli, words[0]);
	if (n_words > 1 && wants_help(command, words[n_words - 1])) {
		const char *const help[] = { "help", words[0] };

		return cli_help(cli, help, 2);
	}
	option = misplaced_option(command, words, n_words);
	if (option != NULL)
		return cli_usage(cli, words[0], "%s stands before the command", option);
	code = command->run(cli, words, n_words);
	cli->program = program;
	return code;
}
