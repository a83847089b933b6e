/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of methods.
 *
 * One table for the server (which logs methods that change something), for rpc.methods and for the
 * command reference. Methods that change the model are named after the verbs of lib/conf and carry
 * one command each; all others come from MASQ_RPC_ASK_LIST. Constant data.
 */
#include <string.h>

#include <masq_rpc.h>

/* clang-format off */
static const struct masq_rpc_method methods[] = {
	{ "ipchains.append", true, "chain, rule", "Append a rule to a chain." },
	{ "ipchains.insert", true, "chain, number, rule", "Insert a rule at that number." },
	{ "ipchains.replace", true, "chain, number, rule", "Replace the rule with that number." },
	{ "ipchains.delete", true, "chain, rule", "Delete the first rule with these contents." },
	{ "ipchains.delete_number", true, "chain, number", "Delete the rule with that number." },
	{ "ipchains.flush", true, "chain?", "Delete all rules of one chain or of all." },
	{ "ipchains.new_chain", true, "chain", "Create a user chain." },
	{ "ipchains.delete_chain", true, "chain?", "Delete an empty user chain, or all." },
	{ "ipchains.policy", true, "chain, policy", "Set the policy of a built-in chain." },
	{ "portfw.add", true, "portfw", "Add a forwarding rule, or edit its preference." },
	{ "portfw.delete", true, "portfw", "Delete the forwarding rules that match." },
	{ "portfw.flush", true, "", "Delete all forwarding rules." },
	{ "route.add", true, "route", "Add a static route." },
	{ "route.delete", true, "route", "Delete a static route." },
	{ "timeout.set", true, "timeouts", "Set the timeouts that are named, in seconds." },
#define ASK_ROW(symbol, name, changes, params, help) { name, changes, params, help },
	MASQ_RPC_ASK_LIST(ASK_ROW)
#undef ASK_ROW
};

/* clang-format on */

const struct masq_rpc_method *
masq_rpc_methods(size_t *n_methods)
{
	*n_methods = sizeof(methods) / sizeof(methods[0]);
	return methods;
}

const struct masq_rpc_method *
masq_rpc_method_find(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}
