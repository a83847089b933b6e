/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Fuzz target of the control socket: any bytes as what a client sends, through the real framing and
 *	the real dispatch, over a data path in memory.
 * Input
 *	Byte 0: how many bytes arrive at a time (0: all at once). The rest is the stream.
 * What it finds
 *	Memory errors in framing, codec, model and handlers. And broken promises, by abort(): an answer
 *	that is no line of JSON-RPC, a refused request without a sentence, a model that cannot be saved
 *	and loaded back.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_log.h>
#include <masq_rpc.h>
#include <masq_rpc_frame.h>

#include "fake_dp.h"
#include "masq_ctl_priv.h"

/* Small, so that a fuzzer reaches it; the limit itself is a unit test's. */
#define FRAME_BYTES_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct masq_conf_start start;
static struct masq_dp dp;

static void
check_answer(const char *line, size_t len_bytes)
{
	json_t *answer = json_loadb(line, len_bytes, 0, NULL);
	const json_t *error = json_object_get(answer, "error");

	if (answer == NULL || line[len_bytes - 1] != '\n' ||
			memchr(line, '\n', len_bytes) != line + len_bytes - 1)
		abort();
	if ((error == NULL) == (json_object_get(answer, "result") == NULL))
		abort();
	if (error != NULL && json_string_length(json_object_get(error, "message")) == 0)
		abort();
	json_decref(answer);
}

static void
serve(struct masq_ctl *ctl, const uint8_t *data, size_t size)
{
	const struct masq_ctl_peer peer = { 0 };
	const size_t piece = size > 0 && data[0] != 0 ? data[0] : size;
	struct masq_rpc_frame frame;
	struct masq_err err;
	int ret = 0;

	masq_rpc_frame_init(&frame, FRAME_BYTES_MAX);
	for (size_t at = 1; at < size && ret >= 0; at += piece) {
		const size_t n = size - at < piece ? size - at : piece;
		json_t *document;

		ret = masq_rpc_frame_push(&frame, data + at, n, &err);
		while (ret >= 0 && (ret = masq_rpc_frame_next(&frame, &document, &err)) == 1) {
			size_t len_bytes = 0;
			char *line = masq_ctl_dispatch(ctl, &peer, document, &len_bytes);

			if (line != NULL)
				check_answer(line, len_bytes);
			free(line);
			json_decref(document);
		}
	}
	masq_rpc_frame_fini(&frame);
}

/* Whatever the requests made of the model: its text reads back to the same text. */
static void
check_model(struct masq_ctl *ctl)
{
	const struct masq_conf_reader reader = { 0 };
	char *text = NULL, *again = NULL;
	size_t len = 0, len_again = 0;
	struct masq_conf_rules rules;
	struct masq_err err = { "" };
	FILE *out = open_memstream(&text, &len);

	masq_conf_rules_print(&ctl->rules, out);
	fclose(out);
	if (masq_conf_rules_init(&rules) != 0)
		abort();
	masq_conf_rules_defaults(&rules, &start.timeouts);
	if (masq_conf_rules_load(&rules, &reader, "saved", text, len, &err) != 0) {
		fprintf(stderr, "%s\n%s", err.text, text);
		abort();
	}
	out = open_memstream(&again, &len_again);
	masq_conf_rules_print(&rules, out);
	fclose(out);
	if (len != len_again || memcmp(text, again, len) != 0) {
		fprintf(stderr, "saved:\n%sloaded:\n%s", text, again);
		abort();
	}
	masq_conf_rules_fini(&rules);
	free(text);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct masq_err err;
	struct masq_ctl *ctl;

	masq_log_open(NULL, MASQ_LOG_ERROR);
	memset(&dp, 0, sizeof(dp));
	dp.n_workers = dp.n_ports = 2;
	dp.n_sessions = 3;
	dp.n_routes = 3;
	dp.n_neighbours = 3;
	start.n_ports = 2;
	masq_conf_timeouts_default(&start.timeouts);
	ctl = masq_ctl_create(&start, &dp, &err);
	if (ctl == NULL)
		abort();
	serve(ctl, data, size);
	check_model(ctl);
	masq_ctl_destroy(ctl);
	return 0;
}
