/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The filter in front of the rules, as bit vectors: in each dimension (source, destination,
 *	ports, protocol, interface) the packet's value picks the set of rules that can accept it,
 *	and the intersection of these sets are the candidates.
 * Words
 *	dimension	a field of the packet, or one byte of an address
 *	interval	values lo..hi that a rule accepts in a dimension; "!" makes it two
 *	event		an interval begins or ends at a value
 *	block		neighbouring values that share a vector: the rules that accept at least
 *		one of them. With few rules a block has one set of rules exactly; with many, a
 *		block takes in some events, so that there are at most about BLOCKS_TARGET of them
 *		and memory grows with the rules, not with their square
 *	vector, line	one bit a rule; a line is a cache line of it, 512 rules
 *	summary		one bit a word of a vector: is it not zero? Intersecting summaries first
 *		spares most lines when the sets are small
 * Why it may name too many
 *	Blocks mix neighbouring values, and a mask with holes (255.0.0.255) is not an interval.
 *	The reader looks at each candidate in full, so the filter only has to be complete. Rules
 *	with such masks are told apart by single address bytes: there any mask is exact. Those
 *	eight dimensions exist only where rules use such masks. Dimensions that no rule looks at
 *	are left out.
 * How vectors are made
 *	Events are sorted by value and swept once with the set of rules that hold there. A block
 *	begins as a copy of that set and gets each rule that begins inside. So building costs
 *	events * log(events) + blocks * words, also when ranges overlap without end.
 * Data and who owns it
 *	struct masq_index owns everything; it knows nothing of chains: all rules of all chains are
 *	one sequence, so entering a chain costs no second lookup.
 * Threads
 *	Control thread builds and frees; workers read.
 */

#include "masq_index.h"

#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "masq_rules_priv.h"

#define BLOCKS_TARGET 512 /* of a dimension */
#define BLOCKS_MIN 16 /* however many rules there are */
#define DIM_BYTES (8u << 20) /* vectors of a dimension, about */
#define HOLED_RULES_MIN 16 /* masks with holes that earn a byte dimension */
#define INTERVALS_MAX 128 /* of one rule in one dimension: every second value of a byte */

/* 16 bytes at once, on any x86-64 without asking for a newer one */
typedef uint64_t word_pair __attribute__((vector_size(16)));

struct interval {
	uint32_t lo, hi;
};

struct dim_kind {
	enum masq_index_field field;
	uint8_t shift;
	uint32_t mask; /* also the greatest value */
	bool is_byte;
};

/* clang-format off */
static const struct dim_kind kinds[MASQ_INDEX_DIMS] = {
	{ MASQ_FIELD_SRC,    0, UINT32_MAX, false },
	{ MASQ_FIELD_DST,    0, UINT32_MAX, false },
	{ MASQ_FIELD_SPORT,  0, UINT16_MAX, false },
	{ MASQ_FIELD_DPORT,  0, UINT16_MAX, false },
	{ MASQ_FIELD_PROTO,  0, UINT8_MAX,  false },
	{ MASQ_FIELD_PORT,   0, 63,         false },
	{ MASQ_FIELD_SRC,   24, UINT8_MAX,  true },
	{ MASQ_FIELD_SRC,   16, UINT8_MAX,  true },
	{ MASQ_FIELD_SRC,    8, UINT8_MAX,  true },
	{ MASQ_FIELD_SRC,    0, UINT8_MAX,  true },
	{ MASQ_FIELD_DST,   24, UINT8_MAX,  true },
	{ MASQ_FIELD_DST,   16, UINT8_MAX,  true },
	{ MASQ_FIELD_DST,    8, UINT8_MAX,  true },
	{ MASQ_FIELD_DST,    0, UINT8_MAX,  true },
};

/* clang-format on */

/* Events of one dimension: value << 32 | rule << 1 | 1 if the rule begins to hold. */
struct events {
	uint64_t *list;
	size_t n;
	size_t capacity;
};

#define EVENT(value, rule, begins) ((uint64_t)(value) << 32 | (uint64_t)(rule) << 1 | (begins))
#define EVENT_VALUE(event) ((uint32_t)((event) >> 32))
#define EVENT_RULE(event) ((uint32_t)(event) >> 1)
#define EVENT_BEGINS(event) (((event)&1) != 0)

static bool
mask_has_holes(uint32_t mask)
{
	return (~mask & (~mask + 1)) != 0;
}

static inline void
set_bit(uint64_t *vector, uint32_t bit)
{
	vector[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void
clear_bit(uint64_t *vector, uint32_t bit)
{
	vector[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* ---------------------------------------------------------------- what a rule accepts */

static uint32_t
whole(struct interval *list, uint32_t max)
{
	list[0] = (struct interval){ 0, max };
	return 1;
}

/* lo..hi, or everything but it. */
static uint32_t
one_range(struct interval *list, uint32_t lo, uint32_t hi, uint32_t max, bool negated)
{
	uint32_t n = 0;

	if (!negated) {
		list[0] = (struct interval){ lo, hi };
		return 1;
	}
	if (lo > 0)
		list[n++] = (struct interval){ 0, lo - 1 };
	if (hi < max)
		list[n++] = (struct interval){ hi + 1, max };
	return n;
}

/* The values 0..max for which a bit of @p set (4 words) is set. */
static uint32_t
from_set(struct interval *list, const uint64_t *set, uint32_t max)
{
	uint32_t n = 0;
	bool inside = false;

	for (uint32_t value = 0; value <= max; value++) {
		bool is_set = (set[value / 64] >> (value % 64) & 1) != 0;

		if (is_set && !inside)
			list[n++].lo = value;
		if (is_set)
			list[n - 1].hi = value;
		inside = is_set;
	}
	return n;
}

static uint32_t
address_intervals(struct interval *list, uint32_t addr, uint32_t mask, bool negated)
{
	if (mask_has_holes(mask)) {
		if (negated)
			return whole(list, UINT32_MAX);
		/* the leading ones are a prefix around all that the mask accepts */
		mask = ~(UINT32_MAX >> __builtin_clz(~mask));
		addr &= mask;
	}
	return one_range(list, addr, addr | ~mask, UINT32_MAX, negated);
}

/* One byte decides nothing alone when the address is negated. */
static uint32_t
byte_intervals(struct interval *list, uint8_t addr, uint8_t mask, bool negated)
{
	uint64_t set[4] = { 0 };

	if (negated)
		return whole(list, UINT8_MAX);
	for (uint32_t value = 0; value <= UINT8_MAX; value++) {
		if ((value & mask) == addr)
			set_bit(set, value);
	}
	return from_set(list, set, UINT8_MAX);
}

/* @return number of intervals, ascending, neither touching nor overlapping */
static uint32_t
rule_intervals(struct interval *list, const struct masq_rule *rule, const struct dim_kind *kind)
{
	bool is_src = kind->field == MASQ_FIELD_SRC;
	uint32_t addr = is_src ? rule->src : rule->dst;
	uint32_t mask = is_src ? rule->src_mask : rule->dst_mask;
	bool not_addr = (rule->tests & (is_src ? MASQ_TEST_NOT_SRC : MASQ_TEST_NOT_DST)) != 0;
	uint64_t ports[4] = { rule->ports };

	if (rule->ports == 0)
		return 0;
	if (kind->is_byte)
		return byte_intervals(list, (uint8_t)(addr >> kind->shift),
				(uint8_t)(mask >> kind->shift), not_addr);
	switch (kind->field) {
	case MASQ_FIELD_SRC:
	case MASQ_FIELD_DST:
		return address_intervals(list, addr, mask, not_addr);
	case MASQ_FIELD_SPORT:
		return one_range(list, rule->sport_lo, rule->sport_lo + rule->sport_span,
				UINT16_MAX, (rule->tests & MASQ_TEST_NOT_SPORT) != 0);
	case MASQ_FIELD_DPORT:
		return one_range(list, rule->dport_lo, rule->dport_lo + rule->dport_span,
				UINT16_MAX, (rule->tests & MASQ_TEST_NOT_DPORT) != 0);
	case MASQ_FIELD_PROTO:
		if ((rule->tests & MASQ_TEST_PROTO) == 0)
			return whole(list, UINT8_MAX);
		return one_range(list, rule->proto, rule->proto, UINT8_MAX,
				(rule->tests & MASQ_TEST_NOT_PROTO) != 0);
	case MASQ_FIELD_PORT:
		return from_set(list, ports, 63);
	case MASQ_FIELDS:
		break;
	}
	return whole(list, UINT32_MAX);
}

/* ---------------------------------------------------------------- events */

static int
event_compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static bool
events_reserve(struct events *events, size_t more)
{
	size_t capacity = events->capacity;
	uint64_t *list;

	if (events->n + more <= capacity)
		return true;
	while (capacity < events->n + more)
		capacity = capacity * 2 + 1024;
	list = realloc(events->list, capacity * sizeof(*list));
	if (list == NULL)
		return false;
	events->list = list;
	events->capacity = capacity;
	return true;
}

/*
 * Collect and sort the events of a dimension.
 * @return rules that do not accept every value, or -1: no memory
 */
static int64_t
events_collect(struct events *events, const struct masq_rule *rules, uint32_t n_rules,
		const struct dim_kind *kind)
{
	struct interval list[INTERVALS_MAX];
	int64_t choosy = 0;

	events->n = 0;
	for (uint32_t r = 0; r < n_rules; r++) {
		uint32_t n = rule_intervals(list, &rules[r], kind);

		if (n == 0 || list[0].lo != 0 || list[0].hi != kind->mask)
			choosy += rules[r].ports != 0;
		if (!events_reserve(events, 2 * (size_t)n))
			return -1;
		for (uint32_t i = 0; i < n; i++) {
			events->list[events->n++] = EVENT(list[i].lo, r, 1);
			if (list[i].hi != kind->mask)
				events->list[events->n++] = EVENT(list[i].hi + 1, r, 0);
		}
	}
	if (choosy > 0)
		qsort(events->list, events->n, sizeof(*events->list), event_compare);
	return choosy;
}

/* @return index behind the events that share the value of the one at @p i */
static size_t
same_value_end(const struct events *events, size_t i)
{
	uint32_t value = EVENT_VALUE(events->list[i]);

	while (i < events->n && EVENT_VALUE(events->list[i]) == value)
		i++;
	return i;
}

/* ---------------------------------------------------------------- blocks and vectors */

/* Cut the values into blocks: starts[] gets the first value of each. @return their number */
static uint32_t
blocks_cut(const struct events *events, size_t events_a_block, uint32_t *starts)
{
	size_t inside = 0;
	uint32_t n = 0;

	starts[n++] = 0;
	for (size_t i = 0, end; i < events->n; i = end) {
		end = same_value_end(events, i);
		if (EVENT_VALUE(events->list[i]) == 0)
			continue;
		inside += end - i;
		if (inside > events_a_block) {
			starts[n++] = EVENT_VALUE(events->list[i]);
			inside = 0;
		}
	}
	return n;
}

static uint64_t *
aligned_zeroes(size_t words, uint64_t *bytes)
{
	size_t size = (words * sizeof(uint64_t) + 63) / 64 * 64;
	uint64_t *memory = aligned_alloc(64, size);

	if (memory != NULL) {
		memset(memory, 0, size);
		*bytes += size;
	}
	return memory;
}

static void
summarise(const struct masq_index *index, const uint64_t *vector, uint64_t *summary)
{
	for (uint32_t w = 0; w < index->n_words; w++) {
		if (vector[w] != 0)
			set_bit(summary, w);
	}
}

static void
vectors_sweep(const struct masq_index *index, struct masq_index_dim *dim,
		const struct events *events, uint64_t *holds)
{
	uint64_t *vector = NULL;
	uint32_t block = 0;
	size_t i = 0;

	memset(holds, 0, index->n_words * sizeof(*holds));
	while (block < dim->n_blocks) {
		bool at_start = i < events->n && EVENT_VALUE(events->list[i]) == dim->starts[block];

		for (size_t end = at_start ? same_value_end(events, i) : i; i < end; i++) {
			if (EVENT_BEGINS(events->list[i]))
				set_bit(holds, EVENT_RULE(events->list[i]));
			else
				clear_bit(holds, EVENT_RULE(events->list[i]));
		}
		vector = dim->vectors + (size_t)block * index->n_words;
		memcpy(vector, holds, index->n_words * sizeof(*holds));
		block++;
		for (; i < events->n; i++) {
			uint64_t event = events->list[i];

			if (block < dim->n_blocks && EVENT_VALUE(event) == dim->starts[block])
				break;
			if (EVENT_BEGINS(event)) {
				set_bit(holds, EVENT_RULE(event));
				set_bit(vector, EVENT_RULE(event));
			} else {
				clear_bit(holds, EVENT_RULE(event));
			}
		}
	}
}

/* The block of packets without ports: rules that do not look at the transport header. */
static void
vector_without_ports(uint64_t *vector, const struct masq_rule *rules, uint32_t n_rules)
{
	for (uint32_t r = 0; r < n_rules; r++) {
		if ((rules[r].tests & MASQ_TEST_HEADER) == 0 && rules[r].ports != 0)
			set_bit(vector, r);
	}
}

/* @return starts of a dimension, padded to a power of two; NULL: no memory */
static uint32_t *
starts_create(struct masq_index_dim *dim, const struct events *events, size_t events_a_block,
		uint64_t *bytes)
{
	uint32_t *cut = malloc((events->n + 1) * sizeof(*cut));
	uint32_t *starts = NULL;

	if (cut == NULL)
		return NULL;
	dim->n_blocks = blocks_cut(events, events_a_block, cut);
	dim->n_starts = rte_align32pow2(dim->n_blocks);
	starts = malloc(dim->n_starts * sizeof(*starts));
	if (starts != NULL) {
		memset(starts, 0xff, dim->n_starts * sizeof(*starts));
		memcpy(starts, cut, dim->n_blocks * sizeof(*starts));
		*bytes += dim->n_starts * sizeof(*starts);
	}
	free(cut);
	return starts;
}

static int
dim_init(struct masq_index *index, struct masq_index_dim *dim, const struct dim_kind *kind,
		const struct masq_rule *rules, const struct events *events, uint64_t *holds)
{
	size_t vector_bytes = index->n_words * sizeof(uint64_t);
	size_t blocks = RTE_MIN(RTE_MAX(DIM_BYTES / vector_bytes, (size_t)BLOCKS_MIN),
			(size_t)BLOCKS_TARGET);
	size_t sets;

	dim->field = kind->field;
	dim->shift = kind->shift;
	dim->mask = kind->mask;
	dim->is_port = kind->field == MASQ_FIELD_SPORT || kind->field == MASQ_FIELD_DPORT;
	dim->starts = starts_create(dim, events, events->n / blocks, &index->bytes);
	if (dim->starts == NULL)
		return -1;
	sets = (size_t)dim->n_blocks + dim->is_port;
	dim->vectors = aligned_zeroes(sets * index->n_words, &index->bytes);
	dim->summaries = aligned_zeroes(sets * index->n_groups, &index->bytes);
	if (dim->vectors == NULL || dim->summaries == NULL)
		return -1;
	vectors_sweep(index, dim, events, holds);
	if (dim->is_port)
		vector_without_ports(dim->vectors + (size_t)dim->n_blocks * index->n_words, rules,
				index->n_rules);
	for (size_t i = 0; i < sets; i++)
		summarise(index, dim->vectors + i * index->n_words,
				dim->summaries + i * index->n_groups);
	return 0;
}

/* Is a byte of an address worth a dimension: do enough masks with holes look at it? */
static bool
byte_is_used(const struct dim_kind *kind, const struct masq_rule *rules, uint32_t n_rules)
{
	uint32_t n = 0;

	for (uint32_t r = 0; r < n_rules && n < HOLED_RULES_MIN; r++) {
		uint32_t mask = kind->field == MASQ_FIELD_SRC ? rules[r].src_mask
							      : rules[r].dst_mask;

		n += mask_has_holes(mask) && (mask >> kind->shift & UINT8_MAX) != 0;
	}
	return n == HOLED_RULES_MIN;
}

static int
dims_init(struct masq_index *index, const struct masq_rule *rules)
{
	struct events events = { .list = NULL };
	uint64_t scratch_bytes = 0;
	uint64_t *holds = aligned_zeroes(index->n_words, &scratch_bytes);
	int ret = holds == NULL ? -1 : 0;

	for (uint32_t k = 0; k < MASQ_INDEX_DIMS && ret == 0; k++) {
		int64_t choosy;

		if (kinds[k].is_byte && !byte_is_used(&kinds[k], rules, index->n_rules))
			continue;
		choosy = events_collect(&events, rules, index->n_rules, &kinds[k]);
		if (choosy < 0)
			ret = -1;
		else if (choosy > 0)
			ret = dim_init(index, &index->dims[index->n_dims++], &kinds[k], rules,
					&events, holds);
	}
	free(events.list);
	free(holds);
	return ret;
}

static int
syn_init(struct masq_index *index, const struct masq_rule *rules)
{
	uint64_t *groups = aligned_zeroes(index->n_groups, &index->bytes);

	index->all_groups = groups;
	for (uint32_t syn = 0; syn < 2; syn++)
		index->syn_fits[syn] = aligned_zeroes(index->n_words, &index->bytes);
	if (groups == NULL || index->syn_fits[0] == NULL || index->syn_fits[1] == NULL)
		return -1;
	memset(groups, 0xff, index->n_groups * sizeof(*groups));
	for (uint32_t r = 0; r < index->n_rules; r++) {
		for (uint32_t syn = 0; syn < 2; syn++) {
			if ((rules[r].tests & MASQ_TEST_SYN) == 0 || rules[r].wants_syn == syn)
				set_bit(index->syn_fits[syn], r);
		}
	}
	return 0;
}

struct masq_index *
masq_index_create(const struct masq_rule *rules, uint32_t n_rules)
{
	struct masq_index *index = calloc(1, sizeof(*index));

	if (index == NULL)
		return NULL;
	index->bytes = sizeof(*index);
	index->n_rules = n_rules;
	index->n_words = (n_rules + 63) / 64;
	if (index->n_words > 1)
		index->n_words = RTE_ALIGN_CEIL(index->n_words, MASQ_INDEX_LINE);
	index->n_groups = (index->n_words + 63) / 64;
	if (syn_init(index, rules) != 0 || dims_init(index, rules) != 0) {
		masq_index_destroy(index);
		return NULL;
	}
	return index;
}

void
masq_index_destroy(struct masq_index *index)
{
	if (index == NULL)
		return;
	for (uint32_t i = 0; i < index->n_dims; i++) {
		free(index->dims[i].starts);
		free(index->dims[i].vectors);
		free(index->dims[i].summaries);
	}
	free(index->syn_fits[0]);
	free(index->syn_fits[1]);
	free(index->all_groups);
	free(index);
}

/* ---------------------------------------------------------------- looking */

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

void
masq_index_scan_init(struct masq_index_scan *scan, const struct masq_index *index,
		const struct masq_rules_input *input, uint32_t port)
{
	const uint32_t fields[MASQ_FIELDS] = { input->src, input->dst, input->sport, input->dport,
		input->proto, port };

	for (uint32_t i = 0; i < index->n_dims; i++) {
		const struct masq_index_dim *dim = &index->dims[i];
		size_t block = dim->n_blocks;

		if (likely(!dim->is_port || input->has_ports))
			block = block_find(dim, fields[dim->field] >> dim->shift & dim->mask);
		scan->vector[i] = dim->vectors + block * index->n_words;
		scan->summary[i] = dim->summaries + block * index->n_groups;
	}
	scan->n = index->n_dims;
	if (unlikely(scan->n == 0)) { /* no rule looks at anything: all are candidates */
		scan->vector[0] = index->syn_fits[0];
		scan->summary[0] = index->all_groups;
	}
}

void
masq_index_scan_syn(struct masq_index_scan *scan, const struct masq_index *index, bool syn)
{
	scan->vector[scan->n] = index->syn_fits[syn];
	scan->summary[scan->n] = index->all_groups;
	scan->n++;
}

static inline uint64_t
and_words(const uint64_t *const *vector, uint32_t n, uint32_t word)
{
	uint64_t bits = UINT64_MAX;

	for (uint32_t i = 0; i < n; i++)
		bits &= vector[i][word];
	return bits;
}

/* @return which words of the line that begins at @p word are not zero, as 8 bits */
static inline uint32_t
and_line(const struct masq_index_scan *scan, uint32_t word)
{
	const word_pair ones = { UINT64_MAX, UINT64_MAX };
	word_pair sum[4] = { ones, ones, ones, ones };
	word_pair any;
	uint32_t live = 0;

	for (uint32_t i = 0; i < scan->n; i++) {
		const word_pair *line = (const word_pair *)(const void *)(scan->vector[i] + word);

		for (uint32_t k = 0; k < 4; k++)
			sum[k] &= line[k];
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

/* @return first word from @p word to @p last that has a candidate, or last + 1 */
static uint32_t
next_word(const struct masq_index_scan *scan, uint32_t word, uint32_t last)
{
	uint64_t from = UINT64_MAX << (word % 64);

	for (uint32_t group = word / 64; group <= last / 64; group++) {
		uint64_t live = and_words(scan->summary, scan->n, group) & from;

		while (live != 0) {
			uint32_t line = (uint32_t)__builtin_ctzll(live) / MASQ_INDEX_LINE;
			uint32_t begin = line * MASQ_INDEX_LINE;
			uint64_t found = and_line(scan, group * 64 + begin);

			found = found << begin & live;
			if (found != 0)
				return RTE_MIN(group * 64 + (uint32_t)__builtin_ctzll(found),
						last + 1);
			if (group * 64 + begin + MASQ_INDEX_LINE > last)
				return last + 1;
			live &= ~(UINT64_C(0xff) << begin);
		}
		from = UINT64_MAX;
	}
	return last + 1;
}

uint32_t
masq_index_scan_next(const struct masq_index_scan *scan, uint32_t from, uint32_t end)
{
	uint32_t word = from / 64, last = (end - 1) / 64;
	uint64_t bits = and_words(scan->vector, scan->n, word) & UINT64_MAX << (from % 64);

	if (bits == 0 && word < last) {
		word = next_word(scan, word + 1, last);
		if (word <= last)
			bits = and_words(scan->vector, scan->n, word);
	}
	if (bits == 0)
		return end;
	return RTE_MIN(word * 64 + (uint32_t)__builtin_ctzll(bits), end);
}
