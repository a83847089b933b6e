/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The table of halves: against a plain map in random order, at every size of burst, up to the last
 * entry and back; and what all of it weighs.
 */

#include <inttypes.h>

#include <rte_malloc.h>

#include <masq_test_eal.h>

#include "masq_session_priv.h"
#include "session_fixture.h"

#define BURST_MAX 64

/* ---------------------------------------------------------------- against a plain map */

#define MODEL_TUPLES 4000
#define MODEL_HALVES 2500
#define MODEL_STEPS 200000

struct model {
	struct masq_session_table *table;
	uint32_t index[MODEL_TUPLES]; /* of tuple_of(i); MASQ_HALF_NONE: not in */
	uint32_t tuple[MODEL_HALVES]; /* the other way round; UINT32_MAX: free */
	uint32_t count;
	uint64_t random;
};

static void
model_insert(struct model *m, uint32_t i)
{
	struct masq_tuple tuple = tuple_of(i);
	struct masq_half half = { .session = i, .packets = UINT64_C(1) << 40 | i };
	uint32_t index;

	index = masq_half_insert(m->table, &tuple, &half);
	if (m->count == MODEL_HALVES) {
		assert_int_equal(index, MASQ_HALF_NONE);
		return;
	}
	assert_in_range(index, 0, MODEL_HALVES - 1);
	assert_int_equal(m->tuple[index], UINT32_MAX);
	m->tuple[index] = i;
	m->index[i] = index;
	m->count++;
}

static void
model_remove(struct model *m, uint32_t i)
{
	masq_half_remove(m->table, m->index[i]);
	m->tuple[m->index[i]] = UINT32_MAX;
	m->index[i] = MASQ_HALF_NONE;
	m->count--;
}

static void
model_lookup(struct model *m)
{
	struct masq_tuple tuple[BURST_MAX];
	uint32_t number[BURST_MAX], signature[BURST_MAX + 1], index[BURST_MAX + 1];
	unsigned int n = random_below(&m->random, BURST_MAX + 1);
	uint64_t missed;

	for (unsigned int i = 0; i < n; i++) {
		number[i] = random_below(&m->random, MODEL_TUPLES);
		tuple[i] = tuple_of(number[i]);
	}
	index[n] = signature[n] = 0xdead;
	missed = masq_half_lookup_burst(m->table, tuple, sizeof(tuple[0]), signature, index, n);
	assert_true(n == 64 || missed >> n == 0);
	assert_int_equal(index[n], 0xdead);
	assert_int_equal(signature[n], 0xdead);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(signature[i], masq_half_signature(m->table, &tuple[i]));
		assert_int_equal(index[i], m->index[number[i]]);
		assert_int_equal(missed >> i & 1, index[i] == MASQ_HALF_NONE);
		assert_int_equal(masq_half_find(m->table, &tuple[i]), index[i]);
		if (index[i] == MASQ_HALF_NONE)
			continue;
		assert_memory_equal(masq_half_key(m->table, index[i]), &tuple[i], sizeof(tuple[i]));
		assert_int_equal(masq_half_at(m->table, index[i])->session, number[i]);
		assert_int_equal(masq_half_at(m->table, index[i])->packets,
				UINT64_C(1) << 40 | number[i]);
	}
}

static void
lookups_agree_with_a_map(void **state)
{
	static struct model m;

	(void)state;
	m.random = random_seed();
	m.table = make_table(0, 10, MODEL_HALVES);
	memset(m.index, 0xff, sizeof(m.index));
	memset(m.tuple, 0xff, sizeof(m.tuple));
	for (unsigned int step = 0; step < MODEL_STEPS; step++) {
		uint32_t i = random_below(&m.random, MODEL_TUPLES);
		/* Full and nearly empty by turns. */
		uint32_t inserts = step / 10000 % 2 == 0 ? 80 : 20;

		if (step % 8 == 0)
			model_lookup(&m);
		if (m.index[i] == MASQ_HALF_NONE && random_below(&m.random, 100) < inserts)
			model_insert(&m, i);
		else if (m.index[i] != MASQ_HALF_NONE && random_below(&m.random, 100) >= inserts)
			model_remove(&m, i);
	}
	masq_session_table_destroy(m.table);
}

/* ---------------------------------------------------------------- positions */

#define FORESEEN 12

/* Where halves will lie is known some insertions before, in whatever order places become free. Nothing is wrong
 * when it is not, but slow; another DPDK may keep its free places elsewhere. */
static void
positions_are_foreseen(void **state)
{
	struct masq_session_table *table = make_table(0, 10, 1000);
	uint32_t foreseen[FORESEEN + 1], in[1000], n_in = 0;
	uint64_t random = random_seed();

	(void)state;
	assert_non_null(table->positions);
	for (uint32_t n = 0; n < 20000; n++) {
		struct masq_half half = { .session = 1 };
		struct masq_tuple tuple = tuple_of(n);

		foreseen[(n + FORESEEN) % (FORESEEN + 1)] = masq_half_coming(table, FORESEEN);
		in[n_in] = masq_half_insert(table, &tuple, &half);
		assert_int_not_equal(in[n_in], MASQ_HALF_NONE);
		if (n >= FORESEEN)
			assert_int_equal(in[n_in], foreseen[n % (FORESEEN + 1)]);
		n_in++;
		while (n_in > 400 + random_below(&random, 500)) {
			uint32_t victim = random_below(&random, n_in);

			masq_half_remove(table, in[victim]);
			in[victim] = in[--n_in];
		}
	}
	masq_session_table_destroy(table);
}

/* ---------------------------------------------------------------- crowded buckets */

#define CROWD 20
#define PAIR 16 /* places of two buckets */

/* Tuples that all belong into one pair of buckets: those that find no place are refused, the others are
 * found, and places become free again. */
static void
crowded_buckets_lose_nothing(void **state)
{
	struct masq_session_table *table = make_table(0, 10, 32);
	struct masq_half half = { .session = 1 };
	struct masq_tuple tuple[CROWD];
	uint32_t index[CROWD];
	unsigned int n = 0, refused = 0;

	(void)state;
	for (uint32_t i = 0; n < CROWD; i++) {
		tuple[n] = tuple_of(i);
		/* 8 buckets: the low 3 bits choose one, xor with the signature's the other. */
		n += (masq_half_signature(table, &tuple[n]) & 0x70007) == 0x10001;
	}
	for (unsigned int i = 0; i < CROWD; i++)
		index[i] = masq_half_insert(table, &tuple[i], &half);
	for (unsigned int i = 0; i < CROWD; i++) {
		refused += index[i] == MASQ_HALF_NONE;
		assert_int_equal(masq_half_find(table, &tuple[i]), index[i]);
	}
	assert_int_equal(refused, CROWD - PAIR);
	for (unsigned int i = 0; i < CROWD; i++)
		if (index[i] != MASQ_HALF_NONE)
			masq_half_remove(table, index[i]);
	for (unsigned int i = 0; i < PAIR; i++)
		assert_int_not_equal(masq_half_insert(table, &tuple[i], &half), MASQ_HALF_NONE);
	masq_session_table_destroy(table);
}

/* ---------------------------------------------------------------- capacity */

/* Powers of two, 15/16 of them, and their neighbours: the fullest and the emptiest buckets. */
static const uint32_t capacities[] = { 8, 9, 63, 64, 65, 960, 1000, 3840, 3841, 4095, 4096, 4097,
	15360, 61439, 61440, 61441, 65535, 65536, 100000, 245760 };

static void
the_last_half_fits_and_no_more(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(capacities) / sizeof(capacities[0]); c++) {
		struct masq_session_table *table = make_table(0, 1, capacities[c]);
		uint32_t n = masq_half_capacity(table);
		struct masq_half half = { .session = 1 };
		struct masq_tuple extra = tuple_of(n);

		for (unsigned int round = 0; round < 3; round++) {
			for (uint32_t i = 0; i < n; i++)
				add_half(table, tuple_of(i), 0, 0, i);
			assert_int_equal(masq_half_insert(table, &extra, &half), MASQ_HALF_NONE);
			assert_int_equal(masq_half_find(table, &extra), MASQ_HALF_NONE);
			for (uint32_t i = 0; i < n; i++) {
				struct masq_tuple tuple = tuple_of(i);
				uint32_t index = masq_half_find(table, &tuple);

				assert_in_range(index, 0, n - 1);
				assert_int_equal(masq_half_at(table, index)->session, i);
				masq_half_remove(table, index);
				assert_int_equal(masq_half_find(table, &tuple), MASQ_HALF_NONE);
			}
		}
		masq_session_table_destroy(table);
	}
}

static void
a_tuple_is_never_taken_twice(void **state)
{
	struct masq_session_table *table = make_table(0, 1, 100);
	struct masq_tuple tuple = tuple_of(1);
	struct masq_half second = { .session = 2 };
	uint32_t index = add_half(table, tuple, 0, 0, 1);

	(void)state;
	assert_int_equal(masq_half_insert(table, &tuple, &second), MASQ_HALF_NONE);
	assert_int_equal(masq_half_find(table, &tuple), index);
	assert_int_equal(masq_half_at(table, index)->session, 1);
	masq_half_remove(table, index);
	assert_int_not_equal(masq_half_insert(table, &tuple, &second), MASQ_HALF_NONE);
	masq_session_table_destroy(table);
}

static const struct {
	uint32_t worker, sessions, halves;
	const char *sentence;
} refused[] = {
	{ MASQ_MAX_WORKERS, 1, 8, "worker" },
	{ 1, 0, 8, "session table of worker 1: 0 sessions are not possible (1 to 536870912)" },
	{ 1, (UINT32_C(1) << 29) + 1, 8, "536870913 sessions" },
	{ 1, 1, 7, "session table of worker 1: 7 halves are not possible (8 to 1073741823)" },
	{ 1, 1, UINT32_C(1) << 30, "1073741824 halves are not possible" },
	{ 1, UINT32_C(1) << 29, 8, "no memory" },
	{ 1, 1, (UINT32_C(1) << 30) - 1, "no memory" },
	{ 1, 1, 3000000, "no memory for 1 sessions with 3000000 halves" },
};

static uint64_t
allocated_bytes(void)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < RTE_MAX_NUMA_NODES; i++) {
		struct rte_malloc_socket_stats stats;

		if (rte_malloc_get_socket_stats((int)i, &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	}
	return bytes;
}

static void
what_cannot_be_made_is_explained(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(refused) / sizeof(refused[0]); r++) {
		struct masq_session_config config = {
			.worker = refused[r].worker,
			.sessions = refused[r].sessions,
			.halves = refused[r].halves,
			.socket_id = SOCKET_ID_ANY,
		};
		struct masq_err err = { "" };
		uint64_t before = allocated_bytes();

		assert_null(masq_session_table_create(&config, &err));
		if (strstr(err.text, refused[r].sentence) == NULL)
			fail_msg("row %zu: \"%s\"", r, err.text);
		assert_int_equal(allocated_bytes(), before);
	}
	masq_session_table_destroy(NULL);
}

/* ---------------------------------------------------------------- memory */

static const struct {
	uint32_t sessions, halves;
	uint32_t bytes_max; /* a session, all included */
} sizes[] = {
	{ 1000, 2000, 450 }, /* the wheel counts here */
	{ 8191, 16383, 305 },
	{ 65535, 131071, 291 },
	{ 65536, 131072, 291 },
	{ 65600, 131200, 291 },
	{ 100000, 200000, 273 },
	{ 122880, 245760, 267 },
	{ 122881, 245762, 306 },
	{ 524287, 1048575, 291 },
	{ 65536, 65536, 170 },
};

static void
bytes_are_what_was_allocated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t before = allocated_bytes(), taken, told;
		struct masq_session_table *table = make_table(
				0, sizes[i].sessions, sizes[i].halves);

		taken = allocated_bytes() - before;
		told = masq_session_table_bytes(table);
		if (told * 100 < taken * 98 || told * 100 > taken * 102)
			fail_msg("%" PRIu32 " sessions: says %" PRIu64 ", takes %" PRIu64,
					sizes[i].sessions, told, taken);
		assert_in_range(taken / sizes[i].sessions, 100, sizes[i].bytes_max);
		masq_session_table_destroy(table);
		assert_int_equal(allocated_bytes(), before);
	}
}

/* Nothing is allocated after creation, however full the table gets. */
static void
work_allocates_nothing(void **state)
{
	struct masq_session_table *table = make_table(0, 20000, 40000);
	uint64_t before = allocated_bytes();
	uint32_t expired[1000];

	(void)state;
	for (uint32_t i = 0; i < 20000; i++)
		add_session(table, i, MASQ_STATE_UDP, 1000);
	while (masq_session_count(table) > 0) {
		unsigned int n = masq_session_tick(
				table, &default_timeouts, 400000, 1000, expired, 1000);

		for (unsigned int i = 0; i < n; i++)
			drop_session(table, expired[i]);
	}
	assert_int_equal(allocated_bytes(), before);
	masq_session_table_destroy(table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_agree_with_a_map),
		cmocka_unit_test(positions_are_foreseen),
		cmocka_unit_test(crowded_buckets_lose_nothing),
		cmocka_unit_test(the_last_half_fits_and_no_more),
		cmocka_unit_test(a_tuple_is_never_taken_twice),
		cmocka_unit_test(what_cannot_be_made_is_explained),
		cmocka_unit_test(bytes_are_what_was_allocated),
		cmocka_unit_test(work_allocates_nothing),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "256");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
