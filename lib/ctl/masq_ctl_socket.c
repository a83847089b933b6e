/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket in the file system: which daemon may serve it, which users may use it.
 *
 * A daemon that is killed leaves its socket behind, and the socket file alone does not tell whether
 * its daemon is alive. So there is a lock file beside it, locked with flock() as long as the daemon
 * lives: the kernel releases it however the daemon ends. The holder of the lock may remove and bind
 * the socket; a daemon that does not get it reads the owner's process id from it for the error
 * sentence.
 *
 * Only its owner may open the lock file: a user who can read a file can lock it too, and another
 * user's lock would prevent a daemon from starting after one that was killed.
 *
 * The lock file is removed at the end. Another daemon may have opened it just before, and then
 * holds a lock on a file without a name. Therefore a daemon that got the lock checks whether the
 * name still leads to the file that it locked, and starts again if not.
 *
 * The socket of another program has no lock of ours, and lock files get lost. So the holder of the
 * lock tries to connect before the socket is replaced, when it claims and again when it listens.
 * Only a socket that nobody serves is removed, and no file that is not a socket. At the end only
 * the socket created here is removed: if its name leads to another file by then, that belongs to
 * another program.
 *
 * Who may use it. The socket has mode 0660 and the group of the start file; that keeps others from
 * connecting. The peer's credentials (SO_PEERCRED, SO_PEERGROUPS: as of connect()) are checked as
 * well, because people change the mode of a socket. The folder gets mode 0755 only if it is created
 * here; an existing one stays as it is.
 *
 * Control thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "masq_ctl_priv.h"

#define SOCKET_BACKLOG 1024
#define PEER_GROUPS_MAX 1024

struct masq_ctl_socket {
	struct sockaddr_un addr;
	char lock_path[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int lock_fd;
	int listen_fd;
	bool bound;
	/** the socket as bound: identifies the file that may be removed at the end */
	struct stat file;
	bool has_group;
	gid_t gid;
};

int
masq_ctl_socket_group_find(const char *name, gid_t *gid, struct masq_err *err)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		return masq_err_set(err, ENOENT,
				"socket-group: there is no group \"%s\" on this machine; accepted: "
				"a group that getent group lists",
				name);
	*gid = group->gr_gid;
	return 0;
}

static int
find_group(struct masq_ctl_socket *sock, const char *name, struct masq_err *err)
{
	int ret;

	if (name[0] == '\0')
		return 0;
	ret = masq_ctl_socket_group_find(name, &sock->gid, err);
	sock->has_group = ret == 0;
	return ret;
}

static int
make_folder(const char *path, struct masq_err *err)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;
	mode_t old;
	int ret;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	old = umask(0022);
	ret = mkdir(folder, 0755);
	umask(old);
	if (ret != 0 && errno != EEXIST)
		return masq_err_set(err, errno, "cannot create the folder %s of the socket: %s",
				folder, strerror(errno));
	return 0;
}

static int
other_daemon(int fd, const char *path, struct masq_err *err)
{
	char pid[16] = "";
	const ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return masq_err_set(err, EBUSY, "another dpdk-masq (pid %s) already serves %s",
			pid[0] != '\0' ? pid : "unknown", path);
}

/* Does the name still lead to our file? Another may have taken its place. */
static bool
leads_to(const char *path, const struct stat *file)
{
	struct stat named;

	return lstat(path, &named) == 0 && named.st_ino == file->st_ino &&
			named.st_dev == file->st_dev;
}

/* @return 1: the file lost its name meanwhile, try again */
static int
take_lock(struct masq_ctl_socket *sock, struct masq_err *err)
{
	struct stat locked;
	int fd, ret = 0;

	fd = open(sock->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return masq_err_set(
				err, errno, "cannot open %s: %s", sock->lock_path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		ret = errno == EWOULDBLOCK ? other_daemon(fd, sock->addr.sun_path, err)
					   : masq_err_set(err, errno, "cannot lock %s: %s",
							     sock->lock_path, strerror(errno));
	else if (fstat(fd, &locked) != 0 || !leads_to(sock->lock_path, &locked))
		ret = 1;
	if (ret != 0) {
		close(fd);
		return ret;
	}
	sock->lock_fd = fd;
	if (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0 ||
			dprintf(fd, "%d\n", (int)getpid()) < 0)
		return masq_err_set(err, errno, "cannot write %s: %s", sock->lock_path,
				strerror(errno));
	return 0;
}

/* Does a program serve the socket? @return 0: no, or it is gone; -EADDRINUSE: yes; -errno: unknown */
static int
knock(const struct sockaddr_un *addr)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ? -EADDRINUSE : -errno;
	close(fd);
	/* Served by a program whose queue is full, or that uses another socket type (memif:
	 * SOCK_SEQPACKET). */
	if (ret == -EAGAIN || ret == -EPROTOTYPE)
		return -EADDRINUSE;
	return ret == -ECONNREFUSED || ret == -ENOENT ? 0 : ret;
}

int
masq_ctl_socket_remove_stale(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int ret;

	if (strlen(path) >= sizeof(addr.sun_path) || lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return 0;
	strcpy(addr.sun_path, path);
	ret = knock(&addr);
	if (ret != 0)
		return ret;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Check that there is nothing in the socket's place, or only a socket that nobody serves. */
static int
check_place(const struct sockaddr_un *addr, struct masq_err *err)
{
	struct stat st;

	if (lstat(addr->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return masq_err_set(err, EEXIST,
				"%s exists and is not a socket; remove it or name another \"socket\"",
				addr->sun_path);
	if (knock(addr) != 0)
		return masq_err_set(err, EADDRINUSE,
				"another program serves %s; stop it or name another \"socket\"",
				addr->sun_path);
	return 0;
}

int
masq_ctl_socket_claim(const char *path, const char *group, struct masq_ctl_socket **sock,
		struct masq_err *err)
{
	struct masq_ctl_socket *s;
	int ret;

	*sock = NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return masq_err_set(err, ENOMEM, "out of memory");
	s->lock_fd = -1;
	s->listen_fd = -1;
	s->addr.sun_family = AF_UNIX;
	if (path[0] == '\0' || strlen(path) >= sizeof(s->addr.sun_path)) {
		ret = masq_err_set(err, ENAMETOOLONG, "socket: a path has 1-%zu characters",
				sizeof(s->addr.sun_path) - 1);
		goto fail;
	}
	memcpy(s->addr.sun_path, path, strlen(path) + 1);
	snprintf(s->lock_path, sizeof(s->lock_path), "%s.lock", path);
	ret = find_group(s, group, err);
	if (ret == 0)
		ret = make_folder(path, err);
	if (ret != 0)
		goto fail;
	while ((ret = take_lock(s, err)) == 1)
		;
	if (ret == 0)
		ret = check_place(&s->addr, err);
	if (ret != 0)
		goto fail;
	*sock = s;
	return 0;
fail:
	masq_ctl_socket_release(s);
	return ret;
}

void
masq_ctl_socket_release(struct masq_ctl_socket *sock)
{
	if (sock == NULL)
		return;
	/* Last: a client that waits for the daemon's end sees it when connect() fails. */
	if (sock->bound && leads_to(sock->addr.sun_path, &sock->file))
		unlink(sock->addr.sun_path);
	if (sock->listen_fd >= 0)
		close(sock->listen_fd);
	if (sock->lock_fd >= 0) {
		if (fstat(sock->lock_fd, &sock->file) == 0 &&
				leads_to(sock->lock_path, &sock->file))
			unlink(sock->lock_path);
		close(sock->lock_fd);
	}
	free(sock);
}

int
masq_ctl_socket_listen(struct masq_ctl_socket *sock, struct masq_err *err)
{
	const char *path = sock->addr.sun_path;
	mode_t old;
	int fd, ret;

	ret = check_place(&sock->addr, err);
	if (ret != 0)
		return ret;
	if (unlink(path) != 0 && errno != ENOENT)
		return masq_err_set(err, errno, "cannot remove the old socket %s: %s", path,
				strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return masq_err_set(err, errno, "cannot create a socket: %s", strerror(errno));
	/* Created without rights for others; the mode is set before any client is accepted. */
	old = umask(0177);
	ret = bind(fd, (const struct sockaddr *)&sock->addr, sizeof(sock->addr));
	umask(old);
	if (ret == 0) {
		sock->bound = lstat(path, &sock->file) == 0;
		if (sock->has_group)
			ret = chown(path, (uid_t)-1, sock->gid);
	}
	if (ret == 0)
		ret = chmod(path, 0660);
	if (ret == 0)
		ret = listen(fd, SOCKET_BACKLOG);
	if (ret != 0) {
		ret = masq_err_set(err, errno, "cannot listen on %s: %s", path, strerror(errno));
		close(fd);
		return ret;
	}
	sock->listen_fd = fd;
	return fd;
}

static bool
in_group(int fd, gid_t primary, gid_t wanted)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

int
masq_ctl_socket_admit(const struct masq_ctl_socket *sock, int fd, struct masq_ctl_peer *peer,
		struct masq_err *err)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return masq_err_set(err, EACCES, "cannot identify the client: %s", strerror(errno));
	peer->uid = cred.uid;
	peer->pid = cred.pid;
	if (cred.uid == 0 || cred.uid == geteuid())
		return 0;
	if (sock->has_group && in_group(fd, cred.gid, sock->gid))
		return 0;
	return masq_err_set(err, EACCES,
			"permission denied (you must be root or in the group that the daemon's "
			"socket-group names)");
}
