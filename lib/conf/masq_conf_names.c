/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables of names: targets, built-in chains, ICMP types, timeouts.
 *
 * What it is. Constant tables and their searches that need no context. The ICMP table is that of
 * ipchains (reference 5.2), in the order in which "ipchains -h icmp" prints it: a type, then those
 * of its codes that have names. Timeouts come from MASQ_CONF_TIMEOUT_LIST.
 *
 * Threads: constant data, any.
 */

#include <stddef.h>
#include <string.h>

#include "masq_conf_priv.h"

static const char *const target_names[] = {
	[MASQ_TARGET_NONE] = "-",
	[MASQ_TARGET_ACCEPT] = "ACCEPT",
	[MASQ_TARGET_DENY] = "DENY",
	[MASQ_TARGET_REJECT] = "REJECT",
	[MASQ_TARGET_MASQ] = "MASQ",
	[MASQ_TARGET_REDIRECT] = "REDIRECT",
	[MASQ_TARGET_RETURN] = "RETURN",
	[MASQ_TARGET_CHAIN] = NULL,
};

const char *
masq_conf_target_name(enum masq_conf_target target)
{
	return target_names[target];
}

int
masq_conf_target_find(const char *name)
{
	for (int i = MASQ_TARGET_ACCEPT; i < MASQ_TARGET_CHAIN; i++)
		if (strcmp(target_names[i], name) == 0)
			return i;
	return -1;
}

const char *
masq_conf_builtin_name(enum masq_conf_builtin chain)
{
	static const char *const names[MASQ_CHAIN_BUILTINS] = { "input", "forward", "output" };

	return names[chain];
}

/* clang-format off */
static const struct masq_conf_icmp_name icmp_names[] = {
	{ "echo-reply",			"pong",		0,	-1 },
	{ "destination-unreachable",	NULL,		3,	-1 },
	{ "network-unreachable",	NULL,		3,	0 },
	{ "host-unreachable",		NULL,		3,	1 },
	{ "protocol-unreachable",	NULL,		3,	2 },
	{ "port-unreachable",		NULL,		3,	3 },
	{ "fragmentation-needed",	NULL,		3,	4 },
	{ "source-route-failed",	NULL,		3,	5 },
	{ "network-unknown",		NULL,		3,	6 },
	{ "host-unknown",		NULL,		3,	7 },
	{ "network-prohibited",		NULL,		3,	9 },
	{ "host-prohibited",		NULL,		3,	10 },
	{ "TOS-network-unreachable",	NULL,		3,	11 },
	{ "TOS-host-unreachable",	NULL,		3,	12 },
	{ "communication-prohibited",	NULL,		3,	13 },
	{ "host-precedence-violation",	NULL,		3,	14 },
	{ "precedence-cutoff",		NULL,		3,	15 },
	{ "source-quench",		NULL,		4,	-1 },
	{ "redirect",			NULL,		5,	-1 },
	{ "network-redirect",		NULL,		5,	0 },
	{ "host-redirect",		NULL,		5,	1 },
	{ "TOS-network-redirect",	NULL,		5,	2 },
	{ "TOS-host-redirect",		NULL,		5,	3 },
	{ "echo-request",		"ping",		8,	-1 },
	{ "router-advertisement",	NULL,		9,	-1 },
	{ "router-solicitation",	NULL,		10,	-1 },
	{ "time-exceeded",		"ttl-exceeded",	11,	-1 },
	{ "ttl-zero-during-transit",	NULL,		11,	0 },
	{ "ttl-zero-during-reassembly",	NULL,		11,	1 },
	{ "parameter-problem",		NULL,		12,	-1 },
	{ "ip-header-bad",		NULL,		12,	0 },
	{ "required-option-missing",	NULL,		12,	1 },
	{ "timestamp-request",		NULL,		13,	-1 },
	{ "timestamp-reply",		NULL,		14,	-1 },
	{ "address-mask-request",	NULL,		17,	-1 },
	{ "address-mask-reply",		NULL,		18,	-1 },
};

/* clang-format on */

const struct masq_conf_icmp_name *
masq_conf_icmp_names(unsigned int *n_names)
{
	*n_names = sizeof(icmp_names) / sizeof(icmp_names[0]);
	return icmp_names;
}

const struct masq_conf_timeout_name *
masq_conf_timeout_names(unsigned int *n_names)
{
#define ROW(field, word, seconds) { word, seconds, offsetof(struct masq_conf_timeouts, field##_s) },
	static const struct masq_conf_timeout_name names[] = { MASQ_CONF_TIMEOUT_LIST(ROW) };
#undef ROW

	*n_names = sizeof(names) / sizeof(names[0]);
	return names;
}

char *
masq_conf_route_text(struct masq_ip4_prefix dst, char text[MASQ_IP4_PREFIX_TEXT_BYTES])
{
	return dst.addr == 0 && dst.len == 0 ? strcpy(text, "default")
					     : masq_ip4_prefix_text(dst, text);
}
