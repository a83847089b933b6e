/* SPDX-License-Identifier: BSD-3-Clause */

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
take_picture(struct masq_path_table *table)
{
	masq_path_picture_begin(table);
	assert_true(masq_path_picture_counters(table, UINT32_MAX));
}

static void
count(struct masq_path_table *table, uint32_t path, unsigned int packets, uint32_t bytes)
{
	for (unsigned int i = 0; i < packets; i++)
		masq_path_count(masq_path_counters(table), path, bytes);
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
	take_picture(table);
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
	take_picture(table);
	masq_path_sum(table, sum, 1);
	assert_int_equal(sum[0].packets, 2);
	assert_int_equal(sum[1].packets, 0);
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
	take_picture(table);
	masq_path_sum(table, sum, 50);
	assert_memory_equal(sum, expected, sizeof(sum));
	masq_path_destroy(table);
}

/* Nobody sees counters that are being written: what came behind the picture is in the next one. */
static void
sums_are_those_of_the_picture(void **state)
{
	struct masq_path_table *table = create(10, 10, 4);
	struct masq_path_counter sum = { 0, 0 };
	const uint32_t slots[1] = { 0 };
	uint32_t path = masq_path_intern(table, slots, 1);

	(void)state;
	count(table, path, 3, 100);
	masq_path_sum(table, &sum, 1);
	assert_int_equal(sum.packets, 0);
	take_picture(table);
	count(table, path, 2, 50);
	masq_path_sum(table, &sum, 1);
	assert_int_equal(sum.packets, 3);
	assert_int_equal(sum.bytes, 300);
	memset(&sum, 0, sizeof(sum));
	take_picture(table);
	masq_path_sum(table, &sum, 1);
	assert_int_equal(sum.packets, 5);
	assert_int_equal(sum.bytes, 400);
	masq_path_destroy(table);
}

/* What others counted is added; taken off first, it comes out all the same. */
static void
others_count_modulo_2_64(void **state)
{
	struct masq_path_table *table = create(10, 10, 4);
	struct masq_path_counter sum = { 0, 0 };
	const uint32_t slots[2] = { 0, 0 };
	uint32_t once = masq_path_intern(table, slots, 1),
		 twice = masq_path_intern(table, slots, 2);

	(void)state;
	masq_path_settle(table, once, -UINT64_C(7), -UINT64_C(700));
	masq_path_settle(table, once, 10, 1000);
	masq_path_settle(table, twice, -UINT64_C(1), -UINT64_C(1));
	take_picture(table);
	masq_path_picture_add(table, twice, 5, 5);
	masq_path_sum(table, &sum, 1);
	assert_int_equal(sum.packets, 3 + 2 * 4);
	assert_int_equal(sum.bytes, 300 + 2 * 4);
	/* The picture alone had them. */
	take_picture(table);
	memset(&sum, 0, sizeof(sum));
	masq_path_sum(table, &sum, 1);
	assert_int_equal(sum.packets, UINT64_C(3) - 2);
	masq_path_destroy(table);
}

/* Three paths a call: what is added to a path that is not in the picture yet comes with its counter. */
static void
a_picture_is_taken_in_pieces(void **state)
{
	struct masq_path_table *table = create(20, 20, 20);
	struct masq_path_counter sum[20] = { { 0, 0 } };
	unsigned int calls = 0;
	bool done = false;

	(void)state;
	for (uint32_t slot = 0; slot < 10; slot++)
		assert_int_equal(masq_path_intern(table, &slot, 1), slot);
	take_picture(table);
	masq_path_picture_begin(table);
	for (; !done; calls++) {
		for (uint32_t path = 0; path < 10; path++) {
			masq_path_settle(table, path, 1, 10);
			masq_path_picture_add(table, path, 1, 10);
		}
		done = masq_path_picture_counters(table, 3);
	}
	assert_int_equal(calls, 4);
	assert_true(masq_path_picture_counters(table, 3));
	masq_path_sum(table, sum, 20);
	for (uint32_t slot = 0; slot < 10; slot++) {
		assert_int_equal(sum[slot].packets, 4);
		assert_int_equal(sum[slot].bytes, 40);
	}
	/* A path that is made now is in the picture from its beginning. */
	for (uint32_t slot = 10; slot < 12; slot++)
		assert_int_equal(masq_path_intern(table, &slot, 1), slot);
	masq_path_picture_add(table, 11, 1, 1);
	memset(sum, 0, sizeof(sum));
	masq_path_sum(table, sum, 20);
	assert_int_equal(sum[10].packets, 0);
	assert_int_equal(sum[11].packets, 1);
	masq_path_destroy(table);
}

static void
too_much_memory_is_an_error(void **state)
{
	struct masq_err err = { "" };
	struct masq_path_table *table;

	(void)state;
	assert_null(masq_path_create(1 << 29, 1 << 30, 10, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "no memory for rule counters"));
	assert_null(masq_path_create(MASQ_PATH_PATHS_MAX + 1, 1, 1, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "at most 1073741824"));
	table = create(1000, 4000, 100);
	assert_true(masq_path_bytes(table) > 1000 * (2 * 16 + 12 + 4) + 4000 * 4 + 100 * 16);
	assert_true(masq_path_bytes(table) < 100000);
	masq_path_destroy(table);
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
		cmocka_unit_test(sums_are_those_of_the_picture),
		cmocka_unit_test(others_count_modulo_2_64),
		cmocka_unit_test(a_picture_is_taken_in_pieces),
		cmocka_unit_test(sums_are_exact_when_the_table_overflows),
		cmocka_unit_test(too_much_memory_is_an_error),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
