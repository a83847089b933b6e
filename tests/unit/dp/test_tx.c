/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Packets that lie in several buffers, at a port whose device takes such chains and at one that does
 * not: there they become one buffer, or are dropped by name. What left lies in a memory port's ring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include <masq_dp_manual.h>

#include "dp_fixture.h"
#include "masq_dp_priv.h"
#include "masq_stage_tx.h"
#include "masq_test_eal.h"
#include "masq_worker.h"

#define MBUFS 511

static struct rte_ring *ring;
static struct rte_mempool *small; /* whose buffers another has filled, as far as they go */
static struct masq_dp *dp;
static struct masq_worker *worker;

static void
make_box(void)
{
	struct masq_conf_start start = small_box(MBUFS);
	struct masq_err err = { "" };

	start.n_ports = 1;
	start.port[0] = (struct masq_conf_port){ .name = "p", .device = "net_ring_p" };
	ring = rte_ring_create("p", 256, SOCKET_ID_ANY, 0);
	small = rte_pktmbuf_pool_create("small", 1023, 0, 0, RTE_PKTMBUF_HEADROOM + 100, 0);
	if (ring == NULL || small == NULL ||
			rte_eth_from_rings("p", &ring, 1, &ring, 1, SOCKET_ID_ANY) < 0) {
		fprintf(stderr, "no memory port\n");
		exit(1);
	}
	dp = masq_dp_create(&start, MASQ_DP_MANUAL, 42, &err);
	if (dp == NULL || masq_port_start(dp, &dp->ports[0], &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	worker = dp->workers[0];
}

static uint8_t
byte_at(uint32_t offset)
{
	return (uint8_t)(offset * 7 + offset / 256);
}

/* A frame in buffers of 100 bytes each, all full but the last. */
static struct rte_mbuf *
make_chain(uint32_t bytes)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < bytes; at += 100) {
		uint16_t here = (uint16_t)RTE_MIN(bytes - at, 100u);
		struct rte_mbuf *segment = rte_pktmbuf_alloc(small);
		uint8_t *data;

		assert_non_null(segment);
		data = (uint8_t *)rte_pktmbuf_append(segment, here);
		for (uint32_t k = 0; k < here; k++)
			data[k] = byte_at(at + k);
		if (head == NULL)
			head = segment;
		else
			assert_int_equal(rte_pktmbuf_chain(head, segment), 0);
	}
	return head;
}

/* Send it. @return what the device got, NULL: nothing */
static struct rte_mbuf *
sent(struct rte_mbuf *mbuf, bool takes_chains, uint16_t vlan)
{
	struct masq_port *port = &dp->ports[0];
	void *out = NULL;

	port->takes_chains = takes_chains;
	port->vlan = vlan;
	masq_tx_one(worker, mbuf, 0);
	masq_tx_flush(worker);
	(void)rte_ring_dequeue(ring, &out);
	return out;
}

static void
expect_frame(struct rte_mbuf *mbuf, uint32_t bytes, uint16_t segments, uint16_t vlan)
{
	uint32_t tag = vlan != 0 ? 4 : 0;
	uint8_t copy[4096];
	const uint8_t *frame;

	assert_non_null(mbuf);
	assert_int_equal(mbuf->nb_segs, segments);
	assert_int_equal(mbuf->pkt_len, bytes + tag);
	rte_mbuf_sanity_check(mbuf, 1);
	frame = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, copy);
	for (uint32_t k = 0; k < bytes; k++)
		assert_int_equal(frame[k < 12 ? k : k + tag], byte_at(k));
	if (tag != 0) {
		const uint8_t wanted[4] = { 0x81, 0, (uint8_t)(vlan >> 8), (uint8_t)vlan };

		assert_memory_equal(frame + 12, wanted, sizeof(wanted));
	}
	rte_pktmbuf_free(mbuf);
}

static void
expect_nothing_left(void)
{
	assert_int_equal(rte_mempool_in_use_count(small), 0);
	assert_int_equal(masq_dp_buffers_in_use(dp), 0);
}

static void
a_device_that_takes_chains_gets_them(void **state)
{
	(void)state;
	/* Ours does, so it was asked for. */
	assert_true(dp->ports[0].takes_chains);
	expect_frame(sent(make_chain(250), true, 0), 250, 3, 0);
	expect_frame(sent(make_chain(250), true, 7), 250, 3, 7);
	expect_frame(sent(make_chain(100), true, 0), 100, 1, 0);
	expect_nothing_left();
}

static void
others_get_one_buffer(void **state)
{
	(void)state;
	expect_frame(sent(make_chain(100), false, 0), 100, 1, 0);
	expect_frame(sent(make_chain(101), false, 0), 101, 1, 0);
	expect_frame(sent(make_chain(1514), false, 0), 1514, 1, 0);
	expect_frame(sent(make_chain(1514), false, 7), 1514, 1, 7);
	expect_nothing_left();
	assert_int_equal(worker->counters.drops[MASQ_DROP_SEGMENTS], 0);
}

/* There is room behind the first part: no other buffer is needed. */
static void
the_first_buffer_is_used_when_it_has_room(void **state)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dp->pools[0]), *rest = make_chain(250);
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(mbuf, 50);

	(void)state;
	for (uint32_t k = 0; k < 50; k++)
		data[k] = byte_at(k);
	rte_pktmbuf_adj(rest, 50);
	assert_int_equal(rte_pktmbuf_chain(mbuf, rest), 0);
	assert_ptr_equal(sent(mbuf, false, 0), mbuf);
	expect_frame(mbuf, 250, 1, 0);
	expect_nothing_left();
}

static void
what_does_not_fit_is_dropped_by_name(void **state)
{
	uint32_t room = rte_pktmbuf_data_room_size(dp->pools[0]) - RTE_PKTMBUF_HEADROOM;
	uint64_t dropped = worker->counters.drops[MASQ_DROP_SEGMENTS];

	(void)state;
	expect_frame(sent(make_chain(room), false, 7), room, 1, 7);
	assert_null(sent(make_chain(room + 1), false, 0));
	assert_int_equal(worker->counters.drops[MASQ_DROP_SEGMENTS], dropped + 1);
	expect_frame(sent(make_chain(room + 1), true, 0), room + 1, (uint16_t)(room / 100 + 1), 0);
	expect_nothing_left();
}

static void
no_buffer_is_free(void **state)
{
	struct rte_mbuf *all[MBUFS];
	uint64_t dropped = worker->counters.drops[MASQ_DROP_NO_MBUF];

	(void)state;
	for (unsigned int k = 0; k < MBUFS; k++) {
		all[k] = rte_pktmbuf_alloc(dp->pools[0]);
		assert_non_null(all[k]);
	}
	assert_null(sent(make_chain(250), false, 0));
	assert_int_equal(worker->counters.drops[MASQ_DROP_NO_MBUF], dropped + 1);
	expect_frame(sent(make_chain(250), true, 0), 250, 3, 0);
	rte_pktmbuf_free_bulk(all, MBUFS);
	expect_nothing_left();
}

/* @param dropped place of one that is not sent; n or more: all are */
static void
stage_with(struct rte_mbuf **mbuf, unsigned int n, unsigned int dropped)
{
	struct masq_burst *b = &worker->burst;

	b->n = n;
	memset(b->verdict, MASQ_UNDECIDED, sizeof(b->verdict));
	memset(b->departure, 0xff, sizeof(b->departure));
	for (unsigned int i = 0; i < n; i++) {
		b->mbuf[i] = mbuf[i];
		b->verdict[i] = MASQ_SEND;
		b->departure[i] = 0;
	}
	if (dropped < n)
		masq_burst_drop(b, dropped, MASQ_DROP_SHUTDOWN);
	masq_stage_tx(worker, b);
	assert_true(worker->tx.port[0].n < MASQ_TX_BURST);
	assert_int_equal(worker->tx.port[1].n, 0); /* which lies behind */
}

/* Whatever waits for the port already, and whether a burst goes in one piece: all leave, in their order. */
static void
bursts_leave_whole(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 31, 32 };

	(void)state;
	dp->ports[0].takes_chains = true;
	dp->ports[0].vlan = 0;
	for (unsigned int waiting = 0; waiting < MASQ_TX_BURST; waiting++)
		for (unsigned int k = 0; k < 3 * RTE_DIM(sizes); k++) {
			const unsigned int n = sizes[k / 3], total = waiting + n;
			const unsigned int dropped = k % 3 == 0 ? 0 : k % 3 == 1 ? n - 1 : n;
			struct rte_mbuf *mbuf[MASQ_TX_BURST + MASQ_BURST];

			assert_int_equal(rte_pktmbuf_alloc_bulk(dp->pools[0], mbuf, total), 0);
			for (unsigned int i = 0; i < waiting; i++)
				masq_tx_one(worker, mbuf[i], 0);
			stage_with(mbuf + waiting, n, dropped);
			masq_tx_flush(worker);
			for (unsigned int i = 0; i < total; i++) {
				void *out = NULL;

				if (i == waiting + dropped)
					continue;
				assert_int_equal(rte_ring_dequeue(ring, &out), 0);
				assert_ptr_equal(out, mbuf[i]);
				rte_pktmbuf_free(out);
			}
			assert_int_equal(rte_ring_count(ring), 0);
			expect_nothing_left();
		}
}

/* Two workers, and one transmit queue, which is the first worker's. */
static struct masq_dp *
make_sharing_box(struct rte_ring *sent_to)
{
	struct masq_conf_start start = small_box(2 * MBUFS);
	struct masq_err err = { "" };
	struct masq_conf_rules none;
	struct masq_dp *sharing;

	start.workers = 2;
	start.n_ports = 1;
	start.port[0] = (struct masq_conf_port){ .name = "q", .device = "net_ring_q" };
	assert_true(rte_eth_from_rings("q", &sent_to, 1, &sent_to, 1, SOCKET_ID_ANY) >= 0);
	sharing = masq_dp_create(&start, MASQ_DP_MANUAL, 42, &err);
	assert_int_equal(masq_conf_rules_init(&none), 0);
	if (sharing == NULL || masq_dp_publish(sharing, &none, &err) != 0 ||
			masq_dp_start(sharing, &err) != 0)
		fail_msg("%s", err.text);
	masq_conf_rules_fini(&none);
	return sharing;
}

/* What a worker without a queue hands over in a round is sent in the next one, in its order: if less were, it
 * would hand over more than is sent, round after round. */
static void
what_is_handed_over_in_a_round_is_sent_in_one(void **state)
{
	const unsigned int n = 2 * MASQ_TX_BURST;
	struct rte_ring *sent_to = rte_ring_create("q", 512, SOCKET_ID_ANY, 0);
	struct masq_dp *sharing = make_sharing_box(sent_to);
	struct rte_mbuf *mbuf[2 * MASQ_TX_BURST];

	(void)state;
	assert_int_equal(sharing->ports[0].tx_worker[1], 0);
	assert_int_equal(rte_pktmbuf_alloc_bulk(sharing->pools[0], mbuf, n), 0);
	for (unsigned int i = 0; i < n; i++)
		masq_tx_one(sharing->workers[1], mbuf[i], 0);
	masq_dp_poll(sharing, 1, 1000);
	masq_dp_poll(sharing, 0, 1000);
	for (unsigned int i = 0; i < n; i++) {
		void *out = NULL;

		assert_int_equal(rte_ring_dequeue(sent_to, &out), 0);
		assert_ptr_equal(out, mbuf[i]);
		rte_pktmbuf_free(out);
	}
	masq_dp_stop(sharing);
	masq_dp_destroy(sharing);
	rte_ring_free(sent_to);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_takes_chains_gets_them),
		cmocka_unit_test(others_get_one_buffer),
		cmocka_unit_test(the_first_buffer_is_used_when_it_has_room),
		cmocka_unit_test(what_does_not_fit_is_dropped_by_name),
		cmocka_unit_test(no_buffer_is_free),
		cmocka_unit_test(bursts_leave_whole),
		cmocka_unit_test(what_is_handed_over_in_a_round_is_sent_in_one),
	};
	int failed;

	(void)argc;
	masq_test_eal_init(argv[0], "128");
	make_box();
	failed = cmocka_run_group_tests_name("dp/tx", tests, NULL, NULL);
	masq_dp_destroy(dp);
	return failed;
}
