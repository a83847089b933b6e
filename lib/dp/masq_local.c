/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box itself: ARP and the built-in responder.
 *
 * ARP requests for an address of the arriving port are answered here. What a message says about its
 * sender is passed to the keeper of neighbours. A sender that asks for the box is about to talk to
 * it, so a request may create a neighbour; other messages only confirm neighbours that were asked
 * for. A message that claims one of the box's own addresses is dropped (MASQ_DROP_ARP_BAD).
 *
 * The responder answers pings to the box's addresses, and answers UDP to ports that nothing serves
 * with ICMP port unreachable (which is how traceroute ends). Everything else for the box is dropped
 * (MASQ_DROP_LOCAL).
 */
#include "masq_local.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>

#include <masq_arp.h>
#include <masq_icmp.h>
#include <masq_rewrite.h>

#include "masq_judge.h"
#include "masq_neighbour.h"
#include "masq_port.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_stage_tx.h"
#include "masq_worker.h"

#define ICMP_ECHO_REQUEST 8

static void
answer_arp(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_arp *asked)
{
	const struct masq_port *port = &w->ports[b->arrival[i]];
	struct masq_arp reply = {
		.is_request = false,
		.sender_ip = asked->target_ip,
		.target_ip = asked->sender_ip,
	};
	struct rte_mbuf *frame;

	memcpy(reply.sender_mac, port->mac, 6);
	memcpy(reply.target_mac, asked->sender_mac, 6);
	frame = masq_arp_build(w->pool, &reply);
	w->counters.punted++;
	rte_pktmbuf_free(b->mbuf[i]);
	b->verdict[i] = MASQ_GONE;
	if (frame == NULL)
		return;
	w->counters.originated++;
	masq_tx_one(w, frame, b->arrival[i]);
}

/* Consume the packet. */
static void
punt(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	w->counters.punted++;
	rte_pktmbuf_free(b->mbuf[i]);
	b->verdict[i] = MASQ_GONE;
}

/* Only addresses that are directly reachable by this port may become neighbours unasked. */
static bool
is_connected(const struct masq_worker *w, uint32_t sender, uint8_t port)
{
	struct masq_fib_route route;

	return sender != 0 && masq_fib_lookup(w->snapshot->fib, sender, &route) == 0 &&
			!route.is_local && !route.is_broadcast && route.port == port &&
			route.next_hop == sender;
}

void
masq_local_arp(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	uint8_t port = b->arrival[i];
	struct masq_arp arp;
	enum masq_drop reason = masq_arp_parse(b->mbuf[i], &arp);
	uint32_t sender, target;
	bool for_us;

	if (reason != MASQ_DROP_NONE) {
		masq_burst_drop(b, i, reason);
		return;
	}
	sender = rte_be_to_cpu_32(arp.sender_ip);
	target = rte_be_to_cpu_32(arp.target_ip);
	if (sender != 0 && masq_fib_is_local(w->snapshot->fib, sender)) {
		masq_burst_drop(b, i, MASQ_DROP_ARP_BAD);
		return;
	}
	for_us = masq_fib_is_local_on(w->snapshot->fib, target, port);
	/* A sender of 0 probes for a free address (RFC 5227): answered, not learnt. A neighbour
	 * that was asked is heard whatever the routes say about its address: a gateway is on the
	 * link, although packets to itself may be routed elsewhere. */
	masq_neighbour_heard(w, port, sender, arp.sender_mac,
			arp.is_request && for_us && is_connected(w, sender, port));
	if (arp.is_request && for_us)
		answer_arp(w, b, i, &arp);
	else
		punt(w, b, i);
}

/* Answer a ping. The reply takes the route to its sender, usually back where the request came from. */
static void
answer_echo(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement)
{
	const struct masq_tuple reply = {
		.src = rte_cpu_to_be_32(judgement->input.dst),
		.dst = rte_cpu_to_be_32(judgement->input.src),
		.proto = IPPROTO_ICMP,
	};
	struct masq_fib_route route;
	struct masq_neigh_ref ref;
	uint64_t link;

	if (masq_fib_lookup(w->snapshot->fib, judgement->input.src, &route) != 0 ||
			route.is_local || route.is_broadcast) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_NO_ROUTE);
		return;
	}
	judgement->input.sport = 0; /* type of an echo reply */
	judgement->ttl_out = MASQ_ICMP_TTL;
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_OUTPUT, &reply, route.port, judgement))
		return;
	link = masq_judge_neighbour(w, b, i, judgement, &route, &ref);
	if (link == 0)
		return;
	masq_judge_count(w, &b->pkt[i], judgement);
	masq_icmp_echo_reply(b->mbuf[i], &b->pkt[i]);
	masq_rewrite_tos(judgement->result.tos_and, judgement->result.tos_xor, b->mbuf[i],
			&b->pkt[i]);
	masq_slow_send(w, b, i, link, route.port);
}

void
masq_local_deliver(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement)
{
	const struct masq_pkt *pkt = &b->pkt[i];

	if ((pkt->flags & MASQ_PKT_ICMP_QUERY) != 0 &&
			judgement->input.sport == ICMP_ECHO_REQUEST) {
		answer_echo(w, b, i, judgement);
		return;
	}
	masq_judge_count(w, pkt, judgement);
	if (pkt->key.proto == IPPROTO_UDP)
		masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_PORT, 0);
	masq_burst_drop(b, i, MASQ_DROP_LOCAL);
}
