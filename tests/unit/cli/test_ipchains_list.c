/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Listings of ipchains, to the column: what the daemon sends -> the text of reference 5.6. Also the
 * one-line form of -v, and the lines of ipchains-save (5.7).
 */

#include "cli_fixture.h"

/* clang-format off */
#define HEADER "target     prot opt     source                destination           ports\n"
#define HEADER_V " pkts bytes target     prot opt    tosa tosx  ifname     mark       outsize  " \
	"source                destination           ports\n"
#define HEADER_VX "    pkts      bytes target     prot opt    tosa tosx  ifname     mark       " \
	"outsize  source                destination           ports\n"

#define ANY_V "0xFF 0x00  *                              "
#define NOWHERE "0.0.0.0/0            0.0.0.0/0           "

enum { N = 1, V = 2, X = 4, NUMBERS = 8 };

/* [style, rules of the chain "input", what stands below its title] */
static const struct {
	unsigned int style;
	const char *rules;
	const char *text;
} rows[] = {
	/* the samples of the reference */
	{ N, "[{'number': 1, 'rule': {'target': 'MASQ', 'protocol': 'tcp', 'source': '192.168.16.27/32',"
	     "  'source_ports': [80, 80]}},"
	     " {'number': 2, 'rule': {'source': '209.81.8.0/24'}},"
	     " {'number': 3, 'rule': {'target': 'REDIRECT', 'protocol': 'tcp', 'flags': ['log', 'syn'],"
	     "  'destination_ports': [80, 80], 'redirect_port': 3128}}]",
	  HEADER
	  "MASQ       tcp  ------  192.168.16.27        0.0.0.0/0             80 ->   *\n"
	  "-          all  ------  209.81.8.0/24        0.0.0.0/0             n/a\n"
	  "REDIRECT   tcp  -y--l-  0.0.0.0/0            0.0.0.0/0             * ->   80 => 3128\n" },
	{ N | V, "[{'number': 1, 'packets': 3, 'bytes': 180, 'rule': {'target': 'MASQ', 'protocol': 'tcp',"
	     "  'source': '192.168.16.27/32', 'source_ports': [80, 80]}},"
	     " {'number': 2, 'packets': 7, 'bytes': 420,"
	     "  'rule': {'source': '209.81.8.0/24', 'mark_set': 1}}]",
	  HEADER_V
	  "    3   180 MASQ       tcp  ------ 0xFF 0x00  *                              192.168.16.27        0.0.0.0/0             80 ->   *\n"
	  "    7   420 -          all  ------ 0xFF 0x00  *          0x1                   209.81.8.0/24        0.0.0.0/0             n/a\n" },
	/* a chain without rules has no column header */
	{ N, "[]", "" },
	{ N | V, "[]", "" },
	/* negations, each in its column; that of the destination moves the line */
	{ N, "[{'rule': {'target': 'DENY', 'protocol': 'tcp', 'not': ['protocol']}}]",
	  HEADER "DENY      !tcp  ------  " NOWHERE "  * ->   *\n" },
	{ N, "[{'rule': {'target': 'DENY', 'protocol': 'tcp', 'flags': ['syn'], 'not': ['syn']}}]",
	  HEADER "DENY       tcp  !y----  " NOWHERE "  * ->   *\n" },
	{ N, "[{'rule': {'target': 'DENY', 'flags': ['fragment']}},"
	     " {'rule': {'target': 'DENY', 'flags': ['fragment'], 'not': ['fragment']}}]",
	  HEADER "DENY       all  ---f--  " NOWHERE "  n/a\n"
		 "DENY       all  --!f--  " NOWHERE "  n/a\n" },
	{ N, "[{'rule': {'target': 'DENY', 'source': '10.0.0.0/8', 'not': ['source']}}]",
	  HEADER "DENY       all  ------ !10.0.0.0/8           0.0.0.0/0             n/a\n" },
	{ N, "[{'rule': {'target': 'DENY', 'destination': '10.0.0.0/8', 'not': ['destination']}}]",
	  HEADER "DENY       all  ------  0.0.0.0/0            !10.0.0.0/8            n/a\n" },
	{ N, "[{'rule': {'protocol': 'udp', 'source_ports': [53, 53], 'destination_ports': [1024, 65535],"
	     "  'not': ['source_ports', 'destination_ports']}}]",
	  HEADER "-          udp  ------  " NOWHERE " !53 ->  !1024:65535\n" },
	/* targets */
	{ N, "[{'rule': {'jump': 'mychain8', 'protocol': 'udp'}}, {'rule': {'target': 'RETURN'}}]",
	  HEADER "mychain8   udp  ------  " NOWHERE "  * ->   *\n"
		 "RETURN     all  ------  " NOWHERE "  n/a\n" },
	{ N, "[{'rule': {'target': 'REDIRECT', 'protocol': 'udp'}}]",
	  HEADER "REDIRECT   udp  ------  " NOWHERE "  * ->   * => *\n" },
	{ 0, "[{'rule': {'target': 'REDIRECT', 'protocol': 'udp'}}]",
	  HEADER "REDIRECT   udp  ------  anywhere             anywhere              any ->   any => any\n" },
	/* protocols have names even with -n; those without ports say n/a */
	{ N, "[{'rule': {'protocol': '47'}}, {'rule': {'protocol': '250'}}]",
	  HEADER "-          gre  ------  " NOWHERE "  n/a\n"
		 "-          250  ------  " NOWHERE "  n/a\n" },
	/* masks */
	{ N, "[{'rule': {'source': '10.1.2.3/32', 'destination': '10.0.5.0/255.0.255.0'}},"
	     " {'rule': {'source': '128.0.0.0/1', 'destination': '255.255.255.255/32'}}]",
	  HEADER "-          all  ------  10.1.2.3             10.0.5.0/255.0.255.0  n/a\n"
		 "-          all  ------  128.0.0.0/1          255.255.255.255       n/a\n" },
	/* names without -n: host, network, service of that protocol; else numbers */
	{ 0, "[{'rule': {'protocol': 'tcp', 'source': '192.168.16.27/32', 'source_ports': [80, 80]}},"
	     " {'rule': {'protocol': 'udp', 'source': '209.81.8.0/24', 'source_ports': [53, 80]}},"
	     " {'rule': {'protocol': 'udp', 'source': '209.81.9.0/24', 'source_ports': [80, 80]}}]",
	  HEADER "-          tcp  ------  www.inside           anywhere              www ->   any\n"
		 "-          udp  ------  branch/24            anywhere              domain:80 ->   any\n"
		 "-          udp  ------  209.81.9.0/24        anywhere              80 ->   any\n" },
	/* ICMP: names without -n, types and codes with it, and where nothing has a name */
	{ 0, "[{'rule': {'protocol': 'icmp', 'source_ports': [8, 8]}},"
	     " {'rule': {'protocol': 'icmp', 'source_ports': [3, 3], 'destination_ports': [4, 4]}},"
	     " {'rule': {'protocol': 'icmp', 'source_ports': [3, 3], 'destination_ports': [8, 8]}},"
	     " {'rule': {'protocol': 'icmp', 'source_ports': [3, 4]}},"
	     " {'rule': {'protocol': 'icmp', 'source_ports': [8, 8], 'not': ['source_ports']}},"
	     " {'rule': {'protocol': 'icmp'}}]",
	  HEADER "-          icmp ------  anywhere             anywhere              echo-request\n"
		 "-          icmp ------  anywhere             anywhere              fragmentation-needed\n"
		 "-          icmp ------  anywhere             anywhere              3 ->   8\n"
		 "-          icmp ------  anywhere             anywhere              3:4 ->   any\n"
		 "-          icmp ------  anywhere             anywhere             !8 ->   any\n"
		 "-          icmp ------  anywhere             anywhere              any ->   any\n" },
	{ N, "[{'rule': {'protocol': 'icmp', 'source_ports': [8, 8]}}]",
	  HEADER "-          icmp ------  " NOWHERE "  8 ->   *\n" },
	/* -v: interface, TOS, mark, outsize */
	{ N | V, "[{'rule': {'interface': 'wan'}}, {'rule': {'interface': 'ppp+', 'not': ['interface']}},"
	     " {'rule': {'tos_and': 1, 'tos_xor': 16, 'output_size': 65535}}]",
	  HEADER_V
	  "    0     0 -          all  ------ 0xFF 0x00  wan                            " NOWHERE "  n/a\n"
	  "    0     0 -          all  ------ 0xFF 0x00 !ppp+                           " NOWHERE "  n/a\n"
	  "    0     0 -          all  -----o 0x01 0x10  *                     65535    " NOWHERE "  n/a\n" },
	{ N | V, "[{'rule': {'mark_add': 4294967295, 'output_size': 64}}, {'rule': {'mark_add': 10}}]",
	  HEADER_V
	  "    0     0 -          all  -----o 0xFF 0x00  *          0xFFFFFFFF   64       " NOWHERE "  n/a\n"
	  "    0     0 -          all  ------ 0xFF 0x00  *          0xA                   " NOWHERE "  n/a\n" },
	{ V, "[{'rule': {}}]",
	  HEADER_V
	  "    0     0 -          all  ------ 0xFF 0x00  any                            "
	  "anywhere             anywhere              n/a\n" },
	/* counters: five digits, then thousands, rounded; -x: to the last digit */
	{ N | V, "[{'packets': 99999, 'bytes': 100000, 'rule': {}},"
	     " {'packets': 100499, 'bytes': 100500, 'rule': {}},"
	     " {'packets': 9999499, 'bytes': 9999500, 'rule': {}},"
	     " {'packets': 1000000000, 'bytes': 123456789012345, 'rule': {}}]",
	  HEADER_V
	  "99999  100K -          all  ------ " ANY_V NOWHERE "  n/a\n"
	  " 100K  101K -          all  ------ " ANY_V NOWHERE "  n/a\n"
	  "9999K   10M -          all  ------ " ANY_V NOWHERE "  n/a\n"
	  "1000M 123457G -          all  ------ " ANY_V NOWHERE "  n/a\n" },
	{ N | V | X, "[{'packets': 100000, 'bytes': 9223372036854775807, 'rule': {}},"
	     " {'packets': 1, 'bytes': 60, 'rule': {}}]",
	  HEADER_VX
	  "  100000 9223372036854775807 -          all  ------ " ANY_V NOWHERE "  n/a\n"
	  "       1         60 -          all  ------ " ANY_V NOWHERE "  n/a\n" },
	/* --line-numbers, before counters too */
	{ N | NUMBERS, "[{'number': 1, 'rule': {}}, {'number': 65536, 'rule': {}}]",
	  "num  " HEADER
	  "1    -          all  ------  " NOWHERE "  n/a\n"
	  "65536 -          all  ------  " NOWHERE "  n/a\n" },
	{ N | V | NUMBERS, "[{'number': 12, 'packets': 1, 'bytes': 2, 'rule': {}}]",
	  "num  " HEADER_V
	  "12       1     2 -          all  ------ " ANY_V NOWHERE "  n/a\n" },
};

/* clang-format on */

static char *
chain_text(unsigned int style, const json_t *chain)
{
	const struct cli_chain_style s = {
		.numeric = (style & N) != 0,
		.verbose = (style & V) != 0,
		.exact = (style & X) != 0,
		.line_numbers = (style & NUMBERS) != 0,
	};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cli_chain_print(out, &s, chain);
	fclose(out);
	return text;
}

static void
rules_are_listed_to_the_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		json_t *rules = json_of(rows[i].rules);
		json_t *chain = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "chain",
				"input", "policy", "ACCEPT", "packets", 0, "bytes", 0, "references",
				0, "first", 1, "length", (int)json_array_size(rules), "rules",
				rules);
		char *text = chain_text(rows[i].style, chain);
		const char *body = strchr(text, '\n') + 1;

		if (strcmp(body, rows[i].text) != 0)
			fail_msg("row %zu\nwanted:\n%sbut was:\n%s", i, rows[i].text, body);
		free(text);
		json_decref(chain);
	}
}

/* clang-format off */
static const struct {
	unsigned int style;
	const char *chain;
	const char *title;
} titles[] = {
	{ 0, "{'chain': 'input', 'policy': 'ACCEPT', 'packets': 10, 'bytes': 840, 'references': 0,"
	     " 'first': 1, 'length': 0, 'rules': []}",
	  "Chain input (policy ACCEPT):\n" },
	{ V, "{'chain': 'input', 'policy': 'ACCEPT', 'packets': 10, 'bytes': 840, 'references': 0,"
	     " 'first': 1, 'length': 0, 'rules': []}",
	  "Chain input (policy ACCEPT: 10 packets, 840 bytes):\n" },
	{ N | V, "{'chain': 'forward', 'policy': 'MASQ', 'packets': 1234567, 'bytes': 987654321012,"
	     " 'references': 1, 'first': 1, 'length': 0, 'rules': []}",
	  "Chain forward (policy MASQ: 1234567 packets, 987654321012 bytes):\n" },
	{ 0, "{'chain': 'mine', 'references': 2, 'first': 1, 'length': 0, 'rules': []}",
	  "Chain mine (2 references):\n" },
	{ V, "{'chain': 'mine', 'references': 0, 'first': 1, 'length': 0, 'rules': []}",
	  "Chain mine (0 references):\n" },
	/* the rest of a chain that began on the page before */
	{ N, "{'chain': 'mine', 'references': 0, 'first': 2, 'length': 2, 'rules':"
	     " [{'number': 2, 'rule': {'target': 'DENY'}}]}",
	  "DENY       all  ------  " NOWHERE "  n/a\n" },
};

/* clang-format on */

static void
a_chain_has_one_title(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(titles); i++) {
		json_t *chain = json_of(titles[i].chain);
		char *text = chain_text(titles[i].style, chain);

		assert_string_equal(text, titles[i].title);
		free(text);
		json_decref(chain);
	}
}

/* ---------------------------------------------------------------- one rule, two more forms */

/* clang-format off */
static const struct {
	const char *rule;
	const char *line; /* -v on -A -I -D -R */
	const char *save; /* ipchains-save, chain "forward" */
} forms[] = {
	{ "{'target': 'MASQ', 'protocol': 'tcp', 'source': '192.168.16.27/32', 'source_ports': [80, 80]}",
	  "MASQ  tcp opt    ------ tos 0xFF 0x00  via *    192.168.16.27 -> 0.0.0.0/0    80 ->   *\n",
	  "-A forward -s 192.168.16.27/255.255.255.255 80:80 -d 0.0.0.0/0.0.0.0 -p 6 -j MASQ\n" },
	{ "{}",
	  "-  all opt    ------ tos 0xFF 0x00  via *    0.0.0.0/0 -> 0.0.0.0/0    n/a\n",
	  "-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0\n" },
	{ "{'source': '209.81.8.0/24', 'mark_set': 1, 'output_size': 128}",
	  "-  all opt    -----o tos 0xFF 0x00  via * mark 0x1 outsize 128    209.81.8.0/24 -> "
	  "0.0.0.0/0    n/a\n",
	  "-A forward -s 209.81.8.0/255.255.255.0 -d 0.0.0.0/0.0.0.0 -m 1 -o 128\n" },
	{ "{'jump': 'mine', 'protocol': 'udp', 'source': '10.0.0.0/8', 'source_ports': [0, 1023],"
	  " 'destination': '10.0.5.0/255.0.255.0', 'destination_ports': [53, 53], 'interface': 'ppp+',"
	  " 'not': ['source', 'destination', 'source_ports', 'destination_ports', 'interface'],"
	  " 'flags': ['log']}",
	  "mine  udp opt    ----l- tos 0xFF 0x00 !via ppp+   !10.0.0.0/8 -> !10.0.5.0/255.0.255.0   "
	  "!0:1023 ->  !53\n",
	  "-A forward -s ! 10.0.0.0/255.0.0.0 ! 0:1023 -d ! 10.0.5.0/255.0.255.0 ! 53:53 -i ! ppp+"
	  " -p 17 -j mine -l\n" },
	{ "{'target': 'DENY', 'protocol': '47', 'interface': 'wan', 'not': ['protocol']}",
	  "DENY !gre opt    ------ tos 0xFF 0x00  via wan    0.0.0.0/0 -> 0.0.0.0/0    n/a\n",
	  "-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -i wan -p ! 47 -j DENY\n" },
	{ "{'target': 'REDIRECT', 'protocol': 'tcp', 'redirect_port': 3128, 'flags': ['syn'],"
	  " 'tos_and': 1, 'tos_xor': 16}",
	  "REDIRECT  tcp opt    -y---- tos 0x01 0x10  via *    0.0.0.0/0 -> 0.0.0.0/0    "
	  "* ->   * => 3128\n",
	  "-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -p 6 -t 0x01 0x10 -j REDIRECT 3128 -y\n" },
	{ "{'target': 'DENY', 'protocol': 'tcp', 'flags': ['syn'], 'not': ['syn'], 'mark_add': 2}",
	  "DENY  tcp opt    !y---- tos 0xFF 0x00  via * mark 0x2    0.0.0.0/0 -> 0.0.0.0/0    "
	  "* ->   *\n",
	  "-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -p 6 -j DENY ! -y -m +2\n" },
	{ "{'target': 'DENY', 'flags': ['fragment'], 'not': ['fragment'], 'mark_add': 4294967293}",
	  "DENY  all opt    --!f-- tos 0xFF 0x00  via * mark 0xFFFFFFFD    0.0.0.0/0 -> 0.0.0.0/0    "
	  "n/a\n",
	  "-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -j DENY ! -f -m -3\n" },
};

/* clang-format on */

static void
a_rule_is_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(forms); i++) {
		json_t *json = json_of(forms[i].rule);
		struct masq_conf_rule rule;
		char *line, *save;
		size_t size;
		FILE *out;

		assert_int_equal(masq_rpc_rule_from_json(json, &rule, NULL), 0);
		out = open_memstream(&line, &size);
		cli_rule_line_print(out, &rule);
		fclose(out);
		out = open_memstream(&save, &size);
		cli_rule_save_print(out, "forward", &rule);
		fclose(out);
		assert_string_equal(line, forms[i].line);
		assert_string_equal(save, forms[i].save);
		free(line);
		free(save);
		json_decref(json);
	}
}

/* What is saved is what is read back: the words give the same rule. */
static void
a_saved_rule_reads_back(void **state)
{
	const struct masq_conf_reader reader = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(forms); i++) {
		struct masq_conf_command commands[MASQ_CONF_COMMANDS_MAX];
		char line[512], *words[64];
		struct masq_err err = { "" };
		json_t *json, *again;
		unsigned int n;
		int n_words;

		if (strstr(forms[i].save, "REDIRECT") != NULL)
			continue; /* lib/conf refuses it today */
		snprintf(line, sizeof(line), "ipchains %s", forms[i].save);
		line[strcspn(line, "\n")] = '\0';
		n_words = masq_conf_line_split(line, words, LENGTH(words));
		if (masq_conf_words_parse(&reader, (const char *const *)words,
				    (unsigned int)n_words, commands, &n, &err) != 0)
			fail_msg("%s%s", forms[i].save, err.text);
		json = json_of(forms[i].rule);
		again = masq_rpc_rule_to_json(&commands[0].rule);
		if (!json_equal(json, again))
			fail_msg("%sreads back as %s", forms[i].save, json_dumps(again, 0));
		json_decref(json);
		json_decref(again);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_listed_to_the_column),
		cmocka_unit_test(a_chain_has_one_title),
		cmocka_unit_test(a_rule_is_one_line),
		cmocka_unit_test(a_saved_rule_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
