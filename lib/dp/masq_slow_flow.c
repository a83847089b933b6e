/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow path: a packet without session. The order is that of Linux 2.2 (reference 1.2):
 *
 *	input chain -> for the box?  yes: a forwarding rule takes it -> new session, output chain
 *	                                  none does -> the box itself
 *	                             no:  TTL, MTU -> forward chain
 *	                                  -> MASQ: new session, output chain
 *	                                  -> ACCEPT: output chain, routed unchanged
 *
 * A packet with a MASQ verdict that cannot be masqueraded is dropped with a reason of its own, and
 * never sent with its inside source: other protocols, ICMP that is not a query, no address, no
 * port.
 */
#include <assert.h>
#include <netinet/in.h>

#include <rte_byteorder.h>

#include <masq_icmp.h>
#include <masq_nat.h>

#include "masq_judge.h"
#include "masq_judged.h"
#include "masq_local.h"
#include "masq_openings.h"
#include "masq_port.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

/* Is the reason that the box has no room for a flow that it would have masqueraded? A call from
 * outside is dropped in silence: a flood of forged ones shall not be answered. */
static bool
is_want_of_room(const struct masq_judgement *judgement, enum masq_drop reason)
{
	return reason == MASQ_DROP_NO_PORT ||
			(reason == MASQ_DROP_SESSION_TABLE &&
					judgement->forward == MASQ_VERDICT_MASQ);
}

/* The sender is notified if there is no room (ICMP 3/13, RFC 5508 REQ-8) or a neighbour does not
 * answer (3/1). */
void
masq_slow_refuse(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason)
{
	if (is_want_of_room(judgement, reason))
		masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_ADMIN, 0);
	else if (reason == MASQ_DROP_NEIGH_UNREACHABLE)
		masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_HOST, 0);
	masq_judge_drop(w, b, i, judgement, reason);
}

/* Nothing has been counted yet: had the session been created, the packet would have been judged
 * again. */
void
masq_slow_refuse_late(
		struct masq_worker *w, struct masq_burst *b, unsigned int i, enum masq_drop reason)
{
	struct masq_judgement judgement;
	struct masq_fib_route route;

	masq_judge_begin(b, i, &judgement);
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_INPUT, NULL, b->arrival[i], &judgement))
		return;
	if (masq_fib_lookup(w->snapshot->fib, judgement.input.dst, &route) == 0 &&
			!route.is_local &&
			!masq_judge_chain(
					w, b, i, MASQ_CHAIN_FORWARD, NULL, route.port, &judgement))
		return;
	masq_slow_refuse(w, b, i, &judgement, reason);
}

static uint8_t
first_state(const struct masq_pkt *pkt, enum masq_session_kind kind)
{
	static const uint8_t of_proto[2][IPPROTO_UDP + 1] = {
		{ [IPPROTO_ICMP] = MASQ_STATE_ICMP,
				[IPPROTO_TCP] = MASQ_STATE_LISTEN,
				[IPPROTO_UDP] = MASQ_STATE_UDP },
		{ [IPPROTO_ICMP] = MASQ_STATE_ICMP,
				[IPPROTO_TCP] = MASQ_STATE_NONE,
				[IPPROTO_UDP] = MASQ_STATE_UDP },
	};

	/* Other protocols have no sessions. */
	assert(pkt->key.proto <= IPPROTO_UDP);
	return of_proto[kind == MASQ_SESSION_MASQ][pkt->key.proto];
}

/* Find out why a packet cannot be masqueraded. MASQ_DROP_NONE: it can. */
static enum masq_drop
masquerade_refusal(const struct masq_pkt *pkt, const struct masq_judgement *judgement,
		const struct masq_fib_route *route)
{
	if ((pkt->flags & MASQ_PKT_OTHER_PROTO) != 0)
		return MASQ_DROP_PROTOCOL;
	if ((pkt->flags & (MASQ_PKT_ICMP_ERROR | MASQ_PKT_ICMP_OTHER)) != 0)
		return MASQ_DROP_ICMP_UNMATCHED;
	/* A reply that belongs to no query. For ICMP the rules' source port is the type. The key
	 * does not tell: an identifier may look like a type. */
	if (pkt->key.proto == IPPROTO_ICMP &&
			!masq_icmp_is_request((uint8_t)judgement->input.sport))
		return MASQ_DROP_ICMP_UNMATCHED;
	if (route->preferred_src == 0)
		return MASQ_DROP_NO_MASQ_ADDRESS;
	return MASQ_DROP_NONE;
}

/*
 * Begin a flow behind the last opening: a session that does not change packets. Assigned field by
 * field, because to clear the struct the compiler uses "rep stos", which takes some hundred cycles
 * to start. The caller fills in the initial half.
 */
static __rte_always_inline struct masq_nat_flow *
flow_begin(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		enum masq_session_kind kind, uint32_t mark, uint32_t origin)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	struct masq_openings *o = w->openings;
	struct masq_nat_flow *flow = &o->flow[o->n];

	flow->initial = pkt->key;
	flow->translated = pkt->key;
	flow->signature = b->signature[i];
	flow->choose_port = false;
	flow->birth.mark = mark;
	flow->birth.origin = origin;
	flow->birth.state = first_state(pkt, kind);
	flow->birth.kind = (uint8_t)kind;
	flow->birth.proto = pkt->key.proto;
	return flow;
}

/* Replace the source by the box's address on the route. */
static void
flow_hide_source(struct masq_nat_flow *flow, const struct masq_fib_route *route)
{
	flow->translated.src = rte_cpu_to_be_32(route->preferred_src);
	flow->translated.sport = 0;
	flow->choose_port = true;
}

/* Replace the destination by the server. */
static void
flow_to_server(struct masq_nat_flow *flow, const struct masq_portfw_target *server)
{
	flow->translated.dst = rte_cpu_to_be_32(server->raddr);
	flow->translated.dport = rte_cpu_to_be_16(server->rport);
}

/* Add the flow of a packet that has no verdict yet. If its kind will be remembered, further packets
 * of it shall wait for that. */
static void
add_unjudged(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, struct masq_nat_flow *flow)
{
	flow->half = MASQ_HALF_UNJUDGED;
	masq_openings_add(w, b, i);
	if (masq_slow_first_tells_kind(w, b, i, judgement))
		masq_openings_mark_kind(w->openings, b, i);
}

static void
masquerade_if_possible(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, const struct masq_fib_route *route)
{
	enum masq_drop reason = masquerade_refusal(&b->pkt[i], judgement, route);

	if (reason == MASQ_DROP_NONE) {
		struct masq_nat_flow *flow = flow_begin(
				w, b, i, MASQ_SESSION_MASQ, judgement->mark, 0);

		flow_hide_source(flow, route);
		add_unjudged(w, b, i, judgement, flow);
		return;
	}
	masq_judge_drop(w, b, i, judgement, reason);
}

/* Find the route to the server. @return false: there is none, or it cannot be used; the packet is
 * decided */
static bool
finds_server(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, uint32_t server,
		struct masq_fib_route *route)
{
	if (masq_fib_lookup(w->snapshot->fib, server, route) != 0)
		masq_slow_no_route(w, b, i, judgement);
	else if (route->is_broadcast)
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_NO_ROUTE);
	else if (route->is_local)
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_FORWARD_LOCAL);
	else
		return masq_slow_fits(w, b, i, judgement, route->port);
	return false;
}

/* If the server is on the same port as the client, it would answer the client directly, so the
 * client's source is hidden too. */
static bool
is_hairpin(const struct masq_burst *b, unsigned int i, const struct masq_fib_route *route)
{
	return route->port == b->arrival[i] && route->preferred_src != 0;
}

/* The short way prepared the packet's kind for the server whose turn it was then. Other workers
 * take turns, too, so the server may be a different one now, and the verdict is about that one. */
static void
prepare_for_server(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_nat_flow *flow, bool hairpin, const struct masq_fib_route *route)
{
	if (!masq_judged_may(b, i) || !masq_judged_of_half(b, i))
		return;
	if (likely(!hairpin))
		masq_judged_prepare_call_again(
				w, b, i, flow->translated.dst, flow->translated.dport, route->port);
	else
		b->judged_line[i] = MASQ_JUDGED_NO_LINE;
}

/* Forward the packet to this server, for which a turn was taken. */
static void
forward_to(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_portfw_target *target, const struct masq_judgement *judgement,
		const struct masq_fib_route *route)
{
	bool hairpin = is_hairpin(b, i, route);
	struct masq_nat_flow *flow = flow_begin(w, b, i,
			hairpin ? MASQ_SESSION_HAIRPIN : MASQ_SESSION_PORTFW, judgement->mark,
			target->rule_id);

	flow_to_server(flow, target);
	if (hairpin)
		flow_hide_source(flow, route);
	prepare_for_server(w, b, i, flow, hairpin, route);
	add_unjudged(w, b, i, judgement, flow);
}

/* Forward a packet for an address of the box that has a forwarding rule. */
static void
forward_in(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_portfw_target *next, struct masq_judgement *judgement,
		struct masq_fib_route *route)
{
	struct masq_portfw_target target = *next;

	/*
	 * A packet dropped here creates no session, so it must not use up the server's turn. If the
	 * session cannot be opened later (no port, a reply tuple in use, another worker without
	 * room), the turn is used up all the same: the cause is mostly this server, and the
	 * client's next attempt should meet another.
	 */
	if (!finds_server(w, b, i, judgement, next->raddr, route))
		return;
	if (unlikely(!masq_openings_have_room(w))) {
		masq_slow_refuse(w, b, i, judgement, MASQ_DROP_SESSION_TABLE);
		return;
	}
	masq_rules_portfw_turn(w->snapshot->rules, b->pkt[i].key.proto, judgement->input.dst,
			judgement->input.dport, &target);
	/* Another worker took a turn meanwhile, and it was that server's last. */
	if (unlikely(target.rule_id != next->rule_id) &&
			!finds_server(w, b, i, judgement, target.raddr, route))
		return;
	forward_to(w, b, i, &target, judgement, route);
}

/* A call was about to take the short way, but got another server's turn. */
static void
forward_judged_anew(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_portfw_target *target)
{
	struct masq_judgement *judgement = &w->openings->judgement[w->openings->n];
	struct masq_fib_route *route = &w->openings->route[w->openings->n];

	w->openings->link[w->openings->n] = 0;
	masq_judge_begin(b, i, judgement);
	if (masq_judge_chain(w, b, i, MASQ_CHAIN_INPUT, NULL, b->arrival[i], judgement) &&
			finds_server(w, b, i, judgement, target->raddr, route))
		forward_to(w, b, i, target, judgement, route);
}

static void
for_us(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, struct masq_fib_route *route)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	bool has_ports = masq_tuple_has_ports(&pkt->key);
	struct masq_portfw_target next;

	if (has_ports &&
			masq_rules_portfw_next(w->snapshot->rules, pkt->key.proto,
					judgement->input.dst, judgement->input.dport, &next) == 0)
		forward_in(w, b, i, &next, judgement, route);
	else
		masq_local_deliver(w, b, i, judgement);
}

/* Find the route to a packet's own destination; it was looked up with those of its burst, if
 * possible. */
static bool
find_way(const struct masq_worker *w, const struct masq_burst *b, unsigned int i, uint32_t dst,
		struct masq_fib_route *route)
{
	if (b->hop[i] == MASQ_HOP_UNKNOWN)
		return masq_fib_lookup(w->snapshot->fib, dst, route) == 0;
	return masq_fib_hop_route(&w->hops[b->hop[i]], dst, route);
}

/* Fill in the INITIAL half: the verdict for its kind, and this packet, already counted. If the
 * verdict depends on -y, the next packet is of another kind, and the half stands on no path yet. No
 * first packet leads to a state that another ACK from the same side would change, so none has to be
 * watched for. */
static inline void
half_begin(const struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judged *judged, const struct masq_fib_route *way,
		struct masq_neigh_ref ref, bool from_inside, struct masq_nat_flow *flow)
{
	const struct masq_pkt *pkt = &b->pkt[i];

	flow->birth.state = (uint8_t)masq_tcp_next(
			(enum masq_state)flow->birth.state, from_inside, pkt->tcp_flags);
	flow->half = (struct masq_half){
		.rewrite.tos_and = judged->tos_and,
		.rewrite.tos_xor = judged->tos_xor,
		.syns = (pkt->tcp_flags & MASQ_TCP_SYN) != 0,
		.generation = w->generation,
		.path = judged->path,
		.neigh = ref.value,
		.arrival_port = b->arrival[i],
		.departure_port = way->port,
		.packets = 1,
		.bytes = pkt->l3_len_bytes,
	};
	if (unlikely(judged->depends_on_syn))
		flow->half.generation = 0;
}

/* Is this packet, not TCP or UDP, an ICMP request? Only these begin sessions, but rules may treat
 * replies like them. */
static __rte_noinline bool
is_request(const struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];

	return (pkt->flags & MASQ_PKT_ICMP_QUERY) != 0 &&
			masq_icmp_is_request(*rte_pktmbuf_mtod_offset(
					b->mbuf[i], const uint8_t *, pkt->l4_offset));
}

/*
 * Short way: if the chains have judged this kind of packets (masq_judged.h), neither they nor most
 * of the code below is needed. @return false: no verdict is known, or the packet or its neighbour
 * needs a closer look
 */
static bool
flow_takes_short_way(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	struct masq_openings *o = w->openings;
	struct masq_fib_route way;
	const struct masq_judged *judged;
	struct masq_nat_flow *flow;
	struct masq_neigh_ref ref;
	uint64_t link;

	judged = masq_slow_find_judged(w, b, i, pkt->key.dst, &way);
	if (judged == NULL)
		return false;
	if (judged->verdict != MASQ_VERDICT_MASQ) {
		masq_slow_route_judged(w, b, i, judged, &way);
		return true;
	}
	if (unlikely((pkt->flags & (MASQ_PKT_OTHER_PROTO | MASQ_PKT_ICMP_QUERY)) != 0 &&
			    !is_request(b, i)))
		return false;
	if (way.preferred_src == 0)
		return false;
	link = masq_slow_link(w, &way, &ref);
	if (link == 0)
		return false;
	o->link[o->n] = link;
	flow = flow_begin(w, b, i, MASQ_SESSION_MASQ, judged->mark, 0);
	flow_hide_source(flow, &way);
	half_begin(w, b, i, judged, &way, ref, true, flow);
	masq_openings_add(w, b, i);
	return true;
}

/* Is this packet for one of the box's addresses, and nothing special? */
static bool
is_plain_call(const struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];

	return masq_judged_may(b, i) && w->hops[b->hop[i]].route.is_local &&
			masq_tuple_has_ports(&pkt->key) && pkt->ttl > 1;
}

/* The short way for a call (a new flow to an address of the box). Its kind is that of its future
 * half. */
static bool
call_takes_short_way(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const uint32_t laddr = rte_be_to_cpu_32(pkt->key.dst);
	const uint16_t lport = rte_be_to_cpu_16(pkt->key.dport);
	struct masq_openings *o = w->openings;
	struct masq_portfw_target next, target;
	const struct masq_judged *judged;
	struct masq_fib_route way;
	struct masq_nat_flow *flow;
	struct masq_neigh_ref ref;
	uint64_t link;

	if (masq_rules_portfw_next(w->snapshot->rules, pkt->key.proto, laddr, lport, &next) != 0 ||
			masq_fib_lookup(w->snapshot->fib, next.raddr, &way) != 0 || way.is_local ||
			way.is_broadcast || is_hairpin(b, i, &way) ||
			pkt->l3_len_bytes > w->ports[way.port].mtu)
		return false;
	masq_judged_prepare_call(w, b, i, rte_cpu_to_be_32(next.raddr),
			rte_cpu_to_be_16(next.rport), way.port);
	if (!masq_judged_may(b, i))
		return false;
	judged = masq_judged_find(&w->judged, w->generation, b, i);
	if (judged == NULL)
		return false;
	link = masq_slow_link(w, &way, &ref);
	if (link == 0 || !masq_openings_have_room(w))
		return false;
	masq_rules_portfw_turn(w->snapshot->rules, pkt->key.proto, laddr, lport, &target);
	if (unlikely(target.rule_id != next.rule_id)) {
		forward_judged_anew(w, b, i, &target);
		return true;
	}
	o->link[o->n] = link;
	flow = flow_begin(w, b, i, MASQ_SESSION_PORTFW, judged->mark, target.rule_id);
	flow_to_server(flow, &target);
	half_begin(w, b, i, judged, &way, ref, false, flow);
	masq_openings_add(w, b, i);
	return true;
}

/* Will the packet's kind be known when the gathered sessions have been opened? */
static bool
kind_is_coming(struct masq_worker *w, const struct masq_burst *b, unsigned int i)
{
	struct masq_openings *o = w->openings;

	if (!masq_judged_may(b, i) || !masq_openings_kind_marked(o, b, i))
		return false;
	/* It was opened, and that did not help: a rule logs it, its neighbour is unknown, or this is
	 * an ICMP reply, which begins no session. */
	if (o->n == 0)
		o->kinds_stay_unknown = true;
	return !o->kinds_stay_unknown;
}

void
masq_slow_flow(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	/* In the next opening, where they have to be if the packet gets a session. */
	struct masq_judgement *judgement = &w->openings->judgement[w->openings->n];
	struct masq_fib_route *route = &w->openings->route[w->openings->n];

	if (is_plain_call(w, b, i) ? call_takes_short_way(w, b, i) : flow_takes_short_way(w, b, i))
		return;
	if (unlikely(kind_is_coming(w, b, i))) {
		masq_slow_again(w, b, i);
		return;
	}
	w->openings->link[w->openings->n] = 0;
	masq_judge_begin(b, i, judgement);
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_INPUT, NULL, b->arrival[i], judgement))
		return;
	if (masq_slow_is_martian(w, judgement->input.src)) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_MARTIAN_SOURCE);
		return;
	}
	if (!find_way(w, b, i, judgement->input.dst, route)) {
		masq_slow_no_route(w, b, i, judgement);
		return;
	}
	if (route->is_local) {
		for_us(w, b, i, judgement, route);
		return;
	}
	if (route->is_broadcast) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_BROADCAST);
		return;
	}
	if (!masq_slow_fits(w, b, i, judgement, route->port))
		return;
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_FORWARD, NULL, route->port, judgement))
		return;
	if (judgement->result.verdict == MASQ_VERDICT_MASQ)
		masquerade_if_possible(w, b, i, judgement, route);
	else
		masq_slow_route(w, b, i, judgement, route);
}
