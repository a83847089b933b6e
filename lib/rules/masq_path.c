/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Exact rule counters for packets that skip the rules: each list of counter slots (a path) gets
 *	an index once, packets count on the index, and a rule's counter is the sum over the paths that
 *	contain it (as often as they contain it).
 * Words
 *	link	one entry of a list; the links of all paths are in one array, in the order of creation
 *	path	where its links begin and how many there are
 *	bucket	of an open-addressing hash table: path + 1, 0: free; at most half are taken
 *	direct	counters of slots on which packets without a path count
 *	picture	a second set of counters, as they were when the control thread asked. They are copied
 *		in portions: the first ones are *pictured*, in the end all. What is added to a counter
 *		of the picture before it is copied is overwritten by the copy
 * Data and who owns it
 *	One block of rte_malloc memory on the worker's socket, cut into arrays at creation. Nothing
 *	is allocated later: a full table says so, and the worker counts directly.
 *	Peers can make packets match rules in many combinations and so choose the lists; the hash has a
 *	random seed, so that they cannot choose which lists collide.
 * Life cycle
 *	create -> intern, count, settle, picture ... -> destroy: one table for each rule set
 * Threads
 *	One worker writes. The control thread sums when the worker has told it that the picture is
 *	complete, and the worker leaves the picture alone until it is asked for the next one. Paths can
 *	be added meanwhile: a path is complete before the number of paths (release, acquire) includes
 *	it. Direct counters are read while they change, so packets and bytes of one may differ by a
 *	packet.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_malloc.h>

#include <masq_err.h>
#include <masq_hash.h>
#include <masq_path.h>

struct path {
	uint32_t begin; /* first of its links */
	uint32_t n;
	uint32_t hash;
};

struct masq_path_table {
	_Atomic uint32_t n_paths; /* published */
	uint32_t n_links;
	uint32_t max_paths, max_links, n_slots;
	uint32_t bucket_mask;
	struct masq_hash_seed seed;
	struct masq_path_counter *counters; /* [max_paths] */
	struct masq_path_counter *picture; /* [max_paths] */
	uint32_t pictured; /* so many paths are copied; UINT32_MAX: all */
	struct masq_path_counter *direct; /* [n_slots] */
	struct path *paths; /* [max_paths] */
	uint32_t *links; /* [max_links] */
	uint32_t *buckets; /* [bucket_mask + 1] */
};

/* Offsets of the arrays in the block, in bytes. */
struct layout {
	uint64_t counters, picture, direct, paths, links, buckets, end;
	uint32_t n_buckets;
};

static uint64_t
lay(uint64_t *at, uint64_t n, uint64_t size)
{
	uint64_t begin = *at;

	*at = RTE_ALIGN_CEIL(begin + n * size, (uint64_t)RTE_CACHE_LINE_SIZE);
	return begin;
}

static struct layout
layout_of(uint32_t paths, uint32_t links, uint32_t slots)
{
	struct layout l = { .n_buckets = (uint32_t)rte_align64pow2(
					    2 * (uint64_t)RTE_MAX(paths, 1u)) };
	uint64_t at = RTE_ALIGN_CEIL(sizeof(struct masq_path_table), RTE_CACHE_LINE_SIZE);

	l.counters = lay(&at, paths, sizeof(struct masq_path_counter));
	l.picture = lay(&at, paths, sizeof(struct masq_path_counter));
	l.direct = lay(&at, slots, sizeof(struct masq_path_counter));
	l.paths = lay(&at, paths, sizeof(struct path));
	l.links = lay(&at, links, sizeof(uint32_t));
	l.buckets = lay(&at, l.n_buckets, sizeof(uint32_t));
	l.end = at;
	return l;
}

struct masq_path_table *
masq_path_create(
		uint32_t paths, uint32_t links, uint32_t slots, int socket_id, struct masq_err *err)
{
	struct layout l;
	struct masq_path_table *table;
	char *block;

	if (paths > MASQ_PATH_PATHS_MAX) {
		masq_err_set(err, EINVAL, "%u paths; a table can hold at most %u", paths,
				MASQ_PATH_PATHS_MAX);
		return NULL;
	}
	l = layout_of(paths, links, slots);
	block = rte_zmalloc_socket("masq_path", l.end, RTE_CACHE_LINE_SIZE, socket_id);
	if (block == NULL) {
		masq_err_set(err, ENOMEM,
				"no memory for rule counters: %llu bytes on socket %d are not to "
				"be had; [daemon] memory must be larger",
				(unsigned long long)l.end, socket_id);
		return NULL;
	}
	table = (void *)block;
	if (masq_hash_seed_random(&table->seed) != 0) {
		masq_err_set(err, EIO, "the system gives no random numbers");
		rte_free(block);
		return NULL;
	}
	table->max_paths = paths;
	table->max_links = links;
	table->n_slots = slots;
	table->bucket_mask = l.n_buckets - 1;
	table->counters = (void *)(block + l.counters);
	table->picture = (void *)(block + l.picture);
	table->direct = (void *)(block + l.direct);
	table->paths = (void *)(block + l.paths);
	table->links = (void *)(block + l.links);
	table->buckets = (void *)(block + l.buckets);
	return table;
}

void
masq_path_destroy(struct masq_path_table *table)
{
	rte_free(table);
}

uint64_t
masq_path_bytes(const struct masq_path_table *table)
{
	return layout_of(table->max_paths, table->max_links, table->n_slots).end;
}

/* ---------------------------------------------------------------- paths */

static uint32_t
hash_slots(const struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots)
{
	uint32_t hash = n_slots;

	for (uint32_t i = 0; i < n_slots; i += 3) {
		uint32_t key[4] = { hash, slots[i], i + 1 < n_slots ? slots[i + 1] : 0,
			i + 2 < n_slots ? slots[i + 2] : 0 };

		hash = masq_hash16(key, &table->seed);
	}
	return hash;
}

static bool
path_equals(const struct masq_path_table *table, const struct path *path, uint32_t hash,
		const uint32_t *slots, uint32_t n_slots)
{
	return path->hash == hash && path->n == n_slots &&
			memcmp(&table->links[path->begin], slots, n_slots * sizeof(*slots)) == 0;
}

static uint32_t
path_append(struct masq_path_table *table, uint32_t hash, const uint32_t *slots, uint32_t n_slots)
{
	uint32_t n_paths = atomic_load_explicit(&table->n_paths, memory_order_relaxed);
	struct path *path = &table->paths[n_paths];

	if (n_paths == table->max_paths || n_slots > table->max_links - table->n_links)
		return MASQ_PATH_NONE;
	memcpy(&table->links[table->n_links], slots, n_slots * sizeof(*slots));
	*path = (struct path){ .begin = table->n_links, .n = n_slots, .hash = hash };
	table->n_links += n_slots;
	atomic_store_explicit(&table->n_paths, n_paths + 1, memory_order_release);
	return n_paths;
}

uint32_t
masq_path_intern(struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots)
{
	uint32_t hash = hash_slots(table, slots, n_slots);
	uint32_t bucket = hash & table->bucket_mask;
	uint32_t path;

	while (table->buckets[bucket] != 0) {
		path = table->buckets[bucket] - 1;
		if (path_equals(table, &table->paths[path], hash, slots, n_slots))
			return path;
		bucket = (bucket + 1) & table->bucket_mask;
	}
	path = path_append(table, hash, slots, n_slots);
	if (likely(path != MASQ_PATH_NONE))
		table->buckets[bucket] = path + 1;
	return path;
}

/* ---------------------------------------------------------------- counters */

struct masq_path_counter *
masq_path_counters(struct masq_path_table *table)
{
	return table->counters;
}

void
masq_path_count_slots(struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots,
		uint32_t bytes)
{
	for (uint32_t i = 0; i < n_slots; i++) {
		struct masq_path_counter *counter = &table->direct[slots[i]];

		if (slots[i] >= table->n_slots)
			continue;
		__atomic_store_n(&counter->packets, counter->packets + 1, __ATOMIC_RELAXED);
		__atomic_store_n(&counter->bytes, counter->bytes + bytes, __ATOMIC_RELAXED);
	}
}

static struct masq_path_counter
counter_read(const struct masq_path_counter *counter)
{
	return (struct masq_path_counter){
		.packets = __atomic_load_n(&counter->packets, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&counter->bytes, __ATOMIC_RELAXED),
	};
}

void
masq_path_settle(struct masq_path_table *table, uint32_t path, uint64_t packets, uint64_t bytes)
{
	table->counters[path].packets += packets;
	table->counters[path].bytes += bytes;
}

/* ---------------------------------------------------------------- picture */

void
masq_path_picture_begin(struct masq_path_table *table)
{
	table->pictured = 0;
}

bool
masq_path_picture_counters(struct masq_path_table *table, uint32_t budget)
{
	uint32_t n_paths = atomic_load_explicit(&table->n_paths, memory_order_relaxed);
	uint32_t n;

	if (table->pictured == UINT32_MAX)
		return true;
	n = RTE_MIN(budget, n_paths - table->pictured);
	memcpy(&table->picture[table->pictured], &table->counters[table->pictured],
			n * sizeof(*table->picture));
	table->pictured += n;
	if (table->pictured < n_paths)
		return false;
	table->pictured = UINT32_MAX;
	return true;
}

void
masq_path_picture_add(
		struct masq_path_table *table, uint32_t path, uint64_t packets, uint64_t bytes)
{
	table->picture[path].packets += packets;
	table->picture[path].bytes += bytes;
}

static void
sum_path(const struct masq_path_table *table, uint32_t index, struct masq_path_counter *out,
		uint32_t n_slots)
{
	const struct path *path = &table->paths[index];
	const struct masq_path_counter *add = &table->picture[index];

	for (uint32_t i = 0; i < path->n; i++) {
		uint32_t slot = table->links[path->begin + i];

		if (slot < n_slots) {
			out[slot].packets += add->packets;
			out[slot].bytes += add->bytes;
		}
	}
}

void
masq_path_sum(const struct masq_path_table *table, struct masq_path_counter *out, uint32_t n_slots)
{
	uint32_t n_paths = atomic_load_explicit(&table->n_paths, memory_order_acquire);

	n_slots = RTE_MIN(n_slots, table->n_slots);
	for (uint32_t i = 0; i < n_paths; i++)
		sum_path(table, i, out, n_slots);
	for (uint32_t slot = 0; slot < n_slots; slot++) {
		struct masq_path_counter add = counter_read(&table->direct[slot]);

		out[slot].packets += add.packets;
		out[slot].bytes += add.bytes;
	}
}
