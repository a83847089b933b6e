/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Neighbours under a fake clock: conversations as rows (what is wanted, heard, and what the keeper
 * then wants to have asked), refs that go stale, full tables, grace periods, a random run against a
 * plain reference, and a reader that races with the keeper.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#include <masq_ip4.h>
#include <masq_neigh.h>

#include "masq_test_eal.h"

#define IP MASQ_IP4
#define ALL UINT32_MAX

static const struct masq_neigh_config usual = {
	.capacity = 8,
	.ask_interval_ms = 1000,
	.ask_count = 3,
	.reachable_ms = 60000,
	.unreachable_ms = 20000,
};

static const uint8_t mac_a[6] = { 0x02, 0, 0, 0, 0, 0xaa };
static const uint8_t mac_b[6] = { 0x02, 0, 0, 0, 0, 0xbb };

static struct masq_neigh *
create(const struct masq_neigh_config *config)
{
	struct masq_err err = { "" };
	struct masq_neigh *neigh = masq_neigh_create(config, &err);

	if (neigh == NULL)
		fail_msg("%s", err.text);
	return neigh;
}

/* State of an address, FREE when nothing is known of it. */
static enum masq_neigh_state
state_of(const struct masq_neigh *neigh, uint8_t port, uint32_t ip)
{
	struct masq_neigh_ref ref = masq_neigh_find(neigh, port, ip);
	struct masq_neigh_link link;

	if (ref.value == MASQ_NEIGH_REF_NONE)
		return MASQ_NEIGH_FREE;
	assert_int_equal(masq_neigh_read(neigh, ref, &link), 0);
	assert_int_equal(link.usable, masq_neigh_word(neigh, ref) != 0);
	assert_int_equal(link.usable,
			link.state == MASQ_NEIGH_REACHABLE || link.state == MASQ_NEIGH_PROBING);
	return link.state;
}

/* ---------------------------------------------------------------- conversations */

enum act {
	WANT,
	HEARD,
	HEARD_NEW,
	TICK,
	FLUSH,
	END
};

static const uint32_t peer = IP(10, 0, 0, 2);

/* One neighbour, 10.0.0.2 on port 1. */
struct talk_row {
	uint64_t at_ms;
	enum act act;
	const uint8_t *mac; /* HEARD, HEARD_NEW */
	int want; /* what WANT or HEARD returns, or number of asks of TICK */
	bool unicast; /* of the ask */
	enum masq_neigh_state state;
};

/* clang-format off */
static const struct talk_row silent_talk[] = {
	{     0, WANT, NULL, 1, false, MASQ_NEIGH_ASKING },
	{     0, WANT, NULL, 0, false, MASQ_NEIGH_ASKING },
	{     0, TICK, NULL, 0, false, MASQ_NEIGH_ASKING },
	{   999, TICK, NULL, 0, false, MASQ_NEIGH_ASKING },
	{  1000, TICK, NULL, 1, false, MASQ_NEIGH_ASKING },
	{  1999, TICK, NULL, 0, false, MASQ_NEIGH_ASKING },
	{  2000, TICK, NULL, 1, false, MASQ_NEIGH_ASKING },
	{  2999, TICK, NULL, 0, false, MASQ_NEIGH_ASKING },
	{  3000, TICK, NULL, 0, false, MASQ_NEIGH_UNREACHABLE },
	{  9000, WANT, NULL, 0, false, MASQ_NEIGH_UNREACHABLE },
	{ 22999, TICK, NULL, 0, false, MASQ_NEIGH_UNREACHABLE },
	{ 23000, TICK, NULL, 0, false, MASQ_NEIGH_FREE },
	{ 23000, WANT, NULL, 1, false, MASQ_NEIGH_ASKING },
	{ 0, END, NULL, 0, false, 0 },
};

static const struct talk_row answered_talk[] = {
	{     0, WANT,  NULL,  1, false, MASQ_NEIGH_ASKING },
	{  1000, TICK,  NULL,  1, false, MASQ_NEIGH_ASKING },
	{  1500, HEARD, mac_a, 1, false, MASQ_NEIGH_REACHABLE },
	{  1600, HEARD, mac_a, 0, false, MASQ_NEIGH_REACHABLE }, /* again: confirmed again */
	{ 61599, TICK,  NULL,  0, false, MASQ_NEIGH_REACHABLE },
	{ 61600, TICK,  NULL,  1, true,  MASQ_NEIGH_PROBING },
	{ 61700, WANT,  NULL,  0, false, MASQ_NEIGH_PROBING },
	{ 62599, TICK,  NULL,  0, false, MASQ_NEIGH_PROBING },
	{ 62600, TICK,  NULL,  1, true,  MASQ_NEIGH_PROBING },
	{ 62700, HEARD, mac_a, 0, false, MASQ_NEIGH_REACHABLE },
	{ 122700, TICK, NULL,  1, true,  MASQ_NEIGH_PROBING },
	{ 123700, TICK, NULL,  1, true,  MASQ_NEIGH_PROBING },
	{ 124700, TICK, NULL,  1, false, MASQ_NEIGH_PROBING }, /* the last one to everybody */
	{ 125700, TICK, NULL,  0, false, MASQ_NEIGH_UNREACHABLE },
	{ 125800, HEARD, mac_b, 1, false, MASQ_NEIGH_REACHABLE }, /* back, with a new card */
	{ 0, END, NULL, 0, false, 0 },
};

static const struct talk_row unasked_talk[] = {
	{     0, HEARD,	    mac_a, 0, false, MASQ_NEIGH_FREE },
	{    10, HEARD_NEW, mac_a, 0, false, MASQ_NEIGH_REACHABLE },
	{    20, HEARD,	    mac_b, 0, false, MASQ_NEIGH_REACHABLE },
	{ 60020, TICK,	    NULL,  1, true,  MASQ_NEIGH_PROBING },
	{ 60030, FLUSH,	    NULL,  0, false, MASQ_NEIGH_FREE },
	{ 60030, TICK,	    NULL,  0, false, MASQ_NEIGH_FREE },
	{ 0, END, NULL, 0, false, 0 },
};

/* clang-format on */

static void
check_ask(const struct masq_neigh_ask *ask, bool unicast, const uint8_t mac[6])
{
	static const uint8_t nobody[6];

	assert_int_equal(ask->ip, peer);
	assert_int_equal(ask->port, 1);
	assert_int_equal(ask->unicast, unicast);
	assert_memory_equal(ask->mac, unicast ? mac : nobody, 6);
}

static void
check_talk(const char *name, const struct talk_row *row)
{
	struct masq_neigh *neigh = create(&usual);
	const uint8_t *mac = NULL;
	struct masq_neigh_ask ask[2];
	struct masq_neigh_link link;

	for (unsigned int i = 0; row[i].act != END; i++) {
		int got = 0;

		if (row[i].act == WANT)
			got = masq_neigh_want(neigh, 1, peer, row[i].at_ms, ask);
		else if (row[i].act == TICK)
			got = (int)masq_neigh_tick(neigh, row[i].at_ms, ALL, ask, 2);
		else if (row[i].act == FLUSH)
			masq_neigh_flush(neigh, peer);
		else
			got = masq_neigh_heard(neigh, 1, peer, row[i].mac, row[i].act == HEARD_NEW,
					row[i].at_ms);
		if (row[i].mac != NULL)
			mac = row[i].mac;
		if (got != row[i].want || state_of(neigh, 1, peer) != row[i].state)
			fail_msg("%s, row %u: got %d, state %s", name, i, got,
					masq_neigh_state_name(state_of(neigh, 1, peer)));
		if (got == 1 && (row[i].act == WANT || row[i].act == TICK))
			check_ask(ask, row[i].unicast, mac);
		if (row[i].state == MASQ_NEIGH_REACHABLE) {
			assert_int_equal(masq_neigh_read(neigh, masq_neigh_find(neigh, 1, peer),
							 &link),
					0);
			assert_memory_equal(link.mac, mac, 6);
		}
	}
	masq_neigh_destroy(neigh);
}

static void
conversations(void **state)
{
	(void)state;
	check_talk("silent", silent_talk);
	check_talk("answered", answered_talk);
	check_talk("unasked", unasked_talk);
}

static void
bad_senders_are_ignored(void **state)
{
	static const uint8_t zero[6], group[6] = { 0x01, 0, 0x5e, 0, 0, 1 };
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ask ask;

	(void)state;
	assert_int_equal(masq_neigh_want(neigh, 1, peer, 0, &ask), 1);
	assert_false(masq_neigh_heard(neigh, 1, peer, zero, true, 1));
	assert_false(masq_neigh_heard(neigh, 1, peer, group, true, 1));
	assert_false(masq_neigh_heard(neigh, 1, peer, everybody, true, 1));
	assert_int_equal(state_of(neigh, 1, peer), MASQ_NEIGH_ASKING);
	assert_false(masq_neigh_heard(neigh, 1, 0, mac_a, true, 1));
	assert_int_equal(state_of(neigh, 1, 0), MASQ_NEIGH_FREE);
	/* The same address behind another port is somebody else. */
	assert_false(masq_neigh_heard(neigh, 2, peer, mac_a, true, 1));
	assert_int_equal(state_of(neigh, 1, peer), MASQ_NEIGH_ASKING);
	assert_int_equal(state_of(neigh, 2, peer), MASQ_NEIGH_REACHABLE);
	masq_neigh_destroy(neigh);
}

/* ---------------------------------------------------------------- refs */

static void
a_word_holds_the_link_address(void **state)
{
	static const uint8_t mac[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ref ref;
	struct masq_neigh_link link;

	(void)state;
	masq_neigh_heard(neigh, 1, peer, mac, true, 5);
	ref = masq_neigh_find(neigh, 1, peer);
	assert_int_equal(masq_neigh_word(neigh, ref) & MASQ_NEIGH_WORD_MAC_MASK, 0x554433221102);
	for (unsigned int other = 0; other < 256; other++) {
		struct masq_neigh_ref wrong = { (ref.value & 0xffffff) | other << 24 };

		if (wrong.value == ref.value)
			continue;
		assert_int_equal(masq_neigh_word(neigh, wrong), 0);
		assert_int_equal(masq_neigh_read(neigh, wrong, &link), -ESTALE);
	}
	ref.value = MASQ_NEIGH_REF_NONE;
	assert_int_equal(masq_neigh_word(neigh, ref), 0);
	assert_int_equal(masq_neigh_read(neigh, ref, &link), -ESTALE);
	masq_neigh_destroy(neigh);
}

static void
a_reused_slot_makes_refs_stale(void **state)
{
	struct masq_neigh_config config = usual;
	struct masq_neigh_ref old = { 0 }, ref, zero = { 0 };
	struct masq_neigh_link link;
	struct masq_neigh *neigh;
	bool seen_again = false;

	(void)state;
	config.capacity = 1;
	neigh = create(&config);
	/* Far more than 255 uses of each of the 16 slots: use count 0 must never be given out. */
	for (uint32_t i = 1; i < 16 * 300; i++) {
		masq_neigh_heard(neigh, 1, i, mac_a, true, 0);
		ref = masq_neigh_find(neigh, 1, i);
		assert_int_not_equal(masq_neigh_word(neigh, ref), 0);
		assert_int_equal(masq_neigh_word(neigh, zero), 0);
		if (old.value == 0)
			old = ref;
		else if (i < 16 * 250)
			assert_int_equal(masq_neigh_word(neigh, old), 0);
		seen_again |= ref.value != old.value && ((ref.value ^ old.value) & 0xffffff) == 0;
		masq_neigh_flush(neigh, 0);
		assert_int_equal(masq_neigh_word(neigh, ref), 0);
		assert_int_equal(masq_neigh_read(neigh, ref, &link), -ESTALE);
		assert_int_equal(masq_neigh_find(neigh, 1, i).value, MASQ_NEIGH_REF_NONE);
	}
	assert_true(seen_again);
	masq_neigh_destroy(neigh);
}

/* ---------------------------------------------------------------- full tables */

static void
silent_ones_make_room_oldest_first(void **state)
{
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ask ask[8];
	unsigned int asks = 0;

	(void)state;
	/* 1..8 one after the other, so that 1 falls silent first. */
	for (uint32_t ip = 1; ip <= 8; ip++)
		assert_int_equal(masq_neigh_want(neigh, 0, ip, ip * 10, ask), 1);
	assert_int_equal(masq_neigh_want(neigh, 0, 9, 90, ask), -ENOSPC);
	for (uint64_t now = 100; now <= 3050; now += 10)
		asks += masq_neigh_tick(neigh, now, ALL, ask, 8);
	assert_int_equal(asks, 2 * 8);
	assert_int_equal(state_of(neigh, 0, 5), MASQ_NEIGH_UNREACHABLE);
	assert_int_equal(state_of(neigh, 0, 6), MASQ_NEIGH_ASKING);
	assert_int_equal(masq_neigh_want(neigh, 0, 9, 3060, ask), 1);
	assert_int_equal(state_of(neigh, 0, 1), MASQ_NEIGH_FREE);
	assert_int_equal(state_of(neigh, 0, 2), MASQ_NEIGH_UNREACHABLE);
	/* One that speaks is let in the same way. */
	masq_neigh_heard(neigh, 0, 10, mac_a, true, 3060);
	assert_int_equal(state_of(neigh, 0, 10), MASQ_NEIGH_REACHABLE);
	assert_int_equal(state_of(neigh, 0, 2), MASQ_NEIGH_FREE);
	masq_neigh_destroy(neigh);
}

static void
a_scan_makes_room_from_itself(void **state)
{
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ask ask[8];

	(void)state;
	/* Three that made themselves known, one that answered; then the scan. */
	for (uint32_t ip = 1; ip <= 3; ip++)
		masq_neigh_heard(neigh, 0, ip, mac_a, true, 0);
	for (uint32_t ip = 4; ip <= 8; ip++)
		assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, ask), 1);
	masq_neigh_heard(neigh, 0, 4, mac_a, false, 0);
	/* Nobody else has had the time to answer yet. */
	assert_int_equal(masq_neigh_want(neigh, 0, 9, 999, ask), -ENOSPC);
	assert_false(masq_neigh_heard(neigh, 0, 9, mac_a, true, 999));
	assert_int_equal(state_of(neigh, 0, 9), MASQ_NEIGH_FREE);
	assert_int_equal(masq_neigh_tick(neigh, 1000, ALL, ask, 8), 4);
	assert_int_equal(masq_neigh_want(neigh, 0, 9, 1000, ask), 1);
	assert_int_equal(state_of(neigh, 0, 5), MASQ_NEIGH_FREE);
	for (uint32_t ip = 1; ip <= 4; ip++)
		assert_int_equal(state_of(neigh, 0, ip), MASQ_NEIGH_REACHABLE);
	masq_neigh_destroy(neigh);
}

/* A flood of messages by made-up senders: they push out each other, and nobody else. */
static void
who_was_not_asked_gets_half_of_the_table(void **state)
{
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ask ask[8];

	(void)state;
	for (uint32_t ip = 1; ip <= 2; ip++) {
		assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, ask), 1);
		assert_true(masq_neigh_heard(neigh, 0, ip, mac_a, true, 0));
	}
	for (uint32_t ip = 100; ip < 200; ip++)
		for (unsigned int k = 0; k < 2; k++)
			masq_neigh_heard(neigh, 1, ip, mac_b, true, 0);
	assert_int_equal(state_of(neigh, 1, 195), MASQ_NEIGH_FREE);
	for (uint32_t ip = 196; ip < 200; ip++)
		assert_int_equal(state_of(neigh, 1, ip), MASQ_NEIGH_REACHABLE);
	for (uint32_t ip = 3; ip <= 4; ip++) {
		assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, ask), 1);
		masq_neigh_heard(neigh, 0, ip, mac_a, false, 0);
	}
	/* Full, of such that are alive: no more of the others either. */
	assert_int_equal(masq_neigh_want(neigh, 0, 5, 0, ask), -ENOSPC);
	masq_neigh_heard(neigh, 1, 200, mac_b, true, 0);
	assert_int_equal(state_of(neigh, 1, 196), MASQ_NEIGH_FREE);
	/* Who answers when he is asked is one of the neighbours. */
	masq_neigh_tick(neigh, 60000, ALL, ask, 8);
	masq_neigh_heard(neigh, 1, 197, mac_b, false, 60001);
	for (uint32_t ip = 300; ip < 310; ip++)
		masq_neigh_heard(neigh, 1, ip, mac_b, true, 60002);
	for (uint32_t ip = 1; ip <= 4; ip++)
		assert_int_equal(state_of(neigh, 0, ip), MASQ_NEIGH_PROBING);
	assert_int_equal(state_of(neigh, 1, 197), MASQ_NEIGH_REACHABLE);
	masq_neigh_destroy(neigh);
}

static void
live_ones_are_never_pushed_out(void **state)
{
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ask ask[8];

	(void)state;
	for (uint32_t ip = 1; ip <= 8; ip++) {
		assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, ask), 1);
		masq_neigh_heard(neigh, 0, ip, mac_a, true, 0);
	}
	assert_int_equal(masq_neigh_tick(neigh, 60000, ALL, ask, 8), 8);
	assert_int_equal(masq_neigh_want(neigh, 0, 9, 60000, ask), -ENOSPC);
	masq_neigh_flush(neigh, 3);
	assert_int_equal(masq_neigh_want(neigh, 0, 9, 60000, ask), 1);
	assert_int_equal(state_of(neigh, 0, 3), MASQ_NEIGH_FREE);
	masq_neigh_flush(neigh, 0);
	for (uint32_t ip = 1; ip <= 9; ip++)
		assert_int_equal(state_of(neigh, 0, ip), MASQ_NEIGH_FREE);
	masq_neigh_destroy(neigh);
}

/* ---------------------------------------------------------------- ticks, rows, configuration */

static void
a_tick_keeps_to_its_budget(void **state)
{
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_ask ask[8];
	unsigned int asks = 0;

	(void)state;
	for (uint32_t ip = 1; ip <= 8; ip++)
		masq_neigh_want(neigh, 0, ip, 0, ask);
	/* 16 slots, one a call: all are seen once, and nobody twice. */
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int n = masq_neigh_tick(neigh, 1000, 1, ask, 8);

		assert_in_range(n, 0, 1);
		asks += n;
	}
	assert_int_equal(asks, 8);
	/* A full array: the rest comes with the next call. */
	assert_int_equal(masq_neigh_tick(neigh, 2000, ALL, ask, 3), 3);
	assert_int_equal(masq_neigh_tick(neigh, 2000, ALL, ask, 8), 5);
	assert_int_equal(masq_neigh_tick(neigh, 2000, ALL, ask, 8), 0);
	masq_neigh_destroy(neigh);
}

static void
rows_come_in_pages(void **state)
{
	struct masq_neigh *neigh = create(&usual);
	struct masq_neigh_row row[3];
	struct masq_neigh_ask ask;
	uint32_t cursor = 0, seen = 0;
	unsigned int n;

	(void)state;
	for (uint32_t ip = 1; ip <= 6; ip++) {
		masq_neigh_want(neigh, 4, ip, 0, &ask);
		masq_neigh_heard(neigh, 4, ip, mac_b, true, 100 + ip);
	}
	masq_neigh_want(neigh, 5, 7, 0, &ask);
	while ((n = masq_neigh_rows(neigh, &cursor, row, 3)) > 0) {
		for (unsigned int i = 0; i < n; i++) {
			bool known = row[i].ip <= 6;

			assert_int_equal(seen & 1u << row[i].ip, 0);
			seen |= 1u << row[i].ip;
			assert_int_equal(row[i].port, known ? 4 : 5);
			assert_int_equal(row[i].confirmed_ms, known ? 100 + row[i].ip : 0);
			assert_int_equal(row[i].state,
					known ? MASQ_NEIGH_REACHABLE : MASQ_NEIGH_ASKING);
			assert_int_equal(row[i].mac[5], known ? 0xbb : 0);
		}
	}
	assert_int_equal(seen, 0xfe);
	masq_neigh_destroy(neigh);
}

static void
bad_configurations_are_refused(void **state)
{
	struct masq_neigh_config config;
	struct masq_err err;

	(void)state;
#define REFUSED(field, value, words)                           \
	do {                                                   \
		config = usual;                                \
		config.field = value;                          \
		err.text[0] = '\0';                            \
		assert_null(masq_neigh_create(&config, &err)); \
		assert_non_null(strstr(err.text, words));      \
	} while (0)
	REFUSED(capacity, 0, "capacity is 1 to 1048576, not 0");
	REFUSED(capacity, 1048577, "capacity is 1 to 1048576, not 1048577");
	REFUSED(ask_count, 0, "ask count is 1 to 255, not 0");
	REFUSED(ask_count, 256, "ask count is 1 to 255, not 256");
	REFUSED(ask_interval_ms, 0, "at least 1 ms, not 0, 60000 and 20000");
	REFUSED(reachable_ms, 0, "at least 1 ms");
	REFUSED(unreachable_ms, 0, "at least 1 ms");
#undef REFUSED
	masq_neigh_destroy(NULL);
	assert_string_equal(masq_neigh_state_name(MASQ_NEIGH_PROBING), "probing");
	assert_string_equal(masq_neigh_state_name(99), "?");
}

/* ---------------------------------------------------------------- readers */

static struct rte_rcu_qsbr *
create_rcu(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(2);
	struct rte_rcu_qsbr *rcu = aligned_alloc(
			RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));

	assert_non_null(rcu);
	assert_int_equal(rte_rcu_qsbr_init(rcu, 2), 0);
	return rcu;
}

static void
slots_wait_for_readers(void **state)
{
	struct masq_neigh_config config = usual;
	struct masq_neigh_ask ask;
	struct masq_neigh *neigh;
	uint32_t ip = 1;

	(void)state;
	config.rcu = create_rcu();
	rte_rcu_qsbr_thread_register(config.rcu, 0);
	rte_rcu_qsbr_thread_online(config.rcu, 0);
	neigh = create(&config);
	/* The reader does not report, so 16 slots can be given out once. */
	for (; ip <= 16; ip++) {
		assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, &ask), 1);
		masq_neigh_flush(neigh, 0);
	}
	assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, &ask), -ENOSPC);
	rte_rcu_qsbr_quiescent(config.rcu, 0);
	assert_int_equal(masq_neigh_want(neigh, 0, ip, 0, &ask), 1);
	rte_rcu_qsbr_thread_offline(config.rcu, 0);
	rte_rcu_qsbr_thread_unregister(config.rcu, 0);
	masq_neigh_destroy(neigh);
	free(config.rcu);
}

#define RACE_IPS 24

struct race {
	struct masq_neigh *neigh;
	struct rte_rcu_qsbr *rcu;
	_Atomic bool stop;
	_Atomic uint64_t hits, wrong;
};

/* Address i always speaks from a card that ends in i, so a mix-up shows. */
static void *
read_all_the_time(void *arg)
{
	struct race *race = arg;
	struct masq_neigh_ref ref[RACE_IPS + 1] = { { 0 } };
	cpu_set_t everywhere;

	/* EAL keeps the main thread on one processor, and a thread starts where its creator is. */
	memset(&everywhere, 0xff, sizeof(everywhere));
	pthread_setaffinity_np(pthread_self(), sizeof(everywhere), &everywhere);
	rte_rcu_qsbr_thread_register(race->rcu, 0);
	rte_rcu_qsbr_thread_online(race->rcu, 0);
	while (!race->stop) {
		for (uint32_t ip = 1; ip <= RACE_IPS; ip++) {
			uint64_t word = masq_neigh_word(race->neigh, ref[ip]);

			if (word == 0) {
				ref[ip] = masq_neigh_find(race->neigh, 0, ip);
				word = masq_neigh_word(race->neigh, ref[ip]);
			}
			race->hits += word != 0;
			race->wrong += word != 0 && (word >> 40 & 0xff) != ip;
		}
		rte_rcu_qsbr_quiescent(race->rcu, 0);
	}
	rte_rcu_qsbr_thread_offline(race->rcu, 0);
	rte_rcu_qsbr_thread_unregister(race->rcu, 0);
	return NULL;
}

static void
a_reader_never_gets_somebody_elses_address(void **state)
{
	struct masq_neigh_config config = usual;
	struct race race = { .stop = false };
	uint32_t dice = 1;
	pthread_t thread;

	(void)state;
	config.capacity = RACE_IPS;
	race.rcu = config.rcu = create_rcu();
	race.neigh = create(&config);
	assert_int_equal(pthread_create(&thread, NULL, read_all_the_time, &race), 0);
	for (uint32_t i = 0; i < 200000 || race.hits < 1000; i++) {
		uint8_t mac[6] = { 2 };

		dice = dice * 1664525 + 1013904223;
		mac[5] = (uint8_t)(1 + (dice >> 16) % RACE_IPS);
		masq_neigh_heard(race.neigh, 0, mac[5], mac, true, i);
		/* No slot: all wait for the reader. Leave it something to find, and the processor. */
		if (masq_neigh_find(race.neigh, 0, mac[5]).value == MASQ_NEIGH_REF_NONE)
			sched_yield();
		else if (dice >> 28 < 6)
			masq_neigh_flush(race.neigh, mac[5]);
	}
	race.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(race.wrong, 0);
	masq_neigh_destroy(race.neigh);
	free(config.rcu);
}

/* ---------------------------------------------------------------- model */

#define MODEL_IPS 64

/* The reference: each address has its own little machine, no slots, no table. */
struct model {
	enum masq_neigh_state state;
	uint64_t since_ms; /* when it was entered or confirmed */
	unsigned int asked;
};

static unsigned int
model_tick(struct model *m, uint64_t now_ms, const struct masq_neigh_config *c)
{
	uint64_t age = now_ms - m->since_ms;

	if (m->state == MASQ_NEIGH_UNREACHABLE && age >= c->unreachable_ms)
		m->state = MASQ_NEIGH_FREE;
	if (m->state == MASQ_NEIGH_REACHABLE && age >= c->reachable_ms) {
		*m = (struct model){ MASQ_NEIGH_PROBING, now_ms, 1 };
		return 1;
	}
	if ((m->state != MASQ_NEIGH_ASKING && m->state != MASQ_NEIGH_PROBING) ||
			age < c->ask_interval_ms)
		return 0;
	m->since_ms = now_ms;
	if (m->asked++ < c->ask_count)
		return 1;
	m->state = MASQ_NEIGH_UNREACHABLE;
	return 0;
}

static void
model_act(struct masq_neigh *neigh, struct model *model, uint32_t dice, uint64_t now_ms)
{
	uint32_t ip = 1 + (dice >> 8) % MODEL_IPS;
	struct model *m = &model[ip - 1];
	struct masq_neigh_ask ask;
	bool create_it = (dice >> 20 & 1) != 0;

	switch (dice >> 28) {
	case 0:
		masq_neigh_flush(neigh, ip);
		m->state = MASQ_NEIGH_FREE;
		break;
	case 1:
	case 2:
	case 3:
		assert_int_equal(masq_neigh_heard(neigh, 0, ip, mac_a, create_it, now_ms),
				m->state == MASQ_NEIGH_ASKING ||
						m->state == MASQ_NEIGH_UNREACHABLE);
		if (create_it || m->state != MASQ_NEIGH_FREE)
			*m = (struct model){ MASQ_NEIGH_REACHABLE, now_ms, 0 };
		break;
	default:
		assert_int_equal(masq_neigh_want(neigh, 0, ip, now_ms, &ask),
				m->state == MASQ_NEIGH_FREE);
		if (m->state == MASQ_NEIGH_FREE)
			*m = (struct model){ MASQ_NEIGH_ASKING, now_ms, 1 };
	}
}

static void
random_runs_match_the_reference(void **state)
{
	struct masq_neigh_config config = usual;
	struct model model[MODEL_IPS] = { { 0 } };
	struct masq_neigh_ask ask[MODEL_IPS];
	struct masq_neigh *neigh;
	uint32_t dice = 20260823;
	uint64_t now_ms = 1000;

	(void)state;
	config.capacity = 2 * MODEL_IPS; /* room for all, however they come */
	config.reachable_ms = 4000;
	config.unreachable_ms = 2000;
	neigh = create(&config);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int want = 0;

		dice = dice * 1664525 + 1013904223;
		model_act(neigh, model, dice, now_ms);
		now_ms += dice >> 12 & 63;
		for (unsigned int k = 0; k < MODEL_IPS; k++)
			want += model_tick(&model[k], now_ms, &config);
		assert_int_equal(masq_neigh_tick(neigh, now_ms, ALL, ask, MODEL_IPS), want);
		for (uint32_t k = 0; k < MODEL_IPS; k++) {
			if (state_of(neigh, 0, k + 1) != model[k].state)
				fail_msg("step %u, address %u: %s, reference %s", i, k + 1,
						masq_neigh_state_name(state_of(neigh, 0, k + 1)),
						masq_neigh_state_name(model[k].state));
		}
	}
	masq_neigh_destroy(neigh);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(bad_senders_are_ignored),
		cmocka_unit_test(a_word_holds_the_link_address),
		cmocka_unit_test(a_reused_slot_makes_refs_stale),
		cmocka_unit_test(silent_ones_make_room_oldest_first),
		cmocka_unit_test(a_scan_makes_room_from_itself),
		cmocka_unit_test(who_was_not_asked_gets_half_of_the_table),
		cmocka_unit_test(live_ones_are_never_pushed_out),
		cmocka_unit_test(a_tick_keeps_to_its_budget),
		cmocka_unit_test(rows_come_in_pages),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(slots_wait_for_readers),
		cmocka_unit_test(a_reader_never_gets_somebody_elses_address),
		cmocka_unit_test(random_runs_match_the_reference),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	return cmocka_run_group_tests_name("net/neigh", tests, NULL, NULL);
}
