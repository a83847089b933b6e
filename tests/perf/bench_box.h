/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_BOX_H
#define MASQ_BENCH_BOX_H

/**
 * @file
 * A whole appliance in this process: the real stages over memory ports. Packets are put into the
 * ports' queues, the workers polled with a watch, and what left is taken out; only the polls count.
 *
 * Two ports: LAN 192.168.1.1/24 (10.0.0.0/8 lies behind .254), WAN 203.0.113.1/24. If they have a VLAN, tags
 * are put on where packets are put, and taken off where they are taken.
 */

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_dp.h>

#include "bench_flow.h"

#define BENCH_BURST 32
#define BENCH_BATCH 256 /**< packets in flight: like the rings of a NIC, they stay in the cache */
#define BENCH_BATCH_MAX 1024
#define BENCH_WORKERS_MAX 4

enum bench_port {
	BENCH_LAN,
	BENCH_WAN,
	BENCH_PORTS
};

struct bench_box_options {
	uint32_t workers; /**< 0: 1 */
	uint32_t sessions;
	const char *rules; /**< text; NULL: bench_rule_text */
	bool rss; /**< the ports play a NIC that knows our key and table: queue and hash are right */
	uint16_t vlan; /**< of both ports; 0: none */
};

struct bench_box {
	struct masq_dp *dp;
	uint64_t now_ms;
	uint32_t workers, queues;
	bool rss;
	uint16_t vlan;
	unsigned int waiting[BENCH_PORTS][BENCH_WORKERS_MAX]; /**< packets put into a queue */
	uint64_t polls;
};

/** The buffers that travel: they are written, put, taken, and written again. */
extern struct rte_mbuf *bench_batch[BENCH_BATCH_MAX];

/** Take the buffers; first. */
void bench_box_init(void);

struct bench_box *bench_box_create(const struct bench_box_options *options);
void bench_box_destroy(struct bench_box *box);

/** Replace the rules by a text. */
void bench_box_rules(struct bench_box *box, const char *text);
void bench_box_publish(struct bench_box *box, const struct masq_conf_rules *rules);

/** @return where packets of a flow arrive */
enum bench_port bench_port_of(enum bench_kind kind, bool reply);

/** @return queue in which RSS puts a packet with this tuple, without RSS 0 */
uint32_t
bench_box_queue(const struct bench_box *box, enum bench_port port, const struct masq_tuple *tuple);

/** Put a frame that is written into the queue to which it belongs. */
void bench_put_frame(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf,
		const struct masq_tuple *tuple);

/**
 * Write the first frame of a flow, or the first answer, and put it: of TCP a SYN, or a SYN ACK segment.
 */
void bench_put_first(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf,
		const struct masq_tuple *tuple, bool reply);

/** Write a later frame and put it: of TCP an ACK segment. */
void bench_put(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf,
		const struct masq_tuple *tuple);

/**
 * Poll until @p expected packets came out, exactly as often as the queues want; all must come out.
 *
 * @param out	the packets that left, in their order by port
 * @return cycles of all polls
 */
uint64_t bench_run(struct bench_box *box, unsigned int expected, struct rte_mbuf **out);

/**
 * Poll as often as the queues want, when packets may be dropped.
 *
 * @param batch	in: the @p n buffers that were put; out: those that left, and fresh ones for the rest
 * @param cycles	out: of all polls
 * @return how many left
 */
unsigned int
bench_run_some(struct bench_box *box, struct rte_mbuf **batch, unsigned int n, uint64_t *cycles);

/** Polls that a worker needs for what was put into its queues; they are seen to from now on. */
unsigned int bench_bursts(struct bench_box *box, uint32_t worker);

/** Does a queue of this worker hold packets? */
bool bench_waits(const struct bench_box *box, uint32_t worker);

/** Take what left; ARP requests are answered. @return packets */
unsigned int bench_collect(struct bench_box *box, struct rte_mbuf **out, unsigned int max);

/** One packet each way of a flow, so that all neighbours are known and no ARP is measured. */
void bench_warm_up(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flow);

/** First packets of n flows, and the reply tuples that they get. @return cycles a packet */
double bench_sessions_make(
		struct bench_box *box, enum bench_kind kind, struct bench_flow *flows, uint32_t n);

/**
 * First packets of the other direction, and then, not measured, the third segment of TCP's handshake:
 * sessions are established.
 *
 * @return cycles a packet
 */
double bench_replies_make(struct bench_box *box, enum bench_kind kind,
		const struct bench_flow *flows, uint32_t n);

/**
 * Packets of established flows in random order, in turn from both directions.
 *
 * @param passes	of BENCH_BATCH packets; the clock of the box stands meanwhile
 * @return cycles a packet: the median of the passes
 */
double bench_hit_round(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flows,
		uint32_t n, unsigned int passes);

/** One more packet of each flow's own direction: of TCP the ACK that ends the handshake. Not measured. */
void bench_handshakes_end(struct bench_box *box, enum bench_kind kind,
		const struct bench_flow *flows, uint32_t n);

struct masq_dp_counters bench_counters(const struct bench_box *box);

#endif /* MASQ_BENCH_BOX_H */
