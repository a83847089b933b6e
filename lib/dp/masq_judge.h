/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_JUDGE_H
#define MASQ_JUDGE_H

/**
 * @file
 * Judging one packet: what the chains said of it so far, and how they are asked; masq_slow_judge.c.
 */

#include <masq_fib.h>

#include "masq_dp_priv.h"

/** What chains of one packet said so far, and what they are asked about. */
struct masq_judgement {
	struct masq_rules_result result;
	struct masq_rules_input input; /**< the packet as it arrived */
	enum masq_rules_verdict forward; /**< what the forward chain said, if it was asked */
	uint32_t mark; /**< as the chains before the output chain left it */
	const struct rte_mbuf *mbuf; /**< the packet, for its log lines */
	uint8_t ttl_out; /**< what its TTL will be when it leaves, for its log lines */
	unsigned int n_asked;

	struct {
		enum masq_conf_builtin chain;
		uint32_t n_matches; /**< matches of the chains before it */
		struct masq_rules_input input; /**< what the chain saw */
	} asked[MASQ_CHAIN_BUILTINS]; /**< in order, to ask again for a very long path */
};

/** Fill in judgement->input from the packet and start with an empty result. */
void masq_judge_begin(const struct masq_burst *b, unsigned int i, struct masq_judgement *judgement);

/**
 * Ask one chain. @p tuple is what the chain sees, @p port the interface that it looks at.
 *
 * @return true: go on. false: the packet is decided: dropped with the chain's name, counted, and a
 *	REJECT answered (reference 5.4).
 */
bool masq_judge_chain(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		enum masq_conf_builtin chain, const struct masq_tuple *tuple, uint8_t port,
		struct masq_judgement *judgement);

/**
 * Count the packet on every rule that it matched: once, when it is known what becomes of it. Not for
 * a packet that its half counts, nor for one that is parked, which will be judged again.
 */
void masq_judge_count(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement);

/** Drop a packet that the chains asked so far let through: it is counted. */
void masq_judge_drop(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason);

/** masq_slow_neighbour() for a packet that is not counted yet: it is if it was dropped there, else the caller
 * counts. */
uint64_t masq_judge_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, const struct masq_fib_route *route,
		struct masq_neigh_ref *ref);

/** What packets of a half become. */
static inline struct masq_tuple
masq_slow_translated(const struct masq_half *half)
{
	return (struct masq_tuple){
		.src = half->rewrite.src,
		.dst = half->rewrite.dst,
		.sport = half->rewrite.sport,
		.dport = half->rewrite.dport,
		.proto = half->rewrite.proto,
	};
}

/** Is the forward chain asked about packets of this half, which came to @p dst? What came to an address of
 * the box itself skips it: also a hairpin's answers. */
static inline bool
masq_slow_asks_forward(const struct masq_half *half, rte_be32_t dst)
{
	return (half->flags & MASQ_HALF_FROM_INSIDE) != 0 && half->rewrite.dst == dst;
}

#endif /* MASQ_JUDGE_H */
