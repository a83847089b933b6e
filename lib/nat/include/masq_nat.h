/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_NAT_H
#define MASQ_NAT_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_drop.h>
#include <masq_err.h>
#include <masq_portmap.h>
#include <masq_rss.h>
#include <masq_session.h>
#include <masq_tuple.h>

/**
 * @file
 * Making and dismantling sessions. One struct masq_nat per worker; all functions are for its
 * thread. Nothing here sends: what another worker has to do comes back as a struct masq_nat_msg
 * that the data path puts on a ring.
 *
 * Both halves here: one call does it. The REPLY half belongs to another worker: the creator puts in
 * its own half as *pending* and asks (INSTALL, the packet travels along); the other worker puts in
 * its half and answers (INSTALLED, with the packet); only then is the packet translated and sent,
 * so no reply can arrive before its half is in place. Taking down goes the same way: REMOVE,
 * REMOVED.
 */

struct rte_mbuf;
struct masq_nat;

enum masq_nat_op {
	MASQ_NAT_INSTALL, /**< to the owner of the reply tuple: put the REPLY half in */
	MASQ_NAT_INSTALLED, /**< back to the creator: done, or why not */
	MASQ_NAT_REMOVE, /**< to the owner of the reply tuple: take the REPLY half out */
	MASQ_NAT_REMOVED, /**< back to the creator: done */
	MASQ_NAT_TOUCH, /**< to the creator: the state changed, arm the session anew */
};

/** One message between workers; an element of a ring, copied by value. */
struct masq_nat_msg {
	uint8_t op; /**< enum masq_nat_op */
	uint8_t to; /**< worker that shall get it */
	uint8_t creator; /**< worker that holds the record */
	uint8_t reason; /**< INSTALLED: MASQ_DROP_NONE, or why the session cannot be */
	uint32_t session; /**< record index at the creator */
	uint32_t half; /**< REMOVE, INSTALLED: index of the REPLY half in its table */
	uint8_t choose; /**< INSTALL: the port (reply.dport) is yours to choose */
	uint8_t asked; /**< INSTALL, REMOVE, and their answers: to whom the creator sent it */
	uint8_t from_inside; /**< INSTALL: replies travel from inside to outside */
	uint8_t holder; /**< INSTALLED: who holds the REPLY half, to be asked when the session ends */
	uint64_t tried; /**< INSTALL: bit w: worker w found no port */
	struct masq_tuple reply; /**< tuple of replies as they arrive */
	struct masq_tuple back; /**< what replies become: the reverse of the INITIAL tuple */
	struct rte_mbuf *
			mbuf; /**< INSTALL, INSTALLED: the packet that made the session travels along */
};

static_assert(sizeof(struct masq_nat_msg) == 64, "one ring element is one cache line");

struct masq_nat_config {
	uint32_t worker;
	uint32_t n_workers;
	const struct masq_rss *rss;
	struct masq_session_table *table; /**< this worker's */
	struct masq_portmap *portmap; /**< this worker's */
};

struct masq_nat *masq_nat_create(const struct masq_nat_config *config, struct masq_err *err);
void masq_nat_destroy(struct masq_nat *nat);

/** A session to be made. */
struct masq_nat_flow {
	struct masq_tuple initial; /**< tuple of the packet as it arrived */
	struct masq_tuple translated; /**< what it shall become; sport is ignored if choose_port */
	uint32_t signature; /**< masq_half_signature() of initial */
	bool choose_port; /**< find an external port (masquerade, hairpin) */
	struct masq_session_birth birth;
	/**
	 * What the INITIAL half begins with: a verdict, with its TOS, and the first packet, counted; or
	 * MASQ_HALF_UNJUDGED. Session, addresses and ports are filled in here. A session that asks
	 * another worker begins unjudged: its packet will be looked at again.
	 */
	struct masq_half half;
};

enum masq_nat_outcome {
	MASQ_NAT_DONE, /**< session is complete; half holds its INITIAL half */
	MASQ_NAT_ASK, /**< send msg (put the packet into msg.mbuf); then the session goes on */
	MASQ_NAT_REFUSED, /**< reason says why; nothing is left behind */
};

struct masq_nat_result {
	enum masq_nat_outcome outcome;
	uint32_t half; /**< DONE: INITIAL half */
	uint32_t reply_half; /**< DONE: REPLY half, in the same table */
	enum masq_drop reason;
	struct masq_nat_msg msg;
};

#define MASQ_NAT_BURST 32

/**
 * Make the sessions of a burst. The INITIAL tuples are known to be different, and not in the table.
 *
 * @param flows	n flows
 * @param n	1..MASQ_NAT_BURST
 * @param timeouts	in force
 * @param results	out: n results
 */
void masq_nat_open(struct masq_nat *nat, const struct masq_nat_flow *flows, unsigned int n,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_result *results);

/** A message of masq_nat_open() or masq_nat_close() could not be sent: undo what it stands for. */
void masq_nat_unsent(struct masq_nat *nat, const struct masq_nat_msg *msg);

/**
 * A message arrived.
 *
 * INSTALL: @p answer is to be sent on (to the creator, or to the next worker that may have a port).
 * INSTALLED: the session is complete when @p msg->reason is NONE; the packet is the caller's again:
 * to be looked up anew, or dropped for the reason. REMOVE: @p answer is to be sent. REMOVED, TOUCH:
 * nothing further.
 *
 * @param answer	out: message to send
 * @return true when @p answer is to be sent
 */
bool masq_nat_receive(struct masq_nat *nat, const struct masq_nat_msg *msg,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_msg *answer);

/**
 * Dismantle a session of this worker (it expired, or is flushed).
 *
 * @param msg	out: message to send
 * @return true when @p msg is to be sent: the rest happens when REMOVED comes back
 */
bool masq_nat_close(struct masq_nat *nat, uint32_t session, struct masq_nat_msg *msg);

#endif /* MASQ_NAT_H */
