/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_ARP_H
#define MASQ_TEST_ARP_H

/**
 * @file
 * Boxes whose hosts do not answer ARP by themselves: the tests say what hosts say.
 */

#include "masq_test_talk.h"

#define GATEWAY "203.0.113.254"
#define EVERYBODY "ff:ff:ff:ff:ff:ff"

/** A request of the box, as it leaves. */
static inline struct masq_test_pkt
asks(enum masq_test_port port, const char *ip)
{
	return (struct masq_test_pkt){ .arp = 1,
		.src = box_address(port),
		.dst = ip,
		.dst_mac = EVERYBODY,
		.padding_bytes = 18 };
}

/** Somebody answers the box. */
static inline void
answer(struct masq_test_box *box, enum masq_test_port port, const char *ip, const char *mac)
{
	const struct masq_test_pkt reply = { .arp = 2,
		.src = ip,
		.src_mac = mac,
		.dst = box_address(port),
		.arp_target_mac = box_mac(box, port) };

	box_send(box, port, &reply);
	box_advance(box, 1);
}

/** Time, a millisecond at a time: the keeper of neighbours looks at a part of them in each. */
static inline void
let_pass(struct masq_test_box *box, unsigned int ms)
{
	while (ms-- > 0)
		box_advance(box, 1);
}

static inline struct masq_test_box *
open_by_hand(void **state, const char *rules)
{
	struct masq_test_box *box = box_open(box_workers(state), rules);

	box_arp_by_hand(box);
	return box;
}

#endif /* MASQ_TEST_ARP_H */
