# SPDX-License-Identifier: BSD-3-Clause
"""TRex stateless: forwarded UDP flows, both directions, each with known addresses.

    start -f stl_forward.py -p 1 -m 1kpps -d 10 -t --flows 65536     # opens the sessions
    start -f stl_forward.py -p 0 1 -m 1mpps -t --flows 65536

The rule is "portfw -a -P udp -L 203.0.113.1 7 -R 192.168.1.2 7". Flow i comes from the outside client
48.0.0.(i mod 256), port 1024 + i / 256; the inside server answers from 192.168.1.2, port 7, and the
appliance puts its own address there. Nothing is left to its choice, so both sides can be stateless.
"""
import argparse

from trex_stl_lib.api import *

FIRST_PORT = 1024
FLOWS_MAX = 256 * (65536 - FIRST_PORT)


def make_stream(direction, flows, size, flow_stats=None):
    """direction 1: what clients send to the appliance; 0: what the server answers; flow_stats as in stl_masquerade."""
    if not 1 <= flows <= FLOWS_MAX:
        raise ValueError("--flows takes 1 to %d, not %d" % (FLOWS_MAX, flows))
    if not 64 <= size <= 1518:
        raise ValueError("--size takes 64 to 1518, not %d" % size)
    if direction == 1:
        headers = IP(src="48.0.0.0", dst="203.0.113.1") / UDP(sport=FIRST_PORT, dport=7, chksum=0)
        address, shift, mask = "IP.src", 8, 0xffff0000
        add = FIRST_PORT << 8
    else:
        headers = IP(src="192.168.1.2", dst="48.0.0.0") / UDP(sport=7, dport=FIRST_PORT, chksum=0)
        address, shift, mask = "IP.dst", -8, 0x0000ffff
        add = FIRST_PORT << 8
    packet = Ether() / headers
    packet = packet / ("x" * (size - 4 - len(packet)))
    vm = STLScVmRaw([
        STLVmFlowVar(name="flow", min_value=0, max_value=flows - 1, size=4, op="inc"),
        STLVmWrMaskFlowVar(fv_name="flow", pkt_offset=address, offset_fixup=3, pkt_cast_size=1, mask=0xff),
        # The word of both ports: the client's is its upper half on the way in, its lower one back.
        STLVmWrMaskFlowVar(fv_name="flow", pkt_offset="UDP.sport", pkt_cast_size=4, mask=mask, shift=shift,
                           add_value=add),
        STLVmFixIpv4(offset="IP"),
    ])
    return STLStream(packet=STLPktBuilder(pkt=packet, vm=vm), mode=STLTXCont(pps=1), flow_stats=flow_stats)


class Forward(object):
    def get_streams(self, direction, tunables, **kwargs):
        parser = argparse.ArgumentParser(prog="stl_forward.py")
        parser.add_argument("--flows", type=int, default=1024, help="1 to %d" % FLOWS_MAX)
        parser.add_argument("--size", type=int, default=64, help="bytes of a frame with CRC, 64 to 1518")
        args = parser.parse_args(tunables)
        return [make_stream(direction, args.flows, args.size)]


def register():
    return Forward()
