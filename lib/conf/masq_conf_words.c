/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The entry point of the grammar: which family reads the words, and how a line becomes words.
 *
 * What it is. words[0] names the family (ipchains, portfw, route, timeout); the family's reader
 * fills in a request: either commands that change the model, or a question that the CLI answers.
 * The same reader serves the command line, rule files and "load", so no spelling works in one place
 * only. Reading does not look at a model: whether a chain exists is checked where the command is
 * applied, as the original left it to the kernel.
 *
 * A request carries up to MASQ_CONF_COMMANDS_MAX commands, since one line may mean several: -b adds
 * a rule and its mirror, a host name stands for all its addresses. It is about 14 kB; the caller
 * puts it on the stack or on the heap.
 *
 * Threads: no state; any. With resolve_names a read may block in the resolver.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "masq_conf_priv.h"

typedef int (*family_fn)(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err);

static const struct {
	const char *name;
	family_fn read;
} families[] = {
	{ "ipchains", masq_conf_ipchains_read },
	{ "portfw", masq_conf_portfw_read },
	{ "route", masq_conf_route_read },
	{ "timeout", masq_conf_timeout_read },
};

static const char *const verb_methods[MASQ_VERB_COUNT] = {
#define METHOD(symbol, method) [MASQ_VERB_##symbol] = method,
	MASQ_CONF_VERB_LIST(METHOD)
#undef METHOD
};

const char *
masq_conf_verb_method(enum masq_conf_verb verb)
{
	return verb_methods[verb];
}

int
masq_conf_verb_find(const char *method)
{
	for (int i = 0; i < MASQ_VERB_COUNT; i++)
		if (strcmp(verb_methods[i], method) == 0)
			return i;
	return -1;
}

void
masq_conf_warn(const struct masq_conf_reader *reader, const char *fmt, ...)
{
	struct masq_conf_warnings *warnings = reader->warnings;
	va_list args;

	if (warnings == NULL)
		return;
	if (warnings->n < MASQ_CONF_WARNINGS_MAX) {
		va_start(args, fmt);
		vsnprintf(warnings->text[warnings->n].text, MASQ_ERR_TEXT_BYTES, fmt, args);
		va_end(args);
	}
	warnings->n++;
}

const char *
masq_conf_warning_text(const struct masq_conf_warnings *warnings, unsigned int index,
		char text[MASQ_ERR_TEXT_BYTES])
{
	unsigned int more;
	int len;

	if (index < warnings->n && index < MASQ_CONF_WARNINGS_MAX)
		return warnings->text[index].text;
	if (index >= warnings->n || index > MASQ_CONF_WARNINGS_MAX)
		return NULL;
	more = warnings->n - MASQ_CONF_WARNINGS_MAX;
	len = snprintf(text, MASQ_ERR_TEXT_BYTES, "%u more warning%s like these", more,
			more > 1 ? "s" : "");
	if (warnings->more_from < warnings->more_to)
		snprintf(text + len, MASQ_ERR_TEXT_BYTES - (size_t)len, ", on lines %u to %u",
				warnings->more_from, warnings->more_to);
	else if (warnings->more_to > 0)
		snprintf(text + len, MASQ_ERR_TEXT_BYTES - (size_t)len, ", on line %u",
				warnings->more_to);
	return text;
}

struct masq_conf_command *
masq_conf_request_add(
		struct masq_conf_request *request, enum masq_conf_verb verb, struct masq_err *err)
{
	struct masq_conf_command *command;

	if (request->n_commands == MASQ_CONF_COMMANDS_MAX) {
		masq_err_set(err, EINVAL, "the names expand to more than %d rules",
				MASQ_CONF_COMMANDS_MAX);
		return NULL;
	}
	command = &request->commands[request->n_commands++];
	memset(command, 0, sizeof(*command));
	command->rule = masq_conf_rule_any();
	command->verb = verb;
	return command;
}

int
masq_conf_words_read(const struct masq_conf_reader *reader, const char *const *words,
		unsigned int n_words, struct masq_conf_request *request, struct masq_err *err)
{
	struct masq_words cursor = { .reader = reader, .word = words, .n = n_words, .at = 1 };

	if (n_words == 0)
		return masq_err_set(err, EINVAL, "no command specified");
	memset(request, 0, offsetof(struct masq_conf_request, commands));
	request->n_commands = 0;
	for (unsigned int i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(words[0], families[i].name) == 0)
			return families[i].read(&cursor, request, err);
	return masq_err_set(err, EINVAL,
			"unknown command `%.64s'; accepted: ipchains, portfw, route, timeout",
			words[0]);
}

/* What a line does that changes nothing; continues "this `ipchains'". */
static const char *
ask_does(enum masq_conf_ask ask)
{
	static const char *const does[] = {
		[MASQ_ASK_CHANGE] = "changes something",
		[MASQ_ASK_HELP] = "asks for help",
		[MASQ_ASK_HELP_ICMP] = "asks for help",
		[MASQ_ASK_VERSION] = "asks for a version",
		[MASQ_ASK_LIST] = "only lists",
		[MASQ_ASK_LIST_ZERO] = "lists and zeroes counters",
		[MASQ_ASK_ZERO] = "zeroes counters",
		[MASQ_ASK_CHECK] = "only asks about a packet",
		[MASQ_ASK_MASQ_LIST] = "only lists sessions",
	};

	return does[ask];
}

int
masq_conf_words_parse(const struct masq_conf_reader *reader, const char *const *words,
		unsigned int n_words, struct masq_conf_command *commands, unsigned int *n_commands,
		struct masq_err *err)
{
	struct masq_conf_request request;

	if (masq_conf_words_read(reader, words, n_words, &request, err) != 0)
		return -EINVAL;
	if (request.ask != MASQ_ASK_CHANGE)
		return masq_err_set(err, EINVAL,
				"this `%s' %s; accepted here: commands that change rules, routes or timeouts",
				words[0], ask_does(request.ask));
	memcpy(commands, request.commands, request.n_commands * sizeof(*commands));
	*n_commands = request.n_commands;
	return 0;
}

/* Cut one word at @p *at, quotes removed in place. @return 0, or -EINVAL: open quote */
static int
word_cut(char **at)
{
	char *from = *at, *to = *at, quote = '\0';

	for (; *from != '\0'; from++) {
		if (quote != '\0' ? *from == quote : *from == '\'' || *from == '"')
			quote = quote != '\0' ? '\0' : *from;
		else if (quote == '\0' && strchr(" \t\r\n\v\f", *from) != NULL)
			break;
		else
			*to++ = *from;
	}
	if (quote != '\0')
		return -EINVAL;
	*at = *from != '\0' ? from + 1 : from;
	*to = '\0';
	return 0;
}

int
masq_conf_line_split(char *line, char **words, unsigned int max)
{
	unsigned int n = 0;

	for (;;) {
		line += strspn(line, " \t\r\n\v\f");
		if (*line == '\0' || *line == '#')
			return (int)n;
		if (n == max)
			return -E2BIG;
		words[n++] = line;
		if (word_cut(&line) != 0)
			return -EINVAL;
	}
}
