/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: fragments. The rules judge whole datagrams (the original's "always defragment"), so a
 * fragment waits here until its datagram is complete. All fragments of a datagram reach the same
 * worker, because they hash over addresses only; the whole datagram may then belong to another
 * worker, which the next stage finds out. A burst without fragments costs one test.
 *
 * A completed datagram replaces the fragment that completed it. The others count as punted
 * (consumed by the box). Fragments that are given up are dropped and counted by reason.
 *
 * If not all fragments arrived in time, but the first did, the sender is notified (ICMP 11/1): a
 * box that reassembles for others has a host's duties (RFC 1122 3.3.2, RFC 1812 4.3.3.4), and the
 * original sent it too. Without the first fragment the receiver of the error could not tell what it
 * was about.
 */
#include <rte_mbuf.h>

#include <masq_frag.h>
#include <masq_icmp.h>

#include "masq_port.h"
#include "masq_slow.h"
#include "masq_worker.h"

#define CODE_REASSEMBLY 1

/* Fragments are in order, so if the first one has arrived, it is the first that is given up. */
static void
tell_sender(struct masq_worker *w, struct rte_mbuf *mbuf)
{
	uint8_t arrival = (uint8_t)mbuf->port;
	struct masq_pkt pkt;

	/* masq_slow_icmp_about() sends no error about later fragments. */
	if (masq_pkt_parse(mbuf, w->ports[arrival].mac, &pkt) == MASQ_DROP_NONE)
		masq_slow_icmp_about(w, mbuf, &pkt, arrival, MASQ_ICMP_TIME_EXCEEDED,
				CODE_REASSEMBLY, 0);
}

/* They are not in this burst, so they are counted and freed here. */
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

	/* The port identifies a datagram, too; not every driver fills it in. */
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
