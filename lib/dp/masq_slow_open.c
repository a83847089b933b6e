/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow path: the sessions of a burst are created together. A new session costs more in waiting for
 * memory than in work: the hash buckets of its reply tuple are in no cache. So the slow path judges
 * packet after packet, gathers the flows that get a session, and creates these sessions in one call
 * (masq_nat_open()), which fetches all buckets at once. A gathered flow is an *opening*.
 *
 * Marks. While flows are gathered, the result of the burst's bulk lookup may become out of date: a
 * second packet of a gathered flow, a tuple that a session of this burst has taken, or one whose
 * session was evicted. Each such tuple marks a place by its signature. A packet whose place is
 * marked waits until the gathered sessions exist, and is then looked up again. A place that is
 * marked by chance costs one lookup and nothing else.
 *
 * Judged. If a packet's kind was judged before (masq_judged.h), everything is known when its flow
 * is gathered: verdict, route, neighbour. The INITIAL half begins with all that, this packet
 * counted, and what remains is to rewrite the packet and send it. The others ask the output chain
 * once their port is known.
 *
 * New kinds. A kind is known when the first flow of it has been opened, not when it is gathered. So
 * a gathered flow of an unknown kind marks the kind, too, and the next packet of that kind waits
 * until the gathered sessions exist: one packet of a kind takes the long way, not all of its burst.
 */

#include <rte_mbuf.h>

#include <masq_nat.h>
#include <masq_path.h>

#include "masq_life.h"
#include "masq_link.h"
#include "masq_message.h"
#include "masq_neighbour.h"
#include "masq_openings.h"
#include "masq_port.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

void
masq_openings_begin(struct masq_openings *o)
{
	o->n = 0;
	o->burst++;
	o->kinds_stay_unknown = false;
}

static bool
has_record(const struct masq_worker *w)
{
	return masq_session_capacity(w->sessions) - masq_session_count(w->sessions) >
			w->openings->n;
}

bool
masq_openings_have_room(struct masq_worker *w)
{
	if (likely(has_record(w)))
		return true;
	masq_life_make_room(w, w->openings->n + 1);
	return has_record(w);
}

/* Ask another worker for half of the session. The packet travels with the request and is judged
 * again when it comes back. @return false: the request could not be sent */
static bool
ask(struct masq_worker *w, struct masq_burst *b, unsigned int i, const struct masq_nat_msg *nat)
{
	union masq_message msg = { .nat = *nat };

	msg.nat.mbuf = b->mbuf[i];
	b->mbuf[i]->port = b->arrival[i];
	if (masq_message_request(w, &msg, msg.nat.to)) {
		b->verdict[i] = MASQ_GONE;
		w->held++;
		return true;
	}
	masq_nat_unsent(w->nat, &msg.nat);
	return false;
}

/* Send the first packet of a flow whose kind was judged, like any later one (masq_stage_fast.c)
 * except for the counters: its half has counted it already. If the half stands on no path, that
 * does not reach the rules, so the packet is counted for its path here. */
static void
send_first(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint64_t link)
{
	const struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	const struct masq_pkt *pkt = &b->pkt[i];

	if (unlikely(half->generation == 0))
		masq_path_count(w->path_counters, half->path, pkt->l3_len_bytes);
	masq_rewrite_apply(&half->rewrite, b->mbuf[i], pkt);
	masq_link_write(b->mbuf[i], link, w->ports[half->departure_port].mac);
	b->departure[i] = half->departure_port;
	b->verdict[i] = MASQ_SEND;
}

static void
finish(struct masq_worker *w, struct masq_burst *b, unsigned int k)
{
	struct masq_openings *o = w->openings;
	struct masq_nat_result *result = &o->result[k];
	unsigned int i = o->place[k];

	switch (result->outcome) {
	case MASQ_NAT_DONE:
		w->counters.sessions_created++;
		b->half[i] = result->half;
		if (likely(o->link[k] != 0))
			send_first(w, b, i, o->link[k]);
		else
			masq_slow_half_finish(w, b, i, &o->judgement[k], &o->route[k]);
		return;
	case MASQ_NAT_ASK:
		if (unlikely(o->link[k] == 0 &&
				    masq_neighbour_is_given_up(&w->waiting, o->route[k].port,
						    o->route[k].next_hop))) {
			/* It has already waited for its neighbour; when it came back it would wait
			 * once more. */
			masq_nat_unsent(w->nat, &result->msg);
			result->reason = MASQ_DROP_NEIGH_UNREACHABLE;
			break;
		}
		if (ask(w, b, i, &result->msg))
			return;
		result->reason = MASQ_DROP_HANDOFF_FULL;
		break;
	case MASQ_NAT_REFUSED:
		break;
	}
	if (o->link[k] != 0) {
		/* The known path contains the output chain's rules, too. */
		masq_slow_refuse_late(w, b, i, result->reason);
		return;
	}
	masq_slow_refuse(w, b, i, &o->judgement[k], result->reason);
}

void
masq_openings_flush(struct masq_worker *w, struct masq_burst *b, bool more)
{
	struct masq_openings *o = w->openings;

	if (o->n == 0)
		return;
	masq_life_make_room(w, o->n);
	masq_nat_open(w->nat, o->flow, o->n, &w->snapshot->timeouts, w->now_ms, o->result);
	for (unsigned int k = 0; k < o->n; k++)
		finish(w, b, k);
	for (unsigned int k = 0; more && k < o->n; k++)
		if (o->result[k].outcome == MASQ_NAT_DONE)
			masq_openings_mark_tuple(
					w, masq_half_key(w->sessions, o->result[k].reply_half));
	o->n = 0;
}
