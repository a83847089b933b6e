/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule counters as people see them, by rule id, across rule sets.
 *
 * Words. The *base* of a rule is what retired rule sets counted, minus what "-Z" took away; *live*
 * is the sum over the paths of the rule set in force. Shown is base + live. When a rule set retires
 * its live sums are folded into the base, and ids that the next rule set does not know are
 * forgotten. Ids are never used twice, so a sorted array and binary search are enough.
 *
 * Control thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "masq_dp_priv.h"

struct row {
	uint32_t id;
	struct masq_dp_rule_counter base, live;
};

struct masq_rule_counters {
	struct row *rows; /* sorted by id */
	uint32_t n;
};

struct masq_rule_counters *
masq_rule_counters_create(void)
{
	return calloc(1, sizeof(struct masq_rule_counters));
}

void
masq_rule_counters_destroy(struct masq_rule_counters *counters)
{
	if (counters == NULL)
		return;
	free(counters->rows);
	free(counters);
}

static int
by_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static struct row *
find(const struct masq_rule_counters *counters, uint32_t id)
{
	const struct row key = { .id = id };

	if (counters->n == 0)
		return NULL;
	return bsearch(&key, counters->rows, counters->n, sizeof(key), by_id);
}

/* Rows for exactly the ids of a rule set, with the bases that are known. */
static int
rebuild(struct masq_rule_counters *counters, const struct masq_rules *rules)
{
	uint32_t n = masq_rules_slots(rules);
	struct row *rows = calloc(n > 0 ? n : 1, sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < n; slot++) {
		const struct row *old = find(counters, masq_rules_slot_id(rules, slot));

		rows[slot].id = masq_rules_slot_id(rules, slot);
		if (old != NULL)
			rows[slot].base = old->base;
	}
	qsort(rows, n, sizeof(*rows), by_id);
	free(counters->rows);
	counters->rows = rows;
	counters->n = n;
	return 0;
}

int
masq_rule_counters_fold(struct masq_rule_counters *counters, const struct masq_rules *old,
		const struct masq_path_counter *sums, uint32_t n, const struct masq_rules *next)
{
	for (uint32_t slot = 0; old != NULL && slot < n; slot++) {
		struct row *row = find(counters, masq_rules_slot_id(old, slot));

		if (row == NULL)
			continue;
		row->base.packets += sums[slot].packets;
		row->base.bytes += sums[slot].bytes;
	}
	return rebuild(counters, next);
}

void
masq_rule_counters_live(struct masq_rule_counters *counters, const struct masq_rules *rules,
		const struct masq_path_counter *sums, uint32_t n)
{
	for (uint32_t slot = 0; slot < n; slot++) {
		struct row *row = find(counters, masq_rules_slot_id(rules, slot));

		if (row != NULL)
			row->live = (struct masq_dp_rule_counter){ sums[slot].packets,
				sums[slot].bytes };
	}
}

struct masq_dp_rule_counter
masq_rule_counters_get(const struct masq_rule_counters *counters, uint32_t id)
{
	const struct row *row = find(counters, id);

	if (row == NULL)
		return (struct masq_dp_rule_counter){ 0 };
	return (struct masq_dp_rule_counter){
		.packets = row->base.packets + row->live.packets,
		.bytes = row->base.bytes + row->live.bytes,
	};
}

/* The base may wrap below zero: base + live is 0 now, and counts up from here. */
void
masq_rule_counters_zero(struct masq_rule_counters *counters, uint32_t id)
{
	struct row *row = find(counters, id);

	if (row == NULL)
		return;
	row->base.packets = -row->live.packets;
	row->base.bytes = -row->live.bytes;
}
