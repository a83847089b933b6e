/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	A packet's way through the chains (reference 5.4): rule after rule in order. The first match
 *	that has a target decides; other matches count, mark, rewrite the TOS and let the packet go on.
 * Words
 *	candidate	rule that the index cannot exclude
 *	match		candidate whose conditions all hold
 *	frame		where a chain continues that has called another
 * How
 *	The rules of all chains are in one array; a chain is a stretch of it. The index
 *	(masq_index.c) skips from candidate to candidate. Each candidate is tested in full, so the index
 *	may name too many rules, but never too few. The walk stops at the verdict. A chain of a few
 *	rules is walked without the index, which costs more than such a chain.
 *
 *	Why not rte_acl: a lookup there yields the one match of highest priority in each of at
 *	most 16 categories. Here every rule on the way must be found, because each counts, may
 *	mark, or calls a chain; and its fields are masks and ranges, none of which says "not
 *	this network".
 *
 *	-y: packets of one flow differ in nothing else that rules look at. So depends_on_syn is set
 *	when a rule with -y is met whose other conditions hold. From then on the index also leaves
 *	out rules whose -y does not fit.
 * Bounds
 *	A chain that is being walked is not entered again (the packet is denied), so there are never
 *	more frames than chains. Chains that call each other without a circle can still multiply (2
 *	calls per chain, 40 chains deep: 2^40 matches). The original would walk all of that; here the
 *	walk ends as a loop after matches_max matches. That is 65536 plus four times the number of
 *	rules, so no rule set without repeated calls ever reaches it.
 * Threads
 *	Any worker; reads the compiled rules and writes the caller's result only.
 */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include <masq_rules.h>

#include "masq_index.h"
#include "masq_rules_priv.h"

#define CHAIN_WALK_MAX 6 /* a chain of at most 6 rules is walked without the index */

struct frame {
	uint32_t next; /* the rule behind the calling one */
	uint32_t chain;
};

struct walk {
	const struct masq_rules *rules;
	const struct masq_rules_input *input;
	struct masq_rules_result *result;
	uint32_t port; /* interface index, MASQ_RULES_PORTS_MAX: without a name */
	uint32_t matches; /* in this walk */
	bool scan_ready;
	uint32_t depth;
	struct masq_index_scan scan;
	uint64_t entered[MASQ_RULES_CHAINS_MAX / 64]; /* bit set of chains; valid after a call */
	struct frame frames[MASQ_RULES_CHAINS_MAX];
};

/* All conditions but -y, without a branch for each: which one fails is hard to predict. */
static bool
conditions_hold(const struct masq_rule *rule, const struct walk *w)
{
	const struct masq_rules_input *p = w->input;
	uint32_t tests = rule->tests;
	uint32_t bad;

	bad = (((p->src ^ rule->src) & rule->src_mask) != 0) ^ ((tests & MASQ_TEST_NOT_SRC) != 0);
	bad |= (((p->dst ^ rule->dst) & rule->dst_mask) != 0) ^ ((tests & MASQ_TEST_NOT_DST) != 0);
	bad |= ((uint16_t)(p->sport - rule->sport_lo) > rule->sport_span) ^
			((tests & MASQ_TEST_NOT_SPORT) != 0);
	bad |= ((uint16_t)(p->dport - rule->dport_lo) > rule->dport_span) ^
			((tests & MASQ_TEST_NOT_DPORT) != 0);
	bad |= ((tests & MASQ_TEST_PROTO) != 0) &
			((p->proto != rule->proto) ^ ((tests & MASQ_TEST_NOT_PROTO) != 0));
	bad |= ((tests & MASQ_TEST_HEADER) != 0) & !p->has_ports;
	bad |= ~(uint32_t)(rule->ports >> w->port) & 1;
	return bad == 0;
}

/* @return false: the rule's -y is for the other kind of segment */
static bool
syn_holds(struct walk *w, const struct masq_rule *rule)
{
	if (!w->result->depends_on_syn) {
		w->result->depends_on_syn = true;
		if (w->scan_ready)
			masq_index_scan_syn(&w->scan, w->rules->index, w->input->syn);
	}
	return w->input->syn == rule->wants_syn;
}

static void
append_slot(struct masq_rules_result *result, uint32_t slot)
{
	uint32_t at = result->n_matches++ - result->first;

	if (likely(at < MASQ_PATH_RULES_MAX)) {
		result->rules[at] = slot;
		result->n_rules = at + 1;
	} else if (at - MASQ_PATH_RULES_MAX < result->n_more) {
		result->more[at - MASQ_PATH_RULES_MAX] = slot;
		result->n_rules = at + 1;
	} else if (result->n_matches > result->first) {
		result->overflow = true;
	}
}

static void
apply_match(struct masq_rules_result *result, const struct masq_rule *rule, uint32_t slot)
{
	append_slot(result, slot);
	result->wants_log |= (rule->effects & MASQ_EFFECT_LOG) != 0;
	result->tos_and &= rule->tos_and;
	result->tos_xor = (result->tos_xor & rule->tos_and) ^ rule->tos_xor;
	if ((rule->effects & MASQ_EFFECT_MARK_SET) != 0)
		result->mark = rule->mark;
	else if ((rule->effects & MASQ_EFFECT_MARK_ADD) != 0)
		result->mark += rule->mark;
}

/* @return first rule in from..end-1 that may match, or end */
static uint32_t
next_candidate(struct walk *w, const struct masq_chain *chain, uint32_t from)
{
	if (from >= chain->end)
		return chain->end;
	if (chain->end - chain->first <= CHAIN_WALK_MAX)
		return from;
	if (!w->scan_ready) {
		masq_index_scan_init(&w->scan, w->rules->index, w->input, w->port);
		if (w->result->depends_on_syn)
			masq_index_scan_syn(&w->scan, w->rules->index, w->input->syn);
		w->scan_ready = true;
	}
	return masq_index_scan_next(&w->scan, from, chain->end);
}

/* @return false: the chain is being walked already */
static bool
enter_chain(struct walk *w, uint32_t *chain, uint32_t *at, uint32_t callee)
{
	uint64_t bit = UINT64_C(1) << (callee & 63);

	if (w->depth == 0)
		memset(w->entered, 0, (w->rules->n_chains + 63) / 64 * sizeof(w->entered[0]));
	if ((w->entered[callee / 64] & bit) != 0)
		return false;
	w->entered[callee / 64] |= bit;
	w->frames[w->depth++] = (struct frame){ .next = *at, .chain = *chain };
	*chain = callee;
	*at = w->rules->chains[callee].first;
	return true;
}

static void
leave_chain(struct walk *w, uint32_t *chain, uint32_t *at)
{
	w->entered[*chain / 64] &= ~(UINT64_C(1) << (*chain & 63));
	w->depth--;
	*at = w->frames[w->depth].next;
	*chain = w->frames[w->depth].chain;
}

static enum masq_rules_verdict
decide(struct walk *w, uint32_t top, enum masq_rules_verdict verdict)
{
	if (verdict == MASQ_VERDICT_MASQ && top != MASQ_CHAIN_FORWARD)
		verdict = MASQ_VERDICT_ACCEPT;
	w->result->verdict = verdict;
	return verdict;
}

static enum masq_rules_verdict
decide_policy(const struct masq_rules *rules, uint32_t top, struct masq_rules_result *result)
{
	append_slot(result, masq_rules_policy_slot(rules, top));
	result->verdict = rules->chains[top].policy;
	return result->verdict;
}

static enum masq_rules_verdict
walk_chains(struct walk *w, uint32_t top)
{
	const struct masq_rules *rules = w->rules;
	uint32_t chain = top;
	uint32_t at = rules->chains[chain].first;

	for (;;) {
		const struct masq_rule *rule;

		at = next_candidate(w, &rules->chains[chain], at);
		if (at == rules->chains[chain].end) {
			if (w->depth == 0)
				return decide_policy(rules, top, w->result);
			leave_chain(w, &chain, &at);
			continue;
		}
		rule = &rules->rules[at++];
		if (!conditions_hold(rule, w))
			continue;
		if ((rule->tests & MASQ_TEST_SYN) != 0 && !syn_holds(w, rule))
			continue;
		apply_match(w->result, rule, at - 1);
		if (unlikely(++w->matches > rules->matches_max))
			return decide(w, top, MASQ_VERDICT_LOOP);
		switch ((enum masq_rule_action)rule->action) {
		case MASQ_ACTION_NEXT:
			break;
		case MASQ_ACTION_RETURN:
			at = rules->chains[chain].end;
			break;
		case MASQ_ACTION_CALL:
			if (!enter_chain(w, &chain, &at, rule->operand))
				return decide(w, top, MASQ_VERDICT_LOOP);
			break;
		case MASQ_ACTION_DECIDE:
			return decide(w, top, rule->operand);
		}
	}
}

enum masq_rules_verdict
masq_rules_walk(const struct masq_rules *rules, uint32_t chain,
		const struct masq_rules_input *input, struct masq_rules_result *result)
{
	struct walk w;

	if (rules->chains[chain].first == rules->chains[chain].end)
		return decide_policy(rules, chain, result);
	w.rules = rules;
	w.input = input;
	w.result = result;
	w.port = input->port < rules->n_ports ? input->port : MASQ_RULES_PORTS_MAX;
	w.matches = 0;
	w.scan_ready = false;
	w.depth = 0;
	return walk_chains(&w, chain);
}

enum masq_rules_verdict
masq_rules_eval(const struct masq_rules *rules, enum masq_conf_builtin chain,
		const struct masq_rules_input *input, struct masq_rules_result *result)
{
	return masq_rules_walk(rules, chain, input, result);
}
