/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocators that count. A program's own definition of a function is found before that of any library,
 * by the library itself, too; so these see what DPDK's libraries take as well. What they give comes
 * from the real ones: glibc has its own under a second name, DPDK's is the next to be found.
 */
#include "masq_test_watch.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <rte_malloc.h>
#include <rte_memzone.h>

static _Thread_local bool watching;
static _Atomic(unsigned int) taken;
static _Atomic(long) libc_pieces;
static const char *_Atomic first_taker;

void
watch_allocations(bool on)
{
	watching = on;
}

unsigned int
watch_taken(const char **first)
{
	const char *name = atomic_exchange(&first_taker, NULL);

	if (name != NULL)
		*first = name;
	return atomic_exchange(&taken, 0);
}

static void
note(const char *function)
{
	const char *nobody = NULL;

	if (!watching)
		return;
	atomic_compare_exchange_strong(&first_taker, &nobody, function);
	atomic_fetch_add(&taken, 1);
}

long
watch_libc_pieces(void)
{
	return atomic_load(&libc_pieces);
}

/* ---------------------------------------------------------------- the C library's */

#ifndef __SANITIZE_ADDRESS__

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *memory);

static void *
counted(void *given)
{
	if (given != NULL)
		atomic_fetch_add(&libc_pieces, 1);
	return given;
}

void *
malloc(size_t size)
{
	note("malloc");
	return counted(__libc_malloc(size));
}

void *
calloc(size_t n, size_t size)
{
	note("calloc");
	return counted(__libc_calloc(n, size));
}

void *
realloc(void *old, size_t size)
{
	note("realloc");
	if (old == NULL)
		return counted(__libc_realloc(NULL, size));
	if (size == 0)
		atomic_fetch_sub(&libc_pieces, 1);
	return __libc_realloc(old, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	note("aligned_alloc");
	return counted(__libc_memalign(align, size));
}

int
posix_memalign(void **memory, size_t align, size_t size)
{
	void *given;

	note("posix_memalign");
	given = counted(__libc_memalign(align, size));
	if (given == NULL)
		return ENOMEM;
	*memory = given;
	return 0;
}

void
free(void *memory)
{
	if (memory != NULL)
		atomic_fetch_sub(&libc_pieces, 1);
	__libc_free(memory);
}

#endif

/* ---------------------------------------------------------------- DPDK's */

/* A function of this name, with these parameters, that notes its call and calls the next one. */
#define WATCHED(type, name, parameters, arguments)                                    \
	type name parameters                                                          \
	{                                                                             \
		type(*next) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
                                                                                      \
		note(#name);                                                          \
		return next arguments;                                                \
	}

WATCHED(void *, rte_malloc, (const char *type, size_t size, unsigned int align),
		(type, size, align))
WATCHED(void *, rte_zmalloc, (const char *type, size_t size, unsigned int align),
		(type, size, align))
WATCHED(void *, rte_calloc, (const char *type, size_t n, size_t size, unsigned int align),
		(type, n, size, align))
WATCHED(void *, rte_realloc, (void *old, size_t size, unsigned int align), (old, size, align))
WATCHED(void *, rte_malloc_socket, (const char *type, size_t size, unsigned int align, int socket),
		(type, size, align, socket))
WATCHED(void *, rte_zmalloc_socket, (const char *type, size_t size, unsigned int align, int socket),
		(type, size, align, socket))
WATCHED(void *, rte_calloc_socket,
		(const char *type, size_t n, size_t size, unsigned int align, int socket),
		(type, n, size, align, socket))
WATCHED(void *, rte_realloc_socket, (void *old, size_t size, unsigned int align, int socket),
		(old, size, align, socket))
WATCHED(const struct rte_memzone *, rte_memzone_reserve,
		(const char *name, size_t len, int socket, unsigned int flags),
		(name, len, socket, flags))
WATCHED(const struct rte_memzone *, rte_memzone_reserve_aligned,
		(const char *name, size_t len, int socket, unsigned int flags, unsigned int align),
		(name, len, socket, flags, align))
WATCHED(const struct rte_memzone *, rte_memzone_reserve_bounded,
		(const char *name, size_t len, int socket, unsigned int flags, unsigned int align,
				unsigned int bound),
		(name, len, socket, flags, align, bound))
