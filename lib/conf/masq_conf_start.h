/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_START_H
#define MASQ_CONF_START_H

/**
 * @file
 * What the three source files for the start file share: the walk over lines (masq_conf_start.c),
 * the table of keys (masq_conf_start_keys.c) and the checks across lines (masq_conf_start_check.c).
 */

#include "masq_conf_priv.h"

#define MASQ_START_CPUS_MAX 1024 /**< maximum number of CPUs in "cores" */

/** Sections in the order of the documentation. */
enum masq_start_section {
	MASQ_START_NONE, /**< before the first section */
	MASQ_START_DAEMON,
	MASQ_START_PORT,
	MASQ_START_TIMEOUTS,
};

/**
 * Set the keys of a section to their defaults, if they have one.
 *
 * @param start	in/out; for MASQ_START_PORT the last port is meant
 */
void masq_start_section_default(struct masq_conf_start *start, enum masq_start_section section);

/**
 * Set one key.
 *
 * @param key	number of the key: row of the table
 * @return 0; -EINVAL with a sentence
 */
int masq_start_key_set(struct masq_conf_start *start, unsigned int key, const char *value,
		struct masq_err *err);

/** @return row of a key, or -EINVAL with a sentence that lists the section's keys */
int masq_start_key_find(const struct masq_conf_start *start, enum masq_start_section section,
		const char *name, struct masq_err *err);

/** Store the line of a key that was just set. @param section	the section of the key */
void masq_start_line_note(struct masq_conf_start *start, enum masq_start_section section,
		unsigned int key, int line);

/** @return true: the key may occur several times in its section */
bool masq_start_key_repeats(unsigned int key);

/**
 * Count the CPUs of a list like "1-2,5".
 *
 * @return their number; -EINVAL with a sentence
 */
int masq_start_cpus_count(const char *list, struct masq_err *err);

/**
 * Check what cannot be checked line by line. If "workers" is not given, set it to the number of
 * CPUs that "cores" names.
 *
 * @return 0; -EINVAL with "FILE:LINE: ..."
 */
int masq_start_check(struct masq_conf_start *start, struct masq_err *err);

#endif /* MASQ_CONF_START_H */
