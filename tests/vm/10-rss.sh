#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A device that spreads by our key and table: every packet of a masqueraded flow arrives at the worker
# that owns it, so none is handed over. A device without RSS beside it shows that the counter counts.
#
#   both 192.168.1.27 -- lan .1 [box] wan .1 -- far 203.0.113.90           (each is client and server)
#   masq_load: client 192.168.1.2, server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need nginx curl masq_load

segment inside
segment outside
host both inside 192.168.1.27/24 192.168.1.1
host far outside 203.0.113.90/24
plug box load-in inside
plug box load-out outside
# When a queue of the device is full, QEMU's software RSS forgets the queue of the TAP that brought the
# packet, and it stands still for good. So no more packets may be under way than a queue has places.
device=virtio-net-pci,mq=on,iommu_platform=on,disable-legacy=on,rx_queue_size=1024
vm_device inside 00:10.0 $device,rss=on
vm_device outside 00:11.0 $device,rss=on
vm_device inside 00:12.0 $device
vm_device outside 00:13.0 $device
box_rules "ipchains -P forward DENY" "ipchains -A forward -s 192.168.1.0/24 -j MASQ" \
    "portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.1.27 80"
serve_web both
serve_web far
head -c 2000 /dev/urandom >"$T/both/www/piece"
cp "$T/both/www/piece" "$T/far/www/piece"
vm_boot

# ports PLACE PLACE
ports() {
    PORT_LINES=()
    vm_port lan "$1" "address = 192.168.1.1/24"
    vm_port wan "$2" "address = 203.0.113.1/24"
}
flows() { load net_af_packet0,iface=load-in net_af_packet1,iface=load-out -- --packets 5000 --flows 1000; }
# stat NAME [COLUMN]: of all workers, or of one (3, 4)
stat() { cli stats show | awk -v key="$1" -v column="${2:-2}" '$1 == key { print $column }'; }
spread_by() { cli port show | grep -c "spread by $1"; }
# 200 connections at once; prints how many answers were right.
crowd() {
    mkdir -p "$T/crowd"
    on "$1" curl -sS --no-progress-meter --parallel --parallel-immediate --parallel-max 200 --max-time 60 \
        --output "$T/crowd/#1" "$2?[1-200]" || true
    sha256sum "$T/crowd"/* | grep -c "^$(sum_of "$T/far/www/piece") " || true
    rm -rf "$T/crowd"
}

ports 00:10.0 00:11.0
box_start
check_equal "both devices spread by our key" 2 "$(spread_by 'the NIC')"
check "1000 UDP flows, 5000 packets there and back" flows
check_equal "200 TCP connections out" 200 "$(crowd both http://203.0.113.90/piece)"
check_equal "no packet of them was handed over" 0 "$(stat handoffs)"
for column in 3 4; do
    check "worker $((column - 3)) got its share of the flows" test "$(stat sessions-created $column)" -gt 400
    check "and of the packets" test "$(($(stat rx $column) * 3))" -gt "$(stat rx)"
done
check_equal "200 TCP connections in, forwarded" 200 "$(crowd far http://203.0.113.1/piece)"
check_equal "nor of those" 0 "$(stat handoffs)"
check "although some have their halves on two workers" test "$(stat sessions-remote)" -gt 0
check "every packet is accounted for" accounted
box_stop
check_equal "the appliance ends cleanly" 0 "$DAEMON_EXIT"
check_equal "and says nothing more" "dpdk-masq: ready" "$(cat "$T/daemon.log")"

ports 00:12.0 00:13.0
box_start
check_equal "devices without RSS: software spreads" 2 "$(spread_by software)"
check "1000 UDP flows, 5000 packets there and back" flows
check "packets are handed over" test "$(stat handoffs)" -gt 1000
finish
