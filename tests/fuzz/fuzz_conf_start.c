/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	Any text as a start file. Reading it must not crash; a refusal must name the file; what is
 *	accepted must keep the promises of the struct.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEMAND(what)                                                      \
	do {                                                              \
		if (!(what)) {                                            \
			fprintf(stderr, "%d: not " #what "\n", __LINE__); \
			abort();                                          \
		}                                                         \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct masq_conf_start start;
	struct masq_err err = { .text = "" };

	if (masq_conf_start_parse("fuzz", (const char *)data, size, &start, &err) != 0) {
		DEMAND(strncmp(err.text, "fuzz:", 5) == 0);
		return 0;
	}
	DEMAND(start.n_ports >= 1 && start.n_ports <= MASQ_CONF_PORTS_MAX);
	DEMAND(start.workers >= 1 && start.workers <= MASQ_MAX_WORKERS);
	DEMAND(start.masq_port_low >= 1 && start.masq_port_low <= start.masq_port_high);
	for (uint32_t i = 0; i < start.n_ports; i++) {
		const struct masq_conf_port *port = &start.port[i];

		DEMAND(port->device[0] != '\0' && port->name[0] != '\0');
		DEMAND(memchr(port->name, '\0', sizeof(port->name)) != NULL);
		DEMAND(port->n_addresses <= MASQ_CONF_ADDRESSES_MAX);
		DEMAND(port->gateway == 0 || port->n_addresses > 0);
	}
	return 0;
}
