/* SPDX-License-Identifier: BSD-3-Clause */
/* Masquerading: inside hosts go out under the box's address, answers come back. */
#include "masq_test_box.h"

#define MASQ_ALL "ipchains -P forward MASQ\n"
#define INSIDE "192.168.1.2"
#define OUTSIDE "209.81.8.5"
#define BOX_WAN "203.0.113.1"

static void
udp_there_and_back(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt query = {
		.src = INSIDE, .sport = 1025, .dst = OUTSIDE, .dport = 53, .payload = "who is it"
	};
	struct masq_test_pkt out = query,
			     reply = { .src = OUTSIDE,
				     .sport = 53,
				     .dst = BOX_WAN,
				     .payload = "it is me" };
	struct masq_test_seen seen;

	for (unsigned int round = 0; round < 3; round++) {
		out = query;
		out.src = BOX_WAN;
		out.ttl = 63;
		box_send(box, LAN, &query);
		if (round == 0) {
			out.any = MASQ_TEST_ANY_SPORT;
			struct masq_session_row row;

			row = box_session(box);
			reply.dport = rte_be_to_cpu_16(row.reply.dport);
		}
		out.sport = reply.dport;
		box_expect(box, WAN, &out);
		box_expect_nothing(box);

		box_send(box, WAN, &reply);
		struct masq_test_pkt back = reply;

		back.dst = INSIDE;
		back.dport = 1025;
		back.ttl = 63;
		box_expect(box, LAN, &back);
	}
	(void)seen;
	assert_int_equal(box_sessions(box), 1);
	assert_int_equal(box_rule_packets(box, "forward", 0), 3);
	assert_int_equal(box_rule_packets(box, "input", 0), 6);
	assert_int_equal(box_rule_packets(box, "output", 0), 6);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(udp_there_and_back),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("masquerade", tests, NULL, NULL);
}
