/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_REWRITE_INLINE_H
#define MASQ_REWRITE_INLINE_H

/**
 * @file
 * The per-packet and per-session functions of masq_rewrite.h, which includes this file. A packet costs
 * one store for both addresses, one for both ports, and one read and write of each checksum; all
 * changes of the IP header are added up first. TCP and UDP share the instructions for the same reason
 * as in the parser: with a mix of both, a mispredicted branch costs more than it saves.
 *
 * Checksums are sums of 16-bit words, and those of a tuple are added up eight bytes at a time
 * (masq_csum_add64()): the new values, and the complement of the old ones.
 */

#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>

#include <masq_csum.h>
#include <masq_rewrite.h>

#if RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN
#error "lib/pkt is written for little-endian machines"
#endif

/** Deltas of the IP header sum (addresses) and of the transport sum (all that it covers). */
struct masq_rewrite_deltas {
	uint16_t l3, l4;
};

static inline struct masq_rewrite_deltas
masq_rewrite_deltas_of(const struct masq_tuple *from, const struct masq_tuple *to, bool is_reply)
{
	uint64_t addresses_from, addresses_to, addresses, l4;
	uint32_t ports_from, ports_to;

	memcpy(&addresses_from, &from->src, sizeof(addresses_from));
	memcpy(&addresses_to, &to->src, sizeof(addresses_to));
	memcpy(&ports_from, &from->sport, sizeof(ports_from));
	memcpy(&ports_to, &to->sport, sizeof(ports_to));
	addresses = masq_csum_add64(~addresses_from, addresses_to);
	l4 = masq_csum_add64(addresses, (uint64_t)~ports_from + ports_to);
	/* An ICMP query has neither pseudo header nor ports, only its identifier. */
	if (from->proto == IPPROTO_ICMP)
		l4 = is_reply ? (uint64_t)(uint16_t)~from->dport + to->dport
			      : (uint64_t)(uint16_t)~from->sport + to->sport;
	return (struct masq_rewrite_deltas){ masq_csum_fold64(addresses), masq_csum_fold64(l4) };
}

/** Written field by field in place: a struct that is assembled elsewhere and copied would stall. */
static inline void
masq_rewrite_fill(struct masq_rewrite *rewrite, const struct masq_tuple *to,
		struct masq_rewrite_deltas deltas, bool is_reply)
{
	uint64_t addresses;
	uint32_t ports;

	memcpy(&addresses, &to->src, sizeof(addresses));
	memcpy(&ports, &to->sport, sizeof(ports));
	memcpy(&rewrite->src, &addresses, sizeof(addresses));
	memcpy(&rewrite->sport, &ports, sizeof(ports));
	rewrite->l3_delta = deltas.l3;
	rewrite->l4_delta = deltas.l4;
	rewrite->proto = to->proto;
	rewrite->icmp_id_is_dport = (to->proto == IPPROTO_ICMP) & is_reply;
}

static inline void
masq_rewrite_init(struct masq_rewrite *rewrite, const struct masq_tuple *from,
		const struct masq_tuple *to, bool is_reply)
{
	masq_rewrite_fill(rewrite, to, masq_rewrite_deltas_of(from, to, is_reply), is_reply);
}

static inline void
masq_rewrite_init_pair(struct masq_rewrite *initial, struct masq_rewrite *reply,
		const struct masq_tuple *from, const struct masq_tuple *to)
{
	struct masq_tuple back = masq_tuple_reverse(from);
	struct masq_rewrite_deltas there = masq_rewrite_deltas_of(from, to, false);
	/* One direction takes off what the other adds: in one's complement, the inverse. */
	struct masq_rewrite_deltas home = { (uint16_t)~there.l3, (uint16_t)~there.l4 };

	masq_rewrite_fill(initial, to, there, false);
	masq_rewrite_fill(reply, &back, home, true);
}

/** Rewrite the identifier and the checksum of an ICMP query. Out of line: few packets are queries. */
void masq_rewrite_query(const struct masq_rewrite *rewrite, uint8_t *icmp);

/** Rewrite TOS, TTL (minus one), and the IP checksum with these and @p l3_delta. */
static inline void
masq_rewrite_ip(uint8_t *ip, uint8_t tos_and, uint8_t tos_xor, uint16_t l3_delta,
		const struct masq_pkt *pkt)
{
	/* TTL is the low byte of its word as loaded; subtracting 1 is adding 0xfffe. */
	uint32_t sum = (uint32_t)l3_delta + 0xfffe;
	uint16_t checksum;

	if (tos_and != 0xff || tos_xor != 0) {
		uint8_t tos = (pkt->tos & tos_and) ^ tos_xor;

		sum += masq_csum_delta16((uint16_t)(pkt->tos << 8), (uint16_t)(tos << 8));
		ip[1] = tos;
	}
	ip[8] = (uint8_t)(pkt->ttl - 1);
	memcpy(&checksum, ip + 10, sizeof(checksum));
	checksum = (uint16_t)~masq_csum_fold(sum + (uint16_t)~checksum);
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

/** Rewrite ports and checksum of TCP and UDP. */
static inline void
masq_rewrite_ports(const struct masq_rewrite *rewrite, uint8_t *l4)
{
	const bool is_udp = rewrite->proto == IPPROTO_UDP;
	uint8_t *place = l4 + (is_udp ? 6 : 16);
	uint16_t before, after;

	memcpy(&before, place, sizeof(before));
	after = (uint16_t)~masq_csum_fold((uint32_t)(uint16_t)~before + rewrite->l4_delta);
	/* UDP: a sum of 0 is sent as 0xffff, and 0 (no checksum) stays 0. No branches. */
	after |= (uint16_t) - (uint16_t)(is_udp & (after == 0));
	after &= (uint16_t)((uint16_t)(is_udp & (before == 0)) - 1);
	memcpy(place, &after, sizeof(after));
	memcpy(l4, &rewrite->sport, 4);
}

static inline void
masq_rewrite_apply(const struct masq_rewrite *rewrite, struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l3_offset);
	uint8_t *l4 = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l4_offset);

	masq_rewrite_ip(ip, rewrite->tos_and, rewrite->tos_xor, rewrite->l3_delta, pkt);
	memcpy(ip + 12, &rewrite->src, 8);
	if (rewrite->proto != IPPROTO_ICMP)
		masq_rewrite_ports(rewrite, l4);
	else
		masq_rewrite_query(rewrite, l4);
}

static inline void
masq_rewrite_route(
		uint8_t tos_and, uint8_t tos_xor, struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	masq_rewrite_ip(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l3_offset), tos_and, tos_xor,
			0, pkt);
}

static_assert(offsetof(struct masq_rewrite, dst) == 4 && offsetof(struct masq_rewrite, dport) == 10,
		"addresses are stored as one word, and ports are");

#endif /* MASQ_REWRITE_INLINE_H */
