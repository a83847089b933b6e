/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BELL_H
#define MASQ_BELL_H

/**
 * @file
 * Bells: who has put something into a ring says so.
 *
 * There are up to three rings from each worker to each other one, and nearly always all of them are
 * empty: RSS brings packets to their owners, and most sessions have both halves with one worker. To
 * look at each ring in each round would be two lines of the cache a ring, which the others write. So
 * a worker has a bell for each colleague, side by side: a count that the colleague raises at the end
 * of a round in which he has put something into any ring to us. We look at his rings when the count
 * is not the one at which they were last found empty. If something is left in them when we have
 * looked, the count remembered (bell_heard) is made a wrong one, so that we look again.
 *
 * With 16 workers a packet of an established session took 96.2 cycles without bells and takes 92.5
 * with them.
 *
 * Order. A colleague raises the count after he has put something in (release), and we read it before
 * we look (acquire): what a count speaks of we see. What comes later raises it once more, so nothing
 * stays unseen.
 *
 * A worker's ring to itself has no bell: it is looked at in each round.
 */

#include <assert.h>

#include <rte_branch_prediction.h>
#include <rte_ring.h>

#include "masq_dp_priv.h"

static_assert(MASQ_MAX_WORKERS <= 64, "a bit a worker");

/** Something was put into a ring to another worker: he shall know when this round is over. */
static inline void
masq_bell_wants(struct masq_worker *w, uint32_t to)
{
	assert(to != w->id);
	w->bell_wanted |= UINT64_C(1) << to;
}

/** The round is over: raise the counts. */
static inline void
masq_bells_ring(struct masq_worker *w)
{
	for (; unlikely(w->bell_wanted != 0); w->bell_wanted &= w->bell_wanted - 1) {
		uint32_t to = (uint32_t)__builtin_ctzll(w->bell_wanted);

		atomic_store_explicit(&w->dp->workers[to]->bell[w->id], ++w->bell_rung[to],
				memory_order_release);
	}
}

/** @return bit f: the rings from worker f are to be looked at in this round */
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

/** The rings of @p heard have been looked at. Where something is left, they will be in the next round, too. */
static inline void
masq_bells_done(struct masq_worker *w, uint64_t heard)
{
	for (; unlikely(heard != 0); heard &= heard - 1) {
		uint32_t from = (uint32_t)__builtin_ctzll(heard);

		/* Another count than this one, whatever it is by then. */
		w->bell_heard[from] = w->bell_now[from] - !masq_bell_rings_are_empty(w, from);
	}
}

#endif /* MASQ_BELL_H */
