/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_JUDGED_H
#define MASQ_JUDGED_H

/**
 * @file
 * The memory of verdicts: what all chains together said of a class of packets (masq_classes.h).
 *
 * New flows come in kinds: the same inside network, the same few services. Their first packets need
 * not ask the chains one after the other when an earlier one of the kind has; the counters stay exact,
 * because the path is remembered too. An entry holds for one rule set and one pair of ports, and for
 * packets that go through input, forward and output chain, TCP or UDP or unknown protocols.
 *
 * Not remembered: what is denied, rules that log, rules with -y, rule sets that have no classes, and
 * masquerading where a rule of the output chain looks at the source, which is chosen later.
 *
 * Belongs to its worker; direct mapped, a new entry takes the place of an old one. What it gained:
 * docs/performance.rst.
 */

#include <rte_byteorder.h>

#include <masq_fib.h>
#include <masq_rules.h>

#include "masq_dp_priv.h"
#include "masq_routed.h"

/** Is this a packet that may be judged by its classes? Its source must be a plain host's. */
static inline bool
masq_judged_may(const struct masq_burst *b, unsigned int i)
{
	return b->classes[i] != MASQ_CLASSES_NONE && masq_routed_may(&b->pkt[i]);
}

static inline uint64_t
masq_judged_key(const struct masq_burst *b, unsigned int i, uint8_t departure)
{
	return (uint64_t)b->classes[i] << 32 | (uint64_t)departure << 16 |
			(uint64_t)b->arrival[i] << 8 | b->pkt[i].key.proto;
}

static inline struct masq_judged *
masq_judged_place(struct masq_worker *w, uint64_t key)
{
	return &w->judged[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - MASQ_JUDGED_BITS)];
}

/** @return what is known about packets like this one, or NULL */
static inline const struct masq_judged *
masq_judged_find(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		uint8_t departure)
{
	uint64_t key = masq_judged_key(b, i, departure);
	const struct masq_judged *judged = masq_judged_place(w, key);

	return judged->key == key && judged->generation == w->generation ? judged : NULL;
}

#endif /* MASQ_JUDGED_H */
