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

/* Flows that have been answered, until @p n were tried. @return how many there are */
static uint32_t
fill_with_answered(struct masq_test_box *box, struct talk *talks, uint32_t n)
{
	uint32_t made = 0;

	for (uint32_t k = 0; k < n; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		box_send(box, LAN, &pkt);
		if (box_waiting(box, WAN) == 0)
			continue;
		t.visible_port = box_take(box, WAN).sport;
		talk_in(&t, 0);
		talks[made++] = t;
	}
	return made;
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
		uint32_t made = fill_with_answered(box, talks, FLOWS);

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

		fill_with_answered(box, talks, FLOWS);
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

#define FLOOD_RULES                                                         \
	MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80\n" \
		 "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 53\n"

/* Established conversations of both protocols, from both sides. */
static uint32_t
establish(struct masq_test_box *box, struct talk *talks, uint16_t n)
{
	uint32_t made = 0;

	for (uint16_t k = 0; k < n; k++) {
		struct talk tcp = TALK(box, TCP, INSIDE, (uint16_t)(1000 + k), OUTSIDE, 443);
		struct talk udp = TALK(box, UDP, INSIDE, (uint16_t)(1000 + k), OUTSIDE, 53);
		struct talk call = CALL(box, TCP, OUTSIDE, (uint16_t)(1000 + k), 80, SERVER, 80);

		talk_open_from_inside(&tcp);
		talk_out(&udp, 0);
		talk_in(&udp, 0);
		talk_open_from_outside(&call);
		talks[made++] = tcp;
		talks[made++] = udp;
		talks[made++] = call;
	}
	return made;
}

static void
still_talk(struct talk *talks, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		uint8_t flags = talks[k].proto == IPPROTO_TCP ? ACK : 0;

		talk_out(&talks[k], flags);
		talk_in(&talks[k], flags);
	}
}

/* Packets that nobody answers: each is served, the oldest of them goes, nobody else does. */
static void
flood_from_inside(void **state, uint8_t proto)
{
	enum {
		TRIPLES = 4,
		FLOWS = 1000
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct masq_dp_counters counters;
	struct talk talks[3 * TRIPLES];
	uint32_t n = establish(box, talks, TRIPLES);

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 80);

		t.proto = proto;
		talk_out(&t, SYN);
	}
	counters = box_counters(box);
	assert_int_equal(counters.drops[MASQ_DROP_SESSION_TABLE], 0);
	/* The established calls have halves elsewhere, so a table may be full of halves first. */
	assert_in_range(box_sessions(box), 64 * box_workers(state) - n, 64 * box_workers(state));
	assert_int_equal(counters.sessions_evicted, n + FLOWS - box_sessions(box));
	still_talk(talks, n);
	box_close(box);
}

static void
a_flood_of_syns_gives_way_to_itself(void **state)
{
	flood_from_inside(state, IPPROTO_TCP);
}

static void
a_flood_of_datagrams_gives_way_to_itself(void **state)
{
	flood_from_inside(state, IPPROTO_UDP);
}

/* Which flows have a session, by the port that their host uses: from FIRST_PORT on. */
#define FIRST_PORT 2000

static void
list_flows(struct masq_test_box *box, bool *alive, uint8_t *creator, uint32_t n)
{
	const struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row rows[64];
	bool end = false;

	memset(alive, 0, n * sizeof(*alive));
	while (!end) {
		int found = masq_dp_sessions(box_dp(box), &all, &cursor, rows, 64, &end);

		for (int i = 0; i < found; i++) {
			uint32_t flow = rte_be_to_cpu_16(rows[i].initial.sport) - FIRST_PORT;

			assert_true(flow < n);
			alive[flow] = true;
			creator[flow] = rows[i].creator;
		}
	}
}

/* With each new flow the oldest one of its worker goes, and only this. */
static void
half_open_sessions_go_by_age(void **state)
{
	enum {
		RECORDS = 64,
		FLOWS = 400
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = RECORDS
	};
	struct masq_test_box *box = box_open_with(&small);
	uint8_t creator[FLOWS];
	bool alive[FLOWS];

	for (uint32_t k = 0; k < FLOWS; k++) {
		uint32_t younger[4] = { 0 }; /* of each worker */
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(FIRST_PORT + k), OUTSIDE, 80);

		t.proto = k % 2 == 0 ? IPPROTO_UDP : IPPROTO_TCP;
		talk_out(&t, SYN);
		list_flows(box, alive, creator, FLOWS);
		assert_true(alive[k]);
		for (uint32_t i = k + 1; i-- > 0;)
			assert_int_equal(alive[i], younger[creator[i]]++ < RECORDS);
	}
	box_close(box);
}

/* Connections that come about while a flood goes on are not part of it any more. */
static void
connections_made_in_a_flood_stay(void **state)
{
	enum {
		CONNECTIONS = 20,
		EACH = 60 /* packets of the flood before each of them */
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk talks[CONNECTIONS];

	for (uint16_t k = 0; k < CONNECTIONS; k++) {
		for (uint16_t i = 0; i < EACH; i++) {
			struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k * EACH + i),
					OUTSIDE, 80);

			talk_out(&t, SYN);
		}
		talks[k] = (struct talk)TALK(box, TCP, INSIDE, (uint16_t)(1025 + k), OUTSIDE, 443);
		talk_open_from_inside(&talks[k]);
	}
	still_talk(talks, CONNECTIONS);
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	box_close(box);
}

/*
 * Half of the table is established when the flood begins, in that very moment: nobody is refused, from the
 * flood's first packet to its last.
 */
static void
a_flood_right_behind_established_sessions(void **state)
{
	enum {
		SESSIONS = 2048,
		ESTABLISHED = SESSIONS / 2
	};
	static struct talk talks[ESTABLISHED];
	const struct masq_test_box_options options = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = SESSIONS
	};
	struct masq_test_box *box = box_open_with(&options);

	for (uint16_t k = 0; k < ESTABLISHED; k++) {
		talks[k] = (struct talk)TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
		talk_out(&talks[k], 0);
	}
	for (uint16_t k = 0; k < ESTABLISHED; k++)
		talk_in(&talks[k], 0);
	for (uint16_t k = 0; k < 2 * SESSIONS; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(20000 + k), OUTSIDE, 80);

		talk_out(&t, SYN);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	still_talk(talks, ESTABLISHED);
	box_close(box);
}

/* The oldest goes first: those that came last are there. */
static void
the_oldest_half_open_goes_first(void **state)
{
	enum {
		FLOWS = 1000
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk talks[FLOWS];
	uint64_t created;

	for (uint16_t k = 0; k < FLOWS; k++) {
		talks[k] = (struct talk)TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
		talk_out(&talks[k], 0);
	}
	/* Each worker keeps the last 64 of its own, so all keep the last 64 of all. */
	for (uint32_t k = FLOWS - 64; k < FLOWS; k++)
		talk_in(&talks[k], 0);
	created = box_counters(box).sessions_created;
	talk_out(&talks[FLOWS - 1], 0);
	assert_int_equal(box_counters(box).sessions_created, created);
	box_drops_seen(box);
	talk_in_dropped(&talks[0], 0, MASQ_DROP_LOCAL);
	box_close(box);
}

/* A session gives way to a packet of the very burst that brings its first answer: that is nobody's then, and
 * goes nowhere, although the answers of others have been let through. */
static void
an_answer_comes_with_who_takes_its_place(void **state)
{
	enum {
		FLOWS = 64
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = FLOWS
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk call = CALL(box, UDP, OUTSIDE, 5000, 53, SERVER, 53), oldest;
	struct masq_test_pkt pkt, translated;

	box_hello(box, SRV, SERVER);
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 80);

		talk_out(&t, 0);
		if (k == 0)
			talk_in(&t, 0);
		if (k == 1)
			oldest = t;
	}
	assert_int_equal(box_sessions(box), FLOWS);
	pkt = talk_in_pkt(&call, 0);
	translated = talk_in_translated(&call, pkt);
	box_put(box, WAN, &pkt);
	pkt = talk_in_pkt(&oldest, 0);
	box_put(box, WAN, &pkt);
	box_run(box);
	assert_int_equal(box_counters(box).sessions_evicted, 1);
	box_expect(box, SRV, &translated);
	assert_int_equal(box_waiting(box, LAN), 0);
	box_expect_drop(box, MASQ_DROP_LOCAL);
	box_close(box);
}

/* Who only ever sends a SYN has not established anything, although its peer has answered. */
static void
answered_syns_give_way(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);

	for (uint16_t k = 0; k < 500; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 80);

		talk_out(&t, SYN);
		talk_in(&t, SYN | ACK);
	}
	assert_int_equal(box_counters(box).sessions_created, 500);
	assert_int_equal(box_counters(box).sessions_evicted, 500 - box_sessions(box));
	box_close(box);
}

/* Forwarded calls beyond number that come to nothing, whatever the server says: each is served, they give way to
 * each other, and who is established, or half-open on the other side, is spared. */
static void
flood_from_outside(void **state, uint8_t proto, uint8_t flags, int answer)
{
	enum {
		TRIPLES = 3,
		WAITING = 8,
		FLOWS = 1000
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	uint16_t service = proto == IPPROTO_TCP ? 80 : 53;
	struct talk talks[3 * TRIPLES], waiting[WAITING];
	uint32_t n = establish(box, talks, TRIPLES);

	for (uint16_t k = 0; k < WAITING; k++) {
		waiting[k] = (struct talk)TALK(
				box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 443);
		talk_out(&waiting[k], SYN);
	}
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(
				box, TCP, OUTSIDE, (uint16_t)(2000 + k), service, SERVER, service);

		t.proto = proto;
		talk_in(&t, flags);
		if (answer >= 0)
			talk_out(&t, (uint8_t)answer);
	}
	still_talk(talks, n);
	for (uint32_t k = 0; k < WAITING; k++) {
		talk_in(&waiting[k], SYN | ACK);
		talk_out(&waiting[k], ACK);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	assert_true(box_counters(box).sessions_evicted > FLOWS / 3);
	box_close(box);
}

static void
calls_that_are_answered_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, SYN, SYN | ACK);
}

static void
calls_that_are_ignored_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, SYN, -1);
}

static void
calls_that_are_reset_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, SYN, RST | ACK);
}

/* Both sides have been heard, with other segments than SYN, and yet nobody is connected. */
static void
segments_that_are_reset_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, ACK, RST);
}

static void
datagrams_from_outside_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_UDP, 0, -1);
}

/* Nearly all records are established sessions', but there is room: calls that are about to come about do not give way
 * to each other. */
static void
calls_have_the_room_that_is_left(void **state)
{
	enum {
		FLOWS = 6000,
		ROOM = 24, /* of each worker */
		CALLS = 16
	};
	static struct talk talks[FLOWS];
	const struct masq_test_box_options options = {
		.workers = box_workers(state),
		.rules = FLOOD_RULES,
		.sessions = 512 * box_workers(state),
	};
	struct masq_test_box *box = box_open_with(&options);
	uint32_t room[4] = { 0 };
	static uint8_t creator[FLOWS];
	static bool alive[FLOWS];

	fill_with_answered(box, talks, FLOWS);
	for (unsigned int ms = 0; ms < 100; ms++)
		box_advance(box, 1);
	list_flows(box, alive, creator, FLOWS);
	for (uint16_t k = 0; k < FLOWS; k++) {
		const struct masq_dp_session_filter one = { .inside_port = (uint16_t)(FIRST_PORT +
									    k) };

		if (alive[k] && room[creator[k]]++ < ROOM)
			assert_int_equal(masq_dp_sessions_flush(box_dp(box), &one, NULL), 1);
	}
	box_run(box);
	for (uint16_t k = 0; k < CALLS; k++) {
		talks[k] = (struct talk)CALL(
				box, TCP, OUTSIDE, (uint16_t)(2000 + k), 80, SERVER, 80);
		talk_in(&talks[k], SYN);
	}
	for (uint16_t k = 0; k < CALLS; k++) {
		talk_out(&talks[k], SYN | ACK);
		talk_in(&talks[k], ACK);
	}
	assert_int_equal(box_counters(box).sessions_evicted, 0);
	box_close(box);
}

/* Who is stuck does not keep the others' sessions, and so their records: those that need nobody else give way. */
static void
a_stuck_colleague_keeps_no_records(void **state)
{
	enum {
		FLOWS = 600,
		NEW = 200
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state),
		.rules = FLOOD_RULES,
		.sessions = 64 * box_workers(state),
	};
	struct masq_test_box *box = box_open_with(&small);
	const uint32_t stuck = box_workers(state) - 1;
	struct masq_dp_counters counters;

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(2000 + k), 53, SERVER, 53);

		talk_in(&t, 0);
	}
	box_stick(box, stuck, true);
	for (uint16_t k = 0; k < NEW; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(4000 + k), OUTSIDE, 80);
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		box_send(box, LAN, &pkt);
	}
	for (uint32_t w = 0; w < stuck; w++) {
		masq_dp_counters_read(box_dp(box), w, &counters);
		assert_int_equal(counters.drops[MASQ_DROP_SESSION_TABLE], 0);
	}
	box_stick(box, stuck, false);
	box_run(box);
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	box_close(box);
}

/*
 * Bursts of calls follow each other as fast as they can, from two sides, so that two workers take some in at a time:
 * what workers have to say to each other must not pile up, or the records of those who gave way come back too late.
 */
static void
calls_burst_after_burst(void **state)
{
	enum {
		SESSIONS = 2048,
		BATCH = 256,
		BATCHES = 40,
		FLOWS = 2 * BATCH * BATCHES
	};
	const struct masq_test_box_options options = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = SESSIONS
	};
	struct masq_test_box *box = box_open_with(&options);
	uint32_t arrived = 0;

	box_hello(box, SRV, SERVER);
	for (uint16_t port = 2000; port < 2000 + BATCH * BATCHES; port++) {
		const struct talk far = CALL(box, TCP, OUTSIDE, port, 80, SERVER, 80);
		const struct talk near = CALL(box, TCP, INSIDE, port, 80, SERVER, 80);
		const struct masq_test_pkt from[] = { talk_in_pkt(&far, SYN),
			talk_in_pkt(&near, SYN) };

		box_put(box, WAN, &from[0]);
		box_put(box, LAN, &from[1]);
		if (port % BATCH != 0)
			continue;
		box_run(box);
		for (; box_waiting(box, SRV) > 0; arrived++)
			box_take(box, SRV);
	}
	box_run(box);
	for (; box_waiting(box, SRV) > 0; arrived++)
		box_take(box, SRV);
	assert_int_equal(arrived + box_drops(box, MASQ_DROP_SESSION_TABLE), FLOWS);
	assert_in_range(arrived, FLOWS - FLOWS / 100, FLOWS);
	masq_dp_sessions_flush(box_dp(box), &(struct masq_dp_session_filter){ 0 }, NULL);
	box_advance(box, 5000); /* ends take turns */
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
		BOX_ROWS(session_table_full_of_calls),
		BOX_ROWS(turns_are_kept_while_the_table_is_full),
		BOX_ROWS(a_flood_of_syns_gives_way_to_itself),
		BOX_ROWS(a_flood_of_datagrams_gives_way_to_itself),
		BOX_ROWS(half_open_sessions_go_by_age),
		BOX_ROWS(connections_made_in_a_flood_stay),
		BOX_ROWS(a_flood_right_behind_established_sessions),
		BOX_ROWS(the_oldest_half_open_goes_first),
		{ "an_answer_comes_with_who_takes_its_place (1 worker)",
				an_answer_comes_with_who_takes_its_place, NULL, NULL, &box_one },
		BOX_ROWS(answered_syns_give_way),
		BOX_ROWS(calls_that_are_answered_spare_the_inside),
		BOX_ROWS(calls_that_are_ignored_spare_the_inside),
		BOX_ROWS(calls_that_are_reset_spare_the_inside),
		BOX_ROWS(segments_that_are_reset_spare_the_inside),
		BOX_ROWS(calls_burst_after_burst),
		BOX_ROWS(datagrams_from_outside_spare_the_inside),
		BOX_ROWS(calls_have_the_room_that_is_left),
		BOX_ROWS(a_stuck_colleague_keeps_no_records),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("exhaustion", tests, NULL, NULL);
}
