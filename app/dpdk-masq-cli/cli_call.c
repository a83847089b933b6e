/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls to the daemon, and what all commands do with the answers.
 *
 * The connection is opened by the first call and kept, so "help" and wrong words need no daemon. In
 * a shell a broken connection is opened again by the next call.
 *
 * A listing is a walk over pages: call, print the rows, call with the cursor of the page, until the
 * cursor is null. Nothing is collected, so a million sessions can be piped to another program.
 *
 * A failure is one line on stderr, "PROGRAM: sentence"; exit codes are enum cli_exit.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define CALL_TIMEOUT_MS 60000

volatile sig_atomic_t cli_interrupted;

int
cli_fail(const struct cli *cli, int code, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", cli->program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

int
cli_usage(const struct cli *cli, const char *command, const char *fmt, ...)
{
	const struct cli_command *c = cli_command_find(command);
	va_list args;

	fprintf(stderr, "%s: %s: ", cli->program, command);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	if (c != NULL)
		cli_forms_print(stderr, c);
	return CLI_USAGE;
}

int
cli_wrong_word(const struct cli *cli, const char *const *words, unsigned int n_words,
		unsigned int at, const char *accepted)
{
	if (at >= n_words)
		return cli_usage(cli, words[0], "a word is missing; accepted: %s", accepted);
	return cli_usage(cli, words[0], "`%.64s' is not accepted here; accepted: %s", words[at],
			accepted);
}

int
cli_call_quiet(struct cli *cli, const char *method, json_t *params, json_t **result,
		struct masq_err *err)
{
	int ret;

	*result = NULL;
	if (cli->client == NULL) {
		ret = masq_rpc_client_open(cli->socket, &cli->client, err);
		if (ret != 0) {
			json_decref(params);
			return ret == -ENOENT || ret == -ECONNREFUSED ? CLI_NO_DAEMON : CLI_REFUSED;
		}
	}
	ret = masq_rpc_client_call(cli->client, method, params, CALL_TIMEOUT_MS, result, err);
	if (ret == 0)
		return CLI_DONE;
	if (ret != -EREMOTEIO) {
		masq_rpc_client_close(cli->client);
		cli->client = NULL;
		return CLI_REFUSED;
	}
	return masq_rpc_client_code(cli->client) == MASQ_RPC_PARAMS ? CLI_USAGE : CLI_REFUSED;
}

int
cli_call(struct cli *cli, const char *method, json_t *params, json_t **result)
{
	struct masq_err err = { "" };
	const int code = cli_call_quiet(cli, method, params, result, &err);

	return code == CLI_DONE ? code : cli_fail(cli, code, "%s", err.text);
}

void
cli_warn(const struct cli *cli, const char *sentence)
{
	if (cli->line != 0)
		fprintf(stderr, "warning: line %u: %s\n", cli->line, sentence);
	else
		fprintf(stderr, "warning: %s\n", sentence);
}

void
cli_warnings_print(const struct cli *cli, const json_t *result)
{
	json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(result, "warnings"), i, warning)
			cli_warn(cli, json_string_value(warning));
}

void
cli_print_json(struct cli *cli, const json_t *document)
{
	json_dumpf(document, cli->out, JSON_INDENT(2));
	fputc('\n', cli->out);
}

int
cli_do(struct cli *cli, const char *method, json_t *params)
{
	json_t *result;
	const int code = cli_call(cli, method, params, &result);

	if (code == CLI_DONE && cli->json)
		cli_print_json(cli, result);
	json_decref(result);
	return code;
}

/* ---------------------------------------------------------------- pages */

/* Print the warnings of a page at once, and keep them for the end of the JSON document. */
static void
note_warnings(const struct cli *cli, json_t *all, const json_t *result)
{
	cli_warnings_print(cli, result);
	json_array_extend(all, json_object_get(result, "warnings"));
}

/* The last key of a document that is printed in pieces. */
static void
print_warnings_key(FILE *out, const json_t *all)
{
	if (json_array_size(all) == 0)
		return;
	fputs(", \"warnings\": ", out);
	json_dumpf(all, out, 0);
}

/* Advance params to the next page. @return false: there is none */
static bool
next_page(json_t *params, const json_t *result)
{
	json_t *cursor = json_object_get(result, "cursor");

	if (!json_is_string(cursor))
		return false;
	json_object_set(params, "cursor", cursor);
	return true;
}

int
cli_list(struct cli *cli, const char *method, json_t *params, const char *key, cli_row_fn row,
		void *arg)
{
	json_t *one, *warnings = json_array();
	bool more = true;
	int code = CLI_DONE;
	size_t i, n_rows = 0, n_pages = 0;

	if (params == NULL)
		params = json_object();
	while (more && code == CLI_DONE) {
		json_t *result;

		code = cli_call(cli, method, json_incref(params), &result);
		if (code != CLI_DONE)
			break;
		note_warnings(cli, warnings, result);
		if (cli->json && n_pages++ == 0)
			fprintf(cli->out, "{\"%s\": [", key);
		json_array_foreach(json_object_get(result, key), i, one)
		{
			if (!cli->json) {
				row(cli, one, arg);
				continue;
			}
			fputs(n_rows++ == 0 ? "\n  " : ",\n  ", cli->out);
			json_dumpf(one, cli->out, 0);
		}
		more = next_page(params, result) && !ferror(cli->out) && !cli_interrupted;
		json_decref(result);
	}
	if (cli->json && code == CLI_DONE) {
		fputs("\n]", cli->out);
		print_warnings_key(cli->out, warnings);
		fputs("}\n", cli->out);
	}
	json_decref(warnings);
	json_decref(params);
	return code;
}

/* Print a slice of a text: unchanged, or as the inside of a JSON string. */
static void
print_slice(const struct cli *cli, const json_t *result, FILE *out)
{
	char *quoted;

	if (!cli->json || out != cli->out) {
		fputs(cli_string(result, "text"), out);
		return;
	}
	quoted = json_dumps(json_object_get(result, "text"), JSON_ENCODE_ANY);
	if (quoted != NULL && quoted[0] == '"')
		fprintf(out, "%.*s", (int)strlen(quoted) - 2, quoted + 1);
	free(quoted);
}

int
cli_text(struct cli *cli, const char *method, json_t *params, FILE *out)
{
	const bool as_json = cli->json && out == cli->out;
	json_t *warnings = json_array();
	bool more = true;
	int code = CLI_DONE;

	if (params == NULL)
		params = json_object();
	for (size_t n_slices = 0; more && code == CLI_DONE; n_slices++) {
		json_t *result;

		code = cli_call(cli, method, json_incref(params), &result);
		note_warnings(cli, warnings, result);
		if (as_json && code == CLI_DONE && n_slices == 0)
			fputs("{\"text\": \"", out);
		print_slice(cli, result, out);
		more = next_page(params, result) && !ferror(out) && !cli_interrupted;
		json_decref(result);
	}
	if (as_json && code == CLI_DONE) {
		fputc('"', out);
		print_warnings_key(out, warnings);
		fputs("}\n", out);
	}
	json_decref(warnings);
	json_decref(params);
	return code;
}

/*
 * A buffer that could not be written is discarded, and a later fflush() succeeds: only ferror()
 * reports it. The reason is lost by then; writing one more byte finds it out.
 */
int
cli_output_end(const struct cli *cli, FILE *out, const char *name, int code)
{
	bool lost = ferror(out) != 0;

	if (lost) {
		clearerr(out);
		fputc('\n', out);
	}
	errno = EIO;
	lost |= fflush(out) != 0;
	if (!lost || code != CLI_DONE)
		return code;
	if (errno == EPIPE)
		return CLI_REFUSED;
	return cli_fail(cli, CLI_REFUSED, "cannot write %s: %s", name, strerror(errno));
}

/* ---------------------------------------------------------------- values of rows */

const char *
cli_string(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "";
}

uint64_t
cli_number(const json_t *row, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(row, key));
}

uint32_t
cli_address(const json_t *row, const char *key)
{
	uint32_t addr = 0;

	return masq_ip4_parse(cli_string(row, key), &addr) == 0 ? addr : 0;
}
