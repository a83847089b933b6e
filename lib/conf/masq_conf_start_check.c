/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start file as a whole: what cannot be checked line by line.
 *
 * What it is. Run when all lines are read: every port has a device of its own; no address and no
 * network is on two ports (a destination would have two routes); a gateway is a neighbour, and
 * there is one default route; "cores" names as many CPUs as there are workers. Sentences name the
 * line of the later port.
 *
 * Several addresses of one network on one port are fine: that is how a box has many.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "masq_conf_start.h"

int
masq_start_cpus_count(const char *list, struct masq_err *err)
{
	bool named[MASQ_START_CPUS_MAX] = { false };
	const char *at = list;
	int n = 0;

	for (;;) {
		char *end;
		unsigned long low, high;

		if (*at < '0' || *at > '9')
			break;
		low = high = strtoul(at, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			high = strtoul(end + 1, &end, 10);
		if (low > high || high >= MASQ_START_CPUS_MAX)
			break;
		for (unsigned long cpu = low; cpu <= high; cpu++) {
			if (named[cpu])
				return masq_err_set(err, EINVAL,
						"cores = %.64s names CPU %lu twice", list, cpu);
			named[cpu] = true;
			n++;
		}
		if (*end == '\0')
			return n;
		if (*end != ',')
			break;
		at = end + 1;
		at += strspn(at, " \t");
	}
	return masq_err_set(err, EINVAL,
			"cores = %.64s is not a CPU list; accepted: numbers and ranges below %d, such as 1-2 or 2,4",
			list, MASQ_START_CPUS_MAX);
}

static bool
prefixes_overlap(struct masq_ip4_prefix a, struct masq_ip4_prefix b)
{
	const uint32_t mask = masq_ip4_mask(a.len < b.len ? a.len : b.len);

	return ((a.addr ^ b.addr) & mask) == 0;
}

/* Put "FILE:LINE: " in front of the sentence. */
static int
blame(const struct masq_conf_start *start, int line, struct masq_err *err)
{
	masq_err_prefix(err, "%s:%d: ", start->file, line);
	return -EINVAL;
}

static int
networks_check(const struct masq_conf_start *start, const struct masq_conf_port *port,
		const struct masq_conf_port *earlier, struct masq_err *err)
{
	char one[MASQ_IP4_PREFIX_TEXT_BYTES], other[MASQ_IP4_PREFIX_TEXT_BYTES];

	for (uint32_t i = 0; i < port->n_addresses; i++)
		for (uint32_t k = 0; k < earlier->n_addresses; k++) {
			if (!prefixes_overlap(port->address[i], earlier->address[k]))
				continue;
			masq_ip4_prefix_text(port->address[i], one);
			masq_ip4_prefix_text(earlier->address[k], other);
			if (port->address[i].addr == earlier->address[k].addr)
				masq_err_set(err, EINVAL,
						"address %s of [port %s] is also that of [port %s]",
						one, port->name, earlier->name);
			else
				masq_err_set(err, EINVAL,
						"the network of address %s of [port %s] overlaps that of %s of [port %s]",
						one, port->name, other, earlier->name);
			return blame(start, port->address_line[i], err);
		}
	return 0;
}

static int
gateway_check(const struct masq_conf_port *port, struct masq_err *err)
{
	char text[MASQ_IP4_TEXT_BYTES];
	bool connected = false;

	masq_ip4_text(port->gateway, text);
	for (uint32_t i = 0; i < port->n_addresses; i++) {
		const struct masq_ip4_prefix own = port->address[i];
		const uint32_t host_bits = ~masq_ip4_mask(own.len);

		if (own.addr == port->gateway)
			return masq_err_set(err, EINVAL,
					"gateway %s of [port %s] is the port's own address", text,
					port->name);
		if (((own.addr ^ port->gateway) & ~host_bits) != 0)
			continue;
		if (own.len <= 30 &&
				((port->gateway & host_bits) == 0 ||
						(port->gateway & host_bits) == host_bits))
			return masq_err_set(err, EINVAL,
					"gateway %s of [port %s] is the %s address of its network",
					text, port->name,
					(port->gateway & host_bits) == 0 ? "network" : "broadcast");
		connected = true;
	}
	if (!connected)
		return masq_err_set(err, EINVAL,
				"gateway %s of [port %s] is in none of the port's networks", text,
				port->name);
	return 0;
}

size_t
masq_conf_device_value(const char *device, const char *key, const char **value)
{
	const size_t len = strlen(key);

	*value = strchr(device, ',');
	while (*value != NULL && (strncmp(*value + 1, key, len) != 0 || (*value)[1 + len] != '='))
		*value = strchr(*value + 1, ',');
	if (*value == NULL)
		return 0;
	*value += 1 + len + 1;
	return strcspn(*value, ",");
}

size_t
masq_conf_device_interface(const char *device, const char **name)
{
	return masq_conf_device_value(device, "iface", name);
}

/* Do two devices use the same kernel interface, whatever else their strings say? */
static bool
same_interface(const char *device, const char *other)
{
	const char *name, *other_name;
	const size_t len = masq_conf_device_interface(device, &name);

	return len > 0 && masq_conf_device_interface(other, &other_name) == len &&
			memcmp(name, other_name, len) == 0;
}

/* Does DPDK know two devices by the same name, whatever their arguments are? */
static bool
same_name(const char *device, const char *other)
{
	const size_t len = strcspn(device, ",");

	return strcspn(other, ",") == len && memcmp(device, other, len) == 0;
}

/* Check what two ports must not have in common. */
static int
pair_check(const struct masq_conf_start *start, const struct masq_conf_port *port,
		const struct masq_conf_port *earlier, struct masq_err *err)
{
	const char *name;

	if (strcmp(earlier->device, port->device) == 0) {
		masq_err_set(err, EINVAL, "device %s of [port %s] is also that of [port %s]",
				port->device, port->name, earlier->name);
		return blame(start, port->device_line, err);
	}
	if (same_interface(port->device, earlier->device)) {
		const int len = (int)masq_conf_device_interface(port->device, &name);

		masq_err_set(err, EINVAL, "interface %.*s of [port %s] is also that of [port %s]",
				len, name, port->name, earlier->name);
		return blame(start, port->device_line, err);
	}
	if (same_name(port->device, earlier->device)) {
		masq_err_set(err, EINVAL,
				"device name %.*s of [port %s] is also that of [port %s]; each port needs one of "
				"its own, as in net_af_packet0 and net_af_packet1",
				(int)strcspn(port->device, ","), port->device, port->name,
				earlier->name);
		return blame(start, port->device_line, err);
	}
	if (earlier->gateway != 0 && port->gateway != 0) {
		masq_err_set(err, EINVAL,
				"[port %s] and [port %s] both have a gateway; there is only one default route",
				port->name, earlier->name);
		return blame(start, port->gateway_line, err);
	}
	return networks_check(start, port, earlier, err);
}

static int
port_check(const struct masq_conf_start *start, uint32_t index, struct masq_err *err)
{
	const struct masq_conf_port *port = &start->port[index];
	int ret = 0;

	if (port->device[0] == '\0') {
		masq_err_set(err, EINVAL,
				"[port %s] has no device; needed: device = a PCI address or a DPDK device string",
				port->name);
		return blame(start, port->line, err);
	}
	if (port->gateway != 0 && gateway_check(port, err) != 0)
		return blame(start, port->gateway_line, err);
	for (uint32_t i = 0; i < index && ret == 0; i++)
		ret = pair_check(start, port, &start->port[i], err);
	return ret;
}

static int
workers_check(struct masq_conf_start *start, struct masq_err *err)
{
	const bool workers_given = masq_conf_start_line(start, "workers") != 0;
	int n;

	if (start->cores[0] == '\0')
		return 0;
	n = masq_start_cpus_count(start->cores, err);
	if (n < 0)
		return n;
	if (!workers_given && n <= MASQ_MAX_WORKERS)
		start->workers = (uint32_t)n;
	if ((uint32_t)n != start->workers)
		return masq_err_set(err, EINVAL,
				"cores = %s names %d CPUs for %u workers; accepted: one CPU per worker, at most %d",
				start->cores, n, start->workers, MASQ_MAX_WORKERS);
	return 0;
}

int
masq_start_check(struct masq_conf_start *start, struct masq_err *err)
{
	int ret = 0;

	if (start->n_ports == 0) {
		masq_err_set(err, EINVAL, "no [port NAME] section; at least one is needed");
		masq_err_prefix(err, "%s: ", start->file);
		return -EINVAL;
	}
	if (workers_check(start, err) != 0)
		return blame(start, masq_conf_start_line(start, "cores"), err);
	for (uint32_t i = 0; i < start->n_ports && ret == 0; i++)
		ret = port_check(start, i, err);
	return ret;
}
