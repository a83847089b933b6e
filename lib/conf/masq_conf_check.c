/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of a single rule, forwarding or route.
 *
 * What it is. A command reaches the model as words, or as JSON from any program that can open the
 * socket. Both are checked here, so the model never holds a rule that the data path would have to
 * question or that the printer could not write in words: names contain only characters that need no
 * quotes, an address has no bits outside its mask, ports are given only if the protocol has ports,
 * and so on. What depends on the rest of the model (does the chain exist?) is checked where the
 * command is applied.
 *
 * The sentences are those of ipchains and portfw where the reference has them (5.2, 5.3, 2.2). The
 * parser calls these checks too, because the original tool refused such words as bad parameters
 * (exit 2) before it called the kernel (exit 1).
 *
 * Threads: constant data, any.
 */

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "masq_conf_priv.h"

#define TOS_BITS \
	0x1e /* the four bits of RFC 1349; precedence is above, the must-be-zero bit below */

int
masq_conf_port_name_check(const char *name, struct masq_err *err)
{
	size_t len = strnlen(name, MASQ_CONF_NAME_BYTES);

	if (len == 0)
		return masq_err_set(err, EINVAL, "a port name must not be empty");
	if (len == MASQ_CONF_NAME_BYTES)
		return masq_err_set(err, EINVAL, "port name `%.64s' is longer than %d characters",
				name, MASQ_CONF_NAME_BYTES - 1);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("._-:@/", name[i]) == NULL)
			return masq_err_set(err, EINVAL,
					"port name `%s' may contain only letters, digits and . _ - : @ /",
					name);
	if (name[0] == '-')
		return masq_err_set(err, EINVAL, "port name `%s' must not start with -", name);
	return 0;
}

int
masq_conf_chain_name_check(const char *name, struct masq_err *err)
{
	size_t len = strnlen(name, MASQ_CONF_CHAIN_BYTES);

	if (len == 0)
		return masq_err_set(err, EINVAL, "a chain name must not be empty");
	if (len == MASQ_CONF_CHAIN_BYTES)
		return masq_err_set(err, EINVAL, "chain name `%.64s' is longer than %d characters",
				name, MASQ_CONF_CHAIN_BYTES - 1);
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)name[i]) || strchr("'\"\\", name[i]) != NULL)
			return masq_err_set(err, EINVAL,
					"chain name `%s' contains a blank, a quote or a control character",
					name);
	if (strchr("-!#", name[0]) != NULL)
		return masq_err_set(
				err, EINVAL, "chain name `%s' must not start with - ! or #", name);
	return 0;
}

int
masq_conf_policy_check(const char *chain, enum masq_conf_target policy, struct masq_err *err)
{
	bool forward = strcmp(chain, masq_conf_builtin_name(MASQ_CHAIN_FORWARD)) == 0;

	if (policy == MASQ_TARGET_ACCEPT || policy == MASQ_TARGET_DENY ||
			policy == MASQ_TARGET_REJECT || (policy == MASQ_TARGET_MASQ && forward))
		return 0;
	if (policy == MASQ_TARGET_MASQ)
		return masq_err_set(err, EINVAL,
				"masquerading not allowed for input and output chains");
	return masq_err_set(err, EINVAL,
			"bad policy for chain `%s'; accepted: ACCEPT, DENY, REJECT and, for forward, MASQ",
			chain);
}

static bool
is_builtin(const char *chain, enum masq_conf_builtin builtin)
{
	return strcmp(chain, masq_conf_builtin_name(builtin)) == 0;
}

static int
target_check(const char *chain, const struct masq_conf_rule *rule, struct masq_err *err)
{
	const bool input = is_builtin(chain, MASQ_CHAIN_INPUT);
	const bool forward = is_builtin(chain, MASQ_CHAIN_FORWARD);
	const bool output = is_builtin(chain, MASQ_CHAIN_OUTPUT);

	if ((unsigned int)rule->target > MASQ_TARGET_CHAIN)
		return masq_err_set(err, EINVAL, "unknown target %d", (int)rule->target);
	if (rule->target == MASQ_TARGET_CHAIN)
		return masq_conf_chain_name_check(rule->chain, err);
	if (rule->chain[0] != '\0')
		return masq_err_set(err, EINVAL, "a rule with target %s must not name a chain",
				masq_conf_target_name(rule->target));
	if (rule->target == MASQ_TARGET_MASQ && (input || output))
		return masq_err_set(err, EINVAL,
				"masquerading not allowed for input and output chains");
	if (rule->target == MASQ_TARGET_REDIRECT) {
		if (output || forward)
			return masq_err_set(err, EINVAL,
					"redirect not allowed for output and forward chains");
		if ((rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP) ||
				(rule->inverse & MASQ_INV_PROTO) != 0)
			return masq_err_set(
					err, EINVAL, "redirecting only allowed with TCP or UDP");
		return masq_err_set(err, EOPNOTSUPP,
				"target REDIRECT is not supported: the box has no service of its own to take the packets");
	}
	if (rule->redirect_port != 0)
		return masq_err_set(err, EINVAL, "only REDIRECT takes a port");
	return 0;
}

static int
ports_check(const struct masq_conf_rule *rule, struct masq_err *err)
{
	const bool ported = !masq_conf_range_any(rule->sport) ||
			!masq_conf_range_any(rule->dport) ||
			(rule->inverse & (MASQ_INV_SPORT | MASQ_INV_DPORT)) != 0;
	const bool has_ports = (rule->proto == IPPROTO_TCP || rule->proto == IPPROTO_UDP ||
					       rule->proto == IPPROTO_ICMP) &&
			(rule->inverse & MASQ_INV_PROTO) == 0;
	const bool fragment = (rule->flags & MASQ_RULE_FRAGMENT) != 0 &&
			(rule->inverse & MASQ_INV_FRAGMENT) == 0;

	if (rule->sport.lo > rule->sport.hi)
		return masq_err_set(err, EINVAL,
				"invalid port range %u:%u: the end is below the start",
				rule->sport.lo, rule->sport.hi);
	if (rule->dport.lo > rule->dport.hi)
		return masq_err_set(err, EINVAL,
				"invalid port range %u:%u: the end is below the start",
				rule->dport.lo, rule->dport.hi);
	if (ported && !has_ports)
		return masq_err_set(err, EINVAL, MASQ_CONF_PORTS_NEED);
	if ((rule->flags & MASQ_RULE_SYN) != 0 &&
			(rule->proto != IPPROTO_TCP || (rule->inverse & MASQ_INV_PROTO) != 0))
		return masq_err_set(err, EINVAL, "-y needs -p tcp");
	if (fragment && ported)
		return masq_err_set(err, EINVAL,
				"-f and ports are mutually exclusive: later fragments carry no ports");
	if (fragment && (rule->flags & MASQ_RULE_SYN) != 0)
		return masq_err_set(err, EINVAL,
				"-f and -y are mutually exclusive: later fragments carry no flags");
	return 0;
}

static int
flags_check(const struct masq_conf_rule *rule, struct masq_err *err)
{
	const uint8_t known = MASQ_RULE_LOG | MASQ_RULE_SYN | MASQ_RULE_FRAGMENT |
			MASQ_RULE_MARK_ABSOLUTE | MASQ_RULE_IFACE_PREFIX;

	if ((rule->flags & ~known) != 0)
		return masq_err_set(err, EINVAL, "unknown rule flags 0x%02x", rule->flags & ~known);
	if (((rule->inverse & MASQ_INV_SYN) != 0 && (rule->flags & MASQ_RULE_SYN) == 0) ||
			((rule->inverse & MASQ_INV_FRAGMENT) != 0 &&
					(rule->flags & MASQ_RULE_FRAGMENT) == 0))
		return masq_err_set(
				err, EINVAL, "! negates -y or -f, which the rule does not have");
	if ((rule->inverse & MASQ_INV_PROTO) != 0 && rule->proto == 0)
		return masq_err_set(err, EINVAL, "`-p ! all' would never match");
	if (!rule->has_mark && (rule->mark != 0 || (rule->flags & MASQ_RULE_MARK_ABSOLUTE) != 0))
		return masq_err_set(err, EINVAL, "the rule has a mark value but no -m");
	return 0;
}

static int
tos_check(const struct masq_conf_rule *rule, struct masq_err *err)
{
	const unsigned int always = rule->tos_xor & ~rule->tos_and & TOS_BITS;

	if ((rule->tos_and & 1) == 0 || (rule->tos_xor & 1) != 0)
		return masq_err_set(err, EINVAL,
				"-t 0x%02x 0x%02x changes bit 0 of the TOS, which must not change",
				rule->tos_and, rule->tos_xor);
	if ((always & (always - 1)) != 0)
		return masq_err_set(err, EINVAL,
				"-t 0x%02x 0x%02x always sets more than one TOS bit", rule->tos_and,
				rule->tos_xor);
	return 0;
}

static int
iface_check(const struct masq_conf_rule *rule, struct masq_err *err)
{
	if (rule->iface[0] != '\0')
		return masq_conf_port_name_check(rule->iface, err);
	if ((rule->flags & MASQ_RULE_IFACE_PREFIX) != 0 || (rule->inverse & MASQ_INV_IFACE) != 0)
		return masq_err_set(err, EINVAL, "-i needs a port name (`! +' would never match)");
	return 0;
}

int
masq_conf_rule_check(const char *chain, const struct masq_conf_rule *rule, struct masq_err *err)
{
	int ret;

	if ((rule->src & ~rule->src_mask) != 0 || (rule->dst & ~rule->dst_mask) != 0)
		return masq_err_set(err, EINVAL, "an address has bits outside its mask");
	if ((ret = flags_check(rule, err)) != 0 || (ret = iface_check(rule, err)) != 0 ||
			(ret = ports_check(rule, err)) != 0 || (ret = tos_check(rule, err)) != 0)
		return ret;
	return target_check(chain, rule, err);
}

int
masq_conf_iface_find(const struct masq_conf_start *start, const struct masq_conf_rule *rule,
		struct masq_err *err)
{
	const bool is_prefix = (rule->flags & MASQ_RULE_IFACE_PREFIX) != 0;
	char names[MASQ_ERR_LIST_BYTES] = "";

	if (rule->iface[0] == '\0' || strcmp(rule->iface, "lo") == 0)
		return 0;
	for (uint32_t i = 0; i < start->n_ports; i++) {
		const char *name = start->port[i].name;

		if (is_prefix ? strncmp(name, rule->iface, strlen(rule->iface)) == 0
			      : strcmp(name, rule->iface) == 0)
			return 0;
		masq_err_list_add(names, name);
	}
	return masq_err_set(err, ENODEV,
			"-i %s%s: there is no such port, so the rule matches %s; ports: %s",
			rule->iface, is_prefix ? "+" : "",
			(rule->inverse & MASQ_INV_IFACE) != 0 ? "packets of every port"
							      : "no packet",
			names);
}

static bool
portfw_stands(const struct masq_conf_rules *rules, const struct masq_conf_portfw *rule)
{
	for (uint32_t i = 0; i < rules->n_portfw; i++) {
		const struct masq_conf_portfw *one = &rules->portfw[i];

		if (one->proto == rule->proto && one->lport == rule->lport &&
				one->laddr == rule->laddr && one->raddr == rule->raddr &&
				one->rport == rule->rport)
			return true;
	}
	return false;
}

static bool
address_is_ours(const struct masq_conf_start *start, uint32_t addr)
{
	for (uint32_t p = 0; p < start->n_ports; p++)
		for (uint32_t i = 0; i < start->port[p].n_addresses; i++)
			if (start->port[p].address[i].addr == addr)
				return true;
	return false;
}

static void
addresses_text(const struct masq_conf_start *start, char list[MASQ_ERR_LIST_BYTES])
{
	char text[MASQ_IP4_TEXT_BYTES];

	list[0] = '\0';
	for (uint32_t p = 0; p < start->n_ports; p++)
		for (uint32_t i = 0; i < start->port[p].n_addresses; i++)
			masq_err_list_add(
					list, masq_ip4_text(start->port[p].address[i].addr, text));
	if (list[0] == '\0')
		masq_err_list_add(list, "none");
}

int
masq_conf_portfw_find(const struct masq_conf_start *start, const struct masq_conf_rules *rules,
		const struct masq_conf_portfw *added, struct masq_err *err)
{
	char text[MASQ_IP4_TEXT_BYTES], addresses[MASQ_ERR_LIST_BYTES];

	if (!portfw_stands(rules, added))
		return 0;
	masq_ip4_text(added->laddr, text);
	if (!address_is_ours(start, added->laddr)) {
		addresses_text(start, addresses);
		return masq_err_set(err, ENODEV,
				"-L %s: no port has that address, so nothing is forwarded; addresses: %s",
				text, addresses);
	}
	if (address_is_ours(start, added->raddr))
		return masq_err_set(err, ENODEV,
				"-R %s is an address of the box itself, so nothing is forwarded",
				masq_ip4_text(added->raddr, text));
	if (added->raddr != 0 && added->rport != 0)
		return 0;
	return masq_err_set(err, ENODEV,
			"-L %s %u has no server to forward to; give its address and port with -R",
			text, added->lport);
}

/* Ports, or ICMP type and code: one value each, unless the packet has none. */
static int
packet_ports_check(const struct masq_conf_rule *rule, struct masq_err *err)
{
	const bool is_icmp = rule->proto == IPPROTO_ICMP;

	if (!masq_conf_packet_has_ports(rule))
		return 0;
	if (rule->sport.lo == rule->sport.hi && rule->dport.lo == rule->dport.hi)
		return 0;
	return masq_err_set(err, EINVAL, "-C requires one %s and one %s",
			is_icmp ? "ICMP type" : "source port",
			is_icmp ? "code" : "destination port");
}

bool
masq_conf_packet_has_ports(const struct masq_conf_rule *rule)
{
	return (rule->flags & MASQ_RULE_FRAGMENT) == 0 &&
			(rule->proto == IPPROTO_TCP || rule->proto == IPPROTO_UDP ||
					rule->proto == IPPROTO_ICMP);
}

int
masq_conf_packet_check(const char *chain, const struct masq_conf_rule *rule, struct masq_err *err)
{
	const int ret = masq_conf_rule_check(chain, rule, err);

	if (ret != 0)
		return ret;
	if (rule->inverse != 0)
		return masq_err_set(err, EINVAL,
				"`!' cannot be used with -C, which describes one packet");
	if (rule->iface[0] == '\0')
		return masq_err_set(err, EINVAL, "-C requires a port name");
	if ((rule->flags & MASQ_RULE_IFACE_PREFIX) != 0)
		return masq_err_set(
				err, EINVAL, "-C requires one port name, not `%s+'", rule->iface);
	if (rule->proto > UINT8_MAX)
		return masq_err_set(err, EINVAL,
				"no packet has protocol %u; accepted with -C: 0-255", rule->proto);
	return packet_ports_check(rule, err);
}

int
masq_conf_portfw_check(const struct masq_conf_portfw *rule, bool adding, struct masq_err *err)
{
	if (rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP)
		return masq_err_set(err, EINVAL,
				"protocol %u cannot be forwarded; accepted: tcp, udp", rule->proto);
	if (rule->lport == 0 || rule->lport > MASQ_CONF_LPORT_MAX)
		return masq_err_set(err, EINVAL,
				"local port %u cannot be forwarded; accepted: 1-%u", rule->lport,
				MASQ_CONF_LPORT_MAX);
	if (adding && (rule->pref == 0 || rule->pref > INT32_MAX))
		return masq_err_set(err, EINVAL, "preference %u is out of range; accepted: 1-%d",
				rule->pref, INT32_MAX);
	return 0;
}

int
masq_conf_route_check(const struct masq_conf_route *route, bool adding, struct masq_err *err)
{
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];
	int ret;

	if (route->dst.len > 32)
		return masq_err_set(err, EINVAL, "prefix length %u is out of range; accepted: 0-32",
				route->dst.len);
	if ((route->dst.addr & ~masq_ip4_mask(route->dst.len)) != 0) {
		struct masq_ip4_prefix net = route->dst;
		char meant[MASQ_IP4_PREFIX_TEXT_BYTES];

		net.addr &= masq_ip4_mask(net.len);
		return masq_err_set(err, EINVAL,
				"`%s' has bits set beyond its prefix; the network is %s",
				masq_ip4_prefix_text(route->dst, text),
				masq_ip4_prefix_text(net, meant));
	}
	if (route->port[0] != '\0' && (ret = masq_conf_port_name_check(route->port, err)) != 0)
		return ret;
	if (adding && route->gateway == 0 && route->port[0] == '\0')
		return masq_err_set(err, EINVAL, "the route to %s needs `via ADDR' or `dev PORT'",
				masq_conf_route_text(route->dst, text));
	if (route->gateway != 0 &&
			(route->gateway >> 24 == 0 || route->gateway >> 24 == IN_LOOPBACKNET ||
					route->gateway >= MASQ_IP4(224, 0, 0, 0)))
		return masq_err_set(err, EINVAL,
				"`%s' cannot be a gateway; accepted: a host address, "
				"1.0.0.0-223.255.255.255 except 127.0.0.0/8",
				masq_ip4_text(route->gateway, text));
	return 0;
}
