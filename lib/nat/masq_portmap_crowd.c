/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The part of a port map that keeps "if a port is free, it is found" true when a peer uses
 *	nearly all of them, without any call that looks up all 65536 tuples.
 * Words
 *	peer	the reply tuple without its port: protocol, peer address and port, external address
 *	share	the ports that bring this peer's replies to this worker
 *	tally	sessions per peer, counted in two rows of hashed counters (a count-min sketch): the
 *		smaller of a peer's two counters is its number of sessions or, if other peers share
 *		both counters, a larger number; never a smaller one
 *	crowd	what is known about one *crowded* peer, which uses half of its share or for which
 *		probing failed: the set of ports known to be free towards it, and a cursor on the
 *		circle of its share
 *	circle	the ports of the share in a fixed order; after the last one it begins again
 *	learn	look up a few ports at the cursor and add the free ones to the set. Once the circle
 *		is complete the set is exact, because take removes from it and give adds to it
 *	used up	the circle is complete and the set is empty
 * Why no call has to look at everything
 *	A crowd is opened when the tally reaches half the share, and from then on every take towards
 *	that peer learns LEARN ports. The peer needs half a share of further takes to use up its
 *	share; the circle is complete after a LEARNth of a share, long before that. No more than
 *	sessions / (share / 2) peers can be that crowded at the same time, so with enough crowds
 *	none that matters is replaced: the one that gives way is one whose tally has fallen. A share
 *	of at most SCAN_WHOLE ports needs none of this: it is searched in one call when probing
 *	fails.
 * What is not known here
 *	Halves that did not get their port from this map (INITIAL halves of forwarded sessions) may
 *	use a tuple of the share. The lookup that ends every choice detects them.
 *	masq_portmap_vacated() tells when one of them is gone; if it was not called, the patrol
 *	finds out: each refused call learns like a take, so the cursor keeps going round the circle.
 * Data and who owns it
 *	Crowds, buckets and tally belong to the map; a crowd is either in a bucket's chain or free.
 * Threads
 *	The worker that owns the map.
 */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "masq_portmap_priv.h"

#define LEARN 8 /* lookups per take or refused call; more than 2 complete the circle in time */
#define SCAN_WHOLE (MASQ_PORTMAP_SCAN / 4 * 3) /* the rest is for probes and uneven shares */
#define CROWDS_MIN 4
#define CROWDS_MAX 8192
#define SESSIONS_PER_COUNTER 64
#define COUNTERS_MIN 1024
#define COUNTERS_MAX 65536 /* an index is half of a 32-bit hash */

/* ---------------------------------------------------------------- tally */

void
masq_portmap_tally_del(struct masq_portmap *map, uint32_t hash)
{
	uint32_t *first = masq_portmap_tally_first(map, hash);
	uint32_t *second = masq_portmap_tally_second(map, hash);

	/* A give without its take must not make a counter wrap around. */
	*first -= *first != 0;
	*second -= *second != 0;
}

/* ---------------------------------------------------------------- life of a crowd */

struct masq_portmap_crowd *
masq_portmap_crowd_find(struct masq_portmap *map, const struct masq_tuple *key, uint32_t hash)
{
	uint32_t i;

	if (map->stats.crowds == 0)
		return NULL;
	for (i = map->crowd_bucket[hash & map->crowd_mask]; i != MASQ_PORTMAP_NONE;
			i = map->crowds[i].next) {
		struct masq_portmap_crowd *crowd = &map->crowds[i];

		if (crowd->hash == hash && memcmp(&crowd->key, key, sizeof(*key)) == 0)
			return crowd;
	}
	return NULL;
}

static void
crowd_close(struct masq_portmap *map, struct masq_portmap_crowd *crowd)
{
	uint32_t index = (uint32_t)(crowd - map->crowds);
	uint32_t *link = &map->crowd_bucket[crowd->hash & map->crowd_mask];

	while (*link != index)
		link = &map->crowds[*link].next;
	*link = crowd->next;
	crowd->ports = NULL;
	crowd->next = map->crowds_free;
	map->crowds_free = index;
	map->stats.crowds--;
}

/*
 * All crowds are in use, so one must be closed: the first one found whose peer is no longer crowded
 * by number, else the least crowded. The hand moves on, so that it is not always the same one.
 */
static struct masq_portmap_crowd *
crowd_victim(struct masq_portmap *map)
{
	struct masq_portmap_crowd *least = &map->crowds[map->crowd_hand];
	uint32_t least_tally = UINT32_MAX;

	for (uint32_t n = 0; n < map->n_crowds; n++) {
		struct masq_portmap_crowd *crowd = &map->crowds[map->crowd_hand];
		uint32_t tally = masq_portmap_tally(map, crowd->hash);

		map->crowd_hand = map->crowd_hand + 1 == map->n_crowds ? 0 : map->crowd_hand + 1;
		if (tally < crowd->ports->learn_at)
			return crowd;
		if (tally < least_tally) {
			least_tally = tally;
			least = crowd;
		}
	}
	return least;
}

static struct masq_portmap_crowd *
crowd_open(struct masq_portmap *map, const struct masq_portmap_search *search)
{
	uint32_t *head = &map->crowd_bucket[search->hash & map->crowd_mask];
	struct masq_portmap_crowd *crowd;

	if (map->crowds_free == MASQ_PORTMAP_NONE)
		crowd_close(map, crowd_victim(map));
	crowd = &map->crowds[map->crowds_free];
	map->crowds_free = crowd->next;
	*crowd = (struct masq_portmap_crowd){
		.key = search->key,
		.ports = search->share.ports,
		.hash = search->hash,
		.next = *head,
		.start = masq_portmap_random(map, search->share.n_entries),
	};
	*head = (uint32_t)(crowd - map->crowds);
	map->stats.crowds++;
	return crowd;
}

void
masq_portmap_crowd_freed(
		struct masq_portmap *map, struct masq_portmap_crowd *crowd, uint32_t position)
{
	masq_portset_add(&crowd->free, position);
	if (masq_portmap_tally(map, crowd->hash) <= crowd->ports->close_at)
		crowd_close(map, crowd);
}

/* ---------------------------------------------------------------- learning */

/* Advance the cursor by at most n ports of the circle. @return number of ports in positions[] */
static unsigned int
circle_next(struct masq_portmap_crowd *crowd, const struct masq_portmap_share *share,
		uint32_t *positions, unsigned int n)
{
	unsigned int got = 0;

	while (got < n) {
		uint32_t entry = (crowd->start + crowd->step) % share->n_entries;
		uint32_t class = masq_portmap_class(share, entry);

		if (crowd->offset < share->ports->class[class].count) {
			positions[got++] = share->ports->class[class].first + crowd->offset++;
			continue;
		}
		crowd->offset = 0;
		if (++crowd->step == share->n_entries) {
			crowd->step = 0;
			crowd->complete = true;
			break;
		}
	}
	return got;
}

/* Look up the next n ports of the circle and add the free ones to the set. */
static void
learn(struct masq_portmap *map, struct masq_portmap_search *search, unsigned int n)
{
	struct masq_portmap_crowd *crowd = search->crowd;
	uint32_t positions[MASQ_PORTMAP_BULK];
	unsigned int got = circle_next(crowd, &search->share, positions, n);
	uint64_t free = masq_portmap_look(map, search, positions, got);

	for (unsigned int i = 0; i < got; i++)
		if ((free >> i & 1) != 0)
			masq_portset_add(&crowd->free, positions[i]);
}

void
masq_portmap_crowd_join(struct masq_portmap *map, struct masq_portmap_search *search)
{
	search->crowd = masq_portmap_crowd_find(map, &search->key, search->hash);
	if (search->crowd == NULL) {
		if (masq_portmap_tally(map, search->hash) < search->share.ports->learn_at)
			return;
		search->crowd = crowd_open(map, search);
	}
	if (!search->crowd->complete || search->crowd->free.count == 0)
		learn(map, search, LEARN);
}

uint32_t
masq_portmap_crowd_pick(struct masq_portmap *map, struct masq_portmap_search *search)
{
	struct masq_portset *free = &search->crowd->free;

	while (free->count != 0 && search->lookups < MASQ_PORTMAP_SCAN) {
		uint32_t start = masq_portmap_any(map, &search->share);
		uint32_t position = masq_portset_next(free, start, 0, MASQ_PORTSET_SIZE);

		if (masq_portmap_is_free(map, search, position))
			return position;
		/* A half whose port did not come from this map uses it. */
		masq_portset_del(free, position);
	}
	return MASQ_PORTMAP_NONE;
}

uint32_t
masq_portmap_crowd_scan(struct masq_portmap *map, struct masq_portmap_search *search)
{
	if (search->crowd == NULL)
		search->crowd = crowd_open(map, search);
	while (!search->crowd->complete &&
			search->lookups + MASQ_PORTMAP_BULK < MASQ_PORTMAP_SCAN) {
		uint32_t position;

		learn(map, search, MASQ_PORTMAP_BULK);
		position = masq_portmap_crowd_pick(map, search);
		if (position != MASQ_PORTMAP_NONE)
			return position;
	}
	map->stats.unproved += !masq_portmap_crowd_is_used_up(search->crowd);
	return MASQ_PORTMAP_NONE;
}

/* ---------------------------------------------------------------- memory */

static void
set_limits(struct masq_portmap_ports *ports, uint32_t share)
{
	ports->learn_at = share > SCAN_WHOLE ? share / 2 : UINT32_MAX;
	ports->close_at = share / 4;
}

/* As many crowds as peers can be crowded at the same time, and a quarter more, because a tally may
 * be too high. */
static uint32_t
crowds_needed(const struct masq_portmap *map, uint32_t sessions)
{
	/* The range is the smaller of the two kinds. */
	uint32_t crowded = map->ports[MASQ_PORTMAP_RANGE].learn_at;

	if (crowded == UINT32_MAX)
		crowded = SCAN_WHOLE;
	return RTE_MIN(sessions / crowded * 5 / 4 + CROWDS_MIN, (uint32_t)CROWDS_MAX);
}

static int
crowds_alloc(struct masq_portmap *map)
{
	uint32_t sessions = masq_session_capacity(map->config.table);
	uint32_t counters = rte_align32pow2(sessions / SESSIONS_PER_COUNTER);

	counters = RTE_MIN(RTE_MAX(counters, (uint32_t)COUNTERS_MIN), (uint32_t)COUNTERS_MAX);
	map->tally_mask = counters - 1;
	map->tally = masq_portmap_alloc(map, 2 * counters, sizeof(*map->tally));

	map->n_crowds = map->config.crowds;
	if (map->n_crowds == 0)
		map->n_crowds = crowds_needed(map, sessions);
	map->crowds = masq_portmap_alloc(map, map->n_crowds, sizeof(*map->crowds));
	map->crowd_mask = rte_align32pow2(map->n_crowds) - 1;
	map->crowd_bucket = masq_portmap_alloc(
			map, map->crowd_mask + 1, sizeof(*map->crowd_bucket));
	if (map->tally == NULL || map->crowds == NULL || map->crowd_bucket == NULL)
		return -ENOMEM;
	return 0;
}

int
masq_portmap_crowds_create(struct masq_portmap *map)
{
	uint32_t range = map->ports[MASQ_PORTMAP_RANGE].total;

	/* Of a range, each peer's share has about this many ports; of all identifiers, exactly all. */
	set_limits(&map->ports[MASQ_PORTMAP_RANGE],
			(uint32_t)((uint64_t)range * map->n_mine / map->config.rss->table_size));
	set_limits(&map->ports[MASQ_PORTMAP_ALL], map->ports[MASQ_PORTMAP_ALL].total);
	if (crowds_alloc(map) < 0)
		return -ENOMEM;

	memset(map->crowd_bucket, 0xff, (map->crowd_mask + 1) * sizeof(*map->crowd_bucket));
	for (uint32_t i = 0; i < map->n_crowds; i++)
		map->crowds[i].next = i + 1 < map->n_crowds ? i + 1 : MASQ_PORTMAP_NONE;
	map->crowds_free = 0;
	return 0;
}

void
masq_portmap_crowds_destroy(struct masq_portmap *map)
{
	rte_free(map->crowd_bucket);
	rte_free(map->crowds);
	rte_free(map->tally);
}
