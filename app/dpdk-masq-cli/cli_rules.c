/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * save, load, check: rule files.
 *
 * The file is read and written here, with the rights of the user; the daemon gets the text. A file
 * is written next to its destination and then moved there. So a full disk, a daemon that stops half
 * way or a signal leaves the old file, and nothing beside it. The new file gets the mode and the
 * owner of the old one, and a symbolic link keeps pointing to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

#define FILE_BYTES_MAX (MASQ_RPC_FRAME_BYTES_MAX - 65536)
#define LINKS_MAX 40 /* as many links as the kernel follows */

/* ---------------------------------------------------------------- save */

/* The name that the link @p name points to. @return for free(); NULL: not a link, or no memory */
static char *
link_target(const char *name)
{
	const char *slash = strrchr(name, '/');
	const size_t folder = slash != NULL ? (size_t)(slash + 1 - name) : 0;
	char target[PATH_MAX];
	const ssize_t len = readlink(name, target, sizeof(target) - 1);
	char *path;

	if (len < 0)
		return NULL;
	target[len] = '\0';
	if (target[0] == '/')
		return strdup(target);
	path = malloc(folder + (size_t)len + 1);
	if (path == NULL)
		return NULL;
	memcpy(path, name, folder);
	strcpy(path + folder, target);
	return path;
}

/* The file that a link points to, whether it exists or not, or the name itself if it is not a link.
 * @return for free(); NULL: no memory, or a loop of links (errno) */
static char *
file_behind(const char *path)
{
	char *name = strdup(path), *target;

	for (unsigned int i = 0; name != NULL && i < LINKS_MAX; i++) {
		target = link_target(name);
		if (target == NULL && errno != ENOMEM)
			return name;
		free(name);
		name = target;
	}
	if (name != NULL)
		errno = ELOOP;
	free(name);
	return NULL;
}

/* Give the new file the mode and owner of the old one; if there is none, those of any new file. */
static int
take_rights(int fd, const char *path)
{
	const mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	if (stat(path, &st) != 0)
		return fchmod(fd, 0666 & ~mask);
	/* Only root may change the owner; a failure is ignored. */
	(void)!fchown(fd, st.st_uid, st.st_gid);
	return fchmod(fd, st.st_mode & 07777);
}

static char temporary[PATH_MAX]; /* the file being written */
static const int deadly[] = { SIGINT, SIGTERM, SIGHUP };
#define N_DEADLY (sizeof(deadly) / sizeof(deadly[0]))

/* The handler is already reset when this runs: the signal ends the program as soon as this returns. */
static void
remove_temporary(int number)
{
	unlink(temporary);
	raise(number);
}

/* Signals that would end the program also remove the unfinished file; those that are ignored
 * (nohup) or caught (Ctrl-C in the shell) are left alone. */
static void
guard(bool on)
{
	struct sigaction action = { .sa_flags = SA_RESETHAND }, before;

	action.sa_handler = on ? remove_temporary : SIG_DFL;
	for (size_t i = 0; i < N_DEADLY; i++)
		if (sigaction(deadly[i], NULL, &before) == 0 &&
				before.sa_handler == (on ? SIG_DFL : remove_temporary))
			sigaction(deadly[i], &action, NULL);
}

/* Write the rules into the temporary file, then move it to @p path. */
static int
save_moved(struct cli *cli, const char *path, FILE *out)
{
	const int fd = fileno(out);
	int code = cli_text(cli, "rules.save", NULL, out);

	code = cli_output_end(cli, out, path, code);
	/* A truncated listing is what the user asked for; a truncated rule file would look complete. */
	if (code == CLI_DONE && cli_interrupted)
		code = cli_fail(cli, CLI_REFUSED, "interrupted: %s is unchanged", path);
	if (code == CLI_DONE && (take_rights(fd, path) != 0 || fsync(fd) != 0))
		code = cli_fail(cli, CLI_REFUSED, "cannot write %s: %s", path, strerror(errno));
	fclose(out);
	if (code == CLI_DONE && rename(temporary, path) != 0)
		code = cli_fail(cli, CLI_REFUSED, "cannot write %s: %s", path, strerror(errno));
	if (code != CLI_DONE)
		unlink(temporary);
	return code;
}

/* The file itself may be writable; its folder does not permit creating another one. */
static int
cannot_make(const struct cli *cli, const char *path)
{
	const int fault = errno;
	const bool is_folder = access(path, W_OK) == 0;

	return cli_fail(cli, CLI_REFUSED, "cannot write %s: %s%s", path,
			is_folder ? "no file can be created beside it: " : "", strerror(fault));
}

static int
save_to(struct cli *cli, const char *path)
{
	const char *slash = strrchr(path, '/');
	const int folder = slash != NULL ? (int)(slash + 1 - path) : 0;
	FILE *out;
	int fd, code;

	/* A name of the maximum length is shortened for the suffix. */
	if (snprintf(temporary, sizeof(temporary), "%.*s%.*s.XXXXXX", folder, path,
			    NAME_MAX - (int)strlen(".XXXXXX"),
			    path + folder) >= (int)sizeof(temporary))
		return cli_fail(cli, CLI_REFUSED, "%s: %s", path, strerror(ENAMETOOLONG));
	guard(true);
	fd = mkstemp(temporary);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out != NULL)
		code = save_moved(cli, path, out);
	else
		code = cannot_make(cli, path);
	guard(false);
	return code;
}

/* A device or a pipe cannot be replaced by a file; write into it. */
static int
save_into(struct cli *cli, const char *path)
{
	FILE *out = fopen(path, "we");
	int code;

	if (out == NULL)
		return cli_fail(cli, CLI_REFUSED, "cannot write %s: %s", path, strerror(errno));
	code = cli_output_end(cli, out, path, cli_text(cli, "rules.save", NULL, out));
	if (code == CLI_DONE && cli_interrupted)
		code = cli_fail(cli, CLI_REFUSED, "interrupted: %s contains only part of the rules",
				path);
	fclose(out);
	return code;
}

int
cli_save(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct stat st;
	char *path;
	int code;

	if (n_words > 2 || (n_words == 2 && words[1][0] == '\0'))
		return cli_usage(cli, "save", "name one file, or none for standard output");
	if (n_words == 1 || strcmp(words[1], "-") == 0)
		return cli_text(cli, "rules.save", NULL, cli->out);
	if (words[1][0] == '-')
		return cli_usage(cli, "save", "a file called \"%.64s\" is written ./%.64s",
				words[1], words[1]);
	if (stat(words[1], &st) == 0 && !S_ISREG(st.st_mode))
		return save_into(cli, words[1]);
	path = file_behind(words[1]);
	if (path == NULL)
		return cli_fail(cli, CLI_REFUSED, "cannot write %s: %s", words[1], strerror(errno));
	code = save_to(cli, path);
	free(path);
	if (code == CLI_DONE && cli->json)
		fputs("{}\n", cli->out);
	return code;
}

/* ---------------------------------------------------------------- load and check */

/* Report the line of a text that cannot be sent as JSON. */
static void
say_bad_line(const struct cli *cli, const char *path, const char *text, size_t len)
{
	const char *end = text + len;
	unsigned int line = 1;
	json_t *good;

	for (;; line++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const size_t line_len = (size_t)((stop != NULL ? stop : end) - text);

		if (memchr(text, '\0', line_len) != NULL) {
			cli_fail(cli, CLI_REFUSED,
					"%s:%u: the line contains a NUL byte; is this a text file?",
					path, line);
			return;
		}
		good = json_stringn(text, line_len);
		json_decref(good);
		if (good == NULL || stop == NULL)
			break;
		text = stop + 1;
	}
	cli_fail(cli, CLI_REFUSED, "%s:%u: the line is not UTF-8 text", path, line);
}

/* Ctrl-C ends the wait for typed input: the shell's own handler would let the read continue.
 * @return bytes read; one more than the maximum if there are more */
static size_t
read_all(FILE *in, char *text)
{
	struct sigaction before, action;
	size_t len;

	sigaction(SIGINT, NULL, &before);
	action = before;
	action.sa_flags &= ~SA_RESTART;
	sigaction(SIGINT, &action, NULL);
	len = fread(text, 1, FILE_BYTES_MAX + 1, in);
	sigaction(SIGINT, &before, NULL);
	return len;
}

/* @return the file as a JSON string; NULL: reported on stderr */
static json_t *
read_file(struct cli *cli, const char *path)
{
	const bool typed = strcmp(path, "-") == 0;
	FILE *in = typed ? stdin : fopen(path, "re");
	char *text = malloc(FILE_BYTES_MAX + 1);
	json_t *string = NULL;
	size_t len = 0;

	if (in == NULL) {
		cli_fail(cli, CLI_REFUSED, "%s: %s", path, strerror(errno));
	} else if (text == NULL) {
		cli_fail(cli, CLI_REFUSED, "out of memory");
	} else {
		len = read_all(in, text);
		if (cli_interrupted)
			cli_fail(cli, CLI_REFUSED, "interrupted: the rules are unchanged");
		else if (ferror(in))
			cli_fail(cli, CLI_REFUSED, "%s: %s", path, strerror(errno));
		else if (len > FILE_BYTES_MAX)
			cli_fail(cli, CLI_REFUSED, "%s: a rule file has at most %u bytes", path,
					FILE_BYTES_MAX);
		else if (memchr(text, '\0', len) != NULL ||
				(string = json_stringn(text, len)) == NULL)
			say_bad_line(cli, path, text, len);
	}
	if (typed)
		clearerr(in);
	else if (in != NULL)
		fclose(in);
	free(text);
	return string;
}

static int
send_file(struct cli *cli, const char *method, const char *const *words, unsigned int n_words,
		json_t **result)
{
	json_t *text;
	int code;

	*result = NULL;
	if (n_words != 2 || words[1][0] == '\0')
		return cli_usage(cli, words[0], "name one file, or - for standard input");
	text = read_file(cli, words[1]);
	if (text == NULL)
		return CLI_REFUSED;
	code = cli_call(cli, method,
			json_pack("{s:o, s:o}", "text", text, "name", masq_rpc_text(words[1])),
			result);
	cli_warnings_print(cli, *result);
	return code;
}

int
cli_load(struct cli *cli, const char *const *words, unsigned int n_words)
{
	json_t *result;
	const int code = send_file(cli, "rules.load", words, n_words, &result);

	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	json_decref(result);
	return code;
}

int
cli_check(struct cli *cli, const char *const *words, unsigned int n_words)
{
	json_t *result;
	const int code = send_file(cli, "rules.check", words, n_words, &result);

	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	else if (code == CLI_DONE)
		fprintf(cli->out, "%s: %" PRIu64 " rule%s: fine\n", words[1],
				cli_number(result, "rules"),
				cli_number(result, "rules") == 1 ? "" : "s");
	json_decref(result);
	return code;
}
