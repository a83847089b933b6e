/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_MESSAGE_H
#define MASQ_MESSAGE_H

/**
 * @file
 * Messages to other workers; masq_message.c says why none is lost that matters. They are copied
 * into a ring; the receiver's bell rings at the end of the round.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_nat.h>

struct masq_worker;

#define MASQ_MSG_RING_SIZE 1024 /**< messages that may wait between two workers */

/** Messages between workers: those of enum masq_nat_op, and these. */
enum masq_message_op {
	MASQ_MSG_NEIGH_WANT = 64, /**< to the keeper: a worker needs this neighbour */
	MASQ_MSG_NEIGH_HEARD, /**< to the keeper: what ARP said */
};

static_assert((int)MASQ_NAT_TOUCH < (int)MASQ_MSG_NEIGH_WANT,
		"an op is of one kind of message only");

struct masq_neigh_msg {
	uint8_t op;
	uint8_t port;
	uint8_t create; /**< HEARD: create an entry if there is none */
	uint32_t ip; /**< host order */
	uint8_t mac[6]; /**< HEARD */
};

union masq_message {
	uint8_t op; /**< the first member of both */
	struct masq_nat_msg nat;
	struct masq_neigh_msg neigh;
};

static_assert(sizeof(union masq_message) == 64, "one ring element is one cache line");

/** Requests under way: sent, and not answered yet. Written by masq_message.c alone. */
struct masq_requests {
	uint32_t n;
	uint32_t n_to[MASQ_MAX_WORKERS]; /**< of these, by the worker that they were sent to */
	uint32_t ending; /**< sessions whose record becomes free once another worker has answered */
};

/**
 * Send a message that will be answered: INSTALL, REMOVE.
 *
 * @param msg	msg->nat.asked is filled in
 * @param to	another worker
 * @return false: too many are unanswered, and nothing was sent; undo what the message is about
 */
bool masq_message_request(struct masq_worker *w, union masq_message *msg, uint32_t to);
/** Send a message that may get lost to another worker. */
void masq_message_hint(struct masq_worker *w, const union masq_message *msg, uint32_t to);
/**
 * Receive messages, and do what they ask for. Packets that come with them run through the stages,
 * so w->burst must be free.
 *
 * @param from	bit f: take what worker f has sent
 * @return messages
 */
unsigned int masq_messages_drain(struct masq_worker *w, uint64_t from);

#endif /* MASQ_MESSAGE_H */
