/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: owner. A flow belongs to the worker that RSS selects. A NIC that uses our key and table
 * has brought the packet to the right queue already, and shows it by the hash in the buffer.
 * Otherwise the hash is computed here, and the packet goes over a ring to its owner. With one
 * worker there is nothing to do.
 *
 * The NIC's hash is trusted for whole TCP and UDP packets only: devices differ in what they do with
 * other protocols, fragments and tunnels. An ICMP error belongs to the flow that it quotes, which
 * no NIC can know.
 */

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <masq_rss.h>

#include "masq_bell.h"
#include "masq_dp_priv.h"
#include "masq_port.h"
#include "masq_worker.h"

/* @param nic_hashes	the port by which all of them came hashes as we do */
static inline uint32_t
owner_of(const struct masq_rss *rss, const struct masq_burst *b, unsigned int i, bool nic_hashes,
		uint32_t own_id)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const struct rte_mbuf *mbuf = b->mbuf[i];

	if (likely(nic_hashes && (mbuf->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 && pkt->flags == 0))
		return masq_rss_worker(rss, mbuf->hash.rss);
	if ((pkt->flags & MASQ_PKT_ICMP_ERROR) != 0 && pkt->key.proto == 0)
		return own_id;
	return masq_rss_owner(rss, &pkt->key);
}

static void
hand_off(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint32_t to)
{
	b->mbuf[i]->port = b->arrival[i];
	if (rte_ring_sp_enqueue(w->dp->packet_ring[w->id][to], b->mbuf[i]) != 0) {
		masq_burst_drop(b, i, MASQ_DROP_HANDOFF_FULL);
		return;
	}
	masq_bell_wants(&w->bells, to);
	b->verdict[i] = MASQ_GONE;
	w->counters.handoffs++;
	w->held++;
}

void
masq_stage_owner(struct masq_worker *w, struct masq_burst *b)
{
	const struct masq_rss *rss = w->rss;
	const uint32_t own_id = w->id;
	bool nic_hashes;

	if (w->n_workers == 1 || b->owned)
		return;
	nic_hashes = w->ports[b->arrival[0]].hardware_rss;
	for (unsigned int i = 0; i < b->n; i++) {
		uint32_t owner;

		if (b->verdict[i] != MASQ_UNDECIDED)
			continue;
		owner = owner_of(rss, b, i, nic_hashes, own_id);
		if (unlikely(owner != own_id))
			hand_off(w, b, i, owner);
	}
}
