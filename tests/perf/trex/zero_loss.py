#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The highest rate without loss, RFC 2544 section 26.1, by TRex stateless.

    zero_loss.py --flows 65536 --size 64 --low 10000 --high 14880952 --precision 10000

TRex runs as "t-rex-64 -i"; its Python library must be found: PYTHONPATH=<trex>/automation/trex_control_plane/interactive.
Before the search all flows are sent once, slowly, so that trials meet sessions that exist (the
preliminary phase of RFC 9693); --new leaves that out. Rates are packets a second of one direction;
--forward sends both directions of forwarded flows instead of masqueraded ones.

Counted are the packets of our streams, by TRex's flow statistics: it marks them in the IP identification,
which the appliance leaves alone. A port's own counters have ARP in them, too, and each question that the
appliance asks would make up for a packet that was lost. A card that cannot tell such packets from others
needs "t-rex-64 -i --no-hw-flow-stat", a port in memory "--software" as well.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    from trex.stl.api import STLClient, STLFlowStats
except ModuleNotFoundError as missing:
    sys.exit("zero_loss.py: TRex's Python library is not found (%s): "
             "export PYTHONPATH=<trex>/automation/trex_control_plane/interactive" % missing)

import stl_forward  # noqa: E402
import stl_masquerade  # noqa: E402
from zero_loss_search import search  # noqa: E402

INSIDE, OUTSIDE = 0, 1
GROUP = {INSIDE: 1, OUTSIDE: 2}  # the number under which TRex counts what a port sends


class Device(object):
    """The appliance between two ports of TRex."""

    def __init__(self, client, args):
        self.client = client
        self.args = args
        self.senders = [INSIDE, OUTSIDE] if args.forward else [INSIDE]

    def prepare(self):
        self.client.reset(ports=[INSIDE, OUTSIDE])
        for port in self.senders:
            counted = STLFlowStats(pg_id=GROUP[port])
            if self.args.forward:
                stream = stl_forward.make_stream(port, self.args.flows, self.args.size, counted)
            else:
                stream = stl_masquerade.make_stream(self.args.flows, self.args.size, counted)
            self.client.add_streams([stream], ports=[port])

    def send(self, ports, rate, seconds):
        """Returns (sent, received) of our streams, both directions together."""
        self.client.clear_stats()
        self.client.start(ports=ports, mult="%dpps" % rate, duration=seconds)
        # What is on its way when the last packet is sent needs a moment.
        self.client.wait_on_traffic(ports=ports, rx_delay_ms=2000)
        groups = [GROUP[port] for port in ports]
        stats = self.client.get_pgid_stats(groups)["flow_stats"]
        return tuple(sum(stats[group][what]["total"] for group in groups) for what in ("tx_pkts", "rx_pkts"))

    def open_sessions(self):
        opener = [OUTSIDE] if self.args.forward else [INSIDE]
        self.send(opener, self.args.open_rate, max(1, -(-self.args.flows // self.args.open_rate) + 1))

    def trial(self, rate):
        sent, received = self.send(self.senders, rate, self.args.seconds)
        wanted = rate * self.args.seconds * len(self.senders)
        print("%12d pps: sent %d, lost %d" % (rate, sent, sent - received), file=sys.stderr)
        if sent < 0.99 * wanted:
            raise SystemExit("zero_loss: TRex sent %d of %d packets; it cannot make this rate, lower --high" %
                             (sent, wanted))
        return max(0, sent - received)


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="127.0.0.1", help="where t-rex-64 -i runs")
    parser.add_argument("--flows", type=int, default=1024)
    parser.add_argument("--size", type=int, default=64, help="bytes of a frame with CRC")
    parser.add_argument("--low", type=int, default=1000, help="packets a second, the least that counts")
    parser.add_argument("--high", type=int, default=14880952, help="packets a second; 10 GbE at 64 bytes")
    parser.add_argument("--precision", type=int, default=10000, help="packets a second")
    parser.add_argument("--seconds", type=int, default=60, help="of a trial; RFC 2544 wants 60")
    parser.add_argument("--repeat", type=int, default=1, help="trials that a rate must pass")
    parser.add_argument("--open-rate", type=int, default=10000, help="new sessions a second before the search")
    parser.add_argument("--new", action="store_true", help="do not open the sessions before")
    parser.add_argument("--forward", action="store_true", help="both directions of forwarded flows")
    return parser.parse_args(words)


def main(words):
    args = parse(words)
    client = STLClient(server=args.server)
    client.connect()
    try:
        device = Device(client, args)
        device.prepare()
        if not args.new:
            device.open_sessions()
        rate, trials = search(device.trial, args.low, args.high, args.precision, args.repeat)
    finally:
        client.disconnect()
    print(json.dumps({"zero_loss_pps": rate, "flows": args.flows, "size": args.size, "seconds": args.seconds,
                      "directions": len(device.senders), "trials": trials}))
    return 0 if rate > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
