#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# save, load, ipchains-save and ipchains-restore: nothing is lost, not even when the disk is full.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- (nobody)
#
. "$(dirname "$0")/lib.sh"
need python3 mount ping

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_start

# Each option that a rule can have, in the spelling of a person.
cat >"$T/every.masq" <<'END'
ipchains -P forward DENY
ipchains -N web
ipchains -N web2
ipchains -A web -p tcp -d 203.0.113.1 80 ! -y -j web2
ipchains -A web2 -j RETURN
ipchains -A input -i lan+ -s ! 10.0.0.0/255.0.255.0 -d ! 1.2.3.4 -p ! tcp -m 0x10 -l
ipchains -A input -i ! wan -p udp -s 0/0 ! 1024: -d 0/0 ! :1023 -m +5 -t 0x01 0x10
ipchains -A input -p icmp --icmp-type destination-unreachable -j ACCEPT -m -7
ipchains -A input -p icmp -s 0/0 ! 8:9 -d 0/0 0 -o 77
ipchains -A input -p tcp -s 0/0 ! 0:65535 -j DENY
ipchains -A input -p 89 -f -b -s 10.1.0.0/16 -d 10.2.0.0/16 -j web
ipchains -A forward -s 192.168.16.0/24 -j MASQ -v
ipchains -A output -p tcp -y -j REJECT
portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.27 8080 -p 15
portfw -a -P tcp -L 203.0.113.1 80 -R 192.168.16.28 8080 -p 5
portfw -a -P udp -L 203.0.113.1 53 -R 192.168.16.27 53
route add 10.0.0.0/8 via 192.168.16.2
route add default via 203.0.113.254 dev wan
ipchains -M -S 3600 0 120
timeout set icmp 30
END
check "a file with every option" cli load "$T/every.masq"
cli save "$T/once"
check "what was saved can be loaded" cli load "$T/once"
cli save "$T/twice"
check "save and load is the identity" cmp "$T/once" "$T/twice"
longest=$(printf 'x%.0s' {1..255})
check "a name as long as it may be" cli save "$T/$longest"
check_equal "and nothing is left beside it" "$longest" "$(ls "$T" | grep '^xx')"
check_exit "a name that is longer" 1 "File name too long" cli save "$T/x$longest"
check "a byte order mark and carriage returns" cli load <(printf '\xef\xbb\xbf'; sed 's/$/\r/' "$T/once")
cli save "$T/twice"
check "change nothing" cmp "$T/once" "$T/twice"

echo 'ipchains -A -s 192.168.16.0/24 -j MASQ' >"$T/article.masq"
for words in load check; do
    check_exit "$words: a line that may not be meant" 0 "^warning: .*article\.masq:1: -A without a chain name" cli $words "$T/article.masq"
done
sed 's|rules.masq|article.masq|' "$T/box.conf" >"$T/article.conf"
check_exit "also --test" 0 "^warning: rules: .*article\.masq:1: -A without a chain name" on box dpdk-masq -t -c "$T/article.conf"
printf '# nothing\n\n' >"$T/empty.masq"
check_exit "a file without a command" 0 "^warning: .*empty\.masq contains no command: all chains are empty and accept everything" cli load "$T/empty.masq"
check "and back" cli load "$T/once"

without_input() { cli load - <&-; }
check_exit "rules from an input that is closed are no rules" 1 "Bad file descriptor" without_input
cli save "$T/twice"
check "and change nothing" cmp "$T/once" "$T/twice"

chains() { grep '^ipchains' "$1"; }
compat ipchains-save >"$T/saved" 2>"$T/said"
check_equal "ipchains-save says which chains" "input forward output web web2" "$(sed -nE "s/^Saving .([a-z0-9]+).\.\$/\1/p" "$T/said" | xargs)"
check "without rules" compat ipchains -F
check "and chains" compat ipchains -X
compat ipchains -P forward ACCEPT
check "ipchains-restore" compat ipchains-restore <"$T/saved"
cli save "$T/twice"
check "brings them back" cmp <(chains "$T/once") <(chains "$T/twice")
check "one chain" cmp <(grep -E '^(:|-A )web ' "$T/saved") <(compat ipchains-save web 2>/dev/null)
check_exit "a chain that is not there" 1 'No chain by that name' compat ipchains-save nix
# restore TEXT [OPTION...]
restore() { DPDK_MASQ_SOCKET="$T/control.sock" timeout 60 ipchains-restore "${@:2}" < <(printf '%s\n' "$1"); }
count() { compat ipchains-save 2>/dev/null | grep -c -- "$1" || true; }
inputs=$(count '^-A input')
check_exit "restore -f flushes user chains that are there" 0 'Flushing chain .web' restore "$(cat "$T/saved")" -f
check_equal "but not built-in ones" "1 $((2 * inputs))" "$(count '^-A web ') $(count '^-A input')"
check_exit "without a terminal a chain that is there is skipped" 0 'Skipping .web2' restore ':web2 -'
check_exit "restore -p makes chains" 0 'Creating chain .fresh' restore '-A input -s 10.0.0.0/255.0.0.0 -j fresh' -p
check_exit "numbers of old policies" 0 '' restore ':input 1'
check_equal "are understood" 1 "$(count '^:input DENY')"
check_exit "a bad line ends it and is named" 1 'line 3 was refused' restore $'# note\n-A output -p 50 -j ACCEPT\n-A input -j nix\n-A output -p 51 -j DENY'
check_equal "what came before it stays, what is behind it does not come" "1 0" "$(count '^-A output.* -p 50') $(count '^-A output.* -p 51')"
check_exit "a line that may not be meant is named, too" 0 '^warning: line 2: -i eth9: there is no such port' restore $'# note\n-I input -i eth9 -j DENY\n-D input 1'
check_exit "a policy that is none" 1 'line 1 was refused' restore ':input SOMETIMES'
check_exit "a line that is no line" 1 'line 1 was refused' restore 'frobnicate'
check_exit "restore: a bad option" 1 'Usage: ipchains-restore' compat ipchains-restore -z

# -j: each command that prints or changes rules gives one JSON document.
while read -r words; do
    # shellcheck disable=SC2086 # words of a command
    check "one document: $words" python3 -c 'import json, sys; json.loads(sys.argv[1])' "$(cli -j $words)"
done <<END
ipchains -A input -b -p tcp -s 10.0.0.1 -d 10.0.0.2
ipchains -L -n
ipchains -M -L
portfw -a -P tcp -L 203.0.113.1 81 -R 192.168.16.27 81
portfw -l
save $T/json
load $T/json
check $T/json
proc ip_fwchains
session show
port show
route show
neigh show
timeout show
stats show
stats memory
drops show
version
END

# A rule set that does not fit a buffer, and disks that are full.
python3 -c 'for i in range(5000): print(f"ipchains -A input -p tcp -s 10.0.{i >> 8}.{i & 255} -j DENY")' >"$T/big.masq"
check "5000 rules" cli load "$T/big.masq"
check "are 5000" test "$(cli save | wc -l)" = 5003
check_match "also as JSON" '^5003$' "$(cli -j save | python3 -c 'import json, sys; print(json.load(sys.stdin)["text"].count("\n"))')"
mkdir "$T/full"
# Mounted in a mount namespace that ends with the command.
full() { on box sh -c "mount -t tmpfs -o size=16k tmpfs $T/full && echo old >$T/full/rules && $1"; }
check_exit "save: a full disk" 1 'cannot write .*full/rules: No space left' full "dpdk-masq-cli -s $T/control.sock save $T/full/rules"
check_equal "leaves the old file, and no other" "old rules" \
    "$(full "dpdk-masq-cli -s $T/control.sock save $T/full/rules || echo \$(cat $T/full/rules) \$(ls $T/full)" 2>/dev/null)"
# A file that may be written, in a folder that may not.
mkdir "$T/fixed"
fixed() { on box sh -c "mount -t tmpfs tmpfs $T/fixed && touch $T/fixed/rules $T/rules && mount --bind $T/rules $T/fixed/rules && mount -o remount,ro $T/fixed && $1"; }
check_exit "save: a folder that takes no file" 1 'fixed/rules: no file can be created beside it: Read-only file system' \
    fixed "dpdk-masq-cli -s $T/control.sock save $T/fixed/rules"
for words in save "port show" "-j stats show" "ipchains -L -n"; do
    # shellcheck disable=SC2086 # words of a command
    to_full() { cli $words >/dev/full; }
    check_exit "$words: a full disk" 1 'cannot write standard output: No space left' to_full
done
check_exit "save into a device that is full" 1 'cannot write /dev/full: No space left' cli save /dev/full
check_equal "a reader that goes away is no news" "ipchains -P input ACCEPT" "$({ cli save 2>&1 || true; } | head -n 1)"

echo secret >"$T/mine"
chmod 640 "$T/mine"
ln -s mine "$T/link"
check "save through a link" cli save "$T/link"
check_equal "keeps link and mode" "symbolic link 640" "$(stat -c %F "$T/link") $(stat -c %a "$T/mine")"
ln -s new.masq "$T/ahead"
check "save through a link to a file that is not there yet" cli save "$T/ahead"
check_equal "makes the file, and keeps the link" "symbolic link regular file" "$(stat -c %F "$T/ahead") $(stat -c %F "$T/new.masq")"
ln -s circle "$T/circle"
check_exit "a link that leads to itself" 1 'cannot write .*circle: Too many levels of symbolic links' cli save "$T/circle"
for signal in INT TERM HUP; do
    kill -STOP "$DAEMON"
    env --default-signal=INT,HUP dpdk-masq-cli -s "$T/control.sock" save "$T/killed" &
    saver=$! rc=0
    wait_for 20 "the client saves" compgen -G "$T/killed.??????"
    kill -$signal $saver
    wait $saver || rc=$?
    check_equal "SIG$signal ends a client that saves" $((128 + $(kill -l $signal))) $rc
    kill -CONT "$DAEMON"
    check_equal "and nothing is left of it" "" "$(find "$T" -name 'killed*')"
done
check "new files follow the umask" bash -c "umask 027; dpdk-masq-cli -s $T/control.sock save $T/new"
check_equal "as all programs do" 640 "$(stat -c %a "$T/new")"
check "without rules" cli load /dev/null
check "the box answers" on client ping -c 1 -W 5 192.168.16.1
check_exit "a folder that is not there" 1 'No such file or directory' cli save "$T/nowhere/x"
finish
