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
 * A session has two *halves*, INITIAL (packets like the one that made it) and REPLY (the other
 * way). A half lives in the table of the worker to which RSS brings its packets, and is written by
 * that worker only. The *record* of a session lives with the worker that made it, the *creator*.
 * What both workers need, the protocol state, is one atomic word in the record.
 *
 * Half indices are positions of rte_hash: stable while the half lives. Everything is allocated at
 * creation. All functions are for the owning worker's thread unless they say otherwise.
 */

/** Bits of masq_half.flags. */
enum masq_half_flag {
	MASQ_HALF_REPLY = 0x01, /**< else INITIAL */
	MASQ_HALF_FROM_INSIDE = 0x02, /**< its packets travel from inside to outside */
	MASQ_HALF_PENDING = 0x04, /**< waits for another worker's answer; rewrite is not valid */
	MASQ_HALF_WATCH = 0x08, /**< every segment may change the state, not only SYN, FIN, RST */
	MASQ_HALF_SYN_SLOW = 0x10, /**< rules with -y: SYN segments take the slow path */
	MASQ_HALF_OWNS_PORT = 0x40, /**< the external port was taken from this worker's port map */
	MASQ_HALF_DYING = 0x80, /**< is being removed; packets are dropped by name */
};

/**
 * One direction of a session. Exactly one cache line; the hot path reads and writes nothing else of
 * a session. Written by the worker whose table holds it.
 */
struct masq_half {
	struct masq_rewrite rewrite; /**< bytes 0-19 */
	uint32_t syns; /**< 20: TCP segments with SYN */
	uint32_t last_seen_ms; /**< 24: low 32 bits of the clock; REPLY: 0 = never seen */
	uint32_t generation; /**< 28: of the rule set that judged it; 0: not judged yet */
	uint32_t path; /**< 32: counter path under that generation, UINT32_MAX: none */
	uint32_t neigh; /**< 36: struct masq_neigh_ref.value of the next hop */
	uint32_t session; /**< 40: record index in the creator's table */
	uint8_t creator; /**< 44: worker that holds the record */
	uint8_t flags; /**< 45: enum masq_half_flag */
	uint8_t arrival_port; /**< 46: port on which it was judged */
	uint8_t departure_port; /**< 47: port where its packets leave */
	uint64_t packets; /**< 48 */
	uint64_t bytes; /**< 56: IP total lengths */
} __attribute__((aligned(64)));

static_assert(sizeof(struct masq_half) == 64, "a half is one cache line");

/** A half that no packet has used: the first one asks the chains, and may change the state. */
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
	MASQ_SESSION_HAIRPIN, /**< portfw from the server's own side: both ends are rewritten */
};

#define MASQ_SESSION_NONE UINT32_MAX
#define MASQ_HALF_NONE UINT32_MAX

/** A session's record: what packets do not need. 48 bytes. */
struct masq_session {
	/* A segment that may change the state needs these, which never lie in two lines of the cache. */
	_Atomic(uint32_t) state; /**< enum masq_state; either worker changes it, on transitions */
	uint8_t reply_worker;
	uint8_t kind; /**< enum masq_session_kind */
	uint8_t proto;
	uint8_t dying; /**< removal has begun */
	/* The rest is for its beginning and its end. */
	uint32_t initial; /**< half index in this table; MASQ_HALF_NONE: record is free */
	uint32_t reply; /**< half in reply_worker's table; MASQ_HALF_NONE: none (yet) */
	uint32_t wheel_next; /**< record index, also the free list */
	uint32_t wheel_prev;
	uint32_t wheel_slot; /**< MASQ_SESSION_NONE: not armed */
	uint32_t created_ms;
	uint32_t mark; /**< of the packet that made it */
	uint32_t origin; /**< portfw rule id, 0 for masquerade */
	uint32_t older; /**< list of half-open sessions, see masq_session_half_open.c */
	uint32_t younger;
};

static_assert(sizeof(struct masq_session) == 48, "counts in the bytes per session");

struct masq_session_table;

#define MASQ_SESSIONS_MAX (UINT32_C(1) << 29)
#define MASQ_HALVES_MIN 8 /**< what rte_hash wants */
#define MASQ_HALVES_MAX ((UINT32_C(1) << 30) - 1) /**< the largest ring of free positions */

struct masq_session_config {
	uint32_t worker; /**< whose table it is */
	uint32_t sessions; /**< records */
	uint32_t halves; /**< entries of the hash; most sessions have both halves here */
	struct masq_hash_seed seed;
	int socket_id;
};

/**
 * Make a table: everything that it will ever allocate.
 *
 * @param config	worker below MASQ_MAX_WORKERS; sessions 1..MASQ_SESSIONS_MAX; halves
 *	MASQ_HALVES_MIN..MASQ_HALVES_MAX. One less than a power of two is the cheapest number of
 *	halves, one more the dearest (see the sum in masq_session.c).
 * @param err	out: the sentence of a failure
 * @return table; NULL: a field out of range, or no memory
 */
struct masq_session_table *
masq_session_table_create(const struct masq_session_config *config, struct masq_err *err);

/** Free a table; NULL is fine. No linked table may be used any more. */
void masq_session_table_destroy(struct masq_session_table *table);

/**
 * Tell a table where its colleagues are: tables[w] is worker w's, its own among them; at most
 * MASQ_MAX_WORKERS. Before traffic. A table that was never linked knows itself.
 * A creator reads last-seen times and counters of halves there (relaxed loads of aligned words).
 */
void masq_session_table_link(struct masq_session_table *table,
		struct masq_session_table *const *tables, uint32_t n_tables);

/**
 * How many sessions should a table have, with both halves of each?
 *
 * @param least	so many are needed
 * @param wanted	so many would be better, if the hash need not have twice the buckets for them
 * @return that, or more when their memory is taken anyway
 */
uint32_t masq_session_room_for(uint32_t least, uint32_t wanted);

/** @return bytes of memory that this table takes, everything included */
uint64_t masq_session_table_bytes(const struct masq_session_table *table);

/** @return live records; racy from other threads, which is fine for a display */
uint32_t masq_session_count(const struct masq_session_table *table);
uint32_t masq_session_capacity(const struct masq_session_table *table);

/** @return so many sessions with both halves here have room; owner only */
uint32_t masq_session_room(const struct masq_session_table *table);

/* ---------------------------------------------------------------- halves */

/**
 * Find the halves of a burst: one bulk lookup that prefetches buckets, keys and halves.
 *
 * @param keys	first of n tuples, n <= 64
 * @param stride_bytes	from one tuple to the next: they may stand in greater structs
 * @param signatures	out: n signatures, for who puts a half in for what is missing
 * @param index	out: n half indices, MASQ_HALF_NONE for a miss
 * @return bit i: a miss
 */
uint64_t masq_half_lookup_burst(struct masq_session_table *table, const struct masq_tuple *keys,
		size_t stride_bytes, uint32_t *signatures, uint32_t *index, unsigned int n);

/** @return the hash by which a tuple is found in this table: under its secret seed */
static inline uint32_t
masq_half_signature(const struct masq_session_table *table, const struct masq_tuple *key);

/** @return halves that fit: as many as asked for at creation, or one more */
uint32_t masq_half_capacity(const struct masq_session_table *table);

/** @return halves that are in; owner only */
static inline uint32_t masq_half_used(const struct masq_session_table *table);

/** Find one half. @return index or MASQ_HALF_NONE */
uint32_t masq_half_find(const struct masq_session_table *table, const struct masq_tuple *key);

/** The half of an index (valid while it lives). */
static inline struct masq_half *
masq_half_at(const struct masq_session_table *table, uint32_t index);

/** The index of a half. */
static inline uint32_t
masq_half_index(const struct masq_session_table *table, const struct masq_half *half);

/** The clock as masq_half.last_seen_ms holds it: low 32 bits, and 1 instead of 0 ("never"). */
static inline uint32_t
masq_half_clock(uint64_t now_ms)
{
	return (uint32_t)now_ms + ((uint32_t)now_ms == 0);
}

/** Count one packet of @p len_bytes (IP total length) and note when it came. Owner of the half. */
static inline void masq_half_seen(struct masq_half *half, uint64_t now_ms, uint32_t len_bytes);

/** The tuple of a half. Any linked worker may ask while the half lives. */
const struct masq_tuple *masq_half_key(const struct masq_session_table *table, uint32_t index);

/**
 * Put a half in. The caller has made sure that the tuple is not there.
 *
 * @param half	complete; copied
 * @return index, MASQ_HALF_NONE when the table is full; also when the tuple is there after all
 */
uint32_t masq_half_insert(struct masq_session_table *table, const struct masq_tuple *key,
		const struct masq_half *half);

/** Take a half out; its index may be used again at once. */
void masq_half_remove(struct masq_session_table *table, uint32_t index);

/* ---------------------------------------------------------------- records */

/** What is known of a session before it is made. */
struct masq_session_birth {
	uint32_t mark; /**< of the packet that makes it */
	uint32_t origin; /**< portfw rule id, 0 for masquerade */
	/** enum masq_state. Before or behind the event of its first packet: from NONE and from LISTEN
	 * the same event leads nowhere else when it comes once more (a packet that travels to
	 * another worker and back is looked at again). */
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
 * Make a session that has both halves in this table, half-open and armed, in one go: the same as
 * masq_session_alloc(), two halves put in, masq_session_half_open() and masq_session_arm(). The halves know
 * their session; the caller fills them in at their places, whole, before anybody can look them up.
 *
 * @param initial, reply	of the two halves
 * @param half	out: their indices
 * @return record index; MASQ_SESSION_NONE: there is none, the table is full, or one of the tuples is
 *	there; nothing has changed
 */
uint32_t masq_session_open(struct masq_session_table *table, const struct masq_session_birth *birth,
		struct masq_session_key initial, struct masq_session_key reply,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, uint32_t half[2]);

/**
 * Take a free record: zeroed, state NONE, no halves, not armed.
 *
 * @return index, MASQ_SESSION_NONE when none is free
 */
uint32_t masq_session_alloc(struct masq_session_table *table);

/**
 * The end of a session has begun: off the wheel and the list of half-open ones, so that nobody
 * begins it once more while another worker is asked for its half.
 */
void masq_session_retire(struct masq_session_table *table, uint32_t session);

/** Give a record back: both halves are gone. Retires it if need be. */
void masq_session_free(struct masq_session_table *table, uint32_t session);

static inline struct masq_session *
masq_session_at(const struct masq_session_table *table, uint32_t session);

/** The record of a half of this table, which may be in the table of another worker. */
static inline struct masq_session *
masq_session_of(const struct masq_session_table *table, const struct masq_half *half);

/**
 * A packet of @p half carries @p tcp_flags: change the state if the table of states says so.
 * Called by the worker that owns the half, which need not be the creator.
 *
 * @return true: the deadline came nearer; the creator must re-arm the session (masq_session_arm()
 *	there; another worker sends it a message)
 */
bool masq_session_event(struct masq_session_table *table, struct masq_half *half, uint8_t tcp_flags,
		const struct masq_conf_timeouts *timeouts);

/* ---------------------------------------------------------------- time */

/**
 * Put a session on the wheel, or move it, according to its state and when it was last seen.
 * Creator only.
 */
void masq_session_arm(struct masq_session_table *table, uint32_t session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms);

/** The same when a packet of the session has been seen just now: its halves are not asked. */
void masq_session_arm_seen(struct masq_session_table *table, uint32_t session,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms);

/** Begin to fetch what moving a session on the wheel needs, whose record is at hand. Creator only. */
void masq_session_arm_fetch(const struct masq_session_table *table, uint32_t session);

/** Make @p session due in any case at the next tick (flush). Creator only. */
void masq_session_arm_now(struct masq_session_table *table, uint32_t session);

/** Has masq_session_tick() not yet come to the present? Creator only. */
bool masq_session_is_due(const struct masq_session_table *table, uint64_t now_ms);

/**
 * Let time pass. Sessions whose slot has come are examined: used meanwhile -> armed again; idle for
 * their timeout -> handed back, off the wheel, otherwise untouched. Examines at most @p budget
 * sessions a call, so that a million that end together are spread over many polls.
 *
 * @param expired	out: record indices, capacity @p max
 * @return number of expired sessions
 */
unsigned int
masq_session_tick(struct masq_session_table *table, const struct masq_conf_timeouts *timeouts,
		uint64_t now_ms, unsigned int budget, uint32_t *expired, unsigned int max);

/**
 * Re-arm sessions after timeouts were changed, @p budget records a call.
 *
 * @param cursor	in/out: 0 to begin
 * @return true when the end was reached
 */
bool masq_session_rearm(struct masq_session_table *table, uint32_t *cursor,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, unsigned int budget);

#define MASQ_SESSION_FETCH_MAX 16

/**
 * Fetch what ending some sessions will need: their tuples, the buckets of these, their neighbours on lists.
 * Who ends them one after the other waits for each of these otherwise. Creator only.
 *
 * @param sessions	n of them, at most MASQ_SESSION_FETCH_MAX
 */
void masq_session_fetch(struct masq_session_table *table, const uint32_t *sessions, unsigned int n);

/* ---------------------------------------------------------------- half-open sessions */

/**
 * A session is half-open until its peer has answered and, for TCP, its maker has sent more than SYN
 * segments. Half-open ones are what a flood is made of, so they give way when records run
 * out: the oldest first, on the side that has more of them. All that follows is for the creator.
 */

/** A new session, complete, is the youngest half-open one of its side. */
void masq_session_half_open(struct masq_session_table *table, uint32_t session);

/**
 * Take established sessions off the old ends of the lists, so that they are not in the way when room
 * is needed.
 *
 * @param budget	look at so many
 */
void masq_session_half_open_sweep(struct masq_session_table *table, unsigned int budget);

/**
 * Who has to go? Sessions that turn out to be established leave the list instead.
 *
 * @param budget	look at so many
 * @return the oldest half-open session; MASQ_SESSION_NONE: none was found
 */
uint32_t masq_session_oldest_half_open(struct masq_session_table *table, unsigned int budget);

/** @return how many sessions are on the lists; some of them may be established meanwhile */
uint32_t masq_session_half_open_count(const struct masq_session_table *table);

/* ---------------------------------------------------------------- listing */

/** One session as people see it. Addresses and ports as in struct masq_tuple. */
struct masq_session_row {
	struct masq_tuple initial; /**< key of the INITIAL half */
	struct masq_tuple reply; /**< key of the REPLY half; all 0 while there is none */
	enum masq_state state;
	enum masq_session_kind kind;
	uint8_t creator, reply_worker;
	uint32_t mark;
	uint32_t origin;
	uint32_t expires_ms; /**< from now, 0 when due */
	uint32_t age_ms;
	uint64_t initial_packets, initial_bytes;
	uint64_t reply_packets, reply_bytes;
};

/**
 * Copy rows of live sessions (with an INITIAL half, not dying) from record @p *cursor on.
 * Creator's thread.
 *
 * @param cursor	in/out: 0 to begin; past the last record when the end was reached
 * @param scan	examine at most so many records
 * @param rows	out: capacity @p max
 * @return rows copied
 */
unsigned int masq_session_rows(const struct masq_session_table *table, uint32_t *cursor,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms, unsigned int scan,
		struct masq_session_row *rows, unsigned int max);

#include <masq_session_inline.h>

#endif /* MASQ_SESSION_H */
