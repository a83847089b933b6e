/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The halves of one worker's sessions: rte_hash maps a tuple to a position, and an array of
 *	cache lines beside it holds the half at that position.
 * Words
 *	signature	the 32-bit hash of a tuple, computed by masq_hash16() under the table's
 *			seed. It is passed to rte_hash everywhere; rte_hash's own hash function is
 *			never used on tuples.
 *	position	rte_hash's number of a key slot; called half index in all other files
 * Data and who owns it
 *	rte_hash stores the tuples in one array of 32-byte slots. masq_half_key() reads that array
 *	directly, because rte_hash_get_key_with_position() looks the key up again with rte_hash's
 *	own hash function. The table finds out at creation where the array lies and how far its
 *	slots are apart, by inserting keys and removing them again (masq_session.c).
 * Life cycle
 *	half_add() takes a position, for masq_half_insert() and masq_session_open();
 *	masq_half_remove() gives it back. rte_hash reuses free positions first in, first out. A half
 *	that is not in the table has session MASQ_SESSION_NONE.
 * Threads
 *	The owner alone. Other workers read halves and tuples at indices that they were told, never
 *	the hash: it has no concurrency flags, which keeps locks and counters out of lookups.
 * Cost
 *	A lookup touches two buckets, one key slot, one half. rte_hash prefetches the first two over
 *	the burst, masq_half_lookup_burst() prefetches the half. An insertion prefetches half and
 *	key slot of later insertions. Numbers: docs/performance.rst.
 */

#include <string.h>

#include <rte_hash.h>
#include <rte_prefetch.h>

#include "masq_session_priv.h"

/*
 * Tuples per rte_hash lookup: a whole burst, so that the buckets of all are being fetched before
 * the first is examined. With 16 an established packet takes 124 cycles instead of 107 at 64 k
 * sessions, 253 instead of 232 at 1 M.
 */
#define LOOKUP_MAX 32

static_assert(sizeof(struct masq_tuple) == 16, "masq_hash16() takes 16 bytes");

static uint32_t
lookup(struct masq_session_table *table, const uint8_t *keys, size_t stride_bytes,
		uint32_t *signature, uint32_t *index, unsigned int n)
{
	const void *key[LOOKUP_MAX];
	int32_t position[LOOKUP_MAX];
	uint32_t missed = 0;

	for (unsigned int i = 0; i < n; i++) {
		key[i] = keys + i * stride_bytes;
		signature[i] = masq_half_signature(table, key[i]);
	}
	rte_hash_lookup_with_hash_bulk(table->hash, key, signature, n, position);
	for (unsigned int i = 0; i < n; i++) {
		if (position[i] < 0) {
			index[i] = MASQ_HALF_NONE;
			missed |= UINT32_C(1) << i;
			continue;
		}
		index[i] = (uint32_t)position[i];
		/* For writing: the caller counts a packet in the half that it looked up. */
		rte_prefetch0_write(masq_half_at(table, index[i]));
	}
	return missed;
}

uint64_t
masq_half_lookup_burst(struct masq_session_table *table, const struct masq_tuple *keys,
		size_t stride_bytes, uint32_t *signatures, uint32_t *index, unsigned int n)
{
	const uint8_t *first = (const void *)keys;
	uint64_t missed = 0;

	assert(n <= 2 * LOOKUP_MAX);
	if (n > LOOKUP_MAX) {
		missed = (uint64_t)lookup(table, first + LOOKUP_MAX * stride_bytes, stride_bytes,
					 signatures + LOOKUP_MAX, index + LOOKUP_MAX,
					 n - LOOKUP_MAX)
				<< LOOKUP_MAX;
		n = LOOKUP_MAX;
	}
	if (n > 0)
		missed |= lookup(table, first, stride_bytes, signatures, index, n);
	return missed;
}

uint32_t
masq_half_capacity(const struct masq_session_table *table)
{
	return table->n_halves;
}

uint32_t
masq_half_find(const struct masq_session_table *table, const struct masq_tuple *key)
{
	int32_t position = rte_hash_lookup_with_hash(
			table->hash, key, masq_half_signature(table, key));

	return position >= 0 ? (uint32_t)position : MASQ_HALF_NONE;
}

const struct masq_tuple *
masq_half_key(const struct masq_session_table *table, uint32_t index)
{
	assert(index < table->n_halves);
	return (const void *)(table->keys + (size_t)index * table->key_stride);
}

uint32_t
masq_half_insert(struct masq_session_table *table, const struct masq_tuple *key,
		const struct masq_half *half)
{
	uint32_t index = half_add(table, key, masq_half_signature(table, key), half->session);

	half_prefetch_coming(table, 1);
	if (index != MASQ_HALF_NONE)
		*masq_half_at(table, index) = *half;
	return index;
}

void
masq_half_remove(struct masq_session_table *table, uint32_t index)
{
	const struct masq_tuple *key = masq_half_key(table, index);
	int32_t position = rte_hash_del_key_with_hash(
			table->hash, key, masq_half_signature(table, key));

	assert(position == (int32_t)index);
	(void)position;
	table->halves[index].session = MASQ_SESSION_NONE;
	table->n_used--;
}
