/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RPC_FRAME_H
#define MASQ_RPC_FRAME_H

#include <jansson.h>
#include <stddef.h>

#include <masq_err.h>

/**
 * @file
 * From a byte stream to JSON documents, one per line. Incremental and bounded: bytes are pushed as
 * they arrive, documents are taken out as they become complete.
 */

/** A stream being read. Fields are private to masq_rpc_frame.c. */
struct masq_rpc_frame {
	char *bytes; /**< heap; first..end has not been taken yet */
	size_t first;
	size_t end;
	size_t cap; /**< bytes allocated */
	size_t scanned; /**< no newline between first and here */
	size_t frame_bytes_max;
};

void masq_rpc_frame_init(struct masq_rpc_frame *frame, size_t frame_bytes_max);

/** Free what the stream holds. A zeroed one is allowed. */
void masq_rpc_frame_fini(struct masq_rpc_frame *frame);

/**
 * Add bytes that arrived.
 *
 * @return 0; -EMSGSIZE: the line is too long; -ENOMEM. After a failure the stream is no longer
 *	usable: send the sentence and close.
 */
int masq_rpc_frame_push(struct masq_rpc_frame *frame, const void *bytes, size_t len_bytes,
		struct masq_err *err);

/**
 * Take the next document. Blank lines are skipped.
 *
 * @param document	out: for json_decref(); NULL unless 1 is returned
 * @return 1: there is one; 0: more bytes are needed; -EBADMSG with a sentence: the line is not JSON
 *	or not UTF-8, is nested too deeply, or has too many values
 */
int masq_rpc_frame_next(struct masq_rpc_frame *frame, json_t **document, struct masq_err *err);

/** @return bytes of memory that the stream holds */
size_t masq_rpc_frame_memory(const struct masq_rpc_frame *frame);

#endif /* MASQ_RPC_FRAME_H */
