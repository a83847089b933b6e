/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The classes of a field of which rules tell many values apart, such as lists of thousands of
 *	refused hosts, or of services.
 * Words
 *	edge		a value at which a rule's range begins, or the first one behind its end
 *	stretch		the values from one edge to the next: the same rules accept all of them
 *	class		all stretches that the same rules accept. Between the hosts of a list lie
 *			thousands of stretches, which are all of one class
 *	entry		what the table says of all values that begin with the same bits: their class,
 *			or the block that has an entry for each of the next eight bits
 * How classes are found
 *	Each rule has a signature, a pseudo-random number. The sum modulo 2 of the signatures of all
 *	edges passed so far tells which set of rules accepts a stretch (apart from what is the same for
 *	all stretches, the rules that accept value 0). Stretches with the same sum are one class. With
 *	128 bits, the probability that two different sets among those of a million stretches have the
 *	same sum is below 2^-88.
 * Which classes get a name
 *	The widest ones, typically first the class of values that no rule mentions. The others stay
 *	alone: each of ten thousand refused hosts is a class by itself, and is refused by asking the
 *	rules.
 * How a value is looked up
 *	A port has an entry of its own, an address by its upper 16 bits. If those with the same upper
 *	bits are not of one class, a block of 256 entries tells them apart by the next eight bits, and
 *	each of these by a block for the last eight. A list of hosts takes one or two blocks of 512 bytes
 *	for each host, those of one network share them. A first version searched the stretches behind the
 *	upper 16 bits instead: with a rule for each of a thousand hosts in one network, a routed packet
 *	took 1.25 times as long as without them, now 1.02.
 * When there are no blocks left
 *	after 61440 of them, addresses that would need one are alone. Only more than 30720 rules for
 *	hosts with different upper 16 bits need so many.
 * A mask with holes
 *	makes no range. All values of such a field stay alone.
 * Data and who owns it
 *	The table owns its arrays; nothing changes after it was made.
 * Threads
 *	Made and freed by the control thread; read by any worker.
 */
#include "masq_class_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "masq_rules_priv.h"

#define BLOCK_BITS 8 /* of an address, by which a block tells values apart */
#define BLOCK_ENTRIES RTE_DIM(((struct masq_class_block *)0)->entry)
static_assert(BLOCK_ENTRIES == 1 << BLOCK_BITS, "one entry for each value of these bits");

/* Edges of a field, in order: value << 32 | rule. */
struct edges {
	uint64_t *list;
	size_t n;
};

struct signature {
	uint64_t word[2];
};

struct class
{
	struct signature signature;
	uint64_t width; /* values */
	uint32_t number; /* in the order in which they are met */
};

struct classes {
	struct class *list;
	uint32_t n;
	uint32_t *places; /* hash table by signature: number + 1, 0: free */
	uint32_t places_mask;
	uint16_t *names; /* by number */
};

/* All values of a field, in order. */
struct stretches {
	uint32_t *starts; /* first value of each, the first of which is 0 */
	uint32_t *classes; /* numbers at first, then names */
	uint32_t n;
	uint64_t end; /* of the last: the number of values */
};

/* ---------------------------------------------------------------- edges */

static int
compare_edges(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static uint32_t
value_of(uint64_t edge)
{
	return (uint32_t)(edge >> 32);
}

/* @return false: a mask has holes */
static bool
edges_collect(struct edges *edges, const struct masq_rule *rules, uint32_t n_rules,
		enum masq_class_field field)
{
	const uint32_t last = masq_class_last(field);
	uint32_t lo, hi;

	edges->n = 0;
	for (uint32_t r = 0; r < n_rules; r++) {
		if (rules[r].ports == 0) /* it never matches */
			continue;
		if (!masq_class_range(&rules[r], field, &lo, &hi))
			return false;
		if (lo != 0)
			edges->list[edges->n++] = (uint64_t)lo << 32 | r;
		if (hi < last)
			edges->list[edges->n++] = ((uint64_t)hi + 1) << 32 | r;
	}
	if (edges->n > 0)
		qsort(edges->list, edges->n, sizeof(*edges->list), compare_edges);
	return true;
}

/* How many stretches there are: rules may begin and end at the same places. */
static uint32_t
edges_stretches(const struct edges *edges)
{
	uint32_t n = 1;

	for (size_t i = 0; i < edges->n; i++)
		n += i == 0 || value_of(edges->list[i]) != value_of(edges->list[i - 1]);
	return n;
}

/* ---------------------------------------------------------------- classes */

/* The finalizer of splitmix64: consecutive numbers become words that have nothing in common. */
static uint64_t
mix(uint64_t word)
{
	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

static void
add_rule(struct signature *sum, uint32_t rule)
{
	const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);

	sum->word[0] ^= mix((2 * (uint64_t)rule + 1) * step);
	sum->word[1] ^= mix((2 * (uint64_t)rule + 2) * step);
}

static void
classes_fini(struct classes *classes)
{
	free(classes->list);
	free(classes->places);
	free(classes->names);
}

/* @param n	capacity in stretches. @return 0, -1: no memory */
static int
classes_init(struct classes *classes, uint32_t n)
{
	uint32_t places = rte_align32pow2(2 * n);

	classes->n = 0;
	classes->list = calloc(n, sizeof(*classes->list));
	classes->places = calloc(places, sizeof(*classes->places));
	classes->places_mask = places - 1;
	classes->names = calloc(n, sizeof(*classes->names));
	if (classes->list == NULL || classes->places == NULL || classes->names == NULL) {
		classes_fini(classes);
		return -1;
	}
	return 0;
}

/* @return number of the class with this signature, which is added if it is new */
static uint32_t
class_of(struct classes *classes, const struct signature *signature)
{
	uint32_t place = (uint32_t)signature->word[0] & classes->places_mask;

	for (; classes->places[place] != 0; place = (place + 1) & classes->places_mask) {
		const struct class *class = &classes->list[classes->places[place] - 1];

		if (class->signature.word[0] == signature->word[0] &&
				class->signature.word[1] == signature->word[1])
			return class->number;
	}
	classes->list[classes->n] = (struct class){ .signature = *signature, .number = classes->n };
	classes->places[place] = ++classes->n;
	return classes->n - 1;
}

/* Cut the values into stretches, and find the class of each. */
static void
stretches_cut(struct stretches *stretches, struct classes *classes, const struct edges *edges)
{
	struct signature sum = { { 0, 0 } };
	uint32_t start = 0;
	size_t i = 0;

	for (;;) {
		uint32_t number = class_of(classes, &sum);
		uint64_t end = i < edges->n ? value_of(edges->list[i]) : stretches->end;

		stretches->starts[stretches->n] = start;
		stretches->classes[stretches->n++] = number;
		classes->list[number].width += end - start;
		if (i == edges->n)
			return;
		start = value_of(edges->list[i]);
		for (; i < edges->n && value_of(edges->list[i]) == start; i++)
			add_rule(&sum, (uint32_t)edges->list[i]);
	}
}

/* The widest first. */
static int
compare_classes(const void *a, const void *b)
{
	const struct class *left = a, *right = b;

	if (left->width != right->width)
		return left->width > right->width ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

/* @return false: there are more classes than names */
static bool
names_give(struct stretches *stretches, struct classes *classes)
{
	qsort(classes->list, classes->n, sizeof(*classes->list), compare_classes);
	for (uint32_t k = 0; k < classes->n; k++)
		classes->names[classes->list[k].number] = k < MASQ_CLASSES_NAMED ? (uint16_t)k
										 : MASQ_CLASS_ALONE;
	for (uint32_t i = 0; i < stretches->n; i++)
		stretches->classes[i] = classes->names[stretches->classes[i]];
	return classes->n <= MASQ_CLASSES_NAMED;
}

static void
stretches_fini(struct stretches *stretches)
{
	free(stretches->starts);
	free(stretches->classes);
}

/* @param leaves_alone	out: some stretches are of a class without name. @return 0, -1: no memory */
static int
stretches_init(struct stretches *stretches, const struct edges *edges, uint32_t last,
		bool *leaves_alone)
{
	const uint32_t n = edges_stretches(edges);
	struct classes classes;

	*stretches = (struct stretches){
		.starts = calloc(n, sizeof(*stretches->starts)),
		.classes = calloc(n, sizeof(*stretches->classes)),
		.end = (uint64_t)last + 1,
	};
	if (stretches->starts == NULL || stretches->classes == NULL ||
			classes_init(&classes, n) != 0) {
		stretches_fini(stretches);
		return -1;
	}
	stretches_cut(stretches, &classes, edges);
	*leaves_alone = !names_give(stretches, &classes);
	classes_fini(&classes);
	return 0;
}

/* ---------------------------------------------------------------- entries */

/* A table in the making, and the place among the stretches up to which it is made. */
struct maker {
	struct masq_class_table *table;
	uint32_t room; /* for blocks */
	const struct stretches *stretches;
	uint32_t at; /* stretch of the next value */
	bool no_memory;
};

/* @return first value behind the stretch of the next value */
static uint64_t
stretch_end(const struct maker *m)
{
	return m->at + 1 < m->stretches->n ? m->stretches->starts[m->at + 1] : m->stretches->end;
}

/* Are all values up to @p end of the class of the next one? */
static bool
is_one_class(const struct maker *m, uint64_t end)
{
	const struct stretches *s = m->stretches;

	for (uint32_t i = m->at + 1; i < s->n && s->starts[i] < end; i++)
		if (s->classes[i] != s->classes[m->at])
			return false;
	return true;
}

/* @return number of a new block; MASQ_CLASS_BLOCKS: there is no more */
static uint32_t
block_make(struct maker *m)
{
	struct masq_class_table *table = m->table;

	if (table->n_blocks == MASQ_CLASS_BLOCKS)
		return MASQ_CLASS_BLOCKS;
	if (table->n_blocks == m->room) {
		uint32_t room = RTE_MIN(RTE_MAX(2 * m->room, 16u), (uint32_t)MASQ_CLASS_BLOCKS);
		struct masq_class_block *block = realloc(table->block, room * sizeof(*block));

		if (block == NULL) {
			m->no_memory = true;
			return MASQ_CLASS_BLOCKS;
		}
		table->block = block;
		m->room = room;
	}
	return table->n_blocks++;
}

static void
entries_make(struct maker *m, uint16_t *entry, uint32_t n, uint64_t value, unsigned int bits);

/* Make the entry of the values that begin with @p value and differ in @p bits lower bits. */
static uint16_t
entry_of(struct maker *m, uint64_t value, unsigned int bits)
{
	uint16_t entry[BLOCK_ENTRIES];
	uint32_t block;

	if (is_one_class(m, value + (UINT64_C(1) << bits)))
		return (uint16_t)m->stretches->classes[m->at];
	block = block_make(m);
	if (block == MASQ_CLASS_BLOCKS) {
		/* So many blocks take far more classes than there are names. */
		assert(m->table->leaves_alone || m->no_memory);
		return MASQ_CLASS_ALONE;
	}
	/* Blocks below this one may move the array. */
	entries_make(m, entry, BLOCK_ENTRIES, value, bits - BLOCK_BITS);
	memcpy(m->table->block[block].entry, entry, sizeof(entry));
	return (uint16_t)(MASQ_CLASS_LEAVES + block);
}

/*
 * Make @p n entries, each of values that differ in @p bits lower bits, from @p value on. The entries
 * that lie in one stretch are made at a stroke. Recursion is as deep as there are levels, three.
 */
static void
entries_make(struct maker *m, uint16_t *entry, uint32_t n, uint64_t value, unsigned int bits)
{
	for (uint32_t k = 0; k < n;) {
		uint64_t next = value + ((uint64_t)k << bits), whole;

		while (stretch_end(m) <= next)
			m->at++;
		whole = RTE_MIN((stretch_end(m) - next) >> bits, (uint64_t)n - k);
		if (whole == 0)
			entry[k++] = entry_of(m, next, bits);
		for (; whole > 0; whole--)
			entry[k++] = (uint16_t)m->stretches->classes[m->at];
	}
}

/* Give back the room for blocks that were not needed. */
static void
blocks_fit(struct masq_class_table *table)
{
	struct masq_class_block *block;

	if (table->n_blocks == 0)
		return;
	block = realloc(table->block, table->n_blocks * sizeof(*block));
	if (block != NULL)
		table->block = block;
}

/* ---------------------------------------------------------------- the table */

/* @return 0, -1: no memory */
static int
fill(struct masq_class_table *table, const struct edges *edges, enum masq_class_field field)
{
	struct stretches stretches;
	struct maker m = { .table = table, .stretches = &stretches };

	if (stretches_init(&stretches, edges, masq_class_last(field), &table->leaves_alone) != 0)
		return -1;
	entries_make(&m, table->top, MASQ_CLASS_TOP, 0, field < MASQ_CLASS_SPORT ? 16 : 0);
	stretches_fini(&stretches);
	if (m.no_memory)
		return -1;
	blocks_fit(table);
	return 0;
}

struct masq_class_table *
masq_class_table_create(
		const struct masq_rule *rules, uint32_t n_rules, enum masq_class_field field)
{
	struct edges edges = { .list = calloc(2 * (size_t)n_rules, sizeof(*edges.list)) };
	struct masq_class_table *table = calloc(1, sizeof(*table));

	if (edges.list == NULL || table == NULL)
		goto fail;
	if (!edges_collect(&edges, rules, n_rules, field)) {
		table->leaves_alone = true;
		for (uint32_t k = 0; k < MASQ_CLASS_TOP; k++)
			table->top[k] = MASQ_CLASS_ALONE;
	} else if (fill(table, &edges, field) != 0) {
		goto fail;
	}
	free(edges.list);
	return table;

fail:
	free(edges.list);
	masq_class_table_destroy(table);
	return NULL;
}

void
masq_class_table_destroy(struct masq_class_table *table)
{
	if (table == NULL)
		return;
	free(table->block);
	free(table);
}

uint64_t
masq_class_table_bytes(const struct masq_class_table *table)
{
	return sizeof(*table) + table->n_blocks * sizeof(*table->block);
}
