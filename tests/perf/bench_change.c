/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 10 000 rules are replaced by 10 000 others while packets flow, and their counters are listed.
 *
 * This thread is the worker and the traffic, a second one is the control thread that compiles and
 * publishes. So the data path is made for manual polling and, once it runs, told that its workers
 * have threads of their own: then a publication waits until this thread has seen it, as with
 * lcores. (That is what the private header is needed for.)
 *
 * Half a rule set. Rules of all three chains change the TOS, by other bits in each rule set: a packet
 * that was judged by chains of both leaves with a TOS that neither set gives. (Answers do not meet
 * the forward chain.) A rule that both sets have counts all packets.
 *
 * The longest poll. When a publication waits for the worker all packets of all flows are sent once, in
 * the same order, a burst from both ports a poll, and each poll is timed: the first takes the new
 * rules over, the next ones let halves leave the old ones, all of them judge their packets anew. What
 * poll number k does is the same after each replacement, so its time is the least of them, as in
 * bench_expiry.c, and the longest of these is the figure. The same with a question for the counters in
 * place of new rules: the worker copies them and looks at all its halves, piece by piece.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include <masq_dp_manual.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"
#include "bench_ruleset.h"
#include "bench_watch.h"
#include "masq_dp_priv.h"
#include "masq_test_rules.h"
#include "masq_worker.h"

#define REPLACEMENTS 21
#define RULES 10000
#define SMALL_RULES 200
#define COUNTING_ID 9999999 /* of the rule that counts in both sets */
#define SETS 2
#define ODD UINT32_C(2654435761) /* the number of flows is a power of two */
#define REPEATS 8 /* of each replacement, for the longest poll */

/* By set and chain; no sum of bits of both sets is that of one. */
static const uint8_t tos_bits[SETS][MASQ_CHAIN_BUILTINS] = { { 0x04, 0x20, 0x08 },
	{ 0x08, 0x40, 0x10 } };
/* Of packets that met the forward chain, and of those that did not. */
static const uint8_t tos_of_set[SETS][2] = { { 0x2c, 0x0c }, { 0x58, 0x18 } };

/* What the control thread does. */
enum task {
	NOTHING,
	PUBLISH, /* the other rule set */
	LIST, /* the counters of all rules */
};

struct change {
	const struct bench_options *options;
	struct bench_box *box;
	struct bench_flow *flows;
	uint32_t n_flows;
	struct masq_conf_rules sets[SETS];

	/* between the two threads */
	pthread_t control;
	sem_t wanted; /* one more task, or the end */
	enum task task; /* which */
	unsigned int published;
	_Atomic(unsigned int) done; /* tasks */
	_Atomic(bool) end;
	double took_ms; /* the last one */

	uint64_t sent, left, mixed, of_set[SETS];
	uint64_t *least; /* cycles of poll number k so far; NULL: polls are not timed */
	uint32_t n_polls;
};

/* A rule at the head of a chain. */
static void
put_first(struct masq_conf_rules *model, uint32_t chain, struct masq_conf_rule rule)
{
	struct masq_conf_chain *c = &model->chains[chain];

	test_model_rule(model, chain, rule);
	rule = c->rules[c->n_rules - 1];
	for (uint32_t i = c->n_rules - 1; i > 0; i--)
		c->rules[i] = c->rules[i - 1];
	c->rules[0] = rule;
}

static void
make_set(struct change *c, unsigned int set, uint32_t rules)
{
	struct masq_conf_rules *model = &c->sets[set];
	uint64_t rnd = 4711 + set;

	bench_ruleset_make(model, rules, &rnd);
	for (uint32_t chain = 0; chain < MASQ_CHAIN_BUILTINS; chain++) {
		struct masq_conf_rule rule = RULE(.target = MASQ_TARGET_NONE);

		rule.tos_xor = tos_bits[set][chain];
		put_first(model, chain, rule);
	}
	put_first(model, MASQ_CHAIN_INPUT, (struct masq_conf_rule)RULE(.target = MASQ_TARGET_NONE));
	/* The other rules live in their set only: each has a name of its own. */
	for (uint32_t chain = 0; set == 1 && chain < model->n_chains; chain++)
		for (uint32_t i = 0; i < model->chains[chain].n_rules; i++)
			model->chains[chain].rules[i].id += 1000000;
	model->chains[MASQ_CHAIN_INPUT].rules[0].id = COUNTING_ID;
}

static void
refresh(struct change *c)
{
	struct masq_err err = { "" };

	if (masq_dp_rule_counters_refresh(c->box->dp, &err) != 0)
		bench_fail("%s", err.text);
}

static void *
control(void *arg)
{
	struct change *c = arg;

	for (;;) {
		uint64_t t;

		sem_wait(&c->wanted);
		if (atomic_load(&c->end))
			return NULL;
		t = rte_rdtsc();
		if (c->task == PUBLISH)
			bench_box_publish(c->box, &c->sets[++c->published % SETS]);
		else
			refresh(c);
		c->took_ms = bench_watch_us(rte_rdtsc() - t) / 1000;
		atomic_fetch_add(&c->done, 1);
	}
}

static bool
is_of(uint8_t tos, unsigned int set)
{
	return tos == tos_of_set[set][0] || tos == tos_of_set[set][1];
}

/* Send what was put, poll by poll, and look at what comes out. */
static void
run_batch(struct change *c, unsigned int n)
{
	unsigned int left;

	bench_bursts(c->box, 0);
	while (bench_waits(c->box, 0)) {
		struct bench_watch watch;
		uint64_t cycles;

		bench_watch_start(&watch);
		masq_dp_poll(c->box->dp, 0, c->box->now_ms);
		cycles = bench_watch_stop(&watch);
		if (c->least != NULL)
			c->least[c->n_polls] = RTE_MIN(c->least[c->n_polls], cycles);
		c->n_polls++;
	}
	left = bench_run_some(c->box, bench_batch, n, &(uint64_t){ 0 });
	for (unsigned int k = 0; k < left; k++) {
		uint8_t tos = bench_frame_tos(bench_batch[k]);

		c->of_set[0] += is_of(tos, 0);
		c->of_set[1] += is_of(tos, 1);
		c->mixed += !is_of(tos, 0) && !is_of(tos, 1);
	}
	c->sent += n;
	c->left += left;
}

/* A batch of flows by chance, or of those from number @p first on, in an order of no order. */
static void
send_batch(struct change *c, int64_t first)
{
	for (unsigned int k = 0; k < BENCH_BATCH; k++) {
		uint32_t i = first < 0 ? (uint32_t)(bench_random() % c->n_flows)
				       : ((uint32_t)first + k / 2) * ODD % c->n_flows;
		const struct bench_flow *flow = &c->flows[i];

		bench_put(c->box, (k & 1) != 0 ? BENCH_WAN : BENCH_LAN, bench_batch[k],
				(k & 1) != 0 ? &flow->reply : &flow->initial);
	}
	run_batch(c, BENCH_BATCH);
}

static void
send_all(struct change *c)
{
	for (uint32_t first = 0; first < c->n_flows; first += BENCH_BATCH / 2)
		send_batch(c, first);
}

static void
want(struct change *c, enum task task)
{
	c->task = task;
	sem_post(&c->wanted);
}

/* Traffic until task @p number is through. */
static void
send_until(struct change *c, unsigned int number)
{
	while (atomic_load(&c->done) < number) {
		send_batch(c, -1);
		c->box->now_ms++;
	}
}

/* The next publication, which waits for the worker, is of this set; they take turns. */
static void
publish_unseen(struct change *c, unsigned int set)
{
	const struct masq_dp *dp = c->box->dp;

	if ((c->published + 1) % SETS != set) {
		want(c, PUBLISH);
		send_until(c, atomic_load(&c->done) + 1);
	}
	want(c, PUBLISH);
	while (atomic_load(&dp->snapshot) == dp->workers[0]->snapshot)
		rte_pause();
}

/* The counters are asked for, and the letter waits for the worker. */
static void
list_unseen(struct change *c)
{
	want(c, LIST);
	while (atomic_load(&c->box->dp->workers[0]->mail.posted) == NULL)
		rte_pause();
}

static void
start_control(struct change *c)
{
	pthread_attr_t elsewhere;

	c->box->dp->mode = MASQ_DP_LCORES;
	atomic_store(&c->end, false);
	sem_init(&c->wanted, 0, 0);
	pthread_attr_init(&elsewhere);
	if (pthread_attr_setaffinity_np(&elsewhere, sizeof(c->options->processors),
			    &c->options->processors) != 0 ||
			pthread_create(&c->control, &elsewhere, control, c) != 0)
		bench_fail("no thread");
}

static void
stop_control(struct change *c)
{
	atomic_store(&c->end, true);
	sem_post(&c->wanted);
	pthread_join(c->control, NULL);
	c->box->dp->mode = MASQ_DP_MANUAL;
}

/* Traffic while rules are replaced. */
static void
replace(struct change *c, struct bench_rounds *publish_ms)
{
	for (unsigned int r = 0; r < (c->options->smoke ? 2 : REPLACEMENTS); r++) {
		want(c, PUBLISH);
		send_until(c, atomic_load(&c->done) + 1);
		send_all(c);
		bench_rounds_add(publish_ms, c->took_ms);
	}
}

/* The longest poll behind a publication of this rule set, behind a listing, or behind nothing. */
static double
longest_us(struct change *c, enum task task, unsigned int set, double *first_us,
		struct bench_rounds *took_ms)
{
	uint32_t polls = 2 * c->n_flows, n_polls = 0; /* more than one packet each */
	uint64_t longest = 0;
	uint64_t *least = malloc(polls * sizeof(*least));

	if (least == NULL)
		bench_fail("no memory");
	for (uint32_t k = 0; k < polls; k++)
		least[k] = UINT64_MAX;
	for (unsigned int r = 0; r < (c->options->smoke ? 1 : REPEATS); r++) {
		unsigned int number = atomic_load(&c->done);

		if (task == PUBLISH)
			publish_unseen(c, set);
		else if (task == LIST)
			list_unseen(c);
		if (task != NOTHING)
			number = atomic_load(&c->done) + 1;
		c->least = least;
		c->n_polls = 0;
		send_all(c);
		c->least = NULL;
		n_polls = c->n_polls;
		send_until(c, number);
		if (task == LIST)
			bench_rounds_add(took_ms, c->took_ms);
	}
	for (uint32_t k = 0; k < n_polls; k++)
		longest = RTE_MAX(longest, least[k]);
	*first_us = bench_watch_us(least[0]);
	free(least);
	return bench_watch_us(longest);
}

static void
prepare(struct change *c)
{
	uint64_t rnd = 99;

	c->box = bench_box_create(&(struct bench_box_options){ .sessions = c->options->sessions });
	c->n_flows = c->options->sessions / 2;
	c->flows = bench_flows_make(BENCH_MASQUERADE, c->n_flows);
	bench_warm_up(c->box, BENCH_MASQUERADE, &c->flows[0]);
	for (unsigned int set = 0; set < SETS; set++)
		make_set(c, set, c->options->smoke ? SMALL_RULES : RULES);
	for (uint32_t i = 0; i < c->n_flows; i++)
		c->flows[i].initial = bench_ruleset_flow(&c->sets[i % SETS], &rnd);
	bench_box_publish(c->box, &c->sets[0]);
	bench_sessions_make(c->box, BENCH_MASQUERADE, c->flows, c->n_flows);
	bench_replies_make(c->box, BENCH_MASQUERADE, c->flows, c->n_flows);
}

static uint64_t
counted(struct change *c)
{
	refresh(c);
	return masq_dp_rule_counter(c->box->dp, COUNTING_ID).packets;
}

static void
tell_exact(struct change *c, const char *what, double value, const char *note)
{
	bench_row(&(struct bench_row){
			.topic = "change",
			.what = what,
			.at = c->options->smoke ? "200 rules" : "10000 rules",
			.x = RULES,
			.unit = "packets",
			.value = bench_stats_one(value),
			.bar = BENCH_IS,
			.limit = 0,
			.note = note,
	});
}

static void
tell_times(struct change *c, const struct bench_rounds *publish_ms)
{
	double first_us, first_picture_us, quiet, listed;
	struct bench_rounds longest = { 0 }, list_ms = { 0 };

	start_control(c);
	quiet = longest_us(c, NOTHING, 0, &first_us, NULL);
	for (unsigned int set = 0; set < SETS; set++)
		bench_rounds_add(&longest, longest_us(c, PUBLISH, set, &first_us, NULL));
	send_all(c);
	listed = longest_us(c, LIST, 0, &first_picture_us, &list_ms);
	stop_control(c);
	bench_row(&(struct bench_row){
			.topic = "change",
			.what = "rules are replaced, longest poll",
			.at = c->options->smoke ? "200 rules" : "10000 rules",
			.x = RULES,
			.unit = "us",
			.rounds = &longest,
			.bar = BENCH_AT_MOST,
			.limit = 50,
			.note = bench_text(
					"polls of %d packets, fewer when these are judged anew; that "
					"which takes the rules over %.1f, without new rules %.1f us",
					2 * BENCH_BURST, first_us, quiet),
	});
	bench_row(&(struct bench_row){
			.topic = "change",
			.what = "rules are replaced, the control thread's part",
			.at = c->options->smoke ? "200 rules" : "10000 rules",
			.x = RULES,
			.unit = "ms",
			.rounds = publish_ms,
			.note = "beside a busy worker",
	});
	bench_row(&(struct bench_row){
			.topic = "change",
			.what = "counters are listed, longest poll",
			.at = c->options->smoke ? "200 rules" : "10000 rules",
			.x = RULES,
			.unit = "us",
			.value = bench_stats_one(listed),
			.bar = BENCH_AT_MOST,
			.limit = 50,
			.note = bench_text("the first one %.1f, without a listing %.1f us",
					first_picture_us, quiet),
	});
	bench_row(&(struct bench_row){
			.topic = "change",
			.what = "counters are listed, the control thread's part",
			.at = c->options->smoke ? "200 rules" : "10000 rules",
			.x = RULES,
			.unit = "ms",
			.rounds = &list_ms,
			.note = "beside a busy worker",
	});
}

void
bench_change(const struct bench_options *options)
{
	static struct change c;
	struct bench_rounds publish_ms = { 0 };
	uint64_t before, counter;

	c.options = options;
	prepare(&c);
	before = counted(&c);
	start_control(&c);
	replace(&c, &publish_ms);
	stop_control(&c);
	counter = counted(&c) - before;
	if (c.of_set[0] == 0 || c.of_set[1] == 0)
		bench_fail("the rules were not replaced");
	tell_exact(&c, "packets lost while rules are replaced", (double)(c.sent - c.left),
			bench_text("of %lu, %u replacements", (unsigned long)c.sent, publish_ms.n));
	tell_exact(&c, "packets judged by half a rule set", (double)c.mixed, NULL);
	tell_exact(&c, "packets that a rule counts too little or too much",
			(double)counter - (double)c.sent, NULL);
	tell_times(&c, &publish_ms);
	bench_box_destroy(c.box);
	for (unsigned int set = 0; set < SETS; set++)
		bench_ruleset_free(&c.sets[set]);
	free(c.flows);
}
