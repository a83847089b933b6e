#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports over net_memif: another process makes the load, and every packet goes there and back.
#
#   masq_load: client 192.168.1.2 --memif-- lan .1 [box] wan .1 --memif-- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need masq_load

memif() { echo "net_memif$1,role=$2,socket=$T/memif$1.sock,socket-abstract=no"; }
PORT_LINES=("[port lan]" "device = $(memif 0 server)" "address = 192.168.1.1/24"
    "[port wan]" "device = $(memif 1 server)" "address = 203.0.113.1/24")
box_rules "ipchains -P forward DENY" "ipchains -A forward -s 192.168.1.0/24 -j MASQ"
box_start

check_exit "the generator's help needs no hugepages" 0 '^ *--packets N' on box masq_load --help
check "50000 packets of 1000 flows, 64 bytes, there and back" \
    load "$(memif 0 client)" "$(memif 1 client)" -- --packets 50000
check "20000 packets of 20000 flows, 1518 bytes; the generator connects anew" \
    load "$(memif 0 client)" "$(memif 1 client)" -- --packets 20000 --flows 20000 --size 1518
check "50000 packets without a copy at the generator" \
    load "$(memif 0 client),zero-copy=yes" "$(memif 1 client),zero-copy=yes" --single-file-segments -- \
    --packets 50000
check_equal "the appliance lost none" "sum 0" "$(cli drops show | tr -s ' ')"
check_match "it saw all of them twice, and ARP" '^rx 24[0-9]{4} ' "$(cli stats show | tr -s ' ')"
check_not "a source that is not translated would be noticed" \
    load "$(memif 0 client)" "$(memif 1 client)" -- --packets 10 --masq 203.0.113.9
check_exit "an address of which nobody hears is named" 1 '^masq_load: --lan 192\.168\.1\.9 does not answer ARP$' \
    load "$(memif 0 client)" "$(memif 1 client)" -- --lan 192.168.1.9 --patience 1
check_exit "an option with a bad number is named" 2 '^masq_load: --size 63: accepted: a number, 64-1518$' \
    load "$(memif 0 client)" "$(memif 1 client)" -- --size 63
box_stop KILL
check "SIGKILL leaves the sockets of the ports" test -S "$T/memif0.sock"
box_restart
check "which do not stop the next start" load "$(memif 0 client)" "$(memif 1 client)" -- --packets 1000
finish
