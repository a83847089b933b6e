/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path's side of neighbours. lib/net has the table. Worker 0 is its *keeper*, the only
 * writer. Other workers send it messages: "I need this one", "ARP told me this". The keeper sends
 * the ARP requests that the table asks for.
 *
 * Parking. Packets that wait for a link address are *parked* by the worker that has them,
 * untranslated, with a limit in total and per neighbour. Once a millisecond the worker checks
 * whether their neighbour has answered or been given up. If so they go to the end of the worker's
 * own packet ring and through the stages again: they are sent, or their senders get ICMP host
 * unreachable; either way the rules count them then.
 *
 * Order. Packets that arrive between the answer and that moment *line up* behind the parked ones
 * and go with them, so a flow keeps its order. The fast path need not check packets of a judged
 * half: if they could be parked, their neighbour had been forgotten, so the old reference in the
 * half no longer matches and they take the slow path.
 *
 * Packets in the ring may be waiting for another worker to install half of their session. The first
 * packet of such a flow travelled with the request. If it has come back and lined up in this very
 * round, it is older than they are. So packets that leave the parking list go ahead of what the
 * ring held.
 *
 * How many leave per round. As a rule, the packets of one neighbour: otherwise hundreds that wait
 * for many neighbours would take the slow path in one poll. While packets line up, the neighbour
 * that they line up for goes first, along with as many packets of others as lined up, so that the
 * list does not grow.
 *
 * Data. Each worker has its own list, w->waiting; packets in it count as held. The table is the
 * keeper's; the others read it without locks.
 *
 * Deadline. The keeper may never have received the request for a neighbour, so neither an answer
 * nor a failure will come. A packet that has been parked for MASQ_PARK_MS is treated as if its
 * neighbour had not answered.
 */
#include "masq_neighbour.h"

#include <string.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <masq_arp.h>

#include "masq_dp_priv.h"
#include "masq_link.h"
#include "masq_message.h"
#include "masq_port.h"
#include "masq_stage_tx.h"
#include "masq_worker.h"

#define TICK_BUDGET 256 /* table slots that the keeper examines per millisecond */
#define ASKS_MAX 64
#define GIVE_UP_MAX 8 /* packets released per round whose neighbour did not answer */
#define GOING_MAX 16 /* neighbours per round whose packets leave the list */

/* Choose the port's address that this neighbour knows to be on the link: the one in the neighbour's
 * network, else the first. Not from the routes: those to a gateway's own address may lead to
 * another port. */
static uint32_t
address_towards(const struct masq_conf_port *port, uint32_t ip)
{
	for (uint32_t i = 0; i < port->n_addresses; i++)
		if (((port->address[i].addr ^ ip) & masq_ip4_mask(port->address[i].len)) == 0)
			return port->address[i].addr;
	return port->n_addresses > 0 ? port->address[0].addr : 0;
}

static void
send_ask(struct masq_worker *w, const struct masq_neigh_ask *ask)
{
	const struct masq_port *port = &w->ports[ask->port];
	struct masq_arp arp = {
		.is_request = true,
		.sender_ip = rte_cpu_to_be_32(address_towards(&port->conf, ask->ip)),
		.target_ip = rte_cpu_to_be_32(ask->ip),
	};
	struct rte_mbuf *frame;

	memcpy(arp.sender_mac, port->mac, 6);
	if (ask->unicast)
		memcpy(arp.target_mac, ask->mac, 6);
	frame = masq_arp_build(w->pool, &arp);
	if (frame == NULL)
		return;
	w->counters.originated++;
	masq_tx_one(w, frame, ask->port);
}

void
masq_neighbour_want(struct masq_worker *w, uint8_t port, uint32_t ip)
{
	union masq_message msg = { .neigh = { .op = MASQ_MSG_NEIGH_WANT, .port = port, .ip = ip } };
	struct masq_neigh_ask ask;

	if (w->id != 0)
		masq_message_hint(w, &msg, 0);
	else if (masq_neigh_want(w->neigh, port, ip, w->now_ms, &ask) == 1)
		send_ask(w, &ask);
}

void
masq_neighbour_heard(
		struct masq_worker *w, uint8_t port, uint32_t ip, const uint8_t mac[6], bool create)
{
	union masq_message msg = {
		.neigh = { .op = MASQ_MSG_NEIGH_HEARD, .port = port, .create = create, .ip = ip }
	};

	if (w->id == 0) {
		masq_neigh_heard(w->neigh, port, ip, mac, create, w->now_ms);
		return;
	}
	memcpy(msg.neigh.mac, mac, 6);
	masq_message_hint(w, &msg, 0);
}

void
masq_neighbour_tick(struct masq_worker *w)
{
	struct masq_neigh_ask asks[ASKS_MAX];
	unsigned int n;

	if (w->id != 0)
		return;
	n = masq_neigh_tick(w->neigh, w->now_ms, TICK_BUDGET, asks, ASKS_MAX);
	for (unsigned int k = 0; k < n; k++)
		send_ask(w, &asks[k]);
}

bool
masq_neighbour_is_silent(const struct masq_worker *w, struct masq_neigh_ref ref)
{
	struct masq_neigh_link link;

	return masq_neigh_read(w->neigh, ref, &link) == 0 && link.state == MASQ_NEIGH_UNREACHABLE;
}

static uint32_t
waited_bit(uint32_t ip)
{
	return ip * UINT32_C(0x9e3779b1) / (UINT32_MAX / MASQ_WAITED_BITS + 1);
}

static void
note_waited(struct masq_waiting *waiting, uint32_t ip)
{
	waiting->bits[waited_bit(ip) / 64] |= UINT64_C(1) << waited_bit(ip) % 64;
}

static uint32_t
count_for(const struct masq_waiting *waiting, uint8_t departure, uint32_t ip)
{
	uint32_t n = 0;

	/* Without this, scanning silent addresses one after another would make everybody search a
	 * long list. */
	if ((waiting->bits[waited_bit(ip) / 64] >> waited_bit(ip) % 64 & 1) == 0)
		return 0;
	for (uint32_t k = 0; k < waiting->n; k++)
		n += waiting->parked[k].ip == ip && waiting->parked[k].departure == departure;
	return n;
}

bool
masq_neighbour_is_waited_for(const struct masq_waiting *waiting, uint8_t departure, uint32_t ip)
{
	return count_for(waiting, departure, ip) != 0;
}

static void
append(struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t arrival, uint8_t departure,
		uint32_t ip)
{
	note_waited(&w->waiting, ip);
	w->waiting.parked[w->waiting.n++] = (struct masq_parked){
		.mbuf = mbuf,
		.deadline_ms = w->now_ms + MASQ_PARK_MS,
		.ip = ip,
		.departure = departure,
		.arrival = arrival,
	};
	w->held++;
}

/* @return false: too many packets wait */
static bool
park(struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t arrival, uint8_t departure, uint32_t ip)
{
	/* Ask for the neighbour with each packet while the table has no entry: the first hint may
	 * have been lost, or the table was full or flushed. Ask even if the packet finds no place
	 * here; otherwise those that wait for silent neighbours would keep all others from being
	 * asked for. */
	if (masq_neigh_find(w->neigh, departure, ip).value == MASQ_NEIGH_REF_NONE)
		masq_neighbour_want(w, departure, ip);
	if (w->waiting.n == MASQ_PARKED_MAX ||
			count_for(&w->waiting, departure, ip) >= MASQ_PARKED_PER_NEIGH)
		return false;
	append(w, mbuf, arrival, departure, ip);
	return true;
}

void
masq_neighbour_park(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint8_t departure,
		uint32_t ip)
{
	if (park(w, b->mbuf[i], b->arrival[i], departure, ip))
		b->verdict[i] = MASQ_GONE;
	else
		masq_burst_drop(b, i, MASQ_DROP_NEIGH_QUEUE);
}

bool
masq_neighbour_line_up(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		uint8_t departure, uint32_t ip)
{
	struct masq_waiting *waiting = &w->waiting;

	/* If there is no room, out of order is better than dropped. */
	if (waiting->n == MASQ_PARKED_MAX || count_for(waiting, departure, ip) == 0)
		return false;
	append(w, b->mbuf[i], b->arrival[i], departure, ip);
	b->verdict[i] = MASQ_GONE;
	waiting->look = true;
	waiting->n_lined_up++;
	waiting->lined_up = waiting->parked[waiting->n - 1];
	return true;
}

void
masq_neighbour_park_own(
		struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t departure, uint32_t ip)
{
	if (masq_neighbour_is_silent(w, masq_neigh_find(w->neigh, departure, ip)) ||
			!park(w, mbuf, MASQ_PARKED_OWN, departure, ip)) {
		rte_pktmbuf_free(mbuf);
		return;
	}
	w->counters.originated++;
}

enum answer {
	ANSWER_WAIT,
	ANSWER_YES,
	ANSWER_NO, /* the neighbour was asked and did not answer */
	ANSWER_NEVER, /* unknown whether it was ever asked */
};

static enum answer
has_answered(const struct masq_worker *w, const struct masq_parked *p)
{
	struct masq_neigh_ref ref = masq_neigh_find(w->neigh, p->departure, p->ip);

	if (masq_neigh_word(w->neigh, ref) != 0)
		return ANSWER_YES;
	if (masq_neighbour_is_silent(w, ref))
		return ANSWER_NO;
	return w->now_ms >= p->deadline_ms ? ANSWER_NEVER : ANSWER_WAIT;
}

bool
masq_neighbour_is_given_up(const struct masq_waiting *waiting, uint8_t departure, uint32_t ip)
{
	const struct masq_parked *p = waiting->given_up;

	return p != NULL && p->departure == departure && p->ip == ip;
}

/* Run the packet through the stages again: the rules judge and count it, and its sender is notified
 * as if the neighbour had been asked and had not answered. If its route has another next hop by
 * now, it waits for that one. */
static void
give_up(struct masq_worker *w, const struct masq_parked *p)
{
	masq_burst_of_one(&w->burst, p->mbuf, p->arrival);
	w->waiting.given_up = p;
	masq_worker_run_burst(w);
	w->waiting.given_up = NULL;
}

/* Finish a packet that the box made; it lacks only the link address. */
static void
finish_own(struct masq_worker *w, const struct masq_parked *p, enum answer answer)
{
	struct masq_neigh_ref ref = masq_neigh_find(w->neigh, p->departure, p->ip);
	uint64_t link = masq_neigh_word(w->neigh, ref);

	if (answer == ANSWER_YES && link != 0) {
		masq_link_write(p->mbuf, link, w->ports[p->departure].mac);
		masq_tx_one(w, p->mbuf, p->departure);
		return;
	}
	w->counters.drops[MASQ_DROP_NEIGH_UNREACHABLE]++;
	rte_pktmbuf_free(p->mbuf);
}

/* Neighbours whose packets leave the list in this round. */
struct going {
	unsigned int n;
	uint32_t ip[GOING_MAX];
	uint8_t departure[GOING_MAX];
};

static void
going_add(struct going *going, const struct masq_parked *p)
{
	going->ip[going->n] = p->ip;
	going->departure[going->n++] = p->departure;
}

/* @return its index; going->n: it is not among them */
static unsigned int
going_find(const struct going *going, const struct masq_parked *p)
{
	unsigned int k = 0;

	while (k < going->n && (going->ip[k] != p->ip || going->departure[k] != p->departure))
		k++;
	return k;
}

/* Let the neighbour go first for which packets have lined up: otherwise all packets of a fast flow
 * would be parked here by the time its turn comes. @return how many packets of others go too: in
 * total as many as lined up */
static uint32_t
go_first(struct masq_worker *w, struct going *going)
{
	const struct masq_parked *last = &w->waiting.lined_up;
	uint32_t n = w->waiting.n_lined_up;

	w->waiting.n_lined_up = 0;
	if (n == 0 || has_answered(w, last) != ANSWER_YES)
		return n;
	going_add(going, last);
	return n - RTE_MIN(n, count_for(&w->waiting, last->departure, last->ip));
}

/* Move the first @p n packets of the own ring to its end: they are younger than those behind
 * them. */
static void
move_behind(struct rte_ring *ring, unsigned int n)
{
	void *mbuf[MASQ_BURST];

	while (n > 0) {
		unsigned int moved = rte_ring_sc_dequeue_burst(
				ring, mbuf, RTE_MIN(n, (unsigned int)MASQ_BURST), NULL);

		rte_ring_sp_enqueue_bulk(ring, mbuf, moved, NULL);
		n -= moved;
	}
}

/* Giving up a packet may park the ICMP error about it: at the end of the list, where this walk
 * meets it. */
void
masq_parked_tick(struct masq_worker *w)
{
	struct rte_ring *ring = w->dp->packet_ring[w->id][w->id];
	struct masq_waiting *waiting = &w->waiting;
	struct going going = { .n = 0 };
	uint32_t kept = 0, given_up = 0, others = 0, wanted;
	unsigned int first, in_ring = rte_ring_count(ring);

	waiting->look = false;
	/*
	 * Release all packets of a neighbour or none, to keep them in order. The ring lacks room
	 * only when some 1500 packets in it wait for another worker's answer. Then nothing leaves
	 * the list, whoever has answered or been given up, until there is room: it is tried again
	 * when another packet lines up, and each millisecond. Those that have lined up stay counted.
	 */
	if (waiting->n == 0 || rte_ring_free_count(ring) < waiting->n)
		return;
	wanted = go_first(w, &going);
	first = going.n;
	for (uint32_t k = 0; k < waiting->n; k++) {
		struct masq_parked p = waiting->parked[k];
		unsigned int number = going_find(&going, &p);
		enum answer answer = ANSWER_WAIT;

		if (number < going.n || going.n == 0 || (others < wanted && number < GOING_MAX))
			answer = has_answered(w, &p);

		if (answer == ANSWER_WAIT || (answer != ANSWER_YES && given_up == GIVE_UP_MAX)) {
			waiting->parked[kept++] = p;
			continue;
		}
		given_up += answer != ANSWER_YES;
		others += number >= first;
		if (number == going.n)
			going_add(&going, &p);
		if (p.arrival == MASQ_PARKED_OWN) {
			w->held--;
			finish_own(w, &p, answer);
		} else if (answer == ANSWER_NEVER) {
			w->held--;
			give_up(w, &p);
		} else {
			p.mbuf->port = p.arrival;
			rte_ring_sp_enqueue(ring, p.mbuf);
		}
	}
	waiting->n = kept;
	if (unlikely(in_ring != 0) && rte_ring_count(ring) > in_ring)
		move_behind(ring, in_ring);
	/* More may be waiting. */
	waiting->look |= going.n != 0;
	memset(waiting->bits, 0, sizeof(waiting->bits));
	for (uint32_t k = 0; k < kept; k++)
		note_waited(waiting, waiting->parked[k].ip);
}
