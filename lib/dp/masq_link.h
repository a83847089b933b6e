/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_LINK_H
#define MASQ_LINK_H

/**
 * @file
 * What both the fast and the slow path do to a packet that is about to leave.
 */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <masq_path.h>

#include "masq_worker.h"

/**
 * Write both Ethernet addresses in two stores; the type field behind them is left alone.
 *
 * @param link	result of masq_neigh_word(): destination address in the low 48 bits
 * @param own_mac	source address, 6 bytes
 */
static inline void
masq_link_write(struct rte_mbuf *mbuf, uint64_t link, const uint8_t own_mac[6])
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint16_t mac_head;
	uint32_t mac_tail;

	memcpy(&mac_head, own_mac, 2);
	memcpy(&mac_tail, own_mac + 2, 4);
	link = (link & UINT64_C(0x0000ffffffffffff)) | (uint64_t)mac_head << 48;
	memcpy(frame, &link, 8);
	memcpy(frame + 8, &mac_tail, 4);
}

/**
 * Find the link address of a next hop of the routes in force.
 *
 * Most packets share few next hops, so a direct-mapped cache of 256 entries (w->near) precedes the
 * neighbour table. An entry is valid as long as the neighbour's word is unchanged.
 *
 * @param ref	out: the neighbour, which may be unknown
 * @return its word; 0: no link address is known
 */
static inline uint64_t
masq_link_find(struct masq_worker *w, uint8_t port, uint32_t ip, struct masq_neigh_ref *ref)
{
	struct masq_near *near = &w->near[ip * UINT32_C(0x9e3779b1) / (UINT32_MAX / MASQ_NEAR + 1)];

	*ref = near->ref;
	if (likely(near->ip == ip && near->link != 0 &&
			    masq_neigh_word_is(w->neigh, near->ref, near->link)))
		return near->link;
	*ref = masq_neigh_find(w->neigh, port, ip);
	*near = (struct masq_near){
		.ip = ip, .ref = *ref, .link = masq_neigh_word(w->neigh, *ref)
	};
	return near->link;
}

/** Count a packet for the rules that let it through, if no half counts it. */
static inline void
masq_count_path(struct masq_worker *w, uint32_t path, uint32_t len_bytes)
{
	masq_path_count(w->path_counters, path, len_bytes);
}

#endif /* MASQ_LINK_H */
