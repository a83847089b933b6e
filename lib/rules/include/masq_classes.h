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
 * Rules of which each tells other values apart can make more classes than there are names. The values of those
 * without a name are *alone*: alike with nobody but themselves.
 *
 * Part of the compiled rules; immutable; any worker.
 */

#define MASQ_CLASSES_FEW \
	32 /**< of a field with so many starts all are compared; one with more has a table */
#define MASQ_CLASSES_NAMED 4094 /**< classes of a field with a table that have a name: 0..4093 */
#define MASQ_CLASS_MIXED 4094 /**< of a page of a table: its values are not all of one class */
#define MASQ_CLASS_ALONE 4095 /**< the value is of no class */
#define MASQ_CLASS_PAGES 65536

/** Fields in the order of struct masq_tuple: lanes of a vector. */
enum masq_class_field {
	MASQ_CLASS_SRC,
	MASQ_CLASS_DST,
	MASQ_CLASS_SPORT,
	MASQ_CLASS_DPORT,
	MASQ_CLASS_FIELDS
};

/** The classes of one field; masq_class_table.c. */
struct masq_class_table {
	/** Of addresses by their upper 16 bits, of ports by all of them: their class, or MASQ_CLASS_ALONE,
	 * or MASQ_CLASS_MIXED, which values of ports never are. */
	uint16_t of_page[MASQ_CLASS_PAGES];
	bool leaves_alone; /**< some of its values are of no class */
	uint32_t n_stretches; /**< values without a break that are of one class */
	uint32_t *starts; /**< their first values, ascending, from 0 on */
	uint16_t *classes; /**< theirs */
	uint32_t *first; /**< [MASQ_CLASS_PAGES + 1]: in which stretch a page begins; of ports NULL */
};

struct masq_classes {
	bool may_be_alone; /**< a field has values that are alone */
	/** A rule outside of the input and forward chains looks at a source: what the output chain says
	 * of a packet depends on how its source was translated. */
	bool output_sees_source;
	bool syn_matters; /**< a rule looks at -y */
	bool are_not_all; /**< values may be alone, or -y matters: classes alone do not tell packets apart */
	uint8_t n_compared; /**< starts that are compared, a multiple of 4, not 0 */
	uint8_t have_tables; /**< bit f: field f has one */
	/** Where classes begin, less 2^31: vectors compare signed. The n-th of every field, then the next
	 * ones. Padded with INT32_MAX, which no start is; of a field with a table all INT32_MIN, above which
	 * everything is. */
	int32_t starts[MASQ_CLASSES_FEW][MASQ_CLASS_FIELDS] __attribute__((aligned(16)));
	struct masq_class_table
			*table[MASQ_CLASS_FIELDS]; /**< of fields with more starts, else NULL */
};

/** The class of an address in a mixed page of a table. A search among what begins in the page. */
uint16_t masq_class_search(const struct masq_class_table *table, uint32_t address);

/** @param address in host byte order */
static inline uint64_t
masq_class_of_address(const struct masq_class_table *table, uint32_t page, uint32_t address)
{
	uint16_t class = table->of_page[page];

	return likely(class != MASQ_CLASS_MIXED) ? class : masq_class_search(table, address);
}

/**
 * Part of masq_classes_of_vector(): the fields that have a table.
 *
 * @param fields	lanes of values in host byte order
 * @return 16 bits a field, 0 where there is no table
 */
static inline uint64_t
masq_classes_look_up(const struct masq_classes *classes, __m128i fields)
{
	struct masq_class_table *const *table = classes->table;
	uint64_t found = 0;

	/* A word of 16 bits each: the upper one of addresses, the lower one of ports. */
	if (table[MASQ_CLASS_SRC] != NULL)
		found |= masq_class_of_address(table[MASQ_CLASS_SRC],
				(uint32_t)_mm_extract_epi16(fields, 1),
				(uint32_t)_mm_cvtsi128_si32(fields));
	if (table[MASQ_CLASS_DST] != NULL)
		found |= masq_class_of_address(table[MASQ_CLASS_DST],
					 (uint32_t)_mm_extract_epi16(fields, 3),
					 (uint32_t)_mm_cvtsi128_si32(_mm_srli_si128(fields, 4)))
				<< 16;
	if (table[MASQ_CLASS_SPORT] != NULL)
		found |= (uint64_t)table[MASQ_CLASS_SPORT]->of_page[_mm_extract_epi16(fields, 4)]
				<< 32;
	if (table[MASQ_CLASS_DPORT] != NULL)
		found |= (uint64_t)table[MASQ_CLASS_DPORT]->of_page[_mm_extract_epi16(fields, 6)]
				<< 48;
	return found;
}

/**
 * The classes of a packet. Of each field how many starts lie above it, all four fields at a time; of fields
 * with many starts what their table says.
 *
 * @param tuple	of TCP, UDP, or a protocol without ports: its 16 bytes, of which the first 12 matter
 * @return 16 bits a field, source lowest; MASQ_CLASS_ALONE: that value is of no class
 */
static inline uint64_t
masq_classes_of_vector(const struct masq_classes *classes, __m128i tuple)
{
	/* Host byte order, ports as 32 bits. */
	const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 9, 8, -1, -1, 11, 10, -1, -1);
	const __m128i fields = _mm_shuffle_epi8(tuple, order);
	const __m128i wanted = _mm_xor_si128(fields, _mm_set1_epi32(INT32_MIN));
	const __m128i *start = (const void *)classes->starts;
	const __m128i *end = (const void *)&classes->starts[classes->n_compared];
	__m128i above = _mm_setzero_si128();
	uint64_t compared;

	/* Who is behind the last start counts some of the padding, too, like everybody. True is -1. */
	do {
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[0], wanted));
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[1], wanted));
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[2], wanted));
		above = _mm_sub_epi32(above, _mm_cmpgt_epi32(start[3], wanted));
		start += 4;
	} while (start != end);
	compared = (uint64_t)_mm_cvtsi128_si64(_mm_packs_epi32(above, above));
	return likely(classes->have_tables == 0) ? compared
						 : compared | masq_classes_look_up(classes, fields);
}

/** The same of a tuple in memory, which nobody has just written field by field: that would be waited for. */
static inline uint64_t
masq_classes_of(const struct masq_classes *classes, const struct masq_tuple *tuple)
{
	return masq_classes_of_vector(classes, _mm_loadu_si128((const void *)tuple));
}

/** What masq_classes_alone() says of a field. */
#define MASQ_CLASS_IS_ALONE(field) (UINT64_C(0x1000) << 16 * (field))

/** @return bits MASQ_CLASS_IS_ALONE() of the fields whose values are alone */
static inline uint64_t
masq_classes_alone(uint64_t classes)
{
	/* Twelve ones become the thirteenth bit. */
	return (classes + UINT64_C(0x0001000100010001)) & UINT64_C(0x1000100010001000);
}

static_assert(MASQ_CLASSES_FEW % 4 == 0, "starts are compared four at a time");
static_assert(MASQ_CLASSES_FEW < MASQ_CLASSES_NAMED, "who is compared is never alone");

#endif /* MASQ_CLASSES_H */
