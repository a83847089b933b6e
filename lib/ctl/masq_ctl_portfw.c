/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * portfw.list: the rules in their current order of turns, UDP before TCP, each with the sessions
 * that are left of its turn (the PrCnt of reference 2.4). The cursor is the row.
 *
 * Control thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "masq_ctl_priv.h"

static json_t *
portfw_row(const struct masq_portfw_row *row)
{
	json_t *object = json_object();

	if (masq_ctl_put(object, "id", json_integer(row->rule.id)) != 0 ||
			masq_ctl_put(object, "count", json_integer(row->pcnt)) != 0 ||
			masq_ctl_put(object, "portfw", masq_rpc_portfw_to_json(&row->rule)) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

int
masq_ctl_portfw_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_portfw_row *rows;
	struct masq_ctl_page page;
	uint32_t n_rows;
	json_t *list;
	int ret = masq_ctl_page_open(params, &page, err);

	if (ret != 0)
		return ret;
	rows = calloc(ctl->rules.n_portfw + 1, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	n_rows = masq_dp_portfw_rows(ctl->dp, rows, ctl->rules.n_portfw);
	if (n_rows > ctl->rules.n_portfw)
		n_rows = ctl->rules.n_portfw;
	list = json_array();
	ret = masq_ctl_put(result, "rules", list);
	for (; ret == 0 && page.at[0] < n_rows && page.limit > 0; page.at[0]++, page.limit--)
		ret = json_array_append_new(list, portfw_row(&rows[page.at[0]]));
	free(rows);
	if (ret != 0)
		return -ENOMEM;
	return masq_ctl_page_close(&page, page.at[0] >= n_rows, result);
}
