/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DP_FIXTURE_H
#define MASQ_DP_FIXTURE_H

#include <masq_conf.h>

/* A start file's worth of settings for one worker and a thousand sessions; ports are the test's. */
static inline struct masq_conf_start
small_box(uint32_t mbufs)
{
	return (struct masq_conf_start){
		.file = "test.conf",
		.workers = 1,
		.sessions = 1024,
		.masq_port_low = 1024,
		.masq_port_high = 65535,
		.mbufs = mbufs,
	};
}

#endif /* MASQ_DP_FIXTURE_H */
