/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered packets: who talks says which flow a packet is of and the how manieth it is, so whatever happens, each one
 * that leaves tells whether it came out where it should, under the right addresses, and behind all that were sent
 * before it. Hosts are masqueraded, called, called from beside the server, or merely routed; by UDP, TCP and ping,
 * whole or in pieces. Meanwhile rules change, neighbours fall silent and are forgotten, workers stand still or go at
 * any pace.
 *
 * By seed nothing bad happens at all: then each packet arrives but those that found no place to wait. Or sessions are
 * flushed while their packets wait for a neighbour: then later ones may be earlier, and the port another one.
 *
 * The seed is printed on failure; MASQ_TEST_SEED=N runs that one, MASQ_TEST_SEEDS=N so many.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <masq_dp_manual.h>

#include "masq_test_audit.h"
#include "masq_test_random.h"
#include "masq_test_seeds.h"
#include "masq_test_talk.h"

#define SEEDS 6
#define FLOWS 48
#define STEPS 300
#define FRAME_BYTES 2048
#define LONGEST 2900 /* bytes of a datagram in pieces */
#define PIECE 1024
#define FIRST_PORT 2000

#define RULES                                                                           \
	"ipchains -A forward -s 192.168.1.0/24 -d 192.168.16.0/24 -j ACCEPT\n"          \
	"ipchains -A forward -s 192.168.16.0/24 -d 192.168.1.0/24 -j ACCEPT\n" MASQ_ALL \
	"portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n"                    \
	"portfw -a -P tcp -L 203.0.113.1 53 -R 192.168.16.28 5353\n"

enum kind {
	MASQUERADED,
	CALLED,
	CALLED_BESIDE, /* hairpin */
	ROUTED,
	KINDS
};

struct host {
	uint32_t ip;
	uint16_t port; /* ICMP: of the client the identifier */
};

struct flow {
	enum kind kind;
	uint8_t proto;
	struct host client, called, server; /* called: as the client knows the server */
	struct host visible; /* the client as the server knows it; once it has heard it */
	enum masq_test_port client_at, server_at;
	uint32_t sent[2], seen[2]; /* questions; answers */
};

struct town {
	struct masq_test_box *box;
	uint64_t rnd;
	struct flow flow[FLOWS];
	uint64_t arrived;
	uint32_t stuck; /* worker + 1 */
	uint16_t ip_id;
	bool flushes, quiet;
};

static const char *
text_of(uint32_t ip, char text[INET_ADDRSTRLEN])
{
	const struct in_addr addr = { htonl(ip) };

	return inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN);
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

static void
settle(struct town *town, uint32_t k)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct flow *f = &town->flow[k];

	memset(f, 0, sizeof(*f));
	f->kind = k % KINDS;
	f->proto = protos[k / KINDS % 3];
	f->client = (struct host){ IP4(192, 168, 1, 2) + k % 5, (uint16_t)(FIRST_PORT + k) };
	f->client_at = LAN;
	f->server_at = f->kind == MASQUERADED ? WAN : SRV;
	if (f->kind == MASQUERADED || f->kind == ROUTED) {
		uint32_t net = f->kind == ROUTED ? IP4(192, 168, 16, 50) : IP4(203, 0, 113, 50);

		f->server = f->called = (struct host){ net + dice(town, 4), 99 };
		return;
	}
	if (f->proto == IPPROTO_ICMP)
		f->proto = IPPROTO_UDP;
	f->called = (struct host){ IP4(203, 0, 113, 1), 53 };
	f->server = (struct host){ IP4(192, 168, 16, 27) + (f->proto == IPPROTO_TCP), 5353 };
	f->client_at = f->kind == CALLED ? WAN : SRV;
	f->client.ip = f->kind == CALLED ? IP4(203, 0, 113, 50) + dice(town, 4)
					 : IP4(192, 168, 16, 40) + k % 3;
}

/* ---------------------------------------------------------------- what is sent */

static void
put_in_pieces(struct town *town, enum masq_test_port port, struct masq_test_pkt *pkt, char *text)
{
	const uint32_t bytes = PIECE + 100 + dice(town, LONGEST - PIECE - 100);
	const size_t number = strlen(text);

	memset(text + number, 'x', bytes - number);
	text[bytes] = '\0';
	pkt->ip_id = ++town->ip_id;
	for (uint32_t at = 0; at < bytes + 8; at += PIECE) { /* UDP's header */
		pkt->frag_offset_bytes = at;
		pkt->frag_bytes = at + PIECE < bytes + 8 ? PIECE : 0;
		box_put(town->box, port, pkt);
	}
}

static void
say(struct town *town, uint32_t k, bool is_answer)
{
	struct flow *f = &town->flow[k];
	const struct host *from = is_answer ? &f->server : &f->client;
	const struct host *to = is_answer ? &f->visible : &f->called;
	const enum masq_test_port port = is_answer ? f->server_at : f->client_at;
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN], text[LONGEST + 1];
	struct masq_test_pkt pkt = {
		.proto = f->proto,
		.src = text_of(from->ip, src),
		.dst = text_of(to->ip, dst),
		.tcp_flags = is_answer                                ? SYN | ACK
				: f->seen[0] == 0 || percent(town, 5) ? SYN
								      : ACK,
		.payload = text,
	};

	if (f->proto == IPPROTO_ICMP) {
		pkt.icmp_type = is_answer ? 0 : 8;
		pkt.icmp_id = is_answer ? to->port : from->port;
	} else {
		pkt.sport = from->port;
		pkt.dport = to->port;
	}
	snprintf(text, sizeof(text), "@%u %u %u;", k, is_answer, ++f->sent[is_answer]);
	if (f->proto == IPPROTO_UDP && percent(town, 15))
		put_in_pieces(town, port, &pkt, text);
	else
		box_put(town->box, port, &pkt);
}

/* ---------------------------------------------------------------- what leaves */

static void
check_question(const struct town *town, struct flow *f, const struct masq_test_seen *seen)
{
	const struct host visible = { seen->src, seen->sport };
	const uint32_t hidden = f->kind == MASQUERADED ? IP4(203, 0, 113, 1) : IP4(192, 168, 16, 1);

	assert_int_equal(seen->dst, f->server.ip);
	if (f->proto != IPPROTO_ICMP)
		assert_int_equal(seen->dport, f->server.port);
	if (f->kind == MASQUERADED || f->kind == CALLED_BESIDE) {
		assert_int_equal(seen->src, hidden);
		if (f->visible.port != 0 && !town->flushes)
			assert_int_equal(seen->sport, f->visible.port);
	} else {
		assert_int_equal(seen->src, f->client.ip);
		assert_int_equal(seen->sport, f->client.port);
	}
	f->visible = visible;
}

static void
check_answer(const struct town *town, const struct flow *f, const struct masq_test_seen *seen)
{
	/* Without its session an answer is a question of the server's own. */
	if (town->flushes)
		return;
	assert_int_equal(seen->src, f->called.ip);
	assert_int_equal(seen->dst, f->client.ip);
	assert_int_equal(seen->dport, f->client.port);
	if (f->proto != IPPROTO_ICMP)
		assert_int_equal(seen->sport, f->called.port);
}

static void
look_at(struct town *town, enum masq_test_port port, const uint8_t *ip)
{
	static const uint8_t header[IPPROTO_UDP + 1] = {
		[IPPROTO_ICMP] = 8, [IPPROTO_TCP] = 20, [IPPROTO_UDP] = 8
	};
	const uint8_t *l4 = ip + 20;
	struct masq_test_seen seen = { .src = 0 };
	unsigned int k, is_answer, number;
	struct flow *f;

	if ((ip[6] & 0x1f) != 0 || ip[7] != 0)
		return; /* a later piece */
	if (ip[9] == IPPROTO_ICMP && l4[0] != 8 && l4[0] != 0)
		return; /* the box says that somebody is silent */
	assert_int_equal(sscanf((const char *)l4 + header[ip[9]], "@%u %u %u;", &k, &is_answer,
					 &number),
			3);
	assert_in_range(k, 0, FLOWS - 1);
	f = &town->flow[k];
	seen.src = (uint32_t)ip[12] << 24 | ip[13] << 16 | ip[14] << 8 | ip[15];
	seen.dst = (uint32_t)ip[16] << 24 | ip[17] << 16 | ip[18] << 8 | ip[19];
	seen.sport = (uint16_t)(l4[0] << 8 | l4[1]);
	seen.dport = (uint16_t)(l4[2] << 8 | l4[3]);
	if (ip[9] == IPPROTO_ICMP)
		seen.sport = seen.dport = (uint16_t)(l4[4] << 8 | l4[5]);
	assert_int_equal(ip[9], f->proto);
	assert_int_equal(port, is_answer ? f->client_at : f->server_at);
	if (is_answer)
		check_answer(town, f, &seen);
	else
		check_question(town, f, &seen);
	if (number <= f->seen[is_answer] && !town->flushes)
		fail_msg("%s %u of flow %u, kind %d, was overtaken by %u",
				is_answer ? "answer" : "question", number, k, f->kind,
				f->seen[is_answer]);
	f->seen[is_answer] = number;
	town->arrived++;
}

static void
overhear(struct town *town)
{
	uint8_t frame[FRAME_BYTES];

	for (unsigned int port = 0; port < BOX_PORTS; port++)
		while (box_waiting(town->box, port) > 0) {
			box_take_bytes(town->box, port, frame, sizeof(frame));
			look_at(town, port, frame + 14);
		}
}

/* ---------------------------------------------------------------- what happens */

static void
release(struct town *town)
{
	if (town->stuck != 0)
		box_stick(town->box, town->stuck - 1, false);
	town->stuck = 0;
}

static void
new_rules(struct town *town)
{
	static const char *const more[] = { "", "ipchains -A input -p tcp -y\n",
		"ipchains -A output -p udp -d 192.168.16.27\n", "ipchains -I forward -p udp -l\n",
		"ipchains -A output -p tcp -s 203.0.113.1 1024:30000 -t 0x01 0x10\n" };
	char rules[1024];

	snprintf(rules, sizeof(rules), RULES "%s", more[dice(town, 5)]);
	release(town);
	if (percent(town, 50))
		box_rules(town->box, rules);
	else
		box_rules_late(town->box, rules);
}

/* Somebody whom packets go to. */
static uint32_t
some_neighbour(struct town *town)
{
	return percent(town, 60) ? IP4(203, 0, 113, 50) + dice(town, 4)
				 : IP4(192, 168, 16, 27) + dice(town, 2);
}

static void
neighbours_change(struct town *town)
{
	if (percent(town, 50))
		box_mute(town->box, percent(town, 50) ? 0 : some_neighbour(town));
	else
		masq_dp_neighbours_flush(
				box_dp(town->box), percent(town, 30) ? 0 : some_neighbour(town));
	if (percent(town, 10))
		box_advance(town->box, 1000 + dice(town, 9000));
}

static void
something_happens(struct town *town)
{
	const struct masq_dp_session_filter udp = { .proto = IPPROTO_UDP };
	const uint32_t workers = masq_dp_workers(box_dp(town->box)), what = dice(town, 1000);

	if (what < 80)
		new_rules(town);
	else if (what < 250)
		box_advance(town->box, 1 + dice(town, 20));
	else if (what < 450 && !town->quiet)
		neighbours_change(town);
	else if (what < 470 && town->flushes)
		masq_dp_sessions_flush(box_dp(town->box), &udp, NULL);
	else if (what < 510 && workers > 1) {
		release(town);
		town->stuck = 1 + dice(town, workers);
		box_stick(town->box, town->stuck - 1, true);
	} else if (what > 950)
		release(town);
}

/* Workers at their own pace. */
static void
some_rounds(struct town *town)
{
	struct masq_dp *dp = box_dp(town->box);

	for (uint32_t n = dice(town, 14); n > 0; n--) {
		const uint32_t worker = dice(town, masq_dp_workers(dp));

		if (worker + 1 != town->stuck)
			masq_dp_poll(dp, worker, masq_dp_now_ms(dp));
	}
}

static void
step(struct town *town)
{
	const uint32_t busy = dice(town, FLOWS);

	for (uint32_t n = dice(town, percent(town, 6) ? 120 : 24); n > 0; n--) {
		const uint32_t k = percent(town, 40) ? busy : dice(town, FLOWS);

		say(town, k, town->flow[k].visible.port != 0 && percent(town, 40));
	}
	some_rounds(town);
	if (percent(town, 30))
		box_run(town->box);
	something_happens(town);
	overhear(town);
}

/* Nothing was lost but for lack of room. */
static void
check_all_arrived(struct town *town)
{
	const struct masq_dp_counters c = box_counters(town->box);
	uint64_t sent = 0, dropped = 0;

	for (uint32_t k = 0; k < FLOWS; k++)
		sent += town->flow[k].sent[0] + town->flow[k].sent[1];
	for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
		dropped += c.drops[d];
	assert_int_equal(dropped, c.drops[MASQ_DROP_NEIGH_QUEUE] + c.drops[MASQ_DROP_HANDOFF_FULL]);
	assert_int_equal(sent, town->arrived + dropped);
}

static void
run(uint32_t workers, uint64_t seed)
{
	struct town town = {
		.rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1,
		.flushes = seed % 3 == 0,
		.quiet = seed % 3 == 1,
	};

	town.box = box_open_with(&(struct masq_test_box_options){
			.workers = workers,
			.rules = RULES,
			.start_ms = seed % 2 == 0 ? UINT32_MAX - 60 * 1000 : 0,
	});
	box_run(town.box); /* from here on the clock is what it shall be */
	for (uint32_t k = 0; k < FLOWS; k++)
		settle(&town, k);
	for (unsigned int n = 0; n < STEPS; n++) {
		step(&town);
		if (n % 16 == 0)
			box_audit(town.box);
	}
	release(&town);
	box_mute(town.box, 0);
	box_run(town.box);
	box_advance(town.box, 60 * 1000);
	overhear(&town);
	assert_int_equal(box_counters(town.box).held, 0);
	if (town.quiet)
		check_all_arrived(&town);
	box_end_sessions(town.box);
	box_audit(town.box);
	box_close(town.box);
}

static void
all_arrive_in_order(void **state)
{
	test_seeds_run(run, box_workers(state), SEEDS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(all_arrive_in_order),
	};
	int failed;

	(void)argc;
	box_main_init(argv[0]);
	failed = cmocka_run_group_tests_name("numbered", tests, NULL, NULL);
	test_seeds_tell();
	return failed;
}
