/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PACKET_LOG_H
#define MASQ_PACKET_LOG_H

/**
 * @file
 * What rules with -l tell the control thread; masq_packet_log.c.
 */

#include "masq_dp_priv.h"

struct masq_judgement;

/**
 * Hand the matches of rules with -l to the control thread: one record a match, into the worker's
 * ring. Never waits: what finds the ring full, or comes faster than MASQ_DP_LOG_RATE, is counted.
 *
 * @param result	its matches are in w->matches: all, or those from result->first on
 * @param tos	in/out: TOS before the first of them, then behind the last
 */
void masq_packet_log(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement, const struct masq_rules_result *result,
		uint8_t *tos);

/** Ring of a worker, with its memory. */
int masq_packet_log_init(struct masq_worker *w, uint32_t number, struct masq_err *err);
void masq_packet_log_fini(struct masq_worker *w);

#endif /* MASQ_PACKET_LOG_H */
