/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PORT_H
#define MASQ_PORT_H

/**
 * @file
 * Ports: devices with the queues that workers poll; masq_port.c. Its functions are for the control
 * thread, before workers run and after they have stopped.
 */

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>

struct masq_dp;
struct masq_err;
struct rte_mempool;

/** A port. Constant while packets flow. */
struct masq_port {
	struct masq_conf_port conf;
	uint16_t ethdev; /**< DPDK's number of the device */
	uint8_t mac[6];
	uint16_t mtu; /**< in IP bytes: the configured one, or the device's own */
	uint16_t vlan; /**< 0: untagged */
	uint16_t rx_queues, tx_queues;
	uint16_t rx_descriptors, tx_descriptors;
	int socket_id; /**< NUMA node of the device; SOCKET_ID_ANY: none */
	struct rte_mempool *pool; /**< of its receive queues */
	bool hardware_rss; /**< queue q gets the flows of worker q, by our key and table */
	bool takes_chains; /**< can send packets that consist of several buffers */
	bool plugged; /**< this data path detaches the device at the end */
	bool started;
	char driver[32];
	uint8_t tx_worker[MASQ_MAX_WORKERS]; /**< worker that transmits for worker w on this port */
	uint16_t tx_queue[MASQ_MAX_WORKERS]; /**< and on which queue, if that is w itself */
};

/* Errors of these functions name the line of the start file, the port and the device. */

/**
 * Attach the device, or take one that exists, and find out what it can do.
 *
 * @param port	out: zeroed by the caller
 * @return 0; -errno with err. Either way masq_port_close() has to be called if port->plugged
 */
int masq_port_open(struct masq_dp *dp, const struct masq_conf_port *conf, struct masq_port *port,
		struct masq_err *err);

/** @return entries of the device's RSS table; MASQ_RSS_TABLE_MAX: any number will do */
uint32_t masq_port_reta_size(const struct masq_port *port);

/** Set up queues, RSS, offloads and MTU. dp->rss and port->pool must exist. @return 0; -errno with
 * err */
int masq_port_configure(struct masq_dp *dp, struct masq_port *port, struct masq_err *err);

/** Let packets flow, and set the RSS table. If the device refuses the table, hardware_rss becomes
 * false; workers read that, so they must not run yet. @return 0; -errno with err */
int masq_port_start(struct masq_dp *dp, struct masq_port *port, struct masq_err *err);

/** Stop it if it was started. */
void masq_port_stop(struct masq_port *port);

/** Stop it, and detach the device if this data path has to. */
void masq_port_close(struct masq_port *port);

#endif /* MASQ_PORT_H */
