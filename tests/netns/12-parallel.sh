#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# 200 connections at the same time, masqueraded out and forwarded in.
#
#   both 192.168.16.27 -- lan .1 [box] wan .1 -- far 203.0.113.80        (each is client and server)
#
. "$(dirname "$0")/lib.sh"
need nginx curl

segment inside
segment outside
host both inside 192.168.16.27/24 192.168.16.1
host far outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ" "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80"
serve_web both
serve_web far
head -c 200000 /dev/urandom >"$T/both/www/piece"
cp "$T/both/www/piece" "$T/far/www/piece"
box_start

# 200 at once; prints how many answers had the right content.
crowd() {
    local host=$1 url=$2
    mkdir -p "$T/$host.crowd"
    on "$host" curl -sS --no-progress-meter --parallel --parallel-immediate --parallel-max 200 --max-time 90 \
        --output "$T/$host.crowd/#1" "$url?[1-200]" || true
    sha256sum "$T/$host.crowd"/* | grep -c "^$(sum_of "$T/far/www/piece") " || true
    rm -rf "$T/$host.crowd"
}

check_equal "200 parallel connections out" 200 "$(crowd both http://203.0.113.80/piece)"
check_equal "200 parallel connections in" 200 "$(crowd far http://203.0.113.1/piece)"
finish
