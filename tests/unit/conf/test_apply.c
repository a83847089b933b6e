/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands applied to a model: what they change, what they refuse in which words, that a refused
 * one changes nothing, and which rules keep their ids.
 */

#include <netinet/in.h>

#include "conf_fixture.h"

/* clang-format off */
/* A refused command: the model that it meets, the command, and how it ends. */
static const struct {
	const char *before, *line;
	int ret;
	const char *sentence;
} refused[] = {
	/* reference 5.3 */
	{ "", "ipchains -A nosuch", -ENOENT, "No target by that name" },
	{ "", "ipchains -I nosuch", -ENOENT, "No target by that name" },
	{ "", "ipchains -R nosuch 1", -ENOENT, "No target by that name" },
	{ "", "ipchains -A nosuch -j MASQ", -ENOENT,
		"No target by that name (Maybe this kernel doesn't support masquerading?)" },
	{ "", "ipchains -A input -j nosuch", -ENOENT, "No target by that name" },
	{ "", "ipchains -A input -j output", -ENOENT, "No target by that name" },
	{ "", "ipchains -D nosuch 1", -ENOENT, "No chain by that name" },
	{ "", "ipchains -D input 1", -ENOENT, "No chain by that name" },
	{ "", "ipchains -D nosuch -p 6", -ENOENT, "No chain by that name" },
	{ "", "ipchains -F nosuch", -ENOENT, "No chain by that name" },
	{ "", "ipchains -X nosuch", -ENOENT, "No chain by that name" },
	{ "", "ipchains -P nosuch DENY", -ENOENT, "No chain by that name" },
	{ "ipchains -A input -p 6", "ipchains -D input -p 17", -ENOENT,
		"bad rule (does a matching rule exist in that chain?)" },
	{ "", "ipchains -I input 2 -p 17", -EINVAL,
		"bad rule (does a matching rule exist in that chain?)" },
	{ "", "ipchains -R input 1 -p 17", -EINVAL,
		"bad rule (does a matching rule exist in that chain?)" },
	{ "ipchains -N mine;ipchains -A mine", "ipchains -X mine", -ENOTEMPTY, "Chain is not empty" },
	{ "ipchains -N mine;ipchains -A mine", "ipchains -X", -ENOTEMPTY, "Chain is not empty" },
	{ "ipchains -N mine;ipchains -A input -j mine", "ipchains -X mine", -EBUSY,
		"Device or resource busy" },
	{ "ipchains -N a;ipchains -N mine;ipchains -A input -j mine", "ipchains -X", -EBUSY,
		"Device or resource busy" },
	{ "", "ipchains -X input", -EBUSY, "Device or resource busy" },
	{ "ipchains -N mine", "ipchains -N mine", -EEXIST, "Chain already exists" },
	{ "", "ipchains -N input", -EEXIST, "Chain already exists" },
	/* what the original leaves open */
	{ "", "ipchains -N ACCEPT", -EINVAL, "`ACCEPT' is the name of a target, not of a chain" },
	{ "ipchains -N mine", "ipchains -P mine DENY", -EINVAL,
		"chain `mine' has no policy; chains that have one: input, forward, output" },
	{ "", "ipchains -P input MASQ", -EINVAL,
		"masquerading not allowed for input and output chains" },
	{ "", "ipchains -P input RETURN", -EINVAL, "bad policy for chain `input'; "
		"accepted: ACCEPT, DENY, REJECT and, for forward, MASQ" },
	{ "", "ipchains -A input -p tcp -j REDIRECT 80", -EOPNOTSUPP, "target REDIRECT is not supported: "
		"the box has no service of its own to take the packets" },
	{ "ipchains -N mine", "ipchains -A mine -p udp -j REDIRECT", -EOPNOTSUPP,
		"target REDIRECT is not supported: the box has no service of its own to take the packets" },
	/* portfw: what the original swallowed */
	{ "", "portfw -d -P tcp -L 1.2.3.4 80", -ESRCH, "no tcp forwarding rule for 1.2.3.4:80 matches" },
	{ "portfw -a -P tcp -L 1.2.3.4 80 -R 5.6.7.8 80", "portfw -d -P udp -L 1.2.3.4 80", -ESRCH,
		"no udp forwarding rule for 1.2.3.4:80 matches" },
	{ "portfw -a -P tcp -L 1.2.3.4 80 -R 5.6.7.8 80",
		"portfw -d -P tcp -L 1.2.3.4 80 -R 5.6.7.8 81", -ESRCH,
		"no tcp forwarding rule for 1.2.3.4:80 matches" },
	{ "", "portfw -a -P tcp -L 1.2.3.4 61000 -R 5.6.7.8 80", -EINVAL,
		"local port 61000 cannot be forwarded; accepted: 1-60999" },
	/* routes */
	{ "route add default via 1.2.3.4", "route add default dev lan", -EEXIST,
		"there is already a route to default; delete it first" },
	{ "", "route del default", -ESRCH, "no static route to default matches" },
	{ "route add default via 1.2.3.4", "route del default via 1.2.3.5", -ESRCH,
		"no static route to default matches" },
	{ "route add default via 1.2.3.4 dev a", "route del default dev b", -ESRCH,
		"no static route to default matches" },
};

#define RULES "ipchains -P input ACCEPT\nipchains -P forward ACCEPT\nipchains -P output ACCEPT\n"
#define ALL " -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0"

/* Lines and the model that they make. */
static const struct {
	const char *lines, *after;
} changes[] = {
	{ "", RULES },
	{ "ipchains -P input DENY;ipchains -P forward MASQ;ipchains -P output REJECT",
		"ipchains -P input DENY\nipchains -P forward MASQ\nipchains -P output REJECT\n" },
	{ "ipchains -A input -p 1;ipchains -A input -p 2;ipchains -I input -p 3;ipchains -I input 4 -p 4;"
	  "ipchains -I input 2 -p 5;ipchains -R input 3 -p 6",
		RULES "ipchains -A input" ALL " -p 3\nipchains -A input" ALL " -p 5\n"
		"ipchains -A input" ALL " -p 6\nipchains -A input" ALL " -p 2\n"
		"ipchains -A input" ALL " -p 4\n" },
	{ "ipchains -A input -p 1;ipchains -A input -p 2;ipchains -A input -p 1;ipchains -D input -p 1",
		RULES "ipchains -A input" ALL " -p 2\nipchains -A input" ALL " -p 1\n" },
	{ "ipchains -A input -p 1;ipchains -A input -p 2;ipchains -A input -p 3;ipchains -D input 2",
		RULES "ipchains -A input" ALL " -p 1\nipchains -A input" ALL " -p 3\n" },
	/* -D ignores the mark and its mode (reference 5.4), nothing else */
	{ "ipchains -A input -m 3;ipchains -D input -m +4", RULES },
	{ "ipchains -A input -m 3;ipchains -D input", RULES },
	{ "ipchains -A input;ipchains -A output;ipchains -F input", RULES "ipchains -A output" ALL "\n" },
	{ "ipchains -A input;ipchains -A output;ipchains -F", RULES },
	{ "ipchains -N a;ipchains -N b;ipchains -N c;ipchains -X b",
		RULES "ipchains -N a\nipchains -N c\n" },
	{ "ipchains -N a;ipchains -N b;ipchains -X", RULES },
	{ "ipchains -N a;ipchains -N b;ipchains -A a -j b;ipchains -A b -j a",
		RULES "ipchains -N a\nipchains -N b\nipchains -A a" ALL " -j b\nipchains -A b" ALL " -j a\n" },
	{ "ipchains -N a;ipchains -A a -j MASQ", RULES "ipchains -N a\nipchains -A a" ALL " -j MASQ\n" },
	/* portfw: head, edit, wildcards (reference 2.2); printed from the tail */
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1",
		RULES "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 10\n"
		"portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1 -p 10\n" },
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1;"
	  "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 7",
		RULES "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 7\n"
		"portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1 -p 10\n" },
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1;"
	  "portfw -a -P tcp -L 1.1.1.1 80 -p 7",
		RULES "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 7\n"
		"portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1 -p 7\n" },
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -a -P tcp -L 0.0.0.0 80 -R 2.2.2.2 1 -p 7",
		RULES "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 7\n" },
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -a -P udp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 7",
		RULES "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 10\n"
		"portfw -a -P udp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 7\n" },
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1;"
	  "portfw -a -P tcp -L 1.1.1.1 81 -R 3.3.3.3 1;portfw -d -P tcp -L 0.0.0.0 80",
		RULES "portfw -a -P tcp -L 1.1.1.1 81 -R 3.3.3.3 1 -p 10\n" },
	{ "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1;portfw -f", RULES },
	{ "route add default via 1.2.3.4;route add 10.0.0.0/8 dev lan;route del default dev wan",
		NULL },
	{ "route add default via 1.2.3.4 dev wan;route add 10.0.0.0/8 dev lan;route del default dev wan",
		RULES "route add 10.0.0.0/8 dev lan\n" },
	{ "timeout set udp 5;ipchains -M -S 0 60 0", RULES "timeout set tcp-fin-wait 60"
		" tcp-time-wait 60 tcp-close-wait 60 tcp-last-ack 60 udp 5\n" },
	{ "timeout set udp 5;timeout set udp 300", RULES },
};

/* clang-format on */

/* Apply lines separated by ';'. @return what the last one returned */
static int
lines_apply(struct masq_conf_rules *rules, const char *lines)
{
	char *copy = strdup(lines), *rest = copy, *line;
	struct masq_err err;
	int ret = 0;

	while ((line = strsep(&rest, ";")) != NULL)
		if (*line != '\0')
			ret = line_apply(rules, line, &err);
	free(copy);
	return ret;
}

static void
test_refused_commands_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct masq_conf_rules rules;
		struct masq_err err;
		char *before, *after;
		int ret;

		assert_int_equal(masq_conf_rules_init(&rules), 0);
		assert_int_equal(lines_apply(&rules, refused[i].before), 0);
		before = rules_text(&rules);
		ret = line_apply(&rules, refused[i].line, &err);
		if (ret != refused[i].ret || strcmp(err.text, refused[i].sentence) != 0)
			fail_msg("%s: %d, %s", refused[i].line, ret, err.text);
		after = rules_text(&rules);
		assert_string_equal(after, before);
		free(before);
		free(after);
		masq_conf_rules_fini(&rules);
	}
}

static void
test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct masq_conf_rules rules;
		char *text;
		int ret;

		assert_int_equal(masq_conf_rules_init(&rules), 0);
		ret = lines_apply(&rules, changes[i].lines);
		text = rules_text(&rules);
		if ((ret != 0) != (changes[i].after == NULL))
			fail_msg("%s: ends with %d", changes[i].lines, ret);
		if (ret == 0 && strcmp(text, changes[i].after) != 0)
			fail_msg("%s: makes\n%sand not\n%s", changes[i].lines, text,
					changes[i].after);
		free(text);
		masq_conf_rules_fini(&rules);
	}
}

/* -D by contents: each option counts, except -m. */
static void
test_a_rule_is_deleted_by_all_its_contents(void **state)
{
	static const char *const options[][2] = {
		{ "-s 1.0.0.0/8 5:6", "-s 1.0.0.0/9 5:6" },
		{ "-d 2.0.0.0/8 7:8", "-d 3.0.0.0/8 7:8" },
		{ "-p tcp", "-p udp" },
		{ "-i a", "-i b" },
		{ "-j DENY", "-j ACCEPT" },
		{ "-l", "" },
		{ "-t 01 10", "-t 01 08" },
		{ "-o 9", "-o 10" },
		{ "-s 1.0.0.0/8 5:6", "-s 1.0.0.0/8 5:7" },
		{ "-s 1.0.0.0/8 5:6", "-s 1.0.0.0/8 4:6" },
		{ "-s 1.0.0.0/8 5:6", "-s ! 1.0.0.0/8 5:6" },
		{ "-d 2.0.0.0/8 7:8", "-d 2.0.0.0/8 7:9" },
		{ "-d 2.0.0.0/8 7:8", "-d 2.0.0.0/8 6:8" },
		{ "-i a", "-i a+" },
		{ "-j DENY", "-j mine" },
	};
	struct masq_conf_rules rules;
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	line_do(&rules, "ipchains -N mine");
	line_do(&rules,
			"ipchains -A input -s 1.0.0.0/8 5:6 -d 2.0.0.0/8 7:8 -p tcp -i a -j DENY -l "
			"-t 01 10 -o 9 -m 1");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char line[256] = "ipchains -D input";

		for (size_t k = 0; k < 8; k++) { /* the first eight rows make the whole rule */
			bool changed = strcmp(options[k][0], options[i][0]) == 0;

			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s",
					changed ? options[i][1] : options[k][0]);
		}
		if (line_apply(&rules, line, &err) != -ENOENT)
			fail_msg("%s: %s", line, err.text);
	}
	line_do(&rules,
			"ipchains -D input -s 1.0.0.0/8 5:6 -d 2.0.0.0/8 7:8 -p tcp -i a -j DENY -l "
			"-t 01 10 -o 9 -m +7");
	assert_int_equal(rules.chains[0].n_rules, 0);
	masq_conf_rules_fini(&rules);
}

static void
test_rules_keep_their_ids(void **state)
{
	struct masq_conf_rules rules;
	uint32_t a, b, policy;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	policy = rules.chains[MASQ_CHAIN_INPUT].policy_id;
	assert_true(policy != 0);
	assert_true(policy != rules.chains[MASQ_CHAIN_FORWARD].policy_id);
	line_do(&rules, "ipchains -A input -p 1");
	line_do(&rules, "ipchains -A input -p 2");
	a = rules.chains[0].rules[0].id;
	b = rules.chains[0].rules[1].id;
	assert_true(a != 0 && b != 0 && a != b);
	line_do(&rules, "ipchains -I input -p 3");
	assert_int_equal(rules.chains[0].rules[1].id, a);
	assert_int_equal(rules.chains[0].rules[2].id, b);
	line_do(&rules, "ipchains -R input 2 -p 1");
	assert_true(rules.chains[0].rules[1].id > b);
	line_do(&rules, "ipchains -D input 1");
	assert_int_equal(rules.chains[0].rules[1].id, b);
	line_do(&rules, "ipchains -P input DENY");
	assert_int_equal(rules.chains[0].policy_id, policy);
	masq_conf_rules_fini(&rules);
}

static void
test_an_edited_forwarding_keeps_its_id_and_counts(void **state)
{
	struct masq_conf_rules rules;
	uint32_t id;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	line_do(&rules, "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 3");
	id = rules.portfw[0].id;
	assert_int_equal(rules.portfw[0].edit, 0);
	line_do(&rules, "portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 3");
	assert_int_equal(rules.n_portfw, 1);
	assert_int_equal(rules.portfw[0].id, id);
	assert_int_equal(rules.portfw[0].edit, 1);
	line_do(&rules, "portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1");
	assert_int_equal(rules.portfw[1].id, id); /* the new one is the head */
	assert_int_equal(rules.portfw[0].raddr, MASQ_IP4(3, 3, 3, 3));
	masq_conf_rules_fini(&rules);
}

/* Arrays grow, and a copy is one of its own. */
static void
test_a_copy_is_independent(void **state)
{
	struct masq_conf_rules rules, copy;
	char line[128], *before, *after;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	for (int i = 1; i <= 40; i++) {
		snprintf(line, sizeof(line), "ipchains -N c%d", i);
		line_do(&rules, line);
		snprintf(line, sizeof(line), "ipchains -A input -p %d -j c%d", i, i);
		line_do(&rules, line);
		snprintf(line, sizeof(line), "portfw -a -P tcp -L 1.1.1.1 %d -R 2.2.2.2 1", i);
		line_do(&rules, line);
		snprintf(line, sizeof(line), "route add 10.0.%d.0/24 dev lan", i);
		line_do(&rules, line);
	}
	assert_int_equal(masq_conf_rules_copy(&copy, &rules), 0);
	before = rules_text(&rules);
	after = rules_text(&copy);
	assert_string_equal(before, after);
	free(after);
	assert_int_equal(copy.chains[0].rules[7].id, rules.chains[0].rules[7].id);
	assert_int_equal(masq_conf_chain_references(&copy, 3), 1);
	line_do(&copy, "ipchains -F");
	line_do(&copy, "ipchains -X");
	line_do(&copy, "portfw -f");
	line_do(&copy, "ipchains -A input");
	line_do(&copy, "route add 10.0.41.0/24 dev lan");
	after = rules_text(&rules);
	assert_string_equal(before, after);
	free(before);
	free(after);
	masq_conf_rules_fini(&copy);
	masq_conf_rules_fini(&copy);
	masq_conf_rules_fini(&rules);
}

/* What no words can say arrives as JSON; the model refuses it. */
static void
test_commands_without_words(void **state)
{
	struct masq_conf_rules rules;
	struct masq_conf_request request;
	struct masq_conf_command *command = &request.commands[0];
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
#define REFUSED(change)                                                                           \
	do {                                                                                      \
		assert_int_equal(line_read("ipchains -A input -p tcp -i a -m 1", &request, &err), \
				0);                                                               \
		assert_int_equal(masq_conf_rules_apply(&rules, command, &err), 0);                \
		change;                                                                           \
		err.text[0] = '\0';                                                               \
		assert_int_equal(masq_conf_rules_apply(&rules, command, &err), -EINVAL);          \
		assert_true(err.text[0] != '\0');                                                 \
	} while (0)
	REFUSED(command->verb = MASQ_VERB_COUNT);
	REFUSED(memset(command->chain, 'x', sizeof(command->chain)));
	REFUSED(memset(command->rule.iface, 'x', sizeof(command->rule.iface)));
	REFUSED(memset(command->rule.chain, 'x', sizeof(command->rule.chain)));
	REFUSED(memset(command->route.port, 'x', sizeof(command->route.port)));
	REFUSED(strcpy(command->rule.iface, "a b"));
	REFUSED(command->rule.iface[0] = '\0'; command->rule.inverse = MASQ_INV_IFACE);
	REFUSED(command->rule.src = 1);
	REFUSED(command->rule.dst = 1);
	REFUSED(command->rule.target = (enum masq_conf_target)99);
	REFUSED(command->rule.target = MASQ_TARGET_CHAIN);
	REFUSED(strcpy(command->rule.chain, "mine"));
	REFUSED(command->rule.redirect_port = 80);
	REFUSED(command->rule.sport.lo = 2; command->rule.sport.hi = 1);
	REFUSED(command->rule.dport.lo = 2; command->rule.dport.hi = 1);
	REFUSED(command->rule.flags = 0x80);
	REFUSED(command->rule.inverse = MASQ_INV_SYN);
	REFUSED(command->rule.inverse = MASQ_INV_FRAGMENT);
	REFUSED(command->rule.proto = 0; command->rule.inverse = MASQ_INV_PROTO);
	REFUSED(command->rule.has_mark = false);
	REFUSED(command->rule.tos_and = 0xfe);
	REFUSED(command->rule.tos_xor = 0x01);
	REFUSED(command->verb = MASQ_VERB_CHAIN_NEW; command->chain[0] = '\0');
	REFUSED(command->verb = MASQ_VERB_CHAIN_NEW; strcpy(command->chain, "a\tb"));
	REFUSED(command->verb = MASQ_VERB_CHAIN_POLICY;
			command->policy = (enum masq_conf_target)99);
	REFUSED(command->verb = MASQ_VERB_PORTFW_ADD);
	REFUSED(command->verb = MASQ_VERB_PORTFW_ADD; command->portfw.proto = IPPROTO_TCP;
			command->portfw.lport = 1);
	REFUSED(command->verb = MASQ_VERB_ROUTE_ADD; command->route.dst.len = 33);
	REFUSED(command->verb = MASQ_VERB_TIMEOUT_SET; command->timeouts.udp_s = 1000001);
#undef REFUSED
	masq_conf_rules_fini(&rules);
}

static void
test_a_full_model_refuses(void **state)
{
	struct masq_conf_rules rules;
	struct masq_err err;
	char line[64];

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	for (int i = 0; i < MASQ_CONF_CHAINS_MAX - MASQ_CHAIN_BUILTINS; i++) {
		snprintf(line, sizeof(line), "ipchains -N c%d", i);
		line_do(&rules, line);
	}
	assert_int_equal(line_apply(&rules, "ipchains -N more", &err), -ENOSPC);
	assert_string_equal(err.text, "there are already 4096 chains, the most that are kept");
	for (int i = 0; i < MASQ_CONF_CHAIN_RULES_MAX; i++)
		line_do(&rules, "ipchains -A input");
	assert_int_equal(line_apply(&rules, "ipchains -A input", &err), -ENOSPC);
	assert_string_equal(
			err.text, "chain `input' already has 65536 rules, the most it can hold");
	line_do(&rules, "ipchains -A forward");
	masq_conf_rules_fini(&rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_commands_change_nothing),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_a_rule_is_deleted_by_all_its_contents),
		cmocka_unit_test(test_rules_keep_their_ids),
		cmocka_unit_test(test_an_edited_forwarding_keeps_its_id_and_counts),
		cmocka_unit_test(test_a_copy_is_independent),
		cmocka_unit_test(test_commands_without_words),
		cmocka_unit_test(test_a_full_model_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
