/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.list, neigh.list, neigh.flush, timeout.list.
 *
 * Routes are those in force, connected ones included; static ones are changed by route.add and
 * route.delete, which are changes of the model. Ports are numbers in the data path and names here.
 *
 * Control thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "masq_ctl_priv.h"

static const char *
port_name(const struct masq_ctl *ctl, uint32_t port)
{
	return port < ctl->start->n_ports ? ctl->start->port[port].name : "?";
}

static json_t *
route_row(const struct masq_ctl *ctl, const struct masq_fib_row *route)
{
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];
	json_t *row = json_object();
	int ret = masq_ctl_put(
			row, "destination", json_string(masq_ip4_prefix_text(route->dst, text)));

	if (route->gateway != 0)
		ret |= masq_ctl_put(
				row, "gateway", json_string(masq_ip4_text(route->gateway, text)));
	ret |= masq_ctl_put(row, "port", json_string(port_name(ctl, route->port)));
	ret |= masq_ctl_put(row, "kind", json_string(route->is_static ? "static" : "connected"));
	if (ret == 0)
		return row;
	json_decref(row);
	return NULL;
}

int
masq_ctl_route_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_fib_row *rows;
	struct masq_ctl_page page;
	uint32_t n_rows, first, max;
	json_t *list;
	int ret = masq_ctl_page_open(params, &page, err);

	if (ret != 0)
		return ret;
	rows = calloc(page.limit, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	first = page.at[0];
	max = page.limit;
	n_rows = masq_dp_route_rows(ctl->dp, first, rows, max);
	list = json_array();
	ret = masq_ctl_put(result, "routes", list);
	for (uint32_t i = 0; ret == 0 && first < n_rows && i < n_rows - first && i < max; i++) {
		ret = json_array_append_new(list, route_row(ctl, &rows[i]));
		page.at[0]++;
	}
	free(rows);
	if (ret != 0)
		return -ENOMEM;
	return masq_ctl_page_close(&page, page.at[0] >= n_rows, result);
}

static json_t *
neigh_row(const struct masq_ctl *ctl, const struct masq_neigh_row *neigh, uint64_t now_ms)
{
	char ip[MASQ_IP4_TEXT_BYTES], mac[MASQ_MAC_TEXT_BYTES];
	json_t *row = json_object();
	int ret = masq_ctl_put(row, "address", json_string(masq_ip4_text(neigh->ip, ip)));

	ret |= masq_ctl_put(row, "port", json_string(port_name(ctl, neigh->port)));
	ret |= masq_ctl_put(row, "state", json_string(masq_neigh_state_name(neigh->state)));
	if (neigh->confirmed_ms != 0) {
		ret |= masq_ctl_put(row, "mac", json_string(masq_mac_text(neigh->mac, mac)));
		ret |= masq_ctl_put(row, "confirmed_ms",
				masq_ctl_count(now_ms > neigh->confirmed_ms
								? now_ms - neigh->confirmed_ms
								: 0));
	}
	if (ret == 0)
		return row;
	json_decref(row);
	return NULL;
}

static int
keeper_silent(struct masq_err *err)
{
	return masq_err_set(
			err, ETIMEDOUT, "worker 0, which keeps the neighbours, does not answer");
}

int
masq_ctl_neigh_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	const uint64_t now_ms = masq_dp_now_ms(ctl->dp);
	struct masq_neigh_row *rows;
	struct masq_ctl_page page;
	json_t *list;
	int n_rows, ret = masq_ctl_page_open(params, &page, err);

	if (ret != 0)
		return ret;
	rows = calloc(page.limit, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n_rows = masq_dp_neighbours(ctl->dp, &page.at[0], rows, page.limit);
	list = json_array();
	ret = masq_ctl_put(result, "neighbours", list);
	for (int i = 0; ret == 0 && i < n_rows; i++)
		ret = json_array_append_new(list, neigh_row(ctl, &rows[i], now_ms));
	free(rows);
	if (n_rows < 0)
		return keeper_silent(err);
	if (ret != 0)
		return -ENOMEM;
	return masq_ctl_page_close(&page, n_rows == 0, result);
}

int
masq_ctl_neigh_flush(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	static const struct masq_rpc_field field = { "address", MASQ_RPC_ADDRESS, 0, 0, NULL };
	uint32_t ip = 0;
	int ret = masq_rpc_fields_read(&field, 1, "neigh.flush", params, &ip, err);

	(void)result;
	if (ret != 0)
		return ret;
	/* Below, 0.0.0.0 would mean all neighbours. */
	if (ip == 0 && json_object_get(params, "address") != NULL)
		return masq_err_set(err, EBADMSG,
				"\"address\" must be that of a neighbour, not \"0.0.0.0\"");
	return masq_dp_neighbours_flush(ctl->dp, ip) == 0 ? 0 : keeper_silent(err);
}

int
masq_ctl_timeout_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	(void)params;
	(void)err;
	return masq_ctl_put(result, "timeouts", masq_rpc_timeouts_to_json(&ctl->rules.timeouts));
}
