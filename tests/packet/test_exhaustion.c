/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of ports and of sessions: reached exactly, told by name, and not for ever. */
#include <stdio.h>
#include <string.h>

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
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &one), 1);
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
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	const struct masq_dp_session_filter all = { 0 };
	uint32_t most = 64 * box_workers(state), full;

	for (unsigned int round = 0; round < 3; round++) {
		uint64_t refused = box_drops(box, MASQ_DROP_SESSION_TABLE);

		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
			struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

			box_send(box, LAN, &pkt);
		}
		full = box_sessions(box);
		refused = box_drops(box, MASQ_DROP_SESSION_TABLE) - refused;
		assert_int_equal(full, most);
		assert_int_equal(refused, FLOWS - most);
		for (unsigned int k = 0; k < full; k++)
			box_take(box, WAN);
		box_expect_nothing(box);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all), full);
		box_run(box);
		assert_int_equal(box_sessions(box), 0);
	}
	box_close(box);
}

/* The same for forwarded calls, half of whose halves live with a colleague. */
static void
session_table_full_of_calls(void **state)
{
	enum {
		FLOWS = 1000
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
		uint32_t made;

		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk t = CALL(
					box, UDP, OUTSIDE, (uint16_t)(2000 + k), 53, SERVER, 5353);
			struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

			box_send(box, WAN, &pkt);
		}
		made = box_sessions(box);
		refused = box_drops(box, MASQ_DROP_SESSION_TABLE) - refused;
		assert_int_equal(made + refused, FLOWS);
		assert_in_range(made, 64, 64 * box_workers(state));
		for (unsigned int k = 0; k < made; k++)
			box_take(box, SRV);
		box_expect_nothing(box);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all), made);
		box_run(box);
		assert_int_equal(box_sessions(box), 0);
	}
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(filled_to_the_last_port),
		BOX_ROWS(tcp_filled_to_the_last_port),
		BOX_ROWS(other_peers_still_get_ports),
		BOX_ROWS(freed_ports_are_found_again),
		BOX_ROWS(expired_ports_are_found_again),
		BOX_ROWS(a_forwarded_call_takes_its_port),
		BOX_ROWS(session_table_full),
		BOX_ROWS(session_table_full_of_calls),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("exhaustion", tests, NULL, NULL);
}
