/* SPDX-License-Identifier: BSD-3-Clause */

/* A data path that does not fit its memory, or has less than it needs of anything, says which line of the
 * start file says how much that is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_malloc.h>

#include <masq_dp.h>

#include "masq_test_eal.h"

#define PORT "[port lan]\ndevice = net_null0\naddress = 192.168.1.1/24\n"
#define SESSIONS "session table of worker 0: no memory for 16777216 sessions"
#define BUFFERS "no memory for 16777216 packet buffers of 2176 bytes"

static struct masq_conf_start start;

static void
the_line_is_named(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "[daemon]\nmemory = 128\nsessions = 16777216\nmbufs = 1024\n" PORT,
				"dir/test.conf:2: " SESSIONS },
		{ "[daemon]\nmbufs = 1024\nsessions = 16777216\n" PORT,
				"dir/test.conf:3: memory is not set in [daemon], so it is 512: " SESSIONS },
		{ "[daemon]\n\nmemory = 128\nmbufs = 16777216\n" PORT,
				"dir/test.conf:3: " BUFFERS },
		{ "[daemon]\nmbufs = 16777216\n" PORT,
				"dir/test.conf:2: memory is not set in [daemon], so it is 512: " BUFFERS },
		{ "[daemon]\nworkers = 8\nsessions = 1024\nmbufs = 1100\n" PORT,
				"dir/test.conf:4: 1100 packet buffers are too few for 8 workers "
				"(each needs 256" },
		{ PORT, "dir/test.conf: memory is not set in [daemon], so it is 512: session table" },
	};

	(void)state;
	for (unsigned int k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct masq_err err = { "" };

		assert_int_equal(masq_conf_start_parse("dir/test.conf", rows[k].text,
						 strlen(rows[k].text), &start, &err),
				0);
		/* Default sessions want less than the default memory; here there is less still. */
		assert_null(masq_dp_create(&start, MASQ_DP_MANUAL, 1, &err));
		if (strncmp(err.text, rows[k].sentence, strlen(rows[k].sentence)) != 0)
			fail_msg("row %u:\n%s\nwanted:\n%s", k, err.text, rows[k].sentence);
	}
}

/* What is found when rules are compiled: it is not the rules' fault. */
static void
also_when_rules_are_put_in_force(void **state)
{
	static const char text[] = "[daemon]\nmemory = 128\nsessions = 1024\nmbufs = 1024\n" PORT;
	struct masq_conf_rules rules;
	struct masq_err err = { "" };
	struct masq_dp *dp;
	unsigned int n = 0;
	void *taken[256];

	(void)state;
	assert_int_equal(masq_conf_start_parse(
					 "dir/test.conf", text, sizeof(text) - 1, &start, &err),
			0);
	dp = masq_dp_create(&start, MASQ_DP_MANUAL, 1, &err);
	if (dp == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	while (n < 256 && (taken[n] = rte_malloc(NULL, 1 << 20, 0)) != NULL)
		n++;
	assert_int_equal(masq_dp_publish(dp, &rules, &err), -ENOMEM);
	if (strncmp(err.text, "dir/test.conf:2: no memory for ", 31) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(masq_dp_check(dp, &rules, &err), -ENOMEM);
	while (n > 0)
		rte_free(taken[--n]);
	assert_int_equal(masq_dp_check(dp, &rules, &err), 0);
	masq_conf_rules_fini(&rules);
	masq_dp_destroy(dp);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_named),
		cmocka_unit_test(also_when_rules_are_put_in_force),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	return cmocka_run_group_tests_name("short memory", tests, NULL, NULL);
}
