/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_HOUSEKEEPING_H
#define MASQ_HOUSEKEEPING_H

/**
 * @file
 * What a worker does once a millisecond; masq_housekeeping.c.
 */

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>

struct masq_worker;

/** How far it has come. */
struct masq_chores {
	uint64_t done_ms; /**< millisecond in which masq_housekeeping() last ran */
	/** sessions that may still expire in this millisecond; 0: limit reached, or none is due */
	unsigned int may_expire;
	uint32_t rearm_cursor; /**< records before this one are armed for the new timeouts */
	bool rearming; /**< some are not armed for them yet */
	struct masq_conf_timeouts rearmed_for; /**< the new timeouts */
};

/** Call it when another millisecond has begun (w->chores.done_ms). Sessions that are due are left to
 * masq_housekeeping_expire(). */
void masq_housekeeping(struct masq_worker *w);

/** Expire some of the sessions that are due. Only while w->chores.may_expire is not 0. */
void masq_housekeeping_expire(struct masq_worker *w);

#endif /* MASQ_HOUSEKEEPING_H */
