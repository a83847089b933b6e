/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_IPCHAINS_H
#define MASQ_CONF_IPCHAINS_H

/**
 * @file
 * What the three parts of the ipchains grammar share: the walk over the options
 * (masq_conf_ipchains.c), the readers of values (masq_conf_ipchains_value.c), which store texts
 * because a port may precede its protocol, and the maker of rules (masq_conf_ipchains_rule.c).
 */

#include <stdbool.h>

#include "masq_conf_priv.h"

/** The value of -s or -d and of --sport or --dport. */
struct masq_ipchains_end {
	const char *host; /**< address[/mask], or NULL */
	const char *port; /**< port, range, service or ICMP type, or NULL */
};

struct masq_ipchains {
	struct masq_words *words;
	struct masq_conf_request *request;
	int command; /**< letter of the command; 0: none yet */
	bool list_zero; /**< -L and -Z together */
	bool invert; /**< a "!" was read, but not yet what it negates */
	bool chain_missing; /**< -A without a chain name */
	bool by_number; /**< -D chain n */
	uint64_t given; /**< options of the line, bit = row of the option table */
	char chain[MASQ_CONF_CHAIN_BYTES];
	uint32_t number;
	enum masq_conf_target policy;
	uint32_t seconds[3]; /**< -S */
	struct masq_ipchains_end src, dst;
	const char *redirect; /**< port of -j REDIRECT, or NULL */
	struct masq_conf_rule rule;
};

/**
 * @return @p value, or, if it is NULL, the next word, consumed, unless it starts with a dash; or
 *	NULL
 */
const char *masq_ipchains_value_or_next(struct masq_ipchains *parse, const char *value);

/** Apply a pending "!": set @p bit of the rule. */
void masq_ipchains_invert(struct masq_ipchains *parse, enum masq_conf_rule_inverse bit);

/** Read the value of option @p letter, one of psd23ijtmo. @return 0, or -EINVAL */
int masq_ipchains_value_take(
		struct masq_ipchains *parse, char letter, const char *value, struct masq_err *err);

/** Turn the collected texts into commands of @p verb. @return 0, or -EINVAL */
int masq_ipchains_rules_make(struct masq_ipchains *parse, enum masq_conf_verb verb, bool mirrored,
		struct masq_err *err);

#endif /* MASQ_CONF_IPCHAINS_H */
