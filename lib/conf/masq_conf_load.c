/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole rule file, as one transaction.
 *
 * What it is. Every line of the file is a command; they are applied, one by one, to a fresh model.
 * If all of them succeed, the fresh model replaces the old one; if one fails, the fresh model is
 * discarded and the sentence names file and line. So a reader of the model sees the old rules or
 * the new ones, never a mixture.
 *
 * Ids. The fresh model continues the count of ids where the old one ended, so no id is ever used
 * twice. When all lines are read, rules whose content was in the chain of the same name before get
 * their old id back, and with it their counters: each old rule once, equal rules in their order.
 * The search sorts the old rules by content, so a long file costs n log n. The policies of the
 * built-in chains have the same ids in every model. A portfw rule is the same if all but its
 * preference is equal; another preference is an edit, as if the change had been typed as a command.
 *
 * Threads. The control thread; may block only if the reader resolves names.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "masq_conf_priv.h"

#define LINE_BYTES 4096
#define WORDS_MAX 128

/* ---------------------------------------------------------------- ids */

/* An old rule; the first of a run of equal ones counts how many of them have passed on their id. */
struct old_rule {
	const struct masq_conf_rule *rule;
	uint32_t at; /* place in its chain: keeps equal rules in order */
	uint32_t taken;
};

static int
old_rule_compare(const void *a, const void *b)
{
	const struct old_rule *one = a, *other = b;
	int order = masq_conf_rule_compare(one->rule, other->rule, true);

	if (order != 0)
		return order;
	return one->at < other->at ? -1 : one->at > other->at;
}

/* Find and consume the next old rule with the content of @p rule. @return it, or NULL */
static const struct masq_conf_rule *
old_rule_take(struct old_rule *old, uint32_t n, const struct masq_conf_rule *rule)
{
	uint32_t low = 0, high = n, next;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (masq_conf_rule_compare(old[middle].rule, rule, true) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n)
		return NULL;
	next = low + old[low].taken;
	if (next >= n || masq_conf_rule_compare(old[next].rule, rule, true) != 0)
		return NULL;
	old[low].taken++;
	return old[next].rule;
}

static int
chain_ids_keep(struct masq_conf_chain *fresh, const struct masq_conf_chain *before)
{
	const struct masq_conf_rule *same;
	struct old_rule *old;

	if (before->n_rules == 0 || fresh->n_rules == 0)
		return 0;
	old = calloc(before->n_rules, sizeof(*old));
	if (old == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < before->n_rules; i++)
		old[i] = (struct old_rule){ .rule = &before->rules[i], .at = i };
	qsort(old, before->n_rules, sizeof(*old), old_rule_compare);
	for (uint32_t i = 0; i < fresh->n_rules; i++) {
		same = old_rule_take(old, before->n_rules, &fresh->rules[i]);
		if (same != NULL)
			fresh->rules[i].id = same->id;
	}
	free(old);
	return 0;
}

static void
portfw_ids_keep(struct masq_conf_rules *fresh, const struct masq_conf_rules *before)
{
	for (uint32_t i = 0; i < fresh->n_portfw; i++) {
		struct masq_conf_portfw *rule = &fresh->portfw[i];

		for (uint32_t k = 0; k < before->n_portfw; k++) {
			const struct masq_conf_portfw *old = &before->portfw[k];

			if (old->proto != rule->proto || old->lport != rule->lport ||
					old->laddr != rule->laddr || old->raddr != rule->raddr ||
					old->rport != rule->rport)
				continue;
			rule->id = old->id;
			rule->edit = old->edit + (old->pref != rule->pref);
			break;
		}
	}
}

static int
ids_keep(struct masq_conf_rules *fresh, const struct masq_conf_rules *before)
{
	for (uint32_t i = 0; i < fresh->n_chains; i++) {
		int index = masq_conf_chain_find(before, fresh->chains[i].name);

		if (index >= 0 && chain_ids_keep(&fresh->chains[i], &before->chains[index]) != 0)
			return -ENOMEM;
	}
	portfw_ids_keep(fresh, before);
	return 0;
}

/* ---------------------------------------------------------------- lines */

/* Many sentences of the original do not say what is wrong ("No target by that name", "illegal
 * preference value specified"); the words of the line do. */
static void
add_words(struct masq_err *err, char *const *words, int n)
{
	for (int i = 0; err != NULL && i < n; i++) {
		size_t used = strlen(err->text);

		snprintf(err->text + used, sizeof(err->text) - used, "%s%s%s",
				i == 0 ? " (in: " : " ", words[i], i == n - 1 ? ")" : "");
	}
}

static void
portfw_warn(const struct masq_conf_reader *reader, const struct masq_conf_rules *rules,
		const struct masq_conf_command *command)
{
	struct masq_err err;

	if (reader->start != NULL && command->verb == MASQ_VERB_PORTFW_ADD &&
			masq_conf_portfw_find(reader->start, rules, &command->portfw, &err) != 0)
		masq_conf_warn(reader, "%s", err.text);
}

/* @param blank	out: false if the line has a command */
static int
line_apply(struct masq_conf_rules *rules, const struct masq_conf_reader *reader, char *line,
		bool *blank, struct masq_err *err)
{
	struct masq_conf_command commands[MASQ_CONF_COMMANDS_MAX];
	char *words[WORDS_MAX];
	unsigned int n_commands;
	int n = masq_conf_line_split(line, words, WORDS_MAX), ret;

	if (n == 0)
		return 0;
	*blank = false;
	if (n == -E2BIG)
		return masq_err_set(err, EINVAL, "more than %d words on one line", WORDS_MAX);
	if (n < 0)
		return masq_err_set(err, EINVAL, "a quote is not closed");
	ret = masq_conf_words_parse(reader, (const char *const *)words, (unsigned int)n, commands,
			&n_commands, err);
	for (unsigned int i = 0; ret == 0 && i < n_commands; i++) {
		ret = masq_conf_rules_apply(rules, &commands[i], err);
		if (ret == 0)
			portfw_warn(reader, rules, &commands[i]);
	}
	if (ret != 0)
		add_words(err, words, n);
	return ret == 0 || ret == -ENOMEM ? ret : -EINVAL;
}

/* Routes that have no line yet come from this line. */
static void
routes_note(struct masq_conf_rules *rules, uint32_t line)
{
	for (uint32_t i = rules->n_routes; i-- > 0 && rules->routes[i].line == 0;)
		rules->routes[i].line = line;
}

void
masq_conf_rules_forget_lines(struct masq_conf_rules *rules)
{
	for (uint32_t i = 0; i < rules->n_routes; i++)
		rules->routes[i].line = 0;
}

static unsigned int
warnings_count(const struct masq_conf_reader *reader)
{
	return reader->warnings != NULL ? reader->warnings->n : 0;
}

/* Warnings from number @p first on come from this line. */
static void
warnings_note(const struct masq_conf_reader *reader, unsigned int first, const char *name,
		unsigned int line)
{
	for (unsigned int i = first; i < warnings_count(reader) && i < MASQ_CONF_WARNINGS_MAX; i++)
		masq_err_prefix(&reader->warnings->text[i], "%s:%u: ", name, line);
	if (warnings_count(reader) > MASQ_CONF_WARNINGS_MAX && warnings_count(reader) > first) {
		if (reader->warnings->more_from == 0)
			reader->warnings->more_from = line;
		reader->warnings->more_to = line;
	}
}

static int
text_apply(struct masq_conf_rules *rules, const struct masq_conf_reader *reader, const char *name,
		const char *text, size_t len_bytes, struct masq_err *err)
{
	static const char bom[] = { '\xef', '\xbb', '\xbf' };
	const char *end = text + len_bytes;
	unsigned int number = 0;
	char line[LINE_BYTES];
	bool blank = true;
	int ret = 0;

	if (len_bytes >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0)
		text += sizeof(bom);
	while (text < end && ret == 0) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop != NULL ? stop : end) - text);

		number++;
		if (len >= sizeof(line)) {
			ret = masq_err_set(err, EINVAL, "the line is longer than %d bytes",
					LINE_BYTES - 1);
		} else if (memchr(text, '\0', len) != NULL) {
			ret = masq_err_set(err, EINVAL,
					"the line contains a NUL byte; is this a text file?");
		} else {
			const unsigned int n_warnings = warnings_count(reader);

			memcpy(line, text, len);
			line[len] = '\0';
			ret = line_apply(rules, reader, line, &blank, err);
			routes_note(rules, number);
			warnings_note(reader, n_warnings, name, number);
		}
		text += len + (stop != NULL);
	}
	if (ret != 0)
		masq_err_prefix(err, "%s:%u: ", name, number);
	else if (blank)
		masq_conf_warn(reader,
				"%s contains no command: all chains are empty and accept everything",
				name);
	return ret;
}

int
masq_conf_rules_load(struct masq_conf_rules *rules, const struct masq_conf_reader *reader,
		const char *name, const char *text, size_t len_bytes, struct masq_err *err)
{
	struct masq_conf_rules fresh;
	int ret;

	if (masq_conf_rules_init(&fresh) != 0)
		return masq_err_set(err, ENOMEM, "no memory for the rules of %s", name);
	fresh.next_id = rules->next_id;
	masq_conf_rules_defaults(&fresh, &rules->default_timeouts);
	ret = text_apply(&fresh, reader, name, text, len_bytes, err);
	if (ret == 0 && ids_keep(&fresh, rules) != 0)
		ret = masq_err_set(err, ENOMEM, "no memory for the rules of %s", name);
	if (ret != 0) {
		masq_conf_rules_fini(&fresh);
		return ret;
	}
	masq_conf_rules_fini(rules);
	*rules = fresh;
	return 0;
}
