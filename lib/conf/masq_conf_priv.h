/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_PRIV_H
#define MASQ_CONF_PRIV_H

/**
 * @file
 * What the files of lib/conf share: comparing and checking rules, and the walk over words.
 */

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_conf_command.h>
#include <masq_conf_names.h>
#include <masq_err.h>

/* ---------------------------------------------------------------- masq_conf_model.c */

/**
 * Make room for one more element in an array that grows by doubling.
 *
 * @param array	in/out: heap array of @p n elements
 * @param max	limit of n
 * @param what	plural noun for the sentence
 * @return 0; -ENOSPC; -ENOMEM
 */
int masq_conf_grow(void **array, uint32_t n, size_t size, uint32_t max, const char *what,
		struct masq_err *err);

/** Compare rules by content, without ids. @param marks false: without mark and mark mode, too */
int
masq_conf_rule_compare(const struct masq_conf_rule *a, const struct masq_conf_rule *b, bool marks);

/** @return a rule that matches everything and does nothing */
struct masq_conf_rule masq_conf_rule_any(void);

static inline bool
masq_conf_range_any(struct masq_conf_range range)
{
	return range.lo == 0 && range.hi == UINT16_MAX;
}

/* ---------------------------------------------------------------- masq_conf_check.c */

/** Port (interface) name: letters, digits and . _ - : @ /, not '-' first. @return 0, -EINVAL */
int masq_conf_port_name_check(const char *name, struct masq_err *err);

/** Chain name: 1..8 visible characters without quotes, '-', '!' or '#' first. @return 0, -EINVAL */
int masq_conf_chain_name_check(const char *name, struct masq_err *err);

#define MASQ_CONF_PORTS_NEED "ports need -p tcp, -p udp or -p icmp (and not `! tcp')"

/** Check what holds for any rule in any chain. @return 0, -EINVAL, -EOPNOTSUPP */
int
masq_conf_rule_check(const char *chain, const struct masq_conf_rule *rule, struct masq_err *err);

/** @return 0; -EINVAL: chain @p chain cannot have @p policy */
int masq_conf_policy_check(const char *chain, enum masq_conf_target policy, struct masq_err *err);

int masq_conf_portfw_check(const struct masq_conf_portfw *rule, bool adding, struct masq_err *err);
int masq_conf_route_check(const struct masq_conf_route *route, bool adding, struct masq_err *err);

/* ---------------------------------------------------------------- masq_conf_options.c */

/** The walk over the words of one line. */
struct masq_words {
	const struct masq_conf_reader *reader;
	const char *const *word;
	unsigned int n;
	unsigned int at; /**< next word */
	const char *cluster; /**< rest of "-abc" after the last letter taken, or NULL */
	bool plain; /**< "--" was read: no more options */
	char asked[24]; /**< the last option as written, for sentences */
};

enum masq_option_arg {
	MASQ_ARG_NONE,
	MASQ_ARG_REQUIRED, /**< rest of the cluster, after '=', or the next word whatever it is */
	MASQ_ARG_OPTIONAL, /**< rest of the cluster or after '=' only */
};

struct masq_option {
	char letter; /**< identifies the option in the code */
	bool has_short; /**< -letter works */
	const char *name; /**< long name, or NULL */
	enum masq_option_arg arg;
};

#define MASQ_OPTION_END 0
#define MASQ_OPTION_WORD 1 /**< a word that is not an option */

/**
 * Consume the next option like getopt_long(), but without its global state and its output to
 * stderr.
 *
 * @param value	out: the option's argument, or the plain word; NULL: none
 * @return the option's letter, MASQ_OPTION_WORD, MASQ_OPTION_END, or -EINVAL
 */
int masq_option_next(struct masq_words *words, const struct masq_option *options,
		unsigned int n_options, const char **value, struct masq_err *err);

/** @return the next word, not consumed, if it can be a value (no '-' first, not "!"); else NULL */
const char *masq_words_peek(const struct masq_words *words);

/** @return the next word, consumed, whatever it is; NULL at the end */
const char *masq_words_take(struct masq_words *words);

/* ---------------------------------------------------------------- masq_conf_lookup.c */

/**
 * Read a number: decimal digits only, no sign, no blanks.
 *
 * @return 0 with @p value; -EINVAL: not a number, or outside low..high
 */
int masq_conf_number(const char *text, uint32_t low, uint32_t high, uint32_t *value);

/** Protocol number or name; "all" is 0. @return 0, or -EINVAL */
int masq_conf_protocol_find(const char *text, uint16_t *proto, struct masq_err *err);

/** Port number or service name of @p proto ("tcp", "udp", NULL: no names). @return 0, or -EINVAL */
int masq_conf_service_find(const char *text, const char *proto, uint16_t *port);

#define MASQ_CONF_HOST_ADDRESSES_MAX 16

/**
 * Get the addresses of a dotted quad, network name or host name.
 *
 * @param may_resolve	names are looked up
 * @param addr	out: capacity MASQ_CONF_HOST_ADDRESSES_MAX, host order, no duplicates
 * @param n_addr	out: 1..MASQ_CONF_HOST_ADDRESSES_MAX
 * @return 0, or -EINVAL
 */
int masq_conf_host_find(const char *text, bool may_resolve, uint32_t *addr, unsigned int *n_addr,
		struct masq_err *err);

/** Find an ICMP type by name, alias or unique prefix of one. @return its row; NULL with a sentence */
const struct masq_conf_icmp_name *masq_conf_icmp_find(const char *text, struct masq_err *err);

/* ---------------------------------------------------------------- the families */

int masq_conf_ipchains_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err);
int masq_conf_portfw_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err);
int masq_conf_route_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err);
int masq_conf_timeout_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err);

/** Add a warning, if the reader wants warnings. */
void masq_conf_warn(const struct masq_conf_reader *reader, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

/** Add a command to a request. @return NULL with a sentence: too many */
struct masq_conf_command *masq_conf_request_add(
		struct masq_conf_request *request, enum masq_conf_verb verb, struct masq_err *err);

#endif /* MASQ_CONF_PRIV_H */
