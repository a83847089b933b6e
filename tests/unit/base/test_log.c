/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines: levels, the sink, lines that are too long, and stderr.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <masq_log.h>

/* What the sink saw last. */
static struct {
	unsigned int calls;
	enum masq_log_level level;
	char part[32];
	char line[4096];
} seen;

static void
sink(enum masq_log_level level, const char *part, const char *line)
{
	seen.calls++;
	seen.level = level;
	snprintf(seen.part, sizeof(seen.part), "%s", part);
	snprintf(seen.line, sizeof(seen.line), "%s", line);
}

static void
the_sink_gets_finished_lines(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	masq_log_open(sink, MASQ_LOG_INFO);
	masq_log(MASQ_LOG_WARNING, "session", "%d of %s", 7, "8");
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.level, MASQ_LOG_WARNING);
	assert_string_equal(seen.part, "session");
	assert_string_equal(seen.line, "7 of 8");
}

static void
lines_above_the_level_are_not_written(void **state)
{
	(void)state;
	for (int limit = MASQ_LOG_ERROR; limit <= MASQ_LOG_DEBUG; limit++) {
		masq_log_open(sink, (enum masq_log_level)limit);
		for (int level = MASQ_LOG_ERROR; level <= MASQ_LOG_DEBUG; level++) {
			memset(&seen, 0, sizeof(seen));
			masq_log((enum masq_log_level)level, "test", "line");
			assert_int_equal(seen.calls, level <= limit ? 1 : 0);
		}
	}
}

static void
long_lines_are_cut_and_say_so(void **state)
{
	char text[3000];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	masq_log_open(sink, MASQ_LOG_INFO);
	masq_log(MASQ_LOG_INFO, "test", "%s", text);
	len = strlen(seen.line);
	assert_int_equal(len, 1023);
	assert_string_equal(seen.line + len - 4, "x...");
}

static void
without_a_sink_lines_go_to_stderr(void **state)
{
	char text[128] = "";
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(file);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	masq_log_open(NULL, MASQ_LOG_NOTICE);
	masq_log(MASQ_LOG_ERROR, "neigh", "no answer from %s", "10.0.0.1");
	masq_log(MASQ_LOG_INFO, "neigh", "not written");
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, "error: neigh: no answer from 10.0.0.1\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sink_gets_finished_lines),
		cmocka_unit_test(lines_above_the_level_are_not_written),
		cmocka_unit_test(long_lines_are_cut_and_say_so),
		cmocka_unit_test(without_a_sink_lines_go_to_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
