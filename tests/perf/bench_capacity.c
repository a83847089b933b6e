/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session table is full: new flows are refused by name and established ones do not feel it.
 *
 * Full. All sessions are established. Bursts of new flows, and then packets of established ones,
 * take turns; beside them the same packets without the new flows.
 *
 * Flood. Half of the table is established, and there come first packets that nobody will answer, four
 * times as many as the table holds: SYN segments or datagrams from the inside, SYN segments from the
 * outside to a forwarded port. It begins at once, while the box still takes the established ones for
 * half-open. Between them, real connections from the inside: SYN, SYN ACK, ACK. The
 * established sessions must all be there at the end, and every real connection must have come about.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include <masq_conf.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"

#define PASSES 16
#define NOISE 1.05 /* as in bench_hit.c */
#define NEW_BATCHES 4 /* of refused flows between two measurements */
#define FLOOD 4 /* times the table */
#define REAL 64 /* connections during a flood */

static const struct flood {
	const char *of;
	enum bench_port port; /* where it arrives */
	uint8_t proto;
} floods[] = {
	{ "SYN segments", BENCH_LAN, IPPROTO_TCP },
	{ "datagrams", BENCH_LAN, IPPROTO_UDP },
	{ "calls from outside", BENCH_WAN, IPPROTO_TCP },
};

struct capacity {
	const struct bench_options *options;
	const char *at;
	struct bench_box *box;
	struct bench_flow *flows;
	uint32_t established;
	uint32_t strangers; /* new flows so far: each has a tuple of its own */
};

static void
make_established(struct capacity *c, uint32_t n)
{
	c->box = bench_box_create(&(struct bench_box_options){ .sessions = c->options->sessions });
	c->flows = bench_flows_make(BENCH_MASQUERADE, n);
	c->established = n;
	c->strangers = 0;
	bench_warm_up(c->box, BENCH_MASQUERADE, &c->flows[0]);
	bench_sessions_make(c->box, BENCH_MASQUERADE, c->flows, n);
	bench_replies_make(c->box, BENCH_MASQUERADE, c->flows, n);
}

static void
release(struct capacity *c)
{
	bench_box_destroy(c->box);
	free(c->flows);
}

static struct masq_tuple
stranger(struct capacity *c, enum bench_port port, uint8_t proto)
{
	uint32_t i = c->strangers++;

	if (port == BENCH_WAN)
		return (struct masq_tuple){
			.src = rte_cpu_to_be_32(MASQ_IP4(198, 19, 0, 0) + i / 1024),
			.dst = rte_cpu_to_be_32(MASQ_IP4(203, 0, 113, 1)),
			.sport = rte_cpu_to_be_16((uint16_t)(1024 + i % 1024)),
			.dport = rte_cpu_to_be_16(53), /* forwarded */
			.proto = proto,
		};
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(MASQ_IP4(10, 128, 0, 0) + 1 + i / 1024),
		.dst = rte_cpu_to_be_32(MASQ_IP4(198, 18, 0, 0) + i % 65521),
		.sport = rte_cpu_to_be_16((uint16_t)(1024 + i % 1024)),
		.dport = rte_cpu_to_be_16(80),
		.proto = proto,
	};
}

/* First packets of new flows. @return how many were let through */
static unsigned int
knock(struct capacity *c, unsigned int n, enum bench_port port, uint8_t proto, uint64_t *cycles)
{
	for (unsigned int k = 0; k < n; k++) {
		struct masq_tuple tuple = stranger(c, port, proto);

		bench_frame_write(bench_batch[k], &tuple, 0x02, 0);
		bench_put_frame(c->box, port, bench_batch[k], &tuple);
	}
	return bench_run_some(c->box, bench_batch, n, cycles);
}

static double
established_round(struct capacity *c)
{
	return bench_hit_round(c->box, BENCH_MASQUERADE, c->flows, c->established, PASSES);
}

/* ---------------------------------------------------------------- full */

static void
measure_full(struct capacity *c)
{
	struct bench_rounds quiet = { 0 }, busy = { 0 }, refused = { 0 };
	uint64_t let_in = 0, named;

	make_established(c, c->options->sessions);
	established_round(c);
	for (unsigned int r = 0; r < c->options->rounds; r++) {
		bench_rounds_add(&quiet, established_round(c));
		for (unsigned int b = 0; b < NEW_BATCHES; b++) {
			uint64_t cycles;

			let_in += knock(c, BENCH_BATCH, BENCH_LAN, IPPROTO_UDP, &cycles);
			bench_rounds_add(&refused, (double)cycles / BENCH_BATCH);
		}
		bench_rounds_add(&busy, established_round(c));
		c->box->now_ms++;
	}
	named = bench_counters(c->box).drops[MASQ_DROP_SESSION_TABLE];
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = "established packet, table full, new flows are refused",
			.at = c->at,
			.x = c->options->sessions,
			.unit = "cycles",
			.rounds = &busy,
			.beside = "no new flows",
			.against = &quiet,
			.bar = BENCH_RATIO_AT_MOST,
			.limit = NOISE,
	});
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = "new flow that is refused",
			.at = c->at,
			.x = c->options->sessions,
			.unit = "cycles",
			.rounds = &refused,
	});
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = "new flows not dropped as session-table",
			.at = c->at,
			.x = c->options->sessions,
			.unit = "flows",
			.value = bench_stats_one((double)c->strangers - (double)named),
			.bar = BENCH_IS,
			.limit = 0,
			.note = bench_text(
					"of %u; %lu let in", c->strangers, (unsigned long)let_in),
	});
	release(c);
}

/* ---------------------------------------------------------------- flood */

static bool
one(struct capacity *c, enum bench_port port, const struct masq_tuple *tuple, uint8_t flags)
{
	uint64_t cycles;

	bench_frame_write(bench_batch[0], tuple, flags, 0);
	bench_put_frame(c->box, port, bench_batch[0], tuple);
	return bench_run_some(c->box, bench_batch, 1, &cycles) == 1;
}

/* @return true when it came about */
static bool
comes_about(struct capacity *c)
{
	struct masq_tuple out = stranger(c, BENCH_LAN, IPPROTO_TCP), in;

	if (!one(c, BENCH_LAN, &out, 0x02))
		return false;
	in = bench_frame_reply(bench_batch[0]);
	return one(c, BENCH_WAN, &in, 0x12) && one(c, BENCH_LAN, &out, 0x10);
}

/* @return established sessions that do not carry packets both ways any more */
static uint32_t
count_lost(struct capacity *c)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < c->established; i++)
		lost += !(one(c, BENCH_LAN, &c->flows[i].initial, 0x10) &&
				one(c, BENCH_WAN, &c->flows[i].reply, 0x10));
	return lost;
}

static void
tell_survivors(struct capacity *c, const struct flood *flood, uint32_t failed, uint32_t tried)
{
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = bench_text("connections refused in a flood of %s", flood->of),
			.at = c->at,
			.x = c->options->sessions,
			.unit = "connections",
			.value = bench_stats_one(failed),
			.bar = BENCH_IS,
			.limit = 0,
			.note = bench_text("of %u", tried),
	});
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = bench_text("established sessions lost in a flood of %s", flood->of),
			.at = c->at,
			.x = c->options->sessions,
			.unit = "sessions",
			.value = bench_stats_one(count_lost(c)),
			.bar = BENCH_IS,
			.limit = 0,
			.note = bench_text("of %u", c->established),
	});
}

static void
measure_flood(struct capacity *c, const struct flood *flood)
{
	struct bench_rounds before = { 0 }, quiet = { 0 }, busy = { 0 }, syn = { 0 };
	uint32_t n = c->options->sessions, batches = FLOOD * n / BENCH_BATCH, failed = 0;
	uint32_t every = RTE_MAX(batches / REAL, 1u);

	make_established(c, n / 2);
	for (unsigned int r = 0; r < c->options->rounds; r++)
		bench_rounds_add(&before, established_round(c));
	for (uint32_t b = 0; b < batches; b++) {
		uint64_t cycles;

		knock(c, BENCH_BATCH, flood->port, flood->proto, &cycles);
		if (b >= batches / 2)
			bench_rounds_add(&syn, (double)cycles / BENCH_BATCH);
		failed += b % every == 0 && !comes_about(c);
		c->box->now_ms++;
	}
	for (unsigned int r = 0; r < c->options->rounds; r++) {
		uint64_t cycles;

		bench_rounds_add(&quiet, established_round(c));
		knock(c, BENCH_BATCH, flood->port, flood->proto, &cycles);
		bench_rounds_add(&busy, established_round(c));
	}
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = bench_text("established packet in a flood of %s", flood->of),
			.at = c->at,
			.x = n,
			.unit = "cycles",
			.rounds = &busy,
			.beside = "between its waves",
			.against = &quiet,
			.bar = BENCH_RATIO_AT_MOST,
			.limit = NOISE,
			.note = bench_text("%.0f cycles before the flood, the table half full",
					bench_stats_of(&before).median),
	});
	bench_row(&(struct bench_row){
			.topic = "capacity",
			.what = bench_text("packet of a flood of %s", flood->of),
			.at = c->at,
			.x = n,
			.unit = "cycles",
			.rounds = &syn,
			.note = bench_text("after a flood of %d times the table", FLOOD / 2),
	});
	tell_survivors(c, flood, failed, (batches + every - 1) / every);
	release(c);
}

void
bench_capacity(const struct bench_options *options)
{
	struct capacity c = { .options = options };

	c.at = bench_text("%u sessions", options->sessions);
	measure_full(&c);
	for (unsigned int k = 0; k < RTE_DIM(floods); k++)
		measure_flood(&c, &floods[k]);
}
