/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc.read: the texts that Linux 2.2 had under /proc/net, exact to the column (reference 1.14,
 * 2.4, 5.6).
 *
 * One table of names; each name has a printer that writes a slice of its text into a stream and
 * advances the page. Session tables go by pages of sessions, everything else by rows. Lines of the
 * ip_masq tables are padded with blanks to a fixed length, as the original's were, because programs
 * of the time read them by position.
 *
 * Where the original shows something that does not exist here:
 *	free=	in the original, for each protocol, how many more entries were possible: its entries
 *		subtracted from ten times its ports. Here one table serves all protocols, and this
 *		is the number of its free places.
 *	init-seq, delta, pdelta	are zero: payloads keep their length.
 *	HRow	is computed with the original's hash; HCol, the place in that row, is 0.
 *	Ref	is 3, the original's count for an idle entry, which was in three tables.
 *
 * Control thread only.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <masq_conf_names.h>

#include "masq_ctl_priv.h"

#define MASQ_LINE 127 /* characters per line of the session tables */
#define PORTFW_LINE 63 /* of the portfw table */
#define APP_LINE 39 /* of the table of helpers */
#define PROC_ROWS 512 /* rows per slice */

/* Arguments of a printer. */
struct proc {
	struct masq_ctl *ctl;
	struct masq_ctl_page page; /* 0.0: print the header too */
	json_t *result; /* for warnings */
	FILE *out;
	uint8_t proto; /* for ip_masq/tcp, udp, icmp */
	bool end;
};

static const char *
proto_name(uint8_t proto, char text[8])
{
	switch (proto) {
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_ICMP:
		return "ICMP";
	default:
		snprintf(text, 8, "IP_%u", proto);
		return text;
	}
}

static unsigned int
free_places(const struct masq_ctl *ctl)
{
	struct masq_dp_counters counters;

	masq_dp_counters_read(ctl->dp, UINT32_MAX, &counters);
	return counters.sessions < ctl->start->sessions
			? ctl->start->sessions - (unsigned int)counters.sessions
			: 0;
}

static bool
at_start(const struct proc *proc)
{
	return proc->page.at[0] == 0 && proc->page.at[1] == 0;
}

/* ---------------------------------------------------------------- sessions */

static void
print_masquerade_row(struct proc *proc, const struct masq_session_row *row)
{
	char line[MASQ_LINE + 1], name[8];
	struct masq_ctl_session_ends e;

	masq_ctl_session_ends(row, &e);
	snprintf(line, sizeof(line), "%s %08X:%04X %08X:%04X %04X %08X %6d %6d %7u",
			proto_name(row->initial.proto, name), e.inside, e.inside_port, e.outside,
			e.outside_port, e.masq_port, 0u, 0, 0, row->expires_ms / 10);
	fprintf(proc->out, "%-*s\n", MASQ_LINE, line);
}

static unsigned int
entry_flags(const struct masq_session_row *row)
{
	unsigned int flags = 0x100; /* in the tables */

	if (row->kind == MASQ_SESSION_MASQ ? row->reply_packets == 0 : row->initial_packets == 0)
		flags |= 0x80; /* nothing from outside yet */
	if (row->kind != MASQ_SESSION_MASQ)
		flags |= 0x1000; /* explicit port */
	return flags;
}

static void
print_entry_row(struct proc *proc, const struct masq_session_row *row)
{
	char line[MASQ_LINE + 1], name[8];
	struct masq_ctl_session_ends e;
	unsigned int bucket;

	masq_ctl_session_ends(row, &e);
	bucket = (row->initial.proto ^ e.masq ^ e.outside ^ e.masq_port ^ e.outside_port) & 0xff;
	snprintf(line, sizeof(line),
			"%-4s %08X:%04X %08X:%04X %08X:%04X %-12s %3X %4d %3d %7u %4u %4d",
			proto_name(row->initial.proto, name), e.inside, e.inside_port, e.outside,
			e.outside_port, e.masq, e.masq_port, masq_state_name(row->state),
			entry_flags(row), 3, 0, row->expires_ms / 1000, bucket, 0);
	fprintf(proc->out, "%-*s\n", MASQ_LINE, line);
}

static int
print_sessions(struct proc *proc, void (*print)(struct proc *, const struct masq_session_row *),
		struct masq_err *err)
{
	const struct masq_dp_session_filter filter = { .proto = proc->proto };
	struct masq_session_row *rows = NULL;
	const int n = masq_ctl_session_page(
			proc->ctl, &filter, &proc->page, &rows, &proc->end, proc->result, err);

	for (int i = 0; i < n; i++)
		print(proc, &rows[i]);
	free(rows);
	return n < 0 ? n : 0;
}

static void
print_session_header(struct proc *proc, const char *columns)
{
	const unsigned int places = free_places(proc->ctl);
	char line[MASQ_LINE + 1];

	snprintf(line, sizeof(line), "%s (free=%u,%u,%u)", columns, places, places, places);
	fprintf(proc->out, "%-*s\n", MASQ_LINE, line);
}

static int
proc_masquerade(struct proc *proc, struct masq_err *err)
{
	if (at_start(proc))
		print_session_header(proc,
				"Prc FromIP   FPrt ToIP     TPrt Masq Init-seq  Delta PDelta Expires");
	return print_sessions(proc, print_masquerade_row, err);
}

static int
proc_entries(struct proc *proc, struct masq_err *err)
{
	if (at_start(proc))
		print_session_header(proc,
				"Prot SrcIP    SPrt DstIP    DPrt MAddr    MPrt State        Flgs "
				"Ref Ctl Expires HRow HCol");
	return print_sessions(proc, print_entry_row, err);
}

/* ---------------------------------------------------------------- portfw */

static int
proc_portfw(struct proc *proc, struct masq_err *err)
{
	const uint32_t max = proc->ctl->rules.n_portfw;
	struct masq_portfw_row *rows = calloc(max + 1, sizeof(*rows));
	char line[PORTFW_LINE + 1], name[8];
	uint32_t n_rows;

	(void)err;
	if (rows == NULL)
		return -ENOMEM;
	if (at_start(proc))
		fprintf(proc->out, "%-*s\n", PORTFW_LINE,
				"Prot LAddr    LPort > RAddr    RPort PrCnt  Pref");
	n_rows = masq_dp_portfw_rows(proc->ctl->dp, rows, max);
	for (uint32_t i = 0; i < PROC_ROWS && proc->page.at[0] < n_rows; i++) {
		const struct masq_portfw_row *row = &rows[proc->page.at[0]++];

		snprintf(line, sizeof(line), "%-4s %08X %5u > %08X %5u %5d %5d",
				proto_name(row->rule.proto, name), row->rule.laddr, row->rule.lport,
				row->rule.raddr, row->rule.rport, (int)row->pcnt,
				(int)row->rule.pref);
		fprintf(proc->out, "%-*s\n", PORTFW_LINE, line);
	}
	proc->end = proc->page.at[0] >= n_rows;
	free(rows);
	return 0;
}

/* A kernel without helpers prints the header alone, and so far there are none. */
static int
proc_app(struct proc *proc, struct masq_err *err)
{
	(void)err;
	fprintf(proc->out, "%-*s\n", APP_LINE, "prot port    n_attach name");
	proc->end = true;
	return 0;
}

/* ---------------------------------------------------------------- chains */

static const char *
target_text(const struct masq_conf_rule *rule)
{
	return rule->target == MASQ_TARGET_CHAIN ? rule->chain
						 : masq_conf_target_name(rule->target);
}

static void
print_chain_rule(struct proc *proc, const char *chain, const struct masq_conf_rule *rule)
{
	const struct masq_dp_rule_counter n = masq_dp_rule_counter(proc->ctl->dp, rule->id);
	const unsigned int flags = rule->flags | (rule->outsize != 0 ? 0x20u : 0u);

	fprintf(proc->out, "%9s %08X/%08X->%08X/%08X %s %X %X %u ", chain, rule->src,
			rule->src_mask, rule->dst, rule->dst_mask,
			rule->iface[0] != '\0' ? rule->iface : "-", flags, rule->inverse,
			rule->proto);
	fprintf(proc->out, "%-9" PRIu32 " %-9" PRIu32 " %-9" PRIu32 " %-9" PRIu32 " ",
			(uint32_t)(n.packets >> 32), (uint32_t)n.packets, (uint32_t)(n.bytes >> 32),
			(uint32_t)n.bytes);
	fprintf(proc->out, "%u-%u %u-%u A%02X X%02X %08X %" PRIu32 " %u %9s\n", rule->sport.lo,
			rule->sport.hi, rule->dport.lo, rule->dport.hi, rule->tos_and,
			rule->tos_xor, rule->redirect_port, rule->mark, rule->outsize,
			target_text(rule));
}

/* All pages show the counters as of the first page, unless another client updates them in between. */
static int
refresh_counters(struct proc *proc, struct masq_err *err)
{
	if (proc->page.at[0] != 0 || proc->page.at[1] != 0)
		return 0;
	return masq_ctl_refresh_counters(proc->ctl, proc->result, err);
}

static int
proc_fwchains(struct proc *proc, struct masq_err *err)
{
	const struct masq_conf_rules *rules = &proc->ctl->rules;
	uint32_t *chain = &proc->page.at[0], *rule = &proc->page.at[1];
	uint32_t left = PROC_ROWS;
	int ret = refresh_counters(proc, err);

	if (ret != 0)
		return ret;
	while (*chain < rules->n_chains && left > 0) {
		const struct masq_conf_chain *c = &rules->chains[*chain];

		for (; *rule < c->n_rules && left > 0; (*rule)++, left--)
			print_chain_rule(proc, c->name, &c->rules[*rule]);
		if (*rule >= c->n_rules) {
			(*chain)++;
			*rule = 0;
			left -= left > 0 ? 1 : 0;
		}
	}
	proc->end = *chain >= rules->n_chains;
	return 0;
}

static int
proc_fwnames(struct proc *proc, struct masq_err *err)
{
	const struct masq_conf_rules *rules = &proc->ctl->rules;
	uint32_t *chain = &proc->page.at[0];
	int ret = refresh_counters(proc, err);

	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < PROC_ROWS && *chain < rules->n_chains; i++, (*chain)++) {
		const struct masq_conf_chain *c = &rules->chains[*chain];
		const bool builtin = *chain < MASQ_CHAIN_BUILTINS;
		const struct masq_dp_rule_counter n = masq_dp_rule_counter(
				proc->ctl->dp, builtin ? c->policy_id : 0);

		/* The original counts a built-in chain's own existence as a reference. */
		fprintf(proc->out,
				"%s %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
				"\n",
				c->name, builtin ? masq_conf_target_name(c->policy) : "-",
				masq_conf_chain_references(rules, *chain) + (builtin ? 1 : 0),
				(uint32_t)(n.packets >> 32), (uint32_t)n.packets,
				(uint32_t)(n.bytes >> 32), (uint32_t)n.bytes);
	}
	proc->end = *chain >= rules->n_chains;
	return 0;
}

/* ---------------------------------------------------------------- the table */

/* clang-format off */
static const struct {
	const char *name;
	int (*print)(struct proc *proc, struct masq_err *err);
	uint8_t proto;
} texts[] = {
	{ "ip_masquerade", proc_masquerade, 0 },
	{ "ip_masq/tcp", proc_entries, IPPROTO_TCP },
	{ "ip_masq/udp", proc_entries, IPPROTO_UDP },
	{ "ip_masq/icmp", proc_entries, IPPROTO_ICMP },
	{ "ip_masq/portfw", proc_portfw, 0 },
	{ "ip_masq/app", proc_app, 0 },
	{ "ip_fwchains", proc_fwchains, 0 },
	{ "ip_fwnames", proc_fwnames, 0 },
};

/* clang-format on */
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static int
unknown_text(const json_t *name, struct masq_err *err)
{
	char names[160] = "", given[MASQ_RPC_VALUE_BYTES];
	size_t len = 0;

	for (size_t i = 0; i < N_TEXTS; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
				texts[i].name);
	return masq_err_set(err, json_is_string(name) ? ENOENT : EBADMSG,
			"there is no %s; accepted: %s", masq_rpc_value_text(name, given), names);
}

int
masq_ctl_proc_read(struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	const json_t *name = json_object_get(params, "name");
	struct proc proc = { .ctl = ctl, .result = result };
	char *text = NULL;
	size_t i, len_bytes = 0;
	int ret;

	for (i = 0; json_is_string(name) && i < N_TEXTS &&
			strcmp(json_string_value(name), texts[i].name) != 0;
			i++)
		;
	if (i == N_TEXTS || !json_is_string(name))
		return unknown_text(name, err);
	ret = masq_ctl_page_open(params, &proc.page, err);
	if (ret != 0)
		return ret;
	proc.page.limit = PROC_ROWS;
	proc.proto = texts[i].proto;
	proc.out = open_memstream(&text, &len_bytes);
	if (proc.out == NULL)
		return -ENOMEM;
	ret = texts[i].print(&proc, err);
	if (fclose(proc.out) != 0 && ret == 0)
		ret = -ENOMEM;
	if (ret == 0)
		ret = masq_ctl_put(result, "text", json_stringn(text, len_bytes));
	free(text);
	if (ret != 0)
		return ret;
	return masq_ctl_page_close(&proc.page, proc.end, result);
}
