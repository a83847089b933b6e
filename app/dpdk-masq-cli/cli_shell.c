/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell: a line editor with history and completion around cli_run().
 *
 * Lines are split like those of a rule file. Completion knows the commands and the verbs of their
 * forms, which stand in the table of commands; nothing is typed twice. History is kept in
 * ~/.dpdk-masq-history, line by line, so a terminal that is closed loses none.
 *
 * Ctrl-C throws away the line that is being typed, or ends the listing that is being printed; it
 * does not end the shell. Its handler only sets a flag: whoever jumped out of the editor from there
 * might take a lock of the C library along. While a line is edited the signal is let in only where a
 * key is waited for, so it can come neither too early nor too late for that.
 */
#include <editline/readline.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "cli.h"

#define WORDS_MAX 128

static void
interrupt(int number)
{
	(void)number;
	cli_interrupted = 1;
}

/* What the editor calls for each key. @return -1: the line ends here, by Ctrl-C or with the terminal */
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

/* Candidates for the word at the cursor: commands first, then what the forms of a command have. */
static char *
candidate(const char *text, int state)
{
	static unsigned int command;
	static const char *form;
	const size_t len = strlen(text);
	const char *space = strchr(rl_line_buffer, ' ');
	unsigned int n;
	const struct cli_command *list = cli_commands(&n);

	if (state == 0) {
		char name[32];

		command = 0;
		snprintf(name, sizeof(name), "%.*s",
				space != NULL ? (int)(space - rl_line_buffer) : 0, rl_line_buffer);
		list = space != NULL ? cli_command_find(name) : NULL;
		form = list != NULL ? list->forms : "";
		list = cli_commands(&n);
	}
	while (space == NULL && command < n) {
		const char *name = list[command++].name;

		if (strncmp(name, text, len) == 0)
			return strdup(name);
	}
	while (space != NULL && *form != '\0') {
		const size_t word = strcspn(form, " |\n");
		const char *at = form;

		form += word;
		form += strspn(form, " |\n");
		/* Lower-case words and options stand for themselves; capitals are place holders. */
		if (((*at >= 'a' && *at <= 'z') || *at == '-') && strncmp(at, text, len) == 0)
			return strndup(at, word);
	}
	return NULL;
}

static char **
complete(const char *text, int start, int end)
{
	(void)start;
	(void)end;
	rl_attempted_completion_over = 1;
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
		cli_fail(cli, CLI_USAGE, "a quote is open");
	else if (n > 0)
		cli_run(cli, (const char *const *)words, (unsigned int)n);
	fflush(cli->out);
}

/* @return a line for free(); NULL: the user leaves */
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
