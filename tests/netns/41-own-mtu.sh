#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The thin link is the box's own: it reports 1400 bytes itself, to both sides.
#
#   host 192.168.16.27 -- lan .1 [box] wan .1 (mtu 1400) -- far 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need nginx curl ping

segment inside
segment outside
host host inside 192.168.16.27/24 192.168.16.1
host far outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24" "mtu = 1400"
box_rules "ipchains -P forward MASQ" "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80"
serve_web host
serve_web far
big_file "$T/host/www/big" 5
box_start

check_match "the box reports its MTU" 'From 192.168.16.1 .*mtu = 1400' \
    "$(on host ping -c 2 -i 0.2 -W 2 -M do -s 1450 203.0.113.80 2>&1 || true)"
on host ip route flush cache
fetch host http://203.0.113.80/up/big --upload-file "$T/host/www/big" || true
check_equal "a masqueraded client uploads" "$(sum_of "$T/host/www/big")" "$(sum_of "$T/far/www/up/big")"
on host ip route flush cache
fetch far http://203.0.113.1/big --output "$T/down" || true
check_equal "a forwarded server answers" "$(sum_of "$T/host/www/big")" "$(sum_of "$T/down")"
check_match "drops show counts packets that were too big" '^ *mtu' "$(cli drops show)"
finish
