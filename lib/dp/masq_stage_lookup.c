/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: lookup. One bulk lookup for all undecided packets of the burst, which prefetches buckets,
 * keys and halves on the way. An ICMP error is looked up by the tuple of the flow that it is about.
 * For packets without session, the line is prefetched in which the verdict about their kind may be
 * remembered.
 *
 * Normally all packets of a burst are undecided, and are looked up in place.
 */
#include "masq_judged.h"
#include "masq_worker.h"

/* Look up the undecided packets, wherever they are. @return bit i: packet i has no session */
static __rte_noinline uint32_t
lookup_some(struct masq_worker *w, struct masq_burst *b)
{
	struct masq_tuple keys[MASQ_BURST];
	uint32_t signature[MASQ_BURST], index[MASQ_BURST];
	uint8_t place[MASQ_BURST];
	unsigned int n = 0;
	uint32_t missed = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		if (b->verdict[i] != MASQ_UNDECIDED)
			continue;
		keys[n] = b->pkt[i].key;
		place[n++] = (uint8_t)i;
	}
	if (n == 0)
		return 0;
	masq_half_lookup_burst(w->sessions, keys, sizeof(keys[0]), signature, index, n);
	for (unsigned int k = 0; k < n; k++) {
		b->half[place[k]] = index[k];
		b->signature[place[k]] = signature[k];
		missed |= (uint32_t)(index[k] == MASQ_HALF_NONE) << place[k];
	}
	return missed;
}

void
masq_stage_lookup(struct masq_worker *w, struct masq_burst *b)
{
	uint32_t missed;

	if (likely(masq_burst_is_undecided(b)))
		missed = (uint32_t)masq_half_lookup_burst(w->sessions, &b->pkt[0].key,
				sizeof(b->pkt[0]), b->signature, b->half, b->n);
	else
		missed = lookup_some(w, b);
	if (missed != 0)
		masq_judged_prepare(w, b, missed);
}
