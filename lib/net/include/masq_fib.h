/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FIB_H
#define MASQ_FIB_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include <masq_conf.h>
#include <masq_err.h>

/**
 * @file
 * The forwarding table: by which port and next hop does a packet to a destination leave, and is the
 * destination the box itself? Immutable once built; part of the snapshot that the control thread
 * publishes and all workers read. Longest prefix match by rte_fib over connected networks, static
 * routes and the box's own addresses.
 *
 * A table costs 16 MB (32 MB beyond 126 possible next hops or 125 blocks of 256 addresses with long
 * prefixes) and some 10 ms to build. So it is reference-counted: snapshots whose addresses and routes
 * did not change share one by masq_fib_ref().
 */

struct masq_fib;

/** What the table says of a destination. */
struct masq_fib_route {
	bool is_local; /**< one of the box's own addresses; port is the one that has it */
	bool is_broadcast; /**< broadcast or network address of a connected network */
	uint8_t port; /**< index into the ports of the appliance: where packets leave */
	uint32_t next_hop; /**< host order: gateway, or the destination itself if connected */
	uint32_t preferred_src; /**< host order: source address that the box itself would use: the
				 * first of the port whose network holds next_hop, else its first */
};

/**
 * Build a table. Control thread; needs EAL.
 *
 * Of equal prefixes an own address beats the broadcast address of another network; every other
 * pair (two default routes, a route to a connected network, one network on two ports) is refused.
 * A gateway must lie in a connected network or in a static route without gateway, and must be neither
 * an own nor a broadcast address. A port without addresses is accepted until a route needs it.
 *
 * @param ports	n_ports (at most MASQ_CONF_PORTS_MAX) ports, their addresses and gateways
 * @param routes	n_routes static routes
 * @param socket_id	NUMA node of the memory
 * @param err	out: names the route and port at fault
 * @return the table, to be freed by masq_fib_destroy(); NULL: err is filled in (gateway not in a
 *	connected network, unknown port, memory), and rte_errno says which kind (ENOMEM: memory)
 */
struct masq_fib *masq_fib_create(const struct masq_conf_port *ports, uint32_t n_ports,
		const struct masq_conf_route *routes, uint32_t n_routes, int socket_id,
		struct masq_err *err);

/**
 * Would masq_fib_create() refuse these routes? Any thread; needs neither EAL nor memory for a table.
 *
 * @param culprit	out, on failure: index of the route at fault; n_routes: no route is at fault
 * @param err	out: the sentence that masq_fib_create() would give
 * @return 0; -ENETUNREACH, -EINVAL, -EEXIST, -ENOMEM
 */
int masq_fib_check(const struct masq_conf_port *ports, uint32_t n_ports,
		const struct masq_conf_route *routes, uint32_t n_routes, uint32_t *culprit,
		struct masq_err *err);

/** Add a reference: the next snapshot uses the same table. @return @p fib */
struct masq_fib *masq_fib_ref(struct masq_fib *fib);

/** Drop a reference; the last one frees the table, which no worker may read then. NULL is fine. */
void masq_fib_destroy(struct masq_fib *fib);

/**
 * Look one destination up. Any thread; no lock; a few memory reads.
 *
 * @param dst	host order
 * @param route	out: untouched when there is no route
 * @return 0, -ENETUNREACH
 */
int masq_fib_lookup(const struct masq_fib *fib, uint32_t dst, struct masq_fib_route *route);

/**
 * What the table says of all destinations with the same answer. What differs between them is left out:
 * the next hop of all but gateways, and the preferred source of own addresses, are the destination
 * itself. Masks say which, not flags: the kind of the next packet is unpredictable, so a branch would
 * be mispredicted.
 */
struct masq_fib_hop {
	struct masq_fib_route route; /**< 0 where the destination is to be filled in */
	uint32_t dst_is_next_hop; /**< all bits, or 0 */
	uint32_t dst_is_source; /**< all bits, or 0 */
	uint8_t kind; /**< private to lib/net; 0: there is no route */
	uint8_t departure; /**< route.port, or MASQ_FIB_STAYS */
};

#define MASQ_FIB_STAYS UINT8_MAX /**< nothing leaves: no route, an own or a broadcast address */
static_assert(MASQ_CONF_PORTS_MAX < MASQ_FIB_STAYS, "no port has that number");

/**
 * Look up several destinations; their cache misses overlap.
 *
 * @param dst	n destinations, host order
 * @param hops	out: n indices into masq_fib_hops()
 */
void
masq_fib_lookup_burst(const struct masq_fib *fib, uint32_t *dst, uint64_t *hops, unsigned int n);

/** @return the hops of a table, by index; they live as long as the table */
const struct masq_fib_hop *masq_fib_hops(const struct masq_fib *fib);

/** @return the next hop of packets to @p dst; meaningless when there is no route */
static inline uint32_t
masq_fib_hop_next(const struct masq_fib_hop *hop, uint32_t dst)
{
	return hop->route.next_hop | (hop->dst_is_next_hop & dst);
}

/** What masq_fib_lookup() would say of @p dst. @return false: there is no route */
static inline bool
masq_fib_hop_route(const struct masq_fib_hop *hop, uint32_t dst, struct masq_fib_route *route)
{
	*route = hop->route;
	route->next_hop = masq_fib_hop_next(hop, dst);
	route->preferred_src |= hop->dst_is_source & dst;
	return hop->kind != 0;
}

/** @return true when @p addr (host order) is one of the box's own addresses */
bool masq_fib_is_local(const struct masq_fib *fib, uint32_t addr);

/** @return true when @p addr is an own address of port @p port (ARP answers for it there) */
bool masq_fib_is_local_on(const struct masq_fib *fib, uint32_t addr, uint8_t port);

#define MASQ_FIB_SPECIAL_BITS 16384

/**
 * A Bloom filter with one hash of the special addresses: own ones, and the broadcast and network
 * addresses of connected networks.
 */
struct masq_fib_special {
	uint64_t bits[MASQ_FIB_SPECIAL_BITS / 64];
};

/** @return the filter of a table; lives as long as the table */
const struct masq_fib_special *masq_fib_special(const struct masq_fib *fib);

static inline uint32_t
masq_fib_special_bit(uint32_t addr)
{
	return addr * UINT32_C(0x9e3779b1) / (UINT32_MAX / MASQ_FIB_SPECIAL_BITS + 1);
}

/** @return false: @p addr (host order) is a plain address; true: it may be a special one, look it up */
static inline bool
masq_fib_maybe_special(const struct masq_fib_special *special, uint32_t addr)
{
	uint32_t bit = masq_fib_special_bit(addr);

	return (special->bits[bit / 64] >> bit % 64 & 1) != 0;
}

/** One row of "route show". */
struct masq_fib_row {
	struct masq_ip4_prefix dst; /**< host bits are zero */
	uint32_t gateway; /**< host order, 0: connected */
	uint8_t port;
	bool is_static; /**< by "route add" or the gateway of a port; else connected */
};

/**
 * The table as rows, longest prefix first, the default route last; own and broadcast addresses are
 * not listed.
 *
 * @return number of all rows, however few were copied
 * @param first	row to start with
 * @param rows	out: at most @p max rows
 */
uint32_t
masq_fib_rows(const struct masq_fib *fib, uint32_t first, struct masq_fib_row *rows, uint32_t max);

#endif /* MASQ_FIB_H */
