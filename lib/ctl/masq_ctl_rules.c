/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules.load, rules.check, rules.save: whole rule files.
 *
 * The text is part of the request; the daemon opens no file for a client, so a client can use only
 * files that it may read itself. "name" is for error sentences; a long one is cut at the front, to
 * leave room for the error.
 *
 * Saving is done in slices: the model is printed into a stream that discards all but the requested
 * slice, so a rule set of any size takes no more memory than a slice. The cursor is (offset,
 * generation of the model); if the model changed between two slices, the request fails, because the
 * slices would not fit together.
 *
 * Control thread only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "masq_ctl_priv.h"

/* ---------------------------------------------------------------- load and check */

#define NAME_BYTES 200

static void
shorten_name(const char *given, char name[NAME_BYTES])
{
	const size_t len = strlen(given);
	const char *end;

	if (len < NAME_BYTES) {
		strcpy(name, given);
		return;
	}
	end = given + len - (NAME_BYTES - 4);
	while (((unsigned char)*end & 0xc0) == 0x80) /* do not split a UTF-8 character */
		end++;
	snprintf(name, NAME_BYTES, "...%s", end);
}

static int
read_text(const json_t *params, char name[NAME_BYTES], const json_t **text, struct masq_err *err)
{
	const json_t *given = json_object_get(params, "name");
	char value[MASQ_RPC_VALUE_BYTES];

	*text = json_object_get(params, "text");
	if (!json_is_string(*text))
		return masq_err_set(err, EBADMSG,
				"\"text\" must be the text of a rule file, not %s",
				masq_rpc_value_text(*text, value));
	if (given != NULL && !json_is_string(given))
		return masq_err_set(err, EBADMSG, "\"name\" must be text, not %s",
				masq_rpc_value_text(given, value));
	shorten_name(given != NULL ? json_string_value(given) : "rules", name);
	return 0;
}

/* "rules", and "warnings" if there are any. */
static int
put_answer(json_t *result, unsigned int n_rules, const struct masq_conf_warnings *warnings)
{
	const int ret = masq_ctl_put(result, "rules", json_integer(n_rules));

	return ret != 0 ? ret : masq_ctl_put_warnings(result, warnings);
}

int
masq_ctl_rules_load(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_conf_warnings warnings = { 0 };
	char name[NAME_BYTES];
	const json_t *text;
	int ret = read_text(params, name, &text, err);

	if (ret == 0)
		ret = masq_ctl_model_load(ctl, name, json_string_value(text),
				json_string_length(text), &warnings, err);
	if (ret != 0)
		return ret;
	return put_answer(result, masq_ctl_model_count(&ctl->rules), &warnings);
}

int
masq_ctl_rules_check(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_conf_warnings warnings = { 0 };
	unsigned int n_rules;
	char name[NAME_BYTES];
	const json_t *text;
	int ret = read_text(params, name, &text, err);

	if (ret == 0)
		ret = masq_ctl_model_check(ctl, name, json_string_value(text),
				json_string_length(text), &n_rules, &warnings, err);
	if (ret != 0)
		return ret;
	return put_answer(result, n_rules, &warnings);
}

/* ---------------------------------------------------------------- save */

struct slice {
	char *bytes;
	size_t from; /* bytes of the stream before the slice */
	size_t len;
	size_t seen; /* bytes of the stream so far */
};

static ssize_t
slice_write(void *cookie, const char *bytes, size_t len)
{
	struct slice *slice = cookie;
	const size_t skip = slice->seen < slice->from ? slice->from - slice->seen : 0;

	slice->seen += len;
	if (skip < len) {
		const size_t room = MASQ_CTL_SLICE_BYTES - slice->len;
		const size_t take = len - skip < room ? len - skip : room;

		memcpy(slice->bytes + slice->len, bytes + skip, take);
		slice->len += take;
	}
	return (ssize_t)len;
}

static int
print_slice(const struct masq_ctl *ctl, struct slice *slice)
{
	FILE *stream = fopencookie(slice, "w", (cookie_io_functions_t){ .write = slice_write });
	int ret;

	if (stream == NULL)
		return -ENOMEM;
	ret = masq_conf_rules_print(&ctl->rules, stream);
	if (fclose(stream) != 0 && ret == 0)
		ret = -EIO;
	return ret;
}

int
masq_ctl_rules_save(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	struct masq_ctl_page page;
	struct slice slice = { 0 };
	json_t *text;
	int ret = masq_ctl_page_open(params, &page, err);

	if (ret != 0)
		return ret;
	if (page.at[0] != 0 && page.at[1] != ctl->generation)
		return masq_err_set(err, EAGAIN,
				"the rules changed while they were being saved; save them again");
	slice.from = page.at[0];
	slice.bytes = malloc(MASQ_CTL_SLICE_BYTES);
	if (slice.bytes == NULL)
		return -ENOMEM;
	ret = print_slice(ctl, &slice);
	/* The rule file is ASCII: a slice may end anywhere. */
	text = ret == 0 ? json_stringn(slice.bytes, slice.len) : NULL;
	free(slice.bytes);
	if (ret != 0)
		return masq_err_set(err, -ret, "cannot print the rules: %s", strerror(-ret));
	ret = masq_ctl_put(result, "text", text);
	page.at[0] += (uint32_t)slice.len;
	page.at[1] = ctl->generation;
	if (ret != 0)
		return ret;
	return masq_ctl_page_close(&page, page.at[0] >= slice.seen, result);
}
