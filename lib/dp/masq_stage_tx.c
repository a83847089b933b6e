/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: transmit. The last stage gathers packets to be sent by port, and counts dropped ones by
 * reason and frees them. Gathered packets leave at the end of the round, in bursts as long as the
 * round made them, up to MASQ_TX_BURST.
 *
 * A packet that exceeds its link's MTU and may be fragmented is fragmented here and not earlier, so
 * that it does not overtake those before it in the burst.
 *
 * A packet may consist of several buffers: a reassembled datagram, or as a device received it. A
 * device that does not report that it can send such a chain never gets one: the packet is moved
 * into one buffer, the first if that has room, else a new one; if none is large enough it is
 * dropped (MASQ_DROP_SEGMENTS).
 *
 * The VLAN tag of a port is added last, by the worker that transmits.
 *
 * If a port has fewer transmit queues than there are workers, some workers serve its queues. The
 * others hand their packets to one of these over a separate ring; such packets are finished and not
 * processed again.
 */
#include "masq_stage_tx.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <masq_frag.h>

#include "masq_bell.h"
#include "masq_dp_priv.h"
#include "masq_port.h"
#include "masq_vlan.h"
#include "masq_worker.h"

/* Finished packets taken from each other worker per round. A worker under load hands over 64 and more
 * in a round, from several queues; if fewer were taken, the ring would fill up. */
#define TAKE_OVER_MAX 128
/* fragments of one packet: 64 KB over the smallest MTUs is refused (MASQ_DROP_MTU) */
#define CUT_MAX 64

static __rte_noinline void
drop_all(struct masq_worker *w, struct rte_mbuf **mbuf, unsigned int n, enum masq_drop reason)
{
	w->counters.drops[reason] += n;
	rte_pktmbuf_free_bulk(mbuf, n);
}

/* Hand packets over the ring to the worker that serves the queue. */
static void
hand_over(struct masq_worker *w, struct masq_tx_port *tx, uint8_t port, uint32_t to)
{
	unsigned int sent;

	for (unsigned int i = 0; i < tx->n; i++)
		tx->mbuf[i]->port = port;
	sent = rte_ring_sp_enqueue_burst(w->dp->tx_ring[w->id][to], (void **)tx->mbuf, tx->n, NULL);
	masq_bell_wants(&w->bells, to);
	w->counters.tx_handoffs += sent;
	w->held += sent;
	if (sent < tx->n)
		drop_all(w, tx->mbuf + sent, tx->n - sent, MASQ_DROP_HANDOFF_FULL);
}

/* Packets without room for a tag, which the box's own buffers always have, are dropped; the others
 * close up. */
static __rte_noinline void
put_tags_on(struct masq_worker *w, struct masq_tx_port *tx, uint16_t vlan)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < tx->n; i++) {
		if (likely(masq_vlan_put_on(tx->mbuf[i], vlan)))
			tx->mbuf[n++] = tx->mbuf[i];
		else
			drop_all(w, &tx->mbuf[i], 1, MASQ_DROP_NO_MBUF);
	}
	tx->n = n;
}

static void
transmit(struct masq_worker *w, struct masq_tx_port *tx, const struct masq_port *port)
{
	uint64_t bytes = 0;
	unsigned int sent;

	if (port->vlan != 0)
		put_tags_on(w, tx, port->vlan);
	for (unsigned int i = 0; i < tx->n; i++)
		bytes += tx->mbuf[i]->pkt_len;
	sent = rte_eth_tx_burst(port->ethdev, port->tx_queue[w->id], tx->mbuf, (uint16_t)tx->n);
	for (unsigned int i = sent; i < tx->n; i++)
		bytes -= tx->mbuf[i]->pkt_len;
	w->counters.tx += sent;
	w->counters.tx_bytes += bytes;
	if (unlikely(sent < tx->n))
		drop_all(w, tx->mbuf + sent, tx->n - sent, MASQ_DROP_TX_FULL);
}

static __rte_noinline void
flush_port(struct masq_worker *w, uint8_t index)
{
	const struct masq_port *port = &w->ports[index];
	struct masq_tx_port *tx = &w->tx.port[index];

	if (likely(port->tx_worker[w->id] == w->id))
		transmit(w, tx, port);
	else
		hand_over(w, tx, index, port->tx_worker[w->id]);
	tx->n = 0;
}

/* @return the packet in one buffer; NULL: impossible, *reason says why, and the packet is unchanged */
static struct rte_mbuf *
make_one_buffer(struct rte_mbuf *mbuf, struct rte_mempool *pool, enum masq_drop *reason)
{
	struct rte_mbuf *one;

	if (rte_pktmbuf_linearize(mbuf) == 0)
		return mbuf;
	*reason = MASQ_DROP_SEGMENTS;
	if (mbuf->pkt_len > (uint32_t)rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM)
		return NULL;
	*reason = MASQ_DROP_NO_MBUF;
	one = rte_pktmbuf_copy(mbuf, pool, 0, UINT32_MAX);
	if (one != NULL)
		rte_pktmbuf_free(mbuf);
	return one;
}

/* Move a chain into one buffer. @return NULL: it was dropped */
static __rte_noinline struct rte_mbuf *
unchain(struct masq_worker *w, struct rte_mbuf *mbuf)
{
	enum masq_drop reason;
	struct rte_mbuf *one = make_one_buffer(mbuf, w->pool, &reason);

	if (one == NULL)
		drop_all(w, &mbuf, 1, reason);
	return one;
}

static inline void
send_one(struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t port)
{
	struct masq_tx_port *tx = &w->tx.port[port];

	if (unlikely(!w->ports[port].takes_chains && mbuf->nb_segs > 1)) {
		mbuf = unchain(w, mbuf);
		if (mbuf == NULL)
			return;
	}
	tx->mbuf[tx->n++] = mbuf;
	w->tx.used |= UINT64_C(1) << port;
	if (unlikely(tx->n == MASQ_TX_BURST))
		flush_port(w, port);
}

void
masq_tx_one(struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t port)
{
	send_one(w, mbuf, port);
}

void
masq_tx_flush(struct masq_worker *w)
{
	uint64_t used = w->tx.used;

	w->tx.used = 0;
	while (used != 0) {
		uint8_t port = (uint8_t)__builtin_ctzll(used);

		used &= used - 1;
		if (w->tx.port[port].n > 0)
			flush_port(w, port);
	}
}

unsigned int
masq_tx_take_over(struct masq_worker *w, uint64_t from)
{
	struct rte_mbuf *mbuf[TAKE_OVER_MAX];
	unsigned int taken = 0;

	for (; from != 0; from &= from - 1) {
		struct rte_ring *ring = w->dp->tx_ring[__builtin_ctzll(from)][w->id];
		unsigned int n;

		if (ring == NULL)
			continue;
		n = rte_ring_sc_dequeue_burst(ring, (void **)mbuf, TAKE_OVER_MAX, NULL);
		w->held -= n;
		taken += n;
		for (unsigned int i = 0; i < n; i++) {
			struct masq_tx_port *tx = &w->tx.port[mbuf[i]->port];

			/* Already a single buffer where necessary, so not masq_tx_one(). */
			w->tx.used |= UINT64_C(1) << mbuf[i]->port;
			tx->mbuf[tx->n++] = mbuf[i];
			if (tx->n == MASQ_TX_BURST)
				flush_port(w, (uint8_t)mbuf[i]->port);
		}
	}
	return taken;
}

/* Send a packet as fragments. All but the first count as made by the box. */
static void
send_in_pieces(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	uint8_t departure = b->departure[i];
	struct rte_mbuf *piece[CUT_MAX];
	int n = masq_frag_cut(w->pool, b->mbuf[i], b->pkt[i].l3_offset, w->ports[departure].mtu,
			piece, CUT_MAX);

	if (n <= 0) {
		masq_burst_drop(b, i, n == -ENOMEM ? MASQ_DROP_NO_MBUF : MASQ_DROP_MTU);
		return;
	}
	w->counters.originated += (uint64_t)n - 1;
	for (int k = 0; k < n; k++)
		masq_tx_one(w, piece[k], departure);
	b->verdict[i] = MASQ_GONE;
}

/* Handle the common burst: all packets are sent by one port that takes chains, and there is room.
 * @return false: not so, and nothing was done */
static bool
send_all(struct masq_worker *w, const struct masq_burst *b)
{
	const uint32_t all = UINT32_MAX >> (MASQ_BURST - b->n);
	const uint8_t departure = b->departure[0];
	struct masq_tx_port *tx = &w->tx.port[departure];

	if (masq_burst_with(b, MASQ_SEND) != all ||
			(~masq_burst_equal(b->departure, departure) & all) != 0 ||
			!w->ports[departure].takes_chains || tx->n + b->n > MASQ_TX_BURST)
		return false;
	memcpy(tx->mbuf + tx->n, b->mbuf, b->n * sizeof(b->mbuf[0]));
	tx->n += b->n;
	w->tx.used |= UINT64_C(1) << departure;
	if (tx->n == MASQ_TX_BURST)
		flush_port(w, departure);
	return true;
}

void
masq_stage_tx(struct masq_worker *w, struct masq_burst *b)
{
	assert(b->n > 0);
	if (likely(send_all(w, b)))
		return;
	for (unsigned int i = 0; i < b->n; i++) {
		if (likely(b->verdict[i] == MASQ_SEND)) {
			send_one(w, b->mbuf[i], b->departure[i]);
			continue;
		}
		if (b->verdict[i] == MASQ_SEND_CUT)
			send_in_pieces(w, b, i);
		if (b->verdict[i] == MASQ_DROP) {
			w->counters.drops[b->reason[i]]++;
			rte_pktmbuf_free(b->mbuf[i]);
		}
	}
}
