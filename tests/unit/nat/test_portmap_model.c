/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The port map against a plain model: for each peer an array of who holds which port. Sessions of
 * many peers, addresses and protocols come and go at random; halves of forwarded sessions sit down
 * on ports and leave, with and without a word. A port that is handed out must be free in the model, and a
 * refusal must be right in it.
 */

#include <errno.h>
#include <netinet/in.h>

#include "masq_test_eal.h"
#include "test_portmap_lib.h"

#define PEERS_MAX 24
#define FOREIGN_MAX 1000

enum holder {
	NOBODY,
	SESSION,
	FOREIGN
};

struct model_row {
	const char *name;
	struct plan plan;
	uint32_t peers; /* spread over three protocols and three addresses */
	uint32_t steps;
	uint32_t swing; /* so many steps it fills up, so many it empties */
	bool foreign; /* halves of forwarded sessions, too */
	bool told; /* the map is told when they leave */
	bool icmp;
};

/* clang-format off */
static const struct model_row model_rows[] = {
	{ "small shares",
		{ .workers = 2, .low = 2000, .high = 2299, .sessions = 40000 },
		24, 300000, 12000, false, false, false },
	{ "small shares, foreign halves",
		{ .workers = 4, .low = 2000, .high = 2299, .sessions = 40000 },
		24, 300000, 12000, true, false, false },
	{ "large shares",
		{ .workers = 1, .low = 2000, .high = 5999, .sessions = 60000 },
		9, 300000, 60000, false, false, false },
	{ "large shares, two workers, foreign halves",
		{ .workers = 2, .low = 2000, .high = 7999, .sessions = 60000 },
		9, 500000, 100000, true, false, false },
	{ "small shares, foreign halves, told",
		{ .workers = 4, .low = 2000, .high = 2299, .sessions = 40000 },
		24, 300000, 12000, true, true, false },
	{ "large shares, foreign halves, told",
		{ .workers = 1, .low = 2000, .high = 5999, .sessions = 60000 },
		9, 300000, 60000, true, true, false },
	{ "few bitmaps, few crowds",
		{ .workers = 2, .low = 2000, .high = 2999, .sessions = 40000, .addresses = 1,
			.crowds = 2 },
		16, 300000, 30000, true, false, false },
	{ "few crowds of large shares",
		{ .workers = 1, .low = 2000, .high = 5999, .sessions = 60000, .crowds = 1 },
		4, 300000, 40000, false, false, false },
	{ "identifiers, foreign halves, told",
		{ .workers = 1, .sessions = 300000, .addresses = 1 },
		3, 600000, 320000, true, true, true },
};
/* clang-format on */

static struct house house;
static struct masq_tuple peers[PEERS_MAX];
static uint8_t held[PEERS_MAX][65536]; /* by peer and port: enum holder */
static uint32_t n_free[PEERS_MAX][WORKERS_MAX]; /* ports of a share that nobody holds */
static struct sessions sessions, foreign;
static uint32_t refusals, retries;
static uint64_t random_state;

static uint32_t
next_random(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * n >> 32);
}

static uint32_t
peer_of(const struct session *session)
{
	uint32_t p = 0;

	for (struct masq_tuple key = session->reply;; p++) {
		assert_true(p < PEERS_MAX);
		key.dport = 0;
		if (memcmp(&key, &peers[p], sizeof(key)) == 0)
			return p;
	}
}

static void
note(const struct session *session, enum holder was, enum holder is)
{
	uint32_t p = peer_of(session);

	assert_int_equal(held[p][port_of(&session->reply)], was);
	held[p][port_of(&session->reply)] = (uint8_t)is;
	n_free[p][session->worker] += (is == NOBODY) - (was == NOBODY);
}

static void
build(const struct model_row *row)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct plan plan = row->plan;

	plan.guesses = true;
	house_build(&house, &plan);
	memset(held, 0, sizeof(held));
	memset(n_free, 0, sizeof(n_free));
	for (uint32_t p = 0; p < row->peers; p++) {
		const struct masq_portmap_config *config = &house.map[0]->config;

		peers[p] = peer_tuple(row->icmp ? IPPROTO_ICMP : protos[p % 2], p, p % 3);
		for (uint32_t port = 0; port < 65536; port++) {
			struct masq_tuple reply = peers[p];

			reply.dport = rte_cpu_to_be_16((uint16_t)port);
			if (row->icmp || (port >= config->low && port <= config->high))
				n_free[p][masq_rss_owner(&rss, &reply)]++;
		}
	}
}

/*
 * A refusal is right if the share has no free port. If it has, it is one that a foreign half left,
 * which calls find by and by at 8 ports each, or the call says that it has not looked everywhere.
 */
static void
step_open(const struct model_row *row)
{
	uint32_t p = next_random(row->peers), w = next_random(house.workers), calls = 0;
	uint64_t unproved = stats_of(house.map[w]).unproved;
	struct session session;

	while (session_open(&house, w, &peers[p], &session) != 0) {
		refusals++;
		if (n_free[p][w] == 0)
			return;
		assert_true((row->foreign && !row->told) ||
				stats_of(house.map[w]).unproved != unproved);
		assert_in_range(++calls, 1, 65536 / 8 + 2);
		retries++;
	}
	note(&session, NOBODY, SESSION);
	sessions_add(&sessions, &session);
}

static void
step_close(struct sessions *list, bool told)
{
	uint32_t i;

	if (list->n == 0)
		return;
	i = next_random(list->n);
	if (list == &sessions) {
		session_close(&house, &list->at[i]);
		note(&list->at[i], SESSION, NOBODY);
	} else {
		masq_half_remove(house.table[list->at[i].worker], list->at[i].half);
		note(&list->at[i], FOREIGN, NOBODY);
		if (told)
			masq_portmap_vacated(house.map[list->at[i].worker], &list->at[i].reply);
	}
	list->at[i] = list->at[--list->n];
}

/* The INITIAL half of a forwarded session sits down on a port. */
static void
step_foreign(const struct model_row *row)
{
	const struct masq_portmap_config *config = &house.map[0]->config;
	uint32_t p = next_random(row->peers);
	uint32_t port = config->low + next_random(config->high - config->low + 1u);
	struct masq_half half = { .flags = 0 };
	struct session session = { .reply = peers[p] };

	if (held[p][port] != NOBODY)
		return;
	session.reply.dport = rte_cpu_to_be_16((uint16_t)port);
	session.worker = masq_rss_owner(&rss, &session.reply);
	session.half = masq_half_insert(house.table[session.worker], &session.reply, &half);
	assert_int_not_equal(session.half, MASQ_HALF_NONE);
	note(&session, NOBODY, FOREIGN);
	sessions_add(&foreign, &session);
}

static void
run(const struct model_row *row)
{
	build(row);
	refusals = retries = 0;
	for (uint32_t step = 0; step < row->steps; step++) {
		bool fills = step / row->swing % 2 == 0;

		if (row->foreign && next_random(20) == 0) {
			if (foreign.n < FOREIGN_MAX && next_random(4) != 0)
				step_foreign(row);
			else
				step_close(&foreign, row->told);
		} else if ((next_random(8) != 0) == fills) {
			step_open(row);
		} else {
			step_close(&sessions, true);
		}
	}
	print_message("  %s: %u sessions at the end, %u refusals, %u wrong for a while\n",
			row->name, sessions.n, refusals, retries);
	assert_int_not_equal(refusals, 0);
	while (foreign.n != 0)
		step_close(&foreign, row->told);
	while (sessions.n != 0)
		step_close(&sessions, true);
	house_pull_down(&house);
}

static void
agrees_with_the_model(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(model_rows); i++) {
		random_state = SEED + i;
		print_message("  seed %#lx\n", (unsigned long)random_state);
		run(&model_rows[i]);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_model),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "512");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
