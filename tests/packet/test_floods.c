/* SPDX-License-Identifier: BSD-3-Clause */
/* Half-open sessions beyond number: they give way to each other, and to nobody is done harm. */
#include <string.h>

#include <rte_byteorder.h>

#include "masq_test_talk.h"

#define FLOOD_RULES                                                         \
	MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80\n" \
		 "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 53\n"

/* Established conversations of both protocols, from both sides. */
static uint32_t
establish(struct masq_test_box *box, struct talk *talks, uint16_t n)
{
	uint32_t made = 0;

	for (uint16_t k = 0; k < n; k++) {
		struct talk tcp = TALK(box, TCP, INSIDE, (uint16_t)(1000 + k), OUTSIDE, 443);
		struct talk udp = TALK(box, UDP, INSIDE, (uint16_t)(1000 + k), OUTSIDE, 53);
		struct talk call = CALL(box, TCP, OUTSIDE, (uint16_t)(1000 + k), 80, SERVER, 80);

		talk_open_from_inside(&tcp);
		talk_out(&udp, 0);
		talk_in(&udp, 0);
		talk_open_from_outside(&call);
		talks[made++] = tcp;
		talks[made++] = udp;
		talks[made++] = call;
	}
	return made;
}

static void
still_talk(struct talk *talks, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		uint8_t flags = talks[k].proto == IPPROTO_TCP ? ACK : 0;

		talk_out(&talks[k], flags);
		talk_in(&talks[k], flags);
	}
}

/* Packets that nobody answers: each is served, the oldest of them goes, nobody else does. */
static void
flood_from_inside(void **state, uint8_t proto)
{
	enum {
		TRIPLES = 4,
		FLOWS = 1000
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct masq_dp_counters counters;
	struct talk talks[3 * TRIPLES];
	uint32_t n = establish(box, talks, TRIPLES);

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 80);

		t.proto = proto;
		talk_out(&t, SYN);
	}
	counters = box_counters(box);
	assert_int_equal(counters.drops[MASQ_DROP_SESSION_TABLE], 0);
	/* The established calls have halves elsewhere, so a table may be full of halves first. */
	assert_in_range(box_sessions(box), 64 * box_workers(state) - n, 64 * box_workers(state));
	assert_int_equal(counters.sessions_evicted, n + FLOWS - box_sessions(box));
	still_talk(talks, n);
	box_close(box);
}

static void
a_flood_of_syns_gives_way_to_itself(void **state)
{
	flood_from_inside(state, IPPROTO_TCP);
}

static void
a_flood_of_datagrams_gives_way_to_itself(void **state)
{
	flood_from_inside(state, IPPROTO_UDP);
}

/* Which flows have a session, by the port that their host uses: from FIRST_PORT on. */
#define FIRST_PORT 2000

static void
list_flows(struct masq_test_box *box, bool *alive, uint8_t *creator, uint32_t n)
{
	const struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row rows[64];
	bool end = false;

	memset(alive, 0, n * sizeof(*alive));
	while (!end) {
		int found = masq_dp_sessions(box_dp(box), &all, &cursor, rows, 64, &end);

		for (int i = 0; i < found; i++) {
			uint32_t flow = rte_be_to_cpu_16(rows[i].initial.sport) - FIRST_PORT;

			assert_true(flow < n);
			alive[flow] = true;
			creator[flow] = rows[i].creator;
		}
	}
}

/* With each new flow the oldest one of its worker goes, and only this. */
static void
half_open_sessions_go_by_age(void **state)
{
	enum {
		RECORDS = 64,
		FLOWS = 400
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = RECORDS
	};
	struct masq_test_box *box = box_open_with(&small);
	uint8_t creator[FLOWS];
	bool alive[FLOWS];

	for (uint32_t k = 0; k < FLOWS; k++) {
		uint32_t younger[4] = { 0 }; /* of each worker */
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(FIRST_PORT + k), OUTSIDE, 80);

		t.proto = k % 2 == 0 ? IPPROTO_UDP : IPPROTO_TCP;
		talk_out(&t, SYN);
		list_flows(box, alive, creator, FLOWS);
		assert_true(alive[k]);
		for (uint32_t i = k + 1; i-- > 0;)
			assert_int_equal(alive[i], younger[creator[i]]++ < RECORDS);
	}
	box_close(box);
}

/* Connections that come about while a flood goes on are not part of it any more. */
static void
connections_made_in_a_flood_stay(void **state)
{
	enum {
		CONNECTIONS = 20,
		EACH = 60 /* packets of the flood before each of them */
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk talks[CONNECTIONS];

	for (uint16_t k = 0; k < CONNECTIONS; k++) {
		for (uint16_t i = 0; i < EACH; i++) {
			struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k * EACH + i),
					OUTSIDE, 80);

			talk_out(&t, SYN);
		}
		talks[k] = (struct talk)TALK(box, TCP, INSIDE, (uint16_t)(1025 + k), OUTSIDE, 443);
		talk_open_from_inside(&talks[k]);
	}
	still_talk(talks, CONNECTIONS);
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	box_close(box);
}

/*
 * Half of the table is established when the flood begins, in that very moment: nobody is refused, from the
 * flood's first packet to its last.
 */
static void
a_flood_right_behind_established_sessions(void **state)
{
	enum {
		SESSIONS = 2048,
		ESTABLISHED = SESSIONS / 2
	};
	static struct talk talks[ESTABLISHED];
	const struct masq_test_box_options options = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = SESSIONS
	};
	struct masq_test_box *box = box_open_with(&options);

	for (uint16_t k = 0; k < ESTABLISHED; k++) {
		talks[k] = (struct talk)TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
		talk_out(&talks[k], 0);
	}
	for (uint16_t k = 0; k < ESTABLISHED; k++)
		talk_in(&talks[k], 0);
	for (uint16_t k = 0; k < 2 * SESSIONS; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(20000 + k), OUTSIDE, 80);

		talk_out(&t, SYN);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	still_talk(talks, ESTABLISHED);
	box_close(box);
}

/*
 * Calls that were reset are on the list for minutes, and among them far more that were not: these are taken off
 * it, however many they are, until one is found that gives way. Nobody is refused.
 */
static void
resets_give_way_among_established_sessions(void **state)
{
	enum {
		RECORDS = 512, /* of each worker; three quarters become established */
		RESETS = 32, /* the oldest: at least one of each worker */
		RUN = 50
	};
	const struct masq_test_box_options options = { .workers = box_workers(state),
		.rules = MASQ_ALL,
		.sessions = RECORDS * box_workers(state) };
	struct masq_test_box *box = box_open_with(&options);
	const uint32_t n = RECORDS * 3 / 4 * box_workers(state);
	static struct talk talks[4 * RECORDS];
	uint32_t made = 0;

	for (uint16_t k = 0; made < n; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 443);

		if (k < RESETS || k % RUN == 0) {
			talk_out(&t, SYN);
			talk_in(&t, RST | ACK);
		} else {
			talk_open_from_inside(&t);
			talks[made++] = t;
		}
	}
	box_advance(box, 100);
	for (uint16_t k = 0; k < 2 * RECORDS * box_workers(state); k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(20000 + k), OUTSIDE, 80);

		talk_out(&t, SYN);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	still_talk(talks, n);
	box_close(box);
}

/* The oldest goes first: those that came last are there. */
static void
the_oldest_half_open_goes_first(void **state)
{
	enum {
		FLOWS = 1000
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk talks[FLOWS];
	uint64_t created;

	for (uint16_t k = 0; k < FLOWS; k++) {
		talks[k] = (struct talk)TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
		talk_out(&talks[k], 0);
	}
	/* Each worker keeps the last 64 of its own, so all keep the last 64 of all. */
	for (uint32_t k = FLOWS - 64; k < FLOWS; k++)
		talk_in(&talks[k], 0);
	created = box_counters(box).sessions_created;
	talk_out(&talks[FLOWS - 1], 0);
	assert_int_equal(box_counters(box).sessions_created, created);
	box_drops_seen(box);
	talk_in_dropped(&talks[0], 0, MASQ_DROP_LOCAL);
	box_close(box);
}

/* A session gives way to a packet of the very burst that brings its first answer: that is nobody's then, and
 * goes nowhere, although the answers of others have been let through. */
static void
an_answer_comes_with_who_takes_its_place(void **state)
{
	enum {
		FLOWS = 64
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = FLOWS
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk call = CALL(box, UDP, OUTSIDE, 5000, 53, SERVER, 53), oldest;
	struct masq_test_pkt pkt, translated;

	box_hello(box, SRV, SERVER);
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 80);

		talk_out(&t, 0);
		if (k == 0)
			talk_in(&t, 0);
		if (k == 1)
			oldest = t;
	}
	assert_int_equal(box_sessions(box), FLOWS);
	pkt = talk_in_pkt(&call, 0);
	translated = talk_in_translated(&call, pkt);
	box_put(box, WAN, &pkt);
	pkt = talk_in_pkt(&oldest, 0);
	box_put(box, WAN, &pkt);
	box_run(box);
	assert_int_equal(box_counters(box).sessions_evicted, 1);
	box_expect(box, SRV, &translated);
	assert_int_equal(box_waiting(box, LAN), 0);
	box_expect_drop(box, MASQ_DROP_LOCAL);
	box_close(box);
}

/* Who only ever sends a SYN has not established anything, although its peer has answered. */
static void
answered_syns_give_way(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = MASQ_ALL, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);

	for (uint16_t k = 0; k < 500; k++) {
		struct talk t = TALK(box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 80);

		talk_out(&t, SYN);
		talk_in(&t, SYN | ACK);
	}
	assert_int_equal(box_counters(box).sessions_created, 500);
	assert_int_equal(box_counters(box).sessions_evicted, 500 - box_sessions(box));
	box_close(box);
}

/* Forwarded calls beyond number that come to nothing, whatever the server says: each is served, they give way to
 * each other, and who is established, or half-open on the other side, is spared. */
static void
flood_from_outside(void **state, uint8_t proto, uint8_t flags, int answer)
{
	enum {
		TRIPLES = 3,
		WAITING = 8,
		FLOWS = 1000
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	uint16_t service = proto == IPPROTO_TCP ? 80 : 53;
	struct talk talks[3 * TRIPLES], waiting[WAITING];
	uint32_t n = establish(box, talks, TRIPLES);

	for (uint16_t k = 0; k < WAITING; k++) {
		waiting[k] = (struct talk)TALK(
				box, TCP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 443);
		talk_out(&waiting[k], SYN);
	}
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(
				box, TCP, OUTSIDE, (uint16_t)(2000 + k), service, SERVER, service);

		t.proto = proto;
		talk_in(&t, flags);
		if (answer >= 0)
			talk_out(&t, (uint8_t)answer);
	}
	still_talk(talks, n);
	for (uint32_t k = 0; k < WAITING; k++) {
		talk_in(&waiting[k], SYN | ACK);
		talk_out(&waiting[k], ACK);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_SESSION_TABLE), 0);
	assert_true(box_counters(box).sessions_evicted > FLOWS / 3);
	box_close(box);
}

static void
calls_that_are_answered_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, SYN, SYN | ACK);
}

static void
calls_that_are_ignored_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, SYN, -1);
}

static void
calls_that_are_reset_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, SYN, RST | ACK);
}

/* Both sides have been heard, with other segments than SYN, and yet nobody is connected. */
static void
segments_that_are_reset_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_TCP, ACK, RST);
}

static void
datagrams_from_outside_spare_the_inside(void **state)
{
	flood_from_outside(state, IPPROTO_UDP, 0, -1);
}

/* Nearly all records are established sessions', but there is room: calls that are about to come about do not give way
 * to each other. */
static void
calls_have_the_room_that_is_left(void **state)
{
	enum {
		FLOWS = 6000,
		ROOM = 24, /* of each worker */
		CALLS = 16
	};
	static struct talk talks[FLOWS];
	const struct masq_test_box_options options = {
		.workers = box_workers(state),
		.rules = FLOOD_RULES,
		.sessions = 512 * box_workers(state),
	};
	struct masq_test_box *box = box_open_with(&options);
	uint32_t room[4] = { 0 };
	static uint8_t creator[FLOWS];
	static bool alive[FLOWS];

	talk_fill(box, talks, FLOWS);
	for (unsigned int ms = 0; ms < 100; ms++)
		box_advance(box, 1);
	list_flows(box, alive, creator, FLOWS);
	for (uint16_t k = 0; k < FLOWS; k++) {
		const struct masq_dp_session_filter one = { .inside_port = (uint16_t)(FIRST_PORT +
									    k) };

		if (alive[k] && room[creator[k]]++ < ROOM)
			assert_int_equal(masq_dp_sessions_flush(box_dp(box), &one, NULL), 1);
	}
	box_run(box);
	for (uint16_t k = 0; k < CALLS; k++) {
		talks[k] = (struct talk)CALL(
				box, TCP, OUTSIDE, (uint16_t)(2000 + k), 80, SERVER, 80);
		talk_in(&talks[k], SYN);
	}
	for (uint16_t k = 0; k < CALLS; k++) {
		talk_out(&talks[k], SYN | ACK);
		talk_in(&talks[k], ACK);
	}
	assert_int_equal(box_counters(box).sessions_evicted, 0);
	box_close(box);
}

/* Who is stuck does not keep the others' sessions, and so their records: those that need nobody else give way. */
static void
a_stuck_colleague_keeps_no_records(void **state)
{
	enum {
		FLOWS = 600,
		NEW = 200
	};
	const struct masq_test_box_options small = {
		.workers = box_workers(state),
		.rules = FLOOD_RULES,
		.sessions = 64 * box_workers(state),
	};
	struct masq_test_box *box = box_open_with(&small);
	const uint32_t stuck = box_workers(state) - 1;
	struct masq_dp_counters counters;

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(2000 + k), 53, SERVER, 53);

		talk_in(&t, 0);
	}
	box_stick(box, stuck, true);
	for (uint16_t k = 0; k < NEW; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(4000 + k), OUTSIDE, 80);
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		box_send(box, LAN, &pkt);
	}
	for (uint32_t w = 0; w < stuck; w++) {
		masq_dp_counters_read(box_dp(box), w, &counters);
		assert_int_equal(counters.drops[MASQ_DROP_SESSION_TABLE], 0);
	}
	box_stick(box, stuck, false);
	box_run(box);
	while (box_waiting(box, WAN) > 0)
		box_take(box, WAN);
	box_close(box);
}

/*
 * Bursts of calls follow each other as fast as they can, from two sides, so that two workers take some in at a time:
 * what workers have to say to each other must not pile up, or the records of those who gave way come back too late.
 */
static void
calls_burst_after_burst(void **state)
{
	enum {
		SESSIONS = 2048,
		BATCH = 256,
		BATCHES = 40,
		FLOWS = 2 * BATCH * BATCHES
	};
	const struct masq_test_box_options options = {
		.workers = box_workers(state), .rules = FLOOD_RULES, .sessions = SESSIONS
	};
	struct masq_test_box *box = box_open_with(&options);
	uint32_t arrived = 0;

	box_hello(box, SRV, SERVER);
	for (uint16_t port = 2000; port < 2000 + BATCH * BATCHES; port++) {
		const struct talk far = CALL(box, TCP, OUTSIDE, port, 80, SERVER, 80);
		const struct talk near = CALL(box, TCP, INSIDE, port, 80, SERVER, 80);
		const struct masq_test_pkt from[] = { talk_in_pkt(&far, SYN),
			talk_in_pkt(&near, SYN) };

		box_put(box, WAN, &from[0]);
		box_put(box, LAN, &from[1]);
		if (port % BATCH != 0)
			continue;
		box_run(box);
		for (; box_waiting(box, SRV) > 0; arrived++)
			box_take(box, SRV);
	}
	box_run(box);
	for (; box_waiting(box, SRV) > 0; arrived++)
		box_take(box, SRV);
	assert_int_equal(arrived, FLOWS);
	masq_dp_sessions_flush(box_dp(box), &(struct masq_dp_session_filter){ 0 }, NULL);
	box_advance(box, 5000); /* ends take turns */
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(a_flood_of_syns_gives_way_to_itself),
		BOX_ROWS(a_flood_of_datagrams_gives_way_to_itself),
		BOX_ROWS(half_open_sessions_go_by_age),
		BOX_ROWS(connections_made_in_a_flood_stay),
		BOX_ROWS(a_flood_right_behind_established_sessions),
		BOX_ROWS(resets_give_way_among_established_sessions),
		BOX_ROWS(the_oldest_half_open_goes_first),
		{ "an_answer_comes_with_who_takes_its_place (1 worker)",
				an_answer_comes_with_who_takes_its_place, NULL, NULL, &box_one },
		BOX_ROWS(answered_syns_give_way),
		BOX_ROWS(calls_that_are_answered_spare_the_inside),
		BOX_ROWS(calls_that_are_ignored_spare_the_inside),
		BOX_ROWS(calls_that_are_reset_spare_the_inside),
		BOX_ROWS(segments_that_are_reset_spare_the_inside),
		BOX_ROWS(calls_burst_after_burst),
		BOX_ROWS(datagrams_from_outside_spare_the_inside),
		BOX_ROWS(calls_have_the_room_that_is_left),
		BOX_ROWS(a_stuck_colleague_keeps_no_records),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("floods", tests, NULL, NULL);
}
