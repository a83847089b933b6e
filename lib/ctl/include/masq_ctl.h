/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CTL_H
#define MASQ_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <masq_conf.h>
#include <masq_err.h>

/**
 * @file
 * The control thread: owns the model of the rules, serves the control socket, queries the data
 * path.
 *
 * Everything here is for one thread. Nothing blocks on a client. A worker is waited for, but not for
 * ever: a second for one that does not begin with a question, ten for one that does not finish it or
 * does not take over new rules. Then masq_dp gives up.
 */

struct masq_ctl;
struct masq_ctl_socket;
struct masq_dp;

/**
 * Look up the group named by socket-group in a start file.
 *
 * @param gid	out
 * @return 0; -ENOENT with a sentence
 */
int masq_ctl_socket_group_find(const char *name, gid_t *gid, struct masq_err *err);

/**
 * Make sure that this is the only daemon on a socket: create its folder and take the lock beside it
 * ("PATH.lock", held until release; the kernel releases it however the daemon ends).
 *
 * @param path	of the socket; copied
 * @param group	group that may use it besides root, empty: none
 * @param sock	out: for masq_ctl_socket_release()
 * @param err	out: another live daemon, a socket that another program serves, a file in its place
 *	that is not a socket, a group that does not exist, a folder that cannot be created
 * @return 0; -EBUSY: another daemon serves it; -errno
 */
int masq_ctl_socket_claim(const char *path, const char *group, struct masq_ctl_socket **sock,
		struct masq_err *err);

/**
 * Remove a socket that nobody serves, such as a killed program leaves behind; nothing else is
 * removed.
 *
 * @return 0: there is no such socket (any more); -EADDRINUSE: a program serves it; -errno: this
 *	cannot be determined, or the socket not removed
 */
int masq_ctl_socket_remove_stale(const char *path);

/** Remove socket and lock file, close. NULL is allowed. */
void masq_ctl_socket_release(struct masq_ctl_socket *sock);

/**
 * @param start	checked start file; must outlive the result
 * @param dp	the data path; must outlive the result
 * @return NULL with err
 */
struct masq_ctl *
masq_ctl_create(const struct masq_conf_start *start, struct masq_dp *dp, struct masq_err *err);

/** Close all clients, free the model. NULL is allowed. The socket stays claimed. */
void masq_ctl_destroy(struct masq_ctl *ctl);

/**
 * Read a rule file and put it, or the empty rule set, in force. Warnings go to the log.
 *
 * @param path	empty: no file
 * @return 0; -errno with "FILE:LINE: ...", the rules in force stay
 */
int masq_ctl_rules_file(struct masq_ctl *ctl, const char *path, struct masq_err *err);

/**
 * Check a rule file without any data path (dpdk-masq -t): its words, and its routes against the ports.
 * Warnings go to the log.
 *
 * @param start	checked start file
 * @param n_rules	out: rules, forwardings and routes in it
 * @return 0; -errno with "FILE:LINE: ..."
 */
int masq_ctl_rules_file_check(const struct masq_conf_start *start, const char *path,
		unsigned int *n_rules, struct masq_err *err);

/**
 * Log a warning for each pair of port and worker on different NUMA nodes. Control thread, at start.
 *
 * @return number of warnings
 */
unsigned int masq_ctl_warn_nodes(const struct masq_dp *dp);

/**
 * Listen on a claimed socket; one that a killed daemon left behind is replaced. @return 0, -errno
 */
int masq_ctl_listen(struct masq_ctl *ctl, struct masq_ctl_socket *sock, struct masq_err *err);

/** @return a descriptor that is readable when masq_ctl_poll() has something to do */
int masq_ctl_fd(const struct masq_ctl *ctl);

/**
 * Serve what has arrived, wait for more.
 *
 * @param now_ms	clock, for clients that do not read
 * @param timeout_ms	maximum time to wait, 0: none
 * @return true: a client asked for the daemon to stop, and has its answer
 */
bool masq_ctl_poll(struct masq_ctl *ctl, uint64_t now_ms, int timeout_ms);

/** @return milliseconds after which masq_ctl_poll() must be called even if nothing arrived */
int masq_ctl_wait_ms(const struct masq_ctl *ctl);

/** @return number of connected clients */
unsigned int masq_ctl_clients(const struct masq_ctl *ctl);

/** The sender of a request. */
struct masq_ctl_peer {
	uid_t uid;
	pid_t pid;
};

/**
 * Serve one document: everything that a request passes through except the socket. For the server
 * and for fuzzing.
 *
 * @param document	borrowed
 * @param len_bytes	out
 * @return the line of the answer, for free(); NULL: a notification, or no memory
 */
char *masq_ctl_dispatch(struct masq_ctl *ctl, const struct masq_ctl_peer *peer, json_t *document,
		size_t *len_bytes);

#endif /* MASQ_CTL_H */
