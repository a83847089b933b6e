/* SPDX-License-Identifier: BSD-3-Clause */

/* Every set of standard descriptors that a program can be started without. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <masq_stdio.h>

/* In a child: exit code 0, or the number of what is wrong. */
static int
without(unsigned int closed)
{
	struct stat null, before[3], after;

	if (stat("/dev/null", &null) != 0)
		return 1;
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fstat(fd, &before[fd]) != 0)
			return 2;
		if ((closed >> fd & 1) != 0)
			close(fd);
	}
	masq_stdio_open();
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		const struct stat *expected = (closed >> fd & 1) != 0 ? &null : &before[fd];

		if (fstat(fd, &after) != 0)
			return 3;
		if (after.st_ino != expected->st_ino || after.st_dev != expected->st_dev)
			return 4;
	}
	if ((closed & 1) != 0 && read(STDIN_FILENO, &before, 1) != -1)
		return 5;
	return 0;
}

static void
holes_are_filled_and_the_rest_stays(void **state)
{
	const int next = dup(STDERR_FILENO);

	(void)state;
	close(next);
	for (unsigned int closed = 0; closed < 8; closed++) {
		int status, again;
		const pid_t child = fork();

		if (child == 0)
			_exit(without(closed));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		masq_stdio_open();
		again = dup(STDERR_FILENO);
		close(again);
		assert_int_equal(again, next); /* nothing is left open */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_filled_and_the_rest_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
