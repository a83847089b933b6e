/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of portfw.
 *
 * What it is. The options of ipmasqadm's portfw (reference 2.1): -a and -d with -P, -L, -R and -p,
 * -f to clear, -l to list, -n for no names, -h. -L and -R take two words, an address and a port.
 * Only the first letter of the protocol counts. Names are looked up only if no -n precedes them and
 * the reader allows it.
 *
 * Texts are the original's, followed by the offending word where it named none. Ports are read
 * strictly (the original took "80x" for 80 and cut 65616 to 80). -h, and a line without any
 * command, ask for the usage text; an unknown option does the same after its own sentence, hence
 * -MASQ_CONF_EUSAGE.
 *
 * A missing -R leaves zeros, the wildcards of reference 2.2.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "masq_conf_priv.h"

#define PREFERENCE_DEFAULT 10

static const struct masq_option portfw_options[] = {
	{ 'a', true, NULL, MASQ_ARG_NONE },
	{ 'd', true, NULL, MASQ_ARG_NONE },
	{ 'f', true, NULL, MASQ_ARG_NONE },
	{ 'l', true, NULL, MASQ_ARG_NONE },
	{ 'n', true, NULL, MASQ_ARG_NONE },
	{ 'P', true, NULL, MASQ_ARG_REQUIRED },
	{ 'R', true, NULL, MASQ_ARG_REQUIRED },
	{ 'L', true, NULL, MASQ_ARG_REQUIRED },
	{ 'p', true, NULL, MASQ_ARG_REQUIRED },
	{ 'h', true, NULL, MASQ_ARG_NONE },
};

#define N_OPTIONS (sizeof(portfw_options) / sizeof(portfw_options[0]))

struct parse {
	struct masq_words *words;
	struct masq_conf_request *request;
	struct masq_conf_portfw rule;
	int command; /* a, d, f, l, or 0 */
	bool has_local, has_remote;
	const char *stray; /* the first word that belongs to no option */
};

/* The two words after -L and -R. @p what begins the sentence of the original */
static int
endpoint_read(struct parse *parse, const char *host, uint32_t *addr, uint16_t *port,
		const char *what, struct masq_err *err)
{
	const bool may_resolve = parse->words->reader->resolve_names && !parse->request->numeric;
	const char *service = masq_words_peek(parse->words);
	uint32_t addresses[MASQ_CONF_HOST_ADDRESSES_MAX];
	unsigned int n;

	if (service == NULL)
		return masq_err_set(err, EINVAL, "%s: no port follows `%.64s'", what, host);
	if (masq_conf_host_find(host, may_resolve, addresses, &n, err) != 0) {
		masq_err_prefix(err, "%s: ", what);
		return -EINVAL;
	}
	masq_words_take(parse->words);
	if (masq_conf_service_find(service, "tcp", port) != 0 &&
			masq_conf_service_find(service, "udp", port) != 0)
		return masq_err_set(err, EINVAL,
				"%s: `%.64s' is neither a port (0-65535) nor a service", what,
				service);
	*addr = addresses[0];
	return 0;
}

static int
option_take(struct parse *parse, int letter, const char *value, struct masq_err *err)
{
	struct masq_conf_portfw *rule = &parse->rule;

	switch (letter) {
	case 'P':
		if (rule->proto != 0)
			return masq_err_set(err, EINVAL, "multiple protocols specified");
		if (value[0] != 't' && value[0] != 'u')
			return masq_err_set(err, EINVAL,
					"invalid protocol specified: `%.64s'; accepted: tcp, udp",
					value);
		rule->proto = value[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
		return 0;
	case 'L':
		if (parse->has_local)
			return masq_err_set(err, EINVAL, "multiple local address/port specified");
		parse->has_local = true;
		return endpoint_read(parse, value, &rule->laddr, &rule->lport,
				"illegal local address/port specified", err);
	case 'R':
		if (parse->has_remote)
			return masq_err_set(err, EINVAL, "multiple destinations specified");
		parse->has_remote = true;
		return endpoint_read(parse, value, &rule->raddr, &rule->rport,
				"illegal destination specified", err);
	case 'p':
		if (masq_conf_number(value, 1, INT32_MAX, &rule->pref) != 0)
			return masq_err_set(err, EINVAL,
					"illegal preference value specified: `%.64s'; accepted: 1-%d",
					value, INT32_MAX);
		return 0;
	case 'n':
		parse->request->numeric = true;
		return 0;
	default: /* a, d, f, l */
		if (parse->command != 0)
			return masq_err_set(err, EINVAL, "multiple commands specified");
		parse->command = letter;
		return 0;
	}
}

static int
finish(struct parse *parse, struct masq_err *err)
{
	static const enum masq_conf_verb verbs['f' + 1] = {
		['a'] = MASQ_VERB_PORTFW_ADD,
		['d'] = MASQ_VERB_PORTFW_DELETE,
		['f'] = MASQ_VERB_PORTFW_FLUSH,
	};
	const struct masq_conf_portfw *rule = &parse->rule;
	struct masq_conf_command *command;

	if (parse->command == 0) {
		parse->request->ask = MASQ_ASK_HELP;
		return 0;
	}
	if (parse->stray != NULL)
		return masq_err_set(err, EINVAL, "unknown arguments found on commandline: `%.64s'",
				parse->stray);
	if ((parse->command == 'a' || parse->command == 'd') &&
			(rule->proto == 0 || rule->lport == 0))
		return masq_err_set(err, EINVAL,
				"insufficient options specified; needed: -P, and -L with a port other than 0");
	if ((parse->command == 'f' || parse->command == 'l') &&
			(rule->proto != 0 || parse->has_local || parse->has_remote))
		return masq_err_set(err, EINVAL, "incompatible options specified");
	if (parse->command == 'l') {
		parse->request->ask = MASQ_ASK_LIST;
		return 0;
	}
	command = masq_conf_request_add(parse->request, verbs[parse->command], err);
	if (command == NULL)
		return -EINVAL;
	if (parse->command != 'f')
		command->portfw = *rule;
	return 0;
}

int
masq_conf_portfw_read(
		struct masq_words *words, struct masq_conf_request *request, struct masq_err *err)
{
	struct parse parse = { .words = words, .request = request };
	const char *value;
	int letter, ret;

	parse.rule.pref = PREFERENCE_DEFAULT;
	while ((letter = masq_option_next(words, portfw_options, N_OPTIONS, &value, err)) !=
			MASQ_OPTION_END) {
		if (letter < 0)
			return -MASQ_CONF_EUSAGE;
		if (letter == 'h') {
			request->ask = MASQ_ASK_HELP;
			return 0;
		}
		if (letter == MASQ_OPTION_WORD)
			parse.stray = parse.stray == NULL ? value : parse.stray;
		else if ((ret = option_take(&parse, letter, value, err)) != 0)
			return ret;
	}
	return finish(&parse, err);
}
