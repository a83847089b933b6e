/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RULES_PRIV_H
#define MASQ_RULES_PRIV_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <masq_rules.h>

#include "masq_index.h"
#include "masq_turns.h"

/**
 * @file
 * The compiled rules, shared by the files of this room: masq_rules.c builds them, masq_classify.c and
 * masq_portfw.c read them.
 */

#define MASQ_RULES_MAX (1u << 20) /* rules of all chains together */
#define MASQ_RULES_CHAINS_MAX 4096 /* chains, built-in ones included */
#define MASQ_RULES_MATCHES_MIN 65536
#define MASQ_RULES_PORTS_MAX 63 /* named interfaces; bit 63 stands for one without a name */

/* What a matched rule does with the packet's way through the chains. */
enum masq_rule_action {
	MASQ_ACTION_NEXT, /* no target */
	MASQ_ACTION_RETURN, /* to the caller, in a built-in chain to the policy */
	MASQ_ACTION_CALL, /* into chain number operand */
	MASQ_ACTION_DECIDE, /* operand is the verdict */
};

enum masq_rule_test {
	MASQ_TEST_NOT_SRC = 0x01,
	MASQ_TEST_NOT_DST = 0x02,
	MASQ_TEST_NOT_SPORT = 0x04,
	MASQ_TEST_NOT_DPORT = 0x08,
	MASQ_TEST_PROTO = 0x10, /* the rule has a protocol */
	MASQ_TEST_NOT_PROTO = 0x20,
	MASQ_TEST_HEADER = 0x40, /* ports or -y: a packet without ports never matches */
	MASQ_TEST_SYN = 0x80, /* -y or ! -y, told apart by wants_syn */
};

enum masq_rule_effect {
	MASQ_EFFECT_LOG = 0x01,
	MASQ_EFFECT_MARK_SET = 0x02,
	MASQ_EFFECT_MARK_ADD = 0x04,
};

/*
 * One rule, one cache line: the conditions first, then what a match does. A missing condition is
 * written such that it always holds (mask 0, span 65535); one that can never hold makes ports 0.
 */
struct masq_rule {
	uint32_t src, src_mask; /* host order */
	uint32_t dst, dst_mask;
	uint16_t sport_lo, sport_span; /* port - lo <= span, modulo 2^16 */
	uint16_t dport_lo, dport_span;
	uint64_t ports; /* bit i: accepts the interface with index i; negation is already applied */
	uint8_t proto;
	uint8_t tests; /* enum masq_rule_test */
	bool wants_syn;
	uint8_t effects; /* enum masq_rule_effect */
	uint8_t tos_and, tos_xor;
	uint8_t action; /* enum masq_rule_action */
	uint32_t operand; /* chain or verdict */
	uint32_t mark;
	uint32_t id; /* masq_conf_rule.id */
} __attribute__((aligned(64)));

static_assert(sizeof(struct masq_rule) == 64, "a rule is one cache line");

struct masq_chain {
	uint32_t first; /* the chain is rules[first] .. rules[end - 1] */
	uint32_t end;
	uint32_t policy_id; /* of built-in chains */
	uint8_t policy; /* enum masq_rules_verdict, of built-in chains */
	char name[MASQ_CONF_CHAIN_BYTES]; /* for log lines */
};

/* All portfw rules that take one destination. */
struct masq_portfw_group {
	uint64_t key;
	struct masq_turns *turns; /* shared with other snapshots, reference-counted */
	uint32_t first; /* order[first ..]: its rules in model order */
	uint32_t n_members;
};

/* A rule's place in the list that is shown. */
struct masq_portfw_place {
	const struct masq_conf_portfw *rule;
	uint32_t left;
	uint32_t position; /* in the model's list */
	uint64_t stamp;
};

struct masq_portfw {
	struct masq_portfw_group *groups;
	uint32_t n_groups;
	uint32_t n_rules;
	uint32_t *order; /* positions in the model's list, group by group */
	uint32_t *buckets; /* open addressing: index of a group + 1, 0: free */
	uint32_t bucket_mask;
	uint32_t shift; /* a hash shifted right by this is a bucket */
	struct masq_turns_clock *clock; /* shared with other snapshots, reference-counted */
	/* allocated in advance for masq_rules_portfw_rows(), which therefore cannot fail: */
	struct masq_portfw_place *places;
	struct masq_turns_state *states;
};

struct masq_rules {
	struct masq_rule *rules; /* chain after chain; a rule's index is its slot */
	uint32_t n_rules;
	struct masq_chain *chains; /* as the model numbers them */
	uint32_t n_chains;
	uint32_t n_ports;
	uint32_t matches_max; /* more matches in one walk are a loop */
	struct masq_index *index; /* NULL when there is no rule */
	struct masq_classes classes;
	struct masq_portfw portfw;
	uint64_t bytes; /* all of the above */
};

/** @return slot of a built-in chain's policy; of a user chain: a slot that no rule has */
static inline uint32_t
masq_rules_policy_slot(const struct masq_rules *rules, uint32_t chain)
{
	return rules->n_rules + chain;
}

/** masq_rules_eval() for any chain. Reaching the end of a user chain appends its
 * masq_rules_policy_slot() and sets a verdict that means nothing. */
enum masq_rules_verdict masq_rules_walk(const struct masq_rules *rules, uint32_t chain,
		const struct masq_rules_input *input, struct masq_rules_result *result);

/**
 * Cut the fields of the compiled rules into classes.
 *
 * @param rules	their byte count grows by that of the tables
 * @return 0, -1: no memory
 */
int masq_classes_init(struct masq_classes *classes, struct masq_rules *rules);
void masq_classes_fini(struct masq_classes *classes);

/**
 * Group the portfw rules of a model and give each group its turns.
 *
 * @param portfw	out: zeroed on failure
 * @param previous	those in force now, or NULL
 * @return 0, -ENOMEM
 */
int masq_portfw_init(struct masq_portfw *portfw, const struct masq_conf_rules *conf,
		const struct masq_portfw *previous, struct masq_err *err);
void masq_portfw_fini(struct masq_portfw *portfw);

/** @return bytes on the heap, shared turns included */
uint64_t masq_portfw_bytes(const struct masq_portfw *portfw);

#endif /* MASQ_RULES_PRIV_H */
