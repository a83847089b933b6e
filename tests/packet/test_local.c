/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets for the box itself: it answers pings, and says that it serves nothing else. */
#include "masq_test_talk.h"

static struct masq_test_pkt
ping(const char *dst)
{
	return (struct masq_test_pkt){ .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = dst,
		.icmp_type = 8,
		.icmp_id = 77,
		.icmp_seq = 3,
		.payload = "is anybody there" };
}

static struct masq_test_pkt
pong(const struct masq_test_pkt *asked)
{
	struct masq_test_pkt reply = *asked;

	reply.src = asked->dst;
	reply.dst = asked->src;
	reply.icmp_type = 0;
	reply.ttl = 64;
	return reply;
}

/* Each of its addresses, from whichever side; the reply comes from the address that was asked. */
static void
ping_own_addresses(void **state)
{
	static const char *const own[] = { BOX_LAN, BOX_WAN, BOX_SRV };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	for (unsigned int k = 0; k < 3; k++) {
		struct masq_test_pkt asked = ping(own[k]), reply = pong(&asked);

		box_send(box, LAN, &asked);
		box_expect(box, LAN, &reply);
		asked.src = OUTSIDE;
		asked.ttl = 1; /* it arrived: nobody counts any further */
		reply.dst = OUTSIDE;
		box_send(box, WAN, &asked);
		box_expect(box, WAN, &reply);
	}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	assert_int_equal(box_rule_packets(box, "input", 0), 6);
	assert_int_equal(box_rule_packets(box, "forward", 0), 0);
	assert_int_equal(box_rule_packets(box, "output", 0), 6);
	box_close(box);
}

/* A checksum of the sender that is zero in one's complement arithmetic, and an empty ping. */
static void
pings_of_any_content(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);

	for (uint32_t bytes = 0; bytes < 65; bytes++) {
		struct masq_test_pkt asked = ping(BOX_LAN), reply;

		asked.payload = NULL;
		asked.payload_bytes = bytes;
		asked.icmp_id = (uint16_t)(65535 - bytes);
		reply = pong(&asked);
		box_send(box, LAN, &asked);
		box_expect(box, LAN, &reply);
	}
	box_close(box);
}

static void
udp_to_a_closed_port(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt = {
		.src = INSIDE, .sport = 1025, .dst = BOX_LAN, .dport = 33434, .payload = "trace"
	};
	struct masq_test_pkt error = box_error(LAN, &pkt, 3, 3, 0);

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_LOCAL);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

static void
nothing_else_is_served(void **state)
{
	static const uint8_t types[] = { 13, 15, 17, 10, 5, 0 };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt = { .proto = IPPROTO_TCP,
		.src = INSIDE,
		.sport = 1025,
		.dst = BOX_LAN,
		.dport = 22,
		.tcp_flags = SYN };

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_LOCAL);
	pkt.proto = 47;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_LOCAL);
	/* Timestamps, information, masks; solicitations of routers; and answers that nobody wants. */
	for (unsigned int k = 0; k < sizeof(types); k++) {
		pkt = ping(BOX_LAN);
		pkt.icmp_type = types[k];
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_LOCAL);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* The box's own packets pass the output chain, what comes to it the input chain. */
static void
rules_for_the_box(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -p icmp -s 192.168.1.2 8 -d 203.0.113.1 -j DENY\n"
			"ipchains -A output -p icmp -s 192.168.16.1 0 -j DENY\n");
	struct masq_test_pkt asked = ping(BOX_WAN), reply;

	box_send(box, LAN, &asked);
	box_expect_drop(box, MASQ_DROP_INPUT_DENY);
	asked = ping(BOX_SRV);
	box_send(box, LAN, &asked);
	box_expect_drop(box, MASQ_DROP_OUTPUT_DENY);
	asked = ping(BOX_LAN);
	reply = pong(&asked);
	box_send(box, LAN, &asked);
	box_expect(box, LAN, &reply);
	box_expect_nothing(box);
	assert_int_equal(box_rule_packets(box, "input", 1), 1);
	assert_int_equal(box_rule_packets(box, "output", 1), 1);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(ping_own_addresses),
		BOX_ROWS(pings_of_any_content),
		BOX_ROWS(udp_to_a_closed_port),
		BOX_ROWS(nothing_else_is_served),
		BOX_ROWS(rules_for_the_box),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
