/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model as words.
 *
 * What it is. Writes commands and whole models in the words that masq_conf_words.c reads, so that
 * reading them gives the same model again. Everything is numeric (names may mean something else on
 * another machine), rules in the format of ipchains-save (reference 5.7) after the words "ipchains
 * -A".
 *
 * The order of a rule file. Policies and user chains first, since rules name chains; then the
 * rules; then portfw from the tail to the head, since each is added at the head; then routes; last
 * the timeouts that are not the model's defaults.
 *
 * Why re-adding portfw rules never edits one by mistake: a rule was added only because it matched
 * none of those that existed, which are exactly those after it in the list (and some since
 * deleted), and the fields that are compared never change.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "masq_conf_priv.h"

static const char *
bang(const struct masq_conf_rule *rule, enum masq_conf_rule_inverse bit)
{
	return (rule->inverse & bit) != 0 ? "! " : "";
}

/* " -s [!] IP/MASK [[!] lo:hi]" */
static void
end_print(FILE *out, char letter, const struct masq_conf_rule *rule)
{
	const bool src = letter == 's';
	const enum masq_conf_rule_inverse addr_bit = src ? MASQ_INV_SRC : MASQ_INV_DST;
	const enum masq_conf_rule_inverse port_bit = src ? MASQ_INV_SPORT : MASQ_INV_DPORT;
	const struct masq_conf_range range = src ? rule->sport : rule->dport;
	char addr[MASQ_IP4_TEXT_BYTES], mask[MASQ_IP4_TEXT_BYTES];

	fprintf(out, " -%c %s%s/%s", letter, bang(rule, addr_bit),
			masq_ip4_text(src ? rule->src : rule->dst, addr),
			masq_ip4_text(src ? rule->src_mask : rule->dst_mask, mask));
	if (!masq_conf_range_any(range) || (rule->inverse & port_bit) != 0)
		fprintf(out, " %s%u:%u", bang(rule, port_bit), range.lo, range.hi);
}

static void
target_print(FILE *out, const struct masq_conf_rule *rule)
{
	if (rule->target == MASQ_TARGET_NONE)
		return;
	fprintf(out, " -j %s",
			rule->target == MASQ_TARGET_CHAIN ? rule->chain
							  : masq_conf_target_name(rule->target));
	if (rule->target == MASQ_TARGET_REDIRECT)
		fprintf(out, " %u", rule->redirect_port);
}

static void
rule_print(FILE *out, const struct masq_conf_rule *rule)
{
	end_print(out, 's', rule);
	end_print(out, 'd', rule);
	if (rule->iface[0] != '\0')
		fprintf(out, " -i %s%s%s", bang(rule, MASQ_INV_IFACE), rule->iface,
				(rule->flags & MASQ_RULE_IFACE_PREFIX) != 0 ? "+" : "");
	if (rule->proto != 0)
		fprintf(out, " -p %s%u", bang(rule, MASQ_INV_PROTO), rule->proto);
	if (rule->tos_and != 0xff || rule->tos_xor != 0)
		fprintf(out, " -t 0x%02x 0x%02x", rule->tos_and, rule->tos_xor);
	target_print(out, rule);
	if ((rule->flags & MASQ_RULE_LOG) != 0)
		fputs(" -l", out);
	if ((rule->flags & MASQ_RULE_SYN) != 0)
		fprintf(out, " %s-y", bang(rule, MASQ_INV_SYN));
	if ((rule->flags & MASQ_RULE_FRAGMENT) != 0)
		fprintf(out, " %s-f", bang(rule, MASQ_INV_FRAGMENT));
	if (rule->has_mark && (rule->flags & MASQ_RULE_MARK_ABSOLUTE) != 0)
		fprintf(out, " -m %u", rule->mark);
	else if (rule->has_mark && rule->mark > INT32_MAX)
		fprintf(out, " -m -%u", -rule->mark);
	else if (rule->has_mark)
		fprintf(out, " -m +%u", rule->mark);
	if (rule->outsize != 0)
		fprintf(out, " -o %u", rule->outsize);
}

static void
portfw_print(FILE *out, char letter, const struct masq_conf_portfw *rule)
{
	char laddr[MASQ_IP4_TEXT_BYTES], raddr[MASQ_IP4_TEXT_BYTES];

	fprintf(out, "portfw -%c -P %s -L %s %u", letter,
			rule->proto == IPPROTO_TCP ? "tcp" : "udp",
			masq_ip4_text(rule->laddr, laddr), rule->lport);
	if (rule->raddr != 0 || rule->rport != 0)
		fprintf(out, " -R %s %u", masq_ip4_text(rule->raddr, raddr), rule->rport);
	if (letter == 'a')
		fprintf(out, " -p %u", rule->pref);
	fputc('\n', out);
}

static void
route_print(FILE *out, const char *verb, const struct masq_conf_route *route)
{
	char prefix[MASQ_IP4_PREFIX_TEXT_BYTES], gateway[MASQ_IP4_TEXT_BYTES];

	fprintf(out, "route %s %s", verb, masq_conf_route_text(route->dst, prefix));
	if (route->gateway != 0)
		fprintf(out, " via %s", masq_ip4_text(route->gateway, gateway));
	if (route->port[0] != '\0')
		fprintf(out, " dev %s", route->port);
	fputc('\n', out);
}

/* Print the timeouts that differ from @p usual; nothing at all if none does. @return their number */
static unsigned int
timeouts_print(FILE *out, struct masq_conf_timeouts timeouts, struct masq_conf_timeouts usual)
{
	const struct masq_conf_timeout_name *names;
	unsigned int n, printed = 0;

	names = masq_conf_timeout_names(&n);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t seconds = *masq_conf_timeout_at(&timeouts, &names[i]);

		if (seconds == *masq_conf_timeout_at(&usual, &names[i]))
			continue;
		fprintf(out, "%s %s %u", printed++ == 0 ? "timeout set" : "", names[i].word,
				seconds);
	}
	if (printed != 0)
		fputc('\n', out);
	return printed;
}

static void
chain_command_print(FILE *out, const struct masq_conf_command *command)
{
	static const char letters[] = {
		[MASQ_VERB_CHAIN_APPEND] = 'A',
		[MASQ_VERB_CHAIN_INSERT] = 'I',
		[MASQ_VERB_CHAIN_REPLACE] = 'R',
		[MASQ_VERB_CHAIN_DELETE] = 'D',
		[MASQ_VERB_CHAIN_DELETE_NUMBER] = 'D',
		[MASQ_VERB_CHAIN_FLUSH] = 'F',
		[MASQ_VERB_CHAIN_NEW] = 'N',
		[MASQ_VERB_CHAIN_REMOVE] = 'X',
		[MASQ_VERB_CHAIN_POLICY] = 'P',
	};
	const enum masq_conf_verb verb = command->verb;

	fprintf(out, "ipchains -%c", letters[verb]);
	if (command->chain[0] != '\0')
		fprintf(out, " %s", command->chain);
	if (verb == MASQ_VERB_CHAIN_INSERT || verb == MASQ_VERB_CHAIN_REPLACE ||
			verb == MASQ_VERB_CHAIN_DELETE_NUMBER)
		fprintf(out, " %u", command->number);
	if (verb == MASQ_VERB_CHAIN_POLICY)
		fprintf(out, " %s", masq_conf_target_name(command->policy));
	if (verb <= MASQ_VERB_CHAIN_DELETE)
		rule_print(out, &command->rule);
	fputc('\n', out);
}

_Static_assert(MASQ_VERB_CHAIN_APPEND == 0 && MASQ_VERB_CHAIN_DELETE == 3,
		"verbs with a rule come first");

int
masq_conf_command_print(const struct masq_conf_command *command, FILE *out)
{
	const struct masq_conf_timeouts nothing = { 0 };

	switch (command->verb) {
	case MASQ_VERB_CHAIN_APPEND:
	case MASQ_VERB_CHAIN_INSERT:
	case MASQ_VERB_CHAIN_REPLACE:
	case MASQ_VERB_CHAIN_DELETE:
	case MASQ_VERB_CHAIN_DELETE_NUMBER:
	case MASQ_VERB_CHAIN_FLUSH:
	case MASQ_VERB_CHAIN_NEW:
	case MASQ_VERB_CHAIN_REMOVE:
	case MASQ_VERB_CHAIN_POLICY:
		chain_command_print(out, command);
		break;
	case MASQ_VERB_PORTFW_ADD:
		portfw_print(out, 'a', &command->portfw);
		break;
	case MASQ_VERB_PORTFW_DELETE:
		portfw_print(out, 'd', &command->portfw);
		break;
	case MASQ_VERB_PORTFW_FLUSH:
		fputs("portfw -f\n", out);
		break;
	case MASQ_VERB_ROUTE_ADD:
		route_print(out, "add", &command->route);
		break;
	case MASQ_VERB_ROUTE_DELETE:
		route_print(out, "del", &command->route);
		break;
	case MASQ_VERB_TIMEOUT_SET: /* "timeout set" cannot express "no change"; -S can */
		if (timeouts_print(out, command->timeouts, nothing) == 0)
			fputs("ipchains -M -S 0 0 0\n", out);
		break;
	case MASQ_VERB_COUNT:
		break;
	}
	return ferror(out) != 0 ? -EIO : 0;
}

int
masq_conf_rules_print(const struct masq_conf_rules *rules, FILE *out)
{
	for (uint32_t i = 0; i < rules->n_chains; i++) {
		const struct masq_conf_chain *chain = &rules->chains[i];

		if (i < MASQ_CHAIN_BUILTINS)
			fprintf(out, "ipchains -P %s %s\n", chain->name,
					masq_conf_target_name(chain->policy));
		else
			fprintf(out, "ipchains -N %s\n", chain->name);
	}
	for (uint32_t i = 0; i < rules->n_chains; i++)
		for (uint32_t k = 0; k < rules->chains[i].n_rules; k++) {
			fprintf(out, "ipchains -A %s", rules->chains[i].name);
			rule_print(out, &rules->chains[i].rules[k]);
			fputc('\n', out);
		}
	for (uint32_t i = rules->n_portfw; i > 0; i--)
		portfw_print(out, 'a', &rules->portfw[i - 1]);
	for (uint32_t i = 0; i < rules->n_routes; i++)
		route_print(out, "add", &rules->routes[i]);
	timeouts_print(out, rules->timeouts, rules->default_timeouts);
	return ferror(out) != 0 ? -EIO : 0;
}
