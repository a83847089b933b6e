/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DP_H
#define MASQ_DP_H

#include <stdbool.h>
#include <stdint.h>

#include <masq_conf.h>
#include <masq_drop.h>
#include <masq_err.h>
#include <masq_fib.h>
#include <masq_neigh.h>
#include <masq_rules.h>
#include <masq_session.h>

/**
 * @file
 * The data path as seen by the control thread: create, start, publish a configuration, query, stop.
 *
 * All functions must be called from one control thread. None of them touches a packet or a worker's
 * tables. The configuration reaches the workers as an immutable snapshot behind one pointer.
 * Queries reach a worker as a letter in its mailbox, which it answers between two bursts, or in
 * pieces between several. Counters are read in place, except for those of rules, which have to be
 * collected.
 */

struct masq_dp;

/** How the workers of a data path are run. */
enum masq_dp_mode {
	MASQ_DP_LCORES, /**< workers run on EAL worker lcores */
	MASQ_DP_MANUAL, /**< the caller polls them (tests, benchmarks; masq_dp_manual.h) */
};

/**
 * Open the ports and create the workers with all their memory. EAL must be initialised. Nothing
 * runs yet.
 *
 * @param start	checked start file; copied
 * @param mode	who polls the workers
 * @param rss_seed	0: random RSS key and hash seeds; otherwise fixed ones (tests, benchmarks)
 * @param err	out: names the file, line and device at fault
 * @return the data path; NULL with err
 */
struct masq_dp *masq_dp_create(const struct masq_conf_start *start, enum masq_dp_mode mode,
		uint64_t rss_seed, struct masq_err *err);

/**
 * Start ports and workers. A configuration must have been published.
 *
 * @return 0; -errno with err, and everything that was started is stopped again
 */
int masq_dp_start(struct masq_dp *dp, struct masq_err *err);

/** Stop the workers, then the ports. Packets still in the box are dropped and counted by reason.
 * Idempotent; a data path cannot be started again. */
void masq_dp_stop(struct masq_dp *dp);

/** Release devices and memory, after stopping if necessary. NULL is accepted. */
void masq_dp_destroy(struct masq_dp *dp);

#define MASQ_DP_LATE 1

/**
 * Compile a configuration and put it in force. Returns when every worker uses it and has left the
 * old one. Counters of rules that exist in both are kept.
 *
 * A worker that has not left the old configuration after ten seconds counts as stuck. The new
 * configuration is in force all the same: the worker takes it over as soon as it runs again, and
 * what it counted under the old one is kept until then.
 *
 * @return 0: in force; MASQ_DP_LATE: in force, and err names the workers that do not use it yet;
 *	-errno with err: the old configuration stays in force (-EBUSY: a worker is too far behind)
 */
int masq_dp_publish(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err);

/** Compile a configuration and discard the result, to check that it fits. For "check". */
int masq_dp_check(struct masq_dp *dp, const struct masq_conf_rules *rules, struct masq_err *err);

/** The same for rules alone, without a data path: finds what no amount of memory can fix. For
 * "dpdk-masq -t". */
int masq_dp_rules_check(const struct masq_conf_start *start, const struct masq_conf_rules *rules,
		struct masq_err *err);

/** The data path's clock, in milliseconds. */
uint64_t masq_dp_now_ms(const struct masq_dp *dp);

/* ---------------------------------------------------------------- counters */

/**
 * Counters of one worker or of all. Invariant: rx + originated = tx + punted + sum of drops + held.
 * X(field, "kebab-name", "sentence")
 */
#define MASQ_DP_COUNTER_LIST(X)                                                                   \
	X(rx, "rx", "Packets taken from the ports.")                                              \
	X(originated, "originated",                                                               \
			"Packets made by the box: ICMP errors, ARP, further fragments.")          \
	X(tx, "tx", "Packets given to the ports.")                                                \
	X(punted, "punted", "Packets for the box itself: ARP, fragments merged into a datagram.") \
	X(rx_bytes, "rx-bytes", "Bytes of rx, Ethernet headers included.")                        \
	X(tx_bytes, "tx-bytes", "Bytes of tx, Ethernet headers included.")                        \
	X(hits, "hits", "Packets of an established session that took the fast path.")             \
	X(routed, "routed", "Packets without session that took the fast path.")                   \
	X(misses, "misses", "Packets that took the slow path.")                                   \
	X(handoffs, "handoffs", "Packets handed to the worker that owns their flow.")             \
	X(tx_handoffs, "tx-handoffs", "Packets handed to the worker that owns a transmit queue.") \
	X(sessions_created, "sessions-created", "Sessions made.")                                 \
	X(sessions_expired, "sessions-expired", "Sessions that ended by their timeout.")          \
	X(sessions_evicted, "sessions-evicted", "Half-open sessions that gave way to new ones.")  \
	X(sessions_remote, "sessions-remote", "Sessions with halves on two workers.")             \
	X(icmp_translated, "icmp-translated", "ICMP errors translated for a session.")            \
	X(icmp_limited, "icmp-limited",                                                           \
			"ICMP errors about dropped packets that were not sent: too many.")        \
	X(log_lost, "log-lost",                                                                   \
			"Log records of rules with -l left out: the ring was full, or too many.") \
	X(polls, "polls", "Rounds of the worker's loop.")                                         \
	X(idle_polls, "idle-polls", "Rounds that found nothing to do.")

struct masq_dp_counters {
#define MASQ_DP_COUNTER_FIELD(field, name, text) uint64_t field;
	MASQ_DP_COUNTER_LIST(MASQ_DP_COUNTER_FIELD)
#undef MASQ_DP_COUNTER_FIELD
	uint64_t drops[MASQ_DROP_COUNT]; /**< by enum masq_drop */
	/**
	 * Gauge: packets inside the box now (waiting for ARP, in rings, fragments). For a single
	 * worker, packets that travel with a message between two workers are not included.
	 */
	uint64_t held;
	uint64_t sessions; /**< gauge: live sessions */
};

#define MASQ_DP_ICMP_RATE 1000 /**< ICMP errors that the box sends, per second and worker */
#define MASQ_DP_ICMP_BURST 1000 /**< its burst; errors beyond it are counted (icmp-limited) */

/** @return number of workers */
uint32_t masq_dp_workers(const struct masq_dp *dp);

/** @return NUMA node of a worker's lcore and memory; -1: it has no lcore (MASQ_DP_MANUAL) */
int masq_dp_worker_node(const struct masq_dp *dp, uint32_t worker);

/** Read the counters of one worker, or the sum over all if @p worker is UINT32_MAX. */
void
masq_dp_counters_read(const struct masq_dp *dp, uint32_t worker, struct masq_dp_counters *counters);

/** Packets and bytes that one rule has counted. */
struct masq_dp_rule_counter {
	uint64_t packets;
	uint64_t bytes;
};

/**
 * Bring the counters that masq_dp_rule_counter() reads up to date with everything counted before
 * this call. Each worker scans its whole session table, which takes some 10 ms for a million
 * sessions.
 *
 * @return 0; -ETIMEDOUT: a worker does not answer, or is late (MASQ_DP_LATE); -ENOMEM. On failure
 *	the counters stay as they were
 */
int masq_dp_rule_counters_refresh(struct masq_dp *dp, struct masq_err *err);

/** @param id	masq_conf_rule.id or masq_conf_chain.policy_id; an unknown id returns zeros */
struct masq_dp_rule_counter masq_dp_rule_counter(const struct masq_dp *dp, uint32_t id);

/** Zero one rule's counter as seen by the user ("-Z"). Call after a refresh. */
void masq_dp_rule_counter_zero(struct masq_dp *dp, uint32_t id);

/** Rows of the portfw table with their live counts. See masq_rules_portfw_rows(). */
uint32_t masq_dp_portfw_rows(const struct masq_dp *dp, struct masq_portfw_row *rows, uint32_t max);

/** Tell what a chain of the rules in force would say to a packet. See masq_rules_try(). */
int masq_dp_packet_try(const struct masq_dp *dp, uint32_t chain,
		const struct masq_rules_input *input, enum masq_rules_verdict *verdict);

/** Rows of the routing table in force. See masq_fib_rows(). */
uint32_t masq_dp_route_rows(
		const struct masq_dp *dp, uint32_t first, struct masq_fib_row *rows, uint32_t max);

/* ---------------------------------------------------------------- packets that rules log */

#define MASQ_DP_LOG_RATE 1000 /**< per second and worker; records beyond it are counted */
#define MASQ_DP_LOG_OPTIONS 10 /**< capacity, in 32-bit words of IP options */

/** One match of a rule with -l, as the chain saw the packet. Host byte order except for the options. */
struct masq_dp_log {
	uint64_t at_ms; /**< masq_dp_now_ms() */
	uint32_t src, dst;
	uint16_t sport, dport; /**< ICMP: type and code; 65535 if the packet has no ports */
	uint16_t len_bytes; /**< IP total length */
	uint16_t id; /**< of the IP header */
	uint16_t fragment; /**< flags and fragment offset */
	uint8_t proto;
	uint8_t tos; /**< before the rule changed it */
	/** in the forward and output chains one less than on arrival; 64 for the box's own echo
	 * reply */
	uint8_t ttl;
	uint8_t n_options; /**< words of @ref options in use */
	bool syn; /**< SYN without ACK and RST */
	struct masq_rules_place place;
	char port[MASQ_CONF_NAME_BYTES]; /**< the interface that the chain looked at; "-" for none */
	uint32_t options[MASQ_DP_LOG_OPTIONS]; /**< as in the header, network byte order */
};

/**
 * Take the records that the workers have logged. Records of several workers are sorted by time.
 * Call it often: a ring holds the records of one second.
 *
 * @param records	out: capacity @p max, at least one per worker
 * @return how many; fewer than @p max / workers means that nothing is left for now
 */
unsigned int masq_dp_log_read(struct masq_dp *dp, struct masq_dp_log *records, unsigned int max);

/* ---------------------------------------------------------------- ports */

/** A port, as it is now. The counters are the device's. */
struct masq_dp_port_info {
	char name[MASQ_CONF_NAME_BYTES];
	char device[MASQ_CONF_DEVICE_BYTES];
	char driver[32];
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t vlan;
	bool link_up;
	uint32_t link_mbps; /**< 0: unknown */
	int socket_id;
	uint16_t rx_queues, tx_queues;
	/** the NIC distributes packets by our key and table; otherwise software hands them off */
	bool hardware_rss;
	struct masq_ip4_prefix address[MASQ_CONF_ADDRESSES_MAX];
	uint32_t n_addresses;
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors;
	uint64_t tx_packets, tx_bytes, tx_errors;
};

/** @return number of ports, in the order of the start file */
uint32_t masq_dp_ports(const struct masq_dp *dp);

/**
 * Describe a port and read its device's counters; may take as long as the driver needs.
 *
 * @param port	0..masq_dp_ports() - 1
 * @param info	out; numbers that the device does not tell are 0
 * @return 0; -ENOENT: no such port
 */
int masq_dp_port_info(const struct masq_dp *dp, uint32_t port, struct masq_dp_port_info *info);

/* ---------------------------------------------------------------- questions to workers */

/** Selects sessions. A field that is 0 matches everything; all given fields must match. */
struct masq_dp_session_filter {
	uint8_t proto; /**< IPPROTO_* */
	struct masq_ip4_prefix inside; /**< len 0: any; the inside host */
	struct masq_ip4_prefix outside; /**< the outside peer */
	struct masq_ip4_prefix masq; /**< the external address */
	uint16_t inside_port, outside_port, masq_port; /**< host order */
	bool has_state;
	enum masq_state state;
	bool has_kind;
	enum masq_session_kind kind;
};

/** Position of a listing; all zero at the beginning. */
struct masq_dp_cursor {
	uint32_t worker;
	uint32_t record;
};

/**
 * Copy a page of sessions. Each call asks one worker once. It may return no row although more
 * follow, if all were filtered out; repeat until @p *end is true.
 *
 * @param cursor	in/out
 * @param rows	out: capacity @p max
 * @param end	out: true if nothing follows
 * @return rows copied; -ETIMEDOUT: the worker did not begin to answer within a second, or did not
 *	finish within ten
 */
int masq_dp_sessions(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_dp_cursor *cursor, struct masq_session_row *rows, unsigned int max,
		bool *end);

/**
 * End all sessions that match.
 *
 * @param err	out: which workers do not answer, and how many sessions have ended
 * @return number of sessions ended; -ETIMEDOUT: a worker does not answer; those of the others have
 *	ended
 */
int64_t masq_dp_sessions_flush(struct masq_dp *dp, const struct masq_dp_session_filter *filter,
		struct masq_err *err);

/** Copy a page of neighbours. @return rows; 0: end; -ETIMEDOUT */
int masq_dp_neighbours(struct masq_dp *dp, uint32_t *cursor, struct masq_neigh_row *rows,
		unsigned int max);

/** Forget neighbours; ip 0: all. @return 0, -ETIMEDOUT */
int masq_dp_neighbours_flush(struct masq_dp *dp, uint32_t ip);

/** Memory use, in bytes unless noted. */
struct masq_dp_memory {
	uint64_t session_capacity; /**< sessions */
	uint64_t session_tables; /**< hash tables, halves, records, timer wheels */
	uint64_t port_maps;
	uint64_t paths;
	uint64_t verdicts; /**< verdicts remembered per kind of packet */
	uint64_t rules;
	uint64_t mbufs;
	uint64_t heap; /**< everything in use on DPDK's heap, including the above */
};

/** Tell what the data path uses; of rule sets, all that still exist. */
void masq_dp_memory(const struct masq_dp *dp, struct masq_dp_memory *memory);

#endif /* MASQ_DP_H */
