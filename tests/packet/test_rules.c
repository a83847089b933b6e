/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules: what they deny, what they say to the sender, and that they count every packet once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "masq_test_talk.h"

#define FORWARD "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n"

/* A packet that must be dropped, and answered with this ICMP error (code < 0: with none). */
static void
refused(struct masq_test_box *box, const struct masq_test_pkt *pkt, enum masq_drop reason, int code)
{
	struct masq_test_pkt error;

	box_drops_seen(box);
	box_send(box, LAN, pkt);
	box_expect_drop(box, reason);
	if (code >= 0) {
		error = box_error(LAN, pkt, 3, (uint8_t)code, 0);
		box_expect(box, LAN, &error);
	}
	box_expect_nothing(box);
}

static struct masq_test_pkt
udp_to_port(uint16_t port)
{
	return (struct masq_test_pkt){
		.src = INSIDE, .sport = 1025, .dst = OUTSIDE, .dport = port, .payload = "knock"
	};
}

/* Reference 5.4: input rejects with port unreachable, forward and output with host unreachable. */
static void
deny_and_reject(void **state)
{
	static const struct {
		uint16_t port;
		enum masq_drop reason;
		int code;
	} rows[] = {
		{ 1, MASQ_DROP_INPUT_DENY, -1 },
		{ 2, MASQ_DROP_INPUT_REJECT, 3 },
		{ 3, MASQ_DROP_FORWARD_DENY, -1 },
		{ 4, MASQ_DROP_FORWARD_REJECT, 1 },
		{ 5, MASQ_DROP_OUTPUT_DENY, -1 },
		{ 6, MASQ_DROP_OUTPUT_REJECT, 1 },
	};
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "ipchains -A input -p udp -d 0.0.0.0/0 1 -j DENY\n"
				 "ipchains -A input -p udp -d 0.0.0.0/0 2 -j REJECT\n"
				 "ipchains -A forward -p udp -d 0.0.0.0/0 3 -j DENY\n"
				 "ipchains -A forward -p udp -d 0.0.0.0/0 4 -j REJECT\n"
				 "ipchains -A output -p udp -d 0.0.0.0/0 5 -j DENY\n"
				 "ipchains -A output -p udp -d 0.0.0.0/0 6 -j REJECT\n");

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < 6; k++) {
		struct masq_test_pkt pkt = udp_to_port(rows[k].port);

		refused(box, &pkt, rows[k].reason, rows[k].code);
		refused(box, &pkt, rows[k].reason, rows[k].code);
	}
	for (unsigned int k = 1; k <= 2; k++) {
		assert_int_equal(box_rule_packets(box, "input", k), 2);
		assert_int_equal(box_rule_packets(box, "forward", k), 2);
		assert_int_equal(box_rule_packets(box, "output", k), 2);
	}
	assert_int_equal(box_rule_packets(box, "input", 0), 8);
	assert_int_equal(box_rule_packets(box, "forward", 0), 4);
	assert_int_equal(box_rule_packets(box, "output", 0), 0);
	box_close(box);
}

/* The same verdicts as policies, for routed packets. */
static void
policies(void **state)
{
	static const struct {
		const char *rules;
		enum masq_drop reason;
		int code;
	} rows[] = {
		{ "ipchains -P input DENY\n", MASQ_DROP_INPUT_DENY, -1 },
		{ "ipchains -P input REJECT\n", MASQ_DROP_INPUT_REJECT, 3 },
		{ "ipchains -P forward DENY\n", MASQ_DROP_FORWARD_DENY, -1 },
		{ "ipchains -P forward REJECT\n", MASQ_DROP_FORWARD_REJECT, 1 },
		{ "ipchains -P output DENY\n", MASQ_DROP_OUTPUT_DENY, -1 },
		{ "ipchains -P output REJECT\n", MASQ_DROP_OUTPUT_REJECT, 1 },
	};
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = udp_to_port(53), left = onward(pkt);

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < 6; k++) {
		box_rules(box, rows[k].rules);
		refused(box, &pkt, rows[k].reason, rows[k].code);
		refused(box, &pkt, rows[k].reason, rows[k].code);
		box_rules(box, "");
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	box_close(box);
}

static void
user_chains(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -N outer\n"
			"ipchains -N inner\n"
			"ipchains -A inner -p udp -d 0.0.0.0/0 7 -j DENY\n"
			"ipchains -A inner -p udp -d 0.0.0.0/0 8 -j RETURN\n"
			"ipchains -A inner -p udp -d 0.0.0.0/0 9 -j MASQ\n"
			"ipchains -A outer -j inner\n"
			"ipchains -A outer -p udp -d 0.0.0.0/0 8 -j MASQ\n"
			"ipchains -A forward -p udp -j outer\n"
			"ipchains -A forward -p udp -d 0.0.0.0/0 10 -j MASQ\n"
			"ipchains -P forward REJECT\n");
	struct talk inner = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 9);
	struct talk outer = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 8);
	struct talk after = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 10);
	struct masq_test_pkt pkt = udp_to_port(7);

	box_hello(box, LAN, INSIDE);
	refused(box, &pkt, MASQ_DROP_FORWARD_DENY, -1);
	pkt = udp_to_port(11);
	refused(box, &pkt, MASQ_DROP_FORWARD_REJECT, 1);
	for (unsigned int round = 0; round < 3; round++) {
		talk_out(&inner, 0);
		talk_out(&outer, 0);
		talk_out(&after, 0);
	}
	assert_int_equal(box_rule_packets(box, "inner", 1), 1);
	assert_int_equal(box_rule_packets(box, "inner", 2), 3);
	assert_int_equal(box_rule_packets(box, "inner", 3), 3);
	assert_int_equal(box_rule_packets(box, "outer", 1), 11);
	assert_int_equal(box_rule_packets(box, "outer", 2), 3);
	assert_int_equal(box_rule_packets(box, "forward", 1), 11);
	assert_int_equal(box_rule_packets(box, "forward", 2), 3);
	assert_int_equal(box_rule_packets(box, "forward", 0), 1);
	box_close(box);
}

static void
a_loop_of_chains(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -N a\n"
			"ipchains -N b\n"
			"ipchains -A a -p udp -j b\n"
			"ipchains -A b -j a\n"
			"ipchains -A input -j a\n");
	struct masq_test_pkt pkt = udp_to_port(53);

	refused(box, &pkt, MASQ_DROP_CHAIN_LOOP, -1);
	refused(box, &pkt, MASQ_DROP_CHAIN_LOOP, -1);
	assert_int_equal(box_rule_packets(box, "input", 1), 2);
	box_close(box);
}

/* Rules that only count and mark, on the way of a flow that takes the fast path from its 2nd packet. */
static void
established_flows_are_counted(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL FORWARD
			"ipchains -A input -p tcp\n"
			"ipchains -A input -p tcp -m 5\n"
			"ipchains -A input -p udp\n"
			"ipchains -A input -i wan -p tcp -s 209.81.8.5 80\n"
			"ipchains -A input -i ! wan\n"
			"ipchains -A input -s ! 192.168.1.0/24 -j ACCEPT\n"
			"ipchains -A forward -p tcp -s 192.168.1.2 1025:1030 -j MASQ\n"
			"ipchains -A output -i wan -s 203.0.113.1\n"
			"ipchains -A output -i lan -p tcp -d 192.168.1.2 1025\n");
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct talk call = CALL(box, TCP, OUTSIDE, 3000, 80, SERVER, 8080);

	talk_open_from_inside(&t); /* 2 out, 1 in */
	for (unsigned int k = 0; k < 10; k++)
		talk_out(&t, ACK);
	for (unsigned int k = 0; k < 20; k++)
		talk_in(&t, ACK);
	assert_int_equal(box_rule_packets(box, "input", 1), 33);
	assert_int_equal(box_rule_packets(box, "input", 2), 33);
	assert_int_equal(box_rule_packets(box, "input", 3), 0);
	assert_int_equal(box_rule_packets(box, "input", 4), 21);
	assert_int_equal(box_rule_packets(box, "input", 5), 12);
	assert_int_equal(box_rule_packets(box, "input", 6), 21);
	assert_int_equal(box_rule_packets(box, "input", 0), 12);
	assert_int_equal(box_rule_packets(box, "forward", 1), 12);
	assert_int_equal(box_rule_packets(box, "forward", 0), 0);
	assert_int_equal(box_rule_packets(box, "output", 1), 12);
	assert_int_equal(box_rule_packets(box, "output", 2), 21);
	assert_int_equal(box_rule_packets(box, "output", 0), 33);
	assert_int_equal(box_session(box).mark, 5);
	assert_int_equal(box_session(box).initial_packets, 12);
	assert_int_equal(box_session(box).reply_packets, 21);
	assert_int_equal(box_session(box).initial_bytes, 12 * (40 + 11));
	assert_int_equal(box_session(box).reply_bytes, 21 * (40 + 12));

	talk_open_from_outside(&call); /* 2 in, 1 out */
	for (unsigned int k = 0; k < 10; k++)
		talk_out(&call, ACK);
	assert_int_equal(box_rule_packets(box, "input", 1), 46);
	assert_int_equal(box_rule_packets(box, "input", 4), 21);
	assert_int_equal(box_rule_packets(box, "forward", 0), 11);
	assert_int_equal(box_rule_packets(box, "output", 1), 23);
	assert_int_equal(box_rule_packets(box, "output", 0), 46);
	box_close(box);
}

/* A flow that nobody masquerades is counted just as well. */
static void
routed_flows_are_counted(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -p udp\n"
			"ipchains -A forward -i wan -j ACCEPT\n"
			"ipchains -A output -p tcp\n");
	struct masq_test_pkt pkt = udp_to_port(53), left = onward(pkt);

	for (unsigned int k = 0; k < 20; k++) {
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 20);
	assert_int_equal(box_rule_packets(box, "input", 0), 20);
	assert_int_equal(box_rule_packets(box, "forward", 1), 20);
	assert_int_equal(box_rule_packets(box, "forward", 0), 0);
	assert_int_equal(box_rule_packets(box, "output", 1), 0);
	assert_int_equal(box_rule_packets(box, "output", 0), 20);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* -y: only the opening segment; ! -y: all others. Repeated SYNs are counted as what they are. */
static void
syn_and_data_are_told_apart(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL FORWARD "ipchains -A input -p tcp -y\n"
					 "ipchains -A input -p tcp ! -y\n"
					 "ipchains -A forward -p tcp -y -j MASQ\n"
					 "ipchains -A output -p tcp -y -t 0x01 0x10\n");
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct talk call = CALL(box, TCP, OUTSIDE, 3000, 80, SERVER, 8080);
	struct masq_test_pkt pkt, left;

	for (unsigned int round = 0; round < 3; round++) {
		pkt = talk_out_pkt(&t, SYN);
		left = talk_out_translated(&t, pkt);
		left.tos = 0x10; /* only SYNs get it */
		box_send(box, LAN, &pkt);
		t.visible_port = box_expect(box, WAN, &left).sport;
		talk_in(&t, SYN | ACK);
		for (unsigned int k = 0; k < 5; k++) {
			talk_out(&t, ACK);
			talk_in(&t, ACK);
		}
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 3);
	assert_int_equal(box_rule_packets(box, "input", 2), 33);
	assert_int_equal(box_rule_packets(box, "forward", 1), 3);
	assert_int_equal(box_rule_packets(box, "forward", 0), 15);
	assert_int_equal(box_rule_packets(box, "output", 1), 3);

	for (unsigned int round = 0; round < 3; round++) {
		pkt = talk_in_pkt(&call, SYN);
		left = talk_in_translated(&call, pkt);
		left.tos = 0x10;
		box_send(box, WAN, &pkt);
		box_expect(box, SRV, &left);
		talk_out(&call, SYN | ACK);
		for (unsigned int k = 0; k < 5; k++)
			talk_in(&call, ACK);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 6);
	assert_int_equal(box_rule_packets(box, "input", 2), 51);
	box_close(box);
}

/* "Nobody from outside may open": answers still come in, openings are denied. */
static void
denied_syns(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL FORWARD "ipchains -A input -i wan -p tcp -y -j DENY\n");
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct talk call = CALL(box, TCP, OUTSIDE, 3000, 80, SERVER, 8080);

	talk_open_from_inside(&t);
	talk_in(&t, ACK);
	talk_in_dropped(&t, SYN, MASQ_DROP_INPUT_DENY);
	talk_in(&t, ACK);
	talk_in_dropped(&call, SYN, MASQ_DROP_INPUT_DENY);
	assert_int_equal(box_rule_packets(box, "input", 1), 2);
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

static void
interfaces(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -i lan\n"
			"ipchains -A input -i l+\n"
			"ipchains -A input -i ! srv\n"
			"ipchains -A forward -i wan\n"
			"ipchains -A forward -i ! wan\n"
			"ipchains -A output -i wan\n"
			"ipchains -A output -i lan\n"
			"ipchains -P forward MASQ\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int k = 0; k < 4; k++) {
		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 4);
	assert_int_equal(box_rule_packets(box, "input", 2), 4);
	assert_int_equal(box_rule_packets(box, "input", 3), 8);
	assert_int_equal(box_rule_packets(box, "forward", 1), 4);
	assert_int_equal(box_rule_packets(box, "forward", 2), 0);
	assert_int_equal(box_rule_packets(box, "output", 1), 4);
	assert_int_equal(box_rule_packets(box, "output", 2), 4);
	box_close(box);
}

/* A session lives, then a rule denies it: with its next packet, in the direction that is denied. */
static void
denied_while_a_session_lives(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL FORWARD);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk call = CALL(box, TCP, OUTSIDE, 3000, 80, SERVER, 8080);

	talk_out(&t, 0);
	talk_in(&t, 0);
	talk_open_from_outside(&call);

	box_rules(box, MASQ_ALL FORWARD "ipchains -A forward -p udp -j DENY\n");
	talk_out_dropped(&t, 0, MASQ_DROP_FORWARD_DENY);
	talk_out_dropped(&t, 0, MASQ_DROP_FORWARD_DENY);
	talk_in(&t, 0); /* answers skip the forward chain */
	box_rules(box, MASQ_ALL FORWARD "ipchains -A input -i wan -j DENY\n");
	talk_in_dropped(&t, 0, MASQ_DROP_INPUT_DENY);
	talk_in_dropped(&call, ACK, MASQ_DROP_INPUT_DENY);
	talk_out(&t, 0);
	talk_out(&call, ACK);
	box_rules(box, MASQ_ALL FORWARD "ipchains -A output -d 192.168.0.0/16 -j DENY\n");
	talk_in_dropped(&t, 0, MASQ_DROP_OUTPUT_DENY);
	talk_in_dropped(&call, ACK, MASQ_DROP_OUTPUT_DENY);
	box_rules(box, MASQ_ALL FORWARD);
	talk_out(&t, 0);
	talk_in(&t, 0);
	talk_in(&call, ACK);
	talk_out(&call, ACK);
	assert_int_equal(box_sessions(box), 2);
	box_close(box);
}

/* MASQ became ACCEPT: the host is routed as it is, whatever session there was. */
static void
no_longer_masqueraded(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), left = onward(pkt);

	talk_out(&t, 0);
	box_rules(box, "");
	for (unsigned int k = 0; k < 3; k++) {
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	assert_int_equal(box_rule_packets(box, "forward", 0), 4);
	box_rules(box, MASQ_ALL);
	talk_out(&t, 0);
	talk_in(&t, 0);
	box_close(box);
}

/* The rule stays, others come and go: its count goes on. A rule that comes back begins anew. */
static void
counters_survive_a_reload(void **state)
{
	static const char *const with = MASQ_ALL "ipchains -A input -p udp -i lan\n"
						 "ipchains -A input -p udp -i wan\n";
	static const char *const without = MASQ_ALL "ipchains -A input -p tcp\n"
						    "ipchains -A input -p udp -i wan\n";
	struct masq_test_box *box = box_open(box_workers(state), with);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int k = 0; k < 3; k++) {
		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	box_rules(box, without);
	assert_int_equal(box_rule_packets(box, "input", 2), 3);
	for (unsigned int k = 0; k < 4; k++) {
		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 0);
	assert_int_equal(box_rule_packets(box, "input", 2), 7);
	assert_int_equal(box_rule_packets(box, "input", 0), 14);
	assert_int_equal(box_rule_packets(box, "forward", 0), 7);
	box_rules(box, with);
	box_rules(box, with);
	talk_out(&t, 0);
	talk_in(&t, 0);
	assert_int_equal(box_rule_packets(box, "input", 1), 1);
	assert_int_equal(box_rule_packets(box, "input", 2), 8);
	assert_int_equal(box_rule_packets(box, "forward", 0), 8);
	assert_int_equal(box_rule_packets(box, "output", 0), 16);
	box_close(box);
}

/* Rules that log see every packet; the counts are the same. */
static void
logged_packets_are_counted(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), MASQ_ALL "ipchains -A input -p udp -l\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int k = 0; k < 5; k++) {
		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 10);
	assert_int_equal(box_rule_packets(box, "input", 0), 10);
	assert_int_equal(box_rule_packets(box, "forward", 0), 5);
	assert_int_equal(box_session(box).initial_packets, 5);
	assert_int_equal(box_session(box).reply_packets, 5);
	box_close(box);
}

/* A session that was judged on one port comes by another, where a rule logs: from then on all of its
 * packets are looked at there. */
static void
logged_on_another_port(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), MASQ_ALL "ipchains -A input -i srv -p udp -l\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int k = 0; k < 3; k++)
		talk_out(&t, 0);
	t.inside_at = SRV;
	for (unsigned int k = 0; k < 4; k++)
		talk_out(&t, 0);
	assert_int_equal(box_rule_packets(box, "input", 1), 4);
	assert_int_equal(box_rule_packets(box, "input", 0), 7);
	box_close(box);
}

/* ICMP types are source ports to the rules (reference 5.2). */
static void
icmp_types(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "ipchains -A input -p icmp -s 0.0.0.0/0 8\n"
				 "ipchains -A input -p icmp -s 0.0.0.0/0 0\n"
				 "ipchains -A output -p icmp -s 203.0.113.1 8\n"
				 "ipchains -A output -p icmp -d 192.168.1.2 -s 0.0.0.0/0 0\n");
	struct talk t = TALK(box, ICMP, INSIDE, 77, OUTSIDE, 8);

	for (unsigned int k = 0; k < 4; k++) {
		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	for (unsigned int k = 1; k <= 2; k++) {
		assert_int_equal(box_rule_packets(box, "input", k), 4);
		assert_int_equal(box_rule_packets(box, "output", k), 4);
	}
	box_close(box);
}

/* One session, several codes: each packet is judged by its own (a code is a destination port, 5.2). */
static void
icmp_codes(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL
			"ipchains -A input -p icmp -s 0.0.0.0/0 8 -d 0.0.0.0/0 0 -j ACCEPT\n"
			"ipchains -A input -p icmp -s 0.0.0.0/0 8 -d 0.0.0.0/0 3 -j DENY\n"
			"ipchains -A input -p icmp -s 0.0.0.0/0 8 -d 0.0.0.0/0 4:5\n"
			"ipchains -A input -p icmp -s 0.0.0.0/0 0 -d 0.0.0.0/0 3 -j DENY\n");
	struct talk t = TALK(box, ICMP, INSIDE, 77, OUTSIDE, 8);
	struct masq_test_pkt odd = talk_out_pkt(&t, 0), odd_answer;

	/* The first of the session has a code: what is said of it is remembered for nobody else. */
	odd.icmp_code = 4;
	talk_out_with(&t, odd);
	for (unsigned int round = 0; round < 3; round++) {
		talk_out(&t, 0);
		odd.icmp_code = 3;
		box_drops_seen(box);
		box_send(box, LAN, &odd);
		box_expect_drop(box, MASQ_DROP_INPUT_DENY);
		odd.icmp_code = 5;
		talk_out_with(&t, odd);
		talk_in(&t, 0);
		odd_answer = talk_in_pkt(&t, 0);
		odd_answer.icmp_code = 3;
		box_drops_seen(box);
		box_send(box, WAN, &odd_answer);
		box_expect_drop(box, MASQ_DROP_INPUT_DENY);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 3);
	assert_int_equal(box_rule_packets(box, "input", 2), 3);
	assert_int_equal(box_rule_packets(box, "input", 3), 4);
	assert_int_equal(box_rule_packets(box, "input", 4), 3);
	assert_int_equal(box_sessions(box), 1);
	/* Plain pings still need no chain: all but the first of each direction. */
	assert_int_equal(box_counters(box).hits, 4);
	box_close(box);
}

/* An identifier that could be a type makes a key that two types share; rules tell them apart. */
static void
icmp_identifiers_like_types(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "ipchains -A input -p icmp -s 0.0.0.0/0 14 -j DENY\n");
	struct talk t = TALK(box, ICMP, INSIDE, 13, OUTSIDE, 8);
	struct masq_test_pkt reply = talk_out_pkt(&t, 0);

	reply.icmp_type = 14;
	reply.icmp_id = 8;
	for (unsigned int round = 0; round < 3; round++) {
		talk_out(&t, 0);
		box_drops_seen(box);
		box_send(box, LAN, &reply);
		box_expect_drop(box, MASQ_DROP_INPUT_DENY);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 3);
	box_close(box);
}

/* The output chain comes behind the translation, as in the original: the session is there, and ends. */
static void
denied_behind_the_translation(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL FORWARD "ipchains -A output -p udp -d 0.0.0.0/0 53 -j DENY\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk other = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 54);

	talk_out_dropped(&t, 0, MASQ_DROP_OUTPUT_DENY);
	talk_out_dropped(&t, 0, MASQ_DROP_OUTPUT_DENY);
	talk_out(&other, 0);
	assert_int_equal(box_sessions(box), 2);
	box_advance(box, 302000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* Some paths are as many as rules of two chains can make together: they do not fit any more. What has no
 * path is judged and counted packet by packet. */
static void
more_paths_than_are_remembered(void **state)
{
	enum {
		RULES = 92 /* of each chain */
	};

	size_t size = RULES * 128, used = 0;
	struct masq_test_box *box;
	char *text = malloc(size);

	assert_non_null(text);
	for (unsigned int k = 1; k <= RULES; k++)
		used += (size_t)snprintf(text + used, size - used,
				"ipchains -A forward -p udp -d 0.0.0.0/0 %u -j MASQ\n"
				"ipchains -A input -p udp -s 0.0.0.0/0 %u\n",
				k, 1000 + k);
	box = box_open(box_workers(state), text);
	free(text);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int k = 0; k < RULES * RULES; k++) {
			struct masq_test_pkt pkt = udp_to_port((uint16_t)(1 + k % RULES));

			pkt.sport = (uint16_t)(1001 + k / RULES);
			box_send(box, LAN, &pkt);
			assert_int_equal(box_take(box, WAN).dport, pkt.dport);
			if (k % 2000 == 1999) /* there are 4096 sessions */
				box_advance(box, 310000);
		}
		box_advance(box, 310000);
	}
	for (unsigned int k = 1; k <= RULES; k++) {
		assert_int_equal(box_rule_packets(box, "forward", k), 2 * RULES);
		assert_int_equal(box_rule_packets(box, "input", k), 2 * RULES);
	}
	assert_int_equal(box_rule_packets(box, "forward", 0), 0);
	assert_int_equal(box_rule_packets(box, "input", 0), 2 * RULES * RULES);
	assert_int_equal(box_rule_packets(box, "output", 0), 2 * RULES * RULES);
	box_close(box);
}

/* A packet meets more rules than a result holds, and more than are ever remembered: its flow's next
 * packets are judged by none, or each by all. Exact in any case; also where a SYN is told from data. */
static void
long_paths(void **state)
{
	static const struct {
		unsigned int rules;
		const char *more;
		bool remembered;
	} rows[] = {
		{ 60, "", true },
		{ 64, "", true },
		{ 100, "", true },
		{ 1000, "", true },
		{ 1000, "ipchains -I input -p tcp -y\n", true },
		{ 4093, "", true },
		{ 4095, "", false },
		{ 4095, "ipchains -I input -p tcp -y\n", false },
	};

	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		size_t size = 64 * (rows[r].rules + 4), used;
		char *text = malloc(size);
		struct masq_test_box *box;
		struct talk t;
		uint64_t misses;
		uint32_t last = rows[r].rules + (rows[r].more[0] != '\0');

		assert_non_null(text);
		used = (size_t)snprintf(text, size, MASQ_ALL);
		for (unsigned int k = 0; k < rows[r].rules; k++)
			used += (size_t)snprintf(text + used, size - used,
					"ipchains -A input -p tcp -s ! 10.0.%u.%u\n", k / 256,
					k % 256);
		snprintf(text + used, size - used, "%s", rows[r].more);
		box = box_open(box_workers(state), text);
		free(text);
		t = (struct talk)TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
		talk_open_from_inside(&t);
		misses = box_counters(box).misses;
		for (unsigned int k = 0; k < 3; k++) {
			talk_out(&t, ACK);
			talk_in(&t, ACK);
		}
		assert_int_equal(box_counters(box).misses - misses, rows[r].remembered ? 0 : 6);
		assert_int_equal(box_rule_packets(box, "input", last), 9);
		assert_int_equal(box_rule_packets(box, "input", last - 50), 9);
		assert_int_equal(box_rule_packets(box, "input", 0), 9);
		assert_int_equal(box_rule_packets(box, "forward", 0), 5);
		assert_int_equal(box_rule_packets(box, "output", 0), 9);
		box_close(box);
	}
}

/* Each rule of a large set is met by a flow of its own; their next packets are judged by none. */
static void
every_rule_of_many_is_remembered(void **state)
{
	enum {
		RULES = 10000
	};

	size_t size = RULES * 64, used = 0;
	struct masq_test_box *box;
	char *text = malloc(size);
	uint64_t misses;

	assert_non_null(text);
	for (unsigned int k = 1; k <= RULES; k++)
		used += (size_t)snprintf(text + used, size - used,
				"ipchains -A forward -p udp -d 0.0.0.0/0 %u -j MASQ\n", k);
	box = box_open_with(&(struct masq_test_box_options){
			.workers = box_workers(state), .sessions = 16384, .rules = text });
	free(text);
	for (unsigned int round = 0; round < 2; round++) {
		misses = box_counters(box).misses;
		for (unsigned int k = 1; k <= RULES; k++) {
			struct masq_test_pkt pkt = udp_to_port((uint16_t)k);

			box_send(box, LAN, &pkt);
			assert_int_equal(box_take(box, WAN).dport, k);
		}
	}
	assert_int_equal(box_counters(box).misses, misses);
	for (unsigned int k = 1000; k <= RULES; k += 1000)
		assert_int_equal(box_rule_packets(box, "forward", k), 2);
	box_close(box);
}

/*
 * New flows of one kind: the first asks the chains, the others are told what it was; each is counted.
 * What is odd about a packet is still seen, and new rules are asked anew.
 */
static void
flows_of_a_kind_are_judged_once_and_counted_all(void **state)
{
	enum {
		FLOWS = 50
	};
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -p udp -s 192.168.1.0/24\n"
			"ipchains -A forward -p udp -s 192.168.1.0/24 -d 0/0 1:1023 -j MASQ\n"
			"ipchains -A output -p udp -d 0/0 53\n"
			"ipchains -P forward DENY\n");
	struct masq_test_pkt odd;

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);

		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), FLOWS);
	assert_int_equal(box_rule_packets(box, "forward", 1), FLOWS);
	assert_int_equal(box_rule_packets(box, "output", 1), FLOWS);
	assert_int_equal(box_rule_packets(box, "output", 0), 2 * FLOWS);

	struct talk t = TALK(box, UDP, INSIDE, 3000, OUTSIDE, 53);

	odd = talk_out_pkt(&t, 0);
	odd.src = box_address(LAN);
	box_drops_seen(box);
	box_send(box, LAN, &odd);
	box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	odd = talk_out_pkt(&t, 0);
	odd.ttl = 1;
	box_send(box, LAN, &odd);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_take(box, LAN);
	odd = talk_out_pkt(&t, 0);
	odd.dport = 1024;
	box_send(box, LAN, &odd);
	box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
	box_rules(box, "ipchains -A forward -p udp -s 192.168.1.0/24 -j REJECT\n");
	odd = talk_out_pkt(&t, 0);
	box_send(box, LAN, &odd);
	box_expect_drop(box, MASQ_DROP_FORWARD_REJECT);
	box_take(box, LAN);
	box_close(box);
}

/* New rules deny a kind. A session of another kind that is judged anew in between must not be taken for
 * that: the next flow of the kind is denied like the first. */
static void
a_session_judged_anew_says_nothing_of_others(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk old = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 80);
	struct masq_test_pkt denied = udp_to_port(25);

	talk_out(&old, 0);
	box_rules(box, MASQ_ALL "ipchains -I forward -p udp -d 0/0 25 -j DENY\n");
	for (uint16_t k = 0; k < 3; k++) {
		denied.sport = (uint16_t)(2000 + k);
		box_drops_seen(box);
		box_send(box, LAN, &denied);
		box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
		talk_out(&old, 0);
	}
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(flows_of_a_kind_are_judged_once_and_counted_all),
		BOX_ROWS(a_session_judged_anew_says_nothing_of_others),
		BOX_ROWS(deny_and_reject),
		BOX_ROWS(policies),
		BOX_ROWS(user_chains),
		BOX_ROWS(a_loop_of_chains),
		BOX_ROWS(established_flows_are_counted),
		BOX_ROWS(routed_flows_are_counted),
		BOX_ROWS(syn_and_data_are_told_apart),
		BOX_ROWS(denied_syns),
		BOX_ROWS(interfaces),
		BOX_ROWS(denied_while_a_session_lives),
		BOX_ROWS(no_longer_masqueraded),
		BOX_ROWS(counters_survive_a_reload),
		BOX_ROWS(logged_packets_are_counted),
		BOX_ROWS(logged_on_another_port),
		BOX_ROWS(icmp_types),
		BOX_ROWS(icmp_codes),
		BOX_ROWS(icmp_identifiers_like_types),
		BOX_ROWS(more_paths_than_are_remembered),
		BOX_ROWS(every_rule_of_many_is_remembered),
		BOX_ROWS(long_paths),
		BOX_ROWS(denied_behind_the_translation),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
