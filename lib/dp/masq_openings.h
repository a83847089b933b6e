/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_OPENINGS_H
#define MASQ_OPENINGS_H

/**
 * @file
 * Openings: the new flows of a burst, whose sessions are created together; and marks for tuples
 * that were added or removed meanwhile; masq_slow_open.c.
 */

#include <masq_fib.h>
#include <masq_nat.h>

#include "masq_judge.h"
#include "masq_worker.h"

static_assert(MASQ_BURST <= MASQ_NAT_BURST, "the sessions of a burst are opened in one call");

/** Bits of a signature used: 4096 places, of which a burst marks some 32. */
#define MASQ_MARKS_BITS 12
#define MASQ_MARKS_SPREAD UINT32_C(0x9e3779b1) /**< makes a signature of a line of verdicts */

/**
 * New flows of a burst that have been judged far enough to know that each gets a session: parallel
 * arrays. They are opened together (masq_slow_open.c).
 */
struct masq_openings {
	unsigned int n;
	uint8_t place[MASQ_BURST]; /**< the packet's index in the burst */
	struct masq_nat_flow flow[MASQ_BURST];
	struct masq_nat_result result[MASQ_BURST];
	/** not 0: judged completely, and this is its link address; 0: the next two are valid */
	uint64_t link[MASQ_BURST];
	struct masq_fib_route route[MASQ_BURST];
	struct masq_judgement judgement[MASQ_BURST];
	/** Tuples that were added or removed during this burst, by signature. */
	uint8_t marks[1 << MASQ_MARKS_BITS];
	/** value of this burst's marks. A mark left by a burst 256 bursts ago costs one lookup */
	uint8_t burst;
	/** in this burst, a kind was not known although a session of it had been opened */
	bool kinds_stay_unknown;
};

/**
 * Is there a record for one more flow than were gathered? Evicts half-open sessions if necessary.
 * For callers that must know before they open the flow.
 */
bool masq_openings_have_room(struct masq_worker *w);

/** Begin a burst. */
void masq_openings_begin(struct masq_openings *o);

/** Mark the tuple with this signature: it was added to or removed from the session table after the
 * burst's lookup. */
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

/** May the burst's lookup be out of date for a tuple with this signature? */
static inline bool
masq_openings_marked(const struct masq_openings *o, uint32_t signature)
{
	return o->marks[signature >> (32 - MASQ_MARKS_BITS)] == o->burst;
}

/**
 * Add packet @p i, the first of a flow. The caller has filled in the flow, and the link or the
 * route and judgement, behind the last opening. masq_openings_flush() decides the packet.
 */
static inline void
masq_openings_add(struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	struct masq_openings *o = w->openings;

	o->place[o->n++] = (uint8_t)i;
	masq_openings_mark(o, b->signature[i]);
}

/** Mark the kind of packet @p i, which may be remembered: it may be known when what was gathered has
 * been opened. */
static inline void
masq_openings_mark_kind(struct masq_openings *o, const struct masq_burst *b, unsigned int i)
{
	masq_openings_mark(o, b->judged_line[i] * MASQ_MARKS_SPREAD);
}

/** Does the kind of packet @p i, which may be remembered, have a mark? */
static inline bool
masq_openings_kind_marked(const struct masq_openings *o, const struct masq_burst *b, unsigned int i)
{
	return masq_openings_marked(o, b->judged_line[i] * MASQ_MARKS_SPREAD);
}

/**
 * Create the sessions that have been gathered, and send their packets.
 *
 * @param more	packets of this burst are still to be handled
 */
void masq_openings_flush(struct masq_worker *w, struct masq_burst *b, bool more);

#endif /* MASQ_OPENINGS_H */
