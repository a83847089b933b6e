/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Time: that sessions end when their timeout is over, never before and within a slot after; what
 * moves a deadline; bounds of a tick; clocks that jump and wrap; and a random run against a plain
 * list of deadlines.
 */

#include <masq_test_eal.h>

#include "session_fixture.h"

#define SLOT_MS MASQ_WHEEL_SLOT_MS
#define ALL UINT32_MAX
#define MANY 8192
#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static uint32_t expired[MANY];

static unsigned int
tick(struct masq_session_table *table, uint64_t now_ms)
{
	return masq_session_tick(table, &default_timeouts, now_ms, ALL, expired, MANY);
}

/* Let time pass in steps; the clock at the tick that hands @p session back, 0 when none does. */
static uint64_t
when_expired(struct masq_session_table *table, uint32_t session, uint64_t from_ms, uint64_t to_ms,
		uint64_t step_ms)
{
	for (uint64_t now_ms = from_ms; now_ms <= to_ms; now_ms += step_ms) {
		unsigned int n = tick(table, now_ms);

		assert_in_range(n, 0, 1);
		if (n == 0)
			continue;
		assert_int_equal(expired[0], session);
		assert_int_equal(masq_session_at(table, session)->wheel_slot, MASQ_SESSION_NONE);
		return now_ms;
	}
	return 0;
}

static void
expect_expiry_at(struct masq_session_table *table, uint32_t session, uint64_t from_ms,
		uint64_t deadline_ms, uint64_t step_ms)
{
	uint64_t at_ms = when_expired(table, session, from_ms, deadline_ms + 5000, step_ms);

	if (at_ms < deadline_ms || at_ms >= deadline_ms + SLOT_MS + step_ms)
		fail_msg("deadline %llu, ended at %llu, clock from %llu in steps of %llu",
				(unsigned long long)deadline_ms, (unsigned long long)at_ms,
				(unsigned long long)from_ms, (unsigned long long)step_ms);
}

static const uint64_t clocks_ms[] = { 0, 1, 255, 256, 1000003, UINT64_C(1) << 20,
	/* the 32-bit clock wraps 1 ms, 30 s, 200 s, 5000 s later, and just has */
	(UINT64_C(1) << 32) - 1, (UINT64_C(1) << 32) - 30000, (UINT64_C(1) << 32) - 200000,
	(UINT64_C(7) << 32) - 5000000, UINT64_C(3) << 32, UINT64_C(1761500000123) };

static const struct {
	enum masq_state state;
	uint32_t timeout_s;
	uint32_t step_ms;
} expiries[] = {
	{ MASQ_STATE_CLOSE, 240, 1 },
	{ MASQ_STATE_ICMP, 60, 7 },
	{ MASQ_STATE_UDP, 300, 31 },
	{ MASQ_STATE_ESTABLISHED, 7440, 100 },
	{ MASQ_STATE_ESTABLISHED, 7440, 977 },
};

static void
idle_sessions_end_with_their_timeout(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(clocks_ms) / sizeof(clocks_ms[0]); c++) {
		for (size_t e = 0; e < sizeof(expiries) / sizeof(expiries[0]); e++) {
			struct masq_session_table *table = make_table(0, 8, 16);
			uint32_t session = add_session(table, 1, expiries[e].state, clocks_ms[c]);

			expect_expiry_at(table, session, clocks_ms[c],
					clocks_ms[c] + expiries[e].timeout_s * UINT64_C(1000),
					expiries[e].step_ms);
			masq_session_table_destroy(table);
		}
	}
}

static void
use_of_either_half_puts_the_end_off(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(clocks_ms) / sizeof(clocks_ms[0]); c++) {
		struct masq_session_table *table = make_table(0, 8, 16);
		uint64_t now_ms = clocks_ms[c];
		uint32_t session = add_session(table, 1, MASQ_STATE_UDP, now_ms);

		for (unsigned int i = 0; i < 20; i++) {
			assert_int_equal(when_expired(table, session, now_ms, now_ms + 299000, 100),
					0);
			now_ms += 299000;
			masq_half_seen(i % 2 == 0 ? reply_half(table, session)
						  : initial_half(table, session),
					now_ms, 40);
		}
		expect_expiry_at(table, session, now_ms, now_ms + 300000, 100);
		masq_session_table_destroy(table);
	}
}

static const struct {
	const char *name;
	uint8_t flags;
	uint32_t timeout_s;
	void (*arm)(struct masq_session_table *table, uint32_t session,
			const struct masq_conf_timeouts *timeouts, uint64_t now_ms);
} endings[] = {
	{ "FIN", MASQ_TCP_FIN | MASQ_TCP_ACK, 240, masq_session_arm },
	{ "RST", MASQ_TCP_RST, 240, masq_session_arm },
	{ "FIN, just seen", MASQ_TCP_FIN | MASQ_TCP_ACK, 240, masq_session_arm_seen },
	{ "RST, just seen", MASQ_TCP_RST, 240, masq_session_arm_seen },
};

static void
closing_brings_the_end_nearer(void **state)
{
	(void)state;
	for (size_t e = 0; e < sizeof(endings) / sizeof(endings[0]); e++) {
		struct masq_session_table *table = make_table(0, 8, 16);
		uint64_t now_ms = 1000000;
		uint32_t session = add_session(table, 1, MASQ_STATE_ESTABLISHED, now_ms);

		now_ms += 777000;
		assert_int_equal(tick(table, now_ms), 0);
		masq_half_seen(initial_half(table, session), now_ms, 40);
		assert_true(masq_session_event(table, initial_half(table, session),
				endings[e].flags, &default_timeouts));
		endings[e].arm(table, session, &default_timeouts, now_ms);
		expect_expiry_at(table, session, now_ms,
				now_ms + endings[e].timeout_s * UINT64_C(1000), 10);
		masq_session_table_destroy(table);
	}
}

static void
arming_keeps_an_earlier_slot(void **state)
{
	struct masq_session_table *table = make_table(0, 8, 16);
	uint32_t session = add_session(table, 1, MASQ_STATE_SYN_SENT, 1000);
	uint32_t slot = masq_session_at(table, session)->wheel_slot;

	(void)state;
	atomic_store(&masq_session_at(table, session)->state, MASQ_STATE_ESTABLISHED);
	masq_session_arm(table, session, &default_timeouts, 1000);
	assert_int_equal(masq_session_at(table, session)->wheel_slot, slot);
	expect_expiry_at(table, session, 1000, 1000 + 7440000, 100);
	masq_session_table_destroy(table);
}

static void
rearming_applies_new_timeouts(void **state)
{
	struct masq_conf_timeouts timeouts = default_timeouts;
	struct masq_session_table *table = make_table(0, 100, 200);
	uint64_t now_ms = 5000000;
	uint32_t cursor = 0, calls = 0, off_wheel;

	(void)state;
	tick(table, now_ms);
	for (uint32_t i = 0; i < 90; i++)
		add_session(table, i, MASQ_STATE_ESTABLISHED, now_ms);
	off_wheel = masq_session_alloc(table);
	timeouts.tcp_established_s = 60;
	while (!masq_session_rearm(table, &cursor, &timeouts, now_ms + 1000, 7))
		calls++;
	assert_in_range(calls, 13, 14);
	assert_int_equal(masq_session_at(table, off_wheel)->wheel_slot, MASQ_SESSION_NONE);
	assert_int_equal(
			masq_session_tick(table, &timeouts, now_ms + 59999, ALL, expired, MANY), 0);
	assert_int_equal(masq_session_tick(table, &timeouts, now_ms + 60256, ALL, expired, MANY),
			90);
	masq_session_table_destroy(table);
}

/* Longer ones need no re-arming: the slot comes too early and sends the session on. */
static void
longer_timeouts_are_obeyed(void **state)
{
	struct masq_conf_timeouts timeouts = default_timeouts;
	struct masq_session_table *table = make_table(0, 8, 16);
	uint64_t now_ms = 5000000;

	(void)state;
	add_session(table, 1, MASQ_STATE_UDP, now_ms);
	timeouts.udp_s = 900;
	for (uint64_t t = 0; t < 900000; t += 50)
		assert_int_equal(
				masq_session_tick(table, &timeouts, now_ms + t, ALL, expired, MANY),
				0);
	assert_int_equal(masq_session_tick(table, &timeouts, now_ms + 900256, ALL, expired, MANY),
			1);
	masq_session_table_destroy(table);
}

static void
flushed_sessions_end_at_the_next_tick(void **state)
{
	struct masq_session_table *table = make_table(0, 100, 200);
	uint64_t now_ms = 5000000;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		add_session(table, i, MASQ_STATE_ESTABLISHED, now_ms);
	assert_int_equal(tick(table, now_ms), 0);
	for (uint32_t i = 0; i < 50; i++)
		masq_session_arm_now(table, i);
	masq_session_arm_now(table, 7);
	/* Neither a nearer deadline nor use takes them off the list again. */
	atomic_store(&masq_session_at(table, 8)->state, MASQ_STATE_CLOSE);
	masq_session_arm(table, 8, &default_timeouts, now_ms);
	masq_half_seen(initial_half(table, 9), now_ms, 40);
	assert_int_equal(
			masq_session_tick(table, &default_timeouts, now_ms, 30, expired, MANY), 30);
	assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, ALL, expired, 5), 5);
	assert_int_equal(tick(table, now_ms), 15);
	for (unsigned int i = 0; i < 15; i++)
		assert_in_range(expired[i], 0, 49);
	assert_int_equal(tick(table, now_ms + 1000), 0);
	masq_session_table_destroy(table);
}

/* Those that are flushed while others still wait to be handed back stand behind them, and need no tick more. */
static void
flushed_in_portions_end_in_their_order(void **state)
{
	static const uint32_t left[] = { 2, 3, 5, 6, 8 };
	struct masq_session_table *table = make_table(0, 9, 18);
	uint32_t session[9];
	uint64_t now_ms = 5000000;

	(void)state;
	for (uint32_t i = 0; i < 9; i++)
		session[i] = add_session(table, i, MASQ_STATE_ESTABLISHED, now_ms);
	for (uint32_t i = 0; i < 5; i++)
		masq_session_arm_now(table, session[i]);
	assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, 2, expired, MANY), 1);
	assert_int_equal(expired[0], session[0]);
	/* They go from the middle, from the end and from the beginning. */
	drop_session(table, session[3]);
	drop_session(table, session[4]);
	drop_session(table, session[1]);
	session[3] = add_session(table, 10, MASQ_STATE_ESTABLISHED, now_ms);
	masq_session_arm_now(table, session[3]);
	for (uint32_t i = 5; i < 9; i++)
		masq_session_arm_now(table, session[i]);
	drop_session(table, session[7]);
	assert_int_equal(tick(table, now_ms), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(expired[i], session[left[i]]);
	assert_false(masq_session_is_due(table, now_ms));
	masq_session_table_destroy(table);
}

/* The only one that is due goes before its tick: the next one is the first again. */
static void
the_only_due_one_is_freed(void **state)
{
	struct masq_session_table *table = make_table(0, 4, 8);
	uint64_t now_ms = 5000000;
	uint32_t session;

	(void)state;
	tick(table, now_ms);
	for (uint32_t i = 0; i < 3; i++) {
		session = add_session(table, i, MASQ_STATE_ESTABLISHED, now_ms);
		masq_session_arm_now(table, session);
		drop_session(table, session);
	}
	assert_false(masq_session_is_due(table, now_ms));
	session = add_session(table, 4, MASQ_STATE_ESTABLISHED, now_ms);
	masq_session_arm_now(table, session);
	assert_int_equal(tick(table, now_ms), 1);
	assert_int_equal(expired[0], session);
	masq_session_table_destroy(table);
}

/* Whose end cannot be begun is made due again: each of the others has its turn before. */
static void
who_comes_back_stands_behind_all_others(void **state)
{
	enum {
		N = 100,
		A_TICK = 8
	};
	struct masq_session_table *table = make_table(0, N, 2 * N);
	unsigned int tries[N] = { 0 };
	uint64_t now_ms = 5000000;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		add_session(table, i, MASQ_STATE_ESTABLISHED, now_ms);
		masq_session_arm_now(table, i);
	}
	assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, ALL, expired, 0), 0);
	for (unsigned int done = 0; done < 3 * N;) {
		unsigned int n = masq_session_tick(
				table, &default_timeouts, now_ms, ALL, expired, A_TICK);

		assert_true(n > 0 && masq_session_is_due(table, now_ms));
		for (unsigned int k = 0; k < n; k++, done++) {
			assert_int_equal(tries[expired[k]]++, done / N);
			masq_session_arm_now(table, expired[k]);
		}
	}
	masq_session_table_destroy(table);
}

static void
a_freed_session_leaves_the_wheel(void **state)
{
	struct masq_session_table *table = make_table(0, 100, 200);

	(void)state;
	/* All in one slot; take out the head, the tail and one between of a list. */
	for (uint32_t i = 0; i < 10 * MASQ_WHEEL_LANES; i++)
		add_session(table, i, MASQ_STATE_UDP, 1000);
	drop_session(table, 9 * MASQ_WHEEL_LANES);
	drop_session(table, 0);
	drop_session(table, 5 * MASQ_WHEEL_LANES);
	assert_int_equal(tick(table, 301300), 10 * MASQ_WHEEL_LANES - 3);
	masq_session_table_destroy(table);
}

/* A tick that stops in the middle of a slot leaves lists that can be taken apart anywhere. */
static void
a_session_leaves_a_half_examined_slot(void **state)
{
	struct masq_session_table *table = make_table(0, 100, 200);
	const uint32_t n = 10 * MASQ_WHEEL_LANES;

	(void)state;
	for (uint32_t lane = 0; lane < MASQ_WHEEL_LANES; lane++) {
		uint64_t now_ms = 1000 + lane * UINT64_C(1000000);
		uint32_t first = MASQ_SESSION_NONE;

		tick(table, now_ms);
		for (uint32_t i = 0; i < n; i++)
			add_session(table, i, MASQ_STATE_UDP, now_ms);
		now_ms += 300256;
		assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, n / 2, expired,
						 MANY),
				n / 2);
		for (unsigned int i = 0; i < n / 2; i++)
			drop_session(table, expired[i]);
		/* What is now the head of this lane's list: the only one with nothing before it. */
		for (uint32_t i = lane; i < n; i += MASQ_WHEEL_LANES) {
			struct masq_session *s = masq_session_at(table, i);

			if (s->initial != MASQ_HALF_NONE && s->wheel_prev == MASQ_SESSION_NONE) {
				assert_int_equal(first, MASQ_SESSION_NONE);
				first = i;
			}
		}
		assert_int_not_equal(first, MASQ_SESSION_NONE);
		drop_session(table, first);
		assert_int_equal(tick(table, now_ms), n / 2 - 1);
		for (unsigned int i = 0; i < n / 2 - 1; i++)
			drop_session(table, expired[i]);
		assert_int_equal(masq_session_count(table), 0);
	}
	masq_session_table_destroy(table);
}

/* Flushed sessions and due ones share one budget. */
static void
the_budget_is_for_both_kinds(void **state)
{
	struct masq_session_table *table = make_table(0, 100, 200);
	uint64_t now_ms = 1000;

	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		add_session(table, i, MASQ_STATE_UDP, now_ms);
	now_ms += 300256;
	for (uint32_t i = 0; i < 20; i++)
		masq_session_arm_now(table, i);
	assert_int_equal(
			masq_session_tick(table, &default_timeouts, now_ms, 30, expired, MANY), 30);
	assert_int_equal(tick(table, now_ms), 30);
	masq_session_table_destroy(table);
}

#define MILLION 1000000
#define BUDGET 500

static void
a_million_that_end_together_are_spread(void **state)
{
	struct masq_session_table *table = make_table(0, MILLION, 2 * MILLION);
	unsigned int total = 0, calls = 0, n;
	uint64_t now_ms = 777;

	(void)state;
	for (uint32_t i = 0; i < MILLION; i++)
		add_session(table, i, MASQ_STATE_UDP, now_ms);
	assert_int_equal(masq_session_count(table), MILLION);
	now_ms += 300256;
	for (; total < MILLION; calls++) {
		n = masq_session_tick(table, &default_timeouts, now_ms, BUDGET, expired, MANY);
		assert_int_equal(n, BUDGET);
		for (unsigned int i = 0; i < n; i++)
			drop_session(table, expired[i]);
		total += n;
		now_ms += calls % 2;
	}
	assert_int_equal(calls, MILLION / BUDGET);
	assert_int_equal(masq_session_count(table), 0);
	assert_int_equal(tick(table, now_ms + DAY_MS), 0);
	masq_session_table_destroy(table);
}

/* Sessions that are all in use cost budget as well: none ends, the walk goes on over the calls. */
static void
the_budget_counts_examined_sessions(void **state)
{
	struct masq_session_table *table = make_table(0, 1000, 2000);
	uint64_t now_ms = 1000;
	uint32_t slot;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		add_session(table, i, MASQ_STATE_UDP, now_ms);
	slot = masq_session_at(table, 0)->wheel_slot / MASQ_WHEEL_LANES;
	now_ms += 301000;
	for (uint32_t i = 0; i < 1000; i++)
		masq_half_seen(initial_half(table, i), now_ms, 40);
	for (unsigned int call = 1; call <= 10; call++) {
		unsigned int left = 0;

		assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, 100, expired,
						 MANY),
				0);
		for (uint32_t i = 0; i < 1000; i++)
			left += masq_session_at(table, i)->wheel_slot / MASQ_WHEEL_LANES == slot;
		assert_int_equal(left, 1000 - 100 * call);
	}
	assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, 0, expired, MANY), 0);
	assert_int_equal(masq_session_tick(table, &default_timeouts, now_ms, 100, expired, 0), 0);
	assert_int_equal(tick(table, now_ms + 300256), 1000);
	masq_session_table_destroy(table);
}

static const uint64_t jumps_ms[] = { 2 * HOUR_MS, 4095 * SLOT_MS, 4096 * SLOT_MS, 4097 * SLOT_MS,
	30 * DAY_MS, 45 * DAY_MS, 400 * DAY_MS, 40000 * DAY_MS };

static void
a_jump_of_the_clock_examines_all_once(void **state)
{
	(void)state;
	for (size_t j = 0; j < sizeof(jumps_ms) / sizeof(jumps_ms[0]); j++) {
		struct masq_session_table *table = make_table(0, 1000, 2000);
		uint64_t now_ms = 123456;

		for (uint32_t i = 0; i < 1000; i++) {
			tick(table, now_ms);
			add_session(table, i, i % 2 ? MASQ_STATE_UDP : MASQ_STATE_ESTABLISHED,
					now_ms);
			now_ms += 10;
		}
		now_ms += jumps_ms[j];
		/* Some were used right after the jump, before the tick. */
		for (uint32_t i = 0; i < 1000; i += 10)
			masq_half_seen(initial_half(table, i), now_ms, 40);
		if (jumps_ms[j] >= 30 * DAY_MS)
			assert_int_equal(tick(table, now_ms), 900);
		else
			assert_int_equal(tick(table, now_ms), 500);
		assert_int_equal(tick(table, now_ms), 0);
		tick(table, now_ms + 8000000);
		masq_session_table_destroy(table);
	}
}

/* Arming long after the last tick, and before the first one. */
static void
arming_needs_no_recent_tick(void **state)
{
	struct masq_session_table *table = make_table(0, 8, 16);
	uint64_t now_ms = UINT64_C(1761500000123);
	uint32_t session = add_session(table, 1, MASQ_STATE_UDP, now_ms);

	(void)state;
	assert_int_equal(tick(table, now_ms + 299999), 0);
	assert_int_equal(tick(table, now_ms + 300256), 1);
	now_ms += 3 * HOUR_MS;
	masq_half_seen(initial_half(table, session), now_ms, 40);
	masq_session_arm(table, session, &default_timeouts, now_ms);
	expect_expiry_at(table, session, now_ms, now_ms + 300000, 1);
	masq_session_table_destroy(table);
}

static void
a_half_seen_by_a_faster_clock_is_not_old(void **state)
{
	struct masq_session_table *table = make_table(0, 8, 16);
	uint32_t session = add_session(table, 1, MASQ_STATE_ICMP, 1000000);

	(void)state;
	masq_half_seen(reply_half(table, session), 1060300, 40);
	assert_int_equal(tick(table, 1060288), 0);
	expect_expiry_at(table, session, 1060288, 1060300 + 60000, 1);
	masq_session_table_destroy(table);
}

/* A session that is always used lives over every wrap of the 32-bit clock. */
static void
used_sessions_live_for_months(void **state)
{
	struct masq_session_table *table = make_table(0, 8, 16);
	uint64_t now_ms = 99;
	uint32_t session = add_session(table, 1, MASQ_STATE_ESTABLISHED, now_ms);

	(void)state;
	for (; now_ms < 120 * DAY_MS; now_ms += 100000) {
		assert_int_equal(tick(table, now_ms), 0);
		if (now_ms / 100000 % 70 == 0)
			masq_half_seen(initial_half(table, session), now_ms, 40);
	}
	masq_half_seen(initial_half(table, session), now_ms, 40);
	expect_expiry_at(table, session, now_ms, now_ms + 7440000, 100);
	masq_session_table_destroy(table);
}

/* ---------------------------------------------------------------- against a plain list */

#define MODEL_SESSIONS 300
#define MODEL_STEPS 60000

struct model {
	struct masq_session_table *table;

	struct {
		bool lives;
		bool now; /* flushed */
		uint64_t seen_ms;
		enum masq_state state;
	} session[MODEL_SESSIONS];

	struct masq_conf_timeouts timeouts;
	uint64_t timeouts_ms; /* when they changed: what is overdue by new ones ends a slot later */
	uint64_t now_ms;
	uint64_t random;
	uint32_t created; /* numbers the tuples: two sessions must never share one */
};

static uint64_t
model_deadline(const struct model *m, uint32_t i)
{
	return m->session[i].now ? 0
				 : m->session[i].seen_ms +
					masq_state_timeout_ms(&m->timeouts, m->session[i].state);
}

static void
model_create(struct model *m)
{
	static const enum masq_state states[] = { MASQ_STATE_SYN_SENT, MASQ_STATE_ESTABLISHED,
		MASQ_STATE_UDP, MASQ_STATE_ICMP, MASQ_STATE_CLOSE, MASQ_STATE_NONE };
	enum masq_state state = states[random_below(&m->random, 6)];
	uint32_t session;

	if (masq_session_count(m->table) == MODEL_SESSIONS)
		return;
	session = add_session(m->table, m->created++, state, m->now_ms);
	masq_session_arm(m->table, session, &m->timeouts, m->now_ms);
	assert_false(m->session[session].lives);
	m->session[session].lives = true;
	m->session[session].now = false;
	m->session[session].seen_ms = m->now_ms;
	m->session[session].state = state;
}

static void
model_segment(struct model *m, uint32_t i)
{
	static const uint8_t flags[] = { MASQ_TCP_ACK, MASQ_TCP_SYN, MASQ_TCP_SYN | MASQ_TCP_ACK,
		MASQ_TCP_FIN, MASQ_TCP_RST, 0 };
	uint8_t f = flags[random_below(&m->random, 6)];
	bool is_initial = random_below(&m->random, 2) == 0;
	struct masq_half *half = is_initial ? initial_half(m->table, i) : reply_half(m->table, i);

	masq_half_seen(half, m->now_ms, 40);
	if (masq_session_event(m->table, half, f, &m->timeouts)) {
		if (random_below(&m->random, 2) == 0)
			masq_session_arm(m->table, i, &m->timeouts, m->now_ms);
		else
			masq_session_arm_seen(m->table, i, &m->timeouts, m->now_ms);
	}
	m->session[i].seen_ms = m->now_ms;
	m->session[i].state = masq_tcp_next(m->session[i].state, is_initial, f);
}

static void
model_tick(struct model *m, unsigned int budget, unsigned int max)
{
	unsigned int n = masq_session_tick(m->table, &m->timeouts, m->now_ms, budget, expired, max);

	assert_true(n <= max && n <= budget);
	for (unsigned int i = 0; i < n; i++) {
		assert_true(m->session[expired[i]].lives);
		assert_true(model_deadline(m, expired[i]) <= m->now_ms);
		m->session[expired[i]].lives = false;
		drop_session(m->table, expired[i]);
	}
	if (budget != ALL)
		return;
	for (uint32_t i = 0; i < MODEL_SESSIONS; i++)
		if (m->session[i].lives)
			assert_true(RTE_MAX(model_deadline(m, i), m->timeouts_ms) + SLOT_MS >
					m->now_ms);
}

static void
model_timeouts(struct model *m)
{
	uint32_t cursor = 0;

	m->timeouts_ms = m->now_ms;
	m->timeouts.udp_s = 1 + random_below(&m->random, 400);
	m->timeouts.tcp_established_s = 1 + random_below(&m->random, 9000);
	while (!masq_session_rearm(m->table, &cursor, &m->timeouts, m->now_ms,
			1 + random_below(&m->random, 50)))
		;
}

static void
model_step(struct model *m)
{
	uint32_t i = random_below(&m->random, MODEL_SESSIONS), dice = random_below(&m->random, 100);

	if (dice < 20)
		model_create(m);
	else if (dice < 21)
		model_timeouts(m);
	else if (dice < 22)
		m->now_ms += random_below(&m->random, 3 * HOUR_MS);
	else if (dice < 40)
		m->now_ms += random_below(&m->random, 20000);
	else if (dice < 60)
		model_tick(m, ALL, MANY);
	else if (dice < 70)
		model_tick(m, random_below(&m->random, 20), random_below(&m->random, 20));
	else if (!m->session[i].lives)
		return;
	else if (dice < 95)
		model_segment(m, i);
	else if (dice < 97) {
		m->session[i].now = true;
		masq_session_arm_now(m->table, i);
	} else {
		m->session[i].lives = false;
		drop_session(m->table, i);
	}
}

static void
the_wheel_agrees_with_a_list_of_deadlines(void **state)
{
	static const uint64_t starts_ms[] = { 0, (UINT64_C(1) << 32) - 10 * HOUR_MS };
	uint64_t seed = random_seed();

	(void)state;
	for (size_t s = 0; s < sizeof(starts_ms) / sizeof(starts_ms[0]); s++) {
		struct model m = {
			.table = make_table(0, MODEL_SESSIONS, 2 * MODEL_SESSIONS),
			.timeouts = default_timeouts,
			.now_ms = starts_ms[s],
			.random = seed + s,
		};

		for (unsigned int step = 0; step < MODEL_STEPS; step++)
			model_step(&m);
		m.now_ms += DAY_MS;
		model_tick(&m, ALL, MANY);
		assert_int_equal(masq_session_count(m.table), 0);
		masq_session_table_destroy(m.table);
	}
}

/* Fetching is nothing but that, whatever a session has: both halves here, one elsewhere, only one yet. */
static void
fetching_changes_nothing(void **state)
{
	struct masq_session_table *table = make_table(0, 100, 200),
				  *other = make_table(1, 100, 200);
	struct masq_session_table *both[] = { table, other };
	uint32_t sessions[MASQ_SESSION_FETCH_MAX];
	struct masq_session before[100];
	struct masq_half halves[200];

	(void)state;
	masq_session_table_link(table, both, 2);
	masq_session_table_link(other, both, 2);
	for (uint32_t k = 0; k < MASQ_SESSION_FETCH_MAX; k++)
		sessions[k] = add_session_between(
				table, k % 3 == 0 ? other : table, k, MASQ_STATE_UDP, 1000);
	masq_session_at(table, sessions[1])->reply = MASQ_HALF_NONE;
	memcpy(before, masq_session_at(table, 0), sizeof(before));
	memcpy(halves, masq_half_at(table, 0), sizeof(halves));
	for (unsigned int n = 0; n <= MASQ_SESSION_FETCH_MAX; n++)
		masq_session_fetch(table, sessions, n);
	for (unsigned int k = 0; k < MASQ_SESSION_FETCH_MAX; k++)
		masq_session_arm_fetch(table, sessions[k]);
	assert_memory_equal(before, masq_session_at(table, 0), sizeof(before));
	assert_memory_equal(halves, masq_half_at(table, 0), sizeof(halves));
	masq_session_table_destroy(table);
	masq_session_table_destroy(other);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_sessions_end_with_their_timeout),
		cmocka_unit_test(use_of_either_half_puts_the_end_off),
		cmocka_unit_test(closing_brings_the_end_nearer),
		cmocka_unit_test(arming_keeps_an_earlier_slot),
		cmocka_unit_test(rearming_applies_new_timeouts),
		cmocka_unit_test(longer_timeouts_are_obeyed),
		cmocka_unit_test(flushed_sessions_end_at_the_next_tick),
		cmocka_unit_test(flushed_in_portions_end_in_their_order),
		cmocka_unit_test(the_only_due_one_is_freed),
		cmocka_unit_test(who_comes_back_stands_behind_all_others),
		cmocka_unit_test(a_freed_session_leaves_the_wheel),
		cmocka_unit_test(a_session_leaves_a_half_examined_slot),
		cmocka_unit_test(the_budget_is_for_both_kinds),
		cmocka_unit_test(a_million_that_end_together_are_spread),
		cmocka_unit_test(the_budget_counts_examined_sessions),
		cmocka_unit_test(a_jump_of_the_clock_examines_all_once),
		cmocka_unit_test(arming_needs_no_recent_tick),
		cmocka_unit_test(a_half_seen_by_a_faster_clock_is_not_old),
		cmocka_unit_test(used_sessions_live_for_months),
		cmocka_unit_test(the_wheel_agrees_with_a_list_of_deadlines),
		cmocka_unit_test(fetching_changes_nothing),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "1024");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
