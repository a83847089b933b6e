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
 * mirror image of its request, like everywhere else: a request has sport = identifier and dport =
 * its type (8, 13, 15, 17); a reply has sport = the type of the request that it answers and dport =
 * identifier. The type stands there in network order, like a port. Other protocols: both 0.
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

/** @return the tuple of packets that travel the other way */
static inline struct masq_tuple
masq_tuple_reverse(const struct masq_tuple *tuple)
{
	return (struct masq_tuple){
		.src = tuple->dst,
		.dst = tuple->src,
		.sport = tuple->dport,
		.dport = tuple->sport,
		.proto = tuple->proto,
	};
}

/** Two loads and a compare each. */
static inline bool
masq_tuple_equal(const struct masq_tuple *a, const struct masq_tuple *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

#define MASQ_TUPLE_TEXT_BYTES 64

/** Write "tcp 192.168.1.2:1025 > 209.81.8.5:80". @return @p text */
char *masq_tuple_text(const struct masq_tuple *tuple, char text[MASQ_TUPLE_TEXT_BYTES]);

#endif /* MASQ_TUPLE_H */
