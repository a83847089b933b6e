/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine must have before anything starts.
 *
 * EAL fails late and with messages of its own when there is too little memory, no hugepage, or no
 * such CPU. Everything that can be checked beforehand is checked here (network interfaces in
 * interfaces.c), and reported in a sentence that names the line of the start file and a remedy.
 * "dpdk-masq -t" makes these checks too, while a daemon may be running; so memory, which that
 * daemon has taken, is checked separately, after the claims.
 *
 * Memory without hugepages is allocated page by page when it is first used, so EAL would start and
 * the kernel would kill the daemon later: MemAvailable decides. Hugepages must be free now; EAL
 * chooses the size, so the sum over all sizes decides.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <masq_ctl.h>

#include "daemon.h"

/* ---------------------------------------------------------------- memory */

static uint64_t
available_mb(void)
{
	FILE *stream = fopen("/proc/meminfo", "re");
	uint64_t kb = UINT64_MAX;
	char line[128];

	if (stream == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), stream) != NULL)
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kb) == 1)
			break;
	fclose(stream);
	return kb / 1024;
}

int
masq_daemon_check_memory(const struct masq_conf_start *start, struct masq_err *err)
{
	uint64_t mb;

	if (start->hugepages) {
		mb = masq_daemon_hugepages_mb(-1);
		if (mb >= start->memory_mb)
			return 0;
		masq_err_set(err, ENOMEM,
				"only %" PRIu64
				" MB of hugepages are free, but memory needs %" PRIu32
				"; get more with \"echo %" PRIu32
				" > /proc/sys/vm/nr_hugepages\" (2 MB each), or do without them: "
				"hugepages = no",
				mb, start->memory_mb, (start->memory_mb + 1) / 2);
		return masq_conf_start_blame(start, "memory", NULL, -ENOMEM, err);
	}
	mb = available_mb();
	if (mb >= start->memory_mb)
		return 0;
	masq_err_set(err, ENOMEM,
			"only %" PRIu64 " MB of memory are available, but memory needs %" PRIu32,
			mb, start->memory_mb);
	return masq_conf_start_blame(start, "memory", NULL, -ENOMEM, err);
}

/* ---------------------------------------------------------------- CPUs */

/* @return the next number of a list, which is advanced; -1: there is none */
static long
take_number(const char **text)
{
	char *end;
	unsigned long value;

	if (!isdigit((unsigned char)**text))
		return -1;
	value = strtoul(*text, &end, 10);
	*text = end;
	return value < CPU_SETSIZE ? (long)value : CPU_SETSIZE;
}

static int
read_cpus(const char *text, struct masq_cpus *cpus)
{
	while (*text != '\0') {
		const long low = take_number(&text);
		long high = low;

		if (low >= 0 && *text == '-') {
			text++;
			high = take_number(&text);
		}
		if (low < 0 || high < low)
			return -EINVAL;
		for (long cpu = low; cpu <= high; cpu++) {
			if (cpus->n == sizeof(cpus->cpu) / sizeof(cpus->cpu[0]))
				return -EINVAL;
			cpus->cpu[cpus->n++] = (unsigned int)cpu;
		}
		if (*text == ',')
			text += 1 + strspn(text + 1, " \t");
		else if (*text != '\0')
			return -EINVAL;
	}
	return 0;
}

void
masq_daemon_cpus_text(const cpu_set_t *set, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE && len < size; cpu++) {
		int last = cpu;

		if (!CPU_ISSET(cpu, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		len += (size_t)snprintf(text + len, size - len, last > cpu ? "%s%d-%d" : "%s%d",
				len > 0 ? "," : "", cpu, last);
		cpu = last;
	}
}

static int
check_cores(const struct masq_conf_start *start, struct masq_cpus *cpus, struct masq_err *err)
{
	char text[128];
	cpu_set_t set;

	cpus->n = 0;
	if (start->cores[0] == '\0')
		return 0;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return masq_err_set(
				err, errno, "cannot read the list of CPUs: %s", strerror(errno));
	masq_daemon_cpus_text(&set, text, sizeof(text));
	if (read_cpus(start->cores, cpus) != 0) {
		masq_err_set(err, EINVAL, "cores = %s is not a list of CPUs such as 1-2 or 1,3",
				start->cores);
		return masq_conf_start_blame(start, "cores", NULL, -EINVAL, err);
	}
	for (unsigned int i = 0; i < cpus->n; i++) {
		if (cpus->cpu[i] < CPU_SETSIZE && CPU_ISSET(cpus->cpu[i], &set))
			continue;
		masq_err_set(err, EINVAL,
				"cores = %s: CPU %u does not exist or is not available to dpdk-masq; available: %s",
				start->cores, cpus->cpu[i], text);
		return masq_conf_start_blame(start, "cores", NULL, -EINVAL, err);
	}
	if (cpus->n < start->workers) {
		masq_err_set(err, EINVAL,
				"cores = %s: %u CPUs are too few for %" PRIu32
				" workers; each needs its own",
				start->cores, cpus->n, start->workers);
		return masq_conf_start_blame(start, "cores", NULL, -EINVAL, err);
	}
	return 0;
}

/* Polling workers that share CPUs take time from each other: it works, but badly. */
static void
warn_of_crowd(const struct masq_conf_start *start, const struct masq_cpus *cpus)
{
	cpu_set_t set;

	if (cpus->n > 0 || start->idle != MASQ_IDLE_POLL ||
			sched_getaffinity(0, sizeof(set), &set) != 0 ||
			start->workers <= (uint32_t)CPU_COUNT(&set))
		return;
	masq_log(MASQ_LOG_WARNING, "daemon",
			"%" PRIu32 " workers poll on %d CPUs; use fewer workers or idle = sleep",
			start->workers, CPU_COUNT(&set));
}

/* ---------------------------------------------------------------- group */

static int
check_group(const struct masq_conf_start *start, struct masq_err *err)
{
	gid_t gid;
	const int ret = start->socket_group[0] == '\0'
			? 0
			: masq_ctl_socket_group_find(start->socket_group, &gid, err);

	return ret == 0 ? 0 : masq_conf_start_blame(start, "socket-group", NULL, ret, err);
}

int
masq_daemon_check(const struct masq_conf_start *start, struct masq_cpus *cpus, struct masq_err *err)
{
	int ret = check_cores(start, cpus, err);

	if (ret == 0)
		ret = check_group(start, err);
	for (uint32_t i = 0; ret == 0 && i < start->n_ports; i++)
		ret = masq_daemon_check_interface(start, &start->port[i], err);
	if (ret == 0)
		warn_of_crowd(start, cpus);
	return ret;
}
