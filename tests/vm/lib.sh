# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The laboratory of tests/netns with a virtual machine as the box: its ports are PCI devices with
# drivers of DPDK, and its memory may have NUMA nodes.
#
#       host eth0 --veth-- [bridge in wire] --TAP-- device of the machine -- dpdk-masq in it
#
# Words
#   machine  QEMU in the namespace "wire". It emulates every instruction, so neither /dev/kvm nor a
#            special processor is needed, and how fast it is means nothing
#   image    the machine's only file system, in memory: busybox, the two programs, the libraries they
#            need, drivers, and init.sh, which binds each device to vfio-pci behind an emulated IOMMU
#   place    a device's PCI address without its domain: 00:10.0. Bus 00 is QEMU's pcie.0; any
#            other has the id "busNN" among the options of QEMU
#
# Verbs besides those of tests/netns/lib.sh; of these, box_start, box_restart, box_stop and cli do the same here
#   vm_device SEGMENT PLACE DEVICE           a device of the machine; DEVICE as behind QEMU's -device
#   vm_port NAME PLACE [LINE...]             a port of the appliance, instead of box_port
#   vm_boot [OPTION...]                      start the machine; options of QEMU. Once, before box_start
#   vm COMMAND...                            a line of the machine's shell
#
# Variables
#   MASQ_VM_KERNEL   where Debian's kernel for clouds was unpacked, default $MASQ_BUILD/vm/kernel
export MASQ_TEST_DEVICE=vm
# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"

MASQ_VM_KERNEL=${MASQ_VM_KERNEL:-$MASQ_BUILD/vm/kernel}
VM_SECONDS=250 # no machine lives longer
VM_CPUS=3 VM_MB=1024 VM_HUGEPAGES=256 VM_OPTIONS=() VM_TAPS=() VM_MEMORY=384 VM_SESSIONS=32768
VM_DPDK=(bus_pci bus_vdev mempool_ring net_virtio net_e1000)
VM_MODULES=(irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci)

[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
for tool in qemu-system-x86_64 busybox; do
    command -v "$tool" >/dev/null || skip "the program '$tool' is not installed; tests/run.sh vm installs it"
done
VM_LINUX=$(find "$MASQ_VM_KERNEL/boot" -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -n 1) || true
[ -n "$VM_LINUX" ] || skip "there is no kernel in $MASQ_VM_KERNEL; tests/run.sh vm fetches one"

# ------------------------------------------------------------------ the image

# The named programs and libraries, and all libraries that they need.
loaded_files() {
    printf '%s\n' "$@"
    ldd "$@" | grep -oE '/[^ :]+ \(0x' | cut -d' ' -f1
}

# A library keeps its links: of one with two files the loader would make two.
copy_files() {
    local file
    while read -r file; do
        cp -d --parents "$file" "$1"
        [ ! -L "$file" ] || cp --parents "$(readlink -f "$file")" "$1"
    done
}

image() {
    local root=$T/root programs drivers=() module
    programs=("$(command -v dpdk-masq)" "$(command -v dpdk-masq-cli)")
    for module in "${VM_DPDK[@]}"; do
        drivers+=("$(pkg-config --variable=libdir libdpdk)"/dpdk/pmds-*/"librte_$module".so.*)
    done
    mkdir -p "$root"/{bin,dev,proc,sys,run,modules,usr/lib,usr/lib64}
    ln -s usr/lib usr/lib64 "$root"
    loaded_files "${programs[@]}" "${drivers[@]}" | sort -u | copy_files "$root"
    ln -s "${programs[@]}" "$root/bin"
    cp "$(command -v busybox)" "$root/bin"
    cp "$ROOT/tests/vm/init.sh" "$root/init"
    for module in "${VM_MODULES[@]}"; do
        find "$MASQ_VM_KERNEL/lib/modules" -name "$module.ko" -exec cp {} "$root/modules" \;
        echo "$module.ko" >>"$root/modules/order"
    done
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$T/image"
    rm -rf "$root"
}

# ------------------------------------------------------------------ the machine

vm() { timeout 60 python3 "$ROOT/tests/vm/tell.py" "$T/vm.sock" "$*"; }

# A TAP has as many queues as the device, or QEMU refuses it.
vm_device() {
    local tap=vm${#VM_TAPS[@]} bus=bus${2%%:*} queues=''
    [ "$bus" != bus00 ] || bus=pcie.0
    [[ ,$3, != *,mq=on,* ]] || queues=,queues=$MASQ_TEST_WORKERS
    VM_OPTIONS+=(-netdev "tap,id=$tap,ifname=$tap,script=no,downscript=no,vhost=off$queues"
        -device "$3,netdev=$tap,bus=$bus,addr=${2#*:},mac=02:00:00:00:00:1${#VM_TAPS[@]}")
    VM_TAPS+=("$1")
}

vm_is_up() { grep -q 'the machine is up' "$T/console.log"; }
vm_gone() { ! kill -0 "$MACHINE" 2>/dev/null; }
vm_up_or_gone() { vm_is_up || vm_gone; }

# no_timer_check: an emulated timer that is late once would stop the kernel.
vm_boot() {
    local tap
    image
    touch "$T/console.log" "$T/rules.masq"
    spawn wire timeout -k 1 "$VM_SECONDS" qemu-system-x86_64 -no-user-config -nodefaults -display none -no-reboot \
        -machine q35 -accel tcg,thread=multi -cpu max -smp "$VM_CPUS" -m "$VM_MB" \
        -device intel-iommu,intremap=on,device-iotlb=on -kernel "$VM_LINUX" -initrd "$T/image" \
        -append "console=ttyS0 quiet panic=-1 no_timer_check intel_iommu=on hugepages=$VM_HUGEPAGES" \
        -serial "file:$T/console.log" -chardev "file,id=log,path=$T/daemon.log,append=on" -serial chardev:log \
        -chardev "socket,id=tell,path=$T/vm.sock,server=on,wait=off" -serial chardev:tell \
        "$@" "${VM_OPTIONS[@]}"
    MACHINE=$!
    if ! wait_for 120 "the machine is up" vm_up_or_gone || ! vm_is_up; then
        fail "the machine boots" "$(tail -n 20 "$T/wire.log" "$T/console.log")"
        exit 1
    fi
    for tap in "${!VM_TAPS[@]}"; do
        finish_packets "$ID-wire" "vm$tap" || true
        ip -n "$ID-wire" link set "vm$tap" mtu "$(ip netns exec "$ID-wire" cat "/sys/class/net/${VM_TAPS[tap]}/mtu")"
        ip -n "$ID-wire" link set "vm$tap" master "${VM_TAPS[tap]}" up
    done
}

# vm_write FILE: standard input, line by line
vm_write() {
    local line
    vm ": >$1"
    while read -r line; do vm "echo '$line' >>$1"; done
}

# ------------------------------------------------------------------ the appliance in it

vm_port() { PORT_LINES+=("[port $1]" "device = 0000:$2" "${@:3}"); }

box_config() {
    printf '%s\n' "[daemon]" "socket = /run/control.sock" "rules = /rules.masq" \
        "workers = $MASQ_TEST_WORKERS" "memory = $VM_MEMORY" "sessions = $VM_SESSIONS" "idle = sleep" \
        "$@" "${PORT_LINES[@]}"
}

box_gone() { ! vm "kill -0 \$daemon"; }

# The log goes over the machine's second serial line into $T/daemon.log.
box_restart() {
    vm_write /rules.masq <"$T/rules.masq"
    vm_write /box.conf <"$T/box.conf"
    : >"$T/daemon.log"
    vm "dpdk-masq -c /box.conf >/dev/ttyS1 2>&1 </dev/null & daemon=\$!"
    DAEMON=$MACHINE
    wait_for 60 "the appliance is ready" box_ready_or_gone && box_ready || {
        fail "the appliance starts" "$(cat "$T/daemon.log")"
        exit 1
    }
}

box_stop() {
    DAEMON_EXIT=0
    vm "kill -${1:-TERM} \$daemon; wait \$daemon" || DAEMON_EXIT=$?
    DAEMON=''
}

cli() { vm "dpdk-masq-cli -s /run/control.sock $*"; }
