#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ICMP queries and ICMP errors find their way back through the box, and the time to live counts.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- .2 r1 -- server 198.51.100.80
#
. "$(dirname "$0")/lib.sh"
need ping traceroute

segment inside
segment outside
segment far
host client inside 192.168.16.2/24 192.168.16.1
host r1
plug r1 eth0 outside 203.0.113.2/24
plug r1 eth1 far 198.51.100.1/24
router r1
host server far 198.51.100.80/24 198.51.100.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24" "gateway = 203.0.113.2"
box_rules "ipchains -P forward MASQ"
box_start

HOPS='192.168.16.1 203.0.113.2 198.51.100.80'
# trace [OPTION...]: the addresses of the hops in one line
trace() {
    on client traceroute -n -q 1 -w 2 -m 5 "$@" 198.51.100.80 | awk 'NR > 1 { printf "%s%s", s, $2; s = " " }'
}

check "ping through the box" on client ping -c 5 -i 0.2 -W 2 198.51.100.80
check "ping with 1472 bytes that may not be split" on client ping -c 2 -i 0.2 -W 2 -M do -s 1472 198.51.100.80
check "ping with 1800 bytes, in pieces on both sides" on client ping -c 2 -i 0.2 -W 2 -s 1800 198.51.100.80
# net_af_packet lets the kernel put pieces together, in frames of 2048 bytes.
[ "$MASQ_TEST_DEVICE" = af_packet ] ||
    check "ping with 4000 bytes" on client ping -c 2 -i 0.2 -W 2 -s 4000 198.51.100.80
check "ping of the box from inside" on client ping -c 2 -i 0.2 -W 2 192.168.16.1
check "ping of the box from outside" on server ping -c 2 -i 0.2 -W 2 203.0.113.1
check_equal "traceroute with UDP" "$HOPS" "$(trace)"
check_equal "traceroute with ICMP" "$HOPS" "$(trace -I)"
check_match "a packet with one hop to live ends at the box" 'From 192.168.16.1 .*Time to live exceeded' \
    "$(on client ping -c 1 -W 2 -t 1 198.51.100.80 || true)"
check_match "the box takes one from the time to live" 'ttl=62' "$(on client ping -c 1 -W 2 198.51.100.80 || true)"
check_match "a closed UDP port is reported to the client" 'refused' \
    "$(on client bash -c 'exec 3<>/dev/udp/198.51.100.80/9; echo x >&3; read -rt 3 -u 3' 2>&1 || true)"
finish
