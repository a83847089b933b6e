/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes: what a class holds together no rule can tell apart. By chance: small rule sets, pairs of
 * packets near their limits; packets of the same classes must get the same verdict by the same rules.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <masq_rules.h>
#include <masq_test_rules.h>

#include "masq_class_table.h"

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

static uint64_t
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

static bool
is_alone(const struct masq_rules *rules, uint64_t classes, unsigned int field)
{
	bool is = (classes >> 16 * field & 0xffff) == MASQ_CLASS_ALONE;

	assert_int_equal(is, (masq_classes_alone(classes) & MASQ_CLASS_IS_ALONE(field)) != 0);
	assert_true(!is || masq_rules_classes(rules)->may_be_alone);
	return is;
}

/* Values that are alone are alike with nobody. */
static bool
are_together(const struct masq_rules *rules, const struct masq_rules_input *a,
		const struct masq_rules_input *b)
{
	const bool differ[MASQ_CLASS_FIELDS] = { a->src != b->src, a->dst != b->dst,
		a->sport != b->sport, a->dport != b->dport };
	uint64_t classes = classes_of(rules, a);

	for (unsigned int field = 0; field < MASQ_CLASS_FIELDS; field++)
		if (is_alone(rules, classes, field) && differ[field])
			return false;
	return classes == classes_of(rules, b);
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

/* Networks of all sizes, anywhere or close to each other. */
static struct masq_conf_rule
rule_about_some_network(uint64_t *rnd, unsigned int percent_close)
{
	struct masq_conf_rule rule = RULE(.target = MASQ_TARGET_DENY);
	uint32_t network = test_random(rnd);

	if (test_random_percent(rnd, percent_close))
		network = MASQ_IP4(198, 51, 0, 0) + (network & 0x3ffff);
	rule.src_mask = TEST_MASK(
			test_random_percent(rnd, 70) ? 32 : 8 + test_random_below(rnd, 24));
	rule.src = network & rule.src_mask;
	if (test_random_percent(rnd, 20)) {
		rule.dst_mask = rule.src_mask;
		rule.dst = rule.src;
		rule.src = rule.src_mask = 0;
	}
	if (test_random_percent(rnd, 5))
		rule.inverse = MASQ_INV_SRC;
	return rule;
}

/* Where a rule about a network begins or ends, or just beside that. */
static uint32_t
near_an_edge(uint64_t *rnd, const struct masq_conf_rule *rule)
{
	uint32_t first = rule->src | rule->dst, mask = rule->src_mask | rule->dst_mask;
	uint32_t address = (test_random_percent(rnd, 50) ? first : first | ~mask) +
			test_random_below(rnd, 3) - 1;

	return address != UINT32_MAX ? address : 0;
}

static struct masq_rules_input
packet_near(uint64_t *rnd, const struct masq_conf_rule *rules, uint32_t n)
{
	struct masq_rules_input p = { .src = test_random(rnd), .dst = test_random(rnd) };

	if (test_random_percent(rnd, 80))
		p.src = near_an_edge(rnd, &rules[test_random_below(rnd, n)]);
	if (test_random_percent(rnd, 50))
		p.dst = near_an_edge(rnd, &rules[test_random_below(rnd, n)]);
	return p;
}

/* @return pairs of packets that differ and are together */
static unsigned int
try_networks(uint64_t *rnd, uint32_t n, unsigned int percent_close)
{
	static struct masq_conf_rule about[3000];
	struct masq_conf_rules model;
	struct masq_rules *rules;
	unsigned int together = 0;

	test_model_init(&model);
	for (uint32_t i = 0; i < n; i++) {
		about[i] = rule_about_some_network(rnd, percent_close);
		test_model_rule(&model, MASQ_CHAIN_INPUT, about[i]);
	}
	rules = compile(&model);
	for (unsigned int k = 0; k < 5000; k++) {
		struct masq_rules_input a = packet_near(rnd, about, n),
					b = packet_near(rnd, about, n);

		if (test_random_percent(rnd, 50))
			b.src = a.src;
		else if (test_random_percent(rnd, 50))
			b.dst = a.dst;
		if (!are_together(rules, &a, &b))
			continue;
		together += a.src != b.src || a.dst != b.dst;
		assert_same_way(rules, &a, &b);
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return together;
}

static void
rules_about_networks_treat_a_class_alike(void **state)
{
	static const uint32_t sizes[] = { 10, 40, 120, 250, 300, 1000, 3000 };
	uint64_t rnd = 20261129;

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(sizes); k++)
		for (unsigned int close = 0; close <= 100; close += 25)
			for (unsigned int round = 0; round < 4; round++)
				assert_in_range(try_networks(&rnd, sizes[k], close), 50, 4000);
}

/* Where a packet falls among n starts, all of which are known. */
static void
every_start_begins_a_class(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 31, 32, 33, 34, 63, 64, 65, 127, 128, 253, 254,
		4093, 4094, 4095 };

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(sizes); k++) {
		struct masq_conf_rules model;
		struct masq_rules *rules;
		uint64_t seen = UINT64_MAX; /* of no packet */
		uint32_t begun = 0;

		test_model_init(&model);
		/* Ranges up to the end: one start each. */
		for (uint32_t i = 0; i < sizes[k]; i++)
			test_model_rule(&model, MASQ_CHAIN_INPUT,
					(struct masq_conf_rule)RULE(.dport = { (uint16_t)(3 * i +
											       5),
										    UINT16_MAX }));
		rules = compile(&model);
		assert_int_equal(masq_rules_classes(rules)->may_be_alone,
				sizes[k] + 1 > MASQ_CLASSES_NAMED);
		for (uint32_t port = 0; port <= 3 * sizes[k] + 5; port++) {
			struct masq_rules_input p = { .dport = (uint16_t)port };
			uint64_t classes = classes_of(rules, &p);

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

/* The class of a source by rules that refuse hosts of a list, the n-th one @p step behind the one before. */
static uint32_t
class_under_list(uint32_t n, uint32_t step, uint32_t src, struct masq_conf_rule more)
{
	struct masq_rules_input p = { .src = src };
	struct masq_conf_rules model;
	struct masq_rules *rules;
	uint64_t classes;

	test_model_init(&model);
	test_model_rule(&model, MASQ_CHAIN_INPUT, more);
	for (uint32_t i = 0; i < n; i++)
		test_model_rule(&model, MASQ_CHAIN_INPUT,
				(struct masq_conf_rule)RULE(.src = MASQ_IP4(20, 0, 0, 1) + step * i,
						.src_mask = UINT32_MAX));
	rules = compile(&model);
	classes = classes_of(rules, &p);
	/* If it is alone, the rules know that there are such values. */
	is_alone(rules, classes, MASQ_CLASS_SRC);
	assert_false(is_alone(rules, classes, MASQ_CLASS_DST));
	masq_rules_destroy(rules);
	test_model_fini(&model);
	return classes & 0xffff;
}

/* Whoever is not on a list is like everybody else who is not, however long it is. */
static void
whoever_is_not_on_a_list_has_a_class(void **state)
{
	static const uint32_t lengths[] = { 1, 15, 16, 17, 126, 127, 254, 255, 4092, 4093, 5000 };
	const uint32_t first = MASQ_IP4(20, 0, 0, 1), step = 30000;
	const struct masq_conf_rule none = RULE(.src = 1, .src_mask = UINT32_MAX);

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(lengths); k++) {
		uint32_t n = lengths[k], last = first + step * (n - 1);
		uint32_t others = class_under_list(n, step, last + 1, none);
		uint32_t listed = class_under_list(n, step, last, none);

		if (n > MASQ_CLASSES_FEW / 2) { /* with fewer those between two hosts are a class of their own */
			assert_int_not_equal(others, MASQ_CLASS_ALONE);
			assert_int_equal(others, class_under_list(n, step, first - 1, none));
			assert_int_equal(others, class_under_list(n, step, first + 1, none));
			assert_int_equal(others, class_under_list(n, step, last - 1, none));
		}
		assert_int_not_equal(others, listed);
		assert_int_not_equal(others, class_under_list(n, step, first, none));
		/* The rule about 0.0.0.1 and those who are not on the list are classes, too. */
		if (n + 2 <= MASQ_CLASSES_NAMED)
			assert_int_not_equal(listed, MASQ_CLASS_ALONE);
		if (n == 5000)
			assert_int_equal(listed, MASQ_CLASS_ALONE);
	}
}

/* Hosts of a list in one network, among others: addresses that differ in any of their bits. */
static void
hosts_of_one_network(void **state)
{
	const struct masq_conf_rule none = RULE(.src = 1, .src_mask = UINT32_MAX);
	uint32_t others = class_under_list(200, 4, MASQ_IP4(1, 2, 3, 4), none);

	(void)state;
	assert_int_equal(class_under_list(200, 4, MASQ_IP4(20, 0, 0, 0), none), others);
	assert_int_equal(class_under_list(200, 4, MASQ_IP4(20, 0, 0, 2), none), others);
	assert_int_equal(class_under_list(200, 4, MASQ_IP4(20, 0, 200, 0), none), others);
	assert_int_not_equal(class_under_list(200, 4, MASQ_IP4(20, 0, 0, 1), none), others);
	/* All of 20.0.0.1 to 20.1.56.128 are listed, the others of 20.1.0.0 not. */
	others = class_under_list(80000, 1, MASQ_IP4(1, 2, 3, 4), none);
	assert_int_not_equal(others, MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(80000, 1, MASQ_IP4(20, 0, 0, 0), none), others);
	assert_int_equal(class_under_list(80000, 1, MASQ_IP4(20, 1, 0, 1), none), MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(80000, 1, MASQ_IP4(20, 1, 56, 128), none),
			MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(80000, 1, MASQ_IP4(20, 1, 56, 129), none), others);
}

/* One host in each of 40000 networks: more than there are blocks. Those that find none are alone. */
static void
addresses_without_block_are_alone(void **state)
{
	const struct masq_conf_rule none = RULE(.src = 1, .src_mask = UINT32_MAX);
	const uint32_t n = 40000, step = 65536;
	uint32_t others = class_under_list(n, step, MASQ_IP4(1, 2, 3, 4), none);

	(void)state;
	assert_int_not_equal(others, MASQ_CLASS_ALONE);
	/* The first is a host of network 20.0, the last one of 20.0 + 39999. */
	assert_int_not_equal(class_under_list(n, step, MASQ_IP4(20, 0, 0, 1), none), others);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(20, 0, 0, 2), none), others);
	/* The last two blocks are those of network 20.0 + 30718: host 0.0.0.1 has the first two. */
	assert_int_equal(class_under_list(n, step, MASQ_IP4(139, 254, 0, 1), none),
			MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(139, 254, 0, 2), none), others);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(139, 254, 1, 1), none), others);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(139, 255, 0, 1), none),
			MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(139, 255, 0, 2), none),
			MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(140, 0, 1, 1), none), MASQ_CLASS_ALONE);
	assert_int_equal(
			class_under_list(n, step, MASQ_IP4(176, 63, 0, 1), none), MASQ_CLASS_ALONE);
	assert_int_equal(
			class_under_list(n, step, MASQ_IP4(176, 63, 0, 2), none), MASQ_CLASS_ALONE);
	assert_int_equal(class_under_list(n, step, MASQ_IP4(176, 64, 0, 1), none), others);
}

/* Many rules about few hosts: a table takes what it says that it takes, not a place for each rule. */
static void
a_table_is_as_large_as_what_it_holds(void **state)
{
	enum {
		HOSTS = 40,
		PAGE_BYTES = 4096 /* what the heap may add */
	};

	const struct masq_class_table *table;
	struct masq_conf_rules model;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	for (uint32_t i = 0; i < 500 * HOSTS; i++)
		test_model_rule(&model, MASQ_CHAIN_INPUT,
				(struct masq_conf_rule)RULE(.src = MASQ_IP4(20, 0, 0, 1) +
								2 * (i % HOSTS),
						.src_mask = UINT32_MAX));
	rules = compile(&model);
	table = masq_rules_classes(rules)->table[MASQ_CLASS_SRC];
	assert_non_null(table);
	/* One block for 20.0.x.x, one for 20.0.0.x. */
	assert_int_equal(table->n_blocks, 2);
	assert_int_equal(masq_class_table_bytes(table), sizeof(*table) + 2 * sizeof(*table->block));
	assert_in_range(malloc_usable_size(table->block), 2 * sizeof(*table->block), PAGE_BYTES);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

static void
masks_with_holes_leave_all_alone(void **state)
{
	const struct masq_conf_rule even = RULE(.src = MASQ_IP4(10, 0, 0, 0),
			.src_mask = 0xffffff00);
	const struct masq_conf_rule holes = RULE(.src = MASQ_IP4(10, 0, 0, 1),
			.src_mask = 0xff0000ff);

	(void)state;
	for (uint32_t n = 0; n < 200; n += 50) {
		assert_int_not_equal(class_under_list(n, 30000, MASQ_IP4(10, 0, 0, 1), even),
				MASQ_CLASS_ALONE);
		assert_int_equal(class_under_list(n, 30000, MASQ_IP4(10, 0, 0, 1), holes),
				MASQ_CLASS_ALONE);
		assert_int_equal(class_under_list(n, 30000, MASQ_IP4(1, 2, 3, 4), holes),
				MASQ_CLASS_ALONE);
	}
}

/* A rule for an interface that the box does not have never matches, so it tells nothing apart. */
static void
rules_that_never_match_cut_nothing(void **state)
{
	struct masq_conf_rules model;
	const struct masq_classes *classes;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	for (uint32_t i = 0; i < 5000; i++)
		test_model_rule(&model, MASQ_CHAIN_OUTPUT,
				(struct masq_conf_rule)RULE(.src = MASQ_IP4(10, 0, 0, 1) + i,
						.src_mask = UINT32_MAX, .iface = "ppp0"));
	test_model_rule(&model, MASQ_CHAIN_INPUT,
			(struct masq_conf_rule)RULE(.src = MASQ_IP4(10, 0, 0, 1),
					.src_mask = 0xff0000ff, .iface = "ppp0"));
	rules = compile(&model);
	classes = masq_rules_classes(rules);
	assert_int_equal(classes->have_tables, 0);
	assert_false(classes->are_not_all);
	assert_false(classes->output_sees_source);
	masq_rules_destroy(rules);
	test_model_fini(&model);
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
		cmocka_unit_test(rules_about_networks_treat_a_class_alike),
		cmocka_unit_test(whoever_is_not_on_a_list_has_a_class),
		cmocka_unit_test(hosts_of_one_network),
		cmocka_unit_test(addresses_without_block_are_alone),
		cmocka_unit_test(a_table_is_as_large_as_what_it_holds),
		cmocka_unit_test(masks_with_holes_leave_all_alone),
		cmocka_unit_test(rules_that_never_match_cut_nothing),
		cmocka_unit_test(sources_in_the_output_chain_are_told),
	};

	return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
