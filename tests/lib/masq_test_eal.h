/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_EAL_H
#define MASQ_TEST_EAL_H

/**
 * @file
 * Starts EAL for a test program: no hugepages, no devices, nothing on disk. Call once, first in
 * main(); link libdpdk. Not --in-memory: EAL takes --no-huge for legacy memory and refuses both.
 */

#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_errno.h>

static inline void
masq_test_eal_init(const char *program, const char *memory_mb)
{
	char name[256], mem[32];
	char *argv[] = { name, (char[]){ "--no-huge" }, (char[]){ "-m" }, mem,
		(char[]){ "--no-pci" }, (char[]){ "--no-shconf" }, (char[]){ "--no-telemetry" },
		(char[]){ "--log-level=*:error" }, (char[]){ "-l" }, (char[]){ "0" }, NULL };

	snprintf(name, sizeof(name), "%s", program);
	snprintf(mem, sizeof(mem), "%s", memory_mb);
	if (rte_eal_init(10, argv) < 0) {
		fprintf(stderr, "%s: EAL did not start: %s\n", program, rte_strerror(rte_errno));
		exit(1);
	}
}

#endif /* MASQ_TEST_EAL_H */
