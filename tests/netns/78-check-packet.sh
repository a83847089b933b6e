#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ipchains -C says what would become of a packet, in the words of the time, and counts nothing; what it
# says is what happens to real packets.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.9
#
. "$(dirname "$0")/lib.sh"
need ping

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.9/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward DENY" "ipchains -N web" "ipchains -N round" \
    "ipchains -A web -p tcp -d 0.0.0.0/0 80 -j MASQ" "ipchains -A web -p icmp -s 0.0.0.0/0 8 -j MASQ" \
    "ipchains -A forward -i wan -s 192.168.16.0/24 -j web" \
    "ipchains -A round -j round" "ipchains -A input -p 47 -j round" \
    "ipchains -A input -p udp -d 0.0.0.0/0 9 -j REJECT -l" "ipchains -A input -p tcp -i wan -y -j DENY"
box_start

# says ANSWER PACKET...
says() { check_equal "-C $2: $1" "$1" "$(compat ipchains -C "${@:2}" 2>&1)"; }
inside="-s 192.168.16.2"
# shellcheck disable=SC2086 # an option and its address
{
    says masqueraded forward -p tcp $inside 1025 -d 203.0.113.9 80 -i wan
    says denied forward -p tcp $inside 1025 -d 203.0.113.9 81 -i wan
    says denied forward -p tcp $inside 1025 -d 203.0.113.9 80 -i lan
    says masqueraded forward -p icmp $inside 8 -d 203.0.113.9 0 -i wan
    says rejected input -p udp $inside 1025 -d 192.168.16.1 9 -i lan
    says accepted input -p udp $inside 1025 -d 192.168.16.1 10 -i lan
    says denied input -p tcp -y $inside 1025 -d 203.0.113.1 22 -i wan
    says accepted input -p tcp $inside 1025 -d 203.0.113.1 22 -i wan
    says "caught in loop" input -p 47 $inside -d 203.0.113.1 -i wan
    says "passed through chain" web -p udp $inside 1 -d 203.0.113.1 2 -i wan
    says masqueraded web -p tcp $inside 1 -d 203.0.113.1 80 -i lan
    says $'denied\nmasqueraded' forward -b -p tcp $inside 80 -d 192.168.16.3 81 -i wan
    says "ipchains: No chain by that name" nosuch -p tcp $inside 1 -d 203.0.113.1 80 -i lan
    says "ipchains: bad arguments (does that interface exist?)" input -p tcp $inside 1 -d 203.0.113.1 80 -i dmz
    check_exit "a refused check ends with 1" 1 '' compat ipchains -C nosuch -p tcp $inside 1 -d 203.0.113.1 80 -i lan
    check_match "-v describes the packet first" '^ *- +tcp opt .* via wan .*1025 -> +80' \
        "$(compat ipchains -v -C forward -p tcp $inside 1025 -d 203.0.113.9 80 -i wan)"
    check_equal "-j" '{"answers":["accepted"]}' \
        "$(cli -j ipchains -C input -p 1 $inside 0 -d 203.0.113.1 0 -i lan | tr -d ' \n')"
}
check_equal "nothing was counted" "" "$(cli proc ip_fwchains | awk '$7 + $8 + $9 + $10 > 0')"
check_not "nothing was logged" grep -q 'Packet log' "$T/daemon.log"
check "what it called masqueraded passes" on client ping -c 1 -W 5 203.0.113.9
finish
