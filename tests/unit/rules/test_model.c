/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The compiled rules against a plain reading of the model: rule sets and packets by chance, every
 * outcome compared in full. The reader below is reference 5.4 word for word: no index, no
 * precomputed bit, recursion where the text says "descend".
 *
 * The seed is printed on failure; MASQ_TEST_SEED=N runs that one.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <masq_rules.h>

#include "masq_test_rules.h"

/* ---------------------------------------------------------------- the plain reading */

struct reading {
	const struct masq_conf_rules *model;
	const struct masq_rules_input *packet;
	bool on_the_way[64]; /* chains */
	uint32_t first_slot[64];
	uint32_t n_rules;
	uint32_t slots[1 << 18];
	uint32_t n_slots;
	uint32_t mark;
	uint8_t tos;
	bool wants_log, depends_on_syn;
};

/* What a chain says: a verdict, or that its end was reached. */
#define CHAIN_ENDED (-1)

static bool
range_holds(struct masq_conf_range range, uint16_t port, bool negated, bool has_ports)
{
	bool any = range.lo == 0 && range.hi == UINT16_MAX;

	if (!has_ports)
		return any && !negated;
	return (port >= range.lo && port <= range.hi) != negated;
}

static bool
interface_holds(const struct masq_conf_rule *rule, uint8_t port)
{
	const char *name = port < TEST_PORTS ? test_ports[port] : "";
	bool holds = strcmp(rule->iface, name) == 0;

	if ((rule->flags & MASQ_RULE_IFACE_PREFIX) != 0)
		holds = strncmp(rule->iface, name, strlen(rule->iface)) == 0;
	if (rule->iface[0] == '\0')
		holds = true;
	return holds != ((rule->inverse & MASQ_INV_IFACE) != 0);
}

/* All but -y. */
static bool
rule_holds(const struct masq_conf_rule *rule, const struct masq_rules_input *p)
{
	uint8_t inv = rule->inverse;

	if (((p->src & rule->src_mask) == rule->src) == ((inv & MASQ_INV_SRC) != 0))
		return false;
	if (((p->dst & rule->dst_mask) == rule->dst) == ((inv & MASQ_INV_DST) != 0))
		return false;
	if (!interface_holds(rule, p->port))
		return false;
	if ((rule->flags & MASQ_RULE_FRAGMENT) != 0 && (inv & MASQ_INV_FRAGMENT) == 0)
		return false;
	if (rule->proto != 0 && (p->proto == rule->proto) == ((inv & MASQ_INV_PROTO) != 0))
		return false;
	if (!range_holds(rule->sport, p->sport, (inv & MASQ_INV_SPORT) != 0, p->has_ports))
		return false;
	if (!range_holds(rule->dport, p->dport, (inv & MASQ_INV_DPORT) != 0, p->has_ports))
		return false;
	return (rule->flags & MASQ_RULE_SYN) == 0 || p->has_ports;
}

static void
match(struct reading *r, const struct masq_conf_rule *rule, uint32_t slot)
{
	r->slots[r->n_slots++] = slot;
	r->wants_log |= (rule->flags & MASQ_RULE_LOG) != 0;
	r->tos = (r->tos & rule->tos_and) ^ rule->tos_xor;
	if (rule->has_mark && (rule->flags & MASQ_RULE_MARK_ABSOLUTE) != 0)
		r->mark = rule->mark;
	else if (rule->has_mark)
		r->mark += rule->mark;
}

static int
read_chain(struct reading *r, uint32_t chain)
{
	const struct masq_conf_chain *c = &r->model->chains[chain];
	int verdict = CHAIN_ENDED;

	if (r->on_the_way[chain])
		return MASQ_VERDICT_LOOP;
	r->on_the_way[chain] = true;
	for (uint32_t i = 0; i < c->n_rules && verdict == CHAIN_ENDED; i++) {
		const struct masq_conf_rule *rule = &c->rules[i];

		if (!rule_holds(rule, r->packet))
			continue;
		if ((rule->flags & MASQ_RULE_SYN) != 0) {
			r->depends_on_syn = true;
			if (r->packet->syn == ((rule->inverse & MASQ_INV_SYN) != 0))
				continue;
		}
		match(r, rule, r->first_slot[chain] + i);
		if (r->n_slots > 65536 + 4 * r->n_rules)
			return MASQ_VERDICT_LOOP;
		if (rule->target == MASQ_TARGET_RETURN)
			break;
		if (rule->target == MASQ_TARGET_ACCEPT)
			verdict = MASQ_VERDICT_ACCEPT;
		else if (rule->target == MASQ_TARGET_DENY)
			verdict = MASQ_VERDICT_DENY;
		else if (rule->target == MASQ_TARGET_REJECT)
			verdict = MASQ_VERDICT_REJECT;
		else if (rule->target == MASQ_TARGET_MASQ)
			verdict = MASQ_VERDICT_MASQ;
		else if (rule->target == MASQ_TARGET_CHAIN)
			for (uint32_t k = 3; k < r->model->n_chains; k++)
				if (strcmp(r->model->chains[k].name, rule->chain) == 0)
					verdict = read_chain(r, k);
	}
	r->on_the_way[chain] = false;
	return verdict;
}

static int
read_model(struct reading *r, const struct masq_conf_rules *model, uint32_t chain,
		const struct masq_rules_input *packet)
{
	int verdict;

	memset(r, 0, offsetof(struct reading, slots));
	r->n_slots = 0;
	r->mark = 1000;
	r->tos = packet->tos;
	r->wants_log = r->depends_on_syn = false;
	r->model = model;
	r->packet = packet;
	for (uint32_t i = 0; i < model->n_chains; i++) {
		r->first_slot[i] = r->n_rules;
		r->n_rules += model->chains[i].n_rules;
	}
	verdict = read_chain(r, chain);
	if (verdict == CHAIN_ENDED) {
		enum masq_conf_target policy = model->chains[chain].policy;

		r->slots[r->n_slots++] = r->n_rules + chain;
		verdict = policy == MASQ_TARGET_ACCEPT       ? MASQ_VERDICT_ACCEPT
				: policy == MASQ_TARGET_DENY ? MASQ_VERDICT_DENY
				: policy == MASQ_TARGET_MASQ ? MASQ_VERDICT_MASQ
							     : MASQ_VERDICT_REJECT;
	}
	if (verdict == MASQ_VERDICT_MASQ && chain != MASQ_CHAIN_FORWARD)
		verdict = MASQ_VERDICT_ACCEPT;
	return verdict;
}

/* ---------------------------------------------------------------- by chance */

/* Addresses and ports from a small world, so that rules and packets meet. */
static uint32_t
some_address(uint64_t *rnd)
{
	static const uint32_t corners[] = { 0, UINT32_MAX, MASQ_IP4(127, 255, 255, 255),
		MASQ_IP4(128, 0, 0, 0) };

	if (test_random_percent(rnd, 3))
		return corners[test_random_below(rnd, 4)];
	return MASQ_IP4(10 + test_random_below(rnd, 2), test_random_below(rnd, 4),
			test_random_below(rnd, 6), test_random_below(rnd, 16));
}

static uint32_t
some_mask(uint64_t *rnd)
{
	static const uint32_t holed[] = { MASQ_IP4(255, 0, 0, 255), MASQ_IP4(0, 0, 0, 15),
		MASQ_IP4(255, 255, 0, 3), MASQ_IP4(1, 2, 3, 5) };

	if (test_random_percent(rnd, 10))
		return holed[test_random_below(rnd, 4)];
	if (test_random_percent(rnd, 50))
		return UINT32_MAX;
	return TEST_MASK(test_random_below(rnd, 33));
}

static uint16_t
some_port(uint64_t *rnd)
{
	if (test_random_percent(rnd, 5))
		return test_random_percent(rnd, 50) ? UINT16_MAX : 0;
	return (uint16_t)(test_random_percent(rnd, 70) ? test_random_below(rnd, 32)
						       : test_random(rnd));
}

static uint8_t
some_proto(uint64_t *rnd)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47,
		255 };

	return protos[test_random_below(rnd, 6)];
}

static void
some_ports(uint64_t *rnd, struct masq_conf_range *range, uint8_t *inverse, uint8_t bit)
{
	uint16_t a = some_port(rnd), b = test_random_percent(rnd, 50) ? a : some_port(rnd);

	range->lo = a < b ? a : b;
	range->hi = a < b ? b : a;
	if (test_random_percent(rnd, 2)) { /* upside down */
		range->lo = range->hi + (range->hi < UINT16_MAX);
	}
	if (test_random_percent(rnd, 20))
		*inverse |= bit;
}

static void
some_target(uint64_t *rnd, struct masq_conf_rule *rule, const struct masq_conf_rules *model)
{
	static const enum masq_conf_target targets[] = { MASQ_TARGET_ACCEPT, MASQ_TARGET_DENY,
		MASQ_TARGET_REJECT, MASQ_TARGET_MASQ, MASQ_TARGET_RETURN };

	if (test_random_percent(rnd, 30))
		return;
	rule->target = targets[test_random_below(rnd, 5)];
	if (model->n_chains > 3 && test_random_percent(rnd, 40)) {
		uint32_t chain = 3 + test_random_below(rnd, model->n_chains - 3);

		rule->target = MASQ_TARGET_CHAIN;
		memcpy(rule->chain, model->chains[chain].name, sizeof(rule->chain));
	}
}

/* @param fussy	percent of conditions that are there */
static struct masq_conf_rule
some_rule(uint64_t *rnd, const struct masq_conf_rules *model, uint32_t fussy)
{
	struct masq_conf_rule rule = RULE(.mark = test_random(rnd));

	if (test_random_percent(rnd, fussy)) {
		rule.src_mask = some_mask(rnd);
		rule.src = some_address(rnd) & rule.src_mask;
		rule.inverse |= test_random_percent(rnd, 15) ? MASQ_INV_SRC : 0;
	}
	if (test_random_percent(rnd, fussy)) {
		rule.dst_mask = some_mask(rnd);
		rule.dst = some_address(rnd) & rule.dst_mask;
		rule.inverse |= test_random_percent(rnd, 15) ? MASQ_INV_DST : 0;
	}
	if (test_random_percent(rnd, fussy)) {
		rule.proto = test_random_percent(rnd, 2) ? 300 : some_proto(rnd);
		rule.inverse |= test_random_percent(rnd, 15) ? MASQ_INV_PROTO : 0;
	}
	if (test_random_percent(rnd, fussy / 2))
		some_ports(rnd, &rule.sport, &rule.inverse, MASQ_INV_SPORT);
	if (test_random_percent(rnd, fussy / 2))
		some_ports(rnd, &rule.dport, &rule.inverse, MASQ_INV_DPORT);
	if (test_random_percent(rnd, 20))
		rule.flags |= MASQ_RULE_SYN;
	rule.inverse |= test_random_percent(rnd, 50) ? MASQ_INV_SYN : 0;
	if (test_random_percent(rnd, 3))
		rule.flags |= MASQ_RULE_FRAGMENT;
	rule.inverse |= test_random_percent(rnd, 50) ? MASQ_INV_FRAGMENT : 0;
	if (test_random_percent(rnd, fussy / 2)) {
		memcpy(rule.iface, test_ports[test_random_below(rnd, TEST_PORTS)],
				sizeof(rule.iface));
		if (test_random_percent(rnd, 10))
			memcpy(rule.iface, "nic7", 5);
		rule.flags |= test_random_percent(rnd, 30) ? MASQ_RULE_IFACE_PREFIX : 0;
		rule.inverse |= test_random_percent(rnd, 20) ? MASQ_INV_IFACE : 0;
	}
	rule.has_mark = test_random_percent(rnd, 20);
	rule.flags |= test_random_percent(rnd, 30) ? MASQ_RULE_MARK_ABSOLUTE : 0;
	rule.flags |= test_random_percent(rnd, 2) ? MASQ_RULE_LOG : 0;
	if (test_random_percent(rnd, 10)) {
		rule.tos_and = (uint8_t)test_random(rnd);
		rule.tos_xor = (uint8_t)test_random(rnd);
	}
	some_target(rnd, &rule, model);
	return rule;
}

static void
some_model(uint64_t *rnd, struct masq_conf_rules *model, uint32_t n_chains, uint32_t n_rules,
		uint32_t fussy)
{
	test_model_init(model);
	for (uint32_t i = 0; i < n_chains; i++) {
		char name[16];

		snprintf(name, sizeof(name), "u%u", i);
		test_model_chain(model, name);
	}
	for (uint32_t i = 0; i < 3; i++)
		model->chains[i].policy = MASQ_TARGET_ACCEPT + test_random_below(rnd, 3);
	if (test_random_percent(rnd, 30))
		model->chains[MASQ_CHAIN_FORWARD].policy = MASQ_TARGET_MASQ;
	for (uint32_t i = 0; i < n_rules; i++)
		test_model_rule(model, test_random_below(rnd, model->n_chains),
				some_rule(rnd, model, fussy));
}

static struct masq_rules_input
some_packet(uint64_t *rnd)
{
	struct masq_rules_input packet = {
		.src = some_address(rnd),
		.dst = some_address(rnd),
		.sport = some_port(rnd),
		.dport = some_port(rnd),
		.proto = some_proto(rnd),
		.port = (uint8_t)test_random_below(rnd, TEST_PORTS + 1),
		.has_ports = !test_random_percent(rnd, 10),
		.tos = (uint8_t)test_random(rnd),
	};

	if (test_random_percent(rnd, 2))
		packet.port = 255;
	packet.syn = packet.has_ports && test_random_percent(rnd, 50);
	return packet;
}

/* Spread a model over all addresses and ports; few rules without conditions stay. */
static void
widen(uint64_t *rnd, struct masq_conf_rules *model)
{
	for (uint32_t c = 0; c < model->n_chains; c++) {
		for (uint32_t i = 0; i < model->chains[c].n_rules; i++) {
			struct masq_conf_rule *rule = &model->chains[c].rules[i];
			uint16_t lo = (uint16_t)test_random(rnd);

			rule->src_mask = TEST_MASK(20 + test_random_below(rnd, 13));
			rule->src = test_random(rnd) & rule->src_mask;
			rule->dst = test_random(rnd) & rule->dst_mask;
			rule->sport.lo = lo;
			rule->sport.hi = lo | (uint16_t)test_random_below(rnd, 256);
			rule->inverse &= (uint8_t) ~(MASQ_INV_SRC | MASQ_INV_SPORT);
			if (test_random_percent(rnd, 1))
				rule->inverse |= MASQ_INV_SRC;
		}
	}
}

/* A packet at the border of what a rule accepts, on this side or that. */
static void
aim(uint64_t *rnd, const struct masq_conf_rules *model, struct masq_rules_input *packet)
{
	const struct masq_conf_chain *chain =
			&model->chains[test_random_below(rnd, model->n_chains)];
	const struct masq_conf_rule *rule = &chain->rules[test_random_below(rnd, chain->n_rules)];

	packet->src = test_random_percent(rnd, 50) ? rule->src : rule->src | ~rule->src_mask;
	packet->dst = test_random_percent(rnd, 50) ? rule->dst : rule->dst | ~rule->dst_mask;
	packet->sport = test_random_percent(rnd, 50) ? rule->sport.lo : rule->sport.hi;
	packet->dport = rule->dport.lo;
	if (test_random_percent(rnd, 30))
		packet->src += test_random_below(rnd, 3) - 1;
	if (test_random_percent(rnd, 30))
		packet->sport += (uint16_t)(test_random_below(rnd, 3) - 1);
	if (rule->proto != 0 && rule->proto <= UINT8_MAX)
		packet->proto = (uint8_t)rule->proto;
}

/* ---------------------------------------------------------------- comparing */

static void
compare(struct reading *r, const struct masq_rules *rules, uint32_t chain, int verdict)
{
	struct masq_rules_result result;
	uint32_t first = 0, seen = 0;

	do {
		masq_rules_result_window(&result, first, NULL, 0);
		result.mark = 1000;
		assert_int_equal(masq_rules_eval(rules, chain, r->packet, &result), verdict);
		assert_int_equal(result.n_matches, r->n_slots);
		assert_memory_equal(result.rules, r->slots + first,
				result.n_rules * sizeof(result.rules[0]));
		seen += result.n_rules;
		first += MASQ_PATH_RULES_MAX;
	} while (result.overflow);
	assert_int_equal(seen, r->n_slots);
	assert_int_equal(result.mark, r->mark);
	assert_int_equal((r->packet->tos & result.tos_and) ^ result.tos_xor, r->tos);
	assert_int_equal(result.wants_log, r->wants_log);
	assert_int_equal(result.depends_on_syn, r->depends_on_syn);
}

struct size {
	uint32_t sets, packets, chains, rules, fussy;
	bool wide; /* so many addresses and ports that the index cannot tell all apart */
};

static const struct size sizes[] = {
	{ 4000, 60, 3, 12, 40, false },
	{ 600, 100, 0, 64, 60, false },
	{ 150, 100, 6, 150, 60, false },
	{ 30, 200, 20, 1000, 80, false },
	{ 4, 500, 50, 5000, 90, false },
	{ 2, 1000, 0, 9000, 97, false },
	{ 4, 4000, 10, 20000, 97, .wide = true },
};

static void
run(uint64_t seed, const struct size *size, struct reading *r)
{
	uint64_t rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	struct masq_err err = { "" };
	struct masq_conf_rules model;
	struct masq_rules *rules;

	some_model(&rnd, &model, size->chains, size->rules, size->fussy);
	if (size->wide)
		widen(&rnd, &model);
	rules = masq_rules_create(&model, test_ports, TEST_PORTS, NULL, &err);
	if (rules == NULL)
		fail_msg("%s", err.text);
	for (uint32_t i = 0; i < size->packets; i++) {
		struct masq_rules_input packet = some_packet(&rnd);
		uint32_t chain = test_random_below(&rnd, 3);

		if (size->wide)
			aim(&rnd, &model, &packet);
		compare(r, rules, chain, read_model(r, &model, chain, &packet));
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

static void
compiled_rules_do_what_the_model_says(void **state)
{
	static struct reading reading;
	const char *only = getenv("MASQ_TEST_SEED");
	uint64_t seed = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint32_t set = 0; set < sizes[i].sets; set++) {
			seed++;
			if (only != NULL && strtoull(only, NULL, 10) != seed)
				continue;
			*(uint64_t *)*state = seed;
			run(seed, &sizes[i], &reading);
		}
	}
	*(uint64_t *)*state = 0;
}

/* A comparison that fails leaves the test at once; only its seed stays. */
static int
print_seed(void **state)
{
	uint64_t seed = *(uint64_t *)*state;

	if (seed != 0)
		printf("failed at MASQ_TEST_SEED=%llu\n", (unsigned long long)seed);
	return 0;
}

int
main(void)
{
	uint64_t failing_seed = 0;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(compiled_rules_do_what_the_model_says,
				NULL, print_seed, &failing_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
