/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ICMP messages of the box: who may be told of an error, what the error says, and echo replies.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <masq_icmp.h>
#include <masq_ip4.h>

#include "masq_test_eal.h"
#include "masq_test_pkt.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define TCP IPPROTO_TCP
#define ICMP IPPROTO_ICMP
#define BOX "203.0.113.1"

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };
static struct rte_mempool *pool;

static struct rte_mbuf *
parsed(const struct masq_test_pkt *sent, struct masq_pkt *pkt)
{
	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, sent);

	assert_int_equal(masq_pkt_parse(mbuf, our_mac, pkt), MASQ_DROP_NONE);
	return mbuf;
}

static const struct masq_test_pkt quoted = { .sport = 1 };

static const struct {
	const char *name;
	bool is_allowed;
	struct masq_test_pkt pkt;
} allowed[] = {
	{ "udp", true, { .sport = 1 } },
	{ "tcp", true, { .proto = TCP } },
	{ "ping", true, { .proto = ICMP, .icmp_type = 8 } },
	{ "pong", true, { .proto = ICMP, .icmp_type = 0 } },
	{ "another protocol", true, { .proto = 47, .payload_bytes = 8 } },
	{ "unreachable", false, { .proto = ICMP, .icmp_type = 3, .quote = &quoted } },
	{ "source quench", false, { .proto = ICMP, .icmp_type = 4, .quote = &quoted } },
	{ "time exceeded", false, { .proto = ICMP, .icmp_type = 11, .quote = &quoted } },
	{ "parameter problem", false, { .proto = ICMP, .icmp_type = 12, .quote = &quoted } },
	{ "redirect", false, { .proto = ICMP, .icmp_type = 5, .quote = &quoted } },
	{ "a type nobody knows", false, { .proto = ICMP, .icmp_type = 200 } },
	{ "first fragment", true, { .payload_bytes = 100, .frag_bytes = 64 } },
	{ "later fragment", false, { .payload_bytes = 100, .frag_offset_bytes = 64 } },
	{ "later fragment of a ping", false,
			{ .proto = ICMP,
					.icmp_type = 8,
					.payload_bytes = 100,
					.frag_offset_bytes = 64 } },
	{ "first fragment of a ping", true,
			{ .proto = ICMP, .icmp_type = 8, .payload_bytes = 100, .frag_bytes = 64 } },
	{ "first fragment of an error", false,
			{ .proto = ICMP, .icmp_type = 3, .payload_bytes = 100, .frag_bytes = 64 } },
	{ "tagged first fragment of an error", false,
			{ .vlan = 4,
					.proto = ICMP,
					.icmp_type = 3,
					.payload_bytes = 100,
					.frag_bytes = 64 } },
	{ "ARP", false, { .arp = 1 } },
};

static void
only_honest_packets_are_answered_with_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(allowed); i++) {
		struct masq_pkt pkt;
		struct rte_mbuf *mbuf = parsed(&allowed[i].pkt, &pkt);

		print_message("  %s\n", allowed[i].name);
		assert_int_equal(masq_icmp_error_allowed(mbuf, &pkt), allowed[i].is_allowed);
		rte_pktmbuf_free(mbuf);
	}
}

/* Addresses that the parser refuses, put there after parsing: a helper might have been at work. */
static void
no_error_goes_to_more_than_one_host(void **state)
{
	static const struct {
		uint8_t offset, first_byte;
		bool is_allowed;
	} rows[] = { { 26, 10, true }, { 26, 0, false }, { 26, 127, false }, { 26, 224, false },
		{ 26, 255, false }, { 30, 10, true }, { 30, 0, false }, { 30, 127, false },
		{ 30, 224, false }, { 30, 255, false }, { 0, 0x02, true }, { 0, 0x01, false },
		{ 0, 0xff, false } };
	struct masq_test_pkt sent = { .sport = 1 };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_pkt pkt;
		struct rte_mbuf *mbuf = parsed(&sent, &pkt);

		rte_pktmbuf_mtod(mbuf, uint8_t *)[rows[i].offset] = rows[i].first_byte;
		assert_int_equal(masq_icmp_error_allowed(mbuf, &pkt), rows[i].is_allowed);
		rte_pktmbuf_free(mbuf);
	}
}

static const struct {
	const char *name;
	struct masq_test_pkt offender;
	uint8_t type, code;
	uint16_t mtu;
	uint16_t quote_bytes; /* how much is quoted */
} errors[] = {
	{ "time exceeded", { .ttl = 1, .sport = 1, .dport = 2, .payload = "x" }, 11, 0, 0, 29 },
	{ "no route, all that fits", { .sport = 1, .payload_bytes = 520 }, 3, 0, 0, 548 },
	{ "one byte more than fits", { .sport = 1, .payload_bytes = 521 }, 3, 0, 0, 548 },
	{ "path MTU", { .proto = TCP, .payload_bytes = 1460, .dont_fragment = true }, 3, 4, 1400,
			548 },
	{ "denied, with options", { .options = "\x94\4\0\0", .option_bytes = 4 }, 3, 13, 0, 32 },
	{ "padding is not quoted", { .proto = TCP, .padding_bytes = 6 }, 3, 1, 0, 40 },
	{ "tagged", { .vlan = 9, .sport = 1 }, 3, 3, 0, 28 },
	{ "in two buffers", { .payload_bytes = 1000, .first_segment_bytes = 100 }, 11, 0, 0, 548 },
	{ "nothing but a header", { .proto = 47 }, 3, 13, 0, 20 },
};

static void
errors_quote_the_offender(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(errors); i++) {
		struct masq_test_pkt offender = errors[i].offender, expected = { 0 };
		struct masq_pkt pkt;
		struct rte_mbuf *mbuf = parsed(&offender, &pkt), *error;

		print_message("  %s\n", errors[i].name);
		error = masq_icmp_error_build(pool, mbuf, &pkt,
				rte_cpu_to_be_32(MASQ_IP4(203, 0, 113, 1)), errors[i].type,
				errors[i].code, errors[i].mtu);
		assert_non_null(error);
		expected.proto = ICMP;
		expected.src_mac = expected.dst_mac = "00:00:00:00:00:00";
		expected.src = BOX;
		expected.dst = MASQ_TEST_SRC;
		expected.tos = 0xc0;
		expected.dont_fragment = true;
		expected.icmp_type = errors[i].type;
		expected.icmp_code = errors[i].code;
		expected.icmp_mtu = errors[i].mtu;
		expected.quote = &errors[i].offender;
		expected.quote_bytes = errors[i].quote_bytes;
		assert_true(masq_test_pkt_check(error, &expected));
		assert_int_equal(error->l2_len, 14);
		assert_int_equal(error->l3_len, 20);
		offender.padding_bytes = 0;
		assert_true(masq_test_pkt_check(mbuf, &offender));
		rte_pktmbuf_free(error);
		rte_pktmbuf_free(mbuf);
	}
}

static void
an_empty_pool_gives_no_error(void **state)
{
	struct rte_mempool *small = masq_test_pool_create(1);
	struct masq_test_pkt offender = { .sport = 1 };
	struct masq_pkt pkt;
	struct rte_mbuf *mbuf = parsed(&offender, &pkt), *taken[8];
	unsigned int count = 0;

	(void)state;
	while (count < LENGTH(taken) && (taken[count] = rte_pktmbuf_alloc(small)) != NULL)
		count++;
	assert_in_range(count, 1, LENGTH(taken) - 1);
	assert_null(masq_icmp_error_build(small, mbuf, &pkt, 1, 11, 0, 0));
	rte_pktmbuf_free_bulk(taken, count);
	rte_pktmbuf_free(mbuf);
	rte_mempool_free(small);
}

static void
a_buffer_too_small_is_given_back(void **state)
{
	struct rte_mempool *small = rte_pktmbuf_pool_create(
			"small", 1, 0, 0, RTE_PKTMBUF_HEADROOM + 64, SOCKET_ID_ANY);
	struct masq_test_pkt offender = { .payload_bytes = 100 };
	struct masq_pkt pkt;
	struct rte_mbuf *mbuf = parsed(&offender, &pkt);
	unsigned int before = rte_mempool_avail_count(small);

	(void)state;
	assert_null(masq_icmp_error_build(small, mbuf, &pkt, 1, 11, 0, 0));
	assert_int_equal(rte_mempool_avail_count(small), before);
	rte_pktmbuf_free(mbuf);
	rte_mempool_free(small);
}

static void
pings_are_answered(void **state)
{
	static const struct masq_test_pkt rows[] = {
		{ .proto = ICMP, .icmp_type = 8, .icmp_id = 7, .icmp_seq = 9, .payload_bytes = 56 },
		{ .proto = ICMP, .icmp_type = 8, .ttl = 1, .tos = 0x10, .payload_bytes = 3 },
		{ .proto = ICMP, .icmp_type = 8, .ttl = 255, .vlan = 4, .ip_id = 0xffff },
		{ .proto = ICMP, .icmp_type = 8, .options = "\1\1\1", .option_bytes = 4 },
		{ .proto = ICMP, .icmp_type = 8, .payload_bytes = 3000, .first_segment_bytes = 42 },
		{ .proto = ICMP, .icmp_type = 8, .icmp_id = 0xf7ff, .padding_bytes = 18 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_test_pkt expected = rows[i];
		struct masq_pkt pkt;
		struct rte_mbuf *mbuf = parsed(&rows[i], &pkt);

		masq_icmp_echo_reply(mbuf, &pkt);
		expected.src = MASQ_TEST_DST;
		expected.dst = MASQ_TEST_SRC;
		expected.icmp_type = 0;
		expected.ttl = 64;
		expected.padding_bytes = 0;
		expected.src_mac = MASQ_TEST_PEER_MAC;
		expected.dst_mac = MASQ_TEST_OUR_MAC;
		assert_true(masq_test_pkt_check(mbuf, &expected));
		rte_pktmbuf_free(mbuf);
	}
}

static void
a_damaged_ping_gets_a_damaged_pong(void **state)
{
	struct masq_test_pkt ping = { .proto = ICMP, .icmp_type = 8, .bad_checksum = true };
	struct masq_pkt pkt;
	struct rte_mbuf *mbuf = parsed(&ping, &pkt);
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);

	(void)state;
	masq_icmp_echo_reply(mbuf, &pkt);
	assert_int_equal(masq_test_checksum(frame + 14, 20), 0);
	assert_int_not_equal(masq_test_checksum(frame + 34, 8), 0);
	rte_pktmbuf_free(mbuf);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_honest_packets_are_answered_with_errors),
		cmocka_unit_test(no_error_goes_to_more_than_one_host),
		cmocka_unit_test(errors_quote_the_offender),
		cmocka_unit_test(an_empty_pool_gives_no_error),
		cmocka_unit_test(a_buffer_too_small_is_given_back),
		cmocka_unit_test(pings_are_answered),
		cmocka_unit_test(a_damaged_ping_gets_a_damaged_pong),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = masq_test_pool_create(63);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
