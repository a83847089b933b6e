/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CLASSES_H
#define MASQ_CLASSES_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <tmmintrin.h>

#include <rte_branch_prediction.h>

#include <masq_tuple.h>

/**
 * @file
 * Which packets are alike for all rules of a rule set? Each address and each port falls into one of a
 * few classes: no rule can tell two values of a class apart. Packets with the same classes, protocol
 * and interfaces match the same rules, so a verdict about one of them holds for all.
 *
 * Part of the compiled rules; immutable; any worker.
 */

#define MASQ_CLASSES_MAX 255 /**< of one field; one that needs more is left whole */
#define MASQ_CLASSES_STARTS (MASQ_CLASSES_MAX - 1)
#define MASQ_CLASSES_FEW 32 /**< so many starts are all compared; more are searched */

/** Fields in the order of struct masq_tuple: lanes of a vector. */
enum masq_class_field {
	MASQ_CLASS_SRC,
	MASQ_CLASS_DST,
	MASQ_CLASS_SPORT,
	MASQ_CLASS_DPORT,
	MASQ_CLASS_FIELDS
};

struct masq_classes {
	/** Bit f: field f has no classes, because there would be too many of them, or because of a mask
	 * with holes. All of its values are then of one class, and may not be taken for alike. */
	uint8_t whole;
	/** A rule outside of the input and forward chains looks at a source: what the output chain says
	 * of a packet depends on how its source was translated. */
	bool output_sees_source;
	bool syn_matters; /**< a rule looks at -y */
	bool are_not_all; /**< a field is whole, or -y matters: classes alone do not tell packets apart */
	uint8_t n_starts; /**< of the field that has most */
	uint8_t n_compared; /**< so many are all compared, a multiple of 4; 0: they are many, and are searched */
	uint8_t first_step; /**< of a search: the greatest power of two that is at most n_starts */
	/** Where classes begin, less 2^31: vectors compare signed. The n-th of every field, then the next
	 * ones. Padded with INT32_MAX, which no start is, to one less than a power of two. */
	int32_t starts[MASQ_CLASSES_MAX][MASQ_CLASS_FIELDS] __attribute__((aligned(16)));
};

/** Part of masq_classes_of() for many starts. @param value fields, less 2^31 */
uint32_t
masq_classes_search(const struct masq_classes *classes, const int32_t value[MASQ_CLASS_FIELDS]);

/**
 * The classes of a packet. A few starts: of each field how many lie above it, all four fields at a
 * time. Many: how many do not lie above it, by halving.
 *
 * @param tuple	of TCP, UDP, or a protocol without ports: its 16 bytes, of which the first 12 matter
 * @return a byte a field, source lowest
 */
static inline uint32_t
masq_classes_of_vector(const struct masq_classes *classes, __m128i tuple)
{
	/* Host byte order, ports as 32 bits. */
	const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 9, 8, -1, -1, 11, 10, -1, -1);
	const __m128i fields = _mm_shuffle_epi8(tuple, order);
	const __m128i wanted = _mm_xor_si128(fields, _mm_set1_epi32(INT32_MIN));
	const __m128i *start = (const void *)classes->starts;
	const __m128i *end = (const void *)&classes->starts[classes->n_compared];
	__m128i above = _mm_setzero_si128();

	if (unlikely(start == end)) {
		int32_t value[MASQ_CLASS_FIELDS];

		_mm_storeu_si128((void *)value, wanted);
		return masq_classes_search(classes, value);
	}
	/* Who is behind the last start counts some of the padding, too, like everybody. True is -1. */
	do {
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[0], wanted));
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[1], wanted));
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[2], wanted));
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[3], wanted));
		start += 4;
	} while (start != end);
	above = _mm_packs_epi32(above, above);
	return (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(above, above));
}

/** The same of a tuple in memory, which nobody has just written field by field: that would be waited for. */
static inline uint32_t
masq_classes_of(const struct masq_classes *classes, const struct masq_tuple *tuple)
{
	return masq_classes_of_vector(classes, _mm_loadu_si128((const void *)tuple));
}

static_assert(MASQ_CLASSES_MAX < 256, "a class is a byte");
static_assert(MASQ_CLASSES_FEW % 4 == 0, "starts are compared four at a time");
static_assert((MASQ_CLASSES_MAX & (MASQ_CLASSES_MAX + 1)) == 0, "a search halves evenly");

#endif /* MASQ_CLASSES_H */
