/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The seeded hash: seeds differ, alignment does not matter, keys that an attacker or a port scan
 * would choose spread evenly, and which of them collide depends on the seed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <masq_hash.h>

#define BUCKETS 1024
#define KEYS (64 * BUCKETS)

static const struct masq_hash_seed fixed = { .a = 0x243f6a8885a308d3, .b = 0x13198a2e03707344 };

static void
seeds_differ(void **state)
{
	struct masq_hash_seed seed[2] = { { 0, 0 }, { 0, 0 } };

	(void)state;
	assert_int_equal(masq_hash_seed_random(&seed[0]), 0);
	assert_int_equal(masq_hash_seed_random(&seed[1]), 0);
	assert_memory_not_equal(&seed[0], &seed[1], sizeof(seed[0]));
	assert_true(seed[0].a != 0 && seed[0].b != 0 && seed[0].a != seed[0].b);
}

static void
alignment_does_not_matter(void **state)
{
	uint8_t buffer[16 + 8];
	uint8_t key[16];
	uint32_t hash;

	(void)state;
	for (unsigned int i = 0; i < 16; i++)
		key[i] = (uint8_t)(17 * i + 3);
	hash = masq_hash16(key, &fixed);
	for (unsigned int shift = 0; shift < 8; shift++) {
		memcpy(buffer + shift, key, 16);
		assert_int_equal(masq_hash16(buffer + shift, &fixed), hash);
	}
}

static void
each_bit_of_the_key_counts(void **state)
{
	uint8_t key[16] = { 192, 168, 1, 2, 209, 81, 8, 5, 4, 1, 0, 80, 6 };
	uint32_t hash = masq_hash16(key, &fixed);

	(void)state;
	for (unsigned int bit = 0; bit < 128; bit++) {
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(masq_hash16(key, &fixed), hash);
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Fill the buckets with keys that count upwards in one 16-bit word; return the fullest. */
static unsigned int
fullest_bucket(unsigned int word_offset, unsigned int shift)
{
	static unsigned int load[BUCKETS];
	uint8_t key[16] = { 192, 168, 1, 2, 209, 81, 8, 5, 4, 1, 0, 80, 6 };
	unsigned int most = 0;

	memset(load, 0, sizeof(load));
	for (unsigned int i = 0; i < KEYS; i++) {
		unsigned int *bucket;

		key[word_offset] = (uint8_t)(i >> 8);
		key[word_offset + 1] = (uint8_t)i;
		bucket = &load[masq_hash16(key, &fixed) >> shift & (BUCKETS - 1)];
		*bucket += 1;
		if (*bucket > most)
			most = *bucket;
	}
	return most;
}

/*
 * A random function puts 64 +- 8 keys into a bucket; twice as many is sixteen times that deviation
 * and cannot happen by chance, while a weak mix puts hundreds there.
 */
static void
counting_keys_spread(void **state)
{
	static const unsigned int word_offsets[] = { 2, 6, 8, 10 };
	static const unsigned int shifts[] = { 0, 11, 22 };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 3; j++)
			assert_in_range(fullest_bucket(word_offsets[i], shifts[j]), 64, 128);
}

static void
both_halves_of_the_seed_count(void **state)
{
	uint8_t key[16] = { 192, 168, 1, 2, 209, 81, 8, 5, 4, 1, 0, 80, 6 };
	struct masq_hash_seed a = fixed, b = fixed;

	(void)state;
	a.a ^= 1;
	b.b ^= 2;
	assert_int_not_equal(masq_hash16(key, &a), masq_hash16(key, &fixed));
	assert_int_not_equal(masq_hash16(key, &b), masq_hash16(key, &fixed));
}

/* Keys that share a bucket under one seed do not stay together under another. */
static void
collisions_depend_on_the_seed(void **state)
{
	struct masq_hash_seed other = { .a = 0xa4093822299f31d0, .b = 0x082efa98ec4e6c89 };
	uint8_t first[16] = { 10, 0, 0, 1 }, key[16] = { 10, 0, 0, 1 };
	unsigned int together = 0, still = 0;

	(void)state;
	for (unsigned int i = 1; i < 65536; i++) {
		key[8] = (uint8_t)(i >> 8);
		key[9] = (uint8_t)i;
		if (((masq_hash16(key, &fixed) ^ masq_hash16(first, &fixed)) & 0xff) != 0)
			continue;
		together++;
		if (((masq_hash16(key, &other) ^ masq_hash16(first, &other)) & 0xff) == 0)
			still++;
	}
	/* 256 of 65536 meet by chance, and one of those meets again. */
	assert_in_range(together, 128, 512);
	assert_in_range(still, 0, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_differ),
		cmocka_unit_test(alignment_does_not_matter),
		cmocka_unit_test(each_bit_of_the_key_counts),
		cmocka_unit_test(counting_keys_spread),
		cmocka_unit_test(both_halves_of_the_seed_count),
		cmocka_unit_test(collisions_depend_on_the_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
