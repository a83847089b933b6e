/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages: long lists are sent in pieces.
 *
 * A client that got "cursor": "12.0" sends it back to get the next piece; null marks the end. The
 * text is two numbers whose meaning is private to the listing; a client must not interpret it. No
 * state is kept here between two pages, so a client may go away at any time, and a list that
 * changes meanwhile may show a row twice or not at all.
 *
 * Also the elements that all answers consist of: values, counters, warnings.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "masq_ctl_priv.h"

int
masq_ctl_page_open(const json_t *params, struct masq_ctl_page *page, struct masq_err *err)
{
	const json_t *cursor = json_object_get(params, "cursor");
	const json_t *limit = json_object_get(params, "limit");
	const json_int_t rows = json_integer_value(limit);
	char given[MASQ_RPC_VALUE_BYTES];

	page->at[0] = page->at[1] = 0;
	page->limit = MASQ_CTL_PAGE_ROWS;
	if (cursor != NULL && !json_is_null(cursor)) {
		const char *text = json_string_value(cursor);
		int end = 0;

		/* %9: at most nine digits, so that nothing overflows */
		if (text == NULL ||
				sscanf(text, "%9" SCNu32 ".%9" SCNu32 "%n", &page->at[0],
						&page->at[1], &end) != 2 ||
				text[end] != '\0')
			return masq_err_set(err, EBADMSG,
					"\"cursor\" must be that of the previous page, or null, not %s",
					masq_rpc_value_text(cursor, given));
	}
	if (limit != NULL && (!json_is_integer(limit) || rows < 1 || rows > MASQ_CTL_PAGE_ROWS_MAX))
		return masq_err_set(err, EBADMSG, "\"limit\" must be a whole number 1-%d, not %s",
				MASQ_CTL_PAGE_ROWS_MAX, masq_rpc_value_text(limit, given));
	if (limit != NULL)
		page->limit = (uint32_t)rows;
	return 0;
}

int
masq_ctl_page_close(const struct masq_ctl_page *page, bool end, json_t *result)
{
	char text[32];

	if (end)
		return masq_ctl_put(result, "cursor", json_null());
	snprintf(text, sizeof(text), "%" PRIu32 ".%" PRIu32, page->at[0], page->at[1]);
	return masq_ctl_put(result, "cursor", json_string(text));
}

int
masq_ctl_put(json_t *object, const char *key, json_t *value)
{
	return value != NULL && json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

int
masq_ctl_put_warnings(json_t *result, const struct masq_conf_warnings *warnings)
{
	char buffer[MASQ_ERR_TEXT_BYTES];
	json_t *list;
	const char *text;
	int ret = 0;

	if (warnings->n == 0)
		return 0;
	list = json_array();
	for (unsigned int i = 0; (text = masq_conf_warning_text(warnings, i, buffer)) != NULL; i++)
		ret |= json_array_append_new(list, json_string(text));
	return masq_ctl_put(result, "warnings", list) != 0 || ret != 0 ? -ENOMEM : 0;
}

int
masq_ctl_refresh_counters(struct masq_ctl *ctl, json_t *result, struct masq_err *err)
{
	struct masq_conf_warnings warnings = { .n = 1 };
	const int ret = masq_dp_rule_counters_refresh(ctl->dp, err);

	if (ret != -ETIMEDOUT)
		return ret;
	masq_err_set(&warnings.text[0], ETIMEDOUT, "%s; packets and bytes are the last known ones",
			err->text);
	return masq_ctl_put_warnings(result, &warnings);
}

json_t *
masq_ctl_count(uint64_t count)
{
	return json_integer((json_int_t)(count & INT64_MAX));
}
