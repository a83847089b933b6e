/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs with 1, 2 and 4 workers, and what it costs to be handed over.
 *
 * Work, not time: the workers' polls run one after the other in this thread. So the figures do not
 * depend on how many processors there are; what they leave out is what processors do to each other, which
 * tables and counters of one writer each keep small by design. Each queue gets equally many packets, a whole
 * number of bursts: how full bursts are is a matter of the NIC and not of workers.
 *
 * With RSS each packet arrives at its owner's queue with its hash, as from a NIC that knows our key;
 * no packet of a masqueraded flow may be handed over. There a worker's batches follow each other, as on a
 * processor of its own: in turn with the others it would find the caches full of what is theirs. Without
 * RSS everything arrives at one queue a port; a packet that belongs to the other worker goes over a ring. The
 * order of packets is looked at there, from the first packet of flows on: each carries its flow and number.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <masq_pkt.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"

#define REPEATS 9
#define PASSES 24
#define BATCH BENCH_BATCH_MAX
#define ORDER_FLOWS 256
#define ORDER_BATCHES 64
#define FLOW_AT 54 /* bytes of the frame that no translation touches */

/* Flows of each worker: few, so that what it does is not hidden by waiting for memory. */
#define FLOWS 1024

static const uint32_t counts[] = { 1, 2, 4 };

#define COUNTS RTE_DIM(counts)

struct figures {
	struct bench_rounds rss, handed, share;
	uint64_t handoffs; /* with RSS */
};

/* Flows by chance, all to one queue of each port: those of a worker, or the only ones. */
static void
put_batch(struct bench_box *box, const struct bench_flow *flows, uint32_t n, uint32_t worker)
{
	unsigned int left[BENCH_PORTS][BENCH_WORKERS_MAX] = { 0 };

	for (unsigned int p = 0; p < BENCH_PORTS; p++)
		left[p][(worker + BENCH_PORTS * box->queues - p) % box->queues] = BATCH /
				BENCH_PORTS;
	for (unsigned int k = 0; k < BATCH; k++) {
		enum bench_port port = (k & 1) != 0 ? BENCH_WAN : BENCH_LAN;
		const struct masq_tuple *tuple;
		uint32_t queue;

		do {
			const struct bench_flow *flow = &flows[bench_random() % n];

			tuple = port == BENCH_WAN ? &flow->reply : &flow->initial;
			queue = bench_box_queue(box, port, tuple);
		} while (left[port][queue] == 0);
		left[port][queue]--;
		bench_put(box, port, bench_batch[k], tuple);
	}
}

/* @return cycles a packet, one worker's like another's */
static double
measure(uint32_t workers, bool rss, struct bench_flow *flows, uint32_t n, uint64_t *handoffs)
{
	struct bench_box *box = bench_box_create(&(struct bench_box_options){
			.workers = workers, .sessions = n + n / 8, .rss = rss });
	double cycles[PASSES], sum = 0;
	uint64_t before;

	bench_warm_up(box, BENCH_MASQUERADE, &flows[0]);
	bench_sessions_make(box, BENCH_MASQUERADE, flows, n);
	bench_replies_make(box, BENCH_MASQUERADE, flows, n);
	before = rss ? 0 : bench_counters(box).handoffs;
	for (uint32_t w = 0; w < box->queues; w++) {
		for (unsigned int pass = 0; pass < PASSES; pass++) {
			put_batch(box, flows, n, w);
			cycles[pass] = (double)bench_run(box, BATCH, bench_batch) / BATCH;
		}
		sum += bench_median(cycles, PASSES);
	}
	*handoffs += bench_counters(box).handoffs - before;
	sum /= box->queues;
	bench_box_destroy(box);
	return sum;
}

static void
tell_workers(struct figures *figures)
{
	for (unsigned int i = 0; i < COUNTS; i++) {
		const char *at = bench_text("%u worker%s", counts[i], counts[i] == 1 ? "" : "s");

		bench_row(&(struct bench_row){
				.topic = "workers",
				.what = "masquerade hit, work of all workers",
				.at = at,
				.x = counts[i],
				.unit = "cycles",
				.rounds = &figures[i].rss,
				.beside = i == 0 ? NULL : "one worker",
				.against = &figures[0].rss,
				.bar = i == 0 ? BENCH_STATED : BENCH_RATIO_AT_MOST,
				.limit = 1.10,
		});
		if (i > 0)
			bench_row(&(struct bench_row){
					.topic = "workers",
					.what = "packets handed over although RSS matches",
					.at = at,
					.x = counts[i],
					.unit = "packets",
					.value = bench_stats_one((double)figures[i].handoffs),
					.bar = BENCH_IS,
					.limit = 0,
			});
	}
}

static void
tell_hand_off(const struct figures *two)
{
	struct bench_rounds extra = { 0 };

	for (unsigned int r = 0; r < two->rss.n; r++)
		bench_rounds_add(&extra,
				(two->handed.value[r] - two->rss.value[r]) / two->share.value[r]);
	bench_row(&(struct bench_row){
			.topic = "workers",
			.what = "masquerade hit without RSS, work of both",
			.at = "2 workers",
			.x = 2,
			.unit = "cycles",
			.rounds = &two->handed,
			.beside = "with RSS",
			.against = &two->rss,
	});
	bench_row(&(struct bench_row){
			.topic = "workers",
			.what = "what a packet costs more that is handed over",
			.at = "2 workers",
			.x = 2,
			.unit = "cycles",
			.rounds = &extra,
			.note = bench_text("%.0f %% of the packets were",
					100 * bench_stats_of(&two->share).median),
	});
}

/* ---------------------------------------------------------------- order */

struct order {
	uint16_t sent[2 * ORDER_FLOWS], seen[2 * ORDER_FLOWS];
	uint64_t wrong;
};

static void
put_numbered(struct bench_box *box, struct order *order, enum bench_port port,
		struct rte_mbuf *mbuf, const struct masq_tuple *tuple, uint32_t stream)
{
	uint8_t flags = MASQ_TCP_ACK;

	if (order->sent[stream]++ == 0)
		flags = stream % 2 == 0 ? MASQ_TCP_SYN : MASQ_TCP_SYN | MASQ_TCP_ACK;
	bench_frame_write(mbuf, tuple, flags, order->sent[stream]);
	memcpy(rte_pktmbuf_mtod_offset(mbuf, void *, FLOW_AT), &stream, sizeof(stream));
	bench_put_frame(box, port, mbuf, tuple);
}

static void
look(struct order *order, const struct rte_mbuf *mbuf)
{
	uint32_t stream;

	memcpy(&stream, rte_pktmbuf_mtod_offset(mbuf, const void *, FLOW_AT), sizeof(stream));
	if (stream >= RTE_DIM(order->seen))
		bench_fail("a packet came out that was not sent");
	order->wrong += bench_frame_id(mbuf) != (uint16_t)(order->seen[stream] + 1);
	order->seen[stream] = bench_frame_id(mbuf);
}

/* Some packets of each of many flows at once; the first of them make the sessions. */
static void
check_order(enum bench_kind kind, const char *what)
{
	struct bench_box *box = bench_box_create(
			&(struct bench_box_options){ .workers = 2, .sessions = 4096 });
	struct bench_flow *flows = bench_flows_make(kind, ORDER_FLOWS + 1);
	static struct order order;

	memset(&order, 0, sizeof(order));
	bench_warm_up(box, kind, &flows[ORDER_FLOWS]);
	for (unsigned int batch = 0; batch < ORDER_BATCHES; batch++) {
		for (unsigned int k = 0; k < BATCH; k++) {
			uint32_t flow = k % ORDER_FLOWS;
			bool reply = batch > 0 && k / ORDER_FLOWS % 2 == 1;

			put_numbered(box, &order, bench_port_of(kind, reply), bench_batch[k],
					reply ? &flows[flow].reply : &flows[flow].initial,
					2 * flow + reply);
		}
		bench_run(box, BATCH, bench_batch);
		for (unsigned int k = 0; k < BATCH; k++) {
			look(&order, bench_batch[k]);
			if (batch == 0) {
				uint32_t stream;

				memcpy(&stream,
						rte_pktmbuf_mtod_offset(bench_batch[k],
								const void *, FLOW_AT),
						sizeof(stream));
				flows[stream / 2].reply = bench_frame_reply(bench_batch[k]);
			}
		}
	}
	bench_row(&(struct bench_row){
			.topic = "workers",
			.what = what,
			.at = "2 workers",
			.x = 2,
			.unit = "packets",
			.value = bench_stats_one((double)order.wrong),
			.bar = BENCH_IS,
			.limit = 0,
			.note = bench_text("of %u; %lu were handed over", ORDER_BATCHES * BATCH,
					(unsigned long)bench_counters(box).handoffs),
	});
	free(flows);
	bench_box_destroy(box);
}

void
bench_workers(const struct bench_options *options)
{
	static struct figures figures[COUNTS];
	const uint32_t each = RTE_MIN(options->sessions, (uint32_t)FLOWS);
	struct bench_flow *flows = bench_flows_make(BENCH_MASQUERADE, counts[COUNTS - 1] * each);

	for (unsigned int r = 0; r < (options->smoke ? 1 : REPEATS); r++)
		for (unsigned int i = 0; i < COUNTS; i++) {
			const uint32_t n = counts[i] * each;
			uint64_t handoffs = 0;

			bench_rounds_add(&figures[i].rss,
					measure(counts[i], true, flows, n, &figures[i].handoffs));
			if (counts[i] != 2)
				continue;
			bench_rounds_add(
					&figures[i].handed, measure(2, false, flows, n, &handoffs));
			bench_rounds_add(&figures[i].share, (double)handoffs / PASSES / BATCH);
		}
	free(flows);
	tell_workers(figures);
	tell_hand_off(&figures[1]);
	check_order(BENCH_MASQUERADE, "masquerade without RSS, packets out of order");
	check_order(BENCH_PORTFW, "portfw without RSS, packets out of order");
}
