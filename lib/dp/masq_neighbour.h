/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_NEIGHBOUR_H
#define MASQ_NEIGHBOUR_H

/**
 * @file
 * The data path's side of neighbours (lib/net has the table), and the packets that wait for them;
 * masq_neighbour.c.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_neigh.h>

struct masq_burst;
struct masq_worker;
struct rte_mbuf;

#define MASQ_PARKED_MAX 512 /**< packets of one worker that may wait for link addresses */
#define MASQ_PARKED_PER_NEIGH 16 /**< for one neighbour; those that line up are not limited so */
#define MASQ_PARK_MS 5000 /**< longer than the keeper keeps asking */
#define MASQ_WAITED_BITS 4096 /**< for the next hops of at most MASQ_PARKED_MAX packets */

/**
 * A packet that waits for a link address. It is parked untranslated and goes through the stages
 * again afterwards; or it was made by the box and is complete except for the link address.
 */
struct masq_parked {
	struct rte_mbuf *mbuf;
	uint64_t deadline_ms;
	uint32_t ip; /**< next hop, host order */
	uint8_t departure;
	uint8_t arrival; /**< MASQ_PARKED_OWN: the box made it */
};

#define MASQ_PARKED_OWN UINT8_MAX
static_assert(MASQ_CONF_PORTS_MAX < MASQ_PARKED_OWN, "no port has the number of the box itself");

/** Packets that wait for link addresses. */
struct masq_waiting {
	struct masq_parked parked[MASQ_PARKED_MAX]; /**< in the order of their arrival */
	uint32_t n; /**< the control thread reads it, too (masq_dp_read.c) */
	uint64_t bits[MASQ_WAITED_BITS / 64]; /**< their next hops, one bit per hash value */
	/** packet whose neighbour is treated as silent; or NULL */
	const struct masq_parked *given_up;
	/** packets that were parked behind others since masq_parked_tick() last walked the list */
	uint32_t n_lined_up;
	struct masq_parked lined_up; /**< the last of them */
	/** run masq_parked_tick() in the next round: neighbours may have answered. Set once a
	 * millisecond, too, while packets wait (masq_housekeeping.c) */
	bool look;
};

/* Addresses (ip) are in host order; port and departure are the port by which ip is on the link. */

/** Ask the keeper for a link address; the keeper itself asks the network. The question may get
 * lost. */
void masq_neighbour_want(struct masq_worker *w, uint8_t port, uint32_t ip);
/** Pass on what ARP said of an address to the keeper; it may get lost. @param create make an entry
 * if there is none */
void masq_neighbour_heard(struct masq_worker *w, uint8_t port, uint32_t ip, const uint8_t mac[6],
		bool create);
/** Keeper: age the table, and send the requests that it asks for. Others: do nothing. */
void masq_neighbour_tick(struct masq_worker *w);
/** Is the neighbour known not to answer? */
bool masq_neighbour_is_silent(const struct masq_worker *w, struct masq_neigh_ref ref);
/** Is the packet in the stages the one that has waited too long for this neighbour? */
bool masq_neighbour_is_given_up(const struct masq_waiting *waiting, uint8_t departure, uint32_t ip);
/** Park packet @p i, or drop it if too many wait (MASQ_DROP_NEIGH_QUEUE). It is still as it arrived
 * (or it would be translated twice), and no rule has counted it. */
void masq_neighbour_park(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		uint8_t departure, uint32_t ip);
/** Are packets parked for this neighbour? Walks the list only if the bit of its address is set. */
bool
masq_neighbour_is_waited_for(const struct masq_waiting *waiting, uint8_t departure, uint32_t ip);
/** The neighbour has answered: park the packet behind those that still wait. @return false: none
 * waits, or there is no room */
bool masq_neighbour_line_up(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		uint8_t departure, uint32_t ip);
/** Park a packet that the box made, or free it uncounted if there is no room or the neighbour is
 * silent. */
void masq_neighbour_park_own(
		struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t departure, uint32_t ip);
/** Release parked packets whose neighbour has answered or was given up: into the own ring, in
 * order, ahead of what it holds. Some in each call; w->waiting.look says whether more may follow. */
void masq_parked_tick(struct masq_worker *w);

#endif /* MASQ_NEIGHBOUR_H */
