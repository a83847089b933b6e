/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The halves of a worker's sessions: rte_hash finds the position of a tuple, the half lies
 *	at that position in an array of cache lines beside it.
 * Words
 *	signature	the 32-bit hash of a tuple, made by masq_hash16() under the table's seed.
 *			rte_hash gets it handed in everywhere, its own hash function is never used
 *			on tuples.
 *	position	rte_hash's number of a key slot; half index in all other files
 * Data and who owns it
 *	rte_hash keeps the tuples: 32 bytes a slot in one array. masq_half_key() goes there
 *	directly, because rte_hash_get_key_with_position() looks the key up again with the hash
 *	function that is not ours. Where the array lies and how far its slots are apart is learnt
 *	at creation from keys that are put in for that and taken out again (masq_session.c).
 * Life cycle
 *	half_add() takes a position, for masq_half_insert() and masq_session_open(), and
 *	masq_half_remove() gives it back; rte_hash hands free positions out first in, first out. A half
 *	that is out has session MASQ_SESSION_NONE.
 * Threads
 *	The owner alone. Other workers read halves and tuples of indices that they were told,
 *	never the hash: it has no concurrency flags, which keeps locks and counters out of
 *	lookups.
 * Cost
 *	A lookup touches two buckets, one key slot, one half. rte_hash fetches the first two ahead
 *	over the burst, masq_half_lookup_burst() the third. An insertion fetches half and key slot of
 *	those to come. Numbers: docs/performance.rst.
 */

#include <string.h>

#include <rte_hash.h>
#include <rte_prefetch.h>

#include "masq_session_priv.h"

/*
 * Tuples that go to rte_hash together: a burst, so that the buckets of all of them are on their way
 * before the first is looked at. 16 at a time make an established packet 124 cycles instead of 107 at
 * 64 k sessions, 253 instead of 232 at 1 M.
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
		/* For writing: whoever looks a half up counts a packet in it. */
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
