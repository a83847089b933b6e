/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_INDEX_PRIV_H
#define MASQ_INDEX_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "masq_index.h"

/**
 * @file
 * What the files that build the index share.
 */

/** Values lo..hi of a dimension. */
struct masq_interval {
	uint32_t lo, hi;
};

#define MASQ_INTERVALS_MAX 128 /* per rule and dimension: every second value of a byte */

/** What a dimension looks at. */
struct masq_index_kind {
	enum masq_index_field field;
	uint8_t shift;
	uint32_t mask; /* also the greatest value */
	bool is_byte;
};

/**
 * The values of a dimension that a rule accepts, or a superset; none for a rule that never matches.
 *
 * @param list	out: capacity MASQ_INTERVALS_MAX, ascending, neither touching nor overlapping
 * @return number of intervals
 */
uint32_t masq_index_intervals(struct masq_interval *list, const struct masq_rule *rule,
		const struct masq_index_kind *kind);

/** Is this dimension worth having? Address bytes are if enough masks with holes use them. */
bool masq_index_kind_is_used(const struct masq_index_kind *kind, const struct masq_rule *rules,
		uint32_t n_rules);

static inline void
masq_bit_set(uint64_t *vector, uint32_t bit)
{
	vector[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void
masq_bit_clear(uint64_t *vector, uint32_t bit)
{
	vector[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

#endif /* MASQ_INDEX_PRIV_H */
