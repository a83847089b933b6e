/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SESSION_PRIV_H
#define MASQ_SESSION_PRIV_H

#include <masq_session.h>

/** Value of masq_session.wheel_slot in a free record, so that freeing twice is noticed. */
#define SESSION_FREE (MASQ_SESSION_NONE - 1)

/** Value of masq_session.older in a record that is not on a list of half-open sessions. */
#define HALF_OPEN_OFF (MASQ_SESSION_NONE - 1)

/** Take a session off the list of half-open ones if it is on it. */
void masq_half_open_remove(struct masq_session_table *table, struct masq_session *s);

/** Take a session off the wheel if it is on it. */
void masq_wheel_remove(struct masq_session_table *table, uint32_t session);

/**
 * How long no packet of a session has come, by the younger of its halves, wherever they live.
 *
 * The clock of the halves has 32 bits: right as long as somebody asks once in 49 days less the
 * timeout, and every session on the wheel is looked at once a turn of 17 minutes.
 */
uint32_t masq_session_idle_ms(const struct masq_session_table *table,
		const struct masq_session *session, uint64_t now_ms);

/** The REPLY half of a session that has one, in the table of its worker. */
static inline struct masq_half *
session_reply_half(const struct masq_session_table *table, const struct masq_session *session)
{
	assert(session->reply_worker < table->n_tables);
	return masq_half_at(table->tables[session->reply_worker], session->reply);
}

#endif /* MASQ_SESSION_PRIV_H */
