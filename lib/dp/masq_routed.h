/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_ROUTED_H
#define MASQ_ROUTED_H

/**
 * @file
 * The memory of packets that are merely routed: verdicts without sessions.
 *
 * A routed packet needs no state, so nothing is lost when it is forgotten: an array of lines with two
 * places each, where a new flow takes the place of an old one. An entry says what the
 * chains said under this rule set, like a session's half does; a packet that
 * finds its entry skips the chains and is counted by path. Without it every routed packet would run
 * through all chains: 290 cycles instead of a hit's 110 at a thousand flows.
 *
 * The key is the destination, which says the route, and of everything else only what rules can tell
 * apart (masq_classes.h), so that a million flows to a thousand hosts are some thousand entries. Rule
 * sets without classes are remembered tuple by tuple.
 *
 * Belongs to its worker. All memory is taken at creation.
 */

#include <masq_fib.h>
#include <masq_rules.h>
#include <masq_tuple.h>

#include "masq_dp_priv.h"

struct masq_routed_entry {
	struct masq_tuple key; /**< masq_burst.routed_key */
	uint32_t generation; /**< 0: empty */
	uint32_t neigh; /**< struct masq_neigh_ref.value */
	uint16_t path;
	uint8_t arrival, departure;
	uint8_t tos_and, tos_xor;
	bool syn_slow; /**< rules with -y: SYN segments take the slow path */
	uint8_t spare;
};

static_assert(sizeof(struct masq_routed_entry) == 32, "two entries are one cache line");
static_assert(MASQ_PATHS_MAX - 1 <= UINT16_MAX, "an entry has 16 bits for the path");

#define MASQ_ROUTED_WAYS 2

/**
 * What a packet without session is remembered by: its classes, its key, and the line where the key may
 * be. A packet whose source must be looked at itself has no classes.
 */
static inline void
masq_routed_prepare(const struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_tuple *tuple = &b->pkt[i].key;
	uint32_t src = rte_be_to_cpu_32(tuple->src), classes = MASQ_CLASSES_NONE;
	uint64_t key[2];

	memcpy(key, tuple, sizeof(key));
	if (likely(w->classes->usable && !masq_fib_maybe_special(w->special, src))) {
		classes = masq_classes_of(w->classes, tuple);
		/* Classes in place of the source, no ports; and a bit that no tuple has. */
		key[0] = (key[0] & ~(uint64_t)UINT32_MAX) | classes;
		key[1] = (uint64_t)tuple->proto << 32 | UINT64_C(1) << 40;
	}
	b->classes[i] = classes;
	memcpy(&b->routed_key[i], key, sizeof(key));
	b->routed_line[i] = (masq_hash16(key, &w->routed_seed) & w->routed_mask) * MASQ_ROUTED_WAYS;
}

/** @return the entry of a key in its line under the rule set in force, or NULL */
static inline const struct masq_routed_entry *
masq_routed_find(const struct masq_worker *w, uint32_t line, const struct masq_tuple *key)
{
	const struct masq_routed_entry *entry = &w->routed[line];

	for (unsigned int k = 0; k < MASQ_ROUTED_WAYS; k++)
		if (entry[k].generation == w->generation && masq_tuple_equal(&entry[k].key, key))
			return &entry[k];
	return NULL;
}

/** Only whole TCP, UDP and other packets: the key of ICMP is not all that rules look at. */
static inline bool
masq_routed_may(const struct masq_pkt *pkt)
{
	return (pkt->flags & (uint8_t) ~(MASQ_PKT_OPTIONS | MASQ_PKT_OTHER_PROTO)) == 0;
}

#endif /* MASQ_ROUTED_H */
