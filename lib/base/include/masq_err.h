/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_ERR_H
#define MASQ_ERR_H

/**
 * @file
 * An error as a person reads it: one sentence that names the culprit and what is accepted.
 *
 * Functions of the control plane return 0 or -errno and take a struct masq_err as their last
 * argument. The sentence travels unchanged from where the fault was found to the terminal of the
 * person who typed the command.
 */

#define MASQ_ERR_TEXT_BYTES 512

struct masq_err {
	char text[MASQ_ERR_TEXT_BYTES]; /**< sentence without newline; empty: no error */
};

/**
 * Write the sentence of a failure and return its code, so that "return masq_err_set(...)" works.
 *
 * A sentence that is too long is cut and ends in "...".
 *
 * @param err	out: the sentence; NULL: nobody wants it
 * @param code	positive errno value, e.g. EINVAL
 * @param fmt	printf format of the sentence, no newline
 * @return -code
 */
int masq_err_set(struct masq_err *err, int code, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));

/**
 * Put words in front of a sentence that is already there ("rules.masq:12: " and so on).
 *
 * @param err	in/out; NULL: nothing happens
 * @param fmt	printf format of the words to put first
 */
void
masq_err_prefix(struct masq_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define MASQ_ERR_LIST_BYTES 256

/**
 * Append a name to a list that a sentence is to quote: "eth0, lo". A list that gets too long ends in
 * "..." and takes no more names.
 *
 * @param list	in/out: "" at first
 */
void masq_err_list_add(char list[MASQ_ERR_LIST_BYTES], const char *name);

#endif /* MASQ_ERR_H */
