/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The two-level set of ports, against an array of bools.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "masq_portset.h"

#define SEED UINT64_C(0x706f727473)
#define ROUNDS 400

static struct masq_portset set;
static bool model[MASQ_PORTSET_SIZE];

static uint32_t
next_random(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 33) % n;
}

static uint32_t
model_next(uint32_t start, uint32_t from, uint32_t to)
{
	for (uint32_t i = start; i < to; i++)
		if (model[i])
			return i;
	for (uint32_t i = from; i < start; i++)
		if (model[i])
			return i;
	return MASQ_PORTSET_NONE;
}

static void
compare(uint64_t *random)
{
	uint32_t members = 0;

	for (uint32_t i = 0; i < MASQ_PORTSET_SIZE; i++) {
		members += model[i];
		assert_int_equal(masq_portset_has(&set, i), model[i]);
	}
	assert_int_equal(set.count, members);
	for (unsigned int i = 0; i < 20; i++) {
		uint32_t from = next_random(random, MASQ_PORTSET_SIZE);
		uint32_t to = from + 1 + next_random(random, MASQ_PORTSET_SIZE - from);
		uint32_t start = from + next_random(random, to - from);

		assert_int_equal(masq_portset_next(&set, start, from, to),
				model_next(start, from, to));
	}
}

/* What is taken from a random place on is the next member of its 64. The set runs empty of some of them. */
static void
take_some(uint64_t *random)
{
	for (unsigned int i = 0; i < 50; i++) {
		uint32_t from = next_random(random, MASQ_PORTSET_SIZE);
		uint32_t least = model_next(from, from, (from / 64 + 1) * 64), taken = from;

		assert_int_equal(masq_portset_take_near(&set, &taken), least != MASQ_PORTSET_NONE);
		assert_int_equal(taken, least != MASQ_PORTSET_NONE ? least : from);
		model[taken] = false;
	}
}

/* Sparse, dense and everything between: rounds add or remove runs of random length. */
static void
agrees_with_an_array_of_bools(void **state)
{
	uint64_t random = SEED;

	(void)state;
	print_message("seed %#lx\n", (unsigned long)random);
	memset(&set, 0, sizeof(set));
	memset(model, 0, sizeof(model));
	for (unsigned int round = 0; round < ROUNDS; round++) {
		bool add = next_random(&random, 2) != 0;
		uint32_t from = next_random(&random, MASQ_PORTSET_SIZE);
		uint32_t longest = round % 4 == 0 ? MASQ_PORTSET_SIZE : 200;
		uint32_t n = 1 + next_random(&random, longest);

		for (uint32_t i = from; i < from + n && i < MASQ_PORTSET_SIZE; i++) {
			if (add)
				masq_portset_add(&set, i);
			else
				masq_portset_del(&set, i);
			model[i] = add;
		}
		take_some(&random);
		compare(&random);
	}
}

static void
finds_the_only_member_from_everywhere(void **state)
{
	static const uint32_t members[] = { 0, 63, 64, 4095, 4096, 40000, 65472, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		uint32_t m = members[i], taken;

		memset(&set, 0, sizeof(set));
		masq_portset_add(&set, m);
		masq_portset_add(&set, m);
		assert_int_equal(set.count, 1);
		for (uint32_t start = 0; start < MASQ_PORTSET_SIZE; start += 61)
			assert_int_equal(masq_portset_next(&set, start, 0, MASQ_PORTSET_SIZE), m);
		assert_int_equal(masq_portset_least(&set, 0, m), MASQ_PORTSET_NONE);
		assert_int_equal(masq_portset_least(&set, m, m + 1), m);
		assert_int_equal(masq_portset_least(&set, m + 1, MASQ_PORTSET_SIZE),
				MASQ_PORTSET_NONE);
		masq_portset_del(&set, m);
		masq_portset_del(&set, m);
		assert_int_equal(set.count, 0);
		masq_portset_add(&set, m);
		taken = m;
		assert_true(masq_portset_take_near(&set, &taken));
		assert_int_equal(taken, m);
		assert_int_equal(set.count, 0);
		assert_false(masq_portset_take_near(&set, &taken));
		assert_int_equal(masq_portset_next(&set, m, 0, MASQ_PORTSET_SIZE),
				MASQ_PORTSET_NONE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array_of_bools),
		cmocka_unit_test(finds_the_only_member_from_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
