/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_NEIGH_INLINE_H
#define MASQ_NEIGH_INLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_neigh.h>

/*
 * The word of a slot, read by one relaxed load. It is consistent by itself at any time, so it needs no
 * ordering with anything else:
 *
 *	bits  0-47	link address, first byte lowest; 0 while it is not known
 *	bits 48-55	use count of the slot, 1..255: incremented when the slot is freed, skipping 0
 *	bit  56		usable: REACHABLE or PROBING
 *	bits 57-59	enum masq_neigh_state
 *
 * A ref holds the use count, too, so one compare of bits 48-56 asks "is it still the same neighbour,
 * and may I use it?". Since no use count is 0 and no slot has number 0xffffff, neither a zeroed ref
 * nor MASQ_NEIGH_REF_NONE ever fits. racy: after 255 re-uses of one slot an old ref fits again; slots
 * are re-used in turn, so that takes 255 times all slots while one session stays silent.
 */
#define MASQ_NEIGH_WORD_MAC_MASK UINT64_C(0xffffffffffff)
#define MASQ_NEIGH_WORD_USE_SHIFT 48
#define MASQ_NEIGH_WORD_USABLE (UINT64_C(1) << 56)
#define MASQ_NEIGH_WORD_STATE_SHIFT 57
#define MASQ_NEIGH_REF_SLOT_MASK UINT32_C(0xffffff)
#define MASQ_NEIGH_REF_USE_SHIFT 24

struct masq_neigh_keeper;

/* Visible only so that masq_neigh_word() needs no call; use the functions. */
struct masq_neigh {
	struct masq_neigh_keeper *keeper; /* all that packets do not need */
	_Atomic uint64_t word[]; /* one per slot; written by the keeper */
};

static inline uint64_t
masq_neigh_word(const struct masq_neigh *neigh, struct masq_neigh_ref ref)
{
	uint64_t word;

	if (ref.value == MASQ_NEIGH_REF_NONE)
		return 0;
	word = atomic_load_explicit(
			&neigh->word[ref.value & MASQ_NEIGH_REF_SLOT_MASK], memory_order_relaxed);
	if ((word >> MASQ_NEIGH_WORD_USE_SHIFT & 0x1ff) !=
			(ref.value >> MASQ_NEIGH_REF_USE_SHIFT | 0x100))
		return 0;
	return word;
}

/** Is the word of @p ref still @p word, which masq_neigh_word() gave for it and which is not 0? */
static inline bool
masq_neigh_word_is(const struct masq_neigh *neigh, struct masq_neigh_ref ref, uint64_t word)
{
	return atomic_load_explicit(&neigh->word[ref.value & MASQ_NEIGH_REF_SLOT_MASK],
			       memory_order_relaxed) == word;
}

#endif /* MASQ_NEIGH_INLINE_H */
