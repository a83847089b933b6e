/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What holds whatever comes: a table that is too small, packets that arrive while others are on their way
 * between two workers, neighbours that fall silent, rules that change and workers that are late with them,
 * sessions that are flushed or grow old, all of it by chance and at once. Nobody can say in advance what
 * becomes of each packet then. But no inside host is seen outside, each packet is counted by the rules once,
 * and in the end nothing is left.
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

#define SEEDS 4
#define STEPS 400
#define HEARD 64 /* packets to which somebody may answer */
#define FRAME_BYTES 2048
#define STUCK_MAX 12 /* steps */

/* By seed. Where many come at once and somebody stands still, colleagues are asked for more than they may be; where
 * ports are few, they go to one peer after the other, and some get theirs from a colleague. */
static const struct size {
	uint32_t sessions, at_once, ports;
	bool sticks;
} sizes[] = {
	{ 128, 40, 128, false },
	{ 4096, 400, 4096, true },
	{ 1024, 200, 24, true },
	{ 128, 40, 8, true },
};

#define COUNTING                                                              \
	MASQ_ALL "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 5353\n" \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080\n" \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080\n" \
		 "ipchains -A input\nipchains -A output\n"

struct town {
	struct masq_test_box *box;
	uint64_t rnd;
	uint64_t sent;
	struct masq_test_seen heard[HEARD];
	enum masq_test_port heard_at[HEARD];
	unsigned int n_heard;
	const struct size *size;
	uint32_t stuck; /* worker + 1 */
	unsigned int stuck_until; /* step: what comes meanwhile has to have room */
};

static const char *
text_of(uint32_t ip, char text[INET_ADDRSTRLEN])
{
	const struct in_addr addr = { htonl(ip) };

	return inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN);
}

/* Its checksums are right. */
static void
check_sums(const uint8_t *ip)
{
	static uint8_t pseudo[12 + FRAME_BYTES];
	const uint32_t header = (ip[0] & 15) * 4u, bytes = (ip[2] << 8 | ip[3]) - header;

	assert_int_equal(masq_test_checksum(ip, header), 0);
	memcpy(pseudo, ip + 12, 8);
	pseudo[9] = ip[9];
	pseudo[10] = (uint8_t)(bytes >> 8);
	pseudo[11] = (uint8_t)bytes;
	memcpy(pseudo + 12, ip + header, bytes);
	assert_int_equal(ip[9] == IPPROTO_ICMP ? masq_test_checksum(ip + header, bytes)
					       : masq_test_checksum(pseudo, 12 + bytes),
			0);
}

static struct masq_test_seen
see(const uint8_t *ip)
{
	const uint8_t *l4 = ip + (ip[0] & 15) * 4u;
	struct masq_test_seen seen = { .proto = ip[9], .tos = ip[1] };
	uint16_t port[2];

	memcpy(&seen.src, ip + 12, 4);
	memcpy(&seen.dst, ip + 16, 4);
	memcpy(port, ip[9] == IPPROTO_ICMP ? l4 + 4 : l4, sizeof(port));
	seen.src = ntohl(seen.src);
	seen.dst = ntohl(seen.dst);
	seen.sport = ntohs(port[0]);
	seen.dport = ntohs(port[1]);
	return seen;
}

/* Whatever left: nobody outside sees an inside host, and somebody may answer to it. */
static void
overhear(struct town *town)
{
	static uint8_t frame[FRAME_BYTES];

	for (unsigned int port = 0; port < BOX_PORTS; port++)
		while (box_waiting(town->box, port) > 0) {
			const uint32_t bytes = box_take_bytes(
					town->box, port, frame, sizeof(frame));
			const struct masq_test_seen seen = see(frame + 14);
			unsigned int at = town->n_heard++ % HEARD;

			assert_in_range(bytes, 34, sizeof(frame));
			check_sums(frame + 14);

			if (port == WAN)
				assert_int_equal(seen.src, IP4(203, 0, 113, 1));
			else
				assert_int_equal(seen.dst >> 16, IP4(192, 168, 0, 0) >> 16);
			town->heard[at] = seen;
			town->heard_at[at] = port;
		}
}

static void
say(struct town *town, enum masq_test_port port, const struct masq_test_pkt *pkt)
{
	box_put(town->box, port, pkt);
	town->sent++;
}

static uint8_t
some_flags(struct town *town)
{
	static const uint8_t flags[] = { SYN, SYN, SYN | ACK, ACK, ACK, FIN | ACK, RST };

	return flags[test_random_below(&town->rnd, sizeof(flags))];
}

static void
somebody_answers(struct town *town)
{
	unsigned int at = test_random_below(
			&town->rnd, town->n_heard < HEARD ? town->n_heard : HEARD);
	const struct masq_test_seen *heard = &town->heard[at];
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	struct masq_test_pkt pkt = {
		.proto = heard->proto,
		.src = text_of(heard->dst, src),
		.dst = text_of(heard->src, dst),
		.sport = heard->dport,
		.dport = heard->sport,
		.tcp_flags = some_flags(town),
		.payload = "an answer",
	};

	if (heard->tos == 0xc0)
		return; /* an error of the box */
	if (heard->proto == IPPROTO_ICMP) {
		pkt.sport = pkt.dport = 0;
		pkt.icmp_id = heard->sport;
	}
	say(town, town->heard_at[at], &pkt);
}

static void
somebody_begins(struct town *town)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP };
	const uint32_t who = test_random_below(&town->rnd, 100);
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	struct masq_test_pkt pkt = {
		.proto = protos[test_random_below(&town->rnd, 4)],
		.tcp_flags = some_flags(town),
		.sport = (uint16_t)(2000 + test_random_below(&town->rnd, 400)),
		.dport = 99,
		.payload = "a question",
	};
	uint32_t from = IP4(192, 168, 1, 2) + test_random_below(&town->rnd, 4);
	uint32_t to = IP4(203, 0, 113, 50) + test_random_below(&town->rnd, 6);
	enum masq_test_port port = LAN;

	if (who >= 60) {
		port = who < 90 ? WAN : SRV;
		from = port == WAN ? to : IP4(192, 168, 16, 27) + test_random_below(&town->rnd, 3);
		to = IP4(203, 0, 113, 1);
		pkt.proto = test_random_percent(&town->rnd, 50) ? IPPROTO_TCP : IPPROTO_UDP;
		pkt.dport = pkt.proto == IPPROTO_TCP ? 80 : 53;
	}
	pkt.src = text_of(from, src);
	pkt.dst = text_of(to, dst);
	if (pkt.proto == IPPROTO_ICMP) {
		pkt.icmp_type = 8;
		pkt.icmp_id = pkt.sport;
		pkt.sport = pkt.dport = 0;
	}
	for (unsigned int n = test_random_percent(&town->rnd, 20) ? 3 : 1; n > 0; n--)
		say(town, port, &pkt);
}

static void
new_rules(struct town *town)
{
	static const char *const more[] = { "", "ipchains -A input -p tcp -y\n",
		"ipchains -A output -p udp -d 192.168.16.27\n", "ipchains -A forward -p icmp -l\n",
		"ipchains -A output -p tcp -s 203.0.113.1 1024:30000 -t 0x01 0x10\n",
		"ipchains -A input -p udp -s 203.0.113.52 -j DENY\n" };
	char rules[1024];

	snprintf(rules, sizeof(rules), COUNTING "%s", more[test_random_below(&town->rnd, 6)]);
	if (test_random_percent(&town->rnd, 50)) {
		box_rules(town->box, rules);
		return;
	}
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
something_happens(struct town *town, unsigned int step)
{
	const struct masq_dp_session_filter udp = { .proto = IPPROTO_UDP }, all = { .proto = 0 };
	const uint32_t workers = masq_dp_workers(box_dp(town->box));
	const uint32_t what = test_random_below(&town->rnd, 1000);

	if (what < 60 || what >= 960 || step >= town->stuck_until)
		release(town);
	if (what < 60)
		new_rules(town);
	else if (what < 160)
		box_advance(town->box, 1 + test_random_below(&town->rnd, 50));
	else if (what < 190)
		box_advance(town->box, 1000 + test_random_below(&town->rnd, 3000));
	else if (what < 195)
		box_advance(town->box, 300 * 1000);
	else if (what < 215)
		masq_dp_sessions_flush(box_dp(town->box), what < 210 ? &udp : &all, NULL);
	else if (what < 250)
		box_mute(town->box,
				test_random_percent(&town->rnd, 50) ? 0
								    : IP4(203, 0, 113, 50) +
								test_random_below(&town->rnd, 6));
	else if (what < 260)
		masq_dp_neighbours_flush(box_dp(town->box),
				IP4(203, 0, 113, 50) + test_random_below(&town->rnd, 6));
	else if (what < 300 && town->size->sticks && workers > 1) {
		release(town);
		town->stuck = 1 + test_random_below(&town->rnd, workers);
		town->stuck_until = step + STUCK_MAX;
		box_stick(town->box, town->stuck - 1, true);
	}
}

/* Workers at their own pace: rounds of one or the other, in any order, unless he stands still. */
static void
some_rounds(struct town *town)
{
	struct masq_dp *dp = box_dp(town->box);

	for (unsigned int n = test_random_below(&town->rnd, 12); n > 0; n--) {
		const uint32_t worker = test_random_below(&town->rnd, masq_dp_workers(dp));

		if (worker + 1 != town->stuck)
			masq_dp_poll(dp, worker, masq_dp_now_ms(dp));
	}
}

static void
run(uint32_t workers, uint64_t seed)
{
	const struct size *size = &sizes[(seed - 1) % (sizeof(sizes) / sizeof(sizes[0]))];
	struct town town = { .rnd = seed * UINT64_C(0x9e3779b97f4a7c15) | 1, .size = size };
	uint64_t counted;

	town.box = box_open_with(&(struct masq_test_box_options){
			.workers = workers,
			.sessions = size->sessions,
			.rules = COUNTING,
			.port_low = 1024,
			.port_high = (uint16_t)(1024 + size->ports - 1),
			/* For each second seed 32 bits of the clock overflow on the way. */
			.start_ms = seed % 2 == 0 ? UINT32_MAX - 60 * 1000 : 0,
	});
	for (unsigned int step = 0; step < STEPS; step++) {
		for (unsigned int n = test_random_below(&town.rnd, size->at_once); n > 0; n--)
			if (town.n_heard > 0 && test_random_percent(&town.rnd, 60))
				somebody_answers(&town);
			else
				somebody_begins(&town);
		some_rounds(&town);
		if (test_random_percent(&town.rnd, 30))
			box_run(town.box);
		something_happens(&town, step);
		overhear(&town);
		box_audit(town.box);
	}
	release(&town);
	box_mute(town.box, 0);
	box_run(town.box);
	box_advance(town.box, 60 * 1000);
	overhear(&town);
	assert_int_equal(box_counters(town.box).held, 0);
	counted = box_rule_packets(town.box, "input", 1) +
			box_drops(town.box, MASQ_DROP_SESSION_DYING);
	if (test_seeds_are_many()) {
		struct masq_dp_counters c = box_counters(town.box);

		fprintf(stderr, "seed %llu: %llu sent, %llu created, %llu evicted, %llu remote:",
				(unsigned long long)seed, (unsigned long long)town.sent,
				(unsigned long long)c.sessions_created,
				(unsigned long long)c.sessions_evicted,
				(unsigned long long)c.sessions_remote);
		for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
			if (c.drops[d] > 0)
				fprintf(stderr, " %s %llu", masq_drop_name(d),
						(unsigned long long)c.drops[d]);
		fprintf(stderr, "\n");
	}
	/* Of those that found a ring full some had been judged. */
	assert_in_range(town.sent, counted, counted + box_drops(town.box, MASQ_DROP_HANDOFF_FULL));
	box_end_sessions(town.box);
	box_audit(town.box);
	box_close(town.box);
}

static void
whatever_comes(void **state)
{
	test_seeds_run(run, box_workers(state), SEEDS);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_ROWS(whatever_comes),
	};
	int failed;

	(void)argc;
	box_main_init(argv[0]);
	failed = cmocka_run_group_tests_name("whatever comes", tests, NULL, NULL);
	test_seeds_tell();
	return failed;
}
