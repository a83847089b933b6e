/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SNAPSHOT_H
#define MASQ_SNAPSHOT_H

/**
 * @file
 * A configuration in compiled form; masq_publish.c makes it, puts it in force and frees it.
 */

#include <stdint.h>

#include <masq_conf.h>

struct masq_dp;
struct masq_fib;
struct masq_path_table;
struct masq_rules;

#define MASQ_RULE_SLOTS_MAX 32768 /**< rules and policies of one rule set */
#define MASQ_PATHS_MAX (2 * MASQ_RULE_SLOTS_MAX) /**< of one worker; masq_publish.c has the rule */
#define MASQ_REPLACED_MAX 8 /**< configurations that a stuck worker may lag behind */

/** Immutable once published, except for the paths and the turns of forwarding rules; replaced as a
 * whole. */
struct masq_snapshot {
	/** counts up from 1; a half remembers the one under which it was judged */
	uint32_t generation;
	struct masq_rules *rules;
	struct masq_fib *fib; /**< shared with earlier snapshots if routes did not change */
	struct masq_conf_timeouts timeouts;
	struct masq_path_table *paths[MASQ_MAX_WORKERS]; /**< each written by its worker alone */
};

/** Free the snapshot in force and all replaced ones. The workers no longer run. */
void masq_snapshot_discard(struct masq_dp *dp);

#endif /* MASQ_SNAPSHOT_H */
