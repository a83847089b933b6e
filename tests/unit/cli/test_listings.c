/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Listings to the column: rows as the daemon sends them, and the lines as the reference shows them
 * (1.14, 2.4, 5.6, 5.7). Expected lines are typed from there.
 */

#include <cli.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_BYTES 4096

static json_t *
parsed(const char *text)
{
	json_error_t why;
	json_t *json = json_loads(text, 0, &why);

	if (json == NULL)
		fail_msg("%s in %s", why.text, text);
	return json;
}

static struct masq_conf_rule
rule_of(const char *text)
{
	struct masq_err err = { "" };
	struct masq_conf_rule rule;
	json_t *json = parsed(text);

	if (masq_rpc_rule_from_json(json, &rule, &err) != 0)
		fail_msg("%s in %s", err.text, text);
	json_decref(json);
	return rule;
}

/* ---------------------------------------------------------------- ipchains -L */

static void
assert_chain(const struct cli_chain_style *style, const char *chain, const char *expected)
{
	json_t *json = parsed(chain);
	char text[TEXT_BYTES] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	cli_chain_print(out, style, json);
	fclose(out);
	json_decref(json);
	assert_string_equal(text, expected);
}

#define CHAIN(name, rules)                                                            \
	"{\"chain\":\"" name "\",\"policy\":\"ACCEPT\",\"packets\":10,\"bytes\":840," \
	"\"references\":0,\"length\":3,\"first\":1,\"rules\":[" rules "]}"
#define ROW(packets, bytes, rule) \
	"{\"number\":1,\"id\":1,\"packets\":" packets ",\"bytes\":" bytes ",\"rule\":{" rule "}}"

#define MASQ_RULE                                                                   \
	"\"target\":\"MASQ\",\"protocol\":\"tcp\",\"source\":\"192.168.16.27/32\"," \
	"\"source_ports\":[80,80]"
#define MARK_RULE "\"source\":\"209.81.8.0/24\",\"mark_set\":1"
#define REDIRECT_RULE                                                          \
	"\"target\":\"REDIRECT\",\"redirect_port\":3128,\"protocol\":\"tcp\"," \
	"\"flags\":[\"log\",\"syn\"],\"destination_ports\":[80,80]"

static void
chains_are_listed_to_the_column(void **state)
{
	static const struct cli_chain_style style = { .numeric = true };

	(void)state;
	assert_chain(&style,
			CHAIN("forward",
					ROW("3", "180", MASQ_RULE) "," ROW(
							"7", "420", MARK_RULE) "," ROW("0", "0",
							REDIRECT_RULE)),
			"Chain forward (policy ACCEPT):\n"
			"target     prot opt     source                destination           ports\n"
			"MASQ       tcp  ------  192.168.16.27        0.0.0.0/0             80 ->   *\n"
			"-          all  ------  209.81.8.0/24        0.0.0.0/0             n/a\n"
			"REDIRECT   tcp  -y--l-  0.0.0.0/0            0.0.0.0/0             * ->   80 => 3128\n");
}

static void
verbose_listings_to_the_column(void **state)
{
	static const struct cli_chain_style style = { .numeric = true, .verbose = true };
	static const struct cli_chain_style exact = {
		.numeric = true, .verbose = true, .exact = true, .line_numbers = true
	};

	(void)state;
	assert_chain(&style,
			CHAIN("input", ROW("3", "180", MASQ_RULE) "," ROW("7", "420", MARK_RULE)),
			"Chain input (policy ACCEPT: 10 packets, 840 bytes):\n"
			" pkts bytes target     prot opt    tosa tosx  ifname     mark       outsize  source                destination           ports\n"
			"    3   180 MASQ       tcp  ------ 0xFF 0x00  *                              192.168.16.27        0.0.0.0/0             80 ->   *\n"
			"    7   420 -          all  ------ 0xFF 0x00  *          0x1                   209.81.8.0/24        0.0.0.0/0             n/a\n");
	assert_chain(&exact, CHAIN("input", ROW("1234567", "12345678901", MASQ_RULE)),
			"Chain input (policy ACCEPT: 10 packets, 840 bytes):\n"
			"num      pkts      bytes target     prot opt    tosa tosx  ifname     mark       outsize  source                destination           ports\n"
			"1     1234567 12345678901 MASQ       tcp  ------ 0xFF 0x00  *                              192.168.16.27        0.0.0.0/0             80 ->   *\n");
}

/* The counter columns alone. */
static void
large_counters_are_rounded(void **state)
{
	static const struct {
		const char *packets;
		const char *shown;
	} rows[] = {
		{ "99999", "99999 " },
		{ "100000", " 100K " },
		{ "100499", " 100K " },
		{ "100500", " 101K " },
		{ "9999499", "9999K " },
		{ "9999500", "  10M " },
		{ "12345678901", "  12G " },
	};
	static const struct cli_chain_style style = { .numeric = true, .verbose = true };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char chain[512], text[TEXT_BYTES] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");
		json_t *json;
		char *line;

		snprintf(chain, sizeof(chain),
				"{\"chain\":\"input\",\"first\":2,\"rules\":[{\"packets\":%s,"
				"\"bytes\":0,\"rule\":{}}]}",
				rows[i].packets);
		json = parsed(chain);
		cli_chain_print(out, &style, json);
		fclose(out);
		json_decref(json);
		line = text;
		if (strncmp(line, rows[i].shown, 6) != 0)
			fail_msg("%s -> %.6s", rows[i].packets, line);
	}
}

/* One rule a row, the columns from "target" on; a chain that goes on has no title again. */
static void
rules_in_all_forms(void **state)
{
	static const struct {
		const char *rule;
		const char *line;
		bool names, verbose;
	} rows[] = {
		{ "", "-          all  ------  anywhere             anywhere              n/a\n",
				true, false },
		{ "\"protocol\":\"tcp\"",
				"-          tcp  ------  anywhere             anywhere              any ->   any\n",
				true, false },
		{ "\"protocol\":\"icmp\",\"source_ports\":[8,8]",
				"-          icmp ------  anywhere             anywhere              echo-request\n",
				true, false },
		{ "\"protocol\":\"icmp\",\"source_ports\":[3,3],\"destination_ports\":[4,4]",
				"-          icmp ------  anywhere             anywhere              fragmentation-needed\n",
				true, false },
		{ "\"protocol\":\"icmp\",\"source_ports\":[8,8]",
				"-          icmp ------  0.0.0.0/0            0.0.0.0/0             8 ->   *\n",
				false, false },
		{ "\"protocol\":\"47\",\"jump\":\"web\"",
				"web        gre  ------  0.0.0.0/0            0.0.0.0/0             n/a\n",
				false, false },
		{ "\"protocol\":\"udp\",\"source\":\"10.0.0.0/255.0.255.0\",\"source_ports\":[1024,65535],"
		  "\"target\":\"REJECT\"",
				"REJECT     udp  ------  10.0.0.0/255.0.255.0 0.0.0.0/0             1024:65535 ->   *\n",
				false, false },
		{ "\"protocol\":\"tcp\",\"source\":\"1.2.3.4/32\",\"destination\":\"5.6.7.8/32\","
		  "\"source_ports\":[1,1],\"destination_ports\":[2,2],\"flags\":[\"syn\"],"
		  "\"not\":[\"source\",\"destination\",\"protocol\",\"source_ports\",\"destination_ports\",\"syn\"]",
				"-         !tcp  !y---- !1.2.3.4              !5.6.7.8              !1 ->  !2\n",
				false, false },
		{ "\"flags\":[\"fragment\"],\"not\":[\"fragment\"],\"output_size\":64",
				"-          all  --!f-o  0.0.0.0/0            0.0.0.0/0             n/a\n",
				false, false },
		{ "\"interface\":\"wan+\",\"not\":[\"interface\"],\"mark_add\":4294967291,\"tos_and\":1,"
		  "\"tos_xor\":16,\"output_size\":64",
				"    0     0 -          all  -----o 0x01 0x10 !wan+       0xFFFFFFFB   64       0.0.0.0/0            0.0.0.0/0             n/a\n",
				false, true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct cli_chain_style style = { .numeric = !rows[i].names,
			.verbose = rows[i].verbose };
		char chain[512];

		snprintf(chain, sizeof(chain),
				"{\"chain\":\"input\",\"first\":2,\"length\":9,\"rules\":[{\"rule\":{%s}}]}",
				rows[i].rule);
		assert_chain(&style, chain, rows[i].line);
	}
}

static void
user_chains_show_references(void **state)
{
	static const struct cli_chain_style style = { .verbose = true };

	(void)state;
	assert_chain(&style,
			"{\"chain\":\"web\",\"references\":2,\"length\":0,\"first\":1,\"rules\":[]}",
			"Chain web (2 references):\n");
}

static void
verbose_commands_say_the_rule_on_one_line(void **state)
{
	static const struct {
		const char *rule;
		const char *line;
	} rows[] = {
		{ MASQ_RULE, "MASQ  tcp opt    ------ tos 0xFF 0x00  via *    192.168.16.27 -> 0.0.0.0/0    80 ->   *\n" },
		{ MARK_RULE, "-  all opt    ------ tos 0xFF 0x00  via * mark 0x1    209.81.8.0/24 -> 0.0.0.0/0    n/a\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char json[256], text[TEXT_BYTES] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");
		struct masq_conf_rule rule;

		snprintf(json, sizeof(json), "{%s}", rows[i].rule);
		rule = rule_of(json);
		cli_rule_line_print(out, &rule);
		fclose(out);
		assert_string_equal(text, rows[i].line);
	}
}

static void
rules_are_saved_in_the_fixed_order(void **state)
{
	static const struct {
		const char *rule;
		const char *line;
	} rows[] = {
		{ MASQ_RULE, "-A forward -s 192.168.16.27/255.255.255.255 80:80 -d 0.0.0.0/0.0.0.0 -p 6 -j MASQ\n" },
		{ "", "-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0\n" },
		{ "\"jump\":\"web\",\"protocol\":\"tcp\",\"source\":\"10.0.0.0/8\",\"source_ports\":[0,1023],"
		  "\"destination\":\"1.2.3.4/32\",\"interface\":\"eth+\",\"tos_and\":1,\"tos_xor\":16,"
		  "\"flags\":[\"log\",\"syn\"],\"mark_set\":7,\"output_size\":64,"
		  "\"not\":[\"source\",\"destination\",\"source_ports\",\"interface\",\"protocol\",\"syn\"]",
				"-A forward -s ! 10.0.0.0/255.0.0.0 ! 0:1023 -d ! 1.2.3.4/255.255.255.255 -i ! eth+ -p ! 6 "
				"-t 0x01 0x10 -j web -l ! -y -m 7 -o 64\n" },
		{ "\"protocol\":\"tcp\",\"not\":[\"source_ports\",\"destination_ports\"]",
				"-A forward -s 0.0.0.0/0.0.0.0 ! 0:65535 -d 0.0.0.0/0.0.0.0 ! 0:65535 -p 6\n" },
		{ "\"flags\":[\"fragment\"],\"mark_add\":5",
				"-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -f -m +5\n" },
		{ "\"mark_add\":4294967291",
				"-A forward -s 0.0.0.0/0.0.0.0 -d 0.0.0.0/0.0.0.0 -m -5\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char json[512], text[TEXT_BYTES] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");
		struct masq_conf_rule rule;

		snprintf(json, sizeof(json), "{%s}", rows[i].rule);
		rule = rule_of(json);
		cli_rule_save_print(out, "forward", &rule);
		fclose(out);
		assert_string_equal(text, rows[i].line);
	}
}

/* ---------------------------------------------------------------- portfw -l, ipchains -M -L */

static void
portfw_is_listed_to_the_column(void **state)
{
	char text[TEXT_BYTES] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	json_t *tcp = parsed(
			"{\"count\":5,\"portfw\":{\"protocol\":\"tcp\",\"local_address\":\"192.168.2.16\","
			"\"local_port\":80,\"remote_address\":\"192.168.16.28\",\"remote_port\":80,"
			"\"preference\":5}}");
	json_t *udp = parsed(
			"{\"count\":1,\"portfw\":{\"protocol\":\"udp\",\"local_address\":\"192.168.2.16\","
			"\"local_port\":60999,\"remote_address\":\"192.168.16.28\",\"remote_port\":53,"
			"\"preference\":100000}}");

	(void)state;
	cli_portfw_header_print(out);
	cli_portfw_row_print(out, true, udp);
	cli_portfw_row_print(out, true, tcp);
	fclose(out);
	json_decref(tcp);
	json_decref(udp);
	assert_string_equal(text,
			"prot localaddr            rediraddr               lport    rport  pcnt  pref\n"
			"UDP  192.168.2.16         192.168.16.28           60999       53     1 100000\n"
			"TCP  192.168.2.16         192.168.16.28              80       80     5     5\n");
}

static void
masqueraded_connections_are_listed_to_the_column(void **state)
{
	char text[TEXT_BYTES] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	json_t *row = parsed(
			"{\"protocol\":\"tcp\",\"inside\":\"192.168.1.2\",\"inside_port\":1025,"
			"\"outside\":\"209.81.8.5\",\"outside_port\":80,\"masq\":\"1.2.3.4\","
			"\"masq_port\":61000,\"expires_ms\":899370}");
	json_t *icmp = parsed("{\"protocol\":\"icmp\",\"inside\":\"192.168.1.2\",\"inside_port\":7,"
			      "\"outside\":\"209.81.8.5\",\"outside_port\":8,\"masq_port\":61001,"
			      "\"expires_ms\":7440000}");

	(void)state;
	cli_masq_header_print(out, false);
	cli_masq_row_print(out, true, false, row);
	cli_masq_row_print(out, true, false, icmp);
	cli_masq_header_print(out, true);
	cli_masq_row_print(out, true, true, row);
	fclose(out);
	json_decref(row);
	json_decref(icmp);
	assert_string_equal(text,
			"prot expire   source               destination          ports\n"
			"TCP  14:59.37 192.168.1.2          209.81.8.5           1025 (61000) -> 80\n"
			"ICMP 124:00.00 192.168.1.2          209.81.8.5           7 (61001) -> 8\n"
			"prot expire      initseq delta prevd source               destination          ports\n"
			"TCP  14:59.37          0     0     0 192.168.1.2          209.81.8.5           1025 (61000) -> 80\n");
}

static void
sessions_are_listed(void **state)
{
	char text[TEXT_BYTES] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	json_t *row = parsed(
			"{\"protocol\":\"tcp\",\"kind\":\"masq\",\"state\":\"ESTABLISHED\","
			"\"inside\":\"192.168.1.2\",\"inside_port\":1025,\"outside\":\"209.81.8.5\","
			"\"outside_port\":80,\"masq\":\"203.0.113.1\",\"masq_port\":61000,"
			"\"expires_ms\":7439000,\"initial_packets\":999,\"reply_packets\":1000,"
			"\"initial_bytes\":1499999,\"reply_bytes\":209715200}");

	(void)state;
	cli_session_header_print(out);
	cli_session_row_print(out, row);
	fclose(out);
	json_decref(row);
	assert_string_equal(text,
			"proto kind     state        inside                masqueraded as        outside               expires packets> <packets  bytes>  <bytes\n"
			"tcp   masq     ESTABLISHED  192.168.1.2:1025      203.0.113.1:61000     209.81.8.5:80           2h03m      999     1.0k    1.5M    210M\n");
}

static void
counts_and_durations_are_short(void **state)
{
	static const struct {
		uint64_t value;
		const char *count, *duration;
	} rows[] = {
		{ 0, "0", "0s" },
		{ 999, "999", "0s" },
		{ 1000, "1.0k", "1s" },
		{ 59999, "60k", "59s" },
		{ 60000, "60k", "1m00s" },
		{ 999499, "999k", "16m39s" },
		{ 999500, "1.0M", "16m39s" },
		{ 7440000, "7.4M", "2h04m" },
		{ 90000000, "90M", "1d01h" },
		{ UINT64_MAX, "18E", "213503982334d14h" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char text[24];

		assert_string_equal(cli_short_count(rows[i].value, text), rows[i].count);
		assert_string_equal(cli_duration(rows[i].value, text), rows[i].duration);
	}
}

/* Words that are no command, and every command with words that it cannot mean: exit 2, no daemon. */
static void
wrong_words_need_no_daemon(void **state)
{
	struct cli cli = { .program = "test", .socket = "/nonexistent/socket", .out = stdout };
	const struct cli_command *commands;
	unsigned int n;

	(void)state;
	commands = cli_commands(&n);
	for (unsigned int i = 0; i < n; i++) {
		const char *const words[] = { commands[i].name, "no-such-word", "at", "all" };

		if (strcmp(commands[i].name, "portfw") == 0)
			continue; /* the tool of the time prints its usage and ends with 0 */
		if (cli_run(&cli, words, 4) != CLI_USAGE)
			fail_msg("%s", commands[i].name);
	}
	assert_int_equal(cli_run(&cli, (const char *const[]){ "autofw", "-F" }, 2), CLI_USAGE);
	assert_int_equal(cli_run(&cli, (const char *const[]){ "stats", "show" }, 2), CLI_NO_DAEMON);
	assert_int_equal(
			cli_run(&cli, (const char *const[]){ "ipchains", "-L" }, 2), CLI_NO_DAEMON);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_are_listed_to_the_column),
		cmocka_unit_test(verbose_listings_to_the_column),
		cmocka_unit_test(large_counters_are_rounded),
		cmocka_unit_test(rules_in_all_forms),
		cmocka_unit_test(user_chains_show_references),
		cmocka_unit_test(verbose_commands_say_the_rule_on_one_line),
		cmocka_unit_test(rules_are_saved_in_the_fixed_order),
		cmocka_unit_test(portfw_is_listed_to_the_column),
		cmocka_unit_test(masqueraded_connections_are_listed_to_the_column),
		cmocka_unit_test(sessions_are_listed),
		cmocka_unit_test(counts_and_durations_are_short),
		cmocka_unit_test(wrong_words_need_no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
