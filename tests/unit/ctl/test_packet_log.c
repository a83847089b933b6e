/* SPDX-License-Identifier: BSD-3-Clause */

/* The lines of rules with -l: in the words of the kernel of the time, and how often they are looked for. */

#include "ctl_box.h"

static char lines[8][512];
static unsigned int n_lines;

static void
keep_line(enum masq_log_level level, const char *part, const char *line)
{
	if (level > MASQ_LOG_NOTICE || n_lines == 8)
		return;
	snprintf(lines[n_lines++], sizeof(lines[0]), "%s: %s", part, line);
}

static void
lines_are_those_of_the_kernel(void **state)
{
	static const struct masq_dp_log records[] = {
		{ .place = { "input", "DENY", 5 },
				.port = "eth0",
				.proto = 17,
				.src = MASQ_IP4(192, 168, 2, 1),
				.sport = 53,
				.dst = MASQ_IP4(192, 168, 1, 1),
				.dport = 1025,
				.len_bytes = 34,
				.id = 18,
				.ttl = 254 },
		{ .place = { "eightcha", "sevencha", 4000000000 },
				.port = "fifteenletters1",
				.proto = 6,
				.src = UINT32_MAX,
				.sport = 65535,
				.dst = UINT32_MAX,
				.dport = 65535,
				.len_bytes = 65535,
				.tos = 0xff,
				.id = 65535,
				.fragment = 0xffff,
				.ttl = 255,
				.syn = true,
				.n_options = 10,
				.options = { 1, 0xffffffff, 2, 3, 4, 5, 6, 7, 8, 9 } },
		{ .place = { "forward", "-", 1 },
				.port = "-",
				.proto = 255,
				.sport = 65535,
				.dport = 65535,
				.fragment = 0x4000 },
	};
	struct ctl_box *box = *state;

	masq_log_open(keep_line, MASQ_LOG_NOTICE);
	n_lines = 0;
	memcpy(box->dp.log, records, sizeof(records));
	box->dp.n_log = 3;
	masq_ctl_poll(box->ctl, box->dp.now_ms, 0);
	assert_int_equal(n_lines, 3);
	assert_string_equal(lines[0],
			"ipchains: Packet log: input DENY eth0 PROTO=17 192.168.2.1:53 "
			"192.168.1.1:1025 L=34 S=0x00 I=18 F=0x0000 T=254 (#5)");
	assert_string_equal(lines[1],
			"ipchains: Packet log: eightcha sevencha fifteenletters1 PROTO=6 "
			"255.255.255.255:65535 255.255.255.255:65535 L=65535 S=0xFF I=65535 "
			"F=0xFFFF T=255 O=0x00000001 O=0xFFFFFFFF O=0x00000002 O=0x00000003 "
			"O=0x00000004 O=0x00000005 O=0x00000006 O=0x00000007 O=0x00000008 "
			"O=0x00000009 SYN (#4000000000)");
	assert_string_equal(lines[2],
			"ipchains: Packet log: forward - - PROTO=255 0.0.0.0:65535 0.0.0.0:65535 "
			"L=0 S=0x00 I=0 F=0x4000 T=0 (#1)");
	masq_ctl_poll(box->ctl, box->dp.now_ms, 0);
	assert_int_equal(n_lines, 3);
	masq_log_open(NULL, MASQ_LOG_ERROR);
}

static void
what_was_left_out_is_said_once_a_second(void **state)
{
	struct ctl_box *box = *state;

	masq_log_open(keep_line, MASQ_LOG_NOTICE);
	n_lines = 0;
	box->dp.counters.log_lost = 40;
	masq_ctl_poll(box->ctl, 2000000, 0);
	masq_ctl_poll(box->ctl, 2000500, 0);
	masq_ctl_poll(box->ctl, 2001000, 0);
	assert_int_equal(n_lines, 1);
	assert_non_null(strstr(lines[0], "40 packets of rules with -l were not logged"));
	masq_log_open(NULL, MASQ_LOG_ERROR);
}

/* Often while a rule logs; else the control thread sleeps. */
static void
looked_for_while_a_rule_logs(void **state)
{
	struct ctl_box *box = *state;
	const int seldom = masq_ctl_wait_ms(box->ctl);
	int often;

	ctl_box_load(box, "ipchains -N x\nipchains -A x -l");
	often = masq_ctl_wait_ms(box->ctl);
	assert_true(often < seldom / 5);
	ctl_box_ask(box, "ipchains.flush", "{}");
	assert_int_equal(masq_ctl_wait_ms(box->ctl), seldom);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				lines_are_those_of_the_kernel, ctl_box_open, ctl_box_close),
		cmocka_unit_test_setup_teardown(what_was_left_out_is_said_once_a_second,
				ctl_box_open, ctl_box_close),
		cmocka_unit_test_setup_teardown(
				looked_for_while_a_rule_logs, ctl_box_open, ctl_box_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
