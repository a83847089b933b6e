/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The parser: turns the bytes of a frame into struct masq_pkt, or into the reason why not.
 *	No later stage checks a length again.
 * Words
 *	plain	what nearly every packet is: untagged IPv4 without options, whole, TCP or UDP, in
 *		one buffer, for us. parse_plain() takes these in a straight run without a branch on
 *		the protocol. Whatever it does not accept goes to parse_any(), which starts over, takes
 *		its time and finds the reason. So parse_plain() accepts a subset of what parse_any()
 *		accepts, with the same result; a test compares the two
 *	quote	the start of the packet that an ICMP error is about
 *	split	headers that do not lie in the first buffer of a chain. This happens to a reassembled
 *		datagram whose first fragment was too small for its headers, which no honest host sends
 * Order of the checks (it decides the reason if several apply)
 *	Ethernet, tag, IP header, IP checksum, options, addresses, fragment, transport header.
 * Data and who owns it
 *	Reads the mbuf and the caller's MAC, writes the caller's struct masq_pkt. Of the mbuf it changes
 *	only the length, when it cuts off frame padding; buffers of a chain that hold only padding are
 *	freed.
 * Threads
 *	Pure functions of their arguments; each worker calls them for its own packets.
 * Facts from
 *	RFC 791 (header, options), 792 and 1122 3.2.2 (ICMP), 1812 5.3.7 and 5.3.13 (martians,
 *	source routes), 5508 (ICMP and translators).
 */

#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <tmmintrin.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <masq_icmp.h>
#include <masq_pkt.h>

#include "masq_pkt_priv.h"

/* While one frame is parsed, the data of the one this many places ahead is prefetched. */
#define PREFETCH_AHEAD 4

/* Headers of the longer plain transport, TCP; even the shortest Ethernet frame is longer. */
#define PLAIN_FRAME_BYTES (ETHER_HEADER_BYTES + IP_HEADER_BYTES + TCP_HEADER_BYTES)

/* Flags of the NIC that make a frame not plain. */
#define ODD_OFFLOAD_FLAGS \
	(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD)

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_LOOSE_ROUTE 131
#define OPTION_STRICT_ROUTE 137

/* First bytes of addresses that a plain packet has neither as source nor as destination. */
static const uint8_t odd_first_byte[256] = {
	[0] = 1,
	[127] = 1,
	[224 ... 255] = 1,
};

/* The reason if bytes up to end are not in the first buffer: they are in the next one, or nowhere. */
static enum masq_drop
missing(const struct rte_mbuf *mbuf, uint32_t end, enum masq_drop reason)
{
	return mbuf->pkt_len >= end ? MASQ_DROP_SPLIT_HEADER : reason;
}

static enum masq_drop
parse_options(const uint8_t *option, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t len;

		if (option[0] == OPTION_END)
			return MASQ_DROP_NONE;
		if (option[0] == OPTION_NOP) {
			len = 1;
		} else {
			if (bytes < 2 || option[1] < 2 || option[1] > bytes)
				return MASQ_DROP_IP_HEADER;
			if (option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE)
				return MASQ_DROP_SOURCE_ROUTE;
			len = option[1];
		}
		option += len;
		bytes -= len;
	}
	return MASQ_DROP_NONE;
}

static enum masq_drop
check_addresses(const uint8_t *ip, bool is_group_frame)
{
	uint8_t src = ip[12], dst = ip[16];

	if (src == 0 || src == 127 || src >= 224)
		return MASQ_DROP_MARTIAN_SOURCE;
	if (load32(ip + 16) == UINT32_MAX)
		return MASQ_DROP_BROADCAST;
	if (dst == 0 || dst == 127 || dst >= 240)
		return MASQ_DROP_MARTIAN_DESTINATION;
	if (dst >= 224)
		return MASQ_DROP_MULTICAST;
	return is_group_frame ? MASQ_DROP_BROADCAST : MASQ_DROP_NONE;
}

/* All fragments but the last carry a multiple of eight bytes, and none is empty. */
static enum masq_drop
parse_fragment(const uint8_t *ip, struct masq_pkt *pkt)
{
	uint32_t word = load_be16(ip + 6);
	uint32_t offset_bytes = (word & 0x1fff) * 8;
	uint32_t data_bytes = pkt->l3_len_bytes - (uint32_t)(pkt->l4_offset - pkt->l3_offset);

	if (data_bytes == 0 || offset_bytes + pkt->l3_len_bytes > UINT16_MAX)
		return MASQ_DROP_FRAG_BAD;
	if ((word & IP_MORE_FRAGMENTS) != 0 && data_bytes % 8 != 0)
		return MASQ_DROP_FRAG_BAD;
	pkt->flags |= MASQ_PKT_FRAGMENT;
	return MASQ_DROP_NONE;
}

static enum masq_drop
parse_tcp(const struct rte_mbuf *mbuf, const uint8_t *tcp, uint32_t bytes, struct masq_pkt *pkt)
{
	uint32_t header_bytes;

	if (bytes < TCP_HEADER_BYTES)
		return MASQ_DROP_L4_HEADER;
	if (mbuf->data_len < pkt->l4_offset + TCP_HEADER_BYTES)
		return MASQ_DROP_SPLIT_HEADER;
	header_bytes = (tcp[12] >> 4) * 4u;
	if (header_bytes < TCP_HEADER_BYTES || header_bytes > bytes)
		return MASQ_DROP_L4_HEADER;
	if (mbuf->data_len < pkt->l4_offset + header_bytes)
		return MASQ_DROP_SPLIT_HEADER;
	memcpy(&pkt->key.sport, tcp, 4);
	pkt->tcp_flags = tcp[13];
	return MASQ_DROP_NONE;
}

static enum masq_drop
parse_udp(const struct rte_mbuf *mbuf, const uint8_t *udp, uint32_t bytes, struct masq_pkt *pkt)
{
	uint32_t udp_bytes;

	if (bytes < UDP_HEADER_BYTES)
		return MASQ_DROP_L4_HEADER;
	if (mbuf->data_len < pkt->l4_offset + UDP_HEADER_BYTES)
		return MASQ_DROP_SPLIT_HEADER;
	udp_bytes = load_be16(udp + 4);
	if (udp_bytes < UDP_HEADER_BYTES || udp_bytes > bytes)
		return MASQ_DROP_L4_HEADER;
	memcpy(&pkt->key.sport, udp, 4);
	return MASQ_DROP_NONE;
}

/* Ports of a query as struct masq_tuple describes them. */
static void
fill_query_ports(const uint8_t *icmp, struct masq_tuple *key)
{
	rte_be16_t id = load16(icmp + 4);
	uint8_t type = icmp[0];

	if (masq_icmp_is_request(type)) {
		key->sport = id;
		key->dport = rte_cpu_to_be_16(type);
	} else {
		key->sport = rte_cpu_to_be_16(type == 0 ? 8 : type - 1);
		key->dport = id;
	}
}

/*
 * How much of a quote the rewrite will touch: all up to the end of the transport checksum, if that is
 * quoted at all. 0: the quote names no flow that a session could have.
 */
static uint32_t
quote_bytes_used(const uint8_t *quote, uint32_t bytes)
{
	uint32_t header_bytes = (quote[0] & 15) * 4u;
	uint8_t proto = quote[9];

	if (quote[0] >> 4 != 4 || header_bytes < IP_HEADER_BYTES ||
			bytes < header_bytes + QUOTED_L4_BYTES)
		return 0;
	if (load_be16(quote + 2) < header_bytes + QUOTED_L4_BYTES ||
			(load_be16(quote + 6) & IP_FRAGMENT_OFFSET) != 0)
		return 0;
	if (proto == IPPROTO_TCP && bytes >= header_bytes + QUOTED_TCP_CSUM_END)
		return header_bytes + QUOTED_TCP_CSUM_END;
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP)
		return header_bytes + QUOTED_L4_BYTES;
	return 0;
}

/*
 * Fill in the key of an ICMP error from its quote. A useless quote leaves proto 0, which no session
 * has. So does a quote whose sender is not the destination of the error: routers send errors to the
 * sender; only someone who forges errors with guessed tuples does otherwise.
 */
static enum masq_drop
parse_quote(const struct rte_mbuf *mbuf, const uint8_t *quote, uint32_t bytes, struct masq_pkt *pkt)
{
	uint32_t offset = pkt->l4_offset + ICMP_HEADER_BYTES;
	rte_be32_t error_dst = pkt->key.dst;
	struct masq_tuple quoted = { 0 };
	const uint8_t *l4;
	uint32_t used;

	pkt->flags |= MASQ_PKT_ICMP_ERROR;
	pkt->key.proto = 0;
	if (bytes < IP_HEADER_BYTES)
		return MASQ_DROP_NONE;
	if (mbuf->data_len < offset + IP_HEADER_BYTES)
		return MASQ_DROP_SPLIT_HEADER;
	used = quote_bytes_used(quote, bytes);
	if (used == 0)
		return MASQ_DROP_NONE;
	if (mbuf->data_len < offset + used)
		return MASQ_DROP_SPLIT_HEADER;

	l4 = quote + (quote[0] & 15) * 4u;
	memcpy(&quoted.src, quote + 12, 8);
	quoted.proto = quote[9];
	if (quoted.proto != IPPROTO_ICMP)
		memcpy(&quoted.sport, l4, 4);
	else if (masq_icmp_is_query(l4[0]))
		fill_query_ports(l4, &quoted);
	else
		return MASQ_DROP_NONE;
	if (quoted.src == error_dst)
		pkt->key = masq_tuple_reverse(&quoted);
	return MASQ_DROP_NONE;
}

/*
 * The key of a query contains its type, but not its code, by which rules may tell packets of one
 * session apart. And if the identifier is a number that could be a type, a request and a reply of
 * another type share a key.
 */
static bool
is_odd_query(const uint8_t *icmp)
{
	uint16_t id = load_be16(icmp + 4);

	return icmp[1] != 0 || id == 8 || id == 13 || id == 15 || id == 17;
}

static enum masq_drop
parse_icmp(const struct rte_mbuf *mbuf, const uint8_t *icmp, uint32_t bytes, struct masq_pkt *pkt)
{
	if (bytes < ICMP_HEADER_BYTES)
		return MASQ_DROP_L4_HEADER;
	if (mbuf->data_len < pkt->l4_offset + ICMP_HEADER_BYTES)
		return MASQ_DROP_SPLIT_HEADER;
	switch (icmp[0]) {
	case MASQ_ICMP_UNREACHABLE:
	case ICMP_SOURCE_QUENCH:
	case MASQ_ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER_PROBLEM:
		return parse_quote(mbuf, icmp + ICMP_HEADER_BYTES, bytes - ICMP_HEADER_BYTES, pkt);
	default:
		break;
	}
	if (masq_icmp_is_query(icmp[0])) {
		pkt->flags |= MASQ_PKT_ICMP_QUERY;
		if (unlikely(is_odd_query(icmp)))
			pkt->flags |= MASQ_PKT_ICMP_ODD;
		fill_query_ports(icmp, &pkt->key);
	} else {
		pkt->flags |= MASQ_PKT_ICMP_OTHER;
	}
	return MASQ_DROP_NONE;
}

static enum masq_drop
parse_transport(const struct rte_mbuf *mbuf, const uint8_t *l4, struct masq_pkt *pkt)
{
	uint32_t bytes = pkt->l3_len_bytes - (uint32_t)(pkt->l4_offset - pkt->l3_offset);

	if ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return MASQ_DROP_L4_CHECKSUM;
	switch (pkt->key.proto) {
	case IPPROTO_TCP:
		return parse_tcp(mbuf, l4, bytes, pkt);
	case IPPROTO_UDP:
		return parse_udp(mbuf, l4, bytes, pkt);
	case IPPROTO_ICMP:
		return parse_icmp(mbuf, l4, bytes, pkt);
	default:
		pkt->flags |= MASQ_PKT_OTHER_PROTO;
		return MASQ_DROP_NONE;
	}
}

/* One's complement sum of a header of any length, its checksum included: 0xffff when right. */
static bool
header_sum_is_right(const uint8_t *ip, uint32_t header_bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < header_bytes; i += 2)
		sum += load16(ip + i);
	return sum % 0xffff == 0;
}

/* Check version and lengths of the IP header; header_bytes is set only on success. */
static enum masq_drop
parse_ip_lengths(const struct rte_mbuf *mbuf, const uint8_t *ip, uint32_t l3_offset,
		uint32_t *header_bytes)
{
	uint32_t bytes;

	if (mbuf->data_len < l3_offset + IP_HEADER_BYTES)
		return missing(mbuf, l3_offset + IP_HEADER_BYTES, MASQ_DROP_RUNT);
	if (ip[0] >> 4 != 4)
		return MASQ_DROP_IP_VERSION;
	bytes = (ip[0] & 15) * 4u;
	if (bytes < IP_HEADER_BYTES)
		return MASQ_DROP_IP_HEADER;
	if (mbuf->data_len < l3_offset + bytes)
		return missing(mbuf, l3_offset + bytes, MASQ_DROP_IP_HEADER);
	if (load_be16(ip + 2) < bytes || l3_offset + load_be16(ip + 2) > mbuf->pkt_len)
		return MASQ_DROP_IP_LENGTH;
	*header_bytes = bytes;
	return MASQ_DROP_NONE;
}

static enum masq_drop
check_ip_checksum(const struct rte_mbuf *mbuf, const uint8_t *ip, uint32_t header_bytes)
{
	uint64_t word = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	/* GOOD, or NONE, which says that the header is right although its checksum is not. */
	if ((word & RTE_MBUF_F_RX_IP_CKSUM_GOOD) != 0)
		return MASQ_DROP_NONE;
	if (word == RTE_MBUF_F_RX_IP_CKSUM_BAD || !header_sum_is_right(ip, header_bytes))
		return MASQ_DROP_IP_CHECKSUM;
	return MASQ_DROP_NONE;
}

/* Cut off what is behind the IP packet; the frame has at least that many bytes. */
static void
cut_frame(struct rte_mbuf *mbuf, uint32_t bytes)
{
	struct rte_mbuf *last = mbuf;
	uint32_t left = bytes;

	mbuf->pkt_len = bytes;
	mbuf->nb_segs = 1;
	while (left > last->data_len) {
		left -= last->data_len;
		last = last->next;
		mbuf->nb_segs++;
	}
	last->data_len = (uint16_t)left;
	rte_pktmbuf_free(last->next);
	last->next = NULL;
}

static enum masq_drop
parse_ip(struct rte_mbuf *mbuf, const uint8_t *ip, bool is_group_frame, struct masq_pkt *pkt)
{
	enum masq_drop reason;
	uint32_t header_bytes;

	reason = parse_ip_lengths(mbuf, ip, pkt->l3_offset, &header_bytes);
	if (reason != MASQ_DROP_NONE)
		return reason;
	reason = check_ip_checksum(mbuf, ip, header_bytes);
	if (reason != MASQ_DROP_NONE)
		return reason;
	pkt->l3_len_bytes = load_be16(ip + 2);
	pkt->l4_offset = (uint16_t)(pkt->l3_offset + header_bytes);
	pkt->tos = ip[1];
	pkt->ttl = ip[8];
	pkt->key.proto = ip[9];
	memcpy(&pkt->key.src, ip + 12, 8);
	cut_frame(mbuf, (uint32_t)pkt->l3_offset + pkt->l3_len_bytes);

	if (header_bytes > IP_HEADER_BYTES) {
		pkt->flags |= MASQ_PKT_OPTIONS;
		reason = parse_options(ip + IP_HEADER_BYTES, header_bytes - IP_HEADER_BYTES);
		if (reason != MASQ_DROP_NONE)
			return reason;
	}
	reason = check_addresses(ip, is_group_frame);
	if (reason != MASQ_DROP_NONE)
		return reason;
	if ((load_be16(ip + 6) & (IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET)) != 0)
		return parse_fragment(ip, pkt);
	return parse_transport(mbuf, ip + header_bytes, pkt);
}

/* Every frame that is not plain, and every one that is dropped. */
static __attribute__((noinline)) enum masq_drop
parse_any(struct rte_mbuf *mbuf, uint64_t own_mac, struct masq_pkt *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	bool is_group_frame;
	uint16_t ethertype;

	memset(pkt, 0, sizeof(*pkt));
	if (mbuf->data_len < ETHER_HEADER_BYTES)
		return missing(mbuf, ETHER_HEADER_BYTES, MASQ_DROP_RUNT);
	is_group_frame = (frame[0] & 1) != 0;
	if (!is_group_frame && load_frame_mac(frame) != own_mac)
		return MASQ_DROP_NOT_OUR_MAC;

	pkt->l3_offset = ETHER_HEADER_BYTES;
	ethertype = load_be16(frame + 12);
	if ((mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
		pkt->vlan = mbuf->vlan_tci & VLAN_ID_MASK;
	} else if (ethertype == ETHERTYPE_VLAN) {
		if (mbuf->data_len < ETHER_HEADER_BYTES + VLAN_TAG_BYTES)
			return missing(mbuf, ETHER_HEADER_BYTES + VLAN_TAG_BYTES, MASQ_DROP_RUNT);
		pkt->l3_offset += VLAN_TAG_BYTES;
		pkt->vlan = load_be16(frame + 14) & VLAN_ID_MASK;
		ethertype = load_be16(frame + 16);
	}
	switch (ethertype) {
	case ETHERTYPE_IPV4:
		return parse_ip(mbuf, frame + pkt->l3_offset, is_group_frame, pkt);
	case ETHERTYPE_ARP:
		pkt->flags = MASQ_PKT_ARP;
		return MASQ_DROP_NONE;
	default:
		return MASQ_DROP_ETHERTYPE;
	}
}

/*
 * The same sum over exactly 20 bytes. Modulo 65535, 2^16, 2^32 and 2^64 are all 1, so words of any
 * width add up if carries are added back in at the bottom; the test for divisibility is then a
 * multiplication and a comparison.
 */
static inline bool
plain_sum_is_right(const uint8_t *ip)
{
	uint64_t addresses = load64(ip + 12), sum = addresses + load64(ip + 4);

	sum += sum < addresses;
	sum += load32(ip);
	sum += sum < load32(ip);
	return sum % 0xffff == 0;
}

#define NO_BYTE 0x80 /* of _mm_shuffle_epi8(): becomes 0 */

/*
 * Where TCP and UDP have their length, in the big-endian word at that place: header length in
 * TCP, total length in UDP. Rows of other protocols are empty. A table, because with a mix of both
 * a branch on the protocol costs more than all of this.
 */
static const struct plain_transport {
	uint8_t flags_order[16]; /* brings TCP's flags to where struct masq_pkt has them */
	uint8_t too_short; /* greatest header length that is too short; 0 with mask 0: none will do */
	uint8_t length_place;
	uint8_t length_shift;
	uint16_t length_mask;
} __attribute__((aligned(32))) plain_transports[IPPROTO_UDP + 1] = {
	[IPPROTO_TCP] = { .flags_order = { [0 ... 8] = NO_BYTE, 13, [10 ... 15] = NO_BYTE },
			.too_short = TCP_HEADER_BYTES - 1,
			.length_place = 12,
			.length_shift = 26, /* four bits of 32-bit words, times four */
			.length_mask = 0x3c },
	[IPPROTO_UDP] = { .flags_order = { [0 ... 15] = NO_BYTE },
			.too_short = UDP_HEADER_BYTES - 1,
			.length_place = 4,
			.length_shift = 16,
			.length_mask = 0xffff },
};

/*
 * The whole struct of a plain packet as two vectors, for which bytes of the headers are shuffled to
 * their places; the assertions below say which fields are there. Writing field by field takes twice as
 * many instructions, and reading the key as one piece would then stall.
 */
static inline void
store_plain(const uint8_t *ip, const struct plain_transport *transport, struct masq_pkt *pkt)
{
	const __m128i proto_order = _mm_setr_epi8(
			-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 9, -1, -1, -1);
	const __m128i length_ttl_tos_order = _mm_setr_epi8(
			-1, -1, -1, -1, 3, 2, -1, -1, -1, -1, 8, 1, -1, -1, -1, -1);
	const __m128i addresses_ports = _mm_setr_epi32(-1, -1, -1, 0);
	const __m128i offsets = _mm_setr_epi16(
			ETHER_HEADER_BYTES, ETHER_HEADER_BYTES + IP_HEADER_BYTES, 0, 0, 0, 0, 0, 0);
	const __m128i header = _mm_loadu_si128((const void *)ip);
	const __m128i behind = _mm_loadu_si128((const void *)(ip + 12));
	const __m128i l4 = _mm_loadu_si128((const void *)(ip + IP_HEADER_BYTES));
	const __m128i flags_order = _mm_load_si128((const void *)transport->flags_order);
	__m128i key = _mm_and_si128(behind, addresses_ports);
	__m128i rest = _mm_or_si128(offsets, _mm_shuffle_epi8(header, length_ttl_tos_order));

	key = _mm_or_si128(key, _mm_shuffle_epi8(header, proto_order));
	rest = _mm_or_si128(rest, _mm_shuffle_epi8(l4, flags_order));
	_mm_storeu_si128((void *)pkt, key);
	_mm_storeu_si128((void *)((uint8_t *)pkt + 16), rest);
}

static_assert(sizeof(struct masq_pkt) == 32, "two vectors are the whole struct");
static_assert(offsetof(struct masq_pkt, key) == 0 && offsetof(struct masq_tuple, src) == 0 &&
				offsetof(struct masq_tuple, sport) == 8 &&
				offsetof(struct masq_tuple, proto) == 12,
		"the key");
static_assert(offsetof(struct masq_pkt, l3_offset) == 16 &&
				offsetof(struct masq_pkt, l4_offset) == 18 &&
				offsetof(struct masq_pkt, l3_len_bytes) == 20 &&
				offsetof(struct masq_pkt, tcp_flags) == 25 &&
				offsetof(struct masq_pkt, ttl) == 26 &&
				offsetof(struct masq_pkt, tos) == 27,
		"the rest");

/*
 * Parse a plain packet; false: not plain, or not valid, *pkt undefined.
 *
 * PLAIN_FRAME_BYTES makes a TCP header readable before it is known to be one.
 */
static inline bool
parse_plain(struct rte_mbuf *mbuf, uint64_t own_mac, struct masq_pkt *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const uint8_t *ip = frame + ETHER_HEADER_BYTES;
	const struct plain_transport *transport;
	uint32_t frame_bytes = mbuf->data_len, l3_bytes, l4_header_bytes;
	uint32_t fragment_ttl_proto;

	if (frame_bytes < PLAIN_FRAME_BYTES || mbuf->nb_segs != 1 ||
			(mbuf->ol_flags & ODD_OFFLOAD_FLAGS) != 0)
		return false;
	if (load_frame_mac(frame) != own_mac)
		return false;
	/* Ethertype 0x0800, version 4, header of five words; the fourth byte is TOS. */
	if ((load32(frame + 12) & 0x00ffffff) != 0x00450008)
		return false;

	fragment_ttl_proto = load32(ip + 6);
	if (fragment_ttl_proto >> 24 > IPPROTO_UDP || (fragment_ttl_proto & 0xff3f) != 0)
		return false;
	if ((odd_first_byte[ip[12]] | odd_first_byte[ip[16]]) != 0)
		return false;
	if ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD) == 0 && !plain_sum_is_right(ip))
		return false;

	l3_bytes = load_be16(ip + 2);
	transport = &plain_transports[fragment_ttl_proto >> 24];
	l4_header_bytes = load_be32(ip + IP_HEADER_BYTES + transport->length_place) >>
					transport->length_shift &
			transport->length_mask;
	if (l4_header_bytes <= transport->too_short ||
			IP_HEADER_BYTES + l4_header_bytes > l3_bytes ||
			ETHER_HEADER_BYTES + l3_bytes > frame_bytes)
		return false;

	store_plain(ip, transport, pkt);
	mbuf->pkt_len = mbuf->data_len = (uint16_t)(ETHER_HEADER_BYTES + l3_bytes);
	return true;
}

enum masq_drop
masq_pkt_parse(struct rte_mbuf *mbuf, const uint8_t own_mac[6], struct masq_pkt *pkt)
{
	uint64_t mac = load_mac(own_mac);

	return parse_plain(mbuf, mac, pkt) ? MASQ_DROP_NONE : parse_any(mbuf, mac, pkt);
}

uint32_t
masq_pkt_parse_burst(struct rte_mbuf *const *mbuf, const uint8_t own_mac[6], struct masq_pkt *pkt,
		uint8_t *reason, unsigned int n)
{
	const uint64_t mac = load_mac(own_mac);
	uint32_t odd = 0;

	assert(n <= 32);
	for (unsigned int i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbuf[i], const void *));
	for (unsigned int i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(mbuf[i + PREFETCH_AHEAD], const void *));
		if (unlikely(!parse_plain(mbuf[i], mac, &pkt[i]))) {
			reason[i] = (uint8_t)parse_any(mbuf[i], mac, &pkt[i]);
			odd |= UINT32_C(1) << i;
		}
	}
	return odd;
}
