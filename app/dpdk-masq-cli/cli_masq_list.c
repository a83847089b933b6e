/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipchains -M -L: sessions, exact to the column (reference 1.14).
 *
 *	prot expire   source               destination          ports
 *	TCP  14:59.37 192.168.1.2          209.81.8.5           1025 (61000) -> 80
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"

void
cli_masq_header_print(FILE *out, bool verbose)
{
	fprintf(out, "prot expire   %ssource               destination          ports\n",
			verbose ? "   initseq delta prevd " : "");
}

static const char *
upper_protocol(const json_t *row, char text[8])
{
	const char *name = cli_string(row, "protocol");

	if (strcmp(name, "tcp") == 0)
		return "TCP";
	if (strcmp(name, "udp") == 0)
		return "UDP";
	if (strcmp(name, "icmp") == 0)
		return "ICMP";
	snprintf(text, 8, "IP_%.3s", name);
	return text;
}

void
cli_masq_row_print(FILE *out, bool numeric, bool verbose, const json_t *row)
{
	char source[CLI_NAME_BYTES], destination[CLI_NAME_BYTES];
	char sport[CLI_NAME_BYTES], dport[CLI_NAME_BYTES], proto[8];
	const uint64_t ms = cli_number(row, "expires_ms");
	const char *service = cli_string(row, "protocol");

	if (strcmp(service, "tcp") != 0 && strcmp(service, "udp") != 0)
		service = NULL;
	fprintf(out, "%-5s%02" PRIu64 ":%02" PRIu64 ".%02" PRIu64 " ", upper_protocol(row, proto),
			ms / 60000, ms / 1000 % 60, ms / 10 % 100);
	if (verbose)
		fprintf(out, "%10u %5d %5d ", 0u, 0, 0);
	fprintf(out, "%-20s %-20s %s (%" PRIu64 ") -> %s\n",
			cli_host_name(cli_address(row, "inside"), numeric, source),
			cli_host_name(cli_address(row, "outside"), numeric, destination),
			cli_service_name((uint16_t)cli_number(row, "inside_port"), service, numeric,
					sport),
			cli_number(row, "masq_port"),
			cli_service_name((uint16_t)cli_number(row, "outside_port"), service,
					numeric, dport));
}
