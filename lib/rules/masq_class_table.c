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
 *	page		addresses with the same upper 16 bits; of ports, a single value
 *	mixed		a page whose values are not all of one class
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
 *	A page that is not mixed tells the class. In a mixed page the stretch is searched, among those
 *	of the page. If most values of a mixed page are alone, the whole page is made alone, because
 *	most searches there would be in vain.
 * A mask with holes
 *	makes no range. All values of such a field stay alone.
 * Data and who owns it
 *	The table owns its arrays; nothing changes after it was made.
 * Threads
 *	Made and freed by the control thread; read by any worker.
 */
#include "masq_class_table.h"

#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "masq_rules_priv.h"

#define PAGE_BITS 16 /* low bits of an address, in which the values of a page differ */

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
	uint32_t *of_stretch; /* numbers */
	uint16_t *names; /* by number */
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
	free(classes->of_stretch);
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
	classes->of_stretch = calloc(n, sizeof(*classes->of_stretch));
	classes->names = calloc(n, sizeof(*classes->names));
	if (classes->list == NULL || classes->places == NULL || classes->of_stretch == NULL ||
			classes->names == NULL) {
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

/* Cut the values 0..last into stretches, and find the class of each. */
static void
stretches_make(struct masq_class_table *table, struct classes *classes, const struct edges *edges,
		uint32_t last)
{
	struct signature sum = { { 0, 0 } };
	uint32_t start = 0;
	size_t i = 0;

	for (;;) {
		uint32_t number = class_of(classes, &sum);
		uint64_t end = i < edges->n ? value_of(edges->list[i]) : (uint64_t)last + 1;

		table->starts[table->n_stretches] = start;
		classes->of_stretch[table->n_stretches++] = number;
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

static void
names_give(struct masq_class_table *table, struct classes *classes)
{
	qsort(classes->list, classes->n, sizeof(*classes->list), compare_classes);
	for (uint32_t k = 0; k < classes->n; k++)
		classes->names[classes->list[k].number] = k < MASQ_CLASSES_NAMED ? (uint16_t)k
										 : MASQ_CLASS_ALONE;
	for (uint32_t i = 0; i < table->n_stretches; i++)
		table->classes[i] = classes->names[classes->of_stretch[i]];
	table->leaves_alone = classes->n > MASQ_CLASSES_NAMED;
}

/* @return 0, -1: no memory */
static int
stretches_init(struct masq_class_table *table, const struct edges *edges, uint32_t last)
{
	const uint32_t n = edges_stretches(edges);
	struct classes classes;

	table->starts = calloc(n, sizeof(*table->starts));
	table->classes = calloc(n, sizeof(*table->classes));
	if (table->starts == NULL || table->classes == NULL || classes_init(&classes, n) != 0)
		return -1;
	stretches_make(table, &classes, edges, last);
	names_give(table, &classes);
	classes_fini(&classes);
	return 0;
}

/* ---------------------------------------------------------------- pages */

/*
 * What of_page[] says of the page of values from @p value to before @p behind, which begins in stretch
 * number @p from and ends in number @p to.
 */
static uint16_t
page_of(const struct masq_class_table *table, uint64_t value, uint64_t behind, uint32_t from,
		uint32_t to)
{
	const uint64_t values = behind - value;
	uint64_t named = 0;
	bool mixed = false;

	for (uint32_t i = from; i <= to; i++) {
		uint64_t end = i < to ? table->starts[i + 1] : behind;

		mixed |= table->classes[i] != table->classes[from];
		named += table->classes[i] != MASQ_CLASS_ALONE ? end - value : 0;
		value = end;
	}
	if (!mixed)
		return table->classes[from];
	return 2 * named < values ? MASQ_CLASS_ALONE : MASQ_CLASS_MIXED;
}

/* @param shift	a value shifted right by this is its page. @return 0, -1: no memory */
static int
pages_init(struct masq_class_table *table, unsigned int shift)
{
	uint32_t stretch = 0;

	if (shift != 0) {
		table->first = calloc(MASQ_CLASS_PAGES + 1, sizeof(*table->first));
		if (table->first == NULL)
			return -1;
		table->first[MASQ_CLASS_PAGES] = table->n_stretches - 1;
	}
	for (uint32_t page = 0; page < MASQ_CLASS_PAGES; page++) {
		uint64_t value = (uint64_t)page << shift, behind = value + (UINT64_C(1) << shift);
		uint32_t from;

		while (stretch + 1 < table->n_stretches && table->starts[stretch + 1] <= value)
			stretch++;
		from = stretch;
		while (stretch + 1 < table->n_stretches && table->starts[stretch + 1] < behind)
			stretch++;
		if (shift != 0)
			table->first[page] = from;
		table->of_page[page] = page_of(table, value, behind, from, stretch);
	}
	return 0;
}

/* ---------------------------------------------------------------- the table */

/* @return 0, -1: no memory */
static int
fill(struct masq_class_table *table, const struct edges *edges, enum masq_class_field field)
{
	if (stretches_init(table, edges, masq_class_last(field)) != 0)
		return -1;
	return pages_init(table, field < MASQ_CLASS_SPORT ? PAGE_BITS : 0);
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
		for (uint32_t page = 0; page < MASQ_CLASS_PAGES; page++)
			table->of_page[page] = MASQ_CLASS_ALONE;
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
	free(table->starts);
	free(table->classes);
	free(table->first);
	free(table);
}

uint64_t
masq_class_table_bytes(const struct masq_class_table *table)
{
	return sizeof(*table) +
			table->n_stretches * (sizeof(*table->starts) + sizeof(*table->classes)) +
			(table->first != NULL ? (MASQ_CLASS_PAGES + 1) * sizeof(*table->first) : 0);
}

uint16_t
masq_class_search(const struct masq_class_table *table, uint32_t address)
{
	const uint32_t *first = &table->first[address >> PAGE_BITS];
	uint32_t at = first[0], n = first[1] - first[0] + 1;

	/* The stretch is one of the n from number at on. */
	while (n > 1) {
		uint32_t half = n / 2;

		at += table->starts[at + half] <= address ? half : 0;
		n -= half;
	}
	return table->classes[at];
}
