/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Any text as a rule file. Whatever it holds, reading it must not crash, a refusal must say
 *	why, and a model that came of it must be printed as text that loads to the same print.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf.h>
#include <masq_conf_command.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEMAND(what)                                                      \
	do {                                                              \
		if (!(what)) {                                            \
			fprintf(stderr, "%d: not " #what "\n", __LINE__); \
			abort();                                          \
		}                                                         \
	} while (0)

static char *
rules_text(const struct masq_conf_rules *rules, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	DEMAND(out != NULL);
	DEMAND(masq_conf_rules_print(rules, out) == 0);
	DEMAND(fclose(out) == 0);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct masq_conf_reader reader;
	struct masq_conf_rules rules, again;
	struct masq_err err = { .text = "" };
	size_t len, len_again;
	char *text, *text_again;

	DEMAND(masq_conf_rules_init(&rules) == 0);
	DEMAND(masq_conf_rules_init(&again) == 0);
	if (masq_conf_rules_load(&rules, &reader, "fuzz", (const char *)data, size, &err) != 0)
		DEMAND(strncmp(err.text, "fuzz:", 5) == 0);
	text = rules_text(&rules, &len);
	DEMAND(masq_conf_rules_load(&again, &reader, "print", text, len, &err) == 0);
	text_again = rules_text(&again, &len_again);
	DEMAND(len == len_again && memcmp(text, text_again, len) == 0);
	free(text);
	free(text_again);
	masq_conf_rules_fini(&rules);
	masq_conf_rules_fini(&again);
	return 0;
}
