/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CLASS_TABLE_H
#define MASQ_CLASS_TABLE_H

/**
 * @file
 * The class table of one field: for a field with more than MASQ_CLASSES_FEW starts, or of which a rule
 * has a mask with holes.
 */

#include <stdbool.h>
#include <stdint.h>

#include <masq_classes.h>

struct masq_rule;

/**
 * Which values of a field does a rule accept (if it is negated: all but which)? masq_classes.c has it,
 * which asks for all fields; the table asks for its own.
 *
 * @param lo, hi	out: first and last
 * @return false: they are no range, because the mask has holes
 */
bool masq_class_range(const struct masq_rule *rule, enum masq_class_field field, uint32_t *lo,
		uint32_t *hi);

/** @return the greatest value of a field */
static inline uint32_t
masq_class_last(enum masq_class_field field)
{
	return field < MASQ_CLASS_SPORT ? UINT32_MAX : UINT16_MAX;
}

/**
 * Make the table of a field. Control thread; n * log(n) of the rules, and 65536 steps.
 *
 * @param rules	of all chains; those that never match (ports == 0) do not count
 * @return the table, which needs the rules no longer; NULL: no memory
 */
struct masq_class_table *masq_class_table_create(
		const struct masq_rule *rules, uint32_t n_rules, enum masq_class_field field);
/** NULL is accepted. */
void masq_class_table_destroy(struct masq_class_table *table);

/** @return bytes in use on the heap */
uint64_t masq_class_table_bytes(const struct masq_class_table *table);

#endif /* MASQ_CLASS_TABLE_H */
