/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bad company: pieces of datagrams that overlap, are missing, come twice or are too long in all; ICMP errors
 * with quotes of any sort; ARP that lies; frames in several buffers; links with a small MTU, a VLAN, few
 * buffers; routes and rules that come and go, workers that stand still or go at any pace, time that jumps.
 * Among all that people talk as ever. Nobody can say what becomes of each packet. But each frame that leaves is
 * in order: its lengths, its checksums, also those of a datagram that left in pieces; it fits its link and
 * carries its tag; nothing that is seen outside names an inside host, not even a quote. And in the end nothing
 * is left.
 *
 * The seed is printed on failure; MASQ_TEST_SEED=N runs that one, MASQ_TEST_SEEDS=N so many.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_dp_manual.h>

#include "masq_test_audit.h"
#include "masq_test_random.h"
#include "masq_test_seeds.h"
#include "masq_test_talk.h"

#define SEEDS 3
#define STEPS 250
#define HEARD 64
#define AT_ONCE 12
#define PIECES 64
#define RECEIVERS 64
#define LONGEST 65420 /* and up to 87 more */
#define TAG 7
#define MTU 1500

static const uint16_t wan_mtu[] = { 600, MTU, 68, MTU }; /* by seed */

#define RULES                                                                 \
	MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n" \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n" \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080\n" \
		 "portfw -a -P udp -L 203.0.113.1 99 -R 192.168.1.9 99\n"     \
		 "ipchains -A input -p udp -d 203.0.113.1 4000:4999 -j REJECT\n"

/* A datagram that leaves in pieces, as its receiver holds it. */
struct receiver {
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto;
	uint32_t held, end;
	uint8_t data[65536];
};

struct town {
	struct masq_test_box *box;
	uint64_t rnd;
	uint16_t ip_id;
	uint16_t mtu[BOX_PORTS];
	uint16_t tag[BOX_PORTS];
	struct masq_test_seen heard[HEARD];
	enum masq_test_port heard_at[HEARD];
	unsigned int n_heard;
	struct receiver *receiver;
	unsigned int next_receiver;
	uint64_t sent, left, whole_again;
	uint32_t stuck; /* worker + 1 */
};

static const char *
text_of(uint32_t ip, char text[INET_ADDRSTRLEN])
{
	const struct in_addr addr = { htonl(ip) };

	return inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN);
}

static uint32_t
get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t
get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static bool
is_inside(uint32_t addr)
{
	return addr >> 16 == IP4(192, 168, 0, 0) >> 16;
}

/* A session keeps the address that it was given when its way was another one; but that is the box's. */
static bool
is_inside_host(uint32_t addr)
{
	return is_inside(addr) && (addr & 0xff) != 1;
}

static uint32_t
dice(struct town *town, uint32_t limit)
{
	return test_random_below(&town->rnd, limit);
}

static bool
percent(struct town *town, uint32_t n)
{
	return test_random_percent(&town->rnd, n);
}

/* ---------------------------------------------------------------- what leaves */

static void
check_transport(const uint8_t *ip, uint8_t proto, const uint8_t *l4, uint32_t bytes)
{
	static uint8_t pseudo[12 + 65536];

	if (proto == IPPROTO_ICMP) {
		assert_int_equal(masq_test_checksum(l4, bytes), 0);
		return;
	}
	if (proto == IPPROTO_UDP && get16(l4 + 6) == 0)
		return;
	assert_true(proto == IPPROTO_TCP || proto == IPPROTO_UDP);
	memcpy(pseudo, ip + 12, 8);
	pseudo[8] = 0;
	pseudo[9] = proto;
	pseudo[10] = (uint8_t)(bytes >> 8);
	pseudo[11] = (uint8_t)bytes;
	memcpy(pseudo + 12, l4, bytes);
	assert_int_equal(masq_test_checksum(pseudo, 12 + bytes), 0);
}

static struct receiver *
receiver_of(struct town *town, const uint8_t *ip)
{
	const struct receiver key = { .src = get32(ip + 12),
		.dst = get32(ip + 16),
		.id = (uint16_t)get16(ip + 4),
		.proto = ip[9] };
	struct receiver *r;

	for (unsigned int k = 0; k < RECEIVERS; k++) {
		r = &town->receiver[k];
		if (r->src == key.src && r->dst == key.dst && r->id == key.id &&
				r->proto == key.proto && r->held > 0)
			return r;
	}
	r = &town->receiver[town->next_receiver++ % RECEIVERS];
	r->src = key.src;
	r->dst = key.dst;
	r->id = key.id;
	r->proto = key.proto;
	r->held = r->end = 0;
	return r;
}

static void
check_piece(struct town *town, const uint8_t *ip, const uint8_t *l4, uint32_t bytes)
{
	struct receiver *r = receiver_of(town, ip);
	const uint32_t start = (get16(ip + 6) & 0x1fff) * 8;
	const bool more = (get16(ip + 6) & 0x2000) != 0;

	assert_true(start + bytes <= 65515);
	assert_true(!more || bytes % 8 == 0);
	memcpy(r->data + start, l4, bytes);
	r->held += bytes;
	if (!more)
		r->end = start + bytes;
	if (r->end == 0 || r->held != r->end)
		return;
	check_transport(ip, ip[9], r->data, r->end);
	r->held = 0;
	town->whole_again++;
}

static void
check_ip(struct town *town, enum masq_test_port port, const uint8_t *ip, uint32_t bytes)
{
	const uint32_t header = (ip[0] & 15) * 4u;
	const uint8_t *l4 = ip + header;

	assert_int_equal(ip[0] >> 4, 4);
	assert_int_equal(get16(ip + 2), bytes);
	assert_true(bytes <= town->mtu[port]);
	assert_int_equal(masq_test_checksum(ip, header), 0);
	assert_true(ip[8] > 0);
	if (port == WAN) {
		assert_false(is_inside_host(get32(ip + 12)));
		assert_false(is_inside(get32(ip + 16)));
	} else {
		assert_true(is_inside(get32(ip + 16)) ||
				get32(ip + 16) >> 8 == IP4(198, 51, 100, 0) >> 8);
	}
	if ((get16(ip + 6) & 0x3fff) != 0) {
		check_piece(town, ip, l4, bytes - header);
		return;
	}
	check_transport(ip, ip[9], l4, bytes - header);
	if (port == WAN && ip[9] == IPPROTO_ICMP && (l4[0] == 3 || l4[0] == 11)) {
		assert_false(is_inside_host(get32(l4 + 8 + 12)));
		assert_false(is_inside_host(get32(l4 + 8 + 16)));
	}
}

static void
remember(struct town *town, enum masq_test_port port, const uint8_t *ip)
{
	const uint8_t *l4 = ip + (ip[0] & 15) * 4u;
	unsigned int at = town->n_heard++ % HEARD;

	town->heard_at[at] = port;
	town->heard[at] = (struct masq_test_seen){
		.src = get32(ip + 12),
		.dst = get32(ip + 16),
		.proto = ip[9],
		.sport = (uint16_t)get16(l4 + (ip[9] == IPPROTO_ICMP ? 4 : 0)),
		.dport = (uint16_t)get16(l4 + 2),
		.ttl = ip[9] == IPPROTO_ICMP ? l4[0] : 0,
	};
}

static void
overhear(struct town *town)
{
	static uint8_t frame[MASQ_TEST_FRAME_BYTES_MAX];

	for (unsigned int port = 0; port < BOX_PORTS; port++)
		while (box_waiting(town->box, port) > 0) {
			uint32_t bytes = box_take_bytes(town->box, port, frame, sizeof(frame));
			uint32_t offset = 14;

			town->left++;
			assert_int_equal(get16(frame + 12) == 0x8100, town->tag[port] != 0);
			if (town->tag[port] != 0) {
				assert_int_equal(get16(frame + 14), town->tag[port]);
				offset += 4;
			}
			if (get16(frame + offset - 2) == 0x0806)
				continue;
			assert_int_equal(get16(frame + offset - 2), 0x0800);
			assert_int_equal(frame[0] & 1, 0);
			check_ip(town, port, frame + offset, bytes - offset);
			if ((get16(frame + offset + 6) & 0x1fff) == 0)
				remember(town, port, frame + offset);
		}
}

/* ---------------------------------------------------------------- what comes */

static void
say(struct town *town, enum masq_test_port port, struct masq_test_pkt pkt)
{
	pkt.vlan = town->tag[port];
	if (percent(town, 5))
		pkt.first_segment_bytes = (uint16_t)(1 + dice(town, 120));
	box_put(town->box, port, &pkt);
	town->sent++;
}

struct piece {
	uint32_t offset, bytes;
};

/* @return number of pieces of a datagram of so many bytes, in any order, with some mischief */
static unsigned int
break_up(struct town *town, uint32_t total, struct piece *piece)
{
	const uint32_t chunk = RTE_MAX(8 * (1 + dice(town, 180)), (total / (PIECES - 4) + 8) & ~7u);
	unsigned int n = 0;

	for (uint32_t at = 0; at < total; at += chunk)
		piece[n++] = (struct piece){ at, at + chunk < total ? chunk : 0 };
	switch (dice(town, 8)) {
	case 0: /* one is missing */
		piece[dice(town, n)] = piece[n - 1];
		n--;
		break;
	case 1: /* one comes twice */
		piece[n] = piece[dice(town, n)];
		n++;
		break;
	case 2: /* one overlaps */
		piece[n].offset = 8 * dice(town, total / 8);
		piece[n].bytes = 8 * (1 + dice(town, 20));
		n++;
		break;
	default:
		break;
	}
	for (unsigned int i = percent(town, 60) ? n : 0; i > 1; i--) {
		unsigned int k = dice(town, i);
		struct piece other = piece[i - 1];

		piece[i - 1] = piece[k];
		piece[k] = other;
	}
	return n;
}

static uint32_t
header_bytes(const struct masq_test_pkt *pkt)
{
	if (pkt->quote != NULL)
		return 8 + (pkt->quote_bytes != 0 ? pkt->quote_bytes : 28);
	return pkt->proto == IPPROTO_TCP ? 20 : 8;
}

static void
say_in_pieces(struct town *town, enum masq_test_port port, struct masq_test_pkt pkt)
{
	static const uint8_t nothing[40] = { 1 };
	struct piece piece[PIECES + 2];
	unsigned int n;

	pkt.payload = NULL;
	pkt.payload_bytes = percent(town, 6) ? LONGEST + dice(town, 88) : 8 + dice(town, 4000);
	pkt.ip_id = ++town->ip_id;
	pkt.dont_fragment = percent(town, 10);
	n = break_up(town, pkt.payload_bytes + header_bytes(&pkt), piece);
	for (unsigned int k = 0; k < n; k++) {
		pkt.frag_offset_bytes = piece[k].offset;
		pkt.frag_bytes = piece[k].bytes;
		pkt.options = nothing;
		pkt.option_bytes = piece[k].offset == 0 && percent(town, 20) ? 40 : 0;
		say(town, port, pkt);
	}
}

static void
say_somehow(struct town *town, enum masq_test_port port, struct masq_test_pkt pkt)
{
	if (percent(town, 25)) {
		say_in_pieces(town, port, pkt);
		return;
	}
	pkt.ip_id = ++town->ip_id;
	pkt.dont_fragment = percent(town, 30);
	pkt.no_udp_checksum = percent(town, 10);
	pkt.ttl = percent(town, 5) ? 1 : 0;
	if (percent(town, 20)) {
		pkt.payload = NULL;
		pkt.payload_bytes = 400 + dice(town, 1050);
	}
	say(town, port, pkt);
}

static uint8_t
some_flags(struct town *town)
{
	static const uint8_t flags[] = { SYN, SYN, SYN | ACK, ACK, ACK, FIN | ACK, RST };

	return flags[dice(town, sizeof(flags))];
}

static void
somebody_begins(struct town *town)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP };
	const uint32_t who = dice(town, 100);
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	struct masq_test_pkt pkt = {
		.proto = protos[dice(town, 4)],
		.tcp_flags = some_flags(town),
		.sport = (uint16_t)(2000 + dice(town, 400)),
		.dport = 99,
		.payload = "a question",
	};
	uint32_t from = IP4(192, 168, 1, 2) + dice(town, 4);
	uint32_t to = percent(town, 20) ? IP4(198, 51, 100, 9)
					: IP4(203, 0, 113, 50) + dice(town, 6);
	enum masq_test_port port = LAN;

	if (who >= 55) {
		port = who < 80 ? WAN : who < 90 ? SRV : LAN;
		if (port != LAN)
			from = port == WAN ? to : IP4(192, 168, 16, 27) + dice(town, 3);
		to = percent(town, 95) ? IP4(203, 0, 113, 1) : IP4(192, 168, 1, 255);
		pkt.dport = pkt.proto == IPPROTO_TCP ? 80 : percent(town, 50) ? 53 : 99;
		if (percent(town, 10))
			pkt.dport = (uint16_t)(3990 + dice(town, 20));
	}
	pkt.src = text_of(from, src);
	pkt.dst = text_of(to, dst);
	if (pkt.proto == IPPROTO_ICMP) {
		pkt.icmp_type = 8;
		pkt.icmp_id = percent(town, 10) ? 8 : pkt.sport;
		pkt.sport = pkt.dport = 0;
	}
	say_somehow(town, port, pkt);
}

/* What was heard, turned round, or as it was. */
static struct masq_test_pkt
like(struct town *town, const struct masq_test_seen *heard, bool turned, char *src, char *dst)
{
	struct masq_test_pkt pkt = {
		.proto = heard->proto,
		.src = text_of(turned ? heard->dst : heard->src, src),
		.dst = text_of(turned ? heard->src : heard->dst, dst),
		.sport = turned ? heard->dport : heard->sport,
		.dport = turned ? heard->sport : heard->dport,
		.tcp_flags = some_flags(town),
		.payload = "what is this about",
	};

	if (heard->proto == IPPROTO_ICMP) {
		pkt.sport = pkt.dport = 0;
		pkt.icmp_id = heard->sport;
		pkt.icmp_type = turned ? 0 : 8;
	}
	return pkt;
}

static void
somebody_answers(struct town *town)
{
	unsigned int at = dice(town, town->n_heard < HEARD ? town->n_heard : HEARD);
	const struct masq_test_seen *heard = &town->heard[at];
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

	if (heard->proto == IPPROTO_ICMP && heard->ttl != 8)
		return;
	say_somehow(town, town->heard_at[at], like(town, heard, true, src, dst));
}

/* Spoil the quote of an error, and put the checksum right. */
static void
say_spoilt(struct town *town, enum masq_test_port port, struct masq_test_pkt error)
{
	uint8_t frame[2048];
	uint32_t bytes, l4;
	uint16_t sum;

	error.vlan = town->tag[port];
	bytes = box_frame(town->box, port, &error, frame, sizeof(frame));
	l4 = 14 + (town->tag[port] != 0 ? 4 : 0) + 20;
	for (unsigned int k = 1 + dice(town, 3); k > 0; k--)
		frame[l4 + 8 + dice(town, RTE_MIN(28u, bytes - l4 - 8))] = (uint8_t)dice(town, 256);
	frame[l4 + 2] = frame[l4 + 3] = 0;
	sum = masq_test_checksum(frame + l4, bytes - l4);
	frame[l4 + 2] = (uint8_t)(sum >> 8);
	frame[l4 + 3] = (uint8_t)sum;
	box_send_bytes(town->box, port, frame, bytes);
	town->sent++;
}

static void
somebody_complains(struct town *town)
{
	static const uint8_t types[] = { 3, 3, 4, 11, 12, 5 };
	unsigned int at = dice(town, town->n_heard < HEARD ? town->n_heard : HEARD);
	const enum masq_test_port port = town->heard_at[at];
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	const struct masq_test_pkt about = like(town, &town->heard[at], false, src, dst);
	struct masq_test_pkt error = {
		.proto = IPPROTO_ICMP,
		.src = percent(town, 50)      ? about.dst
				: port == WAN ? "198.51.100.1"
					      : "192.168.1.7",
		.dst = percent(town, 95) ? about.src : "203.0.113.1",
		.icmp_type = types[dice(town, sizeof(types))],
		.icmp_code = (uint8_t)dice(town, 5),
		.quote = &about,
		.quote_bytes = (uint16_t)(28 + dice(town, 18)),
	};

	if (percent(town, 30))
		say_spoilt(town, port, error);
	else
		say_somehow(town, port, error);
}

static void
somebody_lies(struct town *town)
{
	static const char *const macs[] = { "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01",
		"00:00:00:00:00:00", "02:00:00:00:09:09", NULL, NULL, NULL, NULL };
	static const char *const names[] = { "0.0.0.0", "255.255.255.255", "192.168.1.255",
		"192.168.1.1", "203.0.113.1", "203.0.113.254", "192.168.16.27", "127.0.0.1",
		"224.0.0.1", "192.168.1.2", "192.168.1.3", "203.0.113.50", "203.0.113.51" };
	const unsigned int n = sizeof(names) / sizeof(names[0]);
	const enum masq_test_port port = dice(town, BOX_PORTS);
	const struct masq_test_pkt arp = {
		.arp = (uint8_t)(1 + dice(town, 2)),
		.src = names[dice(town, n)],
		.dst = percent(town, 50) ? box_address(port) : names[dice(town, n)],
		.src_mac = macs[dice(town, sizeof(macs) / sizeof(macs[0]))],
		.dst_mac = percent(town, 50) ? "ff:ff:ff:ff:ff:ff" : NULL,
		.padding_bytes = (uint16_t)dice(town, 20),
	};

	say(town, port, arp);
}

/* ---------------------------------------------------------------- what happens */

static void
new_rules(struct town *town)
{
	static const char *const more[] = { "", "ipchains -A input -p tcp -y\n",
		"route add 198.51.100.0/24 via 192.168.16.29\n",
		"route add 198.51.100.0/24 dev srv\n",
		"ipchains -A forward -p icmp -l\nroute add 198.51.100.0/25 via 192.168.1.9\n",
		"ipchains -A output -p tcp -s 203.0.113.1 1024:30000 -t 0x01 0x10\n",
		"ipchains -A output -p udp -d 192.168.16.27 -j REJECT\n",
		"timeout set udp 1 icmp 1 tcp-established 1 tcp-syn-sent 1 tcp-listen 1\n" };
	char rules[2048];

	snprintf(rules, sizeof(rules), RULES "%s",
			more[dice(town, sizeof(more) / sizeof(more[0]))]);
	if (percent(town, 50))
		box_rules(town->box, rules);
	else
		box_rules_late(town->box, rules);
}

static void
release(struct town *town)
{
	if (town->stuck != 0)
		box_stick(town->box, town->stuck - 1, false);
	town->stuck = 0;
}

static void
something_happens(struct town *town)
{
	const struct masq_dp_session_filter udp = { .proto = IPPROTO_UDP }, all = { .proto = 0 };
	const uint32_t what = dice(town, 1000);

	/* Whoever stands still does not answer the control thread. */
	if (what < 330)
		release(town);
	if (what < 60)
		new_rules(town);
	else if (what < 160)
		box_advance(town->box, 1 + dice(town, 50));
	else if (what < 190)
		box_advance(town->box, 1000 + dice(town, 9000));
	else if (what < 210)
		box_advance(town->box, 31 * 1000);
	else if (what < 230)
		masq_dp_sessions_flush(box_dp(town->box), what < 225 ? &udp : &all, NULL);
	else if (what < 270)
		box_mute(town->box, percent(town, 50) ? 0 : IP4(203, 0, 113, 50) + dice(town, 6));
	else if (what < 290)
		masq_dp_neighbours_flush(box_dp(town->box),
				percent(town, 20) ? 0 : IP4(203, 0, 113, 50) + dice(town, 6));
	else if (what < 330 && masq_dp_workers(box_dp(town->box)) > 1) {
		town->stuck = 1 + dice(town, masq_dp_workers(box_dp(town->box)));
		box_stick(town->box, town->stuck - 1, true);
	}
}

static void
somebody_does_something(struct town *town)
{
	const uint32_t what = dice(town, 100);

	if (town->n_heard == 0 || what < 35)
		somebody_begins(town);
	else if (what < 75)
		somebody_answers(town);
	else if (what < 92)
		somebody_complains(town);
	else
		somebody_lies(town);
}

static void
tell(const struct town *town, uint64_t seed)
{
	const struct masq_dp_counters c = box_counters(town->box);

	fprintf(stderr, "seed %llu: %llu sent, %llu left, %llu whole again, %llu created:",
			(unsigned long long)seed, (unsigned long long)town->sent,
			(unsigned long long)town->left, (unsigned long long)town->whole_again,
			(unsigned long long)c.sessions_created);
	for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
		if (c.drops[d] > 0)
			fprintf(stderr, " %s %llu", masq_drop_name(d),
					(unsigned long long)c.drops[d]);
	fprintf(stderr, " icmp %llu\n", (unsigned long long)c.icmp_translated);
}

/* Workers at their own pace: rounds of one or the other, in any order, unless he stands still. */
static void
some_rounds(struct town *town)
{
	struct masq_dp *dp = box_dp(town->box);

	for (unsigned int n = dice(town, 12); n > 0; n--) {
		const uint32_t worker = dice(town, masq_dp_workers(dp));

		if (worker + 1 != town->stuck)
			masq_dp_poll(dp, worker, masq_dp_now_ms(dp));
	}
}

static void
run(uint32_t workers, uint64_t seed)
{
	static struct receiver receivers[RECEIVERS];
	struct town town = { .rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1,
		.receiver = receivers,
		.mtu = { MTU, wan_mtu[seed % 4], MTU },
		.tag = { [LAN] = seed % 3 == 0 ? TAG : 0 } };
	const struct masq_dp_session_filter all = { .proto = 0 };

	memset(receivers, 0, sizeof(receivers));
	town.box = box_open_with(&(struct masq_test_box_options){
			.workers = workers,
			.sessions = 256,
			.rules = RULES,
			.port_low = 1024,
			.port_high = 1024 + 255,
			.wan_mtu = wan_mtu[seed % 4],
			.lan_vlan = town.tag[LAN],
			.mbufs = seed % 4 == 1 ? 2047 : 0,
			.start_ms = seed % 2 == 0 ? UINT32_MAX - 60 * 1000 : 0,
	});
	for (unsigned int step = 0; step < STEPS; step++) {
		for (unsigned int n = dice(&town, AT_ONCE); n > 0; n--)
			somebody_does_something(&town);
		some_rounds(&town);
		if (percent(&town, 50))
			box_run(town.box);
		something_happens(&town);
		overhear(&town);
		box_audit(town.box);
	}
	release(&town);
	box_mute(town.box, 0);
	box_run(town.box);
	box_advance(town.box, 60 * 1000);
	overhear(&town);
	assert_int_equal(box_counters(town.box).held, 0);
	if (test_seeds_are_many())
		tell(&town, seed);
	masq_dp_sessions_flush(box_dp(town.box), &all, NULL);
	box_audit(town.box);
	box_close(town.box);
}

static void
bad_company(void **state)
{
	test_seeds_run(run, box_workers(state), SEEDS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(bad_company),
	};
	int failed;

	(void)argc;
	box_main_init(argv[0]);
	failed = cmocka_run_group_tests_name("bad company", tests, NULL, NULL);
	test_seeds_tell();
	return failed;
}
