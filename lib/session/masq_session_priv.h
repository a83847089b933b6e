/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SESSION_PRIV_H
#define MASQ_SESSION_PRIV_H

#include <rte_common.h>
#include <rte_hash.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include <masq_session.h>

/**
 * The position that a coming insertion will get. rte_hash reuses free positions first in, first
 * out: it takes them from a ring of slot numbers, each a position plus 1.
 *
 * @param ahead	0: the next insertion
 * @return the position; an arbitrary number if fewer positions are free
 */
static inline uint32_t
masq_half_coming(const struct masq_session_table *table, uint32_t ahead)
{
	const struct rte_ring *ring = table->positions;
	const uint32_t *slots = (const void *)(ring + 1);

	return slots[(ring->cons.head + ahead) & ring->mask] - 1;
}

/*
 * In a box that has run for a while, free halves are scattered over memory, and an insertion that
 * learns its position only then waits for the cache line. So half and tuple are prefetched this
 * many insertions ahead. That takes a new session from 1200 to 710 cycles at 64 k sessions and from
 * 1450 to 860 at 1 M; 6 or 20 make no difference.
 */
#define HALF_AHEAD 12

/** Prefetch half and tuple of @p n coming positions, HALF_AHEAD insertions from now. */
static inline void
half_prefetch_coming(const struct masq_session_table *table, unsigned int n)
{
	if (unlikely(table->positions == NULL))
		return;
	for (unsigned int i = 0; i < n; i++) {
		uint32_t position = masq_half_coming(table, HALF_AHEAD + i);

		/* Only a hint: prefetching an address that does not exist has no effect. */
		rte_prefetch0(table->halves + position);
		rte_prefetch0(table->keys + (size_t)position * table->key_stride);
	}
}

/**
 * Add a tuple; the caller fills in the half at its position. Sets only its session.
 *
 * @return its index; MASQ_HALF_NONE: the table is full, or it already has the tuple
 */
static inline uint32_t
half_add(struct masq_session_table *table, const struct masq_tuple *key, uint32_t signature,
		uint32_t session)
{
	int32_t position = rte_hash_add_key_with_hash(table->hash, key, signature);

	assert(session != MASQ_SESSION_NONE);
	/* For a tuple that it already has, rte_hash returns the existing position. Two sessions
	 * must not share a half, whatever the caller has overlooked. */
	if (unlikely(position < 0 || table->halves[position].session != MASQ_SESSION_NONE))
		return MASQ_HALF_NONE;
	table->halves[position].session = session;
	table->n_used++;
	return (uint32_t)position;
}

/** Value of masq_session.wheel_slot in a free record; lets a double free be detected. */
#define SESSION_FREE (MASQ_SESSION_NONE - 1)

/** Value of masq_session.older in a record that is not on a half-open list. */
#define HALF_OPEN_OFF (MASQ_SESSION_NONE - 1)

/** Take a session off its half-open list, if it is on it. */
void masq_half_open_remove(struct masq_session_table *table, struct masq_session *s);

/** Take a session off the wheel, if it is on it. */
void masq_wheel_remove(struct masq_session_table *table, uint32_t session);

/**
 * Time since the last packet of a session in either direction, wherever its halves live.
 *
 * The clock of the halves has 32 bits. It is correct if a half is read at least once in 49 days
 * minus the timeout; every session on the wheel is examined once per turn of 17 minutes.
 */
uint32_t masq_session_idle_ms(const struct masq_session_table *table,
		const struct masq_session *session, uint64_t now_ms);

/**
 * Number of slots from the next one to be examined to the one in which a deadline expires; at most
 * MASQ_WHEEL_SLOTS - 1.
 */
static inline uint32_t
wheel_slots_ahead(const struct masq_session_table *table, uint64_t deadline_ms)
{
	uint64_t slot = (deadline_ms + MASQ_WHEEL_SLOT_MS - 1) / MASQ_WHEEL_SLOT_MS;

	if (slot <= table->wheel_slot)
		return 0;
	return (uint32_t)RTE_MIN(slot - table->wheel_slot, (uint64_t)MASQ_WHEEL_SLOTS - 1);
}

/** First list of the slot that is @p slots ahead. */
static inline uint32_t
wheel_lists_ahead(const struct masq_session_table *table, uint32_t slots)
{
	return ((uint32_t)(table->wheel_slot + slots) & (MASQ_WHEEL_SLOTS - 1)) * MASQ_WHEEL_LANES;
}

/** Put a session that is not on the wheel on one of its lists. */
static inline void
wheel_insert(struct masq_session_table *table, uint32_t session, uint32_t list)
{
	struct masq_session *s = masq_session_at(table, session);
	uint32_t head = table->wheel[list];

	s->wheel_slot = list;
	s->wheel_prev = MASQ_SESSION_NONE;
	s->wheel_next = head;
	if (head != MASQ_SESSION_NONE)
		masq_session_at(table, head)->wheel_prev = session;
	table->wheel[list] = session;
}

static inline void
wheel_insert_ahead(struct masq_session_table *table, uint32_t session, uint32_t slots)
{
	wheel_insert(table, session, wheel_lists_ahead(table, slots) + session % MASQ_WHEEL_LANES);
}

/** The half-open list of the side that creates sessions of this kind. */
static inline struct masq_half_open_list *
half_open_list(struct masq_session_table *table, uint8_t kind)
{
	return &table->half_open[kind != MASQ_SESSION_PORTFW];
}

/** Add a session that is on no half-open list as the youngest of its side. */
static inline void
half_open_insert(struct masq_session_table *table, uint32_t session)
{
	struct masq_session *s = masq_session_at(table, session);
	struct masq_half_open_list *list = half_open_list(table, s->kind);

	s->older = list->youngest;
	s->younger = MASQ_SESSION_NONE;
	if (list->youngest != MASQ_SESSION_NONE)
		masq_session_at(table, list->youngest)->younger = session;
	else
		list->oldest = session;
	list->youngest = session;
	list->n++;
}

/** The REPLY half of a session that has one, in the table of its owner. */
static inline struct masq_half *
session_reply_half(const struct masq_session_table *table, const struct masq_session *session)
{
	assert(session->reply_worker < table->n_tables);
	return masq_half_at(table->tables[session->reply_worker], session->reply);
}

#endif /* MASQ_SESSION_PRIV_H */
