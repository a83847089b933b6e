/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of ports and of sessions: reached exactly, told by name, and not for ever. */
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>

#include "masq_test_talk.h"

#define LOW 40000

static struct masq_test_box *
open_narrow(void **state, uint16_t ports)
{
	const struct masq_test_box_options narrow = {
		.workers = box_workers(state),
		.rules = MASQ_ALL,
		.port_low = LOW,
		.port_high = (uint16_t)(LOW + ports - 1),
	};
	struct masq_test_box *box = box_open_with(&narrow);

	box_hello(box, LAN, INSIDE);
	return box;
}

/* A flow that must get a port. */
static uint16_t
gets_a_port(struct masq_test_box *box, uint8_t proto, uint16_t from, const char *to)
{
	struct talk t = TALK(box, UDP, INSIDE, from, to, 53);

	t.proto = proto;
	talk_out(&t, SYN);
	assert_in_range(t.visible_port, LOW, 65535);
	return t.visible_port;
}

/* A flow that must not: its sender learns why. */
static void
gets_none(struct masq_test_box *box, uint8_t proto, uint16_t from, const char *to)
{
	struct talk t = TALK(box, UDP, INSIDE, from, to, 53);
	struct masq_test_pkt pkt, error;

	t.proto = proto;
	pkt = talk_out_pkt(&t, SYN);
	error = box_error(LAN, &pkt, 3, 13, 0);
	box_drops_seen(box);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NO_PORT);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
}

/* As many flows as there are ports, every port once; the next one is refused. */
static void
filled_to_the_last_port(void **state)
{
	enum {
		PORTS = 300
	};
	struct masq_test_box *box = open_narrow(state, PORTS);
	bool used[PORTS] = { false };

	for (uint16_t k = 0; k < PORTS; k++) {
		uint16_t port = gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE);

		assert_in_range(port, LOW, LOW + PORTS - 1);
		assert_false(used[port - LOW]);
		used[port - LOW] = true;
	}
	assert_int_equal(box_sessions(box), PORTS);
	for (uint16_t k = 0; k < 5; k++)
		gets_none(box, IPPROTO_UDP, (uint16_t)(5000 + k), OUTSIDE);
	assert_int_equal(box_sessions(box), PORTS);
	assert_int_equal(box_drops(box, MASQ_DROP_NO_PORT), 5);
	/* Whoever refuses, the chains that let a packet through have counted it. */
	assert_int_equal(box_rule_packets(box, "input", 0), PORTS + 5);
	assert_int_equal(box_rule_packets(box, "forward", 0), PORTS + 5);
	assert_int_equal(box_rule_packets(box, "output", 0), PORTS);
	box_close(box);
}

static void
tcp_filled_to_the_last_port(void **state)
{
	enum {
		PORTS = 40
	};
	struct masq_test_box *box = open_narrow(state, PORTS);

	for (uint16_t k = 0; k < PORTS; k++)
		gets_a_port(box, IPPROTO_TCP, (uint16_t)(1025 + k), OUTSIDE);
	gets_none(box, IPPROTO_TCP, 5000, OUTSIDE);
	/* Protocols do not take ports from each other. */
	for (uint16_t k = 0; k < PORTS; k++)
		gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE);
	gets_none(box, IPPROTO_UDP, 5000, OUTSIDE);
	box_close(box);
}

/* All ports are another peer's, so they are guessed; two flows that come together may guess the same. */
static void
flows_that_come_together_get_ports_of_their_own(void **state)
{
	enum {
		PORTS = 20
	};
	struct masq_test_box *box = open_narrow(state, PORTS);
	bool used[PORTS] = { false };

	for (uint16_t k = 0; k < PORTS; k++)
		gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE);
	for (uint16_t k = 0; k < PORTS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(1025 + k), "209.81.8.6", 53);
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		box_put(box, LAN, &pkt);
	}
	box_run(box);
	for (unsigned int k = 0; k < PORTS; k++) {
		uint16_t port = box_take(box, WAN).sport;

		assert_in_range(port, LOW, LOW + PORTS - 1);
		assert_false(used[port - LOW]);
		used[port - LOW] = true;
	}
	assert_int_equal(box_sessions(box), 2 * PORTS);
	assert_int_equal(box_rule_packets(box, "output", 0), 2 * PORTS);
	box_close(box);
}

/* Ports that are hard to find are found in another way; what the rules said holds there, too. */
static void
the_last_ports_serve_as_the_first(void **state)
{
	enum {
		PORTS = 40
	};
	const struct masq_test_box_options narrow = {
		.workers = box_workers(state),
		.rules = MASQ_ALL "ipchains -A output -p udp -d 0.0.0.0/0 53 -t 0x01 0x10\n",
		.port_low = LOW,
		.port_high = LOW + PORTS - 1,
	};
	struct masq_test_box *box = box_open_with(&narrow);

	for (uint16_t k = 0; k < PORTS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(1025 + k), OUTSIDE, 53);

		for (unsigned int round = 0; round < 2; round++) {
			struct masq_test_pkt pkt = talk_out_pkt(&t, 0);
			struct masq_test_pkt left = talk_out_translated(&t, pkt);

			left.tos = 0x10;
			box_send(box, LAN, &pkt);
			t.visible_port = box_expect(box, WAN, &left).sport;
		}
	}
	assert_int_equal(box_rule_packets(box, "output", 1), 2 * PORTS);
	box_close(box);
}

static void
other_peers_still_get_ports(void **state)
{
	enum {
		PORTS = 20
	};
	struct masq_test_box *box = open_narrow(state, PORTS);

	for (uint16_t k = 0; k < PORTS; k++)
		gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE);
	gets_none(box, IPPROTO_UDP, 5000, OUTSIDE);
	for (uint16_t k = 0; k < PORTS; k++)
		gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), "209.81.8.6");
	gets_none(box, IPPROTO_UDP, 5000, "209.81.8.6");
	gets_none(box, IPPROTO_UDP, 5000, OUTSIDE);
	box_close(box);
}

/* One session ends: its port, the only free one, is found. */
static void
freed_ports_are_found_again(void **state)
{
	enum {
		PORTS = 60
	};
	struct masq_test_box *box = open_narrow(state, PORTS);
	uint16_t port_of[PORTS];

	for (uint16_t k = 0; k < PORTS; k++)
		port_of[k] = gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE);
	for (uint16_t k = 0; k < PORTS; k += 7) {
		const struct masq_dp_session_filter one = { .inside_port = (uint16_t)(1025 + k) };

		gets_none(box, IPPROTO_UDP, (uint16_t)(5000 + k), OUTSIDE);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &one, NULL), 1);
		box_run(box);
		assert_int_equal(gets_a_port(box, IPPROTO_UDP, (uint16_t)(5000 + k), OUTSIDE),
				port_of[k]);
		gets_none(box, IPPROTO_UDP, (uint16_t)(6000 + k), OUTSIDE);
	}
	box_close(box);
}

/* All end by their timeout, and all ports are there again. */
static void
expired_ports_are_found_again(void **state)
{
	enum {
		PORTS = 60
	};
	struct masq_test_box *box = open_narrow(state, PORTS);

	for (unsigned int round = 0; round < 3; round++) {
		for (uint16_t k = 0; k < PORTS; k++)
			gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE);
		gets_none(box, IPPROTO_UDP, 5000, OUTSIDE);
		box_advance(box, 302000);
		assert_int_equal(box_sessions(box), 0);
	}
	box_close(box);
}

/* The peer asks from a forwarded port of the box too: that tuple is taken. */
static void
a_forwarded_call_takes_its_port(void **state)
{
	const struct masq_test_box_options narrow = {
		.workers = box_workers(state),
		.rules = MASQ_ALL "portfw -a -P udp -L 203.0.113.1 40003 -R 192.168.16.27 5353\n",
		.port_low = LOW,
		.port_high = LOW + 7,
	};
	struct masq_test_box *box = box_open_with(&narrow);
	struct talk call = CALL(box, UDP, OUTSIDE, 53, 40003, SERVER, 5353);

	box_hello(box, LAN, INSIDE);
	talk_in(&call, 0);
	for (uint16_t k = 0; k < 7; k++)
		assert_int_not_equal(gets_a_port(box, IPPROTO_UDP, (uint16_t)(1025 + k), OUTSIDE),
				40003);
	gets_none(box, IPPROTO_UDP, 5000, OUTSIDE);
	talk_out(&call, 0);
	box_close(box);
}

/* 64 records a worker are the least; every flow beyond is refused by name, none is half made. */
static void
session_table_full(void **state)
{
	enum {
		FLOWS = 1000
	};
	static struct talk talks[FLOWS];
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	const struct masq_dp_session_filter all = { 0 };
	uint32_t most = 64 * box_workers(state);

	for (unsigned int round = 0; round < 3; round++) {
		uint64_t refused = box_drops(box, MASQ_DROP_SESSION_TABLE);
		uint32_t made = talk_fill(box, talks, FLOWS);

		refused = box_drops(box, MASQ_DROP_SESSION_TABLE) - refused;
		assert_int_equal(made, most);
		assert_int_equal(box_sessions(box), most);
		assert_int_equal(refused, FLOWS - most);
		box_expect_nothing(box);
		for (uint32_t k = 0; k < made; k++) {
			talk_out(&talks[k], 0);
			talk_in(&talks[k], 0);
		}
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), most);
		box_run(box);
		assert_int_equal(box_sessions(box), 0);
	}
	assert_int_equal(box_counters(box).sessions_evicted, 0);
	box_close(box);
}

/* An inside host whose flow finds no room learns of it (RFC 5508 REQ-8); a caller from outside does not. */
static void
a_full_table_is_told(void **state)
{
	enum {
		FLOWS = 1000
	};
	static struct talk talks[FLOWS];
	const struct masq_test_box_options small = {
		.workers = box_workers(state),
		.rules = MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n",
		.sessions = 64,
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk call = CALL(box, UDP, OUTSIDE, 3000, 53, SERVER, 5353);

	talk_fill(box, talks, FLOWS);
	box_advance(box, 2000);
	for (uint16_t k = 0; k < 20; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(5000 + k), OUTSIDE, 53);
		struct masq_test_pkt pkt, error;

		t.proto = k % 2 == 0 ? IPPROTO_UDP : IPPROTO_TCP;
		pkt = talk_out_pkt(&t, SYN);
		error = box_error(LAN, &pkt, 3, 13, 0);
		box_drops_seen(box);
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_SESSION_TABLE);
		box_expect(box, LAN, &error);
	}
	talk_in_dropped(&call, 0, MASQ_DROP_SESSION_TABLE);
	box_expect_nothing(box);
	box_close(box);
}

/* The same for forwarded calls, half of whose halves live with a colleague. */
static void
session_table_full_of_calls(void **state)
{
	enum {
		FLOWS = 600
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state),
		.rules = MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n",
		.sessions = 64,
	};
	struct masq_test_box *box = box_open_with(&small);
	const struct masq_dp_session_filter all = { 0 };

	for (unsigned int round = 0; round < 3; round++) {
		uint64_t refused = box_drops(box, MASQ_DROP_SESSION_TABLE);
		uint32_t made = 0;

		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk t = CALL(
					box, UDP, OUTSIDE, (uint16_t)(2000 + k), 53, SERVER, 5353);
			struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

			box_send(box, WAN, &pkt);
			if (box_waiting(box, SRV) == 0)
				continue;
			box_take(box, SRV);
			talk_out(&t, 0);
			made++;
		}
		refused = box_drops(box, MASQ_DROP_SESSION_TABLE) - refused;
		assert_int_equal(made + refused, FLOWS);
		assert_int_equal(box_sessions(box), made);
		assert_in_range(made, 64, 64 * box_workers(state));
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), made);
		box_run(box);
		assert_int_equal(box_sessions(box), 0);
	}
	box_close(box);
}

/* A call for which there is no room is no session of the server whose turn it is. */
static void
turns_are_kept_while_the_table_is_full(void **state)
{
	enum {
		FLOWS = 1000
	};
	static struct talk talks[FLOWS];
	const struct masq_test_box_options small = {
		.workers = box_workers(state),
		.rules = MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80 -p 3\n"
				  "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 80 -p 2\n",
		.sessions = 64,
	};
	struct masq_test_box *box = box_open_with(&small);
	const struct masq_dp_session_filter all = { 0 };
	uint16_t port = 2000;

	for (unsigned int round = 0; round < 3; round++) {
		uint64_t refused;

		talk_fill(box, talks, FLOWS);
		refused = box_drops(box, MASQ_DROP_SESSION_TABLE);
		for (unsigned int k = 0; k < 8; k++) {
			struct talk t = CALL(box, TCP, OUTSIDE, port++, 80, SERVER, 80);
			struct masq_test_pkt syn = talk_in_pkt(&t, SYN);

			box_put(box, WAN, &syn);
		}
		box_run(box);
		box_expect_nothing(box);
		assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), refused + 8);
		masq_dp_sessions_flush(box_dp(box), &all, NULL);
		box_run(box);
		/* Three of five: the next round begins in the middle of a turn. */
		for (unsigned int k = 0; k < 3; k++) {
			static const char *const turns[] = { SERVER2, SERVER2, SERVER, SERVER,
				SERVER };
			struct talk t = CALL(box, TCP, OUTSIDE, port++, 80,
					turns[(round * 3 + k) % 5], 80);

			talk_in(&t, SYN);
		}
		masq_dp_sessions_flush(box_dp(box), &all, NULL);
		box_run(box);
	}
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(filled_to_the_last_port),
		BOX_ROWS(tcp_filled_to_the_last_port),
		BOX_ROWS(the_last_ports_serve_as_the_first),
		BOX_ROWS(flows_that_come_together_get_ports_of_their_own),
		BOX_ROWS(other_peers_still_get_ports),
		BOX_ROWS(freed_ports_are_found_again),
		BOX_ROWS(expired_ports_are_found_again),
		BOX_ROWS(a_forwarded_call_takes_its_port),
		BOX_ROWS(session_table_full),
		BOX_ROWS(a_full_table_is_told),
		BOX_ROWS(session_table_full_of_calls),
		BOX_ROWS(turns_are_kept_while_the_table_is_full),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("exhaustion", tests, NULL, NULL);
}
