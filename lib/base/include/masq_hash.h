/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_HASH_H
#define MASQ_HASH_H

#include <stdint.h>
#include <string.h>

/**
 * @file
 * A seeded hash of 16-byte keys. Attackers choose the tuples that we hash, so the seed must decide
 * which of them collide; a CRC with a seed does not do that (CRC is linear: two keys that collide
 * under one seed collide under all). Two 64-bit halves, each xored with its secret, are multiplied
 * to 128 bits and folded.
 */

struct masq_hash_seed {
	uint64_t a; /**< random */
	uint64_t b; /**< random */
};

/**
 * Take a seed from the kernel's random source.
 *
 * @return 0, or -errno of getrandom()
 */
int masq_hash_seed_random(struct masq_hash_seed *seed);

/** Hash 16 bytes at any alignment; about four cycles. */
static inline uint32_t
masq_hash16(const void *key, const struct masq_hash_seed *seed)
{
	uint64_t lo, hi;
	unsigned __int128 product;

	memcpy(&lo, key, 8);
	memcpy(&hi, (const char *)key + 8, 8);
	lo ^= seed->a;
	hi ^= seed->b;
	product = (unsigned __int128)lo * (hi | 1);
	lo = (uint64_t)product ^ (uint64_t)(product >> 64) ^ hi;
	product = (unsigned __int128)lo * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64));
}

#endif /* MASQ_HASH_H */
