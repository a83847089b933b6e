/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_BENCH_ROW_H
#define MASQ_BENCH_ROW_H

/**
 * @file
 * What is measured, and how it is told: rounds become minimum, median and maximum; a figure becomes
 * one line of JSON on stdout, with its bar and whether it was met.
 */

#include <stdbool.h>
#include <stdint.h>

#define BENCH_ROUNDS_MAX 512

/** Values of several rounds of one measurement, in the order in which they were taken. */
struct bench_rounds {
	unsigned int n;
	double value[BENCH_ROUNDS_MAX];
};

struct bench_stats {
	double min, median, max;
};

/** Rounds beyond BENCH_ROUNDS_MAX take the place of the oldest. */
void bench_rounds_add(struct bench_rounds *rounds, double value);

/** @return what the rounds have in common; all 0 when there are none */
struct bench_stats bench_stats_of(const struct bench_rounds *rounds);

/** Two things that were measured in turn, in as many rounds. */
struct bench_compared {
	struct bench_stats value, reference, ratio;
};

/** Compare round by round: the ratio is that of a round, in which both sides found the same machine. */
struct bench_compared
bench_compare(const struct bench_rounds *value, const struct bench_rounds *reference);

/** One exact figure. */
struct bench_stats bench_stats_one(double value);

/** Middle of n values; reorders them. 0 when n is 0. */
double bench_median(double *values, unsigned int n);

/** What must hold for a row. */
enum bench_bar {
	BENCH_STATED, /**< nothing: the figure is told */
	BENCH_RATIO_AT_MOST, /**< the median of the ratios */
	BENCH_AT_MOST, /**< the median */
	BENCH_MIN_AT_MOST, /**< the smallest: of maxima on a machine that others use too */
	BENCH_IS, /**< exactly, in every round */
};

struct bench_row {
	const char *topic; /**< which program run */
	const char *what; /**< "masquerade hit" */
	const char *at; /**< "65536 sessions" */
	double x; /**< the same as a number, for the plot */
	const char *unit; /**< of value and reference: "cycles", "bytes", "us", "packets" */
	struct bench_stats value;
	const char *beside; /**< what it is compared with; NULL: nothing */
	struct bench_stats reference, ratio;
	/** Instead of value, reference and ratio: what they come from; NULL: nothing. */
	const struct bench_rounds *rounds, *against;
	enum bench_bar bar;
	double limit;
	const char *note; /**< NULL, or what a reader should know */
};

/** Print a row. */
void bench_row(const struct bench_row *row);

/** Print that something could not be measured, and why. */
void bench_skip(const char *topic, const char *what, const char *at, const char *reason);

/** Text that lives until the process ends (rows keep pointers). */
const char *bench_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* MASQ_BENCH_ROW_H */
