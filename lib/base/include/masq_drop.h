/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MASQ_DROP_H
#define MASQ_DROP_H

/**
 * @file
 * Every reason why a packet is dropped. One list yields the enumerators, the counters, the
 * names that the CLI prints and the table in the documentation.
 *
 * X(symbol, "kebab-name", "sentence")
 */
#define MASQ_DROP_LIST(X)                                                                          \
	/* frame and header */                                                                     \
	X(RUNT, "runt", "The frame is too short for the headers that it announces.")               \
	X(ETHERTYPE, "ethertype", "The frame is neither IPv4 nor ARP.")                            \
	X(VLAN, "vlan", "The frame's VLAN tag is not the one that its port is configured for.")    \
	X(NOT_OUR_MAC, "not-our-mac", "The frame is addressed to another station.")                \
	X(IP_VERSION, "ip-version", "The IP header is not of version 4.")                          \
	X(IP_HEADER, "ip-header", "The IP header is shorter than 20 bytes or than it says.")       \
	X(IP_LENGTH, "ip-length", "The IP total length does not fit the frame.")                   \
	X(IP_CHECKSUM, "ip-checksum", "The IP header checksum is wrong.")                          \
	X(L4_HEADER, "l4-header", "The packet is too short for its TCP, UDP or ICMP header.")      \
	X(L4_CHECKSUM, "l4-checksum", "The transport checksum is wrong.")                          \
	X(SPLIT_HEADER, "split-header", "The headers are spread over buffers and cannot be read.") \
	X(SOURCE_ROUTE, "source-route", "The packet carries a source-route option.")               \
	X(MARTIAN_SOURCE, "martian-source", "The source address cannot be a sender.")              \
	X(MARTIAN_DESTINATION, "martian-destination", "The destination cannot be a receiver.")     \
	X(MULTICAST, "multicast", "Multicast is not forwarded.")                                   \
	X(BROADCAST, "broadcast", "Broadcasts are not forwarded.")                                 \
	X(ARP_BAD, "arp-bad", "The ARP message is malformed or not for Ethernet and IPv4.")        \
	/* fragments */                                                                            \
	X(FRAG_BAD, "frag-bad", "The fragment has an impossible offset or length.")                \
	X(FRAG_OVERLAP, "frag-overlap", "Fragments of one datagram overlap.")                      \
	X(FRAG_TIMEOUT, "frag-timeout", "Fragments of the datagram did not all arrive in time.")   \
	X(FRAG_MEMORY, "frag-memory", "The memory for fragments is used up.")                      \
	/* routing */                                                                              \
	X(TTL, "ttl", "The time to live ran out.")                                                 \
	X(NO_ROUTE, "no-route", "No route leads to the destination.")                              \
	X(MTU, "mtu", "The packet is larger than the next link and must not be fragmented.")       \
	X(LOCAL, "local", "The packet is for the box itself, which has no service for it.")        \
	X(NEIGH_QUEUE, "neigh-queue",                                                              \
			"Too many packets wait for the link address of a neighbour.")              \
	X(NEIGH_UNREACHABLE, "neigh-unreachable", "The neighbour does not answer ARP.")            \
	X(NEIGH_TABLE, "neigh-table", "The neighbour table is full.")                              \
	/* rules */                                                                                \
	X(INPUT_DENY, "input-deny", "The input chain denied the packet.")                          \
	X(INPUT_REJECT, "input-reject", "The input chain rejected the packet.")                    \
	X(FORWARD_DENY, "forward-deny", "The forward chain denied the packet.")                    \
	X(FORWARD_REJECT, "forward-reject", "The forward chain rejected the packet.")              \
	X(OUTPUT_DENY, "output-deny", "The output chain denied the packet.")                       \
	X(OUTPUT_REJECT, "output-reject", "The output chain rejected the packet.")                 \
	X(CHAIN_LOOP, "chain-loop", "The packet went round in a loop of user chains.")             \
	/* translation */                                                                          \
	X(NO_PORT, "no-port", "Every port of the masquerade address is in use towards this peer.") \
	X(NO_MASQ_ADDRESS, "no-masq-address", "The outgoing port has no address to hide behind.")  \
	X(SESSION_TABLE, "session-table", "The session table is full.")                            \
	X(SESSION_DYING, "session-dying", "The session of the packet is being taken down.")        \
	X(TUPLE_IN_USE, "tuple-in-use", "Another session already owns the translated tuple.")      \
	X(PROTOCOL, "protocol", "Only TCP, UDP and ICMP queries can be masqueraded.")              \
	X(ICMP_UNMATCHED, "icmp-unmatched", "The ICMP message belongs to no session.")             \
	X(REPLY_NOT_MASQ, "reply-not-masq", "A forwarded server's reply got no MASQ verdict.")     \
	X(FORWARD_LOCAL, "forward-local", "A forwarding rule points at the box itself.")           \
	/* the box */                                                                              \
	X(HANDOFF_FULL, "handoff-full", "The ring to the worker that owns the flow is full.")      \
	X(SEGMENTS, "segments", "The packet lies in several buffers; the device takes only one.")  \
	X(TX_FULL, "tx-full", "The transmit queue of the port is full.")                           \
	X(NO_MBUF, "no-mbuf", "No packet buffer was free.")                                        \
	X(SHUTDOWN, "shutdown", "The appliance is stopping.")

enum masq_drop {
	MASQ_DROP_NONE, /**< not dropped */
#define MASQ_DROP_ENUM(symbol, name, text) MASQ_DROP_##symbol,
	MASQ_DROP_LIST(MASQ_DROP_ENUM)
#undef MASQ_DROP_ENUM
	MASQ_DROP_COUNT /**< number of enumerators, MASQ_DROP_NONE included */
};

/** @return kebab-case name, "none" for MASQ_DROP_NONE; never NULL for a valid reason */
const char *masq_drop_name(enum masq_drop reason);

/** @return the sentence that explains it, "" for MASQ_DROP_NONE */
const char *masq_drop_text(enum masq_drop reason);

#endif /* MASQ_DROP_H */
