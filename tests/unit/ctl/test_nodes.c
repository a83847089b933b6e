/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports on another NUMA node than their workers are told of, and nobody else. */

#include "ctl_box.h"

static char lines[8][512];
static unsigned int n_lines;

static void
keep_line(enum masq_log_level level, const char *part, const char *line)
{
	(void)part;
	if (level == MASQ_LOG_WARNING && n_lines < 8)
		snprintf(lines[n_lines++], sizeof(lines[0]), "%s", line);
}

static void
warn(struct ctl_box *box, int port0, int port1, int worker0, int worker1)
{
	unsigned int told;

	box->dp.n_ports = 2;
	box->dp.n_workers = 2;
	box->dp.port_node[0] = port0;
	box->dp.port_node[1] = port1;
	box->dp.worker_node[0] = worker0;
	box->dp.worker_node[1] = worker1;
	n_lines = 0;
	masq_log_open(keep_line, MASQ_LOG_WARNING);
	told = masq_ctl_warn_nodes(&box->dp);
	masq_log_open(NULL, MASQ_LOG_WARNING);
	assert_int_equal(told, n_lines);
}

static void
a_port_far_from_its_worker_is_told(void **state)
{
	warn(*state, 0, 1, 0, 0);
	assert_int_equal(n_lines, 2);
	assert_string_equal(lines[0],
			"port port1: its device net_fake1 is on NUMA node 1, but worker 0 runs on node 0; "
			"choose CPUs of node 1 with cores in [daemon]");
	assert_non_null(strstr(lines[1], "worker 1 runs on node 0"));
	warn(*state, 0, 0, 0, 1);
	assert_int_equal(n_lines, 2);
	assert_non_null(strstr(lines[0], "port port0"));
	assert_non_null(strstr(lines[1], "port port1"));
}

static void
who_is_near_is_not(void **state)
{
	warn(*state, 1, 1, 1, 1);
	assert_int_equal(n_lines, 0);
	/* A virtual device is on no node; a worker that nobody placed is neither. */
	warn(*state, -1, -1, 0, 1);
	assert_int_equal(n_lines, 0);
	warn(*state, 0, 1, -1, -1);
	assert_int_equal(n_lines, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				a_port_far_from_its_worker_is_told, ctl_box_open, ctl_box_close),
		cmocka_unit_test_setup_teardown(who_is_near_is_not, ctl_box_open, ctl_box_close),
	};

	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
