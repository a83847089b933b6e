#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ARP: a neighbour that is not there, one that changes its card, one that is asked first.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.80      (203.0.113.99 is nobody)
#
. "$(dirname "$0")/lib.sh"
need ping

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ"
box_start

check_equal "the first packets wait for the neighbour's address: none of three is lost" 3 \
    "$(on client ping -c 3 -i 0.2 -W 3 203.0.113.80 | grep -c 'bytes from' || true)"
mac=$(on server cat /sys/class/net/eth0/address)
check_match "neigh show knows the server" "203\.0\.113\.80 .*$mac" "$(cli neigh show)"

check_match "a host that is not there is reported to the client" 'From 192.168.16.1 .*Host Unreachable' \
    "$(on client ping -c 5 -W 6 203.0.113.99 || true)"
check_match "drops show names the reason" 'neigh-unreachable' "$(cli drops show)"

on server ip link set eth0 down
on server ip link set eth0 address 02:aa:bb:cc:dd:ee up
wait_for 10 "the server's new card is up" on server grep -q up /sys/class/net/eth0/operstate
check "neigh flush" cli neigh flush
check "the box finds the server's new card" on client ping -c 3 -i 0.2 -W 3 203.0.113.80
check_match "neigh show has the new address" '203\.0\.113\.80 .*02:aa:bb:cc:dd:ee' "$(cli neigh show)"
check_match "the box answers who asks for its own address" '192.168.16.1 .*lladdr' \
    "$(on client ip neigh show 192.168.16.1)"
finish
