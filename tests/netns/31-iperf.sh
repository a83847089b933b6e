#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# iperf3 in both directions, TCP with several streams, UDP: the box keeps up without losing order.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.80 (iperf3)
#
. "$(dirname "$0")/lib.sh"
need iperf3

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ"
serve_iperf server
box_start

# iperf JQ-LIKE-KEY OPTION...: one number of iperf's report, 0 when it failed
iperf() {
    local key=$1
    shift
    on client iperf3 -c 203.0.113.80 -J "$@" | python3 -c '
import json, sys
value = json.load(sys.stdin)["end"]
for part in sys.argv[1].split("."):
    value = value[part]
print(int(value))' "$key" 2>/dev/null || echo 0
}

# For a time, not for an amount: iperf's server stops counting when the client says that it has sent.
check "TCP, four streams up" test "$(iperf sum_received.bytes -P 4 -t 2)" -gt 1000000
check "TCP, four streams down" test "$(iperf sum_received.bytes -P 4 -t 2 -R)" -gt 1000000
check "UDP at 20 Mbit/s loses less than one packet in fifty" test \
    "$(iperf sum.packets -u -b 20M -t 2)" -gt 1000 -a "$(iperf sum.lost_percent -u -b 20M -t 2)" -lt 2
finish
