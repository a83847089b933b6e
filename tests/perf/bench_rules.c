/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What 10, 1 000 and 10 000 chain rules cost: first packets, which are judged by them, and packets of
 * established flows, which are not.
 *
 * The rules are those of bench_ruleset.c: ranges, masks, negations, user chains. The three rule sets
 * take turns.
 *
 * Established packets are dearer if rules add to their work, or to what they touch. Both shows where all that
 * they touch is in the nearest caches, so the bar is for packets of a thousand of the flows. Those of all
 * flows wait for memory most of their time, and how long is a matter of others who use the cache.
 */
#include <stdlib.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"
#include "bench_ruleset.h"

#define REPEATS 7
#define PASSES 32
#define NOISE 1.05 /* as in bench_hit.c */
#define NEAR 1024 /* flows */

static const uint32_t sizes[] = { 10, 1000, 10000 };

#define SIZES RTE_DIM(sizes)

struct figures {
	struct bench_rounds first, near, established;
	uint64_t slow, packets;
};

/* One box with n rules. */
static void
measure(const struct bench_options *options, uint32_t n, struct figures *f)
{
	struct bench_box *box = bench_box_create(
			&(struct bench_box_options){ .sessions = options->sessions });
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, options->sessions);
	static double blocks[BENCH_ROUNDS_MAX];
	unsigned int n_blocks = 0;
	struct masq_conf_rules model;
	uint64_t rnd = 1234567, before;

	bench_warm_up(box, BENCH_MASQUERADE, &flows[0]);
	bench_ruleset_make(&model, n, &rnd);
	bench_box_publish(box, &model);
	/* One session less: the first one is made already. */
	for (uint32_t i = 0; i < options->sessions - 1; i++)
		flows[i].initial = bench_ruleset_flow(&model, &rnd);
	for (uint32_t i = 0; i + BENCH_BATCH < options->sessions; i += BENCH_BATCH) {
		for (unsigned int k = 0; k < BENCH_BATCH; k++)
			bench_put_first(box, BENCH_LAN, bench_batch[k], &flows[i + k].initial,
					false);
		blocks[n_blocks++ % BENCH_ROUNDS_MAX] = (double)bench_run(box, BENCH_BATCH,
									bench_batch) /
				BENCH_BATCH;
		for (unsigned int k = 0; k < BENCH_BATCH; k++)
			flows[i + k].reply = bench_frame_reply(bench_batch[k]);
	}
	bench_rounds_add(&f->first,
			bench_median(blocks, RTE_MIN(n_blocks, (unsigned int)BENCH_ROUNDS_MAX)));
	n_blocks *= BENCH_BATCH;
	bench_replies_make(box, BENCH_MASQUERADE, flows, n_blocks);
	before = bench_counters(box).misses;
	bench_rounds_add(&f->established,
			bench_hit_round(box, BENCH_MASQUERADE, flows, n_blocks, PASSES));
	bench_rounds_add(&f->near,
			bench_hit_round(box, BENCH_MASQUERADE, flows,
					RTE_MIN(n_blocks, (unsigned int)NEAR), PASSES));
	f->slow += bench_counters(box).misses - before;
	f->packets += 2 * PASSES * BENCH_BATCH;
	bench_box_destroy(box);
	free(flows);
	bench_ruleset_free(&model);
}

/* @param limit 0: there is no bar */
static void
tell(const struct bench_rounds *ours, const struct bench_rounds *ten, uint32_t n, const char *what,
		double limit, const char *note)
{
	bench_row(&(struct bench_row){
			.topic = "rules",
			.what = what,
			.at = bench_text("%u rules", n),
			.x = n,
			.unit = "cycles",
			.rounds = ours,
			.beside = n == sizes[0] ? NULL : "10 rules",
			.against = ten,
			.bar = n == sizes[0] || limit <= 0 ? BENCH_STATED : BENCH_RATIO_AT_MOST,
			.limit = limit,
			.note = note,
	});
}

void
bench_rules(const struct bench_options *options)
{
	static struct figures figures[SIZES];

	for (unsigned int r = 0; r < (options->smoke ? 1 : REPEATS); r++)
		for (unsigned int i = 0; i < SIZES; i++)
			measure(options, sizes[i], &figures[i]);
	for (unsigned int i = 0; i < SIZES; i++)
		tell(&figures[i].first, &figures[0].first, sizes[i],
				"first packet under chain rules", 10, NULL);
	for (unsigned int i = 0; i < SIZES; i++)
		tell(&figures[i].near, &figures[0].near, sizes[i],
				"established packet under chain rules", NOISE, NULL);
	for (unsigned int i = 0; i < SIZES; i++)
		tell(&figures[i].established, &figures[0].established, sizes[i],
				"the same, flows of the whole table", 0,
				figures[i].slow == 0
						? NULL
						: bench_text("%.1f %% took the slow path",
								  100.0 * (double)figures[i].slow /
										  (double)figures[i]
												  .packets));
}
