/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FRAG_PRIV_H
#define MASQ_FRAG_PRIV_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include <masq_drop.h>

/**
 * @file
 * What the table of fragments (masq_frag.c) and the code for their bytes (masq_frag_packet.c) share.
 */

struct rte_mbuf;

/** Which datagram a fragment belongs to; compared and hashed as 16 plain bytes. */
struct masq_frag_key {
	rte_be32_t src;
	rte_be32_t dst;
	rte_be16_t id;
	uint16_t port; /**< mbuf->port */
	uint8_t proto;
	uint8_t zero[3];
};

static_assert(sizeof(struct masq_frag_key) == 16, "the key has no padding");

/** What the header of a fragment says. */
struct masq_frag_info {
	struct masq_frag_key key;
	uint16_t start; /**< offset of its data in the datagram's data, bytes */
	uint16_t end; /**< first byte behind it; start == end never happens */
	uint16_t header; /**< bytes of the IP header */
	bool more; /**< MF */
	uint8_t ecn; /**< low two bits of TOS */
};

/** A fragment on its way into a datagram. */
struct masq_frag_part {
	struct rte_mbuf *mbuf;
	uint16_t l3_offset;
};

/**
 * Read and check the header of a fragment; cut off what is behind the IP packet.
 *
 * @return MASQ_DROP_NONE; FRAG_BAD; SPLIT_HEADER: the headers are not all in the first buffer
 */
enum masq_drop
masq_frag_info_read(struct rte_mbuf *mbuf, uint16_t l3_offset, struct masq_frag_info *info);

/**
 * Join fragments that masq_frag_info_read() accepted to one packet.
 *
 * @param part	n parts, at least 1, in order, without gap or overlap; the callee owns them all
 * @param is_ce	one of them had a CE mark
 * @return the packet; it is part[0].mbuf
 */
struct rte_mbuf *masq_frag_join(const struct masq_frag_part *part, unsigned int n, bool is_ce);

#endif /* MASQ_FRAG_PRIV_H */
