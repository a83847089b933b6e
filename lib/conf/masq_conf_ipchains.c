/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipchains, first part: the walk over the options.
 *
 * What it is. The commands and options of ipchains 1.3.9 (reference 5.1, 5.2). A line has one
 * command (or -L with -Z), its chain, and options; a table says which options a command takes.
 * Options are collected in any order, those with values by masq_conf_ipchains_value.c; at the end
 * of the line masq_conf_ipchains_rule.c makes the rules.
 *
 * Words. "!" is a word of its own and negates the option after it (! -s x) or the value after it
 * (-s ! x). A chain name, a rule number and other optional words are recognised by not starting
 * with a dash.
 *
 * Differs from the original (docs/differences-from-linux-2.2.rst): -A without a chain name, as in
 * an article of the time, means forward if the target is MASQ - which is legal nowhere else - with
 * a warning. The original took the next option for the chain; since no chain can have such a name
 * here, nothing is lost.
 *
 * -M -S TCP TCPFIN UDP becomes "timeout set": established; the states of a connection that is being
 * closed (FIN_WAIT, TIME_WAIT, CLOSE_WAIT, LAST_ACK); UDP. Zero leaves a value unchanged.
 *
 * Threads: no state; any.
 */

#include "masq_conf_ipchains.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct masq_option options[] = {
	{ 'A', true,  "append",			MASQ_ARG_OPTIONAL },
	{ 'D', true,  "delete",			MASQ_ARG_OPTIONAL },
	{ 'I', true,  "insert",			MASQ_ARG_OPTIONAL },
	{ 'R', true,  "replace",		MASQ_ARG_OPTIONAL },
	{ 'L', true,  "list",			MASQ_ARG_OPTIONAL },
	{ 'F', true,  "flush",			MASQ_ARG_OPTIONAL },
	{ 'Z', true,  "zero",			MASQ_ARG_OPTIONAL },
	{ 'C', true,  "check",			MASQ_ARG_OPTIONAL },
	{ 'N', true,  "new-chain",		MASQ_ARG_OPTIONAL },
	{ 'X', true,  "delete-chain",		MASQ_ARG_OPTIONAL },
	{ 'P', true,  "policy",			MASQ_ARG_OPTIONAL },
	{ 'M', true,  "masquerading",		MASQ_ARG_NONE },
	{ 'S', true,  "set",			MASQ_ARG_OPTIONAL },
	{ 'b', true,  "bidirectional",		MASQ_ARG_NONE },
	{ 's', true,  "source",			MASQ_ARG_REQUIRED },
	{ 's', false, "src",			MASQ_ARG_REQUIRED },
	{ 'd', true,  "destination",		MASQ_ARG_REQUIRED },
	{ 'd', false, "dst",			MASQ_ARG_REQUIRED },
	{ '2', false, "source-port",		MASQ_ARG_REQUIRED },
	{ '2', false, "sport",			MASQ_ARG_REQUIRED },
	{ '2', false, "icmp-type",		MASQ_ARG_REQUIRED },
	{ '3', false, "destination-port",	MASQ_ARG_REQUIRED },
	{ '3', false, "dport",			MASQ_ARG_REQUIRED },
	{ 'p', true,  "protocol",		MASQ_ARG_REQUIRED },
	{ 'i', true,  "interface",		MASQ_ARG_REQUIRED },
	{ 'j', true,  "jump",			MASQ_ARG_REQUIRED },
	{ 't', true,  "TOS",			MASQ_ARG_REQUIRED },
	{ 'm', true,  "mark",			MASQ_ARG_REQUIRED },
	{ 'n', true,  "numeric",		MASQ_ARG_NONE },
	{ 'l', true,  "log",			MASQ_ARG_NONE },
	{ 'o', true,  "output",			MASQ_ARG_OPTIONAL },
	{ 'v', true,  "verbose",		MASQ_ARG_NONE },
	{ 'x', true,  "exact",			MASQ_ARG_NONE },
	{ 'f', true,  "fragments",		MASQ_ARG_NONE },
	{ 'y', true,  "syn",			MASQ_ARG_NONE },
	{ 'V', true,  "version",		MASQ_ARG_NONE },
	{ 'h', true,  "help",			MASQ_ARG_OPTIONAL },
	{ '1', false, "line-numbers",		MASQ_ARG_NONE },
	{ '5', false, "no-warnings",		MASQ_ARG_NONE },
};

/* Options that a command takes; D: by contents, '#': -D with a number. */
static const struct {
	char command;
	const char *options;
} allowed[] = {
	{ 'A', "bsd23pijtmnlovfy5" },
	{ 'I', "bsd23pijtmnlovfy5" },
	{ 'D', "bsd23pijtmnlovfy5" },
	{ 'R', "sd23pijtmnlovfy5" },
	{ '#', "nv5" },
	{ 'C', "bsd23pifyv5" },
	{ 'L', "Mnvx15" },
	{ 'S', "Mnv5" },
	{ 'F', "nv5" }, { 'Z', "nv5" }, { 'N', "nv5" }, { 'X', "nv5" }, { 'P', "nv5" },
};

/* clang-format on */

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))
#define NEGATABLE "psd23iyf"
#define TOS_BITS 0x1e

static bool
is_given(const struct masq_ipchains *parse, char letter)
{
	for (unsigned int i = 0; i < N_OPTIONS; i++)
		if (options[i].letter == letter)
			return (parse->given >> i & 1) != 0;
	return false;
}

/* Note that an option was given; only harmless ones may be repeated. */
static int
option_note(struct masq_ipchains *parse, char letter, struct masq_err *err)
{
	unsigned int row = 0;

	if (is_given(parse, letter) && strchr("nvxM15LZ", letter) == NULL)
		return masq_err_set(err, EINVAL, "multiple %s options are not allowed",
				parse->words->asked);
	while (options[row].letter != letter)
		row++;
	parse->given |= UINT64_C(1) << row;
	return 0;
}

/* ---------------------------------------------------------------- commands */

static int
chain_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	if (masq_conf_chain_name_check(value, err) != 0)
		return -EINVAL;
	strcpy(parse->chain, value);
	return 0;
}

static int
number_take(struct masq_ipchains *parse, const char *text, struct masq_err *err)
{
	if (masq_conf_number(text, 1, UINT32_MAX, &parse->number) != 0)
		return masq_err_set(err, EINVAL, "Invalid rule number `%.64s'", text);
	return 0;
}

static int
timeouts_take(struct masq_ipchains *parse, const char *value, struct masq_err *err)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (i != 0)
			value = masq_ipchains_value_or_next(parse, NULL);
		if (value == NULL)
			return masq_err_set(err, EINVAL, "-S requires 3 timeout values");
		if (masq_conf_number(value, 0, MASQ_CONF_TIMEOUT_MAX_S, &parse->seconds[i]) != 0)
			return masq_err_set(err, EINVAL,
					"-S requires 3 timeout values, not `%.64s'; accepted: 0-%u (seconds)",
					value, MASQ_CONF_TIMEOUT_MAX_S);
	}
	return 0;
}

static int
policy_take(struct masq_ipchains *parse, struct masq_err *err)
{
	const char *word = masq_ipchains_value_or_next(parse, NULL);
	int policy;

	if (word == NULL)
		return masq_err_set(err, EINVAL, "-P requires a chain and a policy");
	policy = masq_conf_target_find(word);
	if (policy < 0)
		return masq_err_set(err, EINVAL,
				"bad policy `%.64s'; accepted: ACCEPT, DENY, REJECT and, for forward, MASQ",
				word);
	parse->policy = (enum masq_conf_target)policy;
	return 0;
}

/* The words of a command after its chain. */
static int
command_words(struct masq_ipchains *parse, char letter, struct masq_err *err)
{
	const char *word;

	switch (letter) {
	case 'D':
		word = masq_ipchains_value_or_next(parse, NULL);
		parse->by_number = word != NULL;
		return word == NULL ? 0 : number_take(parse, word, err);
	case 'I':
		word = masq_ipchains_value_or_next(parse, NULL);
		parse->number = 1;
		return word == NULL ? 0 : number_take(parse, word, err);
	case 'R':
		word = masq_ipchains_value_or_next(parse, NULL);
		if (word == NULL)
			return masq_err_set(err, EINVAL, "-R requires a rule number");
		return number_take(parse, word, err);
	case 'P':
		return policy_take(parse, err);
	default:
		return 0;
	}
}

static int
command_take(struct masq_ipchains *parse, char letter, const char *value, struct masq_err *err)
{
	const bool pair = (letter == 'L' && parse->command == 'Z') ||
			(letter == 'Z' && parse->command == 'L');

	if (parse->command != 0 && !pair)
		return masq_err_set(err, EINVAL, "Can't use -%c with -%c", letter, parse->command);
	parse->list_zero = pair;
	parse->command = pair ? 'L' : letter;
	value = masq_ipchains_value_or_next(parse, value);
	if (letter == 'S')
		return timeouts_take(parse, value, err);
	if (value != NULL) {
		if (chain_take(parse, value, err) != 0)
			return -EINVAL;
		return command_words(parse, letter, err);
	}
	if (letter == 'P')
		return masq_err_set(err, EINVAL, "-P requires a chain and a policy");
	if (letter == 'A')
		parse->chain_missing = true;
	else if (strchr("LFZX", letter) == NULL)
		return masq_err_set(err, EINVAL, "-%c requires a chain name", letter);
	return 0;
}

/* ---------------------------------------------------------------- options */

static void
flag_take(struct masq_ipchains *parse, char letter)
{
	struct masq_conf_rule *rule = &parse->rule;

	switch (letter) {
	case 'l':
		rule->flags |= MASQ_RULE_LOG;
		break;
	case 'y':
		rule->flags |= MASQ_RULE_SYN;
		masq_ipchains_invert(parse, MASQ_INV_SYN);
		break;
	case 'f':
		rule->flags |= MASQ_RULE_FRAGMENT;
		masq_ipchains_invert(parse, MASQ_INV_FRAGMENT);
		break;
	case 'n':
		parse->request->numeric = true;
		break;
	case 'v':
		parse->request->verbose = true;
		break;
	case 'x':
		parse->request->exact = true;
		break;
	case '1':
		parse->request->line_numbers = true;
		break;
	case '5':
		parse->request->no_warnings = true;
		break;
	default: /* b and M: evaluated at the end of the line */
		break;
	}
}

static int
option_take(struct masq_ipchains *parse, char letter, const char *value, struct masq_err *err)
{
	if (parse->invert && strchr(NEGATABLE, letter) == NULL)
		return masq_err_set(
				err, EINVAL, "`!' is not allowed before %s", parse->words->asked);
	if (option_note(parse, letter, err) != 0)
		return -EINVAL;
	if (strchr("psd23ijtmo", letter) != NULL)
		return masq_ipchains_value_take(parse, letter, value, err);
	if (letter >= 'A' && letter <= 'Z' && letter != 'M')
		return command_take(parse, letter, value, err);
	flag_take(parse, letter);
	return 0;
}

/* ---------------------------------------------------------------- the end of the line */

static int
options_check(const struct masq_ipchains *parse, struct masq_err *err)
{
	const char command = parse->command == 'D' && parse->by_number ? '#' : (char)parse->command;
	const char *good = "";

	for (unsigned int i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].command == command)
			good = allowed[i].options;
	for (unsigned int i = 0; i < N_OPTIONS; i++) {
		const char letter = options[i].letter;
		const bool is_command = letter >= 'A' && letter <= 'Z' && letter != 'M';

		if ((parse->given >> i & 1) == 0 || is_command || strchr(good, letter) != NULL)
			continue;
		if (letter == 'M')
			return masq_err_set(err, EINVAL, "Can't use -M with -%c", parse->command);
		return masq_err_set(err, EINVAL, "--%s cannot be used with -%c%s", options[i].name,
				parse->command, command == '#' ? " and a rule number" : "");
	}
	if (parse->list_zero && parse->chain[0] != '\0')
		return masq_err_set(err, EINVAL, "-L with -Z takes no chain name, not `%s'",
				parse->chain);
	return 0;
}

/* Options that -C requires. Whether they describe one packet is checked when the rule is made. */
static int
check_check(const struct masq_ipchains *parse, struct masq_err *err)
{
	if (!is_given(parse, 'p') || parse->src.host == NULL || parse->dst.host == NULL ||
			parse->rule.iface[0] == '\0')
		return masq_err_set(err, EINVAL, "-C requires -p, -s, -d and -i");
	return 0;
}

static int
chain_missing_mend(struct masq_ipchains *parse, struct masq_err *err)
{
	if (!parse->chain_missing)
		return 0;
	if (parse->rule.target != MASQ_TARGET_MASQ)
		return masq_err_set(err, EINVAL, "-A requires a chain name");
	strcpy(parse->chain, masq_conf_builtin_name(MASQ_CHAIN_FORWARD));
	if (!parse->request->no_warnings)
		masq_conf_warn(parse->words->reader,
				"-A without a chain name: `-j MASQ' is taken to mean forward");
	return 0;
}

static void
tos_warn(const struct masq_ipchains *parse)
{
	const unsigned int possible = (parse->rule.tos_and | parse->rule.tos_xor) & TOS_BITS;

	if (!parse->request->no_warnings && (parse->rule.tos_xor & TOS_BITS) != 0 &&
			(possible & (possible - 1)) != 0)
		masq_conf_warn(parse->words->reader,
				"-t 0x%02x 0x%02x may set more than one TOS bit",
				parse->rule.tos_and, parse->rule.tos_xor);
}

/* Warn about -i in a rule that is added; deleting a rule with such a name can be legitimate. */
static void
iface_warn(const struct masq_ipchains *parse)
{
	const struct masq_conf_start *start = parse->words->reader->start;
	struct masq_err err;

	if (!parse->request->no_warnings && start != NULL &&
			strchr("AIR", parse->command) != NULL &&
			masq_conf_iface_find(start, &parse->rule, &err) != 0)
		masq_conf_warn(parse->words->reader, "%s", err.text);
}

static int
rules_finish(struct masq_ipchains *parse, enum masq_conf_verb verb, struct masq_err *err)
{
	if (chain_missing_mend(parse, err) != 0)
		return -EINVAL;
	if (parse->command == 'C' && check_check(parse, err) != 0)
		return -EINVAL;
	if (masq_ipchains_rules_make(parse, verb, is_given(parse, 'b'), err) != 0)
		return -EINVAL;
	tos_warn(parse);
	iface_warn(parse);
	if (parse->command != 'C')
		return 0;
	parse->request->ask = MASQ_ASK_CHECK;
	return masq_conf_packet_check(parse->chain, &parse->request->commands[0].rule, err);
}

static int
timeouts_finish(struct masq_ipchains *parse, struct masq_err *err)
{
	struct masq_conf_command *command = masq_conf_request_add(
			parse->request, MASQ_VERB_TIMEOUT_SET, err);

	if (command == NULL)
		return -EINVAL;
	command->timeouts.tcp_established_s = parse->seconds[0];
	command->timeouts.tcp_fin_wait_s = parse->seconds[1];
	command->timeouts.tcp_time_wait_s = parse->seconds[1];
	command->timeouts.tcp_close_wait_s = parse->seconds[1];
	command->timeouts.tcp_last_ack_s = parse->seconds[1];
	command->timeouts.udp_s = parse->seconds[2];
	return 0;
}

static int
chain_finish(struct masq_ipchains *parse, enum masq_conf_verb verb, struct masq_err *err)
{
	struct masq_conf_command *command = masq_conf_request_add(parse->request, verb, err);

	if (command == NULL)
		return -EINVAL;
	strcpy(command->chain, parse->chain);
	command->number = parse->number;
	command->policy = parse->policy;
	if (verb == MASQ_VERB_CHAIN_POLICY && masq_conf_chain_name_check(parse->chain, err) != 0)
		return -EINVAL;
	return 0;
}

static int
ask_finish(struct masq_ipchains *parse)
{
	struct masq_conf_request *request = parse->request;

	strcpy(request->chain, parse->chain);
	if (parse->command == 'Z')
		request->ask = MASQ_ASK_ZERO;
	else if (is_given(parse, 'M'))
		request->ask = MASQ_ASK_MASQ_LIST;
	else
		request->ask = parse->list_zero ? MASQ_ASK_LIST_ZERO : MASQ_ASK_LIST;
	return 0;
}

static int
finish(struct masq_ipchains *parse, struct masq_err *err)
{
	if (parse->invert)
		return masq_err_set(err, EINVAL, "`!' at the end negates nothing");
	if (parse->command == 0)
		return masq_err_set(err, EINVAL, "no command specified");
	if (options_check(parse, err) != 0)
		return -EINVAL;
	switch (parse->command) {
	case 'A':
	case 'C':
		return rules_finish(parse, MASQ_VERB_CHAIN_APPEND, err);
	case 'I':
		return rules_finish(parse, MASQ_VERB_CHAIN_INSERT, err);
	case 'R':
		return rules_finish(parse, MASQ_VERB_CHAIN_REPLACE, err);
	case 'D':
		if (parse->by_number)
			return chain_finish(parse, MASQ_VERB_CHAIN_DELETE_NUMBER, err);
		return rules_finish(parse, MASQ_VERB_CHAIN_DELETE, err);
	case 'F':
		return chain_finish(parse, MASQ_VERB_CHAIN_FLUSH, err);
	case 'N':
		return chain_finish(parse, MASQ_VERB_CHAIN_NEW, err);
	case 'X':
		return chain_finish(parse, MASQ_VERB_CHAIN_REMOVE, err);
	case 'P':
		return chain_finish(parse, MASQ_VERB_CHAIN_POLICY, err);
	case 'S':
		return timeouts_finish(parse, err);
	default: /* L, Z */
		return ask_finish(parse);
	}
}

static int
word_take(struct masq_ipchains *parse, const char *word, struct masq_err *err)
{
	if (strcmp(word, "!") != 0)
		return masq_err_set(err, EINVAL, "unknown arguments found on commandline: `%.64s'",
				word);
	if (parse->invert)
		return masq_err_set(err, EINVAL, "two `!' in a row");
	parse->invert = true;
	return 0;
}

int
masq_conf_ipchains_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err)
{
	struct masq_ipchains parse = { .words = words, .request = request };
	const char *value;
	int letter, ret;

	parse.rule = masq_conf_rule_any();
	while ((letter = masq_option_next(words, options, N_OPTIONS, &value, err)) !=
			MASQ_OPTION_END) {
		if (letter < 0)
			return letter;
		if (letter == 'V' || letter == 'h') {
			value = letter == 'h' ? masq_ipchains_value_or_next(&parse, value) : NULL;
			request->ask = letter == 'V' ? MASQ_ASK_VERSION
					: value != NULL && strcmp(value, "icmp") == 0
					? MASQ_ASK_HELP_ICMP
					: MASQ_ASK_HELP;
			return 0;
		}
		ret = letter == MASQ_OPTION_WORD ? word_take(&parse, value, err)
						 : option_take(&parse, (char)letter, value, err);
		if (ret != 0)
			return ret;
	}
	return finish(&parse, err);
}
