/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain routing, without sessions; and the packets that nobody may route. */
#include <masq_pkt.h>

#include "masq_test_talk.h"

/* From an inside host to anywhere. */
static struct masq_test_pkt
udp_to(const char *dst)
{
	return (struct masq_test_pkt){
		.src = INSIDE, .sport = 1025, .dst = dst, .dport = 53, .payload = "hello"
	};
}

static void
accepted_packets_are_routed(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = udp_to(SERVER),
			     back = { .proto = IPPROTO_TCP,
				     .src = SERVER,
				     .sport = 80,
				     .dst = INSIDE,
				     .dport = 1025 };
	struct masq_test_pkt left = onward(pkt), back_left = onward(back);
	struct masq_test_pkt out = udp_to(OUTSIDE), out_left = onward(out);
	struct masq_test_pkt gre = { .proto = 47, .src = INSIDE, .dst = SERVER, .payload = "gre" };
	struct masq_test_pkt gre_left = onward(gre);

	for (unsigned int round = 0; round < 2; round++) {
		box_send(box, LAN, &pkt);
		box_expect(box, SRV, &left);
		box_send(box, SRV, &back);
		box_expect(box, LAN, &back_left);
		box_send(box, LAN, &out);
		box_expect(box, WAN, &out_left);
		box_send(box, LAN, &gre);
		box_expect(box, SRV, &gre_left);
	}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	assert_int_equal(box_rule_packets(box, "forward", 0), 8);
	box_close(box);
}

/* Bursts that are full, of flows that nobody knows, and then knows: each packet goes its own way. */
static void
full_bursts_go_many_ways(void **state)
{
	enum {
		PACKETS = 256
	};

	static const char *const hosts[] = { SERVER, OUTSIDE, OUTSIDE };
	struct masq_test_box *box = box_open(box_workers(state), NULL);

	box_hello(box, SRV, SERVER);
	box_hello(box, WAN, "203.0.113.254");
	for (unsigned int round = 0; round < 2; round++) {
		unsigned int left[2] = { 0, 0 };

		for (uint16_t k = 0; k < PACKETS; k++) {
			struct masq_test_pkt pkt = udp_to(hosts[k % 3]);

			pkt.sport = (uint16_t)(2000 + k);
			pkt.dport = k % 3;
			box_put(box, LAN, &pkt);
		}
		box_run(box);
		for (; box_waiting(box, SRV) > 0; left[0]++)
			assert_int_equal(box_take(box, SRV).dport, 0);
		for (; box_waiting(box, WAN) > 0; left[1]++)
			assert_int_not_equal(box_take(box, WAN).dport, 0);
		assert_int_equal(left[0], (PACKETS + 2) / 3);
		assert_int_equal(left[1], PACKETS - left[0]);
	}
	box_close(box);
}

/* Between two hosts of one network, if they insist. */
static void
back_by_the_port_it_came_from(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = udp_to("192.168.1.9"), left = onward(pkt);

	box_send(box, LAN, &pkt);
	box_expect(box, LAN, &left);
	box_expect_nothing(box);
	box_close(box);
}

static void
time_to_live(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = udp_to(SERVER), left, error;

	box_hello(box, LAN, INSIDE);
	pkt.ttl = 2;
	left = onward(pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &left);
	pkt.ttl = 1;
	error = box_error(LAN, &pkt, 11, 0, 0);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect(box, LAN, &error);
	pkt.ttl = MASQ_TEST_ZERO;
	error = box_error(LAN, &pkt, 11, 0, 0);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

static void
no_route(void **state)
{
	const struct masq_test_box_options island = { .workers = box_workers(state),
		.no_gateway = true };
	struct masq_test_box *box = box_open_with(&island);
	struct masq_test_pkt pkt = udp_to(OUTSIDE), error = box_error(LAN, &pkt, 3, 0, 0);

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NO_ROUTE);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

static void
too_big_with_df(void **state)
{
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.wan_mtu = 600 };
	struct masq_test_box *box = box_open_with(&small);
	struct masq_test_pkt pkt = udp_to(OUTSIDE), left, error;

	box_hello(box, LAN, INSIDE);
	pkt.payload = NULL;
	pkt.payload_bytes = 600 - 28;
	pkt.dont_fragment = true;
	left = onward(pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &left);
	pkt.payload_bytes++;
	error = box_error(LAN, &pkt, 3, 4, 600);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_MTU);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

/* Without DF the packet is cut: 576 bytes are the most that fit 600 and are a multiple of 8. */
static void
cut_to_the_next_link(void **state)
{
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.wan_mtu = 600 };
	struct masq_test_box *box = box_open_with(&small);
	struct masq_test_pkt pkt = udp_to(OUTSIDE), piece;

	pkt.payload = NULL;
	pkt.payload_bytes = 1300;
	pkt.ip_id = 4711;
	for (unsigned int round = 0; round < 2; round++) {
		box_send(box, LAN, &pkt);
		piece = onward(pkt);
		piece.frag_bytes = 576;
		box_expect(box, WAN, &piece);
		piece.frag_offset_bytes = 576;
		box_expect(box, WAN, &piece);
		piece.frag_offset_bytes = 1152;
		piece.frag_bytes = 0;
		box_expect(box, WAN, &piece);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Packets of one burst leave in its order, cut or not. */
static void
cut_in_its_place(void **state)
{
	const struct masq_test_box_options narrow = {
		.workers = box_workers(state), .wan_mtu = 600, .rules = MASQ_ALL
	};
	struct masq_test_box *box = box_open_with(&narrow);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt small = talk_out_pkt(&t, 0), big = small, left;

	big.payload = NULL;
	big.payload_bytes = 1000;
	talk_out(&t, 0);
	box_put(box, LAN, &small);
	box_put(box, LAN, &big);
	box_put(box, LAN, &small);
	box_run(box);
	left = talk_out_translated(&t, small);
	box_expect(box, WAN, &left);
	left = talk_out_translated(&t, big);
	left.frag_bytes = 576;
	box_expect(box, WAN, &left);
	left.frag_offset_bytes = 576;
	left.frag_bytes = 0;
	box_expect(box, WAN, &left);
	left = talk_out_translated(&t, small);
	box_expect(box, WAN, &left);
	box_close(box);
}

static void
masqueraded_and_cut(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .wan_mtu = 600, .rules = MASQ_ALL
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt, piece;

	talk_out(&t, 0);
	for (unsigned int round = 0; round < 2; round++) {
		pkt = talk_out_pkt(&t, 0);
		pkt.payload = NULL;
		pkt.payload_bytes = 1300;
		box_send(box, LAN, &pkt);
		piece = talk_out_translated(&t, pkt);
		piece.frag_bytes = 576;
		box_expect(box, WAN, &piece);
		piece.frag_offset_bytes = 576;
		box_expect(box, WAN, &piece);
		piece.frag_offset_bytes = 1152;
		piece.frag_bytes = 0;
		box_expect(box, WAN, &piece);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* The kind is known from smaller packets; one that begins with a long one is cut, or refused, all the
 * same. */
static void
a_known_kind_begins_with_a_long_packet(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .wan_mtu = 600, .rules = MASQ_ALL
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk known[] = {
		TALK(box, UDP, INSIDE, 1024, OUTSIDE, 53), /* waits for its neighbour */
		TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53), /* from this one it is known */
	};
	struct talk t = TALK(box, UDP, INSIDE, 1026, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), piece, error;

	talk_out(&known[0], 0);
	talk_out(&known[1], 0);
	pkt.payload = NULL;
	pkt.payload_bytes = 1000;
	pkt.dont_fragment = true;
	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_MTU);
	error = box_error(LAN, &pkt, 3, 4, 600);
	box_expect(box, LAN, &error);
	assert_int_equal(box_sessions(box), 2);
	pkt.dont_fragment = false;
	box_send(box, LAN, &pkt);
	piece = talk_out_translated(&t, pkt);
	piece.frag_bytes = 576;
	t.visible_port = box_expect(box, WAN, &piece).sport;
	piece = talk_out_translated(&t, pkt);
	piece.frag_offset_bytes = 576;
	box_expect(box, WAN, &piece);
	talk_in(&t, 0);
	assert_int_equal(box_sessions(box), 3);
	box_close(box);
}

static void
longest_prefix_wins(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"route add 10.0.0.0/8 via 192.168.16.9\n"
			"route add 10.9.0.0/16 via 203.0.113.7\n"
			"route add 10.9.9.9 via 192.168.1.7\n");
	struct masq_test_pkt pkt = udp_to("10.1.1.1"), left = onward(pkt);

	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &left);
	pkt = udp_to("10.9.1.1");
	left = onward(pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &left);
	pkt = udp_to("10.9.9.9");
	left = onward(pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, LAN, &left);

	/* Without the special ones, the next shorter one takes over. */
	box_rules(box, "route add 10.0.0.0/8 via 192.168.16.9\n");
	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &left);
	box_rules(box, NULL);
	box_expect_nothing(box);
	box_close(box);
}

/* A session follows a change of routes with its next packet. */
static void
sessions_follow_routes(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	talk_in(&t, 0);
	box_rules(box, MASQ_ALL "route add 209.81.8.0/24 via 192.168.16.9\n");
	t.outside_at = SRV;
	talk_out(&t, 0);
	talk_in(&t, 0);
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

/* The way is taken away under a living session: its hosts learn, and it goes on when it is back. */
static void
a_route_goes_and_comes_back(void **state)
{
	static const char way[] = MASQ_ALL "route add 209.81.8.0/24 via 192.168.16.9\n";
	const struct masq_test_box_options options = {
		.workers = box_workers(state), .no_gateway = true, .rules = way
	};
	struct masq_test_box *box = box_open_with(&options);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), error = box_error(LAN, &pkt, 3, 0, 0);

	t.outside_at = SRV;
	t.visible = BOX_SRV;
	talk_out(&t, 0);
	talk_in(&t, 0);
	box_rules(box, MASQ_ALL);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NO_ROUTE);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	assert_int_equal(box_rule_packets(box, "input", 0), 3);
	box_rules(box, way);
	talk_out(&t, 0);
	talk_in(&t, 0);
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

static void
broadcast_and_multicast(void **state)
{
	static const char *const broadcasts[] = { "255.255.255.255", "192.168.1.255",
		"203.0.113.255", "192.168.16.0" };
	static const char *const groups[] = { "224.0.0.1", "239.255.255.250" };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt;

	for (unsigned int k = 0; k < 4; k++) {
		pkt = udp_to(broadcasts[k]);
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_BROADCAST);
		pkt.dst_mac = "ff:ff:ff:ff:ff:ff";
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_BROADCAST);
	}
	for (unsigned int k = 0; k < 2; k++) {
		pkt = udp_to(groups[k]);
		pkt.dst_mac = "01:00:5e:00:00:01";
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_MULTICAST);
	}
	/* A single host's address in a frame to everybody. */
	pkt = udp_to(OUTSIDE);
	pkt.dst_mac = "ff:ff:ff:ff:ff:ff";
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_BROADCAST);
	box_expect_nothing(box);
	box_close(box);
}

static void
martians(void **state)
{
	static const char *const sources[] = { "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1",
		"255.255.255.255" };
	static const char *const destinations[] = { "0.1.2.3", "127.0.0.1", "240.0.0.1" };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt;

	for (unsigned int k = 0; k < 5; k++) {
		pkt = udp_to(OUTSIDE);
		pkt.src = sources[k];
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	}
	for (unsigned int k = 0; k < 3; k++) {
		pkt = udp_to(destinations[k]);
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_MARTIAN_DESTINATION);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Nobody else may send as one of our own addresses, to us, through us, or as an error. */
static void
own_source(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt = udp_to(OUTSIDE);
	const struct masq_test_pkt quoted = udp_to(OUTSIDE);
	const struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
		.src = BOX_LAN,
		.dst = OUTSIDE,
		.icmp_type = 3,
		.quote = &quoted };

	pkt.src = BOX_LAN;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	pkt.src = BOX_WAN;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	pkt.dst = BOX_LAN;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	box_send(box, LAN, &error);
	box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	box_expect_nothing(box);
	box_close(box);
}

/* All hosts of a connected network are no sender either. */
static void
broadcast_source(void **state)
{
	static const char *const sources[] = { "192.168.1.255", "192.168.1.0", "203.0.113.255" };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt = udp_to(OUTSIDE);
	struct masq_test_pkt ping = {
		.proto = IPPROTO_ICMP, .dst = BOX_LAN, .icmp_type = 8, .icmp_id = 7
	};

	for (unsigned int k = 0; k < 3; k++) {
		pkt.src = ping.src = sources[k];
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
		box_send(box, LAN, &ping);
		box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	}
	assert_int_equal(box_sessions(box), 0);
	box_expect_nothing(box);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(accepted_packets_are_routed),
		BOX_ROWS(full_bursts_go_many_ways),
		BOX_ROWS(back_by_the_port_it_came_from),
		BOX_ROWS(time_to_live),
		BOX_ROWS(no_route),
		BOX_ROWS(too_big_with_df),
		BOX_ROWS(cut_to_the_next_link),
		BOX_ROWS(cut_in_its_place),
		BOX_ROWS(masqueraded_and_cut),
		BOX_ROWS(a_known_kind_begins_with_a_long_packet),
		BOX_ROWS(longest_prefix_wins),
		BOX_ROWS(sessions_follow_routes),
		BOX_ROWS(a_route_goes_and_comes_back),
		BOX_ROWS(broadcast_and_multicast),
		BOX_ROWS(martians),
		BOX_ROWS(own_source),
		BOX_ROWS(broadcast_source),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("routing", tests, NULL, NULL);
}
