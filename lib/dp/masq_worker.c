/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one lcore, its queues, its tables, and its round (one call of masq_worker_poll()):
 *
 *	take over a new configuration if there is one, or leave another piece of the old one
 *	messages of other workers -> packets that were parked -> packets in its own ring ->
 *	packets handed over by other workers -> a burst from each own queue
 *	once a millisecond: housekeeping
 *	some of the sessions that are due
 *	a letter of the control thread, if any, or a piece of the answer
 *	transmit what the round gathered, and what others gathered for ports that this worker serves
 *
 * Rings of other workers are examined only if their bells have rung (masq_bell.c).
 *
 * All memory is allocated at creation. At the start of each round a worker reports that it holds no
 * pointer from the previous round (rte_rcu_qsbr); the neighbour table relies on that to reuse
 * entries. Leaving a configuration takes longer, so a worker publishes separately which one it
 * uses, having left all earlier ones ("seen").
 *
 * Work per round is bounded, so that the gap between two polls of a queue stays short;
 * docs/dev/bounds.rst lists the bounds.
 *
 * Idle. With idle = poll the loop never stops. With idle = sleep a worker that has found nothing
 * for a while sleeps, first briefly, then for up to half a millisecond; the first packet ends the
 * sleeping. An idle machine stays idle.
 */
#include "masq_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include <masq_frag.h>
#include <masq_nat.h>
#include <masq_path.h>
#include <masq_portmap.h>

#include "masq_bell.h"
#include "masq_dp_priv.h"
#include "masq_housekeeping.h"
#include "masq_judged.h"
#include "masq_link.h"
#include "masq_mail.h"
#include "masq_message.h"
#include "masq_neighbour.h"
#include "masq_openings.h"
#include "masq_packet_log.h"
#include "masq_pool.h"
#include "masq_snapshot.h"
#include "masq_stage_tx.h"
#include "masq_tally.h"

#define IDLE_ROUNDS 64 /* rounds without work before the first sleep */
#define IDLE_PIECES 6 /* pieces of a long walk in a round that found nothing else to do */
#define ANEW_MAX 8 /* packets per round that are judged again because of new rules */
#define COLD_RULES 1000 /* up to so many rules are cached soon */
#define COLD_PACKETS 96 /* slow packets until a larger new rule set is cached */
#define SLOW_ROUND_MAX 32 /* slow packets in a round, after which further queues wait */
#define SLEEP_MIN_NS 20000
#define SLEEP_MAX_NS 500000

/* Number of addresses behind which inside hosts may be hidden. */
static uint32_t
count_addresses(const struct masq_conf_start *start)
{
	uint32_t n = 0;

	for (uint32_t p = 0; p < start->n_ports; p++)
		n += start->port[p].n_addresses;
	return RTE_MAX(n, 1u);
}

/* Number of fragments that a worker may hold. All workers together never hold more than a quarter
 * of any pool, whoever sends them; but the share is enough for one datagram (checked in masq_dp.c). */
static uint32_t
fragments_max(const struct masq_dp *dp)
{
	uint32_t smallest = UINT32_MAX;

	for (uint32_t k = 0; k < dp->plan.n; k++)
		smallest = RTE_MIN(smallest, dp->pools[k]->size);
	return RTE_MIN(smallest / MASQ_FRAG_SHARE / dp->n_workers, 2048u);
}

/* What a worker remembers between packets and between stages, besides its sessions. */
static int
create_memories(struct masq_worker *w, const struct masq_session_config *sessions,
		struct masq_err *err)
{
	w->openings = rte_zmalloc_socket(
			"masq_openings", sizeof(*w->openings), RTE_CACHE_LINE_SIZE, w->socket_id);
	if (w->openings == NULL)
		return masq_err_set(err, ENOMEM, "no memory for new flows of worker %u", w->id);
	return masq_judged_init(w, sessions->sessions, sessions->seed, err);
}

/*
 * A worker gets its share of the sessions plus a margin, because RSS distributes randomly: a share
 * of a thousand deviates by some 30 (standard deviation), larger ones by a smaller fraction. There
 * is no margin where it would double the number of hash buckets: a share that is a power of two, or
 * small, stays as it is.
 */
static uint32_t
sessions_of_worker(uint32_t sessions, uint32_t workers)
{
	uint32_t share = (sessions + workers - 1) / workers;
	uint32_t more = workers > 1 ? share / 64 + 64 : 0;

	return RTE_MAX(masq_session_room_for(share, share + more), 64u);
}

/* The tables of a worker. Any allocation may fail. */
static int
create_tables(struct masq_worker *w, struct masq_err *err)
{
	const struct masq_conf_start *start = &w->dp->start;
	struct masq_session_config sessions = {
		.worker = w->id,
		.socket_id = w->socket_id,
	};
	struct masq_portmap_config portmap = {
		.worker = w->id,
		.rss = w->rss,
		.low = start->masq_port_low,
		.high = start->masq_port_high,
		.addresses = count_addresses(start),
		.socket_id = w->socket_id,
	};
	struct masq_frag_config frag = {
		.datagrams = 1024,
		.per_source = 64,
		.timeout_ms = 30000,
		.fragments = fragments_max(w->dp),
		.socket_id = w->socket_id,
	};

	sessions.sessions = sessions_of_worker(start->sessions, w->n_workers);
	sessions.halves = 2 * sessions.sessions;
	if (w->dp->rss_seed != 0)
		sessions.seed = (struct masq_hash_seed){ w->dp->rss_seed, ~w->dp->rss_seed };
	else if (masq_hash_seed_random(&sessions.seed) != 0)
		return masq_err_set(err, EIO, "the kernel gives no random numbers");
	/* Ports must not be predictable (RFC 6056). */
	portmap.seed = sessions.seed.a;
	w->sessions = masq_session_table_create(&sessions, err);
	if (w->sessions == NULL)
		return -ENOMEM;
	portmap.table = w->sessions;
	w->portmap = masq_portmap_create(&portmap, err);
	w->frag = w->portmap == NULL ? NULL : masq_frag_create(&frag, err);
	if (w->frag == NULL)
		return -ENOMEM;
	w->nat = masq_nat_create(
			&(struct masq_nat_config){
					.worker = w->id,
					.n_workers = w->n_workers,
					.rss = w->rss,
					.table = w->sessions,
					.portmap = w->portmap,
			},
			err);
	if (w->nat == NULL)
		return -ENOMEM;
	return create_memories(w, &sessions, err);
}

struct masq_worker *
masq_worker_create(struct masq_dp *dp, uint32_t id, struct masq_err *err)
{
	int node = masq_dp_worker_node(dp, id);
	struct masq_worker *w = rte_zmalloc_socket(
			"masq_worker", sizeof(*w), RTE_CACHE_LINE_SIZE, node);

	if (w == NULL) {
		masq_err_set(err, ENOMEM, "no memory for worker %u", id);
		return NULL;
	}
	w->dp = dp;
	w->id = id;
	w->n_workers = dp->n_workers;
	w->ports = dp->ports;
	w->rss = dp->rss;
	w->neigh = dp->neigh;
	w->pool = dp->pools[dp->plan.of_worker[id]];
	w->sleeps = dp->start.idle == MASQ_IDLE_SLEEP;
	w->socket_id = node;
	w->mail.letter = calloc(1, sizeof(*w->mail.letter));
	if (w->mail.letter == NULL) {
		masq_err_set(err, ENOMEM, "no memory for letters to worker %u", id);
		masq_worker_destroy(w);
		return NULL;
	}
	atomic_store(&w->mail.letter->done, true);
	if (create_tables(w, err) != 0) {
		masq_worker_destroy(w);
		return NULL;
	}
	return w;
}

void
masq_worker_destroy(struct masq_worker *w)
{
	if (w == NULL)
		return;
	masq_nat_destroy(w->nat);
	masq_frag_destroy(w->frag);
	masq_portmap_destroy(w->portmap);
	masq_session_table_destroy(w->sessions);
	masq_judged_fini(&w->judged);
	rte_free(w->openings);
	free(w->mail.letter);
	masq_packet_log_fini(w);
	rte_free(w);
}

/* Leave another piece of the previous rule set. @return true: it has been left, and this is now
 * published */
static bool
leave_old_rules(struct masq_worker *w)
{
	if (w->tally.before != NULL && !masq_tally_leave_some(w))
		return false;
	atomic_store_explicit(&w->seen, w->generation, memory_order_release);
	return true;
}

/* Take over a new rule set. Its counters start at 0, in a table that came with it. */
static void
take_over(struct masq_worker *w)
{
	struct masq_path_table *before = w->paths;
	const struct masq_snapshot *snapshot = atomic_load_explicit(
			&w->dp->snapshot, memory_order_acquire);

	w->snapshot = snapshot;
	w->generation = snapshot->generation;
	w->pace.burst_max = ANEW_MAX;
	w->pace.cold_packets = 0;
	if (masq_rules_slots(snapshot->rules) > COLD_RULES) {
		w->pace.burst_max = ANEW_MAX / 2; /* this round has other work, too */
		w->pace.cold_packets = COLD_PACKETS;
	}
	w->classes = masq_rules_classes(snapshot->rules);
	w->special = masq_fib_special(snapshot->fib);
	w->hops = masq_fib_hops(snapshot->fib);
	masq_links_forget(&w->links);
	w->paths = snapshot->paths[w->id];
	w->path_counters = masq_path_counters(w->paths);
	masq_tally_begin(w, before);
}

void
masq_worker_take_over(struct masq_worker *w)
{
	while (!leave_old_rules(w))
		continue;
	if (w->snapshot == atomic_load_explicit(&w->dp->snapshot, memory_order_relaxed))
		return;
	take_over(w);
	while (!leave_old_rules(w))
		continue;
}

void
masq_worker_run_burst(struct masq_worker *w)
{
	struct masq_burst *b = &w->burst;

	masq_stage_parse(w, b);
	masq_stage_fragment(w, b);
	masq_stage_owner(w, b);
	masq_stage_lookup(w, b);
	masq_stage_fast(w, b);
	masq_stage_slow(w, b);
	masq_stage_tx(w, b);
}

/*
 * Run a burst and choose the size of the next one.
 *
 * After a rule change, the next packet of each session is judged again, by rules that are not in
 * the cache yet: one such packet takes as long as a whole burst of others. So the next burst is
 * short if more than ANEW_MAX / 2 packets of this one were judged again. With many new rules it is
 * also short if any packet of this one took the slow path, until COLD_PACKETS packets have done so.
 */
static void
run_measured(struct masq_worker *w)
{
	uint64_t anew = w->pace.judged_anew, slow = w->counters.misses;
	bool is_short;

	masq_worker_run_burst(w);
	is_short = w->pace.judged_anew - anew > ANEW_MAX / 2;
	if (unlikely(w->pace.cold_packets != 0)) {
		slow = w->counters.misses - slow;
		is_short |= slow != 0;
		w->pace.cold_packets -= (uint32_t)RTE_MIN(slow, (uint64_t)w->pace.cold_packets);
	}
	w->pace.burst_max = is_short ? ANEW_MAX : MASQ_BURST;
}

static unsigned int
take_from_queue(struct masq_worker *w, const struct masq_rx_queue *rx)
{
	struct masq_burst *b = &w->burst;
	uint64_t bytes = 0;

	b->n = rte_eth_rx_burst(rx->ethdev, rx->queue, b->mbuf, (uint16_t)w->pace.burst_max);
	if (b->n == 0)
		return 0;
	for (unsigned int i = 0; i < b->n; i++) {
		b->arrival[i] = rx->port;
		bytes += b->mbuf[i]->pkt_len;
	}
	w->counters.rx += b->n;
	w->counters.rx_bytes += bytes;
	b->owned = false;
	run_measured(w);
	return b->n;
}

/*
 * Take a burst from each queue. After many slow packets the round ends early, and the next one
 * begins with the queue that is waiting.
 */
static unsigned int
take_from_queues(struct masq_worker *w)
{
	uint64_t enough = w->counters.misses +
			(unlikely(w->pace.cold_packets != 0) ? w->pace.burst_max : SLOW_ROUND_MAX);
	uint64_t enough_anew = w->pace.judged_anew + ANEW_MAX;
	unsigned int found = 0;

	for (uint32_t n = 0; n < w->rx.n && w->counters.misses < enough &&
			w->pace.judged_anew < enough_anew;
			n++) {
		const struct masq_rx_queue *rx = &w->rx.queue[w->rx.next];

		w->rx.next = w->rx.next + 1 == w->rx.n ? 0 : w->rx.next + 1;
		found += take_from_queue(w, rx);
	}
	return found;
}

static unsigned int
take_from_ring(struct masq_worker *w, struct rte_ring *ring, unsigned int max)
{
	struct masq_burst *b = &w->burst;

	b->n = rte_ring_sc_dequeue_burst(
			ring, (void **)b->mbuf, RTE_MIN(max, w->pace.burst_max), NULL);
	if (b->n == 0)
		return 0;
	w->held -= b->n;
	for (unsigned int i = 0; i < b->n; i++)
		b->arrival[i] = (uint8_t)b->mbuf[i]->port;
	b->owned = true;
	run_measured(w);
	return b->n;
}

/*
 * Packets that this worker put into its own ring, to be handled again, are older than everything in
 * other rings and queues. So all of them go first; those that have to keep waiting line up behind,
 * in order.
 */
static unsigned int
take_own_ring(struct masq_worker *w)
{
	struct rte_ring *ring = w->dp->packet_ring[w->id][w->id];
	unsigned int waiting = rte_ring_count(ring), found = 0;

	while (found < waiting)
		found += take_from_ring(w, ring, waiting - found);
	return found;
}

/* Take over a new rule set, or leave a piece of the old one; more pieces if the last round was
 * idle. */
static inline void
follow_rules(struct masq_worker *w)
{
	if (unlikely(w->tally.before != NULL)) {
		for (unsigned int k = w->pace.found == 0 ? IDLE_PIECES : 1; k > 0; k--)
			if (leave_old_rules(w))
				break;
	} else if (unlikely(atomic_load_explicit(&w->dp->snapshot, memory_order_relaxed) !=
				   w->snapshot)) {
		take_over(w);
		/* This round's packets meet uncached rules, so the walk begins in the next round. */
		if (w->tally.before == NULL)
			leave_old_rules(w);
	}
}

void
masq_worker_poll(struct masq_worker *w, uint64_t now_ms)
{
	const uint64_t heard = masq_bells_hear(&w->bells, w->n_workers);
	unsigned int found = 0;

	rte_rcu_qsbr_quiescent(w->dp->rcu, w->id);
	w->now_ms = now_ms;
	follow_rules(w);

	found += masq_messages_drain(w, heard);
	if (unlikely(w->waiting.look))
		masq_parked_tick(w);
	found += take_own_ring(w);
	for (uint64_t from = heard; unlikely(from != 0); from &= from - 1)
		found += take_from_ring(
				w, w->dp->packet_ring[__builtin_ctzll(from)][w->id], MASQ_BURST);
	found += take_from_queues(w);
	if (now_ms != w->chores.done_ms) {
		w->chores.done_ms = now_ms;
		masq_housekeeping(w);
	}
	if (w->chores.may_expire != 0)
		masq_housekeeping_expire(w);
	masq_mail_answer(w);
	for (unsigned int k = 1; unlikely(w->mail.open != NULL) && found == 0 && k < IDLE_PIECES;
			k++)
		masq_mail_answer(w);
	found += masq_tx_take_over(w, heard);
	masq_tx_flush(w);
	if (unlikely(heard != 0))
		masq_bells_done(w, heard);
	if (unlikely(w->bells.wanted != 0))
		masq_bells_ring(w);
	w->counters.polls++;
	w->counters.idle_polls += found == 0;
	/* No sleep until walks over the halves, letters and due sessions are done. */
	w->pace.unfinished = w->mail.open != NULL || w->tally.before != NULL ||
			w->chores.may_expire != 0 || w->waiting.look;
	w->pace.found = found;
}

/* Adaptive sleep: doubles while nothing arrives, and restarts with the first packet. */
static void
rest(struct masq_worker *w, struct timespec *nap, unsigned int *idle)
{
	if (w->pace.found > 0 || w->pace.unfinished) {
		*idle = 0;
		nap->tv_nsec = SLEEP_MIN_NS;
		return;
	}
	if (++*idle < IDLE_ROUNDS)
		return;
	/* A sleeping worker must not hold up a grace period. */
	rte_rcu_qsbr_thread_offline(w->dp->rcu, w->id);
	nanosleep(nap, NULL);
	rte_rcu_qsbr_thread_online(w->dp->rcu, w->id);
	if (nap->tv_nsec < SLEEP_MAX_NS)
		nap->tv_nsec = RTE_MIN(nap->tv_nsec * 2, SLEEP_MAX_NS);
}

int
masq_worker_main(void *worker)
{
	struct masq_worker *w = worker;
	struct timespec nap = { .tv_nsec = SLEEP_MIN_NS };
	unsigned int idle = 0;

	rte_rcu_qsbr_thread_online(w->dp->rcu, w->id);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		masq_worker_poll(w, masq_dp_now_ms(w->dp));
		if (w->sleeps)
			rest(w, &nap, &idle);
	}
	rte_rcu_qsbr_thread_offline(w->dp->rcu, w->id);
	return 0;
}

static void
drop_held(struct masq_worker *w, struct rte_mbuf *mbuf)
{
	w->held--;
	w->counters.drops[MASQ_DROP_SHUTDOWN]++;
	rte_pktmbuf_free(mbuf);
}

static void
empty_ring(struct masq_worker *w, struct rte_ring *ring)
{
	void *mbuf;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &mbuf) == 0)
		drop_held(w, mbuf);
}

void
masq_worker_empty(struct masq_worker *w)
{
	union masq_message msg;

	for (uint32_t from = 0; from < w->n_workers; from++) {
		struct rte_ring *messages = w->dp->message_ring[from][w->id];

		empty_ring(w, w->dp->packet_ring[from][w->id]);
		empty_ring(w, w->dp->tx_ring[from][w->id]);
		while (messages != NULL &&
				rte_ring_sc_dequeue_elem(messages, &msg, sizeof(msg)) == 0)
			if (msg.op == MASQ_NAT_INSTALL || msg.op == MASQ_NAT_INSTALLED)
				drop_held(w, msg.nat.mbuf);
	}
	for (uint32_t k = 0; k < w->waiting.n; k++)
		drop_held(w, w->waiting.parked[k].mbuf);
	w->waiting.n = 0;
	if (w->frag != NULL) {
		w->counters.drops[MASQ_DROP_SHUTDOWN] += masq_frag_held(w->frag);
		masq_frag_destroy(w->frag);
		w->frag = NULL;
	}
}
