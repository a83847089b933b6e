/* SPDX-License-Identifier: BSD-3-Clause */

/* The MTU of a port, and that a packet buffer takes a whole frame of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include <masq_dp.h>

#include "dp_fixture.h"
#include "masq_dp_priv.h"
#include "masq_test_eal.h"

#define ORDINARY_ROOM 2176

/* A device that somebody has given an MTU before we come; the driver takes any. */
static void
make_device(unsigned int number, uint16_t mtu, char *device, size_t size)
{
	struct rte_eth_conf conf = { .rxmode.mtu = mtu };
	uint16_t id;

	snprintf(device, size, "net_null%u", number);
	assert_int_equal(rte_dev_probe(device), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(device, &id), 0);
	assert_int_equal(rte_eth_dev_configure(id, 1, 1, &conf), 0);
}

static void
buffers_take_frames_of_the_mtu(void **state)
{
	static const struct {
		uint16_t own, configured, mtu, room;
	} rows[] = {
		{ 1500, 0, 1500, ORDINARY_ROOM },
		{ 9000, 0, 9000, 9000 + MASQ_POOL_FRAME_EXTRA + RTE_PKTMBUF_HEADROOM },
		{ 9000, 1500, 1500, ORDINARY_ROOM },
		{ 1500, 9000, 9000, 9000 + MASQ_POOL_FRAME_EXTRA + RTE_PKTMBUF_HEADROOM },
		{ 1400, 0, 1400, ORDINARY_ROOM },
		/* Not more than could be configured. */
		{ 65000, 0, 9600, 9600 + MASQ_POOL_FRAME_EXTRA + RTE_PKTMBUF_HEADROOM },
	};

	(void)state;
	for (unsigned int k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct masq_conf_start start = small_box(1024);
		struct masq_dp_port_info info;
		struct masq_err err = { "" };
		struct masq_dp *dp;

		start.n_ports = 1;
		start.port[0] = (struct masq_conf_port){ .name = "p", .mtu = rows[k].configured };
		make_device(k, rows[k].own, start.port[0].device, sizeof(start.port[0].device));
		dp = masq_dp_create(&start, MASQ_DP_MANUAL, 42, &err);
		if (dp == NULL)
			fail_msg("%s", err.text);
		assert_int_equal(masq_dp_port_info(dp, 0, &info), 0);
		assert_int_equal(info.mtu, rows[k].mtu);
		assert_in_range(rte_pktmbuf_data_room_size(dp->pools[0]), rows[k].room,
				rows[k].room + 63);
		masq_dp_destroy(dp);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_take_frames_of_the_mtu),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "128");
	return cmocka_run_group_tests_name("dp/port mtu", tests, NULL, NULL);
}
