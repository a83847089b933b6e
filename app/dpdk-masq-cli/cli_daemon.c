/* SPDX-License-Identifier: BSD-3-Clause */
/* version, shutdown, proc. */
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "cli.h"

#define STOP_LOOKS 200
#define STOP_LOOK_MS 100

int
cli_version(struct cli *cli, const char *const *words, unsigned int n_words)
{
	json_t *result;
	char age[24];
	int code;

	(void)words;
	if (n_words != 1)
		return cli_usage(cli, "version", "takes no arguments");
	if (!cli->json)
		fprintf(cli->out, "dpdk-masq-cli %s\n", MASQ_VERSION);
	code = cli_call(cli, "daemon.version", NULL, &result);
	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	else if (code == CLI_DONE)
		fprintf(cli->out,
				"dpdk-masq %s, pid %" PRIu64 ", up %s, %" PRIu64 " port%s, %" PRIu64
				" worker%s, %s\n",
				cli_string(result, "version"), cli_number(result, "pid"),
				cli_duration(cli_number(result, "uptime_ms"), age),
				cli_number(result, "ports"),
				cli_number(result, "ports") == 1 ? "" : "s",
				cli_number(result, "workers"),
				cli_number(result, "workers") == 1 ? "" : "s",
				cli_string(result, "file"));
	json_decref(result);
	return code;
}

/* The daemon answers before it stops; the command is done when its socket is gone. */
int
cli_shutdown(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct masq_rpc_client *client;
	struct masq_err err;
	int code;

	(void)words;
	if (n_words != 1)
		return cli_usage(cli, "shutdown", "takes no arguments");
	code = cli_do(cli, "daemon.shutdown", NULL);
	if (code != CLI_DONE)
		return code;
	masq_rpc_client_close(cli->client);
	cli->client = NULL;
	for (unsigned int i = 0; i < STOP_LOOKS; i++) {
		if (masq_rpc_client_open(cli->socket, &client, &err) != 0)
			return CLI_DONE;
		masq_rpc_client_close(client);
		(void)poll(NULL, 0, STOP_LOOK_MS);
	}
	return cli_fail(cli, CLI_REFUSED, "the daemon still listens on %s after %d s", cli->socket,
			STOP_LOOKS * STOP_LOOK_MS / 1000);
}

int
cli_proc(struct cli *cli, const char *const *words, unsigned int n_words)
{
	if (n_words != 2)
		return cli_usage(cli, "proc", "needs one NAME");
	return cli_text(cli, "proc.read", json_pack("{s:o}", "name", masq_rpc_text(words[1])),
			cli->out);
}
