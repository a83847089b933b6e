#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# idle = sleep: when nothing arrives the appliance leaves the CPUs alone, and is awake for the first packet.
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

# Milliseconds of the box's clock, rounds of all workers, and milliseconds of CPU of the whole process.
look() {
    cli -j stats show | python3 -c '
import json, os, sys
stats = json.load(sys.stdin)
fields = open(f"/proc/{sys.argv[1]}/stat").read().rpartition(")")[2].split()
cpu_ms = (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")
print(stats["now_ms"], stats["total"]["polls"], cpu_ms)' "$DAEMON"
}
# The box's clock has gone on for so many milliseconds.
passed() { [ $(($(look | cut -d ' ' -f 1) - $2)) -ge "$1" ]; }
# What happened in two seconds of the box's clock: rounds a second and worker, percent of one CPU.
watch() {
    local before after
    read -ra before < <(look)
    wait_for 60 "two seconds of the box" passed 2000 "${before[0]}" >&2
    read -ra after < <(look)
    echo $(((after[1] - before[1]) * 1000 / (after[0] - before[0]) / MASQ_TEST_WORKERS)) \
        $(((after[2] - before[2]) * 100 / (after[0] - before[0])))
}

# A nap of half a millisecond each round is at most 2000 rounds a second, however fast the machine is.
read -r rounds percent < <(watch)
say "idle = sleep: $rounds rounds a second and worker, $percent % of a CPU"
check "without packets a worker looks at most 2100 times a second" test "$rounds" -le 2100
check "but it looks" test "$rounds" -ge 10
check "both workers and control together take less than a third of a CPU" test "$percent" -lt 33
check "the first packet is answered" on client ping -c 1 -W 2 192.168.16.1
check "and those that follow" on client ping -q -c 200 -i 0.002 -W 2 192.168.16.1
read -r rounds percent < <(watch)
check "afterwards it sleeps again" test "$rounds" -le 2100

# The same measure sees a worker that does not sleep.
box_stop
sed -i 's/^idle.*/idle = poll/' "$T/box.conf"
box_restart
read -r rounds percent < <(watch)
say "idle = poll: $rounds rounds a second and worker, $percent % of a CPU"
check "idle = poll is awake all the time" test "$rounds" -gt 5000
check "and answers too" on client ping -c 1 -W 2 192.168.16.1
finish
