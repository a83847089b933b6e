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
 * External ports: chooses the one that a new session gets.
 *
 * One map per worker. A worker hands out only ports whose replies RSS delivers to it, so workers
 * share nothing: the space of reply tuples is split among them. A choice is random (RFC 6056) and
 * exact: as long as this worker's share has a port that no session towards the same peer uses, it
 * is found.
 */

struct masq_portmap;

struct masq_portmap_config {
	uint32_t worker; /**< worker that owns the map */
	const struct masq_rss *rss; /**< must outlive the map */
	struct masq_session_table *table; /**< table of the same worker; knows the tuples in use */
	uint16_t low, high; /**< ports of TCP and UDP: 1..65535, inclusive, host order */
	/**
	 * external addresses that get bitmaps, 1..MASQ_PORTMAP_ADDRESSES_MAX. More may be in use:
	 * their ports are found by lookups alone
	 */
	uint32_t addresses;
	/**
	 * crowded peers (masq_portmap_crowd.c) remembered at the same time; 0: as many as the
	 * sessions of @p table can make, so that no free port is ever missed
	 */
	uint32_t crowds;
	uint64_t seed; /**< seed of the random choice */
	int socket_id;
};

#define MASQ_PORTMAP_SCAN 2048 /**< maximum tuple lookups of one masq_portmap_take() */
#define MASQ_PORTMAP_ADDRESSES_MAX 65536 /**< maximum of masq_portmap_config.addresses */

/**
 * Create a map; all its memory is allocated here.
 *
 * @param config	copied
 * @return the map; NULL with @p err: a value is out of range, or there is no memory
 */
struct masq_portmap *
masq_portmap_create(const struct masq_portmap_config *config, struct masq_err *err);

/** NULL is allowed. */
void masq_portmap_destroy(struct masq_portmap *map);

/** @return bytes that the map takes */
uint64_t masq_portmap_bytes(const struct masq_portmap *map);

/**
 * Choose the external port of a new session.
 *
 * On success the reply tuple is complete, belongs to this worker, and is not in the table. The
 * caller inserts the half or gives the port back before it takes another. Nothing is allocated.
 * Cost: a few lookups, hardly more as the address fills up; about 40 at most while the peer fills
 * up, never more than @ref MASQ_PORTMAP_SCAN.
 *
 * A refusal is a proof, with two exceptions. A tuple that became free without a call of
 * masq_portmap_give() or masq_portmap_vacated() is noticed only gradually, by the calls that are
 * refused. And if more peers use half of a share than the configuration has @p crowds, a call may
 * end before its search does; masq_portmap_stats.unproved counts that, and the next call continues
 * there.
 *
 * @param map	this worker's
 * @param reply	in/out: tuple of the replies; src, sport (peer), dst (external address) and proto
 *	are given, dport is filled in, network order. For ICMP sport is the query type and dport the
 *	identifier (all of 0..65535 may be used). Untouched on failure.
 * @param owns	out: true if the port was marked as used; to be passed to masq_portmap_give()
 * @return 0; -ENOSPC: no port of this worker's share is free towards this peer (another worker's
 *	share may have one); -EINVAL: neither TCP nor UDP nor ICMP
 */
int masq_portmap_take(struct masq_portmap *map, struct masq_tuple *reply, bool *owns);

/**
 * Choose a port that is probably free, in most cases without looking up its tuple: one that no
 * session of this map owns, or, if all that were tried are owned, a random one. So the tuple may be
 * in use: by a half whose port did not come from this map, by a session towards the same peer, or
 * by another guess that is not inserted yet. The insertion that follows detects this; then the
 * caller gives the port back and calls masq_portmap_take(). This saves a lookup that waits for
 * memory on its own.
 *
 * @return as masq_portmap_take()
 */
int masq_portmap_guess(struct masq_portmap *map, struct masq_tuple *reply, bool *owns);

/**
 * Give back the port of a session that got it from masq_portmap_take() or masq_portmap_guess(),
 * after its half was removed from the table. Called for every such session, whatever @p owns was.
 *
 * @param reply	complete tuple
 * @param owns	as masq_portmap_take() or masq_portmap_guess() returned it
 */
void masq_portmap_give(struct masq_portmap *map, const struct masq_tuple *reply, bool owns);

/**
 * Tell the map that a half is out of the table whose tuple did not come from it, for instance the
 * INITIAL half of a forwarded session, whose destination is an external address, too. Costs next to
 * nothing while no peer is crowded; any tuple may be passed.
 */
void masq_portmap_vacated(struct masq_portmap *map, const struct masq_tuple *tuple);

/** Counters of a map. */
struct masq_portmap_stats {
	uint64_t taken; /**< ports handed out, since creation */
	/** of these: not owned; the port has another owner, or the address no bitmap */
	uint64_t reused;
	uint64_t refused; /**< calls that ended with -ENOSPC */
	uint64_t unproved; /**< of these: before every port was examined */
	uint64_t lookups; /**< tuples looked up, since creation */
	uint32_t bitmaps; /**< (address, protocol) pairs that have a bitmap now */
	uint32_t crowds; /**< crowded peers now */
};

/** Racy from other threads, which is fine for a display. */
void masq_portmap_stats(const struct masq_portmap *map, struct masq_portmap_stats *stats);

#endif /* MASQ_PORTMAP_H */
