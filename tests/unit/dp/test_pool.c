/* SPDX-License-Identifier: BSD-3-Clause */
/* How packet buffers lie in memory: what net_af_xdp takes for granted holds for a paged pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>

#include <masq_err.h>

#include "masq_pool.h"
#include "masq_test_eal.h"

#define BUFFERS 5000

/* The memory that the driver registers: from the page in which the pool begins, so many bytes. */
struct umem {
	uintptr_t from, to;
	size_t chunk;
};

static struct umem
umem_of(const struct rte_mempool *pool)
{
	uintptr_t start = (uintptr_t)STAILQ_FIRST(&pool->mem_list)->addr;
	struct umem umem = { .from = start & ~((uintptr_t)getpagesize() - 1) };

	umem.chunk = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
	umem.to = start + pool->populated_size * umem.chunk;
	return umem;
}

static void
count_outside(struct rte_mempool *pool, void *outside, void *buffer, unsigned int i)
{
	const struct umem umem = umem_of(pool);
	uintptr_t chunk = (uintptr_t)buffer - pool->header_size;

	(void)i;
	if (chunk < umem.from || chunk + umem.chunk > umem.to)
		++*(unsigned int *)outside;
}

static void
count_crossing(struct rte_mempool *pool, void *crossing, void *buffer, unsigned int i)
{
	uintptr_t chunk = (uintptr_t)buffer - pool->header_size;

	(void)i;
	if (chunk % (uintptr_t)getpagesize() != 0)
		++*(unsigned int *)crossing;
}

static void
paged_buffers_lie_where_af_xdp_expects_them(void **state)
{
	struct rte_mempool *pool = masq_pool_create(
			"paged", BUFFERS, 2176, true, SOCKET_ID_ANY, NULL);
	unsigned int outside = 0, crossing = 0;

	(void)state;
	assert_non_null(pool);
	assert_int_equal(pool->nb_mem_chunks, 1);
	assert_int_equal(umem_of(pool).chunk, getpagesize());
	rte_mempool_obj_iter(pool, count_outside, &outside);
	rte_mempool_obj_iter(pool, count_crossing, &crossing);
	assert_int_equal(outside, 0);
	assert_int_equal(crossing, 0);
	rte_mempool_free(pool);
}

/* The reason for paged ones; when DPDK places buffers otherwise one day, they can go. */
static void
plain_buffers_do_not_without_hugepages(void **state)
{
	struct rte_mempool *pool = masq_pool_create(
			"plain", BUFFERS, 2176, false, SOCKET_ID_ANY, NULL);
	unsigned int outside = 0;

	(void)state;
	assert_non_null(pool);
	rte_mempool_obj_iter(pool, count_outside, &outside);
	assert_true(outside > BUFFERS / 3);
	rte_mempool_free(pool);
}

static void
paged_buffers_are_whole(void **state)
{
	struct rte_mempool *pool = masq_pool_create(
			"whole", BUFFERS, 2176, true, SOCKET_ID_ANY, NULL);
	struct rte_mbuf **mbuf = calloc(BUFFERS, sizeof(*mbuf));

	(void)state;
	assert_non_null(pool);
	assert_non_null(mbuf);
	assert_true(rte_pktmbuf_data_room_size(pool) >= 2176);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, mbuf, BUFFERS), 0);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		uint16_t room = rte_pktmbuf_tailroom(mbuf[i]);
		char *data = rte_pktmbuf_append(mbuf[i], room);

		assert_int_equal(room, rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM);
		memset(data, (int)i, room);
		assert_int_equal(rte_pktmbuf_iova(mbuf[i]), rte_mem_virt2iova(data));
	}
	for (unsigned int i = 0; i < BUFFERS; i++) {
		const char *data = rte_pktmbuf_mtod(mbuf[i], const char *);

		assert_ptr_equal(mbuf[i]->pool, pool);
		assert_int_equal(data[0], (char)i);
		assert_int_equal(data[rte_pktmbuf_data_len(mbuf[i]) - 1], (char)i);
	}
	rte_pktmbuf_free_bulk(mbuf, BUFFERS);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	free(mbuf);
	rte_mempool_free(pool);
}

static void
what_does_not_go_is_said(void **state)
{
	struct masq_err err = { 0 };

	(void)state;
	assert_null(masq_pool_create("jumbo", 1024, 9792, true, SOCKET_ID_ANY, &err));
	assert_string_equal(err.text,
			"net_af_xdp needs buffers of one page: with such a port, no port can have "
			"an mtu over 3456");
	assert_null(masq_pool_create("many", 1u << 24, 2176, true, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "no memory for 16777216 packet buffers of 4096 bytes"));
	assert_null(masq_pool_create("many", 1u << 24, 2176, false, SOCKET_ID_ANY, &err));
	assert_non_null(strstr(err.text, "no memory for 16777216 packet buffers of 2176 bytes"));
	/* Nothing was left behind: the name is free. */
	for (int i = 0; i < 2; i++) {
		struct rte_mempool *pool = masq_pool_create(
				"many", 1024, 2176, true, SOCKET_ID_ANY, &err);

		assert_non_null(pool);
		rte_mempool_free(pool);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paged_buffers_lie_where_af_xdp_expects_them),
		cmocka_unit_test(plain_buffers_do_not_without_hugepages),
		cmocka_unit_test(paged_buffers_are_whole),
		cmocka_unit_test(what_does_not_go_is_said),
	};

	(void)argc;
	masq_test_eal_init(argv[0], "128");
	return cmocka_run_group_tests_name("dp/pool", tests, NULL, NULL);
}
