/* SPDX-License-Identifier: BSD-3-Clause */
/* How long UDP and ICMP sessions live, and what "timeout set" does to those that live already. */
#include <masq_dp_manual.h>

#include "masq_test_talk.h"

/* One second before its time a session is there, one second after it is gone. */
#define expect_end_after(box, seconds)                            \
	do {                                                      \
		box_advance(box, ((seconds)-1) * UINT64_C(1000)); \
		assert_int_equal(box_sessions(box), 1);           \
		box_advance(box, 2000);                           \
		assert_int_equal(box_sessions(box), 0);           \
	} while (0)

static void
udp_300_s(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	assert_in_range(box_session(box).expires_ms, 299000, 300000);
	expect_end_after(box, 300);
	talk_in_dropped(&t, 0, MASQ_DROP_LOCAL);
	box_close(box);
}

static void
icmp_60_s(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, ICMP, INSIDE, 77, OUTSIDE, 8);

	talk_out(&t, 0);
	expect_end_after(box, 60);
	talk_in_dropped(&t, 0, MASQ_DROP_LOCAL);
	box_close(box);
}

static void
either_direction_keeps_alive(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk call = CALL(box, UDP, OUTSIDE, 4000, 53, SERVER, 5353);

	talk_out(&t, 0);
	talk_in(&call, 0);
	for (unsigned int round = 0; round < 4; round++) {
		box_advance(box, 299000);
		talk_in(&t, 0);
		talk_out(&call, 0);
	}
	for (unsigned int round = 0; round < 4; round++) {
		box_advance(box, 299000);
		talk_out(&t, 0);
		talk_in(&call, 0);
	}
	assert_int_equal(box_sessions(box), 2);
	box_advance(box, 299000);
	assert_int_equal(box_sessions(box), 2);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* Who is denied keeps nothing alive, from whichever side he knocks (RFC 7857 7). */
static void
denied_packets_keep_nothing_alive(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	talk_in(&t, 0);
	box_rules(box, MASQ_ALL "ipchains -P input DENY\n");
	for (unsigned int second = 0; second < 300; second += 50) {
		talk_in_dropped(&t, 0, MASQ_DROP_INPUT_DENY);
		talk_out_dropped(&t, 0, MASQ_DROP_INPUT_DENY);
		assert_int_equal(box_sessions(box), 1);
		box_advance(box, 50000);
	}
	box_advance(box, 1000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

static void
shortened_for_existing_sessions(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	talk_in(&t, 0);
	box_advance(box, 10000);
	box_rules(box, MASQ_ALL "timeout set udp 30\n");
	box_advance(box, 19000);
	assert_int_equal(box_sessions(box), 1);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

static void
lengthened_for_existing_sessions(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	box_advance(box, 10000);
	box_rules(box, MASQ_ALL "timeout set udp 600\n");
	box_advance(box, 589000);
	assert_int_equal(box_sessions(box), 1);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* The new timeout counts from the last packet, also of a session that is used meanwhile. */
static void
shortened_while_in_use(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);

	talk_open_from_inside(&t);
	box_advance(box, 100000);
	box_rules(box, MASQ_ALL "timeout set tcp-established 60\n");
	box_advance(box, 1000);
	assert_int_equal(box_sessions(box), 0);

	t.visible_port = 0;
	talk_open_from_inside(&t);
	for (unsigned int round = 0; round < 5; round++) {
		box_advance(box, 59000);
		talk_in(&t, ACK);
	}
	expect_end_after(box, 60);
	box_close(box);
}

/* What another state's timeout is does not matter. */
static void
other_timeouts_stay(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	box_rules(box, MASQ_ALL "timeout set icmp 1 tcp-established 1\n");
	expect_end_after(box, 300);
	box_close(box);
}

/* Thousands that end in the same second all end, although a round ends only so many. */
static void
many_end_together(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	for (uint16_t k = 0; k < 2000; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);

		talk_out(&t, 0);
	}
	assert_int_equal(box_sessions(box), 2000);
	box_advance(box, 298000);
	assert_int_equal(box_sessions(box), 2000);
	box_advance(box, 3000);
	/* The test's clock makes a step a second, of three rounds. */
	for (unsigned int k = 0; k < 64; k++)
		box_advance(box, 1);
	assert_int_equal(box_sessions(box), 0);
	assert_int_equal(box_counters(box).sessions_expired, 2000);
	box_close(box);
}

/* Times of halves have 32 bits, which are over after 49 days: nobody ends early or lives for ever. */
/* A round ends few of those that are due, a millisecond with many rounds many, but not all at once. */
static void
a_round_ends_few_a_millisecond_many(void **state)
{
	enum {
		FLOWS = 1000
	};

	uint32_t workers = box_workers(state), left = FLOWS;
	struct masq_test_box *box = box_open(workers, MASQ_ALL);
	uint64_t now_ms;

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);

		talk_out(&t, 0);
	}
	box_advance(box, 299000);
	assert_int_equal(box_sessions(box), FLOWS);
	for (now_ms = masq_dp_now_ms(box_dp(box)) + 1500; left > 0; now_ms++) {
		uint32_t before = left, of_round = left;

		for (unsigned int round = 0; round < 100; round++) {
			for (uint32_t w = 0; w < workers; w++)
				masq_dp_poll(box_dp(box), w, now_ms);
			of_round = left - box_sessions(box);
			assert_true(of_round <= 16 * workers);
			left -= of_round;
		}
		assert_int_equal(of_round, 0);
		assert_in_range(before - left, RTE_MIN(before, 256u), 256 * workers);
	}
	/* box_close() looks at the clock. */
	box_advance(box, 10000);
	box_close(box);
}

static void
after_49_days(void **state)
{
	for (unsigned int k = 0; k < 3; k++) {
		const struct masq_test_box_options late = {
			.workers = box_workers(state),
			.rules = MASQ_ALL
			"portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 53\n",
			.start_ms = UINT32_MAX - k * UINT64_C(150000),
		};
		struct masq_test_box *box = box_open_with(&late);
		struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
		struct talk call = CALL(box, UDP, OUTSIDE, 4000, 53, SERVER, 53);

		talk_out(&t, 0);
		expect_end_after(box, 300);
		talk_in(&call, 0);
		box_advance(box, 200000);
		talk_out(&call, 0);
		expect_end_after(box, 300);
		box_close(box);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(udp_300_s),
		BOX_ROWS(icmp_60_s),
		BOX_ROWS(either_direction_keeps_alive),
		BOX_ROWS(denied_packets_keep_nothing_alive),
		BOX_ROWS(shortened_for_existing_sessions),
		BOX_ROWS(lengthened_for_existing_sessions),
		BOX_ROWS(shortened_while_in_use),
		BOX_ROWS(other_timeouts_stay),
		BOX_ROWS(many_end_together),
		BOX_ROWS(a_round_ends_few_a_millisecond_many),
		BOX_ROWS(after_49_days),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("timeouts", tests, NULL, NULL);
}
