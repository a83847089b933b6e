/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PACKET_LOG_H
#define MASQ_PACKET_LOG_H

/**
 * @file
 * What rules with -l report to the control thread; masq_packet_log.c.
 */

#include <stdint.h>

struct masq_err;
struct masq_judgement;
struct masq_pkt;
struct masq_rules_result;
struct masq_worker;
struct rte_ring;

/** What a worker reports, and how much of it in this second. */
struct masq_packet_log {
	struct rte_ring *ring; /**< records on their way to the control thread */
	uint64_t began_ms; /**< start of the second for which records are counted */
	uint32_t n; /**< records of this second */
};

/**
 * Hand the matches of rules with -l to the control thread: one record per match, in the worker's
 * ring. Never waits: records that find the ring full, or that exceed MASQ_DP_LOG_RATE, are counted
 * as lost.
 *
 * @param result	its matches are in w->matches: all, or those from result->first on
 * @param tos	in/out: TOS before the first match, then after the last
 */
void masq_packet_log(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement, const struct masq_rules_result *result,
		uint8_t *tos);

/** Control thread: create and free a worker's ring. @param number of the data path, for the ring's
 * name */
int masq_packet_log_init(struct masq_worker *w, uint32_t number, struct masq_err *err);
void masq_packet_log_fini(struct masq_worker *w);

#endif /* MASQ_PACKET_LOG_H */
