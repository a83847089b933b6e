/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Fuzz target of lib/pkt: any bytes as a frame, parsed, and then treated by everything that trusts
 *	the parser: rewrites, ICMP errors that are translated, ICMP errors and echo replies that are
 *	written, ARP.
 * Input
 *	Byte 0: what the NIC says (checksums, stripped tag). Byte 1: where the frame is split into two
 *	buffers, 0: not at all. The rest is the frame.
 * What it finds
 *	Bytes read or written outside the frame: each buffer is allocated in exactly the size of its
 *	bytes, so the address sanitizer sees them. And broken promises, by abort(): a header that was
 *	right must be right afterwards, a message of our own must be right, nothing may be longer than
 *	its frame.
 */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include <masq_arp.h>
#include <masq_icmp.h>
#include <masq_pkt.h>
#include <masq_rewrite.h>

#include "masq_test_eal.h"
#include "masq_test_pkt.h"

/* Bits of byte 0. */
#define SAYS_IP_GOOD 0x01
#define SAYS_L4_UNKNOWN_BUT_ODD 0x02
#define SAYS_VLAN_STRIPPED 0x04

struct frame {
	struct rte_mbuf mbuf[2];
	uint8_t *bytes[2];
};

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };
static struct rte_mempool *pool;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	masq_test_eal_init((*argv)[0], "64");
	pool = masq_test_pool_create(63);
	return 0;
}

static void
promise(bool is_kept, const char *what)
{
	if (is_kept)
		return;
	fprintf(stderr, "broken promise: %s\n", what);
	abort();
}

static void
fill_segment(struct frame *frame, unsigned int i, const uint8_t *bytes, size_t count)
{
	frame->bytes[i] = malloc(count != 0 ? count : 1);
	promise(frame->bytes[i] != NULL, "memory");
	memcpy(frame->bytes[i], bytes, count);
	frame->mbuf[i].buf_addr = frame->bytes[i];
	frame->mbuf[i].data_len = (uint16_t)count;
	/* Nobody's but the test's: who frees it leaves it here. */
	frame->mbuf[i].refcnt = 2;
	frame->mbuf[i].nb_segs = 1;
}

static void
frame_init(struct frame *frame, uint8_t says, size_t first, const uint8_t *bytes, size_t count)
{
	memset(frame, 0, sizeof(*frame));
	if (first == 0 || first > count)
		first = count;
	fill_segment(frame, 0, bytes, first);
	frame->mbuf[0].pkt_len = (uint32_t)count;
	if ((says & SAYS_IP_GOOD) != 0)
		frame->mbuf[0].ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if ((says & SAYS_L4_UNKNOWN_BUT_ODD) != 0)
		frame->mbuf[0].ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	if ((says & SAYS_VLAN_STRIPPED) != 0)
		frame->mbuf[0].ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	if (first == count)
		return;
	fill_segment(frame, 1, bytes + first, count - first);
	frame->mbuf[0].next = &frame->mbuf[1];
	frame->mbuf[0].nb_segs = 2;
}

static void
frame_fini(struct frame *frame)
{
	free(frame->bytes[0]);
	free(frame->bytes[1]);
}

static bool
ip_sum_is_right(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	return masq_test_checksum(rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, pkt->l3_offset),
			       pkt->l4_offset - (uint32_t)pkt->l3_offset) == 0;
}

static void
check_lengths(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	promise(pkt->l3_offset == 14 || pkt->l3_offset == 18, "the IP header is where it can be");
	promise(pkt->l4_offset >= pkt->l3_offset + 20 && pkt->l4_offset <= pkt->l3_offset + 60,
			"the IP header has 20 to 60 bytes");
	promise(pkt->l4_offset <= mbuf->data_len, "the IP header is in the first buffer");
	promise((uint32_t)pkt->l3_offset + pkt->l3_len_bytes == mbuf->pkt_len,
			"the packet is the frame");
	promise(mbuf->nb_segs > 1 || mbuf->pkt_len == mbuf->data_len, "one buffer has one length");
}

/* Write an error about the packet, if one may be written, and check all of it. */
static void
try_error(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	struct rte_mbuf *error;
	struct masq_pkt parsed;
	const uint8_t *frame;

	if (!masq_icmp_error_allowed(mbuf, pkt))
		return;
	error = masq_icmp_error_build(pool, mbuf, pkt, rte_cpu_to_be_32(0xcb007101),
			MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_FRAG_NEEDED, 1400);
	promise(error != NULL, "the pool has buffers");
	frame = rte_pktmbuf_mtod(error, const uint8_t *);
	promise(error->pkt_len <= 14 + 576, "an error has at most 576 bytes");
	promise(masq_test_checksum(frame + 14, 20) == 0, "the IP checksum of an error");
	promise(masq_test_checksum(frame + 34, error->pkt_len - 34) == 0, "the ICMP checksum");
	memcpy(rte_pktmbuf_mtod(error, uint8_t *), our_mac, 6);
	promise(masq_pkt_parse(error, our_mac, &parsed) == MASQ_DROP_NONE, "our parser takes it");
	promise((parsed.flags & MASQ_PKT_ICMP_ERROR) != 0, "as an error");
	rte_pktmbuf_free(error);
}

/* Rewrite the packet to another tuple, by the function for its kind. */
static void
try_rewrite(struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	struct masq_tuple to = pkt->key;
	bool is_reply = rte_be_to_cpu_16(pkt->key.sport) < 32;
	struct masq_rewrite rewrite;

	to.src ^= rte_cpu_to_be_32(0x00010203);
	to.dst ^= rte_cpu_to_be_32(0x00040506);
	to.sport ^= rte_cpu_to_be_16(0x1111);
	to.dport ^= rte_cpu_to_be_16(0x2222);
	masq_rewrite_init(&rewrite, &pkt->key, &to, is_reply);
	rewrite.tos_and = 0x01;
	rewrite.tos_xor = 0x10;
	if ((pkt->flags & MASQ_PKT_ICMP_ERROR) != 0)
		masq_rewrite_icmp_error(&rewrite, mbuf, pkt);
	else
		masq_rewrite_apply(&rewrite, mbuf, pkt);
}

static void
try_treatment(struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	const uint8_t not_a_flow = MASQ_PKT_FRAGMENT | MASQ_PKT_ICMP_OTHER | MASQ_PKT_OTHER_PROTO;
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, pkt->l4_offset);

	if ((pkt->flags & MASQ_PKT_ICMP_QUERY) != 0 && l4[0] == 8)
		masq_icmp_echo_reply(mbuf, pkt);
	else if (pkt->ttl == 0)
		return; /* no stage sends it on */
	else if ((pkt->flags & not_a_flow) == 0 && pkt->key.proto != 0)
		try_rewrite(mbuf, pkt);
	else
		masq_rewrite_route(0x01, 0x10, mbuf, pkt);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[MASQ_TUPLE_TEXT_BYTES];
	struct masq_pkt pkt;
	struct masq_arp arp;
	struct frame frame;

	if (size < 2 || size > UINT16_MAX)
		return 0;
	frame_init(&frame, data[0], data[1], data + 2, size - 2);
	if (masq_pkt_parse(frame.mbuf, our_mac, &pkt) == MASQ_DROP_NONE) {
		if ((pkt.flags & MASQ_PKT_ARP) != 0) {
			masq_arp_parse(frame.mbuf, &arp);
		} else {
			bool was_right = ip_sum_is_right(frame.mbuf, &pkt);

			check_lengths(frame.mbuf, &pkt);
			promise(strlen(masq_tuple_text(&pkt.key, text)) < sizeof(text),
					"text fits");
			try_error(frame.mbuf, &pkt);
			try_treatment(frame.mbuf, &pkt);
			promise(ip_sum_is_right(frame.mbuf, &pkt) == was_right, "the IP checksum");
		}
	}
	frame_fini(&frame);
	return 0;
}
