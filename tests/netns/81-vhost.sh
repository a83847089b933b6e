#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports over net_vhost, as a virtual machine has them; the other process is a virtio-user device.
#
#   masq_load: client 192.168.1.2 --virtio-- lan .1 [box] wan .1 --virtio-- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need masq_load

PORT_LINES=("[port lan]" "device = net_vhost0,iface=$T/vhost0.sock" "address = 192.168.1.1/24"
    "[port wan]" "device = net_vhost1,iface=$T/vhost1.sock" "address = 203.0.113.1/24")
box_rules "ipchains -P forward DENY" "ipchains -A forward -s 192.168.1.0/24 -j MASQ"
box_start

virtio() { echo "net_virtio_user$1,path=$T/vhost$1.sock"; }
check "50000 packets of 1000 flows, 64 bytes, there and back" \
    load "$(virtio 0)" "$(virtio 1)" -- --packets 50000
check "20000 packets of 20000 flows, 1518 bytes; the generator connects anew" \
    load "$(virtio 0)" "$(virtio 1)" -- --packets 20000 --flows 20000 --size 1518
check_equal "the appliance lost none" "sum 0" "$(cli drops show | tr -s ' ')"
finish
