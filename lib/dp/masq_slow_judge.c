/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slow path: judging. Chains see a packet in the order of the reference (1.1, 1.2):
 *
 *	from inside (masquerade, replies of forwarded servers):
 *		input as it arrived -> forward as it arrived -> output translated
 *	from outside (replies, forwarded connections), and hairpins:
 *		input as it arrived -> output translated, no forward chain
 *
 * The interface is the arriving one for input, the departing one for forward and output.
 *
 * A half remembers a favourable verdict with the generation of the rule set; from then on its
 * packets take the fast path, and the half counts for the rules that it met (masq_tally.c). What is
 * not remembered is judged packet by packet: denials, rules that log, SYN segments where a rule looks
 * at -y, and odd ICMP queries, whose code is in no key (masq_pkt.h). A half can only remember what a
 * data segment would get, so a SYN's verdict is followed by a second question with the SYN taken away.
 *
 * A half that goes out by MASQ and whose forward verdict is no longer MASQ: an ACCEPT now means that
 * the host is routed as it is, so that is done for masqueraded hosts; a forwarded server's reply
 * without MASQ is dropped by name, because no client could make sense of it.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include <masq_icmp.h>

#include "masq_judged.h"
#include "masq_link.h"
#include "masq_slow.h"
#include "masq_tally.h"

static const struct {
	enum masq_drop deny, reject;
	uint8_t icmp_code; /* of REJECT, reference 5.4 */
} chain_drop[MASQ_CHAIN_BUILTINS] = {
	[MASQ_CHAIN_INPUT] = { MASQ_DROP_INPUT_DENY, MASQ_DROP_INPUT_REJECT, MASQ_ICMP_CODE_PORT },
	[MASQ_CHAIN_FORWARD] = { MASQ_DROP_FORWARD_DENY, MASQ_DROP_FORWARD_REJECT,
			MASQ_ICMP_CODE_HOST },
	[MASQ_CHAIN_OUTPUT] = { MASQ_DROP_OUTPUT_DENY, MASQ_DROP_OUTPUT_REJECT,
			MASQ_ICMP_CODE_HOST },
};

/* What a chain sees of a tuple; ICMP type and code stand in the packet. */
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
	uint8_t syn = pkt->tcp_flags & (MASQ_TCP_SYN | MASQ_TCP_ACK | MASQ_TCP_RST);

	judgement->n_asked = 0;
	judgement->forward = MASQ_VERDICT_ACCEPT;
	judgement->mbuf = b->mbuf[i];
	judgement->ttl_out = (uint8_t)(pkt->ttl - 1);
	masq_rules_result_init(&judgement->result);
	*input = (struct masq_rules_input){
		/* Not from the key: that of an ICMP error is the flow's, not its own. */
		.src = rte_be_to_cpu_32(ip->src_addr),
		.dst = rte_be_to_cpu_32(ip->dst_addr),
		.proto = ip->next_proto_id,
		.port = b->arrival[i],
		.has_ports = (pkt->flags & MASQ_PKT_OTHER_PROTO) == 0,
		.syn = pkt->key.proto == IPPROTO_TCP && syn == MASQ_TCP_SYN,
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

/*
 * All matches, in their order, with those that a result does not hold: the same chains again, window by
 * window. They go to w->matches, or are counted one by one if they do not fit there either.
 */
static void
gather(struct masq_worker *w, const struct masq_pkt *pkt, const struct masq_judgement *judgement,
		bool log)
{
	struct masq_rules_result result = judgement->result;
	bool fits = result.n_matches <= MASQ_MATCHES_MAX;
	uint8_t tos = pkt->tos;
	uint32_t first = 0;

	for (;;) {
		if (likely(fits))
			memcpy(&w->matches[first], result.rules,
					result.n_rules * sizeof(result.rules[0]));
		else
			masq_path_count_slots(
					w->paths, result.rules, result.n_rules, pkt->l3_len_bytes);
		if (log && result.wants_log)
			masq_packet_log(w, pkt, judgement, &result, &tos);
		if (!result.overflow)
			return;
		first += MASQ_PATH_RULES_MAX;
		masq_rules_result_window(&result, first);
		for (unsigned int k = 0; k < judgement->n_asked; k++)
			masq_rules_eval(w->snapshot->rules, judgement->asked[k].chain,
					&judgement->asked[k].input, &result);
	}
}

/* Count one packet. @return path of its matches, MASQ_PATH_NONE when they have none */
static uint32_t
count(struct masq_worker *w, const struct masq_pkt *pkt, const struct masq_judgement *judgement)
{
	const struct masq_rules_result *result = &judgement->result;
	const uint32_t *matches = result->rules;
	uint32_t path;

	if (unlikely(result->wants_log || result->overflow)) {
		gather(w, pkt, judgement, true);
		if (unlikely(result->n_matches > MASQ_MATCHES_MAX))
			return MASQ_PATH_NONE;
		matches = w->matches;
	}
	path = masq_path_intern(w->paths, matches, result->n_matches);
	if (unlikely(path == MASQ_PATH_NONE))
		masq_path_count_slots(w->paths, matches, result->n_matches, pkt->l3_len_bytes);
	else
		masq_count_path(w, path, pkt->l3_len_bytes);
	return path;
}

void
masq_judge_count(struct masq_worker *w, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement)
{
	count(w, pkt, judgement);
}

static enum masq_rules_verdict
ask_chain(struct masq_worker *w, enum masq_conf_builtin chain, const struct masq_tuple *tuple,
		uint8_t port, struct masq_judgement *judgement)
{
	struct masq_rules_input *input = &judgement->asked[judgement->n_asked].input;

	judgement->asked[judgement->n_asked].n_matches = judgement->result.n_matches;
	judgement->asked[judgement->n_asked++].chain = chain;
	*input = judgement->input;
	if (tuple != NULL)
		input_from_tuple(input, tuple);
	input->port = port;
	return masq_rules_eval(w->snapshot->rules, chain, input, &judgement->result);
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

/* What came to an address of the box itself skips the forward chain: also a hairpin's answers. */
static bool
asks_forward(const struct masq_half *half, const struct masq_judgement *judgement)
{
	return (half->flags & MASQ_HALF_FROM_INSIDE) != 0 &&
			rte_be_to_cpu_32(half->rewrite.dst) == judgement->input.dst;
}

/* Does a data segment of this half pass all chains too? Its result is what may be remembered. */
static bool
ask_without_syn(struct masq_worker *w, const struct masq_half *half,
		const struct masq_tuple *translated, uint8_t arrival, uint8_t departure,
		struct masq_judgement *data)
{
	enum masq_rules_verdict verdict;

	data->input.syn = false;
	data->n_asked = 0;
	masq_rules_result_init(&data->result);
	if (ask_chain(w, MASQ_CHAIN_INPUT, NULL, arrival, data) != MASQ_VERDICT_ACCEPT)
		return false;
	if (asks_forward(half, data) &&
			ask_chain(w, MASQ_CHAIN_FORWARD, NULL, departure, data) !=
					MASQ_VERDICT_MASQ)
		return false;
	verdict = ask_chain(w, MASQ_CHAIN_OUTPUT, translated, departure, data);
	return verdict == MASQ_VERDICT_ACCEPT;
}

/* The verdict of all chains, and where the packets leave. A half that cannot remember the verdict stays
 * unjudged. */
static void
remember_result(struct masq_worker *w, struct masq_half *half,
		const struct masq_rules_result *result, uint32_t path, uint8_t arrival,
		uint8_t departure, struct masq_neigh_ref ref)
{
	bool can = path != MASQ_PATH_NONE && !result->wants_log;

	masq_tally_leave(w, half);
	half->generation = 0;
	if (can)
		masq_tally_join(w, half, path);
	half->flags &= (uint8_t)~MASQ_HALF_SYN_SLOW;
	half->arrival_port = arrival;
	half->departure_port = departure;
	half->neigh = ref.value;
	half->rewrite.tos_and = result->tos_and;
	half->rewrite.tos_xor = result->tos_xor;
	if (can && result->depends_on_syn)
		half->flags |= MASQ_HALF_SYN_SLOW;
}

/* The packet at hand is a SYN and that mattered: remember what a data segment would get. */
static void
remember_data(struct masq_worker *w, struct masq_half *half, const struct masq_pkt *pkt,
		const struct masq_judgement *judgement, const struct masq_tuple *translated,
		uint8_t arrival, uint8_t departure, struct masq_neigh_ref ref)
{
	struct masq_judgement data = *judgement;
	uint32_t path = MASQ_PATH_NONE;

	if (!ask_without_syn(w, half, translated, arrival, departure, &data))
		return;
	if (data.result.n_matches <= MASQ_MATCHES_MAX) {
		gather(w, pkt, &data, false);
		path = masq_path_intern(w->paths, w->matches, data.result.n_matches);
	}
	remember_result(w, half, &data.result, path, arrival, departure, ref);
}

/* What was said of this packet holds for all of its kind. */
static void
remember_kind(struct masq_worker *w, const struct masq_burst *b, unsigned int i,
		const struct masq_judgement *judgement, uint32_t path)
{
	const struct masq_rules_result *result = &judgement->result;
	bool routed = judgement->forward == MASQ_VERDICT_ACCEPT;

	if (path == MASQ_PATH_NONE || result->wants_log || !masq_judged_may(b, i) ||
			(result->depends_on_syn && (judgement->input.syn || !routed)))
		return;
	masq_judged_remember(w, b, i,
			&(struct masq_judged){
					.path = (uint16_t)path,
					.mark = result->mark,
					.verdict = (uint8_t)judgement->forward,
					.tos_and = result->tos_and,
					.tos_xor = result->tos_xor,
					.syn_slow = result->depends_on_syn,
			});
}

/* Everything is said and counted: the protocol state, the rewrite. */
static void
send_translated(struct masq_worker *w, struct masq_burst *b, unsigned int i, struct masq_half *half,
		uint8_t tos_and, uint8_t tos_xor, uint64_t link, uint8_t departure)
{
	const struct masq_pkt *pkt = &b->pkt[i];
	struct masq_rewrite rewrite = half->rewrite;

	masq_session_note(w, half, pkt->tcp_flags);
	rewrite.tos_and = tos_and;
	rewrite.tos_xor = tos_xor;
	masq_rewrite_apply(&rewrite, b->mbuf[i], pkt);
	masq_slow_send(w, b, i, link, departure);
}

void
masq_slow_half_finish(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route)
{
	struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	const struct masq_pkt *pkt = &b->pkt[i];
	struct masq_tuple translated = {
		.src = half->rewrite.src,
		.dst = half->rewrite.dst,
		.sport = half->rewrite.sport,
		.dport = half->rewrite.dport,
		.proto = half->rewrite.proto,
	};
	struct masq_neigh_ref ref;
	uint64_t link;
	uint32_t path;

	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_OUTPUT, &translated, route->port, judgement))
		return;
	link = masq_slow_neighbour(w, b, i, route, &ref);
	if (link == 0) {
		/* The chains let it through; that it got no further is no matter of theirs. */
		if (b->verdict[i] == MASQ_DROP)
			masq_judge_count(w, &b->pkt[i], judgement);
		return;
	}
	path = count(w, pkt, judgement);
	masq_tally_apart(w, half, pkt->l3_len_bytes);
	if (judgement->result.depends_on_syn && judgement->input.syn)
		remember_data(w, half, pkt, judgement, &translated, b->arrival[i], route->port,
				ref);
	else if ((pkt->flags & MASQ_PKT_ICMP_ODD) == 0)
		remember_result(w, half, &judgement->result, path, b->arrival[i], route->port, ref);
	if (asks_forward(half, judgement) && !w->classes->output_sees_source)
		remember_kind(w, b, i, judgement, path);
	/* The packet at hand gets its own TOS, which with -y may differ from what is remembered. */
	send_translated(w, b, i, half, judgement->result.tos_and, judgement->result.tos_xor, link,
			route->port);
}

void
masq_slow_route(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		struct masq_judgement *judgement, const struct masq_fib_route *route)
{
	struct masq_neigh_ref ref;
	uint64_t link;

	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_OUTPUT, NULL, route->port, judgement))
		return;
	link = masq_slow_neighbour(w, b, i, route, &ref);
	if (link == 0) {
		/* The chains let it through; that it got no further is no matter of theirs. */
		if (b->verdict[i] == MASQ_DROP)
			masq_judge_count(w, &b->pkt[i], judgement);
		return;
	}
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
		masq_count_path(w, judged->path, b->pkt[i].l3_len_bytes);
	if (link == 0)
		return;
	masq_rewrite_route(judged->tos_and, judged->tos_xor, b->mbuf[i], &b->pkt[i]);
	masq_slow_send(w, b, i, link, route->port);
}

void
masq_slow_half(struct masq_worker *w, struct masq_burst *b, unsigned int i)
{
	struct masq_half *half = masq_half_at(w->sessions, b->half[i]);
	struct masq_judgement judgement;
	struct masq_fib_route route;

	w->judged_anew += half->generation != 0 && half->generation != w->generation &&
			(b->pkt[i].flags & MASQ_PKT_ICMP_ODD) == 0;
	b->judged_line[i] = MASQ_JUDGED_NO_LINE; /* prepared is only who has no session */
	masq_judge_begin(b, i, &judgement);
	if (!masq_judge_chain(w, b, i, MASQ_CHAIN_INPUT, NULL, b->arrival[i], &judgement))
		return;
	if (masq_fib_lookup(w->snapshot->fib, rte_be_to_cpu_32(half->rewrite.dst), &route) != 0) {
		masq_judge_count(w, &b->pkt[i], &judgement);
		masq_slow_no_route(w, b, i);
		return;
	}
	if (route.is_broadcast) {
		masq_judge_count(w, &b->pkt[i], &judgement);
		masq_burst_drop(b, i, MASQ_DROP_BROADCAST);
		return;
	}
	if (route.is_local) {
		masq_judge_count(w, &b->pkt[i], &judgement);
		masq_burst_drop(b, i, MASQ_DROP_FORWARD_LOCAL);
		return;
	}
	if (!masq_slow_fits(w, b, i, route.port)) {
		masq_judge_count(w, &b->pkt[i], &judgement);
		return;
	}
	if (asks_forward(half, &judgement)) {
		if (!masq_judge_chain(w, b, i, MASQ_CHAIN_FORWARD, NULL, route.port, &judgement))
			return;
		if (judgement.result.verdict != MASQ_VERDICT_MASQ) {
			if ((half->flags & MASQ_HALF_REPLY) == 0) {
				masq_slow_route(w, b, i, &judgement, &route);
				return;
			}
			masq_judge_count(w, &b->pkt[i], &judgement);
			masq_burst_drop(b, i, MASQ_DROP_REPLY_NOT_MASQ);
			return;
		}
	}
	masq_slow_half_finish(w, b, i, &judgement, &route);
}
