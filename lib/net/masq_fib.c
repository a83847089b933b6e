/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The forwarding table: longest prefix match from a destination to a hop. Built in one go from
 *	the ports and the static routes, never changed, freed when its last owner lets go.
 * Words
 *	entry	one prefix that the table answers for, while it is being built
 *	link	"directly connected": the next hop is the destination itself
 *	hop	the answer; entries with the same answer share one. Hop 0 is what is said when
 *		nothing matched: nothing, or the default route. So the default route costs no entry.
 *	own	an address of the box, a /32; broadcast: likewise the last and the network address
 *		of a connected network (a /31 has none, RFC 3021, and neither has a /32)
 * Why rte_fib and not rte_lpm
 *	Both are the same structure (16 million slots for the first 24 bits, groups of 256 behind).
 *	rte_lpm spends 4 bytes a slot whatever is in it, 64 MB, rte_fib 1 byte up to 127 hops, 16
 *	MB; old and new live side by side while routes change, and small machines give the program
 *	512 MB in all. Measured on a Zen 4 core, 4 KB pages: lookup in cache 3 cycles (lpm), 12
 *	(fib); destinations all over the address space 30-80 either way; creating and freeing a
 *	table of 100 routes 1 ms (lpm), 0.5 ms (fib); the first time, when the kernel has to find
 *	the pages, 170 ms and 13 ms. Packets of a session need no lookup at all.
 * Data and who owns it
 *	struct masq_fib owns the rte_fib, the hops and the rows. Owners are counted: snapshots that
 *	differ in rules only share the table.
 * Life cycle
 *	ports -> own, broadcast, link entries; routes -> link and gateway entries; sort; refuse
 *	contradictions; fill the rte_fib with everything that is link; ask that for the gateways;
 *	add what goes through gateways.
 * Threads
 *	Built and freed by the control thread; read by all workers without a lock. The count is
 *	atomic because the last owner may be let go by whichever thread ends the grace period.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_fib.h>
#include <rte_malloc.h>

#include <masq_fib.h>

#define HOPS_1BYTE 127 /* what one byte can hold besides the bit that says "see the group" */
#define HOPS_2BYTE 32767 /* the same for two */
#define GROUPS_SPARE 2 /* rte_fib wants to see one more free group than it takes */
#define NO_ROUTE UINT32_MAX

enum kind {
	KIND_NONE, /* hop 0 without a default route */
	KIND_OWN, /* the order matters: of equal prefixes the first kind stands first */
	KIND_BROADCAST,
	KIND_LINK,
	KIND_GATEWAY,
};

/* One line of cache holds five; read by workers. */
struct hop {
	uint32_t gateway; /* host order, KIND_GATEWAY only */
	uint32_t preferred_src; /* host order; of KIND_OWN it is the destination */
	uint8_t port;
	uint8_t kind;
};

struct masq_fib {
	struct rte_fib *table;
	struct hop *hops;
	uint32_t n_hops;
	uint32_t n_rows;
	struct masq_fib_row *rows;
	atomic_uint owners;
	struct masq_fib_special special;
};

struct entry {
	uint32_t addr; /* host bits are zero */
	uint8_t len;
	uint8_t kind;
	uint8_t port; /* KIND_GATEWAY: once it is resolved */
	uint32_t gateway; /* KIND_GATEWAY */
	uint32_t route; /* index of the static route, NO_ROUTE: from a port */
	uint32_t hop;
};

/* What the steps of building hand to each other. */
struct build {
	const struct masq_conf_port *ports;
	uint32_t n_ports;
	const struct masq_conf_route *routes;
	uint32_t n_routes;
	struct entry *entries;
	uint32_t n_entries;
	struct entry **via; /* the KIND_GATEWAY ones, sorted by gateway */
	uint32_t n_via;
	struct masq_fib *fib;
	struct masq_err *err;
};

/* ---------------------------------------------------------------- entries */

static uint32_t
network_of(struct masq_ip4_prefix prefix)
{
	return prefix.addr & masq_ip4_mask(prefix.len);
}

static bool
contains(struct masq_ip4_prefix net, uint32_t addr)
{
	return ((net.addr ^ addr) & masq_ip4_mask(net.len)) == 0;
}

static struct entry *
add_entry(struct build *b, uint32_t addr, unsigned int len, enum kind kind, uint32_t port)
{
	struct entry *e = &b->entries[b->n_entries++];

	*e = (struct entry){
		.addr = addr & masq_ip4_mask(len),
		.len = (uint8_t)len,
		.kind = (uint8_t)kind,
		.port = (uint8_t)port,
		.route = NO_ROUTE,
	};
	return e;
}

static int
add_address(struct build *b, uint32_t port, struct masq_ip4_prefix a)
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
	add_entry(b, a.addr, 32, KIND_OWN, port);
	if (a.len < 32)
		add_entry(b, first, a.len, KIND_LINK, port);
	if (a.len <= 30) {
		add_entry(b, first, 32, KIND_BROADCAST, port);
		add_entry(b, last, 32, KIND_BROADCAST, port);
	}
	return 0;
}

static int
add_port(struct build *b, uint32_t index)
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
		add_entry(b, 0, 0, KIND_GATEWAY, index)->gateway = port->gateway;
	return 0;
}

static uint32_t
find_port(const struct build *b, const char *name)
{
	for (uint32_t i = 0; i < b->n_ports; i++) {
		if (strncmp(b->ports[i].name, name, sizeof(b->ports[i].name)) == 0)
			return i;
	}
	return UINT32_MAX;
}

static void
port_names(const struct build *b, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < b->n_ports && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
				b->ports[i].name);
}

static int
add_route(struct build *b, uint32_t index)
{
	const struct masq_conf_route *r = &b->routes[index];
	char text[MASQ_IP4_PREFIX_TEXT_BYTES], names[MASQ_CONF_PORTS_MAX * 18];
	uint32_t port = 0;
	struct entry *e;

	masq_ip4_prefix_text(r->dst, text);
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
	e = add_entry(b, r->dst.addr, r->dst.len, r->gateway != 0 ? KIND_GATEWAY : KIND_LINK, port);
	e->gateway = r->gateway;
	e->route = index;
	return 0;
}

/* ---------------------------------------------------------------- contradictions */

/* Shortest prefix first, so that a later one only writes over what is its own. */
static int
compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if ((a->route == NO_ROUTE) != (b->route == NO_ROUTE))
		return a->route == NO_ROUTE ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->port != b->port ? (a->port < b->port ? -1 : 1) : 0;
}

static int
refuse_route(struct build *b, const struct entry *keep, const struct entry *e)
{
	const char *name = b->ports[keep->port].name;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];

	masq_ip4_prefix_text((struct masq_ip4_prefix){ e->addr, e->len }, text);
	if (keep->route != NO_ROUTE)
		return masq_err_set(b->err, EEXIST, "route %s is there twice", text);
	if (keep->kind == KIND_GATEWAY)
		return masq_err_set(b->err, EEXIST,
				"route %s: the gateway of port %s is the default route already",
				text, name);
	return masq_err_set(b->err, EEXIST, "route %s: this is the %s of port %s", text,
			keep->kind == KIND_OWN ? "own address"
					: keep->kind == KIND_BROADCAST
					? "broadcast or network address"
					: "connected network",
			name);
}

/* May @p e stand beside @p keep, which has the same prefix? 0: yes, and keep is what counts. */
static int
check_equal(struct build *b, const struct entry *keep, const struct entry *e)
{
	const char *name = b->ports[e->port].name, *other = b->ports[keep->port].name;
	char text[MASQ_IP4_PREFIX_TEXT_BYTES];

	if (e->route != NO_ROUTE)
		return refuse_route(b, keep, e);
	masq_ip4_prefix_text((struct masq_ip4_prefix){ e->addr, e->len }, text);
	if (e->kind == KIND_OWN)
		return masq_err_set(b->err, EEXIST, "port %s: port %s has the address %s already",
				name, other, text);
	if (e->kind == KIND_GATEWAY)
		return masq_err_set(b->err, EEXIST,
				"port %s: port %s has a gateway already; there is one default route",
				name, other);
	if (e->kind == KIND_LINK && e->port != keep->port)
		return masq_err_set(b->err, EEXIST, "port %s: port %s is in network %s too", name,
				other, text);
	return 0;
}

/* Sort, refuse contradictions, keep one entry of each prefix. */
static int
settle_entries(struct build *b)
{
	uint32_t kept = 0;

	if (b->n_entries > 0)
		qsort(b->entries, b->n_entries, sizeof(b->entries[0]), compare_entries);
	for (uint32_t i = 0; i < b->n_entries; i++) {
		struct entry *e = &b->entries[i];
		struct entry *keep = kept > 0 ? &b->entries[kept - 1] : NULL;

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

/* ---------------------------------------------------------------- hops */

/* First address of the port whose network holds the prefix addr/len, else the port's first. */
static uint32_t
source_for(const struct masq_conf_port *port, uint32_t addr, unsigned int len)
{
	for (uint32_t i = 0; i < port->n_addresses; i++) {
		if (port->address[i].len <= len && contains(port->address[i], addr))
			return port->address[i].addr;
	}
	return port->n_addresses > 0 ? port->address[0].addr : 0;
}

/* Index of this hop; hops without gateway are few (ports times addresses), so a walk is enough. */
static uint32_t
local_hop(struct masq_fib *fib, enum kind kind, uint8_t port, uint32_t src)
{
	for (uint32_t i = 1; i < fib->n_hops; i++) {
		const struct hop *h = &fib->hops[i];

		if (h->kind == kind && h->port == port && h->preferred_src == src)
			return i;
	}
	fib->hops[fib->n_hops] = (struct hop){
		.preferred_src = src,
		.port = port,
		.kind = (uint8_t)kind,
	};
	return fib->n_hops++;
}

/* Everything but what goes through gateways. */
static void
set_special(struct masq_fib_special *special, uint32_t addr)
{
	uint32_t bit = masq_fib_special_bit(addr);

	special->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

static int
install_local(struct build *b)
{
	struct masq_fib *fib = b->fib;

	for (uint32_t i = 0; i < b->n_entries; i++) {
		struct entry *e = &b->entries[i];
		uint32_t src = 0;

		if (e->kind == KIND_GATEWAY)
			continue;
		if (e->kind == KIND_OWN || e->kind == KIND_BROADCAST)
			set_special(&fib->special, e->addr);
		if (e->kind != KIND_OWN)
			src = source_for(&b->ports[e->port], e->addr, e->len);
		e->hop = local_hop(fib, e->kind, e->port, src);
		if (e->len == 0)
			continue; /* waits for the gateways, which it must not answer for */
		if (rte_fib_add(fib->table, e->addr, e->len, e->hop) != 0)
			return masq_err_set(b->err, ENOMEM, "no memory for the forwarding table");
	}
	return 0;
}

/* Which port leads to a gateway? Only what is connected is in the table yet. */
static int
resolve_gateway(struct build *b, struct entry *e)
{
	char gw[MASQ_IP4_TEXT_BYTES], dst[MASQ_IP4_PREFIX_TEXT_BYTES], who[64];
	bool is_fixed = e->route == NO_ROUTE || b->routes[e->route].port[0] != '\0';
	struct masq_fib_route route;

	masq_ip4_text(e->gateway, gw);
	masq_ip4_prefix_text((struct masq_ip4_prefix){ e->addr, e->len }, dst);
	if (e->route == NO_ROUTE)
		snprintf(who, sizeof(who), "port %s", b->ports[e->port].name);
	else
		snprintf(who, sizeof(who), "route %s", dst);
	if (masq_fib_lookup(b->fib, e->gateway, &route) != 0)
		return masq_err_set(b->err, ENETUNREACH,
				"%s: gateway %s is in no connected network; a gateway lies in the "
				"network of a port's address",
				who, gw);
	if (route.is_local || route.is_broadcast)
		return masq_err_set(b->err, EINVAL, "%s: gateway %s is %s of port %s", who, gw,
				route.is_local ? "an own address"
					       : "the broadcast or network address",
				b->ports[route.port].name);
	if (is_fixed && route.port != e->port)
		return masq_err_set(b->err, EINVAL, "%s: gateway %s is reached by port %s, not %s",
				who, gw, b->ports[route.port].name, b->ports[e->port].name);
	e->port = route.port;
	return 0;
}

static int
resolve_gateways(struct build *b)
{
	struct masq_fib *fib = b->fib;

	for (uint32_t i = 0; i < b->n_via; i++) {
		struct entry *e = b->via[i];
		int rc = resolve_gateway(b, e);

		if (rc != 0)
			return rc;
		if (i == 0 || b->via[i - 1]->gateway != e->gateway)
			fib->hops[fib->n_hops++] = (struct hop){
				.gateway = e->gateway,
				.preferred_src = source_for(&b->ports[e->port], e->gateway, 32),
				.port = e->port,
				.kind = KIND_GATEWAY,
			};
		e->hop = fib->n_hops - 1;
	}
	return 0;
}

/* What goes through gateways, and the default route. */
static int
install_gateways(struct build *b)
{
	struct masq_fib *fib = b->fib;
	int rc = resolve_gateways(b);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < b->n_entries; i++) {
		const struct entry *e = &b->entries[i];

		if (e->len == 0)
			fib->hops[0] = fib->hops[e->hop];
		else if (e->kind == KIND_GATEWAY &&
				rte_fib_add(fib->table, e->addr, e->len, e->hop) != 0)
			return masq_err_set(b->err, ENOMEM, "no memory for the forwarding table");
	}
	return 0;
}

/* ---------------------------------------------------------------- building */

static int
compare_gateways(const void *left, const void *right)
{
	const struct entry *a = *(struct entry *const *)left, *b = *(struct entry *const *)right;

	return a->gateway != b->gateway ? (a->gateway < b->gateway ? -1 : 1) : 0;
}

static int
compare_blocks(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a != b ? (a < b ? -1 : 1) : 0;
}

/* Fill in @ref build.via. @return hops that the table may need, hop 0 included; -ENOMEM */
static int64_t
count_hops(struct build *b)
{
	uint32_t n_hops = 1;

	b->via = calloc(b->n_entries + 1, sizeof(struct entry *));
	if (b->via == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->n_entries; i++) {
		if (b->entries[i].kind == KIND_GATEWAY)
			b->via[b->n_via++] = &b->entries[i];
		else
			n_hops++;
	}
	qsort(b->via, b->n_via, sizeof(b->via[0]), compare_gateways);
	for (uint32_t i = 0; i < b->n_via; i++)
		n_hops += i == 0 || b->via[i]->gateway != b->via[i - 1]->gateway;
	return n_hops;
}

/* @return blocks of 256 addresses with a prefix longer than 24, each takes a group; -ENOMEM */
static int64_t
count_groups(const struct build *b)
{
	uint32_t n = 0, n_groups = 0, *block = calloc(b->n_entries + 1, sizeof(uint32_t));

	if (block == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->n_entries; i++) {
		if (b->entries[i].len > 24)
			block[n++] = b->entries[i].addr >> 8;
	}
	qsort(block, n, sizeof(block[0]), compare_blocks);
	for (uint32_t i = 0; i < n; i++)
		n_groups += i == 0 || block[i] != block[i - 1];
	free(block);
	return n_groups + GROUPS_SPARE;
}

static int
create_table(struct build *b, int socket_id)
{
	int64_t n_hops = count_hops(b), n_groups = count_groups(b);
	int64_t most = n_hops > n_groups ? n_hops : n_groups;
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.default_nh = 0,
		.max_routes = (int)b->n_entries + 1,
	};
	char name[32];

	if (n_hops < 0 || n_groups < 0)
		return masq_err_set(b->err, ENOMEM, "no memory for %u routes", b->n_entries);
	conf.dir24_8.nh_sz = most <= HOPS_1BYTE ? RTE_FIB_DIR24_8_1B
			: most <= HOPS_2BYTE    ? RTE_FIB_DIR24_8_2B
						: RTE_FIB_DIR24_8_4B;
	conf.dir24_8.num_tbl8 = (uint32_t)n_groups;
	/* rte_fib wants a name that nobody else has: our own address is one while we live. */
	snprintf(name, sizeof(name), "masq%p", (void *)b->fib);
	b->fib->hops = rte_zmalloc_socket("masq_fib_hops", (size_t)n_hops * sizeof(struct hop),
			RTE_CACHE_LINE_SIZE, socket_id);
	b->fib->n_hops = 1;
	b->fib->table = rte_fib_create(name, socket_id, &conf);
	if (b->fib->hops == NULL || b->fib->table == NULL)
		return masq_err_set(b->err, ENOMEM,
				"no memory for a forwarding table of %u prefixes (16 to 64 MB); "
				"\"memory\" in the start file says how much there is",
				b->n_entries);
	return 0;
}

static int
write_rows(struct build *b)
{
	struct masq_fib *fib = b->fib;

	fib->rows = calloc(b->n_entries + 1, sizeof(struct masq_fib_row));
	if (fib->rows == NULL)
		return masq_err_set(b->err, ENOMEM, "no memory for %u routes", b->n_entries);
	for (uint32_t i = b->n_entries; i-- > 0;) {
		const struct entry *e = &b->entries[i];

		if (e->kind != KIND_LINK && e->kind != KIND_GATEWAY)
			continue;
		fib->rows[fib->n_rows++] = (struct masq_fib_row){
			.dst = { e->addr, e->len },
			.gateway = e->gateway,
			.port = e->port,
			.is_static = e->kind == KIND_GATEWAY || e->route != NO_ROUTE,
		};
	}
	return 0;
}

static int
build_entries(struct build *b)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->n_ports && rc == 0; i++)
		rc = add_port(b, i);
	for (uint32_t i = 0; i < b->n_routes && rc == 0; i++)
		rc = add_route(b, i);
	return rc == 0 ? settle_entries(b) : rc;
}

static int
build_fib(struct build *b, int socket_id)
{
	int rc = build_entries(b);

	if (rc == 0)
		rc = create_table(b, socket_id);
	if (rc == 0)
		rc = install_local(b);
	if (rc == 0)
		rc = install_gateways(b);
	if (rc == 0)
		rc = write_rows(b);
	return rc;
}

struct masq_fib *
masq_fib_create(const struct masq_conf_port *ports, uint32_t n_ports,
		const struct masq_conf_route *routes, uint32_t n_routes, int socket_id,
		struct masq_err *err)
{
	struct build b = {
		.ports = ports,
		.n_ports = n_ports,
		.routes = routes,
		.n_routes = n_routes,
		.err = err,
	};
	/* own, link and two broadcast entries for each address, and one gateway a port */
	size_t most = (size_t)n_ports * (MASQ_CONF_ADDRESSES_MAX * 4 + 1) + n_routes;
	int rc;

	if (n_ports > MASQ_CONF_PORTS_MAX || n_routes > INT32_MAX / 4) {
		masq_err_set(err, EINVAL, "%u ports and %u routes are too many (at most %u ports)",
				n_ports, n_routes, MASQ_CONF_PORTS_MAX);
		return NULL;
	}
	b.entries = calloc(most + 1, sizeof(struct entry));
	b.fib = calloc(1, sizeof(struct masq_fib));
	if (b.entries == NULL || b.fib == NULL) {
		rc = masq_err_set(err, ENOMEM, "no memory for %u routes", n_routes);
	} else {
		atomic_init(&b.fib->owners, 1);
		rc = build_fib(&b, socket_id);
	}
	free(b.via);
	free(b.entries);
	if (rc != 0) {
		masq_fib_destroy(b.fib);
		return NULL;
	}
	return b.fib;
}

struct masq_fib *
masq_fib_ref(struct masq_fib *fib)
{
	atomic_fetch_add_explicit(&fib->owners, 1, memory_order_relaxed);
	return fib;
}

void
masq_fib_destroy(struct masq_fib *fib)
{
	if (fib == NULL || atomic_fetch_sub_explicit(&fib->owners, 1, memory_order_acq_rel) > 1)
		return;
	rte_fib_free(fib->table);
	rte_free(fib->hops);
	free(fib->rows);
	free(fib);
}

/* ---------------------------------------------------------------- reading */

static const struct hop *
hop_of(const struct masq_fib *fib, uint32_t dst)
{
	uint64_t index;

	rte_fib_lookup_bulk(fib->table, &dst, &index, 1);
	return &fib->hops[index];
}

static struct masq_fib_route
route_over(const struct hop *hop, uint32_t dst)
{
	return (struct masq_fib_route){
		.is_local = hop->kind == KIND_OWN,
		.is_broadcast = hop->kind == KIND_BROADCAST,
		.port = hop->port,
		.next_hop = hop->kind == KIND_GATEWAY ? hop->gateway : dst,
		.preferred_src = hop->kind == KIND_OWN ? dst : hop->preferred_src,
	};
}

int
masq_fib_lookup(const struct masq_fib *fib, uint32_t dst, struct masq_fib_route *route)
{
	const struct hop *hop = hop_of(fib, dst);

	if (hop->kind == KIND_NONE)
		return -ENETUNREACH;
	*route = route_over(hop, dst);
	return 0;
}

uint64_t
masq_fib_lookup_burst(const struct masq_fib *fib, uint32_t *dst, struct masq_fib_route *routes,
		unsigned int n)
{
	uint64_t index[MASQ_FIB_BURST], found = 0;

	assert(n <= MASQ_FIB_BURST);
	rte_fib_lookup_bulk(fib->table, dst, index, (int)n);
	for (unsigned int i = 0; i < n; i++) {
		const struct hop *hop = &fib->hops[index[i]];

		routes[i] = route_over(hop, dst[i]);
		found |= (uint64_t)(hop->kind != KIND_NONE) << i;
	}
	return found;
}

bool
masq_fib_is_local(const struct masq_fib *fib, uint32_t addr)
{
	return hop_of(fib, addr)->kind == KIND_OWN;
}

bool
masq_fib_is_local_on(const struct masq_fib *fib, uint32_t addr, uint8_t port)
{
	const struct hop *hop = hop_of(fib, addr);

	return hop->kind == KIND_OWN && hop->port == port;
}

uint32_t
masq_fib_rows(const struct masq_fib *fib, uint32_t first, struct masq_fib_row *rows, uint32_t max)
{
	for (uint32_t i = 0; i < max && first < fib->n_rows; i++)
		rows[i] = fib->rows[first++];
	return fib->n_rows;
}

const struct masq_fib_special *
masq_fib_special(const struct masq_fib *fib)
{
	return &fib->special;
}
