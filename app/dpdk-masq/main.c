/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk-masq: the daemon.
 *
 * Order of start, each step undone in reverse order at the end:
 *
 *	start file	read and checked; nothing has happened yet
 *	machine		CPUs, group, interfaces exist
 *	claim		we are the only daemon on this socket, and on each interface
 *	memory		there is enough; checked after the claim, as another daemon would hold some
 *	watch		a signal ends the following steps if they hang
 *	EAL		memory and lcores
 *	data path	devices opened, workers created
 *	control		model, rule file read and put in force
 *	start		ports and workers run
 *	listen		clients can connect; "dpdk-masq: ready"
 *	serve		until SIGTERM, SIGINT, SIGHUP or a client's request to stop; what becomes of
 *			the ports' interfaces is logged meanwhile
 *
 * Signals are read from a descriptor, and are blocked before any thread is created, so no handler
 * ever runs; during the start watch.c reads it. A failure is one sentence on stderr and exit 1; a
 * wrong option is exit 2.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include <masq_ctl.h>
#include <masq_dp.h>
#include <masq_stdio.h>

#include "daemon.h"

static const char usage[] =
		"Usage: dpdk-masq [-c FILE] [-v]    serve until SIGTERM, SIGINT or \"dpdk-masq-cli shutdown\"\n"
		"       dpdk-masq -t [-c FILE]      only check the start file and its rule file\n"
		"       dpdk-masq -V                print the version\n"
		"       dpdk-masq -h                print this\n"
		"\n"
		"  -c FILE   start file, default " MASQ_DAEMON_FILE_DEFAULT "\n"
		"  -v        more log lines on stderr; given twice, all of them\n"
		"  (long forms: --config FILE, --test, --verbose, --version, --help)\n"
		"\n"
		"A start file for two network interfaces, without hugepages:\n"
		"\n"
		"  [daemon]\n"
		"  hugepages = no\n"
		"  rules = /etc/dpdk-masq/rules.masq\n"
		"  [port lan]\n"
		"  device = net_af_packet0,iface=lan0\n"
		"  address = 192.168.1.1/24\n"
		"  [port wan]\n"
		"  device = net_af_packet1,iface=wan0\n"
		"  address = 203.0.113.1/24\n"
		"  gateway = 203.0.113.254\n"
		"\n"
		"and its rule file:\n"
		"\n"
		"  ipchains -A forward -s 192.168.1.0/24 -j MASQ\n"
		"\n"
		"Exit: 0 done, 1 refused (one sentence says why), 2 usage.\n";

struct options {
	const char *file;
	bool test;
	enum masq_log_level level;
};

/* @return -1: continue; else the exit code */
static int
read_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "c:tvVh", names, NULL)) != -1) {
		switch (letter) {
		case 'c':
			options->file = optarg;
			if (optarg[0] != '\0')
				break;
			fputs("dpdk-masq: -c needs the name of a file\nTry \"dpdk-masq -h\".\n",
					stderr);
			return 2;
		case 't':
			options->test = true;
			break;
		case 'v':
			if (options->level < MASQ_LOG_DEBUG)
				options->level++;
			break;
		case 'V':
			puts("dpdk-masq " MASQ_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("Try \"dpdk-masq -h\".\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "dpdk-masq: unexpected argument \"%s\"\nTry \"dpdk-masq -h\".\n",
				argv[optind]);
		return 2;
	}
	return -1;
}

static int
fail(const struct masq_err *err)
{
	fprintf(stderr, "dpdk-masq: %s\n", err->text);
	return 1;
}

static int
test_files(const struct masq_conf_start *start)
{
	unsigned int n_rules = 0;
	struct masq_cpus cpus;
	struct masq_err err;

	if (masq_daemon_check(start, &cpus, &err) != 0)
		return fail(&err);
	if (start->rules[0] != '\0' &&
			masq_ctl_rules_file_check(start, start->rules, &n_rules, &err) != 0)
		return fail(&err);
	printf("%s: %u port%s, %u worker%s; %s: %u rule%s: fine\n", start->file, start->n_ports,
			start->n_ports == 1 ? "" : "s", start->workers,
			start->workers == 1 ? "" : "s",
			start->rules[0] != '\0' ? start->rules : "no rule file", n_rules,
			n_rules == 1 ? "" : "s");
	return 0;
}

/* @return a descriptor that reports SIGTERM, SIGINT and SIGHUP (the terminal was closed) */
static int
block_signals(struct masq_err *err)
{
	struct sigaction hangup;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Under nohup a closed terminal must not end the daemon. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return masq_err_set(err, errno, "cannot watch signals: %s", strerror(errno));
	return fd;
}

static void
serve(struct masq_ctl *ctl, const struct masq_dp *dp, const struct masq_conf_start *start,
		int signal_fd)
{
	struct masq_interfaces interfaces;
	struct pollfd fds[3] = {
		{ .fd = masq_ctl_fd(ctl), .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = masq_daemon_interfaces_watch(&interfaces, start), .events = POLLIN },
	};

	fputs("dpdk-masq: ready\n", stderr);
	do {
		(void)poll(fds, RTE_DIM(fds), masq_ctl_wait_ms(ctl));
		if ((fds[1].revents & POLLIN) != 0)
			break;
		if (fds[2].revents != 0)
			masq_daemon_interfaces_look(&interfaces);
	} while (!masq_ctl_poll(ctl, masq_dp_now_ms(dp), 0));
	masq_daemon_interfaces_end(&interfaces);
}

/* With EAL up: data path and control, from opening to closing. */
static int
run(const struct masq_conf_start *start, struct masq_ctl_socket *sock, int signal_fd,
		struct masq_err *err)
{
	struct masq_ctl *ctl = NULL;
	struct masq_dp *dp;
	int ret = -EIO;

	dp = masq_dp_create(start, MASQ_DP_LCORES, 0, err);
	if (dp == NULL)
		goto close;
	ctl = masq_ctl_create(start, dp, err);
	if (ctl == NULL)
		goto close;
	ret = masq_ctl_rules_file(ctl, start->rules, err);
	if (ret != 0)
		goto close;
	ret = masq_dp_start(dp, err);
	masq_daemon_watch_end();
	if (ret != 0)
		goto close;
	masq_ctl_warn_nodes(dp);
	ret = masq_ctl_listen(ctl, sock, err);
	if (ret == 0)
		serve(ctl, dp, start, signal_fd);
	else
		masq_conf_start_blame(start, "socket", NULL, ret, err);
	masq_dp_stop(dp);
close:
	masq_daemon_watch_end();
	masq_ctl_destroy(ctl);
	masq_dp_destroy(dp);
	return ret;
}

int
main(int argc, char **argv)
{
	struct options options = { .file = MASQ_DAEMON_FILE_DEFAULT, .level = MASQ_LOG_NOTICE };
	static struct masq_conf_start start;
	struct masq_ctl_socket *sock = NULL;
	struct masq_cpus cpus;
	struct masq_err err = { "" };
	int signal_fd, ret;

	masq_stdio_open();
	ret = read_options(argc, argv, &options);
	if (ret >= 0)
		return ret;
	masq_daemon_log_open(options.level);
	if (masq_conf_start_read(options.file, &start, &err) != 0)
		return fail(&err);
	if (options.test)
		return test_files(&start);
	if (masq_daemon_check(&start, &cpus, &err) != 0)
		return fail(&err);
	signal_fd = block_signals(&err);
	if (signal_fd < 0)
		return fail(&err);
	ret = masq_ctl_socket_claim(start.socket, start.socket_group, &sock, &err);
	if (ret != 0) {
		if (ret != -EBUSY)
			masq_conf_start_blame(&start, "socket", NULL, ret, &err);
		return fail(&err);
	}
	ret = masq_daemon_claim(&start, &err);
	if (ret == 0)
		ret = masq_daemon_check_memory(&start, &err);
	if (ret == 0)
		ret = masq_daemon_watch_begin(signal_fd, sock, &err);
	if (ret == 0)
		ret = masq_daemon_eal_start(&start, &cpus, options.level, &err);
	if (ret == 0) {
		ret = run(&start, sock, signal_fd, &err);
		masq_daemon_eal_stop();
	}
	masq_daemon_watch_end();
	masq_ctl_socket_release(sock);
	return ret == 0 ? 0 : fail(&err);
}
