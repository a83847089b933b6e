/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipchains -L: chains and rules to the column (reference 5.6).
 *
 * Columns are those of ipchains 1.3.9, its unevennesses included: a mark makes a verbose line two
 * columns longer than one without, and the "!" of a destination moves what follows it.
 *
 *	target     prot opt     source                destination           ports
 *	MASQ       tcp  ------  192.168.16.27        0.0.0.0/0             80 ->   *
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include <masq_conf_names.h>

#include "cli.h"

#define ADDRESS_TEXT_BYTES (CLI_NAME_BYTES + 24)

static const char *
rule_target(const struct masq_conf_rule *rule)
{
	return rule->target == MASQ_TARGET_CHAIN ? rule->chain
						 : masq_conf_target_name(rule->target);
}

/* ---------------------------------------------------------------- pieces */

static const char *
address_text(uint32_t addr, uint32_t mask, bool numeric, char text[ADDRESS_TEXT_BYTES])
{
	const unsigned int len = (unsigned int)__builtin_popcount(mask);
	char name[CLI_NAME_BYTES], dotted[MASQ_IP4_TEXT_BYTES];

	if (mask == 0 && !numeric)
		return "anywhere";
	cli_host_name(addr, numeric || mask == 0, name);
	if (mask == UINT32_MAX)
		snprintf(text, ADDRESS_TEXT_BYTES, "%s", name);
	else if (masq_ip4_mask(len) == mask)
		snprintf(text, ADDRESS_TEXT_BYTES, "%s/%u", name, len);
	else
		snprintf(text, ADDRESS_TEXT_BYTES, "%s/%s", name, masq_ip4_text(mask, dotted));
	return text;
}

/* Above 99999 counters are rounded to thousands; -x shows them whole. */
static void
print_counter(FILE *out, uint64_t count, int exact_width, bool exact)
{
	static const char units[] = "KMG";
	unsigned int unit = 0;

	if (exact) {
		fprintf(out, "%*" PRIu64 " ", exact_width, count);
		return;
	}
	if (count <= 99999) {
		fprintf(out, "%5" PRIu64 " ", count);
		return;
	}
	count = (count + 500) / 1000;
	while (count > 9999 && unit < 2) {
		count = (count + 500) / 1000;
		unit++;
	}
	fprintf(out, "%4" PRIu64 "%c ", count, units[unit]);
}

static void
print_options(FILE *out, const struct masq_conf_rule *rule)
{
	fputc((rule->inverse & MASQ_INV_SYN) != 0 ? '!' : '-', out);
	fputc((rule->flags & MASQ_RULE_SYN) != 0 ? 'y' : '-', out);
	fputc((rule->inverse & MASQ_INV_FRAGMENT) != 0 ? '!' : '-', out);
	fputc((rule->flags & MASQ_RULE_FRAGMENT) != 0 ? 'f' : '-', out);
	fputc((rule->flags & MASQ_RULE_LOG) != 0 ? 'l' : '-', out);
	fputc(rule->outsize != 0 ? 'o' : '-', out);
	fputc(' ', out);
}

static const char *
iface_text(const struct masq_conf_rule *rule, bool numeric, char text[MASQ_CONF_NAME_BYTES + 1])
{
	if (rule->iface[0] == '\0' && (rule->flags & MASQ_RULE_IFACE_PREFIX) == 0)
		return numeric ? "*" : "any";
	snprintf(text, MASQ_CONF_NAME_BYTES + 1, "%s%s", rule->iface,
			(rule->flags & MASQ_RULE_IFACE_PREFIX) != 0 ? "+" : "");
	return text;
}

/* ---------------------------------------------------------------- ports */

static void
print_range(FILE *out, struct masq_conf_range range, const char *proto, bool numeric)
{
	char lo[CLI_NAME_BYTES], hi[CLI_NAME_BYTES];

	if (range.lo == 0 && range.hi == UINT16_MAX) {
		fputs(numeric ? "*" : "any", out);
		return;
	}
	fputs(cli_service_name(range.lo, proto, numeric, lo), out);
	if (range.lo != range.hi)
		fprintf(out, ":%s", cli_service_name(range.hi, proto, numeric, hi));
}

static const char *
icmp_name(const struct masq_conf_rule *rule)
{
	const struct masq_conf_icmp_name *names;
	unsigned int n;

	if (rule->proto != IPPROTO_ICMP || rule->sport.lo != rule->sport.hi ||
			(rule->inverse & (MASQ_INV_SPORT | MASQ_INV_DPORT)) != 0)
		return NULL;
	names = masq_conf_icmp_names(&n);
	for (unsigned int i = 0; i < n; i++) {
		const bool any_code = rule->dport.lo == 0 && rule->dport.hi == UINT16_MAX;

		if (names[i].type != rule->sport.lo)
			continue;
		if (names[i].code < 0 ? any_code
				      : rule->dport.lo == names[i].code &&
								rule->dport.hi == names[i].code)
			return names[i].name;
	}
	return NULL;
}

static void
print_ports(FILE *out, const struct masq_conf_rule *rule, bool numeric)
{
	const char *proto = rule->proto == IPPROTO_TCP ? "tcp"
			: rule->proto == IPPROTO_UDP   ? "udp"
						       : NULL;
	const char *name = numeric ? NULL : icmp_name(rule);

	if (rule->proto != IPPROTO_TCP && rule->proto != IPPROTO_UDP &&
			rule->proto != IPPROTO_ICMP) {
		fputs("  n/a", out);
		return;
	}
	if (name != NULL) {
		fprintf(out, "  %s", name);
		return;
	}
	fputs((rule->inverse & MASQ_INV_SPORT) != 0 ? " !" : "  ", out);
	print_range(out, rule->sport, proto, numeric);
	fputs(" -> ", out);
	fputs((rule->inverse & MASQ_INV_DPORT) != 0 ? " !" : "  ", out);
	print_range(out, rule->dport, proto, numeric);
	if (rule->target == MASQ_TARGET_REDIRECT) {
		fputs(" => ", out);
		if (rule->redirect_port == 0)
			fputs(numeric ? "*" : "any", out);
		else
			fprintf(out, "%u", rule->redirect_port);
	}
}

/* ---------------------------------------------------------------- lines */

static void
print_verbose_columns(FILE *out, const struct masq_conf_rule *rule, bool numeric)
{
	char iface[MASQ_CONF_NAME_BYTES + 1];

	fprintf(out, "0x%02X 0x%02X ", rule->tos_and, rule->tos_xor);
	fputc((rule->inverse & MASQ_INV_IFACE) != 0 ? '!' : ' ', out);
	fprintf(out, "%-10s", iface_text(rule, numeric, iface));
	if (rule->has_mark)
		fprintf(out, " 0x%-10" PRIX32, rule->mark);
	else
		fprintf(out, "%11s", "");
	if (rule->outsize != 0)
		fprintf(out, " %-7u", rule->outsize);
	else
		fprintf(out, "%8s", "");
	fputc(' ', out);
}

static void
print_rule(FILE *out, const struct cli_chain_style *style, const struct masq_conf_rule *rule)
{
	char text[ADDRESS_TEXT_BYTES], name[CLI_NAME_BYTES];

	fprintf(out, "%-9s ", rule_target(rule));
	fputc((rule->inverse & MASQ_INV_PROTO) != 0 ? '!' : ' ', out);
	fprintf(out, "%-5s", cli_protocol_name(rule->proto, name));
	print_options(out, rule);
	if (style->verbose)
		print_verbose_columns(out, rule, style->numeric);
	fputc((rule->inverse & MASQ_INV_SRC) != 0 ? '!' : ' ', out);
	fprintf(out, "%-20s ", address_text(rule->src, rule->src_mask, style->numeric, text));
	if ((rule->inverse & MASQ_INV_DST) != 0)
		fputc('!', out);
	fprintf(out, "%-20s", address_text(rule->dst, rule->dst_mask, style->numeric, text));
	print_ports(out, rule, style->numeric);
	fputc('\n', out);
}

static void
print_title(FILE *out, const struct cli_chain_style *style, const json_t *chain)
{
	const char *policy = cli_string(chain, "policy");

	if (policy[0] == '\0')
		fprintf(out, "Chain %s (%" PRIu64 " references):\n", cli_string(chain, "chain"),
				cli_number(chain, "references"));
	else if (style->verbose)
		fprintf(out, "Chain %s (policy %s: %" PRIu64 " packets, %" PRIu64 " bytes):\n",
				cli_string(chain, "chain"), policy, cli_number(chain, "packets"),
				cli_number(chain, "bytes"));
	else
		fprintf(out, "Chain %s (policy %s):\n", cli_string(chain, "chain"), policy);
}

static void
print_header(FILE *out, const struct cli_chain_style *style)
{
	if (style->line_numbers)
		fputs("num  ", out);
	if (style->verbose)
		fputs(style->exact ? "    pkts      bytes " : " pkts bytes ", out);
	fputs("target     prot opt    ", out);
	fputs(style->verbose ? "tosa tosx  ifname     mark       outsize  " : " ", out);
	fputs("source                destination           ports\n", out);
}

void
cli_chain_print(FILE *out, const struct cli_chain_style *style, const json_t *chain)
{
	const json_t *rules = json_object_get(chain, "rules");
	json_t *row;
	size_t i;

	/* The title of a chain that continues from the previous page is already printed. */
	if (cli_number(chain, "first") <= 1) {
		print_title(out, style, chain);
		if (cli_number(chain, "length") > 0)
			print_header(out, style);
	}
	json_array_foreach(rules, i, row)
	{
		struct masq_conf_rule rule;

		if (masq_rpc_rule_from_json(json_object_get(row, "rule"), &rule, NULL) != 0)
			continue;
		if (style->line_numbers)
			fprintf(out, "%-4" PRIu64 " ", cli_number(row, "number"));
		if (style->verbose) {
			print_counter(out, cli_number(row, "packets"), 8, style->exact);
			print_counter(out, cli_number(row, "bytes"), 10, style->exact);
		}
		print_rule(out, style, &rule);
	}
}

void
cli_rule_line_print(FILE *out, const struct masq_conf_rule *rule)
{
	char text[ADDRESS_TEXT_BYTES], name[CLI_NAME_BYTES], iface[MASQ_CONF_NAME_BYTES + 1];

	fprintf(out, "%s %c%s opt    ", rule_target(rule),
			(rule->inverse & MASQ_INV_PROTO) != 0 ? '!' : ' ',
			cli_protocol_name(rule->proto, name));
	print_options(out, rule);
	fprintf(out, "tos 0x%02X 0x%02X %cvia %s", rule->tos_and, rule->tos_xor,
			(rule->inverse & MASQ_INV_IFACE) != 0 ? '!' : ' ',
			iface_text(rule, true, iface));
	if (rule->has_mark)
		fprintf(out, " mark 0x%" PRIX32, rule->mark);
	if (rule->outsize != 0)
		fprintf(out, " outsize %u", rule->outsize);
	fprintf(out, "   %c%s -> ", (rule->inverse & MASQ_INV_SRC) != 0 ? '!' : ' ',
			address_text(rule->src, rule->src_mask, true, text));
	fprintf(out, "%s%s  ", (rule->inverse & MASQ_INV_DST) != 0 ? "!" : "",
			address_text(rule->dst, rule->dst_mask, true, text));
	print_ports(out, rule, true);
	fputc('\n', out);
}
