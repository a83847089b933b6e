/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verdicts: the keys under which packets are remembered.
 *
 *	key       a                                  b
 *	classes   classes                            protocol, arrival, departure
 *	whole     destination and source, each       ports or their classes, protocol, arrival,
 *	          whole or its class                 departure, a bit, and one for each whole port
 *	half      classes of the packet on           rest of the latter, protocol, arrival, departure,
 *	          arrival, and some bits of          a bit, and another if the forward chain is asked
 *	          those on departure
 *	any                                          a bit for SYN segments, if a rule looks at -y
 *
 * The ports of ICMP queries are their type and code.
 *
 * A *kind* is all packets with the same key. Two packets have the same key only if the chains
 * cannot tell them apart by addresses and ports (masq_classes.h), interfaces, or -y. A value
 * without a class is in the key whole; so is a source that may be one of the box's own or a
 * broadcast address, because such packets are dropped whatever the rules say. The bits keep the
 * three sorts of keys apart.
 *
 * The route is looked up first, because the departure is part of the key. That is one load from the
 * forwarding table, and the loads of a burst overlap. Neither the destination itself nor the next
 * hop is in the key: otherwise each host in the world would be a kind, and with more hosts than
 * entries each packet would evict another's verdict.
 */
#include "masq_judged.h"

#include <assert.h>
#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include <masq_err.h>
#include <masq_pkt.h>

#include "masq_judge.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

/* Bit positions in b; ports or their classes are below. */
#define KEY_PROTO 32
#define KEY_ARRIVAL 40
#define KEY_DEPARTURE 48
#define KEY_WHOLE (UINT64_C(1) << 56)
static_assert(MASQ_JUDGED_KEY_HALF == UINT64_C(1) << 57, "has its place between the others");
#define KEY_FORWARD 58
#define KEY_SYN 59
#define KEY_WHOLE_SPORT (UINT64_C(1) << 60)
#define KEY_WHOLE_DPORT (UINT64_C(1) << 61)
/* Bits of a that classes of 12 bits leave in fields of 16. */
#define KEY_SPARE UINT64_C(0xf000f000f000f000)

static_assert(MASQ_PATHS_MAX - 1 <= UINT16_MAX, "an entry has 16 bits for the path");

/* One line of two entries for eight sessions, which is 8 bytes a session: flows come in few kinds. */
static uint32_t
lines_for(uint32_t sessions)
{
	return RTE_MIN(RTE_MAX(sessions / 8, 2048u), 1048576u);
}

int
masq_judged_init(struct masq_worker *w, uint32_t sessions, struct masq_hash_seed seed,
		struct masq_err *err)
{
	struct masq_judged_memory *memory = &w->judged;

	memory->seed = seed;
	memory->lines = lines_for(sessions);
	memory->entries = rte_zmalloc_socket("masq_judged", masq_judged_bytes(memory),
			RTE_CACHE_LINE_SIZE, w->socket_id);
	if (memory->entries == NULL)
		return masq_err_set(err, ENOMEM, "no memory for verdicts of worker %u", w->id);
	return 0;
}

void
masq_judged_fini(struct masq_judged_memory *memory)
{
	rte_free(memory->entries);
}

size_t
masq_judged_bytes(const struct masq_judged_memory *memory)
{
	return (size_t)memory->lines * MASQ_JUDGED_WAYS * sizeof(memory->entries[0]);
}

static inline uint64_t
common(const struct masq_burst *b, unsigned int i, uint8_t departure)
{
	return (uint64_t)b->pkt[i].key.proto << KEY_PROTO | (uint64_t)b->arrival[i] << KEY_ARRIVAL |
			(uint64_t)departure << KEY_DEPARTURE;
}

/* Set only for rule sets where -y matters. */
static inline uint64_t
syn_bit(const struct masq_worker *w, const struct masq_pkt *pkt)
{
	return (uint64_t)(w->classes->syn_matters & masq_pkt_is_syn(pkt)) << KEY_SYN;
}

/* Make a key that contains some fields whole. A bit for each port tells whether it is whole,
 * because a port can have the same value as a class. @param whole which fields, in the form of
 * masq_classes_alone() */
static struct masq_judged_key
whole_key(const struct masq_tuple *tuple, uint64_t classes, uint64_t whole, uint64_t common)
{
	uint32_t src = classes & 0xffff, dst = classes >> 16 & 0xffff;
	uint32_t sport = classes >> 32 & 0xffff, dport = classes >> 48 & 0xffff;

	if ((whole & MASQ_CLASS_IS_ALONE(MASQ_CLASS_SRC)) != 0)
		src = rte_be_to_cpu_32(tuple->src);
	if ((whole & MASQ_CLASS_IS_ALONE(MASQ_CLASS_DST)) != 0)
		dst = rte_be_to_cpu_32(tuple->dst);
	if ((whole & MASQ_CLASS_IS_ALONE(MASQ_CLASS_SPORT)) != 0) {
		sport = rte_be_to_cpu_16(tuple->sport);
		common |= KEY_WHOLE_SPORT;
	}
	if ((whole & MASQ_CLASS_IS_ALONE(MASQ_CLASS_DPORT)) != 0) {
		dport = rte_be_to_cpu_16(tuple->dport);
		common |= KEY_WHOLE_DPORT;
	}
	return (struct masq_judged_key){
		.a = (uint64_t)dst << 32 | src,
		.b = common | KEY_WHOLE | (uint64_t)dport << 16 | sport,
	};
}

/*
 * Combine the classes of two tuples. Classes have 12 bits in fields of 16; the four spare bits of
 * the first tuple's fields hold the upper bits of the second tuple's classes, whose lower eight
 * bits are at the bottom of b.
 */
static struct masq_judged_key
half_key(uint64_t came, uint64_t leaves, uint64_t common)
{
	uint64_t low = leaves & UINT64_C(0x00ff00ff00ff00ff);

	low = (low | low >> 8) & UINT64_C(0x0000ffff0000ffff);
	low = (low | low >> 16) & UINT32_MAX;
	return (struct masq_judged_key){
		.a = came | (leaves & UINT64_C(0x0f000f000f000f00)) << 4,
		.b = common | MASQ_JUDGED_KEY_HALF | low,
	};
}

/* Find the line of a key. A multiplication alone would put consecutive keys at even distances,
 * which may be zero: a quarter of 600 consecutive hosts had no place. */
static inline uint32_t
line_of(const struct masq_judged_memory *memory, const struct masq_judged_key *key)
{
	uint64_t hash = masq_hash16(key, &memory->seed);

	return (uint32_t)(hash * memory->lines >> 32) * MASQ_JUDGED_WAYS;
}

/* Store the key, in one piece as it will be read, and prefetch its line. */
static inline void
set_key(struct masq_worker *w, struct masq_burst *b, unsigned int i, struct masq_judged_key key)
{
	uint32_t line = line_of(&w->judged, &key);

	_mm_store_si128((void *)&b->judged_key[i],
			_mm_set_epi64x((long long)key.b, (long long)key.a));
	b->judged_line[i] = line;
	rte_prefetch0(&w->judged.entries[line]);
}

/* Does the tuple contain all that the rules look at? Not that of an ICMP query; that of an error
 * names the flow it is about, not its own destination; a fragment has no ports. */
static inline bool
is_told_by_its_tuple(uint8_t flags)
{
	const uint8_t harmless = MASQ_PKT_OPTIONS | MASQ_PKT_OTHER_PROTO;

	return (flags & (uint8_t)~harmless) == 0;
}

/* Do addresses, type and code of this ICMP query say all about it? Not if its tuple may be that of
 * another session's packet. */
static inline bool
is_plain_query(uint8_t flags)
{
	return (flags & (uint8_t)~MASQ_PKT_OPTIONS) == MASQ_PKT_ICMP_QUERY;
}

/* What rules look at in a plain ICMP query: type and code stand where others have ports. */
static struct masq_tuple
query_as_rules_see_it(const struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(b->mbuf[i], const uint8_t *, pkt->l4_offset);
	struct masq_tuple seen = pkt->key;

	seen.sport = rte_cpu_to_be_16(icmp[0]);
	seen.dport = 0; /* the code: others are not plain */
	return seen;
}

/* Make the key of a packet that classes alone do not describe. Out of line: inlined it takes so
 * many registers that the common path has to spill values and wait for them, 17 cycles a routed
 * packet. */
static __rte_noinline struct masq_judged_key
peculiar_key(const struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_tuple *tuple, struct masq_judged_key key)
{
	uint64_t whole = masq_classes_alone(key.a);

	key.b |= syn_bit(w, pkt);
	if (masq_fib_maybe_special(w->special, rte_be_to_cpu_32(tuple->src)))
		whole |= MASQ_CLASS_IS_ALONE(MASQ_CLASS_SRC);
	return whole != 0 ? whole_key(tuple, key.a, whole, key.b) : key;
}

/* @param tuple	what rules look at */
static inline void
prepare(struct masq_worker *w, const struct masq_classes *classes, struct masq_burst *b,
		unsigned int i, const struct masq_tuple *tuple, uint8_t departure)
{
	struct masq_judged_key key = {
		.a = masq_classes_of(classes, tuple),
		.b = common(b, i, departure),
	};

	if (unlikely(classes->are_not_all ||
			    masq_fib_maybe_special(w->special, rte_be_to_cpu_32(tuple->src))))
		key = peculiar_key(w, &b->pkt[i], tuple, key);
	set_key(w, b, i, key);
}

/* The same for a packet whose tuple is not what rules look at. */
static __rte_noinline void
prepare_other(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint32_t hop)
{
	struct masq_tuple seen;

	if (!is_plain_query(b->pkt[i].flags)) {
		b->judged_line[i] = MASQ_JUDGED_NO_LINE;
		b->hop[i] = MASQ_HOP_UNKNOWN;
		return;
	}
	seen = query_as_rules_see_it(b, i);
	b->hop[i] = hop;
	prepare(w, w->classes, b, i, &seen, w->hops[hop].departure);
}

/* @param all	constant: @p which names all packets of a full burst, so their numbers need not be
 *	searched: 532 to 520 instructions a routed packet */
static __rte_always_inline void
prepare_all(struct masq_worker *w, struct masq_burst *b, uint32_t which, const bool all)
{
	const bool all_told = is_told_by_its_tuple(b->flags);
	const struct masq_classes *classes = w->classes;
	const struct masq_fib_hop *hops = w->hops;
	uint32_t dst[MASQ_BURST], left = which;
	uint64_t hop[MASQ_BURST];
	unsigned int n;

	for (n = 0; all ? n < MASQ_BURST : left != 0; n++, left &= left - 1)
		dst[n] = rte_be_to_cpu_32(b->pkt[all ? n : masq_burst_first(left)].key.dst);
	masq_fib_lookup_burst(w->snapshot->fib, dst, hop, n);
	for (unsigned int k = 0; k < n; k++, which &= which - 1) {
		unsigned int i = all ? k : masq_burst_first(which);

		if (unlikely(!all_told && !is_told_by_its_tuple(b->pkt[i].flags))) {
			prepare_other(w, b, i, (uint32_t)hop[k]);
			continue;
		}
		b->hop[i] = (uint32_t)hop[k];
		prepare(w, classes, b, i, &b->pkt[i].key, hops[hop[k]].departure);
	}
}

void
masq_judged_prepare(struct masq_worker *w, struct masq_burst *b, uint32_t which)
{
	if (which == UINT32_MAX)
		prepare_all(w, b, which, true);
	else
		prepare_all(w, b, which, false);
}

/* A rewrite begins like the tuple that it produces. */
static_assert(offsetof(struct masq_rewrite, src) == offsetof(struct masq_tuple, src) &&
				offsetof(struct masq_rewrite, dst) ==
						offsetof(struct masq_tuple, dst) &&
				offsetof(struct masq_rewrite, sport) ==
						offsetof(struct masq_tuple, sport) &&
				offsetof(struct masq_rewrite, dport) ==
						offsetof(struct masq_tuple, dport),
		"addresses and ports of both are loaded alike");

/* Make the key of a half: it covers what the input and forward chains see (the packet on arrival)
 * and what the output chain sees. A key has room for two tuples only as classes.
 * @param classes	of the packet on arrival
 * @param translated	laid out like a tuple */
static inline void
prepare_half(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint64_t classes,
		__m128i translated, bool asks_forward, uint8_t departure)
{
	const uint64_t leaves = masq_classes_of_vector(w->classes, translated);

	if (unlikely(w->classes->may_be_alone &&
			    (masq_classes_alone(classes) | masq_classes_alone(leaves)) != 0))
		b->judged_line[i] = MASQ_JUDGED_NO_LINE;
	else
		set_key(w, b, i,
				half_key(classes, leaves,
						common(b, i, departure) | syn_bit(w, &b->pkt[i]) |
								(uint64_t)asks_forward
										<< KEY_FORWARD));
}

/* The same for a packet whose tuple is not what rules look at. */
static __rte_noinline void
prepare_other_half(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_half *half)
{
	struct masq_tuple seen;
	uint64_t classes;

	if (!is_plain_query(b->pkt[i].flags)) {
		b->judged_line[i] = MASQ_JUDGED_NO_LINE;
		return;
	}
	seen = query_as_rules_see_it(b, i);
	classes = masq_classes_of(w->classes, &seen);
	seen.src = half->rewrite.src;
	seen.dst = half->rewrite.dst;
	prepare_half(w, b, i, classes, _mm_loadu_si128((const void *)&seen),
			masq_judge_asks_forward(half, b->pkt[i].key.dst),
			w->hops[b->hop[i]].departure);
}

void
masq_judged_prepare_halves(struct masq_worker *w, struct masq_burst *b, uint32_t which)
{
	uint32_t dst[MASQ_BURST];
	uint64_t hop[MASQ_BURST];
	unsigned int n = 0;

	for (uint32_t left = which; left != 0; left &= left - 1)
		dst[n++] = rte_be_to_cpu_32(
				masq_half_at(w->sessions, b->half[masq_burst_first(left)])
						->rewrite.dst);
	masq_fib_lookup_burst(w->snapshot->fib, dst, hop, n);
	for (unsigned int k = 0; which != 0; which &= which - 1, k++) {
		unsigned int i = masq_burst_first(which);
		const struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
		const __m128i translated = _mm_loadu_si128((const void *)&half->rewrite);

		b->hop[i] = (uint32_t)hop[k];
		if (likely(is_told_by_its_tuple(b->pkt[i].flags)))
			prepare_half(w, b, i, masq_classes_of(w->classes, &b->pkt[i].key),
					translated,
					masq_judge_asks_forward(half, b->pkt[i].key.dst),
					w->hops[hop[k]].departure);
		else
			prepare_other_half(w, b, i, half);
	}
}

void
masq_judged_prepare_call(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		rte_be32_t server, rte_be16_t port, uint8_t departure)
{
	const struct masq_tuple *key = &b->pkt[i].key;
	const uint64_t addresses = key->src | (uint64_t)server << 32;
	const uint64_t ports = key->sport | (uint64_t)port << 16;

	/* The old key, of a packet without session, contains the classes, unless a field has none
	 * or the source may be one of the box's. */
	if (likely((b->judged_key[i].b & KEY_WHOLE) == 0))
		prepare_half(w, b, i, b->judged_key[i].a,
				_mm_set_epi64x((long long)ports, (long long)addresses), false,
				departure);
	else
		b->judged_line[i] = MASQ_JUDGED_NO_LINE;
}

void
masq_judged_prepare_call_again(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		rte_be32_t server, rte_be16_t port, uint8_t departure)
{
	/* The key still has the classes on arrival, and between them bits of the other server's. */
	b->judged_key[i].a &= ~KEY_SPARE;
	masq_judged_prepare_call(w, b, i, server, port, departure);
}

/* Choose the entry of a line: the one with the same key, even of an older rule set, so that a key
 * is never in both; else one that is out of date; else any. */
static struct masq_judged *
place_for(struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	const __m128i key = _mm_load_si128((const void *)&b->judged_key[i]);
	struct masq_judged *line = &w->judged.entries[b->judged_line[i]];

	for (unsigned int k = MASQ_JUDGED_WAYS; k-- > 0;)
		if (masq_judged_has_key(&line[k], key))
			return &line[k];
	for (unsigned int k = 0; k < MASQ_JUDGED_WAYS; k++)
		if (line[k].generation != w->generation)
			return &line[k];
	return &line[i % MASQ_JUDGED_WAYS];
}

void
masq_judged_remember(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judged *said)
{
	struct masq_judged *judged = place_for(w, b, i);

	*judged = *said;
	judged->key = b->judged_key[i];
	judged->generation = w->generation;
}
