/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The forwarding table: longest prefix match from a destination to a hop. Built at once from the
 *	ports and the static routes, never changed, freed when its last owner drops its reference.
 * Words
 *	entry	one prefix that the table answers for, while it is being built: masq_fib_entries.c
 *	hop	the answer; entries with the same answer share one. Hop 0 is the answer if no entry
 *		matches: no route, or the default route. So the default route costs no entry.
 * Why rte_fib and not rte_lpm
 *	Both are the same structure (16 million slots for the first 24 bits, groups of 256 behind).
 *	rte_lpm always spends 4 bytes per slot, 64 MB; rte_fib 1 byte with up to 127 hops, 16
 *	MB; old and new live side by side while routes change, and small machines give the program
 *	512 MB in all. Measured on a Zen 4 core, 4 KB pages: lookup in cache 3 cycles (lpm), 12
 *	(fib); destinations all over the address space 30-80 either way; creating and freeing a
 *	table of 100 routes 1 ms (lpm), 0.5 ms (fib); the first time, when the kernel has to find
 *	the pages, 170 ms and 13 ms. Packets of a session need no lookup at all.
 * Data and who owns it
 *	struct masq_fib owns the rte_fib, the hops and the rows. It is reference-counted: snapshots that
 *	differ only in rules share the table.
 * Life cycle
 *	Ports and routes become sorted entries; all but those through gateways are put into the
 *	rte_fib; that is asked for the way to the gateways; the entries through gateways are added.
 * Threads
 *	Built and freed by the control thread; read by all workers without a lock. The reference count
 *	is atomic because the last reference may be dropped by any thread that ends the grace period.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_malloc.h>

#include <masq_fib.h>

#include "masq_fib_priv.h"

#define HOPS_1BYTE 127 /* what one byte can hold beside the bit that says "see the group" */
#define HOPS_2BYTE 32767 /* the same for two bytes */
#define GROUPS_SPARE 2 /* rte_fib demands one free group more than it takes */

struct masq_fib {
	struct rte_fib *table;
	struct masq_fib_hop *hops;
	uint32_t n_hops;
	uint32_t n_rows;
	struct masq_fib_row *rows;
	atomic_uint owners;
	struct masq_fib_special special;
};

/* ---------------------------------------------------------------- hops */

static bool
contains(struct masq_ip4_prefix net, uint32_t addr)
{
	return ((net.addr ^ addr) & masq_ip4_mask(net.len)) == 0;
}

/* First address of the port whose network contains the prefix addr/len, else the port's first. */
static uint32_t
source_for(const struct masq_conf_port *port, uint32_t addr, unsigned int len)
{
	for (uint32_t i = 0; i < port->n_addresses; i++) {
		if (port->address[i].len <= len && contains(port->address[i], addr))
			return port->address[i].addr;
	}
	return port->n_addresses > 0 ? port->address[0].addr : 0;
}

/* Index of this hop, which is added if it is new. Hops without gateway are few (ports times addresses),
 * so a linear search is enough. */
static uint32_t
local_hop(struct masq_fib *fib, enum masq_fib_kind kind, uint8_t port, uint32_t src)
{
	for (uint32_t i = 1; i < fib->n_hops; i++) {
		const struct masq_fib_hop *h = &fib->hops[i];

		if (h->kind == kind && h->route.port == port && h->route.preferred_src == src)
			return i;
	}
	fib->hops[fib->n_hops] = (struct masq_fib_hop){
		.route.is_local = kind == MASQ_FIB_KIND_OWN,
		.route.is_broadcast = kind == MASQ_FIB_KIND_BROADCAST,
		.route.preferred_src = src,
		.route.port = port,
		.dst_is_next_hop = UINT32_MAX,
		.dst_is_source = kind == MASQ_FIB_KIND_OWN ? UINT32_MAX : 0,
		.kind = (uint8_t)kind,
		.departure = kind == MASQ_FIB_KIND_LINK ? port : MASQ_FIB_STAYS,
	};
	return fib->n_hops++;
}

static void
set_special(struct masq_fib_special *special, uint32_t addr)
{
	uint32_t bit = masq_fib_special_bit(addr);

	special->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Install everything but entries through gateways. */
static int
install_local(struct masq_fib_build *b)
{
	struct masq_fib *fib = b->fib;

	for (uint32_t i = 0; i < b->n_entries; i++) {
		struct masq_fib_entry *e = &b->entries[i];
		uint32_t src = 0;

		if (e->kind == MASQ_FIB_KIND_GATEWAY)
			continue;
		if (e->kind == MASQ_FIB_KIND_OWN || e->kind == MASQ_FIB_KIND_BROADCAST)
			set_special(&fib->special, e->addr);
		if (e->kind != MASQ_FIB_KIND_OWN)
			src = source_for(&b->ports[e->port], e->addr, e->len);
		e->hop = local_hop(fib, e->kind, e->port, src);
		if (e->len == 0)
			continue; /* later: gateways must not be looked up through the default route */
		if (rte_fib_add(fib->table, e->addr, e->len, e->hop) != 0)
			return masq_err_set(b->err, ENOMEM, "no memory for the forwarding table");
	}
	return 0;
}

/* Which port leads to a gateway? Gateways and the default route are not in the table yet. So an
 * address is a next hop by one port only, whether as a gateway or as a destination on the link: the
 * same entries tell the port. The cache of next hops in lib/dp relies on that. */
static int
resolve_gateway(struct masq_fib_build *b, struct masq_fib_entry *e)
{
	struct masq_fib_route way;
	const bool is_found = masq_fib_lookup(b->fib, e->gateway, &way) == 0;

	return masq_fib_gateway_settle(b, e, is_found ? &way : NULL);
}

static int
resolve_gateways(struct masq_fib_build *b)
{
	struct masq_fib *fib = b->fib;

	for (uint32_t i = 0; i < b->n_via; i++) {
		struct masq_fib_entry *e = b->via[i];
		int rc = resolve_gateway(b, e);

		if (rc != 0)
			return rc;
		if (i == 0 || b->via[i - 1]->gateway != e->gateway)
			fib->hops[fib->n_hops++] = (struct masq_fib_hop){
				.route.next_hop = e->gateway,
				.route.preferred_src = source_for(
						&b->ports[e->port], e->gateway, 32),
				.route.port = e->port,
				.kind = MASQ_FIB_KIND_GATEWAY,
				.departure = e->port,
			};
		e->hop = fib->n_hops - 1;
	}
	return 0;
}

/* Install the entries through gateways, and the default route. */
static int
install_gateways(struct masq_fib_build *b)
{
	struct masq_fib *fib = b->fib;
	int rc = resolve_gateways(b);

	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < b->n_entries; i++) {
		const struct masq_fib_entry *e = &b->entries[i];

		if (e->len == 0)
			fib->hops[0] = fib->hops[e->hop];
		else if (e->kind == MASQ_FIB_KIND_GATEWAY &&
				rte_fib_add(fib->table, e->addr, e->len, e->hop) != 0)
			return masq_err_set(b->err, ENOMEM, "no memory for the forwarding table");
	}
	return 0;
}

/* ---------------------------------------------------------------- building */

static int
compare_gateways(const void *left, const void *right)
{
	const struct masq_fib_entry *a = *(struct masq_fib_entry *const *)left,
				    *b = *(struct masq_fib_entry *const *)right;

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
count_hops(struct masq_fib_build *b)
{
	uint32_t n_hops = 1;

	b->via = calloc(b->n_entries + 1, sizeof(struct masq_fib_entry *));
	if (b->via == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->n_entries; i++) {
		if (b->entries[i].kind == MASQ_FIB_KIND_GATEWAY)
			b->via[b->n_via++] = &b->entries[i];
		else
			n_hops++;
	}
	qsort(b->via, b->n_via, sizeof(b->via[0]), compare_gateways);
	for (uint32_t i = 0; i < b->n_via; i++)
		n_hops += i == 0 || b->via[i]->gateway != b->via[i - 1]->gateway;
	return n_hops;
}

/* @return number of blocks of 256 addresses with a prefix longer than 24, each of which takes a
 * group, and GROUPS_SPARE; -ENOMEM */
static int64_t
count_groups(const struct masq_fib_build *b)
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
create_table(struct masq_fib_build *b, int socket_id)
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
	/* rte_fib wants a unique name: our own address is one while we live. */
	snprintf(name, sizeof(name), "masq%p", (void *)b->fib);
	b->fib->hops = rte_zmalloc_socket("masq_fib_hops",
			(size_t)n_hops * sizeof(struct masq_fib_hop), RTE_CACHE_LINE_SIZE,
			socket_id);
	b->fib->n_hops = 1;
	b->fib->table = rte_fib_create(name, socket_id, &conf);
	if (b->fib->hops == NULL || b->fib->table == NULL)
		return masq_err_set(b->err, ENOMEM,
				"no memory for a forwarding table of %u prefixes (16 to 64 MB); [daemon] "
				"memory must be larger",
				b->n_entries);
	b->fib->hops[0].departure = MASQ_FIB_STAYS;
	return 0;
}

static int
write_rows(struct masq_fib_build *b)
{
	struct masq_fib *fib = b->fib;

	fib->rows = calloc(b->n_entries + 1, sizeof(struct masq_fib_row));
	if (fib->rows == NULL)
		return masq_err_set(b->err, ENOMEM, "no memory for %u routes", b->n_entries);
	for (uint32_t i = b->n_entries; i-- > 0;) {
		const struct masq_fib_entry *e = &b->entries[i];

		if (e->kind != MASQ_FIB_KIND_LINK && e->kind != MASQ_FIB_KIND_GATEWAY)
			continue;
		fib->rows[fib->n_rows++] = (struct masq_fib_row){
			.dst = { e->addr, e->len },
			.gateway = e->gateway,
			.port = e->port,
			.is_static = e->kind == MASQ_FIB_KIND_GATEWAY ||
					e->route != MASQ_FIB_NO_ROUTE,
		};
	}
	return 0;
}

static int
build_fib(struct masq_fib_build *b, int socket_id)
{
	int rc = masq_fib_entries_make(b);

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
	struct masq_fib_build b = {
		.ports = ports,
		.n_ports = n_ports,
		.routes = routes,
		.n_routes = n_routes,
		.err = err,
	};
	int rc;

	if (n_ports > MASQ_CONF_PORTS_MAX || n_routes > INT32_MAX / 4) {
		masq_err_set(err, EINVAL, "%u ports and %u routes are too many (at most %u ports)",
				n_ports, n_routes, MASQ_CONF_PORTS_MAX);
		rte_errno = EINVAL;
		return NULL;
	}
	b.entries = calloc(masq_fib_entries_most(n_ports, n_routes), sizeof(struct masq_fib_entry));
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
		rte_errno = -rc;
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

static const struct masq_fib_hop *
hop_of(const struct masq_fib *fib, uint32_t dst)
{
	uint64_t index;

	rte_fib_lookup_bulk(fib->table, &dst, &index, 1);
	return &fib->hops[index];
}

int
masq_fib_lookup(const struct masq_fib *fib, uint32_t dst, struct masq_fib_route *route)
{
	const struct masq_fib_hop *hop = hop_of(fib, dst);
	struct masq_fib_route found;

	if (!masq_fib_hop_route(hop, dst, &found))
		return -ENETUNREACH;
	*route = found;
	return 0;
}

void
masq_fib_lookup_burst(const struct masq_fib *fib, uint32_t *dst, uint64_t *hops, unsigned int n)
{
	rte_fib_lookup_bulk(fib->table, dst, hops, (int)n);
}

const struct masq_fib_hop *
masq_fib_hops(const struct masq_fib *fib)
{
	return fib->hops;
}

bool
masq_fib_is_local(const struct masq_fib *fib, uint32_t addr)
{
	return hop_of(fib, addr)->kind == MASQ_FIB_KIND_OWN;
}

bool
masq_fib_is_local_on(const struct masq_fib *fib, uint32_t addr, uint8_t port)
{
	const struct masq_fib_hop *hop = hop_of(fib, addr);

	return hop->kind == MASQ_FIB_KIND_OWN && hop->route.port == port;
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
