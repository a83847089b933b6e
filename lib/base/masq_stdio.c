/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	A process may be started with descriptor 0, 1 or 2 closed. The next file that is opened - a
 *	socket, a device, a rule file - would get that number, and what is printed to stderr would be
 *	written into it. So each program first fills these holes.
 * How
 *	open() takes the lowest free number, so it is called until the number is none of the three. The
 *	descriptors are write-only, so that nobody mistakes a closed input for an empty one.
 * Threads
 *	Called before the first thread is created.
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
