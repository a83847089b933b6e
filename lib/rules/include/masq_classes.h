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
 * Which packets do all rules of a rule set treat alike? The values of each address and port fall into
 * a few classes: no rule can tell two values of a class apart. Packets with the same classes, protocol
 * and interfaces match the same rules, so a verdict about one of them holds for all. Where a rule has
 * -y, SYN segments are a kind of their own.
 *
 * Where rules tell more values apart than there are names of classes, the values of classes without a
 * name are *alone*: nothing is said about which others are like them.
 *
 * Part of the compiled rules; immutable; read by any worker.
 */

/** A field with more starts has a table; otherwise a value is compared with each of them. */
#define MASQ_CLASSES_FEW 32
#define MASQ_CLASSES_NAMED 4095 /**< classes of a table that have a name: 0..4094 */
#define MASQ_CLASS_ALONE 4095 /**< the value is of no named class */
#define MASQ_CLASS_LEAVES \
	4096 /**< entries of a table below this are classes, others name a block */
#define MASQ_CLASS_BLOCKS (65536 - MASQ_CLASS_LEAVES)
#define MASQ_CLASS_TOP 65536 /**< entries for all ports, or all upper halves of an address */

/** Fields in the order of struct masq_tuple, which is that of the lanes of a vector. */
enum masq_class_field {
	MASQ_CLASS_SRC,
	MASQ_CLASS_DST,
	MASQ_CLASS_SPORT,
	MASQ_CLASS_DPORT,
	MASQ_CLASS_FIELDS
};

/** The next eight bits of addresses that have the bits above them in common. */
struct masq_class_block {
	uint16_t entry[256];
};

/**
 * The classes of one field with many starts; masq_class_table.c. An entry is the class of all values
 * below it. For addresses it may also be MASQ_CLASS_LEAVES plus the number of a block that tells them
 * apart.
 */
struct masq_class_table {
	uint16_t top[MASQ_CLASS_TOP]; /**< by port, or by the upper 16 bits of an address */
	struct masq_class_block *block; /**< NULL: none is needed; ports never need one */
	uint32_t n_blocks; /**< at most MASQ_CLASS_BLOCKS */
	bool leaves_alone; /**< some values of the field are alone */
};

struct masq_classes {
	bool may_be_alone; /**< some field has values that are alone */
	/** A rule outside of the input and forward chains looks at a source: what the output chain says
	 * of a packet depends on how its source was translated. */
	bool output_sees_source;
	bool syn_matters; /**< a rule has -y */
	bool are_not_all; /**< values may be alone, or -y matters: classes are not enough */
	uint8_t n_compared; /**< rows of starts[] to compare: a multiple of 4, at least 4 */
	uint8_t have_tables; /**< bit f: field f has a table */
	/** First values of classes, minus 2^31 because vectors compare signed; row n holds the n-th
	 * start of every field. Unused rows are INT32_MAX, which is no start, so that all values count
	 * them alike. A field with a table has INT32_MIN everywhere, which is above no value. */
	int32_t starts[MASQ_CLASSES_FEW][MASQ_CLASS_FIELDS] __attribute__((aligned(16)));
	struct masq_class_table *table[MASQ_CLASS_FIELDS]; /**< of fields with a table, else NULL */
};

/**
 * What the table of an address says, step by step: 16, 8 and 8 bits.
 *
 * @param upper	upper 16 bits of @p address, which is in host byte order
 * @return class of the address; one to three loads
 */
static inline uint64_t
masq_class_of_address(const struct masq_class_table *table, uint32_t upper, uint32_t address)
{
	uint32_t entry = table->top[upper];

	if (unlikely(entry >= MASQ_CLASS_LEAVES))
		entry = table->block[entry - MASQ_CLASS_LEAVES].entry[address >> 8 & 0xff];
	if (unlikely(entry >= MASQ_CLASS_LEAVES))
		entry = table->block[entry - MASQ_CLASS_LEAVES].entry[address & 0xff];
	return entry;
}

/**
 * Part of masq_classes_of_vector(): the fields that have a table.
 *
 * @param fields	lanes of values in host byte order
 * @return 16 bits per field, 0 where there is no table
 */
static inline uint64_t
masq_classes_look_up(const struct masq_classes *classes, __m128i fields)
{
	struct masq_class_table *const *table = classes->table;
	uint64_t found = 0;

	/* 16-bit words of the lanes: the upper one of addresses, the lower one of ports. */
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
		found |= (uint64_t)table[MASQ_CLASS_SPORT]->top[_mm_extract_epi16(fields, 4)] << 32;
	if (table[MASQ_CLASS_DPORT] != NULL)
		found |= (uint64_t)table[MASQ_CLASS_DPORT]->top[_mm_extract_epi16(fields, 6)] << 48;
	return found;
}

/**
 * The classes of a packet: for each field the number of starts above its value, all four fields at a
 * time, or what its table says.
 *
 * @param tuple	the 16 bytes of a struct masq_tuple, of which the first 12 matter. Of ICMP the ports
 *	must be type and code, because rules look at these, and not those of a session's tuple
 * @return 16 bits per field, source lowest; MASQ_CLASS_ALONE: the value is alone
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

	/* Unused rows count one for every value, so they tell no values apart. True is -1. */
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

/** The same for a tuple in memory. If its fields were just stored one by one, the wide load stalls. */
static inline uint64_t
masq_classes_of(const struct masq_classes *classes, const struct masq_tuple *tuple)
{
	return masq_classes_of_vector(classes, _mm_loadu_si128((const void *)tuple));
}

/** The bit of a field in the result of masq_classes_alone(). */
#define MASQ_CLASS_IS_ALONE(field) (UINT64_C(0x1000) << 16 * (field))

/** @return bits MASQ_CLASS_IS_ALONE() of the fields whose values are alone */
static inline uint64_t
masq_classes_alone(uint64_t classes)
{
	/* Only adding 1 to 4095, twelve ones, sets the thirteenth bit. */
	return (classes + UINT64_C(0x0001000100010001)) & UINT64_C(0x1000100010001000);
}

static_assert(MASQ_CLASSES_FEW % 4 == 0, "starts are compared four at a time");
static_assert(MASQ_CLASSES_FEW < MASQ_CLASSES_NAMED, "who is compared is never alone");

#endif /* MASQ_CLASSES_H */
