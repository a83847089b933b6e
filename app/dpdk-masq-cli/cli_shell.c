/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shell: a line editor with history and completion around cli_run().
 *
 * Lines are split like those of a rule file. Completion knows the commands and the verbs of their
 * forms, which stand in the table of commands; nothing is typed twice. History is kept in
 * ~/.dpdk-masq-history, line by line, so a terminal that is closed loses none.
 *
 * Ctrl-C throws away the line that is being typed, or ends the listing that is being printed; it
 * does not end the shell.
 */
#include <editline/readline.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define WORDS_MAX 128

static sigjmp_buf new_line;
static volatile sig_atomic_t is_typing;

/* The line editor has no other way out of a line. */
static void
interrupt(int number)
{
	(void)number;
	if (is_typing)
		siglongjmp(new_line, 1);
	cli_interrupted = 1;
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
	char *line;

	if (sigsetjmp(new_line, 1) != 0)
		putchar('\n');
	is_typing = 1;
	line = readline("masq> ");
	is_typing = 0;
	cli_interrupted = 0;
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
