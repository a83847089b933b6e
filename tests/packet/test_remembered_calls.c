/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of verdicts, calls that a forwarding rule takes: what is known of the half that a call is going to
 * have decides about it, and it gets what the rules say of it, its turn, and its server.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "masq_test_sorts.h"

/* Calls that come when the rules stand: the first packet of each, whose server is not known before. */
static void
one_thing_is_enough_for_a_call(void **state)
{
	static const struct {
		const char *rule;
		struct talk odd;
		enum masq_drop reason;
	} rows[] = {
		{ "input -s 198.51.100.66", { .outside = "198.51.100.66" }, MASQ_DROP_INPUT_DENY },
		{ "input -p udp -s 0.0.0.0/0 4000:4099", { .outside_port = 4000 },
				MASQ_DROP_INPUT_DENY },
		{ "input -p udp -d 203.0.113.1 54", { .visible_port = 54, .outside_port = 3500 },
				MASQ_DROP_INPUT_DENY },
		{ "output -p udp -s 0.0.0.0/0 4000:4099", { .outside_port = 4000 },
				MASQ_DROP_OUTPUT_DENY },
		{ "output -d 192.168.16.28", { .visible_port = 55, .inside = SERVER2 },
				MASQ_DROP_OUTPUT_DENY },
		{ "output -p udp -d 0.0.0.0/0 5454", { .visible_port = 56, .inside_port = 5454 },
				MASQ_DROP_OUTPUT_DENY },
		/* forged: an own address, an address of all hosts of a network */
		{ "input -p tcp", { .outside = BOX_SRV }, MASQ_DROP_MARTIAN_SOURCE },
		{ "input -p tcp", { .outside = "192.168.16.255" }, MASQ_DROP_MARTIAN_SOURCE },
		/* no servers: the box itself, all hosts of a network */
		{ "input -p tcp", { .visible_port = 57 }, MASQ_DROP_FORWARD_LOCAL },
		{ "input -p tcp", { .visible_port = 58 }, MASQ_DROP_NO_ROUTE },
	};

	static const char *const holes[] = { "",
		"ipchains -A input -s 10.0.0.1/255.0.0.255 -d 10.0.0.1/255.0.0.255\n" };

	for (unsigned int row = 0; row < 2 * RTE_DIM(rows); row++) {
		unsigned int r = row / 2;
		struct masq_test_box *box;
		char rules[1024];

		snprintf(rules, sizeof(rules), NEUTRAL "ipchains -A %s -j DENY\n%s", rows[r].rule,
				holes[row % 2]);
		box = box_open(box_workers(state), rules);
		for (uint16_t k = 0; k < TALKS; k++) {
			struct talk usual = called(box, &(const struct talk){ .proto = 0 }, k);
			struct talk odd = called(box, &rows[r].odd, k);

			talk_in(&usual, 0);
			talk_in_dropped(&odd, 0, rows[r].reason);
			talk_out(&usual, 0);
		}
		box_expect_nothing(box);
		box_close(box);
	}
}

/* Of two servers that take turns each has its own verdict, and the turns are exact. */
static void
calls_take_turns(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353 -p 2\n"
				 "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.28 5353 -p 1\n"
				 "ipchains -A output -d 192.168.16.28 -t 0x01 0x10\n");

	for (uint16_t k = 0; k < 12; k++) {
		struct talk call = called(box, &(const struct talk){ .proto = 0 }, k);
		struct masq_test_pkt pkt, left;

		call.inside = k % 3 == 0 ? SERVER2 : SERVER;
		pkt = talk_in_pkt(&call, 0);
		left = talk_in_translated(&call, pkt);
		left.tos = k % 3 == 0 ? 0x10 : 0;
		for (unsigned int again = 0; again < 2; again++) {
			box_send(box, WAN, &pkt);
			box_expect(box, SRV, &left);
		}
		talk_out(&call, 0);
	}
	assert_int_equal(box_rule_packets(box, "output", 1), 2 * 4);
	assert_int_equal(box_rule_packets(box, "forward", 0), 12);
	box_close(box);
}

/* Somebody else, who takes turns all the time. */
struct rival {
	struct masq_test_box *box;
	_Atomic(uint32_t) rounds;
	_Atomic(bool) done;
};

static void *
take_turns(void *arg)
{
	struct rival *rival = arg;
	cpu_set_t any;

	/* EAL has pinned the thread that runs the box, and this one would share its core. */
	memset(&any, 0xff, sizeof(any));
	pthread_setaffinity_np(pthread_self(), sizeof(any), &any);
	while (!atomic_load_explicit(&rival->done, memory_order_relaxed)) {
		for (unsigned int k = 0; k < 64; k++)
			box_take_turn(rival->box, IPPROTO_UDP, IP4(203, 0, 113, 1), 53);
		atomic_fetch_add(&rival->rounds, 1);
	}
	return NULL;
}

/* While a call is judged others take turns: what is remembered is of the server that the call went to. Rules
 * tell all clients apart, so that many calls are the first of their kind. */
static void
calls_whose_turn_another_takes(void **state)
{
	enum {
		CLIENTS = 100,
		CALLS = 8
	};

	static char rules[CLIENTS * 48 + 512];
	char client[16];
	int at = snprintf(rules, sizeof(rules),
			MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"
				 "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.28 5353\n"
				 "ipchains -A output -d 192.168.16.28 -t 0x01 0x10\n");
	struct rival rival = { .done = false };
	uint64_t to_second = 0, wrong = 0;
	pthread_t thread;

	for (unsigned int k = 0; k < CLIENTS; k++)
		at += snprintf(rules + at, sizeof(rules) - (size_t)at,
				"ipchains -A input -s 209.81.8.%u\n", 2 * k + 1);
	rival.box = box_open(box_workers(state), rules);
	assert_int_equal(pthread_create(&thread, NULL, take_turns, &rival), 0);
	for (uint16_t k = 0; k < CLIENTS * CALLS; k++) {
		struct masq_test_pkt call = {
			.src = client, .sport = (uint16_t)(3000 + k), .dst = BOX_WAN, .dport = 53
		};
		uint32_t before = atomic_load(&rival.rounds);
		struct masq_test_seen seen;

		while (atomic_load(&rival.rounds) == before)
			sched_yield();
		snprintf(client, sizeof(client), "209.81.8.%u", 2u * (k % CLIENTS) + 1);
		box_send(rival.box, WAN, &call);
		seen = box_take(rival.box, SRV);
		to_second += seen.dst == IP4(192, 168, 16, 28);
		wrong += seen.tos != (seen.dst == IP4(192, 168, 16, 28) ? 0x10 : 0);
	}
	atomic_store(&rival.done, true);
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(box_rule_packets(rival.box, "output", 1), to_second);
	box_advance(rival.box, 310000);
	box_close(rival.box);
}

/* The same where the output chain denies one of the servers. Rules tell so many services apart that the numbers of
 * the two servers' classes differ in other bits than the lower eight, 1 and 257. */
static void
a_server_is_denied(void **state, const char *other, enum masq_test_port other_at)
{
	enum {
		CLIENTS = 100,
		CALLS = 20,
		SERVICES = 300
	};

	static char rules[(CLIENTS + SERVICES) * 48 + 512];
	char client[16];
	int at = snprintf(rules, sizeof(rules),
			MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R %s 5000\n"
				 "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.28 5256\n"
				 "ipchains -A output -p udp -d 0/0 5256 -j DENY\n",
			other);
	struct rival rival = { .done = false };
	uint64_t arrived = 0, other_seen = 0;
	pthread_t thread;

	for (unsigned int k = 0; k < CLIENTS; k++)
		at += snprintf(rules + at, sizeof(rules) - (size_t)at,
				"ipchains -A input -s 209.81.8.%u\n", 2 * k + 1);
	for (unsigned int k = 0; k < SERVICES; k++)
		at += snprintf(rules + at, sizeof(rules) - (size_t)at,
				"ipchains -A forward -p udp -d 0/0 %u\n", 5000 + k);
	rival.box = box_open(box_workers(state), rules);
	box_hello(rival.box, SRV, SERVER2); /* it could be sent to */
	assert_int_equal(pthread_create(&thread, NULL, take_turns, &rival), 0);
	for (uint16_t k = 0; k < CLIENTS * CALLS; k++) {
		struct masq_test_pkt call = {
			.src = client, .sport = (uint16_t)(3000 + k), .dst = BOX_WAN, .dport = 53
		};
		uint32_t before = atomic_load(&rival.rounds);

		while (atomic_load(&rival.rounds) == before)
			sched_yield();
		snprintf(client, sizeof(client), "209.81.8.%u", 2u * (k % CLIENTS) + 1);
		box_send(rival.box, WAN, &call);
		if (box_waiting(rival.box, other_at) == 0)
			continue;
		arrived++;
		other_seen += box_take(rival.box, other_at).dport == 5000;
	}
	atomic_store(&rival.done, true);
	pthread_join(thread, NULL);
	assert_int_equal(other_seen, arrived);
	assert_int_equal(box_drops(rival.box, MASQ_DROP_OUTPUT_DENY), CLIENTS * CALLS - arrived);
	box_drops_seen(rival.box);
	masq_dp_sessions_flush(box_dp(rival.box), &(struct masq_dp_session_filter){ 0 }, NULL);
	box_advance(rival.box, 5000); /* ends take turns */
	box_close(rival.box);
}

static void
a_denied_server_whose_turn_another_takes(void **state)
{
	a_server_is_denied(state, SERVER, SRV);
}

/* The other one is on the client's side, and the client's source is hidden from it. */
static void
a_denied_server_whose_turn_a_hairpin_takes(void **state)
{
	a_server_is_denied(state, "209.81.8.6", WAN);
}

/* Clients beside their server, whose answers are of the kind that their calls would be of if these were plain. */
static void
calls_from_beside_the_server(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);

	for (uint16_t k = 0; k < 3 * TALKS; k++) {
		struct masq_test_pkt call = { .src = "192.168.16.99",
			.sport = (uint16_t)(3000 + k),
			.dst = BOX_WAN,
			.dport = 53 };
		struct masq_test_pkt arrived = onward(call),
				     answer = { .src = SERVER, .sport = 5353, .dst = BOX_SRV };
		struct masq_test_pkt back = onward(answer);

		arrived.src = BOX_SRV;
		arrived.dst = SERVER;
		arrived.dport = 5353;
		arrived.any = MASQ_TEST_ANY_SPORT;
		box_send(box, SRV, &call);
		answer.dport = box_expect(box, SRV, &arrived).sport;
		back.src = BOX_WAN;
		back.sport = 53;
		back.dst = call.src;
		back.dport = call.sport;
		box_send(box, SRV, &answer);
		box_expect(box, SRV, &back);
	}
	box_close(box);
}

/* A rule for an address that is not the box's takes nothing, whatever is known of its server. */
static void
an_address_that_is_not_ours(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			NEUTRAL "portfw -a -P udp -L 192.168.1.99 53 -R 192.168.16.27 5353\n"
				"ipchains -P forward ACCEPT\n"
				"ipchains -A forward -s 192.168.16.0/24 -j MASQ\n");

	for (uint16_t k = 0; k < TALKS; k++) {
		struct talk call = called(box, &(const struct talk){ .proto = 0 }, k);
		struct masq_test_pkt pkt = { .src = OUTSIDE,
			.sport = (uint16_t)(4000 + k),
			.dst = "192.168.1.99",
			.dport = 53 };
		struct masq_test_pkt left = onward(pkt);

		talk_in(&call, 0);
		talk_out(&call, 0);
		box_send(box, WAN, &pkt);
		box_expect(box, LAN, &left);
	}
	box_close(box);
}

/* A call that cannot be sent on as it is, when its kind is known: no session, no turn. */
static void
a_call_that_is_not_plain(void **state)
{
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.wan_mtu = 600,
		.rules = MASQ_ALL "portfw -a -P udp -L 192.168.1.1 53 -R 203.0.113.27 53 -p 1\n"
				  "portfw -a -P udp -L 192.168.1.1 53 -R 203.0.113.28 53 -p 1\n" };
	struct masq_test_box *box = box_open_with(&small);

	for (uint16_t k = 0; k < 4; k++) {
		const struct masq_test_pkt pkt = { .src = INSIDE,
			.sport = (uint16_t)(3000 + k),
			.dst = BOX_LAN,
			.dport = 53,
			.payload_bytes = 20 };
		struct masq_test_pkt odd = pkt, left = onward(pkt), error;

		odd.ttl = 1;
		error = box_error(LAN, &odd, 11, 0, 0);
		box_send(box, LAN, &odd);
		box_expect_drop(box, MASQ_DROP_TTL);
		box_expect(box, LAN, &error);
		odd.ttl = 0;
		odd.payload_bytes = 700;
		odd.dont_fragment = true;
		error = box_error(LAN, &odd, 3, 4, 600);
		box_send(box, LAN, &odd);
		box_expect_drop(box, MASQ_DROP_MTU);
		box_expect(box, LAN, &error);
		assert_int_equal(box_sessions(box), k);
		left.dst = k % 2 == 0 ? "203.0.113.28" : "203.0.113.27";
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	/* The neighbour must be asked for again: the call waits, and gets its turn then. */
	assert_int_equal(masq_dp_neighbours_flush(box_dp(box), 0), 0);
	for (uint16_t k = 4; k < 6; k++) {
		const struct masq_test_pkt pkt = { .src = INSIDE,
			.sport = (uint16_t)(3000 + k),
			.dst = BOX_LAN,
			.dport = 53,
			.payload_bytes = 20 };
		struct masq_test_pkt left = onward(pkt);

		left.dst = k % 2 == 0 ? "203.0.113.28" : "203.0.113.27";
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Calls that begin in the middle of a connection: the state is what the reference says of each. */
static void
states_of_calls(void **state)
{
	static const struct {
		uint8_t first;
		enum masq_state then, answered;
	} rows[] = {
		{ SYN, MASQ_STATE_SYN_RECV, MASQ_STATE_ESTABLISHED },
		{ ACK, MASQ_STATE_LISTEN, MASQ_STATE_ESTABLISHED },
		{ FIN | ACK, MASQ_STATE_LISTEN, MASQ_STATE_ESTABLISHED },
		{ RST, MASQ_STATE_LISTEN, MASQ_STATE_ESTABLISHED },
	};

	struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);
	const struct masq_dp_session_filter all = { 0 };

	for (uint16_t k = 0; k < 3 * RTE_DIM(rows); k++) {
		struct talk call = CALL(box, TCP, OUTSIDE, (uint16_t)(3000 + k), 80, SERVER, 8080);
		unsigned int r = k % RTE_DIM(rows);

		talk_in(&call, rows[r].first);
		assert_int_equal(box_session(box).state, rows[r].then);
		talk_in(&call, ACK);
		assert_int_equal(box_session(box).state, rows[r].then);
		talk_out(&call, rows[r].first == SYN ? SYN | ACK : ACK);
		assert_int_equal(box_session(box).state, rows[r].answered);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), 1);
	}
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(one_thing_is_enough_for_a_call),
		BOX_ROWS(calls_take_turns),
		BOX_ROWS(calls_whose_turn_another_takes),
		BOX_ROWS(a_denied_server_whose_turn_another_takes),
		BOX_ROWS(a_denied_server_whose_turn_a_hairpin_takes),
		BOX_ROWS(calls_from_beside_the_server),
		BOX_ROWS(an_address_that_is_not_ours),
		BOX_ROWS(a_call_that_is_not_plain),
		BOX_ROWS(states_of_calls),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("remembered_calls", tests, NULL, NULL);
}
