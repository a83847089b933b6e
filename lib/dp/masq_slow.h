/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SLOW_H
#define MASQ_SLOW_H

/**
 * @file
 * The slow path's own verbs. Each works on packet @p i of burst @p b, and leaves it decided
 * unless it says otherwise.
 */

#include <masq_fib.h>
#include <masq_hash.h>

#include "masq_dp_priv.h"
#include "masq_link.h"

/** What chains of one packet said so far, and what they are asked about. */
struct masq_judgement {
	struct masq_rules_result result;
	struct masq_rules_input input; /**< the packet as it arrived */
	enum masq_rules_verdict forward; /**< what the forward chain said, if it was asked */
	uint32_t mark; /**< as the chains before the output chain left it */
	const struct rte_mbuf *mbuf; /**< the packet, for its log lines */
	uint8_t ttl_out; /**< what its TTL will be when it leaves, for its log lines */
	unsigned int n_asked;

	struct {
		enum masq_conf_builtin chain;
		uint32_t n_matches; /**< matches of the chains before it */
		struct masq_rules_input input; /**< what the chain saw */
	} asked[MASQ_CHAIN_BUILTINS]; /**< in order, to ask again for a very long path */
};

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

/* masq_slow_open.c */

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

/** What packets of a half become. */
static inline struct masq_tuple
masq_slow_translated(const struct masq_half *half)
{
	return (struct masq_tuple){
		.src = half->rewrite.src,
		.dst = half->rewrite.dst,
		.sport = half->rewrite.sport,
		.dport = half->rewrite.dport,
		.proto = half->rewrite.proto,
	};
}

/** Is the forward chain asked about packets of this half, which came to @p dst? What came to an address of
 * the box itself skips it: also a hairpin's answers. */
static inline bool
masq_slow_asks_forward(const struct masq_half *half, rte_be32_t dst)
{
	return (half->flags & MASQ_HALF_FROM_INSIDE) != 0 && half->rewrite.dst == dst;
}

/* masq_slow_judge.c */

/** Fill in judgement->input from the packet and start with an empty result. */
void masq_judge_begin(const struct masq_burst *b, unsigned int i, struct masq_judgement *judgement);

/**
 * Ask one chain. @p tuple is what the chain sees, @p port the interface that it looks at.
 *
 * @return true: go on. false: the packet is decided: dropped with the chain's name, counted, and a
 *	REJECT answered (reference 5.4).
 */
bool masq_judge_chain(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		enum masq_conf_builtin chain, const struct masq_tuple *tuple, uint8_t port,
		struct masq_judgement *judgement);

/**
 * Count the packet on every rule that it matched: once, when it is known what becomes of it. Not for
 * a packet that its half counts, nor for one that is parked, which will be judged again.
 */
void masq_judge_count(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement);

/** Drop a packet that the chains asked so far let through: it is counted. */
void masq_judge_drop(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason);

/** masq_slow_neighbour() for a packet that is not counted yet: it is if it was dropped there, else the caller
 * counts. */
uint64_t masq_judge_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, const struct masq_fib_route *route,
		struct masq_neigh_ref *ref);

/** A packet without session, or whose session does not matter now, leaves as it is: output chain,
 * neighbour, TTL. The chains before have been asked already. */
void masq_slow_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route);

/** A half whose verdict is not of this rule set, or whose packets are all judged one by one. */
void masq_slow_half(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/**
 * Judge the rest of a packet of a new session: output chain, then remember, rewrite, address.
 * The chains before have been asked already (@p judgement).
 */
void masq_slow_half_finish(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route);

/** A packet without session whose kind is known to be routed (masq_judged.h). */
void masq_slow_route_judged(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judged *judged, const struct masq_fib_route *route);

/* masq_slow_flow.c */

/** A packet without session. */
void masq_slow_flow(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/** A session could not be made: count and drop its packet, tell the sender if he may hear of it. */
void masq_slow_refuse(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason);

/** The same for a packet that is not judged: another worker refused it, or it took the short way. Input and
 * forward chain are asked first. */
void masq_slow_refuse_late(
		struct masq_worker *w, struct masq_burst *b, unsigned int i, enum masq_drop reason);

/* masq_slow_icmp.c */

/** An ICMP error. */
void masq_slow_icmp_error(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/* masq_packet_log.c */

/**
 * Hand the matches of rules with -l to the control thread: one record a match, into the worker's
 * ring. Never waits: what finds the ring full, or comes faster than MASQ_DP_LOG_RATE, is counted.
 *
 * @param result	its matches are in w->matches: all, or those from result->first on
 * @param tos	in/out: TOS before the first of them, then behind the last
 */
void masq_packet_log(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement, const struct masq_rules_result *result,
		uint8_t *tos);

/* masq_slow_send.c */

/**
 * TTL and MTU, which come before the forward chain (reference 1.2).
 *
 * @return true: fine. false: counted, dropped, and answered with ICMP 11/0 or 3/4
 */
bool masq_slow_fits(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, uint8_t departure);

/**
 * Find the neighbour of a route.
 *
 * @param ref	out
 * @return word of masq_neigh_word(); 0: the link address is not known, or packets that came before
 *	still wait for it: masq_slow_neighbour() is to be asked
 */
static inline uint64_t
masq_slow_link(struct masq_worker *w, const struct masq_fib_route *route,
		struct masq_neigh_ref *ref)
{
	if (unlikely(w->n_parked != 0) &&
			masq_neighbour_is_waited_for(w, route->port, route->next_hop))
		return 0;
	return masq_link_find(w, route->port, route->next_hop, ref);
}

/**
 * Find the neighbour of a route. When its link address is not known the packet is parked, also while
 * others that came before are; it is dropped if the neighbour does not answer. Nothing is counted
 * here.
 *
 * @param ref	out
 * @return word of masq_neigh_word(), 0: the packet is decided
 */
uint64_t masq_slow_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_fib_route *route, struct masq_neigh_ref *ref);

/** Address a finished packet and mark it to be sent, in pieces if it is too long for the link. */
void masq_slow_send(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint64_t link,
		uint8_t departure);

/** Nothing leads to where the packet wants to go: counted, dropped by name, its sender learns (ICMP 3/0). */
void masq_slow_no_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement);

/** Nobody out there can have this source: an own address, or one of all hosts of a network. */
bool masq_slow_is_martian(const struct masq_worker *w, uint32_t src);

/**
 * Answer the offender with an ICMP error, if it may be answered and not too many have been
 * (MASQ_DP_ICMP_RATE). The packet itself stays.
 */
void masq_slow_icmp(struct masq_worker *w, const struct masq_burst *b, unsigned int i, uint8_t type,
		uint8_t code, uint16_t mtu);

/** The same about a packet that is not in the burst; @p arrival is the port by which it came. */
void
masq_slow_icmp_about(struct masq_worker *w, const struct rte_mbuf *mbuf, const struct masq_pkt *pkt,
		uint8_t arrival, uint8_t type, uint8_t code, uint16_t mtu);

/** Send a packet that the box made, by route; it waits for a link address like others. */
void masq_slow_originate(struct masq_worker *w, struct rte_mbuf *mbuf, uint32_t dst);

/* masq_local.c */

void masq_local_arp(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/** A packet for the box itself that no rule forwards. */
void masq_local_deliver(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement);

#endif /* MASQ_SLOW_H */
