/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TALLY_H
#define MASQ_TALLY_H

/**
 * @file
 * The tally: what packets of sessions count for rules. A half that the rules have judged *stands
 * on* the path of its verdict (the list of rules that matched), and whatever it counts, it also
 * counts for that path; masq_tally.c explains. All functions are for the worker that owns the half.
 */

#include <stdbool.h>
#include <stdint.h>

struct masq_half;
struct masq_path_table;
struct masq_worker;

#define MASQ_TALLY_NO_PICTURE UINT32_MAX

/** How far the walks over the halves have come. */
struct masq_tally {
	/** paths of the previous rule set, until all halves have left it; then NULL */
	struct masq_path_table *before;
	uint32_t leaving; /**< halves with a lower index have left */
	/** halves with a lower index are in the picture; MASQ_TALLY_NO_PICTURE: none is taken */
	uint32_t pictured;
};

/**
 * The half stands on @p path of the rule set in force from now on. It must not stand on another
 * one. What it has counted so far does not count for the path.
 */
void masq_tally_join(struct masq_worker *w, struct masq_half *half, uint32_t path);

/** Take the half off its path, if it stands on one: the rules are about to judge it, or it is about
 * to be removed. */
void masq_tally_leave(struct masq_worker *w, struct masq_half *half);

/** Count a packet of @p len_bytes (IP total length) in the half but not for its path: the rules
 * judged and counted it individually. */
void masq_tally_apart(struct masq_worker *w, struct masq_half *half, uint32_t len_bytes);

/**
 * A new rule set is in force: w->paths.
 *
 * @param before	path table on which halves may still stand; NULL: there was none
 */
void masq_tally_begin(struct masq_worker *w, struct masq_path_table *before);

/**
 * Take the next halves off the paths of the previous rule set. Call it while w->tally.before is not
 * NULL.
 *
 * @return true: no half stands on them now and their picture is complete; w->tally.before is NULL
 */
bool masq_tally_leave_some(struct masq_worker *w);

/**
 * Take the next part of a picture of all paths of the rule set in force; the first call begins one.
 *
 * @return true: the picture is complete
 */
bool masq_tally_picture_some(struct masq_worker *w);

#endif /* MASQ_TALLY_H */
