/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tally, against a plain list: halves come, count, are judged anew and go, in any order, while
 * pictures are taken and rule sets replaced piece by piece. What a picture shows lies between what
 * had been counted when it was asked for and what has been counted when it is done, for each path,
 * and what a rule set has counted when it is left is exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_malloc.h>

#include <masq_path.h>

#include "masq_tally.h"
#include "masq_test_eal.h"
#include "masq_test_random.h"
#include "masq_worker.h"

#define PATHS 5000 /* more than are copied in one piece */
#define FEW 40 /* of them are met often */
#define HALVES 3000 /* more than are looked at in one piece */
#define STEPS 60000
#define MAX_BYTES 1500

struct house {
	struct masq_worker *w;
	uint64_t rnd;
	struct masq_path_table *paths, *before;
	/* what was counted: now, under the rules before, and when the picture was asked for */
	struct masq_path_counter now[PATHS], old[PATHS], asked[PATHS];
	struct masq_path_counter seen[PATHS];
	bool picturing;
	unsigned int pictures, rule_sets;
	uint32_t index[HALVES]; /* of half number k; MASQ_HALF_NONE: it is not in */
};

static struct masq_path_table *
make_paths(void)
{
	struct masq_err err = { "" };
	struct masq_path_table *paths = masq_path_create(PATHS, PATHS, PATHS, SOCKET_ID_ANY, &err);

	if (paths == NULL)
		fail_msg("%s", err.text);
	for (uint32_t slot = 0; slot < PATHS; slot++)
		assert_int_equal(masq_path_intern(paths, &slot, 1), slot);
	return paths;
}

static void
build(struct house *h, uint64_t seed)
{
	struct masq_session_config config = {
		.sessions = HALVES / 2,
		.halves = HALVES,
		.seed = { seed, ~seed },
		.socket_id = SOCKET_ID_ANY,
	};
	struct masq_err err = { "" };

	memset(h, 0, sizeof(*h));
	h->rnd = seed;
	h->w = rte_zmalloc("worker", sizeof(*h->w), RTE_CACHE_LINE_SIZE);
	assert_non_null(h->w);
	h->w->sessions = masq_session_table_create(&config, &err);
	if (h->w->sessions == NULL)
		fail_msg("%s", err.text);
	h->paths = make_paths();
	h->w->paths = h->paths;
	h->w->generation = 1;
	h->w->now_ms = 1000;
	masq_tally_begin(h->w, NULL);
	assert_int_equal(h->w->tally.pictured, MASQ_TALLY_NO_PICTURE);
	for (uint32_t k = 0; k < HALVES; k++)
		h->index[k] = MASQ_HALF_NONE;
}

static void
tear_down(struct house *h)
{
	masq_path_destroy(h->paths);
	masq_path_destroy(h->before);
	masq_session_table_destroy(h->w->sessions);
	rte_free(h->w);
}

static void
count_in(struct masq_path_counter *counter, uint32_t bytes)
{
	counter->packets++;
	counter->bytes += bytes;
}

static uint32_t
some_path(struct house *h)
{
	uint32_t n = test_random_percent(&h->rnd, 80) ? FEW : PATHS;

	return PATHS - 1 - test_random_below(&h->rnd, n);
}

static struct masq_tuple
tuple_of(uint32_t k)
{
	return (struct masq_tuple){ .src = k + 1, .dst = 7, .sport = 1, .dport = 2, .proto = 17 };
}

/* Born judged, its first packet counted; or unjudged. */
static void
put_in(struct house *h, uint32_t k)
{
	struct masq_half half = MASQ_HALF_UNJUDGED;
	struct masq_tuple tuple = tuple_of(k);

	if (test_random_percent(&h->rnd, 70)) {
		half.generation = h->w->generation;
		half.path = some_path(h);
		half.packets = 1;
		half.bytes = test_random_below(&h->rnd, MAX_BYTES);
		count_in(&h->now[half.path], (uint32_t)half.bytes);
	}
	h->index[k] = masq_half_insert(h->w->sessions, &tuple, &half);
	assert_int_not_equal(h->index[k], MASQ_HALF_NONE);
}

static void
take_out(struct house *h, uint32_t k)
{
	masq_tally_leave(h->w, masq_half_at(h->w->sessions, h->index[k]));
	masq_half_remove(h->w->sessions, h->index[k]);
	h->index[k] = MASQ_HALF_NONE;
}

/* One packet: of the half alone if it is judged; else, or for a reason of its own, by the chains. */
static void
packet(struct house *h, struct masq_half *half)
{
	uint32_t bytes = test_random_below(&h->rnd, MAX_BYTES), path = some_path(h);

	if (half->generation == h->w->generation && test_random_percent(&h->rnd, 80)) {
		count_in(&h->now[half->path], bytes);
		masq_half_seen(half, h->w->now_ms, bytes);
		return;
	}
	masq_path_count(masq_path_counters(h->paths), path, bytes);
	count_in(&h->now[path], bytes);
	masq_tally_apart(h->w, half, bytes);
	if (test_random_percent(&h->rnd, 50)) {
		masq_tally_leave(h->w, half);
		half->generation = 0;
		if (test_random_percent(&h->rnd, 80))
			masq_tally_join(h->w, half, path);
	}
}

static void
demand(const struct masq_path_table *paths, const struct masq_path_counter *least,
		const struct masq_path_counter *most)
{
	static struct masq_path_counter sum[PATHS];

	memset(sum, 0, sizeof(sum));
	masq_path_sum(paths, sum, PATHS);
	for (uint32_t path = 0; path < PATHS; path++) {
		assert_in_range(sum[path].packets, least[path].packets, most[path].packets);
		assert_in_range(sum[path].bytes, least[path].bytes, most[path].bytes);
	}
}

static void
picture(struct house *h)
{
	if (!h->picturing)
		memcpy(h->asked, h->now, sizeof(h->asked));
	h->picturing = !masq_tally_picture_some(h->w);
	if (h->picturing)
		return;
	demand(h->paths, h->asked, h->now);
	h->pictures++;
}

static void
rules(struct house *h)
{
	if (h->w->tally.before == NULL && !h->picturing && test_random_percent(&h->rnd, 10)) {
		masq_path_destroy(h->before);
		h->before = h->paths;
		memcpy(h->old, h->now, sizeof(h->old));
		memset(h->now, 0, sizeof(h->now));
		h->paths = make_paths();
		h->w->paths = h->paths;
		h->w->generation++;
		masq_tally_begin(h->w, h->before);
	} else if (h->w->tally.before != NULL && masq_tally_leave_some(h->w)) {
		assert_null(h->w->tally.before);
		demand(h->before, h->old, h->old);
		h->rule_sets++;
	}
}

/* Nobody does anything meanwhile. */
static void
demand_exact(struct house *h)
{
	while (h->picturing)
		picture(h);
	do
		picture(h);
	while (h->picturing);
}

static void
everything_is_counted_once(void **state)
{
	static struct house h;

	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		build(&h, seed);
		for (uint32_t step = 0; step < STEPS; step++) {
			uint32_t k = test_random_below(&h.rnd, HALVES);
			uint32_t what = test_random_below(&h.rnd, 1000);

			if (what < 3)
				rules(&h);
			else if (what < 10)
				picture(&h);
			else if (h.index[k] == MASQ_HALF_NONE)
				put_in(&h, k);
			else if (what < 300)
				take_out(&h, k);
			else
				packet(&h, masq_half_at(h.w->sessions, h.index[k]));
			if (step % 10000 == 0)
				demand_exact(&h);
		}
		demand_exact(&h);
		assert_in_range(h.pictures, 10, STEPS);
		assert_in_range(h.rule_sets, 1, STEPS);
		tear_down(&h);
	}
}

/* The last half goes while walks are on their way: there is nobody left to look at. */
static void
walks_end_when_nobody_is_in(void **state)
{
	static struct house h;

	(void)state;
	build(&h, 9);
	for (uint32_t k = 0; k < 10; k++)
		put_in(&h, k);
	for (uint32_t k = 0; k < 10; k++)
		packet(&h, masq_half_at(h.w->sessions, h.index[k]));
	while (h.rule_sets == 0) {
		rules(&h);
		for (uint32_t k = 0; h.w->tally.before != NULL && k < 10; k++)
			if (h.index[k] != MASQ_HALF_NONE)
				take_out(&h, k);
	}
	assert_int_equal(masq_half_used(h.w->sessions), 0);
	for (uint32_t k = 0; k < 10; k++)
		put_in(&h, k);
	picture(&h);
	for (uint32_t k = 0; k < 10; k++)
		take_out(&h, k);
	demand_exact(&h);
	tear_down(&h);
}

/* A half that was never in is all zeros, which would be path 0. */
static void
who_was_never_judged_stands_nowhere(void **state)
{
	static struct house h;
	struct masq_half *half;

	(void)state;
	build(&h, 10);
	half = masq_half_at(h.w->sessions, HALVES - 1);
	assert_int_equal(half->path, 0);
	half->packets = 5;
	masq_tally_leave(h.w, half);
	demand_exact(&h);
	half->packets = 0;
	tear_down(&h);
}

/* Nobody is in: a box without sessions does not wait. */
static void
an_empty_table_is_not_walked_through(void **state)
{
	static struct house h;
	unsigned int pieces = 1;

	(void)state;
	build(&h, 11);
	while (h.w->tally.before == NULL)
		rules(&h);
	while (!masq_tally_leave_some(h.w))
		pieces++;
	assert_in_range(pieces, 1, 2);
	for (pieces = 1; !masq_tally_picture_some(h.w);)
		pieces++;
	assert_in_range(pieces, 1, 2);
	tear_down(&h);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_counted_once),
		cmocka_unit_test(walks_end_when_nobody_is_in),
		cmocka_unit_test(who_was_never_judged_stands_nowhere),
		cmocka_unit_test(an_empty_table_is_not_walked_through),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "128");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
