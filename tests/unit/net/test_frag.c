/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reassembly: conversations as rows (each row a fragment and what becomes of it), and what a
 * datagram's header says when it is whole. Every test ends with all buffers back in their pool.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_ip4.h>

#include "masq_test_eal.h"
#include "test_frag_table.h"

/* ---------------------------------------------------------------- conversations */

enum fate {
	HELD,
	WHOLE,
	DROP
};

struct row {
	const char *name; /* of a conversation, which starts with an empty table; NULL: goes on */
	uint32_t at_ms;
	uint8_t src, id; /* last bytes */
	uint8_t proto;
	uint16_t start, len;
	bool more;
	enum fate fate;
	enum masq_drop reason;
	uint32_t n; /* WHOLE: merged; else: dropped, which may come with HELD too */
};

#define U IPPROTO_UDP
#define T IPPROTO_TCP
#define I IPPROTO_ICMP

static const struct row rows[] = {
	/* clang-format off */
	{ "in order", 0, 1, 1, U, 0, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 32, 5, false, WHOLE, 0, 2 },
	{ "in reverse", 0, 1, 1, U, 32, 5, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 0, 16, true, WHOLE, 0, 2 },
	{ "the middle last", 0, 1, 1, U, 0, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 32, 5, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 16, true, WHOLE, 0, 2 },
	{ "the same id again", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, false, WHOLE, 0, 1 },
	{ NULL, 0, 1, 1, U, 8, 8, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 0, 8, true, WHOLE, 0, 1 },
	{ "no fragment at all", 0, 1, 1, U, 0, 20, false, WHOLE, 0, 0 },
	{ "nor is it looked into", 0, 1, 1, T, 0, 4, false, WHOLE, 0, 0 },
	{ "two datagrams interleaved", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 2, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, false, WHOLE, 0, 1 },
	{ NULL, 0, 1, 2, U, 8, 8, false, WHOLE, 0, 1 },
	{ "the source is part of the key", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 2, 1, U, 8, 8, false, HELD, 0, 0 },
	{ "so is the protocol", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, I, 8, 8, false, HELD, 0, 0 },

	{ "the same fragment twice", 0, 1, 1, U, 0, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 0, 16, true, DROP, OVERLAP, 1 },
	{ NULL, 0, 1, 1, U, 32, 5, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 32, 5, false, DROP, OVERLAP, 1 },
	{ NULL, 0, 1, 1, U, 16, 16, true, WHOLE, 0, 2 },
	{ "overlap: end over start", 0, 1, 1, U, 16, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 0, 24, true, DROP, OVERLAP, 2 },
	{ "overlap: start under end", 0, 1, 1, U, 0, 24, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 16, true, DROP, OVERLAP, 2 },
	{ "overlap: inside", 0, 1, 1, U, 0, 32, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, true, DROP, OVERLAP, 2 },
	{ "overlap: around", 0, 1, 1, U, 16, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 24, true, DROP, OVERLAP, 2 },
	{ "overlap: same start, longer", 0, 1, 1, U, 8, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 16, true, DROP, OVERLAP, 2 },
	{ "overlap: same start, shorter", 0, 1, 1, U, 8, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, true, DROP, OVERLAP, 2 },
	{ "overlap: same end", 0, 1, 1, U, 8, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 8, true, DROP, OVERLAP, 2 },
	{ "overlap: over two", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 16, true, DROP, OVERLAP, 3 },
	{ "after an overlap the rest is refused", 0, 1, 1, U, 0, 16, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 16, true, DROP, OVERLAP, 2 },
	{ NULL, 10, 1, 1, U, 0, 16, true, DROP, OVERLAP, 1 },
	{ NULL, 14999, 1, 1, U, 16, 8, false, DROP, OVERLAP, 1 },
	{ NULL, 15000, 1, 1, U, 0, 16, true, HELD, 0, 0 },
	{ NULL, 15000, 1, 1, U, 16, 8, false, WHOLE, 0, 1 },

	{ "a second end", 0, 1, 1, U, 16, 8, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 32, 8, false, DROP, BAD, 2 },
	{ NULL, 0, 1, 1, U, 0, 16, true, DROP, BAD, 1 },
	{ "a second end before the first", 0, 1, 1, U, 32, 8, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 16, 8, false, DROP, BAD, 2 },
	{ "data behind the end", 0, 1, 1, U, 16, 8, false, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 24, 8, true, DROP, BAD, 2 },
	{ "an end before data", 0, 1, 1, U, 24, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, false, DROP, BAD, 2 },
	{ "more to come after 12 bytes", 0, 1, 1, U, 8, 12, true, DROP, BAD, 1 },
	{ "no data", 0, 1, 1, U, 8, 0, true, DROP, BAD, 1 },
	{ "beyond 65535", 0, 1, 1, U, 65504, 16, false, DROP, BAD, 1 },
	{ "just below 65535", 0, 1, 1, U, 65504, 11, false, HELD, 0, 0 },
	{ "a bad one does not hurt the others", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 12, true, DROP, BAD, 1 },
	{ NULL, 0, 1, 1, U, 8, 12, false, WHOLE, 0, 1 },

	{ "UDP header in the first fragment", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ "first TCP fragment without flags", 0, 1, 1, T, 0, 8, true, DROP, BAD, 1 },
	{ "first TCP fragment of 16 bytes", 0, 1, 1, T, 0, 16, true, DROP, BAD, 1 },
	{ "first TCP fragment of 24 bytes", 0, 1, 1, T, 0, 24, true, HELD, 0, 0 },
	{ "TCP fragment at 8", 0, 1, 1, T, 8, 24, true, DROP, BAD, 1 },
	{ "TCP fragment at 16", 0, 1, 1, T, 16, 24, true, DROP, BAD, 1 },
	{ "TCP fragment at 24", 0, 1, 1, T, 24, 24, true, HELD, 0, 0 },
	{ "ICMP header in the first fragment", 0, 1, 1, I, 0, 8, true, HELD, 0, 0 },
	{ "others need no header", 0, 1, 1, 99, 0, 8, true, HELD, 0, 0 },

	{ "time over, then it starts anew", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 1, 1, 1, U, 16, 8, true, HELD, 0, 0 },
	{ NULL, 14999, 1, 1, U, 24, 8, true, HELD, 0, 0 },
	{ NULL, 15000, 1, 1, U, 8, 8, false, HELD, TIMEOUT, 3 },
	{ NULL, 15001, 1, 1, U, 0, 8, true, WHOLE, 0, 1 },
	{ "the fourth of a source pushes out its first", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 2, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 2, 9, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 3, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 4, U, 0, 8, true, HELD, MEMORY, 2 },
	{ NULL, 0, 1, 2, U, 8, 8, false, WHOLE, 0, 1 },
	{ NULL, 0, 2, 9, U, 8, 8, false, WHOLE, 0, 1 },
	{ "the ninth of all pushes out the first", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 2, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 3, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 4, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 5, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 6, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 7, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 8, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 9, 1, U, 0, 8, true, HELD, MEMORY, 1 },
	{ NULL, 0, 1, 1, U, 8, 8, true, HELD, MEMORY, 1 },
	{ NULL, 0, 3, 1, U, 8, 8, false, WHOLE, 0, 1 },
	{ "refused ones go before waiting ones", 0, 1, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 2, 1, U, 8, 8, true, HELD, 0, 0 },
	{ NULL, 0, 2, 1, U, 8, 16, true, DROP, OVERLAP, 2 },
	{ NULL, 0, 3, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 4, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 5, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 6, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 7, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 8, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 9, 1, U, 0, 8, true, HELD, 0, 0 },
	{ NULL, 0, 1, 1, U, 8, 8, false, WHOLE, 0, 1 },
	/* clang-format on */
};

static void
check_row(struct masq_frag *frag, const struct row *row, const char *name)
{
	struct test_fragment f = { .id = row->id,
		.proto = row->proto,
		.start = row->start,
		.len = row->len,
		.more = row->more,
		.src = MASQ_IP4(192, 168, 1, row->src) };
	struct masq_frag_result r;
	uint32_t held = masq_frag_held(frag);

	/* The data of TCP: header length 20. */
	data[12] = 0x50;
	masq_frag_push(frag, test_fragment_build(pool, &f, data), TEST_L3, row->at_ms, &r);
	if ((r.whole != NULL) != (row->fate == WHOLE) || r.held != (row->fate == HELD) ||
			r.reason != row->reason ||
			(row->fate == WHOLE ? r.merged : r.n_dropped) != row->n)
		fail_msg("%s, start %u: whole %d, held %u, merged %u, dropped %u (%s)", name,
				row->start, r.whole != NULL, r.held, r.merged, r.n_dropped,
				masq_drop_name(r.reason));
	held += row->fate == HELD;
	held -= row->fate == WHOLE ? row->n : 0;
	held -= row->fate == DROP ? row->n - 1 : 0;
	held -= row->fate == HELD ? row->n : 0;
	assert_int_equal(masq_frag_held(frag), held);
	if (r.whole != NULL) {
		test_whole_check(r.whole, &f, data, rte_pktmbuf_pkt_len(r.whole) - TEST_L3 - 20);
		rte_pktmbuf_free(r.whole);
	}
	free_dropped(&r);
}

static void
conversations(void **state)
{
	struct masq_frag *frag = NULL;
	const char *name = NULL;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		if (rows[i].name != NULL) {
			destroy(frag);
			frag = create(&usual);
			name = rows[i].name;
		}
		check_row(frag, &rows[i], name);
	}
	destroy(frag);
}

/* ---------------------------------------------------------------- headers */

static void
the_first_header_counts(void **state)
{
	static const uint8_t options[] = { 0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0 };
	struct test_fragment f = {
		.proto = U, .start = 16, .len = 8, .ttl = 9, .dont_fragment = true
	};
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	assert_null(push(frag, &f, &r));
	f = (struct test_fragment){ .proto = U,
		.len = 16,
		.more = true,
		.ttl = 33,
		.tos = 0x28,
		.dont_fragment = true,
		.options = options,
		.option_bytes = sizeof(options) };
	assert_non_null(push(frag, &f, &r));
	assert_int_equal(r.merged, 1);
	f.more = f.dont_fragment = false;
	test_whole_check(r.whole, &f, data, 24);
	assert_true(rte_pktmbuf_is_contiguous(r.whole));
	rte_pktmbuf_free(r.whole);
	destroy(frag);
}

static void
longer_options_in_the_first_do_not_overflow(void **state)
{
	static const uint8_t options[40] = { 1 };
	struct test_fragment last = { .proto = U, .start = 65480, .len = 35 }; /* ends at 65515 */
	struct test_fragment f = {
		.proto = U, .len = 1480, .more = true, .options = options, .option_bytes = 40
	};
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	assert_null(push(frag, &last, &r));
	for (; f.start < 65480; f.start = (uint16_t)(f.start + f.len), f.option_bytes = 0) {
		f.len = RTE_MIN(1480, 65480 - f.start);
		assert_null(push(frag, &f, &r));
	}
	assert_int_equal(r.reason, BAD);
	assert_int_equal(r.n_dropped, 46);
	free_dropped(&r);
	assert_int_equal(masq_frag_held(frag), 0);
	destroy(frag);
}

static void
congestion_marks_are_kept(void **state)
{
	static const struct {
		uint8_t first, second, whole;
	} row[] = { { 2, 2, 2 }, { 2, 3, 3 }, { 3, 2, 3 }, { 1, 3, 3 }, { 0, 3, 0 }, { 0, 0, 0 } };
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(row); i++) {
		struct test_fragment a = {
			.proto = U, .len = 8, .more = true, .tos = row[i].first
		};
		struct test_fragment b = { .proto = U, .start = 8, .len = 8, .tos = row[i].second };

		assert_null(push(frag, &a, &r));
		assert_non_null(push(frag, &b, &r));
		a.tos = row[i].whole;
		a.more = false;
		test_whole_check(r.whole, &a, data, 16);
		rte_pktmbuf_free(r.whole);
	}
	destroy(frag);
}

static void
what_the_nic_said_is_forgotten(void **state)
{
	struct test_fragment f = { .proto = U, .len = 8, .more = true };
	struct rte_mbuf *mbuf = test_fragment_build(pool, &f, data);
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD |
			RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN;
	masq_frag_push(frag, mbuf, TEST_L3, 0, &r);
	f = (struct test_fragment){ .proto = U, .start = 8, .len = 8 };
	assert_ptr_equal(push(frag, &f, &r), mbuf);
	assert_int_equal(mbuf->ol_flags, RTE_MBUF_F_RX_VLAN);
	rte_pktmbuf_free(mbuf);
	destroy(frag);
}

static void
ports_do_not_mix(void **state)
{
	struct test_fragment f = { .proto = U, .len = 8, .more = true };
	struct rte_mbuf *mbuf = test_fragment_build(pool, &f, data);
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	mbuf->port = 3;
	masq_frag_push(frag, mbuf, TEST_L3, 0, &r);
	f = (struct test_fragment){ .proto = U, .start = 8, .len = 8 };
	assert_null(push(frag, &f, &r));
	mbuf = test_fragment_build(pool, &f, data);
	mbuf->port = 3;
	masq_frag_push(frag, mbuf, TEST_L3, 0, &r);
	assert_non_null(r.whole);
	rte_pktmbuf_free(r.whole);
	destroy(frag);
}

static void
frames_that_are_no_fragments(void **state)
{
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;
	struct test_fragment f = { .proto = T, .start = 0, .len = 40, .more = true };
	struct rte_mbuf *mbuf;

	(void)state;
#define REFUSED(reason_, ...)                               \
	do {                                                \
		mbuf = test_fragment_build(pool, &f, data); \
		__VA_ARGS__;                                \
		masq_frag_push(frag, mbuf, TEST_L3, 0, &r); \
		assert_int_equal(r.reason, reason_);        \
		assert_int_equal(r.n_dropped, 1);           \
		assert_ptr_equal(r.dropped[0], mbuf);       \
		free_dropped(&r);                           \
	} while (0)
	data[12] = 0x50;
	REFUSED(MASQ_DROP_SPLIT_HEADER, mbuf->data_len = mbuf->pkt_len = TEST_L3 + 19);
	REFUSED(BAD, *rte_pktmbuf_mtod_offset(mbuf, uint8_t *, TEST_L3) = 0x44);
	REFUSED(BAD, rte_pktmbuf_trim(mbuf, 1));
	data[12] = 0x40; /* TCP header shorter than can be */
	REFUSED(BAD, (void)0);
	data[12] = 0xb0; /* TCP header of 44 bytes */
	REFUSED(BAD, (void)0);
	data[12] = 0xa0; /* TCP header of 40 bytes fits */
	push(frag, &f, &r);
	assert_int_equal(r.held, 1);
	/* Headers over two buffers. */
	f.id = 2;
	f.split = 20;
	REFUSED(MASQ_DROP_SPLIT_HEADER, (void)0);
	f.split = 20 + 39;
	REFUSED(MASQ_DROP_SPLIT_HEADER, (void)0);
	f.split = 20 + 40;
	f.len = 48;
	push(frag, &f, &r);
	assert_int_equal(r.held, 1);
	assert_int_equal(masq_frag_held(frag), 2);
#undef REFUSED
	destroy(frag);
}

static void
padding_is_cut_off(void **state)
{
	struct test_fragment f = { .proto = U, .start = 8, .len = 4, .padding = 22 };
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	assert_null(push(frag, &f, &r));
	f = (struct test_fragment){ .proto = U, .len = 8, .more = true, .padding = 18 };
	assert_non_null(push(frag, &f, &r));
	f.more = false;
	test_whole_check(r.whole, &f, data, 12);
	rte_pktmbuf_free(r.whole);
	destroy(frag);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(the_first_header_counts),
		cmocka_unit_test(longer_options_in_the_first_do_not_overflow),
		cmocka_unit_test(congestion_marks_are_kept),
		cmocka_unit_test(what_the_nic_said_is_forgotten),
		cmocka_unit_test(ports_do_not_mix),
		cmocka_unit_test(frames_that_are_no_fragments),
		cmocka_unit_test(padding_is_cut_off),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = test_frag_pool(1024, RTE_MBUF_DEFAULT_BUF_SIZE);
	test_frag_data(data, sizeof(data));
	return cmocka_run_group_tests_name("net/frag", tests, NULL, NULL);
}
