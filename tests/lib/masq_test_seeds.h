/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_SEEDS_H
#define MASQ_TEST_SEEDS_H

/**
 * @file
 * Tests that go by chance run for some seeds. MASQ_TEST_SEED=N runs that one, with MASQ_TEST_SEEDS=M so many
 * from there on; the seed of a failure is told. For one test program, which includes this once.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t test_failing_seed; /* what fails leaves its test at once */

/** Tell the seed of a test that has failed, if one has; also at the end of the program. */
static inline void
test_seeds_tell(void)
{
	if (test_failing_seed != 0)
		fprintf(stderr, "failed at MASQ_TEST_SEED=%llu\n",
				(unsigned long long)test_failing_seed);
}

/** Is somebody looking for seeds? Then a run may say what it did. */
static inline bool
test_seeds_are_many(void)
{
	return getenv("MASQ_TEST_SEEDS") != NULL;
}

/** Run for seeds 1 to @p n, or those that the environment wants. */
static inline void
test_seeds_run(void (*run)(uint32_t workers, uint64_t seed), uint32_t workers, uint64_t n)
{
	const char *only = getenv("MASQ_TEST_SEED"), *many = getenv("MASQ_TEST_SEEDS");
	const uint64_t first = only != NULL ? strtoull(only, NULL, 10) : 1;

	if (many != NULL)
		n = strtoull(many, NULL, 10);
	else if (only != NULL)
		n = 1;
	test_seeds_tell();
	for (uint64_t seed = first; seed < first + n; seed++) {
		test_failing_seed = seed;
		run(workers, seed);
	}
	test_failing_seed = 0;
}

#endif /* MASQ_TEST_SEEDS_H */
