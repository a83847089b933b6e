/* SPDX-License-Identifier: BSD-3-Clause */
/* Port forwarding: outside clients reach inside servers under the box's address. */
#include <stdio.h>
#include <string.h>

#include "masq_test_talk.h"

#define FORWARD "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n"
#define CLIENT "198.51.100.7"

static void
one_server(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);

	talk_open_from_outside(&t);
	for (unsigned int round = 0; round < 3; round++) {
		talk_in(&t, ACK);
		talk_out(&t, ACK);
	}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 1);
	assert_int_equal(box_session(box).kind, MASQ_SESSION_PORTFW);
	/* In: input and output, no forward chain. Replies: all three. */
	assert_int_equal(box_rule_packets(box, "input", 0), 9);
	assert_int_equal(box_rule_packets(box, "forward", 0), 4);
	assert_int_equal(box_rule_packets(box, "output", 0), 9);
	box_close(box);
}

static void
udp_server(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n");
	struct talk t = CALL(box, UDP, CLIENT, 3000, 53, SERVER, 5353);
	struct talk tcp = CALL(box, TCP, CLIENT, 3000, 53, SERVER, 5353);

	for (unsigned int round = 0; round < 3; round++) {
		talk_in(&t, 0);
		talk_out(&t, 0);
	}
	talk_in_dropped(&tcp, SYN, MASQ_DROP_LOCAL);
	box_close(box);
}

/* The forwarding address is no wildcard: only the address that the rule names is forwarded. */
static void
other_addresses_and_ports_are_not_forwarded(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk other_port = CALL(box, TCP, CLIENT, 3000, 81, SERVER, 8080);
	struct talk other_address = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);

	other_address.visible = BOX_LAN;
	talk_in_dropped(&other_port, SYN, MASQ_DROP_LOCAL);
	talk_in_dropped(&other_address, SYN, MASQ_DROP_LOCAL);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* Which server got the next call? 27 or 28. */
static unsigned int
call(struct masq_test_box *box, uint16_t client_port)
{
	struct masq_test_pkt syn = { .proto = IPPROTO_TCP,
		.src = CLIENT,
		.sport = client_port,
		.dst = BOX_WAN,
		.dport = 80,
		.tcp_flags = SYN };

	box_send(box, WAN, &syn);
	return box_take(box, SRV).dst & 0xff;
}

#define TWO_SERVERS                                                        \
	"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080 -p 15\n" \
	"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080 -p 5\n"

/* The article's example: the rule added last comes first, 5 and 15 and 5 and 15. */
static void
weighted_turns(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL TWO_SERVERS);
	uint16_t port = 2000;

	for (unsigned int turn = 0; turn < 4; turn++) {
		for (unsigned int k = 0; k < 5; k++)
			assert_int_equal(call(box, port++), 28);
		for (unsigned int k = 0; k < 15; k++)
			assert_int_equal(call(box, port++), 27);
	}
	assert_int_equal(box_sessions(box), 80);
	box_close(box);
}

/* Who gets no further than the box uses no turn up: its time to live ends, it is too big. */
static void
turns_are_for_sessions(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL TWO_SERVERS);
	struct masq_test_pkt syn = { .proto = IPPROTO_TCP,
		.src = CLIENT,
		.sport = 1999,
		.dst = BOX_WAN,
		.dport = 80,
		.tcp_flags = SYN,
		.ttl = 1 };
	uint16_t port = 2000;

	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int k = 0; k < 5; k++) {
			assert_int_equal(call(box, port++), 28);
			box_drops_seen(box);
			box_send(box, WAN, &syn);
			box_expect_drop(box, MASQ_DROP_TTL);
			box_take(box, WAN);
		}
		for (unsigned int k = 0; k < 15; k++)
			assert_int_equal(call(box, port++), 27);
	}
	box_close(box);
}

/* All at once, wherever the workers take them up: the counts are exact. */
static void
weighted_turns_in_bursts(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL TWO_SERVERS);
	unsigned int got[256] = { 0 };

	/* Both servers are known, so that no call waits for ARP. */
	box_hello(box, SRV, SERVER);
	box_hello(box, SRV, SERVER2);
	for (uint16_t k = 0; k < 200; k++) {
		struct masq_test_pkt syn = { .proto = IPPROTO_TCP,
			.src = CLIENT,
			.sport = (uint16_t)(2000 + k),
			.dst = BOX_WAN,
			.dport = 80,
			.tcp_flags = SYN };

		box_put(box, WAN, &syn);
	}
	box_run(box);
	for (unsigned int k = 0; k < 200; k++)
		got[box_take(box, SRV).dst & 0xff]++;
	assert_int_equal(got[27], 150);
	assert_int_equal(got[28], 50);
	box_close(box);
}

/* Segments of the same call, and its repetition, take no new turn. */
static void
a_call_takes_one_turn(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080 -p 1\n"
				 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080 -p 1\n");

	for (unsigned int k = 0; k < 5; k++)
		assert_int_equal(call(box, 2000), 28);
	for (unsigned int k = 0; k < 5; k++)
		assert_int_equal(call(box, 2001), 27);
	assert_int_equal(call(box, 2002), 28);
	box_close(box);
}

/* "-a" without -R edits every rule of that address and port (reference 2.2). */
static void
wildcard_edit(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL TWO_SERVERS "portfw -a -P tcp -L 203.0.113.1 80 -p 2\n");
	uint16_t port = 2000;

	for (unsigned int turn = 0; turn < 3; turn++) {
		assert_int_equal(call(box, port++), 28);
		assert_int_equal(call(box, port++), 28);
		assert_int_equal(call(box, port++), 27);
		assert_int_equal(call(box, port++), 27);
	}
	box_close(box);
}

/* Rules that did not change go on counting where they stood. */
static void
turns_survive_other_changes(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL TWO_SERVERS);
	uint16_t port = 2000;

	for (unsigned int k = 0; k < 8; k++)
		call(box, port++);
	box_rules(box, MASQ_ALL TWO_SERVERS "ipchains -A input -p tcp -j ACCEPT\n");
	for (unsigned int k = 0; k < 12; k++)
		assert_int_equal(call(box, port++), 27);
	assert_int_equal(call(box, port++), 28);
	box_close(box);
}

/* The sessions of a deleted rule live on (reference 1.16), new calls do not come in. */
static void
deleting_a_rule_keeps_its_sessions(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);
	struct talk next = CALL(box, TCP, CLIENT, 3001, 80, SERVER, 8080);

	talk_open_from_outside(&t);
	box_rules(box, MASQ_ALL);
	talk_in(&t, ACK);
	talk_out(&t, ACK);
	talk_in_dropped(&next, SYN, MASQ_DROP_LOCAL);
	box_close(box);
}

static void
replies_need_masq(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);

	talk_in(&t, SYN);
	talk_out_dropped(&t, SYN | ACK, MASQ_DROP_REPLY_NOT_MASQ);
	box_expect_nothing(box);

	/* The article's rule: the replies are named by the server as source. */
	box_rules(box, FORWARD "ipchains -A forward -p tcp -s 192.168.16.27/32 8080 -j MASQ\n");
	talk_out(&t, SYN | ACK);
	talk_in(&t, ACK);
	talk_out(&t, ACK);
	assert_int_equal(box_rule_packets(box, "forward", 1), 2);
	box_close(box);
}

static void
to_the_box_itself(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.1 8080\n");
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, BOX_SRV, 8080);

	talk_in_dropped(&t, SYN, MASQ_DROP_FORWARD_LOCAL);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* A client that sits beside the server calls the outside address. */
static void
hairpin(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct masq_test_pkt to_box = { .proto = IPPROTO_TCP,
		.src = "192.168.16.5",
		.sport = 3000,
		.dst = BOX_WAN,
		.dport = 80,
		.tcp_flags = SYN };
	struct masq_test_pkt to_server = { .proto = IPPROTO_TCP,
		.src = BOX_SRV,
		.dst = SERVER,
		.dport = 8080,
		.ttl = 63,
		.tcp_flags = SYN,
		.any = MASQ_TEST_ANY_SPORT };
	struct masq_test_pkt from_server = { .proto = IPPROTO_TCP,
		.src = SERVER,
		.sport = 8080,
		.dst = BOX_SRV,
		.tcp_flags = SYN | ACK };
	struct masq_test_pkt to_client = { .proto = IPPROTO_TCP,
		.src = BOX_WAN,
		.sport = 80,
		.dst = "192.168.16.5",
		.dport = 3000,
		.ttl = 63,
		.tcp_flags = SYN | ACK };

	for (unsigned int round = 0; round < 3; round++) {
		box_send(box, SRV, &to_box);
		from_server.dport = box_expect(box, SRV, &to_server).sport;
		to_server.sport = from_server.dport;
		to_server.any = 0;
		box_send(box, SRV, &from_server);
		box_expect(box, SRV, &to_client);
		to_box.tcp_flags = to_server.tcp_flags = ACK;
		from_server.tcp_flags = to_client.tcp_flags = ACK;
	}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 1);
	assert_int_equal(box_session(box).kind, MASQ_SESSION_HAIRPIN);
	assert_int_equal(box_session(box).state, MASQ_STATE_ESTABLISHED);
	box_close(box);
}

/* A client of another inside network: the server can answer through the box, so it sees him. */
static void
from_another_inside_network(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk t = CALL(box, TCP, INSIDE, 3000, 80, SERVER, 8080);

	t.outside_at = LAN;
	talk_open_from_outside(&t);
	talk_in(&t, ACK);
	talk_out(&t, ACK);
	assert_int_equal(box_session(box).kind, MASQ_SESSION_PORTFW);
	box_close(box);
}

/* Two ways to the same server port would give the client's answers one tuple: refused by name. */
static void
the_same_tuple_twice(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL FORWARD
			"portfw -a -P tcp -L 203.0.113.1 81 -R 192.168.16.27 8080\n");
	struct talk first = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);
	struct talk second = CALL(box, TCP, CLIENT, 3000, 81, SERVER, 8080);

	talk_open_from_outside(&first);
	talk_in_dropped(&second, SYN, MASQ_DROP_TUPLE_IN_USE);
	assert_int_equal(box_rule_packets(box, "input", 0), 4);
	assert_int_equal(box_rule_packets(box, "output", 0), 3);
	talk_out(&first, ACK);
	talk_in(&first, ACK);
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

/* The server goes out on its own account: the forwarding does not stand in the way. */
static void
server_as_client(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk in = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);
	struct talk out = TALK(box, TCP, SERVER, 8080, OUTSIDE, 80);

	out.inside_at = SRV;
	talk_open_from_outside(&in);
	talk_open_from_inside(&out);
	talk_in(&in, ACK);
	talk_out(&in, ACK);
	talk_in(&out, ACK);
	talk_out(&out, ACK);
	assert_int_equal(box_sessions(box), 2);
	box_close(box);
}

/* TTL and MTU are looked at before the server's address is anywhere in the packet. */
static void
time_to_live_of_a_call(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);
	struct masq_test_pkt pkt = talk_in_pkt(&t, SYN), error;

	pkt.ttl = 1;
	error = box_error(WAN, &pkt, 11, 0, 0);
	box_hello(box, WAN, "203.0.113.254");
	box_send(box, WAN, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect(box, WAN, &error);
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

static void
no_route_to_the_server(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.255 8080\n");
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);

	talk_in_dropped(&t, SYN, MASQ_DROP_NO_ROUTE);
	box_close(box);
}

/* The client of a forwarded port learns that there is no way to the server. */
static void
nowhere_to_forward_to(void **state)
{
	const struct masq_test_box_options options = {
		.workers = box_workers(state),
		.no_gateway = true,
		.rules = MASQ_ALL "route add 209.81.9.0/24 via 203.0.113.254\n"
				  "portfw -a -P tcp -L 203.0.113.1 80 -R 10.9.9.9 8080\n",
	};
	struct masq_test_box *box = box_open_with(&options);
	struct talk t = CALL(box, TCP, "209.81.9.9", 3000, 80, "10.9.9.9", 8080);
	struct masq_test_pkt pkt = talk_in_pkt(&t, SYN), error = box_error(WAN, &pkt, 3, 0, 0);

	box_send(box, WAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NO_ROUTE);
	box_expect(box, WAN, &error);
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(one_server),
		BOX_ROWS(udp_server),
		BOX_ROWS(other_addresses_and_ports_are_not_forwarded),
		BOX_ROWS(weighted_turns),
		BOX_ROWS(turns_are_for_sessions),
		BOX_ROWS(weighted_turns_in_bursts),
		BOX_ROWS(a_call_takes_one_turn),
		BOX_ROWS(wildcard_edit),
		BOX_ROWS(turns_survive_other_changes),
		BOX_ROWS(deleting_a_rule_keeps_its_sessions),
		BOX_ROWS(replies_need_masq),
		BOX_ROWS(to_the_box_itself),
		BOX_ROWS(hairpin),
		BOX_ROWS(from_another_inside_network),
		BOX_ROWS(the_same_tuple_twice),
		BOX_ROWS(server_as_client),
		BOX_ROWS(time_to_live_of_a_call),
		BOX_ROWS(no_route_to_the_server),
		BOX_ROWS(nowhere_to_forward_to),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("portfw", tests, NULL, NULL);
}
