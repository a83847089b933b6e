/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow path: judging. Chains see a packet in the order of the reference (1.1, 1.2):
 *
 *	from inside (masquerade, replies of forwarded servers):
 *		input as it arrived -> forward as it arrived -> output translated
 *	from outside (replies, forwarded connections), and hairpin sessions:
 *		input as it arrived -> output translated, no forward chain
 *
 * The interface is the arriving one for input, and the departing one for forward and output.
 *
 * A half remembers a favourable verdict with the generation of the rule set. From then on its
 * packets take the fast path, and the half counts for the rules that it matched (masq_tally.c). Not
 * remembered, and so judged packet by packet, are denials, matches of rules that log, SYN segments
 * where a rule looks at -y, and odd ICMP queries, whose code is in no key (masq_pkt.h). If a SYN
 * gets a verdict of its own, its half remembers nothing yet: the first data segment judges it.
 *
 * What all chains let through is also remembered for the kind of packets (masq_judged.h). If a half
 * of that kind has to be judged, the chains need not be asked.
 *
 * New rules may say ACCEPT for a half that was created by MASQ. Packets of a masqueraded host are
 * then routed unchanged. The reply of a forwarded server is dropped (MASQ_DROP_REPLY_NOT_MASQ),
 * because no client could use one that comes from the server's own address.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include <masq_icmp.h>
#include <masq_path.h>

#include "masq_judge.h"
#include "masq_judged.h"
#include "masq_life.h"
#include "masq_packet_log.h"
#include "masq_slow.h"
#include "masq_snapshot.h"
#include "masq_tally.h"
#include "masq_worker.h"

static const struct {
	enum masq_drop deny, reject;
	uint8_t icmp_code; /* for REJECT, reference 5.4 */
} chain_drop[MASQ_CHAIN_BUILTINS] = {
	[MASQ_CHAIN_INPUT] = { MASQ_DROP_INPUT_DENY, MASQ_DROP_INPUT_REJECT, MASQ_ICMP_CODE_PORT },
	[MASQ_CHAIN_FORWARD] = { MASQ_DROP_FORWARD_DENY, MASQ_DROP_FORWARD_REJECT,
			MASQ_ICMP_CODE_HOST },
	[MASQ_CHAIN_OUTPUT] = { MASQ_DROP_OUTPUT_DENY, MASQ_DROP_OUTPUT_REJECT,
			MASQ_ICMP_CODE_HOST },
};

/* What a chain sees of a tuple. ICMP type and code are in the packet. */
static void
input_from_tuple(struct masq_rules_input *input, const struct masq_tuple *tuple)
{
	input->src = rte_be_to_cpu_32(tuple->src);
	input->dst = rte_be_to_cpu_32(tuple->dst);
	if (tuple->proto != IPPROTO_ICMP) {
		input->sport = rte_be_to_cpu_16(tuple->sport);
		input->dport = rte_be_to_cpu_16(tuple->dport);
	}
}

void
masq_judge_begin(const struct masq_burst *b, unsigned int i, struct masq_judgement *judgement)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
			b->mbuf[i], const struct rte_ipv4_hdr *, pkt->l3_offset);
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(b->mbuf[i], const uint8_t *, pkt->l4_offset);
	struct masq_rules_input *input = &judgement->input;

	judgement->n_asked = 0;
	judgement->forward = MASQ_VERDICT_ACCEPT;
	judgement->mark = 0;
	judgement->mbuf = b->mbuf[i];
	judgement->ttl_out = (uint8_t)(pkt->ttl - 1);
	masq_rules_result_init(&judgement->result);
	*input = (struct masq_rules_input){
		/* Not from the key, which for an ICMP error is that of the quoted flow. */
		.src = rte_be_to_cpu_32(ip->src_addr),
		.dst = rte_be_to_cpu_32(ip->dst_addr),
		.proto = ip->next_proto_id,
		.port = b->arrival[i],
		.has_ports = (pkt->flags & MASQ_PKT_OTHER_PROTO) == 0,
		.syn = masq_pkt_is_syn(pkt),
		.tos = pkt->tos,
	};
	if (ip->next_proto_id == IPPROTO_ICMP) {
		input->sport = l4[0];
		input->dport = l4[1];
	} else if (input->has_ports) {
		input->sport = rte_be_to_cpu_16(pkt->key.sport);
		input->dport = rte_be_to_cpu_16(pkt->key.dport);
	}
}

/* Ask the same chains again. Stores the matches from number first on in w->matches, as many as fit. */
static void
ask_again(struct masq_worker *w, const struct masq_judgement *judgement, uint32_t first,
		struct masq_rules_result *result)
{
	masq_rules_result_window(result, first, w->matches + MASQ_PATH_RULES_MAX,
			MASQ_MATCHES_MAX - MASQ_PATH_RULES_MAX);
	for (unsigned int k = 0; k < judgement->n_asked; k++)
		masq_rules_eval(w->snapshot->rules, judgement->asked[k].chain,
				&judgement->asked[k].input, result);
}

/*
 * Collect all matches in order, including those that the result had no room for. Afterwards they
 * are in w->matches; or, if there are too many for that, they have been counted one by one, window
 * by window.
 */
static void
gather(struct masq_worker *w, const struct masq_pkt *pkt, const struct masq_judgement *judgement)
{
	struct masq_rules_result result = judgement->result;
	bool fits = result.n_matches <= MASQ_MATCHES_MAX;
	uint8_t tos = pkt->tos;
	uint32_t first = 0;

	do {
		if (judgement->result.overflow)
			ask_again(w, judgement, first, &result);
		memcpy(w->matches, result.rules,
				RTE_MIN(result.n_rules, (uint32_t)MASQ_PATH_RULES_MAX) *
						sizeof(result.rules[0]));
		if (!fits)
			masq_path_count_slots(
					w->paths, w->matches, result.n_rules, pkt->l3_len_bytes);
		if (result.wants_log)
			masq_packet_log(w, pkt, judgement, &result, &tos);
		first += result.n_rules;
	} while (result.overflow);
}

/* Count one packet. @return path of its matches; MASQ_PATH_NONE if they have none */
static uint32_t
count(struct masq_worker *w, const struct masq_pkt *pkt, const struct masq_judgement *judgement)
{
	const struct masq_rules_result *result = &judgement->result;
	const uint32_t *matches = result->rules;
	uint32_t path;

	if (unlikely(result->wants_log || result->overflow)) {
		gather(w, pkt, judgement);
		if (unlikely(result->n_matches > MASQ_MATCHES_MAX))
			return MASQ_PATH_NONE;
		matches = w->matches;
	}
	path = masq_path_intern(w->paths, matches, result->n_matches);
	if (unlikely(path == MASQ_PATH_NONE))
		masq_path_count_slots(w->paths, matches, result->n_matches, pkt->l3_len_bytes);
	else
		masq_path_count(w->path_counters, path, pkt->l3_len_bytes);
	return path;
}

void
masq_judge_count(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement)
{
	count(w, pkt, judgement);
}

void
masq_judge_drop(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, enum masq_drop reason)
{
	count(w, &b->pkt[i], judgement);
	masq_burst_drop(b, i, reason);
}

uint64_t
masq_judge_neighbour(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, const struct masq_fib_route *route,
		struct masq_neigh_ref *ref)
{
	uint64_t link = masq_slow_neighbour(w, b, i, route, ref);

	/* The chains let it through; the neighbour is not their concern. */
	if (b->verdict[i] == MASQ_DROP)
		count(w, &b->pkt[i], judgement);
	return link;
}

static enum masq_rules_verdict
ask_chain(struct masq_worker *w, enum masq_conf_builtin chain, const struct masq_tuple *tuple,
		uint8_t port, struct masq_judgement *judgement)
{
	struct masq_rules_input *input = &judgement->asked[judgement->n_asked].input;
	enum masq_rules_verdict verdict;

	judgement->asked[judgement->n_asked].n_matches = judgement->result.n_matches;
	judgement->asked[judgement->n_asked++].chain = chain;
	*input = judgement->input;
	if (tuple != NULL)
		input_from_tuple(input, tuple);
	input->port = port;
	verdict = masq_rules_eval(w->snapshot->rules, chain, input, &judgement->result);
	if (chain != MASQ_CHAIN_OUTPUT)
		judgement->mark = judgement->result.mark;
	return verdict;
}

bool
masq_judge_chain(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		enum masq_conf_builtin chain, const struct masq_tuple *tuple, uint8_t port,
		struct masq_judgement *judgement)
{
	enum masq_rules_verdict verdict = ask_chain(w, chain, tuple, port, judgement);

	if (chain == MASQ_CHAIN_FORWARD)
		judgement->forward = verdict;
	switch (verdict) {
	case MASQ_VERDICT_ACCEPT:
	case MASQ_VERDICT_MASQ:
		return true;
	case MASQ_VERDICT_REJECT:
		masq_slow_icmp(w, b, i, MASQ_ICMP_UNREACHABLE, chain_drop[chain].icmp_code, 0);
		masq_burst_drop(b, i, chain_drop[chain].reject);
		break;
	case MASQ_VERDICT_LOOP:
		masq_burst_drop(b, i, MASQ_DROP_CHAIN_LOOP);
		break;
	case MASQ_VERDICT_DENY:
		masq_burst_drop(b, i, chain_drop[chain].deny);
		break;
	}
	masq_judge_count(w, &b->pkt[i], judgement);
	return false;
}

/* What all chains said, in the form in which it is remembered. */
static struct masq_judged
said(const struct masq_judgement *judgement, uint32_t path)
{
	const struct masq_rules_result *result = &judgement->result;

	return (struct masq_judged){
		.path = (uint16_t)path,
		.mark = judgement->mark,
		.verdict = (uint8_t)judgement->forward,
		.tos_and = result->tos_and,
		.tos_xor = result->tos_xor,
		.depends_on_syn = result->depends_on_syn,
	};
}

/* Record what a half was told, and where its packets leave. @param judged NULL: the verdict cannot
 * be remembered, and the half stays unjudged */
static void
half_judged(struct masq_worker *w, struct masq_half *half, const struct masq_judged *judged,
		uint8_t arrival, uint8_t departure, struct masq_neigh_ref ref)
{
	masq_tally_leave(w, half);
	half->generation = 0;
	half->flags &= (uint8_t)~MASQ_HALF_SYN_SLOW;
	half->arrival_port = arrival;
	half->departure_port = departure;
	half->neigh = ref.value;
	if (judged == NULL)
		return;
	masq_tally_join(w, half, judged->path);
	half->rewrite.tos_and = judged->tos_and;
	half->rewrite.tos_xor = judged->tos_xor;
	half->flags |= judged->depends_on_syn ? MASQ_HALF_SYN_SLOW : 0;
}

static bool
can_be_remembered(const struct masq_judgement *judgement, uint32_t path)
{
	return path != MASQ_PATH_NONE && !judgement->result.wants_log;
}

/* Remember the verdict about this packet for all of its kind. */
static void
remember_kind(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, uint32_t path)
{
	struct masq_judged judged = said(judgement, path);

	if (masq_judged_may(b, i) && can_be_remembered(judgement, path))
		masq_judged_remember(w, b, i, &judged);
}

/* Judging and counting are done: update the protocol state, rewrite, send. */
static void
send_translated(struct masq_worker *w, struct masq_burst *b, unsigned int i, struct masq_half *half,
		uint8_t tos_and, uint8_t tos_xor, uint64_t link, uint8_t departure)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	struct masq_rewrite rewrite = half->rewrite;

	masq_life_note(w, half, pkt->tcp_flags);
	rewrite.tos_and = tos_and;
	rewrite.tos_xor = tos_xor;
	masq_rewrite_apply(&rewrite, b->mbuf[i], pkt);
	masq_slow_send(w, b, i, link, departure);
}

/* Does the verdict about this packet say nothing about others of its half? */
static bool
is_a_case_of_its_own(const struct masq_pkt *pkt, const struct masq_judged *judged)
{
	return (pkt->flags & MASQ_PKT_ICMP_ODD) != 0 ||
			(masq_pkt_is_syn(pkt) && judged->depends_on_syn);
}

/* Ask the output chain and finish the packet. @return path of the packet; MASQ_PATH_NONE if it was
 * not sent */
static uint32_t
finish_half(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route)
{
	struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	const struct masq_tuple translated = masq_judge_translated(half);
	const struct masq_pkt *pkt = &b->pkt[i];
	struct masq_judged judged;
	struct masq_neigh_ref ref;
	uint64_t link;
	uint32_t path;

	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_OUTPUT, &translated, route->port, judgement))
		return MASQ_PATH_NONE;
	link = masq_judge_neighbour(w, b, i, judgement, route, &ref);
	if (link == 0)
		return MASQ_PATH_NONE;
	path = count(w, pkt, judgement);
	masq_tally_apart(w, half, pkt->l3_len_bytes);
	judged = said(judgement, path);
	if (!is_a_case_of_its_own(pkt, &judged))
		half_judged(w, half, can_be_remembered(judgement, path) ? &judged : NULL,
				b->arrival[i], route->port, ref);
	/* This packet gets its own TOS, which with -y may differ from what is remembered. */
	send_translated(w, b, i, half, judged.tos_and, judged.tos_xor, link, route->port);
	return path;
}

bool
masq_slow_first_tells_kind(const struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement)
{
	return masq_judged_may(b, i) &&
			(masq_judged_of_half(b, i) ||
					(judgement->forward == MASQ_VERDICT_MASQ &&
							!w->classes->output_sees_source));
}

void
masq_slow_half_finish(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route)
{
	uint32_t path = finish_half(w, b, i, judgement, route);

	if (masq_slow_first_tells_kind(w, b, i, judgement))
		remember_kind(w, b, i, judgement, path);
}

void
masq_slow_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route)
{
	struct masq_neigh_ref ref;
	uint64_t link;

	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_OUTPUT, NULL, route->port, judgement))
		return;
	link = masq_judge_neighbour(w, b, i, judgement, route, &ref);
	if (link == 0)
		return;
	remember_kind(w, b, i, judgement, count(w, &b->pkt[i], judgement));
	masq_rewrite_route(judgement->result.tos_and, judgement->result.tos_xor, b->mbuf[i],
			&b->pkt[i]);
	masq_slow_send(w, b, i, link, route->port);
}

void
masq_slow_route_judged(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		const struct masq_judged *judged, const struct masq_fib_route *route)
{
	struct masq_neigh_ref ref;
	uint64_t link = masq_slow_neighbour(w, b, i, route, &ref);

	if (link != 0 || b->verdict[i] == MASQ_DROP)
		masq_path_count(w->path_counters, judged->path, b->pkt[i].l3_len_bytes);
	if (link == 0)
		return;
	masq_rewrite_route(judged->tos_and, judged->tos_xor, b->mbuf[i], &b->pkt[i]);
	masq_slow_send(w, b, i, link, route->port);
}

/*
 * Short way: all chains have let packets of this kind through, so the half begins with that verdict
 * and with this packet, unless the packet is a special case. @return false: no verdict is known, or
 * the packet or its neighbour needs a closer look
 */
static bool
half_takes_short_way(
		struct masq_worker *w, struct masq_burst *b, unsigned int i, struct masq_half *half)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	const struct masq_judged *judged;
	struct masq_fib_route way;
	struct masq_neigh_ref ref;
	uint64_t link;

	judged = masq_slow_find_judged(w, b, i, half->rewrite.dst, &way);
	if (judged == NULL)
		return false;
	link = masq_slow_link(w, &way, &ref);
	if (link == 0)
		return false;
	if (unlikely(is_a_case_of_its_own(pkt, judged))) {
		masq_path_count(w->path_counters, judged->path, pkt->l3_len_bytes);
		masq_tally_apart(w, half, pkt->l3_len_bytes);
		send_translated(w, b, i, half, judged->tos_and, judged->tos_xor, link, way.port);
		return true;
	}
	half_judged(w, half, judged, b->arrival[i], way.port, ref);
	masq_half_seen(half, w->now_ms, pkt->l3_len_bytes);
	masq_life_note(w, half, pkt->tcp_flags);
	masq_rewrite_apply(&half->rewrite, b->mbuf[i], pkt);
	masq_slow_send(w, b, i, link, way.port);
	return true;
}

/* New rules meet this half for the first time and are not cached yet, so it counts for the length
 * of bursts (masq_worker.c); but only once: from now on the half is unjudged, even if the rules
 * deny the packet. */
static void
judge_anew(struct masq_worker *w, struct masq_half *half)
{
	w->pace.judged_anew++;
	masq_tally_leave(w, half);
	half->generation = 0;
}

void
masq_slow_half(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	struct masq_judgement judgement;
	struct masq_fib_route route;

	if (half_takes_short_way(w, b, i, half))
		return;
	if (half->generation != 0 && half->generation != w->generation &&
			(b->pkt[i].flags & MASQ_PKT_ICMP_ODD) == 0)
		judge_anew(w, half);
	masq_judge_begin(b, i, &judgement);
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_INPUT, NULL, b->arrival[i], &judgement))
		return;
	if (!masq_fib_hop_route(&w->hops[b->hop[i]], rte_be_to_cpu_32(half->rewrite.dst), &route)) {
		masq_slow_no_route(w, b, i, &judgement);
		return;
	}
	if (route.is_broadcast) {
		masq_judge_drop(w, b, i, &judgement, MASQ_DROP_BROADCAST);
		return;
	}
	if (route.is_local) {
		masq_judge_drop(w, b, i, &judgement, MASQ_DROP_FORWARD_LOCAL);
		return;
	}
	if (!masq_slow_fits(w, b, i, &judgement, route.port))
		return;
	if (masq_judge_asks_forward(half, b->pkt[i].key.dst)) {
		if (!masq_judge_chain(w, b, i, MASQ_CHAIN_FORWARD, NULL, route.port, &judgement))
			return;
		if (judgement.result.verdict != MASQ_VERDICT_MASQ) {
			if ((half->flags & MASQ_HALF_REPLY) == 0) {
				/* Not a verdict about halves of its kind. */
				b->judged_line[i] = MASQ_JUDGED_NO_LINE;
				masq_slow_route(w, b, i, &judgement, &route);
				return;
			}
			masq_judge_drop(w, b, i, &judgement, MASQ_DROP_REPLY_NOT_MASQ);
			return;
		}
	}
	remember_kind(w, b, i, &judgement, finish_half(w, b, i, &judgement, &route));
}
