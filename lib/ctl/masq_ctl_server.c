/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket server of the control thread.
 *
 * What it is. One epoll set, one listener, many clients. Nothing blocks: a read or write takes what
 * is there, and a client that is not ready waits for its next event.
 *
 * A client is either reading (waiting for bytes) or writing (an answer is not completely sent, or
 * more requests are already here). While it is writing, nothing is read from it. So a client that
 * does not take its answers pauses itself, occupies the memory of one answer, and is closed after
 * STALL_MS without progress. Of the requests that one client sent at once, at most ROUND_REQUESTS
 * are served before the others have their turn.
 *
 * Memory is bounded in three ways: a request by the frame limit, an answer by the page limits of
 * the handlers, and both over all clients by INPUT_BYTES_MAX (a client that exceeds it is told and
 * closed) and OUTPUT_BYTES_MAX (the client that occupies most is closed). Peers are root or the
 * operators' group, so these limits guard against accidents, not attacks.
 *
 * Descriptors. When they are used up (EMFILE), a spare one is closed in order to accept the
 * connection, send the reason, and close it: a connection that is never accepted would wake epoll
 * for ever.
 *
 * Life cycle of a client: accepted and admitted -> list -> closed: descriptor closed, moved to the
 * list of the dead, freed after the batch of events that may refer to it.
 *
 * Control thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <masq_log.h>
#include <masq_rpc_frame.h>

#include "masq_ctl_priv.h"

#define CLIENTS_MAX 4000
#define CHUNK_BYTES 65536
#define EVENTS_MAX 64
#define ROUND_REQUESTS 16
#define STALL_MS 10000
#define INPUT_BYTES_MAX (64u << 20)
#define OUTPUT_BYTES_MAX (64u << 20)

struct client {
	TAILQ_ENTRY(client) entry;
	int fd; /* -1: dead */
	struct masq_ctl_peer peer;
	struct masq_rpc_frame frame;
	char *out; /* the answer being written, or NULL */
	size_t out_bytes;
	size_t out_sent;
	uint64_t progress_ms; /* when the last byte was sent, or the answer was made */
	uint32_t interest; /* epoll events requested */
	bool closing; /* close when the answer is sent */
	bool at_end; /* the peer will send no more */
};

TAILQ_HEAD(client_list, client);

struct masq_ctl_server {
	struct masq_ctl *ctl;
	struct masq_ctl_socket *sock;
	int epoll_fd;
	int listen_fd;
	int spare_fd;
	struct client_list live;
	struct client_list dead;
	unsigned int n_clients;
	size_t input_bytes; /* memory of all frames */
	size_t output_bytes; /* memory of all answers */
	uint64_t now_ms;
	uint64_t swept_ms;
	char chunk[CHUNK_BYTES];
};

/* ---------------------------------------------------------------- closing */

static void
drop_output(struct masq_ctl_server *server, struct client *client)
{
	server->output_bytes -= client->out_bytes;
	free(client->out);
	client->out = NULL;
	client->out_bytes = client->out_sent = 0;
}

static void
client_close(struct masq_ctl_server *server, struct client *client)
{
	if (client->fd < 0)
		return;
	server->input_bytes -= masq_rpc_frame_memory(&client->frame);
	masq_rpc_frame_fini(&client->frame);
	drop_output(server, client);
	/* close() alone does not remove it from the epoll set while a forked child holds a copy. */
	epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
	close(client->fd);
	client->fd = -1;
	TAILQ_REMOVE(&server->live, client, entry);
	TAILQ_INSERT_TAIL(&server->dead, client, entry);
	server->n_clients--;
}

static void
bury_dead(struct masq_ctl_server *server)
{
	struct client *client;

	while ((client = TAILQ_FIRST(&server->dead)) != NULL) {
		TAILQ_REMOVE(&server->dead, client, entry);
		free(client);
	}
}

static void
relieve_output(struct masq_ctl_server *server)
{
	while (server->output_bytes > OUTPUT_BYTES_MAX) {
		struct client *client, *worst = NULL;

		TAILQ_FOREACH(client, &server->live, entry)
			if (worst == NULL || client->out_bytes > worst->out_bytes)
				worst = client;
		if (worst == NULL)
			return;
		masq_log(MASQ_LOG_WARNING, "ctl",
				"client pid %d closed: its unread answers take %zu bytes",
				(int)worst->peer.pid, server->output_bytes);
		client_close(server, worst);
	}
}

/* ---------------------------------------------------------------- one client */

static void
client_wait(struct masq_ctl_server *server, struct client *client, uint32_t interest)
{
	struct epoll_event event = { .events = interest, .data.ptr = client };

	if (client->interest == interest)
		return;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, client->fd, &event) != 0)
		client_close(server, client);
	client->interest = interest;
}

/* @return 0: all sent; 1: the socket is full; -1: the client is gone */
static int
client_flush(struct masq_ctl_server *server, struct client *client)
{
	while (client->out_sent < client->out_bytes) {
		const ssize_t n = send(client->fd, client->out + client->out_sent,
				client->out_bytes - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n < 0) {
			client_close(server, client);
			return -1;
		}
		client->out_sent += (size_t)n;
		client->progress_ms = server->now_ms;
	}
	drop_output(server, client);
	return 0;
}

static void
client_answer(struct masq_ctl_server *server, struct client *client, char *line, size_t len_bytes)
{
	if (line == NULL)
		return;
	client->out = line;
	client->out_bytes = len_bytes;
	client->out_sent = 0;
	client->progress_ms = server->now_ms;
	server->output_bytes += len_bytes;
}

static void
client_fault(struct masq_ctl_server *server, struct client *client, const struct masq_err *err)
{
	size_t len_bytes = 0;
	char *line = masq_rpc_error_line(NULL, MASQ_RPC_PARSE, err->text, &len_bytes);

	client_answer(server, client, line, len_bytes);
	client->closing = true;
}

/* Write pending output, serve pending requests, and select what to wait for. */
static void
client_advance(struct masq_ctl_server *server, struct client *client)
{
	for (unsigned int served = 0; served < ROUND_REQUESTS; served++) {
		const size_t memory = masq_rpc_frame_memory(&client->frame);
		struct masq_err err;
		size_t len_bytes = 0;
		json_t *document;
		char *line;
		int ret = client_flush(server, client);

		if (ret != 0) {
			if (ret > 0)
				client_wait(server, client, EPOLLOUT);
			return;
		}
		if (client->closing) {
			client_close(server, client);
			return;
		}
		ret = masq_rpc_frame_next(&client->frame, &document, &err);
		server->input_bytes -= memory - masq_rpc_frame_memory(&client->frame);
		if (ret < 0) {
			client_fault(server, client, &err);
			continue;
		}
		if (ret == 0) {
			if (client->at_end)
				client_close(server, client);
			else
				client_wait(server, client, EPOLLIN);
			return;
		}
		line = masq_ctl_dispatch(server->ctl, &client->peer, document, &len_bytes);
		json_decref(document);
		client_answer(server, client, line, len_bytes);
	}
	/* More requests may be here: a writable socket brings the next turn at once, after the
	 * other clients. */
	client_wait(server, client, EPOLLOUT);
}

static void
client_read(struct masq_ctl_server *server, struct client *client)
{
	const ssize_t n = recv(client->fd, server->chunk, sizeof(server->chunk), MSG_DONTWAIT);
	const size_t memory = masq_rpc_frame_memory(&client->frame);
	struct masq_err err;
	int ret;

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_close(server, client);
		return;
	}
	if (n == 0) {
		client->at_end = true;
		client_advance(server, client);
		return;
	}
	ret = masq_rpc_frame_push(&client->frame, server->chunk, (size_t)n, &err);
	server->input_bytes += masq_rpc_frame_memory(&client->frame) - memory;
	if (ret == 0 && server->input_bytes > INPUT_BYTES_MAX)
		ret = masq_err_set(&err, ENOBUFS,
				"the requests of all clients together take more than %u bytes",
				INPUT_BYTES_MAX);
	if (ret != 0)
		client_fault(server, client, &err);
	client_advance(server, client);
}

/* ---------------------------------------------------------------- accepting */

static void
refuse(int fd, const char *sentence)
{
	size_t len_bytes = 0;
	char *line = masq_rpc_error_line(NULL, MASQ_RPC_INVALID, sentence, &len_bytes);

	if (line != NULL)
		(void)!send(fd, line, len_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(line);
	close(fd);
}

static void
admit(struct masq_ctl_server *server, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct client *client;
	struct masq_err err;

	if (server->n_clients >= CLIENTS_MAX) {
		refuse(fd, "the daemon already has as many clients as it can serve");
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		refuse(fd, "the daemon is out of memory");
		return;
	}
	client->fd = fd;
	if (masq_ctl_socket_admit(server->sock, fd, &client->peer, &err) != 0) {
		masq_log(MASQ_LOG_WARNING, "ctl", "uid %u pid %d refused",
				(unsigned int)client->peer.uid, (int)client->peer.pid);
		refuse(fd, err.text);
		free(client);
		return;
	}
	event.data.ptr = client;
	client->interest = EPOLLIN;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		refuse(fd, "the daemon is out of memory");
		free(client);
		return;
	}
	masq_rpc_frame_init(&client->frame, MASQ_RPC_FRAME_BYTES_MAX);
	TAILQ_INSERT_TAIL(&server->live, client, entry);
	server->n_clients++;
}

static void
accept_without_descriptor(struct masq_ctl_server *server)
{
	int fd;

	masq_log(MASQ_LOG_WARNING, "ctl", "no file descriptor is free for another client");
	if (server->spare_fd < 0)
		return;
	close(server->spare_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		refuse(fd, "the daemon has no file descriptor free for another client");
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
accept_some(struct masq_ctl_server *server)
{
	for (unsigned int i = 0; i < EVENTS_MAX; i++) {
		const int fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(server, fd);
		} else if (errno == EMFILE || errno == ENFILE) {
			accept_without_descriptor(server);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* ---------------------------------------------------------------- the loop */

static void
close_stalled(struct masq_ctl_server *server)
{
	struct client *client, *next;

	if (server->now_ms - server->swept_ms < 1000)
		return;
	server->swept_ms = server->now_ms;
	for (client = TAILQ_FIRST(&server->live); client != NULL; client = next) {
		next = TAILQ_NEXT(client, entry);
		if (client->out == NULL || server->now_ms - client->progress_ms < STALL_MS)
			continue;
		masq_log(MASQ_LOG_NOTICE, "ctl",
				"client pid %d closed: it has not read its answer for %d s",
				(int)client->peer.pid, STALL_MS / 1000);
		client_close(server, client);
	}
}

void
masq_ctl_server_poll(struct masq_ctl_server *server, uint64_t now_ms, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	const int n = epoll_wait(server->epoll_fd, events, EVENTS_MAX, timeout_ms);

	server->now_ms = now_ms;
	for (int i = 0; i < n; i++) {
		struct client *client = events[i].data.ptr;

		if (client == NULL)
			accept_some(server);
		else if (client->fd < 0)
			continue;
		else if (client->interest == EPOLLIN)
			client_read(server, client);
		else
			client_advance(server, client);
	}
	relieve_output(server);
	close_stalled(server);
	bury_dead(server);
}

int
masq_ctl_server_fd(const struct masq_ctl_server *server)
{
	return server->epoll_fd;
}

unsigned int
masq_ctl_server_clients(const struct masq_ctl_server *server)
{
	return server->n_clients;
}

int
masq_ctl_server_listen(
		struct masq_ctl_server *server, struct masq_ctl_socket *sock, struct masq_err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	const int fd = masq_ctl_socket_listen(sock, err);

	if (fd < 0)
		return fd;
	server->sock = sock;
	server->listen_fd = fd;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return masq_err_set(err, errno, "cannot watch the socket: %s", strerror(errno));
	return 0;
}

/* Each client takes a descriptor; the usual soft limit of 1024 is meant for programs that use
 * select(). */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 2 * CLIENTS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < 2 * CLIENTS_MAX ? limit.rlim_max : 2 * CLIENTS_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

struct masq_ctl_server *
masq_ctl_server_create(struct masq_ctl *ctl, struct masq_err *err)
{
	struct masq_ctl_server *server = calloc(1, sizeof(*server));

	if (server == NULL) {
		masq_err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	raise_descriptor_limit();
	server->ctl = ctl;
	server->listen_fd = -1;
	TAILQ_INIT(&server->live);
	TAILQ_INIT(&server->dead);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0) {
		masq_err_set(err, errno, "cannot create an epoll set: %s", strerror(errno));
		masq_ctl_server_destroy(server);
		return NULL;
	}
	return server;
}

void
masq_ctl_server_destroy(struct masq_ctl_server *server)
{
	struct client *client;

	if (server == NULL)
		return;
	while ((client = TAILQ_FIRST(&server->live)) != NULL)
		client_close(server, client);
	bury_dead(server);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	if (server->epoll_fd >= 0)
		close(server->epoll_fd);
	free(server);
}
