/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Housekeeping: what a worker does once a millisecond besides packets, in bounded pieces, so that
 * the gap between two polls stays short whatever happens: fragments that waited too long,
 * parked packets, neighbours (worker 0). And each round: a piece of the sessions that are due, questions
 * of the control thread.
 *
 * Expiry has to keep up with the making of sessions, or short connections fill the table. So a
 * millisecond ends up to EXPIRE_A_MS of them, 256 000 a second, but a round few: one that lies anywhere in
 * memory costs some ten cold lines of the cache, and with small pages as many page walks.
 *
 * Questions come through a mailbox of one letter. The worker takes it out, so that nobody takes it
 * back while it is read, answers it, in pieces if it takes long, and says done (release). Until then
 * the letter is the worker's, whether the control thread still waits or not (masq_dp_read.c).
 */
#include <string.h>

#include <rte_mbuf.h>

#include "masq_slow.h"
#include "masq_tally.h"

#define EXPIRE_LOOKS 64 /* records looked at a round */
#define EXPIRE_MAX 16 /* sessions ended a round */
#define EXPIRE_A_MS 256 /* sessions ended a millisecond */
#define REARM_BUDGET 64
#define SWEEP_BUDGET 64 /* half-open sessions looked at a round */
#define FRAG_BUDGET 8 /* datagrams given up a round */
#define ROWS_SCAN 1024
#define FLUSH_SCAN 256

static_assert(EXPIRE_MAX <= MASQ_SESSION_FETCH_MAX, "what a round ends is fetched in one go");

void
masq_worker_expire(struct masq_worker *w)
{
	uint32_t expired[EXPIRE_MAX];
	unsigned int n = masq_session_tick(w->sessions, &w->snapshot->timeouts, w->now_ms,
			EXPIRE_LOOKS, expired, RTE_MIN(w->may_expire, (unsigned int)EXPIRE_MAX));

	w->may_expire -= n;
	if (!masq_session_is_due(w->sessions, w->now_ms))
		w->may_expire = 0;
	masq_session_fetch(w->sessions, expired, n);
	for (unsigned int k = 0; k < n; k++) {
		/* Flushed a moment ago, and the colleague has not answered yet. */
		if (masq_session_at(w->sessions, expired[k])->dying)
			continue;
		w->counters.sessions_expired += masq_session_end(w, expired[k]);
	}
	w->counters.sessions = masq_session_count(w->sessions);
}

/* Timeouts were changed: existing sessions shall end by the new ones. */
static void
rearm(struct masq_worker *w)
{
	const struct masq_conf_timeouts *timeouts = &w->snapshot->timeouts;

	if (memcmp(timeouts, &w->rearmed_for, sizeof(*timeouts)) != 0) {
		w->rearmed_for = *timeouts;
		w->rearm_cursor = 0;
		w->rearming = true;
	}
	if (w->rearming)
		w->rearming = !masq_session_rearm(
				w->sessions, &w->rearm_cursor, timeouts, w->now_ms, REARM_BUDGET);
}

static void
forget_fragments(struct masq_worker *w)
{
	struct masq_frag_result result;

	for (unsigned int round = 0; round < FRAG_BUDGET; round++) {
		masq_frag_tick(w->frag, w->now_ms, &result);
		if (result.n_dropped == 0)
			return;
		masq_fragments_give_up(w, &result);
	}
}

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

/* The inside host, its peer and the external side of a session, whichever way it was made. */
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

static void
answer_sessions(struct masq_worker *w, struct masq_mail *mail)
{
	uint32_t capacity = masq_session_capacity(w->sessions);
	unsigned int n, kept = 0;

	n = masq_session_rows(w->sessions, &mail->cursor, &w->snapshot->timeouts, w->now_ms,
			ROWS_SCAN, mail->sessions, mail->max);
	for (unsigned int k = 0; k < n; k++)
		if (matches(&mail->filter, &mail->sessions[k]))
			mail->sessions[kept++] = mail->sessions[k];
	mail->n = kept;
	mail->end = mail->cursor >= capacity;
}

/* A piece of a flush: the rows of some records, and the end of those that match. */
static void
answer_flush(struct masq_worker *w, struct masq_mail *mail)
{
	struct masq_session_row row;
	uint32_t stop = mail->cursor + FLUSH_SCAN;

	mail->n = 0;
	while (mail->cursor < stop && mail->cursor < masq_session_capacity(w->sessions)) {
		uint32_t session = mail->cursor;
		unsigned int n = masq_session_rows(w->sessions, &mail->cursor,
				&w->snapshot->timeouts, w->now_ms, 1, &row, 1);
		const struct masq_session *record = masq_session_at(w->sessions, session);

		if (n == 0 || record->dying || record->reply == MASQ_HALF_NONE ||
				!matches(&mail->filter, &row))
			continue;
		masq_session_end(w, session);
		mail->n++;
	}
	mail->end = mail->cursor >= masq_session_capacity(w->sessions);
}

/* @return false: there is more to it, in the next round */
static bool
answer(struct masq_worker *w, struct masq_mail *mail)
{
	switch (mail->kind) {
	case MASQ_MAIL_SESSIONS:
		answer_sessions(w, mail);
		break;
	case MASQ_MAIL_FLUSH:
		answer_flush(w, mail);
		break;
	case MASQ_MAIL_NEIGHBOURS:
		mail->n = masq_neigh_rows(w->neigh, &mail->cursor, mail->neighbours, mail->max);
		break;
	case MASQ_MAIL_NEIGH_FLUSH:
		masq_neigh_flush(w->neigh, mail->ip);
		break;
	case MASQ_MAIL_RULE_COUNTERS:
		return masq_tally_picture_some(w);
	}
	return true;
}

void
masq_worker_answer_mail(struct masq_worker *w)
{
	struct masq_mail *letter = w->letter;

	if (likely(letter == NULL)) {
		if (likely(atomic_load_explicit(&w->mail, memory_order_relaxed) == NULL))
			return;
		letter = atomic_exchange_explicit(&w->mail, NULL, memory_order_acquire);
		if (letter == NULL)
			return;
	}
	w->letter = answer(w, letter) ? NULL : letter;
	if (w->letter == NULL)
		atomic_store_explicit(&letter->done, true, memory_order_release);
}

void
masq_housekeeping(struct masq_worker *w)
{
	rearm(w);
	w->may_expire = EXPIRE_A_MS;
	masq_session_half_open_sweep(w->sessions, SWEEP_BUDGET);
	forget_fragments(w);
	masq_parked_tick(w);
	masq_neighbour_tick(w);
}
