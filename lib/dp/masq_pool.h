/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_POOL_H
#define MASQ_POOL_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes of a frame besides the IP packet, generously: Ethernet and VLAN headers. */
#define MASQ_POOL_FRAME_EXTRA 64

struct masq_err;
struct rte_mempool;

/**
 * Make a pool of packet buffers, one segment each.
 *
 * Control thread, at start; takes all its memory here. rte_mempool_free() gives it back.
 *
 * @param name	of the pool and its memory; unique in the process, at most 20 characters
 * @param n	buffers, at least 384: one and a half times the cache of a worker
 * @param room	bytes of a buffer for headroom and frame
 * @param is_paged	each buffer is exactly one memory page, and the pool is one piece; @p room then
 *		says what is needed at least, and grows to what the page has
 * @param node	NUMA node of the memory, SOCKET_ID_ANY: any
 * @param err	out: why not
 * @return the pool; NULL when there is not enough memory or a page is smaller than @p room wants
 */
struct rte_mempool *masq_pool_create(const char *name, uint32_t n, uint16_t room, bool is_paged,
		int node, struct masq_err *err);

#endif /* MASQ_POOL_H */
