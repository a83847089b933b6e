/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the parser refuses, and for which reason.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <masq_drop.h>
#include <masq_pkt.h>

#include "masq_test_pkt.h"
#include "pkt_frame.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	enum masq_drop reason;
	struct masq_test_pkt pkt;
	struct patch patch[3];
	uint16_t cut_to; /* bytes of the frame that arrive, 0: all */
	uint64_t ol_flags;
} refused[] = {
	{ "one byte", MASQ_DROP_RUNT, .pkt = { 0 }, .cut_to = 1 },
	{ "13 bytes", MASQ_DROP_RUNT, .pkt = { 0 }, .cut_to = 13 },
	{ "only an Ethernet header", MASQ_DROP_RUNT, .pkt = { 0 }, .cut_to = 14 },
	{ "19 bytes of IP", MASQ_DROP_RUNT, .pkt = { 0 }, .cut_to = 33 },
	{ "half a tag", MASQ_DROP_RUNT, .pkt = { .vlan = 5 }, .cut_to = 17 },
	{ "19 bytes of IP behind a tag", MASQ_DROP_RUNT, .pkt = { .vlan = 5 }, .cut_to = 37 },
	{ "another station", MASQ_DROP_NOT_OUR_MAC, .pkt = { .dst_mac = "02:00:00:00:00:03" } },
	{ "almost our station", MASQ_DROP_NOT_OUR_MAC,
			.pkt = { .dst_mac = "02:00:00:00:01:01", .payload_bytes = 18 } },
	{ "another station's ARP", MASQ_DROP_NOT_OUR_MAC,
			.pkt = { .arp = 1, .dst_mac = "02:00:00:00:00:03" } },
	{ "IPv6", MASQ_DROP_ETHERTYPE, .pkt = { .ethertype = 0x86dd, .payload_bytes = 30 } },
	{ "802.3 length", MASQ_DROP_ETHERTYPE, .pkt = { .ethertype = 46, .payload_bytes = 30 } },
	{ "two tags", MASQ_DROP_ETHERTYPE, .pkt = { .vlan = 5, .ethertype = 0x8100 } },
	{ "provider tag", MASQ_DROP_ETHERTYPE, .pkt = { .ethertype = 0x88a8 } },
	{ "stripped tag and another", MASQ_DROP_RUNT, .pkt = { .vlan = 5 }, .cut_to = 37 },
	{ "version 6", MASQ_DROP_IP_VERSION, .pkt = { .payload_bytes = 18 },
			.patch = { { 14, 0x65 } } },
	{ "version 0", MASQ_DROP_IP_VERSION, .pkt = { .payload_bytes = 18 },
			.patch = { { 14, 0x05 } } },
	{ "header of 16 bytes", MASQ_DROP_IP_HEADER, .pkt = { .payload_bytes = 18 },
			.patch = { { 14, 0x44 } } },
	{ "header longer than the frame", MASQ_DROP_IP_HEADER, .pkt = { 0 },
			.patch = { { 14, 0x48 } } },
	{ "header longer than the packet", MASQ_DROP_IP_LENGTH, .pkt = { .payload_bytes = 30 },
			.patch = { { 14, 0x46 }, { 17, 23 } } },
	{ "packet of 19 bytes", MASQ_DROP_IP_LENGTH, .pkt = { .payload_bytes = 30 },
			.patch = { { 17, 19 } } },
	{ "packet of 0 bytes", MASQ_DROP_IP_LENGTH, .pkt = { .payload_bytes = 30 },
			.patch = { { 17, 0 } } },
	{ "packet one byte longer than the frame", MASQ_DROP_IP_LENGTH,
			.pkt = { .payload_bytes = 30 }, .patch = { { 17, 59 } } },
	{ "packet of 65535 bytes", MASQ_DROP_IP_LENGTH, .pkt = { .payload_bytes = 30 },
			.patch = { { 16, 255 }, { 17, 255 } } },
	{ "frame cut on its way", MASQ_DROP_IP_LENGTH, .pkt = { .payload_bytes = 30 },
			.cut_to = 71 },
	{ "IP checksum", MASQ_DROP_IP_CHECKSUM,
			.pkt = { .bad_ip_checksum = true, .payload_bytes = 30 } },
	{ "IP checksum of options", MASQ_DROP_IP_CHECKSUM,
			.pkt = { .bad_ip_checksum = true,
					.option_bytes = 4,
					.options = "\1\1\1" } },
	{ "the NIC found the IP checksum wrong", MASQ_DROP_IP_CHECKSUM,
			.pkt = { .payload_bytes = 30 }, .ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD },
	{ "the NIC found the transport checksum wrong", MASQ_DROP_L4_CHECKSUM,
			.pkt = { .payload_bytes = 30 },
			.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD },
	{ "loose source route", MASQ_DROP_SOURCE_ROUTE,
			.pkt = { .option_bytes = 7, .options = "\x83\7\4\1\2\3\4" } },
	{ "strict source route behind others", MASQ_DROP_SOURCE_ROUTE,
			.pkt = { .option_bytes = 12, .options = "\1\x94\4\0\0\x89\7\4\1\2\3\4" } },
	{ "option without a length", MASQ_DROP_IP_HEADER,
			.pkt = { .option_bytes = 4, .options = "\1\1\1\7" } },
	{ "option of length 0", MASQ_DROP_IP_HEADER,
			.pkt = { .option_bytes = 4, .options = "\7\0\1\1" } },
	{ "option of length 1", MASQ_DROP_IP_HEADER,
			.pkt = { .option_bytes = 4, .options = "\7\1\1\1" } },
	{ "option longer than the header", MASQ_DROP_IP_HEADER,
			.pkt = { .option_bytes = 4, .options = "\7\5\4\1" } },
	{ "malformed source route", MASQ_DROP_IP_HEADER,
			.pkt = { .option_bytes = 4, .options = "\x83\x0b\4\1" } },
	{ "from 0.0.0.0", MASQ_DROP_MARTIAN_SOURCE, .pkt = { .src = "0.0.0.0" } },
	{ "from 0/8", MASQ_DROP_MARTIAN_SOURCE, .pkt = { .src = "0.1.2.3", .payload_bytes = 18 } },
	{ "from loopback", MASQ_DROP_MARTIAN_SOURCE,
			.pkt = { .src = "127.0.0.1", .payload_bytes = 18 } },
	{ "from multicast", MASQ_DROP_MARTIAN_SOURCE,
			.pkt = { .src = "224.0.0.1", .payload_bytes = 18 } },
	{ "from class E", MASQ_DROP_MARTIAN_SOURCE,
			.pkt = { .src = "240.0.0.1", .payload_bytes = 18 } },
	{ "from broadcast", MASQ_DROP_MARTIAN_SOURCE, .pkt = { .src = "255.255.255.255" } },
	{ "to 0/8", MASQ_DROP_MARTIAN_DESTINATION,
			.pkt = { .dst = "0.0.0.0", .payload_bytes = 18 } },
	{ "to loopback", MASQ_DROP_MARTIAN_DESTINATION,
			.pkt = { .dst = "127.9.9.9", .payload_bytes = 18 } },
	{ "to class E", MASQ_DROP_MARTIAN_DESTINATION,
			.pkt = { .dst = "240.0.0.0", .payload_bytes = 18 } },
	{ "to almost broadcast", MASQ_DROP_MARTIAN_DESTINATION,
			.pkt = { .dst = "255.255.255.254" } },
	{ "to multicast", MASQ_DROP_MULTICAST, .pkt = { .dst = "224.0.0.1", .payload_bytes = 18 } },
	{ "to multicast, group frame", MASQ_DROP_MULTICAST,
			.pkt = { .dst = "239.255.255.255", .dst_mac = "01:00:5e:7f:ff:ff" } },
	{ "to broadcast", MASQ_DROP_BROADCAST,
			.pkt = { .dst = "255.255.255.255", .dst_mac = "ff:ff:ff:ff:ff:ff" } },
	{ "to broadcast, but to our station", MASQ_DROP_BROADCAST,
			.pkt = { .dst = "255.255.255.255", .payload_bytes = 18 } },
	{ "to one host in a broadcast frame", MASQ_DROP_BROADCAST,
			.pkt = { .dst_mac = "ff:ff:ff:ff:ff:ff", .payload_bytes = 18 } },
	{ "to one host in a group frame", MASQ_DROP_BROADCAST,
			.pkt = { .dst_mac = "01:00:5e:00:00:01" } },
	{ "from broadcast to broadcast", MASQ_DROP_MARTIAN_SOURCE,
			.pkt = { .src = "255.255.255.255",
					.dst = "255.255.255.255",
					.dst_mac = "ff:ff:ff:ff:ff:ff" } },
	{ "fragment without data", MASQ_DROP_FRAG_BAD, .pkt = { .proto = 47 },
			.patch = { { 20, 0x20 } } },
	{ "fragment of seven bytes, more to come", MASQ_DROP_FRAG_BAD,
			.pkt = { .proto = 47, .payload_bytes = 7 }, .patch = { { 20, 0x20 } } },
	{ "fragment that ends behind 65535", MASQ_DROP_FRAG_BAD, .pkt = { .payload_bytes = 30 },
			.patch = { { 20, 0x1f }, { 21, 0xff } } },
	{ "fragment whose datagram would have 65536 bytes", MASQ_DROP_FRAG_BAD,
			.pkt = { .proto = 47, .payload_bytes = 12 },
			.patch = { { 20, 0x1f }, { 21, 0xfc } } },
	{ "tcp of 19 bytes", MASQ_DROP_L4_HEADER, .pkt = { .proto = 6, .payload_bytes = 0 },
			.patch = { { 17, 39 } } },
	{ "tcp of no bytes", MASQ_DROP_L4_HEADER, .pkt = { .proto = 47 }, .patch = { { 23, 6 } } },
	{ "tcp header of 16 bytes", MASQ_DROP_L4_HEADER, .pkt = { .proto = 6, .payload_bytes = 9 },
			.patch = { { 46, 0x40 } } },
	{ "tcp header longer than the packet", MASQ_DROP_L4_HEADER,
			.pkt = { .proto = 6, .payload_bytes = 3 }, .patch = { { 46, 0x60 } } },
	{ "udp of seven bytes", MASQ_DROP_L4_HEADER, .pkt = { .payload_bytes = 30 },
			.patch = { { 17, 27 } } },
	{ "udp of no bytes", MASQ_DROP_L4_HEADER, .pkt = { .proto = 47 }, .patch = { { 23, 17 } } },
	{ "udp that says 7", MASQ_DROP_L4_HEADER, .pkt = { .payload_bytes = 30 },
			.patch = { { 39, 7 } } },
	{ "udp that says 0", MASQ_DROP_L4_HEADER, .pkt = { .payload_bytes = 30 },
			.patch = { { 39, 0 } } },
	{ "udp longer than the packet", MASQ_DROP_L4_HEADER, .pkt = { .payload_bytes = 30 },
			.patch = { { 39, 39 } } },
	{ "udp of 65535 bytes", MASQ_DROP_L4_HEADER, .pkt = { .payload_bytes = 30 },
			.patch = { { 38, 255 }, { 39, 255 } } },
	{ "icmp of seven bytes", MASQ_DROP_L4_HEADER, .pkt = { .proto = 1, .icmp_type = 8 },
			.patch = { { 17, 27 } } },
	{ "icmp of no bytes", MASQ_DROP_L4_HEADER, .pkt = { .proto = 47 }, .patch = { { 23, 1 } } },
};

static void
bad_packets_are_refused_with_their_reason(void **state)
{
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(refused); i++) {
		uint32_t count = build(
				&refused[i].pkt, refused[i].patch, LENGTH(refused[i].patch), bytes);

		if (refused[i].cut_to != 0)
			count = refused[i].cut_to;
		print_message("  %s\n", refused[i].name);
		/* Through both halves of the parser; a wrong transport checksum needs its flag. */
		for (unsigned int way = 0; way < 2; way++) {
			bool has_flag = refused[i].reason == MASQ_DROP_L4_CHECKSUM;
			uint64_t more_flags = way == 1 && !has_flag ? NOT_PLAIN : 0;
			struct masq_pkt pkt;
			struct frame frame;

			frame_init(&frame, bytes, count, count, refused[i].ol_flags | more_flags);
			assert_string_equal(
					masq_drop_name(masq_pkt_parse(frame.mbuf, our_mac, &pkt)),
					masq_drop_name(refused[i].reason));
			frame_fini(&frame);
		}
	}
}

/*
 * A checksum that is wrong by as little as a carry that was lost, in either byte order, for addresses
 * that make sums carry at each width that the parser may add in.
 */
static void
an_ip_checksum_wrong_by_one_is_refused(void **state)
{
	static const char *const addresses[] = { "1.0.0.1", "1.255.255.255", "223.255.255.255",
		"128.0.255.255", "1.0.255.254", "223.0.0.255" };
	static const int steps[] = { 0, 1, -1, 256, -256 };
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (unsigned int i = 0; i < 36 * 256; i++) {
		struct masq_test_pkt sent = { .src = addresses[i % 6],
			.dst = addresses[i / 6 % 6],
			.ip_id = (uint16_t)(257 * (i / 36)),
			.payload_bytes = 18 };
		uint32_t count = build(&sent, NULL, 0, bytes);
		int right = bytes[24] << 8 | bytes[25];

		for (size_t j = 0; j < LENGTH(steps); j++) {
			uint16_t sum = (uint16_t)(right + steps[j]);
			struct masq_pkt pkt;
			struct frame frame;

			/* The two zeros of one's complement are the same number. */
			if (steps[j] != 0 && sum % 0xffff == right % 0xffff)
				continue;
			bytes[24] = (uint8_t)(sum >> 8);
			bytes[25] = (uint8_t)sum;
			frame_init(&frame, bytes, count, count, 0);
			assert_int_equal(masq_pkt_parse(frame.mbuf, our_mac, &pkt),
					steps[j] == 0 ? MASQ_DROP_NONE : MASQ_DROP_IP_CHECKSUM);
			frame_fini(&frame);
		}
	}
}

static void
a_tag_inside_a_stripped_tag_is_refused(void **state)
{
	struct masq_test_pkt inner = { .vlan = 5, .payload_bytes = 18 };
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];
	uint32_t count = build(&inner, NULL, 0, bytes);
	struct masq_pkt pkt;
	struct frame frame;

	(void)state;
	frame_init(&frame, bytes, count, count, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	assert_int_equal(masq_pkt_parse(frame.mbuf, our_mac, &pkt), MASQ_DROP_ETHERTYPE);
	frame_fini(&frame);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_packets_are_refused_with_their_reason),
		cmocka_unit_test(an_ip_checksum_wrong_by_one_is_refused),
		cmocka_unit_test(a_tag_inside_a_stripped_tag_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
