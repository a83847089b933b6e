/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that really run. In the other tests of this folder one thread polls all workers in turn; here 2, 3 and 4
 * of them run on lcores, as in the daemon, while this thread does everything that a control thread can do, as fast
 * as it can, and a third kind of thread is the world: hosts that talk, answer, call, fall silent and come back.
 * What becomes of a packet depends on chance. In the end the box is stopped in the middle of it all; each packet is
 * accounted for, and no buffer is missing.
 *
 * ThreadSanitizer makes it worth its while (docs/dev/testing.rst). MASQ_TEST_SECONDS says how long each number
 * of workers runs and makes it tell what happened, MASQ_TEST_SEED where chance begins; threads never do the same
 * twice, though.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <masq_conf_command.h>
#include <masq_dp_manual.h>
#include <masq_pkt.h>
#include <masq_test_pkt.h>

#include "masq_dp_priv.h"
#include "masq_test_random.h"
#include "masq_test_tsan.h"

#define SECONDS 2
#define PATIENCE_MS 60000 /* the machine may have other things to do than to run all threads */
#define SPARE 4096 /* buffers that the world does not use, however many stay in the box */
#define WORKERS_MAX 4
#define MBUFS 16383
#define RING_SIZE 2048
#define BURST 32
#define ROWS 64
#define AT_ONCE 12 /* new conversations between two looks at what came out */
#define SYN MASQ_TCP_SYN
#define ACK MASQ_TCP_ACK
#define FIN MASQ_TCP_FIN
#define RST MASQ_TCP_RST

enum {
	LAN,
	WAN,
	SRV,
	PORTS
};

/* Two queues that bring packets in, so that two workers are at it; SRV has one queue to send, so that workers have
 * to hand over what leaves there. */
static const struct {
	const char *name, *address, *gateway;
	unsigned int rx, tx;
} plan[PORTS] = {
	[LAN] = { "lan", "192.168.1.1/24", NULL, 2, WORKERS_MAX },
	[WAN] = { "wan", "203.0.113.1/24", "203.0.113.254", 2, WORKERS_MAX },
	[SRV] = { "srv", "192.168.16.1/24", NULL, 1, 1 },
};

static struct rte_ring *to_box[PORTS][2], *from_box[PORTS];
static struct rte_mempool *pool;

#define COMMON                                                                    \
	"ipchains -P forward MASQ\n"                                              \
	"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080 -p 3\n"         \
	"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080 -p 2\n"         \
	"portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"              \
	"timeout set udp 1 icmp 1 tcp-syn-sent 1 tcp-syn-recv 1 tcp-fin-wait 1\n" \
	"ipchains -A forward -s 192.168.0.0/16 -d 192.168.0.0/16 -j ACCEPT\n"     \
	"ipchains -A input\n"

static const char *const rule_sets[] = {
	COMMON,
	COMMON "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.29 8080 -p 1\n"
	       "ipchains -A forward -p udp -l\n",
	COMMON "ipchains -A input -p tcp -y -d 203.0.113.1 80\n"
	       "route add 198.51.100.0/24 via 192.168.16.29\n",
	COMMON "ipchains -A forward -p icmp -j REJECT\n"
	       "ipchains -A input -p tcp -d 203.0.113.9 -j DENY -l\n",
	COMMON "timeout set tcp-established 1 udp 2\n"
	       "ipchains -A output -s 203.0.113.1 -l\n",
	"ipchains -P forward DENY\n",
};

/* ---------------------------------------------------------------- the world */

struct world {
	pthread_t thread;
	uint64_t rnd;
	_Atomic bool stop;
	uint8_t mac[PORTS][6];
};

static uint32_t
dice(struct world *world, uint32_t limit)
{
	return test_random_below(&world->rnd, limit);
}

static bool
percent(struct world *world, uint32_t n)
{
	return test_random_percent(&world->rnd, n);
}

/* Into any queue: the packets of a flow come by all of them. */
static void
put(struct world *world, unsigned int port, struct rte_mbuf *mbuf)
{
	masq_test_tsan_give(mbuf);
	if (rte_ring_sp_enqueue(to_box[port][dice(world, plan[port].rx)], mbuf) != 0) {
		masq_test_tsan_take(mbuf);
		rte_pktmbuf_free(mbuf);
	}
}

static void
say(struct world *world, unsigned int port, struct masq_test_pkt *pkt)
{
	char dst_mac[MASQ_MAC_TEXT_BYTES];

	if (rte_mempool_avail_count(pool) < SPARE)
		return;
	masq_mac_text(world->mac[port], dst_mac);
	if (pkt->dst_mac == NULL)
		pkt->dst_mac = dst_mac;
	put(world, port, masq_test_pkt_build(pool, pkt));
	pkt->dst_mac = NULL;
}

/* Addresses from .200 on never answer; the others do mostly. */
static void
answer_arp(struct world *world, unsigned int port, const uint8_t *frame)
{
	struct masq_test_pkt reply = { .ethertype = 0x0806, .arp = 2 };
	char asked[INET_ADDRSTRLEN], asker[INET_ADDRSTRLEN], mac[MASQ_MAC_TEXT_BYTES];

	if (frame[21] != 1 || (frame[41] >= 200 && frame[41] < 254) || percent(world, 10))
		return;
	reply.src = inet_ntop(AF_INET, frame + 38, asked, sizeof(asked));
	reply.dst = inet_ntop(AF_INET, frame + 28, asker, sizeof(asker));
	masq_mac_text(world->mac[port], mac);
	reply.arp_target_mac = mac;
	say(world, port, &reply);
}

static void
sum_up(struct rte_ipv4_hdr *ip)
{
	void *l4 = ip + 1;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (ip->next_proto_id == IPPROTO_TCP) {
		((struct rte_tcp_hdr *)l4)->cksum = 0;
		((struct rte_tcp_hdr *)l4)->cksum = rte_ipv4_udptcp_cksum(ip, l4);
	} else if (ip->next_proto_id == IPPROTO_UDP) {
		((struct rte_udp_hdr *)l4)->dgram_cksum = 0;
		((struct rte_udp_hdr *)l4)->dgram_cksum = rte_ipv4_udptcp_cksum(ip, l4);
	} else {
		uint8_t *icmp = l4;

		memset(icmp + 2, 0, 2);
		*(uint16_t *)(void *)(icmp + 2) = (uint16_t)~rte_raw_cksum(
				icmp, rte_be_to_cpu_16(ip->total_length) - sizeof(*ip));
	}
}

/* What the other side of a TCP connection says to this. */
static uint8_t
next_flags(struct world *world, uint8_t flags)
{
	if ((flags & SYN) != 0)
		return (flags & ACK) != 0 ? ACK : SYN | ACK;
	switch (dice(world, 8)) {
	case 0:
		return RST;
	case 1:
	case 2:
		return FIN | ACK;
	default:
		return ACK;
	}
}

/* Who got a packet sends one back. */
static void
answer_ip(struct world *world, unsigned int port, const struct rte_mbuf *mbuf)
{
	struct rte_mbuf *copy;
	struct rte_ether_hdr *ether;
	struct rte_ipv4_hdr *ip;
	uint8_t *l4;
	uint32_t addr;
	uint16_t number;

	if (mbuf->pkt_len > 1000 || mbuf->pkt_len < 42)
		return;
	copy = rte_pktmbuf_copy(mbuf, pool, 0, UINT32_MAX);
	if (copy == NULL)
		return;
	ether = rte_pktmbuf_mtod(copy, struct rte_ether_hdr *);
	ip = (struct rte_ipv4_hdr *)(ether + 1);
	l4 = (uint8_t *)(ip + 1);
	ether->src_addr = ether->dst_addr;
	memcpy(ether->dst_addr.addr_bytes, world->mac[port], 6);
	addr = ip->src_addr;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = addr;
	ip->time_to_live = 64;
	if (ip->version_ihl != 0x45 || (ip->fragment_offset & rte_cpu_to_be_16(0x3fff)) != 0 ||
			(ip->next_proto_id == IPPROTO_TCP && copy->pkt_len < 54) ||
			(ip->next_proto_id == IPPROTO_ICMP && l4[0] != 8)) {
		rte_pktmbuf_free(copy);
		return;
	}
	if (ip->next_proto_id == IPPROTO_ICMP) {
		l4[0] = 0;
	} else {
		memcpy(&number, l4, 2);
		memcpy(l4, l4 + 2, 2);
		memcpy(l4 + 2, &number, 2);
	}
	if (ip->next_proto_id == IPPROTO_TCP)
		l4[13] = next_flags(world, l4[13]);
	sum_up(ip);
	put(world, port, copy);
}

/* A router on the way, or the host itself, complains about a packet. */
static void
complain(struct world *world, unsigned int port, const struct rte_mbuf *mbuf)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(mbuf, const void *, 14);
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	const uint8_t *l4 = (const uint8_t *)(ip + 1);
	struct masq_test_pkt quote = {
		.proto = ip->next_proto_id,
		.src = inet_ntop(AF_INET, &ip->src_addr, src, sizeof(src)),
		.dst = inet_ntop(AF_INET, &ip->dst_addr, dst, sizeof(dst)),
		.sport = (uint16_t)(l4[0] << 8 | l4[1]),
		.dport = (uint16_t)(l4[2] << 8 | l4[3]),
	};
	struct masq_test_pkt error = {
		.proto = IPPROTO_ICMP,
		.src = dst,
		.dst = src,
		.icmp_type = 3,
		.icmp_code = 1,
		.quote = &quote,
	};

	if (ip->next_proto_id != IPPROTO_ICMP)
		say(world, port, &error);
}

static unsigned int
listen_to(struct world *world, unsigned int port)
{
	struct rte_mbuf *mbufs[BURST];
	unsigned int n = rte_ring_sc_dequeue_burst(from_box[port], (void **)mbufs, BURST, NULL);

	for (unsigned int k = 0; k < n; k++) {
		const uint8_t *frame;

		masq_test_tsan_take(mbufs[k]);
		frame = rte_pktmbuf_mtod(mbufs[k], const uint8_t *);
		if (frame[12] == 8 && frame[13] == 6)
			answer_arp(world, port, frame);
		else if (percent(world, 75))
			answer_ip(world, port, mbufs[k]);
		else if (percent(world, 10) && mbufs[k]->data_len >= 42)
			complain(world, port, mbufs[k]);
		rte_pktmbuf_free(mbufs[k]);
	}
	return n;
}

static void
say_in_pieces(struct world *world, unsigned int port, struct masq_test_pkt *pkt)
{
	static uint16_t id;

	pkt->payload_bytes = 1000;
	pkt->ip_id = ++id;
	pkt->frag_bytes = 400;
	if (percent(world, 90))
		say(world, port, pkt);
	pkt->frag_offset_bytes = 400;
	pkt->frag_bytes = 0;
	say(world, port, pkt);
}

/* Somebody announces an address; sometimes it has moved to another card. */
static void
announce(struct world *world, unsigned int port)
{
	static const char *const network[PORTS] = { "192.168.1", "203.0.113", "192.168.16" };
	char ip[INET_ADDRSTRLEN], mac[MASQ_MAC_TEXT_BYTES];
	uint32_t last = 2 + dice(world, 250);
	struct masq_test_pkt pkt = {
		.ethertype = 0x0806,
		.arp = percent(world, 50) ? 1 : 2,
		.dst_mac = "ff:ff:ff:ff:ff:ff",
		.src = ip,
		.dst = ip,
		.src_mac = mac,
	};

	snprintf(ip, sizeof(ip), "%s.%u", network[port], last);
	snprintf(mac, sizeof(mac), "02:00:00:00:%02x:%02x", dice(world, 2), last);
	if (port == LAN && percent(world, 30))
		pkt.dst = "192.168.1.1";
	say(world, port, &pkt);
}

static void
begin_something(struct world *world)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	struct masq_test_pkt pkt = {
		.proto = protos[dice(world, sizeof(protos))],
		.src = src,
		.dst = dst,
		.sport = (uint16_t)(1024 + dice(world, 2000)),
		.dport = (uint16_t)(dice(world, 2) != 0 ? 80 : 53),
		.tcp_flags = percent(world, 80) ? SYN : ACK,
		.payload_bytes = dice(world, 100),
		.ttl = percent(world, 3) ? 1 : 64,
	};
	unsigned int port = dice(world, PORTS);

	if (pkt.proto == IPPROTO_ICMP)
		pkt.icmp_type = 8, pkt.icmp_id = pkt.sport;
	/* Outside: on the link, some of them silent; behind the gateway; where a route may lead. */
	switch (dice(world, 4)) {
	case 0:
		snprintf(dst, sizeof(dst), "203.0.113.%u", 2 + dice(world, 220));
		break;
	case 1:
		snprintf(dst, sizeof(dst), "198.51.100.%u", dice(world, 256));
		break;
	case 2:
		snprintf(dst, sizeof(dst), "192.168.%u.%u", percent(world, 50) ? 16 : 1,
				2 + dice(world, 230));
		break;
	default:
		snprintf(dst, sizeof(dst), "209.81.%u.5", dice(world, 4));
		break;
	}
	switch (port) {
	case LAN:
		snprintf(src, sizeof(src), "192.168.1.%u", 2 + dice(world, 60));
		break;
	case SRV:
		snprintf(src, sizeof(src), "192.168.16.%u", 20 + dice(world, 10));
		break;
	default:
		snprintf(src, sizeof(src), "%s.%u", percent(world, 50) ? "203.0.113" : "198.51.100",
				2 + dice(world, 100));
		snprintf(dst, sizeof(dst), "203.0.113.1");
		break;
	}
	/* A call, from outside or from the servers' own side. */
	if (percent(world, 20))
		snprintf(dst, sizeof(dst), "203.0.113.1");
	if (pkt.proto == IPPROTO_UDP && percent(world, 20))
		say_in_pieces(world, port, &pkt);
	else
		say(world, port, &pkt);
}

static void
go_anywhere(void)
{
	cpu_set_t everywhere;

	/* EAL keeps the main thread on one processor, and a thread starts where its creator is. */
	memset(&everywhere, 0xff, sizeof(everywhere));
	pthread_setaffinity_np(pthread_self(), sizeof(everywhere), &everywhere);
}

static void *
turn(void *arg)
{
	struct world *world = arg;

	go_anywhere();
	while (!world->stop) {
		unsigned int n = 0;

		for (unsigned int p = 0; p < PORTS; p++)
			n += listen_to(world, p);
		for (unsigned int k = dice(world, AT_ONCE); k > 0; k--)
			begin_something(world);
		if (percent(world, 10))
			announce(world, dice(world, PORTS));
		if (n == 0 || percent(world, 5))
			rte_delay_us_sleep(dice(world, 300));
	}
	return NULL;
}

/* ---------------------------------------------------------------- the control thread */

struct desk {
	struct masq_dp *dp;
	struct masq_conf_rules rules;
	uint64_t rnd;
};

static void
load(struct desk *desk, const char *text)
{
	const struct masq_conf_reader reader = { 0 };
	struct masq_err err = { "" };

	if (masq_conf_rules_load(&desk->rules, &reader, "threads", text, strlen(text), &err) != 0)
		fail_msg("%s", err.text);
}

static void
publish(struct desk *desk, const char *text)
{
	struct masq_err err = { "" };

	load(desk, text);
	if (masq_dp_publish(desk->dp, &desk->rules, &err) != 0)
		fail_msg("%s", err.text);
}

/* What would be said of rules that are not put in force. */
static void
check_rules(struct desk *desk)
{
	struct masq_err err = { "" };

	if (masq_dp_check(desk->dp, &desk->rules, &err) != 0)
		fail_msg("%s", err.text);
}

static struct masq_dp_session_filter
some_filter(struct desk *desk)
{
	static const uint8_t protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	return (struct masq_dp_session_filter){
		.proto = protos[test_random_below(&desk->rnd, 4)],
		.has_kind = test_random_percent(&desk->rnd, 30),
		.kind = test_random_percent(&desk->rnd, 50) ? MASQ_SESSION_PORTFW
							    : MASQ_SESSION_MASQ,
	};
}

static void
list_sessions(struct desk *desk)
{
	const struct masq_dp_session_filter filter = some_filter(desk);
	struct masq_session_row rows[ROWS];
	struct masq_dp_cursor cursor = { 0 };
	bool end = false;

	while (!end) {
		int n = masq_dp_sessions(desk->dp, &filter, &cursor, rows, ROWS, &end);

		assert_true(n >= 0);
		for (int k = 0; k < n; k++)
			assert_true(filter.proto == 0 || rows[k].initial.proto == filter.proto);
	}
}

static void
flush_sessions(struct desk *desk)
{
	const struct masq_dp_session_filter filter = some_filter(desk);
	struct masq_err err = { "" };

	if (masq_dp_sessions_flush(desk->dp, &filter, &err) < 0)
		fail_msg("%s", err.text);
}

static void
list_neighbours(struct desk *desk)
{
	struct masq_neigh_row rows[ROWS];
	uint32_t cursor = 0;

	while (masq_dp_neighbours(desk->dp, &cursor, rows, ROWS) > 0)
		continue;
}

static void
read_counters(struct desk *desk)
{
	struct masq_dp_counters counters;
	struct masq_dp_memory memory;
	struct masq_dp_port_info info;

	/* Workers count with plain additions. */
	masq_test_tsan_peek(true);
	for (uint32_t w = 0; w < masq_dp_workers(desk->dp); w++)
		masq_dp_counters_read(desk->dp, w, &counters);
	masq_dp_counters_read(desk->dp, UINT32_MAX, &counters);
	masq_test_tsan_peek(false);
	masq_dp_memory(desk->dp, &memory);
	for (uint32_t p = 0; p < masq_dp_ports(desk->dp); p++)
		masq_dp_port_info(desk->dp, p, &info);
}

static void
read_rule_counters(struct desk *desk)
{
	struct masq_err err = { "" };

	if (masq_dp_rule_counters_refresh(desk->dp, &err) != 0)
		fail_msg("%s", err.text);
	masq_dp_rule_counter_zero(desk->dp, desk->rules.chains[0].policy_id);
}

static void
read_rules(struct desk *desk)
{
	const struct masq_rules_input input = { .proto = IPPROTO_TCP, .has_ports = true };
	struct masq_portfw_row portfw[8];
	struct masq_fib_row routes[8];
	enum masq_rules_verdict verdict;

	masq_dp_portfw_rows(desk->dp, portfw, 8);
	masq_dp_route_rows(desk->dp, 0, routes, 8);
	masq_dp_packet_try(desk->dp, 0, &input, &verdict);
}

static void
read_log(struct desk *desk)
{
	static struct masq_dp_log records[512];
	unsigned int n = masq_dp_log_read(desk->dp, records, 512);

	for (unsigned int k = 0; k < n; k++)
		assert_in_range(records[k].place.number, 1, 100);
}

static void
do_something(struct desk *desk)
{
	switch (test_random_below(&desk->rnd, 13)) {
	case 0:
	case 1:
		publish(desk, rule_sets[test_random_below(&desk->rnd, RTE_DIM(rule_sets))]);
		break;
	case 2:
		list_sessions(desk);
		break;
	case 3:
		if (test_random_percent(&desk->rnd, 20))
			flush_sessions(desk);
		break;
	case 4:
		list_neighbours(desk);
		break;
	case 5:
		if (test_random_percent(&desk->rnd, 20))
			masq_dp_neighbours_flush(desk->dp,
					test_random_percent(&desk->rnd, 50) ? 0 : 0xc0a8101bu);
		break;
	case 6:
	case 7:
		read_counters(desk);
		break;
	case 8:
		read_rule_counters(desk);
		break;
	case 9:
		read_rules(desk);
		break;
	case 10:
		read_log(desk);
		break;
	case 11:
		check_rules(desk);
		break;
	default:
		rte_delay_us_sleep(test_random_below(&desk->rnd, 5000));
		break;
	}
}

/* ---------------------------------------------------------------- a box */

/* A port made of rings has no station address; this function stands before the library's own. */
int
rte_eth_macaddr_get(uint16_t port_id, struct rte_ether_addr *mac_addr)
{
	*mac_addr = (struct rte_ether_addr){ { 0x02, 0, 0, 0, 0xb0, (uint8_t)port_id } };
	return 0;
}

static struct masq_conf_start
start_file(uint32_t workers, uint64_t seed)
{
	struct masq_conf_start start = {
		.file = "threads.conf",
		.workers = workers,
		/* Few, so that they give way all the time; or many, that live long. */
		.sessions = seed % 2 == 0 ? 512 : 8192,
		.masq_port_low = 1024,
		.masq_port_high = 3071,
		.mbufs = 8191,
		.idle = MASQ_IDLE_SLEEP,
		.n_ports = PORTS,
	};

	for (unsigned int p = 0; p < PORTS; p++) {
		struct masq_conf_port *port = &start.port[p];

		snprintf(port->name, sizeof(port->name), "%s", plan[p].name);
		snprintf(port->device, sizeof(port->device), "net_ring_%s", plan[p].name);
		masq_ip4_prefix_parse(plan[p].address, &port->address[0]);
		port->n_addresses = 1;
		if (plan[p].gateway != NULL)
			masq_ip4_parse(plan[p].gateway, &port->gateway);
	}
	return start;
}

static unsigned int
seconds(void)
{
	const char *text = getenv("MASQ_TEST_SECONDS");

	return text != NULL ? (unsigned int)atoi(text) : SECONDS;
}

static uint64_t
seed_of(uint32_t workers)
{
	const char *text = getenv("MASQ_TEST_SEED");

	return text != NULL ? strtoull(text, NULL, 10) : workers;
}

/* Has everything happened that this test is about? */
static bool
all_happened(const struct masq_dp_counters *c)
{
	return c->hits > 0 && c->handoffs > 0 && c->tx_handoffs > 0 && c->sessions_remote > 0;
}

static bool
all_has_happened(const struct masq_dp *dp)
{
	struct masq_dp_counters c;

	masq_test_tsan_peek(true);
	masq_dp_counters_read(dp, UINT32_MAX, &c);
	masq_test_tsan_peek(false);
	return all_happened(&c);
}

static void
demand_balance(const struct masq_dp *dp)
{
	struct masq_dp_counters c;
	uint64_t drops = 0;

	masq_dp_counters_read(dp, UINT32_MAX, &c);
	for (unsigned int d = 0; d < MASQ_DROP_COUNT; d++)
		drops += c.drops[d];
	assert_int_equal(c.rx + c.originated, c.tx + c.punted + drops + c.held);
	assert_int_equal(c.held, 0);
	assert_true(all_happened(&c));
	if (getenv("MASQ_TEST_SECONDS") == NULL)
		return;
#define TELL(field, name, text) printf("%18llu %s\n", (unsigned long long)c.field, name);
	MASQ_DP_COUNTER_LIST(TELL)
#undef TELL
	for (unsigned int d = 0; d < MASQ_DROP_COUNT; d++)
		if (c.drops[d] > 0)
			printf("%18llu dropped: %s\n", (unsigned long long)c.drops[d],
					masq_drop_name(d));
}

static void
take_away(void)
{
	void *mbuf;

	for (unsigned int p = 0; p < PORTS; p++) {
		for (unsigned int q = 0; q < plan[p].rx; q++)
			while (rte_ring_dequeue(to_box[p][q], &mbuf) == 0)
				rte_pktmbuf_free(mbuf);
		while (rte_ring_dequeue(from_box[p], &mbuf) == 0) {
			masq_test_tsan_take(mbuf);
			rte_pktmbuf_free(mbuf);
		}
	}
}

static void
everything_at_once(void **state)
{
	const uint32_t workers = *(const uint32_t *)*state;
	const uint64_t seed = seed_of(workers);
	const struct masq_conf_start start = start_file(workers, seed);
	const unsigned int free_before = rte_mempool_avail_count(pool);
	struct world world = { .rnd = seed * 2 + 1 };
	struct desk desk = { .rnd = seed * 2 + 1000001 };
	struct masq_err err = { "" };
	uint64_t begin, until;

	assert_int_equal(masq_conf_rules_init(&desk.rules), 0);
	desk.dp = masq_dp_create(&start, MASQ_DP_LCORES, 0, &err);
	if (desk.dp == NULL)
		fail_msg("%s", err.text);
	desk.dp->answer_ms = desk.dp->take_over_ms = PATIENCE_MS;
	publish(&desk, rule_sets[0]);
	for (unsigned int p = 0; p < PORTS; p++) {
		struct masq_dp_port_info info;

		masq_dp_port_info(desk.dp, p, &info);
		memcpy(world.mac[p], info.mac, 6);
	}
	if (masq_dp_start(desk.dp, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(pthread_create(&world.thread, NULL, turn, &world), 0);
	begin = rte_rdtsc();
	until = begin + seconds() * rte_get_tsc_hz();
	/* On a machine that has other things to do, longer. */
	while (rte_rdtsc() < until ||
			(!all_has_happened(desk.dp) &&
					rte_rdtsc() - begin <
							PATIENCE_MS / 1000 * rte_get_tsc_hz()))
		do_something(&desk);
	masq_dp_stop(desk.dp);
	world.stop = true;
	pthread_join(world.thread, NULL);
	take_away();
	demand_balance(desk.dp);
	assert_int_equal(masq_dp_buffers_in_use(desk.dp), 0);
	assert_int_equal(rte_mempool_avail_count(pool), free_before);
	masq_dp_destroy(desk.dp);
	masq_conf_rules_fini(&desk.rules);
}

static struct rte_ring *
make_ring(const char *direction, unsigned int port, unsigned int queue)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%s_%u", direction, plan[port].name, queue);
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SC_DEQ);
}

static void
init(const char *program)
{
	char name[256], cores[64];
	char *argv[] = { name, (char[]){ "--no-huge" }, (char[]){ "-m" }, (char[]){ "512" },
		(char[]){ "--no-pci" }, (char[]){ "--no-shconf" }, (char[]){ "--no-telemetry" },
		(char[]){ "--log-level=*:error" }, (char[]){ "--lcores" }, cores, NULL };
	cpu_set_t mine;
	int n;

	/* All lcores wherever this program may run: there may be fewer processors than workers. */
	sched_getaffinity(0, sizeof(mine), &mine);
	n = snprintf(cores, sizeof(cores), "(0-%u)@(", WORKERS_MAX);
	for (unsigned int c = 0, some = 0; c < CPU_SETSIZE && some < 2 * WORKERS_MAX; c++)
		if (CPU_ISSET(c, &mine)) {
			n += snprintf(cores + n, sizeof(cores) - (size_t)n, "%u,", c);
			some++;
		}
	cores[n - 1] = ')';
	snprintf(name, sizeof(name), "%s", program);
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		exit(1);
	masq_test_tsan_init();
	pool = masq_test_pool_create(MBUFS);
	for (unsigned int p = 0; p < PORTS; p++) {
		struct rte_ring *tx[WORKERS_MAX];

		from_box[p] = make_ring("from", p, 0);
		for (unsigned int q = 0; q < plan[p].rx; q++)
			to_box[p][q] = make_ring("to", p, q);
		for (unsigned int q = 0; q < WORKERS_MAX; q++)
			tx[q] = from_box[p];
		if (rte_eth_from_rings(plan[p].name, to_box[p], plan[p].rx, tx, plan[p].tx, 0) < 0)
			exit(1);
	}
}

int
main(int argc, char **argv)
{
	static uint32_t two = 2, three = 3, four = 4;
	const struct CMUnitTest tests[] = {
		{ "everything_at_once (2 workers)", everything_at_once, NULL, NULL, &two },
		{ "everything_at_once (3 workers)", everything_at_once, NULL, NULL, &three },
		{ "everything_at_once (4 workers)", everything_at_once, NULL, NULL, &four },
	};

	(void)argc;
	init(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
