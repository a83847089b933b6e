/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_LOCAL_H
#define MASQ_LOCAL_H

/**
 * @file
 * Packets for the box itself; masq_local.c. Each function leaves packet @p i of burst @p b decided.
 */

struct masq_burst;
struct masq_judgement;
struct masq_worker;

/** Handle an ARP message. */
void masq_local_arp(struct masq_worker *w, struct masq_burst *b, unsigned int i);

/** Handle a packet for the box itself that no rule forwards. */
void masq_local_deliver(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement);

#endif /* MASQ_LOCAL_H */
