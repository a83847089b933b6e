/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The timer wheel: finds the sessions that have timed out without scanning all of them, and
 *	without any packet touching the wheel.
 * Words
 *	slot		256 ms of the clock, counted from 0. Slot s is *due* when the clock reaches
 *			s * 256. A deadline belongs to the first slot that is due no earlier than
 *			it, so no session ends early, and none more than 255 ms late. Timeouts are
 *			whole seconds and are kept to the second: a quarter of that leaves room for
 *			a worker that polls late. Shorter slots would only make a turn shorter.
 *	turn		4096 slots, 1048.576 s: longer than all default timeouts but one.
 *	lane		one of the 4 lists of a slot, chosen by the session's index. Walking a list
 *			is a chain of cache misses; four lists are walked in the time of one. The
 *			list heads take 64 KB.
 *	parked		a session whose deadline lies beyond the turn waits in the last slot and is
 *			examined again there. A silent established TCP session is examined 8 times
 *			in its 7440 s.
 *	lazy		a session stays in its slot however often it is used. When the slot is due,
 *			the halves tell when the session was last used, and it moves to the slot
 *			where it now belongs. So a packet writes a timestamp in its own half and
 *			nothing else; only a deadline that comes *nearer* must move a session
 *			(masq_session_arm()).
 *	due list	one extra list, for sessions that must go whatever their clock says: another
 *			worker has to be asked for its half, and the message could not be sent yet.
 *			It is a queue: every session on it has its turn before one that was tried
 *			comes again. Otherwise sessions that wait for a stuck worker would block all
 *			others
 * Data and who owns it
 *	table->wheel: heads of the lists, which are linked through the records (wheel_next,
 *	wheel_prev). A record knows its list (wheel_slot). table->wheel_slot is the next slot to
 *	examine: every session on the wheel is in one of the 4096 slots from there on, or on the due
 *	list. Insertion is in masq_session_priv.h, because masq_session_open() needs it inline.
 * Bounds
 *	A tick examines at most budget sessions; the next one continues there. When the clock has
 *	jumped by more than a turn (fake clocks, a suspended machine), all slots are due, each once:
 *	the walk begins one turn before the present. So a tick never reads the heads of more than
 *	4096 slots.
 * Cost
 *	A tick takes sessions off the lists in batches: it prefetches the halves of each session
 *	while it walks on, then examines the batch. With 524287 sessions scattered over memory that
 *	takes 120 cycles per session; with one list per slot it was 390, and 8 lists are no better
 *	than 4.
 * Threads
 *	The creator. Last-seen times of REPLY halves are read from the tables of other workers.
 */

#include <rte_common.h>
#include <rte_prefetch.h>

#include "masq_session_priv.h"

#define BATCH 32

/* Workers read the clock at different moments, so a half may have been "seen" slightly after the
 * creator's now. A gap up to this is taken for that, not for 49 days of silence. */
#define SKEW_MS 60000

static_assert((MASQ_WHEEL_SLOTS & (MASQ_WHEEL_SLOTS - 1)) == 0, "slots are counted with a mask");
static_assert(MASQ_CONF_TIMEOUT_MAX_S * UINT64_C(1000) < INT32_MAX, "idle times have 32 bits");

void
masq_wheel_remove(struct masq_session_table *table, uint32_t session)
{
	struct masq_session *s = masq_session_at(table, session);

	if (s->wheel_slot == MASQ_SESSION_NONE)
		return;
	assert(s->wheel_slot != SESSION_FREE);
	if (s->wheel_prev != MASQ_SESSION_NONE)
		masq_session_at(table, s->wheel_prev)->wheel_next = s->wheel_next;
	else
		table->wheel[s->wheel_slot] = s->wheel_next;
	if (s->wheel_next != MASQ_SESSION_NONE)
		masq_session_at(table, s->wheel_next)->wheel_prev = s->wheel_prev;
	else if (s->wheel_slot == MASQ_WHEEL_DUE)
		table->due_last = s->wheel_prev;
	s->wheel_slot = MASQ_SESSION_NONE;
}

static uint32_t
since(uint32_t seen_ms, uint64_t now_ms)
{
	uint32_t idle_ms = (uint32_t)now_ms - seen_ms;

	return idle_ms > UINT32_MAX - SKEW_MS ? 0 : idle_ms;
}

uint32_t
masq_session_idle_ms(const struct masq_session_table *table, const struct masq_session *session,
		uint64_t now_ms)
{
	uint32_t seen_ms = session->created_ms, idle_ms;

	if (session->initial != MASQ_HALF_NONE)
		seen_ms = masq_half_at(table, session->initial)->last_seen_ms;
	idle_ms = since(seen_ms, now_ms);
	if (session->reply == MASQ_HALF_NONE)
		return idle_ms;
	/* racy: the other worker may be writing; either value is a time at which the session was in
	 * use. */
	seen_ms = __atomic_load_n(
			&session_reply_half(table, session)->last_seen_ms, __ATOMIC_RELAXED);
	return seen_ms != 0 ? RTE_MIN(idle_ms, since(seen_ms, now_ms)) : idle_ms;
}

static uint32_t
session_timeout_ms(struct masq_session *session, const struct masq_conf_timeouts *timeouts)
{
	return masq_state_timeout_ms(
			timeouts, atomic_load_explicit(&session->state, memory_order_relaxed));
}

static void
prefetch_record(const struct masq_session_table *table, uint32_t session)
{
	if (session < table->n_sessions)
		rte_prefetch0_write(masq_session_at(table, session));
}

void
masq_session_arm_fetch(const struct masq_session_table *table, uint32_t session)
{
	const struct masq_session *s = masq_session_at(table, session);

	prefetch_record(table, s->wheel_next);
	prefetch_record(table, s->wheel_prev);
}

static void
arm_until(struct masq_session_table *table, uint32_t session, uint64_t deadline_ms)
{
	struct masq_session *s = masq_session_at(table, session);
	uint32_t ahead = wheel_slots_ahead(table, deadline_ms);

	if (s->wheel_slot != MASQ_SESSION_NONE) {
		uint32_t now_ahead = (s->wheel_slot / MASQ_WHEEL_LANES -
						     (uint32_t)table->wheel_slot) &
				(MASQ_WHEEL_SLOTS - 1);

		/* Lazy: it will be examined early enough where it is, and moved on from there. */
		if (s->wheel_slot == MASQ_WHEEL_DUE || now_ahead <= ahead)
			return;
		masq_wheel_remove(table, session);
	}
	wheel_insert_ahead(table, session, ahead);
}

void
masq_session_arm_seen(struct masq_session_table *table, uint32_t session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms)
{
	arm_until(table, session,
			now_ms + session_timeout_ms(masq_session_at(table, session), timeouts));
}

void
masq_session_arm(struct masq_session_table *table, uint32_t session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms)
{
	struct masq_session *s = masq_session_at(table, session);
	uint64_t deadline_ms = now_ms + session_timeout_ms(s, timeouts);
	uint32_t idle_ms = masq_session_idle_ms(table, s, now_ms);

	arm_until(table, session, deadline_ms - RTE_MIN((uint64_t)idle_ms, deadline_ms));
}

void
masq_session_arm_now(struct masq_session_table *table, uint32_t session)
{
	struct masq_session *s = masq_session_at(table, session);

	masq_wheel_remove(table, session);
	if (table->wheel[MASQ_WHEEL_DUE] == MASQ_SESSION_NONE) {
		wheel_insert(table, session, MASQ_WHEEL_DUE);
	} else {
		s->wheel_slot = MASQ_WHEEL_DUE;
		s->wheel_prev = table->due_last;
		s->wheel_next = MASQ_SESSION_NONE;
		masq_session_at(table, table->due_last)->wheel_next = session;
	}
	table->due_last = session;
}

/* Prefetch what deciding on a session needs. */
static void
prefetch_halves(const struct masq_session_table *table, const struct masq_session *s)
{
	if (s->initial != MASQ_HALF_NONE)
		rte_prefetch0(masq_half_at(table, s->initial));
	if (s->reply != MASQ_HALF_NONE)
		rte_prefetch0(session_reply_half(table, s));
}

/* Detach sessions from the heads of adjacent lists, one from each list in turn. */
static unsigned int
detach(struct masq_session_table *table, uint32_t *list, unsigned int n_lists, uint32_t *batch,
		unsigned int max)
{
	unsigned int n = 0, before;

	do {
		before = n;
		for (unsigned int i = 0; i < n_lists && n < max; i++) {
			struct masq_session *s;

			if (list[i] == MASQ_SESSION_NONE)
				continue;
			s = masq_session_at(table, list[i]);
			batch[n++] = list[i];
			list[i] = s->wheel_next;
			s->wheel_slot = MASQ_SESSION_NONE;
			prefetch_halves(table, s);
			if (list[i] != MASQ_SESSION_NONE)
				rte_prefetch0_write(masq_session_at(table, list[i]));
		}
	} while (n > before);
	for (unsigned int i = 0; i < n_lists && n > 0; i++)
		if (list[i] != MASQ_SESSION_NONE)
			masq_session_at(table, list[i])->wheel_prev = MASQ_SESSION_NONE;
	return n;
}

/* Re-insert the sessions of a batch that were used, hand back the idle ones. */
static unsigned int
examine(struct masq_session_table *table, const struct masq_conf_timeouts *timeouts,
		uint64_t now_ms, const uint32_t *batch, unsigned int n, uint32_t *expired)
{
	unsigned int n_expired = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct masq_session *s = masq_session_at(table, batch[i]);
		uint32_t timeout_ms = session_timeout_ms(s, timeouts);
		uint32_t idle_ms = masq_session_idle_ms(table, s, now_ms);

		if (idle_ms >= timeout_ms) {
			expired[n_expired++] = batch[i];
			continue;
		}
		wheel_insert_ahead(table, batch[i],
				wheel_slots_ahead(table, now_ms + timeout_ms - idle_ms));
	}
	return n_expired;
}

unsigned int
masq_session_tick(struct masq_session_table *table, const struct masq_conf_timeouts *timeouts,
		uint64_t now_ms, unsigned int budget, uint32_t *expired, unsigned int max)
{
	uint64_t due_slot = now_ms / MASQ_WHEEL_SLOT_MS;
	uint32_t batch[BATCH];
	unsigned int n_expired, n, most = RTE_MIN(budget, max);

	/* A session whose removal could not be started returns to the due list at once, so half of
	 * the budget is left to the wheel. */
	if (table->wheel_slot <= due_slot)
		most = (most + 1) / 2;
	n_expired = detach(table, &table->wheel[MASQ_WHEEL_DUE], 1, expired, most);
	budget -= n_expired;

	if (due_slot >= table->wheel_slot + MASQ_WHEEL_SLOTS)
		table->wheel_slot = due_slot - (MASQ_WHEEL_SLOTS - 1);
	/* A batch never exceeds what can be handed back, in case all of it is idle. */
	while (table->wheel_slot <= due_slot && budget > 0 && n_expired < max) {
		n = RTE_MIN(RTE_MIN(budget, max - n_expired), (unsigned int)BATCH);
		n = detach(table, &table->wheel[wheel_lists_ahead(table, 0)], MASQ_WHEEL_LANES,
				batch, n);
		if (n == 0) {
			table->wheel_slot++;
			continue;
		}
		budget -= n;
		n_expired += examine(table, timeouts, now_ms, batch, n, expired + n_expired);
	}
	return n_expired;
}

void
masq_session_fetch(struct masq_session_table *table, const uint32_t *sessions, unsigned int n)
{
	const struct masq_tuple *place[2 * MASQ_SESSION_FETCH_MAX];
	struct masq_tuple key[2 * MASQ_SESSION_FETCH_MAX];
	uint32_t signature[2 * MASQ_SESSION_FETCH_MAX], index[2 * MASQ_SESSION_FETCH_MAX];
	unsigned int n_keys = 0;

	assert(n <= MASQ_SESSION_FETCH_MAX);
	for (unsigned int i = 0; i < n; i++) {
		const struct masq_session *s = masq_session_at(table, sessions[i]);

		prefetch_record(table, s->older);
		prefetch_record(table, s->younger);
		if (s->initial != MASQ_HALF_NONE)
			place[n_keys++] = masq_half_key(table, s->initial);
		if (s->reply != MASQ_HALF_NONE && s->reply_worker == table->worker)
			place[n_keys++] = masq_half_key(table, s->reply);
	}
	for (unsigned int i = 0; i < n_keys; i++)
		rte_prefetch0(place[i]);
	for (unsigned int i = 0; i < n_keys; i++)
		key[i] = *place[i];
	/* The result is known already; the point is that the lookup prefetches the buckets of all
	 * tuples. */
	masq_half_lookup_burst(table, key, sizeof(key[0]), signature, index, n_keys);
}

bool
masq_session_is_due(const struct masq_session_table *table, uint64_t now_ms)
{
	return table->wheel_slot <= now_ms / MASQ_WHEEL_SLOT_MS ||
			table->wheel[MASQ_WHEEL_DUE] != MASQ_SESSION_NONE;
}

bool
masq_session_rearm(struct masq_session_table *table, uint32_t *cursor,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, unsigned int budget)
{
	for (; budget > 0 && *cursor < table->n_sessions; budget--, (*cursor)++) {
		uint32_t slot = masq_session_at(table, *cursor)->wheel_slot;

		/* Off the wheel: free, not armed yet, or being removed. Leave it there. */
		if (slot != MASQ_SESSION_NONE && slot != SESSION_FREE)
			masq_session_arm(table, *cursor, timeouts, now_ms);
	}
	return *cursor >= table->n_sessions;
}
