/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipchains, third part: from collected texts to rules.
 *
 * What it is. When all options of a line are known, ports become numbers (service names depend on
 * the protocol, ICMP has types and codes instead), hosts become addresses, and one rule is made for
 * each pair of addresses, and for -b one more with the ends swapped.
 *
 * Addresses (reference 5.2): a dotted quad, a network name or a host name, then a mask as length or
 * dotted; no mask is /32, and with mask 0 the address is not even parsed. A name with several
 * addresses gives several rules, but not where that would change the meaning: after "!", with -b
 * and with -R.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "masq_conf_ipchains.h"

struct addresses {
	uint32_t addr[MASQ_CONF_HOST_ADDRESSES_MAX];
	unsigned int n;
	uint32_t mask;
};

/* ---------------------------------------------------------------- addresses */

static int
mask_read(const char *text, uint32_t *mask, struct masq_err *err)
{
	uint32_t len;

	if (masq_conf_number(text, 0, 32, &len) == 0)
		*mask = masq_ip4_mask(len);
	else if (masq_ip4_parse(text, mask) != 0)
		return masq_err_set(err, EINVAL,
				"invalid mask `%.64s' specified; accepted: 0-32 or A.B.C.D", text);
	return 0;
}

/* Clear the bits outside the mask, then remove duplicates. */
static void
addresses_mask(struct addresses *list)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < list->n; i++) {
		uint32_t addr = list->addr[i] & list->mask;
		unsigned int k = 0;

		while (k < kept && list->addr[k] != addr)
			k++;
		if (k == kept)
			list->addr[kept++] = addr;
	}
	list->n = kept;
}

static int
addresses_read(const struct masq_ipchains *parse, const char *text, struct addresses *list,
		struct masq_err *err)
{
	char host[256];
	const char *slash;

	*list = (struct addresses){ .n = 1 };
	if (text == NULL)
		return 0;
	slash = strchr(text, '/');
	list->mask = UINT32_MAX;
	if (slash != NULL && mask_read(slash + 1, &list->mask, err) != 0)
		return -EINVAL;
	if (list->mask == 0)
		return 0;
	if ((size_t)snprintf(host, sizeof(host), "%.*s",
			    slash != NULL ? (int)(slash - text) : (int)strlen(text),
			    text) >= sizeof(host))
		return masq_err_set(err, EINVAL, "host name `%.64s...' is too long", text);
	if (masq_conf_host_find(host, parse->words->reader->resolve_names, list->addr, &list->n,
			    err) != 0)
		return -EINVAL;
	addresses_mask(list);
	return 0;
}

/* ---------------------------------------------------------------- ports */

static int
port_bad(const char *text, struct masq_err *err)
{
	return masq_err_set(err, EINVAL, "invalid port/service `%.64s' specified", text);
}

/* "a", "a:b", "a:", ":b"; @p names: protocol for service names, or NULL */
static int
range_read(const char *text, const char *names, struct masq_conf_range *range, struct masq_err *err)
{
	const char *colon = strchr(text, ':');
	char low[64];

	if (colon == NULL) {
		if (masq_conf_service_find(text, names, &range->lo) != 0)
			return port_bad(text, err);
		range->hi = range->lo;
		return 0;
	}
	if ((size_t)(colon - text) >= sizeof(low))
		return port_bad(text, err);
	snprintf(low, sizeof(low), "%.*s", (int)(colon - text), text);
	*range = (struct masq_conf_range){ 0, UINT16_MAX };
	if ((low[0] != '\0' && masq_conf_service_find(low, names, &range->lo) != 0) ||
			(colon[1] != '\0' &&
					masq_conf_service_find(colon + 1, names, &range->hi) != 0))
		return port_bad(text, err);
	if (range->lo > range->hi)
		return masq_err_set(err, EINVAL,
				"invalid port/service `%.64s' specified: the end is below the start",
				text);
	return 0;
}

static int
icmp_read(struct masq_ipchains *parse, struct masq_err *err)
{
	struct masq_conf_rule *rule = &parse->rule;
	const char *type = parse->src.port, *code = parse->dst.port;
	const struct masq_conf_icmp_name *name;

	if (code != NULL && range_read(code, NULL, &rule->dport, err) != 0)
		return -EINVAL;
	if (type == NULL)
		return 0;
	if (type[strspn(type, "0123456789:")] == '\0')
		return range_read(type, NULL, &rule->sport, err);
	if ((rule->inverse & MASQ_INV_SPORT) != 0)
		return masq_err_set(err, EINVAL, "ICMP type name `%.64s' cannot be negated", type);
	if (code != NULL)
		return masq_err_set(err, EINVAL,
				"ICMP type name `%.64s' and a code are mutually exclusive", type);
	name = masq_conf_icmp_find(type, err);
	if (name == NULL)
		return -EINVAL;
	rule->sport = (struct masq_conf_range){ name->type, name->type };
	if (name->code >= 0)
		rule->dport = (struct masq_conf_range){ (uint16_t)name->code,
			(uint16_t)name->code };
	return 0;
}

static int
ports_read(struct masq_ipchains *parse, struct masq_err *err)
{
	struct masq_conf_rule *rule = &parse->rule;
	const char *names = rule->proto == IPPROTO_TCP ? "tcp" : "udp";

	if (parse->redirect != NULL &&
			masq_conf_service_find(parse->redirect, names, &rule->redirect_port) != 0)
		return port_bad(parse->redirect, err);
	if (parse->src.port == NULL && parse->dst.port == NULL)
		return 0;
	if ((rule->inverse & MASQ_INV_PROTO) != 0 ||
			(rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP &&
					rule->proto != IPPROTO_ICMP))
		return masq_err_set(err, EINVAL, MASQ_CONF_PORTS_NEED);
	if (rule->proto == IPPROTO_ICMP)
		return icmp_read(parse, err);
	if (parse->src.port != NULL && range_read(parse->src.port, names, &rule->sport, err) != 0)
		return -EINVAL;
	return parse->dst.port == NULL ? 0 : range_read(parse->dst.port, names, &rule->dport, err);
}

/* ---------------------------------------------------------------- rules */

/* Move one bit of the inverse flags to the place of another. */
static uint8_t
bit_moved(uint8_t inverse, uint8_t from, uint8_t to)
{
	return (inverse & from) != 0 ? to : 0;
}

static struct masq_conf_rule
rule_mirrored(const struct masq_conf_rule *rule)
{
	struct masq_conf_rule mirror = *rule;
	const uint8_t ends = MASQ_INV_SRC | MASQ_INV_DST;
	const uint8_t ports = MASQ_INV_SPORT | MASQ_INV_DPORT;
	const uint8_t inverse = rule->inverse;

	mirror.src = rule->dst;
	mirror.src_mask = rule->dst_mask;
	mirror.dst = rule->src;
	mirror.dst_mask = rule->src_mask;
	mirror.inverse = (uint8_t)((inverse & ~ends) |
			bit_moved(inverse, MASQ_INV_SRC, MASQ_INV_DST) |
			bit_moved(inverse, MASQ_INV_DST, MASQ_INV_SRC));
	if (rule->proto == IPPROTO_ICMP) /* type and code have no direction */
		return mirror;
	mirror.sport = rule->dport;
	mirror.dport = rule->sport;
	mirror.inverse = (uint8_t)((mirror.inverse & ~ports) |
			bit_moved(inverse, MASQ_INV_SPORT, MASQ_INV_DPORT) |
			bit_moved(inverse, MASQ_INV_DPORT, MASQ_INV_SPORT));
	return mirror;
}

static int
rule_emit(struct masq_ipchains *parse, enum masq_conf_verb verb, const struct masq_conf_rule *rule,
		struct masq_err *err)
{
	struct masq_conf_command *command = masq_conf_request_add(parse->request, verb, err);

	if (command == NULL)
		return -EINVAL;
	strcpy(command->chain, parse->chain);
	command->number = parse->number;
	command->rule = *rule;
	return 0;
}

static int
several_check(const struct masq_ipchains *parse, enum masq_conf_verb verb, bool mirrored,
		const struct addresses *src, const struct addresses *dst, struct masq_err *err)
{
	const char *why = NULL;

	if (src->n == 1 && dst->n == 1)
		return 0;
	if ((src->n > 1 && (parse->rule.inverse & MASQ_INV_SRC) != 0) ||
			(dst->n > 1 && (parse->rule.inverse & MASQ_INV_DST) != 0))
		why = "!";
	else if (mirrored)
		why = "-b";
	else if (verb == MASQ_VERB_CHAIN_REPLACE)
		why = "-R";
	if (why == NULL)
		return 0;
	return masq_err_set(err, EINVAL,
			"`%s' cannot be used with `%.64s', which has several addresses", why,
			src->n > 1 ? parse->src.host : parse->dst.host);
}

int
masq_ipchains_rules_make(struct masq_ipchains *parse, enum masq_conf_verb verb, bool mirrored,
		struct masq_err *err)
{
	struct addresses src, dst;
	int ret;

	if (ports_read(parse, err) != 0)
		return -EINVAL;
	/* Checked before names are looked up. REDIRECT is refused when the command is applied: exit
	 * 1. */
	ret = masq_conf_rule_check(parse->chain, &parse->rule, err);
	if (ret != 0 && ret != -EOPNOTSUPP)
		return ret;
	if (ret == -EOPNOTSUPP && err != NULL)
		err->text[0] = '\0';
	if (addresses_read(parse, parse->src.host, &src, err) != 0 ||
			addresses_read(parse, parse->dst.host, &dst, err) != 0 ||
			several_check(parse, verb, mirrored, &src, &dst, err) != 0)
		return -EINVAL;
	for (unsigned int i = 0; i < src.n * dst.n; i++) {
		struct masq_conf_rule rule = parse->rule;

		rule.src = src.addr[i / dst.n];
		rule.src_mask = src.mask;
		rule.dst = dst.addr[i % dst.n];
		rule.dst_mask = dst.mask;
		if (rule_emit(parse, verb, &rule, err) != 0)
			return -EINVAL;
		rule = rule_mirrored(&rule);
		if (mirrored && rule_emit(parse, verb, &rule, err) != 0)
			return -EINVAL;
	}
	return 0;
}
