/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing is allocated after start. Every packet test demands at its end that no worker called an
 * allocator (masq_test_watch.h). Here: the watch sees what it shall see, and both heaps, DPDK's and the C
 * library's, are at the end of a hard day what they were at its beginning.
 */
#include <stdlib.h>

#include <rte_hash.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "masq_test_talk.h"
#include "masq_test_watch.h"

#define RULES                                             \
	MASQ_ALL "ipchains -A input -p udp -j ACCEPT\n"   \
		 "portfw -a -P tcp -L 203.0.113.1 80 -R " \
		 "192.168.16.27 8080\n"                   \
		 "portfw -a -P udp -L 203.0.113.1 53 -R " \
		 "192.168.16.27 5353\n"
#define OTHER_RULES RULES "ipchains -A output -p tcp -j ACCEPT\n"

#define LONGEST_MS 7442000 /* timeout of an established TCP session, and some */
#define REPLACED 10

/* What is in use. */
struct heaps {
	long libc_pieces;
	size_t dpdk_bytes;
	unsigned int dpdk_pieces;
};

static struct heaps
heaps_now(void)
{
	struct heaps now = { .libc_pieces = watch_libc_pieces() };

	for (unsigned int k = 0; k < rte_socket_count(); k++) {
		struct rte_malloc_socket_stats stats;

		assert_int_equal(rte_malloc_get_socket_stats(rte_socket_id_by_idx(k), &stats), 0);
		now.dpdk_bytes += stats.heap_allocsz_bytes;
		now.dpdk_pieces += stats.alloc_count;
	}
	return now;
}

static void
assert_unchanged(const struct heaps *before)
{
	struct heaps now = heaps_now();

	assert_int_equal(now.libc_pieces, before->libc_pieces);
	assert_int_equal(now.dpdk_bytes, before->dpdk_bytes);
	assert_int_equal(now.dpdk_pieces, before->dpdk_pieces);
}

/* Takes something by an allocator of its own choice. */
typedef void take(void);

static void
take_by_malloc(void)
{
	void *volatile p = malloc(100);

	p = realloc(p, 200);
	free(p);
	p = calloc(3, 100);
	free(p);
}

static void
take_aligned(void)
{
	void *volatile p = aligned_alloc(64, 128);
	void *q = NULL;

	free(p);
	assert_int_equal(posix_memalign(&q, 64, 128), 0);
	free(q);
}

static void
take_by_dpdk(void)
{
	rte_free(rte_malloc("test", 100, 0));
	rte_free(rte_zmalloc_socket("test", 100, 0, SOCKET_ID_ANY));
}

/* What a library of DPDK takes. */
static void
take_by_hash(void)
{
	const struct rte_hash_parameters params = { .name = "watched", .entries = 8, .key_len = 4 };

	rte_hash_free(rte_hash_create(&params));
}

static unsigned int
seen_by_watch(take *f)
{
	const char *first = "";

	watch_allocations(true);
	f();
	watch_allocations(false);
	return watch_taken(&first);
}

static void
the_watch_sees_allocations(void **state)
{
	(void)state;
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(seen_by_watch(take_by_malloc), 3);
	assert_int_equal(seen_by_watch(take_aligned), 2);
#endif
	assert_true(seen_by_watch(take_by_dpdk) >= 2);
	assert_true(seen_by_watch(take_by_hash) >= 2);
	take_by_malloc();
	take_aligned();
	take_by_dpdk();
	assert_int_equal(watch_taken(&(const char *){ NULL }), 0);
}

static void
drain(struct masq_test_box *box)
{
	for (unsigned int port = 0; port < BOX_PORTS; port++)
		while (box_waiting(box, port) > 0)
			box_take(box, port);
}

/* A packet that may or may not come out, and if it does the answer to it. */
static void
attempt(struct talk *t, bool from_outside, uint8_t tcp_flags, bool answered)
{
	enum masq_test_port to = from_outside ? t->inside_at : t->outside_at;
	struct masq_test_pkt pkt = from_outside ? talk_in_pkt(t, tcp_flags)
						: talk_out_pkt(t, tcp_flags);

	box_send(t->box, from_outside ? t->outside_at : t->inside_at, &pkt);
	if (box_waiting(t->box, to) == 0)
		return;
	if (!from_outside)
		t->visible_port = box_take(t->box, to).sport;
	if (answered) {
		pkt = from_outside ? talk_out_pkt(t, SYN | ACK) : talk_in_pkt(t, SYN | ACK);
		box_send(t->box, from_outside ? t->inside_at : t->outside_at, &pkt);
		pkt = from_outside ? talk_in_pkt(t, ACK) : talk_out_pkt(t, ACK);
		box_send(t->box, from_outside ? t->outside_at : t->inside_at, &pkt);
	}
	drain(t->box);
}

/* Five kinds of sessions, far more than there is room for; one in @p answered is answered. */
static void
crowd(struct masq_test_box *box, unsigned int answered)
{
	for (uint16_t k = 0; k < 300; k++) {
		uint16_t port = (uint16_t)(2000 + k);
		struct talk out[] = {
			TALK(box, UDP, INSIDE, port, OUTSIDE, 53),
			TALK(box, TCP, INSIDE, port, OUTSIDE, 80),
			TALK(box, ICMP, INSIDE, port, OUTSIDE, 8),
		};
		struct talk in[] = {
			CALL(box, UDP, OUTSIDE, port, 53, SERVER, 5353),
			CALL(box, TCP, OUTSIDE, port, 80, SERVER, 8080),
		};

		for (unsigned int i = 0; i < 3; i++)
			attempt(&out[i], false, SYN, k % answered == 0);
		for (unsigned int i = 0; i < 2; i++)
			attempt(&in[i], true, SYN, k % answered == 0);
	}
}

/* Refused, of no session, in pieces, for nobody, about others. */
static void
trouble(struct masq_test_box *box)
{
	struct talk t = TALK(box, UDP, INSIDE, 1025, OUTSIDE, 53);
	struct masq_test_pkt first = talk_out_pkt(&t, 0), dying = first, part = first, lost = first;
	struct masq_test_pkt left = talk_out_translated(&t, first);
	const struct masq_test_pkt hairpin = {
		.src = "192.168.16.5", .sport = 3000, .dst = BOX_WAN, .dport = 53
	};
	const struct masq_test_pkt error = {
		.proto = IPPROTO_ICMP,
		.src = OUTSIDE,
		.dst = BOX_WAN,
		.icmp_type = 3,
		.icmp_code = 1,
		.quote = &left,
	};

	dying.ttl = 1;
	part.payload = NULL;
	part.payload_bytes = 60;
	part.frag_bytes = 24;
	lost.dst = "203.0.113.99";
	box_mute(box, IP4(203, 0, 113, 99));
	for (uint16_t k = 0; k < 50; k++) {
		first.sport = dying.sport = lost.sport = part.ip_id = (uint16_t)(1025 + k);
		box_send(box, LAN, &first);
		if (box_waiting(box, WAN) > 0)
			left.sport = box_take(box, WAN).sport;
		box_send(box, LAN, &dying);
		box_send(box, LAN, &part);
		box_send(box, LAN, &lost);
		box_send(box, SRV, &hairpin);
		box_send(box, WAN, &error);
		drain(box);
	}
	box_mute(box, 0);
}

/* To capacity and beyond, by floods and by what is established; all of it ends by time, and again. */
static void
a_hard_day_takes_nothing(void **state)
{
	const struct masq_test_box_options small = {
		.workers = box_workers(state), .rules = RULES, .sessions = 64
	};
	struct masq_test_box *box = box_open_with(&small);
	struct heaps before = heaps_now();
	struct masq_dp_counters c;

	for (unsigned int day = 0; day < 2; day++) {
		trouble(box);
		crowd(box, 3);
		trouble(box);
		crowd(box, 1);
		assert_unchanged(&before);
		box_advance(box, LONGEST_MS);
		drain(box);
		assert_int_equal(box_sessions(box), 0);
		assert_unchanged(&before);
	}
	c = box_counters(box);
	assert_true(c.drops[MASQ_DROP_SESSION_TABLE] > 0);
	assert_true(c.sessions_evicted > 0);
	assert_true(c.sessions_expired > 0);
	assert_true(c.icmp_translated > 0);
	box_close(box);
}

/* New rules are the control thread's: it takes memory, and gives back what the old ones took. */
static void
rules_that_went_gave_back_what_they_took(void **state)
{
	struct masq_test_box *box = box_open(box_workers(state), RULES);
	struct heaps before = { 0 };

	for (unsigned int k = 0; k < REPLACED; k++) {
		struct talk t = TALK(box, UDP, INSIDE, (uint16_t)(1025 + k), OUTSIDE, 53);

		box_rules(box, OTHER_RULES);
		talk_out(&t, 0);
		box_rules(box, RULES);
		talk_in(&t, 0);
		if (k == 0)
			before = heaps_now();
	}
	assert_unchanged(&before);
	box_close(box);
}

/*
 * Whatever number of sessions somebody configures, powers of two and their neighbours among them: as
 * "stats memory" tells it, of the sessions that there may be.
 */
static void
a_session_takes_320_bytes_at_most(void **state)
{
	static const uint32_t sessions[] = { 65536, 65537, 70000, 90000, 100000, 120000, 122881,
		131072, 131073, 150000, 245760, 245762, 300000 };

	for (unsigned int k = 0; k < RTE_DIM(sessions); k++) {
		const struct masq_test_box_options options = { .workers = box_workers(state),
			.sessions = sessions[k] };
		struct masq_test_box *box = box_open_with(&options);
		struct masq_dp_memory m;
		uint64_t bytes;

		masq_dp_memory(box_dp(box), &m);
		bytes = m.session_tables + m.port_maps + m.paths + m.verdicts;
		print_message("    %u sessions, %u workers: %.1f bytes each\n", sessions[k],
				box_workers(state), (double)bytes / (double)m.session_capacity);
		assert_in_range(m.session_capacity, sessions[k], sessions[k] / 15 * 16);
		assert_in_range(bytes / m.session_capacity, 256, 319);
		box_close(box);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_watch_sees_allocations),
		BOX_ROWS(a_hard_day_takes_nothing),
		BOX_ROWS(rules_that_went_gave_back_what_they_took),
		BOX_ROWS(a_session_takes_320_bytes_at_most),
	};

	(void)argc;
	box_main_init(argv[0]);
	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
