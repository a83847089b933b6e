/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipchains.list, ipchains.list_zero, ipchains.zero, ipchains.check.
 *
 * A page is a list of chains, each with as many of its rules as fit; a chain that does not fit
 * appears again on the next page, where "first" is the number of its first rule there. The cursor
 * is (chain index, rule index). Counters are updated with the first page; a listing without
 * counters queries no worker.
 *
 * Zeroing affects only the rules of a page, so "list and zero" loses no packet between the two. It
 * is refused while a worker does not answer; a listing then shows the last known counters and says
 * so. The counters of policies are not zeroed (reference 5.4).
 *
 * A packet to be checked is described by a rule that only one packet matches; the rules in force
 * are evaluated as workers do it, and nothing is counted.
 *
 * Control thread only.
 */
#include <errno.h>
#include <string.h>

#include <masq_conf_names.h>

#include "masq_ctl_priv.h"

/* How counters are treated. */
struct listing {
	bool counters; /* show them */
	bool zero; /* and zero them */
};

static int
put_counter(struct masq_ctl *ctl, uint32_t id, json_t *object)
{
	const struct masq_dp_rule_counter counter = masq_dp_rule_counter(ctl->dp, id);
	const int ret = masq_ctl_put(object, "packets", masq_ctl_count(counter.packets));

	return ret != 0 ? ret : masq_ctl_put(object, "bytes", masq_ctl_count(counter.bytes));
}

static json_t *
rule_row(struct masq_ctl *ctl, const struct listing *listing, const struct masq_conf_rule *rule,
		uint32_t number)
{
	json_t *row = json_object();

	if (masq_ctl_put(row, "number", json_integer(number)) != 0 ||
			masq_ctl_put(row, "id", json_integer(rule->id)) != 0 ||
			(listing->counters && put_counter(ctl, rule->id, row) != 0) ||
			masq_ctl_put(row, "rule", masq_rpc_rule_to_json(rule)) != 0) {
		json_decref(row);
		return NULL;
	}
	return row;
}

static json_t *
chain_head(struct masq_ctl *ctl, const struct listing *listing, uint32_t index, uint32_t first)
{
	const struct masq_conf_chain *chain = &ctl->rules.chains[index];
	json_t *object = json_object();
	int ret = masq_ctl_put(object, "chain", json_string(chain->name));

	if (index < MASQ_CHAIN_BUILTINS) {
		ret |= masq_ctl_put(object, "policy",
				json_string(masq_conf_target_name(chain->policy)));
		if (listing->counters)
			ret |= put_counter(ctl, chain->policy_id, object);
	}
	ret |= masq_ctl_put(object, "references",
			json_integer(masq_conf_chain_references(&ctl->rules, index)));
	ret |= masq_ctl_put(object, "length", json_integer(chain->n_rules));
	ret |= masq_ctl_put(object, "first", json_integer(first + 1));
	if (ret == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* Add one chain's part of a page and advance the page. */
static int
put_chain(struct masq_ctl *ctl, const struct listing *listing, struct masq_ctl_page *page,
		json_t *chains)
{
	const uint32_t index = page->at[0];
	const struct masq_conf_chain *chain = &ctl->rules.chains[index];
	json_t *object = chain_head(ctl, listing, index, page->at[1]);
	json_t *rules = json_array();
	int ret = masq_ctl_put(object, "rules", rules);

	for (; ret == 0 && page->at[1] < chain->n_rules && page->limit > 0; page->at[1]++) {
		const struct masq_conf_rule *rule = &chain->rules[page->at[1]];

		ret = json_array_append_new(rules, rule_row(ctl, listing, rule, page->at[1] + 1));
		if (listing->zero)
			masq_dp_rule_counter_zero(ctl->dp, rule->id);
		page->limit--;
	}
	if (ret != 0) {
		json_decref(object);
		return -ENOMEM;
	}
	if (page->at[1] >= chain->n_rules) {
		page->at[0]++;
		page->at[1] = 0;
	}
	return json_array_append_new(chains, object) == 0 ? 0 : -ENOMEM;
}

/* The chains that "chain" names: first..last-1. */
static int
chain_span(struct masq_ctl *ctl, const json_t *params, uint32_t *first, uint32_t *last,
		struct masq_err *err)
{
	const json_t *name = json_object_get(params, "chain");
	char given[MASQ_RPC_VALUE_BYTES];
	int index;

	*first = 0;
	*last = ctl->rules.n_chains;
	if (name == NULL)
		return 0;
	if (!json_is_string(name))
		return masq_err_set(err, EBADMSG, "\"chain\" must be the name of a chain, not %s",
				masq_rpc_value_text(name, given));
	index = masq_conf_chain_find(&ctl->rules, json_string_value(name));
	if (index < 0)
		return masq_err_set(err, ENOENT, "No chain by that name");
	*first = (uint32_t)index;
	*last = *first + 1;
	return 0;
}

static int
list(struct masq_ctl *ctl, const json_t *params, const struct listing *listing, json_t *result,
		struct masq_err *err)
{
	struct masq_ctl_page page;
	uint32_t first, last;
	json_t *chains;
	int ret = chain_span(ctl, params, &first, &last, err);

	if (ret == 0)
		ret = masq_ctl_page_open(params, &page, err);
	if (ret != 0)
		return ret;
	if (page.at[0] < first)
		page.at[0] = first;
	/* All pages show the counters as of the first page, unless another client updates them in
	 * between. */
	if (listing->counters && page.at[0] == first && page.at[1] == 0) {
		ret = listing->zero ? masq_dp_rule_counters_refresh(ctl->dp, err)
				    : masq_ctl_refresh_counters(ctl, result, err);
		if (ret != 0)
			return ret;
	}
	chains = json_array();
	ret = masq_ctl_put(result, "chains", chains);
	while (ret == 0 && page.at[0] < last && page.limit > 0) {
		/* An empty chain counts as a row: a page cannot hold thousands of them either. */
		page.limit -= ctl->rules.chains[page.at[0]].n_rules == 0;
		ret = put_chain(ctl, listing, &page, chains);
	}
	if (ret != 0)
		return ret;
	return masq_ctl_page_close(&page, page.at[0] >= last, result);
}

int
masq_ctl_ipchains_list(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	const json_t *counters = json_object_get(params, "counters");
	const struct listing listing = { .counters = !json_is_false(counters) };
	char given[MASQ_RPC_VALUE_BYTES];

	if (counters != NULL && !json_is_boolean(counters))
		return masq_err_set(err, EBADMSG, "\"counters\" must be true or false, not %s",
				masq_rpc_value_text(counters, given));
	return list(ctl, params, &listing, result, err);
}

int
masq_ctl_ipchains_list_zero(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	const struct listing listing = { .counters = true, .zero = true };

	return list(ctl, params, &listing, result, err);
}

int
masq_ctl_ipchains_zero(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	uint32_t first, last;
	int ret = chain_span(ctl, params, &first, &last, err);

	(void)result;
	if (ret == 0)
		ret = masq_dp_rule_counters_refresh(ctl->dp, err);
	if (ret != 0)
		return ret;
	for (uint32_t i = first; i < last; i++)
		for (uint32_t r = 0; r < ctl->rules.chains[i].n_rules; r++)
			masq_dp_rule_counter_zero(ctl->dp, ctl->rules.chains[i].rules[r].id);
	return 0;
}

/* ---------------------------------------------------------------- ipchains.check */

static int
packet_from_rule(const struct masq_ctl *ctl, const struct masq_conf_rule *rule,
		struct masq_rules_input *packet, struct masq_err *err)
{
	uint32_t port = 0;

	while (port < ctl->start->n_ports && strcmp(ctl->start->port[port].name, rule->iface) != 0)
		port++;
	if (port == ctl->start->n_ports)
		return masq_err_set(err, EINVAL, "bad arguments (does that interface exist?)");
	*packet = (struct masq_rules_input){
		.src = rule->src,
		.dst = rule->dst,
		.proto = (uint8_t)rule->proto,
		.port = (uint8_t)port,
		.has_ports = masq_conf_packet_has_ports(rule),
		.syn = (rule->flags & MASQ_RULE_SYN) != 0,
	};
	if (packet->has_ports) {
		packet->sport = rule->sport.lo;
		packet->dport = rule->dport.lo;
	}
	return 0;
}

/* The original's words (reference 5.3). */
static const char *
answer_word(enum masq_rules_verdict verdict)
{
	static const char *const words[] = {
		[MASQ_VERDICT_ACCEPT] = "accepted",
		[MASQ_VERDICT_DENY] = "denied",
		[MASQ_VERDICT_REJECT] = "rejected",
		[MASQ_VERDICT_MASQ] = "masqueraded",
		[MASQ_VERDICT_LOOP] = "caught in loop",
	};

	return words[verdict];
}

int
masq_ctl_ipchains_check(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	enum masq_rules_verdict verdict = MASQ_VERDICT_ACCEPT;
	struct masq_conf_command command;
	struct masq_rules_input packet;
	int chain, ret;

	/* The words of "append" describe the packet. */
	ret = masq_rpc_command_from_params(MASQ_VERB_CHAIN_APPEND, params, &command, err);
	if (ret != 0)
		return ret;
	ret = masq_conf_packet_check(command.chain, &command.rule, err);
	if (ret != 0)
		return ret;
	chain = masq_conf_chain_find(&ctl->rules, command.chain);
	if (chain < 0)
		return masq_err_set(err, ENOENT, "No chain by that name");
	ret = packet_from_rule(ctl, &command.rule, &packet, err);
	if (ret != 0)
		return ret;
	ret = masq_dp_packet_try(ctl->dp, (uint32_t)chain, &packet, &verdict);
	if (ret != 0 && ret != -ENOENT)
		return masq_err_set(err, -ret, "the rules in force give no verdict");
	return masq_ctl_put(result, "answer",
			json_string(ret == -ENOENT ? "passed through chain"
						   : answer_word(verdict)));
}
