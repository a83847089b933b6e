/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CSUM_H
#define MASQ_CSUM_H

#include <stdint.h>

#include <rte_byteorder.h>

/**
 * @file
 * Internet checksum arithmetic, RFC 1071 and RFC 1624 (equation 3). All sums are over 16-bit words
 * as they lie in memory; a one's complement sum does not depend on byte order as long as all words
 * have the same.
 */

/**
 * Fold a 32-bit sum of 16-bit words to 16 bits, adding the carries back in. The sum is added to itself
 * with its halves swapped: the carry out of the lower addition is the end-around carry of the upper.
 */
static inline uint16_t
masq_csum_fold(uint32_t sum)
{
	return (uint16_t)((sum + (sum << 16 | sum >> 16)) >> 16);
}

/** Sum of two words that hold four 16-bit words each: a carry out of the top is added at the bottom. */
static inline uint64_t
masq_csum_add64(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

/** masq_csum_fold() of a sum of 64-bit words: modulo 65535, 2^16, 2^32 and 2^64 are all 1. */
static inline uint16_t
masq_csum_fold64(uint64_t sum)
{
	return masq_csum_fold((uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32));
}

/** Delta (as masq_csum_apply() takes it) for one 16-bit word that changes. */
static inline uint16_t
masq_csum_delta16(uint16_t before, uint16_t after)
{
	return masq_csum_fold((uint32_t)(uint16_t)~before + after);
}

/** Delta for one 32-bit word that changes. */
static inline uint16_t
masq_csum_delta32(uint32_t before, uint32_t after)
{
	return masq_csum_fold((~before & 0xffff) + (uint32_t)(uint16_t)(~before >> 16) +
			(after & 0xffff) + (after >> 16));
}

/** Sum of two deltas. */
static inline uint16_t
masq_csum_delta_add(uint16_t a, uint16_t b)
{
	return masq_csum_fold((uint32_t)a + b);
}

/** New checksum of data that changed by @p delta. */
static inline uint16_t
masq_csum_apply(uint16_t checksum, uint16_t delta)
{
	return (uint16_t)~masq_csum_fold((uint32_t)(uint16_t)~checksum + delta);
}

/** The same for UDP: a result of 0 would mean "no checksum" and is sent as 0xffff. */
static inline uint16_t
masq_csum_apply_udp(uint16_t checksum, uint16_t delta)
{
	uint16_t sum = masq_csum_apply(checksum, delta);

	return sum != 0 ? sum : 0xffff;
}

#endif /* MASQ_CSUM_H */
