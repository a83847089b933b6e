/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The tuple as text, for listings, logs and test failures.
 * Data and who owns it
 *	The caller owns everything.
 * Threads
 *	Pure function.
 */

#include <netinet/in.h>
#include <stdio.h>

#include <masq_ip4.h>
#include <masq_tuple.h>

char *
masq_tuple_text(const struct masq_tuple *tuple, char text[MASQ_TUPLE_TEXT_BYTES])
{
	char src[MASQ_IP4_TEXT_BYTES], dst[MASQ_IP4_TEXT_BYTES];
	const char *proto;

	masq_ip4_text(rte_be_to_cpu_32(tuple->src), src);
	masq_ip4_text(rte_be_to_cpu_32(tuple->dst), dst);
	switch (tuple->proto) {
	case IPPROTO_TCP:
		proto = "tcp";
		break;
	case IPPROTO_UDP:
		proto = "udp";
		break;
	case IPPROTO_ICMP:
		proto = "icmp";
		break;
	default:
		snprintf(text, MASQ_TUPLE_TEXT_BYTES, "proto-%u %s > %s", tuple->proto, src, dst);
		return text;
	}
	snprintf(text, MASQ_TUPLE_TEXT_BYTES, "%s %s:%u > %s:%u", proto, src,
			rte_be_to_cpu_16(tuple->sport), dst, rte_be_to_cpu_16(tuple->dport));
	return text;
}
