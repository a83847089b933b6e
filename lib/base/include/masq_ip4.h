/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_IP4_H
#define MASQ_IP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * @file
 * IPv4 addresses, prefixes and Ethernet addresses as text. Addresses are in host byte order here and
 * in everything above lib/pkt, except in packet fields.
 */

#define MASQ_IP4_TEXT_BYTES 16 /**< "255.255.255.255" and its NUL */
#define MASQ_IP4_PREFIX_TEXT_BYTES 19 /**< "255.255.255.255/32" and its NUL */
#define MASQ_MAC_TEXT_BYTES 18 /**< "00:11:22:33:44:55" and its NUL */

/** Build a host order address from its four parts. */
#define MASQ_IP4(a, b, c, d) \
	(((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))

/** One address inside a network, "192.168.1.1/24". */
struct masq_ip4_prefix {
	uint32_t addr; /**< host order, host bits kept as written */
	uint8_t len; /**< 0..32 */
};

/**
 * Read a dotted quad: exactly four decimal parts 0..255, no signs, nothing behind it.
 *
 * @param text	NUL-terminated
 * @param addr	out: host order; untouched on failure
 * @return 0, or -EINVAL
 */
int masq_ip4_parse(const char *text, uint32_t *addr);

/**
 * Read "A.B.C.D/LEN"; without "/LEN" the length is 32.
 *
 * @param text	NUL-terminated
 * @param prefix	out; untouched on failure
 * @return 0, or -EINVAL
 */
int masq_ip4_prefix_parse(const char *text, struct masq_ip4_prefix *prefix);

/**
 * Write a dotted quad.
 *
 * @param addr	host order
 * @param text	out
 * @return @p text
 */
char *masq_ip4_text(uint32_t addr, char text[MASQ_IP4_TEXT_BYTES]);

/** Write "A.B.C.D/LEN". @return @p text */
char *masq_ip4_prefix_text(struct masq_ip4_prefix prefix, char text[MASQ_IP4_PREFIX_TEXT_BYTES]);

/** @return network mask of a prefix length 0..32, host order */
uint32_t masq_ip4_mask(unsigned int len);

/** Write "00:11:22:33:44:55". @return @p text */
char *masq_mac_text(const uint8_t mac[6], char text[MASQ_MAC_TEXT_BYTES]);

/** Read "00:11:22:33:44:55" (either case). @return 0, or -EINVAL with @p mac untouched */
int masq_mac_parse(const char *text, uint8_t mac[6]);

#endif /* MASQ_IP4_H */
