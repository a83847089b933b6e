/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_IDEAL_H
#define MASQ_BENCH_IDEAL_H

/**
 * @file
 * What the appliance is measured against: a loop that parses, looks up a burst in an rte_hash, and
 * rewrites from a record of one line, and does nothing else: no ports, no features. Its table has
 * as many entries and as many keys as the appliance's.
 */

#include <stdint.h>

#include "bench_flow.h"

struct bench_ideal;

/** A table for @p sessions sessions: twice as many keys. */
struct bench_ideal *bench_ideal_create(uint32_t sessions);
void bench_ideal_destroy(struct bench_ideal *ideal);

/** Two bare adds a flow. @return their cycles, all together */
uint64_t bench_ideal_add(struct bench_ideal *ideal, const struct bench_flow *flows, uint32_t n);

/** Take out both tuples of a flow that was added. */
void bench_ideal_remove(struct bench_ideal *ideal, const struct bench_flow *flow);

/** Fill in the records of n flows that were added. */
void bench_ideal_fill(struct bench_ideal *ideal, const struct bench_flow *flows, uint32_t n);

/** As bench_hit_round(). */
double bench_ideal_round(const struct bench_ideal *ideal, const struct bench_flow *flows,
		uint32_t n, unsigned int passes);

#endif /* MASQ_BENCH_IDEAL_H */
