/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_POOL_H
#define MASQ_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_rss.h>

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
 * @return the pool; NULL when there is not enough memory (rte_errno is ENOMEM), or a page is smaller than
 *	@p room wants (EINVAL)
 */
struct rte_mempool *masq_pool_create(const char *name, uint32_t n, uint16_t room, bool is_paged,
		int node, struct masq_err *err);

#define MASQ_POOLS_MAX MASQ_CONF_PORTS_MAX

/** Where ports and workers are: NUMA nodes that have memory, else SOCKET_ID_ANY. */
struct masq_pool_nodes {
	uint32_t n_ports, n_workers;
	int port[MASQ_CONF_PORTS_MAX];
	int worker[MASQ_MAX_WORKERS];
};

/** Which pools there are, and who takes buffers from which: indexes of pools. */
struct masq_pool_plan {
	uint32_t n; /**< pools, 1 or more; the first is the main one */
	int node[MASQ_POOLS_MAX]; /**< SOCKET_ID_ANY only of a main pool whose ports are on none */
	uint32_t buffers[MASQ_POOLS_MAX];
	uint8_t of_port[MASQ_CONF_PORTS_MAX];
	uint8_t of_worker[MASQ_MAX_WORKERS];
};

/**
 * Choose the pools. Pure; masq_pool_plan.c says by which rule.
 *
 * @param plan	out
 * @param buffers	of all pools together, 0: as ports and workers need
 */
void masq_pool_plan_make(
		struct masq_pool_plan *plan, const struct masq_pool_nodes *nodes, uint32_t buffers);

#endif /* MASQ_POOL_H */
