/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows and their packets. A flow's tuple follows from its number, so that a table of millions needs
 * no more than the tuples; neighbours in the table share a host, as real ones do.
 */
#include "bench_flow.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf.h>
#include <masq_test_pkt.h>

#include "bench.h"

const char bench_rule_text[] = "route add 10.0.0.0/8 via 192.168.1.254\n"
			       "route add 198.51.100.0/27 via 203.0.113.10\n"
			       "route add 198.51.100.32/27 via 203.0.113.11\n"
			       "route add 198.51.100.64/27 via 203.0.113.12\n"
			       "route add 198.51.100.96/27 via 203.0.113.13\n"
			       "route add 198.51.100.128/27 via 203.0.113.14\n"
			       "route add 198.51.100.160/27 via 203.0.113.15\n"
			       "route add 198.51.100.192/27 via 203.0.113.16\n"
			       "route add 198.51.100.224/27 via 203.0.113.17\n"
			       "ipchains -A input -s 192.0.2.0/24 -j DENY\n"
			       "ipchains -A input -p tcp -s 0.0.0.0/0 6000:6010 -j DENY\n"
			       "ipchains -A input -s 10.0.0.0/8 -m 1\n"
			       "ipchains -A forward -d 198.51.100.0/24 -j ACCEPT\n"
			       "ipchains -A forward -s 198.51.100.0/24 -j ACCEPT\n"
			       "ipchains -A forward -s 10.0.0.0/8 -j MASQ\n"
			       "ipchains -P forward DENY\n"
			       "portfw -a -P udp -L 203.0.113.1 53 -R 10.0.0.53 53\n"
			       "portfw -a -P tcp -L 203.0.113.1 53 -R 10.0.0.53 53\n";

uint64_t
bench_random(void)
{
	static uint64_t state = UINT64_C(88172645463325252);

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static struct masq_tuple
tuple(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint8_t proto)
{
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(src),
		.dst = rte_cpu_to_be_32(dst),
		.sport = rte_cpu_to_be_16(sport),
		.dport = rte_cpu_to_be_16(dport),
		.proto = proto,
	};
}

struct masq_tuple
bench_flow_tuple(enum bench_kind kind, uint32_t i)
{
	uint32_t inside = MASQ_IP4(10, 0, 0, 0) | (1 + (i >> 6));
	uint32_t mixed = i * UINT32_C(2654435761);
	uint8_t proto = (i & 1) != 0 ? IPPROTO_TCP : IPPROTO_UDP;

	if (kind == BENCH_PORTFW)
		return tuple(MASQ_IP4(198, 18, 0, 0) + (i >> 5), (uint16_t)(1024 + (i & 31)),
				MASQ_IP4(203, 0, 113, 1), 53, proto);
	if (kind == BENCH_ROUTED)
		return tuple(inside, (uint16_t)(1024 + (i & 63)),
				MASQ_IP4(198, 51, 100, 0) + (mixed >> 24), 443, proto);
	return tuple(inside, (uint16_t)(1024 + (i & 63)), MASQ_IP4(198, 18, 0, 0) + (mixed >> 15),
			443, proto);
}

rte_be32_t
bench_routed_host(uint32_t k)
{
	return rte_cpu_to_be_32(
			MASQ_IP4(198, 51, 100, 0) + k % BENCH_ROUTES * (256 / BENCH_ROUTES));
}

struct bench_flow *
bench_flows_make(enum bench_kind kind, uint32_t n)
{
	struct bench_flow *flows = calloc(n, sizeof(*flows));

	if (flows == NULL)
		bench_fail("no memory for %u flows", n);
	for (uint32_t i = 0; i < n; i++) {
		flows[i].initial = bench_flow_tuple(kind, i);
		if (kind == BENCH_ROUTED)
			flows[i].reply = masq_tuple_reverse(&flows[i].initial);
	}
	return flows;
}

void
bench_frame_write(struct rte_mbuf *mbuf, const struct masq_tuple *t, uint8_t tcp_flags,
		uint16_t ip_id)
{
	uint8_t *frame;
	uint16_t sum;

	rte_pktmbuf_reset(mbuf);
	mbuf->data_len = BENCH_FRAME_BYTES;
	mbuf->pkt_len = BENCH_FRAME_BYTES;
	frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	memset(frame, 0, BENCH_FRAME_BYTES);
	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[17] = BENCH_FRAME_BYTES - 14;
	frame[18] = (uint8_t)(ip_id >> 8);
	frame[19] = (uint8_t)ip_id;
	frame[22] = 64;
	frame[23] = t->proto;
	memcpy(frame + 26, &t->src, 8);
	sum = rte_cpu_to_be_16(masq_test_checksum(frame + 14, 20));
	memcpy(frame + 24, &sum, 2);
	memcpy(frame + 34, &t->sport, 4);
	if (t->proto == IPPROTO_TCP) {
		frame[46] = 0x50;
		frame[47] = tcp_flags;
		frame[50] = 1;
	} else {
		frame[39] = BENCH_FRAME_BYTES - 34;
		frame[40] = 0x12;
	}
}

struct masq_tuple
bench_frame_reply(const struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	struct masq_tuple left = { .proto = frame[23] };

	memcpy(&left.src, frame + 26, 8);
	memcpy(&left.sport, frame + 34, 4);
	return masq_tuple_reverse(&left);
}

uint16_t
bench_frame_id(const struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);

	return (uint16_t)(frame[18] << 8 | frame[19]);
}

uint8_t
bench_frame_tos(const struct rte_mbuf *mbuf)
{
	return rte_pktmbuf_mtod(mbuf, const uint8_t *)[15];
}
