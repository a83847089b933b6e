/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RPC_FRAME_H
#define MASQ_RPC_FRAME_H

#include <jansson.h>
#include <stddef.h>

#include <masq_err.h>

/**
 * @file
 * Bytes of a stream -> JSON documents, one a line. Incremental and bounded: bytes are pushed as
 * they come, documents are taken out as they are complete.
 */

/** A stream being read. Fields are private to masq_rpc_frame.c. */
struct masq_rpc_frame {
	char *bytes; /**< heap; first..end is what was not taken yet */
	size_t first;
	size_t end;
	size_t cap; /**< bytes allocated */
	size_t scanned; /**< no newline between first and here */
	size_t frame_bytes_max;
};

void masq_rpc_frame_init(struct masq_rpc_frame *frame, size_t frame_bytes_max);

/** Free what the stream holds. A zeroed one is fine. */
void masq_rpc_frame_fini(struct masq_rpc_frame *frame);

/**
 * Add bytes that came.
 *
 * @return 0; -EMSGSIZE: the line is longer than it may be; -ENOMEM. After a failure the stream is
 *	of no use any more: say the sentence and close.
 */
int masq_rpc_frame_push(struct masq_rpc_frame *frame, const void *bytes, size_t len_bytes,
		struct masq_err *err);

/**
 * Take the next document. Blank lines are skipped.
 *
 * @param document	out: the caller's, for json_decref(); NULL unless 1 is returned
 * @return 1: there is one; 0: more bytes are needed; -EBADMSG with a sentence: the line is no JSON,
 *	nested too deeply, has too many values, or no UTF-8
 */
int masq_rpc_frame_next(struct masq_rpc_frame *frame, json_t **document, struct masq_err *err);

/** @return bytes of memory that the stream holds */
size_t masq_rpc_frame_memory(const struct masq_rpc_frame *frame);

#endif /* MASQ_RPC_FRAME_H */
