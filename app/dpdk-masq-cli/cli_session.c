/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session show, session flush.
 *
 * Filters are pairs of words, "inside 192.168.1.0/24 outside-port 80 state ESTABLISHED". The daemon
 * defines their names and forms, and refuses unknown ones. Its names have an underscore where users
 * type a dash; both are accepted.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

void
cli_session_header_print(FILE *out)
{
	fprintf(out, "%-5s %-8s %-12s %-21s %-21s %-21s %7s %8s %8s %7s %7s\n", "proto", "kind",
			"state", "inside", "masqueraded as", "outside", "expires", "packets>",
			"<packets", "bytes>", "<bytes");
}

static const char *
end_text(const json_t *row, const char *address, const char *port, char text[32])
{
	if (cli_string(row, address)[0] == '\0')
		return "-";
	snprintf(text, 32, "%s:%" PRIu64, cli_string(row, address), cli_number(row, port));
	return text;
}

void
cli_session_row_print(FILE *out, const json_t *row)
{
	char inside[32], masq[32], outside[32], expires[24], n[4][24];

	fprintf(out, "%-5s %-8s %-12s %-21s %-21s %-21s %7s %8s %8s %7s %7s\n",
			cli_string(row, "protocol"), cli_string(row, "kind"),
			cli_string(row, "state"), end_text(row, "inside", "inside_port", inside),
			end_text(row, "masq", "masq_port", masq),
			end_text(row, "outside", "outside_port", outside),
			cli_duration(cli_number(row, "expires_ms"), expires),
			cli_short_count(cli_number(row, "initial_packets"), n[0]),
			cli_short_count(cli_number(row, "reply_packets"), n[1]),
			cli_short_count(cli_number(row, "initial_bytes"), n[2]),
			cli_short_count(cli_number(row, "reply_bytes"), n[3]));
}

static void
session_row(struct cli *cli, json_t *row, void *arg)
{
	bool *begun = arg;

	if (!*begun)
		cli_session_header_print(cli->out);
	*begun = true;
	cli_session_row_print(cli->out, row);
}

/* A port as a number; anything else as text, which the daemon refuses or understands. */
static json_t *
filter_value(const char *key, const char *word)
{
	const size_t len = strlen(key), digits = strspn(word, "0123456789");
	const bool is_port = len > 5 && strcmp(key + len - 5, "_port") == 0;

	if (is_port && digits > 0 && digits < 10 && word[digits] == '\0')
		return json_integer((json_int_t)strtoul(word, NULL, 10));
	return json_string(word);
}

/* Add one filter. It must not get lost: a flush would end the sessions that it protects. */
static int
add_filter(struct cli *cli, json_t *filter, const char *const *words, unsigned int n_words)
{
	char key[32];

	if (n_words == 1)
		return cli_usage(cli, "session", "\"%s\" needs a value", words[0]);
	snprintf(key, sizeof(key), "%s", words[0]);
	for (char *c = key; *c != '\0'; c++)
		*c = *c == '-' ? '_' : *c;
	/* If the last of two filters won, a flush would end sessions that do not match both. */
	if (json_object_get(filter, key) != NULL)
		return cli_usage(cli, "session", "\"%s\" is given twice", words[0]);
	if (json_object_set_new(filter, key, filter_value(key, words[1])) != 0)
		return cli_usage(cli, "session", "\"%s %s\" is not UTF-8 text", words[0], words[1]);
	return CLI_DONE;
}

/* @return NULL: wrong words, reported on stderr */
static json_t *
read_filter(struct cli *cli, const char *const *words, unsigned int n_words)
{
	json_t *filter = json_object();

	for (unsigned int i = 0; i < n_words; i += 2)
		if (add_filter(cli, filter, words + i, n_words - i) != CLI_DONE) {
			json_decref(filter);
			return NULL;
		}
	return filter;
}

int
cli_session(struct cli *cli, const char *const *words, unsigned int n_words)
{
	const char *verb = n_words > 1 ? words[1] : "";
	json_t *filter, *result;
	bool begun = false;
	int code;

	if (strcmp(verb, "show") != 0 && strcmp(verb, "flush") != 0)
		return cli_wrong_word(cli, words, n_words, 1, "show or flush");
	filter = read_filter(cli, words + 2, n_words - 2);
	if (filter == NULL)
		return CLI_USAGE;
	if (strcmp(verb, "show") == 0)
		return cli_list(cli, "session.list", json_pack("{s:o}", "filter", filter),
				"sessions", session_row, &begun);
	code = cli_call(cli, "session.flush", json_pack("{s:o}", "filter", filter), &result);
	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	else if (code == CLI_DONE)
		fprintf(cli->out, "%" PRIu64 " session%s ended\n", cli_number(result, "flushed"),
				cli_number(result, "flushed") == 1 ? "" : "s");
	json_decref(result);
	return code;
}
