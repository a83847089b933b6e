/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CLI_H
#define MASQ_CLI_H

/**
 * @file
 * What the files of the CLI share: the connection, the commands, names of hosts and services.
 */

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <masq_conf.h>
#include <masq_conf_command.h>
#include <masq_err.h>
#include <masq_rpc.h>
#include <masq_rpc_client.h>
#include <masq_rpc_codec.h>

enum cli_exit {
	CLI_DONE = 0,
	CLI_REFUSED = 1,
	CLI_USAGE = 2,
	CLI_NO_DAEMON = 3,
};

struct cli {
	const char *program; /**< name that precedes error sentences */
	const char *socket;
	bool json; /**< -j */
	unsigned int line; /**< line of the text being restored, for warnings; 0: none */
	FILE *out; /**< stdout, or a test's stream */
	struct masq_rpc_client *client; /**< opened by the first call */
};

/** Ctrl-C was pressed while the shell or top caught it: listings end with the current page. */
extern volatile sig_atomic_t cli_interrupted;

/** One command: words[0] is its name. @return exit code */
typedef int (*cli_command_fn)(struct cli *cli, const char *const *words, unsigned int n_words);

struct cli_command {
	const char *name;
	const char *forms; /**< what may follow the name, one form per line */
	const char *help; /**< one sentence */
	const char *examples; /**< example lines */
	cli_command_fn run;
};

/** @return all commands; @p n of them */
const struct cli_command *cli_commands(unsigned int *n);
const struct cli_command *cli_command_find(const char *name);

/** Run one line of words. @return exit code */
int cli_run(struct cli *cli, const char *const *words, unsigned int n_words);

/* ---------------------------------------------------------------- cli_call.c */

/** "PROGRAM: sentence" on stderr. @return @p code */
int cli_fail(const struct cli *cli, int code, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));

/** Report wrong words: the sentence, the forms of the command, where to find help. @return CLI_USAGE */
int cli_usage(const struct cli *cli, const char *command, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));

/**
 * Report a word that does not fit the command: the one at @p at, or that it is missing.
 *
 * @param accepted	what is accepted there
 * @return CLI_USAGE
 */
int cli_wrong_word(const struct cli *cli, const char *const *words, unsigned int n_words,
		unsigned int at, const char *accepted);

/**
 * Call the daemon; a failure is printed.
 *
 * @param params	stolen
 * @param result	out: for json_decref(); NULL on failure
 * @return exit code
 */
int cli_call(struct cli *cli, const char *method, json_t *params, json_t **result);

/** The same, but a failure is left to the caller. */
int cli_call_quiet(struct cli *cli, const char *method, json_t *params, json_t **result,
		struct masq_err *err);

/** Print a warning on stderr, whatever its source. */
void cli_warn(const struct cli *cli, const char *sentence);

/** Print the "warnings" of a result, if there are any. @param result	NULL: none */
void cli_warnings_print(const struct cli *cli, const json_t *result);

/** Call the daemon; print the result with -j, else nothing. @return exit code */
int cli_do(struct cli *cli, const char *method, json_t *params);

/** Print a document as -j shows it. */
void cli_print_json(struct cli *cli, const json_t *document);

/** Receives one row of a listing. */
typedef void (*cli_row_fn)(struct cli *cli, json_t *row, void *arg);

/**
 * Walk all pages of a listing: with -j the rows are printed as one JSON document, else each is
 * passed to @p row.
 *
 * @param params	stolen; NULL: none
 * @param key	of the list in the result
 * @return exit code
 */
int cli_list(struct cli *cli, const char *method, json_t *params, const char *key, cli_row_fn row,
		void *arg);

/**
 * Walk all slices of a text ("text", "cursor").
 *
 * @param out	output; with -j and cli->out as {"text": "..."}
 */
int cli_text(struct cli *cli, const char *method, json_t *params, FILE *out);

/**
 * Check that all output was written, and report it if not: a full disk must not look like success.
 *
 * @param code	exit code so far
 * @return @p code; CLI_REFUSED if it was CLI_DONE and output is lost (reported, unless to a closed
 *	pipe)
 */
int cli_output_end(const struct cli *cli, FILE *out, const char *name, int code);

/** Values of a row; missing: "" and 0. */
const char *cli_string(const json_t *row, const char *key);
uint64_t cli_number(const json_t *row, const char *key);
uint32_t cli_address(const json_t *row, const char *key);

/* ---------------------------------------------------------------- cli_change.c */

/**
 * Read the words of a family that lib/conf parses. @return CLI_DONE, or the exit code, failure
 * printed
 */
int cli_words_read(struct cli *cli, const char *const *words, unsigned int n_words,
		struct masq_conf_request *request);

/** Send the commands of a request one by one. @return exit code, failure printed */
int cli_change(struct cli *cli, const struct masq_conf_request *request);

/* ---------------------------------------------------------------- names */

#define CLI_NAME_BYTES 256

/** Name an address: host, else network, else dotted; dotted at once with @p numeric. */
const char *cli_host_name(uint32_t addr, bool numeric, char name[CLI_NAME_BYTES]);

/** Name a port: service of "tcp" or "udp"; with @p proto NULL or @p numeric its number. */
const char *
cli_service_name(uint16_t port, const char *proto, bool numeric, char name[CLI_NAME_BYTES]);

/** Name a protocol: as in /etc/protocols, else its number; "all". */
const char *cli_protocol_name(uint16_t proto, char name[CLI_NAME_BYTES]);

/** "1.5k", "20M": three digits and a unit of 1000. */
const char *cli_short_count(uint64_t count, char text[24]);

/** "3m20s", "2h", "15s" from milliseconds. */
const char *cli_duration(uint64_t ms, char text[24]);

/* ---------------------------------------------------------------- listings */

/** Options of an ipchains listing. */
struct cli_chain_style {
	bool numeric, verbose, exact, line_numbers;
};

/** One chain of "ipchains.list": title, column header, rules. */
void cli_chain_print(FILE *out, const struct cli_chain_style *style, const json_t *chain);

/** A rule on one line, as ipchains -v reports its changes. */
void cli_rule_line_print(FILE *out, const struct masq_conf_rule *rule);

/** The same rule as ipchains-save writes it, "-A chain ..." and newline. */
void cli_rule_save_print(FILE *out, const char *chain, const struct masq_conf_rule *rule);

void cli_portfw_header_print(FILE *out);
void cli_portfw_row_print(FILE *out, bool numeric, const json_t *row);

/** ipchains -M -L: the header is printed before the first row only. */
void cli_masq_header_print(FILE *out, bool verbose);
void cli_masq_row_print(FILE *out, bool numeric, bool verbose, const json_t *row);

void cli_session_header_print(FILE *out);
void cli_session_row_print(FILE *out, const json_t *row);

/* ---------------------------------------------------------------- families */

int cli_ipchains(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_portfw(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_session(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_port(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_route(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_neigh(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_timeout(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_stats(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_drops(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_top(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_save(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_load(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_check(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_proc(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_version(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_shutdown(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_help(struct cli *cli, const char *const *words, unsigned int n_words);

void cli_help_print(FILE *out);

/** Print the forms of a command, one per line, each preceded by the command's name. */
void cli_forms_print(FILE *out, const struct cli_command *command);

int cli_shell(struct cli *cli);

/* ---------------------------------------------------------------- tools of the time */

int cli_ipmasqadm(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_ipchains_save(struct cli *cli, const char *const *words, unsigned int n_words);
int cli_ipchains_restore(struct cli *cli, const char *const *words, unsigned int n_words);

void cli_ipchains_usage_print(FILE *out);
void cli_ipchains_icmp_print(FILE *out);
void cli_portfw_usage_print(FILE *out);

#endif /* MASQ_CLI_H */
