/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	One worker's table of incomplete datagrams.
 * Words
 *	piece		a fragment that is held
 *	waiting		a datagram that still waits for fragments
 *	refused		a datagram that was given up because its fragments overlap, contradict each
 *			other, or are too many or too long; only its key is kept, so that fragments
 *			still on the way are refused, too
 *	source		a source address with waiting datagrams
 * Why not rte_ip_frag
 *	As of 22.11, it holds 8 fragments per datagram (RTE_LIBRTE_IP_FRAG_MAX_FRAG, set when
 *	the library is built; 64 KB over an MTU of 1500 have 45). It adds up lengths and never looks
 *	for overlaps. Its key lacks the protocol. A duplicate fragment may cost the datagram.
 *	It has no limit per source, so a single source can fill the table. What it gives up is put on
 *	a death row without a reason, and every drop here has a name. Its hash is a CRC, for which
 *	collisions are easily constructed.
 * Limits
 *	There are limits on datagrams (waiting and refused), on pieces, and on each source's share of
 *	both. At a limit the oldest waiting datagram is given up, of the source or of all: real
 *	datagrams are complete within milliseconds, so age tells a flood from them; refusing the
 *	newcomer instead would lock everybody out for the whole timeout. If the table is full, refused
 *	ones go first.
 * Data and who owns it
 *	All memory is taken at creation: datagrams, sources and pieces lie in arrays with free lists.
 *	The table owns the mbufs of its pieces until they come back whole or dropped. A datagram is in
 *	its bucket, in the list waiting or refused and, if it waits, in the list of its source. Lists of
 *	waiting datagrams are in order of age, which is that of deadlines, because there is one timeout;
 *	refused ones are in the order in which they were refused.
 * Life cycle
 *	first piece seen -> waiting -> whole, or timed out, or evicted, or refused -> timed out
 * Threads
 *	One worker. Buckets are chosen with a secret seed, because senders choose the keys.
 * RFC 791 (key, timeout), RFC 815 (reassembly), RFC 1858, RFC 3128 (tiny fragments), RFC 5722
 * (overlap).
 */

#include <errno.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include <masq_frag.h>
#include <masq_hash.h>

#include "masq_frag_priv.h"

#define PIECES_EACH 8 /* pieces per datagram if the configuration leaves it open */
#define PIECES_LIMIT (MASQ_FRAG_DATAGRAMS_MAX * PIECES_EACH)
#define REFUSED_EACH_TICK 16 /* refused datagrams that a tick forgets */

struct piece {
	struct rte_mbuf *mbuf;
	struct piece *next; /* in order of start; in the free list: any */
	uint16_t start; /* first byte in the datagram's data */
	uint16_t end; /* first byte behind it */
	uint16_t l3_offset;
};

struct datagram {
	LIST_ENTRY(datagram) bucket; /* also the free list */
	TAILQ_ENTRY(datagram) age;
	TAILQ_ENTRY(datagram) sibling; /* of the same source */
	struct source *source; /* NULL: refused */
	struct masq_frag_key key;
	uint64_t due_ms;
	struct piece *first, *last;
	uint32_t n_pieces;
	uint32_t held_bytes;
	uint32_t end_bytes; /* length of its data; 0: not known yet */
	uint16_t header; /* bytes of the first fragment's IP header */
	uint8_t ecn_seen; /* bit n: codepoint n */
	uint8_t refused; /* enum masq_drop: why it is refused; NONE: it waits */
};

LIST_HEAD(datagram_bucket, datagram);
TAILQ_HEAD(datagram_list, datagram);

struct source {
	LIST_ENTRY(source) bucket; /* also the free list */
	struct datagram_list datagrams;
	uint32_t n_datagrams;
	uint32_t n_pieces;
	rte_be32_t addr;
};

LIST_HEAD(source_bucket, source);

struct masq_frag {
	struct masq_frag_config config;
	struct masq_hash_seed seed;
	uint32_t bucket_mask;
	uint32_t source_pieces; /* that one source may hold */
	uint32_t n_pieces;
	struct datagram_bucket *datagram_bucket;
	struct source_bucket *source_bucket;
	struct datagram_list waiting;
	struct datagram_list refused;
	struct datagram_bucket free_datagrams;
	struct source_bucket free_sources;
	struct piece *free_pieces;
	struct datagram *datagram; /* the memory behind the free lists */
	struct source *source;
	struct piece *piece;
};

/* ---------------------------------------------------------------- finding */

static struct datagram_bucket *
bucket_of(const struct masq_frag *frag, const struct masq_frag_key *key)
{
	return &frag->datagram_bucket[masq_hash16(key, &frag->seed) & frag->bucket_mask];
}

static struct datagram *
find_datagram(const struct masq_frag *frag, const struct masq_frag_key *key)
{
	struct datagram *d;

	LIST_FOREACH(d, bucket_of(frag, key), bucket) {
		if (memcmp(&d->key, key, sizeof(*key)) == 0)
			return d;
	}
	return NULL;
}

static struct source_bucket *
source_bucket_of(const struct masq_frag *frag, rte_be32_t addr)
{
	struct masq_frag_key key = { .src = addr };

	return &frag->source_bucket[masq_hash16(&key, &frag->seed) & frag->bucket_mask];
}

static struct source *
find_source(const struct masq_frag *frag, rte_be32_t addr)
{
	struct source *s;

	LIST_FOREACH(s, source_bucket_of(frag, addr), bucket) {
		if (s->addr == addr)
			return s;
	}
	return NULL;
}

/* ---------------------------------------------------------------- letting go */

/* Take a datagram out of its source; the last one frees the source. */
static void
leave_source(struct masq_frag *frag, struct datagram *d)
{
	struct source *s = d->source;

	TAILQ_REMOVE(&s->datagrams, d, sibling);
	s->n_datagrams--;
	s->n_pieces -= d->n_pieces;
	d->source = NULL;
	if (s->n_datagrams == 0) {
		LIST_REMOVE(s, bucket);
		LIST_INSERT_HEAD(&frag->free_sources, s, bucket);
	}
}

/* Forget a datagram that holds no pieces any more. */
static void
free_datagram(struct masq_frag *frag, struct datagram *d)
{
	if (d->source != NULL)
		leave_source(frag, d);
	TAILQ_REMOVE(d->refused != MASQ_DROP_NONE ? &frag->refused : &frag->waiting, d, age);
	LIST_REMOVE(d, bucket);
	LIST_INSERT_HEAD(&frag->free_datagrams, d, bucket);
}

static struct rte_mbuf *
take_first_piece(struct masq_frag *frag, struct datagram *d)
{
	struct piece *piece = d->first;

	d->first = piece->next;
	piece->next = frag->free_pieces;
	frag->free_pieces = piece;
	frag->n_pieces--;
	d->n_pieces--;
	d->source->n_pieces--;
	return piece->mbuf;
}

static void
drop(struct masq_frag_result *result, enum masq_drop reason, struct rte_mbuf *mbuf)
{
	result->reason = reason;
	result->dropped[result->n_dropped++] = mbuf;
}

static void
drop_pieces(struct masq_frag *frag, struct datagram *d, enum masq_drop reason,
		struct masq_frag_result *result)
{
	while (d->n_pieces > 0)
		drop(result, reason, take_first_piece(frag, d));
}

static void
give_up(struct masq_frag *frag, struct datagram *d, enum masq_drop reason,
		struct masq_frag_result *result)
{
	drop_pieces(frag, d, reason, result);
	free_datagram(frag, d);
}

/* Give it up together with @p mbuf, and remember to refuse what follows. */
static void
refuse(struct masq_frag *frag, struct datagram *d, enum masq_drop reason, struct rte_mbuf *mbuf,
		struct masq_frag_result *result)
{
	drop_pieces(frag, d, reason, result);
	drop(result, reason, mbuf);
	leave_source(frag, d);
	d->refused = (uint8_t)reason;
	TAILQ_REMOVE(&frag->waiting, d, age);
	TAILQ_INSERT_TAIL(&frag->refused, d, age);
}

/* ---------------------------------------------------------------- making room */

/* Room for one more datagram. Gives up one waiting datagram at most. */
static void
make_room_for_datagram(struct masq_frag *frag, rte_be32_t addr, struct masq_frag_result *result)
{
	struct source *s = find_source(frag, addr);
	struct datagram *d;

	if (s != NULL &&
			(s->n_datagrams >= frag->config.per_source ||
					s->n_pieces >= frag->source_pieces)) {
		give_up(frag, TAILQ_FIRST(&s->datagrams), MASQ_DROP_FRAG_MEMORY, result);
	} else if (LIST_EMPTY(&frag->free_datagrams)) {
		d = TAILQ_FIRST(&frag->refused);
		if (d == NULL)
			d = TAILQ_FIRST(&frag->waiting);
		give_up(frag, d, MASQ_DROP_FRAG_MEMORY, result);
	}
}

/*
 * Make room for one more piece of @p d. Gives up at most one waiting datagram, and none if one has
 * been given up for this fragment already: that one had a piece, and was of this source if the source
 * was full. So all that one fragment can cost fits into a result.
 *
 * @return false: @p d itself was the oldest and is gone
 */
static bool
make_room_for_piece(struct masq_frag *frag, struct datagram *d, struct masq_frag_result *result)
{
	struct datagram *oldest = NULL;

	if (d->source->n_pieces >= frag->source_pieces)
		oldest = TAILQ_FIRST(&d->source->datagrams);
	else if (frag->free_pieces == NULL)
		oldest = TAILQ_FIRST(&frag->waiting);
	if (oldest == NULL)
		return true;
	give_up(frag, oldest, MASQ_DROP_FRAG_MEMORY, result);
	return oldest != d;
}

/* ---------------------------------------------------------------- taking in */

static struct source *
take_source(struct masq_frag *frag, rte_be32_t addr)
{
	struct source *s = find_source(frag, addr);

	if (s != NULL)
		return s;
	/* There are as many sources as datagrams, so one is free if a datagram is. */
	s = LIST_FIRST(&frag->free_sources);
	LIST_REMOVE(s, bucket);
	*s = (struct source){ .addr = addr };
	TAILQ_INIT(&s->datagrams);
	LIST_INSERT_HEAD(source_bucket_of(frag, addr), s, bucket);
	return s;
}

static struct datagram *
begin_datagram(struct masq_frag *frag, const struct masq_frag_key *key, uint64_t now_ms,
		struct masq_frag_result *result)
{
	struct datagram *d;

	make_room_for_datagram(frag, key->src, result);
	d = LIST_FIRST(&frag->free_datagrams);
	LIST_REMOVE(d, bucket);
	*d = (struct datagram){
		.key = *key,
		.due_ms = now_ms + frag->config.timeout_ms,
		.source = take_source(frag, key->src),
	};
	LIST_INSERT_HEAD(bucket_of(frag, key), d, bucket);
	TAILQ_INSERT_TAIL(&frag->waiting, d, age);
	TAILQ_INSERT_TAIL(&d->source->datagrams, d, sibling);
	d->source->n_datagrams++;
	return d;
}

enum place {
	PLACE_FREE,
	PLACE_TAKEN, /* by a fragment with the same range */
	PLACE_OVERLAP,
	PLACE_BEYOND, /* contradicts what is known of the end */
};

/* Where does a fragment go? @param before	out: the piece that it follows, NULL: none */
static enum place
find_place(const struct datagram *d, const struct masq_frag_info *info, struct piece **before)
{
	struct piece *piece = d->first;

	*before = NULL;
	/* Fragments mostly come in order. */
	if (d->n_pieces > 0 && d->last->start < info->start) {
		*before = d->last;
		piece = NULL;
	}
	for (; piece != NULL && piece->start < info->start; piece = piece->next)
		*before = piece;
	if (piece != NULL && piece->start == info->start && piece->end == info->end)
		return PLACE_TAKEN;
	if (*before != NULL && (*before)->end > info->start)
		return PLACE_OVERLAP;
	if (piece != NULL && piece->start < info->end)
		return PLACE_OVERLAP;
	if (d->end_bytes != 0 && info->end > d->end_bytes)
		return PLACE_BEYOND;
	/* The same if the end is known: then the last piece is held, and is behind this one. */
	if (!info->more && piece != NULL)
		return PLACE_BEYOND;
	return PLACE_FREE;
}

static void
insert_piece(struct masq_frag *frag, struct datagram *d, const struct masq_frag_info *info,
		struct rte_mbuf *mbuf, uint16_t l3_offset, struct piece *before)
{
	struct piece *piece = frag->free_pieces;

	frag->free_pieces = piece->next;
	*piece = (struct piece){
		.mbuf = mbuf,
		.next = before != NULL ? before->next : d->first,
		.start = info->start,
		.end = info->end,
		.l3_offset = l3_offset,
	};
	if (before != NULL)
		before->next = piece;
	else
		d->first = piece;
	if (piece->next == NULL)
		d->last = piece;
	frag->n_pieces++;
	d->n_pieces++;
	d->source->n_pieces++;
	d->held_bytes += (uint32_t)(info->end - info->start);
	d->ecn_seen |= (uint8_t)(1u << info->ecn);
	if (!info->more)
		d->end_bytes = info->end;
	if (info->start == 0)
		d->header = info->header;
}

/* Does this fragment complete the datagram? As nothing overlaps, lengths add up only then. */
static bool
completes(const struct datagram *d, const struct masq_frag_info *info)
{
	uint32_t end = info->more ? d->end_bytes : info->end;

	return end != 0 && d->held_bytes + (uint32_t)(info->end - info->start) == end;
}

/* The first fragment's header may be longer than that of the last, for which this was checked. */
static bool
is_too_long(const struct datagram *d, const struct masq_frag_info *info)
{
	uint32_t end = info->more ? d->end_bytes : info->end;
	uint32_t header = info->start == 0 ? info->header : d->header;

	return end + header > UINT16_MAX;
}

static void
finish(struct masq_frag *frag, struct datagram *d, struct masq_frag_result *result)
{
	struct masq_frag_part part[MASQ_FRAG_PIECES_MAX];
	bool is_ce = (d->ecn_seen & 1 << 3) != 0;
	unsigned int n = 0;

	while (d->n_pieces > 0) {
		uint16_t l3_offset = d->first->l3_offset;

		part[n++] = (struct masq_frag_part){ take_first_piece(frag, d), l3_offset };
	}
	free_datagram(frag, d);
	result->whole = masq_frag_join(part, n, is_ce);
	result->merged = n - 1;
}

/* Put a fragment into its datagram, which is not a refused one. */
static void
add_fragment(struct masq_frag *frag, struct datagram *d, const struct masq_frag_info *info,
		struct rte_mbuf *mbuf, uint16_t l3_offset, struct masq_frag_result *result)
{
	bool is_complete = completes(d, info);
	struct piece *before;

	switch (find_place(d, info, &before)) {
	case PLACE_TAKEN:
		drop(result, MASQ_DROP_FRAG_OVERLAP, mbuf);
		return;
	case PLACE_OVERLAP:
		refuse(frag, d, MASQ_DROP_FRAG_OVERLAP, mbuf, result);
		return;
	case PLACE_BEYOND:
		refuse(frag, d, MASQ_DROP_FRAG_BAD, mbuf, result);
		return;
	case PLACE_FREE:
		break;
	}
	if (d->n_pieces == MASQ_FRAG_PIECES_MAX - 1 && !is_complete) {
		refuse(frag, d, MASQ_DROP_FRAG_MEMORY, mbuf, result);
		return;
	}
	/* Before making room for it: a result cannot hold two datagrams. */
	if (is_complete && is_too_long(d, info)) {
		refuse(frag, d, MASQ_DROP_FRAG_BAD, mbuf, result);
		return;
	}
	if (!make_room_for_piece(frag, d, result)) {
		drop(result, MASQ_DROP_FRAG_MEMORY, mbuf);
		return;
	}
	insert_piece(frag, d, info, mbuf, l3_offset, before);
	if (is_complete)
		finish(frag, d, result);
	else
		result->held = 1;
}

/* ---------------------------------------------------------------- public */

static void
clear(struct masq_frag_result *result)
{
	result->whole = NULL;
	result->held = 0;
	result->merged = 0;
	result->reason = MASQ_DROP_NONE;
	result->n_dropped = 0;
}

void
masq_frag_push(struct masq_frag *frag, struct rte_mbuf *mbuf, uint16_t l3_offset, uint64_t now_ms,
		struct masq_frag_result *result)
{
	struct masq_frag_info info;
	struct datagram *d;
	enum masq_drop reason = masq_frag_info_read(mbuf, l3_offset, &info);

	clear(result);
	if (reason != MASQ_DROP_NONE) {
		drop(result, reason, mbuf);
		return;
	}
	if (info.start == 0 && !info.more) {
		result->whole = mbuf;
		return;
	}
	d = find_datagram(frag, &info.key);
	if (d != NULL && now_ms >= d->due_ms) {
		give_up(frag, d, MASQ_DROP_FRAG_TIMEOUT, result);
		d = NULL;
	}
	if (d != NULL && d->refused != MASQ_DROP_NONE) {
		drop(result, (enum masq_drop)d->refused, mbuf);
		return;
	}
	if (d == NULL)
		d = begin_datagram(frag, &info.key, now_ms, result);
	add_fragment(frag, d, &info, mbuf, l3_offset, result);
}

void
masq_frag_tick(struct masq_frag *frag, uint64_t now_ms, struct masq_frag_result *result)
{
	struct datagram *d;

	clear(result);
	for (unsigned int i = 0; i < REFUSED_EACH_TICK; i++) {
		d = TAILQ_FIRST(&frag->refused);
		if (d == NULL || now_ms < d->due_ms)
			break;
		free_datagram(frag, d);
	}
	d = TAILQ_FIRST(&frag->waiting);
	if (d != NULL && now_ms >= d->due_ms)
		give_up(frag, d, MASQ_DROP_FRAG_TIMEOUT, result);
}

uint32_t
masq_frag_held(const struct masq_frag *frag)
{
	return __atomic_load_n(&frag->n_pieces, __ATOMIC_RELAXED);
}

/* ---------------------------------------------------------------- life */

static int
check_config(const struct masq_frag_config *config, struct masq_err *err)
{
	if (config->datagrams == 0 || config->datagrams > MASQ_FRAG_DATAGRAMS_MAX)
		return masq_err_set(err, EINVAL, "fragments: datagrams are 1 to %u, not %u",
				MASQ_FRAG_DATAGRAMS_MAX, config->datagrams);
	if (config->per_source == 0 || config->per_source > config->datagrams)
		return masq_err_set(err, EINVAL,
				"fragments: datagrams of one source are 1 to %u (those of all), not %u",
				config->datagrams, config->per_source);
	if (config->fragments != 0 &&
			(config->fragments < MASQ_FRAG_PIECES_MAX ||
					config->fragments > PIECES_LIMIT))
		return masq_err_set(err, EINVAL,
				"fragments: fragments held are %u to %u, or 0 for eight a datagram, "
				"not %u",
				MASQ_FRAG_PIECES_MAX, PIECES_LIMIT, config->fragments);
	if (config->timeout_ms == 0)
		return masq_err_set(err, EINVAL, "fragments: the timeout is at least 1 ms, not 0");
	return 0;
}

static void *
allocate(const struct masq_frag *frag, uint32_t n, size_t size)
{
	return rte_zmalloc_socket(
			"masq_frag", n * size, RTE_CACHE_LINE_SIZE, frag->config.socket_id);
}

/* @return 0, -ENOMEM, or what the random source says */
static int
init(struct masq_frag *frag)
{
	struct masq_frag_config *config = &frag->config;
	uint32_t n_buckets = rte_align32pow2(config->datagrams);

	frag->bucket_mask = n_buckets - 1;
	frag->source_pieces = RTE_MAX((uint32_t)((uint64_t)config->fragments * config->per_source /
						      config->datagrams),
			(uint32_t)MASQ_FRAG_PIECES_MAX);
	TAILQ_INIT(&frag->waiting);
	TAILQ_INIT(&frag->refused);
	frag->datagram_bucket = allocate(frag, n_buckets, sizeof(frag->datagram_bucket[0]));
	frag->source_bucket = allocate(frag, n_buckets, sizeof(frag->source_bucket[0]));
	frag->datagram = allocate(frag, config->datagrams, sizeof(frag->datagram[0]));
	frag->source = allocate(frag, config->datagrams, sizeof(frag->source[0]));
	frag->piece = allocate(frag, config->fragments, sizeof(frag->piece[0]));
	if (frag->datagram_bucket == NULL || frag->source_bucket == NULL ||
			frag->datagram == NULL || frag->source == NULL || frag->piece == NULL)
		return -ENOMEM;
	/* Zeroed memory is an empty LIST_HEAD. */
	for (uint32_t i = config->datagrams; i-- > 0;) {
		LIST_INSERT_HEAD(&frag->free_datagrams, &frag->datagram[i], bucket);
		LIST_INSERT_HEAD(&frag->free_sources, &frag->source[i], bucket);
	}
	for (uint32_t i = config->fragments; i-- > 0;) {
		frag->piece[i].next = frag->free_pieces;
		frag->free_pieces = &frag->piece[i];
	}
	return masq_hash_seed_random(&frag->seed);
}

struct masq_frag *
masq_frag_create(const struct masq_frag_config *config, struct masq_err *err)
{
	struct masq_frag *frag;
	int rc;

	if (check_config(config, err) != 0)
		return NULL;
	frag = rte_zmalloc_socket(
			"masq_frag", sizeof(*frag), RTE_CACHE_LINE_SIZE, config->socket_id);
	if (frag == NULL) {
		masq_err_set(err, ENOMEM, "no memory for fragments");
		return NULL;
	}
	frag->config = *config;
	if (config->fragments == 0)
		frag->config.fragments = RTE_MAX(
				config->datagrams * PIECES_EACH, MASQ_FRAG_PIECES_MAX);
	rc = init(frag);
	if (rc != 0) {
		masq_err_set(err, -rc, "no memory or no random seed for fragments of %u datagrams",
				config->datagrams);
		masq_frag_destroy(frag);
		return NULL;
	}
	return frag;
}

void
masq_frag_destroy(struct masq_frag *frag)
{
	struct datagram *d;

	if (frag == NULL)
		return;
	/* After a failed creation the list may not be initialised; then there are no pieces. */
	while (frag->n_pieces > 0) {
		d = TAILQ_FIRST(&frag->waiting);
		while (d->n_pieces > 0)
			rte_pktmbuf_free(take_first_piece(frag, d));
		free_datagram(frag, d);
	}
	rte_free(frag->piece);
	rte_free(frag->source);
	rte_free(frag->datagram);
	rte_free(frag->source_bucket);
	rte_free(frag->datagram_bucket);
	rte_free(frag);
}
