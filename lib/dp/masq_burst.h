/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BURST_H
#define MASQ_BURST_H

#include <assert.h>
#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_drop.h>
#include <masq_pkt.h>

/**
 * @file
 * A burst: the unit that travels through the stages, as parallel arrays. Its packet count never
 * changes on the way, and a stage skips packets that are already decided. The last stage sends or
 * frees them. A packet that has left the burst (MASQ_GONE) belongs to whoever took it out.
 */

struct rte_mbuf;

#define MASQ_BURST 32

enum masq_verdict {
	MASQ_UNDECIDED, /**< the next stages decide */
	MASQ_SLOW, /**< the slow path decides */
	MASQ_SEND, /**< translated and addressed; departure[] is the port */
	MASQ_SEND_CUT, /**< the same, but longer than that port's MTU: sent as fragments */
	MASQ_DROP, /**< reason[] says why; counted and freed by the last stage */
	MASQ_GONE, /**< no longer in this burst: handed off, parked, kept, consumed or fragmented */
};

/** Key under which the verdict for a kind of packets is remembered; see masq_judged.c. */
struct masq_judged_key {
	uint64_t a, b;
} __attribute__((aligned(16)));

#define MASQ_HOP_UNKNOWN UINT32_MAX
#define MASQ_JUDGED_NO_LINE UINT32_MAX

struct masq_burst {
	unsigned int n;
	bool owned; /**< seen before by a worker: owner and VLAN tag are settled */
	uint8_t flags; /**< of all packets, ORed together; set by the parse stage */
	struct rte_mbuf *mbuf[MASQ_BURST];
	struct masq_pkt pkt[MASQ_BURST];
	/* set by the lookup stage for all undecided packets: */
	uint32_t half[MASQ_BURST]; /**< MASQ_HALF_NONE: no session */
	uint32_t signature[MASQ_BURST]; /**< masq_half_signature() */
	/* set by masq_judged_prepare() for packets without session, and by
	 * masq_judged_prepare_halves() for those whose half has yet to be judged: */
	uint32_t hop[MASQ_BURST]; /**< index into masq_worker.hops of the route; or MASQ_HOP_UNKNOWN */
	struct masq_judged_key judged_key[MASQ_BURST];
	/** where an entry with that key may be; or MASQ_JUDGED_NO_LINE */
	uint32_t judged_line[MASQ_BURST];
	/* set by the fast stage: */
	uint32_t slow_halves; /**< bit i: packet i has a session and takes the slow path */
	uint32_t changes; /**< bit i: packet i took the fast path and may change its session's state */
	uint8_t verdict[MASQ_BURST] __attribute__((aligned(16))); /**< enum masq_verdict */
	uint8_t reason[MASQ_BURST]; /**< enum masq_drop */
	uint8_t arrival[MASQ_BURST]; /**< port index */
	/** port index; valid with MASQ_SEND and MASQ_SEND_CUT */
	uint8_t departure[MASQ_BURST] __attribute__((aligned(16)));
};

static_assert(MASQ_BURST == 32, "two vectors of verdicts, and 32 bits name all packets");

/** @return the lowest packet number in @p which, which must not be 0 */
static inline unsigned int
masq_burst_first(uint32_t which)
{
	return (unsigned int)__builtin_ctz(which);
}

/** @return bit i: bytes[i] is @p value; this includes places behind the last packet */
static inline uint32_t
masq_burst_equal(const uint8_t bytes[MASQ_BURST], uint8_t value)
{
	const __m128i *vectors = (const void *)bytes;
	const __m128i wanted = _mm_set1_epi8((char)value);
	uint32_t low = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(vectors[0], wanted));
	uint32_t high = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(vectors[1], wanted));

	return low | high << 16;
}

/** @return bit i: packet i has this verdict. It must not be MASQ_UNDECIDED, which all places behind
 * the last packet have, too */
static inline uint32_t
masq_burst_with(const struct masq_burst *b, enum masq_verdict verdict)
{
	assert(verdict != MASQ_UNDECIDED);
	return masq_burst_equal(b->verdict, (uint8_t)verdict);
}

/** @return no packet is decided yet */
static inline bool
masq_burst_is_undecided(const struct masq_burst *b)
{
	const __m128i *verdicts = (const void *)b->verdict;
	const __m128i undecided = _mm_setzero_si128();
	__m128i all = _mm_or_si128(verdicts[0], verdicts[1]);

	static_assert(MASQ_UNDECIDED == 0, "zeros, behind the last packet, too");
	return _mm_movemask_epi8(_mm_cmpeq_epi8(all, undecided)) == 0xffff;
}

/** Make a burst of one packet that this worker or another one has already seen. */
static inline void
masq_burst_of_one(struct masq_burst *b, struct rte_mbuf *mbuf, uint8_t arrival)
{
	b->n = 1;
	b->owned = true;
	b->mbuf[0] = mbuf;
	b->arrival[0] = arrival;
}

/** Drop packet @p i for this reason. */
static inline void
masq_burst_drop(struct masq_burst *b, unsigned int i, enum masq_drop reason)
{
	b->verdict[i] = MASQ_DROP;
	b->reason[i] = (uint8_t)reason;
}

#endif /* MASQ_BURST_H */
