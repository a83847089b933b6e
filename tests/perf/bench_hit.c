/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What packets cost by the number of sessions: established flows in random order, new sessions, and
 * their memory.
 *
 * Hits. Each round times some hundred bursts of the real stages and as many of the ideal loop on a
 * table of the same size with the same tuples, in turn, so that both see the same machine; the
 * ratio is that of a round. The kinds of flows (masqueraded, forwarded, routed) have a box each, one
 * after the other, because the tables of several would not fit; they are compared with each other by
 * their ratios to the ideal loop, which runs beside all of them.
 *
 * New sessions. A block of first packets goes through the slow path, then the same tuples, which
 * were just read from the packets that left, are put into the bare table. Both tables fill up
 * together from nothing to their last place; the blocks near the full table count. Each side finds
 * its table in the cache as the other side's block has left it: the bare adds are as cold as ours.
 * A loop of nothing but bare adds would keep the upper levels of the cache to itself, which no
 * appliance can; it is not what one would pay in place of a session.
 *
 * Memory is the box's own sum, over the number of sessions; beside it what else DPDK's heap grows by, which
 * must not depend on that number.
 */
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <masq_dp_manual.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_ideal.h"
#include "bench_row.h"

#define PASSES 16 /* of BENCH_BATCH packets in a round */
#define BLOCKS_COUNTED BENCH_ROUNDS_MAX /* new sessions: the last ones, at most half the table */
#define BLOCKS_A_ROUND 8
#define CREATE_ALL 8388608 /* sessions, in several tables if they are small */
#define CREATE_REPEATS 6
#define TAGGED_UP_TO 65536 /* sessions */
#define CREATE_BAR_FROM 65536 /* smaller tables have no bar for new sessions and bytes */

/*
 * Medians of the same thing differ by this much between two processes on a quiet machine, so "no
 * dearer" is that with this allowance.
 */
#define NOISE 1.05

struct hit {
	const struct bench_options *options;
	const char *at;
	struct bench_flow *flows; /* of the kind that is measured */
	struct bench_flow *ideal_flows; /* those whose tuples are in the ideal table */
	struct bench_ideal *ideal;
	uint64_t heap; /* in use before the first session */
	struct bench_compared masquerade; /* its hits, and the ideal loop beside them */
};

/* ---------------------------------------------------------------- established flows */

/* @param misses	out: packets that found nothing and took the slow path */
static struct bench_compared
compare_hits(const struct hit *h, struct bench_box *box, enum bench_kind kind, uint64_t *misses)
{
	struct bench_rounds real = { 0 }, ideal = { 0 };
	uint32_t n = h->options->sessions;

	/* Once through, so that every packet that is counted is of an established flow. */
	bench_hit_round(box, kind, h->flows, n, PASSES);
	*misses = bench_counters(box).misses;
	for (unsigned int r = 0; r < h->options->rounds; r++) {
		bench_rounds_add(&real, bench_hit_round(box, kind, h->flows, n, PASSES));
		bench_rounds_add(&ideal, bench_ideal_round(h->ideal, h->ideal_flows, n, PASSES));
		box->now_ms++;
	}
	*misses = bench_counters(box).misses - *misses;
	return bench_compare(&real, &ideal);
}

/* A row beside the ideal loop. */
static struct bench_row
hits_row(const struct hit *h, const char *what, const struct bench_compared *c)
{
	return (struct bench_row){
		.topic = "hit",
		.what = what,
		.at = h->at,
		.x = h->options->sessions,
		.unit = "cycles",
		.value = c->value,
		.beside = "ideal loop",
		.reference = c->reference,
		.ratio = c->ratio,
		.bar = BENCH_RATIO_AT_MOST,
		.limit = 2.0,
	};
}

static void
tell_beside_ideal(const struct hit *h, const char *what, const struct bench_compared *c)
{
	const struct bench_row row = hits_row(h, what, c);

	bench_row(&row);
}

/* The boxes do not run side by side, but the ideal loop runs beside each. */
static void
tell_beside_masquerade(const struct hit *h, const char *what, const struct bench_compared *c,
		uint64_t misses)
{
	const double packets = h->options->rounds * PASSES * BENCH_BATCH;
	const double ours = h->masquerade.ratio.median;
	struct bench_row row = hits_row(h, what, c);

	row.beside = "masquerade hit";
	row.reference = h->masquerade.value;
	row.ratio.min = c->ratio.min / ours;
	row.ratio.median = c->ratio.median / ours;
	row.ratio.max = c->ratio.max / ours;
	row.limit = NOISE;
	row.note = bench_text("%.2f x the ideal loop; %.2f %% took the slow path", c->ratio.median,
			100.0 * (double)misses / packets);
	bench_row(&row);
}

/* ---------------------------------------------------------------- new sessions */

struct create {
	struct bench_rounds real, bare; /* a value a block, those that count */
};

/* One block: sessions through the box, then the same tuples into the bare table. */
static void
create_block(struct hit *h, struct bench_box *box, struct create *create, uint32_t first,
		uint32_t count, bool counts)
{
	struct bench_flow *flows = &h->flows[first];
	uint64_t real, bare;

	for (uint32_t k = 0; k < count; k++)
		bench_put_first(box, BENCH_LAN, bench_batch[k], &flows[k].initial, false);
	real = bench_run(box, count, bench_batch);
	for (uint32_t k = 0; k < count; k++)
		flows[k].reply = bench_frame_reply(bench_batch[k]);
	bare = bench_ideal_add(h->ideal, flows, count);
	if (!counts)
		return;
	bench_rounds_add(&create->real, (double)real / count);
	bench_rounds_add(&create->bare, (double)bare / count);
}

/* Medians of a few blocks each: whoever takes the processor away for one of them is not counted. */
static void
gather(const struct bench_rounds *blocks, struct bench_rounds *rounds)
{
	for (unsigned int first = 0; first < blocks->n; first += BLOCKS_A_ROUND) {
		double part[BLOCKS_A_ROUND];
		unsigned int n = RTE_MIN((unsigned int)BLOCKS_A_ROUND, blocks->n - first);

		for (unsigned int k = 0; k < n; k++)
			part[k] = blocks->value[first + k];
		bench_rounds_add(rounds, bench_median(part, n));
	}
}

/* Fill both tables up. */
static void
create_all(struct hit *h, struct bench_box *box, struct bench_rounds *real,
		struct bench_rounds *bare)
{
	static struct create create;
	uint32_t n = h->options->sessions, blocks = n / BENCH_BATCH;
	uint32_t counted = RTE_MIN(blocks / 2, (uint32_t)BLOCKS_COUNTED);

	create.real.n = create.bare.n = 0;
	for (uint32_t block = 0; block * BENCH_BATCH < n; block++)
		create_block(h, box, &create, block * BENCH_BATCH,
				RTE_MIN((uint32_t)BENCH_BATCH, n - block * BENCH_BATCH),
				block < blocks && block >= blocks - counted);
	gather(&create.real, real);
	gather(&create.bare, bare);
}

static void
tell_create(const struct hit *h, const struct bench_rounds *real, const struct bench_rounds *bare)
{
	uint32_t n = h->options->sessions;

	/* A thousand sessions are made before the machine is warm. */
	if (n < CREATE_BAR_FROM && !h->options->smoke)
		return;
	bench_row(&(struct bench_row){
			.topic = "hit",
			.what = "new masquerade session",
			.at = h->at,
			.x = n,
			.unit = "cycles",
			.rounds = real,
			.beside = "two bare adds",
			.against = bare,
			.bar = n >= CREATE_BAR_FROM ? BENCH_RATIO_AT_MOST : BENCH_STATED,
			.limit = 2.0,
	});
}

static void
tell_first(const struct hit *h, const char *what, double cycles)
{
	bench_row(&(struct bench_row){
			.topic = "hit",
			.what = what,
			.at = h->at,
			.x = h->options->sessions,
			.unit = "cycles",
			.value = bench_stats_one(cycles),
	});
}

/* ---------------------------------------------------------------- memory */

static void
tell_memory(const struct hit *h, const struct bench_box *box, uint64_t heap_before)
{
	struct masq_dp_memory m;
	double n = h->options->sessions;
	uint64_t bytes;

	masq_dp_memory(box->dp, &m);
	bytes = m.session_tables + m.port_maps + m.paths + m.verdicts;
	bench_row(&(struct bench_row){
			.topic = "hit",
			.what = "memory of a session",
			.at = h->at,
			.x = n,
			.unit = "bytes",
			.value = bench_stats_one((double)bytes / (double)m.session_capacity),
			.bar = n >= CREATE_BAR_FROM ? BENCH_AT_MOST : BENCH_STATED,
			.limit = 320,
			.note = bench_text(
					"tables %.1f, port maps %.1f, paths %.1f, verdicts %.1f; %.1f MB "
					"more of the heap are neither packets, rules nor sessions",
					(double)m.session_tables / n, (double)m.port_maps / n,
					(double)m.paths / n, (double)m.verdicts / n,
					(double)(m.heap - heap_before - m.mbufs - m.rules - bytes) /
							1e6),
	});
}

/* What a millisecond costs when nothing is due: it comes on top of packets. */
static void
tell_housekeeping(const struct hit *h, struct bench_box *box)
{
	struct bench_rounds rounds = { 0 };

	for (unsigned int r = 0; r < 64; r++) {
		uint64_t begin = rte_rdtsc_precise(), middle;

		masq_dp_poll(box->dp, 0, box->now_ms);
		middle = rte_rdtsc_precise();
		masq_dp_poll(box->dp, 0, ++box->now_ms);
		bench_rounds_add(&rounds,
				(double)(rte_rdtsc_precise() - middle) - (double)(middle - begin));
	}
	bench_row(&(struct bench_row){
			.topic = "hit",
			.what = "housekeeping of a millisecond",
			.at = h->at,
			.x = h->options->sessions,
			.unit = "cycles",
			.rounds = &rounds,
			.note = "not part of the figures of packets",
	});
}

static uint64_t
heap_in_use(void)
{
	struct rte_malloc_socket_stats stats;

	if (rte_malloc_get_socket_stats(0, &stats) != 0)
		bench_fail("the heap does not tell its size");
	return stats.heap_allocsz_bytes;
}

/* ---------------------------------------------------------------- one kind after the other */

/* Small tables are filled several times, so that some rounds find the machine quiet. */
static uint32_t
repeats_of(const struct hit *h)
{
	uint32_t n = CREATE_ALL / h->options->sessions;

	return h->options->smoke ? 1 : RTE_MAX(1u, RTE_MIN(n, (uint32_t)CREATE_REPEATS));
}

static struct bench_box *
measure_create(struct hit *h)
{
	uint32_t n = h->options->sessions;
	struct bench_rounds real = { 0 }, bare = { 0 };
	struct bench_box *box = NULL;

	for (uint32_t r = repeats_of(h); r-- > 0;) {
		uint64_t heap = heap_in_use();

		box = bench_box_create(&(struct bench_box_options){ .sessions = n });
		bench_warm_up(box, BENCH_MASQUERADE, &h->flows[0]);
		if (r == 0)
			tell_memory(h, box, heap);
		h->ideal = bench_ideal_create(n);
		h->heap = heap_in_use();
		create_all(h, box, &real, &bare);
		if (r == 0)
			break;
		bench_box_destroy(box);
		bench_ideal_destroy(h->ideal);
	}
	tell_create(h, &real, &bare);
	return box;
}

static void
measure_masquerade(struct hit *h)
{
	uint32_t n = h->options->sessions;
	struct bench_box *box;
	uint64_t misses;

	h->flows = h->ideal_flows = bench_flows_make(BENCH_MASQUERADE, n);
	box = measure_create(h);
	tell_first(h, "first packet of the other direction",
			bench_replies_make(box, BENCH_MASQUERADE, h->flows, n));
	bench_ideal_fill(h->ideal, h->ideal_flows, n);
	h->masquerade = compare_hits(h, box, BENCH_MASQUERADE, &misses);
	tell_beside_ideal(h, "masquerade hit", &h->masquerade);
	bench_row(&(struct bench_row){
			.topic = "hit",
			.what = "memory taken while packets flow",
			.at = h->at,
			.x = n,
			.unit = "bytes",
			.value = bench_stats_one((double)(heap_in_use() - h->heap)),
			.bar = BENCH_IS,
			.limit = 0,
	});
	tell_housekeeping(h, box);
	bench_box_destroy(box);
}

static void
measure_other(struct hit *h, enum bench_kind kind, const char *what)
{
	uint32_t n = h->options->sessions;
	struct bench_box *box = bench_box_create(&(struct bench_box_options){ .sessions = n });
	struct bench_compared c;
	uint64_t misses;

	h->flows = bench_flows_make(kind, n);
	bench_warm_up(box, kind, &h->flows[0]);
	/* Routed flows have no sessions; each is sent once, both ways, before anything is measured. */
	if (kind != BENCH_ROUTED)
		tell_first(h, "new portfw session", bench_sessions_make(box, kind, h->flows, n));
	bench_replies_make(box, kind, h->flows, n);
	c = compare_hits(h, box, kind, &misses);
	tell_beside_masquerade(h, what, &c, misses);
	bench_box_destroy(box);
	free(h->flows);
}

/* Both ports have a VLAN. What a tag costs does not depend on the table. */
static void
measure_tagged(struct hit *h)
{
	uint32_t n = h->options->sessions;
	struct bench_compared c;
	struct bench_box *box;
	uint64_t misses;

	if (n > TAGGED_UP_TO)
		return;
	box = bench_box_create(&(struct bench_box_options){ .sessions = n, .vlan = 42 });
	h->flows = bench_flows_make(BENCH_MASQUERADE, n);
	bench_warm_up(box, BENCH_MASQUERADE, &h->flows[0]);
	bench_sessions_make(box, BENCH_MASQUERADE, h->flows, n);
	bench_replies_make(box, BENCH_MASQUERADE, h->flows, n);
	c = compare_hits(h, box, BENCH_MASQUERADE, &misses);
	tell_beside_ideal(h, "masquerade hit, tagged on both sides", &c);
	bench_box_destroy(box);
	free(h->flows);
}

void
bench_hit(const struct bench_options *options)
{
	struct hit h = { .options = options };

	h.at = bench_text("%u sessions", options->sessions);
	measure_masquerade(&h);
	measure_other(&h, BENCH_PORTFW, "portfw hit");
	measure_other(&h, BENCH_ROUTED, "routed packet");
	measure_tagged(&h);
	bench_ideal_destroy(h.ideal);
	free(h.ideal_flows);
}
