/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The compiler: from the model of lib/conf to one immutable object that workers read. It does
 *	beforehand what does not depend on the packet: which interfaces a name means, what a negated
 *	impossible condition comes to, which chain a name calls.
 * Words
 *	slot	counter of a rule or policy: the rules of all chains in the model's order, chain after
 *		chain, then the policies of the three built-in chains
 *	bit	the interfaces of a rule are a bit set; bit 63 is "an interface without a name", which
 *		only rules accept that name no interface, or exclude one
 *	never	a rule that no packet can match ("-f": packets are whole here; "! 0:65535"). It keeps
 *		its slot and has an empty set of interfaces
 * Data and who owns it
 *	struct masq_rules owns its rules, chains, classes and index; turns of portfw groups and their
 *	clock are shared between snapshots by reference count.
 * Life cycle
 *	The control thread creates it from a model, publishes it, and destroys it after the grace
 *	period that follows the publication of the next one.
 * Threads
 *	One control thread creates and destroys. Workers only read; what they write (turns) is
 *	atomic.
 * Reference
 *	5.2 and 5.4. Where the model can hold what the tools refuse: protocol 0 means "any", negated or
 *	not; an empty port range never holds, and its negation holds for every packet with ports.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_err.h>
#include <masq_rules.h>

#include "masq_index.h"
#include "masq_rules_priv.h"

struct chain_name {
	char name[MASQ_CONF_CHAIN_BYTES];
	uint32_t chain;
};

/* What the compiler looks things up in. */
struct compiler {
	const char (*port_names)[MASQ_CONF_NAME_BYTES];
	uint32_t n_ports;
	struct chain_name *names; /* sorted */
	uint32_t n_names;
	struct masq_err *err;
};

static int
chain_name_compare(const void *a, const void *b)
{
	const struct chain_name *left = a, *right = b;

	return strncmp(left->name, right->name, MASQ_CONF_CHAIN_BYTES);
}

static bool
port_name_fits(const struct masq_conf_rule *rule, const char *name)
{
	if ((rule->flags & MASQ_RULE_IFACE_PREFIX) != 0)
		return strncmp(rule->iface, name, strnlen(rule->iface, sizeof(rule->iface))) == 0;
	return strncmp(rule->iface, name, sizeof(rule->iface)) == 0;
}

static uint64_t
compile_interfaces(const struct compiler *c, const struct masq_conf_rule *rule)
{
	uint64_t ports = 0;

	if (rule->iface[0] == '\0')
		ports = UINT64_MAX;
	for (uint32_t i = 0; i < c->n_ports; i++) {
		if (port_name_fits(rule, c->port_names[i]))
			ports |= UINT64_C(1) << i;
	}
	return (rule->inverse & MASQ_INV_IFACE) != 0 ? ~ports : ports;
}

static void
compile_addresses(struct masq_rule *to, const struct masq_conf_rule *from)
{
	to->src = from->src & from->src_mask;
	to->src_mask = from->src_mask;
	to->dst = from->dst & from->dst_mask;
	to->dst_mask = from->dst_mask;
	if ((from->inverse & MASQ_INV_SRC) != 0)
		to->tests |= MASQ_TEST_NOT_SRC;
	if ((from->inverse & MASQ_INV_DST) != 0)
		to->tests |= MASQ_TEST_NOT_DST;
}

/* @return tests that the range needs; a range that nothing fits makes the rule a "never" */
static uint8_t
compile_range(struct masq_rule *to, struct masq_conf_range range, bool negated, uint8_t not_test,
		uint16_t *lo, uint16_t *span)
{
	bool full = range.lo == 0 && range.hi == UINT16_MAX;
	bool empty = range.lo > range.hi;

	*lo = 0;
	*span = UINT16_MAX;
	if (full && !negated)
		return 0;
	if ((full && negated) || (empty && !negated)) {
		to->ports = 0;
		return MASQ_TEST_HEADER;
	}
	if (empty)
		return MASQ_TEST_HEADER;
	*lo = range.lo;
	*span = range.hi - range.lo;
	return negated ? MASQ_TEST_HEADER | not_test : MASQ_TEST_HEADER;
}

static void
compile_ports(struct masq_rule *to, const struct masq_conf_rule *from)
{
	bool not_sport = (from->inverse & MASQ_INV_SPORT) != 0;
	bool not_dport = (from->inverse & MASQ_INV_DPORT) != 0;

	to->tests |= compile_range(to, from->sport, not_sport, MASQ_TEST_NOT_SPORT, &to->sport_lo,
			&to->sport_span);
	to->tests |= compile_range(to, from->dport, not_dport, MASQ_TEST_NOT_DPORT, &to->dport_lo,
			&to->dport_span);
}

static void
compile_proto(struct masq_rule *to, const struct masq_conf_rule *from)
{
	bool negated = (from->inverse & MASQ_INV_PROTO) != 0;

	if (from->proto == 0)
		return;
	if (from->proto > UINT8_MAX) { /* no packet has it: never; negated: no condition */
		if (!negated)
			to->ports = 0;
		return;
	}
	to->proto = (uint8_t)from->proto;
	to->tests |= MASQ_TEST_PROTO;
	if (negated)
		to->tests |= MASQ_TEST_NOT_PROTO;
}

static void
compile_flags(struct masq_rule *to, const struct masq_conf_rule *from)
{
	if ((from->flags & MASQ_RULE_SYN) != 0) {
		to->tests |= MASQ_TEST_SYN | MASQ_TEST_HEADER;
		to->wants_syn = (from->inverse & MASQ_INV_SYN) == 0;
	}
	if ((from->flags & MASQ_RULE_FRAGMENT) != 0 && (from->inverse & MASQ_INV_FRAGMENT) == 0)
		to->ports = 0;
}

static void
compile_effects(struct masq_rule *to, const struct masq_conf_rule *from)
{
	to->id = from->id;
	to->tos_and = from->tos_and;
	to->tos_xor = from->tos_xor;
	to->mark = from->mark;
	if ((from->flags & MASQ_RULE_LOG) != 0)
		to->effects |= MASQ_EFFECT_LOG;
	if (from->has_mark) {
		to->effects |= (from->flags & MASQ_RULE_MARK_ABSOLUTE) != 0 ? MASQ_EFFECT_MARK_SET
									    : MASQ_EFFECT_MARK_ADD;
	}
}

static int
compile_call(const struct compiler *c, struct masq_rule *to, const struct masq_conf_rule *from)
{
	struct chain_name key = { .chain = 0 };
	const struct chain_name *found;

	memcpy(key.name, from->chain, sizeof(key.name));
	found = bsearch(&key, c->names, c->n_names, sizeof(key), chain_name_compare);
	if (found == NULL)
		return masq_err_set(c->err, EINVAL,
				"a rule jumps to '%.8s', but there is no user chain of that name",
				from->chain);
	to->action = MASQ_ACTION_CALL;
	to->operand = found->chain;
	return 0;
}

static int
compile_target(const struct compiler *c, struct masq_rule *to, const struct masq_conf_rule *from)
{
	to->action = MASQ_ACTION_DECIDE;
	switch (from->target) {
	case MASQ_TARGET_NONE:
		to->action = MASQ_ACTION_NEXT;
		return 0;
	case MASQ_TARGET_ACCEPT:
		to->operand = MASQ_VERDICT_ACCEPT;
		return 0;
	case MASQ_TARGET_DENY:
		to->operand = MASQ_VERDICT_DENY;
		return 0;
	case MASQ_TARGET_REJECT:
		to->operand = MASQ_VERDICT_REJECT;
		return 0;
	case MASQ_TARGET_MASQ:
		to->operand = MASQ_VERDICT_MASQ;
		return 0;
	case MASQ_TARGET_RETURN:
		to->action = MASQ_ACTION_RETURN;
		return 0;
	case MASQ_TARGET_CHAIN:
		return compile_call(c, to, from);
	case MASQ_TARGET_REDIRECT:
		break;
	}
	return masq_err_set(c->err, EINVAL,
			"a rule has a target that is not supported; accepted: none, a user "
			"chain, ACCEPT, DENY, REJECT, MASQ and RETURN");
}

static int
compile_rule(const struct compiler *c, struct masq_rule *to, const struct masq_conf_rule *from)
{
	to->ports = compile_interfaces(c, from);
	compile_addresses(to, from);
	compile_ports(to, from);
	compile_proto(to, from);
	compile_flags(to, from);
	compile_effects(to, from);
	return compile_target(c, to, from);
}

static int
compile_policy(const struct compiler *c, struct masq_chain *to, const struct masq_conf_chain *from,
		uint32_t chain)
{
	to->policy_id = from->policy_id;
	if (from->policy == MASQ_TARGET_ACCEPT)
		to->policy = MASQ_VERDICT_ACCEPT;
	else if (from->policy == MASQ_TARGET_DENY)
		to->policy = MASQ_VERDICT_DENY;
	else if (from->policy == MASQ_TARGET_REJECT)
		to->policy = MASQ_VERDICT_REJECT;
	else if (from->policy == MASQ_TARGET_MASQ && chain == MASQ_CHAIN_FORWARD)
		to->policy = MASQ_VERDICT_MASQ;
	else
		return masq_err_set(c->err, EINVAL,
				"chain '%.8s' has an impossible policy; accepted: ACCEPT, DENY, "
				"REJECT and, in forward, MASQ",
				from->name);
	return 0;
}

/* Names of user chains only: a built-in chain cannot be called. */
static int
compiler_init(struct compiler *c, const struct masq_conf_rules *conf)
{
	c->n_names = conf->n_chains - MASQ_CHAIN_BUILTINS;
	c->names = calloc((size_t)c->n_names + 1, sizeof(*c->names));
	if (c->names == NULL)
		return masq_err_set(
				c->err, ENOMEM, "no memory for the names of %u chains", c->n_names);
	for (uint32_t i = 0; i < c->n_names; i++) {
		memcpy(c->names[i].name, conf->chains[MASQ_CHAIN_BUILTINS + i].name,
				sizeof(c->names[i].name));
		c->names[i].chain = MASQ_CHAIN_BUILTINS + i;
	}
	qsort(c->names, c->n_names, sizeof(*c->names), chain_name_compare);
	return 0;
}

static int
check_size(const struct masq_conf_rules *conf, uint32_t n_ports, uint32_t *n_rules,
		struct masq_err *err)
{
	uint64_t sum = 0;

	if (conf->n_chains < MASQ_CHAIN_BUILTINS || conf->n_chains > MASQ_RULES_CHAINS_MAX)
		return masq_err_set(err, EINVAL, "%u chains; accepted: 3 to %u", conf->n_chains,
				MASQ_RULES_CHAINS_MAX);
	if (n_ports > MASQ_RULES_PORTS_MAX)
		return masq_err_set(err, EINVAL, "%u interfaces; rules can tell at most %u apart",
				n_ports, MASQ_RULES_PORTS_MAX);
	for (uint32_t i = 0; i < conf->n_chains; i++)
		sum += conf->chains[i].n_rules;
	if (sum > MASQ_RULES_MAX)
		return masq_err_set(err, EINVAL,
				"%llu rules; all chains together may have at most %u",
				(unsigned long long)sum, MASQ_RULES_MAX);
	*n_rules = (uint32_t)sum;
	return 0;
}

static struct masq_rules *
rules_alloc(uint32_t n_rules, uint32_t n_chains)
{
	struct masq_rules *rules = calloc(1, sizeof(*rules));
	size_t size = ((size_t)n_rules + 1) * sizeof(*rules->rules);

	if (rules == NULL)
		return NULL;
	rules->rules = aligned_alloc(64, size);
	rules->chains = calloc(n_chains, sizeof(*rules->chains));
	if (rules->rules == NULL || rules->chains == NULL) {
		masq_rules_destroy(rules);
		return NULL;
	}
	memset(rules->rules, 0, size);
	rules->n_rules = n_rules;
	rules->n_chains = n_chains;
	rules->bytes = sizeof(*rules) + size + n_chains * sizeof(*rules->chains);
	return rules;
}

static int
compile_chains(const struct compiler *c, struct masq_rules *rules,
		const struct masq_conf_rules *conf)
{
	uint32_t slot = 0;
	int ret;

	for (uint32_t i = 0; i < conf->n_chains; i++) {
		const struct masq_conf_chain *from = &conf->chains[i];
		struct masq_chain *to = &rules->chains[i];

		if (i < MASQ_CHAIN_BUILTINS) {
			ret = compile_policy(c, to, from, i);
			if (ret != 0)
				return ret;
		}
		memcpy(to->name, from->name, sizeof(to->name));
		to->first = slot;
		for (uint32_t k = 0; k < from->n_rules; k++) {
			ret = compile_rule(c, &rules->rules[slot++], &from->rules[k]);
			if (ret != 0) {
				masq_err_prefix(c->err, "chain '%.8s', rule %u: ", from->name,
						k + 1);
				return ret;
			}
		}
		to->end = slot;
	}
	return 0;
}

struct masq_rules *
masq_rules_create(const struct masq_conf_rules *conf,
		const char (*port_names)[MASQ_CONF_NAME_BYTES], uint32_t n_ports,
		const struct masq_rules *previous, struct masq_err *err)
{
	struct compiler c = { .port_names = port_names, .n_ports = n_ports, .err = err };
	struct masq_rules *rules = NULL;
	uint32_t n_rules = 0;

	if (check_size(conf, n_ports, &n_rules, err) != 0 || compiler_init(&c, conf) != 0)
		return NULL;
	rules = rules_alloc(n_rules, conf->n_chains);
	if (rules == NULL) {
		masq_err_set(err, ENOMEM, "no memory for %u compiled rules", n_rules);
		goto fail;
	}
	rules->n_ports = n_ports;
	rules->matches_max = MASQ_RULES_MATCHES_MIN + 4 * n_rules;
	if (compile_chains(&c, rules, conf) != 0)
		goto fail;
	if (masq_classes_init(&rules->classes, rules) != 0) {
		masq_err_set(err, ENOMEM, "no memory for the classes of %u rules", n_rules);
		goto fail;
	}
	if (n_rules > 0) {
		rules->index = masq_index_create(rules->rules, n_rules);
		if (rules->index == NULL) {
			masq_err_set(err, ENOMEM, "no memory for the index of %u rules", n_rules);
			goto fail;
		}
		rules->bytes += rules->index->bytes;
	}
	if (masq_portfw_init(&rules->portfw, conf, previous == NULL ? NULL : &previous->portfw,
			    err) != 0)
		goto fail;
	rules->bytes += masq_portfw_bytes(&rules->portfw);
	free(c.names);
	return rules;

fail:
	free(c.names);
	masq_rules_destroy(rules);
	return NULL;
}

void
masq_rules_destroy(struct masq_rules *rules)
{
	if (rules == NULL)
		return;
	masq_portfw_fini(&rules->portfw);
	masq_index_destroy(rules->index);
	masq_classes_fini(&rules->classes);
	free(rules->chains);
	free(rules->rules);
	free(rules);
}

uint32_t
masq_rules_slots(const struct masq_rules *rules)
{
	return rules->n_rules + MASQ_CHAIN_BUILTINS;
}

uint32_t
masq_rules_slot_id(const struct masq_rules *rules, uint32_t slot)
{
	if (slot < rules->n_rules)
		return rules->rules[slot].id;
	slot -= rules->n_rules;
	return slot < MASQ_CHAIN_BUILTINS ? rules->chains[slot].policy_id : 0;
}

static const char *
target_name(const struct masq_rules *rules, const struct masq_rule *rule)
{
	static const char *const verdicts[] = {
		[MASQ_VERDICT_ACCEPT] = "ACCEPT",
		[MASQ_VERDICT_DENY] = "DENY",
		[MASQ_VERDICT_REJECT] = "REJECT",
		[MASQ_VERDICT_MASQ] = "MASQ",
		[MASQ_VERDICT_LOOP] = "DENY", /* of no rule */
	};

	switch (rule->action) {
	case MASQ_ACTION_RETURN:
		return "RETURN";
	case MASQ_ACTION_CALL:
		return rules->chains[rule->operand].name;
	case MASQ_ACTION_DECIDE:
		return verdicts[rule->operand];
	default:
		return "-";
	}
}

bool
masq_rules_slot_log(const struct masq_rules *rules, uint32_t slot, uint8_t *tos,
		struct masq_rules_place *place)
{
	const struct masq_rule *rule;
	uint32_t chain = 0;

	if (slot >= rules->n_rules) /* a policy */
		return false;
	rule = &rules->rules[slot];
	*tos = (*tos & rule->tos_and) ^ rule->tos_xor;
	if ((rule->effects & MASQ_EFFECT_LOG) == 0)
		return false;
	while (slot < rules->chains[chain].first || slot >= rules->chains[chain].end)
		chain++;
	memcpy(place->chain, rules->chains[chain].name, sizeof(place->chain));
	snprintf(place->target, sizeof(place->target), "%s", target_name(rules, rule));
	place->number = slot - rules->chains[chain].first + 1;
	return true;
}

uint64_t
masq_rules_bytes(const struct masq_rules *rules)
{
	return rules->bytes;
}
