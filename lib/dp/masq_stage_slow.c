/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: slow path. Everything that is not a plain packet of a judged session, or of a kind known
 * to be routed, one packet at a time, out of line. This file only dispatches:
 *
 *	masq_local.c       ARP, and packets for the box itself
 *	masq_slow_icmp.c   ICMP errors: about a session, or merely routed
 *	masq_slow_judge.c  packets of a session that the rule set in force has to judge
 *	masq_slow_flow.c   packets without session: forwarding rules, routes, masquerading
 *	masq_slow_open.c   creates the sessions of a burst together
 *	masq_slow_send.c   shared: TTL, MTU, neighbours, ICMP errors
 *
 * Verdicts remembered for kinds of packets (masq_judged.c) shorten the paths through
 * masq_slow_judge.c and masq_slow_flow.c.
 */

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "masq_dp_priv.h"
#include "masq_judged.h"
#include "masq_local.h"
#include "masq_openings.h"
#include "masq_slow.h"
#include "masq_worker.h"

/* The session waits for another worker's answer: put the packet at the end of the own ring, to be
 * looked up again. */
static void
come_back_later(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	b->mbuf[i]->port = b->arrival[i];
	if (rte_ring_sp_enqueue(w->dp->packet_ring[w->id][w->id], b->mbuf[i]) != 0) {
		masq_burst_drop(b, i, MASQ_DROP_HANDOFF_FULL);
		return;
	}
	b->verdict[i] = MASQ_GONE;
	w->held++;
}

/*
 * If a query's identifier is a number that could also be a type, a question and an answer have the
 * same key (lib/pkt/masq_pkt.c). But only questions create sessions, and only answers come back.
 */
static bool
is_of_its_half(const struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(
			b->mbuf[i], const uint8_t *, b->pkt[i].l4_offset);
	bool comes_back = (masq_half_at(w->sessions, b->half[i])->flags & MASQ_HALF_REPLY) != 0;

	return masq_icmp_is_request(icmp[0]) != comes_back;
}

/* Handle an error about a session, or a query that may not belong to the session that its key
 * finds. Out of line, so that it takes no registers from other packets. */
static __rte_noinline void
slow_icmp(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	if ((b->pkt[i].flags & MASQ_PKT_ICMP_ERROR) != 0) {
		masq_slow_icmp_error(w, b, i);
	} else if (is_of_its_half(w, b, i)) {
		masq_slow_half(w, b, i);
	} else {
		b->half[i] = MASQ_HALF_NONE;
		b->hop[i] = MASQ_HOP_UNKNOWN;
		masq_slow_flow(w, b, i);
	}
}

/* Open what was gathered, and look the packet up again: an earlier one of its burst may have created
 * its session, or ended it. */
static void
look_again(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	masq_openings_flush(w, b, true);
	b->half[i] = masq_half_find(w->sessions, &b->pkt[i].key);
	if (b->half[i] == MASQ_HALF_NONE)
		masq_judged_prepare(w, b, UINT32_C(1) << i);
	else
		masq_judged_prepare_halves(w, b, UINT32_C(1) << i);
}

/* Handle an IPv4 packet whose lookup is up to date. */
static __rte_always_inline void
slow_ipv4(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	uint8_t flags;

	if (b->half[i] == MASQ_HALF_NONE) {
		if ((pkt->flags & MASQ_PKT_ICMP_ERROR) != 0)
			masq_slow_icmp_error(w, b, i);
		else
			masq_slow_flow(w, b, i);
		return;
	}
	flags = masq_half_at(w->sessions, b->half[i])->flags;
	if ((flags & MASQ_HALF_DYING) != 0)
		masq_burst_drop(b, i, MASQ_DROP_SESSION_DYING);
	else if ((flags & MASQ_HALF_PENDING) != 0)
		come_back_later(w, b, i);
	else if ((pkt->flags & (MASQ_PKT_ICMP_ERROR | MASQ_PKT_ICMP_ODD)) != 0)
		slow_icmp(w, b, i);
	else
		masq_slow_half(w, b, i);
}

/* Out of line, like all that few packets need. */
__rte_noinline void
masq_slow_again(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	look_again(w, b, i);
	slow_ipv4(w, b, i);
}

static void
slow_packet(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	if ((b->pkt[i].flags & MASQ_PKT_ARP) != 0) {
		masq_local_arp(w, b, i);
		return;
	}
	w->counters.misses++;
	if (unlikely(masq_openings_marked(w->openings, b->signature[i])))
		masq_slow_again(w, b, i);
	else
		slow_ipv4(w, b, i);
}

void
masq_stage_slow(struct masq_worker *w, struct masq_burst *b)
{
	uint32_t slow = masq_burst_with(b, MASQ_SLOW);

	if (likely(slow == 0))
		return;
	if (b->slow_halves != 0)
		masq_judged_prepare_halves(w, b, b->slow_halves);
	masq_openings_begin(w->openings);
	for (; slow != 0; slow &= slow - 1)
		slow_packet(w, b, masq_burst_first(slow));
	masq_openings_flush(w, b, false);
}
