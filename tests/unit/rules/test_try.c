/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What chains say to a packet that is only described ("ipchains -C", reference 5.3): built-in
 * chains say what real packets get, user chains are asked without a caller.
 */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <masq_rules.h>

#include "masq_test_rules.h"

#define RULES 3
#define A MASQ_CHAIN_BUILTINS /* the user chains "a" and "b" */
#define B (MASQ_CHAIN_BUILTINS + 1)
#define PASSED (-ENOENT)
#define TO(verdict) .target = MASQ_TARGET_##verdict
#define MISSES SRC(10, 0, 0, 0, 8)

struct row {
	const char *says;
	struct masq_conf_rule main[RULES], a[RULES], b[RULES];
	uint32_t chain;
	enum masq_conf_target policy; /* NONE: ACCEPT */
	int answer; /* a verdict, or PASSED */
};

/* clang-format off */
static const struct row rows[] = {
	{ "an empty built-in chain says its policy", .policy = MASQ_TARGET_DENY, .answer = MASQ_VERDICT_DENY },
	{ "the policy is said when no rule decides", .main = { RULE(), RULE(MISSES, TO(ACCEPT)) },
	  .policy = MASQ_TARGET_REJECT, .answer = MASQ_VERDICT_REJECT },
	{ "the first match decides", .main = { RULE(MISSES, TO(ACCEPT)), RULE(TO(DENY)), RULE(TO(ACCEPT)) },
	  .answer = MASQ_VERDICT_DENY },
	{ "MASQ in forward is MASQ", .chain = MASQ_CHAIN_FORWARD, .main = { RULE(TO(MASQ)) },
	  .answer = MASQ_VERDICT_MASQ },
	{ "a policy of forward, too", .chain = MASQ_CHAIN_FORWARD, .policy = MASQ_TARGET_MASQ,
	  .answer = MASQ_VERDICT_MASQ },
	{ "MASQ that input meets lets in", .main = { RULE(CALL("a")), RULE(TO(DENY)) }, .a = { RULE(TO(MASQ)) },
	  .answer = MASQ_VERDICT_ACCEPT },
	{ "an empty user chain is passed through", .chain = A, .policy = MASQ_TARGET_DENY, .answer = PASSED },
	{ "a user chain without a decision", .chain = A, .a = { RULE(), RULE(MISSES, TO(DENY)) }, .answer = PASSED },
	{ "RETURN leaves it", .chain = A, .a = { RULE(TO(RETURN)), RULE(TO(DENY)) }, .answer = PASSED },
	{ "a user chain that decides", .chain = A, .a = { RULE(TO(REJECT)) }, .answer = MASQ_VERDICT_REJECT },
	{ "MASQ in it is MASQ", .chain = A, .a = { RULE(TO(MASQ)) }, .answer = MASQ_VERDICT_MASQ },
	{ "it calls another, which decides", .chain = A, .a = { RULE(CALL("b")), RULE(TO(DENY)) },
	  .b = { RULE(TO(ACCEPT)) }, .answer = MASQ_VERDICT_ACCEPT },
	{ "or does not", .chain = A, .a = { RULE(CALL("b")), RULE(TO(DENY)) }, .b = { RULE() },
	  .answer = MASQ_VERDICT_DENY },
	{ "both do not", .chain = B, .a = { RULE(TO(DENY)) }, .b = { RULE(MISSES, CALL("a")) }, .answer = PASSED },
	{ "a user chain that calls itself", .chain = A, .a = { RULE(CALL("a")) }, .answer = MASQ_VERDICT_LOOP },
	{ "two that call each other", .chain = A, .a = { RULE(CALL("b")) }, .b = { RULE(CALL("a")) },
	  .answer = MASQ_VERDICT_LOOP },
	{ "a loop below a built-in chain", .main = { RULE(CALL("a")) }, .a = { RULE(CALL("a")) },
	  .answer = MASQ_VERDICT_LOOP },
	{ "a loop that is not entered", .chain = A, .a = { RULE(MISSES, CALL("a")), RULE(TO(DENY)) },
	  .answer = MASQ_VERDICT_DENY },
};

/* clang-format on */

static const struct masq_rules_input packet = {
	.src = MASQ_IP4(192, 168, 1, 2),
	.dst = MASQ_IP4(209, 81, 8, 5),
	.sport = 1025,
	.dport = 80,
	.proto = IPPROTO_TCP,
	.has_ports = true,
};

static int
answer_of(const struct masq_conf_rules *model, uint32_t chain)
{
	enum masq_rules_verdict verdict = MASQ_VERDICT_ACCEPT;
	struct masq_err err;
	struct masq_rules *rules = masq_rules_create(model, test_ports, TEST_PORTS, NULL, &err);
	int ret;

	assert_non_null(rules);
	ret = masq_rules_try(rules, chain, &packet, &verdict);
	masq_rules_destroy(rules);
	return ret != 0 ? ret : (int)verdict;
}

static void
add_rules(struct masq_conf_rules *model, uint32_t chain, const struct masq_conf_rule *rule)
{
	for (unsigned int i = 0; i < RULES && rule[i].id != 0; i++)
		test_model_rule(model, chain, rule[i]);
}

static void
chains_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint32_t builtin = rows[i].chain < A ? rows[i].chain : MASQ_CHAIN_FORWARD;
		struct masq_conf_rules model;
		int answer;

		test_model_init(&model);
		test_model_chain(&model, "a");
		test_model_chain(&model, "b");
		if (rows[i].policy != MASQ_TARGET_NONE)
			model.chains[builtin].policy = rows[i].policy;
		add_rules(&model, builtin, rows[i].main);
		add_rules(&model, A, rows[i].a);
		add_rules(&model, B, rows[i].b);
		answer = answer_of(&model, rows[i].chain);
		if (answer != rows[i].answer)
			fail_msg("%s: %d, not %d", rows[i].says, answer, rows[i].answer);
		assert_int_equal(answer_of(&model, B + 1), -EINVAL);
		test_model_fini(&model);
	}
}

/* The last of more matches than a result holds decides; around the edges of the window, too. */
static void
long_paths_have_an_end(void **state)
{
	static const struct masq_conf_rule counts = RULE(), denies = RULE(TO(DENY));

	(void)state;
	for (uint32_t n = 0; n < 3 * MASQ_PATH_RULES_MAX + 2; n++) {
		struct masq_conf_rules model;

		test_model_init(&model);
		test_model_chain(&model, "a");
		for (uint32_t i = 0; i < n; i++)
			test_model_rule(&model, A, counts);
		assert_int_equal(answer_of(&model, A), PASSED);
		test_model_rule(&model, A, denies);
		assert_int_equal(answer_of(&model, A), MASQ_VERDICT_DENY);
		test_model_fini(&model);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_answer),
		cmocka_unit_test(long_paths_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
