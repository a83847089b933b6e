/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the control thread reports on its own: that flows are refused because the external ports or
 * the session tables are used up. Workers only count; once a second the counters are compared with
 * those of the second before, and each that grew is logged in one line.
 *
 * Control thread only.
 */

#include <inttypes.h>

#include <masq_ctl.h>
#include <masq_dp.h>
#include <masq_log.h>

#include "masq_ctl_priv.h"

#define WATCH_MS 1000

static const struct {
	enum masq_drop reason;
	const char *advice;
} watched[MASQ_CTL_WATCHED] = {
	{ MASQ_DROP_NO_PORT, "more masquerade addresses or shorter timeouts help" },
	{ MASQ_DROP_SESSION_TABLE, "raise sessions in [daemon]" },
};

void
masq_ctl_watch(struct masq_ctl *ctl, uint64_t now_ms)
{
	struct masq_dp_counters counters;

	if (now_ms - ctl->watched_ms < WATCH_MS)
		return;
	ctl->watched_ms = now_ms;
	masq_dp_counters_read(ctl->dp, UINT32_MAX, &counters);
	for (unsigned int i = 0; i < MASQ_CTL_WATCHED; i++) {
		uint64_t now = counters.drops[watched[i].reason];

		if (now > ctl->watched[i])
			masq_log(MASQ_LOG_WARNING, "nat", "%" PRIu64 " packets refused (%s): %s",
					now - ctl->watched[i], masq_drop_name(watched[i].reason),
					watched[i].advice);
		ctl->watched[i] = now;
	}
	if (counters.log_lost > ctl->watched_log)
		masq_log(MASQ_LOG_WARNING, "ipchains",
				"%" PRIu64
				" packets of rules with -l were not logged: more than %u "
				"per second and worker",
				counters.log_lost - ctl->watched_log, MASQ_DP_LOG_RATE);
	ctl->watched_log = counters.log_lost;
}
