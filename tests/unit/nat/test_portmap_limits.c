/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where a port map's knowledge or memory ends: halves that got their port elsewhere, more addresses
 * or crowded peers than were configured for, values that are refused at creation.
 */

#include <errno.h>
#include <netinet/in.h>

#include "masq_test_eal.h"
#include "test_portmap_lib.h"

/* ---------------------------------------------------------------- halves that came elsewise */

/* Put INITIAL halves of forwarded sessions on every port of low..high of this worker. */
static void
occupy(struct house *house, const struct masq_tuple *peer, uint32_t low, uint32_t high,
		struct sessions *list)
{
	struct masq_half half = { .flags = 0 };

	for (uint32_t port = low; port <= high; port++) {
		struct session session = { .reply = *peer };

		session.reply.dport = rte_cpu_to_be_16((uint16_t)port);
		session.half = masq_half_insert(house->table[0], &session.reply, &half);
		assert_int_not_equal(session.half, MASQ_HALF_NONE);
		sessions_add(list, &session);
	}
}

struct foreign_row {
	const char *name;
	uint32_t low, high; /* of the map */
	uint32_t from, to; /* ports that are occupied */
	uint32_t refusals_until_seen; /* after one was vacated */
};

static const struct foreign_row foreign_rows[] = {
	{ "a few of a large share", 1024, 65535, 3000, 3100, 64512 / 8 + 2 },
	{ "half of a small share", 2000, 2999, 2200, 2699, 1000 / 8 + 2 },
	{ "nearly all of a share", 30000, 34000, 30000, 33999, 4001 / 8 + 2 },
};

static void
foreign_halves_are_respected(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(foreign_rows); i++) {
		const struct foreign_row *row = &foreign_rows[i];
		const struct plan plan = { .low = row->low, .high = row->high };
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 1, 1);
		struct sessions foreign = { 0 }, list = { 0 };
		struct session vacated;
		struct house house;
		uint32_t refusals = 0;

		print_message("  %s\n", row->name);
		house_build(&house, &plan);
		occupy(&house, &peer, row->from, row->to, &foreign);
		fill(&house, 0, &peer, UINT32_MAX, &list);
		if (stats_of(house.map[0]).unproved != 0)
			fill(&house, 0, &peer, UINT32_MAX, &list);
		assert_int_equal(list.n + foreign.n, row->high - row->low + 1);

		vacated = foreign.at[--foreign.n];
		masq_half_remove(house.table[0], vacated.half);
		while (fill(&house, 0, &peer, 1, &list) == 0)
			assert_in_range(++refusals, 0, row->refusals_until_seen);
		assert_int_equal(list.at[list.n - 1].reply.dport, vacated.reply.dport);

		for (uint32_t f = 0; f < foreign.n; f++)
			masq_half_remove(house.table[0], foreign.at[f].half);
		free(foreign.at);
		sessions_close(&house, &list);
		house_pull_down(&house);
	}
}

/* What is told to be vacated is used only when it is one of the ports that this map hands out. */
static void
vacated_ports_must_be_of_the_share(void **state)
{
	const struct plan plan = { .workers = 2, .low = 2000, .high = 2099 };
	struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 1, 1);
	struct sessions list = { 0 };
	struct session refused;
	struct house house;

	(void)state;
	house_build(&house, &plan);
	fill(&house, 0, &peer, UINT32_MAX, &list);
	for (uint32_t port = 0; port < 65536; port++) {
		struct masq_tuple tuple = peer;

		tuple.dport = rte_cpu_to_be_16((uint16_t)port);
		masq_portmap_vacated(house.map[0], &tuple);
	}
	assert_int_equal(session_open(&house, 0, &peer, &refused), -ENOSPC);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/* ---------------------------------------------------------------- less memory than wanted */

static void
more_addresses_than_bitmaps(void **state)
{
	const struct plan plan = { .addresses = 1, .low = 2000, .high = 7999 };
	struct sessions list = { 0 };
	struct house house;

	(void)state;
	house_build(&house, &plan);
	for (uint32_t addr = 0; addr < 3; addr++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 1, addr);

		assert_int_equal(fill(&house, 0, &peer, 10, &list), 10);
	}
	assert_int_equal(stats_of(house.map[0]).bitmaps, 2);
	for (uint32_t addr = 0; addr < 3; addr++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, 1, addr);

		assert_int_equal(fill(&house, 0, &peer, UINT32_MAX, &list), 5990);
	}
	assert_int_equal(stats_of(house.map[0]).unproved, 0);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/*
 * One crowd for two crowded peers: calls may be refused without proof, they say so, and the next
 * ones go on, until every port is found.
 */
static void
too_few_crowds_are_owned_up_to(void **state)
{
	const struct plan plan = { .crowds = 1, .low = 10001, .high = 30000 };
	struct sessions list = { 0 };
	struct house house;

	(void)state;
	house_build(&house, &plan);
	for (uint32_t i = 0; i < 20000; i++)
		for (uint32_t p = 0; p < 2; p++) {
			struct masq_tuple peer = peer_tuple(IPPROTO_TCP, p, 1);

			fill(&house, 0, &peer, 1, &list);
		}
	assert_true(list.n > 2 * 19900);
	assert_int_not_equal(stats_of(house.map[0]).unproved, 0);
	for (uint32_t p = 0; p < 2; p++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, p, 1);
		uint64_t unproved;

		do {
			unproved = stats_of(house.map[0]).unproved;
			fill(&house, 0, &peer, UINT32_MAX, &list);
		} while (stats_of(house.map[0]).unproved != unproved);
	}
	assert_int_equal(list.n, 2 * 20000);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/* With the number of crowds that the map chooses, as many peers as fit are filled in turn. */
static void
crowds_suffice_for_all_sessions(void **state)
{
	const struct plan plan = { .low = 10001, .high = 14000, .sessions = 120000 };
	struct sessions list = { 0 };
	struct house house;

	(void)state;
	house_build(&house, &plan);
	for (uint32_t i = 0; i < 4000; i++)
		for (uint32_t p = 0; p < 28; p++) {
			struct masq_tuple peer = peer_tuple(IPPROTO_TCP, p, 1);

			assert_int_equal(fill(&house, 0, &peer, 1, &list), 1);
		}
	for (uint32_t p = 0; p < 28; p++) {
		struct masq_tuple peer = peer_tuple(IPPROTO_TCP, p, 1);

		assert_int_equal(fill(&house, 0, &peer, 1, &list), 0);
	}
	assert_int_equal(stats_of(house.map[0]).unproved, 0);
	assert_int_equal(stats_of(house.map[0]).crowds, 28);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/*
 * Two crowds, three peers that had one. The one that gives way is the one that became less crowded,
 * so what is known about the full peer is not lost.
 */
static void
the_least_crowded_gives_way(void **state)
{
	const struct plan plan = { .crowds = 2, .low = 10001, .high = 30000 };
	struct masq_tuple full = peer_tuple(IPPROTO_TCP, 1, 1);
	struct masq_tuple fallen = peer_tuple(IPPROTO_TCP, 2, 1);
	struct masq_tuple rising = peer_tuple(IPPROTO_TCP, 3, 1);
	struct sessions list = { 0 };
	struct house house;

	(void)state;
	house_build(&house, &plan);
	assert_int_equal(fill(&house, 0, &full, UINT32_MAX, &list), 20000);
	assert_int_equal(fill(&house, 0, &fallen, 12000, &list), 12000);
	for (unsigned int i = 0; i < 4000; i++)
		session_close(&house, &list.at[--list.n]);
	assert_int_equal(stats_of(house.map[0]).crowds, 2);
	assert_int_equal(fill(&house, 0, &rising, UINT32_MAX, &list), 20000);
	assert_int_equal(fill(&house, 0, &full, UINT32_MAX, &list), 0);
	assert_int_equal(stats_of(house.map[0]).unproved, 0);
	sessions_close(&house, &list);
	house_pull_down(&house);
}

/* A peer's tally is its own as long as one of its two counters is. */
static void
tally_errs_only_when_both_counters_are_shared(void **state)
{
	const uint32_t mine = 0x00010005, first = 0x00020005, second = 0x00010006;
	const struct plan plan = { 0 };
	struct masq_portmap *map;
	struct house house;

	(void)state;
	house_build(&house, &plan);
	map = house.map[0];
	for (unsigned int i = 0; i < 10; i++) {
		masq_portmap_tally_add(map, first);
		masq_portmap_tally_add(map, second);
	}
	assert_int_equal(masq_portmap_tally(map, first), 10);
	assert_int_equal(masq_portmap_tally(map, second), 10);
	assert_int_equal(masq_portmap_tally(map, first ^ 0x300), 0);
	assert_int_equal(masq_portmap_tally(map, mine), 10);
	for (unsigned int i = 0; i < 20; i++) {
		masq_portmap_tally_del(map, second);
		assert_int_equal(masq_portmap_tally(map, mine), i < 10 ? 9 - i : 0);
	}
	for (unsigned int i = 0; i < 10; i++)
		masq_portmap_tally_del(map, first);
	house_pull_down(&house);
}

/* ---------------------------------------------------------------- limits of creation */

struct refusal_row {
	uint32_t worker;
	uint16_t low, high;
	uint32_t addresses;
	const char *sentence;
};

static const struct refusal_row refusal_rows[] = {
	{ 1, 1024, 65535, 1, "port map of worker 1: there are 1 workers" },
	{ 0, 0, 65535, 1, "masquerade ports 0-65535; accepted: ranges in 1-65535" },
	{ 0, 2000, 1999, 1, "masquerade ports 2000-1999; accepted: ranges in 1-65535" },
	{ 0, 1024, 65535, 0, "port map for 0 external addresses; accepted: 1 to 65536" },
	{ 0, 1024, 65535, 65537, "port map for 65537 external addresses; accepted: 1 to 65536" },
	{ 0, 1024, 65535, 65536,
			"port map of worker 0: no memory for 65536 external addresses; [daemon] "
			"memory must be larger" },
};

static void
creation_names_the_culprit(void **state)
{
	const struct plan plan = { 0 };
	struct house house;

	(void)state;
	house_build(&house, &plan);
	for (size_t i = 0; i < RTE_DIM(refusal_rows); i++) {
		struct masq_portmap_config config = house.map[0]->config;
		struct masq_err err = { "" };

		config.worker = refusal_rows[i].worker;
		config.low = refusal_rows[i].low;
		config.high = refusal_rows[i].high;
		config.addresses = refusal_rows[i].addresses;
		assert_null(masq_portmap_create(&config, &err));
		assert_string_equal(err.text, refusal_rows[i].sentence);
	}
	house_pull_down(&house);
}

/* Tables that are not as masq_rss.h says would hand out ports of other workers: refused. */
static void
wrong_rss_tables_are_refused(void **state)
{
	static const char sentence[] = "port map of worker 0: the RSS tables are not made for it";
	const struct plan plan = { .workers = 2 };
	struct masq_portmap_config config;
	struct masq_rss right;
	struct house house;

	(void)state;
	house_build(&house, &plan);
	config = house.map[0]->config;
	right = rss;
	for (unsigned int i = 0; i < 3; i++) {
		struct masq_err err = { "" };

		rss = right;
		if (i == 0) {
			memset(rss.table, 1, sizeof(rss.table));
		} else if (i == 1) {
			rss.least_port[1] = right.least_port[0];
			rss.least_port[0] = right.least_port[1];
		} else {
			rss.rank_of_port[0][7] ^= 1;
		}
		assert_null(masq_portmap_create(&config, &err));
		assert_string_equal(err.text, sentence);
	}
	rss = right;
	house_pull_down(&house);
}

static void
other_protocols_have_no_ports(void **state)
{
	const struct plan plan = { .guesses = true };
	struct session session;
	struct house house;

	(void)state;
	house_build(&house, &plan);
	/* The address had ports before. */
	for (unsigned int i = 0; i < 2; i++) {
		const struct masq_tuple peer = peer_tuple(i == 0 ? IPPROTO_TCP : IPPROTO_UDP, 1, 1);

		assert_int_equal(session_open(&house, 0, &peer, &session), 0);
		session_close(&house, &session);
	}
	for (uint32_t proto = 0; proto < 256; proto++) {
		struct masq_tuple peer = peer_tuple((uint8_t)proto, 1, 1);

		if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP)
			continue;
		assert_int_equal(session_open(&house, 0, &peer, &session), -EINVAL);
		assert_int_equal(session_open(&house, 0, &peer, &session), -EINVAL);
	}
	house_pull_down(&house);
}

static void
memory_is_small_and_counted(void **state)
{
	const struct plan one = { .addresses = 1 }, many = { .addresses = 101 };
	struct house house;
	uint64_t bytes;

	(void)state;
	house_build(&house, &one);
	bytes = masq_portmap_bytes(house.map[0]);
	house_pull_down(&house);
	house_build(&house, &many);
	print_message("  %lu bytes, %lu for each further address\n", (unsigned long)bytes,
			(unsigned long)(masq_portmap_bytes(house.map[0]) - bytes) / 100);
	assert_in_range((masq_portmap_bytes(house.map[0]) - bytes) / 100, 3 * 8192, 25 * 1024);
	house_pull_down(&house);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_halves_are_respected),
		cmocka_unit_test(vacated_ports_must_be_of_the_share),
		cmocka_unit_test(more_addresses_than_bitmaps),
		cmocka_unit_test(too_few_crowds_are_owned_up_to),
		cmocka_unit_test(crowds_suffice_for_all_sessions),
		cmocka_unit_test(the_least_crowded_gives_way),
		cmocka_unit_test(tally_errs_only_when_both_counters_are_shared),
		cmocka_unit_test(creation_names_the_culprit),
		cmocka_unit_test(wrong_rss_tables_are_refused),
		cmocka_unit_test(other_protocols_have_no_ports),
		cmocka_unit_test(memory_is_small_and_counted),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "512");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
