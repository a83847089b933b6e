/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The bytes of fragments: what a fragment's header says, and how fragments become one packet.
 * Words
 *	data	the bytes behind the IP header; fragment offsets count in them
 *	head	the first fragment, whose buffer and header the whole packet keeps
 * Which fragments are refused
 *	No data; data that is no multiple of 8 bytes although more follows; an end beyond what an IP
 *	packet can hold; and what serves only to hide the ports from a filter: a first fragment
 *	without the whole transport header, or a later one that begins inside of it (RFC 1858, RFC
 *	3128, reference 5.4).
 * Data and who owns it
 *	Nothing is kept. join() takes the mbufs of its parts and hands one back.
 * Threads
 *	Any; pure functions of their mbufs.
 */

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "masq_frag_priv.h"

#define TCP_HEADER 20
#define TCP_OFFSET_BYTE 12 /* high four bits: header length in words */
#define UDP_HEADER 8
#define ICMP_HEADER 8
#define ECN_MASK 3
#define ECN_CE 3

static struct rte_ipv4_hdr *
ip_of(const struct rte_mbuf *mbuf, uint16_t l3_offset)
{
	return rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv4_hdr *, l3_offset);
}

/* Minimal length of the transport header; 0: a protocol that we do not look into. */
static uint16_t
header_min(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return TCP_HEADER;
	case IPPROTO_UDP:
		return UDP_HEADER;
	case IPPROTO_ICMP:
		return ICMP_HEADER;
	default:
		return 0;
	}
}

/* Does a first fragment hold its whole transport header, all of it in the first buffer? */
static enum masq_drop
check_first(const struct rte_mbuf *mbuf, uint16_t data_offset, const struct masq_frag_info *info)
{
	uint16_t need = header_min(info->key.proto);
	uint16_t there = (uint16_t)(rte_pktmbuf_data_len(mbuf) - data_offset);

	if (info->end < need)
		return MASQ_DROP_FRAG_BAD;
	if (there < need)
		return MASQ_DROP_SPLIT_HEADER;
	if (info->key.proto != IPPROTO_TCP)
		return MASQ_DROP_NONE;
	need = (uint16_t)((*rte_pktmbuf_mtod_offset(
					   mbuf, const uint8_t *, data_offset + TCP_OFFSET_BYTE) >>
					  4) *
			4);
	if (need < TCP_HEADER || info->end < need)
		return MASQ_DROP_FRAG_BAD;
	return there < need ? MASQ_DROP_SPLIT_HEADER : MASQ_DROP_NONE;
}

/* @return false: more bytes than any link pads */
static bool
cut_padding(struct rte_mbuf *mbuf, uint32_t len)
{
	return len == 0 || (len <= UINT16_MAX && rte_pktmbuf_trim(mbuf, (uint16_t)len) == 0);
}

enum masq_drop
masq_frag_info_read(struct rte_mbuf *mbuf, uint16_t l3_offset, struct masq_frag_info *info)
{
	uint32_t start, end, header, total, frame;
	const struct rte_ipv4_hdr *ip;
	uint16_t field;

	if (rte_pktmbuf_data_len(mbuf) < l3_offset + sizeof(*ip))
		return MASQ_DROP_SPLIT_HEADER;
	ip = ip_of(mbuf, l3_offset);
	header = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	frame = l3_offset + total;
	if (header < sizeof(*ip) || total <= header || rte_pktmbuf_pkt_len(mbuf) < frame)
		return MASQ_DROP_FRAG_BAD;
	if (rte_pktmbuf_data_len(mbuf) < l3_offset + header)
		return MASQ_DROP_SPLIT_HEADER;
	field = rte_be_to_cpu_16(ip->fragment_offset);
	start = (uint32_t)(field & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
	end = start + total - header;
	*info = (struct masq_frag_info){
		.key = {
			.src = ip->src_addr,
			.dst = ip->dst_addr,
			.id = ip->packet_id,
			.port = mbuf->port,
			.proto = ip->next_proto_id,
		},
		.start = (uint16_t)start,
		.end = (uint16_t)end,
		.header = (uint16_t)header,
		.more = (field & RTE_IPV4_HDR_MF_FLAG) != 0,
		.ecn = ip->type_of_service & ECN_MASK,
	};
	if (end > UINT16_MAX - header)
		return MASQ_DROP_FRAG_BAD;
	if (info->more && end % RTE_IPV4_HDR_OFFSET_UNITS != 0)
		return MASQ_DROP_FRAG_BAD;
	if (start > 0 && start < header_min(info->key.proto))
		return MASQ_DROP_FRAG_BAD;
	if (!cut_padding(mbuf, rte_pktmbuf_pkt_len(mbuf) - frame))
		return MASQ_DROP_FRAG_BAD;
	if (start > 0 || !info->more)
		return MASQ_DROP_NONE;
	return check_first(mbuf, (uint16_t)(l3_offset + header), info);
}

/* Copy all segments of @p mbuf. */
static void
copy_data(const struct rte_mbuf *mbuf, char *to)
{
	for (; mbuf != NULL; mbuf = mbuf->next) {
		memcpy(to, rte_pktmbuf_mtod(mbuf, const char *), rte_pktmbuf_data_len(mbuf));
		to += rte_pktmbuf_data_len(mbuf);
	}
}

/* Put the data of a later fragment behind the head; the headers of @p mbuf are removed already. */
static void
append(struct rte_mbuf *head, struct rte_mbuf *mbuf, bool is_flat)
{
	if (is_flat) {
		uint16_t len = (uint16_t)rte_pktmbuf_pkt_len(mbuf);

		copy_data(mbuf, rte_pktmbuf_append(head, len));
		rte_pktmbuf_free(mbuf);
	} else {
		/* Cannot fail: 64 parts of a few segments stay far below the limit. */
		rte_pktmbuf_chain(head, mbuf);
	}
}

struct rte_mbuf *
masq_frag_join(const struct masq_frag_part *part, unsigned int n, bool is_ce)
{
	struct rte_mbuf *head = part[0].mbuf;
	struct rte_ipv4_hdr *ip = ip_of(head, part[0].l3_offset);
	uint32_t more = 0;
	bool is_flat;

	for (unsigned int i = 1; i < n; i++) {
		uint16_t skip = (uint16_t)(part[i].l3_offset +
				rte_ipv4_hdr_len(ip_of(part[i].mbuf, part[i].l3_offset)));

		rte_pktmbuf_adj(part[i].mbuf, skip);
		more += rte_pktmbuf_pkt_len(part[i].mbuf);
	}
	is_flat = rte_pktmbuf_is_contiguous(head) && rte_pktmbuf_tailroom(head) >= more;
	for (unsigned int i = 1; i < n; i++)
		append(head, part[i].mbuf, is_flat);
	ip->total_length = rte_cpu_to_be_16(
			(uint16_t)(rte_pktmbuf_pkt_len(head) - part[0].l3_offset));
	ip->fragment_offset = 0;
	if (is_ce && (ip->type_of_service & ECN_MASK) != 0)
		ip->type_of_service |= ECN_CE;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	/* The NIC's verdicts were about one fragment. */
	head->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |
			RTE_MBUF_F_RX_RSS_HASH);
	head->packet_type = 0;
	return head;
}
