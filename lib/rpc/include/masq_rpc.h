/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RPC_H
#define MASQ_RPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <masq_err.h>

/**
 * @file
 * What both ends of the control socket agree on: JSON-RPC 2.0, one document per line, over a Unix
 * stream socket; the methods; the form of requests and answers.
 *
 * A method whose name is that of a masq_conf_verb changes the model by one command; all others are
 * in MASQ_RPC_ASK_LIST, from which the server makes its table of handlers. The error message is a
 * sentence for people; the error code is one of enum masq_rpc_code or an errno value.
 */

#define MASQ_RPC_SOCKET_DEFAULT "/run/dpdk-masq/control.sock"
#define MASQ_RPC_SOCKET_VARIABLE "DPDK_MASQ_SOCKET" /**< environment variable of the CLI */

/** Maximum length of a line, without the newline. */
#define MASQ_RPC_FRAME_BYTES_MAX (16u << 20)
/** Maximum nesting of arrays and objects. */
#define MASQ_RPC_DEPTH_MAX 16
/** Maximum number of values in a document: limits the memory that parsing takes. */
#define MASQ_RPC_VALUES_MAX 262144

/** Codes of JSON-RPC 2.0; a refused command has a positive errno value instead. */
enum masq_rpc_code {
	MASQ_RPC_NO_ERROR = 0,
	MASQ_RPC_PARSE = -32700,
	MASQ_RPC_INVALID = -32600,
	MASQ_RPC_NO_METHOD = -32601,
	MASQ_RPC_PARAMS = -32602,
	MASQ_RPC_INTERNAL = -32603,
};

/**
 * Methods that are not changes of the model. X(symbol, "family.verb", changes something, "params",
 * "sentence"). A "?" after a parameter: it may be left out.
 */
/* clang-format off */
#define MASQ_RPC_ASK_LIST(X) \
	X(ipchains_list, "ipchains.list", false, "chain?, counters?, cursor?, limit?", \
		"Rules of one chain or all, with their counters unless counters is false, a page at a time.") \
	X(ipchains_list_zero, "ipchains.list_zero", true, "chain?, cursor?, limit?", \
		"The same, and zero the counters of the rules on the page.") \
	X(ipchains_zero, "ipchains.zero", true, "chain?", \
		"Zero the counters of the rules of one chain or all.") \
	X(ipchains_check, "ipchains.check", false, "chain, rule", \
		"What a chain does to the one packet that the rule describes.") \
	X(portfw_list, "portfw.list", false, "cursor?, limit?", \
		"Forwarding rules in the order of their turns, with counts, a page at a time.") \
	X(session_list, "session.list", false, "filter?, cursor?, limit?", \
		"Live sessions that match a filter, a page at a time.") \
	X(session_flush, "session.flush", true, "filter?", \
		"End all sessions that match a filter.") \
	X(port_list, "port.list", false, "", \
		"Ports with their devices, addresses, links and counters.") \
	X(route_list, "route.list", false, "cursor?, limit?", \
		"Routes in force: connected and static ones, a page at a time.") \
	X(neigh_list, "neigh.list", false, "cursor?, limit?", \
		"Neighbours and their link addresses, a page at a time.") \
	X(neigh_flush, "neigh.flush", true, "address?", \
		"Forget one neighbour or all.") \
	X(timeout_list, "timeout.list", false, "", \
		"Seconds after which an idle session ends, by its state.") \
	X(stats_get, "stats.get", false, "", \
		"Counters of all workers together and of each.") \
	X(stats_memory, "stats.memory", false, "", \
		"Bytes that each part of the data path takes.") \
	X(drops_list, "drops.list", false, "all?", \
		"Every reason for which a packet can be dropped, with its count; with all false, " \
		"only those whose count is not 0.") \
	X(rules_load, "rules.load", true, "text, name?", \
		"Replace all rules by those of a rule file: all of them or none.") \
	X(rules_check, "rules.check", false, "text, name?", \
		"Say whether rules.load would succeed.") \
	X(rules_save, "rules.save", false, "cursor?", \
		"The rules in force as a rule file, a slice at a time.") \
	X(proc_read, "proc.read", false, "name, cursor?", \
		"The text that Linux 2.2 had in /proc/net, a slice at a time.") \
	X(daemon_version, "daemon.version", false, "", \
		"Version, process id and age of the daemon.") \
	X(daemon_shutdown, "daemon.shutdown", true, "", \
		"Stop the daemon.") \
	X(rpc_methods, "rpc.methods", false, "", \
		"This list.")

/* clang-format on */

/** One method, for the server, help and documentation. */
struct masq_rpc_method {
	const char *name;
	bool changes; /**< false: it only reads */
	const char *params; /**< names of its parameters; "?": may be left out */
	const char *help; /**< one sentence */
};

/** @return all @p n_methods methods; those that change the model come first */
const struct masq_rpc_method *masq_rpc_methods(size_t *n_methods);

/** @return the method called @p name, or NULL */
const struct masq_rpc_method *masq_rpc_method_find(const char *name);

/** A request as read. Everything is borrowed from the document. */
struct masq_rpc_request {
	const char *method;
	json_t *params; /**< an object; NULL when left out */
	json_t *id; /**< NULL: a notification, which gets no answer */
};

/**
 * Parse a request.
 *
 * @param document	one frame
 * @param request	out; id is set even on failure if there is a usable one
 * @return 0; -EBADMSG with a sentence: not a JSON-RPC 2.0 request
 */
int masq_rpc_request_read(json_t *document, struct masq_rpc_request *request, struct masq_err *err);

/** @param params	stolen; NULL: none. @return a new request, NULL: no memory */
json_t *masq_rpc_request_make(const char *method, json_t *params, json_int_t id);

/**
 * Make a JSON string of a text that may not be UTF-8, such as a file name: "?" then replaces each
 * byte beyond ASCII.
 *
 * @return NULL: no memory
 */
json_t *masq_rpc_text(const char *text);

/**
 * Write an answer as a line, newline included.
 *
 * @param id	of the request; NULL: null
 * @param result	stolen
 * @param len_bytes	out
 * @return the line, for free(); NULL: no memory
 */
char *masq_rpc_result_line(json_t *id, json_t *result, size_t *len_bytes);

/** The same for a failure; the sentence may quote bytes that are not UTF-8. */
char *masq_rpc_error_line(json_t *id, int code, const char *sentence, size_t *len_bytes);

/** Write any document as a line; the document is not stolen. */
char *masq_rpc_line(const json_t *document, size_t *len_bytes);

#endif /* MASQ_RPC_H */
