/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_PATH_H
#define MASQ_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_err.h>

/**
 * @file
 * Paths: exact rule counters for packets that skip the chains.
 *
 * A path is the list of counter slots that a kind of packet matched, e.g. {input policy, forward
 * rule 3, output policy}. Identical lists share an index, and a rule's counters are the sum over the
 * paths that contain it. A packet without a session adds to its path's counter. Packets of a session
 * are counted by their half (struct masq_half), which adds its count to the path's counter when it
 * leaves the path (lib/dp/masq_tally.h).
 *
 * One table per worker and rule set. Only that worker touches it, except for the *picture*: a copy of
 * the counters at one moment, with what halves have not added yet, for the control thread to read.
 * All memory is taken at creation.
 */

struct masq_path_table;

/** What was counted. */
struct masq_path_counter {
	uint64_t packets;
	uint64_t bytes;
};

#define MASQ_PATH_NONE UINT32_MAX
#define MASQ_PATH_PATHS_MAX (1u << 30)

/**
 * Make a table: no paths, all counters 0.
 *
 * @param paths	capacity in paths, at most MASQ_PATH_PATHS_MAX
 * @param links	capacity in list entries, all paths together
 * @param slots	counter slots of the rule set
 */
struct masq_path_table *masq_path_create(uint32_t paths, uint32_t links, uint32_t slots,
		int socket_id, struct masq_err *err);
void masq_path_destroy(struct masq_path_table *table);

/** @return bytes of memory that this table takes */
uint64_t masq_path_bytes(const struct masq_path_table *table);

/**
 * Index of a path, which is added if it is new. Worker only; no allocation.
 *
 * @param slots	n_slots counter slots in the order of matching
 * @return index; MASQ_PATH_NONE: the table is full, count with masq_path_count_slots()
 */
uint32_t masq_path_intern(struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots);

/** The array that the hot path indexes with a path. Constant while the table lives. */
struct masq_path_counter *masq_path_counters(struct masq_path_table *table);

/**
 * Count one packet. Worker only.
 *
 * @param counters	masq_path_counters() of the table
 */
static inline void
masq_path_count(struct masq_path_counter *counters, uint32_t path, uint32_t bytes)
{
	counters[path].packets++;
	counters[path].bytes += bytes;
}

/** Count one packet on each slot directly, without a path; unknown slots are skipped. Worker only. */
void masq_path_count_slots(struct masq_path_table *table, const uint32_t *slots, uint32_t n_slots,
		uint32_t bytes);

/**
 * Add to a path what a half has counted for it. To take off what the half counted for another path,
 * pass the numbers negated, modulo 2^64. Worker only.
 */
void
masq_path_settle(struct masq_path_table *table, uint32_t path, uint64_t packets, uint64_t bytes);

/** Begin a picture: what masq_path_sum() reads. Worker only, while nobody sums. */
void masq_path_picture_begin(struct masq_path_table *table);

/**
 * Copy the next counters into the picture. Worker only.
 *
 * @param budget	at most so many paths per call
 * @return true: the picture has all of them
 */
bool masq_path_picture_counters(struct masq_path_table *table, uint32_t budget);

/**
 * Add to the picture what a half has counted for @p path and has not settled, or settles now. If the
 * path's counter is copied later, the copy overwrites this, and contains all that is settled by then.
 * Worker only.
 */
void masq_path_picture_add(
		struct masq_path_table *table, uint32_t path, uint64_t packets, uint64_t bytes);

/**
 * Add up: out[slot] += packets and bytes of all paths in the picture, and of direct counts. Any thread
 * that has acquired the worker's release of the finished picture.
 *
 * @param out	n_slots counters; slots that the table does not have add nothing
 */
void
masq_path_sum(const struct masq_path_table *table, struct masq_path_counter *out, uint32_t n_slots);

#endif /* MASQ_PATH_H */
