/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	A process may be started with descriptor 0, 1 or 2 closed. The next file that is opened - a
 *	socket, a device, a rule file - would get that number, and a sentence printed to stderr
 *	would be written into it. So each program fills the holes first.
 * How
 *	open() takes the lowest number that is free: open until the number is none of the three. For
 *	writing only: who reads an input that is closed shall not take it for an empty one.
 * Threads
 *	Before the first one is made.
 */

#include <fcntl.h>
#include <unistd.h>

#include <masq_stdio.h>

void
masq_stdio_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_WRONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}
