#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Read "dpdk-masq-cli -j stats show" and fail unless every packet is accounted for:

    rx + originated = tx + punted + drops + held
"""

import json
import sys

total = json.load(sys.stdin)["total"]
came = total["rx"] + total["originated"]
went = total["tx"] + total["punted"] + total["drops"] + total["held"]
print(f"came {came}, went {went}: {total}")
sys.exit(0 if came == went and total["rx"] > 0 else 1)
