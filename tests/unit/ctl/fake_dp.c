/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A data path in memory. Linked instead of lib/dp: the names are the same, the packets are missing.
 * Names of states stand here too, so that the tests need no library with DPDK in it.
 */

#include "fake_dp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
masq_dp_publish(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	if (dp->publish_ret != 0)
		return masq_err_set(err, -dp->publish_ret, "the data path has no room for it");
	dp->n_publish++;
	dp->n_portfw = 0;
	for (uint32_t i = 0; i < rules->n_portfw && i < FAKE_ROWS_MAX; i++) {
		dp->portfw[dp->n_portfw].rule = rules->portfw[i];
		dp->portfw[dp->n_portfw++].pcnt = rules->portfw[i].pref;
	}
	if (!dp->late)
		return 0;
	masq_err_set(err, ETIMEDOUT, "worker 1 has not taken them over yet");
	return MASQ_DP_LATE;
}

int
masq_dp_rules_check(const struct masq_conf_start *start, const struct masq_conf_rules *rules,
		struct masq_err *err)
{
	(void)start;
	(void)rules;
	(void)err;
	return 0;
}

int
masq_dp_check(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	(void)rules;
	if (dp->publish_ret != 0)
		return masq_err_set(err, -dp->publish_ret, "the data path has no room for it");
	return 0;
}

uint64_t
masq_dp_now_ms(const struct masq_dp *dp)
{
	return dp->now_ms;
}

uint32_t
masq_dp_workers(const struct masq_dp *dp)
{
	return dp->n_workers;
}

int
masq_dp_worker_node(const struct masq_dp *dp, uint32_t worker)
{
	return dp->worker_node[worker & 1];
}

void
masq_dp_counters_read(const struct masq_dp *dp, uint32_t worker, struct masq_dp_counters *counters)
{
	*counters = dp->counters;
	if (worker != UINT32_MAX)
		return;
	counters->rx *= dp->n_workers;
	for (unsigned int i = 0; i < MASQ_DROP_COUNT; i++)
		counters->drops[i] *= dp->n_workers;
}

unsigned int
masq_dp_log_read(struct masq_dp *dp, struct masq_dp_log *records, unsigned int max)
{
	const unsigned int n = dp->n_log < max ? dp->n_log : max;

	memcpy(records, dp->log, n * sizeof(*records));
	dp->n_log -= n;
	return n;
}

int
masq_dp_rule_counters_refresh(struct masq_dp *dp, struct masq_err *err)
{
	return dp->silent ? masq_err_set(err, ETIMEDOUT, "worker 1 is stuck") : 0;
}

struct masq_dp_rule_counter
masq_dp_rule_counter(const struct masq_dp *dp, uint32_t id)
{
	return id < FAKE_RULES_MAX ? dp->rule[id] : (struct masq_dp_rule_counter){ 0 };
}

void
masq_dp_rule_counter_zero(struct masq_dp *dp, uint32_t id)
{
	if (id < FAKE_RULES_MAX)
		dp->rule[id] = (struct masq_dp_rule_counter){ 0 };
}

uint32_t
masq_dp_portfw_rows(const struct masq_dp *dp, struct masq_portfw_row *rows, uint32_t max)
{
	memcpy(rows, dp->portfw, (dp->n_portfw < max ? dp->n_portfw : max) * sizeof(*rows));
	return dp->n_portfw;
}

int
masq_dp_packet_try(const struct masq_dp *dp, uint32_t chain, const struct masq_rules_input *input,
		enum masq_rules_verdict *verdict)
{
	struct masq_dp *fake = (struct masq_dp *)(uintptr_t)dp;

	fake->tried_chain = chain;
	fake->tried = *input;
	*verdict = dp->try_verdict;
	return dp->try_ret;
}

uint32_t
masq_dp_route_rows(
		const struct masq_dp *dp, uint32_t first, struct masq_fib_row *rows, uint32_t max)
{
	for (uint32_t i = 0; i < max && first + i < dp->n_routes; i++)
		rows[i] = dp->routes[first + i];
	return dp->n_routes;
}

uint32_t
masq_dp_ports(const struct masq_dp *dp)
{
	return dp->n_ports;
}

int
masq_dp_port_info(const struct masq_dp *dp, uint32_t port, struct masq_dp_port_info *info)
{
	if (port >= dp->n_ports)
		return -ENOENT;
	memset(info, 0, sizeof(*info));
	snprintf(info->name, sizeof(info->name), "port%u", port);
	snprintf(info->device, sizeof(info->device), "net_fake%u%s", port, dp->device_end);
	info->link_up = true;
	info->socket_id = dp->port_node[port & 1];
	info->n_addresses = 1;
	info->address[0] = (struct masq_ip4_prefix){ MASQ_IP4(192, 168, port, 1), 24 };
	info->rx_packets = UINT64_MAX;
	return 0;
}

/* One record a question, so that pages have to ask often. */
int
masq_dp_sessions(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_dp_cursor *cursor, struct masq_session_row *rows, unsigned int max,
		bool *end)
{
	int n = 0;

	if (dp->silent && cursor->worker != 1) {
		*end = false;
		return -ETIMEDOUT;
	}
	dp->filter = *filter;
	if (cursor->record < dp->n_sessions && max > 0) {
		const struct masq_session_row *row = &dp->sessions[cursor->record++];

		if (filter->proto == 0 || filter->proto == row->initial.proto)
			rows[n++] = *row;
	}
	*end = cursor->record >= dp->n_sessions;
	return n;
}

int64_t
masq_dp_sessions_flush(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_err *err)
{
	const uint32_t n = dp->n_sessions;

	if (dp->silent)
		return masq_err_set(err, ETIMEDOUT, "worker 1 is stuck");
	dp->filter = *filter;
	dp->n_sessions = 0;
	return n;
}

int
masq_dp_neighbours(
		struct masq_dp *dp, uint32_t *cursor, struct masq_neigh_row *rows, unsigned int max)
{
	unsigned int n = 0;

	if (dp->silent)
		return -ETIMEDOUT;
	while (n < max && *cursor < dp->n_neighbours)
		rows[n++] = dp->neighbours[(*cursor)++];
	return (int)n;
}

int
masq_dp_neighbours_flush(struct masq_dp *dp, uint32_t ip)
{
	dp->flushed_ip = ip;
	return dp->silent ? -ETIMEDOUT : 0;
}

void
masq_dp_memory(const struct masq_dp *dp, struct masq_dp_memory *memory)
{
	(void)dp;
	memset(memory, 0, sizeof(*memory));
	memory->mbufs = 4096;
	memory->verdicts = 2048;
	memory->session_tables = 30001;
	memory->session_capacity = 100;
}

const char *
masq_state_name(enum masq_state state)
{
	static const char *const names[] = {
#define NAME(symbol, name, timeout) name,
		MASQ_STATE_LIST(NAME)
#undef NAME
	};

	return names[state];
}

const char *
masq_neigh_state_name(enum masq_neigh_state state)
{
	return state == MASQ_NEIGH_REACHABLE ? "reachable" : "asking";
}
