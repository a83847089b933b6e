/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a byte stream to JSON documents, one per line.
 *
 * What it is. A peer may send a document in one piece or byte by byte, many in one piece, or a line
 * that never ends. The buffer takes what arrives, grows by doubling, and stops at the longest
 * permitted line. Bytes already taken are moved out of the way when room is needed, so a byte is
 * copied a bounded number of times.
 *
 * Before jansson gets a line, it is scanned once for depth and number of values. jansson is safe
 * with any input, but "[[],[],..." costs it forty times its length, and the process that reads this
 * is a router: a peer must not be able to use up its memory.
 *
 * After a failure the stream may be out of step (a stray newline inside a string would make garbage
 * look like a request), so the owner answers and closes.
 *
 * No threads; one stream belongs to one connection.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <masq_rpc.h>
#include <masq_rpc_frame.h>

#define FRAME_FIRST_BYTES 4096u

void
masq_rpc_frame_init(struct masq_rpc_frame *frame, size_t frame_bytes_max)
{
	memset(frame, 0, sizeof(*frame));
	frame->frame_bytes_max = frame_bytes_max;
}

void
masq_rpc_frame_fini(struct masq_rpc_frame *frame)
{
	free(frame->bytes);
	memset(frame, 0, sizeof(*frame));
}

size_t
masq_rpc_frame_memory(const struct masq_rpc_frame *frame)
{
	return frame->cap;
}

static int
make_room(struct masq_rpc_frame *frame, size_t len_bytes, struct masq_err *err)
{
	size_t cap = frame->cap == 0 ? FRAME_FIRST_BYTES : frame->cap;
	char *bytes;

	if (frame->first > 0) {
		if (frame->end > frame->first)
			memmove(frame->bytes, frame->bytes + frame->first,
					frame->end - frame->first);
		frame->scanned -= frame->first;
		frame->end -= frame->first;
		frame->first = 0;
	}
	while (cap - frame->end < len_bytes)
		cap *= 2;
	if (cap == frame->cap)
		return 0;
	bytes = realloc(frame->bytes, cap);
	if (bytes == NULL)
		return masq_err_set(err, ENOMEM, "out of memory for a request of %zu bytes", cap);
	frame->bytes = bytes;
	frame->cap = cap;
	return 0;
}

int
masq_rpc_frame_push(struct masq_rpc_frame *frame, const void *bytes, size_t len_bytes,
		struct masq_err *err)
{
	const size_t room = frame->frame_bytes_max - (frame->end - frame->first);
	int ret;

	if (len_bytes == 0)
		return 0;
	/* Complete documents count too: the owner takes them before it pushes more. */
	if (frame->end - frame->first > frame->frame_bytes_max || len_bytes > room + 1)
		return masq_err_set(err, EMSGSIZE,
				"the line is longer than %zu bytes, the most that is accepted",
				frame->frame_bytes_max);
	if (frame->cap - frame->end < len_bytes) {
		ret = make_room(frame, len_bytes, err);
		if (ret != 0)
			return ret;
	}
	memcpy(frame->bytes + frame->end, bytes, len_bytes);
	frame->end += len_bytes;
	return 0;
}

/* Count everything that costs jansson memory or stack, without building it. */
static int
check_shape(const char *line, size_t len_bytes, struct masq_err *err)
{
	unsigned int depth = 0, values = 1;
	bool in_string = false;

	for (size_t i = 0; i < len_bytes; i++) {
		const char c = line[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		else if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (c == ',' || c == '[' || c == '{')
			values++;
		if (depth > MASQ_RPC_DEPTH_MAX)
			return masq_err_set(err, EBADMSG,
					"byte %zu: arrays and objects may be nested at most %d deep",
					i + 1, MASQ_RPC_DEPTH_MAX);
		if (values > MASQ_RPC_VALUES_MAX)
			return masq_err_set(err, EBADMSG,
					"byte %zu: a document may have at most %d values", i + 1,
					MASQ_RPC_VALUES_MAX);
	}
	return 0;
}

static bool
is_blank(const char *line, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static int
parse(const char *line, size_t len_bytes, json_t **document, struct masq_err *err)
{
	json_error_t why;
	int ret = check_shape(line, len_bytes, err);

	if (ret != 0)
		return ret;
	*document = json_loadb(line, len_bytes, JSON_REJECT_DUPLICATES, &why);
	if (*document == NULL)
		return masq_err_set(err, EBADMSG, "not a line of JSON: %s, at byte %d", why.text,
				why.position);
	return 1;
}

/* Free a buffer that once held a large request when nothing is left in it. */
static void
shrink(struct masq_rpc_frame *frame)
{
	if (frame->first != frame->end)
		return;
	frame->first = frame->end = frame->scanned = 0;
	if (frame->cap > 16 * FRAME_FIRST_BYTES) {
		free(frame->bytes);
		frame->bytes = NULL;
		frame->cap = 0;
	}
}

int
masq_rpc_frame_next(struct masq_rpc_frame *frame, json_t **document, struct masq_err *err)
{
	*document = NULL;
	while (frame->scanned < frame->end) {
		const char *from = frame->bytes + frame->scanned;
		const char *newline = memchr(from, '\n', frame->end - frame->scanned);
		const char *line = frame->bytes + frame->first;
		size_t len_bytes;
		int ret = 0;

		if (newline == NULL) {
			frame->scanned = frame->end;
			return 0;
		}
		len_bytes = (size_t)(newline - line);
		if (!is_blank(line, len_bytes))
			ret = parse(line, len_bytes, document, err);
		frame->first += len_bytes + 1;
		frame->scanned = frame->first;
		shrink(frame);
		if (ret != 0)
			return ret;
	}
	return 0;
}
