/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_CONF_H
#define MASQ_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <masq_err.h>
#include <masq_ip4.h>

/**
 * @file
 * The model of everything that can be configured: the contents of the start file (struct
 * masq_conf_start) and the result of the rule commands (struct masq_conf_rules). Command words,
 * rule files, the start file and the JSON of the control socket are all read into these structs,
 * and all printers write from them. Plain data, no threads, no DPDK. Addresses and ports are in
 * host byte order.
 */

#define MASQ_CONF_NAME_BYTES 16 /**< port names, with NUL */
#define MASQ_CONF_CHAIN_BYTES 9 /**< chain names: at most 8 characters (reference 5.1) */
#define MASQ_CONF_PATH_BYTES 108 /**< maximum length of a Unix socket's path, with NUL */
#define MASQ_CONF_DEVICE_BYTES 256
#define MASQ_CONF_PORTS_MAX 32 /**< ports of one appliance */
#define MASQ_CONF_ADDRESSES_MAX 16 /**< addresses of one port */
#define MASQ_CONF_KEYS_MAX 64 /**< maximum number of keys of the start file */

/* Limits of a model; a command that exceeds one fails with -ENOSPC. */
#define MASQ_CONF_CHAINS_MAX 4096
#define MASQ_CONF_CHAIN_RULES_MAX 65536 /**< rules of one chain */
#define MASQ_CONF_PORTFW_MAX 16384
#define MASQ_CONF_ROUTES_MAX 4096
#define MASQ_CONF_LPORT_MAX 60999 /**< highest port that portfw forwards (reference 2.2) */

/* ---------------------------------------------------------------- ipchains */

enum masq_conf_target {
	MASQ_TARGET_NONE, /**< no -j: count, mark, continue with the next rule */
	MASQ_TARGET_ACCEPT,
	MASQ_TARGET_DENY,
	MASQ_TARGET_REJECT,
	MASQ_TARGET_MASQ,
	MASQ_TARGET_REDIRECT, /**< part of the ipchains grammar; lib/conf refuses it today */
	MASQ_TARGET_RETURN,
	MASQ_TARGET_CHAIN, /**< descend into user chain @ref masq_conf_rule.chain */
};

/** Bits of masq_conf_rule.flags and .inverse; the values are those of reference 5.6. */
enum masq_conf_rule_flag {
	MASQ_RULE_LOG = 0x01, /**< -l */
	MASQ_RULE_SYN = 0x02, /**< -y */
	MASQ_RULE_FRAGMENT = 0x04, /**< -f */
	MASQ_RULE_MARK_ABSOLUTE = 0x08, /**< -m VALUE, not +VALUE or -VALUE */
	MASQ_RULE_IFACE_PREFIX = 0x10, /**< -i name+ */
};

enum masq_conf_rule_inverse {
	MASQ_INV_SRC = 0x01,
	MASQ_INV_DST = 0x02,
	MASQ_INV_PROTO = 0x04,
	MASQ_INV_SPORT = 0x08,
	MASQ_INV_DPORT = 0x10,
	MASQ_INV_IFACE = 0x20,
	MASQ_INV_SYN = 0x40,
	MASQ_INV_FRAGMENT = 0x80,
};

/** A range of ports. For ICMP, sport is the type and dport the code (reference 5.2). */
struct masq_conf_range {
	uint16_t lo; /**< first, inclusive */
	uint16_t hi; /**< last, inclusive; 0..65535 = any */
};

/** One rule of a chain. */
struct masq_conf_rule {
	/** identifies the rule as long as it exists; set by masq_conf_rules_apply() */
	uint32_t id;
	uint32_t src, src_mask; /**< src is already ANDed with its mask */
	uint32_t dst, dst_mask;
	struct masq_conf_range sport, dport;
	uint16_t proto; /**< IP protocol, 0: any */
	uint8_t flags; /**< enum masq_conf_rule_flag */
	uint8_t inverse; /**< enum masq_conf_rule_inverse */
	char iface[MASQ_CONF_NAME_BYTES]; /**< port name without the trailing +; empty: any */
	uint32_t mark; /**< set (MASQ_RULE_MARK_ABSOLUTE) or added modulo 2^32 */
	bool has_mark; /**< -m was given */
	uint8_t tos_and; /**< new TOS = (TOS & tos_and) ^ tos_xor; 0xff and 0: unchanged */
	uint8_t tos_xor;
	uint16_t outsize; /**< -o SIZE, 0: none */
	enum masq_conf_target target;
	char chain[MASQ_CONF_CHAIN_BYTES]; /**< user chain for MASQ_TARGET_CHAIN, else empty */
	uint16_t redirect_port;
};

enum masq_conf_builtin {
	MASQ_CHAIN_INPUT,
	MASQ_CHAIN_FORWARD,
	MASQ_CHAIN_OUTPUT,
	MASQ_CHAIN_BUILTINS, /**< number of built-in chains; user chains follow them */
};

struct masq_conf_chain {
	char name[MASQ_CONF_CHAIN_BYTES];
	enum masq_conf_target policy; /**< built-in chains only; MASQ_TARGET_NONE in a user chain */
	/** identifies the policy's counter, like masq_conf_rule.id; 0 in user chains */
	uint32_t policy_id;
	struct masq_conf_rule *rules; /**< heap, @ref n_rules of them; NULL when empty */
	uint32_t n_rules;
	uint32_t cap_rules;
};

/* ---------------------------------------------------------------- portfw */

struct masq_conf_portfw {
	uint32_t id; /**< identifies the rule as long as it exists */
	uint8_t proto; /**< IPPROTO_TCP or IPPROTO_UDP */
	uint32_t laddr; /**< the address that clients see */
	uint16_t lport; /**< 1..60999, reference 2.2 */
	uint32_t raddr; /**< the inside server */
	uint16_t rport;
	uint32_t pref; /**< > 0: sessions per turn */
	uint32_t edit; /**< incremented by each edit: a new value restarts pcnt at pref */
};

/* ---------------------------------------------------------------- routes, timeouts */

struct masq_conf_route {
	struct masq_ip4_prefix dst; /**< host bits are zero; len 0: default route */
	uint32_t gateway; /**< 0: directly connected to port */
	char port[MASQ_CONF_NAME_BYTES]; /**< empty: the port whose network holds gateway */
	/** line of the rule file that was just loaded, for error sentences; else 0 */
	uint32_t line;
};

/**
 * Timeouts by name; the struct, the words of "timeout set" and the docs are made from this list.
 * X(field, "word", default seconds)
 */
#define MASQ_CONF_TIMEOUT_LIST(X)                   \
	X(tcp_established, "tcp-established", 7440) \
	X(tcp_syn_sent, "tcp-syn-sent", 240)        \
	X(tcp_syn_recv, "tcp-syn-recv", 240)        \
	X(tcp_fin_wait, "tcp-fin-wait", 240)        \
	X(tcp_time_wait, "tcp-time-wait", 240)      \
	X(tcp_close, "tcp-close", 240)              \
	X(tcp_close_wait, "tcp-close-wait", 240)    \
	X(tcp_last_ack, "tcp-last-ack", 240)        \
	X(tcp_listen, "tcp-listen", 240)            \
	X(tcp_none, "tcp-none", 240)                \
	X(udp, "udp", 300)                          \
	X(icmp, "icmp", 60)

#define MASQ_CONF_TIMEOUT_MAX_S 1000000 /**< keeps every timeout within 31 bits of milliseconds */

struct masq_conf_timeouts {
#define MASQ_CONF_TIMEOUT_FIELD(field, word, seconds) uint32_t field##_s;
	MASQ_CONF_TIMEOUT_LIST(MASQ_CONF_TIMEOUT_FIELD)
#undef MASQ_CONF_TIMEOUT_FIELD
};

/* ---------------------------------------------------------------- everything that rules say */

/** The configuration that can change while packets flow. Owned by the control thread. */
struct masq_conf_rules {
	struct masq_conf_chain *chains; /**< [0..2] built-in, then user chains in creation order */
	uint32_t n_chains;
	struct masq_conf_portfw *portfw; /**< list order: [0] is the head */
	uint32_t n_portfw;
	struct masq_conf_route *routes; /**< static routes; connected ones come from the ports */
	uint32_t n_routes;
	struct masq_conf_timeouts timeouts;
	struct masq_conf_timeouts default_timeouts; /**< what a rule file starts from */
	uint32_t next_id; /**< last id that was assigned */
};

/** Set the default timeouts of MASQ_CONF_TIMEOUT_LIST. */
void masq_conf_timeouts_default(struct masq_conf_timeouts *timeouts);

/** Initialise a model: three empty chains with policy ACCEPT, default timeouts. @return 0, -ENOMEM */
int masq_conf_rules_init(struct masq_conf_rules *rules);

/**
 * Set the timeouts that apply unless a rule file says otherwise ([timeouts] of the start file).
 * Sets the current timeouts too, so call it right after masq_conf_rules_init().
 */
void
masq_conf_rules_defaults(struct masq_conf_rules *rules, const struct masq_conf_timeouts *timeouts);

/** Free what the model owns; the struct itself is the caller's. NULL and a zeroed one are allowed. */
void masq_conf_rules_fini(struct masq_conf_rules *rules);

/** Deep copy, ids kept. @return 0; -ENOMEM with @p to zeroed */
int masq_conf_rules_copy(struct masq_conf_rules *to, const struct masq_conf_rules *from);

/**
 * Check that a rule describes a single packet, as "ipchains -C" requires. The masks of the
 * addresses are ignored. Any thread.
 *
 * @return 0; -EINVAL with a sentence: a negation, a range, a missing port name, a protocol that no
 *	packet has
 */
int
masq_conf_packet_check(const char *chain, const struct masq_conf_rule *rule, struct masq_err *err);

/** @return true: the packet that this rule describes has ports, or ICMP type and code. Not with -f. */
bool masq_conf_packet_has_ports(const struct masq_conf_rule *rule);

/** @return index of the chain called @p name, or -1 */
int masq_conf_chain_find(const struct masq_conf_rules *rules, const char *name);

/** @return number of rules in all chains that descend into chain @p index */
uint32_t masq_conf_chain_references(const struct masq_conf_rules *rules, uint32_t index);

/* ---------------------------------------------------------------- the start file */

enum masq_conf_idle {
	MASQ_IDLE_POLL, /**< a worker never sleeps: for dedicated cores */
	/** a worker that finds no packets sleeps, adaptively: for shared machines */
	MASQ_IDLE_SLEEP,
};

struct masq_conf_port {
	char name[MASQ_CONF_NAME_BYTES]; /**< section name; the -i of ipchains */
	char device[MASQ_CONF_DEVICE_BYTES]; /**< PCI address or vdev string, EAL's devargs */
	struct masq_ip4_prefix address[MASQ_CONF_ADDRESSES_MAX]; /**< [0] is the primary one */
	uint32_t n_addresses;
	uint32_t gateway; /**< default route through this port, 0: none */
	uint16_t mtu; /**< IP bytes, 68..9600; 0: as the device says */
	uint16_t vlan; /**< 0: untagged frames only; 1..4094: frames carry this tag */
	uint16_t rx_descriptors; /**< per queue; 0: 1024, or as near to it as the device allows */
	uint16_t tx_descriptors;
	/* Lines of the start file, for error sentences: of the section and of its keys; 0: not given */
	int line, device_line, gateway_line;
	int address_line[MASQ_CONF_ADDRESSES_MAX];
};

struct masq_conf_start {
	char file[MASQ_CONF_PATH_BYTES]; /**< as named on the command line */
	char socket[MASQ_CONF_PATH_BYTES];
	char socket_group[32]; /**< group that may use the socket besides root; empty: root only */
	char rules[MASQ_CONF_PATH_BYTES]; /**< rule file, empty: none */
	uint32_t workers; /**< 1..MASQ_MAX_WORKERS */
	char cores[64]; /**< CPU list of the workers, "1-2"; empty: not pinned */
	uint32_t sessions; /**< capacity, all workers together */
	uint32_t memory_mb;
	bool hugepages;
	enum masq_conf_idle idle;
	uint16_t masq_port_low, masq_port_high; /**< external ports, default 1024-65535 */
	uint32_t mbufs; /**< packet buffers, all workers together; 0: chosen from ports and workers */
	struct masq_conf_port port[MASQ_CONF_PORTS_MAX];
	uint32_t n_ports;
	struct masq_conf_timeouts timeouts; /**< for masq_conf_rules_defaults() */
	int key_line[MASQ_CONF_KEYS_MAX]; /**< for masq_conf_start_line() */
};

/**
 * Find the value of a key in a device string: that of "server" in
 * "net_virtio_user0,path=/run/vm.sock,server=1" is "1".
 *
 * @param value	out: the value, inside @p device
 * @return its length; 0: there is no such key
 */
size_t masq_conf_device_value(const char *device, const char *key, const char **value);

/**
 * Find the kernel interface that a device string names: "lan0" in
 * "net_af_packet0,iface=lan0,qpairs=2".
 *
 * @param name	out: the name, inside @p device
 * @return its length; 0: it names none
 */
size_t masq_conf_device_interface(const char *device, const char **name);

/**
 * Check that the -i of a rule matches a port. "lo" always passes: old scripts permit it, and
 * nothing arrives by it here.
 *
 * @param err	out: a sentence for a warning, because such a rule must not be refused
 * @return 0; -ENODEV
 */
int masq_conf_iface_find(const struct masq_conf_start *start, const struct masq_conf_rule *rule,
		struct masq_err *err);

/**
 * Check that packets can reach a forwarding that was added, and that it has a server. Other rules
 * that the same command edited are not checked.
 *
 * @param rules	the rules after the command
 * @param err	out: a sentence for a warning, because the original tools accepted such rules
 * @return 0; -ENODEV
 */
int masq_conf_portfw_find(const struct masq_conf_start *start, const struct masq_conf_rules *rules,
		const struct masq_conf_portfw *added, struct masq_err *err);

/** One key of the start file, for the documentation: [section] key = value. */
struct masq_conf_key {
	const char *section; /**< "daemon", "port" or "timeouts" */
	const char *key;
	const char *accepted; /**< accepted values, for people */
	const char *fallback; /**< value when the key is missing; "": none */
	const char *help; /**< one sentence */
};

/** @return key number @p index of the start file, in the order of the documentation; NULL: no more */
const struct masq_conf_key *masq_conf_start_key(unsigned int index);

/** @return line of a key of [daemon] or [timeouts], for error sentences; 0: not given */
int masq_conf_start_line(const struct masq_conf_start *start, const char *key);

/**
 * Put the place of a key of [daemon] or [timeouts], "FILE:LINE: ", in front of a sentence about it.
 * If the file does not set the key, the sentence says so and names its default, if any.
 *
 * @param other	key whose line is named in that case, if it is given; NULL: none
 * @return @p ret
 */
int masq_conf_start_blame(const struct masq_conf_start *start, const char *key, const char *other,
		int ret, struct masq_err *err);

/**
 * Read and check a start file. Blocking; called before anything starts.
 *
 * @param path	file to read
 * @param start	out: defaults filled in; undefined on failure
 * @param err	out: "FILE:LINE: ..." with culprit and accepted values
 * @return 0; -ENOENT, -EACCES, ... of opening it; -EISDIR; -EFBIG (over 1 MiB); -EINVAL for a fault
 *	in it
 */
int masq_conf_start_read(const char *path, struct masq_conf_start *start, struct masq_err *err);

/** The same from memory: @p text of @p len_bytes, which error sentences call @p name. */
int masq_conf_start_parse(const char *name, const char *text, size_t len_bytes,
		struct masq_conf_start *start, struct masq_err *err);

#endif /* MASQ_CONF_H */
