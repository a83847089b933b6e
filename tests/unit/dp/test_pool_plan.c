/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which pool serves whom, on machines that this one need not be; and that a data path does as the
 * plan says, with memory ports that claim to be on nodes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_ring.h>

#include <masq_dp_manual.h>

#include "dp_fixture.h"
#include "masq_dp_priv.h"
#include "masq_pool.h"
#include "masq_test_eal.h"
#include "masq_worker.h"

#define ANY SOCKET_ID_ANY
#define END (-2)

static struct masq_pool_plan
plan_of(const int *port, const int *worker, uint32_t buffers)
{
	struct masq_pool_nodes nodes = { .n_ports = 0 };
	struct masq_pool_plan plan;

	while (port[nodes.n_ports] != END) {
		nodes.port[nodes.n_ports] = port[nodes.n_ports];
		nodes.n_ports++;
	}
	while (worker[nodes.n_workers] != END) {
		nodes.worker[nodes.n_workers] = worker[nodes.n_workers];
		nodes.n_workers++;
	}
	memset(&plan, 0x55, sizeof(plan));
	masq_pool_plan_make(&plan, &nodes, buffers);
	return plan;
}

/* One node, or none that anybody knows of: one pool, of the size that it always had. */
static void
machines_with_one_node(void **state)
{
	static const struct {
		int port[5], worker[4];
		int node;
	} rows[] = {
		{ { ANY, ANY, ANY, END }, { ANY, ANY, END }, ANY },
		{ { ANY, ANY, ANY, END }, { 0, 0, END }, ANY },
		{ { 0, 0, 0, END }, { 0, 0, END }, 0 },
		{ { ANY, 0, ANY, END }, { 0, 0, END }, 0 },
		{ { 0, ANY, 0, END }, { ANY, ANY, END }, 0 },
		{ { 1, 1, ANY, END }, { 0, 1, END }, 1 },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct masq_pool_plan plan = plan_of(rows[k].port, rows[k].worker, 0);

		assert_int_equal(plan.n, 1);
		assert_int_equal(plan.node[0], rows[k].node);
		assert_int_equal(plan.buffers[0], 3 * 2 * 2 * 1024 + 8192);
		for (unsigned int p = 0; p < 3; p++)
			assert_int_equal(plan.of_port[p], 0);
		assert_int_equal(plan.of_worker[0] | plan.of_worker[1], 0);
		plan = plan_of(rows[k].port, rows[k].worker, 511);
		assert_int_equal(plan.buffers[0], 511);
	}
}

static void
ports_take_from_their_node(void **state)
{
	const int port[] = { ANY, 1, 0, 1, ANY, 3, END };
	const int worker[] = { 0, 1, 2, 3, ANY, END };
	const uint8_t of_port[] = { 0, 0, 1, 0, 0, 2 };
	const uint8_t of_worker[] = { 1, 0, 0, 2, 0 };
	struct masq_pool_plan plan = plan_of(port, worker, 0);

	(void)state;
	assert_int_equal(plan.n, 3);
	assert_int_equal(plan.node[0], 1);
	assert_int_equal(plan.node[1], 0);
	assert_int_equal(plan.node[2], 3);
	assert_memory_equal(plan.of_port, of_port, sizeof(of_port));
	assert_memory_equal(plan.of_worker, of_worker, sizeof(of_worker));
}

/* A pool fills its own receive queues and the transmit queues of everybody. */
static void
buffers_of_each_pool(void **state)
{
	const int port[] = { 0, 0, 0, 1, END }, worker[] = { 0, 1, END };
	struct masq_pool_plan plan = plan_of(port, worker, 0);

	(void)state;
	assert_int_equal(plan.buffers[0], 2 * (3 + 4) * 1024 + 8192);
	assert_int_equal(plan.buffers[1], 2 * (1 + 4) * 1024 + 8192);
	plan = plan_of(port, worker, 120000);
	assert_int_equal(plan.buffers[0], 70000);
	assert_int_equal(plan.buffers[1], 50000);
	/* Each worker's cache must be served. */
	plan = plan_of(port, worker, 1024);
	assert_int_equal(plan.buffers[0], 1024);
	assert_int_equal(plan.buffers[1], 1024);
	plan = plan_of(port, worker, 16777216);
	assert_int_equal(plan.buffers[0], 16777216ull * 7 / 12);
}

static void
as_many_nodes_as_ports(void **state)
{
	struct masq_pool_nodes nodes = { .n_ports = MASQ_CONF_PORTS_MAX, .n_workers = 1 };
	struct masq_pool_plan plan;

	(void)state;
	for (unsigned int p = 0; p < MASQ_CONF_PORTS_MAX; p++)
		nodes.port[p] = (int)(MASQ_CONF_PORTS_MAX - p);
	masq_pool_plan_make(&plan, &nodes, 0);
	assert_int_equal(plan.n, MASQ_CONF_PORTS_MAX);
	for (unsigned int p = 0; p < MASQ_CONF_PORTS_MAX; p++) {
		assert_int_equal(plan.of_port[p], p);
		assert_int_equal(plan.node[p], nodes.port[p]);
	}
}

/* ---------------------------------------------------------------- a data path */

static void
make_port(struct masq_conf_start *start, const char *name, int node)
{
	struct masq_conf_port *port = &start->port[start->n_ports++];
	char device[32];
	struct rte_ring *ring = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);

	assert_non_null(ring);
	assert_true(rte_eth_from_rings(name, &ring, 1, &ring, 1, (unsigned int)node) >= 0);
	snprintf(device, sizeof(device), "net_ring_%s", name);
	snprintf(port->name, sizeof(port->name), "%s", name);
	snprintf(port->device, sizeof(port->device), "%s", device);
}

/* A node that this machine has not: memory from elsewhere under a number of its own. */
static int
make_node(void)
{
	const size_t bytes = (size_t)64 << 20, page = 4096;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(rte_malloc_heap_create("elsewhere"), 0);
	assert_int_equal(rte_malloc_heap_memory_add("elsewhere", memory, bytes, NULL,
					 (unsigned int)(bytes / page), page),
			0);
	return rte_malloc_heap_get_socket("elsewhere");
}

static uint64_t
bytes_of(const struct rte_mempool *pool)
{
	return (uint64_t)pool->size * (pool->header_size + pool->elt_size + pool->trailer_size);
}

static void
a_data_path_has_the_pools_of_its_plan(void **state)
{
	struct masq_conf_start start = small_box(9216);
	struct masq_err err = { "" };
	struct masq_dp_memory memory;
	int elsewhere = make_node();
	struct masq_dp *dp;

	(void)state;
	make_port(&start, "p0", 0);
	make_port(&start, "p1", elsewhere);
	make_port(&start, "any", ANY);
	dp = masq_dp_create(&start, MASQ_DP_MANUAL, 42, &err);
	if (dp == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(dp->plan.n, 2);
	assert_ptr_equal(dp->ports[0].pool, dp->pools[0]);
	assert_ptr_equal(dp->ports[1].pool, dp->pools[1]);
	assert_ptr_equal(dp->ports[2].pool, dp->pools[0]);
	assert_ptr_equal(dp->workers[0]->pool, dp->pools[0]);
	assert_int_equal(dp->pools[0]->socket_id, 0);
	assert_int_equal(dp->pools[1]->socket_id, elsewhere);
	assert_int_equal(dp->pools[0]->size, 9216 * 5 / 9);
	assert_int_equal(dp->pools[1]->size, 9216 * 4 / 9);
	masq_dp_memory(dp, &memory);
	assert_int_equal(memory.mbufs, bytes_of(dp->pools[0]) + bytes_of(dp->pools[1]));
	assert_int_equal(masq_dp_buffers_in_use(dp), 0);
	for (unsigned int k = 0; k < 2; k++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dp->pools[k]);

		assert_int_equal(masq_dp_buffers_in_use(dp), 1);
		rte_pktmbuf_free(mbuf);
	}
	masq_dp_destroy(dp);

	/* A node without memory is none. */
	make_port(&start, "far", elsewhere + 1);
	dp = masq_dp_create(&start, MASQ_DP_MANUAL, 42, &err);
	if (dp == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(dp->plan.n, 2);
	assert_ptr_equal(dp->ports[3].pool, dp->pools[0]);
	masq_dp_destroy(dp);
	start.n_ports--;

	/* Which of the pools there is no memory for is said. */
	start.mbufs = 1 << 23;
	assert_null(masq_dp_create(&start, MASQ_DP_MANUAL, 42, &err));
	assert_non_null(strstr(err.text, "NUMA node 0: no memory for 4660337 packet buffers"));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_with_one_node),
		cmocka_unit_test(ports_take_from_their_node),
		cmocka_unit_test(buffers_of_each_pool),
		cmocka_unit_test(as_many_nodes_as_ports),
		cmocka_unit_test(a_data_path_has_the_pools_of_its_plan),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "256");
	return cmocka_run_group_tests_name("dp/pool plan", tests, NULL, NULL);
}
