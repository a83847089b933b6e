/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The benchmark program: words, memory, and then one topic.
 *
 * Memory. Hugepages are taken when enough of them are free, without files, unless --no-huge says not
 * to; else plain pages, if the machine has so many to spare. When neither is there, the topic is skipped by name: a benchmark
 * that swaps measures the disk.
 *
 * The processor is the last one that this process may use: the first one has the most to do, with
 * interrupts and with programs that take what comes first.
 */
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include "bench.h"
#include "bench_box.h"
#include "bench_row.h"

#ifdef __clang__
#define COMPILER __VERSION__ /* with its name */
#else
#define COMPILER "gcc " __VERSION__
#endif
#define FIXED_MB 320 /* buffers, rings, routes, rules */
#define SESSION_BYTES 340 /* of the box */
#define IDEAL_BYTES 260 /* of the ideal loop's table */

static const struct topic {
	const char *name;
	void (*run)(const struct bench_options *options);
	uint32_t sessions, smoke_sessions;
} topics[] = {
	{ "hit", bench_hit, 65536, 1024 },
	{ "aged", bench_aged, 65536, 4096 },
	{ "ports", bench_ports, 131072, 131072 },
	{ "rules", bench_rules, 65536, 4096 },
	{ "list", bench_list, 65536, 4096 },
	{ "workers", bench_workers, 65536, 2048 },
	{ "change", bench_change, 65536, 4096 },
	{ "expiry", bench_expiry, 1048576, 8192 },
	{ "capacity", bench_capacity, 65536, 2048 },
	{ "count", bench_count, 1024, 1024 },
};

void
bench_fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "masq_bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

/* A line "Name:   123 kB" of /proc/meminfo; hugepages have no unit. */
static unsigned long
meminfo(const char *name)
{
	char line[128];
	unsigned long value = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoul(line + strlen(name) + 1, NULL, 10);
	if (f != NULL)
		fclose(f);
	return value;
}

static unsigned int
memory_needed(const struct bench_options *options)
{
	uint64_t bytes = (uint64_t)options->sessions * (SESSION_BYTES + IDEAL_BYTES);

	return FIXED_MB + (unsigned int)(bytes >> 20);
}

/* @return false: there is not so much; said so */
static bool
choose_memory(struct bench_options *options, const char *topic)
{
	unsigned long huge_mb = meminfo("HugePages_Free") * meminfo("Hugepagesize") / 1024;
	unsigned long free_mb = meminfo("MemAvailable") / 1024;

	options->memory_mb = memory_needed(options);
	options->hugepages = options->hugepages && huge_mb >= options->memory_mb;
	/* Tuples are in plain memory too. */
	if (options->hugepages || free_mb > options->memory_mb * 5 / 4)
		return true;
	bench_skip(topic, topic, bench_text("%u sessions", options->sessions),
			bench_text("%u MB wanted; %lu MB of hugepages and %lu MB of memory are free",
					options->memory_mb, huge_mb, free_mb));
	return false;
}

static void
start_eal(char *program, struct bench_options *options)
{
	char memory[16], lcores[16];
	int cpu = CPU_SETSIZE - 1;
	char *argv[] = { program,
		options->hugepages ? (char[]){ "--in-memory" } : (char[]){ "--no-huge" },
		(char[]){ "-m" }, memory, (char[]){ "--no-pci" }, (char[]){ "--no-telemetry" },
		(char[]){ "--no-shconf" }, (char[]){ "--log-level=*:error" },
		(char[]){ "--lcores" }, lcores, NULL };

	if (sched_getaffinity(0, sizeof(options->processors), &options->processors) != 0)
		bench_fail("the kernel does not tell which processors there are");
	while (cpu > 0 && !CPU_ISSET(cpu, &options->processors))
		cpu--;
	snprintf(lcores, sizeof(lcores), "0@%d", cpu);
	snprintf(memory, sizeof(memory), "%u", options->memory_mb);
	if (rte_eal_init(10, argv) < 0)
		bench_fail("EAL did not start: %s", rte_strerror(rte_errno));
}

static int
usage(const char *program)
{
	fprintf(stderr, "usage: %s [--smoke] [--no-huge] [--sessions N] [--rounds N] TOPIC\ntopics:",
			program);
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		fprintf(stderr, " %s", topics[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static const struct topic *
find_topic(const char *name)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (name != NULL && strcmp(name, topics[i].name) == 0)
			return &topics[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	static const struct option words[] = { { "smoke", no_argument, NULL, 's' },
		{ "no-huge", no_argument, NULL, 'h' }, { "sessions", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' }, { 0 } };
	struct bench_options options = { .rounds = 31, .hugepages = true };
	const struct topic *topic;
	int c;

	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (c == 's')
			options.smoke = true;
		else if (c == 'h')
			options.hugepages = false;
		else if (c == 'n')
			options.sessions = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'r')
			options.rounds = (unsigned int)strtoul(optarg, NULL, 0);
		else
			return usage(argv[0]);
	}
	topic = find_topic(argv[optind]);
	if (topic == NULL || options.rounds < 1 || options.rounds > BENCH_ROUNDS_MAX)
		return usage(argv[0]);
	if (options.smoke)
		options.rounds = 2;
	if (options.sessions == 0)
		options.sessions = options.smoke ? topic->smoke_sessions : topic->sessions;
	if (!choose_memory(&options, topic->name))
		return 0;
	start_eal(argv[0], &options);
	printf("{\"machine\": {\"dpdk\": \"%s\", \"compiler\": \"%s\", \"tsc_mhz\": %.0f, "
	       "\"hugepages\": %s}}\n",
			rte_version(), COMPILER, (double)rte_get_tsc_hz() / 1e6,
			options.hugepages ? "true" : "false");
	bench_box_init();
	topic->run(&options);
	return 0;
}
