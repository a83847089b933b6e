/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BELL_H
#define MASQ_BELL_H

/**
 * @file
 * Bells: a worker that has put something into another worker's ring rings that worker's bell.
 *
 * There are up to three rings from each worker to each other worker, and nearly always all of them
 * are empty: RSS brings packets to their owners, and most sessions have both halves on one worker.
 * Polling each ring in each round would touch at least two cache lines per ring, one of which the
 * other worker writes. So a worker has one bell per other worker, side by side: a count that the
 * other worker raises at the end of any round in which it has put something into one of the rings
 * to this worker. The rings are examined if the count differs from the one at which they were last
 * found empty (bell_heard). If something is left in them afterwards, bell_heard is set to a wrong
 * value, so that they are examined again in the next round.
 *
 * With 16 workers a packet of an established session took 96.2 cycles without bells and takes 92.5
 * with them.
 *
 * Order. A worker raises the count after it has put something into a ring (release), and the
 * receiver reads the count before it examines the rings (acquire), so it sees everything that the
 * count stands for. Anything put in later raises the count again, so nothing stays unseen.
 *
 * A worker's ring to itself has no bell: it is examined in each round.
 */

#include <assert.h>

#include <rte_branch_prediction.h>
#include <rte_ring.h>

#include "masq_dp_priv.h"
#include "masq_worker.h"

static_assert(MASQ_MAX_WORKERS <= 64, "a bit a worker");

/** Something was put into a ring to worker @p to: ring its bell at the end of this round. */
static inline void
masq_bell_wants(struct masq_worker *w, uint32_t to)
{
	assert(to != w->id);
	w->bell_wanted |= UINT64_C(1) << to;
}

/** End of the round: raise the counts. */
static inline void
masq_bells_ring(struct masq_worker *w)
{
	for (; unlikely(w->bell_wanted != 0); w->bell_wanted &= w->bell_wanted - 1) {
		uint32_t to = (uint32_t)__builtin_ctzll(w->bell_wanted);

		atomic_store_explicit(&w->dp->workers[to]->bell[w->id], ++w->bell_rung[to],
				memory_order_release);
	}
}

/** @return bit f: examine the rings from worker f in this round */
static inline uint64_t
masq_bells_hear(struct masq_worker *w)
{
	uint64_t heard = 0;

	for (uint32_t from = 0; from < w->n_workers; from++) {
		uint32_t count = atomic_load_explicit(&w->bell[from], memory_order_acquire);

		w->bell_now[from] = count;
		heard |= (uint64_t)(count != w->bell_heard[from]) << from;
	}
	return heard;
}

static inline bool
masq_bell_rings_are_empty(const struct masq_worker *w, uint32_t from)
{
	const struct rte_ring *tx = w->dp->tx_ring[from][w->id];

	return rte_ring_empty(w->dp->packet_ring[from][w->id]) &&
			rte_ring_empty(w->dp->message_ring[from][w->id]) &&
			(tx == NULL || rte_ring_empty(tx));
}

/** The rings of @p heard have been examined. Rings that are not empty are examined in the next
 * round, too. */
static inline void
masq_bells_done(struct masq_worker *w, uint64_t heard)
{
	for (; unlikely(heard != 0); heard &= heard - 1) {
		uint32_t from = (uint32_t)__builtin_ctzll(heard);

		/* Any value but this one, whatever the count is by then. */
		w->bell_heard[from] = w->bell_now[from] - !masq_bell_rings_are_empty(w, from);
	}
}

#endif /* MASQ_BELL_H */
