/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Housekeeping: what a worker does once a millisecond besides packets, in bounded pieces, so that
 * the gap between two polls stays short: changed timeouts, a sweep of half-open sessions,
 * reassembly timeouts, neighbours (worker 0). Parked packets are only marked to be looked at in the
 * next round. Also here, in each round: some of the sessions that are due.
 *
 * Expiry must keep up with the creation of sessions, or short connections fill the table. So up to
 * EXPIRE_A_MS sessions end per millisecond, which is 256 000 a second, but only a few per round:
 * one that lies anywhere in memory costs some ten cold cache lines and, with small pages, as many
 * page walks.
 */
#include "masq_housekeeping.h"

#include <assert.h>
#include <string.h>

#include <rte_common.h>

#include <masq_frag.h>

#include "masq_life.h"
#include "masq_neighbour.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

#define EXPIRE_LOOKS 64 /* records examined per round */
#define EXPIRE_MAX 16 /* sessions ended per round */
#define EXPIRE_A_MS 256 /* sessions ended per millisecond */
#define REARM_BUDGET 64
#define SWEEP_BUDGET 64 /* half-open sessions examined per millisecond */
#define FRAG_BUDGET 8 /* datagrams given up per millisecond */

static_assert(EXPIRE_MAX <= MASQ_SESSION_FETCH_MAX, "what a round ends is fetched in one go");

void
masq_housekeeping_expire(struct masq_worker *w)
{
	uint32_t expired[EXPIRE_MAX];
	unsigned int n = masq_session_tick(w->sessions, &w->snapshot->timeouts, w->now_ms,
			EXPIRE_LOOKS, expired,
			RTE_MIN(w->chores.may_expire, (unsigned int)EXPIRE_MAX));

	w->chores.may_expire -= n;
	if (!masq_session_is_due(w->sessions, w->now_ms))
		w->chores.may_expire = 0;
	masq_session_fetch(w->sessions, expired, n);
	for (unsigned int k = 0; k < n; k++) {
		/* Its removal has begun, and the other worker has not answered yet. */
		if (masq_session_at(w->sessions, expired[k])->dying)
			continue;
		w->counters.sessions_expired += masq_life_end(w, expired[k]);
	}
	w->counters.sessions = masq_session_count(w->sessions);
}

/* After a change of timeouts, re-arm existing sessions for the new ones. */
static void
rearm(struct masq_worker *w)
{
	const struct masq_conf_timeouts *timeouts = &w->snapshot->timeouts;
	struct masq_chores *chores = &w->chores;

	if (memcmp(timeouts, &chores->rearmed_for, sizeof(*timeouts)) != 0) {
		chores->rearmed_for = *timeouts;
		chores->rearm_cursor = 0;
		chores->rearming = true;
	}
	if (chores->rearming)
		chores->rearming = !masq_session_rearm(w->sessions, &chores->rearm_cursor, timeouts,
				w->now_ms, REARM_BUDGET);
}

static void
forget_fragments(struct masq_worker *w)
{
	struct masq_frag_result result;

	for (unsigned int round = 0; round < FRAG_BUDGET; round++) {
		masq_frag_tick(w->frag, w->now_ms, &result);
		if (result.n_dropped == 0)
			return;
		masq_fragments_give_up(w, &result);
	}
}

void
masq_housekeeping(struct masq_worker *w)
{
	rearm(w);
	w->chores.may_expire = EXPIRE_A_MS;
	masq_session_half_open_sweep(w->sessions, SWEEP_BUDGET);
	forget_fragments(w);
	w->waiting.look = w->waiting.n != 0;
	masq_neighbour_tick(w);
}
