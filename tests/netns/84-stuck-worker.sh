#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A worker that stands still: nobody is refused what can be known without it, and it holds up nothing for ever.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- server 203.0.113.80
#
. "$(dirname "$0")/lib.sh"
need ping python3

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
host server outside 203.0.113.80/24
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -A forward -s 192.168.16.0/24 -j MASQ"
box_start
pings() { on client ping -c 5 -i 0.2 -W 3 203.0.113.80; }
# hold NAME...: those threads of the daemon stand still until "go_on"
hold() {
    : >"$T/holder"
    python3 "$ROOT/tests/netns/hold_threads.py" "$DAEMON" "$@" >"$T/holder" 2>&1 </dev/null &
    HOLDER=$!
    wait_for 20 "the worker is held" held_or_gone
    grep -q '^held' "$T/holder" || skip "threads cannot be held here: $(cat "$T/holder")"
}
held_or_gone() { grep -q '^held' "$T/holder" || ! kill -0 "$HOLDER" 2>/dev/null; }
go_on() {
    kill "$HOLDER"
    wait "$HOLDER" 2>/dev/null || true
}
counted() { cli ipchains -L forward -n -v -x | awk '$3 == "MASQ" { print $1 }'; }

check "packets flow" pings
check_equal "and are counted" 5 "$(counted)"
hold rte-worker-2
check_exit "counters: those of before, and a warning" 0 '^warning: worker 1 does not answer.*last known' cli ipchains -L -v
check_equal "for which they are right" 5 "$(counted 2>/dev/null)"
check_equal "rules without counters need no worker" "" "$(cli ipchains -L 2>&1 >/dev/null)"
check_exit "nothing is zeroed" 1 'worker 1 does not answer' cli ipchains -Z
check_exit "sessions of the other are listed" 0 '^warning: worker 1 does not answer, so its sessions' cli session show
# warned WORDS...: what the JSON document says of it
warned() { cli -j "$@" 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["warnings"][0][:24])'; }
for words in "session show" "ipchains -L -v" "proc ip_masquerade"; do
    # shellcheck disable=SC2086 # words of a command
    check_equal "-j $words says so in its document" "worker 1 does not answer" "$(warned $words)"
done
check_exit "and ended" 1 'worker 1 does not answer, so not all sessions have ended' cli session flush
check_exit "new rules are in force" 0 '^warning: the new rules are in force, but worker 1 has not' cli ipchains -A input -p udp -d 203.0.113.1 9 -j DENY
check_exit "and listed" 0 '^warning: worker 1 has not taken over.*last known' cli ipchains -L input -v
go_on
wait_for 20 "the worker answers again" cli ipchains -Z
check "packets flow again" pings
check_equal "and are counted again" "5 0" "$(counted) $(cli ipchains -L -v 2>&1 | grep -c warning || true)"

hold rte-worker-1 rte-worker-2
check_exit "of several all are named" 0 'but workers 0, 1 have not taken them over yet; they will' cli ipchains -D input 1
kill -TERM "$DAEMON"
wait_for 30 "the log says for whom the end waits" grep -q 'worker 0 has not stopped' "$T/daemon.log"
check_not "the appliance waits" box_gone
go_on
wait_for 20 "it ends when the workers go on" box_gone
box_stop
check_equal "cleanly" 0 "$DAEMON_EXIT"
finish
