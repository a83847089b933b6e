/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RULES_H
#define MASQ_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_classes.h>
#include <masq_conf.h>
#include <masq_err.h>

/**
 * @file
 * The rule lists as packets meet them: chains and portfw, compiled from the model into one immutable
 * object. The control thread builds it; workers read it under RCU.
 *
 * Evaluating a chain counts nothing; it says which rules matched, in order. That list is the packet's
 * *path*; counters are kept per path (masq_path.h).
 */

struct masq_rules;
struct masq_turns;

/** What rules can look at. Host byte order. */
struct masq_rules_input {
	uint32_t src;
	uint32_t dst;
	uint16_t sport; /**< ICMP: type */
	uint16_t dport; /**< ICMP: code */
	uint8_t proto;
	/** Index of the interface that the chain looks at (reference 5.2, -i). An interface without a
	 * name matches rules without -i and rules with ! -i. */
	uint8_t port;
	bool has_ports; /**< false: no transport header; rules with ports or -y do not match */
	bool syn; /**< TCP with SYN and neither ACK nor RST */
	uint32_t mark; /**< the packet's mark; masq_rules_eval() ignores it */
	uint8_t tos;
};

enum masq_rules_verdict {
	MASQ_VERDICT_ACCEPT,
	MASQ_VERDICT_DENY,
	MASQ_VERDICT_REJECT,
	MASQ_VERDICT_MASQ,
	MASQ_VERDICT_LOOP, /**< denied: user chains call each other in a circle, or too often */
};

#define MASQ_PATH_RULES_MAX 64 /**< matches that a result holds without more[] */

/** Outcome of one or several chains, added up in the order in which the packet met them. */
struct masq_rules_result {
	enum masq_rules_verdict verdict; /**< of the last chain */
	uint32_t mark; /**< after it */
	uint8_t tos_and, tos_xor; /**< combined effect of all matched -t on the TOS */
	bool depends_on_syn; /**< a rule with -y could match: SYN segments may fare differently */
	bool wants_log; /**< a matched rule has -l: packets of the path are logged */
	bool overflow; /**< more rules matched than are held; n_rules is capped */
	uint32_t first; /**< number of the first match that is held: masq_rules_result_window() */
	uint32_t n_matches; /**< all matches so far, held or not */
	uint32_t n_rules; /**< matches held: the first in rules[], the others in more[] */
	uint32_t rules[MASQ_PATH_RULES_MAX]; /**< counter slots of the matched rules, in order */
	uint32_t n_more; /**< capacity of more[] */
	uint32_t *more; /**< memory of the caller; valid if n_more is not 0 */
};

/**
 * Compile the model. Limits: 2^20 rules in all chains, 4096 chains, 63 interfaces.
 *
 * @param conf	the model
 * @param port_names	n_ports interface names: index -> name
 * @param previous	rules in force now, or NULL: the turns of unchanged portfw groups are shared
 *	with it, those of changed groups carried over
 * @param err	out
 * @return the object; NULL: err says why
 */
struct masq_rules *masq_rules_create(const struct masq_conf_rules *conf,
		const char (*port_names)[MASQ_CONF_NAME_BYTES], uint32_t n_ports,
		const struct masq_rules *previous, struct masq_err *err);

/** Free the rules; no worker may read them any more. NULL is fine. */
void masq_rules_destroy(struct masq_rules *rules);

/** Make a result empty before the first chain: mark 0, TOS unchanged. */
static inline void
masq_rules_result_init(struct masq_rules_result *result)
{
	result->verdict = MASQ_VERDICT_ACCEPT;
	result->mark = 0;
	result->tos_and = 0xff;
	result->tos_xor = 0;
	result->depends_on_syn = false;
	result->wants_log = false;
	result->overflow = false;
	result->first = 0;
	result->n_matches = 0;
	result->n_rules = 0;
	result->n_more = 0;
}

/**
 * Like masq_rules_result_init(), but the result holds matches from number @p first on, and has room for
 * more. To get all matches of a longer path, run the same chains, take the matches held, and repeat
 * with @p first increased by their number as long as there is an overflow.
 *
 * @param more	the caller's room for @p n_more matches
 */
static inline void
masq_rules_result_window(
		struct masq_rules_result *result, uint32_t first, uint32_t *more, uint32_t n_more)
{
	masq_rules_result_init(result);
	result->first = first;
	result->more = more;
	result->n_more = n_more;
}

/**
 * Run a packet through one built-in chain. Any worker; no lock, no allocation.
 *
 * The cost grows with the number of rules that match on the way, hardly with the others. User chains
 * whose calls multiply end as MASQ_VERDICT_LOOP after 65536 + 4 * (number of rules) matches. Uses up
 * to 36 KB of stack.
 *
 * @param rules	compiled rules
 * @param chain	which built-in chain
 * @param input	the packet; input->mark is ignored, the mark of @p result is used and changed
 * @param result	in/out: matches are appended
 * @return the verdict, also in result
 */
enum masq_rules_verdict
masq_rules_eval(const struct masq_rules *rules, enum masq_conf_builtin chain,
		const struct masq_rules_input *input, struct masq_rules_result *result);

/**
 * What would a chain say to this packet? Counts and changes nothing. Any thread that may read the
 * rules; costs at most two walks.
 *
 * @param chain	its number in the model, built-in or not. A user chain is evaluated on its own: a target
 *	MASQ gives MASQ, and reaching the end gives no verdict
 * @param input	the packet
 * @param verdict	out; untouched on failure
 * @return 0; -ENOENT: the packet passed through a user chain; -EINVAL: there is no such chain
 */
int masq_rules_try(const struct masq_rules *rules, uint32_t chain,
		const struct masq_rules_input *input, enum masq_rules_verdict *verdict);

/** @return number of counter slots (rules of all chains and policies); slots are 0..n-1 */
uint32_t masq_rules_slots(const struct masq_rules *rules);

/** @return masq_conf_rule.id (or masq_conf_chain.policy_id) of a slot; ids survive recompiling */
uint32_t masq_rules_slot_id(const struct masq_rules *rules, uint32_t slot);

/** @return the classes of the rules (masq_classes.h); they live as long as the rules */
const struct masq_classes *masq_rules_classes(const struct masq_rules *rules);

/** The position of a rule, for its log line. */
struct masq_rules_place {
	char chain[MASQ_CONF_CHAIN_BYTES];
	char target[MASQ_CONF_CHAIN_BYTES]; /**< ACCEPT ..., RETURN, a chain, "-" for none */
	uint32_t number; /**< in its chain, from 1 on */
};

/**
 * What one match means for a packet's log line. Any worker; at most as many steps as chains.
 *
 * @param slot	of masq_rules_result.rules[]; call in their order
 * @param tos	in/out: TOS of the packet before the rule, then after it
 * @param place	out if the rule has -l, else untouched
 * @return true: the rule has -l
 */
bool masq_rules_slot_log(const struct masq_rules *rules, uint32_t slot, uint8_t *tos,
		struct masq_rules_place *place);

/** @return bytes that the compiled rules take */
uint64_t masq_rules_bytes(const struct masq_rules *rules);

/* ---------------------------------------------------------------- portfw */

/** The server of a new flow. */
struct masq_portfw_target {
	uint32_t rule_id; /**< masq_conf_portfw.id */
	uint32_t raddr; /**< host order */
	uint16_t rport;
};

/**
 * Does any portfw rule take this destination, and which server would the next flow get? Cheap; uses up
 * no turn, so another worker may take it meanwhile.
 *
 * @param proto	IPPROTO_TCP or IPPROTO_UDP
 * @param target	out
 * @return 0, -ENOENT
 */
int masq_rules_portfw_next(const struct masq_rules *rules, uint8_t proto, uint32_t laddr,
		uint16_t lport, struct masq_portfw_target *target);

/**
 * Choose the server of a new flow and use up one turn. Any worker; exact over all workers: the turns
 * of a group (same protocol, LADDR and LPORT) are one shared word, moved by compare and swap.
 *
 * @param target	out
 * @return 0, -ENOENT
 */
int masq_rules_portfw_turn(const struct masq_rules *rules, uint8_t proto, uint32_t laddr,
		uint16_t lport, struct masq_portfw_target *target);

/** One row of "portfw -l"; the order is that of reference 2.3, rotation included. */
struct masq_portfw_row {
	struct masq_conf_portfw rule;
	uint32_t pcnt;
};

/** Control thread. @return number of rules; copies at most @p max rows, UDP first (reference 2.4) */
uint32_t
masq_rules_portfw_rows(const struct masq_rules *rules, struct masq_portfw_row *rows, uint32_t max);

#endif /* MASQ_RULES_H */
