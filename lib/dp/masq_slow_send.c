/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all slow packets share: TTL and MTU checks, the neighbour, sending; and the box's own ICMP
 * errors.
 *
 * A packet whose neighbour has no link address yet is parked as it arrived, untranslated and
 * uncounted. It goes through the stages again when ARP has answered or given up. So an ICMP error
 * about it quotes what its sender sent, and no rule counts it twice.
 *
 * TTL, DF and MTU are checked before anything is rewritten, for the same reason.
 *
 * The rate of ICMP errors is limited (RFC 1812 4.3.2.8), by a bucket in each worker, because
 * workers wait for what they share. The burst is a second's worth: thousands of transfers that meet
 * a smaller MTU at the same moment, or a class room that runs traceroute, get their answers; a
 * flood does not cause another. The limit is not per sender or receiver, so it needs no table that
 * forged addresses could fill.
 */
#include <rte_ip.h>
#include <rte_mbuf.h>

#include <masq_bucket.h>
#include <masq_icmp.h>

#include "masq_judge.h"
#include "masq_link.h"
#include "masq_neighbour.h"
#include "masq_port.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_stage_tx.h"
#include "masq_worker.h"

static bool
dont_fragment(const struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
			mbuf, const struct rte_ipv4_hdr *, pkt->l3_offset);

	return (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG)) != 0;
}

/* Was the packet for all hosts of a network? Then all would answer it; this also applies if it came
 * in a unicast frame. */
static bool
is_for_all(const struct masq_worker *w, rte_be32_t dst)
{
	struct masq_fib_route route;

	return masq_fib_lookup(w->snapshot->fib, rte_be_to_cpu_32(dst), &route) == 0 &&
			route.is_broadcast;
}

void
masq_slow_icmp_about(struct masq_worker *w, const struct rte_mbuf *mbuf, const struct masq_pkt *pkt,
		uint8_t arrival, uint8_t type, uint8_t code, uint16_t mtu)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
			mbuf, const struct rte_ipv4_hdr *, pkt->l3_offset);
	const struct masq_conf_port *port = &w->ports[arrival].conf;
	uint32_t sender = rte_be_to_cpu_32(ip->src_addr), own;
	struct masq_pkt quoted = *pkt;
	struct masq_fib_route route;
	struct rte_mbuf *answer;

	if (!masq_icmp_error_allowed(mbuf, pkt) || is_for_all(w, ip->dst_addr) ||
			masq_fib_lookup(w->snapshot->fib, sender, &route) != 0)
		return;
	/* The source is the address of the departing port (RFC 1812 4.3.2.4); if that has none, of
	 * the arriving one. */
	own = route.preferred_src;
	if (own == 0 && port->n_addresses > 0)
		own = port->address[0].addr;
	if (own == 0)
		return;
	if (!masq_bucket_take(&w->icmp_bucket, MASQ_DP_ICMP_RATE, MASQ_DP_ICMP_BURST, w->now_ms)) {
		w->counters.icmp_limited++;
		return;
	}
	/* The error has DF set, so all of it must fit the link to the sender. */
	quoted.l3_len_bytes = RTE_MIN(quoted.l3_len_bytes,
			(uint16_t)(w->ports[route.port].mtu - MASQ_ICMP_ERROR_HEADERS));
	answer = masq_icmp_error_build(
			w->pool, mbuf, &quoted, rte_cpu_to_be_32(own), type, code, mtu);
	if (answer != NULL)
		masq_slow_originate(w, answer, sender);
}

void
masq_slow_icmp(struct masq_worker *w, const struct masq_burst *b, unsigned int i, uint8_t type,
		uint8_t code, uint16_t mtu)
{
	masq_slow_icmp_about(w, b->mbuf[i], &b->pkt[i], b->arrival[i], type, code, mtu);
}

void
masq_slow_originate(struct masq_worker *w, struct rte_mbuf *mbuf, uint32_t dst)
{
	struct masq_fib_route route;
	struct masq_neigh_ref ref;
	uint64_t link;

	if (masq_fib_lookup(w->snapshot->fib, dst, &route) != 0 || route.is_local ||
			route.is_broadcast) {
		rte_pktmbuf_free(mbuf);
		return;
	}
	ref = masq_neigh_find(w->neigh, route.port, route.next_hop);
	link = masq_neigh_word(w->neigh, ref);
	if (link == 0) {
		masq_neighbour_park_own(w, mbuf, route.port, route.next_hop);
		return;
	}
	w->counters.originated++;
	masq_link_write(mbuf, link, w->ports[route.port].mac);
	masq_tx_one(w, mbuf, route.port);
}

void
masq_slow_no_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement)
{
	masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_NET, 0);
	masq_judge_drop(w, b, i, judgement, MASQ_DROP_NO_ROUTE);
}

bool
masq_slow_is_martian(const struct masq_worker *w, uint32_t src)
{
	struct masq_fib_route route;

	return masq_fib_lookup(w->snapshot->fib, src, &route) == 0 &&
			(route.is_local || route.is_broadcast);
}

bool
masq_slow_fits(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, uint8_t departure)
{
	const struct masq_pkt *pkt = &b->pkt[i];

	if (pkt->ttl <= 1) {
		masq_slow_icmp(w, b, i, MASQ_ICMP_TIME_EXCEEDED, 0, 0);
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_TTL);
		return false;
	}
	if (pkt->l3_len_bytes > w->ports[departure].mtu && dont_fragment(b->mbuf[i], pkt)) {
		masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_FRAG_NEEDED,
				w->ports[departure].mtu);
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_MTU);
		return false;
	}
	return true;
}

uint64_t
masq_slow_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_fib_route *route, struct masq_neigh_ref *ref)
{
	uint64_t link = masq_link_find(&w->links, w->neigh, route->port, route->next_hop, ref);

	if (link != 0) {
		if (likely(w->waiting.n == 0) ||
				!masq_neighbour_line_up(w, b, i, route->port, route->next_hop))
			return link;
		return 0;
	}
	if (masq_neighbour_is_silent(w, *ref) ||
			masq_neighbour_is_given_up(&w->waiting, route->port, route->next_hop)) {
		masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, MASQ_ICMP_CODE_HOST, 0);
		masq_burst_drop(b, i, MASQ_DROP_NEIGH_UNREACHABLE);
	} else {
		masq_neighbour_park(w, b, i, route->port, route->next_hop);
	}
	return 0;
}

void
masq_slow_send(struct masq_worker *w, struct masq_burst *b, unsigned int i, uint64_t link,
		uint8_t departure)
{
	masq_link_write(b->mbuf[i], link, w->ports[departure].mac);
	b->departure[i] = departure;
	b->verdict[i] = likely(b->pkt[i].l3_len_bytes <= w->ports[departure].mtu) ? MASQ_SEND
										  : MASQ_SEND_CUT;
}
