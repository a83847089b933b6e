/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FRAG_TABLE_H
#define TEST_FRAG_TABLE_H

/**
 * @file
 * What the tests of the table of fragments share: one pool, one array of known bytes, a table of
 * the usual size, and the check that each test gives all buffers back. Include after cmocka.h.
 */

#include "test_frag_lib.h"

#define OVERLAP MASQ_DROP_FRAG_OVERLAP
#define BAD MASQ_DROP_FRAG_BAD
#define TIMEOUT MASQ_DROP_FRAG_TIMEOUT
#define MEMORY MASQ_DROP_FRAG_MEMORY

static const struct masq_frag_config usual = {
	.datagrams = 8,
	.per_source = 3,
	.timeout_ms = 15000,
};

static struct rte_mempool *pool;
static uint8_t data[UINT16_MAX];

static inline struct masq_frag *
create(const struct masq_frag_config *config)
{
	struct masq_err err = { "" };
	struct masq_frag *frag = masq_frag_create(config, &err);

	if (frag == NULL)
		fail_msg("%s", err.text);
	return frag;
}

static inline void
destroy(struct masq_frag *frag)
{
	masq_frag_destroy(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static inline void
free_dropped(const struct masq_frag_result *result)
{
	assert_in_range(result->n_dropped, 0, MASQ_FRAG_PIECES_MAX);
	assert_int_equal(result->n_dropped > 0, result->reason != MASQ_DROP_NONE);
	for (uint32_t i = 0; i < result->n_dropped; i++)
		rte_pktmbuf_free(result->dropped[i]);
}

/* Push one at time 0. */
static inline struct rte_mbuf *
push(struct masq_frag *frag, const struct test_fragment *f, struct masq_frag_result *r)
{
	masq_frag_push(frag, test_fragment_build(pool, f, data), TEST_L3, 0, r);
	return r->whole;
}

#endif /* TEST_FRAG_TABLE_H */
