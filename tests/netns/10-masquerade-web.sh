#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A client hides behind the box and moves big files both ways; what arrives is what was sent.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.80 (nginx, no route to the inside)
#
. "$(dirname "$0")/lib.sh"
need nginx curl

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward DENY" "ipchains -A forward -s 192.168.16.0/24 -j MASQ"
serve_web server
big_file "$T/server/www/big" "$MASQ_TEST_MB"
box_start

check_equal "the server sees the box as its client" "server 203.0.113.1" \
    "$(fetch client http://203.0.113.80/whoami)"

fetch client http://203.0.113.80/big --output "$T/down" || true
check_equal "$MASQ_TEST_MB MB arrive unchanged at the client" \
    "$(sum_of "$T/server/www/big")" "$(sum_of "$T/down")"

fetch client http://203.0.113.80/up/big --upload-file "$T/down" || true
check_equal "$MASQ_TEST_MB MB arrive unchanged at the server" \
    "$(sum_of "$T/down")" "$(sum_of "$T/server/www/up/big")"

check_match "session show knows the client" '192\.168\.16\.2' "$(cli session show)"
check_not "the server has no way to the client on its own" \
    on server ping -c 1 -W 1 192.168.16.2
finish
