#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A machine with two NUMA nodes: a port that is on another node than a worker is named at the start, and
# what workers and ports of a node need lies in its memory.
#
#   host 192.168.1.27 -- lan .1 [box] wan .1 -- far 203.0.113.90
#
#   node 0: CPUs 0 and 1, device 41:00.0         node 1: CPUs 2 and 3, devices 81:00.0, 82:00.0
#
. "$(dirname "$0")/lib.sh"
need ping

segment inside
segment outside
host host inside 192.168.1.27/24 192.168.1.1
host far outside 203.0.113.90/24
device=virtio-net-pci,mq=on,rss=on,iommu_platform=on,disable-legacy=on
VM_CPUS=4 VM_MB=2048 VM_HUGEPAGES=512 VM_MEMORY=64
vm_device inside 41:00.0 $device
vm_device inside 82:00.0 $device
vm_device outside 81:00.0 $device
box_rules "ipchains -P forward MASQ"
vm_boot -object memory-backend-ram,id=m0,size=1G -numa node,nodeid=0,cpus=0-1,memdev=m0 \
    -object memory-backend-ram,id=m1,size=1G -numa node,nodeid=1,cpus=2-3,memdev=m1 \
    -device pxb-pcie,id=node0,bus_nr=64,numa_node=0,bus=pcie.0 \
    -device pcie-root-port,id=bus41,bus=node0,chassis=1,slot=1 \
    -device pxb-pcie,id=node1,bus_nr=128,numa_node=1,bus=pcie.0 \
    -device pcie-root-port,id=bus81,bus=node1,chassis=2,slot=1 \
    -device pcie-root-port,id=bus82,bus=node1,chassis=3,slot=2

# start LAN-PLACE LINE...
start() {
    PORT_LINES=()
    vm_port lan "$1" "address = 192.168.1.1/24"
    vm_port wan 81:00.0 "address = 203.0.113.1/24"
    on host ip neigh flush dev eth0
    box_start "${@:2}"
}
answers() { on host ping -c 3 -i 0.2 -W 5 203.0.113.90; }
# pages NODE: how many hugepages of the node the appliance has
pages() {
    vm "cat /proc/\$daemon/numa_maps" | awk -v node="N$1" '
        / huge / { for (i = 1; i <= NF; i++) if (split($i, part, "=") == 2 && part[1] == node) sum += part[2] }
        END { print sum + 0 }'
}

# grown FEW MANY: how many pages more
grown() { [ "$2" -ge "$(($1 + 25))" ]; }

start 41:00.0 "cores = 1-2"
check_match "lan is far from worker 1" 'port lan: its device 0000:41:00.0 is on NUMA node 0, but worker 1 runs on node 1' \
    "$(cat "$T/daemon.log")"
check_match "wan is far from worker 0" 'port wan: its device 0000:81:00.0 is on NUMA node 1, but worker 0 runs on node 0' \
    "$(cat "$T/daemon.log")"
check "it works all the same" answers
few0=$(pages 0) few1=$(pages 1)
check "every packet is accounted for" accounted
box_stop
VM_SESSIONS=524288
start 41:00.0 "cores = 1-2"
many0=$(pages 0) many1=$(pages 1)
check "the sessions of worker 0 lie on node 0: $few0 and $many0 pages" grown "$few0" "$many0"
check "those of worker 1 on node 1: $few1 and $many1 pages" grown "$few1" "$many1"
box_stop

VM_SESSIONS=32768
start 82:00.0 "cores = 2-3"
check_equal "workers and ports on one node: no warning" "dpdk-masq: ready" "$(cat "$T/daemon.log")"
few1=$(pages 1)
box_stop
VM_SESSIONS=524288
start 82:00.0 "cores = 2-3"
many1=$(pages 1)
check "their sessions lie on node 1: $few1 and $many1 pages" grown "$few1" "$many1"
check_equal "nothing lies on node 0" 0 "$(pages 0)"
check "it works" answers
check "every packet is accounted for" accounted
box_stop
check_equal "the appliance ends cleanly" 0 "$DAEMON_EXIT"

vm "echo 0 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
check_exit "a device whose node has no hugepages" 1 'port lan, device 0000:82:00.0: cannot open the device: no memory' \
    vm "dpdk-masq -c /box.conf"
vm "echo 16 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"
check_exit "a node that has too few" 1 'NUMA node 1: no memory for [0-9]+ packet buffers' vm "dpdk-masq -c /box.conf"
finish
