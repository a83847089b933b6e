#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# SIGTERM, SIGINT, SIGHUP and "shutdown" end the appliance cleanly; SIGKILL leaves nothing that stops the next.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need ping

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -P forward MASQ"
box_start
works() { check "packets flow $1" on client ping -c 2 -i 0.2 -W 3 203.0.113.80; }
works "at first"

for signal in TERM INT HUP; do
    box_stop $signal
    check_equal "SIG$signal: exit code" 0 "$DAEMON_EXIT"
    check_not "SIG$signal: the socket is gone" test -e "$T/control.sock"
    check_equal "SIG$signal: no file is left beside it" "" "$(find "$T" -name 'control.sock*')"
    box_restart
    works "after SIG$signal"
done

check_equal "others cannot hold the lock, and so the next start" 600 "$(stat -c %a "$T/control.sock.lock")"
DAEMON_PID=$DAEMON
box_stop KILL
check "SIGKILL: the socket stays" test -e "$T/control.sock"
check "and the folder of DPDK" test -d "$T/dpdk/masq-$DAEMON_PID"
mkdir "$T/theirs"
touch "$T/theirs/file"
ln -s ../theirs "$T/dpdk/masq-999999999"
check_exit "a dead daemon's socket is no daemon" 3 'control\.sock' cli port show
box_restart
works "after SIGKILL"
check_not "what the killed one left is removed" test -e "$T/dpdk/masq-$DAEMON_PID"
check "what a link leads to is not" test -e "$T/theirs/file"
rm "$T/dpdk/masq-999999999"

box_stop
long=$T/$(head -c $((107 - ${#T} - 3)) /dev/zero | tr '\0' d)/s
cp "$T/box.conf" "$T/short.conf"
sed -i "s|^socket = .*|socket = $long|" "$T/box.conf"
box_restart
check "a socket may have a path of 107 characters" dpdk-masq-cli -s "$long" version
box_stop
check_equal "nothing is left beside it" "" "$(find "$(dirname "$long")" -mindepth 1)"
check_exit "DPDK that does not start" 1 'DPDK did not start' on box bash -c "ulimit -v 300000; exec dpdk-masq -c $T/short.conf"
check_equal "leaves nothing either" "" "$(find "$T" -name 'dpdk*' -o -name 'control.sock*')"
cp "$T/short.conf" "$T/box.conf"
box_restart

check "shutdown is answered" cli shutdown
wait_for 20 "the appliance ends after shutdown" box_gone
box_stop
check_equal "shutdown: exit code" 0 "$DAEMON_EXIT"
box_restart
works "after shutdown"
finish
