/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_LINK_H
#define MASQ_LINK_H

/**
 * @file
 * The link address of a packet that is about to leave: a worker's cache of next hops, and writing
 * the addresses; for the fast and the slow path.
 */

#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <masq_neigh.h>

#define MASQ_NEAR 256 /**< entries in a worker's cache of next hops */

/** Cached neighbour of a next hop. The port is not needed: see masq_link_find(). */
struct masq_near {
	uint32_t ip; /**< host order */
	struct masq_neigh_ref ref;
	uint64_t link; /**< the neighbour's word when it was looked up; 0: no link address was known */
} __attribute__((aligned(16))); /* never straddles two cache lines */

/**
 * Most packets share few next hops, so a direct-mapped cache precedes the neighbour table. An entry
 * is valid as long as the neighbour's word is unchanged, and the routes are.
 */
struct masq_links {
	struct masq_near near[MASQ_NEAR];
};

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
 * Find the link address of a next hop of the routes in force; of no other, because the cache asks
 * for the address alone. That is enough: each next hop of a table has one port. The same entries,
 * the connected networks and routes without gateway, tell by which port a gateway is reached
 * (resolve_gateway() in lib/net/masq_fib.c) and which destinations are their own next hops.
 *
 * A hit reads two cache lines: the entry, and the neighbour's word.
 *
 * @param port, ip	of a route: its port and next hop, host order
 * @param ref	out: the neighbour, which may be unknown
 * @return its word; 0: no link address is known
 */
static inline uint64_t
masq_link_find(struct masq_links *links, const struct masq_neigh *neigh, uint8_t port, uint32_t ip,
		struct masq_neigh_ref *ref)
{
	struct masq_near *near =
			&links->near[ip * UINT32_C(0x9e3779b1) / (UINT32_MAX / MASQ_NEAR + 1)];

	*ref = near->ref;
	if (likely(near->ip == ip && near->link != 0 &&
			    masq_neigh_word_is(neigh, near->ref, near->link)))
		return near->link;
	*ref = masq_neigh_find(neigh, port, ip);
	*near = (struct masq_near){ .ip = ip, .ref = *ref, .link = masq_neigh_word(neigh, *ref) };
	return near->link;
}

/** Other routes may be in force, in which a next hop may have another port: forget all. */
static inline void
masq_links_forget(struct masq_links *links)
{
	memset(links, 0, sizeof(*links));
}

#endif /* MASQ_LINK_H */
