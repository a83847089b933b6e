/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reassembly: time, limits, random datagrams in random order, random ranges against a plain
 * reference, and a flood that must lose nothing. Every test ends with all buffers back in their
 * pool.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "masq_test_eal.h"
#include "test_frag_table.h"

#define DATAGRAM_MAX 65515

enum fate {
	HELD,
	WHOLE,
	DROP
};

/* ---------------------------------------------------------------- time and limits */

static void
ticks_give_up_one_datagram_each(void **state)
{
	struct masq_frag *frag = create(&usual);
	struct masq_frag_result r;

	(void)state;
	for (uint16_t id = 1; id <= 3; id++) {
		struct test_fragment f = {
			.id = id, .proto = IPPROTO_UDP, .start = 8, .len = 8, .more = true
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
	struct test_fragment f = { .proto = IPPROTO_UDP, .start = 8, .len = 8, .more = true };
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
			.proto = IPPROTO_UDP,
			.start = (uint16_t)(8 * (i % 50)),
			.len = 8,
			.more = true };

		push(frag, &f, &r);
		assert_int_equal(r.held, 1);
	}
	/* The next one costs the oldest, even if it is its own. */
	struct test_fragment f = {
		.src = 1, .proto = IPPROTO_UDP, .start = 800, .len = 8, .more = true
	};

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
	struct test_fragment f = {
		.src = src, .id = id, .proto = IPPROTO_UDP, .len = 8, .more = true
	};
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
	struct test_fragment f = {
		.src = 1, .id = 9, .proto = IPPROTO_UDP, .len = 8, .more = true
	};
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

/* The last fragment of a datagram that turns out too long costs that one, not the oldest as well: both
 * together are more than a result holds. */
static void
what_is_too_long_pushes_out_nobody(void **state)
{
	static const uint8_t options[40] = { 1 };
	struct masq_frag_config config = {
		.datagrams = 1024, .per_source = 64, .fragments = 2048, .timeout_ms = 1000
	};
	struct test_fragment f = { .src = 1,
		.id = 9,
		.proto = IPPROTO_UDP,
		.len = 1480,
		.more = true,
		.options = options,
		.option_bytes = sizeof(options) };
	struct masq_frag *frag = create(&config);
	struct masq_frag_result r;

	(void)state;
	hold(frag, 1, 0, 63);
	hold(frag, 1, 1, 20);
	for (; f.start < 65480; f.start = (uint16_t)(f.start + f.len), f.option_bytes = 0) {
		f.len = (uint16_t)RTE_MIN(1480, 65480 - f.start);
		push(frag, &f, &r);
		assert_int_equal(r.held, 1);
		assert_int_equal(r.n_dropped, 0);
	}
	assert_int_equal(masq_frag_held(frag), 128); /* all that a source may hold */
	f.len = 35;
	f.more = false;
	push(frag, &f, &r);
	assert_int_equal(r.n_dropped, 46);
	assert_int_equal(r.reason, BAD);
	free_dropped(&r);
	assert_int_equal(masq_frag_held(frag), 83);
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
		struct test_fragment f = {
			.src = 1, .id = id, .proto = IPPROTO_UDP, .start = 8, .len = 8
		};

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
	struct test_fragment f = { .proto = IPPROTO_UDP, .len = 8, .more = true };

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
			.proto = IPPROTO_UDP,
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
	test_whole_check(r.whole, &(struct test_fragment){ .id = 1, .proto = IPPROTO_UDP }, data,
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
		test_whole_check(r.whole, &(struct test_fragment){ .id = id, .proto = IPPROTO_UDP },
				data, total);
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
				.proto = IPPROTO_UDP,
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
						&(struct test_fragment){
								.id = id, .proto = IPPROTO_UDP },
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
			.proto = IPPROTO_UDP,
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
		cmocka_unit_test(ticks_give_up_one_datagram_each),
		cmocka_unit_test(ticks_forget_what_was_refused),
		cmocka_unit_test(pieces_are_bounded),
		cmocka_unit_test(one_fragment_pushes_out_one_datagram),
		cmocka_unit_test(what_is_too_long_pushes_out_nobody),
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
	return cmocka_run_group_tests_name("net/frag_limits", tests, NULL, NULL);
}
