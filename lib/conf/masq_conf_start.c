/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start file: from a file to lines, sections and keys.
 *
 * What it is. The INI file that says what the daemon needs before it runs: [daemon], a [port NAME]
 * for each port, [timeouts]. The library inih splits lines into keys, values and comments; the keys
 * themselves are in masq_conf_start_keys.c, the checks across lines in masq_conf_start_check.c.
 *
 * Why inih does not read the file itself. inih as Debian builds it does not tell the handler the
 * line number, does not report a section without keys, cuts over-long lines and section names, and
 * takes an indented line for the continuation of a value. So its reader callback is ours:
 * line_next() passes it one line at a time, without its indentation, counts lines, opens sections
 * itself, and refuses what inih would distort: lines too long for its buffer, control characters,
 * unterminated section names. A line that is neither a section nor a comment must reach key_take()
 * before the next one is requested; otherwise it had no "=".
 *
 * Errors. The first one ends the walk: the callback returns "end of file". fail() puts "FILE:LINE:
 * " in front of the sentence, once.
 *
 * Files. Regular files up to 1 MiB only; a FIFO or a device is refused before anything is read.
 *
 * Threads: called before any thread starts, and by "check"; no state of its own.
 */

#include "masq_conf_start.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1024 * 1024)
#define BLANKS " \t\r\v\f"

struct parse {
	struct masq_conf_start *start;
	const char *at, *end; /* text not read yet */
	int line;
	bool settled; /* the current line is a section, a comment or a key that was taken */
	int ret;
	enum masq_start_section section;
	int daemon_line, timeouts_line; /* lines of these sections; 0: not given yet */
	int key_line[MASQ_CONF_KEYS_MAX]; /* lines of the keys of this section; 0: not given yet */
	struct masq_err *err;
};

static void
fail(struct parse *parse)
{
	masq_err_prefix(parse->err, "%s:%d: ", parse->start->file, parse->line);
	parse->ret = -EINVAL;
}

/* ---------------------------------------------------------------- sections */

static int
port_open(struct parse *parse, const char *name)
{
	struct masq_conf_start *start = parse->start;
	struct masq_conf_port *port;

	if (masq_conf_port_name_check(name, parse->err) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < start->n_ports; i++)
		if (strcmp(start->port[i].name, name) == 0)
			return masq_err_set(parse->err, EINVAL,
					"[port %s] appears twice, first on line %d", name,
					start->port[i].line);
	if (start->n_ports == MASQ_CONF_PORTS_MAX)
		return masq_err_set(parse->err, EINVAL,
				"[port %s] is one port too many; accepted: %d", name,
				MASQ_CONF_PORTS_MAX);
	port = &start->port[start->n_ports++];
	strcpy(port->name, name);
	port->line = parse->line;
	parse->section = MASQ_START_PORT;
	masq_start_section_default(start, MASQ_START_PORT);
	return 0;
}

static int
single_open(struct parse *parse, enum masq_start_section section, const char *name, int *line)
{
	if (*line != 0)
		return masq_err_set(parse->err, EINVAL, "[%s] appears twice, first on line %d",
				name, *line);
	*line = parse->line;
	parse->section = section;
	return 0;
}

/* @p text: a line from its '[' on, without trailing blanks */
static int
section_open(struct parse *parse, const char *text)
{
	const char *close = strchr(text, ']');
	char name[64];
	size_t len;

	if (close == NULL)
		return masq_err_set(parse->err, EINVAL, "section %.64s is not closed by ]", text);
	len = (size_t)(close - text - 1);
	close += 1 + strspn(close + 1, BLANKS);
	if (*close != '\0' && *close != ';' && *close != '#')
		return masq_err_set(
				parse->err, EINVAL, "`%.64s' follows the ] of a section", close);
	memset(parse->key_line, 0, sizeof(parse->key_line));
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
			text + 1);
	if (strcmp(name, "daemon") == 0)
		return single_open(parse, MASQ_START_DAEMON, name, &parse->daemon_line);
	if (strcmp(name, "timeouts") == 0)
		return single_open(parse, MASQ_START_TIMEOUTS, name, &parse->timeouts_line);
	if (strncmp(name, "port", 4) == 0 && strchr(BLANKS, name[4]) != NULL && name[4] != '\0')
		return port_open(parse, name + 4 + strspn(name + 4, BLANKS));
	return masq_err_set(parse->err, EINVAL,
			"unknown section [%s]; accepted: [daemon], [port NAME], [timeouts]", name);
}

/* ---------------------------------------------------------------- lines */

static int
bytes_check(const struct parse *parse, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' && strchr("\t\r", text[i]) == NULL)
			return masq_err_set(parse->err, EINVAL,
					"the line contains the control character 0x%02x; is this a text file?",
					(unsigned char)text[i]);
		else if (text[i] == '\0') /* strchr() finds it in any string */
			return masq_err_set(parse->err, EINVAL,
					"the line contains a NUL byte; is this a text file?");
	return 0;
}

/*
 * Find a comment: '#' or ';' after a blank or at the start of the line. inih cuts comments too, but
 * only when the line is in its buffer. @return length before it
 */
static size_t
comment_cut(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] == '#' || text[i] == ';') &&
				(i == 0 || strchr(BLANKS, text[i - 1]) != NULL))
			return i;
	return len;
}

/* Copy the next line into @p buffer, without blanks around it. @return 0, -EINVAL */
static int
line_cut(struct parse *parse, char *buffer, size_t bytes)
{
	const char *text = parse->at;
	const char *stop = memchr(text, '\n', (size_t)(parse->end - text));
	size_t len = (size_t)((stop != NULL ? stop : parse->end) - text);

	parse->at = text + len + (stop != NULL);
	parse->line++;
	if (bytes_check(parse, text, len) != 0)
		return -EINVAL;
	len = comment_cut(text, len);
	while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(BLANKS, *text) != NULL) {
		text++;
		len--;
	}
	if (len + 3 > bytes) /* carriage return, newline and NUL: inih's allowance */
		return masq_err_set(parse->err, EINVAL,
				"the line is %zu characters long; accepted: %zu, and address may be given several times",
				len, bytes - 3);
	memcpy(buffer, text, len);
	buffer[len] = '\0';
	return 0;
}

static char *
line_next(char *buffer, int bytes, void *stream)
{
	struct parse *parse = stream;
	size_t len;

	if (parse->ret != 0)
		return NULL;
	if (!parse->settled) {
		masq_err_set(parse->err, EINVAL,
				"the line is neither [SECTION] nor KEY = VALUE nor a comment");
		fail(parse);
		return NULL;
	}
	if (parse->at >= parse->end)
		return NULL;
	if (line_cut(parse, buffer, (size_t)bytes) != 0 ||
			(buffer[0] == '[' && section_open(parse, buffer) != 0)) {
		fail(parse);
		return NULL;
	}
	len = strlen(buffer);
	parse->settled = buffer[0] == '\0' || strchr("[;#", buffer[0]) != NULL;
	memcpy(buffer + len, "\n", 2);
	return buffer;
}

/* inih's handler: @p section is inih's truncated copy; ours is in the parse. */
static int
key_take(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;
	int key = -EINVAL;

	(void)section;
	parse->settled = true;
	if (parse->section == MASQ_START_NONE)
		masq_err_set(parse->err, EINVAL, "key '%.64s' comes before any section", name);
	else
		key = masq_start_key_find(parse->start, parse->section, name, parse->err);
	if (key < 0) {
		fail(parse);
		return 0;
	}
	if (parse->key_line[key] != 0 && !masq_start_key_repeats((unsigned int)key)) {
		masq_err_set(parse->err, EINVAL, "key '%s' appears twice, first on line %d", name,
				parse->key_line[key]);
		fail(parse);
		return 0;
	}
	parse->key_line[key] = parse->line;
	if (masq_start_key_set(parse->start, (unsigned int)key, value, parse->err) != 0)
		fail(parse);
	masq_start_line_note(parse->start, parse->section, (unsigned int)key, parse->line);
	return parse->ret == 0;
}

/* ---------------------------------------------------------------- the whole file */

int
masq_conf_start_parse(const char *name, const char *text, size_t len_bytes,
		struct masq_conf_start *start, struct masq_err *err)
{
	static const char bom[] = { '\xef', '\xbb', '\xbf' };
	struct parse parse = {
		.start = start, .at = text, .end = text + len_bytes, .settled = true, .err = err
	};
	int bad_line;

	memset(start, 0, sizeof(*start));
	if (strlen(name) >= sizeof(start->file))
		return masq_err_set(err, ENAMETOOLONG,
				"%.64s...: the path is longer than %zu characters", name,
				sizeof(start->file) - 1);
	strcpy(start->file, name);
	if (len_bytes > FILE_BYTES_MAX)
		return masq_err_set(err, EFBIG, "%s: the file is larger than %d bytes", name,
				FILE_BYTES_MAX);
	if (len_bytes >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0)
		parse.at += sizeof(bom);
	masq_start_section_default(start, MASQ_START_DAEMON);
	masq_start_section_default(start, MASQ_START_TIMEOUTS);
	bad_line = ini_parse_stream(line_next, &parse, key_take, &parse);
	if (parse.ret != 0)
		return parse.ret;
	if (bad_line < 0)
		return masq_err_set(err, ENOMEM, "%s: no memory to read it", name);
	if (bad_line > 0)
		return masq_err_set(err, EINVAL, "%s:%d: the line cannot be read", name, bad_line);
	return masq_start_check(start, err);
}

/* @return bytes read, or -errno; -EFBIG: the file is longer than @p bytes */
static ssize_t
read_all(int fd, char *text, size_t bytes)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, text + len, bytes + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return (ssize_t)len;
		len += (size_t)n;
		if (len > bytes)
			return -EFBIG;
	}
}

static int
open_regular(const char *path, struct masq_err *err)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return masq_err_set(err, errno, "%.256s: %s", path, strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	if (S_ISDIR(status.st_mode))
		return masq_err_set(err, EISDIR, "%.256s: this is a directory, not a file", path);
	return masq_err_set(err, EINVAL, "%.256s: this is not a regular file", path);
}

int
masq_conf_start_read(const char *path, struct masq_conf_start *start, struct masq_err *err)
{
	int fd = open_regular(path, err), ret;
	ssize_t len;
	char *text;

	if (fd < 0)
		return fd;
	text = malloc(FILE_BYTES_MAX + 1);
	len = text != NULL ? read_all(fd, text, FILE_BYTES_MAX) : -ENOMEM;
	close(fd);
	if (len == -EFBIG)
		ret = masq_err_set(err, EFBIG, "%.256s: the file is larger than %d bytes", path,
				FILE_BYTES_MAX);
	else if (len < 0)
		ret = masq_err_set(err, (int)-len, "%.256s: %s", path, strerror((int)-len));
	else
		ret = masq_conf_start_parse(path, text, (size_t)len, start, err);
	free(text);
	return ret;
}
