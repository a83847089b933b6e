/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Not a benchmark of time: a run for callgrind. Each path has a function of its own that polls for a
 * known number of packets; tests/perf/count.py has the instructions of just these functions counted
 * and compares them with what the repository remembers. Everything is seeded, so a run does what the
 * one before did.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cpuflags.h>

#include <masq_dp_manual.h>

#include "bench.h"
#include "bench_box.h"

#define PASSES 4 /* of BENCH_BATCH packets */
#define SESSIONS 1024

/*
 * Functions whose instructions are counted. They must not be inlined, nor merged because they say
 * the same. Packets have been put into the queues before.
 */
#if __has_attribute(noipa)
#define ALONE __attribute__((noipa))
#else
#define ALONE __attribute__((noinline))
#endif

#define COUNTED(path)                                                                     \
	void bench_counted_##path(struct bench_box *box, const unsigned int *polls);      \
	ALONE void bench_counted_##path(struct bench_box *box, const unsigned int *polls) \
	{                                                                                 \
		for (uint32_t w = 0; w < box->workers; w++)                               \
			for (unsigned int k = 0; k < polls[w]; k++)                       \
				masq_dp_poll(box->dp, w, box->now_ms);                    \
	}

COUNTED(masquerade)
COUNTED(portfw)
COUNTED(routed)
COUNTED(session)
COUNTED(reply)
COUNTED(portfw_session)
COUNTED(portfw_reply)
COUNTED(workers)
COUNTED(tagged)
COUNTED(kinds)

typedef void counted(struct bench_box *box, const unsigned int *polls);

/* Everything that was put, and where it went. */
static void
run(struct bench_box *box, counted *f, unsigned int n)
{
	unsigned int polls[BENCH_WORKERS_MAX] = { 0 };

	for (uint32_t w = 0; w < box->workers; w++)
		polls[w] = bench_bursts(box, w);
	f(box, polls);
	if (bench_collect(box, bench_batch, n) != n)
		bench_fail("a packet did not come out");
}

static void
run_first(struct bench_box *box, enum bench_kind kind, struct bench_flow *flows, bool reply,
		counted *f)
{
	for (uint32_t first = 0; first < SESSIONS; first += BENCH_BATCH) {
		for (uint32_t k = 0; k < BENCH_BATCH; k++)
			bench_put_first(box, bench_port_of(kind, reply), bench_batch[k],
					reply ? &flows[first + k].reply : &flows[first + k].initial,
					reply);
		run(box, f, BENCH_BATCH);
		for (uint32_t k = 0; k < BENCH_BATCH && !reply; k++)
			flows[first + k].reply = bench_frame_reply(bench_batch[k]);
	}
}

static void
run_hits(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flows, counted *f)
{
	for (unsigned int pass = 0; pass < PASSES; pass++) {
		for (unsigned int k = 0; k < BENCH_BATCH; k++) {
			const struct bench_flow *flow = &flows[bench_random() % SESSIONS];
			bool reply = (k & 1) != 0;

			bench_put(box, bench_port_of(kind, reply), bench_batch[k],
					reply ? &flow->reply : &flow->initial);
		}
		run(box, f, BENCH_BATCH);
	}
}

static void
count_masquerade(void)
{
	/* Room for the flow that asks for the neighbours. */
	struct bench_box *box = bench_box_create(
			&(struct bench_box_options){ .sessions = 2 * SESSIONS });
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, SESSIONS + 1);

	bench_warm_up(box, BENCH_MASQUERADE, &flows[SESSIONS]);
	run_first(box, BENCH_MASQUERADE, flows, false, bench_counted_session);
	run_first(box, BENCH_MASQUERADE, flows, true, bench_counted_reply);
	bench_handshakes_end(box, BENCH_MASQUERADE, flows, SESSIONS);
	run_hits(box, BENCH_MASQUERADE, flows, bench_counted_masquerade);
	free(flows);
	bench_box_destroy(box);
}

static void
count_portfw(void)
{
	struct bench_box *box = bench_box_create(
			&(struct bench_box_options){ .sessions = 2 * SESSIONS });
	struct bench_flow *flows = bench_flows_make(BENCH_PORTFW, SESSIONS + 1);

	bench_warm_up(box, BENCH_PORTFW, &flows[SESSIONS]);
	run_first(box, BENCH_PORTFW, flows, false, bench_counted_portfw_session);
	run_first(box, BENCH_PORTFW, flows, true, bench_counted_portfw_reply);
	bench_handshakes_end(box, BENCH_PORTFW, flows, SESSIONS);
	run_hits(box, BENCH_PORTFW, flows, bench_counted_portfw);
	free(flows);
	bench_box_destroy(box);
}

static void
count_routed(void)
{
	struct bench_box *box = bench_box_create(
			&(struct bench_box_options){ .sessions = 4 * SESSIONS });
	struct bench_flow *flows = bench_flows_make(BENCH_ROUTED, SESSIONS);

	bench_warm_up(box, BENCH_ROUTED, &flows[0]);
	bench_replies_make(box, BENCH_ROUTED, flows, SESSIONS);
	run_hits(box, BENCH_ROUTED, flows, bench_counted_routed);
	free(flows);
	bench_box_destroy(box);
}

/* Established masqueraded flows of one more box. */
static void
count_hits(const struct bench_box_options *options, counted *f)
{
	struct bench_box *box = bench_box_create(options);
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, SESSIONS);

	bench_warm_up(box, BENCH_MASQUERADE, &flows[0]);
	bench_sessions_make(box, BENCH_MASQUERADE, flows, SESSIONS);
	bench_replies_make(box, BENCH_MASQUERADE, flows, SESSIONS);
	run_hits(box, BENCH_MASQUERADE, flows, f);
	free(flows);
	bench_box_destroy(box);
}

/* New flows where each inside host is counted by a rule of its own: of the 64 flows of a host, the first
 * with each protocol is the first of its kind. */
static void
count_kinds(void)
{
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, SESSIONS + 1);
	struct bench_box *box;
	char rules[4096];
	size_t n = 0;

	for (uint32_t k = 0; k <= SESSIONS / 64; k++)
		n += (size_t)snprintf(rules + n, sizeof(rules) - n,
				"ipchains -A input -s 10.0.0.%u\n", k + 1);
	snprintf(rules + n, sizeof(rules) - n, "%s", bench_rule_text);
	box = bench_box_create(
			&(struct bench_box_options){ .sessions = 2 * SESSIONS, .rules = rules });
	bench_warm_up(box, BENCH_MASQUERADE, &flows[SESSIONS]);
	run_first(box, BENCH_MASQUERADE, flows, false, bench_counted_kinds);
	free(flows);
	bench_box_destroy(box);
}

void
bench_count(const struct bench_options *options)
{
	(void)options;
	/* What the code is told of the processor: it chooses its instructions by that. */
	printf("{\"cpu_flags\": \"sse4.2:%d avx2:%d avx512f:%d bmi2:%d\", \"packets\": %d}\n",
			rte_cpu_get_flag_enabled(RTE_CPUFLAG_SSE4_2),
			rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2),
			rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F),
			rte_cpu_get_flag_enabled(RTE_CPUFLAG_BMI2), PASSES * BENCH_BATCH);
	count_masquerade();
	count_portfw();
	count_routed();
	count_hits(
			&(struct bench_box_options){
					.workers = 2, .sessions = 2 * SESSIONS, .rss = true },
			bench_counted_workers);
	count_hits(&(struct bench_box_options){ .sessions = 2 * SESSIONS, .vlan = 42 },
			bench_counted_tagged);
	count_kinds();
}
