/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The socket server with real sockets and broken clients: the server is pumped by hand, so "never
 * blocks" is shown by the test coming back, and the clock of slow clients is the test's.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_box.h"

#define ROUNDS_MAX 100000

static const char version[] = "{\"jsonrpc\":\"2.0\",\"method\":\"daemon.version\",\"id\":1}\n";

struct server {
	struct ctl_box *box;
	struct masq_ctl_socket *sock;
	uint64_t now_ms;
	char folder[64];
	char path[96];
};

static int
server_open(void **state)
{
	struct server *server = calloc(1, sizeof(*server));
	struct masq_err err = { "" };
	void *box = NULL;

	strcpy(server->folder, "/tmp/masq-test-ctl-XXXXXX");
	if (mkdtemp(server->folder) == NULL || chmod(server->folder, 0755) != 0 ||
			ctl_box_open(&box) != 0)
		return -1;
	server->box = box;
	server->now_ms = 5000;
	snprintf(server->path, sizeof(server->path), "%s/run/control.sock", server->folder);
	if (masq_ctl_socket_claim(server->path, "daemon", &server->sock, &err) != 0 ||
			masq_ctl_listen(server->box->ctl, server->sock, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	*state = server;
	return 0;
}

static int
server_close(void **state)
{
	struct server *server = *state;
	void *box = server->box;
	char folder[128];

	ctl_box_close(&box);
	masq_ctl_socket_release(server->sock);
	/* Nothing may be left: rmdir() wants an empty folder. */
	snprintf(folder, sizeof(folder), "%s/run", server->folder);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(rmdir(server->folder), 0);
	free(server);
	return 0;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void
pump(struct server *server)
{
	masq_ctl_poll(server->box->ctl, server->now_ms, 0);
}

/* Pump until a line, or the end, is there. @return bytes; 0: closed by the server */
static size_t
receive(struct server *server, int fd, char *bytes, size_t size)
{
	for (unsigned int i = 0; i < ROUNDS_MAX; i++) {
		const ssize_t n = recv(fd, bytes, size - 1, MSG_DONTWAIT);

		if (n >= 0 || errno == ECONNRESET) {
			bytes[n > 0 ? n : 0] = '\0';
			return n > 0 ? (size_t)n : 0;
		}
		pump(server);
	}
	fail_msg("no answer");
	return 0;
}

static void
send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
assert_served(struct server *server, int fd)
{
	char bytes[1024];

	send_text(fd, version);
	receive(server, fd, bytes, sizeof(bytes));
	assert_non_null(strstr(bytes, "\"version\""));
}

static void
assert_gone(struct server *server, int fd)
{
	char bytes[1024];

	assert_int_equal(receive(server, fd, bytes, sizeof(bytes)), 0);
	close(fd);
}

/* ---------------------------------------------------------------- clients that behave */

static void
requests_are_answered_in_order_however_they_arrive(void **state)
{
	struct server *server = *state;
	const int fd = connect_to(server->path);
	char bytes[1024];

	for (size_t i = 0; version[i] != '\0'; i++) {
		assert_int_equal(send(fd, &version[i], 1, 0), 1);
		pump(server);
	}
	receive(server, fd, bytes, sizeof(bytes));
	assert_non_null(strstr(bytes, "\"version\""));

	/* Forty in one piece, more than are served in one turn. */
	for (int i = 0; i < 40; i++) {
		snprintf(bytes, sizeof(bytes),
				"{\"jsonrpc\":\"2.0\",\"method\":\"timeout.list\",\"id\":%d}\n", i);
		send_text(fd, bytes);
	}
	for (int i = 0; i < 40; i++) {
		json_t *answer;
		size_t len = 0;

		/* A line at a time: one byte at a time is slow and simple. */
		do {
			receive(server, fd, bytes + len, 2);
		} while (bytes[len++] != '\n');
		answer = json_loadb(bytes, len, 0, NULL);
		assert_int_equal(json_integer_value(json_object_get(answer, "id")), i);
		json_decref(answer);
	}
	close(fd);
}

static void
a_client_that_has_said_all_still_gets_its_answer(void **state)
{
	struct server *server = *state;
	const int fd = connect_to(server->path);
	char bytes[1024];

	send_text(fd, version);
	shutdown(fd, SHUT_WR);
	assert_true(receive(server, fd, bytes, sizeof(bytes)) > 0);
	assert_non_null(strstr(bytes, "\"version\""));
	assert_gone(server, fd);
	assert_int_equal(masq_ctl_clients(server->box->ctl), 0);
}

/* ---------------------------------------------------------------- clients that do not */

static void
malformed_requests_get_a_sentence_and_the_door(void **state)
{
	static const char *const rows[] = { "garbage\n", "{]\n", "\xff\xfe\n", "{\"a\":1}}\n",
		"GET / HTTP/1.1\r\n\r\n" };
	struct server *server = *state;
	const int good = connect_to(server->path);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int fd = connect_to(server->path);
		char bytes[1024];

		send_text(fd, rows[i]);
		receive(server, fd, bytes, sizeof(bytes));
		assert_non_null(strstr(bytes, "\"code\":-32700"));
		assert_non_null(strstr(bytes, "not a line of JSON"));
		assert_gone(server, fd);
	}
	assert_served(server, good);
	close(good);
}

static void
wrong_requests_get_a_sentence_and_may_go_on(void **state)
{
	struct server *server = *state;
	const int fd = connect_to(server->path);
	char bytes[1024];

	send_text(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"nix\",\"id\":\"a\"}\n");
	receive(server, fd, bytes, sizeof(bytes));
	assert_non_null(strstr(bytes, "-32601"));
	assert_non_null(strstr(bytes, "\"id\":\"a\""));
	send_text(fd, "[1,2,3]\n");
	receive(server, fd, bytes, sizeof(bytes));
	assert_non_null(strstr(bytes, "-32600"));
	assert_served(server, fd);
	close(fd);
}

static void
an_endless_line_is_cut_off(void **state)
{
	struct server *server = *state;
	const int fd = connect_to(server->path), good = connect_to(server->path);
	char piece[65536], bytes[1024] = "";
	size_t sent = 0;

	memset(piece, '[', sizeof(piece));
	memcpy(piece, "\"", 1);
	memset(piece + 1, 'x', sizeof(piece) - 1);
	while (sent < 2 * (size_t)MASQ_RPC_FRAME_BYTES_MAX) {
		const ssize_t n = send(fd, sent == 0 ? piece : piece + 1, sizeof(piece) - 1,
				MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		pump(server);
	}
	assert_true(sent < 2 * (size_t)MASQ_RPC_FRAME_BYTES_MAX);
	receive(server, fd, bytes, sizeof(bytes));
	assert_non_null(strstr(bytes, "longer than 16777216 bytes"));
	assert_served(server, good);
	close(fd);
	close(good);
}

static void
a_client_that_does_not_read_is_paused_then_closed(void **state)
{
	struct server *server = *state;
	const int fd = connect_to(server->path), good = connect_to(server->path);
	char text[65536];
	size_t len = 0, sent = 0, stalled = 0;

	while (len < sizeof(text) - 100)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
				"{\"jsonrpc\":\"2.0\",\"method\":\"rpc.methods\",\"id\":1}\n");
	/* It sends for ever and reads nothing: soon nothing is taken from it any more. */
	while (stalled < 1000) {
		const ssize_t n = send(fd, text + sent % len, len - sent % len,
				MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		stalled = n > 0 ? 0 : stalled + 1;
		assert_true(sent < (64u << 20));
		pump(server);
	}
	assert_served(server, good);
	assert_int_equal(masq_ctl_clients(server->box->ctl), 2);
	server->now_ms += 9000;
	pump(server);
	assert_int_equal(masq_ctl_clients(server->box->ctl), 2);
	server->now_ms += 1000;
	pump(server);
	assert_int_equal(masq_ctl_clients(server->box->ctl), 1);
	assert_served(server, good);
	close(fd);
	close(good);
}

static void
a_client_that_goes_away_is_forgotten(void **state)
{
	struct server *server = *state;

	for (int i = 0; i < 100; i++) {
		const int fd = connect_to(server->path);

		if (i % 3 == 0)
			send_text(fd, "{\"jsonrpc\":\"2.0\",\"met");
		if (i % 3 == 1)
			send_text(fd, version);
		close(fd);
	}
	for (int i = 0; i < 300; i++)
		pump(server);
	assert_int_equal(masq_ctl_clients(server->box->ctl), 0);
}

static void
a_thousand_clients_are_served(void **state)
{
	enum {
		CLIENTS = 1000
	};
	struct server *server = *state;
	int fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_to(server->path);
		assert_true(fds[i] >= 0);
		send_text(fds[i], version);
		if (i % 50 == 0)
			pump(server);
	}
	for (int i = CLIENTS - 1; i >= 0; i--) {
		char bytes[1024];

		receive(server, fds[i], bytes, sizeof(bytes));
		assert_non_null(strstr(bytes, "\"version\""));
	}
	assert_int_equal(masq_ctl_clients(server->box->ctl), CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	for (int i = 0; i < 200; i++)
		pump(server);
	assert_int_equal(masq_ctl_clients(server->box->ctl), 0);
}

/* No descriptor is left for a client: it is told so, and the server does not spin. */
static void
without_descriptors_a_client_is_told(void **state)
{
	struct server *server = *state;
	const int first = connect_to(server->path), second = connect_to(server->path);
	struct rlimit old, low;
	char bytes[1024];
	int fd;

	assert_served(server, first);
	assert_served(server, second);
	fd = connect_to(server->path);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	receive(server, fd, bytes, sizeof(bytes));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_non_null(strstr(bytes, "no file descriptor free"));
	assert_gone(server, fd);
	assert_served(server, first);
	close(first);
	close(second);
}

/* ---------------------------------------------------------------- who may */

/* Connect as another user in a child; @return the child's exit code: 'r' refused, 's' served. */
static int
ask_as(struct server *server, uid_t uid, gid_t gid, gid_t extra)
{
	const pid_t child = fork();
	int status = 0;

	if (child == 0) {
		char bytes[1024] = "";
		struct pollfd pfd = { .events = POLLIN };

		alarm(20); /* it holds the listening socket too: without us it would wait for ever */

		if (setgroups(1, &extra) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit('e');
		pfd.fd = connect_to(server->path);
		if (pfd.fd < 0)
			_exit(errno == EACCES ? 'c' : 'e');
		(void)!send(pfd.fd, version, strlen(version), MSG_NOSIGNAL);
		poll(&pfd, 1, 10000);
		(void)!read(pfd.fd, bytes, sizeof(bytes) - 1);
		_exit(strstr(bytes, "\"version\"") != NULL                                   ? 's'
						: strstr(bytes, "permission denied") != NULL ? 'r'
											     : 'e');
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		masq_ctl_poll(server->box->ctl, server->now_ms, 10);
	return WEXITSTATUS(status);
}

static void
only_root_and_the_group_are_let_in(void **state)
{
	struct server *server = *state;
	const struct group *group = getgrnam("daemon");
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_non_null(group);
	assert_int_equal(stat(server->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, group->gr_gid);
	assert_int_equal(ask_as(server, 65534, 65534, 65534), 'c');
	assert_int_equal(ask_as(server, 65534, group->gr_gid, 65534), 's');
	assert_int_equal(ask_as(server, 65534, 65534, group->gr_gid), 's');
	/* Somebody opened the mode: the peer's credentials still decide. */
	assert_int_equal(chmod(server->path, 0666), 0);
	assert_int_equal(ask_as(server, 65534, 65534, 65534), 'r');
	assert_int_equal(ask_as(server, 65534, 65534, group->gr_gid), 's');
}

/* ---------------------------------------------------------------- one daemon a socket */

static void
a_second_daemon_is_told_of_the_first(void **state)
{
	struct server *server = *state;
	struct masq_ctl_socket *other;
	struct masq_err err = { "" };
	char expected[160];
	const int fd = connect_to(server->path);

	assert_int_equal(masq_ctl_socket_claim(server->path, "", &other, &err), -EBUSY);
	assert_null(other);
	snprintf(expected, sizeof(expected), "another dpdk-masq (pid %d) already serves %s",
			(int)getpid(), server->path);
	assert_string_equal(err.text, expected);
	assert_served(server, fd);
	close(fd);
}

static void
what_a_killed_daemon_left_is_replaced(void **state)
{
	struct server *server = *state;
	struct masq_ctl_socket *sock;
	struct masq_err err = { "" };
	char path[128];
	int status;
	const pid_t child = fork();

	snprintf(path, sizeof(path), "%s/run/second.sock", server->folder);
	if (child == 0) {
		if (masq_ctl_socket_claim(path, "", &sock, &err) != 0 ||
				masq_ctl_socket_listen(sock, &err) < 0)
			_exit(1);
		_exit(0); /* as if killed: nothing is removed */
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(masq_ctl_socket_claim(path, "", &sock, &err), 0);
	assert_true(masq_ctl_socket_listen(sock, &err) >= 0);
	masq_ctl_socket_release(sock);
	assert_int_equal(access(path, F_OK), -1);
}

static void
what_is_no_socket_is_not_removed(void **state)
{
	struct server *server = *state;
	struct masq_ctl_socket *sock;
	struct masq_err err = { "" };
	char path[128];

	snprintf(path, sizeof(path), "%s/run/precious", server->folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(masq_ctl_socket_claim(path, "", &sock, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is not a socket"));
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	/* Put there between claim and listen, it is as safe. */
	assert_int_equal(masq_ctl_socket_claim(path, "", &sock, &err), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(masq_ctl_socket_listen(sock, &err), -EEXIST);
	masq_ctl_socket_release(sock);
	assert_int_equal(unlink(path), 0);
}

/* Also that of a daemon whose lock file got lost. Streams and datagrams, with room for clients or not. */
static void
a_socket_that_somebody_serves_is_left_alone(void **state)
{
	struct server *server = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct masq_ctl_socket *sock;
	struct masq_err err = { "" };
	char expected[256];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/run/other", server->folder);
	snprintf(expected, sizeof(expected),
			"another program serves %s; stop it or name another \"socket\"",
			addr.sun_path);
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		const int other = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

		assert_int_equal(bind(other, (const struct sockaddr *)&addr, sizeof(addr)), 0);
		if (type == SOCK_STREAM)
			assert_int_equal(listen(other, 0), 0);
		for (int again = 0; again < 3; again++) {
			assert_int_equal(masq_ctl_socket_claim(addr.sun_path, "", &sock, &err),
					-EADDRINUSE);
			assert_string_equal(err.text, expected);
			assert_int_equal(masq_ctl_socket_remove_stale(addr.sun_path), -EADDRINUSE);
			assert_int_equal(access(addr.sun_path, F_OK), 0);
		}
		close(other);
		assert_int_equal(masq_ctl_socket_claim(addr.sun_path, "", &sock, &err), 0);
		assert_true(masq_ctl_socket_listen(sock, &err) >= 0);
		masq_ctl_socket_release(sock);
	}
}

static void
a_socket_that_nobody_serves_is_removed(void **state)
{
	struct server *server = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int other = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/run/other", server->folder);
	assert_int_equal(masq_ctl_socket_remove_stale(addr.sun_path), 0);
	assert_int_equal(bind(other, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(masq_ctl_socket_remove_stale(addr.sun_path), -EADDRINUSE);
	close(other);
	assert_int_equal(masq_ctl_socket_remove_stale(addr.sun_path), 0);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
	/* What is no socket stays. */
	assert_int_equal(masq_ctl_socket_remove_stale(server->folder), 0);
	assert_int_equal(access(server->folder, F_OK), 0);
}

/* Somebody cleaned the folder while it ran, and another daemon began there. */
static void
the_end_removes_nothing_of_others(void **state)
{
	struct server *server = *state;
	struct masq_ctl_socket *first, *second, *third;
	struct masq_err err = { "" };
	char path[100], lock[128];

	snprintf(path, sizeof(path), "%s/run/swept", server->folder);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(masq_ctl_socket_claim(path, "", &first, &err), 0);
	assert_true(masq_ctl_socket_listen(first, &err) >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(masq_ctl_socket_claim(path, "", &second, &err), 0);
	assert_true(masq_ctl_socket_listen(second, &err) >= 0);
	masq_ctl_socket_release(first);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(masq_ctl_socket_claim(path, "", &third, &err), -EBUSY);
	masq_ctl_socket_release(second);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_not_equal(access(lock, F_OK), 0);
}

static void
a_claim_names_what_is_wrong(void **state)
{
	struct masq_ctl_socket *sock;
	struct masq_err err = { "" };
	char path[256];

	(void)state;
	assert_int_equal(masq_ctl_socket_claim("/tmp/masq.sock", "no-such-group", &sock, &err),
			-ENOENT);
	assert_non_null(strstr(err.text, "no group \"no-such-group\""));
	assert_int_equal(masq_ctl_socket_claim("/proc/masq/x.sock", "", &sock, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/proc/masq"));
	memset(path, 'x', sizeof(path));
	path[255] = '\0';
	assert_int_equal(masq_ctl_socket_claim(path, "", &sock, &err), -ENAMETOOLONG);
	assert_null(sock);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, server_open, server_close)
	const struct CMUnitTest tests[] = {
		TEST(requests_are_answered_in_order_however_they_arrive),
		TEST(a_client_that_has_said_all_still_gets_its_answer),
		TEST(malformed_requests_get_a_sentence_and_the_door),
		TEST(wrong_requests_get_a_sentence_and_may_go_on),
		TEST(an_endless_line_is_cut_off),
		TEST(a_client_that_does_not_read_is_paused_then_closed),
		TEST(a_client_that_goes_away_is_forgotten),
		TEST(a_thousand_clients_are_served),
		TEST(without_descriptors_a_client_is_told),
		TEST(only_root_and_the_group_are_let_in),
		TEST(a_second_daemon_is_told_of_the_first),
		TEST(what_a_killed_daemon_left_is_replaced),
		TEST(what_is_no_socket_is_not_removed),
		TEST(a_socket_that_somebody_serves_is_left_alone),
		TEST(a_socket_that_nobody_serves_is_removed),
		TEST(the_end_removes_nothing_of_others),
		cmocka_unit_test(a_claim_names_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
