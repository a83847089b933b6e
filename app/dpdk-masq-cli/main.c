/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-masq-cli: the operator's end of the control socket.
 *
 * Under its own name it reads "[-s SOCKET] [-j] COMMAND ...". Called as ipchains, ipmasqadm,
 * ipchains-save or ipchains-restore it behaves as that tool and reads only that tool's words; the
 * socket then comes from the environment. No DPDK is linked, so it starts in a millisecond.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <masq_stdio.h>

#include "cli.h"

/* @return the original tool of this name, or NULL */
static cli_command_fn
compat_tool(const char *name)
{
	static const struct {
		const char *name;
		cli_command_fn run;
	} tools[] = {
		{ "ipchains", cli_ipchains },
		{ "ipmasqadm", cli_ipmasqadm },
		{ "ipchains-save", cli_ipchains_save },
		{ "ipchains-restore", cli_ipchains_restore },
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(tools[i].name, name) == 0)
			return tools[i].run;
	return NULL;
}

/* Options end at the first word that is not one: all that follows belongs to the command. */
static int
run_cli(struct cli *cli, int argc, const char *const *argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0) {
			cli->json = true;
		} else if (strcmp(argv[i], "-s") == 0) {
			if (++i == argc)
				return cli_fail(cli, CLI_USAGE, "-s needs the path of a socket");
			cli->socket = argv[i];
		} else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			cli_help_print(stdout);
			return CLI_DONE;
		} else if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
			puts("dpdk-masq-cli " MASQ_VERSION);
			return CLI_DONE;
		} else {
			return cli_fail(cli, CLI_USAGE,
					"unknown option \"%s\"; accepted: -s SOCKET, -j, -h, -V",
					argv[i]);
		}
	}
	if (i < argc)
		return cli_run(cli, argv + i, (unsigned int)(argc - i));
	if (isatty(STDIN_FILENO))
		return cli_shell(cli);
	cli_help_print(stderr);
	return CLI_USAGE;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct cli cli = { .program = "dpdk-masq-cli", .out = stdout };
	cli_command_fn tool;
	int code;

	masq_stdio_open();
	signal(SIGPIPE, SIG_IGN);
	cli.socket = getenv(MASQ_RPC_SOCKET_VARIABLE);
	if (cli.socket == NULL || cli.socket[0] == '\0')
		cli.socket = MASQ_RPC_SOCKET_DEFAULT;
	name = name != NULL ? name + 1 : argc > 0 ? argv[0] : "";
	tool = compat_tool(name);
	if (tool != NULL) {
		const char **words = calloc((size_t)argc + 1, sizeof(*words));

		if (words == NULL)
			return CLI_REFUSED;
		memcpy(words, argv, (size_t)argc * sizeof(*words));
		words[0] = name;
		cli.program = name;
		code = tool(&cli, words, (unsigned int)argc);
		free(words);
	} else {
		code = run_cli(&cli, argc, (const char *const *)argv);
	}
	masq_rpc_client_close(cli.client);
	return cli_output_end(&cli, stdout, "standard output", code);
}
