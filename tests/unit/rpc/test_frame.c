/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lines of JSON out of a stream, however it is cut into pieces, and what is refused.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_rpc.h>
#include <masq_rpc_frame.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define SMALL_BYTES 64

/* Push a text in pieces of so many bytes; add up the integers that come out. */
static json_int_t
sum_of(const char *text, size_t piece_bytes)
{
	struct masq_rpc_frame frame;
	const size_t len = strlen(text);
	json_int_t sum = 0;

	masq_rpc_frame_init(&frame, SMALL_BYTES);
	for (size_t at = 0; at < len; at += piece_bytes) {
		const size_t n = len - at < piece_bytes ? len - at : piece_bytes;
		json_t *document;

		assert_int_equal(masq_rpc_frame_push(&frame, text + at, n, NULL), 0);
		while (masq_rpc_frame_next(&frame, &document, NULL) == 1) {
			sum += json_integer_value(json_object_get(document, "n"));
			json_decref(document);
		}
	}
	masq_rpc_frame_fini(&frame);
	return sum;
}

static void
documents_come_out_however_the_stream_is_cut(void **state)
{
	static const char text[] = "{\"n\": 1}\n\n  \r\n{\"n\":20}\n{\"n\":300}\n{\"n\":4000";

	(void)state;
	for (size_t piece = 1; piece <= SMALL_BYTES; piece++)
		assert_int_equal(sum_of(text, piece), 321);
}

static void
lines_that_are_refused(void **state)
{
	static const struct {
		const char *line;
		const char *sentence; /* part of it */
	} rows[] = {
		{ "hello\n", "not a line of JSON" },
		{ "{\"a\":1} {\"b\":2}\n", "not a line of JSON" },
		{ "{\"a\":1,\"a\":2}\n", "duplicate" },
		{ "{\"a\":\"\xff\xfe\"}\n", "unable to decode byte 0xff" },
		{ "{\"a\":\"\\u0000\"}\n", "not a line of JSON" },
		{ "{\"a\":\n", "not a line of JSON" },
		{ "[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]\n", "nested at most 16 deep" },
		{ "{\"a\":1e999}\n", "not a line of JSON" },
		{ "{\"a\":99999999999999999999}\n", "not a line of JSON" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_rpc_frame frame;
		struct masq_err err = { "" };
		json_t *document;

		masq_rpc_frame_init(&frame, SMALL_BYTES);
		assert_int_equal(masq_rpc_frame_push(
						 &frame, rows[i].line, strlen(rows[i].line), &err),
				0);
		assert_int_equal(masq_rpc_frame_next(&frame, &document, &err), -EBADMSG);
		assert_null(document);
		if (strstr(err.text, rows[i].sentence) == NULL)
			fail_msg("%s -> %s", rows[i].line, err.text);
		masq_rpc_frame_fini(&frame);
	}
}

/* Brackets and quotes inside of strings are text, not depth. */
static void
depth_is_not_counted_inside_strings(void **state)
{
	static const char line[] = "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[ \\\" [[[[[[[[\"}\n";
	struct masq_rpc_frame frame;
	json_t *document;

	(void)state;
	masq_rpc_frame_init(&frame, SMALL_BYTES);
	assert_int_equal(masq_rpc_frame_push(&frame, line, strlen(line), NULL), 0);
	assert_int_equal(masq_rpc_frame_next(&frame, &document, NULL), 1);
	json_decref(document);
	masq_rpc_frame_fini(&frame);
}

static void
a_line_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
	char line[SMALL_BYTES + 2];
	struct masq_rpc_frame frame;
	struct masq_err err = { "" };
	json_t *document;

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, "{}", 2);
	line[SMALL_BYTES] = '\n';
	masq_rpc_frame_init(&frame, SMALL_BYTES);
	assert_int_equal(masq_rpc_frame_push(&frame, line, SMALL_BYTES + 1, &err), 0);
	assert_int_equal(masq_rpc_frame_next(&frame, &document, &err), 1);
	json_decref(document);

	/* An endless line: refused as soon as it is too long, whatever its pieces. */
	for (size_t n = 0; n < SMALL_BYTES + 1; n++)
		assert_int_equal(masq_rpc_frame_push(&frame, "x", 1, &err), 0);
	assert_int_equal(masq_rpc_frame_push(&frame, "x", 1, &err), -EMSGSIZE);
	assert_non_null(strstr(err.text, "longer than 64 bytes"));
	masq_rpc_frame_fini(&frame);
}

static void
too_many_values_are_refused_before_they_cost_memory(void **state)
{
	const size_t len = 2 * (MASQ_RPC_VALUES_MAX + 2);
	char *line = malloc(len + 3);
	struct masq_rpc_frame frame;
	struct masq_err err = { "" };
	json_t *document;

	(void)state;
	assert_non_null(line);
	line[0] = '[';
	for (size_t i = 1; i < len; i++)
		line[i] = i % 2 != 0 ? '1' : ',';
	line[len] = ']';
	line[len + 1] = '\n';
	masq_rpc_frame_init(&frame, MASQ_RPC_FRAME_BYTES_MAX);
	assert_int_equal(masq_rpc_frame_push(&frame, line, len + 2, &err), 0);
	assert_int_equal(masq_rpc_frame_next(&frame, &document, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "values"));
	masq_rpc_frame_fini(&frame);
	free(line);
}

static void
memory_of_a_large_request_is_given_back(void **state)
{
	const size_t len = 1 << 20;
	char *line = malloc(len);
	struct masq_rpc_frame frame;
	json_t *document;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', len);
	memcpy(line, "{\"a\":\"", 6);
	memcpy(line + len - 3, "\"}\n", 3);
	masq_rpc_frame_init(&frame, MASQ_RPC_FRAME_BYTES_MAX);
	assert_int_equal(masq_rpc_frame_push(&frame, line, len, NULL), 0);
	assert_true(masq_rpc_frame_memory(&frame) >= len);
	assert_int_equal(masq_rpc_frame_next(&frame, &document, NULL), 1);
	json_decref(document);
	assert_true(masq_rpc_frame_memory(&frame) < len / 8);
	masq_rpc_frame_fini(&frame);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_come_out_however_the_stream_is_cut),
		cmocka_unit_test(lines_that_are_refused),
		cmocka_unit_test(depth_is_not_counted_inside_strings),
		cmocka_unit_test(a_line_may_be_as_long_as_the_limit_and_no_longer),
		cmocka_unit_test(too_many_values_are_refused_before_they_cost_memory),
		cmocka_unit_test(memory_of_a_large_request_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
