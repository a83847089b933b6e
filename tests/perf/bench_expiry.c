/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All sessions end at the same moment: how long is the longest poll, and are all of them gone?
 *
 * Sessions are made within one millisecond of the box's clock, all of UDP. Then the clock goes to the
 * end of their timeout and on by a millisecond a poll, until nothing is left. What poll number k
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

static const char rules[] = "route add 10.0.0.0/8 via 192.168.1.254\n"
			    "ipchains -A forward -s 10.0.0.0/8 -j MASQ\n";

/* UDP only: the kinds of flows have TCP too, which lives longer. */
static void
make(struct bench_box *box, uint32_t sessions)
{
	struct bench_flow flow = { .initial = bench_flow_tuple(BENCH_MASQUERADE, 0) };

	bench_warm_up(box, BENCH_MASQUERADE, &flow);
	for (uint32_t first = 0; first < sessions; first += BENCH_BATCH) {
		for (uint32_t k = 0; k < BENCH_BATCH; k++) {
			struct masq_tuple tuple = bench_flow_tuple(
					BENCH_MASQUERADE, 2 * (first + k));

			bench_put(box, BENCH_LAN, bench_batch[k], &tuple);
		}
		bench_run(box, BENCH_BATCH, bench_batch);
	}
}

/* @param cycles	in/out: the least of each poll. @return polls from the first that found some */
static uint32_t
expire(struct bench_box *box, uint32_t sessions, uint64_t *cycles)
{
	uint64_t end = box->now_ms + TIMEOUT_MS - EARLY_MS;
	uint32_t polls = 0;

	if (bench_counters(box).sessions_expired != 0)
		bench_fail("sessions ended before their time");
	/* The clock jumps here, as none does that goes by itself; what that costs is not the question. */
	masq_dp_poll(box->dp, 0, end);
	for (box->now_ms = end + 1; bench_counters(box).sessions_expired < sessions;
			box->now_ms++) {
		struct bench_watch watch;
		uint64_t took;

		if (polls == POLLS_MAX)
			bench_fail("of %u sessions %lu expired", sessions,
					(unsigned long)bench_counters(box).sessions_expired);
		bench_watch_start(&watch);
		masq_dp_poll(box->dp, 0, box->now_ms);
		took = bench_watch_stop(&watch);
		cycles[polls] = RTE_MIN(cycles[polls], took);
		polls++;
	}
	return polls;
}

void
bench_expiry(const struct bench_options *options)
{
	uint64_t *cycles = malloc(POLLS_MAX * sizeof(*cycles));
	struct bench_rounds busy = { 0 }; /* polls that ended sessions, us */
	uint32_t n = options->sessions, polls = 0;
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

		make(box, n);
		polls = expire(box, n, cycles);
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
			.note = bench_text("spread over %.1f s of polls that mostly take %.1f us",
					busy.n / 1000.0, bench_stats_of(&busy).median),
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
