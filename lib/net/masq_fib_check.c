/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The checks of building a forwarding table without the table: do these routes fit these ports?
 *	Whoever reads a rule file calls this before anything is compiled, and can then say which line
 *	is at fault; "dpdk-masq -t" calls it without EAL.
 * How
 *	The entries come from masq_fib_entries.c, and so do all sentences. Where building looks up the
 *	way to a gateway in the half-made table, this walks the entries from the longest prefix down:
 *	slow, but done once per route.
 * Threads
 *	No state; any thread.
 */

#include <errno.h>
#include <stdlib.h>

#include "masq_fib_priv.h"

/* The entries in the table when gateways are looked up: no gateways, no default route. */
static bool
find_way(const struct masq_fib_build *b, uint32_t addr, struct masq_fib_route *way)
{
	for (uint32_t i = b->n_entries; i-- > 0;) {
		const struct masq_fib_entry *e = &b->entries[i];

		if (e->kind == MASQ_FIB_KIND_GATEWAY || e->len == 0 ||
				((e->addr ^ addr) & masq_ip4_mask(e->len)) != 0)
			continue;
		*way = (struct masq_fib_route){
			.is_local = e->kind == MASQ_FIB_KIND_OWN,
			.is_broadcast = e->kind == MASQ_FIB_KIND_BROADCAST,
			.port = e->port,
		};
		return true;
	}
	return false;
}

static int
check_gateways(struct masq_fib_build *b)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->n_entries && rc == 0; i++) {
		struct masq_fib_entry *e = &b->entries[i];
		struct masq_fib_route way;

		if (e->kind == MASQ_FIB_KIND_GATEWAY)
			rc = masq_fib_gateway_settle(
					b, e, find_way(b, e->gateway, &way) ? &way : NULL);
	}
	return rc;
}

int
masq_fib_check(const struct masq_conf_port *ports, uint32_t n_ports,
		const struct masq_conf_route *routes, uint32_t n_routes, uint32_t *culprit,
		struct masq_err *err)
{
	struct masq_fib_build b = {
		.ports = ports,
		.n_ports = n_ports,
		.routes = routes,
		.n_routes = n_routes,
		.culprit = MASQ_FIB_NO_ROUTE,
		.err = err,
	};
	int rc;

	*culprit = n_routes;
	b.entries = calloc(masq_fib_entries_most(n_ports, n_routes), sizeof(struct masq_fib_entry));
	if (b.entries == NULL)
		return masq_err_set(err, ENOMEM, "no memory for %u routes", n_routes);
	rc = masq_fib_entries_make(&b);
	if (rc == 0)
		rc = check_gateways(&b);
	if (rc != 0 && b.culprit != MASQ_FIB_NO_ROUTE)
		*culprit = b.culprit;
	free(b.entries);
	return rc;
}
