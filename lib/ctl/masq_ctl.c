/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread as a whole.
 *
 * What it is. One object owns the model of the rules (struct masq_conf_rules) and asks the data
 * path to put it in force; a server receives requests, a dispatcher passes each to its handler.
 *
 * Life cycle: create (empty model) -> rules file -> [data path starts] -> listen -> poll ... ->
 * destroy. The socket is claimed before and released after by main(): it must be claimed before
 * devices are opened, and released when they are closed.
 *
 * One thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <masq_log.h>

#include "masq_ctl_priv.h"

#define RULES_FILE_BYTES_MAX (64u << 20)
#define WAIT_MS 1000 /* between two checks of the counters */
#define LOG_WAIT_MS 100 /* a tenth of a second; the workers' rings hold a second's records */

struct masq_ctl *
masq_ctl_create(const struct masq_conf_start *start, struct masq_dp *dp, struct masq_err *err)
{
	struct masq_ctl *ctl = calloc(1, sizeof(*ctl));

	if (ctl == NULL || masq_conf_rules_init(&ctl->rules) != 0) {
		masq_err_set(err, ENOMEM, "out of memory");
		free(ctl);
		return NULL;
	}
	masq_conf_rules_defaults(&ctl->rules, &start->timeouts);
	ctl->start = start;
	ctl->dp = dp;
	ctl->started_ms = masq_dp_now_ms(dp);
	ctl->server = masq_ctl_server_create(ctl, err);
	if (ctl->server == NULL) {
		masq_ctl_destroy(ctl);
		return NULL;
	}
	return ctl;
}

void
masq_ctl_destroy(struct masq_ctl *ctl)
{
	if (ctl == NULL)
		return;
	masq_ctl_packet_log(ctl);
	masq_ctl_server_destroy(ctl->server);
	masq_conf_rules_fini(&ctl->rules);
	free(ctl);
}

/* @return a descriptor to read from; -errno */
static int
open_file(const char *path, struct masq_err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool is_folder;

	if (fd < 0)
		return masq_err_set(err, errno, "%s: %s", path, strerror(errno));
	/* A pipe would look like an empty file, which means no rules at all. */
	if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
		return fd;
	is_folder = S_ISDIR(st.st_mode);
	close(fd);
	return masq_err_set(err, is_folder ? EISDIR : EINVAL, "%s is %s, not a rule file", path,
			is_folder ? "a directory" : "a device or a pipe");
}

/* Read a whole file into @p bytes, which grows: one byte more than the limit if the file is too
 * long.
 * @return 0; -errno; in both cases @p bytes is for free() */
static int
read_bytes(int fd, char **bytes, size_t *len_bytes)
{
	size_t cap = 65536;

	*len_bytes = 0;
	*bytes = malloc(cap);
	while (*bytes != NULL) {
		const ssize_t n = read(fd, *bytes + *len_bytes, cap - *len_bytes);
		char *more;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		*len_bytes += (size_t)n;
		if (*len_bytes > RULES_FILE_BYTES_MAX)
			return 0;
		if (*len_bytes < cap)
			continue;
		cap = 2 * cap <= RULES_FILE_BYTES_MAX ? 2 * cap : RULES_FILE_BYTES_MAX + 1;
		more = realloc(*bytes, cap);
		if (more == NULL)
			break;
		*bytes = more;
	}
	return -ENOMEM;
}

/* @param text out: for free() */
static int
read_file(const char *path, char **text, size_t *len_bytes, struct masq_err *err)
{
	const int fd = open_file(path, err);
	int ret;

	if (fd < 0)
		return fd;
	ret = read_bytes(fd, text, len_bytes);
	close(fd);
	if (ret != 0)
		ret = masq_err_set(err, -ret, "%s: %s", path, strerror(-ret));
	else if (*len_bytes > RULES_FILE_BYTES_MAX)
		ret = masq_err_set(err, EFBIG, "%s: a rule file has at most %u bytes", path,
				RULES_FILE_BYTES_MAX);
	if (ret != 0)
		free(*text);
	return ret;
}

/* Read the rule file of a start file; if it does not exist, the error names the line of the start
 * file. */
static int
read_rules(const struct masq_conf_start *start, const char *path, char **text, size_t *len_bytes,
		struct masq_err *err)
{
	const int ret = read_file(path, text, len_bytes, err);
	const int line = masq_conf_start_line(start, "rules");

	if (ret != 0 && line > 0)
		masq_err_prefix(err, "%s:%d: rules: ", start->file, line);
	return ret;
}

/* At start, the log is the only place for warnings. */
static void
log_warnings(const struct masq_conf_warnings *warnings)
{
	char buffer[MASQ_ERR_TEXT_BYTES];
	const char *text;

	for (unsigned int i = 0; (text = masq_conf_warning_text(warnings, i, buffer)) != NULL; i++)
		masq_log(MASQ_LOG_WARNING, "rules", "%s", text);
}

int
masq_ctl_rules_file(struct masq_ctl *ctl, const char *path, struct masq_err *err)
{
	struct masq_conf_warnings warnings = { 0 };
	size_t len_bytes;
	char *text;
	int ret;

	if (path[0] == '\0')
		return masq_ctl_model_load(ctl, ctl->start->file, "", 0, &warnings, err);
	ret = read_rules(ctl->start, path, &text, &len_bytes, err);
	if (ret != 0)
		return ret;
	ret = masq_ctl_model_load(ctl, path, text, len_bytes, &warnings, err);
	free(text);
	log_warnings(&warnings);
	return ret;
}

int
masq_ctl_rules_file_check(const struct masq_conf_start *start, const char *path,
		unsigned int *n_rules, struct masq_err *err)
{
	struct masq_conf_warnings warnings = { 0 };
	struct masq_conf_rules rules;
	size_t len_bytes;
	char *text;
	int ret;

	*n_rules = 0;
	ret = read_rules(start, path, &text, &len_bytes, err);
	if (ret != 0)
		return ret;
	ret = masq_conf_rules_init(&rules);
	if (ret != 0) {
		masq_err_set(err, -ret, "no memory for the rules of %s", path);
	} else {
		masq_conf_rules_defaults(&rules, &start->timeouts);
		ret = masq_ctl_model_read(start, &rules, path, text, len_bytes, &warnings, err);
		if (ret == 0) {
			ret = masq_dp_rules_check(start, &rules, err);
			if (ret != 0)
				masq_err_prefix(err, "%s: ", path);
		}
		log_warnings(&warnings);
		*n_rules = masq_ctl_model_count(&rules);
		masq_conf_rules_fini(&rules);
	}
	free(text);
	return ret;
}

int
masq_ctl_listen(struct masq_ctl *ctl, struct masq_ctl_socket *sock, struct masq_err *err)
{
	return masq_ctl_server_listen(ctl->server, sock, err);
}

int
masq_ctl_fd(const struct masq_ctl *ctl)
{
	return masq_ctl_server_fd(ctl->server);
}

bool
masq_ctl_poll(struct masq_ctl *ctl, uint64_t now_ms, int timeout_ms)
{
	masq_ctl_server_poll(ctl->server, now_ms, timeout_ms);
	masq_ctl_packet_log(ctl);
	masq_ctl_watch(ctl, now_ms);
	return ctl->stop;
}

int
masq_ctl_wait_ms(const struct masq_ctl *ctl)
{
	return ctl->rules_log ? LOG_WAIT_MS : WAIT_MS;
}

unsigned int
masq_ctl_clients(const struct masq_ctl *ctl)
{
	return masq_ctl_server_clients(ctl->server);
}
