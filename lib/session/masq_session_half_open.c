/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The order in which half-open sessions give way when a flood has used up the records.
 * Words
 *	half-open	nobody has answered yet; a TCP session also while its maker has sent nothing but
 *			SYN segments, because a flood of these at a server that answers gets an answer
 *			to each; and one that is closed, because a flood of other segments is reset
 *	side		who made the session: a host inside, or one outside by a forwarding rule. Each
 *			side has a list of its own, and the longer one gives way, so a flood from
 *			one side takes nothing from the other
 *	off the list	older is HALF_OPEN_OFF
 * Data and who owns it
 *	Two lists threaded through the records (older, younger), by age: a session comes in at the
 *	young end and leaves from anywhere. A session is on a list from masq_session_half_open() until
 *	it is retired or found to be established.
 *	Packets know nothing of the lists: an established session is found when it has become the
 *	oldest, by the sweep of the housekeeping or when room is needed.
 * Cost
 *	In: one record that was written just now. Out: two neighbours, which are about as old, and end
 *	about then. A first design took a session off with the packet that established it: that packet
 *	then cost three cold cache lines, 300 cycles at 65536 sessions.
 * Threads
 *	The creator. racy: the last-seen time of a REPLY half elsewhere; a session that is answered in
 *	this very moment may go.
 */

#include <netinet/in.h>

#include <rte_common.h>

#include "masq_session_priv.h"

void
masq_session_half_open(struct masq_session_table *table, uint32_t session)
{
	assert(masq_session_at(table, session)->older == HALF_OPEN_OFF);
	half_open_insert(table, session);
}

void
masq_half_open_remove(struct masq_session_table *table, struct masq_session *s)
{
	struct masq_half_open_list *list = half_open_list(table, s->kind);

	if (s->older == HALF_OPEN_OFF)
		return;
	if (s->older != MASQ_SESSION_NONE)
		masq_session_at(table, s->older)->younger = s->younger;
	else
		list->oldest = s->younger;
	if (s->younger != MASQ_SESSION_NONE)
		masq_session_at(table, s->younger)->older = s->older;
	else
		list->youngest = s->older;
	s->older = HALF_OPEN_OFF;
	list->n--;
}

static bool
is_established(const struct masq_session_table *table, const struct masq_session *s)
{
	const struct masq_half *initial = masq_half_at(table, s->initial);

	if (__atomic_load_n(&session_reply_half(table, s)->last_seen_ms, __ATOMIC_RELAXED) == 0)
		return false;
	if (s->proto != IPPROTO_TCP)
		return true;
	return initial->packets > initial->syns &&
			atomic_load_explicit(&s->state, memory_order_relaxed) != MASQ_STATE_CLOSE;
}

/* @return the oldest of a list that is half-open indeed, MASQ_SESSION_NONE: none within the budget */
static uint32_t
oldest(struct masq_session_table *table, const struct masq_half_open_list *list,
		unsigned int *budget)
{
	for (; *budget > 0 && list->n > 0; (*budget)--) {
		struct masq_session *s = masq_session_at(table, list->oldest);

		if (!is_established(table, s))
			return list->oldest;
		masq_half_open_remove(table, s);
	}
	return MASQ_SESSION_NONE;
}

void
masq_session_half_open_sweep(struct masq_session_table *table, unsigned int budget)
{
	for (unsigned int side = 0; side < RTE_DIM(table->half_open); side++)
		oldest(table, &table->half_open[side], &budget);
}

uint32_t
masq_session_oldest_half_open(struct masq_session_table *table, unsigned int budget)
{
	while (budget > 0 && masq_session_half_open_count(table) > 0) {
		bool inside = table->half_open[1].n > table->half_open[0].n;
		uint32_t session = oldest(table, &table->half_open[inside], &budget);

		if (session != MASQ_SESSION_NONE)
			return session;
	}
	return MASQ_SESSION_NONE;
}

uint32_t
masq_session_half_open_count(const struct masq_session_table *table)
{
	return table->half_open[0].n + table->half_open[1].n;
}
