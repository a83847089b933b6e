/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests and answers of JSON-RPC 2.0.
 *
 * A request is {"jsonrpc": "2.0", "method": "family.verb", "params": {...}, "id": ...}. Parameters
 * are named: a list of values without names would freeze their order for ever. Batches (arrays of
 * requests) are refused: a client that wants many answers writes many lines, and a transaction has
 * its own method (rules.load). A request without "id" is a notification and gets no answer, not
 * even an error.
 *
 * No threads, no state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <masq_rpc.h>

static int
read_id(json_t *document, struct masq_rpc_request *request, struct masq_err *err)
{
	json_t *id = json_object_get(document, "id");

	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return masq_err_set(err, EBADMSG, "\"id\" must be a string, a number or null");
	request->id = id;
	return 0;
}

static int
check_keys(json_t *document, struct masq_err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(document, key, value)
	{
		if (strcmp(key, "jsonrpc") != 0 && strcmp(key, "method") != 0 &&
				strcmp(key, "params") != 0 && strcmp(key, "id") != 0)
			return masq_err_set(err, EBADMSG,
					"unknown key \"%.40s\": a request has jsonrpc, method, "
					"params and id",
					key);
	}
	return 0;
}

int
masq_rpc_request_read(json_t *document, struct masq_rpc_request *request, struct masq_err *err)
{
	const char *version;
	int ret;

	memset(request, 0, sizeof(*request));
	if (json_is_array(document))
		return masq_err_set(err, EBADMSG,
				"batches are not accepted: send one request per line");
	if (!json_is_object(document))
		return masq_err_set(err, EBADMSG, "a request must be a JSON object");
	ret = read_id(document, request, err);
	if (ret == 0)
		ret = check_keys(document, err);
	if (ret != 0)
		return ret;
	version = json_string_value(json_object_get(document, "jsonrpc"));
	if (version == NULL || strcmp(version, "2.0") != 0)
		return masq_err_set(err, EBADMSG, "\"jsonrpc\" must be \"2.0\"");
	request->method = json_string_value(json_object_get(document, "method"));
	if (request->method == NULL)
		return masq_err_set(err, EBADMSG, "\"method\" must be a string");
	request->params = json_object_get(document, "params");
	if (request->params != NULL && !json_is_object(request->params))
		return masq_err_set(err, EBADMSG,
				"\"params\" must be an object: parameters are passed by name");
	return 0;
}

json_t *
masq_rpc_request_make(const char *method, json_t *params, json_int_t id)
{
	json_t *request = json_pack(
			"{s:s, s:s, s:I}", "jsonrpc", "2.0", "method", method, "id", id);

	if (request == NULL) {
		json_decref(params);
		return NULL;
	}
	if (params != NULL && json_object_set_new(request, "params", params) != 0) {
		json_decref(request);
		return NULL;
	}
	return request;
}

char *
masq_rpc_line(const json_t *document, size_t *len_bytes)
{
	char *text = json_dumps(document, JSON_COMPACT);
	char *line;
	size_t len;

	if (text == NULL)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	line[len] = '\n';
	line[len + 1] = '\0';
	*len_bytes = len + 1;
	return line;
}

json_t *
masq_rpc_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string != NULL)
		return string;
	copy = strdup(text);
	for (char *c = copy; c != NULL && *c != '\0'; c++)
		if ((unsigned char)*c > 0x7f)
			*c = '?';
	string = copy != NULL ? json_string(copy) : NULL;
	free(copy);
	return string;
}

static char *
answer_line(json_t *id, const char *key, json_t *value, size_t *len_bytes)
{
	json_t *answer = json_pack("{s:s, s:o}", "jsonrpc", "2.0", key, value);
	char *line = NULL;

	if (answer == NULL)
		return NULL;
	if ((id != NULL ? json_object_set(answer, "id", id)
			: json_object_set_new(answer, "id", json_null())) == 0)
		line = masq_rpc_line(answer, len_bytes);
	json_decref(answer);
	return line;
}

char *
masq_rpc_result_line(json_t *id, json_t *result, size_t *len_bytes)
{
	if (result == NULL)
		return NULL;
	return answer_line(id, "result", result, len_bytes);
}

char *
masq_rpc_error_line(json_t *id, int code, const char *sentence, size_t *len_bytes)
{
	json_t *error = json_pack("{s:i, s:o}", "code", code, "message", masq_rpc_text(sentence));

	if (error == NULL)
		return NULL;
	return answer_line(id, "error", error, len_bytes);
}
