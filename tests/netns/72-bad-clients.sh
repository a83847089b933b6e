#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Clients of the control socket that send nonsense, never stop, never read, or are a thousand.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- (nobody)
#
. "$(dirname "$0")/lib.sh"
need python3 ping runuser

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_start "socket-group = nogroup"
bad_client() { timeout 60 python3 "$ROOT/tests/netns/bad_client.py" "$T/control.sock" "$1"; }

check "no JSON" bad_client garbage
check "JSON that is no request" bad_client no-request
check "an unknown method" bad_client unknown-method
check "brackets without end" bad_client deep
check "numbers that do not fit" bad_client numbers
check "a line without end" bad_client endless
check "a client that goes away in the middle" bad_client half
check "1000 clients at once" bad_client thousand

# Root and the socket's group may change things; others may not even connect, whatever the socket's mode.
chmod 755 "$T"
cp "$(command -v dpdk-masq-cli)" "$T/dpdk-masq-cli"
as() { runuser -u nobody -g "$1" -- "$T/dpdk-masq-cli" -s "$T/control.sock" "${@:2}"; }
check_equal "the socket's mode and group" "660 root nogroup" "$(stat -c '%a %U %G' "$T/control.sock")"
check_exit "the group may change rules" 0 '' as nogroup ipchains -A input -p udp -d 0.0.0.0/0 9
check_exit "others may not connect" 1 'permission denied \(you must be root' as games version
chmod 666 "$T/control.sock"
check_exit "also not through a socket that is open to all" 1 'permission denied \(you must be root or in the group' as games ipchains -F
chmod 660 "$T/control.sock"
check_match "and change nothing" '^ipchains -A input .*9:9' "$(cli save)"

# While one client reads nothing, others are served and packets flow.
spawn box python3 "$ROOT/tests/netns/bad_client.py" "$T/control.sock" never-reads
wait_for 60 "the client that does not read is there" grep -q stuck "$T/box.log"
check "others are served meanwhile" cli session show
check "packets flow meanwhile" on client ping -c 3 -i 0.2 -W 2 192.168.16.1
check_equal "the daemon is still the same" "$DAEMON" \
    "$(cli -j version | python3 -c 'import json, sys; print(json.load(sys.stdin).get("pid"))')"
finish
