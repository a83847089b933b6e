/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_TEST_BOX_H
#define MASQ_TEST_BOX_H

/**
 * @file
 * A whole appliance in a test program: the real stages over memory ports, with a clock that the test
 * owns. A test is a conversation:
 *
 *	struct masq_test_box *box = box_open(workers, "ipchains -P forward MASQ\n");
 *
 *	box_send(box, LAN, &syn);
 *	box_expect(box, WAN, &translated);
 *	box_advance(box, 7440000);
 *	assert_int_equal(box_sessions(box), 0);
 *	box_close(box);
 *
 * Three ports: LAN 192.168.1.1/24, WAN 203.0.113.1/24 (default route to .254), SRV 192.168.16.1/24.
 * Everybody out there answers ARP, except addresses that box_mute() names. box_close() demands that
 * every packet is accounted for, that no worker allocated anything (masq_test_watch.h), and that no
 * buffer, port or session is left.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <masq_dp.h>
#include <masq_test_pkt.h>

enum masq_test_port {
	LAN,
	WAN,
	SRV,
	BOX_PORTS
};

struct masq_test_box;

/** What differs from the ordinary box; zeros are fine. */
struct masq_test_box_options {
	uint32_t workers; /**< 0: 1 */
	uint32_t sessions; /**< 0: 4096 */
	const char *rules; /**< rule file text, NULL: none */
	uint16_t port_low, port_high; /**< 0: 1024-65535 */
	uint16_t wan_mtu; /**< 0: 1500 */
	uint16_t lan_vlan;
	uint32_t mbufs; /**< packet buffers of the box, 0: 8191 */
	bool no_gateway; /**< no default route */
	uint64_t start_ms; /**< clock at the beginning, 0: 1000 */
};

/** Fails the test when the box does not come up. */
struct masq_test_box *box_open_with(const struct masq_test_box_options *options);
struct masq_test_box *box_open(uint32_t workers, const char *rules);

/** Demand the invariants, end all sessions, demand that nothing is left. */
void box_close(struct masq_test_box *box);

/** Stop the box as it stands; the same demands. @return packets that were caught inside */
uint64_t box_unplug(struct masq_test_box *box);

/** Replace the rules: a rule file. */
void box_rules(struct masq_test_box *box, const char *rules);

/**
 * From now on box_rules() is for a second thread: it waits, as with lcores, until the workers, which this
 * thread runs by sending, have taken the rules over. Or, with false, no more.
 */
void box_rules_wait(struct masq_test_box *box, bool wait);

/** How long the control thread waits for workers until it says that one is stuck. */
void box_patience(struct masq_test_box *box, uint32_t ms);

/** This worker is stuck from now on; or, with false, no more. */
void box_stick(struct masq_test_box *box, uint32_t worker, bool stuck);

/** Has this worker begun with a letter of the control thread, and not finished it? */
bool box_has_letter(const struct masq_test_box *box, uint32_t worker);

/** Replace the rules. @return what masq_dp_publish() says */
int box_rules_try(struct masq_test_box *box, const char *rules, struct masq_err *err);

/** Replace the rules, while no worker runs: none has taken them over. */
void box_rules_late(struct masq_test_box *box, const char *rules);

/** A call to a forwarded port of the box takes its turn, at another worker. From any thread. */
void box_take_turn(const struct masq_test_box *box, uint8_t proto, uint32_t laddr, uint16_t lport);

/** Put a frame on a port and run the workers until nothing moves. */
void box_send(struct masq_test_box *box, enum masq_test_port port, const struct masq_test_pkt *pkt);

/** Put a frame on a port; it is looked at with the next box_send(), box_run() or box_advance(). */
void box_put(struct masq_test_box *box, enum masq_test_port port, const struct masq_test_pkt *pkt);

/** What the NIC says of the frames from now on: RTE_MBUF_F_RX_*, 0 as at first: nothing. */
void box_nic_says(struct masq_test_box *box, uint64_t rx_flags);

/** The bytes of a frame as box_send() would put it on the port, to be spoilt. @return how many */
uint32_t box_frame(const struct masq_test_box *box, enum masq_test_port port,
		const struct masq_test_pkt *pkt, uint8_t *frame, uint32_t size);

/** Put these bytes on a port as they are, and run the workers until nothing moves. */
void box_send_bytes(struct masq_test_box *box, enum masq_test_port port, const uint8_t *frame,
		uint32_t bytes);

/** A host asks by ARP for the box, as hosts do before their first packet, and is answered. */
void box_hello(struct masq_test_box *box, enum masq_test_port port, const char *ip);

/** Own address of a port as text; the box's and the outside hosts' station addresses. */
const char *box_address(enum masq_test_port port);
const char *box_mac(const struct masq_test_box *box, enum masq_test_port port);
const char *box_host_mac(enum masq_test_port port);

/** The next frame that left by @p port must be this one. @return what it was */
#define box_expect(box, port, pkt) box_expect_at(box, port, pkt, __FILE__, __LINE__)
struct masq_test_seen box_expect_at(struct masq_test_box *box, enum masq_test_port port,
		const struct masq_test_pkt *pkt, const char *file, int line);

/** Take the next frame that left by @p port. @return what it was; fails when there is none */
#define box_take(box, port) box_take_at(box, port, __FILE__, __LINE__)
struct masq_test_seen
box_take_at(struct masq_test_box *box, enum masq_test_port port, const char *file, int line);

/** The same, all bytes of it. @return how many */
uint32_t
box_take_bytes(struct masq_test_box *box, enum masq_test_port port, uint8_t *frame, uint32_t size);

/** Nothing (more) left by any port. */
#define box_expect_nothing(box) box_expect_nothing_at(box, __FILE__, __LINE__)
void box_expect_nothing_at(struct masq_test_box *box, const char *file, int line);

/** Exactly one packet more than at the last call was dropped, for this reason. */
#define box_expect_drop(box, reason) box_expect_drop_at(box, reason, __FILE__, __LINE__)
void
box_expect_drop_at(struct masq_test_box *box, enum masq_drop reason, const char *file, int line);

/** Packets dropped for this reason so far. */
uint64_t box_drops(const struct masq_test_box *box, enum masq_drop reason);

/** What was dropped up to here is fine; box_expect_drop() looks at what comes later. */
void box_drops_seen(struct masq_test_box *box);

/** Frames that left by @p port and were not looked at. */
unsigned int box_waiting(const struct masq_test_box *box, enum masq_test_port port);

/** Let time pass: in steps of at most a second, workers run at each. */
void box_advance(struct masq_test_box *box, uint64_t ms);

/** This address does not answer ARP from now on (host order; 0: everybody answers again). */
void box_mute(struct masq_test_box *box, uint32_t ip);

/** From now on nobody answers ARP by himself: what the box asks is a frame like others. */
void box_arp_by_hand(struct masq_test_box *box);

/** Run the workers until nothing moves. */
void box_run(struct masq_test_box *box);

/** One round of every worker that is not stuck. */
void box_poll(struct masq_test_box *box);

uint32_t box_sessions(const struct masq_test_box *box);

/** Flush all sessions, and go on until the workers have ended them all; a few milliseconds. */
void box_end_sessions(struct masq_test_box *box);
struct masq_dp *box_dp(const struct masq_test_box *box);
struct masq_dp_counters box_counters(const struct masq_test_box *box);

/** First session that is listed. */
struct masq_session_row box_session(struct masq_test_box *box);

/** What rule @p number (1-based) of a chain has counted, or its policy with 0. */
struct masq_dp_rule_counter
box_rule_counter(struct masq_test_box *box, const char *chain, uint32_t number);

/** The same, as it was when somebody last asked. */
struct masq_dp_rule_counter
box_rule_counter_known(struct masq_test_box *box, const char *chain, uint32_t number);

/** Set it to zero. */
void box_rule_zero(struct masq_test_box *box, const char *chain, uint32_t number);

/** packets of rule @p number (1-based) of a chain, or of its policy with 0. */
uint64_t box_rule_packets(struct masq_test_box *box, const char *chain, uint32_t number);

/** Run all tests of a program with 1, 2 and 4 workers: the state is a pointer to the number. */
#define box_workers(state) (*(const uint32_t *)*(state))

/** One row of a cmocka group for each number of workers. */
extern uint32_t box_one, box_two, box_four;
/* clang-format off */
#define BOX_ROWS(f)                                      \
	{ #f " (1 worker)", f, NULL, NULL, &box_one },   \
	{ #f " (2 workers)", f, NULL, NULL, &box_two },  \
	{ #f " (4 workers)", f, NULL, NULL, &box_four }
/* clang-format on */

/** Start EAL and make the memory ports; first in main(). */
void box_main_init(const char *program);

#endif /* MASQ_TEST_BOX_H */
