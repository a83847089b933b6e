/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rule counters against a plain count of what was sent. Packets of a session are counted by its halves,
 * so what may go wrong goes wrong when halves are made, judged anew, taken over by another worker's
 * answer, or die: all of that happens here by chance, and the rules are asked in between. Now and then
 * workers are late with new rules.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "masq_test_random.h"
#include "masq_test_talk.h"

#define TALKS 24 /* of each kind */
#define STEPS 2500
#define HALF_A_DAY (12 * 3600 * 1000)

/* The rules that count; others come and go behind them. */
#define COUNTING                                                              \
	MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n" \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n" \
		 "ipchains -A input -p udp\n"                                 \
		 "ipchains -A input -p tcp\n"                                 \
		 "ipchains -A input -p tcp -y\n"                              \
		 "ipchains -A input -p icmp\n"                                \
		 "ipchains -A output -p udp\n"                                \
		 "ipchains -A output -p tcp\n"

enum kind {
	UDP_OUT,
	UDP_CALL,
	TCP_OUT,
	TCP_CALL,
	PING,
	KINDS
};

struct counts {
	uint64_t udp, tcp, syn, icmp, forward;
	uint64_t udp_bytes, tcp_bytes; /* IP total lengths */
};

struct town {
	struct masq_test_box *box;
	struct counts sent;
	uint64_t rnd;
	struct talk talk[KINDS][TALKS];
	bool open[KINDS][TALKS];
};

/* Nobody of these kinds has a session any more. */
static void
begin_anew(struct town *town, unsigned int first, unsigned int last)
{
	struct masq_test_box *box = town->box;

	for (unsigned int k = 0; k < TALKS; k++) {
		const uint16_t port = (uint16_t)(3000 + k);
		const struct talk all[KINDS] = {
			[UDP_OUT] = TALK(box, UDP, INSIDE, port, OUTSIDE, (uint16_t)(1 + k % 3)),
			[TCP_OUT] = TALK(box, TCP, INSIDE, port, OUTSIDE, (uint16_t)(1 + k % 3)),
			[PING] = TALK(box, ICMP, INSIDE, port, OUTSIDE, 8),
			[UDP_CALL] = CALL(box, UDP, OUTSIDE, port, 53, SERVER, 5353),
			[TCP_CALL] = CALL(box, TCP, OUTSIDE, port, 80, SERVER, 8080),
		};

		for (unsigned int kind = first; kind <= last; kind++) {
			town->talk[kind][k] = all[kind];
			town->open[kind][k] = false;
		}
	}
}

static void
note(struct town *town, enum kind kind, bool from_inside, uint8_t tcp_flags)
{
	struct counts *sent = &town->sent;
	uint64_t said_bytes = strlen(talk_out_pkt(&town->talk[0][0], 0).payload);

	if (!from_inside)
		said_bytes = strlen(talk_in_pkt(&town->talk[0][0], 0).payload);
	sent->udp += kind == UDP_OUT || kind == UDP_CALL;
	sent->tcp += kind == TCP_OUT || kind == TCP_CALL;
	sent->syn += (kind == TCP_OUT || kind == TCP_CALL) && tcp_flags == SYN;
	sent->icmp += kind == PING;
	sent->forward += from_inside;
	if (kind == UDP_OUT || kind == UDP_CALL)
		sent->udp_bytes += 20 + 8 + said_bytes;
	if (kind == TCP_OUT || kind == TCP_CALL)
		sent->tcp_bytes += 20 + 20 + said_bytes;
}

static void
say(struct town *town, enum kind kind, unsigned int k, bool from_inside, uint8_t tcp_flags)
{
	struct talk *t = &town->talk[kind][k];

	if (kind != TCP_OUT && kind != TCP_CALL)
		tcp_flags = 0;
	if (from_inside)
		talk_out(t, tcp_flags);
	else
		talk_in(t, tcp_flags);
	note(town, kind, from_inside, tcp_flags);
}

/* One of them says something; whoever has not begun begins, with a SYN that may come twice. */
static void
somebody_speaks(struct town *town)
{
	enum kind kind = test_random_below(&town->rnd, KINDS);
	unsigned int k = test_random_below(&town->rnd, TALKS);
	bool calls = kind == UDP_CALL || kind == TCP_CALL;

	if (!town->open[kind][k]) {
		say(town, kind, k, !calls, SYN);
		if (test_random_percent(&town->rnd, 20))
			say(town, kind, k, !calls, SYN);
		if (test_random_percent(&town->rnd, 80))
			say(town, kind, k, calls, SYN | ACK);
		town->open[kind][k] = true;
		return;
	}
	for (unsigned int n = test_random_below(&town->rnd, 4); n > 0; n--)
		say(town, kind, k, test_random_percent(&town->rnd, 50), ACK);
}

static void
new_rules(struct town *town)
{
	char rules[1024], other[64] = "";

	if (test_random_percent(&town->rnd, 70))
		snprintf(other, sizeof(other), "ipchains -A input -p udp -d %s %u\n", OUTSIDE,
				1 + test_random_below(&town->rnd, 3));
	snprintf(rules, sizeof(rules), COUNTING "%s%s", other,
			test_random_percent(&town->rnd, 30) ? "ipchains -A output -p icmp -l\n"
							    : "");
	if (test_random_percent(&town->rnd, 50))
		box_rules(town->box, rules);
	else
		box_rules_late(town->box, rules);
	for (uint32_t rounds = test_random_below(&town->rnd, 3); rounds > 0; rounds--)
		box_poll(town->box);
}

static void
demand(struct town *town)
{
	const struct counts *sent = &town->sent;
	struct masq_test_box *box = town->box;

	assert_int_equal(box_rule_packets(box, "input", 1), sent->udp);
	assert_int_equal(box_rule_packets(box, "input", 2), sent->tcp);
	assert_int_equal(box_rule_packets(box, "input", 3), sent->syn);
	assert_int_equal(box_rule_packets(box, "input", 4), sent->icmp);
	assert_int_equal(box_rule_packets(box, "input", 0), sent->udp + sent->tcp + sent->icmp);
	assert_int_equal(box_rule_packets(box, "forward", 0), sent->forward);
	assert_int_equal(box_rule_packets(box, "output", 1), sent->udp);
	assert_int_equal(box_rule_packets(box, "output", 2), sent->tcp);
	assert_int_equal(box_rule_counter(box, "input", 1).bytes, sent->udp_bytes);
	assert_int_equal(box_rule_counter(box, "input", 2).bytes, sent->tcp_bytes);
	assert_int_equal(box_rule_counter(box, "output", 1).bytes, sent->udp_bytes);
}

static void
whatever_halves_go_through(void **state)
{
	static struct town town;
	const struct masq_dp_session_filter udp = { .proto = IPPROTO_UDP };

	memset(&town, 0, sizeof(town));
	town.rnd = box_workers(state);
	town.box = box_open(box_workers(state), COUNTING);
	box_hello(town.box, LAN, INSIDE);
	begin_anew(&town, 0, KINDS - 1);
	for (unsigned int step = 0; step < STEPS; step++) {
		uint32_t what = test_random_below(&town.rnd, 1000);

		somebody_speaks(&town);
		if (what < 30) {
			for (uint32_t n = 1 + test_random_below(&town.rnd, 3); n > 0; n--)
				new_rules(&town);
		} else if (what < 40) {
			box_advance(town.box, HALF_A_DAY);
			begin_anew(&town, 0, KINDS - 1);
			assert_int_equal(box_sessions(town.box), 0);
		} else if (what < 50) {
			masq_dp_sessions_flush(box_dp(town.box), &udp, NULL);
			box_run(town.box);
			begin_anew(&town, UDP_OUT, UDP_CALL);
		} else if (what < 100) {
			demand(&town);
		}
	}
	demand(&town);
	box_close(town.box);
}

/* More sessions than there is room for: the oldest half-open ones give way, with what they counted. */
static void
who_gives_way_has_counted(void **state)
{
	struct masq_test_box *box = box_open_with(&(struct masq_test_box_options){
			.workers = box_workers(state),
			.sessions = 1024,
			.rules = COUNTING,
	});
	uint64_t sent = 0;

	box_hello(box, LAN, INSIDE);
	for (uint16_t k = 0; k < 3000; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 2);

		talk_out(&t, 0);
		talk_out(&t, 0);
		sent += 2;
	}
	assert_true(box_counters(box).sessions_evicted > 1000);
	assert_int_equal(box_rule_packets(box, "input", 1), sent);
	assert_int_equal(box_rule_packets(box, "forward", 0), sent);
	box_close(box);
}

/* Calls come and go whose halves lie on two workers; that ends nothing of those who stay. */
static void
who_stays_is_counted_on(void **state)
{
	enum {
		STAY = 400
	};
	struct masq_test_box *box = box_open_with(&(struct masq_test_box_options){
			.workers = box_workers(state),
			.sessions = 1024,
			.rules = COUNTING,
	});
	const struct masq_dp_session_filter calls = { .has_kind = true,
		.kind = MASQ_SESSION_PORTFW };
	static struct talk stay[STAY];
	uint64_t sent = 0;

	box_hello(box, LAN, INSIDE);
	for (uint16_t k = 0; k < STAY; k++) {
		stay[k] = (struct talk)TALK(
				box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, (uint16_t)(1 + k));
		talk_out(&stay[k], 0);
		talk_in(&stay[k], 0);
		sent += 2;
	}
	for (uint16_t k = 0; k < 3000; k++) {
		struct talk call = CALL(box, UDP, OUTSIDE, (uint16_t)(3000 + k), 53, SERVER, 5353);

		talk_in(&call, 0);
		sent++;
		if (k % 100 == 99) {
			assert_int_equal(masq_dp_sessions_flush(box_dp(box), &calls, NULL), 100);
			box_run(box);
		}
	}
	for (unsigned int k = 0; k < STAY; k++) {
		talk_out(&stay[k], 0);
		talk_in(&stay[k], 0);
		sent += 2;
	}
	assert_int_equal(box_rule_packets(box, "input", 1), sent);
	assert_int_equal(box_rule_packets(box, "output", 1), sent);
	box_close(box);
}

/* "-Z": what was counted until then is seen no more; counting goes on, also by sessions that live. */
static void
zeroed_while_sessions_live(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), COUNTING);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	for (unsigned int k = 0; k < 5; k++)
		talk_out(&t, 0);
	assert_int_equal(box_rule_packets(box, "input", 1), 5);
	box_rule_zero(box, "input", 1);
	assert_int_equal(box_rule_packets(box, "input", 1), 0);
	assert_int_equal(box_rule_counter(box, "input", 1).bytes, 0);
	for (unsigned int k = 0; k < 3; k++)
		talk_in(&t, 0);
	talk_out(&t, 0);
	assert_int_equal(box_rule_packets(box, "input", 1), 4);
	assert_int_equal(box_rule_packets(box, "output", 1), 9);
	box_close(box);
}

/* The control thread as it is with lcores: it waits for workers that poll, piece by piece, meanwhile. */
struct replacing {
	struct masq_test_box *box;
	_Atomic(bool) done;
};

static void *
replace_rules(void *arg)
{
	struct replacing *r = arg;

	for (unsigned int k = 0; k < 30; k++)
		box_rules(r->box, k % 2 == 0 ? COUNTING "ipchains -A input -p gre\n" : COUNTING);
	atomic_store(&r->done, true);
	return NULL;
}

static void
replaced_piece_by_piece(void **state)
{
	enum {
		TALKING = 300
	};
	struct replacing r = { .box = box_open(box_workers(state), COUNTING) };
	static struct talk t[TALKING];
	uint64_t sent = 0;
	pthread_t control;

	box_hello(r.box, LAN, INSIDE);
	for (uint16_t k = 0; k < TALKING; k++)
		t[k] = (struct talk)TALK(r.box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE,
				(uint16_t)(1 + k % 7));
	for (; sent < TALKING; sent++)
		talk_out(&t[sent], 0);
	box_rules_wait(r.box, true);
	assert_int_equal(pthread_create(&control, NULL, replace_rules, &r), 0);
	for (; !atomic_load(&r.done); sent++)
		talk_out(&t[sent % TALKING], 0);
	pthread_join(control, NULL);
	box_rules_wait(r.box, false);
	assert_int_equal(box_rule_packets(r.box, "input", 1), sent);
	assert_int_equal(box_rule_packets(r.box, "output", 1), sent);
	assert_int_equal(box_rule_packets(r.box, "forward", 0), sent);
	box_close(r.box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(whatever_halves_go_through),
		BOX_ROWS(who_gives_way_has_counted),
		BOX_ROWS(who_stays_is_counted_on),
		BOX_ROWS(zeroed_while_sessions_live),
		BOX_ROWS(replaced_piece_by_piece),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("rule counters", tests, NULL, NULL);
}
