/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of rules with -l, the control thread's side: from records to lines.
 *
 * What it is. Workers pass records (masq_dp_log_read()); each becomes one line in the daemon's log,
 * in the format of the Linux 2.2 kernel (reference 5.5), so that programs that read such logs keep
 * working:
 *
 *	Packet log: input DENY eth0 PROTO=17 192.168.2.1:53 192.168.1.1:1025 L=34 S=0x00 I=18
 *	F=0x0000 T=254 (#5)
 *
 * (in one line). IP options are printed as the kernel did: as words in the byte order of the
 * machine.
 *
 * While a rule logs, this is called ten times a second (masq_ctl_wait_ms()). A call takes what is
 * there, and no more than the workers' rings hold, so a flood cannot block the thread.
 *
 * Control thread only.
 */
#include <inttypes.h>
#include <stdio.h>

#include <masq_log.h>

#include "masq_ctl_priv.h"

#define RECORDS 256 /* taken at a time; one or more a worker */
#define ROUNDS 64

static void
options_text(const struct masq_dp_log *record, char *text, size_t bytes)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < record->n_options && len < bytes; i++)
		len += (size_t)snprintf(
				text + len, bytes - len, " O=0x%08" PRIX32, record->options[i]);
}

static void
write_line(const struct masq_dp_log *record)
{
	char src[MASQ_IP4_TEXT_BYTES], dst[MASQ_IP4_TEXT_BYTES];
	char options[MASQ_DP_LOG_OPTIONS * 13 + 1];

	options_text(record, options, sizeof(options));
	masq_log(MASQ_LOG_NOTICE, "ipchains",
			"Packet log: %s %s %s PROTO=%u %s:%u %s:%u L=%u S=0x%02X I=%u F=0x%04X "
			"T=%u%s%s (#%" PRIu32 ")",
			record->place.chain, record->place.target, record->port, record->proto,
			masq_ip4_text(record->src, src), record->sport,
			masq_ip4_text(record->dst, dst), record->dport, record->len_bytes,
			record->tos, record->id, record->fragment, record->ttl, options,
			record->syn ? " SYN" : "", record->place.number);
}

void
masq_ctl_packet_log(struct masq_ctl *ctl)
{
	struct masq_dp_log records[RECORDS];
	unsigned int n = RECORDS;

	for (unsigned int round = 0; round < ROUNDS && n > 0; round++) {
		n = masq_dp_log_read(ctl->dp, records, RECORDS);
		for (unsigned int i = 0; i < n; i++)
			write_line(&records[i]);
	}
}

bool
masq_ctl_rules_log(const struct masq_conf_rules *rules)
{
	for (uint32_t i = 0; i < rules->n_chains; i++)
		for (uint32_t k = 0; k < rules->chains[i].n_rules; k++)
			if ((rules->chains[i].rules[k].flags & MASQ_RULE_LOG) != 0)
				return true;
	return false;
}
