/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands as JSON: what words say goes through JSON and comes out the same, and JSON that says
 * something else than a command is refused with a sentence.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <masq_conf_command.h>
#include <masq_rpc.h>
#include <masq_rpc_codec.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS_MAX 40

static const char *
printed(const struct masq_conf_command *command, char text[512])
{
	FILE *stream = fmemopen(text, 512, "w");

	assert_non_null(stream);
	assert_int_equal(masq_conf_command_print(command, stream), 0);
	fclose(stream);
	return text;
}

static void
read_line(const char *line, struct masq_conf_command *command)
{
	static const struct masq_conf_reader reader = { .resolve_names = false };
	static struct masq_conf_command commands[MASQ_CONF_COMMANDS_MAX];
	struct masq_err err = { "" };
	unsigned int n_commands;
	char *words[WORDS_MAX];
	char copy[256];
	int n;

	snprintf(copy, sizeof(copy), "%s", line);
	n = masq_conf_line_split(copy, words, WORDS_MAX);
	assert_true(n > 0);
	if (masq_conf_words_parse(&reader, (const char *const *)words, (unsigned int)n, commands,
			    &n_commands, &err) != 0)
		fail_msg("%s -> %s", line, err.text);
	assert_int_equal(n_commands, 1);
	*command = commands[0];
}

static void
commands_survive_the_way_through_json(void **state)
{
	static const char *const lines[] = {
		"ipchains -A forward -s 192.168.1.0/24 -j MASQ",
		"ipchains -A input -p tcp -s ! 10.0.0.0/255.0.255.0 ! 1024:65535 -d 1.2.3.4 80 -i wan+ -y -l -m 16 -j DENY",
		"ipchains -A input ! -y -p tcp -j REJECT",
		"ipchains -A input ! -f -j ACCEPT",
		"ipchains -A input -f -i ! lan -p ! udp -j ACCEPT",
		"ipchains -A input -m +5",
		"ipchains -A input -m -5",
		"ipchains -A input -m 0",
		"ipchains -A input -t 0x01 0x10",
		"ipchains -A input -p 47 -j web",
		"ipchains -A input -i + -j RETURN",
		"ipchains -A input -p icmp -s 0/0 8 -d 0/0 0 -j ACCEPT",
		"ipchains -I output 3 -j DENY",
		"ipchains -R output 4294967295 -j DENY",
		"ipchains -D output 1",
		"ipchains -D output -j DENY",
		"ipchains -F",
		"ipchains -F web",
		"ipchains -N web",
		"ipchains -X",
		"ipchains -X web",
		"ipchains -P forward MASQ",
		"portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.1.10 8080 -p 15",
		"portfw -d -P udp -L 0.0.0.0 53",
		"portfw -f",
		"route add 10.0.0.0/8 via 192.168.1.254 dev lan",
		"route del 0.0.0.0/0",
		"timeout set udp 120 tcp-established 3600",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		struct masq_conf_command command, back;
		char before[512], after[512];
		struct masq_err err = { "" };
		json_t *params;

		read_line(lines[i], &command);
		params = masq_rpc_command_to_params(&command);
		assert_non_null(params);
		if (masq_rpc_command_from_params(command.verb, params, &back, &err) != 0)
			fail_msg("%s -> %s", lines[i], err.text);
		assert_string_equal(printed(&command, before), printed(&back, after));
		json_decref(params);
	}
}

static void
a_rule_has_stable_names(void **state)
{
	static const char expected[] =
			"{\"target\":\"DENY\",\"protocol\":\"tcp\",\"source\":\"10.0.0.0/8\","
			"\"source_ports\":[1024,65535],\"destination\":\"1.2.3.4/32\","
			"\"destination_ports\":[80,80],\"interface\":\"wan+\","
			"\"flags\":[\"log\",\"syn\"],\"not\":[\"destination\"],\"mark_set\":0}";
	struct masq_conf_command command;
	json_t *json;
	char *text;

	(void)state;
	read_line("ipchains -A input -p tcp -s 10.0.0.0/8 1024:65535 -d ! 1.2.3.4 80 -i wan+ -y -l "
		  "-m 0 -j DENY",
			&command);
	json = masq_rpc_rule_to_json(&command.rule);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

#define SEVEN "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4"
#define TWENTY_EIGHT SEVEN SEVEN SEVEN SEVEN

static void
parameters_that_are_refused(void **state)
{
	static const struct {
		enum masq_conf_verb verb;
		const char *params;
		const char *sentence;
	} rows[] = {
		{ MASQ_VERB_CHAIN_APPEND, "{}", "\"chain\" is missing" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\"}", "\"rule\" is missing" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":7,\"rule\":{}}",
				"\"chain\" must be text of at most 8 bytes, not 7" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"much-too-long\",\"rule\":{}}",
				"8 bytes, not \"much-too-long\"" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":[]}",
				"must be an object, not a list" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{},\"x\":1}",
				"unknown parameter \"x\"" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"sorce\":\"1.2.3.4\"}}",
				"unknown key \"sorce\"; accepted: target, jump, protocol, source" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"source\":\"1.2.3\"}}",
				"\"source\" must be a network" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"source\":null}}",
				"or \"10.0.0.0/255.0.0.0\", not null" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"source_ports\":[9,8]}}",
				"LOW <= HIGH <= 65535, not [9, 8]" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"source_ports\":[9]}}",
				"not a list of another length" },
		{ MASQ_VERB_CHAIN_APPEND,
				"{\"chain\":\"input\",\"rule\":{\"source_ports\":[0,65536]}}",
				"65535" },
		{ MASQ_VERB_CHAIN_APPEND,
				"{\"chain\":\"input\",\"rule\":{\"source_ports\":[-1,5]}}",
				"0 <=" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"tos_and\":256}}",
				"0-255" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"tos_and\":1.5}}",
				"0-255, not 1.5" },
		{ MASQ_VERB_CHAIN_APPEND,
				"{\"chain\":\"input\",\"rule\":{\"mark_set\":4294967296}}",
				"0-4294967295" },
		{ MASQ_VERB_CHAIN_APPEND,
				"{\"chain\":\"input\",\"rule\":{\"mark_set\":1,\"mark_add\":1}}",
				"mutually exclusive" },
		{ MASQ_VERB_CHAIN_APPEND,
				"{\"chain\":\"input\",\"rule\":{\"target\":\"DENY\",\"jump\":\"web\"}}",
				"mutually exclusive" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"target\":\"DROP\"}}",
				"or RETURN, not \"DROP\"" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"flags\":[\"fast\"]}}",
				"log, syn, fragment; not \"fast\"" },
		{ MASQ_VERB_CHAIN_APPEND, "{\"chain\":\"input\",\"rule\":{\"protocol\":\"70000\"}}",
				"\"protocol\" must be" },
		{ MASQ_VERB_CHAIN_APPEND,
				"{\"chain\":\"input\",\"rule\":{\"interface\":\"sixteen-letters0\"}}",
				"15 characters" },
		{ MASQ_VERB_CHAIN_INSERT, "{\"chain\":\"input\",\"number\":-1,\"rule\":{}}",
				"whole number" },
		{ MASQ_VERB_CHAIN_POLICY, "{\"chain\":\"input\",\"policy\":\"-\"}",
				"REJECT or MASQ, not \"-\"" },
		{ MASQ_VERB_PORTFW_ADD, "{\"portfw\":{\"protocol\":\"300\"}}", "\"protocol\"" },
		{ MASQ_VERB_PORTFW_FLUSH, "{\"all\":true}", "accepted: none" },
		{ MASQ_VERB_ROUTE_ADD, "{\"route\":{}}", "\"destination\" is missing" },
		{ MASQ_VERB_ROUTE_ADD, "{\"route\":{\"destination\":\"1.2.3.4/33\"}}", "network" },
		{ MASQ_VERB_TIMEOUT_SET, "{\"timeouts\":{\"tcp\":5}}", "tcp-established" },
		{ MASQ_VERB_TIMEOUT_SET, "{\"timeouts\":{\"udp\":0}}",
				"timeouts: \"udp\" must be a whole number 1-1000000, not 0" },
		{ MASQ_VERB_TIMEOUT_SET, "{\"timeouts\":{\"icmp\":1000001}}",
				"timeouts: \"icmp\" must be a whole number 1-1000000, not 1000001" },
		{ MASQ_VERB_TIMEOUT_SET, "{\"timeouts\":{\"udp\":5.0}}",
				"timeouts: \"udp\" must be a whole number 1-1000000, not 5.0" },
		{ MASQ_VERB_TIMEOUT_SET, "{\"timeouts\":{\"tcp\":0}}",
				"timeouts: unknown key \"tcp\"; accepted: tcp-established" },
		{ MASQ_VERB_PORTFW_FLUSH, "{\"a" TWENTY_EIGHT "\u00e4\":1}",
				"unknown parameter \"a" TWENTY_EIGHT "...\"; accepted: none" },
		{ MASQ_VERB_TIMEOUT_SET, "{\"timeouts\":{\"a" TWENTY_EIGHT "\u00e4\":1}}",
				"unknown key \"a" TWENTY_EIGHT "...\"; accepted:" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		json_t *params = json_loads(rows[i].params, 0, NULL);
		struct masq_conf_command command;
		struct masq_err err = { "" };

		assert_non_null(params);
		assert_int_equal(masq_rpc_command_from_params(rows[i].verb, params, &command, &err),
				-EBADMSG);
		if (strstr(err.text, rows[i].sentence) == NULL)
			fail_msg("%s -> %s", rows[i].params, err.text);
		json_decref(params);
	}
}

static void
every_verb_is_in_the_list_of_methods(void **state)
{
	size_t n_methods;
	const struct masq_rpc_method *methods = masq_rpc_methods(&n_methods);

	(void)state;
	for (int verb = 0; verb < MASQ_VERB_COUNT; verb++) {
		const char *name = masq_conf_verb_method((enum masq_conf_verb)verb);
		const struct masq_rpc_method *method = masq_rpc_method_find(name);

		if (method == NULL)
			fail_msg("%s has no row", name);
		assert_true(method->changes);
	}
	for (size_t i = 0; i < n_methods; i++) {
		assert_ptr_equal(masq_rpc_method_find(methods[i].name), &methods[i]);
		assert_int_equal(methods[i].help[strlen(methods[i].help) - 1], '.');
	}
	assert_null(masq_rpc_method_find("ipchains.explode"));
}

static void
requests_that_are_none(void **state)
{
	static const struct {
		const char *document;
		const char *sentence; /* NULL: fine */
	} rows[] = {
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"id\":1}", NULL },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":{}}", NULL },
		{ "[]", "batches" },
		{ "7", "must be a JSON object" },
		{ "{\"method\":\"a.b\"}", "\"jsonrpc\" must be \"2.0\"" },
		{ "{\"jsonrpc\":2.0,\"method\":\"a.b\"}", "\"jsonrpc\" must be \"2.0\"" },
		{ "{\"jsonrpc\":\"2.0\"}", "\"method\" must be a string" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"params\":[1]}", "by name" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"id\":{}}", "\"id\"" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"a.b\",\"parms\":{}}",
				"unknown key \"parms\"" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		json_t *document = json_loads(rows[i].document, 0, NULL);
		struct masq_rpc_request request;
		struct masq_err err = { "" };
		int ret;

		if (document == NULL)
			document = json_integer(7);
		ret = masq_rpc_request_read(document, &request, &err);
		assert_int_equal(ret, rows[i].sentence == NULL ? 0 : -EBADMSG);
		if (ret != 0 && strstr(err.text, rows[i].sentence) == NULL)
			fail_msg("%s -> %s", rows[i].document, err.text);
		json_decref(document);
	}
}

/* An error may quote what a peer sent; the answer must be JSON all the same. */
static void
an_error_with_broken_text_is_still_json(void **state)
{
	size_t len_bytes;
	char *line = masq_rpc_error_line(NULL, 5, "bad \xff\xfe", &len_bytes);
	json_t *document = json_loadb(line, len_bytes, 0, NULL);

	(void)state;
	assert_non_null(document);
	assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(document, "error"), "code")),
			5);
	assert_string_equal(json_string_value(json_object_get(
					    json_object_get(document, "error"), "message")),
			"bad ??");
	json_decref(document);
	free(line);
}

/* What a peer sent stands in sentences: short, and nothing that a terminal would obey. */
static void
values_in_sentences(void **state)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{ "\"a\"", "\"a\"" },
		{ "-7", "-7" },
		{ "7.0", "7.0" },
		{ "0.5", "0.5" },
		{ "1e300", "1e+300" },
		{ "true", "true" },
		{ "false", "false" },
		{ "null", "null" },
		{ "[]", "a list" },
		{ "{}", "an object" },
		{ "\"\\u001b[2J\\n\"", "\"?[2J?\"" },
		{ "\"0123456789012345678901234567890123456789012345678901234567\"",
				"\"0123456789012345678901234567890123456789012345678901234567\"" },
		{ "\"012345678901234567890123456789012345678901234567890123456\u00fc\"",
				"\"012345678901234567890123456789012345678901234567890123456...\"" },
	};

	char text[MASQ_RPC_VALUE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

		assert_non_null(value);
		assert_string_equal(masq_rpc_value_text(value, text), rows[i].text);
		json_decref(value);
	}
	assert_string_equal(masq_rpc_value_text(NULL, text), "nothing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_survive_the_way_through_json),
		cmocka_unit_test(a_rule_has_stable_names),
		cmocka_unit_test(parameters_that_are_refused),
		cmocka_unit_test(values_in_sentences),
		cmocka_unit_test(every_verb_is_in_the_list_of_methods),
		cmocka_unit_test(requests_that_are_none),
		cmocka_unit_test(an_error_with_broken_text_is_still_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
