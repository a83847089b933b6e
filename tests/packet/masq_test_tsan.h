/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_TSAN_H
#define MASQ_TEST_TSAN_H

/**
 * @file
 * What ThreadSanitizer has to be told of DPDK. Its libraries are not instrumented, so it does not see what
 * passes through them: a buffer that one thread gives back and another one takes, a packet in a memory port,
 * the end of a worker. Each of these is told for itself, a buffer at a time; a lock around them all would say
 * too much and hide races. Without ThreadSanitizer nothing here does anything.
 */

#include <stdbool.h>

/** Once, behind EAL: pools that are created from now on tell of their buffers. */
void masq_test_tsan_init(void);

/** This thread gives @p thing away: whoever takes it sees all that was written so far. */
void masq_test_tsan_give(void *thing);
void masq_test_tsan_take(void *thing);

/** What this thread reads from now on may be written meanwhile, on purpose; or, with false, no more. */
void masq_test_tsan_peek(bool peek);

#endif /* MASQ_TEST_TSAN_H */
