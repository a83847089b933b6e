/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which pools of packet buffers there are: one for each NUMA node that has a port.
 *
 * Terms
 *	node	NUMA node; SOCKET_ID_ANY if there is none: virtual devices, workers without lcore.
 *		These are near to all
 *	main	the first pool: that of the first port that has a node
 *
 * Which pool is used. A port's receive queues use the pool of the port's node, so what its card
 * writes does not cross the link between nodes; ports without node use the main pool. A worker
 * makes its own packets (errors, ARP, fragments) from the pool of its node if there is one, else
 * from the main one: these packets are few, so a node without a port is not worth a pool.
 *
 * How many buffers. A receive queue is filled from its own pool only, but its packets may fill the
 * transmit queues of all ports, and stay there after they have been sent, until more are sent. So a
 * pool has buffers for its own receive queues, for all transmit queues, and some for packets under
 * way. A machine with one node has one pool, for all queues together. A number given in the start
 * file is for all pools, and is divided by the same rule.
 *
 * A pure function: the nodes are an argument.
 */
#include <rte_common.h>
#include <rte_memory.h>

#include "masq_pool.h"

#define QUEUE_BUFFERS 1024
#define UNDER_WAY 8192
#define SHARE_MIN 1024

static uint32_t
pool_of(const struct masq_pool_plan *plan, int node)
{
	for (uint32_t k = 0; node != SOCKET_ID_ANY && k < plan->n; k++)
		if (plan->node[k] == node)
			return k;
	return 0;
}

/* The main pool's node is that of the first port that has one. */
static void
find_nodes(struct masq_pool_plan *plan, const struct masq_pool_nodes *nodes)
{
	plan->n = 1;
	plan->node[0] = SOCKET_ID_ANY;
	for (uint32_t p = 0; p < nodes->n_ports; p++) {
		int node = nodes->port[p];

		if (node == SOCKET_ID_ANY)
			continue;
		if (plan->node[0] == SOCKET_ID_ANY)
			plan->node[0] = node;
		else if (plan->node[pool_of(plan, node)] != node)
			plan->node[plan->n++] = node;
	}
}

void
masq_pool_plan_make(
		struct masq_pool_plan *plan, const struct masq_pool_nodes *nodes, uint32_t buffers)
{
	uint32_t ports[MASQ_POOLS_MAX] = { 0 }, all_queues = 0;

	*plan = (struct masq_pool_plan){ 0 };
	find_nodes(plan, nodes);
	for (uint32_t p = 0; p < nodes->n_ports; p++) {
		plan->of_port[p] = (uint8_t)pool_of(plan, nodes->port[p]);
		ports[plan->of_port[p]]++;
	}
	for (uint32_t w = 0; w < nodes->n_workers; w++)
		plan->of_worker[w] = (uint8_t)pool_of(plan, nodes->worker[w]);
	for (uint32_t k = 0; k < plan->n; k++) {
		uint32_t queues = nodes->n_workers * (ports[k] + nodes->n_ports);

		all_queues += queues;
		plan->buffers[k] = queues * QUEUE_BUFFERS + UNDER_WAY;
	}
	if (buffers == 0)
		return;
	if (plan->n == 1) {
		plan->buffers[0] = buffers;
		return;
	}
	for (uint32_t k = 0; k < plan->n; k++) {
		uint32_t queues = nodes->n_workers * (ports[k] + nodes->n_ports);
		uint64_t share = (uint64_t)buffers * queues / all_queues;

		plan->buffers[k] = RTE_MAX((uint32_t)share, (uint32_t)SHARE_MIN);
	}
}
