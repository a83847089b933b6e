/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What long lists of hosts cost, in the input chain in front of the benchmark's own rules. Refused hosts
 * lie anywhere, and cost those who are not on the list. Counted hosts are the inside hosts themselves, a
 * rule for each, as a provider counts what its customers use: there all addresses of a network differ.
 *
 * Measured are the packets that ask rules, or the memory of what they said: the first of a session, the
 * first of the other direction, and routed ones. Boxes with lists of all lengths take turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"

#define REPEATS 5
#define PASSES 32
#define NEAR 1024 /* routed flows */
#define LINE_BYTES 64

struct list {
	const char *what; /* of its hosts */
	uint32_t hosts;
	bool counted;
};

/* The first is what the others are compared with. */
static const struct list lists[] = {
	{ "refused", 0, false },
	{ "refused", 100, false },
	{ "refused", 10000, false },
	{ "counted", 1000, true },
};

#define LISTS RTE_DIM(lists)

struct figures {
	struct bench_rounds first, answer, routed;
};

/* Hosts anywhere, but not in networks of the flows. */
static void
refused_host(char *text)
{
	static const uint32_t ours[] = { 10, 192, 198, 203 };
	uint64_t host;
	bool is_ours;

	do {
		host = bench_random() >> 16 & UINT32_MAX;
		is_ours = host >> 24 == 0 || host >> 24 == 127 || host >> 24 >= 224;
		for (unsigned int k = 0; k < RTE_DIM(ours); k++)
			is_ours |= host >> 24 == ours[k];
	} while (is_ours);
	masq_ip4_text((uint32_t)host, text);
}

static char *
rules_with(const struct list *list)
{
	size_t size = strlen(bench_rule_text) + 1 + (size_t)list->hosts * LINE_BYTES, n = 0;
	char *text = malloc(size);

	if (text == NULL)
		bench_fail("no memory for %u rules", list->hosts);
	for (uint32_t k = 0; k < list->hosts; k++) {
		char host[MASQ_IP4_TEXT_BYTES];

		if (list->counted)
			masq_ip4_text(MASQ_IP4(10, 0, 0, 1) + k, host);
		else
			refused_host(host);
		n += (size_t)snprintf(text + n, size - n, "ipchains -A input -s %s%s\n", host,
				list->counted ? "" : " -j DENY");
	}
	memcpy(text + n, bench_rule_text, strlen(bench_rule_text) + 1);
	return text;
}

/* Sessions of half of the table, and their answers; the later half counts. */
static void
measure_sessions(struct bench_box *box, uint32_t n, struct figures *f)
{
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, n + 1);
	double first[BENCH_ROUNDS_MAX], answer[BENCH_ROUNDS_MAX];
	unsigned int blocks = 0;

	bench_warm_up(box, BENCH_MASQUERADE, &flows[n]);
	for (uint32_t i = 0; i + BENCH_BATCH <= n; i += BENCH_BATCH) {
		double cycles = bench_sessions_make(box, BENCH_MASQUERADE, &flows[i], BENCH_BATCH);

		if (i < n / 2)
			continue;
		first[blocks] = cycles;
		answer[blocks++] = bench_replies_make(
				box, BENCH_MASQUERADE, &flows[i], BENCH_BATCH);
	}
	bench_rounds_add(&f->first, bench_median(first, blocks));
	bench_rounds_add(&f->answer, bench_median(answer, blocks));
	free(flows);
}

static void
measure_routed(struct bench_box *box, struct figures *f)
{
	struct bench_flow *flows = bench_flows_make(BENCH_ROUTED, NEAR);

	bench_warm_up(box, BENCH_ROUTED, &flows[0]);
	bench_replies_make(box, BENCH_ROUTED, flows, NEAR);
	bench_hit_round(box, BENCH_ROUTED, flows, NEAR, PASSES);
	bench_rounds_add(&f->routed, bench_hit_round(box, BENCH_ROUTED, flows, NEAR, PASSES));
	free(flows);
}

static void
tell(const char *what, unsigned int i, const struct bench_rounds *ours,
		const struct bench_rounds *without)
{
	bench_row(&(struct bench_row){
			.topic = "list",
			.what = bench_text("%s, hosts are %s", what, lists[i].what),
			.at = i == 0 ? "no list" : bench_text("%u hosts", lists[i].hosts),
			.x = lists[i].hosts,
			.unit = "cycles",
			.rounds = ours,
			.beside = i == 0 ? NULL : "no list",
			.against = without,
	});
}

void
bench_list(const struct bench_options *options)
{
	static struct figures figures[LISTS];
	uint32_t n = RTE_MIN(options->sessions / 2, (uint32_t)BENCH_ROUNDS_MAX * BENCH_BATCH);

	for (unsigned int r = 0; r < (options->smoke ? 1 : REPEATS); r++)
		for (unsigned int i = 0; i < LISTS; i++) {
			char *rules = rules_with(&lists[i]);
			struct bench_box *box = bench_box_create(&(struct bench_box_options){
					.sessions = options->sessions, .rules = rules });

			measure_sessions(box, n, &figures[i]);
			measure_routed(box, &figures[i]);
			bench_box_destroy(box);
			free(rules);
		}
	for (unsigned int i = 0; i < LISTS; i++)
		tell("new session", i, &figures[i].first, &figures[0].first);
	for (unsigned int i = 0; i < LISTS; i++)
		tell("first answer", i, &figures[i].answer, &figures[0].answer);
	for (unsigned int i = 0; i < LISTS; i++)
		tell("routed packet", i, &figures[i].routed, &figures[0].routed);
}
