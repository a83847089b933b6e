/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole appliance in a test program. The memory ports are net_ring devices: what the test puts
 * into one ring the box receives, what it sends lies in another. They live as long as the program;
 * each box attaches to them by name, like to any device that exists.
 */
#include "masq_test_box.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <masq_conf_command.h>
#include <masq_dp_manual.h>
#include <masq_test_eal.h>

#include "masq_dp_priv.h"
#include "masq_test_watch.h"
#include "masq_worker.h"

#define SHORTEST_FRAME 60
#define RING_SIZE 8192
#define OUT_MAX 8192
#define MBUFS 32767
#define SETTLE_ROUNDS 400
#define STEP_MS 1000
#define SEED 42

uint32_t box_one = 1, box_two = 2, box_four = 4;

static const struct {
	const char *name, *device, *address, *gateway, *host_mac;
} port_plan[BOX_PORTS] = {
	[LAN] = { "lan", "net_ring_lan", "192.168.1.1/24", NULL, "02:00:00:00:01:02" },
	[WAN] = { "wan", "net_ring_wan", "203.0.113.1/24", "203.0.113.254", "02:00:00:00:02:02" },
	[SRV] = { "srv", "net_ring_srv", "192.168.16.1/24", NULL, "02:00:00:00:03:02" },
};

static struct rte_ring *to_box[BOX_PORTS], *from_box[BOX_PORTS];
static struct masq_test_box *open_box; /* that of a test that failed is still here */
static struct rte_mempool *pool;

struct masq_test_box {
	struct masq_dp *dp;
	struct masq_conf_rules rules;
	uint64_t now_ms;
	uint32_t mute;
	bool arp_by_hand;
	uint64_t nic_flags;
	uint32_t stuck; /* bit w: worker w does not run */
	struct rte_mbuf *out[BOX_PORTS][OUT_MAX];
	unsigned int n_out[BOX_PORTS], taken[BOX_PORTS];
	uint64_t drops_seen;
	uint64_t drops_before[MASQ_DROP_COUNT];
	char mac[BOX_PORTS][MASQ_MAC_TEXT_BYTES];
	unsigned int pool_free;
};

void
box_main_init(const char *program)
{
	masq_test_eal_init(program, "1024");
	pool = masq_test_pool_create(MBUFS);
	for (unsigned int p = 0; p < BOX_PORTS; p++) {
		char name[32];
		const char *short_name = strrchr(port_plan[p].device, '_') + 1;

		snprintf(name, sizeof(name), "to_%s", short_name);
		to_box[p] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, 0);
		snprintf(name, sizeof(name), "from_%s", short_name);
		from_box[p] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, 0);
		/* As many transmit queues as workers, all into one ring. */
		struct rte_ring *tx[4] = { from_box[p], from_box[p], from_box[p], from_box[p] };

		if (rte_eth_from_rings(short_name, &to_box[p], 1, tx, 4, 0) < 0) {
			fprintf(stderr, "%s: no memory port %s\n", program, short_name);
			exit(1);
		}
	}
}

/* A port made of rings has no station address, and all zeros is one that ports could be mixed up under. This one
 * stands before the library's own. */
int
rte_eth_macaddr_get(uint16_t port_id, struct rte_ether_addr *mac_addr)
{
	*mac_addr = (struct rte_ether_addr){ { 0x02, 0, 0, 0, 0xb0, (uint8_t)port_id } };
	return 0;
}

static struct masq_conf_start
start_file(const struct masq_test_box_options *options)
{
	struct masq_conf_start start = {
		.file = "test.conf",
		.workers = options->workers != 0 ? options->workers : 1,
		.sessions = options->sessions != 0 ? options->sessions : 4096,
		.masq_port_low = options->port_low != 0 ? options->port_low : 1024,
		.masq_port_high = options->port_high != 0 ? options->port_high : 65535,
		.mbufs = options->mbufs != 0 ? options->mbufs : 8191,
		.n_ports = BOX_PORTS,
	};

	for (unsigned int p = 0; p < BOX_PORTS; p++) {
		struct masq_conf_port *port = &start.port[p];

		snprintf(port->name, sizeof(port->name), "%s", port_plan[p].name);
		snprintf(port->device, sizeof(port->device), "%s", port_plan[p].device);
		masq_ip4_prefix_parse(port_plan[p].address, &port->address[0]);
		port->n_addresses = 1;
		if (port_plan[p].gateway != NULL)
			masq_ip4_parse(port_plan[p].gateway, &port->gateway);
	}
	if (options->no_gateway)
		start.port[WAN].gateway = 0;
	start.port[WAN].mtu = options->wan_mtu;
	start.port[LAN].vlan = options->lan_vlan;
	return start;
}

int
box_rules_try(struct masq_test_box *box, const char *rules, struct masq_err *err)
{
	const struct masq_conf_reader reader = { 0 };

	if (rules != NULL &&
			masq_conf_rules_load(&box->rules, &reader, "test.masq", rules,
					strlen(rules), err) != 0)
		fail_msg("%s", err->text);
	return masq_dp_publish(box->dp, &box->rules, err);
}

static void
load(struct masq_test_box *box, const char *rules)
{
	struct masq_err err = { "" };

	if (box_rules_try(box, rules, &err) != 0)
		fail_msg("%s", err.text);
}

static void
release(struct masq_test_box *box)
{
	for (unsigned int p = 0; p < BOX_PORTS; p++)
		for (unsigned int k = box->taken[p]; k < box->n_out[p]; k++)
			rte_pktmbuf_free(box->out[p][k]);
	masq_dp_destroy(box->dp);
	masq_conf_rules_fini(&box->rules);
	open_box = NULL;
	free(box);
}

/* A failed test leaves its box behind; the next one starts with empty rings and its devices. */
static void
clear_away(void)
{
	void *mbuf;

	if (open_box == NULL)
		return;
	masq_dp_stop(open_box->dp);
	release(open_box);
	for (unsigned int p = 0; p < BOX_PORTS; p++)
		while (rte_ring_dequeue(to_box[p], &mbuf) == 0 ||
				rte_ring_dequeue(from_box[p], &mbuf) == 0)
			rte_pktmbuf_free(mbuf);
}

struct masq_test_box *
box_open_with(const struct masq_test_box_options *options)
{
	struct masq_conf_start start = start_file(options);
	struct masq_err err = { "" };
	struct masq_test_box *box;

	clear_away();
	open_box = box = calloc(1, sizeof(*box));
	assert_non_null(box);
	box->now_ms = options->start_ms != 0 ? options->start_ms : 1000;
	box->pool_free = rte_mempool_avail_count(pool);
	assert_int_equal(masq_conf_rules_init(&box->rules), 0);
	box->dp = masq_dp_create(&start, MASQ_DP_MANUAL, SEED, &err);
	if (box->dp == NULL)
		fail_msg("%s", err.text);
	load(box, options->rules);
	if (masq_dp_start(box->dp, &err) != 0)
		fail_msg("%s", err.text);
	for (unsigned int p = 0; p < BOX_PORTS; p++) {
		struct masq_dp_port_info info;

		masq_dp_port_info(box->dp, p, &info);
		masq_mac_text(info.mac, box->mac[p]);
	}
	return box;
}

struct masq_test_box *
box_open(uint32_t workers, const char *rules)
{
	return box_open_with(&(struct masq_test_box_options){ .workers = workers, .rules = rules });
}

void
box_rules(struct masq_test_box *box, const char *rules)
{
	load(box, rules);
}

void
box_rules_wait(struct masq_test_box *box, bool wait)
{
	box->dp->mode = wait ? MASQ_DP_LCORES : MASQ_DP_MANUAL;
}

void
box_patience(struct masq_test_box *box, uint32_t ms)
{
	box->dp->take_over_ms = ms;
	box->dp->answer_ms = ms;
}

void
box_stick(struct masq_test_box *box, uint32_t worker, bool stuck)
{
	box->stuck = stuck ? box->stuck | 1u << worker : box->stuck & ~(1u << worker);
}

bool
box_has_letter(const struct masq_test_box *box, uint32_t worker)
{
	return box->dp->workers[worker]->mail.open != NULL;
}

void
box_take_turn(const struct masq_test_box *box, uint8_t proto, uint32_t laddr, uint16_t lport)
{
	struct masq_portfw_target target;

	masq_rules_portfw_turn(
			atomic_load(&box->dp->snapshot)->rules, proto, laddr, lport, &target);
}

void
box_rules_late(struct masq_test_box *box, const char *rules)
{
	const uint32_t patience_ms = box->dp->take_over_ms;
	struct masq_err err = { "" };

	box_rules_wait(box, true);
	box->dp->take_over_ms = 0;
	assert_int_equal(box_rules_try(box, rules, &err), MASQ_DP_LATE);
	box->dp->take_over_ms = patience_ms;
	box_rules_wait(box, false);
}

/* Somebody out there answers, unless told not to. @return true: it was an ARP request */
static bool
answer_arp(struct masq_test_box *box, unsigned int port, const struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	unsigned int tag = frame[12] == 0x81 ? 4 : 0;
	char asked[INET_ADDRSTRLEN], asker[INET_ADDRSTRLEN];
	struct masq_test_pkt reply = {
		.ethertype = 0x0806,
		.arp = 2,
		.src_mac = port_plan[port].host_mac,
		.dst_mac = box->mac[port],
		.arp_target_mac = box->mac[port],
		.vlan = tag != 0 ? (uint16_t)(frame[14] << 8 | frame[15]) : 0,
	};
	uint32_t ip;

	if (box->arp_by_hand || frame[12 + tag] != 0x08 || frame[13 + tag] != 0x06 ||
			frame[21 + tag] != 1)
		return false;
	memcpy(&ip, frame + 38 + tag, sizeof(ip));
	if (box->mute != 0 && ntohl(ip) == box->mute)
		return true;
	inet_ntop(AF_INET, frame + 38 + tag, asked, sizeof(asked));
	inet_ntop(AF_INET, frame + 28 + tag, asker, sizeof(asker));
	reply.src = asked;
	reply.dst = asker;
	rte_ring_enqueue(to_box[port], masq_test_pkt_build(pool, &reply));
	return true;
}

static unsigned int
collect(struct masq_test_box *box)
{
	unsigned int moved = 0;
	void *mbuf;

	for (unsigned int p = 0; p < BOX_PORTS; p++) {
		if (box->taken[p] == box->n_out[p])
			box->taken[p] = box->n_out[p] = 0;
		while (rte_ring_dequeue(from_box[p], &mbuf) == 0) {
			moved++;
			if (answer_arp(box, p, mbuf)) {
				rte_pktmbuf_free(mbuf);
				continue;
			}
			assert_true(box->n_out[p] < OUT_MAX);
			box->out[p][box->n_out[p]++] = mbuf;
		}
	}
	return moved;
}

static bool
ports_are_empty(void)
{
	for (unsigned int p = 0; p < BOX_PORTS; p++)
		if (rte_ring_count(to_box[p]) > 0)
			return false;
	return true;
}

/* Nobody may allocate in it. */
void
box_poll(struct masq_test_box *box)
{
	watch_allocations(true);
	for (uint32_t w = 0; w < masq_dp_workers(box->dp); w++)
		if ((box->stuck & 1u << w) == 0)
			masq_dp_poll(box->dp, w, box->now_ms);
	watch_allocations(false);
}

static void
demand_no_allocation(void)
{
	const char *first = "";
	unsigned int n = watch_taken(&first);

	if (n > 0)
		fail_msg("a worker allocated %u times, by %s first", n, first);
}

/* A few rounds more than the longest chain of messages: hand-off, question, answer, ARP. */
void
box_run(struct masq_test_box *box)
{
	unsigned int quiet = 0;

	for (unsigned int round = 0; round < SETTLE_ROUNDS && quiet < 8; round++) {
		box_poll(box);
		quiet = collect(box) == 0 && ports_are_empty() ? quiet + 1 : 0;
	}
}

/* No frame on an Ethernet is shorter than 60 bytes; what stands behind the packet is anything. */
static void
pad(struct rte_mbuf *mbuf)
{
	uint32_t missing = mbuf->pkt_len < SHORTEST_FRAME ? SHORTEST_FRAME - mbuf->pkt_len : 0;
	char *padding = rte_pktmbuf_append(mbuf, (uint16_t)missing);

	assert_non_null(padding);
	memset(padding, 0xa5, missing);
}

void
box_put(struct masq_test_box *box, enum masq_test_port port, const struct masq_test_pkt *pkt)
{
	struct masq_test_pkt frame = *pkt;
	struct rte_mbuf *mbuf;

	if (frame.dst_mac == NULL)
		frame.dst_mac = box->mac[port];
	if (frame.src_mac == NULL)
		frame.src_mac = port_plan[port].host_mac;
	mbuf = masq_test_pkt_build(pool, &frame);
	pad(mbuf);
	mbuf->ol_flags |= box->nic_flags;
	assert_int_equal(rte_ring_enqueue(to_box[port], mbuf), 0);
}

void
box_nic_says(struct masq_test_box *box, uint64_t rx_flags)
{
	box->nic_flags = rx_flags;
}

/* Whoever waited for ARP is looked at once a millisecond. */
static void
settle(struct masq_test_box *box)
{
	box_run(box);
	if (box_counters(box).held > 0) {
		box->now_ms++;
		box_run(box);
	}
}

void
box_send(struct masq_test_box *box, enum masq_test_port port, const struct masq_test_pkt *pkt)
{
	box_put(box, port, pkt);
	settle(box);
}

uint32_t
box_frame(const struct masq_test_box *box, enum masq_test_port port,
		const struct masq_test_pkt *pkt, uint8_t *frame, uint32_t size)
{
	struct masq_test_pkt whole = *pkt;

	if (whole.dst_mac == NULL)
		whole.dst_mac = box->mac[port];
	return masq_test_pkt_bytes(&whole, frame, size);
}

void
box_send_bytes(struct masq_test_box *box, enum masq_test_port port, const uint8_t *frame,
		uint32_t bytes)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	void *room;

	assert_non_null(mbuf);
	room = rte_pktmbuf_append(mbuf, (uint16_t)bytes);
	assert_non_null(room);
	memcpy(room, frame, bytes);
	assert_int_equal(rte_ring_enqueue(to_box[port], mbuf), 0);
	settle(box);
}

void
box_hello(struct masq_test_box *box, enum masq_test_port port, const char *ip)
{
	const struct masq_test_pkt ask = {
		.arp = 1,
		.src = ip,
		.dst = box_address(port),
		.dst_mac = "ff:ff:ff:ff:ff:ff",
	};
	const struct masq_test_pkt answer = {
		.arp = 2,
		.src = box_address(port),
		.src_mac = box->mac[port],
		.dst = ip,
		.arp_target_mac = port_plan[port].host_mac,
		.padding_bytes = 18,
	};

	box_send(box, port, &ask);
	box_expect(box, port, &answer);
}

const char *
box_address(enum masq_test_port port)
{
	static char text[BOX_PORTS][32];

	snprintf(text[port], sizeof(text[port]), "%.*s", (int)strcspn(port_plan[port].address, "/"),
			port_plan[port].address);
	return text[port];
}

const char *
box_mac(const struct masq_test_box *box, enum masq_test_port port)
{
	return box->mac[port];
}

const char *
box_host_mac(enum masq_test_port port)
{
	return port_plan[port].host_mac;
}

static struct rte_mbuf *
next_out(struct masq_test_box *box, enum masq_test_port port, const char *file, int line)
{
	if (box->taken[port] == box->n_out[port]) {
		struct masq_dp_counters c = box_counters(box);

		for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
			if (c.drops[d] > 0)
				fprintf(stderr, "  dropped: %s %llu\n", masq_drop_name(d),
						(unsigned long long)c.drops[d]);
		for (unsigned int p = 0; p < BOX_PORTS; p++)
			fprintf(stderr, "  %s: %u waiting\n", port_plan[p].name,
					box->n_out[p] - box->taken[p]);
		_fail(file, line);
	}
	return box->out[port][box->taken[port]++];
}

struct masq_test_seen
box_expect_at(struct masq_test_box *box, enum masq_test_port port, const struct masq_test_pkt *pkt,
		const char *file, int line)
{
	struct rte_mbuf *mbuf = next_out(box, port, file, line);
	struct masq_test_seen seen = masq_test_pkt_see(mbuf);
	struct masq_test_pkt expected = *pkt;
	bool same;

	if (expected.src_mac == NULL)
		expected.src_mac = box->mac[port];
	if (expected.dst_mac == NULL)
		expected.dst_mac = port_plan[port].host_mac;
	same = masq_test_pkt_check(mbuf, &expected);
	rte_pktmbuf_free(mbuf);
	if (!same)
		_fail(file, line);
	return seen;
}

struct masq_test_seen
box_take_at(struct masq_test_box *box, enum masq_test_port port, const char *file, int line)
{
	struct rte_mbuf *mbuf = next_out(box, port, file, line);
	struct masq_test_seen seen = masq_test_pkt_see(mbuf);

	rte_pktmbuf_free(mbuf);
	return seen;
}

uint32_t
box_take_bytes(struct masq_test_box *box, enum masq_test_port port, uint8_t *frame, uint32_t size)
{
	struct rte_mbuf *mbuf = next_out(box, port, __FILE__, __LINE__);
	const uint32_t bytes = rte_pktmbuf_pkt_len(mbuf);
	const void *from;

	assert_true(bytes <= size);
	from = rte_pktmbuf_read(mbuf, 0, bytes, frame);
	assert_non_null(from);
	if (from != frame)
		memcpy(frame, from, bytes);
	rte_pktmbuf_free(mbuf);
	return bytes;
}

void
box_expect_nothing_at(struct masq_test_box *box, const char *file, int line)
{
	for (unsigned int p = 0; p < BOX_PORTS; p++)
		if (box->taken[p] != box->n_out[p]) {
			fprintf(stderr, "%u frames left by %s\n", box->n_out[p] - box->taken[p],
					port_plan[p].name);
			_fail(file, line);
		}
}

void
box_expect_drop_at(struct masq_test_box *box, enum masq_drop reason, const char *file, int line)
{
	struct masq_dp_counters now = box_counters(box);
	uint64_t dropped = 0;

	for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++) {
		uint64_t more = now.drops[d] - box->drops_before[d];

		dropped += more;
		if (more > 0 && (d != (unsigned int)reason || more != 1)) {
			fprintf(stderr, "dropped %llu for %s, expected 1 for %s\n",
					(unsigned long long)more, masq_drop_name(d),
					masq_drop_name(reason));
			_fail(file, line);
		}
	}
	if (dropped == 0) {
		fprintf(stderr, "nothing was dropped, expected %s\n", masq_drop_name(reason));
		_fail(file, line);
	}
	memcpy(box->drops_before, now.drops, sizeof(now.drops));
}

void
box_advance(struct masq_test_box *box, uint64_t ms)
{
	while (ms > 0) {
		uint64_t step = ms < STEP_MS ? ms : STEP_MS;

		box->now_ms += step;
		ms -= step;
		for (unsigned int round = 0; round < 3; round++) {
			box_poll(box);
			collect(box);
		}
	}
	box_run(box);
}

void
box_arp_by_hand(struct masq_test_box *box)
{
	box->arp_by_hand = true;
}

uint64_t
box_drops(const struct masq_test_box *box, enum masq_drop reason)
{
	return box_counters(box).drops[reason];
}

void
box_drops_seen(struct masq_test_box *box)
{
	struct masq_dp_counters now = box_counters(box);

	memcpy(box->drops_before, now.drops, sizeof(now.drops));
}

unsigned int
box_waiting(const struct masq_test_box *box, enum masq_test_port port)
{
	return box->n_out[port] - box->taken[port];
}

void
box_mute(struct masq_test_box *box, uint32_t ip)
{
	box->mute = ip;
}

uint32_t
box_sessions(const struct masq_test_box *box)
{
	const struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row rows[64];
	uint32_t n = 0;
	bool end = false;

	while (!end)
		n += (uint32_t)masq_dp_sessions(box->dp, &all, &cursor, rows, 64, &end);
	return n;
}

/* One worker asks another for the ends of so many sessions at a time. */
void
box_end_sessions(struct masq_test_box *box)
{
	const struct masq_dp_session_filter all = { 0 };

	masq_dp_sessions_flush(box->dp, &all, NULL);
	for (unsigned int ms = 0; ms < 100 && box_sessions(box) > 0; ms++)
		box_advance(box, 1);
	assert_int_equal(box_sessions(box), 0);
}

struct masq_session_row
box_session(struct masq_test_box *box)
{
	const struct masq_dp_session_filter all = { 0 };
	struct masq_dp_cursor cursor = { 0 };
	struct masq_session_row row = { 0 };
	bool end = false;

	while (!end)
		if (masq_dp_sessions(box->dp, &all, &cursor, &row, 1, &end) == 1)
			return row;
	fail_msg("no session");
	return row;
}

struct masq_dp *
box_dp(const struct masq_test_box *box)
{
	return box->dp;
}

struct masq_dp_counters
box_counters(const struct masq_test_box *box)
{
	struct masq_dp_counters counters;

	masq_dp_counters_read(box->dp, UINT32_MAX, &counters);
	return counters;
}

static uint32_t
rule_id(const struct masq_test_box *box, const char *chain, uint32_t number)
{
	int index = masq_conf_chain_find(&box->rules, chain);
	const struct masq_conf_chain *c;

	assert_true(index >= 0);
	c = &box->rules.chains[index];
	return number == 0 ? c->policy_id : c->rules[number - 1].id;
}

/* Its id, with counters that are up to date. */
static uint32_t
fresh_rule(struct masq_test_box *box, const char *chain, uint32_t number)
{
	struct masq_err err = { "" };

	if (masq_dp_rule_counters_refresh(box->dp, &err) != 0)
		fail_msg("%s", err.text);
	return rule_id(box, chain, number);
}

struct masq_dp_rule_counter
box_rule_counter_known(struct masq_test_box *box, const char *chain, uint32_t number)
{
	return masq_dp_rule_counter(box->dp, rule_id(box, chain, number));
}

struct masq_dp_rule_counter
box_rule_counter(struct masq_test_box *box, const char *chain, uint32_t number)
{
	return masq_dp_rule_counter(box->dp, fresh_rule(box, chain, number));
}

void
box_rule_zero(struct masq_test_box *box, const char *chain, uint32_t number)
{
	masq_dp_rule_counter_zero(box->dp, fresh_rule(box, chain, number));
}

uint64_t
box_rule_packets(struct masq_test_box *box, const char *chain, uint32_t number)
{
	return box_rule_counter(box, chain, number).packets;
}

static void
demand_balance(const struct masq_test_box *box)
{
	struct masq_dp_counters c = box_counters(box);
	uint64_t drops = 0;

	for (unsigned int d = 1; d < MASQ_DROP_COUNT; d++)
		drops += c.drops[d];
	if (c.rx + c.originated != c.tx + c.punted + drops + c.held)
		fail_msg("rx %llu + originated %llu != tx %llu + punted %llu + drops %llu + held "
			 "%llu",
				(unsigned long long)c.rx, (unsigned long long)c.originated,
				(unsigned long long)c.tx, (unsigned long long)c.punted,
				(unsigned long long)drops, (unsigned long long)c.held);
}

/* Stop, and demand that nothing is left of it. @return packets that were in the box */
static uint64_t
finish(struct masq_test_box *box)
{
	unsigned int pool_free = box->pool_free;
	uint64_t caught;

	demand_no_allocation();
	masq_dp_stop(box->dp);
	demand_balance(box);
	assert_int_equal(box_counters(box).held, 0);
	caught = box_drops(box, MASQ_DROP_SHUTDOWN);
	collect(box);
	for (unsigned int p = 0; p < BOX_PORTS; p++) {
		void *mbuf;

		for (unsigned int k = box->taken[p]; k < box->n_out[p]; k++)
			rte_pktmbuf_free(box->out[p][k]);
		box->n_out[p] = 0;
		while (rte_ring_dequeue(to_box[p], &mbuf) == 0)
			rte_pktmbuf_free(mbuf);
	}
	assert_int_equal(masq_dp_buffers_in_use(box->dp), 0);
	release(box);
	assert_int_equal(rte_mempool_avail_count(pool), pool_free);
	return caught;
}

uint64_t
box_unplug(struct masq_test_box *box)
{
	return finish(box);
}

void
box_close(struct masq_test_box *box)
{
	const struct masq_dp_session_filter all = { 0 };

	box_run(box);
	demand_balance(box);
	masq_dp_sessions_flush(box->dp, &all, NULL);
	box_run(box);
	assert_int_equal(box_sessions(box), 0);
	finish(box);
}
