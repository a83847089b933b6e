/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_PKT_H
#define MASQ_TEST_PKT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * @file
 * Packets for tests. A packet is a struct literal that names only what matters; the rest has
 * ordinary values. Checksums are computed in full, byte by byte, by code that shares nothing with
 * lib/pkt:
 *
 *	struct masq_test_pkt sent = { .proto = IPPROTO_UDP, .src = "192.168.1.2", .sport = 1025,
 *		.dst = "209.81.8.5", .dport = 53, .payload = "who is it" };
 *	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &sent);
 *
 * The same struct says what should come out. masq_test_pkt_check() compares every byte, so every
 * checksum is verified in full, and prints the fields that differ:
 *
 *	struct masq_test_pkt expected = sent;
 *
 *	expected.src = "203.0.113.1";
 *	expected.ttl = 63;
 *	expected.any = MASQ_TEST_ANY_SPORT;
 *	assert_true(masq_test_pkt_check(mbuf, &expected));
 */

struct rte_mbuf;
struct rte_mempool;

/** Addresses used where a packet names none. The box is OUR_MAC. */
#define MASQ_TEST_OUR_MAC "02:00:00:00:00:01"
#define MASQ_TEST_PEER_MAC "02:00:00:00:00:02"
#define MASQ_TEST_SRC "192.168.1.2"
#define MASQ_TEST_DST "209.81.8.5"

#define MASQ_TEST_FRAME_BYTES_MAX 9216

/** For fields where 0 means the ordinary value. */
#define MASQ_TEST_ZERO (-1)

/** Fields that masq_test_pkt_check() takes as they are; bits of masq_test_pkt.any. */
enum masq_test_any {
	MASQ_TEST_ANY_SPORT = 1,
	MASQ_TEST_ANY_DPORT = 2,
	MASQ_TEST_ANY_ICMP_ID = 4,
	MASQ_TEST_ANY_IP_ID = 8,
	MASQ_TEST_ANY_TTL = 16,
	MASQ_TEST_ANY_TOS = 32,
};

struct masq_test_pkt {
	/* Ethernet */
	const char *src_mac; /**< build, NULL: PEER_MAC; check, NULL: any */
	const char *dst_mac; /**< build, NULL: OUR_MAC; check, NULL: any */
	bool is_tagged; /**< has a VLAN tag; implied by vlan and vlan_priority */
	uint16_t vlan; /**< VLAN id */
	uint8_t vlan_priority; /**< 0..7 */
	uint16_t ethertype; /**< 0: 0x0800 */
	uint16_t padding_bytes; /**< behind the IP packet */

	/* IP */
	const char *src, *dst; /**< NULL: MASQ_TEST_SRC, MASQ_TEST_DST */
	uint8_t proto; /**< IPPROTO_*; 0: UDP */
	int ttl; /**< 0: 64; MASQ_TEST_ZERO */
	uint8_t tos;
	uint16_t ip_id;
	bool dont_fragment;
	const void *options; /**< IP options */
	uint8_t option_bytes; /**< filled up with zeros to a multiple of 4, at most 40 */

	/**
	 * Fragments: the whole datagram is made, with its checksum, and this part of it taken; so
	 * the fragments of one datagram differ in these two fields only. frag_bytes 0: up to the end.
	 */
	uint32_t frag_offset_bytes, frag_bytes;

	/* TCP, UDP */
	uint16_t sport, dport;
	uint8_t tcp_flags; /**< 0: ACK */
	uint32_t tcp_seq, tcp_ack;
	const void *tcp_options;
	uint8_t tcp_option_bytes; /**< filled up with zeros to a multiple of 4, at most 40 */
	bool no_udp_checksum; /**< UDP checksum 0: not computed by the sender */

	/* ICMP */
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id, icmp_seq; /**< queries */
	uint16_t icmp_mtu; /**< 3/4 */
	const struct masq_test_pkt
			*quote; /**< errors: the packet that is quoted, from its IP header */
	uint16_t quote_bytes; /**< how much of it, IP header included; 0: IP header and 8 bytes */

	/* ARP: src and dst are sender and target address, src_mac is the sender's */
	uint8_t arp; /**< 1: request, 2: reply; 0: not ARP */
	const char *arp_target_mac; /**< NULL: zeros */

	/* payload of TCP, UDP, ICMP queries, other protocols */
	const char *payload; /**< NULL: bytes that count up */
	uint32_t payload_bytes; /**< 0: length of the string */

	/* what is wrong with it, or to be overlooked */
	bool bad_ip_checksum;
	bool bad_checksum; /**< TCP, UDP or ICMP */
	uint16_t first_segment_bytes; /**< not 0: the frame is split behind this byte into two buffers */
	unsigned int any; /**< enum masq_test_any */
};

/** What a person wants to know of a packet that came out. */
struct masq_test_seen {
	uint32_t src, dst; /**< host order */
	uint16_t sport, dport; /**< host order; ICMP queries: both the identifier */
	uint8_t proto, ttl, tos;
	uint16_t ip_id;
};

/** A pool of plain buffers for one test program; EAL runs. */
struct rte_mempool *masq_test_pool_create(unsigned int mbufs);

/** Build the frame in plain memory. @return its length; aborts when it does not fit */
uint32_t masq_test_pkt_bytes(const struct masq_test_pkt *pkt, uint8_t *frame, uint32_t size);

/** Build the frame in one buffer, or two if it is to be split. Aborts when the pool is empty. */
struct rte_mbuf *masq_test_pkt_build(struct rte_mempool *pool, const struct masq_test_pkt *pkt);

/**
 * Compare a frame with what was expected, every byte of it, checksums recomputed in full.
 *
 * @return true, or false after printing the fields that differ on stderr
 */
bool masq_test_pkt_check(const struct rte_mbuf *mbuf, const struct masq_test_pkt *expected);

/** Read addresses and ports of a frame that is known to be in order. */
struct masq_test_seen masq_test_pkt_see(const struct rte_mbuf *mbuf);

/** Internet checksum of count bytes, host order; 0 when the checksum inside them is right. */
uint16_t masq_test_checksum(const uint8_t *bytes, uint32_t count);

#endif /* MASQ_TEST_PKT_H */
