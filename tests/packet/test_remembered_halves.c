/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of verdicts, packets of sessions: a half that is judged when others of its kind have been gets
 * what the rules say of its own packets, and is counted. Two sorts of sessions take turns, which differ in
 * one thing that a rule looks at.
 */
#include <stdio.h>

#include <masq_classes.h>

#include "masq_test_sorts.h"

#define LISTED (MASQ_CLASSES_NAMED + 100) /* hosts: more than there are names for classes */
#define LIST_BYTES (64 * (LISTED + 8))

/* Rules that tell so many hosts apart that those of the sessions are of no class; as sources or as destinations. */
static const char *
list_of_hosts(char text[LIST_BYTES], const char *chain, const char *option)
{
	static const char *const ours[] = { INSIDE, "192.168.1.66", SERVER, SERVER2, OUTSIDE,
		"198.51.100.66" };
	int n = 0;

	for (unsigned int k = 0; k < LISTED; k++)
		n += snprintf(text + n, LIST_BYTES - (size_t)n, "ipchains -A %s -%s 10.%u.%u.1\n",
				chain, option, k / 256, k % 256);
	for (unsigned int k = 0; k < RTE_DIM(ours); k++)
		n += snprintf(text + n, LIST_BYTES - (size_t)n, "ipchains -A %s -%s %s\n", chain,
				option, ours[k]);
	return text;
}

/* Rules that come when sessions stand, and refuse those of one sort. */
static void
one_thing_is_enough(void **state)
{
	enum way {
		OUT,
		BACK, /* of masqueraded hosts */
		CALL_IN,
		ANSWER, /* of forwarded calls */
	};

	static const struct {
		enum way way;
		const char *rule;
		struct talk odd; /* where they differ */
		enum masq_drop reason;
	} rows[] = {
		{ OUT, "input -s 192.168.1.66", { .inside = "192.168.1.66" },
				MASQ_DROP_INPUT_DENY },
		{ OUT, "input -p udp -s 0.0.0.0/0 4000:4099", { .inside_port = 4000 },
				MASQ_DROP_INPUT_DENY },
		{ OUT, "input -d 198.51.100.66", { .outside = "198.51.100.66" },
				MASQ_DROP_INPUT_DENY },
		{ OUT, "input -p udp -d 0.0.0.0/0 5000", { .outside_port = 5000 },
				MASQ_DROP_INPUT_DENY },
		{ OUT, "forward -s 192.168.1.66", { .inside = "192.168.1.66" },
				MASQ_DROP_FORWARD_DENY },
		{ OUT, "output -d 198.51.100.66", { .outside = "198.51.100.66" },
				MASQ_DROP_OUTPUT_DENY },
		{ OUT, "output -p tcp -i wan", { .proto = IPPROTO_TCP }, MASQ_DROP_OUTPUT_DENY },
		{ OUT, "input -i srv", { .inside = SERVER, .inside_at = SRV },
				MASQ_DROP_INPUT_DENY },
		{ BACK, "input -s 198.51.100.66", { .outside = "198.51.100.66" },
				MASQ_DROP_INPUT_DENY },
		{ BACK, "input -i wan -p udp -s 0.0.0.0/0 5000", { .outside_port = 5000 },
				MASQ_DROP_INPUT_DENY },
		{ BACK, "output -i lan -s 198.51.100.66", { .outside = "198.51.100.66" },
				MASQ_DROP_OUTPUT_DENY },
		{ BACK, "output -d 192.168.1.66", { .inside = "192.168.1.66" },
				MASQ_DROP_OUTPUT_DENY },
		{ BACK, "output -i lan -p udp -d 0.0.0.0/0 4000:4099", { .inside_port = 4000 },
				MASQ_DROP_OUTPUT_DENY },
		{ BACK, "input -i wan -p tcp", { .proto = IPPROTO_TCP }, MASQ_DROP_INPUT_DENY },
		{ BACK, "output -i srv", { .inside = SERVER, .inside_at = SRV },
				MASQ_DROP_OUTPUT_DENY },
		{ CALL_IN, "input -p udp -d 203.0.113.1 54",
				{ .visible_port = 54, .outside_port = 3500 },
				MASQ_DROP_INPUT_DENY },
		{ CALL_IN, "output -d 192.168.16.28", { .visible_port = 55, .inside = SERVER2 },
				MASQ_DROP_OUTPUT_DENY },
		{ CALL_IN, "output -p udp -d 0.0.0.0/0 5454",
				{ .visible_port = 56, .inside_port = 5454 },
				MASQ_DROP_OUTPUT_DENY },
		{ CALL_IN, "output -p udp -s 0.0.0.0/0 4000:4099", { .outside_port = 4000 },
				MASQ_DROP_OUTPUT_DENY },
		{ ANSWER, "input -p udp -s 0.0.0.0/0 5454",
				{ .visible_port = 56, .inside_port = 5454 }, MASQ_DROP_INPUT_DENY },
		{ ANSWER, "forward -s 192.168.16.28", { .visible_port = 55, .inside = SERVER2 },
				MASQ_DROP_FORWARD_DENY },
		{ ANSWER, "output -p udp -s 203.0.113.1 54",
				{ .visible_port = 54, .outside_port = 3500 },
				MASQ_DROP_OUTPUT_DENY },
	};

	/* Again with addresses that have no classes: any, or as they come, or as they leave. */
	static char sources[LIST_BYTES], destinations[LIST_BYTES], rules[LIST_BYTES + 1024];
	const char *const more[] = { "",
		"ipchains -A input -s 10.0.0.1/255.0.0.255 -d 10.0.0.1/255.0.0.255\n",
		list_of_hosts(sources, "input", "s"), list_of_hosts(destinations, "output", "d") };

	for (unsigned int row = 0; row < RTE_DIM(more) * RTE_DIM(rows); row++) {
		unsigned int r = row / RTE_DIM(more);
		struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);
		bool is_call = rows[r].way == CALL_IN || rows[r].way == ANSWER;
		bool inwards = rows[r].way == BACK || rows[r].way == CALL_IN;
		struct talk usual[TALKS], odd[TALKS];

		for (uint16_t k = 0; k < TALKS; k++) {
			const struct talk same = { .proto = 0 };

			usual[k] = is_call ? called(box, &same, k) : masqueraded(box, &same, k);
			odd[k] = is_call ? called(box, &rows[r].odd, k)
					 : masqueraded(box, &rows[r].odd, k);
			open_talk(&usual[k], is_call);
			open_talk(&odd[k], is_call);
		}
		snprintf(rules, sizeof(rules), NEUTRAL "ipchains -A %s -j DENY\n%s", rows[r].rule,
				more[row % RTE_DIM(more)]);
		box_rules(box, rules);
		for (uint16_t k = 0; k < TALKS; k++) {
			uint8_t flags = odd[k].proto == IPPROTO_TCP ? ACK : 0;

			if (inwards) {
				talk_in(&usual[k], 0);
				talk_in_dropped(&odd[k], flags, rows[r].reason);
			} else {
				talk_out(&usual[k], 0);
				talk_out_dropped(&odd[k], flags, rows[r].reason);
			}
		}
		box_expect_nothing(box);
		box_close(box);
	}
}

/* The class of one host has the number of the other's and some 256, whose lower bits are the same: the narrower
 * a class, the higher its number, and so many are as narrow as that of the first. */
static void
all_bits_of_a_class_count(void **state)
{
	static char rules[LIST_BYTES];
	struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);
	const struct talk at_66 = { .inside = "192.168.1.66" }, same = { .proto = 0 };
	struct talk usual = masqueraded(box, &same, 0), odd = masqueraded(box, &at_66, 1);

	open_talk(&usual, false);
	open_talk(&odd, false);
	for (unsigned int n = 250; n < 262; n++) {
		int at = snprintf(rules, sizeof(rules),
				NEUTRAL "ipchains -A output -d 192.168.1.66/31 -j DENY\n"
					"ipchains -A output -d " INSIDE "\n");

		for (unsigned int k = 0; k < n; k++)
			at += snprintf(rules + at, sizeof(rules) - (size_t)at,
					"ipchains -A output -d 10.1.%u.%u\n", k / 100,
					2 * (k % 100));
		box_rules(box, rules);
		talk_in(&usual, 0);
		talk_in_dropped(&odd, 0, MASQ_DROP_OUTPUT_DENY);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* A session's mark is what the chains before it was made say, whoever of its kind is the first. */
static void
marks_of_sessions(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			NEUTRAL "ipchains -A input -m 3\n"
				"ipchains -A forward -m +4\n"
				"ipchains -A output -m 100\n");
	const struct masq_dp_session_filter all = { 0 };
	const struct talk same = { .proto = 0 };

	for (uint16_t k = 0; k < TALKS; k++) {
		struct talk out = masqueraded(box, &same, k), call = called(box, &same, k);

		talk_out(&out, 0);
		assert_int_equal(box_session(box).mark, 7);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), 1);
		talk_in(&call, 0);
		assert_int_equal(box_session(box).mark, 3);
		talk_out(&call, 0);
		assert_int_equal(masq_dp_sessions_flush(box_dp(box), &all, NULL), 1);
	}
	box_close(box);
}

/* Answers to an own address skip the forward chain, those of forwarded servers do not; both come from one
 * network and leave to another, and no rule looks at anything else. */
static void
the_forward_chain_is_part_of_it(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);
	struct talk out[TALKS], call[TALKS];

	for (uint16_t k = 0; k < TALKS; k++) {
		const struct talk to_server = TALK(
				box, UDP, INSIDE, (uint16_t)(3000 + k), SERVER2, 53);
		const struct talk by_address = CALL(
				box, UDP, INSIDE, (uint16_t)(4000 + k), 53, SERVER, 5353);

		out[k] = to_server;
		out[k].visible = BOX_SRV;
		out[k].outside_at = SRV;
		call[k] = by_address;
		call[k].outside_at = LAN;
		open_talk(&out[k], false);
		open_talk(&call[k], true);
	}
	box_rules(box, NEUTRAL "ipchains -A forward -i lan -j DENY\n");
	for (uint16_t k = 0; k < TALKS; k++) {
		talk_in(&out[k], 0);
		talk_out_dropped(&call[k], 0, MASQ_DROP_FORWARD_DENY);
	}
	box_rules(box, NEUTRAL);
	for (uint16_t k = 0; k < TALKS; k++) {
		talk_in(&out[k], 0);
		talk_out(&call[k], 0);
	}
	/* Two packets from inside of each when they were opened, and one answer now. */
	assert_int_equal(box_rule_packets(box, "forward", 0), (2 + 2 + 1) * TALKS);
	box_close(box);
}

/* The network of the other side is reached by another port now; rules look at nothing but that. */
static void
the_arrival_is_part_of_it(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);
	struct talk t[TALKS];

	for (uint16_t k = 0; k < TALKS; k++) {
		t[k] = masqueraded(box, &(const struct talk){ .proto = 0 }, k);
		open_talk(&t[k], false);
	}
	box_rules(box, NEUTRAL "ipchains -A input -i srv -j DENY\n");
	for (uint16_t k = 0; k < TALKS; k++) {
		t[k].outside_at = WAN;
		talk_in(&t[k], 0);
		t[k].outside_at = SRV;
		talk_in_dropped(&t[k], 0, MASQ_DROP_INPUT_DENY);
	}
	/* And is remembered: of two packets by the new port the second is an ordinary one. */
	box_rules(box, NEUTRAL);
	for (uint16_t k = 0; k < TALKS; k++) {
		uint64_t hits = box_counters(box).hits;

		talk_in(&t[k], 0);
		assert_int_equal(box_counters(box).hits, hits);
		talk_in(&t[k], 0);
		assert_int_equal(box_counters(box).hits, hits + 1);
	}
	box_close(box);
}

/* What rules say of the TOS, and what they count, is said and counted of each. */
static void
tos_and_counts(void **state)
{
	static const char *const rules = NEUTRAL "ipchains -A output -d 192.168.1.66 -t 0x01 0x10\n"
						 "ipchains -A input -i wan -s 209.81.8.5\n";
	struct masq_test_box *box = box_open(box_workers(state), rules);
	struct talk usual[TALKS], odd[TALKS];

	for (unsigned int round = 0; round < 3; round++) {
		for (uint16_t k = 0; k < TALKS; k++) {
			struct masq_test_pkt back, left;

			if (round == 0) {
				usual[k] = masqueraded(box, &(const struct talk){ .proto = 0 }, k);
				odd[k] = masqueraded(box,
						&(const struct talk){ .inside = "192.168.1.66" },
						k);
			}
			talk_out(&usual[k], 0);
			talk_out(&odd[k], 0);
			talk_in(&usual[k], 0);
			back = talk_in_pkt(&odd[k], 0);
			left = talk_in_translated(&odd[k], back);
			left.tos = 0x10;
			box_send(box, WAN, &back);
			box_expect(box, LAN, &left);
		}
		assert_int_equal(box_rule_packets(box, "output", 1), (round + 1) * TALKS);
		assert_int_equal(box_rule_packets(box, "input", 1), (round + 1) * 2 * TALKS);
		assert_int_equal(box_rule_packets(box, "output", 0), (round + 1) * 4 * TALKS);
		/* The rules stay, and go on counting; the halves are judged anew. */
		box_rules(box, rules);
	}
	box_close(box);
}

/* -y: data of established calls passes, SYN segments do not, whichever comes first. */
static void
syn_segments_are_told_apart(void **state)
{
	static const char *const no_syn = NEUTRAL "ipchains -A input -i wan -p tcp -y -j DENY\n";
	struct masq_test_box *box = box_open(box_workers(state), NEUTRAL);
	struct talk call[TALKS];

	for (uint16_t k = 0; k < TALKS; k++) {
		const struct talk t = CALL(
				box, TCP, OUTSIDE, (uint16_t)(3000 + k), 80, SERVER, 8080);

		call[k] = t;
		talk_open_from_outside(&call[k]);
	}
	for (unsigned int round = 0; round < 2; round++) {
		box_rules(box, no_syn);
		for (uint16_t k = 0; k < TALKS; k++) {
			if ((k + round) % 2 == 0)
				talk_in_dropped(&call[k], SYN, MASQ_DROP_INPUT_DENY);
			talk_in(&call[k], ACK);
			talk_in_dropped(&call[k], SYN, MASQ_DROP_INPUT_DENY);
			talk_in(&call[k], ACK);
		}
		box_rules(box, NEUTRAL);
		for (uint16_t k = 0; k < TALKS; k++)
			talk_in(&call[k], ACK);
	}
	box_close(box);
}

/* Packets of all sessions, of the side that made them. */
static uint64_t
said_by_makers(struct masq_test_box *box)
{
	const struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row rows[64];
	uint64_t packets = 0;
	bool end = false;

	while (!end) {
		int n = masq_dp_sessions(box_dp(box), &all, &cursor, rows, 64, &end);

		for (int k = 0; k < n; k++)
			packets += rows[k].initial_packets;
	}
	return packets;
}

/* What rules say of SYN segments is said of each, and of no other, whoever of its kind came first; and it is
 * counted once. */
static void
syn_segments_are_kinds_of_their_own(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			NEUTRAL "ipchains -A input -p tcp -y\n"
				"ipchains -A output -p tcp -y -t 0x01 0x10\n"
				"ipchains -A output -p tcp ! -y -t 0x01 0x08\n");
	uint64_t syns = 0, others = 0;

	for (uint16_t k = 0; k < 3 * TALKS; k++) {
		/* Segments of the host that begins; SYN comes again, also late, or is not the first. */
		static const uint8_t said[3][6] = {
			{ SYN, ACK, ACK, SYN, ACK, FIN | ACK },
			{ SYN, SYN, ACK, SYN | ACK, SYN, ACK },
			{ ACK, SYN, ACK, SYN | RST, SYN, ACK },
		};
		const struct talk call_k = CALL(
				box, TCP, OUTSIDE, (uint16_t)(3000 + k), 80, SERVER, 8080);
		struct talk out = masqueraded(box, &(const struct talk){ .proto = IPPROTO_TCP }, k);
		struct talk call = call_k;

		for (unsigned int n = 0; n < 6; n++) {
			uint8_t flags = said[k % 3][n];
			bool syn = flags == SYN;
			struct masq_test_pkt pkt = talk_out_pkt(&out, flags);
			struct masq_test_pkt left = talk_out_translated(&out, pkt);

			left.tos = syn ? 0x10 : 0x08;
			box_send(box, LAN, &pkt);
			out.visible_port = box_expect(box, WAN, &left).sport;
			pkt = talk_in_pkt(&call, flags);
			left = talk_in_translated(&call, pkt);
			left.tos = syn ? 0x10 : 0x08;
			box_send(box, WAN, &pkt);
			box_expect(box, SRV, &left);
			syns += syn ? 2 : 0;
			others += syn ? 0 : 2;
		}
		assert_int_equal(said_by_makers(box), syns + others);
		assert_int_equal(box_rule_packets(box, "input", 1), syns);
		assert_int_equal(box_rule_packets(box, "output", 1), syns);
		assert_int_equal(box_rule_packets(box, "output", 2), others);
		assert_int_equal(box_rule_packets(box, "output", 0), syns + others);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Packets that a half cannot send as it is are looked at, whatever is known of their kind. */
static void
what_is_not_plain(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .wan_mtu = 600, .rules = NEUTRAL
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk t[TALKS];

	for (uint16_t k = 0; k < TALKS; k++) {
		t[k] = masqueraded(box, &(const struct talk){ .proto = 0 }, k);
		open_talk(&t[k], false);
	}
	box_rules(box, NEUTRAL "ipchains -A input -p tcp\n");
	for (uint16_t k = 0; k < TALKS; k++) {
		struct masq_test_pkt odd = talk_out_pkt(&t[k], 0), error;

		if (k == 0)
			talk_out(&t[k], 0);
		odd.ttl = 1;
		error = box_error(LAN, &odd, 11, 0, 0);
		box_send(box, LAN, &odd);
		box_expect_drop(box, MASQ_DROP_TTL);
		box_expect(box, LAN, &error);
		odd.ttl = 0;
		odd.payload = NULL;
		odd.payload_bytes = 700;
		odd.dont_fragment = true;
		error = box_error(LAN, &odd, 3, 4, 600);
		box_send(box, LAN, &odd);
		box_expect_drop(box, MASQ_DROP_MTU);
		box_expect(box, LAN, &error);
		talk_out(&t[k], 0);
	}
	/* Behind new rules and with a neighbour that must be asked for again. */
	box_rules(box, NEUTRAL "ipchains -A input -p icmp\n");
	for (uint16_t k = 0; k < TALKS; k++) {
		assert_int_equal(masq_dp_neighbours_flush(box_dp(box), 0), 0);
		talk_out(&t[k], 0);
		talk_in(&t[k], 0);
	}
	box_expect_nothing(box);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(one_thing_is_enough),
		BOX_ROWS(all_bits_of_a_class_count),
		BOX_ROWS(marks_of_sessions),
		BOX_ROWS(the_forward_chain_is_part_of_it),
		BOX_ROWS(the_arrival_is_part_of_it),
		BOX_ROWS(tos_and_counts),
		BOX_ROWS(syn_segments_are_told_apart),
		BOX_ROWS(syn_segments_are_kinds_of_their_own),
		BOX_ROWS(what_is_not_plain),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("remembered_halves", tests, NULL, NULL);
}
