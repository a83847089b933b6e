/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_FIXTURE_H
#define CLI_FIXTURE_H

/**
 * @file
 * For the tests of the CLI: a machine whose names are known, and a daemon that knows its lines.
 *
 * Names. The functions of the C library that look names up are defined here, so the listings of a
 * test do not depend on /etc/services, /etc/hosts or a name server.
 *
 * The daemon. A row says which method is expected with which parameters, and what is answered. Rows
 * are used up in order; anything else that is asked is refused with a sentence, which the test finds
 * on stderr. JSON is written with ' for ", so that it can be read here.
 */

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <masq_rpc_frame.h>

#include "cli.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* ---------------------------------------------------------------- names */

static char *no_aliases[] = { NULL };
static unsigned int hosts_asked __attribute__((unused)); /* calls of gethostbyaddr() */

struct hostent *
gethostbyaddr(const void *addr, socklen_t len, int type)
{
	static char name[] = "www.inside";
	static struct hostent host = { .h_name = name, .h_aliases = no_aliases };
	uint32_t wire;

	hosts_asked++;
	assert_int_equal(type, AF_INET);
	assert_int_equal(len, sizeof(wire));
	memcpy(&wire, addr, sizeof(wire));
	return wire == htonl(MASQ_IP4(192, 168, 16, 27)) ? &host : NULL;
}

struct netent *
getnetbyaddr(uint32_t net, int type)
{
	static char name[] = "branch";
	static struct netent entry = { .n_name = name, .n_aliases = no_aliases };

	assert_int_equal(type, AF_INET);
	return net == MASQ_IP4(209, 81, 8, 0) ? &entry : NULL;
}

struct servent *
getservbyport(int port, const char *proto)
{
	static char www[] = "www", domain[] = "domain";
	static struct servent tcp80 = { .s_name = www, .s_aliases = no_aliases };
	static struct servent udp53 = { .s_name = domain, .s_aliases = no_aliases };

	assert_non_null(proto);
	if (port == htons(80) && strcmp(proto, "tcp") == 0)
		return &tcp80;
	return port == htons(53) && strcmp(proto, "udp") == 0 ? &udp53 : NULL;
}

struct protoent *
getprotobynumber(int proto)
{
	static char icmp[] = "icmp", tcp[] = "tcp", udp[] = "udp", gre[] = "gre";
	static struct protoent entries[] = { { icmp, no_aliases, 1 }, { tcp, no_aliases, 6 },
		{ udp, no_aliases, 17 }, { gre, no_aliases, 47 } };

	for (size_t i = 0; i < LENGTH(entries); i++)
		if (entries[i].p_proto == proto)
			return &entries[i];
	return NULL;
}

/* ---------------------------------------------------------------- JSON */

/** @return the document that a text with ' for " is */
static inline json_t *
json_of(const char *text)
{
	char *copy = strdup(text);
	json_error_t error;
	json_t *document;

	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	document = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (document == NULL)
		fail_msg("%s: %s", text, error.text);
	free(copy);
	return document;
}

/* ---------------------------------------------------------------- the daemon */

struct fake_answer {
	const char *method;
	const char *params; /**< JSON with '; "{}" for none */
	const char *result; /**< JSON with ' */
};

struct fake_daemon {
	const struct fake_answer *answers;
	size_t n_answers;
	size_t n_asked; /**< read it after the thread has ended */
	int listening;
	char dir[64];
	char path[80];
	pthread_t thread;
};

static inline char *
fake_answer_line(struct fake_daemon *fake, const struct masq_rpc_request *request, size_t *len)
{
	const struct fake_answer *answer = &fake->answers[fake->n_asked];
	char sentence[160] = "nothing more was expected";
	json_t *wanted, *params;
	bool same;

	if (fake->n_asked++ >= fake->n_answers)
		return masq_rpc_error_line(request->id, EINVAL, sentence, len);
	wanted = json_of(answer->params);
	params = request->params != NULL ? json_incref(request->params) : json_object();
	same = strcmp(answer->method, request->method) == 0 && json_equal(wanted, params);
	snprintf(sentence, sizeof(sentence), "expected was %s %s, not %s", answer->method,
			answer->params, request->method);
	json_decref(wanted);
	json_decref(params);
	return same ? masq_rpc_result_line(request->id, json_of(answer->result), len)
		    : masq_rpc_error_line(request->id, EINVAL, sentence, len);
}

static inline void
fake_serve(struct fake_daemon *fake, int fd)
{
	struct masq_rpc_frame frame;
	char bytes[4096];
	ssize_t n;

	masq_rpc_frame_init(&frame, MASQ_RPC_FRAME_BYTES_MAX);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		json_t *document;

		if (masq_rpc_frame_push(&frame, bytes, (size_t)n, NULL) != 0)
			break;
		while (masq_rpc_frame_next(&frame, &document, NULL) == 1) {
			struct masq_rpc_request request;
			size_t len = 0;
			char *line;

			if (masq_rpc_request_read(document, &request, NULL) != 0)
				abort();
			line = fake_answer_line(fake, &request, &len);
			if (write(fd, line, len) != (ssize_t)len)
				abort();
			free(line);
			json_decref(document);
		}
	}
	masq_rpc_frame_fini(&frame);
	close(fd);
}

static inline void *
fake_main(void *arg)
{
	struct fake_daemon *fake = arg;
	int fd;

	while ((fd = accept(fake->listening, NULL, NULL)) >= 0)
		fake_serve(fake, fd);
	return NULL;
}

static inline void
fake_start(struct fake_daemon *fake, const struct fake_answer *answers, size_t n_answers)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	*fake = (struct fake_daemon){ .answers = answers, .n_answers = n_answers };
	strcpy(fake->dir, "/tmp/masq-test-cli-XXXXXX");
	assert_non_null(mkdtemp(fake->dir));
	snprintf(fake->path, sizeof(fake->path), "%s/socket", fake->dir);
	strcpy(addr.sun_path, fake->path);
	fake->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake->listening, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fake->listening, 4), 0);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_main, fake), 0);
}

static inline void
fake_stop(struct fake_daemon *fake)
{
	shutdown(fake->listening, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	close(fake->listening);
	unlink(fake->path);
	rmdir(fake->dir);
}

/* ---------------------------------------------------------------- one command */

/** What a command did. */
struct said {
	int code;
	char *out; /**< heap */
	char *err; /**< heap */
};

static inline char *
read_back(FILE *file)
{
	char *text = calloc(1, 65536);

	rewind(file);
	fread(text, 1, 65535, file);
	fclose(file);
	return text;
}

/**
 * Run one command against a daemon of these rows, all of which it must ask for.
 *
 * @param run	the tool; NULL: cli_run()
 */
static inline struct said
cli_says(const struct fake_answer *answers, size_t n_answers, cli_command_fn run, const char *line)
{
	char *copy = strdup(line), *words[64];
	const int n = masq_conf_line_split(copy, words, LENGTH(words)), old_stderr = dup(2);
	struct said said = { 0 };
	struct cli cli = { .program = "cli" };
	struct fake_daemon fake;
	FILE *err = tmpfile();
	size_t size;

	assert_true(n > 0);
	fake_start(&fake, answers, n_answers);
	cli.socket = fake.path;
	cli.out = open_memstream(&said.out, &size);
	dup2(fileno(err), 2);
	said.code = (run != NULL ? run : cli_run)(
			&cli, (const char *const *)words, (unsigned int)n);
	dup2(old_stderr, 2);
	close(old_stderr);
	masq_rpc_client_close(cli.client);
	fake_stop(&fake);
	fclose(cli.out);
	said.err = read_back(err);
	free(copy);
	if (fake.n_asked != n_answers)
		fail_msg("%s: asked %zu times, not %zu\n%s", line, fake.n_asked, n_answers,
				said.err);
	return said;
}

static inline void
said_free(struct said *said)
{
	free(said->out);
	free(said->err);
}

/** Run a command that must end with 0 and write exactly @p out, and nothing on stderr. */
static inline void
check_says(const struct fake_answer *answers, size_t n_answers, const char *line, const char *out)
{
	struct said said = cli_says(answers, n_answers, NULL, line);

	assert_string_equal(said.err, "");
	assert_string_equal(said.out, out);
	assert_int_equal(said.code, CLI_DONE);
	said_free(&said);
}

#endif /* CLI_FIXTURE_H */
