/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Reading and writing ARP messages. What they mean is left to lib/net.
 * Words
 *	sender, target	RFC 826's names of the two pairs of addresses in a message
 * Decisions
 *	A sender whose link address is a group is refused: a neighbour is one station, and a router
 *	that believed it would flood a link (RFC 1812 3.3.2). ARP does not tell its length, so padding
 *	behind the 28 bytes is ignored.
 * Data and who owns it
 *	A frame that is read stays the caller's, unchanged; a written frame belongs to the caller.
 * Threads
 *	Pure functions apart from the pool, which has a cache for each worker.
 */

#include <rte_mbuf.h>

#include <masq_arp.h>

#include "masq_pkt_priv.h"

#define ARP_BYTES 28u
#define FRAME_BYTES_MIN 60u
#define OPERATION_REQUEST 1
#define OPERATION_REPLY 2

/* Hardware type Ethernet, protocol IPv4, address lengths 6 and 4. */
static const uint8_t ethernet_ipv4[6] = { 0, 1, 8, 0, 6, 4 };

enum masq_drop
masq_arp_parse(const struct rte_mbuf *mbuf, struct masq_arp *arp)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint32_t offset = ETHER_HEADER_BYTES;
	uint16_t operation;
	const uint8_t *p;

	if (mbuf->data_len < ETHER_HEADER_BYTES + ARP_BYTES)
		return MASQ_DROP_RUNT;
	if (load_be16(frame + 12) == ETHERTYPE_VLAN)
		offset += VLAN_TAG_BYTES;
	if (load_be16(frame + offset - 2) != ETHERTYPE_ARP)
		return MASQ_DROP_ARP_BAD;
	if (mbuf->data_len < offset + ARP_BYTES)
		return MASQ_DROP_RUNT;
	p = frame + offset;
	operation = load_be16(p + 6);
	if (memcmp(p, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0 || (p[8] & 1) != 0 ||
			(operation != OPERATION_REQUEST && operation != OPERATION_REPLY))
		return MASQ_DROP_ARP_BAD;

	arp->is_request = operation == OPERATION_REQUEST;
	memcpy(arp->sender_mac, p + 8, 6);
	memcpy(&arp->sender_ip, p + 14, 4);
	memcpy(arp->target_mac, p + 18, 6);
	memcpy(&arp->target_ip, p + 24, 4);
	return MASQ_DROP_NONE;
}

struct rte_mbuf *
masq_arp_build(struct rte_mempool *pool, const struct masq_arp *arp)
{
	static const uint8_t nobody[6];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	uint8_t *frame, *p;

	if (mbuf == NULL)
		return NULL;
	frame = (uint8_t *)rte_pktmbuf_append(mbuf, FRAME_BYTES_MIN);
	if (frame == NULL) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	memset(frame, 0, FRAME_BYTES_MIN);
	if (arp->is_request && memcmp(arp->target_mac, nobody, 6) == 0)
		memset(frame, 0xff, 6);
	else
		memcpy(frame, arp->target_mac, 6);
	memcpy(frame + 6, arp->sender_mac, 6);
	store_be16(frame + 12, ETHERTYPE_ARP);
	p = frame + ETHER_HEADER_BYTES;
	memcpy(p, ethernet_ipv4, sizeof(ethernet_ipv4));
	store_be16(p + 6, arp->is_request ? OPERATION_REQUEST : OPERATION_REPLY);
	memcpy(p + 8, arp->sender_mac, 6);
	memcpy(p + 14, &arp->sender_ip, 4);
	memcpy(p + 18, arp->target_mac, 6);
	memcpy(p + 24, &arp->target_ip, 4);
	mbuf->l2_len = ETHER_HEADER_BYTES;
	return mbuf;
}
