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
 * Creating and removing sessions. One struct masq_nat per worker; all functions are for its thread.
 * Nothing here sends: work for another worker is returned as a struct masq_nat_msg, which the data
 * path puts on a ring.
 *
 * If both halves belong to this worker, one call creates the session. If the REPLY half belongs to
 * another worker, the creator inserts its own half as *pending* and asks (INSTALL, the packet
 * travels along); the other worker inserts its half and answers (INSTALLED, with the packet); only
 * then is the packet translated and sent, so no reply can arrive before its half is in place.
 * Removal goes the same way: REMOVE, REMOVED.
 */

struct rte_mbuf;
struct masq_nat;

enum masq_nat_op {
	MASQ_NAT_INSTALL, /**< to the owner of the reply tuple: insert the REPLY half */
	MASQ_NAT_INSTALLED, /**< back to the creator: inserted, or the reason of a refusal */
	MASQ_NAT_REMOVE, /**< to the owner of the reply tuple: remove the REPLY half */
	MASQ_NAT_REMOVED, /**< back to the creator: removed */
	MASQ_NAT_TOUCH, /**< to the creator: the state changed, re-arm the session */
};

/** One message between workers; an element of a ring, copied by value. */
struct masq_nat_msg {
	uint8_t op; /**< enum masq_nat_op */
	uint8_t to; /**< worker that it is addressed to */
	uint8_t creator; /**< worker that holds the record */
	uint8_t reason; /**< INSTALLED: MASQ_DROP_NONE, or why there is no session */
	uint32_t session; /**< record index at the creator */
	uint32_t half; /**< INSTALLED, REMOVE: index of the REPLY half in its table */
	/** INSTALL: the receiver chooses the port (reply.dport); REMOVE: it was chosen */
	uint8_t choose;
	uint8_t asked; /**< INSTALL, REMOVE and their answers: worker that the creator sent it to */
	uint8_t from_inside; /**< INSTALL: replies travel from inside to outside */
	uint8_t holder; /**< INSTALLED: owner of the REPLY half, which gets the REMOVE */
	uint64_t tried; /**< INSTALL: bit w is set: worker w found no port */
	struct masq_tuple reply; /**< tuple of replies on arrival */
	/** tuple that replies are rewritten to: the reverse of the INITIAL tuple */
	struct masq_tuple back;
	/** INSTALL, INSTALLED: the packet that made the session travels along */
	struct rte_mbuf *mbuf;
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

/** A session to be created. */
struct masq_nat_flow {
	struct masq_tuple initial; /**< tuple of the packet on arrival */
	/** tuple that it is rewritten to; sport is ignored if choose_port */
	struct masq_tuple translated;
	uint32_t signature; /**< masq_half_signature() of initial */
	bool choose_port; /**< choose an external port (masquerade, hairpin) */
	struct masq_session_birth birth;
	/**
	 * Initial contents of the INITIAL half: a verdict, with its TOS, and the first packet,
	 * counted; or MASQ_HALF_UNJUDGED. Session, addresses and ports are filled in by
	 * masq_nat_open(). A session for which another worker is asked begins unjudged, because its
	 * packet will be looked up again.
	 */
	struct masq_half half;
};

enum masq_nat_outcome {
	MASQ_NAT_DONE, /**< the session is complete */
	/** send msg (put the packet into msg.mbuf); its answer continues the session */
	MASQ_NAT_ASK,
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
 * Create the sessions of a burst. The INITIAL tuples are known to be distinct and not in the table.
 *
 * @param flows	n flows
 * @param n	1..MASQ_NAT_BURST
 * @param timeouts	the timeouts in force
 * @param results	out: n results
 */
void masq_nat_open(struct masq_nat *nat, const struct masq_nat_flow *flows, unsigned int n,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_result *results);

/**
 * Undo a message of masq_nat_open() or masq_nat_close() that could not be sent: an INSTALL of this
 * worker is given up, a session to be removed becomes due again at once.
 */
void masq_nat_unsent(struct masq_nat *nat, const struct masq_nat_msg *msg);

/**
 * Handle a message that arrived.
 *
 * INSTALL: @p answer must be sent (to the creator, or to the next worker that may have a port).
 * INSTALLED: if @p msg->reason is MASQ_DROP_NONE, the session is complete; the packet belongs to
 * the caller again, which looks it up again, or drops it for the reason. REMOVE: @p answer must be
 * sent. REMOVED, TOUCH: nothing else to do.
 *
 * @param answer	out: message to send
 * @return true: @p answer must be sent
 */
bool masq_nat_receive(struct masq_nat *nat, const struct masq_nat_msg *msg,
		const struct masq_conf_timeouts *timeouts, uint64_t now_ms,
		struct masq_nat_msg *answer);

/**
 * Remove a session of this worker (it has expired, or is flushed).
 *
 * @param msg	out: message to send
 * @return true: @p msg must be sent, and the rest happens when REMOVED arrives; false: the session
 *	is gone
 */
bool masq_nat_close(struct masq_nat *nat, uint32_t session, struct masq_nat_msg *msg);

#endif /* MASQ_NAT_H */
