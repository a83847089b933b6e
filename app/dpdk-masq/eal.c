/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL, started from the start file.
 *
 * Memory. With hugepages: --in-memory, so no file is left whatever happens. Without: --no-huge with
 * a size; DPDK 22.11 refuses --in-memory in addition, so --no-shconf avoids its files.
 *
 * Names. EAL's runtime folder (telemetry socket) is put under the socket's folder by means of
 * RUNTIME_DIRECTORY, and the file prefix contains the process id, so two daemons never collide.
 * What EAL leaves there is removed at the end, also if it does not start; what a killed daemon left
 * is removed at the next start.
 *
 * Cores. lcore 0 is the control thread and may run on all CPUs that we may use; lcores 1..N are the
 * workers, each on its CPU of "cores", or on any if that is not given.
 *
 * Devices. PCI is scanned only if a port names a PCI device, and then only those are probed (-a).
 * Virtual devices are created by the data path, which knows the start file line of each.
 *
 * Log. Lines of EAL and the drivers come through a stream of ours and are treated like our own
 * lines.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "daemon.h"

#define ARGS_MAX (24 + 2 * MASQ_CONF_PORTS_MAX)

static char runtime_dir[MASQ_CONF_PATH_BYTES + 16];
static FILE *log_stream;

struct args {
	int n;
	char *text[ARGS_MAX + 1];
};

static void
add(struct args *args, const char *text)
{
	if (args->n < ARGS_MAX)
		args->text[args->n++] = strdup(text);
}

/* ---------------------------------------------------------------- log */

static enum masq_log_level
level_of(int rte_level)
{
	if (rte_level <= (int)RTE_LOG_ERR)
		return MASQ_LOG_ERROR;
	if (rte_level == (int)RTE_LOG_WARNING)
		return MASQ_LOG_WARNING;
	if (rte_level == (int)RTE_LOG_NOTICE)
		return MASQ_LOG_NOTICE;
	return rte_level == (int)RTE_LOG_INFO ? MASQ_LOG_INFO : MASQ_LOG_DEBUG;
}

/* DPDK's log writes whole messages and flushes each; a message may have several lines. */
static ssize_t
log_write(void *cookie, const char *bytes, size_t len)
{
	const enum masq_log_level level = level_of(rte_log_cur_msg_loglevel());
	size_t at = 0;

	(void)cookie;
	while (at < len) {
		const char *newline = memchr(bytes + at, '\n', len - at);
		const size_t line = newline != NULL ? (size_t)(newline - bytes) - at : len - at;

		if (line > 0)
			masq_log(level, "dpdk", "%.*s", (int)line, bytes + at);
		at += line + 1;
	}
	return (ssize_t)len;
}

static const char *
log_level_arg(enum masq_log_level level)
{
	switch (level) {
	case MASQ_LOG_ERROR:
		return "--log-level=*:error";
	case MASQ_LOG_WARNING:
	case MASQ_LOG_NOTICE:
		return "--log-level=*:warning";
	case MASQ_LOG_INFO:
		return "--log-level=*:info";
	case MASQ_LOG_DEBUG:
		break;
	}
	return "--log-level=*:debug";
}

static void
open_log(void)
{
	log_stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = log_write });
	if (log_stream != NULL)
		rte_openlog_stream(log_stream);
}

/* ---------------------------------------------------------------- arguments */

static bool
is_pci(const char *device)
{
	unsigned int domain, bus, slot, function;

	return sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
			(sscanf(device, "%x:%x.%x", &bus, &slot, &function) == 3 &&
					strchr(device, ':') != NULL);
}

static void
add_devices(struct args *args, const struct masq_conf_start *start)
{
	bool any = false;

	for (uint32_t i = 0; i < start->n_ports; i++) {
		if (!is_pci(start->port[i].device))
			continue;
		any = true;
		add(args, "-a");
		add(args, start->port[i].device);
	}
	if (!any)
		add(args, "--no-pci");
}

/* "0@(0-3),1@1,2@2" */
static void
add_lcores(struct args *args, const struct masq_conf_start *start, const struct masq_cpus *cpus)
{
	char all[4 * CPU_SETSIZE], *text = NULL;
	size_t size;
	cpu_set_t set;
	FILE *out;

	CPU_ZERO(&set);
	(void)sched_getaffinity(0, sizeof(set), &set);
	masq_daemon_cpus_text(&set, all, sizeof(all));
	/* Each worker may have a list of all CPUs: the argument can be long. */
	out = open_memstream(&text, &size);
	if (out == NULL)
		return;
	fprintf(out, "--lcores=0@(%s)", all);
	for (uint32_t i = 0; i < start->workers; i++) {
		if (i < cpus->n)
			fprintf(out, ",%u@%u", i + 1, cpus->cpu[i]);
		else
			fprintf(out, ",%u@(%s)", i + 1, all);
	}
	if (fclose(out) == 0)
		add(args, text);
	free(text);
}

/* "--socket-mem=0,512", or "-m" if it does not matter which node the memory is on */
static void
add_size(struct args *args, const struct masq_conf_start *start, const struct masq_cpus *cpus)
{
	uint64_t share_mb[RTE_MAX_NUMA_NODES];
	const int n = masq_daemon_divide_memory(start, cpus, share_mb);
	char text[RTE_MAX_NUMA_NODES * 8 + 16];
	size_t len;

	if (n == 0) {
		snprintf(text, sizeof(text), "%u", start->memory_mb);
		add(args, "-m");
		add(args, text);
		return;
	}
	len = (size_t)snprintf(text, sizeof(text), "--socket-mem=");
	for (int node = 0; node < n && len < sizeof(text); node++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%" PRIu64,
				node > 0 ? "," : "", share_mb[node]);
	add(args, text);
}

static void
add_memory(struct args *args, const struct masq_conf_start *start, const struct masq_cpus *cpus)
{
	if (start->hugepages) {
		add(args, "--in-memory");
	} else {
		add(args, "--no-huge");
		add(args, "--no-shconf");
	}
	add_size(args, start, cpus);
}

/* RUNTIME_DIRECTORY is where a service manager tells daemons to put such files. */
static void
set_runtime_dir(const struct masq_conf_start *start)
{
	char *slash;

	snprintf(runtime_dir, sizeof(runtime_dir), "%s", start->socket);
	slash = strrchr(runtime_dir, '/');
	if (slash == NULL)
		snprintf(runtime_dir, sizeof(runtime_dir), ".");
	else
		*slash = '\0';
	setenv("RUNTIME_DIRECTORY", runtime_dir, 1);
}

/* Open a folder @p name in @p at without following links, which others could have planted there. */
static DIR *
open_folder(int at, const char *name)
{
	const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

static void
remove_tree(int at, const char *name, int depth)
{
	DIR *dir = depth > 0 ? open_folder(at, name) : NULL;
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			remove_tree(dirfd(dir), entry->d_name, depth - 1);
	}
	if (dir != NULL)
		closedir(dir);
	(void)unlinkat(at, name, AT_REMOVEDIR);
}

/* Remove what killed daemons left: folders whose names contain ids of processes that are gone. */
static void
remove_stale(void)
{
	char path[sizeof(runtime_dir) + 8];
	const struct dirent *entry;
	DIR *dir;
	int pid;

	snprintf(path, sizeof(path), "%s/dpdk", runtime_dir);
	dir = open_folder(AT_FDCWD, path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (sscanf(entry->d_name, "masq-%d", &pid) == 1 && kill(pid, 0) != 0 &&
				errno == ESRCH)
			remove_tree(dirfd(dir), entry->d_name, 2);
	}
	if (dir != NULL)
		closedir(dir);
}

/* <runtime>/dpdk/<prefix>; the folder dpdk may be shared, so rmdir() removes it only if it is empty. */
void
masq_daemon_eal_forget(void)
{
	char path[sizeof(runtime_dir) + 64];

	snprintf(path, sizeof(path), "%s/dpdk/masq-%d", runtime_dir, (int)getpid());
	remove_tree(AT_FDCWD, path, 2);
	snprintf(path, sizeof(path), "%s/dpdk", runtime_dir);
	(void)rmdir(path);
}

/* DPDK does not start if the path of its telemetry socket is too long. Nothing here needs telemetry. */
static void
add_telemetry(struct args *args)
{
	static const char longest[] = "/dpdk/masq-4194304/dpdk_telemetry.v2";

	if (strlen(runtime_dir) + sizeof(longest) <= sizeof(((struct sockaddr_un *)0)->sun_path))
		return;
	masq_log(MASQ_LOG_INFO, "daemon", "no DPDK telemetry: the path of its socket is too long");
	add(args, "--no-telemetry");
}

int
masq_daemon_eal_start(const struct masq_conf_start *start, const struct masq_cpus *cpus,
		enum masq_log_level level, struct masq_err *err)
{
	struct args args = { 0 };
	char prefix[64];
	int ret, fault;

	set_runtime_dir(start);
	remove_stale();
	open_log();
	snprintf(prefix, sizeof(prefix), "--file-prefix=masq-%d", (int)getpid());
	add(&args, "dpdk-masq");
	add_memory(&args, start, cpus);
	add(&args, prefix);
	/*
	 * Two parts that warn about things we did not request. If several patterns match, the first
	 * one decides for a part that registers later (telemetry), the last one for a part that
	 * already exists (EAL).
	 */
	if (level < MASQ_LOG_INFO)
		add(&args, "--log-level=lib.telemetry:error");
	add(&args, log_level_arg(level));
	if (level < MASQ_LOG_INFO)
		add(&args, "--log-level=lib.eal:error");
	add_telemetry(&args);
	add_lcores(&args, start, cpus);
	add_devices(&args, start);
	ret = rte_eal_init(args.n, args.text);
	/* EAL keeps pointers into its arguments; they live as long as the process. */
	if (ret >= 0)
		return 0;
	fault = rte_errno != 0 ? rte_errno : EIO;
	masq_err_set(err, fault, "DPDK did not start: %s; see its own messages above",
			rte_strerror(fault));
	masq_daemon_eal_forget();
	return fault != ENOMEM ? -fault
			       : masq_conf_start_blame(start, "memory", NULL, -ENOMEM, err);
}

void
masq_daemon_eal_stop(void)
{
	rte_eal_cleanup();
	masq_daemon_eal_forget();
}
