/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_STAGE_TX_H
#define MASQ_STAGE_TX_H

/**
 * @file
 * Packets that leave at the end of a round; masq_stage_tx.c.
 */

#include <assert.h>
#include <stdint.h>

#include <masq_conf.h>

struct masq_worker;
struct rte_mbuf;

#define MASQ_TX_BURST 64 /**< packets of a port that are gathered at most */

/** What a round sends, by port. */
struct masq_tx {
	struct masq_tx_port {
		unsigned int n;
		struct rte_mbuf *mbuf[MASQ_TX_BURST];
	} port[MASQ_CONF_PORTS_MAX];

	uint64_t used; /**< bit p: port[p] is not empty */
};

static_assert(MASQ_CONF_PORTS_MAX <= 64, "a bit a port");

/** Send a complete packet by this port, without the port's VLAN tag. It leaves at the end of the
 * round, or earlier; or it is dropped and counted. Takes the packet over in any case. */
void masq_tx_one(struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t port);

/** End of the round: everything leaves. */
void masq_tx_flush(struct masq_worker *w);

/**
 * Transmit finished packets of workers that have no queue of their own.
 *
 * @param from	bit f: take what worker f has handed over
 * @return packets
 */
unsigned int masq_tx_take_over(struct masq_worker *w, uint64_t from);

#endif /* MASQ_STAGE_TX_H */
