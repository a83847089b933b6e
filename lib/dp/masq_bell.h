/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BELL_H
#define MASQ_BELL_H

/**
 * @file
 * Bells, by which a worker tells another one that it has put something into a ring; masq_bell.c.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#include <rte_common.h>

struct masq_worker;

/** A worker's bells: one per other worker, and what it knows of those that it rings. */
struct masq_bells {
	uint64_t wanted; /**< bit t: ring worker t's bell at the end of this round */
	uint32_t rung[MASQ_MAX_WORKERS]; /**< last count written to each other worker's bell */
	uint32_t now[MASQ_MAX_WORKERS]; /**< counts at the start of this round */
	uint32_t heard[MASQ_MAX_WORKERS]; /**< counts up to which everything was taken out */
	/** the bells: written by the other workers, one element each */
	_Atomic(uint32_t) count[MASQ_MAX_WORKERS] __rte_cache_aligned;
};

static_assert(MASQ_MAX_WORKERS <= 64, "a bit a worker");

/** Something was put into a ring to worker @p to, another one: ring its bell at the end of this
 * round. */
static inline void
masq_bell_wants(struct masq_bells *bells, uint32_t to)
{
	bells->wanted |= UINT64_C(1) << to;
}

/** Start of a round. Reads one cache line for each 16 workers. @return bit f: examine the rings from
 * worker f in this round */
static inline uint64_t
masq_bells_hear(struct masq_bells *bells, uint32_t n_workers)
{
	uint64_t heard = 0;

	for (uint32_t from = 0; from < n_workers; from++) {
		uint32_t count = atomic_load_explicit(&bells->count[from], memory_order_acquire);

		bells->now[from] = count;
		heard |= (uint64_t)(count != bells->heard[from]) << from;
	}
	return heard;
}

/** The rings of @p heard have been examined. Rings that are not empty are examined in the next
 * round, too. */
void masq_bells_done(struct masq_worker *w, uint64_t heard);

/** End of a round in which some bells are wanted: raise the counts. */
void masq_bells_ring(struct masq_worker *w);

#endif /* MASQ_BELL_H */
