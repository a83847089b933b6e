/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the start file: one table.
 *
 * What it is. One row per key: section, key, how the value is read and where it is stored, its
 * range, the accepted values in words, its default, and a sentence for the documentation. The
 * parser, the error sentences and the documentation are all driven by the table, so a key cannot be
 * accepted and undocumented. A default is written as a value and goes through the same reader.
 *
 * A reader gets the place that its row names inside the struct of the section: struct
 * masq_conf_start, struct masq_conf_port of the last port, or struct masq_conf_timeouts. It writes
 * its own sentence only when that can be more precise than "accepted: ...".
 *
 * Relative paths of rule files are relative to the folder of the start file, so that a folder with
 * both can be moved as a whole.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "masq_conf_start.h"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

struct row;

typedef int (*read_fn)(const struct row *row, struct masq_conf_start *start, void *place,
		const char *value, struct masq_err *err);

struct row {
	struct masq_conf_key doc;
	read_fn read;
	size_t offset; /* of the value in the struct of the section */
	uint32_t low, high; /* range; for texts high is the size of the array, bytes */
};

/* ---------------------------------------------------------------- readers */

static int
refuse(const struct row *row, const char *value, struct masq_err *err)
{
	return masq_err_set(err, EINVAL, "%s = %.128s is not accepted; accepted: %s", row->doc.key,
			value, row->doc.accepted);
}

static int
read_text(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	(void)start;
	if (strlen(value) >= row->high)
		return masq_err_set(err, EINVAL, "%s = %.64s... is too long; accepted: %s",
				row->doc.key, value, row->doc.accepted);
	strcpy(place, value);
	return 0;
}

static int
read_rules(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	const char *slash = strrchr(start->file, '/');
	int folder = value[0] != '/' && slash != NULL ? (int)(slash + 1 - start->file) : 0;

	if ((size_t)folder + strlen(value) >= row->high)
		return masq_err_set(err, EINVAL, "%s = %.*s%.64s... is too long; accepted: %s",
				row->doc.key, folder, start->file, value, row->doc.accepted);
	memcpy(place, start->file, (size_t)folder);
	strcpy((char *)place + folder, value);
	return 0;
}

static int
read_number32(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	uint32_t number;

	(void)start;
	if (masq_conf_number(value, row->low, row->high, &number) != 0)
		return refuse(row, value, err);
	memcpy(place, &number, sizeof(number));
	return 0;
}

static int
read_number16(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	uint32_t number;
	uint16_t half;

	(void)start;
	if (masq_conf_number(value, row->low, row->high, &number) != 0)
		return refuse(row, value, err);
	half = (uint16_t)number;
	memcpy(place, &half, sizeof(half));
	return 0;
}

static int
read_yes_no(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	bool yes = strcmp(value, "yes") == 0;

	(void)start;
	if (!yes && strcmp(value, "no") != 0)
		return refuse(row, value, err);
	memcpy(place, &yes, sizeof(yes));
	return 0;
}

static int
read_idle(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	enum masq_conf_idle idle = MASQ_IDLE_POLL;

	(void)start;
	if (strcmp(value, "sleep") == 0)
		idle = MASQ_IDLE_SLEEP;
	else if (strcmp(value, "poll") != 0)
		return refuse(row, value, err);
	memcpy(place, &idle, sizeof(idle));
	return 0;
}

static int
read_cores(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	int n = masq_start_cpus_count(value, err);

	return n < 0 ? n : read_text(row, start, place, value, err);
}

/* Read "LOW-HIGH" into masq_port_low and the field after it. */
static int
read_masq_ports(const struct row *row, struct masq_conf_start *start, void *place,
		const char *value, struct masq_err *err)
{
	const char *dash = strchr(value, '-');
	uint32_t low, high;
	char first[8];

	(void)place;
	if (dash == NULL || (size_t)(dash - value) >= sizeof(first))
		return refuse(row, value, err);
	snprintf(first, sizeof(first), "%.*s", (int)(dash - value), value);
	if (masq_conf_number(first, row->low, row->high, &low) != 0 ||
			masq_conf_number(dash + 1, low, row->high, &high) != 0)
		return refuse(row, value, err);
	start->masq_port_low = (uint16_t)low;
	start->masq_port_high = (uint16_t)high;
	return 0;
}

static bool
is_unicast(uint32_t addr)
{
	return addr >> 24 != 0 && addr >> 24 != 127 && addr < MASQ_IP4(224, 0, 0, 0);
}

static int
address_add(struct masq_conf_port *port, const char *text, struct masq_err *err)
{
	struct masq_ip4_prefix address;
	uint32_t host_bits;

	if (strchr(text, '/') == NULL || masq_ip4_prefix_parse(text, &address) != 0 ||
			address.len == 0)
		return masq_err_set(err, EINVAL,
				"address = %.64s is not accepted; accepted: A.B.C.D/LEN, LEN 1-32, as in 192.168.1.1/24",
				text);
	host_bits = ~masq_ip4_mask(address.len);
	if (!is_unicast(address.addr))
		return masq_err_set(
				err, EINVAL, "address = %s cannot be the address of a port", text);
	if (address.len <= 30 &&
			((address.addr & host_bits) == 0 ||
					(address.addr & host_bits) == host_bits))
		return masq_err_set(err, EINVAL,
				"address = %s is the %s address of its network, not that of a port",
				text, (address.addr & host_bits) == 0 ? "network" : "broadcast");
	for (uint32_t i = 0; i < port->n_addresses; i++)
		if (port->address[i].addr == address.addr)
			return masq_err_set(err, EINVAL, "address = %s appears twice in [port %s]",
					text, port->name);
	if (port->n_addresses == MASQ_CONF_ADDRESSES_MAX)
		return masq_err_set(err, EINVAL, "[port %s] has more than %d addresses", port->name,
				MASQ_CONF_ADDRESSES_MAX);
	port->address[port->n_addresses++] = address;
	return 0;
}

static int
read_addresses(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	struct masq_conf_port *port = &start->port[start->n_ports - 1];
	const char *whole = value;
	char text[64];

	(void)place;
	for (;;) {
		size_t len = strcspn(value, ",");
		size_t skip = strspn(value, " \t");
		size_t used = len;

		while (used > skip && strchr(" \t", value[used - 1]) != NULL)
			used--;
		if (used <= skip || used - skip >= sizeof(text))
			return refuse(row, whole, err);
		snprintf(text, sizeof(text), "%.*s", (int)(used - skip), value + skip);
		if (address_add(port, text, err) != 0)
			return -EINVAL;
		if (value[len] == '\0')
			return 0;
		value += len + 1;
	}
}

static int
read_gateway(const struct row *row, struct masq_conf_start *start, void *place, const char *value,
		struct masq_err *err)
{
	uint32_t addr;

	(void)start;
	if (masq_ip4_parse(value, &addr) != 0)
		return refuse(row, value, err);
	if (!is_unicast(addr))
		return masq_err_set(err, EINVAL, "gateway = %s cannot be the address of a router",
				value);
	memcpy(place, &addr, sizeof(addr));
	return 0;
}

/* ---------------------------------------------------------------- the table */

/* clang-format off */
#define KEY(key, section, reader, field, low, high, accepted, fallback, help) \
	{ { #section, key, accepted, fallback, help }, reader, \
	  offsetof(SECTION_##section, field), low, high },
#define SECTION_daemon struct masq_conf_start
#define SECTION_port struct masq_conf_port
#define TIMEOUT(field, word, seconds) \
	{ { "timeouts", word, "1-" TEXT(MASQ_CONF_TIMEOUT_MAX_S) " (seconds)", #seconds, \
	    "Seconds without a packet after which a session in this state ends." }, \
	  read_number32, offsetof(struct masq_conf_timeouts, field##_s), 1, \
	  MASQ_CONF_TIMEOUT_MAX_S },

static const struct row rows[] = {
	KEY("socket", daemon, read_text, socket, 0, MASQ_CONF_PATH_BYTES,
		"a path of at most 107 characters", "/run/dpdk-masq/control.sock",
		"Unix socket that dpdk-masq-cli talks to.")
	KEY("socket-group", daemon, read_text, socket_group, 0, 32,
		"a group name of at most 31 characters", "",
		"Group that may use the socket besides root.")
	KEY("workers", daemon, read_number32, workers, 1, MASQ_MAX_WORKERS,
		"1-" TEXT(MASQ_MAX_WORKERS), "1",
		"Worker threads; without it, one for each CPU of cores.")
	KEY("cores", daemon, read_cores, cores, 0, 64,
		"a CPU list such as 1-2 or 2,4", "",
		"CPUs that the workers are pinned to, one per worker; without it, they are not pinned.")
	KEY("sessions", daemon, read_number32, sessions, 1024, 16777216,
		"1024-16777216", "262144",
		"Most sessions that can exist at a time, of all workers together.")
	KEY("rules", daemon, read_rules, rules, 0, MASQ_CONF_PATH_BYTES,
		"a path of at most 107 characters", "",
		"Rule file to load at start; a relative path is relative to the folder of this file.")
	KEY("memory", daemon, read_number32, memory_mb, 64, 1048576,
		"64-1048576 (MB)", "512",
		"Memory for packets, tables and queues. Hugepages come from the NUMA nodes of cores.")
	KEY("hugepages", daemon, read_yes_no, hugepages, 0, 0,
		"yes, no", "yes",
		"Take the memory from hugepages; no is for machines without them.")
	KEY("idle", daemon, read_idle, idle, 0, 0,
		"poll, sleep", "poll",
		"What a worker without packets does: keep polling (on a dedicated CPU), or sleep adaptively.")
	KEY("masq-ports", daemon, read_masq_ports, masq_port_low, 1, 65535,
		"LOW-HIGH within 1-65535", "1024-65535",
		"Ports of the outside address that are given to masqueraded sessions.")
	KEY("mbufs", daemon, read_number32, mbufs, 1024, 16777216,
		"1024-16777216", "",
		"Packet buffers of all workers together, divided among the NUMA nodes that have "
		"ports; without it, derived from the numbers of ports and workers.")

	KEY("device", port, read_text, device, 1, MASQ_CONF_DEVICE_BYTES,
		"a PCI address such as 0000:65:00.0, or a DPDK device string such as "
		"net_af_packet0,iface=lan0", "",
		"Device of the port; every port needs one.")
	KEY("address", port, read_addresses, address, 0, 0,
		"A.B.C.D/LEN, several separated by commas", "",
		"Address and network of the port; the first is the primary one. May be given several times.")
	KEY("gateway", port, read_gateway, gateway, 0, 0,
		"an address A.B.C.D in a network of the port", "",
		"Router behind this port that the default route leads to.")
	KEY("mtu", port, read_number16, mtu, 68, 9600,
		"68-9600 (bytes)", "",
		"Largest IP packet; without it, the MTU of the device.")
	KEY("vlan", port, read_number16, vlan, 1, 4094,
		"1-4094", "",
		"VLAN tag that the frames of the port carry; without it, untagged frames only.")
	KEY("rx-descriptors", port, read_number16, rx_descriptors, 32, 32768,
		"32-32768", "",
		"Receive descriptors per queue; without it, 1024 or as near as the device allows.")
	KEY("tx-descriptors", port, read_number16, tx_descriptors, 32, 32768,
		"32-32768", "",
		"Transmit descriptors per queue; without it, 1024 or as near as the device allows.")

	MASQ_CONF_TIMEOUT_LIST(TIMEOUT)
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(N_ROWS <= MASQ_CONF_KEYS_MAX, "more keys than lines can be remembered for");

static const char *const section_names[] = {
	[MASQ_START_NONE] = "",
	[MASQ_START_DAEMON] = "daemon",
	[MASQ_START_PORT] = "port",
	[MASQ_START_TIMEOUTS] = "timeouts",
};

const struct masq_conf_key *
masq_conf_start_key(unsigned int index)
{
	return index < N_ROWS ? &rows[index].doc : NULL;
}

static void *
row_place(const struct row *row, struct masq_conf_start *start)
{
	char *base = (char *)start;

	if (strcmp(row->doc.section, "port") == 0)
		base = (char *)&start->port[start->n_ports - 1];
	else if (strcmp(row->doc.section, "timeouts") == 0)
		base = (char *)&start->timeouts;
	return base + row->offset;
}

void
masq_start_section_default(struct masq_conf_start *start, enum masq_start_section section)
{
	for (unsigned int i = 0; i < N_ROWS; i++)
		if (strcmp(rows[i].doc.section, section_names[section]) == 0 &&
				rows[i].doc.fallback[0] != '\0')
			rows[i].read(&rows[i], start, row_place(&rows[i], start),
					rows[i].doc.fallback, NULL);
}

int
masq_start_key_set(struct masq_conf_start *start, unsigned int key, const char *value,
		struct masq_err *err)
{
	const struct row *row = &rows[key];

	if (value[0] == '\0')
		return masq_err_set(err, EINVAL, "%s has no value; accepted: %s", row->doc.key,
				row->doc.accepted);
	return row->read(row, start, row_place(row, start), value, err);
}

int
masq_start_key_find(const struct masq_conf_start *start, enum masq_start_section section,
		const char *name, struct masq_err *err)
{
	char accepted[MASQ_ERR_TEXT_BYTES / 2] = "";
	size_t len = 0;

	for (unsigned int i = 0; i < N_ROWS; i++) {
		if (strcmp(rows[i].doc.section, section_names[section]) != 0)
			continue;
		if (strcmp(rows[i].doc.key, name) == 0)
			return (int)i;
		if (len < sizeof(accepted))
			len += (size_t)snprintf(accepted + len, sizeof(accepted) - len, "%s%s",
					len == 0 ? "" : ", ", rows[i].doc.key);
	}
	return masq_err_set(err, EINVAL, "unknown key '%.64s' in [%s%s%s]; accepted: %s", name,
			section_names[section], section == MASQ_START_PORT ? " " : "",
			section == MASQ_START_PORT ? start->port[start->n_ports - 1].name : "",
			accepted);
}

void
masq_start_line_note(struct masq_conf_start *start, enum masq_start_section section,
		unsigned int key, int line)
{
	struct masq_conf_port *port;

	if (section != MASQ_START_PORT) {
		start->key_line[key] = line;
		return;
	}
	port = &start->port[start->n_ports - 1];
	if (strcmp(rows[key].doc.key, "device") == 0)
		port->device_line = line;
	else if (strcmp(rows[key].doc.key, "gateway") == 0)
		port->gateway_line = line;
	for (uint32_t i = port->n_addresses; i-- > 0 && port->address_line[i] == 0;)
		port->address_line[i] = line;
}

/* @return number of a key of [daemon] or [timeouts]; N_ROWS: there is none */
static unsigned int
find_key(const char *key)
{
	unsigned int i = 0;

	while (i < N_ROWS &&
			(strcmp(rows[i].doc.section, section_names[MASQ_START_PORT]) == 0 ||
					strcmp(rows[i].doc.key, key) != 0))
		i++;
	return i;
}

int
masq_conf_start_line(const struct masq_conf_start *start, const char *key)
{
	const unsigned int i = find_key(key);

	return i < N_ROWS ? start->key_line[i] : 0;
}

int
masq_conf_start_blame(const struct masq_conf_start *start, const char *key, const char *other,
		int ret, struct masq_err *err)
{
	const unsigned int i = find_key(key);
	int line = masq_conf_start_line(start, key);

	if (line == 0 && i < N_ROWS && rows[i].doc.fallback[0] != '\0')
		masq_err_prefix(err, "%s is not set in [%s], so it is %s: ", key,
				rows[i].doc.section, rows[i].doc.fallback);
	if (line == 0 && other != NULL)
		line = masq_conf_start_line(start, other);
	if (line > 0)
		masq_err_prefix(err, "%s:%d: ", start->file, line);
	else
		masq_err_prefix(err, "%s: ", start->file);
	return ret;
}

bool
masq_start_key_repeats(unsigned int key)
{
	return rows[key].read == read_addresses;
}
