/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Letters: questions of the control thread that need a worker's tables. First the worker's side,
 * at the end the control thread's.
 *
 * A letter comes through a mailbox that holds one. The worker takes it out, so that it is not taken
 * back while being read, answers it between two bursts, in pieces if that takes long, and sets done
 * (release). Until then the letter belongs to the worker, whether the control thread still waits or
 * not.
 *
 * Stuck workers. The control thread waits for a worker in short naps, but not for ever. It takes
 * back a letter that the worker has not begun to answer. A letter that the worker has begun stays
 * with it: question, answer and rows are in the letter, which lives as long as the worker, so a
 * worker that comes back and finishes it touches nothing of the caller's. Until then it gets no
 * other letter.
 *
 * A piece of a letter about sessions examines up to PIECE_RECORDS records, or ends up to FLUSH_MAX
 * sessions. The letter covers up to LETTER_RECORDS records; about the next ones the control thread
 * asks again.
 */
#include "masq_mail.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_cycles.h>

#include "masq_dp_priv.h"
#include "masq_life.h"
#include "masq_snapshot.h"
#include "masq_tally.h"
#include "masq_worker.h"

#define LETTER_RECORDS 1024 /* records that a letter about sessions covers */
#define PIECE_RECORDS 32 /* records of a letter examined per piece */
#define FLUSH_MAX 8 /* sessions that a flush ends per piece */

static_assert(FLUSH_MAX <= MASQ_SESSION_FETCH_MAX, "what a piece ends is fetched in one go");
static_assert(LETTER_RECORDS % PIECE_RECORDS == 0, "a letter ends with a piece");

static bool
in_prefix(uint32_t addr, struct masq_ip4_prefix prefix)
{
	return ((addr ^ prefix.addr) & masq_ip4_mask(prefix.len)) == 0;
}

static bool
port_matches(uint16_t wanted, rte_be16_t port)
{
	return wanted == 0 || wanted == rte_be_to_cpu_16(port);
}

/* Compare inside host, outside peer and external side, whichever side opened the session. */
static bool
matches(const struct masq_dp_session_filter *f, const struct masq_session_row *row)
{
	const struct masq_tuple *initial = &row->initial, *reply = &row->reply;
	bool went_out = row->kind == MASQ_SESSION_MASQ;
	uint32_t inside = rte_be_to_cpu_32(went_out ? initial->src : reply->src);
	uint32_t outside = rte_be_to_cpu_32(went_out ? initial->dst : initial->src);
	uint32_t masq = rte_be_to_cpu_32(went_out ? reply->dst : initial->dst);

	return (f->proto == 0 || f->proto == initial->proto) && in_prefix(inside, f->inside) &&
			in_prefix(outside, f->outside) && in_prefix(masq, f->masq) &&
			port_matches(f->inside_port, went_out ? initial->sport : reply->sport) &&
			port_matches(f->outside_port, went_out ? initial->dport : initial->sport) &&
			port_matches(f->masq_port, went_out ? reply->dport : initial->dport) &&
			(!f->has_state || f->state == row->state) &&
			(!f->has_kind || f->kind == row->kind);
}

/* Number of records from here to the end of the piece. */
static uint32_t
left_of_piece(const struct masq_letter *letter)
{
	return PIECE_RECORDS - letter->cursor % PIECE_RECORDS;
}

/* Is the letter answered? */
static bool
is_letter_end(const struct masq_worker *w, struct masq_letter *letter)
{
	letter->end = letter->cursor >= masq_session_capacity(w->sessions);
	return letter->end || letter->cursor % LETTER_RECORDS == 0;
}

/* Answer a piece of a listing: append the rows of some records. */
static bool
answer_sessions(struct masq_worker *w, struct masq_letter *letter)
{
	struct masq_session_row *rows = &letter->sessions[letter->n];
	unsigned int n, kept = 0;

	n = masq_session_rows(w->sessions, &letter->cursor, &w->snapshot->timeouts, w->now_ms,
			left_of_piece(letter), rows, letter->max - letter->n);
	for (unsigned int k = 0; k < n; k++)
		if (matches(&letter->filter, &rows[k]))
			rows[kept++] = rows[k];
	letter->n += kept;
	return is_letter_end(w, letter) || letter->n == letter->max;
}

/* Answer a piece of a flush: examine some records, and end the sessions that match. */
static bool
answer_flush(struct masq_worker *w, struct masq_letter *letter)
{
	uint32_t stop = RTE_MIN(
			letter->cursor + left_of_piece(letter), masq_session_capacity(w->sessions));
	uint32_t matching[FLUSH_MAX];
	struct masq_session_row row;
	unsigned int n = 0;

	while (letter->cursor < stop && n < FLUSH_MAX) {
		uint32_t session = letter->cursor;

		/* Sessions whose removal has begun have no row. */
		if (masq_session_rows(w->sessions, &letter->cursor, &w->snapshot->timeouts,
				    w->now_ms, 1, &row, 1) != 0 &&
				masq_session_at(w->sessions, session)->reply != MASQ_HALF_NONE &&
				matches(&letter->filter, &row))
			matching[n++] = session;
	}
	masq_session_fetch(w->sessions, matching, n);
	for (unsigned int k = 0; k < n; k++)
		masq_life_end(w, matching[k]);
	letter->n += n;
	return is_letter_end(w, letter);
}

/* @return false: to be continued in the next round */
static bool
answer(struct masq_worker *w, struct masq_letter *letter)
{
	switch (letter->kind) {
	case MASQ_LETTER_SESSIONS:
		return answer_sessions(w, letter);
	case MASQ_LETTER_FLUSH:
		return answer_flush(w, letter);
	case MASQ_LETTER_NEIGHBOURS:
		letter->n = masq_neigh_rows(
				w->neigh, &letter->cursor, letter->neighbours, letter->max);
		break;
	case MASQ_LETTER_NEIGH_FLUSH:
		masq_neigh_flush(w->neigh, letter->ip);
		break;
	case MASQ_LETTER_RULE_COUNTERS:
		return masq_tally_picture_some(w);
	}
	return true;
}

void
masq_mail_answer(struct masq_worker *w)
{
	struct masq_letter *letter = w->mail.open;

	if (likely(letter == NULL)) {
		if (likely(atomic_load_explicit(&w->mail.posted, memory_order_relaxed) == NULL))
			return;
		letter = atomic_exchange_explicit(&w->mail.posted, NULL, memory_order_acquire);
		if (letter == NULL)
			return;
	}
	w->mail.open = answer(w, letter) ? NULL : letter;
	if (w->mail.open == NULL)
		atomic_store_explicit(&letter->done, true, memory_order_release);
}

/* ---------------------------------------------------------------- control thread */

/* Wait for the letter to come back. If no thread runs the workers, answer on their behalf. @return
 * false: time is up */
static bool
wait_for_answer(const struct masq_dp *dp, struct masq_worker *w, uint64_t until)
{
	while ((dp->mode == MASQ_DP_MANUAL || !dp->running) &&
			!atomic_load_explicit(&w->mail.letter->done, memory_order_relaxed))
		masq_mail_answer(w);
	while (!atomic_load_explicit(&w->mail.letter->done, memory_order_acquire)) {
		if (rte_rdtsc() >= until)
			return false;
		usleep(MASQ_NAP_US);
	}
	return true;
}

struct masq_letter *
masq_mail_letter(struct masq_dp *dp, uint32_t worker, enum masq_letter_kind kind)
{
	struct masq_worker *w = dp->workers[worker];
	struct masq_letter *letter = w->mail.letter;

	if (!wait_for_answer(dp, w, rte_rdtsc() + dp->answer_ms * dp->tsc_per_ms))
		return NULL;
	letter->kind = kind;
	letter->cursor = 0;
	letter->max = MASQ_LETTER_ROWS;
	letter->n = 0;
	letter->end = false;
	return letter;
}

int
masq_mail_ask(struct masq_dp *dp, uint32_t worker)
{
	struct masq_worker *w = dp->workers[worker];
	const uint64_t begin = rte_rdtsc();
	struct masq_letter *letter = w->mail.letter, *expected = letter;

	atomic_store_explicit(&letter->done, false, memory_order_relaxed);
	atomic_store_explicit(&w->mail.posted, letter, memory_order_release);
	if (wait_for_answer(dp, w, begin + dp->answer_ms * dp->tsc_per_ms))
		return 0;
	/* Take the letter back. If it is gone, the worker has begun: the answer takes long, or the
	 * worker is stuck. Whatever the worker does with the letter then, it does in its own
	 * memory. */
	if (atomic_compare_exchange_strong(&w->mail.posted, &expected, NULL)) {
		atomic_store_explicit(&letter->done, true, memory_order_relaxed);
		return -ETIMEDOUT;
	}
	return wait_for_answer(dp, w, begin + dp->take_over_ms * dp->tsc_per_ms) ? 0 : -ETIMEDOUT;
}
