/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The rotation of portfw: of the rules that take one destination, the first serves as many new
 *	sessions as its preference says, then it goes to the tail of its protocol's list (reference
 *	2.3). Here this is exact over all workers: every session uses up exactly one turn, and the
 *	turns come in order.
 * Words
 *	turn order	the list order of the group's rules when the turns were made
 *	left		sessions that a rule serves before it goes to the tail
 *	first turn	a rule may begin with less than its preference, if rules were added in front
 *			of it in the middle of its turn
 *	stamp		tick of the protocol's clock at which a rule last went to the tail. The rotated
 *			list has the rules without a stamp first, in the order of the model, then those
 *			with one, in the order of their stamps
 * The word
 *	bit 63		first round: members start with first_left, later with pref
 *	bits 32..62	member whose turn it is
 *	bits 0..31	what it has left, never 0
 *	A session moves the word by compare and swap; during a turn, workers share nothing else. The
 *	worker that takes the last session of a turn stamps the rule.
 *	racy: two workers that end two turns of one group at the same time may stamp in the other
 *	order. So the order within a group is always read from the word, and the group's stamps are
 *	assigned again in that order; only rules of different groups, whose relative order no packet
 *	sees, can be listed the wrong way round.
 * Data and who owns it
 *	struct masq_turns belongs to the snapshots that hold a reference. A snapshot in which the group
 *	is unchanged takes the same object, so the turns that workers take on the old snapshot until
 *	the last of them has left it are not lost. A changed group gets a new object, which starts
 *	where the old one stands at that moment.
 * Threads
 *	Control: create, put. Any: take, snapshot.
 */

#include "masq_turns.h"

#include <netinet/in.h>
#include <stdlib.h>

#define FIRST_ROUND (UINT64_C(1) << 63)

#define WORD(flags, member, left) ((flags) | (uint64_t)(member) << 32 | (left))

/* A rule on its way into new turns. */
struct entry {
	const struct masq_conf_portfw *rule;
	struct masq_turns_state state;
	uint32_t rank;
};

struct masq_turns_clock *
masq_turns_clock_create(void)
{
	struct masq_turns_clock *clock = calloc(1, sizeof(*clock));

	if (clock != NULL)
		atomic_init(&clock->refs, 1);
	return clock;
}

struct masq_turns_clock *
masq_turns_clock_ref(struct masq_turns_clock *clock)
{
	atomic_fetch_add_explicit(&clock->refs, 1, memory_order_relaxed);
	return clock;
}

void
masq_turns_clock_put(struct masq_turns_clock *clock)
{
	if (clock != NULL && atomic_fetch_sub_explicit(&clock->refs, 1, memory_order_acq_rel) == 1)
		free(clock);
}

static uint32_t
word_member(uint64_t word)
{
	return (uint32_t)(word >> 32) & INT32_MAX;
}

/* ---------------------------------------------------------------- making */

static bool
same_rule(const struct masq_conf_portfw *a, const struct masq_conf_portfw *b)
{
	return a->id == b->id && a->edit == b->edit && a->pref == b->pref && a->raddr == b->raddr &&
			a->rport == b->rport;
}

static bool
is_unchanged(const struct masq_turns *turns, const struct masq_conf_portfw *const *rules,
		uint32_t n_rules)
{
	if (turns->n_members != n_rules)
		return false;
	for (uint32_t i = 0; i < n_rules; i++) {
		const struct masq_turns_member *member = &turns->members[i];

		if (!same_rule(&member->rule, rules[member->rank]))
			return false;
	}
	return true;
}

/* What is known of a rule: an edited one keeps its place but starts its count again. */
static struct masq_turns_state
carried_state(const struct masq_turns *previous, const struct masq_turns_state *states,
		const struct masq_conf_portfw *rule)
{
	for (uint32_t i = 0; previous != NULL && i < previous->n_members; i++) {
		const struct masq_conf_portfw *known = &previous->members[states[i].member].rule;
		struct masq_turns_state state = states[i];

		if (known->id != rule->id)
			continue;
		if (known->edit != rule->edit || state.left > rule->pref)
			state.left = rule->pref;
		return state;
	}
	return (struct masq_turns_state){ .left = rule->pref };
}

static int
entry_compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	if (left->state.stamp != right->state.stamp)
		return left->state.stamp < right->state.stamp ? -1 : 1;
	return left->rank < right->rank ? -1 : left->rank > right->rank;
}

static struct masq_turns *
turns_from_entries(const struct entry *entries, uint32_t n, struct masq_turns_clock *clock)
{
	size_t size = sizeof(struct masq_turns) + n * sizeof(struct masq_turns_member);
	struct masq_turns *turns = aligned_alloc(64, (size + 63) / 64 * 64);

	if (turns == NULL)
		return NULL;
	atomic_init(&turns->refs, 1);
	turns->n_members = n;
	turns->clock = clock;
	for (uint32_t i = 0; i < n; i++) {
		turns->members[i].rule = *entries[i].rule;
		turns->members[i].first_left = entries[i].state.left;
		turns->members[i].rank = entries[i].rank;
		atomic_init(&turns->members[i].stamp, entries[i].state.stamp);
	}
	atomic_init(&turns->word, WORD(FIRST_ROUND, 0, turns->members[0].first_left));
	return turns;
}

struct masq_turns *
masq_turns_create(const struct masq_conf_portfw *const *rules, uint32_t n_rules,
		struct masq_turns *previous, struct masq_turns_clock *clock)
{
	struct masq_turns_state *states = NULL;
	struct entry *entries = NULL;
	struct masq_turns *turns = NULL;

	if (previous != NULL && is_unchanged(previous, rules, n_rules)) {
		atomic_fetch_add_explicit(&previous->refs, 1, memory_order_relaxed);
		return previous;
	}
	entries = calloc(n_rules, sizeof(*entries));
	if (previous != NULL) {
		states = calloc(previous->n_members, sizeof(*states));
		if (states == NULL)
			goto out;
		masq_turns_snapshot(previous, states);
	}
	if (entries == NULL)
		goto out;
	for (uint32_t i = 0; i < n_rules; i++) {
		entries[i].rule = rules[i];
		entries[i].state = carried_state(previous, states, rules[i]);
		entries[i].rank = i;
	}
	qsort(entries, n_rules, sizeof(*entries), entry_compare);
	turns = turns_from_entries(entries, n_rules, clock);
out:
	free(states);
	free(entries);
	return turns;
}

void
masq_turns_put(struct masq_turns *turns)
{
	if (turns != NULL && atomic_fetch_sub_explicit(&turns->refs, 1, memory_order_acq_rel) == 1)
		free(turns);
}

/* ---------------------------------------------------------------- taking */

/* The word after one more session; *ended: it was the last of its turn. */
static uint64_t
word_after(const struct masq_turns *turns, uint64_t word, bool *ended)
{
	uint64_t round = word & FIRST_ROUND;
	uint32_t next;

	*ended = (uint32_t)word == 1;
	if (!*ended)
		return word - 1;
	next = word_member(word) + 1;
	if (next == turns->n_members) {
		next = 0;
		round = 0;
	}
	return WORD(round, next,
			round != 0 ? turns->members[next].first_left
				   : turns->members[next].rule.pref);
}

const struct masq_conf_portfw *
masq_turns_next(const struct masq_turns *turns)
{
	return &turns->members[word_member(atomic_load_explicit(
					       &turns->word, memory_order_relaxed))]
				.rule;
}

const struct masq_conf_portfw *
masq_turns_take(struct masq_turns *turns)
{
	uint64_t word = atomic_load_explicit(&turns->word, memory_order_relaxed);
	struct masq_turns_member *member;
	uint64_t after;
	bool ended;

	do
		after = word_after(turns, word, &ended);
	while (!atomic_compare_exchange_weak_explicit(
			&turns->word, &word, after, memory_order_relaxed, memory_order_relaxed));
	member = &turns->members[word_member(word)];
	if (ended) {
		_Atomic uint64_t *ticks = &turns->clock->ticks[member->rule.proto == IPPROTO_TCP];
		uint64_t tick = atomic_fetch_add_explicit(ticks, 1, memory_order_relaxed) + 1;

		atomic_store_explicit(&member->stamp, tick, memory_order_relaxed);
	}
	return &member->rule;
}

/* ---------------------------------------------------------------- showing */

static int
stamp_compare(const void *a, const void *b)
{
	uint64_t left = ((const struct masq_turns_state *)a)->stamp;
	uint64_t right = ((const struct masq_turns_state *)b)->stamp;

	return left < right ? -1 : left > right;
}

static uint32_t
member_left(const struct masq_turns *turns, uint64_t word, uint32_t member)
{
	uint32_t current = word_member(word);

	if (member == current)
		return (uint32_t)word;
	if ((word & FIRST_ROUND) != 0 && member > current)
		return turns->members[member].first_left;
	return turns->members[member].rule.pref;
}

void
masq_turns_snapshot(const struct masq_turns *turns, struct masq_turns_state *states)
{
	uint64_t word = atomic_load_explicit(&turns->word, memory_order_relaxed);
	uint32_t n = turns->n_members;

	for (uint32_t i = 0; i < n; i++)
		states[i].stamp = atomic_load_explicit(
				&turns->members[i].stamp, memory_order_relaxed);
	qsort(states, n, sizeof(*states), stamp_compare);
	/* the oldest stamp goes to the rule whose turn it is, and so on: see "racy" above */
	for (uint32_t place = 0; place < n; place++) {
		uint32_t member = (word_member(word) + place) % n;

		states[place].member = member;
		states[place].left = member_left(turns, word, member);
	}
}

uint64_t
masq_turns_bytes(const struct masq_turns *turns)
{
	return sizeof(*turns) + turns->n_members * sizeof(turns->members[0]);
}
