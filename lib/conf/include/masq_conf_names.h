/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_NAMES_H
#define MASQ_CONF_NAMES_H

#include <stdint.h>

#include <masq_conf.h>

/**
 * @file
 * The names that command words, listings and JSON share: targets, built-in chains, timeouts and the
 * ICMP types of ipchains. Also one that JSON does not share: the default route.
 */

/** @return "ACCEPT", ... ; "-" for MASQ_TARGET_NONE; NULL for MASQ_TARGET_CHAIN */
const char *masq_conf_target_name(enum masq_conf_target target);

/** @return the built-in target of that name (upper case), or -1; never MASQ_TARGET_NONE or CHAIN */
int masq_conf_target_find(const char *name);

/** @return "input", "forward" or "output" */
const char *masq_conf_builtin_name(enum masq_conf_builtin chain);

/** One ICMP type or type and code with a name (reference 5.2). */
struct masq_conf_icmp_name {
	const char *name;
	const char *alias; /**< second name ("ping"), or NULL */
	uint8_t type;
	int16_t code; /**< -1: every code of the type; else the row names one code of it */
};

/** @return the table in the order of "ipchains -h icmp", codes below their type; @p n_names rows */
const struct masq_conf_icmp_name *masq_conf_icmp_names(unsigned int *n_names);

/** One timeout: its word and its place in the struct. */
struct masq_conf_timeout_name {
	const char *word; /**< "tcp-established" */
	uint32_t fallback_s; /**< default, seconds */
	uint32_t offset; /**< of the uint32_t in struct masq_conf_timeouts, bytes */
};

/** @return the timeouts in the order of MASQ_CONF_TIMEOUT_LIST; @p n_names rows */
const struct masq_conf_timeout_name *masq_conf_timeout_names(unsigned int *n_names);

/** @return the value of row @p name in @p timeouts */
static inline uint32_t *
masq_conf_timeout_at(struct masq_conf_timeouts *timeouts, const struct masq_conf_timeout_name *name)
{
	return (uint32_t *)(void *)((char *)timeouts + name->offset);
}

/** Write the destination of a route for people: "default" or "A.B.C.D/LEN". @return @p text */
char *masq_conf_route_text(struct masq_ip4_prefix dst, char text[MASQ_IP4_PREFIX_TEXT_BYTES]);

#endif /* MASQ_CONF_NAMES_H */
