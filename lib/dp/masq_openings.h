/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_OPENINGS_H
#define MASQ_OPENINGS_H

/**
 * @file
 * Openings: the new flows of a burst, whose sessions are made together; and marks of the tuples that came or
 * went in it. masq_slow_open.c.
 */

#include <masq_fib.h>

#include "masq_dp_priv.h"
#include "masq_judge.h"

static_assert(MASQ_BURST <= MASQ_NAT_BURST, "the sessions of a burst are opened in one call");

#define MASQ_MARKS_BITS 12 /**< of a signature: 4096 places, of which a burst marks some 32 */

/**
 * New flows of a burst, judged so far as to know that each shall have a session: parallel arrays.
 * They are opened together (masq_slow_open.c).
 */
struct masq_openings {
	unsigned int n;
	uint8_t place[MASQ_BURST]; /**< of the packet in the burst */
	struct masq_nat_flow flow[MASQ_BURST];
	struct masq_nat_result result[MASQ_BURST];
	uint64_t link[MASQ_BURST]; /**< not 0: judged, and where it goes; 0: the two below are valid */
	struct masq_fib_route route[MASQ_BURST];
	struct masq_judgement judgement[MASQ_BURST];
	/** Tuples that came or went in this burst, by signature. */
	uint8_t marks[1 << MASQ_MARKS_BITS];
	uint8_t burst; /**< number of this burst: its marks have this value. One of 256 bursts ago that is still
				there costs a lookup */
};

/**
 * Is there a record for one flow more than were gathered? Half-open sessions give way for it. For who has
 * to know before the flow is opened.
 */
bool masq_openings_have_room(struct masq_worker *w);

/** A burst begins. */
void masq_openings_begin(struct masq_openings *o);

/** The session table of this burst's lookup is not what it was for the tuple with this signature: it came, or
 * it went. */
static inline void
masq_openings_mark(struct masq_openings *o, uint32_t signature)
{
	o->marks[signature >> (32 - MASQ_MARKS_BITS)] = o->burst;
}

static inline void
masq_openings_mark_tuple(struct masq_worker *w, const struct masq_tuple *tuple)
{
	masq_openings_mark(w->openings, masq_half_signature(w->sessions, tuple));
}

/** Is what the burst's lookup said of a tuple with this signature out of date, perhaps? */
static inline bool
masq_openings_marked(const struct masq_openings *o, uint32_t signature)
{
	return o->marks[signature >> (32 - MASQ_MARKS_BITS)] == o->burst;
}

/**
 * Packet @p i is the first of a flow. Its flow and link, or route and judgement,
 * stand behind the last opening already; it is decided by masq_openings_flush().
 */
static inline void
masq_openings_add(struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	struct masq_openings *o = w->openings;

	o->place[o->n++] = (uint8_t)i;
	masq_openings_mark(o, b->signature[i]);
}

/**
 * Make the sessions that have been gathered, and send their packets.
 *
 * @param more	there are packets of this burst that have not been looked at
 */
void masq_openings_flush(struct masq_worker *w, struct masq_burst *b, bool more);

#endif /* MASQ_OPENINGS_H */
