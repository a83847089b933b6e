/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reassembly: conversations as rows (each row a fragment and what becomes of it), limits, random
 * datagrams in random order, random ranges against a plain reference, and a flood that must lose
 * nothing. Every test ends with all buffers back in their pool.
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
#include "test_frag_lib.h"

#define DATAGRAM_MAX 65515

static const struct masq_frag_config usual = {
	.datagrams = 8,
	.per_source = 3,
	.timeout_ms = 15000,
};

static struct rte_mempool *pool;
static uint8_t data[UINT16_MAX];

static struct masq_frag *
create(const struct masq_frag_config *config)
{
	struct masq_err err = { "" };
	struct masq_frag *frag = masq_frag_create(config, &err);

	if (frag == NULL)
		fail_msg("%s", err.text);
	return frag;
}

static void
destroy(struct masq_frag *frag)
{
	masq_frag_destroy(frag);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
free_dropped(const struct masq_frag_result *result)
{
	assert_in_range(result->n_dropped, 0, MASQ_FRAG_PIECES_MAX);
	assert_int_equal(result->n_dropped > 0, result->reason != MASQ_DROP_NONE);
	for (uint32_t i = 0; i < result->n_dropped; i++)
		rte_pktmbuf_free(result->dropped[i]);
}

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
#define OVERLAP MASQ_DROP_FRAG_OVERLAP
#define BAD MASQ_DROP_FRAG_BAD
#define TIMEOUT MASQ_DROP_FRAG_TIMEOUT
#define MEMORY MASQ_DROP_FRAG_MEMORY

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

static struct rte_mbuf *
push(struct masq_frag *frag, const struct test_fragment *f, struct masq_frag_result *r)
{
	masq_frag_push(frag, test_fragment_build(pool, f, data), TEST_L3, 0, r);
	return r->whole;
}

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

/* ---------------------------------------------------------------- time and limits */

static void
ticks_give_up_one_datagram_each(void **state)
{
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	for (uint16_t id = 1; id <= 3; id++) {
		struct test_fragment f = {
			.id = id, .proto = U, .start = 8, .len = 8, .more = true
		};

		masq_frag_push(frag, test_fragment_build(pool, &f, data), TEST_L3, id, &r);
		f.start = 0;
		masq_frag_push(frag, test_fragment_build(pool, &f, data), TEST_L3, 100, &r);
	}
	masq_frag_tick(frag, 15000, &r);
	assert_int_equal(r.n_dropped, 0);
	masq_frag_tick(frag, 15001, &r);
	assert_int_equal(r.n_dropped, 2);
	assert_int_equal(r.reason, TIMEOUT);
	/* The first fragment first: the caller may want to write home about it. */
	assert_int_equal(rte_pktmbuf_mtod_offset(r.dropped[0], const uint8_t *, TEST_L3)[7], 0);
	free_dropped(&r);
	masq_frag_tick(frag, 15001, &r);
	assert_int_equal(r.n_dropped, 0);
	masq_frag_tick(frag, 99999, &r);
	assert_int_equal(r.n_dropped, 2);
	free_dropped(&r);
	assert_int_equal(masq_frag_held(frag), 2);
	destroy(frag); /* frees the third */
}

static void
ticks_forget_what_was_refused(void **state)
{
	struct test_fragment f = { .proto = U, .start = 8, .len = 8, .more = true };
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	push(frag, &f, &r);
	f.len = 16;
	push(frag, &f, &r);
	assert_int_equal(r.n_dropped, 2);
	free_dropped(&r);
	masq_frag_tick(frag, 14999, &r);
	push(frag, &f, &r);
	assert_int_equal(r.n_dropped, 1);
	free_dropped(&r);
	masq_frag_tick(frag, 15000, &r);
	assert_int_equal(r.n_dropped, 0);
	push(frag, &f, &r); /* at 0 again, so only the tick can have made it new */
	assert_int_equal(r.held, 1);
	destroy(frag);
}

static void
pieces_are_bounded(void **state)
{
	struct masq_frag_config config = {
		.datagrams = 4, .per_source = 2, .fragments = 100, .timeout_ms = 1000
	};
	struct masq_frag *frag = create(&config);
	struct masq_frag_result r;

	(void)state;
	/* 50 pieces each of two sources fill the table. */
	for (uint16_t i = 0; i < 100; i++) {
		struct test_fragment f = { .src = i / 50,
			.proto = U,
			.start = (uint16_t)(8 * (i % 50)),
			.len = 8,
			.more = true };

		push(frag, &f, &r);
		assert_int_equal(r.held, 1);
	}
	/* The next one costs the oldest, even if it is its own. */
	struct test_fragment f = { .src = 1, .proto = U, .start = 800, .len = 8, .more = true };

	push(frag, &f, &r);
	assert_int_equal(r.held, 1);
	assert_int_equal(r.n_dropped, 50);
	assert_int_equal(r.reason, MEMORY);
	free_dropped(&r);
	assert_int_equal(masq_frag_held(frag), 51);
	/* A source may hold 64; its second datagram pushes out its first. */
	for (uint16_t i = 0; i < 13; i++) {
		f.id = 1;
		f.start = (uint16_t)(8 * i);
		push(frag, &f, &r);
		assert_int_equal(r.held, 1);
	}
	assert_int_equal(masq_frag_held(frag), 64);
	f.start = 800;
	push(frag, &f, &r);
	assert_int_equal(r.held, 1);
	assert_int_equal(r.n_dropped, 51);
	free_dropped(&r);
	destroy(frag);
}

/* Hold the first n pieces of 8 bytes of a datagram. */
static void
hold(struct masq_frag *frag, uint32_t src, uint16_t id, unsigned int n)
{
	struct test_fragment f = { .src = src, .id = id, .proto = U, .len = 8, .more = true };
	struct masq_frag_result r;

	for (unsigned int i = 0; i < n; i++) {
		f.start = (uint16_t)(8 * i);
		push(frag, &f, &r);
		assert_int_equal(r.held, 1);
		assert_int_equal(r.n_dropped, 0);
	}
}

static void
one_fragment_pushes_out_one_datagram(void **state)
{
	/* Six datagrams, and 64 fragments for one source: both limits are reached at once. */
	struct masq_frag_config config = {
		.datagrams = 6, .per_source = 3, .fragments = 128, .timeout_ms = 1000
	};
	struct test_fragment f = { .src = 1, .id = 9, .proto = U, .len = 8, .more = true };
	struct masq_frag *frag = create(&config);
	struct masq_frag_result r;

	(void)state;
	hold(frag, 2, 0, 61);
	hold(frag, 1, 0, 63);
	hold(frag, 1, 1, 1);
	hold(frag, 3, 0, 1);
	hold(frag, 4, 0, 1);
	hold(frag, 5, 0, 1);
	push(frag, &f, &r);
	assert_int_equal(r.held, 1);
	assert_int_equal(r.n_dropped, 63);
	assert_int_equal(r.reason, MEMORY);
	free_dropped(&r);
	assert_int_equal(masq_frag_held(frag), 66);
	destroy(frag);
}

static void
what_was_finished_is_not_counted(void **state)
{
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	hold(frag, 1, 0, 2); /* keeps the source's account open */
	for (uint16_t id = 1; id < 100; id++) {
		struct test_fragment f = { .src = 1, .id = id, .proto = U, .start = 8, .len = 8 };

		hold(frag, 1, id, 1);
		assert_non_null(push(frag, &f, &r));
		assert_int_equal(r.n_dropped, 0);
		rte_pktmbuf_free(r.whole);
	}
	destroy(frag);
}

static void
a_datagram_has_at_most_64_fragments(void **state)
{
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;
	struct test_fragment f = { .proto = U, .len = 8, .more = true };

	(void)state;
	/* 64 are allowed if the last one completes it. */
	for (f.start = 0; f.start < 63 * 8; f.start = (uint16_t)(f.start + 8))
		assert_null(push(frag, &f, &r));
	f.more = false;
	assert_non_null(push(frag, &f, &r));
	assert_int_equal(r.merged, 63);
	rte_pktmbuf_free(r.whole);
	/* Else they are given up, and what follows too. */
	f.more = true;
	for (f.start = 0; f.start < 63 * 8; f.start = (uint16_t)(f.start + 8))
		assert_null(push(frag, &f, &r));
	push(frag, &f, &r);
	assert_int_equal(r.n_dropped, 64);
	assert_int_equal(r.reason, MEMORY);
	free_dropped(&r);
	f.start = 64 * 8;
	push(frag, &f, &r);
	assert_int_equal(r.n_dropped, 1);
	assert_int_equal(r.reason, MEMORY);
	free_dropped(&r);
	destroy(frag);
}

static void
bad_configurations_are_refused(void **state)
{
	static const struct {
		struct masq_frag_config config;
		const char *words;
	} row[] = {
		{ { 0, 1, 0, 1, 0 }, "datagrams are 1 to 1048576, not 0" },
		{ { 1048577, 1, 0, 1, 0 }, "datagrams are 1 to 1048576, not 1048577" },
		{ { 8, 0, 0, 1, 0 }, "of one source are 1 to 8 (those of all), not 0" },
		{ { 8, 9, 0, 1, 0 }, "of one source are 1 to 8 (those of all), not 9" },
		{ { 8, 8, 63, 1, 0 }, "fragments held are 64 to 8388608, or 0" },
		{ { 8, 8, 64, 0, 0 }, "the timeout is at least 1 ms, not 0" },
	};
	struct masq_err err;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(row); i++) {
		err.text[0] = '\0';
		assert_null(masq_frag_create(&row[i].config, &err));
		if (strstr(err.text, row[i].words) == NULL)
			fail_msg("want: %s\n  got: %s", row[i].words, err.text);
	}
	/* More than the memory of the test. */
	assert_null(masq_frag_create(&(struct masq_frag_config){ 1 << 20, 1, 0, 1, 0 }, &err));
	assert_non_null(strstr(err.text, "no memory"));
}

/* ---------------------------------------------------------------- random */

/* Cut data[0, total) into fragments of at most @p chunk bytes; at most 64. @return their number */
static unsigned int
cut(struct test_fragment *f, uint16_t id, uint32_t total, uint32_t chunk)
{
	unsigned int n = 0;

	for (uint32_t start = 0; start < total; start += f[n - 1].len) {
		uint32_t len = start == 0 ? chunk : RTE_MAX(8u, chunk & ~7u);

		f[n++] = (struct test_fragment){ .id = id,
			.proto = U,
			.start = (uint16_t)start,
			.len = (uint16_t)RTE_MIN(len, total - start),
			.more = start + len < total };
	}
	return n;
}

static void
shuffle(struct test_fragment *f, unsigned int n)
{
	for (unsigned int i = n; i > 1; i--) {
		unsigned int k = test_dice(i);
		struct test_fragment other = f[i - 1];

		f[i - 1] = f[k];
		f[k] = other;
	}
}

static void
a_64_kb_datagram(void **state)
{
	struct masq_frag_config config = usual;
	struct test_fragment f[64];
	struct masq_frag *frag = create(&config);
	struct masq_frag_result r = { .whole = NULL };
	unsigned int n = cut(f, 1, DATAGRAM_MAX, 1480);

	(void)state;
	assert_int_equal(n, 45);
	shuffle(f, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_null(r.whole);
		push(frag, &f[i], &r);
	}
	assert_non_null(r.whole);
	assert_int_equal(r.merged, 44);
	/* A chain, headers in its first buffer, which is the caller's promise to the parser. */
	assert_in_range(rte_pktmbuf_data_len(r.whole), TEST_L3 + 28, UINT16_MAX);
	test_whole_check(r.whole, &(struct test_fragment){ .id = 1, .proto = U }, data,
			DATAGRAM_MAX);
	rte_pktmbuf_free(r.whole);
	destroy(frag);
}

static void
random_datagrams_come_out_whole(void **state)
{
	struct masq_frag *frag = create(&usual);
	struct test_fragment f[64];

	(void)state;
	test_seed = 20260823;
	for (uint16_t id = 0; id < 2000; id++) {
		uint32_t chunk = 8 * (1 + test_dice(184)), most = RTE_MIN(64 * chunk, DATAGRAM_MAX);
		uint32_t total = 9 + test_dice(most - 9);
		unsigned int n = cut(f, id, total, chunk);
		struct masq_frag_result r = { .whole = NULL };

		shuffle(f, n);
		for (unsigned int i = 0; i < n; i++) {
			f[i].split = test_dice(4) == 0 ? (uint16_t)(28 + test_dice(f[i].len)) : 0;
			/* Now and then one comes twice. */
			if (i > 0 && test_dice(8) == 0) {
				push(frag, &f[test_dice(i)], &r);
				assert_int_equal(r.reason, OVERLAP);
				free_dropped(&r);
			}
			push(frag, &f[i], &r);
			assert_int_equal(r.n_dropped, 0);
			assert_int_equal(r.whole != NULL, i == n - 1);
		}
		assert_int_equal(r.merged, n - 1);
		test_whole_check(r.whole, &(struct test_fragment){ .id = id, .proto = U }, data,
				total);
		rte_pktmbuf_free(r.whole);
	}
	destroy(frag);
}

/* The reference: what is held, as ranges in units of 8 bytes. */
struct model {
	unsigned int n, units, end; /* end 0: not known */
	unsigned int from[64], to[64];
	bool refused;
};

static enum fate
model_push(struct model *m, unsigned int from, unsigned int to, bool more, enum masq_drop *reason,
		unsigned int *n_dropped)
{
	bool overlaps = false, beyond = m->end != 0 && (!more || to > m->end);

	*n_dropped = 1;
	*reason = OVERLAP;
	for (unsigned int i = 0; i < m->n; i++) {
		if (m->from[i] == from && m->to[i] == to)
			return DROP;
		overlaps |= from < m->to[i] && m->from[i] < to;
		beyond |= !more && m->to[i] > to;
	}
	if (overlaps || beyond) {
		*reason = overlaps ? OVERLAP : BAD;
		*n_dropped = m->n + 1;
		m->refused = true;
		return DROP;
	}
	m->from[m->n] = from;
	m->to[m->n++] = to;
	m->units += to - from;
	if (!more)
		m->end = to;
	*n_dropped = 0;
	*reason = MASQ_DROP_NONE;
	return m->end != 0 && m->units == m->end ? WHOLE : HELD;
}

static void
random_ranges_match_the_reference(void **state)
{
	struct masq_frag *frag = create(&usual);
	unsigned int seen[3] = { 0 };

	(void)state;
	test_seed = 4711;
	for (uint16_t id = 0; id < 6000; id++) {
		struct model m = { 0 };
		enum fate fate = HELD;

		while (!m.refused && fate != WHOLE) {
			unsigned int from = test_dice(6), to = from + 1 + test_dice(2), n_dropped;
			bool more = to < 6 || test_dice(8) == 0;
			struct test_fragment f = { .id = id,
				.proto = U,
				.start = (uint16_t)(8 * from),
				.len = (uint16_t)(8 * (to - from)),
				.more = more };
			enum masq_drop reason;
			struct masq_frag_result r;

			if (from == 0 && !more)
				continue;
			fate = model_push(&m, from, to, more, &reason, &n_dropped);
			push(frag, &f, &r);
			seen[fate]++;
			assert_int_equal(r.whole != NULL, fate == WHOLE);
			assert_int_equal(r.held, fate == HELD);
			assert_int_equal(r.n_dropped, n_dropped);
			assert_int_equal(r.reason, reason);
			free_dropped(&r);
			if (r.whole != NULL)
				test_whole_check(r.whole,
						&(struct test_fragment){ .id = id, .proto = U },
						data, 8 * m.end);
			rte_pktmbuf_free(r.whole);
		}
	}
	assert_true(seen[WHOLE] > 100 && seen[HELD] > 1000 && seen[DROP] > 1000);
	destroy(frag);
}

static void
a_flood_loses_nothing(void **state)
{
	struct masq_frag_config config = {
		.datagrams = 6, .per_source = 2, .fragments = 70, .timeout_ms = 100
	};
	struct masq_frag *frag = create(&config);
	uint64_t pushed = 0, left = 0;
	struct masq_frag_result r;

	(void)state;
	test_seed = 1;
	for (uint32_t now = 0; now < 60000; now++) {
		struct test_fragment f = { .id = (uint16_t)test_dice(4),
			.src = test_dice(6),
			.proto = U,
			.start = (uint16_t)(8 * test_dice(test_dice(2) ? 4 : 2000)),
			.len = 8,
			.more = test_dice(16) != 0 };

		push(frag, &f, &r);
		pushed++;
		left += r.n_dropped + (r.whole != NULL ? 1 + r.merged : 0);
		free_dropped(&r);
		rte_pktmbuf_free(r.whole);
		assert_in_range(masq_frag_held(frag), 0, 70);
		assert_int_equal(pushed, left + masq_frag_held(frag));
		assert_int_equal(rte_mempool_in_use_count(pool), masq_frag_held(frag));
		if (test_dice(64) == 0) {
			masq_frag_tick(frag, now % 200, &r);
			left += r.n_dropped;
			free_dropped(&r);
		}
	}
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
		cmocka_unit_test(ticks_give_up_one_datagram_each),
		cmocka_unit_test(ticks_forget_what_was_refused),
		cmocka_unit_test(pieces_are_bounded),
		cmocka_unit_test(one_fragment_pushes_out_one_datagram),
		cmocka_unit_test(what_was_finished_is_not_counted),
		cmocka_unit_test(a_datagram_has_at_most_64_fragments),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(a_64_kb_datagram),
		cmocka_unit_test(random_datagrams_come_out_whole),
		cmocka_unit_test(random_ranges_match_the_reference),
		cmocka_unit_test(a_flood_loses_nothing),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = test_frag_pool(1024, RTE_MBUF_DEFAULT_BUF_SIZE);
	test_frag_data(data, sizeof(data));
	return cmocka_run_group_tests_name("net/frag", tests, NULL, NULL);
}
