/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DAEMON_H
#define MASQ_DAEMON_H

/**
 * @file
 * What the files of the daemon share.
 */

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_config.h>

#include <masq_conf.h>
#include <masq_ctl.h>
#include <masq_err.h>
#include <masq_log.h>

#define MASQ_DAEMON_FILE_DEFAULT "/etc/dpdk-masq/dpdk-masq.conf"

/* ---------------------------------------------------------------- check.c */

/** CPUs of a list like "1-2,4" in the order in which it names them. */
struct masq_cpus {
	unsigned int n;
	unsigned int cpu[256];
};

/**
 * Check what the machine must have whoever else runs on it: CPUs, the group of the socket, network
 * interfaces. Nothing is opened. Sentences name file, line and what there is.
 *
 * @param cpus	out: CPUs of "cores"; n = 0 when workers are not pinned
 * @return 0, -errno
 */
int masq_daemon_check(
		const struct masq_conf_start *start, struct masq_cpus *cpus, struct masq_err *err);

/** The CPUs of a set as "0-3,6", as far as they fit. */
void masq_daemon_cpus_text(const cpu_set_t *set, char *text, size_t size);

/** Is there memory, or are there hugepages, at this moment? @return 0, -ENOMEM */
int masq_daemon_check_memory(const struct masq_conf_start *start, struct masq_err *err);

/* ---------------------------------------------------------------- nodes.c */

/** @return MB of free hugepages of all sizes, of a NUMA node or (-1) of the machine */
uint64_t masq_daemon_hugepages_mb(int node);

/**
 * Divide memory_mb among NUMA nodes, so that it lies where the workers run.
 *
 * @param share_mb	out: MB of each node
 * @return how many nodes share_mb speaks of; 0: there is nothing to go by, any division will do
 */
int masq_daemon_divide_memory(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		uint64_t share_mb[RTE_MAX_NUMA_NODES]);

/* ---------------------------------------------------------------- claim.c */

/**
 * Claim the interfaces and PCI devices of all ports, until the process ends, and remove what a killed daemon
 * left of their sockets.
 *
 * @param err	out: "FILE:LINE: ...", with the process that has one of them
 * @return 0; -EADDRINUSE: another daemon of this network namespace has it; -errno
 */
int masq_daemon_claim(const struct masq_conf_start *start, struct masq_err *err);

/* ---------------------------------------------------------------- log.c */

/** Send log lines up to a level to stderr; a line that would have to wait is left out and counted. */
void masq_daemon_log_open(enum masq_log_level level);

/* ---------------------------------------------------------------- eal.c */

/**
 * Start EAL as the start file wants it.
 *
 * @param cpus	from masq_daemon_check()
 * @return 0; -errno with err
 */
int masq_daemon_eal_start(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		enum masq_log_level level, struct masq_err *err);

/** Release devices and memory, remove the files that EAL made. */
void masq_daemon_eal_stop(void);

/** Remove the files that EAL made, no more. */
void masq_daemon_eal_forget(void);

/* ---------------------------------------------------------------- watch.c */

/**
 * From here on a signal ends the process even if the start hangs, until masq_daemon_watch_end().
 *
 * @param signal_fd	readable when a signal has come
 * @param sock	what to release then
 * @return 0, -errno
 */
int masq_daemon_watch_begin(int signal_fd, struct masq_ctl_socket *sock, struct masq_err *err);

/** The start is over, well or not: signals are somebody else's, and so is the socket. May be called twice. */
void masq_daemon_watch_end(void);

#endif /* MASQ_DAEMON_H */
