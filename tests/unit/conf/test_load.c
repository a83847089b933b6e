/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule files: all or nothing, sentences with file and line, ids that survive a reload, and, over
 * many random models, that what is printed reads back to the same model.
 */

#include <time.h>

#include "conf_fixture.h"
#include "masq_conf_priv.h"

static int
load(struct masq_conf_rules *rules, const char *text, struct masq_err *err)
{
	err->text[0] = '\0';
	return masq_conf_rules_load(rules, &quiet_reader, "rules.masq", text, strlen(text), err);
}

static void
load_good(struct masq_conf_rules *rules, const char *text)
{
	struct masq_err err;

	if (load(rules, text, &err) != 0)
		fail_msg("%s", err.text);
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X4096 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256
#define W16 "x x x x x x x x x x x x x x x x "

/* clang-format off */
static const struct {
	const char *text, *sentence;
} bad[] = {
	{ "\n# fine\nipchains -A input -p nosuch\n",
		"rules.masq:3: unknown protocol `nosuch' specified (in: ipchains -A input -p nosuch)" },
	{ "ipchains -A nosuch", "rules.masq:1: No target by that name (in: ipchains -A nosuch)" },
	{ "ipchains -F\nipchains -L\n", "rules.masq:2: this `ipchains' only lists; "
		"accepted here: commands that change rules, routes or timeouts (in: ipchains -L)" },
	{ "ipchains -Z input\n", "rules.masq:1: this `ipchains' zeroes counters; "
		"accepted here: commands that change rules, routes or timeouts (in: ipchains -Z input)" },
	{ "timeout show\n", "rules.masq:1: this `timeout' only lists; "
		"accepted here: commands that change rules, routes or timeouts (in: timeout show)" },
	{ "portfw -h\n", "rules.masq:1: this `portfw' asks for help; "
		"accepted here: commands that change rules, routes or timeouts (in: portfw -h)" },
	{ "timeout set udp\n", "rules.masq:1: timeout udp needs a number of seconds; "
		"accepted: 1-1000000 (in: timeout set udp)" },
	{ "portfw -z\n", "rules.masq:1: invalid option -- 'z' (in: portfw -z)" },
	{ "portfw -a -P tcp -L 1.2.3.4 80 -R 5.6.7.8\n", "rules.masq:1: illegal destination "
		"specified: no port follows `5.6.7.8' (in: portfw -a -P tcp -L 1.2.3.4 80 -R 5.6.7.8)" },
	{ "portfw -a -P tcp -L 1.2.3.4 80 -p 0\n", "rules.masq:1: illegal preference value "
		"specified: `0'; accepted: 1-2147483647 (in: portfw -a -P tcp -L 1.2.3.4 80 -p 0)" },
	{ "portfw -d -P tcp -L 1.2.3.4 80\n",
		"rules.masq:1: no tcp forwarding rule for 1.2.3.4:80 matches "
		"(in: portfw -d -P tcp -L 1.2.3.4 80)" },
	{ "ipchains -A input -s 'x\n", "rules.masq:1: a quote is not closed" },
	{ W16 W16 W16 W16 W16 W16 W16 W16 "x", "rules.masq:1: more than 128 words on one line" },
	{ "\n# " X4096, "rules.masq:2: the line is longer than 4095 bytes" },
	{ "\xef\xbb\xbf" "ipchains -A input\r\nfrob\r\n",
		"rules.masq:2: unknown command `frob'; accepted: ipchains, portfw, route, timeout "
		"(in: frob)" },
};

/* clang-format on */

static void
test_a_bad_file_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct masq_conf_rules rules;
		struct masq_err err;
		char *before, *after;
		uint32_t id;

		assert_int_equal(masq_conf_rules_init(&rules), 0);
		load_good(&rules, "ipchains -N mine\nipchains -A input -j mine\n");
		id = rules.chains[0].rules[0].id;
		before = rules_text(&rules);
		assert_int_equal(load(&rules, bad[i].text, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].sentence);
		after = rules_text(&rules);
		assert_string_equal(after, before);
		assert_int_equal(rules.chains[0].rules[0].id, id);
		free(before);
		free(after);
		masq_conf_rules_fini(&rules);
	}
}

static void
test_a_nul_byte_is_refused(void **state)
{
	static const char text[] = "# a\n# b\0c\n";
	struct masq_conf_rules rules;
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(masq_conf_rules_load(
					 &rules, &quiet_reader, "f", text, sizeof(text) - 1, &err),
			-EINVAL);
	assert_string_equal(err.text, "f:2: the line contains a NUL byte; is this a text file?");
	masq_conf_rules_fini(&rules);
}

/* What works but may not be meant is said with its line. */
static void
test_warnings_have_their_lines(void **state)
{
	static const char text[] = "# the article's own lines\nipchains -A -j MASQ\n"
				   "ipchains -A input -t 0x03 0x10\nipchains -A input -j DENY\n"
				   "ipchains -A -j MASQ --no-warnings\n";
	struct masq_conf_warnings warnings = { 0 };
	const struct masq_conf_reader reader = { .warnings = &warnings };
	char buffer[MASQ_ERR_TEXT_BYTES];
	struct masq_conf_rules rules;
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(masq_conf_rules_load(&rules, &reader, "f", text, strlen(text), &err), 0);
	assert_int_equal(rules.chains[MASQ_CHAIN_FORWARD].n_rules, 2);
	assert_int_equal(warnings.n, 2);
	assert_string_equal(masq_conf_warning_text(&warnings, 0, buffer),
			"f:2: -A without a chain name: `-j MASQ' is taken to mean forward");
	assert_string_equal(masq_conf_warning_text(&warnings, 1, buffer),
			"f:3: -t 0x03 0x10 may set more than one TOS bit");
	assert_null(masq_conf_warning_text(&warnings, 2, buffer));
	masq_conf_rules_fini(&rules);
}

static void
test_a_file_without_a_command_is_warned_of(void **state)
{
	static const char *const texts[] = { "", "\n", "# ipchains -P forward DENY\n \t\n",
		"timeout set udp 30", "#\nipchains -P input ACCEPT\n" };
	struct masq_err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct masq_conf_warnings warnings = { 0 };
		const struct masq_conf_reader reader = { .warnings = &warnings };
		struct masq_conf_rules rules;

		assert_int_equal(masq_conf_rules_init(&rules), 0);
		assert_int_equal(masq_conf_rules_load(&rules, &reader, "f", texts[i],
						 strlen(texts[i]), &err),
				0);
		assert_int_equal(warnings.n, i < 3 ? 1 : 0);
		if (i < 3)
			assert_string_equal(warnings.text[0].text,
					"f contains no command: all chains are empty and accept everything");
		masq_conf_rules_fini(&rules);
	}
	(void)state;
}

static void
test_many_warnings_are_counted(void **state)
{
	struct masq_conf_warnings warnings = { 0 };
	const struct masq_conf_reader reader = { .warnings = &warnings };
	char buffer[MASQ_ERR_TEXT_BYTES], text[1024] = "";
	struct masq_conf_rules rules;
	struct masq_err err;

	(void)state;
	for (int i = 0; i < MASQ_CONF_WARNINGS_MAX + 3; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "ipchains -A -j MASQ\n");
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(masq_conf_rules_load(&rules, &reader, "f", text, strlen(text), &err), 0);
	assert_string_equal(masq_conf_warning_text(&warnings, MASQ_CONF_WARNINGS_MAX - 1, buffer),
			"f:16: -A without a chain name: `-j MASQ' is taken to mean forward");
	assert_string_equal(masq_conf_warning_text(&warnings, MASQ_CONF_WARNINGS_MAX, buffer),
			"3 more warnings like these, on lines 17 to 19");
	assert_null(masq_conf_warning_text(&warnings, MASQ_CONF_WARNINGS_MAX + 1, buffer));
	masq_conf_rules_fini(&rules);
}

/* The text need not end in a newline or a NUL. */
static void
test_the_length_counts(void **state)
{
	static const char text[] = { 'i', 'p', 'c', 'h', 'a', 'i', 'n', 's', ' ', '-', 'F', 'x' };
	struct masq_conf_rules rules;
	struct masq_err err;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(masq_conf_rules_load(
					 &rules, &quiet_reader, "f", text, sizeof(text) - 1, &err),
			0);
	assert_int_equal(masq_conf_rules_load(&rules, &quiet_reader, "f", text, sizeof(text), &err),
			-EINVAL);
	assert_int_equal(masq_conf_rules_load(&rules, &quiet_reader, "f", text, 0, &err), 0);
	masq_conf_rules_fini(&rules);
}

static void
test_a_file_is_the_whole_rule_set(void **state)
{
	struct masq_conf_rules rules;
	char *text;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	load_good(&rules,
			"ipchains -P input DENY\nipchains -N mine\nipchains -A input -p 6\n"
			"portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1\n"
			"route add default via 1.2.3.4\ntimeout set udp 5\n");
	load_good(&rules, "# nothing\n");
	text = rules_text(&rules);
	assert_string_equal(text,
			"ipchains -P input ACCEPT\nipchains -P forward ACCEPT\n"
			"ipchains -P output ACCEPT\n");
	free(text);
	masq_conf_rules_fini(&rules);
}

static void
test_unchanged_rules_keep_their_ids(void **state)
{
	struct masq_conf_rules rules;
	uint32_t one, two, again, mine, policy, last;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	policy = rules.chains[2].policy_id;
	load_good(&rules,
			"ipchains -N mine\nipchains -A mine -p 1\nipchains -A input -p 1\n"
			"ipchains -A input -p 2 -m 1\nipchains -A input -p 1\n");
	one = rules.chains[0].rules[0].id;
	two = rules.chains[0].rules[1].id;
	again = rules.chains[0].rules[2].id;
	mine = rules.chains[3].rules[0].id;
	last = rules.next_id;
	/* One rule before, one between; the chain is made later; a mark changes; a twin comes. */
	load_good(&rules,
			"ipchains -N other\nipchains -N mine\nipchains -A mine -p 1\n"
			"ipchains -A other -p 1\nipchains -A input -p 9\nipchains -A input -p 1\n"
			"ipchains -A input -p 2 -m 2\nipchains -A input -p 1\n"
			"ipchains -A input -p 1\nipchains -A input -p 2 -m 1\n");
	assert_true(rules.chains[0].rules[0].id > last);
	assert_int_equal(rules.chains[0].rules[1].id, one);
	assert_true(rules.chains[0].rules[2].id > last);
	assert_int_equal(rules.chains[0].rules[3].id, again);
	assert_true(rules.chains[0].rules[4].id > last);
	assert_int_equal(rules.chains[0].rules[5].id, two);
	assert_int_equal(rules.chains[4].rules[0].id, mine);
	assert_true(rules.chains[3].rules[0].id > last);
	assert_int_equal(rules.chains[2].policy_id, policy);
	masq_conf_rules_fini(&rules);
}

/* An id that was gone must not come back for another rule: its counters would come with it. */
static void
test_ids_are_never_used_twice(void **state)
{
	struct masq_conf_rules rules;
	uint32_t id;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	load_good(&rules, "ipchains -A input -p 1\n");
	id = rules.chains[0].rules[0].id;
	load_good(&rules, "");
	load_good(&rules, "ipchains -A input -p 2\n");
	assert_true(rules.chains[0].rules[0].id > id);
	masq_conf_rules_fini(&rules);
}

static void
test_forwardings_keep_their_ids(void **state)
{
	struct masq_conf_rules rules;
	uint32_t one, two;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	load_good(&rules,
			"portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 5\n"
			"portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1 -p 5\n"
			"portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1 -p 5\n");
	two = rules.portfw[0].id;
	one = rules.portfw[1].id;
	assert_int_equal(rules.portfw[0].edit, 1);
	load_good(&rules,
			"portfw -a -P tcp -L 1.1.1.1 80 -R 3.3.3.3 1 -p 5\n"
			"portfw -a -P tcp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 6\n"
			"portfw -a -P udp -L 1.1.1.1 80 -R 2.2.2.2 1 -p 6\n");
	assert_true(rules.portfw[0].id > two);
	assert_int_equal(rules.portfw[0].edit, 0);
	assert_int_equal(rules.portfw[1].id, one);
	assert_int_equal(rules.portfw[1].edit, 1); /* another preference is an edit */
	assert_int_equal(rules.portfw[2].id, two);
	assert_int_equal(rules.portfw[2].edit, 1); /* as it was */
	masq_conf_rules_fini(&rules);
}

static void
test_default_timeouts_are_the_models(void **state)
{
	struct masq_conf_rules rules;
	struct masq_conf_timeouts usual;
	char *text;

	(void)state;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(rules.timeouts.tcp_established_s, 7440);
	masq_conf_timeouts_default(&usual);
	usual.udp_s = 33;
	masq_conf_rules_defaults(&rules, &usual);
	assert_int_equal(rules.timeouts.udp_s, 33);
	load_good(&rules, "timeout set icmp 7\n");
	assert_int_equal(rules.timeouts.udp_s, 33);
	assert_int_equal(rules.timeouts.icmp_s, 7);
	text = rules_text(&rules);
	assert_null(strstr(text, "udp"));
	assert_non_null(strstr(text, "timeout set icmp 7\n"));
	free(text);
	load_good(&rules,
			"timeout set udp 300\n"); /* the usual one of the tree, not of this model */
	text = rules_text(&rules);
	assert_non_null(strstr(text, "timeout set udp 300\n"));
	free(text);
	masq_conf_rules_fini(&rules);
}

/* ---------------------------------------------------------------- random models */

static uint64_t random_state;

static uint32_t
random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % n;
}

static bool
random_one_in(uint32_t n)
{
	return random_below(n) == 0;
}

static void
random_end(uint32_t *addr, uint32_t *mask)
{
	*mask = random_one_in(3)           ? 0
			: random_one_in(4) ? 0xff00ff00
					   : masq_ip4_mask(random_below(33));
	*addr = (random_below(65536) << 16 | random_below(65536)) & *mask;
}

static struct masq_conf_range
random_range(void)
{
	uint16_t a = (uint16_t)random_below(65536), b = (uint16_t)random_below(65536);

	if (random_one_in(2))
		return (struct masq_conf_range){ 0, UINT16_MAX };
	return a < b ? (struct masq_conf_range){ a, b } : (struct masq_conf_range){ b, a };
}

/* Any rule, sensible or not; the model refuses those that are not. */
static struct masq_conf_rule
random_rule(void)
{
	static const uint16_t protocols[] = { 0, 1, 6, 6, 17, 17, 50, 65535 };
	struct masq_conf_rule rule = masq_conf_rule_any();

	random_end(&rule.src, &rule.src_mask);
	random_end(&rule.dst, &rule.dst_mask);
	rule.proto = protocols[random_below(8)];
	if (rule.proto == 1 || rule.proto == 6 || rule.proto == 17) {
		rule.sport = random_range();
		rule.dport = random_range();
	}
	rule.flags = (uint8_t)(1 << random_below(8)) & 0x1f;
	rule.inverse = (uint8_t)(random_one_in(2) ? 0 : 1 << random_below(8));
	if (random_one_in(2))
		snprintf(rule.iface, sizeof(rule.iface), "port%u", random_below(100));
	rule.has_mark = random_one_in(3) || (rule.flags & MASQ_RULE_MARK_ABSOLUTE) != 0;
	if (rule.has_mark)
		rule.mark = random_below(3) * 0x7fffffff + random_below(3);
	if (random_one_in(4)) {
		rule.tos_and = (uint8_t)random_below(256) | 1;
		rule.tos_xor = (uint8_t)random_below(256) & 0xfe;
	}
	rule.outsize = random_one_in(5) ? (uint16_t)random_below(65536) : 0;
	rule.target = (enum masq_conf_target)random_below(MASQ_TARGET_CHAIN + 1);
	if (rule.target == MASQ_TARGET_CHAIN)
		snprintf(rule.chain, sizeof(rule.chain), "user%u", random_below(6));
	return rule;
}

static struct masq_conf_command
random_command(void)
{
	static const enum masq_conf_verb likely[] = { MASQ_VERB_CHAIN_APPEND,
		MASQ_VERB_CHAIN_INSERT, MASQ_VERB_PORTFW_ADD, MASQ_VERB_PORTFW_ADD };
	struct masq_conf_command command = { .rule = random_rule() };

	command.verb = random_one_in(3) ? (enum masq_conf_verb)random_below(MASQ_VERB_COUNT)
					: likely[random_below(4)];
	if (random_one_in(2))
		strcpy(command.chain,
				masq_conf_builtin_name((enum masq_conf_builtin)random_below(3)));
	else
		snprintf(command.chain, sizeof(command.chain), "user%u", random_below(6));
	command.number = random_below(9);
	command.policy = (enum masq_conf_target)random_below(MASQ_TARGET_CHAIN);
	command.portfw.proto = random_one_in(2) ? 6 : 17;
	command.portfw.laddr = random_below(4);
	command.portfw.lport = (uint16_t)(random_below(4) + 1);
	command.portfw.raddr = random_below(4);
	command.portfw.rport = (uint16_t)random_below(4);
	command.portfw.pref = random_below(20);
	command.route.dst.len = (uint8_t)random_below(33);
	command.route.dst.addr = random_below(256) << 24 & masq_ip4_mask(command.route.dst.len);
	command.route.gateway = random_one_in(2) ? MASQ_IP4(10, 0, 0, 1) : 0;
	if (random_one_in(2))
		strcpy(command.route.port, "lan");
	if (random_one_in(2))
		command.timeouts.udp_s = random_below(1000);
	if (random_one_in(2))
		command.timeouts.tcp_listen_s = random_below(1000);
	return command;
}

static void
models_equal(const struct masq_conf_rules *a, const struct masq_conf_rules *b)
{
	assert_int_equal(a->n_chains, b->n_chains);
	for (uint32_t i = 0; i < a->n_chains; i++) {
		assert_string_equal(a->chains[i].name, b->chains[i].name);
		assert_int_equal(a->chains[i].policy, b->chains[i].policy);
		assert_int_equal(a->chains[i].n_rules, b->chains[i].n_rules);
		for (uint32_t k = 0; k < a->chains[i].n_rules; k++)
			assert_int_equal(masq_conf_rule_compare(&a->chains[i].rules[k],
							 &b->chains[i].rules[k], true),
					0);
	}
	assert_int_equal(a->n_portfw, b->n_portfw);
	for (uint32_t i = 0; i < a->n_portfw; i++) {
		assert_int_equal(a->portfw[i].proto, b->portfw[i].proto);
		assert_int_equal(a->portfw[i].laddr, b->portfw[i].laddr);
		assert_int_equal(a->portfw[i].lport, b->portfw[i].lport);
		assert_int_equal(a->portfw[i].raddr, b->portfw[i].raddr);
		assert_int_equal(a->portfw[i].rport, b->portfw[i].rport);
		assert_int_equal(a->portfw[i].pref, b->portfw[i].pref);
	}
	assert_int_equal(a->n_routes, b->n_routes);
	for (uint32_t i = 0; i < a->n_routes; i++) {
		assert_int_equal(a->routes[i].dst.addr, b->routes[i].dst.addr);
		assert_int_equal(a->routes[i].dst.len, b->routes[i].dst.len);
		assert_int_equal(a->routes[i].gateway, b->routes[i].gateway);
		assert_string_equal(a->routes[i].port, b->routes[i].port);
	}
	assert_memory_equal(&a->timeouts, &b->timeouts, sizeof(a->timeouts));
}

/* The command, printed and read again, must do the same to a copy of the model. */
static void
command_does_the_same(const struct masq_conf_rules *rules, const struct masq_conf_command *command)
{
	char *line = commands_text(command, 1);
	struct masq_conf_rules one, other;
	struct masq_err err;

	assert_int_equal(masq_conf_rules_copy(&one, rules), 0);
	assert_int_equal(masq_conf_rules_copy(&other, rules), 0);
	assert_int_equal(masq_conf_rules_apply(&one, command, &err), 0);
	if (line_apply(&other, line, &err) != 0)
		fail_msg("%s: %s", line, err.text);
	models_equal(&one, &other);
	masq_conf_rules_fini(&one);
	masq_conf_rules_fini(&other);
	free(line);
}

static void
random_model_survives(uint64_t seed)
{
	struct masq_conf_rules rules, read;
	unsigned int applied = 0;
	struct masq_err err;
	char *text;

	random_state = seed;
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(masq_conf_rules_init(&read), 0);
	for (int i = 0; i < 4; i++) {
		char line[32];

		snprintf(line, sizeof(line), "ipchains -N user%d", i);
		line_do(&rules, line);
	}
	for (int i = 0; i < 150; i++) {
		struct masq_conf_command command = random_command();
		struct masq_conf_rules before;

		assert_int_equal(masq_conf_rules_copy(&before, &rules), 0);
		if (masq_conf_rules_apply(&rules, &command, &err) == 0) {
			command_does_the_same(&before, &command);
			applied++;
		} else {
			models_equal(&rules, &before);
		}
		masq_conf_rules_fini(&before);
	}
	assert_true(applied > 20);
	text = rules_text(&rules);
	if (load(&read, text, &err) != 0)
		fail_msg("%s\n%s", err.text, text);
	models_equal(&rules, &read);
	free(text);
	masq_conf_rules_fini(&rules);
	masq_conf_rules_fini(&read);
}

static void
test_what_is_printed_reads_back(void **state)
{
	const char *given = getenv("MASQ_TEST_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	(void)state;
	print_message("MASQ_TEST_SEED=%llu repeats this run\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < 200; i++)
		random_model_survives(seed * 1000 + i);
}

static void
test_a_stream_that_fails_is_reported(void **state)
{
	struct masq_conf_rules rules;
	struct masq_conf_command command = { .verb = MASQ_VERB_PORTFW_FLUSH };
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(masq_conf_rules_init(&rules), 0);
	assert_int_equal(masq_conf_rules_print(&rules, full), -EIO);
	assert_int_equal(masq_conf_command_print(&command, full), -EIO);
	fclose(full);
	masq_conf_rules_fini(&rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bad_file_changes_nothing),
		cmocka_unit_test(test_a_nul_byte_is_refused),
		cmocka_unit_test(test_warnings_have_their_lines),
		cmocka_unit_test(test_a_file_without_a_command_is_warned_of),
		cmocka_unit_test(test_many_warnings_are_counted),
		cmocka_unit_test(test_the_length_counts),
		cmocka_unit_test(test_a_file_is_the_whole_rule_set),
		cmocka_unit_test(test_unchanged_rules_keep_their_ids),
		cmocka_unit_test(test_ids_are_never_used_twice),
		cmocka_unit_test(test_forwardings_keep_their_ids),
		cmocka_unit_test(test_default_timeouts_are_the_models),
		cmocka_unit_test(test_what_is_printed_reads_back),
		cmocka_unit_test(test_a_stream_that_fails_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
