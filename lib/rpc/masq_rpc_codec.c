/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The structs of lib/conf as JSON.
 *
 * Each struct is a table of fields (masq_rpc_fields.c). Three parts of a rule do not map one field
 * to one key and are handled outside the table: its target ("target" or "jump"), its mark
 * ("mark_set" or "mark_add") and its interface ("wan+" stands for a name and a flag).
 *
 * No threads, no state.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <masq_conf_command.h>
#include <masq_conf_names.h>
#include <masq_rpc.h>
#include <masq_rpc_codec.h>

#define N_FIELDS(table) (sizeof(table) / sizeof((table)[0]))

/* @return the object if it is complete, else NULL */
static json_t *
finish(json_t *object, int ret)
{
	if (ret == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* ---------------------------------------------------------------- rules */

/* Bit i is names[i]; bits without a name travel in other keys. */
static const char *const flag_names[] = { "log", "syn", "fragment", "" };
static const char *const inverse_names[] = { "source", "destination", "protocol", "source_ports",
	"destination_ports", "interface", "syn", "fragment", "" };

struct rule_form {
	struct masq_conf_rule rule;
	char target[24];
	char iface[MASQ_CONF_NAME_BYTES + 1];
	uint32_t mark_set;
	uint32_t mark_add;
};

#define RULE(member) offsetof(struct rule_form, rule.member)
/* clang-format off */
static const struct masq_rpc_field rule_fields[] = {
	{ "target", MASQ_RPC_TEXT, offsetof(struct rule_form, target), 24, NULL },
	{ "jump", MASQ_RPC_TEXT, RULE(chain), MASQ_CONF_CHAIN_BYTES, NULL },
	{ "protocol", MASQ_RPC_PROTOCOL16, RULE(proto), 0, NULL },
	{ "source", MASQ_RPC_NETWORK, RULE(src), 0, NULL },
	{ "source_ports", MASQ_RPC_RANGE, RULE(sport), 0, NULL },
	{ "destination", MASQ_RPC_NETWORK, RULE(dst), 0, NULL },
	{ "destination_ports", MASQ_RPC_RANGE, RULE(dport), 0, NULL },
	{ "interface", MASQ_RPC_TEXT, offsetof(struct rule_form, iface), MASQ_CONF_NAME_BYTES + 1,
		NULL },
	{ "flags", MASQ_RPC_BITS, RULE(flags), 0, flag_names },
	{ "not", MASQ_RPC_BITS, RULE(inverse), 0, inverse_names },
	{ "mark_set", MASQ_RPC_U32, offsetof(struct rule_form, mark_set), 0, NULL },
	{ "mark_add", MASQ_RPC_U32, offsetof(struct rule_form, mark_add), 0, NULL },
	{ "tos_and", MASQ_RPC_U8, RULE(tos_and), 0xff, NULL },
	{ "tos_xor", MASQ_RPC_U8, RULE(tos_xor), 0, NULL },
	{ "output_size", MASQ_RPC_U16, RULE(outsize), 0, NULL },
	{ "redirect_port", MASQ_RPC_U16, RULE(redirect_port), 0, NULL },
};
/* clang-format on */

static_assert(offsetof(struct masq_conf_rule, src_mask) ==
						offsetof(struct masq_conf_rule, src) +
								sizeof(uint32_t) &&
				offsetof(struct masq_conf_rule, dst_mask) ==
						offsetof(struct masq_conf_rule, dst) +
								sizeof(uint32_t),
		"MASQ_RPC_NETWORK wants the mask behind the address");

json_t *
masq_rpc_rule_to_json(const struct masq_conf_rule *rule)
{
	struct rule_form form = { .rule = *rule };
	json_t *object = json_object();
	int ret;

	if (object == NULL)
		return NULL;
	if (rule->target != MASQ_TARGET_NONE && rule->target != MASQ_TARGET_CHAIN)
		snprintf(form.target, sizeof(form.target), "%s",
				masq_conf_target_name(rule->target));
	snprintf(form.iface, sizeof(form.iface), "%s%s", rule->iface,
			(rule->flags & MASQ_RULE_IFACE_PREFIX) != 0 ? "+" : "");
	ret = masq_rpc_fields_write(rule_fields, N_FIELDS(rule_fields), &form, object);
	/* A mark of 0 differs from no mark, so these two are not left to the table. */
	if (ret == 0 && rule->has_mark)
		ret = json_object_set_new(object,
				(rule->flags & MASQ_RULE_MARK_ABSOLUTE) != 0 ? "mark_set"
									     : "mark_add",
				json_integer(rule->mark));
	return finish(object, ret);
}

static int
read_interface(struct rule_form *form, struct masq_err *err)
{
	size_t len = strlen(form->iface);

	if (len > 0 && form->iface[len - 1] == '+') {
		form->iface[--len] = '\0';
		form->rule.flags |= MASQ_RULE_IFACE_PREFIX;
	}
	if (len >= MASQ_CONF_NAME_BYTES)
		return masq_err_set(err, EBADMSG, "rule: \"interface\" has at most %d characters",
				MASQ_CONF_NAME_BYTES - 1);
	memcpy(form->rule.iface, form->iface, len + 1);
	return 0;
}

static int
read_target(const json_t *json, struct rule_form *form, struct masq_err *err)
{
	char given[MASQ_RPC_VALUE_BYTES];
	int target;

	if (form->target[0] != '\0' && form->rule.chain[0] != '\0')
		return masq_err_set(err, EBADMSG,
				"rule: \"target\" and \"jump\" are mutually exclusive");
	form->rule.target = MASQ_TARGET_NONE;
	if (json_object_get(json, "jump") != NULL) {
		form->rule.target = MASQ_TARGET_CHAIN;
	} else if (json_object_get(json, "target") != NULL) {
		target = masq_conf_target_find(form->target);
		if (target < 0)
			return masq_err_set(err, EBADMSG,
					"rule: \"target\" must be ACCEPT, DENY, REJECT, MASQ or RETURN, not %s; "
					"a user chain belongs in \"jump\"",
					masq_rpc_value_text(
							json_object_get(json, "target"), given));
		form->rule.target = (enum masq_conf_target)target;
	}
	return 0;
}

int
masq_rpc_rule_from_json(const json_t *json, struct masq_conf_rule *rule, struct masq_err *err)
{
	struct rule_form form = { 0 };
	const bool set = json_object_get(json, "mark_set") != NULL;
	const bool add = json_object_get(json, "mark_add") != NULL;
	int ret;

	form.rule.sport.hi = form.rule.dport.hi = UINT16_MAX;
	form.rule.tos_and = 0xff;
	ret = masq_rpc_fields_read(rule_fields, N_FIELDS(rule_fields), "rule", json, &form, err);
	if (ret == 0)
		ret = read_target(json, &form, err);
	if (ret == 0)
		ret = read_interface(&form, err);
	if (ret != 0)
		return ret;
	if (set && add)
		return masq_err_set(err, EBADMSG,
				"rule: \"mark_set\" and \"mark_add\" are mutually exclusive");
	form.rule.has_mark = set || add;
	form.rule.mark = set ? form.mark_set : form.mark_add;
	form.rule.flags |= (uint8_t)(set ? MASQ_RULE_MARK_ABSOLUTE : 0);
	*rule = form.rule;
	return 0;
}

/* ---------------------------------------------------------------- portfw, routes, timeouts */

#define PORTFW(member) offsetof(struct masq_conf_portfw, member)
static const struct masq_rpc_field portfw_fields[] = {
	{ "protocol", MASQ_RPC_PROTOCOL8, PORTFW(proto), 0, NULL },
	{ "local_address", MASQ_RPC_ADDRESS, PORTFW(laddr), 0, NULL },
	{ "local_port", MASQ_RPC_U16, PORTFW(lport), 0, NULL },
	{ "remote_address", MASQ_RPC_ADDRESS, PORTFW(raddr), 0, NULL },
	{ "remote_port", MASQ_RPC_U16, PORTFW(rport), 0, NULL },
	{ "preference", MASQ_RPC_U32, PORTFW(pref), 0, NULL },
};

json_t *
masq_rpc_portfw_to_json(const struct masq_conf_portfw *portfw)
{
	json_t *object = json_object();

	return finish(object,
			masq_rpc_fields_write(
					portfw_fields, N_FIELDS(portfw_fields), portfw, object));
}

int
masq_rpc_portfw_from_json(const json_t *json, struct masq_conf_portfw *portfw, struct masq_err *err)
{
	memset(portfw, 0, sizeof(*portfw));
	return masq_rpc_fields_read(
			portfw_fields, N_FIELDS(portfw_fields), "portfw", json, portfw, err);
}

#define ROUTE(member) offsetof(struct masq_conf_route, member)
static const struct masq_rpc_field route_fields[] = {
	{ "destination", MASQ_RPC_PREFIX, ROUTE(dst), 0, NULL },
	{ "gateway", MASQ_RPC_ADDRESS, ROUTE(gateway), 0, NULL },
	{ "port", MASQ_RPC_TEXT, ROUTE(port), MASQ_CONF_NAME_BYTES, NULL },
};

json_t *
masq_rpc_route_to_json(const struct masq_conf_route *route)
{
	json_t *object = json_object();

	return finish(object,
			masq_rpc_fields_write(route_fields, N_FIELDS(route_fields), route, object));
}

int
masq_rpc_route_from_json(const json_t *json, struct masq_conf_route *route, struct masq_err *err)
{
	memset(route, 0, sizeof(*route));
	if (json_object_get(json, "destination") == NULL)
		return masq_err_set(err, EBADMSG,
				"route: \"destination\" is missing: a network like \"192.168.1.0/24\"");
	return masq_rpc_fields_read(
			route_fields, N_FIELDS(route_fields), "route", json, route, err);
}

#define TIMEOUT_FIELD(field, word, seconds) \
	{ word, MASQ_RPC_U32, offsetof(struct masq_conf_timeouts, field##_s), 0, NULL },
static const struct masq_rpc_field timeout_fields[] = { MASQ_CONF_TIMEOUT_LIST(TIMEOUT_FIELD) };
#undef TIMEOUT_FIELD

json_t *
masq_rpc_timeouts_to_json(const struct masq_conf_timeouts *timeouts)
{
	json_t *object = json_object();

	return finish(object,
			masq_rpc_fields_write(timeout_fields, N_FIELDS(timeout_fields), timeouts,
					object));
}

int
masq_rpc_timeouts_from_json(
		const json_t *json, struct masq_conf_timeouts *timeouts, struct masq_err *err)
{
	int ret = 0;

	memset(timeouts, 0, sizeof(*timeouts));
	/* In the struct, 0 leaves a timeout unchanged, so a 0 that is written explicitly is
	 * refused. */
	for (size_t i = 0; i < N_FIELDS(timeout_fields) && ret == 0; i++)
		ret = masq_rpc_number_check("timeouts", json, timeout_fields[i].key, 1,
				MASQ_CONF_TIMEOUT_MAX_S, err);
	if (ret != 0)
		return ret;
	return masq_rpc_fields_read(
			timeout_fields, N_FIELDS(timeout_fields), "timeouts", json, timeouts, err);
}

/* ---------------------------------------------------------------- commands */

static int
put(json_t *object, const char *key, json_t *value)
{
	return value == NULL ? -ENOMEM : json_object_set_new(object, key, value);
}

json_t *
masq_rpc_command_to_params(const struct masq_conf_command *command)
{
	json_t *params = json_object();
	int ret = 0;

	if (command->chain[0] != '\0')
		ret = put(params, "chain", json_string(command->chain));
	switch (command->verb) {
	case MASQ_VERB_CHAIN_INSERT:
	case MASQ_VERB_CHAIN_REPLACE:
		ret |= put(params, "number", json_integer(command->number));
		__attribute__((fallthrough));
	case MASQ_VERB_CHAIN_APPEND:
	case MASQ_VERB_CHAIN_DELETE:
		ret |= put(params, "rule", masq_rpc_rule_to_json(&command->rule));
		break;
	case MASQ_VERB_CHAIN_DELETE_NUMBER:
		ret |= put(params, "number", json_integer(command->number));
		break;
	case MASQ_VERB_CHAIN_POLICY:
		ret |= put(params, "policy", json_string(masq_conf_target_name(command->policy)));
		break;
	case MASQ_VERB_PORTFW_ADD:
	case MASQ_VERB_PORTFW_DELETE:
		ret |= put(params, "portfw", masq_rpc_portfw_to_json(&command->portfw));
		break;
	case MASQ_VERB_ROUTE_ADD:
	case MASQ_VERB_ROUTE_DELETE:
		ret |= put(params, "route", masq_rpc_route_to_json(&command->route));
		break;
	case MASQ_VERB_TIMEOUT_SET:
		ret |= put(params, "timeouts", masq_rpc_timeouts_to_json(&command->timeouts));
		break;
	case MASQ_VERB_CHAIN_FLUSH:
	case MASQ_VERB_CHAIN_NEW:
	case MASQ_VERB_CHAIN_REMOVE:
	case MASQ_VERB_PORTFW_FLUSH:
	case MASQ_VERB_COUNT:
		break;
	}
	return finish(params, ret);
}

static const struct masq_rpc_field command_fields[] = {
	{ "chain", MASQ_RPC_TEXT, offsetof(struct masq_conf_command, chain), MASQ_CONF_CHAIN_BYTES,
			NULL },
	{ "number", MASQ_RPC_U32, offsetof(struct masq_conf_command, number), 0, NULL },
};

static int
read_policy(const json_t *json, struct masq_conf_command *command, struct masq_err *err)
{
	const char *name = json_string_value(json);
	const int target = name == NULL ? -1 : masq_conf_target_find(name);
	char given[MASQ_RPC_VALUE_BYTES];

	if (target < 0)
		return masq_err_set(err, EBADMSG,
				"\"policy\" must be ACCEPT, DENY, REJECT or MASQ, not %s",
				masq_rpc_value_text(json, given));
	command->policy = (enum masq_conf_target)target;
	return 0;
}

int
masq_rpc_command_from_params(enum masq_conf_verb verb, const json_t *params,
		struct masq_conf_command *command, struct masq_err *err)
{
	const struct masq_rpc_method *method = masq_rpc_method_find(masq_conf_verb_method(verb));
	const json_t *value;
	int ret;

	memset(command, 0, sizeof(*command));
	command->verb = verb;
	ret = masq_rpc_params_check(params, method->params, err);
	for (unsigned int i = 0; i < N_FIELDS(command_fields) && ret == 0; i++) {
		json_t *one = json_object_get(params, command_fields[i].key);

		if (one == NULL)
			continue;
		one = json_pack("{s:O}", command_fields[i].key, one);
		ret = masq_rpc_fields_read(&command_fields[i], 1, method->name, one, command, err);
		json_decref(one);
	}
	if (ret == 0 && (value = json_object_get(params, "rule")) != NULL)
		ret = masq_rpc_rule_from_json(value, &command->rule, err);
	if (ret == 0 && (value = json_object_get(params, "policy")) != NULL)
		ret = read_policy(value, command, err);
	if (ret == 0 && (value = json_object_get(params, "portfw")) != NULL)
		ret = masq_rpc_portfw_from_json(value, &command->portfw, err);
	if (ret == 0 && (value = json_object_get(params, "route")) != NULL)
		ret = masq_rpc_route_from_json(value, &command->route, err);
	if (ret == 0 && (value = json_object_get(params, "timeouts")) != NULL)
		ret = masq_rpc_timeouts_from_json(value, &command->timeouts, err);
	return ret;
}
