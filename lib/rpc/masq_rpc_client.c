/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's end of the control socket.
 *
 * One request is outstanding at a time: the client writes the line, then reads until the line with
 * its id has arrived. A deadline covers the whole call, so neither a daemon that hangs nor one that
 * sends a byte a second blocks a terminal for ever. The daemon limits the pages of its answers, so
 * the frame limit for answers is the same as for requests.
 *
 * A daemon that refuses a peer writes one error with id null and closes: that sentence takes
 * precedence over "connection closed".
 *
 * One thread. The socket is non-blocking; poll() waits.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <masq_rpc.h>
#include <masq_rpc_client.h>
#include <masq_rpc_frame.h>

struct masq_rpc_client {
	int fd;
	json_int_t last_id;
	int code;
	struct masq_rpc_frame frame;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
connect_failed(const char *path, int code, struct masq_err *err)
{
	if (code == ENOENT)
		return masq_err_set(err, code,
				"no daemon: there is no socket %s; start a daemon with \"dpdk-masq -c "
				"FILE\", or name its socket with -s SOCKET",
				path);
	if (code == ECONNREFUSED)
		return masq_err_set(err, code,
				"no daemon listens on %s; start one with \"dpdk-masq -c FILE\"",
				path);
	if (code == EACCES || code == EPERM)
		return masq_err_set(err, code,
				"%s: permission denied (you must be root or in the socket's group)",
				path);
	return masq_err_set(err, code, "%s: cannot connect: %s", path, strerror(code));
}

int
masq_rpc_client_open(const char *path, struct masq_rpc_client **client, struct masq_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct masq_rpc_client *c;
	int ret = 0;

	*client = NULL;
	if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path))
		return masq_err_set(err, ENAMETOOLONG,
				"\"%s\" is not a socket path; accepted: 1-%zu characters", path,
				sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return masq_err_set(err, ENOMEM, "out of memory");
	memcpy(c->path, path, strlen(path) + 1);
	masq_rpc_frame_init(&c->frame, MASQ_RPC_FRAME_BYTES_MAX);
	/* A blocking connect() waits while the daemon's queue is full instead of giving up. */
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		ret = masq_err_set(err, errno, "cannot create a socket: %s", strerror(errno));
	else if (connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		ret = connect_failed(path, errno, err);
	if (ret != 0) {
		masq_rpc_client_close(c);
		return ret;
	}
	*client = c;
	return 0;
}

void
masq_rpc_client_close(struct masq_rpc_client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0)
		close(client->fd);
	masq_rpc_frame_fini(&client->frame);
	free(client);
}

int
masq_rpc_client_code(const struct masq_rpc_client *client)
{
	return client->code;
}

static int
wait_for(struct masq_rpc_client *client, short events, int64_t deadline_ms, struct masq_err *err)
{
	struct pollfd pfd = { .fd = client->fd, .events = events };

	for (;;) {
		const int64_t left_ms = deadline_ms - now_ms();
		const int n = poll(&pfd, 1, left_ms > 0 ? (int)left_ms : 0);

		if (n > 0)
			return 0;
		if (n == 0)
			return masq_err_set(err, ETIMEDOUT,
					"the daemon on %s does not answer; a requested change may still "
					"be made",
					client->path);
		if (errno != EINTR)
			return masq_err_set(err, errno, "%s: %s", client->path, strerror(errno));
	}
}

static int
closed(struct masq_rpc_client *client, struct masq_err *err)
{
	return masq_err_set(err, EPIPE, "the daemon on %s closed the connection", client->path);
}

/* A refused peer's connection may be closed before all is written: the answer can still be read. */
static int
send_line(struct masq_rpc_client *client, const char *line, size_t len_bytes, int64_t deadline_ms,
		struct masq_err *err)
{
	while (len_bytes > 0) {
		const ssize_t n = send(client->fd, line, len_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret;

		if (n > 0) {
			line += n;
			len_bytes -= (size_t)n;
			continue;
		}
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return masq_err_set(err, errno, "%s: %s", client->path, strerror(errno));
		ret = wait_for(client, POLLOUT, deadline_ms, err);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static int
receive_document(struct masq_rpc_client *client, int64_t deadline_ms, json_t **document,
		struct masq_err *err)
{
	static const size_t chunk_bytes = 65536;
	char *chunk = malloc(chunk_bytes);
	int ret;

	if (chunk == NULL)
		return masq_err_set(err, ENOMEM, "out of memory");
	while ((ret = masq_rpc_frame_next(&client->frame, document, err)) == 0) {
		ssize_t n;

		ret = wait_for(client, POLLIN, deadline_ms, err);
		if (ret != 0)
			break;
		n = recv(client->fd, chunk, chunk_bytes, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		ret = n <= 0 ? closed(client, err)
			     : masq_rpc_frame_push(&client->frame, chunk, (size_t)n, err);
		if (ret != 0)
			break;
	}
	free(chunk);
	return ret < 0 ? ret : 0;
}

/* @return 1: this is not the awaited answer */
static int
take_answer(struct masq_rpc_client *client, json_t *document, json_t **result, struct masq_err *err)
{
	json_t *error = json_object_get(document, "error");
	json_t *id = json_object_get(document, "id");
	const char *sentence;

	if (!json_is_null(id) && json_integer_value(id) != client->last_id)
		return 1;
	if (error != NULL) {
		sentence = json_string_value(json_object_get(error, "message"));
		client->code = (int)json_integer_value(json_object_get(error, "code"));
		return masq_err_set(err, EREMOTEIO, "%s",
				sentence != NULL ? sentence
						 : "the daemon refused without giving a reason");
	}
	*result = json_incref(json_object_get(document, "result"));
	if (*result == NULL)
		return masq_err_set(err, EBADMSG, "%s: the answer is not a JSON-RPC response",
				client->path);
	return 0;
}

int
masq_rpc_client_call(struct masq_rpc_client *client, const char *method, json_t *params,
		int timeout_ms, json_t **result, struct masq_err *err)
{
	const int64_t deadline_ms = now_ms() + timeout_ms;
	json_t *document = masq_rpc_request_make(method, params, ++client->last_id);
	size_t len_bytes = 0;
	char *line = document == NULL ? NULL : masq_rpc_line(document, &len_bytes);
	int ret;

	*result = NULL;
	client->code = 0;
	json_decref(document);
	if (line == NULL)
		return masq_err_set(err, ENOMEM, "out of memory");
	if (len_bytes > MASQ_RPC_FRAME_BYTES_MAX)
		ret = masq_err_set(err, EREMOTEIO,
				"the request has %zu bytes; the daemon accepts at most %u",
				len_bytes, MASQ_RPC_FRAME_BYTES_MAX);
	else
		ret = send_line(client, line, len_bytes, deadline_ms, err);
	free(line);
	if (ret != 0)
		return ret;
	do {
		ret = receive_document(client, deadline_ms, &document, err);
		if (ret != 0)
			return ret;
		ret = take_answer(client, document, result, err);
		json_decref(document);
	} while (ret == 1);
	return ret;
}
