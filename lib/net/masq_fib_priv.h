/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FIB_PRIV_H
#define MASQ_FIB_PRIV_H

/**
 * @file
 * What the files that build and check a forwarding table hand to each other. Control thread only.
 */

#include <stddef.h>
#include <stdint.h>

#include <masq_fib.h>

#define MASQ_FIB_NO_ROUTE UINT32_MAX

enum masq_fib_kind {
	MASQ_FIB_KIND_NONE = 0, /* hop 0 without a default route; masq_fib_hop_route() knows */
	MASQ_FIB_KIND_OWN, /* the order matters: of equal prefixes the first kind stands first */
	MASQ_FIB_KIND_BROADCAST,
	MASQ_FIB_KIND_LINK,
	MASQ_FIB_KIND_GATEWAY,
};

struct masq_fib_entry {
	uint32_t addr; /* host bits are zero */
	uint8_t len;
	uint8_t kind;
	uint8_t port; /* MASQ_FIB_KIND_GATEWAY: once it is resolved */
	uint32_t gateway; /* MASQ_FIB_KIND_GATEWAY */
	uint32_t route; /* index of the static route, MASQ_FIB_NO_ROUTE: from a port */
	uint32_t hop;
};

/* What the steps of building hand to each other. */
struct masq_fib_build {
	const struct masq_conf_port *ports;
	uint32_t n_ports;
	const struct masq_conf_route *routes;
	uint32_t n_routes;
	struct masq_fib_entry *entries;
	uint32_t n_entries;
	struct masq_fib_entry **via; /* the MASQ_FIB_KIND_GATEWAY ones, sorted by gateway */
	uint32_t n_via;
	struct masq_fib *fib;
	uint32_t culprit; /* the route that was refused; meaningless as long as none is */
	struct masq_err *err;
};

/** @return entries that ports and routes can make, at most, and one */
static inline size_t
masq_fib_entries_most(uint32_t n_ports, uint32_t n_routes)
{
	/* own, link and two broadcast entries for each address, and one gateway a port */
	return (size_t)n_ports * (MASQ_CONF_ADDRESSES_MAX * 4 + 1) + n_routes + 1;
}

/**
 * Write down every prefix that ports and routes answer for: one entry each, shortest prefix first.
 *
 * @param b	ports, routes, err are given; entries has room for all (four an address, one a port for
 *	its gateway, one a route) and n_entries is 0. Out: entries, n_entries; on failure culprit
 * @return 0; -EINVAL, -EEXIST with the sentence: a value that cannot be, or two that contradict
 */
int masq_fib_entries_make(struct masq_fib_build *b);

/**
 * May a route go through its gateway? If so, the entry gets the port that leads to it.
 *
 * @param b	ports, routes, err are given. Out, on failure: culprit
 * @param e	in/out: the route, MASQ_FIB_KIND_GATEWAY
 * @param way	what ports and routes without gateway say of the gateway; NULL: nothing
 * @return 0; -ENETUNREACH, -EINVAL with the sentence
 */
int masq_fib_gateway_settle(struct masq_fib_build *b, struct masq_fib_entry *e,
		const struct masq_fib_route *way);

#endif /* MASQ_FIB_PRIV_H */
