/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance in this process. The ports are net_ring devices with one receive queue a worker; a
 * device lives as long as the process and serves one box after the other.
 *
 * RSS. A memory port has none, so the box plays the NIC: it puts a packet into the queue of the
 * worker that owns it, writes the hash into the buffer, and tells the data path that the port
 * spreads by its key (that is why the private header is needed). Without RSS everything arrives at
 * the first queue of its port.
 *
 * The watch. Only polls are timed, and exactly as many as there are packets for: a round of polls
 * that finds nothing would be counted as work.
 */
#include "bench_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <masq_conf_command.h>
#include <masq_dp_manual.h>
#include <masq_rss.h>

#include "bench.h"
#include "bench_row.h"
#include "masq_dp_priv.h"
#include "masq_vlan.h"

#define RING_SIZE 4096
#define SEED 42
#define PASSES_MAX 64
#define ROUNDS_MAX 512 /* of polls, until packets that go round by another worker are out */

struct rte_mbuf *bench_batch[BENCH_BATCH_MAX];
static struct rte_mempool *pool;

/* The devices, by queues: those with one queue, those with two, ... */
static struct rte_ring *to_box[BENCH_WORKERS_MAX + 1][BENCH_PORTS][BENCH_WORKERS_MAX];
static struct rte_ring *from_box[BENCH_WORKERS_MAX + 1][BENCH_PORTS];

void
bench_box_init(void)
{
	/* Not one more than travel: a buffer that leaks is missed at once. */
	pool = rte_pktmbuf_pool_create(
			"bench", BENCH_BATCH_MAX, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, bench_batch, BENCH_BATCH_MAX) != 0)
		bench_fail("no memory for packets");
}

static struct rte_ring *
ring(const char *direction, const char *port, uint32_t queues, uint32_t queue)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s_%s%u_%u", direction, port, queues, queue);
	r = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (r == NULL)
		bench_fail("no memory for the ring %s", name);
	return r;
}

static void
make_devices(uint32_t queues)
{
	static const char *const names[BENCH_PORTS] = { "lan", "wan" };

	for (unsigned int p = 0; p < BENCH_PORTS; p++) {
		struct rte_ring *tx[BENCH_WORKERS_MAX];
		char name[16];

		if (from_box[queues][p] != NULL)
			continue;
		from_box[queues][p] = ring("from", names[p], queues, 0);
		for (uint32_t q = 0; q < BENCH_WORKERS_MAX; q++)
			tx[q] = from_box[queues][p];
		for (uint32_t q = 0; q < queues; q++)
			to_box[queues][p][q] = ring("to", names[p], queues, q);
		snprintf(name, sizeof(name), "%s%u", names[p], queues);
		if (rte_eth_from_rings(name, to_box[queues][p], queues, tx, BENCH_WORKERS_MAX, 0) <
				0)
			bench_fail("no memory port %s", name);
	}
}

static struct masq_conf_start
start_file(const struct bench_box *box, uint32_t sessions)
{
	struct masq_conf_start start = {
		.file = "bench",
		.workers = box->workers,
		.sessions = sessions,
		.masq_port_low = 1024,
		.masq_port_high = 65535,
		.mbufs = 8191,
		.n_ports = BENCH_PORTS,
		.port = {
			{ .name = "lan", .n_addresses = 1,
				.address = { { MASQ_IP4(192, 168, 1, 1), 24 } } },
			{ .name = "wan", .n_addresses = 1,
				.address = { { MASQ_IP4(203, 0, 113, 1), 24 } },
				.gateway = MASQ_IP4(203, 0, 113, 254) },
		},
	};

	for (unsigned int p = 0; p < BENCH_PORTS; p++) {
		snprintf(start.port[p].device, sizeof(start.port[p].device), "net_ring_%s%u",
				start.port[p].name, box->queues);
		start.port[p].vlan = box->vlan;
	}
	return start;
}

void
bench_box_publish(struct bench_box *box, const struct masq_conf_rules *rules)
{
	struct masq_err err = { "" };

	if (masq_dp_publish(box->dp, rules, &err) != 0)
		bench_fail("%s", err.text);
}

void
bench_box_rules(struct bench_box *box, const char *text)
{
	const struct masq_conf_reader reader = { 0 };
	struct masq_conf_rules rules;
	struct masq_err err = { "" };

	if (masq_conf_rules_init(&rules) != 0 ||
			masq_conf_rules_load(&rules, &reader, "bench", text, strlen(text), &err) !=
					0)
		bench_fail("%s", err.text);
	bench_box_publish(box, &rules);
	masq_conf_rules_fini(&rules);
}

struct bench_box *
bench_box_create(const struct bench_box_options *options)
{
	struct bench_box *box = calloc(1, sizeof(*box));
	struct masq_conf_start start;
	struct masq_err err = { "" };

	if (box == NULL)
		bench_fail("no memory");
	box->now_ms = 1000;
	box->workers = options->workers != 0 ? options->workers : 1;
	box->rss = options->rss;
	box->vlan = options->vlan;
	box->queues = box->rss ? box->workers : 1;
	make_devices(box->queues);
	start = start_file(box, options->sessions);
	box->dp = masq_dp_create(&start, MASQ_DP_MANUAL, SEED, &err);
	if (box->dp == NULL)
		bench_fail("%s", err.text);
	bench_box_rules(box, options->rules != NULL ? options->rules : bench_rule_text);
	if (masq_dp_start(box->dp, &err) != 0)
		bench_fail("%s", err.text);
	for (unsigned int p = 0; p < BENCH_PORTS; p++)
		box->dp->ports[p].hardware_rss = box->rss && box->workers > 1;
	return box;
}

/* Questions that nobody answered are the box's own buffers; the next box shall not find them. */
static void
empty(struct bench_box *box, struct rte_ring *r)
{
	void *mbuf;

	while (r != NULL && rte_ring_dequeue(r, &mbuf) == 0)
		if (((struct rte_mbuf *)mbuf)->pool == box->dp->pools[0])
			rte_pktmbuf_free(mbuf);
}

void
bench_box_destroy(struct bench_box *box)
{
	masq_dp_stop(box->dp);
	for (unsigned int p = 0; p < BENCH_PORTS; p++) {
		empty(box, from_box[box->queues][p]);
		for (uint32_t q = 0; q < box->queues; q++)
			empty(box, to_box[box->queues][p][q]);
	}
	masq_dp_destroy(box->dp);
	free(box);
}

struct masq_dp_counters
bench_counters(const struct bench_box *box)
{
	struct masq_dp_counters counters;

	masq_dp_counters_read(box->dp, UINT32_MAX, &counters);
	return counters;
}

/* ---------------------------------------------------------------- packets in */

enum bench_port
bench_port_of(enum bench_kind kind, bool reply)
{
	return (kind == BENCH_PORTFW) != reply ? BENCH_WAN : BENCH_LAN;
}

/* Queue q of port p belongs to worker (p + q) mod n. */
uint32_t
bench_box_queue(const struct bench_box *box, enum bench_port port, const struct masq_tuple *tuple)
{
	if (!box->rss)
		return 0;
	return (masq_rss_owner(box->dp->rss, tuple) + box->workers - port) % box->workers;
}

static void
enqueue(struct bench_box *box, enum bench_port port, uint32_t queue, struct rte_mbuf *mbuf)
{
	if (box->vlan != 0 && !masq_vlan_put_on(mbuf, box->vlan))
		bench_fail("no room for a tag");
	if (rte_ring_enqueue(to_box[box->queues][port][queue], mbuf) != 0)
		bench_fail("a queue is full");
	box->waiting[port][queue]++;
}

void
bench_put_frame(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf,
		const struct masq_tuple *tuple)
{
	uint32_t queue = bench_box_queue(box, port, tuple);

	if (box->rss) {
		mbuf->hash.rss = masq_rss_hash(box->dp->rss, tuple);
		mbuf->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	}
	enqueue(box, port, queue, mbuf);
}

void
bench_put_first(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf,
		const struct masq_tuple *tuple, bool reply)
{
	bench_frame_write(mbuf, tuple, reply ? MASQ_TCP_SYN | MASQ_TCP_ACK : MASQ_TCP_SYN, 0);
	bench_put_frame(box, port, mbuf, tuple);
}

void
bench_put(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf,
		const struct masq_tuple *tuple)
{
	bench_frame_write(mbuf, tuple, MASQ_TCP_ACK, 0);
	bench_put_frame(box, port, mbuf, tuple);
}

/* ---------------------------------------------------------------- packets out */

/* Somebody out there has this address: the request becomes its own answer. */
static void
answer_arp(struct bench_box *box, enum bench_port port, struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t ip[4];

	memcpy(ip, frame + 28, 4);
	frame[21] = 2;
	memset(frame, 0, 6);
	memcpy(frame + 28, frame + 38, 4);
	memcpy(frame + 38, ip, 4);
	frame[27] = 0x10 + (uint8_t)port; /* the neighbour's address: not zero */
	mbuf->ol_flags = 0;
	enqueue(box, port, 0, mbuf);
}

unsigned int
bench_collect(struct bench_box *box, struct rte_mbuf **out, unsigned int max)
{
	unsigned int n = 0;
	void *taken;

	for (unsigned int p = 0; p < BENCH_PORTS; p++)
		while (n < max && rte_ring_dequeue(from_box[box->queues][p], &taken) == 0) {
			struct rte_mbuf *mbuf = taken;

			if (box->vlan != 0)
				masq_vlan_take_off(mbuf);
			if (rte_pktmbuf_mtod(mbuf, const uint8_t *)[13] == 0x06)
				answer_arp(box, (enum bench_port)p, mbuf);
			else
				out[n++] = mbuf;
		}
	return n;
}

bool
bench_waits(const struct bench_box *box, uint32_t worker)
{
	for (unsigned int p = 0; p < BENCH_PORTS; p++)
		for (uint32_t q = 0; q < box->queues; q++)
			if ((p + q) % box->workers == worker &&
					!rte_ring_empty(to_box[box->queues][p][q]))
				return true;
	return false;
}

/* Bursts that wait in the fullest queue of a worker. */
unsigned int
bench_bursts(struct bench_box *box, uint32_t worker)
{
	unsigned int most = 0;

	for (unsigned int p = 0; p < BENCH_PORTS; p++)
		for (uint32_t q = 0; q < box->queues; q++)
			if ((p + q) % box->workers == worker) {
				most = RTE_MAX(most, box->waiting[p][q]);
				box->waiting[p][q] = 0;
			}
	return (most + BENCH_BURST - 1) / BENCH_BURST;
}

/* @param least	polls of each worker, also of one without packets in its queues */
static uint64_t
poll_all(struct bench_box *box, unsigned int least)
{
	uint64_t cycles = 0;

	for (uint32_t w = 0; w < box->workers; w++) {
		unsigned int polls = RTE_MAX(bench_bursts(box, w), least);
		uint64_t t;

		if (polls == 0)
			continue;
		t = rte_rdtsc_precise();
		/* Rounds with many new flows leave a queue to the next one. */
		for (unsigned int k = 0; k < polls || bench_waits(box, w); k++) {
			masq_dp_poll(box->dp, w, box->now_ms);
			box->polls++;
		}
		cycles += rte_rdtsc_precise() - t;
	}
	return cycles;
}

static void
tell_drops(const struct bench_box *box)
{
	struct masq_dp_counters c = bench_counters(box);

	for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
		if (c.drops[d] > 0)
			fprintf(stderr, "  %s: %llu\n", masq_drop_name((enum masq_drop)d),
					(unsigned long long)c.drops[d]);
}

uint64_t
bench_run(struct bench_box *box, unsigned int expected, struct rte_mbuf **out)
{
	unsigned int n = 0;
	uint64_t cycles = 0;

	for (unsigned int round = 0; n < expected && round < ROUNDS_MAX; round++) {
		cycles += poll_all(box, round == 0 ? 0 : 1);
		n += bench_collect(box, out + n, expected - n);
	}
	if (n < expected) {
		tell_drops(box);
		bench_fail("%u of %u packets came out", n, expected);
	}
	return cycles;
}

unsigned int
bench_run_some(struct bench_box *box, struct rte_mbuf **batch, unsigned int n, uint64_t *cycles)
{
	unsigned int left;

	*cycles = poll_all(box, 0);
	left = bench_collect(box, batch, n);
	if (left < n && rte_pktmbuf_alloc_bulk(pool, batch + left, n - left) != 0)
		bench_fail("a packet that was dropped was not freed");
	return left;
}

/* ---------------------------------------------------------------- flows */

static struct masq_tuple
first_packet(struct bench_box *box, enum bench_port port, const struct masq_tuple *tuple,
		bool reply)
{
	struct rte_mbuf *out;
	unsigned int n = 0;

	bench_put_first(box, port, bench_batch[0], tuple, reply);
	for (unsigned int round = 0; n == 0 && round < ROUNDS_MAX; round++) {
		poll_all(box, 1);
		box->now_ms++;
		n = bench_collect(box, &out, 1);
	}
	if (n == 0) {
		tell_drops(box);
		bench_fail("the first packet did not come out");
	}
	bench_batch[0] = out;
	return bench_frame_reply(out);
}

/* The requests of ARP travel in buffers of the box, the first packet in ours: both come back. */
void
bench_warm_up(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flow)
{
	struct masq_tuple reply = first_packet(
			box, bench_port_of(kind, false), &flow->initial, false);

	first_packet(box, bench_port_of(kind, true), &reply, true);
	for (uint32_t k = 0; kind == BENCH_ROUTED && k < BENCH_ROUTES; k++) {
		struct masq_tuple other = flow->initial;

		other.dst = bench_routed_host(k);
		first_packet(box, BENCH_LAN, &other, false);
	}
}

/*
 * Answers are told from each other by the order in which they come: one port, one worker. With more
 * workers the queues are polled one after the other, so each flow is sent alone.
 */
double
bench_sessions_make(
		struct bench_box *box, enum bench_kind kind, struct bench_flow *flows, uint32_t n)
{
	uint32_t step = box->workers == 1 ? BENCH_BATCH : 1;
	uint64_t cycles = 0;

	for (uint32_t first = 0; first < n; first += step) {
		uint32_t count = RTE_MIN(step, n - first);

		for (uint32_t k = 0; k < count; k++)
			bench_put_first(box, bench_port_of(kind, false), bench_batch[k],
					&flows[first + k].initial, false);
		cycles += bench_run(box, count, bench_batch);
		for (uint32_t k = 0; k < count; k++)
			flows[first + k].reply = bench_frame_reply(bench_batch[k]);
	}
	return (double)cycles / n;
}

void
bench_handshakes_end(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flows,
		uint32_t n)
{
	for (uint32_t first = 0; first < n; first += BENCH_BATCH) {
		uint32_t count = RTE_MIN((uint32_t)BENCH_BATCH, n - first);

		for (uint32_t k = 0; k < count; k++)
			bench_put(box, bench_port_of(kind, false), bench_batch[k],
					&flows[first + k].initial);
		bench_run(box, count, bench_batch);
	}
}

double
bench_replies_make(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flows,
		uint32_t n)
{
	uint64_t cycles = 0;

	for (uint32_t first = 0; first < n; first += BENCH_BATCH) {
		uint32_t count = RTE_MIN((uint32_t)BENCH_BATCH, n - first);

		for (uint32_t k = 0; k < count; k++)
			bench_put_first(box, bench_port_of(kind, true), bench_batch[k],
					&flows[first + k].reply, true);
		cycles += bench_run(box, count, bench_batch);
	}
	bench_handshakes_end(box, kind, flows, n);
	return (double)cycles / n;
}

double
bench_hit_round(struct bench_box *box, enum bench_kind kind, const struct bench_flow *flows,
		uint32_t n, unsigned int passes)
{
	double cycles[PASSES_MAX];

	for (unsigned int pass = 0; pass < passes; pass++) {
		for (unsigned int k = 0; k < BENCH_BATCH; k++) {
			const struct bench_flow *flow = &flows[bench_random() % n];
			bool reply = (k & 1) != 0;

			bench_put(box, bench_port_of(kind, reply), bench_batch[k],
					reply ? &flow->reply : &flow->initial);
		}
		cycles[pass] = (double)bench_run(box, BENCH_BATCH, bench_batch) / BENCH_BATCH;
	}
	return bench_median(cycles, passes);
}
