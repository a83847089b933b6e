/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The order in which half-open sessions give way when a flood has used up the records.
 * Words
 *	half-open	nobody has answered yet. A TCP session also as long as its initiator has
 *			sent nothing but SYN segments, because a server that answers a SYN flood
 *			answers each segment; and in state CLOSE, because a flood of other segments
 *			is answered with resets
 *	side		where the initiator is: inside, or outside and admitted by a forwarding
 *			rule. Each side has its own list, and the longer list gives way, so a flood
 *			from one side takes nothing from the other
 *	off the list	the field older is HALF_OPEN_OFF
 * Data and who owns it
 *	Two lists linked through the records (older, younger), by age: a session enters at the young
 *	end and leaves from anywhere. It is on a list from masq_session_half_open() until it is
 *	retired or found to be established. The packet path does not touch the lists: an established
 *	session is found when it has become the oldest, by the sweep of the housekeeping or when
 *	room is needed.
 * Cost
 *	Insertion touches one other record, which was written just now. Removal touches two
 *	neighbours, which are about as old and end at about the same time. A first design removed a
 *	session with the packet that established it: that packet then took three cache misses, 300
 *	cycles at 65536 sessions.
 * Threads
 *	The creator. racy: the last-seen time of a REPLY half on another worker; a session that is
 *	answered at this very moment may be removed.
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

/* @return the oldest session of a list that really is half-open; MASQ_SESSION_NONE: none within the
 *	budget */
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
