/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What 10, 1 000 and 10 000 chain rules cost: first packets, which are judged by them, and packets of
 * established flows, which are not.
 *
 * The rules stand in the forward chain: networks and hosts, port ranges, protocols, interfaces, one
 * condition in eight negated; nine in ten of them in user chains, which the forward chain calls for
 * parts of the inside network. Most say MASQ, one in five only counts; the policy says MASQ, so that
 * every packet goes out. Half of the flows are made to match one of the rules, the other half are of
 * the same networks, by chance. The three rule sets take turns.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include <masq_rules.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"
#include "masq_test_rules.h"

#define REPEATS 7
#define PASSES 32
#define RULES_A_CHAIN 50
#define NOISE 1.05 /* as in bench_hit.c */

static const uint32_t sizes[] = { 10, 1000, 10000 };

#define SIZES RTE_DIM(sizes)

static uint32_t
inside_address(uint64_t *rnd)
{
	return MASQ_IP4(10, test_random_below(rnd, 8), test_random_below(rnd, 256),
			1 + test_random_below(rnd, 254));
}

static uint32_t
outside_address(uint64_t *rnd)
{
	return MASQ_IP4(198, 18, 0, 0) + test_random_below(rnd, 131072);
}

static struct masq_conf_rule
rule_by_chance(uint64_t *rnd)
{
	static const uint16_t services[] = { 22, 25, 53, 80, 110, 143, 443, 8080 };
	struct masq_conf_rule rule = RULE(.target = MASQ_TARGET_MASQ);

	rule.src_mask = TEST_MASK(16 + 4 * test_random_below(rnd, 5));
	rule.src = inside_address(rnd) & rule.src_mask;
	if (test_random_percent(rnd, 60)) {
		rule.dst_mask = TEST_MASK(16 + 8 * test_random_below(rnd, 3));
		rule.dst = outside_address(rnd) & rule.dst_mask;
	}
	rule.proto = test_random_percent(rnd, 70) ? IPPROTO_TCP : IPPROTO_UDP;
	if (test_random_percent(rnd, 60)) {
		rule.dport.lo = rule.dport.hi = services[test_random_below(rnd, 8)];
	} else if (test_random_percent(rnd, 50)) {
		rule.dport.lo = (uint16_t)test_random_below(rnd, 30000);
		rule.dport.hi = rule.dport.lo + (uint16_t)test_random_below(rnd, 30000);
	}
	if (test_random_percent(rnd, 20))
		rule.sport.lo = 1024;
	if (test_random_percent(rnd, 30))
		snprintf(rule.iface, sizeof(rule.iface), "%s",
				test_random_percent(rnd, 70) ? "wan" : "lan");
	if (test_random_percent(rnd, 20) && rule.dst_mask != 0)
		rule.inverse |= MASQ_INV_DST;
	if (test_random_percent(rnd, 10) && rule.dport.hi != UINT16_MAX)
		rule.inverse |= MASQ_INV_DPORT;
	if (test_random_percent(rnd, 10) && rule.iface[0] != '\0')
		rule.inverse |= MASQ_INV_IFACE;
	if (test_random_percent(rnd, 20))
		rule.target = MASQ_TARGET_NONE;
	return rule;
}

/* User chain number i is called for these inside addresses. */
static uint32_t
part_of(uint32_t i)
{
	return MASQ_IP4(10, i % 8, i / 8 % 32 * 8, 0);
}

static void
make_model(struct masq_conf_rules *model, uint32_t n, uint64_t *rnd)
{
	uint32_t chains = n / RULES_A_CHAIN;

	test_model_init(model);
	masq_conf_timeouts_default(&model->timeouts);
	model->chains[MASQ_CHAIN_FORWARD].policy = MASQ_TARGET_MASQ;
	for (uint32_t i = 0; i < chains; i++) {
		struct masq_conf_rule call = RULE(.target = MASQ_TARGET_CHAIN);

		snprintf(call.chain, sizeof(call.chain), "c%u", i & 0xffff);
		call.src_mask = TEST_MASK(21);
		call.src = part_of(i);
		test_model_chain(model, call.chain);
		test_model_rule(model, MASQ_CHAIN_FORWARD, call);
	}
	for (uint32_t i = chains; i < n; i++) {
		uint32_t chain = MASQ_CHAIN_FORWARD;
		struct masq_conf_rule rule = rule_by_chance(rnd);

		if (chains > 0 && test_random_percent(rnd, 90)) {
			uint32_t user = test_random_below(rnd, chains);

			chain = MASQ_CHAIN_BUILTINS + user;
			rule.src = (part_of(user) | (inside_address(rnd) & 0x7ff)) & rule.src_mask;
		}
		test_model_rule(model, chain, rule);
	}
}

static struct masq_tuple
flow_for(uint64_t *rnd, const struct masq_conf_rules *model)
{
	const struct masq_conf_chain *chain =
			&model->chains[test_random_below(rnd, model->n_chains)];
	uint32_t src = inside_address(rnd), dst = outside_address(rnd);
	uint16_t dport = (uint16_t)(1 + test_random_below(rnd, 10000));
	uint8_t proto = test_random_percent(rnd, 70) ? IPPROTO_TCP : IPPROTO_UDP;

	if (chain->n_rules == 0)
		chain = &model->chains[MASQ_CHAIN_FORWARD];
	if (test_random_percent(rnd, 50)) {
		const struct masq_conf_rule *rule =
				&chain->rules[test_random_below(rnd, chain->n_rules)];

		src = rule->src | (src & ~rule->src_mask);
		dst = rule->dst | (dst & ~rule->dst_mask);
		if (rule->dport.lo > 0)
			dport = rule->dport.lo;
		if (rule->proto != 0)
			proto = (uint8_t)rule->proto;
	}
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(src),
		.dst = rte_cpu_to_be_32(dst),
		.sport = rte_cpu_to_be_16((uint16_t)(1024 + test_random_below(rnd, 60000))),
		.dport = rte_cpu_to_be_16(dport),
		.proto = proto,
	};
}

struct figures {
	struct bench_rounds first, established;
	uint64_t slow, packets;
};

/* One box with n rules. */
static void
measure(const struct bench_options *options, uint32_t n, struct figures *f)
{
	struct bench_box *box = bench_box_create(
			&(struct bench_box_options){ .sessions = options->sessions });
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, options->sessions);
	static double blocks[BENCH_ROUNDS_MAX];
	unsigned int n_blocks = 0;
	struct masq_conf_rules model;
	uint64_t rnd = 1234567, before;

	bench_warm_up(box, BENCH_MASQUERADE, &flows[0]);
	make_model(&model, n, &rnd);
	model.routes = &(struct masq_conf_route){
		.dst = { MASQ_IP4(10, 0, 0, 0), 8 },
		.gateway = MASQ_IP4(192, 168, 1, 254),
	};
	model.n_routes = 1;
	bench_box_publish(box, &model);
	/* One session less: the first one is made already. */
	for (uint32_t i = 0; i < options->sessions - 1; i++)
		flows[i].initial = flow_for(&rnd, &model);
	for (uint32_t i = 0; i + BENCH_BATCH < options->sessions; i += BENCH_BATCH) {
		for (unsigned int k = 0; k < BENCH_BATCH; k++)
			bench_put(box, BENCH_LAN, bench_batch[k], &flows[i + k].initial);
		blocks[n_blocks++ % BENCH_ROUNDS_MAX] = (double)bench_run(box, BENCH_BATCH,
									bench_batch) /
				BENCH_BATCH;
		for (unsigned int k = 0; k < BENCH_BATCH; k++)
			flows[i + k].reply = bench_frame_reply(bench_batch[k]);
	}
	bench_rounds_add(&f->first,
			bench_median(blocks, RTE_MIN(n_blocks, (unsigned int)BENCH_ROUNDS_MAX)));
	n_blocks *= BENCH_BATCH;
	bench_replies_make(box, BENCH_MASQUERADE, flows, n_blocks);
	before = bench_counters(box).misses;
	bench_rounds_add(&f->established,
			bench_hit_round(box, BENCH_MASQUERADE, flows, n_blocks, PASSES));
	f->slow += bench_counters(box).misses - before;
	f->packets += PASSES * BENCH_BATCH;
	bench_box_destroy(box);
	free(flows);
	test_model_fini(&model);
}

static void
tell(const struct bench_rounds *ours, const struct bench_rounds *ten, uint32_t n, const char *what,
		double limit, const char *note)
{
	bench_row(&(struct bench_row){
			.topic = "rules",
			.what = what,
			.at = bench_text("%u rules", n),
			.x = n,
			.unit = "cycles",
			.value = bench_stats_of(ours),
			.beside = n == sizes[0] ? NULL : "10 rules",
			.reference = bench_stats_of(ten),
			.ratio = bench_stats_ratio(ours, ten),
			.bar = n == sizes[0] ? BENCH_STATED : BENCH_RATIO_AT_MOST,
			.limit = limit,
			.note = note,
	});
}

void
bench_rules(const struct bench_options *options)
{
	static struct figures figures[SIZES];

	for (unsigned int r = 0; r < (options->smoke ? 1 : REPEATS); r++)
		for (unsigned int i = 0; i < SIZES; i++)
			measure(options, sizes[i], &figures[i]);
	for (unsigned int i = 0; i < SIZES; i++)
		tell(&figures[i].first, &figures[0].first, sizes[i],
				"first packet under chain rules", 10, NULL);
	for (unsigned int i = 0; i < SIZES; i++)
		tell(&figures[i].established, &figures[0].established, sizes[i],
				"established packet under chain rules", NOISE,
				figures[i].slow == 0
						? NULL
						: bench_text("%.1f %% took the slow path",
								  100.0 * (double)figures[i].slow /
										  (double)figures[i]
												  .packets));
}
