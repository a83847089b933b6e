#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The CLI on a terminal: completion, history, Ctrl-C, top; and what it prints when it is not one.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- (nobody)
#
. "$(dirname "$0")/lib.sh"
need python3 ping

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_start
echo "ipchains -A input" >"$T/box_rules.masq"
# terminal SENTENCE SCRIPT [WORD...]: the CLI on a terminal, see terminal.py
terminal() {
    check "$1" env HOME="$T" TERM=xterm python3 "$ROOT/tests/netns/terminal.py" \
        dpdk-masq-cli -s "$T/control.sock" "${@:3}" <<<"$2"
}

terminal "commands, completion, a wrong word, help" '< masq>
> port show\n
< lan: .*masq>
> tim\tsh\t\n
< tcp-established
< masq>
> frobnicate\n
< unknown command "frobnicate"; accepted: ipchains
< masq>
> route --help\n
< route add NET/LEN
< masq>
> ipchains -N web\n
< masq>
> ipchains -L web\n
< Chain web .0 references
< masq>
> exit\n'
check "history is kept" grep -q 'frobnicate' "$T/.dpdk-masq-history"
terminal "history of the last time, and of this one" '< masq>
> \x1b[A\n
< Chain web
< masq>
> \x1b[A\n
< Chain web
< masq>
> \x04'
terminal "two shells at a time" '< masq>
! printf "%s\n" "< masq>" "> help drops\\n" "< masq>" "> exit\\n" | python3 '"$ROOT/tests/netns/terminal.py dpdk-masq-cli"'
> help load\n
< masq>
> \x1b[A\x1b[A\n
< Why packets were dropped
< masq>
> exit\n'
check_equal "keep the lines of both" "help drops help load help drops" "$(tail -n 3 "$T/.dpdk-masq-history" | sed 's/\\040/ /g' | xargs)"
terminal "completion behind blanks, of what may be left out, of names and files" '< masq>
>   rou\tadd 10.9.0.0/16 v\t192.168.16.2 dev lan\n
< masq>
>   route sh\t\n
< 10\.9\.0\.0/16 +192\.168\.16\.2
< masq>
> drops show al\t\n
< session-table +0
< masq>
> timeout set tcp-est\t7000\n
< masq>
> timeout show\n
< tcp-established +7000
< masq>
> help vers\t\n
< Versions of
< masq>
> check '"$T"'/box_ru\t\n
< 1 rule: fine
< masq>
> exit\n'
terminal "Ctrl-C throws a line away" '< masq>
> shutdown now\x03
< masq>
> version\n
< pid '"$DAEMON"'
< masq>
> quit\n'
terminal "and a hundred lines in a row" "< masq>
$(for ((i = 0; i < 100; i++)); do echo '> shutdown\x03'; done)
> version\\n
< pid $DAEMON
< masq>
> quit\\n"
for ((i = 0; i < 5000; i++)); do echo "ipchains -A output -p tcp -s 10.0.$((i >> 8)).$((i & 255)) -d 10.0.0.0/8 $i -j DENY"; done >"$T/big.masq"
check "many rules" cli load "$T/big.masq"
check "and a file of them" cli save "$T/slow"
cp "$T/slow" "$T/whole"
terminal "Ctrl-C while rules are saved" "< masq>
! kill -STOP $DAEMON
> save $T/slow\\n
! until ls $T/slow.??????; do :; done >$T/ls 2>&1
! kill -INT \$PID; kill -CONT $DAEMON
< interrupted: $T/slow is unchanged
< masq>
> exit\\n"
check "leaves the old file as it was" cmp "$T/slow" "$T/whole"
check_equal "and no other" "" "$(find "$T" -name 'slow.*')"
terminal "Ctrl-C while rules are typed" "< masq>
> load -\\n
! for i in 1 2 3 4 5; do kill -INT \$PID; timeout 0.2 tail -f /dev/null; done; true
< interrupted: the rules are unchanged
< masq>
> exit\\n"
cli save "$T/slow"
check "changes none" cmp "$T/slow" "$T/whole"
terminal "top in the shell ends with q or Ctrl-C" '< masq>
> top\n
< q: quit
< sessions
< up .*q: quit
> q
< masq>
> top\n
< q: quit
> \x03
< masq>
> exit\n'
terminal "top alone ends with q" '< q: quit
< q: quit
> q' top
terminal "and with Ctrl-C" '< q: quit
> \x03' top

check "packets for top" on client ping -c 2 -i 0.2 -W 5 192.168.16.1
text=$(cli top -n 2)
check_equal "top counts rounds" 2 "$(grep -c '^dpdk-masq on ' <<<"$text")"
check_match "the first round knows no rate yet" '^all +- ' "$text"
check_match "the second does" '^all +[0-9]+ +[0-9]+ ' "$text"
check_match "ports are shown" '^lan +up' "$text"
check_exit "top: not a number" 2 'number of rounds' cli top -n many
check_equal "top -j: a document a line" "2 0" "$(cli -j top -n 2 | python3 -c '
import json, sys
rounds = [json.loads(line) for line in sys.stdin]
print(len(rounds), sum("total" not in r or "drops" not in r or "ports" not in r for r in rounds))')"
finish
