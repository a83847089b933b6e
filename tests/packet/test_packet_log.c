/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules with -l: one record a match, as the chain saw the packet; bounded, and nothing without -l. */
#include <stdio.h>
#include <string.h>

#include "masq_test_talk.h"

#define LINE_BYTES 256

static void
text_of(const struct masq_dp_log *r, char line[LINE_BYTES])
{
	char src[MASQ_IP4_TEXT_BYTES], dst[MASQ_IP4_TEXT_BYTES];
	int len = snprintf(line, LINE_BYTES,
			"%s %s %s PROTO=%u %s:%u %s:%u L=%u S=0x%02X I=%u F=0x%04X T=%u",
			r->place.chain, r->place.target, r->port, r->proto,
			masq_ip4_text(r->src, src), r->sport, masq_ip4_text(r->dst, dst), r->dport,
			r->len_bytes, r->tos, r->id, r->fragment, r->ttl);

	for (unsigned int i = 0; i < r->n_options; i++)
		len += snprintf(line + len, (size_t)(LINE_BYTES - len), " O=0x%08X", r->options[i]);
	snprintf(line + len, (size_t)(LINE_BYTES - len), "%s (#%u)", r->syn ? " SYN" : "",
			r->place.number);
}

/* What was logged since the last time is these lines, in their order; NULL ends them. */
static void
logged(struct masq_test_box *box, const char *const *lines)
{
	struct masq_dp_log records[64];
	const unsigned int n = masq_dp_log_read(box_dp(box), records, 64);
	char line[LINE_BYTES];
	unsigned int k = 0;

	for (; lines[k] != NULL && k < n; k++) {
		text_of(&records[k], line);
		assert_string_equal(line, lines[k]);
	}
	if (lines[k] != NULL)
		fail_msg("missing: %s", lines[k]);
	if (k == n)
		return;
	text_of(&records[k], line);
	fail_msg("too much: %s", line);
}

#define LOGGED(box, ...) logged((box), (const char *const[]){ __VA_ARGS__, NULL })
#define LOGGED_NOTHING(box) logged((box), (const char *const[]){ NULL })

/* The line of the reference (5.5), and what else a packet can be. */
static void
each_kind_of_packet(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -p tcp -d 0.0.0.0/0 1\n"
			"ipchains -A input -p tcp -d 0.0.0.0/0 2\n"
			"ipchains -A input -p tcp -d 0.0.0.0/0 3\n"
			"ipchains -A input -p tcp -d 0.0.0.0/0 4\n"
			"ipchains -A input -s 192.168.1.2 -j DENY -l\n"
			"ipchains -A input -j DENY\n");
	const struct masq_test_pkt pkts[] = {
		{ .src = INSIDE,
				.sport = 53,
				.dst = OUTSIDE,
				.dport = 1025,
				.payload = "sixsix",
				.ip_id = 18,
				.ttl = 254 },
		{ .src = INSIDE,
				.sport = 1025,
				.dst = OUTSIDE,
				.dport = 80,
				.proto = IPPROTO_TCP,
				.tcp_flags = SYN,
				.dont_fragment = true,
				.ip_id = 65535 },
		{ .src = INSIDE,
				.sport = 1025,
				.dst = OUTSIDE,
				.dport = 80,
				.proto = IPPROTO_TCP,
				.tcp_flags = SYN | ACK,
				.tos = 0x08,
				.ip_id = 1,
				.ttl = 1 },
		{ .src = INSIDE,
				.dst = OUTSIDE,
				.proto = IPPROTO_ICMP,
				.icmp_type = 8,
				.icmp_id = 7,
				.ip_id = 1 },
		{ .src = INSIDE, .dst = OUTSIDE, .proto = 47, .payload = "gre!", .ip_id = 1 },
		{ .src = INSIDE,
				.sport = 53,
				.dst = OUTSIDE,
				.dport = 1025,
				.ip_id = 1,
				.options = "\x94\x04\x00\x00\x01\x01\x01\x00",
				.option_bytes = 8 },
		{ .src = "192.168.1.3", .dst = OUTSIDE },
	};

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < sizeof(pkts) / sizeof(pkts[0]); k++) {
		box_send(box, LAN, &pkts[k]);
		box_expect_drop(box, MASQ_DROP_INPUT_DENY);
	}
	LOGGED(box, "input DENY lan PROTO=17 192.168.1.2:53 209.81.8.5:1025 L=34 S=0x00 I=18 F=0x0000 T=254 (#5)",
			"input DENY lan PROTO=6 192.168.1.2:1025 209.81.8.5:80 L=40 S=0x00 I=65535 F=0x4000 T=64 SYN (#5)",
			"input DENY lan PROTO=6 192.168.1.2:1025 209.81.8.5:80 L=40 S=0x08 I=1 F=0x0000 T=1 (#5)",
			"input DENY lan PROTO=1 192.168.1.2:8 209.81.8.5:0 L=28 S=0x00 I=1 F=0x0000 T=64 (#5)",
			"input DENY lan PROTO=47 192.168.1.2:65535 209.81.8.5:65535 L=24 S=0x00 I=1 F=0x0000 T=64 (#5)",
			"input DENY lan PROTO=17 192.168.1.2:53 209.81.8.5:1025 L=36 S=0x00 I=1 F=0x0000 T=64 O=0x00000494 O=0x00010101 (#5)");
	box_close(box);
}

/* Each chain logs what it saw; every packet of a session, not only the first. */
static void
what_each_chain_saw(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -A input -p udp -l\n"
			"ipchains -A forward -p udp -j MASQ -l\n"
			"ipchains -A output -p udp -j ACCEPT -l\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	char left[LINE_BYTES];

	for (unsigned int k = 0; k < 3; k++) {
		talk_out(&t, 0);
		snprintf(left, sizeof(left),
				"output ACCEPT wan PROTO=17 203.0.113.1:%u 209.81.8.5:53 L=39 S=0x00 I=0 F=0x0000 T=63 (#1)",
				t.visible_port);
		LOGGED(box, "input - lan PROTO=17 192.168.1.2:1025 209.81.8.5:53 L=39 S=0x00 I=0 F=0x0000 T=64 (#1)",
				"forward MASQ wan PROTO=17 192.168.1.2:1025 209.81.8.5:53 L=39 S=0x00 I=0 F=0x0000 T=63 (#1)",
				left);
		talk_in(&t, 0);
		snprintf(left, sizeof(left),
				"input - wan PROTO=17 209.81.8.5:53 203.0.113.1:%u L=40 S=0x00 I=0 F=0x0000 T=64 (#1)",
				t.visible_port);
		LOGGED(box, left,
				"output ACCEPT lan PROTO=17 209.81.8.5:53 192.168.1.2:1025 L=40 S=0x00 I=0 F=0x0000 T=63 (#1)");
	}
	box_close(box);
}

/* Chains within chains, and the TOS as it was before the rule at hand. */
static void
chains_targets_and_tos(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			"ipchains -N web\n"
			"ipchains -A web -l -t 0x01 0x10\n"
			"ipchains -A web -p tcp -j RETURN\n"
			"ipchains -A web -l -j RETURN\n"
			"ipchains -A input -j web -l -t 0x01 0x08\n"
			"ipchains -A input -j DENY -l\n");
	const struct masq_test_pkt pkt = { .src = INSIDE, .dst = OUTSIDE, .sport = 1, .dport = 2 };

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_INPUT_DENY);
	LOGGED(box, "input web lan PROTO=17 192.168.1.2:1 209.81.8.5:2 L=28 S=0x00 I=0 F=0x0000 T=64 (#1)",
			"web - lan PROTO=17 192.168.1.2:1 209.81.8.5:2 L=28 S=0x08 I=0 F=0x0000 T=64 (#1)",
			"web RETURN lan PROTO=17 192.168.1.2:1 209.81.8.5:2 L=28 S=0x10 I=0 F=0x0000 T=64 (#3)",
			"input DENY lan PROTO=17 192.168.1.2:1 209.81.8.5:2 L=28 S=0x10 I=0 F=0x0000 T=64 (#2)");
	box_close(box);
}

/* The box's own answer is the output chain's, with its own time to live. */
static void
answers_of_the_box(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), "ipchains -A output -l\n");
	const struct masq_test_pkt ping = {
		.src = INSIDE, .dst = BOX_LAN, .proto = IPPROTO_ICMP, .icmp_type = 8, .ttl = 3
	};

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &ping);
	box_take(box, LAN);
	LOGGED(box, "output - lan PROTO=1 192.168.1.1:0 192.168.1.2:0 L=28 S=0x00 I=0 F=0x0000 T=64 (#1)");
	box_close(box);
}

/* More matches than one result holds: each is logged, once and in order. */
static void
long_paths(void **state)
{
	char rules[150 * 32] = "";
	struct masq_dp_log records[4 * 200];
	struct masq_test_box *box;
	const struct masq_test_pkt pkt = { .src = INSIDE, .dst = OUTSIDE };
	size_t len = 0;

	for (unsigned int k = 0; k < 150; k++)
		len += (size_t)snprintf(rules + len, sizeof(rules) - len, "ipchains -A input -l\n");
	box = box_open(box_workers(state), rules);
	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &pkt);
	assert_int_equal(masq_dp_log_read(box_dp(box), records, 4 * 200), 150);
	for (unsigned int k = 0; k < 150; k++) {
		assert_int_equal(records[k].place.number, k + 1);
		assert_string_equal(records[k].place.chain, "input");
	}
	box_close(box);
}

/* A flood is cut to so many records a second; what is cut is counted, and packets flow as before. */
static void
floods_are_bounded(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), "ipchains -A input -l -j DENY\n");
	const struct masq_test_pkt pkt = { .src = INSIDE, .dst = OUTSIDE };
	static struct masq_dp_log records[4 * 1024];

	box_hello(box, LAN, INSIDE);
	for (unsigned int second = 1; second <= 3; second++) {
		for (unsigned int k = 0; k < MASQ_DP_LOG_RATE + 100; k++)
			box_send(box, LAN, &pkt);
		assert_int_equal(box_counters(box).log_lost, second * 100);
		assert_int_equal(box_rule_packets(box, "input", 1),
				second * (MASQ_DP_LOG_RATE + 100));
		assert_int_equal(
				masq_dp_log_read(box_dp(box), records, 4 * 1024), MASQ_DP_LOG_RATE);
		assert_int_equal(masq_dp_log_read(box_dp(box), records, 4 * 1024), 0);
		box_advance(box, 1000);
	}
	/* Nobody reads: the ring is full, and full it stays. */
	for (unsigned int second = 0; second < 3; second++) {
		for (unsigned int k = 0; k < 500; k++)
			box_send(box, LAN, &pkt);
		box_advance(box, 1000);
	}
	assert_int_equal(masq_dp_log_read(box_dp(box), records, 4 * 1024), 1023);
	assert_int_equal(box_counters(box).log_lost, 300 + 1500 - 1023);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(each_kind_of_packet),
		BOX_ROWS(what_each_chain_saw),
		BOX_ROWS(chains_targets_and_tos),
		BOX_ROWS(answers_of_the_box),
		BOX_ROWS(long_paths),
		BOX_ROWS(floods_are_bounded),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("packet log", tests, NULL, NULL);
}
