/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The texts of /proc/net to the column, typed from the reference (1.14, 2.4, 5.6).
 */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "ctl_box.h"

/* 192.168.1.2:1025 -> 209.81.8.5:80, masqueraded as 192.168.2.16:61000 */
static struct masq_session_row
masqueraded(void)
{
	return (struct masq_session_row){
		.initial = {
			.src = htonl(MASQ_IP4(192, 168, 1, 2)), .sport = htons(1025),
			.dst = htonl(MASQ_IP4(209, 81, 8, 5)), .dport = htons(80),
			.proto = IPPROTO_TCP,
		},
		.reply = {
			.src = htonl(MASQ_IP4(209, 81, 8, 5)), .sport = htons(80),
			.dst = htonl(MASQ_IP4(192, 168, 2, 16)), .dport = htons(61000),
			.proto = IPPROTO_TCP,
		},
		.state = MASQ_STATE_ESTABLISHED,
		.kind = MASQ_SESSION_MASQ,
		.expires_ms = 899370,
		.initial_packets = 3,
		.reply_packets = 2,
	};
}

/* 209.81.8.5:1025 -> 192.168.2.16:80, forwarded to 192.168.16.28:8080 */
static struct masq_session_row
forwarded(void)
{
	return (struct masq_session_row){
		.initial = {
			.src = htonl(MASQ_IP4(209, 81, 8, 5)), .sport = htons(1025),
			.dst = htonl(MASQ_IP4(192, 168, 2, 16)), .dport = htons(80),
			.proto = IPPROTO_TCP,
		},
		.reply = {
			.src = htonl(MASQ_IP4(192, 168, 16, 28)), .sport = htons(8080),
			.dst = htonl(MASQ_IP4(209, 81, 8, 5)), .dport = htons(1025),
			.proto = IPPROTO_TCP,
		},
		.state = MASQ_STATE_SYN_RECV,
		.kind = MASQ_SESSION_PORTFW,
		.expires_ms = 60000,
		.initial_packets = 1,
	};
}

/* 192.168.1.2 pings 209.81.8.5 with id 0x0401, id 61001 outside; no reply yet */
static struct masq_session_row
pinging(void)
{
	struct masq_session_row row = masqueraded();

	row.initial.dport = htons(8);
	row.initial.proto = row.reply.proto = IPPROTO_ICMP;
	row.reply.sport = htons(8);
	row.reply.dport = htons(61001);
	row.state = MASQ_STATE_ICMP;
	row.reply_packets = 0;
	row.expires_ms = 60000;
	return row;
}

/* The text of a name: lines stand in "expected" without the blanks at their ends, which must fill
 * them up to "width". */
static void
assert_text(struct ctl_box *box, const char *name, int width, const char *const *expected,
		size_t n_expected)
{
	char params[64];
	const char *at;
	json_t *result;

	snprintf(params, sizeof(params), "{\"name\":\"%s\"}", name);
	result = ctl_box_result(box, "proc.read", params);
	at = json_string_value(json_object_get(result, "text"));
	assert_non_null(at);
	for (size_t i = 0; i < n_expected; i++) {
		char line[256];

		snprintf(line, sizeof(line), "%-*s\n", width, expected[i]);
		if (strncmp(at, line, strlen(line)) != 0)
			fail_msg("%s, line %zu\n  wanted: %s  got:    %s", name, i + 1, line, at);
		at += strlen(line);
	}
	assert_string_equal(at, "");
	assert_true(json_is_null(json_object_get(result, "cursor")));
	json_decref(result);
}

#define ASSERT_TEXT(box, name, width, expected) \
	assert_text(box, name, width, expected, sizeof(expected) / sizeof((expected)[0]))

static void
ip_masquerade(void **state)
{
	static const char *const expected[] = {
		("Prc FromIP   FPrt ToIP     TPrt Masq Init-seq  Delta PDelta Expires "
		 "(free=32765,32765,32765)"),
		"TCP C0A80102:0401 D1510805:0050 EE48 00000000      0      0   89937",
		"TCP C0A8101C:1F90 D1510805:0401 0050 00000000      0      0    6000",
		"ICMP C0A80102:0401 D1510805:0008 EE49 00000000      0      0    6000",
	};
	struct ctl_box *box = *state;

	box->dp.sessions[0] = masqueraded();
	box->dp.sessions[1] = forwarded();
	box->dp.sessions[2] = pinging();
	box->dp.n_sessions = box->dp.counters.sessions = 3;
	ASSERT_TEXT(box, "ip_masquerade", 127, expected);
}

static void
a_full_table_has_nothing_free(void **state)
{
	struct ctl_box *box = *state;

	box->dp.counters.sessions = box->start.sessions + 1;
	assert_non_null(strstr(ctl_box_ask(box, "proc.read", "{\"name\":\"ip_masquerade\"}"),
			"Expires (free=0,0,0)"));
}

/* HRow as the original hashes: (protocol ^ addresses ^ ports) & 255. */
static void
ip_masq_tcp(void **state)
{
	static const char *const tcp[] = {
		("Prot SrcIP    SPrt DstIP    DPrt MAddr    MPrt State        Flgs Ref Ctl Expires HRow "
		 "HCol (free=32765,32765,32765)"),
		"TCP  C0A80102:0401 D1510805:0050 C0A80210:EE48 ESTABLISHED  100    3   0     899   11    0",
		"TCP  C0A8101C:1F90 D1510805:0401 C0A80210:0050 SYN_RECV     1100    3   0      60   66    0",
	};
	static const char *const icmp[] = {
		"Prot SrcIP    SPrt DstIP    DPrt MAddr    MPrt State        Flgs Ref Ctl Expires HRow "
		"HCol (free=32765,32765,32765)",
		"ICMP C0A80102:0401 D1510805:0008 C0A80210:EE49 ICMP         180    3   0      60   85    0",
	};
	struct ctl_box *box = *state;

	box->dp.sessions[0] = masqueraded();
	box->dp.sessions[1] = forwarded();
	box->dp.sessions[2] = pinging();
	box->dp.n_sessions = box->dp.counters.sessions = 3;
	ASSERT_TEXT(box, "ip_masq/tcp", 127, tcp);
	ASSERT_TEXT(box, "ip_masq/icmp", 127, icmp);
}

static void
ip_masq_portfw(void **state)
{
	static const char *const expected[] = {
		"Prot LAddr    LPort > RAddr    RPort PrCnt  Pref",
		"TCP  C0A80210    80 > C0A8101C    80     5     5",
		"TCP  C0A80210    80 > C0A8101B 60999    15    15",
	};
	struct ctl_box *box = *state;

	ctl_box_load(box,
			"portfw -a -P tcp -L 192.168.2.16 80 -R 192.168.16.27 60999 -p 15\n"
			"portfw -a -P tcp -L 192.168.2.16 80 -R 192.168.16.28 80 -p 5");
	ASSERT_TEXT(box, "ip_masq/portfw", 63, expected);
	ASSERT_TEXT(box, "ip_masq/app", 39, (const char *const[]){ "prot port    n_attach name" });
}

static void
ip_fwchains(void **state)
{
	static const char *const expected[] = {
		"    input 0A000000/FF000000->01020304/FFFFFFFF wan 1B 2 6 0         7         1         "
		"4         1024-65535 80-80 AFF X00 00000000 16 0      DENY",
		"  forward C0A80100/FFFFFF00->00000000/00000000 - 0 0 0 0         0         0         0"
		"         0-65535 0-65535 AFF X00 00000000 0 0      MASQ",
		"      web 00000000/00000000->00000000/00000000 - 0 0 0 0         0         0         0"
		"         0-65535 0-65535 AFF X00 00000000 4294967291 0         -",
	};
	struct ctl_box *box = *state;
	uint32_t id;

	ctl_box_load(box,
			"ipchains -N web\n"
			"ipchains -A web -m -5\n"
			"ipchains -A forward -s 192.168.1.0/24 -j MASQ\n"
			"ipchains -A input -p tcp -s 10.0.0.0/8 1024:65535 -d ! 1.2.3.4 80 -i wan+ -y -l "
			"-m 16 -j DENY");
	id = box->ctl->rules.chains[MASQ_CHAIN_INPUT].rules[0].id;
	box->dp.rule[id] = (struct masq_dp_rule_counter){ 7, (UINT64_C(1) << 32) + 4 };
	ASSERT_TEXT(box, "ip_fwchains", 0, expected);
}

static void
ip_fwnames(void **state)
{
	static const char *const expected[] = {
		"input DENY 1 0 9 2 1",
		"forward ACCEPT 1 0 0 0 0",
		"output ACCEPT 1 0 0 0 0",
		"web - 1 0 0 0 0",
	};
	struct ctl_box *box = *state;
	uint32_t id;

	ctl_box_load(box, "ipchains -N web\nipchains -A input -j web\nipchains -P input DENY");
	id = box->ctl->rules.chains[MASQ_CHAIN_INPUT].policy_id;
	box->dp.rule[id] = (struct masq_dp_rule_counter){ 9, (UINT64_C(2) << 32) + 1 };
	ASSERT_TEXT(box, "ip_fwnames", 0, expected);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, ctl_box_open, ctl_box_close)
	const struct CMUnitTest tests[] = {
		TEST(ip_masquerade),
		TEST(a_full_table_has_nothing_free),
		TEST(ip_masq_tcp),
		TEST(ip_masq_portfw),
		TEST(ip_fwchains),
		TEST(ip_fwnames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
