/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Making the classes of a rule set: cutting each field where any rule begins or ends.
 * Words
 *	start	first value of a class. Value 0 needs none: a class begins there anyway
 *	cut	a rule that accepts lo..hi, or everything else, cuts at lo and behind hi
 *	whole	a field without classes
 * What is left out
 *	A field that needs more classes than a byte can tell, and one with a mask with holes, whose
 *	values are no range: it is left whole, and who remembers verdicts goes by its value. The
 *	other fields keep their classes: ten thousand rules about single hosts look at few ports.
 * Cost
 *	Up to MASQ_CLASSES_FEW starts a vector compare each; more are halved, four fields side by
 *	side so that their loads overlap: 254 starts cost eight steps.
 * Threads
 *	Made by the control thread while it compiles; searched by any worker.
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
leave_whole(struct cuts *cuts, enum masq_class_field field)
{
	cuts->classes->whole |= (uint8_t)(1u << field);
	cuts->n[field] = 0;
}

/* Where a start of this field stands, or would have to stand. */
static uint32_t
find_start(const struct cuts *cuts, enum masq_class_field field, int32_t start)
{
	uint32_t lo = 0, hi = cuts->n[field];

	while (lo < hi) {
		uint32_t middle = (lo + hi) / 2;

		if (cuts->classes->starts[middle][field] < start)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

static void
cut_at(struct cuts *cuts, enum masq_class_field field, uint32_t value)
{
	int32_t start = (int32_t)(value ^ UINT32_C(0x80000000));
	int32_t(*starts)[MASQ_CLASS_FIELDS] = cuts->classes->starts;
	uint32_t n = cuts->n[field], at;

	/* 255.255.255.255 would be the padding; the parser lets no packet with it through. */
	if (value == 0 || start == INT32_MAX || (cuts->classes->whole >> field & 1) != 0)
		return;
	at = find_start(cuts, field, start);
	if (at < n && starts[at][field] == start)
		return;
	if (n == MASQ_CLASSES_STARTS) {
		leave_whole(cuts, field);
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
		leave_whole(cuts, field);
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

	memset(classes, 0, sizeof(*classes));
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct masq_rule *rule = &rules->rules[i];

		cut_rule(&cuts, rule);
		classes->syn_matters |= (rule->tests & MASQ_TEST_SYN) != 0;
		if ((i >= input->first && i < input->end) ||
				(i >= forward->first && i < forward->end))
			continue;
		if (rule->src_mask != 0 || rule->sport_span != UINT16_MAX)
			classes->output_sees_source = true;
	}
	for (unsigned int field = 0; field < MASQ_CLASS_FIELDS; field++) {
		classes->n_starts = (uint8_t)RTE_MAX(classes->n_starts, cuts.n[field]);
		for (uint32_t i = cuts.n[field]; i < MASQ_CLASSES_MAX; i++)
			classes->starts[i][field] = INT32_MAX;
	}
	classes->are_not_all = classes->whole != 0 || classes->syn_matters;
	if (classes->n_starts <= MASQ_CLASSES_FEW)
		classes->n_compared = (uint8_t)RTE_MAX(RTE_ALIGN_CEIL(classes->n_starts, 4u), 4u);
	classes->first_step = (uint8_t)(rte_align32pow2(classes->n_starts + 1u) / 2);
}

const struct masq_classes *
masq_rules_classes(const struct masq_rules *rules)
{
	return &rules->classes;
}

uint32_t
masq_classes_search(const struct masq_classes *classes, const int32_t value[MASQ_CLASS_FIELDS])
{
	const int32_t(*starts)[MASQ_CLASS_FIELDS] = classes->starts;
	uint32_t found[MASQ_CLASS_FIELDS] = { 0 };

	for (uint32_t step = classes->first_step; step != 0; step /= 2)
		for (unsigned int field = 0; field < MASQ_CLASS_FIELDS; field++)
			found[field] += starts[found[field] + step - 1][field] <= value[field]
					? step
					: 0;
	return found[MASQ_CLASS_SRC] | found[MASQ_CLASS_DST] << 8 | found[MASQ_CLASS_SPORT] << 16 |
			found[MASQ_CLASS_DPORT] << 24;
}
