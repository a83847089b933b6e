/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_FLOW_H
#define MASQ_BENCH_FLOW_H

/**
 * @file
 * Flows and their packets: 60 bytes of UDP or TCP (64 with the checksum that a NIC adds).
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <masq_tuple.h>

#define BENCH_FRAME_BYTES 60

enum bench_kind {
	BENCH_MASQUERADE, /**< inside hosts to many peers, all hidden behind one address */
	BENCH_PORTFW, /**< many clients to one forwarded port */
	BENCH_ROUTED, /**< inside hosts to 256 that are not masqueraded, behind BENCH_ROUTES; no sessions */
	BENCH_KINDS
};

/** Both directions; the reply's tuple is known when the first packet has left, of routed ones at once. */
struct bench_flow {
	struct masq_tuple initial, reply;
};

#define BENCH_ROUTES 8 /**< each by a next hop of its own */

/** @return an address behind route number @p k, network order */
rte_be32_t bench_routed_host(uint32_t k);

/** Rules under which all kinds of flows work. */
extern const char bench_rule_text[];

/** @return the tuple of first packets of flow number @p i */
struct masq_tuple bench_flow_tuple(enum bench_kind kind, uint32_t i);

/** A table of n flows of a kind; free() it. */
struct bench_flow *bench_flows_make(enum bench_kind kind, uint32_t n);

/** Write the frame of a tuple. The transport checksum is left as it falls: nobody looks. */
void bench_frame_write(struct rte_mbuf *mbuf, const struct masq_tuple *tuple, uint8_t tcp_flags,
		uint16_t ip_id);

/** @return the tuple of answers to a frame that left */
struct masq_tuple bench_frame_reply(const struct rte_mbuf *mbuf);

uint16_t bench_frame_id(const struct rte_mbuf *mbuf);
uint8_t bench_frame_tos(const struct rte_mbuf *mbuf);

/** Random numbers with a fixed seed: every run asks for the same flows. */
uint64_t bench_random(void);

#endif /* MASQ_BENCH_FLOW_H */
