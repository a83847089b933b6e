/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FRAG_LIB_H
#define TEST_FRAG_LIB_H

/**
 * @file
 * Raw fragments for test_frag.c and test_frag_cut.c, up to 64 KB, byte by byte. What stands behind
 * the IP header is a part of one big array of known bytes, so that a mix-up shows. Include after
 * cmocka.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <masq_drop.h>
#include <masq_frag.h>

#include "masq_test_pkt.h"

#define TEST_L3 14u

struct test_fragment {
	uint32_t src; /* host order */
	uint16_t id;
	uint8_t proto, ttl, tos;
	uint16_t start, len; /* bytes of data */
	bool more, dont_fragment;
	const uint8_t *options;
	uint8_t option_bytes; /* multiple of 4 */
	uint16_t padding;
	uint16_t split; /* not 0: IP bytes in the first buffer */
};

static uint32_t test_seed = 1;

/* 0..sides-1 */
static inline uint32_t
test_dice(uint32_t sides)
{
	test_seed = test_seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)test_seed * sides) >> 32);
}

static inline struct rte_mempool *
test_frag_pool(unsigned int mbufs, uint16_t buffer_bytes)
{
	static unsigned int count;
	char name[32];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "frag-%u", count++);
	pool = rte_pktmbuf_pool_create(name, mbufs, 0, 0, buffer_bytes, SOCKET_ID_ANY);
	if (pool == NULL) {
		fprintf(stderr, "no memory for a pool\n");
		exit(1);
	}
	return pool;
}

static inline void
test_frag_data(uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)((i * 2654435761u) >> 24);
}

/* The IP header of a fragment, checksum included. @return its length */
static inline uint32_t
test_fragment_header(const struct test_fragment *f, uint32_t data_bytes, uint8_t *ip)
{
	uint32_t header = 20u + f->option_bytes, total = header + data_bytes;
	uint32_t word = f->start / 8 | (f->more ? 0x2000u : 0) | (f->dont_fragment ? 0x4000u : 0);
	uint8_t bytes[20] = { (uint8_t)(0x40 | header / 4), f->tos, (uint8_t)(total >> 8),
		(uint8_t)total, (uint8_t)(f->id >> 8), (uint8_t)f->id, (uint8_t)(word >> 8),
		(uint8_t)word, f->ttl != 0 ? f->ttl : 64, f->proto, 0, 0, (uint8_t)(f->src >> 24),
		(uint8_t)(f->src >> 16), (uint8_t)(f->src >> 8), (uint8_t)f->src, 203, 0, 113, 1 };
	uint16_t sum;

	memcpy(ip, bytes, 20);
	if (f->option_bytes > 0)
		memcpy(ip + 20, f->options, f->option_bytes);
	sum = masq_test_checksum(ip, header);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	return header;
}

/* Frame bytes into buffers: the first one takes at most @p first bytes. */
static inline struct rte_mbuf *
test_frame_mbufs(struct rte_mempool *pool, const uint8_t *frame, uint32_t bytes, uint32_t first)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t done = 0; done < bytes;) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
		uint32_t take = bytes - done;

		assert_non_null(mbuf);
		take = RTE_MIN(take, head == NULL ? first : (uint32_t)rte_pktmbuf_tailroom(mbuf));
		take = RTE_MIN(take, (uint32_t)rte_pktmbuf_tailroom(mbuf));
		memcpy(rte_pktmbuf_append(mbuf, (uint16_t)take), frame + done, take);
		if (head == NULL)
			head = mbuf;
		else
			assert_int_equal(rte_pktmbuf_chain(head, mbuf), 0);
		done += take;
	}
	return head;
}

/* The fragment as a frame; port 0. */
static inline struct rte_mbuf *
test_fragment_build(struct rte_mempool *pool, const struct test_fragment *f, const uint8_t *data)
{
	static uint8_t frame[TEST_L3 + 65536 + 64];
	uint32_t bytes = TEST_L3;
	struct rte_mbuf *mbuf;

	memset(frame, 0xee, TEST_L3);
	bytes += test_fragment_header(f, f->len, frame + bytes);
	memcpy(frame + bytes, data + f->start, f->len);
	bytes += f->len;
	memset(frame + bytes, 0xdd, f->padding);
	bytes += f->padding;
	mbuf = test_frame_mbufs(
			pool, frame, bytes, f->split != 0 ? TEST_L3 + f->split : UINT32_MAX);
	mbuf->port = 0;
	return mbuf;
}

/* All bytes of a frame: Ethernet as it was, this header, these bytes. */
static inline void
test_frame_check(const struct rte_mbuf *mbuf, const struct test_fragment *f, const uint8_t *data,
		uint32_t data_bytes)
{
	static uint8_t copy[TEST_L3 + 65536];
	uint8_t wanted[TEST_L3 + 60];
	uint32_t headers = TEST_L3 + test_fragment_header(f, data_bytes, wanted + TEST_L3);
	const char *reason;
	const uint8_t *seen;

	memset(wanted, 0xee, TEST_L3);
	assert_int_equal(rte_mbuf_check(mbuf, 1, &reason), 0);
	assert_int_equal(rte_pktmbuf_pkt_len(mbuf), headers + data_bytes);
	seen = rte_pktmbuf_read(mbuf, 0, headers + data_bytes, copy);
	assert_memory_equal(seen, wanted, headers);
	assert_memory_equal(seen + headers, data, data_bytes);
}

/* The same for a datagram that was put together: it is no fragment any more. */
static inline void
test_whole_check(const struct rte_mbuf *mbuf, const struct test_fragment *f, const uint8_t *data,
		uint32_t data_bytes)
{
	struct test_fragment whole = *f;

	whole.start = 0;
	whole.more = whole.dont_fragment = false;
	test_frame_check(mbuf, &whole, data, data_bytes);
}

#endif /* TEST_FRAG_LIB_H */
