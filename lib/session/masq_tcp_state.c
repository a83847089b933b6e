/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The protocol states of sessions: the TCP state machine of reference 1.8, names and timeouts.
 * Words
 *	event		the first of RST, SYN, FIN, ACK that a segment carries
 *	from OUTSIDE	the segment travels to the inside host; reference 1.8 calls it "in"
 *	from INSIDE	the segment travels to the outside; reference 1.8 calls it "out"
 *	watching state	one that an ACK alone may change: NONE, LAST_ACK, LISTEN. No other state
 *			leads to one of them, so a session that has left them never watches again.
 *			That is why masq_session_event() can keep a flag in each half, and data
 *			segments need not read the state.
 * Life cycle
 *	A TCP session starts in NONE or LISTEN; its first segment is already an event. UDP and ICMP
 *	sessions keep one state all their life.
 * Threads
 *	Pure functions of their arguments.
 */

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <masq_pkt.h>
#include <masq_tcp_state.h>

enum event {
	EVENT_SYN,
	EVENT_FIN,
	EVENT_ACK,
	EVENT_RST,
	EVENT_NOTHING,
	EVENT_COUNT,
};

#define NO MASQ_STATE_NONE
#define ES MASQ_STATE_ESTABLISHED
#define SS MASQ_STATE_SYN_SENT
#define SR MASQ_STATE_SYN_RECV
#define FW MASQ_STATE_FIN_WAIT
#define TW MASQ_STATE_TIME_WAIT
#define CL MASQ_STATE_CLOSE
#define CW MASQ_STATE_CLOSE_WAIT
#define LA MASQ_STATE_LAST_ACK
#define LI MASQ_STATE_LISTEN
#define UD MASQ_STATE_UDP
#define IC MASQ_STATE_ICMP

/* clang-format off */

/* Index: the lowest five flags, ACK PSH RST SYN FIN. PSH is no event. */
static const uint8_t event_of[32] = {
	/*	none           FIN        SYN        SYN FIN    RST ... */
	EVENT_NOTHING, EVENT_FIN, EVENT_SYN, EVENT_SYN, EVENT_RST, EVENT_RST, EVENT_RST, EVENT_RST,
	EVENT_NOTHING, EVENT_FIN, EVENT_SYN, EVENT_SYN, EVENT_RST, EVENT_RST, EVENT_RST, EVENT_RST,
	EVENT_ACK,     EVENT_FIN, EVENT_SYN, EVENT_SYN, EVENT_RST, EVENT_RST, EVENT_RST, EVENT_RST,
	EVENT_ACK,     EVENT_FIN, EVENT_SYN, EVENT_SYN, EVENT_RST, EVENT_RST, EVENT_RST, EVENT_RST,
};

/* [from_inside][event][state] */
static const uint8_t next_state[2][EVENT_COUNT][MASQ_STATE_COUNT] = {
	{ /* from OUTSIDE         NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  UD  IC */
		[EVENT_SYN]     = { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, UD, IC },
		[EVENT_FIN]     = { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, UD, IC },
		[EVENT_ACK]     = { CL, ES, SS, SR, FW, TW, CL, CW, CL, LI, UD, IC },
		[EVENT_RST]     = { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, UD, IC },
		[EVENT_NOTHING] = { CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, UD, IC },
	},
	{ /* from INSIDE          NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  UD  IC */
		[EVENT_SYN]     = { SS, ES, SS, ES, SS, SS, SS, SS, SS, LI, UD, IC },
		[EVENT_FIN]     = { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, UD, IC },
		[EVENT_ACK]     = { ES, ES, SS, SR, FW, TW, CL, CW, LA, ES, UD, IC },
		[EVENT_RST]     = { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, UD, IC },
		[EVENT_NOTHING] = { CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, UD, IC },
	},
};

/* clang-format on */

static_assert(MASQ_STATE_COUNT == 12, "a new state needs a column");

/* No branch: in a mix of TCP and UDP it cannot be predicted whether there is an event at all. */
enum masq_state
masq_tcp_next(enum masq_state state, bool from_inside, uint8_t tcp_flags)
{
	assert(state < MASQ_STATE_COUNT);
	return (enum masq_state)next_state[from_inside][event_of[tcp_flags % 32]][state];
}

bool
masq_state_watches_ack(enum masq_state state)
{
	const uint32_t watching = 1u << NO | 1u << LA | 1u << LI; /* from the table above */

	return (watching >> state & 1) != 0;
}

uint32_t
masq_state_timeout_ms(const struct masq_conf_timeouts *timeouts, enum masq_state state)
{
	/* struct masq_conf_timeouts is in the order of the command words, not of the states. */
	static const uint8_t offset[MASQ_STATE_COUNT] = {
#define STATE_OFFSET(symbol, name, timeout) \
	[MASQ_STATE_##symbol] = offsetof(struct masq_conf_timeouts, timeout##_s),
		MASQ_STATE_LIST(STATE_OFFSET)
#undef STATE_OFFSET
	};
	uint32_t seconds;

	memcpy(&seconds, (const char *)timeouts + offset[state], sizeof(seconds));
	return seconds * 1000;
}

const char *
masq_state_name(enum masq_state state)
{
	static const char *const names[MASQ_STATE_COUNT] = {
#define STATE_NAME(symbol, name, timeout) [MASQ_STATE_##symbol] = name,
		MASQ_STATE_LIST(STATE_NAME)
#undef STATE_NAME
	};

	return (unsigned int)state < MASQ_STATE_COUNT ? names[state] : "?";
}
