/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_NEIGHBOUR_H
#define MASQ_NEIGHBOUR_H

/**
 * @file
 * The data path's side of neighbours (lib/net has the table), and the packets that wait for them;
 * masq_neighbour.c.
 */

#include <stdbool.h>
#include <stdint.h>

#include <masq_neigh.h>

struct masq_burst;
struct masq_worker;
struct rte_mbuf;

/** Ask the keeper for a link address; the keeper itself asks the network. */
void masq_neighbour_want(struct masq_worker *w, uint8_t port, uint32_t ip);
/** Pass on what ARP said of an address. @param create make an entry if there is none */
void masq_neighbour_heard(struct masq_worker *w, uint8_t port, uint32_t ip, const uint8_t mac[6],
		bool create);
/** Keeper: age the table, and send the requests that it asks for. Others: do nothing. */
void masq_neighbour_tick(struct masq_worker *w);
/** Is the neighbour known not to answer? */
bool masq_neighbour_is_silent(const struct masq_worker *w, struct masq_neigh_ref ref);
/** Is the packet in the stages the one that has waited too long for this neighbour? */
bool masq_neighbour_is_given_up(const struct masq_worker *w, uint8_t departure, uint32_t ip);
/** Park packet @p i, or drop it if too many wait (MASQ_DROP_NEIGH_QUEUE). */
void masq_neighbour_park(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		uint8_t departure, uint32_t ip);
/** Are packets parked for this neighbour? */
bool masq_neighbour_is_waited_for(const struct masq_worker *w, uint8_t departure, uint32_t ip);
/** The neighbour has answered: park the packet behind those that still wait. @return false: none
 * waits, or there is no room */
bool masq_neighbour_line_up(struct masq_worker *w, struct masq_burst *b, unsigned int i,
		uint8_t departure, uint32_t ip);
/** Park a packet that the box made, or free it uncounted if there is no room or the neighbour is
 * silent. */
void masq_neighbour_park_own(
		struct masq_worker *w, struct rte_mbuf *mbuf, uint8_t departure, uint32_t ip);
/** Release parked packets whose neighbour has answered or was given up; some in each call. */
void masq_parked_tick(struct masq_worker *w);

#endif /* MASQ_NEIGHBOUR_H */
