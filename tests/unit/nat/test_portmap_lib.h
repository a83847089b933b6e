/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PORTMAP_LIB_H
#define TEST_PORTMAP_LIB_H

/**
 * @file
 * A house of port maps for tests: workers with a session table and a map each, and sessions that
 * are nothing but a REPLY half in the table.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_byteorder.h>

#include "masq_portmap_priv.h"

#define WORKERS_MAX 4
#define SEED UINT64_C(0x6d617371)

struct house {
	uint32_t workers;
	uint32_t guesses; /**< ports that may be guessed */
	struct masq_session_table *table[WORKERS_MAX];
	struct masq_portmap *map[WORKERS_MAX];
};

/** What a house is built of; 0: the value behind the colon. */
struct plan {
	uint32_t workers; /**< 1 */
	uint32_t table_size; /**< RSS table: 512 */
	uint32_t low, high; /**< 1024-65535 */
	uint32_t sessions; /**< per worker: 70000 */
	uint32_t addresses; /**< 4 */
	uint32_t crowds; /**< 0: the map decides */
	bool guesses; /**< each other port is guessed first, as for sessions that are made in one go */
};

struct session {
	struct masq_tuple reply;
	uint32_t worker;
	uint32_t half;
	bool owns;
};

static struct masq_rss rss;

static inline struct masq_portmap_stats
stats_of(const struct masq_portmap *map)
{
	struct masq_portmap_stats stats;

	masq_portmap_stats(map, &stats);
	return stats;
}

static inline uint16_t
port_of(const struct masq_tuple *reply)
{
	return rte_be_to_cpu_16(reply->dport);
}

/** Reply tuple without port, of peer number @p peer to external address number @p addr. */
static inline struct masq_tuple
peer_tuple(uint8_t proto, uint32_t peer, uint32_t addr)
{
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(0xc6336400 + peer),
		.dst = rte_cpu_to_be_32(0xcb007100 + addr),
		.sport = rte_cpu_to_be_16(proto == 1 ? 8 : 443),
		.proto = proto,
	};
}

static inline void
house_build(struct house *house, const struct plan *plan)
{
	uint32_t sessions = plan->sessions != 0 ? plan->sessions : 70000;
	struct masq_err err = { "" };

	*house = (struct house){
		.workers = plan->workers != 0 ? plan->workers : 1,
		.guesses = plan->guesses,
	};
	assert_int_equal(
			masq_rss_init(&rss, house->workers,
					plan->table_size != 0 ? plan->table_size : 512, SEED, &err),
			0);
	for (uint32_t w = 0; w < house->workers; w++) {
		struct masq_session_config table = {
			.worker = w,
			.sessions = sessions,
			.halves = sessions,
			.seed = { SEED, w },
		};
		struct masq_portmap_config config = {
			.worker = w,
			.rss = &rss,
			.low = (uint16_t)(plan->low != 0 ? plan->low : 1024),
			.high = (uint16_t)(plan->high != 0 ? plan->high : 65535),
			.addresses = plan->addresses != 0 ? plan->addresses : 4,
			.crowds = plan->crowds,
			.seed = SEED + w,
		};

		house->table[w] = masq_session_table_create(&table, &err);
		assert_string_equal(err.text, "");
		assert_non_null(house->table[w]);
		config.table = house->table[w];
		house->map[w] = masq_portmap_create(&config, &err);
		assert_string_equal(err.text, "");
		assert_non_null(house->map[w]);
	}
}

static inline uint32_t
free_list(const struct masq_portmap *map, enum masq_portmap_kind kind)
{
	uint32_t n = 0;

	for (uint32_t i = map->slots_free[kind]; i != MASQ_PORTMAP_NONE; i = map->slots[i].next) {
		assert_int_equal(map->slots[i].kind, kind);
		assert_int_equal(map->slots[i].free.count, map->ports[kind].total);
		n++;
	}
	return n;
}

/** Nothing is left of whatever happened. */
static inline void
assert_as_new(const struct masq_portmap *map)
{
	uint32_t crowds = 0;

	assert_int_equal(stats_of(map).bitmaps, 0);
	assert_int_equal(stats_of(map).crowds, 0);
	assert_int_equal(free_list(map, MASQ_PORTMAP_RANGE), 2 * map->config.addresses);
	assert_int_equal(free_list(map, MASQ_PORTMAP_ALL), map->config.addresses);
	for (uint32_t i = map->crowds_free; i != MASQ_PORTMAP_NONE; i = map->crowds[i].next)
		crowds++;
	assert_int_equal(crowds, map->n_crowds);
	for (uint32_t i = 0; i <= map->slot_mask; i++)
		assert_int_equal(map->slot_bucket[i], MASQ_PORTMAP_NONE);
	for (uint32_t i = 0; i <= map->crowd_mask; i++)
		assert_int_equal(map->crowd_bucket[i], MASQ_PORTMAP_NONE);
	for (uint32_t i = 0; i < 2 * (map->tally_mask + 1); i++)
		assert_int_equal(map->tally[i], 0);
}

static inline void
house_pull_down(struct house *house)
{
	for (uint32_t w = 0; w < house->workers; w++) {
		assert_as_new(house->map[w]);
		masq_portmap_destroy(house->map[w]);
		masq_session_table_destroy(house->table[w]);
	}
}

/** Choose a port. A guess that was wrong is given back. */
static inline int
port_choose(struct house *house, uint32_t w, struct masq_tuple *reply, bool *owns)
{
	const struct masq_tuple peer = *reply;
	int code;

	if (house->guesses != 0 && house->guesses++ % 2 != 0) {
		code = masq_portmap_guess(house->map[w], reply, owns);
		if (code != 0 || masq_half_find(house->table[w], reply) == MASQ_HALF_NONE)
			return code;
		masq_portmap_give(house->map[w], reply, *owns);
		*reply = peer;
	}
	return masq_portmap_take(house->map[w], reply, owns);
}

/** Take a port of worker @p w and put the half in. @return what masq_portmap_take() says */
static inline int
session_open(struct house *house, uint32_t w, const struct masq_tuple *peer,
		struct session *session)
{
	struct masq_half half = { .flags = MASQ_HALF_REPLY };
	int code;

	*session = (struct session){ .reply = *peer, .worker = w };
	code = port_choose(house, w, &session->reply, &session->owns);
	if (code != 0) {
		assert_memory_equal(&session->reply, peer, sizeof(*peer));
		return code;
	}
	assert_int_equal(masq_rss_owner(&rss, &session->reply), w);
	assert_int_equal(masq_half_find(house->table[w], &session->reply), MASQ_HALF_NONE);
	session->half = masq_half_insert(house->table[w], &session->reply, &half);
	assert_int_not_equal(session->half, MASQ_HALF_NONE);
	return 0;
}

static inline void
session_close(struct house *house, const struct session *session)
{
	masq_half_remove(house->table[session->worker], session->half);
	masq_portmap_give(house->map[session->worker], &session->reply, session->owns);
}

/** A list of sessions. */
struct sessions {
	struct session *at;
	uint32_t n, max;
};

static inline void
sessions_add(struct sessions *list, const struct session *session)
{
	if (list->n == list->max) {
		list->max = list->max != 0 ? 2 * list->max : 1024;
		list->at = realloc(list->at, list->max * sizeof(*list->at));
		assert_non_null(list->at);
	}
	list->at[list->n++] = *session;
}

/** Close them all, in another order than they were opened. */
static inline void
sessions_close(struct house *house, struct sessions *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		session_close(house, &list->at[(uint64_t)i * 1000003 % list->n]);
	free(list->at);
	*list = (struct sessions){ 0 };
}

/** Open at most @p max sessions towards a peer. @return how many there were ports for */
static inline uint32_t
fill(struct house *house, uint32_t w, const struct masq_tuple *peer, uint32_t max,
		struct sessions *list)
{
	struct session session;
	uint32_t n;

	for (n = 0; n < max && session_open(house, w, peer, &session) == 0; n++)
		sessions_add(list, &session);
	return n;
}

#endif /* TEST_PORTMAP_LIB_H */
