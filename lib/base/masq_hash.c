/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What it is
 *	The seed of the tuple hash. The hash itself is inline in masq_hash.h; here is only what is done
 *	once at start.
 * Words
 *	seed	128 secret bits. Whoever knows them can choose tuples that all fall into one bucket, so
 *		they come from the kernel, are new at each start and are never printed.
 * Data and who owns it
 *	The caller owns the seed and gives it to each table that hashes.
 * Threads
 *	Called at start, by any thread. It waits until the kernel's random source has been seeded,
 *	which may take a while early in a boot, rather than accept a weak seed.
 */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <masq_hash.h>

int
masq_hash_seed_random(struct masq_hash_seed *seed)
{
	struct masq_hash_seed fresh;
	ssize_t got;

	/* Requests of up to 256 bytes are never cut short, but a signal may interrupt the wait. */
	do {
		got = getrandom(&fresh, sizeof(fresh), 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if ((size_t)got != sizeof(fresh))
		return -EIO;
	*seed = fresh;
	return 0;
}
