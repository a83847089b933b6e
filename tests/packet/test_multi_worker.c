/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several workers: flows that belong to one worker and arrive at another, sessions whose halves live
 * on two, what happens in the moment in between, and what happens when rings are full.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_dp_manual.h>

#include "masq_test_talk.h"

#define CALLS MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"

/* One round of one worker, at the present time of the box. */
static void
poll(struct masq_test_box *box, uint32_t worker)
{
	masq_dp_poll(box_dp(box), worker, masq_dp_now_ms(box_dp(box)));
}

static struct masq_dp_counters
counters_of(const struct masq_test_box *box, uint32_t worker)
{
	struct masq_dp_counters counters;

	masq_dp_counters_read(box_dp(box), worker, &counters);
	return counters;
}

/* The worker that has WAN's only queue. */
static uint32_t
receiver(const struct masq_test_box *box)
{
	return 1 % masq_dp_workers(box_dp(box));
}

/* Half of the halves live with a colleague; each session works, ends by its timeout, and leaves room. */
static void
halves_on_two_workers(void **state)
{
	enum {
		FLOWS = 120
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	unsigned int round;

	for (round = 0; round < 3; round++) {
		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk t = CALL(
					box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);

			talk_in(&t, 0);
			talk_out(&t, 0);
			talk_in(&t, 0);
		}
		assert_int_equal(box_sessions(box), FLOWS);
		box_advance(box, 303000); /* 48 a worker and step: three rounds */
		assert_int_equal(box_sessions(box), 0);
		for (uint16_t k = 0; k < 10; k++) {
			struct talk t = CALL(
					box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
			struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

			/* Nothing is left of the answers' half: the server goes out by itself. */
			box_send(box, SRV, &pkt);
			assert_int_equal(box_take(box, WAN).src, IP4(203, 0, 113, 1));
		}
		box_advance(box, 302000);
	}
	assert_int_equal(box_counters(box).sessions_created, round * (FLOWS + 10));
	assert_int_equal(box_counters(box).sessions_expired, round * (FLOWS + 10));
	if (box_workers(state) == 1)
		assert_int_equal(box_counters(box).sessions_remote, 0);
	else
		assert_in_range(box_counters(box).sessions_remote, round * FLOWS / 4,
				round * FLOWS * 9 / 10);
	box_close(box);
}

/* Either direction keeps a session alive, also the one that the creator does not see. */
static void
the_other_half_keeps_it_alive(void **state)
{
	enum {
		FLOWS = 24
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	struct talk t[FLOWS];

	for (uint16_t k = 0; k < FLOWS; k++) {
		t[k] = (struct talk)CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		talk_in(&t[k], 0);
	}
	for (unsigned int round = 0; round < 4; round++) {
		box_advance(box, 290000);
		for (unsigned int k = 0; k < FLOWS; k++)
			talk_out(&t[k], 0);
	}
	assert_int_equal(box_sessions(box), FLOWS);
	box_advance(box, 299000);
	assert_int_equal(box_sessions(box), FLOWS);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* The server resets: the state is ended by a worker that does not hold the session's clock. */
static void
the_other_half_ends_it(void **state)
{
	enum {
		FLOWS = 24
	};
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n");
	struct talk t[FLOWS];

	for (uint16_t k = 0; k < FLOWS; k++) {
		t[k] = (struct talk)CALL(box, TCP, OUTSIDE, (uint16_t)(3000 + k), 80, SERVER, 8080);
		talk_open_from_outside(&t[k]);
	}
	for (unsigned int k = 0; k < FLOWS; k++)
		talk_out(&t[k], RST);
	box_advance(box, 239000);
	assert_int_equal(box_sessions(box), FLOWS);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* A whole flow at once: its session is made with the first packet, and the rest keeps its order. */
static void
packets_of_one_flow_keep_their_order(void **state)
{
	enum {
		FLOWS = 12,
		PACKETS = 300
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	static char text[PACKETS][8];

	box_hello(box, SRV, SERVER);
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		struct masq_test_pkt pkt = talk_in_pkt(&t, 0), arrives;

		for (unsigned int n = 0; n < PACKETS; n++) {
			snprintf(text[n], sizeof(text[n]), "no %u", n);
			pkt.payload = text[n];
			box_put(box, WAN, &pkt);
		}
		box_run(box);
		for (unsigned int n = 0; n < PACKETS; n++) {
			pkt.payload = text[n];
			arrives = talk_in_translated(&t, pkt);
			box_expect(box, SRV, &arrives);
		}
	}
	assert_int_equal(box_sessions(box), FLOWS);
	box_close(box);
}

/* The colleague is slow, so that much of the flow waits, and more arrives when he has answered. */
static void
order_behind_a_slow_colleague(void **state)
{
	enum {
		FLOWS = 12,
		PACKETS = 300
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	static char text[PACKETS][8];

	box_hello(box, SRV, SERVER);
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		struct masq_test_pkt pkt = talk_in_pkt(&t, 0), arrives;

		for (unsigned int n = 0; n < PACKETS; n++) {
			snprintf(text[n], sizeof(text[n]), "no %u", n);
			pkt.payload = text[n];
			box_put(box, WAN, &pkt);
		}
		for (unsigned int n = 0; n < 4; n++)
			poll(box, receiver(box));
		box_run(box);
		for (unsigned int n = 0; n < PACKETS; n++) {
			pkt.payload = text[n];
			arrives = talk_in_translated(&t, pkt);
			box_expect(box, SRV, &arrives);
		}
	}
	assert_int_equal(box_sessions(box), FLOWS);
	box_close(box);
}

/* Many flows at once, mixed: nothing is lost, each keeps its order. */
static void
two_thousand_flows_at_once(void **state)
{
	enum {
		FLOWS = 2000,
		ROUNDS = 3
	};
	const struct masq_test_box_options big = {
		.workers = box_workers(state), .rules = CALLS, .sessions = 16384
	};
	struct masq_test_box *box = box_open_with(&big);
	static uint8_t seen[65536];

	box_hello(box, SRV, SERVER);
	box_hello(box, WAN, "203.0.113.254");
	memset(seen, 0, sizeof(seen));
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk in = CALL(
					box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
			struct talk out = TALK(box, UDP, INSIDE, (uint16_t)(3000 + k), OUTSIDE, 99);
			struct masq_test_pkt pkt = talk_in_pkt(&in, 0);

			pkt.ip_id = (uint16_t)round;
			box_put(box, WAN, &pkt);
			pkt = talk_out_pkt(&out, 0);
			box_put(box, LAN, &pkt);
		}
		box_run(box);
		box_run(box);
		assert_int_equal(box_waiting(box, SRV), FLOWS);
		assert_int_equal(box_waiting(box, WAN), FLOWS);
		for (unsigned int k = 0; k < FLOWS; k++) {
			struct masq_test_seen in = box_take(box, SRV);

			assert_int_equal(in.ip_id, round);
			assert_int_equal(seen[in.sport], round);
			seen[in.sport]++;
			assert_int_equal(box_take(box, WAN).src, IP4(203, 0, 113, 1));
		}
	}
	assert_int_equal(box_sessions(box), 2 * FLOWS);
	assert_int_equal(box_counters(box).sessions_created, 2 * FLOWS);
	if (box_workers(state) > 1)
		assert_true(box_counters(box).handoffs > FLOWS);
	else
		assert_int_equal(box_counters(box).handoffs, 0);
	box_advance(box, 303000);
	for (unsigned int k = 0; k < 128; k++)
		box_advance(box, 1);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* What a colleague hands over in one go has come by several ports, each with a station address of its own. */
static void
two_ports_over_one_ring(void **state)
{
	enum {
		FLOWS = 16
	};
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);

	box_hello(box, WAN, "203.0.113.254");
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk lan = TALK(box, UDP, INSIDE, (uint16_t)(3000 + k), OUTSIDE, 99);
		struct talk srv = TALK(box, UDP, SERVER, (uint16_t)(3000 + k), OUTSIDE, 99);
		struct masq_test_pkt pkt = talk_out_pkt(&lan, 0);

		box_put(box, LAN, &pkt);
		pkt = talk_out_pkt(&srv, 0);
		box_put(box, SRV, &pkt);
	}
	box_run(box);
	box_run(box);
	for (unsigned int k = 0; k < 2 * FLOWS; k++)
		assert_int_equal(box_take(box, WAN).src, IP4(203, 0, 113, 1));
	box_expect_nothing(box);
	assert_int_equal(box_sessions(box), 2 * FLOWS);
	box_close(box);
}

/* The ports have four transmit queues: what others send goes over rings to those who serve them. */
static void
more_workers_than_queues(void **state)
{
	enum {
		FLOWS = 200
	};
	const struct masq_test_box_options many = { .workers = 6, .rules = MASQ_ALL };
	struct masq_test_box *box = box_open_with(&many);

	(void)state;
	box_hello(box, WAN, "203.0.113.254");
	for (unsigned int round = 0; round < 3; round++) {
		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(3000 + k), OUTSIDE, 99);
			struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

			box_put(box, LAN, &pkt);
		}
		box_run(box);
		assert_int_equal(box_waiting(box, WAN), FLOWS);
		for (unsigned int k = 0; k < FLOWS; k++)
			assert_int_equal(box_take(box, WAN).src, IP4(203, 0, 113, 1));
	}
	assert_in_range(box_counters(box).tx_handoffs, FLOWS / 4, 3 * FLOWS);
	assert_int_equal(box_counters(box).held, 0);
	box_close(box);
}

/* A worker without transmit queue hands over far more than its colleague takes in a round, and then rings no more:
 * all of it leaves. */
static void
the_rest_is_not_forgotten(void **state)
{
	enum {
		FLOWS = 1800,
		AT_ONCE = 200,
		LAST = 5,
		ROUNDS = 32
	};
	const struct masq_test_box_options many = { .workers = LAST + 1, .rules = MASQ_ALL };
	struct masq_test_box *box = box_open_with(&many);
	uint64_t handed;

	(void)state;
	box_hello(box, WAN, "203.0.113.254");
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(3000 + k), OUTSIDE, 99);
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		box_put(box, LAN, &pkt);
		for (uint32_t round = 0; (k + 1) % AT_ONCE == 0 && round < ROUNDS; round++)
			for (uint32_t w = 0; w < LAST; w++)
				poll(box, w);
	}
	handed = counters_of(box, LAST).tx_handoffs;
	for (uint32_t round = 0; round < ROUNDS; round++)
		poll(box, LAST);
	handed = counters_of(box, LAST).tx_handoffs - handed;
	assert_true(handed > FLOWS / 8);
	assert_int_equal(box_counters(box).held, handed);
	for (uint32_t round = 0; round < ROUNDS; round++)
		for (uint32_t w = 0; w < LAST; w++)
			poll(box, w);
	assert_int_equal(box_counters(box).held, 0);
	box_run(box);
	assert_int_equal(box_waiting(box, WAN), FLOWS);
	for (unsigned int k = 0; k < FLOWS; k++)
		box_take(box, WAN);
	box_close(box);
}

/* Who has packets to send for others, or messages to answer, does not rest, though he receives none. */
static void
work_of_others_is_work(void **state)
{
	enum {
		FLOWS = 200,
		ROUNDS = 64
	};
	const struct masq_test_box_options many = { .workers = 6, .rules = CALLS };
	struct masq_test_box *box = box_open_with(&many);

	(void)state;
	box_hello(box, SRV, SERVER);
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

		box_put(box, WAN, &pkt);
	}
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (uint32_t w = 0; w < many.workers; w++) {
			const struct masq_dp_counters before = counters_of(box, w);
			struct masq_dp_counters after;

			poll(box, w);
			after = counters_of(box, w);
			if (after.tx != before.tx ||
					after.sessions_remote != before.sessions_remote)
				assert_int_equal(after.idle_polls, before.idle_polls);
		}
	box_run(box);
	assert_int_equal(box_waiting(box, SRV), FLOWS);
	for (unsigned int k = 0; k < FLOWS; k++)
		box_take(box, SRV);
	assert_true(box_counters(box).tx_handoffs > FLOWS / 4);
	assert_true(box_counters(box).sessions_remote > FLOWS / 4);
	box_close(box);
}

/* Pings hash over addresses alone, so their answers may belong to a colleague whatever is chosen. */
static void
pings_of_many_hosts(void **state)
{
	enum {
		HOSTS = 60
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	static char peer[HOSTS][16];

	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int k = 0; k < HOSTS; k++) {
			struct talk t = TALK(box, ICMP, INSIDE, 1, peer[k], 8);

			snprintf(peer[k], sizeof(peer[k]), "209.81.8.%u", 10 + k);
			talk_out(&t, 0);
			talk_in(&t, 0);
			talk_out(&t, 0);
			talk_in(&t, 0);
		}
		assert_int_equal(box_sessions(box), HOSTS);
		box_advance(box, 62000);
		assert_int_equal(box_sessions(box), 0);
	}
	box_close(box);
}

/* Flushed sessions are gone at once, with both halves; the same tuples work again. */
static void
flush(void **state)
{
	enum {
		FLOWS = 300
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	const struct masq_dp_session_filter all = { 0 };

	for (unsigned int round = 0; round < 3; round++) {
		for (uint16_t k = 0; k < FLOWS; k++) {
			struct talk in = CALL(
					box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
			struct talk out = TALK(box, UDP, INSIDE, (uint16_t)(3000 + k), OUTSIDE, 99);

			talk_in(&in, 0);
			talk_out(&in, 0);
			talk_out(&out, 0);
			talk_in(&out, 0);
		}
		assert_int_equal(box_sessions(box), 2 * FLOWS);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), 2 * FLOWS);
		box_run(box);
		assert_int_equal(box_sessions(box), 0);
	}
	box_close(box);
}

struct flushing {
	struct masq_test_box *box;
	int64_t ended;
	_Atomic(bool) done;
};

static void *
flush_all(void *arg)
{
	const struct masq_dp_session_filter all = { 0 };
	struct flushing *f = arg;

	f->ended = masq_dp_sessions_flush(box_dp(f->box), &all, NULL);
	atomic_store(&f->done, true);
	return NULL;
}

/* A round ends few of those that are flushed, and packets are not kept waiting. */
static void
flush_in_pieces(void **state)
{
	enum {
		FLOWS = 1000,
		A_ROUND = 48, /* six pieces of it, because nothing else is to be done */
	};

	const uint32_t workers = box_workers(state);
	struct flushing f = { .box = box_open(workers, MASQ_ALL) };
	uint64_t now_ms = masq_dp_now_ms(box_dp(f.box));
	uint32_t left = FLOWS;
	pthread_t control;

	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(f.box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);

		talk_out(&t, 0);
	}
	/* They are counted once a millisecond. */
	box_advance(f.box, 1);
	box_rules_wait(f.box, true);
	assert_int_equal(pthread_create(&control, NULL, flush_all, &f), 0);
	while (!atomic_load(&f.done)) {
		uint32_t before = left;

		now_ms++;
		for (uint32_t w = 0; w < workers; w++)
			masq_dp_poll(box_dp(f.box), w, now_ms);
		left = (uint32_t)box_counters(f.box).sessions;
		assert_in_range(before - left, 0, A_ROUND);
	}
	pthread_join(control, NULL);
	box_rules_wait(f.box, false);
	assert_int_equal(f.ended, FLOWS);
	box_advance(f.box, 10000);
	assert_int_equal(box_sessions(f.box), 0);
	box_close(f.box);
}

/* Only what the filter names. */
static void
flush_some(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	struct talk in = CALL(box, UDP, OUTSIDE, 3000, 53, SERVER, 5353);
	struct talk a = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 99);
	struct talk b = TALK(box, TCP, "192.168.1.3", 1025, OUTSIDE, 99);
	const struct masq_dp_session_filter tcp = { .proto = IPPROTO_TCP };
	const struct masq_dp_session_filter server = { .inside = { IP4(192, 168, 16, 27), 32 } };

	talk_in(&in, 0);
	talk_out(&a, 0);
	talk_out(&b, SYN);
	assert_int_equal(masq_dp_sessions_flush(box_dp(box), &tcp, NULL), 1);
	box_run(box);
	assert_int_equal(box_sessions(box), 2);
	talk_in_dropped(&b, SYN | ACK, MASQ_DROP_LOCAL);
	talk_in(&a, 0);
	assert_int_equal(masq_dp_sessions_flush(box_dp(box), &server, NULL), 1);
	box_run(box);
	assert_int_equal(box_sessions(box), 1);
	talk_in(&a, 0);
	box_close(box);
}

/* A session is flushed in its last moment: its time comes while the colleague is still being asked. */
static void
flushed_as_it_ends(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	const struct masq_dp_session_filter all = { 0 };
	struct masq_session_row row = { 0 };

	for (uint16_t k = 0; k < 200; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);

		talk_in(&t, 0);
		row = box_session(box);
		if (row.creator != row.reply_worker || box_workers(state) == 1)
			break;
		masq_dp_sessions_flush(box_dp(box), &all, NULL);
		box_run(box);
	}
	box_advance(box, 299900);
	assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), 1);
	for (unsigned int k = 0; k < 100; k++)
		masq_dp_poll(box_dp(box), row.creator, masq_dp_now_ms(box_dp(box)) + 10);
	assert_int_equal(box_counters(box).sessions_expired, 0);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	assert_int_equal(box_counters(box).sessions, 0);
	box_close(box);
}

/* The creator has asked its colleague to take the other half out; a packet comes before the answer. */
static void
packets_of_a_dying_session(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	const struct masq_dp_session_filter all = { 0 };
	struct masq_session_row row = { 0 };
	struct masq_test_pkt pkt;

	/* A call that the worker with the port's queue shares with a colleague. */
	for (uint16_t k = 0; k < 200; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);

		talk_in(&t, 0);
		row = box_session(box);
		pkt = talk_in_pkt(&t, 0);
		if (row.creator == receiver(box) && row.reply_worker != row.creator)
			break;
		masq_dp_sessions_flush(box_dp(box), &all, NULL);
		box_run(box);
	}
	if (box_workers(state) == 1) {
		box_close(box);
		return;
	}
	assert_int_equal(row.creator, receiver(box));
	assert_int_not_equal(row.reply_worker, row.creator);
	for (unsigned int k = 0; k < 302; k++)
		masq_dp_poll(box_dp(box), receiver(box), masq_dp_now_ms(box_dp(box)) + 1000);
	box_put(box, WAN, &pkt);
	poll(box, receiver(box));
	box_expect_drop(box, MASQ_DROP_SESSION_DYING);
	box_advance(box, 310000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* A colleague that does not get to work: his ring fills, the rest is dropped by name. */
static void
a_colleague_is_busy(void **state)
{
	enum {
		PACKETS = 2500
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	struct masq_test_pkt pkt;
	uint64_t handoffs;
	uint16_t k;

	/* A flow that is not of the worker with the port's queue. */
	for (k = 0; k < 200; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);

		handoffs = box_counters(box).handoffs;
		talk_in(&t, 0);
		pkt = talk_in_pkt(&t, 0);
		if (box_counters(box).handoffs > handoffs)
			break;
	}
	if (box_workers(state) == 1) {
		assert_int_equal(k, 200);
		box_close(box);
		return;
	}
	for (unsigned int n = 0; n < PACKETS; n++)
		box_put(box, WAN, &pkt);
	for (unsigned int n = 0; n < PACKETS; n++)
		poll(box, receiver(box));
	assert_int_equal(box_drops(box, MASQ_DROP_HANDOFF_FULL), PACKETS - 2047);
	assert_int_equal(box_counters(box).held, 2047);
	box_run(box);
	assert_int_equal(box_waiting(box, SRV), 2047);
	box_close(box);
}

/* The line is too slow: what the transmit queue does not take is dropped by name. */
static void
the_line_is_slow(void **state)
{
	enum {
		PACKETS = 4500
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt pkt;

	talk_out(&t, 0);
	pkt = talk_out_pkt(&t, 0);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int n = 0; n < PACKETS; n++)
			box_put(box, LAN, &pkt);
		/* Nobody takes anything off the line. */
		for (unsigned int n = 0; n < PACKETS; n++)
			for (uint32_t w = 0; w < box_workers(state); w++)
				poll(box, w);
	}
	assert_int_equal(box_drops(box, MASQ_DROP_TX_FULL), 2 * PACKETS - 8191);
	box_run(box);
	box_close(box);
}

/* Packets that are on their way between workers when the box stops. */
static void
stopped_in_between(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	uint64_t refused;

	box_mute(box, IP4(192, 168, 16, 27));
	for (uint16_t k = 0; k < 400; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

		box_put(box, WAN, &pkt);
	}
	for (unsigned int n = 0; n < 20; n++)
		poll(box, receiver(box));
	assert_true(box_counters(box).held > 0);
	refused = box_drops(box, MASQ_DROP_NEIGH_QUEUE);
	assert_int_equal(box_unplug(box) + refused, 400);
}

/* How many sessions of a worker have their other half with this colleague? */
static uint64_t
halves_with(const struct masq_test_box *box, uint32_t creator, uint32_t colleague)
{
	const struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row rows[64];
	uint64_t found = 0;
	bool end = false;

	while (!end) {
		int n = masq_dp_sessions(box_dp(box), &all, &cursor, rows, 64, &end);

		for (int k = 0; k < n; k++)
			found += rows[k].creator == creator && rows[k].reply_worker == colleague;
	}
	return found;
}

/* A colleague stands still: sessions that wait for him do not keep others from ending, and are counted
 * once, however often he could not be asked. */
static void
a_colleague_who_does_not_answer(void **state)
{
	enum {
		CALLERS = 1600
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	const uint32_t stuck = receiver(box);
	struct masq_dp_counters counters;
	uint64_t wait[4];

	if (box_workers(state) == 1) {
		box_close(box);
		return;
	}
	for (uint16_t k = 0; k < CALLERS; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);

		talk_in(&t, 0);
	}
	for (uint32_t w = 0; w < box_workers(state); w++) {
		wait[w] = halves_with(box, w, stuck);
		assert_true(wait[w] > 80);
	}
	box_stick(box, stuck, true);
	box_advance(box, 400 * 1000);
	for (uint32_t w = 0; w < box_workers(state); w++) {
		masq_dp_counters_read(box_dp(box), w, &counters);
		if (w != stuck)
			assert_int_equal(counters.sessions, wait[w]);
	}
	box_stick(box, stuck, false);
	box_advance(box, 20 * 1000);
	assert_int_equal(box_sessions(box), 0);
	assert_int_equal(box_counters(box).sessions_expired, CALLERS);
	box_close(box);
}

/* @return calls that reached the server */
static unsigned int
call_all(struct masq_test_box *box, unsigned int callers)
{
	unsigned int arrived;

	for (uint16_t k = 0; k < callers; k++) {
		struct talk t = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
		struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

		box_put(box, WAN, &pkt);
		if (k % 16 == 0)
			box_run(box);
	}
	box_run(box);
	arrived = box_waiting(box, SRV);
	while (box_waiting(box, SRV) > 0)
		box_take(box, SRV);
	return arrived;
}

/* Nor does he keep others from opening sessions with each other, however many wait for him. */
static void
others_go_on(void **state)
{
	enum {
		CALLERS = 1600
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	const struct masq_dp_session_filter all = { 0 };
	const uint32_t stuck = box_workers(state) - 1;
	uint64_t among_others = 0;

	box_hello(box, SRV, SERVER);
	assert_int_equal(call_all(box, CALLERS), CALLERS);
	for (uint32_t w = 0; w < stuck; w++)
		for (uint32_t colleague = 0; colleague < stuck; colleague++)
			among_others += halves_with(box, w, colleague);
	masq_dp_sessions_flush(box_dp(box), &all, NULL);
	box_advance(box, 20 * 1000);
	assert_int_equal(box_sessions(box), 0);
	/* Who has the only queue of the port cannot be stuck. */
	if (stuck != receiver(box)) {
		box_stick(box, stuck, true);
		assert_int_equal(call_all(box, CALLERS), among_others);
		box_stick(box, stuck, false);
		box_run(box);
		masq_dp_sessions_flush(box_dp(box), &all, NULL);
		box_advance(box, 20 * 1000);
	}
	box_close(box);
}

/* All sessions are ended while a colleague stands still, more at once than anybody may be asked about: those that
 * wait for him do not stand before those of others. */
static void
flush_beside_one_who_is_stuck(void **state)
{
	enum {
		CALLERS = 1600
	};
	struct masq_test_box *box = box_open(box_workers(state), CALLS);
	const struct masq_dp_session_filter all = { 0 };
	const uint32_t stuck = box_workers(state) - 1;
	struct masq_dp_counters counters;
	uint64_t wait[4];

	box_hello(box, SRV, SERVER);
	assert_int_equal(call_all(box, CALLERS), CALLERS);
	for (uint32_t w = 0; w < stuck; w++)
		wait[w] = halves_with(box, w, stuck);
	box_stick(box, stuck, true);
	masq_dp_sessions_flush(box_dp(box), &all, NULL);
	box_advance(box, 20 * 1000);
	for (uint32_t w = 0; w < stuck; w++) {
		masq_dp_counters_read(box_dp(box), w, &counters);
		assert_int_equal(counters.sessions, wait[w]);
	}
	box_stick(box, stuck, false);
	box_run(box);
	masq_dp_sessions_flush(box_dp(box), &all, NULL);
	box_advance(box, 20 * 1000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* New rules while packets of all workers are under way: everybody works with the new ones after. */
static void
rules_change_under_way(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), CALLS);

	box_hello(box, SRV, SERVER);
	for (unsigned int round = 0; round < 20; round++) {
		for (uint16_t k = 0; k < 100; k++) {
			struct talk t = CALL(
					box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);
			struct masq_test_pkt pkt = talk_in_pkt(&t, 0);

			box_put(box, WAN, &pkt);
		}
		poll(box, receiver(box));
		poll(box, box_workers(state) - 1);
		box_rules(box, round % 2 == 0 ? CALLS "ipchains -A input -i wan -j DENY\n" : CALLS);
		box_run(box);
		box_drops_seen(box);
	}
	assert_int_equal(box_sessions(box), 100);
	assert_int_equal(box_rule_packets(box, "input", 0) + box_drops(box, MASQ_DROP_INPUT_DENY),
			2000);
	assert_int_equal(box_waiting(box, SRV) + box_drops(box, MASQ_DROP_INPUT_DENY), 2000);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(halves_on_two_workers),
		BOX_ROWS(the_other_half_keeps_it_alive),
		BOX_ROWS(the_other_half_ends_it),
		BOX_ROWS(packets_of_one_flow_keep_their_order),
		BOX_ROWS(order_behind_a_slow_colleague),
		BOX_ROWS(two_thousand_flows_at_once),
		BOX_ROWS(two_ports_over_one_ring),
		cmocka_unit_test(more_workers_than_queues),
		cmocka_unit_test(the_rest_is_not_forgotten),
		cmocka_unit_test(work_of_others_is_work),
		BOX_ROWS(pings_of_many_hosts),
		BOX_ROWS(flush),
		BOX_ROWS(flush_in_pieces),
		BOX_ROWS(flush_some),
		BOX_ROWS(flushed_as_it_ends),
		BOX_ROWS(packets_of_a_dying_session),
		BOX_ROWS(a_colleague_is_busy),
		BOX_ROWS(the_line_is_slow),
		BOX_ROWS(stopped_in_between),
		BOX_ROWS(rules_change_under_way),
		BOX_ROWS(a_colleague_who_does_not_answer),
		BOX_ROWS(others_go_on),
		BOX_ROWS(flush_beside_one_who_is_stuck),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("several workers", tests, NULL, NULL);
}
