/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker that is stuck while new rules are put in force. They are in force all the same; what was
 * counted under those before is neither lost nor counted twice, and nothing of them is left when the
 * box stops, whether the worker came back or not.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_malloc.h>

#include "masq_test_talk.h"

#define UDP_TALKS 200

/* The first rule counts in all of them; its id, and what it counted, live on. */
#define RULES_A MASQ_ALL "ipchains -A input -p udp\n"
#define RULES_B RULES_A "ipchains -A input -p gre\n"
#define RULES_C RULES_A "ipchains -A output -p udp\n"

struct crowd {
	struct masq_test_box *box;
	struct talk talk[UDP_TALKS];
	uint64_t sent;
};

/* Many places for sessions: to leave a rule set takes a worker many rounds. */
static void
gather(struct crowd *crowd, uint32_t workers)
{
	crowd->sent = 0;
	crowd->box = box_open_with(&(struct masq_test_box_options){
			.workers = workers, .sessions = 65536, .rules = RULES_A });
	box_hello(crowd->box, LAN, INSIDE);
	for (uint16_t k = 0; k < UDP_TALKS; k++)
		crowd->talk[k] = (struct talk)TALK(crowd->box, UDP, INSIDE, (uint16_t)(2000 + k),
				OUTSIDE, (uint16_t)(1 + k % 7));
}

static void
all_speak(struct crowd *crowd)
{
	for (unsigned int k = 0; k < UDP_TALKS; k++)
		talk_out(&crowd->talk[k], 0);
	crowd->sent += UDP_TALKS;
}

static uint64_t
heap_bytes(void)
{
	struct rte_malloc_socket_stats heap;
	uint64_t bytes = 0;

	for (unsigned int s = 0; s < RTE_MAX_NUMA_NODES; s++)
		if (rte_malloc_get_socket_stats((int)s, &heap) == 0)
			bytes += heap.heap_allocsz_bytes;
	return bytes;
}

static void
what_was_counted_before_is_not_lost(void **state)
{
	static struct crowd crowd;
	uint64_t before;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	box_rules_late(crowd.box, RULES_C);
	before = crowd.sent;
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), crowd.sent - before);
	assert_int_equal(box_rule_packets(crowd.box, "forward", 0), crowd.sent);
	box_close(crowd.box);
}

/* Asked before any packet has come: the question itself finds that all have left. */
static void
asked_at_once(void **state)
{
	static struct crowd crowd;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	box_rules_late(crowd.box, RULES_C);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), 0);
	box_close(crowd.box);
}

/* The second comes while nobody has taken over the first; the fourth while all are still leaving. */
static void
late_again_and_again(void **state)
{
	static struct crowd crowd;
	uint64_t counted;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	box_rules_late(crowd.box, RULES_C);
	box_rules_late(crowd.box, RULES_B);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	counted = crowd.sent;
	box_rules_late(crowd.box, RULES_C);
	box_poll(crowd.box);
	box_rules_late(crowd.box, RULES_C "ipchains -A output -p gre\n");
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), crowd.sent - counted);
	assert_int_equal(box_rule_packets(crowd.box, "output", 2), 0);
	box_close(crowd.box);
}

/* On time, behind one that was late: that one retires, too. */
static void
the_next_publication_finds_it(void **state)
{
	static struct crowd crowd;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	box_rules_late(crowd.box, RULES_C);
	all_speak(&crowd);
	box_rules(crowd.box, RULES_C);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), crowd.sent - UDP_TALKS);
	box_close(crowd.box);
}

/* A rule that only a rule set between had, and "-Z" behind it all. */
static void
rules_that_went_are_forgotten(void **state)
{
	static struct crowd crowd;

	gather(&crowd, box_workers(state));
	box_rules_late(crowd.box, RULES_C);
	all_speak(&crowd);
	box_rules_late(crowd.box, RULES_A);
	box_rules_late(crowd.box, RULES_C);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), UDP_TALKS);
	box_rule_zero(crowd.box, "input", 1);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), UDP_TALKS);
	box_close(crowd.box);
}

/* Pages of a listing after the first ask nobody: what they show neither vanishes nor counts twice. */
static void
what_is_known_stays(void **state)
{
	static struct crowd crowd;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), UDP_TALKS);
	box_rules_late(crowd.box, RULES_B);
	assert_int_equal(box_rule_counter_known(crowd.box, "input", 1).packets, UDP_TALKS);
	all_speak(&crowd);
	assert_int_equal(box_rule_counter_known(crowd.box, "input", 1).packets, UDP_TALKS);
	box_rules(crowd.box, RULES_A);
	assert_int_equal(box_rule_counter_known(crowd.box, "input", 1).packets, crowd.sent);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	box_close(crowd.box);
}

struct publishing {
	struct masq_test_box *box;
	struct masq_err err;
	int ret;
	_Atomic(bool) done;
};

static void *
publish(void *arg)
{
	struct publishing *p = arg;

	p->ret = box_rules_try(p->box, RULES_C, &p->err);
	atomic_store(&p->done, true);
	return NULL;
}

/* The last worker is stuck, the others run: it is named, to whoever asks what was counted, too. */
static void
the_culprit_is_named(void **state)
{
	static struct crowd crowd;
	const uint32_t last = box_workers(state) - 1;
	static struct publishing p;
	struct masq_err err = { "" };
	char name[32];
	pthread_t control;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	snprintf(name, sizeof(name), "worker %u ", last);
	box_stick(crowd.box, last, true);
	box_rules_wait(crowd.box, true);
	box_patience(crowd.box, 500);
	/* On a busy machine the others may be late, too: then once more. */
	for (unsigned int k = 0; k == 0 || (k < 5 && strstr(p.err.text, "workers ") != NULL); k++) {
		memset(&p, 0, sizeof(p));
		p.box = crowd.box;
		assert_int_equal(pthread_create(&control, NULL, publish, &p), 0);
		while (!atomic_load(&p.done))
			box_poll(crowd.box);
		pthread_join(control, NULL);
		assert_int_equal(p.ret, MASQ_DP_LATE);
	}
	assert_non_null(strstr(p.err.text, "in force"));
	assert_non_null(strstr(p.err.text, name));
	box_patience(crowd.box, 0);
	assert_int_equal(masq_dp_rule_counters_refresh(box_dp(crowd.box), &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, name));
	box_stick(crowd.box, last, false);
	box_rules_wait(crowd.box, false);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), UDP_TALKS);
	box_close(crowd.box);
}

struct asking {
	struct masq_test_box *box;
	struct masq_err err;
	int ret;
	_Atomic(bool) done;
};

static void *
ask(void *arg)
{
	struct asking *a = arg;

	a->ret = masq_dp_rule_counters_refresh(box_dp(a->box), &a->err);
	atomic_store(&a->done, true);
	return NULL;
}

/* Worker 0 begins to answer the question for rule counters, and is stuck before he is through. On a busy machine this
 * thread may sleep until the letter is taken back; then it is asked again. */
static void
stick_with_a_letter(struct crowd *crowd)
{
	struct asking asking = { .box = crowd->box };
	pthread_t control;

	box_rules_wait(crowd->box, true);
	box_patience(crowd->box, 200);
	do {
		atomic_store(&asking.done, false);
		assert_int_equal(pthread_create(&control, NULL, ask, &asking), 0);
		while (!box_has_letter(crowd->box, 0) && !atomic_load(&asking.done))
			box_poll(crowd->box);
		pthread_join(control, NULL);
	} while (!box_has_letter(crowd->box, 0));
	assert_int_equal(asking.ret, -ETIMEDOUT);
	assert_non_null(strstr(asking.err.text, "worker 0 does not answer"));
	assert_true(box_has_letter(crowd->box, 0));
}

/* Nobody waits for ever, nobody's memory is written behind his back, and nothing is counted wrong. */
static void
a_letter_in_hand(void **state)
{
	static struct crowd crowd;
	struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0, 0 };
	struct masq_session_row row;
	struct masq_err err = { "" };
	bool end;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	stick_with_a_letter(&crowd);
	box_patience(crowd.box, 0);
	/* He gets no other, whatever it is. */
	assert_int_equal(masq_dp_rule_counters_refresh(box_dp(crowd.box), &err), -ETIMEDOUT);
	assert_int_equal(masq_dp_sessions(box_dp(crowd.box), &all, &cursor, &row, 1, &end),
			-ETIMEDOUT);
	assert_int_equal(masq_dp_sessions_flush(box_dp(crowd.box), &all, &err), -ETIMEDOUT);
	assert_ptr_equal(strstr(err.text, "worker"), err.text);
	assert_non_null(strstr(err.text, "not all sessions have ended; 0 have"));
	box_rules_wait(crowd.box, false);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	box_close(crowd.box);
}

struct flushing {
	struct masq_test_box *box;
	struct masq_err err;
	int64_t ret;
};

static void *
flush_all(void *arg)
{
	const struct masq_dp_session_filter all = { 0 };
	struct flushing *f = arg;

	f->ret = masq_dp_sessions_flush(box_dp(f->box), &all, &f->err);
	return NULL;
}

/* A worker ends what the first letter about a flush asks for, and is stuck before the second: what he ended is said. */
static void
stuck_between_two_letters(void **state)
{
	enum {
		FLOWS = 1500,
		A_LETTER = 1024
	};
	struct masq_test_box *box = box_open(1, RULES_A);
	struct flushing f = { .box = box };
	pthread_t control;

	(void)state;
	for (uint16_t k = 0; k < FLOWS; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);

		talk_out(&t, 0);
	}
	box_rules_wait(box, true);
	box_patience(box, 1000);
	assert_int_equal(pthread_create(&control, NULL, flush_all, &f), 0);
	while (!box_has_letter(box, 0))
		box_poll(box);
	while (box_has_letter(box, 0))
		box_poll(box);
	pthread_join(control, NULL);
	assert_int_equal(f.ret, -ETIMEDOUT);
	assert_non_null(strstr(f.err.text, "not all sessions have ended; 1024 have"));
	box_patience(box, 0);
	box_rules_wait(box, false);
	box_advance(box, 1);
	assert_int_equal(box_sessions(box), FLOWS - A_LETTER);
	box_close(box);
}

/* New rules come meanwhile: what he finishes then is about those. */
static void
new_rules_behind_a_letter_in_hand(void **state)
{
	static struct crowd crowd;
	uint64_t before;

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	stick_with_a_letter(&crowd);
	box_rules_late(crowd.box, RULES_C);
	before = crowd.sent;
	all_speak(&crowd);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), crowd.sent - before);
	stick_with_a_letter(&crowd);
	box_rules_late(crowd.box, RULES_B);
	box_rules_late(crowd.box, RULES_C);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	box_close(crowd.box);
}

/* "worker 0", "workers 0, 1, 2" */
static void
workers_text(uint32_t n, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, n > 1 ? "workers 0" : "worker 0");

	for (uint32_t w = 1; w < n; w++)
		len += (size_t)snprintf(text + len, size - len, ", %u", w);
}

/* Nobody runs; then the last one does. */
static void
all_culprits_are_named(void **state)
{
	static struct crowd crowd;
	const uint32_t n = box_workers(state);
	struct masq_err err = { "" };
	char all[64], want[160];

	gather(&crowd, n);
	workers_text(n, all, sizeof(all));
	box_rules_wait(crowd.box, true);
	box_patience(crowd.box, 0);
	assert_int_equal(box_rules_try(crowd.box, RULES_B, &err), MASQ_DP_LATE);
	snprintf(want, sizeof(want),
			"the new rules are in force, but %s %s not taken them over yet; ", all,
			n > 1 ? "have" : "has");
	assert_ptr_equal(strstr(err.text, want), err.text);
	assert_int_equal(masq_dp_rule_counters_refresh(box_dp(crowd.box), &err), -ETIMEDOUT);
	snprintf(want, sizeof(want),
			"%s %s not taken over the rules in force, so it is unknown what %s counted",
			all, n > 1 ? "have" : "has", n > 1 ? "they" : "it");
	assert_string_equal(err.text, want);
	/* The last one comes back. */
	for (uint32_t w = 0; w + 1 < n; w++)
		box_stick(crowd.box, w, true);
	box_run(crowd.box);
	for (uint32_t w = 0; w + 1 < n; w++)
		box_stick(crowd.box, w, false);
	if (n > 1) {
		workers_text(n - 1, all, sizeof(all));
		assert_int_equal(
				masq_dp_rule_counters_refresh(box_dp(crowd.box), &err), -ETIMEDOUT);
		assert_ptr_equal(strstr(err.text, all), err.text);
		assert_ptr_equal(strstr(err.text + strlen(all), " ha"), err.text + strlen(all));
	}
	box_rules_wait(crowd.box, false);
	all_speak(&crowd);
	box_close(crowd.box);
}

/* So many wait for a worker, and no more: what is refused then changes nothing. */
static void
a_list_that_ends(void **state)
{
	static struct crowd crowd;
	struct masq_err err = { "" };
	unsigned int n = 0;
	char all[64];

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	box_rules_wait(crowd.box, true);
	box_patience(crowd.box, 0);
	while (box_rules_try(crowd.box, n % 2 == 0 ? RULES_B : RULES_A, &err) == MASQ_DP_LATE)
		n++;
	assert_int_equal(n, 8);
	assert_int_equal(box_rules_try(crowd.box, RULES_A, &err), -EBUSY);
	workers_text(box_workers(state), all, sizeof(all));
	assert_ptr_equal(strstr(err.text, all), err.text);
	assert_non_null(strstr(err.text, " not taken over the last 8 changes"));
	box_rules_wait(crowd.box, false);
	all_speak(&crowd);
	box_rules(crowd.box, RULES_C);
	all_speak(&crowd);
	assert_int_equal(box_rule_packets(crowd.box, "input", 1), crowd.sent);
	assert_int_equal(box_rule_packets(crowd.box, "output", 1), UDP_TALKS);
	box_close(crowd.box);
}

static void
nothing_is_left_when_the_box_stops(void **state)
{
	static struct crowd crowd;
	const uint64_t heap = heap_bytes();

	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	box_rules_late(crowd.box, RULES_C);
	box_poll(crowd.box);
	box_rules_late(crowd.box, RULES_B);
	box_rules_late(crowd.box, RULES_A);
	box_unplug(crowd.box);
	assert_int_equal(heap_bytes(), heap);
	gather(&crowd, box_workers(state));
	all_speak(&crowd);
	stick_with_a_letter(&crowd);
	box_rules_wait(crowd.box, false);
	box_unplug(crowd.box);
	assert_int_equal(heap_bytes(), heap);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(what_was_counted_before_is_not_lost),
		BOX_ROWS(asked_at_once),
		BOX_ROWS(late_again_and_again),
		BOX_ROWS(the_next_publication_finds_it),
		BOX_ROWS(rules_that_went_are_forgotten),
		BOX_ROWS(what_is_known_stays),
		BOX_ROWS(the_culprit_is_named),
		BOX_ROWS(all_culprits_are_named),
		BOX_ROWS(a_letter_in_hand),
		cmocka_unit_test(stuck_between_two_letters),
		BOX_ROWS(new_rules_behind_a_letter_in_hand),
		BOX_ROWS(a_list_that_ends),
		BOX_ROWS(nothing_is_left_when_the_box_stops),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("late worker", tests, NULL, NULL);
}
