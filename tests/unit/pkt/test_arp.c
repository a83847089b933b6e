/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ARP messages: what is read, what is refused, what is written.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <masq_arp.h>
#include <masq_ip4.h>

#include "masq_test_eal.h"
#include "masq_test_pkt.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct rte_mempool *pool;

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t peer_mac[6] = { 2, 0, 0, 0, 0, 2 };

static void
messages_are_read(void **state)
{
	static const struct masq_test_pkt rows[] = {
		{ .arp = 1, .src = "10.0.0.2", .dst = "10.0.0.1", .dst_mac = "ff:ff:ff:ff:ff:ff" },
		{ .arp = 2,
				.src = "10.0.0.2",
				.dst = "10.0.0.1",
				.arp_target_mac = MASQ_TEST_OUR_MAC },
		{ .arp = 2, .src = "10.0.0.2", .dst = "10.0.0.1", .vlan = 7, .padding_bytes = 14 },
		{ .arp = 1, .src = "0.0.0.0", .dst = "10.0.0.1", .padding_bytes = 18 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &rows[i]);
		uint32_t src = 0, dst = 0;
		uint8_t target[6] = { 0 };
		struct masq_arp arp;

		assert_int_equal(masq_ip4_parse(rows[i].src, &src), 0);
		assert_int_equal(masq_ip4_parse(rows[i].dst, &dst), 0);
		if (rows[i].arp_target_mac != NULL)
			memcpy(target, our_mac, 6);
		assert_int_equal(masq_arp_parse(mbuf, &arp), MASQ_DROP_NONE);
		assert_int_equal(arp.is_request, rows[i].arp == 1);
		assert_memory_equal(arp.sender_mac, peer_mac, 6);
		assert_memory_equal(arp.target_mac, target, 6);
		assert_int_equal(rte_be_to_cpu_32(arp.sender_ip), src);
		assert_int_equal(rte_be_to_cpu_32(arp.target_ip), dst);
		rte_pktmbuf_free(mbuf);
	}
}

/* One byte of an untagged message that is changed. */
static void
malformed_messages_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t at, value;
	} rows[] = {
		{ "not ARP", 13, 0x00 },
		{ "hardware type 256", 14, 1 },
		{ "hardware type 6", 15, 6 },
		{ "protocol type", 16, 0x86 },
		{ "hardware length", 18, 8 },
		{ "protocol length", 19, 16 },
		{ "operation 0", 21, 0 },
		{ "operation 3", 21, 3 },
		{ "operation 257", 20, 1 },
		{ "sender is a group", 22, 0x03 },
		{ "sender is everybody", 22, 0xff },
	};
	struct masq_test_pkt request = { .arp = 1 };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &request);
		struct masq_arp arp;

		print_message("  %s\n", rows[i].name);
		assert_int_equal(masq_arp_parse(mbuf, &arp), MASQ_DROP_NONE);
		rte_pktmbuf_mtod(mbuf, uint8_t *)[rows[i].at] = rows[i].value;
		assert_int_equal(masq_arp_parse(mbuf, &arp), MASQ_DROP_ARP_BAD);
		rte_pktmbuf_free(mbuf);
	}
}

static void
short_messages_are_runts(void **state)
{
	static const struct masq_test_pkt rows[] = { { .arp = 1 }, { .arp = 1, .vlan = 7 } };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &rows[i]);
		struct masq_arp arp;

		while (mbuf->data_len > 0) {
			assert_int_equal(rte_pktmbuf_trim(mbuf, 1), 0);
			assert_int_equal(masq_arp_parse(mbuf, &arp), MASQ_DROP_RUNT);
		}
		rte_pktmbuf_free(mbuf);
	}
}

static void
messages_are_written(void **state)
{
	const struct {
		struct masq_arp arp;
		struct masq_test_pkt expected;
	} rows[] = {
		{ { .is_request = true }, { .arp = 1, .dst_mac = "ff:ff:ff:ff:ff:ff" } },
		{ { .is_request = true, .target_mac = { 2, 0, 0, 0, 0, 2 } },
				{ .arp = 1,
						.dst_mac = MASQ_TEST_PEER_MAC,
						.arp_target_mac = MASQ_TEST_PEER_MAC } },
		{ { .is_request = false, .target_mac = { 2, 0, 0, 0, 0, 2 } },
				{ .arp = 2,
						.dst_mac = MASQ_TEST_PEER_MAC,
						.arp_target_mac = MASQ_TEST_PEER_MAC } },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_arp arp = rows[i].arp;
		struct masq_test_pkt expected = rows[i].expected;
		struct rte_mbuf *mbuf;

		memcpy(arp.sender_mac, our_mac, 6);
		arp.sender_ip = rte_cpu_to_be_32(MASQ_IP4(10, 0, 0, 1));
		arp.target_ip = rte_cpu_to_be_32(MASQ_IP4(10, 0, 0, 2));
		mbuf = masq_arp_build(pool, &arp);
		assert_non_null(mbuf);
		expected.src_mac = MASQ_TEST_OUR_MAC;
		expected.src = "10.0.0.1";
		expected.dst = "10.0.0.2";
		expected.padding_bytes = 18;
		assert_true(masq_test_pkt_check(mbuf, &expected));
		assert_int_equal(mbuf->l2_len, 14);
		rte_pktmbuf_free(mbuf);
	}
}

static void
no_buffer_no_message(void **state)
{
	struct rte_mempool *small = masq_test_pool_create(1);
	struct masq_arp arp = { .is_request = true };
	struct rte_mbuf *taken[8];
	unsigned int count = 0;

	(void)state;
	while (count < LENGTH(taken) && (taken[count] = masq_arp_build(small, &arp)) != NULL)
		count++;
	assert_in_range(count, 1, LENGTH(taken) - 1);
	rte_pktmbuf_free_bulk(taken, count);
	rte_mempool_free(small);

	small = rte_pktmbuf_pool_create("small", 1, 0, 0, RTE_PKTMBUF_HEADROOM + 32, SOCKET_ID_ANY);
	count = rte_mempool_avail_count(small);
	assert_null(masq_arp_build(small, &arp));
	assert_int_equal(rte_mempool_avail_count(small), count);
	rte_mempool_free(small);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_read),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(short_messages_are_runts),
		cmocka_unit_test(messages_are_written),
		cmocka_unit_test(no_buffer_no_message),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = masq_test_pool_create(63);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
