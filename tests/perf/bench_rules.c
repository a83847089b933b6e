/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a first packet pays for the chains: cycles of one masq_rules_eval() with 10 to 10 000 rules,
 * and how many times more 10 000 cost than 10. Fails when that is more than 10.
 *
 * Rule sets, by name:
 *	mixed	networks, hosts, port ranges, interfaces, protocols, 1 in 8 conditions negated;
 *		one tenth of the rules in the built-in chain, the others in user chains that it
 *		calls for parts of the network
 *	flat	the same kind of rules in one chain
 *	matrix	hosts x hosts x services in one chain: each condition alone says little
 *	single	one condition a rule: a source, a destination, a source port, a destination port
 *	syn	flat, every rule with -y
 *	holes	masks with holes
 * Packets: half of them made to match a rule of the set, the other half at random in its networks;
 * 4096 different ones in turn, so neither branches nor caches see the same one twice in a row.
 */

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include <masq_rules.h>

#include "masq_test_rules.h"

#define PACKETS 4096
#define ROUNDS 20
#define RATIO_MAX 10.0

enum kind {
	MIXED,
	FLAT,
	MATRIX,
	SINGLE,
	SYN,
	HOLES,
	KINDS
};

static const char *const kind_names[KINDS] = { "mixed", "flat", "matrix", "single", "syn",
	"holes" };
static const uint32_t sizes[] = { 10, 100, 1000, 10000 };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static uint32_t
inside_address(uint64_t *rnd)
{
	return MASQ_IP4(10, test_random_below(rnd, 8), test_random_below(rnd, 256),
			test_random_below(rnd, 256));
}

static void
some_conditions(uint64_t *rnd, struct masq_conf_rule *rule, uint32_t part)
{
	static const uint16_t services[] = { 22, 25, 53, 80, 110, 143, 443, 8080 };

	rule->src_mask = TEST_MASK(16 + 4 * test_random_below(rnd, 5));
	rule->src = (MASQ_IP4(10, part, 0, 0) | (inside_address(rnd) & 0xffff)) & rule->src_mask;
	if (test_random_percent(rnd, 60)) {
		rule->dst_mask = TEST_MASK(8 + 8 * test_random_below(rnd, 4));
		rule->dst = test_random(rnd) & rule->dst_mask;
	}
	rule->proto = test_random_percent(rnd, 70) ? IPPROTO_TCP : IPPROTO_UDP;
	if (test_random_percent(rnd, 60))
		rule->dport.lo = rule->dport.hi = services[test_random_below(rnd, 8)];
	else if (test_random_percent(rnd, 50)) {
		rule->dport.lo = (uint16_t)test_random_below(rnd, 30000);
		rule->dport.hi = rule->dport.lo + (uint16_t)test_random_below(rnd, 30000);
	}
	if (test_random_percent(rnd, 20))
		rule->sport.lo = 1024;
	if (test_random_percent(rnd, 30))
		memcpy(rule->iface, test_ports[test_random_below(rnd, TEST_PORTS)],
				sizeof(rule->iface));
	if (test_random_percent(rnd, 20) && rule->dst_mask != 0)
		rule->inverse |= MASQ_INV_DST;
	if (test_random_percent(rnd, 10) && rule->dport.hi != UINT16_MAX)
		rule->inverse |= MASQ_INV_DPORT;
	if (test_random_percent(rnd, 10) && rule->iface[0] != '\0')
		rule->inverse |= MASQ_INV_IFACE;
	if (test_random_percent(rnd, 95))
		rule->target = MASQ_TARGET_ACCEPT + test_random_below(rnd, 3);
}

static struct masq_conf_rule
rule_of(enum kind kind, uint64_t *rnd, uint32_t i, uint32_t n)
{
	struct masq_conf_rule rule = RULE(.target = MASQ_TARGET_ACCEPT);
	uint32_t side = n >= 1000 ? 40 : 4;

	switch (kind) {
	case MATRIX:
		rule.src_mask = rule.dst_mask = UINT32_MAX;
		rule.src = MASQ_IP4(10, 0, 0, i % side);
		rule.dst = MASQ_IP4(10, 1, 0, i / side % side);
		rule.proto = IPPROTO_TCP;
		rule.dport.lo = rule.dport.hi = (uint16_t)(80 + i / side / side);
		break;
	case SINGLE:
		if (i % 4 == 0) {
			rule.src_mask = UINT32_MAX;
			rule.src = inside_address(rnd);
		} else if (i % 4 == 1) {
			rule.dst_mask = UINT32_MAX;
			rule.dst = inside_address(rnd);
		} else {
			struct masq_conf_range *range = i % 4 == 2 ? &rule.sport : &rule.dport;

			rule.proto = IPPROTO_TCP;
			range->lo = range->hi = (uint16_t)test_random(rnd);
		}
		break;
	case HOLES:
		rule.src_mask = MASQ_IP4(255, 0, 255, 255);
		rule.src = inside_address(rnd) & rule.src_mask;
		break;
	case MIXED:
	case FLAT:
	case SYN:
	case KINDS:
		some_conditions(rnd, &rule, i % 8);
		if (kind == SYN) {
			rule.flags |= MASQ_RULE_SYN;
			rule.proto = IPPROTO_TCP;
		}
		break;
	}
	return rule;
}

static void
make_model(struct masq_conf_rules *model, enum kind kind, uint32_t n, uint64_t *rnd)
{
	uint32_t chains = kind == MIXED ? n / 50 : 0;
	uint32_t first = 0;

	test_model_init(model);
	for (uint32_t i = 0; i < chains; i++) {
		struct masq_conf_rule call = RULE(.target = MASQ_TARGET_CHAIN);

		snprintf(call.chain, sizeof(call.chain), "c%u", i & 0xffff);
		call.src_mask = TEST_MASK(21);
		call.src = MASQ_IP4(10, i % 8, i / 8 % 32 * 8, 0);
		test_model_chain(model, call.chain);
		test_model_rule(model, MASQ_CHAIN_FORWARD, call);
	}
	first = model->chains[MASQ_CHAIN_FORWARD].n_rules;
	for (uint32_t i = first; i < n; i++) {
		uint32_t chain = MASQ_CHAIN_FORWARD;
		struct masq_conf_rule rule = rule_of(kind, rnd, i, n);

		if (chains > 0 && test_random_percent(rnd, 90)) {
			uint32_t user = test_random_below(rnd, chains);

			chain = 3 + user;
			rule.src = MASQ_IP4(10, user % 8, user / 8 % 32 * 8, 0) |
					(inside_address(rnd) & 0x7ff);
			rule.src &= rule.src_mask;
		}
		test_model_rule(model, chain, rule);
	}
}

static struct masq_rules_input
packet_for(uint64_t *rnd, const struct masq_conf_rules *model)
{
	struct masq_rules_input packet = {
		.src = inside_address(rnd),
		.dst = inside_address(rnd),
		.sport = (uint16_t)(1024 + test_random_below(rnd, 60000)),
		.dport = (uint16_t)test_random_below(rnd, 10000),
		.proto = test_random_percent(rnd, 70) ? IPPROTO_TCP : IPPROTO_UDP,
		.port = (uint8_t)test_random_below(rnd, TEST_PORTS),
		.has_ports = true,
	};
	const struct masq_conf_chain *chain;
	const struct masq_conf_rule *rule;

	packet.syn = packet.proto == IPPROTO_TCP;
	chain = &model->chains[test_random_below(rnd, model->n_chains)];
	if (chain->n_rules == 0)
		chain = &model->chains[MASQ_CHAIN_FORWARD];
	if (test_random_percent(rnd, 50))
		return packet;
	rule = &chain->rules[test_random_below(rnd, chain->n_rules)];
	packet.src = rule->src | (packet.src & ~rule->src_mask);
	packet.dst = rule->dst | (packet.dst & ~rule->dst_mask);
	if (rule->dport.hi - rule->dport.lo < 65535)
		packet.dport = rule->dport.lo;
	if (rule->proto != 0)
		packet.proto = (uint8_t)rule->proto;
	return packet;
}

/* @return cycles of one evaluation: the best of several rounds over all packets */
static double
measure(const struct masq_rules *rules, const struct masq_rules_input *packets, double *matches)
{
	uint64_t best = UINT64_MAX, sum = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint64_t begin = rte_rdtsc_precise();

		for (uint32_t i = 0; i < PACKETS; i++) {
			struct masq_rules_result result;

			masq_rules_result_init(&result);
			masq_rules_eval(rules, MASQ_CHAIN_FORWARD, &packets[i], &result);
			sum += result.n_matches;
		}
		begin = rte_rdtsc_precise() - begin;
		best = begin < best ? begin : best;
	}
	*matches = (double)sum / ROUNDS / PACKETS;
	return (double)best / PACKETS;
}

static double
bench(enum kind kind, uint32_t n)
{
	static struct masq_rules_input packets[PACKETS];
	uint64_t rnd = 0x1234567 + n;
	struct masq_conf_rules model;
	struct masq_rules *rules;
	struct masq_err err = { "" };
	struct timespec from, to;
	double cycles, matches;

	make_model(&model, kind, n, &rnd);
	clock_gettime(CLOCK_MONOTONIC, &from);
	rules = masq_rules_create(&model, test_ports, TEST_PORTS, NULL, &err);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (rules == NULL) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	for (uint32_t i = 0; i < PACKETS; i++)
		packets[i] = packet_for(&rnd, &model);
	cycles = measure(rules, packets, &matches);
	printf("%-8s %7u %10.0f %9.2f %9.2f %9" PRIu64 "\n", kind_names[kind], n, cycles, matches,
			(double)(to.tv_sec - from.tv_sec) * 1e3 +
					(double)(to.tv_nsec - from.tv_nsec) / 1e6,
			masq_rules_bytes(rules) / 1024);
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return cycles;
}

int
main(void)
{
	bool good = true;

	printf("%-8s %7s %10s %9s %9s %9s\n", "set", "rules", "cycles", "matches", "build ms",
			"KB");
	for (enum kind kind = MIXED; kind < KINDS; kind++) {
		double ten = 0, cycles = 0;

		for (size_t i = 0; i < SIZES; i++) {
			cycles = bench(kind, sizes[i]);
			if (i == 0)
				ten = cycles;
		}
		printf("%-8s 10000 rules cost %.1f times 10 rules (at most %.0f)\n\n",
				kind_names[kind], cycles / ten, RATIO_MAX);
		good &= cycles / ten <= RATIO_MAX;
	}
	return good ? 0 : 1;
}
