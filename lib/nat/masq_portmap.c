/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The choice of the external port of a masqueraded session: random, cheap, and exact.
 * Words
 *	class, T[p]	see masq_rss.c: the hash of a reply with port p is the hash with port 0, xor
 *			T[p]; the class of p is those bits of T[p] that index the RSS table
 *	share		the ports whose replies come to this worker. With h0, the hash for port 0,
 *			they are the classes (h0 xor e) of the table entries e that belong to the
 *			worker, so the share of a peer is known without trying ports. ICMP is hashed
 *			over addresses only: the share is every identifier, or none
 *	position	index of a port when all are sorted by class (masq_rss.h): a class is 65536
 *			/ table size consecutive positions, its ports ascending, so the ports of a
 *			range are consecutive within each class. Bitmaps are indexed by position
 *	own		a session owns a port of (address, protocol) if it was the first to get it.
 *			The slot of the pair holds the set of positions that nobody owns
 *	peer, crowd	see masq_portmap_crowd.c
 * How a port is chosen
 *	1. If the peer is known to have used up its share, refuse.
 *	2. A port that nobody owns: a random class of the share, from a random position in it, the
 *	   next free one. At 99 % use three classes of four still have one.
 *	3. If these are owned (more sessions than ports), or the peer already uses the port through
 *	   a session that does not own it: a port that is known to be free towards the peer if it
 *	   has a crowd, else random ones, looked up eight at a time. A peer without a crowd uses
 *	   less than half of its share, so all of them fail once in ten million times.
 *	4. Search the share (small shares, and that one time).
 *	Each choice ends with a lookup of the whole tuple, because halves that did not get their
 *	port here may use it; a guess leaves that to the insertion that follows.
 * Data and who owns it
 *	All memory belongs to the map and is allocated at creation. A slot in which no session owns
 *	a port any more returns to the free list in its initial state.
 * Life cycle
 *	One per worker, created with its session table and destroyed before it.
 * Threads
 *	The worker's.
 */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_malloc.h>

#include "masq_portmap_priv.h"

#define THROWS 32
#define CLASS_TRIES 4
#define PROBES 8
#define PROBE_ROUNDS 3

static_assert(MASQ_PORTSET_SIZE / MASQ_RSS_TABLE_MAX >= 64, "a class is whole words of a set");
static_assert(PROBES <= MASQ_PORTMAP_BULK && PROBE_ROUNDS * PROBES < MASQ_PORTMAP_SCAN,
		"probing is a small part of a search");

/* ---------------------------------------------------------------- shares and positions */

static enum masq_portmap_kind
kind_of(uint8_t proto)
{
	return proto == IPPROTO_ICMP ? MASQ_PORTMAP_ALL : MASQ_PORTMAP_RANGE;
}

/* The share of a TCP or UDP peer. */
static inline void
share_of_ports(const struct masq_portmap *map, const struct masq_tuple *key,
		struct masq_portmap_share *share)
{
	const struct masq_rss *rss = map->config.rss;

	share->ports = &map->ports[MASQ_PORTMAP_RANGE];
	share->entries = map->mine;
	share->n_entries = map->n_mine;
	share->turn = 0;
	/* If all entries belong to this worker, the turn makes no difference. */
	if (map->n_mine != rss->table_size)
		share->turn = masq_rss_hash_ports(rss, key) & (rss->table_size - 1);
}

/* The share of a peer. @return 0; -ENOSPC: empty, replies go to another worker; -EINVAL: no ports */
static int
share_of(const struct masq_portmap *map, const struct masq_tuple *key,
		struct masq_portmap_share *share)
{
	const struct masq_rss *rss = map->config.rss;

	if (likely(masq_tuple_has_ports(key))) {
		share_of_ports(map, key, share);
		return 0;
	}
	if (key->proto != IPPROTO_ICMP)
		return -EINVAL;
	share->ports = &map->ports[MASQ_PORTMAP_ALL];
	share->entries = map->every;
	share->n_entries = rss->table_size;
	share->turn = 0;
	return masq_rss_owner(rss, key) == map->config.worker ? 0 : -ENOSPC;
}

uint32_t
masq_portmap_any_again(struct masq_portmap *map, const struct masq_portmap_share *share)
{
	const struct masq_portmap_ports *ports = share->ports;
	uint32_t entry;

	/* Classes differ by a few ports; drawing again makes all ports equally likely. */
	for (unsigned int i = 0; i < THROWS; i++) {
		uint32_t position;

		if (masq_portmap_throw(map, share, &position))
			return position;
	}
	/* The range is so small that most classes have no port; then the port is no secret anyway. */
	entry = masq_portmap_random(map, share->n_entries);
	for (uint32_t i = 0; i < share->n_entries; i++) {
		uint32_t class = masq_portmap_class(share, (entry + i) % share->n_entries);

		if (ports->class[class].count != 0)
			return ports->class[class].first +
					masq_portmap_random(map, ports->class[class].count);
	}
	return MASQ_PORTMAP_NONE;
}

static rte_be16_t
port_at(const struct masq_portmap *map, uint32_t position)
{
	return rte_cpu_to_be_16(masq_rss_port(map->config.rss, position));
}

bool
masq_portmap_is_free(
		struct masq_portmap *map, struct masq_portmap_search *search, uint32_t position)
{
	struct masq_tuple tuple = search->key;

	tuple.dport = port_at(map, position);
	search->lookups++;
	return masq_half_find(map->config.table, &tuple) == MASQ_HALF_NONE;
}

uint64_t
masq_portmap_look(struct masq_portmap *map, struct masq_portmap_search *search,
		const uint32_t *positions, unsigned int n)
{
	struct masq_tuple tuples[MASQ_PORTMAP_BULK];
	uint32_t signatures[MASQ_PORTMAP_BULK], halves[MASQ_PORTMAP_BULK];
	unsigned int i = 0;

	/* Return early rather than clear the arrays, which would cost more than the lookup. */
	if (n == 0)
		return 0;
	do {
		tuples[i] = search->key;
		tuples[i].dport = port_at(map, positions[i]);
	} while (++i < n);
	search->lookups += n;
	return masq_half_lookup_burst(
			map->config.table, tuples, sizeof(tuples[0]), signatures, halves, n);
}

/* ---------------------------------------------------------------- slots */

static uint32_t *
slot_head(struct masq_portmap *map, rte_be32_t addr, uint8_t proto)
{
	uint32_t key[4] = { addr, proto };

	return &map->slot_bucket[masq_hash16(key, &map->seed) & map->slot_mask];
}

static bool
slot_is(const struct masq_portmap_slot *slot, rte_be32_t addr, uint8_t proto)
{
	return slot->addr == addr && slot->proto == proto;
}

/* Place that remembers the slot an address is likely to have. Neighbouring addresses, and TCP and
 * UDP, get different places. */
static inline uint32_t *
slot_hint(struct masq_portmap *map, rte_be32_t addr, uint8_t proto)
{
	return &map->hint[((addr >> 24) + proto) % MASQ_PORTMAP_HINTS];
}

static __rte_noinline struct masq_portmap_slot *
slot_search(struct masq_portmap *map, rte_be32_t addr, uint8_t proto)
{
	uint32_t i;

	for (i = *slot_head(map, addr, proto); i != MASQ_PORTMAP_NONE; i = map->slots[i].next)
		if (slot_is(&map->slots[i], addr, proto)) {
			*slot_hint(map, addr, proto) = i;
			return &map->slots[i];
		}
	return NULL;
}

/* The slot used last at this hint, which may belong to another address by now. */
static inline struct masq_portmap_slot *
slot_hinted(struct masq_portmap *map, rte_be32_t addr, uint8_t proto)
{
	return &map->slots[*slot_hint(map, addr, proto)];
}

static inline struct masq_portmap_slot *
slot_find(struct masq_portmap *map, rte_be32_t addr, uint8_t proto)
{
	struct masq_portmap_slot *slot = slot_hinted(map, addr, proto);

	return likely(slot_is(slot, addr, proto)) ? slot : slot_search(map, addr, proto);
}

/* @return NULL when all slots are in use */
static struct masq_portmap_slot *
slot_get(struct masq_portmap *map, rte_be32_t addr, uint8_t proto)
{
	struct masq_portmap_slot *slot = slot_find(map, addr, proto);
	uint32_t *head, *free_head = &map->slots_free[kind_of(proto)];

	if (slot != NULL || *free_head == MASQ_PORTMAP_NONE)
		return slot;
	slot = &map->slots[*free_head];
	*free_head = slot->next;
	head = slot_head(map, addr, proto);
	slot->addr = addr;
	slot->proto = proto;
	slot->next = *head;
	*head = (uint32_t)(slot - map->slots);
	map->stats.bitmaps++;
	return slot;
}

/* Return the slot to the free list if nobody owns a port of it. */
static void
slot_put(struct masq_portmap *map, struct masq_portmap_slot *slot)
{
	uint32_t index = (uint32_t)(slot - map->slots);
	uint32_t *link;

	if (slot->free.count != map->ports[slot->kind].total)
		return;
	link = slot_head(map, slot->addr, slot->proto);
	while (*link != index)
		link = &map->slots[*link].next;
	*link = slot->next;
	slot->proto = 0; /* matches no lookup */
	slot->next = map->slots_free[slot->kind];
	map->slots_free[slot->kind] = index;
	map->stats.bitmaps--;
}

/* ---------------------------------------------------------------- the choice */

/* A position that nobody owns, not looked up yet; MASQ_PORTMAP_NONE: the classes tried have none. */
static uint32_t
pick_unowned(struct masq_portmap *map, const struct masq_portmap_share *share,
		const struct masq_portmap_slot *slot)
{
	uint32_t per_class = map->config.rss->ports_per_class;

	if (slot->free.count == 0)
		return MASQ_PORTMAP_NONE;
	for (unsigned int i = 0; i < CLASS_TRIES; i++) {
		uint32_t start = masq_portmap_any(map, share), begin = start & ~(per_class - 1);
		uint32_t position;

		if (start == MASQ_PORTMAP_NONE)
			return MASQ_PORTMAP_NONE;
		position = masq_portset_next(&slot->free, start, begin, begin + per_class);
		if (position != MASQ_PORTSET_NONE)
			return position;
	}
	return MASQ_PORTMAP_NONE;
}

/* Is a position free towards the peer? A complete crowd may deny it without a lookup; a guess does
 * not look. */
static bool
suits(struct masq_portmap *map, struct masq_portmap_search *search, uint32_t position)
{
	const struct masq_portmap_crowd *crowd = search->crowd;

	if (crowd != NULL && crowd->complete && !masq_portset_has(&crowd->free, position))
		return false;
	if (search->guess)
		return true;
	return masq_portmap_is_free(map, search, position);
}

/* Look up random positions of a share that has ports. @return a free one, or MASQ_PORTMAP_NONE */
static uint32_t
probe(struct masq_portmap *map, struct masq_portmap_search *search)
{
	uint32_t positions[PROBES];
	uint64_t free;

	for (unsigned int i = 0; i < PROBES; i++)
		positions[i] = masq_portmap_any(map, &search->share);
	free = masq_portmap_look(map, search, positions, PROBES);
	return free != 0 ? positions[__builtin_ctzll(free)] : MASQ_PORTMAP_NONE;
}

static uint32_t
choose(struct masq_portmap *map, struct masq_portmap_search *search,
		const struct masq_portmap_slot *slot)
{
	uint32_t position;

	masq_portmap_crowd_enter(map, search);
	if (masq_portmap_crowd_is_used_up(search->crowd))
		return MASQ_PORTMAP_NONE;

	if (slot != NULL) {
		position = pick_unowned(map, &search->share, slot);
		if (position != MASQ_PORTMAP_NONE && suits(map, search, position))
			return position;
	}
	if (search->crowd != NULL) {
		position = masq_portmap_crowd_pick(map, search);
		if (position != MASQ_PORTMAP_NONE)
			return position;
	}
	/* Most peers use very few ports: the first one is tried alone. */
	position = masq_portmap_any(map, &search->share);
	if (position == MASQ_PORTMAP_NONE || search->guess ||
			masq_portmap_is_free(map, search, position))
		return position; /* MASQ_PORTMAP_NONE: the share is empty */
	for (unsigned int round = 0; round < PROBE_ROUNDS; round++) {
		position = probe(map, search);
		if (position != MASQ_PORTMAP_NONE)
			return position;
	}
	return masq_portmap_crowd_scan(map, search);
}

static int
take(struct masq_portmap *map, struct masq_tuple *reply, bool *owns, bool guess)
{
	struct masq_portmap_search search;
	struct masq_portmap_slot *slot;
	uint32_t position;
	int code;

	search.key = masq_tuple_without_dport(reply);
	search.lookups = 0;
	search.guess = guess;
	code = share_of(map, &search.key, &search.share);
	if (code < 0) {
		map->stats.refused += code == -ENOSPC;
		return code;
	}
	search.hash = masq_hash16(&search.key, &map->seed);
	slot = slot_get(map, reply->dst, reply->proto);
	position = choose(map, &search, slot);
	map->stats.lookups += search.lookups;
	if (position == MASQ_PORTMAP_NONE) {
		if (slot != NULL)
			slot_put(map, slot);
		map->stats.refused++;
		return -ENOSPC;
	}

	*owns = slot != NULL && masq_portset_has(&slot->free, position);
	if (*owns)
		masq_portset_del(&slot->free, position);
	if (search.crowd != NULL)
		masq_portset_del(&search.crowd->free, position);
	masq_portmap_tally_add(map, search.hash);
	map->stats.taken++;
	map->stats.reused += !*owns;
	reply->dport = port_at(map, position);
	return 0;
}

int
masq_portmap_take(struct masq_portmap *map, struct masq_tuple *reply, bool *owns)
{
	return take(map, reply, owns, false);
}

/*
 * Step 2 with a single try, for an address that has a hint and a TCP or UDP peer that is not
 * crowded: nearly all calls, in 128 instructions instead of 204. A class consists of whole words,
 * so the rest of a word is in the same class.
 */
static inline bool
guess_near(struct masq_portmap *map, struct masq_tuple *reply)
{
	const struct masq_tuple key = masq_tuple_without_dport(reply);
	struct masq_portmap_slot *slot = slot_hinted(map, key.dst, key.proto);
	uint32_t hash = masq_hash16(&key, &map->seed);
	struct masq_portmap_share share;
	uint32_t position;

	if (unlikely(!slot_is(slot, key.dst, key.proto) || !masq_tuple_has_ports(&key)))
		return false;
	share_of_ports(map, &key, &share);
	if (unlikely(masq_portmap_may_be_crowded(map, share.ports, hash) ||
			    !masq_portmap_throw(map, &share, &position) ||
			    !masq_portset_take_near(&slot->free, &position)))
		return false;
	masq_portmap_tally_add(map, hash);
	map->stats.taken++;
	reply->dport = port_at(map, position);
	return true;
}

int
masq_portmap_guess(struct masq_portmap *map, struct masq_tuple *reply, bool *owns)
{
	*owns = true;
	return likely(guess_near(map, reply)) ? 0 : take(map, reply, owns, true);
}

void
masq_portmap_give(struct masq_portmap *map, const struct masq_tuple *reply, bool owns)
{
	uint32_t position = masq_rss_position(map->config.rss, rte_be_to_cpu_16(reply->dport));
	struct masq_tuple key = masq_tuple_without_dport(reply);
	struct masq_portmap_crowd *crowd;
	struct masq_portmap_slot *slot;
	uint32_t hash;

	slot = owns ? slot_find(map, reply->dst, reply->proto) : NULL;
	if (slot != NULL) {
		masq_portset_add(&slot->free, position);
		slot_put(map, slot);
	}
	hash = masq_hash16(&key, &map->seed);
	masq_portmap_tally_del(map, hash);
	crowd = masq_portmap_crowd_find(map, &key, hash);
	if (crowd != NULL)
		masq_portmap_crowd_freed(map, crowd, position);
}

void
masq_portmap_vacated(struct masq_portmap *map, const struct masq_tuple *tuple)
{
	const struct masq_rss *rss = map->config.rss;
	struct masq_tuple key = masq_tuple_without_dport(tuple);
	struct masq_portmap_crowd *crowd;
	uint32_t position, class;

	if (map->stats.crowds == 0)
		return;
	crowd = masq_portmap_crowd_find(map, &key, masq_hash16(&key, &map->seed));
	if (crowd == NULL || masq_rss_owner(rss, tuple) != map->config.worker)
		return;
	/* A forwarded port need not be one that this map hands out. */
	position = masq_rss_position(rss, rte_be_to_cpu_16(tuple->dport));
	class = position / rss->ports_per_class;
	if (position - crowd->ports->class[class].first < crowd->ports->class[class].count)
		masq_portset_add(&crowd->free, position);
}

/* ---------------------------------------------------------------- creation */

void *
masq_portmap_alloc(struct masq_portmap *map, uint32_t n, size_t bytes)
{
	map->bytes += n * bytes;
	return rte_zmalloc_socket(
			"masq_portmap", n * bytes, RTE_CACHE_LINE_SIZE, map->config.socket_id);
}

static int
check_config(const struct masq_portmap_config *config, struct masq_err *err)
{
	if (config->worker >= config->rss->workers)
		return masq_err_set(err, EINVAL, "port map of worker %u: there are %u workers",
				config->worker, config->rss->workers);
	if (config->low == 0 || config->low > config->high)
		return masq_err_set(err, EINVAL,
				"masquerade ports %u-%u; accepted: ranges in 1-65535", config->low,
				config->high);
	if (config->addresses == 0 || config->addresses > MASQ_PORTMAP_ADDRESSES_MAX)
		return masq_err_set(err, EINVAL,
				"port map for %u external addresses; accepted: 1 to %d",
				config->addresses, MASQ_PORTMAP_ADDRESSES_MAX);
	return 0;
}

/* Record where the ports low..high lie in each class.
 * @return 0; -EINVAL: masq_rss_position() is not the inverse of masq_rss_port() in these tables */
static int
fill_ports(const struct masq_rss *rss, struct masq_portmap_ports *ports, uint32_t low,
		uint32_t high)
{
	for (uint32_t class = 0; class < rss->table_size; class ++) {
		uint32_t begin = class * rss->ports_per_class;
		int last = -1;

		for (uint32_t i = begin; i < begin + rss->ports_per_class; i++) {
			uint32_t port = masq_rss_port(rss, i);

			if ((int)port <= last || masq_rss_position(rss, (uint16_t)port) != i)
				return -EINVAL;
			last = (int)port;
			if (port < low || port > high)
				continue;
			if (ports->class[class].count++ == 0)
				ports->class[class].first = i;
		}
		ports->total += ports->class[class].count;
		ports->most = RTE_MAX(ports->most, ports->class[class].count);
	}
	return 0;
}

static int
fill_shares(struct masq_portmap *map)
{
	const struct masq_rss *rss = map->config.rss;

	for (uint32_t i = 0; i < rss->table_size; i++) {
		map->every[i] = (uint16_t)i;
		if (rss->table[i] == map->config.worker)
			map->mine[map->n_mine++] = (uint16_t)i;
	}
	if (map->n_mine == 0)
		return -EINVAL;
	if (fill_ports(rss, &map->ports[MASQ_PORTMAP_RANGE], map->config.low, map->config.high) < 0)
		return -EINVAL;
	return fill_ports(rss, &map->ports[MASQ_PORTMAP_ALL], 0, UINT16_MAX);
}

/* Initialise the slots of one kind; a slot that is freed is in this state again. */
static void
fill_slots(struct masq_portmap *map, enum masq_portmap_kind kind, uint32_t from, uint32_t to)
{
	const struct masq_portmap_ports *ports = &map->ports[kind];

	map->slots_free[kind] = from;
	for (uint32_t i = from; i < to; i++) {
		struct masq_portmap_slot *slot = &map->slots[i];

		slot->kind = (uint8_t)kind;
		slot->next = i + 1 < to ? i + 1 : MASQ_PORTMAP_NONE;
		if (i > from) {
			slot->free = map->slots[from].free;
			continue;
		}
		for (uint32_t class = 0; class < map->config.rss->table_size; class ++)
			for (uint32_t n = 0; n < ports->class[class].count; n++)
				masq_portset_add(&slot->free, ports->class[class].first + n);
	}
}

/* Each address has two slots for TCP and UDP, and one for ICMP. */
static int
slots_create(struct masq_portmap *map)
{
	uint32_t ranged = 2 * map->config.addresses;
	uint32_t buckets;

	map->n_slots = ranged + map->config.addresses;
	buckets = rte_align32pow2(map->n_slots);
	map->slots = masq_portmap_alloc(map, map->n_slots, sizeof(*map->slots));
	map->slot_bucket = masq_portmap_alloc(map, buckets, sizeof(*map->slot_bucket));
	if (map->slots == NULL || map->slot_bucket == NULL)
		return -ENOMEM;
	map->slot_mask = buckets - 1;
	memset(map->slot_bucket, 0xff, buckets * sizeof(*map->slot_bucket));
	fill_slots(map, MASQ_PORTMAP_RANGE, 0, ranged);
	fill_slots(map, MASQ_PORTMAP_ALL, ranged, map->n_slots);
	return 0;
}

struct masq_portmap *
masq_portmap_create(const struct masq_portmap_config *config, struct masq_err *err)
{
	struct masq_portmap *map;

	if (check_config(config, err) < 0)
		return NULL;
	map = rte_zmalloc_socket(
			"masq_portmap", sizeof(*map), RTE_CACHE_LINE_SIZE, config->socket_id);
	if (map == NULL) {
		masq_err_set(err, ENOMEM,
				"port map of worker %u: no memory for %zu bytes; [daemon] memory must be "
				"larger",
				config->worker, sizeof(*map));
		return NULL;
	}
	map->config = *config;
	map->bytes = sizeof(*map);
	map->random = config->seed;
	map->seed.a = config->seed ^ UINT64_C(0x2d358dccaa6c78a5);
	map->seed.b = (uint64_t)masq_portmap_random(map, 65536) << 32 |
			masq_portmap_random(map, 65536);
	if (fill_shares(map) < 0)
		masq_err_set(err, EINVAL,
				"port map of worker %u: the RSS tables are not made for it",
				config->worker);
	else if (masq_portmap_crowds_create(map) < 0 || slots_create(map) < 0)
		masq_err_set(err, ENOMEM,
				"port map of worker %u: no memory for %u external addresses; "
				"[daemon] memory must be larger",
				config->worker, config->addresses);
	else
		return map;
	masq_portmap_destroy(map);
	return NULL;
}

void
masq_portmap_destroy(struct masq_portmap *map)
{
	if (map == NULL)
		return;
	masq_portmap_crowds_destroy(map);
	rte_free(map->slot_bucket);
	rte_free(map->slots);
	rte_free(map);
}

uint64_t
masq_portmap_bytes(const struct masq_portmap *map)
{
	return map->bytes;
}

void
masq_portmap_stats(const struct masq_portmap *map, struct masq_portmap_stats *stats)
{
	*stats = map->stats;
}
