/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Creating and removing sessions.
 *
 * Words. A session is created from two tuples: INITIAL, that of the packet on arrival, and
 * *translated*, what it is rewritten to. The REPLY tuple is the reverse of translated, and replies
 * are rewritten to the reverse of INITIAL. Masquerading (translated differs in its source),
 * forwarding (in its destination) and hairpin (in both) differ in little else, and most of this
 * file does not distinguish them.
 *
 * Who owns what. The worker that received the packet is the creator: it holds the record and the
 * INITIAL half. RSS determines the owner of the REPLY tuple. When the external port may be chosen,
 * the port map chooses one that keeps replies here, so the usual masquerade session never leaves
 * its worker. For the others - forwarded connections, ICMP queries (hashed over addresses only),
 * and masquerading when this worker's share of ports is used up - the owner of the reply tuple is
 * asked.
 *
 * The question travels with the packet:
 *
 *	creator                               owner of the reply tuple
 *	  record, INITIAL half (pending)
 *	  INSTALL + packet  ------------------>  choose the port or check the tuple, insert the half
 *	  complete the INITIAL half  <---------  INSTALLED + packet (or the reason of a refusal)
 *	  packet is looked up again, sent
 *
 * The optimistic order - send at once and tell the other worker separately - was rejected: the
 * other worker may have to refuse (its tuple is in use), and then a packet has already left that no
 * reply can follow. Here a tuple is only ever used with the consent of its one owner, and the reply
 * half is in place before the first packet leaves. The price is one trip over two rings for the
 * first packet. Packets of the same flow that arrive meanwhile hit the pending half; the data path
 * queues them on a ring to the same worker and looks them up again in its next round, so their
 * order is kept.
 *
 * Sessions of a burst that stay here are created together: first all reply tuples are chosen, then
 * they are looked up in one bulk lookup, and only then the halves are inserted, into buckets that
 * this lookup has fetched. A chosen tuple that turns out to be in use - by a forwarded session, or
 * by one of the same burst - takes the long way like those for which another worker is asked; there
 * the port is chosen with a lookup.
 *
 * A worker that finds no port passes the question on to one that has not been asked yet, so a port
 * is found as long as one exists anywhere. Only when all have been asked is the packet refused.
 *
 * Removal. The creator decides (its wheel). If both halves are here, they go at once. For a REPLY
 * half elsewhere REMOVE is sent, the INITIAL half drops packets under a named reason meanwhile, and
 * record and INITIAL half are freed when REMOVED is back. Pending sessions are not on the wheel:
 * they cannot end before they are complete. Complete ones are half-open at first
 * (masq_session_half_open.c), and give way when records run out.
 *
 * Threads. One struct masq_nat per worker, used by that worker alone. No allocation after creation.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_malloc.h>

#include <masq_nat.h>

struct masq_nat {
	struct masq_nat_config config;
};

struct masq_nat *
masq_nat_create(const struct masq_nat_config *config, struct masq_err *err)
{
	struct masq_nat *nat = rte_zmalloc("masq_nat", sizeof(*nat), RTE_CACHE_LINE_SIZE);

	if (nat == NULL) {
		masq_err_set(err, ENOMEM, "no memory for the translation state of worker %u",
				config->worker);
		return NULL;
	}
	nat->config = *config;
	return nat;
}

void
masq_nat_destroy(struct masq_nat *nat)
{
	rte_free(nat);
}

/* Replies travel from inside to outside if they come from a server behind a forwarding rule, also
 * in a hairpin, where client and server are on the same side. Otherwise the masqueraded host's
 * packets do. */
static bool
reply_is_from_inside(uint8_t kind)
{
	return kind != MASQ_SESSION_MASQ;
}

static uint8_t
initial_flags(uint8_t kind)
{
	return reply_is_from_inside(kind) ? 0 : MASQ_HALF_FROM_INSIDE;
}

static uint8_t
reply_flags(bool from_inside, bool owns_port)
{
	return MASQ_HALF_REPLY | (from_inside ? MASQ_HALF_FROM_INSIDE : 0) |
			(owns_port ? MASQ_HALF_OWNS_PORT : 0);
}

/* Insert a REPLY half into this worker's table. @return index or MASQ_HALF_NONE */
static uint32_t
reply_insert(struct masq_nat *nat, const struct masq_nat_msg *msg, bool owns_port)
{
	struct masq_half half = MASQ_HALF_UNJUDGED;

	half.flags |= reply_flags(msg->from_inside, owns_port);
	masq_rewrite_init(&half.rewrite, &msg->reply, &msg->back, true);
	half.session = msg->session;
	half.creator = msg->creator;
	return masq_half_insert(nat->config.table, &msg->reply, &half);
}

/*
 * Choose or check the reply tuple here and insert its half.
 * @return MASQ_DROP_NONE with msg->reply and msg->half filled in, or the reason of a refusal
 */
static enum masq_drop
reply_install(struct masq_nat *nat, struct masq_nat_msg *msg)
{
	bool owns = false;

	if (msg->choose) {
		if (masq_portmap_take(nat->config.portmap, &msg->reply, &owns) != 0)
			return MASQ_DROP_NO_PORT;
	} else if (masq_half_find(nat->config.table, &msg->reply) != MASQ_HALF_NONE) {
		return MASQ_DROP_TUPLE_IN_USE;
	}
	msg->half = reply_insert(nat, msg, owns);
	if (msg->half == MASQ_HALF_NONE) {
		if (msg->choose)
			masq_portmap_give(nat->config.portmap, &msg->reply, owns);
		return MASQ_DROP_SESSION_TABLE;
	}
	return MASQ_DROP_NONE;
}

/* Remove a REPLY half from this worker's table and give its port back. */
static void
reply_remove(struct masq_nat *nat, uint32_t index, bool chose)
{
	const struct masq_half *half = masq_half_at(nat->config.table, index);
	struct masq_tuple reply = *masq_half_key(nat->config.table, index);
	bool owns = (half->flags & MASQ_HALF_OWNS_PORT) != 0;

	masq_half_remove(nat->config.table, index);
	if (chose)
		masq_portmap_give(nat->config.portmap, &reply, owns);
}

static bool
kind_chooses_port(enum masq_session_kind kind)
{
	return kind != MASQ_SESSION_PORTFW;
}

/* Both halves are in place: store the reply side in the record, arm the session. */
static void
complete(struct masq_nat *nat, uint32_t session, const struct masq_nat_msg *msg,
		uint32_t reply_worker, const struct masq_conf_timeouts *timeouts, uint64_t now_ms)
{
	struct masq_session *record = masq_session_at(nat->config.table, session);
	struct masq_half *initial = masq_half_at(nat->config.table, record->initial);
	struct masq_tuple from = *masq_half_key(nat->config.table, record->initial);
	struct masq_tuple to = masq_tuple_reverse(&msg->reply);

	masq_rewrite_init(&initial->rewrite, &from, &to, false);
	initial->flags &= (uint8_t)~MASQ_HALF_PENDING;
	initial->last_seen_ms = masq_half_clock(now_ms);
	record->reply = msg->half;
	record->reply_worker = (uint8_t)reply_worker;
	masq_session_half_open(nat->config.table, session);
	masq_session_arm(nat->config.table, session, timeouts, now_ms);
}

/* Allocate a record for a flow. @return its index; MASQ_SESSION_NONE: there is none */
static uint32_t
record_make(struct masq_nat *nat, const struct masq_nat_flow *flow, uint64_t now_ms)
{
	uint32_t session = masq_session_alloc(nat->config.table);
	struct masq_session *record;

	if (session == MASQ_SESSION_NONE)
		return session;
	record = masq_session_at(nat->config.table, session);
	record->kind = flow->birth.kind;
	record->proto = flow->birth.proto;
	record->mark = flow->birth.mark;
	record->origin = flow->birth.origin;
	record->created_ms = masq_half_clock(now_ms);
	atomic_store_explicit(&record->state, flow->birth.state, memory_order_relaxed);
	return session;
}

/* Allocate the record, insert the INITIAL half. @return MASQ_DROP_NONE with *session, or a reason */
static enum masq_drop
initial_insert(struct masq_nat *nat, const struct masq_nat_flow *flow, uint64_t now_ms,
		uint32_t *session)
{
	struct masq_session_table *table = nat->config.table;
	struct masq_session *record;
	struct masq_half half = MASQ_HALF_UNJUDGED;

	*session = record_make(nat, flow, now_ms);
	if (*session == MASQ_SESSION_NONE)
		return MASQ_DROP_SESSION_TABLE;
	record = masq_session_at(table, *session);
	/* complete() fills in its rewrite, when the reply tuple is known. */
	half.flags |= MASQ_HALF_PENDING | initial_flags(flow->birth.kind);
	half.session = *session;
	half.creator = (uint8_t)nat->config.worker;
	half.last_seen_ms = masq_half_clock(now_ms);
	record->initial = masq_half_insert(table, &flow->initial, &half);
	if (record->initial == MASQ_HALF_NONE) {
		masq_session_free(table, *session);
		return MASQ_DROP_SESSION_TABLE;
	}
	return MASQ_DROP_NONE;
}

static void
initial_remove(struct masq_nat *nat, uint32_t session)
{
	struct masq_session *record = masq_session_at(nat->config.table, session);
	struct masq_tuple initial = *masq_half_key(nat->config.table, record->initial);

	masq_half_remove(nat->config.table, record->initial);
	/* The INITIAL tuple of a forwarded session occupies an external port, too. */
	if (record->kind != MASQ_SESSION_MASQ)
		masq_portmap_vacated(nat->config.portmap, &initial);
	masq_session_free(nat->config.table, session);
}

/* Choose the worker to ask next for a port. @return one that was not asked yet, or -1 */
static int
next_to_ask(const struct masq_nat *nat, const struct masq_nat_msg *msg)
{
	for (uint32_t i = 1; i < nat->config.n_workers; i++) {
		uint32_t w = (nat->config.worker + i) % nat->config.n_workers;

		if ((msg->tried & (UINT64_C(1) << w)) == 0)
			return (int)w;
	}
	return -1;
}

/* RSS hashes ICMP over addresses only, so the owner is the same for every identifier. */
static bool
owner_is_fixed(const struct masq_nat_msg *msg)
{
	return !msg->choose || msg->reply.proto == IPPROTO_ICMP;
}

/*
 * Try to install the reply half here, if this worker may own it; otherwise name the worker to ask.
 * @return MASQ_DROP_NONE: installed. Otherwise ask worker *ask, or, if that is < 0, refuse.
 */
static enum masq_drop
install_or_pass_on(struct masq_nat *nat, struct masq_nat_msg *msg, int *ask)
{
	enum masq_drop reason;

	*ask = -1;
	if (owner_is_fixed(msg)) {
		uint32_t owner = masq_rss_owner(nat->config.rss, &msg->reply);

		if (owner != nat->config.worker) {
			*ask = (int)owner;
			return MASQ_DROP_NO_PORT;
		}
		return reply_install(nat, msg);
	}
	reason = reply_install(nat, msg);
	if (reason == MASQ_DROP_NO_PORT) {
		msg->tried |= UINT64_C(1) << nat->config.worker;
		*ask = next_to_ask(nat, msg);
	}
	return reason;
}

/* Fill in the INITIAL half from its flow, including verdict and TOS. */
static void
initial_begin(struct masq_nat *nat, const struct masq_nat_flow *flow, uint32_t session,
		uint64_t now_ms, struct masq_half *half)
{
	*half = flow->half;
	half->session = session;
	half->creator = (uint8_t)nat->config.worker;
	half->last_seen_ms = masq_half_clock(now_ms);
	half->flags = flow->half.flags | initial_flags(flow->birth.kind);
}

/* The long way needed no other worker: fill in the INITIAL half as open_here() would have done. */
static void
initial_from_flow(struct masq_nat *nat, const struct masq_nat_flow *flow, uint32_t session,
		uint64_t now_ms, const struct masq_nat_msg *msg)
{
	const struct masq_session *record = masq_session_at(nat->config.table, session);
	struct masq_half *half = masq_half_at(nat->config.table, record->initial);
	struct masq_tuple to = masq_tuple_reverse(&msg->reply);

	initial_begin(nat, flow, session, now_ms, half);
	masq_rewrite_init(&half->rewrite, &flow->initial, &to, false);
}

/* The long way: look up every tuple, ask another worker if necessary. */
static void
open_asking(struct masq_nat *nat, const struct masq_nat_flow *flow,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_result *result)
{
	struct masq_nat_msg *msg = &result->msg;
	uint32_t session;
	int ask;

	*msg = (struct masq_nat_msg){
		.op = MASQ_NAT_INSTALL,
		.creator = (uint8_t)nat->config.worker,
		.choose = flow->choose_port,
		.from_inside = reply_is_from_inside(flow->birth.kind),
		.reply = masq_tuple_reverse(&flow->translated),
		.back = masq_tuple_reverse(&flow->initial),
	};
	result->outcome = MASQ_NAT_REFUSED;
	result->reason = initial_insert(nat, flow, now_ms, &session);
	if (result->reason != MASQ_DROP_NONE)
		return;
	msg->session = session;
	result->reason = install_or_pass_on(nat, msg, &ask);
	if (result->reason == MASQ_DROP_NONE) {
		complete(nat, session, msg, nat->config.worker, timeouts, now_ms);
		initial_from_flow(nat, flow, session, now_ms, msg);
		result->half = masq_session_at(nat->config.table, session)->initial;
		result->reply_half = masq_session_at(nat->config.table, session)->reply;
		result->outcome = MASQ_NAT_DONE;
		return;
	}
	if (ask < 0) {
		initial_remove(nat, session);
		return;
	}
	msg->to = (uint8_t)ask;
	result->reason = MASQ_DROP_NONE;
	result->outcome = MASQ_NAT_ASK;
}

/* A session that may be created in one go, with both halves here. */
struct opening {
	struct masq_tuple reply; /* complete */
	bool here; /* false: take the long way */
	bool owns_port;
};

/* Decide whether the REPLY half will live here. If so, its tuple with the port is settled, but not
 * looked up yet. */
static void
plan(struct masq_nat *nat, const struct masq_nat_flow *flow, struct opening *o)
{
	o->reply = masq_tuple_reverse(&flow->translated);
	o->owns_port = false;
	if (flow->choose_port)
		o->here = masq_portmap_guess(nat->config.portmap, &o->reply, &o->owns_port) == 0;
	else
		o->here = masq_rss_owner(nat->config.rss, &o->reply) == nat->config.worker;
}

/* Undo plan(): the guess was wrong, or the session cannot be created here. */
static void
plan_undo(struct masq_nat *nat, const struct masq_nat_flow *flow, const struct opening *o)
{
	if (o->here && flow->choose_port)
		masq_portmap_give(nat->config.portmap, &o->reply, o->owns_port);
}

/* Fill in both halves of a session in place. */
static void
fill_both(struct masq_nat *nat, const struct masq_nat_flow *flow, const struct opening *o,
		uint64_t now_ms, struct masq_half *initial, struct masq_half *reply)
{
	struct masq_tuple to = masq_tuple_reverse(&o->reply);
	uint32_t session = initial->session;

	initial_begin(nat, flow, session, now_ms, initial);
	*reply = MASQ_HALF_UNJUDGED;
	masq_rewrite_init_pair(&initial->rewrite, &reply->rewrite, &flow->initial, &to);
	reply->session = session;
	reply->creator = (uint8_t)nat->config.worker;
	reply->flags |= reply_flags(reply_is_from_inside(flow->birth.kind), o->owns_port);
}

/* Create a session with both halves here. @return false: no room, or the tuple is in use; take the
 * long way */
static bool
open_here(struct masq_nat *nat, const struct masq_nat_flow *flow, const struct opening *o,
		uint32_t reply_signature, const struct masq_conf_timeouts *timeouts,
		uint64_t now_ms, struct masq_nat_result *result)
{
	struct masq_session_table *table = nat->config.table;
	const struct masq_session_key initial = { &flow->initial, flow->signature };
	const struct masq_session_key reply = { &o->reply, reply_signature };
	uint32_t half[2];

	if (unlikely(masq_session_open(table, &flow->birth, initial, reply, timeouts, now_ms,
				     half) == MASQ_SESSION_NONE))
		return false;
	fill_both(nat, flow, o, now_ms, masq_half_at(table, half[0]), masq_half_at(table, half[1]));
	result->half = half[0];
	result->reply_half = half[1];
	result->reason = MASQ_DROP_NONE;
	result->outcome = MASQ_NAT_DONE;
	return true;
}

void
masq_nat_open(struct masq_nat *nat, const struct masq_nat_flow *flows, unsigned int n,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_result *results)
{
	struct opening opening[MASQ_NAT_BURST];
	uint32_t signatures[MASQ_NAT_BURST], used[MASQ_NAT_BURST];
	uint64_t is_free;

	assert(n >= 1 && n <= MASQ_NAT_BURST);
	for (unsigned int i = 0; i < n; i++)
		plan(nat, &flows[i], &opening[i]);
	/* One bulk lookup; it fetches the buckets that the insertions need. */
	is_free = masq_half_lookup_burst(nat->config.table, &opening[0].reply, sizeof(opening[0]),
			signatures, used, n);
	for (unsigned int i = 0; i < n; i++) {
		if (opening[i].here && (is_free >> i & 1) != 0 &&
				open_here(nat, &flows[i], &opening[i], signatures[i], timeouts,
						now_ms, &results[i]))
			continue;
		plan_undo(nat, &flows[i], &opening[i]);
		open_asking(nat, &flows[i], timeouts, now_ms, &results[i]);
	}
}

void
masq_nat_unsent(struct masq_nat *nat, const struct masq_nat_msg *msg)
{
	struct masq_session *record;

	switch (msg->op) {
	case MASQ_NAT_INSTALL:
		if (msg->creator == nat->config.worker)
			initial_remove(nat, msg->session);
		break;
	case MASQ_NAT_REMOVE:
		/* The record stays; it is due again, and then the message is tried again. */
		record = masq_session_at(nat->config.table, msg->session);
		record->dying = 0;
		masq_session_arm_now(nat->config.table, msg->session);
		break;
	default:
		break;
	}
}

/* Handle INSTALL as a possible owner of the reply tuple. @return true: answer must be sent */
static bool
receive_install(struct masq_nat *nat, const struct masq_nat_msg *msg, struct masq_nat_msg *answer)
{
	enum masq_drop reason;
	int ask;

	*answer = *msg;
	reason = install_or_pass_on(nat, answer, &ask);
	if (reason != MASQ_DROP_NONE && ask >= 0 && (uint32_t)ask != msg->creator) {
		answer->to = (uint8_t)ask;
		return true;
	}
	answer->op = MASQ_NAT_INSTALLED;
	answer->to = msg->creator;
	answer->reason = (uint8_t)reason;
	answer->holder = (uint8_t)nat->config.worker;
	return true;
}

static void
receive_installed(struct masq_nat *nat, const struct masq_nat_msg *msg,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms)
{
	if (msg->reason != MASQ_DROP_NONE) {
		initial_remove(nat, msg->session);
		return;
	}
	complete(nat, msg->session, msg, msg->holder, timeouts, now_ms);
}

bool
masq_nat_receive(struct masq_nat *nat, const struct masq_nat_msg *msg,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_msg *answer)
{
	switch ((enum masq_nat_op)msg->op) {
	case MASQ_NAT_INSTALL:
		return receive_install(nat, msg, answer);
	case MASQ_NAT_INSTALLED:
		receive_installed(nat, msg, timeouts, now_ms);
		return false;
	case MASQ_NAT_REMOVE:
		reply_remove(nat, msg->half, msg->choose);
		*answer = *msg;
		answer->op = MASQ_NAT_REMOVED;
		answer->to = msg->creator;
		return true;
	case MASQ_NAT_REMOVED:
		initial_remove(nat, msg->session);
		return false;
	case MASQ_NAT_TOUCH:
		/* Even if the record belongs to another session by now: re-arming is harmless. */
		if (masq_session_at(nat->config.table, msg->session)->initial != MASQ_HALF_NONE &&
				masq_session_at(nat->config.table, msg->session)->reply !=
						MASQ_HALF_NONE &&
				!masq_session_at(nat->config.table, msg->session)->dying)
			masq_session_arm(nat->config.table, msg->session, timeouts, now_ms);
		return false;
	}
	return false;
}

bool
masq_nat_close(struct masq_nat *nat, uint32_t session, struct masq_nat_msg *msg)
{
	struct masq_session *record = masq_session_at(nat->config.table, session);
	bool chose = kind_chooses_port((enum masq_session_kind)record->kind);

	if (record->reply_worker == nat->config.worker) {
		reply_remove(nat, record->reply, chose);
		initial_remove(nat, session);
		return false;
	}
	masq_session_retire(nat->config.table, session);
	record->dying = 1;
	masq_half_at(nat->config.table, record->initial)->flags |= MASQ_HALF_DYING;
	*msg = (struct masq_nat_msg){
		.op = MASQ_NAT_REMOVE,
		.to = record->reply_worker,
		.creator = (uint8_t)nat->config.worker,
		.session = session,
		.half = record->reply,
		.choose = chose,
	};
	return true;
}
