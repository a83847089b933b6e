/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_AUDIT_H
#define MASQ_TEST_AUDIT_H

/**
 * @file
 * The books of a box, added up another way. A mistake in a list, a bitmap or a counter shows late and
 * elsewhere, if it shows at all; this finds it where it is made.
 */

#include "masq_test_box.h"

/**
 * Demand, of each worker, between two rounds of any of them:
 *
 *	every record is free, or waits for a colleague, or stands on the wheel, once; each list is threaded rightly
 *	the lists of half-open sessions hold complete sessions of their side
 *	every half has its record, and the two halves undo each other, checksums included
 *	ports are owned by the halves that say so, and as many sessions of each peer as are counted
 *	what a colleague was asked for and has not answered
 */
void box_audit(struct masq_test_box *box);

#endif /* MASQ_TEST_AUDIT_H */
