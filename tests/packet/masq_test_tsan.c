/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Some functions of DPDK's libraries are defined here once more and stand before those. They call them, and tell
 * ThreadSanitizer who meets whom.
 */
#include "masq_test_tsan.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* as gcc says it */
#endif
#endif

#ifndef __SANITIZE_THREAD__

void
masq_test_tsan_init(void)
{
}

void
masq_test_tsan_give(void *thing)
{
	(void)thing;
}

void
masq_test_tsan_take(void *thing)
{
	(void)thing;
}

void
masq_test_tsan_peek(bool peek)
{
	(void)peek;
}

#else

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#define POOL_OPS "masq_tsan"

void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

void
masq_test_tsan_give(void *thing)
{
	__tsan_release(thing);
}

void
masq_test_tsan_take(void *thing)
{
	__tsan_acquire(thing);
}

void
masq_test_tsan_peek(bool peek)
{
	if (peek)
		AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	else
		AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

/* ---------------------------------------------------------------- buffers that go back to their pool */

static const struct rte_mempool_ops *
usual_ops(void)
{
	for (unsigned int i = 0; i < rte_mempool_ops_table.num_ops; i++)
		if (strcmp(rte_mempool_ops_table.ops[i].name, "ring_mp_mc") == 0)
			return &rte_mempool_ops_table.ops[i];
	abort();
}

static int
pool_alloc(struct rte_mempool *pool)
{
	return usual_ops()->alloc(pool);
}

static void
pool_free(struct rte_mempool *pool)
{
	usual_ops()->free(pool);
}

static unsigned int
pool_count(const struct rte_mempool *pool)
{
	return usual_ops()->get_count(pool);
}

static int
pool_put(struct rte_mempool *pool, void *const *objects, unsigned int n)
{
	for (unsigned int k = 0; k < n; k++)
		__tsan_release(objects[k]);
	return usual_ops()->enqueue(pool, objects, n);
}

static int
pool_get(struct rte_mempool *pool, void **objects, unsigned int n)
{
	int ret = usual_ops()->dequeue(pool, objects, n);

	for (unsigned int k = 0; ret == 0 && k < n; k++)
		__tsan_acquire(objects[k]);
	return ret;
}

static const struct rte_mempool_ops pool_ops = {
	.name = POOL_OPS,
	.alloc = pool_alloc,
	.free = pool_free,
	.enqueue = pool_put,
	.dequeue = pool_get,
	.get_count = pool_count,
};

RTE_MEMPOOL_REGISTER_OPS(pool_ops)

void
masq_test_tsan_init(void)
{
	if (rte_mbuf_set_user_mempool_ops(POOL_OPS) != 0)
		abort();
}

/* ---------------------------------------------------------------- packets in memory ports */

static eth_rx_burst_t receive;
static eth_tx_burst_t transmit;

static uint16_t
receive_and_tell(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	n = receive(queue, mbufs, n);
	for (unsigned int k = 0; k < n; k++)
		__tsan_acquire(mbufs[k]);
	return n;
}

static uint16_t
tell_and_transmit(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	for (unsigned int k = 0; k < n; k++)
		__tsan_release(mbufs[k]);
	return transmit(queue, mbufs, n);
}

/* All memory ports have the same two functions. */
int
rte_eth_dev_start(uint16_t port_id)
{
	static int (*real)(uint16_t);
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port_id];
	int ret;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "rte_eth_dev_start");
	ret = real(port_id);
	if (ret != 0)
		return ret;
	receive = ops->rx_pkt_burst;
	transmit = ops->tx_pkt_burst;
	ops->rx_pkt_burst = receive_and_tell;
	ops->tx_pkt_burst = tell_and_transmit;
	return 0;
}

/* ---------------------------------------------------------------- beginning and end of a worker */

static struct {
	lcore_function_t *run;
	void *arg;
} lcore[RTE_MAX_LCORE];

static int
run_and_tell(void *arg)
{
	unsigned int id = rte_lcore_id();
	int ret;

	__tsan_acquire(&lcore[id]);
	ret = lcore[id].run(arg);
	__tsan_release(&lcore[id]);
	return ret;
}

int
rte_eal_remote_launch(lcore_function_t *f, void *arg, unsigned int worker_id)
{
	static int (*real)(lcore_function_t *, void *, unsigned int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "rte_eal_remote_launch");
	lcore[worker_id].run = f;
	__tsan_release(&lcore[worker_id]);
	return real(run_and_tell, arg, worker_id);
}

int
rte_eal_wait_lcore(unsigned int worker_id)
{
	static int (*real)(unsigned int);
	int ret;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "rte_eal_wait_lcore");
	ret = real(worker_id);
	__tsan_acquire(&lcore[worker_id]);
	return ret;
}

#endif
