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

/* A field that is left whole has no classes: packets that differ there are never together. */
static bool
are_together(const struct masq_rules *rules, const struct masq_rules_input *a,
		const struct masq_rules_input *b)
{
	const bool differ[MASQ_CLASS_FIELDS] = { a->src != b->src, a->dst != b->dst,
		a->sport != b->sport, a->dport != b->dport };

	for (unsigned int field = 0; field < MASQ_CLASS_FIELDS; field++)
		if ((masq_rules_classes(rules)->whole >> field & 1) != 0 && differ[field])
			return false;
	return classes_of(rules, a) == classes_of(rules, b);
}

/*
 * @p n_rules at most, some of which get addresses and ports @p spread apart, so that they begin and end
 * at many places.
 */
static unsigned int
try_rules(uint64_t *rnd, uint32_t n_rules, uint32_t spread)
{
	struct masq_conf_rules model;
	struct masq_rules *rules;
	unsigned int together = 0;
	uint32_t user;

	test_model_init(&model);
	user = test_model_chain(&model, "user");
	for (uint32_t n = test_random_below(rnd, n_rules); n > 0; n--) {
		struct masq_conf_rule rule = some_rule(rnd, true);

		rule.src += n * spread & rule.src_mask;
		rule.dst += n * spread & rule.dst_mask;
		if (n % 2 == 0 && spread != 0)
			rule.dport = (struct masq_conf_range){ (uint16_t)(n * spread), UINT16_MAX };
		test_model_rule(&model, test_random_below(rnd, 3), rule);
	}
	test_model_rule(&model, user, some_rule(rnd, false));
	rules = compile(&model);
	for (unsigned int k = 0; k < 500; k++) {
		struct masq_rules_input a = some_packet(rnd), b = another(rnd, &a);

		a.dst += test_random_below(rnd, n_rules) * spread;
		b.dst += test_random_below(rnd, n_rules) * spread;
		if (!are_together(rules, &a, &b))
			continue;
		together += memcmp(&a, &b, sizeof(a)) != 0;
		assert_same_way(rules, &a, &b);
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return together;
}

static void
rules_treat_a_class_alike(void **state)
{
	uint64_t rnd = 20261124;
	unsigned int together = 0;

	(void)state;
	for (unsigned int round = 0; round < 400; round++)
		together += try_rules(&rnd, 6, 0);
	/* Classes that hold nothing together would pass, too. */
	assert_in_range(together, 20000, 200000);
}

static void
many_rules_treat_a_class_alike(void **state)
{
	uint64_t rnd = 20261125;
	unsigned int together = 0;

	(void)state;
	for (unsigned int round = 0; round < 100; round++)
		together += try_rules(&rnd, 120, 3);
	assert_in_range(together, 500, 50000);
	for (unsigned int round = 0; round < 20; round++)
		together += try_rules(&rnd, 1000, 2);
}

/* Where a packet falls among n starts, all of which are known. */
static void
every_start_begins_a_class(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 31, 32, 33, 34, 63, 64, 65, 127, 128, 253, 254 };

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(sizes); k++) {
		struct masq_conf_rules model;
		struct masq_rules *rules;
		uint32_t seen = UINT32_MAX, begun = 0; /* of no packet */

		test_model_init(&model);
		/* Ranges up to the end: one start each. */
		for (uint32_t i = 0; i < sizes[k]; i++)
			test_model_rule(&model, MASQ_CHAIN_INPUT,
					(struct masq_conf_rule)RULE(.dport = { (uint16_t)(3 * i +
											       5),
										    UINT16_MAX }));
		rules = compile(&model);
		assert_int_equal(masq_rules_classes(rules)->whole, 0);
		for (uint32_t port = 0; port <= 3 * sizes[k] + 5; port++) {
			struct masq_rules_input p = { .dport = (uint16_t)port };
			uint32_t classes = classes_of(rules, &p);

			begun += classes != seen;
			if (classes != seen)
				assert_true(port == 0 || port % 3 == 2);
			seen = classes;
		}
		assert_int_equal(begun, sizes[k] + 1);
		masq_rules_destroy(rules);
		test_model_fini(&model);
	}
}

/* Which fields are left whole by rules about n sources and one destination port? */
static uint8_t
whole(uint32_t n_rules, uint32_t mask)
{
	struct masq_conf_rules model;
	struct masq_rules *rules;
	uint8_t whole;

	test_model_init(&model);
	for (uint32_t i = 0; i < n_rules; i++)
		test_model_rule(&model, MASQ_CHAIN_INPUT,
				(struct masq_conf_rule)RULE(.src = MASQ_IP4(10, 0, 0, 0) + 2 * i,
						.src_mask = mask, .dport = { 80, 80 }));
	rules = compile(&model);
	whole = masq_rules_classes(rules)->whole;
	if (n_rules > 0) {
		struct masq_rules_input a = { .dport = 79 }, b = { .dport = 80 };

		assert_int_not_equal(classes_of(rules, &a), classes_of(rules, &b));
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return whole;
}

static void
a_field_with_too_many_classes_stays_whole(void **state)
{
	(void)state;
	assert_int_equal(whole(0, UINT32_MAX), 0);
	assert_int_equal(whole(MASQ_CLASSES_STARTS / 2, UINT32_MAX), 0);
	assert_int_equal(whole(MASQ_CLASSES_STARTS / 2 + 1, UINT32_MAX), 1 << MASQ_CLASS_SRC);
	assert_int_equal(whole(5000, UINT32_MAX), 1 << MASQ_CLASS_SRC);
}

static void
masks_with_holes_leave_a_field_whole(void **state)
{
	(void)state;
	assert_int_equal(whole(1, 0xffffff00), 0);
	assert_int_equal(whole(1, 0xff0000ff), 1 << MASQ_CLASS_SRC);
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
		cmocka_unit_test(many_rules_treat_a_class_alike),
		cmocka_unit_test(every_start_begins_a_class),
		cmocka_unit_test(a_field_with_too_many_classes_stays_whole),
		cmocka_unit_test(masks_with_holes_leave_a_field_whole),
		cmocka_unit_test(sources_in_the_output_chain_are_told),
	};

	return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
