/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stats.get, stats.memory, drops.list, port.list: numbers of the data path.
 *
 * Key names are the kebab names of MASQ_DP_COUNTER_LIST, so that a counter has one name in the
 * code, the CLI, JSON and the documentation. Counters are read while workers write them: each is
 * right, the sum of them is right when nothing is moving.
 *
 * Control thread only.
 */
#include <errno.h>

#include "masq_ctl_priv.h"

static json_t *
counters_row(const struct masq_dp *dp, uint32_t worker)
{
	struct masq_dp_counters counters;
	json_t *row = json_object();
	uint64_t drops = 0;
	int ret = 0;

	masq_dp_counters_read(dp, worker, &counters);
	for (unsigned int i = 0; i < MASQ_DROP_COUNT; i++)
		drops += counters.drops[i];
	if (worker != UINT32_MAX)
		ret = masq_ctl_put(row, "worker", json_integer(worker));
#define COUNTER(field, name, text) ret |= masq_ctl_put(row, name, masq_ctl_count(counters.field));
	MASQ_DP_COUNTER_LIST(COUNTER)
#undef COUNTER
	ret |= masq_ctl_put(row, "drops", masq_ctl_count(drops));
	ret |= masq_ctl_put(row, "held", masq_ctl_count(counters.held));
	ret |= masq_ctl_put(row, "sessions", masq_ctl_count(counters.sessions));
	if (ret == 0)
		return row;
	json_decref(row);
	return NULL;
}

int
masq_ctl_stats_get(struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	const uint64_t now_ms = masq_dp_now_ms(ctl->dp);
	json_t *workers = json_array();
	int ret = masq_ctl_put(result, "workers", workers);

	(void)params;
	(void)err;
	for (uint32_t i = 0; ret == 0 && i < masq_dp_workers(ctl->dp); i++)
		ret = json_array_append_new(workers, counters_row(ctl->dp, i));
	ret |= masq_ctl_put(result, "total", counters_row(ctl->dp, UINT32_MAX));
	ret |= masq_ctl_put(result, "now_ms", masq_ctl_count(now_ms));
	ret |= masq_ctl_put(result, "uptime_ms", masq_ctl_count(now_ms - ctl->started_ms));
	return ret == 0 ? 0 : -ENOMEM;
}

/* The memory of sessions: tables, ports, rule counters, remembered verdicts. @return bytes per
 * session */
static uint64_t
bytes_per_session(const struct masq_dp_memory *m)
{
	uint64_t bytes = m->session_tables + m->port_maps + m->paths + m->verdicts;

	return m->session_capacity == 0 ? 0
					: (bytes + m->session_capacity - 1) / m->session_capacity;
}

int
masq_ctl_stats_memory(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_dp_memory m;
	int ret;

	(void)params;
	(void)err;
	masq_dp_memory(ctl->dp, &m);
	ret = masq_ctl_put(result, "session-capacity", masq_ctl_count(m.session_capacity));
	ret |= masq_ctl_put(result, "bytes-per-session", masq_ctl_count(bytes_per_session(&m)));
	ret |= masq_ctl_put(result, "session-tables", masq_ctl_count(m.session_tables));
	ret |= masq_ctl_put(result, "port-maps", masq_ctl_count(m.port_maps));
	ret |= masq_ctl_put(result, "paths", masq_ctl_count(m.paths));
	ret |= masq_ctl_put(result, "verdicts", masq_ctl_count(m.verdicts));
	ret |= masq_ctl_put(result, "rules", masq_ctl_count(m.rules));
	ret |= masq_ctl_put(result, "mbufs", masq_ctl_count(m.mbufs));
	ret |= masq_ctl_put(result, "heap", masq_ctl_count(m.heap));
	return ret == 0 ? 0 : -ENOMEM;
}

static json_t *
drop_row(enum masq_drop reason, uint64_t packets)
{
	json_t *row = json_object();
	int ret = masq_ctl_put(row, "reason", json_string(masq_drop_name(reason)));

	ret |= masq_ctl_put(row, "packets", masq_ctl_count(packets));
	ret |= masq_ctl_put(row, "text", json_string(masq_drop_text(reason)));
	if (ret == 0)
		return row;
	json_decref(row);
	return NULL;
}

int
masq_ctl_drops_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	static const struct masq_rpc_field field = { "all", MASQ_RPC_BOOL, 0, 0, NULL };
	struct masq_dp_counters counters;
	json_t *list;
	bool all = true;
	int ret = masq_rpc_fields_read(&field, 1, "drops.list", params, &all, err);

	if (ret != 0)
		return ret;
	list = json_array();
	ret = masq_ctl_put(result, "drops", list);
	masq_dp_counters_read(ctl->dp, UINT32_MAX, &counters);
	for (unsigned int i = MASQ_DROP_NONE + 1; ret == 0 && i < MASQ_DROP_COUNT; i++)
		if (all || counters.drops[i] != 0)
			ret = json_array_append_new(
					list, drop_row((enum masq_drop)i, counters.drops[i]));
	return ret == 0 ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------- ports */

/* clang-format off */
#define PORT_COUNTERS(X) \
	X(rx_packets, "rx-packets") X(rx_bytes, "rx-bytes") \
	X(rx_missed, "rx-missed") X(rx_errors, "rx-errors") \
	X(tx_packets, "tx-packets") X(tx_bytes, "tx-bytes") X(tx_errors, "tx-errors")

/* clang-format on */

static int
put_addresses(const struct masq_dp_port_info *info, json_t *row)
{
	json_t *list = json_array();
	int ret = masq_ctl_put(row, "addresses", list);

	for (uint32_t i = 0; ret == 0 && i < info->n_addresses; i++) {
		char text[MASQ_IP4_PREFIX_TEXT_BYTES];

		ret = json_array_append_new(
				list, json_string(masq_ip4_prefix_text(info->address[i], text)));
	}
	return ret;
}

static json_t *
port_row(const struct masq_dp_port_info *info)
{
	char mac[MASQ_MAC_TEXT_BYTES];
	json_t *row = json_object();
	int ret = masq_ctl_put(row, "name", json_string(info->name));

	ret |= masq_ctl_put(row, "device", masq_rpc_text(info->device));
	ret |= masq_ctl_put(row, "driver", json_string(info->driver));
	ret |= masq_ctl_put(row, "mac", json_string(masq_mac_text(info->mac, mac)));
	ret |= put_addresses(info, row);
	ret |= masq_ctl_put(row, "mtu", json_integer(info->mtu));
	if (info->vlan != 0)
		ret |= masq_ctl_put(row, "vlan", json_integer(info->vlan));
	ret |= masq_ctl_put(row, "link", json_string(info->link_up ? "up" : "down"));
	if (info->link_mbps != 0)
		ret |= masq_ctl_put(row, "mbps", json_integer(info->link_mbps));
	ret |= masq_ctl_put(row, "numa-node", json_integer(info->socket_id));
	ret |= masq_ctl_put(row, "rx-queues", json_integer(info->rx_queues));
	ret |= masq_ctl_put(row, "tx-queues", json_integer(info->tx_queues));
	ret |= masq_ctl_put(row, "hardware-rss", json_boolean(info->hardware_rss));
#define COUNTER(field, name) ret |= masq_ctl_put(row, name, masq_ctl_count(info->field));
	PORT_COUNTERS(COUNTER)
#undef COUNTER
	if (ret == 0)
		return row;
	json_decref(row);
	return NULL;
}

int
masq_ctl_port_list(struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	json_t *list = json_array();
	int ret = masq_ctl_put(result, "ports", list);

	(void)params;
	(void)err;
	for (uint32_t i = 0; ret == 0 && i < masq_dp_ports(ctl->dp); i++) {
		struct masq_dp_port_info info;

		if (masq_dp_port_info(ctl->dp, i, &info) == 0)
			ret = json_array_append_new(list, port_row(&info));
	}
	return ret == 0 ? 0 : -ENOMEM;
}
