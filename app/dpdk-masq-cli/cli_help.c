/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands: one table for execution, help, completion and the error sentence for unknown
 * commands.
 */
#include <string.h>

#include "cli.h"

/* clang-format off */
static const struct cli_command commands[] = {
	{ "ipchains", "-A|-I|-R|-D|-L|-F|-Z|-N|-X|-P|-C|-M ...",
		"Packet rules, in the syntax of Linux 2.2 (see ipchains -h).",
		"ipchains -A forward -s 192.168.1.0/24 -j MASQ\n"
		"ipchains -A input -i wan -p tcp -d 0.0.0.0/0 23 -j DENY -l\n"
		"ipchains -L -n -v\n"
		"ipchains -M -L -n\n",
		cli_ipchains },
	{ "portfw", "-a|-d|-f|-l ...",
		"Forward ports to inside servers, in turns (see portfw -h).",
		"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.1.10 80 -p 15\n"
		"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.1.11 80 -p 5\n"
		"portfw -l -n\n"
		"portfw -d -P tcp -L 203.0.113.1 80\n",
		cli_portfw },
	{ "session", "show [FILTER VALUE]...\nflush [FILTER VALUE]...",
		"Live sessions. Filters: protocol, inside, outside, masq (networks), inside-port, "
		"outside-port, masq-port, state, kind (masq, portfw, hairpin).",
		"session show inside 192.168.1.0/24 protocol tcp\n"
		"session show state ESTABLISHED outside-port 443\n"
		"session flush inside 192.168.1.7\n",
		cli_session },
	{ "port", "show",
		"Ports: device, link, addresses, counters.",
		"port show\n",
		cli_port },
	{ "route", "show\nadd NET/LEN [via GATEWAY] [dev PORT]\ndel NET/LEN [via GATEWAY] [dev PORT]",
		"Routes in force, and static ones of your own.",
		"route add 10.0.0.0/8 via 192.168.1.254\n"
		"route show\n",
		cli_route },
	{ "neigh", "show\nflush [ADDRESS]",
		"Neighbours and their link addresses.",
		"neigh show\n"
		"neigh flush 192.168.1.7\n",
		cli_neigh },
	{ "timeout", "show\nset NAME SECONDS [NAME SECONDS]...",
		"Seconds after which an idle session ends.",
		"timeout show\n"
		"timeout set udp 120 tcp-established 3600\n",
		cli_timeout },
	{ "stats", "show\nmemory",
		"Counters of all workers, and what the memory is used for.",
		"stats show\n"
		"-j stats show\n",
		cli_stats },
	{ "drops", "show [all]",
		"Why packets were dropped, by name.",
		"drops show\n",
		cli_drops },
	{ "top", "\n-n ROUNDS",
		"What is going on now, refreshed every second.",
		"top\n"
		"top -n 2\n",
		cli_top },
	{ "save", "[FILE]",
		"Write the rules in force as a rule file.",
		"save /etc/dpdk-masq/rules.masq\n",
		cli_save },
	{ "load", "FILE",
		"Replace all rules with those of a rule file: all of them or none.",
		"load /etc/dpdk-masq/rules.masq\n",
		cli_load },
	{ "check", "FILE",
		"Check whether load would succeed.",
		"check new.masq\n",
		cli_check },
	{ "proc", "NAME",
		"The text of /proc/net/NAME: ip_masquerade, ip_masq/portfw, ip_masq/app, "
		"ip_masq/tcp, ip_masq/udp, ip_masq/icmp, ip_fwchains, ip_fwnames.",
		"proc ip_masq/portfw\n",
		cli_proc },
	{ "version", "",
		"Versions of this program and of the daemon.",
		"version\n",
		cli_version },
	{ "shutdown", "",
		"Stop the daemon, and wait until it is gone.",
		"shutdown\n",
		cli_shutdown },
	{ "help", "[COMMAND]",
		"This text, or more about one command.",
		"help portfw\n",
		cli_help },
};

/* clang-format on */

const struct cli_command *
cli_commands(unsigned int *n)
{
	*n = sizeof(commands) / sizeof(commands[0]);
	return commands;
}

const struct cli_command *
cli_command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Print each line of a text, preceded by @p before. */
static void
print_lines(FILE *out, const char *text, const char *before)
{
	do {
		const size_t len = strcspn(text, "\n");

		fprintf(out, "%s%.*s\n", before, (int)len, text);
		text += len + (text[len] == '\n' ? 1 : 0);
	} while (*text != '\0');
}

void
cli_forms_print(FILE *out, const struct cli_command *command)
{
	const char *form = command->forms;

	do {
		const size_t len = strcspn(form, "\n");

		fprintf(out, "  %s%s%.*s\n", command->name, len > 0 ? " " : "", (int)len, form);
		form += len + (form[len] == '\n' ? 1 : 0);
	} while (*form != '\0');
}

void
cli_help_print(FILE *out)
{
	fputs("Usage: dpdk-masq-cli [-s SOCKET] [-j] COMMAND ...\n"
	      "       dpdk-masq-cli [-s SOCKET]                   a shell, on a terminal\n"
	      "\n"
	      "  -s SOCKET  the daemon's socket, default $" MASQ_RPC_SOCKET_VARIABLE
	      " or " MASQ_RPC_SOCKET_DEFAULT "\n"
	      "  -j         print JSON\n"
	      "\n",
			out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\n"
	      "First steps:\n"
	      "\n"
	      "  dpdk-masq-cli ipchains -A forward -s 192.168.1.0/24 -j MASQ     hide a network\n"
	      "  dpdk-masq-cli portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.1.10 80\n"
	      "                                                                  open a port\n"
	      "  dpdk-masq-cli session show                                      look\n"
	      "  dpdk-masq-cli save /etc/dpdk-masq/rules.masq                    keep it\n"
	      "  dpdk-masq-cli help session                                      read on\n"
	      "\n"
	      "Exit: 0 done, 1 refused, 2 usage, 3 no daemon. Called as ipchains, ipmasqadm,\n"
	      "ipchains-save or ipchains-restore, it acts as that tool.\n",
			out);
}

int
cli_help(struct cli *cli, const char *const *words, unsigned int n_words)
{
	const struct cli_command *command;

	if (n_words == 1) {
		cli_help_print(cli->out);
		return CLI_DONE;
	}
	if (n_words > 2)
		return cli_wrong_word(cli, words, n_words, 2, "nothing more");
	command = cli_command_find(words[1]);
	if (command == NULL)
		return cli_usage(cli, "help",
				"unknown command \"%.64s\"; \"help\" lists the commands", words[1]);
	fprintf(cli->out, "%s\n\n", command->help);
	cli_forms_print(cli->out, command);
	fputs("\nExamples:\n", cli->out);
	print_lines(cli->out, command->examples, "  dpdk-masq-cli ");
	return CLI_DONE;
}
