/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FRAG_H
#define MASQ_FRAG_H

#include <stdint.h>

#include <masq_drop.h>
#include <masq_err.h>

/**
 * @file
 * Fragments: one worker's reassembly, and cutting packets to an MTU. No I/O. All fragments of a
 * datagram reach the same worker, because fragments are hashed over addresses only.
 */

struct masq_frag;
struct rte_mbuf;
struct rte_mempool;

#define MASQ_FRAG_PIECES_MAX 64 /**< fragments of one datagram: 64 KB over an MTU of 1044 */
#define MASQ_FRAG_DATAGRAMS_MAX (UINT32_C(1) << 20)

struct masq_frag_config {
	uint32_t datagrams; /**< incomplete datagrams at the same time, from all sources */
	uint32_t per_source; /**< incomplete datagrams of one source address; 1..datagrams */
	/**
	 * Fragments held at the same time, from all sources: as many packet buffers can be bound here.
	 * At least MASQ_FRAG_PIECES_MAX; 0: eight per datagram. One source may hold its share,
	 * fragments * per_source / datagrams, or MASQ_FRAG_PIECES_MAX if that is more.
	 */
	uint32_t fragments;
	uint32_t timeout_ms; /**< from the first fragment seen on; RFC 791 says 15 s, 2.2 had 30 s */
	int socket_id;
};

/** What became of a fragment. */
struct masq_frag_result {
	struct rte_mbuf *whole; /**< the datagram when this fragment completed it, else NULL */
	uint32_t held; /**< 1: the fragment is kept and waits for others */
	uint32_t merged; /**< fragments that became part of @ref whole, not counting the first */
	enum masq_drop reason; /**< why fragments were given up, the same for all of them */
	uint32_t n_dropped; /**< how many were given up and are in @ref dropped */
	/** For the caller to count and free. Those of a datagram that timed out or was evicted are in
	 * the order of their offsets, so [0] is the first fragment if that had arrived. */
	struct rte_mbuf *dropped[MASQ_FRAG_PIECES_MAX];
};

/** @return a worker's table; NULL: err says which value is wrong, or that memory is short */
struct masq_frag *masq_frag_create(const struct masq_frag_config *config, struct masq_err *err);

/** Free the table and the fragments that it holds. NULL is fine. */
void masq_frag_destroy(struct masq_frag *frag);

/**
 * Take one fragment. Constant time, except for a walk over the pieces of its datagram.
 *
 * FRAG_BAD, the fragment alone: impossible offset or length; a first fragment that does not hold
 * the whole TCP, UDP or ICMP header, or a later one that begins inside of it (reference 5.4).
 * FRAG_BAD, the whole datagram: fragments disagree about its end, or its data and the header of the
 * first fragment together exceed the maximal length of a packet.
 * FRAG_OVERLAP, the fragment alone: a duplicate (same range); the datagram stays.
 * FRAG_OVERLAP, the whole datagram: a fragment partly overlaps others. Later fragments of a refused
 * datagram are refused, too, until it times out (as RFC 5722 argues).
 * FRAG_MEMORY: a limit is reached; the oldest incomplete datagram of the source, or of all, is
 * given up, and one of more than MASQ_FRAG_PIECES_MAX fragments is refused.
 * FRAG_TIMEOUT: the fragment belongs to a datagram that timed out, and starts a new one.
 *
 * Fragments that came by different ports (mbuf->port) never form one datagram.
 * A completed datagram is one contiguous packet if it fits the buffer of its first fragment, else
 * a chain whose first segment holds all headers. Its IP header is that of the first fragment, says
 * "not a fragment" (DF is cleared, too) and has a correct checksum. A CE mark of any fragment is kept
 * (RFC 3168 5.3). The NIC's checksum verdict and hash are cleared in the mbuf.
 *
 * @param frag	table of the calling worker
 * @param mbuf	fragment that passed the parser; owned by @p frag from now on unless it comes back.
 *	A packet that is no fragment comes back as whole.
 * @param l3_offset	of its IP header from the start of the frame
 * @param now_ms	clock; never goes back
 * @param result	out
 */
void masq_frag_push(struct masq_frag *frag, struct rte_mbuf *mbuf, uint16_t l3_offset,
		uint64_t now_ms, struct masq_frag_result *result);

/**
 * Give up a datagram that has timed out; call again while n_dropped is not 0. Returns through
 * @p result like masq_frag_push().
 */
void masq_frag_tick(struct masq_frag *frag, uint64_t now_ms, struct masq_frag_result *result);

/** @return number of fragments held now; other threads may ask, too, and get a number of a moment ago */
uint32_t masq_frag_held(const struct masq_frag *frag);

/**
 * Cut a packet that is too long for a link, by copying. Headers are copied as RFC 791 says (options:
 * only those with the copied bit in later fragments). Reads chains; makes single buffers, so if the
 * MTU exceeds a buffer, fragments are as long as a buffer. A fragment is cut into smaller
 * ones: its offset and its MF are kept. Does not look at DF, which the caller judges; a set DF stays
 * set. Transport checksums must be in the packet already: no NIC can fill them in any more.
 *
 * @param pool	of the new buffers
 * @param mbuf	packet with Ethernet header; freed on success. If it fits the link, it becomes out[0]
 *	itself.
 * @param l3_offset	of its IP header
 * @param mtu	IP bytes, at least 68
 * @param out	out: fragments with their Ethernet header copied; capacity @p max; untouched on
 *	failure but for -ENOMEM
 * @return number of fragments; -ENOMEM, -EMSGSIZE (more than max), -EINVAL (no whole IP packet, or
 *	the MTU or the buffers are too small): mbuf is unchanged
 */
int masq_frag_cut(struct rte_mempool *pool, struct rte_mbuf *mbuf, uint16_t l3_offset, uint16_t mtu,
		struct rte_mbuf **out, unsigned int max);

#endif /* MASQ_FRAG_H */
