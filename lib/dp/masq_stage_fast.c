/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage: fast path. Rewrites and addresses packets of a judged session, and packets without session
 * of a kind that is known to be merely routed (masq_judged.h). Everything else goes to the slow
 * path, untouched: other packets without session, a half that the rule set in force has not judged,
 * a SYN where rules look at -y, an odd ICMP query, a TTL that expires, a packet that exceeds the
 * next link's MTU, a neighbour without link address.
 *
 * Per packet: the half's cache line (prefetched by the lookup), one neighbour word, the packet's
 * headers. The half also counts for the rules (masq_tally.c). The protocol state is looked at only
 * for segments that can change it, and only after the burst, while their records are being fetched.
 */
#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_prefetch.h>

#include <masq_path.h>

#include "masq_judged.h"
#include "masq_life.h"
#include "masq_link.h"
#include "masq_neighbour.h"
#include "masq_port.h"
#include "masq_worker.h"

/* A segment with data or only an ACK changes nothing, unless the half says that it might. One
 * branch, which nearly always goes the same way: in a mix of TCP and UDP the protocol is
 * unpredictable. */
static inline bool
changes_state(const struct masq_half *half, const struct masq_pkt *pkt)
{
	const uint8_t interesting = MASQ_TCP_SYN | MASQ_TCP_FIN | MASQ_TCP_RST;
	unsigned int may = (pkt->tcp_flags & interesting) | (~pkt->tcp_flags & MASQ_TCP_ACK) |
			(half->flags & MASQ_HALF_WATCH);

	return (half->rewrite.proto == IPPROTO_TCP) & (may != 0);
}

/* Is everything about this packet as the half expects it? */
static inline bool
is_plain(const struct masq_worker *w, const struct masq_half *half, const struct masq_pkt *pkt,
		uint8_t arrival, const struct masq_port *port)
{
	uint8_t slow = MASQ_HALF_PENDING | MASQ_HALF_DYING;

	if ((pkt->tcp_flags & (MASQ_TCP_SYN | MASQ_TCP_ACK)) == MASQ_TCP_SYN)
		slow |= MASQ_HALF_SYN_SLOW;
	return half->generation == w->generation && (half->flags & slow) == 0 &&
			half->arrival_port == arrival && pkt->ttl > 1 &&
			(pkt->flags & (uint8_t) ~(MASQ_PKT_ICMP_QUERY | MASQ_PKT_OPTIONS)) == 0 &&
			pkt->l3_len_bytes <= port->mtu;
}

/* Pass a packet of a session to the slow path. A segment that may change the state of its session
 * needs the record, which for answers lies anywhere in memory. Prefetched here and not when the
 * slow path gets to it: a first answer of TCP 312 to 296 cycles at 65 536 sessions, 409 to 340 at a
 * million. No branch, because the protocol is unpredictable; for others it prefetches the half,
 * which is cached already. */
static void
goes_slow(const struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	const void *record = masq_session_of(w->sessions, half);

	rte_prefetch0(half->rewrite.proto == IPPROTO_TCP ? record : half);
	b->verdict[i] = MASQ_SLOW;
	b->slow_halves |= UINT32_C(1) << i;
}

/* As above: prefetch the record, which masq_life_note_burst() examines after all packets of the
 * burst. Out of line, because few segments may change anything. */
static __rte_noinline void
may_change(const struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_half *half = masq_half_at(w->sessions, b->half[i]);

	rte_prefetch0_write(masq_session_of(w->sessions, half));
	b->changes |= UINT32_C(1) << i;
}

static inline void
fast_packet(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	const struct masq_pkt *pkt = &b->pkt[i];
	const uint8_t departure = half->departure_port;
	const struct masq_port *port = &w->ports[departure];
	uint64_t link;

	if (unlikely(!is_plain(w, half, pkt, b->arrival[i], port))) {
		goes_slow(w, b, i);
		return;
	}
	link = masq_neigh_word(w->neigh, (struct masq_neigh_ref){ half->neigh });
	if (unlikely(link == 0)) {
		goes_slow(w, b, i);
		return;
	}
	if (unlikely(changes_state(half, pkt)))
		may_change(w, b, i);
	masq_half_seen(half, w->now_ms, pkt->l3_len_bytes);
	masq_rewrite_apply(&half->rewrite, b->mbuf[i], pkt);
	masq_link_write(b->mbuf[i], link, port->mac);
	b->departure[i] = departure;
	b->verdict[i] = MASQ_SEND;
	w->counters.hits++;
}

/* Send a packet without session if its kind is known to be routed. */
static inline void
routed_packet(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const struct masq_fib_hop *hop;
	const struct masq_judged *judged;
	const struct masq_port *port;
	struct masq_neigh_ref ref;
	uint8_t departure;
	uint64_t link;

	b->verdict[i] = MASQ_SLOW;
	if (!masq_judged_may(b, i))
		return;
	judged = masq_judged_find(&w->judged, w->generation, b, i);
	if (judged == NULL || judged->verdict != MASQ_VERDICT_ACCEPT)
		return;
	hop = &w->hops[b->hop[i]];
	departure = hop->departure;
	port = &w->ports[departure];
	if (pkt->ttl <= 1 || pkt->l3_len_bytes > port->mtu)
		return;
	link = masq_link_find(&w->links, w->neigh, departure,
			masq_fib_hop_next(hop, rte_be_to_cpu_32(pkt->key.dst)), &ref);
	if (unlikely(link == 0))
		return;
	masq_path_count(w->path_counters, judged->path, pkt->l3_len_bytes);
	masq_rewrite_route(judged->tos_and, judged->tos_xor, b->mbuf[i], pkt);
	masq_link_write(b->mbuf[i], link, port->mac);
	b->departure[i] = departure;
	b->verdict[i] = MASQ_SEND;
	w->counters.routed++;
}

/* Packets wait for link addresses. If their neighbour has just answered, a routed packet that
 * arrives now must not leave before them: it takes the slow path, where it lines up. */
static __rte_noinline void
line_up(struct masq_worker *w, struct masq_burst *b)
{
	for (unsigned int i = 0; i < b->n; i++) {
		const struct masq_fib_hop *hop;

		if (b->verdict[i] != MASQ_UNDECIDED || b->half[i] != MASQ_HALF_NONE ||
				!masq_judged_may(b, i))
			continue;
		hop = &w->hops[b->hop[i]];
		if (masq_neighbour_is_waited_for(&w->waiting, hop->departure,
				    masq_fib_hop_next(hop, rte_be_to_cpu_32(b->pkt[i].key.dst))))
			b->verdict[i] = MASQ_SLOW;
	}
}

void
masq_stage_fast(struct masq_worker *w, struct masq_burst *b)
{
	b->slow_halves = 0;
	b->changes = 0;
	if (unlikely(w->waiting.n != 0))
		line_up(w, b);
	for (unsigned int i = 0; i < b->n; i++) {
		if (b->verdict[i] != MASQ_UNDECIDED)
			continue;
		if (likely(b->half[i] != MASQ_HALF_NONE))
			fast_packet(w, b, i);
		else
			routed_packet(w, b, i);
	}
	if (unlikely(b->changes != 0))
		masq_life_note_burst(w, b);
}
