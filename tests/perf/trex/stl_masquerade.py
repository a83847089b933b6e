# SPDX-License-Identifier: BSD-3-Clause
"""TRex stateless: UDP flows of hidden clients, from port 0 (inside) to port 1 (outside).

    start -f stl_masquerade.py -p 0 -m 1mpps -t --flows 65536 --size 64

Flow i is client 16.0.1.(i mod 256), port 1024 + i / 256, towards server 48.0.0.(i mod 256), port 7.
Client, server and port are written from one counter, so there are exactly --flows flows, however
many cores TRex splits the counter over. One direction only: what a server would have to answer to is
the appliance's choice of port, which a stateless stream cannot know; astf_masquerade.py answers.
"""
import argparse

from trex_stl_lib.api import *

FIRST_PORT = 1024
FLOWS_MAX = 256 * (65536 - FIRST_PORT)


def make_stream(flows, size, flow_stats=None):
    """One stream that runs through all flows again and again; size is with CRC, as in "64 bytes".

    flow_stats: an STLFlowStats, if TRex shall count the stream's packets where they arrive.
    """
    if not 1 <= flows <= FLOWS_MAX:
        raise ValueError("--flows takes 1 to %d, not %d" % (FLOWS_MAX, flows))
    if not 64 <= size <= 1518:
        raise ValueError("--size takes 64 to 1518, not %d" % size)
    # Without a checksum, for the ports in it change; a translator leaves 0 alone.
    packet = Ether() / IP(src="16.0.1.0", dst="48.0.0.0") / UDP(sport=FIRST_PORT, dport=7, chksum=0)
    packet = packet / ("x" * (size - 4 - len(packet)))
    vm = STLScVmRaw([
        STLVmFlowVar(name="flow", min_value=0, max_value=flows - 1, size=4, op="inc"),
        STLVmWrMaskFlowVar(fv_name="flow", pkt_offset="IP.src", offset_fixup=3, pkt_cast_size=1, mask=0xff),
        STLVmWrMaskFlowVar(fv_name="flow", pkt_offset="IP.dst", offset_fixup=3, pkt_cast_size=1, mask=0xff),
        # Both UDP ports are one word of 32 bits, of which the source port is the upper half:
        # the counter's bits from 8 up go there, plus the first port.
        STLVmWrMaskFlowVar(fv_name="flow", pkt_offset="UDP.sport", pkt_cast_size=4, mask=0xffff0000, shift=8,
                           add_value=FIRST_PORT << 8),
        STLVmFixIpv4(offset="IP"),
    ])
    return STLStream(packet=STLPktBuilder(pkt=packet, vm=vm), mode=STLTXCont(pps=1), flow_stats=flow_stats)


class Masquerade(object):
    def get_streams(self, direction, tunables, **kwargs):
        parser = argparse.ArgumentParser(prog="stl_masquerade.py")
        parser.add_argument("--flows", type=int, default=1024, help="1 to %d" % FLOWS_MAX)
        parser.add_argument("--size", type=int, default=64, help="bytes of a frame with CRC, 64 to 1518")
        args = parser.parse_args(tunables)
        return [make_stream(args.flows, args.size)] if direction == 0 else []


def register():
    return Masquerade()
