/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_WATCH_H
#define MASQ_BENCH_WATCH_H

/**
 * @file
 * A watch for single polls on a machine that others use too: the smaller of the time that passed and
 * the time that this thread had a processor. The first counts what the machine did meanwhile, the
 * second is told by the kernel and counts a little of its own work.
 */

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

struct bench_watch {
	uint64_t tsc;
	struct timespec cpu;
};

static inline void
bench_watch_start(struct bench_watch *watch)
{
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &watch->cpu);
	watch->tsc = rte_rdtsc_precise();
}

/** @return cycles of the time-stamp counter */
static inline uint64_t
bench_watch_stop(const struct bench_watch *watch)
{
	uint64_t passed = rte_rdtsc_precise() - watch->tsc, had;
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	had = (uint64_t)((double)((now.tv_sec - watch->cpu.tv_sec) * 1000000000L + now.tv_nsec -
					 watch->cpu.tv_nsec) *
			(double)rte_get_tsc_hz() / 1e9);
	return passed < had ? passed : had;
}

static inline double
bench_watch_us(uint64_t cycles)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

#endif /* MASQ_BENCH_WATCH_H */
