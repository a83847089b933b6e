/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PORTMAP_PRIV_H
#define MASQ_PORTMAP_PRIV_H

/**
 * @file
 * Internals of a port map; terms are defined at the top of masq_portmap.c and masq_portmap_crowd.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include <masq_hash.h>
#include <masq_portmap.h>

#include "masq_portset.h"

#define MASQ_PORTMAP_NONE UINT32_MAX

#define MASQ_PORTMAP_HINTS 16 /**< power of two */
#define MASQ_PORTMAP_BULK 64 /**< maximum tuples of one bulk lookup */

/** Ports that a protocol may use: TCP and UDP the configured range, ICMP every identifier. */
enum masq_portmap_kind {
	MASQ_PORTMAP_RANGE,
	MASQ_PORTMAP_ALL,
	MASQ_PORTMAP_KINDS,
};

/** The ports of a kind. */
struct masq_portmap_ports {
	struct {
		uint32_t first; /**< first position; the ports of a class are adjacent */
		uint32_t count;
	} class[MASQ_RSS_TABLE_MAX];

	uint32_t total; /**< in all classes */
	uint32_t most; /**< in the largest class */
	/** sessions from which a peer is crowded; UINT32_MAX: never by number */
	uint32_t learn_at;
	uint32_t close_at; /**< a crowd with this few sessions is closed */
};

/** Bitmap of one (address, protocol). On the free list it is full, as at creation. */
struct masq_portmap_slot {
	uint32_t next; /**< slot index: next in the bucket's chain or on the free list */
	rte_be32_t addr;
	uint8_t proto;
	uint8_t kind; /**< enum masq_portmap_kind, fixed at creation */
	struct masq_portset free; /**< positions that no session of this worker owns */
};

/** What is known about one crowded peer. */
struct masq_portmap_crowd {
	struct masq_tuple key; /**< reply tuple with dport 0 */
	const struct masq_portmap_ports *ports; /**< NULL: on the free list */
	uint32_t hash; /**< of key */
	uint32_t next; /**< crowd index: next in the bucket's chain or on the free list */
	uint32_t start; /**< share entry at which the circle begins */
	uint32_t step; /**< cursor: share entries already passed */
	uint32_t offset; /**< cursor: ports of the current entry already passed */
	bool complete; /**< the circle was completed once: the set below is exact */
	struct masq_portset free; /**< positions known to be free towards this peer */
};

/** A peer's share: the ports that bring its replies to this worker, classes entries[i] ^ turn. */
struct masq_portmap_share {
	const struct masq_portmap_ports *ports;
	const uint16_t *entries;
	uint32_t n_entries;
	uint32_t turn;
};

/** State of one masq_portmap_take() or masq_portmap_guess() call. */
struct masq_portmap_search {
	struct masq_tuple key; /**< reply tuple with dport 0 */
	uint32_t hash; /**< of key */
	uint32_t lookups; /**< lookups so far */
	bool guess; /**< a port that is probably free need not be looked up */
	struct masq_portmap_share share;
	struct masq_portmap_crowd *crowd; /**< crowd of the peer, or NULL */
};

struct masq_portmap {
	struct masq_portmap_config config;
	uint64_t random;
	struct masq_hash_seed seed;
	uint16_t mine[MASQ_RSS_TABLE_MAX]; /**< RSS table entries that belong to this worker */
	uint16_t every[MASQ_RSS_TABLE_MAX]; /**< 0, 1, 2 ...: all entries */
	uint32_t n_mine;
	struct masq_portmap_ports ports[MASQ_PORTMAP_KINDS];

	struct masq_portmap_slot *slots;
	uint32_t n_slots;
	uint32_t slots_free[MASQ_PORTMAP_KINDS]; /**< heads of the free lists */
	uint32_t hint[MASQ_PORTMAP_HINTS]; /**< slots used last, by address and protocol */
	uint32_t *slot_bucket;
	uint32_t slot_mask; /**< buckets - 1 */

	struct masq_portmap_crowd *crowds;
	uint32_t n_crowds;
	uint32_t crowds_free; /**< head of the free list */
	uint32_t crowd_hand; /**< where the search for the next victim begins */
	uint32_t *crowd_bucket;
	uint32_t crowd_mask; /**< buckets - 1 */

	uint32_t *tally; /**< two rows of tally_mask + 1 counters */
	uint32_t tally_mask;
	uint64_t bytes;
	struct masq_portmap_stats stats;
};

/** The next random number. */
static inline uint64_t
masq_portmap_random64(struct masq_portmap *map)
{
	unsigned __int128 product;

	map->random += UINT64_C(0xa0761d6478bd642f);
	product = (unsigned __int128)map->random * (map->random ^ UINT64_C(0xe7037ed1a0b428db));
	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/** Scale 32 random bits to 0..n-1; @p n is 1..65536. */
static inline uint32_t
masq_portmap_below(uint32_t random, uint32_t n)
{
	return (uint32_t)((uint64_t)random * n >> 32);
}

/** The next random number in 0..n-1; @p n is 1..65536. */
static inline uint32_t
masq_portmap_random(struct masq_portmap *map, uint32_t n)
{
	return masq_portmap_below((uint32_t)(masq_portmap_random64(map) >> 32), n);
}

/** The class of an entry of a share. */
static inline uint32_t
masq_portmap_class(const struct masq_portmap_share *share, uint32_t entry)
{
	return share->entries[entry] ^ share->turn;
}

/** Draw a random position of a share. @return false: no port there, which is rare in most shares */
static inline bool
masq_portmap_throw(struct masq_portmap *map, const struct masq_portmap_share *share,
		uint32_t *position)
{
	const struct masq_portmap_ports *ports = share->ports;
	uint64_t random = masq_portmap_random64(map);
	uint32_t rank = masq_portmap_below((uint32_t)random, ports->most);
	uint32_t entry = masq_portmap_below((uint32_t)(random >> 32), share->n_entries);
	uint32_t class = masq_portmap_class(share, entry);

	*position = ports->class[class].first + rank;
	return rank < ports->class[class].count;
}

/** The first draw had no port: draw again, then take any port that there is. */
uint32_t masq_portmap_any_again(struct masq_portmap *map, const struct masq_portmap_share *share);

/** A random position of a share; MASQ_PORTMAP_NONE: the share has no port at all. */
static inline uint32_t
masq_portmap_any(struct masq_portmap *map, const struct masq_portmap_share *share)
{
	uint32_t position;

	return likely(masq_portmap_throw(map, share, &position))
			? position
			: masq_portmap_any_again(map, share);
}

/** Look up a position towards the peer of a search. @return true: no half uses it */
bool masq_portmap_is_free(
		struct masq_portmap *map, struct masq_portmap_search *search, uint32_t position);

/**
 * The same for several positions at once.
 *
 * @param n	0..MASQ_PORTMAP_BULK
 * @return bit i is set: no half uses positions[i]
 */
uint64_t masq_portmap_look(struct masq_portmap *map, struct masq_portmap_search *search,
		const uint32_t *positions, unsigned int n);

/** Allocate zeroed, counted memory on the map's socket. @return NULL: there is none */
void *masq_portmap_alloc(struct masq_portmap *map, uint32_t n, size_t bytes);

/**
 * Create crowds and tally. ports[].total and n_mine must be set; this sets the limits in ports[].
 *
 * @return 0, -ENOMEM
 */
int masq_portmap_crowds_create(struct masq_portmap *map);
void masq_portmap_crowds_destroy(struct masq_portmap *map);

/** The first of the two counters for a peer's hash. */
static inline uint32_t *
masq_portmap_tally_first(const struct masq_portmap *map, uint32_t hash)
{
	return &map->tally[hash & map->tally_mask];
}

static inline uint32_t *
masq_portmap_tally_second(const struct masq_portmap *map, uint32_t hash)
{
	return &map->tally[map->tally_mask + 1 + (hash >> 16 & map->tally_mask)];
}

/** Count one session more (del: less) towards the peer of @p hash. */
static inline void
masq_portmap_tally_add(struct masq_portmap *map, uint32_t hash)
{
	uint32_t *first = masq_portmap_tally_first(map, hash);
	uint32_t *second = masq_portmap_tally_second(map, hash);

	++*first;
	++*second;
}

void masq_portmap_tally_del(struct masq_portmap *map, uint32_t hash);

/** @return sessions towards the peer of @p hash, or a larger number, never a smaller one */
static inline uint32_t
masq_portmap_tally(const struct masq_portmap *map, uint32_t hash)
{
	return RTE_MIN(*masq_portmap_tally_first(map, hash), *masq_portmap_tally_second(map, hash));
}

/** @return the crowd of a peer; NULL: it has none */
struct masq_portmap_crowd *
masq_portmap_crowd_find(struct masq_portmap *map, const struct masq_tuple *key, uint32_t hash);

/** Find the crowd of a search, or open one if its peer has become crowded. Learn a few ports. */
void masq_portmap_crowd_join(struct masq_portmap *map, struct masq_portmap_search *search);

/** @return true: the peer of @p hash may have, or needs, a crowd. Most maps have none at all. */
static inline bool
masq_portmap_may_be_crowded(const struct masq_portmap *map, const struct masq_portmap_ports *ports,
		uint32_t hash)
{
	return map->stats.crowds != 0 ||
			(*masq_portmap_tally_first(map, hash) >= ports->learn_at &&
					*masq_portmap_tally_second(map, hash) >= ports->learn_at);
}

/** Call masq_portmap_crowd_join() if there may be a crowd to join. */
static inline void
masq_portmap_crowd_enter(struct masq_portmap *map, struct masq_portmap_search *search)
{
	search->crowd = NULL;
	if (unlikely(masq_portmap_may_be_crowded(map, search->share.ports, search->hash)))
		masq_portmap_crowd_join(map, search);
}

/** @return true: the search may end, because nothing is free towards its peer */
static inline bool
masq_portmap_crowd_is_used_up(const struct masq_portmap_crowd *crowd)
{
	return crowd != NULL && crowd->complete && crowd->free.count == 0;
}

/** @return a position that the crowd knew as free and a lookup confirmed, or MASQ_PORTMAP_NONE */
uint32_t masq_portmap_crowd_pick(struct masq_portmap *map, struct masq_portmap_search *search);

/** Walk the circle until a free position is found. @return the position or MASQ_PORTMAP_NONE */
uint32_t masq_portmap_crowd_scan(struct masq_portmap *map, struct masq_portmap_search *search);

/** Note that a position is free again towards a crowd's peer; the tally is already updated. */
void masq_portmap_crowd_freed(
		struct masq_portmap *map, struct masq_portmap_crowd *crowd, uint32_t position);

#endif /* MASQ_PORTMAP_PRIV_H */
