/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PKT_FRAME_H
#define PKT_FRAME_H

/*
 * Frames for the parser's tests: built by masq_test_pkt, spoilt byte by byte, and laid into buffers
 * that end where the frame ends, so that the address sanitizer sees a byte read too far. No EAL.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include <masq_pkt.h>

#include "masq_test_pkt.h"

/* The NIC says something of the transport checksum that makes the frame not plain, and no more. */
#define NOT_PLAIN RTE_MBUF_F_RX_L4_CKSUM_NONE

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };

/* One byte of the frame that is changed after building; the IP checksum is mended then. */
struct patch {
	uint16_t at;
	uint8_t value;
};

/* A frame in one buffer, or two, each of exactly the size of its bytes. */
struct frame {
	struct rte_mbuf mbuf[2];
	uint8_t *bytes[2];
};

static inline void
mend_ip_checksum(uint8_t *frame, uint32_t bytes)
{
	uint32_t l3 = frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;
	uint32_t header = bytes > l3 ? (frame[l3] & 15u) * 4 : 0;
	uint16_t sum;

	if (header < 20 || l3 + header > bytes)
		return;
	frame[l3 + 10] = frame[l3 + 11] = 0;
	sum = masq_test_checksum(frame + l3, header);
	frame[l3 + 10] = (uint8_t)(sum >> 8);
	frame[l3 + 11] = (uint8_t)sum;
}

static inline void
fill_segment(struct frame *frame, unsigned int i, const uint8_t *bytes, uint32_t count)
{
	/* Not NULL even for no bytes at all. */
	frame->bytes[i] = malloc(count != 0 ? count : 1);
	if (frame->bytes[i] == NULL)
		abort();
	memcpy(frame->bytes[i], bytes, count);
	frame->mbuf[i].buf_addr = frame->bytes[i];
	frame->mbuf[i].data_len = (uint16_t)count;
	/* Nobody's but the test's: who frees it leaves it here. */
	frame->mbuf[i].refcnt = 2;
}

/* Lay out bytes in one buffer, or in two if first is less than all. */
static inline void
frame_init(struct frame *frame, const uint8_t *bytes, uint32_t count, uint32_t first,
		uint64_t ol_flags)
{
	memset(frame, 0, sizeof(*frame));
	fill_segment(frame, 0, bytes, RTE_MIN(first, count));
	frame->mbuf[0].nb_segs = 1;
	frame->mbuf[0].pkt_len = count;
	frame->mbuf[0].ol_flags = ol_flags;
	if (first >= count)
		return;
	fill_segment(frame, 1, bytes + first, count - first);
	frame->mbuf[0].nb_segs = 2;
	frame->mbuf[0].next = &frame->mbuf[1];
}

static inline void
frame_fini(struct frame *frame)
{
	free(frame->bytes[0]);
	free(frame->bytes[1]);
}

/* Build a row's frame in memory. */
static inline uint32_t
build(const struct masq_test_pkt *pkt, const struct patch *patch, unsigned int patches,
		uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX])
{
	uint32_t count = masq_test_pkt_bytes(pkt, bytes, MASQ_TEST_FRAME_BYTES_MAX);
	bool is_patched = false;

	for (unsigned int i = 0; i < patches; i++) {
		if (patch[i].at == 0)
			continue;
		if (patch[i].at >= count)
			abort();
		bytes[patch[i].at] = patch[i].value;
		is_patched = true;
	}
	if (is_patched && !pkt->bad_ip_checksum)
		mend_ip_checksum(bytes, count);
	return count;
}

#endif /* PKT_FRAME_H */
