/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs: cycles of the real stages against an ideal loop, in one process and one run.
 *
 * Ideal loop: parse, rte_hash bulk lookup, rewrite from a 64-byte record, nothing else; no ports, no
 * features. Its table has as many entries and as many keys as the appliance's.
 *
 * Real stages: masq_dp_poll() of one worker over memory ports (net_ring), receive and transmit
 * included, every feature compiled in, the rules below in force. Only the polls are timed: packets
 * are put into the rings before and taken out after. Both directions, flows in random order.
 *
 * New session: first packets through the slow path, timed in blocks up to the number of sessions;
 * the last blocks count. Beside it two bare rte_hash adds, into a table of that size that fills up
 * in the same way.
 *
 * Machines are noisy: every number is the median of several rounds, the ratios are of one run.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_hash.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include <masq_conf_command.h>
#include <masq_dp.h>
#include <masq_dp_manual.h>
#include <masq_hash.h>
#include <masq_rewrite.h>
#include <masq_test_pkt.h>

#define BATCH 256 /* packets in flight: like the rings of a NIC, they stay in the cache */
#define BURST 32
#define FRAME_BYTES 60
#define RING_SIZE 1024
#define ROUNDS_MAX 64
#define SEED 42

enum {
	LAN,
	WAN,
	N_PORTS
};

static const char bench_rules[] = "route add 10.0.0.0/8 via 192.168.1.254\n"
				  "ipchains -A input -s 192.0.2.0/24 -j DENY\n"
				  "ipchains -A input -p tcp -s 0.0.0.0/0 6000:6010 -j DENY\n"
				  "ipchains -A input -s 10.0.0.0/8 -m 1\n"
				  "ipchains -A forward -d 198.51.100.0/24 -j ACCEPT\n"
				  "ipchains -A forward -s 10.0.0.0/8 -j MASQ\n"
				  "ipchains -P forward DENY\n"
				  "portfw -a -P udp -L 203.0.113.1 53 -R 10.0.0.53 53\n";

struct flow {
	struct masq_tuple initial, reply;
};

static struct rte_ring *to_box[N_PORTS], *from_box[N_PORTS];
static struct rte_mempool *pool;
static struct rte_mbuf *batch[BATCH];
static uint64_t random_state = 88172645463325252ULL;

static uint64_t
random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

/* ---------------------------------------------------------------- packets */

static uint16_t
ip_checksum(const uint8_t *ip)
{
	return masq_test_checksum(ip, 20);
}

/* A 60-byte UDP or TCP frame of a tuple; the transport checksum is left as it falls: nobody looks. */
static void
write_frame(struct rte_mbuf *mbuf, const struct masq_tuple *tuple)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint16_t sum;

	memset(frame, 0, FRAME_BYTES);
	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[17] = FRAME_BYTES - 14;
	frame[22] = 64;
	frame[23] = tuple->proto;
	memcpy(frame + 26, &tuple->src, 8);
	sum = rte_cpu_to_be_16(ip_checksum(frame + 14));
	memcpy(frame + 24, &sum, 2);
	memcpy(frame + 34, &tuple->sport, 4);
	if (tuple->proto == IPPROTO_TCP) {
		frame[46] = 0x50;
		frame[47] = MASQ_TCP_ACK;
		frame[50] = 1;
	} else {
		frame[39] = FRAME_BYTES - 34;
		frame[40] = 0x12;
	}
	rte_pktmbuf_reset(mbuf);
	mbuf->data_len = FRAME_BYTES;
	mbuf->pkt_len = FRAME_BYTES;
}

enum kind {
	MASQUERADE, /* inside hosts to many peers, all hidden behind one address */
	PORTFW, /* many clients to one forwarded port */
	ROUTED, /* inside hosts to a network that is not masqueraded */
	KINDS
};

static struct masq_tuple
flow_tuple(enum kind kind, uint32_t i)
{
	uint32_t mixed = i * 2654435761U;

	if (kind == PORTFW)
		return (struct masq_tuple){
			.src = rte_cpu_to_be_32(MASQ_IP4(198, 18, 0, 0) | (i >> 5)),
			.dst = rte_cpu_to_be_32(MASQ_IP4(203, 0, 113, 1)),
			.sport = rte_cpu_to_be_16((uint16_t)(1024 + (i & 31))),
			.dport = rte_cpu_to_be_16(53),
			.proto = IPPROTO_UDP,
		};
	if (kind == ROUTED)
		return (struct masq_tuple){
			.src = rte_cpu_to_be_32(MASQ_IP4(10, 0, 0, 0) | (1 + (i >> 6))),
			.dst = rte_cpu_to_be_32(MASQ_IP4(198, 51, 100, 7)),
			.sport = rte_cpu_to_be_16((uint16_t)(1024 + (i & 63))),
			.dport = rte_cpu_to_be_16(443),
			.proto = IPPROTO_UDP,
		};
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(MASQ_IP4(10, 0, 0, 0) | (1 + (i >> 6))),
		.dst = rte_cpu_to_be_32(MASQ_IP4(198, 18, 0, 0) | (mixed >> 15)),
		.sport = rte_cpu_to_be_16((uint16_t)(1024 + (i & 63))),
		.dport = rte_cpu_to_be_16(443),
		.proto = (i & 1) != 0 ? IPPROTO_TCP : IPPROTO_UDP,
	};
}

/* ---------------------------------------------------------------- the box */

static struct masq_dp *
box_create(uint32_t sessions)
{
	struct masq_conf_start start = {
		.file = "bench",
		.workers = 1,
		.sessions = sessions,
		.masq_port_low = 1024,
		.masq_port_high = 65535,
		.mbufs = 8191,
		.n_ports = N_PORTS,
		.port = {
			{ .name = "lan", .device = "net_ring_lan", .n_addresses = 1,
				.address = { { MASQ_IP4(192, 168, 1, 1), 24 } } },
			{ .name = "wan", .device = "net_ring_wan", .n_addresses = 1,
				.address = { { MASQ_IP4(203, 0, 113, 1), 24 } },
				.gateway = MASQ_IP4(203, 0, 113, 254) },
		},
	};
	const struct masq_conf_reader reader = { 0 };
	struct masq_conf_rules rules;
	struct masq_err err = { "" };
	struct masq_dp *dp = masq_dp_create(&start, MASQ_DP_MANUAL, SEED, &err);

	if (dp == NULL || masq_conf_rules_init(&rules) != 0 ||
			masq_conf_rules_load(&rules, &reader, "bench", bench_rules,
					sizeof(bench_rules) - 1, &err) != 0 ||
			masq_dp_publish(dp, &rules, &err) != 0 || masq_dp_start(dp, &err) != 0) {
		fprintf(stderr, "bench_datapath: %s\n", err.text);
		exit(1);
	}
	masq_conf_rules_fini(&rules);
	return dp;
}

static uint64_t clock_ms = 1000;

/* Everything that left: ARP requests are answered, the rest goes back to the batch. */
static unsigned int
collect(struct rte_mbuf **out, unsigned int max)
{
	unsigned int n = 0;
	void *mbuf;

	for (unsigned int p = 0; p < N_PORTS; p++)
		while (n < max && rte_ring_dequeue(from_box[p], &mbuf) == 0) {
			uint8_t *frame = rte_pktmbuf_mtod((struct rte_mbuf *)mbuf, uint8_t *);
			uint8_t ip[4];

			if (frame[13] != 0x06) {
				out[n++] = mbuf;
				continue;
			}
			memcpy(ip, frame + 28, 4);
			frame[21] = 2;
			memset(frame, 0, 6);
			memcpy(frame + 28, frame + 38, 4);
			memcpy(frame + 38, ip, 4);
			frame[27] = 0x10 + (uint8_t)p; /* the neighbour's address: not zero */
			rte_ring_enqueue(to_box[p], mbuf);
		}
	return n;
}

/* Poll until all that was put in came out. @return cycles of the polls */
static uint64_t
run(struct masq_dp *dp, unsigned int expected, struct rte_mbuf **out)
{
	unsigned int n = 0;
	uint64_t cycles = 0;

	for (unsigned int round = 0; n < expected && round < 4096; round++) {
		uint64_t t = rte_rdtsc();

		for (unsigned int k = 0; k < BATCH / BURST / 2; k++)
			masq_dp_poll(dp, 0, clock_ms);
		cycles += rte_rdtsc() - t;
		n += collect(out + n, expected - n);
		if (n < expected)
			masq_dp_poll(dp, 0, ++clock_ms);
	}
	if (n < expected) {
		struct masq_dp_counters c;

		masq_dp_counters_read(dp, UINT32_MAX, &c);
		fprintf(stderr, "bench_datapath: %u of %u packets came out\n", n, expected);
		for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
			if (c.drops[d] > 0)
				fprintf(stderr, "  %s: %llu\n", masq_drop_name((enum masq_drop)d),
						(unsigned long long)c.drops[d]);
		exit(1);
	}
	return cycles;
}

/* Take buffers of the batch; what comes back from the box returns to it. */
static unsigned int
port_of(enum kind kind, bool reply)
{
	return (kind == PORTFW) != reply ? WAN : LAN;
}

static void
put(unsigned int port, struct rte_mbuf *mbuf, const struct masq_tuple *tuple)
{
	write_frame(mbuf, tuple);
	if (rte_ring_enqueue(to_box[port], mbuf) != 0) {
		fprintf(stderr, "bench_datapath: the ring is full\n");
		exit(1);
	}
}

/* The tuple that replies will have, read from the frame that left. */
static struct masq_tuple
reply_of(struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	struct masq_tuple left = { .proto = frame[23] };

	memcpy(&left.src, frame + 26, 8);
	memcpy(&left.sport, frame + 34, 4);
	return masq_tuple_reverse(&left);
}

/* One packet each way, so that both neighbours are known and no ARP is measured. */
static void
warm_up(struct masq_dp *dp, enum kind kind, const struct flow *flow)
{
	struct masq_tuple reply;

	put(port_of(kind, false), batch[0], &flow->initial);
	run(dp, 1, batch);
	if (kind == ROUTED)
		return;
	reply = reply_of(batch[0]);
	put(port_of(kind, true), batch[0], &reply);
	run(dp, 1, batch);
}

/*
 * Make all sessions, block by block. @return cycles of a new session near the full table
 */
static double
create_sessions(struct masq_dp *dp, enum kind kind, struct flow *flows, uint32_t n)
{
	double last[ROUNDS_MAX];
	unsigned int n_last = 0;

	for (uint32_t first = 0; first < n; first += BATCH) {
		uint32_t count = RTE_MIN((uint32_t)BATCH, n - first);
		uint64_t cycles;

		for (uint32_t k = 0; k < count; k++)
			put(port_of(kind, false), batch[k], &flows[first + k].initial);
		cycles = run(dp, count, batch);
		/* One port, one worker: they come out in the order in which they went in. */
		for (uint32_t k = 0; k < count; k++)
			flows[first + k].reply = reply_of(batch[k]);
		if (count == BATCH && first > 0)
			last[n_last++ % ROUNDS_MAX] = (double)cycles / count;
	}
	return median(last, RTE_MIN(n_last, (unsigned int)ROUNDS_MAX));
}

/* The first packet of each flow's other direction is judged by the chains. @return its cycles */
static double
first_replies(struct masq_dp *dp, enum kind kind, const struct flow *flows, uint32_t n)
{
	uint64_t cycles = 0;

	for (uint32_t first = 0; first < n; first += BATCH) {
		uint32_t count = RTE_MIN((uint32_t)BATCH, n - first);

		for (uint32_t k = 0; k < count; k++)
			put(port_of(kind, true), batch[k], &flows[first + k].reply);
		cycles += run(dp, count, batch);
	}
	return (double)cycles / n;
}

/* @return cycles of a packet of established flows, both directions, random order */
static double
hit(struct masq_dp *dp, enum kind kind, const struct flow *flows, uint32_t n, unsigned int rounds)
{
	double values[ROUNDS_MAX];

	for (unsigned int r = 0; r < rounds; r++) {
		uint64_t cycles = 0;

		for (unsigned int pass = 0; pass < 16; pass++) {
			for (unsigned int k = 0; k < BATCH; k++) {
				const struct flow *flow = &flows[random_next() % n];
				bool reply = (k & 1) != 0 && kind != ROUTED;

				put(port_of(kind, reply), batch[k],
						reply ? &flow->reply : &flow->initial);
			}
			cycles += run(dp, BATCH, batch);
		}
		values[r] = (double)cycles / BATCH / 16;
	}
	return median(values, rounds);
}

/* ---------------------------------------------------------------- the ideal loop */

struct ideal {
	struct rte_hash *hash;
	struct masq_half *records;
	struct masq_hash_seed seed;
};

/* @return cycles of two bare adds near the full table */
static double
ideal_create(struct ideal *ideal, uint32_t sessions, const struct flow *flows, uint32_t n)
{
	struct rte_hash_parameters params = {
		.name = "ideal",
		.entries = 2 * sessions +
				1, /* like the appliance: twice the buckets at a power of two */
		.key_len = sizeof(struct masq_tuple),
		.socket_id = SOCKET_ID_ANY,
	};
	double last[ROUNDS_MAX];
	unsigned int n_last = 0;

	ideal->seed = (struct masq_hash_seed){ SEED, ~(uint64_t)SEED };
	ideal->hash = rte_hash_create(&params);
	ideal->records = rte_zmalloc(
			"records", (size_t)2 * sessions * sizeof(struct masq_half) + 4096, 64);
	if (ideal->hash == NULL || ideal->records == NULL) {
		fprintf(stderr, "bench_datapath: no memory for the ideal loop\n");
		exit(1);
	}
	for (uint32_t first = 0; first < n; first += BATCH) {
		uint32_t count = RTE_MIN((uint32_t)BATCH, n - first);
		uint64_t t = rte_rdtsc();

		for (uint32_t i = first; i < first + count; i++) {
			rte_hash_add_key_with_hash(ideal->hash, &flows[i].initial,
					masq_hash16(&flows[i].initial, &ideal->seed));
			rte_hash_add_key_with_hash(ideal->hash, &flows[i].reply,
					masq_hash16(&flows[i].reply, &ideal->seed));
		}
		if (count == BATCH && first > 0)
			last[n_last++ % ROUNDS_MAX] = (double)(rte_rdtsc() - t) / count;
	}
	for (uint32_t i = 0; i < n; i++) {
		int32_t a = rte_hash_lookup(ideal->hash, &flows[i].initial);

		(void)a;
		a = rte_hash_lookup_with_hash(ideal->hash, &flows[i].initial,
				masq_hash16(&flows[i].initial, &ideal->seed));
		masq_rewrite_init(&ideal->records[a].rewrite, &flows[i].initial, &flows[i].initial,
				false);
		a = rte_hash_lookup_with_hash(ideal->hash, &flows[i].reply,
				masq_hash16(&flows[i].reply, &ideal->seed));
		masq_rewrite_init(&ideal->records[a].rewrite, &flows[i].reply, &flows[i].reply,
				false);
	}
	return median(last, RTE_MIN(n_last, (unsigned int)ROUNDS_MAX));
}

/* One burst of the ideal loop. */
static void
ideal_burst(const struct ideal *ideal, struct rte_mbuf **mbuf, const uint8_t *const *mac)
{
	struct masq_pkt pkt[BURST];
	uint8_t reason[BURST] = { 0 };
	hash_sig_t signature[BURST];
	const void *key[BURST];
	int32_t position[BURST];

	masq_pkt_parse_burst(mbuf, mac, pkt, reason, BURST);
	for (unsigned int i = 0; i < BURST; i++) {
		key[i] = &pkt[i].key;
		signature[i] = masq_hash16(&pkt[i].key, &ideal->seed);
	}
	rte_hash_lookup_with_hash_bulk(ideal->hash, key, signature, BURST, position);
	for (unsigned int i = 0; i < BURST; i++)
		rte_prefetch0(&ideal->records[position[i]]);
	for (unsigned int i = 0; i < BURST; i++)
		masq_rewrite_apply(&ideal->records[position[i]].rewrite, mbuf[i], &pkt[i]);
}

static double
ideal_hit(const struct ideal *ideal, const struct flow *flows, uint32_t n, unsigned int rounds)
{
	static const uint8_t zero[6];
	const uint8_t *mac[BURST];
	double values[ROUNDS_MAX];

	for (unsigned int i = 0; i < BURST; i++)
		mac[i] = zero;
	for (unsigned int r = 0; r < rounds; r++) {
		uint64_t cycles = 0;

		for (unsigned int pass = 0; pass < 16; pass++) {
			uint64_t t;

			for (unsigned int k = 0; k < BATCH; k++) {
				const struct flow *flow = &flows[random_next() % n];

				write_frame(batch[k], (k & 1) != 0 ? &flow->reply : &flow->initial);
			}
			t = rte_rdtsc();
			for (unsigned int k = 0; k < BATCH; k += BURST)
				ideal_burst(ideal, batch + k, mac);
			cycles += rte_rdtsc() - t;
		}
		values[r] = (double)cycles / BATCH / 16;
	}
	return median(values, rounds);
}

static void
ideal_destroy(struct ideal *ideal)
{
	rte_hash_free(ideal->hash);
	rte_free(ideal->records);
}

/* ---------------------------------------------------------------- main */

struct row {
	uint32_t sessions;
	double hit[KINDS], create[KINDS], reply[KINDS], ideal, adds;
	double bytes;
};

static void
measure_kind(struct row *row, enum kind kind, struct flow *flows, unsigned int rounds)
{
	struct masq_dp *dp = box_create(row->sessions);
	struct masq_dp_memory memory;

	for (uint32_t i = 0; i < row->sessions; i++)
		flows[i].initial = flow_tuple(kind, i);
	clock_ms = 1000;
	warm_up(dp, kind, &flows[0]);
	if (kind != ROUTED) {
		row->create[kind] = create_sessions(dp, kind, flows, row->sessions);
		row->reply[kind] = first_replies(dp, kind, flows, row->sessions);
	}
	row->hit[kind] = hit(dp, kind, flows, row->sessions, rounds);
	masq_dp_memory(dp, &memory);
	row->bytes = (double)(memory.session_tables + memory.port_maps + memory.paths +
				     memory.routed) /
			(double)memory.session_capacity;
	masq_dp_destroy(dp);
}

static void
measure(struct row *row, unsigned int rounds)
{
	struct flow *flows = calloc(row->sessions, sizeof(*flows));
	struct ideal ideal;

	if (flows == NULL)
		exit(1);
	for (int kind = KINDS - 1; kind >= 0; kind--)
		measure_kind(row, (enum kind)kind, flows, rounds);
	row->adds = ideal_create(&ideal, row->sessions, flows, row->sessions);
	row->ideal = ideal_hit(&ideal, flows, row->sessions, rounds);
	ideal_destroy(&ideal);
	free(flows);
}

static void
print_row(const struct row *row)
{
	printf("%9u %7.0f %7.0f %5.2f %7.0f %5.2f %7.0f %5.2f %8.0f %8.0f %5.2f %8.0f %8.0f %7.0f\n",
			row->sessions, row->ideal, row->hit[MASQUERADE],
			row->hit[MASQUERADE] / row->ideal, row->hit[PORTFW],
			row->hit[PORTFW] / row->ideal, row->hit[ROUTED],
			row->hit[ROUTED] / row->ideal, row->adds, row->create[MASQUERADE],
			row->create[MASQUERADE] / row->adds, row->reply[MASQUERADE],
			row->create[PORTFW], row->bytes);
	fflush(stdout);
}

static void
start_eal(const char *program, const char *memory_mb)
{
	char name[64], memory[16];
	char *argv[] = { name, (char[]){ "--no-huge" }, (char[]){ "--no-shconf" }, (char[]){ "-m" },
		memory, (char[]){ "--no-pci" }, (char[]){ "--no-telemetry" },
		(char[]){ "--log-level=*:error" }, (char[]){ "-l" }, (char[]){ "0" }, NULL };
	static char in_memory[] = "--in-memory", no_hpet[] = "--no-hpet";
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long free_pages = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "HugePages_Free: %lu", &free_pages);
	if (f != NULL)
		fclose(f);
	if (free_pages * 2 > strtoul(memory_mb, NULL, 10)) {
		argv[1] = in_memory; /* hugepages without files */
		argv[2] = no_hpet;
	}
	snprintf(name, sizeof(name), "%s", program);
	snprintf(memory, sizeof(memory), "%s", memory_mb);
	if (rte_eal_init(10, argv) < 0)
		exit(1);
	printf("memory: %s\n", argv[1][2] == 'i' ? "hugepages" : "4 KB pages");
}

static void
make_ports(void)
{
	static const char *const names[N_PORTS] = { "lan", "wan" };

	pool = rte_pktmbuf_pool_create(
			"bench", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL || rte_pktmbuf_alloc_bulk(pool, batch, BATCH) != 0)
		exit(1);
	for (unsigned int p = 0; p < N_PORTS; p++) {
		char name[16];

		snprintf(name, sizeof(name), "to_%s", names[p]);
		to_box[p] = rte_ring_create(
				name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		snprintf(name, sizeof(name), "from_%s", names[p]);
		from_box[p] = rte_ring_create(
				name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (rte_eth_from_rings(names[p], &to_box[p], 1, &from_box[p], 1, 0) < 0)
			exit(1);
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "smoke", no_argument, NULL, 's' },
		{ "sessions", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "memory", required_argument, NULL, 'm' }, { 0 } };
	uint32_t sizes[8] = { 1024, 65536, 1048576 };
	unsigned int n_sizes = 3, rounds = 15;
	const char *memory = "2048";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			sizes[0] = 512;
			n_sizes = 1;
			rounds = 2;
			memory = "512";
			break;
		case 'n':
			n_sizes = 0;
			for (char *w = strtok(optarg, ","); w != NULL && n_sizes < 8;
					w = strtok(NULL, ","))
				sizes[n_sizes++] = (uint32_t)strtoul(w, NULL, 0);
			break;
		case 'r':
			rounds = RTE_MIN((unsigned int)strtoul(optarg, NULL, 0),
					(unsigned int)ROUNDS_MAX);
			break;
		case 'm':
			memory = optarg;
			break;
		default:
			fprintf(stderr,
					"usage: %s [--smoke] [--sessions N,N] [--rounds N] "
					"[--memory MB]\n",
					argv[0]);
			return 2;
		}
	}
	start_eal(argv[0], memory);
	make_ports();
	printf("%9s %7s %7s %5s %7s %5s %7s %5s %8s %8s %5s %8s %8s %7s\n", "sessions", "ideal",
			"masq", "ratio", "portfw", "ratio", "routed", "ratio", "2 adds", "new masq",
			"ratio", "1st rep", "new pfw", "bytes");
	for (unsigned int k = 0; k < n_sizes; k++) {
		struct row row = { .sessions = sizes[k] };

		measure(&row, rounds);
		print_row(&row);
	}
	return 0;
}
