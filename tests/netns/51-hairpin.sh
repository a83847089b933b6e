#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# An inside client uses the outside address of a server on its own segment.
#
#   server 192.168.16.27 --+
#   client 192.168.16.2 ---+-- lan .1 [box] wan .1 -- (nobody)
#
. "$(dirname "$0")/lib.sh"
need nginx curl

segment inside
segment outside
host server inside 192.168.16.27/24 192.168.16.1
host client inside 192.168.16.2/24 192.168.16.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ" "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80"
serve_web server
big_file "$T/server/www/big" 5
box_start

check_match "the client reaches the server by its outside address" '^server ' \
    "$(fetch client http://203.0.113.1/whoami --max-time 10 || true)"
check_match "the server sees the box, so that it answers through the box" '^server (192\.168\.16\.1|203\.0\.113\.1)$' \
    "$(fetch client http://203.0.113.1/whoami --max-time 10 || true)"
fetch client http://203.0.113.1/big --output "$T/down" || true
check_equal "5 MB arrive unchanged" "$(sum_of "$T/server/www/big")" "$(sum_of "$T/down")"
finish
