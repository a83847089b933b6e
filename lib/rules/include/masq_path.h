/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PATH_H
#define MASQ_PATH_H

#include <stdint.h>

#include <rte_branch_prediction.h>

#include <masq_err.h>

/**
 * @file
 * Paths: exact rule counters for packets that skip the chains.
 *
 * A path is the list of counter slots that a kind of packet matched, e.g. {input policy, forward
 * rule 3, output policy}. Identical lists share an index. A session half remembers the index and
 * each of its packets adds to one counter; a rule's counters are the sum over the paths that
 * contain it. One table per worker and rule set; its worker is the only writer, the control thread
 * reads counters at any time and everything once the worker has left the rule set.
 * All memory is taken at creation.
 */

struct masq_path_table;

/** What was counted. */
struct masq_path_counter {
	uint64_t packets;
	uint64_t bytes;
};

/**
 * What the hot path adds to: the low halves of both sums. Eight paths share a line of the cache, so
 * that the counters of thousands of rules stay near the core.
 */
struct masq_path_low {
	uint32_t packets;
	uint32_t bytes;
};

#define MASQ_PATH_NONE UINT32_MAX
#define MASQ_PATH_PATHS_MAX (1u << 30)

/**
 * Make a table. It has no slots yet: masq_path_reset() begins a rule set.
 *
 * @param paths	most paths, at most MASQ_PATH_PATHS_MAX
 * @param links	most list entries, all paths together
 * @param slots	counter slots that can be counted directly
 */
struct masq_path_table *masq_path_create(uint32_t paths, uint32_t links, uint32_t slots,
		int socket_id, struct masq_err *err);
void masq_path_destroy(struct masq_path_table *table);

/** Bytes that masq_path_create() takes for these arguments. */
uint64_t masq_path_bytes(uint32_t paths, uint32_t links, uint32_t slots);

/** Forget all paths and counters: a new rule set with @p slots slots begins. Worker only.
 * @return 0; -ENOSPC: slots is more than was asked for at creation */
int masq_path_reset(struct masq_path_table *table, uint32_t slots);

/**
 * Index of a path, made if it is new. Worker only; no allocation.
 *
 * @param slots	n_slots counter slots in the order of matching
 * @return index; MASQ_PATH_NONE: the table is full, count with masq_path_count_slots()
 */
uint32_t masq_path_intern(struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots);

/** The array that the hot path indexes with a path. Constant while the table lives. */
struct masq_path_low *masq_path_low(struct masq_path_table *table);

/** A low half of @p path has got half way or all the way round. Worker only. */
void masq_path_carry(struct masq_path_table *table, uint32_t path);

/**
 * Count one packet. Worker only.
 *
 * @param low	masq_path_low() of the table
 * @param bytes	fewer than 2^31
 */
static inline void
masq_path_count(struct masq_path_table *table, struct masq_path_low *low, uint32_t path,
		uint32_t bytes)
{
	struct masq_path_low before = low[path];
	struct masq_path_low after = { before.packets + 1, before.bytes + bytes };

	__atomic_store_n(&low[path].packets, after.packets, __ATOMIC_RELAXED);
	__atomic_store_n(&low[path].bytes, after.bytes, __ATOMIC_RELAXED);
	if (unlikely(((before.packets ^ after.packets) | (before.bytes ^ after.bytes)) >> 31 != 0))
		masq_path_carry(table, path);
}

/** Count one packet on each slot directly, without a path; unknown slots are left out. Worker only. */
void masq_path_count_slots(struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots,
		uint32_t bytes);

/**
 * Add up: out[slot] += packets and bytes of all paths and of direct counts. Any thread.
 *
 * @param out	as many as the table has slots now
 */
void
masq_path_sum(const struct masq_path_table *table, struct masq_path_counter *out, uint32_t n_slots);

#endif /* MASQ_PATH_H */
