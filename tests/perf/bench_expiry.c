/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All sessions end at the same moment: how long is the longest poll, and are all of them gone?
 *
 * Sessions are made within one millisecond of the box's clock, all of UDP. Before that as many others
 * were made, which ended in random order, so that records and halves lie anywhere in memory, as in a box
 * that has run for a while. Then the clock goes to the end of their timeout and on by a millisecond, with
 * as many polls as that has work for, until nothing is left. What poll number k
 * does is the same each time, so the whole is repeated with a new box, and the time of a poll is the
 * least of its repetitions: whoever took the processor away meanwhile did not do it in all of them.
 * The longest of these times is the figure.
 */
#include <stdlib.h>

#include <rte_cycles.h>

#include <masq_dp_manual.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"
#include "bench_watch.h"

#define REPEATS 8
#define TIMEOUT_MS 300000
#define POLLS_MAX 200000
#define EARLY_MS 300 /* a slot of the wheel and some */
#define GROUPS 64

static const char rules[] = "route add 10.0.0.0/8 via 192.168.1.254\n"
			    "ipchains -A forward -s 10.0.0.0/8 -j MASQ\n";

/* UDP only: the kinds of flows have TCP too, which lives longer. */
static void
knock(struct bench_box *box, const uint32_t *flows, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		struct masq_tuple tuple = bench_flow_tuple(BENCH_MASQUERADE, 2 * flows[k]);

		bench_put(box, BENCH_LAN, bench_batch[k], &tuple);
	}
	bench_run(box, n, bench_batch);
}

static void
make(struct bench_box *box, uint32_t sessions)
{
	struct bench_flow flow = { .initial = bench_flow_tuple(BENCH_MASQUERADE, 0) };
	uint32_t flows[BENCH_BATCH];

	bench_warm_up(box, BENCH_MASQUERADE, &flow);
	for (uint32_t first = 0; first < sessions; first += BENCH_BATCH) {
		for (uint32_t k = 0; k < BENCH_BATCH; k++)
			flows[k] = first + k;
		knock(box, flows, BENCH_BATCH);
	}
}

/* Sessions that end in random order: each belongs to a group that is used for the last time together. */
static void
shuffle(struct bench_box *box, uint32_t sessions)
{
	uint8_t *group = malloc(sessions);
	uint64_t random = 1; /* the same order in all repetitions */
	uint32_t flows[BENCH_BATCH], n = 0;

	if (group == NULL)
		bench_fail("no memory");
	for (uint32_t i = 0; i < sessions; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		group[i] = (uint8_t)((random >> 32) % GROUPS);
	}
	make(box, sessions);
	for (unsigned int g = 0; g < GROUPS; g++) {
		for (uint32_t i = 0; i < sessions; i++) {
			if (group[i] != g)
				continue;
			flows[n++] = i;
			if (n < BENCH_BATCH)
				continue;
			knock(box, flows, n);
			n = 0;
		}
		if (n > 0)
			knock(box, flows, n);
		n = 0;
		box->now_ms += EARLY_MS;
	}
	free(group);
	for (box->now_ms += TIMEOUT_MS - GROUPS * EARLY_MS; bench_counters(box).sessions > 0;
			box->now_ms++) {
		struct rte_mbuf *none[1];

		masq_dp_poll(box->dp, 0, box->now_ms);
		if (bench_collect(box, none, 1) != 0) /* it answers ARP */
			bench_fail("a packet came out that nobody sent");
	}
}

/*
 * @param cycles	in/out: the least of each poll, from the first that found some
 * @param took_ms	out: milliseconds until all had gone
 * @return polls
 */
static uint32_t
expire(struct bench_box *box, uint32_t sessions, uint64_t *cycles, uint32_t *took_ms)
{
	uint64_t end = box->now_ms + TIMEOUT_MS - EARLY_MS;
	uint64_t before = bench_counters(box).sessions_expired, gone = 0, now_gone;
	uint32_t polls = 0;

	/* The clock jumps here, as none does that goes by itself; what that costs is not the question. */
	masq_dp_poll(box->dp, 0, end);
	if (bench_counters(box).sessions_expired != before)
		bench_fail("sessions ended before their time");
	for (*took_ms = 0; gone < sessions; ++*took_ms) {
		do {
			struct bench_watch watch;
			uint64_t took;

			if (polls == POLLS_MAX)
				bench_fail("of %u sessions %lu expired", sessions,
						(unsigned long)gone);
			bench_watch_start(&watch);
			masq_dp_poll(box->dp, 0, end + 1 + *took_ms);
			took = bench_watch_stop(&watch);
			cycles[polls] = RTE_MIN(cycles[polls], took);
			polls++;
			now_gone = bench_counters(box).sessions_expired - before;
			if (now_gone == gone)
				break;
			gone = now_gone;
		} while (gone < sessions);
	}
	return polls;
}

void
bench_expiry(const struct bench_options *options)
{
	uint64_t *cycles = malloc(POLLS_MAX * sizeof(*cycles));
	struct bench_rounds busy = { 0 }; /* polls that ended sessions, us */
	uint32_t n = options->sessions, polls = 0, took_ms = 0;
	uint64_t longest = 0;
	const char *at = bench_text("%u sessions", n);
	double left = 0;

	if (cycles == NULL)
		bench_fail("no memory");
	for (uint32_t k = 0; k < POLLS_MAX; k++)
		cycles[k] = UINT64_MAX;
	for (unsigned int r = 0; r < (options->smoke ? 1 : REPEATS); r++) {
		struct bench_box *box = bench_box_create(
				&(struct bench_box_options){ .sessions = n, .rules = rules });

		shuffle(box, n);
		make(box, n);
		polls = expire(box, n, cycles, &took_ms);
		left += (double)bench_counters(box).sessions;
		bench_box_destroy(box);
	}
	for (uint32_t k = 0; k < polls; k++)
		longest = RTE_MAX(longest, cycles[k]);
	for (uint32_t k = 0; k < polls; k++)
		if (cycles[k] > longest / 4)
			bench_rounds_add(&busy, bench_watch_us(cycles[k]));
	free(cycles);
	bench_row(&(struct bench_row){
			.topic = "expiry",
			.what = "all sessions end at once, longest poll",
			.at = at,
			.x = n,
			.unit = "us",
			.value = bench_stats_one(bench_watch_us(longest)),
			.bar = BENCH_AT_MOST,
			.limit = 50,
			.note = bench_text("spread over %.1f s; a poll mostly takes %.1f us",
					took_ms / 1000.0, bench_stats_of(&busy).median),
	});
	bench_row(&(struct bench_row){
			.topic = "expiry",
			.what = "sessions left after that",
			.at = at,
			.x = n,
			.unit = "sessions",
			.value = bench_stats_one(left),
			.bar = BENCH_IS,
			.limit = 0,
	});
}
