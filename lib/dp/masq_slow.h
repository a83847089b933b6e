/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SLOW_H
#define MASQ_SLOW_H

/**
 * @file
 * The operations of the slow path. Each works on packet @p i of burst @p b, and leaves it decided
 * unless stated otherwise.
 */

#include <masq_fib.h>

#include "masq_judged.h"
#include "masq_link.h"
#include "masq_neighbour.h"
#include "masq_port.h"
#include "masq_worker.h"

struct masq_judgement;

/**
 * What is known about a packet's kind, if the packet can be forwarded as it is: its TTL does not
 * expire, and it fits the link.
 *
 * @param dst	where it will go
 * @param way	out: the route to it
 * @return NULL: the packet needs a closer look
 */
static inline const struct masq_judged *
masq_slow_find_judged(const struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		rte_be32_t dst, struct masq_fib_route *way)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const struct masq_judged *judged;

	if (!masq_judged_may(b, i) || pkt->ttl <= 1)
		return NULL;
	judged = masq_judged_find(&w->judged, w->generation, b, i);
	if (judged == NULL)
		return NULL;
	masq_fib_hop_route(&w->hops[b->hop[i]], rte_be_to_cpu_32(dst), way);
	return pkt->l3_len_bytes <= w->ports[way->port].mtu ? judged : NULL;
}

/* masq_slow_judge.c */

/** Send a packet unchanged that has no session, or whose session does not matter now: output chain,
 * neighbour, TTL. The earlier chains have been asked already. */
void masq_slow_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route);

/** Handle a packet of a half that the rule set in force has not judged, or whose packets are all
 * judged one by one. */
void masq_slow_half(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/**
 * Finish the first packet of a new session: ask the output chain, then remember, rewrite and
 * address. The earlier chains have been asked already (@p judgement).
 */
void masq_slow_half_finish(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route);

/**
 * Does what the chains say of the first packet of a new session hold for its kind? Without session,
 * a masqueraded kind is remembered only if the output chain does not look at the source, which is
 * chosen later.
 */
bool masq_slow_first_tells_kind(const struct masq_worker *w, const struct masq_burst *b,
		unsigned int i, const struct masq_judgement *judgement);

/** Send a packet without session whose kind is known to be routed (masq_judged.h). */
void masq_slow_route_judged(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judged *judged, const struct masq_fib_route *route);

/* masq_stage_slow.c */

/** Open the sessions that were gathered, look up a packet without session again, and handle it. */
void masq_slow_again(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/* masq_slow_flow.c */

/** Handle a packet without session. */
void masq_slow_flow(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/** A session could not be created: count and drop its packet, and notify the sender if the reason
 * allows. */
void masq_slow_refuse(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason);

/** The same for a packet that has not been judged, because another worker refused it or it took the
 * short way. Asks the input chain first, and the forward chain unless it was sent to the box. */
void masq_slow_refuse_late(
		struct masq_worker *w, struct masq_burst *b, unsigned int i, enum masq_drop reason);

/* masq_slow_icmp.c */

/** Handle an ICMP error. */
void masq_slow_icmp_error(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/* masq_slow_send.c */

/**
 * Check TTL and MTU, which come before the forward chain (reference 1.2).
 *
 * @return true: fine. false: counted, dropped, and answered with ICMP 11/0 or 3/4
 */
bool masq_slow_fits(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, uint8_t departure);

/**
 * Find the neighbour of a route.
 *
 * @param ref	out
 * @return result of masq_neigh_word(); 0: the link address is not known, or earlier packets still
 *	wait for it: call masq_slow_neighbour()
 */
static inline uint64_t
masq_slow_link(struct masq_worker *w, const struct masq_fib_route *route,
		struct masq_neigh_ref *ref)
{
	if (unlikely(w->waiting.n != 0) &&
			masq_neighbour_is_waited_for(&w->waiting, route->port, route->next_hop))
		return 0;
	return masq_link_find(&w->links, w->neigh, route->port, route->next_hop, ref);
}

/**
 * Find the neighbour of a route. If its link address is not known, or earlier packets still wait
 * for it, the packet is parked; if the neighbour does not answer, it is dropped. Nothing is counted
 * for rules here.
 *
 * @param ref	out
 * @return result of masq_neigh_word(); 0: the packet is decided
 */
uint64_t masq_slow_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_fib_route *route, struct masq_neigh_ref *ref);

/** Address a finished packet and mark it for sending, as fragments if it exceeds the link's MTU. */
void masq_slow_send(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint64_t link,
		uint8_t departure);

/** No route leads to the destination: count and drop the packet, and notify its sender (ICMP 3/0). */
void masq_slow_no_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement);

/** Is this source impossible on the network: one of the box's own addresses, or a broadcast address? */
bool masq_slow_is_martian(const struct masq_worker *w, uint32_t src);

/**
 * Answer the packet with an ICMP error, if it may be answered and the limit allows
 * (MASQ_DP_ICMP_RATE). The packet itself stays undecided.
 */
void masq_slow_icmp(struct masq_worker *w, const struct masq_burst *b, unsigned int i, uint8_t type,
		uint8_t code, uint16_t mtu);

/** The same for a packet that is not in the burst; @p arrival is the port by which it came. */
void
masq_slow_icmp_about(struct masq_worker *w, const struct rte_mbuf *mbuf, const struct masq_pkt *pkt,
		uint8_t arrival, uint8_t type, uint8_t code, uint16_t mtu);

/** Route and send a packet that the box made; it waits for a link address like others. */
void masq_slow_originate(struct masq_worker *w, struct rte_mbuf *mbuf, uint32_t dst);

#endif /* MASQ_SLOW_H */
