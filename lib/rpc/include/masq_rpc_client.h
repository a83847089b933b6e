/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RPC_CLIENT_H
#define MASQ_RPC_CLIENT_H

#include <jansson.h>

#include <masq_err.h>

/**
 * @file
 * The client's end of the control socket: connect, call, close. One thread; a call blocks until the
 * answer has arrived or the timeout is over.
 */

struct masq_rpc_client;

/**
 * Connect to a daemon.
 *
 * @param path	of the socket
 * @param client	out: for masq_rpc_client_close(); NULL on failure
 * @param err	out: names the socket and how to go on
 * @return 0; -ENOENT, -ECONNREFUSED (no daemon), -EACCES (may not), -ENAMETOOLONG, ...
 */
int masq_rpc_client_open(const char *path, struct masq_rpc_client **client, struct masq_err *err);

/** NULL is allowed. */
void masq_rpc_client_close(struct masq_rpc_client *client);

/**
 * Call a method.
 *
 * @param params	stolen; NULL: none
 * @param timeout_ms	for the whole call
 * @param result	out: for json_decref(); NULL on failure
 * @param err	out: the daemon's sentence, or what happened to the connection
 * @return 0; -EREMOTEIO: the daemon refused; -ETIMEDOUT, -EPIPE, -EBADMSG, -ENOMEM: the connection
 *	is no longer usable
 */
int masq_rpc_client_call(struct masq_rpc_client *client, const char *method, json_t *params,
		int timeout_ms, json_t **result, struct masq_err *err);

/** @return error code of the last call that was refused (enum masq_rpc_code or errno) */
int masq_rpc_client_code(const struct masq_rpc_client *client);

#endif /* MASQ_RPC_CLIENT_H */
