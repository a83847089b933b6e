/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_POOL_H
#define MASQ_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>

/**
 * @file
 * Pools of packet buffers: which there are (masq_pool_plan.c), and making one (masq_pool.c).
 * Control thread, while the data path is created.
 */

/** Bytes of a frame besides the IP packet (Ethernet and VLAN headers), with a margin. */
#define MASQ_POOL_FRAME_EXTRA 64
#define MASQ_FRAG_SHARE 4 /**< fragments may hold this fraction (1/4) of a pool's buffers */

struct masq_err;
struct rte_mempool;

/**
 * Create a pool of packet buffers, one segment each.
 *
 * For the control thread, at start. Allocates all its memory here; rte_mempool_free() releases it.
 *
 * @param name	of the pool and its memory; unique in the process, at most 20 characters
 * @param n	buffers, at least 384: one and a half times a worker's cache
 * @param room	bytes of a buffer for headroom and frame
 * @param is_paged	each buffer is exactly one memory page, and the pool is contiguous; @p room
 *	is then a minimum that grows to what the page offers
 * @param node	NUMA node of the memory; SOCKET_ID_ANY: any
 * @param err	out: the reason
 * @return the pool; NULL if there is not enough memory (rte_errno is ENOMEM), or if a page is
 *	smaller than @p room requires (EINVAL)
 */
struct rte_mempool *masq_pool_create(const char *name, uint32_t n, uint16_t room, bool is_paged,
		int node, struct masq_err *err);

#define MASQ_POOLS_MAX MASQ_CONF_PORTS_MAX /**< each port may be on a node of its own */

/** NUMA nodes of ports and workers, if these nodes have memory; otherwise SOCKET_ID_ANY. */
struct masq_pool_nodes {
	uint32_t n_ports, n_workers;
	int port[MASQ_CONF_PORTS_MAX];
	int worker[MASQ_MAX_WORKERS];
};

/** Which pools exist, and which port or worker takes buffers from which: indexes of pools. */
struct masq_pool_plan {
	uint32_t n; /**< number of pools, 1 or more; the first is the main one */
	/** SOCKET_ID_ANY only for a main pool none of whose ports has a node */
	int node[MASQ_POOLS_MAX];
	uint32_t buffers[MASQ_POOLS_MAX];
	uint8_t of_port[MASQ_CONF_PORTS_MAX];
	uint8_t of_worker[MASQ_MAX_WORKERS];
};

/**
 * Choose the pools. A pure function; masq_pool_plan.c explains the rule.
 *
 * @param plan	out
 * @param buffers	of all pools together; 0: as many as ports and workers need
 */
void masq_pool_plan_make(
		struct masq_pool_plan *plan, const struct masq_pool_nodes *nodes, uint32_t buffers);

#endif /* MASQ_POOL_H */
