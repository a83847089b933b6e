/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_RULES_H
#define MASQ_TEST_RULES_H

/**
 * @file
 * Models of rules for tests, made by hand or by chance, without the command grammar.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf.h>

#include "masq_test_random.h"

/* RULE() gives the defaults of an empty command line; what follows them overrides. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define RULE(...)                                                                                 \
	{                                                                                         \
		.id = 1, .sport = { 0, UINT16_MAX }, .dport = { 0, UINT16_MAX }, .tos_and = 0xff, \
		__VA_ARGS__                                                                       \
	}
#define SRC(a, b, c, d, len) .src = MASQ_IP4(a, b, c, d), .src_mask = TEST_MASK(len)
#define DST(a, b, c, d, len) .dst = MASQ_IP4(a, b, c, d), .dst_mask = TEST_MASK(len)
#define TEST_MASK(len) ((len) == 0 ? 0 : UINT32_MAX << ((32 - (len)) & 31))
#define CALL(name) .target = MASQ_TARGET_CHAIN, .chain = name

static const char test_ports[][MASQ_CONF_NAME_BYTES] = { "lan", "wan", "wan1", "dmz" };
#define TEST_PORTS 4

static inline void *
test_model_grow(void *list, size_t n, size_t size)
{
	list = realloc(list, n * size);
	if (list == NULL)
		abort();
	return list;
}

/** Three empty chains, policy ACCEPT. */
static inline void
test_model_init(struct masq_conf_rules *model)
{
	static const char *const names[] = { "input", "forward", "output" };

	memset(model, 0, sizeof(*model));
	model->chains = calloc(MASQ_CHAIN_BUILTINS, sizeof(*model->chains));
	if (model->chains == NULL)
		abort();
	for (uint32_t i = 0; i < MASQ_CHAIN_BUILTINS; i++) {
		snprintf(model->chains[i].name, sizeof(model->chains[i].name), "%s", names[i]);
		model->chains[i].policy = MASQ_TARGET_ACCEPT;
		model->chains[i].policy_id = ++model->next_id;
	}
	model->n_chains = MASQ_CHAIN_BUILTINS;
}

static inline void
test_model_fini(struct masq_conf_rules *model)
{
	for (uint32_t i = 0; i < model->n_chains; i++)
		free(model->chains[i].rules);
	free(model->chains);
	free(model->portfw);
}

/** @return index of the new user chain */
static inline uint32_t
test_model_chain(struct masq_conf_rules *model, const char *name)
{
	struct masq_conf_chain *chain;

	model->chains = test_model_grow(model->chains, model->n_chains + 1, sizeof(*chain));
	chain = &model->chains[model->n_chains];
	memset(chain, 0, sizeof(*chain));
	snprintf(chain->name, sizeof(chain->name), "%.8s", name);
	return model->n_chains++;
}

/** Append a rule; it gets an id. */
static inline void
test_model_rule(struct masq_conf_rules *model, uint32_t chain, struct masq_conf_rule rule)
{
	struct masq_conf_chain *to = &model->chains[chain];

	if (to->n_rules == to->cap_rules) {
		to->cap_rules = to->cap_rules * 2 + 4;
		to->rules = test_model_grow(to->rules, to->cap_rules, sizeof(rule));
	}
	rule.id = ++model->next_id;
	to->rules[to->n_rules++] = rule;
}

/** Put a portfw rule at the head, as "portfw -a" does. @return its id */
static inline uint32_t
test_model_portfw(struct masq_conf_rules *model, struct masq_conf_portfw rule)
{
	model->portfw = test_model_grow(model->portfw, model->n_portfw + 1, sizeof(rule));
	memmove(model->portfw + 1, model->portfw, model->n_portfw * sizeof(rule));
	rule.id = ++model->next_id;
	model->portfw[0] = rule;
	model->n_portfw++;
	return rule.id;
}

#endif /* MASQ_TEST_RULES_H */
