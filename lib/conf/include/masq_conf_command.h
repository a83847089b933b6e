/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_COMMAND_H
#define MASQ_CONF_COMMAND_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <masq_conf.h>
#include <masq_err.h>

/**
 * @file
 * The grammar: words -> struct masq_conf_command -> a changed model, and back to words.
 *
 * The same parser reads the words of a command line (dpdk-masq-cli, ipchains, ipmasqadm), of a rule
 * file and of "load"; the same printer writes rule files, so "save | load" is the identity. A
 * command is plain data that can also be sent as JSON (lib/rpc). Reading a command does not need a
 * model; applying it does.
 */

/** What a command does to the model. X(symbol, "family.verb" of the control socket) */
#define MASQ_CONF_VERB_LIST(X)                           \
	X(CHAIN_APPEND, "ipchains.append")               \
	X(CHAIN_INSERT, "ipchains.insert")               \
	X(CHAIN_REPLACE, "ipchains.replace")             \
	X(CHAIN_DELETE, "ipchains.delete")               \
	X(CHAIN_DELETE_NUMBER, "ipchains.delete_number") \
	X(CHAIN_FLUSH, "ipchains.flush")                 \
	X(CHAIN_NEW, "ipchains.new_chain")               \
	X(CHAIN_REMOVE, "ipchains.delete_chain")         \
	X(CHAIN_POLICY, "ipchains.policy")               \
	X(PORTFW_ADD, "portfw.add")                      \
	X(PORTFW_DELETE, "portfw.delete")                \
	X(PORTFW_FLUSH, "portfw.flush")                  \
	X(ROUTE_ADD, "route.add")                        \
	X(ROUTE_DELETE, "route.delete")                  \
	X(TIMEOUT_SET, "timeout.set")

enum masq_conf_verb {
#define MASQ_CONF_VERB_ENUM(symbol, method) MASQ_VERB_##symbol,
	MASQ_CONF_VERB_LIST(MASQ_CONF_VERB_ENUM)
#undef MASQ_CONF_VERB_ENUM
	MASQ_VERB_COUNT
};

/** One change of the model. Only the fields that the verb needs are meaningful. */
struct masq_conf_command {
	enum masq_conf_verb verb;
	char chain[MASQ_CONF_CHAIN_BYTES]; /**< CHAIN_*; empty with FLUSH and REMOVE: all */
	uint32_t number; /**< 1-based rule number: INSERT, REPLACE, DELETE_NUMBER */
	struct masq_conf_rule rule; /**< APPEND, INSERT, REPLACE, DELETE */
	enum masq_conf_target policy; /**< CHAIN_POLICY */
	struct masq_conf_portfw portfw; /**< PORTFW_ADD, PORTFW_DELETE; 0 fields are wildcards */
	struct masq_conf_route route; /**< ROUTE_* */
	struct masq_conf_timeouts timeouts; /**< TIMEOUT_SET: 0 = leave as it is */
};

/** @return the method name of a verb, "ipchains.append" ... */
const char *masq_conf_verb_method(enum masq_conf_verb verb);

/** @return the verb of a method name, or -1 */
int masq_conf_verb_find(const char *method);

#define MASQ_CONF_WARNINGS_MAX 16 /**< warnings that are kept; further ones are counted */

/** Commands that work but may be mistakes (a missing chain name, ...): sentences for their author. */
struct masq_conf_warnings {
	unsigned int n; /**< number of warnings; the first MASQ_CONF_WARNINGS_MAX are in text */
	struct masq_err text[MASQ_CONF_WARNINGS_MAX];
	unsigned int more_from, more_to; /**< lines that the others refer to; 0: none */
};

/** How words are read. */
struct masq_conf_reader {
	bool resolve_names; /**< host names may be looked up (may block for seconds); else refused */
	struct masq_conf_warnings *warnings; /**< out: warnings; NULL: not wanted */
	/** its ports are those that -i should name; NULL: not known */
	const struct masq_conf_start *start;
};

/** A line may give several commands: -b adds two rules, a host name may have several addresses. */
#define MASQ_CONF_COMMANDS_MAX 64

/** What a line of words asks for. Everything but CHANGE is a question that the CLI answers. */
enum masq_conf_ask {
	MASQ_ASK_CHANGE, /**< commands[] change the model */
	MASQ_ASK_HELP, /**< the usage text: -h, or portfw without a command; exit 0 */
	MASQ_ASK_HELP_ICMP, /**< ipchains -h icmp */
	MASQ_ASK_VERSION, /**< ipchains -V */
	MASQ_ASK_LIST, /**< ipchains -L [chain], portfw -l, route show, timeout show */
	MASQ_ASK_LIST_ZERO, /**< ipchains -L -Z: list and zero what was listed */
	MASQ_ASK_ZERO, /**< ipchains -Z [chain] */
	MASQ_ASK_CHECK, /**< ipchains -C: commands[].chain and .rule describe the packet */
	MASQ_ASK_MASQ_LIST, /**< ipchains -M -L */
};

/** A parsed line of words. */
struct masq_conf_request {
	enum masq_conf_ask ask;
	char chain[MASQ_CONF_CHAIN_BYTES]; /**< LIST, ZERO: this chain; empty: all */
	bool numeric; /**< -n */
	bool verbose; /**< -v */
	bool exact; /**< -x */
	bool line_numbers; /**< --line-numbers */
	bool no_warnings; /**< --no-warnings */
	struct masq_conf_command commands[MASQ_CONF_COMMANDS_MAX]; /**< CHANGE, CHECK */
	unsigned int n_commands;
};

/**
 * The failure after which portfw prints its usage text on stdout and ends with 0 (an unknown
 * option); the sentence belongs on stderr before it.
 */
#define MASQ_CONF_EUSAGE ENOMSG

/**
 * Read the words of one line: words[0] is "ipchains", "portfw", "route" or "timeout". The
 * compatible spellings, options and refusals are those of the reference, sections 2.1, 5.1 and 5.2,
 * with the changes of docs/differences-from-linux-2.2.rst.
 *
 * Exit codes of the original tools: a failure here is exit 2 (bad parameters) - ipchains adds its
 * "Try `ipchains -h' ..." line, portfw does not - except -MASQ_CONF_EUSAGE; a failure of
 * masq_conf_rules_apply() is exit 1 with the sentence alone.
 *
 * @param reader	how to read them
 * @param words	n_words NUL-terminated words
 * @param request	out: undefined on failure
 * @param err	out: the sentence, without program name
 * @return 0; -EINVAL; -MASQ_CONF_EUSAGE (portfw only)
 */
int masq_conf_words_read(const struct masq_conf_reader *reader, const char *const *words,
		unsigned int n_words, struct masq_conf_request *request, struct masq_err *err);

/**
 * The same for a line of a rule file, which must change the model; questions are refused.
 *
 * @param commands	out: capacity MASQ_CONF_COMMANDS_MAX
 * @param n_commands	out: 1..MASQ_CONF_COMMANDS_MAX; untouched on failure
 * @return 0, or -EINVAL
 */
int masq_conf_words_parse(const struct masq_conf_reader *reader, const char *const *words,
		unsigned int n_words, struct masq_conf_command *commands, unsigned int *n_commands,
		struct masq_err *err);

/**
 * Split one line into words: blanks separate, '#' at the start of a word begins a comment, single
 * and double quotes preserve blanks. No substitutions.
 *
 * @param line	in/out: words are cut out of it in place
 * @param words	out: capacity @p max
 * @return number of words, or -E2BIG (more than max) or -EINVAL (open quote)
 */
int masq_conf_line_split(char *line, char **words, unsigned int max);

/**
 * Apply one command to a model. All or nothing.
 *
 * @param rules	in/out: model; unchanged on failure
 * @param command	what to do
 * @param err	out: the original's text where it has one (reference 2.2, 5.3), else a sentence
 * @return 0; -ENOENT (no such chain or rule), -EEXIST, -EBUSY, -ENOTEMPTY, -EINVAL, -ENOMEM, -ESRCH,
 *	-ENOSPC (the model is full), -EOPNOTSUPP (REDIRECT)
 */
int masq_conf_rules_apply(struct masq_conf_rules *rules, const struct masq_conf_command *command,
		struct masq_err *err);

/** @return warning number @p index, or after the last kept one the number of others; NULL: no more */
const char *masq_conf_warning_text(const struct masq_conf_warnings *warnings, unsigned int index,
		char text[MASQ_ERR_TEXT_BYTES]);

/**
 * Read a whole rule file into a model: every line is a command as above; blank lines and # comments
 * are skipped. On failure the model is unchanged and err says "NAME:LINE: ..."; so do warnings.
 *
 * A rule file describes the whole rule set: chains, portfw, routes and timeouts start from empty
 * (rules_init, the model's default timeouts) and are replaced together. A rule whose content was in
 * the chain of the same name before keeps its id, and so its counters; a portfw rule of which only
 * the preference differs keeps its id too and counts one more edit.
 *
 * Checks that depend on the ports (can a gateway be reached?) are not made here. For the error
 * sentences of these checks, routes keep their line until masq_conf_rules_forget_lines().
 *
 * @param rules	in/out: model
 * @param reader	how words are read
 * @param name	file name for error sentences
 * @param text	not necessarily NUL-terminated
 * @return 0; -EINVAL for a fault in the text, -ENOMEM
 */
int masq_conf_rules_load(struct masq_conf_rules *rules, const struct masq_conf_reader *reader,
		const char *name, const char *text, size_t len_bytes, struct masq_err *err);

/** Clear the line numbers of routes, after their checks. */
void masq_conf_rules_forget_lines(struct masq_conf_rules *rules);

/**
 * Write a model as a rule file that masq_conf_rules_load() reads back to the same model.
 *
 * @return 0, or -EIO when the stream failed
 */
int masq_conf_rules_print(const struct masq_conf_rules *rules, FILE *out);

/** Write one command as one line of a rule file, newline included. @return 0, -EIO */
int masq_conf_command_print(const struct masq_conf_command *command, FILE *out);

#endif /* MASQ_CONF_COMMAND_H */
