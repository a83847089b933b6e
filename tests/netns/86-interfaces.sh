#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What becomes of the kernel's interfaces while the appliance serves ports through them: the log tells.
#
#   client 192.168.1.2 -- lan .1 [box] wan .1 -- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need ping

segment inside
segment outside
host client inside 192.168.1.2/24 192.168.1.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.1.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ"
box_start

# told TEXT N: the log says so N times
told() { [ "$(grep -cE "$1" "$T/daemon.log")" -eq "$2" ]; }
check "the appliance routes" on client ping -c 2 -i 0.2 -W 2 203.0.113.80
check_not "nothing is said of interfaces while nothing happens to them" grep -E 'daemon: .*(is up|is down|is gone|carrier)' "$T/daemon.log"

on box ip link set wan down
check "an interface that goes down" wait_for 10 "it is told" \
    told "^warning: daemon: .*box\.conf:[0-9]+: \[port wan\]: wan is down; no packets arrive before \"ip link set wan up\"" 1
on box ip link set wan up
check "and comes back" wait_for 10 "it is told" told "daemon: \[port wan\]: wan is up" 1
check "the appliance routes again" wait_for 20 "an answer" on client ping -c 1 -W 2 203.0.113.80

on box ip link set dev wan alias "what the operator says of it"
on box ip link delete lan
check "an interface that is deleted" wait_for 10 "it is told" \
    told "^warning: daemon: .*box\.conf:[0-9]+: \[port lan\]: lan is gone; if there is one again, restart the daemon" 1
said=$(grep -c "port lan" "$T/daemon.log") # perhaps that it went down, too
on box ip link add lan type veth peer name lan-peer
on box ip link set lan up
on box ip link set wan down
check "what is made anew is another one" wait_for 10 "the next change is told" told "wan is down" 2
check "and nothing is said of it" told "port lan" "$said"
check "the socket is served" cli port show
box_stop
check_equal "the appliance ends cleanly" 0 "$DAEMON_EXIT"
finish
