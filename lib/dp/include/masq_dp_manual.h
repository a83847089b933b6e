/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DP_MANUAL_H
#define MASQ_DP_MANUAL_H

#include <stdint.h>

/**
 * @file
 * A data path whose workers are polled by the caller (MASQ_DP_MANUAL): for tests with their own
 * clock and for benchmarks. The code is the same as on lcores.
 */

struct masq_dp;

/**
 * One round of one worker: everything that waits for it, at most one burst from each of its queues,
 * and housekeeping if a millisecond has passed.
 *
 * @param worker	0..masq_dp_workers() - 1
 * @param now_ms	current time; never goes backwards
 */
void masq_dp_poll(struct masq_dp *dp, uint32_t worker, uint64_t now_ms);

/** Packet buffers of the data path's own pools that are in use. After masq_dp_stop() any value but 0
 * means a leak. */
uint32_t masq_dp_buffers_in_use(const struct masq_dp *dp);

#endif /* MASQ_DP_MANUAL_H */
