/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers as names: hosts, networks, services, protocols, counts, times.
 *
 * The resolver may be slow; only a user who did not give -n waits, never the daemon. Answers,
 * including that there is none, are cached: the ten thousand sessions of a listing have only a few
 * hundred addresses. Two addresses that map to the same cache place replace each other.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

#define REMEMBERED 1024 /* a power of two */

static struct {
	uint32_t addr;
	char name[CLI_NAME_BYTES]; /* empty: not looked up yet */
} remembered[REMEMBERED];

static void
ask(uint32_t addr, char name[CLI_NAME_BYTES])
{
	const uint32_t wire = htonl(addr);
	const struct hostent *host = gethostbyaddr(&wire, sizeof(wire), AF_INET);
	const struct netent *net = host != NULL ? NULL : getnetbyaddr(addr, AF_INET);

	if (host != NULL)
		snprintf(name, CLI_NAME_BYTES, "%s", host->h_name);
	else if (net != NULL)
		snprintf(name, CLI_NAME_BYTES, "%s", net->n_name);
	else
		masq_ip4_text(addr, name);
}

const char *
cli_host_name(uint32_t addr, bool numeric, char name[CLI_NAME_BYTES])
{
	const uint32_t at = (addr ^ addr >> 16) % REMEMBERED;

	if (numeric)
		return masq_ip4_text(addr, name);
	if (remembered[at].addr != addr || remembered[at].name[0] == '\0') {
		ask(addr, remembered[at].name);
		remembered[at].addr = addr;
	}
	return strcpy(name, remembered[at].name);
}

const char *
cli_service_name(uint16_t port, const char *proto, bool numeric, char name[CLI_NAME_BYTES])
{
	const struct servent *service = numeric || proto == NULL
			? NULL
			: getservbyport(htons(port), proto);

	if (service != NULL)
		snprintf(name, CLI_NAME_BYTES, "%s", service->s_name);
	else
		snprintf(name, CLI_NAME_BYTES, "%u", port);
	return name;
}

const char *
cli_protocol_name(uint16_t proto, char name[CLI_NAME_BYTES])
{
	const struct protoent *entry = proto == 0 ? NULL : getprotobynumber(proto);

	/* A machine without /etc/protocols still shows these by name. */
	if (entry == NULL)
		return masq_rpc_protocol_text(proto, name);
	snprintf(name, CLI_NAME_BYTES, "%s", entry->p_name);
	return name;
}

const char *
cli_short_count(uint64_t count, char text[24])
{
	static const char units[] = " kMGTPE";
	double value = (double)count;
	unsigned int unit = 0;

	while (value >= 999.5 && units[unit + 1] != '\0') {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(text, 24, "%" PRIu64, count);
	else
		snprintf(text, 24, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return text;
}

const char *
cli_duration(uint64_t ms, char text[24])
{
	const uint64_t s = ms / 1000;

	if (s < 60)
		snprintf(text, 24, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, 24, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, 24, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, 24, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return text;
}
