/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RULE_COUNTERS_H
#define MASQ_RULE_COUNTERS_H

/**
 * @file
 * Counters by rule id, kept across rule sets; masq_rule_counters.c. Control thread only.
 */

#include <stdint.h>

#include <masq_dp.h>
#include <masq_path.h>

struct masq_rules;

/** @return counters without rows; NULL: no memory */
struct masq_rule_counters *masq_rule_counters_create(void);
/** NULL is accepted. */
void masq_rule_counters_destroy(struct masq_rule_counters *counters);
/** Make rows for the rule set that is about to be in force, with what is known so far. @return 0,
 * -ENOMEM */
int masq_rule_counters_rebuild(struct masq_rule_counters *counters, const struct masq_rules *next);
/** Add the final sums of a retired rule set. Nothing is live afterwards. @param sums by slot of
 * @p old, @p n of them */
void masq_rule_counters_fold(struct masq_rule_counters *counters, const struct masq_rules *old,
		const struct masq_path_counter *sums, uint32_t n);
/** Set the live sums of the rule set in force; shown is base plus live. */
void masq_rule_counters_live(struct masq_rule_counters *counters, const struct masq_rules *rules,
		const struct masq_path_counter *sums, uint32_t n);
/** @return base plus live; zeros for an id without row */
struct masq_dp_rule_counter
masq_rule_counters_get(const struct masq_rule_counters *counters, uint32_t id);
/** Let base plus live be 0 from now on; an id without row is ignored. */
void masq_rule_counters_zero(struct masq_rule_counters *counters, uint32_t id);

#endif /* MASQ_RULE_COUNTERS_H */
