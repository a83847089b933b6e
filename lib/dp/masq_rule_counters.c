/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule counters as shown to the user, by rule id, across rule sets.
 *
 * Terms. The *base* of a rule is what retired rule sets counted, minus what "-Z" subtracted. *Live*
 * is the sum over the paths of the rule set that was in force at the last query. Shown is base +
 * live. When a rule set retires, its sums are added to the base, and nothing is live until the next
 * query.
 *
 * Rows exist for the ids of one rule set, and are made before it is in force, so that nothing can
 * fail later. From earlier rule sets that have not retired yet, only the counts for these ids
 * matter: ids are never reused, so an id that is not among them is never asked for again. A sorted
 * array with binary search is enough.
 *
 * Control thread only.
 */
#include "masq_rule_counters.h"

#include <errno.h>
#include <stdlib.h>

#include <masq_path.h>
#include <masq_rules.h>

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

int
masq_rule_counters_rebuild(struct masq_rule_counters *counters, const struct masq_rules *next)
{
	uint32_t n = masq_rules_slots(next);
	struct row *rows = calloc(n > 0 ? n : 1, sizeof(*rows));

	if (rows == NULL)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < n; slot++) {
		const struct row *known = find(counters, masq_rules_slot_id(next, slot));

		if (known != NULL)
			rows[slot] = *known;
		rows[slot].id = masq_rules_slot_id(next, slot);
	}
	qsort(rows, n, sizeof(*rows), by_id);
	free(counters->rows);
	counters->rows = rows;
	counters->n = n;
	return 0;
}

void
masq_rule_counters_fold(struct masq_rule_counters *counters, const struct masq_rules *old,
		const struct masq_path_counter *sums, uint32_t n)
{
	for (uint32_t i = 0; i < counters->n; i++)
		counters->rows[i].live = (struct masq_dp_rule_counter){ 0 };
	for (uint32_t slot = 0; slot < n; slot++) {
		struct row *row = find(counters, masq_rules_slot_id(old, slot));

		if (row == NULL)
			continue;
		row->base.packets += sums[slot].packets;
		row->base.bytes += sums[slot].bytes;
	}
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

/* The base may wrap below zero: base + live is 0 now, and counts up from there. */
void
masq_rule_counters_zero(struct masq_rule_counters *counters, uint32_t id)
{
	struct row *row = find(counters, id);

	if (row == NULL)
		return;
	row->base.packets = -row->live.packets;
	row->base.bytes = -row->live.bytes;
}
