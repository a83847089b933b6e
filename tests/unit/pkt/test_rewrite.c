/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rewrites as rows: a packet that arrives, the tuple that it gets, the packet that must leave. The
 * expected packet is built anew, so every checksum is compared with one that was computed in full.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <masq_ip4.h>
#include <masq_pkt.h>
#include <masq_rewrite.h>

#include "masq_test_eal.h"
#include "masq_test_pkt.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define TCP IPPROTO_TCP
#define ICMP IPPROTO_ICMP

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 };

static struct rte_mempool *pool;

/* The tuple that the parser sees in a packet. */
static struct masq_tuple
tuple_of(const struct masq_test_pkt *pkt)
{
	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, pkt);
	struct masq_pkt parsed;

	assert_int_equal(masq_pkt_parse(mbuf, our_mac, &parsed), MASQ_DROP_NONE);
	rte_pktmbuf_free(mbuf);
	return parsed.key;
}

/* The rewrite that makes packets like the first into packets like the second. */
static struct masq_rewrite
rewrite_of(const struct masq_test_pkt *from, const struct masq_test_pkt *to)
{
	struct masq_tuple before = tuple_of(from), after = tuple_of(to);
	bool is_reply = from->proto == ICMP &&
			(from->icmp_type == 0 ||
					(from->icmp_type > 13 && from->icmp_type % 2 == 0));
	struct masq_rewrite rewrite = { .tos_and = 0xff };

	masq_rewrite_init(&rewrite, &before, &after, is_reply);
	return rewrite;
}

/* Send a packet through a rewrite; it must come out as expected. */
static void
expect_rewrite(const struct masq_rewrite *rewrite, const struct masq_test_pkt *sent,
		const struct masq_test_pkt *expected)
{
	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, sent);
	struct masq_pkt pkt;

	assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
	masq_rewrite_apply(rewrite, mbuf, &pkt);
	assert_true(masq_test_pkt_check(mbuf, expected));
	rte_pktmbuf_free(mbuf);
}

/* What the box makes of the packets of a row: addresses, ports or identifier, nothing else. */
struct change {
	const char *src, *dst;
	uint16_t sport, dport, icmp_id;
};

static struct masq_test_pkt
changed(const struct masq_test_pkt *pkt, const struct change *change)
{
	struct masq_test_pkt result = *pkt;

	result.src = change->src != NULL ? change->src : pkt->src;
	result.dst = change->dst != NULL ? change->dst : pkt->dst;
	result.sport = change->sport != 0 ? change->sport : pkt->sport;
	result.dport = change->dport != 0 ? change->dport : pkt->dport;
	result.icmp_id = change->icmp_id != 0 ? change->icmp_id : pkt->icmp_id;
	result.padding_bytes = 0;
	return result;
}

static const struct change masquerade = { .src = "203.0.113.1", .sport = 61000, .icmp_id = 61001 };

static const struct {
	const char *name;
	struct masq_test_pkt sent;
	struct change change;
} rows[] = {
	{ "udp masqueraded", { .sport = 1025, .dport = 53, .payload = "who is it" },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "udp demasqueraded",
			{ .src = "8.8.8.8", .sport = 53, .dst = "203.0.113.1", .dport = 61000 },
			{ .dst = "192.168.1.2", .dport = 1025 } },
	{ "udp padded", { .sport = 1025, .dport = 53, .padding_bytes = 18 },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "udp with source and destination changed",
			{ .sport = 7, .dport = 9, .payload_bytes = 1001 },
			{ .src = "10.0.0.1", .sport = 70, .dst = "10.0.0.2", .dport = 90 } },
	{ "udp without checksum", { .sport = 1025, .dport = 53, .no_udp_checksum = true },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "nothing changed but TTL", { .sport = 1025, .dport = 53, .payload = "x" }, { 0 } },
	{ "tcp",
			{ .proto = TCP,
					.sport = 1025,
					.dport = 80,
					.tcp_flags = 2,
					.tcp_seq = 0xfffefdfc },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "tcp with options of both kinds",
			{ .proto = TCP,
					.sport = 1025,
					.dport = 80,
					.options = "\x94\4\0\0",
					.option_bytes = 4,
					.tcp_options = "\2\4\5\xb4",
					.tcp_option_bytes = 4,
					.payload_bytes = 1400 },
			{ .dst = "192.168.1.9", .dport = 8080 } },
	{ "tagged", { .proto = TCP, .vlan = 9, .sport = 1025, .dport = 80 },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "in two buffers",
			{ .sport = 1, .dport = 2, .payload_bytes = 800, .first_segment_bytes = 42 },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "lowest TTL that is forwarded", { .sport = 1025, .dport = 53, .ttl = 2, .tos = 0xff },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "highest TTL", { .sport = 1025, .dport = 53, .ttl = 255, .dont_fragment = true },
			{ .src = "203.0.113.1", .sport = 61000 } },
	{ "ping",
			{ .proto = ICMP,
					.icmp_type = 8,
					.icmp_id = 77,
					.icmp_seq = 3,
					.payload_bytes = 56 },
			{ .src = "203.0.113.1", .icmp_id = 61001 } },
	{ "pong",
			{ .proto = ICMP,
					.icmp_type = 0,
					.icmp_id = 61001,
					.dst = "203.0.113.1",
					.src = "8.8.8.8",
					.payload_bytes = 7 },
			{ .dst = "192.168.1.2", .icmp_id = 77 } },
	{ "timestamp reply", { .proto = ICMP, .icmp_type = 14, .icmp_id = 5, .payload_bytes = 12 },
			{ .dst = "192.168.1.7", .icmp_id = 6 } },
};

static void
packets_leave_as_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_test_pkt expected = changed(&rows[i].sent, &rows[i].change);
		struct masq_rewrite rewrite = rewrite_of(&rows[i].sent, &expected);

		print_message("  %s\n", rows[i].name);
		expected.ttl = (rows[i].sent.ttl != 0 ? rows[i].sent.ttl : 64) - 1;
		expect_rewrite(&rewrite, &rows[i].sent, &expected);
	}
}

static void
a_wrong_checksum_leaves_wrong(void **state)
{
	struct masq_test_pkt sent = { .proto = TCP, .sport = 1025, .dport = 80, .payload = "GET" };
	struct masq_test_pkt right = changed(&sent, &masquerade);
	struct masq_rewrite rewrite = rewrite_of(&sent, &right);
	struct rte_mbuf *mbuf;
	struct masq_pkt pkt;
	uint16_t seen, wanted;

	(void)state;
	sent.bad_checksum = true;
	mbuf = masq_test_pkt_build(pool, &sent);
	assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
	masq_rewrite_apply(&rewrite, mbuf, &pkt);
	seen = *rte_pktmbuf_mtod_offset(mbuf, uint16_t *, 34 + 16);
	rte_pktmbuf_free(mbuf);

	mbuf = masq_test_pkt_build(pool, &right);
	wanted = *rte_pktmbuf_mtod_offset(mbuf, uint16_t *, 34 + 16);
	rte_pktmbuf_free(mbuf);
	assert_int_not_equal(seen, wanted);
}

/* All port pairs that a UDP checksum of 0 or 0xffff could come from: one port runs through all. */
static void
udp_checksums_are_never_zero(void **state)
{
	struct masq_test_pkt sent = { .sport = 1025, .dport = 53, .payload = "ab" };
	unsigned int extremes = 0;

	(void)state;
	for (uint32_t port = 1; port < 65536; port++) {
		struct masq_test_pkt expected = sent;
		struct masq_rewrite rewrite;
		struct rte_mbuf *mbuf;
		struct masq_pkt pkt;
		uint16_t seen;

		expected.sport = (uint16_t)port;
		expected.ttl = 63;
		rewrite = rewrite_of(&sent, &expected);
		mbuf = masq_test_pkt_build(pool, &sent);
		assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
		masq_rewrite_apply(&rewrite, mbuf, &pkt);
		seen = *rte_pktmbuf_mtod_offset(mbuf, uint16_t *, 34 + 6);
		assert_int_not_equal(seen, 0);
		extremes += seen == 0xffff;
		if (seen == 0xffff || port % 16 == 0)
			assert_true(masq_test_pkt_check(mbuf, &expected));
		rte_pktmbuf_free(mbuf);
	}
	assert_int_equal(extremes, 1);
}

static void
tos_is_changed_where_a_rule_says_so(void **state)
{
	static const struct {
		uint8_t and, xor, before, after;
	} tos[] = { { 0xff, 0x00, 0x10, 0x10 }, { 0x01, 0x10, 0x09, 0x11 },
		{ 0x00, 0xff, 0x55, 0xff }, { 0x00, 0x00, 0xff, 0x00 }, { 0xff, 0x80, 0x80, 0x00 },
		{ 0xfe, 0x00, 0x00, 0x00 } };

	(void)state;
	for (size_t i = 0; i < LENGTH(tos); i++) {
		struct masq_test_pkt sent = { .proto = TCP, .tos = tos[i].before, .sport = 1 };
		struct masq_test_pkt expected = changed(&sent, &masquerade);
		struct masq_rewrite rewrite = rewrite_of(&sent, &expected);
		struct rte_mbuf *mbuf;
		struct masq_pkt pkt;

		rewrite.tos_and = tos[i].and;
		rewrite.tos_xor = tos[i].xor ;
		expected.tos = tos[i].after;
		expected.ttl = 63;
		expect_rewrite(&rewrite, &sent, &expected);

		mbuf = masq_test_pkt_build(pool, &sent);
		assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
		masq_rewrite_route(tos[i].and, tos[i].xor, mbuf, &pkt);
		sent.tos = tos[i].after;
		sent.ttl = 63;
		assert_true(masq_test_pkt_check(mbuf, &sent));
		rte_pktmbuf_free(mbuf);
	}
}

static void
routed_packets_lose_one_hop_and_nothing_else(void **state)
{
	(void)state;
	for (int ttl = 1; ttl < 256; ttl++) {
		struct masq_test_pkt sent = {
			.proto = 47, .ttl = ttl, .payload_bytes = 30, .vlan = 3
		};
		struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &sent);
		struct masq_pkt pkt;

		assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
		masq_rewrite_route(0xff, 0, mbuf, &pkt);
		sent.ttl = ttl > 1 ? ttl - 1 : MASQ_TEST_ZERO;
		assert_true(masq_test_pkt_check(mbuf, &sent));
		rte_pktmbuf_free(mbuf);
	}
}

/*
 * IP checksums at their extremes: the identification runs through all values, so the sum does, with
 * and without a change of addresses and TOS.
 */
static void
ip_checksums_are_right_for_all_sums(void **state)
{
	static const struct {
		const char *src;
		uint8_t tos_xor;
	} changes[] = { { MASQ_TEST_SRC, 0 }, { MASQ_TEST_SRC, 0x10 }, { "203.0.113.1", 0 },
		{ "203.0.113.1", 0xff }, { "1.0.0.1", 0 }, { "223.255.255.254", 0x01 } };
	const struct masq_test_pkt sent = { .sport = 1025, .dport = 53 };

	(void)state;
	for (size_t i = 0; i < LENGTH(changes); i++) {
		struct masq_test_pkt after = sent;
		struct masq_rewrite rewrite;

		after.src = changes[i].src;
		rewrite = rewrite_of(&sent, &after);
		rewrite.tos_xor = changes[i].tos_xor;
		for (uint32_t id = 0; id < 65536; id++) {
			struct masq_test_pkt numbered = sent;
			struct rte_mbuf *mbuf;
			const uint8_t *ip;
			struct masq_pkt pkt;

			numbered.ip_id = (uint16_t)id;
			mbuf = masq_test_pkt_build(pool, &numbered);
			assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
			masq_rewrite_apply(&rewrite, mbuf, &pkt);
			ip = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, 14);
			assert_int_equal(masq_test_checksum(ip, 20), 0);
			assert_false(ip[10] == 0xff && ip[11] == 0xff);
			rte_pktmbuf_free(mbuf);
		}
	}
}

/*
 * ICMP errors: a packet that left through the box (sent, as changed) is answered by an error that
 * quotes what left; the host that sent it must get an error that quotes what it sent.
 */
static const struct {
	const char *name;
	struct masq_test_pkt sent; /* by the host */
	struct change change; /* made by the box */
	struct masq_test_pkt error; /* as it arrives, without addresses and quote */
	const char *error_src_after; /* NULL: stays */
} errors[] = {
	{ "udp", { .sport = 1025, .dport = 53, .payload = "who is it" },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9", .icmp_type = 11 } },
	{ "udp, quoted in full", { .sport = 1025, .dport = 53, .payload = "who is it" },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9",
					.icmp_type = 3,
					.icmp_code = 1,
					.quote_bytes = 37 } },
	{ "udp without checksum", { .sport = 1025, .dport = 53, .no_udp_checksum = true },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9", .icmp_type = 3, .icmp_code = 3 } },
	{ "udp with IP options on both",
			{ .sport = 1, .dport = 53, .options = "\1\1\1", .option_bytes = 4 },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9",
					.icmp_type = 12,
					.options = "\1\1\1\1\1\1\1",
					.option_bytes = 8 } },
	{ "tcp, eight bytes", { .proto = TCP, .sport = 1025, .dport = 80, .payload = "GET" },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9", .icmp_type = 11, .ttl = 2 } },
	{ "tcp, up to the checksum", { .proto = TCP, .sport = 1025, .dport = 80 },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9", .icmp_type = 11, .quote_bytes = 36 } },
	{ "tcp, just with its checksum", { .proto = TCP, .sport = 1025, .dport = 80 },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9", .icmp_type = 11, .quote_bytes = 38 } },
	{ "path MTU, in full, odd length",
			{ .proto = TCP, .sport = 1025, .dport = 80, .payload_bytes = 501 },
			{ .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9",
					.icmp_type = 3,
					.icmp_code = 4,
					.icmp_mtu = 1400,
					.quote_bytes = 541 } },
	{ "tagged", { .sport = 1025, .dport = 53 }, { .src = "203.0.113.1", .sport = 61000 },
			.error = { .src = "10.9.9.9", .icmp_type = 11, .vlan = 8 } },
	{ "ping",
			{ .proto = ICMP,
					.icmp_type = 8,
					.icmp_id = 77,
					.icmp_seq = 2,
					.payload = "hello" },
			{ .src = "203.0.113.1", .icmp_id = 61001 },
			.error = { .src = "10.9.9.9", .icmp_type = 11 } },
	{ "reply of a forwarded server",
			{ .proto = TCP, .src = "192.168.1.9", .sport = 8080, .dport = 4711 },
			{ .src = "203.0.113.1", .sport = 80 },
			.error = { .src = "10.9.9.9", .icmp_type = 3, .icmp_code = 3 } },
	{ "pong of a forwarded server",
			{ .proto = ICMP, .icmp_type = 0, .icmp_id = 4711, .payload = "x" },
			{ .src = "203.0.113.1", .icmp_id = 4712 },
			.error = { .src = "10.9.9.9", .icmp_type = 3, .icmp_code = 1 } },
	{ "a router inside does not show itself",
			{ .proto = TCP,
					.src = "8.8.8.8",
					.sport = 4711,
					.dst = "203.0.113.1",
					.dport = 80 },
			{ .dst = "192.168.1.9", .dport = 8080 },
			.error = { .src = "192.168.1.254", .icmp_type = 3, .icmp_code = 1 },
			.error_src_after = "203.0.113.1" },
	{ "hairpin: both ends change",
			{ .src = "192.168.1.2", .sport = 1025, .dst = "203.0.113.1", .dport = 80 },
			{ .src = "203.0.113.1",
					.sport = 61000,
					.dst = "192.168.1.9",
					.dport = 8080 },
			.error = { .src = "192.168.1.9", .icmp_type = 3, .icmp_code = 3 },
			.error_src_after = "203.0.113.1" },
};

/* The half that carries errors about a packet carries its answers: everything reversed. */
static struct masq_rewrite
rewrite_of_answers(const struct masq_test_pkt *sent, const struct masq_test_pkt *left)
{
	struct masq_tuple before = tuple_of(left), after = tuple_of(sent);
	bool is_request = sent->proto == ICMP && sent->icmp_type == 8;
	struct masq_rewrite rewrite = { .tos_and = 0xff };

	before = masq_tuple_reverse(&before);
	after = masq_tuple_reverse(&after);
	masq_rewrite_init(&rewrite, &before, &after, is_request);
	return rewrite;
}

static void
errors_quote_what_their_receiver_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(errors); i++) {
		struct masq_test_pkt sent = errors[i].sent;
		struct masq_test_pkt left = changed(&sent, &errors[i].change);
		struct masq_rewrite rewrite = rewrite_of_answers(&sent, &left);
		struct masq_test_pkt error = errors[i].error, expected;
		struct masq_tuple left_tuple = tuple_of(&left), key;
		struct rte_mbuf *mbuf;
		struct masq_pkt pkt;

		print_message("  %s\n", errors[i].name);
		error.proto = ICMP;
		error.dst = left.src != NULL ? left.src : MASQ_TEST_SRC;
		error.quote = &left;
		expected = error;
		expected.dst = sent.src != NULL ? sent.src : MASQ_TEST_SRC;
		expected.quote = &sent;
		expected.ttl = (error.ttl != 0 ? error.ttl : 64) - 1;
		if (errors[i].error_src_after != NULL)
			expected.src = errors[i].error_src_after;
		/* The hops before the router are the same in both quotes. */
		left.ttl = sent.ttl = 3;

		mbuf = masq_test_pkt_build(pool, &error);
		assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
		key = masq_tuple_reverse(&left_tuple);
		assert_memory_equal(&pkt.key, &key, sizeof(key));
		masq_rewrite_icmp_error(&rewrite, mbuf, &pkt);
		assert_true(masq_test_pkt_check(mbuf, &expected));
		rte_pktmbuf_free(mbuf);
	}
}

/* A damaged error must not be repaired: its checksum is wrong by the same amount before and after. */
static void
damaged_errors_stay_damaged(void **state)
{
	static const uint16_t places[] = { 36, 37, 39, 42 + 8, 42 + 10, 42 + 27 };

	(void)state;
	for (size_t i = 0; i < LENGTH(places); i++) {
		struct masq_test_pkt sent = errors[0].sent;
		struct masq_test_pkt left = changed(&sent, &errors[0].change);
		struct masq_rewrite rewrite = rewrite_of_answers(&sent, &left);
		struct masq_test_pkt error = errors[0].error;
		struct rte_mbuf *mbuf;
		uint8_t *frame;
		struct masq_pkt pkt;

		error.proto = ICMP;
		error.dst = "203.0.113.1";
		error.quote = &left;
		mbuf = masq_test_pkt_build(pool, &error);
		frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
		frame[places[i]] ^= 0x24;
		assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
		assert_int_not_equal(masq_test_checksum(frame + 34, mbuf->data_len - 34u), 0);
		masq_rewrite_icmp_error(&rewrite, mbuf, &pkt);
		assert_int_equal(masq_test_checksum(frame + 14, 20), 0);
		assert_int_not_equal(masq_test_checksum(frame + 34, mbuf->data_len - 34u), 0);
		rte_pktmbuf_free(mbuf);
	}
}

/* An echo reply can be all zeros, the one message whose checksum is 0xffff. */
static void
a_pong_of_zeros_has_a_checksum(void **state)
{
	struct masq_test_pkt zeros = { .proto = ICMP, .payload = "\0\0\0", .payload_bytes = 3 };
	struct masq_test_pkt numbered = zeros, error = { .proto = ICMP, .icmp_type = 3 };
	struct masq_rewrite there, back;
	struct rte_mbuf *mbuf;
	struct masq_pkt pkt;

	(void)state;
	numbered.icmp_id = 61001;
	there = rewrite_of(&numbered, &zeros);
	back = rewrite_of(&zeros, &numbered);
	zeros.ttl = 63;
	expect_rewrite(&there, &numbered, &zeros);
	numbered.ttl = 62;
	expect_rewrite(&back, &zeros, &numbered);

	there = rewrite_of_answers(&zeros, &numbered);
	zeros.ttl = numbered.ttl;
	error.src = "10.9.9.9";
	error.dst = MASQ_TEST_SRC;
	error.quote = &numbered;
	mbuf = masq_test_pkt_build(pool, &error);
	assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
	masq_rewrite_icmp_error(&there, mbuf, &pkt);
	error.quote = &zeros;
	error.ttl = 63;
	assert_true(masq_test_pkt_check(mbuf, &error));
	rte_pktmbuf_free(mbuf);
}

/* A packet whose UDP checksum came out as 0 and was sent as 0xffff: the quote must say so too. */
static void
a_quoted_udp_checksum_is_never_zero(void **state)
{
	struct masq_test_pkt sent = { .sport = 0, .dport = 53, .payload = "ab", .ttl = 3 };
	struct masq_test_pkt left, error = { .proto = ICMP, .src = "10.9.9.9", .icmp_type = 11 };
	struct masq_rewrite rewrite;
	uint8_t frame[128] = { 0 };
	struct rte_mbuf *mbuf;
	struct masq_pkt pkt;

	(void)state;
	/* A port greater by the checksum takes the checksum to 0, which is sent as 0xffff. */
	sent.sport = 1;
	masq_test_pkt_bytes(&sent, frame, sizeof(frame));
	sent.sport = (uint16_t)(1 + (frame[40] << 8 | frame[41]));
	masq_test_pkt_bytes(&sent, frame, sizeof(frame));
	assert_int_equal(frame[40] << 8 | frame[41], 0xffff);
	left = changed(&sent, &masquerade);
	rewrite = rewrite_of_answers(&sent, &left);
	error.dst = "203.0.113.1";
	error.quote = &left;
	mbuf = masq_test_pkt_build(pool, &error);
	assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
	masq_rewrite_icmp_error(&rewrite, mbuf, &pkt);
	error.dst = MASQ_TEST_SRC;
	error.quote = &sent;
	error.ttl = 63;
	assert_true(masq_test_pkt_check(mbuf, &error));
	rte_pktmbuf_free(mbuf);
}

/* Half of a TCP checksum at the end of a quote cannot be mended; the rest must be right. */
static void
half_a_quoted_checksum_is_left_alone(void **state)
{
	struct masq_test_pkt sent = { .proto = TCP, .sport = 1025, .dport = 80 };
	struct masq_test_pkt left = changed(&sent, &masquerade);
	struct masq_rewrite rewrite = rewrite_of_answers(&sent, &left);
	struct masq_test_pkt error = { .proto = ICMP,
		.dst = "203.0.113.1",
		.icmp_type = 11,
		.quote = &left,
		.quote_bytes = 37 };
	struct rte_mbuf *mbuf = masq_test_pkt_build(pool, &error);
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint8_t half = frame[42 + 36];
	struct masq_pkt pkt;

	(void)state;
	assert_int_equal(masq_pkt_parse(mbuf, our_mac, &pkt), MASQ_DROP_NONE);
	masq_rewrite_icmp_error(&rewrite, mbuf, &pkt);
	assert_int_equal(frame[42 + 36], half);
	assert_int_equal(masq_test_checksum(frame + 34, mbuf->data_len - 34u), 0);
	assert_int_equal(masq_test_checksum(frame + 42, 20), 0);
	rte_pktmbuf_free(mbuf);
}

/* The other way, the same packets come back as they were, but for the hops. */
static void
two_rewrites_undo_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_test_pkt sent = rows[i].sent;
		struct masq_test_pkt left = changed(&sent, &rows[i].change);
		struct masq_rewrite back = rewrite_of(&left, &sent);

		left.ttl = 63;
		sent.ttl = 62;
		sent.padding_bytes = 0;
		expect_rewrite(&back, &left, &sent);
	}
}

/* 0 and 0xffff are the same change. */
static void
normalise(struct masq_rewrite *rewrite)
{
	rewrite->l3_delta %= 0xffff;
	rewrite->l4_delta %= 0xffff;
}

/* Both rewrites of a flow at once are what they are one by one; TOS is what it was. */
static void
a_pair_is_two_rewrites(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct masq_test_pkt left = changed(&rows[i].sent, &rows[i].change);
		struct masq_tuple from = tuple_of(&rows[i].sent), to = tuple_of(&left);
		struct masq_tuple answer = masq_tuple_reverse(&to);
		struct masq_tuple back = masq_tuple_reverse(&from);
		struct masq_rewrite one[2] = { { .tos_and = 1, .tos_xor = 2 },
			{ .tos_and = 3, .tos_xor = 4 } };
		struct masq_rewrite both[2] = { one[0], one[1] };

		masq_rewrite_init(&one[0], &from, &to, false);
		masq_rewrite_init(&one[1], &answer, &back, true);
		masq_rewrite_init_pair(&both[0], &both[1], &from, &to);
		for (unsigned int k = 0; k < 2; k++) {
			normalise(&one[k]);
			normalise(&both[k]);
		}
		assert_memory_equal(both, one, sizeof(one));
		assert_true(one[0].tos_and == 1 && one[0].tos_xor == 2);
		assert_true(one[1].tos_and == 3 && one[1].tos_xor == 4);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_leave_as_expected),
		cmocka_unit_test(a_wrong_checksum_leaves_wrong),
		cmocka_unit_test(udp_checksums_are_never_zero),
		cmocka_unit_test(tos_is_changed_where_a_rule_says_so),
		cmocka_unit_test(routed_packets_lose_one_hop_and_nothing_else),
		cmocka_unit_test(ip_checksums_are_right_for_all_sums),
		cmocka_unit_test(errors_quote_what_their_receiver_sent),
		cmocka_unit_test(damaged_errors_stay_damaged),
		cmocka_unit_test(a_pong_of_zeros_has_a_checksum),
		cmocka_unit_test(a_quoted_udp_checksum_is_never_zero),
		cmocka_unit_test(half_a_quoted_checksum_is_left_alone),
		cmocka_unit_test(two_rewrites_undo_each_other),
		cmocka_unit_test(a_pair_is_two_rewrites),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = masq_test_pool_create(63);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
