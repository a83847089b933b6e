/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Drop reasons: each has a name that a command line can carry and a sentence that a person can
 * read, and no two share one.
 */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <masq_drop.h>

static void
none_is_none(void **state)
{
	(void)state;
	assert_int_equal(MASQ_DROP_NONE, 0);
	assert_string_equal(masq_drop_name(MASQ_DROP_NONE), "none");
	assert_string_equal(masq_drop_text(MASQ_DROP_NONE), "");
}

static void
known_ones(void **state)
{
	(void)state;
	assert_string_equal(masq_drop_name(MASQ_DROP_RUNT), "runt");
	assert_string_equal(masq_drop_name(MASQ_DROP_NO_MASQ_ADDRESS), "no-masq-address");
	assert_string_equal(masq_drop_name(MASQ_DROP_SHUTDOWN), "shutdown");
	assert_string_equal(masq_drop_text(MASQ_DROP_TTL), "The time to live ran out.");
}

static void
names_are_kebab_case_and_unique(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < MASQ_DROP_COUNT; i++) {
		const char *name = masq_drop_name((enum masq_drop)i);

		assert_non_null(name);
		assert_true(islower((unsigned char)name[0]));
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				strlen(name));
		assert_in_range(strlen(name), 3, 31);
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(name, masq_drop_name((enum masq_drop)j));
	}
}

static void
sentences_are_sentences(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < MASQ_DROP_COUNT; i++) {
		const char *text = masq_drop_text((enum masq_drop)i);

		assert_non_null(text);
		assert_true(isupper((unsigned char)text[0]));
		assert_int_equal(text[strlen(text) - 1], '.');
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(text, masq_drop_text((enum masq_drop)j));
	}
}

static void
no_reason_no_name(void **state)
{
	(void)state;
	assert_null(masq_drop_name(MASQ_DROP_COUNT));
	assert_null(masq_drop_text(MASQ_DROP_COUNT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(known_ones),
		cmocka_unit_test(names_are_kebab_case_and_unique),
		cmocka_unit_test(sentences_are_sentences),
		cmocka_unit_test(no_reason_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
