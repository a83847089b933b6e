/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cutting: rows of packets and the fragments that they become, byte by byte; what is refused
 * leaves everything as it was; and cut, shuffled and put together again a packet is the same.
 */

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_mbuf_dyn.h>

#include "masq_test_eal.h"
#include "test_frag_lib.h"

#define OUT_MAX 1400

static struct rte_mempool *pool; /* of what is cut */
static struct rte_mempool *pieces; /* of what comes out */
static uint8_t data[UINT16_MAX];

/* Record route (not copied), nothing, router alert (copied), stream id (copied), end. */
static const uint8_t options[] = { 7, 7, 4, 0, 0, 0, 0, 1, 0x94, 4, 0, 0, 0x88, 4, 2, 3, 0, 0, 0,
	0 };
static const uint8_t copied[] = { 0x94, 4, 0, 0, 0x88, 4, 2, 3 };
/* A copied option of three bytes is filled up; what is behind one that makes no sense is not read. */
static const uint8_t odd[] = { 0x94, 3, 9, 1, 7, 0, 0x94, 4 };
static const uint8_t odd_copied[] = { 0x94, 3, 9, 0 };
static const uint8_t too_long[] = { 1, 1, 0x94, 3 };
static const uint8_t at_the_edge[] = { 1, 1, 1, 0x94 };

/* The same where the longest header ends. */
static const uint8_t at_the_end[40] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x94 };

#define OPT(o) o, sizeof(o)

/* Fragments of one packet: where each starts, the last entry is the end. */
static const struct row {
	const char *name;
	struct test_fragment packet;
	uint16_t mtu;
	const uint8_t *later_options;
	uint8_t later_bytes;
	uint16_t cut[6];
} rows[] = {
	/* clang-format off */
	{ "in two", { .proto = IPPROTO_UDP, .len = 100 }, 100, NULL, 0, { 0, 80, 100 } },
	{ "no byte too many", { .proto = IPPROTO_UDP, .len = 161 }, 100, NULL, 0, { 0, 80, 160, 161 } },
	{ "the last one is full", { .proto = IPPROTO_UDP, .len = 160 }, 100, NULL, 0, { 0, 80, 160 } },
	{ "an MTU that is no multiple of 8", { .proto = IPPROTO_UDP, .len = 100 }, 107, NULL, 0, { 0, 80, 100 } },
	{ "the last one may be longer", { .proto = IPPROTO_UDP, .len = 167 }, 107, NULL, 0, { 0, 80, 160, 167 } },
	{ "smallest MTU", { .proto = IPPROTO_UDP, .len = 100 }, 68, NULL, 0, { 0, 48, 96, 100 } },
	{ "a first fragment", { .proto = IPPROTO_UDP, .len = 160, .more = true }, 100, NULL, 0, { 0, 80, 160 } },
	{ "a middle fragment", { .proto = IPPROTO_UDP, .start = 800, .len = 160, .more = true }, 100, NULL, 0, { 800, 880, 960 } },
	{ "a last fragment", { .proto = IPPROTO_UDP, .start = 800, .len = 85 }, 100, NULL, 0, { 800, 880, 885 } },
	{ "the very last fragment", { .proto = IPPROTO_UDP, .start = 65440, .len = 75 }, 68, NULL, 0, { 65440, 65488, 65515 } },
	{ "DF stays", { .proto = IPPROTO_UDP, .len = 100, .dont_fragment = true }, 100, NULL, 0, { 0, 80, 100 } },
	{ "TOS, TTL, id, protocol", { .proto = 99, .len = 100, .tos = 0x2a, .ttl = 7, .id = 0xbeef }, 100, NULL, 0, { 0, 80, 100 } },
	{ "options", { .proto = IPPROTO_UDP, .len = 200, .options = OPT(options) }, 108, OPT(copied), { 0, 64, 144, 200 } },
	{ "odd options", { .proto = IPPROTO_UDP, .len = 100, .options = OPT(odd) }, 100, OPT(odd_copied), { 0, 72, 100 } },
	{ "an option that is too short", { .proto = IPPROTO_UDP, .len = 100, .options = OPT(((const uint8_t[]){ 0x94, 1, 0x94, 4 })) }, 100, NULL, 0, { 0, 72, 100 } },
	{ "an option longer than the header", { .proto = IPPROTO_UDP, .len = 100, .options = OPT(too_long) }, 100, NULL, 0, { 0, 72, 100 } },
	{ "an option without length", { .proto = IPPROTO_UDP, .len = 100, .options = OPT(at_the_edge) }, 100, NULL, 0, { 0, 72, 100 } },
	{ "an option without length at 60", { .proto = IPPROTO_UDP, .len = 100, .options = OPT(at_the_end) }, 100, NULL, 0, { 0, 40, 100 } },
	{ "from a chain", { .proto = IPPROTO_UDP, .len = 200, .split = 20 }, 100, NULL, 0, { 0, 80, 160, 200 } },
	{ "from a chain, split in the middle", { .proto = IPPROTO_UDP, .len = 200, .split = 90 }, 100, NULL, 0, { 0, 80, 160, 200 } },
	/* clang-format on */
};

static void
check_row(const struct row *row)
{
	struct rte_mbuf *out[8];
	int n = masq_frag_cut(pieces, test_fragment_build(pool, &row->packet, data), TEST_L3,
			row->mtu, out, RTE_DIM(out));
	int wanted = 0;

	print_message("    %s\n", row->name);
	while (row->cut[wanted + 1] != 0)
		wanted++;
	assert_int_equal(n, wanted);
	for (int i = 0; i < n; i++) {
		struct test_fragment f = row->packet;

		f.start = row->cut[i];
		f.len = (uint16_t)(row->cut[i + 1] - row->cut[i]);
		f.more = row->packet.more || i < n - 1;
		if (i > 0) {
			f.options = row->later_options;
			f.option_bytes = row->later_bytes;
		}
		test_frame_check(out[i], &f, data + f.start, f.len);
		assert_true(rte_pktmbuf_is_contiguous(out[i]));
		assert_int_equal(out[i]->l2_len, TEST_L3);
		assert_int_equal(out[i]->l3_len, 20 + f.option_bytes);
		rte_pktmbuf_free(out[i]);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

static void
packets_are_cut(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(rows); i++)
		check_row(&rows[i]);
}

static void
what_fits_is_left_alone(void **state)
{
	struct test_fragment f = { .proto = IPPROTO_UDP, .len = 80 };
	struct rte_mbuf *mbuf = test_fragment_build(pool, &f, data), *out[1] = { NULL };

	(void)state;
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 1), 1);
	assert_ptr_equal(out[0], mbuf);
	test_frame_check(mbuf, &f, data, 80);
	rte_pktmbuf_free(mbuf);
}

static void
fields_of_the_buffer_come_along(void **state)
{
	struct test_fragment f = { .proto = IPPROTO_UDP, .len = 100 };
	struct rte_mbuf *mbuf = test_fragment_build(pool, &f, data), *out[2];
	static const struct rte_mbuf_dynfield name = { .name = "test_mark", .size = 4, .align = 4 };
	int mark = rte_mbuf_dynfield_register(&name);

	(void)state;
	assert_true(mark >= 0);
	mbuf->port = 5;
	mbuf->vlan_tci = 77;
	mbuf->ol_flags = RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	*RTE_MBUF_DYNFIELD(mbuf, mark, uint32_t *) = 4711;
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 2), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(out[i]->port, 5);
		assert_int_equal(out[i]->vlan_tci, 77);
		assert_int_equal(out[i]->ol_flags, RTE_MBUF_F_TX_VLAN);
		assert_int_equal(*RTE_MBUF_DYNFIELD(out[i], mark, uint32_t *), 4711);
		rte_pktmbuf_free(out[i]);
	}
}

static void
small_buffers_make_small_fragments(void **state)
{
	struct rte_mempool *small = test_frag_pool(64, RTE_PKTMBUF_HEADROOM + 300);
	struct rte_mempool *tiny = test_frag_pool(64, RTE_PKTMBUF_HEADROOM + TEST_L3 + 67);
	struct test_fragment f = { .proto = IPPROTO_UDP, .len = 1000 };
	struct rte_mbuf *mbuf = test_fragment_build(pool, &f, data), *out[4];

	(void)state;
	assert_int_equal(masq_frag_cut(tiny, mbuf, TEST_L3, 900, out, 4), -EINVAL);
	assert_int_equal(masq_frag_cut(small, mbuf, TEST_L3, 900, out, 4), 4);
	for (int i = 0; i < 4; i++) {
		f.start = (uint16_t)(264 * i);
		f.len = (uint16_t)RTE_MIN(264, 1000 - f.start);
		f.more = i < 3;
		test_frame_check(out[i], &f, data + f.start, f.len);
		rte_pktmbuf_free(out[i]);
	}
	rte_mempool_free(small);
	rte_mempool_free(tiny);
}

static void
refusals_change_nothing(void **state)
{
	struct test_fragment f = { .proto = IPPROTO_UDP, .len = 200 };
	struct rte_mbuf *mbuf = test_fragment_build(pool, &f, data), *out[8] = { NULL };
	struct rte_mempool *two = test_frag_pool(2, RTE_MBUF_DEFAULT_BUF_SIZE);
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, TEST_L3);

	(void)state;
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 67, out, 8), -EINVAL);
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 2), -EMSGSIZE);
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 1500, out, 0), -EMSGSIZE);
	assert_int_equal(masq_frag_cut(two, mbuf, TEST_L3, 100, out, 8), -ENOMEM);
	assert_int_equal(rte_mempool_in_use_count(two), 0);
	assert_int_equal(masq_frag_cut(pieces, mbuf, 201, 100, out, 8), -EINVAL);
	test_frame_check(mbuf, &f, data, 200);
	ip[0] = 0x44;
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 8), -EINVAL);
	ip[0] = 0x45;
	ip[3]++; /* one byte more than is there */
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 8), -EINVAL);
	ip[3] -= 2;
	ip[6] = 0x20; /* more to come after 199 bytes */
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 8), -EINVAL);
	ip[6] = 0x1f; /* up to 65728 */
	ip[7] = 0xff;
	assert_int_equal(masq_frag_cut(pieces, mbuf, TEST_L3, 100, out, 8), -EINVAL);
	assert_int_equal(rte_mempool_in_use_count(pieces), 0);
	rte_pktmbuf_free(mbuf);
	rte_mempool_free(two);
}

/* ---------------------------------------------------------------- there and back */

static void
shuffle(struct rte_mbuf **mbuf, unsigned int n)
{
	for (unsigned int i = n; i > 1; i--) {
		unsigned int k = test_dice(i);
		struct rte_mbuf *other = mbuf[i - 1];

		mbuf[i - 1] = mbuf[k];
		mbuf[k] = other;
	}
}

/* Cut each of the n frames again. @return the new number */
static unsigned int
cut_again(struct rte_mbuf **mbuf, unsigned int n, uint16_t mtu)
{
	struct rte_mbuf *out[OUT_MAX];
	unsigned int total = 0;

	for (unsigned int i = 0; i < n; i++) {
		int more = masq_frag_cut(
				pieces, mbuf[i], TEST_L3, mtu, out + total, OUT_MAX - total);

		assert_true(more > 0);
		total += (unsigned int)more;
	}
	memcpy(mbuf, out, total * sizeof(out[0]));
	return total;
}

static void
there_and_back(void **state)
{
	struct masq_frag_config config = { .datagrams = 1, .per_source = 1, .timeout_ms = 1000 };
	struct masq_frag *frag = masq_frag_create(&config, NULL);
	struct rte_mbuf *mbuf[OUT_MAX];
	unsigned int refragmented = 0;

	(void)state;
	assert_non_null(frag);
	test_seed = 99;
	for (unsigned int round = 0; round < 1000; round++) {
		bool has_options = test_dice(2) != 0;
		uint16_t mtu = (uint16_t)(68 + test_dice(1433));
		uint32_t most = RTE_MIN((mtu - 60u) / 8 * 8 * 60, 65475u);
		struct test_fragment f = { .id = (uint16_t)round,
			.proto = IPPROTO_UDP,
			.len = (uint16_t)(9 + test_dice(most - 9)),
			.options = has_options ? options : NULL,
			.option_bytes = has_options ? sizeof(options) : 0 };
		struct masq_frag_result r = { .whole = NULL };
		unsigned int n = 1;

		f.split = (uint16_t)(20 + f.option_bytes + test_dice(f.len));
		mbuf[0] = test_fragment_build(pool, &f, data);
		if (mtu < 1000 && test_dice(2) == 0)
			n = cut_again(mbuf, n, (uint16_t)(mtu + test_dice(500)));
		refragmented += n > 1;
		n = cut_again(mbuf, n, mtu);
		shuffle(mbuf, n);
		if (n > MASQ_FRAG_PIECES_MAX) {
			rte_pktmbuf_free_bulk(mbuf, n);
			continue;
		}
		for (unsigned int i = 0; i < n; i++) {
			assert_null(r.whole);
			assert_true(rte_pktmbuf_pkt_len(mbuf[i]) <= TEST_L3 + (uint32_t)mtu);
			masq_frag_push(frag, mbuf[i], TEST_L3, 0, &r);
			assert_int_equal(r.n_dropped, 0);
		}
		assert_non_null(r.whole);
		test_whole_check(r.whole, &f, data, f.len);
		rte_pktmbuf_free(r.whole);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
		assert_int_equal(rte_mempool_in_use_count(pieces), 0);
	}
	assert_true(refragmented > 100);
	masq_frag_destroy(frag);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_cut),
		cmocka_unit_test(what_fits_is_left_alone),
		cmocka_unit_test(fields_of_the_buffer_come_along),
		cmocka_unit_test(small_buffers_make_small_fragments),
		cmocka_unit_test(refusals_change_nothing),
		cmocka_unit_test(there_and_back),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "64");
	pool = test_frag_pool(64, RTE_MBUF_DEFAULT_BUF_SIZE);
	pieces = test_frag_pool(2048, RTE_MBUF_DEFAULT_BUF_SIZE);
	test_frag_data(data, sizeof(data));
	return cmocka_run_group_tests_name("net/frag_cut", tests, NULL, NULL);
}
