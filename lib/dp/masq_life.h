/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_LIFE_H
#define MASQ_LIFE_H

/**
 * @file
 * The life of sessions: what packets do to their state, how they end, who gives way; masq_life.c.
 */

#include "masq_dp_priv.h"

/**
 * A packet of @p half has come: if it is TCP, change the protocol state as its flags demand. When the
 * deadline comes nearer by that, the creator of the session moves it on his wheel.
 */
void masq_life_note(struct masq_worker *w, struct masq_half *half, uint8_t tcp_flags);

/** The same for packets that took the fast path: those that masq_burst.changes names, all of them TCP. */
void masq_life_note_burst(struct masq_worker *w, const struct masq_burst *b);

/**
 * End a session of this worker.
 *
 * @return false: the colleague who has its REPLY half cannot be asked now; it is due again at once
 */
bool masq_life_end(struct masq_worker *w, uint32_t session);

/** Half-open sessions give way, as far as they have to, for @p n new ones and some that may follow. */
void masq_life_make_room(struct masq_worker *w, unsigned int n);

/** The same for one half, of a session that another worker makes. */
void masq_life_make_room_for_half(struct masq_worker *w);

#endif /* MASQ_LIFE_H */
