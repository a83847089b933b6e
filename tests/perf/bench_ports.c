/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a new session costs when 10, 90 and 99 % of the ports of the masquerade address are in use:
 * towards the peer that it calls, where none of them can be used again, or by a thousand peers
 * together.
 *
 * The table holds as many sessions in each case, the rest being of the other protocol, which has
 * ports of its own: only the ports differ. Some hundred sessions around the share that is asked for
 * are made, flushed, and made again; the three shares take turns.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <masq_conf.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"

#define PORTS 64512 /* 1024 to 65535 */
#define PEERS 1000
#define SESSIONS 131072
#define BLOCKS 2 /* of BENCH_BATCH new sessions: a round */
#define ROUNDS 8 /* with one box */
#define REPEATS 7 /* of all boxes in turn */

static const uint32_t percents[] = { 10, 90, 99 };

static const char rules[] = "route add 10.0.0.0/8 via 192.168.1.254\n"
			    "ipchains -A forward -s 10.0.0.0/8 -j MASQ\n";

struct ports {
	const struct bench_options *options;
	uint32_t peers;
	struct bench_box *box;
};

/* Host k of network 10.net.0.0/16 calls; each call comes from another host or port. */
static struct masq_tuple
call(uint32_t net, uint32_t k, uint32_t peers, uint8_t proto)
{
	return (struct masq_tuple){
		.src = rte_cpu_to_be_32(MASQ_IP4(10, net, 0, 0) + 1 + k / 4),
		.dst = rte_cpu_to_be_32(MASQ_IP4(198, 18, 0, 0) + k % peers),
		.sport = rte_cpu_to_be_16((uint16_t)(2000 + k % 4)),
		.dport = rte_cpu_to_be_16(443),
		.proto = proto,
	};
}

/* @return cycles of a session */
static double
make(struct ports *p, uint32_t net, uint32_t first, uint32_t n, uint32_t peers, uint8_t proto)
{
	uint64_t cycles = 0;

	for (uint32_t begin = first; begin < first + n; begin += BENCH_BATCH) {
		uint32_t count = RTE_MIN((uint32_t)BENCH_BATCH, first + n - begin);

		for (uint32_t k = 0; k < count; k++) {
			struct masq_tuple tuple = call(net, begin + k, peers, proto);

			bench_put_first(p->box, BENCH_LAN, bench_batch[k], &tuple, false);
		}
		cycles += bench_run(p->box, count, bench_batch);
	}
	return (double)cycles / n;
}

static void
flush(struct ports *p, uint32_t net)
{
	const struct masq_dp_session_filter those = { .inside = { MASQ_IP4(10, net, 0, 0), 16 } };

	if (masq_dp_sessions_flush(p->box->dp, &those, NULL) != BLOCKS * BENCH_BATCH)
		bench_fail("the sessions of a round were not all there");
}

/* @return cycles of a session around that share of the ports */
static double
measure(struct ports *p, uint32_t percent)
{
	uint32_t used = (uint32_t)((uint64_t)PORTS * percent / 100) - BLOCKS * BENCH_BATCH / 2;
	struct bench_flow flow = { .initial = call(0, 0, p->peers, IPPROTO_UDP) };
	double blocks[ROUNDS * BLOCKS];
	unsigned int n = 0;

	p->box = bench_box_create(
			&(struct bench_box_options){ .sessions = SESSIONS, .rules = rules });
	bench_warm_up(p->box, BENCH_MASQUERADE, &flow);
	make(p, 0, 0, used, p->peers, IPPROTO_UDP);
	make(p, 1, 0, PORTS - used, PEERS, IPPROTO_TCP);
	make(p, 2, 0, BLOCKS * BENCH_BATCH, p->peers, IPPROTO_UDP);
	for (unsigned int r = 0; r < ROUNDS; r++) {
		flush(p, 2);
		for (uint32_t b = 0; b < BLOCKS; b++)
			blocks[n++] = make(
					p, 2, b * BENCH_BATCH, BENCH_BATCH, p->peers, IPPROTO_UDP);
	}
	bench_box_destroy(p->box);
	return bench_median(blocks, n);
}

static void
measure_peers(struct ports *p, const char *what)
{
	struct bench_rounds rounds[RTE_DIM(percents)] = { 0 };

	for (unsigned int r = 0; r < (p->options->smoke ? 1 : REPEATS); r++)
		for (unsigned int i = 0; i < RTE_DIM(percents); i++)
			bench_rounds_add(&rounds[i], measure(p, percents[i]));
	for (unsigned int i = 0; i < RTE_DIM(percents); i++)
		bench_row(&(struct bench_row){
				.topic = "ports",
				.what = what,
				.at = bench_text("%u %% of the ports in use", percents[i]),
				.x = percents[i],
				.unit = "cycles",
				.rounds = &rounds[i],
				.beside = i == 0 ? NULL : "at 10 %",
				.against = &rounds[0],
				.bar = i == 0 ? BENCH_STATED : BENCH_RATIO_AT_MOST,
				.limit = 2.0,
		});
}

void
bench_ports(const struct bench_options *options)
{
	struct ports one = { .options = options, .peers = 1 };
	struct ports many = { .options = options, .peers = PEERS };

	measure_peers(&one, "new session, one peer has the ports");
	measure_peers(&many, "new session, a thousand peers have them");
}
