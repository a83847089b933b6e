/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_ROUTED_H
#define MASQ_ROUTED_H

/**
 * @file
 * The memory of packets that are merely routed: verdicts without sessions.
 *
 * A routed packet needs no state, so nothing is lost when it is forgotten: an array of lines with two
 * places each, where a new kind of packets takes the place of an old one. An entry says what the
 * chains said under this rule set, like a session's half does; a packet that
 * finds its entry skips the chains and is counted by path. Without it every routed packet would run
 * through all chains: 290 cycles instead of a hit's 110 at a thousand flows.
 *
 * The key is the next hop, and of everything else only what rules can tell apart (masq_classes.h), so
 * that a million flows to a million hosts behind a gateway are a few entries. Fields that
 * have no classes stand in the key whole.
 *
 * Belongs to its worker. All memory is taken at creation.
 */

#include <rte_branch_prediction.h>

#include <masq_fib.h>
#include <masq_rules.h>
#include <masq_tuple.h>

#include "masq_dp_priv.h"

struct masq_routed_entry {
	struct masq_routed_key key;
	uint32_t generation; /**< 0: empty */
	uint32_t neigh; /**< struct masq_neigh_ref.value */
	uint16_t path;
	uint8_t departure;
	uint8_t tos_and, tos_xor;
	bool syn_slow; /**< rules with -y: SYN segments take the slow path */
	uint8_t spare[2];
};

static_assert(sizeof(struct masq_routed_entry) == 32, "two entries are one cache line");
static_assert(MASQ_PATHS_MAX - 1 <= UINT16_MAX, "an entry has 16 bits for the path");

#define MASQ_ROUTED_WAYS 2

/**
 * For packets that have no session: the ways to their destinations, looked up together, their
 * classes, and where they may be remembered. A packet whose source must be looked at itself, or whose
 * rules look at a field that has no classes, has none.
 *
 * @param place	the n packets, as places in the burst
 */
void masq_routed_prepare(
		struct masq_worker *w, struct masq_burst *b, const uint8_t *place, unsigned int n);

static inline bool
masq_routed_is(const struct masq_worker *w, const struct masq_routed_entry *entry,
		struct masq_routed_key key)
{
	return ((entry->key.a ^ key.a) | (entry->key.b ^ key.b) |
			       (entry->generation ^ w->generation)) == 0;
}

/** @return the entry of a packet under the rule set in force, or NULL */
static inline const struct masq_routed_entry *
masq_routed_find(const struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	const struct masq_routed_entry *entry = &w->routed[b->routed_line[i]];
	bool second = masq_routed_is(w, &entry[1], b->routed_key[i]);

	/* In which of the two places it stands nobody foresees: no branch. */
	return masq_routed_is(w, &entry[0], b->routed_key[i]) | second ? &entry[second] : NULL;
}

/** Only whole TCP, UDP and other packets: the key of ICMP is not all that rules look at. */
static inline bool
masq_routed_may(const struct masq_pkt *pkt)
{
	return (pkt->flags & (uint8_t) ~(MASQ_PKT_OPTIONS | MASQ_PKT_OTHER_PROTO)) == 0;
}

#endif /* MASQ_ROUTED_H */
