/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the session table costs beside a bare rte_hash, in cycles, by size of the table.
 *
 * Tables: for a power of two of halves, 90 % of them in use; the bare one has the same tuples,
 * entries and flags, and its own hash function. Flows are hit in random order.
 *	lookup	32 tuples at a time. "find" only wants the indices, "count" also writes a packet
 *		into each half, as the packet path does; the bare table does that without having
 *		fetched the halves
 *	insert	one half, or one bare key, into the table as it is
 *	tick	per examined session, both halves in one table: used meanwhile and armed again,
 *		and expired. The records of a slot are strewn over memory, the dearest order
 * Machines are noisy: a number is the median of short blocks, so that whoever takes the processor
 * away in between is not counted; the two sides take turns, and the ratio is that of a round.
 *
 *	bench_session [ROUNDS [BITS ...]]	default: 5 rounds, tables of 2^10, 2^16, 2^20
 */

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_malloc.h>

#include <masq_session.h>
#include <masq_test_eal.h>

#define BURST 32
#define BLOCK 256 /* tuples made before the clock runs: they stay in the cache */
#define BLOCKS 200 /* a round */
#define ROUNDS_MAX 101
#define INSERTS 1024 /* a round, in blocks of BURST */
#define BUDGET 256
#define BITS_MAX 24
#define TICKS_MAX ((1 << BITS_MAX) / 2 / BUDGET + 1)

enum side {
	BARE,
	OURS,
	SIDES
};

struct bench {
	struct masq_session_table *table;
	struct rte_hash *hash;
	struct masq_half *bare_halves; /* what an appliance on a bare rte_hash would have */
	uint32_t entries, live;
	uint64_t random;
};

struct samples {
	double cycles[SIDES][ROUNDS_MAX];
};

static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static struct masq_tuple
tuple_of(uint32_t n)
{
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(UINT32_C(0x0a000000) + n / 64),
		.dst = rte_cpu_to_be_32(UINT32_C(0xcb007107) + n % 7),
		.sport = rte_cpu_to_be_16((uint16_t)(1024 + n % 64 * 100)),
		.dport = rte_cpu_to_be_16(80),
		.proto = IPPROTO_TCP,
	};
}

static void
give_up(const char *what)
{
	fprintf(stderr, "bench_session: %s\n", what);
	exit(1);
}

static struct masq_session_table *
make_table(uint32_t sessions, uint32_t halves)
{
	struct masq_session_config config = {
		.sessions = sessions,
		.halves = halves,
		.socket_id = SOCKET_ID_ANY,
	};
	struct masq_err err;
	struct masq_session_table *table;

	if (masq_hash_seed_random(&config.seed) != 0)
		give_up("no random seed");
	table = masq_session_table_create(&config, &err);
	if (table == NULL)
		give_up(err.text);
	return table;
}

static void
make_tables(struct bench *b, unsigned int bits)
{
	struct rte_hash_parameters parameters = {
		.name = "bare",
		.key_len = sizeof(struct masq_tuple),
		.socket_id = SOCKET_ID_ANY,
	};
	static const struct masq_half half;

	b->table = make_table(1, UINT32_C(1) << bits);
	b->entries = parameters.entries = masq_half_capacity(b->table);
	b->live = (UINT32_C(1) << bits) / 10 * 9;
	b->hash = rte_hash_create(&parameters);
	b->bare_halves = rte_zmalloc("bare_halves", b->entries * sizeof(half), RTE_CACHE_LINE_SIZE);
	if (b->hash == NULL || b->bare_halves == NULL)
		give_up("no memory for the bare table");
	for (uint32_t i = 0; i < b->live; i++) {
		struct masq_tuple tuple = tuple_of(i);

		if (rte_hash_add_key(b->hash, &tuple) < 0 ||
				masq_half_insert(b->table, &tuple, &half) == MASQ_HALF_NONE)
			give_up("a table is full too early");
	}
}

static void
free_tables(struct bench *b)
{
	masq_session_table_destroy(b->table);
	rte_free(b->bare_halves);
	rte_hash_free(b->hash);
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[n / 2];
}

/* ---------------------------------------------------------------- lookups */

static void
lookup_bare(struct bench *b, const void **key, bool counts, uint64_t now_ms)
{
	int32_t position[BURST];

	if (rte_hash_lookup_bulk(b->hash, key, BURST, position) != 0)
		give_up("rte_hash_lookup_bulk() failed");
	for (unsigned int i = 0; i < BURST; i++) {
		if (position[i] < 0)
			give_up("a bare lookup missed");
		if (counts)
			masq_half_seen(&b->bare_halves[position[i]], now_ms, 60);
	}
}

static void
lookup_ours(struct bench *b, const struct masq_tuple *const *key, bool counts, uint64_t now_ms)
{
	uint32_t index[BURST];

	masq_half_lookup_burst(b->table, key, index, BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		if (index[i] == MASQ_HALF_NONE)
			give_up("a lookup missed");
		if (counts)
			masq_half_seen(masq_half_at(b->table, index[i]), now_ms, 60);
	}
}

static double
time_lookups(struct bench *b, enum side side, bool counts)
{
	struct masq_tuple tuple[BLOCK];
	const struct masq_tuple *key[BLOCK];
	const void *bare_key[BLOCK];
	double cycles[BLOCKS];

	for (unsigned int block = 0; block < BLOCKS; block++) {
		uint64_t start;

		for (unsigned int i = 0; i < BLOCK; i++) {
			tuple[i] = tuple_of((uint32_t)(next_random(&b->random) % b->live));
			bare_key[i] = key[i] = &tuple[i];
		}
		start = rte_rdtsc_precise();
		for (unsigned int i = 0; i < BLOCK; i += BURST) {
			if (side == BARE)
				lookup_bare(b, &bare_key[i], counts, start);
			else
				lookup_ours(b, &key[i], counts, start);
		}
		cycles[block] = (double)(rte_rdtsc_precise() - start) / BLOCK;
	}
	return median(cycles, BLOCKS);
}

/* ---------------------------------------------------------------- inserts */

static double
time_inserts(struct bench *b, enum side side)
{
	static struct masq_tuple tuple[INSERTS];
	static uint32_t index[INSERTS];
	static const struct masq_half half;
	uint32_t n = RTE_MIN((b->entries - b->live) / BURST * BURST, (uint32_t)INSERTS);
	uint32_t first = b->live + (uint32_t)(next_random(&b->random) % b->live);
	double cycles[INSERTS / BURST];

	for (uint32_t i = 0; i < n; i++)
		tuple[i] = tuple_of(first + i);
	for (uint32_t block = 0; block < n; block += BURST) {
		uint64_t start = rte_rdtsc_precise();

		for (uint32_t i = block; i < block + BURST; i++)
			index[i] = side == BARE ? (uint32_t)rte_hash_add_key(b->hash, &tuple[i])
						: masq_half_insert(b->table, &tuple[i], &half);
		cycles[block / BURST] = (double)(rte_rdtsc_precise() - start) / BURST;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (index[i] >= b->entries)
			give_up("an insert failed");
		if (side == BARE)
			rte_hash_del_key(b->hash, &tuple[i]);
		else
			masq_half_remove(b->table, index[i]);
	}
	return median(cycles, n / BURST);
}

/* ---------------------------------------------------------------- the wheel */

static const struct masq_conf_timeouts timeouts = {
#define DEFAULT_TIMEOUT(field, word, seconds) .field##_s = (seconds),
	MASQ_CONF_TIMEOUT_LIST(DEFAULT_TIMEOUT)
#undef DEFAULT_TIMEOUT
};

/* UDP sessions, created in the order of records, used for the last time in random order within
 * ten seconds. */
static void
fill_wheel(struct masq_session_table *table, uint32_t n, uint64_t now_ms, uint64_t *random)
{
	for (uint32_t i = 0; i < n; i++) {
		struct masq_tuple initial = tuple_of(i), reply = masq_tuple_reverse(&initial);
		struct masq_half half = { .session = masq_session_alloc(table) };
		struct masq_session *s = masq_session_at(table, half.session);
		uint64_t seen_ms = now_ms + next_random(random) % 10000;

		half.last_seen_ms = masq_half_clock(seen_ms);
		s->initial = masq_half_insert(table, &initial, &half);
		s->reply = masq_half_insert(table, &reply, &half);
		s->created_ms = (uint32_t)now_ms;
		atomic_store(&s->state, MASQ_STATE_UDP);
		masq_session_arm(table, half.session, &timeouts, seen_ms);
	}
}

/* Cycles a session of ticks that examine all of them. */
static double
time_ticks(struct masq_session_table *table, uint32_t n, uint64_t now_ms, uint32_t *n_expired)
{
	static double cycles[TICKS_MAX];
	uint32_t expired[BUDGET];
	uint32_t ticks = n / BUDGET + 1;

	*n_expired = 0;
	for (uint32_t i = 0; i < ticks; i++) {
		uint64_t start = rte_rdtsc_precise();

		*n_expired += masq_session_tick(table, &timeouts, now_ms, BUDGET, expired, BUDGET);
		cycles[i] = (double)(rte_rdtsc_precise() - start) / BUDGET;
	}
	return median(cycles, ticks);
}

static void
bench_ticks(unsigned int bits, uint64_t *random)
{
	uint32_t n = UINT32_C(1) << (bits - 1), n_expired;
	struct masq_session_table *table = make_table(n, 2 * n);
	uint64_t now_ms = 1000000;
	double used, idle;

	masq_session_tick(table, &timeouts, now_ms, 1, &n_expired, 1);
	fill_wheel(table, n, now_ms, random);
	for (uint32_t i = 0; i < n; i++)
		masq_half_at(table, masq_session_at(table, i)->reply)->last_seen_ms =
				masq_half_clock(now_ms + 300000 + next_random(random) % 10000);
	now_ms += 311000;
	used = time_ticks(table, n, now_ms, &n_expired);
	if (n_expired != 0)
		give_up("a session that was used expired");
	now_ms += 311000;
	idle = time_ticks(table, n, now_ms, &n_expired);
	if (n_expired != n)
		give_up("idle sessions did not expire");
	printf("%8" PRIu32 " sessions  tick   used %6.1f  expired %4.1f cycles a session\n", n,
			used, idle);
	masq_session_table_destroy(table);
}

/* ---------------------------------------------------------------- the table of results */

static void
report(const struct bench *b, const char *name, struct samples *s, unsigned int rounds)
{
	double ratio[ROUNDS_MAX];

	for (unsigned int i = 0; i < rounds; i++)
		ratio[i] = s->cycles[OURS][i] / s->cycles[BARE][i];
	qsort(ratio, rounds, sizeof(*ratio), compare_doubles);
	for (unsigned int side = 0; side < SIDES; side++)
		qsort(s->cycles[side], rounds, sizeof(double), compare_doubles);
	printf("%8" PRIu32 " halves    %-6s bare %6.1f  ours %6.1f cycles  ratio %.2f "
	       "(%.2f-%.2f)\n",
			b->live, name, s->cycles[BARE][rounds / 2], s->cycles[OURS][rounds / 2],
			ratio[rounds / 2], ratio[0], ratio[rounds - 1]);
}

static void
bench_halves(unsigned int bits, unsigned int rounds, uint64_t random)
{
	static struct samples find, count, insert;
	struct bench b = { .random = random };

	make_tables(&b, bits);
	for (unsigned int i = 0; i < SIDES; i++)
		time_lookups(&b, i, true); /* the first touch of a page is not counted */
	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < SIDES; i++) {
			enum side side = (round + i) % SIDES;

			find.cycles[side][round] = time_lookups(&b, side, false);
			count.cycles[side][round] = time_lookups(&b, side, true);
			insert.cycles[side][round] = time_inserts(&b, side);
		}
	}
	report(&b, "find", &find, rounds);
	report(&b, "count", &count, rounds);
	report(&b, "insert", &insert, rounds);
	free_tables(&b);
}

static long
number(const char *text, long low, long high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == 0 || *end != 0 || value < low || value > high) {
		fprintf(stderr, "bench_session: \"%s\" is not a number from %ld to %ld\n", text,
				low, high);
		exit(2);
	}
	return value;
}

int
main(int argc, char **argv)
{
	static const char *const default_bits[] = { "10", "16", "20" };
	unsigned int rounds = argc > 1 ? (unsigned int)number(argv[1], 1, ROUNDS_MAX) : 5;
	unsigned int n = argc > 2 ? (unsigned int)argc - 2 : RTE_DIM(default_bits);
	uint64_t random = 42;

	for (unsigned int i = 0; i < n; i++)
		number(argc > 2 ? argv[i + 2] : default_bits[i], 6, BITS_MAX);
	masq_test_eal_init(argv[0], "4096");
	for (unsigned int i = 0; i < n; i++) {
		unsigned int bits = (unsigned int)atoi(argc > 2 ? argv[i + 2] : default_bits[i]);

		bench_halves(bits, rounds, random);
		bench_ticks(bits, &random);
	}
	return 0;
}
