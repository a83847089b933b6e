/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PKT_PRIV_H
#define MASQ_PKT_PRIV_H

/*
 * Constants of the wire formats and unaligned loads, for the files of this room. Headers may start at
 * any even address (a tagged Ethernet header has 18 bytes), so nothing is read through a pointer to a
 * wider type.
 */

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include <masq_csum.h>

#define ETHER_HEADER_BYTES 14u
#define VLAN_TAG_BYTES 4u
#define VLAN_ID_MASK 0x0fff
#define IP_HEADER_BYTES 20u
#define UDP_HEADER_BYTES 8u
#define TCP_HEADER_BYTES 20u
#define ICMP_HEADER_BYTES 8u

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100

#define IP_DONT_FRAGMENT 0x4000
#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff

/* Those that masq_icmp.h does not name. */
#define ICMP_ECHO_REPLY 0
#define ICMP_SOURCE_QUENCH 4
#define ICMP_ECHO_REQUEST 8
#define ICMP_PARAMETER_PROBLEM 12

/* Each ICMP error quotes at least this much behind the quoted IP header, RFC 792. */
#define QUOTED_L4_BYTES 8u
/* A quote contains the TCP checksum only if it is at least this long behind the quoted IP header. */
#define QUOTED_TCP_CSUM_END 18u

/* The parser assembles words from bytes by shifts; this is an appliance for x86. */
#if RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN
#error "lib/pkt is written for little-endian machines"
#endif

static inline uint16_t
load16(const uint8_t *bytes)
{
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint32_t
load32(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint64_t
load64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Not rte_be_to_cpu_16(), an asm statement that the compiler can neither fold nor move. */
static inline uint16_t
load_be16(const uint8_t *bytes)
{
	return __builtin_bswap16(load16(bytes));
}

static inline uint32_t
load_be32(const uint8_t *bytes)
{
	return __builtin_bswap32(load32(bytes));
}

static inline void
store16(uint8_t *bytes, uint16_t word)
{
	memcpy(bytes, &word, sizeof(word));
}

static inline void
store_be16(uint8_t *bytes, uint16_t value)
{
	store16(bytes, __builtin_bswap16(value));
}

/* Destination MAC address of a frame of at least eight bytes, in the format of load_mac(). */
static inline uint64_t
load_frame_mac(const uint8_t *frame)
{
	return load64(frame) << 16;
}

/* Reads exactly six bytes: the caller's array may end there. */
static inline uint64_t
load_mac(const uint8_t *mac)
{
	return (uint64_t)load16(mac) << 16 | (uint64_t)load32(mac + 2) << 32;
}

/*
 * New checksum of an ICMP query whose other fields already have their new values. An echo reply may
 * be all zeros; its checksum is then 0xffff, which an incremental update cannot tell from 0. If the
 * rest of the header is zero, 0xffff is right whatever follows.
 */
static inline uint16_t
updated_query_checksum(const uint8_t *icmp, uint16_t delta)
{
	uint16_t sum = masq_csum_apply(load16(icmp + 2), delta);

	return sum == 0 && load16(icmp) == 0 && load32(icmp + 4) == 0 ? 0xffff : sum;
}

#endif /* MASQ_PKT_PRIV_H */
