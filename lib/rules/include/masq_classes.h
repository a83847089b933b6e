/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CLASSES_H
#define MASQ_CLASSES_H

#include <assert.h>
#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * @file
 * Which packets are alike for all rules of a rule set? Each address and each port falls into one of a
 * few classes: no rule can tell two values of a class apart. Packets with the same classes, protocol
 * and interfaces match the same rules, so a verdict about one of them holds for all.
 *
 * Part of the compiled rules; immutable; any worker.
 */

#define MASQ_CLASSES_MAX 33 /**< of one field; rule sets that need more are not classified */
#define MASQ_CLASSES_STARTS (MASQ_CLASSES_MAX - 1)

enum masq_class_field {
	MASQ_CLASS_SRC,
	MASQ_CLASS_DST,
	MASQ_CLASS_SPORT,
	MASQ_CLASS_DPORT,
	MASQ_CLASS_FIELDS
};

struct masq_classes {
	bool usable; /**< false: too many classes, or masks with holes */
	/** A rule outside of the input and forward chains looks at a source: what the output chain says
	 * of a packet depends on how its source was translated. */
	bool output_sees_source;
	uint8_t n_fours[MASQ_CLASS_FIELDS]; /**< starts of a field, in fours */
	/** Where classes begin, less 2^31: vectors compare signed. Padded with INT32_MAX, which no start
	 * is. */
	int32_t starts[MASQ_CLASS_FIELDS][MASQ_CLASSES_STARTS] __attribute__((aligned(16)));
};

/** @return class of a value: how many starts are not above it. Four of them at a time. */
static inline uint32_t
masq_class_of(const struct masq_classes *classes, enum masq_class_field field, uint32_t value)
{
	const __m128i *starts = (const void *)classes->starts[field];
	const __m128i wanted = _mm_set1_epi32((int32_t)(value ^ UINT32_C(0x80000000)));
	uint32_t n = 0;

	for (unsigned int i = 0; i < classes->n_fours[field]; i++) {
		__m128 above = _mm_castsi128_ps(_mm_cmpgt_epi32(starts[i], wanted));

		n += 4 - (uint32_t)__builtin_popcount((unsigned int)_mm_movemask_ps(above));
	}
	return n;
}

/** @return the classes of source, destination and both ports, a byte each; host byte order */
static inline uint32_t
masq_classes_of(const struct masq_classes *classes, uint32_t src, uint32_t dst, uint16_t sport,
		uint16_t dport)
{
	return masq_class_of(classes, MASQ_CLASS_SRC, src) |
			masq_class_of(classes, MASQ_CLASS_DST, dst) << 8 |
			masq_class_of(classes, MASQ_CLASS_SPORT, sport) << 16 |
			masq_class_of(classes, MASQ_CLASS_DPORT, dport) << 24;
}

static_assert(MASQ_CLASSES_MAX <= 256 && MASQ_CLASSES_STARTS % 4 == 0, "a class is a byte");

#endif /* MASQ_CLASSES_H */
