#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Names are asked over UDP, out through masquerading and in through a forwarded port.
#
#   inner 192.168.16.53 -- lan .1 [box] wan .1 -- outer 203.0.113.53        (each: dnsmasq and dig)
#
. "$(dirname "$0")/lib.sh"
need dnsmasq dig

segment inside
segment outside
host inner inside 192.168.16.53/24 192.168.16.1
host outer outside 203.0.113.53/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ" "portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.53 53"
serve_dns inner 192.168.16.53 inner.test 192.0.2.1
serve_dns outer 203.0.113.53 outer.test 192.0.2.2
box_start

# ask HOST SERVER NAME
ask() { on "$1" dig +short +tries=2 +time=3 "@$2" "$3" A; }

# 100 questions from as many ports, five at a time; prints the number of right answers.
many() {
    yes "$3" | head -n 100 | on "$1" xargs -P 5 -n 20 dig +short +tries=2 +time=5 "@$2" | grep -cx "$4" || true
}

check_equal "an inside host asks outside" 192.0.2.2 "$(ask inner 203.0.113.53 outer.test)"
check_equal "an outside host asks inside" 192.0.2.1 "$(ask outer 203.0.113.1 inner.test)"
check_equal "100 questions out" 100 "$(many inner 203.0.113.53 outer.test 192.0.2.2)"
check_equal "100 questions in" 100 "$(many outer 203.0.113.1 inner.test 192.0.2.1)"
# Some ports are drawn twice, the host chooses them at random.
check "the questions had sessions of their own" test "$(cli stats show | awk '$1 == "sessions-created" { print $2 }')" -ge 180
finish
