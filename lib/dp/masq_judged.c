/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routed packets: what they are remembered by.
 *
 * The way comes first: the next hop stands in the key in place of the destination. It costs one load
 * of the forwarding table, which those of a burst wait for together, and it is what makes the
 * memory small: to a key with the destination each host of the world is another flow, and more of
 * them than there are entries push each other out, one slow packet after the other. Who is not
 * remembered needs the way just as well.
 *
 *	key       a                                b
 *	classes   next hop, classes                protocol, arrival
 *	whole     next hop or whole destination,   ports or their classes, class of the destination,
 *	          whole source or its class        protocol, arrival, and a bit
 *
 * Two packets have the same key only if the chains cannot tell them apart and they go to the same
 * neighbour, which says the port where they leave, too. The bit keeps the two kinds of keys apart. An
 * own or a broadcast address as destination is its own next hop, and never a gateway (masq_fib.h), so
 * nothing that is forwarded has such a key.
 */
#include "masq_routed.h"

#include <rte_byteorder.h>
#include <rte_prefetch.h>

/* Where in b; the ports, or their classes, are below. */
#define KEY_PROTO 32
#define KEY_ARRIVAL 40
#define KEY_DST_CLASS 48
#define KEY_WHOLE (UINT64_C(1) << 56)

static uint64_t
common(const struct masq_burst *b, unsigned int i)
{
	return (uint64_t)b->pkt[i].key.proto << KEY_PROTO | (uint64_t)b->arrival[i] << KEY_ARRIVAL;
}

/* Some fields stand in the key as they are. @param whole bits of enum masq_class_field. Out of line: in
 * line it takes so many registers that the common way has to put the next hop aside and wait for it. */
static __attribute__((noinline)) struct masq_routed_key
whole_key(const struct masq_burst *b, unsigned int i, uint32_t classes, unsigned int whole,
		uint32_t next_hop)
{
	const struct masq_tuple *tuple = &b->pkt[i].key;
	uint32_t src = classes & 0xff, dst = next_hop;
	uint32_t dst_class = classes >> 8 & 0xff;
	uint32_t sport = classes >> 16 & 0xff, dport = classes >> 24;

	if ((whole >> MASQ_CLASS_SRC & 1) != 0)
		src = rte_be_to_cpu_32(tuple->src);
	if ((whole >> MASQ_CLASS_DST & 1) != 0)
		dst = rte_be_to_cpu_32(tuple->dst);
	if ((whole >> MASQ_CLASS_SPORT & 1) != 0)
		sport = rte_be_to_cpu_16(tuple->sport);
	if ((whole >> MASQ_CLASS_DPORT & 1) != 0)
		dport = rte_be_to_cpu_16(tuple->dport);
	return (struct masq_routed_key){
		.a = (uint64_t)dst << 32 | src,
		.b = common(b, i) | KEY_WHOLE | (uint64_t)dst_class << KEY_DST_CLASS |
				(uint64_t)dport << 16 | sport,
	};
}

static void
prepare(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint32_t next_hop)
{
	const struct masq_tuple *tuple = &b->pkt[i].key;
	uint32_t classes = masq_classes_of(w->classes, tuple);
	unsigned int whole = w->classes->whole;
	struct masq_routed_key key;

	if (unlikely(masq_fib_maybe_special(w->special, rte_be_to_cpu_32(tuple->src))))
		whole |= 1u << MASQ_CLASS_SRC;
	if (likely(whole == 0)) {
		key.a = (uint64_t)next_hop << 32 | classes;
		key.b = common(b, i);
	} else {
		key = whole_key(b, i, classes, whole, next_hop);
		classes = MASQ_CLASSES_NONE;
	}
	b->classes[i] = classes;
	b->routed_key[i] = key;
	b->routed_line[i] = (uint32_t)((uint64_t)masq_hash16(&key, &w->routed_seed) *
							    w->routed_lines >>
					    32) *
			MASQ_ROUTED_WAYS;
	rte_prefetch0(&w->routed[b->routed_line[i]]);
}

void
masq_routed_prepare(
		struct masq_worker *w, struct masq_burst *b, const uint8_t *place, unsigned int n)
{
	uint32_t dst[MASQ_BURST];
	uint64_t hop[MASQ_BURST];

	for (unsigned int k = 0; k < n; k++)
		dst[k] = rte_be_to_cpu_32(b->pkt[place[k]].key.dst);
	masq_fib_lookup_burst(w->snapshot->fib, dst, hop, n);
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = place[k];

		/* The key of an ICMP error names the flow that it is about, not where it goes. */
		if (unlikely(!masq_routed_may(&b->pkt[i]))) {
			b->classes[i] = MASQ_CLASSES_NONE;
			b->hop[i] = MASQ_HOP_UNKNOWN;
			continue;
		}
		b->hop[i] = (uint32_t)hop[k];
		prepare(w, b, i, masq_fib_hop_next(&w->hops[hop[k]], dst[k]));
	}
}
