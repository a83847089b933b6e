/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control thread reads: counters, ports, memory, and letters to workers.
 *
 * Counters have one writer, their worker; a reader may see a round half counted, never a torn
 * number (aligned 64-bit words). Questions that need a worker's tables go through its mailbox: one
 * letter at a time, answered between two bursts, or piece by piece between several.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "masq_judged.h"

#define WAIT_US 50
#define ROWS_MAX 256

/* Both structs are nothing but 64-bit counters; read each once. */
static void
add_counters(struct masq_dp_counters *sum, const struct masq_worker *w)
{
	const uint64_t *from = (const uint64_t *)&w->counters;
	uint64_t *to = (uint64_t *)sum;

	for (size_t k = 0; k < sizeof(*sum) / sizeof(uint64_t); k++)
		to[k] += __atomic_load_n(&from[k], __ATOMIC_RELAXED);
}

/* Packets inside the box that wait for one worker. */
static uint64_t
held_by(const struct masq_dp *dp, const struct masq_worker *w)
{
	uint64_t held = w->n_parked + (w->frag != NULL ? masq_frag_held(w->frag) : 0);

	for (uint32_t from = 0; from < dp->n_workers; from++) {
		held += rte_ring_count(dp->packet_ring[from][w->id]);
		if (dp->tx_ring[from][w->id] != NULL)
			held += rte_ring_count(dp->tx_ring[from][w->id]);
	}
	return held;
}

/* All packets inside the box: what workers took in minus what they took out, whoever did it. */
static uint64_t
held_by_all(const struct masq_dp *dp)
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
	counters->held = worker == UINT32_MAX ? held_by_all(dp) : held_by(dp, dp->workers[worker]);
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

/* Post a letter and wait for its answer. A manual data path is answered here and now. */
int
masq_dp_ask(struct masq_dp *dp, uint32_t worker, struct masq_mail *mail)
{
	struct masq_worker *w = dp->workers[worker];
	const uint64_t limit = rte_rdtsc() + dp->answer_ms * dp->tsc_per_ms;
	struct masq_mail *expected;

	atomic_store_explicit(&mail->done, false, memory_order_relaxed);
	atomic_store_explicit(&w->mail, mail, memory_order_release);
	while ((dp->mode == MASQ_DP_MANUAL || !dp->running) &&
			!atomic_load_explicit(&mail->done, memory_order_relaxed))
		masq_worker_answer_mail(w);
	while (!atomic_load_explicit(&mail->done, memory_order_acquire) && rte_rdtsc() < limit)
		usleep(WAIT_US);
	if (atomic_load_explicit(&mail->done, memory_order_acquire))
		return 0;
	/* Take the letter back. If it is not there any more the worker has it in hand, and will be
	 * done in a moment. */
	expected = mail;
	if (atomic_compare_exchange_strong(&w->mail, &expected, NULL))
		return -ETIMEDOUT;
	while (!atomic_load_explicit(&mail->done, memory_order_acquire))
		usleep(WAIT_US);
	return 0;
}

int
masq_dp_sessions(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_dp_cursor *cursor, struct masq_session_row *rows, unsigned int max,
		bool *end)
{
	struct masq_mail mail = {
		.kind = MASQ_MAIL_SESSIONS,
		.filter = filter,
		.cursor = cursor->record,
		.sessions = rows,
		.max = RTE_MIN(max, ROWS_MAX),
	};
	int ret;

	*end = cursor->worker >= dp->n_workers;
	if (*end)
		return 0;
	ret = masq_dp_ask(dp, cursor->worker, &mail);
	if (ret != 0)
		return ret;
	cursor->record = mail.end ? 0 : mail.cursor;
	cursor->worker += mail.end;
	*end = cursor->worker >= dp->n_workers;
	return (int)mail.n;
}

int64_t
masq_dp_sessions_flush(struct masq_dp *dp, const struct masq_dp_session_filter *filter)
{
	int64_t ended = 0;

	for (uint32_t w = 0; w < dp->n_workers; w++) {
		struct masq_mail mail = { .kind = MASQ_MAIL_FLUSH, .filter = filter };

		do {
			int ret = masq_dp_ask(dp, w, &mail);

			if (ret != 0)
				return ret;
			ended += mail.n;
		} while (!mail.end);
	}
	return ended;
}

int
masq_dp_neighbours(
		struct masq_dp *dp, uint32_t *cursor, struct masq_neigh_row *rows, unsigned int max)
{
	struct masq_mail mail = {
		.kind = MASQ_MAIL_NEIGHBOURS,
		.cursor = *cursor,
		.neighbours = rows,
		.max = RTE_MIN(max, ROWS_MAX),
	};
	int ret = masq_dp_ask(dp, 0, &mail);

	if (ret != 0)
		return ret;
	*cursor = mail.cursor;
	return (int)mail.n;
}

int
masq_dp_neighbours_flush(struct masq_dp *dp, uint32_t ip)
{
	struct masq_mail mail = { .kind = MASQ_MAIL_NEIGH_FLUSH, .ip = ip };

	return masq_dp_ask(dp, 0, &mail);
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
		memory->verdicts += (uint64_t)w->judged_lines * MASQ_JUDGED_WAYS *
				sizeof(*w->judged);
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
