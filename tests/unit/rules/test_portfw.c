/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The turns of portfw (reference 2.3, but that every new session counts). Stories are
 * rows: a step changes the rules, takes sessions, or looks at the list. Servers are letters, the
 * last byte of their address.
 */

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <masq_rules.h>

#include "masq_test_rules.h"

#define BOX MASQ_IP4(192, 168, 2, 16)
#define WEB 80

static bool
takes(const struct masq_rules *rules, uint8_t proto, uint32_t laddr, uint16_t lport)
{
	struct masq_portfw_target next;

	return masq_rules_portfw_next(rules, proto, laddr, lport, &next) == 0;
}

enum verb {
	END,
	ADD, /* server, pref */
	EDIT, /* server, pref: -a of an existing rule */
	DELETE, /* server */
	ROUTE, /* any other change of rules: everything is compiled anew */
	TAKE, /* text: the servers of the next sessions, in order */
	LIST, /* text: "A5 B2": servers with their counts, UDP first */
};

struct step {
	enum verb verb;
	char server;
	uint32_t pref;
	const char *text;
	uint16_t lport; /* ADD: 0: WEB */
	uint8_t proto; /* ADD: 0: TCP */
};

#define STEPS 16

struct story {
	const char *says;
	struct step steps[STEPS];
};

/* clang-format off */
static const struct story stories[] = {
	{ "one rule serves everything and counts", {
		{ ADD, 'A', 3, NULL, 0, 0 }, { LIST, .text = "A3" },
		{ TAKE, .text = "A" }, { LIST, .text = "A2" }, { TAKE, .text = "AA" }, { LIST, .text = "A3" },
		{ TAKE, .text = "AAAA" }, { LIST, .text = "A2" } } },
	{ "the last added is first: B x b, A x a, B x b", {
		{ ADD, 'A', 3, NULL, 0, 0 }, { ADD, 'B', 2, NULL, 0, 0 }, { LIST, .text = "B2 A3" },
		{ TAKE, .text = "B" }, { LIST, .text = "B1 A3" },
		{ TAKE, .text = "B" }, { LIST, .text = "A3 B2" },
		{ TAKE, .text = "AAABBAAABB" }, { LIST, .text = "A3 B2" } } },
	{ "three servers", {
		{ ADD, 'A', 1, NULL, 0, 0 }, { ADD, 'B', 2, NULL, 0, 0 }, { ADD, 'C', 3, NULL, 0, 0 },
		{ TAKE, .text = "CCCBBACCCBBACC" }, { LIST, .text = "C1 B2 A1" } } },
	{ "an edit restarts the count where the rule stands", {
		{ ADD, 'A', 3, NULL, 0, 0 }, { ADD, 'B', 3, NULL, 0, 0 }, { TAKE, .text = "BB" },
		{ EDIT, 'B', 3, NULL, 0, 0 }, { LIST, .text = "B3 A3" }, { TAKE, .text = "BBBAAAB" } } },
	{ "an edit of the one that waits", {
		{ ADD, 'A', 3, NULL, 0, 0 }, { ADD, 'B', 3, NULL, 0, 0 }, { TAKE, .text = "BB" },
		{ EDIT, 'A', 1, NULL, 0, 0 }, { LIST, .text = "B1 A1" }, { TAKE, .text = "BABBBABBBA" } } },
	{ "an edit after a rotation keeps the rotation", {
		{ ADD, 'A', 2, NULL, 0, 0 }, { ADD, 'B', 2, NULL, 0, 0 }, { TAKE, .text = "BBA" },
		{ EDIT, 'B', 1, NULL, 0, 0 }, { LIST, .text = "A1 B1" }, { TAKE, .text = "ABAABAA" } } },
	{ "deleting the head makes the next one current with what it has left", {
		{ ADD, 'A', 5, NULL, 0, 0 }, { ADD, 'B', 2, NULL, 0, 0 }, { TAKE, .text = "BBAAA" },
		{ ADD, 'C', 4, NULL, 0, 0 }, { LIST, .text = "C4 A2 B2" }, { TAKE, .text = "C" },
		{ DELETE, .server = 'C' }, { LIST, .text = "A2 B2" }, { TAKE, .text = "AABBAAAAAB" } } },
	{ "a new rule at the head interrupts a turn, which goes on later", {
		{ ADD, 'A', 5, NULL, 0, 0 }, { TAKE, .text = "AA" }, { ADD, 'B', 2, NULL, 0, 0 },
		{ LIST, .text = "B2 A3" }, { TAKE, .text = "BBAAABBAAAAABB" } } },
	{ "two interrupted turns", {
		{ ADD, 'A', 5, NULL, 0, 0 }, { TAKE, .text = "A" }, { ADD, 'B', 3, NULL, 0, 0 },
		{ TAKE, .text = "B" }, { ADD, 'C', 2, NULL, 0, 0 }, { LIST, .text = "C2 B2 A4" },
		{ TAKE, .text = "CCBBAAAA" }, { LIST, .text = "C2 B3 A5" },
		{ TAKE, .text = "CCBBBAAAAACC" } } },
	{ "deleting one that waits", {
		{ ADD, 'A', 1, NULL, 0, 0 }, { ADD, 'B', 1, NULL, 0, 0 }, { ADD, 'C', 1, NULL, 0, 0 },
		{ TAKE, .text = "C" }, { DELETE, .server = 'A' }, { LIST, .text = "B1 C1" },
		{ TAKE, .text = "BCBC" } } },
	{ "an unchanged group keeps its turn when other rules change", {
		{ ADD, 'A', 3, NULL, 0, 0 }, { ADD, 'B', 3, NULL, 0, 0 }, { TAKE, .text = "BBBA" }, { .verb = ROUTE },
		{ LIST, .text = "A2 B3" }, { ADD, 'X', 3, NULL, 81, 0 }, { LIST, .text = "X3 A2 B3" },
		{ TAKE, .text = "AAB" }, { DELETE, .server = 'X' }, { TAKE, .text = "BBA" } } },
	{ "a finished turn goes to the tail of its protocol, not of its group", {
		{ ADD, 'X', 9, NULL, 81, 0 }, { ADD, 'A', 1, NULL, 0, 0 }, { ADD, 'B', 2, NULL, 0, 0 },
		{ ADD, 'U', 4, NULL, 80, IPPROTO_UDP }, { LIST, .text = "U4 B2 A1 X9" },
		{ TAKE, .text = "BB" }, { LIST, .text = "U4 A1 X9 B2" },
		{ TAKE, .text = "A" }, { LIST, .text = "U4 X9 B2 A1" },
		{ ADD, 'Y', 9, NULL, 82, 0 }, { LIST, .text = "U4 Y9 X9 B2 A1" },
		{ TAKE, .text = "BB" }, { LIST, .text = "U4 Y9 X9 A1 B2" } } },
	{ "a rule alone goes to the tail too", {
		{ ADD, 'X', 9, NULL, 81, 0 }, { ADD, 'A', 2, NULL, 0, 0 }, { LIST, .text = "A2 X9" },
		{ TAKE, .text = "AA" }, { LIST, .text = "X9 A2" } } },
	{ "UDP is listed first and rotates by itself", {
		{ ADD, 'U', 1, NULL, 53, IPPROTO_UDP }, { ADD, 'A', 1, NULL, 0, 0 },
		{ ADD, 'V', 1, NULL, 53, IPPROTO_UDP }, { ADD, 'B', 1, NULL, 0, 0 },
		{ LIST, .text = "V1 U1 B1 A1" }, { TAKE, .text = "B" }, { LIST, .text = "V1 U1 A1 B1" } } },
	{ "a rule that was deleted begins anew when it comes back", {
		{ ADD, 'A', 3, NULL, 0, 0 }, { ADD, 'B', 3, NULL, 0, 0 }, { TAKE, .text = "BBBAA" },
		{ DELETE, .server = 'A' }, { LIST, .text = "B3" }, { ADD, 'A', 3, NULL, 0, 0 },
		{ LIST, .text = "A3 B3" }, { TAKE, .text = "AAABBBA" } } },
	{ "the article's example: .28 has 5, .27 has 15", {
		{ ADD, 'A', 15, NULL, 0, 0 }, { ADD, 'B', 5, NULL, 0, 0 },
		{ TAKE, .text = "BBBBBAAAAAAAAAAAAAAABBBBBAAAAAAAAAAAAAAAB" }, { LIST, .text = "B4 A15" } } },
};

/* clang-format on */

/* ---------------------------------------------------------------- telling a story */

struct world {
	struct masq_conf_rules model;
	struct masq_rules *rules;
};

static void
recompile(struct world *w)
{
	struct masq_err err = { "" };
	struct masq_rules *rules = masq_rules_create(
			&w->model, test_ports, TEST_PORTS, w->rules, &err);

	if (rules == NULL)
		fail_msg("%s", err.text);
	masq_rules_destroy(w->rules);
	w->rules = rules;
}

static struct masq_conf_portfw
server_rule(char server, uint32_t pref)
{
	return (struct masq_conf_portfw){
		.proto = IPPROTO_TCP,
		.laddr = BOX,
		.lport = WEB,
		.raddr = MASQ_IP4(192, 168, 16, (uint8_t)server),
		.rport = 8080,
		.pref = pref,
	};
}

static struct masq_conf_portfw *
find_server(struct world *w, char server)
{
	for (uint32_t i = 0; i < w->model.n_portfw; i++) {
		if ((w->model.portfw[i].raddr & 0xff) == (uint8_t)server)
			return &w->model.portfw[i];
	}
	fail_msg("no server %c", server);
	abort();
}

static void
change(struct world *w, const struct step *step)
{
	struct masq_conf_portfw rule = server_rule(step->server, step->pref);
	struct masq_conf_portfw *old;

	switch (step->verb) {
	case ADD:
		rule.lport = step->lport != 0 ? step->lport : WEB;
		rule.proto = step->proto != 0 ? step->proto : IPPROTO_TCP;
		test_model_portfw(&w->model, rule);
		break;
	case EDIT:
		old = find_server(w, step->server);
		old->pref = step->pref;
		old->edit++;
		break;
	case DELETE:
		old = find_server(w, step->server);
		memmove(old, old + 1,
				(size_t)(w->model.portfw + w->model.n_portfw - old - 1) *
						sizeof(*old));
		w->model.n_portfw--;
		break;
	case ROUTE:
	case END:
	case TAKE:
	case LIST:
		break;
	}
	recompile(w);
}

static void
take(struct world *w, const char *servers)
{
	for (const char *s = servers; *s != '\0'; s++) {
		struct masq_portfw_target target = { 0 }, next = { 0 };

		assert_int_equal(masq_rules_portfw_next(w->rules, IPPROTO_TCP, BOX, WEB, &next), 0);
		assert_int_equal(masq_rules_portfw_turn(w->rules, IPPROTO_TCP, BOX, WEB, &target),
				0);
		if ((target.raddr & 0xff) != (uint8_t)*s)
			fail_msg("session %d of %s went to %c", (int)(s - servers) + 1, servers,
					(char)target.raddr);
		assert_int_equal(next.rule_id, target.rule_id);
		assert_int_equal(target.rport, 8080);
		assert_int_equal(target.rule_id, find_server(w, *s)->id);
	}
}

static void
look(struct world *w, const char *expected)
{
	struct masq_portfw_row rows[16];
	uint32_t n = masq_rules_portfw_rows(w->rules, rows, 16);
	char text[128] = "";
	size_t len = 0;

	for (uint32_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%c%u", i == 0 ? "" : " ",
				(char)rows[i].rule.raddr, rows[i].pcnt);
	assert_string_equal(text, expected);
}

static void
turns_come_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct world w = { .rules = NULL };

		printf("  %s\n", stories[i].says);
		test_model_init(&w.model);
		for (size_t k = 0; k < STEPS && stories[i].steps[k].verb != END; k++) {
			const struct step *step = &stories[i].steps[k];

			if (step->verb == TAKE)
				take(&w, step->text);
			else if (step->verb == LIST)
				look(&w, step->text);
			else
				change(&w, step);
		}
		masq_rules_destroy(w.rules);
		test_model_fini(&w.model);
	}
}

/* ---------------------------------------------------------------- which destination */

struct destination {
	uint8_t proto;
	uint32_t addr;
	uint16_t port;
	bool taken;
};

static void
only_the_exact_destination_is_taken(void **state)
{
	/* clang-format off */
	static const struct destination rows[] = {
		{ IPPROTO_TCP, BOX,                        80,    true },
		{ IPPROTO_UDP, BOX,                        80,    false },
		{ IPPROTO_TCP, BOX + 1,                    80,    false },
		{ IPPROTO_TCP, BOX,                        81,    false },
		{ IPPROTO_TCP, BOX,                        60999, true },
		{ IPPROTO_UDP, MASQ_IP4(255,255,255,255),  1,     true },
		{ IPPROTO_TCP, 0,                          0,     false },
		{ IPPROTO_TCP, MASQ_IP4(1, 2, 3, 4),       22,    false }, /* LADDR 0.0.0.0 is no wildcard */
		{ 0,           0,                          0,     false },
	};
	/* clang-format on */
	struct masq_portfw_target target;
	struct world w = { .rules = NULL };

	(void)state;
	test_model_init(&w.model);
	recompile(&w);
	assert_false(takes(w.rules, IPPROTO_TCP, BOX, 80));
	assert_int_equal(masq_rules_portfw_turn(w.rules, IPPROTO_TCP, BOX, 80, &target), -ENOENT);
	assert_int_equal(masq_rules_portfw_rows(w.rules, NULL, 0), 0);
	change(&w, &(struct step){ ADD, 'A', 1, NULL, 80, IPPROTO_TCP });
	change(&w, &(struct step){ ADD, 'B', 1, NULL, 60999, IPPROTO_TCP });
	change(&w, &(struct step){ ADD, 'C', 1, NULL, 1, IPPROTO_UDP });
	w.model.portfw[0].laddr = UINT32_MAX;
	change(&w, &(struct step){ ADD, 'D', 1, NULL, 22, IPPROTO_TCP });
	w.model.portfw[0].laddr = 0;
	recompile(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct destination *d = &rows[i];

		assert_int_equal(takes(w.rules, d->proto, d->addr, d->port), d->taken);
		assert_int_equal(masq_rules_portfw_turn(
						 w.rules, d->proto, d->addr, d->port, &target),
				d->taken ? 0 : -ENOENT);
	}
	masq_rules_destroy(w.rules);
	test_model_fini(&w.model);
}

/* Thousands of groups: each is found, neighbours are not, rows are cut at what was asked for. */
static void
many_groups_are_found(void **state)
{
	struct masq_portfw_target target;
	struct masq_portfw_row rows[3];
	struct world w = { .rules = NULL };

	(void)state;
	test_model_init(&w.model);
	for (uint32_t i = 0; i < 3000; i++) {
		struct masq_conf_portfw rule = server_rule('A', 1 + i);

		rule.laddr += i % 50;
		rule.lport = (uint16_t)(1 + 2 * (i / 50));
		rule.raddr = i;
		test_model_portfw(&w.model, rule);
	}
	recompile(&w);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t laddr = BOX + i % 50;
		uint16_t lport = (uint16_t)(1 + 2 * (i / 50));

		assert_int_equal(
				masq_rules_portfw_turn(w.rules, IPPROTO_TCP, laddr, lport, &target),
				0);
		assert_int_equal(target.raddr, i);
		assert_false(takes(w.rules, IPPROTO_TCP, laddr, (uint16_t)(lport + 1)));
	}
	assert_int_equal(masq_rules_portfw_rows(w.rules, rows, 3), 3000);
	assert_int_equal(rows[0].rule.raddr, 2999);
	masq_rules_destroy(w.rules);
	test_model_fini(&w.model);
}

static void
impossible_rules_are_refused(void **state)
{
	struct world w = { .rules = NULL };
	struct masq_err err = { "" };

	(void)state;
	test_model_init(&w.model);
	test_model_portfw(&w.model, server_rule('A', 0));
	assert_null(masq_rules_create(&w.model, test_ports, TEST_PORTS, NULL, &err));
	assert_string_equal(err.text, "portfw rule 1: preference 0; accepted: 1 and more");
	w.model.portfw[0].pref = 1;
	w.model.portfw[0].proto = IPPROTO_ICMP;
	assert_null(masq_rules_create(&w.model, test_ports, TEST_PORTS, NULL, &err));
	assert_string_equal(err.text, "portfw rule 1: protocol 1; accepted: tcp and udp");
	test_model_fini(&w.model);
}

/* ---------------------------------------------------------------- several workers */

struct worker {
	const struct masq_rules *rules;
	uint32_t sessions;
	uint32_t served[128]; /* by server */
	pthread_t thread;
};

static void *
work(void *arg)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < w->sessions; i++) {
		struct masq_portfw_target target;

		if (masq_rules_portfw_turn(w->rules, IPPROTO_TCP, BOX, WEB, &target) == 0)
			w->served[target.raddr & 127]++;
	}
	return NULL;
}

static void
check_workers(uint32_t n_workers, uint32_t rounds)
{
	struct world w = { .rules = NULL };
	struct worker workers[4] = { 0 };
	uint32_t a = 0, b = 0, c = 0;
	struct masq_portfw_row rows[3];

	test_model_init(&w.model);
	test_model_portfw(&w.model, server_rule('A', 15));
	test_model_portfw(&w.model, server_rule('B', 5));
	test_model_portfw(&w.model, server_rule('C', 1));
	recompile(&w);
	for (uint32_t i = 0; i < n_workers; i++) {
		workers[i].rules = w.rules;
		workers[i].sessions = 21 * rounds / n_workers;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < n_workers; i++) {
		pthread_join(workers[i].thread, NULL);
		a += workers[i].served['A'];
		b += workers[i].served['B'];
		c += workers[i].served['C'];
	}
	assert_int_equal(a, 15 * rounds);
	assert_int_equal(b, 5 * rounds);
	assert_int_equal(c, rounds);
	/* whatever the stamps raced to, the list is in the order of the turns */
	assert_int_equal(masq_rules_portfw_rows(w.rules, rows, 3), 3);
	assert_int_equal(rows[0].rule.raddr & 127, 'C');
	assert_int_equal(rows[1].rule.raddr & 127, 'B');
	assert_int_equal(rows[2].rule.raddr & 127, 'A');
	masq_rules_destroy(w.rules);
	test_model_fini(&w.model);
}

static void
two_workers_share_the_turns_exactly(void **state)
{
	(void)state;
	check_workers(2, 2);
	check_workers(2, 20000);
}

static void
four_workers_share_the_turns_exactly(void **state)
{
	(void)state;
	check_workers(4, 4);
	check_workers(4, 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_come_in_order),
		cmocka_unit_test(only_the_exact_destination_is_taken),
		cmocka_unit_test(many_groups_are_found),
		cmocka_unit_test(impossible_rules_are_refused),
		cmocka_unit_test(two_workers_share_the_turns_exactly),
		cmocka_unit_test(four_workers_share_the_turns_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
