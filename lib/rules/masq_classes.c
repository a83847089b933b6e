/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Making the classes of a rule set: cutting each field where any rule begins or ends.
 * Words
 *	start	first value of a class. Value 0 needs none: a class begins there anyway
 *	cut	a rule that accepts lo..hi, or everything else, cuts at lo and behind hi
 * What is left out
 *	Rule sets that need more classes, and masks with holes, whose values are no range: their
 *	packets are judged one by one. Everybody's ports are few; ten thousand rules about single hosts
 *	are not, and there the next flow is seldom like one before.
 * Threads
 *	The control thread, while it compiles.
 */

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "masq_rules_priv.h"

struct cuts {
	struct masq_classes *classes;
	uint32_t n[MASQ_CLASS_FIELDS];
};

static void
cut_at(struct cuts *cuts, enum masq_class_field field, uint32_t value)
{
	int32_t start = (int32_t)(value ^ UINT32_C(0x80000000));
	int32_t(*starts)[MASQ_CLASS_FIELDS] = cuts->classes->starts;
	uint32_t n = cuts->n[field], at;

	if (value == 0 || !cuts->classes->usable)
		return;
	for (at = 0; at < n && starts[at][field] < start; at++)
		;
	if (at < n && starts[at][field] == start)
		return;
	/* 255.255.255.255 would be the padding; the parser lets no packet with it through. */
	if (start == INT32_MAX)
		return;
	if (n == MASQ_CLASSES_STARTS) {
		cuts->classes->usable = false;
		return;
	}
	for (; n > at; n--)
		starts[n][field] = starts[n - 1][field];
	starts[at][field] = start;
	cuts->n[field]++;
}

/* Values lo..hi of a field are told from the others. */
static void
cut_range(struct cuts *cuts, enum masq_class_field field, uint32_t lo, uint32_t hi, uint32_t last)
{
	cut_at(cuts, field, lo);
	if (hi < last)
		cut_at(cuts, field, hi + 1);
}

static void
cut_address(struct cuts *cuts, enum masq_class_field field, uint32_t addr, uint32_t mask)
{
	if ((~mask & (~mask + 1)) != 0)
		cuts->classes->usable = false;
	cut_range(cuts, field, addr, addr | ~mask, UINT32_MAX);
}

static void
cut_rule(struct cuts *cuts, const struct masq_rule *rule)
{
	cut_address(cuts, MASQ_CLASS_SRC, rule->src, rule->src_mask);
	cut_address(cuts, MASQ_CLASS_DST, rule->dst, rule->dst_mask);
	cut_range(cuts, MASQ_CLASS_SPORT, rule->sport_lo,
			(uint32_t)rule->sport_lo + rule->sport_span, UINT16_MAX);
	cut_range(cuts, MASQ_CLASS_DPORT, rule->dport_lo,
			(uint32_t)rule->dport_lo + rule->dport_span, UINT16_MAX);
}

void
masq_classes_init(struct masq_classes *classes, const struct masq_rules *rules)
{
	struct cuts cuts = { .classes = classes };
	const struct masq_chain *forward = &rules->chains[MASQ_CHAIN_FORWARD];
	const struct masq_chain *input = &rules->chains[MASQ_CHAIN_INPUT];

	*classes = (struct masq_classes){ .usable = true };
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct masq_rule *rule = &rules->rules[i];

		cut_rule(&cuts, rule);
		if ((i >= input->first && i < input->end) ||
				(i >= forward->first && i < forward->end))
			continue;
		if (rule->src_mask != 0 || rule->sport_span != UINT16_MAX)
			classes->output_sees_source = true;
	}
	for (unsigned int field = 0; field < MASQ_CLASS_FIELDS; field++) {
		classes->n_starts = (uint8_t)RTE_MAX(classes->n_starts, cuts.n[field]);
		for (uint32_t i = cuts.n[field]; i < MASQ_CLASSES_STARTS; i++)
			classes->starts[i][field] = INT32_MAX;
	}
}

const struct masq_classes *
masq_rules_classes(const struct masq_rules *rules)
{
	return &rules->classes;
}
