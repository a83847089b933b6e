/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine with many CPUs, for a program that this is loaded into: it has as many as MASQ_TEST_CPUS says, and
 * each second one is ours, so that a list of them has no ranges. Threads run on those that there really are.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned int
n_cpus(void)
{
	const char *text = getenv("MASQ_TEST_CPUS");

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : 1;
}

static void
tell(cpu_set_t *set)
{
	CPU_ZERO(set);
	for (unsigned int cpu = 0; cpu < n_cpus(); cpu += 2)
		CPU_SET(cpu, set);
}

int
sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set)
{
	(void)pid;
	(void)bytes;
	tell(set);
	return 0;
}

int
pthread_getaffinity_np(pthread_t thread, size_t bytes, cpu_set_t *set)
{
	(void)thread;
	(void)bytes;
	tell(set);
	return 0;
}

/* DPDK looks for a file of each CPU. */
int
access(const char *path, int mode)
{
	int (*real)(const char *, int);
	unsigned int cpu;

	*(void **)&real = dlsym(RTLD_NEXT, "access");
	if (sscanf(path, "/sys/devices/system/cpu/cpu%u/", &cpu) == 1)
		return cpu < n_cpus() ? 0 : -1;
	return real(path, mode);
}
