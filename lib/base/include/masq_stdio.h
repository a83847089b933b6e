/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_STDIO_H
#define MASQ_STDIO_H

/**
 * @file
 * Standard input, output and error of a program that may have been started without them.
 */

/**
 * Open /dev/null in place of each standard descriptor that is closed; open ones stay as they are.
 * Reading from an input that was closed still fails with EBADF.
 *
 * Call it first in main(), before a thread starts or a file is opened. Without /dev/null nothing
 * changes.
 */
void masq_stdio_open(void);

#endif /* MASQ_STDIO_H */
