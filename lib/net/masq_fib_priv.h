/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FIB_PRIV_H
#define MASQ_FIB_PRIV_H

/**
 * @file
 * What the files that build and check a forwarding table share. Control thread only.
 */

#include <stddef.h>
#include <stdint.h>

#include <masq_fib.h>

#define MASQ_FIB_NO_ROUTE UINT32_MAX

enum masq_fib_kind {
	MASQ_FIB_KIND_NONE = 0, /* hop 0 without a default route; masq_fib_hop_route() knows */
	MASQ_FIB_KIND_OWN, /* the order matters: of equal prefixes the first kind comes first */
	MASQ_FIB_KIND_BROADCAST,
	MASQ_FIB_KIND_LINK,
	MASQ_FIB_KIND_GATEWAY,
};

struct masq_fib_entry {
	uint32_t addr; /* host bits are zero */
	uint8_t len;
	uint8_t kind;
	uint8_t port; /* of MASQ_FIB_KIND_GATEWAY valid once it is resolved */
	uint32_t gateway; /* of MASQ_FIB_KIND_GATEWAY */
	uint32_t route; /* index of the static route; MASQ_FIB_NO_ROUTE: the entry is from a port */
	uint32_t hop;
};

/* What the steps of building pass on. */
struct masq_fib_build {
	const struct masq_conf_port *ports;
	uint32_t n_ports;
	const struct masq_conf_route *routes;
	uint32_t n_routes;
	struct masq_fib_entry *entries;
	uint32_t n_entries;
	struct masq_fib_entry **via; /* those of MASQ_FIB_KIND_GATEWAY, sorted by gateway */
	uint32_t n_via;
	struct masq_fib *fib;
	uint32_t culprit; /* the route that was refused; undefined while none is */
	struct masq_err *err;
};

/** @return upper bound of the number of entries that ports and routes can make, plus one */
static inline size_t
masq_fib_entries_most(uint32_t n_ports, uint32_t n_routes)
{
	/* own, link and two broadcast entries for each address, and one gateway a port */
	return (size_t)n_ports * (MASQ_CONF_ADDRESSES_MAX * 4 + 1) + n_routes + 1;
}

/**
 * Make one entry for every prefix that ports and routes answer for, shortest prefix first.
 *
 * @param b	in: ports, routes, err; entries with room for all (four per address, one per port for
 *	its gateway, one per route); n_entries 0. Out: entries, n_entries; on failure culprit
 * @return 0; -EINVAL, -EEXIST with the sentence: an impossible value, or a contradiction
 */
int masq_fib_entries_make(struct masq_fib_build *b);

/**
 * May a route go through its gateway? If so, the entry gets the port that leads to it.
 *
 * @param b	in: ports, routes, err; out on failure: culprit
 * @param e	in/out: the route's entry, MASQ_FIB_KIND_GATEWAY
 * @param way	the way to the gateway by ports and routes without gateway; NULL: none
 * @return 0; -ENETUNREACH, -EINVAL with the sentence
 */
int masq_fib_gateway_settle(struct masq_fib_build *b, struct masq_fib_entry *e,
		const struct masq_fib_route *way);

#endif /* MASQ_FIB_PRIV_H */
