#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Rules with -l write the lines of the kernel of the time; a flood of them disturbs nobody.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need ping python3

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ"
box_start
lines() { grep -c "Packet log: $1" "$T/daemon.log" || true; }
some() { [ "$(lines "$1")" -ge "$2" ]; }

check "pings get through" on client ping -c 2 -i 0.2 -W 5 203.0.113.80
check_equal "without -l nothing is logged" 0 "$(lines '')"

check "ipchains -l" compat ipchains -A forward -p icmp -j MASQ -l
check "pings get through" on client ping -c 3 -i 0.2 -W 5 203.0.113.80
check "each ping is logged, once" wait_for 5 "three lines" some 'forward MASQ wan PROTO=1 192\.168\.16\.2:8 203\.0\.113\.80:0 L=84 S=0x00 I=[0-9]* F=0x4000 T=63 (#1)$' 3
check_equal "and nothing else" 3 "$(lines '')"

check "a rule set with another -l" compat ipchains -F
check "is logged" compat ipchains -A input -i lan -p udp -l -j DENY
flood='import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(20000): s.sendto(b"knock", ("203.0.113.80", 9))'
on client python3 -c "$flood"
check "others are served in a flood" cli port show
check "packets flow in a flood" on client ping -c 1 -W 5 203.0.113.80
check "what is too much is counted" wait_for 5 "a warning" grep -q 'packets of rules with -l were not logged' "$T/daemon.log"
check "and not written" test "$(lines 'input DENY lan PROTO=17')" -lt 19000
check "without the rule" compat ipchains -F
before=$(lines '')
on client python3 -c "${flood/20000/20}"
check "the box still answers" on client ping -c 1 -W 5 203.0.113.80
check_equal "nothing more is logged" "$before" "$(lines '')"

# A log that nobody reads: the pipe is full, lines are lost, and nothing else is.
box_stop
mkfifo "$T/pipe"
exec {reader}<>"$T/pipe"
ip netns exec "$ID-box" dpdk-masq --config "$T/box.conf" 2>"$T/pipe" </dev/null {reader}>&- &
DAEMON=$!
check "an appliance whose log nobody reads" wait_for 60 "it answers" cli version
check "may log" compat ipchains -A input -i lan -p udp -l -j DENY
for _ in 1 2 3; do
    on client python3 -c "$flood"
    check "and serves its socket" timeout 10 dpdk-masq-cli -s "$T/control.sock" port show
done
check "and packets" on client ping -c 1 -W 5 203.0.113.80
cat "$T/pipe" >"$T/log" &
READER=$!
on client python3 -c "${flood/20000/20}"
check "read again, it says what is missing" wait_for 20 "the line" grep -q 'lines were lost: nobody read the log' "$T/log"
kill $READER
check "without the rule" compat ipchains -F
finish
