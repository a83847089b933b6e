/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Figures and how they are told. JSON is written by hand: strings here are our own words, without
 * quotes and backslashes in them.
 */
#include "bench_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(double *values, unsigned int n)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

void
bench_rounds_add(struct bench_rounds *rounds, double value)
{
	rounds->value[rounds->n++ % BENCH_ROUNDS_MAX] = value;
}

static unsigned int
kept(const struct bench_rounds *rounds)
{
	return rounds->n < BENCH_ROUNDS_MAX ? rounds->n : BENCH_ROUNDS_MAX;
}

struct bench_stats
bench_stats_of(const struct bench_rounds *rounds)
{
	struct bench_rounds sorted = *rounds;
	unsigned int n = kept(rounds);
	struct bench_stats stats = { .median = bench_median(sorted.value, n) };

	if (n > 0) {
		stats.min = sorted.value[0];
		stats.max = sorted.value[n - 1];
	}
	return stats;
}

struct bench_compared
bench_compare(const struct bench_rounds *value, const struct bench_rounds *reference)
{
	struct bench_rounds ratio = { 0 };

	if (value->n != reference->n)
		bench_fail("%u rounds cannot be compared with %u", value->n, reference->n);
	for (unsigned int i = 0; i < kept(value); i++)
		bench_rounds_add(&ratio, value->value[i] / reference->value[i]);
	return (struct bench_compared){ bench_stats_of(value), bench_stats_of(reference),
		bench_stats_of(&ratio) };
}

struct bench_stats
bench_stats_one(double value)
{
	return (struct bench_stats){ value, value, value };
}

const char *
bench_text(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		bench_fail("no memory");
	va_end(args);
	return text;
}

static bool
is_met(const struct bench_row *row)
{
	switch (row->bar) {
	case BENCH_STATED:
		return true;
	case BENCH_RATIO_AT_MOST:
		return row->ratio.median <= row->limit;
	case BENCH_AT_MOST:
		return row->value.median <= row->limit;
	case BENCH_MIN_AT_MOST:
		return row->value.min <= row->limit;
	case BENCH_IS:
		return row->value.min == row->limit && row->value.max == row->limit;
	}
	return false;
}

static void
print_stats(const char *name, const struct bench_stats *stats)
{
	printf(", \"%s\": {\"min\": %.4g, \"median\": %.4g, \"max\": %.4g}", name, stats->min,
			stats->median, stats->max);
}

static void
print_row(const struct bench_row *row)
{
	static const char *const bars[] = {
		[BENCH_STATED] = "stated",
		[BENCH_RATIO_AT_MOST] = "ratio at most",
		[BENCH_AT_MOST] = "at most",
		[BENCH_MIN_AT_MOST] = "least of the rounds at most",
		[BENCH_IS] = "exactly",
	};

	printf("{\"topic\": \"%s\", \"what\": \"%s\", \"at\": \"%s\", \"x\": %.0f, "
	       "\"unit\": \"%s\"",
			row->topic, row->what, row->at, row->x, row->unit);
	print_stats("value", &row->value);
	if (row->beside != NULL) {
		printf(", \"beside\": \"%s\"", row->beside);
		print_stats("reference", &row->reference);
		print_stats("ratio", &row->ratio);
	}
	printf(", \"bar\": \"%s\"", bars[row->bar]);
	if (row->bar != BENCH_STATED)
		printf(", \"limit\": %g, \"met\": %s", row->limit, is_met(row) ? "true" : "false");
	if (row->note != NULL)
		printf(", \"note\": \"%s\"", row->note);
	printf("}\n");
	fflush(stdout);
}

void
bench_row(const struct bench_row *row)
{
	struct bench_row whole = *row;

	if (row->rounds != NULL)
		whole.value = bench_stats_of(row->rounds);
	if (row->rounds != NULL && row->against != NULL) {
		struct bench_compared c = bench_compare(row->rounds, row->against);

		whole.value = c.value;
		whole.reference = c.reference;
		whole.ratio = c.ratio;
	}
	print_row(&whole);
}

void
bench_skip(const char *topic, const char *what, const char *at, const char *reason)
{
	printf("{\"topic\": \"%s\", \"what\": \"%s\", \"at\": \"%s\", \"skipped\": \"%s\"}\n",
			topic, what, at, reason);
	fflush(stdout);
}
