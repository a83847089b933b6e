/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: fragments. The rules judge whole datagrams (the original's "always defragment"), so a
 * fragment waits here until its datagram is complete. All fragments of a datagram reach the same
 * worker, because they hash over addresses only; the whole datagram may then belong to another
 * worker, which the next stage finds out. A burst without fragments costs one test a packet.
 *
 * A completed datagram takes the place of the fragment that completed it. The others count as
 * punted (taken in by the box); what the reassembly gives up is dropped by name.
 */
#include <rte_mbuf.h>

#include "masq_dp_priv.h"

/* Fragments that were given up: they are not of this burst, so they are counted and freed here. */
static void
give_up(struct masq_worker *w, const struct masq_frag_result *result)
{
	w->counters.drops[result->reason] += result->n_dropped;
	for (uint32_t k = 0; k < result->n_dropped; k++)
		rte_pktmbuf_free(result->dropped[k]);
}

static void
take_in(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	struct masq_frag_result result;
	const uint8_t *own_mac = w->ports[b->arrival[i]].mac;

	masq_frag_push(w->frag, b->mbuf[i], b->pkt[i].l3_offset, w->now_ms, &result);
	give_up(w, &result);
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
	for (unsigned int i = 0; i < b->n; i++)
		if (unlikely((b->pkt[i].flags & MASQ_PKT_FRAGMENT) != 0 &&
				    b->verdict[i] == MASQ_UNDECIDED))
			take_in(w, b, i);
}
