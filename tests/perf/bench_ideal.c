/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ideal loop. Its hash has one entry more than keys, as the appliance's: near a power of two
 * that doubles the buckets, without which the last tuples of a full table find no place. The hash
 * function, the parser and the rewrite are the project's own; hash, keys and records are prefetched
 * as rte_hash does it and one pass ahead.
 */
#include "bench_ideal.h"

#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_malloc.h>

#include <masq_hash.h>
#include <masq_pkt.h>
#include <masq_rewrite.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"

#define SEED 42
#define RECORD_BYTES 64
#define PASSES_MAX 64

struct record {
	struct masq_rewrite rewrite;
	uint8_t other[RECORD_BYTES - sizeof(struct masq_rewrite)];
} __attribute__((aligned(RECORD_BYTES)));

struct bench_ideal {
	struct rte_hash *hash;
	struct record *records;
	struct masq_hash_seed seed;
};

struct bench_ideal *
bench_ideal_create(uint32_t sessions)
{
	struct rte_hash_parameters params = {
		.name = "ideal",
		.entries = 2 * sessions + 1,
		.key_len = sizeof(struct masq_tuple),
		.socket_id = SOCKET_ID_ANY,
	};
	struct bench_ideal *ideal = calloc(1, sizeof(*ideal));

	if (ideal == NULL)
		bench_fail("no memory");
	ideal->seed = (struct masq_hash_seed){ SEED, ~(uint64_t)SEED };
	ideal->hash = rte_hash_create(&params);
	ideal->records = rte_zmalloc(
			"records", ((size_t)2 * sessions + 2) * RECORD_BYTES, RTE_CACHE_LINE_SIZE);
	if (ideal->hash == NULL || ideal->records == NULL)
		bench_fail("no memory for an ideal table of %u sessions", sessions);
	return ideal;
}

void
bench_ideal_destroy(struct bench_ideal *ideal)
{
	if (ideal == NULL)
		return;
	rte_hash_free(ideal->hash);
	rte_free(ideal->records);
	free(ideal);
}

uint64_t
bench_ideal_add(struct bench_ideal *ideal, const struct bench_flow *flows, uint32_t n)
{
	int32_t worst = 0;
	uint64_t t = rte_rdtsc_precise();

	for (uint32_t i = 0; i < n; i++) {
		worst |= rte_hash_add_key_with_hash(ideal->hash, &flows[i].initial,
				masq_hash16(&flows[i].initial, &ideal->seed));
		worst |= rte_hash_add_key_with_hash(ideal->hash, &flows[i].reply,
				masq_hash16(&flows[i].reply, &ideal->seed));
	}
	t = rte_rdtsc_precise() - t;
	if (worst < 0)
		bench_fail("a bare table is full too early");
	return t;
}

void
bench_ideal_remove(struct bench_ideal *ideal, const struct bench_flow *flow)
{
	const struct masq_tuple *tuples[] = { &flow->initial, &flow->reply };

	for (unsigned int k = 0; k < RTE_DIM(tuples); k++)
		if (rte_hash_del_key_with_hash(ideal->hash, tuples[k],
				    masq_hash16(tuples[k], &ideal->seed)) < 0)
			bench_fail("a bare table lost a key");
}

static void
fill(struct bench_ideal *ideal, const struct masq_tuple *tuple)
{
	int32_t position = rte_hash_lookup_with_hash(
			ideal->hash, tuple, masq_hash16(tuple, &ideal->seed));

	if (position < 0)
		bench_fail("a bare table lost a key");
	ideal->records[position].rewrite.tos_and = 0xff;
	masq_rewrite_init(&ideal->records[position].rewrite, tuple, tuple, false);
}

void
bench_ideal_fill(struct bench_ideal *ideal, const struct bench_flow *flows, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		fill(ideal, &flows[i].initial);
		fill(ideal, &flows[i].reply);
	}
}

static void
burst(const struct bench_ideal *ideal, struct rte_mbuf **mbuf, const uint8_t mac[6])
{
	struct masq_pkt pkt[BENCH_BURST];
	uint8_t reason[BENCH_BURST];
	hash_sig_t signature[BENCH_BURST];
	const void *key[BENCH_BURST];
	int32_t position[BENCH_BURST];

	if (masq_pkt_parse_burst(mbuf, mac, pkt, reason, BENCH_BURST) != 0)
		bench_fail("a packet of the ideal loop is not plain");
	for (unsigned int i = 0; i < BENCH_BURST; i++) {
		key[i] = &pkt[i].key;
		signature[i] = masq_hash16(&pkt[i].key, &ideal->seed);
	}
	rte_hash_lookup_with_hash_bulk(ideal->hash, key, signature, BENCH_BURST, position);
	for (unsigned int i = 0; i < BENCH_BURST; i++)
		rte_prefetch0(&ideal->records[position[i]]);
	for (unsigned int i = 0; i < BENCH_BURST; i++)
		masq_rewrite_apply(&ideal->records[position[i]].rewrite, mbuf[i], &pkt[i]);
}

double
bench_ideal_round(const struct bench_ideal *ideal, const struct bench_flow *flows, uint32_t n,
		unsigned int passes)
{
	static const uint8_t mac[6];
	double cycles[PASSES_MAX];

	for (unsigned int pass = 0; pass < passes; pass++) {
		uint64_t t;

		for (unsigned int k = 0; k < BENCH_BATCH; k++) {
			const struct bench_flow *flow = &flows[bench_random() % n];

			bench_frame_write(bench_batch[k],
					(k & 1) != 0 ? &flow->reply : &flow->initial, MASQ_TCP_ACK,
					0);
		}
		t = rte_rdtsc_precise();
		for (unsigned int k = 0; k < BENCH_BATCH; k += BENCH_BURST)
			burst(ideal, bench_batch + k, mac);
		cycles[pass] = (double)(rte_rdtsc_precise() - t) / BENCH_BATCH;
	}
	return bench_median(cycles, passes);
}
