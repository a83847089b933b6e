/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CTL_PRIV_H
#define MASQ_CTL_PRIV_H

/**
 * @file
 * What the files of lib/ctl share: the control thread's state, handlers, pages.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_conf_command.h>
#include <masq_ctl.h>
#include <masq_dp.h>
#include <masq_err.h>
#include <masq_rpc.h>
#include <masq_rpc_codec.h>

struct masq_ctl_server;

#define MASQ_CTL_WATCHED 2 /* drop reasons that are worth a line in the log */

struct masq_ctl {
	const struct masq_conf_start *start;
	struct masq_dp *dp;
	struct masq_conf_rules rules; /**< the model in force */
	uint32_t generation; /**< incremented with each change of @ref rules */
	uint64_t started_ms; /**< masq_dp_now_ms() at creation */
	bool stop; /**< a client asked for the daemon to stop */
	struct masq_ctl_server *server;
	bool rules_log; /**< a rule of @ref rules has -l */
	uint64_t watched_ms; /**< masq_ctl_watch.c: time of the last check */
	uint64_t watched[MASQ_CTL_WATCHED]; /**< and the counters at that time */
	uint64_t watched_log; /**< counter log-lost at that time */
};

/* ---------------------------------------------------------------- masq_ctl_watch.c */

/** Once a second, log one line for each kind of refusal whose counter grew. */
void masq_ctl_watch(struct masq_ctl *ctl, uint64_t now_ms);

/* ---------------------------------------------------------------- masq_ctl_packet_log.c */

/** Write the lines of packets that matched rules with -l since the last call. */
void masq_ctl_packet_log(struct masq_ctl *ctl);

/** Does any rule of the model log? */
bool masq_ctl_rules_log(const struct masq_conf_rules *rules);

/* ---------------------------------------------------------------- masq_ctl_socket.c */

/** Bind and listen. @return descriptor, owned by the socket until its release; or -errno */
int masq_ctl_socket_listen(struct masq_ctl_socket *sock, struct masq_err *err);

/** May this peer use the socket? @param peer out @return 0; -EACCES with a sentence */
int masq_ctl_socket_admit(const struct masq_ctl_socket *sock, int fd, struct masq_ctl_peer *peer,
		struct masq_err *err);

/* ---------------------------------------------------------------- masq_ctl_server.c */

struct masq_ctl_server *masq_ctl_server_create(struct masq_ctl *ctl, struct masq_err *err);
void masq_ctl_server_destroy(struct masq_ctl_server *server);
int masq_ctl_server_listen(
		struct masq_ctl_server *server, struct masq_ctl_socket *sock, struct masq_err *err);
int masq_ctl_server_fd(const struct masq_ctl_server *server);
void masq_ctl_server_poll(struct masq_ctl_server *server, uint64_t now_ms, int timeout_ms);
unsigned int masq_ctl_server_clients(const struct masq_ctl_server *server);

/* ---------------------------------------------------------------- masq_ctl_model.c */

/**
 * Apply one command to the model and put the result in force: all or nothing.
 *
 * @param warnings	in/out: about a worker that does not use it yet
 */
int masq_ctl_model_apply(struct masq_ctl *ctl, const struct masq_conf_command *command,
		struct masq_conf_warnings *warnings, struct masq_err *err);

/**
 * Only read the text of a rule file into a model; needs no data path.
 *
 * @param start	the ports that routes must fit
 * @param rules	in/out: model
 * @param warnings	in/out: "NAME:LINE: ..."
 * @return 0; -errno with "NAME:LINE: ...": the model is unchanged, or must be discarded
 */
int masq_ctl_model_read(const struct masq_conf_start *start, struct masq_conf_rules *rules,
		const char *name, const char *text, size_t len_bytes,
		struct masq_conf_warnings *warnings, struct masq_err *err);

/** @return rules, forwardings and routes of a model */
unsigned int masq_ctl_model_count(const struct masq_conf_rules *rules);

/** Replace the whole model by the text of a rule file. @param warnings in/out: as above */
int masq_ctl_model_load(struct masq_ctl *ctl, const char *name, const char *text, size_t len_bytes,
		struct masq_conf_warnings *warnings, struct masq_err *err);

/** Would masq_ctl_model_load() succeed? @param n_rules out: rules, forwardings, routes */
int masq_ctl_model_check(struct masq_ctl *ctl, const char *name, const char *text, size_t len_bytes,
		unsigned int *n_rules, struct masq_conf_warnings *warnings, struct masq_err *err);

/* ---------------------------------------------------------------- masq_ctl_page.c */

#define MASQ_CTL_PAGE_ROWS 256 /**< rows of a page if the client gives no limit */
#define MASQ_CTL_PAGE_ROWS_MAX 1024
#define MASQ_CTL_SLICE_BYTES 262144 /**< maximum text of one answer */

/** Position in a listing. A client gets it as a text to send back. */
struct masq_ctl_page {
	uint32_t at[2];
	uint32_t limit; /**< rows */
};

/** Read "cursor" and "limit" from the parameters. @return 0, -EBADMSG */
int masq_ctl_page_open(const json_t *params, struct masq_ctl_page *page, struct masq_err *err);

/** Put "cursor" into the result: null at the end. */
int masq_ctl_page_close(const struct masq_ctl_page *page, bool end, json_t *result);

/* ---------------------------------------------------------------- handlers */

/**
 * Serve one method. The parameter names have been checked against the method list.
 *
 * @param params	an object, never NULL
 * @param result	an empty object, to be filled in
 * @return 0; -EBADMSG: a parameter is malformed; another -errno: refused
 */
typedef int (*masq_ctl_handler_fn)(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err);

#define MASQ_CTL_HANDLER(symbol, name, changes, params, help)                        \
	int masq_ctl_##symbol(struct masq_ctl *ctl, const json_t *p, json_t *result, \
			struct masq_err *err);
MASQ_RPC_ASK_LIST(MASQ_CTL_HANDLER)
#undef MASQ_CTL_HANDLER

/** Put "warnings" into a result, if there are any. @return 0, -ENOMEM */
int masq_ctl_put_warnings(json_t *result, const struct masq_conf_warnings *warnings);

/**
 * Update the rule counters for a listing. If a worker does not answer, the last known counters are
 * listed, with a warning in the result.
 *
 * @return 0, -ENOMEM
 */
int masq_ctl_refresh_counters(struct masq_ctl *ctl, json_t *result, struct masq_err *err);

/** Put a value into a result; steals it. @return 0, -ENOMEM (also for a NULL value) */
int masq_ctl_put(json_t *object, const char *key, json_t *value);

/** A 64-bit counter as JSON. */
json_t *masq_ctl_count(uint64_t count);

/* ---------------------------------------------------------------- masq_ctl_session.c */

/** The ends of a session in the terms of a listing (masq_ctl_session.c). Host order. */
struct masq_ctl_session_ends {
	uint32_t inside, outside, masq;
	uint16_t inside_port, outside_port, masq_port;
};

void masq_ctl_session_ends(const struct masq_session_row *row, struct masq_ctl_session_ends *ends);

/**
 * Get a page of sessions: query workers until the page is full, all were queried, or enough time is
 * spent.
 *
 * @param rows	out: for free(); NULL: none
 * @param result	gets a warning for each worker that does not answer
 * @return number of rows; -errno
 */
int masq_ctl_session_page(struct masq_ctl *ctl, const struct masq_dp_session_filter *filter,
		struct masq_ctl_page *page, struct masq_session_row **rows, bool *end,
		json_t *result, struct masq_err *err);

#endif /* MASQ_CTL_PRIV_H */
