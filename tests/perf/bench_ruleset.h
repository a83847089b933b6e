/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_RULESET_H
#define MASQ_BENCH_RULESET_H

/** @file Large rule sets and the flows that meet them. */

#include <stdint.h>

#include <masq_conf.h>
#include <masq_tuple.h>

/** @param rnd	in/out: state of the random numbers */
void bench_ruleset_make(struct masq_conf_rules *model, uint32_t n, uint64_t *rnd);
void bench_ruleset_free(struct masq_conf_rules *model);

/** A flow from the inside networks to outside ones that all rules let out. */
struct masq_tuple bench_ruleset_flow(const struct masq_conf_rules *model, uint64_t *rnd);

#endif /* MASQ_BENCH_RULESET_H */
