/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a document to its handler and back to a line.
 *
 * Methods named after a verb of lib/conf all do the same: read the command, apply it. All others
 * have a handler of their own, masq_ctl_<symbol> of MASQ_RPC_ASK_LIST; the table below is made from
 * that list, so a method without a handler does not link. Parameter names are checked against the
 * list, too, before a handler is called.
 *
 * Every request that changes something is logged: who, what, and how it ended.
 *
 * Control thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <masq_log.h>

#include "masq_ctl_priv.h"

/* clang-format off */
static const struct {
	const char *name;
	masq_ctl_handler_fn handler;
} handlers[] = {
#define HANDLER_ROW(symbol, name, changes, params, help) { name, masq_ctl_##symbol },
	MASQ_RPC_ASK_LIST(HANDLER_ROW)
#undef HANDLER_ROW
};

/* clang-format on */

/* Warn of a new rule that no packet may ever match. */
static void
warn_of_rule(const struct masq_ctl *ctl, const struct masq_conf_command *command,
		struct masq_conf_warnings *warnings)
{
	const bool puts = command->verb == MASQ_VERB_CHAIN_APPEND ||
			command->verb == MASQ_VERB_CHAIN_INSERT ||
			command->verb == MASQ_VERB_CHAIN_REPLACE;
	struct masq_err *text = &warnings->text[warnings->n];

	if ((puts && masq_conf_iface_find(ctl->start, &command->rule, text) != 0) ||
			(command->verb == MASQ_VERB_PORTFW_ADD &&
					masq_conf_portfw_find(ctl->start, &ctl->rules,
							&command->portfw, text) != 0))
		warnings->n++;
}

static int
change(struct masq_ctl *ctl, enum masq_conf_verb verb, const json_t *params, json_t *result,
		struct masq_err *err)
{
	struct masq_conf_warnings warnings = { 0 };
	struct masq_conf_command command;
	int ret = masq_rpc_command_from_params(verb, params, &command, err);

	if (ret == 0)
		ret = masq_ctl_model_apply(ctl, &command, &warnings, err);
	if (ret != 0)
		return ret;
	warn_of_rule(ctl, &command, &warnings);
	return masq_ctl_put_warnings(result, &warnings);
}

static int
serve(struct masq_ctl *ctl, const struct masq_rpc_method *method, const json_t *params,
		json_t *result, struct masq_err *err)
{
	const int verb = masq_conf_verb_find(method->name);
	int ret;

	if (verb >= 0)
		return change(ctl, (enum masq_conf_verb)verb, params, result, err);
	ret = masq_rpc_params_check(params, method->params, err);
	if (ret != 0)
		return ret;
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (strcmp(handlers[i].name, method->name) == 0)
			return handlers[i].handler(ctl, params, result, err);
	return masq_err_set(err, ENOSYS, "%s has no handler", method->name);
}

static void
log_change(const struct masq_ctl_peer *peer, const char *method, int ret,
		const struct masq_err *err)
{
	if (ret == 0)
		masq_log(MASQ_LOG_INFO, "ctl", "uid %u pid %d: %s", (unsigned int)peer->uid,
				(int)peer->pid, method);
	else
		masq_log(MASQ_LOG_INFO, "ctl", "uid %u pid %d: %s refused: %s",
				(unsigned int)peer->uid, (int)peer->pid, method, err->text);
}

static int
code_of(int ret)
{
	if (ret == -EBADMSG)
		return MASQ_RPC_PARAMS;
	if (ret == -ENOMEM)
		return MASQ_RPC_INTERNAL;
	return -ret;
}

/* @return the line of the result or of the error */
static char *
answer(struct masq_ctl *ctl, const struct masq_ctl_peer *peer,
		const struct masq_rpc_request *request, size_t *len_bytes)
{
	const struct masq_rpc_method *method = masq_rpc_method_find(request->method);
	struct masq_err err = { "" };
	json_t *params, *result;
	int ret;

	if (method == NULL) {
		masq_err_set(&err, ENOSYS,
				"unknown method \"%.40s\"; rpc.methods lists those that exist",
				request->method);
		return masq_rpc_error_line(request->id, MASQ_RPC_NO_METHOD, err.text, len_bytes);
	}
	params = request->params != NULL ? json_incref(request->params) : json_object();
	result = json_object();
	ret = params == NULL || result == NULL ? -ENOMEM : serve(ctl, method, params, result, &err);
	json_decref(params);
	if (ret == -ENOMEM && err.text[0] == '\0')
		masq_err_set(&err, ENOMEM, "the daemon is out of memory");
	if (method->changes)
		log_change(peer, method->name, ret, &err);
	if (ret == 0)
		return masq_rpc_result_line(request->id, result, len_bytes);
	json_decref(result);
	return masq_rpc_error_line(request->id, code_of(ret), err.text, len_bytes);
}

char *
masq_ctl_dispatch(struct masq_ctl *ctl, const struct masq_ctl_peer *peer, json_t *document,
		size_t *len_bytes)
{
	struct masq_rpc_request request;
	struct masq_err err;
	char *line;

	if (masq_rpc_request_read(document, &request, &err) != 0)
		return masq_rpc_error_line(request.id, MASQ_RPC_INVALID, err.text, len_bytes);
	line = answer(ctl, peer, &request, len_bytes);
	if (request.id == NULL) {
		free(line);
		return NULL;
	}
	return line;
}
