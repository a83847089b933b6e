/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_INDEX_H
#define MASQ_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_rules.h>

/**
 * @file
 * The filter in front of the rules: which of them can match a packet at all? It may name too many
 * rules, but never too few; masq_classify.c tests each rule that is named in full.
 */

#define MASQ_INDEX_DIMS 14 /* addresses, ports, protocol, interface, and eight address bytes */
#define MASQ_INDEX_LINE 8 /* 64-bit words of a cache line; bit vectors are whole lines */

struct masq_rule;

/* The fields of a packet that dimensions look at. */
enum masq_index_field {
	MASQ_FIELD_SRC,
	MASQ_FIELD_DST,
	MASQ_FIELD_SPORT,
	MASQ_FIELD_DPORT,
	MASQ_FIELD_PROTO,
	MASQ_FIELD_PORT,
	MASQ_FIELDS
};

/*
 * One dimension: the values of a field (or of one byte of it) cut into blocks, and for each block
 * the set of rules that accept at least one value in it.
 */
struct masq_index_dim {
	uint8_t field; /* enum masq_index_field */
	uint8_t shift; /* value = (field >> shift) & mask */
	bool is_port; /* packets without ports have a block of their own, behind the others */
	uint32_t mask;
	uint32_t n_blocks;
	uint32_t n_starts; /* power of two >= n_blocks */
	uint32_t *starts; /* first value of each block, ascending; padded with UINT32_MAX */
	uint32_t *lines; /* [n_blocks + is_port][n_lines]: numbers of lines in the pool */
	uint64_t *summaries; /* [n_blocks + is_port][2][n_groups]: of all rules, of those at home */
	uint64_t *pool; /* lines of MASQ_INDEX_LINE words, aligned */
};

struct masq_index {
	uint32_t n_rules;
	uint32_t n_lines; /* in a set */
	uint32_t n_words; /* in a set: MASQ_INDEX_LINE per line */
	uint32_t n_groups; /* words in a summary */
	uint32_t n_dims;
	struct masq_index_dim dims[MASQ_INDEX_DIMS];
	uint64_t *syn_fits[2]; /* by the packet's syn: set of rules that -y does not exclude */
	uint32_t *every_line; /* 0, 1, 2, ...: the line numbers of a set that shares no lines */
	uint64_t *homeless; /* summary of the rules that are at home in no dimension */
	uint64_t bytes;
};

/** Build the filter of @p n_rules rules, n_rules > 0. @return NULL: no memory */
struct masq_index *masq_index_create(const struct masq_rule *rules, uint32_t n_rules);
void masq_index_destroy(struct masq_index *index);

/** State of one packet's search: one set per dimension. */
struct masq_index_scan {
	const struct masq_index *index;
	uint32_t n_dims; /* sets that have summaries */
	uint32_t n;
	const uint64_t *pool[MASQ_INDEX_DIMS + 1];
	const uint32_t *lines[MASQ_INDEX_DIMS + 1];
	const uint64_t *summary[MASQ_INDEX_DIMS];
};

/** Find the packet's block in each dimension. @p port is at most MASQ_RULES_PORTS_MAX. */
void masq_index_scan_init(struct masq_index_scan *scan, const struct masq_index *index,
		const struct masq_rules_input *input, uint32_t port);

/** From here on leave out rules whose -y does not fit. */
void masq_index_scan_syn(struct masq_index_scan *scan, const struct masq_index *index, bool syn);

/** @return first rule in @p from .. @p end - 1 that can match, or @p end; from < end */
uint32_t masq_index_scan_next(const struct masq_index_scan *scan, uint32_t from, uint32_t end);

#endif /* MASQ_INDEX_H */
