/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DP_MANUAL_H
#define MASQ_DP_MANUAL_H

#include <stdint.h>

/**
 * @file
 * A data path whose workers the caller runs (MASQ_DP_MANUAL): tests with a clock of their own,
 * benchmarks. Everything is the same code that the lcores run.
 */

struct masq_dp;

/**
 * One round of one worker: everything that waits for it, one burst from each of its queues, and
 * housekeeping when a millisecond has passed.
 *
 * @param worker	0..masq_dp_workers() - 1
 * @param now_ms	the clock; never goes backwards
 */
void masq_dp_poll(struct masq_dp *dp, uint32_t worker, uint64_t now_ms);

/** Packet buffers of the data path's own pool that are out; 0 after masq_dp_stop(), or one leaked. */
uint32_t masq_dp_buffers_in_use(const struct masq_dp *dp);

#endif /* MASQ_DP_MANUAL_H */
