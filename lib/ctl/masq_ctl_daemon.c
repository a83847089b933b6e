/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon.version, daemon.shutdown, rpc.methods.
 *
 * Control thread only.
 */
#include <errno.h>
#include <unistd.h>

#include "masq_ctl_priv.h"

int
masq_ctl_daemon_version(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	int ret = masq_ctl_put(result, "version", json_string(MASQ_VERSION));

	(void)params;
	(void)err;
	ret |= masq_ctl_put(result, "pid", json_integer(getpid()));
	ret |= masq_ctl_put(result, "uptime_ms",
			masq_ctl_count(masq_dp_now_ms(ctl->dp) - ctl->started_ms));
	ret |= masq_ctl_put(result, "file", masq_rpc_text(ctl->start->file));
	ret |= masq_ctl_put(result, "workers", json_integer(masq_dp_workers(ctl->dp)));
	ret |= masq_ctl_put(result, "ports", json_integer(masq_dp_ports(ctl->dp)));
	return ret == 0 ? 0 : -ENOMEM;
}

int
masq_ctl_daemon_shutdown(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	(void)params;
	(void)err;
	ctl->stop = true;
	return masq_ctl_put(result, "stopping", json_true());
}

static json_t *
method_row(const struct masq_rpc_method *method)
{
	return json_pack("{s:s, s:b, s:s, s:s}", "method", method->name, "changes", method->changes,
			"params", method->params, "help", method->help);
}

int
masq_ctl_rpc_methods(
		struct masq_ctl *ctl, const json_t *params, json_t *result, struct masq_err *err)
{
	json_t *list = json_array();
	int ret = masq_ctl_put(result, "methods", list);
	const struct masq_rpc_method *methods;
	size_t n_methods;

	(void)ctl;
	(void)params;
	(void)err;
	methods = masq_rpc_methods(&n_methods);
	for (size_t i = 0; ret == 0 && i < n_methods; i++)
		ret = json_array_append_new(list, method_row(&methods[i]));
	return ret == 0 ? 0 : -ENOMEM;
}
