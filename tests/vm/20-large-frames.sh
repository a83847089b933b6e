#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Frames that are larger than a packet buffer, and jumbo frames.
#
#   host 192.168.1.27 -- lan .1 [box] wan .1 -- far 203.0.113.90               (a link of 9000 bytes)
#
. "$(dirname "$0")/lib.sh"
need ping

segment inside 9000
segment outside 9000
host host inside 192.168.1.27/24 192.168.1.1
host far outside 203.0.113.90/24
vm_device inside 00:10.0 virtio-net-pci,iommu_platform=on,disable-legacy=on
vm_device outside 00:11.0 virtio-net-pci,iommu_platform=on,disable-legacy=on
vm_device inside 00:12.0 e1000e
vm_device outside 00:13.0 e1000e
box_rules "ipchains -P forward MASQ"
vm_boot

pinged() { on host ping -c 3 -i 0.2 -W 5 "$@" 203.0.113.90 2>&1 || true; }
# The fragments that far has seen so far.
fragments() { on far awk '$1 == "Ip:" && $15 != "ReasmReqds" { print $15 }' /proc/net/snmp; }

vm_port lan 00:10.0 "address = 192.168.1.1/24"
vm_port wan 00:11.0 "address = 203.0.113.1/24"
box_start
check_match "3028 bytes lie in two buffers of the device and are cut" ' 3 received' "$(pinged -M dont -s 3000)"
check_equal "three pieces each" 9 "$(fragments)"
check_match "who forbids that is told" 'From 192.168.1.1 .*mtu = 1500' "$(pinged -M do -s 3000)"
check "every packet is accounted for" accounted
box_stop
check_equal "the appliance ends cleanly" 0 "$DAEMON_EXIT"

# Other devices have other link addresses.
on host ip route flush cache
on host ip neigh flush dev eth0
on far ip neigh flush dev eth0
PORT_LINES=()
vm_port lan 00:12.0 "address = 192.168.1.1/24" "mtu = 9000"
vm_port wan 00:13.0 "address = 203.0.113.1/24" "mtu = 9000"
box_start
check_match "8028 bytes in one frame" ' 3 received' "$(pinged -M do -s 8000)"
check_equal "no piece arrived" 9 "$(fragments)"
finish
