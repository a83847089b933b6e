/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Port forwarding: which destination belongs to which group of servers, and the list of
 *	rules as the original would show it.
 * Words
 *	group	the rules with the same protocol, LADDR and LPORT; 0.0.0.0 is no wildcard here
 *		(reference 2.2), so a group is found by its exact key
 *	key	protocol, address and port in one word, never 0
 *	position	place of a rule in the model's list, 0 is the head
 * Data and who owns it
 *	struct masq_portfw owns its tables and holds references to the turns (masq_turns.c) of
 *	its groups and to their clock. The rules that packets and listings see are the copies
 *	inside the turns: an unchanged group is the same object in old and new snapshot.
 * How
 *	Every new flow to the box asks, nearly always in vain: one multiplication and, in a table at
 *	most half full, mostly one look at a free bucket. Keys come from the administrator, so
 *	the hash needs no secret.
 *	The list: a rule that has finished its turn goes to the tail of its protocol's list, which its
 *	stamp remembers; rules sorted by (stamp, position) are the original's list.
 * Threads
 *	Control thread: init, fini, rows. Any worker: next, turn.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <masq_err.h>
#include <masq_rules.h>

#include "masq_rules_priv.h"

/* A rule on its way into a group. */
struct keyed {
	uint64_t key;
	uint32_t position;
};

static inline uint64_t
key_of(uint8_t proto, uint32_t laddr, uint16_t lport)
{
	return (uint64_t)proto << 48 | (uint64_t)laddr << 16 | lport;
}

static inline uint32_t
bucket_of(const struct masq_portfw *portfw, uint64_t key)
{
	return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> portfw->shift);
}

static const struct masq_portfw_group *
group_find(const struct masq_portfw *portfw, uint64_t key)
{
	uint32_t bucket;

	if (portfw->n_groups == 0)
		return NULL;
	bucket = bucket_of(portfw, key);
	while (portfw->buckets[bucket] != 0) {
		const struct masq_portfw_group *group =
				&portfw->groups[portfw->buckets[bucket] - 1];

		if (group->key == key)
			return group;
		bucket = (bucket + 1) & portfw->bucket_mask;
	}
	return NULL;
}

/* ---------------------------------------------------------------- making */

static int
keyed_compare(const void *a, const void *b)
{
	const struct keyed *left = a, *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	return left->position < right->position ? -1 : left->position > right->position;
}

static int
tables_alloc(struct masq_portfw *portfw, uint32_t n_rules)
{
	uint32_t bits = 1;

	while (UINT32_C(1) << bits < 2 * n_rules)
		bits++;
	portfw->bucket_mask = (UINT32_C(1) << bits) - 1;
	portfw->shift = 64 - bits;
	portfw->groups = calloc(n_rules, sizeof(*portfw->groups));
	portfw->order = calloc(n_rules, sizeof(*portfw->order));
	portfw->buckets = calloc(portfw->bucket_mask + 1, sizeof(*portfw->buckets));
	portfw->places = calloc(n_rules, sizeof(*portfw->places));
	portfw->states = calloc(n_rules, sizeof(*portfw->states));
	portfw->n_rules = n_rules;
	return portfw->groups == NULL || portfw->order == NULL || portfw->buckets == NULL ||
					portfw->places == NULL || portfw->states == NULL
			? -ENOMEM
			: 0;
}

/* Sort the rules by key: equal keys are a group, in model order. */
static int
groups_form(struct masq_portfw *portfw, const struct masq_conf_rules *conf)
{
	struct keyed *keyed = calloc(portfw->n_rules, sizeof(*keyed));
	struct masq_portfw_group *group = NULL;

	if (keyed == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < portfw->n_rules; i++) {
		const struct masq_conf_portfw *rule = &conf->portfw[i];

		keyed[i].key = key_of(rule->proto, rule->laddr, rule->lport);
		keyed[i].position = i;
	}
	qsort(keyed, portfw->n_rules, sizeof(*keyed), keyed_compare);
	for (uint32_t i = 0; i < portfw->n_rules; i++) {
		if (group == NULL || group->key != keyed[i].key) {
			group = &portfw->groups[portfw->n_groups++];
			group->key = keyed[i].key;
			group->first = i;
		}
		group->n_members++;
		portfw->order[i] = keyed[i].position;
	}
	free(keyed);
	return 0;
}

static void
group_enter(struct masq_portfw *portfw, uint32_t index)
{
	uint32_t bucket = bucket_of(portfw, portfw->groups[index].key);

	while (portfw->buckets[bucket] != 0)
		bucket = (bucket + 1) & portfw->bucket_mask;
	portfw->buckets[bucket] = index + 1;
}

static int
groups_fill(struct masq_portfw *portfw, const struct masq_conf_rules *conf,
		const struct masq_portfw *previous)
{
	const struct masq_conf_portfw **rules = calloc(portfw->n_rules, sizeof(*rules));
	int ret = rules == NULL ? -ENOMEM : 0;

	for (uint32_t g = 0; g < portfw->n_groups && ret == 0; g++) {
		struct masq_portfw_group *group = &portfw->groups[g];
		const struct masq_portfw_group *known = NULL;

		for (uint32_t i = 0; i < group->n_members; i++)
			rules[i] = &conf->portfw[portfw->order[group->first + i]];
		if (previous != NULL)
			known = group_find(previous, group->key);
		group->turns = masq_turns_create(rules, group->n_members,
				known == NULL ? NULL : known->turns, portfw->clock);
		if (group->turns == NULL)
			ret = -ENOMEM;
		else
			group_enter(portfw, g);
	}
	free(rules);
	return ret;
}

static int
check_rules(const struct masq_conf_rules *conf, struct masq_err *err)
{
	if (conf->n_portfw > MASQ_RULES_MAX)
		return masq_err_set(err, EINVAL, "%u portfw rules; accepted: at most %u",
				conf->n_portfw, MASQ_RULES_MAX);
	for (uint32_t i = 0; i < conf->n_portfw; i++) {
		const struct masq_conf_portfw *rule = &conf->portfw[i];

		if (rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP)
			return masq_err_set(err, EINVAL,
					"portfw rule %u: protocol %u; accepted: tcp and udp", i + 1,
					rule->proto);
		if (rule->pref == 0)
			return masq_err_set(err, EINVAL,
					"portfw rule %u: preference 0; accepted: 1 and more",
					i + 1);
	}
	return 0;
}

int
masq_portfw_init(struct masq_portfw *portfw, const struct masq_conf_rules *conf,
		const struct masq_portfw *previous, struct masq_err *err)
{
	int ret = check_rules(conf, err);

	memset(portfw, 0, sizeof(*portfw));
	if (ret != 0)
		return ret;
	portfw->clock = previous != NULL ? masq_turns_clock_ref(previous->clock)
					 : masq_turns_clock_create();
	if (portfw->clock == NULL)
		ret = -ENOMEM;
	if (ret == 0 && conf->n_portfw > 0) {
		ret = tables_alloc(portfw, conf->n_portfw);
		if (ret == 0)
			ret = groups_form(portfw, conf);
		if (ret == 0)
			ret = groups_fill(portfw, conf, previous);
	}
	if (ret != 0) {
		masq_portfw_fini(portfw);
		return masq_err_set(err, ENOMEM, "no memory for %u portfw rules", conf->n_portfw);
	}
	return 0;
}

void
masq_portfw_fini(struct masq_portfw *portfw)
{
	for (uint32_t g = 0; g < portfw->n_groups; g++)
		masq_turns_put(portfw->groups[g].turns);
	masq_turns_clock_put(portfw->clock);
	free(portfw->groups);
	free(portfw->order);
	free(portfw->buckets);
	free(portfw->places);
	free(portfw->states);
	memset(portfw, 0, sizeof(*portfw));
}

uint64_t
masq_portfw_bytes(const struct masq_portfw *portfw)
{
	uint64_t bytes = portfw->n_rules *
			(sizeof(*portfw->groups) + sizeof(*portfw->order) +
					sizeof(*portfw->places) + sizeof(*portfw->states));

	if (portfw->n_rules > 0)
		bytes += ((uint64_t)portfw->bucket_mask + 1) * sizeof(*portfw->buckets);
	for (uint32_t g = 0; g < portfw->n_groups; g++)
		bytes += masq_turns_bytes(portfw->groups[g].turns);
	return bytes;
}

/* ---------------------------------------------------------------- asking */

/* With a constant @p takes_turn the compiler makes two functions of it. */
static inline int
find_server(const struct masq_rules *rules, uint64_t key, bool takes_turn,
		struct masq_portfw_target *target)
{
	const struct masq_portfw_group *group = group_find(&rules->portfw, key);
	const struct masq_conf_portfw *rule;

	if (group == NULL)
		return -ENOENT;
	rule = takes_turn ? masq_turns_take(group->turns) : masq_turns_next(group->turns);
	target->rule_id = rule->id;
	target->raddr = rule->raddr;
	target->rport = rule->rport;
	return 0;
}

int
masq_rules_portfw_next(const struct masq_rules *rules, uint8_t proto, uint32_t laddr,
		uint16_t lport, struct masq_portfw_target *target)
{
	return find_server(rules, key_of(proto, laddr, lport), false, target);
}

int
masq_rules_portfw_turn(const struct masq_rules *rules, uint8_t proto, uint32_t laddr,
		uint16_t lport, struct masq_portfw_target *target)
{
	return find_server(rules, key_of(proto, laddr, lport), true, target);
}

/* ---------------------------------------------------------------- listing */

static int
place_compare(const void *a, const void *b)
{
	const struct masq_portfw_place *left = a, *right = b;

	if (left->rule->proto != right->rule->proto)
		return left->rule->proto == IPPROTO_UDP ? -1 : 1;
	if (left->stamp != right->stamp)
		return left->stamp < right->stamp ? -1 : 1;
	return left->position < right->position ? -1 : left->position > right->position;
}

uint32_t
masq_rules_portfw_rows(const struct masq_rules *rules, struct masq_portfw_row *rows, uint32_t max)
{
	const struct masq_portfw *portfw = &rules->portfw;
	uint32_t n = 0;

	for (uint32_t g = 0; g < portfw->n_groups; g++) {
		const struct masq_portfw_group *group = &portfw->groups[g];

		masq_turns_snapshot(group->turns, portfw->states);
		for (uint32_t i = 0; i < group->n_members; i++) {
			const struct masq_turns_state *state = &portfw->states[i];
			const struct masq_turns_member *member =
					&group->turns->members[state->member];

			portfw->places[n++] = (struct masq_portfw_place){
				.rule = &member->rule,
				.left = state->left,
				.position = portfw->order[group->first + member->rank],
				.stamp = state->stamp,
			};
		}
	}
	if (n > 0)
		qsort(portfw->places, n, sizeof(*portfw->places), place_compare);
	for (uint32_t i = 0; i < n && i < max; i++) {
		rows[i].rule = *portfw->places[i].rule;
		rows[i].pcnt = portfw->places[i].left;
	}
	return n;
}
