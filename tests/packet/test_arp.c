/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: asking, answering, ageing, and who may claim what. */
#include <string.h>

#include "masq_test_arp.h"

/* A minute after its answer a neighbour is asked again, by name; packets go on meanwhile. */
static void
neighbours_age(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, "203.0.113.50", 53);
	struct masq_test_pkt question = asks(WAN, "203.0.113.50"), probe = question;
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), left;

	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	answer(box, WAN, "203.0.113.50", box_host_mac(WAN));
	left = talk_out_translated(&t, pkt);
	t.visible_port = box_expect(box, WAN, &left).sport;

	let_pass(box, 59900);
	box_expect_nothing(box);
	let_pass(box, 300);
	probe.dst_mac = box_host_mac(WAN);
	probe.arp_target_mac = box_host_mac(WAN);
	box_expect(box, WAN, &probe);
	talk_out(&t, 0);
	answer(box, WAN, "203.0.113.50", box_host_mac(WAN));
	let_pass(box, 3000);
	box_expect_nothing(box);

	/* The next minute it has gone: two probes by name, one to everybody. */
	let_pass(box, 57200);
	box_expect(box, WAN, &probe);
	let_pass(box, 1200);
	box_expect(box, WAN, &probe);
	let_pass(box, 1200);
	box_expect(box, WAN, &question);
	talk_out(&t, 0);
	let_pass(box, 1200);
	box_expect_nothing(box);
	talk_out_dropped(&t, 0, MASQ_DROP_NEIGH_UNREACHABLE);
	box_close(box);
}

/* The host gets another card: packets follow with the next ARP message. */
static void
a_neighbour_moves(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, "203.0.113.50", 53);
	struct masq_test_pkt question = asks(WAN, "203.0.113.50");
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), left;

	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	answer(box, WAN, "203.0.113.50", box_host_mac(WAN));
	left = talk_out_translated(&t, pkt);
	t.visible_port = box_expect(box, WAN, &left).sport;
	answer(box, WAN, "203.0.113.50", "02:00:00:00:99:99");
	left = talk_out_translated(&t, pkt);
	left.dst_mac = "02:00:00:00:99:99";
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &left);
	box_close(box);
}

static void
requests_for_others_are_not_answered(void **state)
{
	static const char *const others[] = { "192.168.1.77", BOX_WAN, BOX_SRV, OUTSIDE };
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);

	for (unsigned int k = 0; k < 4; k++) {
		struct masq_test_pkt ask = {
			.arp = 1, .src = INSIDE, .dst = others[k], .dst_mac = EVERYBODY
		};

		box_send(box, LAN, &ask);
		box_expect_nothing(box);
	}
	box_hello(box, LAN, INSIDE);
	box_close(box);
}

/* "Is this address free?" (RFC 5227): it is not; but who asks has no address to remember yet. */
static void
probes_are_answered_and_not_learnt(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct masq_test_pkt probe = {
		.arp = 1, .src = "0.0.0.0", .dst = BOX_LAN, .dst_mac = EVERYBODY
	};
	struct masq_test_pkt reply = { .arp = 2,
		.src = BOX_LAN,
		.dst = "0.0.0.0",
		.arp_target_mac = box_host_mac(LAN),
		.padding_bytes = 18 };
	struct masq_neigh_row row;
	uint32_t cursor = 0;

	box_send(box, LAN, &probe);
	box_expect(box, LAN, &reply);
	assert_int_equal(masq_dp_neighbours(box_dp(box), &cursor, &row, 1), 0);
	box_close(box);
}

/* Who asks for us is learnt; answers that nobody asked for, and strangers to the network, are not. */
static void
who_is_learnt(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct masq_test_pkt foreign = {
		.arp = 1, .src = "10.1.2.3", .dst = BOX_LAN, .dst_mac = EVERYBODY
	};
	struct masq_neigh_row rows[4];
	uint32_t cursor = 0;

	answer(box, LAN, "192.168.1.55", "02:00:00:00:00:55");
	box_send(box, LAN, &foreign);
	box_take(box, LAN);
	assert_int_equal(masq_dp_neighbours(box_dp(box), &cursor, rows, 4), 0);
	box_hello(box, LAN, INSIDE);
	cursor = 0;
	assert_int_equal(masq_dp_neighbours(box_dp(box), &cursor, rows, 4), 1);
	assert_int_equal(rows[0].ip, IP4(192, 168, 1, 2));
	assert_int_equal(rows[0].state, MASQ_NEIGH_REACHABLE);
	box_close(box);
}

/* Nobody takes the box's addresses away from it, on any port, by request or by answer. */
static void
own_addresses_cannot_be_claimed(void **state)
{
	static const char *const own[] = { BOX_LAN, BOX_WAN, BOX_SRV };
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);

	for (unsigned int k = 0; k < 3; k++) {
		struct masq_test_pkt claim = {
			.arp = 1, .src = own[k], .dst = own[k], .dst_mac = EVERYBODY
		};

		box_send(box, LAN, &claim);
		box_expect_drop(box, MASQ_DROP_ARP_BAD);
		claim.arp = 2;
		box_send(box, LAN, &claim);
		box_expect_drop(box, MASQ_DROP_ARP_BAD);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Not Ethernet, not IPv4, neither question nor answer, or cut short. */
static void
malformed_messages(void **state)
{
	static const struct {
		uint8_t at, value;
	} wrong[] = { { 15, 2 }, { 16, 0x86 }, { 18, 8 }, { 19, 16 }, { 21, 3 } };
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	const struct masq_test_pkt ask = {
		.arp = 1, .src = INSIDE, .dst = BOX_LAN, .dst_mac = EVERYBODY
	};
	uint8_t frame[64];
	uint32_t bytes;

	for (unsigned int k = 0; k < 5; k++) {
		bytes = box_frame(box, LAN, &ask, frame, sizeof(frame));
		frame[wrong[k].at] = wrong[k].value;
		box_send_bytes(box, LAN, frame, bytes);
		box_expect_drop(box, MASQ_DROP_ARP_BAD);
	}
	bytes = box_frame(box, LAN, &ask, frame, sizeof(frame));
	for (uint32_t cut = 14; cut < bytes; cut++) {
		box_send_bytes(box, LAN, frame, cut);
		box_expect_drop(box, MASQ_DROP_RUNT);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* "neigh flush": everybody is asked again, packets wait meanwhile. */
static void
flushed_neighbours_are_asked_again(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(WAN, GATEWAY);
	struct masq_test_pkt pkt, left;

	talk_out(&t, 0);
	box_arp_by_hand(box);
	assert_int_equal(masq_dp_neighbours_flush(box_dp(box), 0), 0);
	pkt = talk_out_pkt(&t, 0);
	left = talk_out_translated(&t, pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	box_expect_nothing(box);
	answer(box, WAN, GATEWAY, box_host_mac(WAN));
	box_expect(box, WAN, &left);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(neighbours_age),
		BOX_ROWS(a_neighbour_moves),
		BOX_ROWS(requests_for_others_are_not_answered),
		BOX_ROWS(probes_are_answered_and_not_learnt),
		BOX_ROWS(who_is_learnt),
		BOX_ROWS(own_addresses_cannot_be_claimed),
		BOX_ROWS(malformed_messages),
		BOX_ROWS(flushed_neighbours_are_asked_again),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("arp", tests, NULL, NULL);
}
