/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PKT_H
#define MASQ_PKT_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_drop.h>
#include <masq_tuple.h>

/**
 * @file
 * Parsing: the only place that distrusts a packet's bytes. Every length is checked against the bytes
 * of the frame, and headers must lie in its first buffer; later stages trust struct masq_pkt only.
 */

struct rte_mbuf;

/** What the parser found; bits of masq_pkt.flags. */
enum masq_pkt_flag {
	MASQ_PKT_ARP = 0x01, /**< ARP; only l3_offset and vlan are valid besides */
	MASQ_PKT_FRAGMENT = 0x02, /**< a fragment (first or later); ports are not filled in */
	MASQ_PKT_OPTIONS = 0x04, /**< has IP options */
	MASQ_PKT_ICMP_ERROR = 0x08, /**< ICMP 3, 4, 11, 12; see masq_pkt.key */
	MASQ_PKT_ICMP_QUERY = 0x10, /**< ICMP 8, 13, 15, 17 and their replies 0, 14, 16, 18 */
	MASQ_PKT_ICMP_OTHER = 0x20, /**< any other ICMP message */
	MASQ_PKT_OTHER_PROTO = 0x40, /**< not TCP, UDP or ICMP */
	/** in addition to ICMP_QUERY: its code is not 0, or its identifier could be a type. So its key
	 * does not say all that rules may look at, and its verdict holds for no other packet */
	MASQ_PKT_ICMP_ODD = 0x80,
};

#define MASQ_TCP_FIN 0x01
#define MASQ_TCP_SYN 0x02
#define MASQ_TCP_RST 0x04
#define MASQ_TCP_ACK 0x10

/** One parsed packet. */
struct masq_pkt {
	/**
	 * The packet's tuple. For ICMP errors: the tuple of a packet of the flow that arrives in the
	 * same direction as the error, i.e. the quoted tuple reversed. Errors that quote no flow we
	 * could know (later fragments, other protocols, too little, or a sender other than the error's
	 * destination) have proto 0 here, so that no session matches.
	 */
	struct masq_tuple key;
	uint16_t l3_offset; /**< from the start of the frame to the IP header: 14 or 18 */
	uint16_t l4_offset; /**< from the start of the frame to the transport header */
	uint16_t l3_len_bytes; /**< IP total length */
	uint16_t vlan; /**< VLAN identifier of the frame, 0: untagged or priority only */
	uint8_t flags; /**< enum masq_pkt_flag */
	uint8_t tcp_flags; /**< of a TCP segment, else 0 */
	uint8_t ttl;
	uint8_t tos;
	uint32_t zero; /**< makes the struct two vectors */
};

/**
 * Parse one frame.
 *
 * Accepts Ethernet II, one optional 802.1Q tag, IPv4 with options, TCP, UDP, ICMP, other protocols,
 * and ARP. Frame padding behind the IP packet is cut off the mbuf, which may have several segments.
 * Checks the IP header checksum unless the NIC says it is good, and believes the NIC about a bad
 * transport checksum.
 * Also refuses what can neither be sent nor answered: impossible sources and destinations
 * (0/8, 127/8, multicast and class E sources, 240/4 destinations), multicast, broadcast
 * 255.255.255.255, source-route options, frames to other stations.
 *
 * @param mbuf	frame; headers must lie in the first segment
 * @param own_mac	station address of the port, 6 bytes; unicast frames to others are refused
 * @param pkt	out: filled in; on a drop undefined
 * @return MASQ_DROP_NONE or the reason
 */
enum masq_drop
masq_pkt_parse(struct rte_mbuf *mbuf, const uint8_t own_mac[6], struct masq_pkt *pkt);

/**
 * The same for a whole burst of one port; what a stage calls. Prefetches ahead.
 *
 * Nearly every packet is plain: untagged, without IP options, whole, TCP or UDP, in one buffer, and
 * valid. For plain packets a caller need not look at flags (0), vlan (0) and l3_offset (14).
 *
 * @param mbuf	n frames
 * @param own_mac	station address of their port, 6 bytes
 * @param pkt	out: n packets
 * @param reason	out: reasons of those that are not plain; the others are not written
 * @param n	0..32
 * @return bit i: packet i is not plain, and may have been dropped
 */
uint32_t masq_pkt_parse_burst(struct rte_mbuf *const *mbuf, const uint8_t own_mac[6],
		struct masq_pkt *pkt, uint8_t *reason, unsigned int n);

/** Does this segment open a connection (this is what -y tests)? Reference 5.2. */
static inline bool
masq_pkt_is_syn(const struct masq_pkt *pkt)
{
	return (pkt->tcp_flags & (MASQ_TCP_SYN | MASQ_TCP_ACK | MASQ_TCP_RST)) == MASQ_TCP_SYN;
}

/** Is this ICMP type one of the queries (8, 13, 15, 17) or replies (0, 14, 16, 18)? */
static inline bool
masq_icmp_is_query(uint8_t type)
{
	return type < 32 && ((UINT32_C(1) << type) & 0x0007e101) != 0;
}

/** Is a query type a request (8, 13, 15, 17)? 14, 16, 18 answer the type below them, 0 answers 8. */
static inline bool
masq_icmp_is_request(uint8_t type)
{
	return type == 8 || (type & 1) != 0;
}

#endif /* MASQ_PKT_H */
