/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Warnings at start about ports whose device is attached to another NUMA node than a worker
 *	that serves it: each of their packets crosses the link between the nodes.
 * Words
 *	node	NUMA node; SOCKET_ID_ANY (-1) if there is none: virtual devices, workers without a
 *		core. Those are near to every node
 * Threads
 *	The control thread, once.
 */

#include <masq_ctl.h>
#include <masq_dp.h>
#include <masq_log.h>

unsigned int
masq_ctl_warn_nodes(const struct masq_dp *dp)
{
	unsigned int n = 0;

	for (uint32_t p = 0; p < masq_dp_ports(dp); p++) {
		struct masq_dp_port_info info;

		if (masq_dp_port_info(dp, p, &info) != 0 || info.socket_id < 0)
			continue;
		for (uint32_t w = 0; w < masq_dp_workers(dp); w++) {
			int node = masq_dp_worker_node(dp, w);

			if (node < 0 || node == info.socket_id)
				continue;
			masq_log(MASQ_LOG_WARNING, "ctl",
					"port %s: its device %s is on NUMA node %d, but worker %u runs on "
					"node %d; choose CPUs of node %d with cores in [daemon]",
					info.name, info.device, info.socket_id, w, node,
					info.socket_id);
			n++;
		}
	}
	return n;
}
