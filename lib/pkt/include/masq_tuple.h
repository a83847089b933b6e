/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TUPLE_H
#define MASQ_TUPLE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

/**
 * @file
 * The five-tuple: the key of a flow, hashed and compared as 16 plain bytes.
 *
 * TCP and UDP: ports as on the wire. ICMP queries borrow the port fields so that a reply is the
 * mirror image of its request: a request has sport = identifier and dport = its type (8, 13, 15,
 * 17); a reply has sport = the type of the request that it answers and dport = identifier. The type
 * is in network order, like a port. Other protocols: both 0.
 */
struct masq_tuple {
	rte_be32_t src;
	rte_be32_t dst;
	rte_be16_t sport;
	rte_be16_t dport;
	uint8_t proto; /**< IPPROTO_* */
	uint8_t zero[3]; /**< always 0: the key is compared whole */
};

static_assert(sizeof(struct masq_tuple) == 16, "the flow key has no padding");

/*
 * A tuple that is hashed at once is made in two registers: if a port or an address of it had just been
 * stored, a load of eight bytes around that would stall.
 */
#if RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN
#error "tuples are taken apart as on little-endian machines"
#endif

static inline struct masq_tuple
masq_tuple_from_words(uint64_t addresses, uint64_t rest)
{
	struct masq_tuple tuple;

	memcpy(&tuple, &addresses, sizeof(addresses));
	memcpy((char *)&tuple + sizeof(addresses), &rest, sizeof(rest));
	return tuple;
}

/** @return the tuple of packets that travel the other way */
static inline struct masq_tuple
masq_tuple_reverse(const struct masq_tuple *tuple)
{
	uint64_t addresses, rest;
	uint32_t ports;

	memcpy(&addresses, &tuple->src, sizeof(addresses));
	memcpy(&rest, &tuple->sport, sizeof(rest));
	ports = (uint32_t)rest;
	return masq_tuple_from_words(addresses << 32 | addresses >> 32,
			(rest & ~(uint64_t)UINT32_MAX) | (uint32_t)(ports << 16 | ports >> 16));
}

/** @return the tuple with destination port 0 */
static inline struct masq_tuple
masq_tuple_without_dport(const struct masq_tuple *tuple)
{
	uint64_t addresses, rest;

	memcpy(&addresses, &tuple->src, sizeof(addresses));
	memcpy(&rest, &tuple->sport, sizeof(rest));
	return masq_tuple_from_words(addresses, rest & ~UINT64_C(0xffff0000));
}

/** Is it TCP or UDP? At most one branch: which of the two it is, is unpredictable. */
static inline bool
masq_tuple_has_ports(const struct masq_tuple *tuple)
{
	const uint64_t with_ports = UINT64_C(1) << 6 | UINT64_C(1) << 17;

	return ((with_ports >> (tuple->proto & 63)) & (tuple->proto < 64)) != 0;
}

#define MASQ_TUPLE_TEXT_BYTES 64

/** Write "tcp 192.168.1.2:1025 > 209.81.8.5:80". @return @p text */
char *masq_tuple_text(const struct masq_tuple *tuple, char text[MASQ_TUPLE_TEXT_BYTES]);

#endif /* MASQ_TUPLE_H */
