/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_JUDGE_H
#define MASQ_JUDGE_H

/**
 * @file
 * Judging one packet: what the chains have said of it so far, and how they are asked;
 * masq_slow_judge.c.
 */

#include <masq_conf.h>
#include <masq_drop.h>
#include <masq_fib.h>
#include <masq_neigh.h>
#include <masq_pkt.h>
#include <masq_rules.h>
#include <masq_session.h>

struct masq_burst;
struct masq_worker;

#define MASQ_MATCHES_MAX 4096 /**< rules that a packet may match and still be remembered */

/** What the chains have said of one packet so far, and what they were asked. */
struct masq_judgement {
	struct masq_rules_result result;
	struct masq_rules_input input; /**< the packet as it arrived */
	enum masq_rules_verdict forward; /**< verdict of the forward chain, if it was asked */
	uint32_t mark; /**< as left by the chains before the output chain */
	const struct rte_mbuf *mbuf; /**< the packet, for its log lines */
	uint8_t ttl_out; /**< its TTL on departure, for its log lines */
	unsigned int n_asked;

	struct {
		enum masq_conf_builtin chain;
		uint32_t n_matches; /**< number of matches in the chains before it */
		struct masq_rules_input input; /**< what the chain saw */
	} asked[MASQ_CHAIN_BUILTINS]; /**< in order; to ask again if the path is very long */
};

/** Begin a judgement: fill in its input from the packet and clear the result. */
void masq_judge_begin(const struct masq_burst *b, unsigned int i, struct masq_judgement *judgement);

/**
 * Ask one chain. @p tuple is what the chain sees, NULL for the packet as it arrived; @p port is the
 * interface that it looks at.
 *
 * @return true: continue. false: the packet is decided: dropped, with the chain's drop reason,
 *	counted, and after REJECT answered (reference 5.4)
 */
bool masq_judge_chain(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		enum masq_conf_builtin chain, const struct masq_tuple *tuple, uint8_t port,
		struct masq_judgement *judgement);

/**
 * Count the packet for every rule that it matched. Call it once, when its fate is known; not for a
 * packet that its half counts, nor for one that is parked, which will be judged again.
 */
void masq_judge_count(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement);

/** Drop and count a packet that the chains asked so far let through. */
void masq_judge_drop(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason);

/** masq_slow_neighbour() for a packet that has not been counted: counts it if it is dropped there;
 * otherwise the caller counts it. */
uint64_t masq_judge_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, const struct masq_fib_route *route,
		struct masq_neigh_ref *ref);

/** Tuple of a half's packets after translation. */
static inline struct masq_tuple
masq_judge_translated(const struct masq_half *half)
{
	return (struct masq_tuple){
		.src = half->rewrite.src,
		.dst = half->rewrite.dst,
		.sport = half->rewrite.sport,
		.dport = half->rewrite.dport,
		.proto = half->rewrite.proto,
	};
}

/** Is the forward chain asked about packets of this half that were sent to @p dst? Packets sent to
 * one of the box's own addresses skip it, including replies of a hairpin session. */
static inline bool
masq_judge_asks_forward(const struct masq_half *half, rte_be32_t dst)
{
	return (half->flags & MASQ_HALF_FROM_INSIDE) != 0 && half->rewrite.dst == dst;
}

#endif /* MASQ_JUDGE_H */
