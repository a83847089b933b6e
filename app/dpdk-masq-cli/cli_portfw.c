/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The family "portfw", which is also "ipmasqadm portfw" (reference 2.1, 2.4). Errors that the
 * kernel of the time did not report are reported here: a refused command gives a sentence and exit
 * 1.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "cli.h"

void
cli_portfw_usage_print(FILE *out)
{
	fputs("Usage: portfw -a -P PROTO -L LADDR LPORT -R RADDR RPORT [-p PREF] add entry\n"
	      "       portfw -d -P PROTO -L LADDR LPORT [-R RADDR RPORT]         delete entry\n"
	      "       portfw -f                                                  clear table\n"
	      "       portfw -l                                                  list table\n"
	      "       portfw <args> -n                                           no names\n"
	      "\n"
	      "PROTO is the protocol, can be \"tcp\" or \"udp\"\n"
	      "LADDR is the local interface receiving packets to be forwarded.\n"
	      "LPORT is the port being redirected.\n"
	      "RADDR is the remote address.\n"
	      "RPORT is the port being redirected to.\n"
	      "PREF  is the preference level (load balancing, default=10)\n",
			out);
}

void
cli_portfw_header_print(FILE *out)
{
	fprintf(out, "%-4s %-20s %-20s %8s %8s %5s %5s\n", "prot", "localaddr", "rediraddr",
			"lport", "rport", "pcnt", "pref");
}

void
cli_portfw_row_print(FILE *out, bool numeric, const json_t *row)
{
	char laddr[CLI_NAME_BYTES], raddr[CLI_NAME_BYTES];
	char lport[CLI_NAME_BYTES], rport[CLI_NAME_BYTES];
	struct masq_conf_portfw rule;

	if (masq_rpc_portfw_from_json(json_object_get(row, "portfw"), &rule, NULL) != 0)
		return;
	/* Services are looked up as tcp, also for UDP, as the original did. */
	fprintf(out, "%-4s %-20s %-20s %8s %8s %5" PRIu64 " %5" PRIu32 "\n",
			rule.proto == IPPROTO_TCP ? "TCP" : "UDP",
			cli_host_name(rule.laddr, numeric, laddr),
			cli_host_name(rule.raddr, numeric, raddr),
			cli_service_name(rule.lport, "tcp", numeric, lport),
			cli_service_name(rule.rport, "tcp", numeric, rport),
			cli_number(row, "count"), rule.pref);
}

struct portfw_listing {
	bool numeric;
};

static void
portfw_row(struct cli *cli, json_t *row, void *arg)
{
	const struct portfw_listing *listing = arg;

	cli_portfw_row_print(cli->out, listing->numeric, row);
}

static int
list(struct cli *cli, bool numeric)
{
	struct portfw_listing listing = { .numeric = numeric };
	struct masq_err err = { "" };
	json_t *result;
	int code;

	/* The header is printed only if the daemon answers. */
	code = cli_call_quiet(cli, "portfw.list", json_pack("{s:i}", "limit", 1), &result, &err);
	json_decref(result);
	if (code != CLI_DONE)
		return cli_fail(cli, code, "%s", err.text);
	if (!cli->json)
		cli_portfw_header_print(cli->out);
	return cli_list(cli, "portfw.list", NULL, "rules", portfw_row, &listing);
}

int
cli_portfw(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct masq_conf_request request;
	int code;

	cli->program = "portfw";
	code = cli_words_read(cli, words, n_words, &request);
	if (code != CLI_DONE)
		return code;
	/* An unknown option was answered with the usage text and exit 0; it requests nothing. */
	if (request.ask == MASQ_ASK_HELP) {
		cli_portfw_usage_print(cli->out);
		return CLI_DONE;
	}
	if (request.ask == MASQ_ASK_LIST)
		return list(cli, request.numeric);
	return cli_change(cli, &request);
}
