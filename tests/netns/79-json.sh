#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# -j: every command prints JSON and nothing else, and every key in it is documented.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.9
#
. "$(dirname "$0")/lib.sh"
need ping python3

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.9/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -N web" "ipchains -A web -p tcp -s 0.0.0.0/0 ! 1024: -d 0.0.0.0/0 80 -y -l -i lan -t 01 10 -o 9" \
    "ipchains -A input -m 5 -j web" "ipchains -A web -m +1 -j RETURN" "ipchains -A forward -j MASQ" \
    "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.2 53" "route add 10.0.0.0/8 via 203.0.113.9"
box_start
check "a session" on client ping -c 1 -W 5 203.0.113.9
cli save "$T/saved"
for kind in counters timeouts; do
    "$MASQ_BUILD/docs/docgen" $kind >"$T/$kind" 2>/dev/null || skip "without Sphinx there is no documentation"
done

documented() {
    local missing
    missing=$(cli -j "$@" | python3 "$ROOT/tests/netns/json_keys.py" "$ROOT/docs/reference/socket-api.rst" \
        "$ROOT/docs/reference/cli.rst" "$T/counters" "$T/timeouts" 2>&1)
    check_equal "-j $*" "" "$missing"
}
check "a forwarded session" on server python3 -c 'import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"?", ("203.0.113.1", 53))'
forwarded() { cli -j session show kind portfw | grep -q portfw; }
wait_for 5 "it is there" forwarded
value() { python3 -c 'import json, sys; row = json.load(sys.stdin); print(eval(sys.argv[1], {"row": row}))' "$1"; }
check_equal "names its rule" "$(cli -j portfw -l | value 'row["rules"][0]["id"]')" "$(cli -j session show kind portfw | value 'row["sessions"][0]["rule"]')"
check "which is documented" grep -q '``rule`` (of a forwarded session' "$ROOT/docs/reference/socket-api.rst"
while read -r line; do
    # shellcheck disable=SC2086 # words of a command
    documented $line
done <<END
ipchains -L -n -v
ipchains -L -Z
ipchains -Z
ipchains -M -L
ipchains -M -S 0 0 0
ipchains -A input -s 1.2.3.4 -b
ipchains -C input -b -p 47 -s 1.2.3.4 -d 5.6.7.8 -i lan
portfw -l
portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.2 80
portfw -d -P tcp -L 203.0.113.1 80
session show
session show state LISTEN
port show
route show
route add 11.0.0.0/8 dev wan
route del 11.0.0.0/8
neigh show
neigh flush 1.2.3.4
timeout show
timeout set udp 100
stats show
stats memory
drops show
drops show all
top -n 2
proc ip_masq/udp
save
save $T/again
check $T/saved
load $T/saved
version
session flush
shutdown
END
wait_for 20 "the daemon ends" box_gone
box_stop
finish
