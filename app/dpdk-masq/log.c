/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where log lines go: to stderr, without ever blocking.
 *
 * stderr may be a pipe that nobody reads any more, or a stopped terminal. A write would then block,
 * and with it the control thread and all clients. So a line is written only if there is room for
 * it: for a pipe, poll() reports room while a whole page is free, which is more than a line.
 * Omitted lines are counted, and their number is logged as soon as there is room again.
 *
 * Threads. Any: the count is atomic, and a line is one call.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon.h"

static _Atomic(unsigned long) lost;

static bool
has_room(void)
{
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&err, 1, 0) == 1 && (err.revents & POLLOUT) != 0;
}

static void
write_line(enum masq_log_level level, const char *part, const char *line)
{
	static const char *const names[] = {
		[MASQ_LOG_ERROR] = "error",
		[MASQ_LOG_WARNING] = "warning",
		[MASQ_LOG_NOTICE] = "notice",
		[MASQ_LOG_INFO] = "info",
		[MASQ_LOG_DEBUG] = "debug",
	};
	unsigned long n;

	if (!has_room()) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	n = atomic_exchange(&lost, 0);
	if (n > 0)
		fprintf(stderr, "warning: log: %lu lines were lost: nobody read the log\n", n);
	fprintf(stderr, "%s: %s: %s\n", names[level], part, line);
}

void
masq_daemon_log_open(enum masq_log_level level)
{
	masq_log_open(write_line, level);
}
