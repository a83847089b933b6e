#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Commands that make no sense are refused with a sentence and an exit code; the rules stay as they were.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- (nobody)
#
. "$(dirname "$0")/lib.sh"

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_rules "ipchains -A forward -s 192.168.16.0/24 -j MASQ"
box_start
cli save "$T/before"

check_exit "no such command" 2 'frobnicate' cli frobnicate
check_exit "no such word of a command" 2 'shew' cli session shew
check_exit "help for a word too many" 2 'help: .portfw. is not accepted here; accepted: nothing more' cli help ipchains portfw
check_exit "no such option" 2 '' cli -Q port show
check_exit "no daemon behind the socket" 3 "$T/nobody\.sock" dpdk-masq-cli -s "$T/nobody.sock" port show
check_exit "a rule file that does not exist" 1 'nowhere\.masq' cli load "$T/nowhere.masq"
printf '%s\n' "ipchains -P forward DENY" "portfw -a -P tcp -L 203.0.113.1 eighty -R 192.168.16.2 80" >"$T/bad.masq"
check_exit "load names file, line and word" 1 'bad\.masq:2: .*eighty' cli load "$T/bad.masq"
check_exit "check does too" 1 'bad\.masq:2: .*eighty' cli check "$T/bad.masq"
echo "route add 10.0.0.0/8 via 9.9.9.9" >"$T/bad.masq"
check_exit "load names the line of a bad route" 1 'bad\.masq:1: route 10\.0\.0\.0/8: gateway 9\.9\.9\.9' cli load "$T/bad.masq"
head -c 100000 /dev/urandom >"$T/noise"
echo "ipchains -A input -j MASK" >"$T/b"$'\xe4'"d"
check_exit "a file whose name is no UTF-8" 1 'b\?d:1: ' cli load "$T/b"$'\xe4'"d"
check_exit "a text whose name is none" 1 'there is no "n\?x"; accepted: ip_masquerade' cli proc $'n\xe4x'
check_exit "noise is no rule file" 1 'noise' cli load "$T/noise"
check_exit "ipchains: a bad target" 1 'No target by that name' compat ipchains -A forward -j MASK
check_exit "ipchains: a bad option" 2 'ipchains -h' compat ipchains -A forward --colour red
check_exit "ipchains: masquerading of input" 2 'masquerading not allowed' compat ipchains -A input -j MASQ
check_exit "ipchains: a rule that is not there" 1 'bad rule' compat ipchains -D forward -s 1.2.3.4 -j DENY
check_exit "portfw: half an address" 2 'portfw: illegal local address' compat ipmasqadm portfw -a -P tcp -L 203.0.113.1
check_exit "portfw: nothing to delete" 1 '.' compat ipmasqadm portfw -d -P tcp -L 203.0.113.1 80
check_exit "what is not there yet says so" 1 '^ipmasqadm: autofw is not supported yet' compat ipmasqadm autofw -A -r tcp 1000 2000 -h 192.168.16.2
check_exit "also mfw" 1 '^ipmasqadm: mfw is not supported yet' compat ipmasqadm mfw -h
check_exit "a module that never was" 1 'dlopen.*warpfw' compat ipmasqadm warpfw
check_exit "ipchains -C: a packet with two ports" 2 '-C requires one source port' compat ipchains -C input -p tcp -s 1.1.1.1 1:2 -d 2.2.2.2 2 -i lan
check_exit "ipchains -C: no such port of the box" 1 'does that interface exist' compat ipchains -C input -p tcp -s 1.1.1.1 1 -d 2.2.2.2 2 -i lan9
for words in load check save; do check_exit "$words: a file without a name" 2 "$words: name one file" cli $words ''; done
check_exit "route: a bad gateway" 2 '300' cli route add 10.0.0.0/8 via 192.168.16.300
check_exit "timeout: a bad name" 2 'tcp-lunch.*tcp-established' cli timeout set tcp-lunch 5

check_exit "ipchains: a port that is not there is warned of" 0 '^warning: -i eth0: there is no such port.*ports: lan, wan' compat ipchains -A input -i eth0 -j DENY
check_exit "and can be deleted" 0 '^$' compat ipchains -D input -i eth0 -j DENY

cli save "$T/after"
check "the rules are what they were" cmp "$T/before" "$T/after"
check "save and load is the identity" cli load "$T/after"
cli save "$T/again"
check "also the second time" cmp "$T/after" "$T/again"
check "the box still answers" on client ping -c 1 -W 5 192.168.16.1
finish
