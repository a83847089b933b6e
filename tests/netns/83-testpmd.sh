#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A generator that is not ours, over net_memif: DPDK's testpmd makes flows inside as fast as it can, a
# second one answers ARP outside and counts what comes.
#
#   testpmd txonly, 198.18.*.81 --memif-- lan [box] wan 198.18.0.1 --memif-- testpmd icmpecho, 198.18.0.80
#
# (With several flows testpmd takes its sources from the destination's network.)
#
# Nobody ends while packets flow: the driver of DPDK 22.11 takes the memory of a peer away that ends, and a worker that
# was put aside in its rings crashes. So the generator is only halted, until the appliance has ended.
. "$(dirname "$0")/lib.sh"
need dpdk-testpmd

memif() { echo "net_memif$1,role=$2,socket=$T/memif$1.sock,socket-abstract=no"; }
PORT_LINES=("[port lan]" "device = $(memif 0 server)" "address = 192.168.1.1/24"
    "[port wan]" "device = $(memif 1 server)" "address = 198.18.0.1/24")
box_rules "ipchains -P forward DENY" "ipchains -A forward -i wan -s 198.18.0.0/16 -j MASQ"
box_start

# pmd NAME DEVICE OPTION...: a testpmd that works until a line comes through the pipe $T/NAME.in
pmd() {
    local name=$1 device=$2
    shift 2
    mkfifo "$T/$name.in"
    on box dpdk-testpmd --no-huge -m 192 --no-pci --no-shconf --no-telemetry --file-prefix "$ID-$name" \
        --log-level=error -l 0,1 --vdev "$device" -- --auto-start --total-num-mbufs=4096 "$@" \
        <"$T/$name.in" >"$T/$name.out" 2>&1 &
}
counted() { sed -nE "s/.*$2-packets: ([0-9]+).*/\1/p" "$T/$1.out" | tail -n 1; }
stat() { cli stats show | awk -v key="$1" '$1 == key { print $2 }'; }
passed() { [ "$(stat tx)" -ge "$1" ]; }
port() { cli -j port show | python3 -c '
import json, sys
print(next(port for port in json.load(sys.stdin)["ports"] if port["name"] == sys.argv[1])[sys.argv[2]])' "$@"; }

pmd outside "$(memif 1 client)" --forward-mode=icmpecho
OUTSIDE=$!
exec 8>"$T/outside.in"
pmd inside "$(memif 0 client)" --forward-mode=txonly --txonly-multi-flow --tx-ip=192.168.1.2,198.18.0.80 \
    --eth-peer=0,"$(port lan mac)"
INSIDE=$!
exec 9>"$T/inside.in"
wait_for 60 "300000 packets have gone through" passed 300000 && pass "300000 packets have gone through"
SENT=''
# No packet more since the last look.
is_quiet() { [ "$SENT" = "$(stat tx)" ] || { SENT=$(stat tx) && false; }; }
check "the generator is halted" pkill -STOP -f "dpdk-testpmd.*--file-prefix $ID-inside"
wait_for 30 "nothing is under way" is_quiet
echo >&8
wait "$OUTSIDE" && pass "its peer ends" || fail "its peer ends" "$(cat "$T/outside.out")"
check_equal "256 flows" 256 "$(stat sessions)"
check_equal "what the appliance sent, the peer got" "$(stat tx)" "$(counted outside RX)"
check "what it could not take has names" test "$(cli drops show | awk '{ print $1 }' |
    grep -cvE '^(handoff-full|tx-full|neigh-queue|neigh-unreachable|sum)$')" = 0
check "every packet is accounted for" accounted
box_stop
check_equal "the appliance ends cleanly" 0 "$DAEMON_EXIT"
pkill -CONT -f "dpdk-testpmd.*--file-prefix $ID-inside"
echo >&9
wait "$INSIDE" && pass "the generator ends" || fail "the generator ends" "$(cat "$T/inside.out")"
finish
