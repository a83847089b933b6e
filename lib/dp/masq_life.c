/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of sessions, as far as the data path has a hand in it. lib/session has the tables, lib/nat
 * makes sessions and dismantles them; here stands what it takes to have both done from packets and
 * between workers.
 *
 * State. A segment that may change the protocol state of its session is noted. If its deadline comes
 * nearer by that, the creator has to move it on the wheel; another worker sends him a hint (TOUCH),
 * which may get lost: then the session only ends later.
 *
 * End. The halves leave the paths that they count for (masq_tally.c) before lib/nat takes them out. A
 * REPLY half on another worker has to be asked for. While too many questions are open
 * (masq_message.c) the session only takes no more packets, and is due again at once.
 *
 * Room. When there is less of it than new flows, half-open sessions give way, the oldest first
 * (masq_session_half_open.c). Established ones that are still at the old end of a list are in the way
 * then, and can be many: so while room becomes scarce each new flow takes some of them off. One with a
 * half on another worker takes a moment to go, too long for the burst that needs its record; so these
 * give way some flows ahead.
 *
 * Threads. The worker that owns the half, or made the session.
 */
#include "masq_life.h"

#include <netinet/in.h>

#include "masq_message.h"
#include "masq_openings.h"
#include "masq_tally.h"

#define LOOK_BUDGET 16 /* half-open sessions looked at for each that is wanted */
#define TRIES 16u /* sessions that give way at once, at most, or as many as are wanted */
#define SCARCE 4 /* room is scarce when less than a quarter of the table is left: then */
#define SWEEP_A_FLOW 4 /* half-open sessions are looked at for each new flow, more than come in */
#define AHEAD 16 /* what gives way ahead: at most a sixteenth of the table, a burst, */
#define OF_HALF_OPEN 8 /* and an eighth of the half-open sessions */

/* Its record is elsewhere: the deadline has come nearer. */
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
	if (masq_message_request(w, &msg, msg.nat.to)) {
		w->ending++;
		return true;
	}
	masq_nat_unsent(w->nat, &msg.nat);
	return false;
}

/* @return false: the colleague who has its other half cannot be asked now; it ends when he can */
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

/* How many more sessions, or single halves, have room here? */
static uint32_t
room_left(const struct masq_worker *w, bool halves)
{
	if (halves)
		return masq_half_capacity(w->sessions) - masq_half_used(w->sessions);
	return masq_session_room(w->sessions);
}

/*
 * Half-open sessions give way, the oldest first, until there is room for n, and has been asked for
 * ahead more.
 *
 * Where there is no room for n each that is met goes, whoever has its other half, until there is: a
 * colleague who is asked for a half may take long to answer. What is done ahead stops at the first
 * that would leave at once, for that needs no asking ahead; and at the first whose colleague cannot
 * be asked now.
 */
static __rte_noinline void
make_way(struct masq_worker *w, bool halves, unsigned int n, unsigned int ahead)
{
	for (unsigned int tries = RTE_MAX(n + ahead, TRIES); tries > 0; tries--) {
		uint32_t room = room_left(w, halves), victim;
		bool enough = room >= n, enough_ahead = room + w->ending >= n + ahead;

		if (enough && enough_ahead)
			return;
		victim = masq_session_oldest_half_open(w->sessions, LOOK_BUDGET);
		if (victim == MASQ_SESSION_NONE)
			return;
		if (enough && masq_session_at(w->sessions, victim)->reply_worker == w->id)
			return;
		if (!evict(w, victim) && enough)
			return;
	}
}

/* So many flows before their records are needed, sessions with a half on another worker give way.
 * That is against floods: where few are half-open they are about to be established, and may have the
 * room that is left. */
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
