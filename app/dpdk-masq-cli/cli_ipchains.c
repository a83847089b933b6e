/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The family "ipchains", which is also the tool of that name: lib/conf parses its words, its output
 * is that of reference 5.1 and 5.3.
 */
#include "cli.h"

static json_t *
chain_params(const struct masq_conf_request *request)
{
	return request->chain[0] != '\0' ? json_pack("{s:s}", "chain", request->chain)
					 : json_object();
}

static void
chain_row(struct cli *cli, json_t *row, void *arg)
{
	cli_chain_print(cli->out, arg, row);
}

static int
list(struct cli *cli, const struct masq_conf_request *request, const char *method)
{
	struct cli_chain_style style = {
		.numeric = request->numeric,
		.verbose = request->verbose,
		.exact = request->exact,
		.line_numbers = request->line_numbers,
	};
	json_t *params = chain_params(request);

	/* If counters are not shown, no worker has to be queried. */
	if (request->ask == MASQ_ASK_LIST && !request->verbose && !cli->json)
		json_object_set_new(params, "counters", json_false());
	return cli_list(cli, method, params, "chains", chain_row, &style);
}

struct masq_listing {
	bool numeric, verbose, begun;
};

static void
masq_row(struct cli *cli, json_t *row, void *arg)
{
	struct masq_listing *listing = arg;

	if (!listing->begun)
		cli_masq_header_print(cli->out, listing->verbose);
	listing->begun = true;
	cli_masq_row_print(cli->out, listing->numeric, listing->verbose, row);
}

static int
masq_list(struct cli *cli, const struct masq_conf_request *request)
{
	struct masq_listing listing = { .numeric = request->numeric, .verbose = request->verbose };

	if (!cli->json)
		fputs("IP masquerading entries\n", cli->out);
	return cli_list(cli, "session.list", NULL, "sessions", masq_row, &listing);
}

/* With -v the tool reports each rule that it changed. */
static int
change(struct cli *cli, const struct masq_conf_request *request)
{
	const int code = cli_change(cli, request);

	for (unsigned int i = 0; code == CLI_DONE && request->verbose && !cli->json &&
			i < request->n_commands;
			i++) {
		const enum masq_conf_verb verb = request->commands[i].verb;

		if (verb == MASQ_VERB_CHAIN_APPEND || verb == MASQ_VERB_CHAIN_INSERT ||
				verb == MASQ_VERB_CHAIN_REPLACE || verb == MASQ_VERB_CHAIN_DELETE)
			cli_rule_line_print(cli->out, &request->commands[i].rule);
	}
	return code;
}

/* -C: one word per packet; -b and hosts with several addresses give several packets. */
static int
check(struct cli *cli, const struct masq_conf_request *request)
{
	json_t *answers = json_array(), *document;
	int code = CLI_DONE;

	for (unsigned int i = 0; code == CLI_DONE && i < request->n_commands; i++) {
		json_t *result;

		code = cli_call(cli, "ipchains.check",
				masq_rpc_command_to_params(&request->commands[i]), &result);
		if (code != CLI_DONE)
			break;
		if (request->verbose && !cli->json)
			cli_rule_line_print(cli->out, &request->commands[i].rule);
		if (cli->json)
			json_array_append(answers, json_object_get(result, "answer"));
		else
			fprintf(cli->out, "%s\n", cli_string(result, "answer"));
		json_decref(result);
	}
	document = json_pack("{s:o}", "answers", answers);
	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, document);
	json_decref(document);
	return code;
}

int
cli_ipchains(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct masq_conf_request request;
	int code;

	cli->program = "ipchains";
	code = cli_words_read(cli, words, n_words, &request);
	if (code != CLI_DONE)
		return code;
	switch (request.ask) {
	case MASQ_ASK_CHANGE:
		return change(cli, &request);
	case MASQ_ASK_HELP:
		cli_ipchains_usage_print(cli->out);
		return CLI_DONE;
	case MASQ_ASK_HELP_ICMP:
		cli_ipchains_usage_print(cli->out);
		cli_ipchains_icmp_print(cli->out);
		return CLI_DONE;
	case MASQ_ASK_VERSION:
		fputs("ipchains 1.3.9, 17-Mar-1999\n", cli->out);
		return CLI_DONE;
	case MASQ_ASK_LIST:
		return list(cli, &request, "ipchains.list");
	case MASQ_ASK_LIST_ZERO:
		return list(cli, &request, "ipchains.list_zero");
	case MASQ_ASK_ZERO:
		return cli_do(cli, "ipchains.zero", chain_params(&request));
	case MASQ_ASK_MASQ_LIST:
		return masq_list(cli, &request);
	case MASQ_ASK_CHECK:
		return check(cli, &request);
	}
	return CLI_USAGE;
}
