#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Read "dpdk-masq-cli -j stats show" and fail unless rx = tx + punted + the sum of named drops."""

import json
import sys

stats = json.load(sys.stdin)
received = stats["rx_packets"]
accounted = stats["tx_packets"] + stats["punted_packets"] + stats["dropped_packets"]
print(f"rx {received}, accounted for {accounted}: {stats}")
sys.exit(0 if received == accounted and received > 0 else 1)
