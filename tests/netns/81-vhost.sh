#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ports over vhost-user: first the box is the host (net_vhost), as for virtual machines, and the other
# process the guest (net_virtio_user), then the other way round.
#
#   masq_load: client 192.168.1.2 --virtio-- lan .1 [box] wan .1 --virtio-- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need masq_load python3

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

box_stop KILL
check "SIGKILL leaves the sockets of the ports" test -S "$T/vhost0.sock"
box_restart
check "which do not stop the next start" load "$(virtio 0)" "$(virtio 1)" -- --packets 1000
box_stop
spawn box python3 -c "import signal, socket; s = socket.socket(socket.AF_UNIX); s.bind('$T/vhost1.sock'); s.listen(); signal.pause()"
wait_for 20 "another program listens" on box grep -q "$T/vhost1.sock" /proc/net/unix
check_exit "a socket that another program serves is not taken from it" 1 \
    'box\.conf:[0-9]+: \[port wan\]: another program serves .*vhost1\.sock' on box dpdk-masq -c "$T/box.conf"
check "and stays" test -S "$T/vhost1.sock"
rm "$T/vhost1.sock"

# A guest connects when it starts, so its host must be there first.
ports virtio
load "$(vhost 0)" "$(vhost 1)" -- --packets 50000 --patience 60 >"$T/host.log" 2>&1 &
host_pid=$!
wait_for 20 "the host listens" test -S "$T/vhost1.sock"
box_start
host_exit=0
wait "$host_pid" || host_exit=$?
check_equal "the box is the guest: 50000 packets there and back" 0 "$host_exit"

# Or the guest is there first, and waits for its host: when it starts, and as long as it must.
virtio() { echo "net_virtio_user$1,path=$T/guest$1.sock,server=1"; }
ports virtio
box_config >"$T/box.conf"
waits() {
    ip netns exec "$ID-box" env --default-signal=INT,HUP dpdk-masq -c "$T/box.conf" >"$T/daemon.log" 2>&1 </dev/null &
    DAEMON=$!
    wait_for 20 "it waits for its host" on box grep -q "$T/guest0.sock" /proc/net/unix
}
box_stop
waits
box_stop KILL
check "a start that is killed leaves a socket" test -S "$T/guest0.sock"
waits
pass "which does not stop the next start"
for signal in TERM INT HUP; do
    box_stop $signal
    check_equal "SIG$signal ends a start that waits" 0 "$DAEMON_EXIT"
    check_equal "of which nothing is left that stops another" "" "$(find "$T" -mindepth 1 '(' -name 'control.sock*' -o -name 'masq-*' ')')"
    waits
done
box_stop
finish
