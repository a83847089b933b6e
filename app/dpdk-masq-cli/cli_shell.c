/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell: a line editor with history and completion around cli_run().
 *
 * Lines are split like those of a rule file. Completion knows the commands and the words of their
 * forms, both from the table of commands, and timeouts and files; nothing is listed twice in the
 * code. History is kept in ~/.dpdk-masq-history, written line by line, so a closed terminal loses
 * none; shells that run at the same time share it.
 *
 * Ctrl-C discards the line being typed, or ends the listing being printed; it does not end the
 * shell. Its handler only sets a flag: jumping out of the editor from there might leave a lock of
 * the C library held. While a line is edited, the signal is unblocked only while waiting for a key,
 * so it can be neither too early nor too late for that.
 */
#include <editline/readline.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <masq_conf_names.h>

#include "cli.h"

#define WORDS_MAX 128

static void
interrupt(int number)
{
	(void)number;
	cli_interrupted = 1;
}

/* The editor calls this for each key. @return -1: end of the line by Ctrl-C, or the terminal is gone */
static int
get_key(FILE *from)
{
	const int fd = fileno(from);
	unsigned char key;
	sigset_t mask;
	fd_set keys;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigdelset(&mask, SIGINT);
	while (!cli_interrupted) {
		FD_ZERO(&keys);
		FD_SET(fd, &keys);
		if (pselect(fd + 1, &keys, NULL, NULL, NULL, &mask) < 0) {
			if (errno != EINTR)
				return -1;
			continue;
		}
		return read(fd, &key, 1) == 1 ? key : -1;
	}
	return -1;
}

/* Find the command whose words are being typed; NULL: its name is being typed, or it is unknown.
 * @return true: it is the name */
static bool
command_at_cursor(const struct cli_command **command)
{
	const char *line = rl_line_buffer + strspn(rl_line_buffer, " \t");
	const size_t len = strcspn(line, " \t");
	char name[32];

	*command = NULL;
	if (line[len] == '\0')
		return true;
	if (len < sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)len, line);
		*command = cli_command_find(name);
	}
	return false;
}

/* Find the next word in the forms of a command that is typed literally; advance. @return NULL: none */
static const char *
next_word(const char **form, size_t *len)
{
	static const char between[] = " |\n[]";

	while (**form != '\0') {
		const char *at = *form + strspn(*form, between);

		*len = strcspn(at, between);
		*form = at + *len;
		/* Words in capitals are placeholders. */
		if ((*at >= 'a' && *at <= 'z') || *at == '-')
			return at;
	}
	return NULL;
}

/* Several forms contain "via"; offered twice, it would not be completed. */
static bool
is_first(const char *forms, const char *word, size_t word_len)
{
	const char *other;
	size_t len;

	while ((other = next_word(&forms, &len)) != word)
		if (len == word_len && strncmp(other, word, len) == 0)
			return false;
	return true;
}

/* Candidates for the word at the cursor: command names, or words of a command's forms; for help and
 * timeout the values of their placeholders. */
static char *
candidate(const char *text, int state)
{
	static unsigned int command, timeout;
	static bool names, timeouts;
	static const char *forms, *form;
	const size_t len = strlen(text);
	const struct masq_conf_timeout_name *timeout_names;
	const struct cli_command *list, *typed;
	unsigned int n, n_timeouts;
	const char *word;
	size_t word_len;

	if (state == 0) {
		command = timeout = 0;
		names = command_at_cursor(&typed) || (typed != NULL && typed->run == cli_help);
		timeouts = typed != NULL && typed->run == cli_timeout;
		form = forms = typed != NULL ? typed->forms : "";
	}
	list = cli_commands(&n);
	while (names && command < n) {
		word = list[command++].name;
		if (strncmp(word, text, len) == 0)
			return strdup(word);
	}
	while ((word = next_word(&form, &word_len)) != NULL)
		if (len <= word_len && strncmp(word, text, len) == 0 &&
				is_first(forms, word, word_len))
			return strndup(word, word_len);
	timeout_names = masq_conf_timeout_names(&n_timeouts);
	while (timeouts && timeout < n_timeouts) {
		word = timeout_names[timeout++].word;
		if (strncmp(word, text, len) == 0)
			return strdup(word);
	}
	return NULL;
}

static char **
complete(const char *text, int start, int end)
{
	const struct cli_command *command;

	(void)start;
	(void)end;
	command_at_cursor(&command);
	/* After our candidates the editor would offer file names. */
	rl_attempted_completion_over = command == NULL || strstr(command->forms, "FILE") == NULL;
	return rl_completion_matches(text, candidate);
}

static void
run_line(struct cli *cli, char *line)
{
	char *words[WORDS_MAX];
	const int n = masq_conf_line_split(line, words, WORDS_MAX);

	if (n == -E2BIG)
		cli_fail(cli, CLI_USAGE, "a line has at most %d words", WORDS_MAX);
	else if (n < 0)
		cli_fail(cli, CLI_USAGE, "a quote is not closed");
	else if (n > 0)
		cli_run(cli, (const char *const *)words, (unsigned int)n);
	fflush(cli->out);
}

/* @return a line for free(); NULL: the user quits */
static char *
read_line(void)
{
	sigset_t interrupts;
	char *line;

	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupts, NULL);
	do {
		cli_interrupted = 0;
		line = readline("masq> ");
		if (cli_interrupted)
			putchar('\n');
	} while (line == NULL && cli_interrupted);
	cli_interrupted = 0;
	sigprocmask(SIG_UNBLOCK, &interrupts, NULL);
	return line;
}

static void
remember(const char *line, const char *history)
{
	/* The file is rewritten as a whole, and other shells may have added lines since it was read. */
	if (history[0] != '\0' && access(history, R_OK) == 0) {
		clear_history();
		read_history(history);
	}
	add_history(line);
	if (history[0] != '\0')
		write_history(history);
}

int
cli_shell(struct cli *cli)
{
	const struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
	const char *home = getenv("HOME");
	char history[512] = "";
	char *line;

	rl_readline_name = "dpdk-masq-cli";
	rl_attempted_completion_function = complete;
	rl_getc_function = get_key;
	using_history();
	stifle_history(1000);
	if (home != NULL && home[0] != '\0') {
		snprintf(history, sizeof(history), "%s/.dpdk-masq-history", home);
		read_history(history);
	}
	sigaction(SIGINT, &action, NULL);
	puts("dpdk-masq-cli " MASQ_VERSION ": \"help\" lists the commands, ctrl-D leaves");
	while ((line = read_line()) != NULL) {
		const char *text = line + strspn(line, " \t");

		if (strcmp(text, "exit") == 0 || strcmp(text, "quit") == 0) {
			free(line);
			break;
		}
		if (*text != '\0')
			remember(line, history);
		run_line(cli, line);
		free(line);
	}
	return CLI_DONE;
}
