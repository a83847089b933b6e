# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A laboratory of network namespaces for the tests with real hosts.
#
# What it is
#   A test draws a topology with a few verbs, starts the appliance in it and lets real clients talk
#   to real servers. Everything lives in namespaces that the script makes itself; the machine's own
#   interfaces and addresses are never touched. Names begin with "mq<pid>-", so scripts run in
#   parallel.
#
# Words
#   segment  an Ethernet: a bridge in the hidden namespace "wire"
#   host     a namespace with an interface plugged into one or more segments
#   box      the namespace of the appliance; each of its ports is plugged into one segment
#
#       host eth0 --veth-- [bridge in wire] --veth or TAP-- port of the box
#
# Verbs
#   segment NAME [MTU]                       host NAME [SEGMENT ADDRESS/LEN [GATEWAY]]
#   plug HOST IFNAME SEGMENT [ADDRESS/LEN]   router HOST           (a plain Linux router)
#   on HOST COMMAND...                       spawn HOST COMMAND... (in the background, until the end)
#   box_port NAME SEGMENT [LINE...]          box_rules LINE...     box_start [LINE...]    box_stop
#   box_restart                              cli WORDS...          compat WORDS...  (ipchains, ...)
#   check SENTENCE COMMAND...                check_not ...         check_equal SENTENCE WANT GOT
#   check_match SENTENCE REGEX TEXT          check_exit SENTENCE CODE REGEX COMMAND...
#   wait_for SECONDS SENTENCE COMMAND...     skip REASON           finish
#
# Life cycle
#   Sourcing makes the box and the traps; "finish" checks that no packet is unaccounted for, ends the
#   daemon with SIGTERM and exits 0 or 1. However a script ends - finish, a failed command, Ctrl-C -
#   the EXIT trap kills every process in its namespaces and removes them. After a SIGKILL the next
#   script removes what is left. On a failure the daemon's log, statistics, sessions and drops are
#   printed first; MASQ_TEST_SHELL=1 opens a shell in the box before everything goes away.
#
# Variables
#   MASQ_BUILD        build directory, default <project>/build
#   MASQ_TEST_DEVICE  af_packet (default), af_xdp or tap: the kind of the box's ports
#   MASQ_TEST_ONLY    skip the script unless this is the kind
#   MASQ_TEST_WORKERS default 2;  MASQ_TEST_MB: megabytes of a big transfer, default 200
set -eu -o pipefail
export LC_ALL=C

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MASQ_BUILD=${MASQ_BUILD:-$ROOT/build}
MASQ_TEST_DEVICE=${MASQ_TEST_DEVICE:-af_packet}
MASQ_TEST_WORKERS=${MASQ_TEST_WORKERS:-2}
MASQ_TEST_MB=${MASQ_TEST_MB:-200}
# Debian's own programs stand before those of a version manager, whose python3 takes ten times as long.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
PATH=$MASQ_BUILD/app/compat:$MASQ_BUILD/tests:$MASQ_BUILD/app/dpdk-masq:$MASQ_BUILD/app/dpdk-masq-cli:$MASQ_BUILD/app:$PATH
ID=mq$$
PASSED=0 FAILED=0 DAEMON='' FINISHED='' HOSTS=() PORTS=() PORT_LINES=()

# ------------------------------------------------------------------ saying what happens

say() { printf '%s\n' "$*"; }

skip() {
    say "SKIPPED: $*"
    FINISHED=1
    exit 77
}

pass() {
    PASSED=$((PASSED + 1))
    say "ok: $1"
}

fail() {
    FAILED=$((FAILED + 1))
    say "NOT OK: $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 40 | sed 's/^/    | /'
}

# check SENTENCE COMMAND...: the command must succeed.
check() {
    local sentence=$1 out rc=0
    shift
    out=$("$@" 2>&1) || rc=$?
    if [ $rc = 0 ]; then pass "$sentence"; else fail "$sentence" "$* ended with $rc"$'\n'"$out"; fi
}

# check_not SENTENCE COMMAND...: the command must fail.
check_not() {
    local sentence=$1 out
    shift
    if out=$("$@" 2>&1); then fail "$sentence" "$* succeeded"$'\n'"$out"; else pass "$sentence"; fi
}

check_equal() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted: $2"$'\n'"got:    $3"; fi
}

check_match() {
    if grep -Eq -- "$2" <<<"$3"; then pass "$1"; else fail "$1" "wanted: /$2/"$'\n'"got:    $3"; fi
}

# bounded SECONDS COMMAND...: timeout, for our own verbs too
bounded() {
    local seconds=$1 pid
    shift
    if [ "$(type -t "$1")" != function ]; then
        timeout "$seconds" "$@"
        return
    fi
    "$@" &
    pid=$!
    if ! timeout "$seconds" tail --pid="$pid" -s 0.05 -f /dev/null; then
        pkill -P "$pid"
        kill "$pid"
    fi
    wait "$pid"
}

# check_exit SENTENCE CODE REGEX COMMAND...: exit code, and words that the output must have.
check_exit() {
    local sentence=$1 want=$2 regex=$3 out rc=0
    shift 3
    out=$(bounded 60 "$@" 2>&1) || rc=$?
    if [ $rc = "$want" ] && grep -Eq -- "$regex" <<<"$out"; then
        pass "$sentence"
    else
        fail "$sentence" "wanted: exit $want and /$regex/"$'\n'"got:    exit $rc and $out"
    fi
}

# ------------------------------------------------------------------ waiting for conditions

# The pause between two looks is a program of its own: bash 5.2 crashes when Ctrl-C interrupts a
# "read -t" and the trap reads again.
pause() { timeout --foreground 0.05 tail -f /dev/null || true; }

# wait_for SECONDS SENTENCE COMMAND...: looks again until the command succeeds.
wait_for() {
    local until=$((SECONDS + $1)) sentence=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $until ]; then
            fail "waited in vain: $sentence" "$*"
            return 1
        fi
        pause
    done
}

# ------------------------------------------------------------------ segments and hosts

on() {
    local host=$1
    shift
    ip netns exec "$ID-$host" "$@"
}

netns_add() {
    ip netns add "$ID-$1"
    HOSTS+=("$1")
    on "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
    ip -n "$ID-$1" link set lo up
}

segment() {
    ip -n "$ID-wire" link add name "$1" ${2:+mtu "$2"} type bridge mcast_snooping 0
    ip -n "$ID-wire" link set "$1" up
}

# The kernel leaves checksums and segmentation to the device, and a veth passes such unfinished
# packets on as they are. The appliance would see wrong checksums and 64 kB frames: off with it.
finish_packets() {
    ip netns exec "$1" ethtool -K "$2" tx off gso off tso off gro off >/dev/null 2>&1
}

# A veth between namespace $1 (interface $2) and segment $3.
wire() {
    local peer=$1-$2 mtu
    peer=${peer:0:15}
    mtu=$(ip netns exec "$ID-wire" cat "/sys/class/net/$3/mtu")
    ip -n "$ID-wire" link add name "$peer" mtu "$mtu" type veth \
        peer name "$2" mtu "$mtu" netns "$ID-$1"
    finish_packets "$ID-wire" "$peer"
    finish_packets "$ID-$1" "$2"
    ip -n "$ID-wire" link set "$peer" master "$3" up
    ip -n "$ID-$1" link set "$2" up
}

plug() {
    wire "$1" "$2" "$3"
    [ -z "${4:-}" ] || ip -n "$ID-$1" addr add "$4" dev "$2"
}

host() {
    netns_add "$1"
    [ -n "${2:-}" ] || return 0
    plug "$1" eth0 "$2" "$3"
    [ -z "${4:-}" ] || ip -n "$ID-$1" route add default via "$4"
}

router() { on "$1" sysctl -qw net.ipv4.ip_forward=1; }

spawn() {
    local host=$1
    shift
    ip netns exec "$ID-$host" "$@" >>"$T/$host.log" 2>&1 </dev/null &
    disown
}

# ------------------------------------------------------------------ the box

# box_port NAME SEGMENT [LINE...]: a port of the appliance; the lines go into its section.
box_port() {
    local name=$1 segment=$2
    PORTS+=("$name:$segment")
    PORT_LINES+=("[port $name]" "device = $(device "$name" $((${#PORTS[@]} - 1)))" "${@:3}")
    [ "$MASQ_TEST_DEVICE" = tap ] || wire box "$name" "$segment"
}

# A veth has no combined channels, so net_af_xdp takes one queue there; the others take one a worker.
device() {
    case $MASQ_TEST_DEVICE in
    af_packet) echo "net_af_packet$2,iface=$1,qpairs=$MASQ_TEST_WORKERS,framecnt=4096" ;;
    af_xdp) echo "net_af_xdp$2,iface=$1,start_queue=0,queue_count=1" ;;
    tap) echo "net_tap$2,iface=$1" ;;
    *) skip "MASQ_TEST_DEVICE=$MASQ_TEST_DEVICE: there are af_packet, af_xdp and tap" ;;
    esac
}

box_rules() { printf '%s\n' "$@" >>"$T/rules.masq"; }

# The start file; the arguments are more lines of its [daemon] section.
box_config() {
    printf '%s\n' "[daemon]" "socket = $T/control.sock" "rules = $T/rules.masq" \
        "workers = $MASQ_TEST_WORKERS" "hugepages = no" "memory = 384" "sessions = 32768" \
        "idle = sleep" "$@" "${PORT_LINES[@]}"
}

box_ready() { grep -q 'dpdk-masq: ready' "$T/daemon.log"; }
box_gone() { ! kill -0 "$DAEMON" 2>/dev/null; }
box_ready_or_gone() { box_ready || box_gone; }

box_start() {
    touch "$T/rules.masq"
    box_config "$@" >"$T/box.conf"
    box_restart
}

# Start with the start file that is there.
box_restart() {
    local port
    : >"$T/daemon.log"
    # A script's background commands ignore SIGINT; the daemon shall not inherit that.
    ip netns exec "$ID-box" env --default-signal=INT,HUP \
        dpdk-masq -c "$T/box.conf" >>"$T/daemon.log" 2>&1 </dev/null &
    DAEMON=$!
    wait_for 60 "the appliance is ready" box_ready_or_gone && box_ready || {
        fail "the appliance starts"
        exit 1
    }
    [ "$MASQ_TEST_DEVICE" = tap ] || return 0
    for port in "${PORTS[@]}"; do tap_plug "${port%%:*}" "${port##*:}"; done
}

# The daemon made TAP interface $1 in its own namespace: move it to the bridge of segment $2. The
# kernel's end gets another Ethernet address, for the daemon's port kept the one it was born with
# and the bridge would take frames to it for its own.
tap_plug() {
    ip -n "$ID-box" link set "$1" netns "$ID-wire" name "box-$1"
    ip -n "$ID-wire" link set "box-$1" address "02:00:00:00:ff:$(printf %02x $((RANDOM % 256)))"
    finish_packets "$ID-wire" "box-$1" || true
    ip -n "$ID-wire" link set "box-$1" mtu "$(ip netns exec "$ID-wire" cat "/sys/class/net/$2/mtu")"
    ip -n "$ID-wire" link set "box-$1" master "$2" up
}

# End the daemon with a signal, SIGTERM if none is named; its exit code is left in DAEMON_EXIT.
box_stop() {
    kill "-${1:-TERM}" "$DAEMON" 2>/dev/null || true
    wait_for 20 "the appliance ends after SIG${1:-TERM}" box_gone || kill -KILL "$DAEMON" || true
    DAEMON_EXIT=0
    wait "$DAEMON" 2>/dev/null || DAEMON_EXIT=$?
    DAEMON=''
}

cli() { dpdk-masq-cli -s "$T/control.sock" "$@"; }
compat() { DPDK_MASQ_SOCKET="$T/control.sock" "$@"; }

# ------------------------------------------------------------------ the end

diagnose() {
    local what
    say "--- what was going on ($0, $MASQ_TEST_DEVICE)"
    for what in "stats show" "session show" "drops show" "neigh show"; do
        say "--- dpdk-masq-cli $what"
        # shellcheck disable=SC2086 # words of a command
        bounded 5 cli $what 2>&1 | head -n 60 || true
    done
    say "--- log of the daemon, last lines"
    tail -n 40 "$T/daemon.log" 2>/dev/null || true
    if [ -n "${MASQ_TEST_SHELL:-}" ] && [ -t 0 ]; then
        say "--- a shell in the box; logs are in $T; exit to clean up"
        ip netns exec "$ID-box" bash || true
    fi
}

# Kill what runs in a namespace, then remove it.
netns_remove() {
    ip netns pids "$1" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
    ip netns del "$1" 2>/dev/null || true
}

cleanup() {
    local rc=$? host
    set +e
    trap '' INT TERM HUP
    trap - EXIT
    [ -n "$FINISHED" ] || [ $rc != 0 ] || rc=1
    [ $rc = 0 ] || [ $rc = 77 ] || [ $rc = 130 ] || [ -z "$DAEMON" ] || diagnose || true
    [ -z "$DAEMON" ] || box_stop || true
    for host in "${HOSTS[@]}"; do netns_remove "$ID-$host"; done
    rm -rf "$T"
    [ $rc = 77 ] || say "cases: $PASSED passed, $FAILED failed"
    exit $rc
}

finish() {
    if [ -n "$DAEMON" ]; then
        if wait_for 5 "every packet is accounted for" accounted; then
            pass "every packet is accounted for: rx + originated = tx + punted + drops + held"
        fi
        [ "$FAILED" = 0 ] || diagnose || true
        box_stop
        check_equal "the appliance ends cleanly on SIGTERM" 0 "$DAEMON_EXIT"
    fi
    FINISHED=1
    [ "$FAILED" = 0 ] || exit 1
    exit 0
}

accounted() { cli -j stats show | python3 "$ROOT/tests/netns/accounted.py"; }

# What scripts left that were killed with SIGKILL: their namespaces name a process that is gone.
reap() {
    local name pid
    ip netns list | sed -nE 's/^(mq([0-9]+)-[^ ]+).*/\1 \2/p' | while read -r name pid; do
        [ -d "/proc/$pid" ] || netns_remove "$name"
    done
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "the program '$tool' is not installed"
    done
}

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
need ip ethtool sysctl timeout
[ "${MASQ_TEST_ONLY:-$MASQ_TEST_DEVICE}" = "$MASQ_TEST_DEVICE" ] || skip "a quick run takes $MASQ_TEST_ONLY only"
[ -c /dev/net/tun ] || [ "$MASQ_TEST_DEVICE" != tap ] || skip "there is no /dev/net/tun"
T=$(mktemp -d "${TMPDIR:-/tmp}/masq-netns.XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
reap
netns_add wire
netns_add box
need dpdk-masq dpdk-masq-cli
# shellcheck source=tests/netns/servers.sh
. "$ROOT/tests/netns/servers.sh"
