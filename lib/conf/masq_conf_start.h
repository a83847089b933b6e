/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_START_H
#define MASQ_CONF_START_H

/**
 * @file
 * What the three files of the start file share: the walk over lines (masq_conf_start.c), the table
 * of keys (masq_conf_start_keys.c) and the checks of the whole (masq_conf_start_check.c).
 */

#include "masq_conf_priv.h"

#define MASQ_START_CPUS_MAX 1024 /**< CPUs that "cores" can name */

/** Sections in the order of the documentation. */
enum masq_start_section {
	MASQ_START_NONE, /**< before the first section */
	MASQ_START_DAEMON,
	MASQ_START_PORT,
	MASQ_START_TIMEOUTS,
};

/**
 * Give the keys of a section that have a default that default.
 *
 * @param start	in/out; for MASQ_START_PORT the last of its ports is the one that is meant
 */
void masq_start_section_default(struct masq_conf_start *start, enum masq_start_section section);

/**
 * Set one key.
 *
 * @param section	section that the key stands in
 * @param key	number of the key: row of the table
 * @return 0; -EINVAL with a sentence
 */
int masq_start_key_set(struct masq_conf_start *start, unsigned int key, const char *value,
		struct masq_err *err);

/** @return row of a key, or -EINVAL with a sentence that lists the section's keys */
int masq_start_key_find(const struct masq_conf_start *start, enum masq_start_section section,
		const char *name, struct masq_err *err);

/** Note the line of a key that was just set. @param section	the one that it stands in */
void masq_start_line_note(struct masq_conf_start *start, enum masq_start_section section,
		unsigned int key, int line);

/** @return true: the key may stand several times in its section */
bool masq_start_key_repeats(unsigned int key);

/**
 * Count the CPUs of a list like "1-2,5".
 *
 * @return their number; -EINVAL with a sentence
 */
int masq_start_cpus_count(const char *list, struct masq_err *err);

/**
 * Check what no single line can tell. Where "workers" stands nowhere, it is as many as "cores" names.
 *
 * @return 0; -EINVAL with "FILE:LINE: ..."
 */
int masq_start_check(struct masq_conf_start *start, struct masq_err *err);

#endif /* MASQ_CONF_START_H */
