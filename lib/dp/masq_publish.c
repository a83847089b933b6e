/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting a configuration in force. The control thread compiles the model into a new snapshot
 * beside the one in force, publishes its pointer, and waits until every worker reports that it uses
 * the new one and has left the old one (masq_tally.c). Then nobody reads the old one any more. Its
 * counters are final and are added to those of the rules (masq_rule_counters.c), and it is freed:
 * it *retires*. Workers never wait. Only one configuration changes at a time.
 *
 * Late workers. A worker that is stuck, or stopped in a debugger, does not block the control thread
 * for ever. As soon as its pointer is published the new configuration is in force, whatever happens
 * next: workers take it over when they run. Everything that can fail is done before that. A late
 * worker only delays the end of the old snapshot, which then waits in a list (*replaced*) with
 * those replaced after it. They retire in order, when the next publication or the next query for
 * rule counters finds that all workers have left them. A worker that comes back takes over the
 * newest snapshot and skips those in between, on whose paths it has counted nothing. But it might
 * have been about to take over any of them, so these are kept, too. The list is short, so that a
 * worker that stays away does not use up the memory with every command that is entered.
 *
 * Routes are compiled only if they have changed; otherwise the table is shared by reference.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include <masq_path.h>

#include "masq_dp_priv.h"
#include "masq_mail.h"
#include "masq_port.h"
#include "masq_rule_counters.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

#define PATHS_MIN 2048 /* of one worker: one for every eight sessions, within these limits, */
#define PATHS_ENOUGH 8192 /* but at least two per rule */
#define LINKS_A_PATH 6 /* average number of rules and policies that a packet matches */
#define LINKS_MORE_MAX 262144 /* 1 MB; for rule sets of which packets match many rules */

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
		rte_errno = ENOMEM;
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
compile_rules(const struct masq_conf_start *start, const struct masq_conf_rules *rules,
		const struct masq_rules *previous, struct masq_err *err)
{
	char(*names)[MASQ_CONF_NAME_BYTES] = calloc(start->n_ports, sizeof(*names));
	struct masq_rules *compiled = NULL;

	if (names == NULL) {
		masq_err_set(err, ENOMEM, "no memory to compile the rules");
		return NULL;
	}
	for (uint32_t p = 0; p < start->n_ports; p++)
		memcpy(names[p], start->port[p].name, sizeof(names[p]));
	compiled = masq_rules_create(rules, (const char(*)[MASQ_CONF_NAME_BYTES])names,
			start->n_ports, previous, err);
	free(names);
	if (compiled != NULL && masq_rules_slots(compiled) > MASQ_RULE_SLOTS_MAX) {
		masq_err_set(err, E2BIG, "%u rules and policies are too many; at most %d fit",
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

/* Many rules make one or two paths each. Few rules can make thousands together, given as many
 * sessions. */
static uint32_t
paths_wanted(const struct masq_worker *w, uint32_t slots)
{
	uint32_t paths = RTE_MIN(masq_session_capacity(w->sessions) / 8, (uint32_t)PATHS_ENOUGH);

	/* MASQ_PATHS_MAX at most, because slots are MASQ_RULE_SLOTS_MAX at most. */
	return RTE_MAX(RTE_MAX(paths, (uint32_t)PATHS_MIN), rte_align32pow2(2 * slots));
}

/* Blame the memory setting, not the rules, if DPDK's memory is used up. */
static int
blame_memory(const struct masq_dp *dp, struct masq_err *err)
{
	return masq_conf_start_blame(&dp->start, "memory", NULL, -ENOMEM, err);
}

/* Room for the rules of all paths together. If each packet matches nearly all rules and is
 * distinguished by one of them (say, a rule per host that counts all others), there are as many
 * long paths as rules. */
static uint32_t
links_wanted(uint32_t paths, uint32_t slots)
{
	uint64_t more = RTE_MIN((uint64_t)slots * slots, (uint64_t)LINKS_MORE_MAX);

	return paths * LINKS_A_PATH + (uint32_t)more;
}

/* Allocate the counters of each worker, zeroed and on its own node, so that no worker has to clear
 * them. */
static int
make_paths(const struct masq_dp *dp, struct masq_snapshot *snapshot, struct masq_err *err)
{
	uint32_t slots = masq_rules_slots(snapshot->rules);

	for (uint32_t i = 0; i < dp->n_workers; i++) {
		uint32_t paths = paths_wanted(dp->workers[i], slots);

		snapshot->paths[i] = masq_path_create(paths, links_wanted(paths, slots), slots,
				dp->workers[i]->socket_id, err);
		if (snapshot->paths[i] == NULL)
			return blame_memory(dp, err);
	}
	return 0;
}

/* Compile the rules and routes of a snapshot. */
static int
fill(const struct masq_dp *dp, const struct masq_conf_rules *rules, const struct masq_snapshot *old,
		struct masq_snapshot *snapshot, struct masq_err *err)
{
	snapshot->rules = compile_rules(&dp->start, rules, old != NULL ? old->rules : NULL, err);
	if (snapshot->rules == NULL)
		return -EINVAL;
	if (!routes_changed(dp, rules)) {
		snapshot->fib = masq_fib_ref(old->fib);
		return 0;
	}
	snapshot->fib = compile_routes(dp, rules, err);
	if (snapshot->fib == NULL)
		return rte_errno == ENOMEM ? blame_memory(dp, err) : -EINVAL;
	return 0;
}

static int
compile(const struct masq_dp *dp, const struct masq_conf_rules *rules,
		struct masq_snapshot **compiled, struct masq_err *err)
{
	const struct masq_snapshot *old = atomic_load(&dp->snapshot);
	struct masq_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int ret;

	if (snapshot == NULL)
		return masq_err_set(err, ENOMEM, "no memory for a new configuration");
	snapshot->generation = old != NULL ? old->generation + 1 : 1;
	if (snapshot->generation == 0)
		snapshot->generation = 1; /* 0 means "not judged" */
	snapshot->timeouts = rules->timeouts;
	ret = fill(dp, rules, old, snapshot, err);
	if (ret == 0)
		ret = make_paths(dp, snapshot, err);
	if (ret != 0)
		snapshot_destroy(snapshot);
	else
		*compiled = snapshot;
	return ret;
}

int
masq_dp_rules_check(const struct masq_conf_start *start, const struct masq_conf_rules *rules,
		struct masq_err *err)
{
	struct masq_rules *compiled = compile_rules(start, rules, NULL, err);

	if (compiled == NULL)
		return -EINVAL;
	masq_rules_destroy(compiled);
	return 0;
}

int
masq_dp_check(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	struct masq_snapshot *snapshot;
	const int ret = compile(dp, rules, &snapshot, err);

	if (ret == 0)
		snapshot_destroy(snapshot);
	return ret;
}

/* Workers named in an error message. */
struct culprits {
	uint32_t n;
	char list[MASQ_ERR_LIST_BYTES]; /* "0, 2" */
};

static void
add_culprit(struct culprits *culprits, uint32_t worker)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", worker);
	masq_err_list_add(culprits->list, name);
	culprits->n++;
}

/* "worker 0 has", "workers 0, 2 have" */
#define CULPRITS_HAVE "worker%s %s %s"
#define CULPRITS_HAVE_ARGS(c) (c)->n > 1 ? "s" : "", (c)->list, (c)->n > 1 ? "have" : "has"
#define THEY(c) ((c)->n > 1 ? "they" : "it")

/* Wait until every worker uses the configuration in force and no other. */
static void
wait_for_workers(struct masq_dp *dp, uint32_t limit_ms, struct culprits *late)
{
	const uint32_t generation = atomic_load(&dp->snapshot)->generation;
	const uint64_t limit = rte_rdtsc() + limit_ms * dp->tsc_per_ms;

	for (uint32_t i = 0; i < dp->n_workers; i++) {
		struct masq_worker *w = dp->workers[i];

		/* No thread runs them, so take over on their behalf. */
		if (dp->mode == MASQ_DP_MANUAL || !dp->running)
			masq_worker_take_over(w);
		while (atomic_load_explicit(&w->seen, memory_order_acquire) != generation) {
			if (rte_rdtsc() >= limit) {
				add_culprit(late, i);
				break;
			}
			usleep(MASQ_NAP_US);
		}
	}
}

/* Sum the paths of one generation over all workers. @return heap array of n sums, or NULL */
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

/* Find the workers that have not left a configuration. */
static struct culprits
who_is_at(const struct masq_dp *dp, const struct masq_snapshot *snapshot)
{
	struct culprits at = { 0 };

	/* Modulo 2^32, like the generation numbers. */
	for (uint32_t i = 0; i < dp->n_workers; i++)
		if ((int32_t)(atomic_load_explicit(&dp->workers[i]->seen, memory_order_acquire) -
				    snapshot->generation) <= 0)
			add_culprit(&at, i);
	return at;
}

/* Retire a snapshot: add its final counters to those of the rules, and free it. @return -ENOMEM:
 * not now */
static int
retire(struct masq_dp *dp, struct masq_snapshot *old)
{
	uint32_t n;
	struct masq_path_counter *sums = sum_paths(dp, old, &n);

	if (sums == NULL)
		return -ENOMEM;
	masq_rule_counters_fold(dp->rule_counters, old->rules, sums, n);
	free(sums);
	snapshot_destroy(old);
	return 0;
}

/* Retire every snapshot that all workers have left, oldest first. @return -ENOMEM: some have to
 * wait */
static int
retire_replaced(struct masq_dp *dp)
{
	uint32_t n = 0;
	int ret = 0;

	while (n < dp->n_replaced && who_is_at(dp, dp->replaced[n]).n == 0) {
		ret = retire(dp, dp->replaced[n]);
		if (ret != 0)
			break;
		n++;
	}
	dp->n_replaced -= n;
	memmove(dp->replaced, &dp->replaced[n], dp->n_replaced * sizeof(dp->replaced[0]));
	return ret;
}

static int
no_memory_for_counters(struct masq_err *err)
{
	return masq_err_set(err, ENOMEM, "no memory for the counters of earlier rules");
}

/* Make room in the list for the snapshot in force, in case it has to wait for a late worker. */
static int
make_room(struct masq_dp *dp, struct masq_err *err)
{
	const int ret = retire_replaced(dp);
	struct culprits late;

	if (dp->n_replaced < MASQ_REPLACED_MAX)
		return 0;
	if (ret != 0)
		return no_memory_for_counters(err);
	late = who_is_at(dp, dp->replaced[0]);
	return masq_err_set(err, EBUSY,
			CULPRITS_HAVE
			" not taken over the last %u changes of the rules; no more are "
			"possible until %s again",
			CULPRITS_HAVE_ARGS(&late), dp->n_replaced,
			late.n > 1 ? "they run" : "it runs");
}

/* Copy the routes, for the next publication to compare with. */
static int
copy_routes(const struct masq_conf_rules *rules, struct masq_conf_route **copy,
		struct masq_err *err)
{
	*copy = NULL;
	if (rules->n_routes == 0)
		return 0;
	*copy = calloc(rules->n_routes, sizeof(**copy));
	if (*copy == NULL)
		return masq_err_set(err, ENOMEM, "no memory for %u routes", rules->n_routes);
	memcpy(*copy, rules->routes, rules->n_routes * sizeof(**copy));
	return 0;
}

/* Publish. From here on nothing can fail. */
static void
put_in_force(struct masq_dp *dp, struct masq_snapshot *snapshot, struct masq_conf_route *routes,
		uint32_t n_routes)
{
	struct masq_snapshot *old = atomic_load(&dp->snapshot);

	free(dp->routes);
	dp->routes = routes;
	dp->n_routes = n_routes;
	if (old != NULL)
		dp->replaced[dp->n_replaced++] = old;
	atomic_store_explicit(&dp->snapshot, snapshot, memory_order_release);
}

int
masq_dp_publish(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err)
{
	struct masq_conf_route *routes;
	struct masq_snapshot *snapshot;
	struct culprits late = { 0 };
	int ret = make_room(dp, err);

	if (ret == 0)
		ret = copy_routes(rules, &routes, err);
	if (ret != 0)
		return ret;
	ret = compile(dp, rules, &snapshot, err);
	if (ret != 0) {
		free(routes);
		return ret;
	}
	if (masq_rule_counters_rebuild(dp->rule_counters, snapshot->rules) != 0) {
		masq_err_set(err, ENOMEM, "no memory for the counters of %u rules",
				masq_rules_slots(snapshot->rules));
		snapshot_destroy(snapshot);
		free(routes);
		return -ENOMEM;
	}
	put_in_force(dp, snapshot, routes, rules->n_routes);
	wait_for_workers(dp, dp->take_over_ms, &late);
	retire_replaced(dp);
	if (late.n == 0)
		return 0;
	masq_err_set(err, ETIMEDOUT,
			"the new rules are in force, but " CULPRITS_HAVE
			" not taken them over yet; %s will as soon as %s again, and until then it is "
			"unknown what %s",
			CULPRITS_HAVE_ARGS(&late), THEY(&late), late.n > 1 ? "they run" : "it runs",
			late.n > 1 ? "they count" : "it counts");
	return MASQ_DP_LATE;
}

void
masq_snapshot_discard(struct masq_dp *dp)
{
	while (dp->n_replaced > 0)
		snapshot_destroy(dp->replaced[--dp->n_replaced]);
	snapshot_destroy(atomic_load(&dp->snapshot));
	atomic_store(&dp->snapshot, NULL);
	free(dp->routes);
	dp->routes = NULL;
	dp->n_routes = 0;
}

/* Wait until all workers use the rule set in force, and retire all others. */
static int
catch_up(struct masq_dp *dp, struct masq_err *err)
{
	struct culprits late = { 0 };

	wait_for_workers(dp, dp->answer_ms, &late);
	if (late.n > 0)
		return masq_err_set(err, ETIMEDOUT,
				CULPRITS_HAVE
				" not taken over the rules in force, so it is unknown what "
				"%s counted",
				CULPRITS_HAVE_ARGS(&late), THEY(&late));
	return retire_replaced(dp) != 0 ? no_memory_for_counters(err) : 0;
}

int
masq_dp_rule_counters_refresh(struct masq_dp *dp, struct masq_err *err)
{
	const struct masq_snapshot *snapshot = atomic_load(&dp->snapshot);
	struct masq_path_counter *sums;
	uint32_t n;
	int ret;

	if (snapshot == NULL)
		return 0;
	ret = catch_up(dp, err);
	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < dp->n_workers; i++) {
		if (masq_mail_letter(dp, i, MASQ_LETTER_RULE_COUNTERS) == NULL ||
				masq_mail_ask(dp, i) != 0)
			return masq_err_set(err, ETIMEDOUT,
					"worker %u does not answer, so it is unknown what it counted",
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
