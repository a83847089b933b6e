/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_MESSAGE_H
#define MASQ_MESSAGE_H

/**
 * @file
 * Messages to other workers; masq_message.c.
 */

#include "masq_worker.h"

/** Send a message that will be answered. @return false: too many are unanswered; undo it */
bool masq_message_request(struct masq_worker *w, union masq_message *msg, uint32_t to);
/** Send a message that may get lost. */
void masq_message_hint(struct masq_worker *w, const union masq_message *msg, uint32_t to);
/** Receive messages. @param from bit f: take what worker f has sent. @return messages */
unsigned int masq_messages_drain(struct masq_worker *w, uint64_t from);

#endif /* MASQ_MESSAGE_H */
