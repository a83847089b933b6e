/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A load generator with two ends, for appliances whose ports are memory: net_memif, or virtio-user
 * and vhost. One process plays the client inside and the server outside.
 *
 *   [inside port] -- lan [appliance] wan -- [outside port]
 *
 * What it does. It asks both sides of the appliance for their link addresses, and answers when it is
 * asked for its own. Then the client sends UDP packets of many flows; the server sends each back to
 * whoever it came from. A packet carries the number of its flow, so both ends know what it must look
 * like:
 *
 *	at the server	the source is the masquerade address and a port that no other flow has and that
 *			stays the same; checksums are right
 *	at the client	it is the packet that was sent, addresses turned round; checksums are right
 *
 * Words. window: packets that may be on their way. With a window below the length of any ring in
 * between nothing may be lost, so one missing packet is a failure.
 *
 * The first packet of all travels alone: while an address is being resolved, an appliance keeps a few
 * packets only.
 *
 * Options stand behind EAL's and "--"; ports are taken in the order of --vdev. One thread, one core.
 * The last line of standard output is a JSON object; exit code 0: every packet came back as it should.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define BURST 32
#define RING 1024
#define MAGIC 0x4d415351u
#define FIRST_PORT 1024
#define FLOWS_MAX (65536 - FIRST_PORT)
#define SERVER_PORT 7
#define FRAME_MIN RTE_ETHER_MIN_LEN

enum {
	INSIDE,
	OUTSIDE
};

/* What a packet carries behind the UDP header. */
struct payload {
	rte_be32_t magic;
	rte_be32_t flow;
	rte_be64_t number;
} __rte_packed;

struct frame {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct payload payload;
};

static_assert(sizeof(struct frame) == 58, "headers follow one another without a gap");
static_assert(sizeof(struct frame) + RTE_ETHER_CRC_LEN <= FRAME_MIN,
		"the smallest frame holds them");

/* One of the two ports and what is on either end of it; addresses in network byte order. */
struct side {
	uint16_t ethdev;
	struct rte_ether_addr mac, box_mac;
	rte_be32_t own, box;
	bool resolved;
	uint64_t asked; /* time-stamp counter of the last ARP request */
};

struct load {
	struct side side[2];
	struct rte_mempool *pool;
	rte_be32_t masqueraded; /* source that the server must see; 0: the appliance only routes */
	uint64_t packets;
	uint32_t flows, window;
	uint16_t size; /* bytes of a frame with its CRC, as in "64 bytes" */
	uint16_t *port_of_flow; /* as the server sees it, network order; 0: not seen yet */
	uint32_t *flow_of_port; /* flow + 1 */
	uint64_t sent, arrived, returned, wrong;
	char complaint[128]; /* about the first wrong packet */
};

static void __rte_noreturn
give_up(const char *what, const char *why)
{
	fprintf(stderr, "masq_load: %s: %s\n", what, why);
	exit(2);
}

static void
complain(struct load *load, const char *what, const struct frame *frame)
{
	if (load->wrong++ == 0)
		snprintf(load->complaint, sizeof(load->complaint),
				"%s: packet %" PRIu64 " of flow %u, %08x:%u to %08x:%u", what,
				rte_be_to_cpu_64(frame->payload.number),
				rte_be_to_cpu_32(frame->payload.flow),
				rte_be_to_cpu_32(frame->ip.src_addr),
				rte_be_to_cpu_16(frame->udp.src_port),
				rte_be_to_cpu_32(frame->ip.dst_addr),
				rte_be_to_cpu_16(frame->udp.dst_port));
}

/* Sends all of them; a ring that is full empties soon, for the appliance polls it. */
static void
transmit(const struct side *side, struct rte_mbuf **mbuf, uint16_t n)
{
	uint64_t until = rte_rdtsc() + 5 * rte_get_tsc_hz();

	for (uint16_t sent = 0; sent < n;) {
		sent += rte_eth_tx_burst(side->ethdev, 0, mbuf + sent, n - sent);
		if (sent < n && rte_rdtsc() > until)
			give_up("transmit", "the port takes no packets for five seconds");
	}
}

/* ------------------------------------------------------------------ link addresses */

static void
send_arp(struct load *load, struct side *side, uint16_t opcode, const struct rte_ether_addr *to,
		rte_be32_t to_ip)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(load->pool);

	struct {
		struct rte_ether_hdr eth;
		struct rte_arp_hdr arp;
		uint8_t padding[18];
	} * frame;

	if (mbuf == NULL)
		give_up("ARP", "no packet buffer");
	frame = rte_pktmbuf_mtod(mbuf, void *);
	mbuf->data_len = sizeof(*frame);
	mbuf->pkt_len = sizeof(*frame);
	memset(frame, 0, sizeof(*frame));
	frame->eth.dst_addr = *to;
	frame->eth.src_addr = side->mac;
	frame->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
	frame->arp.arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	frame->arp.arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	frame->arp.arp_hlen = RTE_ETHER_ADDR_LEN;
	frame->arp.arp_plen = sizeof(rte_be32_t);
	frame->arp.arp_opcode = rte_cpu_to_be_16(opcode);
	frame->arp.arp_data.arp_sha = side->mac;
	frame->arp.arp_data.arp_sip = side->own;
	if (opcode == RTE_ARP_OP_REPLY)
		frame->arp.arp_data.arp_tha = *to;
	frame->arp.arp_data.arp_tip = to_ip;
	/* The other side may have connected and not started yet; who asks asks again. */
	if (rte_eth_tx_burst(side->ethdev, 0, &mbuf, 1) == 0)
		rte_pktmbuf_free(mbuf);
}

static void
take_arp(struct load *load, struct side *side, struct rte_mbuf *mbuf)
{
	const struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(
			mbuf, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));

	if (mbuf->data_len < sizeof(struct rte_ether_hdr) + sizeof(*arp))
		return;
	if (arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) &&
			arp->arp_data.arp_tip == side->own)
		send_arp(load, side, RTE_ARP_OP_REPLY, &arp->arp_data.arp_sha,
				arp->arp_data.arp_sip);
	if (arp->arp_data.arp_sip == side->box) {
		side->box_mac = arp->arp_data.arp_sha;
		side->resolved = true;
	}
}

static void
ask(struct load *load, struct side *side)
{
	static const struct rte_ether_addr broadcast = { .addr_bytes = { 255, 255, 255, 255, 255,
									 255 } };
	struct rte_eth_link link = { 0 };
	uint64_t now = rte_rdtsc();

	if (side->resolved || now - side->asked < rte_get_tsc_hz() / 10)
		return;
	side->asked = now;
	if (rte_eth_link_get_nowait(side->ethdev, &link) == 0 && link.link_status)
		send_arp(load, side, RTE_ARP_OP_REQUEST, &broadcast, side->box);
}

/* ------------------------------------------------------------------ packets */

static struct rte_mbuf *
make_packet(struct load *load)
{
	const struct side *inside = &load->side[INSIDE];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(load->pool);
	uint16_t frame_bytes = load->size - RTE_ETHER_CRC_LEN;
	uint16_t ip_bytes = frame_bytes - (uint16_t)sizeof(struct rte_ether_hdr);
	/* Neighbouring packets belong to flows far apart. */
	uint32_t flow = (uint32_t)(load->sent * 2654435761u % load->flows);
	struct frame *frame;

	if (mbuf == NULL)
		return NULL;
	frame = rte_pktmbuf_mtod(mbuf, struct frame *);
	mbuf->data_len = frame_bytes;
	mbuf->pkt_len = frame_bytes;
	memset(frame, 0, frame_bytes);
	frame->eth.dst_addr = inside->box_mac;
	frame->eth.src_addr = inside->mac;
	frame->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	frame->ip.version_ihl = RTE_IPV4_VHL_DEF;
	frame->ip.total_length = rte_cpu_to_be_16(ip_bytes);
	frame->ip.time_to_live = 64;
	frame->ip.next_proto_id = IPPROTO_UDP;
	frame->ip.src_addr = inside->own;
	frame->ip.dst_addr = load->side[OUTSIDE].own;
	frame->udp.src_port = rte_cpu_to_be_16((uint16_t)(FIRST_PORT + flow));
	frame->udp.dst_port = rte_cpu_to_be_16(SERVER_PORT);
	frame->udp.dgram_len = rte_cpu_to_be_16(ip_bytes - (uint16_t)sizeof(frame->ip));
	frame->payload.magic = rte_cpu_to_be_32(MAGIC);
	frame->payload.flow = rte_cpu_to_be_32(flow);
	frame->payload.number = rte_cpu_to_be_64(load->sent);
	frame->udp.dgram_cksum = rte_ipv4_udptcp_cksum(&frame->ip, &frame->udp);
	frame->ip.hdr_checksum = rte_ipv4_cksum(&frame->ip);
	return mbuf;
}

static void
send_some(struct load *load)
{
	struct rte_mbuf *mbuf[BURST];
	uint32_t window = load->returned == 0 ? 1 : load->window;
	uint16_t n = 0;

	while (n < BURST && load->sent < load->packets && load->sent - load->returned < window) {
		mbuf[n] = make_packet(load);
		if (mbuf[n] == NULL)
			break;
		n++;
		load->sent++;
	}
	transmit(&load->side[INSIDE], mbuf, n);
}

/* One of ours, whole, with right checksums? What else arrives is left alone. */
static bool
is_ours(struct load *load, struct rte_mbuf *mbuf)
{
	const struct frame *frame = rte_pktmbuf_mtod(mbuf, const struct frame *);

	if (mbuf->data_len < sizeof(*frame) ||
			frame->eth.ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
			frame->payload.magic != rte_cpu_to_be_32(MAGIC) ||
			rte_be_to_cpu_32(frame->payload.flow) >= load->flows)
		return false;
	if (rte_be_to_cpu_16(frame->ip.total_length) + sizeof(frame->eth) > mbuf->data_len ||
			rte_ipv4_cksum(&frame->ip) != 0 ||
			rte_ipv4_udptcp_cksum_verify(&frame->ip, &frame->udp) != 0)
		complain(load, "broken", frame);
	return true;
}

/* At the server: is the source as it should be? */
static void
check_arrival(struct load *load, const struct frame *frame)
{
	uint32_t flow = rte_be_to_cpu_32(frame->payload.flow);
	uint16_t port = frame->udp.src_port;

	load->arrived++;
	if (load->masqueraded == 0)
		return;
	if (frame->ip.src_addr != load->masqueraded)
		complain(load, "not translated", frame);
	if (load->port_of_flow[flow] == 0) {
		load->port_of_flow[flow] = port;
		if (load->flow_of_port[port] != 0)
			complain(load, "a port serves two flows", frame);
		load->flow_of_port[port] = flow + 1;
	} else if (load->port_of_flow[flow] != port) {
		complain(load, "the flow has another port than before", frame);
	}
}

/* Send it back to its sender; the sum of all words remains, so checksums do too. */
static void
turn_round(const struct side *side, struct frame *frame)
{
	rte_be32_t address = frame->ip.src_addr;
	rte_be16_t port = frame->udp.src_port;

	frame->ip.src_addr = frame->ip.dst_addr;
	frame->ip.dst_addr = address;
	frame->udp.src_port = frame->udp.dst_port;
	frame->udp.dst_port = port;
	frame->eth.dst_addr = side->box_mac;
	frame->eth.src_addr = side->mac;
}

static void
check_return(struct load *load, const struct frame *frame)
{
	uint32_t flow = rte_be_to_cpu_32(frame->payload.flow);

	load->returned++;
	if (frame->ip.dst_addr != load->side[INSIDE].own ||
			frame->ip.src_addr != load->side[OUTSIDE].own ||
			frame->udp.src_port != rte_cpu_to_be_16(SERVER_PORT) ||
			frame->udp.dst_port != rte_cpu_to_be_16((uint16_t)(FIRST_PORT + flow)))
		complain(load, "the answer was not translated back", frame);
}

static void
receive(struct load *load, unsigned int which)
{
	struct side *side = &load->side[which];
	struct rte_mbuf *mbuf[BURST], *back[BURST];
	uint16_t n = rte_eth_rx_burst(side->ethdev, 0, mbuf, BURST), n_back = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct frame *frame = rte_pktmbuf_mtod(mbuf[i], struct frame *);

		if (is_ours(load, mbuf[i])) {
			if (which == OUTSIDE) {
				check_arrival(load, frame);
				turn_round(side, frame);
				back[n_back++] = mbuf[i];
				continue;
			}
			check_return(load, frame);
		} else if (frame->eth.ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP)) {
			take_arp(load, side, mbuf[i]);
		}
		rte_pktmbuf_free(mbuf[i]);
	}
	transmit(side, back, n_back);
}

/* ------------------------------------------------------------------ the run */

/* Until all packets are back, or none has come for @p patience seconds. @return seconds it took */
static double
run(struct load *load, unsigned int patience)
{
	uint64_t hz = rte_get_tsc_hz(), start = 0, last = rte_rdtsc(), before = 0;

	while (load->returned < load->packets) {
		uint64_t now = rte_rdtsc();

		ask(load, &load->side[INSIDE]);
		ask(load, &load->side[OUTSIDE]);
		if (load->side[INSIDE].resolved && load->side[OUTSIDE].resolved)
			send_some(load);
		receive(load, OUTSIDE);
		receive(load, INSIDE);
		if (load->returned != before) {
			start = before == 0 ? now : start;
			before = load->returned;
			last = now;
		} else if (now - last > patience * hz) {
			break;
		}
	}
	return start == 0 ? 0 : (double)(last - start) / (double)hz;
}

static void
open_port(struct load *load, struct side *side, uint16_t ethdev)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t rx = RING, tx = RING;
	int ret = rte_eth_dev_configure(ethdev, 1, 1, &conf);

	side->ethdev = ethdev;
	ret = ret != 0 ? ret : rte_eth_dev_adjust_nb_rx_tx_desc(ethdev, &rx, &tx);
	ret = ret != 0 ? ret : rte_eth_rx_queue_setup(ethdev, 0, rx, 0, NULL, load->pool);
	ret = ret != 0 ? ret : rte_eth_tx_queue_setup(ethdev, 0, tx, 0, NULL);
	ret = ret != 0 ? ret : rte_eth_dev_start(ethdev);
	ret = ret != 0 ? ret : rte_eth_macaddr_get(ethdev, &side->mac);
	if (ret != 0)
		give_up("a port does not start", rte_strerror(-ret));
}

static void __rte_noreturn
refuse(const char *name, const char *text, const char *why)
{
	char what[128];

	snprintf(what, sizeof(what), "--%s %s", name, text);
	give_up(what, why);
}

static uint64_t
number(const char *name, const char *text, uint64_t low, uint64_t high)
{
	char *end, accepted[64];
	unsigned long long value = strtoull(text, &end, 10);

	snprintf(accepted, sizeof(accepted), "accepted: a number, %" PRIu64 "-%" PRIu64, low, high);
	if (*text < '0' || *text > '9' || *end != 0 || value < low || value > high)
		refuse(name, text, accepted);
	return value;
}

static rte_be32_t
address(const char *name, const char *text)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		refuse(name, text, "not an IPv4 address");
	return in.s_addr;
}

static const char help[] =
		"masq_load EAL-OPTIONS --vdev INSIDE --vdev OUTSIDE -- [OPTION...]\n"
		"  --inside A      address of the client (192.168.1.2)\n"
		"  --lan A         address of the appliance's inner port (192.168.1.1)\n"
		"  --outside A     address of the server (203.0.113.80)\n"
		"  --wan A         address of the appliance's outer port (203.0.113.1)\n"
		"  --masq A        source that the server must see (203.0.113.1; 0.0.0.0: any)\n"
		"  --packets N     how many there and back (100000)\n"
		"  --flows N       1-64512, each a port of the client (1000)\n"
		"  --window N      packets on their way at most, 1-65536 (256)\n"
		"  --size N        bytes of a frame with CRC, 64-1518 (64)\n"
		"  --patience N    seconds without a packet until it gives up (10)\n";

static unsigned int
options(struct load *load, int argc, char **argv)
{
	static const struct option list[] = { { "inside", 1, NULL, 'i' }, { "lan", 1, NULL, 'l' },
		{ "outside", 1, NULL, 'o' }, { "wan", 1, NULL, 'w' }, { "masq", 1, NULL, 'm' },
		{ "packets", 1, NULL, 'p' }, { "flows", 1, NULL, 'f' }, { "window", 1, NULL, 'n' },
		{ "size", 1, NULL, 's' }, { "patience", 1, NULL, 't' }, { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	unsigned int patience = 10;
	int c, index = 0;

	while ((c = getopt_long(argc, argv, "", list, &index)) != -1) {
		const char *name = list[index].name;

		switch (c) {
		case 'i':
			load->side[INSIDE].own = address(name, optarg);
			break;
		case 'l':
			load->side[INSIDE].box = address(name, optarg);
			break;
		case 'o':
			load->side[OUTSIDE].own = address(name, optarg);
			break;
		case 'w':
			load->side[OUTSIDE].box = address(name, optarg);
			break;
		case 'm':
			load->masqueraded = address(name, optarg);
			break;
		case 'p':
			load->packets = number(name, optarg, 1, UINT64_MAX);
			break;
		case 'f':
			load->flows = (uint32_t)number(name, optarg, 1, FLOWS_MAX);
			break;
		case 'n':
			load->window = (uint32_t)number(name, optarg, 1, 65536);
			break;
		case 's':
			load->size = (uint16_t)number(name, optarg, FRAME_MIN, 1518);
			break;
		case 't':
			patience = (unsigned int)number(name, optarg, 1, 3600);
			break;
		default:
			fputs(help, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
	return patience;
}

/* Nothing was sent; why? */
static void
tell_who_is_silent(const struct side *side, const char *name)
{
	struct in_addr in = { .s_addr = side->box };
	char text[INET_ADDRSTRLEN];

	if (!side->resolved)
		fprintf(stderr, "masq_load: --%s %s does not answer ARP\n", name,
				inet_ntop(AF_INET, &in, text, sizeof(text)));
}

/* Before EAL starts: it wants hugepages where nobody has told it otherwise. */
static void
help_asked(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0) {
			fputs(help, stdout);
			exit(0);
		}
}

int
main(int argc, char **argv)
{
	struct load load = { .side[INSIDE] = { .own = RTE_BE32(RTE_IPV4(192, 168, 1, 2)),
					     .box = RTE_BE32(RTE_IPV4(192, 168, 1, 1)) },
		.side[OUTSIDE] = { .own = RTE_BE32(RTE_IPV4(203, 0, 113, 80)),
				.box = RTE_BE32(RTE_IPV4(203, 0, 113, 1)) },
		.masqueraded = RTE_BE32(RTE_IPV4(203, 0, 113, 1)),
		.packets = 100000,
		.flows = 1000,
		.window = 256,
		.size = 64 };
	unsigned int patience;
	double seconds;
	bool is_good;
	int used;

	help_asked(argc, argv);
	used = rte_eal_init(argc, argv);
	if (used < 0)
		give_up("EAL does not start", rte_strerror(rte_errno));
	patience = options(&load, argc - used, argv + used);
	if (rte_eth_dev_count_avail() != 2)
		give_up("ports", "exactly two are wanted: --vdev INSIDE --vdev OUTSIDE");
	load.pool = rte_pktmbuf_pool_create("load", 16384, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	load.port_of_flow = calloc(load.flows, sizeof(*load.port_of_flow));
	load.flow_of_port = calloc(65536, sizeof(*load.flow_of_port));
	if (load.pool == NULL || load.port_of_flow == NULL || load.flow_of_port == NULL)
		give_up("start", "no memory");
	for (uint16_t i = 0; i < 2; i++)
		open_port(&load, &load.side[i], i);
	seconds = run(&load, patience);
	is_good = load.returned == load.packets && load.arrived == load.packets && load.wrong == 0;
	tell_who_is_silent(&load.side[INSIDE], "lan");
	tell_who_is_silent(&load.side[OUTSIDE], "wan");
	if (load.wrong != 0)
		fprintf(stderr, "masq_load: %s\n", load.complaint);
	printf("{\"sent\": %" PRIu64 ", \"arrived\": %" PRIu64 ", \"returned\": %" PRIu64
	       ", \"wrong\": %" PRIu64 ", \"seconds\": %.3f, \"packets_per_second\": %.0f}\n",
			load.sent, load.arrived, load.returned, load.wrong, seconds,
			seconds > 0 ? (double)load.returned / seconds : 0);
	for (unsigned int i = 0; i < 2; i++) {
		rte_eth_dev_stop(load.side[i].ethdev);
		rte_eth_dev_close(load.side[i].ethdev);
	}
	free(load.port_of_flow);
	free(load.flow_of_port);
	rte_eal_cleanup();
	return is_good ? 0 : 1;
}
