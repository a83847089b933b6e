#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A link of 1400 bytes far away: the ICMP errors about it reach the sender behind the box, whether
# that is a masqueraded client that uploads or a forwarded server that answers.
#
#   host 192.168.16.27 -- lan .1 [box] wan .1 -- .2 r1 --(1400)-- r2 -- far 198.51.100.80
#
. "$(dirname "$0")/lib.sh"
need nginx curl ping

segment inside
segment outside
segment thin 1400
segment beyond
host host inside 192.168.16.27/24 192.168.16.1
host r1
plug r1 eth0 outside 203.0.113.2/24
plug r1 eth1 thin 10.10.10.1/24
router r1
on r1 ip route add default via 10.10.10.2
host r2
plug r2 eth0 thin 10.10.10.2/24
plug r2 eth1 beyond 198.51.100.1/24
router r2
on r2 ip route add 203.0.113.0/24 via 10.10.10.1
host far beyond 198.51.100.80/24 198.51.100.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24" "gateway = 203.0.113.2"
box_rules "ipchains -P forward MASQ" "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80"
serve_web host
serve_web far
big_file "$T/host/www/big" 5
box_start
learnt() { on host ip route get 198.51.100.80; }

check "small packets pass the thin link" on host ping -c 1 -W 3 -M do -s 1000 198.51.100.80
fetch host http://198.51.100.80/up/big --upload-file "$T/host/www/big" || true
check_equal "a masqueraded client uploads over the thin link" \
    "$(sum_of "$T/host/www/big")" "$(sum_of "$T/far/www/up/big")"
check_match "the client learnt the path's MTU from the error" 'mtu 1400' "$(learnt)"

on host ip route flush cache
fetch far http://203.0.113.1/big --output "$T/down" || true
check_equal "a forwarded server answers over the thin link" \
    "$(sum_of "$T/host/www/big")" "$(sum_of "$T/down")"
check_match "the forwarded server learnt the path's MTU" 'mtu 1400' "$(learnt)"

on host ip route flush cache
check_match "an echo request that is too big is reported" 'mtu = 1400' \
    "$(on host ping -c 2 -i 0.2 -W 2 -M do -s 1450 198.51.100.80 2>&1 || true)"
finish
