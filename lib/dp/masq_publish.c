/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting a configuration in force. The control thread compiles the model into a new snapshot
 * beside the one in force, publishes its pointer, and waits until every worker says that it works
 * with the new one and has left the old one (masq_tally.c); then nobody reads the old one any more, its
 * counters are final, and it is freed.
 * Workers never wait. One configuration is changed at a time.
 *
 * Routes are compiled only when they changed: the table is shared by reference otherwise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <masq_dp_manual.h>

#include "masq_dp_priv.h"

#define LINKS_A_PATH 6 /* rules and policies that a packet meets, on average, at most */
#define WAIT_US 50
#define WAIT_ROUNDS (10 * 1000000 / WAIT_US) /* ten seconds: a worker is stuck */

static bool
routes_changed(const struct masq_dp *dp, const struct masq_conf_rules *rules)
{
	return atomic_load(&dp->snapshot) == NULL || dp->n_routes != rules->n_routes ||
			(rules->n_routes > 0 &&
					memcmp(dp->routes, rules->routes,
							rules->n_routes * sizeof(*rules->routes)) !=
							0);
}

static struct masq_fib *
compile_routes(const struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	struct masq_conf_port *conf = calloc(dp->n_ports, sizeof(*conf));
	struct masq_fib *fib = NULL;

	if (conf == NULL) {
		masq_err_set(err, ENOMEM, "no memory to compile the routes");
		return NULL;
	}
	for (uint32_t p = 0; p < dp->n_ports; p++)
		conf[p] = dp->ports[p].conf;
	fib = masq_fib_create(
			conf, dp->n_ports, rules->routes, rules->n_routes, SOCKET_ID_ANY, err);
	free(conf);
	return fib;
}

static struct masq_rules *
compile_rules(const struct masq_dp *dp, const struct masq_conf_rules *rules,
		const struct masq_rules *previous, struct masq_err *err)
{
	char(*names)[MASQ_CONF_NAME_BYTES] = calloc(dp->n_ports, sizeof(*names));
	struct masq_rules *compiled = NULL;

	if (names == NULL) {
		masq_err_set(err, ENOMEM, "no memory to compile the rules");
		return NULL;
	}
	for (uint32_t p = 0; p < dp->n_ports; p++)
		memcpy(names[p], dp->ports[p].conf.name, sizeof(names[p]));
	compiled = masq_rules_create(rules, (const char(*)[MASQ_CONF_NAME_BYTES])names, dp->n_ports,
			previous, err);
	free(names);
	if (compiled != NULL && masq_rules_slots(compiled) > MASQ_RULE_SLOTS_MAX) {
		masq_err_set(err, E2BIG, "%u rules are too many; at most %d fit",
				masq_rules_slots(compiled), MASQ_RULE_SLOTS_MAX);
		masq_rules_destroy(compiled);
		return NULL;
	}
	return compiled;
}

static void
snapshot_destroy(struct masq_snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (uint32_t i = 0; i < MASQ_MAX_WORKERS; i++)
		masq_path_destroy(snapshot->paths[i]);
	masq_rules_destroy(snapshot->rules);
	masq_fib_destroy(snapshot->fib);
	free(snapshot);
}

/* Many rules make a path or two each; few may make thousands together, if there are as many sessions. */
static uint32_t
paths_wanted(const struct masq_worker *w, uint32_t slots)
{
	uint32_t paths = RTE_MIN(
			masq_session_capacity(w->sessions) / 8, (uint32_t)MASQ_PATHS_ENOUGH);

	return RTE_MAX(RTE_MAX(paths, (uint32_t)MASQ_PATHS_MIN), rte_align32pow2(2 * slots));
}

/* Counters of each worker, on its own node, empty: so that no worker has to empty them. */
static int
make_paths(const struct masq_dp *dp, struct masq_snapshot *snapshot, struct masq_err *err)
{
	uint32_t slots = masq_rules_slots(snapshot->rules);

	for (uint32_t i = 0; i < dp->n_workers; i++) {
		uint32_t paths = paths_wanted(dp->workers[i], slots);

		snapshot->paths[i] = masq_path_create(
				paths, paths * LINKS_A_PATH, slots, dp->workers[i]->socket_id, err);
		if (snapshot->paths[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static struct masq_snapshot *
compile(const struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	const struct masq_snapshot *old = atomic_load(&dp->snapshot);
	struct masq_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL) {
		masq_err_set(err, ENOMEM, "no memory for a new configuration");
		return NULL;
	}
	snapshot->generation = old != NULL ? old->generation + 1 : 1;
	if (snapshot->generation == 0)
		snapshot->generation = 1; /* 0 means "not judged" */
	snapshot->timeouts = rules->timeouts;
	snapshot->rules = compile_rules(dp, rules, old != NULL ? old->rules : NULL, err);
	if (snapshot->rules != NULL)
		snapshot->fib = routes_changed(dp, rules) ? compile_routes(dp, rules, err)
							  : masq_fib_ref(old->fib);
	if (snapshot->rules == NULL || snapshot->fib == NULL ||
			make_paths(dp, snapshot, err) != 0) {
		snapshot_destroy(snapshot);
		return NULL;
	}
	return snapshot;
}

int
masq_dp_check(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	struct masq_snapshot *snapshot = compile(dp, rules, err);

	if (snapshot == NULL)
		return -EINVAL;
	snapshot_destroy(snapshot);
	return 0;
}

/* Until every worker has left the old configuration. @return false: one of them is stuck */
static bool
wait_for_workers(struct masq_dp *dp, uint32_t generation)
{
	for (uint32_t i = 0; i < dp->n_workers; i++) {
		struct masq_worker *w = dp->workers[i];

		/* Nobody else runs them: a round without packets is a round. */
		if (dp->mode == MASQ_DP_MANUAL || !dp->running)
			masq_worker_take_over(w);
		for (uint32_t round = 0;
				atomic_load_explicit(&w->seen, memory_order_acquire) != generation;
				round++) {
			if (round == WAIT_ROUNDS)
				return false;
			usleep(WAIT_US);
		}
	}
	return true;
}

/* Sum of one generation's paths over all workers. @return heap array of n sums, or NULL */
static struct masq_path_counter *
sum_paths(const struct masq_dp *dp, const struct masq_snapshot *snapshot, uint32_t *n)
{
	struct masq_path_counter *sums;

	*n = masq_rules_slots(snapshot->rules);
	sums = calloc(*n > 0 ? *n : 1, sizeof(*sums));
	for (uint32_t i = 0; sums != NULL && i < dp->n_workers; i++)
		masq_path_sum(snapshot->paths[i], sums, *n);
	return sums;
}

static int
retire(struct masq_dp *dp, struct masq_snapshot *old, const struct masq_snapshot *next)
{
	struct masq_path_counter *sums = NULL;
	uint32_t n = 0;
	int ret;

	if (old != NULL)
		sums = sum_paths(dp, old, &n);
	ret = masq_rule_counters_fold(dp->rule_counters, old != NULL ? old->rules : NULL, sums,
			sums != NULL ? n : 0, next->rules);
	free(sums);
	snapshot_destroy(old);
	return ret;
}

int
masq_dp_publish(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	struct masq_snapshot *old = atomic_load(&dp->snapshot);
	struct masq_conf_route *routes = NULL;
	struct masq_snapshot *snapshot;

	if (rules->n_routes > 0) {
		routes = calloc(rules->n_routes, sizeof(*routes));
		if (routes == NULL)
			return masq_err_set(
					err, ENOMEM, "no memory for %u routes", rules->n_routes);
		memcpy(routes, rules->routes, rules->n_routes * sizeof(*routes));
	}
	snapshot = compile(dp, rules, err);
	if (snapshot == NULL) {
		free(routes);
		return -EINVAL;
	}
	free(dp->routes);
	dp->routes = routes;
	dp->n_routes = rules->n_routes;
	atomic_store_explicit(&dp->snapshot, snapshot, memory_order_release);
	if (!wait_for_workers(dp, snapshot->generation))
		/* Not freed then: a leak is better than a worker that reads freed memory. */
		return masq_err_set(err, ETIMEDOUT,
				"the configuration is in force, but a worker does not respond");
	if (retire(dp, old, snapshot) != 0)
		return masq_err_set(err, ENOMEM, "no memory for the counters of %u rules",
				masq_rules_slots(snapshot->rules));
	return 0;
}

void
masq_snapshot_discard(struct masq_dp *dp)
{
	snapshot_destroy(atomic_load(&dp->snapshot));
	atomic_store(&dp->snapshot, NULL);
	free(dp->routes);
	dp->routes = NULL;
	dp->n_routes = 0;
}

int
masq_dp_rule_counters_refresh(struct masq_dp *dp, struct masq_err *err)
{
	const struct masq_snapshot *snapshot = atomic_load(&dp->snapshot);
	struct masq_path_counter *sums;
	uint32_t n;

	if (snapshot == NULL)
		return 0;
	for (uint32_t i = 0; i < dp->n_workers; i++) {
		struct masq_mail mail = { .kind = MASQ_MAIL_RULE_COUNTERS };

		if (masq_dp_ask(dp, i, &mail) != 0)
			return masq_err_set(err, ETIMEDOUT,
					"worker %u does not answer, so nobody knows what it counted",
					i);
	}
	sums = sum_paths(dp, snapshot, &n);
	if (sums == NULL)
		return masq_err_set(err, ENOMEM, "no memory for the counters of %u rules", n);
	masq_rule_counters_live(dp->rule_counters, snapshot->rules, sums, n);
	free(sums);
	return 0;
}

struct masq_dp_rule_counter
masq_dp_rule_counter(const struct masq_dp *dp, uint32_t id)
{
	return masq_rule_counters_get(dp->rule_counters, id);
}

void
masq_dp_rule_counter_zero(struct masq_dp *dp, uint32_t id)
{
	masq_rule_counters_zero(dp->rule_counters, id);
}

uint32_t
masq_dp_portfw_rows(const struct masq_dp *dp, struct masq_portfw_row *rows, uint32_t max)
{
	const struct masq_snapshot *snapshot = atomic_load(&dp->snapshot);

	return snapshot == NULL ? 0 : masq_rules_portfw_rows(snapshot->rules, rows, max);
}

int
masq_dp_packet_try(const struct masq_dp *dp, uint32_t chain, const struct masq_rules_input *input,
		enum masq_rules_verdict *verdict)
{
	const struct masq_snapshot *snapshot = atomic_load(&dp->snapshot);

	return snapshot == NULL ? -EINVAL : masq_rules_try(snapshot->rules, chain, input, verdict);
}

uint32_t
masq_dp_route_rows(
		const struct masq_dp *dp, uint32_t first, struct masq_fib_row *rows, uint32_t max)
{
	const struct masq_snapshot *snapshot = atomic_load(&dp->snapshot);

	return snapshot == NULL ? 0 : masq_fib_rows(snapshot->fib, first, rows, max);
}
