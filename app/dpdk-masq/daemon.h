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

/** CPUs of a list like "1-2,4", in the order of the list. */
struct masq_cpus {
	unsigned int n;
	unsigned int cpu[256];
};

/**
 * Check what the machine must have regardless of other programs: CPUs, the group of the socket,
 * network interfaces. Nothing is opened. Sentences name file, line and what is available.
 *
 * @param cpus	out: CPUs of "cores"; n = 0: workers are not pinned
 * @return 0, -errno
 */
int masq_daemon_check(
		const struct masq_conf_start *start, struct masq_cpus *cpus, struct masq_err *err);

/** Write the CPUs of a set as "0-3,6", as far as they fit. */
void masq_daemon_cpus_text(const cpu_set_t *set, char *text, size_t size);

/** Check that enough memory, or enough hugepages, are free at this moment. @return 0, -ENOMEM */
int masq_daemon_check_memory(const struct masq_conf_start *start, struct masq_err *err);

/* ---------------------------------------------------------------- nodes.c */

/** @return MB of free hugepages of all sizes, of one NUMA node, or (-1) of the machine */
uint64_t masq_daemon_hugepages_mb(int node);

/**
 * Divide memory_mb among NUMA nodes, so that memory is on the nodes where the workers run.
 *
 * @param share_mb	out: MB of each node
 * @return number of nodes in share_mb; 0: no preference, any division will do
 */
int masq_daemon_divide_memory(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		uint64_t share_mb[RTE_MAX_NUMA_NODES]);

/* ---------------------------------------------------------------- claim.c */

/**
 * Claim the interfaces and PCI devices of all ports until the process ends, and remove the sockets
 * that a killed daemon's drivers left behind.
 *
 * @param err	out: "FILE:LINE: ...", with the process that holds one of them
 * @return 0; -EADDRINUSE: another daemon in this network namespace holds one; -errno
 */
int masq_daemon_claim(const struct masq_conf_start *start, struct masq_err *err);

/* ---------------------------------------------------------------- interfaces.c */

/** Is the kernel's interface of this port there, if its driver needs one? Warns if it is down. @return
 * 0; -ENODEV, -EINVAL with "FILE:LINE: ..." */
int masq_daemon_check_interface(const struct masq_conf_start *start,
		const struct masq_conf_port *port, struct masq_err *err);

enum masq_interface_state {
	MASQ_INTERFACE_UP,
	MASQ_INTERFACE_NO_CARRIER,
	MASQ_INTERFACE_DOWN,
	MASQ_INTERFACE_GONE,
};

/** The interfaces of all ports, as they were last seen. */
struct masq_interfaces {
	const struct masq_conf_start *start;
	int fd;
	unsigned int index[MASQ_CONF_PORTS_MAX]; /**< 0: the port has none */
	enum masq_interface_state state[MASQ_CONF_PORTS_MAX];
};

/**
 * Have the kernel tell what happens to the interfaces.
 *
 * @param start	must outlive the watch
 * @return descriptor that becomes readable then; -1: the kernel does not, so nothing will be told
 */
int
masq_daemon_interfaces_watch(struct masq_interfaces *watch, const struct masq_conf_start *start);

/** The descriptor was readable: log what has become of the interfaces. */
void masq_daemon_interfaces_look(struct masq_interfaces *watch);

void masq_daemon_interfaces_end(struct masq_interfaces *watch);

/* ---------------------------------------------------------------- log.c */

/** Send log lines up to a level to stderr; a line that would block is omitted and counted. */
void masq_daemon_log_open(enum masq_log_level level);

/* ---------------------------------------------------------------- eal.c */

/**
 * Start EAL according to the start file.
 *
 * @param cpus	from masq_daemon_check()
 * @return 0; -errno with err
 */
int masq_daemon_eal_start(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		enum masq_log_level level, struct masq_err *err);

/** Release devices and memory, remove the files that EAL created. */
void masq_daemon_eal_stop(void);

/** Only remove the files that EAL created. */
void masq_daemon_eal_forget(void);

/* ---------------------------------------------------------------- watch.c */

/**
 * From now until masq_daemon_watch_end(), a signal ends the process even if the start hangs.
 *
 * @param signal_fd	readable when a signal has arrived
 * @param sock	released in that case
 * @return 0, -errno
 */
int masq_daemon_watch_begin(int signal_fd, struct masq_ctl_socket *sock, struct masq_err *err);

/** The start is over, successful or not: signals and socket are left to others. May be called twice. */
void masq_daemon_watch_end(void);

#endif /* MASQ_DAEMON_H */
