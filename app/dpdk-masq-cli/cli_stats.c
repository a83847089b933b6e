/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats show, stats memory, drops show.
 *
 * Counters are printed under the daemon's names, one per line, the total and then each worker; new
 * counters of the daemon appear here automatically.
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static void
print_stats(struct cli *cli, const json_t *result)
{
	json_t *total = json_object_get(result, "total");
	const json_t *workers = json_object_get(result, "workers");
	const size_t n_workers = json_array_size(workers);
	const char *key;
	json_t *value;
	char age[24];

	fprintf(cli->out, "up %s\n%-18s %15s", cli_duration(cli_number(result, "uptime_ms"), age),
			"", "total");
	for (size_t i = 0; i < n_workers && n_workers > 1; i++)
		fprintf(cli->out, "       worker %zu", i);
	fputc('\n', cli->out);
	json_object_foreach(total, key, value)
	{
		fprintf(cli->out, "%-18s %15" JSON_INTEGER_FORMAT, key, json_integer_value(value));
		for (size_t i = 0; i < n_workers && n_workers > 1; i++)
			fprintf(cli->out, " %14" PRIu64,
					cli_number(json_array_get(workers, i), key));
		fputc('\n', cli->out);
	}
}

static void
print_memory(struct cli *cli, json_t *result)
{
	const char *key;
	json_t *value;

	json_object_foreach(result, key, value)
	{
		const double mb = (double)json_integer_value(value) / 1e6;

		if (strcmp(key, "session-capacity") == 0 || strcmp(key, "bytes-per-session") == 0)
			fprintf(cli->out, "%-18s %12" JSON_INTEGER_FORMAT "\n", key,
					json_integer_value(value));
		else
			fprintf(cli->out, "%-18s %12.1f MB\n", key, mb);
	}
}

int
cli_stats(struct cli *cli, const char *const *words, unsigned int n_words)
{
	const bool show = n_words > 1 && strcmp(words[1], "show") == 0;
	const bool is_verb = show || (n_words > 1 && strcmp(words[1], "memory") == 0);
	json_t *result;
	int code;

	if (n_words != 2 || !is_verb)
		return cli_wrong_word(cli, words, n_words, is_verb ? 2 : 1,
				is_verb ? "nothing more" : "show or memory");
	code = cli_call(cli, show ? "stats.get" : "stats.memory", NULL, &result);
	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	else if (code == CLI_DONE && show)
		print_stats(cli, result);
	else if (code == CLI_DONE)
		print_memory(cli, result);
	json_decref(result);
	return code;
}

static void
drop_row(struct cli *cli, json_t *row, void *arg)
{
	const uint64_t packets = cli_number(row, "packets");
	uint64_t *sum = arg;

	*sum += packets;
	fprintf(cli->out, "%-20s %12" PRIu64 "  %s\n", cli_string(row, "reason"), packets,
			cli_string(row, "text"));
}

int
cli_drops(struct cli *cli, const char *const *words, unsigned int n_words)
{
	const bool all = n_words == 3 && strcmp(words[2], "all") == 0;
	uint64_t sum = 0;
	int code;

	if (n_words < 2 || strcmp(words[1], "show") != 0)
		return cli_wrong_word(cli, words, n_words, 1, "show");
	if (n_words > 2 && !all)
		return cli_wrong_word(cli, words, n_words, n_words > 3 ? 3 : 2,
				n_words > 3 ? "nothing more" : "all, which also shows the zeros");
	code = cli_list(cli, "drops.list", all ? NULL : json_pack("{s:b}", "all", 0), "drops",
			drop_row, &sum);
	if (code == CLI_DONE && !cli->json)
		fprintf(cli->out, "%-20s %12" PRIu64 "\n", "sum", sum);
	return code;
}
