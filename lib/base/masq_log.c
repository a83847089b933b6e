/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Log lines of the control plane. A line is finished here (one printf, one buffer, no newline)
 *	and handed to one sink.
 * Words
 *	sink	where lines go: stderr until main() says otherwise
 *	part	the room and noun that speaks, "session", "neigh"
 * Data and who owns it
 *	The sink and the level are the only mutable globals below lib/ctl. Passing a log handle through
 *	every function would make all signatures longer for something of which a process has exactly
 *	one.
 * Life cycle
 *	masq_log_open() is called by main() before the first thread; it may be called again by tests.
 * Threads
 *	Any control thread may log: after the start both globals are only read. A line is written to
 *	stderr by one call, so that lines of several threads do not mix. Workers never log from a stage.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <masq_log.h>

#define LINE_BYTES 1024

static masq_log_sink_fn log_sink;
static enum masq_log_level log_level = MASQ_LOG_INFO;

static const char *
level_name(enum masq_log_level level)
{
	static const char *const names[] = {
		[MASQ_LOG_ERROR] = "error",
		[MASQ_LOG_WARNING] = "warning",
		[MASQ_LOG_NOTICE] = "notice",
		[MASQ_LOG_INFO] = "info",
		[MASQ_LOG_DEBUG] = "debug",
	};

	return names[level];
}

void
masq_log_open(masq_log_sink_fn sink, enum masq_log_level level)
{
	log_sink = sink;
	log_level = level;
}

void
masq_log(enum masq_log_level level, const char *part, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;
	int len;

	if (level > log_level)
		return;
	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len < 0)
		snprintf(line, sizeof(line), "(unprintable line: %s)", fmt);
	else if ((size_t)len >= sizeof(line))
		memcpy(line + sizeof(line) - 4, "...", 4);

	if (log_sink != NULL)
		log_sink(level, part, line);
	else
		fprintf(stderr, "%s: %s: %s\n", level_name(level), part, line);
}
