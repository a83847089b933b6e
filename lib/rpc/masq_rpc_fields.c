/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fields of a struct <-> keys of a JSON object.
 *
 * A struct that is sent has a table: key, type, offset. The writer leaves out defaults, so that a
 * rule is as short on the wire as on the command line; the reader refuses keys that the table does
 * not have, so that a misspelt key is an error and not a rule that matches more than it should.
 * Numbers are range-checked before they are narrowed.
 *
 * No threads, no state.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf.h>
#include <masq_rpc_codec.h>

#define KEYS_TEXT_BYTES 384

/* ---------------------------------------------------------------- text of values */

char *
masq_rpc_protocol_text(uint16_t proto, char text[8])
{
	switch (proto) {
	case 0:
		strcpy(text, "all");
		break;
	case 1:
		strcpy(text, "icmp");
		break;
	case 6:
		strcpy(text, "tcp");
		break;
	case 17:
		strcpy(text, "udp");
		break;
	default:
		snprintf(text, 8, "%u", proto);
	}
	return text;
}

int
masq_rpc_protocol_parse(const char *text, uint16_t *proto)
{
	char name[8];
	unsigned long value;
	char *end;

	static const uint8_t named[] = { 0, 1, 6, 17 };

	for (size_t i = 0; i < sizeof(named); i++) {
		if (strcmp(text, masq_rpc_protocol_text(named[i], name)) == 0) {
			*proto = named[i];
			return 0;
		}
	}
	if (text[0] < '0' || text[0] > '9' || strlen(text) > 5)
		return -EINVAL;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || value > UINT16_MAX)
		return -EINVAL;
	*proto = (uint16_t)value;
	return 0;
}

/* The first bytes of a text, cut between two characters; control characters become "?". */
static void
quote(const char *value, char text[MASQ_RPC_VALUE_BYTES])
{
	const size_t max = MASQ_RPC_VALUE_BYTES - sizeof("\"...\"");
	const bool cut = strlen(value) > max;
	size_t len = cut ? max : strlen(value);

	while (cut && len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80)
		len--;
	snprintf(text, MASQ_RPC_VALUE_BYTES, "\"%.*s%s\"", (int)len, value, cut ? "..." : "");
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

/* 7.0 is not an integer; written as "7" it would look like one. */
static void
real_text(double value, char text[MASQ_RPC_VALUE_BYTES])
{
	const int len = snprintf(text, MASQ_RPC_VALUE_BYTES, "%g", value);

	if (strpbrk(text, ".e") == NULL)
		snprintf(text + len, MASQ_RPC_VALUE_BYTES - (size_t)len, ".0");
}

const char *
masq_rpc_value_text(const json_t *value, char text[MASQ_RPC_VALUE_BYTES])
{
	if (json_is_string(value))
		quote(json_string_value(value), text);
	else if (json_is_integer(value))
		snprintf(text, MASQ_RPC_VALUE_BYTES, "%" JSON_INTEGER_FORMAT,
				json_integer_value(value));
	else if (json_is_real(value))
		real_text(json_real_value(value), text);
	else
		strcpy(text,
				value == NULL                           ? "nothing"
						: json_is_array(value)  ? "a list"
						: json_is_object(value) ? "an object"
						: json_is_null(value)   ? "null"
						: json_is_true(value)   ? "true"
									: "false");
	return text;
}

/* A mask that is not a prefix is written as "a.b.c.d/255.0.255.0". */
static void
network_text(uint32_t addr, uint32_t mask, char text[2 * MASQ_IP4_TEXT_BYTES])
{
	char a[MASQ_IP4_TEXT_BYTES], m[MASQ_IP4_TEXT_BYTES];
	unsigned int len = (unsigned int)__builtin_popcount(mask);

	if (masq_ip4_mask(len) == mask)
		snprintf(text, 2 * MASQ_IP4_TEXT_BYTES, "%s/%u", masq_ip4_text(addr, a), len);
	else
		snprintf(text, 2 * MASQ_IP4_TEXT_BYTES, "%s/%s", masq_ip4_text(addr, a),
				masq_ip4_text(mask, m));
}

static int
network_parse(const char *text, uint32_t *pair)
{
	struct masq_ip4_prefix prefix;
	char addr[MASQ_IP4_TEXT_BYTES];
	const char *slash = strchr(text, '/');
	uint32_t a, m;

	if (masq_ip4_prefix_parse(text, &prefix) == 0) {
		pair[1] = masq_ip4_mask(prefix.len);
		pair[0] = prefix.addr & pair[1];
		return 0;
	}
	if (slash == NULL || slash - text >= (ptrdiff_t)sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	if (masq_ip4_parse(addr, &a) != 0 || masq_ip4_parse(slash + 1, &m) != 0)
		return -EINVAL;
	pair[0] = a & m;
	pair[1] = m;
	return 0;
}

/* ---------------------------------------------------------------- writing */

static json_t *
bits_to_json(const char *const *names, uint8_t bits)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < 8; i++) {
		if (names[i] == NULL)
			continue;
		if (names[i][0] == '\0')
			break;
		if ((bits & (1u << i)) != 0)
			json_array_append_new(list, json_string(names[i]));
	}
	return list;
}

static json_t *
number_to_json(uint32_t value, uint32_t left_out)
{
	return value == left_out ? NULL : json_integer(value);
}

/* @return NULL: the default, leave the key out */
static json_t *
value_to_json(const struct masq_rpc_field *field, const void *at)
{
	char text[2 * MASQ_IP4_TEXT_BYTES];
	const uint32_t *word = at;
	const struct masq_conf_range *range = at;
	const struct masq_ip4_prefix *prefix = at;
	uint16_t proto;

	switch (field->type) {
	case MASQ_RPC_U8:
		return number_to_json(*(const uint8_t *)at, field->arg);
	case MASQ_RPC_U16:
		return number_to_json(*(const uint16_t *)at, field->arg);
	case MASQ_RPC_U32:
		return number_to_json(*word, field->arg);
	case MASQ_RPC_TEXT:
		return *(const char *)at == '\0' ? NULL : json_string(at);
	case MASQ_RPC_ADDRESS:
		return *word == 0 ? NULL : json_string(masq_ip4_text(*word, text));
	case MASQ_RPC_NETWORK:
		if (word[1] == 0)
			return NULL;
		network_text(word[0], word[1], text);
		return json_string(text);
	case MASQ_RPC_PREFIX:
		return json_string(masq_ip4_prefix_text(*prefix, text));
	case MASQ_RPC_RANGE:
		if (range->lo == 0 && range->hi == UINT16_MAX)
			return NULL;
		return json_pack("[i, i]", (int)range->lo, (int)range->hi);
	case MASQ_RPC_PROTOCOL16:
	case MASQ_RPC_PROTOCOL8:
		proto = field->type == MASQ_RPC_PROTOCOL8 ? *(const uint8_t *)at
							  : *(const uint16_t *)at;
		return proto == 0 ? NULL : json_string(masq_rpc_protocol_text(proto, text));
	case MASQ_RPC_BITS:
		return bits_to_json(field->names, *(const uint8_t *)at);
	case MASQ_RPC_NAME:
		return *word == field->arg ? NULL : json_string(field->names[*word]);
	case MASQ_RPC_BOOL:
		return *(const bool *)at ? json_true() : NULL;
	}
	return NULL;
}

int
masq_rpc_fields_write(const struct masq_rpc_field *fields, unsigned int n_fields, const void *from,
		json_t *object)
{
	for (unsigned int i = 0; i < n_fields; i++) {
		json_t *value = value_to_json(&fields[i], (const char *)from + fields[i].offset);

		if (value == NULL)
			continue;
		if (json_is_array(value) && json_array_size(value) == 0) {
			json_decref(value);
			continue;
		}
		if (json_object_set_new(object, fields[i].key, value) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---------------------------------------------------------------- reading */

/* The names of a list, "a, b, c", for sentences. */
static void
names_text(const char *const *names, char text[KEYS_TEXT_BYTES])
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < 64 && (names[i] == NULL || names[i][0] != '\0'); i++) {
		if (names[i] == NULL)
			continue;
		len += (size_t)snprintf(text + len, KEYS_TEXT_BYTES - len, "%s%s",
				len > 0 ? ", " : "", names[i]);
		if (len >= KEYS_TEXT_BYTES)
			return;
	}
}

static int
name_find(const char *const *names, const char *name)
{
	for (int i = 0; name != NULL && (names[i] == NULL || names[i][0] != '\0'); i++)
		if (names[i] != NULL && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static int
read_number(const struct masq_rpc_field *field, const json_t *value, uint32_t max, uint32_t *number,
		struct masq_err *err)
{
	const json_int_t wide = json_integer_value(value);
	char given[MASQ_RPC_VALUE_BYTES];

	if (!json_is_integer(value) || wide < 0 || wide > max)
		return masq_err_set(err, EBADMSG,
				"\"%s\" must be a whole number 0-%" PRIu32 ", not %s", field->key,
				max, masq_rpc_value_text(value, given));
	*number = (uint32_t)wide;
	return 0;
}

static int
read_range(const struct masq_rpc_field *field, const json_t *value, struct masq_conf_range *range,
		struct masq_err *err)
{
	const json_t *lo = json_array_get(value, 0), *hi = json_array_get(value, 1);
	char given[2][MASQ_RPC_VALUE_BYTES];

	if (json_array_size(value) != 2)
		return masq_err_set(err, EBADMSG,
				"\"%s\" must be [LOW, HIGH] with 0 <= LOW <= HIGH <= 65535, not %s",
				field->key,
				json_is_array(value) ? "a list of another length"
						     : masq_rpc_value_text(value, given[0]));

	if (!json_is_integer(lo) || !json_is_integer(hi) || json_integer_value(lo) < 0 ||
			json_integer_value(hi) > UINT16_MAX ||
			json_integer_value(lo) > json_integer_value(hi))
		return masq_err_set(err, EBADMSG,
				"\"%s\" must be [LOW, HIGH] with 0 <= LOW <= HIGH <= 65535, not [%s, %s]",
				field->key, masq_rpc_value_text(lo, given[0]),
				masq_rpc_value_text(hi, given[1]));
	range->lo = (uint16_t)json_integer_value(lo);
	range->hi = (uint16_t)json_integer_value(hi);
	return 0;
}

static int
read_bits(const struct masq_rpc_field *field, const json_t *value, uint8_t *bits,
		struct masq_err *err)
{
	char accepted[KEYS_TEXT_BYTES], text[MASQ_RPC_VALUE_BYTES];
	uint8_t known = 0, given = 0;
	const json_t *item = value;
	size_t i;

	for (unsigned int bit = 0; bit < 8; bit++) {
		if (field->names[bit] != NULL && field->names[bit][0] == '\0')
			break;
		known |= (uint8_t)(field->names[bit] != NULL ? 1u << bit : 0);
	}
	if (!json_is_array(value))
		goto refused;
	json_array_foreach(value, i, item)
	{
		const int bit = name_find(field->names, json_string_value(item));

		if (bit < 0)
			goto refused;
		given |= (uint8_t)(1u << bit);
	}
	*bits = (uint8_t)((*bits & ~known) | given);
	return 0;
refused:
	names_text(field->names, accepted);
	return masq_err_set(err, EBADMSG, "\"%s\" must be a list of some of: %s; not %s",
			field->key, accepted, masq_rpc_value_text(item, text));
}

static int
read_text(const struct masq_rpc_field *field, const json_t *value, void *at, struct masq_err *err)
{
	char accepted[KEYS_TEXT_BYTES], given[MASQ_RPC_VALUE_BYTES];
	const char *text = json_string_value(value), *form = NULL;
	uint16_t proto;
	int index;

	if (field->type == MASQ_RPC_TEXT) {
		if (text == NULL || strlen(text) >= field->arg)
			return masq_err_set(err, EBADMSG,
					"\"%s\" must be text of at most %" PRIu32 " bytes, not %s",
					field->key, field->arg - 1,
					masq_rpc_value_text(value, given));
		strcpy(at, text);
	} else if (field->type == MASQ_RPC_ADDRESS) {
		if (text == NULL || masq_ip4_parse(text, at) != 0)
			form = "an address like \"192.168.1.1\"";
	} else if (field->type == MASQ_RPC_NETWORK) {
		if (text == NULL || network_parse(text, at) != 0)
			form = "a network like \"192.168.1.0/24\" or \"10.0.0.0/255.0.0.0\"";
	} else if (field->type == MASQ_RPC_PREFIX) {
		if (text == NULL || masq_ip4_prefix_parse(text, at) != 0)
			form = "a network like \"192.168.1.0/24\"";
	} else if (field->type == MASQ_RPC_NAME) {
		index = name_find(field->names, text);
		if (index < 0) {
			names_text(field->names, accepted);
			return masq_err_set(err, EBADMSG, "\"%s\" must be one of: %s; not %s",
					field->key, accepted, masq_rpc_value_text(value, given));
		}
		*(uint32_t *)at = (uint32_t)index;
	} else {
		if (text == NULL || masq_rpc_protocol_parse(text, &proto) != 0 ||
				(field->type == MASQ_RPC_PROTOCOL8 && proto > UINT8_MAX))
			form = "\"tcp\", \"udp\", \"icmp\", \"all\" or a number as text";
		else if (field->type == MASQ_RPC_PROTOCOL8)
			*(uint8_t *)at = (uint8_t)proto;
		else
			*(uint16_t *)at = proto;
	}
	if (form != NULL)
		return masq_err_set(err, EBADMSG, "\"%s\" must be %s, not %s", field->key, form,
				masq_rpc_value_text(value, given));
	return 0;
}

static int
read_value(const struct masq_rpc_field *field, const json_t *value, void *at, struct masq_err *err)
{
	char given[MASQ_RPC_VALUE_BYTES];
	uint32_t number = 0;
	int ret;

	switch (field->type) {
	case MASQ_RPC_U8:
		ret = read_number(field, value, UINT8_MAX, &number, err);
		if (ret == 0)
			*(uint8_t *)at = (uint8_t)number;
		return ret;
	case MASQ_RPC_U16:
		ret = read_number(field, value, UINT16_MAX, &number, err);
		if (ret == 0)
			*(uint16_t *)at = (uint16_t)number;
		return ret;
	case MASQ_RPC_U32:
		return read_number(field, value, UINT32_MAX, at, err);
	case MASQ_RPC_RANGE:
		return read_range(field, value, at, err);
	case MASQ_RPC_BITS:
		return read_bits(field, value, at, err);
	case MASQ_RPC_BOOL:
		if (!json_is_boolean(value))
			return masq_err_set(err, EBADMSG, "\"%s\" must be true or false, not %s",
					field->key, masq_rpc_value_text(value, given));
		*(bool *)at = json_is_true(value);
		return 0;
	case MASQ_RPC_TEXT:
	case MASQ_RPC_ADDRESS:
	case MASQ_RPC_NETWORK:
	case MASQ_RPC_PREFIX:
	case MASQ_RPC_PROTOCOL16:
	case MASQ_RPC_PROTOCOL8:
	case MASQ_RPC_NAME:
		break;
	}
	return read_text(field, value, at, err);
}

int
masq_rpc_fields_read(const struct masq_rpc_field *fields, unsigned int n_fields, const char *what,
		const json_t *object, void *to, struct masq_err *err)
{
	char accepted[KEYS_TEXT_BYTES], given[MASQ_RPC_VALUE_BYTES];
	const char *names[33];
	const char *key;
	json_t *value;
	unsigned int i;

	if (object != NULL && !json_is_object(object))
		return masq_err_set(err, EBADMSG, "\"%s\" must be an object, not %s", what,
				masq_rpc_value_text(object, given));
	/* The cast takes the const away for jansson's iterator only; nothing is changed. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		int ret;

		for (i = 0; i < n_fields && strcmp(fields[i].key, key) != 0; i++)
			;
		if (i == n_fields) {
			for (i = 0; i < n_fields && i < 32; i++)
				names[i] = fields[i].key;
			names[i] = "";
			names_text(names, accepted);
			quote(key, given);
			return masq_err_set(err, EBADMSG, "%s: unknown key %s; accepted: %s", what,
					given, accepted);
		}
		ret = read_value(&fields[i], value, (char *)to + fields[i].offset, err);
		if (ret != 0) {
			masq_err_prefix(err, "%s: ", what);
			return ret;
		}
	}
	return 0;
}

int
masq_rpc_number_check(const char *what, const json_t *object, const char *key, uint32_t lo,
		uint32_t hi, struct masq_err *err)
{
	const json_t *value = json_object_get(object, key);
	const json_int_t number = json_integer_value(value);
	char given[MASQ_RPC_VALUE_BYTES];

	if (value == NULL || (json_is_integer(value) && number >= lo && number <= hi))
		return 0;
	return masq_err_set(err, EBADMSG,
			"%s: \"%s\" must be a whole number %" PRIu32 "-%" PRIu32 ", not %s", what,
			key, lo, hi, masq_rpc_value_text(value, given));
}

/* Does a list like "chain?, number, rule" name a key? */
static bool
keys_name(const char *keys, const char *key)
{
	const size_t len = strlen(key);

	while (*keys != '\0') {
		const size_t one = strcspn(keys, "?,");

		if (one == len && strncmp(keys, key, len) == 0)
			return true;
		keys += one + strspn(keys + one, "?, ");
	}
	return false;
}

int
masq_rpc_params_check(const json_t *object, const char *keys, struct masq_err *err)
{
	const char *at = keys, *key;
	char given[MASQ_RPC_VALUE_BYTES];
	json_t *value;

	/* The cast is for jansson's iterator, as above. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (keys_name(keys, key))
			continue;
		quote(key, given);
		return masq_err_set(err, EBADMSG, "unknown parameter %s; accepted: %s", given,
				keys[0] != '\0' ? keys : "none");
	}
	while (*at != '\0') {
		const size_t len = strcspn(at, "?,");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		if (at[len] != '?' && json_object_get(object, name) == NULL)
			return masq_err_set(err, EBADMSG, "\"%s\" is missing; accepted: %s", name,
					keys);
		at += len + strspn(at + len, "?, ");
	}
	return 0;
}
