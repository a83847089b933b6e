/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_JUDGED_H
#define MASQ_JUDGED_H

/**
 * @file
 * The memory of verdicts: what all chains together said of a kind of packets.
 *
 * Flows come in kinds: the same inside network, the same few services. A packet need not ask the
 * chains one after the other when an earlier one of its kind has; the counters stay exact, because
 * the path is remembered too.
 *
 *	routed, no session   sent by the fast stage (masq_stage_fast.c)
 *	masqueraded, new     its session is made by the short way (masq_slow_flow.c)
 *	forwarded call, new  the same; it is looked up as a packet of the half that it is going to have
 *	half unjudged        the first packet of a half, and the first after a change of the rules, gives the
 *	                     half what is known of its kind (masq_slow_judge.c)
 *
 * What makes a kind stands in masq_judged.c. An entry holds for one rule set and one protocol. Where
 * rules look at -y, SYN segments are another kind than the data that follows.
 *
 * Not remembered: what is denied; what a rule with -l met; ICMP, whose key does not say all that
 * rules look at; for packets without session, masquerading if a rule of the output chain looks at the
 * source, which is chosen later; for halves, anything with a value that is of no class.
 *
 * A verdict is no state, so nothing is lost when it is forgotten: an array of lines with two places each,
 * where a new kind takes the place of an old one. Belongs to its worker; all memory is taken at creation.
 * What it gained: docs/performance.rst.
 */

#include <emmintrin.h>

#include <rte_branch_prediction.h>

#include <masq_pkt.h>
#include <masq_rules.h>

#include "masq_dp_priv.h"

struct masq_judged {
	struct masq_judged_key key;
	uint32_t generation; /**< of the rule set; 0: empty */
	uint32_t mark; /**< before the output chain */
	uint16_t path;
	uint8_t verdict; /**< enum masq_rules_verdict of the forward chain: ACCEPT or MASQ; not of halves */
	uint8_t tos_and, tos_xor;
	bool depends_on_syn; /**< of packets that differ in nothing but -y it holds for one sort */
	uint8_t spare[2];
};

static_assert(sizeof(struct masq_judged) == 32, "two entries are one cache line");
static_assert(MASQ_PATHS_MAX - 1 <= UINT16_MAX, "an entry has 16 bits for the path");

#define MASQ_JUDGED_WAYS 2

/**
 * For packets that have no session: the ways to their destinations, looked up together, and
 * where their kinds may be remembered.
 *
 * @param which	bit i: packet i is one of them; at least one is
 */
void masq_judged_prepare(struct masq_worker *w, struct masq_burst *b, uint32_t which);

/**
 * For packets whose half the rules shall judge: the ways to their translated destinations, and where their
 * kinds may be remembered.
 *
 * @param which	bit i: packet i is one of them; at least one is
 */
void masq_judged_prepare_halves(struct masq_worker *w, struct masq_burst *b, uint32_t which);

/**
 * For a packet without session that a forwarding rule takes: its kind is not that of packets without session
 * any more, but of the INITIAL half which it would get. It was prepared, and may be remembered. Again, if it
 * turns out that the packet goes to another server.
 *
 * @param server, port	where the packet would go
 * @param departure	by which port
 */
void masq_judged_prepare_call(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		rte_be32_t server, rte_be16_t port, uint8_t departure);

#define MASQ_JUDGED_KEY_HALF (UINT64_C(1) << 57) /**< bit of masq_judged_key.b */

/** Was the packet, which may be remembered, prepared by the kind of a half? */
static inline bool
masq_judged_of_half(const struct masq_burst *b, unsigned int i)
{
	return (b->judged_key[i].b & MASQ_JUDGED_KEY_HALF) != 0;
}

/** Was the packet prepared, and may its kind be remembered? */
static inline bool
masq_judged_may(const struct masq_burst *b, unsigned int i)
{
	return b->judged_line[i] != MASQ_JUDGED_NO_LINE;
}

/** Has an entry this key, whichever rule set it is of? */
static inline bool
masq_judged_has_key(const struct masq_judged *judged, __m128i key)
{
	const __m128i own = _mm_load_si128((const void *)&judged->key);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(own, key)) == 0xffff;
}

/** @return what is known about packets like this one, which may be remembered, or NULL */
static inline const struct masq_judged *
masq_judged_find(const struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	const struct masq_judged *judged = &w->judged[b->judged_line[i]];
	const __m128i key = _mm_load_si128((const void *)&b->judged_key[i]);

	/* In which of the two places it stands nobody foresees: no branch. Never in both, so one comparison
	 * more is all: 538 to 532 instructions a routed packet. */
	judged += masq_judged_has_key(&judged[1], key);
	return masq_judged_has_key(judged, key) && judged->generation == w->generation ? judged
										       : NULL;
}

/**
 * What is known about a packet's kind, if the packet can go on as it is: its TTL does not run out, and it fits
 * the link.
 *
 * @param dst	where it will go
 * @param way	out: to there
 * @return NULL: it has to be looked at
 */
static inline const struct masq_judged *
masq_judged_find_way(const struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		rte_be32_t dst, struct masq_fib_route *way)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const struct masq_judged *judged;

	if (!masq_judged_may(b, i) || pkt->ttl <= 1)
		return NULL;
	judged = masq_judged_find(w, b, i);
	if (judged == NULL)
		return NULL;
	masq_fib_hop_route(&w->hops[b->hop[i]], rte_be_to_cpu_32(dst), way);
	return pkt->l3_len_bytes <= w->ports[way->port].mtu ? judged : NULL;
}

/** Packets of this kind shall be treated like this one. @param said all but key and generation */
void masq_judged_remember(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judged *said);

#endif /* MASQ_JUDGED_H */
