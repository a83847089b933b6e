/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Apply one command to a model.
 *
 * What it is. One function per verb, chosen by a table. Each checks everything first, makes room
 * next, and changes the model last, so a command that fails leaves the model unchanged.
 *
 * Where the commands are specified. Chains: reference 5.1 and 5.4; refusals have the texts of 5.3,
 * word for word, since scripts and people know them. An unknown chain has two texts: "No target by
 * that name" when a rule is added (the kernel made one check for chain and target), else "No chain
 * by that name", which is also what -D with a number says if the number is too high. portfw:
 * reference 2.2; a zero in a request is a wildcard; an add edits the rules that match, or puts a
 * new one at the head if none does; a delete removes all that match. Errors that the original did
 * not report are reported here.
 *
 * Ids. A new rule gets the next id; a rule that stays in place, or only moves because another one
 * comes or goes, keeps its own. An edited portfw rule keeps its id and counts the edit.
 *
 * Threads. The control thread; nothing is shared, nothing blocks.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "masq_conf_priv.h"

#define NO_TARGET "No target by that name"
#define NO_CHAIN "No chain by that name"
#define BAD_RULE "bad rule (does a matching rule exist in that chain?)"

static int
no_target(const struct masq_conf_rule *rule, struct masq_err *err)
{
	return masq_err_set(err, ENOENT, "%s%s", NO_TARGET,
			rule->target == MASQ_TARGET_MASQ
					? " (Maybe this kernel doesn't support masquerading?)"
					: "");
}

static struct masq_conf_chain *
chain_named(const struct masq_conf_rules *rules, const char *name)
{
	int index = masq_conf_chain_find(rules, name);

	return index < 0 ? NULL : &rules->chains[index];
}

/* ---------------------------------------------------------------- rules of chains */

/* Find the chain for a rule to be added, after checking the rule completely. */
static int
rule_place(const struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_conf_chain **chain, struct masq_err *err)
{
	int target, ret;

	*chain = chain_named(rules, command->chain);
	if (*chain == NULL)
		return no_target(&command->rule, err);
	ret = masq_conf_rule_check(command->chain, &command->rule, err);
	if (ret != 0 || command->rule.target != MASQ_TARGET_CHAIN)
		return ret;
	target = masq_conf_chain_find(rules, command->rule.chain);
	if (target < MASQ_CHAIN_BUILTINS) /* unknown, or a built-in chain */
		return no_target(&command->rule, err);
	return 0;
}

static int
chain_make_room(struct masq_conf_chain *chain, struct masq_err *err)
{
	struct masq_conf_rule *bigger;
	uint32_t capacity = chain->cap_rules == 0 ? 4 : chain->cap_rules * 2;

	if (chain->n_rules >= MASQ_CONF_CHAIN_RULES_MAX)
		return masq_err_set(err, ENOSPC,
				"chain `%s' already has %u rules, the most it can hold",
				chain->name, chain->n_rules);
	if (chain->n_rules < chain->cap_rules)
		return 0;
	bigger = reallocarray(chain->rules, capacity, sizeof(*bigger));
	if (bigger == NULL)
		return masq_err_set(err, ENOMEM, "no memory for %u rules", capacity);
	chain->rules = bigger;
	chain->cap_rules = capacity;
	return 0;
}

static int
rule_put(struct masq_conf_rules *rules, struct masq_conf_chain *chain, uint32_t at,
		const struct masq_conf_rule *rule, struct masq_err *err)
{
	int ret = chain_make_room(chain, err);

	if (ret != 0)
		return ret;
	memmove(&chain->rules[at + 1], &chain->rules[at],
			(chain->n_rules - at) * sizeof(chain->rules[0]));
	chain->rules[at] = *rule;
	chain->rules[at].id = ++rules->next_id;
	chain->n_rules++;
	return 0;
}

static void
rule_take(struct masq_conf_chain *chain, uint32_t at)
{
	chain->n_rules--;
	memmove(&chain->rules[at], &chain->rules[at + 1],
			(chain->n_rules - at) * sizeof(chain->rules[0]));
}

static int
apply_append(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_chain *chain;
	int ret = rule_place(rules, command, &chain, err);

	return ret != 0 ? ret : rule_put(rules, chain, chain->n_rules, &command->rule, err);
}

static int
apply_insert(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_chain *chain;
	int ret = rule_place(rules, command, &chain, err);

	if (ret != 0)
		return ret;
	if (command->number == 0 || command->number > chain->n_rules + 1)
		return masq_err_set(err, EINVAL, BAD_RULE);
	return rule_put(rules, chain, command->number - 1, &command->rule, err);
}

static int
apply_replace(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_chain *chain;
	int ret = rule_place(rules, command, &chain, err);

	if (ret != 0)
		return ret;
	if (command->number == 0 || command->number > chain->n_rules)
		return masq_err_set(err, EINVAL, BAD_RULE);
	chain->rules[command->number - 1] = command->rule;
	chain->rules[command->number - 1].id = ++rules->next_id;
	return 0;
}

static int
apply_delete(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_chain *chain = chain_named(rules, command->chain);

	if (chain == NULL)
		return masq_err_set(err, ENOENT, NO_CHAIN);
	for (uint32_t i = 0; i < chain->n_rules; i++)
		if (masq_conf_rule_compare(&chain->rules[i], &command->rule, false) == 0) {
			rule_take(chain, i);
			return 0;
		}
	return masq_err_set(err, ENOENT, BAD_RULE);
}

static int
apply_delete_number(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_chain *chain = chain_named(rules, command->chain);

	if (chain == NULL || command->number == 0 || command->number > chain->n_rules)
		return masq_err_set(err, ENOENT, NO_CHAIN);
	rule_take(chain, command->number - 1);
	return 0;
}

/* ---------------------------------------------------------------- chains */

static void
chain_flush(struct masq_conf_chain *chain)
{
	free(chain->rules);
	chain->rules = NULL;
	chain->n_rules = 0;
	chain->cap_rules = 0;
}

static int
apply_flush(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_chain *chain;

	if (command->chain[0] == '\0') {
		for (uint32_t i = 0; i < rules->n_chains; i++)
			chain_flush(&rules->chains[i]);
		return 0;
	}
	chain = chain_named(rules, command->chain);
	if (chain == NULL)
		return masq_err_set(err, ENOENT, NO_CHAIN);
	chain_flush(chain);
	return 0;
}

static int
apply_new(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	int ret = masq_conf_chain_name_check(command->chain, err);

	if (ret != 0)
		return ret;
	if (masq_conf_chain_find(rules, command->chain) >= 0)
		return masq_err_set(err, EEXIST, "Chain already exists");
	if (masq_conf_target_find(command->chain) >= 0)
		return masq_err_set(err, EINVAL, "`%s' is the name of a target, not of a chain",
				command->chain);
	ret = masq_conf_grow((void **)&rules->chains, rules->n_chains, sizeof(*rules->chains),
			MASQ_CONF_CHAINS_MAX, "chains", err);
	if (ret != 0)
		return ret;
	memset(&rules->chains[rules->n_chains], 0, sizeof(*rules->chains));
	strcpy(rules->chains[rules->n_chains].name, command->chain);
	rules->n_chains++;
	return 0;
}

static int
chain_may_go(const struct masq_conf_rules *rules, uint32_t index, struct masq_err *err)
{
	if (index < MASQ_CHAIN_BUILTINS || masq_conf_chain_references(rules, index) != 0)
		return masq_err_set(err, EBUSY, "Device or resource busy");
	if (rules->chains[index].n_rules != 0)
		return masq_err_set(err, ENOTEMPTY, "Chain is not empty");
	return 0;
}

static int
apply_remove(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	uint32_t first = MASQ_CHAIN_BUILTINS, end = rules->n_chains;
	int ret;

	if (command->chain[0] != '\0') {
		int index = masq_conf_chain_find(rules, command->chain);

		if (index < 0)
			return masq_err_set(err, ENOENT, NO_CHAIN);
		first = (uint32_t)index;
		end = first + 1;
	}
	for (uint32_t i = first; i < end; i++)
		if ((ret = chain_may_go(rules, i, err)) != 0)
			return ret;
	for (uint32_t i = first; i < end; i++)
		chain_flush(&rules->chains[i]);
	memmove(&rules->chains[first], &rules->chains[end],
			(rules->n_chains - end) * sizeof(rules->chains[0]));
	rules->n_chains -= end - first;
	return 0;
}

static int
apply_policy(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	int index = masq_conf_chain_find(rules, command->chain), ret;

	if (index < 0)
		return masq_err_set(err, ENOENT, NO_CHAIN);
	if (index >= MASQ_CHAIN_BUILTINS)
		return masq_err_set(err, EINVAL,
				"chain `%s' has no policy; chains that have one: input, forward, output",
				command->chain);
	ret = masq_conf_policy_check(command->chain, command->policy, err);
	if (ret == 0)
		rules->chains[index].policy = command->policy;
	return ret;
}

/* ---------------------------------------------------------------- portfw */

/* Zero in the request is a wildcard; protocol and local port are always given. */
static bool
portfw_matches(const struct masq_conf_portfw *request, const struct masq_conf_portfw *rule)
{
	return request->proto == rule->proto && request->lport == rule->lport &&
			(request->laddr == 0 || request->laddr == rule->laddr) &&
			(request->raddr == 0 || request->raddr == rule->raddr) &&
			(request->rport == 0 || request->rport == rule->rport);
}

static int
apply_portfw_add(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	const struct masq_conf_portfw *request = &command->portfw;
	bool edited = false;
	int ret = masq_conf_portfw_check(request, true, err);

	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < rules->n_portfw; i++)
		if (portfw_matches(request, &rules->portfw[i])) {
			rules->portfw[i].pref = request->pref;
			rules->portfw[i].edit++;
			edited = true;
		}
	if (edited)
		return 0;
	ret = masq_conf_grow((void **)&rules->portfw, rules->n_portfw, sizeof(*rules->portfw),
			MASQ_CONF_PORTFW_MAX, "forwardings", err);
	if (ret != 0)
		return ret;
	memmove(&rules->portfw[1], &rules->portfw[0], rules->n_portfw * sizeof(*rules->portfw));
	rules->portfw[0] = *request;
	rules->portfw[0].id = ++rules->next_id;
	rules->portfw[0].edit = 0;
	rules->n_portfw++;
	return 0;
}

static int
apply_portfw_delete(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	const struct masq_conf_portfw *request = &command->portfw;
	char text[MASQ_IP4_TEXT_BYTES];
	uint32_t kept = 0;
	int ret = masq_conf_portfw_check(request, false, err);

	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < rules->n_portfw; i++)
		if (!portfw_matches(request, &rules->portfw[i]))
			rules->portfw[kept++] = rules->portfw[i];
	if (kept == rules->n_portfw)
		return masq_err_set(err, ESRCH, "no %s forwarding rule for %s:%u matches",
				request->proto == IPPROTO_TCP ? "tcp" : "udp",
				masq_ip4_text(request->laddr, text), request->lport);
	rules->n_portfw = kept;
	return 0;
}

static int
apply_portfw_flush(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	(void)command;
	(void)err;
	free(rules->portfw);
	rules->portfw = NULL;
	rules->n_portfw = 0;
	return 0;
}

/* ---------------------------------------------------------------- routes, timeouts */

static int
apply_route_add(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	const struct masq_conf_route *route = &command->route;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];
	int ret = masq_conf_route_check(route, true, err);

	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < rules->n_routes; i++)
		if (rules->routes[i].dst.addr == route->dst.addr &&
				rules->routes[i].dst.len == route->dst.len)
			return masq_err_set(err, EEXIST,
					"there is already a route to %s; delete it first",
					masq_conf_route_text(route->dst, text));
	ret = masq_conf_grow((void **)&rules->routes, rules->n_routes, sizeof(*rules->routes),
			MASQ_CONF_ROUTES_MAX, "routes", err);
	if (ret != 0)
		return ret;
	rules->routes[rules->n_routes++] = *route;
	return 0;
}

static int
apply_route_delete(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	const struct masq_conf_route *request = &command->route;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];
	int ret = masq_conf_route_check(request, false, err);

	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < rules->n_routes; i++) {
		const struct masq_conf_route *route = &rules->routes[i];

		if (route->dst.addr != request->dst.addr || route->dst.len != request->dst.len ||
				(request->gateway != 0 && request->gateway != route->gateway) ||
				(request->port[0] != '\0' &&
						strcmp(request->port, route->port) != 0))
			continue;
		rules->n_routes--;
		memmove(&rules->routes[i], &rules->routes[i + 1],
				(rules->n_routes - i) * sizeof(*route));
		return 0;
	}
	return masq_err_set(err, ESRCH, "no static route to %s matches",
			masq_conf_route_text(request->dst, text));
}

static int
apply_timeout_set(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	struct masq_conf_timeouts wanted = command->timeouts;
	const struct masq_conf_timeout_name *names;
	unsigned int n;

	names = masq_conf_timeout_names(&n);
	for (unsigned int i = 0; i < n; i++)
		if (*masq_conf_timeout_at(&wanted, &names[i]) > MASQ_CONF_TIMEOUT_MAX_S)
			return masq_err_set(err, EINVAL,
					"timeout %s of %u s is too long; accepted: 1-%u",
					names[i].word, *masq_conf_timeout_at(&wanted, &names[i]),
					MASQ_CONF_TIMEOUT_MAX_S);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t seconds = *masq_conf_timeout_at(&wanted, &names[i]);

		if (seconds != 0)
			*masq_conf_timeout_at(&rules->timeouts, &names[i]) = seconds;
	}
	return 0;
}

/* ---------------------------------------------------------------- the table */

#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

typedef int (*apply_fn)(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err);

int
masq_conf_rules_apply(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err)
{
	static const apply_fn apply[MASQ_VERB_COUNT] = {
		[MASQ_VERB_CHAIN_APPEND] = apply_append,
		[MASQ_VERB_CHAIN_INSERT] = apply_insert,
		[MASQ_VERB_CHAIN_REPLACE] = apply_replace,
		[MASQ_VERB_CHAIN_DELETE] = apply_delete,
		[MASQ_VERB_CHAIN_DELETE_NUMBER] = apply_delete_number,
		[MASQ_VERB_CHAIN_FLUSH] = apply_flush,
		[MASQ_VERB_CHAIN_NEW] = apply_new,
		[MASQ_VERB_CHAIN_REMOVE] = apply_remove,
		[MASQ_VERB_CHAIN_POLICY] = apply_policy,
		[MASQ_VERB_PORTFW_ADD] = apply_portfw_add,
		[MASQ_VERB_PORTFW_DELETE] = apply_portfw_delete,
		[MASQ_VERB_PORTFW_FLUSH] = apply_portfw_flush,
		[MASQ_VERB_ROUTE_ADD] = apply_route_add,
		[MASQ_VERB_ROUTE_DELETE] = apply_route_delete,
		[MASQ_VERB_TIMEOUT_SET] = apply_timeout_set,
	};

	if ((unsigned int)command->verb >= MASQ_VERB_COUNT || apply[command->verb] == NULL)
		return masq_err_set(err, EINVAL, "unknown verb %d", (int)command->verb);
	if (!TERMINATED(command->chain) || !TERMINATED(command->rule.chain))
		return masq_err_set(err, EINVAL, "chain name is longer than %d characters",
				MASQ_CONF_CHAIN_BYTES - 1);
	if (!TERMINATED(command->rule.iface) || !TERMINATED(command->route.port))
		return masq_err_set(err, EINVAL, "port name is longer than %d characters",
				MASQ_CONF_NAME_BYTES - 1);
	return apply[command->verb](rules, command, err);
}
