/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DP_PRIV_H
#define MASQ_DP_PRIV_H

/**
 * @file
 * The data path as a whole: struct masq_dp, which belongs to the control thread. Workers read what
 * is constant while they run, and the pointer to the snapshot. Where threads meet is written at the
 * top of masq_worker.h.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_dp.h>

#include "masq_pool.h"
#include "masq_port.h"
#include "masq_snapshot.h"

struct masq_neigh;
struct masq_rss;
struct masq_rule_counters;
struct masq_worker;
struct rte_mempool;
struct rte_rcu_qsbr;
struct rte_ring;

#define MASQ_RING_SIZE 2048 /**< packets that may wait between two workers */
#define MASQ_NEIGHBOURS 16384 /**< capacity of the neighbour table */
/** A worker that has not taken over a configuration by then is stuck. */
#define MASQ_TAKE_OVER_MS 10000
#define MASQ_ANSWER_MS 1000 /**< so is one that has not begun to answer a letter by then */
#define MASQ_NAP_US 50 /**< between two looks at a worker that the control thread waits for */

struct masq_dp {
	struct masq_conf_start start;
	enum masq_dp_mode mode;
	bool running; /**< between start and stop; in MASQ_DP_LCORES threads run the workers then */
	uint64_t rss_seed; /**< 0: random key and hash seeds */
	struct masq_rss *rss;
	struct masq_port ports[MASQ_CONF_PORTS_MAX];
	uint32_t n_ports;
	struct masq_pool_plan plan;
	struct rte_mempool *pools[MASQ_POOLS_MAX];
	struct masq_neigh *neigh; /**< written by worker 0, the keeper */
	/** each worker reports its rounds; the neighbour table waits for them */
	struct rte_rcu_qsbr *rcu;
	struct masq_worker *workers[MASQ_MAX_WORKERS];
	unsigned int worker_lcore[MASQ_MAX_WORKERS];
	uint32_t n_workers;
	/** [from][to]; [w][w]: packets that worker w will handle again */
	struct rte_ring *packet_ring[MASQ_MAX_WORKERS][MASQ_MAX_WORKERS];
	struct rte_ring *tx_ring[MASQ_MAX_WORKERS][MASQ_MAX_WORKERS]; /**< NULL: not needed */
	struct rte_ring *message_ring[MASQ_MAX_WORKERS][MASQ_MAX_WORKERS]; /**< [w][w] is NULL */

	/** the one in force; NULL before the first publication */
	_Atomic(struct masq_snapshot *) snapshot;
	/** Replaced snapshots that a worker may still use, oldest first. */
	struct masq_snapshot *replaced[MASQ_REPLACED_MAX];
	uint32_t n_replaced;
	/** MASQ_TAKE_OVER_MS; also the time limit for the answer to a letter that was begun */
	uint32_t take_over_ms;
	uint32_t answer_ms; /**< MASQ_ANSWER_MS */
	struct masq_conf_route *routes; /**< routes of the fib in force, to detect changes */
	uint32_t n_routes;
	struct masq_rule_counters *rule_counters;
	uint64_t tsc_start, tsc_per_ms; /**< the clock, see masq_dp.c */
	_Atomic(uint64_t) manual_now_ms; /**< the clock of MASQ_DP_MANUAL */
};

#endif /* MASQ_DP_PRIV_H */
