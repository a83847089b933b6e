/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of route and timeout.
 *
 *	route add PREFIX via ADDR [dev PORT]	PREFIX: A.B.C.D/LEN, A.B.C.D or "default"
 *	route add PREFIX dev PORT
 *	route del PREFIX [via ADDR] [dev PORT]
 *	route show
 *	timeout set NAME SECONDS [NAME SECONDS ...]
 *	timeout show
 *
 * What it is. Our own two families, without options and without host names. "show" is a question. A
 * second "via", "dev" or timeout name in one line is refused, because it must be a mistake.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "masq_conf_priv.h"

static int
prefix_read(const char *text, struct masq_ip4_prefix *prefix, struct masq_err *err)
{
	if (text == NULL)
		return masq_err_set(err, EINVAL, "a route needs a network: A.B.C.D/LEN or default");
	if (strcmp(text, "default") == 0) {
		*prefix = (struct masq_ip4_prefix){ 0, 0 };
		return 0;
	}
	if (masq_ip4_prefix_parse(text, prefix) != 0)
		return masq_err_set(err, EINVAL,
				"`%.64s' is not a network; accepted: A.B.C.D/LEN or default", text);
	return 0;
}

static int
route_word(struct masq_words *words, const char *word, struct masq_conf_route *route,
		struct masq_err *err)
{
	const char *value;

	if (strcmp(word, "via") != 0 && strcmp(word, "dev") != 0)
		return masq_err_set(err, EINVAL,
				"unknown word `%.64s'; accepted: via ADDR, dev PORT", word);
	value = masq_words_take(words);
	if (value == NULL)
		return masq_err_set(err, EINVAL, "`%s' must be followed by %s", word,
				word[0] == 'v' ? "an address A.B.C.D" : "the name of a port");
	if (word[0] == 'v') {
		if (route->gateway != 0)
			return masq_err_set(err, EINVAL, "`via' is given twice");
		if (masq_ip4_parse(value, &route->gateway) != 0 || route->gateway == 0)
			return masq_err_set(err, EINVAL,
					"`%.64s' is not a gateway; accepted: an address A.B.C.D",
					value);
		return 0;
	}
	if (route->port[0] != '\0')
		return masq_err_set(err, EINVAL, "`dev' is given twice");
	if (masq_conf_port_name_check(value, err) != 0)
		return -EINVAL;
	snprintf(route->port, sizeof(route->port), "%s", value);
	return 0;
}

int
masq_conf_route_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err)
{
	const char *verb = masq_words_take(words), *word;
	struct masq_conf_command *command;
	bool adding;

	if (verb != NULL && strcmp(verb, "show") == 0) {
		if ((word = masq_words_take(words)) != NULL)
			return masq_err_set(
					err, EINVAL, "`route show' does not take `%.64s'", word);
		request->ask = MASQ_ASK_LIST;
		return 0;
	}
	if (verb == NULL)
		return masq_err_set(
				err, EINVAL, "`route' needs a command; accepted: add, del, show");
	if (strcmp(verb, "add") != 0 && strcmp(verb, "del") != 0)
		return masq_err_set(err, EINVAL,
				"unknown route command `%.64s'; accepted: add, del, show", verb);
	adding = verb[0] == 'a';
	command = masq_conf_request_add(
			request, adding ? MASQ_VERB_ROUTE_ADD : MASQ_VERB_ROUTE_DELETE, err);
	if (command == NULL || prefix_read(masq_words_take(words), &command->route.dst, err) != 0)
		return -EINVAL;
	while ((word = masq_words_take(words)) != NULL)
		if (route_word(words, word, &command->route, err) != 0)
			return -EINVAL;
	return masq_conf_route_check(&command->route, adding, err);
}

#define NAMES_BYTES (MASQ_ERR_TEXT_BYTES / 2)

/* "tcp-established, ..., icmp" */
static const char *
timeout_names_text(char text[NAMES_BYTES])
{
	const struct masq_conf_timeout_name *names;
	unsigned int n;
	size_t len = 0;

	text[0] = '\0';
	names = masq_conf_timeout_names(&n);
	for (unsigned int i = 0; i < n && len < NAMES_BYTES; i++)
		len += (size_t)snprintf(text + len, NAMES_BYTES - len, "%s%s", i == 0 ? "" : ", ",
				names[i].word);
	return text;
}

static const struct masq_conf_timeout_name *
timeout_find(const char *word, struct masq_err *err)
{
	const struct masq_conf_timeout_name *names;
	char accepted[NAMES_BYTES];
	unsigned int n;

	names = masq_conf_timeout_names(&n);
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(names[i].word, word) == 0)
			return &names[i];
	masq_err_set(err, EINVAL, "unknown timeout `%.64s'; accepted: %s", word,
			timeout_names_text(accepted));
	return NULL;
}

static int
seconds_read(const char *name, const char *value, uint32_t *seconds, struct masq_err *err)
{
	if (value == NULL)
		return masq_err_set(err, EINVAL,
				"timeout %s needs a number of seconds; accepted: 1-%u", name,
				MASQ_CONF_TIMEOUT_MAX_S);
	if (masq_conf_number(value, 1, MASQ_CONF_TIMEOUT_MAX_S, seconds) != 0)
		return masq_err_set(err, EINVAL,
				"timeout %s needs a number of seconds, not `%.64s'; accepted: 1-%u",
				name, value, MASQ_CONF_TIMEOUT_MAX_S);
	return 0;
}

int
masq_conf_timeout_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err)
{
	const char *verb = masq_words_take(words), *word;
	struct masq_conf_command *command;
	const struct masq_conf_timeout_name *name;
	char accepted[NAMES_BYTES];
	uint32_t *seconds;

	if (verb != NULL && strcmp(verb, "show") == 0) {
		if ((word = masq_words_take(words)) != NULL)
			return masq_err_set(
					err, EINVAL, "`timeout show' does not take `%.64s'", word);
		request->ask = MASQ_ASK_LIST;
		return 0;
	}
	if (verb == NULL)
		return masq_err_set(err, EINVAL, "`timeout' needs a command; accepted: set, show");
	if (strcmp(verb, "set") != 0)
		return masq_err_set(err, EINVAL,
				"unknown timeout command `%.64s'; accepted: set, show", verb);
	command = masq_conf_request_add(request, MASQ_VERB_TIMEOUT_SET, err);
	if (command == NULL)
		return -EINVAL;
	if (words->at == words->n)
		return masq_err_set(err, EINVAL,
				"`timeout set' needs NAME SECONDS; accepted names: %s",
				timeout_names_text(accepted));
	while ((word = masq_words_take(words)) != NULL) {
		name = timeout_find(word, err);
		if (name == NULL)
			return -EINVAL;
		seconds = masq_conf_timeout_at(&command->timeouts, name);
		if (*seconds != 0)
			return masq_err_set(err, EINVAL, "timeout %s is given twice", name->word);
		if (seconds_read(name->word, masq_words_take(words), seconds, err) != 0)
			return -EINVAL;
	}
	return 0;
}
