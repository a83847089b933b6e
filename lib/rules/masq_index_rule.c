/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	What one rule accepts in one dimension of the index, as intervals of values: "!" turns one
 *	interval into two, a set of interfaces has as many as it has gaps.
 *	The intervals may cover more than the rule accepts, never less. They do if a mask has holes:
 *	the smallest prefix around all that it accepts stands for it or, if it is negated, every
 *	address. A single byte of an address is exact for any mask; but one byte does not decide
 *	whether a negated address matches, so there all values stand for it.
 * Data, threads
 *	None; called by the control thread while it builds an index.
 */

#include "masq_index_priv.h"
#include "masq_rules_priv.h"

#define HOLED_RULES_MIN 4 /* rules with a holed mask that justify a byte dimension */

static bool
mask_has_holes(uint32_t mask)
{
	return (~mask & (~mask + 1)) != 0;
}

static uint32_t
whole(struct masq_interval *list, uint32_t max)
{
	list[0] = (struct masq_interval){ 0, max };
	return 1;
}

/* lo..hi or, negated, everything else. */
static uint32_t
one_range(struct masq_interval *list, uint32_t lo, uint32_t hi, uint32_t max, bool negated)
{
	uint32_t n = 0;

	if (!negated) {
		list[0] = (struct masq_interval){ lo, hi };
		return 1;
	}
	if (lo > 0)
		list[n++] = (struct masq_interval){ 0, lo - 1 };
	if (hi < max)
		list[n++] = (struct masq_interval){ hi + 1, max };
	return n;
}

/* The values 0..max for which a bit of @p set (4 words) is set. */
static uint32_t
from_set(struct masq_interval *list, const uint64_t *set, uint32_t max)
{
	uint32_t n = 0;
	bool inside = false;

	for (uint32_t value = 0; value <= max; value++) {
		bool is_set = (set[value / 64] >> (value % 64) & 1) != 0;

		if (is_set && !inside)
			list[n++].lo = value;
		if (is_set)
			list[n - 1].hi = value;
		inside = is_set;
	}
	return n;
}

static uint32_t
address_intervals(struct masq_interval *list, uint32_t addr, uint32_t mask, bool negated)
{
	if (mask_has_holes(mask)) {
		if (negated)
			return whole(list, UINT32_MAX);
		/* the leading ones are a prefix around all that the mask accepts */
		mask = ~(UINT32_MAX >> __builtin_clz(~mask));
		addr &= mask;
	}
	return one_range(list, addr, addr | ~mask, UINT32_MAX, negated);
}

/* One byte alone decides nothing when the address is negated. */
static uint32_t
byte_intervals(struct masq_interval *list, uint8_t addr, uint8_t mask, bool negated)
{
	uint64_t set[4] = { 0 };

	if (negated)
		return whole(list, UINT8_MAX);
	for (uint32_t value = 0; value <= UINT8_MAX; value++) {
		if ((value & mask) == addr)
			masq_bit_set(set, value);
	}
	return from_set(list, set, UINT8_MAX);
}

uint32_t
masq_index_intervals(struct masq_interval *list, const struct masq_rule *rule,
		const struct masq_index_kind *kind)
{
	bool is_src = kind->field == MASQ_FIELD_SRC;
	uint32_t addr = is_src ? rule->src : rule->dst;
	uint32_t mask = is_src ? rule->src_mask : rule->dst_mask;
	bool not_addr = (rule->tests & (is_src ? MASQ_TEST_NOT_SRC : MASQ_TEST_NOT_DST)) != 0;
	uint64_t ports[4] = { rule->ports };

	if (rule->ports == 0)
		return 0;
	if (kind->is_byte)
		return byte_intervals(list, (uint8_t)(addr >> kind->shift),
				(uint8_t)(mask >> kind->shift), not_addr);
	switch (kind->field) {
	case MASQ_FIELD_SRC:
	case MASQ_FIELD_DST:
		return address_intervals(list, addr, mask, not_addr);
	case MASQ_FIELD_SPORT:
		return one_range(list, rule->sport_lo, rule->sport_lo + rule->sport_span,
				UINT16_MAX, (rule->tests & MASQ_TEST_NOT_SPORT) != 0);
	case MASQ_FIELD_DPORT:
		return one_range(list, rule->dport_lo, rule->dport_lo + rule->dport_span,
				UINT16_MAX, (rule->tests & MASQ_TEST_NOT_DPORT) != 0);
	case MASQ_FIELD_PROTO:
		if ((rule->tests & MASQ_TEST_PROTO) == 0)
			return whole(list, UINT8_MAX);
		return one_range(list, rule->proto, rule->proto, UINT8_MAX,
				(rule->tests & MASQ_TEST_NOT_PROTO) != 0);
	case MASQ_FIELD_PORT:
		return from_set(list, ports, 63);
	case MASQ_FIELDS:
		break;
	}
	return whole(list, UINT32_MAX);
}

bool
masq_index_kind_is_used(
		const struct masq_index_kind *kind, const struct masq_rule *rules, uint32_t n_rules)
{
	uint32_t n = 0;

	if (!kind->is_byte)
		return true;
	for (uint32_t r = 0; r < n_rules && n < HOLED_RULES_MIN; r++) {
		uint32_t mask = kind->field == MASQ_FIELD_SRC ? rules[r].src_mask
							      : rules[r].dst_mask;

		n += mask_has_holes(mask) && (mask >> kind->shift & UINT8_MAX) != 0;
	}
	return n == HOLED_RULES_MIN;
}
