/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RSS_H
#define MASQ_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_err.h>
#include <masq_pkt.h>
#include <masq_tuple.h>

/**
 * @file
 * Which worker owns a flow: worker = table[toeplitz(tuple) mod size], the function that a NIC with
 * RSS computes with our key and our table. The same object computes it in software if the NIC
 * does not, and tells which external ports make replies arrive at a given worker.
 *
 * TCP and UDP are hashed over addresses and ports; everything else, and fragments, over addresses
 * only. Immutable after creation; all workers read it.
 *
 * Toeplitz is linear over xor: hash(tuple with port p) = hash(tuple with port 0) xor T[p]. The low
 * bits of T[p] are the *class* of port p. There are table_size classes with equally many ports each;
 * whether a port is usable depends on its class alone. The *position* of a port numbers all ports by
 * class, and within a class by size: class * ports_per_class + *rank*.
 */

#define MASQ_RSS_KEY_BYTES 52 /**< for NICs with the longest keys; others take the first 40 */
#define MASQ_RSS_TABLE_MAX 512

struct masq_rss {
	uint8_t key[MASQ_RSS_KEY_BYTES]; /**< as the NIC gets it */
	uint8_t key_be[MASQ_RSS_KEY_BYTES]; /**< for the software hash */
	uint32_t workers;
	uint32_t table_size; /**< power of two, 1..512 */
	uint8_t table[MASQ_RSS_TABLE_MAX]; /**< hash mod size -> worker */
	uint32_t byte_hash[12][256]; /**< hash of one tuple byte; xor of 12 = whole hash */
	uint32_t ports_per_class; /**< 65536 / table_size */
	uint32_t rank_bits; /**< its logarithm */
	uint16_t least_port[MASQ_RSS_TABLE_MAX]; /**< of each class */
	uint16_t port_of_rank[2][256]; /**< for class 0, by low and high byte of the rank; xor */
	uint16_t rank_of_port[2][256]; /**< by low and high byte of the port; xor */
};

/**
 * Make the key, the table and the port classes.
 *
 * @param rss	out: large (about 16 KB), the caller's memory
 * @param workers	1..MASQ_MAX_WORKERS
 * @param table_size	power of two, at least @p workers, at most MASQ_RSS_TABLE_MAX
 * @param seed	0: a random key; else a fixed one, for tests and benchmarks
 * @param err	out
 * @return 0; -EINVAL, or -errno of getrandom()
 */
int masq_rss_init(struct masq_rss *rss, uint32_t workers, uint32_t table_size, uint64_t seed,
		struct masq_err *err);

/** Hash over addresses only. */
static inline uint32_t
masq_rss_hash_addresses(const struct masq_rss *rss, const struct masq_tuple *tuple)
{
	const uint8_t *b = (const uint8_t *)tuple;
	uint32_t hash = 0;

#pragma GCC unroll 8
	for (unsigned int i = 0; i < 8; i++)
		hash ^= rss->byte_hash[i][b[i]];
	return hash;
}

/** Hash over addresses and ports. */
static inline uint32_t
masq_rss_hash_ports(const struct masq_rss *rss, const struct masq_tuple *tuple)
{
	const uint8_t *b = (const uint8_t *)tuple;
	uint32_t hash = masq_rss_hash_addresses(rss, tuple);

#pragma GCC unroll 4
	for (unsigned int i = 8; i < 12; i++)
		hash ^= rss->byte_hash[i][b[i]];
	return hash;
}

/** Hash of a tuple by the rule for its protocol. */
static inline uint32_t
masq_rss_hash(const struct masq_rss *rss, const struct masq_tuple *tuple)
{
	if (masq_tuple_has_ports(tuple))
		return masq_rss_hash_ports(rss, tuple);
	return masq_rss_hash_addresses(rss, tuple);
}

/** @return worker that owns packets with this hash */
static inline uint32_t
masq_rss_worker(const struct masq_rss *rss, uint32_t hash)
{
	return rss->table[hash & (rss->table_size - 1)];
}

/** @return worker that owns packets with this tuple (whole packets, not fragments) */
static inline uint32_t
masq_rss_owner(const struct masq_rss *rss, const struct masq_tuple *tuple)
{
	return masq_rss_worker(rss, masq_rss_hash(rss, tuple));
}

/** @return class of a port (host order): the low bits of T[port] */
static inline uint32_t
masq_rss_class(const struct masq_rss *rss, uint16_t port)
{
	return (rss->byte_hash[10][port >> 8] ^ rss->byte_hash[11][port & 255]) &
			(rss->table_size - 1);
}

/** @return position of a port (host order) */
static inline uint32_t
masq_rss_position(const struct masq_rss *rss, uint16_t port)
{
	uint32_t rank = rss->rank_of_port[0][port & 255] ^ rss->rank_of_port[1][port >> 8];

	return masq_rss_class(rss, port) << rss->rank_bits | rank;
}

/** @return port (host order) of a position below 65536 */
static inline uint16_t
masq_rss_port(const struct masq_rss *rss, uint32_t position)
{
	uint32_t rank = position & (rss->ports_per_class - 1);

	return rss->least_port[position >> rss->rank_bits] ^ rss->port_of_rank[0][rank & 255] ^
			rss->port_of_rank[1][rank >> 8];
}

#endif /* MASQ_RSS_H */
