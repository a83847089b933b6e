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
 * The control thread: owns the model of the rules, serves the control socket, asks the data path.
 *
 * Everything here is for one thread. Nothing blocks on a client; a question to a worker takes at
 * most the second after which masq_dp gives up.
 */

struct masq_ctl;
struct masq_ctl_socket;
struct masq_dp;

/**
 * Find the group of a start file's socket-group.
 *
 * @param gid	out
 * @return 0; -ENOENT with a sentence
 */
int masq_ctl_socket_group_find(const char *name, gid_t *gid, struct masq_err *err);

/**
 * Make sure that this is the only daemon of a socket: make its folder, take the lock beside it
 * ("PATH.lock", held until release; the kernel gives it back whatever kills the daemon).
 *
 * @param path	of the socket; copied
 * @param group	group that may use it besides root, empty: none
 * @param sock	out: for masq_ctl_socket_release()
 * @param err	out: another live daemon, a socket that another program serves, something at its place
 *	that is no socket, a group that does not exist, a folder that cannot be made
 * @return 0; -EBUSY: another daemon serves it; -errno
 */
int masq_ctl_socket_claim(const char *path, const char *group, struct masq_ctl_socket **sock,
		struct masq_err *err);

/**
 * Remove a socket that nobody serves, as a program that was killed leaves it; nothing else is removed.
 *
 * @return 0: no such socket is there; -EADDRINUSE: somebody serves it; -errno: it cannot be known, or removed
 */
int masq_ctl_socket_remove_stale(const char *path);

/** Remove socket and lock file, close. NULL is fine. */
void masq_ctl_socket_release(struct masq_ctl_socket *sock);

/**
 * @param start	checked start file; must outlive the result
 * @param dp	the data path; must outlive the result
 * @return NULL with err
 */
struct masq_ctl *
masq_ctl_create(const struct masq_conf_start *start, struct masq_dp *dp, struct masq_err *err);

/** Close all clients, free the model. NULL is fine. The socket stays claimed. */
void masq_ctl_destroy(struct masq_ctl *ctl);

/**
 * Read a rule file and put it in force, or the empty rule set. Warnings about it go to the log.
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
 * Log a warning for each port and worker that are on different NUMA nodes. Control thread, at start.
 *
 * @return how many
 */
unsigned int masq_ctl_warn_nodes(const struct masq_dp *dp);

/** Listen on a claimed socket; a socket that a killed daemon left is replaced. @return 0, -errno */
int masq_ctl_listen(struct masq_ctl *ctl, struct masq_ctl_socket *sock, struct masq_err *err);

/** @return a descriptor that is readable when masq_ctl_poll() has something to do */
int masq_ctl_fd(const struct masq_ctl *ctl);

/**
 * Serve what has come, wait for more.
 *
 * @param now_ms	clock for clients that do not read
 * @param timeout_ms	most time to wait, 0: none
 * @return true: a client asked for the daemon to stop, and has its answer
 */
bool masq_ctl_poll(struct masq_ctl *ctl, uint64_t now_ms, int timeout_ms);

/** @return milliseconds after which masq_ctl_poll() must be called again though nothing came */
int masq_ctl_wait_ms(const struct masq_ctl *ctl);

/** @return clients that are connected */
unsigned int masq_ctl_clients(const struct masq_ctl *ctl);

/** Who asks. */
struct masq_ctl_peer {
	uid_t uid;
	pid_t pid;
};

/**
 * Serve one document: the whole way of a request but the socket. For the server and for fuzzing.
 *
 * @param document	borrowed
 * @param len_bytes	out
 * @return the answer's line for free(); NULL: a notification, or no memory
 */
char *masq_ctl_dispatch(struct masq_ctl *ctl, const struct masq_ctl_peer *peer, json_t *document,
		size_t *len_bytes);

#endif /* MASQ_CTL_H */
