/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tally: rule counters of packets that belong to a session. Ten thousand rules make thousands of
 * paths. If every packet had to fetch a path's counter, an established packet would cost more the
 * more rules there are. But a packet is counted in its half anyway. So the half counts for its
 * path, and the path is touched only when the half joins or leaves it:
 *
 *	join   path -= what the half has counted so far
 *	leave  path += what it has counted by now
 *
 * At any moment, what a path has counted is its counter plus the counts of all halves that stand on
 * it, modulo 2^64. A half joins when it is judged, and leaves when it is judged again or removed.
 * Packets that are judged one by one (SYN segments where rules look at -y, ICMP by its code) are
 * counted both in the half and individually; what the half's path would count twice is subtracted
 * (apart).
 *
 * Terms. A half *stands on* a path: half.path, of the rule set half.generation. The path is
 * MASQ_PATH_NONE, or the generation 0, while it stands on none.
 *
 * Leaving. When a new rule set comes into force, halves still stand on paths of the old one, and
 * most will not see a packet for a while. A walk over all halves, in pieces, makes them leave. Only
 * then does the worker report that it has left the old rule set ("seen"), whose counters are now
 * final. So halves stand on paths of at most two rule sets.
 *
 * Picture. The control thread never reads a path's counter while a worker writes it. It asks for a
 * *picture*: the counters are copied in pieces, then a walk over all halves adds what they have
 * counted. A half that leaves or joins ahead of the walk changes the picture as well as the
 * counters. Behind the walk it has already been added, and the picture is left alone. So each half
 * counts once, as of the moment when the walk reached it.
 *
 * Cost. None for a packet. A walk reads one cache line for each half the table can hold: 2 million
 * take some 10 ms, spread over the polls; more if packets arrive in between.
 *
 * Threads. The worker only; it notifies the control thread by "seen" and by the letter's "done".
 */
#include "masq_tally.h"

#include <assert.h>

#include <rte_branch_prediction.h>

#include <masq_path.h>

#include "masq_worker.h"

#define HALVES_BUDGET 1024 /* examined per piece: some 5 to 10 microseconds */
#define PATHS_BUDGET 4096 /* counters copied per piece */

static bool
stands(const struct masq_half *half)
{
	return half->generation != 0 && half->path != MASQ_PATH_NONE;
}

/* Modulo 2^64: a subtraction adds a large number. */
static void
settle(struct masq_worker *w, const struct masq_half *half, uint64_t packets, uint64_t bytes)
{
	if (unlikely(half->generation != w->generation)) {
		assert(w->tally.before != NULL);
		masq_path_settle(w->tally.before, half->path, packets, bytes);
		return;
	}
	masq_path_settle(w->paths, half->path, packets, bytes);
	if (unlikely(masq_half_index(w->sessions, half) >= w->tally.pictured))
		masq_path_picture_add(w->paths, half->path, packets, bytes);
}

void
masq_tally_join(struct masq_worker *w, struct masq_half *half, uint32_t path)
{
	half->path = path;
	half->generation = w->generation;
	settle(w, half, -half->packets, -half->bytes);
}

void
masq_tally_leave(struct masq_worker *w, struct masq_half *half)
{
	if (!stands(half))
		return;
	settle(w, half, half->packets, half->bytes);
	half->path = MASQ_PATH_NONE;
}

void
masq_tally_apart(struct masq_worker *w, struct masq_half *half, uint32_t len_bytes)
{
	masq_half_seen(half, w->now_ms, len_bytes);
	if (stands(half))
		settle(w, half, -UINT64_C(1), -(uint64_t)len_bytes);
}

void
masq_tally_begin(struct masq_worker *w, struct masq_path_table *before)
{
	w->tally.before = before;
	w->tally.leaving = 0;
	w->tally.pictured = MASQ_TALLY_NO_PICTURE;
	if (before != NULL)
		masq_path_picture_begin(before);
}

/* Find the next piece of a walk. @return its end */
static uint32_t
next_piece(const struct masq_worker *w, uint32_t *from)
{
	/* No half exists, so none stands on a path. */
	if (masq_half_used(w->sessions) == 0)
		*from = masq_half_capacity(w->sessions);
	return RTE_MIN(*from + HALVES_BUDGET, masq_half_capacity(w->sessions));
}

bool
masq_tally_leave_some(struct masq_worker *w)
{
	const uint32_t end = next_piece(w, &w->tally.leaving);

	for (; w->tally.leaving < end; w->tally.leaving++) {
		struct masq_half *half = masq_half_at(w->sessions, w->tally.leaving);

		if (half->generation != w->generation)
			masq_tally_leave(w, half);
	}
	if (end < masq_half_capacity(w->sessions) ||
			!masq_path_picture_counters(w->tally.before, PATHS_BUDGET))
		return false;
	w->tally.before = NULL;
	return true;
}

bool
masq_tally_picture_some(struct masq_worker *w)
{
	uint32_t end;

	if (w->tally.pictured == MASQ_TALLY_NO_PICTURE) {
		masq_path_picture_begin(w->paths);
		w->tally.pictured = 0;
	}
	if (!masq_path_picture_counters(w->paths, PATHS_BUDGET))
		return false;
	end = next_piece(w, &w->tally.pictured);
	for (; w->tally.pictured < end; w->tally.pictured++) {
		const struct masq_half *half = masq_half_at(w->sessions, w->tally.pictured);

		if (stands(half) && half->generation == w->generation)
			masq_path_picture_add(w->paths, half->path, half->packets, half->bytes);
	}
	if (end < masq_half_capacity(w->sessions))
		return false;
	w->tally.pictured = MASQ_TALLY_NO_PICTURE;
	return true;
}
