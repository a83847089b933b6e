/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: parse. The parser of lib/pkt reads the burst; this stage adds what depends on the port: its
 * station address and its VLAN. Afterwards a packet is dropped, slow (ARP), or undecided.
 *
 * A port with a VLAN takes only frames with its tag; one without takes only untagged frames (and
 * priority tags, which name no VLAN). The tag is taken off here, so that no later stage knows of
 * VLANs; the transmit stage puts on that of the port where the packet leaves.
 *
 * Nearly all packets are plain, and about those there is nothing to be done here.
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

	if (pkt->vlan != port->vlan)
		masq_burst_drop(b, i, MASQ_DROP_VLAN);
	else if (pkt->l3_offset > RTE_ETHER_HDR_LEN) /* a priority tag has vlan 0 */
		take_tag_off(b->mbuf[i], pkt);
}

/* On a port with a VLAN: who is plain has no tag. @param plain bit i: packet first + i */
static void
drop_untagged(struct masq_burst *b, unsigned int first, uint32_t plain)
{
	for (; plain != 0; plain &= plain - 1)
		masq_burst_drop(b, first + masq_burst_first(plain), MASQ_DROP_VLAN);
}

/* How many packets from place first on came by the same port: those of a queue all did. */
static unsigned int
run_of(const struct masq_burst *b, unsigned int first)
{
	unsigned int end = first + 1;

	if (!b->owned)
		return b->n - first;
	while (end < b->n && b->arrival[end] == b->arrival[first])
		end++;
	return end - first;
}

/* Packets that are not plain. @param odd bit i: packet first + i */
static void
check_odd(const struct masq_port *port, struct masq_burst *b, unsigned int first, uint32_t odd)
{
	for (; odd != 0; odd &= odd - 1) {
		unsigned int i = first + masq_burst_first(odd);

		b->flags |= b->pkt[i].flags;
		if (b->reason[i] != MASQ_DROP_NONE) {
			b->verdict[i] = MASQ_DROP;
			continue;
		}
		if ((b->pkt[i].flags & MASQ_PKT_ARP) != 0)
			b->verdict[i] = MASQ_SLOW;
		if (!b->owned) /* what comes over a ring has lost its tag already */
			check_tag(port, b, i);
	}
}

void
masq_stage_parse(struct masq_worker *w, struct masq_burst *b)
{
	unsigned int run;

	/* All places, whatever bursts before have left behind the last packet. */
	memset(b->verdict, MASQ_UNDECIDED, sizeof(b->verdict));
	memset(b->half, 0xff, sizeof(b->half)); /* MASQ_HALF_NONE */
	b->flags = 0;
	for (unsigned int first = 0; first < b->n; first += run) {
		const struct masq_port *port = &w->ports[b->arrival[first]];
		uint32_t odd;

		run = run_of(b, first);
		odd = masq_pkt_parse_burst(
				b->mbuf + first, port->mac, b->pkt + first, b->reason + first, run);
		if (unlikely(odd != 0))
			check_odd(port, b, first, odd);
		if (unlikely(port->vlan != 0) && !b->owned)
			drop_untagged(b, first, ~odd & UINT32_MAX >> (32 - run));
	}
}
