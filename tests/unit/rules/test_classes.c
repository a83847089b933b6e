/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes: what a class holds together no rule can tell apart. By chance: small rule sets, pairs of
 * packets near their limits; packets of the same classes must get the same verdict by the same rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <masq_rules.h>
#include <masq_test_rules.h>

static struct masq_rules *
compile(const struct masq_conf_rules *model)
{
	struct masq_err err = { "" };
	struct masq_rules *rules = masq_rules_create(model, test_ports, TEST_PORTS, NULL, &err);

	assert_string_equal(err.text, "");
	assert_non_null(rules);
	return rules;
}

static uint32_t
some_address(uint64_t *rnd)
{
	static const uint32_t near[] = { 0, MASQ_IP4(10, 0, 0, 0), MASQ_IP4(10, 0, 1, 0),
		MASQ_IP4(192, 168, 16, 27), MASQ_IP4(209, 81, 8, 0), MASQ_IP4(255, 0, 0, 0) };

	uint32_t address = near[test_random_below(rnd, 6)] + test_random_below(rnd, 3) - 1;

	/* The parser lets nobody be 255.255.255.255, so classes need not know it. */
	return address != UINT32_MAX ? address : 0;
}

static uint16_t
some_port(uint64_t *rnd)
{
	static const uint16_t near[] = { 1, 80, 443, 6000, 65534 };

	return (uint16_t)(near[test_random_below(rnd, 5)] + test_random_below(rnd, 3) - 1);
}

static struct masq_conf_range
some_range(uint64_t *rnd)
{
	uint16_t a = some_port(rnd), b = some_port(rnd);

	if (test_random_percent(rnd, 50))
		return (struct masq_conf_range){ 0, UINT16_MAX };
	return (struct masq_conf_range){ a < b ? a : b, a < b ? b : a };
}

static struct masq_conf_rule
some_rule(uint64_t *rnd, bool may_call)
{
	static const uint8_t lens[] = { 0, 0, 8, 24, 31, 32 };
	struct masq_conf_rule rule = RULE(.src = some_address(rnd), .dst = some_address(rnd));

	rule.src_mask = TEST_MASK(lens[test_random_below(rnd, 6)]);
	rule.dst_mask = TEST_MASK(lens[test_random_below(rnd, 6)]);
	rule.sport = some_range(rnd);
	rule.dport = some_range(rnd);
	rule.proto = test_random_percent(rnd, 50) ? 0 : 6;
	if (test_random_percent(rnd, 30))
		rule.inverse = (uint8_t)test_random(rnd) &
				(MASQ_INV_SRC | MASQ_INV_DST | MASQ_INV_SPORT | MASQ_INV_DPORT);
	rule.target = test_random_percent(rnd, 60) ? MASQ_TARGET_NONE : MASQ_TARGET_DENY;
	if (may_call && test_random_percent(rnd, 20)) {
		rule.target = MASQ_TARGET_CHAIN;
		memcpy(rule.chain, "user", 5);
	}
	return rule;
}

static struct masq_rules_input
some_packet(uint64_t *rnd)
{
	return (struct masq_rules_input){
		.src = some_address(rnd),
		.dst = some_address(rnd),
		.sport = some_port(rnd),
		.dport = some_port(rnd),
		.proto = 6,
		.has_ports = true,
	};
}

/* Another packet that differs in some fields. */
static struct masq_rules_input
another(uint64_t *rnd, const struct masq_rules_input *packet)
{
	struct masq_rules_input other = some_packet(rnd), mixed = *packet;
	uint32_t which = test_random(rnd);

	if ((which & 1) != 0)
		mixed.src = other.src;
	if ((which & 2) != 0)
		mixed.dst = other.dst;
	if ((which & 4) != 0)
		mixed.sport = other.sport;
	if ((which & 8) != 0)
		mixed.dport = other.dport;
	return mixed;
}

static uint32_t
classes_of(const struct masq_rules *rules, const struct masq_rules_input *p)
{
	struct masq_tuple tuple = {
		.src = rte_cpu_to_be_32(p->src),
		.dst = rte_cpu_to_be_32(p->dst),
		.sport = rte_cpu_to_be_16(p->sport),
		.dport = rte_cpu_to_be_16(p->dport),
		.proto = p->proto,
	};

	return masq_classes_of(masq_rules_classes(rules), &tuple);
}

static void
assert_same_way(const struct masq_rules *rules, const struct masq_rules_input *a,
		const struct masq_rules_input *b)
{
	for (unsigned int chain = 0; chain < MASQ_CHAIN_BUILTINS; chain++) {
		struct masq_rules_result x, y;

		masq_rules_result_init(&x);
		masq_rules_result_init(&y);
		assert_int_equal(masq_rules_eval(rules, chain, a, &x),
				masq_rules_eval(rules, chain, b, &y));
		assert_int_equal(x.n_rules, y.n_rules);
		assert_memory_equal(x.rules, y.rules, x.n_rules * sizeof(x.rules[0]));
	}
}

static void
rules_treat_a_class_alike(void **state)
{
	uint64_t rnd = 20261124;
	unsigned int together = 0;

	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		struct masq_conf_rules model;
		struct masq_rules *rules;
		uint32_t user;

		test_model_init(&model);
		user = test_model_chain(&model, "user");
		for (uint32_t n = test_random_below(&rnd, 6); n > 0; n--)
			test_model_rule(&model, test_random_below(&rnd, 3), some_rule(&rnd, true));
		test_model_rule(&model, user, some_rule(&rnd, false));
		rules = compile(&model);
		assert_true(masq_rules_classes(rules)->usable);
		for (unsigned int k = 0; k < 500; k++) {
			struct masq_rules_input a = some_packet(&rnd), b = another(&rnd, &a);

			if (classes_of(rules, &a) != classes_of(rules, &b))
				continue;
			together += memcmp(&a, &b, sizeof(a)) != 0;
			assert_same_way(rules, &a, &b);
		}
		masq_rules_destroy(rules);
		test_model_fini(&model);
	}
	/* Classes that hold nothing together would pass, too. */
	assert_in_range(together, 20000, 200000);
}

static bool
is_usable(uint32_t n_rules, uint32_t mask)
{
	struct masq_conf_rules model;
	struct masq_rules *rules;
	bool usable;

	test_model_init(&model);
	for (uint32_t i = 0; i < n_rules; i++)
		test_model_rule(&model, MASQ_CHAIN_INPUT,
				(struct masq_conf_rule)RULE(.src = MASQ_IP4(10, 0, 0, 2 * i),
						.src_mask = mask));
	rules = compile(&model);
	usable = masq_rules_classes(rules)->usable;
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return usable;
}

static void
too_many_classes_are_none(void **state)
{
	(void)state;
	assert_true(is_usable(0, UINT32_MAX));
	assert_true(is_usable(MASQ_CLASSES_STARTS / 2, UINT32_MAX));
	assert_false(is_usable(MASQ_CLASSES_STARTS / 2 + 1, UINT32_MAX));
}

static void
masks_with_holes_have_none(void **state)
{
	(void)state;
	assert_true(is_usable(1, 0xffffff00));
	assert_false(is_usable(1, 0xff0000ff));
}

static bool
sees_source(uint32_t chain, struct masq_conf_rule rule)
{
	struct masq_conf_rules model;
	struct masq_rules *rules;
	bool sees;

	test_model_init(&model);
	test_model_chain(&model, "user");
	test_model_rule(&model, chain, rule);
	rules = compile(&model);
	sees = masq_rules_classes(rules)->output_sees_source;
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return sees;
}

static void
sources_in_the_output_chain_are_told(void **state)
{
	const struct masq_conf_rule by_source = RULE(SRC(10, 0, 0, 0, 8));
	const struct masq_conf_rule by_sport = RULE(.sport = { 80, 80 });
	const struct masq_conf_rule by_target = RULE(DST(10, 0, 0, 0, 8), .dport = { 80, 80 });

	(void)state;
	assert_false(sees_source(MASQ_CHAIN_INPUT, by_source));
	assert_false(sees_source(MASQ_CHAIN_FORWARD, by_sport));
	assert_true(sees_source(MASQ_CHAIN_OUTPUT, by_source));
	assert_true(sees_source(MASQ_CHAIN_OUTPUT, by_sport));
	assert_false(sees_source(MASQ_CHAIN_OUTPUT, by_target));
	/* A user chain may be called from there. */
	assert_true(sees_source(MASQ_CHAIN_BUILTINS, by_source));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_treat_a_class_alike),
		cmocka_unit_test(too_many_classes_are_none),
		cmocka_unit_test(masks_with_holes_have_none),
		cmocka_unit_test(sources_in_the_output_chain_are_told),
	};

	return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
