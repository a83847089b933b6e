/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PORTMAP_H
#define MASQ_PORTMAP_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_err.h>
#include <masq_rss.h>
#include <masq_session.h>
#include <masq_tuple.h>

/**
 * @file
 * External ports: which one does a new session get?
 *
 * One map per worker. A worker only ever hands out ports whose replies RSS brings back to it, so
 * workers share nothing: the space of reply tuples is split among them. A choice is random
 * (RFC 6056) and exact: as long as a port exists that no session towards the same peer uses, in
 * this worker's share, it is found.
 */

struct masq_portmap;

struct masq_portmap_config {
	uint32_t worker; /**< whose map it is */
	const struct masq_rss *rss; /**< outlives the map */
	struct masq_session_table *table; /**< of the same worker; knows the tuples in use */
	uint16_t low, high; /**< host order, inclusive, from 1 on: ports of TCP and UDP */
	uint32_t addresses; /**< external addresses that get bitmaps, 1..MASQ_PORTMAP_ADDRESSES_MAX;
				 more may be in use: their ports are found by lookups alone */
	uint32_t crowds; /**< crowded peers remembered at the same time; 0: as many as the
				 sessions of @p table can make, then no port is ever missed */
	uint64_t seed; /**< of the random choice */
	int socket_id;
};

#define MASQ_PORTMAP_SCAN 2048 /**< most tuple lookups of one masq_portmap_take() */
#define MASQ_PORTMAP_ADDRESSES_MAX 65536 /**< most addresses of one map */

/**
 * Make a map; all its memory is taken here.
 *
 * @param config	copied
 * @return NULL with @p err when a value is out of range or memory lacks
 */
struct masq_portmap *
masq_portmap_create(const struct masq_portmap_config *config, struct masq_err *err);

/** NULL is fine. */
void masq_portmap_destroy(struct masq_portmap *map);

/** @return bytes that a map takes */
uint64_t masq_portmap_bytes(const struct masq_portmap *map);

/**
 * Choose the external port of a new session.
 *
 * On success the reply tuple is complete, belongs to this worker, and is in no half of the table.
 * The caller puts the half in, or gives the port back, before it takes another. Nothing is
 * allocated. Cost: a few lookups, hardly growing with the use of the address; about 40 at most
 * while the peer fills up, never more than @ref MASQ_PORTMAP_SCAN.
 *
 * A refusal is a proof, with two exceptions. A tuple that became free without a call of
 * masq_portmap_give() or masq_portmap_vacated() is seen only by and by, by the calls that are
 * refused. And with fewer @p crowds in the configuration than peers that use half of a share, a
 * call may end before the search does; masq_portmap_stats.unproved counts that, and the next call
 * goes on from there.
 *
 * @param map	this worker's
 * @param reply	in/out: tuple of the replies; src, sport (peer), dst (external address) and proto
 *	are given, dport is filled in, network order. For ICMP sport is the query type and dport the
 *	identifier (0..65535, all of them may be used). Untouched on failure.
 * @param owns	out: true when the port was marked as used; for masq_portmap_give()
 * @return 0; -ENOSPC: no port of this worker's share is free towards this peer (another worker's
 *	share may have one); -EINVAL: neither TCP nor UDP nor ICMP
 */
int masq_portmap_take(struct masq_portmap *map, struct masq_tuple *reply, bool *owns);

/**
 * The same, but the tuple is not looked up: the port is one that no session of this map uses, or, when
 * all are used, one by chance of a peer that uses few. So the tuple may be taken after all: by a half
 * whose port did not come from this map, by a session towards the same peer, or by one that was guessed
 * and is not in yet. The insert that follows finds out; then the port is given back and
 * masq_portmap_take() asked. What it saves is a lookup that waits for memory on its own.
 *
 * @return as masq_portmap_take()
 */
int masq_portmap_guess(struct masq_portmap *map, struct masq_tuple *reply, bool *owns);

/**
 * A session that got its port from masq_portmap_take() or masq_portmap_guess() is gone; its half
 * is out of the table already. Called for every such session, whatever @p owns was.
 *
 * @param reply	complete tuple
 * @param owns	as it was handed out
 */
void masq_portmap_give(struct masq_portmap *map, const struct masq_tuple *reply, bool owns);

/**
 * A half whose tuple did not come from masq_portmap_take() is out of the table: the INITIAL half of
 * a forwarded session, which ended at an external address, too. Next to nothing when no peer is
 * crowded; any tuple may be told.
 */
void masq_portmap_vacated(struct masq_portmap *map, const struct masq_tuple *tuple);

/** What a map has done and holds. */
struct masq_portmap_stats {
	uint64_t taken; /**< ports handed out, since creation */
	uint64_t reused; /**< of these: ports that another session held towards another peer */
	uint64_t refused; /**< calls that ended with -ENOSPC */
	uint64_t unproved; /**< of these: before every port was looked at */
	uint64_t lookups; /**< tuples looked up, since creation */
	uint32_t bitmaps; /**< (address, protocol) pairs that have a bitmap now */
	uint32_t crowds; /**< crowded peers now */
};

/** Racy from other threads, which is fine for a display. */
void masq_portmap_stats(const struct masq_portmap *map, struct masq_portmap_stats *stats);

#endif /* MASQ_PORTMAP_H */
