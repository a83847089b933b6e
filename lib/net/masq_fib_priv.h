/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FIB_PRIV_H
#define MASQ_FIB_PRIV_H

/**
 * @file
 * What the two halves of building a forwarding table hand to each other. Control thread only.
 */

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
	struct masq_err *err;
};

/**
 * Write down every prefix that ports and routes answer for: one entry each, shortest prefix first.
 *
 * @param b	ports, routes, err are given; entries has room for all (four an address, one a port for
 *	its gateway, one a route) and n_entries is 0. Out: entries, n_entries
 * @return 0; -EINVAL, -EEXIST with the sentence: a value that cannot be, or two that contradict
 */
int masq_fib_entries_make(struct masq_fib_build *b);

#endif /* MASQ_FIB_PRIV_H */
