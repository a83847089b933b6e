/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The choice of external ports: exact to the last one, split among the workers, random, cheap, and
 * with nothing left behind. Every house that a test builds is checked at its end to be as new.
 */

#include <errno.h>
#include <netinet/in.h>

#include "masq_test_eal.h"
#include "test_portmap_lib.h"

/* ---------------------------------------------------------------- to the last port */

struct fill_row {
	const char *name;
	struct plan plan;
	uint8_t proto;
};

static const struct fill_row fill_rows[] = {
	{ "one worker", { .workers = 1 }, IPPROTO_TCP },
	{ "one worker, RSS table of one", { .workers = 1, .table_size = 1 }, IPPROTO_UDP },
	{ "two workers", { .workers = 2 }, IPPROTO_TCP },
	{ "two workers, RSS table of two", { .workers = 2, .table_size = 2 }, IPPROTO_TCP },
	{ "three workers", { .workers = 3, .table_size = 128 }, IPPROTO_UDP },
	{ "four workers", { .workers = 4 }, IPPROTO_UDP },
	{ "all ports", { .workers = 2, .low = 1 }, IPPROTO_TCP },
	{ "ports of Linux 2.2, one worker", { .low = 61000, .high = 65095 }, IPPROTO_TCP },
	{ "ports of Linux 2.2, two", { .workers = 2, .low = 61000, .high = 65095 }, IPPROTO_TCP },
	{ "ports of Linux 2.2, four", { .workers = 4, .low = 61000, .high = 65095 }, IPPROTO_UDP },
	{ "ten ports", { .workers = 2, .low = 2001, .high = 2010 }, IPPROTO_TCP },
	{ "one port", { .workers = 4, .low = 5000, .high = 5000 }, IPPROTO_TCP },
	{ "the last port", { .workers = 1, .low = 65535 }, IPPROTO_UDP },
	{ "identifiers", { .workers = 1 }, IPPROTO_ICMP },
	{ "identifiers, range of ports does not matter", { .low = 5000, .high = 5000 },
			IPPROTO_ICMP },
	{ "identifiers, four workers", { .workers = 4 }, IPPROTO_ICMP },
};

/*
 * What a call may cost while a peer fills up from nothing: what it learns, one lookup of a port
 * that nobody owns, all probes. Shares that are looked through in one call may cost that.
 */
static uint32_t
dearest_call(const struct plan *plan, uint8_t proto, uint32_t ports)
{
	uint32_t share = proto == IPPROTO_ICMP ? ports : ports / plan->workers;

	return share > 1600 ? 8 + 1 + 25 : MASQ_PORTMAP_SCAN;
}

static uint32_t
fill_worker(struct house *house, uint32_t w, const struct fill_row *row, uint32_t ports,
		struct sessions *list)
{
	struct masq_tuple peer = peer_tuple(row->proto, 1, 1);
	uint32_t dearest = dearest_call(&row->plan, row->proto, ports);
	uint32_t n = 0, got;

	do {
		uint64_t before = stats_of(house->map[w]).lookups;

		got = fill(house, w, &peer, 1, list);
		assert_in_range(stats_of(house->map[w]).lookups - before, 0, dearest);
		n += got;
	} while (got != 0);
	assert_int_equal(stats_of(house->map[w]).unproved, 0);
	return n;
}

/* A peer that is used up is refused for nothing much, and gets the port that comes back. */
static void
refuse_then_recycle(struct house *house, const struct masq_tuple *peer, struct sessions *list,
		uint32_t index)
{
	struct session again, refused;
	uint32_t w = list->at[index].worker;
	uint64_t before = stats_of(house->map[w]).lookups;

	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(session_open(house, w, peer, &refused), -ENOSPC);
	assert_in_range(stats_of(house->map[w]).lookups - before, 0, 10 * 8);
	session_close(house, &list->at[index]);
	assert_int_equal(session_open(house, w, peer, &again), 0);
	assert_memory_equal(&again.reply, &list->at[index].reply, sizeof(again.reply));
	list->at[index] = again;
	assert_int_equal(session_open(house, w, peer, &refused), -ENOSPC);
}

static void
fill_house(const struct fill_row *row)
{
	static uint8_t given[65536];
	uint32_t low = row->plan.low != 0 ? row->plan.low : 1024;
	uint32_t high = row->plan.high != 0 ? row->plan.high : 65535;
	struct masq_tuple peer = peer_tuple(row->proto, 1, 1);
	struct sessions list = { 0 };
	struct house house;
	struct plan plan = row->plan;

	if (row->proto == IPPROTO_ICMP) {
		low = 0;
		high = 65535;
	}
	plan.workers = plan.workers != 0 ? plan.workers : 1;
	house_build(&house, &plan);
	for (uint32_t w = 0; w < house.workers; w++) {
		struct fill_row full = { row->name, plan, row->proto };

		fill_worker(&house, w, &full, high - low + 1, &list);
	}
	assert_int_equal(list.n, high - low + 1);
	memset(given, 0, sizeof(given));
	for (uint32_t i = 0; i < list.n; i++)
		assert_int_equal(given[port_of(&list.at[i].reply)]++, 0);
	for (uint32_t port = 0; port < 65536; port++)
		assert_int_equal(given[port], port >= low && port <= high);
	refuse_then_recycle(&house, &peer, &list, 0);
	refuse_then_recycle(&house, &peer, &list, list.n / 2);
	refuse_then_recycle(&house, &peer, &list, list.n - 1);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

static void
fills_a_peer_to_the_last_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * RTE_DIM(fill_rows); i++) {
		struct fill_row row = fill_rows[i / 2];

		row.plan.guesses = i % 2 != 0;
		print_message("  %s%s\n", row.name, row.plan.guesses ? ", guessed" : "");
		fill_house(&row);
	}
}

/* ---------------------------------------------------------------- more sessions than ports */

static void
ports_are_used_again_towards_other_peers(void **state)
{
	const struct plan plan = { .sessions = 300000 };
	struct sessions list = { 0 };
	struct house house;

	(void)state;
	house_build(&house, &plan);
	for (uint32_t p = 0; p < 4; p++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, p, 1);

		assert_int_equal(fill(&house, 0, &peer, 40000, &list), 40000);
	}
	for (uint32_t p = 0; p < 4; p++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, p, 1);

		assert_int_equal(fill(&house, 0, &peer, UINT32_MAX, &list), 64512 - 40000);
	}
	assert_int_equal(list.n, 4 * 64512);
	assert_int_equal(stats_of(house.map[0]).unproved, 0);
	assert_int_equal(stats_of(house.map[0]).reused, 3 * 64512);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/* Peers that use little find a port at once, although none of the address is unowned. */
static void
reuse_is_cheap(void **state)
{
	const struct plan plan = { .sessions = 140000 };
	struct masq_tuple first = peer_tuple(IPPROTO_TCP, 1, 1);
	struct sessions list = { 0 };
	struct house house;
	uint64_t before;

	(void)state;
	house_build(&house, &plan);
	assert_int_equal(fill(&house, 0, &first, UINT32_MAX, &list), 64512);
	before = stats_of(house.map[0]).lookups;
	for (uint32_t p = 0; p < 1000; p++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 100 + p, 1);

		assert_int_equal(fill(&house, 0, &peer, 50, &list), 50);
	}
	assert_in_range(stats_of(house.map[0]).lookups - before, 50000, 50000 + 500);
	assert_int_equal(stats_of(house.map[0]).reused, 50000);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/*
 * A peer holds most ports without owning them; then their owners go. The ports that nobody owns are
 * now mostly used towards that peer, and it shall still get its last one.
 */
static void
mixed_crowd_is_filled_to_the_last_port(void **state)
{
	const struct plan plan = { .workers = 2, .sessions = 70000 };
	struct masq_tuple owner = peer_tuple(IPPROTO_UDP, 1, 1);
	struct masq_tuple late = peer_tuple(IPPROTO_UDP, 2, 1);
	struct sessions owners = { 0 }, list = { 0 };
	struct house house;
	uint32_t share, most, rest;
	uint64_t before;

	(void)state;
	house_build(&house, &plan);
	share = fill(&house, 1, &owner, UINT32_MAX, &owners);
	most = share / 100 * 99;
	assert_int_equal(fill(&house, 1, &late, most, &list), most);
	sessions_close(&house, &owners);
	before = stats_of(house.map[1]).lookups;
	rest = fill(&house, 1, &late, UINT32_MAX, &list);
	/* Its crowd knows the ports: one lookup each, and the refusal at the end. */
	assert_int_equal(stats_of(house.map[1]).lookups - before, rest + 8);
	for (uint32_t p = 3; p < 60; p++) {
		struct masq_tuple other = peer_tuple(IPPROTO_UDP, p, 1);

		assert_int_equal(fill(&house, 1, &other, 100, &list), 100);
	}
	assert_int_equal(stats_of(house.map[1]).unproved, 0);
	assert_int_equal(list.n, 57 * 100 + 32256);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/* A peer's sessions come and go at 99 % use: never a refusal, never a dear call. */
static void
churn_at_the_brink(void **state)
{
	const struct plan plan = { 0 };
	struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 1, 1);
	struct sessions list = { 0 };
	struct house house;
	uint64_t before;

	(void)state;
	house_build(&house, &plan);
	assert_int_equal(fill(&house, 0, &peer, 64511, &list), 64511);
	before = stats_of(house.map[0]).lookups;
	for (uint32_t i = 0; i < 50000; i++) {
		uint32_t victim = (uint32_t)((uint64_t)i * 1000003 % list.n);

		session_close(&house, &list.at[victim]);
		assert_int_equal(session_open(&house, 0, &peer, &list.at[victim]), 0);
	}
	assert_int_equal(stats_of(house.map[0]).lookups - before, 50000);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/* ---------------------------------------------------------------- chance */

struct chance_row {
	const char *name;
	struct plan plan;
	uint8_t proto;
	uint32_t draws;
};

static const struct chance_row chance_rows[] = {
	{ "ports of Linux 2.2", { .low = 61000, .high = 65095 }, IPPROTO_TCP, 131072 },
	{ "ports of Linux 2.2, two workers", { .workers = 2, .low = 61000, .high = 65095 },
			IPPROTO_UDP, 131072 },
	{ "default range", { 0 }, IPPROTO_TCP, 1048576 },
	{ "default range, four workers", { .workers = 4 }, IPPROTO_TCP, 262144 },
	{ "identifiers", { 0 }, IPPROTO_ICMP, 1048576 },
	{ "an odd range", { .low = 1024, .high = 3023, .table_size = 128 }, IPPROTO_TCP, 65536 },
	{ "few ports", { .low = 2000, .high = 2063 }, IPPROTO_TCP, 4096 },
};

/*
 * Each port of the share is equally likely: chi-square over all of them lies within five standard
 * deviations. And no port tells the next: steps of one are as rare as chance has it.
 */
static void
check_chance(const struct chance_row *row)
{
	static uint32_t drawn[65536];
	struct masq_tuple peer = peer_tuple(row->proto, 1, 1);
	struct house house;
	uint32_t ports = 0, steps = 0;
	double expected, chi = 0, off;
	int last = 0;

	house_build(&house, &row->plan);
	memset(drawn, 0, sizeof(drawn));
	for (uint32_t i = 0; i < row->draws; i++) {
		struct session session = { .reply = peer };

		assert_int_equal(port_choose(&house, 0, &session.reply, &session.owns), 0);
		masq_portmap_give(house.map[0], &session.reply, session.owns);
		drawn[port_of(&session.reply)]++;
		steps += abs(port_of(&session.reply) - last) == 1;
		last = port_of(&session.reply);
	}
	for (uint32_t port = 0; port < 65536; port++) {
		peer.dport = rte_cpu_to_be_16((uint16_t)port);
		ports += masq_rss_owner(&rss, &peer) == 0 &&
				(row->proto == IPPROTO_ICMP ||
						(port >= house.map[0]->config.low &&
								port <= house.map[0]->config.high));
	}
	expected = (double)row->draws / ports;
	for (uint32_t port = 0; port < 65536; port++) {
		peer.dport = rte_cpu_to_be_16((uint16_t)port);
		off = drawn[port] - expected;
		if (drawn[port] != 0)
			chi += off * off / expected;
		else if (masq_rss_owner(&rss, &peer) == 0 && port >= house.map[0]->config.low &&
				port <= house.map[0]->config.high)
			chi += expected;
	}
	print_message("  %s: chi-square %.0f over %u ports, %u steps of one\n", row->name, chi,
			ports, steps);
	/* (chi - ports)^2 < 25 * 2 * ports, without a square root */
	assert_true((chi - ports) * (chi - ports) < 50.0 * (ports + 1));
	if (ports > 100)
		assert_true(steps < 4.0 * row->draws / ports + 10);
	house_pull_down(&house);
}

static void
every_port_is_equally_likely(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * RTE_DIM(chance_rows); i++) {
		struct chance_row row = chance_rows[i / 2];

		row.plan.guesses = i % 2 != 0;
		check_chance(&row);
	}
}

static void
another_seed_another_order(void **state)
{
	struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 1, 1);
	struct masq_portmap *other;
	struct masq_portmap_config config;
	const struct plan plan = { 0 };
	struct house house;
	unsigned int same = 0;

	(void)state;
	house_build(&house, &plan);
	config = house.map[0]->config;
	config.seed++;
	other = masq_portmap_create(&config, NULL);
	assert_non_null(other);
	for (unsigned int i = 0; i < 1000; i++) {
		struct masq_tuple a = peer, b = peer;
		bool a_owns, b_owns;

		assert_int_equal(masq_portmap_take(house.map[0], &a, &a_owns), 0);
		assert_int_equal(masq_portmap_take(other, &b, &b_owns), 0);
		same += a.dport == b.dport;
		masq_portmap_give(house.map[0], &a, a_owns);
		masq_portmap_give(other, &b, b_owns);
	}
	assert_in_range(same, 0, 5);
	masq_portmap_destroy(other);
	house_pull_down(&house);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_a_peer_to_the_last_port),
		cmocka_unit_test(ports_are_used_again_towards_other_peers),
		cmocka_unit_test(reuse_is_cheap),
		cmocka_unit_test(mixed_crowd_is_filled_to_the_last_port),
		cmocka_unit_test(churn_at_the_brink),
		cmocka_unit_test(every_port_is_equally_likely),
		cmocka_unit_test(another_seed_another_order),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "512");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
