#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What cannot start says why, and disturbs nothing that runs.
#
#   client 192.168.16.2 -- lan .1 [box] wan .1 -- (nobody)
#
. "$(dirname "$0")/lib.sh"
need ping python3

segment inside
segment outside
host client inside 192.168.16.2/24 192.168.16.1
box_port lan inside "address = 192.168.16.1/24"
box_port wan outside "address = 203.0.113.1/24"
box_start

# refused SENTENCE REGEX SED-SCRIPT: a second daemon with a changed start file ends with 1 and a sentence
refused() {
    sed -e "s|control.sock|second.sock|; s|iface=lan|iface=spare0|; s|iface=wan|iface=spare1|" -e "$3" "$T/box.conf" >"$T/bad.conf"
    check_exit "$1" 1 "$2" on box dpdk-masq -c "$T/bad.conf"
}
ip -n "$ID-box" link add spare0 type veth peer name spare1
on box ip link set spare0 up
on box ip link set spare1 up

refused "an unknown key" 'bad\.conf:4: .*colour.*accepted: .*workers' 's/^workers.*/colour = red/'
refused "an unknown section" 'bad\.conf:[0-9]+: .*warp' 's/^\[port lan\]/[warp 9]/'
refused "a bad number" 'bad\.conf:4: .*workers.*many.*accepted' 's/^workers.*/workers = many/'
refused "a bad address" 'bad\.conf:[0-9]+: .*192\.168\.16\.300' 's|192.168.16.1/24|192.168.16.300/24|'
refused "a port without a device" 'lan' '/spare0/d'
refused "a driver that does not exist" 'lan.*net_nothing.*no driver has that name' 's/^device = net_[a-z_]*0/device = net_nothing0/'
refused "a rule file that does not exist" 'bad\.conf:3: rules: .*nowhere\.masq: No such file' 's|rules.masq|nowhere.masq|'
echo "ipchains -A forward -s 10.0.0.0/8 -j MASK" >"$T/bad.masq"
refused "a rule with a bad word" 'bad\.masq:1: .*MASK' 's|rules.masq|bad.masq|'
printf '%s\n' "" "route add 10.0.0.0/8 via 9.9.9.9" >"$T/bad.masq"
refused "a route that cannot be" 'bad\.masq:2: route 10\.0\.0\.0/8: gateway 9\.9\.9\.9 is in no connected network' 's|rules.masq|bad.masq|'
check_exit "--test finds it" 1 'bad\.masq:2: route 10\.0\.0\.0/8: gateway 9\.9\.9\.9' on box dpdk-masq -t -c "$T/bad.conf"
for ((i = 0; i < 32766; i++)); do echo "ipchains -A input -p tcp -s 10.0.0.1 $i -j DENY"; done >"$T/bad.masq"
refused "more rules than fit" 'bad\.masq: 32769 rules and policies are too many; at most 32768 fit' 's|rules.masq|bad.masq|'
check_exit "--test finds it" 1 'bad\.masq: 32769 rules and policies are too many' on box dpdk-masq -t -c "$T/bad.conf"
tested() { check_exit "--test: $1" 1 "$2" on box dpdk-masq -t -c "$T/bad.conf"; }
refused "a group that does not exist" 'bad\.conf:4: socket-group: there is no group "nobodies"' 's/^workers.*/socket-group = nobodies/'
tested "a group that does not exist" 'bad\.conf:4: .*nobodies'
refused "a CPU that does not exist" 'bad\.conf:4: cores = 1022-1023: CPU 1022 does not exist' 's/^workers.*/cores = 1022-1023/'
tested "a CPU that does not exist" 'bad\.conf:4: .*CPU 1022 does not exist'
refused "an interface that does not exist" 'bad\.conf:[0-9]+: \[port lan\]: there is no network interface nosuch0; accepted: .*spare0' 's/spare0/nosuch0/'
tested "an interface that does not exist" 'no network interface nosuch0'
refused "an interface without a driver" 'bad\.conf:[0-9]+: \[port lan\]: spare0 is a network interface of the kernel; accepted: net_af_packet0,iface=spare0' 's/^device.*spare0.*/device = spare0/'
tested "an interface without a driver" 'accepted: net_af_packet0,iface=spare0'
for device in virtio_user0,path=/dev/vhost-net tap0 vhost0; do
    sed -E "s|^device.*iface=lan.*|device = net_$device,iface=made0|" "$T/box.conf" >"$T/made.conf"
    check_exit "--test: an interface that ${device%%0*} makes" 0 'fine' on box dpdk-masq -t -c "$T/made.conf"
done
mkfifo "$T/pipe.masq"
refused "a rule file that is a pipe" 'pipe\.masq is a device or a pipe' 's|rules.masq|pipe.masq|'
refused "more sessions than the memory holds" 'bad\.conf:6: session table.*memory must be larger' 's/^sessions.*/sessions = 16777216/'
refused "too little memory" 'bad\.conf:6: only .*memory needs 1000000' 's/^memory.*/memory = 1000000/'
refused "more buffers than the memory holds" 'bad\.conf:7: memory is not set in \[daemon\], so it is 512: no memory for 2000000 packet buffers' 's/^sessions.*/mbufs = 2000000/; s/^memory.*//'
refused "an interface that a live daemon serves" "\[port lan\]: lan is already served by another dpdk-masq \(pid $DAEMON\)" 's/spare0/lan/'
refused "even when memory is short" "lan is already served by another dpdk-masq \(pid $DAEMON\)" 's/spare0/lan/; s/^memory.*/memory = 1000000/'
refused "one interface for two ports" 'interface spare0 of \[port wan\] is also that of \[port lan\]' 's/spare1/spare0/'
refused "a socket that a live daemon serves" "$DAEMON.*control\.sock" 's|second.sock|control.sock|'
refused "even when memory is short" "$DAEMON.*control\.sock" 's|second.sock|control.sock|; s/^memory.*/memory = 1000000/'
spawn client python3 -c "import signal, socket; s = socket.socket(socket.AF_UNIX); s.bind('$T/other.sock'); s.listen(); signal.pause()"
wait_for 20 "the other program listens" on client grep -q "$T/other.sock" /proc/net/unix
refused "a socket that another program serves" 'another program serves .*other\.sock' 's|second.sock|other.sock|'
check "which keeps it" test -S "$T/other.sock"
mkdir "$T/full"
sed "s|control.sock|full/x.sock|; s|iface=lan|iface=spare0|; s|iface=wan|iface=spare1|" "$T/box.conf" >"$T/bad.conf"
# Room for the lock file and DPDK's folder, mounted in a mount namespace that ends with the command.
check_exit "a socket for which there is no room" 1 'bad\.conf:2: cannot listen on .*full/x\.sock: No space left' \
    on box sh -c "mount -t tmpfs -o nr_inodes=3 tmpfs $T/full && exec dpdk-masq -c $T/bad.conf"
check_exit "a start file that does not exist" 1 'none\.conf' dpdk-masq -c "$T/none.conf"
check_exit "a start file without a name" 2 '-c needs the name of a file' dpdk-masq -c ''
check_exit "an unknown option" 2 'dpdk-masq -h' dpdk-masq -Q
check_exit "a word too many" 2 'unexpected argument "now"' dpdk-masq now
check_exit "--help teaches" 0 'device = net_af_packet0' dpdk-masq --help
check_exit "--version" 0 '^dpdk-masq [0-9]' dpdk-masq --version
ip -n "$ID-box" link add down0 type veth peer name down1
sed "s|iface=lan|iface=down0|" "$T/box.conf" >"$T/down.conf"
check_exit "--test: an interface that is down" 0 '^warning: daemon: .*down\.conf:[0-9]+: \[port lan\]: down0 is down; no packets arrive before "ip link set down0 up"' \
    on box dpdk-masq -t -c "$T/down.conf"
check_exit "--test starts nothing" 0 '2 ports, 2 workers.*fine' on box dpdk-masq --test --config "$T/box.conf"
closed() { on box dpdk-masq -c "$T/bad.conf" <&- >&- 2>&-; }
refused "an interface, as often as somebody tries" "lan is already served by another dpdk-masq \(pid $DAEMON\)" 's/spare0/lan/'
check_exit "without stdin, stdout and stderr it still ends with 1" 1 '' closed
check "the daemon that ran before still routes" on client ping -c 2 -i 0.2 -W 2 203.0.113.1
check "and still serves its socket" cli port show
finish
