/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_JUDGED_H
#define MASQ_JUDGED_H

/**
 * @file
 * The memory of verdicts: what all chains together said of a kind of packets.
 *
 * Flows come in kinds: the same inside network, the same few services. A packet need not traverse
 * the chains if an earlier one of its kind has done so. Counters stay exact, because the path (the
 * list of rules that matched) is remembered too.
 *
 *	routed, no session   sent by the fast stage (masq_stage_fast.c)
 *	masqueraded, new     its session is created by the short way (masq_slow_flow.c)
 *	forwarded call, new  the same; it is looked up as a packet of the half that it will get
 *	half unjudged        the first packet of a half, and the first one after a rule change, gives
 *	                     the half what is known of its kind (masq_slow_judge.c)
 *
 * masq_judged.c defines what a kind is. An entry is valid for one rule set and one protocol. Where
 * rules look at -y, SYN segments and the data that follows are different kinds.
 *
 * Not remembered: denials; what a rule with -l matched; ICMP other than plain queries; for packets
 * without session, masquerading if a rule of the output chain looks at the source, which is chosen
 * later; for halves, anything with a value that is in no class.
 *
 * A remembered verdict is not state, so forgetting one loses nothing: the memory is an array of
 * lines with two entries each, in which a new kind replaces an old one. It belongs to its worker;
 * all memory is allocated at creation. What it gained: docs/performance.rst.
 */

#include <assert.h>
#include <emmintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include <masq_hash.h>

#include "masq_burst.h"

struct masq_err;
struct masq_worker;

/** What is known of one kind. */
struct masq_judged {
	struct masq_judged_key key;
	uint32_t generation; /**< of the rule set; 0: empty entry */
	uint32_t mark; /**< before the output chain */
	uint16_t path;
	/** of the forward chain: ACCEPT or MASQ (enum masq_rules_verdict); unused for halves */
	uint8_t verdict;
	uint8_t tos_and, tos_xor;
	bool depends_on_syn; /**< holds either for SYN segments or for all others */
	uint8_t spare[2];
};

static_assert(sizeof(struct masq_judged) == 32, "two entries are one cache line");

#define MASQ_JUDGED_WAYS 2 /**< entries of a line */

/** A worker's memory. Constant, but for the entries. */
struct masq_judged_memory {
	struct masq_judged *entries;
	uint32_t lines;
	struct masq_hash_seed seed;
};

/** Control thread: create a worker's memory, large enough for the kinds of so many sessions, and
 * free it. */
int masq_judged_init(struct masq_worker *w, uint32_t sessions, struct masq_hash_seed seed,
		struct masq_err *err);
void masq_judged_fini(struct masq_judged_memory *memory);
/** @return bytes of the entries; for any thread */
size_t masq_judged_bytes(const struct masq_judged_memory *memory);

/**
 * For packets without session: look up their routes together, and prefetch the lines in which their
 * kinds may be remembered.
 *
 * @param which	bit i: packet i is one of them; must not be 0
 */
void masq_judged_prepare(struct masq_worker *w, struct masq_burst *b, uint32_t which);

/**
 * For packets whose half has to be judged: look up the routes to their translated destinations, and
 * prefetch the lines in which their kinds may be remembered.
 *
 * @param which	bit i: packet i is one of them; must not be 0
 */
void masq_judged_prepare_halves(struct masq_worker *w, struct masq_burst *b, uint32_t which);

/**
 * For a packet without session that a forwarding rule takes: its kind becomes that of the INITIAL
 * half that it would get. The packet must have been prepared, and must be one that may be
 * remembered.
 *
 * @param server, port	where the packet would go
 * @param departure	port by which it would leave
 */
void masq_judged_prepare_call(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		rte_be32_t server, rte_be16_t port, uint8_t departure);

/** The same if it turns out that a packet with the key of a half goes to another server. */
void masq_judged_prepare_call_again(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		rte_be32_t server, rte_be16_t port, uint8_t departure);

#define MASQ_JUDGED_KEY_HALF (UINT64_C(1) << 57) /**< bit of masq_judged_key.b */

/** Was the packet prepared with the key of a half? It must be one that may be remembered. */
static inline bool
masq_judged_of_half(const struct masq_burst *b, unsigned int i)
{
	return (b->judged_key[i].b & MASQ_JUDGED_KEY_HALF) != 0;
}

/** Was the packet prepared, and can its kind be remembered? */
static inline bool
masq_judged_may(const struct masq_burst *b, unsigned int i)
{
	return b->judged_line[i] != MASQ_JUDGED_NO_LINE;
}

/** Does the entry have this key, in whichever rule set? */
static inline bool
masq_judged_has_key(const struct masq_judged *judged, __m128i key)
{
	const __m128i own = _mm_load_si128((const void *)&judged->key);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(own, key)) == 0xffff;
}

/** @return what is known in rule set @p generation about packets like this one, which must be one
 * that may be remembered; or NULL */
static inline const struct masq_judged *
masq_judged_find(const struct masq_judged_memory *memory, uint32_t generation,
		const struct masq_burst *b, unsigned int i)
{
	const struct masq_judged *judged = &memory->entries[b->judged_line[i]];
	const __m128i key = _mm_load_si128((const void *)&b->judged_key[i]);

	/* Which of the two entries has the key is unpredictable, so there is no branch. It is never
	 * in both, so this costs one more comparison: 538 to 532 instructions a routed packet. */
	judged += masq_judged_has_key(&judged[1], key);
	return masq_judged_has_key(judged, key) && judged->generation == generation ? judged : NULL;
}

/** Treat further packets of this kind like this one. @param said everything but key and generation */
void masq_judged_remember(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judged *said);

#endif /* MASQ_JUDGED_H */
