/* SPDX-License-Identifier: BSD-3-Clause */
/* Masquerading: inside hosts go out under the box's address, answers come back. */
#include <stdio.h>
#include <string.h>

#include "masq_test_talk.h"

static void
udp_there_and_back(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int round = 0; round < 3; round++) {
		talk_out(&t, 0);
		talk_in(&t, 0);
	}
	box_expect_nothing(box);
	assert_in_range(t.visible_port, 1024, 65535);
	assert_int_equal(box_sessions(box), 1);
	assert_int_equal(box_rule_packets(box, "forward", 0), 3);
	assert_int_equal(box_rule_packets(box, "input", 0), 6);
	assert_int_equal(box_rule_packets(box, "output", 0), 6);
	box_close(box);
}

static void
tcp_there_and_back(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);

	talk_open_from_inside(&t);
	for (unsigned int round = 0; round < 3; round++) {
		talk_out(&t, ACK);
		talk_in(&t, ACK);
	}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 1);
	assert_int_equal(box_session(box).state, MASQ_STATE_ESTABLISHED);
	assert_int_equal(box_session(box).initial_packets, 5);
	assert_int_equal(box_session(box).reply_packets, 4);
	box_close(box);
}

/* Echo, timestamp, information, mask: each is a query with its own identifier. */
static void
icmp_queries(void **state)
{
	static const uint8_t types[] = { 8, 13, 15, 17 };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	for (unsigned int k = 0; k < 4; k++) {
		struct talk t = TALK(box, ICMP, INSIDE, 77, OUTSIDE, types[k]);

		talk_out(&t, 0);
		talk_in(&t, 0);
		talk_out(&t, 0);
		talk_in(&t, 0);
		assert_int_equal(box_sessions(box), k + 1);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Two hosts ping the same host with the same identifier. */
static void
icmp_identifiers_do_not_collide(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk a = TALK(box, ICMP, INSIDE, 1, OUTSIDE, 8);
	struct talk b = TALK(box, ICMP, "192.168.1.3", 1, OUTSIDE, 8);

	talk_out(&a, 0);
	talk_out(&b, 0);
	assert_int_not_equal(a.visible_port, b.visible_port);
	talk_in(&b, 0);
	talk_in(&a, 0);
	box_close(box);
}

/* "Not computed by the sender" stays so: there is nothing to correct. */
static void
udp_without_checksum(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt;

	for (unsigned int round = 0; round < 2; round++) {
		pkt = talk_out_pkt(&t, 0);
		pkt.no_udp_checksum = true;
		talk_out_with(&t, pkt);
		pkt = talk_in_pkt(&t, 0);
		pkt.no_udp_checksum = true;
		talk_in_with(&t, pkt);
	}
	box_close(box);
}

static void
ip_options_pass(void **state)
{
	static const uint8_t record_route[8] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct masq_test_pkt pkt = talk_out_pkt(&t, SYN);

	pkt.options = record_route;
	pkt.option_bytes = sizeof(record_route);
	talk_out_with(&t, pkt);
	pkt = talk_in_pkt(&t, SYN | ACK);
	pkt.options = record_route;
	pkt.option_bytes = sizeof(record_route);
	talk_in_with(&t, pkt);
	pkt = talk_out_pkt(&t, ACK);
	pkt.options = record_route;
	pkt.option_bytes = sizeof(record_route);
	talk_out_with(&t, pkt);
	box_close(box);
}

/* A rule that says -t: the first packet and all later ones, and the header checksum with them. */
static void
type_of_service_is_rewritten(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "ipchains -A output -p tcp -d 0.0.0.0/0 80 -t 0x01 0x10\n");
	struct talk flows[] = {
		TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80), /* waits for its neighbour */
		TALK(box, TCP, INSIDE, 1026, OUTSIDE, 80), /* what the chains say is remembered */
		TALK(box, TCP, INSIDE, 1027, OUTSIDE, 80), /* and told to this one */
	};

	for (unsigned int k = 0; k < 9; k++) {
		unsigned int round = k % 3;
		struct talk t = flows[k / 3];
		struct masq_test_pkt pkt = talk_out_pkt(&t, round == 0 ? SYN : ACK), left;

		pkt.tos = 0x09;
		left = talk_out_translated(&t, pkt);
		left.tos = 0x11;
		box_send(box, LAN, &pkt);
		flows[k / 3].visible_port = t.visible_port = box_expect(box, WAN, &left).sport;
		talk_in(&t, round == 0 ? SYN | ACK : ACK);
	}
	box_close(box);
}

/* Errors about a session and what the box itself answers are no exception. */
static void
type_of_service_of_icmp(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), MASQ_ALL "ipchains -A output -p icmp -t 0x01 0x10\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt ping = { .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = BOX_LAN,
		.icmp_type = 8,
		.icmp_id = 7,
		.tos = 0x08 };
	struct masq_test_pkt about, about_inside, error, arrives;

	talk_out(&t, 0);
	about = talk_out_translated(&t, talk_out_pkt(&t, 0));
	error = (struct masq_test_pkt){ .proto = IPPROTO_ICMP,
		.src = OUTSIDE,
		.dst = BOX_WAN,
		.icmp_type = 3,
		.icmp_code = 3,
		.tos = 0xc1,
		.quote = &about };
	arrives = onward(error);
	about_inside = onward(talk_out_pkt(&t, 0));
	arrives.quote = &about_inside;
	arrives.dst = INSIDE;
	arrives.tos = 0x11;
	box_send(box, WAN, &error);
	box_expect(box, LAN, &arrives);

	box_send(box, LAN, &ping);
	ping.src = BOX_LAN;
	ping.dst = INSIDE;
	ping.icmp_type = 0;
	ping.tos = 0x10;
	box_expect(box, LAN, &ping);
	box_close(box);
}

/* One external port serves several inside hosts, as long as their peers differ. */
static void
ports_are_shared_towards_other_peers(void **state)
{
	const struct masq_test_box_options narrow = {
		.workers = box_workers(state),
		.rules = MASQ_ALL,
		.port_low = 40000,
		.port_high = 40003,
	};
	struct masq_test_box *box = box_open_with(&narrow);
	char peer[40][16];
	struct talk t[40];

	for (unsigned int k = 0; k < 40; k++) {
		snprintf(peer[k], sizeof(peer[k]), "209.81.8.%u", 10 + k);
		t[k] = (struct talk)TALK(box, UDP, INSIDE, 1025, peer[k], 53);
		talk_out(&t[k], 0);
		assert_in_range(t[k].visible_port, 40000, 40003);
	}
	for (unsigned int k = 0; k < 40; k++)
		talk_in(&t[k], 0);
	assert_int_equal(box_sessions(box), 40);
	box_close(box);
}

/* No two flows may share a reply tuple, and each gets its own answers. */
static void
many_flows(void **state)
{
	enum {
		FLOWS = 600
	};
	static struct talk t[FLOWS];
	static char host[FLOWS][16];
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	static bool used[65536];

	memset(used, 0, sizeof(used));
	for (unsigned int k = 0; k < FLOWS; k++) {
		snprintf(host[k], sizeof(host[k]), "192.168.1.%u", 2 + k % 200);
		t[k] = (struct talk)TALK(box, TCP, host[k], (uint16_t)(1025 + k), OUTSIDE, 80);
		talk_out(&t[k], SYN);
		assert_false(used[t[k].visible_port]);
		used[t[k].visible_port] = true;
	}
	for (unsigned int k = 0; k < FLOWS; k++)
		talk_in(&t[k], SYN | ACK);
	for (unsigned int k = FLOWS; k-- > 0;)
		talk_out(&t[k], ACK);
	assert_int_equal(box_sessions(box), FLOWS);
	assert_int_equal(box_counters(box).sessions_created, FLOWS);
	box_close(box);
}

/* A rule before MASQ says for whom the inside keeps its addresses (RFC 6888 REQ-6). */
static void
not_masqueraded_towards_some(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A forward -d 198.51.100.0/24 -j ACCEPT\n"
			"ipchains -A forward -p udp -d 0.0.0.0/0 123 -j ACCEPT\n" MASQ_ALL);
	struct talk hidden = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk by_address = TALK(box, UDP, INSIDE, 1025, "198.51.100.9", 53);
	struct talk by_port = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 123);

	by_address.visible = by_port.visible = INSIDE;
	by_address.visible_port = by_port.visible_port = 1025;
	for (unsigned int round = 0; round < 2; round++) {
		talk_out(&hidden, 0);
		talk_out(&by_address, 0);
		talk_out(&by_port, 0);
		talk_in(&hidden, 0);
	}
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

/* The same port of the box, but another sender, another port of the same sender, another protocol. */
static void
strangers_are_not_let_in(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53), stranger;

	talk_out(&t, 0);
	stranger = t;
	stranger.outside = "209.81.8.6";
	talk_in_dropped(&stranger, 0, MASQ_DROP_LOCAL);
	stranger = t;
	stranger.outside_port = 54;
	talk_in_dropped(&stranger, 0, MASQ_DROP_LOCAL);
	stranger = t;
	stranger.proto = IPPROTO_TCP;
	talk_in_dropped(&stranger, SYN, MASQ_DROP_LOCAL);
	assert_int_equal(box_waiting(box, LAN), 0);
	talk_in(&t, 0);
	box_close(box);
}

/* Any segment from inside opens a session (reference 1.4), also after the box was restarted. */
static void
mid_stream_pick_up(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);

	talk_out(&t, ACK);
	assert_int_equal(box_session(box).state, MASQ_STATE_ESTABLISHED);
	talk_in(&t, ACK);
	talk_out(&t, ACK);
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

/* Protocols without ports cannot be told apart afterwards: never sent with the inside source. */
static void
other_protocols_are_dropped_by_name(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	const struct masq_test_pkt gre = {
		.proto = 47, .src = INSIDE, .dst = OUTSIDE, .payload = "anything"
	};
	const struct masq_test_pkt stray_reply = {
		.proto = IPPROTO_ICMP, .src = INSIDE, .dst = OUTSIDE, .icmp_type = 0, .icmp_id = 5
	};
	const struct masq_test_pkt redirect = {
		.proto = IPPROTO_ICMP, .src = INSIDE, .dst = OUTSIDE, .icmp_type = 5
	};

	box_send(box, LAN, &gre);
	box_expect_drop(box, MASQ_DROP_PROTOCOL);
	box_send(box, LAN, &stray_reply);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	box_send(box, LAN, &redirect);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* Nor those whose identifier could be taken for the type of a query. */
static void
stray_answers_are_dropped_whatever_their_identifier(void **state)
{
	static const uint8_t answers[] = { 0, 14, 16, 18 };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	for (unsigned int k = 0; k < sizeof(answers); k++)
		for (uint16_t id = 0; id < 20; id++) {
			const struct masq_test_pkt stray = { .proto = IPPROTO_ICMP,
				.src = INSIDE,
				.dst = OUTSIDE,
				.icmp_type = answers[k],
				.icmp_id = id };

			box_send(box, LAN, &stray);
			box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
		}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* Not even when the question is on its way for which they could be taken. */
static void
stray_answers_are_none_of_a_session(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk ping = TALK(box, ICMP, INSIDE, 8, OUTSIDE, 8);
	const struct masq_test_pkt stray = {
		.proto = IPPROTO_ICMP, .src = INSIDE, .dst = OUTSIDE, .icmp_type = 0, .icmp_id = 8
	};

	talk_out(&ping, 0);
	box_send(box, LAN, &stray);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	box_expect_nothing(box);
	talk_in(&ping, 0);
	talk_out(&ping, 0);
	assert_int_equal(box_session(box).initial_packets, 2);
	assert_int_equal(box_rule_packets(box, "input", 0), 4);
	box_close(box);
}

/* The payload is in two buffers, odd lengths: checksums are corrected, not computed over one part. */
static void
odd_lengths_and_padding(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (uint16_t bytes = 1; bytes < 20; bytes++) {
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0), left;

		pkt.payload = NULL;
		pkt.payload_bytes = bytes;
		left = talk_out_translated(&t, pkt);
		pkt.padding_bytes = bytes < 18 ? 18 - bytes : 0;
		box_send(box, LAN, &pkt);
		t.visible_port = box_expect(box, WAN, &left).sport;
	}
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(udp_there_and_back),
		BOX_ROWS(tcp_there_and_back),
		BOX_ROWS(icmp_queries),
		BOX_ROWS(icmp_identifiers_do_not_collide),
		BOX_ROWS(udp_without_checksum),
		BOX_ROWS(ip_options_pass),
		BOX_ROWS(type_of_service_is_rewritten),
		BOX_ROWS(type_of_service_of_icmp),
		BOX_ROWS(ports_are_shared_towards_other_peers),
		BOX_ROWS(many_flows),
		BOX_ROWS(not_masqueraded_towards_some),
		BOX_ROWS(strangers_are_not_let_in),
		BOX_ROWS(mid_stream_pick_up),
		BOX_ROWS(other_protocols_are_dropped_by_name),
		BOX_ROWS(stray_answers_are_dropped_whatever_their_identifier),
		BOX_ROWS(stray_answers_are_none_of_a_session),
		BOX_ROWS(odd_lengths_and_padding),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("masquerade", tests, NULL, NULL);
}
