/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow path: ICMP errors. An error quotes the packet that it is about. The parser has reversed the
 * quoted tuple, so the error is looked up like a packet of the flow that travels in its direction,
 * and the half that is found says how to translate it: the outer addresses as for any packet of the
 * half, the quoted header in reverse. This covers all sessions, masqueraded and forwarded, in both
 * directions, so traceroute and path MTU discovery work through the box.
 *
 * The input chain sees an error as it arrived, the output chain as it leaves. An error about a
 * session skips the forward chain (reference 1.1). An error about no session is routed if the
 * forward chain accepts it, and dropped (MASQ_DROP_ICMP_UNMATCHED) if it would have to be
 * masqueraded or is for the box.
 */
#include <netinet/in.h>

#include <rte_byteorder.h>

#include <masq_rewrite.h>

#include "masq_judge.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_worker.h"

static void
route_unmatched(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement)
{
	struct masq_fib_route route;

	if (masq_fib_lookup(w->snapshot->fib, judgement->input.dst, &route) != 0) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_NO_ROUTE);
		return;
	}
	if (route.is_local || route.is_broadcast) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_ICMP_UNMATCHED);
		return;
	}
	if (!masq_slow_fits(w, b, i, judgement, route.port))
		return;
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_FORWARD, NULL, route.port, judgement))
		return;
	if (judgement->result.verdict == MASQ_VERDICT_MASQ) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_ICMP_UNMATCHED);
		return;
	}
	masq_slow_route(w, b, i, judgement, &route);
}

/* Compute the outer addresses after translation, as the output chain and the route see them. */
static struct masq_tuple
outer_after(const struct masq_half *half, const struct masq_tuple *key,
		const struct masq_rules_input *input)
{
	bool hides_source = half->rewrite.src != key->src;

	return (struct masq_tuple){
		.src = hides_source ? half->rewrite.src : rte_cpu_to_be_32(input->src),
		.dst = half->rewrite.dst,
		.proto = IPPROTO_ICMP,
	};
}

static void
translate(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement)
{
	const struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	struct masq_rewrite rewrite = half->rewrite;
	struct masq_tuple outer = outer_after(half, &b->pkt[i].key, &judgement->input);
	struct masq_fib_route route;
	struct masq_neigh_ref ref;
	uint64_t link;

	if (masq_fib_lookup(w->snapshot->fib, rte_be_to_cpu_32(outer.dst), &route) != 0 ||
			route.is_local || route.is_broadcast) {
		masq_judge_drop(w, b, i, judgement, MASQ_DROP_NO_ROUTE);
		return;
	}
	if (!masq_slow_fits(w, b, i, judgement, route.port))
		return;
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_OUTPUT, &outer, route.port, judgement))
		return;
	link = masq_judge_neighbour(w, b, i, judgement, &route, &ref);
	if (link == 0)
		return;
	masq_judge_count(w, &b->pkt[i], judgement);
	rewrite.tos_and = judgement->result.tos_and;
	rewrite.tos_xor = judgement->result.tos_xor;
	masq_rewrite_icmp_error(&rewrite, b->mbuf[i], &b->pkt[i]);
	w->counters.icmp_translated++;
	masq_slow_send(w, b, i, link, route.port);
}

void
masq_slow_icmp_error(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	struct masq_judgement judgement;
	bool about_session;

	masq_judge_begin(b, i, &judgement);
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_INPUT, NULL, b->arrival[i], &judgement))
		return;
	if (masq_slow_is_martian(w, judgement.input.src)) {
		masq_judge_drop(w, b, i, &judgement, MASQ_DROP_MARTIAN_SOURCE);
		return;
	}
	/* If it is not addressed to the sender of the packet it quotes, it is not about that
	 * session. */
	about_session = b->half[i] != MASQ_HALF_NONE &&
			rte_be_to_cpu_32(b->pkt[i].key.dst) == judgement.input.dst;
	if (about_session)
		translate(w, b, i, &judgement);
	else
		route_unmatched(w, b, i, &judgement);
}
