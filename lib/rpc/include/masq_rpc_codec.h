/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_RPC_CODEC_H
#define MASQ_RPC_CODEC_H

#include <jansson.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_conf_command.h>
#include <masq_err.h>

/**
 * @file
 * The structs of lib/conf as JSON and back. Names are stable, addresses are text; a key that is
 * left out means "any" or the default. Reading is strict: an unknown key or a value of the wrong
 * type or range is refused with a sentence that says what is accepted. Reading checks the form
 * only; whether a rule makes sense is checked by masq_conf_rules_apply().
 *
 * Rule: {"target": "MASQ" | "jump": "mychain", "protocol": "tcp", "source": "10.0.0.0/8",
 * "source_ports": [1024, 65535], "destination": ..., "destination_ports": ..., "interface": "wan+",
 * "flags": ["log", "syn", "fragment"], "not": ["source", ...], "mark_set": 1 | "mark_add": 1,
 * "tos_and": 255, "tos_xor": 0, "redirect_port": 3128, "output_size": 65535}
 *
 * All writers return a new reference, NULL: no memory. All readers return 0, or -EBADMSG with a
 * sentence; never -ENOMEM.
 */

json_t *masq_rpc_rule_to_json(const struct masq_conf_rule *rule);
int masq_rpc_rule_from_json(const json_t *json, struct masq_conf_rule *rule, struct masq_err *err);

/** {"protocol": "tcp", "local_address": ..., "local_port": 80, "remote_address": ...,
 * "remote_port": 80, "preference": 10} */
json_t *masq_rpc_portfw_to_json(const struct masq_conf_portfw *portfw);
int masq_rpc_portfw_from_json(
		const json_t *json, struct masq_conf_portfw *portfw, struct masq_err *err);

/** {"destination": "10.0.0.0/8", "gateway": "192.168.1.254", "port": "lan"} */
json_t *masq_rpc_route_to_json(const struct masq_conf_route *route);
int
masq_rpc_route_from_json(const json_t *json, struct masq_conf_route *route, struct masq_err *err);

/** {"tcp-established": 7440, ...}; timeouts of 0 are left out. */
json_t *masq_rpc_timeouts_to_json(const struct masq_conf_timeouts *timeouts);
int masq_rpc_timeouts_from_json(
		const json_t *json, struct masq_conf_timeouts *timeouts, struct masq_err *err);

/** Parameters of the method masq_conf_verb_method(command->verb). */
json_t *masq_rpc_command_to_params(const struct masq_conf_command *command);

/** @param params	NULL: none */
int masq_rpc_command_from_params(enum masq_conf_verb verb, const json_t *params,
		struct masq_conf_command *command, struct masq_err *err);

/* ---------------------------------------------------------------- fields of one object */

enum masq_rpc_type {
	MASQ_RPC_U8,
	MASQ_RPC_U16,
	MASQ_RPC_U32,
	MASQ_RPC_TEXT, /**< char[arg], NUL included */
	MASQ_RPC_ADDRESS, /**< uint32_t, "10.0.0.1"; 0: left out */
	MASQ_RPC_NETWORK, /**< uint32_t address followed by uint32_t mask; "10.0.0.0/8" */
	MASQ_RPC_PREFIX, /**< struct masq_ip4_prefix */
	MASQ_RPC_RANGE, /**< struct masq_conf_range, [lo, hi]; 0-65535: left out */
	MASQ_RPC_PROTOCOL16, /**< uint16_t; "tcp", "udp", "icmp" or "47"; 0: left out */
	MASQ_RPC_PROTOCOL8, /**< the same as uint8_t */
	MASQ_RPC_BITS, /**< uint8_t, list of the names in @ref masq_rpc_field.names */
	MASQ_RPC_NAME, /**< uint32_t or enum, one of names, by index; arg: index left out */
	MASQ_RPC_BOOL, /**< bool; false: left out */
};

/** Maps a key of an object to a field of a struct. */
struct masq_rpc_field {
	const char *key;
	enum masq_rpc_type type;
	size_t offset;
	uint32_t arg; /**< U8..U32: the value that is left out; see enum masq_rpc_type */
	const char *const
			*names; /**< BITS: bit i is names[i]; NULL names are skipped; ends in "" */
};

/** Write the fields of @p from into an object. @return 0, -ENOMEM */
int masq_rpc_fields_write(const struct masq_rpc_field *fields, unsigned int n_fields,
		const void *from, json_t *object);

/**
 * Read an object into the fields of @p to; fields whose key is missing are left unchanged.
 *
 * @param what	what the object is, for sentences: "rule", ...
 * @param object	NULL: empty
 * @return 0, or -EBADMSG
 */
int masq_rpc_fields_read(const struct masq_rpc_field *fields, unsigned int n_fields,
		const char *what, const json_t *object, void *to, struct masq_err *err);

/**
 * Check that a number, if given, is within limits. For fields in which 0 means "not given".
 *
 * @param what	for the sentence: "filter"
 * @return 0, also if @p key is missing; -EBADMSG with a sentence
 */
int masq_rpc_number_check(const char *what, const json_t *object, const char *key, uint32_t lo,
		uint32_t hi, struct masq_err *err);

#define MASQ_RPC_VALUE_BYTES 64 /**< size of the text of masq_rpc_value_text(), with NUL */

/**
 * Write a value for use in a sentence: "tpc" in quotes and cut if it is long, 7, true, a list,
 * nothing.
 *
 * @param value	NULL: nothing
 * @return @p text, UTF-8 without control characters
 */
const char *masq_rpc_value_text(const json_t *value, char text[MASQ_RPC_VALUE_BYTES]);

/** Write "tcp", "udp", "icmp", "all" or the number of a protocol. @return @p text */
char *masq_rpc_protocol_text(uint16_t proto, char text[8]);

/** The reverse of masq_rpc_protocol_text(). @return 0, or -EINVAL */
int masq_rpc_protocol_parse(const char *text, uint16_t *proto);

/**
 * Refuse an object with keys other than these.
 *
 * @param object	NULL: empty
 * @param keys	as in the method list: "chain?, number, rule"; a missing one without "?" is refused
 */
int masq_rpc_params_check(const json_t *object, const char *keys, struct masq_err *err);

#endif /* MASQ_RPC_CODEC_H */
