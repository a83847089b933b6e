/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CTL_BOX_H
#define MASQ_CTL_BOX_H

/**
 * @file
 * A control thread over the data path in memory, for tests: ask it by text, get text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_log.h>

#include "fake_dp.h"
#include "masq_ctl_priv.h"

struct ctl_box {
	struct masq_conf_start start;
	struct masq_dp dp;
	struct masq_ctl *ctl;
	char *answer; /**< of the last request */
};

static inline int
ctl_box_open(void **state)
{
	struct ctl_box *box = calloc(1, sizeof(*box));
	struct masq_err err = { "" };

	if (box == NULL)
		return -1;
	masq_log_open(NULL, MASQ_LOG_ERROR);
	box->dp.n_workers = 2;
	box->dp.n_ports = 2;
	box->dp.now_ms = 1000000;
	box->start.n_ports = 2;
	box->start.sessions = 32768;
	strcpy(box->start.port[0].name, "lan");
	strcpy(box->start.port[1].name, "wan");
	masq_conf_timeouts_default(&box->start.timeouts);
	box->ctl = masq_ctl_create(&box->start, &box->dp, &err);
	*state = box;
	return box->ctl != NULL && masq_ctl_rules_file(box->ctl, "", &err) == 0 ? 0 : -1;
}

static inline int
ctl_box_close(void **state)
{
	struct ctl_box *box = *state;

	masq_ctl_destroy(box->ctl);
	free(box->answer);
	free(box);
	return 0;
}

/** Send "method {params}"; @return the answer's line, without "jsonrpc" and "id". */
static inline const char *
ctl_box_ask(struct ctl_box *box, const char *method, const char *params)
{
	const struct masq_ctl_peer peer = { 0 };
	json_t *document, *answer, *error;
	size_t len_bytes = 0;
	char *line;

	document = masq_rpc_request_make(method, json_loads(params, 0, NULL), 1);
	line = masq_ctl_dispatch(box->ctl, &peer, document, &len_bytes);
	json_decref(document);
	assert_non_null(line);
	assert_int_equal(line[len_bytes - 1], '\n');
	answer = json_loads(line, 0, NULL);
	assert_non_null(answer);
	free(line);
	free(box->answer);
	error = json_object_get(answer, "error");
	box->answer = json_dumps(
			error != NULL ? error : json_object_get(answer, "result"), JSON_COMPACT);
	json_decref(answer);
	return box->answer;
}

/** The same, parsed; the caller's, for json_decref(). */
static inline json_t *
ctl_box_result(struct ctl_box *box, const char *method, const char *params)
{
	json_t *result = json_loads(ctl_box_ask(box, method, params), 0, NULL);

	if (json_object_get(result, "code") != NULL)
		fail_msg("%s -> %s", method, box->answer);
	return result;
}

/** Load a rule file of these lines: it replaces all rules. */
static inline void
ctl_box_load(struct ctl_box *box, const char *lines)
{
	json_t *text = json_pack("{s:s+}", "text", lines, "\n");
	char *params = json_dumps(text, 0);

	ctl_box_ask(box, "rules.load", params);
	if (strncmp(box->answer, "{\"rules\":", 9) != 0)
		fail_msg("%s -> %s", lines, box->answer);
	free(params);
	json_decref(text);
}

#endif /* MASQ_CTL_BOX_H */
