/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	One worker's session table: creation with all its memory, the records, and the state changes
 *	that packets cause.
 * Words
 *	half	one direction of a session; masq_half.c
 *	record	the rest of a session; lives with the *creator*
 *	linked	tables know each other by worker number, so that a half finds the record of its
 *		session and a creator the other half, wherever they live
 * Data and who owns it, and what it costs
 *	For h halves and s records, pow2(x) being the smallest power of two not below x:
 *		rte_hash keys	32 h		the tuple, 8 unused bytes, alignment
 *		buckets		8 pow2(h)	64 bytes for 8 entries
 *		free positions	4 pow2(h + 1)	a ring
 *		halves		64 h
 *		records		48 s
 *		the table	66 KB, nearly all of it the wheel
 *	When nearly all buckets of a cuckoo hash are full, each insertion searches for long, and
 *	finally one fails. Above 15/16 of a power of two the hash is therefore created with one
 *	entry more than that power, which doubles its buckets. With h = 2 s that is 64 + 32 + 16 +
 *	128 + 48 = 288 bytes per session at a power of two and just above it, falling to 266 at
 *	15/16 of the next one, and 304 just above that. Hashes below 1024 places are doubled above
 *	1/2 already, because few buckets fill unevenly. Measured with random keys and 1024 places:
 *	of 20000 hashes filled to 15/16 none refused a key. The last insertions into 262144 places
 *	took 430 cycles, at 3/4 of them 170. A failed insertion is a drop with a name, like a
 *	session too many. Extended buckets, which never refuse a key, cost as much memory as
 *	doubling the plain ones, and near the full table of a million sessions two insertions took
 *	18900 cycles with them and 1000 without.
 * Life cycle
 *	Record: free -> masq_session_alloc() -> halves are inserted and their indices stored in it
 *	-> armed; or all of that at once if both halves are here: masq_session_open() -> expired or
 *	flushed: off the wheel, its halves are removed -> masq_session_free(). Free records are a
 *	stack linked through wheel_next, so the record used last, which is still in the cache, is
 *	reused first.
 * Threads
 *	Everything belongs to the owner except one word per session, masq_session.state, which the
 *	worker of either half may change. It is read relaxed, because a stale state only leads to a
 *	compare-and-swap that fails, and swapped (acquire-release) only when the state table says
 *	that something changes: a few times in the life of a session. The worker that loses the race
 *	evaluates its packet again from the state that the winner wrote. With both halves on one
 *	worker there is no other writer, and the word is simply stored. A session whose REPLY half
 *	is not there yet has no events, because its INITIAL half is pending.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "masq_session_priv.h"

#define KEY_SLOT_BYTES 32
#define BUCKET_BYTES 64
#define BUCKET_ENTRIES 8
#define SMALL_HASH 1024 /* places */

/* Overhead of malloc and memzones: a header for each of 11 pieces, the rings, struct rte_hash. */
#define OVERHEAD_BYTES 4096

static_assert(MASQ_SESSION_NONE == UINT32_MAX && MASQ_HALF_NONE == UINT32_MAX, "none is none");
static_assert(MASQ_MAX_WORKERS <= UINT8_MAX + 1, "a worker is one byte in records and halves");

static int
check_config(const struct masq_session_config *config, struct masq_err *err)
{
	if (config->worker >= MASQ_MAX_WORKERS)
		return masq_err_set(err, EINVAL,
				"session table: worker %" PRIu32 " does not exist (0 to %d)",
				config->worker, MASQ_MAX_WORKERS - 1);
	if (config->sessions < 1 || config->sessions > MASQ_SESSIONS_MAX)
		return masq_err_set(err, EINVAL,
				"session table of worker %" PRIu32 ": %" PRIu32
				" sessions are not possible (1 to %" PRIu32 ")",
				config->worker, config->sessions, MASQ_SESSIONS_MAX);
	if (config->halves < MASQ_HALVES_MIN || config->halves > MASQ_HALVES_MAX)
		return masq_err_set(err, EINVAL,
				"session table of worker %" PRIu32 ": %" PRIu32
				" halves are not possible (%d to %" PRIu32 ")",
				config->worker, config->halves, MASQ_HALVES_MIN, MASQ_HALVES_MAX);
	return 0;
}

/* The number of entries that a hash of this many places holds without being too full. */
static uint32_t
enough_for(uint32_t places)
{
	return places < SMALL_HASH ? places / 2 : places - places / 16;
}

/* Entries of the hash for this many halves. If they would fill the buckets too far, one more than
 * the number of places, which doubles the buckets. */
static uint32_t
hash_entries(uint32_t halves)
{
	uint32_t places = rte_align32pow2(halves);

	return halves > enough_for(places) ? places + 1 : halves;
}

uint32_t
masq_session_room_for(uint32_t least, uint32_t wanted)
{
	uint32_t places = rte_align32pow2(2 * least);
	uint32_t enough = enough_for(places);

	/* A doubled hash has entries, and the table has halves, for all of the original places. */
	if (places >= SMALL_HASH && 2 * least > enough)
		return places / 2;
	return RTE_MIN(wanted, RTE_MAX(enough, 2 * least) / 2);
}

static struct rte_hash *
create_hash(const struct masq_session_table *table, int socket_id)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters parameters = {
		.name = name,
		.entries = table->n_halves,
		.key_len = sizeof(struct masq_tuple),
		.socket_id = socket_id,
	};

	/* Hash names must be unique; the address of the table is. */
	snprintf(name, sizeof(name), "masq_%" PRIxPTR, (uintptr_t)table);
	return rte_hash_create(&parameters);
}

/* The ring in which rte_hash keeps its free positions. @return NULL: this DPDK has none of that name */
static const struct rte_ring *
find_positions(const struct masq_session_table *table)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "HT_masq_%" PRIxPTR, (uintptr_t)table);
	return rte_ring_lookup(name);
}

/*
 * Find out where rte_hash stores the tuple of a position: insert three keys, with rte_hash's own
 * hash function so that it can report their location, and remove them again. Check also that it
 * takes positions from the ring that we expect; if not, new sessions are slower, but still correct.
 */
static int
learn_keys(struct masq_session_table *table)
{
	const uint8_t *place[3];
	int32_t position[3];
	int64_t stride;

	for (uint32_t i = 0; i < RTE_DIM(place); i++) {
		struct masq_tuple probe = { .src = i };
		void *key = NULL;
		uint32_t expected = 0;

		if (table->positions != NULL)
			expected = masq_half_coming(table, 0);
		position[i] = rte_hash_add_key(table->hash, &probe);
		if ((int32_t)expected != position[i])
			table->positions = NULL;
		if (position[i] < 0 ||
				rte_hash_get_key_with_position(table->hash, position[i], &key) != 0)
			return -EFAULT;
		place[i] = key;
	}
	for (uint32_t i = 0; i < RTE_DIM(place); i++) {
		struct masq_tuple probe = { .src = i };

		rte_hash_del_key(table->hash, &probe);
	}
	if (position[0] == position[1])
		return -EFAULT;
	stride = (place[1] - place[0]) / (position[1] - position[0]);
	table->keys = place[0] - position[0] * stride;
	table->key_stride = (uint32_t)stride;
	for (uint32_t i = 0; i < RTE_DIM(place); i++)
		if ((const uint8_t *)masq_half_key(table, (uint32_t)position[i]) != place[i])
			return -EFAULT;
	return 0;
}

static void
init_lists(struct masq_session_table *table)
{
	table->free = MASQ_SESSION_NONE;
	for (uint32_t i = table->n_sessions; i-- > 0;) {
		table->sessions[i].initial = MASQ_HALF_NONE;
		table->sessions[i].reply = MASQ_HALF_NONE;
		table->sessions[i].wheel_slot = SESSION_FREE;
		table->sessions[i].wheel_next = table->free;
		table->free = i;
	}
	for (uint32_t i = 0; i < RTE_DIM(table->wheel); i++)
		table->wheel[i] = MASQ_SESSION_NONE;
	for (uint32_t i = 0; i < RTE_DIM(table->half_open); i++)
		table->half_open[i] = (struct masq_half_open_list){
			.oldest = MASQ_SESSION_NONE,
			.youngest = MASQ_SESSION_NONE,
		};
	for (uint32_t i = 0; i < table->n_halves; i++)
		table->halves[i].session = MASQ_SESSION_NONE;
}

struct masq_session_table *
masq_session_table_create(const struct masq_session_config *config, struct masq_err *err)
{
	struct masq_session_table *table;
	int rc;

	if (check_config(config, err) != 0)
		return NULL;
	table = rte_zmalloc_socket("masq_session_table", sizeof(*table), RTE_CACHE_LINE_SIZE,
			config->socket_id);
	if (table == NULL)
		goto no_memory;
	table->seed = config->seed;
	table->worker = config->worker;
	table->n_halves = hash_entries(config->halves);
	table->n_sessions = config->sessions;
	table->n_tables = config->worker + 1;
	table->tables[config->worker] = table;
	table->halves = rte_zmalloc_socket("masq_halves",
			(size_t)table->n_halves * sizeof(*table->halves), RTE_CACHE_LINE_SIZE,
			config->socket_id);
	table->sessions = rte_zmalloc_socket("masq_sessions",
			(size_t)config->sessions * sizeof(*table->sessions), RTE_CACHE_LINE_SIZE,
			config->socket_id);
	table->hash = create_hash(table, config->socket_id);
	if (table->halves == NULL || table->sessions == NULL || table->hash == NULL)
		goto no_memory;
	table->positions = find_positions(table);
	rc = learn_keys(table);
	if (rc != 0) {
		masq_err_set(err, -rc,
				"session table of worker %" PRIu32
				": rte_hash of this DPDK keeps its keys in an unknown way "
				"(wanted: one array)",
				config->worker);
		masq_session_table_destroy(table);
		return NULL;
	}
	init_lists(table);
	return table;

no_memory:
	masq_err_set(err, ENOMEM,
			"session table of worker %" PRIu32 ": no memory for %" PRIu32
			" sessions with %" PRIu32 " halves on socket %d; "
			"[daemon] memory must be larger or sessions smaller",
			config->worker, config->sessions, config->halves, config->socket_id);
	masq_session_table_destroy(table);
	return NULL;
}

void
masq_session_table_destroy(struct masq_session_table *table)
{
	if (table == NULL)
		return;
	rte_hash_free(table->hash);
	rte_free(table->sessions);
	rte_free(table->halves);
	rte_free(table);
}

void
masq_session_table_link(struct masq_session_table *table, struct masq_session_table *const *tables,
		uint32_t n_tables)
{
	assert(n_tables <= MASQ_MAX_WORKERS && table->worker < n_tables);
	assert(tables[table->worker] == table);
	memcpy(table->tables, tables, n_tables * sizeof(*tables));
	table->n_tables = n_tables;
}

uint64_t
masq_session_table_bytes(const struct masq_session_table *table)
{
	uint64_t halves = table->n_halves;
	uint64_t buckets = rte_align32pow2(table->n_halves) / BUCKET_ENTRIES;
	uint64_t bytes = sizeof(*table) + OVERHEAD_BYTES;

	bytes += halves * (sizeof(struct masq_half) + KEY_SLOT_BYTES);
	bytes += buckets * BUCKET_BYTES;
	bytes += sizeof(uint32_t) * rte_align64pow2(halves + 1);
	bytes += (uint64_t)table->n_sessions * sizeof(struct masq_session);
	return bytes;
}

static inline uint32_t
live(const struct masq_session_table *table)
{
	return atomic_load_explicit(&table->live, memory_order_relaxed);
}

uint32_t
masq_session_count(const struct masq_session_table *table)
{
	return live(table);
}

uint32_t
masq_session_capacity(const struct masq_session_table *table)
{
	return table->n_sessions;
}

uint32_t
masq_session_room(const struct masq_session_table *table)
{
	return RTE_MIN(table->n_sessions - masq_session_count(table),
			(table->n_halves - table->n_used) / 2);
}

static void
add_live(struct masq_session_table *table, uint32_t change)
{
	/* There is one writer, so no atomic read-modify-write is needed. */
	atomic_store_explicit(&table->live, live(table) + change, memory_order_relaxed);
}

/* Pop a record off the free list, which must not be empty. */
static inline struct masq_session *
take_record(struct masq_session_table *table)
{
	struct masq_session *s = masq_session_at(table, table->free);

	table->free = s->wheel_next;
	/* The next record will be needed soon. */
	if (table->free != MASQ_SESSION_NONE)
		rte_prefetch0_write(masq_session_at(table, table->free));
	add_live(table, 1);
	return s;
}

uint32_t
masq_session_alloc(struct masq_session_table *table)
{
	uint32_t session = table->free;

	if (session == MASQ_SESSION_NONE)
		return MASQ_SESSION_NONE;
	*take_record(table) = (struct masq_session){
		.initial = MASQ_HALF_NONE,
		.reply = MASQ_HALF_NONE,
		.wheel_next = MASQ_SESSION_NONE,
		.wheel_prev = MASQ_SESSION_NONE,
		.wheel_slot = MASQ_SESSION_NONE,
		.older = HALF_OPEN_OFF,
	};
	return session;
}

/* Turn the first free record into a session. */
static inline void
begin(struct masq_session_table *table, const struct masq_session_birth *birth,
		const uint32_t half[2], const struct masq_conf_timeouts *timeouts, uint64_t now_ms)
{
	uint32_t session = table->free;
	struct masq_session *s = take_record(table);

	atomic_store_explicit(&s->state, birth->state, memory_order_relaxed);
	s->initial = half[0];
	s->reply = half[1];
	s->created_ms = masq_half_clock(now_ms);
	s->mark = birth->mark;
	s->origin = birth->origin;
	s->reply_worker = (uint8_t)table->worker;
	s->kind = birth->kind;
	s->proto = birth->proto;
	s->dying = 0;
	half_open_insert(table, session);
	wheel_insert_ahead(table, session,
			wheel_slots_ahead(table,
					now_ms + masq_state_timeout_ms(timeouts, birth->state)));
}

uint32_t
masq_session_open(struct masq_session_table *table, const struct masq_session_birth *birth,
		struct masq_session_key initial, struct masq_session_key reply,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, uint32_t half[2])
{
	uint32_t session = table->free;

	if (unlikely(session == MASQ_SESSION_NONE))
		return MASQ_SESSION_NONE;
	half[0] = half_add(table, initial.tuple, initial.signature, session);
	if (unlikely(half[0] == MASQ_HALF_NONE))
		return MASQ_SESSION_NONE;
	half[1] = half_add(table, reply.tuple, reply.signature, session);
	if (unlikely(half[1] == MASQ_HALF_NONE)) {
		masq_half_remove(table, half[0]);
		return MASQ_SESSION_NONE;
	}
	half_prefetch_coming(table, 2);
	begin(table, birth, half, timeouts, now_ms);
	return session;
}

void
masq_session_retire(struct masq_session_table *table, uint32_t session)
{
	masq_wheel_remove(table, session);
	masq_half_open_remove(table, masq_session_at(table, session));
}

void
masq_session_free(struct masq_session_table *table, uint32_t session)
{
	struct masq_session *s = masq_session_at(table, session);

	assert(s->wheel_slot != SESSION_FREE);
	masq_session_retire(table, session);
	s->initial = MASQ_HALF_NONE;
	s->reply = MASQ_HALF_NONE;
	s->wheel_slot = SESSION_FREE;
	s->wheel_next = table->free;
	table->free = session;
	add_live(table, UINT32_MAX);
}

bool
masq_session_event(struct masq_session_table *table, struct masq_half *half, uint8_t tcp_flags,
		const struct masq_conf_timeouts *timeouts)
{
	bool from_inside = (half->flags & MASQ_HALF_FROM_INSIDE) != 0;
	struct masq_session *session;
	uint32_t before, after;

	assert(half->creator < table->n_tables);
	session = masq_session_of(table, half);
	before = atomic_load_explicit(&session->state, memory_order_relaxed);
	after = masq_tcp_next(before, from_inside, tcp_flags);
	if (half->creator == table->worker && session->reply_worker == table->worker)
		atomic_store_explicit(&session->state, after, memory_order_relaxed);
	else
		while (after != before &&
				!atomic_compare_exchange_weak_explicit(&session->state, &before,
						after, memory_order_acq_rel, memory_order_relaxed))
			after = masq_tcp_next(before, from_inside, tcp_flags);

	half->flags &= (uint8_t)~MASQ_HALF_WATCH;
	if (masq_state_watches_ack(after))
		half->flags |= MASQ_HALF_WATCH;
	half->syns += (tcp_flags & MASQ_TCP_SYN) != 0;
	return masq_state_timeout_ms(timeouts, after) < masq_state_timeout_ms(timeouts, before);
}
