/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The parser: rows of packets that are taken, whole and in two buffers, bursts, and a comparison of
 * the parser's two halves on packets with random damage. What it refuses: test_pkt_refused.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <masq_ip4.h>
#include <masq_pkt.h>

#include "masq_test_pkt.h"
#include "pkt_frame.h"
#include "pkt_rows.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t
l3_of(const struct taken *row)
{
	return row->l3 != 0 ? row->l3 : 14;
}

static uint8_t
l4_of(const struct taken *row)
{
	return row->l4 != 0 ? row->l4 : 34;
}

static uint32_t
end_of_packet(const struct taken *row, const uint8_t *bytes)
{
	const uint8_t l3 = l3_of(row);

	return l3 + (uint32_t)(bytes[l3 + 2] << 8 | bytes[l3 + 3]);
}

static void
expect_taken(const struct taken *row, const struct masq_pkt *pkt, const uint8_t *bytes)
{
	char key[MASQ_TUPLE_TEXT_BYTES];
	static const uint8_t zero[3];
	uint8_t l3 = l3_of(row), l4 = l4_of(row);
	uint8_t ttl = row->pkt.ttl == MASQ_TEST_ZERO ? 0 : row->pkt.ttl == 0 ? 64 : row->pkt.ttl;

	assert_string_equal(masq_tuple_text(&pkt->key, key), row->key);
	assert_memory_equal(pkt->key.zero, zero, sizeof(zero));
	assert_int_equal(pkt->l3_offset, l3);
	assert_int_equal(pkt->l4_offset, l4);
	assert_int_equal(pkt->l3_len_bytes, bytes[l3 + 2] << 8 | bytes[l3 + 3]);
	assert_int_equal(pkt->vlan, row->vlan);
	assert_int_equal(pkt->flags, row->flags);
	assert_int_equal(pkt->tcp_flags, row->tcp_flags);
	assert_int_equal(pkt->ttl, ttl);
	assert_int_equal(pkt->tos, row->pkt.tos);
	assert_int_equal(pkt->zero, 0);
}

static void
good_packets_are_taken(void **state)
{
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(taken); i++) {
		const struct taken *row = &taken[i];
		uint32_t count = build(&row->pkt, row->patch, LENGTH(row->patch), bytes);
		uint32_t ip_end = end_of_packet(row, bytes);

		print_message("  %s\n", row->name);
		/* As it is, padded to an Ethernet frame, and through the slow half. */
		for (unsigned int way = 0; way < 3; way++) {
			uint32_t padded = way == 1 ? RTE_MAX(count, 60u) : count;
			uint64_t more_flags = way == 2 ? NOT_PLAIN : 0;
			struct masq_pkt pkt;
			struct frame frame;

			memset(bytes + count, 0xee, padded - count);
			memset(&pkt, 0x55, sizeof(pkt));
			frame_init(&frame, bytes, padded, padded, row->ol_flags | more_flags);
			frame.mbuf[0].vlan_tci = row->vlan_tci;
			assert_int_equal(masq_pkt_parse(frame.mbuf, our_mac, &pkt), MASQ_DROP_NONE);
			expect_taken(row, &pkt, bytes);
			assert_int_equal(frame.mbuf[0].data_len, ip_end);
			assert_int_equal(frame.mbuf[0].pkt_len, ip_end);
			frame_fini(&frame);
		}
	}
}

/* Bytes of headers that a row needs in its first buffer. */
static uint32_t
header_bytes(const struct taken *row, const uint8_t *bytes)
{
	const uint8_t l3 = l3_of(row), l4 = l4_of(row);
	const uint8_t *header = bytes + l4, *quote = header + 8;
	uint32_t left = (uint32_t)(bytes[l3 + 2] << 8 | bytes[l3 + 3]) - (l4 - l3 + 8u);
	uint8_t proto = bytes[l3 + 9];

	if ((row->flags & (MASQ_PKT_FRAGMENT | MASQ_PKT_OTHER_PROTO)) != 0)
		return l4;
	if (proto == TCP)
		return l4 + (header[12] >> 4) * 4u;
	if ((row->flags & MASQ_PKT_ICMP_ERROR) == 0 || left < 20)
		return l4 + 8u;
	if (row->key[0] ==
			'p') /* no key: the quoted IP header was enough to see that, or all of it */
		return strstr(row->name, "another than") || strstr(row->name, "about an error")
				? l4 + 36u
				: l4 + 28u;
	if (quote[9] == TCP && left >= (quote[0] & 15u) * 4 + 18)
		return l4 + 8u + (quote[0] & 15u) * 4 + 18;
	return l4 + 8u + (quote[0] & 15u) * 4 + 8;
}

static void
packets_in_two_buffers_are_taken_when_the_headers_are_in_the_first(void **state)
{
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(taken); i++) {
		const struct taken *row = &taken[i];
		uint32_t count = build(&row->pkt, row->patch, LENGTH(row->patch), bytes);
		uint32_t ip_end = end_of_packet(row, bytes);
		uint32_t needed = header_bytes(row, bytes);

		print_message("  %s\n", row->name);
		for (uint32_t first = 1; first < count; first++) {
			struct masq_pkt pkt;
			struct frame frame;
			enum masq_drop reason;

			frame_init(&frame, bytes, count, first, row->ol_flags);
			frame.mbuf[0].vlan_tci = row->vlan_tci;
			reason = masq_pkt_parse(frame.mbuf, our_mac, &pkt);
			if (first < needed) {
				assert_int_equal(reason, MASQ_DROP_SPLIT_HEADER);
			} else {
				assert_int_equal(reason, MASQ_DROP_NONE);
				expect_taken(row, &pkt, bytes);
				assert_int_equal(frame.mbuf[0].pkt_len, ip_end);
				assert_int_equal(frame.mbuf[0].data_len, RTE_MIN(first, ip_end));
			}
			frame_fini(&frame);
		}
	}
}

/* Padding behind the packet, in the second buffer, in both, or all there is in the second. */
static void
bytes_behind_the_packet_are_cut_off_two_buffers(void **state)
{
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(taken); i++) {
		const struct taken *row = &taken[i];
		uint32_t count = build(&row->pkt, row->patch, LENGTH(row->patch), bytes);
		uint32_t ip_end = end_of_packet(row, bytes);
		uint32_t padded = count + 20;

		memset(bytes + count, 0xee, 20);
		for (uint32_t first = header_bytes(row, bytes); first < padded; first++) {
			struct masq_pkt pkt;
			struct frame frame;
			bool in_first = first >= ip_end;

			frame_init(&frame, bytes, padded, first, row->ol_flags);
			frame.mbuf[0].vlan_tci = row->vlan_tci;
			assert_int_equal(masq_pkt_parse(frame.mbuf, our_mac, &pkt), MASQ_DROP_NONE);
			expect_taken(row, &pkt, bytes);
			assert_int_equal(frame.mbuf[0].pkt_len, ip_end);
			assert_int_equal(frame.mbuf[0].nb_segs, in_first ? 1 : 2);
			assert_int_equal(frame.mbuf[0].data_len, in_first ? ip_end : first);
			assert_ptr_equal(frame.mbuf[0].next, in_first ? NULL : &frame.mbuf[1]);
			/* What holds nothing any more was freed, and nothing else. */
			assert_int_equal(frame.mbuf[1].refcnt, in_first ? 1 : 2);
			if (!in_first)
				assert_int_equal(frame.mbuf[1].data_len, ip_end - first);
			frame_fini(&frame);
		}
	}
}

static void
arp_is_left_to_others(void **state)
{
	static const struct masq_test_pkt rows[] = {
		{ .arp = 1, .dst_mac = "ff:ff:ff:ff:ff:ff", .padding_bytes = 18 },
		{ .arp = 2, .padding_bytes = 18 },
		{ .arp = 1, .dst_mac = "ff:ff:ff:ff:ff:ff", .vlan = 6 },
	};
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint32_t count = build(&rows[i], NULL, 0, bytes);
		struct masq_pkt pkt;
		struct frame frame;

		frame_init(&frame, bytes, count, count, 0);
		assert_int_equal(masq_pkt_parse(frame.mbuf, our_mac, &pkt), MASQ_DROP_NONE);
		assert_int_equal(pkt.flags, MASQ_PKT_ARP);
		assert_int_equal(pkt.vlan, rows[i].vlan);
		assert_int_equal(pkt.l3_offset, rows[i].vlan != 0 ? 18 : 14);
		assert_int_equal(frame.mbuf[0].data_len, count);
		frame_fini(&frame);
	}
}

/* Bursts of all kinds, each for one of two stations. */
static void
a_burst_is_parsed_like_its_packets(void **state)
{
	enum {
		BURSTS = 7,
		N = 32
	};

	static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 3 };
	const uint8_t untouched = 0x55;
	unsigned int plain = 0, odd = 0, dropped = 0;

	(void)state;
	for (unsigned int burst = 0; burst < BURSTS; burst++) {
		const uint8_t *mac = burst % 3 == 2 ? other_mac : our_mac;
		static struct frame frames[N];
		struct masq_pkt pkt[N], expected;
		struct rte_mbuf *mbuf[N];
		uint8_t reason[N], bytes[MASQ_TEST_FRAME_BYTES_MAX];
		uint32_t not_plain;

		memset(reason, untouched, sizeof(reason));
		for (unsigned int i = 0; i < N; i++) {
			const struct taken *row = &taken[(burst * N + i) % LENGTH(taken)];
			uint32_t count = build(&row->pkt, row->patch, LENGTH(row->patch), bytes);

			frame_init(&frames[i], bytes, count, count, row->ol_flags);
			frames[i].mbuf[0].vlan_tci = row->vlan_tci;
			mbuf[i] = frames[i].mbuf;
		}
		not_plain = masq_pkt_parse_burst(mbuf, mac, pkt, reason, N);
		for (unsigned int i = 0; i < N; i++) {
			enum masq_drop alone = masq_pkt_parse(mbuf[i], mac, &expected);

			if (alone == MASQ_DROP_NONE)
				assert_memory_equal(&pkt[i], &expected, sizeof(expected));
			if ((not_plain >> i & 1) != 0) {
				assert_int_equal(reason[i], alone);
				dropped += alone != MASQ_DROP_NONE;
				odd += alone == MASQ_DROP_NONE;
			} else {
				assert_int_equal(alone, MASQ_DROP_NONE);
				assert_int_equal(reason[i], untouched);
				assert_int_equal(pkt[i].flags | pkt[i].vlan, 0);
				assert_int_equal(pkt[i].l3_offset, 14);
				plain++;
			}
			frame_fini(&frames[i]);
		}
	}
	assert_true(plain > 0 && odd > 0 && dropped > 0);
	assert_int_equal(masq_pkt_parse_burst(NULL, our_mac, NULL, NULL, 0), 0);
}

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Change up to four bytes of the headers and cut the frame, now and then. */
static uint32_t
damage(uint8_t *bytes, uint32_t count, uint64_t *random)
{
	unsigned int changes = (unsigned int)(next_random(random) % 5);

	for (unsigned int i = 0; i < changes; i++) {
		uint32_t at = 12 + (uint32_t)(next_random(random) % 40);

		if (at < count)
			bytes[at] = (uint8_t)next_random(random);
	}
	if (next_random(random) % 4 != 0)
		mend_ip_checksum(bytes, count);
	if (next_random(random) % 4 == 0)
		count = (uint32_t)(next_random(random) % (count + 1));
	return count;
}

static void
both_halves_of_the_parser_agree(void **state)
{
	const uint64_t seed = 0x6d617371;
	uint64_t random = seed;
	unsigned int accepted = 0, rounds = 40000;
	uint8_t bytes[MASQ_TEST_FRAME_BYTES_MAX];

	(void)state;
	for (unsigned int i = 0; i < rounds; i++) {
		const struct taken *row = &taken[next_random(&random) % LENGTH(taken)];
		uint32_t count = damage(bytes, build(&row->pkt, NULL, 0, bytes), &random);
		struct masq_pkt pkt[2];
		struct frame frame[2];
		enum masq_drop reason[2];

		for (unsigned int half = 0; half < 2; half++) {
			frame_init(&frame[half], bytes, count, count, half == 0 ? 0 : NOT_PLAIN);
			reason[half] = masq_pkt_parse(frame[half].mbuf, our_mac, &pkt[half]);
		}
		if (reason[0] != reason[1] || frame[0].mbuf->data_len != frame[1].mbuf->data_len ||
				(reason[0] == MASQ_DROP_NONE &&
						memcmp(&pkt[0], &pkt[1], sizeof(pkt[0])) != 0))
			fail_msg("seed %#lx, packet %u made from \"%s\"", seed, i, row->name);
		accepted += reason[0] == MASQ_DROP_NONE;
		frame_fini(&frame[0]);
		frame_fini(&frame[1]);
	}
	/* Damage that leaves nothing, or everything, in order would prove little. */
	assert_in_range(accepted, rounds / 10, rounds * 9 / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_packets_are_taken),
		cmocka_unit_test(
				packets_in_two_buffers_are_taken_when_the_headers_are_in_the_first),
		cmocka_unit_test(bytes_behind_the_packet_are_cut_off_two_buffers),
		cmocka_unit_test(arp_is_left_to_others),
		cmocka_unit_test(a_burst_is_parsed_like_its_packets),
		cmocka_unit_test(both_halves_of_the_parser_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
