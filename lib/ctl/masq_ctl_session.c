/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.list, session.flush.
 *
 * Words. A session has two halves with a tuple each; a listing shows three ends: the INSIDE host,
 * the OUTSIDE peer, and the address and port that the peer sees (masq). Which tuple contains which
 * depends on the initiator: an inside host (kind masq) or an outside one (portfw, hairpin).
 *
 *	masq		INITIAL  inside > outside	REPLY  outside > masq
 *	portfw		INITIAL  outside > masq		REPLY  inside > outside
 *	hairpin		INITIAL  outside > masq		REPLY  inside > box; "outside" is an inside host
 *
 * ICMP queries: the port of the inside and masq end is the identifier, that of the outside end is
 * the type.
 *
 * The cursor is the data path's: worker and record. A page queries workers, each of which may take
 * its full time to answer; a filter that matches nothing is cut off after PAGE_QUESTIONS and gives
 * an empty page with a cursor. A worker that does not answer is left out, with a warning.
 *
 * Control thread only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "masq_ctl_priv.h"

#define PAGE_QUESTIONS 32

/* ---------------------------------------------------------------- filters */

static const char *const state_names[] = {
#define STATE_NAME(symbol, name, timeout) name,
	MASQ_STATE_LIST(STATE_NAME)
#undef STATE_NAME
			"",
};

static const char *const kind_names[] = { "masq", "portfw", "hairpin", "" };

#define FILTER(member) offsetof(struct masq_dp_session_filter, member)
/* clang-format off */
static const struct masq_rpc_field filter_fields[] = {
	{ "protocol", MASQ_RPC_PROTOCOL8, FILTER(proto), 0, NULL },
	{ "inside", MASQ_RPC_PREFIX, FILTER(inside), 0, NULL },
	{ "outside", MASQ_RPC_PREFIX, FILTER(outside), 0, NULL },
	{ "masq", MASQ_RPC_PREFIX, FILTER(masq), 0, NULL },
	{ "inside_port", MASQ_RPC_U16, FILTER(inside_port), 0, NULL },
	{ "outside_port", MASQ_RPC_U16, FILTER(outside_port), 0, NULL },
	{ "masq_port", MASQ_RPC_U16, FILTER(masq_port), 0, NULL },
	{ "state", MASQ_RPC_NAME, FILTER(state), UINT32_MAX, state_names },
	{ "kind", MASQ_RPC_NAME, FILTER(kind), UINT32_MAX, kind_names },
};
/* clang-format on */

_Static_assert(sizeof(enum masq_state) == sizeof(uint32_t) &&
				sizeof(enum masq_session_kind) == sizeof(uint32_t),
		"MASQ_RPC_NAME writes 32 bits");

/* A field of 0 means "any" to the data path; a request for port 0 does not mean that. */
static int
ports_check(const json_t *filter, struct masq_err *err)
{
	static const char *const keys[] = { "inside_port", "outside_port", "masq_port" };
	int ret = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && ret == 0; i++)
		ret = masq_rpc_number_check("filter", filter, keys[i], 1, UINT16_MAX, err);
	return ret;
}

static int
filter_read(const json_t *params, struct masq_dp_session_filter *filter, struct masq_err *err)
{
	const json_t *json = json_object_get(params, "filter");

	memset(filter, 0, sizeof(*filter));
	filter->has_state = json_object_get(json, "state") != NULL;
	filter->has_kind = json_object_get(json, "kind") != NULL;
	if (ports_check(json, err) != 0)
		return -EBADMSG;
	return masq_rpc_fields_read(filter_fields, sizeof(filter_fields) / sizeof(filter_fields[0]),
			"filter", json, filter, err);
}

/* ---------------------------------------------------------------- rows */

void
masq_ctl_session_ends(const struct masq_session_row *row, struct masq_ctl_session_ends *ends)
{
	const struct masq_tuple *initial = &row->initial, *reply = &row->reply;

	if (row->kind == MASQ_SESSION_MASQ) {
		ends->inside = ntohl(initial->src);
		ends->inside_port = ntohs(initial->sport);
		ends->outside = ntohl(initial->dst);
		ends->outside_port = ntohs(initial->dport);
		ends->masq = ntohl(reply->dst);
		ends->masq_port = ntohs(reply->dport);
	} else {
		ends->inside = ntohl(reply->src);
		ends->inside_port = ntohs(reply->sport);
		ends->outside = ntohl(initial->src);
		ends->outside_port = ntohs(initial->sport);
		ends->masq = ntohl(initial->dst);
		ends->masq_port = ntohs(initial->dport);
	}
}

/* A session in the form of its JSON keys; the order of the table is that of the keys. */
struct session_form {
	struct masq_ctl_session_ends ends;
	struct masq_session_row row;
	uint32_t state, kind;
	uint32_t worker, reply_worker;
};

#define ENDS(member) offsetof(struct session_form, ends.member)
#define ROW(member) offsetof(struct session_form, row.member)
#define NEVER UINT32_MAX /* written whatever its value */
/* clang-format off */
static const struct masq_rpc_field session_fields[] = {
	{ "protocol", MASQ_RPC_PROTOCOL8, ROW(initial.proto), 0, NULL },
	{ "kind", MASQ_RPC_NAME, offsetof(struct session_form, kind), NEVER, kind_names },
	{ "state", MASQ_RPC_NAME, offsetof(struct session_form, state), NEVER, state_names },
	{ "inside", MASQ_RPC_ADDRESS, ENDS(inside), 0, NULL },
	{ "inside_port", MASQ_RPC_U16, ENDS(inside_port), NEVER, NULL },
	{ "outside", MASQ_RPC_ADDRESS, ENDS(outside), 0, NULL },
	{ "outside_port", MASQ_RPC_U16, ENDS(outside_port), NEVER, NULL },
	{ "masq", MASQ_RPC_ADDRESS, ENDS(masq), 0, NULL },
	{ "masq_port", MASQ_RPC_U16, ENDS(masq_port), NEVER, NULL },
	{ "expires_ms", MASQ_RPC_U32, ROW(expires_ms), NEVER, NULL },
	{ "age_ms", MASQ_RPC_U32, ROW(age_ms), NEVER, NULL },
	{ "mark", MASQ_RPC_U32, ROW(mark), 0, NULL },
	{ "rule", MASQ_RPC_U32, ROW(origin), 0, NULL },
	{ "worker", MASQ_RPC_U32, offsetof(struct session_form, worker), NEVER, NULL },
	{ "reply_worker", MASQ_RPC_U32, offsetof(struct session_form, reply_worker), NEVER, NULL },
};

/* clang-format on */

static json_t *
session_row(const struct masq_session_row *row)
{
	struct session_form form = {
		.row = *row,
		.state = row->state,
		.kind = row->kind,
		.worker = row->creator,
		.reply_worker = row->reply_worker,
	};
	json_t *object = json_object();
	int ret;

	masq_ctl_session_ends(row, &form.ends);
	ret = masq_rpc_fields_write(session_fields,
			sizeof(session_fields) / sizeof(session_fields[0]), &form, object);
	ret |= masq_ctl_put(object, "initial_packets", masq_ctl_count(row->initial_packets));
	ret |= masq_ctl_put(object, "initial_bytes", masq_ctl_count(row->initial_bytes));
	ret |= masq_ctl_put(object, "reply_packets", masq_ctl_count(row->reply_packets));
	ret |= masq_ctl_put(object, "reply_bytes", masq_ctl_count(row->reply_bytes));
	if (ret == 0)
		return object;
	json_decref(object);
	return NULL;
}

static void
leave_out(struct masq_conf_warnings *warnings, uint32_t worker)
{
	if (warnings->n < MASQ_CONF_WARNINGS_MAX)
		masq_err_set(&warnings->text[warnings->n], ETIMEDOUT,
				"worker %u does not answer, so its sessions are left out", worker);
	warnings->n++;
}

static void
drop_rows(struct masq_session_row **rows)
{
	free(*rows);
	*rows = NULL;
}

int
masq_ctl_session_page(struct masq_ctl *ctl, const struct masq_dp_session_filter *filter,
		struct masq_ctl_page *page, struct masq_session_row **rows, bool *end,
		json_t *result, struct masq_err *err)
{
	struct masq_conf_warnings warnings = { 0 };
	struct masq_dp_cursor cursor = { .worker = page->at[0], .record = page->at[1] };
	uint32_t n_rows = 0;

	*end = false;
	*rows = calloc(page->limit, sizeof(**rows));
	if (*rows == NULL)
		return -ENOMEM;
	for (unsigned int asked = 0; asked < PAGE_QUESTIONS && !*end && n_rows < page->limit;
			asked++) {
		const int n = masq_dp_sessions(ctl->dp, filter, &cursor, *rows + n_rows,
				page->limit - n_rows, end);

		if (n == -ETIMEDOUT) {
			leave_out(&warnings, cursor.worker);
			cursor = (struct masq_dp_cursor){ .worker = cursor.worker + 1 };
			*end = cursor.worker >= masq_dp_workers(ctl->dp);
			continue;
		}
		if (n < 0) {
			drop_rows(rows);
			return masq_err_set(err, -n, "sessions: %s", strerror(-n));
		}
		n_rows += (uint32_t)n;
	}
	if (masq_ctl_put_warnings(result, &warnings) != 0) {
		drop_rows(rows);
		return -ENOMEM;
	}
	page->at[0] = cursor.worker;
	page->at[1] = cursor.record;
	return (int)n_rows;
}

int
masq_ctl_session_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_dp_session_filter filter;
	struct masq_session_row *rows = NULL;
	struct masq_ctl_page page;
	json_t *list;
	bool end;
	int n_rows, ret = filter_read(params, &filter, err);

	if (ret == 0)
		ret = masq_ctl_page_open(params, &page, err);
	if (ret != 0)
		return ret;
	n_rows = masq_ctl_session_page(ctl, &filter, &page, &rows, &end, result, err);
	if (n_rows < 0)
		return n_rows;
	list = json_array();
	ret = masq_ctl_put(result, "sessions", list);
	for (int i = 0; i < n_rows && ret == 0; i++)
		ret = json_array_append_new(list, session_row(&rows[i]));
	free(rows);
	if (ret != 0)
		return -ENOMEM;
	return masq_ctl_page_close(&page, end, result);
}

int
masq_ctl_session_flush(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_dp_session_filter filter;
	int64_t flushed;
	int ret = filter_read(params, &filter, err);

	if (ret != 0)
		return ret;
	flushed = masq_dp_sessions_flush(ctl->dp, &filter, err);
	if (flushed < 0)
		return (int)flushed;
	return masq_ctl_put(result, "flushed", json_integer(flushed));
}
