/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of verdicts, ICMP queries: rules look at their type and code, and the tuples of sessions hold their
 * identifier. Queries that are alike to the rules need the chains only once; those that are not never get what was
 * said of others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_classes.h>

#include "masq_test_talk.h"

#define ROUNDS 6
#define PAIRS (MASQ_CLASSES_NAMED + 10) /* of ports: more than there are names for classes */
#define LINE_BYTES 64

static struct masq_test_pkt
query(uint8_t type, uint8_t code, uint16_t id)
{
	return (struct masq_test_pkt){
		.proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = OUTSIDE,
		.icmp_type = type,
		.icmp_code = code,
		.icmp_id = id,
		.payload = "hello",
	};
}

/* Of routed queries only the first of a kind asks the chains. */
static void
routed_queries_are_remembered(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), "ipchains -A input -p icmp\n");
	uint64_t routed;

	box_hello(box, LAN, INSIDE);
	for (uint16_t k = 0; k < 20; k++) {
		struct masq_test_pkt pkt = query(8, 0, (uint16_t)(1000 + k)), left = onward(pkt);

		routed = box_counters(box).routed;
		box_send(box, LAN, &pkt);
		box_expect(box, WAN, &left);
		assert_int_equal(box_counters(box).routed - routed, k > 0);
	}
	assert_int_equal(box_rule_packets(box, "input", 1), 20);
	box_close(box);
}

/* Ports of which rules tell more pairs apart than have names: single ones, such as types, get none. */
static char *
with_many_pairs(const char *rules)
{
	size_t size = strlen(rules) + 1 + (size_t)PAIRS * LINE_BYTES, n = 0;
	char *text = malloc(size);

	assert_non_null(text);
	for (unsigned int k = 0; k < PAIRS; k++)
		n += (size_t)snprintf(text + n, size - n,
				"ipchains -A input -p udp -s 0.0.0.0/0 %u:%u\n", 1000 + 2 * k,
				1001 + 2 * k);
	snprintf(text + n, size - n, "%s", rules);
	return text;
}

/* So that none of these types is like another. */
#define EACH_TYPE                                     \
	"ipchains -A input -p icmp -s 0.0.0.0/0 0\n"  \
	"ipchains -A input -p icmp -s 0.0.0.0/0 8\n"  \
	"ipchains -A input -p icmp -s 0.0.0.0/0 13\n" \
	"ipchains -A input -p icmp -s 0.0.0.0/0 14\n"

/* Rules about one type or code, met by others of the same addresses and identifier, too. */
static void
types_and_codes_are_told_apart(void **state)
{
	static const struct {
		const char *rule;
		int type, code; /* that it is about; -1: any */
	} rows[] = {
		{ "-s 0.0.0.0/0 8", 8, -1 },
		{ "-s 0.0.0.0/0 0", 0, -1 },
		{ "-s 0.0.0.0/0 13", 13, -1 },
		{ "-s 0.0.0.0/0 14", 14, -1 },
		{ "-d 0.0.0.0/0 1", -1, 1 },
		{ "-s 0.0.0.0/0 0 -d 0.0.0.0/0 2", 0, 2 },
	};

	static const uint8_t others[][2] = { { 8, 0 }, { 0, 0 }, { 13, 0 }, { 14, 0 }, { 8, 1 },
		{ 8, 2 }, { 0, 2 } };
	static const uint16_t ids[] = { 1000, 8, 13 }; /* the latter two might be types */

	struct masq_test_box *box = box_open(box_workers(state), NULL);

	box_hello(box, LAN, INSIDE);
	for (unsigned int row = 0; row < 2 * RTE_DIM(rows); row++) {
		unsigned int r = row / 2;
		char rule[LINE_BYTES * 8], *rules;

		snprintf(rule, sizeof(rule), EACH_TYPE "ipchains -A forward -p icmp %s -j DENY\n",
				rows[r].rule);
		rules = row % 2 == 0 ? strdup(rule) : with_many_pairs(rule);
		box_rules(box, rules);
		free(rules);
		for (unsigned int k = 0; k < ROUNDS * RTE_DIM(others); k++) {
			const uint8_t *other = others[k % RTE_DIM(others)];
			struct masq_test_pkt pkt = query(other[0], other[1],
					ids[k / RTE_DIM(others) % RTE_DIM(ids)]);
			struct masq_test_pkt left = onward(pkt);

			box_send(box, LAN, &pkt);
			if ((rows[r].type < 0 || other[0] == rows[r].type) &&
					(rows[r].code < 0 || other[1] == rows[r].code))
				box_expect_drop(box, MASQ_DROP_FORWARD_DENY);
			else
				box_expect(box, WAN, &left);
		}
		box_expect_nothing(box);
	}
	box_close(box);
}

/* A reply begins no session, however many requests that rules do not tell from it have done so. */
static void
replies_begin_no_session(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	uint32_t sessions;

	for (uint16_t k = 0; k < 8; k++) {
		struct talk t = TALK(box, ICMP, INSIDE, (uint16_t)(1000 + k), OUTSIDE, 8);
		struct masq_test_pkt reply = query(0, 0, (uint16_t)(2000 + k));

		talk_out(&t, 0);
		talk_in(&t, 0);
		sessions = box_sessions(box);
		box_send(box, LAN, &reply);
		box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
		assert_int_equal(box_sessions(box), sessions);
	}
	box_expect_nothing(box);
	box_close(box);
}

/* Sessions of two sorts, and a rule about packets of one of them, on their way out or back. */
static void
queries_of_sessions(void **state)
{
	enum {
		TALKS = 4
	};

	static const struct {
		const char *rule;
		bool back; /* it is about answers */
		struct talk odd; /* where they differ */
		enum masq_drop reason;
	} rows[] = {
		{ "input -s 192.168.1.66", false, { .inside = "192.168.1.66" },
				MASQ_DROP_INPUT_DENY },
		{ "input -d 198.51.100.66", false, { .outside = "198.51.100.66" },
				MASQ_DROP_INPUT_DENY },
		{ "forward -p icmp -s 0.0.0.0/0 13", false, { .outside_port = 13 },
				MASQ_DROP_FORWARD_DENY },
		{ "output -p icmp -s 0.0.0.0/0 13", false, { .outside_port = 13 },
				MASQ_DROP_OUTPUT_DENY },
		{ "output -d 198.51.100.66", false, { .outside = "198.51.100.66" },
				MASQ_DROP_OUTPUT_DENY },
		{ "input -s 198.51.100.66", true, { .outside = "198.51.100.66" },
				MASQ_DROP_INPUT_DENY },
		{ "input -p icmp -s 0.0.0.0/0 14", true, { .outside_port = 13 },
				MASQ_DROP_INPUT_DENY },
		{ "output -d 192.168.1.66", true, { .inside = "192.168.1.66" },
				MASQ_DROP_OUTPUT_DENY },
		{ "output -i lan -s 198.51.100.66", true, { .outside = "198.51.100.66" },
				MASQ_DROP_OUTPUT_DENY },
	};

	/* Rules that come before the sessions, and when they stand. */
	for (unsigned int row = 0; row < 2 * RTE_DIM(rows); row++) {
		unsigned int r = row / 2;
		bool before = row % 2 == 0;
		struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
		struct talk usual[TALKS], odd[TALKS];
		char rules[256];

		/* Whose link address is not known needs a closer look. */
		box_hello(box, LAN, INSIDE);
		box_hello(box, LAN, "192.168.1.66");
		snprintf(rules, sizeof(rules), MASQ_ALL "ipchains -A %s -j DENY\n", rows[r].rule);
		for (uint16_t k = 0; k < TALKS; k++) {
			const struct talk *differs = &rows[r].odd;

			usual[k] = (struct talk)TALK(
					box, ICMP, INSIDE, (uint16_t)(1000 + k), OUTSIDE, 8);
			odd[k] = (struct talk)TALK(
					box, ICMP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 8);
			if (differs->inside != NULL)
				odd[k].inside = differs->inside;
			if (differs->outside != NULL)
				odd[k].outside = differs->outside;
			if (differs->outside_port != 0)
				odd[k].outside_port = differs->outside_port;
			talk_out(&usual[k], 0);
			talk_out(&odd[k], 0);
			if (!before)
				talk_in(&usual[k], 0);
		}
		box_rules(box, rules);
		for (unsigned int k = 0; k < TALKS; k++) {
			talk_out(&usual[k], 0);
			talk_in(&usual[k], 0);
			if (!rows[r].back) {
				talk_out_dropped(&odd[k], 0, rows[r].reason);
				talk_in(&odd[k], 0);
			} else {
				talk_out(&odd[k], 0);
				talk_in_dropped(&odd[k], 0, rows[r].reason);
			}
		}
		box_expect_nothing(box);
		box_close(box);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(routed_queries_are_remembered),
		BOX_ROWS(types_and_codes_are_told_apart),
		BOX_ROWS(replies_begin_no_session),
		BOX_ROWS(queries_of_sessions),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("remembered_icmp", tests, NULL, NULL);
}
