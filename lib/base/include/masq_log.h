/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_LOG_H
#define MASQ_LOG_H

/**
 * @file
 * Log lines. A line has a level and a part of the program. The program decides once where lines go:
 * the daemon writes them to stderr without ever waiting, tests and the CLI leave them on stderr.
 * Never called from a stage.
 */

enum masq_log_level {
	MASQ_LOG_ERROR,
	MASQ_LOG_WARNING,
	MASQ_LOG_NOTICE,
	MASQ_LOG_INFO,
	MASQ_LOG_DEBUG,
};

/** Receives one finished line without newline; called by any control thread, must be thread safe. */
typedef void (*masq_log_sink_fn)(enum masq_log_level level, const char *part, const char *line);

/**
 * Choose where lines go and up to which level; called by main() before any thread starts.
 *
 * @param sink	NULL: stderr
 * @param level	lines above it are not written
 */
void masq_log_open(masq_log_sink_fn sink, enum masq_log_level level);

/**
 * Write one line.
 *
 * @param part	"session", "neigh", ... : the room and noun
 * @param fmt	printf format, no newline
 */
void masq_log(enum masq_log_level level, const char *part, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));

#endif /* MASQ_LOG_H */
