/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prints reference tables of the documentation from the tables that the programs work with, as
 * reStructuredText definition lists on stdout. docs/conf.py runs it: "docgen KIND".
 */
#include <stdio.h>
#include <string.h>

#include <masq_conf.h>
#include <masq_dp.h>
#include <masq_drop.h>
#include <masq_rpc.h>

static void
print_drops(void)
{
	for (int i = MASQ_DROP_NONE + 1; i < MASQ_DROP_COUNT; i++)
		printf("``%s``\n   %s\n\n", masq_drop_name((enum masq_drop)i),
				masq_drop_text((enum masq_drop)i));
}

static void
print_keys(const char *section)
{
	const struct masq_conf_key *key;

	for (unsigned int i = 0; (key = masq_conf_start_key(i)) != NULL; i++) {
		if (strcmp(key->section, section) != 0)
			continue;
		printf("``%s``\n   %s Accepted: %s.", key->key, key->help, key->accepted);
		if (key->fallback[0] != '\0')
			printf(" Default: ``%s``.", key->fallback);
		printf("\n\n");
	}
}

static void
print_timeouts(void)
{
#define TIMEOUT(field, word, seconds) printf("``%s``\n   %d seconds\n\n", word, seconds);
	MASQ_CONF_TIMEOUT_LIST(TIMEOUT)
#undef TIMEOUT
}

static void
print_counters(void)
{
#define COUNTER(field, name, text) printf("``%s``\n   %s\n\n", name, text);
	MASQ_DP_COUNTER_LIST(COUNTER)
#undef COUNTER
}

static void
print_methods(void)
{
	size_t n_methods;
	const struct masq_rpc_method *methods = masq_rpc_methods(&n_methods);

	for (size_t i = 0; i < n_methods; i++)
		printf("``%s``\n   %s Parameters: %s.%s\n\n", methods[i].name, methods[i].help,
				methods[i].params[0] != '\0' ? methods[i].params : "none",
				methods[i].changes ? " Changes something." : "");
}

int
main(int argc, char **argv)
{
	const char *kind = argc == 2 ? argv[1] : "";

	if (strcmp(kind, "drops") == 0)
		print_drops();
	else if (strcmp(kind, "timeouts") == 0)
		print_timeouts();
	else if (strcmp(kind, "counters") == 0)
		print_counters();
	else if (strcmp(kind, "methods") == 0)
		print_methods();
	else if (strncmp(kind, "keys-", 5) == 0)
		print_keys(kind + 5);
	else
		return fprintf(stderr, "docgen: drops, timeouts, counters, methods, keys-SECTION\n"),
		       2;
	return 0;
}
