#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Read "dpdk-masq-cli -j stats show" and fail unless every packet is accounted for:

    rx + originated = tx + punted + drops + held

An argument says by how many the sides may differ, while packets come.
"""

import json
import sys

total = json.load(sys.stdin)["total"]
came = total["rx"] + total["originated"]
went = total["tx"] + total["punted"] + total["drops"] + total["held"]
print(f"came {came}, went {went}: {total}")
may_differ = int(sys.argv[1]) if len(sys.argv) > 1 else 0
sys.exit(0 if abs(came - went) <= may_differ and total["rx"] > 0 else 1)
