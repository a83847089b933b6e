/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: fragments. The rules judge whole datagrams (the original's "always defragment"), so a
 * fragment waits here until its datagram is complete. All fragments of a datagram reach the same
 * worker, because they hash over addresses only; the whole datagram may then belong to another
 * worker, which the next stage finds out. A burst without fragments costs one test.
 *
 * A completed datagram takes the place of the fragment that completed it. The others count as
 * punted (taken in by the box); what the reassembly gives up is dropped by name.
 *
 * Whose fragments did not all arrive in time learns of it, if the first one did (ICMP 11/1): who
 * puts datagrams together for others owes what a host owes (RFC 1122 3.3.2, RFC 1812 4.3.3.4), and
 * the original sent it too. Without the first fragment nobody could tell what it was about.
 */
#include <rte_mbuf.h>

#include <masq_icmp.h>

#include "masq_slow.h"

#define CODE_REASSEMBLY 1

/* They stand in order, so if the first fragment has come, it is the first that is given up. */
static void
tell_sender(struct masq_worker *w, struct rte_mbuf *mbuf)
{
	uint8_t arrival = (uint8_t)mbuf->port;
	struct masq_pkt pkt;

	/* The error itself is refused about later fragments. */
	if (masq_pkt_parse(mbuf, w->ports[arrival].mac, &pkt) == MASQ_DROP_NONE)
		masq_slow_icmp_about(w, mbuf, &pkt, arrival, MASQ_ICMP_TIME_EXCEEDED,
				CODE_REASSEMBLY, 0);
}

/* They are not of this burst, so they are counted and freed here. */
void
masq_fragments_give_up(struct masq_worker *w, struct masq_frag_result *result)
{
	if (result->n_dropped == 0)
		return;
	if (result->reason == MASQ_DROP_FRAG_TIMEOUT)
		tell_sender(w, result->dropped[0]);
	w->counters.drops[result->reason] += result->n_dropped;
	rte_pktmbuf_free_bulk(result->dropped, result->n_dropped);
}

static void
take_in(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	struct masq_frag_result result;
	const uint8_t *own_mac = w->ports[b->arrival[i]].mac;

	/* Part of what makes a datagram the same; not every driver fills it in. */
	b->mbuf[i]->port = b->arrival[i];
	masq_frag_push(w->frag, b->mbuf[i], b->pkt[i].l3_offset, w->now_ms, &result);
	masq_fragments_give_up(w, &result);
	w->counters.punted += result.merged;
	if (result.whole == NULL) {
		b->verdict[i] = MASQ_GONE;
		return;
	}
	b->mbuf[i] = result.whole;
	b->reason[i] = (uint8_t)masq_pkt_parse(result.whole, own_mac, &b->pkt[i]);
	b->verdict[i] = b->reason[i] == MASQ_DROP_NONE ? MASQ_UNDECIDED : MASQ_DROP;
}

void
masq_stage_fragment(struct masq_worker *w, struct masq_burst *b)
{
	if (likely((b->flags & MASQ_PKT_FRAGMENT) == 0))
		return;
	for (unsigned int i = 0; i < b->n; i++)
		if (unlikely((b->pkt[i].flags & MASQ_PKT_FRAGMENT) != 0 &&
				    b->verdict[i] == MASQ_UNDECIDED))
			take_in(w, b, i);
}
