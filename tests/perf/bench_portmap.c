/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a port costs: cycles of one masq_portmap_take(), and of a whole new session around it (take
 * and two halves put in), while one peer uses 10 to 99.9 % of an address's ports; in the cases
 * where ports are used again; and of a peer that fills up from nothing to its last port. Ratios are to the first row of the same number of workers.
 */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>

#include <masq_portmap.h>

#include "masq_test_eal.h"

#define SEED UINT64_C(0x62656e6368)
#define ROUNDS 9
#define TAKES 4000
#define SESSIONS 524288
#define PEER 1
#define OWNER 2
#define OTHERS 1000

struct session {
	struct masq_tuple reply, initial;
	bool owns;
	bool open;
};

static struct masq_rss rss;
static struct masq_session_table *table;
static struct masq_portmap *map;
static struct session *sessions;
static uint32_t n_sessions;
static uint64_t random_state = SEED, clock_cost;

static void
need(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench_portmap: %s\n", what);
		exit(1);
	}
}

static uint32_t
next_random(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * n >> 32);
}

static void
build(uint32_t workers)
{
	struct masq_err err = { "" };
	struct masq_session_config config = {
		.sessions = SESSIONS, .halves = SESSIONS, .seed = { SEED, ~SEED }
	};
	struct masq_portmap_config ports = {
		.rss = &rss, .low = 1024, .high = 65535, .addresses = 4, .seed = SEED
	};

	need(masq_rss_init(&rss, workers, 512, SEED, &err) == 0, err.text);
	table = masq_session_table_create(&config, &err);
	need(table != NULL, err.text);
	ports.table = table;
	map = masq_portmap_create(&ports, &err);
	need(map != NULL, err.text);
	sessions = calloc(SESSIONS, sizeof(*sessions));
	need(sessions != NULL, "no memory");
	n_sessions = 0;
}

static void
pull_down(void)
{
	free(sessions);
	masq_portmap_destroy(map);
	masq_session_table_destroy(table);
}

/* Open a session. @return cycles of the take, 0 when it was refused */
static uint64_t
open_session(struct session *session, uint32_t peer)
{
	struct masq_half half = { .flags = MASQ_HALF_REPLY };
	uint64_t begin, cycles;
	int code;

	*session = (struct session){
		.reply = { .src = rte_cpu_to_be_32(0xc6336400 + peer),
				.dst = rte_cpu_to_be_32(0xcb007101),
				.sport = rte_cpu_to_be_16(443),
				.proto = IPPROTO_TCP },
		.initial = { .src = rte_cpu_to_be_32(0x0a000000 + next_random(1 << 16)),
				.dst = rte_cpu_to_be_32(0xc6336400 + next_random(1 << 30)),
				.sport = (rte_be16_t)next_random(65536),
				.dport = rte_cpu_to_be_16(443),
				.proto = IPPROTO_TCP },
	};
	begin = rte_rdtsc_precise();
	code = masq_portmap_take(map, &session->reply, &session->owns);
	cycles = rte_rdtsc_precise() - begin;
	if (code != 0)
		return 0;
	session->open = true;
	need(masq_half_insert(table, &session->reply, &half) != MASQ_HALF_NONE, "table full");
	half.flags = 0;
	need(masq_half_insert(table, &session->initial, &half) != MASQ_HALF_NONE, "table full");
	return cycles;
}

static void
close_session(struct session *session)
{
	masq_half_remove(table, masq_half_find(table, &session->initial));
	masq_half_remove(table, masq_half_find(table, &session->reply));
	masq_portmap_give(map, &session->reply, session->owns);
	session->open = false;
}

/* Open @p n sessions, or as many as there are ports for. @return most lookups of a take */
static uint64_t
fill(uint32_t peer, uint32_t n)
{
	struct masq_portmap_stats before, after;
	uint64_t most = 0;

	masq_portmap_stats(map, &before);
	for (uint32_t i = 0; i < n; i++) {
		if (open_session(&sessions[n_sessions], peer) == 0)
			break;
		n_sessions++;
		masq_portmap_stats(map, &after);
		most = RTE_MAX(most, after.lookups - before.lookups);
		before = after;
	}
	return most;
}

struct figures {
	double take[ROUNDS], whole[ROUNDS]; /* cycles, means of rounds */
};

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(values[0]), compare_doubles);
	return values[ROUNDS / 2];
}

static int
compare_cycles(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Mean without the dearest hundredth, where the machine did something else meanwhile. */
static double
mean(uint64_t cycles[TAKES])
{
	uint64_t sum = 0;

	qsort(cycles, TAKES, sizeof(cycles[0]), compare_cycles);
	for (unsigned int i = 0; i < TAKES / 100 * 99; i++)
		sum += cycles[i];
	return (double)sum / (TAKES / 100 * 99);
}

/* One row: sessions from @p from on are closed at random and opened again towards their peers. */
static void
measure(const char *name, uint32_t from, uint32_t peers, double base[2])
{
	static uint64_t takes[TAKES], wholes[TAKES];
	struct figures f;
	double take, whole;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < TAKES; i++) {
			struct session *session = &sessions[from + next_random(n_sessions - from)];
			uint32_t peer = 100 + next_random(peers);
			uint64_t begin;

			if (peers == 1)
				peer = PEER;
			close_session(session);
			begin = rte_rdtsc_precise();
			takes[i] = open_session(session, peer);
			wholes[i] = rte_rdtsc_precise() - begin;
			need(takes[i] != 0, "refused");
		}
		f.take[round] = mean(takes) - (double)clock_cost;
		f.whole[round] = mean(wholes) - 2.0 * (double)clock_cost;
	}
	take = median(f.take);
	whole = median(f.whole);
	if (base[0] == 0) {
		base[0] = take;
		base[1] = whole;
	}
	printf("%-44s %6.0f (%5.0f-%6.0f) %5.2f   %6.0f (%5.0f-%6.0f) %5.2f\n", name, take,
			f.take[0], f.take[ROUNDS - 1], take / base[0], whole, f.whole[0],
			f.whole[ROUNDS - 1], whole / base[1]);
}

static void
measure_refused(const double base[2])
{
	struct session session;
	double take[ROUNDS], middle;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t begin = rte_rdtsc_precise();

		for (unsigned int i = 0; i < TAKES; i++)
			need(open_session(&session, PEER) == 0, "not refused");
		take[round] = (double)(rte_rdtsc_precise() - begin) / TAKES;
	}
	middle = median(take);
	printf("%-44s %6.0f (%5.0f-%6.0f) %5.2f\n", "refused: no port left towards the peer",
			middle, take[0], take[ROUNDS - 1], middle / base[0]);
}

static void
one_peer(uint32_t share, double base[2])
{
	static const uint32_t permille[] = { 100, 500, 900, 990, 999 };
	char name[64];

	for (unsigned int i = 0; i < RTE_DIM(permille); i++) {
		fill(PEER, share / 1000 * permille[i] - n_sessions);
		snprintf(name, sizeof(name), "one peer uses %.1f %% of its share",
				permille[i] / 10.0);
		measure(name, 0, 1, base);
	}
	fill(PEER, UINT32_MAX);
	need(n_sessions == share, "the last port was not found");
	measure_refused(base);
}

static void
many_peers(uint32_t share, double base[2])
{
	uint32_t owners;

	for (uint32_t i = 0; i < share / 10 * 9; i++)
		fill(100 + i % OTHERS, 1);
	measure("1000 peers use 90 % of the ports", 0, OTHERS, base);
	fill(OWNER, UINT32_MAX);
	owners = n_sessions;
	for (uint32_t i = 0; i < 20000; i++)
		fill(100 + i % OTHERS, 1);
	measure("no port unowned, 1000 peers use them again", owners, OTHERS, base);
}

/* A peer got 99 % of its ports while others owned them; then half of the owners went. */
static void
mixed_crowd(uint32_t share, double base[2])
{
	uint32_t owners;

	fill(OWNER, UINT32_MAX);
	owners = n_sessions;
	fill(PEER, share / 100 * 99);
	for (uint32_t i = 0; i < owners; i += 2)
		close_session(&sessions[i]);
	measure("99 % towards one peer, half of them unowned", owners, 1, base);
}

static void
filling_up(uint32_t share)
{
	uint64_t begin = rte_rdtsc_precise();
	uint64_t most = fill(PEER, UINT32_MAX);
	uint64_t mean = (rte_rdtsc_precise() - begin) / n_sessions;

	need(n_sessions == share, "the last port was not found");
	printf("%-44s %6lu a session, at most %lu lookups in a take\n",
			"one peer fills up to its last port", (unsigned long)mean,
			(unsigned long)most);
}

static void
run(uint32_t workers)
{
	double base[2] = { 0 };
	uint32_t share;

	printf("\n%u worker%s\n", workers, workers == 1 ? "" : "s");
	build(workers);
	fill(PEER, UINT32_MAX);
	share = n_sessions;
	pull_down();

	build(workers);
	one_peer(share, base);
	pull_down();
	build(workers);
	many_peers(share, base);
	pull_down();
	build(workers);
	mixed_crowd(share, base);
	pull_down();
	build(workers);
	filling_up(share);
	printf("%-44s %6lu\n", "bytes of a map, 4 addresses",
			(unsigned long)masq_portmap_bytes(map));
	pull_down();
}

int
main(int argc, char **argv)
{
	static const uint32_t workers[] = { 1, 2, 4 };

	(void)argc;
	masq_test_eal_init(argv[0], "512");
	clock_cost = UINT64_MAX;
	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t begin = rte_rdtsc_precise();

		clock_cost = RTE_MIN(clock_cost, rte_rdtsc_precise() - begin);
	}
	printf("cycles: median (min-max) of %d rounds of %d, ratio\n%-44s %-26s   %s\n", ROUNDS,
			TAKES, "", "one take", "take and two halves put in");
	for (unsigned int i = 0; i < RTE_DIM(workers); i++)
		run(workers[i]);
	return 0;
}
