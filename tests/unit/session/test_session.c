/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Records: taken, filled, given back; state changes by packets of either half; two workers' tables
 * that share sessions; listings, also while sessions come and go.
 */

#include <pthread.h>

#include <masq_test_eal.h>

#include "session_fixture.h"

#define ALL UINT32_MAX

/* ---------------------------------------------------------------- records */

static void
the_last_record_fits_and_no_more(void **state)
{
	struct masq_session_table *table = make_table(0, 100, 200);
	bool taken[100];

	(void)state;
	assert_int_equal(masq_session_capacity(table), 100);
	for (unsigned int round = 0; round < 3; round++) {
		memset(taken, 0, sizeof(taken));
		for (uint32_t i = 0; i < 100; i++) {
			uint32_t session = add_session(table, i, MASQ_STATE_UDP, 1000);

			assert_in_range(session, 0, 99);
			assert_false(taken[session]);
			taken[session] = true;
			assert_int_equal(masq_session_count(table), i + 1);
		}
		assert_int_equal(masq_session_alloc(table), MASQ_SESSION_NONE);
		assert_int_equal(masq_session_count(table), 100);
		for (uint32_t i = 0; i < 100; i++)
			drop_session(table, (i * 37 + round) % 100);
		assert_int_equal(masq_session_count(table), 0);
	}
	masq_session_table_destroy(table);
}

static void
a_new_record_is_blank(void **state)
{
	struct masq_session_table *table = make_table(0, 1, 8);
	static const struct masq_session blank;
	struct masq_session copy;

	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		uint32_t session = masq_session_alloc(table);
		struct masq_session *s = masq_session_at(table, session);
		uint32_t off_list = s->older;

		assert_int_equal(s->initial, MASQ_HALF_NONE);
		assert_int_equal(s->reply, MASQ_HALF_NONE);
		assert_int_equal(s->wheel_slot, MASQ_SESSION_NONE);
		memcpy(&copy, s, sizeof(copy));
		copy.initial = copy.reply = 0;
		copy.wheel_next = copy.wheel_prev = copy.wheel_slot = copy.older = 0;
		assert_memory_equal(&copy, &blank, sizeof(copy));
		memset(s, 0x5a, sizeof(*s));
		s->wheel_slot = MASQ_SESSION_NONE;
		s->older = off_list;
		masq_session_free(table, session);
	}
	masq_session_table_destroy(table);
}

/* A session as masq_session_open() makes it, both halves filled in at their places. */
static uint32_t
begin_session(struct masq_session_table *table, uint32_t n, const struct masq_session_birth *birth,
		uint64_t now_ms)
{
	const struct masq_tuple initial = tuple_of(n), reply = masq_tuple_reverse(&initial);
	const struct masq_session_key key[2] = {
		{ &initial, masq_half_signature(table, &initial) },
		{ &reply, masq_half_signature(table, &reply) },
	};
	uint32_t half[2],
			session = masq_session_open(table, birth, key[0], key[1], &default_timeouts,
					now_ms, half);

	assert_int_not_equal(session, MASQ_SESSION_NONE);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(masq_half_find(table, key[i].tuple), half[i]);
		assert_int_equal(masq_half_at(table, half[i])->session, session);
		*masq_half_at(table, half[i]) = (struct masq_half){ .session = session };
	}
	masq_half_at(table, half[0])->last_seen_ms = masq_half_clock(now_ms);
	return session;
}

/* The same, in steps. */
static uint32_t
make_session(struct masq_session_table *table, uint32_t n, const struct masq_session_birth *birth,
		uint64_t now_ms)
{
	uint32_t session = add_session(table, n, (enum masq_state)birth->state, now_ms);
	struct masq_session *s = masq_session_at(table, session);

	s->created_ms = masq_half_clock(now_ms);
	s->mark = birth->mark;
	s->origin = birth->origin;
	s->kind = birth->kind;
	s->proto = birth->proto;
	masq_session_half_open(table, session);
	return session;
}

static void
begun_at_once_is_made_in_steps(void **state)
{
	static const struct masq_session_birth births[] = {
		{ .state = MASQ_STATE_SYN_SENT, .kind = MASQ_SESSION_MASQ, .proto = 6, .mark = 7 },
		{ .state = MASQ_STATE_UDP, .kind = MASQ_SESSION_MASQ, .proto = 17, .mark = 8 },
		{ .state = MASQ_STATE_LISTEN,
				.kind = MASQ_SESSION_PORTFW,
				.proto = 6,
				.origin = 9 },
		{ .state = MASQ_STATE_UDP,
				.kind = MASQ_SESSION_HAIRPIN,
				.proto = 17,
				.origin = 10 },
		{ .state = MASQ_STATE_ESTABLISHED, .kind = MASQ_SESSION_MASQ, .proto = 6 },
	};
	struct masq_session_table *at_once = make_table(2, 12, 30);
	struct masq_session_table *in_steps = make_table(2, 12, 30);

	(void)state;
	/* In the second round the records were used before. */
	for (unsigned int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 12; i++) {
			const struct masq_session_birth *birth = &births[(i + round) % 5];
			uint64_t now_ms = UINT64_C(0xffffff00) + i * 100 + round * 1000;
			uint32_t session = begin_session(at_once, i, birth, now_ms);

			assert_int_equal(make_session(in_steps, i, birth, now_ms), session);
			assert_memory_equal(masq_session_at(at_once, session),
					masq_session_at(in_steps, session),
					sizeof(struct masq_session));
			assert_int_equal(masq_session_count(at_once), i + 1);
			assert_int_equal(masq_session_half_open_count(at_once), i + 1);
		}
		assert_int_equal(masq_session_room(at_once), 0);
		assert_memory_equal(at_once->wheel, in_steps->wheel, sizeof(at_once->wheel));
		for (uint32_t i = 0; i < 12; i++) {
			drop_session(at_once, i);
			drop_session(in_steps, i);
		}
	}
	masq_session_table_destroy(at_once);
	masq_session_table_destroy(in_steps);
}

/* Try to open a session of two tuples; nothing may come of it, and nothing of it may be left. */
static void
expect_not_opened(struct masq_session_table *table, struct masq_tuple initial,
		struct masq_tuple reply)
{
	static const struct masq_session_birth birth = { .state = MASQ_STATE_UDP, .proto = 17 };
	const struct masq_session_key key[2] = {
		{ &initial, masq_half_signature(table, &initial) },
		{ &reply, masq_half_signature(table, &reply) },
	};
	uint32_t sessions = masq_session_count(table), halves = masq_half_used(table), half[2];
	uint32_t before[2] = { masq_half_find(table, &initial), masq_half_find(table, &reply) };

	assert_int_equal(masq_session_open(table, &birth, key[0], key[1], &default_timeouts, 1000,
					 half),
			MASQ_SESSION_NONE);
	assert_int_equal(masq_session_count(table), sessions);
	assert_int_equal(masq_half_used(table), halves);
	assert_int_equal(masq_half_find(table, &initial), before[0]);
	assert_int_equal(masq_half_find(table, &reply), before[1]);
}

static void
what_cannot_be_opened_leaves_nothing(void **state)
{
	static const struct masq_session_birth birth = { .state = MASQ_STATE_UDP, .proto = 17 };
	struct masq_session_table *table = make_table(0, 4, 11);
	struct masq_tuple initial = tuple_of(0), reply = masq_tuple_reverse(&initial);
	uint32_t n;

	(void)state;
	begin_session(table, 0, &birth, 1000);
	expect_not_opened(table, initial, tuple_of(50));
	expect_not_opened(table, tuple_of(50), reply);
	expect_not_opened(table, initial, reply);
	expect_not_opened(table, tuple_of(50), tuple_of(50));
	for (n = 1; n < 4; n++)
		begin_session(table, n, &birth, 1000);
	expect_not_opened(table, tuple_of(50), tuple_of(51));
	drop_session(table, 3);
	/* A record is free, but the halves of others leave no place, or one. */
	for (n = 60; masq_half_used(table) < masq_half_capacity(table); n++)
		add_half(table, tuple_of(n), 0, 0, 0);
	expect_not_opened(table, tuple_of(50), tuple_of(51));
	initial = tuple_of(60);
	masq_half_remove(table, masq_half_find(table, &initial));
	expect_not_opened(table, tuple_of(50), tuple_of(51));
	masq_session_table_destroy(table);
}

/* Inside are those that masquerade and those that call a forwarded port from its server's side. */
static void
the_side_that_has_more_half_open_ones_gives_way(void **state)
{
	static const struct {
		const char *name;
		enum masq_session_kind kind[6];
		uint32_t gives_way;
	} rows[] = {
		{ "all from inside", { MASQ_SESSION_MASQ }, 0 },
		{ "all from outside",
				{ MASQ_SESSION_PORTFW, MASQ_SESSION_PORTFW, MASQ_SESSION_PORTFW,
						MASQ_SESSION_PORTFW, MASQ_SESSION_PORTFW,
						MASQ_SESSION_PORTFW },
				0 },
		{ "more from inside, the oldest from outside",
				{ MASQ_SESSION_PORTFW, MASQ_SESSION_MASQ, MASQ_SESSION_MASQ,
						MASQ_SESSION_PORTFW, MASQ_SESSION_MASQ,
						MASQ_SESSION_MASQ },
				1 },
		{ "more from outside",
				{ MASQ_SESSION_MASQ, MASQ_SESSION_HAIRPIN, MASQ_SESSION_PORTFW,
						MASQ_SESSION_PORTFW, MASQ_SESSION_PORTFW,
						MASQ_SESSION_PORTFW },
				2 },
		{ "hairpins are from inside",
				{ MASQ_SESSION_PORTFW, MASQ_SESSION_HAIRPIN, MASQ_SESSION_HAIRPIN,
						MASQ_SESSION_HAIRPIN, MASQ_SESSION_HAIRPIN,
						MASQ_SESSION_PORTFW },
				1 },
	};

	(void)state;
	for (size_t r = 0; r < RTE_DIM(rows); r++) {
		struct masq_session_table *table = make_table(0, 6, 12);
		uint32_t session[6];

		print_message("  %s\n", rows[r].name);
		for (uint32_t i = 0; i < 6; i++) {
			const struct masq_session_birth birth = { .state = MASQ_STATE_UDP,
				.kind = (uint8_t)rows[r].kind[i],
				.proto = 17 };

			session[i] = begin_session(table, i, &birth, 1000 + i);
		}
		assert_int_equal(masq_session_oldest_half_open(table, 1),
				session[rows[r].gives_way]);
		masq_session_table_destroy(table);
	}
}

static void
packets_are_counted_in_their_half(void **state)
{
	struct masq_half half = { .packets = UINT32_MAX, .bytes = UINT32_MAX };

	(void)state;
	masq_half_seen(&half, UINT64_C(0x700000123), 1500);
	assert_int_equal(half.last_seen_ms, 0x123);
	assert_int_equal(half.packets, UINT64_C(0x100000000));
	assert_int_equal(half.bytes, UINT64_C(0xffffffff) + 1500);
	/* 0 would mean "never". */
	masq_half_seen(&half, UINT64_C(0x700000000), 1500);
	assert_int_equal(half.last_seen_ms, 1);
}

/* ---------------------------------------------------------------- state changes */

static const struct {
	const char *name;
	enum masq_state before;
	bool is_reply; /* else INITIAL, which is from inside */
	uint8_t flags;
	enum masq_state after;
	bool is_nearer;
	bool watches;
} events[] = {
	{ "connect", MASQ_STATE_NONE, false, MASQ_TCP_SYN, MASQ_STATE_SYN_SENT, false, false },
	{ "answer", MASQ_STATE_SYN_SENT, true, MASQ_TCP_SYN | MASQ_TCP_ACK, MASQ_STATE_ESTABLISHED,
			false, false },
	{ "data", MASQ_STATE_ESTABLISHED, true, MASQ_TCP_ACK, MASQ_STATE_ESTABLISHED, false,
			false },
	{ "FIN", MASQ_STATE_ESTABLISHED, false, MASQ_TCP_FIN, MASQ_STATE_FIN_WAIT, true, false },
	{ "FIN of the other", MASQ_STATE_ESTABLISHED, true, MASQ_TCP_FIN, MASQ_STATE_CLOSE_WAIT,
			true, false },
	{ "second FIN", MASQ_STATE_FIN_WAIT, true, MASQ_TCP_FIN, MASQ_STATE_TIME_WAIT, false,
			false },
	{ "RST", MASQ_STATE_ESTABLISHED, true, MASQ_TCP_RST, MASQ_STATE_CLOSE, true, false },
	{ "RST after FIN", MASQ_STATE_FIN_WAIT, true, MASQ_TCP_RST, MASQ_STATE_CLOSE, false,
			false },
	{ "picked up", MASQ_STATE_NONE, false, MASQ_TCP_ACK, MASQ_STATE_ESTABLISHED, false, false },
	{ "last ACK", MASQ_STATE_LAST_ACK, true, MASQ_TCP_ACK, MASQ_STATE_CLOSE, false, false },
	{ "still waiting", MASQ_STATE_LAST_ACK, false, MASQ_TCP_ACK, MASQ_STATE_LAST_ACK, false,
			true },
	{ "listens", MASQ_STATE_LISTEN, true, MASQ_TCP_ACK, MASQ_STATE_LISTEN, false, true },
	{ "again after CLOSE", MASQ_STATE_CLOSE, false, MASQ_TCP_SYN, MASQ_STATE_SYN_SENT, false,
			false },
	{ "UDP", MASQ_STATE_UDP, false, 0, MASQ_STATE_UDP, false, false },
	{ "ICMP", MASQ_STATE_ICMP, true, MASQ_TCP_RST, MASQ_STATE_ICMP, false, false },
};

static void
packets_change_states(void **state)
{
	struct masq_session_table *table = make_table(0, 1, 8);
	uint32_t session = add_session(table, 1, MASQ_STATE_NONE, 1000);
	struct masq_session *s = masq_session_at(table, session);

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		for (unsigned int watched = 0; watched < 2; watched++) {
			struct masq_half *half = masq_half_at(
					table, events[i].is_reply ? s->reply : s->initial);
			const uint8_t other_flags = half->flags & (uint8_t)~MASQ_HALF_WATCH;
			const uint8_t wanted = events[i].watches ? MASQ_HALF_WATCH : 0;
			bool is_nearer;

			half->flags = other_flags | (watched ? MASQ_HALF_WATCH : 0);
			atomic_store(&s->state, events[i].before);
			is_nearer = masq_session_event(
					table, half, events[i].flags, &default_timeouts);
			if (atomic_load(&s->state) != events[i].after ||
					is_nearer != events[i].is_nearer ||
					half->flags != (other_flags | wanted))
				fail_msg("%s: state %s, nearer %d, flags 0x%02x", events[i].name,
						masq_state_name(atomic_load(&s->state)), is_nearer,
						half->flags);
		}
	}
	masq_session_table_destroy(table);
}

/* ---------------------------------------------------------------- two workers */

struct pair {
	struct masq_session_table *table[3];
};

static void
make_pair(struct pair *p)
{
	for (uint32_t i = 0; i < 3; i++)
		p->table[i] = make_table(i, 1000, 2000);
	for (uint32_t i = 0; i < 3; i++)
		masq_session_table_link(p->table[i], p->table, 3);
}

static void
free_pair(struct pair *p)
{
	for (uint32_t i = 0; i < 3; i++)
		masq_session_table_destroy(p->table[i]);
}

static void
the_other_worker_keeps_a_session_alive(void **state)
{
	struct pair p;
	uint32_t session, expired[8];
	struct masq_half *reply;
	uint64_t now_ms = UINT64_C(0xffff0000);

	(void)state;
	make_pair(&p);
	/* Indices that differ, so that nobody can mix the tables up unnoticed. */
	for (uint32_t i = 0; i < 50; i++)
		add_half(p.table[2], tuple_of(5000 + i), 0, 2, 0);
	session = add_session_between(p.table[1], p.table[2], 1, MASQ_STATE_UDP, now_ms);
	reply = masq_half_at(p.table[2], masq_session_at(p.table[1], session)->reply);
	for (unsigned int i = 0; i < 40; i++) {
		now_ms += 200000;
		masq_half_seen(reply, now_ms, 40);
		assert_int_equal(masq_session_tick(p.table[1], &default_timeouts, now_ms, ALL,
						 expired, 8),
				0);
	}
	assert_int_equal(masq_session_tick(p.table[1], &default_timeouts, now_ms + 299999, ALL,
					 expired, 8),
			0);
	assert_int_equal(masq_session_tick(p.table[1], &default_timeouts, now_ms + 300256, ALL,
					 expired, 8),
			1);
	assert_int_equal(expired[0], session);
	free_pair(&p);
}

static void
either_worker_changes_the_state(void **state)
{
	struct pair p;
	uint32_t session;
	struct masq_session *s;
	struct masq_half *initial, *reply;

	(void)state;
	make_pair(&p);
	session = add_session_between(p.table[1], p.table[2], 1, MASQ_STATE_SYN_SENT, 1000);
	s = masq_session_at(p.table[1], session);
	initial = masq_half_at(p.table[1], s->initial);
	reply = masq_half_at(p.table[2], s->reply);
	assert_false(masq_session_event(
			p.table[2], reply, MASQ_TCP_SYN | MASQ_TCP_ACK, &default_timeouts));
	assert_int_equal(atomic_load(&s->state), MASQ_STATE_ESTABLISHED);
	assert_true(masq_session_event(p.table[2], reply, MASQ_TCP_FIN, &default_timeouts));
	assert_int_equal(atomic_load(&s->state), MASQ_STATE_CLOSE_WAIT);
	assert_false(masq_session_event(p.table[1], initial, MASQ_TCP_FIN, &default_timeouts));
	assert_int_equal(atomic_load(&s->state), MASQ_STATE_TIME_WAIT);
	free_pair(&p);
}

#define RACE_ROUNDS 20000

struct racer {
	struct masq_session_table *table;
	struct masq_half *half;
	pthread_barrier_t *barrier;
	uint32_t nearer[RACE_ROUNDS];
};

static void *
race(void *arg)
{
	struct racer *r = arg;

	for (unsigned int round = 0; round < RACE_ROUNDS; round++) {
		pthread_barrier_wait(r->barrier);
		r->nearer[round] = masq_session_event(
				r->table, r->half, MASQ_TCP_FIN, &default_timeouts);
		pthread_barrier_wait(r->barrier);
	}
	return NULL;
}

/* FIN from both sides at once: whoever is second sees the first one, so it always ends in
 * TIME_WAIT, and exactly one of them is told that the deadline came nearer. */
static void
no_transition_is_lost_between_workers(void **state)
{
	struct pair p;
	pthread_barrier_t barrier;
	static struct racer racer[2];
	pthread_t thread[2];
	struct masq_session *s;

	(void)state;
	make_pair(&p);
	s = masq_session_at(p.table[1],
			add_session_between(
					p.table[1], p.table[2], 1, MASQ_STATE_ESTABLISHED, 1000));
	pthread_barrier_init(&barrier, NULL, 3);
	racer[0].half = masq_half_at(p.table[1], s->initial);
	racer[1].half = masq_half_at(p.table[2], s->reply);
	for (unsigned int i = 0; i < 2; i++) {
		racer[i].table = p.table[i + 1];
		racer[i].barrier = &barrier;
		assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
	}
	for (unsigned int round = 0; round < RACE_ROUNDS; round++) {
		atomic_store(&s->state, MASQ_STATE_ESTABLISHED);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		assert_int_equal(atomic_load(&s->state), MASQ_STATE_TIME_WAIT);
		assert_int_equal(racer[0].nearer[round] + racer[1].nearer[round], 1);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
	free_pair(&p);
}

/* ---------------------------------------------------------------- listings */

static void
a_row_says_all_of_a_session(void **state)
{
	struct pair p;
	struct masq_session_row row[4];
	struct masq_tuple initial = tuple_of(77), reply = masq_tuple_reverse(&initial);
	uint64_t now_ms = UINT64_C(0x500000000) - 5000;
	uint32_t cursor = 0, session;
	struct masq_session *s;

	(void)state;
	make_pair(&p);
	session = add_session_between(p.table[1], p.table[2], 77, MASQ_STATE_UDP, now_ms);
	s = masq_session_at(p.table[1], session);
	s->mark = 9;
	s->origin = 1234;
	s->kind = MASQ_SESSION_PORTFW;
	masq_half_seen(masq_half_at(p.table[2], s->reply), now_ms + 3000, 700);
	masq_half_seen(masq_half_at(p.table[2], s->reply), now_ms + 4000, 800);
	assert_int_equal(masq_session_rows(p.table[1], &cursor, &default_timeouts, now_ms + 10000,
					 ALL, row, 4),
			1);
	assert_int_equal(cursor, 1000);
	assert_memory_equal(&row[0].initial, &initial, sizeof(initial));
	assert_memory_equal(&row[0].reply, &reply, sizeof(reply));
	assert_int_equal(row[0].state, MASQ_STATE_UDP);
	assert_int_equal(row[0].kind, MASQ_SESSION_PORTFW);
	assert_int_equal(row[0].creator, 1);
	assert_int_equal(row[0].reply_worker, 2);
	assert_int_equal(row[0].mark, 9);
	assert_int_equal(row[0].origin, 1234);
	assert_int_equal(row[0].expires_ms, 294000);
	assert_int_equal(row[0].age_ms, 10000);
	assert_int_equal(row[0].initial_packets, 1);
	assert_int_equal(row[0].initial_bytes, 100);
	assert_int_equal(row[0].reply_packets, 2);
	assert_int_equal(row[0].reply_bytes, 1500);
	free_pair(&p);
}

static void
rows_know_what_is_not_there(void **state)
{
	static const struct masq_tuple nobody;
	struct masq_session_table *table = make_table(0, 10, 20);
	struct masq_session_row row[10];
	uint32_t cursor = 0, one, due, dying;

	(void)state;
	masq_session_alloc(table); /* no halves yet */
	one = add_session(table, 1, MASQ_STATE_UDP, 1000);
	due = add_session(table, 2, MASQ_STATE_UDP, 1000);
	dying = add_session(table, 3, MASQ_STATE_UDP, 1000);
	masq_half_remove(table, masq_session_at(table, one)->reply);
	masq_session_at(table, one)->reply = MASQ_HALF_NONE;
	masq_session_arm_now(table, due);
	masq_session_at(table, dying)->dying = 1;
	assert_int_equal(masq_session_rows(table, &cursor, &default_timeouts, 500000, ALL, row, 10),
			2);
	assert_memory_equal(&row[0].reply, &nobody, sizeof(nobody));
	assert_int_equal(row[0].reply_packets, 0);
	assert_int_equal(row[0].expires_ms, 0);
	cursor = 0;
	assert_int_equal(masq_session_rows(table, &cursor, &default_timeouts, 2000, ALL, row, 10),
			2);
	assert_int_equal(row[0].expires_ms, 299000);
	assert_int_equal(row[1].expires_ms, 0);
	masq_session_table_destroy(table);
}

#define LISTED 500

/* Even numbers live all the time; odd ones come and go between the pages. */
static void
pages_list_what_stays_exactly_once(void **state)
{
	struct masq_session_table *table = make_table(0, LISTED, 2 * LISTED);
	uint64_t random = random_seed();
	uint32_t session[LISTED];

	(void)state;
	for (uint32_t i = 0; i < LISTED; i++)
		session[i] = add_session(table, i, MASQ_STATE_UDP, 1000);
	for (unsigned int listing = 0; listing < 50; listing++) {
		unsigned int seen[LISTED] = { 0 };
		uint32_t cursor = 0;

		while (cursor < LISTED) {
			struct masq_session_row row[16];
			unsigned int max = random_below(&random, 16) + 1;
			unsigned int scan = random_below(&random, 40) + 1;
			uint32_t from = cursor;
			unsigned int n = masq_session_rows(
					table, &cursor, &default_timeouts, 2000, scan, row, max);

			assert_in_range(cursor, from + 1, from + scan);
			assert_in_range(n, 0, max);
			for (unsigned int i = 0; i < n; i++)
				seen[rte_be_to_cpu_32(row[i].initial.src) - 0x0a000000]++;
			for (unsigned int i = 0; i < 20; i++) {
				uint32_t odd = random_below(&random, LISTED / 2) * 2 + 1;

				if (session[odd] != MASQ_SESSION_NONE) {
					drop_session(table, session[odd]);
					session[odd] = MASQ_SESSION_NONE;
				} else {
					session[odd] = add_session(
							table, odd, MASQ_STATE_UDP, 1000);
				}
			}
		}
		for (uint32_t i = 0; i < LISTED; i += 2)
			assert_int_equal(seen[i], 1);
	}
	masq_session_table_destroy(table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_record_fits_and_no_more),
		cmocka_unit_test(a_new_record_is_blank),
		cmocka_unit_test(begun_at_once_is_made_in_steps),
		cmocka_unit_test(what_cannot_be_opened_leaves_nothing),
		cmocka_unit_test(the_side_that_has_more_half_open_ones_gives_way),
		cmocka_unit_test(packets_are_counted_in_their_half),
		cmocka_unit_test(packets_change_states),
		cmocka_unit_test(the_other_worker_keeps_a_session_alive),
		cmocka_unit_test(either_worker_changes_the_state),
		cmocka_unit_test(no_transition_is_lost_between_workers),
		cmocka_unit_test(a_row_says_all_of_a_session),
		cmocka_unit_test(rows_know_what_is_not_there),
		cmocka_unit_test(pages_list_what_stays_exactly_once),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
