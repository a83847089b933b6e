/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_FRAG_H
#define MASQ_FRAG_H

#include <stdint.h>

#include <masq_drop.h>
#include <masq_err.h>

/**
 * @file
 * Fragments: one worker's reassembly, and cutting packets to an MTU. No I/O. Fragments of one
 * datagram all reach the same worker, because fragments hash over addresses only.
 */

struct masq_frag;
struct rte_mbuf;
struct rte_mempool;

#define MASQ_FRAG_PIECES_MAX 64 /**< fragments of one datagram: 64 KB over an MTU of 1044 */
#define MASQ_FRAG_DATAGRAMS_MAX (UINT32_C(1) << 20)

struct masq_frag_config {
	uint32_t datagrams; /**< that may be incomplete at the same time, all sources */
	uint32_t per_source; /**< incomplete datagrams of one source address; 1..datagrams */
	/**
	 * Fragments that may be held at the same time, all sources: so many packet buffers can be
	 * bound here. At least MASQ_FRAG_PIECES_MAX; 0: eight for each of datagrams. One source
	 * may hold its part of them, fragments * per_source / datagrams, or MASQ_FRAG_PIECES_MAX
	 * if that is more.
	 */
	uint32_t fragments;
	uint32_t timeout_ms; /**< from the first fragment seen; RFC 791 says 15 s, 2.2 had 30 s */
	int socket_id;
};

/** What became of a fragment. */
struct masq_frag_result {
	struct rte_mbuf *whole; /**< the datagram when this fragment completed it, else NULL */
	uint32_t held; /**< 1: the fragment is kept and waits for others */
	uint32_t merged; /**< fragments that ended in @ref whole, besides one (whole itself) */
	enum masq_drop reason; /**< why fragments were given up, the same for all of them */
	uint32_t n_dropped; /**< how many were given up and are in @ref dropped */
	/** The caller counts and frees them. Of a datagram that timed out or was pushed out they
	 * stand in order of their offset, so [0] is its first fragment if that had arrived. */
	struct rte_mbuf *dropped[MASQ_FRAG_PIECES_MAX];
};

/** @return this worker's table; NULL: err says which value is wrong, or that memory is short */
struct masq_frag *masq_frag_create(const struct masq_frag_config *config, struct masq_err *err);

/** Frees what is held too. NULL is fine. */
void masq_frag_destroy(struct masq_frag *frag);

/**
 * Take one fragment. Constant time but for the walk over one datagram's pieces.
 *
 * FRAG_BAD, the fragment alone: impossible offset or length; a first fragment that does not hold
 * the whole TCP, UDP or ICMP header, or a later one that reaches into it (reference 5.4).
 * FRAG_BAD, the whole datagram: fragments disagree about where it ends, or all of it with the first
 * one's header is more than a packet can be.
 * FRAG_OVERLAP, the fragment alone: it is there already (same range); the datagram stays.
 * FRAG_OVERLAP, the whole datagram: a fragment overlaps others in part. What arrives later of a
 * datagram that was refused is refused too, until its time is over (RFC 5722's reasoning).
 * FRAG_MEMORY: a limit is reached; the oldest incomplete datagram of the source, or of all, is
 * given up. FRAG_TIMEOUT: this one starts a datagram anew whose time was over.
 *
 * Fragments that came by different ports (mbuf->port) never make one datagram.
 * A completed datagram is one contiguous packet when it fits the buffer of its first fragment, else
 * a chain whose first segment holds all headers; its IP header is that of the first fragment, says
 * "not a fragment" (DF is off too) and has a right checksum. A CE mark of any fragment is kept
 * (RFC 3168 5.3). The NIC's verdict on checksums and its hash are taken off the mbuf.
 *
 * @param frag	this worker's
 * @param mbuf	fragment that passed the parser; owned by @p frag from now on unless it comes back.
 *	A packet that is no fragment comes back as whole.
 * @param l3_offset	of its IP header from the start of the frame
 * @param now_ms	clock; never goes back
 * @param result	out
 */
void masq_frag_push(struct masq_frag *frag, struct rte_mbuf *mbuf, uint16_t l3_offset,
		uint64_t now_ms, struct masq_frag_result *result);

/**
 * Give up datagrams whose time is over; at most one a call: call again while n_dropped is not 0.
 * Returns through @p result like masq_frag_push().
 */
void masq_frag_tick(struct masq_frag *frag, uint64_t now_ms, struct masq_frag_result *result);

/** @return fragments that are held now */
uint32_t masq_frag_held(const struct masq_frag *frag);

/**
 * Cut a packet that is too long for a link, by copying. Headers are copied as RFC 791 says (options:
 * only those with the copied bit in later fragments). Reads chains; makes single buffers, so with
 * an MTU beyond a buffer's size fragments are as long as a buffer. A fragment is cut into smaller
 * ones: its offset and its MF are kept. Does not look at DF, whose judge is the caller; a set DF
 * stays set. Transport checksums must be in the packet already, no NIC can fill them in any more.
 *
 * @param pool	of the new buffers
 * @param mbuf	packet with Ethernet header; freed by the callee on success. One that fits the link
 *	becomes out[0] itself.
 * @param l3_offset	of its IP header
 * @param mtu	IP bytes, at least 68
 * @param out	out: fragments with their Ethernet header copied; capacity @p max; untouched on
 *	failure but for -ENOMEM
 * @return number of fragments; -ENOMEM, -EMSGSIZE (more than max), -EINVAL (no whole IP packet, or
 *	an MTU or buffers that are too small): nothing happened to mbuf
 */
int masq_frag_cut(struct rte_mempool *pool, struct rte_mbuf *mbuf, uint16_t l3_offset, uint16_t mtu,
		struct rte_mbuf **out, unsigned int max);

#endif /* MASQ_FRAG_H */
