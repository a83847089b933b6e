/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changing the model: copy, change, put in force, swap.
 *
 * The data path never sees an incomplete change, and the model never differs from what is in force:
 * a change is made on a copy, the data path compiles and publishes the copy, and only then does the
 * copy become the model. On any failure the copy is discarded and nothing has changed.
 *
 * A worker that does not switch to the new configuration in time is not a failure: the copy is in
 * force and becomes the model. The client that asked for the change gets a warning, and so does the
 * log.
 *
 * A command costs a copy and a compilation of everything, which is fine for commands that a person
 * types; for many changes there are rule files (rules.load), which cost the same once.
 *
 * Control thread only.
 */
#include <errno.h>

#include <masq_log.h>

#include "masq_ctl_priv.h"

static int
copy_model(const struct masq_ctl *ctl, struct masq_conf_rules *copy, struct masq_err *err)
{
	if (masq_conf_rules_copy(copy, &ctl->rules) != 0)
		return masq_err_set(err, ENOMEM, "out of memory for the changed rules");
	return 0;
}

unsigned int
masq_ctl_model_count(const struct masq_conf_rules *rules)
{
	unsigned int n = rules->n_portfw + rules->n_routes;

	for (uint32_t i = 0; i < rules->n_chains; i++)
		n += rules->chains[i].n_rules;
	return n;
}

/* Read the lines of a rule file into a model and check its routes against the ports. */
int
masq_ctl_model_read(const struct masq_conf_start *start, struct masq_conf_rules *rules,
		const char *name, const char *text, size_t len_bytes,
		struct masq_conf_warnings *warnings, struct masq_err *err)
{
	/* Host names would block the control thread for as long as the resolver takes. */
	const struct masq_conf_reader reader = {
		.resolve_names = false, .warnings = warnings, .start = start
	};
	uint32_t culprit;
	int ret = masq_conf_rules_load(rules, &reader, name, text, len_bytes, err);

	if (ret != 0)
		return ret;
	ret = masq_fib_check(
			start->port, start->n_ports, rules->routes, rules->n_routes, &culprit, err);
	if (ret != 0 && culprit < rules->n_routes)
		masq_err_prefix(err, "%s:%u: ", name, rules->routes[culprit].line);
	else if (ret != 0)
		masq_err_prefix(err, "%s: ", start->file);
	masq_conf_rules_forget_lines(rules);
	return ret;
}

/* This warning takes the last place; the one that had it is only counted from now on. */
static void
warn(struct masq_conf_warnings *warnings, const struct masq_err *warning)
{
	const unsigned int last = MASQ_CONF_WARNINGS_MAX - 1;

	warnings->text[warnings->n < last ? warnings->n : last] = *warning;
	warnings->n++;
	masq_log(MASQ_LOG_WARNING, "rules", "%s", warning->text);
}

/* Make the copy the model, or discard it. */
static int
put_in_force(struct masq_ctl *ctl, struct masq_conf_rules *copy,
		struct masq_conf_warnings *warnings, struct masq_err *err)
{
	const int ret = masq_dp_publish(ctl->dp, copy, err);

	if (ret < 0) {
		masq_conf_rules_fini(copy);
		return ret;
	}
	if (ret == MASQ_DP_LATE)
		warn(warnings, err);
	masq_conf_rules_fini(&ctl->rules);
	ctl->rules = *copy;
	ctl->rules_log = masq_ctl_rules_log(&ctl->rules);
	ctl->generation++;
	return 0;
}

int
masq_ctl_model_apply(struct masq_ctl *ctl, const struct masq_conf_command *command,
		struct masq_conf_warnings *warnings, struct masq_err *err)
{
	struct masq_conf_rules copy;
	int ret = copy_model(ctl, &copy, err);

	if (ret != 0)
		return ret;
	ret = masq_conf_rules_apply(&copy, command, err);
	if (ret != 0) {
		masq_conf_rules_fini(&copy);
		return ret;
	}
	return put_in_force(ctl, &copy, warnings, err);
}

/* Say that the rules of a file cannot be put in force. Lack of memory is not blamed on the file. */
static int
blame(const char *name, int ret, struct masq_err *err)
{
	if (ret != -ENOMEM)
		masq_err_prefix(err, "%s: ", name);
	return ret;
}

int
masq_ctl_model_load(struct masq_ctl *ctl, const char *name, const char *text, size_t len_bytes,
		struct masq_conf_warnings *warnings, struct masq_err *err)
{
	struct masq_conf_rules copy;
	int ret = copy_model(ctl, &copy, err);

	if (ret != 0)
		return ret;
	ret = masq_ctl_model_read(ctl->start, &copy, name, text, len_bytes, warnings, err);
	if (ret != 0) {
		masq_conf_rules_fini(&copy);
		return ret;
	}
	ret = put_in_force(ctl, &copy, warnings, err);
	return ret != 0 ? blame(name, ret, err) : 0;
}

int
masq_ctl_model_check(struct masq_ctl *ctl, const char *name, const char *text, size_t len_bytes,
		unsigned int *n_rules, struct masq_conf_warnings *warnings, struct masq_err *err)
{
	struct masq_conf_rules copy;
	int ret = copy_model(ctl, &copy, err);

	if (ret != 0)
		return ret;
	ret = masq_ctl_model_read(ctl->start, &copy, name, text, len_bytes, warnings, err);
	if (ret == 0) {
		ret = masq_dp_check(ctl->dp, &copy, err);
		if (ret != 0)
			ret = blame(name, ret, err);
	}
	*n_rules = masq_ctl_model_count(&copy);
	masq_conf_rules_fini(&copy);
	return ret;
}
