/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_WORKER_H
#define MASQ_WORKER_H

/**
 * @file
 * A worker: what it owns, and where it meets other threads; masq_worker.c. struct masq_worker
 * belongs to its worker, which also reads the constant part of struct masq_dp (masq_dp_priv.h).
 *
 * All over lib/dp a function that takes a struct masq_worker, or one of the structs in it, is for
 * the thread of that worker, takes no lock, does not allocate and does not wait, unless it says
 * something else. What runs before the workers start and after they have stopped is the control
 * thread's. Addresses that are not rte_be32_t are in host order.
 *
 * While workers run, the control thread and a worker meet only in these places, and in turns:
 *
 *	control writes   the snapshot pointer (masq_publish.c), a letter in the worker's mail
 *	                 (masq_mail.c), stop
 *	worker writes    seen, which also hands over the counters of the paths that it has left;
 *	                 the letter's answer, or the picture in its path table that a letter asked
 *	                 for (masq_tally.c); counters, held and other gauges, which are read in
 *	                 place; the ring of log records
 *
 * Workers meet each other in rings (masq_message.c), their bells (masq_bell.c), the neighbour
 * table, and sessions of which each of two workers has a half: both change the state, and the
 * creator reads tuple, counters and last-seen time of the REPLY half in place. All threads meet in
 * the turns of forwarding rules (masq_turns.c in lib/rules), which workers take and the control
 * thread reads.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#include <masq_bucket.h>
#include <masq_dp.h>

#include "masq_bell.h"
#include "masq_burst.h"
#include "masq_housekeeping.h"
#include "masq_judge.h"
#include "masq_judged.h"
#include "masq_link.h"
#include "masq_mail.h"
#include "masq_message.h"
#include "masq_neighbour.h"
#include "masq_packet_log.h"
#include "masq_stage_tx.h"
#include "masq_tally.h"

struct masq_dp;
struct masq_frag;
struct masq_frag_result;
struct masq_nat;
struct masq_openings;
struct masq_path_counter;
struct masq_path_table;
struct masq_port;
struct masq_portmap;
struct masq_rss;
struct masq_snapshot;
struct rte_mempool;

/** A receive queue of a port. */
struct masq_rx_queue {
	uint16_t ethdev; /**< DPDK's number of the device */
	uint16_t queue;
	uint8_t port; /**< index of the port */
};

/** The queues that a worker polls. Constant, but for next. */
struct masq_rx {
	uint32_t n;
	uint32_t next; /**< queue with which the next round begins */
	struct masq_rx_queue queue[MASQ_CONF_PORTS_MAX * 2];
};

/** How much a round does. */
struct masq_pace {
	unsigned int burst_max; /**< size limit of the next burst */
	uint32_t cold_packets; /**< slow packets still to come until the rules count as cached */
	uint64_t judged_anew; /**< total of packets judged again because of new rules */
	/** packets and messages of the last round; 0: time for longer work, or for sleep */
	unsigned int found;
	bool unfinished; /**< there is work left that does not depend on packets */
};

/** A worker. What is the state of one file is a struct, which that file's header defines. */
struct masq_worker {
	/* constant after creation */
	struct masq_dp *dp;
	uint32_t id;
	uint32_t n_workers;
	const struct masq_port *ports;
	const struct masq_rss *rss;
	struct masq_session_table *sessions;
	struct masq_nat *nat;
	struct masq_openings *openings; /**< masq_openings.h */
	struct masq_portmap *portmap;
	struct masq_frag *frag;
	struct masq_neigh *neigh; /**< shared by all; written by worker 0, the keeper */
	struct rte_mempool *pool; /**< for packets that it makes itself */
	struct masq_rx rx;
	bool sleeps; /**< when it has found nothing for a while */
	struct masq_judged_memory judged;
	int socket_id;

	/* the rule set in force */
	const struct masq_snapshot *snapshot;
	uint32_t generation;
	const struct masq_classes *classes;
	const struct masq_fib_special *special;
	const struct masq_fib_hop *hops;
	struct masq_path_table *paths;
	struct masq_path_counter *path_counters; /**< of paths; for packets that no half counts */

	struct masq_tally tally;
	uint64_t now_ms; /**< time of this round */
	struct masq_chores chores;
	struct masq_tx tx;
	struct masq_links links; /**< of the routes in force */
	struct masq_waiting waiting;
	struct masq_requests requests;
	struct masq_pace pace;
	struct masq_packet_log log;
	struct masq_bucket icmp_bucket; /**< limits the ICMP errors that the box sends */
	/** of the packet being judged, if there are many or one of them logs */
	uint32_t matches[MASQ_MATCHES_MAX];

	/* some of it written by the other workers */
	struct masq_bells bells;

	/* read by other threads */
	struct masq_dp_counters counters __rte_cache_aligned;
	/** packets that this worker put into rings and lists, minus those that it took out: may be
	 * negative, only the sum over all workers says how many are in the box */
	int64_t held;
	/** Generation that this worker uses; it has left all earlier ones. */
	_Atomic(uint32_t) seen __rte_cache_aligned;

	/* written by the control thread, too */
	struct masq_mail mail;
	_Atomic(bool) stop;

	/** the only one; it is in the stages, or free */
	struct masq_burst burst __rte_cache_aligned;
};

/* masq_worker.c */

/**
 * Control thread: make a worker with all its tables. Those that it shares with others must exist:
 * ports, RSS, neighbours, pools. Its queues and the ring of its log are added afterwards.
 *
 * @return NULL: no memory, or no random numbers; with err
 */
struct masq_worker *masq_worker_create(struct masq_dp *dp, uint32_t id, struct masq_err *err);

/** Control thread: free it. NULL is accepted, and a worker of which only a part was made. */
void masq_worker_destroy(struct masq_worker *w);

/** One round. @param now_ms never less than in the last round */
void masq_worker_poll(struct masq_worker *w, uint64_t now_ms);

/** Rounds until w->stop is set; sleeps if the start file allows it. For an lcore. @return 0 */
int masq_worker_main(void *worker);

/** Control thread, while no thread runs the worker: take over the new configuration and leave the
 * old one, without a break. */
void masq_worker_take_over(struct masq_worker *w);

/** Control thread, after the workers have stopped: drop all packets that wait for this one, counted
 * (MASQ_DROP_SHUTDOWN). */
void masq_worker_empty(struct masq_worker *w);

/** Run w->burst through all stages, from parsing to transmitting. Not from within a stage: there is
 * one burst. The caller has filled in its mbuf, arrival, n and owned. */
void masq_worker_run_burst(struct masq_worker *w);

/* The stages, one file each, in the order in which they are called. Each takes the burst of its
 * worker, b, with 1 to MASQ_BURST packets. */
void masq_stage_parse(struct masq_worker *w, struct masq_burst *b);
void masq_stage_fragment(struct masq_worker *w, struct masq_burst *b);
void masq_stage_owner(struct masq_worker *w, struct masq_burst *b);
void masq_stage_lookup(struct masq_worker *w, struct masq_burst *b);
void masq_stage_fast(struct masq_worker *w, struct masq_burst *b);
void masq_stage_slow(struct masq_worker *w, struct masq_burst *b);
void masq_stage_tx(struct masq_worker *w, struct masq_burst *b);

/** Count and free fragments that were given up; notify the sender if the reason is a timeout. */
void masq_fragments_give_up(struct masq_worker *w, struct masq_frag_result *result);

#endif /* MASQ_WORKER_H */
