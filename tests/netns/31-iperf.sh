#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# iperf3 in both directions, TCP with several streams, UDP: much arrives, in order, and the box drops none.
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

# For a time, not for an amount: iperf's server stops counting when the client says that it has sent.
run_iperf() { on client iperf3 -c 203.0.113.80 -J -t 2 "$@" >"$T/report" || true; }

# iperf KEY [KEY...]: numbers of the last report, 0 for what it does not have
iperf() {
    python3 -c '
import json, sys
try:
    end = json.load(open(sys.argv[1]))["end"]
except (ValueError, KeyError):
    end = {}
end.update(end.get("streams", [{}])[0].get("udp", {}))
for key in sys.argv[2:]:
    value = end
    for part in key.split("."):
        value = value.get(part, {})
    print(int(value or 0))' "$T/report" "$@"
}

box_drops() { cli stats show | awk '$1 == "drops" { print $2 }'; }

run_iperf -P 4
check "TCP, four streams up" test "$(iperf sum_received.bytes)" -gt 1000000
run_iperf -P 4 -R
check "TCP, four streams down" test "$(iperf sum_received.bytes)" -gt 1000000
# How many arrive is a matter of who else uses the machine; their order is not.
dropped=$(box_drops)
run_iperf -u -b 20M
check "UDP at 20 Mbit/s arrives" test "$(($(iperf packets) - $(iperf lost_packets)))" -gt 1000
check_equal "none overtakes another" 0 "$(iperf out_of_order)"
check_equal "the box drops none" "$dropped" "$(box_drops)"
finish
