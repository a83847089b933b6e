/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	ICMP messages that the box itself sends: errors about packets that it will not forward, and
 *	replies to pings.
 * Words
 *	offender	the packet that an error is about
 *	quote		its IP header and the first part of its data, behind the ICMP header
 * Decisions
 *	An error quotes as much as fits into 576 bytes (RFC 1812 4.3.2.3) rather than eight bytes of
 *	data, because tunnels and traceroutes need it. It is sent with precedence 6 (RFC 1812 4.3.2.5),
 *	DF and identification 0 (RFC 6864: a datagram that is never fragmented needs none).
 * Data and who owns it
 *	The offender stays the caller's, unchanged. A new buffer belongs to the caller.
 * Threads
 *	Worker threads, each with its own pool cache. The caller limits the rate of errors.
 * Facts from
 *	RFC 792, 1122 3.2.2, 1191 (next-hop MTU), 1812 4.3.
 */

#include <rte_mbuf.h>

#include <masq_csum.h>
#include <masq_icmp.h>

#include "masq_pkt_priv.h"

#define MESSAGE_BYTES_MAX 576u
#define TOS_INTERNETWORK_CONTROL 0xc0

/* Is this a later fragment, or the first one of a message that may itself be an ICMP error? */
static bool
fragment_forbids_error(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, pkt->l3_offset);

	if ((load_be16(ip + 6) & IP_FRAGMENT_OFFSET) != 0)
		return true;
	if (pkt->key.proto != IPPROTO_ICMP)
		return false;
	return mbuf->data_len <= pkt->l4_offset ||
			!masq_icmp_is_query(ip[pkt->l4_offset - pkt->l3_offset]);
}

/* The parser lets no other address pass, but the caller may ask about a packet of another origin. */
static bool
is_single_host(const uint8_t *addr)
{
	return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
}

bool
masq_icmp_error_allowed(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const uint8_t *ip = frame + pkt->l3_offset;

	/* ICMP_OTHER: redirects are errors, and unknown messages might be. */
	if ((pkt->flags & (MASQ_PKT_ARP | MASQ_PKT_ICMP_ERROR | MASQ_PKT_ICMP_OTHER)) != 0)
		return false;
	if ((frame[0] & 1) != 0 || !is_single_host(ip + 12) || !is_single_host(ip + 16))
		return false;
	return (pkt->flags & MASQ_PKT_FRAGMENT) == 0 || !fragment_forbids_error(mbuf, pkt);
}

/* Checksum of contiguous bytes; only for what we write ourselves. */
static uint16_t
checksum(const uint8_t *bytes, uint32_t count)
{
	uint32_t sum = 0;
	uint32_t i;

	for (i = 0; i + 1 < count; i += 2)
		sum += load16(bytes + i);
	if (i < count)
		sum += bytes[i];
	return (uint16_t)~masq_csum_fold(sum);
}

/* Copy the start of the offender's IP packet out of a chain of buffers. */
static void
copy_quote(uint8_t *to, const struct rte_mbuf *mbuf, uint32_t offset, uint32_t bytes)
{
	const void *from = rte_pktmbuf_read(mbuf, offset, bytes, to);

	/* rte_pktmbuf_read() copies only what is spread over buffers; else it points into the one. */
	if (from != NULL && from != to)
		memcpy(to, from, bytes);
}

static void
write_error_headers(uint8_t *ip, const uint8_t *offender_ip, rte_be32_t src, uint16_t ip_bytes)
{
	memset(ip, 0, IP_HEADER_BYTES);
	ip[0] = 0x45;
	ip[1] = TOS_INTERNETWORK_CONTROL;
	store_be16(ip + 2, ip_bytes);
	store_be16(ip + 6, IP_DONT_FRAGMENT);
	ip[8] = MASQ_ICMP_TTL;
	ip[9] = IPPROTO_ICMP;
	memcpy(ip + 12, &src, sizeof(src));
	memcpy(ip + 16, offender_ip + 12, sizeof(rte_be32_t));
	store16(ip + 10, checksum(ip, IP_HEADER_BYTES));
}

struct rte_mbuf *
masq_icmp_error_build(struct rte_mempool *pool, const struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt, rte_be32_t src, uint8_t type, uint8_t code,
		uint16_t mtu)
{
	const uint32_t headers_bytes = IP_HEADER_BYTES + ICMP_HEADER_BYTES;
	uint32_t quote_bytes = RTE_MIN(pkt->l3_len_bytes, MESSAGE_BYTES_MAX - headers_bytes);
	struct rte_mbuf *error = rte_pktmbuf_alloc(pool);
	uint8_t *frame, *ip, *icmp;

	if (error == NULL)
		return NULL;
	frame = (uint8_t *)rte_pktmbuf_append(
			error, (uint16_t)(ETHER_HEADER_BYTES + headers_bytes + quote_bytes));
	if (frame == NULL) {
		rte_pktmbuf_free(error);
		return NULL;
	}
	ip = frame + ETHER_HEADER_BYTES;
	icmp = ip + IP_HEADER_BYTES;
	memset(frame, 0, 2 * 6);
	store_be16(frame + 12, ETHERTYPE_IPV4);
	write_error_headers(ip, rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, pkt->l3_offset), src,
			(uint16_t)(headers_bytes + quote_bytes));
	memset(icmp, 0, ICMP_HEADER_BYTES);
	icmp[0] = type;
	icmp[1] = code;
	store_be16(icmp + 6, mtu);
	copy_quote(icmp + ICMP_HEADER_BYTES, mbuf, pkt->l3_offset, quote_bytes);
	store16(icmp + 2, checksum(icmp, ICMP_HEADER_BYTES + quote_bytes));
	error->l2_len = ETHER_HEADER_BYTES;
	error->l3_len = IP_HEADER_BYTES;
	return error;
}

void
masq_icmp_echo_reply(struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l3_offset);
	uint8_t *icmp = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l4_offset);
	uint32_t src = load32(ip + 12), dst = load32(ip + 16);
	uint16_t delta;

	/* Swapping the addresses leaves the sum as it is. */
	memcpy(ip + 12, &dst, sizeof(dst));
	memcpy(ip + 16, &src, sizeof(src));
	delta = masq_csum_delta16(ip[8], MASQ_ICMP_TTL);
	ip[8] = MASQ_ICMP_TTL;
	store16(ip + 10, masq_csum_apply(load16(ip + 10), delta));

	delta = masq_csum_delta16(icmp[0], ICMP_ECHO_REPLY);
	icmp[0] = ICMP_ECHO_REPLY;
	store16(icmp + 2, updated_query_checksum(icmp, delta));
}
