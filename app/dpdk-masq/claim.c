/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One appliance per interface.
 *
 * The kernel lets any number of programs open an interface with a packet socket, so two daemons
 * with two start files could serve the same port unnoticed: both would answer ARP, both would
 * translate. So a daemon claims the interfaces and devices of its ports before it opens anything.
 *
 * A claim is a Unix socket with an abstract name. Such names belong to the network namespace, as
 * interfaces do, and the kernel releases them however the daemon ends. A daemon that finds a name
 * taken connects to it and learns from the kernel which process holds it. Nobody accepts these
 * connections, and each stays in the socket's queue after it is closed; so the queue is as long as
 * the kernel allows.
 *
 * PCI devices are claimed by their address; a DPDK driver refuses a second owner too, but later and
 * with a message of its own. Devices without an interface or address (net_null, net_ring) are not
 * claimed.
 *
 * Some drivers serve a Unix socket in the file system, which remains when the daemon is killed, and
 * do not start while it exists. So such a socket is removed beforehand, if no program serves it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <masq_ctl.h>

#include "daemon.h"

/* The part of the name after "dpdk-masq/": two daemons in one namespace must not use the same. */
static size_t
claim_key(const char *device, const char **key)
{
	const size_t len = masq_conf_device_interface(device, key);

	if (len > 0 || strchr(device, ':') == NULL)
		return len;
	*key = device;
	return strcspn(device, ",");
}

static socklen_t
claim_address(const char *key, size_t len, struct sockaddr_un *addr)
{
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "dpdk-masq/%.*s", (int)len,
			key);
	if (n > (int)sizeof(addr->sun_path) - 2)
		n = (int)sizeof(addr->sun_path) - 2;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* @return process that holds the name, 0: unknown */
static pid_t
owner(const struct sockaddr_un *addr, socklen_t addr_len)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)addr, addr_len) != 0 ||
			getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		cred.pid = 0;
	close(fd);
	return cred.pid;
}

static void
say_taken(const struct masq_conf_port *port, const char *key, size_t len, pid_t pid,
		struct masq_err *err)
{
	char who[32] = "";

	if (pid != 0)
		snprintf(who, sizeof(who), " (pid %d)", (int)pid);
	masq_err_set(err, EBUSY, "[port %s]: %.*s is already served by another dpdk-masq%s",
			port->name, (int)len, key, who);
}

static int
claim_port(const struct masq_conf_start *start, const struct masq_conf_port *port,
		struct masq_err *err)
{
	struct sockaddr_un addr;
	socklen_t addr_len;
	const char *key;
	const size_t len = claim_key(port->device, &key);
	int fd, ret = 0;

	if (len == 0)
		return 0;
	addr_len = claim_address(key, len, &addr);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Never closed: the claim ends with the process. */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, addr_len) != 0 ||
			listen(fd, SOMAXCONN) != 0)
		ret = -errno;
	if (ret == -EADDRINUSE)
		say_taken(port, key, len, owner(&addr, addr_len), err);
	else if (ret != 0)
		masq_err_set(err, -ret, "[port %s]: cannot claim %.*s: %s", port->name, (int)len,
				key, strerror(-ret));
	if (ret == 0)
		return 0;
	if (fd >= 0)
		close(fd);
	masq_err_prefix(err, "%s:%d: ", start->file, port->device_line);
	return ret;
}

static bool
says(const char *device, const char *key, const char *wanted)
{
	const char *value;
	const size_t len = masq_conf_device_value(device, key, &value);

	return len == strlen(wanted) && memcmp(value, wanted, len) == 0;
}

/* The socket that the driver of a port serves. @return length of its path; 0: none */
static size_t
served_socket(const char *device, const char **path)
{
	if (strncmp(device, "net_vhost", 9) == 0 && !says(device, "client", "1"))
		return masq_conf_device_value(device, "iface", path);
	if (strncmp(device, "net_virtio_user", 15) == 0 && says(device, "server", "1"))
		return masq_conf_device_value(device, "path", path);
	if (strncmp(device, "net_memif", 9) == 0 && says(device, "socket-abstract", "no") &&
			(says(device, "role", "server") || says(device, "role", "master")))
		return masq_conf_device_value(device, "socket", path);
	return 0;
}

static int
free_socket(const struct masq_conf_start *start, const struct masq_conf_port *port,
		struct masq_err *err)
{
	char path[MASQ_CONF_DEVICE_BYTES];
	const char *at;
	const size_t len = served_socket(port->device, &at);
	int ret;

	if (len == 0)
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)len, at);
	ret = masq_ctl_socket_remove_stale(path);
	if (ret == 0)
		return 0;
	if (ret == -EADDRINUSE)
		masq_err_set(err, EADDRINUSE, "[port %s]: another program serves %s", port->name,
				path);
	else
		masq_err_set(err, -ret, "[port %s]: cannot remove the old socket %s: %s",
				port->name, path, strerror(-ret));
	masq_err_prefix(err, "%s:%d: ", start->file, port->device_line);
	return ret;
}

int
masq_daemon_claim(const struct masq_conf_start *start, struct masq_err *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < start->n_ports; i++)
		ret = claim_port(start, &start->port[i], err);
	for (uint32_t i = 0; ret == 0 && i < start->n_ports; i++)
		ret = free_socket(start, &start->port[i], err);
	return ret;
}
