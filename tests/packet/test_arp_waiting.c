/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that wait for a neighbour: in order, in bounds, and not for ever. */
#include <stdio.h>
#include <string.h>

#include <masq_dp_manual.h>

#include "masq_test_arp.h"

static struct masq_test_pkt
numbered(const struct talk *t, unsigned int number)
{
	static char text[64][8];
	struct masq_test_pkt pkt = talk_out_pkt(t, 0);

	snprintf(text[number], sizeof(text[number]), "no %u", number);
	pkt.payload = text[number];
	return pkt;
}

/* What waits for an answer leaves in its order, translated, and counted once. */
static void
packets_wait_in_order(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(WAN, GATEWAY);

	for (unsigned int k = 0; k < 16; k++) {
		struct masq_test_pkt pkt = numbered(&t, k);

		box_send(box, LAN, &pkt);
	}
	box_expect(box, WAN, &question);
	box_expect_nothing(box);
	assert_int_equal(box_counters(box).held, 16);
	assert_int_equal(box_rule_packets(box, "input", 0), 0);

	answer(box, WAN, GATEWAY, box_host_mac(WAN));
	for (unsigned int k = 0; k < 16; k++) {
		struct masq_test_pkt pkt = talk_out_translated(&t, numbered(&t, k));

		t.visible_port = box_expect(box, WAN, &pkt).sport;
	}
	box_expect_nothing(box);
	assert_int_equal(box_counters(box).held, 0);
	assert_int_equal(box_sessions(box), 1);
	assert_int_equal(box_rule_packets(box, "input", 0), 16);
	assert_int_equal(box_rule_packets(box, "forward", 0), 16);
	assert_int_equal(box_rule_packets(box, "output", 0), 16);
	assert_int_equal(box_session(box).initial_packets, 16);
	box_close(box);
}

static void
the_queue_is_bounded(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk at_once = TALK(box, UDP, INSIDE, 1025, "203.0.113.50", 53);

	for (unsigned int k = 0; k < 17; k++) {
		struct masq_test_pkt pkt = numbered(&t, k);

		box_send(box, LAN, &pkt);
	}
	box_expect_drop(box, MASQ_DROP_NEIGH_QUEUE);
	assert_int_equal(box_counters(box).held, 16);
	for (unsigned int k = 0; k < 17; k++) {
		struct masq_test_pkt pkt = numbered(&at_once, k);

		box_put(box, LAN, &pkt);
	}
	box_run(box);
	box_expect_drop(box, MASQ_DROP_NEIGH_QUEUE);
	assert_int_equal(box_counters(box).held, 32);
	box_close(box); /* what waits now is dropped by name */
}

/* A gateway is a neighbour, also when packets to its own address would go by another one. */
static void
a_gateway_behind_another_way(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"route add 192.168.16.128/25 via 192.168.16.9\n"
			"route add 198.51.100.0/24 via 192.168.16.200\n");
	const struct masq_test_pkt pkt = {
		.src = INSIDE, .dst = "198.51.100.7", .sport = 1025, .dport = 9, .payload = "away"
	};
	const struct masq_test_pkt left = onward(pkt);
	const struct masq_test_pkt ask = asks(SRV, "192.168.16.201");

	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &left);
	/* By another port, even: it is asked from an address of its own network. */
	box_arp_by_hand(box);
	box_rules(box,
			"route add 192.168.16.201/32 via 203.0.113.9\n"
			"route add 198.51.100.0/24 via 192.168.16.201\n");
	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &ask);
	answer(box, SRV, "192.168.16.201", box_host_mac(SRV));
	box_expect(box, SRV, &left);
	box_close(box);
}

/* So many packets wait for silent neighbours that there is no place for one more: its neighbour is asked all the
 * same, and who comes later finds it. */
static void
no_place_to_wait(void **state)
{
	enum {
		SILENT = 32, /* times 16 packets are all that a worker may park */
		FLOWS = 64
	};
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, "203.0.113.200", 53);
	const struct masq_test_pkt ask = asks(WAN, "203.0.113.200");
	struct masq_test_pkt pkt = { .src = INSIDE, .dport = 9 };
	char dst[32];

	pkt.dst = dst;
	for (unsigned int k = 0; k < SILENT; k++)
		for (uint16_t flow = 0; flow < FLOWS * box_workers(state); flow++) {
			snprintf(dst, sizeof(dst), "203.0.113.%u", 100 + k);
			pkt.sport = (uint16_t)(2000 + flow);
			box_put(box, LAN, &pkt);
			if (flow % 32 == 0)
				box_run(box);
		}
	box_run(box);
	assert_int_equal(box_counters(box).held, 512 * box_workers(state));
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	box_drops_seen(box);
	pkt = talk_out_pkt(&t, 0);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NEIGH_QUEUE);
	box_expect(box, WAN, &ask);
	answer(box, WAN, "203.0.113.200", box_host_mac(WAN));
	talk_out(&t, 0);
	box_close(box);
}

/* Many neighbours answer in the same moment: those who wait for one of them go in a round. */
static void
a_round_lets_few_go(void **state)
{
	enum {
		NEIGHBOURS = 20,
		EACH = 16
	};

	const uint32_t workers = box_workers(state);
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	uint64_t now_ms = masq_dp_now_ms(box_dp(box));
	uint64_t held = NEIGHBOURS * EACH;
	struct masq_test_pkt pkt = { .src = INSIDE, .dport = 9 };
	struct masq_test_pkt reply = { .arp = 2,
		.src_mac = box_host_mac(WAN),
		.dst = box_address(WAN),
		.arp_target_mac = box_mac(box, WAN) };
	unsigned int left = 0;
	char ip[32];

	pkt.dst = reply.src = ip;
	for (unsigned int k = 0; k < NEIGHBOURS; k++) {
		snprintf(ip, sizeof(ip), "203.0.113.%u", 100 + k);
		for (uint16_t flow = 0; flow < EACH; flow++) {
			pkt.sport = (uint16_t)(2000 + flow);
			box_send(box, LAN, &pkt);
		}
	}
	assert_int_equal(box_counters(box).held, held);
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	for (unsigned int k = 0; k < NEIGHBOURS; k++) {
		snprintf(ip, sizeof(ip), "203.0.113.%u", 100 + k);
		box_put(box, WAN, &reply);
	}
	/* Nobody waits for another millisecond. */
	now_ms++;
	for (unsigned int round = 0; held > 0; round++) {
		uint64_t before = held;

		for (uint32_t w = 0; w < workers; w++)
			masq_dp_poll(box_dp(box), w, now_ms);
		held = box_counters(box).held;
		assert_in_range(before - held, 0, EACH * workers);
		assert_in_range(round, 0, 3 * NEIGHBOURS);
	}
	box_run(box);
	while (box_waiting(box, WAN) > 0) {
		box_take(box, WAN);
		left++;
	}
	assert_int_equal(left, NEIGHBOURS * EACH);
	box_advance(box, 1000);
	box_close(box);
}

/* Many neighbours answer in the same moment, and a flow to the one whose turn is last goes on at full speed: it keeps
 * its order, and does not take the places of others. */
static void
a_fast_flow_waits_for_its_turn(void **state)
{
	enum {
		NEIGHBOURS = 31,
		ROUNDS = 40,
		A_ROUND = 32
	};

	struct masq_test_box *box = box_open(1, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, "203.0.113.200", 53);
	struct masq_test_pkt pkt = { .src = INSIDE, .sport = 2000, .dport = 9 };
	struct masq_test_pkt reply = { .arp = 2,
		.src_mac = box_host_mac(WAN),
		.dst = box_address(WAN),
		.arp_target_mac = box_mac(box, WAN) };
	uint16_t sent = 0, left = 0;
	char ip[32];

	(void)state;
	box_arp_by_hand(box);
	pkt.dst = ip;
	for (unsigned int k = 0; k < NEIGHBOURS; k++) {
		snprintf(ip, sizeof(ip), "203.0.113.%u", 100 + k);
		box_send(box, LAN, &pkt);
	}
	pkt = talk_out_pkt(&t, 0);
	pkt.ip_id = ++sent;
	box_send(box, LAN, &pkt);
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	reply.src = t.outside;
	box_put(box, WAN, &reply);
	reply.src = ip;
	for (unsigned int k = 0; k < NEIGHBOURS; k++) {
		snprintf(ip, sizeof(ip), "203.0.113.%u", 100 + k);
		box_put(box, WAN, &reply);
	}
	box_poll(box);
	while (sent < ROUNDS * A_ROUND) {
		for (unsigned int k = 0; k < A_ROUND; k++) {
			pkt.ip_id = ++sent;
			box_put(box, LAN, &pkt);
		}
		box_poll(box);
	}
	box_advance(box, 1);
	while (left < sent) {
		struct masq_test_seen seen = box_take(box, WAN);

		if (seen.dport == t.outside_port)
			assert_int_equal(seen.ip_id, ++left);
	}
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	box_close(box);
}

/* Packets for another neighbour do not wait behind those of a silent one. */
static void
silent_neighbours_hold_up_nobody(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk silent = TALK(box, UDP, INSIDE, 1025, "203.0.113.50", 53);
	struct talk loud = TALK(box, UDP, INSIDE, 1025, "203.0.113.51", 53);
	const struct masq_test_pkt ask_silent = asks(WAN, "203.0.113.50");
	const struct masq_test_pkt ask_loud = asks(WAN, "203.0.113.51");
	struct masq_test_pkt pkt = talk_out_pkt(&silent, 0), left;

	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &ask_silent);
	pkt = talk_out_pkt(&loud, 0);
	left = talk_out_translated(&loud, pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &ask_loud);
	answer(box, WAN, "203.0.113.51", box_host_mac(WAN));
	loud.visible_port = box_expect(box, WAN, &left).sport;
	talk_out(&loud, 0);
	box_close(box);
}

/* Three questions, a second apart; then the senders learn that nobody is there. */
static void
nobody_answers(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(WAN, GATEWAY);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), error = box_error(LAN, &pkt, 3, 1, 0);

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	for (unsigned int k = 0; k < 3; k++) {
		box_expect(box, WAN, &question);
		box_expect_nothing(box);
		let_pass(box, 1200);
	}
	box_expect_drop(box, MASQ_DROP_NEIGH_UNREACHABLE);
	box_expect(box, LAN, &error);

	/* For a while nobody asks again; it is known already. */
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NEIGH_UNREACHABLE);
	box_expect(box, LAN, &error);
	let_pass(box, 10000);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NEIGH_UNREACHABLE);
	box_expect(box, LAN, &error);
	let_pass(box, 10500);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	box_expect_nothing(box);
	answer(box, WAN, GATEWAY, box_host_mac(WAN));
	/* Four were judged to the end, whether or not anybody was there. */
	assert_int_equal(box_rule_packets(box, "input", 0), 4);
	assert_int_equal(box_rule_packets(box, "forward", 0), 4);
	assert_int_equal(box_rule_packets(box, "output", 0), 4);
	pkt = talk_out_translated(&t, pkt);
	box_expect(box, WAN, &pkt);
	box_close(box);
}

/* What comes in the moment between the answer and the departure of those that wait lines up. */
static void
nobody_overtakes_who_waits(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(WAN, GATEWAY);
	const struct masq_test_pkt reply = { .arp = 2,
		.src = GATEWAY,
		.src_mac = box_host_mac(WAN),
		.dst = box_address(WAN),
		.arp_target_mac = box_mac(box, WAN) };

	for (unsigned int k = 0; k < 3; k++) {
		struct masq_test_pkt pkt = numbered(&t, k);

		box_send(box, LAN, &pkt);
	}
	box_expect(box, WAN, &question);
	box_put(box, WAN, &reply);
	box_run(box);
	for (unsigned int k = 3; k < 40; k++) {
		struct masq_test_pkt pkt = numbered(&t, k);

		box_put(box, LAN, &pkt);
		if (k % 9 == 0)
			box_run(box);
	}
	box_run(box);
	for (unsigned int k = 0; k < 40; k++) {
		struct masq_test_pkt pkt = talk_out_translated(&t, numbered(&t, k));

		t.visible_port = box_expect(box, WAN, &pkt).sport;
	}
	box_expect_nothing(box);
	assert_int_equal(box_counters(box).held, 0);
	box_close(box);
}

#define CALLS_TO_SERVER MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"

/* The payload of a call is its number: how many of this client came before. */
static void
send_call(struct masq_test_box *box, uint16_t client_port, unsigned int number)
{
	struct talk t = CALL(box, UDP, OUTSIDE, client_port, 53, SERVER, 5353);
	struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

	pkt.payload = number == 0 ? "0" : "1";
	box_put(box, WAN, &pkt);
}

static void
expect_calls_in_order(struct masq_test_box *box)
{
	static uint8_t came[65536];

	memset(came, 0, sizeof(came));
	while (box_waiting(box, SRV) > 0) {
		uint8_t frame[128];
		const uint8_t *udp = frame + 34;
		uint32_t port;

		box_take_bytes(box, SRV, frame, sizeof(frame));
		port = (uint32_t)udp[0] << 8 | udp[1];
		assert_int_equal(udp[8], '0' + came[port]++);
	}
}

/* The first packet of a call has been with a colleague, and comes back in the moment between the answer and the
 * departure of those that wait, while the second waits for the session. It lines up, and goes first all the same. */
static void
nobody_overtakes_who_was_with_a_colleague(void **state)
{
	/* All that wait have room, also at one worker. */
	enum {
		BEFORE = 4,
		CALLS = 6
	};

	const uint32_t workers = box_workers(state), first = WAN % workers;
	struct masq_test_box *box = open_by_hand(state, CALLS_TO_SERVER);
	struct masq_dp *dp = box_dp(box);
	const struct masq_test_pkt question = asks(SRV, SERVER);
	const struct masq_test_pkt reply = { .arp = 2,
		.src = SERVER,
		.src_mac = box_host_mac(SRV),
		.dst = box_address(SRV),
		.arp_target_mac = box_mac(box, SRV) };

	for (uint16_t k = 0; k < BEFORE; k++)
		send_call(box, (uint16_t)(2000 + k), 0);
	box_run(box);
	box_expect(box, SRV, &question);
	for (uint16_t k = 0; k < 2 * CALLS; k++)
		send_call(box, (uint16_t)(1000 + k / 2), k % 2);
	/* The colleagues are asked; then they hear the neighbour, and answer. */
	masq_dp_poll(dp, first, masq_dp_now_ms(dp));
	box_put(box, SRV, &reply);
	for (uint32_t k = 0; k < 3 * workers; k++)
		if (k % workers != first)
			masq_dp_poll(dp, k % workers, masq_dp_now_ms(dp));
	box_run(box);
	box_advance(box, 1);
	assert_int_equal(box_waiting(box, SRV), BEFORE + 2 * CALLS);
	if (workers > 1)
		assert_int_not_equal(box_counters(box).sessions_remote, 0);
	expect_calls_in_order(box);
	assert_int_equal(box_counters(box).held, 0);
	box_close(box);
}

/* New flows of a kind that the box knows: those for a silent neighbour wait, and nobody overtakes them;
 * those for another leave at once. */
static void
flows_of_a_known_kind_wait_for_their_own_neighbour(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk known = TALK(box, UDP, INSIDE, 1025, "203.0.113.51", 53);
	struct talk second = TALK(box, UDP, INSIDE, 1026, "203.0.113.51", 53);
	struct talk other = TALK(box, UDP, INSIDE, 1027, "203.0.113.51", 53);
	struct talk waiting[5];
	const struct masq_test_pkt ask_silent = asks(WAN, "203.0.113.50");
	const struct masq_test_pkt ask_known = asks(WAN, "203.0.113.51");
	const struct masq_test_pkt reply = { .arp = 2,
		.src = "203.0.113.50",
		.src_mac = box_host_mac(WAN),
		.dst = box_address(WAN),
		.arp_target_mac = box_mac(box, WAN) };
	/* Else the flows are of several workers, each with its own order. */
	const bool one = box_workers(state) == 1;
	struct masq_test_pkt pkt = talk_out_pkt(&known, 0), left = talk_out_translated(&known, pkt);

	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &ask_known);
	answer(box, WAN, "203.0.113.51", box_host_mac(WAN));
	known.visible_port = box_expect(box, WAN, &left).sport;
	/* The first waited; what the chains say of the second is remembered. */
	talk_out(&second, 0);
	for (uint16_t k = 0; k < 5; k++)
		waiting[k] = (struct talk)TALK(
				box, UDP, INSIDE, (uint16_t)(2000 + k), "203.0.113.50", 53);
	for (unsigned int k = 0; k < 3; k++) {
		pkt = numbered(&waiting[k], one ? k : 0);
		box_send(box, LAN, &pkt);
	}
	box_expect(box, WAN, &ask_silent);
	box_expect_nothing(box);
	talk_out(&other, 0);
	box_put(box, WAN, &reply);
	box_run(box);
	for (unsigned int k = 3; k < 5; k++) {
		pkt = numbered(&waiting[k], one ? k : 0);
		box_send(box, LAN, &pkt);
	}
	for (unsigned int k = 0; k < 5; k++) {
		pkt = numbered(&waiting[k], one ? k : 0);
		left = talk_out_translated(&waiting[k], pkt);
		waiting[k].visible_port = box_expect(box, WAN, &left).sport;
	}
	box_expect_nothing(box);
	assert_int_equal(box_rule_packets(box, "forward", 0), 8);
	assert_int_equal(box_counters(box).held, 0);
	box_close(box);
}

/* Who is merely routed, and of a kind that the box knows, does not overtake either. */
static void
routed_packets_of_a_known_kind_line_up(void **state)
{
	struct masq_test_box *box = open_by_hand(state, NULL);
	struct talk known = TALK(box, UDP, INSIDE, 1025, "203.0.113.51", 53);
	struct talk t = TALK(box, UDP, INSIDE, 1025, "203.0.113.50", 53);
	const struct masq_test_pkt ask_silent = asks(WAN, "203.0.113.50");
	const struct masq_test_pkt ask_known = asks(WAN, "203.0.113.51");
	const struct masq_test_pkt reply = { .arp = 2,
		.src = "203.0.113.50",
		.src_mac = box_host_mac(WAN),
		.dst = box_address(WAN),
		.arp_target_mac = box_mac(box, WAN) };
	struct masq_test_pkt pkt = numbered(&known, 0), left = onward(pkt);

	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &ask_known);
	answer(box, WAN, "203.0.113.51", box_host_mac(WAN));
	box_expect(box, WAN, &left);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &left);
	for (unsigned int k = 0; k < 3; k++) {
		pkt = numbered(&t, k);
		box_send(box, LAN, &pkt);
	}
	box_expect(box, WAN, &ask_silent);
	box_put(box, WAN, &reply);
	box_run(box);
	for (unsigned int k = 3; k < 20; k++) {
		pkt = numbered(&t, k);
		box_put(box, LAN, &pkt);
		if (k % 9 == 0)
			box_run(box);
	}
	box_run(box);
	for (unsigned int k = 0; k < 20; k++) {
		left = onward(numbered(&t, k));
		box_expect(box, WAN, &left);
	}
	box_expect_nothing(box);
	assert_int_equal(box_counters(box).held, 0);
	assert_int_equal(box_rule_packets(box, "forward", 0), 22);
	box_close(box);
}

/* The table forgets a neighbour while packets wait for it: the next packet has it asked again. */
static void
forgotten_while_asked(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(WAN, GATEWAY);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), left = talk_out_translated(&t, pkt);

	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	assert_int_equal(masq_dp_neighbours_flush(box_dp(box), 0), 0);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	answer(box, WAN, GATEWAY, box_host_mac(WAN));
	box_expect(box, WAN, &left);
	box_expect(box, WAN, &left);
	box_close(box);
}

/* The same, and no other packet comes: it is given up after a while, judged and counted like any other. */
static void
forgotten_and_given_up(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(WAN, GATEWAY);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), error = box_error(LAN, &pkt, 3, 1, 0);

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &question);
	assert_int_equal(masq_dp_neighbours_flush(box_dp(box), IP4(203, 0, 113, 254)), 0);
	let_pass(box, 4900);
	box_expect_nothing(box);
	assert_int_equal(box_rule_packets(box, "input", 0), 0);
	let_pass(box, 200);
	box_expect_drop(box, MASQ_DROP_NEIGH_UNREACHABLE);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	assert_int_equal(box_rule_packets(box, "input", 0), 1);
	assert_int_equal(box_rule_packets(box, "forward", 0), 1);
	assert_int_equal(box_rule_packets(box, "output", 0), 1);
	box_close(box);
}

/* Also when its session needs another worker, and does not live as long as packets wait: it does not wait again. */
static void
given_up_on_the_way_to_a_colleague(void **state)
{
	enum {
		PEERS = 8
	};
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL "timeout set icmp 1\n");
	char peer[PEERS][16];

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < PEERS; k++) {
		struct talk t = TALK(box, ICMP, INSIDE, 1, peer[k], 8);
		const struct masq_test_pkt pkt = talk_out_pkt(&t, 0), question = asks(WAN, peer[k]);

		snprintf(peer[k], sizeof(peer[k]), "203.0.113.%u", 50 + k);
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &question);
	}
	if (box_workers(state) > 1)
		assert_int_not_equal(box_counters(box).sessions_remote, 0);
	for (unsigned int k = 0; k < PEERS; k++)
		masq_dp_neighbours_flush(box_dp(box), IP4(203, 0, 113, 50) + k);
	let_pass(box, 5100);
	assert_int_equal(box_drops(box, MASQ_DROP_NEIGH_UNREACHABLE), PEERS);
	assert_int_equal(box_waiting(box, LAN), PEERS); /* their sender is told */
	assert_int_equal(box_counters(box).held, 0);
	assert_int_equal(box_rule_packets(box, "input", 0), PEERS);
	assert_int_equal(box_rule_packets(box, "forward", 0), PEERS);
	box_close(box);
}

/* What the box itself has to say waits for a link address like the packets of others. */
static void
own_packets_wait(void **state)
{
	struct masq_test_box *box = open_by_hand(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const struct masq_test_pkt question = asks(LAN, INSIDE);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), error;

	pkt.ttl = 1;
	error = box_error(LAN, &pkt, 11, 0, 0);
	for (unsigned int k = 0; k < 17; k++)
		box_send(box, LAN, &pkt);
	box_expect(box, LAN, &question);
	box_expect_nothing(box);
	assert_int_equal(box_counters(box).held, 16);
	answer(box, LAN, INSIDE, box_host_mac(LAN));
	for (unsigned int k = 0; k < 16; k++)
		box_expect(box, LAN, &error);
	box_expect_nothing(box);

	/* Nobody there: dropped by name, and nobody is told. */
	pkt.src = "192.168.1.3";
	box_drops_seen(box);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	let_pass(box, 4000);
	box_expect_drop(box, MASQ_DROP_NEIGH_UNREACHABLE);
	assert_int_equal(box_counters(box).held, 0);
	pkt.src = "192.168.1.4";
	box_send(box, LAN, &pkt);
	assert_int_equal(box_counters(box).held, 1);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(packets_wait_in_order),
		BOX_ROWS(the_queue_is_bounded),
		BOX_ROWS(a_gateway_behind_another_way),
		BOX_ROWS(no_place_to_wait),
		BOX_ROWS(a_round_lets_few_go),
		cmocka_unit_test(a_fast_flow_waits_for_its_turn),
		BOX_ROWS(silent_neighbours_hold_up_nobody),
		BOX_ROWS(nobody_answers),
		BOX_ROWS(nobody_overtakes_who_waits),
		BOX_ROWS(nobody_overtakes_who_was_with_a_colleague),
		BOX_ROWS(flows_of_a_known_kind_wait_for_their_own_neighbour),
		BOX_ROWS(routed_packets_of_a_known_kind_line_up),
		BOX_ROWS(forgotten_while_asked),
		BOX_ROWS(forgotten_and_given_up),
		BOX_ROWS(given_up_on_the_way_to_a_colleague),
		BOX_ROWS(own_packets_wait),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("arp waiting", tests, NULL, NULL);
}
