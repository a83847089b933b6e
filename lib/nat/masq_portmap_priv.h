/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PORTMAP_PRIV_H
#define MASQ_PORTMAP_PRIV_H

/**
 * @file
 * Inside of a port map; the words are explained at the top of masq_portmap.c and
 * masq_portmap_crowd.c.
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
#define MASQ_PORTMAP_BULK 64 /**< most tuples of one lookup */

/** Which ports a protocol may use: TCP and UDP the configured range, ICMP every identifier. */
enum masq_portmap_kind {
	MASQ_PORTMAP_RANGE,
	MASQ_PORTMAP_ALL,
	MASQ_PORTMAP_KINDS,
};

/** The ports of a kind. */
struct masq_portmap_ports {
	struct {
		uint32_t first; /**< position; those of a class are a row */
		uint32_t count;
	} class[MASQ_RSS_TABLE_MAX];

	uint32_t total; /**< of all classes */
	uint32_t most; /**< of one class */
	uint32_t learn_at; /**< a peer with so many sessions is crowded; UINT32_MAX: never by number */
	uint32_t close_at; /**< a crowd with so few sessions is one no more */
};

/** Bitmap of one (address, protocol). On the free list it is as full as at creation. */
struct masq_portmap_slot {
	uint32_t next; /**< slot index: of the bucket's chain or the free list */
	rte_be32_t addr;
	uint8_t proto;
	uint8_t kind; /**< enum masq_portmap_kind, fixed at creation */
	struct masq_portset free; /**< positions that no session of this worker owns */
};

/** What is known about a crowded peer. */
struct masq_portmap_crowd {
	struct masq_tuple key; /**< reply tuple with dport 0 */
	const struct masq_portmap_ports *ports; /**< NULL: is on the free list */
	uint32_t hash; /**< of key */
	uint32_t next; /**< crowd index: of the bucket's chain or the free list */
	uint32_t start; /**< share entry where the circle begins */
	uint32_t step; /**< cursor: entries behind it */
	uint32_t offset; /**< cursor: ports of the present entry behind it */
	bool complete; /**< the circle was closed once: free is all that is free */
	struct masq_portset free; /**< positions known to be free towards this peer */
};

/** The ports that bring replies of one peer to this worker: classes entries[i] ^ turn. */
struct masq_portmap_share {
	const struct masq_portmap_ports *ports;
	const uint16_t *entries;
	uint32_t n_entries;
	uint32_t turn;
};

/** One masq_portmap_take() on its way. */
struct masq_portmap_search {
	struct masq_tuple key; /**< reply tuple with dport 0 */
	uint32_t hash; /**< of key */
	uint32_t lookups; /**< done so far */
	bool guess; /**< what is likely to be free need not be looked up */
	struct masq_portmap_share share;
	struct masq_portmap_crowd *crowd; /**< of the peer, or NULL */
};

struct masq_portmap {
	struct masq_portmap_config config;
	uint64_t random;
	struct masq_hash_seed seed;
	uint16_t mine[MASQ_RSS_TABLE_MAX]; /**< RSS table entries of this worker */
	uint16_t every[MASQ_RSS_TABLE_MAX]; /**< 0, 1, 2 ...: all of them */
	uint32_t n_mine;
	struct masq_portmap_ports ports[MASQ_PORTMAP_KINDS];

	struct masq_portmap_slot *slots;
	uint32_t n_slots;
	uint32_t slots_free[MASQ_PORTMAP_KINDS]; /**< heads of the free lists */
	uint32_t hint[MASQ_PORTMAP_HINTS]; /**< slots that were wanted last, by address and protocol */
	uint32_t *slot_bucket;
	uint32_t slot_mask; /**< buckets - 1 */

	struct masq_portmap_crowd *crowds;
	uint32_t n_crowds;
	uint32_t crowds_free; /**< head of the free list */
	uint32_t crowd_hand; /**< where the next victim is looked for */
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

/** Half of a random number, brought below @p n, 1..65536. */
static inline uint32_t
masq_portmap_below(uint32_t random, uint32_t n)
{
	return (uint32_t)((uint64_t)random * n >> 32);
}

/** The next random number below @p n, 1..65536. */
static inline uint32_t
masq_portmap_random(struct masq_portmap *map, uint32_t n)
{
	return masq_portmap_below((uint32_t)(masq_portmap_random64(map) >> 32), n);
}

/** The class of a share's entry. */
static inline uint32_t
masq_portmap_class(const struct masq_portmap_share *share, uint32_t entry)
{
	return share->entries[entry] ^ share->turn;
}

/** One throw: a random position of a share. @return false: none, which is rare in most shares */
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

/** The first throw was none: more of them, then whatever there is. */
uint32_t masq_portmap_any_again(struct masq_portmap *map, const struct masq_portmap_share *share);

/** A random position of a share, MASQ_PORTMAP_NONE when it has no port at all. */
static inline uint32_t
masq_portmap_any(struct masq_portmap *map, const struct masq_portmap_share *share)
{
	uint32_t position;

	return likely(masq_portmap_throw(map, share, &position))
			? position
			: masq_portmap_any_again(map, share);
}

/** Look a position up towards the peer of a search. @return no half uses it */
bool masq_portmap_is_free(
		struct masq_portmap *map, struct masq_portmap_search *search, uint32_t position);

/**
 * The same for several positions at once.
 *
 * @param n	0..MASQ_PORTMAP_BULK
 * @return bit i: no half uses positions[i]
 */
uint64_t masq_portmap_look(struct masq_portmap *map, struct masq_portmap_search *search,
		const uint32_t *positions, unsigned int n);

/** Memory on the map's socket, counted; zeroed. @return NULL when there is none */
void *masq_portmap_alloc(struct masq_portmap *map, uint32_t n, size_t bytes);

/**
 * Make crowds and tally; ports[].total and n_mine are set, the limits in ports[] are set here.
 *
 * @return 0, -ENOMEM
 */
int masq_portmap_crowds_create(struct masq_portmap *map);
void masq_portmap_crowds_destroy(struct masq_portmap *map);

/** The two counters of a peer's hash. */
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

/** One session more, or less, towards the peer of @p hash. */
static inline void
masq_portmap_tally_add(struct masq_portmap *map, uint32_t hash)
{
	uint32_t *first = masq_portmap_tally_first(map, hash);
	uint32_t *second = masq_portmap_tally_second(map, hash);

	++*first;
	++*second;
}

void masq_portmap_tally_del(struct masq_portmap *map, uint32_t hash);

/** @return sessions towards the peer of @p hash, or some more, never less */
static inline uint32_t
masq_portmap_tally(const struct masq_portmap *map, uint32_t hash)
{
	return RTE_MIN(*masq_portmap_tally_first(map, hash), *masq_portmap_tally_second(map, hash));
}

/** @return the crowd of a peer, NULL: none */
struct masq_portmap_crowd *
masq_portmap_crowd_find(struct masq_portmap *map, const struct masq_tuple *key, uint32_t hash);

/** Find the crowd of a search; open one when the peer has become crowded. Learn a little. */
void masq_portmap_crowd_join(struct masq_portmap *map, struct masq_portmap_search *search);

/** Has the peer of @p hash a crowd, may be, or needs one? Most maps have none at all. */
static inline bool
masq_portmap_may_be_crowded(const struct masq_portmap *map, const struct masq_portmap_ports *ports,
		uint32_t hash)
{
	return map->stats.crowds != 0 ||
			(*masq_portmap_tally_first(map, hash) >= ports->learn_at &&
					*masq_portmap_tally_second(map, hash) >= ports->learn_at);
}

/** masq_portmap_crowd_join() if there is a crowd to join. */
static inline void
masq_portmap_crowd_enter(struct masq_portmap *map, struct masq_portmap_search *search)
{
	search->crowd = NULL;
	if (unlikely(masq_portmap_may_be_crowded(map, search->share.ports, search->hash)))
		masq_portmap_crowd_join(map, search);
}

/** @return true: the search may end, nothing is free towards its peer */
static inline bool
masq_portmap_crowd_is_used_up(const struct masq_portmap_crowd *crowd)
{
	return crowd != NULL && crowd->complete && crowd->free.count == 0;
}

/** @return a position that is known to be free and was looked up, or MASQ_PORTMAP_NONE */
uint32_t masq_portmap_crowd_pick(struct masq_portmap *map, struct masq_portmap_search *search);

/** Go round the circle until something free is found. @return position or MASQ_PORTMAP_NONE */
uint32_t masq_portmap_crowd_scan(struct masq_portmap *map, struct masq_portmap_search *search);

/** A port of this peer became free, and the tally has been told. */
void masq_portmap_crowd_freed(
		struct masq_portmap *map, struct masq_portmap_crowd *crowd, uint32_t position);

#endif /* MASQ_PORTMAP_PRIV_H */
