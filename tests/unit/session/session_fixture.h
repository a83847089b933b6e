/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

/*
 * What the session tests share: tables with a known seed, tuples by number, whole sessions by
 * number, and a random sequence whose seed is printed (MASQ_TEST_SEED repeats it).
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_session.h>

static const struct masq_conf_timeouts default_timeouts = {
#define DEFAULT_TIMEOUT(field, word, seconds) .field##_s = (seconds),
	MASQ_CONF_TIMEOUT_LIST(DEFAULT_TIMEOUT)
#undef DEFAULT_TIMEOUT
};

static inline uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A number below n. */
static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(next_random(state) % n);
}

static inline uint64_t
random_seed(void)
{
	const char *given = getenv("MASQ_TEST_SEED");
	struct masq_hash_seed seed;

	if (given != NULL)
		seed.a = strtoull(given, NULL, 0);
	else
		assert_int_equal(masq_hash_seed_random(&seed), 0);
	print_message("MASQ_TEST_SEED=0x%llx\n", (unsigned long long)seed.a);
	return seed.a;
}

static inline struct masq_session_table *
make_table(uint32_t worker, uint32_t sessions, uint32_t halves)
{
	struct masq_session_config config = {
		.worker = worker,
		.sessions = sessions,
		.halves = halves,
		.seed = { UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210) },
		.socket_id = SOCKET_ID_ANY,
	};
	struct masq_err err = { "" };
	struct masq_session_table *table = masq_session_table_create(&config, &err);

	assert_string_equal(err.text, "");
	assert_non_null(table);
	return table;
}

/* The INITIAL tuple of session number n; all numbers differ. */
static inline struct masq_tuple
tuple_of(uint32_t n)
{
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(UINT32_C(0x0a000000) + n),
		.dst = rte_cpu_to_be_32(UINT32_C(0xcb007107)),
		.sport = rte_cpu_to_be_16((uint16_t)(1024 + n % 60000)),
		.dport = rte_cpu_to_be_16(80),
		.proto = IPPROTO_TCP,
	};
}

static inline uint32_t
add_half(struct masq_session_table *table, struct masq_tuple tuple, uint8_t flags, uint8_t creator,
		uint32_t session)
{
	struct masq_half half = { .session = session, .creator = creator, .flags = flags };
	uint32_t index = masq_half_insert(table, &tuple, &half);

	assert_int_not_equal(index, MASQ_HALF_NONE);
	return index;
}

/* A session of an inside client: INITIAL half here, REPLY half in other, used now, armed. */
static inline uint32_t
add_session_between(struct masq_session_table *table, struct masq_session_table *other, uint32_t n,
		enum masq_state state, uint64_t now_ms)
{
	struct masq_tuple initial = tuple_of(n), reply = masq_tuple_reverse(&initial);
	uint32_t session = masq_session_alloc(table);
	struct masq_session *s;

	assert_int_not_equal(session, MASQ_SESSION_NONE);
	s = masq_session_at(table, session);
	s->initial = add_half(
			table, initial, MASQ_HALF_FROM_INSIDE, (uint8_t)table->worker, session);
	s->reply = add_half(other, reply, MASQ_HALF_REPLY, (uint8_t)table->worker, session);
	s->reply_worker = (uint8_t)other->worker;
	s->created_ms = (uint32_t)now_ms;
	atomic_store(&s->state, state);
	masq_half_seen(masq_half_at(table, s->initial), now_ms, 100);
	masq_session_arm(table, session, &default_timeouts, now_ms);
	return session;
}

static inline uint32_t
add_session(struct masq_session_table *table, uint32_t n, enum masq_state state, uint64_t now_ms)
{
	return add_session_between(table, table, n, state, now_ms);
}

static inline struct masq_half *
initial_half(struct masq_session_table *table, uint32_t session)
{
	return masq_half_at(table, masq_session_at(table, session)->initial);
}

/* Of a session whose REPLY half is in the same table. */
static inline struct masq_half *
reply_half(struct masq_session_table *table, uint32_t session)
{
	return masq_half_at(table, masq_session_at(table, session)->reply);
}

/* The same. */
static inline void
drop_session(struct masq_session_table *table, uint32_t session)
{
	masq_half_remove(table, masq_session_at(table, session)->initial);
	masq_half_remove(table, masq_session_at(table, session)->reply);
	masq_session_free(table, session);
}

#endif /* SESSION_FIXTURE_H */
