/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large rule sets, made by chance from a seed, and flows that meet them.
 *
 * The rules stand in the forward chain: networks and hosts, port ranges, protocols, interfaces, one
 * condition in eight negated; nine in ten of them in user chains, which the forward chain calls for
 * parts of the inside network. Most say MASQ, one in five only counts; the policy says MASQ, so that
 * every packet goes out. Half of the flows are made to match one of the rules, the other half are of
 * the same networks, by chance.
 */
#include "bench_ruleset.h"

#include <netinet/in.h>

#include "masq_test_rules.h"

#define RULES_A_CHAIN 50

static uint32_t
inside_address(uint64_t *rnd)
{
	return MASQ_IP4(10, test_random_below(rnd, 8), test_random_below(rnd, 256),
			1 + test_random_below(rnd, 254));
}

static uint32_t
outside_address(uint64_t *rnd)
{
	return MASQ_IP4(198, 18, 0, 0) + test_random_below(rnd, 131072);
}

static struct masq_conf_rule
rule_by_chance(uint64_t *rnd)
{
	static const uint16_t services[] = { 22, 25, 53, 80, 110, 143, 443, 8080 };
	struct masq_conf_rule rule = RULE(.target = MASQ_TARGET_MASQ);

	rule.src_mask = TEST_MASK(16 + 4 * test_random_below(rnd, 5));
	rule.src = inside_address(rnd) & rule.src_mask;
	if (test_random_percent(rnd, 60)) {
		rule.dst_mask = TEST_MASK(16 + 8 * test_random_below(rnd, 3));
		rule.dst = outside_address(rnd) & rule.dst_mask;
	}
	rule.proto = test_random_percent(rnd, 70) ? IPPROTO_TCP : IPPROTO_UDP;
	if (test_random_percent(rnd, 60)) {
		rule.dport.lo = rule.dport.hi = services[test_random_below(rnd, 8)];
	} else if (test_random_percent(rnd, 50)) {
		rule.dport.lo = (uint16_t)test_random_below(rnd, 30000);
		rule.dport.hi = rule.dport.lo + (uint16_t)test_random_below(rnd, 30000);
	}
	if (test_random_percent(rnd, 20))
		rule.sport.lo = 1024;
	if (test_random_percent(rnd, 30))
		snprintf(rule.iface, sizeof(rule.iface), "%s",
				test_random_percent(rnd, 70) ? "wan" : "lan");
	if (test_random_percent(rnd, 20) && rule.dst_mask != 0)
		rule.inverse |= MASQ_INV_DST;
	if (test_random_percent(rnd, 10) && rule.dport.hi != UINT16_MAX)
		rule.inverse |= MASQ_INV_DPORT;
	if (test_random_percent(rnd, 10) && rule.iface[0] != '\0')
		rule.inverse |= MASQ_INV_IFACE;
	if (test_random_percent(rnd, 20))
		rule.target = MASQ_TARGET_NONE;
	return rule;
}

/* User chain number i is called for these inside addresses. */
static uint32_t
part_of(uint32_t i)
{
	return MASQ_IP4(10, i % 8, i / 8 % 32 * 8, 0);
}

void
bench_ruleset_make(struct masq_conf_rules *model, uint32_t n, uint64_t *rnd)
{
	static struct masq_conf_route route = {
		.dst = { MASQ_IP4(10, 0, 0, 0), 8 },
		.gateway = MASQ_IP4(192, 168, 1, 254),
	};
	uint32_t chains = n / RULES_A_CHAIN;

	test_model_init(model);
	model->routes = &route;
	model->n_routes = 1;
	masq_conf_timeouts_default(&model->timeouts);
	model->chains[MASQ_CHAIN_FORWARD].policy = MASQ_TARGET_MASQ;
	for (uint32_t i = 0; i < chains; i++) {
		struct masq_conf_rule call = RULE(.target = MASQ_TARGET_CHAIN);

		snprintf(call.chain, sizeof(call.chain), "c%u", i & 0xffff);
		call.src_mask = TEST_MASK(21);
		call.src = part_of(i);
		test_model_chain(model, call.chain);
		test_model_rule(model, MASQ_CHAIN_FORWARD, call);
	}
	for (uint32_t i = chains; i < n; i++) {
		uint32_t chain = MASQ_CHAIN_FORWARD;
		struct masq_conf_rule rule = rule_by_chance(rnd);

		if (chains > 0 && test_random_percent(rnd, 90)) {
			uint32_t user = test_random_below(rnd, chains);

			chain = MASQ_CHAIN_BUILTINS + user;
			rule.src = (part_of(user) | (inside_address(rnd) & 0x7ff)) & rule.src_mask;
		}
		test_model_rule(model, chain, rule);
	}
}

struct masq_tuple
bench_ruleset_flow(const struct masq_conf_rules *model, uint64_t *rnd)
{
	const struct masq_conf_chain *chain =
			&model->chains[test_random_below(rnd, model->n_chains)];
	uint32_t src = inside_address(rnd), dst = outside_address(rnd);
	uint16_t dport = (uint16_t)(1 + test_random_below(rnd, 10000));
	uint8_t proto = test_random_percent(rnd, 70) ? IPPROTO_TCP : IPPROTO_UDP;

	if (chain->n_rules == 0)
		chain = &model->chains[MASQ_CHAIN_FORWARD];
	if (test_random_percent(rnd, 50)) {
		const struct masq_conf_rule *rule =
				&chain->rules[test_random_below(rnd, chain->n_rules)];

		src = rule->src | (src & ~rule->src_mask);
		dst = rule->dst | (dst & ~rule->dst_mask);
		if (rule->dport.lo > 0)
			dport = rule->dport.lo;
		if (rule->proto != 0)
			proto = (uint8_t)rule->proto;
	}
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(src),
		.dst = rte_cpu_to_be_32(dst),
		.sport = rte_cpu_to_be_16((uint16_t)(1024 + test_random_below(rnd, 60000))),
		.dport = rte_cpu_to_be_16(dport),
		.proto = proto,
	};
}

void
bench_ruleset_free(struct masq_conf_rules *model)
{
	test_model_fini(model);
}
