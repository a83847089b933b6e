/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The packet builder itself, against frames whose bytes and checksums were worked out elsewhere.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include "masq_test_eal.h"
#include "masq_test_pkt.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct rte_mempool *pool;

static const struct masq_test_pkt udp = { .sport = 1025,
	.dport = 53,
	.payload = "who is it",
	.ttl = 1 };

static const struct {
	struct masq_test_pkt pkt;
	const char *hex;
} rows[] = {
	{ { .sport = 1025, .dport = 53, .payload = "who is it" },
			"020000000001020000000002080045000025000000004011dfc7c0a80102d1510805"
			"0401003500117c2f77686f206973206974" },
	{ { .proto = IPPROTO_TCP,
			  .sport = 1026,
			  .dport = 80,
			  .tcp_seq = 0x01020304,
			  .tcp_flags = 2,
			  .tcp_options = "\2\4\5\xb4",
			  .tcp_option_bytes = 4 },
			"02000000000102000000000208004500002c000000004006dfcbc0a80102d1510805"
			"04020050010203040000000060022000d4cd0000020405b4" },
	{ { .proto = IPPROTO_ICMP,
			  .icmp_type = 8,
			  .icmp_id = 77,
			  .icmp_seq = 1,
			  .payload_bytes = 8 },
			"020000000001020000000002080045000024000000004001dfd8c0a80102d1510805"
			"0800eba1004d00010001020304050607" },
	{ { .proto = IPPROTO_ICMP,
			  .src = "10.9.9.9",
			  .dst = "192.168.1.2",
			  .icmp_type = 11,
			  .quote = &udp },
			"020000000001020000000002080045000038000000004001a6090a090909c0a80102"
			"0b00748900000000"
			"450000250000000001111ec8c0a80102d15108050401003500117c2f" },
	{ { .arp = 1,
			  .dst_mac = "ff:ff:ff:ff:ff:ff",
			  .src = "10.0.0.1",
			  .dst = "10.0.0.2",
			  .vlan = 5,
			  .vlan_priority = 3 },
			"ffffffffffff0200000000028100600508060001080006040001"
			"0200000000020a0000010000000000000a000002" },
};

static void
frames_are_as_they_should_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint8_t frame[256];
		char hex[2 * sizeof(frame) + 1] = "";
		uint32_t bytes = masq_test_pkt_bytes(&rows[i].pkt, frame, sizeof(frame));

		for (uint32_t j = 0; j < bytes; j++)
			snprintf(hex + 2 * (size_t)j, 3, "%02x", frame[j]);
		assert_string_equal(hex, rows[i].hex);
	}
}

static void
fragments_are_parts_of_the_whole(void **state)
{
	struct masq_test_pkt pkt = { .sport = 1, .dport = 2, .payload_bytes = 92, .ip_id = 7 };
	uint8_t whole[256], part[256], together[256];
	uint32_t bytes = masq_test_pkt_bytes(&pkt, whole, sizeof(whole));

	(void)state;
	assert_int_equal(bytes, 14 + 20 + 100);
	for (uint32_t offset = 0; offset < 100; offset += 40) {
		uint32_t data = offset == 80 ? 20 : 40;

		pkt.frag_offset_bytes = offset;
		pkt.frag_bytes = 40;
		assert_int_equal(masq_test_pkt_bytes(&pkt, part, sizeof(part)), 34 + data);
		assert_int_equal(part[20], offset == 80 ? 0 : 0x20);
		assert_int_equal(part[21], offset / 8);
		assert_int_equal(masq_test_checksum(part + 14, 20), 0);
		memcpy(together + 34 + offset, part + 34, data);
	}
	assert_memory_equal(together + 34, whole + 34, 100);
}

/* Does the checker take the frame? Its complaints are not shown: here they are expected. */
static bool
check_quietly(const struct rte_mbuf *mbuf, const struct masq_test_pkt *expected)
{
	int saved = dup(STDERR_FILENO);
	bool is_same;

	assert_non_null(freopen("/dev/null", "w", stderr));
	is_same = masq_test_pkt_check(mbuf, expected);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	return is_same;
}

static void
the_checker_sees_each_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &rows[i].pkt);
		struct masq_test_pkt expected = rows[i].pkt;
		uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

		assert_true(masq_test_pkt_check(mbuf, &expected));
		expected.src_mac = MASQ_TEST_PEER_MAC;
		if (expected.dst_mac == NULL)
			expected.dst_mac = MASQ_TEST_OUR_MAC;
		for (uint32_t j = 0; j < mbuf->data_len; j++) {
			frame[j] ^= 1;
			assert_false(check_quietly(mbuf, &expected));
			frame[j] ^= 1;
		}
		assert_int_equal(rte_pktmbuf_trim(mbuf, 1), 0);
		assert_false(check_quietly(mbuf, &expected));
		rte_pktmbuf_free(mbuf);
	}
}

static void
a_chosen_port_is_taken_over_with_its_checksum(void **state)
{
	struct masq_test_pkt sent = { .sport = 4711, .dport = 53, .payload = "x", .ip_id = 9 };
	struct masq_test_pkt expected = { .sport = 1,
		.dport = 53,
		.payload = "x",
		.any = MASQ_TEST_ANY_SPORT | MASQ_TEST_ANY_IP_ID };
	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &sent);

	(void)state;
	assert_true(masq_test_pkt_check(mbuf, &expected));
	assert_int_equal(masq_test_pkt_see(mbuf).sport, 4711);
	rte_pktmbuf_mtod(mbuf, uint8_t *)[41] ^= 1;
	assert_false(check_quietly(mbuf, &expected));
	rte_pktmbuf_free(mbuf);
}

static void
split_frames_compare_like_whole_ones(void **state)
{
	struct masq_test_pkt pkt = { .payload_bytes = 4000, .first_segment_bytes = 45 };
	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &pkt);

	(void)state;
	assert_int_equal(mbuf->data_len, 45);
	assert_int_equal(mbuf->pkt_len, 4042);
	assert_true(mbuf->nb_segs > 2);
	assert_true(masq_test_pkt_check(mbuf, &pkt));
	rte_pktmbuf_free(mbuf);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_they_should_be),
		cmocka_unit_test(fragments_are_parts_of_the_whole),
		cmocka_unit_test(the_checker_sees_each_byte),
		cmocka_unit_test(a_chosen_port_is_taken_over_with_its_checksum),
		cmocka_unit_test(split_frames_compare_like_whole_ones),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = masq_test_pool_create(63);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
