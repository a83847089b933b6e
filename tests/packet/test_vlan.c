/* SPDX-License-Identifier: BSD-3-Clause */
/* A port with a VLAN: its frames carry the tag, in both directions, ARP included. */
#include <rte_mbuf.h>

#include "masq_test_talk.h"

#define TAG 100

static struct masq_test_box *
open_tagged(void **state, const char *rules)
{
	const struct masq_test_box_options tagged = {
		.workers = box_workers(state), .rules = rules, .lan_vlan = TAG
	};

	return box_open_with(&tagged);
}

static void
through_a_tagged_port(void **state)
{
	struct masq_test_box *box = open_tagged(state, MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);

	for (unsigned int round = 0; round < 3; round++) {
		struct masq_test_pkt pkt = talk_out_pkt(&t, round == 0 ? SYN : ACK), left;

		left = talk_out_translated(&t, pkt);
		pkt.vlan = TAG;
		pkt.vlan_priority = (uint8_t)round; /* whatever it is, it ends here */
		box_send(box, LAN, &pkt);
		t.visible_port = box_expect(box, WAN, &left).sport;

		pkt = talk_in_pkt(&t, round == 0 ? SYN | ACK : ACK);
		left = talk_in_translated(&t, pkt);
		left.vlan = TAG;
		box_send(box, WAN, &pkt);
		box_expect(box, LAN, &left);
	}
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 1);
	box_close(box);
}

static void
arp_and_own_packets_are_tagged(void **state)
{
	struct masq_test_box *box = open_tagged(state, NULL);
	struct masq_test_pkt ask = {
		.arp = 1, .src = INSIDE, .dst = BOX_LAN, .dst_mac = "ff:ff:ff:ff:ff:ff", .vlan = TAG
	};
	struct masq_test_pkt reply = { .arp = 2,
		.src = BOX_LAN,
		.dst = INSIDE,
		.arp_target_mac = box_host_mac(LAN),
		.vlan = TAG,
		.padding_bytes = 18 };
	struct masq_test_pkt pkt = { .src = INSIDE,
		.sport = 1025,
		.dst = OUTSIDE,
		.dport = 53,
		.ttl = 1,
		.payload = "last hop" };
	struct masq_test_pkt error = box_error(LAN, &pkt, 11, 0, 0), echo, echoed;

	box_send(box, LAN, &ask);
	box_expect(box, LAN, &reply);
	error.vlan = TAG;
	pkt.vlan = TAG;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	pkt.vlan = 0;
	box_expect(box, LAN, &error);

	echo = (struct masq_test_pkt){
		.proto = IPPROTO_ICMP, .src = INSIDE, .dst = BOX_LAN, .icmp_type = 8, .vlan = TAG
	};
	echoed = echo;
	echoed.src = BOX_LAN;
	echoed.dst = INSIDE;
	echoed.icmp_type = 0;
	box_send(box, LAN, &echo);
	box_expect(box, LAN, &echoed);
	box_expect_nothing(box);
	box_close(box);
}

static void
wrong_tags(void **state)
{
	struct masq_test_box *box = open_tagged(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

	box_send(box, LAN, &pkt); /* none */
	box_expect_drop(box, MASQ_DROP_VLAN);
	pkt.vlan = TAG + 1;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_VLAN);
	pkt.vlan = 0;
	pkt.is_tagged = true; /* a priority alone */
	pkt.vlan_priority = 5;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_VLAN);
	pkt.vlan = TAG; /* right, but the other port has none */
	box_send(box, SRV, &pkt);
	box_expect_drop(box, MASQ_DROP_VLAN);
	box_expect_nothing(box);
	box_close(box);
}

/* Two tags are one too many, even if both are the right one, and whoever took the first off. */
static void
two_tags(void **state)
{
	struct masq_test_box *box = open_tagged(state, NULL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0);
	uint8_t frame[256];
	uint32_t bytes;

	pkt.vlan = TAG;
	bytes = box_frame(box, LAN, &pkt, frame, sizeof(frame) - 4);
	memmove(frame + 16, frame + 12, bytes - 12);
	box_send_bytes(box, LAN, frame, bytes + 4);
	box_expect_drop(box, MASQ_DROP_ETHERTYPE);
	box_nic_says(box, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_ETHERTYPE);
	box_expect_nothing(box);
	box_close(box);
}

/* Full bursts in which every sort of frame stands beside every other: each is judged by its own tag. */
static void
all_sorts_in_one_burst(void **state)
{
	static const uint8_t no_operation[4] = { 1, 1, 1, 1 };
	const struct masq_test_pkt sorts[] = {
		{ .vlan = TAG },
		{ .vlan = TAG + 1 },
		{ .vlan = TAG, .vlan_priority = 3 },
		{ 0 },
		{ .vlan = TAG, .options = no_operation, .option_bytes = sizeof(no_operation) },
		{ .is_tagged = true },
		{ .vlan = TAG, .payload_bytes = 300, .first_segment_bytes = 100 },
	};
	const unsigned int n = 224; /* of each as many */
	struct masq_test_box *box = open_tagged(state, NULL);
	struct masq_test_pkt hello = { .arp = 1, .src = INSIDE, .dst = BOX_LAN, .vlan = TAG };
	unsigned int left = 0;

	box_send(box, LAN, &hello);
	box_take(box, LAN);
	box_hello(box, WAN, "203.0.113.254");
	for (unsigned int round = 0; round < 2; round++, left = 0) {
		for (uint16_t k = 0; k < n; k++) {
			struct masq_test_pkt pkt = sorts[(k / 2 + k % 2 * round) % RTE_DIM(sorts)];

			pkt.src = INSIDE;
			pkt.dst = OUTSIDE;
			pkt.sport = (uint16_t)(2000 + k);
			pkt.dport = pkt.vlan == TAG ? 80 : 81;
			box_put(box, LAN, &pkt);
		}
		box_run(box);
		for (; box_waiting(box, WAN) > 0; left++)
			assert_int_equal(box_take(box, WAN).dport, 80);
		assert_int_equal(left, n / RTE_DIM(sorts) * 4);
		assert_int_equal(box_drops(box, MASQ_DROP_VLAN),
				n / RTE_DIM(sorts) * 3 * (round + 1));
	}
	box_drops_seen(box);
	box_close(box);
}

/* Six workers, four transmit queues: a frame that goes over a ring to who serves one gets its tag there, and one. */
static void
handed_over_for_a_tagged_port(void **state)
{
	enum {
		FLOWS = 200
	};
	const struct masq_test_box_options many = { .workers = 6, .lan_vlan = TAG };
	struct masq_test_box *box = box_open_with(&many);
	struct masq_test_pkt hello = { .arp = 1, .src = INSIDE, .dst = BOX_LAN, .vlan = TAG };

	(void)state;
	box_send(box, LAN, &hello);
	box_take(box, LAN);
	for (uint16_t k = 0; k < FLOWS; k++) {
		const struct masq_test_pkt pkt = {
			.src = SERVER, .sport = (uint16_t)(3000 + k), .dst = INSIDE, .dport = 99
		};

		box_put(box, SRV, &pkt);
	}
	box_run(box);
	assert_int_equal(box_waiting(box, LAN), FLOWS);
	for (unsigned int k = 0; k < FLOWS; k++) {
		static const uint8_t tag_and_type[] = { 0x81, 0, TAG >> 8, TAG & 0xff, 8, 0, 0x45 };
		uint8_t frame[128];

		box_take_bytes(box, LAN, frame, sizeof(frame));
		assert_memory_equal(frame + 12, tag_and_type, sizeof(tag_and_type));
	}
	assert_in_range(box_counters(box).tx_handoffs, FLOWS / 8, FLOWS);
	assert_int_equal(box_counters(box).held, 0);
	box_close(box);
}

/* A tag that names no VLAN is none. */
static void
priority_tags_are_no_vlan(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int round = 0; round < 2; round++) {
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0), left;

		left = talk_out_translated(&t, pkt);
		pkt.is_tagged = true;
		pkt.vlan_priority = 5;
		box_send(box, LAN, &pkt);
		t.visible_port = box_expect(box, WAN, &left).sport;
	}
	box_close(box);
}

/* A datagram in pieces, tagged on the way in, whole and untagged on the way out, and back. */
static void
fragments_in_a_vlan(void **state)
{
	struct masq_test_box *box = open_tagged(state, MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt, left;

	for (unsigned int round = 0; round < 2; round++) {
		pkt = talk_out_pkt(&t, 0);
		pkt.payload = NULL;
		pkt.payload_bytes = 1400;
		left = talk_out_translated(&t, pkt);
		pkt.vlan = TAG;
		pkt.frag_bytes = 800;
		box_send(box, LAN, &pkt);
		pkt.frag_offset_bytes = 800;
		pkt.frag_bytes = 0;
		box_send(box, LAN, &pkt);
		t.visible_port = box_expect(box, WAN, &left).sport;
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Packets that wait for ARP, in vain, or for a port that there is not, are answered with the tag. */
static void
refusals_are_tagged(void **state)
{
	const struct masq_test_box_options tagged = { .workers = box_workers(state),
		.rules = MASQ_ALL,
		.lan_vlan = TAG,
		.port_low = 40000,
		.port_high = 40000 };
	struct masq_test_box *box = box_open_with(&tagged);
	struct talk first = TALK(box, UDP, INSIDE, 1025, "203.0.113.50", 53);
	struct talk second = TALK(box, UDP, INSIDE, 1026, "203.0.113.50", 53);
	struct masq_test_pkt ask = { .arp = 1, .src = INSIDE, .dst = BOX_LAN, .vlan = TAG };
	struct masq_test_pkt pkt = talk_out_pkt(&first, 0), error = box_error(LAN, &pkt, 3, 1, 0);

	box_mute(box, IP4(203, 0, 113, 50));
	box_send(box, LAN, &ask);
	box_take(box, LAN);
	pkt.vlan = error.vlan = TAG;
	box_send(box, LAN, &pkt);
	box_advance(box, 6000);
	box_expect_drop(box, MASQ_DROP_NEIGH_UNREACHABLE);
	pkt.vlan = 0;
	box_expect(box, LAN, &error);

	pkt = talk_out_pkt(&second, 0);
	error = box_error(LAN, &pkt, 3, 13, 0);
	pkt.vlan = error.vlan = TAG;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_NO_PORT);
	pkt.vlan = 0;
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(through_a_tagged_port),
		BOX_ROWS(arp_and_own_packets_are_tagged),
		BOX_ROWS(wrong_tags),
		BOX_ROWS(two_tags),
		BOX_ROWS(all_sorts_in_one_burst),
		cmocka_unit_test(handed_over_for_a_tagged_port),
		BOX_ROWS(priority_tags_are_no_vlan),
		BOX_ROWS(fragments_in_a_vlan),
		BOX_ROWS(refusals_are_tagged),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("vlan", tests, NULL, NULL);
}
