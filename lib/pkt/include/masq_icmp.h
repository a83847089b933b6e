/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_ICMP_H
#define MASQ_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include <masq_pkt.h>
#include <masq_rewrite.h>

/**
 * @file
 * ICMP messages that the box itself writes: errors (RFC 792, RFC 1812 section 4.3) and echo
 * replies.
 */

struct rte_mbuf;
struct rte_mempool;

#define MASQ_ICMP_UNREACHABLE 3
#define MASQ_ICMP_TIME_EXCEEDED 11
#define MASQ_ICMP_CODE_NET 0
#define MASQ_ICMP_CODE_HOST 1
#define MASQ_ICMP_CODE_PORT 3
#define MASQ_ICMP_CODE_FRAG_NEEDED 4
#define MASQ_ICMP_CODE_ADMIN 13

#define MASQ_ICMP_TTL 64 /**< of messages that the box itself originates */
#define MASQ_ICMP_ERROR_HEADERS 28 /**< bytes before the quote of an error: IP, ICMP */

/**
 * May this packet be answered with an ICMP error at all? Not if it is (or could be) an ICMP error, a
 * later fragment, or ARP; nor if its frame or an address is multicast or broadcast, or its source is
 * no single host (RFC 1122 3.2.2). Only the caller knows the broadcast addresses of networks.
 */
bool masq_icmp_error_allowed(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt);

/**
 * Build an ICMP error about a packet: Ethernet (addresses left zero), IP, ICMP, the offending IP
 * header with options, and as much of its data as makes the whole message at most 576 bytes.
 *
 * @param pool	where the new buffer comes from
 * @param mbuf	offending packet, unchanged
 * @param pkt	its parse; a smaller l3_len_bytes limits what is quoted
 * @param src	source address of the error, network order
 * @param type	MASQ_ICMP_*
 * @param code	MASQ_ICMP_CODE_*
 * @param mtu	IP bytes for code FRAG_NEEDED, else 0
 * @return new packet (l2_len and l3_len set, TTL 64, destination = source of the offender),
 *	NULL when the pool is empty
 */
struct rte_mbuf *masq_icmp_error_build(struct rte_mempool *pool, const struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt, rte_be32_t src, uint8_t type, uint8_t code,
		uint16_t mtu);

/**
 * Turn an echo request into its reply, in place: addresses swapped, type 0, TTL 64, both checksums.
 * The Ethernet header is left alone.
 */
void masq_icmp_echo_reply(struct rte_mbuf *mbuf, const struct masq_pkt *pkt);

#endif /* MASQ_ICMP_H */
