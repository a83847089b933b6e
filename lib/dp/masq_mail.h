/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_MAIL_H
#define MASQ_MAIL_H

/**
 * @file
 * Letters: questions of the control thread that need a worker's tables; masq_mail.c. The control
 * thread fills one in and waits for its answer; the worker answers it, a piece in each round.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <masq_dp.h>
#include <masq_neigh.h>
#include <masq_session.h>

struct masq_dp;
struct masq_worker;

enum masq_letter_kind {
	MASQ_LETTER_SESSIONS,
	MASQ_LETTER_FLUSH,
	MASQ_LETTER_NEIGHBOURS,
	MASQ_LETTER_NEIGH_FLUSH,
	MASQ_LETTER_RULE_COUNTERS, /**< take a picture of them; the answer is in the path table */
};

#define MASQ_LETTER_ROWS 256 /**< capacity of a letter */

/**
 * A question of the control thread and the worker's answer. There is one letter per worker, and it
 * contains everything: a worker that got stuck while answering may finish it after the control
 * thread has stopped waiting.
 */
struct masq_letter {
	enum masq_letter_kind kind;
	struct masq_dp_session_filter filter; /**< SESSIONS, FLUSH */
	uint32_t cursor; /**< in/out: record or neighbour with which the next question begins */
	uint32_t ip; /**< NEIGH_FLUSH, host order; 0: all */
	unsigned int max; /**< rows, at most MASQ_LETTER_ROWS */
	unsigned int n; /**< rows, or sessions ended */
	bool end; /**< nothing is left behind the cursor; SESSIONS, FLUSH */
	_Atomic(bool) done; /**< the worker no longer uses the letter */

	union {
		struct masq_session_row sessions[MASQ_LETTER_ROWS];
		struct masq_neigh_row neighbours[MASQ_LETTER_ROWS];
	};
};

/** A worker's mailbox. */
struct masq_mail {
	/** the letter; belongs to the control thread unless it is on its way or being answered */
	struct masq_letter *letter;
	_Atomic(struct masq_letter *) posted; /**< the letter on its way; NULL: none */
	struct masq_letter *open; /**< being answered; only the worker looks here; NULL: none */
};

/**
 * Control thread: get the letter to a worker, to be filled in. It begins at cursor 0 and has room for
 * all rows; filter and ip are those of an earlier question.
 *
 * @return the letter; NULL: the worker is stuck with an earlier one, which was waited for for up to
 *	MASQ_ANSWER_MS
 */
struct masq_letter *
masq_mail_letter(struct masq_dp *dp, uint32_t worker, enum masq_letter_kind kind);

/**
 * Control thread: post the letter to a worker and wait for the answer, which is then in the letter.
 *
 * @return 0; -ETIMEDOUT: not begun within MASQ_ANSWER_MS, and taken back, or begun but not finished
 *	within MASQ_TAKE_OVER_MS; then the worker keeps it
 */
int masq_mail_ask(struct masq_dp *dp, uint32_t worker);

/** Answer a piece of the letter, if there is one; w->mail.open says whether more is to be done. For
 * the worker; if no thread runs it, the control thread calls this on its behalf. */
void masq_mail_answer(struct masq_worker *w);

#endif /* MASQ_MAIL_H */
