/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network interfaces of the kernel, which some drivers serve a port through.
 *
 * They must be there before the start. Later they may go down, lose their carrier, or be deleted: the
 * drivers do not notice, and net_af_packet reports its link as up for ever. So the kernel is asked to
 * tell of every change (rtnetlink), and what has become of the ports' interfaces is logged. An
 * interface is known by its index, which one that is made anew does not inherit, while one that was
 * renamed keeps it and goes on.
 *
 * Main thread only.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"

/* Write the interfaces of this network namespace as "eth0, lo". */
static void
interfaces_text(char text[MASQ_ERR_LIST_BYTES])
{
	struct if_nameindex *list = if_nameindex();

	text[0] = '\0';
	for (const struct if_nameindex *one = list; one != NULL && one->if_index != 0; one++)
		masq_err_list_add(text, one->if_name);
	if (list != NULL)
		if_freenameindex(list);
}

/* Drivers whose "iface" must already exist. Others create it (net_tap, net_virtio_user), or it is a
 * path (net_vhost); drivers unknown to us report errors themselves. */
static bool
needs_interface(const char *device)
{
	static const char *const drivers[] = { "net_af_packet", "eth_af_packet", "net_af_xdp",
		"net_pcap", "eth_pcap" };

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strncmp(device, drivers[i], strlen(drivers[i])) == 0)
			return true;
	return false;
}

/* @return flags of an interface; -1: they are not known, for want of a descriptor */
static int
interface_flags(const char *name)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };
	int flags = -1;

	if (fd < 0)
		return -1;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		flags = (uint16_t)request.ifr_flags;
	close(fd);
	return flags;
}

static void
warn(const struct masq_conf_start *start, const struct masq_conf_port *port, const char *name,
		const char *what)
{
	masq_log(MASQ_LOG_WARNING, "daemon", "%s:%d: [port %s]: %s %s", start->file,
			port->device_line, port->name, name, what);
}

static void
warn_of_down(const struct masq_conf_start *start, const struct masq_conf_port *port,
		const char *name)
{
	char what[128];

	snprintf(what, sizeof(what), "is down; no packets arrive before \"ip link set %s up\"",
			name);
	warn(start, port, name, what);
}

/* Copy the name of the kernel's interface that a port's driver needs. @return false: it needs none */
static bool
interface_of(const struct masq_conf_port *port, char name[IF_NAMESIZE])
{
	const char *key;
	const size_t len = masq_conf_device_interface(port->device, &key);

	if (len == 0 || !needs_interface(port->device))
		return false;
	snprintf(name, IF_NAMESIZE, "%.*s", (int)len, key);
	return true;
}

/* A plain "eth1": DPDK does not know kernel interfaces by name. Names of its own drivers are left
 * to it. */
static bool
is_bare_interface(const char *device)
{
	return strncmp(device, "net_", 4) != 0 && strncmp(device, "eth_", 4) != 0 &&
			if_nametoindex(device) != 0;
}

int
masq_daemon_check_interface(const struct masq_conf_start *start, const struct masq_conf_port *port,
		struct masq_err *err)
{
	char name[IF_NAMESIZE], there[MASQ_ERR_LIST_BYTES];
	const char *key;
	size_t len;

	if (is_bare_interface(port->device)) {
		masq_err_set(err, EINVAL,
				"[port %s]: %s is a network interface of the kernel; accepted: "
				"net_af_packet0,iface=%s, or the PCI address of a card bound to a DPDK driver",
				port->name, port->device, port->device);
		masq_err_prefix(err, "%s:%d: ", start->file, port->device_line);
		return -EINVAL;
	}
	if (!interface_of(port, name))
		return 0;
	len = masq_conf_device_interface(port->device, &key);
	if (len < sizeof(name) && if_nametoindex(name) != 0) {
		/* Drivers open it all the same, and net_af_packet reports its link as up. */
		if ((interface_flags(name) & IFF_UP) == 0)
			warn_of_down(start, port, name);
		return 0;
	}
	interfaces_text(there);
	masq_err_set(err, ENODEV, "[port %s]: there is no network interface %.*s; accepted: %s",
			port->name, (int)len, key, there);
	masq_err_prefix(err, "%s:%d: ", start->file, port->device_line);
	return -ENODEV;
}

/* ---------------------------------------------------------------- while the daemon serves */

/* @param before	what it was, if nothing is known */
static enum masq_interface_state
state_of(unsigned int index, enum masq_interface_state before, char name[IF_NAMESIZE])
{
	int flags;

	if (if_indextoname(index, name) == NULL)
		return errno == ENXIO ? MASQ_INTERFACE_GONE : before;
	flags = interface_flags(name);
	if (flags < 0)
		return before;
	if ((flags & IFF_UP) == 0)
		return MASQ_INTERFACE_DOWN;
	return (flags & IFF_RUNNING) == 0 ? MASQ_INTERFACE_NO_CARRIER : MASQ_INTERFACE_UP;
}

static void
tell(const struct masq_conf_start *start, const struct masq_conf_port *port, const char *name,
		enum masq_interface_state state)
{
	switch (state) {
	case MASQ_INTERFACE_UP:
		masq_log(MASQ_LOG_NOTICE, "daemon", "[port %s]: %s is up", port->name, name);
		break;
	case MASQ_INTERFACE_NO_CARRIER:
		warn(start, port, name, "has no carrier");
		break;
	case MASQ_INTERFACE_DOWN:
		warn_of_down(start, port, name);
		break;
	case MASQ_INTERFACE_GONE:
		warn(start, port, name, "is gone; if there is one again, restart the daemon");
		break;
	}
}

int
masq_daemon_interfaces_watch(struct masq_interfaces *watch, const struct masq_conf_start *start)
{
	const struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	char name[IF_NAMESIZE];

	*watch = (struct masq_interfaces){ .start = start };
	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (watch->fd < 0)
		return -1;
	if (bind(watch->fd, (const struct sockaddr *)&links, sizeof(links)) != 0) {
		masq_daemon_interfaces_end(watch);
		return -1;
	}
	for (uint32_t i = 0; i < start->n_ports; i++)
		if (interface_of(&start->port[i], name)) {
			watch->index[i] = if_nametoindex(name);
			if (watch->index[i] == 0) /* deleted while the daemon started */
				tell(start, &start->port[i], name, MASQ_INTERFACE_GONE);
			watch->state[i] = state_of(watch->index[i], MASQ_INTERFACE_UP, name);
		}
	return watch->fd;
}

void
masq_daemon_interfaces_look(struct masq_interfaces *watch)
{
	const struct masq_conf_start *start = watch->start;
	char told[8192], name[IF_NAMESIZE];
	ssize_t bytes;

	/* What it says does not matter, and some of it may be lost: all interfaces are asked. */
	do
		bytes = recv(watch->fd, told, sizeof(told), 0);
	while (bytes > 0 || (bytes < 0 && errno == ENOBUFS));
	for (uint32_t i = 0; i < start->n_ports; i++) {
		enum masq_interface_state state;

		if (watch->index[i] == 0 || !interface_of(&start->port[i], name))
			continue;
		state = state_of(watch->index[i], watch->state[i], name);
		if (state != watch->state[i])
			tell(start, &start->port[i], name, state);
		watch->state[i] = state;
	}
}

void
masq_daemon_interfaces_end(struct masq_interfaces *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}
