# SPDX-License-Identifier: BSD-3-Clause
"""TRex advanced stateful: new TCP connections, as many a second as asked for.

    start -f astf_cps.py -m 10000 -d 60            # 10 000 connections a second

A connection is opened, carries one byte each way and is closed by the client: the seven to nine segments
of the shortest real conversation. -m multiplies the profile's one connection a second.
"""
import argparse

from trex.astf.api import *

PORT = 80


def make_profile(clients, hold_ms):
    if not 1 <= clients <= 65536:
        raise ValueError("--clients takes 1 to 65536, not %d" % clients)
    if hold_ms < 0:
        raise ValueError("--hold takes milliseconds from 0 up")

    client = ASTFProgram()
    client.connect()
    client.send(b"?")
    client.recv(1)
    if hold_ms > 0:
        client.delay(hold_ms * 1000)

    server = ASTFProgram()
    server.recv(1)
    server.send(b"!")
    server.wait_for_peer_close()

    last = clients - 1
    addresses = ASTFIPGen(glob=ASTFIPGenGlobal(ip_offset="0.1.0.0"),
                          dist_client=ASTFIPGenDist(ip_range=["16.0.0.0", "16.0.%d.%d" % (last >> 8, last & 255)],
                                                    distribution="seq"),
                          dist_server=ASTFIPGenDist(ip_range=["48.0.0.0", "48.0.0.255"], distribution="seq"))
    template = ASTFTemplate(
        client_template=ASTFTCPClientTemplate(program=client, ip_gen=addresses, port=PORT, cps=1),
        server_template=ASTFTCPServerTemplate(program=server, assoc=ASTFAssociationRule(port=PORT)))
    return ASTFProfile(default_ip_gen=addresses, templates=template)


class Connections(object):
    def get_profile(self, tunables, **kwargs):
        parser = argparse.ArgumentParser(prog="astf_cps.py")
        parser.add_argument("--clients", type=int, default=4096, help="addresses of clients, 1 to 65536")
        parser.add_argument("--hold", type=int, default=0, help="milliseconds that a connection stays open")
        args = parser.parse_args(tunables)
        return make_profile(args.clients, args.hold)


def register():
    return Connections()
