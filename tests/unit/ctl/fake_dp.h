/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FAKE_DP_H
#define MASQ_FAKE_DP_H

/**
 * @file
 * A data path in memory: what lib/ctl asks of masq_dp.h, answered from arrays that a test fills.
 */

#include <masq_dp.h>

#define FAKE_RULES_MAX 4096
#define FAKE_ROWS_MAX 4096

struct masq_dp {
	uint64_t now_ms;
	uint32_t n_workers;
	uint32_t n_ports;
	char device_end[16]; /* behind the name of each device */
	int port_node[2], worker_node[2]; /* NUMA */
	int publish_ret; /**< what masq_dp_publish() and _check() say: 0, -errno */
	bool late; /**< a worker does not take over what is put in force */
	uint32_t n_publish; /**< how often a configuration was put in force */
	bool silent; /**< workers do not answer */
	struct masq_dp_counters counters; /**< of each worker */
	struct masq_dp_rule_counter rule[FAKE_RULES_MAX]; /**< by id */
	struct masq_portfw_row portfw[FAKE_ROWS_MAX]; /**< made from the rules at publish */
	uint32_t n_portfw;
	struct masq_fib_row routes[FAKE_ROWS_MAX];
	uint32_t n_routes;
	struct masq_session_row sessions[FAKE_ROWS_MAX];
	uint32_t n_sessions;
	struct masq_neigh_row neighbours[FAKE_ROWS_MAX];
	uint32_t n_neighbours;
	uint32_t flushed_ip; /**< last argument of masq_dp_neighbours_flush() */
	struct masq_dp_log log[8]; /**< what workers logged and nobody has read */
	uint32_t n_log;
	uint32_t tried_chain; /**< last arguments of masq_dp_packet_try() */
	struct masq_rules_input tried;
	int try_ret; /**< what it says: 0, -ENOENT, -EINVAL */
	enum masq_rules_verdict try_verdict;
	struct masq_dp_session_filter filter; /**< last filter that was asked for */
};

#endif /* MASQ_FAKE_DP_H */
