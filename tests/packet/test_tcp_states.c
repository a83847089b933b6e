/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP states and how long a session lives in each, against the table of reference 1.8 and the
 * timeouts that people are promised. A timeout is a promise to the second: one second before its end the
 * session is there, one second after it is gone.
 */
#include "masq_test_talk.h"

#define FORWARD MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n"

#define expect_state(box, expected)                                          \
	do {                                                                 \
		assert_string_equal(masq_state_name(box_session(box).state), \
				masq_state_name(MASQ_STATE_##expected));     \
	} while (0)

/* Exactly so many seconds after the last packet the session ends. */
#define expect_end_after(box, seconds)                                   \
	do {                                                             \
		box_advance(box, ((seconds)-1) * UINT64_C(1000));        \
		assert_int_equal(box_sessions(box), 1);                  \
		box_advance(box, 1999);                                  \
		assert_int_equal(box_sessions(box), 0);                  \
		box_advance(box, 1);                                     \
		assert_int_equal(box_counters(box).sessions, 0);         \
		assert_int_equal(box_counters(box).sessions_expired, 1); \
	} while (0)

static struct talk
inside_out(struct masq_test_box *box)
{
	return (struct talk)TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
}

static struct talk
outside_in(struct masq_test_box *box)
{
	return (struct talk)CALL(box, TCP, OUTSIDE, 3000, 80, SERVER, 8080);
}

/* What a session is after its first segment. */
static struct masq_session_row
first_segment(struct masq_test_box *box, uint8_t flags)
{
	struct talk t = TALK(box, TCP, INSIDE, 1026, OUTSIDE, 80);

	talk_out(&t, flags);
	assert_int_equal(box_rule_packets(box, "forward", 0), box_rule_packets(box, "input", 0));
	return box_session(box);
}

/*
 * The first of a kind asks the chains, and its neighbour; what they say of the second is remembered, and
 * the third is told. All sessions begin alike.
 */
static void
flows_of_a_kind_begin_alike(void **state)
{
	static const uint8_t flags[] = { SYN, FIN | ACK, ACK, RST, 0, SYN | FIN };
	const struct masq_dp_session_filter all = { 0 };

	for (unsigned int k = 0; k < sizeof(flags); k++) {
		struct masq_test_box *box = box_open(box_workers(state), FORWARD);
		struct masq_session_row row[3];

		for (unsigned int n = 0; n < 3; n++) {
			row[n] = first_segment(box, flags[k]);
			assert_int_equal(row[n].state, row[0].state);
			assert_int_equal(row[n].expires_ms, row[0].expires_ms);
			assert_int_equal(row[n].initial_packets, 1);
			assert_int_equal(row[n].initial_bytes, row[0].initial_bytes);
			assert_int_equal(row[n].reply_packets, 0);
			assert_int_equal(row[n].mark, row[0].mark);
			assert_memory_equal(
					&row[n].initial, &row[0].initial, sizeof(row[n].initial));
			assert_int_equal(box_rule_packets(box, "forward", 0), n + 1);
			assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), 1);
			box_run(box);
			assert_int_equal(box_sessions(box), 0);
		}
		box_close(box);
	}
}

static void
opened_and_closed_by_inside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_out(&t, SYN);
	expect_state(box, SYN_SENT);
	talk_in(&t, SYN | ACK);
	expect_state(box, ESTABLISHED);
	talk_out(&t, ACK);
	expect_state(box, ESTABLISHED);
	talk_out(&t, FIN | ACK);
	expect_state(box, FIN_WAIT);
	talk_in(&t, ACK);
	expect_state(box, FIN_WAIT);
	talk_in(&t, FIN | ACK);
	expect_state(box, TIME_WAIT);
	talk_out(&t, ACK);
	expect_state(box, TIME_WAIT);
	expect_end_after(box, 240);
	talk_in_dropped(&t, ACK, MASQ_DROP_LOCAL);
	box_close(box);
}

static void
closed_by_outside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_in(&t, FIN | ACK);
	expect_state(box, CLOSE_WAIT);
	talk_out(&t, ACK);
	expect_state(box, CLOSE_WAIT);
	talk_out(&t, FIN | ACK);
	expect_state(box, TIME_WAIT);
	talk_in(&t, ACK);
	expect_state(box, TIME_WAIT);
	expect_end_after(box, 240);
	box_close(box);
}

static void
reset_by_inside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_out(&t, RST);
	expect_state(box, CLOSE);
	expect_end_after(box, 240);
	box_close(box);
}

static void
reset_by_outside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_in(&t, RST | ACK);
	expect_state(box, CLOSE);
	expect_end_after(box, 240);
	box_close(box);
}

/* Nobody listens there. */
static void
refused_by_outside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_out(&t, SYN);
	talk_in(&t, RST | ACK);
	expect_state(box, CLOSE);
	expect_end_after(box, 240);
	box_close(box);
}

static void
forwarded_call(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_in(&t, SYN);
	expect_state(box, SYN_RECV);
	talk_out(&t, SYN | ACK);
	expect_state(box, ESTABLISHED);
	talk_in(&t, ACK);
	expect_state(box, ESTABLISHED);
	talk_in(&t, FIN | ACK);
	expect_state(box, CLOSE_WAIT);
	talk_out(&t, FIN | ACK);
	expect_state(box, TIME_WAIT);
	expect_end_after(box, 240);
	box_close(box);
}

static void
forwarded_call_closed_by_server(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_open_from_outside(&t);
	talk_out(&t, FIN | ACK);
	expect_state(box, FIN_WAIT);
	talk_in(&t, FIN | ACK);
	expect_state(box, TIME_WAIT);
	expect_end_after(box, 240);
	box_close(box);
}

static void
forwarded_call_refused(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_in(&t, SYN);
	talk_out(&t, RST | ACK);
	expect_state(box, CLOSE);
	expect_end_after(box, 240);
	box_close(box);
}

static void
syn_sent_ends(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_out(&t, SYN);
	expect_end_after(box, 240);
	box_close(box);
}

static void
syn_recv_ends(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_in(&t, SYN);
	expect_end_after(box, 240);
	box_close(box);
}

/* An ACK out of nowhere to a forwarded port: not a connection, and soon forgotten. */
static void
listen_ends(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_in(&t, ACK);
	expect_state(box, LISTEN);
	expect_end_after(box, 240);
	box_close(box);
}

static void
established_ends_after_7440_s(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	expect_end_after(box, 7440);
	box_close(box);
}

static void
forwarded_established_ends_after_7440_s(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_open_from_outside(&t);
	expect_end_after(box, 7440);
	box_close(box);
}

static void
fin_wait_ends(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_out(&t, FIN | ACK);
	expect_end_after(box, 240);
	box_close(box);
}

static void
close_wait_ends(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_in(&t, FIN | ACK);
	expect_end_after(box, 240);
	box_close(box);
}

/* The client takes the same port again, as clients do, before the old session has ended. */
static void
port_used_again_after_close(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_out(&t, FIN | ACK);
	talk_in(&t, FIN | ACK);
	talk_out(&t, ACK);
	box_advance(box, 60000);
	talk_out(&t, SYN);
	expect_state(box, SYN_SENT);
	talk_in(&t, SYN | ACK);
	talk_out(&t, ACK);
	expect_state(box, ESTABLISHED);
	assert_int_equal(box_sessions(box), 1);
	expect_end_after(box, 7440);
	box_close(box);
}

/*
 * Whoever does not believe a reset answers it with an ACK and goes on (RFC 5961): the session must not be
 * gone when its hosts have been silent for a while.
 */
static void
a_reset_that_nobody_believed(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk out = inside_out(box), in = outside_in(box);

	talk_open_from_inside(&out);
	talk_open_from_outside(&in);
	talk_in(&out, RST);
	talk_out(&out, ACK);
	talk_in(&in, RST | ACK);
	talk_out(&in, ACK);
	for (unsigned int round = 0; round < 3; round++) {
		box_advance(box, 238000);
		assert_int_equal(box_sessions(box), 2);
		talk_in(&out, ACK);
		talk_out(&in, ACK);
	}
	talk_out(&out, ACK);
	talk_in(&in, ACK);
	box_close(box);
}

/* Nobody listens there, and nobody says so (RFC 5382 REQ-4: not before 6 s, and not against the rules). */
static void
an_unasked_call_is_not_answered(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk call = CALL(box, TCP, OUTSIDE, 3000, 81, SERVER, 8080);

	talk_in_dropped(&call, SYN, MASQ_DROP_LOCAL);
	box_advance(box, 30000);
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* Both hosts begin at once (RFC 5382 REQ-2a): the calls cross each other on their way. */
static void
opened_by_both(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_out(&t, SYN);
	talk_in(&t, SYN);
	talk_out(&t, SYN | ACK);
	talk_in(&t, SYN | ACK);
	talk_out(&t, ACK);
	expect_state(box, ESTABLISHED);
	expect_end_after(box, 7440);
	box_close(box);
}

static void
forwarded_call_opened_by_both(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = outside_in(box);

	talk_in(&t, SYN);
	talk_out(&t, SYN);
	talk_in(&t, SYN | ACK);
	talk_out(&t, SYN | ACK);
	talk_in(&t, ACK);
	expect_state(box, ESTABLISHED);
	expect_end_after(box, 7440);
	box_close(box);
}

/* The inside host has forgotten its connection and calls again from the same port: its peer asks (an ACK), is
 * told (RST), and the next call gets through (RFC 9293 3.5.1). */
static void
opened_again_after_a_crash(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_out(&t, SYN);
	expect_state(box, ESTABLISHED);
	talk_in(&t, ACK);
	talk_out(&t, RST);
	talk_open_from_inside(&t);
	expect_state(box, ESTABLISHED);
	assert_int_equal(box_sessions(box), 1);
	expect_end_after(box, 7440);
	box_close(box);
}

/* A segment with no flag that means anything. */
static void
no_flags_closes(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	talk_out(&t, 0x08);
	expect_state(box, CLOSE);
	expect_end_after(box, 240);
	box_close(box);
}

/* Used now and then, in either direction. */
static void
every_packet_starts_the_timeout_anew(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD);
	struct talk t = inside_out(box);

	talk_open_from_inside(&t);
	for (unsigned int round = 0; round < 3; round++) {
		box_advance(box, 7000 * UINT64_C(1000));
		if (round % 2 == 0)
			talk_in(&t, ACK);
		else
			talk_out(&t, ACK);
		assert_int_equal(box_sessions(box), 1);
	}
	expect_end_after(box, 7440);
	box_close(box);
}

/* Many connections end in one burst, with one more segment of each behind: all are noted, in their order. */
static void
many_end_in_one_burst(void **state)
{
	struct masq_test_box *box = box_open(
			box_workers(state), FORWARD "timeout set tcp-close 10\n");
	struct talk t[12];

	for (unsigned int i = 0; i < 12; i++) {
		t[i] = (struct talk)TALK(box, TCP, INSIDE, (uint16_t)(1100 + i), OUTSIDE, 80);
		talk_open_from_inside(&t[i]);
	}
	box_advance(box, 200000); /* behind the timeout of what is half-open */
	for (unsigned int second = 0; second < 2; second++)
		for (unsigned int i = 0; i < 12; i++) {
			const uint8_t says = i % 3 == 0 ? FIN | ACK : RST;
			struct masq_test_pkt pkt = talk_out_pkt(&t[i], second ? ACK : says);

			box_put(box, LAN, &pkt);
		}
	box_run(box);
	assert_int_equal(box_waiting(box, WAN), 24);
	for (unsigned int n = 0; n < 24; n++)
		box_take(box, WAN);
	box_advance(box, 9000);
	assert_int_equal(box_sessions(box), 12);
	box_advance(box, 1999);
	assert_int_equal(box_sessions(box), 4);
	assert_string_equal(masq_state_name(box_session(box).state), "FIN_WAIT");
	box_advance(box, 228000);
	assert_int_equal(box_sessions(box), 4);
	box_advance(box, 1999);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(flows_of_a_kind_begin_alike),
		BOX_ROWS(opened_and_closed_by_inside),
		BOX_ROWS(closed_by_outside),
		BOX_ROWS(reset_by_inside),
		BOX_ROWS(reset_by_outside),
		BOX_ROWS(refused_by_outside),
		BOX_ROWS(forwarded_call),
		BOX_ROWS(forwarded_call_closed_by_server),
		BOX_ROWS(forwarded_call_refused),
		BOX_ROWS(syn_sent_ends),
		BOX_ROWS(syn_recv_ends),
		BOX_ROWS(listen_ends),
		BOX_ROWS(established_ends_after_7440_s),
		BOX_ROWS(forwarded_established_ends_after_7440_s),
		BOX_ROWS(fin_wait_ends),
		BOX_ROWS(close_wait_ends),
		BOX_ROWS(port_used_again_after_close),
		BOX_ROWS(a_reset_that_nobody_believed),
		BOX_ROWS(an_unasked_call_is_not_answered),
		BOX_ROWS(opened_by_both),
		BOX_ROWS(forwarded_call_opened_by_both),
		BOX_ROWS(opened_again_after_a_crash),
		BOX_ROWS(no_flags_closes),
		BOX_ROWS(every_packet_starts_the_timeout_anew),
		BOX_ROWS(many_end_in_one_burst),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("tcp states", tests, NULL, NULL);
}
