/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The other half of the packet builder: compares a frame with the one that the expected packet
 *	builds to. What the test does not care for is first taken over from the frame, so all
 *	checksums are still computed in full over what is really there.
 * Words
 *	field	a named run of bytes; a difference is reported by the field that holds it. Bytes of no
 *		field (payload, options) are reported by their place.
 */

#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include <masq_ip4.h>

#include "masq_test_pkt.h"

#define FIELDS_MAX 96
#define DIFFERENCES_MAX 12

enum format {
	DECIMAL,
	HEX,
	ADDRESS,
	STATION
};

struct field {
	char name[40];
	uint32_t offset;
	uint32_t bytes;
	enum format format;
};

struct fields {
	struct field field[FIELDS_MAX];
	unsigned int count;
};

struct row {
	const char *name;
	uint32_t offset, bytes;
	enum format format;
};

/* clang-format off */
static const struct row ip_rows[] = {
	{ "version and header length", 0, 1, HEX },
	{ "TOS",		1, 1, HEX },
	{ "IP length",		2, 2, DECIMAL },
	{ "IP identification",	4, 2, HEX },
	{ "fragment word",	6, 2, HEX },
	{ "TTL",		8, 1, DECIMAL },
	{ "protocol",		9, 1, DECIMAL },
	{ "IP checksum",	10, 2, HEX },
	{ "source",		12, 4, ADDRESS },
	{ "destination",	16, 4, ADDRESS },
	{ NULL, 0, 0, HEX },
};
static const struct row tcp_rows[] = {
	{ "source port",	0, 2, DECIMAL },
	{ "destination port",	2, 2, DECIMAL },
	{ "sequence",		4, 4, DECIMAL },
	{ "acknowledgement",	8, 4, DECIMAL },
	{ "data offset",	12, 1, HEX },
	{ "TCP flags",		13, 1, HEX },
	{ "TCP checksum",	16, 2, HEX },
	{ NULL, 0, 0, HEX },
};
static const struct row udp_rows[] = {
	{ "source port",	0, 2, DECIMAL },
	{ "destination port",	2, 2, DECIMAL },
	{ "UDP length",		4, 2, DECIMAL },
	{ "UDP checksum",	6, 2, HEX },
	{ NULL, 0, 0, HEX },
};
static const struct row icmp_rows[] = {
	{ "ICMP type",		0, 1, DECIMAL },
	{ "ICMP code",		1, 1, DECIMAL },
	{ "ICMP checksum",	2, 2, HEX },
	{ "ICMP identifier",	4, 2, DECIMAL },
	{ "ICMP sequence or MTU", 6, 2, DECIMAL },
	{ NULL, 0, 0, HEX },
};
static const struct row ether_rows[] = {
	{ "destination station", 0, 6, STATION },
	{ "source station",	6, 6, STATION },
	{ "ethertype or tag",	12, 2, HEX },
	{ NULL, 0, 0, HEX },
};
static const struct row arp_rows[] = {
	{ "ARP operation",	6, 2, DECIMAL },
	{ "sender station",	8, 6, STATION },
	{ "sender",		14, 4, ADDRESS },
	{ "target station",	18, 6, STATION },
	{ "target",		24, 4, ADDRESS },
	{ NULL, 0, 0, HEX },
};

/* clang-format on */

static uint16_t
get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static uint32_t
get32(const uint8_t *from)
{
	return (uint32_t)get16(from) << 16 | get16(from + 2);
}

static void
add_rows(struct fields *fields, const char *prefix, const struct row *row, uint32_t offset,
		uint32_t frame_bytes)
{
	for (; row->name != NULL && fields->count < FIELDS_MAX; row++) {
		struct field *field = &fields->field[fields->count];

		if (offset + row->offset + row->bytes > frame_bytes)
			continue;
		snprintf(field->name, sizeof(field->name), "%s%s", prefix, row->name);
		field->offset = offset + row->offset;
		field->bytes = row->bytes;
		field->format = row->format;
		fields->count++;
	}
}

/* Name the fields of an IP packet, and of the one that it quotes. */
static void
add_ip_fields(struct fields *fields, const char *prefix, const uint8_t *frame, uint32_t offset,
		uint32_t frame_bytes)
{
	const uint8_t *ip = frame + offset;
	uint32_t l4;

	add_rows(fields, prefix, ip_rows, offset, frame_bytes);
	if (offset + 20 > frame_bytes || (get16(ip + 6) & 0x1fff) != 0)
		return;
	l4 = offset + (ip[0] & 15u) * 4;
	if (ip[9] == IPPROTO_TCP) {
		add_rows(fields, prefix, tcp_rows, l4, frame_bytes);
	} else if (ip[9] == IPPROTO_UDP) {
		add_rows(fields, prefix, udp_rows, l4, frame_bytes);
	} else if (ip[9] == IPPROTO_ICMP) {
		add_rows(fields, prefix, icmp_rows, l4, frame_bytes);
		if (*prefix == '\0' && l4 + 8 < frame_bytes &&
				(frame[l4] == 3 || frame[l4] == 4 || frame[l4] == 11 ||
						frame[l4] == 12))
			add_ip_fields(fields, "quoted ", frame, l4 + 8, frame_bytes);
	}
}

static uint32_t
l3_offset(const uint8_t *frame)
{
	return get16(frame + 12) == 0x8100 ? 18 : 14;
}

static void
add_frame_fields(struct fields *fields, const uint8_t *frame, uint32_t frame_bytes)
{
	uint32_t l3 = l3_offset(frame);

	fields->count = 0;
	add_rows(fields, "", ether_rows, 0, frame_bytes);
	if (get16(frame + l3 - 2) == 0x0806)
		add_rows(fields, "", arp_rows, l3, frame_bytes);
	else
		add_ip_fields(fields, "", frame, l3, frame_bytes);
}

static void
print_value(const struct field *field, const uint8_t *frame)
{
	const uint8_t *from = frame + field->offset;
	char text[MASQ_MAC_TEXT_BYTES];
	uint32_t value = field->bytes == 1  ? from[0]
			: field->bytes == 2 ? get16(from)
					    : get32(from);

	switch (field->format) {
	case DECIMAL:
		fprintf(stderr, "%u", value);
		break;
	case HEX:
		fprintf(stderr, "0x%0*x", (int)(2 * field->bytes), value);
		break;
	case ADDRESS:
		fprintf(stderr, "%s", masq_ip4_text(value, text));
		break;
	case STATION:
		fprintf(stderr, "%s", masq_mac_text(from, text));
		break;
	}
}

static void
print_field(const struct field *field, const uint8_t *seen, const uint8_t *expected)
{
	fprintf(stderr, "  %s: ", field->name);
	print_value(field, seen);
	fprintf(stderr, ", expected ");
	print_value(field, expected);
	fprintf(stderr, "\n");
}

static const struct field *
field_at(const struct fields *fields, uint32_t offset)
{
	for (unsigned int i = 0; i < fields->count; i++)
		if (offset >= fields->field[i].offset &&
				offset < fields->field[i].offset + fields->field[i].bytes)
			return &fields->field[i];
	return NULL;
}

/* Print what differs in the bytes that both have; the number of differences. */
static unsigned int
print_differences(const uint8_t *seen, const uint8_t *expected, uint32_t bytes)
{
	unsigned int count = 0;
	struct fields fields;

	add_frame_fields(&fields, expected, bytes);
	for (uint32_t i = 0; i < bytes; i++) {
		const struct field *field;

		if (seen[i] == expected[i])
			continue;
		if (++count > DIFFERENCES_MAX)
			return count;
		field = field_at(&fields, i);
		if (field == NULL) {
			fprintf(stderr, "  byte %u of the frame: 0x%02x, expected 0x%02x\n", i,
					seen[i], expected[i]);
			continue;
		}
		print_field(field, seen, expected);
		i = field->offset + field->bytes - 1;
	}
	return count;
}

/* Copy the bytes of all buffers of a frame; their number, at most size. */
static uint32_t
flatten(const struct rte_mbuf *mbuf, uint8_t *frame, uint32_t size)
{
	uint32_t bytes = 0;

	for (; mbuf != NULL; mbuf = mbuf->next) {
		uint32_t part = RTE_MIN((uint32_t)mbuf->data_len, size - bytes);

		memcpy(frame + bytes, rte_pktmbuf_mtod(mbuf, const void *), part);
		bytes += part;
	}
	return bytes;
}

static struct masq_test_seen
see_frame(const uint8_t *frame, uint32_t bytes)
{
	struct masq_test_seen seen = { 0 };
	uint32_t l3 = bytes >= 34 ? l3_offset(frame) : 0;
	const uint8_t *ip = frame + l3, *l4;

	if (l3 == 0 || bytes < l3 + 20)
		return seen;
	l4 = ip + (ip[0] & 15u) * 4;
	seen.src = get32(ip + 12);
	seen.dst = get32(ip + 16);
	seen.proto = ip[9];
	seen.ttl = ip[8];
	seen.tos = ip[1];
	seen.ip_id = get16(ip + 4);
	if (l4 + 8 > frame + bytes)
		return seen;
	if (ip[9] == IPPROTO_ICMP) {
		seen.sport = seen.dport = get16(l4 + 4);
	} else {
		seen.sport = get16(l4);
		seen.dport = get16(l4 + 2);
	}
	return seen;
}

struct masq_test_seen
masq_test_pkt_see(const struct rte_mbuf *mbuf)
{
	uint8_t frame[MASQ_TEST_FRAME_BYTES_MAX];

	return see_frame(frame, flatten(mbuf, frame, sizeof(frame)));
}

/* Take over what the test does not care for. */
static void
take_over(struct masq_test_pkt *expected, const struct masq_test_seen *seen)
{
	if ((expected->any & MASQ_TEST_ANY_SPORT) != 0)
		expected->sport = seen->sport;
	if ((expected->any & MASQ_TEST_ANY_DPORT) != 0)
		expected->dport = seen->dport;
	if ((expected->any & MASQ_TEST_ANY_ICMP_ID) != 0)
		expected->icmp_id = seen->sport;
	if ((expected->any & MASQ_TEST_ANY_IP_ID) != 0)
		expected->ip_id = seen->ip_id;
	if ((expected->any & MASQ_TEST_ANY_TTL) != 0)
		expected->ttl = seen->ttl != 0 ? seen->ttl : MASQ_TEST_ZERO;
	if ((expected->any & MASQ_TEST_ANY_TOS) != 0)
		expected->tos = seen->tos;
}

bool
masq_test_pkt_check(const struct rte_mbuf *mbuf, const struct masq_test_pkt *expected)
{
	uint8_t seen[MASQ_TEST_FRAME_BYTES_MAX], wanted[MASQ_TEST_FRAME_BYTES_MAX];
	uint32_t seen_bytes = flatten(mbuf, seen, sizeof(seen)), wanted_bytes;
	struct masq_test_seen fields = see_frame(seen, seen_bytes);
	struct masq_test_pkt pkt = *expected;

	take_over(&pkt, &fields);
	wanted_bytes = masq_test_pkt_bytes(&pkt, wanted, sizeof(wanted));
	if (seen_bytes >= 12 && expected->dst_mac == NULL)
		memcpy(wanted, seen, 6);
	if (seen_bytes >= 12 && expected->src_mac == NULL)
		memcpy(wanted + 6, seen + 6, 6);
	if (mbuf->pkt_len == seen_bytes && seen_bytes == wanted_bytes &&
			memcmp(seen, wanted, seen_bytes) == 0)
		return true;

	fprintf(stderr, "the packet is not the one expected:\n");
	if (mbuf->pkt_len != seen_bytes)
		fprintf(stderr, "  pkt_len is %u, its buffers hold %u\n", mbuf->pkt_len,
				seen_bytes);
	if (seen_bytes != wanted_bytes)
		fprintf(stderr, "  length: %u bytes, expected %u\n", seen_bytes, wanted_bytes);
	if (print_differences(seen, wanted, RTE_MIN(seen_bytes, wanted_bytes)) > DIFFERENCES_MAX)
		fprintf(stderr, "  and more\n");
	return false;
}
