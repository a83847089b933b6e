#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports without a world: net_null brings frames of zeros without end, net_ring gives back what is sent.
#
#   (zeros) -- lan [box] wan -- (the box itself)
#
. "$(dirname "$0")/lib.sh"

PORT_LINES=("[port lan]" "device = net_null0" "address = 192.168.1.1/24"
    "[port sink]" "device = net_null1,no-rx=1" "address = 192.168.2.1/24"
    "[port wan]" "device = net_ring0" "address = 203.0.113.1/24" "gateway = 203.0.113.254")
box_rules "ipchains -P forward MASQ"
box_start

# counter NAME: its total
counter() { cli stats show | awk -v name="$1" '$1 == name { print $2 }'; }
over() { [ "$(counter "$1")" -gt "$2" ]; }
check "frames of zeros are counted" wait_for 20 "100000 frames" over rx 100000
check_match "and dropped by name" 'not-our-mac +[0-9]{4}' "$(cli drops show)"
check_match "port show names the drivers" 'net_null.*net_ring' "$(cli port show | tr '\n' ' ')"
check_equal "nothing of it was sent on" "" "$(cli session show)"

# The flood does not end, so each worker may be in the middle of a burst of 32.
nearly_accounted() { cli -j stats show | python3 "$ROOT/tests/netns/accounted.py" 64; }
check "every packet is accounted for, but for those in the workers' hands" \
    wait_for 20 "came and went agree" nearly_accounted
box_stop
check_equal "the appliance ends cleanly in the middle of a flood" 0 "$DAEMON_EXIT"
finish
