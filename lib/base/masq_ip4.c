/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	IPv4 addresses, prefixes and Ethernet addresses as text, both ways. Stricter than inet_aton():
 *	four decimal parts, nothing shorter, no octal, no hexadecimal, no blanks. So the box does what
 *	a reader of a rule sees.
 * Words
 *	part	one of the four numbers of an address, 0..255; "010" is refused, because half of the
 *		world reads it as eight
 * Data and who owns it
 *	The caller owns everything. Outputs are written only on success.
 * Threads
 *	Pure functions.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <masq_ip4.h>

/* Read a number up to max, without leading zeros; moves *text behind it. */
static int
parse_number(const char **text, unsigned int max, unsigned int *number)
{
	const char *p = *text;
	unsigned int value = 0;

	if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (unsigned int)(*p - '0');
		if (value > max)
			return -EINVAL;
	}
	*text = p;
	*number = value;
	return 0;
}

/* Read a dotted quad; moves *text behind it. */
static int
parse_quad(const char **text, uint32_t *addr)
{
	const char *p = *text;
	uint32_t value = 0;
	unsigned int part;

	for (unsigned int i = 0; i < 4; i++) {
		if (i > 0 && *p++ != '.')
			return -EINVAL;
		if (parse_number(&p, 255, &part) < 0)
			return -EINVAL;
		value = value << 8 | part;
	}
	*text = p;
	*addr = value;
	return 0;
}

int
masq_ip4_parse(const char *text, uint32_t *addr)
{
	uint32_t value;

	if (parse_quad(&text, &value) < 0 || *text != '\0')
		return -EINVAL;
	*addr = value;
	return 0;
}

int
masq_ip4_prefix_parse(const char *text, struct masq_ip4_prefix *prefix)
{
	uint32_t addr;
	unsigned int len = 32;

	if (parse_quad(&text, &addr) < 0)
		return -EINVAL;
	if (*text == '/') {
		text++;
		if (parse_number(&text, 32, &len) < 0)
			return -EINVAL;
	}
	if (*text != '\0')
		return -EINVAL;
	prefix->addr = addr;
	prefix->len = (uint8_t)len;
	return 0;
}

char *
masq_ip4_text(uint32_t addr, char text[MASQ_IP4_TEXT_BYTES])
{
	snprintf(text, MASQ_IP4_TEXT_BYTES, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255,
			addr >> 8 & 255, addr & 255);
	return text;
}

char *
masq_ip4_prefix_text(struct masq_ip4_prefix prefix, char text[MASQ_IP4_PREFIX_TEXT_BYTES])
{
	char addr[MASQ_IP4_TEXT_BYTES];

	/* A length is at most 32; the mask only tells the compiler that two digits are enough. */
	snprintf(text, MASQ_IP4_PREFIX_TEXT_BYTES, "%s/%u", masq_ip4_text(prefix.addr, addr),
			prefix.len & 63u);
	return text;
}

uint32_t
masq_ip4_mask(unsigned int len)
{
	/* A shift by 32 is undefined, so /0 is a case of its own. */
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

char *
masq_mac_text(const uint8_t mac[6], char text[MASQ_MAC_TEXT_BYTES])
{
	snprintf(text, MASQ_MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			mac[3], mac[4], mac[5]);
	return text;
}

/* Value of a hexadecimal digit, -1 for anything else. Not isxdigit(), which depends on the locale. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
masq_mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t value[6];

	/* Each step stops at the NUL, which is neither a digit nor a colon. */
	for (unsigned int i = 0; i < 6; i++) {
		int high, low;

		if (i > 0 && *text++ != ':')
			return -EINVAL;
		high = hex_digit(text[0]);
		if (high < 0)
			return -EINVAL;
		low = hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		value[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return -EINVAL;
	memcpy(mac, value, sizeof(value));
	return 0;
}
