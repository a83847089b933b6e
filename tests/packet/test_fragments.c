/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments: put together before the rules see them, cut again where a link is too small. */
#include <string.h>

#include "masq_test_talk.h"

#define HELD(box) box_counters(box).held

/* A datagram of the inside host; each test sends parts of it. */
static struct masq_test_pkt
datagram(const struct talk *t, uint32_t payload_bytes, uint16_t ip_id)
{
	struct masq_test_pkt pkt = talk_out_pkt(t, 0);

	pkt.payload = NULL;
	pkt.payload_bytes = payload_bytes;
	pkt.ip_id = ip_id;
	return pkt;
}

static void
send_part(struct masq_test_box *box, enum masq_test_port port, struct masq_test_pkt pkt,
		uint32_t offset, uint32_t bytes)
{
	pkt.frag_offset_bytes = offset;
	pkt.frag_bytes = bytes;
	box_send(box, port, &pkt);
}

static void
expect_part(struct masq_test_box *box, enum masq_test_port port, struct masq_test_pkt pkt,
		uint32_t offset, uint32_t bytes)
{
	pkt.frag_offset_bytes = offset;
	pkt.frag_bytes = bytes;
	box_expect(box, port, &pkt);
}

/* 68 bytes of data in parts of 24, in each order; what comes out is whole, and counted once. */
static void
in_any_order(void **state)
{
	static const unsigned int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (uint16_t k = 0; k < 6; k++) {
		struct masq_test_pkt pkt = datagram(&t, 60, k + 1), left;

		left = talk_out_translated(&t, pkt);
		for (unsigned int part = 0; part < 3; part++) {
			box_expect_nothing(box);
			assert_int_equal(HELD(box), part);
			send_part(box, LAN, pkt, orders[k][part] * 24,
					orders[k][part] == 2 ? 0 : 24);
		}
		t.visible_port = box_expect(box, WAN, &left).sport;
		assert_int_equal(HELD(box), 0);
	}
	assert_int_equal(box_rule_packets(box, "input", 0), 6);
	assert_int_equal(box_rule_packets(box, "forward", 0), 6);
	assert_int_equal(box_session(box).initial_packets, 6);
	box_close(box);
}

/* Parts among whole packets, in one burst: wherever they stand. */
static void
among_whole_packets(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt whole = talk_out_pkt(&t, 0), part = datagram(&t, 60, 7), left;
	uint64_t whole_bytes;

	talk_out(&t, 0);
	whole_bytes = box_session(box).initial_bytes;
	box_put(box, LAN, &whole);
	part.frag_bytes = 24;
	box_put(box, LAN, &part);
	box_put(box, LAN, &whole);
	box_run(box);
	assert_int_equal(HELD(box), 1);
	part.frag_offset_bytes = 24;
	part.frag_bytes = 0;
	box_put(box, LAN, &part);
	box_put(box, LAN, &whole);
	box_run(box);
	assert_int_equal(HELD(box), 0);
	left = talk_out_translated(&t, whole);
	for (unsigned int k = 0; k < 2; k++)
		box_expect(box, WAN, &left);
	/* The last whole one and what was put together: of several workers either may be first. */
	for (unsigned int k = 0; k < 2; k++)
		box_take(box, WAN);
	box_expect_nothing(box);
	assert_int_equal(box_session(box).initial_packets, 5);
	assert_int_equal(box_session(box).initial_bytes, 4 * whole_bytes + 20 + 8 + 60);
	box_close(box);
}

/* Answers come in parts too. */
static void
replies_in_parts(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt, arrives;

	talk_out(&t, 0);
	for (uint16_t k = 0; k < 3; k++) {
		pkt = talk_in_pkt(&t, 0);
		pkt.payload = NULL;
		pkt.payload_bytes = 1000;
		pkt.ip_id = k;
		arrives = talk_in_translated(&t, pkt);
		send_part(box, WAN, pkt, 512, 0);
		send_part(box, WAN, pkt, 0, 512);
		box_expect(box, LAN, &arrives);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* 4000 bytes: put together for the rules, cut again for the next link. */
static void
cut_again(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	for (uint16_t k = 0; k < 3; k++) {
		struct masq_test_pkt pkt = datagram(&t, 4000, k + 1), left;

		left = talk_out_translated(&t, pkt);
		send_part(box, LAN, pkt, 0, 1200);
		send_part(box, LAN, pkt, 2400, 0);
		send_part(box, LAN, pkt, 1200, 1200);
		expect_part(box, WAN, left, 0, 1480);
		expect_part(box, WAN, left, 1480, 1480);
		expect_part(box, WAN, left, 2960, 0);
	}
	box_expect_nothing(box);
	box_close(box);
}

static void
tcp_and_icmp_in_parts(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk tcp = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct talk ping = TALK(box, ICMP, INSIDE, 77, OUTSIDE, 8);
	struct masq_test_pkt pkt = datagram(&tcp, 500, 1), left;

	left = talk_out_translated(&tcp, pkt);
	send_part(box, LAN, pkt, 240, 0);
	send_part(box, LAN, pkt, 0, 240);
	box_expect(box, WAN, &left);
	pkt = datagram(&ping, 500, 2);
	left = talk_out_translated(&ping, pkt);
	send_part(box, LAN, pkt, 240, 0);
	send_part(box, LAN, pkt, 0, 240);
	box_expect(box, WAN, &left);
	assert_int_equal(box_sessions(box), 2);
	box_close(box);
}

/* A forwarded server's request in parts: parts hash over addresses, the whole over ports too. */
static void
forwarded_in_parts(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n");

	for (uint16_t k = 0; k < 16; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		struct masq_test_pkt pkt = talk_in_pkt(&t, 0), arrives;

		pkt.payload = NULL;
		pkt.payload_bytes = 800;
		pkt.ip_id = k;
		arrives = talk_in_translated(&t, pkt);
		send_part(box, WAN, pkt, 0, 400);
		send_part(box, WAN, pkt, 400, 0);
		box_expect(box, SRV, &arrives);
		talk_out(&t, 0);
	}
	assert_int_equal(box_sessions(box), 16);
	box_close(box);
}

/* A big ping to the box: answered, in parts again. */
static void
ping_the_box(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = { .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = BOX_LAN,
		.icmp_type = 8,
		.icmp_id = 77,
		.payload_bytes = 3000,
		.ip_id = 9 };
	struct masq_test_pkt reply = pkt;

	reply.src = BOX_LAN;
	reply.dst = INSIDE;
	reply.icmp_type = 0;
	send_part(box, LAN, pkt, 0, 1480);
	send_part(box, LAN, pkt, 1480, 1480);
	send_part(box, LAN, pkt, 2960, 0);
	expect_part(box, LAN, reply, 0, 1480);
	expect_part(box, LAN, reply, 1480, 1480);
	expect_part(box, LAN, reply, 2960, 0);
	box_expect_nothing(box);
	box_close(box);
}

/* Overlap is refused, with all that belongs to it; the same part again harms nobody. */
static void
overlap(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = datagram(&t, 200, 1), left;

	send_part(box, LAN, pkt, 0, 80);
	send_part(box, LAN, pkt, 64, 80);
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_OVERLAP), 2);
	send_part(box, LAN, pkt, 80, 0);
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_OVERLAP), 3);
	assert_int_equal(HELD(box), 0);
	box_expect_nothing(box);

	pkt.ip_id = 2;
	left = talk_out_translated(&t, pkt);
	send_part(box, LAN, pkt, 0, 80);
	send_part(box, LAN, pkt, 0, 80);
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_OVERLAP), 4);
	send_part(box, LAN, pkt, 80, 0);
	box_expect(box, WAN, &left);
	box_close(box);
}

/* 30 s from the first part seen; then the sender learns of it. */
static void
parts_that_never_come(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = datagram(&t, 200, 1), first = pkt, error;

	first.frag_bytes = 80;
	error = box_error(LAN, &first, 11, 1, 0);
	box_hello(box, LAN, INSIDE);
	send_part(box, LAN, pkt, 80, 80);
	send_part(box, LAN, pkt, 0, 80);
	box_advance(box, 29000);
	assert_int_equal(HELD(box), 2);
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_TIMEOUT), 0);
	box_advance(box, 2000);
	assert_int_equal(HELD(box), 0);
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_TIMEOUT), 2);
	box_expect(box, LAN, &error);
	box_expect_nothing(box);
	send_part(box, LAN, pkt, 160, 0);
	box_expect_nothing(box);
	assert_int_equal(HELD(box), 1);
	box_close(box); /* what is held now is dropped by name */
}

/* No error about what nobody could name, nor about what may be an error itself. */
static void
parts_that_nobody_hears_of(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt about = talk_in_pkt(&t, 0);
	struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = OUTSIDE,
		.icmp_type = 3,
		.icmp_code = 3,
		.quote = &about,
		.ip_id = 2 };

	box_hello(box, LAN, INSIDE);
	send_part(box, LAN, datagram(&t, 200, 1), 80, 80);
	send_part(box, LAN, error, 0, 24);
	box_advance(box, 31000);
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_TIMEOUT), 2);
	box_expect_nothing(box);
	box_close(box);
}

/* A datagram comes by one port; what comes by another with the same number is another datagram. */
static void
parts_by_two_ports(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = datagram(&t, 200, 1), left = talk_out_translated(&t, pkt);

	send_part(box, LAN, pkt, 0, 80);
	send_part(box, SRV, pkt, 80, 0);
	box_expect_nothing(box);
	assert_int_equal(HELD(box), 2);
	send_part(box, LAN, pkt, 80, 0);
	box_expect(box, WAN, &left);
	assert_int_equal(HELD(box), 1);
	box_close(box);
}

/* Impossible parts: no multiple of eight, beyond the end of any datagram, a header in two parts. */
static void
impossible_parts(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct masq_test_pkt pkt = datagram(&t, 200, 1);
	uint8_t frame[512];
	uint32_t bytes;
	uint16_t sum;

	send_part(box, LAN, pkt, 0, 83);
	box_expect_drop(box, MASQ_DROP_FRAG_BAD);
	send_part(box, LAN, pkt, 0, 16); /* TCP headers have 20 bytes */
	box_expect_drop(box, MASQ_DROP_FRAG_BAD);
	send_part(box, LAN, pkt, 8, 0);
	box_expect_drop(box, MASQ_DROP_FRAG_BAD);

	pkt.ip_id = 2;
	bytes = box_frame(box, LAN, &pkt, frame, sizeof(frame));
	frame[20] = 0x1f; /* offset 65528 and 220 bytes of data */
	frame[21] = 0xff;
	frame[24] = frame[25] = 0;
	sum = masq_test_checksum(frame + 14, 20);
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	box_send_bytes(box, LAN, frame, bytes);
	box_expect_drop(box, MASQ_DROP_FRAG_BAD);
	box_expect_nothing(box);
	box_close(box);
}

/* One source may have 64 datagrams under way; the 65th pushes out its oldest, nobody else's. */
static void
memory_is_bounded(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk other = TALK(box, UDP, "192.168.1.3", 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = datagram(&other, 200, 1), left;

	left = talk_out_translated(&other, pkt);
	send_part(box, LAN, pkt, 0, 80);
	for (uint16_t k = 0; k < 200; k++) {
		struct masq_test_pkt flood = datagram(&t, 200, k);

		send_part(box, LAN, flood, 0, 80);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_FRAG_MEMORY), 200 - 64);
	assert_int_equal(HELD(box), 65);
	send_part(box, LAN, pkt, 80, 0);
	box_expect(box, WAN, &left);
	box_close(box);
}

/* The box runs out of buffers while it cuts: the packet is dropped by name, whole. */
static void
no_buffers_to_cut_with(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .wan_mtu = 600, .mbufs = 2047
	};
	struct masq_test_box *box = box_open_with(&small);
	struct masq_test_pkt pkt = {
		.src = INSIDE, .sport = 1025, .dst = OUTSIDE, .dport = 53, .payload_bytes = 1300
	};
	unsigned int out;

	box_send(box, LAN, &pkt);
	/* What has left lies with the test, and is not given back. */
	for (unsigned int k = 0; k < 1000; k++)
		box_send(box, LAN, &pkt);
	assert_true(box_drops(box, MASQ_DROP_NO_MBUF) > 0);
	out = box_waiting(box, WAN);
	assert_int_equal(out, 3 * (1001 - box_drops(box, MASQ_DROP_NO_MBUF)));
	while (out-- > 0)
		box_take(box, WAN);
	box_drops_seen(box);
	box_send(box, LAN, &pkt);
	assert_int_equal(box_waiting(box, WAN), 3);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(in_any_order),
		BOX_ROWS(among_whole_packets),
		BOX_ROWS(replies_in_parts),
		BOX_ROWS(cut_again),
		BOX_ROWS(tcp_and_icmp_in_parts),
		BOX_ROWS(forwarded_in_parts),
		BOX_ROWS(ping_the_box),
		BOX_ROWS(overlap),
		BOX_ROWS(parts_that_never_come),
		BOX_ROWS(parts_that_nobody_hears_of),
		BOX_ROWS(parts_by_two_ports),
		BOX_ROWS(impossible_parts),
		BOX_ROWS(memory_is_bounded),
		BOX_ROWS(no_buffers_to_cut_with),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
