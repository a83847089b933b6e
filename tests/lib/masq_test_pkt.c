/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The packet builder of the tests. A frame is written front to back, then its checksums are
 *	computed over the finished bytes, the slow and obvious way. Nothing of lib/pkt is used, so a
 *	mistake there is not made here again.
 * Words
 *	datagram	IP payload before fragmentation: transport header and payload
 * Life cycle
 *	A struct literal, its bytes, a buffer that the caller frees.
 */

#include "masq_test_pkt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include <masq_ip4.h>

#define ETHER_BYTES 14u
#define OPTIONS_MAX 40u

/* A test that asks for something that cannot be built is wrong; say so and stop. */
static void
require(bool is_right, const char *what)
{
	if (is_right)
		return;
	fprintf(stderr, "test packet: %s\n", what);
	abort();
}

static void
put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void
put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

static void
put_mac(uint8_t *to, const char *text)
{
	require(masq_mac_parse(text, to) == 0, text);
}

static void
put_ip4(uint8_t *to, const char *text)
{
	uint32_t addr = 0;

	require(masq_ip4_parse(text, &addr) == 0, text);
	put32(to, addr);
}

uint16_t
masq_test_checksum(const uint8_t *bytes, uint32_t count)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)~sum;
}

static uint32_t
round_up4(uint32_t bytes)
{
	return (bytes + 3) / 4 * 4;
}

static uint32_t
payload_bytes(const struct masq_test_pkt *pkt)
{
	if (pkt->payload_bytes != 0 || pkt->payload == NULL)
		return pkt->payload_bytes;
	return (uint32_t)strlen(pkt->payload);
}

static uint32_t
put_payload(const struct masq_test_pkt *pkt, uint8_t *to)
{
	uint32_t bytes = payload_bytes(pkt);

	for (uint32_t i = 0; i < bytes; i++)
		to[i] = pkt->payload != NULL ? (uint8_t)pkt->payload[i] : (uint8_t)i;
	return bytes;
}

/* TCP and UDP sum over addresses, protocol and length too; written in front of a copy. */
static uint16_t
transport_checksum(
		const struct masq_test_pkt *pkt, uint8_t proto, const uint8_t *l4, uint32_t bytes)
{
	static uint8_t buffer[12 + 65536];
	uint16_t sum;

	put_ip4(buffer, pkt->src != NULL ? pkt->src : MASQ_TEST_SRC);
	put_ip4(buffer + 4, pkt->dst != NULL ? pkt->dst : MASQ_TEST_DST);
	put16(buffer + 8, proto);
	put16(buffer + 10, bytes);
	memcpy(buffer + 12, l4, bytes);
	sum = masq_test_checksum(buffer, 12 + bytes);
	return pkt->bad_checksum ? sum ^ 0x5a5a : sum;
}

static uint32_t
put_tcp(const struct masq_test_pkt *pkt, uint8_t *l4)
{
	uint32_t options = round_up4(pkt->tcp_option_bytes);
	uint32_t bytes = 20 + options;

	require(options <= OPTIONS_MAX, "more than 40 bytes of TCP options");
	memset(l4, 0, bytes);
	put16(l4, pkt->sport);
	put16(l4 + 2, pkt->dport);
	put32(l4 + 4, pkt->tcp_seq);
	put32(l4 + 8, pkt->tcp_ack);
	l4[12] = (uint8_t)(bytes / 4 << 4);
	l4[13] = pkt->tcp_flags != 0 ? pkt->tcp_flags : 0x10;
	put16(l4 + 14, 8192);
	if (pkt->tcp_option_bytes != 0)
		memcpy(l4 + 20, pkt->tcp_options, pkt->tcp_option_bytes);
	bytes += put_payload(pkt, l4 + bytes);
	put16(l4 + 16, transport_checksum(pkt, IPPROTO_TCP, l4, bytes));
	return bytes;
}

static uint32_t
put_udp(const struct masq_test_pkt *pkt, uint8_t *l4)
{
	uint32_t bytes = 8 + put_payload(pkt, l4 + 8);
	uint16_t sum;

	put16(l4, pkt->sport);
	put16(l4 + 2, pkt->dport);
	put16(l4 + 4, bytes);
	put16(l4 + 6, 0);
	sum = transport_checksum(pkt, IPPROTO_UDP, l4, bytes);
	if (!pkt->no_udp_checksum)
		put16(l4 + 6, sum != 0 ? sum : 0xffff);
	return bytes;
}

static uint32_t put_ip(const struct masq_test_pkt *pkt, uint8_t *ip);

/* The first bytes of the quoted packet; its checksums are those of the whole. */
static uint32_t
put_quote(const struct masq_test_pkt *pkt, uint8_t *to)
{
	uint8_t *whole = malloc(65536);
	uint32_t bytes, wanted;

	require(whole != NULL, "no memory");
	bytes = put_ip(pkt->quote, whole);
	wanted = pkt->quote_bytes != 0 ? pkt->quote_bytes : (whole[0] & 15u) * 4 + 8;
	require(wanted <= bytes, "more is to be quoted than there is");
	memcpy(to, whole, wanted);
	free(whole);
	return wanted;
}

static uint32_t
put_icmp(const struct masq_test_pkt *pkt, uint8_t *l4)
{
	uint32_t bytes = 8;
	uint16_t sum;

	memset(l4, 0, bytes);
	l4[0] = pkt->icmp_type;
	l4[1] = pkt->icmp_code;
	put16(l4 + 4, pkt->icmp_id);
	put16(l4 + 6, pkt->icmp_mtu != 0 ? pkt->icmp_mtu : pkt->icmp_seq);
	if (pkt->quote != NULL)
		bytes += put_quote(pkt, l4 + bytes);
	bytes += put_payload(pkt, l4 + bytes);
	sum = masq_test_checksum(l4, bytes);
	put16(l4 + 2, pkt->bad_checksum ? sum ^ 0x5a5a : sum);
	return bytes;
}

static uint8_t
proto_of(const struct masq_test_pkt *pkt)
{
	return pkt->proto != 0 ? pkt->proto : IPPROTO_UDP;
}

static uint32_t
put_datagram(const struct masq_test_pkt *pkt, uint8_t *l4)
{
	switch (proto_of(pkt)) {
	case IPPROTO_TCP:
		return put_tcp(pkt, l4);
	case IPPROTO_UDP:
		return put_udp(pkt, l4);
	case IPPROTO_ICMP:
		return put_icmp(pkt, l4);
	default:
		return put_payload(pkt, l4);
	}
}

static uint8_t
ttl_of(const struct masq_test_pkt *pkt)
{
	if (pkt->ttl == MASQ_TEST_ZERO)
		return 0;
	return pkt->ttl != 0 ? (uint8_t)pkt->ttl : 64;
}

/* Move the wanted part of the datagram to its front. Returns flags and offset for the header. */
static uint16_t
take_fragment(const struct masq_test_pkt *pkt, uint8_t *datagram, uint32_t *bytes)
{
	uint32_t offset = pkt->frag_offset_bytes;
	uint32_t left;
	bool is_last;

	require(offset % 8 == 0, "a fragment's offset is no multiple of 8");
	require(offset < *bytes || offset == 0, "a fragment starts behind its datagram");
	left = *bytes - offset;
	is_last = pkt->frag_bytes == 0 || pkt->frag_bytes >= left;
	*bytes = is_last ? left : pkt->frag_bytes;
	memmove(datagram, datagram + offset, *bytes);
	return (uint16_t)(offset / 8 | (is_last ? 0 : 0x2000u) |
			(pkt->dont_fragment ? 0x4000u : 0));
}

/* Write the IP packet; returns its length. */
static uint32_t
put_ip(const struct masq_test_pkt *pkt, uint8_t *ip)
{
	uint32_t header = 20 + round_up4(pkt->option_bytes);
	uint32_t bytes;
	uint16_t sum;

	require(header <= 20 + OPTIONS_MAX, "more than 40 bytes of IP options");
	memset(ip, 0, header);
	bytes = put_datagram(pkt, ip + header);
	put16(ip + 6, take_fragment(pkt, ip + header, &bytes));
	ip[0] = (uint8_t)(0x40 | header / 4);
	ip[1] = pkt->tos;
	put16(ip + 2, header + bytes);
	put16(ip + 4, pkt->ip_id);
	ip[8] = ttl_of(pkt);
	ip[9] = proto_of(pkt);
	put_ip4(ip + 12, pkt->src != NULL ? pkt->src : MASQ_TEST_SRC);
	put_ip4(ip + 16, pkt->dst != NULL ? pkt->dst : MASQ_TEST_DST);
	if (pkt->option_bytes != 0)
		memcpy(ip + 20, pkt->options, pkt->option_bytes);
	sum = masq_test_checksum(ip, header);
	put16(ip + 10, pkt->bad_ip_checksum ? sum ^ 0x5a5a : sum);
	return header + bytes;
}

static uint32_t
put_arp(const struct masq_test_pkt *pkt, uint8_t *arp)
{
	static const uint8_t types[] = { 0, 1, 8, 0, 6, 4 };

	memset(arp, 0, 28);
	memcpy(arp, types, sizeof(types));
	put16(arp + 6, pkt->arp);
	put_mac(arp + 8, pkt->src_mac != NULL ? pkt->src_mac : MASQ_TEST_PEER_MAC);
	put_ip4(arp + 14, pkt->src != NULL ? pkt->src : MASQ_TEST_SRC);
	if (pkt->arp_target_mac != NULL)
		put_mac(arp + 18, pkt->arp_target_mac);
	put_ip4(arp + 24, pkt->dst != NULL ? pkt->dst : MASQ_TEST_DST);
	return 28;
}

/* Write Ethernet header and tag; returns their length. */
static uint32_t
put_ether(const struct masq_test_pkt *pkt, uint8_t *frame)
{
	uint32_t bytes = 12;
	uint16_t ethertype = pkt->arp != 0 ? 0x0806 : 0x0800;

	put_mac(frame, pkt->dst_mac != NULL ? pkt->dst_mac : MASQ_TEST_OUR_MAC);
	put_mac(frame + 6, pkt->src_mac != NULL ? pkt->src_mac : MASQ_TEST_PEER_MAC);
	if (pkt->is_tagged || pkt->vlan != 0 || pkt->vlan_priority != 0) {
		put16(frame + 12, 0x8100);
		put16(frame + 14, (uint32_t)pkt->vlan_priority << 13 | pkt->vlan);
		bytes += 4;
	}
	put16(frame + bytes, pkt->ethertype != 0 ? pkt->ethertype : ethertype);
	return bytes + 2;
}

uint32_t
masq_test_pkt_bytes(const struct masq_test_pkt *pkt, uint8_t *frame, uint32_t size)
{
	/* Far more than goes into a frame, for datagrams of which only a fragment is wanted. */
	static uint8_t whole[2 * 65536];
	uint32_t bytes;

	bytes = put_ether(pkt, whole);
	bytes += pkt->arp != 0 ? put_arp(pkt, whole + bytes) : put_ip(pkt, whole + bytes);
	require(bytes + pkt->padding_bytes <= size, "the frame is too long for its buffer");
	memcpy(frame, whole, bytes);
	memset(frame + bytes, 0, pkt->padding_bytes);
	return bytes + pkt->padding_bytes;
}

struct rte_mempool *
masq_test_pool_create(unsigned int mbufs)
{
	static unsigned int count;
	struct rte_mempool *pool;
	char name[32];

	snprintf(name, sizeof(name), "test-%u", count++);
	pool = rte_pktmbuf_pool_create(name, mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	require(pool != NULL, "no memory for a pool; is EAL running?");
	return pool;
}

/* A chain of buffers that holds these bytes. */
static struct rte_mbuf *
fill_mbufs(struct rte_mempool *pool, const uint8_t *bytes, uint32_t count)
{
	struct rte_mbuf *head = NULL;

	do {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
		uint32_t part;
		void *room;

		require(mbuf != NULL, "the pool is empty");
		part = RTE_MIN(count, (uint32_t)rte_pktmbuf_tailroom(mbuf));
		room = rte_pktmbuf_append(mbuf, (uint16_t)part);
		require(room != NULL, "no room in the buffer");
		memcpy(room, bytes, part);
		bytes += part;
		count -= part;
		if (head == NULL)
			head = mbuf;
		else
			require(rte_pktmbuf_chain(head, mbuf) == 0, "too many buffers");
	} while (count > 0);
	return head;
}

struct rte_mbuf *
masq_test_pkt_build(struct rte_mempool *pool, const struct masq_test_pkt *pkt)
{
	uint8_t frame[MASQ_TEST_FRAME_BYTES_MAX];
	uint32_t bytes = masq_test_pkt_bytes(pkt, frame, sizeof(frame));
	uint32_t first = pkt->first_segment_bytes;
	struct rte_mbuf *mbuf;

	if (first == 0 || first >= bytes)
		return fill_mbufs(pool, frame, bytes);
	mbuf = fill_mbufs(pool, frame, first);
	require(rte_pktmbuf_chain(mbuf, fill_mbufs(pool, frame + first, bytes - first)) == 0,
			"too many buffers");
	return mbuf;
}
