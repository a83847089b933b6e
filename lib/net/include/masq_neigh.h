/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_NEIGH_H
#define MASQ_NEIGH_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_err.h>

/**
 * @file
 * Neighbours: link addresses of next hops, asked for by ARP.
 *
 * One writer, the *keeper* (a worker that the data path names); all workers read. A neighbour is a
 * slot with one 64-bit word that says everything a packet needs: link address, whether it may be
 * used, and how often the slot was re-used. A session half remembers slot and use count
 * (struct masq_neigh_ref), so it notices without any message that the slot was given to another
 * neighbour. The keeper asks, ages and refreshes; it sends nothing itself, but returns the requests
 * to send as an array.
 *
 * Finding a slot by address uses rte_hash with lock-free readers; freed slots return to use after
 * a grace period of the data path's rte_rcu_qsbr variable.
 */

struct masq_neigh;
struct rte_rcu_qsbr;

/** Slot in the low 24 bits, its use count in the high 8. */
struct masq_neigh_ref {
	uint32_t value;
};

#define MASQ_NEIGH_REF_NONE UINT32_MAX

enum masq_neigh_state {
	MASQ_NEIGH_FREE,
	MASQ_NEIGH_ASKING, /**< no link address yet, requests are going out */
	MASQ_NEIGH_REACHABLE, /**< confirmed recently */
	MASQ_NEIGH_PROBING, /**< usable, being confirmed again */
	MASQ_NEIGH_UNREACHABLE, /**< did not answer; kept a while so that it is not asked at once */
};

/** What a packet needs to know, unpacked from the slot's word. */
struct masq_neigh_link {
	uint8_t mac[6];
	bool usable; /**< mac is valid: REACHABLE or PROBING */
	enum masq_neigh_state state;
};

#define MASQ_NEIGH_CAPACITY_MAX (UINT32_C(1) << 20)

struct masq_neigh_config {
	uint32_t capacity; /**< neighbours, 1..MASQ_NEIGH_CAPACITY_MAX; 90 bytes each */
	uint32_t ask_interval_ms; /**< between requests while ASKING or PROBING, e.g. 1000 */
	uint32_t ask_count; /**< requests before giving up, 1..255, e.g. 3 */
	uint32_t reachable_ms; /**< how long a confirmation holds, e.g. 60000 */
	uint32_t unreachable_ms; /**< how long a silent neighbour is remembered, e.g. 20000 */
	int socket_id;
	struct rte_rcu_qsbr
			*rcu; /**< the data path's; readers report there. NULL: one thread only */
};

/** What the keeper wants sent: an ARP request on @ref port for @ref ip. */
struct masq_neigh_ask {
	uint32_t ip; /**< host order */
	uint8_t port;
	bool unicast; /**< to mac (a probe), else broadcast */
	uint8_t mac[6]; /**< zero unless unicast */
};

/**
 * @param config	copied; its rcu must outlive the table
 * @return the table; NULL: err says which value is wrong, or that memory is short
 */
struct masq_neigh *masq_neigh_create(const struct masq_neigh_config *config, struct masq_err *err);

/** Free the table; no worker may read it any more or be online at the rcu variable. NULL is fine. */
void masq_neigh_destroy(struct masq_neigh *neigh);

/**
 * Find the slot of a neighbour. Any worker, between two of its quiescent reports; lock-free.
 *
 * @param port	where it is reached
 * @param ip	host order
 * @return its ref; MASQ_NEIGH_REF_NONE: unknown, ask the keeper
 */
struct masq_neigh_ref masq_neigh_find(const struct masq_neigh *neigh, uint8_t port, uint32_t ip);

/**
 * Make a slot in state ASKING, if the neighbour has none yet. Keeper only.
 *
 * A full table makes room by forgetting the UNREACHABLE neighbour that fell silent first, else the
 * one that has been in state ASKING for longest, if it did not answer the first request. So a scan of
 * silent addresses takes room from itself, not from neighbours that answer.
 *
 * @param ask	out: the request to send now; meaningful when the return value is 1
 * @return 1: new, send @p ask; 0: it existed; -ENOSPC: table full
 */
int masq_neigh_want(struct masq_neigh *neigh, uint8_t port, uint32_t ip, uint64_t now_ms,
		struct masq_neigh_ask *ask);

/**
 * Read a slot. Any worker; one relaxed 64-bit load; for the hot path. MASQ_NEIGH_REF_NONE and a
 * zeroed ref are allowed: they count as stale.
 *
 * @return the slot's word; 0 when the ref is stale or nothing usable is known. Nonzero: the low 48
 *	bits are the link address, first byte lowest.
 */
static inline uint64_t masq_neigh_word(const struct masq_neigh *neigh, struct masq_neigh_ref ref);

/** Everything about a slot, for the slow path. @return 0; -ESTALE: the slot has been re-used */
int masq_neigh_read(const struct masq_neigh *neigh, struct masq_neigh_ref ref,
		struct masq_neigh_link *link);

/**
 * An ARP message said that @p ip on @p port has @p mac. Keeper only.
 *
 * The caller must check that the sender may say so: that ip is no address of the box itself
 * and, with @p create, lies in a network of the port. A group or zero mac and ip 0 are ignored here.
 * If the table is full, a new neighbour gets a slot as in masq_neigh_want() or is not remembered.
 * If half of the table are neighbours that announced themselves and never answered a request, the
 * oldest of these makes room: forged senders take no more than that half.
 *
 * @param create	make a slot if there is none (whoever asks for us will be talked to);
 *	else an unknown sender is ignored (RFC 826 would update only)
 * @return true when a waiting neighbour became usable
 */
bool masq_neigh_heard(struct masq_neigh *neigh, uint8_t port, uint32_t ip, const uint8_t mac[6],
		bool create, uint64_t now_ms);

/**
 * Let time pass: repeat requests, probe old entries, give up, forget. Keeper only; examines at most
 * @p budget slots per call, round robin; there are two slots per neighbour of the capacity. A
 * probe goes to the known mac, but the last of several is broadcast: the neighbour may have moved.
 *
 * @param asks	out: requests to send, capacity @p max, at least 1; when it is full, the remaining
 *	slots wait for the next call
 * @return number of asks
 */
unsigned int masq_neigh_tick(struct masq_neigh *neigh, uint64_t now_ms, uint32_t budget,
		struct masq_neigh_ask *asks, unsigned int max);

/** Forget all neighbours, or those with address @p ip if that is not 0. Keeper only. */
void masq_neigh_flush(struct masq_neigh *neigh, uint32_t ip);

/** One row of "neigh show". */
struct masq_neigh_row {
	uint32_t ip;
	uint8_t port;
	enum masq_neigh_state state;
	uint8_t mac[6];
	uint64_t confirmed_ms; /**< clock of the last confirmation, 0: never */
};

/** Copy at most @p max rows from slot @p *cursor on, and advance the cursor. Keeper only.
 * @return number of rows copied; 0: end */
unsigned int masq_neigh_rows(const struct masq_neigh *neigh, uint32_t *cursor,
		struct masq_neigh_row *rows, unsigned int max);

/** @return "asking", "reachable", ... */
const char *masq_neigh_state_name(enum masq_neigh_state state);

#include <masq_neigh_inline.h>

#endif /* MASQ_NEIGH_H */
