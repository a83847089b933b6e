/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A start that does not end.
 *
 * Signals are read from a descriptor while clients are served. During the start a driver may block
 * for as long as it likes (net_virtio_user with server=1 waits for its peer), and until then the
 * daemon would not notice SIGTERM. So a separate thread watches the descriptor while devices are
 * opened. If the start does not end within some time after a signal, it is abandoned: the files
 * that it created are removed, and the process ends as it does after a signal at any other time.
 *
 * Threads. The thread of this file either ends the process, or has ended when
 * masq_daemon_watch_end() returns; the mutex decides which. Meanwhile the other thread does not
 * touch the socket.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon.h"

#define PATIENCE_MS 2000

static struct {
	pthread_t thread;
	pthread_mutex_t giving_up;
	struct masq_ctl_socket *sock;
	int signal_fd;
	int over_fd; /* readable when the start is over; -1: no thread watches */
} watch = { .giving_up = PTHREAD_MUTEX_INITIALIZER, .over_fd = -1 };

static void *
look(void *arg)
{
	struct pollfd fds[2] = {
		{ .fd = watch.over_fd, .events = POLLIN },
		{ .fd = watch.signal_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[0].revents != 0 || poll(fds, 1, PATIENCE_MS) != 0)
		return arg;
	pthread_mutex_lock(&watch.giving_up);
	if (poll(fds, 1, 0) == 0) {
		fputs("dpdk-masq: ended by a signal while starting\n", stderr);
		masq_daemon_eal_forget();
		masq_ctl_socket_release(watch.sock);
		_exit(0);
	}
	pthread_mutex_unlock(&watch.giving_up);
	return arg;
}

int
masq_daemon_watch_begin(int signal_fd, struct masq_ctl_socket *sock, struct masq_err *err)
{
	int ret;

	watch.signal_fd = signal_fd;
	watch.sock = sock;
	watch.over_fd = eventfd(0, EFD_CLOEXEC);
	if (watch.over_fd < 0)
		return masq_err_set(err, errno, "cannot watch the start: %s", strerror(errno));
	ret = pthread_create(&watch.thread, NULL, look, NULL);
	if (ret == 0)
		return 0;
	close(watch.over_fd);
	watch.over_fd = -1;
	return masq_err_set(err, ret, "cannot watch the start: %s", strerror(ret));
}

void
masq_daemon_watch_end(void)
{
	if (watch.over_fd < 0)
		return;
	pthread_mutex_lock(&watch.giving_up);
	(void)!eventfd_write(watch.over_fd, 1);
	pthread_mutex_unlock(&watch.giving_up);
	pthread_join(watch.thread, NULL);
	close(watch.over_fd);
	watch.over_fd = -1;
}
