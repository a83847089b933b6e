/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipchains, second part: options with values.
 *
 * What it is. One reader for each option of a rule that takes a value. What depends on other
 * options (ports on the protocol, addresses on the resolver) is stored as text; the rest goes into
 * the rule at once.
 *
 * Words. -s and -d take a port after the address, each with its own "!". -i takes a trailing + for
 * all ports whose names start like that; + alone is every port. -m takes a number in C notation,
 * with + or - to add or subtract. -t takes two hexadecimal bytes. -j takes a second word only for
 * REDIRECT.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "masq_conf_ipchains.h"

#define OUTSIZE_DEFAULT 65535

const char *
masq_ipchains_value_or_next(struct masq_ipchains *parse, const char *value)
{
	if (value == NULL && masq_words_peek(parse->words) != NULL)
		return masq_words_take(parse->words);
	return value;
}

/* "-s ! x": the "!" is where the value should be. */
static int
value_negated(struct masq_ipchains *parse, const char **value, struct masq_err *err)
{
	if (strcmp(*value, "!") != 0)
		return 0;
	if (parse->invert)
		return masq_err_set(err, EINVAL, "%s has two `!'", parse->words->asked);
	parse->invert = true;
	*value = masq_words_take(parse->words);
	if (*value == NULL || strcmp(*value, "!") == 0)
		return masq_err_set(err, EINVAL, "%s ! needs a value", parse->words->asked);
	return 0;
}

void
masq_ipchains_invert(struct masq_ipchains *parse, enum masq_conf_rule_inverse bit)
{
	if (parse->invert)
		parse->rule.inverse |= (uint8_t)bit;
	parse->invert = false;
}

static int
port_take(struct masq_ipchains *parse, struct masq_ipchains_end *end, const char *value,
		enum masq_conf_rule_inverse bit, struct masq_err *err)
{
	if (end->port != NULL)
		return masq_err_set(err, EINVAL, "the %s port is given twice",
				bit == MASQ_INV_SPORT ? "source" : "destination");
	end->port = value;
	masq_ipchains_invert(parse, bit);
	return 0;
}

/* The address of -s or -d, then perhaps "[!] port". */
static int
end_take(struct masq_ipchains *parse, struct masq_ipchains_end *end, const char *value,
		enum masq_conf_rule_inverse addr_bit, enum masq_conf_rule_inverse port_bit,
		struct masq_err *err)
{
	const struct masq_words *words = parse->words;
	const char *port;

	end->host = value;
	masq_ipchains_invert(parse, addr_bit);
	if (words->at + 1 < words->n && strcmp(words->word[words->at], "!") == 0 &&
			words->word[words->at + 1][0] != '-') {
		masq_words_take(parse->words);
		parse->invert = true;
		port = masq_words_take(parse->words);
		return port_take(parse, end, port, port_bit, err);
	}
	port = masq_ipchains_value_or_next(parse, NULL);
	return port == NULL ? 0 : port_take(parse, end, port, port_bit, err);
}

static int
protocol_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	struct masq_conf_rule *rule = &parse->rule;

	if (masq_conf_protocol_find(value, &rule->proto, err) != 0)
		return -EINVAL;
	if (parse->invert && rule->proto == 0)
		return masq_err_set(err, EINVAL, "`-p ! all' would never match");
	masq_ipchains_invert(parse, MASQ_INV_PROTO);
	return 0;
}

static int
interface_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	struct masq_conf_rule *rule = &parse->rule;
	size_t len = strlen(value);
	bool prefix = len > 0 && value[len - 1] == '+';

	if (prefix)
		len--;
	if (len == 0 && prefix && !parse->invert) /* every port */
		return 0;
	if (len >= sizeof(rule->iface))
		return masq_err_set(err, EINVAL, "port name `%.64s' is longer than %d characters",
				value, MASQ_CONF_NAME_BYTES - 1);
	memcpy(rule->iface, value, len);
	if (prefix)
		rule->flags |= MASQ_RULE_IFACE_PREFIX;
	masq_ipchains_invert(parse, MASQ_INV_IFACE);
	return len == 0 ? masq_err_set(err, EINVAL,
					  "-i needs a port name (`! +' would never match)")
			: masq_conf_port_name_check(rule->iface, err);
}

static int
jump_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	struct masq_conf_rule *rule = &parse->rule;
	int target = masq_conf_target_find(value);

	if (target >= 0) {
		rule->target = (enum masq_conf_target)target;
		if (rule->target == MASQ_TARGET_REDIRECT)
			parse->redirect = masq_ipchains_value_or_next(parse, NULL);
		return 0;
	}
	if (masq_conf_chain_name_check(value, err) != 0)
		return -EINVAL;
	rule->target = MASQ_TARGET_CHAIN;
	strcpy(rule->chain, value);
	return 0;
}

static int
tos_byte_read(const char *text, uint8_t *byte)
{
	unsigned long value;
	char *end = NULL;

	if (text == NULL || strlen(text) > 4 ||
			text[strspn(text, "0123456789abcdefABCDEFxX")] != '\0')
		return -EINVAL;
	value = strtoul(text, &end, 16);
	if (end == text || *end != '\0' || value > UINT8_MAX)
		return -EINVAL;
	*byte = (uint8_t)value;
	return 0;
}

static int
tos_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	const char *second = masq_ipchains_value_or_next(parse, NULL);

	if (second == NULL)
		return masq_err_set(err, EINVAL, "-t needs two hexadecimal bytes, not only `%.16s'",
				value);
	if (tos_byte_read(value, &parse->rule.tos_and) != 0 ||
			tos_byte_read(second, &parse->rule.tos_xor) != 0)
		return masq_err_set(err, EINVAL,
				"-t needs two hexadecimal bytes, not `%.16s %.16s'", value, second);
	return 0;
}

static int
mark_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	struct masq_conf_rule *rule = &parse->rule;
	const char sign = value[0];
	const char *digits = sign == '+' || sign == '-' ? value + 1 : value;
	unsigned long number;
	char *end = NULL;

	errno = 0;
	number = digits[0] >= '0' && digits[0] <= '9' ? strtoul(digits, &end, 0) : ULONG_MAX;
	if (errno != 0 || number > UINT32_MAX || *end != '\0')
		return masq_err_set(err, EINVAL,
				"bad mark `%.64s'; accepted: VALUE, +VALUE or -VALUE, 0-4294967295",
				value);
	rule->has_mark = true;
	rule->mark = sign == '-' ? (uint32_t)-number : (uint32_t)number;
	if (digits == value)
		rule->flags |= MASQ_RULE_MARK_ABSOLUTE;
	return 0;
}

static int
outsize_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	uint32_t size = OUTSIZE_DEFAULT;

	value = masq_ipchains_value_or_next(parse, value);
	if (value != NULL && masq_conf_number(value, 0, UINT16_MAX, &size) != 0)
		return masq_err_set(
				err, EINVAL, "bad size `%.64s' for -o; accepted: 0-65535", value);
	parse->rule.outsize = (uint16_t)size;
	return 0;
}

int
masq_ipchains_value_take(
		struct masq_ipchains *parse, char letter, const char *value, struct masq_err *err)
{
	if (strchr("psd23i", letter) != NULL && value_negated(parse, &value, err) != 0)
		return -EINVAL;
	switch (letter) {
	case 'p':
		return protocol_take(parse, value, err);
	case 's':
		return end_take(parse, &parse->src, value, MASQ_INV_SRC, MASQ_INV_SPORT, err);
	case 'd':
		return end_take(parse, &parse->dst, value, MASQ_INV_DST, MASQ_INV_DPORT, err);
	case '2':
		return port_take(parse, &parse->src, value, MASQ_INV_SPORT, err);
	case '3':
		return port_take(parse, &parse->dst, value, MASQ_INV_DPORT, err);
	case 'i':
		return interface_take(parse, value, err);
	case 'j':
		return jump_take(parse, value, err);
	case 't':
		return tos_take(parse, value, err);
	case 'm':
		return mark_take(parse, value, err);
	default: /* o */
		return outsize_take(parse, value, err);
	}
}
