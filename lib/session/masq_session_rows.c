/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Listings: copies of sessions for display, a page at a time.
 * Words
 *	cursor	a record index. Records do not move, so a session that lives from the first page to
 *		the last is listed exactly once, whatever else comes and goes.
 * Data and who owns it
 *	Rows belong to the caller. They are copied from the record, from the INITIAL half here, and
 *	from the REPLY half, which may belong to another worker: its counters and last-seen time are
 *	single words that may be written while they are read, so each value was true at some moment.
 *	The tuple of the REPLY half does not change while it lives, and it lives until the creator,
 *	on whose thread this runs, asks for its removal. That is why sessions whose removal has
 *	begun are not listed.
 * Threads
 *	The creator; scan limits how long it is kept from its packets.
 */

#include <rte_common.h>

#include "masq_session_priv.h"

static void
copy_row(const struct masq_session_table *table, struct masq_session *session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_session_row *row)
{
	const struct masq_half *half = masq_half_at(table, session->initial);
	enum masq_state state = atomic_load_explicit(&session->state, memory_order_relaxed);
	uint32_t timeout_ms = masq_state_timeout_ms(timeouts, state);
	uint32_t idle_ms = masq_session_idle_ms(table, session, now_ms);

	*row = (struct masq_session_row){
		.initial = *masq_half_key(table, session->initial),
		.state = state,
		.kind = session->kind,
		.creator = (uint8_t)table->worker,
		.reply_worker = session->reply_worker,
		.mark = session->mark,
		.origin = session->origin,
		.expires_ms = timeout_ms - RTE_MIN(idle_ms, timeout_ms),
		.age_ms = (uint32_t)now_ms - session->created_ms,
		.initial_packets = half->packets,
		.initial_bytes = half->bytes,
	};
	if (session->wheel_slot == MASQ_WHEEL_DUE)
		row->expires_ms = 0;
	if (session->reply == MASQ_HALF_NONE)
		return;
	half = session_reply_half(table, session);
	row->reply = *masq_half_key(table->tables[session->reply_worker], session->reply);
	row->reply_packets = __atomic_load_n(&half->packets, __ATOMIC_RELAXED);
	row->reply_bytes = __atomic_load_n(&half->bytes, __ATOMIC_RELAXED);
}

unsigned int
masq_session_rows(const struct masq_session_table *table, uint32_t *cursor,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, unsigned int scan,
		struct masq_session_row *rows, unsigned int max)
{
	unsigned int n = 0;

	for (; scan > 0 && n < max && *cursor < table->n_sessions; scan--, (*cursor)++) {
		struct masq_session *session = masq_session_at(table, *cursor);

		if (session->initial == MASQ_HALF_NONE || session->dying)
			continue;
		copy_row(table, session, timeouts, now_ms, &rows[n++]);
	}
	return n;
}
