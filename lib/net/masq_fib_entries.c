/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The first half of building a forwarding table: from the ports and the static routes to a sorted
 *	list of prefixes without contradictions. masq_fib.c makes the table of it.
 * Words
 *	entry	one prefix that the table answers for
 *	link	"directly connected": the next hop is the destination itself
 *	own	an address of the box, a /32
 *	broadcast	also a /32: the last address and the network address of a connected network (a
 *		/31 has none, RFC 3021, and neither has a /32)
 * How
 *	Shortest prefix first, so that a later entry overwrites only what is its own. Of equal
 *	prefixes that of a port comes before that of a route, and the kinds come in their order. All
 *	but the first must be harmless (nested networks that share their last address); else they are
 *	refused with a sentence that names both sides.
 * Data and who owns it
 *	struct masq_fib_build is the caller's, with the array that the entries go into.
 * Threads
 *	The control thread.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf_names.h>

#include "masq_fib_priv.h"

/* ---------------------------------------------------------------- ports and routes */

static uint32_t
network_of(struct masq_ip4_prefix prefix)
{
	return prefix.addr & masq_ip4_mask(prefix.len);
}

static struct masq_fib_entry *
add_entry(struct masq_fib_build *b, uint32_t addr, unsigned int len, enum masq_fib_kind kind,
		uint32_t port)
{
	struct masq_fib_entry *e = &b->entries[b->n_entries++];

	*e = (struct masq_fib_entry){
		.addr = addr & masq_ip4_mask(len),
		.len = (uint8_t)len,
		.kind = (uint8_t)kind,
		.port = (uint8_t)port,
		.route = MASQ_FIB_NO_ROUTE,
	};
	return e;
}

static int
add_address(struct masq_fib_build *b, uint32_t port, struct masq_ip4_prefix a)
{
	const char *name = b->ports[port].name;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];
	uint32_t first, last;

	if (a.len == 0 || a.len > 32)
		return masq_err_set(b->err, EINVAL,
				"port %s: the prefix length of an address is 1 to 32, not %u", name,
				a.len);
	first = network_of(a);
	last = first | ~masq_ip4_mask(a.len);
	if (a.len <= 30 && (a.addr == first || a.addr == last))
		return masq_err_set(b->err, EINVAL,
				"port %s: %s is the %s address of its own network, not a host",
				name, masq_ip4_prefix_text(a, text),
				a.addr == first ? "network" : "broadcast");
	add_entry(b, a.addr, 32, MASQ_FIB_KIND_OWN, port);
	if (a.len < 32)
		add_entry(b, first, a.len, MASQ_FIB_KIND_LINK, port);
	if (a.len <= 30) {
		add_entry(b, first, 32, MASQ_FIB_KIND_BROADCAST, port);
		add_entry(b, last, 32, MASQ_FIB_KIND_BROADCAST, port);
	}
	return 0;
}

static int
add_port(struct masq_fib_build *b, uint32_t index)
{
	const struct masq_conf_port *port = &b->ports[index];

	if (port->n_addresses > MASQ_CONF_ADDRESSES_MAX)
		return masq_err_set(b->err, EINVAL, "port %s: %u addresses, at most %u can be had",
				port->name, port->n_addresses, MASQ_CONF_ADDRESSES_MAX);
	for (uint32_t i = 0; i < port->n_addresses; i++) {
		int rc = add_address(b, index, port->address[i]);

		if (rc != 0)
			return rc;
	}
	if (port->gateway != 0)
		add_entry(b, 0, 0, MASQ_FIB_KIND_GATEWAY, index)->gateway = port->gateway;
	return 0;
}

static uint32_t
find_port(const struct masq_fib_build *b, const char *name)
{
	for (uint32_t i = 0; i < b->n_ports; i++) {
		if (strncmp(b->ports[i].name, name, sizeof(b->ports[i].name)) == 0)
			return i;
	}
	return UINT32_MAX;
}

static void
port_names(const struct masq_fib_build *b, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < b->n_ports && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
				b->ports[i].name);
}

static int
add_route(struct masq_fib_build *b, uint32_t index)
{
	const struct masq_conf_route *r = &b->routes[index];
	char text[MASQ_IP4_PREFIX_TEXT_BYTES], names[MASQ_CONF_PORTS_MAX * 18];
	uint32_t port = 0;
	struct masq_fib_entry *e;

	masq_conf_route_text(r->dst, text);
	if (r->dst.len > 32)
		return masq_err_set(b->err, EINVAL, "route %s: the prefix length is 0 to 32", text);
	if (r->port[0] != '\0') {
		port = find_port(b, r->port);
		port_names(b, names, sizeof(names));
		if (port == UINT32_MAX)
			return masq_err_set(b->err, EINVAL,
					"route %s: there is no port %.*s (ports: %s)", text,
					MASQ_CONF_NAME_BYTES, r->port, names);
		if (b->ports[port].n_addresses == 0)
			return masq_err_set(b->err, EINVAL,
					"route %s: port %s has no address to speak from", text,
					b->ports[port].name);
	} else if (r->gateway == 0) {
		return masq_err_set(b->err, EINVAL, "route %s: needs a gateway or a port", text);
	}
	e = add_entry(b, r->dst.addr, r->dst.len,
			r->gateway != 0 ? MASQ_FIB_KIND_GATEWAY : MASQ_FIB_KIND_LINK, port);
	e->gateway = r->gateway;
	e->route = index;
	return 0;
}

/* ---------------------------------------------------------------- contradictions */

/* Shortest prefix first, so that a later entry overwrites only what is its own. */
static int
compare_entries(const void *left, const void *right)
{
	const struct masq_fib_entry *a = left, *b = right;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if ((a->route == MASQ_FIB_NO_ROUTE) != (b->route == MASQ_FIB_NO_ROUTE))
		return a->route == MASQ_FIB_NO_ROUTE ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->port != b->port ? (a->port < b->port ? -1 : 1) : 0;
}

static int
refuse_route(struct masq_fib_build *b, const struct masq_fib_entry *keep,
		const struct masq_fib_entry *e)
{
	const char *name = b->ports[keep->port].name;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];

	b->culprit = e->route;
	masq_conf_route_text((struct masq_ip4_prefix){ e->addr, e->len }, text);
	if (keep->route != MASQ_FIB_NO_ROUTE)
		return masq_err_set(b->err, EEXIST, "route %s is there twice", text);
	if (keep->kind == MASQ_FIB_KIND_GATEWAY)
		return masq_err_set(b->err, EEXIST,
				"route %s: the gateway of port %s is the default route already",
				text, name);
	return masq_err_set(b->err, EEXIST, "route %s: this is the %s of port %s", text,
			keep->kind == MASQ_FIB_KIND_OWN ? "own address"
					: keep->kind == MASQ_FIB_KIND_BROADCAST
					? "broadcast or network address"
					: "connected network",
			name);
}

/* May @p e exist beside @p keep, which has the same prefix? 0: yes, and keep is what counts. */
static int
check_equal(struct masq_fib_build *b, const struct masq_fib_entry *keep,
		const struct masq_fib_entry *e)
{
	const char *name = b->ports[e->port].name, *other = b->ports[keep->port].name;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];

	if (e->route != MASQ_FIB_NO_ROUTE)
		return refuse_route(b, keep, e);
	masq_ip4_prefix_text((struct masq_ip4_prefix){ e->addr, e->len }, text);
	if (e->kind == MASQ_FIB_KIND_OWN)
		return masq_err_set(b->err, EEXIST, "port %s: port %s has the address %s already",
				name, other, text);
	if (e->kind == MASQ_FIB_KIND_GATEWAY)
		return masq_err_set(b->err, EEXIST,
				"port %s: port %s has a gateway already; there is one default route",
				name, other);
	if (e->kind == MASQ_FIB_KIND_LINK && e->port != keep->port)
		return masq_err_set(b->err, EEXIST, "port %s: port %s is in network %s too", name,
				other, text);
	return 0;
}

/* Sort, refuse contradictions, keep one entry per prefix. */
static int
settle_entries(struct masq_fib_build *b)
{
	uint32_t kept = 0;

	if (b->n_entries > 0)
		qsort(b->entries, b->n_entries, sizeof(b->entries[0]), compare_entries);
	for (uint32_t i = 0; i < b->n_entries; i++) {
		struct masq_fib_entry *e = &b->entries[i];
		struct masq_fib_entry *keep = kept > 0 ? &b->entries[kept - 1] : NULL;

		if (keep != NULL && keep->len == e->len && keep->addr == e->addr) {
			int rc = check_equal(b, keep, e);

			if (rc != 0)
				return rc;
		} else {
			b->entries[kept++] = *e;
		}
	}
	b->n_entries = kept;
	return 0;
}

int
masq_fib_entries_make(struct masq_fib_build *b)
{
	int rc = 0;

	b->culprit = MASQ_FIB_NO_ROUTE;
	for (uint32_t i = 0; i < b->n_ports && rc == 0; i++)
		rc = add_port(b, i);
	for (uint32_t i = 0; i < b->n_routes && rc == 0; i++) {
		rc = add_route(b, i);
		b->culprit = rc != 0 ? i : MASQ_FIB_NO_ROUTE;
	}
	return rc == 0 ? settle_entries(b) : rc;
}

/* ---------------------------------------------------------------- gateways */

int
masq_fib_gateway_settle(struct masq_fib_build *b, struct masq_fib_entry *e,
		const struct masq_fib_route *way)
{
	char gw[MASQ_IP4_TEXT_BYTES], dst[MASQ_IP4_PREFIX_TEXT_BYTES], who[64];
	const bool is_fixed = e->route == MASQ_FIB_NO_ROUTE || b->routes[e->route].port[0] != '\0';

	b->culprit = e->route;
	masq_ip4_text(e->gateway, gw);
	masq_conf_route_text((struct masq_ip4_prefix){ e->addr, e->len }, dst);
	if (e->route == MASQ_FIB_NO_ROUTE)
		snprintf(who, sizeof(who), "port %s", b->ports[e->port].name);
	else
		snprintf(who, sizeof(who), "route %s", dst);
	if (way == NULL)
		return masq_err_set(b->err, ENETUNREACH,
				"%s: gateway %s is in no connected network; a gateway lies in the "
				"network of a port's address",
				who, gw);
	if (way->is_local || way->is_broadcast)
		return masq_err_set(b->err, EINVAL, "%s: gateway %s is %s of port %s", who, gw,
				way->is_local ? "an own address"
					      : "the broadcast or network address",
				b->ports[way->port].name);
	if (is_fixed && way->port != e->port)
		return masq_err_set(b->err, EINVAL, "%s: gateway %s is reached by port %s, not %s",
				who, gw, b->ports[way->port].name, b->ports[e->port].name);
	e->port = way->port;
	return 0;
}
