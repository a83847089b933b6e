/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Checksum arithmetic: an updated checksum is the one that a computation in full gives, for random
 * words and for the two zeros of one's complement; what was wrong stays wrong by as much.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <masq_csum.h>

#include "masq_test_pkt.h"

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A word that is often one of the extremes. */
static uint16_t
odd_word(uint64_t *random)
{
	static const uint16_t odd[] = { 0, 0xffff, 1, 0xfffe, 0x8000, 0x00ff };
	uint64_t r = next_random(random);

	return r % 3 == 0 ? odd[r / 3 % 6] : (uint16_t)(r >> 20);
}

static uint16_t
in_full(const uint16_t *words, unsigned int count)
{
	uint16_t sum = masq_test_checksum((const uint8_t *)words, 2 * count);

	return rte_cpu_to_be_16(sum);
}

static void
updates_equal_computations_in_full(void **state)
{
	uint64_t random = 0x6d617371;

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		uint16_t words[6], before, after, delta;
		uint32_t wide[2];

		for (unsigned int j = 0; j < 6; j++)
			words[j] = odd_word(&random);
		/* A sum of nothing but zeros is the one that no header has. */
		words[5] |= 1;
		before = in_full(words, 6);

		memcpy(&wide[0], words, 4);
		delta = masq_csum_delta16(words[2], words[3] ^ words[4]);
		words[2] = words[3] ^ words[4];
		words[0] = odd_word(&random);
		words[1] = odd_word(&random);
		memcpy(&wide[1], words, 4);
		delta = masq_csum_delta_add(delta, masq_csum_delta32(wide[0], wide[1]));
		after = in_full(words, 6);

		assert_int_equal(masq_csum_apply(before, delta), after);
		assert_int_equal(masq_csum_apply_udp(before, delta), after != 0 ? after : 0xffff);
	}
}

static void
known_sums(void **state)
{
	(void)state;
	/* RFC 1624, section 4: the old arithmetic of RFC 1141 gave 0xffff here. */
	assert_int_equal(masq_csum_apply(0xdd2f, masq_csum_delta16(0x5555, 0x3285)), 0x0000);
	assert_int_equal(masq_csum_apply_udp(0xdd2f, masq_csum_delta16(0x5555, 0x3285)), 0xffff);
	assert_int_equal(masq_csum_fold(0), 0);
	assert_int_equal(masq_csum_fold(0xffff), 0xffff);
	assert_int_equal(masq_csum_fold(0x10000), 1);
	assert_int_equal(masq_csum_fold(0xffffffff), 0xffff);
	assert_int_equal(masq_csum_fold(0xfffeffff), 0xfffe);
	assert_int_equal(masq_csum_fold(0x0001ffff), 1);
}

static void
no_change_changes_nothing(void **state)
{
	(void)state;
	for (uint32_t sum = 0; sum < 0xffff; sum += 7)
		assert_int_equal(masq_csum_apply((uint16_t)sum,
						 masq_csum_delta32(sum * 77777, sum * 77777)),
				sum);
}

static void
a_wrong_checksum_stays_wrong_by_as_much(void **state)
{
	uint16_t words[4] = { 0x4500, 0x1234, 0xffff, 0x0001 };
	uint16_t wrong = in_full(words, 4) ^ 0x0100, delta = masq_csum_delta16(0x1234, 0xabcd);

	(void)state;
	words[1] = 0xabcd;
	assert_int_not_equal(masq_csum_apply(wrong, delta), in_full(words, 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updates_equal_computations_in_full),
		cmocka_unit_test(known_sums),
		cmocka_unit_test(no_change_changes_nothing),
		cmocka_unit_test(a_wrong_checksum_stays_wrong_by_as_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
