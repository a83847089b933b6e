/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The question of "ipchains -C": what would a chain say to a packet that somebody describes?
 *	The walk is that of real packets; its result is discarded, so it changes no counter, mark or
 *	TOS and logs nothing.
 * How
 *	The last match is the rule that decided, or the end of the chain. A path that is longer than a
 *	result holds is walked once more, with a window on its last match. A user chain is evaluated
 *	on its own, without a caller: it may end without a verdict, and a target MASQ gives MASQ,
 *	whichever chain would call it.
 * Threads
 *	Reads compiled rules only; called by the control thread.
 */

#include <errno.h>

#include "masq_rules_priv.h"

/* @return slot of the last match */
static uint32_t
last_match(const struct masq_rules *rules, uint32_t chain, const struct masq_rules_input *input,
		enum masq_rules_verdict *verdict)
{
	struct masq_rules_result result;

	masq_rules_result_init(&result);
	*verdict = masq_rules_walk(rules, chain, input, &result);
	if (result.overflow) {
		masq_rules_result_window(&result, result.n_matches - 1, NULL, 0);
		*verdict = masq_rules_walk(rules, chain, input, &result);
	}
	return result.rules[result.n_rules - 1];
}

int
masq_rules_try(const struct masq_rules *rules, uint32_t chain, const struct masq_rules_input *input,
		enum masq_rules_verdict *verdict)
{
	enum masq_rules_verdict said;
	uint32_t slot;

	if (chain >= rules->n_chains)
		return -EINVAL;
	slot = last_match(rules, chain, input, &said);
	if (chain >= MASQ_CHAIN_BUILTINS && said != MASQ_VERDICT_LOOP) {
		if (slot >= rules->n_rules)
			return -ENOENT;
		said = rules->rules[slot].operand;
	}
	*verdict = said;
	return 0;
}
