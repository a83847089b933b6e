/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The reader's side of the index (masq_index.c defines the words): find the packet's block in
 *	each dimension, then intersect the sets of these blocks lazily, from the rule at which the
 *	walk is to the next one that is in all of them.
 * How
 *	First the word of the current rule, because matching rules tend to be neighbours. Then the
 *	summaries say which words can have a candidate, and a whole line of every dimension is
 *	intersected at once (16 bytes per instruction, which every x86-64 has).
 * Data and who owns it
 *	struct masq_index_scan is the caller's, on its stack, and points into the index.
 * Threads
 *	Any worker; only the scan is written.
 */

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "masq_index.h"

/* 16 bytes at once, with the instructions of any x86-64 */
typedef uint64_t word_pair __attribute__((vector_size(16)));

/* Binary search without branches: the block whose start is the last not above the value. */
static uint32_t
block_find(const struct masq_index_dim *dim, uint32_t value)
{
	const uint32_t *starts = dim->starts;
	uint32_t at = 0;

	for (uint32_t half = dim->n_starts / 2; half > 0; half /= 2)
		at += starts[at + half] <= value ? half : 0;
	return RTE_MIN(at, dim->n_blocks - 1); /* 255.255.255.255 reaches into the padding */
}

static void
scan_add(struct masq_index_scan *scan, const uint64_t *pool, const uint32_t *lines)
{
	scan->pool[scan->n] = pool;
	scan->lines[scan->n] = lines;
	scan->n++;
}

void
masq_index_scan_init(struct masq_index_scan *scan, const struct masq_index *index,
		const struct masq_rules_input *input, uint32_t port)
{
	const uint32_t fields[MASQ_FIELDS] = { input->src, input->dst, input->sport, input->dport,
		input->proto, port };

	scan->index = index;
	scan->n_dims = index->n_dims;
	scan->n = 0;
	for (uint32_t i = 0; i < index->n_dims; i++) {
		const struct masq_index_dim *dim = &index->dims[i];
		size_t block = dim->n_blocks;

		if (likely(!dim->is_port || input->has_ports))
			block = block_find(dim, fields[dim->field] >> dim->shift & dim->mask);
		scan->summary[i] = dim->summaries + block * 2 * index->n_groups;
		scan_add(scan, dim->pool, dim->lines + block * index->n_lines);
	}
}

void
masq_index_scan_syn(struct masq_index_scan *scan, const struct masq_index *index, bool syn)
{
	scan_add(scan, index->syn_fits[syn], index->every_line);
}

/* Intersection of all sets in one word. Without any dimension every rule is a candidate. */
static inline uint64_t
and_sets(const struct masq_index_scan *scan, uint32_t word)
{
	uint32_t line = word / MASQ_INDEX_LINE, at = word % MASQ_INDEX_LINE;
	uint64_t bits = UINT64_MAX;

	for (uint32_t i = 0; i < scan->n; i++)
		bits &= scan->pool[i][(size_t)scan->lines[i][line] * MASQ_INDEX_LINE + at];
	return bits;
}

/* The words of a group that can have a candidate, see "summary" in masq_index.c. */
static inline uint64_t
and_summaries(const struct masq_index_scan *scan, uint32_t group)
{
	uint64_t all = UINT64_MAX, home = scan->index->homeless[group];

	for (uint32_t i = 0; i < scan->n_dims; i++) {
		all &= scan->summary[i][group];
		home |= scan->summary[i][scan->index->n_groups + group];
	}
	return all & home;
}

/* @return which words of a line are nonzero in the intersection, as 8 bits */
static inline uint32_t
and_lines(const struct masq_index_scan *scan, uint32_t line)
{
	const word_pair ones = { UINT64_MAX, UINT64_MAX };
	word_pair sum[4] = { ones, ones, ones, ones };
	word_pair any;
	uint32_t live = 0;

	for (uint32_t i = 0; i < scan->n; i++) {
		const uint64_t *words = scan->pool[i] +
				(size_t)scan->lines[i][line] * MASQ_INDEX_LINE;
		const word_pair *pairs = (const word_pair *)(const void *)words;

		for (uint32_t k = 0; k < 4; k++)
			sum[k] &= pairs[k];
	}
	any = (sum[0] | sum[1]) | (sum[2] | sum[3]);
	if ((any[0] | any[1]) == 0)
		return 0;
	for (uint32_t k = 0; k < 4; k++) {
		live |= (uint32_t)(sum[k][0] != 0) << (2 * k);
		live |= (uint32_t)(sum[k][1] != 0) << (2 * k + 1);
	}
	return live;
}

/* @return first word in @p word .. @p last that has a candidate, or last + 1 */
static uint32_t
next_word(const struct masq_index_scan *scan, uint32_t word, uint32_t last)
{
	uint64_t from = UINT64_MAX << (word % 64);

	for (uint32_t group = word / 64; group <= last / 64; group++) {
		uint64_t live = and_summaries(scan, group) & from;

		while (live != 0) {
			uint32_t shift = (uint32_t)__builtin_ctzll(live) / MASQ_INDEX_LINE *
					MASQ_INDEX_LINE;
			uint32_t begin = group * 64 + shift;
			uint64_t found;

			if (begin > last)
				return last + 1;
			found = (uint64_t)and_lines(scan, begin / MASQ_INDEX_LINE) << shift & live;
			if (found != 0)
				return group * 64 + (uint32_t)__builtin_ctzll(found);
			live &= ~(UINT64_C(0xff) << shift);
		}
		from = UINT64_MAX;
	}
	return last + 1;
}

uint32_t
masq_index_scan_next(const struct masq_index_scan *scan, uint32_t from, uint32_t end)
{
	uint32_t word = from / 64, last = (end - 1) / 64;
	uint64_t bits = and_sets(scan, word) & UINT64_MAX << (from % 64);

	if (bits == 0 && word < last) {
		word = next_word(scan, word + 1, last);
		if (word <= last)
			bits = and_sets(scan, word);
	}
	if (bits == 0)
		return end;
	return RTE_MIN(word * 64 + (uint32_t)__builtin_ctzll(bits), end);
}
