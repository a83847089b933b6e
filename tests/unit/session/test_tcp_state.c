/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The TCP machine, cell by cell against the rows of reference 1.8 as they are printed there, and in
 * conversations; timeouts and names.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <masq_pkt.h>
#include <masq_tcp_state.h>

#define S MASQ_TCP_SYN
#define F MASQ_TCP_FIN
#define R MASQ_TCP_RST
#define A MASQ_TCP_ACK

#define TCP_STATES 10

static const char *const short_names[TCP_STATES] = { "NO", "ES", "SS", "SR", "FW", "TW", "CL", "CW",
	"LA", "LI" };

/* clang-format off */

static const struct {
	const char *event;
	bool from_inside;
	uint8_t flags;
	const char *next; /* for NO ES SS SR FW TW CL CW LA LI */
} rows[] = {
	{ "in SYN",  false, S, "SR ES ES SR SR SR SR SR SR SR" },
	{ "in FIN",  false, F, "CL CW SS TW TW TW CL CW LA LI" },
	{ "in ACK",  false, A, "CL ES SS SR FW TW CL CW CL LI" },
	{ "in RST",  false, R, "CL CL CL SR CL CL CL CL LA LI" },
	{ "out SYN", true,  S, "SS ES SS ES SS SS SS SS SS LI" },
	{ "out FIN", true,  F, "TW FW SS TW FW TW CL TW LA LI" },
	{ "out ACK", true,  A, "ES ES SS SR FW TW CL CW LA ES" },
	{ "out RST", true,  R, "CL CL SS CL CL TW CL CL CL CL" },
};

/* clang-format on */

static const char *
short_name(enum masq_state state)
{
	return state < TCP_STATES ? short_names[state] : "no TCP state";
}

static void
expect_row(size_t row, uint8_t flags)
{
	for (unsigned int state = 0; state < TCP_STATES; state++) {
		char wanted[3] = { rows[row].next[3 * state], rows[row].next[3 * state + 1], 0 };
		enum masq_state next = masq_tcp_next(state, rows[row].from_inside, flags);

		if (strcmp(short_name(next), wanted) != 0)
			fail_msg("%s (flags 0x%02x) in %s: %s, not %s", rows[row].event, flags,
					short_names[state], short_name(next), wanted);
	}
}

static void
every_cell_is_that_of_the_reference(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		expect_row(row, rows[row].flags);
}

static void
the_first_of_rst_syn_fin_ack_is_the_event(void **state)
{
	static const uint8_t order[] = { R, S, F, A };
	const uint8_t other_bits = (uint8_t) ~(R | S | F | A);

	(void)state;
	for (unsigned int flags = 0; flags <= 0xff; flags++) {
		for (unsigned int i = 0; i < 4; i++) {
			if ((flags & order[i]) == 0)
				continue;
			for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
				if (rows[row].flags == order[i])
					expect_row(row, (uint8_t)flags);
			break;
		}
		for (unsigned int from = 0; (flags & ~other_bits & 0xff) == 0 && from < 2; from++)
			for (unsigned int s = 0; s < TCP_STATES; s++)
				assert_int_equal(masq_tcp_next(s, from, (uint8_t)flags),
						MASQ_STATE_CLOSE);
	}
}

/* A session's first segment may be looked at twice (struct masq_session_birth). */
static void
the_first_event_may_come_twice(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags <= 0xff; flags++) {
		enum masq_state out = masq_tcp_next(MASQ_STATE_NONE, true, (uint8_t)flags);
		enum masq_state in = masq_tcp_next(MASQ_STATE_LISTEN, false, (uint8_t)flags);

		assert_int_equal(masq_tcp_next(out, true, (uint8_t)flags), out);
		assert_int_equal(masq_tcp_next(in, false, (uint8_t)flags), in);
		/* That is why a judged half need not watch. */
		assert_false(masq_state_watches_ack(out));
	}
}

static void
udp_and_icmp_never_change(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags <= 0xff; flags++) {
		for (unsigned int from = 0; from < 2; from++) {
			assert_int_equal(masq_tcp_next(MASQ_STATE_UDP, from, (uint8_t)flags),
					MASQ_STATE_UDP);
			assert_int_equal(masq_tcp_next(MASQ_STATE_ICMP, from, (uint8_t)flags),
					MASQ_STATE_ICMP);
		}
	}
}

/* A conversation is a list of "<who><flags>=<state>": i from the inside, o from the outside. */
static const struct {
	const char *name;
	const char *start;
	const char *steps;
} conversations[] = {
	{ "outgoing connect, inside closes", "NO",
			"iS=SS oSA=ES iA=ES oA=ES iFA=FW oA=FW oFA=TW iA=TW" },
	{ "outgoing connect, outside closes", "NO",
			"iS=SS oSA=ES iA=ES oFA=CW iA=CW iFA=TW oA=TW" },
	{ "forwarded connect", "NO", "oS=SR iSA=ES oA=ES oFA=CW iFA=TW" },
	{ "forwarded connect through a listener", "LI", "oS=SR iSA=ES oA=ES" },
	{ "picked up from inside", "NO", "iA=ES oA=ES" },
	{ "picked up from outside", "NO", "oA=CL oA=CL" },
	{ "refused", "NO", "iS=SS oRA=CL" },
	{ "reset from inside", "NO", "iS=SS oSA=ES iR=CL" },
	{ "port used again after the end", "NO", "iS=SS oSA=ES iFA=FW oFA=TW iS=SS oSA=ES" },
	{ "SYN again before an answer", "NO", "iS=SS iS=SS oSA=ES" },
	{ "no flags at all", "NO", "iS=SS oSA=ES i=CL" },
};

static enum masq_state
state_of(const char *name)
{
	for (unsigned int i = 0; i < TCP_STATES; i++)
		if (strncmp(short_names[i], name, 2) == 0)
			return i;
	fail_msg("no state %s", name);
	return MASQ_STATE_NONE;
}

static void
conversations_go_as_expected(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(conversations) / sizeof(conversations[0]); c++) {
		enum masq_state now = state_of(conversations[c].start);

		for (const char *p = conversations[c].steps; *p != 0;) {
			bool from_inside = *p++ == 'i';
			uint8_t flags = 0;

			for (; *p != '='; p++)
				flags |= *p == 'S' ? S : *p == 'F' ? F : *p == 'R' ? R : A;
			now = masq_tcp_next(now, from_inside, flags);
			if (now != state_of(p + 1))
				fail_msg("%s: %s at \"%s\"", conversations[c].name, short_name(now),
						p);
			p += p[3] == ' ' ? 4 : 3;
		}
	}
}

/* What masq_session_event() relies on: the flag in the other half cannot be missing. */
static void
nothing_leads_into_a_watching_state(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < MASQ_STATE_COUNT; s++) {
		assert_int_equal(masq_state_watches_ack(s),
				s == MASQ_STATE_NONE || s == MASQ_STATE_LAST_ACK ||
						s == MASQ_STATE_LISTEN);
		for (unsigned int flags = 0; flags <= 0xff; flags++) {
			for (unsigned int from = 0; from < 2; from++) {
				enum masq_state next = masq_tcp_next(s, from, (uint8_t)flags);

				assert_true(next == s || !masq_state_watches_ack(next));
			}
		}
	}
}

static void
each_state_has_its_own_timeout(void **state)
{
	struct masq_conf_timeouts timeouts = {
		.tcp_none_s = 1,
		.tcp_established_s = 2,
		.tcp_syn_sent_s = 3,
		.tcp_syn_recv_s = 4,
		.tcp_fin_wait_s = 5,
		.tcp_time_wait_s = 6,
		.tcp_close_s = 7,
		.tcp_close_wait_s = 8,
		.tcp_last_ack_s = 9,
		.tcp_listen_s = 10,
		.udp_s = 11,
		.icmp_s = MASQ_CONF_TIMEOUT_MAX_S,
	};

	(void)state;
	for (unsigned int s = MASQ_STATE_NONE; s <= MASQ_STATE_UDP; s++)
		assert_int_equal(masq_state_timeout_ms(&timeouts, s), (s + 1) * 1000);
	assert_int_equal(masq_state_timeout_ms(&timeouts, MASQ_STATE_ICMP), 1000000000);
}

static void
names_are_those_of_listings(void **state)
{
	static const char *const names[] = { "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV",
		"FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "UDP",
		"ICMP" };

	(void)state;
	for (unsigned int s = 0; s < MASQ_STATE_COUNT; s++)
		assert_string_equal(masq_state_name(s), names[s]);
	assert_string_equal(masq_state_name(MASQ_STATE_COUNT), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_is_that_of_the_reference),
		cmocka_unit_test(the_first_of_rst_syn_fin_ack_is_the_event),
		cmocka_unit_test(the_first_event_may_come_twice),
		cmocka_unit_test(udp_and_icmp_never_change),
		cmocka_unit_test(conversations_go_as_expected),
		cmocka_unit_test(nothing_leads_into_a_watching_state),
		cmocka_unit_test(each_state_has_its_own_timeout),
		cmocka_unit_test(names_are_those_of_listings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
