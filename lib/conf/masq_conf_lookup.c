/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From text to numbers: protocols, services, hosts, ICMP types.
 *
 * What it is. The small readers that the command families share. Numbers are strict: digits only,
 * within their range. Names come from the system's databases (/etc/protocols, /etc/services,
 * /etc/networks) by the re-entrant calls; tcp, udp, icmp and all are known without them. The
 * resolver is asked for hosts only if the reader allows it, since that can block for seconds; the
 * daemon never allows it.
 *
 * A text of digits and dots that is not a dotted quad ("10", "10.1") is never passed to the
 * resolver: it would read "10/8" as 0.0.0.10/8, and the rule would silently mean something else.
 *
 * Threads: no state; any.
 */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "masq_conf_priv.h"

#define DATABASE_BYTES 4096 /* a line of /etc/services with all its aliases */

int
masq_conf_number(const char *text, uint32_t low, uint32_t high, uint32_t *value)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		sum = sum * 10 + (uint64_t)(*text - '0');
		if (sum > high)
			return -EINVAL;
	}
	if (sum < low)
		return -EINVAL;
	*value = (uint32_t)sum;
	return 0;
}

int
masq_conf_protocol_find(const char *text, uint16_t *proto, struct masq_err *err)
{
	static const struct {
		const char *name;
		uint16_t number;
	} known[] = { { "all", 0 }, { "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP },
		{ "udp", IPPROTO_UDP } };
	struct protoent entry, *found = NULL;
	char buffer[DATABASE_BYTES];
	uint32_t number;

	if (masq_conf_number(text, 0, UINT16_MAX, &number) == 0) {
		*proto = (uint16_t)number;
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(text, known[i].name) == 0) {
			*proto = known[i].number;
			return 0;
		}
	if (getprotobyname_r(text, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
		return masq_err_set(err, EINVAL, "unknown protocol `%.128s' specified", text);
	*proto = (uint16_t)found->p_proto;
	return 0;
}

int
masq_conf_service_find(const char *text, const char *proto, uint16_t *port)
{
	struct servent entry, *found = NULL;
	char buffer[DATABASE_BYTES];
	uint32_t number;

	if (masq_conf_number(text, 0, UINT16_MAX, &number) == 0) {
		*port = (uint16_t)number;
		return 0;
	}
	if (proto == NULL ||
			getservbyname_r(text, proto, &entry, buffer, sizeof(buffer), &found) != 0 ||
			found == NULL)
		return -EINVAL;
	*port = ntohs((uint16_t)found->s_port);
	return 0;
}

static void
address_add(uint32_t *addr, unsigned int *n, uint32_t one)
{
	for (unsigned int i = 0; i < *n; i++)
		if (addr[i] == one)
			return;
	if (*n < MASQ_CONF_HOST_ADDRESSES_MAX)
		addr[(*n)++] = one;
}

static int
network_find(const char *text, uint32_t *addr)
{
	struct netent entry, *found = NULL;
	char buffer[DATABASE_BYTES];
	int host_error;

	if (getnetbyname_r(text, &entry, buffer, sizeof(buffer), &found, &host_error) != 0 ||
			found == NULL || found->n_addrtype != AF_INET || found->n_net == 0)
		return -EINVAL;
	*addr = found->n_net;
	while (*addr >> 24 == 0) /* the database omits trailing zero bytes */
		*addr <<= 8;
	return 0;
}

static int
resolve(const char *text, uint32_t *addr, unsigned int *n_addr, struct masq_err *err)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	unsigned int n = 0;
	int ret = getaddrinfo(text, NULL, &hints, &list);

	if (ret != 0)
		return masq_err_set(err, EINVAL, "host/network `%.128s' not found: %s", text,
				gai_strerror(ret));
	for (const struct addrinfo *one = list; one != NULL; one = one->ai_next) {
		struct sockaddr_in address;

		memcpy(&address, one->ai_addr, sizeof(address));
		address_add(addr, &n, ntohl(address.sin_addr.s_addr));
	}
	freeaddrinfo(list);
	*n_addr = n;
	return n != 0 ? 0
		      : masq_err_set(err, EINVAL, "host/network `%.128s' not found: no address",
					text);
}

int
masq_conf_host_find(const char *text, bool may_resolve, uint32_t *addr, unsigned int *n_addr,
		struct masq_err *err)
{
	if (masq_ip4_parse(text, &addr[0]) == 0) {
		*n_addr = 1;
		return 0;
	}
	if (text[strspn(text, "0123456789.")] == '\0')
		return masq_err_set(err, EINVAL,
				"host/network `%.128s' not found; an address has four parts, A.B.C.D",
				text);
	if (!may_resolve)
		return masq_err_set(err, EINVAL,
				"host/network `%.128s' not found: names are not looked up here, write A.B.C.D",
				text);
	if (network_find(text, &addr[0]) == 0) {
		*n_addr = 1;
		return 0;
	}
	return resolve(text, addr, n_addr, err);
}

const struct masq_conf_icmp_name *
masq_conf_icmp_find(const char *text, struct masq_err *err)
{
	const size_t len = strlen(text);
	const struct masq_conf_icmp_name *names, *found = NULL;
	unsigned int n;

	names = masq_conf_icmp_names(&n);
	for (unsigned int i = 0; i < n; i++) {
		const char *alias = names[i].alias != NULL ? names[i].alias : "";

		if (strcasecmp(text, names[i].name) == 0 || strcasecmp(text, alias) == 0)
			return &names[i];
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *alias = names[i].alias != NULL ? names[i].alias : "";

		if (strncasecmp(text, names[i].name, len) != 0 &&
				strncasecmp(text, alias, len) != 0)
			continue;
		if (found != NULL) {
			masq_err_set(err, EINVAL, "ICMP type `%.64s' is ambiguous: `%s' or `%s'",
					text, found->name, names[i].name);
			return NULL;
		}
		found = &names[i];
	}
	if (found == NULL)
		masq_err_set(err, EINVAL,
				"unknown ICMP type `%.64s'; see `ipchains -h icmp' for the names",
				text);
	return found;
}
