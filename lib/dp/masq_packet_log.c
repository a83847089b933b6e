/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of rules with -l, workers' side.
 *
 * A worker does not write log lines. It puts a record of what the line will say into a ring of its
 * own, from which the control thread takes it and writes the line. The record is complete,
 * including names, because the rule set that it refers to may be gone by then.
 *
 * Terms. A match is one rule that a packet matched in one chain. Each match with -l makes a record,
 * so a packet may make several. The addresses are those that the chain saw, so the output chain
 * logs the translated packet (reference 5.4, 5.5).
 *
 * When. Where the packet is counted, which happens once per packet. A packet that waits for its
 * neighbour is judged again later and logged then. A verdict that a rule with -l took part in is
 * never remembered, so each such packet gets here.
 *
 * Bounds. A flood that is logged must not overwhelm the control thread: MASQ_DP_LOG_RATE records
 * per second and worker, and a ring that holds as many. Records beyond that are counted (log-lost).
 *
 * Threads. masq_packet_log(): the ring's worker. masq_dp_log_read(): the control thread. The ring
 * has one writer and one reader.
 */
#include "masq_packet_log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "masq_dp_priv.h"
#include "masq_judge.h"
#include "masq_port.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

#define RING_SIZE 1024
#define SECOND_MS 1000
#define NO_PORT 65535
#define IP_HEADER_WORDS 5

static_assert(sizeof(struct masq_dp_log) % 4 == 0, "rings take elements of whole words");
static_assert(RING_SIZE > MASQ_DP_LOG_RATE, "a ring holds what comes in a second");

int
masq_packet_log_init(struct masq_worker *w, uint32_t number, struct masq_err *err)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "masq%u_l%u", number, w->id);
	w->log.ring = rte_ring_create_elem(name, sizeof(struct masq_dp_log), RING_SIZE,
			w->socket_id, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return w->log.ring != NULL
			? 0
			: masq_err_set(err, ENOMEM, "no memory for the log of worker %u", w->id);
}

void
masq_packet_log_fini(struct masq_worker *w)
{
	rte_ring_free(w->log.ring);
	w->log.ring = NULL;
}

/* Fill in what all matches of a packet have in common. */
static void
describe_packet(struct masq_dp_log *record, const struct masq_worker *w, const struct masq_pkt *pkt,
		const struct rte_mbuf *mbuf)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
			mbuf, const struct rte_ipv4_hdr *, pkt->l3_offset);

	memset(record, 0, sizeof(*record));
	record->at_ms = w->now_ms;
	record->len_bytes = pkt->l3_len_bytes;
	record->id = rte_be_to_cpu_16(ip->packet_id);
	record->fragment = rte_be_to_cpu_16(ip->fragment_offset);
	record->n_options = (uint8_t)((ip->version_ihl & 0x0f) - IP_HEADER_WORDS);
	memcpy(record->options, ip + 1, record->n_options * sizeof(record->options[0]));
}

/* Fill in what one chain saw of it. */
static void
describe_view(struct masq_dp_log *record, const struct masq_worker *w,
		const struct masq_rules_input *input)
{
	const bool has_ports = input->has_ports;

	record->src = input->src;
	record->dst = input->dst;
	record->sport = has_ports ? input->sport : NO_PORT;
	record->dport = has_ports ? input->dport : NO_PORT;
	record->proto = input->proto;
	record->syn = input->syn;
	if (input->port < w->dp->n_ports)
		memcpy(record->port, w->ports[input->port].conf.name, sizeof(record->port));
	else
		memcpy(record->port, "-", 2);
}

static void
put(struct masq_worker *w, struct masq_dp_log *record)
{
	if (w->now_ms - w->log.began_ms >= SECOND_MS) {
		w->log.began_ms = w->now_ms;
		w->log.n = 0;
	}
	if (w->log.n >= MASQ_DP_LOG_RATE ||
			rte_ring_sp_enqueue_elem(w->log.ring, record, sizeof(*record)) != 0) {
		w->counters.log_lost++;
		return;
	}
	w->log.n++;
}

void
masq_packet_log(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement, const struct masq_rules_result *result,
		uint8_t *tos)
{
	struct masq_dp_log record;
	unsigned int asked = 0;

	describe_packet(&record, w, pkt, judgement->mbuf);
	for (uint32_t k = 0; k < result->n_rules; k++) {
		const uint8_t before = *tos;

		while (asked + 1 < judgement->n_asked &&
				judgement->asked[asked + 1].n_matches <= result->first + k)
			asked++;
		if (!masq_rules_slot_log(w->snapshot->rules, w->matches[k], tos, &record.place))
			continue;
		describe_view(&record, w, &judgement->asked[asked].input);
		record.tos = before;
		record.ttl = judgement->asked[asked].chain == MASQ_CHAIN_INPUT ? pkt->ttl
									       : judgement->ttl_out;
		put(w, &record);
	}
}

/* Sort by time. Records of one worker are in order already; those of several are merged. */
static void
sort(struct masq_dp_log *records, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		const struct masq_dp_log moved = records[i];
		unsigned int at = i;

		for (; at > 0 && records[at - 1].at_ms > moved.at_ms; at--)
			records[at] = records[at - 1];
		records[at] = moved;
	}
}

unsigned int
masq_dp_log_read(struct masq_dp *dp, struct masq_dp_log *records, unsigned int max)
{
	const unsigned int share = max / dp->n_workers;
	unsigned int n = 0;

	for (uint32_t i = 0; i < dp->n_workers; i++)
		n += rte_ring_sc_dequeue_burst_elem(dp->workers[i]->log.ring, &records[n],
				sizeof(records[0]), share, NULL);
	sort(records, n);
	return n;
}
