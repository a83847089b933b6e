/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_FIXTURE_H
#define CONF_FIXTURE_H

/**
 * @file
 * For the tests of lib/conf: a line of text becomes commands, commands become text, and a model is
 * built from lines.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_conf.h>
#include <masq_conf_command.h>

#define WORDS_MAX 128

/** Words are read without the resolver and without warnings. */
static const struct masq_conf_reader quiet_reader;

/** Read one line, which is copied. @return what masq_conf_words_read() returns */
static inline int
line_read(const char *line, struct masq_conf_request *request, struct masq_err *err)
{
	char *words[WORDS_MAX];
	char *copy = strdup(line);
	int n = masq_conf_line_split(copy, words, WORDS_MAX), ret;

	assert_true(n >= 0);
	err->text[0] = '\0';
	ret = masq_conf_words_read(
			&quiet_reader, (const char *const *)words, (unsigned int)n, request, err);
	free(copy);
	return ret;
}

/** Commands as a rule file has them. @return heap text */
static inline char *
commands_text(const struct masq_conf_command *commands, unsigned int n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(masq_conf_command_print(&commands[i], out), 0);
	fclose(out);
	return text;
}

/** A model as a rule file. @return heap text */
static inline char *
rules_text(const struct masq_conf_rules *rules)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(masq_conf_rules_print(rules, out), 0);
	fclose(out);
	return text;
}

/** Apply one line to a model. @return what the first failing step returned, or 0 */
static inline int
line_apply(struct masq_conf_rules *rules, const char *line, struct masq_err *err)
{
	struct masq_conf_request request;
	int ret = line_read(line, &request, err);

	if (ret == 0)
		assert_int_equal(request.ask, MASQ_ASK_CHANGE);
	for (unsigned int i = 0; ret == 0 && i < request.n_commands; i++)
		ret = masq_conf_rules_apply(rules, &request.commands[i], err);
	return ret;
}

/** Apply a line that must work. */
static inline void
line_do(struct masq_conf_rules *rules, const char *line)
{
	struct masq_err err;

	if (line_apply(rules, line, &err) != 0)
		fail_msg("%s: %s", line, err.text);
}

#endif /* CONF_FIXTURE_H */
