/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * top: what is going on now, refreshed each second.
 *
 * A round queries counters, drops and ports and shows the differences to the previous round,
 * measured by the daemon's own clock. On a terminal each round overwrites the previous one;
 * otherwise they are printed one after the other, so "top -n 3 > file" is useful. With -j each
 * round is a document on a line of its own. Ends with q, Ctrl-C, after -n rounds, or when the
 * daemon goes.
 *
 * Keys. The terminal is switched to deliver each key at once, without waiting for a line; its
 * settings are restored however the walk ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"

#define ROUND_MS 1000

struct top {
	json_t *stats, *drops, *ports; /* this round */
	json_t *old_stats, *old_drops, *old_ports;
};

static void
forget(json_t **stats, json_t **drops, json_t **ports)
{
	json_decref(*stats);
	json_decref(*drops);
	json_decref(*ports);
	*stats = *drops = *ports = NULL;
}

static int
ask(struct cli *cli, struct top *top)
{
	int code;

	forget(&top->old_stats, &top->old_drops, &top->old_ports);
	top->old_stats = top->stats;
	top->old_drops = top->drops;
	top->old_ports = top->ports;
	top->stats = top->drops = top->ports = NULL;
	code = cli_call(cli, "stats.get", NULL, &top->stats);
	if (code == CLI_DONE)
		code = cli_call(cli, "drops.list", NULL, &top->drops);
	if (code == CLI_DONE)
		code = cli_call(cli, "port.list", NULL, &top->ports);
	return code;
}

/* Growth of a counter per second. */
static const char *
rate(const json_t *now, const json_t *before, const char *key, uint64_t elapsed_ms, char text[24])
{
	const uint64_t a = cli_number(before, key), b = cli_number(now, key);

	if (before == NULL || elapsed_ms == 0 || b < a)
		return "-";
	return cli_short_count((b - a) * 1000 / elapsed_ms, text);
}

static void
print_workers(FILE *out, const struct top *top, uint64_t elapsed_ms)
{
	static const char *const columns[] = { "rx", "tx", "drops", "punted", "hits", "misses",
		"handoffs", "sessions-created" };
	static const char *const titles[] = { "rx", "tx", "drops", "punted", "hits", "misses",
		"handoffs", "new" };
	const json_t *rows = json_object_get(top->stats, "workers");
	const json_t *old = json_object_get(top->old_stats, "workers");
	const size_t n_rows = json_array_size(rows);

	fprintf(out, "\n%-8s", "a second");
	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
		fprintf(out, " %8s", titles[c]);
	fputs("     held sessions\n", out);
	for (size_t i = 0; i <= n_rows; i++) {
		const json_t *now = i < n_rows ? json_array_get(rows, i)
					       : json_object_get(top->stats, "total");
		const json_t *before = i < n_rows ? json_array_get(old, i)
						  : json_object_get(top->old_stats, "total");
		char text[24];

		if (i < n_rows)
			fprintf(out, "worker %zu", i);
		else
			fprintf(out, "%-8s", "all");
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
			fprintf(out, " %8s", rate(now, before, columns[c], elapsed_ms, text));
		fprintf(out, " %8s", cli_short_count(cli_number(now, "held"), text));
		fprintf(out, " %8s\n", cli_short_count(cli_number(now, "sessions"), text));
	}
}

static void
print_ports(FILE *out, const struct top *top, uint64_t elapsed_ms)
{
	static const char *const columns[] = { "rx-packets", "rx-bytes", "rx-missed", "tx-packets",
		"tx-bytes" };
	const json_t *rows = json_object_get(top->ports, "ports");
	const json_t *old = json_object_get(top->old_ports, "ports");

	fprintf(out, "\n%-15s link", "port");
	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
		fprintf(out, " %10s", columns[c]);
	fputc('\n', out);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *now = json_array_get(rows, i);
		char text[24];

		fprintf(out, "%-15s %-4s", cli_string(now, "name"), cli_string(now, "link"));
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
			fprintf(out, " %10s",
					rate(now, json_array_get(old, i), columns[c], elapsed_ms,
							text));
		fputc('\n', out);
	}
}

static void
print_drops(FILE *out, const struct top *top, uint64_t elapsed_ms)
{
	const json_t *rows = json_object_get(top->drops, "drops");
	const json_t *old = json_object_get(top->old_drops, "drops");

	fprintf(out, "\n%-20s %8s %12s\n", "drops", "a second", "in all");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *now = json_array_get(rows, i);
		char text[24];

		if (cli_number(now, "packets") == 0)
			continue;
		fprintf(out, "%-20s %8s %12" PRIu64 "\n", cli_string(now, "reason"),
				rate(now, json_array_get(old, i), "packets", elapsed_ms, text),
				cli_number(now, "packets"));
	}
}

static void
print_round(struct cli *cli, const struct top *top, bool terminal)
{
	const uint64_t now_ms = cli_number(top->stats, "now_ms");
	const uint64_t elapsed_ms = top->old_stats == NULL
			? 0
			: now_ms - cli_number(top->old_stats, "now_ms");
	char age[24];

	if (terminal)
		fputs("\033[H\033[J", cli->out);
	fprintf(cli->out, "dpdk-masq on %s, up %s%s\n", cli->socket,
			cli_duration(cli_number(top->stats, "uptime_ms"), age),
			terminal ? "      q: quit" : "");
	print_workers(cli->out, top, elapsed_ms);
	print_ports(cli->out, top, elapsed_ms);
	print_drops(cli->out, top, elapsed_ms);
	if (!terminal)
		fputc('\n', cli->out);
	fflush(cli->out);
}

/* Print a round as one document, on one line. */
static void
print_round_json(struct cli *cli, const struct top *top)
{
	json_t *round = json_copy(top->stats), *drops = json_array(), *row;
	size_t i;

	json_array_foreach(json_object_get(top->drops, "drops"), i, row)
	{
		if (cli_number(row, "packets") != 0)
			json_array_append(drops, row);
	}
	json_object_set_new(round, "drops", drops);
	json_object_set(round, "ports", json_object_get(top->ports, "ports"));
	json_dumpf(round, cli->out, JSON_COMPACT);
	fputc('\n', cli->out);
	fflush(cli->out);
	json_decref(round);
}

/* ---------------------------------------------------------------- the terminal */

struct terminal {
	bool is_one;
	struct termios before;
	struct sigaction before_int;
};

static void
note_interrupt(int number)
{
	(void)number;
	cli_interrupted = 1;
}

static void
terminal_take(struct terminal *terminal)
{
	/* Interrupts poll(), which is never restarted, but no write(). */
	const struct sigaction interrupt = {
		.sa_handler = note_interrupt,
		.sa_flags = SA_RESTART,
	};
	struct termios keys;

	if (!terminal->is_one || tcgetattr(STDIN_FILENO, &terminal->before) != 0) {
		terminal->is_one = false;
		return;
	}
	keys = terminal->before;
	keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	sigaction(SIGINT, &interrupt, &terminal->before_int);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
}

static void
terminal_give_back(const struct terminal *terminal)
{
	if (!terminal->is_one)
		return;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
	sigaction(SIGINT, &terminal->before_int, NULL);
}

/* @return false: the user wants to stop */
static bool
pause_round(bool terminal)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	const int n = poll(&keys, terminal ? 1 : 0, ROUND_MS);
	char c;

	if (n <= 0)
		return !cli_interrupted;
	return read(STDIN_FILENO, &c, 1) == 1 && c != 'q' && c != 'Q';
}

static int
rounds_run(struct cli *cli, unsigned long rounds, bool terminal)
{
	struct top top = { 0 };
	int code = CLI_DONE;

	for (unsigned long i = 0; code == CLI_DONE && (rounds == 0 || i < rounds); i++) {
		if ((i > 0 && !pause_round(terminal)) || ferror(cli->out))
			break;
		code = ask(cli, &top);
		if (code == CLI_DONE && cli->json)
			print_round_json(cli, &top);
		else if (code == CLI_DONE)
			print_round(cli, &top, terminal);
	}
	forget(&top.stats, &top.drops, &top.ports);
	forget(&top.old_stats, &top.old_drops, &top.old_ports);
	return code;
}

int
cli_top(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct terminal terminal = {
		.is_one = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) && !cli->json,
	};
	const bool is_n = n_words > 1 && strcmp(words[1], "-n") == 0;
	unsigned long rounds = 0;
	char *end = NULL;
	int code;

	if (n_words == 3 && is_n)
		rounds = strtoul(words[2], &end, 10);
	if (n_words != 1 && (end == NULL || *end != '\0' || rounds == 0 || rounds > 1000000))
		return cli_wrong_word(cli, words, n_words, is_n ? n_words > 3 ? 3 : 2 : 1,
				!is_n                         ? "-n ROUNDS, or nothing"
						: n_words > 3 ? "nothing more"
							      : "a number of rounds, 1-1000000");
	cli_interrupted = 0;
	terminal_take(&terminal);
	code = rounds_run(cli, rounds, terminal.is_one);
	terminal_give_back(&terminal);
	return code;
}
