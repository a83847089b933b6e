/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: from a device string to queues that workers can poll.
 *
 * open       attach the device (or use an existing one of that name), query its capabilities
 * configure  queues, RSS with our own key, buffers, MTU (the device's own if none is configured)
 * start      enable packets; set the RSS table
 *
 * Queues. A device that supports RSS with our key and table gets one receive queue per worker and
 * brings each flow to its owner. Of any other device all queues are polled, shared among the
 * workers, and software takes packets to their owners. Transmit: one queue per worker if the device
 * has them; otherwise some workers serve the queues, and the others hand their packets to them.
 *
 * Control thread only, before workers run and after they have stopped.
 */
#include "masq_port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <masq_rss.h>

#include "masq_dp_priv.h"

#define RSS_WANTED                                                                 \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | \
			RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_OTHER)
#define RSS_NEEDED (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)
#define RSS_KEY_MIN 40
#define DESCRIPTORS 1024
#define MTU_MAX 9600 /* same as for the key mtu */

/* Report an error, prefixed with "FILE:LINE: port NAME, device DEVICE: ". */
static int
fail(const struct masq_dp *dp, const struct masq_port *port, struct masq_err *err, int code,
		const char *what)
{
	masq_err_set(err, code, "%s", what);
	masq_err_prefix(err, "%s:%d: port %s, device %s: ", dp->start.file, port->conf.line,
			port->conf.name, port->conf.device);
	return -code;
}

/* Reject a vdev on a kernel interface that does not exist, before the driver just says EINVAL. */
static int
check_interface(const struct masq_dp *dp, const struct masq_port *port, struct masq_err *err)
{
	const char *iface = strstr(port->conf.device, "iface=");
	char name[IF_NAMESIZE], text[96];
	size_t len;

	/* The driver creates a TAP; vhost's iface is a socket. */
	if (iface == NULL || strncmp(port->conf.device, "net_tap", 7) == 0 ||
			strncmp(port->conf.device, "net_vhost", 9) == 0 ||
			strncmp(port->conf.device, "eth_vhost", 9) == 0)
		return 0;
	iface += strlen("iface=");
	len = strcspn(iface, ",");
	if (len == 0 || len >= sizeof(name))
		return fail(dp, port, err, EINVAL, "iface= needs the name of a network interface");
	snprintf(name, sizeof(name), "%.*s", (int)len, iface);
	if (if_nametoindex(name) != 0)
		return 0;
	snprintf(text, sizeof(text), "there is no network interface %s (see: ip link)", name);
	return fail(dp, port, err, ENODEV, text);
}

static void
explain_probe(int ret, const char *name, char *text, size_t size)
{
	if (ret == -ENOMEM && strchr(name, ':') != NULL)
		snprintf(text, size,
				"cannot open the device: no memory; it needs hugepages on its own NUMA "
				"node, which /sys/bus/pci/devices/%s/numa_node shows",
				name);
	/* EFAULT: no bus recognises the name. "Bad address" would make the user look at the wrong
	 * key. */
	else
		snprintf(text, size, "cannot open the device: %s%s",
				ret == -EFAULT ? "no driver has that name" : rte_strerror(-ret),
				ret == -EBUSY ? " (another process uses it)"
					      : "; accepted: a PCI address bound to a DPDK driver, "
						"or a vdev such as net_af_packet0,iface=eth0");
}

static int
attach(struct masq_dp *dp, struct masq_port *port, struct masq_err *err)
{
	struct rte_dev_iterator iterator;
	char name[RTE_DEV_NAME_MAX_LEN], text[256];
	uint16_t id;
	int ret;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(port->conf.device, ","),
			port->conf.device);
	if (rte_eth_dev_get_port_by_name(name, &port->ethdev) == 0)
		return 0;
	ret = check_interface(dp, port, err);
	if (ret != 0)
		return ret;
	ret = rte_dev_probe(port->conf.device);
	if (ret != 0) {
		explain_probe(ret, name, text, sizeof(text));
		return fail(dp, port, err, -ret, text);
	}
	port->plugged = true;
	RTE_ETH_FOREACH_MATCHING_DEV(id, port->conf.device, &iterator)
	{
		port->ethdev = id;
		rte_eth_iterator_cleanup(&iterator);
		return 0;
	}
	if (rte_eth_dev_get_port_by_name(name, &port->ethdev) == 0)
		return 0;
	return fail(dp, port, err, ENODEV, "the device opened, but has no Ethernet port");
}

/*
 * Shall this data path detach the device? EAL attached the PCI devices of the start file earlier. A
 * driver's queues hold buffers of our pools until the device is closed, and EAL would close it only
 * after the pools are gone. Existing virtual devices belong to whoever created them.
 */
static bool
is_ours(const struct rte_eth_dev_info *info)
{
	return strcmp(rte_bus_name(rte_dev_bus(info->device)), "vdev") != 0;
}

int
masq_port_open(struct masq_dp *dp, const struct masq_conf_port *conf, struct masq_port *port,
		struct masq_err *err)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int ret;

	port->conf = *conf;
	port->vlan = conf->vlan;
	ret = attach(dp, port, err);
	if (ret != 0)
		return ret;
	for (uint32_t p = 0; p < dp->n_ports; p++)
		if (dp->ports[p].ethdev == port->ethdev)
			return fail(dp, port, err, EBUSY, "another port already has this device");
	ret = rte_eth_dev_info_get(port->ethdev, &info);
	port->plugged |= ret == 0 && is_ours(&info);
	if (ret == 0)
		ret = rte_eth_macaddr_get(port->ethdev, &mac);
	if (ret != 0)
		return fail(dp, port, err, -ret, "the device does not report its properties");
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	if (rte_eth_dev_get_mtu(port->ethdev, &port->mtu) != 0 || port->mtu == 0)
		port->mtu = RTE_ETHER_MTU;
	port->mtu = conf->mtu != 0 ? conf->mtu : RTE_MIN(port->mtu, MTU_MAX);
	snprintf(port->driver, sizeof(port->driver), "%s", info.driver_name);
	port->socket_id = rte_eth_dev_socket_id(port->ethdev);
	port->hardware_rss = dp->n_workers > 1 && info.reta_size > 0 &&
			(info.reta_size & (info.reta_size - 1)) == 0 &&
			info.reta_size >= dp->n_workers && info.hash_key_size >= RSS_KEY_MIN &&
			info.hash_key_size <= MASQ_RSS_KEY_BYTES &&
			info.max_rx_queues >= dp->n_workers &&
			(info.flow_type_rss_offloads & RSS_NEEDED) == RSS_NEEDED;
	return 0;
}

uint32_t
masq_port_reta_size(const struct masq_port *port)
{
	struct rte_eth_dev_info info;

	if (!port->hardware_rss || rte_eth_dev_info_get(port->ethdev, &info) != 0)
		return MASQ_RSS_TABLE_MAX;
	return RTE_MIN(info.reta_size, (uint16_t)MASQ_RSS_TABLE_MAX);
}

/*
 * Choose the number of queues. Existing software devices with several queues (af_packet's qpairs,
 * af_xdp's queue_count, the rings of net_ring) deliver to all of them. TAP has as many as we open,
 * and like af_xdp requires equal numbers of both kinds. net_memif gets one: how many work is
 * settled when the other side connects, and DPDK 22.11 takes any queue beyond that for the first
 * ring in a wrong state.
 */
static void
count_queues(const struct masq_dp *dp, struct masq_port *port, const struct rte_eth_dev_info *info)
{
	bool tap = strcmp(port->driver, "net_tap") == 0;
	bool pairs = tap || strcmp(port->driver, "net_af_xdp") == 0;
	uint16_t workers = strcmp(port->driver, "net_memif") == 0 ? 1 : (uint16_t)dp->n_workers;

	port->rx_queues = RTE_MIN(workers, info->max_rx_queues);
	if (!port->hardware_rss && !tap && info->max_rx_queues <= MASQ_MAX_WORKERS)
		port->rx_queues = info->max_rx_queues;
	port->tx_queues = RTE_MIN(workers, info->max_tx_queues);
	if (pairs)
		port->tx_queues = port->rx_queues;
	port->rx_queues = RTE_MAX(port->rx_queues, 1);
	port->tx_queues = RTE_MAX(port->tx_queues, 1);
}

/*
 * Decide which worker transmits. If each has a queue, each transmits for itself. Otherwise queue q
 * belongs to worker q + the number of the port, so that ports with one queue do not all fall to
 * worker 0.
 */
static void
assign_tx(const struct masq_dp *dp, struct masq_port *port)
{
	uint32_t n = dp->n_workers, shift = (uint32_t)(port - dp->ports) % n;

	if (port->tx_queues >= n)
		shift = 0;
	for (uint32_t w = 0; w < n; w++) {
		uint32_t q = (w + n - shift) % n % port->tx_queues;

		port->tx_queue[w] = (uint16_t)q;
		port->tx_worker[w] = (uint8_t)((q + shift) % n);
	}
}

static int
set_mtu(const struct masq_dp *dp, struct masq_port *port, struct masq_err *err)
{
	char text[96];
	int ret;

	if (rte_eth_dev_get_mtu(port->ethdev, &port->mtu) != 0 || port->mtu == 0)
		port->mtu = RTE_ETHER_MTU;
	if (port->conf.mtu == 0 || port->conf.mtu == port->mtu)
		return 0;
	ret = rte_eth_dev_set_mtu(port->ethdev, port->conf.mtu);
	/* A device that cannot set its MTU still works with a smaller one of ours. */
	if (ret != 0 && port->conf.mtu > port->mtu) {
		snprintf(text, sizeof(text), "the device refuses mtu %u (%s); its own is %u",
				port->conf.mtu, rte_strerror(-ret), port->mtu);
		return fail(dp, port, err, -ret, text);
	}
	port->mtu = port->conf.mtu;
	return 0;
}

static int
setup_queues(const struct masq_dp *dp, struct masq_port *port, const struct rte_eth_dev_info *info,
		struct masq_err *err)
{
	struct rte_eth_txconf txconf = info->default_txconf;
	char text[128];
	int ret = 0;

	port->rx_descriptors = port->conf.rx_descriptors != 0 ? port->conf.rx_descriptors
							      : DESCRIPTORS;
	port->tx_descriptors = port->conf.tx_descriptors != 0 ? port->conf.tx_descriptors
							      : DESCRIPTORS;
	ret = rte_eth_dev_adjust_nb_rx_tx_desc(
			port->ethdev, &port->rx_descriptors, &port->tx_descriptors);
	for (uint16_t q = 0; ret == 0 && q < port->rx_queues; q++)
		ret = rte_eth_rx_queue_setup(port->ethdev, q, port->rx_descriptors,
				(unsigned int)port->socket_id, NULL, port->pool);
	for (uint16_t q = 0; ret == 0 && q < port->tx_queues; q++)
		ret = rte_eth_tx_queue_setup(port->ethdev, q, port->tx_descriptors,
				(unsigned int)port->socket_id, &txconf);
	if (ret == 0)
		return 0;
	snprintf(text, sizeof(text), "the device refuses %u receive and %u transmit queues: %s%s",
			port->rx_queues, port->tx_queues, rte_strerror(-ret),
			ret == -EBUSY ? " (another process uses the device)" : "");
	return fail(dp, port, err, -ret, text);
}

int
masq_port_configure(struct masq_dp *dp, struct masq_port *port, struct masq_err *err)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	int ret = rte_eth_dev_info_get(port->ethdev, &info);

	if (ret != 0)
		return fail(dp, port, err, -ret, "the device does not report its properties");
	count_queues(dp, port, &info);
	assign_tx(dp, port);
	/* DPDK resets the MTU to the default here unless it is told. */
	if (port->conf.mtu == 0 && port->mtu >= info.min_mtu && port->mtu <= info.max_mtu)
		conf.rxmode.mtu = port->mtu;
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	if (port->hardware_rss) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
		conf.rx_adv_conf.rss_conf.rss_key = dp->rss->key;
		conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
		conf.rx_adv_conf.rss_conf.rss_hf = RSS_WANTED & info.flow_type_rss_offloads;
	}
	/* Reassembled datagrams consist of several buffers. */
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	port->takes_chains = conf.txmode.offloads != 0;
	ret = rte_eth_dev_configure(port->ethdev, port->rx_queues, port->tx_queues, &conf);
	if (ret != 0)
		return fail(dp, port, err, -ret, "the device refuses its configuration");
	ret = set_mtu(dp, port, err);
	return ret != 0 ? ret : setup_queues(dp, port, &info, err);
}

/* Repeat our table in the device's, which may be longer but never shorter. */
static int
set_reta(const struct masq_dp *dp, const struct masq_port *port)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port->ethdev, &info);

	if (ret != 0)
		return ret;
	if (info.reta_size > RTE_ETH_RSS_RETA_SIZE_512)
		return -ENOTSUP;
	memset(reta, 0, sizeof(reta));
	for (uint32_t i = 0; i < info.reta_size; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= UINT64_C(1) << (i % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] =
				dp->rss->table[i & (dp->rss->table_size - 1)];
	}
	return rte_eth_dev_rss_reta_update(port->ethdev, reta, info.reta_size);
}

int
masq_port_start(struct masq_dp *dp, struct masq_port *port, struct masq_err *err)
{
	char text[96];
	int ret = rte_eth_dev_start(port->ethdev);

	if (ret != 0) {
		snprintf(text, sizeof(text), "the device does not start: %s", rte_strerror(-ret));
		return fail(dp, port, err, -ret, text);
	}
	port->started = true;
	/* Without our table packets still reach their owners, by software. */
	if (port->hardware_rss && set_reta(dp, port) != 0)
		port->hardware_rss = false;
	return 0;
}

void
masq_port_stop(struct masq_port *port)
{
	if (port->started)
		rte_eth_dev_stop(port->ethdev);
	port->started = false;
}

void
masq_port_close(struct masq_port *port)
{
	struct rte_eth_dev_info info;

	masq_port_stop(port);
	if (!port->plugged || rte_eth_dev_info_get(port->ethdev, &info) != 0)
		return;
	rte_eth_dev_close(port->ethdev);
	rte_dev_remove(info.device);
	port->plugged = false;
}
