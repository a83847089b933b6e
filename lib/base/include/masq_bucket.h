/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BUCKET_H
#define MASQ_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/**
 * @file
 * A token bucket: a rate of tokens per second and a burst. A zeroed struct is an empty bucket that has
 * been filling since the clock was 0. One owner; no memory but the struct.
 */
struct masq_bucket {
	uint64_t at_ms; /**< time at which @ref credit was right */
	uint64_t credit; /**< thousandths of a token */
};

#define MASQ_BUCKET_TOKEN 1000u /**< credit of one token; so tokens/s are credit/ms */

/**
 * Take a token if there is one. Costs a multiplication and no division.
 *
 * @param rate	tokens per second, 1 or more
 * @param burst	tokens that the bucket holds, 1 to 1048576
 * @param now_ms	never less than at the call before
 * @return false: there is none
 */
static inline bool
masq_bucket_take(struct masq_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	const uint64_t full = (uint64_t)burst * MASQ_BUCKET_TOKEN;
	const uint64_t elapsed_ms = now_ms - bucket->at_ms;

	bucket->at_ms = now_ms;
	/* After so many ms even the slowest rate has filled it; below that the product stays small. */
	if (elapsed_ms >= full || bucket->credit + elapsed_ms * rate >= full)
		bucket->credit = full;
	else
		bucket->credit += elapsed_ms * rate;
	if (bucket->credit < MASQ_BUCKET_TOKEN)
		return false;
	bucket->credit -= MASQ_BUCKET_TOKEN;
	return true;
}

#endif /* MASQ_BUCKET_H */
