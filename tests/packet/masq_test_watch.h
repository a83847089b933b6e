/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_WATCH_H
#define MASQ_TEST_WATCH_H

/**
 * @file
 * "Nothing is allocated after start." The allocators of the C library and of DPDK are replaced by ones
 * that ask first whether this thread is at work for a worker. masq_test_box.c says so around each poll,
 * and box_close() demands that nobody allocated there; so every packet test is a proof.
 *
 * Under AddressSanitizer the C library's allocators are its own and only DPDK's are watched.
 */

#include <stdbool.h>

/** From now on an allocation by this thread is counted, or with false, no more. */
void watch_allocations(bool on);

/**
 * Allocations that were counted by all threads since the last call.
 *
 * @param first	out: the function that was called first; untouched when there were none
 */
unsigned int watch_taken(const char **first);

/** Pieces of the C library's heap that are in use, whoever took them; of AddressSanitizer's always 0. */
long watch_libc_pieces(void);

#endif /* MASQ_TEST_WATCH_H */
