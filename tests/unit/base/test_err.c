/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Error sentences: codes, cutting, prefixes.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <masq_err.h>

#define ROOM (MASQ_ERR_TEXT_BYTES - 1)

static char letters[2 * MASQ_ERR_TEXT_BYTES];

/* The first count of the letters. */
static const char *
some(size_t count)
{
	static char text[sizeof(letters)];

	memcpy(text, letters, count);
	text[count] = '\0';
	return text;
}

static void
set_writes_and_returns_minus_code(void **state)
{
	struct masq_err err = { "" };

	(void)state;
	assert_int_equal(masq_err_set(&err, EINVAL, "port %d; accepted: 1..%s", 70000, "65535"),
			-EINVAL);
	assert_string_equal(err.text, "port 70000; accepted: 1..65535");
}

static void
nobody_asks(void **state)
{
	(void)state;
	assert_int_equal(masq_err_set(NULL, ENOENT, "%s", "gone"), -ENOENT);
	masq_err_prefix(NULL, "%s", "gone");
}

static void
set_may_quote_the_old_sentence(void **state)
{
	struct masq_err err = { "no such chain" };

	(void)state;
	masq_err_set(&err, EINVAL, "rule 3: %s", err.text);
	assert_string_equal(err.text, "rule 3: no such chain");
}

static void
set_cuts_only_what_does_not_fit(void **state)
{
	static const struct {
		size_t letters;
		int is_cut;
	} rows[] = { { 0, 0 }, { 1, 0 }, { ROOM - 1, 0 }, { ROOM, 0 }, { ROOM + 1, 1 },
		{ 2 * ROOM, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct masq_err err;

		memset(&err, 0x55, sizeof(err));
		masq_err_set(&err, EINVAL, "%s", some(rows[i].letters));
		if (!rows[i].is_cut) {
			assert_string_equal(err.text, some(rows[i].letters));
			continue;
		}
		assert_int_equal(strlen(err.text), ROOM);
		assert_memory_equal(err.text, letters, ROOM - 3);
		assert_string_equal(err.text + ROOM - 3, "...");
	}
}

static void
prefixes_pile_up(void **state)
{
	struct masq_err err;

	(void)state;
	masq_err_set(&err, EINVAL, "no port 0");
	masq_err_prefix(&err, "portfw: ");
	masq_err_prefix(&err, "%s:%d: ", "rules.masq", 12);
	assert_string_equal(err.text, "rules.masq:12: portfw: no port 0");
}

/* Prefix and sentence of these lengths; what is left of both. */
static void
prefix_cuts_only_what_does_not_fit(void **state)
{
	static const struct {
		size_t head, tail;
	} rows[] = { { 0, ROOM }, { 1, ROOM - 1 }, { 1, ROOM }, { ROOM, 0 }, { ROOM, 1 },
		{ ROOM + 9, 7 }, { ROOM - 1, 1 }, { ROOM - 1, 2 }, { 300, 300 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char whole[4 * MASQ_ERR_TEXT_BYTES];
		struct masq_err err;

		masq_err_set(&err, EINVAL, "%s", some(rows[i].tail));
		memcpy(whole, letters, rows[i].head);
		strcpy(whole + rows[i].head, some(rows[i].tail));
		masq_err_prefix(&err, "%s", some(rows[i].head));
		if (strlen(whole) > ROOM)
			strcpy(whole + ROOM - 3, "...");
		assert_string_equal(err.text, whole);
	}
}

/* What is quoted may hold anything; the sentence stays one line, and leaves a terminal alone. */
static void
a_sentence_is_one_line(void **state)
{
	struct masq_err err;

	(void)state;
	masq_err_set(&err, EINVAL, "unknown word `%s'", "a\nerror: b\x1b[2J\t \x7f");
	masq_err_prefix(&err, "%s:%d: ", "new\nline", 3);
	assert_string_equal(err.text, "new?line:3: unknown word `a?error: b?[2J? ?'");
}

/* Part of a character is no UTF-8, and a sentence that is none cannot travel as JSON. */
static void
characters_are_not_cut_apart(void **state)
{
	static const char *const characters[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xa7" };

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
		for (size_t before = 0; before < 4; before++) {
			const size_t bytes = strlen(characters[i]);
			char long_text[2 * ROOM + 8] = "aaaa";
			struct masq_err set, prefixed;
			size_t whole;

			for (size_t at = before; at <= ROOM; at += bytes)
				memcpy(long_text + at, characters[i], bytes + 1);
			whole = before + (ROOM - 3 - before) / bytes * bytes;

			masq_err_set(&set, EINVAL, "%s", long_text);
			assert_memory_equal(set.text, long_text, whole);
			assert_string_equal(set.text + whole, "...");
			masq_err_set(&prefixed, EINVAL, "tail");
			masq_err_prefix(&prefixed, "%s", long_text);
			assert_string_equal(prefixed.text, set.text);
		}
}

/* However long the names are, a list ends with a whole one, or says that there are more. */
static void
a_list_is_cut_between_names(void **state)
{
	(void)state;
	for (size_t bytes = 1; bytes <= MASQ_ERR_LIST_BYTES + 1; bytes++) {
		char list[MASQ_ERR_LIST_BYTES + 8] = "", name[MASQ_ERR_LIST_BYTES + 2];
		size_t fit = 0, used;

		memset(list + MASQ_ERR_LIST_BYTES, '#', 8);
		memset(name, 'x', bytes);
		name[bytes] = '\0';
		for (unsigned int k = 0; k < 200; k++)
			masq_err_list_add(list, name);
		assert_memory_equal(list + MASQ_ERR_LIST_BYTES, "########", 8);
		used = strlen(list);
		assert_in_range(used, 5, MASQ_ERR_LIST_BYTES - 1);
		assert_string_equal(list + used - 5, ", ...");
		for (const char *at = list; strncmp(at, name, bytes) == 0; at += bytes + 2)
			fit++;
		assert_int_equal(fit == 0 ? 5 : fit * (bytes + 2) + 3, used);
	}
}

static void
a_short_list_is_whole(void **state)
{
	char list[MASQ_ERR_LIST_BYTES] = "";

	(void)state;
	masq_err_list_add(list, "eth0");
	assert_string_equal(list, "eth0");
	masq_err_list_add(list, "lo");
	assert_string_equal(list, "eth0, lo");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_writes_and_returns_minus_code),
		cmocka_unit_test(nobody_asks),
		cmocka_unit_test(set_may_quote_the_old_sentence),
		cmocka_unit_test(set_cuts_only_what_does_not_fit),
		cmocka_unit_test(prefixes_pile_up),
		cmocka_unit_test(prefix_cuts_only_what_does_not_fit),
		cmocka_unit_test(a_sentence_is_one_line),
		cmocka_unit_test(characters_are_not_cut_apart),
		cmocka_unit_test(a_list_is_cut_between_names),
		cmocka_unit_test(a_short_list_is_whole),
	};

	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (char)('a' + i % 23);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
