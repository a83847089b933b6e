/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of verdicts: a call that another server's turn takes has the key of the server that it goes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <rte_malloc.h>

#include "masq_judged.h"
#include "masq_test_eal.h"
#include "masq_test_rules.h"
#include "masq_worker.h"

#define LISTED \
	1000 /* hosts, each of which is a class: so many that their numbers take more than eight bits */
#define HOST(k) (MASQ_IP4(10, 0, 0, 0) + 2 * (k))
#define PORT 53

static struct masq_rules *
rules_about_hosts(uint32_t n)
{
	struct masq_err err = { "" };
	struct masq_conf_rules model;
	struct masq_rules *rules;

	test_model_init(&model);
	for (uint32_t k = 0; k < n; k++)
		test_model_rule(&model, MASQ_CHAIN_OUTPUT,
				(struct masq_conf_rule)RULE(.dst = HOST(k),
						.dst_mask = UINT32_MAX));
	rules = masq_rules_create(&model, test_ports, TEST_PORTS, NULL, &err);
	assert_string_equal(err.text, "");
	assert_non_null(rules);
	test_model_fini(&model);
	return rules;
}

static struct masq_worker *
worker_with(const struct masq_rules *rules)
{
	const struct masq_hash_seed seed = { 1, 2 };
	struct masq_err err = { "" };
	struct masq_worker *w = rte_zmalloc("worker", sizeof(*w), RTE_CACHE_LINE_SIZE);

	assert_non_null(w);
	w->socket_id = SOCKET_ID_ANY;
	w->classes = masq_rules_classes(rules);
	assert_int_equal(masq_judged_init(w, 1024, seed, &err), 0);
	return w;
}

/* A call as masq_judged_prepare() leaves it. */
static void
begin(const struct masq_worker *w, struct masq_burst *b)
{
	b->pkt[0].key = (struct masq_tuple){
		.src = rte_cpu_to_be_32(MASQ_IP4(198, 51, 100, 1)),
		.dst = rte_cpu_to_be_32(MASQ_IP4(203, 0, 113, 1)),
		.sport = rte_cpu_to_be_16(4000),
		.dport = rte_cpu_to_be_16(PORT),
		.proto = 17,
	};
	b->judged_key[0].a = masq_classes_of(w->classes, &b->pkt[0].key);
	b->judged_key[0].b = 0;
	b->judged_line[0] = 0;
}

static void
prepare(struct masq_worker *w, struct masq_burst *b, uint32_t server)
{
	masq_judged_prepare_call(w, b, 0, rte_cpu_to_be_32(server), rte_cpu_to_be_16(PORT), 1);
}

static void
prepare_again(struct masq_worker *w, struct masq_burst *b, uint32_t server)
{
	masq_judged_prepare_call_again(
			w, b, 0, rte_cpu_to_be_32(server), rte_cpu_to_be_16(PORT), 1);
}

static void
try_servers(uint32_t listed, uint32_t others)
{
	struct masq_rules *rules = rules_about_hosts(listed);
	struct masq_worker *w = worker_with(rules);
	struct masq_burst *b = rte_zmalloc("burst", sizeof(*b), RTE_CACHE_LINE_SIZE);

	assert_non_null(b);
	for (uint32_t first = 0; first < LISTED; first += others)
		for (uint32_t second = 0; second < LISTED; second += others) {
			struct masq_judged_key key;
			uint32_t line;

			begin(w, b);
			prepare(w, b, HOST(second));
			key = b->judged_key[0];
			line = b->judged_line[0];
			assert_true(masq_judged_may(b, 0));
			begin(w, b);
			prepare(w, b, HOST(first));
			prepare_again(w, b, HOST(second));
			assert_int_equal(b->judged_line[0], line);
			assert_memory_equal(&b->judged_key[0], &key, sizeof(key));
		}
	rte_free(b);
	masq_judged_fini(&w->judged);
	rte_free(w);
	masq_rules_destroy(rules);
}

static void
a_call_has_the_key_of_the_server_that_it_goes_to(void **state)
{
	(void)state;
	try_servers(LISTED, 51);
}

/* The same where some hosts have no class. */
static void
while_others_are_alone(void **state)
{
	(void)state;
	try_servers(2 * MASQ_CLASSES_NAMED, 51);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_has_the_key_of_the_server_that_it_goes_to),
		cmocka_unit_test(while_others_are_alone),
	};

	masq_test_eal_init("test_judged", "64");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
