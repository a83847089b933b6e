#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# dpdk-masq at work, on a fresh Debian 12, with real clients and servers:
#
#   sudo app/demo.sh
#
# Installs the packages that are missing, builds, and makes three network namespaces:
#
#   inside                                      box                    outside
#   client     192.168.16.2   --+
#   web server 192.168.16.27  --+-- lan .1 [ dpdk-masq ] wan .1 -- 203.0.113.80  web server, client
#   web server 192.168.16.28  --+
#
# The machine's own interfaces and addresses are not touched, and nothing is left behind, also after
# Ctrl-C or a failure; what a killed demo left is removed by the next one.
set -eu -o pipefail
export LC_ALL=C
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
# shellcheck source=app/setup.sh
. "$ROOT/app/setup.sh"
BUILD=$ROOT/build
STATE=/run/dpdk-masq-demo
SPACES=(masqdemo-inside masqdemo-box masqdemo-outside)

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
say() { printf '%s\n' "$*"; }
chapter() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
# Print a command as typed, then run it; "inside" and "outside" are the hosts on which it is typed.
typed() {
    case $1 in
    inside | outside) printf '%s  %s # %s%s\n' "$bold" "$1" "${*:2}" "$plain" ;;
    *) printf '%s  # %s%s\n' "$bold" "$*" "$plain" ;;
    esac
    "$@" 2>&1 | sed 's/^/    /'
}
inside() { ip netns exec masqdemo-inside "$@"; }
outside() { ip netns exec masqdemo-outside "$@"; }

remove_everything() {
    local space pids
    for space in "${SPACES[@]}"; do
        [ -e "/run/netns/$space" ] || continue
        pids=$(ip netns pids "$space")
        # shellcheck disable=SC2086 # a list of numbers
        [ -z "$pids" ] || kill $pids 2>/dev/null || true
        wait_for 10 space_is_empty "$space" || ip netns pids "$space" | xargs -r kill -KILL || true
        ip netns del "$space" || true
    done
    rm -rf "$STATE"
}

end() {
    local rc=$?
    set +e
    trap - EXIT
    trap '' INT TERM HUP
    if [ $rc != 0 ] && [ $rc != 130 ] && [ -s "$STATE/daemon.log" ]; then
        say "The demo failed; the last lines of the appliance's log:"
        tail -n 20 "$STATE/daemon.log"
    fi
    remove_everything
    [ $rc = 0 ] || say "The demo ended early; everything it made has been removed."
    exit $rc
}

# wait_for SECONDS COMMAND...: retries until it succeeds. The pause between two tries is a separate
# program: bash 5.2 crashes if Ctrl-C interrupts a "read -t" and the trap reads again. Each try runs in a
# subshell: interrupted in this shell, it would leave its redirection to the last words of the demo.
pause() { timeout --foreground 0.05 tail -f /dev/null || true; }
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until ("$@") >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        pause
    done
}
space_is_empty() { [ -z "$(ip netns pids "$1")" ]; }
ready_or_gone() { grep -q 'dpdk-masq: ready' "$STATE/daemon.log" || ! kill -0 "$1"; }

make_space() {
    ip netns add "masqdemo-$1"
    ip netns exec "masqdemo-$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || true
    ip -n "masqdemo-$1" link set lo up
}

# A cable from port $1 of the box to namespace $2. The kernel leaves checksums and segmentation to
# the network card; this cable has none, so both are switched off.
plug() {
    ip -n masqdemo-box link add name "$1" type veth peer name eth0 netns "masqdemo-$2"
    ip netns exec "masqdemo-$2" ethtool -K eth0 tx off gso off tso off gro off >/dev/null 2>&1
    ip -n masqdemo-box link set "$1" up
    ip -n "masqdemo-$2" link set eth0 up
}

# serve NAMESPACE ADDRESS: start an nginx that answers with its own and its client's address.
serve() {
    local dir=$STATE/$2
    mkdir -p "$dir"
    cat >"$dir/nginx.conf" <<EOF
daemon off; user root; worker_processes 1; pid $dir/pid; error_log $dir/error;
events { worker_connections 256; }
http {
    access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p;
    fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
    server { listen $2:80; location / { return 200 "I am $2, you are \$remote_addr\\n"; } }
}
EOF
    ip netns exec "masqdemo-$1" nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error" \
        </dev/null >"$dir/log" 2>&1 {LOCK}>&- &
    disown
    wait_for 10 listening "$1" "$2"
}
listening() { ip netns exec "masqdemo-$1" ss -Hltn "src $2 and sport = :80" | grep -q .; }

[ "$(id -u)" = 0 ] || {
    say "The demo makes network namespaces and needs root: sudo app/demo.sh" >&2
    exit 1
}

chapter "Preparing"
say "Debian packages ..."
masq_deps_install build hosts
say "Building in $BUILD (a minute the first time) ..."
masq_build "$BUILD"
PATH=$BUILD/app/compat:$BUILD/app:$BUILD/app/dpdk-masq:$BUILD/app/dpdk-masq-cli:$PATH

# Held by this shell alone: its background jobs close it. The folder itself is locked, so no lock file
# is left.
exec {LOCK}</run/lock
flock -n "$LOCK" || {
    say "Another demo is running on this machine." >&2
    exit 1
}
remove_everything
trap end EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$STATE"

chapter "A small world"
say "Three network namespaces: inside, the box, and outside; two cables; three nginx."
for space in inside box outside; do make_space $space; done
plug lan inside
plug wan outside
for last in 2 27 28; do ip -n masqdemo-inside addr add 192.168.16.$last/24 dev eth0; done
ip -n masqdemo-inside route add default via 192.168.16.1
ip -n masqdemo-outside addr add 203.0.113.80/24 dev eth0
serve inside 192.168.16.27
serve inside 192.168.16.28
serve outside 203.0.113.80
say "Outside there is no route to the inside; without the appliance nothing gets through."

chapter "The appliance starts"
cat >"$STATE/demo.conf" <<EOF
[daemon]
socket    = $STATE/control.sock
workers   = 2
hugepages = no
memory    = 256
sessions  = 16384
idle      = sleep
[port lan]
device    = net_af_packet0,iface=lan,qpairs=2
address   = 192.168.16.1/24
[port wan]
device    = net_af_packet1,iface=wan,qpairs=2
address   = 203.0.113.1/24
EOF
say "Its start file:"
sed 's/^/    /' "$STATE/demo.conf"
export DPDK_MASQ_SOCKET=$STATE/control.sock
ip netns exec masqdemo-box dpdk-masq -c "$STATE/demo.conf" >"$STATE/daemon.log" 2>&1 </dev/null {LOCK}>&- &
DAEMON=$!
wait_for 60 ready_or_gone $DAEMON
grep -q 'dpdk-masq: ready' "$STATE/daemon.log"
say "Two workers look after the two ports. They have no rules yet, but the box answers ping:"
typed inside ping -c 2 -i 0.2 192.168.16.1

chapter "Masquerading: the inside hides behind the box"
typed ipchains -P forward DENY
typed ipchains -A forward -s 192.168.16.2/32 -j MASQ
say "The client at 192.168.16.2 asks the web server outside, which sees the address of the box:"
typed inside curl -sS --max-time 10 http://203.0.113.80/

chapter "Forwarding with weights: the article's two web servers, 15 to 5"
typed ipmasqadm portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 80 -p 15
typed ipmasqadm portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 80 -p 5
typed ipchains -A -p tcp -s 192.168.16.27/32 80 -j MASQ
typed ipchains -A -p tcp -s 192.168.16.28/32 80 -j MASQ
say "(The article leaves the chain's name out; with MASQ it can only mean forward.)"
say "A client outside asks http://203.0.113.1/ forty times. The servers that answered, in order:"
answers=''
for _ in $(seq 40); do
    answer=$(outside curl -sS --max-time 10 http://203.0.113.1/)
    answers+=" ${answer:16:2}"
done
say "   $answers"
count() { grep -o "$1" <<<"$answers" | wc -l; }
say "192.168.16.27 answered $(count 27) times, 192.168.16.28 $(count 28) times: 15 to 5, exactly, over both workers."
say "The servers see the client's own address: $answer"
typed ipmasqadm portfw -l -n

chapter "Looking at it"
say "The rules with their counters:"
typed ipchains -L forward -n -v
say "Some of the sessions:"
dpdk-masq-cli session show >"$STATE/sessions"
head -n 8 "$STATE/sessions" | sed 's/^/    /'
say "Every packet is accounted for:"
typed dpdk-masq-cli stats show
say "and every drop has a name:"
typed dpdk-masq-cli drops show

chapter "The end"
kill -TERM $DAEMON
wait $DAEMON
say "The appliance ended cleanly on SIGTERM."
[ "$(count 27) $(count 28)" = "30 10" ] || {
    say "The turns were not 15 to 5." >&2
    exit 1
}
say "Now everything is removed: processes, namespaces, files. Continue with docs/guide/quickstart.rst."
