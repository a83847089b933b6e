/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_TALK_H
#define MASQ_TEST_TALK_H

/**
 * @file
 * Conversations through the box. A struct talk is two hosts and what stands between them; each verb
 * sends one packet, and demands that it comes out at the other end translated, every byte of it:
 *
 *	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
 *
 *	talk_out(&t, SYN);
 *	talk_in(&t, SYN | ACK);
 *
 * The external port is whatever the first packet got, and must stay.
 */

#include <netinet/in.h>

#include <masq_pkt.h>

#include "masq_test_box.h"

#define INSIDE "192.168.1.2"
#define OUTSIDE "209.81.8.5"
#define SERVER "192.168.16.27"
#define SERVER2 "192.168.16.28"
#define BOX_LAN "192.168.1.1"
#define BOX_WAN "203.0.113.1"
#define BOX_SRV "192.168.16.1"
#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#define MASQ_ALL "ipchains -P forward MASQ\n"
#define MASQ_LAN "ipchains -A forward -s 192.168.1.0/24 -j MASQ\n"
#define MASQ_SRV "ipchains -A forward -s 192.168.16.0/24 -j MASQ\n"

#define SYN MASQ_TCP_SYN
#define ACK MASQ_TCP_ACK
#define FIN MASQ_TCP_FIN
#define RST MASQ_TCP_RST

/** Who talks to whom. near is the side that sends "out". */
struct talk {
	struct masq_test_box *box;
	uint8_t proto;
	const char *inside; /**< the inside host, or the forwarded server */
	uint16_t inside_port; /**< ICMP: its identifier */
	const char *outside;
	uint16_t outside_port; /**< ICMP: type of the query */
	const char *visible; /**< address under which the outside knows the inside host */
	uint16_t visible_port; /**< 0: not known yet */
	enum masq_test_port inside_at, outside_at;
};

/** An inside host of the LAN goes out under the box's address. */
#define TALK(the_box, the_proto, from, from_port, to, to_port)                          \
	{                                                                               \
		.box = (the_box), .proto = IPPROTO_##the_proto, .inside = (from),       \
		.inside_port = (from_port), .outside = (to), .outside_port = (to_port), \
		.visible = BOX_WAN, .inside_at = LAN, .outside_at = WAN                 \
	}

/** An outside client calls BOX_WAN:port, which is forwarded to a server. */
#define CALL(the_box, the_proto, client, client_port, port, server, server_port)                  \
	{                                                                                         \
		.box = (the_box), .proto = IPPROTO_##the_proto, .inside = (server),               \
		.inside_port = (server_port), .outside = (client), .outside_port = (client_port), \
		.visible = BOX_WAN, .visible_port = (port), .inside_at = SRV, .outside_at = WAN   \
	}

/** The packet as it shall leave: one hop further. */
static inline struct masq_test_pkt
onward(struct masq_test_pkt pkt)
{
	pkt.ttl = (pkt.ttl != 0 ? pkt.ttl : 64) - 1;
	return pkt;
}

/** A packet that the inside host sends, as it sends it. */
static inline struct masq_test_pkt
talk_out_pkt(const struct talk *t, uint8_t tcp_flags)
{
	struct masq_test_pkt pkt = {
		.proto = t->proto, .src = t->inside, .dst = t->outside, .payload = "from inside"
	};

	if (t->proto == IPPROTO_ICMP) {
		pkt.icmp_type = (uint8_t)t->outside_port;
		pkt.icmp_id = t->inside_port;
		return pkt;
	}
	pkt.sport = t->inside_port;
	pkt.dport = t->outside_port;
	pkt.tcp_flags = tcp_flags;
	return pkt;
}

/** The same packet as it shall leave the box. */
static inline struct masq_test_pkt
talk_out_translated(const struct talk *t, struct masq_test_pkt pkt)
{
	pkt = onward(pkt);
	pkt.src = t->visible;
	if (t->proto == IPPROTO_ICMP) {
		pkt.icmp_id = t->visible_port;
		pkt.any |= t->visible_port == 0 ? MASQ_TEST_ANY_ICMP_ID : 0;
	} else {
		pkt.sport = t->visible_port;
		pkt.any |= t->visible_port == 0 ? MASQ_TEST_ANY_SPORT : 0;
	}
	return pkt;
}

/** A packet that the outside host sends, as it sends it. */
static inline struct masq_test_pkt
talk_in_pkt(const struct talk *t, uint8_t tcp_flags)
{
	struct masq_test_pkt pkt = {
		.proto = t->proto, .src = t->outside, .dst = t->visible, .payload = "from outside"
	};

	if (t->proto == IPPROTO_ICMP) {
		pkt.icmp_type = t->outside_port == 8 ? 0 : (uint8_t)(t->outside_port + 1);
		pkt.icmp_id = t->visible_port;
		return pkt;
	}
	pkt.sport = t->outside_port;
	pkt.dport = t->visible_port;
	pkt.tcp_flags = tcp_flags;
	return pkt;
}

/** The same packet as the inside host shall get it. */
static inline struct masq_test_pkt
talk_in_translated(const struct talk *t, struct masq_test_pkt pkt)
{
	pkt = onward(pkt);
	pkt.dst = t->inside;
	if (t->proto == IPPROTO_ICMP)
		pkt.icmp_id = t->inside_port;
	else
		pkt.dport = t->inside_port;
	return pkt;
}

/** This very packet from inside must arrive translated. */
#define talk_out_with(t, pkt) talk_out_at(t, pkt, __FILE__, __LINE__)

static inline void
talk_out_at(struct talk *t, struct masq_test_pkt pkt, const char *file, int line)
{
	const struct masq_test_pkt left = talk_out_translated(t, pkt);
	struct masq_test_seen seen;

	box_send(t->box, t->inside_at, &pkt);
	seen = box_expect_at(t->box, t->outside_at, &left, file, line);
	t->visible_port = seen.sport;
}

/** The inside host says something (tcp_flags 0 for UDP and ICMP); it must arrive. */
#define talk_out(t, tcp_flags) talk_out_at(t, talk_out_pkt(t, tcp_flags), __FILE__, __LINE__)

/** This very packet from outside must arrive translated. */
#define talk_in_with(t, pkt) talk_in_at(t, pkt, __FILE__, __LINE__)

static inline void
talk_in_at(struct talk *t, struct masq_test_pkt pkt, const char *file, int line)
{
	const struct masq_test_pkt arrived = talk_in_translated(t, pkt);

	box_send(t->box, t->outside_at, &pkt);
	box_expect_at(t->box, t->inside_at, &arrived, file, line);
}

/** The outside host says something; it must arrive. */
#define talk_in(t, tcp_flags) talk_in_at(t, talk_in_pkt(t, tcp_flags), __FILE__, __LINE__)

/** What the outside host says does not arrive, for this reason. */
#define talk_in_dropped(t, tcp_flags, reason)                                   \
	do {                                                                    \
		const struct masq_test_pkt refused = talk_in_pkt(t, tcp_flags); \
                                                                                \
		box_drops_seen((t)->box);                                       \
		box_send((t)->box, (t)->outside_at, &refused);                  \
		box_expect_drop((t)->box, reason);                              \
	} while (0)

/** What the inside host says does not arrive, for this reason. */
#define talk_out_dropped(t, tcp_flags, reason)                                   \
	do {                                                                     \
		const struct masq_test_pkt refused = talk_out_pkt(t, tcp_flags); \
                                                                                 \
		box_drops_seen((t)->box);                                        \
		box_send((t)->box, (t)->inside_at, &refused);                    \
		box_expect_drop((t)->box, reason);                               \
	} while (0)

/** A whole opening: by the inside host, or of a forwarded call by the outside one. */
#define talk_open_from_inside(t)       \
	do {                           \
		talk_out(t, SYN);      \
		talk_in(t, SYN | ACK); \
		talk_out(t, ACK);      \
	} while (0)
#define talk_open_from_outside(t)       \
	do {                            \
		talk_in(t, SYN);        \
		talk_out(t, SYN | ACK); \
		talk_in(t, ACK);        \
	} while (0)

/** An ICMP error that the box itself sends about a packet: as much of it as fits into 576 bytes. */
static inline struct masq_test_pkt
box_error(enum masq_test_port port, const struct masq_test_pkt *about, uint8_t type, uint8_t code,
		uint16_t mtu)
{
	static uint8_t frame[MASQ_TEST_FRAME_BYTES_MAX];
	uint32_t bytes = masq_test_pkt_bytes(about, frame, sizeof(frame)) - 14 -
			about->padding_bytes;

	return (struct masq_test_pkt){
		.proto = IPPROTO_ICMP,
		.src = box_address(port),
		.dst = about->src != NULL ? about->src : MASQ_TEST_SRC,
		.tos = 0xc0,
		.dont_fragment = true,
		.icmp_type = type,
		.icmp_code = code,
		.icmp_mtu = mtu,
		.quote = about,
		.quote_bytes = (uint16_t)(bytes < 548 ? bytes : 548),
	};
}

/** Flows that have been answered, until @p n were tried. Errors about the others are thrown away.
 * @return how many there are */
static inline uint32_t
talk_fill(struct masq_test_box *box, struct talk *talks, uint32_t n)
{
	uint32_t made = 0;

	for (uint32_t k = 0; k < n; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(2000 + k), OUTSIDE, 53);
		struct masq_test_pkt pkt = talk_out_pkt(&t, 0);

		box_send(box, LAN, &pkt);
		while (box_waiting(box, LAN) > 0)
			box_take(box, LAN);
		if (box_waiting(box, WAN) == 0)
			continue;
		t.visible_port = box_take(box, WAN).sport;
		talk_in(&t, 0);
		talks[made++] = t;
	}
	return made;
}

#endif /* MASQ_TEST_TALK_H */
