/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_H
#define MASQ_BENCH_H

/**
 * @file
 * The benchmark program: one topic a file (bench_<topic>.c), one process a run of a topic, because
 * EAL and its memory belong to a process. tests/perf/run.py starts them all and makes one table of
 * what they print.
 */

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

/** What a run of a topic is asked for. */
struct bench_options {
	uint32_t sessions; /**< topics that have a size; else their own default */
	unsigned int rounds;
	bool smoke; /**< small numbers: does it still run? */
	bool hugepages; /**< how EAL got its memory */
	unsigned int memory_mb; /**< how much it may take */
	cpu_set_t processors; /**< all that a further thread may use */
};

/** Says what went wrong and ends the process: a benchmark that is not right says nothing. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The topics; EAL runs. Each prints its rows (bench_row.h). */
void bench_hit(const struct bench_options *options);
void bench_aged(const struct bench_options *options);
void bench_ports(const struct bench_options *options);
void bench_rules(const struct bench_options *options);
void bench_list(const struct bench_options *options);
void bench_workers(const struct bench_options *options);
void bench_change(const struct bench_options *options);
void bench_expiry(const struct bench_options *options);
void bench_capacity(const struct bench_options *options);
void bench_count(const struct bench_options *options);

#endif /* MASQ_BENCH_H */
