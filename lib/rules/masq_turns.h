/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TURNS_H
#define MASQ_TURNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_rules.h>

/**
 * @file
 * Whose turn it is: the exact weighted rotation of the servers of one portfw group.
 */

/** Counts finished turns of both protocols, so that the list can be shown as rotated. */
struct masq_turns_clock {
	_Atomic uint32_t refs;
	_Atomic uint64_t ticks[2]; /* UDP, TCP */
};

/* A server of the group; the array is in turn order. */
struct masq_turns_member {
	struct masq_conf_portfw rule;
	uint32_t first_left; /* sessions of its first turn: what it had left, or its preference */
	uint32_t rank; /* its place in the model's order when this was made */
	_Atomic uint64_t stamp; /* tick at which it last went to the tail, 0: never */
};

struct masq_turns {
	_Atomic uint64_t word; /* see masq_turns.c */
	_Atomic uint32_t refs;
	uint32_t n_members;
	struct masq_turns_clock *clock; /* no reference of its own: every snapshot holds one */
	struct masq_turns_member members[];
};

/** Where a member is in the rotation. */
struct masq_turns_state {
	uint32_t member; /* index */
	uint32_t left; /* sessions left in this turn or, while it waits, of its next one */
	uint64_t stamp;
};

struct masq_turns_clock *masq_turns_clock_create(void);
struct masq_turns_clock *masq_turns_clock_ref(struct masq_turns_clock *clock);
void masq_turns_clock_put(struct masq_turns_clock *clock);

/**
 * Make the turns of a group, carrying over the state of rules that stay.
 *
 * @param rules	the group's rules in model order, n_rules > 0
 * @param previous	turns of the same destination until now, or NULL
 * @return turns with one reference: @p previous itself if nothing changed; NULL: no memory
 */
struct masq_turns *masq_turns_create(const struct masq_conf_portfw *const *rules, uint32_t n_rules,
		struct masq_turns *previous, struct masq_turns_clock *clock);
void masq_turns_put(struct masq_turns *turns);

/** Whose turn is it? Any thread; others may take it meanwhile. @return the rule */
const struct masq_conf_portfw *masq_turns_next(const struct masq_turns *turns);

/** Take one session of the rule whose turn it is. Any thread. @return the rule */
const struct masq_conf_portfw *masq_turns_take(struct masq_turns *turns);

/** Where all members are at one moment; states[0] is the one whose turn it is. Any thread. */
void masq_turns_snapshot(const struct masq_turns *turns, struct masq_turns_state *states);

/** @return bytes on the heap */
uint64_t masq_turns_bytes(const struct masq_turns *turns);

#endif /* MASQ_TURNS_H */
