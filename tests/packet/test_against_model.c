/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path against a plain reading of what it is to do: rules, routes and talks by chance, and after
 * each packet the question what the chains say of it, asked of all of them anew. The reader below knows
 * sessions by a list that it walks; it has no half, no memory of verdicts, no path, no worker. Compared are
 * where each packet leaves, as what, with which TOS, or the name under which it is dropped; and what each
 * rule has counted, packets and bytes.
 *
 * Rules come and go while sessions stand, so halves are judged anew, and routes move, so packets arrive and
 * leave by other ports than before. What masq_rules_eval() says is believed: it has a model of its own
 * (tests/unit/rules/test_model.c).
 *
 * The seed is printed on failure; MASQ_TEST_SEED=N runs that one, MASQ_TEST_SEEDS=N so many.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_classes.h>
#include <masq_conf_command.h>
#include <masq_rules.h>

#include "masq_test_random.h"
#include "masq_test_seeds.h"
#include "masq_test_talk.h"

#define SEEDS 4
#define STEPS 400 /* of a seed: packets, or a handful of them at once */
#define HANDFUL 24
#define SESSIONS 2048
#define IDS 65536
#define LINES 24 /* of rules that come and go */
#define LINE_BYTES 160
#define WAN_MTU 1000
#define MANY 140 /* rules that look at ports, each at two more */
#define CROWD                 \
	(MASQ_CLASSES_NAMED + \
			10) /* rules about pairs: they get the names, and single values none */
#define TEXT_BYTES ((LINES + 3 * MANY + 2 * CROWD) * LINE_BYTES + 2048)
#define SILENCE_MS (7500 * 1000) /* longer than any session lives */
#define ROW_BYTES 96

#define CALLED                                                            \
	"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080 -p 2\n" \
	"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080 -p 1\n" \
	"portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"      \
	"portfw -a -P udp -L 203.0.113.1 54 -R 192.168.16.27 5353\n"

/* A packet as the chains see it: host order. For ICMP sport is the identifier. */
struct tuple {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint8_t proto;
	uint8_t icmp_type, icmp_code;
};

struct packet {
	struct tuple t;
	enum masq_test_port arrival;
	uint8_t tcp_flags, tos;
	uint16_t len_bytes; /* IP total length */
	uint16_t ip_id;
	int ttl;
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	struct masq_test_pkt sent;
	bool in_pieces; /* it comes as two fragments */
};

struct session {
	struct tuple initial, out; /* as it arrives, as it leaves */
	enum masq_session_kind kind;
	bool port_is_known; /* out.sport */
};

/* What became of a packet, or is to become of it. */
struct fate {
	bool is_sent;
	enum masq_drop reason;
	enum masq_test_port departure;
	struct tuple left;
	uint8_t tos;
};

struct counter {
	uint64_t packets, bytes;
};

struct world {
	struct masq_test_box *box;
	uint64_t rnd;
	struct masq_conf_rules conf; /* of the reader */
	struct masq_rules *rules;
	struct session session[SESSIONS];
	unsigned int n_sessions;
	struct counter counter[IDS];
	char line[LINES][LINE_BYTES];
	unsigned int n_lines;
	bool srv_route; /* 198.51.100.0/24 is behind the servers, else out there */
	const char *holes; /* a rule that leaves addresses without classes, or "" */
	unsigned int many_hosts; /* rules about two hosts each, so that addresses have a table of classes */
	bool crowded; /* and so many about pairs that single addresses have no class */
	unsigned int matched_lines; /* rules that all TCP and UDP meets on its way out */
	bool many_ports; /* so many rules that single ports have no class */
	uint16_t ip_id;
	uint64_t packets, drops;
};

/* ---------------------------------------------------------------- the reader */

static bool
same(const struct tuple *a, const struct tuple *b)
{
	return a->src == b->src && a->dst == b->dst && a->sport == b->sport &&
			a->dport == b->dport && a->proto == b->proto &&
			a->icmp_type == b->icmp_type;
}

/* What answers to this look like. */
static struct tuple
answer_to(const struct tuple *t)
{
	struct tuple answer = { .src = t->dst, .dst = t->src, .proto = t->proto };

	if (t->proto == IPPROTO_ICMP) {
		answer.sport = t->sport;
		answer.icmp_type = t->icmp_type == 8 ? 0 : 8;
		return answer;
	}
	answer.sport = t->dport;
	answer.dport = t->sport;
	return answer;
}

static enum masq_test_port
way_to(const struct world *w, uint32_t addr)
{
	if (addr >> 8 == IP4(192, 168, 1, 0) >> 8)
		return LAN;
	if (addr >> 8 == IP4(192, 168, 16, 0) >> 8)
		return SRV;
	if (addr >> 8 == IP4(198, 51, 100, 0) >> 8 && w->srv_route)
		return SRV;
	return WAN;
}

static uint32_t
own_address(enum masq_test_port port)
{
	static const uint32_t own[BOX_PORTS] = { [LAN] = IP4(192, 168, 1, 1),
		[WAN] = IP4(203, 0, 113, 1),
		[SRV] = IP4(192, 168, 16, 1) };

	return own[port];
}

static bool
is_own(uint32_t addr)
{
	return addr == own_address(LAN) || addr == own_address(WAN) || addr == own_address(SRV);
}

/* One of all hosts of a network, or none. */
static bool
is_broadcast(uint32_t addr)
{
	return (addr >> 8 == IP4(192, 168, 1, 0) >> 8 || addr >> 8 == IP4(192, 168, 16, 0) >> 8) &&
			((addr & 0xff) == 0 || (addr & 0xff) == 0xff);
}

/* One packet's way through the chains. */
struct reading {
	struct world *w;
	const struct packet *p;
	struct masq_rules_result result;
	struct fate fate;
	unsigned int n_asked;
	enum masq_conf_builtin asked[MASQ_CHAIN_BUILTINS];
	struct masq_rules_input input[MASQ_CHAIN_BUILTINS];
};

/* All that matched; of a long path the same chains show one part after the other. */
static void
count(struct reading *r)
{
	struct masq_rules_result part = r->result;
	uint32_t first = 0;

	for (;;) {
		for (uint32_t k = 0; k < part.n_rules; k++) {
			uint32_t id = masq_rules_slot_id(r->w->rules, part.rules[k]);

			assert_true(id < IDS);
			r->w->counter[id].packets++;
			r->w->counter[id].bytes += r->p->len_bytes;
		}
		if (!part.overflow)
			return;
		first += MASQ_PATH_RULES_MAX;
		masq_rules_result_window(&part, first, NULL, 0);
		for (unsigned int k = 0; k < r->n_asked; k++)
			masq_rules_eval(r->w->rules, r->asked[k], &r->input[k], &part);
	}
}

static void
dropped(struct reading *r, enum masq_drop reason)
{
	count(r);
	r->fate = (struct fate){ .reason = reason };
}

static bool
passes(struct reading *r, enum masq_conf_builtin chain, const struct tuple *t,
		enum masq_test_port port)
{
	static const enum masq_drop deny[] = { MASQ_DROP_INPUT_DENY, MASQ_DROP_FORWARD_DENY,
		MASQ_DROP_OUTPUT_DENY };

	static const enum masq_drop reject[] = { MASQ_DROP_INPUT_REJECT, MASQ_DROP_FORWARD_REJECT,
		MASQ_DROP_OUTPUT_REJECT };

	const bool icmp = t->proto == IPPROTO_ICMP;
	const struct masq_rules_input input = {
		.src = t->src,
		.dst = t->dst,
		.sport = icmp ? t->icmp_type : t->sport,
		.dport = icmp ? t->icmp_code : t->dport,
		.proto = t->proto,
		.port = (uint8_t)port,
		.has_ports = icmp || t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP,
		.syn = t->proto == IPPROTO_TCP && (r->p->tcp_flags & (SYN | ACK | RST)) == SYN,
		.tos = r->p->tos,
	};

	r->asked[r->n_asked] = chain;
	r->input[r->n_asked++] = input;
	switch (masq_rules_eval(r->w->rules, chain, &input, &r->result)) {
	case MASQ_VERDICT_DENY:
		dropped(r, deny[chain]);
		return false;
	case MASQ_VERDICT_REJECT:
		dropped(r, reject[chain]);
		return false;
	case MASQ_VERDICT_LOOP:
		dropped(r, MASQ_DROP_CHAIN_LOOP);
		return false;
	case MASQ_VERDICT_ACCEPT:
	case MASQ_VERDICT_MASQ:
		return true;
	}
	return false;
}

static void
sent(struct reading *r, const struct tuple *as, enum masq_test_port departure)
{
	if (!passes(r, MASQ_CHAIN_OUTPUT, as, departure))
		return;
	count(r);
	r->fate = (struct fate){
		.is_sent = true,
		.departure = departure,
		.left = *as,
		.tos = (r->p->tos & r->result.tos_and) ^ r->result.tos_xor,
	};
}

static bool
fits(struct reading *r, enum masq_test_port departure)
{
	if (r->p->ttl <= 1)
		dropped(r, MASQ_DROP_TTL);
	else if (departure == WAN && r->p->len_bytes > WAN_MTU)
		dropped(r, MASQ_DROP_MTU);
	else
		return true;
	return false;
}

/* The external port is the box's to choose: which one is it? */
static void
learn_port(struct world *w, struct session *s)
{
	const struct masq_dp_session_filter all = { .proto = s->initial.proto };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row row[32];
	bool end = false;

	while (!end) {
		int n = masq_dp_sessions(box_dp(w->box), &all, &cursor, row, 32, &end);

		assert_true(n >= 0);
		for (int k = 0; k < n; k++)
			if (ntohl(row[k].initial.src) == s->initial.src &&
					ntohl(row[k].initial.dst) == s->initial.dst &&
					ntohs(row[k].initial.sport) == s->initial.sport &&
					(s->initial.proto == IPPROTO_ICMP ||
							ntohs(row[k].initial.dport) ==
									s->initial.dport)) {
				s->out.sport = ntohs(row[k].reply.dport);
				assert_int_equal(row[k].kind, s->kind);
				assert_true(s->initial.proto == IPPROTO_ICMP ||
						s->out.sport >= 1024);
				return;
			}
	}
	fail_msg("there is no such session");
}

static struct session *
find_session(struct world *w, const struct tuple *t, bool *is_reply)
{
	for (unsigned int k = 0; k < w->n_sessions; k++) {
		struct session *s = &w->session[k];
		const struct tuple reply = answer_to(&s->out);

		*is_reply = same(&reply, t);
		if (*is_reply || same(&s->initial, t))
			return s;
	}
	return NULL;
}

/* A packet of a session. */
static void
read_half(struct reading *r, const struct session *s, bool is_reply)
{
	const struct tuple *t = &r->p->t;
	struct tuple as = is_reply ? answer_to(&s->initial) : s->out;
	const enum masq_test_port departure = way_to(r->w, as.dst);
	const bool from_inside = is_reply == (s->kind != MASQ_SESSION_MASQ);

	as.icmp_code = t->icmp_code;
	if (!passes(r, MASQ_CHAIN_INPUT, t, r->p->arrival) || !fits(r, departure))
		return;
	if (from_inside && as.dst == t->dst) {
		if (!passes(r, MASQ_CHAIN_FORWARD, t, departure))
			return;
		if (r->result.verdict != MASQ_VERDICT_MASQ && is_reply) {
			dropped(r, MASQ_DROP_REPLY_NOT_MASQ);
			return;
		}
		if (r->result.verdict != MASQ_VERDICT_MASQ)
			as = *t;
	}
	sent(r, &as, departure);
}

static void
read_opening(struct reading *r, struct session s, enum masq_test_port departure, bool chooses)
{
	struct world *w = r->w;
	const struct tuple reply = answer_to(&s.out);
	bool is_reply;

	assert_true(w->n_sessions < SESSIONS);
	if (!chooses && find_session(w, &reply, &is_reply) != NULL) {
		dropped(r, MASQ_DROP_TUPLE_IN_USE);
		return;
	}
	if (chooses)
		learn_port(w, &s);
	w->session[w->n_sessions++] = s;
	sent(r, &s.out, departure);
}

static void
read_for_us(struct reading *r)
{
	const struct tuple *t = &r->p->t;
	struct masq_portfw_target target;
	struct session s = { .initial = *t, .out = *t, .kind = MASQ_SESSION_PORTFW };
	enum masq_test_port departure;
	bool hairpin;

	if ((t->proto != IPPROTO_TCP && t->proto != IPPROTO_UDP) ||
			masq_rules_portfw_next(r->w->rules, t->proto, t->dst, t->dport, &target) !=
					0) {
		dropped(r, MASQ_DROP_LOCAL);
		return;
	}
	departure = way_to(r->w, target.raddr);
	if (!fits(r, departure))
		return;
	masq_rules_portfw_turn(r->w->rules, t->proto, t->dst, t->dport, &target);
	s.out.dst = target.raddr;
	s.out.dport = target.rport;
	hairpin = way_to(r->w, target.raddr) == r->p->arrival;
	if (hairpin) {
		s.kind = MASQ_SESSION_HAIRPIN;
		s.out.src = own_address(departure);
	}
	read_opening(r, s, departure, hairpin);
}

/* A packet without session. */
static void
read_flow(struct reading *r)
{
	const struct tuple *t = &r->p->t;
	const enum masq_test_port departure = way_to(r->w, t->dst);
	struct session s = { .initial = *t, .out = *t, .kind = MASQ_SESSION_MASQ };

	if (!passes(r, MASQ_CHAIN_INPUT, t, r->p->arrival))
		return;
	if (is_own(t->src) || is_broadcast(t->src)) {
		dropped(r, MASQ_DROP_MARTIAN_SOURCE);
		return;
	}
	if (is_own(t->dst)) {
		read_for_us(r);
		return;
	}
	if (is_broadcast(t->dst)) {
		dropped(r, MASQ_DROP_BROADCAST);
		return;
	}
	if (!fits(r, departure) || !passes(r, MASQ_CHAIN_FORWARD, t, departure))
		return;
	if (r->result.verdict != MASQ_VERDICT_MASQ) {
		sent(r, t, departure);
		return;
	}
	if (t->proto == IPPROTO_GRE) {
		dropped(r, MASQ_DROP_PROTOCOL);
		return;
	}
	if (t->proto == IPPROTO_ICMP && t->icmp_type == 0) {
		dropped(r, MASQ_DROP_ICMP_UNMATCHED);
		return;
	}
	s.out.src = own_address(departure);
	read_opening(r, s, departure, true);
}

/* An error about a packet that left as the reverse of @p about, which is one of a session. */
static struct fate
read_error(struct world *w, const struct packet *p, const struct tuple *about, struct tuple *as)
{
	struct reading r = { .w = w, .p = p };
	struct tuple outer = p->t;
	enum masq_test_port departure;
	bool is_reply;
	const struct session *s = find_session(w, about, &is_reply);

	assert_non_null(s);
	*as = is_reply ? answer_to(&s->initial) : s->out;
	departure = way_to(w, as->dst);
	outer.dst = as->dst;
	if (as->src != about->src)
		outer.src = as->src;
	masq_rules_result_init(&r.result);
	if (passes(&r, MASQ_CHAIN_INPUT, &p->t, p->arrival))
		sent(&r, &outer, departure);
	return r.fate;
}

/* What is to become of this packet, and what it counts. */
static struct fate
read_packet(struct world *w, const struct packet *p)
{
	struct reading r = { .w = w, .p = p };
	bool is_reply;
	const struct session *s = find_session(w, &p->t, &is_reply);

	masq_rules_result_init(&r.result);
	if (s != NULL)
		read_half(&r, s, is_reply);
	else
		read_flow(&r);
	return r.fate;
}

/* ---------------------------------------------------------------- rules by chance */

static const char *
one_of(struct world *w, const char *const *words, uint32_t n)
{
	return words[test_random_below(&w->rnd, n)];
}

#define ONE_OF(w, ...)                                  \
	one_of(w, (const char *const[]){ __VA_ARGS__ }, \
			sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void
some_end(struct world *w, char *text, size_t size, bool ports, bool icmp)
{
	const char *address = ONE_OF(w, "192.168.1.0/24", "192.168.1.2", "192.168.1.3",
			"192.168.1.4/31", "192.168.16.0/24", "192.168.16.27", "198.51.100.0/24",
			"198.51.100.5", "209.81.8.5", "203.0.113.1", "203.0.113.0/24", "0.0.0.0/0",
			"0.0.0.0/0", "0.0.0.0/0");
	const char *not_address = test_random_percent(&w->rnd, 15) ? "! " : "";
	const char *not_port = test_random_percent(&w->rnd, 15) ? "! " : "";

	if (icmp && test_random_percent(&w->rnd, 50))
		snprintf(text, size, "%s%s %s%s", not_address, address, not_port,
				ONE_OF(w, "0", "8", "0:3", "1"));
	else if (ports && test_random_percent(&w->rnd, 60))
		snprintf(text, size, "%s%s %s%s", not_address, address, not_port,
				ONE_OF(w, "53", "80", "53:80", "54:", "5353", ":1023", "3000:3003",
						"3002:3005", "8080", "1024:30000", "30001:65535"));
	else
		snprintf(text, size, "%s%s", not_address, address);
}

static void
some_rule(struct world *w, char *line, size_t size)
{
	const char *chain = ONE_OF(w, "input", "forward", "output", "output", "u1", "u2");
	const char *proto = ONE_OF(w, "", "", "", " -p tcp", " -p tcp", " -p tcp", " -p udp",
			" -p udp", " -p icmp", " -p ! udp", " -p 47");
	const bool icmp = strcmp(proto, " -p icmp") == 0, tcp = strcmp(proto, " -p tcp") == 0;
	const bool ports = tcp || strcmp(proto, " -p udp") == 0;
	const uint32_t what = test_random_below(&w->rnd, 100);
	char src[ROW_BYTES] = "", dst[ROW_BYTES] = "", end[ROW_BYTES];
	const char *more = "", *iface = "", *target = "";

	if (test_random_percent(&w->rnd, 50)) {
		some_end(w, end, sizeof(end), ports, icmp);
		snprintf(src, sizeof(src), " -s %.80s", end);
	}
	if (test_random_percent(&w->rnd, 50)) {
		some_end(w, end, sizeof(end), ports, icmp);
		snprintf(dst, sizeof(dst), " -d %.80s", end);
	}
	if (test_random_percent(&w->rnd, 25))
		iface = ONE_OF(w, " -i lan", " -i wan", " -i srv", " -i ! wan", " -i ! lan",
				" -i w+");
	if (tcp && test_random_percent(&w->rnd, 30))
		more = ONE_OF(w, " -y", " -y", " ! -y");
	else if (test_random_percent(&w->rnd, 25))
		more = ONE_OF(w, " -t 0x01 0x10", " -t 0x01 0x08", " -t 0xff 0x02", " -m 7",
				" -m +3");
	if (what >= 40)
		target = what < 60          ? " -j ACCEPT"
				: what < 66 ? " -j DENY"
				: what < 69 ? " -j REJECT"
				: what < 85
				? chain[0] == 'f' || chain[0] == 'u' ? " -j MASQ" : " -j ACCEPT"
				: what < 90                ? " -j RETURN"
				: strcmp(chain, "u2") == 0 ? ""
				: chain[0] == 'u'          ? " -j u2"
							   : ONE_OF(w, " -j u1", " -j u2");
	snprintf(line, size, "ipchains -A %s%s%s%s%s%s%s%s\n", chain, proto, src, dst, iface, more,
			test_random_percent(&w->rnd, 3) ? " -l" : "", target);
}

static void
write_rules(const struct world *w, char *text, size_t size)
{
	static const char *const forward[] = { "MASQ", "MASQ", "MASQ", "MASQ", "MASQ", "ACCEPT",
		"ACCEPT", "REJECT" };
	int n = snprintf(text, size,
			CALLED
			"ipchains -N u1\nipchains -N u2\nipchains -P input %s\n"
			"ipchains -P forward %s\nipchains -A input\nipchains -A output\n%s%s",
			w->rnd % 16 == 0 ? "DENY" : "ACCEPT", forward[w->rnd % 8],
			w->srv_route ? "route add 198.51.100.0/24 via 192.168.16.99\n" : "",
			w->holes);

	for (unsigned int k = 0; k < w->n_lines; k++)
		n += snprintf(text + n, size - (size_t)n, "%s", w->line[k]);
	for (unsigned int k = 0; k < w->matched_lines; k++)
		n += snprintf(text + n, size - (size_t)n, "ipchains -A output -p %s\n",
				k % 2 == 0 ? "tcp" : "! icmp");
	for (unsigned int k = 0; k < w->many_hosts; k++)
		n += snprintf(text + n, size - (size_t)n,
				"ipchains -A u1 -s 192.168.1.%u -d 198.51.100.%u\n", 2 + k, 2 + k);
	for (unsigned int k = 0; w->crowded && k < CROWD; k++)
		n += snprintf(text + n, size - (size_t)n,
				"ipchains -A u1 -s 10.1.%u.%u/31 -d 10.2.%u.%u/31\n", k / 100,
				k % 100 * 2, k / 100, k % 100 * 2);
	for (unsigned int k = 0; w->many_ports && k < CROWD; k++)
		n += snprintf(text + n, size - (size_t)n,
				"ipchains -A u1 -p udp -s 0.0.0.0/0 %u:%u -d 0.0.0.0/0 %u:%u\n",
				10000 + 2 * k, 10001 + 2 * k, 10000 + 2 * k, 10001 + 2 * k);
	for (unsigned int k = 0; w->many_ports && k < MANY; k++)
		n += snprintf(text + n, size - (size_t)n,
				"ipchains -A u1 -p udp -s 0.0.0.0/0 %u -d 0.0.0.0/0 %u\n",
				3000 + 2 * k, 40 + 2 * k);
}

static void
read_rules(struct world *w, const char *text)
{
	const struct masq_conf_reader reader = { 0 };
	static const char names[BOX_PORTS][MASQ_CONF_NAME_BYTES] = { "lan", "wan", "srv" };
	struct masq_rules *before = w->rules;
	struct masq_err err = { "" };

	if (masq_conf_rules_load(&w->conf, &reader, "model.masq", text, strlen(text), &err) != 0)
		fail_msg("%s", err.text);
	w->rules = masq_rules_create(&w->conf, names, BOX_PORTS, before, &err);
	if (w->rules == NULL)
		fail_msg("%s", err.text);
	masq_rules_destroy(before);
	assert_true(!(w->crowded || w->many_ports) || masq_rules_classes(w->rules)->may_be_alone);
}

/* A few lines differ from before; or many. */
static void
change_rules(struct world *w, char *text, size_t size)
{
	unsigned int changes = 1 + test_random_below(&w->rnd, 4);

	if (test_random_percent(&w->rnd, 20))
		w->n_lines = 4 + test_random_below(&w->rnd, LINES - 4);
	if (test_random_percent(&w->rnd, 15))
		changes = LINES;
	for (; changes > 0; changes--)
		some_rule(w, w->line[test_random_below(&w->rnd, LINES)], LINE_BYTES);
	if (test_random_percent(&w->rnd, 25))
		w->srv_route = !w->srv_route;
	w->holes = test_random_percent(&w->rnd, 80)
			? ""
			: "ipchains -A input -s 10.0.0.1/255.0.0.255 -d 10.0.0.1/255.0.0.255\n";
	w->many_hosts = test_random_percent(&w->rnd, 30) ? test_random_below(&w->rnd, MANY) : 0;
	w->crowded = test_random_percent(&w->rnd, 8); /* thousands of rules take their time */
	w->many_ports = test_random_percent(&w->rnd, 8);
	w->matched_lines = test_random_percent(&w->rnd, 20) ? test_random_below(&w->rnd, MANY) : 0;
	write_rules(w, text, size);
	read_rules(w, text);
}

static void
new_rules(struct world *w)
{
	static char text[TEXT_BYTES];

	/* Nobody is at the rules before, or packets would meet these. */
	for (unsigned int k = 0; k < 40; k++)
		box_poll(w->box);
	change_rules(w, text, sizeof(text));
	if (test_random_percent(&w->rnd, 50))
		box_rules(w->box, text);
	else
		box_rules_late(w->box, text);
}

static void
demand_counters(struct world *w)
{
	struct masq_err err = { "" };

	assert_int_equal(masq_dp_rule_counters_refresh(box_dp(w->box), &err), 0);
	for (uint32_t c = 0; c < w->conf.n_chains; c++) {
		const struct masq_conf_chain *chain = &w->conf.chains[c];

		for (uint32_t k = 0; k <= chain->n_rules; k++) {
			const uint32_t id = k == chain->n_rules ? chain->policy_id
								: chain->rules[k].id;
			const struct masq_dp_rule_counter counted = masq_dp_rule_counter(
					box_dp(w->box), id);

			if (id == 0 ||
					(counted.packets == w->counter[id].packets &&
							counted.bytes == w->counter[id].bytes))
				continue;
			fail_msg("chain %s, rule %u: %llu packets, %llu bytes instead of %llu, %llu",
					chain->name, k + 1, (unsigned long long)counted.packets,
					(unsigned long long)counted.bytes,
					(unsigned long long)w->counter[id].packets,
					(unsigned long long)w->counter[id].bytes);
		}
	}
}

/* ---------------------------------------------------------------- packets by chance */

static uint32_t
some_host(struct world *w, enum masq_test_port port)
{
	static const uint32_t hosts[BOX_PORTS][4] = {
		[LAN] = { IP4(192, 168, 1, 2), IP4(192, 168, 1, 3), IP4(192, 168, 1, 4),
				IP4(192, 168, 1, 5) },
		[WAN] = { IP4(209, 81, 8, 5), IP4(209, 81, 8, 6), IP4(198, 51, 100, 5),
				IP4(198, 51, 100, 6) },
		[SRV] = { IP4(192, 168, 16, 27), IP4(192, 168, 16, 28), IP4(192, 168, 16, 29),
				IP4(198, 51, 100, 5) },
	};

	return hosts[port][test_random_below(&w->rnd, 4)];
}

/* Somebody says something to somebody, who may not have been heard of before. */
static struct tuple
some_tuple(struct world *w, enum masq_test_port *arrival)
{
	static const uint16_t called[] = { 53, 53, 54, 80, 80, 99 };
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP,
		IPPROTO_ICMP, IPPROTO_GRE };
	struct tuple t = { .proto = protos[test_random_below(&w->rnd, 6)] };
	enum masq_test_port to = test_random_below(&w->rnd, BOX_PORTS);

	*arrival = test_random_below(&w->rnd, BOX_PORTS);
	t.src = some_host(w, *arrival);
	do
		t.dst = some_host(w, to);
	while (t.dst == t.src);
	if (test_random_percent(&w->rnd, 3))
		t.src = test_random_percent(&w->rnd, 50) ? own_address(SRV) : IP4(192, 168, 1, 255);
	if (test_random_percent(&w->rnd, 2))
		t.dst = IP4(192, 168, 16, 255);
	if (t.proto == IPPROTO_ICMP) {
		t.sport = (uint16_t)(3000 + test_random_below(&w->rnd, 6));
		/* An identifier that could be a type, too. */
		if (test_random_percent(&w->rnd, 20))
			t.sport = test_random_percent(&w->rnd, 50) ? 8 : 0;
		t.icmp_type = test_random_percent(&w->rnd, 80) ? 8 : 0;
		return t;
	}
	if (t.proto == IPPROTO_GRE)
		return t;
	t.sport = (uint16_t)(3000 +
			test_random_below(&w->rnd, test_random_percent(&w->rnd, 50) ? 6 : 64));
	t.dport = called[test_random_below(&w->rnd, 6)];
	if (test_random_percent(&w->rnd, 40))
		t.dst = own_address(WAN);
	return t;
}

static void
make_packet(struct world *w, struct packet *p)
{
	static const uint8_t all_flags[] = { SYN, SYN, ACK, ACK, ACK, SYN | ACK, FIN | ACK, RST,
		SYN | RST };
	static const char text[] = "what is said, and by whom, is of no matter";
	const char *payload = text + test_random_below(&w->rnd, 40);
	struct in_addr src = { htonl(p->t.src) }, dst = { htonl(p->t.dst) };

	inet_ntop(AF_INET, &src, p->src, sizeof(p->src));
	inet_ntop(AF_INET, &dst, p->dst, sizeof(p->dst));
	p->tcp_flags = p->t.proto == IPPROTO_TCP ? all_flags[test_random_below(&w->rnd, 9)] : 0;
	if (p->t.proto == IPPROTO_ICMP)
		p->t.icmp_code = test_random_percent(&w->rnd, 10);
	p->tos = test_random_percent(&w->rnd, 20) ? 0x08 : 0;
	p->ttl = test_random_percent(&w->rnd, 4) ? 1 : 64;
	p->ip_id = ++w->ip_id;
	p->sent = (struct masq_test_pkt){
		.proto = p->t.proto,
		.src = p->src,
		.dst = p->dst,
		.ttl = p->ttl,
		.tos = p->tos,
		.ip_id = p->ip_id,
		.payload = payload,
		.payload_bytes = (uint32_t)strlen(payload),
		.tcp_flags = p->tcp_flags,
	};
	if (test_random_percent(&w->rnd, 4)) {
		p->sent.payload = NULL;
		p->sent.payload_bytes = 950 + test_random_below(&w->rnd, 20);
		p->sent.dont_fragment = true;
	}
	if (test_random_percent(&w->rnd, 4)) {
		p->sent.options = "\1\1\1";
		p->sent.option_bytes = 4;
	}
	p->in_pieces = p->sent.payload_bytes > 24 && !p->sent.dont_fragment &&
			p->sent.option_bytes == 0 && test_random_percent(&w->rnd, 10);
	p->len_bytes = (uint16_t)(20 + p->sent.option_bytes + p->sent.payload_bytes);
	if (p->t.proto == IPPROTO_ICMP) {
		p->sent.icmp_type = p->t.icmp_type;
		p->sent.icmp_code = p->t.icmp_code;
		p->sent.icmp_id = p->t.sport;
		p->len_bytes += 8;
	} else if (p->t.proto != IPPROTO_GRE) {
		p->sent.sport = p->t.sport;
		p->sent.dport = p->t.dport;
		p->len_bytes += p->t.proto == IPPROTO_TCP ? 20 : 8;
	}
}

/* A packet of a session, or of none; now and then by another port than one would think. */
static void
some_packet(struct world *w, struct packet *p)
{
	if (w->n_sessions > 0 && test_random_percent(&w->rnd, 65)) {
		const struct session *s = &w->session[test_random_below(&w->rnd, w->n_sessions)];

		p->t = test_random_percent(&w->rnd, 50) ? answer_to(&s->out) : s->initial;
		p->arrival = way_to(w, p->t.src);
	} else {
		p->t = some_tuple(w, &p->arrival);
	}
	if (test_random_percent(&w->rnd, 5))
		p->arrival = test_random_below(&w->rnd, BOX_PORTS);
	make_packet(w, p);
}

/* ---------------------------------------------------------------- comparing */

static void
describe(const struct packet *p, const struct fate *f)
{
	struct in_addr src = { htonl(f->left.src) }, dst = { htonl(f->left.dst) };
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];

	fprintf(stderr, "packet %u: proto %u %s:%u -> %s:%u by port %u, flags %02x, tos %02x, ttl %d\n",
			p->ip_id, p->t.proto, p->src, p->t.sport, p->dst, p->t.dport, p->arrival,
			p->tcp_flags, p->tos, p->ttl);
	if (!f->is_sent) {
		fprintf(stderr, "  is to be dropped: %s\n", masq_drop_name(f->reason));
		return;
	}
	inet_ntop(AF_INET, &src, from, sizeof(from));
	inet_ntop(AF_INET, &dst, to, sizeof(to));
	fprintf(stderr, "  is to leave by %u: %s:%u -> %s:%u tos %02x\n", f->departure, from,
			f->left.sport, to, f->left.dport, f->tos);
}

/* What left, but for errors that the box sends, whose TOS nobody else has. */
struct left {
	struct masq_test_seen seen;
	enum masq_test_port port;
};

static unsigned int
take_all(struct world *w, struct left *left, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int port = 0; port < BOX_PORTS; port++)
		while (box_waiting(w->box, port) > 0) {
			struct masq_test_seen seen = box_take(w->box, port);

			if (seen.tos == 0xc0)
				continue;
			assert_true(n < max);
			left[n++] = (struct left){ seen, port };
		}
	return n;
}

static void
demand_left(const struct packet *p, const struct fate *f, const struct left *left, unsigned int n)
{
	const struct left *found = NULL;

	for (unsigned int k = 0; k < n; k++)
		if (left[k].seen.ip_id == p->ip_id)
			found = &left[k];
	if (f->is_sent != (found != NULL)) {
		describe(p, f);
		fail_msg("it %s", found != NULL ? "left" : "did not leave");
	}
	if (found == NULL)
		return;
	if (found->port != f->departure || found->seen.src != f->left.src ||
			found->seen.dst != f->left.dst || found->seen.tos != f->tos ||
			found->seen.ttl != 63 ||
			(f->left.proto != IPPROTO_GRE && found->seen.sport != f->left.sport) ||
			(f->left.proto != IPPROTO_GRE && f->left.proto != IPPROTO_ICMP &&
					found->seen.dport != f->left.dport)) {
		describe(p, f);
		fail_msg("it left by %u: %08x:%u -> %08x:%u tos %02x", found->port, found->seen.src,
				found->seen.sport, found->seen.dst, found->seen.dport,
				found->seen.tos);
	}
}

static void
demand_drops(struct world *w, const uint64_t *before, const struct packet *p,
		const struct fate *fate, unsigned int n)
{
	for (enum masq_drop reason = 1; reason < MASQ_DROP_COUNT; reason++) {
		uint64_t wanted = before[reason];

		for (unsigned int k = 0; k < n; k++)
			wanted += !fate[k].is_sent && fate[k].reason == reason;
		if (box_drops(w->box, reason) == wanted)
			continue;
		for (unsigned int k = 0; k < n; k++)
			describe(&p[k], &fate[k]);
		fail_msg("%s: %d more than are to be", masq_drop_name(reason),
				(int)(box_drops(w->box, reason) - wanted));
	}
}

/* Every byte of one packet. */
static void
demand_bytes(struct world *w, const struct packet *p, const struct fate *f)
{
	struct masq_test_pkt left = onward(p->sent);
	struct in_addr src = { htonl(f->left.src) }, dst = { htonl(f->left.dst) };
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &src, from, sizeof(from));
	inet_ntop(AF_INET, &dst, to, sizeof(to));
	left.src = from;
	left.dst = to;
	left.tos = f->tos;
	if (f->left.proto == IPPROTO_ICMP)
		left.icmp_id = f->left.sport;
	else if (f->left.proto != IPPROTO_GRE) {
		left.sport = f->left.sport;
		left.dport = f->left.dport;
	}
	if (box_waiting(w->box, f->departure) != 1)
		describe(p, f);
	assert_int_equal(box_waiting(w->box, f->departure), 1);
	box_expect(w->box, f->departure, &left);
}

/* Packets of which the later do not depend on what the box chooses for the earlier. */
static unsigned int
some_packets(struct world *w, struct packet *p)
{
	const unsigned int wanted = test_random_percent(&w->rnd, 30)
			? 1
			: 1 + test_random_below(&w->rnd, HANDFUL);
	unsigned int n = 0, calls = 0;

	while (n < wanted) {
		bool is_reply;

		if (n > 0 && test_random_percent(&w->rnd, 30)) {
			p[n].t = p[n - 1].t;
			p[n].arrival = p[0].arrival;
			make_packet(w, &p[n]);
		} else {
			some_packet(w, &p[n]);
		}
		/* Whose turn it is depends on who comes first, and that on the port. */
		if (find_session(w, &p[n].t, &is_reply) == NULL && is_own(p[n].t.dst) &&
				calls++ > 0)
			return n;
		p[n].arrival = n > 0 ? p[0].arrival : p[n].arrival;
		n++;
	}
	return n;
}

static struct masq_test_pkt
quoted(const struct tuple *t, char *src, char *dst)
{
	const struct in_addr from = { htonl(t->src) }, to = { htonl(t->dst) };
	const bool icmp = t->proto == IPPROTO_ICMP;

	inet_ntop(AF_INET, &from, src, INET_ADDRSTRLEN);
	inet_ntop(AF_INET, &to, dst, INET_ADDRSTRLEN);
	return (struct masq_test_pkt){
		.proto = t->proto,
		.src = src,
		.dst = dst,
		.sport = icmp ? 0 : t->sport,
		.dport = icmp ? 0 : t->dport,
		.icmp_type = t->icmp_type,
		.icmp_id = icmp ? t->sport : 0,
		.payload = "not to be delivered",
	};
}

/* Who got a packet of a session, or somebody on its way, says that it goes no further. */
static void
step_with_error(struct world *w)
{
	const struct session *s = &w->session[test_random_below(&w->rnd, w->n_sessions)];
	const struct tuple got = test_random_percent(&w->rnd, 50) ? s->out : answer_to(&s->initial);
	const struct tuple about = answer_to(&got);
	char text[4][INET_ADDRSTRLEN];
	const struct masq_test_pkt quote = quoted(&got, text[0], text[1]);
	struct packet p = { .t = { .src = got.dst, .dst = got.src, .proto = IPPROTO_ICMP },
		.arrival = way_to(w, got.dst),
		.ttl = 64,
		.len_bytes = 56 };
	uint64_t before[MASQ_DROP_COUNT];
	struct masq_test_pkt inner, left;
	struct in_addr src, dst;
	struct tuple as;
	struct fate fate;

	p.t.icmp_type = test_random_percent(&w->rnd, 50) ? 3 : 11;
	p.t.icmp_code = p.t.icmp_type == 3 && test_random_percent(&w->rnd, 50) ? 1 : 0;
	if (test_random_percent(&w->rnd, 50))
		p.t.src = some_host(w, p.arrival);
	src.s_addr = htonl(p.t.src);
	dst.s_addr = htonl(p.t.dst);
	inet_ntop(AF_INET, &src, p.src, sizeof(p.src));
	inet_ntop(AF_INET, &dst, p.dst, sizeof(p.dst));
	p.sent = (struct masq_test_pkt){
		.proto = IPPROTO_ICMP,
		.src = p.src,
		.dst = p.dst,
		.icmp_type = p.t.icmp_type,
		.icmp_code = p.t.icmp_code,
		.quote = &quote,
	};
	for (enum masq_drop reason = 1; reason < MASQ_DROP_COUNT; reason++)
		before[reason] = box_drops(w->box, reason);
	box_send(w->box, p.arrival, &p.sent);
	fate = read_error(w, &p, &about, &as);
	demand_drops(w, before, &p, &fate, 1);
	if (fate.is_sent) {
		const struct tuple back = answer_to(&as);

		inner = quoted(&back, text[2], text[3]);
		left = onward(p.sent);
		src.s_addr = htonl(fate.left.src);
		dst.s_addr = htonl(fate.left.dst);
		inet_ntop(AF_INET, &src, p.src, sizeof(p.src));
		inet_ntop(AF_INET, &dst, p.dst, sizeof(p.dst));
		left.quote = &inner;
		left.tos = fate.tos;
		box_expect(w->box, fate.departure, &left);
	}
	box_expect_nothing(w->box);
}

static void
put(struct world *w, const struct packet *p)
{
	struct masq_test_pkt piece = p->sent;

	if (p->in_pieces) {
		piece.frag_bytes = 24;
		box_put(w->box, p->arrival, &piece);
		piece.frag_bytes = 0;
		piece.frag_offset_bytes = 24;
	}
	box_put(w->box, p->arrival, &piece);
}

static void
step(struct world *w)
{
	static struct packet p[HANDFUL + 1];
	static struct left left[4 * HANDFUL];
	struct fate fate[HANDFUL + 1];
	uint64_t before[MASQ_DROP_COUNT];
	unsigned int n = some_packets(w, p), n_left;

	for (enum masq_drop reason = 1; reason < MASQ_DROP_COUNT; reason++)
		before[reason] = box_drops(w->box, reason);
	for (unsigned int k = 0; k < n; k++)
		put(w, &p[k]);
	box_run(w->box);
	if (box_counters(w->box).held > 0)
		box_advance(w->box, 1);
	for (unsigned int k = 0; k < n; k++)
		fate[k] = read_packet(w, &p[k]);
	w->packets += n;
	if (n == 1 && fate[0].is_sent) {
		demand_bytes(w, &p[0], &fate[0]);
		demand_drops(w, before, p, fate, n);
		box_expect_nothing(w->box);
		return;
	}
	n_left = take_all(w, left, 4 * HANDFUL);
	for (unsigned int k = 0; k < n; k++)
		demand_left(&p[k], &fate[k], left, n_left);
	demand_drops(w, before, p, fate, n);
	for (unsigned int k = 0; k < n; k++)
		w->drops += !fate[k].is_sent;
}

/* No more than 16 packets may wait for one neighbour, and who comes too late is no matter of the rules. */
static void
everybody_says_hello(struct world *w)
{
	static const struct {
		enum masq_test_port port;
		const char *ip;
	} near[] = {
		{ LAN, "192.168.1.2" },
		{ LAN, "192.168.1.3" },
		{ LAN, "192.168.1.4" },
		{ LAN, "192.168.1.5" },
		{ SRV, "192.168.16.27" },
		{ SRV, "192.168.16.28" },
		{ SRV, "192.168.16.29" },
		{ SRV, "192.168.16.99" },
		{ WAN, "203.0.113.254" },
	};

	for (size_t k = 0; k < sizeof(near) / sizeof(near[0]); k++)
		box_hello(w->box, near[k].port, near[k].ip);
}

static void
run(uint32_t workers, uint64_t seed)
{
	static struct world world;
	static char text[TEXT_BYTES];
	struct world *w = &world;

	masq_rules_destroy(w->rules);
	masq_conf_rules_fini(&w->conf);
	memset(w, 0, sizeof(*w));
	w->rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	assert_int_equal(masq_conf_rules_init(&w->conf), 0);
	w->holes = "";
	w->n_lines = LINES / 2;
	for (unsigned int k = 0; k < LINES; k++)
		some_rule(w, w->line[k], LINE_BYTES);
	write_rules(w, text, sizeof(text));
	read_rules(w, text);
	w->box = box_open_with(&(struct masq_test_box_options){
			.workers = workers,
			.rules = text,
			.wan_mtu = WAN_MTU,
	});
	everybody_says_hello(w);
	for (unsigned int k = 0; k < STEPS; k++) {
		const struct masq_dp_session_filter all = { 0 };
		uint32_t what = test_random_below(&w->rnd, 1000);

		step(w);
		if (w->n_sessions > 0 && test_random_percent(&w->rnd, 8))
			step_with_error(w);
		if (what < 30) {
			new_rules(w);
		} else if (what < 32) {
			box_advance(w->box, SILENCE_MS);
			w->n_sessions = 0;
		} else if (what < 38) {
			masq_dp_sessions_flush(box_dp(w->box), &all, NULL);
			box_run(w->box);
			w->n_sessions = 0;
		} else if (what < 70) {
			demand_counters(w);
		}
		assert_int_equal(box_sessions(w->box), w->n_sessions);
	}
	demand_counters(w);
	box_close(w->box);
	if (test_seeds_are_many())
		fprintf(stderr, "seed %llu: %llu packets, %llu dropped\n", (unsigned long long)seed,
				(unsigned long long)w->packets, (unsigned long long)w->drops);
}

static void
packets_fare_as_the_chains_say(void **state)
{
	test_seeds_run(run, box_workers(state), SEEDS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(packets_fare_as_the_chains_say),
	};
	int failed;

	(void)argc;
	box_main_init(argv[0]);
	failed = cmocka_run_group_tests_name("against model", tests, NULL, NULL);
	test_seeds_tell();
	return failed;
}
