/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_STDIO_H
#define MASQ_STDIO_H

/**
 * @file
 * Standard input, output and error of a program that may have been started without them.
 */

/**
 * Open /dev/null in place of each standard descriptor that is closed; open ones stay as they are. Reading from
 * an input that was closed fails with EBADF, as it would have.
 *
 * The first thing in main(), before a thread or a file. Without /dev/null nothing changes.
 */
void masq_stdio_open(void);

#endif /* MASQ_STDIO_H */
