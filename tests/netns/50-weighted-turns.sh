#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The article's web servers: 15 connections to .27, 5 to .28, exactly, whichever worker sees them.
#
#   s27 192.168.16.27 --+
#   s28 192.168.16.28 --+-- lan .1 [box] wan .1 -- client 203.0.113.9
#
. "$(dirname "$0")/lib.sh"
need nginx curl

segment inside
segment outside
host s27 inside 192.168.16.27/24 192.168.16.1
host s28 inside 192.168.16.28/24 192.168.16.1
host client outside 203.0.113.9/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
serve_web s27
serve_web s28
box_start

# As the article types it, to the running appliance.
check "portfw -a for .27" compat ipmasqadm portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80 -p 15
check "portfw -a for .28" compat ipmasqadm portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 80 -p 5
check "ipchains for .27" compat ipchains -A -p tcp -s 192.168.16.27/32 80 -j MASQ
check "ipchains for .28" compat ipchains -A -p tcp -s 192.168.16.28/32 80 -j MASQ

answers=''
for _ in $(seq 40); do
    answers+="$(fetch client http://203.0.113.1/whoami --max-time 10 | cut -c2-3) " || true
done
turn28=$(printf '28 %.0s' {1..5})
turn27=$(printf '27 %.0s' {1..15})
check_equal "40 connections: 5 to .28, 15 to .27, and again" "$turn28$turn27$turn28$turn27" "$answers"

check_equal "the next 40 at once: connections to .27" 30 "$(
    on client curl -sS --no-progress-meter --parallel --parallel-immediate --parallel-max 40 --max-time 30 \
        'http://203.0.113.1/whoami?[1-40]' | grep -c s27 || true)"
check_match "portfw -l shows count and preference" '^TCP +203\.0\.113\.1 +192\.168\.16\.28 +80 +80 +5 +5$' \
    "$(compat ipmasqadm portfw -l -n)"
finish
