/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of packet buffers. masq_pool_plan.c says which pools there are.
 *
 * plain   as DPDK lays it out: buffers are adjacent, but none crosses the end of a memory page
 * paged   each buffer is one page of 4096 bytes, and page i follows page i - 1
 *
 * Why two. net_af_xdp gives the pool's memory to the kernel as its UMEM and computes its size as
 * "buffers times bytes of one". If a page holds only whole buffers, some bytes remain at its end,
 * and the pool is longer than that product. The kernel refuses the buffers beyond it: it takes them
 * off the fill queue, increments no counter that a user can see, and neither fills nor returns
 * them. With pages of 4 KB (no hugepages) that is two of five buffers, and receiving stops for good
 * once all of these have had their turn; with pages of 2 MB it is one in a thousand. If a buffer is
 * a page, product and length agree, and no buffer crosses a page, which zero-copy on 4 KB pages
 * requires, too.
 *
 * All other devices get plain buffers: without hugepages these take a page each as well, with
 * hugepages about half of one, and their headers then spread over all sets of a cache.
 *
 * Control thread, at start.
 */
#include "masq_pool.h"

#include <errno.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>

#include <masq_err.h>

#define CACHE 256
/* A buffer has to be a page, so there must be no padding that spreads buffers over memory channels. */
#define PAGED_FLAGS RTE_MEMPOOL_F_NO_SPREAD
#define AROUND RTE_ALIGN(sizeof(struct rte_mempool_objhdr), RTE_MEMPOOL_ALIGN)
/* The kernel reserves this much before a received frame for XDP programs (XDP_PACKET_HEADROOM). */
#define KERNEL_HEADROOM 256

static void
free_memory(struct rte_mempool_memhdr *chunk, void *zone)
{
	(void)chunk;
	rte_memzone_free(zone);
}

/* The memory is contiguous for the process, but a NIC may see its pages elsewhere. */
static void
init_buffer(struct rte_mempool *pool, void *arg, void *buffer, unsigned int i)
{
	rte_mempool_get_header(buffer)->iova = rte_mem_virt2iova(buffer);
	rte_pktmbuf_init(pool, arg, buffer, i);
}

/* Give @p pool its memory. On failure the caller frees the pool. */
static int
populate(struct rte_mempool *pool, const char *name, size_t page)
{
	const struct rte_memzone *zone = rte_memzone_reserve_aligned(
			name, pool->size * page, pool->socket_id, 0, (unsigned int)page);
	int ret;

	if (zone == NULL)
		return -rte_errno;
	ret = rte_mempool_populate_iova(pool, zone->addr, zone->iova, zone->len, free_memory,
			(void *)(uintptr_t)zone);
	if (ret <= 0) {
		rte_memzone_free(zone);
		return ret < 0 ? ret : -ENOBUFS;
	}
	return (uint32_t)ret == pool->size ? 0 : -ENOBUFS;
}

static struct rte_mempool *
create_paged(const char *name, uint32_t n, size_t page, int node)
{
	size_t buffer = page - AROUND;
	struct rte_pktmbuf_pool_private private = {
		.mbuf_data_room_size = (uint16_t)(buffer - sizeof(struct rte_mbuf)),
	};
	struct rte_mempool *pool = rte_mempool_create_empty(
			name, n, (unsigned int)buffer, CACHE, sizeof(private), node, PAGED_FLAGS);
	int ret;

	if (pool == NULL)
		return NULL;
	ret = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (ret == 0) {
		rte_pktmbuf_pool_init(pool, &private);
		ret = populate(pool, name, page);
	}
	if (ret != 0) {
		rte_mempool_free(pool);
		rte_errno = -ret;
		return NULL;
	}
	rte_mempool_obj_iter(pool, init_buffer, NULL);
	return pool;
}

struct rte_mempool *
masq_pool_create(const char *name, uint32_t n, uint16_t room, bool is_paged, int node,
		struct masq_err *err)
{
	struct rte_mempool *pool;
	size_t page = (size_t)getpagesize();
	size_t most = page - AROUND - sizeof(struct rte_mbuf) - KERNEL_HEADROOM;

	if (is_paged && room > most) {
		masq_err_set(err, EINVAL,
				"net_af_xdp needs buffers of one page: with such a port, no port "
				"can have an mtu over %zu",
				most - RTE_PKTMBUF_HEADROOM - MASQ_POOL_FRAME_EXTRA);
		rte_errno = EINVAL;
		return NULL;
	}
	pool = is_paged ? create_paged(name, n, page, node)
			: rte_pktmbuf_pool_create(name, n, CACHE, 0, room, node);
	if (pool != NULL)
		return pool;
	masq_err_set(err, ENOMEM,
			"no memory for %u packet buffers of %zu bytes (%s); raise memory in "
			"[daemon], or lower mbufs",
			n, is_paged ? page : room, rte_strerror(rte_errno));
	rte_errno = ENOMEM;
	return NULL;
}
