/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path as a whole: its life cycle, and its clock.
 *
 * Life cycle. create: opens the ports, makes the RSS function to fit them, allocates the workers.
 * publish (masq_publish.c): puts a configuration in force. start: ports and workers run. stop and
 * destroy: the reverse. Everything is in one handle; two data paths can live in one process (as in
 * tests). What is made here is owned by struct masq_dp and freed by destroy, also if create fails
 * half-way: whatever does not exist is NULL.
 *
 * Order. Ports are opened first, because RSS function, pools and rings depend on what they can do;
 * workers are made last, because they point to all of these.
 *
 * The clock is milliseconds since creation plus one second, so that 0 means "never". Workers derive
 * it from the time-stamp counter, so all of them agree. A manual data path uses its caller's clock.
 *
 * Control thread, but for masq_dp_now_ms(), which any thread may ask, and masq_dp_poll().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <masq_dp_manual.h>
#include <masq_frag.h>
#include <masq_log.h>
#include <masq_rss.h>

#include "masq_dp_priv.h"
#include "masq_message.h"
#include "masq_packet_log.h"
#include "masq_pool.h"
#include "masq_port.h"
#include "masq_rule_counters.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

#define CLOCK_START_MS 1000
#define RSS_TABLE_DEFAULT 128

/* Names of DPDK objects are global, so every data path of the process gets a number. */
static _Atomic(uint32_t) next_number;

/* Size of a buffer: each can hold what any port receives. */
static uint16_t
buffer_room(const struct masq_dp *dp)
{
	uint16_t room = RTE_MBUF_DEFAULT_BUF_SIZE;

	for (uint32_t p = 0; p < dp->n_ports; p++) {
		uint32_t wanted = dp->ports[p].mtu + MASQ_POOL_FRAME_EXTRA + RTE_PKTMBUF_HEADROOM;

		room = (uint16_t)RTE_MAX(room, RTE_ALIGN(wanted, 64u));
	}
	return room;
}

/* Find the port with the largest MTU. */
static const struct masq_port *
widest_port(const struct masq_dp *dp)
{
	const struct masq_port *widest = &dp->ports[0];

	for (uint32_t p = 1; p < dp->n_ports; p++)
		if (dp->ports[p].mtu > widest->mtu)
			widest = &dp->ports[p];
	return widest;
}

/* A node without DPDK memory counts as none. */
static int
known_node(int node)
{
	return rte_malloc_heap_socket_is_external(node) < 0 ? SOCKET_ID_ANY : node;
}

static void
plan_pools(struct masq_dp *dp)
{
	struct masq_pool_nodes nodes = { .n_ports = dp->n_ports, .n_workers = dp->n_workers };

	for (uint32_t p = 0; p < dp->n_ports; p++)
		nodes.port[p] = known_node(dp->ports[p].socket_id);
	for (uint32_t w = 0; w < dp->n_workers; w++)
		nodes.worker[w] = masq_dp_worker_node(dp, w);
	masq_pool_plan_make(&dp->plan, &nodes, dp->start.mbufs);
}

static int
make_pools(struct masq_dp *dp, uint32_t number, struct masq_err *err)
{
	bool is_paged[MASQ_POOLS_MAX] = { false };
	char name[RTE_MEMPOOL_NAMESIZE];
	int ret;

	plan_pools(dp);
	for (uint32_t p = 0; p < dp->n_ports; p++)
		is_paged[dp->plan.of_port[p]] |= strcmp(dp->ports[p].driver, "net_af_xdp") == 0;
	for (uint32_t k = 0; k < dp->plan.n; k++) {
		snprintf(name, sizeof(name), "masq_m%u_%u", number, k);
		dp->pools[k] = masq_pool_create(name, dp->plan.buffers[k], buffer_room(dp),
				is_paged[k], dp->plan.node[k], err);
		if (dp->pools[k] != NULL)
			continue;
		ret = -rte_errno;
		if (dp->plan.n > 1 || (dp->plan.node[k] != SOCKET_ID_ANY && rte_socket_count() > 1))
			masq_err_prefix(err, "NUMA node %d: ", dp->plan.node[k]);
		if (ret != -ENOMEM)
			masq_err_prefix(err, "%s:%d: ", dp->start.file, widest_port(dp)->conf.line);
		return ret;
	}
	for (uint32_t p = 0; p < dp->n_ports; p++)
		dp->ports[p].pool = dp->pools[dp->plan.of_port[p]];
	return 0;
}

/* The fragments of one datagram must fit into a worker's share of each pool. */
static int
check_pools(const struct masq_dp *dp, struct masq_err *err)
{
	for (uint32_t k = 0; k < dp->plan.n; k++)
		if (dp->pools[k]->size / MASQ_FRAG_SHARE / dp->n_workers < MASQ_FRAG_PIECES_MAX) {
			masq_err_set(err, EINVAL,
					"%u packet buffers are too few for %u workers (each needs %u "
					"from the pool of each NUMA node with a port)",
					dp->pools[k]->size, dp->n_workers,
					MASQ_FRAG_SHARE * MASQ_FRAG_PIECES_MAX);
			return masq_conf_start_blame(&dp->start, "mbufs", NULL, -EINVAL, err);
		}
	return 0;
}

static int
make_rss(struct masq_dp *dp, struct masq_err *err)
{
	uint32_t size = MASQ_RSS_TABLE_MAX;

	for (uint32_t p = 0; p < dp->n_ports; p++)
		size = RTE_MIN(size, masq_port_reta_size(&dp->ports[p]));
	if (size == MASQ_RSS_TABLE_MAX)
		size = RSS_TABLE_DEFAULT;
	dp->rss = rte_zmalloc("masq_rss", sizeof(*dp->rss), RTE_CACHE_LINE_SIZE);
	if (dp->rss == NULL)
		return masq_err_set(err, ENOMEM, "no memory for the RSS tables");
	return masq_rss_init(dp->rss, dp->n_workers, size, dp->rss_seed, err);
}

static int
make_rings(struct masq_dp *dp, uint32_t number, struct masq_err *err)
{
	const unsigned int flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
	char name[RTE_RING_NAMESIZE];
	bool share_tx = false;

	for (uint32_t p = 0; p < dp->n_ports; p++)
		share_tx |= dp->ports[p].tx_queues < dp->n_workers;
	for (uint32_t from = 0; from < dp->n_workers; from++)
		for (uint32_t to = 0; to < dp->n_workers; to++) {
			int node = masq_dp_worker_node(dp, to);

			snprintf(name, sizeof(name), "masq%u_p%u_%u", number, from, to);
			dp->packet_ring[from][to] = rte_ring_create(
					name, MASQ_RING_SIZE, node, flags);
			if (dp->packet_ring[from][to] == NULL)
				goto no_memory;
			if (from == to)
				continue;
			snprintf(name, sizeof(name), "masq%u_m%u_%u", number, from, to);
			dp->message_ring[from][to] = rte_ring_create_elem(name,
					sizeof(union masq_message), MASQ_MSG_RING_SIZE, node,
					flags);
			snprintf(name, sizeof(name), "masq%u_t%u_%u", number, from, to);
			if (share_tx)
				dp->tx_ring[from][to] = rte_ring_create(
						name, MASQ_RING_SIZE, node, flags);
			if (dp->message_ring[from][to] == NULL ||
					(share_tx && dp->tx_ring[from][to] == NULL))
				goto no_memory;
		}
	return 0;
no_memory:
	return masq_err_set(
			err, ENOMEM, "no memory for the rings between %u workers", dp->n_workers);
}

static int
make_shared(struct masq_dp *dp, struct masq_err *err)
{
	struct masq_neigh_config neigh = {
		.capacity = MASQ_NEIGHBOURS,
		.ask_interval_ms = 1000,
		.ask_count = 3,
		.reachable_ms = 60000,
		.unreachable_ms = 20000,
		.socket_id = SOCKET_ID_ANY,
	};

	dp->rule_counters = masq_rule_counters_create();
	dp->rcu = rte_zmalloc(
			"masq_rcu", rte_rcu_qsbr_get_memsize(dp->n_workers), RTE_CACHE_LINE_SIZE);
	if (dp->rule_counters == NULL || dp->rcu == NULL)
		return masq_err_set(err, ENOMEM, "no memory for the data path");
	rte_rcu_qsbr_init(dp->rcu, dp->n_workers);
	for (uint32_t w = 0; w < dp->n_workers; w++) {
		rte_rcu_qsbr_thread_register(dp->rcu, w);
		if (dp->mode == MASQ_DP_MANUAL)
			rte_rcu_qsbr_thread_online(dp->rcu, w);
	}
	neigh.rcu = dp->rcu;
	dp->neigh = masq_neigh_create(&neigh, err);
	return dp->neigh == NULL ? -ENOMEM : 0;
}

/* Distribute receive queues: queue q of port p goes to worker (p + q) mod n; with RSS, queue q to
 * worker q. */
static int
share_queues(struct masq_dp *dp, struct masq_err *err)
{
	for (uint32_t p = 0; p < dp->n_ports; p++)
		for (uint16_t q = 0; q < dp->ports[p].rx_queues; q++) {
			uint32_t worker = dp->ports[p].hardware_rss ? q : (p + q) % dp->n_workers;
			struct masq_worker *w = dp->workers[worker];

			if (w->rx.n == RTE_DIM(w->rx.queue))
				return masq_err_set(err, E2BIG,
						"worker %u would have more than %zu queues", worker,
						RTE_DIM(w->rx.queue));
			w->rx.queue[w->rx.n++] = (struct masq_rx_queue){
				.ethdev = dp->ports[p].ethdev,
				.queue = q,
				.port = (uint8_t)p,
			};
		}
	return 0;
}

static int
choose_lcores(struct masq_dp *dp, struct masq_err *err)
{
	uint32_t w = 0;
	unsigned int lcore;

	if (dp->mode == MASQ_DP_MANUAL)
		return 0;
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (w < dp->n_workers)
			dp->worker_lcore[w++] = lcore;
	}
	if (w == dp->n_workers)
		return 0;
	return masq_err_set(err, EINVAL, "%u workers are configured, but EAL has %u worker lcores",
			dp->n_workers, w);
}

static int
make_workers(struct masq_dp *dp, uint32_t number, struct masq_err *err)
{
	int ret = 0;

	for (uint32_t w = 0; ret == 0 && w < dp->n_workers; w++) {
		dp->workers[w] = masq_worker_create(dp, w, err);
		ret = dp->workers[w] == NULL ? -ENOMEM
					     : masq_packet_log_init(dp->workers[w], number, err);
	}
	return ret;
}

/* Prefix an error with "FILE:LINE: " of the key that sets the amount of memory. @param other key
 * that also matters; or NULL */
static int
blame_memory(const struct masq_dp *dp, const char *other, int ret, struct masq_err *err)
{
	return ret != -ENOMEM ? ret : masq_conf_start_blame(&dp->start, "memory", other, ret, err);
}

static int
build(struct masq_dp *dp, struct masq_err *err)
{
	uint32_t number = atomic_fetch_add(&next_number, 1);
	int ret = choose_lcores(dp, err);

	for (uint32_t p = 0; ret == 0 && p < dp->start.n_ports; p++) {
		ret = masq_port_open(dp, &dp->start.port[p], &dp->ports[p], err);
		dp->n_ports += ret == 0 || dp->ports[p].plugged;
	}
	ret = ret != 0 ? ret : blame_memory(dp, NULL, make_rss(dp, err), err);
	ret = ret != 0 ? ret : blame_memory(dp, "mbufs", make_pools(dp, number, err), err);
	ret = ret != 0 ? ret : check_pools(dp, err);
	for (uint32_t p = 0; ret == 0 && p < dp->n_ports; p++)
		ret = masq_port_configure(dp, &dp->ports[p], err);
	ret = ret != 0 ? ret : blame_memory(dp, NULL, make_rings(dp, number, err), err);
	ret = ret != 0 ? ret : blame_memory(dp, NULL, make_shared(dp, err), err);
	ret = ret != 0 ? ret : blame_memory(dp, "sessions", make_workers(dp, number, err), err);
	return ret != 0 ? ret : share_queues(dp, err);
}

static void
link_tables(struct masq_dp *dp)
{
	struct masq_session_table *tables[MASQ_MAX_WORKERS];

	for (uint32_t w = 0; w < dp->n_workers; w++)
		tables[w] = dp->workers[w]->sessions;
	for (uint32_t w = 0; w < dp->n_workers; w++)
		masq_session_table_link(tables[w], tables, dp->n_workers);
}

struct masq_dp *
masq_dp_create(const struct masq_conf_start *start, enum masq_dp_mode mode, uint64_t rss_seed,
		struct masq_err *err)
{
	struct masq_dp *dp = calloc(1, sizeof(*dp));

	if (dp == NULL) {
		masq_err_set(err, ENOMEM, "no memory for the data path");
		return NULL;
	}
	dp->start = *start;
	dp->mode = mode;
	dp->rss_seed = rss_seed;
	dp->n_workers = start->workers;
	dp->take_over_ms = MASQ_TAKE_OVER_MS;
	dp->answer_ms = MASQ_ANSWER_MS;
	dp->tsc_start = rte_rdtsc();
	dp->tsc_per_ms = rte_get_tsc_hz() / 1000;
	atomic_store(&dp->manual_now_ms, CLOCK_START_MS);
	if (build(dp, err) != 0) {
		masq_dp_destroy(dp);
		return NULL;
	}
	link_tables(dp);
	return dp;
}

int
masq_dp_start(struct masq_dp *dp, struct masq_err *err)
{
	int ret = 0;

	if (atomic_load(&dp->snapshot) == NULL)
		return masq_err_set(err, EINVAL, "no configuration was published");
	for (uint32_t p = 0; ret == 0 && p < dp->n_ports; p++)
		ret = masq_port_start(dp, &dp->ports[p], err);
	for (uint32_t w = 0; ret == 0 && dp->mode == MASQ_DP_LCORES && w < dp->n_workers; w++) {
		atomic_store(&dp->workers[w]->stop, false);
		ret = rte_eal_remote_launch(masq_worker_main, dp->workers[w], dp->worker_lcore[w]);
		if (ret != 0)
			masq_err_set(err, -ret, "lcore %u does not start worker %u",
					dp->worker_lcore[w], w);
	}
	dp->running = true;
	if (ret != 0)
		masq_dp_stop(dp);
	return ret;
}

/* Memory cannot be freed while a worker uses it, so wait for a stuck one; but not silently. */
static void
wait_for_end(const struct masq_dp *dp, uint32_t w)
{
	const uint64_t limit = rte_rdtsc() + dp->take_over_ms * dp->tsc_per_ms;

	while (rte_eal_get_lcore_state(dp->worker_lcore[w]) == RUNNING && rte_rdtsc() < limit)
		usleep(MASQ_NAP_US);
	if (rte_eal_get_lcore_state(dp->worker_lcore[w]) == RUNNING)
		masq_log(MASQ_LOG_WARNING, "dp",
				"worker %u has not stopped yet; shutdown waits until it runs again",
				w);
	rte_eal_wait_lcore(dp->worker_lcore[w]);
}

void
masq_dp_stop(struct masq_dp *dp)
{
	if (!dp->running)
		return;
	for (uint32_t w = 0; dp->mode == MASQ_DP_LCORES && w < dp->n_workers; w++)
		atomic_store(&dp->workers[w]->stop, true);
	for (uint32_t w = 0; dp->mode == MASQ_DP_LCORES && w < dp->n_workers; w++)
		wait_for_end(dp, w);
	dp->running = false;
	for (uint32_t w = 0; w < dp->n_workers; w++)
		masq_worker_empty(dp->workers[w]);
	for (uint32_t p = 0; p < dp->n_ports; p++)
		masq_port_stop(&dp->ports[p]);
}

void
masq_dp_destroy(struct masq_dp *dp)
{
	if (dp == NULL)
		return;
	masq_dp_stop(dp);
	for (uint32_t p = 0; p < dp->n_ports; p++)
		masq_port_close(&dp->ports[p]);
	masq_snapshot_discard(dp);
	for (uint32_t w = 0; w < dp->n_workers; w++)
		masq_worker_destroy(dp->workers[w]);
	/* Unregister the readers, so that what waits for a grace period is freed too. */
	for (uint32_t w = 0; dp->rcu != NULL && w < dp->n_workers; w++)
		rte_rcu_qsbr_thread_offline(dp->rcu, w);
	masq_neigh_destroy(dp->neigh);
	for (uint32_t from = 0; from < dp->n_workers; from++)
		for (uint32_t to = 0; to < dp->n_workers; to++) {
			rte_ring_free(dp->packet_ring[from][to]);
			rte_ring_free(dp->message_ring[from][to]);
			rte_ring_free(dp->tx_ring[from][to]);
		}
	masq_rule_counters_destroy(dp->rule_counters);
	rte_free(dp->rcu);
	rte_free(dp->rss);
	for (uint32_t k = 0; k < dp->plan.n; k++)
		rte_mempool_free(dp->pools[k]);
	free(dp);
}

uint64_t
masq_dp_now_ms(const struct masq_dp *dp)
{
	if (dp->mode == MASQ_DP_MANUAL)
		return atomic_load_explicit(&dp->manual_now_ms, memory_order_relaxed);
	return CLOCK_START_MS + (rte_rdtsc() - dp->tsc_start) / dp->tsc_per_ms;
}

void
masq_dp_poll(struct masq_dp *dp, uint32_t worker, uint64_t now_ms)
{
	atomic_store_explicit(&dp->manual_now_ms, now_ms, memory_order_relaxed);
	masq_worker_poll(dp->workers[worker], now_ms);
}

uint32_t
masq_dp_buffers_in_use(const struct masq_dp *dp)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < dp->plan.n; k++)
		n += rte_mempool_in_use_count(dp->pools[k]);
	return n;
}

uint32_t
masq_dp_workers(const struct masq_dp *dp)
{
	return dp->n_workers;
}

int
masq_dp_worker_node(const struct masq_dp *dp, uint32_t worker)
{
	if (dp->mode == MASQ_DP_MANUAL)
		return SOCKET_ID_ANY;
	return (int)rte_lcore_to_socket_id(dp->worker_lcore[worker]);
}

uint32_t
masq_dp_ports(const struct masq_dp *dp)
{
	return dp->n_ports;
}
