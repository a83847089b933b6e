#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A machine with as many CPUs as DPDK can name: workers that are not pinned float over all of them.
#
#   (nobody) -- lan [box]
#
. "$(dirname "$0")/lib.sh"
need python3

PRELOAD=$MASQ_BUILD/tests/netns/masq_many_cpus.so
PORT_LINES=("[port lan]" "device = net_null0,no-rx=1" "address = 192.168.1.1/24")
MASQ_TEST_WORKERS=16
# The daemon alone has so many CPUs.
daemon=$(command -v dpdk-masq)
mkdir "$T/bin"
printf '%s\n' '#!/bin/sh' "MASQ_TEST_CPUS=1024 LD_PRELOAD=$PRELOAD exec $daemon \"\$@\"" >"$T/bin/dpdk-masq"
chmod 755 "$T/bin/dpdk-masq"
PATH=$T/bin:$PATH
box_start "mbufs = 16384"
check_equal "each worker answers" 16 "$(cli -j stats show | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["workers"]))')"
box_stop
check_equal "the appliance ends cleanly" 0 "$DAEMON_EXIT"
finish
