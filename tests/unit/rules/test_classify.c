/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The sentences of reference 5.4, one row each. A row has rules for one built-in chain and
 * for the user chains "a" and "b"; counter slots are numbered in that order, the policy (P) is
 * behind them.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <masq_rules.h>

#include "masq_test_rules.h"

#define RULES 4
#define P 99

struct row {
	const char *says;
	struct masq_conf_rule main[RULES], a[RULES], b[RULES];
	enum masq_conf_builtin chain;
	enum masq_conf_target policy; /* NONE: ACCEPT */
	struct masq_rules_input packet;
	enum masq_rules_verdict verdict;
	uint32_t slots[8];
	uint32_t n_slots;
	bool depends_on_syn;
};

#define TCP_PACKET                                                                      \
	.src = MASQ_IP4(192, 168, 1, 2), .dst = MASQ_IP4(209, 81, 8, 5), .sport = 1025, \
	.dport = 80, .proto = IPPROTO_TCP, .has_ports = true
#define PACKET(...) .packet = { TCP_PACKET, __VA_ARGS__ }
#define MATCHED(...) \
	.slots = { __VA_ARGS__ }, .n_slots = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)
#define ACCEPT .target = MASQ_TARGET_ACCEPT
#define DENY .target = MASQ_TARGET_DENY
#define RETURN .target = MASQ_TARGET_RETURN
#define ACCEPTED .verdict = MASQ_VERDICT_ACCEPT
#define DENIED .verdict = MASQ_VERDICT_DENY

/* clang-format off */
static const struct row order_rows[] = {
	{ "an empty chain counts its policy", .policy = MASQ_TARGET_DENY, PACKET(), DENIED, MATCHED(P) },
	{ "the policy can be REJECT", .policy = MASQ_TARGET_REJECT, PACKET(),
	  .verdict = MASQ_VERDICT_REJECT, MATCHED(P) },
	{ "the policy of forward can be MASQ", .policy = MASQ_TARGET_MASQ, .chain = MASQ_CHAIN_FORWARD,
	  PACKET(), .verdict = MASQ_VERDICT_MASQ, MATCHED(P) },
	{ "the first match decides", .main = { RULE(SRC(10, 0, 0, 0, 8), ACCEPT), RULE(DENY), RULE(ACCEPT) },
	  PACKET(), DENIED, MATCHED(1) },
	{ "a rule without target counts and goes on", .main = { RULE(), RULE(), RULE(DENY) },
	  PACKET(), DENIED, MATCHED(0, 1, 2) },
	{ "rules without target lead to the policy", .main = { RULE(), RULE() }, .policy = MASQ_TARGET_DENY,
	  PACKET(), DENIED, MATCHED(0, 1, P) },
	{ "RETURN in a built-in chain goes to the policy", .main = { RULE(RETURN), RULE(ACCEPT) },
	  .policy = MASQ_TARGET_DENY, PACKET(), DENIED, MATCHED(0, P) },
	{ "a target chain is descended into", .main = { RULE(CALL("a")), RULE(ACCEPT) }, .a = { RULE(DENY) },
	  PACKET(), DENIED, MATCHED(0, 2) },
	{ "the end of a user chain is the caller's next rule",
	  .main = { RULE(CALL("a")), RULE(DENY) }, .a = { RULE(), RULE(SRC(10, 0, 0, 0, 8), ACCEPT) },
	  PACKET(), DENIED, MATCHED(0, 2, 1) },
	{ "an empty user chain changes nothing", .main = { RULE(CALL("a")), RULE(DENY) },
	  PACKET(), DENIED, MATCHED(0, 1) },
	{ "RETURN in a user chain is the caller's next rule",
	  .main = { RULE(CALL("a")), RULE(DENY) }, .a = { RULE(RETURN), RULE(ACCEPT) },
	  PACKET(), DENIED, MATCHED(0, 2, 1) },
	{ "a user chain that ends in the last rule leads to the policy",
	  .main = { RULE(CALL("a")) }, .a = { RULE() }, .policy = MASQ_TARGET_DENY,
	  PACKET(), DENIED, MATCHED(0, 1, P) },
	{ "chains nest", .main = { RULE(CALL("a")), RULE(ACCEPT) }, .a = { RULE(CALL("b")), RULE(DENY) },
	  .b = { RULE() }, PACKET(), DENIED, MATCHED(0, 2, 4, 3) },
	{ "a chain may be entered again after it was left", .main = { RULE(CALL("a")), RULE(CALL("a")) },
	  .a = { RULE() }, PACKET(), ACCEPTED, MATCHED(0, 2, 1, 2, P) },
	{ "two chains may call the same third", .main = { RULE(CALL("a")), RULE(CALL("b")) },
	  .a = { RULE(CALL("b")) }, .b = { RULE() }, PACKET(), ACCEPTED, MATCHED(0, 2, 3, 1, 3, P) },
	{ "a chain that calls itself is a loop", .main = { RULE(CALL("a")), RULE(ACCEPT) },
	  .a = { RULE(CALL("a")) }, PACKET(), .verdict = MASQ_VERDICT_LOOP, MATCHED(0, 2) },
	{ "two chains that call each other are a loop", .main = { RULE(CALL("a")) },
	  .a = { RULE(CALL("b")) }, .b = { RULE(CALL("a")) },
	  PACKET(), .verdict = MASQ_VERDICT_LOOP, MATCHED(0, 1, 2) },
	{ "a loop that the packet does not enter does no harm", .main = { RULE(CALL("a")), RULE(DENY) },
	  .a = { RULE(DST(10, 0, 0, 0, 8), CALL("a")) }, PACKET(), DENIED, MATCHED(0, 1) },
	{ "MASQ in forward is MASQ", .main = { RULE(.target = MASQ_TARGET_MASQ) },
	  .chain = MASQ_CHAIN_FORWARD, PACKET(), .verdict = MASQ_VERDICT_MASQ, MATCHED(0) },
	{ "MASQ through a user chain of input is ACCEPT", .main = { RULE(CALL("a")), RULE(DENY) },
	  .a = { RULE(.target = MASQ_TARGET_MASQ) }, PACKET(), ACCEPTED, MATCHED(0, 2) },
	{ "MASQ through a user chain of output is ACCEPT", .main = { RULE(CALL("a")), RULE(DENY) },
	  .a = { RULE(.target = MASQ_TARGET_MASQ) }, .chain = MASQ_CHAIN_OUTPUT,
	  PACKET(), ACCEPTED, MATCHED(0, 2) },
};

#define DENIES(text, ...) { text, .main = { RULE(DENY, __VA_ARGS__) }, DENIED, MATCHED(0), PACKET()
#define PASSES(text, ...) { text, .main = { RULE(DENY, __VA_ARGS__) }, ACCEPTED, MATCHED(P), PACKET()
#define NOT(what) .inverse = MASQ_INV_##what

static const struct row condition_rows[] = {
	DENIES("a source network", SRC(192, 168, 1, 0, 24)) },
	PASSES("another source network", SRC(192, 168, 2, 0, 24)) },
	PASSES("not a source network", SRC(192, 168, 1, 0, 24), NOT(SRC)) },
	DENIES("not another source network", SRC(192, 168, 2, 0, 24), NOT(SRC)) },
	PASSES("not any source", SRC(0, 0, 0, 0, 0), NOT(SRC)) },
	DENIES("a destination host", DST(209, 81, 8, 5, 32)) },
	PASSES("not a destination host", DST(209, 81, 8, 5, 32), NOT(DST)) },
	DENIES("a mask with holes", .src = MASQ_IP4(192, 0, 0, 2), .src_mask = MASQ_IP4(255, 0, 0, 255)) },
	PASSES("a mask with holes, other value", .src = MASQ_IP4(192, 0, 0, 3),
	       .src_mask = MASQ_IP4(255, 0, 0, 255)) },
	DENIES("not a mask with holes", .src = MASQ_IP4(192, 0, 0, 3), .src_mask = MASQ_IP4(255, 0, 0, 255),
	       NOT(SRC)) },
	DENIES("a source port range from its first", .proto = IPPROTO_TCP, .sport = { 1025, 2000 }) },
	DENIES("a source port range to its last", .proto = IPPROTO_TCP, .sport = { 1000, 1025 }) },
	PASSES("a source port range below", .proto = IPPROTO_TCP, .sport = { 0, 1024 }) },
	PASSES("a source port range above", .proto = IPPROTO_TCP, .sport = { 1026, 65535 }) },
	PASSES("not a source port range", .proto = IPPROTO_TCP, .sport = { 1000, 2000 }, NOT(SPORT)) },
	DENIES("a destination port", .proto = IPPROTO_TCP, .dport = { 80, 80 }) },
	DENIES("not another destination port", .proto = IPPROTO_TCP, .dport = { 81, 81 }, NOT(DPORT)) },
	PASSES("not all ports is none", .proto = IPPROTO_TCP, NOT(DPORT)) },
	PASSES("a range upside down is none", .proto = IPPROTO_TCP, .dport = { 90, 70 }) },
	DENIES("not a range upside down is all", .proto = IPPROTO_TCP, .dport = { 90, 70 }, NOT(DPORT)) },
	DENIES("a protocol", .proto = IPPROTO_TCP) },
	PASSES("another protocol", .proto = IPPROTO_UDP) },
	PASSES("not a protocol", .proto = IPPROTO_TCP, NOT(PROTO)) },
	DENIES("not another protocol", .proto = IPPROTO_UDP, NOT(PROTO)) },
	PASSES("a protocol that no header can name", .proto = 256 + IPPROTO_TCP) },
	DENIES("not a protocol that no header can name", .proto = 256 + IPPROTO_TCP, NOT(PROTO)) },
	DENIES("protocol 0 is any", .proto = 0) },
	PASSES("a protocol does not see ICMP", .proto = IPPROTO_TCP), .packet.proto = IPPROTO_ICMP },
	DENIES("ICMP type and code", .proto = IPPROTO_ICMP, .sport = { 8, 8 }, .dport = { 0, 0 }), .packet.proto = IPPROTO_ICMP, .packet.sport = 8, .packet.dport = 0 },
	PASSES("another ICMP type", .proto = IPPROTO_ICMP, .sport = { 8, 8 }), .packet.proto = IPPROTO_ICMP, .packet.sport = 0, .packet.dport = 0 },
	DENIES("an interface", .iface = "lan") },
	PASSES("another interface", .iface = "wan") },
	PASSES("not an interface", .iface = "lan", NOT(IFACE)) },
	DENIES("not another interface", .iface = "wan", NOT(IFACE)) },
	PASSES("an interface that does not exist", .iface = "ppp0") },
	DENIES("not an interface that does not exist", .iface = "ppp0", NOT(IFACE)) },
	DENIES("a prefix names itself", .iface = "wan", .flags = MASQ_RULE_IFACE_PREFIX), .packet.port = 1 },
	DENIES("a prefix names longer ones", .iface = "wan", .flags = MASQ_RULE_IFACE_PREFIX), .packet.port = 2 },
	PASSES("without + the name is whole", .iface = "wan"), .packet.port = 2 },
	PASSES("a prefix does not name others", .iface = "wan", .flags = MASQ_RULE_IFACE_PREFIX), .packet.port = 3 },
	PASSES("not a prefix", .iface = "wan", .flags = MASQ_RULE_IFACE_PREFIX, NOT(IFACE)), .packet.port = 2 },
	DENIES("+ alone is any interface", .flags = MASQ_RULE_IFACE_PREFIX), .packet.port = 2 },
	PASSES("an unknown interface is no named one", .iface = "lan"), .packet.port = 200 },
	DENIES("an unknown interface is not a named one", .iface = "lan", NOT(IFACE)), .packet.port = 200 },
	PASSES("-f never matches whole packets", .flags = MASQ_RULE_FRAGMENT) },
	DENIES("! -f matches whole packets", .flags = MASQ_RULE_FRAGMENT, NOT(FRAGMENT)) },
	DENIES("all conditions together", SRC(192, 168, 1, 0, 24), DST(209, 0, 0, 0, 8), .iface = "lan",
	       .proto = IPPROTO_TCP, .dport = { 80, 88 }, .sport = { 1024, 65535 }) },
	PASSES("all but one", SRC(192, 168, 1, 0, 24), DST(209, 0, 0, 0, 8), .iface = "lan",
	       .proto = IPPROTO_TCP, .dport = { 81, 88 }, .sport = { 1024, 65535 }) },
	DENIES("no ports: rules without ports match", SRC(192, 168, 1, 0, 24)), .packet.has_ports = false },
	PASSES("no ports: a port", .proto = IPPROTO_TCP, .dport = { 80, 80 }), .packet.has_ports = false },
	PASSES("no ports: not a port", .proto = IPPROTO_TCP, .dport = { 81, 81 }, NOT(DPORT)), .packet.has_ports = false },
	PASSES("no ports: -y", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN), .packet.has_ports = false, .packet.syn = true },
	PASSES("no ports: ! -y", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN, NOT(SYN)), .packet.has_ports = false },
};

static const struct row syn_rows[] = {
	DENIES("-y matches a SYN", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN), .packet.syn = true,
	  .depends_on_syn = true },
	PASSES("-y does not match others", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN),
	  .depends_on_syn = true },
	PASSES("! -y does not match a SYN", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN, NOT(SYN)), .packet.syn = true, .depends_on_syn = true },
	DENIES("! -y matches others", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN, NOT(SYN)),
	  .depends_on_syn = true },
	PASSES("-y of another port decides nothing", .proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN,
	       .dport = { 81, 81 }), .packet.syn = true },
	{ "-y behind the decision decides nothing", .main = { RULE(ACCEPT),
	  RULE(.proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN, DENY) }, PACKET(), ACCEPTED, MATCHED(0) },
	{ "-y before the decision does", .main = { RULE(.proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN),
	  RULE(DENY) }, PACKET(), DENIED, MATCHED(1), .depends_on_syn = true },
	{ "-y in a user chain that is not called decides nothing",
	  .main = { RULE(DST(10, 0, 0, 0, 8), CALL("a")), RULE(DENY) },
	  .a = { RULE(.proto = IPPROTO_TCP, .flags = MASQ_RULE_SYN) }, PACKET(), DENIED, MATCHED(1) },
};

/* clang-format on */

static uint32_t
add_rules(struct masq_conf_rules *model, uint32_t chain, const struct masq_conf_rule rules[RULES])
{
	uint32_t n = 0;

	while (n < RULES && rules[n].id != 0)
		test_model_rule(model, chain, rules[n++]);
	return n;
}

static struct masq_rules *
compile(const struct masq_conf_rules *model)
{
	struct masq_err err = { "" };
	struct masq_rules *rules = masq_rules_create(model, test_ports, TEST_PORTS, NULL, &err);

	if (rules == NULL)
		fail_msg("%s", err.text);
	return rules;
}

/* @param padding	rules in front of the row's that match nothing: with them the index is used */
static void
check_row(const struct row *row, uint32_t padding)
{
	const struct masq_conf_rule never = RULE(SRC(1, 2, 3, 4, 32), DENY);
	struct masq_conf_rules model;
	struct masq_rules_result result;
	struct masq_rules *rules;
	uint32_t n = padding;

	test_model_init(&model);
	test_model_chain(&model, "a");
	test_model_chain(&model, "b");
	if (row->policy != MASQ_TARGET_NONE)
		model.chains[row->chain].policy = row->policy;
	for (uint32_t i = 0; i < padding; i++)
		test_model_rule(&model, row->chain, never);
	n += add_rules(&model, row->chain, row->main);
	n += add_rules(&model, 3, row->a);
	n += add_rules(&model, 4, row->b);
	rules = compile(&model);
	assert_int_equal(masq_rules_slots(rules), n + 3);
	masq_rules_result_init(&result);
	assert_int_equal(masq_rules_eval(rules, row->chain, &row->packet, &result), row->verdict);
	assert_int_equal(result.verdict, row->verdict);
	assert_int_equal(result.n_rules, row->n_slots);
	for (uint32_t i = 0; i < row->n_slots; i++)
		assert_int_equal(result.rules[i],
				row->slots[i] == P ? n + row->chain : row->slots[i] + padding);
	assert_int_equal(result.depends_on_syn, row->depends_on_syn);
	assert_false(result.overflow);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		printf("  %s\n", rows[i].says);
		check_row(&rows[i], 0);
		check_row(&rows[i], 10);
		check_row(&rows[i], 700);
	}
}

static void
chains_are_walked_in_order(void **state)
{
	(void)state;
	check_rows(order_rows, sizeof(order_rows) / sizeof(order_rows[0]));
}

static void
conditions_hold_or_not(void **state)
{
	(void)state;
	check_rows(condition_rows, sizeof(condition_rows) / sizeof(condition_rows[0]));
}

static void
syn_is_remembered(void **state)
{
	(void)state;
	check_rows(syn_rows, sizeof(syn_rows) / sizeof(syn_rows[0]));
}

static const struct masq_rules_input packet = { TCP_PACKET };

static void
marks_are_set_and_added(void **state)
{
	static const struct masq_conf_rule rows[] = {
		RULE(.has_mark = true, .mark = 7, .flags = MASQ_RULE_MARK_ABSOLUTE),
		RULE(.has_mark = true, .mark = 5),
		RULE(.mark = 100), /* no -m */
		RULE(.has_mark = true, .mark = (uint32_t)-20),
	};
	struct masq_conf_rules model;
	struct masq_rules_result result;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	for (uint32_t i = 1; i < 4; i++)
		test_model_rule(&model, MASQ_CHAIN_INPUT, rows[i]);
	test_model_rule(&model, MASQ_CHAIN_FORWARD, rows[0]);
	rules = compile(&model);
	masq_rules_result_init(&result);
	result.mark = 3;
	masq_rules_eval(rules, MASQ_CHAIN_INPUT, &packet, &result);
	assert_int_equal(result.mark, (uint32_t)-12);
	masq_rules_eval(rules, MASQ_CHAIN_FORWARD, &packet, &result);
	assert_int_equal(result.mark, 7);
	masq_rules_eval(rules, MASQ_CHAIN_OUTPUT, &packet, &result);
	assert_int_equal(result.mark, 7); /* the mark stays on the packet */
	assert_int_equal(result.n_rules, 3 + 1 + 1 + 1 + 1);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

static void
tos_masks_compose(void **state)
{
	struct masq_conf_rules model;
	struct masq_rules_result result;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	test_model_rule(&model, 0, (struct masq_conf_rule)RULE(.tos_and = 0x01, .tos_xor = 0x10));
	test_model_rule(&model, 1, (struct masq_conf_rule)RULE(.tos_and = 0xe7, .tos_xor = 0x08));
	rules = compile(&model);
	masq_rules_result_init(&result);
	masq_rules_eval(rules, MASQ_CHAIN_INPUT, &packet, &result);
	masq_rules_eval(rules, MASQ_CHAIN_FORWARD, &packet, &result);
	for (uint32_t tos = 0; tos < 256; tos++) {
		uint32_t one = (tos & 0x01) ^ 0x10;

		assert_int_equal((tos & result.tos_and) ^ result.tos_xor, (one & 0xe7) ^ 0x08);
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

static void
matched_rules_ask_for_the_log(void **state)
{
	struct masq_conf_rules model;
	struct masq_rules_result result;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	test_model_rule(&model, 0,
			(struct masq_conf_rule)RULE(SRC(10, 0, 0, 0, 8), .flags = MASQ_RULE_LOG));
	test_model_rule(&model, 1, (struct masq_conf_rule)RULE(.flags = MASQ_RULE_LOG));
	rules = compile(&model);
	masq_rules_result_init(&result);
	masq_rules_eval(rules, MASQ_CHAIN_INPUT, &packet, &result);
	assert_false(result.wants_log);
	masq_rules_eval(rules, MASQ_CHAIN_FORWARD, &packet, &result);
	masq_rules_eval(rules, MASQ_CHAIN_OUTPUT, &packet, &result);
	assert_true(result.wants_log);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

/* A path of 150 rules, read in windows, is every rule once and in order. */
static void
long_paths_are_read_in_windows(void **state)
{
	static const uint32_t rooms[] = { 0, 1, 22, 23, 86, 87, 88, 200 };
	struct masq_conf_rules model;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	for (uint32_t i = 0; i < 150; i++)
		test_model_rule(&model, MASQ_CHAIN_INPUT, (struct masq_conf_rule)RULE());
	rules = compile(&model);
	for (unsigned int r = 0; r < RTE_DIM(rooms); r++) {
		uint32_t held = MASQ_PATH_RULES_MAX + rooms[r], next = 0, first = 0, more[201];
		struct masq_rules_result result;

		do {
			more[rooms[r]] = 0xdead;
			masq_rules_result_window(&result, first, more, rooms[r]);
			masq_rules_eval(rules, MASQ_CHAIN_INPUT, &packet, &result);
			assert_int_equal(result.n_matches, 151);
			for (uint32_t i = 0; i < result.n_rules; i++)
				assert_int_equal(i < MASQ_PATH_RULES_MAX
								? result.rules[i]
								: more[i - MASQ_PATH_RULES_MAX],
						next++);
			assert_int_equal(more[rooms[r]], 0xdead);
			first += held;
		} while (result.overflow);
		assert_int_equal(next, 151);
		assert_int_equal(first, (151 + held - 1) / held * held);
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

/* 30 chains of two calls each: 2^30 matches would hang the worker. */
static void
calls_that_multiply_end(void **state)
{
	struct masq_conf_rules model;
	struct masq_rules_result result;
	struct masq_rules *rules;

	(void)state;
	test_model_init(&model);
	for (uint32_t i = 0; i < 30; i++) {
		char name[MASQ_CONF_CHAIN_BYTES];

		snprintf(name, sizeof(name), "c%u", i);
		test_model_chain(&model, name);
	}
	for (uint32_t i = 0; i < 30; i++) {
		struct masq_conf_rule call = RULE(.target = MASQ_TARGET_CHAIN);

		snprintf(call.chain, sizeof(call.chain), "c%u", i);
		test_model_rule(&model, i == 0 ? 0 : 2 + i, call);
		test_model_rule(&model, i == 0 ? 0 : 2 + i, call);
	}
	rules = compile(&model);
	masq_rules_result_init(&result);
	assert_int_equal(masq_rules_eval(rules, MASQ_CHAIN_INPUT, &packet, &result),
			MASQ_VERDICT_LOOP);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

/* As many chains as a model may have, each calling the next: no limit below that. */
static void
chains_nest_as_deep_as_there_are(void **state)
{
	struct masq_conf_rules model;
	struct masq_rules_result result;
	struct masq_rules *rules;
	const uint32_t chains = 4096;

	(void)state;
	test_model_init(&model);
	for (uint32_t i = 3; i < chains; i++) {
		struct masq_conf_rule call = RULE(.target = MASQ_TARGET_CHAIN);

		snprintf(call.chain, sizeof(call.chain), "c%u", i);
		assert_int_equal(test_model_chain(&model, call.chain), i);
		test_model_rule(&model, i == 3 ? 0 : i - 1, call);
	}
	test_model_rule(&model, chains - 1, (struct masq_conf_rule)RULE(RETURN));
	test_model_rule(&model, 0, (struct masq_conf_rule)RULE(DENY));
	rules = compile(&model);
	masq_rules_result_init(&result);
	assert_int_equal(masq_rules_eval(rules, MASQ_CHAIN_INPUT, &packet, &result),
			MASQ_VERDICT_DENY);
	assert_int_equal(result.n_matches, chains - 3 + 2);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

static void
slots_name_rules_and_policies(void **state)
{
	struct masq_conf_rules model;
	struct masq_rules *rules;
	uint32_t chain;

	(void)state;
	test_model_init(&model);
	chain = test_model_chain(&model, "a");
	test_model_rule(&model, MASQ_CHAIN_OUTPUT, (struct masq_conf_rule)RULE());
	test_model_rule(&model, chain, (struct masq_conf_rule)RULE());
	test_model_rule(&model, MASQ_CHAIN_INPUT, (struct masq_conf_rule)RULE());
	rules = compile(&model);
	assert_int_equal(masq_rules_slots(rules), 6);
	assert_int_equal(masq_rules_slot_id(rules, 0), model.chains[0].rules[0].id);
	assert_int_equal(masq_rules_slot_id(rules, 1), model.chains[2].rules[0].id);
	assert_int_equal(masq_rules_slot_id(rules, 2), model.chains[chain].rules[0].id);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(masq_rules_slot_id(rules, 3 + i), model.chains[i].policy_id);
	assert_int_equal(masq_rules_slot_id(rules, 6), 0);
	assert_true(masq_rules_bytes(rules) > 0);
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

/* Chain, number and target of a rule with -l, and the TOS that a walk over a path has. */
static void
slots_say_what_is_logged(void **state)
{
	static const struct {
		bool logs;
		const char *chain, *target;
		uint32_t number;
		uint8_t tos; /* behind it */
	} want[] = {
		{ true, "input", "a", 1, 0x10 },
		{ false, "", "", 0, 0x10 },
		{ true, "input", "DENY", 3, 0x10 },
		{ true, "a", "-", 1, 0x02 },
		{ true, "a", "RETURN", 2, 0x02 },
		{ true, "a", "MASQ", 3, 0x02 },
		{ false, "", "", 0, 0x02 }, /* policies */
		{ false, "", "", 0, 0x02 },
		{ false, "", "", 0, 0x02 },
	};
	struct masq_conf_rules model;
	struct masq_rules *rules;
	uint8_t tos = 0x08;
	uint32_t a;

	(void)state;
	test_model_init(&model);
	a = test_model_chain(&model, "a");
	test_model_rule(&model, 0,
			(struct masq_conf_rule)RULE(CALL("a"), .flags = MASQ_RULE_LOG,
					.tos_and = 0x01, .tos_xor = 0x10));
	test_model_rule(&model, 0, (struct masq_conf_rule)RULE(ACCEPT));
	test_model_rule(&model, 0, (struct masq_conf_rule)RULE(DENY, .flags = MASQ_RULE_LOG));
	test_model_rule(&model, a,
			(struct masq_conf_rule)RULE(.flags = MASQ_RULE_LOG, .tos_and = 0xe1,
					.tos_xor = 0x02));
	test_model_rule(&model, a, (struct masq_conf_rule)RULE(RETURN, .flags = MASQ_RULE_LOG));
	test_model_rule(&model, a,
			(struct masq_conf_rule)RULE(.target = MASQ_TARGET_MASQ,
					.flags = MASQ_RULE_LOG));
	rules = compile(&model);
	assert_int_equal(masq_rules_slots(rules), sizeof(want) / sizeof(want[0]));
	for (uint32_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct masq_rules_place place = { "", "", 0 };

		assert_int_equal(masq_rules_slot_log(rules, i, &tos, &place), want[i].logs);
		assert_string_equal(place.chain, want[i].chain);
		assert_string_equal(place.target, want[i].target);
		assert_int_equal(place.number, want[i].number);
		assert_int_equal(tos, want[i].tos);
	}
	masq_rules_destroy(rules);
	test_model_fini(&model);
}

struct refusal {
	const char *says;
	struct masq_conf_rule rule;
	enum masq_conf_target input_policy;
	uint32_t n_ports;
	const char *sentence; /* part of it */
};

/* clang-format off */
static const struct refusal refusals[] = {
	{ "a chain that is not there", RULE(CALL("nowhere")), MASQ_TARGET_ACCEPT, TEST_PORTS,
	  "chain 'input', rule 1: a rule jumps to 'nowhere'" },
	{ "a built-in chain as target", RULE(CALL("output")), MASQ_TARGET_ACCEPT, TEST_PORTS, "'output'" },
	{ "REDIRECT", RULE(.target = MASQ_TARGET_REDIRECT), MASQ_TARGET_ACCEPT, TEST_PORTS, "accepted: none" },
	{ "policy MASQ of input", RULE(), MASQ_TARGET_MASQ, TEST_PORTS, "'input' has an impossible policy" },
	{ "policy RETURN", RULE(), MASQ_TARGET_RETURN, TEST_PORTS, "'input' has an impossible policy" },
	{ "too many interfaces", RULE(), MASQ_TARGET_ACCEPT, 64, "at most 63" },
};

/* clang-format on */

static void
impossible_models_are_refused(void **state)
{
	static const char names[64][MASQ_CONF_NAME_BYTES] = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *row = &refusals[i];
		struct masq_conf_rules model;
		struct masq_err err = { "" };

		test_model_init(&model);
		test_model_rule(&model, MASQ_CHAIN_INPUT, row->rule);
		model.chains[MASQ_CHAIN_INPUT].policy = row->input_policy;
		assert_null(masq_rules_create(&model, names, row->n_ports, NULL, &err));
		if (strstr(err.text, row->sentence) == NULL)
			fail_msg("%s: '%s' is not in '%s'", row->says, row->sentence, err.text);
		test_model_fini(&model);
	}
	masq_rules_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_are_walked_in_order),
		cmocka_unit_test(conditions_hold_or_not),
		cmocka_unit_test(syn_is_remembered),
		cmocka_unit_test(marks_are_set_and_added),
		cmocka_unit_test(tos_masks_compose),
		cmocka_unit_test(matched_rules_ask_for_the_log),
		cmocka_unit_test(long_paths_are_read_in_windows),
		cmocka_unit_test(calls_that_multiply_end),
		cmocka_unit_test(chains_nest_as_deep_as_there_are),
		cmocka_unit_test(slots_name_rules_and_policies),
		cmocka_unit_test(slots_say_what_is_logged),
		cmocka_unit_test(impossible_models_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
