/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <rte_memory.h>

#include <masq_path.h>

#include "masq_test_eal.h"
#include "masq_test_rules.h"

static struct masq_path_table *
create(uint32_t paths, uint32_t links, uint32_t slots)
{
	struct masq_err err = { "" };
	struct masq_path_table *table = masq_path_create(paths, links, slots, SOCKET_ID_ANY, &err);

	if (table == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(masq_path_reset(table, slots), 0);
	return table;
}

struct list {
	uint32_t n;
	uint32_t slots[4];
	uint32_t path; /* expected: numbered in order of appearance */
};

/* clang-format off */
static const struct list lists[] = {
	{ 2, { 1, 2 }, 0 },
	{ 2, { 2, 1 }, 1 },
	{ 2, { 1, 2 }, 0 },
	{ 1, { 1 }, 2 },
	{ 0, { 0 }, 3 },
	{ 1, { 0 }, 4 },
	{ 2, { 0, 0 }, 5 },
	{ 3, { 0, 0, 0 }, 6 },
	{ 4, { 0, 0, 0, 0 }, 7 },
	{ 3, { 0, 0, 0 }, 6 },
	{ 0, { 0 }, 3 },
	{ 2, { 2, 1 }, 1 },
};

/* clang-format on */

static void
equal_lists_share_a_path(void **state)
{
	struct masq_path_table *table = create(100, 100, 10);

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_int_equal(
				masq_path_intern(table, lists[i].slots, lists[i].n), lists[i].path);
	masq_path_destroy(table);
	masq_path_destroy(NULL);
}

static void
many_paths_stay_apart(void **state)
{
	struct masq_path_table *table = create(5000, 20000, 5000);

	(void)state;
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t slots[4] = { i / 100, 7, i % 100, i };

			assert_int_equal(masq_path_intern(table, slots, 4), i);
		}
	}
	masq_path_destroy(table);
}

static void
a_full_table_says_so_and_keeps_what_it_has(void **state)
{
	struct masq_path_table *table = create(2, 100, 10);
	struct masq_path_table *links = create(100, 3, 10);
	const uint32_t slots[4] = { 1, 2, 3, 4 };

	(void)state;
	assert_int_equal(masq_path_intern(table, slots, 1), 0);
	assert_int_equal(masq_path_intern(table, slots, 2), 1);
	assert_int_equal(masq_path_intern(table, slots, 3), MASQ_PATH_NONE);
	assert_int_equal(masq_path_intern(table, slots, 1), 0);
	assert_int_equal(masq_path_intern(table, slots, 2), 1);

	assert_int_equal(masq_path_intern(links, slots, 2), 0);
	assert_int_equal(masq_path_intern(links, slots, 3), MASQ_PATH_NONE);
	assert_int_equal(masq_path_intern(links, slots, 1), 1);
	assert_int_equal(masq_path_intern(links, slots + 1, 1), MASQ_PATH_NONE);
	assert_int_equal(masq_path_intern(links, slots, 0), 2);
	masq_path_destroy(table);
	masq_path_destroy(links);
}

static void
count(struct masq_path_table *table, uint32_t path, unsigned int packets, uint32_t bytes)
{
	for (unsigned int i = 0; i < packets; i++)
		masq_path_count(table, masq_path_low(table), path, bytes);
}

static void
rules_are_charged_through_their_paths(void **state)
{
	struct masq_path_table *table = create(10, 10, 4);
	struct masq_path_counter sum[5] = { { 100, 1000 } };
	const uint32_t once[2] = { 0, 1 }, twice[2] = { 1, 1 }, strange[2] = { 3, 4 };

	(void)state;
	count(table, masq_path_intern(table, once, 2), 5, 100);
	count(table, masq_path_intern(table, twice, 2), 2, 10);
	masq_path_count_slots(table, once, 2, 7);
	masq_path_count_slots(table, strange, 2, 9); /* slot 4 is not known */
	masq_path_sum(table, sum, 5);
	assert_int_equal(sum[0].packets, 100 + 5 + 1); /* sums are added to what was there */
	assert_int_equal(sum[0].bytes, 1000 + 500 + 7);
	assert_int_equal(sum[1].packets, 5 + 2 * 2 + 1);
	assert_int_equal(sum[1].bytes, 500 + 2 * 20 + 7);
	assert_int_equal(sum[2].packets, 0);
	assert_int_equal(sum[3].packets, 1);
	assert_int_equal(sum[3].bytes, 9);
	assert_int_equal(sum[4].packets, 0);
	masq_path_destroy(table);
}

static void
fewer_slots_than_known_can_be_asked_for(void **state)
{
	struct masq_path_table *table = create(10, 10, 4);
	struct masq_path_counter sum[2] = { { 0, 0 } };
	const uint32_t slots[2] = { 0, 3 };

	(void)state;
	count(table, masq_path_intern(table, slots, 2), 1, 1);
	masq_path_count_slots(table, slots, 2, 1);
	masq_path_sum(table, sum, 1);
	assert_int_equal(sum[0].packets, 2);
	assert_int_equal(sum[1].packets, 0);
	masq_path_destroy(table);
}

static void
a_reset_forgets_everything(void **state)
{
	struct masq_path_table *table = create(10, 10, 4);
	struct masq_path_counter sum[4] = { { 0, 0 } };
	const uint32_t slots[2] = { 2, 3 };

	(void)state;
	assert_int_equal(masq_path_intern(table, slots, 1), 0);
	assert_int_equal(masq_path_intern(table, slots, 2), 1);
	count(table, 1, 9, 1);
	masq_path_count_slots(table, slots, 2, 9);
	assert_int_equal(masq_path_reset(table, 5), -ENOSPC);
	masq_path_sum(table, sum, 4);
	assert_int_equal(sum[3].packets, 10);

	assert_int_equal(masq_path_reset(table, 3), 0);
	memset(sum, 0, sizeof(sum));
	masq_path_sum(table, sum, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(sum[i].packets, 0);
	assert_int_equal(masq_path_intern(table, slots, 2), 0);
	masq_path_sum(table, sum, 3);
	assert_int_equal(sum[2].packets, 0);
	masq_path_destroy(table);
}

/* Against a plain list of every packet: random lists, more than fit. */
static void
sums_are_exact_when_the_table_overflows(void **state)
{
	struct masq_path_table *table = create(200, 500, 50);
	struct masq_path_counter sum[50] = { { 0, 0 } }, expected[50] = { { 0, 0 } };
	uint64_t rnd = 7;
	uint32_t full = 0;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t slots[4] = { 0 }, n = test_random_below(&rnd, 4);
		uint32_t bytes = test_random_below(&rnd, 1500), path;

		for (uint32_t k = 0; k < n; k++) {
			slots[k] = test_random_below(&rnd, 50);
			expected[slots[k]].packets++;
			expected[slots[k]].bytes += bytes;
		}
		path = masq_path_intern(table, slots, n);
		if (path == MASQ_PATH_NONE) {
			masq_path_count_slots(table, slots, n, bytes);
			full++;
			continue;
		}
		count(table, path, 1, bytes);
	}
	assert_in_range(full, 1, 19999);
	masq_path_sum(table, sum, 50);
	assert_memory_equal(sum, expected, sizeof(sum));
	masq_path_destroy(table);
}

/* 32 bits are counted in, 64 come out: also one step before, on and behind each half way round. */
static void
sums_go_on_where_32_bits_end(void **state)
{
	static const uint32_t sizes[] = { 1, 1500, 65535, UINT32_C(1) << 30, INT32_MAX };
	struct masq_path_table *table = create(10, 10, 4);
	uint64_t packets = 0, bytes = 0;
	const uint32_t slots[1] = { 2 };
	uint32_t path = masq_path_intern(table, slots, 1);
	uint64_t rnd = 11;

	(void)state;
	/* Packets, too, must come round: the low half is put shortly before it does. */
	masq_path_low(table)[path].packets = (uint32_t)INT32_MAX - 1000;
	packets = (uint32_t)INT32_MAX - 1000;
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t size = sizes[test_random_below(&rnd, 5)];
		struct masq_path_counter sum[4] = { { 0, 0 } };

		count(table, path, 1, size);
		packets++;
		bytes += size;
		masq_path_sum(table, sum, 4);
		assert_int_equal(sum[2].packets, packets);
		assert_int_equal(sum[2].bytes, bytes);
	}
	assert_true(bytes > UINT64_C(4) * UINT32_MAX);
	masq_path_destroy(table);
}

/* A reader may come when the low half has crossed and the sum does not know yet. */
static void
sums_are_right_before_the_carry(void **state)
{
	static const uint32_t crossings[][2] = {
		{ INT32_MAX, 1 },
		{ INT32_MAX, 65535 },
		{ UINT32_MAX, 1 },
		{ UINT32_MAX - 100, 1500 },
	};
	const uint32_t slots[1] = { 0 };

	(void)state;
	for (unsigned int k = 0; k < sizeof(crossings) / sizeof(crossings[0]); k++) {
		struct masq_path_table *table = create(10, 10, 4);
		uint64_t all = (uint64_t)crossings[k][0] + crossings[k][1];
		struct masq_path_counter sum = { 0, 0 };
		struct masq_path_low *low = masq_path_low(table);

		assert_int_equal(masq_path_intern(table, slots, 1), 0);
		/* Counted up to the crossing as the worker does it, then one packet but no carry. */
		if (crossings[k][0] > INT32_MAX)
			count(table, 0, 1, INT32_MAX);
		count(table, 0, 1, crossings[k][0] - low[0].bytes - 1);
		count(table, 0, 1, 1);
		assert_int_equal(low[0].bytes, crossings[k][0]);
		low[0].bytes += crossings[k][1];
		masq_path_sum(table, &sum, 1);
		assert_int_equal(sum.bytes, all);
		masq_path_carry(table, 0);
		memset(&sum, 0, sizeof(sum));
		masq_path_sum(table, &sum, 1);
		assert_int_equal(sum.bytes, all);
		masq_path_destroy(table);
	}
}

/* Who reads while others count never sees less than before, nor more than there will be. */
static void *
count_on(void *table)
{
	count(table, 0, 3000000, 65535);
	return NULL;
}

static void
readers_never_see_a_step_back(void **state)
{
	struct masq_path_table *table = create(10, 10, 4);
	const uint64_t all = UINT64_C(3000000) * 65535;
	struct masq_path_counter last = { 0, 0 };
	const uint32_t slots[1] = { 0 };
	pthread_t worker;

	(void)state;
	assert_int_equal(masq_path_intern(table, slots, 1), 0);
	assert_int_equal(pthread_create(&worker, NULL, count_on, table), 0);
	while (last.packets < 3000000) {
		struct masq_path_counter sum = { 0, 0 };

		masq_path_sum(table, &sum, 1);
		assert_true(sum.packets >= last.packets && sum.bytes >= last.bytes);
		assert_true(sum.packets <= 3000000 && sum.bytes <= all);
		last = sum;
	}
	pthread_join(worker, NULL);
	memset(&last, 0, sizeof(last));
	masq_path_sum(table, &last, 1);
	assert_int_equal(last.bytes, all);
	masq_path_destroy(table);
}

static void
too_much_memory_is_an_error(void **state)
{
	struct masq_err err = { "" };

	(void)state;
	assert_null(masq_path_create(1 << 29, 1 << 30, 10, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "no memory for rule counters"));
	assert_null(masq_path_create(MASQ_PATH_PATHS_MAX + 1, 1, 1, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "at most 1073741824"));
	assert_true(masq_path_bytes(1000, 4000, 100) > 1000 * 24 + 4000 * 4 + 100 * 16);
	assert_true(masq_path_bytes(1000, 4000, 100) < 100000);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_lists_share_a_path),
		cmocka_unit_test(many_paths_stay_apart),
		cmocka_unit_test(a_full_table_says_so_and_keeps_what_it_has),
		cmocka_unit_test(rules_are_charged_through_their_paths),
		cmocka_unit_test(fewer_slots_than_known_can_be_asked_for),
		cmocka_unit_test(sums_go_on_where_32_bits_end),
		cmocka_unit_test(sums_are_right_before_the_carry),
		cmocka_unit_test(readers_never_see_a_step_back),
		cmocka_unit_test(a_reset_forgets_everything),
		cmocka_unit_test(sums_are_exact_when_the_table_overflows),
		cmocka_unit_test(too_much_memory_is_an_error),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
