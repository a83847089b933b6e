/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The original tools that are no command family of their own: ipmasqadm, ipchains-save,
 * ipchains-restore (reference 2.1, 5.7).
 *
 * ipchains-save writes chains first, then rules in the fixed order of options that other programs
 * of the time rely on. ipchains-restore takes such a text line by line: a rule that is refused ends
 * it with exit 1, and the lines before it stay in force, as in the original ("load" is a
 * transaction).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf_names.h>

#include "cli.h"

#define WORDS_MAX 128

int
cli_ipmasqadm(struct cli *cli, const char *const *words, unsigned int n_words)
{
	if (n_words < 2) {
		fputs("usage: ipmasqadm MODULE [opts] \n", stderr);
		return 1;
	}
	if (strcmp(words[1], "portfw") == 0)
		return cli_portfw(cli, words + 1, n_words - 1);
	if (strcmp(words[1], "autofw") == 0 || strcmp(words[1], "mfw") == 0)
		return cli_fail(cli, CLI_REFUSED, "%s is not supported yet; accepted: portfw",
				words[1]);
	fprintf(stderr,
			"dlopen(): /usr/lib/ipmasqadm/%s.so: cannot open shared object file: No such "
			"file or directory\n",
			words[1]);
	return 1;
}

/* ---------------------------------------------------------------- save */

static void
print_end(FILE *out, char option, uint32_t addr, uint32_t mask, struct masq_conf_range range,
		uint8_t inverse)
{
	const bool is_source = option == 's';
	const bool not_range = (inverse & (is_source ? MASQ_INV_SPORT : MASQ_INV_DPORT)) != 0;
	char a[MASQ_IP4_TEXT_BYTES], m[MASQ_IP4_TEXT_BYTES];

	fprintf(out, " -%c %s%s/%s", option,
			(inverse & (is_source ? MASQ_INV_SRC : MASQ_INV_DST)) != 0 ? "! " : "",
			masq_ip4_text(addr, a), masq_ip4_text(mask, m));
	/* "! 0:65535" matches nothing; left out, it would match everything. */
	if (range.lo != 0 || range.hi != UINT16_MAX || not_range)
		fprintf(out, " %s%u:%u", not_range ? "! " : "", range.lo, range.hi);
}

static void
print_actions(FILE *out, const struct masq_conf_rule *rule)
{
	if (rule->tos_and != 0xff || rule->tos_xor != 0)
		fprintf(out, " -t 0x%02X 0x%02X", rule->tos_and, rule->tos_xor);
	if (rule->target == MASQ_TARGET_CHAIN)
		fprintf(out, " -j %s", rule->chain);
	else if (rule->target != MASQ_TARGET_NONE)
		fprintf(out, " -j %s", masq_conf_target_name(rule->target));
	if (rule->target == MASQ_TARGET_REDIRECT && rule->redirect_port != 0)
		fprintf(out, " %u", rule->redirect_port);
	if ((rule->flags & MASQ_RULE_LOG) != 0)
		fputs(" -l", out);
	if ((rule->flags & MASQ_RULE_SYN) != 0)
		fputs((rule->inverse & MASQ_INV_SYN) != 0 ? " ! -y" : " -y", out);
	if ((rule->flags & MASQ_RULE_FRAGMENT) != 0)
		fputs((rule->inverse & MASQ_INV_FRAGMENT) != 0 ? " ! -f" : " -f", out);
	if (!rule->has_mark)
		return;
	if ((rule->flags & MASQ_RULE_MARK_ABSOLUTE) != 0)
		fprintf(out, " -m %" PRIu32, rule->mark);
	else if (rule->mark > INT32_MAX)
		fprintf(out, " -m -%" PRIu32, (uint32_t)(0 - rule->mark));
	else
		fprintf(out, " -m +%" PRIu32, rule->mark);
}

void
cli_rule_save_print(FILE *out, const char *chain, const struct masq_conf_rule *rule)
{
	const bool prefix = (rule->flags & MASQ_RULE_IFACE_PREFIX) != 0;

	fprintf(out, "-A %s", chain);
	print_end(out, 's', rule->src, rule->src_mask, rule->sport, rule->inverse);
	print_end(out, 'd', rule->dst, rule->dst_mask, rule->dport, rule->inverse);
	if (rule->iface[0] != '\0' || prefix)
		fprintf(out, " -i %s%s%s", (rule->inverse & MASQ_INV_IFACE) != 0 ? "! " : "",
				rule->iface, prefix ? "+" : "");
	if (rule->proto != 0)
		fprintf(out, " -p %s%u", (rule->inverse & MASQ_INV_PROTO) != 0 ? "! " : "",
				rule->proto);
	print_actions(out, rule);
	if (rule->outsize != 0)
		fprintf(out, " -o %u", rule->outsize);
	fputc('\n', out);
}

struct save {
	const char *chain; /* NULL: all */
	bool verbose;
	bool rules; /* second pass: rules, not chains */
};

static void
save_chain(struct cli *cli, json_t *row, void *arg)
{
	const struct save *save = arg;
	const char *name = cli_string(row, "chain"), *policy = cli_string(row, "policy");
	json_t *one;
	size_t i;

	if (!save->rules) {
		if (cli_number(row, "first") <= 1)
			fprintf(cli->out, ":%s %s\n", name, policy[0] != '\0' ? policy : "-");
		return;
	}
	if (cli_number(row, "first") <= 1 && cli_number(row, "length") > 0)
		fprintf(stderr, "Saving `%s'.\n", name);
	json_array_foreach(json_object_get(row, "rules"), i, one)
	{
		struct masq_conf_rule rule;

		if (masq_rpc_rule_from_json(json_object_get(one, "rule"), &rule, NULL) != 0)
			continue;
		cli_rule_save_print(cli->out, name, &rule);
		if (save->verbose)
			cli_rule_save_print(stderr, name, &rule);
	}
}

static int
save_list(struct cli *cli, struct save *save)
{
	json_t *params = json_pack("{s:b}", "counters", 0);

	if (save->chain != NULL)
		json_object_set_new(params, "chain", json_string(save->chain));
	return cli_list(cli, "ipchains.list", params, "chains", save_chain, save);
}

int
cli_ipchains_save(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct save save = { 0 };
	unsigned int i = 1;
	int code;

	cli->json = false;
	if (i < n_words && strcmp(words[i], "-v") == 0) {
		save.verbose = true;
		i++;
	}
	if (i < n_words)
		save.chain = words[i++];
	if (i < n_words || (save.chain != NULL && save.chain[0] == '-')) {
		fputs("Usage: ipchains-save [-v] [chain]\n", stderr);
		return 1;
	}
	code = save_list(cli, &save);
	if (code != CLI_DONE)
		return code;
	save.rules = true;
	return save_list(cli, &save);
}

/* ---------------------------------------------------------------- restore */

struct restore {
	bool verbose, flush, make_chains;
};

static bool
is_builtin(const char *name)
{
	for (unsigned int i = 0; i < MASQ_CHAIN_BUILTINS; i++)
		if (strcmp(name, masq_conf_builtin_name((enum masq_conf_builtin)i)) == 0)
			return true;
	return false;
}

static bool
chain_exists(struct cli *cli, const char *name)
{
	struct masq_err err;
	json_t *result;
	const int code = cli_call_quiet(cli, "ipchains.list",
			json_pack("{s:s, s:b, s:i}", "chain", name, "counters", 0, "limit", 1),
			&result, &err);

	json_decref(result);
	return code == CLI_DONE;
}

static int
make_user_chain(struct cli *cli, const struct restore *restore, const char *name)
{
	const char *const create[] = { "ipchains", "-N", name };
	const char *const flush[] = { "ipchains", "-F", name };
	char answer[16] = "s";
	FILE *terminal;

	if (!chain_exists(cli, name)) {
		printf("Creating chain `%s'.\n", name);
		return cli_ipchains(cli, create, 3);
	}
	if (restore->flush) {
		printf("Flushing chain `%s'.\n", name);
		return cli_ipchains(cli, flush, 3);
	}
	terminal = fopen("/dev/tty", "r+e");
	printf("Chain `%s' already exists. Skip or flush? [S/f]? ", name);
	fflush(stdout);
	if (terminal == NULL || fgets(answer, sizeof(answer), terminal) == NULL)
		answer[0] = 's';
	if (terminal != NULL)
		fclose(terminal);
	if (answer[0] != 'f' && answer[0] != 'F') {
		printf("Skipping `%s'.\n", name);
		return CLI_DONE;
	}
	return cli_ipchains(cli, flush, 3);
}

/* Older ipchains-save wrote policies as the kernel's numbers. */
static const char *
policy_name(const char *word)
{
	static const char *const names[][2] = { { "-1", "REJECT" }, { "1", "DENY" },
		{ "2", "ACCEPT" }, { "3", "REDIRECT" }, { "4", "MASQ" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i][0]) == 0)
			return names[i][1];
	return word;
}

static int
restore_chain(struct cli *cli, const struct restore *restore, char **words, int n_words)
{
	const char *name = words[0] + 1;
	const char *set[] = { "ipchains", "-P", name, NULL };

	if (n_words != 2)
		return cli_fail(cli, CLI_REFUSED, "\"%s\": the line must be \":chain policy\"",
				words[0]);
	if (!is_builtin(name))
		return make_user_chain(cli, restore, name);
	set[3] = policy_name(words[1]);
	return cli_ipchains(cli, set, 4);
}

static int
restore_rule(struct cli *cli, const struct restore *restore, char **words, int n_words)
{
	const char *line[WORDS_MAX + 2] = { "ipchains" };

	for (int i = 0; i < n_words; i++) {
		const char *const create[] = { "ipchains", "-N", words[i] };

		line[i + 1] = words[i];
		/* -p: a target in lower case is a chain that may be missing */
		if (restore->make_chains && i > 0 && strcmp(words[i - 1], "-j") == 0 &&
				masq_conf_target_find(words[i]) < 0 &&
				!chain_exists(cli, words[i])) {
			printf("Creating chain `%s'.\n", words[i]);
			if (cli_ipchains(cli, create, 3) != CLI_DONE)
				return CLI_REFUSED;
		}
	}
	return cli_ipchains(cli, line, (unsigned int)n_words + 1);
}

static int
restore_line(struct cli *cli, const struct restore *restore, char *line)
{
	char *words[WORDS_MAX];
	int n;

	if (line[0] == '#')
		return CLI_DONE;
	if (restore->verbose)
		fprintf(stderr, "%s%s", line, strchr(line, '\n') != NULL ? "" : "\n");
	line[strcspn(line, "\n")] = '\0';
	n = masq_conf_line_split(line, words, WORDS_MAX);
	if (n < 0)
		return cli_fail(cli, CLI_REFUSED, "too many words or an unclosed quote on a line");
	if (n == 0)
		return CLI_DONE;
	return words[0][0] == ':' ? restore_chain(cli, restore, words, n)
				  : restore_rule(cli, restore, words, n);
}

int
cli_ipchains_restore(struct cli *cli, const char *const *words, unsigned int n_words)
{
	struct restore restore = { 0 };
	unsigned int number = 0;
	size_t size = 0;
	char *line = NULL;
	int code = CLI_DONE;

	cli->json = false;
	for (unsigned int i = 1; i < n_words; i++) {
		if (strcmp(words[i], "-v") == 0) {
			restore.verbose = true;
		} else if (strcmp(words[i], "-f") == 0) {
			restore.flush = true;
		} else if (strcmp(words[i], "-p") == 0) {
			restore.make_chains = true;
		} else {
			fputs("Usage: ipchains-restore [-v] [-f] [-p] < FILE\n", stderr);
			return 1;
		}
	}
	while (code == CLI_DONE && getline(&line, &size, stdin) > 0) {
		cli->line = ++number;
		code = restore_line(cli, &restore, line);
	}
	cli->line = 0;
	free(line);
	if (code == CLI_DONE || code == CLI_NO_DAEMON)
		return code;
	fprintf(stderr, "ipchains-restore: line %u was refused\n", number);
	return CLI_REFUSED;
}
