/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Making the classes of a rule set: cutting each field where any rule begins or ends.
 * Words
 *	start	first value of a class. Value 0 needs none: a class begins there anyway
 *	cut	a rule that accepts lo..hi, or everything else, cuts at lo and behind hi
 *	table	where the classes are looked up of a field with more than MASQ_CLASSES_FEW starts, or
 *		with a mask with holes (masq_class_table.c)
 * Cost
 *	Up to MASQ_CLASSES_FEW starts: one vector compare for each, which serves all four fields. A
 *	table: one load for a port, up to three for an address.
 * Threads
 *	Called by the control thread while it compiles.
 */

#include <string.h>

#include <rte_common.h>

#include "masq_class_table.h"
#include "masq_rules_priv.h"

struct cuts {
	struct masq_classes *classes;
	uint32_t n[MASQ_CLASS_FIELDS];
};

static void
ask_for_table(struct cuts *cuts, enum masq_class_field field)
{
	cuts->classes->have_tables |= (uint8_t)(1u << field);
	cuts->n[field] = 0;
}

/* Index of this start of a field, or the index at which it belongs. */
static uint32_t
find_start(const struct cuts *cuts, enum masq_class_field field, int32_t start)
{
	uint32_t at = 0;

	while (at < cuts->n[field] && cuts->classes->starts[at][field] < start)
		at++;
	return at;
}

static void
cut_at(struct cuts *cuts, enum masq_class_field field, uint32_t value)
{
	int32_t start = (int32_t)(value ^ UINT32_C(0x80000000));
	int32_t(*starts)[MASQ_CLASS_FIELDS] = cuts->classes->starts;
	uint32_t n = cuts->n[field], at;

	/* 255.255.255.255 would look like an unused row; the parser lets no packet with it pass. */
	if (value == 0 || start == INT32_MAX)
		return;
	at = find_start(cuts, field, start);
	if (at < n && starts[at][field] == start)
		return;
	if (n == MASQ_CLASSES_FEW) {
		ask_for_table(cuts, field);
		return;
	}
	for (; n > at; n--)
		starts[n][field] = starts[n - 1][field];
	starts[at][field] = start;
	cuts->n[field]++;
}

bool
masq_class_range(const struct masq_rule *rule, enum masq_class_field field, uint32_t *lo,
		uint32_t *hi)
{
	const uint32_t first[MASQ_CLASS_FIELDS] = { rule->src, rule->dst, rule->sport_lo,
		rule->dport_lo };
	const uint32_t more[MASQ_CLASS_FIELDS] = { ~rule->src_mask, ~rule->dst_mask,
		rule->sport_span, rule->dport_span };

	*lo = first[field];
	*hi = *lo + more[field];
	return field >= MASQ_CLASS_SPORT || (more[field] & (more[field] + 1)) == 0;
}

/* Tell the values that a rule accepts from the others. */
static void
cut_rule(struct cuts *cuts, const struct masq_rule *rule)
{
	for (unsigned int f = 0; f < MASQ_CLASS_FIELDS; f++) {
		enum masq_class_field field = (enum masq_class_field)f;
		uint32_t lo, hi;

		if ((cuts->classes->have_tables >> field & 1) != 0)
			continue;
		if (!masq_class_range(rule, field, &lo, &hi)) {
			ask_for_table(cuts, field);
			continue;
		}
		cut_at(cuts, field, lo);
		if (hi < masq_class_last(field) && (cuts->classes->have_tables >> field & 1) == 0)
			cut_at(cuts, field, hi + 1);
	}
}

/* Does a rule look at -y, or at sources where the output chain may see it? */
static void
note_rule(struct masq_classes *classes, const struct masq_rules *rules, uint32_t number)
{
	const struct masq_chain *forward = &rules->chains[MASQ_CHAIN_FORWARD];
	const struct masq_chain *input = &rules->chains[MASQ_CHAIN_INPUT];
	const struct masq_rule *rule = &rules->rules[number];

	classes->syn_matters |= (rule->tests & MASQ_TEST_SYN) != 0;
	if ((number >= input->first && number < input->end) ||
			(number >= forward->first && number < forward->end))
		return;
	if (rule->src_mask != 0 || rule->sport_span != UINT16_MAX)
		classes->output_sees_source = true;
}

/* @return 0, -1: no memory */
static int
tables_init(struct masq_classes *classes, struct masq_rules *rules)
{
	for (unsigned int f = 0; f < MASQ_CLASS_FIELDS; f++) {
		if ((classes->have_tables >> f & 1) == 0)
			continue;
		classes->table[f] = masq_class_table_create(
				rules->rules, rules->n_rules, (enum masq_class_field)f);
		if (classes->table[f] == NULL)
			return -1;
		classes->may_be_alone |= classes->table[f]->leaves_alone;
		rules->bytes += masq_class_table_bytes(classes->table[f]);
	}
	return 0;
}

int
masq_classes_init(struct masq_classes *classes, struct masq_rules *rules)
{
	struct cuts cuts = { .classes = classes };
	uint32_t most = 1;

	memset(classes, 0, sizeof(*classes));
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		if (rules->rules[i].ports == 0) /* it never matches, whatever it says */
			continue;
		cut_rule(&cuts, &rules->rules[i]);
		note_rule(classes, rules, i);
	}
	for (unsigned int field = 0; field < MASQ_CLASS_FIELDS; field++) {
		bool has_table = (classes->have_tables >> field & 1) != 0;

		most = RTE_MAX(most, cuts.n[field]);
		for (uint32_t i = cuts.n[field]; i < MASQ_CLASSES_FEW; i++)
			classes->starts[i][field] = has_table ? INT32_MIN : INT32_MAX;
	}
	classes->n_compared = (uint8_t)RTE_ALIGN_CEIL(most, 4u);
	if (tables_init(classes, rules) != 0)
		return -1;
	classes->are_not_all = classes->may_be_alone || classes->syn_matters;
	return 0;
}

void
masq_classes_fini(struct masq_classes *classes)
{
	for (unsigned int f = 0; f < MASQ_CLASS_FIELDS; f++)
		masq_class_table_destroy(classes->table[f]);
}

const struct masq_classes *
masq_rules_classes(const struct masq_rules *rules)
{
	return &rules->classes;
}
