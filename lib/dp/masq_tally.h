/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TALLY_H
#define MASQ_TALLY_H

/**
 * @file
 * The tally: what packets of sessions count for rules. A half that the rules have judged stands on the
 * path of its verdict, and what it counts, it counts for that path, too; masq_tally.c has the story.
 * All functions are for the worker that owns the half.
 */

#include "masq_dp_priv.h"

#define MASQ_TALLY_NO_PICTURE UINT32_MAX

/**
 * The half stands on @p path of the rule set in force from now on; on none before. What it counted
 * up to here is not the path's.
 */
void masq_tally_join(struct masq_worker *w, struct masq_half *half, uint32_t path);

/** The half stands on no path any more, if it stood on one: the rules are about to judge it, or it
 * is about to be removed. */
void masq_tally_leave(struct masq_worker *w, struct masq_half *half);

/** The half counts a packet of @p len_bytes (IP total length) that its path does not: the rules judged
 * it by itself and have counted it. */
void masq_tally_apart(struct masq_worker *w, struct masq_half *half, uint32_t len_bytes);

/**
 * The rule set in force is another one: w->paths.
 *
 * @param before	on whose paths halves may stand; NULL: there was none
 */
void masq_tally_begin(struct masq_worker *w, struct masq_path_table *before);

/**
 * Let some halves leave the paths of the rule set before, while w->paths_before is not NULL.
 *
 * @return true: nobody stands on them now and their picture is taken; w->paths_before is NULL
 */
bool masq_tally_leave_some(struct masq_worker *w);

/**
 * Take a part of a picture of all paths of the rule set in force; the first call begins one.
 *
 * @return true: it is done
 */
bool masq_tally_picture_some(struct masq_worker *w);

#endif /* MASQ_TALLY_H */
