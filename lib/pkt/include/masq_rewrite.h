/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_REWRITE_H
#define MASQ_REWRITE_H

#include <assert.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include <masq_pkt.h>
#include <masq_tuple.h>

/**
 * @file
 * The ready rewrite: turns packets of one tuple into packets of another, with the checksum deltas
 * computed beforehand. Filled in completely before any packet can find it.
 */

struct rte_mbuf;

/** 20 bytes, the first part of a session half. */
struct masq_rewrite {
	rte_be32_t src; /**< new source address */
	rte_be32_t dst; /**< new destination address */
	rte_be16_t sport; /**< new source port (ICMP request: identifier) */
	rte_be16_t dport; /**< new destination port (ICMP reply: identifier) */
	uint16_t l3_delta; /**< for the IP header checksum, addresses only */
	uint16_t l4_delta; /**< for the transport checksum: addresses and ports (ICMP: id only) */
	uint8_t proto; /**< IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	uint8_t tos_and; /**< new TOS = (TOS & tos_and) ^ tos_xor, as rules demand */
	uint8_t tos_xor;
	uint8_t icmp_id_is_dport; /**< ICMP: 1 when the identifier is dport (a reply), else 0 */
};

static_assert(sizeof(struct masq_rewrite) == 20, "the rewrite shares a cache line with its half");

/**
 * Fill in the rewrite from one tuple to another of the same protocol. tos_and and tos_xor, which do not
 * depend on the tuples, stay as they are.
 *
 * @param rewrite	out
 * @param from	tuple of the packets as they arrive
 * @param to	tuple of the packets as they leave
 * @param is_reply	ICMP: the packets are replies, their identifier is dport
 */
static inline void masq_rewrite_init(struct masq_rewrite *rewrite, const struct masq_tuple *from,
		const struct masq_tuple *to, bool is_reply);

/**
 * Fill in the rewrites of both directions of a flow: packets of tuple @p from become @p to, and
 * replies to those become replies to @p from. Equivalent to two calls of masq_rewrite_init(), for less
 * than the cost of one and a half.
 *
 * @param initial	out: for packets of @p from
 * @param reply	out: for packets of the reverse of @p to
 */
static inline void masq_rewrite_init_pair(struct masq_rewrite *initial, struct masq_rewrite *reply,
		const struct masq_tuple *from, const struct masq_tuple *to);

/**
 * Rewrite one packet: addresses, ports or identifier, TOS, TTL minus one, both checksums.
 * A UDP checksum of 0 stays 0. The caller must make sure that TTL > 1.
 *
 * @param rewrite	of the packet's half
 * @param mbuf	packet whose key is the tuple that the rewrite was made from
 * @param pkt	what the parser said of it
 */
static inline void masq_rewrite_apply(const struct masq_rewrite *rewrite, struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt);

/**
 * Rewrite an ICMP error about a flow: outer addresses, the quoted header (which travels the other
 * way and is rewritten backwards), and all checksums: outer IP, quoted IP, quoted transport if it is
 * there, ICMP. The TTL of the outer header is decremented.
 *
 * The outer destination changes as for packets of the half. The outer source becomes the half's new
 * source if the half changes the source (a router inside must not show itself), else it stays.
 * The outer TOS changes as the rewrite says; since chains judge errors one by one, the caller passes a
 * copy of the half's rewrite with the TOS of this verdict.
 *
 * @param rewrite	of the half with key pkt->key
 * @param mbuf	the error
 * @param pkt	its parse, MASQ_PKT_ICMP_ERROR
 */
void masq_rewrite_icmp_error(const struct masq_rewrite *rewrite, struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt);

/** Change only the TOS, with the IP checksum: for answers of the box after the chains judged them. */
void masq_rewrite_tos(uint8_t tos_and, uint8_t tos_xor, struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt);

/** Change only TTL (minus one) and TOS, with the IP checksum: for packets that are merely routed. */
static inline void masq_rewrite_route(uint8_t tos_and, uint8_t tos_xor, struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt);

#include <masq_rewrite_inline.h>

#endif /* MASQ_REWRITE_H */
