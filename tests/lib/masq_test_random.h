/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_RANDOM_H
#define MASQ_TEST_RANDOM_H

/**
 * @file
 * Chance for tests.
 */

#include <stdbool.h>
#include <stdint.h>

/** xorshift64*: the same seed gives the same test everywhere. */
static inline uint32_t
test_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static inline uint32_t
test_random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((uint64_t)test_random(state) * limit >> 32);
}

static inline bool
test_random_percent(uint64_t *state, uint32_t percent)
{
	return test_random_below(state, 100) < percent;
}

#endif /* MASQ_TEST_RANDOM_H */
