/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PORTSET_H
#define MASQ_PORTSET_H

#include <stdbool.h>
#include <stdint.h>

/**
 * @file
 * A set of numbers 0..65535: one bit per number, and above these one summary bit per non-zero word,
 * so that the next member is found in a few steps however sparse the set is. 8328 bytes, no
 * pointers; all zero is the empty set.
 */

#define MASQ_PORTSET_SIZE 65536
#define MASQ_PORTSET_WORDS (MASQ_PORTSET_SIZE / 64)
#define MASQ_PORTSET_NONE UINT32_MAX

struct masq_portset {
	uint64_t summary[MASQ_PORTSET_WORDS / 64]; /**< bit w: words[w] is not 0 */
	uint32_t count; /**< number of members */
	uint32_t spare;
	uint64_t words[MASQ_PORTSET_WORDS];
};

static inline bool
masq_portset_has(const struct masq_portset *set, uint32_t number)
{
	return (set->words[number / 64] >> (number % 64) & 1) != 0;
}

/** Add @p number; it may already be a member. */
static inline void
masq_portset_add(struct masq_portset *set, uint32_t number)
{
	uint64_t bit = UINT64_C(1) << (number % 64);
	uint32_t word = number / 64;

	set->count += (set->words[word] & bit) == 0;
	set->words[word] |= bit;
	set->summary[word / 64] |= UINT64_C(1) << (word % 64);
}

/** Remove @p number; it need not be a member. */
static inline void
masq_portset_del(struct masq_portset *set, uint32_t number)
{
	uint64_t bit = UINT64_C(1) << (number % 64);
	uint32_t word = number / 64;

	set->count -= (set->words[word] & bit) != 0;
	set->words[word] &= ~bit;
	if (set->words[word] == 0)
		set->summary[word / 64] &= ~(UINT64_C(1) << (word % 64));
}

/**
 * Find and remove the smallest member in [@p number, next multiple of 64).
 *
 * @param number	in: where to begin; out: the member
 * @return false: there is none
 */
static inline bool
masq_portset_take_near(struct masq_portset *set, uint32_t *number)
{
	const uint32_t from = *number;
	uint64_t *word = &set->words[from / 64];
	uint64_t bits = *word & UINT64_MAX << (from % 64);

	if (bits == 0)
		return false;
	*word ^= bits & -bits;
	if (*word == 0)
		set->summary[from / 4096] ^= UINT64_C(1) << (from / 64 % 64);
	set->count--;
	*number = from / 64 * 64 + (uint32_t)__builtin_ctzll(bits);
	return true;
}

/** @return the smallest member in [from, to), MASQ_PORTSET_NONE: there is none */
static inline uint32_t
masq_portset_least(const struct masq_portset *set, uint32_t from, uint32_t to)
{
	uint32_t word, next, found;
	uint64_t bits;

	if (from >= to)
		return MASQ_PORTSET_NONE;
	word = from / 64;
	bits = set->words[word] & UINT64_MAX << (from % 64);
	if (bits == 0) {
		next = word + 1;
		for (bits = 0; next * 64 < to; next = (next / 64 + 1) * 64) {
			bits = set->summary[next / 64] & UINT64_MAX << (next % 64);
			if (bits != 0)
				break;
		}
		if (bits == 0)
			return MASQ_PORTSET_NONE;
		word = next / 64 * 64 + (uint32_t)__builtin_ctzll(bits);
		bits = set->words[word];
	}
	found = word * 64 + (uint32_t)__builtin_ctzll(bits);
	return found < to ? found : MASQ_PORTSET_NONE;
}

/** @return the first member in [start, to), else in [from, start); MASQ_PORTSET_NONE: none */
static inline uint32_t
masq_portset_next(const struct masq_portset *set, uint32_t start, uint32_t from, uint32_t to)
{
	uint32_t found = masq_portset_least(set, start, to);

	return found != MASQ_PORTSET_NONE ? found : masq_portset_least(set, from, start);
}

#endif /* MASQ_PORTSET_H */
