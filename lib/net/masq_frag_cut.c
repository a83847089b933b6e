/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Cutting an IPv4 packet into fragments that fit a link, RFC 791 section 3.2.
 * Words
 *	data	the bytes behind the IP header
 *	later	the header of all fragments but the first: only options with the copied bit, padded
 *	cursor	position in a chain of buffers up to which the data has been copied
 * Why not rte_ipv4_fragment_packet()
 *	It wants the Ethernet header removed, does not cut fragments that carry DF, and makes chains of
 *	two buffers that point into the packet. Cutting is rare, and one buffer per fragment, filled by
 *	copying, suits every driver.
 * Data and who owns it
 *	Nothing is kept. The fragments are the caller's; the packet is freed when they are complete.
 * Threads
 *	Any worker with its own packet.
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <masq_frag.h>

#define HEADER_MAX 60
#define MTU_MIN 68 /* RFC 791: every link can carry this */
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_COPIED 0x80
#define UNIT RTE_IPV4_HDR_OFFSET_UNITS

struct cursor {
	const struct rte_mbuf *segment;
	uint32_t offset; /* in its data */
};

/* What is the same for all fragments of one packet. */
struct plan {
	const struct rte_mbuf *mbuf;
	uint16_t l3_offset;
	uint16_t first_header, later_header; /* bytes */
	uint8_t first[HEADER_MAX]; /* IP header with options */
	uint8_t later[HEADER_MAX];
	uint32_t data; /* bytes to distribute */
	uint32_t first_chunk, later_chunk; /* data bytes that fit into one */
	uint32_t offset; /* of the data in its datagram, bytes */
	uint16_t flags; /* DF and the reserved bit, of each fragment */
	bool more; /* the packet itself had MF */
};

static void
copy_bytes(struct cursor *cursor, char *to, uint32_t len)
{
	while (len > 0) {
		uint32_t here = rte_pktmbuf_data_len(cursor->segment) - cursor->offset;
		uint32_t take = RTE_MIN(here, len);

		memcpy(to, rte_pktmbuf_mtod_offset(cursor->segment, const char *, cursor->offset),
				take);
		to += take;
		len -= take;
		cursor->offset += take;
		if (take == here) {
			cursor->segment = cursor->segment->next;
			cursor->offset = 0;
		}
	}
}

/* Make the header of later fragments. Malformed options end the list, like its end mark. */
static uint16_t
make_later_header(uint8_t *later, const uint8_t *first, uint16_t first_header)
{
	uint16_t to = sizeof(struct rte_ipv4_hdr), from = to;

	memcpy(later, first, to);
	while (from < first_header && first[from] != OPTION_END) {
		uint8_t len = 1;

		if (first[from] != OPTION_NOP) {
			if (from + 1 >= first_header)
				break;
			len = first[from + 1];
			if (len < 2 || from + len > first_header)
				break;
		}
		if ((first[from] & OPTION_COPIED) != 0) {
			memcpy(later + to, first + from, len);
			to = (uint16_t)(to + len);
		}
		from = (uint16_t)(from + len);
	}
	while (to % 4 != 0)
		later[to++] = OPTION_END;
	later[0] = (uint8_t)((first[0] & 0xf0) | to / 4);
	return to;
}

/* @return 0, or -EINVAL */
static int
make_plan(struct plan *plan, const struct rte_mbuf *mbuf, uint16_t l3_offset)
{
	const struct rte_ipv4_hdr *ip;
	uint32_t total, header;
	uint16_t field;

	if (rte_pktmbuf_data_len(mbuf) < l3_offset + sizeof(*ip))
		return -EINVAL;
	ip = rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv4_hdr *, l3_offset);
	header = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	field = rte_be_to_cpu_16(ip->fragment_offset);
	if (header < sizeof(*ip) || rte_pktmbuf_data_len(mbuf) < l3_offset + header ||
			total < header || rte_pktmbuf_pkt_len(mbuf) < l3_offset + total)
		return -EINVAL;
	plan->mbuf = mbuf;
	plan->l3_offset = l3_offset;
	plan->first_header = (uint16_t)header;
	memcpy(plan->first, ip, header);
	plan->later_header = make_later_header(plan->later, plan->first, plan->first_header);
	plan->data = total - header;
	plan->offset = (uint32_t)(field & RTE_IPV4_HDR_OFFSET_MASK) * UNIT;
	plan->more = (field & RTE_IPV4_HDR_MF_FLAG) != 0;
	plan->flags = field & (uint16_t) ~(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG);
	if (plan->more && plan->data % UNIT != 0)
		return -EINVAL;
	return plan->offset + plan->data <= UINT16_MAX ? 0 : -EINVAL;
}

/* @return number of fragments; -EINVAL: not even 8 bytes fit a buffer */
static int
count_fragments(struct plan *plan, struct rte_mempool *pool, uint16_t mtu)
{
	uint32_t room = rte_pktmbuf_data_room_size(pool);
	uint32_t around = RTE_PKTMBUF_HEADROOM + plan->l3_offset;

	if (room < around + MTU_MIN)
		return -EINVAL;
	room = RTE_MIN(room - around, mtu);
	plan->first_chunk = (room - plan->first_header) & ~(UNIT - 1u);
	plan->later_chunk = (room - plan->later_header) & ~(UNIT - 1u);
	if (plan->data <= plan->first_chunk)
		return 1;
	return (int)(1 +
			(plan->data - plan->first_chunk + plan->later_chunk - 1) /
					plan->later_chunk);
}

/* Fill one fragment with @p len bytes of data from the cursor. */
static void
fill_fragment(const struct plan *plan, struct rte_mbuf *to, bool is_first, uint32_t offset,
		uint32_t len, bool more, struct cursor *cursor)
{
	uint16_t header = is_first ? plan->first_header : plan->later_header;
	char *frame = rte_pktmbuf_append(to, (uint16_t)(plan->l3_offset + header + len));
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + plan->l3_offset);

	memcpy(frame, rte_pktmbuf_mtod(plan->mbuf, const char *), plan->l3_offset);
	memcpy(ip, is_first ? plan->first : plan->later, header);
	copy_bytes(cursor, (char *)ip + header, len);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(header + len));
	ip->fragment_offset = rte_cpu_to_be_16((
			uint16_t)(plan->flags | offset / UNIT | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	to->port = plan->mbuf->port;
	to->vlan_tci = plan->mbuf->vlan_tci;
	to->ol_flags |= plan->mbuf->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_TX_VLAN);
	to->l2_len = plan->l3_offset & 0x7f;
	to->l3_len = header & 0x1ff;
	rte_mbuf_dynfield_copy(to, plan->mbuf);
}

int
masq_frag_cut(struct rte_mempool *pool, struct rte_mbuf *mbuf, uint16_t l3_offset, uint16_t mtu,
		struct rte_mbuf **out, unsigned int max)
{
	struct cursor cursor = { .segment = mbuf };
	struct plan plan;
	uint32_t done = 0;
	int n;

	if (mtu < MTU_MIN || make_plan(&plan, mbuf, l3_offset) != 0)
		return -EINVAL;
	if (max == 0)
		return -EMSGSIZE;
	if (plan.first_header + plan.data <= mtu) {
		out[0] = mbuf;
		return 1;
	}
	n = count_fragments(&plan, pool, mtu);
	if (n < 0)
		return n;
	if ((unsigned int)n > max)
		return -EMSGSIZE;
	if (rte_pktmbuf_alloc_bulk(pool, out, (unsigned int)n) != 0)
		return -ENOMEM;
	cursor.offset = l3_offset + plan.first_header;
	for (int i = 0; i < n; i++) {
		uint32_t chunk = i == 0 ? plan.first_chunk : plan.later_chunk;
		uint32_t len = RTE_MIN(chunk, plan.data - done);

		fill_fragment(&plan, out[i], i == 0, plan.offset + done, len,
				plan.more || i < n - 1, &cursor);
		done += len;
	}
	rte_pktmbuf_free(mbuf);
	return n;
}
