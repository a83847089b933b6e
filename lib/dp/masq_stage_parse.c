/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: parse. The parser of lib/pkt reads the burst; this stage adds what depends on the port: its
 * station address and its VLAN. Afterwards a packet is dropped, slow (ARP), or undecided.
 *
 * A port with a VLAN takes only frames with its tag; one without takes only untagged frames (and
 * priority tags, which name no VLAN). The tag is taken off here, so that no later stage knows of
 * VLANs; the transmit stage puts on that of the port where the packet leaves.
 */
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "masq_dp_priv.h"

/* Move the addresses over the tag. The parser has seen these 18 bytes in the first segment. */
static void
take_tag_off(struct rte_mbuf *mbuf, struct masq_pkt *pkt)
{
	char *frame = rte_pktmbuf_mtod(mbuf, char *);

	memmove(frame + RTE_VLAN_HLEN, frame, 2 * RTE_ETHER_ADDR_LEN);
	rte_pktmbuf_adj(mbuf, RTE_VLAN_HLEN);
	pkt->l3_offset -= RTE_VLAN_HLEN;
	pkt->l4_offset -= RTE_VLAN_HLEN;
}

static void
check_tag(const struct masq_port *port, struct masq_burst *b, unsigned int i)
{
	struct masq_pkt *pkt = &b->pkt[i];

	if (pkt->vlan != port->vlan) {
		masq_burst_drop(b, i, MASQ_DROP_VLAN);
		return;
	}
	if (pkt->l3_offset > RTE_ETHER_HDR_LEN)
		take_tag_off(b->mbuf[i], pkt);
}

void
masq_stage_parse(struct masq_worker *w, struct masq_burst *b)
{
	const uint8_t *own_mac[MASQ_BURST];

	/* All places, whatever bursts before have left behind the last packet. */
	memset(b->reason, MASQ_DROP_NONE, sizeof(b->reason));
	memset(b->verdict, MASQ_UNDECIDED, sizeof(b->verdict));
	memset(b->half, 0xff, sizeof(b->half)); /* MASQ_HALF_NONE */
	for (unsigned int i = 0; i < b->n; i++)
		own_mac[i] = w->ports[b->arrival[i]].mac;
	masq_pkt_parse_burst(b->mbuf, own_mac, b->pkt, b->reason, b->n);

	b->flags = 0;
	for (unsigned int i = 0; i < b->n; i++) {
		b->flags |= b->pkt[i].flags;
		if (unlikely(b->reason[i] != MASQ_DROP_NONE)) {
			b->verdict[i] = MASQ_DROP;
			continue;
		}
		/* What comes over a ring has lost its tag already. */
		if (b->owned)
			continue;
		/* A priority tag has vlan 0 and still sits in the frame: offset tells. */
		if (unlikely((b->pkt[i].vlan | w->ports[b->arrival[i]].vlan) != 0 ||
				    b->pkt[i].l3_offset > RTE_ETHER_HDR_LEN))
			check_tag(&w->ports[b->arrival[i]], b, i);
	}
}
