/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding table: rows of destinations on one box, rows of configurations that are refused
 * with the words of the refusal, and random routes against a linear longest-prefix reference.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_fib.h>

#include "masq_test_eal.h"

#define IP MASQ_IP4

/* clang-format off */
static const struct masq_conf_port box_ports[] = {
	{ .name = "lan", .n_addresses = 3, .address = {
		{ IP(192, 168, 1, 1), 24 }, { IP(192, 168, 1, 77), 24 }, { IP(10, 1, 0, 1), 16 } } },
	{ .name = "wan", .n_addresses = 2, .gateway = IP(203, 0, 113, 30), .address = {
		{ IP(203, 0, 113, 1), 27 }, { IP(198, 51, 100, 9), 32 } } },
	{ .name = "ptp", .n_addresses = 1, .address = { { IP(172, 16, 0, 4), 31 } } },
	{ .name = "bare" },
};

static const struct masq_conf_route box_routes[] = {
	{ .dst = { IP(10, 0, 0, 0), 8 }, .gateway = IP(192, 168, 1, 200) },
	{ .dst = { IP(10, 9, 0, 0), 16 }, .gateway = IP(10, 1, 2, 3) },
	{ .dst = { IP(10, 9, 9, 9), 32 }, .gateway = IP(172, 16, 0, 5), .port = "ptp" },
	{ .dst = { IP(10, 1, 4, 0), 24 }, .port = "wan" },
	{ .dst = { IP(100, 64, 0, 1), 32 }, .port = "wan" },
	{ .dst = { IP(100, 65, 0, 0), 16 }, .gateway = IP(100, 64, 0, 1) },
};

/* clang-format on */

enum what {
	NOWHERE,
	OWN,
	BROADCAST,
	LINK,
	VIA
};

static const struct lookup_row {
	const char *name;
	uint32_t dst;
	enum what what;
	uint8_t port;
	uint32_t gateway;
	uint32_t src;
} lookup_rows[] = {
	/* clang-format off */
	{ "host in the first network",	  IP(192, 168, 1, 9),	LINK, 0, 0, IP(192, 168, 1, 1) },
	{ "own address",		  IP(192, 168, 1, 1),	OWN, 0, 0, IP(192, 168, 1, 1) },
	{ "own second address",		  IP(192, 168, 1, 77),	OWN, 0, 0, IP(192, 168, 1, 77) },
	{ "network address",		  IP(192, 168, 1, 0),	BROADCAST, 0, 0, IP(192, 168, 1, 1) },
	{ "broadcast address",		  IP(192, 168, 1, 255), BROADCAST, 0, 0, IP(192, 168, 1, 1) },
	{ "host in the second network",	  IP(10, 1, 2, 3),	LINK, 0, 0, IP(10, 1, 0, 1) },
	{ "broadcast of a /16",		  IP(10, 1, 255, 255),	BROADCAST, 0, 0, IP(10, 1, 0, 1) },
	{ "inside a /16 it is a host",	  IP(10, 1, 1, 255),	LINK, 0, 0, IP(10, 1, 0, 1) },
	{ "last host of a /27",		  IP(203, 0, 113, 30),	LINK, 1, 0, IP(203, 0, 113, 1) },
	{ "broadcast of a /27",		  IP(203, 0, 113, 31),	BROADCAST, 1, 0, IP(203, 0, 113, 1) },
	{ "behind the /27: default",	  IP(203, 0, 113, 32),	VIA, 1, IP(203, 0, 113, 30), IP(203, 0, 113, 1) },
	{ "own /32",			  IP(198, 51, 100, 9),	OWN, 1, 0, IP(198, 51, 100, 9) },
	{ "a /32 connects nobody",	  IP(198, 51, 100, 8),	VIA, 1, IP(203, 0, 113, 30), IP(203, 0, 113, 1) },
	{ "own end of a /31",		  IP(172, 16, 0, 4),	OWN, 2, 0, IP(172, 16, 0, 4) },
	{ "other end of a /31",		  IP(172, 16, 0, 5),	LINK, 2, 0, IP(172, 16, 0, 4) },
	{ "static route",		  IP(10, 200, 0, 1),	VIA, 0, IP(192, 168, 1, 200), IP(192, 168, 1, 1) },
	{ "longer static route",	  IP(10, 9, 9, 8),	VIA, 0, IP(10, 1, 2, 3), IP(10, 1, 0, 1) },
	{ "host route",			  IP(10, 9, 9, 9),	VIA, 2, IP(172, 16, 0, 5), IP(172, 16, 0, 4) },
	{ "device route in a network",	  IP(10, 1, 4, 7),	LINK, 1, 0, IP(203, 0, 113, 1) },
	{ "device route to a host",	  IP(100, 64, 0, 1),	LINK, 1, 0, IP(203, 0, 113, 1) },
	{ "gateway behind device route",  IP(100, 65, 3, 2),	VIA, 1, IP(100, 64, 0, 1), IP(203, 0, 113, 1) },
	{ "default route",		  IP(8, 8, 8, 8),	VIA, 1, IP(203, 0, 113, 30), IP(203, 0, 113, 1) },
	{ "lowest address",		  IP(0, 0, 0, 1),	VIA, 1, IP(203, 0, 113, 30), IP(203, 0, 113, 1) },
	{ "highest address",		  UINT32_MAX,		VIA, 1, IP(203, 0, 113, 30), IP(203, 0, 113, 1) },
	/* clang-format on */
};

static void
check_lookup(const struct masq_fib *fib, const struct lookup_row *row)
{
	struct masq_fib_route route = { .port = 99 };
	int rc = masq_fib_lookup(fib, row->dst, &route);
	bool is_own = row->what == OWN;

	if (row->what == NOWHERE) {
		assert_int_equal(rc, -ENETUNREACH);
		assert_int_equal(route.port, 99);
		assert_false(masq_fib_is_local(fib, row->dst));
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(route.is_local, is_own);
	assert_int_equal(route.is_broadcast, row->what == BROADCAST);
	assert_int_equal(route.port, row->port);
	assert_int_equal(route.next_hop, row->what == VIA ? row->gateway : row->dst);
	assert_int_equal(route.preferred_src, row->src);
	assert_int_equal(masq_fib_is_local(fib, row->dst), is_own);
	for (uint8_t port = 0; port < RTE_DIM(box_ports); port++)
		assert_int_equal(masq_fib_is_local_on(fib, row->dst, port),
				is_own && port == row->port);
}

static void
destinations(void **state)
{
	struct masq_err err = { "" };
	struct masq_fib *fib = masq_fib_create(
			box_ports, RTE_DIM(box_ports), box_routes, RTE_DIM(box_routes), 0, &err);

	(void)state;
	if (fib == NULL)
		fail_msg("%s", err.text);
	for (unsigned int i = 0; i < RTE_DIM(lookup_rows); i++) {
		print_message("    %s\n", lookup_rows[i].name);
		check_lookup(fib, &lookup_rows[i]);
	}
	masq_fib_destroy(fib);
}

/* A gateway is reached by the port by which its own address is reached, if that is its own next hop:
 * the data path's cache of next hops knows no port (lib/dp/masq_link.h). */
static void
a_next_hop_has_one_port(void **state)
{
	static const struct masq_conf_route routes[] = {
		{ .dst = { IP(10, 1, 4, 7), 32 }, .port = "wan" }, /* in a network of lan */
		{ .dst = { IP(10, 66, 0, 0), 16 }, .gateway = IP(10, 1, 4, 7) },
		{ .dst = { IP(10, 1, 5, 7), 32 }, .gateway = IP(203, 0, 113, 9) },
		{ .dst = { IP(10, 67, 0, 0), 16 }, .gateway = IP(10, 1, 5, 7) },
	};
	static const struct lookup_row rows[] = {
		{ "gateway", IP(10, 66, 1, 1), VIA, 1, IP(10, 1, 4, 7), IP(203, 0, 113, 1) },
		{ "itself", IP(10, 1, 4, 7), LINK, 1, 0, IP(203, 0, 113, 1) },
		{ "gateway", IP(10, 67, 1, 1), VIA, 0, IP(10, 1, 5, 7), IP(10, 1, 0, 1) },
		{ "not itself", IP(10, 1, 5, 7), VIA, 1, IP(203, 0, 113, 9), IP(203, 0, 113, 1) },
	};
	struct masq_err err = { "" };
	struct masq_fib *fib = masq_fib_create(
			box_ports, RTE_DIM(box_ports), routes, RTE_DIM(routes), 0, &err);

	(void)state;
	if (fib == NULL)
		fail_msg("%s", err.text);
	for (unsigned int i = 0; i < RTE_DIM(rows); i++)
		check_lookup(fib, &rows[i]);
	masq_fib_destroy(fib);
}

/* In both tables: with a default route, and with destinations that lead nowhere in between. */
static void
a_burst_says_what_single_lookups_say(void **state)
{
	(void)state;
	for (unsigned int n_ports = 1; n_ports <= RTE_DIM(box_ports); n_ports += 2) {
		struct masq_fib *fib = masq_fib_create(box_ports, n_ports, NULL, 0, 0, NULL);
		struct masq_fib_route of_burst, single;
		uint32_t dst[64];
		uint64_t hops[64];

		assert_non_null(fib);
		for (unsigned int i = 0; i < RTE_DIM(dst); i++)
			dst[i] = lookup_rows[i % RTE_DIM(lookup_rows)].dst;
		masq_fib_lookup_burst(fib, dst, hops, RTE_DIM(dst));
		for (unsigned int i = 0; i < RTE_DIM(dst); i++) {
			const struct masq_fib_hop *hop = &masq_fib_hops(fib)[hops[i]];
			int rc = masq_fib_lookup(fib, dst[i], &single);

			assert_int_equal(masq_fib_hop_route(hop, dst[i], &of_burst), rc == 0);
			if (rc != 0)
				continue;
			assert_int_equal(of_burst.is_local, single.is_local);
			assert_int_equal(of_burst.is_broadcast, single.is_broadcast);
			assert_int_equal(of_burst.port, single.port);
			assert_int_equal(of_burst.next_hop, single.next_hop);
			assert_int_equal(of_burst.preferred_src, single.preferred_src);
			assert_int_equal(masq_fib_hop_next(hop, dst[i]), single.next_hop);
		}
		masq_fib_destroy(fib);
	}
}

static void
without_default_route_there_is_nowhere(void **state)
{
	struct masq_fib *fib = masq_fib_create(box_ports, 1, NULL, 0, 0, NULL);
	struct masq_fib *empty = masq_fib_create(NULL, 0, NULL, 0, 0, NULL);

	(void)state;
	assert_non_null(fib);
	assert_non_null(empty);
	check_lookup(fib, &(struct lookup_row){ .dst = IP(8, 8, 8, 8), .what = NOWHERE });
	check_lookup(fib, &(struct lookup_row){ .dst = IP(192, 168, 2, 0), .what = NOWHERE });
	check_lookup(empty, &(struct lookup_row){ .dst = 0, .what = NOWHERE });
	check_lookup(empty, &(struct lookup_row){ .dst = UINT32_MAX, .what = NOWHERE });
	masq_fib_destroy(empty);
	masq_fib_destroy(fib);
	masq_fib_destroy(NULL);
}

static void
nested_networks_speak_for_themselves(void **state)
{
	/* The network address of the /8 lies in the /16 as well. */
	static const struct masq_conf_port port = { .name = "lan",
		.n_addresses = 2,
		.address = { { IP(10, 0, 0, 1), 16 }, { IP(10, 5, 0, 1), 8 } } };
	static const struct masq_conf_route everywhere = { .port = "lan" };
	struct masq_fib *fib = masq_fib_create(&port, 1, &everywhere, 1, 0, NULL);

	(void)state;
	assert_non_null(fib);
	check_lookup(fib,
			&(struct lookup_row){ NULL, IP(10, 0, 7, 7), LINK, 0, 0, IP(10, 0, 0, 1) });
	check_lookup(fib,
			&(struct lookup_row){ NULL, IP(10, 7, 7, 7), LINK, 0, 0, IP(10, 5, 0, 1) });
	check_lookup(fib,
			&(struct lookup_row){ NULL, IP(8, 8, 8, 8), LINK, 0, 0, IP(10, 0, 0, 1) });
	masq_fib_destroy(fib);
}

static void
rows_stand_longest_first(void **state)
{
	static const struct masq_fib_row want[] = {
		{ { IP(100, 64, 0, 1), 32 }, 0, 1, true },
		{ { IP(10, 9, 9, 9), 32 }, IP(172, 16, 0, 5), 2, true },
		{ { IP(172, 16, 0, 4), 31 }, 0, 2, false },
		{ { IP(203, 0, 113, 0), 27 }, 0, 1, false },
		{ { IP(192, 168, 1, 0), 24 }, 0, 0, false },
		{ { IP(10, 1, 4, 0), 24 }, 0, 1, true },
		{ { IP(100, 65, 0, 0), 16 }, IP(100, 64, 0, 1), 1, true },
		{ { IP(10, 9, 0, 0), 16 }, IP(10, 1, 2, 3), 0, true },
		{ { IP(10, 1, 0, 0), 16 }, 0, 0, false },
		{ { IP(10, 0, 0, 0), 8 }, IP(192, 168, 1, 200), 0, true },
		{ { 0, 0 }, IP(203, 0, 113, 30), 1, true },
	};
	struct masq_fib *fib = masq_fib_create(
			box_ports, RTE_DIM(box_ports), box_routes, RTE_DIM(box_routes), 0, NULL);
	struct masq_fib_row got[4];

	(void)state;
	assert_non_null(fib);
	for (uint32_t first = 0; first < RTE_DIM(want); first += RTE_DIM(got)) {
		assert_int_equal(masq_fib_rows(fib, first, got, RTE_DIM(got)), RTE_DIM(want));
		for (uint32_t i = 0; i < RTE_DIM(got) && first + i < RTE_DIM(want); i++) {
			assert_int_equal(got[i].dst.addr, want[first + i].dst.addr);
			assert_int_equal(got[i].dst.len, want[first + i].dst.len);
			assert_int_equal(got[i].gateway, want[first + i].gateway);
			assert_int_equal(got[i].port, want[first + i].port);
			assert_int_equal(got[i].is_static, want[first + i].is_static);
		}
	}
	got[0].port = 99;
	assert_int_equal(masq_fib_rows(fib, UINT32_MAX, got, 4), RTE_DIM(want));
	assert_int_equal(got[0].port, 99);
	masq_fib_destroy(fib);
}

static void
the_last_owner_frees_it(void **state)
{
	struct masq_fib *fib = masq_fib_create(box_ports, 1, NULL, 0, 0, NULL);

	(void)state;
	assert_non_null(fib);
	assert_ptr_equal(masq_fib_ref(fib), fib);
	masq_fib_destroy(fib);
	assert_true(masq_fib_is_local(fib, IP(192, 168, 1, 1)));
	masq_fib_destroy(fib);
}

/* ---------------------------------------------------------------- refusals */

static const struct refusal_row {
	const char *words; /* all of the sentence's beginning */
	struct masq_conf_port port[2];
	struct masq_conf_route route[2];
} refusal_rows[] = {
	/* clang-format off */
	{ "port b: port a has the address 10.0.0.1/32 already",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } },
	    { .name = "b", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 16 } } } }, { { .dst.len = 99 } } },
	{ "port b: port a is in network 10.0.0.0/24 too",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } },
	    { .name = "b", .n_addresses = 1, .address = { { IP(10, 0, 0, 2), 24 } } } }, { { .dst.len = 99 } } },
	{ "port b: port a has a gateway already",
	  { { .name = "a", .n_addresses = 1, .gateway = IP(10, 0, 0, 9), .address = { { IP(10, 0, 0, 1), 24 } } },
	    { .name = "b", .n_addresses = 1, .gateway = IP(10, 1, 0, 9), .address = { { IP(10, 1, 0, 1), 24 } } } }, { { .dst.len = 99 } } },
	{ "port a: 10.0.0.0/24 is the network address of its own network",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 0), 24 } } } }, { { .dst.len = 99 } } },
	{ "port a: 10.0.0.255/24 is the broadcast address of its own network",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 255), 24 } } } }, { { .dst.len = 99 } } },
	{ "port a: the prefix length of an address is 1 to 32, not 0",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 0 } } } }, { { .dst.len = 99 } } },
	{ "port a: the prefix length of an address is 1 to 32, not 33",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 33 } } } }, { { .dst.len = 99 } } },
	{ "port a: 17 addresses, at most 16",
	  { { .name = "a", .n_addresses = 17 } }, { { .dst.len = 99 } } },
	{ "port a: gateway 10.0.1.9 is in no connected network",
	  { { .name = "a", .n_addresses = 1, .gateway = IP(10, 0, 1, 9), .address = { { IP(10, 0, 0, 1), 24 } } } }, { { .dst.len = 99 } } },
	{ "port a: gateway 10.0.0.1 is an own address of port a",
	  { { .name = "a", .n_addresses = 1, .gateway = IP(10, 0, 0, 1), .address = { { IP(10, 0, 0, 1), 24 } } } }, { { .dst.len = 99 } } },
	{ "port a: gateway 10.0.0.255 is the broadcast or network address of port a",
	  { { .name = "a", .n_addresses = 1, .gateway = IP(10, 0, 0, 255), .address = { { IP(10, 0, 0, 1), 24 } } } }, { { .dst.len = 99 } } },
	{ "port b: gateway 10.0.0.7 is reached by port a, not b",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } },
	    { .name = "b", .n_addresses = 1, .gateway = IP(10, 0, 0, 7), .address = { { IP(10, 1, 0, 1), 24 } } } }, { { .dst.len = 99 } } },
	{ "route 10.9.0.0/16: there is no port c (ports: a, b)",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } }, { .name = "b" } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .port = "c" } } },
	{ "route 10.9.0.0/16: port b has no address to speak from",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } }, { .name = "b" } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .port = "b" } } },
	{ "route 10.9.0.0/16: needs a gateway or a port",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 16 } } } },
	{ "route 10.9.0.0/16: gateway 10.3.0.1 is in no connected network",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .gateway = IP(10, 3, 0, 1) } } },
	{ "route 10.9.0.0/16: gateway 10.8.0.1 is in no connected network", /* not through another gateway */
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .gateway = IP(10, 8, 0, 1) },
	    { .dst = { IP(10, 8, 0, 0), 16 }, .gateway = IP(10, 0, 0, 7) } } },
	{ "route 10.9.0.0/16: gateway 10.3.0.1 is in no connected network", /* nor by a default route */
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .gateway = IP(10, 3, 0, 1) }, { .dst = { 0, 0 }, .port = "a" } } },
	{ "route 10.9.0.0/16: gateway 10.0.0.7 is reached by port a, not b",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } },
	    { .name = "b", .n_addresses = 1, .address = { { IP(10, 1, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .gateway = IP(10, 0, 0, 7), .port = "b" } } },
	{ "route 10.9.0.0/16 is there twice",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 16 }, .gateway = IP(10, 0, 0, 7) },
	    { .dst = { IP(10, 9, 0, 0), 16 }, .port = "a" } } },
	{ "route default: the gateway of port a is the default route already",
	  { { .name = "a", .n_addresses = 1, .gateway = IP(10, 0, 0, 9), .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { 0, 0 }, .gateway = IP(10, 0, 0, 7) } } },
	{ "route 10.0.0.0/24: this is the connected network of port a",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 0, 0, 0), 24 }, .gateway = IP(10, 0, 0, 7) } } },
	{ "route 10.0.0.1/32: this is the own address of port a",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 0, 0, 1), 32 }, .gateway = IP(10, 0, 0, 7) } } },
	{ "route 10.0.0.255/32: this is the broadcast or network address of port a",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 0, 0, 255), 32 }, .gateway = IP(10, 0, 0, 7) } } },
	{ "route 10.9.0.0/33: the prefix length is 0 to 32",
	  { { .name = "a", .n_addresses = 1, .address = { { IP(10, 0, 0, 1), 24 } } } },
	  { { .dst = { IP(10, 9, 0, 0), 33 }, .gateway = IP(10, 0, 0, 7) } } },
	/* clang-format on */
};

/* Without a table: the same sentence, and which route it is about. */
static void
check_says_the_same(const struct refusal_row *row, uint32_t n_ports, uint32_t n_routes,
		const char *sentence)
{
	const bool is_route = strncmp(row->words, "route", 5) == 0;
	struct masq_err err = { "" };
	uint32_t culprit = 99;

	assert_true(masq_fib_check(row->port, n_ports, row->route, n_routes, &culprit, &err) < 0);
	assert_string_equal(err.text, sentence);
	assert_int_equal(culprit, is_route ? 0 : n_routes);
}

static void
the_route_at_fault_is_named(void **state)
{
	static const struct masq_conf_route good = { .dst = { IP(10, 9, 0, 0), 16 },
		.gateway = IP(192, 168, 1, 2) };
	struct masq_conf_route routes[3] = { good, good, good };
	struct masq_err err = { "" };
	uint32_t culprit;

	(void)state;
	routes[1].dst = (struct masq_ip4_prefix){ IP(10, 8, 0, 0), 16 };
	routes[2].dst = (struct masq_ip4_prefix){ IP(10, 7, 0, 0), 16 };
	assert_int_equal(masq_fib_check(box_ports, 1, routes, 3, &culprit, &err), 0);
	routes[2].gateway = IP(9, 9, 9, 9);
	assert_int_equal(masq_fib_check(box_ports, 1, routes, 3, &culprit, &err), -ENETUNREACH);
	assert_int_equal(culprit, 2);
	routes[2] = good;
	strcpy(routes[1].port, "nosuch");
	assert_int_equal(masq_fib_check(box_ports, 1, routes, 3, &culprit, &err), -EINVAL);
	assert_int_equal(culprit, 1);
}

static void
contradictions_are_refused(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(refusal_rows); i++) {
		const struct refusal_row *row = &refusal_rows[i];
		uint32_t n_ports = row->port[1].name[0] != '\0' ? 2 : 1, n_routes = 0;
		struct masq_err err = { "" };

		while (n_routes < 2 && row->route[n_routes].dst.len != 99 &&
				(n_routes == 0 || row->route[n_routes].dst.len != 0 ||
						row->route[n_routes].port[0] != '\0'))
			n_routes++;
		assert_null(masq_fib_create(row->port, n_ports, row->route, n_routes, 0, &err));
		if (strncmp(err.text, row->words, strlen(row->words)) != 0)
			fail_msg("row %u:\n  want: %s\n  got:  %s", i, row->words, err.text);
		check_says_the_same(row, n_ports, n_routes, err.text);
	}
}

/* ---------------------------------------------------------------- model */

static uint32_t seed;

static uint32_t
dice(uint32_t sides)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)seed * sides) >> 32);
}

struct model {
	struct masq_conf_port port[3];
	struct masq_conf_route *route;
	uint32_t n_routes;
};

static bool
holds(uint32_t net, unsigned int len, uint32_t addr)
{
	return ((net ^ addr) & masq_ip4_mask(len)) == 0;
}

/* The reference: every prefix is looked at, the longest wins. */
static struct lookup_row
model_lookup(const struct model *m, uint32_t dst)
{
	struct lookup_row best = { .dst = dst, .what = NOWHERE };
	int best_len = -1;

	for (uint8_t p = 0; p < 3; p++) {
		struct masq_ip4_prefix a = m->port[p].address[0];
		uint32_t mask = masq_ip4_mask(a.len);

		if (dst == a.addr)
			return (struct lookup_row){
				.dst = dst, .what = OWN, .port = p, .src = dst
			};
		if (holds(a.addr, a.len, dst) && a.len > best_len) {
			bool is_edge = dst == (a.addr & mask) || dst == (a.addr | ~mask);

			best_len = a.len;
			best.what = is_edge ? BROADCAST : LINK;
			best.port = p;
			best.src = a.addr;
			if (is_edge)
				return best;
		}
	}
	for (uint32_t i = 0; i < m->n_routes; i++) {
		const struct masq_conf_route *r = &m->route[i];

		if (!holds(r->dst.addr, r->dst.len, dst) || r->dst.len <= best_len)
			continue;
		best_len = r->dst.len;
		best.what = VIA;
		best.gateway = r->gateway;
		best.port = (uint8_t)(r->gateway >> 16 & 3);
		best.src = m->port[best.port].address[0].addr;
	}
	return best;
}

/* Port p is 10.p.0.1/16; gateways are 10.p.x.y; routes are anything outside of 10/8, no doubles. */
static void
model_init(struct model *m, uint32_t n_routes, uint32_t n_gateways, bool with_default)
{
	memset(m, 0, sizeof(*m));
	for (uint32_t p = 0; p < 3; p++) {
		snprintf(m->port[p].name, sizeof(m->port[p].name), "p%u", p);
		m->port[p].n_addresses = 1;
		m->port[p].address[0] = (struct masq_ip4_prefix){ IP(10, p, 0, 1), 16 };
	}
	m->route = calloc(n_routes, sizeof(m->route[0]));
	assert_non_null(m->route);
	while (m->n_routes < n_routes) {
		struct masq_conf_route *r = &m->route[m->n_routes];
		uint8_t len = (uint8_t)(1 + dice(32));
		uint32_t which = dice(n_gateways), i = 0;

		if (with_default && m->n_routes == 0)
			len = 0;
		/* Half of them crowd in one /20, so that they nest. */
		r->dst.addr = dice(2) == 0 ? dice(UINT32_MAX) : IP(77, 7, 0, 0) + dice(4096);
		r->dst.addr &= masq_ip4_mask(len);
		r->dst.len = len;
		r->gateway = IP(10, which % 3, 1 + which / 3 / 250, 1 + which / 3 % 250);
		while (i < m->n_routes &&
				(m->route[i].dst.addr != r->dst.addr || m->route[i].dst.len != len))
			i++;
		if (i == m->n_routes && r->dst.addr >> 24 != 10)
			m->n_routes++;
	}
}

static void
compare_with_model(const struct model *m)
{
	struct masq_err err = { "" };
	uint32_t culprit;
	struct masq_fib *fib = masq_fib_create(m->port, 3, m->route, m->n_routes, 0, &err);

	if (fib == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(masq_fib_check(m->port, 3, m->route, m->n_routes, &culprit, &err), 0);
	for (uint32_t i = 0; i < 4 * m->n_routes; i++) {
		const struct masq_conf_route *r = &m->route[i / 4];
		uint32_t last = r->dst.addr | ~masq_ip4_mask(r->dst.len);
		uint32_t edge[4] = { r->dst.addr, last, last + 1, dice(UINT32_MAX) };
		struct lookup_row want = model_lookup(m, edge[i % 4]);

		check_lookup(fib, &want);
	}
	for (uint32_t i = 0; i < 4096; i++) {
		struct lookup_row want = model_lookup(m, IP(77, 7, 0, 0) + i);

		check_lookup(fib, &want);
	}
	masq_fib_destroy(fib);
}

static void
random_routes_match_the_reference(void **state)
{
	/* The sizes take the table through slots of one and of two bytes. */
	static const struct {
		uint32_t routes, gateways;
		bool with_default;
	} size[] = { { 1, 1, true }, { 40, 3, false }, { 200, 100, true }, { 1000, 50, false },
		{ 1000, 700, true } };
	struct model m;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(size); i++) {
		seed = 20260823 + i;
		print_message("    %u routes, %u gateways\n", size[i].routes, size[i].gateways);
		model_init(&m, size[i].routes, size[i].gateways, size[i].with_default);
		compare_with_model(&m);
		free(m.route);
	}
}

static void
many_tables_in_turn(void **state)
{
	/* As a control thread does: the new one stands before the old one goes. */
	struct masq_fib *old = NULL;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		struct masq_fib *fib = masq_fib_create(box_ports, RTE_DIM(box_ports), box_routes,
				i % (RTE_DIM(box_routes) + 1), 0, NULL);

		assert_non_null(fib);
		masq_fib_destroy(old);
		old = fib;
	}
	masq_fib_destroy(old);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations),
		cmocka_unit_test(a_next_hop_has_one_port),
		cmocka_unit_test(a_burst_says_what_single_lookups_say),
		cmocka_unit_test(without_default_route_there_is_nowhere),
		cmocka_unit_test(nested_networks_speak_for_themselves),
		cmocka_unit_test(rows_stand_longest_first),
		cmocka_unit_test(the_last_owner_frees_it),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(the_route_at_fault_is_named),
		cmocka_unit_test(random_routes_match_the_reference),
		cmocka_unit_test(many_tables_in_turn),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "512");
	return cmocka_run_group_tests_name("net/fib", tests, NULL, NULL);
}
