/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors about sessions: each reaches the host that it is meant for, quoting what that host
 * knows, with all checksums right - those of the outer header, of the message, and of the quote.
 */
#include <string.h>

#include "masq_test_talk.h"

#define FORWARD_ALL                                                           \
	MASQ_ALL "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n" \
		 "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"
#define ROUTER "198.51.100.1"
#define CLIENT "198.51.100.7"

/* The kinds of error that tell about a flow; 3/4 carries an MTU. */
static const struct {
	uint8_t type, code;
	uint16_t mtu;
} errors[] = { { 3, 1, 0 }, { 3, 3, 0 }, { 3, 4, 1400 }, { 4, 0, 0 }, { 11, 0, 0 }, { 12, 0, 0 } };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

/* A packet as it looked on its way, where the error was made. */
static struct masq_test_pkt
worn(struct masq_test_pkt pkt)
{
	pkt.ttl = 1;
	pkt.any = 0;
	return pkt;
}

/* Outside, ROUTER complains of what the inside host sent. */
static void
complaint_from_outside(struct talk *t, uint16_t quote_bytes)
{
	const struct masq_test_pkt sent = worn(talk_out_pkt(t, ACK));
	const struct masq_test_pkt seen = worn(talk_out_translated(t, sent));

	for (unsigned int k = 0; k < ERRORS; k++) {
		struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
			.src = ROUTER,
			.dst = t->visible,
			.icmp_type = errors[k].type,
			.icmp_code = errors[k].code,
			.icmp_mtu = errors[k].mtu,
			.quote = &seen,
			.quote_bytes = quote_bytes };
		struct masq_test_pkt arrives = onward(error);

		arrives.dst = t->inside;
		arrives.quote = &sent;
		box_send(t->box, t->outside_at, &error);
		box_expect(t->box, t->inside_at, &arrives);
	}
}

/* Inside, the host itself or a router before it complains of what the outside host sent. */
static void
complaint_from_inside(struct talk *t, const char *complainer, uint16_t quote_bytes)
{
	const struct masq_test_pkt sent = worn(talk_in_pkt(t, ACK));
	const struct masq_test_pkt seen = worn(talk_in_translated(t, sent));

	for (unsigned int k = 0; k < ERRORS; k++) {
		struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
			.src = complainer,
			.dst = t->outside,
			.icmp_type = errors[k].type,
			.icmp_code = errors[k].code,
			.icmp_mtu = errors[k].mtu,
			.quote = &seen,
			.quote_bytes = quote_bytes };
		struct masq_test_pkt arrives = onward(error);

		arrives.src = t->visible;
		arrives.quote = &sent;
		box_send(t->box, t->inside_at, &error);
		box_expect(t->box, t->outside_at, &arrives);
	}
}

/* Both ways, quoting the least that is allowed, and all of it. */
static void
complaints(struct talk *t, const char *inside_router)
{
	uint16_t whole = t->proto == IPPROTO_TCP ? 40 : 28;
	uint64_t before = box_counters(t->box).icmp_translated;

	complaint_from_outside(t, 28);
	complaint_from_outside(t, (uint16_t)(whole + sizeof("from inside") - 1));
	complaint_from_inside(t, t->inside, 28);
	complaint_from_inside(t, t->inside, (uint16_t)(whole + sizeof("from outside") - 1));
	complaint_from_inside(t, inside_router, 28);
	box_expect_nothing(t->box);
	assert_int_equal(box_counters(t->box).icmp_translated - before, 5 * ERRORS);
	assert_int_equal(box_sessions(t->box), 1);
}

static void
about_masqueraded_tcp(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);

	talk_open_from_inside(&t);
	complaints(&t, "192.168.1.254");
	talk_in(&t, ACK);
	talk_out(&t, ACK);
	box_close(box);
}

static void
about_masqueraded_udp(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);

	talk_out(&t, 0);
	complaints(&t, "192.168.1.254");
	talk_in(&t, 0);
	box_close(box);
}

static void
about_masqueraded_ping(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, ICMP, INSIDE, 77, OUTSIDE, 8);

	talk_out(&t, 0);
	complaints(&t, "192.168.1.254");
	talk_in(&t, 0);
	box_close(box);
}

static void
about_forwarded_tcp(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD_ALL);
	struct talk t = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);

	talk_open_from_outside(&t);
	complaints(&t, "192.168.16.254");
	talk_in(&t, ACK);
	talk_out(&t, ACK);
	box_close(box);
}

static void
about_forwarded_udp(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD_ALL);
	struct talk t = CALL(box, UDP, CLIENT, 3000, 53, SERVER, 5353);

	talk_in(&t, 0);
	complaints(&t, "192.168.16.254");
	talk_out(&t, 0);
	box_close(box);
}

/* A hairpin rewrites both ends, so both ends of a quote change too. */
static void
about_a_hairpin(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD_ALL);
	struct masq_test_pkt asked = { .src = "192.168.16.5",
		.sport = 3000,
		.dst = BOX_WAN,
		.dport = 53,
		.payload = "hello" };
	struct masq_test_pkt asked_seen = onward(asked), answered, answered_seen, error, arrives;

	asked_seen.src = BOX_SRV;
	asked_seen.dst = SERVER;
	asked_seen.dport = 5353;
	asked_seen.any = MASQ_TEST_ANY_SPORT;
	box_send(box, SRV, &asked);
	asked_seen.sport = box_expect(box, SRV, &asked_seen).sport;
	answered = (struct masq_test_pkt){ .src = SERVER,
		.sport = 5353,
		.dst = BOX_SRV,
		.dport = asked_seen.sport,
		.payload = "welcome" };
	answered_seen = onward(answered);
	answered_seen.src = BOX_WAN;
	answered_seen.sport = 53;
	answered_seen.dst = "192.168.16.5";
	answered_seen.dport = 3000;
	box_send(box, SRV, &answered);
	box_expect(box, SRV, &answered_seen);

	asked = worn(asked);
	asked_seen = worn(asked_seen);
	answered = worn(answered);
	answered_seen = worn(answered_seen);
	error = (struct masq_test_pkt){ .proto = IPPROTO_ICMP,
		.src = SERVER,
		.dst = BOX_SRV,
		.icmp_type = 3,
		.icmp_code = 3,
		.quote = &asked_seen };
	arrives = onward(error);
	arrives.src = BOX_WAN;
	arrives.dst = "192.168.16.5";
	arrives.quote = &asked;
	box_send(box, SRV, &error);
	box_expect(box, SRV, &arrives);

	error.src = "192.168.16.5";
	error.dst = BOX_WAN;
	error.quote = &answered_seen;
	arrives = onward(error);
	arrives.src = BOX_SRV;
	arrives.dst = SERVER;
	arrives.quote = &answered;
	box_send(box, SRV, &error);
	box_expect(box, SRV, &arrives);
	box_expect_nothing(box);
	box_close(box);
}

/* An error is about the past: it keeps no session alive (reference 1.13), whoever sends it. */
static void
errors_do_not_keep_sessions(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct talk ping = TALK(box, ICMP, INSIDE, 77, OUTSIDE, 8);

	talk_out(&t, 0);
	box_advance(box, 240000);
	talk_out(&ping, 0);
	box_advance(box, 59000);
	assert_int_equal(box_sessions(box), 2);
	complaint_from_outside(&t, 28);
	complaint_from_inside(&t, INSIDE, 28);
	complaint_from_outside(&ping, 28);
	complaint_from_inside(&ping, INSIDE, 28);
	assert_int_equal(box_sessions(box), 2);
	box_advance(box, 2000);
	assert_int_equal(box_sessions(box), 0);
	box_close(box);
}

/* A later router cut the datagram and gave up the first piece; and it has IP options. */
static void
about_a_first_fragment(void **state)
{
	static const uint8_t record_route[8] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt sent, seen, error, arrives;

	talk_out(&t, 0);
	sent = worn(talk_out_pkt(&t, 0));
	sent.payload = NULL;
	sent.payload_bytes = 1000;
	sent.options = record_route;
	sent.option_bytes = sizeof(record_route);
	sent.frag_bytes = 568;
	seen = worn(talk_out_translated(&t, sent));
	error = (struct masq_test_pkt){ .proto = IPPROTO_ICMP,
		.src = ROUTER,
		.dst = t.visible,
		.icmp_type = 11,
		.quote = &seen,
		.quote_bytes = 28 + sizeof(record_route) };
	arrives = onward(error);
	arrives.dst = INSIDE;
	arrives.quote = &sent;
	box_send(box, WAN, &error);
	box_expect(box, LAN, &arrives);
	box_close(box);
}

/* What routers say behind the quote (RFC 4884) is not part of it: not a byte changes, and the sum is right. */
static void
with_an_extension(void **state)
{
	/* Version 2, its own sum; an MPLS label stack of one entry (RFC 4950). */
	static const uint8_t extension[] = { 0x20, 0, 0x9c, 0xd2, 0, 8, 1, 1, 0x01, 0x23, 0x41, 1 };
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	uint8_t frame[512], left[512];
	struct masq_test_pkt seen, error;
	uint32_t bytes;
	uint16_t sum;

	talk_out(&t, 0);
	seen = worn(talk_out_translated(&t, talk_out_pkt(&t, 0)));
	seen.payload = NULL;
	seen.payload_bytes = 128 - 28;
	error = (struct masq_test_pkt){ .proto = IPPROTO_ICMP,
		.src = ROUTER,
		.dst = t.visible,
		.icmp_type = 11,
		.quote = &seen,
		.quote_bytes = 128 };
	bytes = box_frame(box, WAN, &error, frame, sizeof(frame));
	assert_int_equal(bytes, 14 + 20 + 8 + 128);
	memcpy(frame + bytes, extension, sizeof(extension));
	bytes += sizeof(extension);
	frame[17] = (uint8_t)(bytes - 14); /* total length, below 256 */
	frame[24] = frame[25] = 0;
	sum = masq_test_checksum(frame + 14, 20);
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
	frame[34 + 5] = 128 / 4; /* length of the quote, in words */
	frame[36] = frame[37] = 0;
	sum = masq_test_checksum(frame + 34, bytes - 34);
	frame[36] = (uint8_t)(sum >> 8);
	frame[37] = (uint8_t)sum;
	box_send_bytes(box, WAN, frame, bytes);

	assert_int_equal(box_take_bytes(box, LAN, left, sizeof(left)), bytes);
	assert_int_equal(masq_test_checksum(left + 14, 20), 0);
	assert_int_equal(masq_test_checksum(left + 34, bytes - 34), 0);
	assert_int_equal(left[34 + 5], 128 / 4);
	/* Behind the ports and the checksum of the quoted datagram nothing was touched. */
	assert_memory_equal(left + 42 + 28, frame + 42 + 28, bytes - 42 - 28);
	box_close(box);
}

static void
unmatched_from_outside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt quoted,
			error = { .proto = IPPROTO_ICMP,
				.src = ROUTER,
				.dst = BOX_WAN,
				.icmp_type = 3,
				.icmp_code = 1,
				.quote = &quoted };

	talk_out(&t, 0);
	/* Another port of the box, another peer, another sender than the one it is sent to. */
	quoted = worn(talk_out_translated(&t, talk_out_pkt(&t, 0)));
	quoted.sport ^= 1;
	box_send(box, WAN, &error);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	quoted = worn(talk_out_translated(&t, talk_out_pkt(&t, 0)));
	quoted.dst = "209.81.8.6";
	box_send(box, WAN, &error);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	quoted.src = "203.0.113.9";
	box_send(box, WAN, &error);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	/* A quote without ports says nothing. */
	quoted = worn(talk_out_translated(&t, talk_out_pkt(&t, 0)));
	error.quote_bytes = 20;
	box_send(box, WAN, &error);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	box_expect_nothing(box);
	box_close(box);
}

/* In Linux 2.2 this left with the inside source. */
static void
unmatched_from_inside(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), MASQ_ALL);
	const struct masq_test_pkt quoted = {
		.src = OUTSIDE, .sport = 53, .dst = INSIDE, .dport = 1025, .payload = "x"
	};
	const struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = OUTSIDE,
		.icmp_type = 3,
		.icmp_code = 3,
		.quote = &quoted };

	box_send(box, LAN, &error);
	box_expect_drop(box, MASQ_DROP_ICMP_UNMATCHED);
	box_expect_nothing(box);
	box_close(box);
}

/* Without MASQ an error about a flow that has no session is a packet like any other. */
static void
unmatched_is_routed_where_nothing_is_masqueraded(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	const struct masq_test_pkt quoted = {
		.src = SERVER, .sport = 53, .dst = INSIDE, .dport = 1025, .payload = "x"
	};
	const struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = SERVER,
		.icmp_type = 3,
		.icmp_code = 3,
		.quote = &quoted };
	const struct masq_test_pkt arrives = onward(error);

	box_send(box, LAN, &error);
	box_expect(box, SRV, &arrives);
	box_close(box);
}

/* The rules see an error like other packets: input as it arrives, output as it leaves. */
static void
errors_are_judged(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state),
			MASQ_ALL
			"ipchains -A input -p icmp -s 0.0.0.0/0 3 -i wan -j DENY\n"
			"ipchains -A output -p icmp -s 0.0.0.0/0 11 -d 192.168.1.2 -j DENY\n"
			"ipchains -A output -p icmp -s 203.0.113.1\n"
			"ipchains -A output -p icmp -s 192.168.0.0/16\n");
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt seen,
			error = {
				.proto = IPPROTO_ICMP, .src = ROUTER, .dst = BOX_WAN, .quote = &seen
			};

	talk_out(&t, 0);
	seen = worn(talk_out_translated(&t, talk_out_pkt(&t, 0)));
	error.icmp_type = 3;
	box_send(box, WAN, &error);
	box_expect_drop(box, MASQ_DROP_INPUT_DENY);
	error.icmp_type = 11;
	box_send(box, WAN, &error);
	box_expect_drop(box, MASQ_DROP_OUTPUT_DENY);
	/* On its way out it bears the box's address already. */
	complaint_from_inside(&t, "192.168.1.254", 28);
	assert_int_equal(box_rule_packets(box, "output", 2), ERRORS);
	assert_int_equal(box_rule_packets(box, "output", 3), 0);
	box_close(box);
}

/* traceroute's first hop: the box says what the sender sent, before any translation. */
static void
time_exceeded_by_the_box(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), FORWARD_ALL);
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 33434);
	struct talk call = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);
	struct masq_test_pkt pkt = talk_out_pkt(&t, 0), error;

	pkt.ttl = 1;
	error = box_error(LAN, &pkt, 11, 0, 0);
	box_hello(box, LAN, INSIDE);
	for (unsigned int round = 0; round < 2; round++) {
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_TTL);
		box_expect(box, LAN, &error);
		assert_int_equal(box_sessions(box), round);
		talk_out(&t, 0); /* the second time there is a session */
	}

	talk_open_from_outside(&call);
	pkt = talk_in_pkt(&call, ACK);
	pkt.ttl = 1;
	error = box_error(WAN, &pkt, 11, 0, 0);
	box_send(box, WAN, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect(box, WAN, &error);

	pkt = talk_out_pkt(&call, ACK);
	pkt.ttl = 1;
	error = box_error(SRV, &pkt, 11, 0, 0);
	box_send(box, SRV, &pkt);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect(box, SRV, &error);
	box_expect_nothing(box);
	box_close(box);
}

/* Path-MTU discovery starts at the box: it names the MTU of its own next link. */
static void
too_big_by_the_box(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = FORWARD_ALL, .wan_mtu = 1400
	};
	struct masq_test_box *box = box_open_with(&small);
	struct talk t = TALK(box, TCP, INSIDE, 1025, OUTSIDE, 80);
	struct talk call = CALL(box, TCP, CLIENT, 3000, 80, SERVER, 8080);
	struct masq_test_pkt pkt, error;

	talk_open_from_inside(&t);
	talk_open_from_outside(&call);
	pkt = talk_out_pkt(&t, ACK);
	pkt.payload = NULL;
	pkt.payload_bytes = 1400 - 40;
	pkt.dont_fragment = true;
	talk_out_with(&t, pkt);
	pkt.payload_bytes++;
	error = box_error(LAN, &pkt, 3, 4, 1400);
	box_send(box, LAN, &pkt);
	box_expect_drop(box, MASQ_DROP_MTU);
	box_expect(box, LAN, &error);

	pkt = talk_out_pkt(&call, ACK);
	pkt.payload = NULL;
	pkt.payload_bytes = 1400 - 40 + 1;
	pkt.dont_fragment = true;
	error = box_error(SRV, &pkt, 3, 4, 1400);
	box_send(box, SRV, &pkt);
	box_expect_drop(box, MASQ_DROP_MTU);
	box_expect(box, SRV, &error);
	box_expect_nothing(box);
	box_close(box);
}

/* Nobody answers an error with an error. */
static void
no_error_about_errors(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	const struct masq_test_pkt quoted = {
		.src = SERVER, .sport = 53, .dst = INSIDE, .dport = 1025, .payload = "x"
	};
	const struct masq_test_pkt error = { .proto = IPPROTO_ICMP,
		.src = INSIDE,
		.dst = SERVER,
		.ttl = 1,
		.icmp_type = 3,
		.icmp_code = 3,
		.quote = &quoted };

	box_hello(box, LAN, INSIDE);
	box_send(box, LAN, &error);
	box_expect_drop(box, MASQ_DROP_TTL);
	box_expect_nothing(box);
	box_close(box);
}

/* Nor about what was sent to all hosts of a network, whatever frame it came in (RFC 1122 3.2.2). */
static void
no_error_about_what_all_hosts_get(void **state)
{
	static const char *const all[] = { "192.168.1.255", "192.168.1.0", "192.168.16.255",
		"203.0.113.255" };
	struct masq_test_box *box = box_open(box_workers(state), "ipchains -P input REJECT\n");
	struct masq_test_pkt pkt = { .src = INSIDE, .sport = 1025, .dport = 9 };

	box_hello(box, LAN, INSIDE);
	for (unsigned int k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		pkt.dst = all[k];
		box_send(box, LAN, &pkt);
		box_expect_drop(box, MASQ_DROP_INPUT_REJECT);
		box_expect_nothing(box);
	}
	box_rules(box, "ipchains -P input ACCEPT\n");
	pkt.payload_bytes = 200;
	pkt.frag_bytes = 80;
	box_send(box, LAN, &pkt);
	box_advance(box, 31000);
	box_expect_drop(box, MASQ_DROP_FRAG_TIMEOUT);
	box_expect_nothing(box);
	box_close(box);
}

/* An error must fit its link, too: it is never cut, so it quotes less. */
static void
a_small_link_is_told_less(void **state)
{
	struct masq_test_box *box = box_open_with(&(struct masq_test_box_options){
			.workers = box_workers(state), .wan_mtu = 300 });
	struct masq_test_pkt pkt = {
		.src = OUTSIDE, .dst = BOX_WAN, .sport = 1025, .dport = 9, .payload_bytes = 800
	};
	struct masq_test_pkt error = box_error(WAN, &pkt, 3, 3, 0);

	error.quote_bytes = 300 - 20 - 8;
	for (pkt.frag_offset_bytes = 0; pkt.frag_offset_bytes < 808; pkt.frag_offset_bytes += 280) {
		pkt.frag_bytes = pkt.frag_offset_bytes < 560 ? 280 : 0;
		box_send(box, WAN, &pkt);
	}
	box_expect_drop(box, MASQ_DROP_LOCAL);
	pkt.frag_offset_bytes = pkt.frag_bytes = 0;
	box_expect(box, WAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

/* An error has the address of the port by which it leaves (RFC 1812 4.3.2.4), wherever its reason came in: an
 * inside address is not seen outside. */
static void
by_another_port_than_it_came(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), NULL);
	struct masq_test_pkt pkt = {
		.src = CLIENT, .dst = INSIDE, .sport = 1025, .dport = 9, .payload = "astray"
	};
	struct masq_test_pkt error;

	pkt.ttl = 1;
	error = box_error(WAN, &pkt, 11, 0, 0);
	box_send(box, SRV, &pkt);
	box_expect(box, WAN, &error);
	pkt.ttl = 0;
	pkt.dst = BOX_SRV;
	error = box_error(WAN, &pkt, 3, 3, 0);
	box_send(box, SRV, &pkt);
	box_expect(box, WAN, &error);
	box_expect_nothing(box);
	box_close(box);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(about_masqueraded_tcp),
		BOX_ROWS(about_masqueraded_udp),
		BOX_ROWS(about_masqueraded_ping),
		BOX_ROWS(about_forwarded_tcp),
		BOX_ROWS(about_forwarded_udp),
		BOX_ROWS(about_a_hairpin),
		BOX_ROWS(errors_do_not_keep_sessions),
		BOX_ROWS(about_a_first_fragment),
		BOX_ROWS(with_an_extension),
		BOX_ROWS(unmatched_from_outside),
		BOX_ROWS(unmatched_from_inside),
		BOX_ROWS(unmatched_is_routed_where_nothing_is_masqueraded),
		BOX_ROWS(errors_are_judged),
		BOX_ROWS(time_exceeded_by_the_box),
		BOX_ROWS(too_big_by_the_box),
		BOX_ROWS(no_error_about_errors),
		BOX_ROWS(no_error_about_what_all_hosts_get),
		BOX_ROWS(a_small_link_is_told_less),
		BOX_ROWS(by_another_port_than_it_came),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("icmp errors", tests, NULL, NULL);
}
