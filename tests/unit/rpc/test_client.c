/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The client's end against daemons that answer, answer wrongly, fall silent, or are not there. The
 * daemon is a child that says its lines, whatever it is asked.
 */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <masq_rpc.h>
#include <masq_rpc_client.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static char folder[] = "/tmp/masq-test-rpc-XXXXXX";
static char path[64];

static int
listen_on_path(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* One connection: read a line, say the text, close if told so, else stay silent. */
static pid_t
start_daemon(const char *text, bool closes)
{
	const int fd = listen_on_path();
	const pid_t child = fork();

	if (child == 0) {
		const int client = accept(fd, NULL, NULL);
		char byte = 0;

		alarm(30);
		while (text != NULL && byte != '\n' && read(client, &byte, 1) == 1)
			;
		if (text != NULL)
			(void)!write(client, text, strlen(text));
		if (!closes)
			pause();
		_exit(0);
	}
	close(fd);
	return child;
}

static void
stop_daemon(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(path);
}

static void
answers_and_what_the_caller_gets(void **state)
{
	static const struct {
		const char *text; /* NULL: closes without reading */
		bool closes;
		int ret;
		int code;
		const char *sentence;
	} rows[] = {
		{ "{\"jsonrpc\":\"2.0\",\"result\":{\"a\":1},\"id\":1}\n", true, 0, 0, "" },
		{ "{\"jsonrpc\":\"2.0\",\"result\":{\"a\":9},\"id\":7}\n"
		  "{\"jsonrpc\":\"2.0\",\"result\":{\"a\":1},\"id\":1}\n",
				true, 0, 0, "" },
		{ "{\"error\":{\"code\":2,\"message\":\"No chain by that name\"},\"id\":1}\n",
				false, -EREMOTEIO, 2, "No chain by that name" },
		{ "{\"error\":{\"code\":-32600,\"message\":\"permission denied\"},\"id\":null}\n",
				true, -EREMOTEIO, -32600, "permission denied" },
		{ "{\"error\":{},\"id\":1}\n", true, -EREMOTEIO, 0, "without giving a reason" },
		{ "{\"id\":1}\n", true, -EBADMSG, 0, "not a JSON-RPC response" },
		{ "HTTP/1.1 400 Bad Request\n", true, -EBADMSG, 0, "not a line of JSON" },
		{ "{\"jsonrpc\":\"2.0\",\"res", true, -EPIPE, 0, "closed the connection" },
		{ "", true, -EPIPE, 0, "closed the connection" },
		{ NULL, true, -EPIPE, 0, "closed the connection" },
		{ "", false, -ETIMEDOUT, 0, "does not answer" },
		{ "{\"jsonrpc\":\"2.0\",\"res", false, -ETIMEDOUT, 0, "does not answer" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const pid_t child = start_daemon(rows[i].text, rows[i].closes);
		struct masq_rpc_client *client;
		struct masq_err err = { "" };
		json_t *result;
		int ret;

		assert_int_equal(masq_rpc_client_open(path, &client, &err), 0);
		ret = masq_rpc_client_call(client, "a.b", NULL,
				rows[i].ret == -ETIMEDOUT ? 50 : 20000, &result, &err);
		if (ret != rows[i].ret || strstr(err.text, rows[i].sentence) == NULL)
			fail_msg("row %zu: %d, %s", i, ret, err.text);
		assert_int_equal(masq_rpc_client_code(client), rows[i].code);
		assert_int_equal(json_integer_value(json_object_get(result, "a")), ret == 0);
		assert_int_equal(result == NULL, ret != 0);
		json_decref(result);
		masq_rpc_client_close(client);
		stop_daemon(child);
	}
}

static void
a_request_that_is_too_long_is_not_sent(void **state)
{
	const pid_t child = start_daemon("", false);
	char *text = malloc(MASQ_RPC_FRAME_BYTES_MAX);
	struct masq_rpc_client *client;
	struct masq_err err = { "" };
	json_t *result;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', MASQ_RPC_FRAME_BYTES_MAX - 1);
	text[MASQ_RPC_FRAME_BYTES_MAX - 1] = '\0';
	assert_int_equal(masq_rpc_client_open(path, &client, &err), 0);
	assert_int_equal(masq_rpc_client_call(client, "a.b", json_pack("{s:s}", "text", text),
					 20000, &result, &err),
			-EREMOTEIO);
	assert_non_null(strstr(err.text, "the daemon accepts at most 16777216"));
	masq_rpc_client_close(client);
	stop_daemon(child);
	free(text);
}

static void
without_a_daemon_the_sentence_says_what_to_do(void **state)
{
	struct masq_rpc_client *client;
	struct masq_err err = { "" };
	char long_path[200];

	(void)state;
	assert_int_equal(masq_rpc_client_open(path, &client, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "dpdk-masq -c FILE"));
	assert_null(client);
	close(listen_on_path()); /* as a killed daemon leaves it */
	assert_int_equal(masq_rpc_client_open(path, &client, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, "no daemon listens on"));
	unlink(path);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(masq_rpc_client_open(long_path, &client, &err), -ENAMETOOLONG);
	assert_int_equal(masq_rpc_client_open("", &client, &err), -ENAMETOOLONG);
	masq_rpc_client_close(NULL);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_what_the_caller_gets),
		cmocka_unit_test(a_request_that_is_too_long_is_not_sent),
		cmocka_unit_test(without_a_daemon_the_sentence_says_what_to_do),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
