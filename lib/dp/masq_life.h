/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_LIFE_H
#define MASQ_LIFE_H

/**
 * @file
 * The life of sessions: how packets change their state, how they end, and which ones are evicted;
 * masq_life.c.
 */

#include <stdbool.h>
#include <stdint.h>

struct masq_burst;
struct masq_half;
struct masq_worker;

/**
 * Update the protocol state for a packet of @p half; only TCP has states that packets change. If
 * that shortens the deadline, the session's creator moves it on its timer wheel.
 */
void masq_life_note(struct masq_worker *w, struct masq_half *half, uint8_t tcp_flags);

/** The same for packets that took the fast path: those named by masq_burst.changes, all of them TCP. */
void masq_life_note_burst(struct masq_worker *w, const struct masq_burst *b);

/**
 * End a session that this worker created.
 *
 * @return false: the worker that has the REPLY half cannot be asked now; the session is due again
 *	at once
 */
bool masq_life_end(struct masq_worker *w, uint32_t session);

/** Make room for @p n new sessions and for some that may follow, by evicting as many half-open
 * sessions as necessary. */
void masq_life_make_room(struct masq_worker *w, unsigned int n);

/** The same for one half of a session that another worker creates. */
void masq_life_make_room_for_half(struct masq_worker *w);

#endif /* MASQ_LIFE_H */
