# SPDX-License-Identifier: BSD-3-Clause
"""TRex advanced stateful: UDP flows of hidden clients, packets in both directions.

    start -f astf_masquerade.py -m 1 -d 120 -t --flows 65536 --gap 1000

TRex's server answers to the address and port that it sees, so masquerading does not disturb it. All
flows open over --ramp seconds; then each exchanges one packet each way every --gap milliseconds, until
it has exchanged --count of them. Offered, once all are open: 2 * flows * 1000 / gap packets a second.
"""
import argparse

from trex.astf.api import *

PORT = 7
HEADERS = 14 + 20 + 8 + 4


def make_profile(flows, gap_ms, count, ramp, size):
    if flows < 1 or gap_ms < 1 or count < 1 or ramp < 1:
        raise ValueError("--flows, --gap, --count and --ramp take whole numbers from 1 up")
    if not 64 <= size <= 1518:
        raise ValueError("--size takes 64 to 1518, not %d" % size)
    message = b"x" * (size - HEADERS)

    client = ASTFProgram(stream=False)
    client.set_keepalive_msg(2 * gap_ms + 5000)
    client.set_var("left", count)
    client.set_label("again:")
    client.send_msg(message)
    client.recv_msg(1, True)
    client.delay(gap_ms * 1000)
    client.jmp_nz("left", "again:")
    client.close_msg()

    server = ASTFProgram(stream=False)
    server.set_keepalive_msg(2 * gap_ms + 5000)
    server.set_var("left", count)
    server.set_label("again:")
    server.recv_msg(1, True)
    server.send_msg(message)
    server.jmp_nz("left", "again:")

    addresses = ASTFIPGen(glob=ASTFIPGenGlobal(ip_offset="0.1.0.0"),
                          dist_client=ASTFIPGenDist(ip_range=["16.0.1.0", "16.0.1.255"], distribution="seq"),
                          dist_server=ASTFIPGenDist(ip_range=["48.0.0.0", "48.0.0.255"], distribution="seq"))
    template = ASTFTemplate(
        client_template=ASTFTCPClientTemplate(program=client, ip_gen=addresses, port=PORT,
                                              cps=max(1, flows // ramp), limit=flows),
        server_template=ASTFTCPServerTemplate(program=server, assoc=ASTFAssociationRule(port=PORT)))
    return ASTFProfile(default_ip_gen=addresses, templates=template)


class Masquerade(object):
    def get_profile(self, tunables, **kwargs):
        parser = argparse.ArgumentParser(prog="astf_masquerade.py")
        parser.add_argument("--flows", type=int, default=1024, help="open at the same time")
        parser.add_argument("--gap", type=int, default=1000, help="milliseconds between packets of a flow")
        parser.add_argument("--count", type=int, default=60, help="packets each way of a flow")
        parser.add_argument("--ramp", type=int, default=10, help="seconds to open all flows in")
        parser.add_argument("--size", type=int, default=64, help="bytes of a frame with CRC, 64 to 1518")
        args = parser.parse_args(tunables)
        return make_profile(args.flows, args.gap, args.count, args.ramp, args.size)


def register():
    return Masquerade()
