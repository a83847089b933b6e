/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SLOW_H
#define MASQ_SLOW_H

/**
 * @file
 * The slow path's own verbs. Each works on packet @p i of burst @p b, and leaves it decided
 * unless it says otherwise.
 */

#include <masq_fib.h>

#include "masq_dp_priv.h"
#include "masq_link.h"
#include "masq_neighbour.h"

struct masq_judged;
struct masq_judgement;

/* masq_slow_judge.c */

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

#endif /* MASQ_SLOW_H */
