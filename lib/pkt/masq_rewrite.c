/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Rewriting the packets that are too rare or too long for inline functions: ICMP queries and ICMP
 *	errors; and changing only the TOS.
 * Words
 *	delta	what a change adds to a one's complement sum. The deltas of all words of a sum add up,
 *		so each checksum is read and written once
 *	quote	the start of the offending packet inside an ICMP error
 * Checksums of an ICMP error
 *	Four sums cover the bytes, one inside the other; each changes by its own deltas:
 *	    outer IP	outer addresses, TTL
 *	    ICMP	every word of the quote that changes: addresses, ports, both quoted checksums
 *	    quoted IP	the quoted addresses
 *	    quoted TCP or UDP: quoted addresses (pseudo header) and ports, if the quote reaches so far
 *	    quoted ICMP query: the identifier only, ICMP has no pseudo header
 *	No sum is computed from scratch, so a message that was damaged on its way stays damaged, and
 *	the host at the end discards it, as it must.
 * Data and who owns it
 *	A rewrite belongs to a session half, is filled in before any packet can find it, and is
 *	read-only from then on. Packets belong to the calling worker.
 * Threads
 *	Pure functions of their arguments.
 * Facts from
 *	RFC 1624 (incremental update), 768 (UDP checksum 0), 5508 section 4.2 (errors through NAT).
 */

#include <rte_mbuf.h>

#include <masq_csum.h>
#include <masq_rewrite.h>

#include "masq_pkt_priv.h"

static rte_be16_t
new_query_id(const struct masq_rewrite *rewrite)
{
	return rewrite->icmp_id_is_dport ? rewrite->dport : rewrite->sport;
}

void
masq_rewrite_query(const struct masq_rewrite *rewrite, uint8_t *icmp)
{
	store16(icmp + 4, new_query_id(rewrite));
	store16(icmp + 2, updated_query_checksum(icmp, rewrite->l4_delta));
}

void
masq_rewrite_tos(
		uint8_t tos_and, uint8_t tos_xor, struct rte_mbuf *mbuf, const struct masq_pkt *pkt)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l3_offset);
	uint8_t tos = (ip[1] & tos_and) ^ tos_xor;
	uint16_t delta = masq_csum_delta16((uint16_t)(ip[1] << 8), (uint16_t)(tos << 8));

	if (tos == ip[1])
		return;
	ip[1] = tos;
	store16(ip + 10, masq_csum_apply(load16(ip + 10), delta));
}

/* Change one word of a sum, and add the change to the sum's delta. */
static void
replace16(uint8_t *place, uint16_t after, uint16_t *delta)
{
	*delta = masq_csum_delta_add(*delta, masq_csum_delta16(load16(place), after));
	store16(place, after);
}

static void
replace32(uint8_t *place, uint32_t after, uint16_t *delta)
{
	*delta = masq_csum_delta_add(*delta, masq_csum_delta32(load32(place), after));
	memcpy(place, &after, sizeof(after));
}

/*
 * Rewrite ports or identifier behind the quoted IP header, of which l4_bytes are quoted, backwards.
 * @return delta of these bytes, for the ICMP checksum
 */
static uint16_t
rewrite_quoted_l4(const struct masq_rewrite *rewrite, uint8_t *l4, uint32_t l4_bytes,
		uint16_t addresses_delta)
{
	uint16_t ports_delta = 0, checksum_delta = 0, l4_delta;

	if (rewrite->proto == IPPROTO_ICMP) {
		replace16(l4 + 4, new_query_id(rewrite), &ports_delta);
		replace16(l4 + 2, updated_query_checksum(l4, ports_delta), &checksum_delta);
		return masq_csum_delta_add(ports_delta, checksum_delta);
	}
	replace16(l4, rewrite->dport, &ports_delta);
	replace16(l4 + 2, rewrite->sport, &ports_delta);
	l4_delta = masq_csum_delta_add(addresses_delta, ports_delta);
	if (rewrite->proto == IPPROTO_UDP) {
		if (load16(l4 + 6) != 0)
			replace16(l4 + 6, masq_csum_apply_udp(load16(l4 + 6), l4_delta),
					&checksum_delta);
	} else if (l4_bytes >= QUOTED_TCP_CSUM_END) {
		replace16(l4 + 16, masq_csum_apply(load16(l4 + 16), l4_delta), &checksum_delta);
	}
	return masq_csum_delta_add(ports_delta, checksum_delta);
}

void
masq_rewrite_icmp_error(const struct masq_rewrite *rewrite, struct rte_mbuf *mbuf,
		const struct masq_pkt *pkt)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l3_offset);
	uint8_t *icmp = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, pkt->l4_offset);
	uint8_t *quote = icmp + ICMP_HEADER_BYTES;
	uint32_t quote_bytes = pkt->l3_len_bytes - (uint32_t)(quote - ip);
	uint32_t quoted_header_bytes = (quote[0] & 15) * 4u;
	uint16_t outer_delta = 0, addresses_delta = 0, checksum_delta = 0, icmp_delta;

	replace32(ip + 16, rewrite->dst, &outer_delta);
	if (rewrite->src != pkt->key.src)
		replace32(ip + 12, rewrite->src, &outer_delta);
	masq_rewrite_ip(ip, rewrite->tos_and, rewrite->tos_xor, outer_delta, pkt);

	replace32(quote + 12, rewrite->dst, &addresses_delta);
	replace32(quote + 16, rewrite->src, &addresses_delta);
	replace16(quote + 10, masq_csum_apply(load16(quote + 10), addresses_delta),
			&checksum_delta);
	icmp_delta = masq_csum_delta_add(addresses_delta, checksum_delta);
	icmp_delta = masq_csum_delta_add(icmp_delta,
			rewrite_quoted_l4(rewrite, quote + quoted_header_bytes,
					quote_bytes - quoted_header_bytes, addresses_delta));
	store16(icmp + 2, masq_csum_apply(load16(icmp + 2), icmp_delta));
}
