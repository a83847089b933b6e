/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: lookup. One bulk lookup for all undecided packets of the burst, which prefetches buckets,
 * keys and halves while it goes. ARP has no tuple and goes to the slow path at once; so does an ICMP
 * error, whose tuple is that of the flow that it is about. For who has no session the
 * place is prefetched where the verdict about its kind may be remembered.
 */
#include "masq_judged.h"

void
masq_stage_lookup(struct masq_worker *w, struct masq_burst *b)
{
	const struct masq_tuple *keys[MASQ_BURST];
	uint32_t signature[MASQ_BURST], index[MASQ_BURST];
	uint8_t place[MASQ_BURST];
	unsigned int n = 0, missed = 0;

	for (unsigned int i = 0; i < b->n; i++) {
		if (b->verdict[i] != MASQ_UNDECIDED)
			continue;
		if (unlikely((b->pkt[i].flags & MASQ_PKT_ARP) != 0)) {
			b->verdict[i] = MASQ_SLOW;
			continue;
		}
		keys[n] = &b->pkt[i].key;
		place[n++] = (uint8_t)i;
	}
	if (n == 0)
		return;
	masq_half_lookup_burst(w->sessions, keys, signature, index, n);
	for (unsigned int k = 0; k < n; k++) {
		b->half[place[k]] = index[k];
		if (index[k] != MASQ_HALF_NONE)
			continue;
		b->signature[place[k]] = signature[k];
		place[missed++] = place[k];
	}
	if (missed != 0)
		masq_judged_prepare(w, b, place, missed);
}
