#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An inside server is reached through a forwarded port; it sees the address of its real client.
#
#   server 192.168.16.27 -- lan .1 [box] wan .1 -- client 203.0.113.9
#
. "$(dirname "$0")/lib.sh"
need nginx curl

segment inside
segment outside
host server inside 192.168.16.27/24 192.168.16.1
host client outside 203.0.113.9/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward DENY" \
    "ipchains -A forward -p tcp -s 192.168.16.27/32 80 -j MASQ" \
    "portfw -a -P tcp -L 203.0.113.1 8080 -R 192.168.16.27 80"
serve_web server
big_file "$T/server/www/big" "$MASQ_TEST_MB"
box_start

check_equal "the server sees the client's own address" "server 203.0.113.9" \
    "$(fetch client http://203.0.113.1:8080/whoami)"

fetch client http://203.0.113.1:8080/big --output "$T/down" || true
check_equal "$MASQ_TEST_MB MB arrive unchanged at the client" \
    "$(sum_of "$T/server/www/big")" "$(sum_of "$T/down")"

fetch client http://203.0.113.1:8080/up/big --upload-file "$T/down" || true
check_equal "$MASQ_TEST_MB MB arrive unchanged at the server" \
    "$(sum_of "$T/down")" "$(sum_of "$T/server/www/up/big")"

check_not "a port without a rule is not forwarded" \
    fetch client http://203.0.113.1:8081/whoami --connect-timeout 2
finish
