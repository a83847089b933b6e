/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages between workers: small values on single-producer rings, one ring per pair and direction.
 * They create and end sessions whose halves are on two workers, and carry what ARP says to the
 * keeper.
 *
 * No ring can overflow, so no message that matters is lost. There are three sorts:
 *
 *	requests  INSTALL, REMOVE. The number of a worker's unanswered requests is limited;
 *	          beyond that a session is refused (MASQ_DROP_HANDOFF_FULL), or ends later. With
 *	          more than two workers at most half of them may be with one worker, so that a
 *	          stuck one does not block all sessions.
 *	answers   INSTALLED, REMOVED, and INSTALL passed on. One per request at any time. A ring
 *	          carries requests of its writer, answers to its reader, and what was passed on
 *	          for any worker: at most (number of workers + 2) times that limit. The limit is
 *	          chosen so that this is half a ring.
 *	hints     TOUCH and what ARP says. Sent only while more than half of the ring is free;
 *	          they are repeated anyway, or merely make a session end a little later.
 *
 * A packet that travels with a message counts as held by the worker that sent the request.
 */
#include "masq_message.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <masq_nat.h>

#include "masq_bell.h"
#include "masq_dp_priv.h"
#include "masq_life.h"
#include "masq_neighbour.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_tally.h"
#include "masq_worker.h"

/*
 * Messages taken per sending worker and round. A burst of flows whose sessions are on two workers
 * causes up to four times as many: installs, evictions, and an answer to each. When only 32 were
 * taken, two workers in a flood of calls fell behind, and records became free too late: 11 to 29 of
 * 100 calls were refused. With 64 it is 1 of 100 at most, with 128 none to 1; the longest poll is
 * the same, 32 to 34 microseconds. If more workers send, each has only part of the same burst to
 * report, and the round has to end.
 */
#define DRAIN_BURST 128
#define DRAIN_OF_MANY 32
#define MANY 4 /* workers that send in one round */

static bool
put(struct masq_worker *w, const union masq_message *msg, uint32_t to)
{
	union masq_message copy = *msg; /* DPDK's enqueue takes no const */

	masq_bell_wants(&w->bells, to);
	return rte_ring_sp_enqueue_elem(w->dp->message_ring[w->id][to], &copy, sizeof(copy)) == 0;
}

bool
masq_message_request(struct masq_worker *w, union masq_message *msg, uint32_t to)
{
	const uint32_t limit = MASQ_MSG_RING_SIZE / 2 / (w->n_workers + 2);

	if (w->requests.n >= limit || (w->n_workers > 2 && w->requests.n_to[to] >= limit / 2))
		return false;
	msg->nat.asked = (uint8_t)to;
	if (!put(w, msg, to))
		return false;
	w->requests.n++;
	w->requests.n_to[to]++;
	w->requests.ending += msg->op == MASQ_NAT_REMOVE;
	return true;
}

void
masq_message_hint(struct masq_worker *w, const union masq_message *msg, uint32_t to)
{
	if (rte_ring_free_count(w->dp->message_ring[w->id][to]) > MASQ_MSG_RING_SIZE / 2)
		put(w, msg, to);
}

/* Drop a packet whose session could not be created; its sender is notified if ports are lacking, as
 * everywhere. */
static void
refuse_packet(struct masq_worker *w, struct rte_mbuf *mbuf, enum masq_drop reason)
{
	struct masq_burst *b = &w->burst;

	masq_burst_of_one(b, mbuf, (uint8_t)mbuf->port);
	masq_stage_parse(w, b);
	if (b->verdict[0] == MASQ_UNDECIDED)
		masq_slow_refuse_late(w, b, 0, reason);
	masq_stage_tx(w, b);
}

/* Run the packet of a session that now exists on both workers through the stages again. */
static void
resume_packet(struct masq_worker *w, struct rte_mbuf *mbuf)
{
	masq_burst_of_one(&w->burst, mbuf, (uint8_t)mbuf->port);
	masq_worker_run_burst(w);
}

static void
receive_nat(struct masq_worker *w, const struct masq_nat_msg *msg)
{
	union masq_message answer;

	if (msg->op == MASQ_NAT_INSTALL)
		masq_life_make_room_for_half(w);
	if (msg->op == MASQ_NAT_REMOVE)
		masq_tally_leave(w, masq_half_at(w->sessions, msg->half));
	if (masq_nat_receive(w->nat, msg, &w->snapshot->timeouts, w->now_ms, &answer.nat)) {
		put(w, &answer, answer.nat.to);
		return;
	}
	if (msg->op == MASQ_NAT_INSTALLED || msg->op == MASQ_NAT_REMOVED) {
		w->requests.n--;
		w->requests.n_to[msg->asked]--;
		w->requests.ending -= msg->op == MASQ_NAT_REMOVED;
	}
	if (msg->op != MASQ_NAT_INSTALLED)
		return;
	w->held--;
	if (msg->reason != MASQ_DROP_NONE) {
		refuse_packet(w, msg->mbuf, (enum masq_drop)msg->reason);
		return;
	}
	w->counters.sessions_created++;
	w->counters.sessions_remote++;
	resume_packet(w, msg->mbuf);
}

static void
receive(struct masq_worker *w, const union masq_message *msg)
{
	const struct masq_neigh_msg *neigh = &msg->neigh;

	switch (msg->op) {
	case MASQ_MSG_NEIGH_WANT:
		masq_neighbour_want(w, neigh->port, neigh->ip);
		break;
	case MASQ_MSG_NEIGH_HEARD:
		masq_neighbour_heard(w, neigh->port, neigh->ip, neigh->mac, neigh->create);
		break;
	default:
		receive_nat(w, &msg->nat);
		break;
	}
}

unsigned int
masq_messages_drain(struct masq_worker *w, uint64_t from)
{
	const unsigned int most = __builtin_popcountll(from) < MANY ? DRAIN_BURST : DRAIN_OF_MANY;
	union masq_message msg[DRAIN_BURST];
	unsigned int taken = 0;

	for (; from != 0; from &= from - 1) {
		struct rte_ring *ring = w->dp->message_ring[__builtin_ctzll(from)][w->id];
		unsigned int n = rte_ring_sc_dequeue_burst_elem(
				ring, msg, sizeof(msg[0]), most, NULL);

		for (unsigned int k = 0; k < n; k++)
			receive(w, &msg[k]);
		taken += n;
	}
	return taken;
}
