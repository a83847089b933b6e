/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The filter in front of the rules, as bit vectors: in each dimension (source, destination,
 *	ports, protocol, interface) the packet's value selects the set of rules that can accept it;
 *	the candidates are the intersection of these sets.
 * Words
 *	dimension	a field of the packet, or one byte of an address
 *	interval	values lo..hi that a rule accepts in a dimension; "!" makes two of one
 *	event		an interval begins or ends at a value
 *	block		neighbouring values that share a set: the rules that accept at least one
 *		of them. With few rules all values of a block are accepted by the same rules; with
 *		many a block contains a few events, so that a dimension has at most about BLOCKS_MAX
 *		blocks
 *	line		one cache line of a set: one bit per rule, 512 rules. A set is a list of
 *		line numbers: neighbouring blocks differ by a few rules, so they share all other
 *		lines, and what is common to a whole dimension stays in the L1 cache
 *	choosy		a rule is choosy in a dimension in which it does not accept every value
 *	home		the dimension in which a rule accepts the smallest part of the values; a rule
 *		that is choosy nowhere is homeless
 *	summary		one bit per word of a set: is it nonzero? A block has two. The intersection
 *		over all dimensions of the first contains the word of every candidate. So does the
 *		union of the second, which covers only the rules at home in their dimension, with the
 *		words of the homeless rules. The latter is small even if every second rule accepts
 *		everything in some dimension
 * Why it may name too many
 *	Blocks mix neighbouring values, and a mask with holes (255.0.0.255) is not an interval.
 *	The reader tests each candidate in full, so the filter only has to be complete. Rules with
 *	such masks are told apart by single address bytes, for which any mask is exact; those eight
 *	dimensions exist only if rules use such masks. Dimensions that no rule looks at are left out.
 * How sets are made
 *	Events are sorted by value and swept once with the set of rules that accept the value reached.
 *	A block begins with that set and gets each rule that begins inside it; only lines touched by
 *	events are new. This takes events * log(events) of time and one line per event of memory, even
 *	if ranges overlap without end.
 * Data and who owns it
 *	struct masq_index owns everything. It knows nothing of chains: all rules of all chains are one
 *	sequence, so entering a chain costs no second lookup.
 * Threads
 *	Control thread builds and frees; workers read (masq_index_scan.c).
 */

#include "masq_index.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "masq_index_priv.h"
#include "masq_rules_priv.h"

#define BLOCKS_MAX 8192 /* per dimension, about */
#define BLOCKS_MIN 64 /* however many rules there are */
#define BLOCKS_BYTES (4u << 20) /* per dimension, lines not included */

#define NO_HOME UINT8_MAX

#define LINE_WORDS MASQ_INDEX_LINE
#define LINE_BYTES (LINE_WORDS * sizeof(uint64_t))

/* clang-format off */
static const struct masq_index_kind kinds[MASQ_INDEX_DIMS] = {
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

/* Events of one dimension: value << 32 | rule << 1 | 1 if the interval begins. */
struct events {
	uint64_t *list;
	size_t n;
	size_t capacity;
};

#define EVENT(value, rule, begins) ((uint64_t)(value) << 32 | (uint64_t)(rule) << 1 | (begins))
#define EVENT_VALUE(event) ((uint32_t)((event) >> 32))
#define EVENT_RULE(event) ((uint32_t)(event) >> 1)
#define EVENT_BEGINS(event) (((event)&1) != 0)

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
 * @return number of choosy rules, or -1: no memory
 */
static int64_t
events_collect(struct events *events, const struct masq_rule *rules, uint32_t n_rules,
		const struct masq_index_kind *kind)
{
	struct masq_interval list[MASQ_INTERVALS_MAX];
	int64_t n_choosy = 0;

	events->n = 0;
	for (uint32_t r = 0; r < n_rules; r++) {
		uint32_t n = masq_index_intervals(list, &rules[r], kind);

		if (n == 0 || list[0].lo != 0 || list[0].hi != kind->mask)
			n_choosy += rules[r].ports != 0;
		if (!events_reserve(events, 2 * (size_t)n))
			return -1;
		for (uint32_t i = 0; i < n; i++) {
			events->list[events->n++] = EVENT(list[i].lo, r, 1);
			if (list[i].hi != kind->mask)
				events->list[events->n++] = EVENT(list[i].hi + 1, r, 0);
		}
	}
	if (events->n > 0)
		qsort(events->list, events->n, sizeof(*events->list), event_compare);
	return n_choosy;
}

/* @return index behind the last event that has the value of the one at @p i */
static size_t
same_value_end(const struct events *events, size_t i)
{
	uint32_t value = EVENT_VALUE(events->list[i]);

	while (i < events->n && EVENT_VALUE(events->list[i]) == value)
		i++;
	return i;
}

/* ---------------------------------------------------------------- blocks */

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

/* Bytes per block, lines not included. */
static size_t
set_bytes(const struct masq_index *index)
{
	return index->n_lines * sizeof(uint32_t) + 2 * index->n_groups * sizeof(uint64_t);
}

static size_t
blocks_wanted(const struct masq_index *index)
{
	size_t blocks = RTE_MAX(BLOCKS_BYTES / set_bytes(index), (size_t)BLOCKS_MIN);

	return RTE_MIN(blocks, (size_t)BLOCKS_MAX);
}

/* Rules that accept every value begin at 0 and cause no cut. */
static size_t
events_behind_0(const struct events *events)
{
	return events->n > 0 && EVENT_VALUE(events->list[0]) == 0
			? events->n - same_value_end(events, 0)
			: events->n;
}

/* Starts of a dimension, padded to a power of two. @return 0, -1: no memory */
static int
starts_init(struct masq_index *index, struct masq_index_dim *dim, const struct events *events)
{
	uint32_t *cut = malloc((events->n + 1) * sizeof(*cut));

	if (cut == NULL)
		return -1;
	dim->n_blocks = blocks_cut(events, events_behind_0(events) / blocks_wanted(index), cut);
	dim->n_starts = rte_align32pow2(dim->n_blocks);
	dim->starts = malloc(dim->n_starts * sizeof(*dim->starts));
	if (dim->starts != NULL) {
		memset(dim->starts, 0xff, dim->n_starts * sizeof(*dim->starts));
		memcpy(dim->starts, cut, dim->n_blocks * sizeof(*dim->starts));
		index->bytes += dim->n_starts * sizeof(*dim->starts);
	}
	free(cut);
	return dim->starts == NULL ? -1 : 0;
}

/* ---------------------------------------------------------------- sets */

/* State of the walk over the values of a dimension. */
struct sweep {
	const struct masq_index *index;
	const uint64_t *at_home; /* set of rules at home in this dimension */
	uint64_t *holds; /* set of rules that accept the value reached */
	uint64_t *block; /* set of rules that accept some value of the block */
	uint32_t *lines; /* line numbers of the last block made */
	uint32_t *home; /* line numbers of the first block, to which most lines return */
	uint8_t *touched; /* by line: TOUCHED_* */
	uint64_t *pool; /* lines made */
	uint32_t n_pool, pool_capacity;
};

#define TOUCHED_NOW 1 /* may differ from the last block */
#define TOUCHED_INSIDE 2 /* holds[] may differ from block[] at the block's end */

static uint64_t *
aligned_zeroes(size_t words)
{
	size_t size = (words * sizeof(uint64_t) + 63) / 64 * 64;
	uint64_t *memory = aligned_alloc(64, size);

	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}

static int
pool_resize(struct sweep *s, uint32_t capacity)
{
	uint64_t *pool = aligned_alloc(64, capacity * LINE_BYTES);

	if (pool == NULL)
		return -1;
	if (s->n_pool > 0)
		memcpy(pool, s->pool, s->n_pool * LINE_BYTES);
	free(s->pool);
	s->pool = pool;
	s->pool_capacity = capacity;
	return 0;
}

/* @return number of a new line, UINT32_MAX: no memory */
static uint32_t
pool_add(struct sweep *s, const uint64_t *line)
{
	if (s->n_pool == s->pool_capacity && pool_resize(s, 2 * s->pool_capacity + 64) != 0)
		return UINT32_MAX;
	memcpy(s->pool + (size_t)s->n_pool * LINE_WORDS, line, LINE_BYTES);
	return s->n_pool++;
}

static bool
pool_holds(const struct sweep *s, uint32_t number, const uint64_t *line)
{
	return memcmp(s->pool + (size_t)number * LINE_WORDS, line, LINE_BYTES) == 0;
}

static void
sweep_fini(struct sweep *s)
{
	free(s->holds);
	free(s->block);
	free(s->lines);
	free(s->home);
	free(s->touched);
	free(s->pool);
}

static int
sweep_init(struct sweep *s, const struct masq_index *index, const uint64_t *at_home)
{
	memset(s, 0, sizeof(*s));
	s->at_home = at_home;
	s->index = index;
	s->holds = aligned_zeroes(index->n_words);
	s->block = aligned_zeroes(index->n_words);
	s->lines = calloc(index->n_lines, sizeof(*s->lines));
	s->home = calloc(index->n_lines, sizeof(*s->home));
	s->touched = malloc(index->n_lines);
	if (s->holds == NULL || s->block == NULL || s->lines == NULL || s->home == NULL ||
			s->touched == NULL) {
		sweep_fini(s);
		return -1;
	}
	memset(s->touched, TOUCHED_NOW, index->n_lines);
	return 0;
}

/* Events at the value where a block begins; applied before its set is taken. */
static void
sweep_start(struct sweep *s, const uint64_t *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t rule = EVENT_RULE(events[i]);

		if (EVENT_BEGINS(events[i]))
			masq_bit_set(s->holds, rule);
		else
			masq_bit_clear(s->holds, rule);
		s->touched[rule / (64 * LINE_WORDS)] |= TOUCHED_NOW;
	}
	for (uint32_t i = 0; i < s->index->n_lines; i++) {
		if (s->touched[i] != 0)
			memcpy(s->block + i * LINE_WORDS, s->holds + i * LINE_WORDS, LINE_BYTES);
	}
}

/* Events inside a block: a rule that begins here belongs to it, and so does one that ends here. */
static void
sweep_inside(struct sweep *s, const uint64_t *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t rule = EVENT_RULE(events[i]);

		if (EVENT_BEGINS(events[i])) {
			masq_bit_set(s->holds, rule);
			masq_bit_set(s->block, rule);
		} else {
			masq_bit_clear(s->holds, rule);
		}
		s->touched[rule / (64 * LINE_WORDS)] |= TOUCHED_INSIDE;
	}
}

/* Find or make the lines of the block's set. */
static int
sweep_emit(struct sweep *s, bool is_first, uint32_t *lines)
{
	for (uint32_t i = 0; i < s->index->n_lines; i++) {
		const uint64_t *line = s->block + i * LINE_WORDS;

		if (s->touched[i] == 0)
			continue;
		s->touched[i] = (s->touched[i] & TOUCHED_INSIDE) != 0 ? TOUCHED_NOW : 0;
		if (!is_first && pool_holds(s, s->lines[i], line))
			continue;
		if (!is_first && pool_holds(s, s->home[i], line))
			s->lines[i] = s->home[i];
		else
			s->lines[i] = pool_add(s, line);
		if (s->lines[i] == UINT32_MAX)
			return -1;
	}
	if (is_first)
		memcpy(s->home, s->lines, s->index->n_lines * sizeof(*s->home));
	memcpy(lines, s->lines, s->index->n_lines * sizeof(*lines));
	return 0;
}

static void
summarise(const struct sweep *s, const uint32_t *lines, uint64_t *summaries)
{
	for (uint32_t i = 0; i < s->index->n_lines; i++) {
		const uint64_t *line = s->pool + (size_t)lines[i] * LINE_WORDS;
		const uint64_t *at_home = s->at_home + i * LINE_WORDS;

		for (uint32_t w = 0; w < LINE_WORDS; w++) {
			if (line[w] != 0)
				masq_bit_set(summaries, i * LINE_WORDS + w);
			if ((line[w] & at_home[w]) != 0)
				masq_bit_set(summaries + s->index->n_groups, i * LINE_WORDS + w);
		}
	}
}

static int
sweep_blocks(struct sweep *s, struct masq_index_dim *dim, const struct events *events)
{
	size_t i = 0;

	for (uint32_t block = 0; block < dim->n_blocks; block++) {
		uint32_t *lines = dim->lines + (size_t)block * s->index->n_lines;
		size_t end = i;

		if (i < events->n && EVENT_VALUE(events->list[i]) == dim->starts[block])
			end = same_value_end(events, i);
		sweep_start(s, events->list + i, end - i);
		for (i = end; end < events->n; end++) {
			if (block + 1 < dim->n_blocks &&
					EVENT_VALUE(events->list[end]) == dim->starts[block + 1])
				break;
		}
		sweep_inside(s, events->list + i, end - i);
		i = end;
		if (sweep_emit(s, block == 0, lines) != 0)
			return -1;
		summarise(s, lines, dim->summaries + (size_t)block * 2 * s->index->n_groups);
	}
	return 0;
}

/* The last block of a port dimension: rules that do not look at the transport header. */
static int
sweep_without_ports(struct sweep *s, struct masq_index_dim *dim, const struct masq_rule *rules)
{
	uint32_t *lines = dim->lines + (size_t)dim->n_blocks * s->index->n_lines;

	memset(s->block, 0, s->index->n_words * sizeof(*s->block));
	memset(s->touched, TOUCHED_NOW, s->index->n_lines);
	for (uint32_t r = 0; r < s->index->n_rules; r++) {
		if ((rules[r].tests & MASQ_TEST_HEADER) == 0 && rules[r].ports != 0)
			masq_bit_set(s->block, r);
	}
	if (sweep_emit(s, false, lines) != 0)
		return -1;
	summarise(s, lines, dim->summaries + (size_t)dim->n_blocks * 2 * s->index->n_groups);
	return 0;
}

static int
sets_init(struct masq_index *index, struct masq_index_dim *dim, const struct masq_rule *rules,
		const struct events *events, const uint64_t *at_home)
{
	size_t sets = (size_t)dim->n_blocks + dim->is_port;
	struct sweep s;
	int ret;

	dim->lines = malloc(sets * index->n_lines * sizeof(*dim->lines));
	dim->summaries = aligned_zeroes(sets * 2 * index->n_groups);
	if (dim->lines == NULL || dim->summaries == NULL || sweep_init(&s, index, at_home) != 0)
		return -1;
	ret = sweep_blocks(&s, dim, events);
	if (ret == 0 && dim->is_port)
		ret = sweep_without_ports(&s, dim, rules);
	if (ret == 0)
		ret = pool_resize(&s, s.n_pool);
	if (ret == 0) {
		dim->pool = s.pool;
		s.pool = NULL;
		index->bytes += sets * set_bytes(index) + s.n_pool * LINE_BYTES;
	}
	sweep_fini(&s);
	return ret;
}

/* ---------------------------------------------------------------- the index */

static int
dim_init(struct masq_index *index, const struct masq_index_kind *kind,
		const struct masq_rule *rules, const struct events *events, const uint64_t *at_home)
{
	struct masq_index_dim *dim = &index->dims[index->n_dims++];

	dim->field = kind->field;
	dim->shift = kind->shift;
	dim->mask = kind->mask;
	dim->is_port = kind->field == MASQ_FIELD_SPORT || kind->field == MASQ_FIELD_DPORT;
	if (starts_init(index, dim, events) != 0)
		return -1;
	return sets_init(index, dim, rules, events, at_home);
}

/*
 * Homes of all rules: index in kinds[], or NO_HOME. A few protocols and interfaces make up most of the
 * traffic, so a rule that names these is hardly choosy; it gets another home if it can.
 */
static void
homes_find(uint8_t *homes, const struct masq_rule *rules, uint32_t n_rules, const bool *used)
{
	struct masq_interval list[MASQ_INTERVALS_MAX];

	for (uint32_t r = 0; r < n_rules; r++) {
		double smallest = 1;

		homes[r] = NO_HOME;
		for (uint32_t k = 0; k < MASQ_INDEX_DIMS; k++) {
			uint32_t n = used[k] ? masq_index_intervals(list, &rules[r], &kinds[k]) : 0;
			double part = n == 0 ? 1 : 0;

			for (uint32_t i = 0; i < n; i++)
				part += ((double)list[i].hi - list[i].lo + 1) /
						((double)kinds[k].mask + 1);
			if (kinds[k].field == MASQ_FIELD_PROTO || kinds[k].field == MASQ_FIELD_PORT)
				part = (part + 9) / 10;
			if (part < smallest) {
				smallest = part;
				homes[r] = (uint8_t)k;
			}
		}
	}
}

/* The set of rules at home in a dimension. */
static void
home_set(uint64_t *set, const struct masq_index *index, const uint8_t *homes, uint32_t kind)
{
	memset(set, 0, index->n_words * sizeof(*set));
	for (uint32_t r = 0; r < index->n_rules; r++) {
		if (homes[r] == kind)
			masq_bit_set(set, r);
	}
}

static int
dims_fill(struct masq_index *index, const struct masq_rule *rules, struct events *events,
		uint8_t *homes, uint64_t *at_home)
{
	bool used[MASQ_INDEX_DIMS];

	for (uint32_t k = 0; k < MASQ_INDEX_DIMS; k++)
		used[k] = masq_index_kind_is_used(&kinds[k], rules, index->n_rules);
	homes_find(homes, rules, index->n_rules, used);
	for (uint32_t k = 0; k < MASQ_INDEX_DIMS; k++) {
		int64_t n_choosy;

		if (!used[k])
			continue;
		n_choosy = events_collect(events, rules, index->n_rules, &kinds[k]);
		if (n_choosy < 0)
			return -1;
		if (n_choosy == 0)
			continue;
		home_set(at_home, index, homes, k);
		if (dim_init(index, &kinds[k], rules, events, at_home) != 0)
			return -1;
	}
	for (uint32_t r = 0; r < index->n_rules; r++) {
		if (homes[r] == NO_HOME)
			masq_bit_set(index->homeless, r / 64);
	}
	return 0;
}

static int
dims_init(struct masq_index *index, const struct masq_rule *rules)
{
	struct events events = { .list = NULL };
	uint64_t *at_home = aligned_zeroes(index->n_words);
	uint8_t *homes = malloc(index->n_rules);
	int ret = -1;

	if (at_home != NULL && homes != NULL)
		ret = dims_fill(index, rules, &events, homes, at_home);
	free(events.list);
	free(at_home);
	free(homes);
	return ret;
}

/* Two sets apart from the dimensions, each in its own lines: 0, 1, 2, ... */
static int
syn_init(struct masq_index *index, const struct masq_rule *rules)
{
	index->every_line = malloc(index->n_lines * sizeof(*index->every_line));
	index->homeless = aligned_zeroes(index->n_groups);
	for (uint32_t syn = 0; syn < 2; syn++)
		index->syn_fits[syn] = aligned_zeroes(index->n_words);
	if (index->every_line == NULL || index->homeless == NULL || index->syn_fits[0] == NULL ||
			index->syn_fits[1] == NULL)
		return -1;
	for (uint32_t i = 0; i < index->n_lines; i++)
		index->every_line[i] = i;
	for (uint32_t r = 0; r < index->n_rules; r++) {
		for (uint32_t syn = 0; syn < 2; syn++) {
			if ((rules[r].tests & MASQ_TEST_SYN) == 0 || rules[r].wants_syn == syn)
				masq_bit_set(index->syn_fits[syn], r);
		}
	}
	index->bytes += index->n_lines * sizeof(*index->every_line) +
			(index->n_groups + 2 * (uint64_t)index->n_words) * sizeof(uint64_t);
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
	index->n_lines = (n_rules + 64 * LINE_WORDS - 1) / (64 * LINE_WORDS);
	index->n_words = index->n_lines * LINE_WORDS;
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
		free(index->dims[i].lines);
		free(index->dims[i].summaries);
		free(index->dims[i].pool);
	}
	free(index->syn_fits[0]);
	free(index->syn_fits[1]);
	free(index->every_line);
	free(index->homeless);
	free(index);
}
