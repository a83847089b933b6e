/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box complains only so often: a flood of packets that it must drop is not turned into a flood
 * of ICMP errors. The packets keep their own reason, whether their sender hears of it or not.
 */
#include "masq_test_talk.h"

#define LIMITED 50

/* A flow whose time to live ends here; all packets of a flow are one worker's. */
static struct masq_test_pkt
dying(uint16_t sport)
{
	return (struct masq_test_pkt){
		.src = INSIDE, .dst = OUTSIDE, .sport = sport, .dport = 33434, .ttl = 1
	};
}

/* @return errors that came of @p n packets */
static unsigned int
flood(struct masq_test_box *box, const struct masq_test_pkt *pkt, unsigned int n)
{
	unsigned int answers;

	for (unsigned int k = 0; k < n; k++)
		box_put(box, LAN, pkt);
	box_run(box);
	answers = box_waiting(box, LAN);
	for (unsigned int k = 0; k < answers; k++) {
		const struct masq_test_pkt error = box_error(LAN, pkt, 11, 0, 0);

		box_expect(box, LAN, &error);
	}
	return answers;
}

static void
a_flood_is_answered_so_often(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	const struct masq_test_pkt pkt = dying(1025);
	uint64_t sent = MASQ_DP_ICMP_BURST + LIMITED;

	box_hello(box, LAN, INSIDE);
	assert_int_equal(flood(box, &pkt, MASQ_DP_ICMP_BURST + LIMITED), MASQ_DP_ICMP_BURST);
	assert_int_equal(box_counters(box).icmp_limited, LIMITED);
	assert_int_equal(box_drops(box, MASQ_DROP_TTL), sent);
	/* It fills again, at its rate. */
	box_advance(box, 20);
	assert_int_equal(flood(box, &pkt, 20 * MASQ_DP_ICMP_RATE / 1000 + LIMITED),
			20 * MASQ_DP_ICMP_RATE / 1000);
	sent += 20 * MASQ_DP_ICMP_RATE / 1000 + LIMITED;
	assert_int_equal(box_counters(box).icmp_limited, 2 * LIMITED);
	/* And never over its burst. */
	box_advance(box, 100000);
	assert_int_equal(flood(box, &pkt, MASQ_DP_ICMP_BURST + LIMITED), MASQ_DP_ICMP_BURST);
	sent += MASQ_DP_ICMP_BURST + LIMITED;
	assert_int_equal(box_counters(box).icmp_limited, 3 * LIMITED);
	assert_int_equal(box_drops(box, MASQ_DROP_TTL), sent);
	box_close(box);
}

/* Flows of all workers: each has its own bucket, so nothing is shared on the way. */
static void
each_worker_for_itself(void **state)
{
	enum {
		FLOWS = 64,
		ROUNDS = 100
	};
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < ROUNDS; k++)
		for (uint16_t f = 0; f < FLOWS; f++) {
			const struct masq_test_pkt pkt = dying((uint16_t)(1025 + f));

			box_put(box, LAN, &pkt);
		}
	box_run(box);
	assert_int_equal(box_waiting(box, LAN), box_workers(state) * MASQ_DP_ICMP_BURST);
	assert_int_equal(box_counters(box).icmp_limited,
			FLOWS * ROUNDS - box_workers(state) * MASQ_DP_ICMP_BURST);
	assert_int_equal(box_drops(box, MASQ_DROP_TTL), FLOWS * ROUNDS);
	box_close(box);
}

/* Each kind of error counts; what is no error does not. */
static void
every_kind_of_error_and_nothing_else(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "ipchains -A input -p udp -d 0.0.0.0/0 1 -j REJECT\n"
				 "ipchains -A output -p udp -d 0.0.0.0/0 2 -j REJECT\n");
	const struct masq_test_pkt spent = dying(1025);

	const struct {
		struct masq_test_pkt pkt;
		enum masq_drop reason;
	} rows[] = {
		{ dying(1025), MASQ_DROP_TTL },
		{ { .sport = 1025, .dport = 1 }, MASQ_DROP_INPUT_REJECT },
		{ { .sport = 1025, .dport = 2 }, MASQ_DROP_OUTPUT_REJECT },
		{ { .sport = 1025, .dport = 9, .dst = BOX_LAN }, MASQ_DROP_LOCAL },
		{ { .sport = 1025, .dport = 9, .payload_bytes = 1600, .dont_fragment = true },
				MASQ_DROP_MTU },
	};
	const struct masq_test_pkt ping = {
		.src = INSIDE, .dst = BOX_LAN, .proto = IPPROTO_ICMP, .icmp_type = 8
	};
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	uint64_t limited;

	box_hello(box, LAN, INSIDE);
	talk_out(&t, 0);
	/* Empty the bucket of every worker. */
	for (uint16_t f = 0; f < 64; f++) {
		const struct masq_test_pkt pkt = dying((uint16_t)(1025 + f));

		flood(box, &pkt, f == 0 ? MASQ_DP_ICMP_BURST : MASQ_DP_ICMP_BURST / 8);
	}
	assert_int_equal(flood(box, &spent, 1), 0);
	limited = box_counters(box).icmp_limited;
	for (unsigned int k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		box_drops_seen(box);
		box_send(box, LAN, &rows[k].pkt);
		box_expect_drop(box, rows[k].reason);
		box_expect_nothing(box);
		assert_int_equal(box_counters(box).icmp_limited, limited + k + 1);
	}
	/* Who talks through the box, pings it or asks for it notices nothing. */
	talk_out(&t, 0);
	talk_in(&t, 0);
	box_send(box, LAN, &ping);
	assert_int_equal(box_take(box, LAN).src, IP4(192, 168, 1, 1));
	box_hello(box, LAN, INSIDE);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(a_flood_is_answered_so_often),
		BOX_ROWS(each_worker_for_itself),
		BOX_ROWS(every_kind_of_error_and_nothing_else),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("icmp limit", tests, NULL, NULL);
}
