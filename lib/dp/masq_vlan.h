/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_VLAN_H
#define MASQ_VLAN_H

/**
 * @file
 * IEEE 802.1Q tags: four bytes between the addresses of a frame and its type. A port with a VLAN
 * removes them before the parser runs and adds them when its packets leave, so that a tagged packet
 * looks like any other to everything in between.
 *
 * The addresses are moved in the same pieces in which other code reads and writes them, eight bytes
 * and four: a load that spans two earlier stores waits until both are in the cache.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

/** Prefetch distance, in frames, for packet data. */
#define MASQ_VLAN_PREFETCH_AHEAD 4

/** Bytes of a frame, from its start, that must be present to recognise it: addresses, tag, type,
 * version and TOS. */
#define MASQ_VLAN_LOOK_BYTES (2 * RTE_ETHER_ADDR_LEN + 8)

/** Move both addresses of a frame. @param shift_bytes distance, to the left if negative */
static inline void
masq_vlan_move_addresses(uint8_t *frame, int shift_bytes)
{
	uint64_t head;
	uint32_t tail;

	memcpy(&head, frame, 8);
	memcpy(&tail, frame + 8, 4);
	memcpy(frame + shift_bytes, &head, 8);
	memcpy(frame + shift_bytes + 8, &tail, 4);
}

/** Remove the tag of a frame that has one. The caller has checked that its 18 bytes are in the first
 * buffer. */
static inline void
masq_vlan_take_off(struct rte_mbuf *mbuf)
{
	masq_vlan_move_addresses(rte_pktmbuf_mtod(mbuf, uint8_t *), RTE_VLAN_HLEN);
	rte_pktmbuf_adj(mbuf, RTE_VLAN_HLEN);
}

/**
 * Remove the tag from all frames that carry this VLAN, with any priority, and IPv4 without options.
 * All others are left for the parser, which knows the drop reasons.
 *
 * @param n	at most 32
 * @param vlan	1 to 4094
 * @return bit i: the tag of mbuf[i] was removed
 */
static inline uint32_t
masq_vlan_take_off_burst(struct rte_mbuf *const *mbuf, unsigned int n, uint16_t vlan)
{
	const uint8_t looked_at[8] = { 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0 };
	const uint8_t wanted[8] = { 0x81, 0, (uint8_t)(vlan >> 8), (uint8_t)vlan, 0x08, 0, 0x45,
		0 };
	uint64_t mask, word;
	uint32_t had_it = 0;

	memcpy(&mask, looked_at, sizeof(mask));
	memcpy(&word, wanted, sizeof(word));
	for (unsigned int i = 0; i < n && i < MASQ_VLAN_PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbuf[i], const void *));
	for (unsigned int i = 0; i < n; i++) {
		uint64_t frame_word;

		if (i + MASQ_VLAN_PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(
					mbuf[i + MASQ_VLAN_PREFETCH_AHEAD], const void *));
		/* If the device has stripped a tag, one still in the frame is a second tag. */
		if (unlikely(mbuf[i]->data_len < MASQ_VLAN_LOOK_BYTES ||
				    (mbuf[i]->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0))
			continue;
		memcpy(&frame_word,
				rte_pktmbuf_mtod_offset(
						mbuf[i], const void *, 2 * RTE_ETHER_ADDR_LEN),
				sizeof(frame_word));
		if (unlikely((frame_word & mask) != word))
			continue;
		masq_vlan_take_off(mbuf[i]);
		had_it |= UINT32_C(1) << i;
	}
	return had_it;
}

/**
 * Add a tag.
 *
 * @param vlan	1 to 4094
 * @return false: no headroom in the buffer, which does not happen with the box's own buffers
 */
static inline bool
masq_vlan_put_on(struct rte_mbuf *mbuf, uint16_t vlan)
{
	const uint16_t tag[2] = { rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(vlan) };
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, RTE_VLAN_HLEN);

	if (unlikely(frame == NULL))
		return false;
	masq_vlan_move_addresses(frame + RTE_VLAN_HLEN, -RTE_VLAN_HLEN);
	memcpy(frame + 2 * RTE_ETHER_ADDR_LEN, tag, sizeof(tag));
	return true;
}

#endif /* MASQ_VLAN_H */
