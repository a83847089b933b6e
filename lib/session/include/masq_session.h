/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SESSION_H
#define MASQ_SESSION_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_err.h>
#include <masq_hash.h>
#include <masq_pkt.h>
#include <masq_rewrite.h>
#include <masq_tcp_state.h>
#include <masq_tuple.h>

/**
 * @file
 * One worker's sessions: the table of halves, the records, the timer wheel.
 *
 * A session has two *halves*, one per direction: INITIAL (packets in the direction of the one that
 * created it) and REPLY (the other direction). A half lives in the table of its *owner*, the worker
 * to which RSS delivers its packets, and only the owner writes it. The *record* of a session lives
 * with the *creator*, the worker that made the session. The protocol state, which both workers
 * need, is one atomic word in the record.
 *
 * A half index is a position of rte_hash: stable while the half lives. All memory is allocated at
 * creation. Unless stated otherwise, a function must be called on the thread of the worker that
 * owns the table.
 */

/** Bits of masq_half.flags. */
enum masq_half_flag {
	MASQ_HALF_REPLY = 0x01, /**< else INITIAL */
	MASQ_HALF_FROM_INSIDE = 0x02, /**< its packets travel from inside to outside */
	/** waiting for another worker's answer; rewrite is not valid yet */
	MASQ_HALF_PENDING = 0x04,
	MASQ_HALF_WATCH = 0x08, /**< any segment may change the state, not only SYN, FIN and RST */
	MASQ_HALF_SYN_SLOW = 0x10, /**< some rule has -y: SYN segments take the slow path */
	MASQ_HALF_OWNS_PORT = 0x40, /**< the external port was taken from this worker's port map */
	MASQ_HALF_DYING = 0x80, /**< being removed; packets are dropped under a named reason */
};

/**
 * One direction of a session. Exactly one cache line; the hot path touches nothing else of a
 * session unless its state may change. Only the worker whose table holds a half writes it.
 */
struct masq_half {
	struct masq_rewrite rewrite; /**< bytes 0-19 */
	uint32_t syns; /**< 20: TCP segments with SYN */
	uint32_t last_seen_ms; /**< 24: low 32 bits of the clock; REPLY: 0 = never seen */
	uint32_t generation; /**< 28: number of the rule set that judged it; 0: not judged yet */
	/** 32: path (list of matched rules) under that rule set; UINT32_MAX: none */
	uint32_t path;
	uint32_t neigh; /**< 36: struct masq_neigh_ref.value of the next hop */
	uint32_t session; /**< 40: record index in the creator's table */
	uint8_t creator; /**< 44: worker that holds the record */
	uint8_t flags; /**< 45: enum masq_half_flag */
	uint8_t arrival_port; /**< 46: port on which the packet that was judged arrived */
	uint8_t departure_port; /**< 47: port on which its packets leave */
	uint64_t packets; /**< 48 */
	uint64_t bytes; /**< 56: IP total lengths */
} __attribute__((aligned(64)));

static_assert(sizeof(struct masq_half) == 64, "a half is one cache line");

/** A half that no packet has used yet: its first packet asks the chains and may change the state. */
#define MASQ_HALF_UNJUDGED                        \
	((struct masq_half){                      \
			.rewrite.tos_and = 0xff,  \
			.flags = MASQ_HALF_WATCH, \
			.neigh = UINT32_MAX,      \
			.path = UINT32_MAX,       \
	})

/** Why a session exists. */
enum masq_session_kind {
	MASQ_SESSION_MASQ, /**< an inside host went out under a MASQ verdict */
	MASQ_SESSION_PORTFW, /**< an outside host came in by a portfw rule */
	/** portfw from the server's own side: source and destination are rewritten */
	MASQ_SESSION_HAIRPIN,
};

#define MASQ_SESSION_NONE UINT32_MAX
#define MASQ_HALF_NONE UINT32_MAX

/** A session's record: the part that packets do not need. 48 bytes. */
struct masq_session {
	/* A segment that may change the state needs these, which never straddle two cache lines. */
	_Atomic(uint32_t) state; /**< enum masq_state; either worker changes it, on transitions */
	uint8_t reply_worker;
	uint8_t kind; /**< enum masq_session_kind */
	uint8_t proto;
	uint8_t dying; /**< removal has begun */
	/* The rest is used only when the session is created, examined or removed. */
	uint32_t initial; /**< half index in this table; MASQ_HALF_NONE: record is free */
	uint32_t reply; /**< index in reply_worker's table; MASQ_HALF_NONE: none (yet) */
	uint32_t wheel_next; /**< record index; also links the free list */
	uint32_t wheel_prev;
	uint32_t wheel_slot; /**< MASQ_SESSION_NONE: not armed */
	uint32_t created_ms;
	uint32_t mark; /**< of the packet that made it */
	uint32_t origin; /**< portfw rule id, 0 for masquerade */
	uint32_t older; /**< neighbours on the half-open list, see masq_session_half_open.c */
	uint32_t younger;
};

static_assert(sizeof(struct masq_session) == 48, "counts in the bytes per session");

struct masq_session_table;

#define MASQ_SESSIONS_MAX (UINT32_C(1) << 29)
#define MASQ_HALVES_MIN 8 /**< minimum of rte_hash */
#define MASQ_HALVES_MAX ((UINT32_C(1) << 30) - 1) /**< limit of rte_hash's ring of free positions */

struct masq_session_config {
	uint32_t worker; /**< worker that owns the table */
	uint32_t sessions; /**< number of records */
	uint32_t halves; /**< number of hash entries; most sessions have both halves here */
	struct masq_hash_seed seed;
	int socket_id;
};

/**
 * Create a table and allocate all memory that it will ever use.
 *
 * @param config	worker below MASQ_MAX_WORKERS; sessions 1..MASQ_SESSIONS_MAX; halves
 *	MASQ_HALVES_MIN..MASQ_HALVES_MAX. The cheapest number of halves is one below a power of two,
 *	the most expensive one above it (arithmetic in masq_session.c).
 * @param err	out: the sentence of a failure
 * @return the table; NULL: a field is out of range, or there is no memory
 */
struct masq_session_table *
masq_session_table_create(const struct masq_session_config *config, struct masq_err *err);

/** Free a table; NULL is allowed. No table linked to it may be used afterwards. */
void masq_session_table_destroy(struct masq_session_table *table);

/**
 * Give a table access to those of the other workers: tables[w] belongs to worker w, and the table
 * itself is among them; n_tables is at most MASQ_MAX_WORKERS. Call before traffic starts. A table
 * that was never linked knows only itself. The creator of a session reads last-seen times and
 * counters of halves in these tables (relaxed loads of aligned words).
 */
void masq_session_table_link(struct masq_session_table *table,
		struct masq_session_table *const *tables, uint32_t n_tables);

/**
 * Choose the number of sessions of a table that holds both halves of each.
 *
 * @param least	sessions that are needed
 * @param wanted	sessions that are preferred, if they do not double the buckets of the hash
 * @return @p least or more: up to @p wanted as far as the buckets are not doubled; if @p least
 *	already doubles them, as many as the memory that is then allocated holds
 */
uint32_t masq_session_room_for(uint32_t least, uint32_t wanted);

/** @return bytes that this table takes, all included */
uint64_t masq_session_table_bytes(const struct masq_session_table *table);

/** @return live records; racy from other threads, good enough for a display */
uint32_t masq_session_count(const struct masq_session_table *table);
uint32_t masq_session_capacity(const struct masq_session_table *table);

/** @return number of further sessions with both halves here that fit; owner only */
uint32_t masq_session_room(const struct masq_session_table *table);

/* ---------------------------------------------------------------- halves */

/**
 * Find the halves of a burst with one bulk lookup that prefetches buckets, keys and halves.
 *
 * @param keys	first of n tuples, n <= 64
 * @param stride_bytes	distance from one tuple to the next, which may be members of larger structs
 * @param signatures	out: n signatures, for inserting the halves that were not found
 * @param index	out: n half indices, MASQ_HALF_NONE for a miss
 * @return bit i is set: tuple i was not found
 */
uint64_t masq_half_lookup_burst(struct masq_session_table *table, const struct masq_tuple *keys,
		size_t stride_bytes, uint32_t *signatures, uint32_t *index, unsigned int n);

/** @return the hash of a tuple under this table's secret seed, by which the table finds it */
static inline uint32_t
masq_half_signature(const struct masq_session_table *table, const struct masq_tuple *key);

/** @return number of halves that fit: as many as requested at creation, or more */
uint32_t masq_half_capacity(const struct masq_session_table *table);

/** @return number of halves in the table; owner only */
static inline uint32_t masq_half_used(const struct masq_session_table *table);

/** Find one half. @return index or MASQ_HALF_NONE */
uint32_t masq_half_find(const struct masq_session_table *table, const struct masq_tuple *key);

/** The half with this index (valid while the half lives). */
static inline struct masq_half *
masq_half_at(const struct masq_session_table *table, uint32_t index);

/** The index of a half. */
static inline uint32_t
masq_half_index(const struct masq_session_table *table, const struct masq_half *half);

/** The clock in the form of masq_half.last_seen_ms: low 32 bits, with 1 instead of 0 ("never"). */
static inline uint32_t
masq_half_clock(uint64_t now_ms)
{
	return (uint32_t)now_ms + ((uint32_t)now_ms == 0);
}

/** Count one packet of @p len_bytes (IP total length) and the time it came. Owner of the half only. */
static inline void masq_half_seen(struct masq_half *half, uint64_t now_ms, uint32_t len_bytes);

/** The tuple of a half. Any linked worker may call this while the half lives. */
const struct masq_tuple *masq_half_key(const struct masq_session_table *table, uint32_t index);

/**
 * Insert a half. The caller has checked that the tuple is not in the table.
 *
 * @param half	complete; copied
 * @return index; MASQ_HALF_NONE: the table is full, or it already has the tuple
 */
uint32_t masq_half_insert(struct masq_session_table *table, const struct masq_tuple *key,
		const struct masq_half *half);

/** Remove a half; its index may be reused at once. */
void masq_half_remove(struct masq_session_table *table, uint32_t index);

/* ---------------------------------------------------------------- records */

/** What is known about a session before it is created. */
struct masq_session_birth {
	uint32_t mark; /**< of the packet that makes it */
	uint32_t origin; /**< portfw rule id, 0 for masquerade */
	/**
	 * enum masq_state, either before or after the event of the first packet. In NONE and LISTEN
	 * it does not matter which: repeating the event does not change the state again. (A packet
	 * that travels to another worker and back goes through the lookup a second time.)
	 */
	uint8_t state;
	uint8_t kind; /**< enum masq_session_kind */
	uint8_t proto;
};

/** A tuple and its masq_half_signature(). */
struct masq_session_key {
	const struct masq_tuple *tuple;
	uint32_t signature;
};

/**
 * Create a half-open, armed session with both halves in this table in one call. Equivalent to
 * masq_session_alloc(), two insertions, masq_session_half_open() and masq_session_arm(). Each half
 * already has its session index; the caller must fill in the rest in place, completely, before
 * anything can look it up.
 *
 * @param initial, reply	keys of the two halves
 * @param half	out: indices of the two halves
 * @return record index; MASQ_SESSION_NONE, with nothing changed but @p half: no record is free, the
 *	hash is full, or it already has one of the tuples
 */
uint32_t masq_session_open(struct masq_session_table *table, const struct masq_session_birth *birth,
		struct masq_session_key initial, struct masq_session_key reply,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, uint32_t half[2]);

/**
 * Allocate a record: zeroed, state NONE, no halves, not armed.
 *
 * @return index; MASQ_SESSION_NONE: none is free
 */
uint32_t masq_session_alloc(struct masq_session_table *table);

/**
 * Begin the removal of a session: take it off the wheel and off the half-open list, so that its
 * removal is not begun a second time while another worker is asked for its half.
 */
void masq_session_retire(struct masq_session_table *table, uint32_t session);

/** Free a record whose halves are both gone. Retires the session first if necessary. */
void masq_session_free(struct masq_session_table *table, uint32_t session);

static inline struct masq_session *
masq_session_at(const struct masq_session_table *table, uint32_t session);

/** The record of a half of this table; it may be in another worker's table. */
static inline struct masq_session *
masq_session_of(const struct masq_session_table *table, const struct masq_half *half);

/**
 * Feed a packet with @p tcp_flags into the state machine; change the state if it says so. Called by
 * the worker that owns @p half, which need not be the creator.
 *
 * @return true: the deadline has come nearer, so the creator must re-arm the session (it calls
 *	masq_session_arm(); another worker sends it a message)
 */
bool masq_session_event(struct masq_session_table *table, struct masq_half *half, uint8_t tcp_flags,
		const struct masq_conf_timeouts *timeouts);

/* ---------------------------------------------------------------- time */

/**
 * Put a session on the wheel, or move it, according to its state and the time it was last seen.
 * Creator only.
 */
void masq_session_arm(struct masq_session_table *table, uint32_t session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms);

/** The same, for a session that was seen just now: its halves are not read. */
void masq_session_arm_seen(struct masq_session_table *table, uint32_t session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms);

/** Prefetch what moving a session on the wheel needs besides its record. Creator only. */
void masq_session_arm_fetch(const struct masq_session_table *table, uint32_t session);

/**
 * Make @p session due at the next tick, whatever its timeout: its removal could not begin. Creator
 * only.
 */
void masq_session_arm_now(struct masq_session_table *table, uint32_t session);

/** @return true: masq_session_tick() has work left up to @p now_ms. Creator only. */
bool masq_session_is_due(const struct masq_session_table *table, uint64_t now_ms);

/**
 * Advance the wheel to @p now_ms. Examines the sessions whose slot has come: those used meanwhile
 * are armed again; those idle for their timeout are handed back, off the wheel and otherwise
 * untouched. Sessions of masq_session_arm_now() are handed back unexamined. Handles at most @p
 * budget sessions per call, so that a million sessions that expire together are spread over many
 * polls.
 *
 * @param expired	out: record indices, capacity @p max
 * @return number of indices in @p expired
 */
unsigned int
masq_session_tick(struct masq_session_table *table, const struct masq_conf_timeouts *timeouts,
		uint64_t now_ms, unsigned int budget, uint32_t *expired, unsigned int max);

/**
 * Re-arm sessions after the timeouts were changed, at most @p budget records per call.
 *
 * @param cursor	in/out: 0 to begin
 * @return true: all records are done
 */
bool masq_session_rearm(struct masq_session_table *table, uint32_t *cursor,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, unsigned int budget);

#define MASQ_SESSION_FETCH_MAX 16

/**
 * Prefetch what removing some sessions needs: their tuples, the hash buckets of these, and their
 * neighbours on the half-open list. Without it each removal waits for each of these misses in turn.
 * Creator only.
 *
 * @param sessions	n of them, at most MASQ_SESSION_FETCH_MAX
 */
void masq_session_fetch(struct masq_session_table *table, const uint32_t *sessions, unsigned int n);

/* ---------------------------------------------------------------- half-open sessions */

/**
 * A session is half-open until its peer has answered and, for TCP, its initiator has sent more than
 * SYN segments; a TCP session in state CLOSE counts as half-open, too. A flood consists of
 * half-open sessions, so they give way when records run out: the oldest first, on the side (inside
 * or outside) that has more of them. All functions below are for the creator.
 */

/** Add a new, complete session to its side's list as the youngest. */
void masq_session_half_open(struct masq_session_table *table, uint32_t session);

/**
 * Take established sessions off the old ends of the lists, so that they are not in the way when
 * room is needed.
 *
 * @param budget	sessions to look at, at most
 */
void masq_session_half_open_sweep(struct masq_session_table *table, unsigned int budget);

/**
 * Find the session that has to give way. Sessions that turn out to be established leave the list.
 *
 * @param budget	sessions to look at, at most
 * @return the oldest half-open session; MASQ_SESSION_NONE: none was found
 */
uint32_t masq_session_oldest_half_open(struct masq_session_table *table, unsigned int budget);

/** @return number of sessions on the lists; some of them may be established by now */
uint32_t masq_session_half_open_count(const struct masq_session_table *table);

/* ---------------------------------------------------------------- listing */

/** One session for a listing. Addresses and ports as in struct masq_tuple. */
struct masq_session_row {
	struct masq_tuple initial; /**< key of the INITIAL half */
	struct masq_tuple reply; /**< key of the REPLY half; all 0 while there is none */
	enum masq_state state;
	enum masq_session_kind kind;
	uint8_t creator, reply_worker;
	uint32_t mark;
	uint32_t origin;
	uint32_t expires_ms; /**< from now; 0: due */
	uint32_t age_ms;
	uint64_t initial_packets, initial_bytes;
	uint64_t reply_packets, reply_bytes;
};

/**
 * Copy rows of live sessions (with an INITIAL half, not dying), starting at record @p *cursor.
 * Creator's thread.
 *
 * @param cursor	in/out: 0 to begin; the number of records when the end was reached
 * @param scan	records to examine, at most
 * @param rows	out: capacity @p max
 * @return number of rows copied
 */
unsigned int masq_session_rows(const struct masq_session_table *table, uint32_t *cursor,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, unsigned int scan,
		struct masq_session_row *rows, unsigned int max);

#include <masq_session_inline.h>

#endif /* MASQ_SESSION_H */
