/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control thread reads: counters, ports, memory, and what workers answer to letters.
 *
 * Each counter has one writer, its worker. A reader may see a round half counted but never a torn
 * number (aligned 64-bit words). A question that needs a worker's tables is a letter
 * (masq_mail.c). Listings and flushes are many letters: each covers a part, and a cursor says
 * where the next one begins.
 *
 * Control thread only. What is copied to the caller is his; letters stay with their workers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include <masq_frag.h>
#include <masq_path.h>
#include <masq_portmap.h>

#include "masq_dp_priv.h"
#include "masq_judged.h"
#include "masq_mail.h"
#include "masq_port.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

/* The struct consists of 64-bit counters only; each is read once. */
static void
add_counters(struct masq_dp_counters *sum, const struct masq_worker *w)
{
	const uint64_t *from = (const uint64_t *)&w->counters;
	uint64_t *to = (uint64_t *)sum;

	for (size_t k = 0; k < sizeof(*sum) / sizeof(uint64_t); k++)
		to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
}

/* Count packets inside the box that wait for one worker, whoever put them there. */
static uint64_t
held_for(const struct masq_dp *dp, const struct masq_worker *w)
{
	uint64_t held = __atomic_load_n(&w->waiting.n, __ATOMIC_RELAXED);

	held += w->frag != NULL ? masq_frag_held(w->frag) : 0;
	for (uint32_t from = 0; from < dp->n_workers; from++) {
		held += rte_ring_count(dp->packet_ring[from][w->id]);
		if (dp->tx_ring[from][w->id] != NULL)
			held += rte_ring_count(dp->tx_ring[from][w->id]);
	}
	return held;
}

/* Count all packets inside the box: what workers put into rings and lists minus what they took out.
 * Not the sum of held_for(), which does not know of packets that travel with messages. */
static uint64_t
held_in_all(const struct masq_dp *dp)
{
	int64_t held = 0;

	for (uint32_t i = 0; i < dp->n_workers; i++) {
		const struct masq_worker *w = dp->workers[i];

		held += __atomic_load_n(&w->held, __ATOMIC_RELAXED);
		held += w->frag != NULL ? masq_frag_held(w->frag) : 0;
	}
	return held > 0 ? (uint64_t)held : 0;
}

void
masq_dp_counters_read(const struct masq_dp *dp, uint32_t worker, struct masq_dp_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	for (uint32_t w = 0; w < dp->n_workers; w++)
		if (worker == UINT32_MAX || worker == w)
			add_counters(counters, dp->workers[w]);
	counters->held = worker == UINT32_MAX ? held_in_all(dp) : held_for(dp, dp->workers[worker]);
	counters->drops[MASQ_DROP_NONE] = 0;
}

int
masq_dp_port_info(const struct masq_dp *dp, uint32_t index, struct masq_dp_port_info *info)
{
	const struct masq_port *port;
	struct rte_eth_link link = { 0 };
	struct rte_eth_stats stats = { 0 };

	if (index >= dp->n_ports)
		return -ENOENT;
	port = &dp->ports[index];
	memset(info, 0, sizeof(*info));
	memcpy(info->name, port->conf.name, sizeof(info->name));
	memcpy(info->device, port->conf.device, sizeof(info->device));
	memcpy(info->driver, port->driver, sizeof(info->driver));
	memcpy(info->mac, port->mac, sizeof(info->mac));
	memcpy(info->address, port->conf.address, sizeof(info->address));
	info->n_addresses = port->conf.n_addresses;
	info->mtu = port->mtu;
	info->vlan = port->vlan;
	info->socket_id = port->socket_id;
	info->rx_queues = port->rx_queues;
	info->tx_queues = port->tx_queues;
	info->hardware_rss = port->hardware_rss;
	if (rte_eth_link_get_nowait(port->ethdev, &link) == 0) {
		info->link_up = link.link_status == RTE_ETH_LINK_UP;
		info->link_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0
									       : link.link_speed;
	}
	if (rte_eth_stats_get(port->ethdev, &stats) != 0)
		return 0;
	info->rx_packets = stats.ipackets;
	info->rx_bytes = stats.ibytes;
	info->rx_missed = stats.imissed + stats.rx_nombuf;
	info->rx_errors = stats.ierrors;
	info->tx_packets = stats.opackets;
	info->tx_bytes = stats.obytes;
	info->tx_errors = stats.oerrors;
	return 0;
}

int
masq_dp_sessions(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_dp_cursor *cursor, struct masq_session_row *rows, unsigned int max,
		bool *end)
{
	struct masq_letter *letter;
	int ret;

	*end = cursor->worker >= dp->n_workers;
	if (*end)
		return 0;
	letter = masq_mail_letter(dp, cursor->worker, MASQ_LETTER_SESSIONS);
	if (letter == NULL)
		return -ETIMEDOUT;
	letter->filter = *filter;
	letter->cursor = cursor->record;
	letter->max = RTE_MIN(max, (unsigned int)MASQ_LETTER_ROWS);
	ret = masq_mail_ask(dp, cursor->worker);
	if (ret != 0)
		return ret;
	memcpy(rows, letter->sessions, letter->n * sizeof(*rows));
	cursor->record = letter->end ? 0 : letter->cursor;
	cursor->worker += letter->end;
	*end = cursor->worker >= dp->n_workers;
	return (int)letter->n;
}

/* @param ended	the number of sessions ended is added, even if the worker then stops answering.
 *	@return 0, -ETIMEDOUT */
static int
flush_worker(struct masq_dp *dp, uint32_t worker, const struct masq_dp_session_filter *filter,
		int64_t *ended)
{
	struct masq_letter *letter = masq_mail_letter(dp, worker, MASQ_LETTER_FLUSH);

	if (letter == NULL)
		return -ETIMEDOUT;
	letter->filter = *filter;
	do {
		int ret;

		letter->n = 0;
		ret = masq_mail_ask(dp, worker);
		if (ret != 0)
			return ret;
		*ended += letter->n;
	} while (!letter->end);
	return 0;
}

int64_t
masq_dp_sessions_flush(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_err *err)
{
	char silent[MASQ_ERR_LIST_BYTES] = "";
	unsigned int n_silent = 0;
	int64_t ended = 0;

	for (uint32_t w = 0; w < dp->n_workers; w++) {
		char name[16];

		if (flush_worker(dp, w, filter, &ended) == 0)
			continue;
		snprintf(name, sizeof(name), "%u", w);
		masq_err_list_add(silent, name);
		n_silent++;
	}
	if (n_silent == 0)
		return ended;
	return masq_err_set(err, ETIMEDOUT,
			n_silent > 1 ? "workers %s do not answer, so not all sessions have ended; %lld have"
				     : "worker %s does not answer, so not all sessions have ended; %lld have",
			silent, (long long)ended);
}

int
masq_dp_neighbours(
		struct masq_dp *dp, uint32_t *cursor, struct masq_neigh_row *rows, unsigned int max)
{
	struct masq_letter *letter = masq_mail_letter(dp, 0, MASQ_LETTER_NEIGHBOURS);
	int ret;

	if (letter == NULL)
		return -ETIMEDOUT;
	letter->cursor = *cursor;
	letter->max = RTE_MIN(max, (unsigned int)MASQ_LETTER_ROWS);
	ret = masq_mail_ask(dp, 0);
	if (ret != 0)
		return ret;
	memcpy(rows, letter->neighbours, letter->n * sizeof(*rows));
	*cursor = letter->cursor;
	return (int)letter->n;
}

int
masq_dp_neighbours_flush(struct masq_dp *dp, uint32_t ip)
{
	struct masq_letter *letter = masq_mail_letter(dp, 0, MASQ_LETTER_NEIGH_FLUSH);

	if (letter == NULL)
		return -ETIMEDOUT;
	letter->ip = ip;
	return masq_mail_ask(dp, 0);
}

static void
add_snapshot(const struct masq_dp *dp, const struct masq_snapshot *snapshot,
		struct masq_dp_memory *memory)
{
	if (snapshot == NULL)
		return;
	for (uint32_t i = 0; i < dp->n_workers; i++)
		memory->paths += masq_path_bytes(snapshot->paths[i]);
	memory->rules += masq_rules_bytes(snapshot->rules);
}

void
masq_dp_memory(const struct masq_dp *dp, struct masq_dp_memory *memory)
{
	struct rte_malloc_socket_stats heap;

	memset(memory, 0, sizeof(*memory));
	for (uint32_t i = 0; i < dp->n_workers; i++) {
		const struct masq_worker *w = dp->workers[i];

		memory->session_capacity += masq_session_capacity(w->sessions);
		memory->session_tables += masq_session_table_bytes(w->sessions);
		memory->port_maps += masq_portmap_bytes(w->portmap);
		memory->verdicts += masq_judged_bytes(&w->judged);
	}
	add_snapshot(dp, atomic_load(&dp->snapshot), memory);
	for (uint32_t k = 0; k < dp->n_replaced; k++)
		add_snapshot(dp, dp->replaced[k], memory);
	for (uint32_t k = 0; k < dp->plan.n; k++) {
		const struct rte_mempool *pool = dp->pools[k];

		memory->mbufs += (uint64_t)pool->size *
				(pool->header_size + pool->elt_size + pool->trailer_size);
	}
	for (unsigned int s = 0; s < RTE_MAX_NUMA_NODES; s++)
		if (rte_malloc_get_socket_stats((int)s, &heap) == 0)
			memory->heap += heap.heap_allocsz_bytes;
}
