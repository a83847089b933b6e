/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hugepages of NUMA nodes.
 *
 * Memory allocated at start should be on the nodes where the workers run. EAL divides it among the
 * nodes by the numbers of its lcores, as if lcore 1 were CPU 1; our lcores are numbered from 1 and
 * run on the CPUs of "cores". So the division is made here: each node gets the share of its
 * workers, as far as it has hugepages, and the rest goes to nodes that have more. Workers without
 * CPUs of their own run anywhere; then there is nothing to divide.
 *
 * Control thread, at start.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_common.h>

#include "daemon.h"

uint64_t
masq_daemon_hugepages_mb(int node)
{
	char folder[96] = "/sys/kernel/mm/hugepages";
	const struct dirent *entry;
	uint64_t sum_mb = 0;
	DIR *dir;

	if (node >= 0)
		snprintf(folder, sizeof(folder), "/sys/devices/system/node/node%d/hugepages", node);
	dir = opendir(folder);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		uint64_t size_kb, pages = 0;
		char path[sizeof(folder) + 300];
		FILE *stream;

		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &size_kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", folder, entry->d_name);
		stream = fopen(path, "re");
		if (stream == NULL)
			continue;
		if (fscanf(stream, "%" SCNu64, &pages) == 1)
			sum_mb += pages * size_kb / 1024;
		fclose(stream);
	}
	closedir(dir);
	return sum_mb;
}

/* @return the node of a CPU; -1: unknown, or too large a number */
static int
node_of(unsigned int cpu)
{
	for (int node = 0; node < RTE_MAX_NUMA_NODES; node++) {
		char path[96];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%d", cpu, node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return -1;
}

/* Count the workers of each node. @return false: one of them has no CPU, or the CPU's node is
 * unknown */
static bool
count_workers(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		uint32_t workers[RTE_MAX_NUMA_NODES])
{
	if (cpus->n < start->workers)
		return false;
	for (uint32_t w = 0; w < start->workers; w++) {
		int node = node_of(cpus->cpu[w]);

		if (node < 0)
			return false;
		workers[node]++;
	}
	return true;
}

int
masq_daemon_divide_memory(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		uint64_t share_mb[RTE_MAX_NUMA_NODES])
{
	uint32_t workers[RTE_MAX_NUMA_NODES] = { 0 };
	/* read once, because others may take pages meanwhile */
	uint64_t free_mb[RTE_MAX_NUMA_NODES];
	uint64_t left = start->memory_mb;
	int last = -1;

	if (!start->hugepages || !count_workers(start, cpus, workers))
		return 0;
	for (int n = 0; n < RTE_MAX_NUMA_NODES; n++) {
		free_mb[n] = masq_daemon_hugepages_mb(n);
		share_mb[n] = RTE_MIN((uint64_t)start->memory_mb * workers[n] / start->workers,
				free_mb[n]);
		left -= share_mb[n];
	}
	for (int n = 0; n < RTE_MAX_NUMA_NODES; n++) {
		uint64_t more = RTE_MIN(left, free_mb[n] - share_mb[n]);

		share_mb[n] += more;
		left -= more;
		if (share_mb[n] > 0)
			last = n;
	}
	return left == 0 ? last + 1 : 0;
}
