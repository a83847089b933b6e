/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tags: whose is taken off before the parser looks, whose is left, and that a frame is the same with
 * its tag off, and on again. Frames come in all lengths and orders, some in two buffers.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <masq_test_pkt.h>

#include "masq_test_eal.h"
#include "masq_vlan.h"

#define TAG 2748 /* 0xabc: each half-byte is another */
#define BURST 32

static struct rte_mempool *pool;

/* Record route, and the end. */
static const uint8_t options[] = { 7, 3, 4, 0 };

static const struct row {
	const char *name;
	struct masq_test_pkt pkt;
	uint64_t nic_says;
	uint16_t data_len; /* not 0: so much in the first buffer */
	bool taken_off;
} rows[] = {
	/* clang-format off */
	{ "ours", { .vlan = TAG }, 0, 0, true },
	{ "whatever its priority", { .vlan = TAG, .vlan_priority = 7 }, 0, 0, true },
	{ "and TOS", { .vlan = TAG, .tos = 0xff }, 0, 0, true },
	{ "TCP", { .vlan = TAG, .proto = IPPROTO_TCP }, 0, 0, true },
	{ "ICMP", { .vlan = TAG, .proto = IPPROTO_ICMP, .icmp_type = 8 }, 0, 0, true },
	{ "another protocol", { .vlan = TAG, .proto = 47 }, 0, 0, true },
	{ "in two buffers", { .vlan = TAG, .payload_bytes = 100, .first_segment_bytes = 46 }, 0, 0, true },
	{ "what the parser will refuse", { .vlan = TAG, .bad_ip_checksum = true }, 0, 0, true },
	{ "as short as can be told", { .vlan = TAG }, 0, 20, true },
	{ "one byte less", { .vlan = TAG }, 0, 19, false },
	{ "only the tag", { .vlan = TAG }, 0, 18, false },
	{ "only the addresses", { .vlan = TAG }, 0, 12, false },
	{ "nothing", { .vlan = TAG }, 0, 1, false },
	{ "none", { 0 }, 0, 0, false },
	{ "priority alone", { .is_tagged = true, .vlan_priority = 5 }, 0, 0, false },
	{ "the next", { .vlan = TAG + 1 }, 0, 0, false },
	{ "low byte the same", { .vlan = TAG & 0xff }, 0, 0, false },
	{ "high byte the same", { .vlan = TAG & 0xf00 }, 0, 0, false },
	{ "options", { .vlan = TAG, .options = options, .option_bytes = sizeof(options) }, 0, 0, false },
	{ "ARP", { .vlan = TAG, .arp = 1 }, 0, 0, false },
	{ "IPv6", { .vlan = TAG, .ethertype = 0x86dd }, 0, 0, false },
	{ "a second tag", { .vlan = TAG, .ethertype = 0x8100 }, 0, 0, false },
	{ "the NIC took one off", { .vlan = TAG }, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, 0, false },
	{ "the NIC saw it", { .vlan = TAG }, RTE_MBUF_F_RX_VLAN, 0, true },
	/* clang-format on */
};

static struct rte_mbuf *
build(const struct row *row, bool without)
{
	struct masq_test_pkt pkt = row->pkt;
	struct rte_mbuf *mbuf;

	if (without) {
		pkt.is_tagged = false;
		pkt.vlan = pkt.vlan_priority = 0;
		if (pkt.first_segment_bytes != 0)
			pkt.first_segment_bytes -= RTE_VLAN_HLEN;
	}
	mbuf = masq_test_pkt_build(pool, &pkt);
	mbuf->ol_flags |= row->nic_says;
	if (row->data_len != 0)
		mbuf->pkt_len = mbuf->data_len = row->data_len -
				(uint16_t)(without ? RTE_VLAN_HLEN : 0);
	return mbuf;
}

static void
assert_same_frame(const struct row *row, const struct rte_mbuf *mbuf, const struct rte_mbuf *wanted)
{
	uint8_t one[256], other[256];

	rte_mbuf_sanity_check(mbuf, 1);
	if (mbuf->pkt_len != wanted->pkt_len || mbuf->data_len != wanted->data_len ||
			mbuf->nb_segs != wanted->nb_segs ||
			memcmp(rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, one),
					rte_pktmbuf_read(wanted, 0, wanted->pkt_len, other),
					wanted->pkt_len) != 0)
		fail_msg("%s: not the frame that was expected", row->name);
}

/* Bursts of all lengths that begin with each row; the rows behind it are its company. */
static void
taken_off_and_put_on_again(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < RTE_DIM(rows); first++)
		for (unsigned int n = 1; n <= BURST; n++) {
			struct rte_mbuf *mbuf[BURST];
			uint32_t had_it, expected = 0;

			for (unsigned int i = 0; i < n; i++) {
				const struct row *row = &rows[(first + i) % RTE_DIM(rows)];

				mbuf[i] = build(row, false);
				expected |= (uint32_t)row->taken_off << i;
			}
			had_it = masq_vlan_take_off_burst(mbuf, n, TAG);
			if (had_it != expected)
				fail_msg("%u frames from \"%s\" on: %08x instead of %08x", n,
						rows[first].name, had_it, expected);
			for (unsigned int i = 0; i < n; i++) {
				const struct row *row = &rows[(first + i) % RTE_DIM(rows)];
				struct rte_mbuf *as_it_was = build(row, false);
				struct rte_mbuf *untagged = build(row, row->taken_off);
				uint16_t vlan = TAG | (uint16_t)(row->pkt.vlan_priority << 13);

				assert_same_frame(row, mbuf[i], untagged);
				if (row->taken_off)
					assert_true(masq_vlan_put_on(mbuf[i], vlan));
				assert_same_frame(row, mbuf[i], as_it_was);
				rte_pktmbuf_free(as_it_was);
				rte_pktmbuf_free(untagged);
				rte_pktmbuf_free(mbuf[i]);
			}
		}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* A frame that begins where its buffer does gets none, and stays as it is. */
static void
no_room(void **state)
{
	const struct row row = { .name = "no room" };
	struct rte_mbuf *mbuf = build(&row, false), *same = build(&row, false);
	uint16_t bytes = mbuf->data_len, left = 3;

	(void)state;
	assert_non_null(rte_pktmbuf_prepend(mbuf, rte_pktmbuf_headroom(mbuf) - left));
	memmove(rte_pktmbuf_mtod(mbuf, void *), rte_pktmbuf_mtod(same, void *), bytes);
	assert_int_equal(rte_pktmbuf_trim(mbuf, mbuf->data_len - bytes), 0);
	assert_int_equal(rte_pktmbuf_headroom(mbuf), left);
	assert_false(masq_vlan_put_on(mbuf, TAG));
	assert_same_frame(&row, mbuf, same);
	rte_pktmbuf_free(mbuf);
	rte_pktmbuf_free(same);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_off_and_put_on_again),
		cmocka_unit_test(no_room),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = masq_test_pool_create(255);
	return cmocka_run_group_tests_name("vlan", tests, NULL, NULL);
}
