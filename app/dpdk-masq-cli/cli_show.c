/* SPDX-License-Identifier: BSD-3-Clause */
/* port, route, neigh, timeout: tables of the box itself. */
#include <inttypes.h>
#include <string.h>

#include <masq_conf_names.h>

#include "cli.h"

static bool
is_show(const char *const *words, unsigned int n_words)
{
	return n_words > 1 && strcmp(words[1], "show") == 0;
}

/* ---------------------------------------------------------------- port */

static void
port_row(struct cli *cli, json_t *row, void *arg)
{
	char n[4][24], speed[16] = "";
	const json_t *address;
	size_t i;

	(void)arg;
	if (cli_number(row, "mbps") > 0)
		snprintf(speed, sizeof(speed), " %" PRIu64 " Mb/s", cli_number(row, "mbps"));
	fprintf(cli->out, "%s: %s (%s), link %s%s, %s, mtu %" PRIu64, cli_string(row, "name"),
			cli_string(row, "device"), cli_string(row, "driver"),
			cli_string(row, "link"), speed, cli_string(row, "mac"),
			cli_number(row, "mtu"));
	if (cli_number(row, "vlan") > 0)
		fprintf(cli->out, ", vlan %" PRIu64, cli_number(row, "vlan"));
	fputs("\n    addresses:", cli->out);
	json_array_foreach(json_object_get(row, "addresses"), i, address)
			fprintf(cli->out, " %s", json_string_value(address));
	fprintf(cli->out, "\n    queues: %" PRIu64 " receive, %" PRIu64 " transmit, spread by %s\n",
			cli_number(row, "rx-queues"), cli_number(row, "tx-queues"),
			json_is_true(json_object_get(row, "hardware-rss")) ? "the NIC"
									   : "software");
	fprintf(cli->out,
			"    received: %s packets, %s bytes, %" PRIu64 " missed, %" PRIu64
			" errors\n",
			cli_short_count(cli_number(row, "rx-packets"), n[0]),
			cli_short_count(cli_number(row, "rx-bytes"), n[1]),
			cli_number(row, "rx-missed"), cli_number(row, "rx-errors"));
	fprintf(cli->out, "    sent:     %s packets, %s bytes, %" PRIu64 " errors\n",
			cli_short_count(cli_number(row, "tx-packets"), n[2]),
			cli_short_count(cli_number(row, "tx-bytes"), n[3]),
			cli_number(row, "tx-errors"));
}

int
cli_port(struct cli *cli, const char *const *words, unsigned int n_words)
{
	if (n_words != 2 || !is_show(words, n_words))
		return cli_wrong_word(cli, words, n_words, is_show(words, n_words) ? 2 : 1,
				is_show(words, n_words) ? "nothing more" : "show");
	return cli_list(cli, "port.list", NULL, "ports", port_row, NULL);
}

/* ---------------------------------------------------------------- route */

static void
route_row(struct cli *cli, json_t *row, void *arg)
{
	const char *destination = cli_string(row, "destination");
	const char *gateway = cli_string(row, "gateway");
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];
	struct masq_ip4_prefix prefix;

	(void)arg;
	/* Shown as users type it; in JSON it is a prefix like all others. */
	if (masq_ip4_prefix_parse(destination, &prefix) == 0)
		destination = masq_conf_route_text(prefix, text);
	fprintf(cli->out, "%-18s %-15s %-15s %s\n", destination, gateway[0] != '\0' ? gateway : "-",
			cli_string(row, "port"), cli_string(row, "kind"));
}

static int
route_show(struct cli *cli)
{
	struct masq_err err = { "" };
	json_t *result;
	const int code = cli_call_quiet(cli, "daemon.version", NULL, &result, &err);

	json_decref(result);
	if (code != CLI_DONE)
		return cli_fail(cli, code, "%s", err.text);
	if (!cli->json)
		fprintf(cli->out, "%-18s %-15s %-15s %s\n", "destination", "gateway", "port",
				"kind");
	return cli_list(cli, "route.list", NULL, "routes", route_row, NULL);
}

int
cli_route(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct masq_conf_request request;
	int code;

	if (n_words < 2)
		return cli_wrong_word(cli, words, n_words, 1, "show, add or del");
	code = cli_words_read(cli, words, n_words, &request);
	if (code != CLI_DONE)
		return code;
	return request.ask == MASQ_ASK_LIST ? route_show(cli) : cli_change(cli, &request);
}

/* ---------------------------------------------------------------- neigh */

static void
neigh_row(struct cli *cli, json_t *row, void *arg)
{
	bool *begun = arg;
	const char *mac = cli_string(row, "mac");
	char age[24];

	if (!*begun)
		fprintf(cli->out, "%-15s %-15s %-17s %-12s %s\n", "address", "port", "mac", "state",
				"confirmed");
	*begun = true;
	fprintf(cli->out, "%-15s %-15s %-17s %-12s %s\n", cli_string(row, "address"),
			cli_string(row, "port"), mac[0] != '\0' ? mac : "-",
			cli_string(row, "state"),
			mac[0] != '\0' ? cli_duration(cli_number(row, "confirmed_ms"), age) : "-");
}

int
cli_neigh(struct cli *cli, const char *const *words, unsigned int n_words)
{
	bool begun = false;
	json_t *one;

	if (n_words == 2 && strcmp(words[1], "show") == 0)
		return cli_list(cli, "neigh.list", NULL, "neighbours", neigh_row, &begun);
	if (n_words == 2 && strcmp(words[1], "flush") == 0)
		return cli_do(cli, "neigh.flush", NULL);
	if (n_words == 3 && strcmp(words[1], "flush") == 0) {
		one = json_pack("{s:s}", "address", words[2]);
		/* Without the address it would flush all. */
		return one != NULL ? cli_do(cli, "neigh.flush", one)
				   : cli_usage(cli, "neigh", "\"%s\" is not UTF-8 text", words[2]);
	}
	if (n_words > 2 && (is_show(words, n_words) || strcmp(words[1], "flush") == 0))
		return cli_wrong_word(cli, words, n_words, is_show(words, n_words) ? 2 : 3,
				"nothing more");
	return cli_wrong_word(cli, words, n_words, 1, "show or flush");
}

/* ---------------------------------------------------------------- timeout */

static int
timeout_show(struct cli *cli)
{
	json_t *result, *value;
	const char *key;
	int code = cli_call(cli, "timeout.list", NULL, &result);

	if (code == CLI_DONE && cli->json) {
		cli_print_json(cli, result);
	} else if (code == CLI_DONE) {
		json_object_foreach(json_object_get(result, "timeouts"), key, value)
				fprintf(cli->out, "%-16s %8" JSON_INTEGER_FORMAT " s\n", key,
						json_integer_value(value));
	}
	json_decref(result);
	return code;
}

int
cli_timeout(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct masq_conf_request request;
	int code;

	if (n_words < 2)
		return cli_wrong_word(cli, words, n_words, 1, "show or set");
	code = cli_words_read(cli, words, n_words, &request);
	if (code != CLI_DONE)
		return code;
	return request.ask == MASQ_ASK_LIST ? timeout_show(cli) : cli_change(cli, &request);
}
