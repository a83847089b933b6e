/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TCP_STATE_H
#define MASQ_TCP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>

/**
 * @file
 * Protocol states and their timeouts: the table of reference 1.8, by event and direction.
 */

/** X(symbol, "NAME as listings show it", timeout field of struct masq_conf_timeouts without _s) */
#define MASQ_STATE_LIST(X)                             \
	X(NONE, "NONE", tcp_none)                      \
	X(ESTABLISHED, "ESTABLISHED", tcp_established) \
	X(SYN_SENT, "SYN_SENT", tcp_syn_sent)          \
	X(SYN_RECV, "SYN_RECV", tcp_syn_recv)          \
	X(FIN_WAIT, "FIN_WAIT", tcp_fin_wait)          \
	X(TIME_WAIT, "TIME_WAIT", tcp_time_wait)       \
	X(CLOSE, "CLOSE", tcp_close)                   \
	X(CLOSE_WAIT, "CLOSE_WAIT", tcp_close_wait)    \
	X(LAST_ACK, "LAST_ACK", tcp_last_ack)          \
	X(LISTEN, "LISTEN", tcp_listen)                \
	X(UDP, "UDP", udp)                             \
	X(ICMP, "ICMP", icmp)

enum masq_state {
#define MASQ_STATE_ENUM(symbol, name, timeout) MASQ_STATE_##symbol,
	MASQ_STATE_LIST(MASQ_STATE_ENUM)
#undef MASQ_STATE_ENUM
	MASQ_STATE_COUNT
};

/**
 * Next TCP state.
 *
 * The event is the first of RST, SYN, FIN, ACK that is set; a segment with none of them leads to
 * CLOSE.
 *
 * @param state	current state; UDP and ICMP never change
 * @param from_inside	the segment travels from the inside host to the outside
 * @param tcp_flags	MASQ_TCP_*
 */
enum masq_state masq_tcp_next(enum masq_state state, bool from_inside, uint8_t tcp_flags);

/**
 * @return true: a segment with ACK alone can change this state. If not, data segments need not read
 *	the state at all.
 */
bool masq_state_watches_ack(enum masq_state state);

/** @return timeout of a state in milliseconds */
uint32_t masq_state_timeout_ms(const struct masq_conf_timeouts *timeouts, enum masq_state state);

/** @return "ESTABLISHED", ... */
const char *masq_state_name(enum masq_state state);

#endif /* MASQ_TCP_STATE_H */
