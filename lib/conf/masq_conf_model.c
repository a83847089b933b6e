/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model: what the rules say, as plain data.
 *
 * What it is. struct masq_conf_rules holds the chains with their rules, the portfw list, the static
 * routes and the timeouts. This file creates, copies and frees it and answers the two questions
 * that need nothing but the data: which chain has a name, and which rules descend into it. Changes
 * are made by masq_conf_apply.c, whole files are read by masq_conf_load.c.
 *
 * Words. A chain is built in (input, forward, output: always chains[0..2]) or a user chain (after
 * them, in order of creation). An id identifies a rule, or the policy of a built-in chain, as long
 * as it exists, and is never assigned twice, because counters are kept by id. Id 0 is unused.
 *
 * Data and who owns it. The model owns its arrays; a rule holds no pointers, so it can be copied by
 * assignment. A chain stores its capacity; the other three arrays grow by doubling, so an array of
 * n elements always has room up to the next power of two (masq_conf_grow() allocates exactly when n
 * is one).
 *
 * Life cycle. init, any number of apply and load, fini. A failed init or copy leaves a zeroed
 * struct, which fini accepts.
 *
 * Threads. None of its own; the control thread owns a model. Copies are independent.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "masq_conf_priv.h"

#define FIRST_CAPACITY 4

int
masq_conf_grow(void **array, uint32_t n, size_t size, uint32_t max, const char *what,
		struct masq_err *err)
{
	size_t capacity = n < FIRST_CAPACITY ? FIRST_CAPACITY : (size_t)n * 2;
	void *bigger;

	if (n >= max)
		return masq_err_set(err, ENOSPC, "there are already %u %s, the most that are kept",
				n, what);
	if (*array != NULL && (n < FIRST_CAPACITY || (n & (n - 1)) != 0))
		return 0;
	bigger = reallocarray(*array, capacity, size);
	if (bigger == NULL)
		return masq_err_set(err, ENOMEM, "no memory for %zu %s", capacity, what);
	*array = bigger;
	return 0;
}

struct masq_conf_rule
masq_conf_rule_any(void)
{
	struct masq_conf_rule rule;

	memset(&rule, 0, sizeof(rule));
	rule.sport.hi = UINT16_MAX;
	rule.dport.hi = UINT16_MAX;
	rule.tos_and = 0xff;
	return rule;
}

int
masq_conf_rule_compare(const struct masq_conf_rule *a, const struct masq_conf_rule *b, bool marks)
{
	const uint8_t mark_flag = marks ? 0 : MASQ_RULE_MARK_ABSOLUTE;
	int order;

#define COMPARE(x, y)                              \
	do {                                       \
		if ((x) != (y))                    \
			return (x) < (y) ? -1 : 1; \
	} while (0)
	COMPARE(a->src, b->src);
	COMPARE(a->dst, b->dst);
	COMPARE(a->src_mask, b->src_mask);
	COMPARE(a->dst_mask, b->dst_mask);
	COMPARE(a->sport.lo, b->sport.lo);
	COMPARE(a->sport.hi, b->sport.hi);
	COMPARE(a->dport.lo, b->dport.lo);
	COMPARE(a->dport.hi, b->dport.hi);
	COMPARE(a->proto, b->proto);
	COMPARE(a->flags | mark_flag, b->flags | mark_flag);
	COMPARE(a->inverse, b->inverse);
	COMPARE(a->tos_and, b->tos_and);
	COMPARE(a->tos_xor, b->tos_xor);
	COMPARE(a->outsize, b->outsize);
	COMPARE(a->target, b->target);
	COMPARE(a->redirect_port, b->redirect_port);
	if (marks) {
		COMPARE(a->has_mark, b->has_mark);
		COMPARE(a->mark, b->mark);
	}
#undef COMPARE
	order = strcmp(a->iface, b->iface);
	return order != 0 ? order : strcmp(a->chain, b->chain);
}

void
masq_conf_timeouts_default(struct masq_conf_timeouts *timeouts)
{
	const struct masq_conf_timeout_name *names;
	unsigned int n;

	names = masq_conf_timeout_names(&n);
	for (unsigned int i = 0; i < n; i++)
		*masq_conf_timeout_at(timeouts, &names[i]) = names[i].fallback_s;
}

void
masq_conf_rules_defaults(struct masq_conf_rules *rules, const struct masq_conf_timeouts *timeouts)
{
	rules->default_timeouts = *timeouts;
	rules->timeouts = *timeouts;
}

int
masq_conf_rules_init(struct masq_conf_rules *rules)
{
	struct masq_conf_timeouts timeouts;

	memset(rules, 0, sizeof(*rules));
	rules->chains = calloc(FIRST_CAPACITY, sizeof(*rules->chains));
	if (rules->chains == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < MASQ_CHAIN_BUILTINS; i++) {
		struct masq_conf_chain *chain = &rules->chains[i];

		strcpy(chain->name, masq_conf_builtin_name((enum masq_conf_builtin)i));
		chain->policy = MASQ_TARGET_ACCEPT;
		chain->policy_id = ++rules->next_id;
	}
	rules->n_chains = MASQ_CHAIN_BUILTINS;
	masq_conf_timeouts_default(&timeouts);
	masq_conf_rules_defaults(rules, &timeouts);
	return 0;
}

void
masq_conf_rules_fini(struct masq_conf_rules *rules)
{
	if (rules == NULL)
		return;
	for (uint32_t i = 0; i < rules->n_chains; i++)
		free(rules->chains[i].rules);
	free(rules->chains);
	free(rules->portfw);
	free(rules->routes);
	memset(rules, 0, sizeof(*rules));
}

/* A copy of @p n elements with the capacity that masq_conf_grow() assumes. */
static int
array_copy(void **to, const void *from, uint32_t n, size_t size)
{
	size_t capacity = FIRST_CAPACITY;

	*to = NULL;
	if (n == 0)
		return 0;
	while (capacity < n)
		capacity *= 2;
	*to = calloc(capacity, size);
	if (*to == NULL)
		return -ENOMEM;
	memcpy(*to, from, n * size);
	return 0;
}

static int
chain_copy(struct masq_conf_chain *to, const struct masq_conf_chain *from)
{
	*to = *from;
	to->rules = NULL;
	to->cap_rules = from->n_rules;
	if (from->n_rules == 0)
		return 0;
	to->rules = calloc(from->n_rules, sizeof(*to->rules));
	if (to->rules == NULL)
		return -ENOMEM;
	memcpy(to->rules, from->rules, from->n_rules * sizeof(*to->rules));
	return 0;
}

int
masq_conf_rules_copy(struct masq_conf_rules *to, const struct masq_conf_rules *from)
{
	*to = *from;
	to->chains = NULL;
	to->portfw = NULL;
	to->routes = NULL;
	to->n_chains = 0; /* fini() frees as many chains as were copied */
	if (array_copy((void **)&to->chains, from->chains, from->n_chains, sizeof(*to->chains)) !=
					0 ||
			array_copy((void **)&to->portfw, from->portfw, from->n_portfw,
					sizeof(*to->portfw)) != 0 ||
			array_copy((void **)&to->routes, from->routes, from->n_routes,
					sizeof(*to->routes)) != 0)
		goto no_memory;
	for (uint32_t i = 0; i < from->n_chains; i++) {
		if (chain_copy(&to->chains[i], &from->chains[i]) != 0)
			goto no_memory;
		to->n_chains = i + 1;
	}
	return 0;

no_memory:
	masq_conf_rules_fini(to);
	return -ENOMEM;
}

int
masq_conf_chain_find(const struct masq_conf_rules *rules, const char *name)
{
	for (uint32_t i = 0; i < rules->n_chains; i++)
		if (strcmp(rules->chains[i].name, name) == 0)
			return (int)i;
	return -1;
}

uint32_t
masq_conf_chain_references(const struct masq_conf_rules *rules, uint32_t index)
{
	const char *name = rules->chains[index].name;
	uint32_t references = 0;

	for (uint32_t i = 0; i < rules->n_chains; i++) {
		const struct masq_conf_chain *chain = &rules->chains[i];

		for (uint32_t k = 0; k < chain->n_rules; k++)
			if (chain->rules[k].target == MASQ_TARGET_CHAIN &&
					strcmp(chain->rules[k].chain, name) == 0)
				references++;
	}
	return references;
}
