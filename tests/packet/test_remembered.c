/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of verdicts: packets of a kind that is remembered are forwarded as the rules say, and
 * counted; who is alike to the rules needs the chains only once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_classes.h>
#include <masq_dp_manual.h>
#include <masq_pkt.h>
#include <masq_test_random.h>

#include "masq_test_talk.h"

/* From an inside host to anywhere. */
static struct masq_test_pkt
udp_to(const char *dst)
{
	return (struct masq_test_pkt){
		.src = INSIDE, .sport = 1025, .dst = dst, .dport = 53, .payload = "hello"
	};
}

/* A routed flow is remembered from its first packet on; what is not plain is looked at all the same. */
static void
remembered_flows(void **state)
{
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.wan_mtu = 600,
		.rules = "ipchains -A input -i lan\nipchains -A input -i srv\n" };
	struct masq_test_box *box = box_open_with(&small);
	struct masq_test_pkt pkt = udp_to(OUTSIDE), left = onward(pkt), odd, error;

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < 5; k++) {
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	odd = pkt;
	odd.ttl = 1;
	error = box_error(LAN, &odd, 11, 0, 0);
	box_send(box, LAN, &odd);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect(box, LAN, &error);
	odd = pkt;
	odd.payload = NULL;
	odd.payload_bytes = 700;
	odd.dont_fragment = true;
	error = box_error(LAN, &odd, 3, 4, 600);
	box_send(box, LAN, &odd);
	box_expect_drop(box, MASQ_DROP_MTU);
	box_expect(box, LAN, &error);
	odd.dont_fragment = false;
	box_send(box, LAN, &odd);
	odd = onward(odd);
	odd.frag_bytes = 576;
	box_expect(box, WAN, &odd);
	odd.frag_offset_bytes = 576;
	odd.frag_bytes = 0;
	box_expect(box, WAN, &odd);
	/* The same tuple by another port is another packet to the rules. */
	box_send(box, SRV, &pkt);
	box_expect(box, WAN, &left);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &left);
	assert_int_equal(box_rule_packets(box, "input", 1), 9);
	assert_int_equal(box_rule_packets(box, "input", 2), 1);
	assert_int_equal(box_rule_packets(box, "forward", 0), 8);
	box_expect_nothing(box);
	box_close(box);
}

/* -y, -t and -l in the way of a routed flow. */
static void
remembered_flows_are_judged(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -p tcp -y\n"
			"ipchains -A forward -p tcp ! -y\n"
			"ipchains -A output -p tcp -d 0.0.0.0/0 80 -t 0x01 0x10\n"
			"ipchains -A output -p tcp -d 0.0.0.0/0 81 -l\n");
	struct masq_test_pkt pkt = udp_to(OUTSIDE), left;

	pkt.proto = IPPROTO_TCP;
	pkt.dport = 80;
	for (unsigned int k = 0; k < 12; k++) {
		pkt.tcp_flags = k % 4 == 0 ? MASQ_TCP_SYN : MASQ_TCP_ACK;
		left = onward(pkt);
		left.tos = 0x10;
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 3);
	assert_int_equal(box_rule_packets(box, "forward", 1), 9);
	assert_int_equal(box_rule_packets(box, "output", 1), 12);
	pkt.dport = 81;
	for (unsigned int k = 0; k < 5; k++) {
		left = onward(pkt);
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	assert_int_equal(box_rule_packets(box, "output", 2), 5);
	assert_int_equal(box_rule_packets(box, "output", 0), 17);
	box_rules(box, "ipchains -A forward -p tcp -d 0.0.0.0/0 80 -j DENY\n");
	pkt.dport = 80;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
	box_rules(box, "");
	left = onward(pkt);
	box_send(box, LAN, &pkt);
	box_expect(box, WAN, &left);
	box_close(box);
}

/* Routed yesterday, the answers of a forwarded call today, routed again when the call has ended. */
static void
remembered_flow_becomes_a_session(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"
			"ipchains -A forward -p udp -s 192.168.16.27 5353 -d 198.51.100.0/25 -j MASQ\n");
	struct talk call = CALL(box, UDP, "198.51.100.200", 3000, 53, SERVER, 5353);
	struct masq_test_pkt pkt = talk_out_pkt(&call, 0), left = onward(pkt);

	for (unsigned int k = 0; k < 3; k++) {
		box_send(box, SRV, &pkt);
		box_expect(box, WAN, &left);
	}
	talk_in(&call, 0);
	talk_out_dropped(&call, 0, MASQ_DROP_REPLY_NOT_MASQ);
	talk_out_dropped(&call, 0, MASQ_DROP_REPLY_NOT_MASQ);
	box_advance(box, 302000);
	box_send(box, SRV, &pkt);
	box_expect(box, WAN, &left);
	box_close(box);
}

/* The next hop moves, or must be asked for again. */
static void
remembered_flow_and_its_neighbour(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = udp_to(SERVER), left = onward(pkt);
	struct masq_test_pkt moved = {
		.arp = 2, .src = SERVER, .dst = BOX_SRV, .src_mac = "02:00:00:00:99:99"
	};

	for (unsigned int k = 0; k < 3; k++) {
		box_send(box, LAN, &pkt);
		box_expect(box, SRV, &left);
	}
	box_send(box, SRV, &moved);
	left.dst_mac = "02:00:00:00:99:99";
	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &left);
	assert_int_equal(masq_dp_neighbours_flush(box_dp(box), 0), 0);
	left.dst_mac = NULL;
	box_send(box, LAN, &pkt);
	box_expect(box, SRV, &left);
	box_expect_nothing(box);
	box_close(box);
}

/* Host @p k of the world; even and odd ones. */
static const char *
world(char text[MASQ_IP4_TEXT_BYTES], uint32_t k)
{
	return masq_ip4_text(MASQ_IP4(198, 18, 0, 0) + k, text);
}

#define RULES_BYTES 65536

/* Rules with begin and end at @p n hosts of the world, every other one: it is refused. */
static void
refuse_even_hosts(char rules[RULES_BYTES], uint32_t n)
{
	size_t len = 0;

	rules[0] = '\0';
	for (uint32_t k = 0; k < n; k++) {
		char host[MASQ_IP4_TEXT_BYTES];

		len += (size_t)snprintf(rules + len, RULES_BYTES - len,
				"ipchains -A forward -p udp -d %s -j DENY\n", world(host, 2 * k));
	}
	assert_true(len < RULES_BYTES);
}

/* Both directions of flows with many hosts: the box has room for few, and needs even fewer. */
static void
hosts_behind_a_gateway(void **state)
{
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.sessions = 64 };
	struct masq_test_box *box = box_open_with(&small);
	static char rules[RULES_BYTES];

	for (uint32_t n_rules = 0; n_rules <= 80; n_rules += 40) {
		uint64_t misses, routed;

		refuse_even_hosts(rules, n_rules);
		box_rules(box, rules);
		box_hello(box, LAN, INSIDE);
		misses = box_counters(box).misses;
		routed = box_counters(box).routed;
		for (uint32_t k = 0; k < 3000; k++) {
			char host[MASQ_IP4_TEXT_BYTES];
			struct masq_test_pkt pkt = udp_to(world(host, 1000 + k)), left;
			struct masq_test_pkt back = { .src = host,
				.sport = 53,
				.dst = INSIDE,
				.dport = 1025,
				.payload = "hi" };

			pkt.sport = (uint16_t)(1025 + k);
			back.dport = pkt.sport;
			left = onward(pkt);
			box_send(box, LAN, &pkt);
			box_expect(box, WAN, &left);
			left = onward(back);
			box_send(box, WAN, &back);
			box_expect(box, LAN, &left);
		}
		/* Two kinds; each worker meets them once, and waits for the neighbours once. */
		assert_in_range(box_counters(box).misses - misses, 2, 4 * box_workers(state));
		assert_in_range(box_counters(box).routed - routed, 6000 - 4 * box_workers(state),
				6000);
	}
	box_close(box);
}

/* Any number of rules about hosts, as classes, too many for these, and with ports that differ, too. */
static void
hosts_that_rules_tell_apart(void **state)
{
	static const uint32_t n_rules[] = { 3, 16, 17, 100, 127, 128, 600 };
	static char rules[RULES_BYTES];
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	uint64_t rnd = 20261125;

	box_hello(box, LAN, INSIDE);
	for (unsigned int round = 0; round < RTE_DIM(n_rules); round++) {
		uint64_t routed = box_counters(box).routed;
		unsigned int sent = 0;

		refuse_even_hosts(rules, n_rules[round]);
		box_rules(box, rules);
		for (unsigned int k = 0; k < 300; k++) {
			uint32_t number = test_random_below(&rnd, 2 * RTE_MIN(n_rules[round], 60u));
			char host[MASQ_IP4_TEXT_BYTES];
			struct masq_test_pkt pkt = udp_to(world(host, number)), left = onward(pkt);

			box_send(box, LAN, &pkt);
			if (number % 2 == 0) {
				box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
				continue;
			}
			box_expect(box, WAN, &left);
			sent++;
		}
		box_expect_nothing(box);
		/* Each of at most 60 hosts is met first once by a worker. */
		assert_in_range(box_counters(box).routed - routed, sent - 60, sent);
	}
	box_close(box);
}

/* Packets that differ in one thing, which a rule looks at, with that field in classes and whole. */
static void
one_field_is_enough(void **state)
{
	static const struct {
		const char *what;
		struct masq_test_pkt denied; /* where it differs from the packet that passes */
	} rows[] = {
		{ "-s 192.168.1.66", { .src = "192.168.1.66" } },
		{ "-s 0.0.0.0/0 4000", { .sport = 4000 } },
		{ "-d 198.51.100.66", { .dst = "198.51.100.66" } },
		{ "-d 0.0.0.0/0 5000", { .dport = 5000 } },
	};

	static const char *const holes[] = { "", "-s 10.0.0.1/255.0.0.255",
		"-d 10.0.0.1/255.0.0.255", "-s 10.0.0.1/255.0.0.255 -d 10.0.0.1/255.0.0.255" };
	struct masq_test_box *box = box_open(box_workers(state), NULL);

	box_hello(box, LAN, INSIDE);
	for (unsigned int h = 0; h < RTE_DIM(holes); h++)
		for (unsigned int r = 0; r < RTE_DIM(rows); r++) {
			struct masq_test_pkt pkt = udp_to(OUTSIDE), left = onward(pkt), odd = pkt;
			char rules[256];

			snprintf(rules, sizeof(rules),
					"ipchains -A forward -p udp %s -j DENY\n"
					"ipchains -A input -p udp %s\n",
					rows[r].what, holes[h]);
			box_rules(box, rules);
			odd.src = rows[r].denied.src != NULL ? rows[r].denied.src : pkt.src;
			odd.dst = rows[r].denied.dst != NULL ? rows[r].denied.dst : pkt.dst;
			odd.sport = rows[r].denied.sport != 0 ? rows[r].denied.sport : pkt.sport;
			odd.dport = rows[r].denied.dport != 0 ? rows[r].denied.dport : pkt.dport;
			for (unsigned int k = 0; k < 4; k++) {
				box_send(box, LAN, &pkt);
				box_expect(box, WAN, &left);
				box_send(box, LAN, &odd);
				box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
			}
		}
	box_expect_nothing(box);
	box_close(box);
}

/* Where some ports are of a class and others stand for themselves, the number of a class is no port. More rules
 * than there are names for classes tell pairs of ports apart, and others single ones, which get no names. */
static void
the_number_of_a_class_is_no_port(void **state)
{
	enum {
		PAIRS = MASQ_CLASSES_NAMED + 6,
		FIRST_OF_PAIRS = 20000,
		FIRST_SINGLE = 1000,
		SINGLES = 100,
		BYTES = (PAIRS + SINGLES + 1) * 64
	};

	struct masq_test_box *box = box_open(box_workers(state), NULL);
	char *rules = malloc(BYTES);
	int n;

	assert_non_null(rules);
	n = snprintf(rules, BYTES, "ipchains -A input -p udp -d 10.0.0.1/255.0.0.255\n");
	for (unsigned int k = 0; k < PAIRS; k++)
		n += snprintf(rules + n, BYTES - (size_t)n,
				"ipchains -A input -p udp -s 0.0.0.0/0 %u:%u\n",
				FIRST_OF_PAIRS + 2 * k, FIRST_OF_PAIRS + 2 * k + 1);
	for (unsigned int k = 0; k < SINGLES; k++)
		n += snprintf(rules + n, BYTES - (size_t)n,
				"ipchains -A forward -p udp -s 0.0.0.0/0 %u -j DENY\n",
				FIRST_SINGLE + k);
	box_hello(box, LAN, INSIDE);
	box_rules(box, rules);
	free(rules);
	for (unsigned int k = FIRST_SINGLE - 10; k < FIRST_SINGLE + SINGLES + 10; k++) {
		struct masq_test_pkt pkt = udp_to(OUTSIDE), left;

		pkt.sport = (uint16_t)(FIRST_OF_PAIRS + 2 * k);
		left = onward(pkt);
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	for (unsigned int k = 0; k < SINGLES; k++) {
		struct masq_test_pkt pkt = udp_to(OUTSIDE);

		pkt.sport = (uint16_t)(FIRST_SINGLE + k);
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* TCP and UDP between the same places. */
static void
the_protocol_is_part_of_it(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), "ipchains -A forward -p tcp -j DENY\n");
	struct masq_test_pkt udp = udp_to(OUTSIDE), left = onward(udp), tcp = udp;

	tcp.proto = IPPROTO_TCP;
	tcp.tcp_flags = MASQ_TCP_ACK;
	for (unsigned int k = 0; k < 5; k++) {
		box_send(box, LAN, &udp);
		box_expect(box, WAN, &left);
		box_send(box, LAN, &tcp);
		box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* No rule looks at destinations: only the interface tells where packets leave, or that they stay. */
static void
the_departure_is_part_of_it(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), "ipchains -A forward -i srv -j DENY\n");
	struct masq_test_pkt out = udp_to(OUTSIDE), left = onward(out), served = udp_to(SERVER),
			     own = udp_to(BOX_WAN), all = udp_to("203.0.113.255"),
			     closed = box_error(LAN, &own, 3, 3, 0);

	for (unsigned int k = 0; k < 5; k++) {
		box_send(box, LAN, &out);
		box_expect(box, WAN, &left);
		box_send(box, LAN, &served);
		box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
		box_send(box, LAN, &own);
		box_expect_drop(box, MASQ_DROP_LOCAL);
		box_expect(box, LAN, &closed);
		box_send(box, LAN, &all);
		box_expect_drop(box, MASQ_DROP_BROADCAST);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* No rule looks at sources; the box does. */
static void
forged_sources_are_not_remembered_as_others(void **state)
{
	static const char *const forged[] = { BOX_LAN, BOX_SRV, "192.168.1.255", "192.168.16.0" };
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = udp_to(OUTSIDE), left = onward(pkt);

	for (unsigned int k = 0; k < 3 * RTE_DIM(forged); k++) {
		struct masq_test_pkt odd = pkt;

		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
		odd.src = forged[k % RTE_DIM(forged)];
		box_send(box, LAN, &odd);
		box_expect_drop(box, MASQ_DROP_MARTIAN_SOURCE);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Alike to the rules, but not on the same way: two gateways, and hosts of a network. */
static void
the_way_is_part_of_it(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"route add 198.51.100.0/24 via 192.168.16.9\n"
			"route add 198.51.101.0/24 via 192.168.16.10\n");

	static const struct {
		const char *dst;
		enum masq_test_port port;
		const char *next_hop, *mac;
	} rows[] = {
		{ "198.51.100.7", SRV, "192.168.16.9", "02:00:00:00:99:09" },
		{ "198.51.101.7", SRV, "192.168.16.10", "02:00:00:00:99:10" },
		{ "198.51.102.7", WAN, NULL, NULL },
		{ "192.168.16.27", SRV, "192.168.16.27", "02:00:00:00:99:27" },
		{ "192.168.16.28", SRV, "192.168.16.28", "02:00:00:00:99:28" },
	};

	for (unsigned int k = 0; k < 25; k++) {
		unsigned int r = k * 3 % RTE_DIM(rows);
		struct masq_test_pkt pkt = udp_to(rows[r].dst), left = onward(pkt);
		struct masq_test_pkt told = {
			.arp = 2, .src = rows[r].next_hop, .dst = BOX_SRV, .src_mac = rows[r].mac
		};

		/* They answer with one address; then each says where it really is. */
		left.dst_mac = k < RTE_DIM(rows) ? NULL : rows[r].mac;
		box_send(box, LAN, &pkt);
		box_expect(box, rows[r].port, &left);
		if (k < RTE_DIM(rows) && told.src != NULL)
			box_send(box, SRV, &told);
	}
	box_expect_nothing(box);
	/* Each waits for its neighbour; kinds are met once by each worker. */
	assert_in_range(box_counters(box).routed, 25 - 5 - 2 * box_workers(state), 25);
	box_close(box);
}

/* More next hops than are known by heart, on two ports, so that some push each other out. */
static void
each_next_hop_has_its_neighbour(void **state)
{
	static const struct {
		uint32_t net;
		enum masq_test_port port;
	} nets[] = { { MASQ_IP4(192, 168, 1, 0), LAN }, { MASQ_IP4(192, 168, 16, 0), SRV } };
	struct masq_test_box *box = box_open(box_workers(state), NULL);

	for (uint32_t k = 0; k < 3 * 2 * 200; k++) {
		uint32_t net = k % 2, host = 20 + k / 2 % 200;
		char text[MASQ_IP4_TEXT_BYTES];
		struct masq_test_pkt pkt = udp_to(masq_ip4_text(nets[net].net + host, text)), left;

		pkt.src = OUTSIDE;
		left = onward(pkt);
		box_send(box, WAN, &pkt);
		box_expect(box, nets[net].port, &left);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* The same host behind another port: what is known by heart holds for the routes in force. */
static void
a_next_hop_moves_with_its_route(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), "route add 198.51.100.0/24 dev srv\n");
	struct masq_test_pkt pkt = udp_to("198.51.100.7"), left = onward(pkt);

	for (unsigned int k = 0; k < 3; k++) {
		box_send(box, LAN, &pkt);
		box_expect(box, SRV, &left);
	}
	box_rules(box, "route add 198.51.100.0/24 dev wan\n");
	for (unsigned int k = 0; k < 3; k++) {
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Host @p k of the world sends to the server, routed. */
static void
host_sends(struct masq_test_box *box, uint32_t k)
{
	char host[MASQ_IP4_TEXT_BYTES];
	struct masq_test_pkt pkt = udp_to(SERVER), left;

	pkt.src = world(host, k);
	left = onward(pkt);
	box_send(box, WAN, &pkt);
	box_expect(box, SRV, &left);
}

/* Many more kinds than the box remembers: each packet is judged, counted and routed all the same. */
static void
more_flows_than_are_remembered(void **state)
{
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.sessions = 64,
		/* a hole: all sources are looked at */
		.rules = "ipchains -A input -s 10.0.0.1/255.0.0.255\n" };
	struct masq_test_box *box = box_open_with(&small);
	uint64_t misses = box_counters(box).misses;

	for (unsigned int round = 0; round < 3; round++)
		for (uint32_t k = 0; k < 6000; k++)
			host_sends(box, k);
	assert_int_equal(box_rule_packets(box, "forward", 0), 18000);
	assert_true(box_counters(box).misses - misses > 6000);
	box_close(box);
}

/* Kinds that share a line have two places; few lines are of more than two. */
static void
kinds_share_lines(void **state)
{
	enum {
		KINDS = 600
	};
	const struct masq_test_box_options small = { .workers = box_workers(state),
		.sessions = 64,
		/* a hole: all sources are looked at */
		.rules = "ipchains -A input -s 10.0.0.1/255.0.0.255\n" };
	struct masq_test_box *box = box_open_with(&small);
	uint64_t misses = 0;

	for (unsigned int round = 0; round < 2; round++) {
		misses = box_counters(box).misses;
		for (uint32_t k = 0; k < KINDS; k++)
			host_sends(box, k);
	}
	assert_in_range(box_counters(box).misses - misses, 0, KINDS / 15);
	box_close(box);
}

/* A rule for each host that counts all others: as many lists as hosts, each nearly as long as there are rules.
 * All of them are remembered, so a host's second packet is an ordinary one. */
static void
rules_that_count_all_but_one(void **state)
{
	enum {
		HOSTS = 160
	};

	static char rules[RULES_BYTES] = MASQ_ALL;
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	size_t len = strlen(MASQ_ALL);
	uint64_t hits;

	for (uint32_t k = 0; k < HOSTS; k++)
		len += (size_t)snprintf(rules + len, RULES_BYTES - len,
				"ipchains -A forward -s ! 192.168.1.%u\n", 10 + k);
	box_rules(box, rules);
	box_hello(box, LAN, INSIDE);
	hits = box_counters(box).hits;
	for (uint32_t k = 0; k < HOSTS; k++) {
		char host[MASQ_IP4_TEXT_BYTES];
		struct talk t = TALK(box, UDP, masq_ip4_text(MASQ_IP4(192, 168, 1, 10 + k), host),
				3000, OUTSIDE, 53);

		talk_out(&t, 0);
		talk_out(&t, 0);
	}
	assert_int_equal(box_counters(box).hits - hits, HOSTS);
	assert_int_equal(box_rule_packets(box, "forward", 1),
			box_rule_packets(box, "forward", HOSTS));
	assert_int_equal(box_rule_packets(box, "forward", 0) - box_rule_packets(box, "forward", 1),
			2);
	box_close(box);
}

/* The output chain looks at the port under which a flow goes out, which nobody knows before. */
static void
the_chosen_port_matters(void **state)
{
	const struct masq_test_box_options few_ports = { .workers = box_workers(state),
		.port_low = 40000,
		.port_high = 40255,
		.rules = MASQ_ALL
		"ipchains -A output -p udp -s 203.0.113.1 40128:40255 -j DENY\n" };
	struct masq_test_box *box = box_open_with(&few_ports);
	unsigned int passed = 0;

	box_hello(box, LAN, INSIDE);
	for (uint16_t k = 0; k < 32; k++) {
		struct masq_test_pkt pkt = udp_to(OUTSIDE), left;

		pkt.sport = (uint16_t)(1025 + k);
		left = onward(pkt);
		left.src = BOX_WAN;
		left.any = MASQ_TEST_ANY_SPORT;
		box_send(box, LAN, &pkt);
		if (box_waiting(box, WAN) == 0)
			continue;
		assert_in_range(box_expect(box, WAN, &left).sport, 40000, 40127);
		passed++;
	}
	/* By chance about a half of them. */
	assert_in_range(passed, 1, 31);
	assert_int_equal(box_rule_packets(box, "output", 1), 32 - passed);
	box_close(box);
}

/* Behind many new rules, which are not in the cache, a round takes few packets that have to be judged. */
static void
a_round_takes_few_behind_new_rules(void **state)
{
	enum {
		FLOWS = 64,
		RULES = 1100,
		A_ROUND = 8
	};

	const uint32_t workers = box_workers(state);
	struct masq_test_box *box = box_open(workers, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	const size_t bytes = RULES * 64 + sizeof(MASQ_ALL);
	char *rules = malloc(bytes);
	size_t at;
	uint64_t done;

	assert_non_null(rules);
	talk_out(&t, 0);
	talk_in(&t, 0);
	at = (size_t)snprintf(rules, bytes, MASQ_ALL);
	for (unsigned int k = 0; k < RULES; k++)
		at += (size_t)snprintf(rules + at, bytes - at,
				"ipchains -A input -d 198.18.%u.%u -j DENY\n", k / 250, k % 250);
	box_rules(box, rules);
	free(rules);
	done = box_counters(box).sessions_created;
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		pkt.sport = (uint16_t)(2000 + k);
		box_put(box, LAN, &pkt);
	}
	for (uint64_t end = done + FLOWS; done < end;) {
		uint64_t before = done;

		for (uint32_t w = 0; w < workers; w++)
			masq_dp_poll(box_dp(box), w, masq_dp_now_ms(box_dp(box)));
		done = box_counters(box).sessions_created;
		assert_in_range(done - before, 0, A_ROUND * workers);
	}
	box_run(box);
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	box_close(box);
}

/* New rules deny what old sessions go on to send. Each of these was judged anew once; then rounds are as long as ever. */
static void
denied_sessions_shorten_no_rounds(void **state)
{
	enum {
		FLOWS = 64,
		A_ROUND = 32
	};

	struct masq_test_box *box = box_open(1, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

	(void)state;
	for (unsigned int time = 0; time < 3; time++) {
		uint64_t before;

		for (uint16_t k = 0; k < FLOWS; k++) {
			pkt.sport = (uint16_t)(2000 + k);
			box_put(box, LAN, &pkt);
		}
		if (time == 2) {
			/* The first one is as long as the last ones in which any were judged anew. */
			box_poll(box);
			before = box_counters(box).rx;
			box_poll(box);
			assert_int_equal(box_counters(box).rx - before, A_ROUND);
		}
		box_run(box);
		if (time == 0)
			box_rules(box,
					MASQ_ALL
					"ipchains -A input -p udp -s 192.168.1.0/24 -j DENY\n");
	}
	assert_int_equal(box_drops(box, MASQ_DROP_INPUT_DENY), 2 * FLOWS);
	assert_int_equal(box_sessions(box), FLOWS);
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	box_close(box);
}

/* Two packets of each of many flows come at once, and nobody knows their kind: each is counted once, as a packet and
 * by the rules, and the second of a flow leaves behind the first. One kind that is logged is never known. */
static void
a_burst_of_a_new_kind(void **state)
{
	enum {
		FLOWS = 14
	};

	static const char *const rules[] = { "", "ipchains -A output -d 209.81.8.5\n",
		"ipchains -A input -p udp -s 0/0 2030 -l\n" };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	uint16_t port = 2000;

	talk_out(&t, 0);
	for (unsigned int k = 0; k < RTE_DIM(rules); k++) {
		uint8_t seen[FLOWS] = { 0 };
		struct masq_dp_counters before, after;
		char text[256];

		snprintf(text, sizeof(text), "ipchains -A forward -s 192.168.1.0/24 -j MASQ\n%s",
				rules[k]);
		box_rules(box, text);
		before = box_counters(box);
		for (uint16_t i = 0; i < 2 * FLOWS; i++) {
			struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

			pkt.sport = (uint16_t)(port + i / 2);
			pkt.dport = (uint16_t)(1000 + i / 2);
			pkt.tos = i % 2 == 0 ? 0 : 0x10;
			box_put(box, LAN, &pkt);
		}
		box_run(box);
		after = box_counters(box);
		assert_int_equal(
				after.misses - before.misses + after.hits - before.hits, 2 * FLOWS);
		assert_int_equal(after.sessions_created - before.sessions_created, FLOWS);
		assert_int_equal(box_rule_packets(box, "forward", 1), 2 * FLOWS * (k + 1));
		if (k == 1)
			assert_int_equal(box_rule_packets(box, "output", 1), 2 * FLOWS);
		for (unsigned int i = 0; i < 2 * FLOWS; i++) {
			struct masq_test_seen pkt = box_take(box, WAN);

			assert_in_range(pkt.dport, 1000, 1000 + FLOWS - 1);
			assert_int_equal(pkt.tos, seen[pkt.dport - 1000]++ == 0 ? 0 : 0x10);
		}
		box_expect_nothing(box);
		port += FLOWS;
	}
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(remembered_flows),
		BOX_ROWS(remembered_flows_are_judged),
		BOX_ROWS(remembered_flow_becomes_a_session),
		BOX_ROWS(remembered_flow_and_its_neighbour),
		BOX_ROWS(a_burst_of_a_new_kind),
		BOX_ROWS(hosts_behind_a_gateway),
		BOX_ROWS(hosts_that_rules_tell_apart),
		BOX_ROWS(one_field_is_enough),
		BOX_ROWS(the_number_of_a_class_is_no_port),
		BOX_ROWS(the_protocol_is_part_of_it),
		BOX_ROWS(the_departure_is_part_of_it),
		BOX_ROWS(forged_sources_are_not_remembered_as_others),
		BOX_ROWS(the_way_is_part_of_it),
		BOX_ROWS(each_next_hop_has_its_neighbour),
		BOX_ROWS(a_next_hop_moves_with_its_route),
		BOX_ROWS(more_flows_than_are_remembered),
		BOX_ROWS(kinds_share_lines),
		BOX_ROWS(rules_that_count_all_but_one),
		BOX_ROWS(the_chosen_port_matters),
		BOX_ROWS(a_round_takes_few_behind_new_rules),
		cmocka_unit_test(denied_sessions_shorten_no_rounds),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("remembered", tests, NULL, NULL);
}
