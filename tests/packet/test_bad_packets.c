/* SPDX-License-Identifier: BSD-3-Clause */
/* Whatever arrives: each fault has its name, none gets through, nothing breaks. */
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "masq_test_talk.h"

#define IP 14
#define L4 34

/* A good packet, to be spoilt. */
static struct masq_test_pkt
good(uint8_t proto)
{
	return (struct masq_test_pkt){ .proto = proto,
		.src = INSIDE,
		.sport = 1025,
		.dst = OUTSIDE,
		.dport = 80,
		.icmp_type = 8,
		.payload = "some bytes of payload" };
}

/* The header was changed on purpose; its checksum is right again. */
static void
seal(uint8_t *frame)
{
	uint32_t header = (frame[IP] & 15u) * 4;
	uint16_t sum;

	frame[IP + 10] = frame[IP + 11] = 0;
	sum = masq_test_checksum(frame + IP, header);
	frame[IP + 10] = (uint8_t)(sum >> 8);
	frame[IP + 11] = (uint8_t)sum;
}

/* One byte of a good packet is another one. */
static void
spoilt(struct masq_test_box *box, uint8_t proto, unsigned int at, uint8_t value,
		enum masq_drop reason)
{
	const struct masq_test_pkt pkt = good(proto);
	uint8_t frame[128];
	uint32_t bytes = box_frame(box, LAN, &pkt, frame, sizeof(frame));

	frame[at] = value;
	if (at >= IP)
		seal(frame);
	box_send_bytes(box, LAN, frame, bytes);
	box_expect_drop(box, reason);
	box_expect_nothing(box);
}

static void
headers(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	spoilt(box, IPPROTO_UDP, 5, 0xee, MASQ_DROP_NOT_OUR_MAC);
	spoilt(box, IPPROTO_UDP, 12, 0x86, MASQ_DROP_ETHERTYPE);
	spoilt(box, IPPROTO_UDP, IP, 0x65, MASQ_DROP_IP_VERSION);
	spoilt(box, IPPROTO_UDP, IP, 0x44, MASQ_DROP_IP_HEADER);
	spoilt(box, IPPROTO_UDP, IP + 2, 0x10, MASQ_DROP_IP_LENGTH);
	spoilt(box, IPPROTO_UDP, IP + 3, 19, MASQ_DROP_IP_LENGTH);
	/* Shorter than the datagram in it. */
	spoilt(box, IPPROTO_UDP, IP + 3, 27, MASQ_DROP_L4_HEADER);
	spoilt(box, IPPROTO_UDP, L4 + 5, 7, MASQ_DROP_L4_HEADER);
	spoilt(box, IPPROTO_UDP, L4 + 4, 1, MASQ_DROP_L4_HEADER);
	spoilt(box, IPPROTO_TCP, IP + 3, 39, MASQ_DROP_L4_HEADER);
	spoilt(box, IPPROTO_TCP, L4 + 12, 0x40, MASQ_DROP_L4_HEADER);
	spoilt(box, IPPROTO_TCP, L4 + 12, 0xf0, MASQ_DROP_L4_HEADER);
	spoilt(box, IPPROTO_ICMP, IP + 3, 27, MASQ_DROP_L4_HEADER);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

static void
header_checksum(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct masq_test_pkt pkt = good(IPPROTO_UDP);

	pkt.bad_ip_checksum = true;
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_IP_CHECKSUM);
	box_expect_nothing(box);
	box_close(box);
}

/* Transport checksums are the hosts' business, unless the NIC has looked at them anyway. */
static void
transport_checksum(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

	talk_out(&t, 0);
	box_nic_says(box, RTE_MBUF_F_RX_L4_CKSUM_BAD);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_L4_CHECKSUM);
	box_nic_says(box, RTE_MBUF_F_RX_IP_CKSUM_BAD);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_IP_CHECKSUM);
	box_nic_says(box, RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	talk_out(&t, 0);
	box_close(box);
}

static void
options(void **state)
{
	static const uint8_t loose[] = { 131, 7, 4, 192, 168, 16, 27, 0 };
	static const uint8_t strict[] = { 1, 137, 7, 4, 192, 168, 16, 27 };
	static const uint8_t endless[] = { 7, 0, 4, 0 };
	static const uint8_t too_long[] = { 7, 40, 4, 0 };
	static const uint8_t cut[] = { 1, 1, 1, 7 };

	static const struct {
		const uint8_t *bytes;
		uint8_t count;
		enum masq_drop reason;
	} rows[] = {
		{ loose, sizeof(loose), MASQ_DROP_SOURCE_ROUTE },
		{ strict, sizeof(strict), MASQ_DROP_SOURCE_ROUTE },
		{ endless, sizeof(endless), MASQ_DROP_IP_HEADER },
		{ too_long, sizeof(too_long), MASQ_DROP_IP_HEADER },
		{ cut, sizeof(cut), MASQ_DROP_IP_HEADER },
	};
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	for (unsigned int k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct masq_test_pkt pkt = good(IPPROTO_TCP);

		pkt.options = rows[k].bytes;
		pkt.option_bytes = rows[k].count;
		box_send(box, LAN, &pkt);
		box_expect_drop(box, rows[k].reason);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Headers in two buffers cannot be read; a payload in two buffers is nothing special. */
static void
split_packets(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct masq_test_pkt pkt = talk_out_pkt(&t, ACK);

	for (uint16_t first = 1; first < L4 + 20; first++) {
		pkt.first_segment_bytes = first;
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_SPLIT_HEADER);
	}
	pkt.first_segment_bytes = L4 + 20;
	talk_out_with(&t, pkt);
	pkt.first_segment_bytes = L4 + 23;
	talk_out_with(&t, pkt);
	box_close(box);
}

/* Bytes behind the packet do not leave with it, wherever its second buffer begins. */
static void
padding_in_two_buffers(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct masq_test_pkt pkt = talk_out_pkt(&t, ACK), left;
	const uint16_t payload = L4 + 20 + sizeof("from inside") - 1;

	talk_out(&t, ACK);
	left = talk_out_translated(&t, pkt);
	pkt.padding_bytes = 30;
	for (uint16_t first = L4 + 20; first < payload + 30; first++) {
		pkt.first_segment_bytes = first;
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
	}
	box_close(box);
}

/* Cut off anywhere: dropped by some name, never read behind its end. */
static void
cut_anywhere(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	uint8_t frame[128];

	for (unsigned int p = 0; p < 3; p++) {
		const struct masq_test_pkt pkt = good(protos[p]);
		uint32_t bytes = box_frame(box, LAN, &pkt, frame, sizeof(frame));

		for (uint32_t cut = 1; cut < bytes; cut++) {
			box_send_bytes(box, LAN, frame, cut);
			box_expect_drop(box, cut < IP + 20 ? MASQ_DROP_RUNT : MASQ_DROP_IP_LENGTH);
		}
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Every single bit of a packet the other way round. What passes is masqueraded, or was for the box. */
static void
every_bit_flipped(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	uint8_t frame[128];

	for (unsigned int p = 0; p < 3; p++) {
		const struct masq_test_pkt pkt = good(protos[p]);
		uint32_t bytes = box_frame(box, LAN, &pkt, frame, sizeof(frame));

		for (uint32_t bit = 0; bit < bytes * 8; bit++) {
			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (bit / 8 >= IP && bit / 8 < L4 && (frame[IP] & 15) >= 5 &&
					(frame[IP] & 15) <= 8)
				seal(frame);
			box_send_bytes(box, LAN, frame, bytes);
			box_frame(box, LAN, &pkt, frame, sizeof(frame));
		}
	}
	while (box_waiting(box, WAN) > 0)
		assert_int_equal(box_take(box, WAN).src, IP4(203, 0, 113, 1));
	box_close(box);
}

/* Noise behind a frame header that is ours. */
static void
noise(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	const struct masq_test_pkt pkt = good(IPPROTO_UDP);
	uint8_t frame[256];

	srandom(1);
	for (unsigned int k = 0; k < 3000; k++) {
		uint32_t keep = (uint32_t)random() % (L4 + 10);
		uint32_t bytes = keep + (uint32_t)random() % 128 + 1;

		box_frame(box, LAN, &pkt, frame, sizeof(frame));
		for (uint32_t i = keep; i < bytes; i++)
			frame[i] = (uint8_t)random();
		if (keep > IP + 2 && (frame[IP] & 15) == 5)
			seal(frame);
		box_send_bytes(box, (enum masq_test_port)(k % BOX_PORTS), frame, bytes);
	}
	box_advance(box, 31000);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(headers),
		BOX_ROWS(header_checksum),
		BOX_ROWS(transport_checksum),
		BOX_ROWS(options),
		BOX_ROWS(split_packets),
		BOX_ROWS(padding_in_two_buffers),
		BOX_ROWS(cut_anywhere),
		BOX_ROWS(every_bit_flipped),
		BOX_ROWS(noise),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("bad packets", tests, NULL, NULL);
}
