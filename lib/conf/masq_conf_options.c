/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over words: options as getopt_long() takes them.
 *
 * What it is. ipchains and portfw were written around getopt, and scripts rely on its habits:
 * clustered letters (-nvL), values after the letter (-ptcp), long names with unambiguous prefixes
 * (--dest), --name=value, and "--". The C library's getopt keeps its state in globals, reorders its
 * argument and writes to stderr; the daemon reads words from several clients. So the walk is done
 * here, with a cursor, and with the sentences that getopt would print.
 *
 * Plain words are returned in their place (nothing is reordered), since the meaning of "!" and of
 * the words after an option's value depends on what is around them.
 *
 * A word that is a prefix of several long names is accepted only if it equals one of them: --source
 * is accepted, --sou is refused (--source or --source-port?).
 *
 * Threads: the cursor is the caller's.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "masq_conf_priv.h"

const char *
masq_words_peek(const struct masq_words *words)
{
	const char *next = words->at < words->n ? words->word[words->at] : NULL;

	if (words->cluster != NULL || next == NULL || next[0] == '-' || strcmp(next, "!") == 0)
		return NULL;
	return next;
}

const char *
masq_words_take(struct masq_words *words)
{
	return words->at < words->n ? words->word[words->at++] : NULL;
}

static void
remember(struct masq_words *words, const char *dashes, size_t len, const char *name)
{
	snprintf(words->asked, sizeof(words->asked), "%s%.*s", dashes, (int)len, name);
}

static int
short_next(struct masq_words *words, const struct masq_option *options, unsigned int n_options,
		const char **value, struct masq_err *err)
{
	const char letter = *words->cluster++;
	const char *rest = *words->cluster != '\0' ? words->cluster : NULL;
	const struct masq_option *option = NULL;

	for (unsigned int i = 0; i < n_options && option == NULL; i++)
		if (options[i].has_short && options[i].letter == letter)
			option = &options[i];
	words->cluster = rest;
	if (option == NULL)
		return masq_err_set(err, EINVAL, "invalid option -- '%c'", letter);
	remember(words, "-", 1, &letter);
	if (option->arg == MASQ_ARG_NONE)
		return option->letter;
	words->cluster = NULL;
	*value = rest;
	if (rest == NULL && option->arg == MASQ_ARG_REQUIRED) {
		*value = masq_words_take(words);
		if (*value == NULL)
			return masq_err_set(
					err, EINVAL, "option requires an argument -- '%c'", letter);
	}
	return option->letter;
}

/* The option whose long name starts with @p name; an exact name wins over prefixes. */
static const struct masq_option *
long_find(const struct masq_option *options, unsigned int n_options, const char *name, size_t len,
		struct masq_err *err)
{
	const struct masq_option *found = NULL;

	for (unsigned int i = 0; i < n_options; i++) {
		const struct masq_option *option = &options[i];

		if (option->name == NULL || strncmp(option->name, name, len) != 0)
			continue;
		if (option->name[len] == '\0')
			return option;
		if (found != NULL) {
			masq_err_set(err, EINVAL,
					"option '--%.*s' is ambiguous; possibilities: '--%s' '--%s'",
					(int)len, name, found->name, option->name);
			return NULL;
		}
		found = option;
	}
	if (found == NULL)
		masq_err_set(err, EINVAL, "unrecognized option '--%.*s'", (int)len, name);
	return found;
}

static int
long_next(struct masq_words *words, const struct masq_option *options, unsigned int n_options,
		const char *name, const char **value, struct masq_err *err)
{
	const char *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct masq_option *option;

	if (len > 64)
		return masq_err_set(err, EINVAL, "unrecognized option '--%.64s...'", name);
	option = long_find(options, n_options, name, len, err);
	if (option == NULL)
		return -EINVAL;
	remember(words, "--", strlen(option->name), option->name);
	*value = equals != NULL ? equals + 1 : NULL;
	if (equals != NULL && option->arg == MASQ_ARG_NONE)
		return masq_err_set(err, EINVAL, "option '--%s' doesn't allow an argument",
				option->name);
	if (equals == NULL && option->arg == MASQ_ARG_REQUIRED) {
		*value = masq_words_take(words);
		if (*value == NULL)
			return masq_err_set(err, EINVAL, "option '--%s' requires an argument",
					option->name);
	}
	return option->letter;
}

int
masq_option_next(struct masq_words *words, const struct masq_option *options,
		unsigned int n_options, const char **value, struct masq_err *err)
{
	const char *word;

	*value = NULL;
	if (words->cluster != NULL)
		return short_next(words, options, n_options, value, err);
	word = masq_words_take(words);
	if (word == NULL)
		return MASQ_OPTION_END;
	if (!words->plain && strcmp(word, "--") == 0) {
		words->plain = true;
		word = masq_words_take(words);
		if (word == NULL)
			return MASQ_OPTION_END;
	}
	if (words->plain || word[0] != '-' || word[1] == '\0') {
		*value = word;
		return MASQ_OPTION_WORD;
	}
	if (word[1] == '-')
		return long_next(words, options, n_options, word + 2, value, err);
	words->cluster = word + 1;
	return short_next(words, options, n_options, value, err);
}
