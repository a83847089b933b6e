/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_SESSION_INLINE_H
#define MASQ_SESSION_INLINE_H

/**
 * @file
 * The inline functions that masq_session.h declares, and the table struct that they need. Code
 * outside lib/session must not access its fields.
 */

#include <masq_session.h>

#define MASQ_WHEEL_SLOT_MS 256 /**< reason: masq_session_wheel.c */
#define MASQ_WHEEL_SLOTS 4096 /**< power of two; one turn is 1048.576 s */
#define MASQ_WHEEL_LANES 4 /**< lists per slot */
#define MASQ_WHEEL_LISTS (MASQ_WHEEL_SLOTS * MASQ_WHEEL_LANES)
#define MASQ_WHEEL_DUE MASQ_WHEEL_LISTS /**< one extra list; the next tick hands it back first */

struct rte_hash;
struct rte_ring;

/** Half-open sessions of one side, ordered by age. */
struct masq_half_open_list {
	uint32_t oldest, youngest;
	uint32_t n;
};

struct masq_session_table {
	/* Line 0: set at creation and read-only afterwards, so all workers may read it. */
	struct rte_hash *hash; /**< tuple -> half index */
	struct masq_half *halves; /**< n_halves lines */
	struct masq_session *sessions; /**< n_sessions records */
	const uint8_t *keys; /**< tuple of half 0, inside rte_hash */
	struct masq_hash_seed seed;
	uint32_t key_stride; /**< bytes from a half's tuple to the next half's */
	uint32_t worker;
	uint32_t n_halves;
	uint32_t n_sessions;

	/* From here on: accessed by the owner only, except where noted. */
	uint64_t wheel_slot
			__attribute__((aligned(64))); /**< next to examine, counted from clock 0 */
	/** ring of free positions inside rte_hash; NULL: not known */
	const struct rte_ring *positions;
	uint32_t n_used; /**< halves in the table */
	uint32_t free; /**< head of the list of free records */
	_Atomic(uint32_t) live; /**< allocated records; other threads may read it */
	struct masq_half_open_list half_open[2]; /**< by initiator: 0 outside, 1 inside */
	uint32_t due_last; /**< tail of the due list; invalid while that is empty */
	uint32_t wheel[MASQ_WHEEL_DUE + 1]; /**< list heads; the last one is the due list */

	/* Set before traffic. */
	uint32_t n_tables;
	struct masq_session_table *tables[MASQ_MAX_WORKERS];
};

static inline struct masq_half *
masq_half_at(const struct masq_session_table *table, uint32_t index)
{
	return &table->halves[index];
}

static inline uint32_t
masq_half_index(const struct masq_session_table *table, const struct masq_half *half)
{
	return (uint32_t)(half - table->halves);
}

static inline uint32_t
masq_half_used(const struct masq_session_table *table)
{
	return table->n_used;
}

static inline uint32_t
masq_half_signature(const struct masq_session_table *table, const struct masq_tuple *key)
{
	return masq_hash16(key, &table->seed);
}

static inline struct masq_session *
masq_session_at(const struct masq_session_table *table, uint32_t session)
{
	return &table->sessions[session];
}

static inline struct masq_session *
masq_session_of(const struct masq_session_table *table, const struct masq_half *half)
{
	return masq_session_at(table->tables[half->creator], half->session);
}

/* A relaxed store of an aligned word costs what a plain one costs. It is needed because the creator
 * reads these three fields while the owner of the half writes them. */
static inline void
masq_half_seen(struct masq_half *half, uint64_t now_ms, uint32_t len_bytes)
{
	__atomic_store_n(&half->last_seen_ms, masq_half_clock(now_ms), __ATOMIC_RELAXED);
	__atomic_store_n(&half->packets, half->packets + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&half->bytes, half->bytes + len_bytes, __ATOMIC_RELAXED);
}

#endif /* MASQ_SESSION_INLINE_H */
