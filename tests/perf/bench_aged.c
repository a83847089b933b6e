/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New sessions, and their first answers, in a box that has run for a while.
 *
 * A new box hands out records, halves and places of its hash one after the other, so each lies where the
 * cache expects it. Later they come in the order in which older sessions ended, which is none. So the table
 * is filled, all sessions are used for the last time in random order and end, and it is filled again: that
 * second time and the following ones count. The bare table lives the same life: what ends here is taken out
 * there, in the same order. Blocks take turns as in bench_hit.c, and the fuller half of the table counts.
 *
 * The first answers come in random order, too: some peers are near and some are far. An answer of TCP
 * changes the state in the record, so these are told apart from those of UDP.
 *
 * Sessions of both protocols have the same timeout here, so that they end in the order of their last use.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include <masq_dp_manual.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_ideal.h"
#include "bench_row.h"

#define TIMEOUT_MS 300000
#define LAST_USE_MS 300 /* a slot of the wheel and some */
#define GROUPS \
	900 /* of sessions that are used for the last time together; all within the timeout */
#define SESSIONS_ALL 4194304 /* in several lives if the table is small */
#define LIVES 6
#define BLOCKS_A_ROUND 8

static const char rules[] = "route add 10.0.0.0/8 via 192.168.1.254\n"
			    "ipchains -A forward -s 10.0.0.0/8 -j MASQ\n"
			    "timeout set udp 300\n"
			    "timeout set tcp-established 300\n";

struct aged {
	uint32_t n;
	struct bench_box *box;
	struct bench_ideal *ideal;
	struct bench_flow *flows;
	uint32_t *order; /* in which they are answered, used for the last time, and end */
	struct bench_rounds real, bare, udp, tcp;
};

static struct bench_flow *
flow_at(struct aged *a, uint32_t place)
{
	return &a->flows[a->order[place]];
}

static void
shuffle(struct aged *a)
{
	for (uint32_t i = a->n - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(bench_random() % (i + 1)), swapped = a->order[i];

		a->order[i] = a->order[j];
		a->order[j] = swapped;
	}
}

/* Rounds are medians of a few blocks, as in bench_hit.c. */
static void
add_block(struct bench_rounds *rounds, double *blocks, unsigned int number, double cycles)
{
	blocks[number % BLOCKS_A_ROUND] = cycles;
	if (number % BLOCKS_A_ROUND == BLOCKS_A_ROUND - 1)
		bench_rounds_add(rounds, bench_median(blocks, BLOCKS_A_ROUND));
}

/* Sessions and two bare adds, block by block. */
static void
fill(struct aged *a, bool counts)
{
	double real[BLOCKS_A_ROUND], bare[BLOCKS_A_ROUND];
	unsigned int number = 0;

	for (uint32_t first = 0; first < a->n; first += BENCH_BATCH) {
		struct bench_flow *flows = &a->flows[first];
		uint64_t cycles;

		for (unsigned int k = 0; k < BENCH_BATCH; k++)
			bench_put_first(a->box, BENCH_LAN, bench_batch[k], &flows[k].initial,
					false);
		cycles = bench_run(a->box, BENCH_BATCH, bench_batch);
		for (unsigned int k = 0; k < BENCH_BATCH; k++)
			flows[k].reply = bench_frame_reply(bench_batch[k]);
		if (!counts || first < a->n / 2) {
			bench_ideal_add(a->ideal, flows, BENCH_BATCH);
			continue;
		}
		add_block(&a->real, real, number, (double)cycles / BENCH_BATCH);
		cycles = bench_ideal_add(a->ideal, flows, BENCH_BATCH);
		add_block(&a->bare, bare, number++, (double)cycles / BENCH_BATCH);
	}
}

/* First answers of one protocol. */
static void
answer(struct aged *a, uint8_t proto, struct bench_rounds *rounds)
{
	double blocks[BLOCKS_A_ROUND];
	unsigned int number = 0, n = 0;

	for (uint32_t i = 0; i < a->n; i++) {
		const struct masq_tuple *reply = &flow_at(a, i)->reply;

		if (reply->proto != proto)
			continue;
		bench_put_first(a->box, BENCH_WAN, bench_batch[n++], reply, true);
		if (n < BENCH_BATCH)
			continue;
		add_block(rounds, blocks, number++,
				(double)bench_run(a->box, BENCH_BATCH, bench_batch) / BENCH_BATCH);
		n = 0;
	}
	if (n > 0)
		bench_run(a->box, n, bench_batch);
}

/* Each session is used for the last time, group after group, and ends when its time has come. */
static void
end(struct aged *a)
{
	for (uint32_t g = 0; g < GROUPS; g++) {
		uint32_t first = (uint32_t)((uint64_t)a->n * g / GROUPS);
		uint32_t last = (uint32_t)((uint64_t)a->n * (g + 1) / GROUPS);

		while (first < last) {
			uint32_t count = RTE_MIN((uint32_t)BENCH_BATCH, last - first);

			for (unsigned int k = 0; k < count; k++)
				bench_put(a->box, BENCH_LAN, bench_batch[k],
						&flow_at(a, first + k)->initial);
			bench_run(a->box, count, bench_batch);
			first += count;
		}
		a->box->now_ms += LAST_USE_MS;
	}
	for (uint32_t i = 0; i < a->n; i++)
		bench_ideal_remove(a->ideal, flow_at(a, i));
	for (a->box->now_ms += TIMEOUT_MS - GROUPS * LAST_USE_MS;
			bench_counters(a->box).sessions > 0; a->box->now_ms++) {
		struct rte_mbuf *none[1];

		masq_dp_poll(a->box->dp, 0, a->box->now_ms);
		if (bench_collect(a->box, none, 1) != 0) /* it answers ARP */
			bench_fail("a packet came out that nobody sent");
	}
}

static void
live(struct aged *a, bool counts)
{
	static struct bench_rounds nowhere;

	/* The neighbours may have been forgotten. */
	bench_warm_up(a->box, BENCH_MASQUERADE, &a->flows[0]);
	fill(a, counts);
	shuffle(a);
	answer(a, IPPROTO_UDP, counts ? &a->udp : &nowhere);
	answer(a, IPPROTO_TCP, counts ? &a->tcp : &nowhere);
	bench_handshakes_end(a->box, BENCH_MASQUERADE, a->flows, a->n);
}

static void
tell_answer(const struct aged *a, const char *what, const char *at,
		const struct bench_rounds *rounds)
{
	bench_row(&(struct bench_row){
			.topic = "aged",
			.what = what,
			.at = at,
			.x = a->n,
			.unit = "cycles",
			.rounds = rounds,
	});
}

static void
tell(const struct aged *a, bool smoke)
{
	const char *at = bench_text("%u sessions", a->n);

	bench_row(&(struct bench_row){
			.topic = "aged",
			.what = "new session, box has run for a while",
			.at = at,
			.x = a->n,
			.unit = "cycles",
			.rounds = &a->real,
			.beside = "two bare adds",
			.against = &a->bare,
			.bar = smoke ? BENCH_STATED : BENCH_RATIO_AT_MOST,
			.limit = 2.0,
	});
	tell_answer(a, "first answer of UDP, in random order", at, &a->udp);
	tell_answer(a, "first answer of TCP, in random order", at, &a->tcp);
}

void
bench_aged(const struct bench_options *options)
{
	static struct aged a;
	uint32_t lives;

	a.n = RTE_MAX(options->sessions / BENCH_BATCH, 2u * BLOCKS_A_ROUND) * BENCH_BATCH;
	lives = options->smoke ? 1 : RTE_MAX(1u, RTE_MIN(SESSIONS_ALL / a.n, (uint32_t)LIVES));
	a.flows = calloc(a.n, sizeof(*a.flows));
	a.order = malloc(a.n * sizeof(*a.order));
	if (a.flows == NULL || a.order == NULL)
		bench_fail("no memory for %u flows", a.n);
	for (uint32_t i = 0; i < a.n; i++) {
		a.flows[i].initial = bench_flow_tuple(BENCH_MASQUERADE, i);
		a.order[i] = i;
	}
	a.box = bench_box_create(&(struct bench_box_options){ .sessions = a.n, .rules = rules });
	a.ideal = bench_ideal_create(a.n);
	for (uint32_t k = 0; k <= lives; k++) {
		live(&a, k > 0);
		if (k < lives)
			end(&a);
	}
	tell(&a, options->smoke);
	bench_box_destroy(a.box);
	bench_ideal_destroy(a.ideal);
	free(a.order);
	free(a.flows);
}
