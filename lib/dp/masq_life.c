/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of sessions, as far as the data path is concerned. lib/session has the tables, and
 * lib/nat creates and removes sessions; this file calls both on behalf of packets and other
 * workers.
 *
 * State. A segment that may change the protocol state of its session is reported here. If that
 * shortens the deadline, the session's creator has to move it on its timer wheel. Another worker
 * sends the creator a hint (TOUCH), which may get lost; then the session only ends later.
 *
 * End. Both halves leave the paths that they count for (masq_tally.c) before lib/nat removes them.
 * A REPLY half on another worker has to be requested. While too many requests are unanswered
 * (masq_message.c), the session merely accepts no more packets and is due again at once.
 *
 * Room. If there is less room than there are new flows, half-open sessions are evicted, oldest
 * first (masq_session_half_open.c). Established sessions that are still at the old end of a list
 * are then in the way, and can be many; so while room is scarce each new flow removes some of them
 * from the list, and more if there is no room at all. A session with a half on another worker takes
 * a while to go, too long for the burst that needs its record, so such sessions are evicted some
 * flows ahead.
 *
 * Threads. The worker that owns the half, or that created the session.
 */
#include "masq_life.h"

#include <netinet/in.h>

#include <masq_nat.h>

#include "masq_message.h"
#include "masq_openings.h"
#include "masq_snapshot.h"
#include "masq_tally.h"
#include "masq_worker.h"

#define LOOK_BUDGET 16 /* half-open sessions examined in a search for one to evict */
#define TRIES 16u /* searches in one go: at most this, or as many as sessions are wanted */
#define SCARCE 4 /* room is scarce below this fraction (1/4) of the table */
/* half-open sessions examined per new flow while room is scarce: more than are added */
#define SWEEP_A_FLOW 4
#define AHEAD 16 /* evicted ahead: at most this fraction (1/16) of the table, a burst, */
#define OF_HALF_OPEN 8 /* and this fraction (1/8) of the half-open sessions */

/* Tell the creator, which has the record, that the deadline is nearer. */
static void
touch(struct masq_worker *w, const struct masq_half *half)
{
	const union masq_message msg = {
		.nat = { .op = MASQ_NAT_TOUCH, .to = half->creator, .session = half->session }
	};

	masq_message_hint(w, &msg, half->creator);
}

void
masq_life_note(struct masq_worker *w, struct masq_half *half, uint8_t tcp_flags)
{
	if (half->rewrite.proto != IPPROTO_TCP ||
			!masq_session_event(w->sessions, half, tcp_flags, &w->snapshot->timeouts))
		return;
	if (half->creator == w->id)
		masq_session_arm(w->sessions, half->session, &w->snapshot->timeouts, w->now_ms);
	else
		touch(w, half);
}

void
masq_life_note_burst(struct masq_worker *w, const struct masq_burst *b)
{
	const struct masq_conf_timeouts *timeouts = &w->snapshot->timeouts;
	uint32_t nearer[MASQ_BURST];
	unsigned int n = 0;

	for (uint32_t left = b->changes; left != 0; left &= left - 1) {
		unsigned int i = masq_burst_first(left);
		struct masq_half *half = masq_half_at(w->sessions, b->half[i]);

		if (!masq_session_event(w->sessions, half, b->pkt[i].tcp_flags, timeouts))
			continue;
		if (half->creator != w->id) {
			touch(w, half);
			continue;
		}
		masq_session_arm_fetch(w->sessions, half->session);
		nearer[n++] = half->session;
	}
	for (unsigned int k = 0; k < n; k++)
		masq_session_arm_seen(w->sessions, nearer[k], timeouts, w->now_ms);
}

bool
masq_life_end(struct masq_worker *w, uint32_t session)
{
	const struct masq_session *record = masq_session_at(w->sessions, session);
	union masq_message msg;

	masq_tally_leave(w, masq_half_at(w->sessions, record->initial));
	if (record->reply_worker == w->id)
		masq_tally_leave(w, masq_half_at(w->sessions, record->reply));
	if (!masq_nat_close(w->nat, session, &msg.nat))
		return true;
	if (masq_message_request(w, &msg, msg.nat.to))
		return true;
	masq_nat_unsent(w->nat, &msg.nat);
	return false;
}

/* @return false: the worker that has the other half cannot be asked now; the session ends later */
static bool
evict(struct masq_worker *w, uint32_t session)
{
	const struct masq_session *s = masq_session_at(w->sessions, session);
	bool is_ending;

	masq_openings_mark_tuple(w, masq_half_key(w->sessions, s->initial));
	if (s->reply_worker == w->id)
		masq_openings_mark_tuple(w, masq_half_key(w->sessions, s->reply));
	is_ending = masq_life_end(w, session);
	w->counters.sessions_evicted += is_ending;
	return is_ending;
}

/* Count the sessions, or single halves, for which there is room. */
static uint32_t
room_left(const struct masq_worker *w, bool halves)
{
	if (halves)
		return masq_half_capacity(w->sessions) - masq_half_used(w->sessions);
	return masq_session_room(w->sessions);
}

/*
 * Evict half-open sessions, oldest first, until there is room for n and until room for ahead more
 * has been requested.
 *
 * Without room for n, evict whatever comes first, wherever its other half is: another worker may
 * take long to answer. Eviction ahead stops at the first session that could be removed immediately,
 * because that needs no time ahead; and at the first whose other worker cannot be asked now.
 */
static __rte_noinline void
make_way(struct masq_worker *w, bool halves, unsigned int n, unsigned int ahead)
{
	for (unsigned int tries = RTE_MAX(n + ahead, TRIES); tries > 0; tries--) {
		uint32_t room = room_left(w, halves), victim;
		bool enough = room >= n, enough_ahead = room + w->requests.ending >= n + ahead;

		if (enough && enough_ahead)
			return;
		victim = masq_session_oldest_half_open(w->sessions, LOOK_BUDGET);
		if (victim == MASQ_SESSION_NONE) {
			if (enough || masq_session_half_open_count(w->sessions) == 0)
				return;
			continue; /* the established ones that it met are off the list now */
		}
		if (enough && masq_session_at(w->sessions, victim)->reply_worker == w->id)
			return;
		if (!evict(w, victim) && enough)
			return;
	}
}

/* How many flows ahead sessions with a half on another worker are evicted. This is for floods: a
 * few half-open sessions are about to be established, and may use the room that is left. */
static unsigned int
flows_ahead(const struct masq_worker *w)
{
	uint32_t ahead = RTE_MIN(masq_session_capacity(w->sessions) / AHEAD, (uint32_t)MASQ_BURST);

	if (w->n_workers == 1)
		return 0;
	return RTE_MIN(ahead, masq_session_half_open_count(w->sessions) / OF_HALF_OPEN);
}

void
masq_life_make_room(struct masq_worker *w, unsigned int n)
{
	unsigned int ahead = flows_ahead(w);
	uint32_t room = room_left(w, false);

	if (unlikely(room < masq_session_capacity(w->sessions) / SCARCE))
		masq_session_half_open_sweep(w->sessions, SWEEP_A_FLOW * n);
	if (unlikely(room < n + ahead))
		make_way(w, false, n, ahead);
}

void
masq_life_make_room_for_half(struct masq_worker *w)
{
	unsigned int ahead = flows_ahead(w);

	if (unlikely(room_left(w, true) < 1 + ahead))
		make_way(w, true, 1, ahead);
}
