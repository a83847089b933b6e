/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Requests and answers of each family, as conversations: a row is a request and what the answer
 * must hold; rows of one table run in order over one control thread.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "ctl_box.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *method;
	const char *params;
	const char *holds; /* part of the answer; with '=' in front: all of it */
};

static void
converse(struct ctl_box *box, const struct row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		const char *answer = ctl_box_ask(box, rows[i].method, rows[i].params);
		const char *holds = rows[i].holds;

		if (holds[0] == '=' ? strcmp(answer, holds + 1) != 0
				    : strstr(answer, holds) == NULL)
			fail_msg("row %zu: %s %s\n  wanted: %s\n  got:    %s", i, rows[i].method,
					rows[i].params, holds, answer);
	}
}

/* clang-format off */
static void
ipchains_conversation(void **state)
{
	static const struct row rows[] = {
		{ "ipchains.append", "{\"chain\":\"forward\",\"rule\":{\"target\":\"MASQ\"}}", "={}" },
		{ "ipchains.new_chain", "{\"chain\":\"web\"}", "={}" },
		{ "ipchains.new_chain", "{\"chain\":\"web\"}", "Chain already exists" },
		{ "ipchains.append", "{\"chain\":\"input\",\"rule\":{\"jump\":\"web\"}}", "={}" },
		{ "ipchains.append", "{\"chain\":\"input\",\"rule\":{\"jump\":\"nix\"}}", "No target by that name" },
		{ "ipchains.delete_chain", "{\"chain\":\"web\"}", "Device or resource busy" },
		{ "ipchains.list", "{\"chain\":\"web\"}",
			"={\"chains\":[{\"chain\":\"web\",\"references\":1,\"length\":0,\"first\":1,\"rules\":[]}],\"cursor\":null}" },
		{ "ipchains.list", "{\"chain\":\"nix\"}", "={\"code\":2,\"message\":\"No chain by that name\"}" },
		{ "ipchains.list", "{\"chain\":3}", "={\"code\":-32602,\"message\":\"\\\"chain\\\" must be the name of a chain, not 3\"}" },
		{ "ipchains.list", "{\"chian\":\"web\"}", "unknown parameter \\\"chian\\\"; accepted: chain?, counters?, cursor?, limit?" },
		{ "ipchains.list", "{\"cursor\":\"x\"}", "\\\"cursor\\\" must be that of the previous page, or null, not \\\"x\\\"" },
		{ "ipchains.list", "{\"cursor\":\"4294967295.0\"}", "cursor" },
		{ "ipchains.list", "{\"cursor\":\"999999999.999999999\"}", "={\"chains\":[],\"cursor\":null}" },
		{ "ipchains.list", "{\"counters\":1}", "\\\"counters\\\" must be true or false, not 1" },
		{ "ipchains.list", "{\"limit\":0}", "whole number 1-1024, not 0" },
		{ "ipchains.policy", "{\"chain\":\"input\",\"policy\":\"DENY\"}", "={}" },
		{ "ipchains.list", "{\"chain\":\"input\"}", "\"policy\":\"DENY\"" },
		{ "ipchains.append", "{\"chain\":\"output\",\"rule\":{\"interface\":\"w+\"}}", "={}" },
		{ "ipchains.append", "{\"chain\":\"output\",\"rule\":{\"interface\":\"lo\"}}", "={}" },
		{ "ipchains.insert", "{\"chain\":\"output\",\"number\":1,\"rule\":{\"interface\":\"eth0\"}}",
			"={\"warnings\":[\"-i eth0: there is no such port, so the rule matches no packet; ports: lan, wan\"]}" },
		{ "ipchains.delete", "{\"chain\":\"output\",\"rule\":{\"interface\":\"eth0\"}}", "={}" },
		{ "ipchains.append", "{\"chain\":\"output\",\"rule\":{\"interface\":\"eth+\",\"not\":[\"interface\"]}}",
			"[\"-i eth+: there is no such port, so the rule matches packets of every port; ports: lan, wan\"]" },
		{ "rules.check", "{\"name\":\"f\",\"text\":\"\\nipchains -A input -i wann -j DENY\"}",
			"[\"f:2: -i wann: there is no such port, so the rule matches no packet; ports: lan, wan\"]" },
		{ "ipchains.delete_number", "{\"chain\":\"forward\",\"number\":2}", "No chain by that name" },
		{ "ipchains.delete_number", "{\"chain\":\"forward\",\"number\":1}", "={}" },
		{ "ipchains.flush", "{}", "={}" },
		{ "ipchains.explode", "{}", "unknown method \\\"ipchains.explode\\\"; rpc.methods lists" },
	};

	converse(*state, rows, LENGTH(rows));
}

static void
box_conversation(void **state)
{
	static const struct row rows[] = {
		{ "portfw.add", "{\"portfw\":{\"protocol\":\"tcp\",\"local_address\":\"1.1.1.1\",\"local_port\":80,"
			"\"remote_address\":\"10.0.0.1\",\"remote_port\":8080,\"preference\":15}}", "={}" },
		{ "portfw.list", "{}", "\"count\":15,\"portfw\":{\"protocol\":\"tcp\",\"local_address\":\"1.1.1.1\"" },
		{ "portfw.add", "{\"portfw\":{\"protocol\":\"tcp\",\"local_address\":\"1.1.1.3\",\"local_port\":80,"
			"\"remote_address\":\"10.0.0.1\",\"remote_port\":80,\"preference\":1}}",
			"={\"warnings\":[\"-L 1.1.1.3: no port has that address, so nothing is forwarded; addresses: 1.1.1.1\"]}" },
		{ "rules.check", "{\"name\":\"f\",\"text\":\"portfw -a -P tcp -L 1.1.1.1 81\\nportfw -a -P tcp -L 1.1.1.3 80 -R 10.0.0.1 80\"}",
			"[\"f:1: -L 1.1.1.1 81 has no server to forward to; give its address and port with -R\","
			"\"f:2: -L 1.1.1.3: no port has that address" },
		{ "rules.check", "{\"text\":\"portfw -a -P tcp -L 1.1.1.1 81 -R 1.1.1.1 80\"}",
			"-R 1.1.1.1 is an address of the box itself, so nothing is forwarded" },
		{ "rules.check", "{\"text\":\"portfw -a -P tcp -L 1.1.1.1 80 -R 10.0.0.1 80\\nportfw -a -P tcp -L 1.1.1.1 80 -p 5\"}", "={\"rules\":1}" },
		{ "route.add", "{\"route\":{\"destination\":\"10.0.0.0/8\",\"gateway\":\"1.1.1.2\"}}", "={}" },
		{ "route.add", "{\"route\":{\"destination\":\"10.0.0.0/8\",\"gateway\":\"1.1.1.2\"}}", "already" },
		{ "timeout.set", "{\"timeouts\":{\"udp\":77}}", "={}" },
		{ "timeout.list", "{}", "\"udp\":77" },
		{ "timeout.set", "{\"timeouts\":{\"udp\":1000001}}", "1000000" },
		{ "neigh.flush", "{\"address\":\"0.0.0.0\"}", "that of a neighbour, not \\\"0.0.0.0\\\"" },
		{ "neigh.flush", "{}", "={}" },
		{ "drops.list", "{}", "{\"reason\":\"ttl\",\"packets\":0,\"text\":\"The time to live ran out.\"}" },
		{ "drops.list", "{\"all\":true}", "{\"reason\":\"ttl\",\"packets\":0,\"text\":\"The time to live ran out.\"}" },
		{ "drops.list", "{\"all\":false}", "{\"drops\":[{\"reason\":\"mtu\",\"packets\":4,\"text\":\"" },
		{ "drops.list", "{\"all\":\"no\"}", "\"drops.list: \\\"all\\\" must be true or false, not \\\"no\\\"\"" },
		{ "stats.memory", "{}", "\"verdicts\":2048,\"rules\":0,\"mbufs\":4096" },
		{ "stats.memory", "{}", "\"bytes-per-session\":321,\"session-tables\":30001" },
		{ "port.list", "{}", "\"name\":\"port1\",\"device\":\"net_fake1\"" },
		{ "port.list", "{}", "\"rx-packets\":9223372036854775807" },
		{ "proc.read", "{\"name\":\"kcore\"}", "there is no \\\"kcore\\\"; accepted: ip_masquerade, ip_masq/tcp" },
		{ "proc.read", "{\"name\":1}", "\"code\":-32602,\"message\":\"there is no 1; accepted: ip_masquerade" },
		{ "daemon.version", "{}", "\"version\":\"" },
		{ "rpc.methods", "{}", "{\"method\":\"portfw.add\",\"changes\":true,\"params\":\"portfw\"" },
		{ "session.list", "{\"filter\":{\"protcol\":\"tcp\"}}", "unknown key" },
		{ "session.list", "{\"filter\":{\"state\":\"ASLEEP\"}}", "must be one of: NONE, ESTABLISHED" },
		{ "session.list", "{\"filter\":{\"state\":\"ASLEEP\"}}", "; not \\\"ASLEEP\\\"" },
		{ "session.list", "{\"filter\":{\"kind\":\"portfv\"}}", "filter: \\\"kind\\\" must be one of: masq, portfw, hairpin; not \\\"portfv\\\"" },
		{ "session.list", "{\"filter\":{\"protocol\":\"tpc\"}}", "or a number as text, not \\\"tpc\\\"" },
		{ "session.list", "{\"filter\":{\"inside\":\"10.0.0.0/33\"}}", "a network like \\\"192.168.1.0/24\\\", not \\\"10.0.0.0/33\\\"" },
		{ "session.list", "{\"filter\":{\"masq_port\":65536}}", "a whole number 1-65535, not 65536" },
		{ "session.list", "{\"filter\":{\"inside_port\":\"80\"}}", "a whole number 1-65535, not \\\"80\\\"" },
		{ "session.flush", "{\"filter\":{\"outside_port\":0}}", "\\\"outside_port\\\" must be a whole number 1-65535, not 0" },
		{ "session.list", "{\"filter\":[]}", "must be an object, not a list" },
		{ "session.flush", "{}", "={\"flushed\":0}" },
	};
	struct ctl_box *box = *state;

	box->dp.counters.drops[MASQ_DROP_MTU] = 2;
	box->start.port[0].address[0] = (struct masq_ip4_prefix){ MASQ_IP4(1, 1, 1, 1), 24 };
	box->start.port[0].n_addresses = 1;
	converse(box, rows, LENGTH(rows));
}

#define PACKET "\"source\":\"10.0.0.1/32\",\"destination\":\"10.0.0.2/32\",\"interface\":\"wan\""
#define TCP "\"protocol\":\"tcp\",\"source_ports\":[1025,1025],\"destination_ports\":[80,80]," PACKET

/* A name may hold what JSON cannot carry; the answer comes all the same, and says the rest of the name. */
static void
names_that_are_no_utf8(void **state)
{
	static const struct row rows[] = {
		{ "daemon.version", "{}", "\"file\":\"b?r/box.conf\"" },
		{ "port.list", "{}", "\"device\":\"net_fake1,iface=l?n\"" },
	};
	struct ctl_box *box = *state;

	strcpy(box->start.file, "b\xe4r/box.conf");
	strcpy(box->dp.device_end, ",iface=l\xe4n");
	converse(box, rows, LENGTH(rows));
}

/* Which packet the rules in force are asked about, and the words of their answers. */
static void
a_packet_is_checked(void **state)
{
	static const struct row refused[] = {
		{ "ipchains.check", "{\"chain\":\"nix\",\"rule\":{" TCP "}}", "={\"code\":2,\"message\":\"No chain by that name\"}" },
		{ "ipchains.check", "{\"chain\":\"input\",\"rule\":{\"protocol\":\"tcp\"," PACKET "}}", "-C requires one source port" },
		{ "ipchains.check", "{\"chain\":\"input\",\"rule\":{\"interface\":\"dmz\"}}",
			"\"bad arguments (does that interface exist?)\"" },
		{ "ipchains.check", "{\"chain\":\"input\",\"rule\":{}}", "-C requires a port name" },
		{ "ipchains.check", "{\"chain\":\"input\"}", "\\\"rule\\\" is missing; accepted: chain, rule" },
	};
	static const struct {
		int ret;
		enum masq_rules_verdict verdict;
		const char *word;
	} answers[] = {
		{ 0, MASQ_VERDICT_ACCEPT, "={\"answer\":\"accepted\"}" },
		{ 0, MASQ_VERDICT_DENY, "={\"answer\":\"denied\"}" },
		{ 0, MASQ_VERDICT_REJECT, "={\"answer\":\"rejected\"}" },
		{ 0, MASQ_VERDICT_MASQ, "={\"answer\":\"masqueraded\"}" },
		{ 0, MASQ_VERDICT_LOOP, "={\"answer\":\"caught in loop\"}" },
		{ -ENOENT, MASQ_VERDICT_ACCEPT, "={\"answer\":\"passed through chain\"}" },
	};
	struct ctl_box *box = *state;

	converse(box, refused, LENGTH(refused));
	for (size_t i = 0; i < LENGTH(answers); i++) {
		const struct row row = { "ipchains.check",
			"{\"chain\":\"forward\",\"rule\":{\"flags\":[\"syn\"]," TCP "}}", answers[i].word };

		box->dp.try_ret = answers[i].ret;
		box->dp.try_verdict = answers[i].verdict;
		converse(box, &row, 1);
		assert_int_equal(box->dp.tried_chain, MASQ_CHAIN_FORWARD);
		assert_int_equal(box->dp.tried.src, MASQ_IP4(10, 0, 0, 1));
		assert_int_equal(box->dp.tried.dst, MASQ_IP4(10, 0, 0, 2));
		assert_int_equal(box->dp.tried.sport, 1025);
		assert_int_equal(box->dp.tried.dport, 80);
		assert_int_equal(box->dp.tried.proto, IPPROTO_TCP);
		assert_int_equal(box->dp.tried.port, 1);
		assert_true(box->dp.tried.has_ports);
		assert_true(box->dp.tried.syn);
	}
	ctl_box_ask(box, "ipchains.check", "{\"chain\":\"input\",\"rule\":{\"protocol\":\"47\"," PACKET "}}");
	assert_int_equal(box->dp.tried.proto, 47);
	assert_false(box->dp.tried.has_ports);
	assert_int_equal(box->dp.tried.dport, 0);
}

/* clang-format on */

/* ---------------------------------------------------------------- the model */

static void
a_refused_publication_leaves_the_model_as_it_was(void **state)
{
	static const char add[] = "{\"chain\":\"forward\",\"rule\":{\"target\":\"MASQ\"}}";
	struct ctl_box *box = *state;
	char *before = strdup(ctl_box_ask(box, "rules.save", "{}"));
	const uint32_t n_publish = box->dp.n_publish;

	box->dp.publish_ret = -ENOSPC;
	assert_non_null(strstr(ctl_box_ask(box, "ipchains.append", add), "has no room"));
	assert_non_null(strstr(ctl_box_ask(box, "rules.load", "{\"text\":\"portfw -f\\n\"}"),
			"rules: the data path has no room"));
	box->dp.publish_ret = 0;
	assert_int_equal(box->dp.n_publish, n_publish);
	assert_string_equal(ctl_box_ask(box, "rules.save", "{}"), before);
	assert_string_equal(ctl_box_ask(box, "ipchains.append", add), "{}");
	assert_int_equal(box->dp.n_publish, n_publish + 1);
	free(before);
}

/* What is in force is the model, whoever is late; the person is told, beside what else there is to say. */
static void
a_late_worker_is_a_warning(void **state)
{
	static const char add[] = "{\"chain\":\"input\",\"rule\":{\"interface\":\"eth0\"}}";
	static const char load[] = "{\"text\":\"ipchains -A -j MASQ\\nipchains -A input\"}";
	struct ctl_box *box = *state;

	box->dp.late = true;
	assert_string_equal(ctl_box_ask(box, "ipchains.append",
					    "{\"chain\":\"input\",\"rule\":{\"target\":\"DENY\"}}"),
			"{\"warnings\":[\"worker 1 has not taken them over yet\"]}");
	assert_non_null(strstr(ctl_box_ask(box, "rules.save", "{}"), "-j DENY"));
	assert_non_null(strstr(ctl_box_ask(box, "ipchains.append", add),
			"[\"worker 1 has not taken them over yet\",\"-i eth0: "));
	assert_non_null(strstr(ctl_box_ask(box, "ipchains.list", "{\"chain\":\"input\"}"),
			"\"length\":2"));
	assert_non_null(strstr(ctl_box_ask(box, "rules.load", load),
			"is taken to mean forward\",\""
			"worker 1 has not taken"));
	assert_non_null(strstr(ctl_box_ask(box, "ipchains.list", "{\"chain\":\"input\"}"),
			"\"length\":1"));
	box->dp.late = false;
	assert_string_equal(ctl_box_ask(box, "ipchains.flush", "{}"), "{}");
}

static void
a_rule_file_is_all_or_nothing(void **state)
{
	static const char bad[] = "{\"name\":\"f.masq\",\"text\":\"ipchains -A input -j DENY\\n"
				  "ipchains -A input -j EXPLODE\\n\"}";
	struct ctl_box *box = *state;
	const uint32_t n_publish = box->dp.n_publish;

	assert_non_null(strstr(ctl_box_ask(box, "rules.load", bad), "f.masq:2: "));
	assert_non_null(strstr(ctl_box_ask(box, "rules.check", bad), "f.masq:2: "));
	assert_non_null(strstr(ctl_box_ask(box, "ipchains.list", "{\"chain\":\"input\"}"),
			"\"length\":0"));
	assert_string_equal(
			ctl_box_ask(box, "rules.check", "{\"text\":\"ipchains -A input -j DENY\"}"),
			"{\"rules\":1}");
	assert_int_equal(box->dp.n_publish, n_publish);
	assert_non_null(strstr(
			ctl_box_ask(box, "rules.load", "{\"text\":5}"), "\\\"text\\\" must be"));
}

/* What the ports say to a route has the line of the route, not only its own words. */
static void
routes_of_a_rule_file_fit_the_ports(void **state)
{
	static const struct row rows[] = {
		{ "rules.load", "{\"name\":\"f\",\"text\":\"\\nroute add 10.0.0.0/8 via 9.9.9.9\"}",
				"\"f:2: route 10.0.0.0/8: gateway 9.9.9.9 is in no connected network" },
		{ "rules.check",
				"{\"name\":\"f\",\"text\":\"\\nroute add 10.0.0.0/8 via 9.9.9.9\"}",
				"\"f:2: route 10.0.0.0/8: gateway 9.9.9.9 is in no connected network" },
		{ "rules.load",
				"{\"name\":\"f\",\"text\":\"route add 10.0.0.0/8 dev lan\\n"
				"route add 10.1.0.0/16 via 192.168.1.9\\nroute del 10.0.0.0/8\\n"
				"route add 10.2.0.0/16 dev attic\\n\"}",
				"\"f:4: route 10.2.0.0/16: there is no port attic (ports: lan, wan)" },
		{ "rules.load", "{\"name\":\"f\",\"text\":\"route add 10.1.0.0/16 via 192.168.1.9\"}",
				"={\"rules\":1}" },
		{ "rules.load", "{\"name\":\"f\",\"text\":\"\\nroute add 10.1.0.0/16 via 192.168.1.9\\nipchains -A -j MASQ\"}",
				"={\"rules\":2,\"warnings\":[\"f:3: -A without a chain name: `-j MASQ' is taken to mean forward\"]}" },
		{ "rules.check", "{\"name\":\"f\",\"text\":\"ipchains -A -j MASQ\"}",
				"={\"rules\":1,\"warnings\":[\"f:1: -A without a chain name: `-j MASQ' is taken to mean forward\"]}" },
	};
	struct ctl_box *box = *state;

	box->start.port[0].address[0] = (struct masq_ip4_prefix){ MASQ_IP4(192, 168, 1, 1), 24 };
	box->start.port[0].n_addresses = 1;
	converse(box, rows, LENGTH(rows));
	assert_int_equal(box->ctl->rules.n_routes, 1);
	assert_int_equal(box->ctl->rules.routes[0].line, 0);
}

/* However long a path is, a sentence about its file has room for what is wrong, and for the file. */
static void
a_sentence_about_a_file_with_a_long_name(void **state)
{
	struct ctl_box *box = *state;
	char name[602] = "f", params[1024];
	const char *answer;

	for (unsigned int i = 1; i < 601; i += 2)
		memcpy(name + i, "\xc3\xa4", 3);
	snprintf(params, sizeof(params),
			"{\"name\":\"%s/r.masq\",\"text\":\"ipchains -A -j MASQ\"}", name);
	answer = ctl_box_ask(box, "rules.load", params);
	if (strstr(answer, "{\"rules\":1,\"warnings\":[\"...\xc3\xa4") != answer ||
			strstr(answer, "\xa4/r.masq:1: -A without a chain name") == NULL)
		fail_msg("%s", answer);
	snprintf(params, sizeof(params),
			"{\"name\":\"%s/r.masq\",\"text\":\"ipchains -A input -j NIX\"}", name);
	answer = ctl_box_ask(box, "rules.check", params);
	if (strstr(answer, "\xa4/r.masq:1: No target by that name (in: ipchains -A input -j NIX)") ==
			NULL)
		fail_msg("%s", answer);
}

static void
a_rule_file_is_checked_without_a_data_path(void **state)
{
	struct ctl_box *box = *state;
	char path[] = "/tmp/masq-rules-XXXXXX", want[160];
	const int fd = mkstemp(path);
	struct masq_err err = { "" };
	unsigned int n_rules;

	assert_true(fd >= 0);
	dprintf(fd, "ipchains -A input -j DENY\nroute add 10.0.0.0/8 via 9.9.9.9\n");
	close(fd);
	assert_int_equal(
			masq_ctl_rules_file_check(&box->start, path, &n_rules, &err), -ENETUNREACH);
	unlink(path);
	snprintf(want, sizeof(want), "%s:2: route 10.0.0.0/8: gateway 9.9.9.9 is in no", path);
	assert_memory_equal(err.text, want, strlen(want));
}

/* The largest file that is read is as large as the sentence about a larger one says. */
static void
a_rule_file_may_be_as_large_as_is_said(void **state)
{
	static const char large[] = ": a rule file has at most 67108864 bytes";
	struct ctl_box *box = *state;
	char path[] = "/tmp/masq-rules-XXXXXX";
	const int fd = mkstemp(path);
	unsigned int n_rules;

	assert_true(fd >= 0);
	for (off_t bytes = 67108863; bytes <= 67108865; bytes++) {
		struct masq_err err = { "" };

		assert_int_equal(ftruncate(fd, bytes), 0);
		masq_ctl_rules_file_check(&box->start, path, &n_rules, &err);
		assert_string_equal(err.text + strlen(path),
				bytes > 67108864 ? large
						 : ":1: the line is longer than 4095 bytes");
	}
	close(fd);
	unlink(path);
}

static void
list_and_zero_zeroes_rules_but_no_policies(void **state)
{
	struct ctl_box *box = *state;
	uint32_t id, policy_id;

	ctl_box_load(box, "ipchains -A input -j DENY");
	id = box->ctl->rules.chains[MASQ_CHAIN_INPUT].rules[0].id;
	policy_id = box->ctl->rules.chains[MASQ_CHAIN_INPUT].policy_id;
	box->dp.rule[id] = (struct masq_dp_rule_counter){ 7, 700 };
	box->dp.rule[policy_id] = (struct masq_dp_rule_counter){ 9, 900 };
	assert_non_null(strstr(ctl_box_ask(box, "ipchains.list_zero", "{}"),
			"\"packets\":7,\"bytes\":700"));
	assert_int_equal(box->dp.rule[id].packets, 0);
	assert_int_equal(box->dp.rule[policy_id].packets, 9);
	box->dp.rule[id].packets = 1;
	ctl_box_ask(box, "ipchains.zero", "{\"chain\":\"output\"}");
	assert_int_equal(box->dp.rule[id].packets, 1);
	ctl_box_ask(box, "ipchains.zero", "{}");
	assert_int_equal(box->dp.rule[id].packets, 0);
}

/* ---------------------------------------------------------------- pages */

/* Walk a listing; @return rows (of "inner" lists, if named) and pages. */
static size_t
walk(struct ctl_box *box, const char *method, const char *list, const char *inner, json_t *params,
		size_t *n_pages)
{
	size_t n_rows = 0;

	*n_pages = 0;
	for (;;) {
		char *text = json_dumps(params, 0);
		json_t *result = ctl_box_result(box, method, text);
		json_t *rows = json_object_get(result, list), *row;
		json_t *cursor = json_incref(json_object_get(result, "cursor"));
		size_t i;

		free(text);
		json_array_foreach(rows, i, row) n_rows += inner == NULL
				? 1
				: json_array_size(json_object_get(row, inner));
		json_decref(result);
		(*n_pages)++;
		assert_true(*n_pages < 10000);
		if (json_is_null(cursor)) {
			json_decref(cursor);
			json_decref(params);
			return n_rows;
		}
		json_object_set_new(params, "cursor", cursor);
	}
}

static void
load_many_rules(struct ctl_box *box, unsigned int n)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	for (unsigned int i = 0; i < n; i++)
		fprintf(stream, "ipchains -A %s -s 10.0.%u.%u -j DENY\n",
				i % 2 ? "input" : "output", i / 256, i % 256);
	fclose(stream);
	ctl_box_load(box, text);
	free(text);
}

static void
long_lists_come_in_pages(void **state)
{
	struct ctl_box *box = *state;
	size_t n_pages;

	load_many_rules(box, 1000);
	assert_int_equal(walk(box, "ipchains.list", "chains", "rules",
					 json_pack("{s:i}", "limit", 7), &n_pages),
			1000);
	assert_true(n_pages > 1000 / 7);
	/* The smallest page there is: every one holds a rule, so the walk comes to an end. */
	assert_int_equal(walk(box, "ipchains.list", "chains", "rules",
					 json_pack("{s:i}", "limit", 1), &n_pages),
			1000);
	assert_in_range(n_pages, 1000, 1004);
	assert_int_equal(walk(box, "ipchains.list", "chains", "rules",
					 json_pack("{s:i, s:s}", "limit", 100, "chain", "output"),
					 &n_pages),
			500);
	box->dp.n_sessions = 100;
	for (unsigned int i = 0; i < 100; i++)
		box->dp.sessions[i].initial.proto = i % 50 == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	assert_int_equal(walk(box, "session.list", "sessions", NULL, json_object(), &n_pages), 100);
	/* A filter that matches little gives empty pages in bounded time, not a long answer. */
	assert_int_equal(walk(box, "session.list", "sessions", NULL,
					 json_pack("{s:{s:s}}", "filter", "protocol", "udp"),
					 &n_pages),
			2);
	assert_true(n_pages >= 3);
	box->dp.n_routes = 2000;
	assert_int_equal(walk(box, "route.list", "routes", NULL, json_object(), &n_pages), 2000);
	box->dp.n_neighbours = 700;
	assert_int_equal(walk(box, "neigh.list", "neighbours", NULL, json_object(), &n_pages), 700);
	assert_int_equal(walk(box, "portfw.list", "rules", NULL, json_object(), &n_pages), 0);
}

static void
what_is_saved_in_slices_loads_to_the_same(void **state)
{
	struct ctl_box *box = *state;
	char *saved = NULL, *again = NULL;
	char *texts[2];

	load_many_rules(box, 8000); /* more than one slice */
	for (int round = 0; round < 2; round++) {
		json_t *params = json_object();
		size_t len = 0, n_slices = 0;
		FILE *stream = open_memstream(round == 0 ? &saved : &again, &len);
		bool more = true;

		while (more) {
			char *text = json_dumps(params, 0);
			json_t *result = ctl_box_result(box, "rules.save", text);

			free(text);
			fputs(json_string_value(json_object_get(result, "text")), stream);
			more = json_is_string(json_object_get(result, "cursor"));
			json_object_set(params, "cursor", json_object_get(result, "cursor"));
			json_decref(result);
			n_slices++;
		}
		fclose(stream);
		json_decref(params);
		assert_true(n_slices > 1);
		if (round == 0)
			ctl_box_load(box, saved);
	}
	texts[0] = saved;
	texts[1] = again;
	assert_string_equal(texts[0], texts[1]);
	free(saved);
	free(again);
}

static void
saving_notices_that_the_rules_changed(void **state)
{
	struct ctl_box *box = *state;
	json_t *result;
	char params[64];

	load_many_rules(box, 8000);
	result = ctl_box_result(box, "rules.save", "{}");
	snprintf(params, sizeof(params), "{\"cursor\":\"%s\"}",
			json_string_value(json_object_get(result, "cursor")));
	json_decref(result);
	ctl_box_ask(box, "portfw.flush", "{}");
	assert_non_null(strstr(ctl_box_ask(box, "rules.save", params), "save them again"));
}

/* ---------------------------------------------------------------- workers, documents */

static void
silent_workers_are_a_sentence(void **state)
{
	static const struct row rows[] = {
		{ "session.flush", "{}", "worker 1 is stuck" },
		{ "neigh.list", "{}", "worker 0, which keeps the neighbours, does not answer" },
		{ "neigh.flush", "{}", "worker 0, which keeps the neighbours, does not answer" },
	};
	struct ctl_box *box = *state;

	box->dp.silent = true;
	converse(box, rows, LENGTH(rows));
}

/* The rules are known and listed, whoever does not answer; only what cannot be right without is refused. */
static void
counters_that_are_not_known_are_a_warning(void **state)
{
#define WARNING "\"warnings\":[\"worker 1 is stuck; packets and bytes are the last known ones\"]"
	static const char refused[] = "worker 1 is stuck";
	static const struct row rows[] = {
		{ "ipchains.list_zero", "{}", refused },
		{ "ipchains.zero", "{}", refused },
	};
	static const char *const asked[][2] = {
		{ "ipchains.list", "{}" },
		{ "ipchains.list", "{\"chain\":\"input\",\"limit\":1}" },
		{ "proc.read", "{\"name\":\"ip_fwchains\"}" },
		{ "proc.read", "{\"name\":\"ip_fwnames\"}" },
	};
	struct ctl_box *box = *state;

	ctl_box_ask(box, "ipchains.append", "{\"chain\":\"input\",\"rule\":{\"target\":\"DENY\"}}");
	box->dp.silent = true;
	for (size_t i = 0; i < LENGTH(asked); i++) {
		const char *answer = ctl_box_ask(box, asked[i][0], asked[i][1]);

		assert_non_null(strstr(answer, WARNING));
		assert_non_null(strstr(answer, "input"));
	}
	converse(box, rows, LENGTH(rows));
	/* Who wants none asks no worker. */
	assert_string_equal(ctl_box_ask(box, "ipchains.list",
					    "{\"chain\":\"input\",\"counters\":false}"),
			"{\"chains\":[{\"chain\":\"input\",\"policy\":\"ACCEPT\",\"references\":0,\"length\":1,"
			"\"first\":1,\"rules\":[{\"number\":1,\"id\":4,\"rule\":{\"target\":\"DENY\"}}]}],"
			"\"cursor\":null}");
	box->dp.silent = false;
	for (size_t i = 0; i < LENGTH(asked); i++)
		assert_null(strstr(ctl_box_ask(box, asked[i][0], asked[i][1]), "warnings"));
}

/* Worker 0 does not answer; what worker 1 has is listed. */
static void
sessions_of_a_silent_worker_are_left_out(void **state)
{
	static const char warning[] =
			"\"warnings\":[\"worker 0 does not answer, so its sessions are left out\"]";
	struct ctl_box *box = *state;
	const char *answer;

	box->dp.n_sessions = 3;
	for (uint32_t i = 0; i < 3; i++)
		box->dp.sessions[i] = (struct masq_session_row){
			.initial = { .proto = IPPROTO_UDP }, .state = MASQ_STATE_UDP
		};
	box->dp.silent = true;
	answer = ctl_box_ask(box, "session.list", "{}");
	assert_non_null(strstr(answer, warning));
	assert_non_null(strstr(answer, "\"protocol\":\"udp\""));
	answer = ctl_box_ask(box, "session.list", "{\"limit\":2}");
	assert_non_null(strstr(answer, warning));
	assert_non_null(strstr(answer, "\"cursor\":\"1.2\""));
	/* Said once. */
	answer = ctl_box_ask(box, "session.list", "{\"limit\":2,\"cursor\":\"1.2\"}");
	assert_null(strstr(answer, "warnings"));
	assert_non_null(strstr(answer, "\"protocol\":\"udp\""));
	assert_non_null(strstr(
			ctl_box_ask(box, "proc.read", "{\"name\":\"ip_masquerade\"}"), warning));
}

static void
filters_reach_the_data_path(void **state)
{
	struct ctl_box *box = *state;

	ctl_box_ask(box, "session.flush",
			"{\"filter\":{\"protocol\":\"udp\",\"inside\":\"10.0.0.0/8\",\"outside_port\":53,"
			"\"state\":\"UDP\",\"kind\":\"portfw\"}}");
	assert_int_equal(box->dp.filter.proto, IPPROTO_UDP);
	assert_int_equal(box->dp.filter.inside.addr, MASQ_IP4(10, 0, 0, 0));
	assert_int_equal(box->dp.filter.inside.len, 8);
	assert_int_equal(box->dp.filter.outside_port, 53);
	assert_true(box->dp.filter.has_state && box->dp.filter.state == MASQ_STATE_UDP);
	assert_true(box->dp.filter.has_kind && box->dp.filter.kind == MASQ_SESSION_PORTFW);
	ctl_box_ask(box, "session.flush", "{}");
	assert_false(box->dp.filter.has_state || box->dp.filter.has_kind);
	ctl_box_ask(box, "neigh.flush", "{\"address\":\"1.2.3.4\"}");
	assert_int_equal(box->dp.flushed_ip, MASQ_IP4(1, 2, 3, 4));
}

static void
a_notification_is_served_and_not_answered(void **state)
{
	struct ctl_box *box = *state;
	const struct masq_ctl_peer peer = { 0 };
	json_t *document = json_pack("{s:s, s:s, s:{s:{s:i}}}", "jsonrpc", "2.0", "method",
			"timeout.set", "params", "timeouts", "udp", 55);
	size_t len_bytes;

	assert_null(masq_ctl_dispatch(box->ctl, &peer, document, &len_bytes));
	assert_int_equal(box->ctl->rules.timeouts.udp_s, 55);
	json_decref(document);
}

static void
shutdown_is_answered_first(void **state)
{
	struct ctl_box *box = *state;

	assert_false(masq_ctl_poll(box->ctl, 0, 0));
	assert_string_equal(ctl_box_ask(box, "daemon.shutdown", "{}"), "{\"stopping\":true}");
	assert_true(masq_ctl_poll(box->ctl, 0, 0));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ctl_box_open, ctl_box_close)
	const struct CMUnitTest tests[] = {
		TEST(ipchains_conversation),
		TEST(box_conversation),
		TEST(names_that_are_no_utf8),
		TEST(a_packet_is_checked),
		TEST(a_refused_publication_leaves_the_model_as_it_was),
		TEST(a_late_worker_is_a_warning),
		TEST(a_rule_file_is_all_or_nothing),
		TEST(routes_of_a_rule_file_fit_the_ports),
		TEST(a_sentence_about_a_file_with_a_long_name),
		TEST(a_rule_file_is_checked_without_a_data_path),
		TEST(a_rule_file_may_be_as_large_as_is_said),
		TEST(list_and_zero_zeroes_rules_but_no_policies),
		TEST(long_lists_come_in_pages),
		TEST(what_is_saved_in_slices_loads_to_the_same),
		TEST(saving_notices_that_the_rules_changed),
		TEST(silent_workers_are_a_sentence),
		TEST(counters_that_are_not_known_are_a_warning),
		TEST(sessions_of_a_silent_worker_are_left_out),
		TEST(filters_reach_the_data_path),
		TEST(a_notification_is_served_and_not_answered),
		TEST(shutdown_is_answered_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
