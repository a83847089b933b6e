/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The one sentence that explains a failure. It is written where the fault is found, gets words
 *	put in front of it on the way up ("masq.conf:12: "), and is read by a person.
 * Words
 *	sentence	one line, always NUL-terminated; control characters in it are replaced by "?"
 *	list		names that a sentence quotes; cut between names
 *	cut		a sentence that did not fit ends in "...", so that nobody takes it for complete
 * Data and who owns it
 *	struct masq_err belongs to the caller, mostly on its stack. Nothing is allocated, because lack
 *	of memory must be reported, too.
 * Life cycle
 *	The caller may empty it first; the callee fills it in on failure and leaves it alone on
 *	success; the caller prints it or passes it up.
 * Threads
 *	None of its own; one struct is used by one thread at a time.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <masq_err.h>

static bool write_sentence(char text[MASQ_ERR_TEXT_BYTES], const char *fmt, va_list args)
		__attribute__((format(printf, 2, 0)));

/* Mark a text that fills its buffer and lost its end. A UTF-8 character that would be cut is removed:
 * the rest of it would keep the sentence from travelling as JSON. */
static void
mark_cut(char text[MASQ_ERR_TEXT_BYTES])
{
	size_t at = MASQ_ERR_TEXT_BYTES - 4;

	for (unsigned int k = 0; k < 3 && ((unsigned char)text[at] & 0xc0) == 0x80; k++)
		at--;
	memcpy(text + at, "...", 4);
}

/* Quoted words and file names must not look like further log lines, nor control a terminal. */
static void
hide_controls(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == '\x7f')
			*text = '?';
}

/* @return true: it was cut */
static bool
write_sentence(char text[MASQ_ERR_TEXT_BYTES], const char *fmt, va_list args)
{
	int len = vsnprintf(text, MASQ_ERR_TEXT_BYTES, fmt, args);

	/* An encoding error leaves the buffer undefined; say something anyway. */
	if (len < 0)
		snprintf(text, MASQ_ERR_TEXT_BYTES, "(unprintable error: %s)", fmt);
	else if (len >= MASQ_ERR_TEXT_BYTES)
		mark_cut(text);
	hide_controls(text);
	return len >= MASQ_ERR_TEXT_BYTES;
}

int
masq_err_set(struct masq_err *err, int code, const char *fmt, ...)
{
	char text[MASQ_ERR_TEXT_BYTES];
	va_list args;

	if (err == NULL)
		return -code;
	/* An argument may be the old sentence itself, so it is not overwritten while it is read. */
	va_start(args, fmt);
	write_sentence(text, fmt, args);
	va_end(args);
	memcpy(err->text, text, sizeof(text));
	return -code;
}

void
masq_err_prefix(struct masq_err *err, const char *fmt, ...)
{
	char text[MASQ_ERR_TEXT_BYTES];
	va_list args;
	size_t head, tail;
	bool is_cut;

	if (err == NULL)
		return;
	va_start(args, fmt);
	is_cut = write_sentence(text, fmt, args);
	va_end(args);

	head = strlen(text);
	tail = strlen(err->text);
	if (!is_cut && head + tail < MASQ_ERR_TEXT_BYTES) {
		memcpy(text + head, err->text, tail + 1);
	} else if (!is_cut) {
		memcpy(text + head, err->text, MASQ_ERR_TEXT_BYTES - head);
		mark_cut(text);
	}
	memcpy(err->text, text, sizeof(text));
}

void
masq_err_list_add(char list[MASQ_ERR_LIST_BYTES], const char *name)
{
	static const char comma[] = ", ", more[] = ", ...";
	size_t used = strlen(list), name_bytes = strlen(name);
	size_t comma_bytes = used > 0 ? strlen(comma) : 0;

	if (used >= strlen(more) && strcmp(list + used - strlen(more), more) == 0)
		return;
	/* What is in the list already has left room for the mark. */
	if (used + comma_bytes + name_bytes + sizeof(more) > MASQ_ERR_LIST_BYTES) {
		memcpy(list + used, more, sizeof(more));
		return;
	}
	memcpy(list + used, comma, comma_bytes);
	memcpy(list + used + comma_bytes, name, name_bytes + 1);
}
