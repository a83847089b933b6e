/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the private structs of sessions, ports and workers, and believes none of their sums.
 */
#include "masq_test_audit.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_hash.h>

#include "masq_dp_priv.h"
#include "masq_portmap_priv.h"
#include "masq_session_priv.h"
#include "masq_worker.h"

#define WHEEL_LISTS (MASQ_WHEEL_DUE + 1)

/* ---------------------------------------------------------------- records */

struct found {
	uint32_t free, on_wheel, half_open[2], pending, dying;
};

static void
audit_record(const struct masq_worker *w, uint32_t index, struct found *found)
{
	const struct masq_session_table *table = w->sessions;
	const struct masq_session *s = masq_session_at(table, index);
	const struct masq_half *initial, *reply;

	if (s->initial == MASQ_HALF_NONE) {
		assert_int_equal(s->wheel_slot, SESSION_FREE);
		assert_int_equal(s->reply, MASQ_HALF_NONE);
		found->free++;
		return;
	}
	initial = masq_half_at(table, s->initial);
	assert_int_equal(initial->session, index);
	assert_int_equal(initial->creator, w->id);
	assert_int_equal(initial->flags & MASQ_HALF_REPLY, 0);
	found->on_wheel += s->wheel_slot != MASQ_SESSION_NONE;
	if (s->older != HALF_OPEN_OFF)
		found->half_open[s->kind != MASQ_SESSION_PORTFW]++;
	if (s->dying || s->reply == MASQ_HALF_NONE) {
		const uint8_t flag = s->dying ? MASQ_HALF_DYING : MASQ_HALF_PENDING;

		assert_int_equal(s->wheel_slot, MASQ_SESSION_NONE);
		assert_int_equal(s->older, HALF_OPEN_OFF);
		assert_int_not_equal(initial->flags & flag, 0);
		found->dying += s->dying;
		found->pending += !s->dying;
		return;
	}
	assert_true(s->wheel_slot <= MASQ_WHEEL_DUE);
	assert_int_equal(initial->flags & MASQ_HALF_PENDING, 0);
	reply = session_reply_half(table, s);
	assert_int_equal(reply->session, index);
	assert_int_equal(reply->creator, w->id);
	assert_int_equal(reply->flags & (MASQ_HALF_REPLY | MASQ_HALF_PENDING), MASQ_HALF_REPLY);
	assert_int_equal(initial->flags & MASQ_HALF_FROM_INSIDE,
			s->kind == MASQ_SESSION_MASQ ? MASQ_HALF_FROM_INSIDE : 0);
	assert_int_equal(reply->flags & MASQ_HALF_FROM_INSIDE,
			s->kind == MASQ_SESSION_MASQ ? 0 : MASQ_HALF_FROM_INSIDE);
}

static uint32_t
audit_wheel(const struct masq_session_table *table)
{
	uint32_t n = 0;

	for (uint32_t list = 0; list < WHEEL_LISTS; list++) {
		uint32_t before = MASQ_SESSION_NONE;

		for (uint32_t i = table->wheel[list]; i != MASQ_SESSION_NONE;
				i = masq_session_at(table, i)->wheel_next) {
			assert_int_equal(masq_session_at(table, i)->wheel_slot, list);
			assert_int_equal(masq_session_at(table, i)->wheel_prev, before);
			before = i;
			assert_in_range(++n, 1, table->n_sessions);
		}
		if (list == MASQ_WHEEL_DUE && before != MASQ_SESSION_NONE)
			assert_int_equal(table->due_last, before);
	}
	return n;
}

static void
audit_half_open(const struct masq_session_table *table, unsigned int side, uint32_t n)
{
	const struct masq_half_open_list *list = &table->half_open[side];
	uint32_t before = MASQ_SESSION_NONE, met = 0;

	for (uint32_t i = list->oldest; i != MASQ_SESSION_NONE;
			i = masq_session_at(table, i)->younger) {
		assert_int_equal(masq_session_at(table, i)->older, before);
		assert_int_equal(masq_session_at(table, i)->kind != MASQ_SESSION_PORTFW, side);
		before = i;
		assert_in_range(++met, 1, table->n_sessions);
	}
	assert_int_equal(list->youngest, before);
	assert_int_equal(list->n, met);
	assert_int_equal(n, met);
}

static void
audit_records(const struct masq_worker *w)
{
	const struct masq_session_table *table = w->sessions;
	uint32_t free = 0, asked = 0;
	struct found found = { 0 };

	for (uint32_t i = 0; i < table->n_sessions; i++)
		audit_record(w, i, &found);
	for (uint32_t i = table->free; i != MASQ_SESSION_NONE;
			i = masq_session_at(table, i)->wheel_next) {
		assert_int_equal(masq_session_at(table, i)->wheel_slot, SESSION_FREE);
		assert_in_range(++free, 1, table->n_sessions);
	}
	assert_int_equal(free, found.free);
	assert_int_equal(masq_session_count(table), table->n_sessions - free);
	assert_int_equal(audit_wheel(table), found.on_wheel);
	for (unsigned int side = 0; side < 2; side++)
		audit_half_open(table, side, found.half_open[side]);
	for (uint32_t k = 0; k < w->n_workers; k++)
		asked += w->requests.n_to[k];
	assert_int_equal(w->requests.n, asked);
	assert_int_equal(w->requests.n, found.pending + found.dying);
	assert_int_equal(w->requests.ending, found.dying);
}

/* ---------------------------------------------------------------- halves */

static uint32_t
sum_of(const void *words, unsigned int bytes)
{
	uint32_t sum = 0;
	uint16_t word;

	for (unsigned int i = 0; i < bytes; i += sizeof(word)) {
		memcpy(&word, (const char *)words + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* In one's complement 0 and 0xffff are the same. */
static void
audit_delta(uint32_t from, uint32_t to, uint16_t delta)
{
	assert_int_equal((from + delta) % 0xffff, to % 0xffff);
}

/* Does a rewrite make this tuple of that one? */
static void
audit_rewrite(const struct masq_rewrite *rewrite, const struct masq_tuple *from,
		const struct masq_tuple *to)
{
	assert_memory_equal(rewrite, to, 12);
	assert_int_equal(rewrite->proto, to->proto);
	audit_delta(sum_of(&from->src, 8), sum_of(&to->src, 8), rewrite->l3_delta);
	if (from->proto != IPPROTO_ICMP)
		audit_delta(sum_of(&from->src, 12), sum_of(&to->src, 12), rewrite->l4_delta);
	else if (rewrite->icmp_id_is_dport)
		audit_delta(from->dport, to->dport, rewrite->l4_delta);
	else
		audit_delta(from->sport, to->sport, rewrite->l4_delta);
}

struct owned {
	uint32_t reply, chosen, owned;
};

static void
audit_half(struct masq_test_box *box, const struct masq_worker *w, uint32_t index,
		struct owned *owned)
{
	const struct masq_half *half = masq_half_at(w->sessions, index);
	const struct masq_session_table *creator;
	const struct masq_session *s;
	struct masq_tuple back;

	if (half->session == MASQ_SESSION_NONE)
		return;
	creator = box_dp(box)->workers[half->creator]->sessions;
	s = masq_session_at(creator, half->session);
	assert_int_not_equal(s->initial, MASQ_HALF_NONE);
	assert_int_equal(masq_half_find(w->sessions, masq_half_key(w->sessions, index)), index);
	if (half->generation != 0 && half->path != UINT32_MAX)
		assert_true(half->generation == w->generation || w->tally.before != NULL);
	if ((half->flags & MASQ_HALF_REPLY) == 0) {
		assert_int_equal(half->creator, w->id);
		assert_int_equal(s->initial, index);
		if (s->dying || s->reply == MASQ_HALF_NONE)
			return;
		back = masq_tuple_reverse(
				masq_half_key(creator->tables[s->reply_worker], s->reply));
		audit_rewrite(&half->rewrite, masq_half_key(w->sessions, index), &back);
		return;
	}
	owned->reply++;
	owned->chosen += s->kind != MASQ_SESSION_PORTFW;
	owned->owned += (half->flags & MASQ_HALF_OWNS_PORT) != 0;
	if (s->reply != MASQ_HALF_NONE) {
		assert_int_equal(s->reply, index);
		assert_int_equal(s->reply_worker, w->id);
	}
	back = masq_tuple_reverse(masq_half_key(creator, s->initial));
	audit_rewrite(&half->rewrite, masq_half_key(w->sessions, index), &back);
}

/* ---------------------------------------------------------------- ports */

static uint32_t
audit_set(const struct masq_portset *set)
{
	uint32_t n = 0;

	for (uint32_t word = 0; word < MASQ_PORTSET_WORDS; word++) {
		n += (uint32_t)__builtin_popcountll(set->words[word]);
		assert_int_equal(set->summary[word / 64] >> (word % 64) & 1, set->words[word] != 0);
	}
	assert_int_equal(set->count, n);
	return n;
}

static void
audit_owner(const struct masq_worker *w, const struct masq_half *half)
{
	const struct masq_tuple *key = masq_half_key(
			w->sessions, masq_half_index(w->sessions, half));
	const uint32_t position = masq_rss_position(w->rss, rte_be_to_cpu_16(key->dport));

	for (uint32_t k = 0; k < w->portmap->n_slots; k++) {
		const struct masq_portmap_slot *slot = &w->portmap->slots[k];

		if (slot->addr == key->dst && slot->proto == key->proto) {
			assert_false(masq_portset_has(&slot->free, position));
			return;
		}
	}
	fail_msg("a port is owned, and there is no bitmap of its address");
}

static void
audit_ports(const struct masq_worker *w, const struct owned *owned)
{
	const struct masq_portmap *map = w->portmap;
	uint32_t taken = 0, bitmaps = 0, first = 0, second = 0;

	for (uint32_t k = 0; k < map->n_slots; k++) {
		const uint32_t n = audit_set(&map->slots[k].free);

		taken += map->ports[map->slots[k].kind].total - n;
		bitmaps += map->slots[k].proto != 0;
		assert_int_equal(map->slots[k].proto != 0,
				n != map->ports[map->slots[k].kind].total);
	}
	assert_int_equal(bitmaps, map->stats.bitmaps);
	assert_int_equal(taken, owned->owned);
	for (uint32_t k = 0; k <= map->tally_mask; k++) {
		first += map->tally[k];
		second += map->tally[map->tally_mask + 1 + k];
	}
	assert_int_equal(first, owned->chosen);
	assert_int_equal(second, owned->chosen);
}

void
box_audit(struct masq_test_box *box)
{
	const struct masq_dp *dp = box_dp(box);

	for (uint32_t i = 0; i < dp->n_workers; i++) {
		const struct masq_worker *w = dp->workers[i];
		struct owned owned = { 0 };
		uint32_t n = 0;

		audit_records(w);
		for (uint32_t k = 0; k < w->sessions->n_halves; k++) {
			const struct masq_half *half = masq_half_at(w->sessions, k);

			audit_half(box, w, k, &owned);
			n += half->session != MASQ_SESSION_NONE;
			if (half->session != MASQ_SESSION_NONE &&
					(half->flags & MASQ_HALF_OWNS_PORT) != 0)
				audit_owner(w, half);
		}
		assert_int_equal(masq_half_used(w->sessions), n);
		assert_int_equal(rte_hash_count(w->sessions->hash), n);
		audit_ports(w, &owned);
	}
}
