#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports over vhost-user: first the box is the host (net_vhost), as for virtual machines, and the other
# process the guest (net_virtio_user), then the other way round.
#
#   masq_load: client 192.168.1.2 --virtio-- lan .1 [box] wan .1 --virtio-- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need masq_load

vhost() { echo "net_vhost$1,iface=$T/vhost$1.sock"; }
virtio() { echo "net_virtio_user$1,path=$T/vhost$1.sock"; }
ports() {
    PORT_LINES=("[port lan]" "device = $("$1" 0)" "address = 192.168.1.1/24"
        "[port wan]" "device = $("$1" 1)" "address = 203.0.113.1/24")
}

ports vhost
box_rules "ipchains -P forward DENY" "ipchains -A forward -s 192.168.1.0/24 -j MASQ"
box_start

check "50000 packets of 1000 flows, 64 bytes, there and back" \
    load "$(virtio 0)" "$(virtio 1)" -- --packets 50000
check "20000 packets of 20000 flows, 1518 bytes; the generator connects anew" \
    load "$(virtio 0)" "$(virtio 1)" -- --packets 20000 --flows 20000 --size 1518
check_equal "the appliance lost none" "sum 0" "$(cli drops show | tr -s ' ')"

# A guest connects when it starts, so its host must be there first.
box_stop
ports virtio
load "$(vhost 0)" "$(vhost 1)" -- --packets 50000 --patience 60 >"$T/host.log" 2>&1 &
host_pid=$!
wait_for 20 "the host listens" test -S "$T/vhost1.sock"
box_start
host_exit=0
wait "$host_pid" || host_exit=$?
check_equal "the box is the guest: 50000 packets there and back" 0 "$host_exit"
finish
