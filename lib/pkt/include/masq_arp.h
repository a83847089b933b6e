/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_ARP_H
#define MASQ_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include <masq_drop.h>

/**
 * @file
 * ARP messages for Ethernet and IPv4, RFC 826 and RFC 5227.
 */

struct rte_mbuf;
struct rte_mempool;

struct masq_arp {
	bool is_request; /**< operation 1; else it was 2, a reply */
	uint8_t sender_mac[6];
	uint8_t target_mac[6];
	rte_be32_t sender_ip;
	rte_be32_t target_ip;
};

/** Read an ARP frame (untagged, or behind one VLAN tag). @return MASQ_DROP_NONE or ARP_BAD, RUNT */
enum masq_drop masq_arp_parse(const struct rte_mbuf *mbuf, struct masq_arp *arp);

/**
 * Build a whole ARP frame, padded to 60 bytes.
 *
 * @param arp	its contents; a request is broadcast unless target_mac is nonzero
 * @return new frame, NULL when the pool is empty
 */
struct rte_mbuf *masq_arp_build(struct rte_mempool *pool, const struct masq_arp *arp);

#endif /* MASQ_ARP_H */
