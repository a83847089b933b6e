/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: parse. The parser of lib/pkt reads the burst; this stage adds what depends on the port:
 * its MAC address and its VLAN. Afterwards a packet is dropped, slow (ARP), or undecided.
 *
 * A port with a VLAN accepts only frames with its tag; a port without one accepts only untagged
 * frames (and priority tags, which name no VLAN). The tag is removed here, so that no later stage
 * knows about VLANs; the transmit stage adds that of the departing port. Nearly all tags are
 * removed before the parser runs, because it does not consider a tagged packet plain.
 *
 * Nearly all packets are plain, and need nothing more from this stage.
 */
#include <string.h>

#include <rte_ether.h>

#include "masq_port.h"
#include "masq_vlan.h"
#include "masq_worker.h"

static void
check_tag(const struct masq_port *port, struct masq_burst *b, unsigned int i)
{
	struct masq_pkt *pkt = &b->pkt[i];

	if (pkt->vlan != port->vlan) {
		masq_burst_drop(b, i, MASQ_DROP_VLAN);
		return;
	}
	if (pkt->l3_offset > RTE_ETHER_HDR_LEN) { /* a priority tag has vlan 0 */
		masq_vlan_take_off(b->mbuf[i]);
		pkt->l3_offset -= RTE_VLAN_HLEN;
		pkt->l4_offset -= RTE_VLAN_HLEN;
	}
}

/* Count the packets from place first on that came by the same port; those of a queue all did. */
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

/* @return bit i: the tag of packet first + i needs no further check */
static uint32_t
take_tags_off(const struct masq_port *port, struct masq_burst *b, unsigned int first,
		unsigned int run)
{
	if (b->owned) /* packets from a ring have lost their tag already */
		return UINT32_MAX;
	if (likely(port->vlan == 0))
		return 0;
	return masq_vlan_take_off_burst(b->mbuf + first, run, port->vlan);
}

/* Handle packets that are not plain, except for the tags of those in @p settled. @param odd bit i:
 * packet first + i */
static void
check_odd(const struct masq_port *port, struct masq_burst *b, unsigned int first, uint32_t odd,
		uint32_t settled)
{
	for (; odd != 0; odd &= odd - 1) {
		unsigned int k = masq_burst_first(odd), i = first + k;

		b->flags |= b->pkt[i].flags;
		if (b->reason[i] != MASQ_DROP_NONE) {
			b->verdict[i] = MASQ_DROP;
			continue;
		}
		if ((b->pkt[i].flags & MASQ_PKT_ARP) != 0)
			b->verdict[i] = MASQ_SLOW;
		if ((settled >> k & 1) == 0)
			check_tag(port, b, i);
	}
}

/* Drop plain packets without the tag that their port requires. @param untagged bit i: packet first
 * + i */
static void
drop_untagged(struct masq_burst *b, unsigned int first, uint32_t untagged)
{
	for (; untagged != 0; untagged &= untagged - 1)
		masq_burst_drop(b, first + masq_burst_first(untagged), MASQ_DROP_VLAN);
}

void
masq_stage_parse(struct masq_worker *w, struct masq_burst *b)
{
	unsigned int run;

	/* All places, including those behind the last packet, which earlier bursts may have set. */
	memset(b->verdict, MASQ_UNDECIDED, sizeof(b->verdict));
	memset(b->half, 0xff, sizeof(b->half)); /* MASQ_HALF_NONE */
	b->flags = 0;
	for (unsigned int first = 0; first < b->n; first += run) {
		const struct masq_port *port = &w->ports[b->arrival[first]];
		uint32_t odd, settled;

		run = run_of(b, first);
		settled = take_tags_off(port, b, first, run);
		odd = masq_pkt_parse_burst(
				b->mbuf + first, port->mac, b->pkt + first, b->reason + first, run);
		if (unlikely(odd != 0))
			check_odd(port, b, first, odd, settled);
		if (unlikely(port->vlan != 0))
			drop_untagged(b, first, ~(odd | settled) & UINT32_MAX >> (32 - run));
	}
}
