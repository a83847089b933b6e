#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Misbehave on a control socket: bad_client.py SOCKET KIND. Exit 0: the daemon did the right thing."""

import json
import resource
import socket
import sys

PATH, KIND = sys.argv[1], sys.argv[2]
PARSE, INVALID, NO_METHOD = -32700, -32600, -32601


def connect():
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(PATH)
    return client


def answer(client, line):
    """Send a line, read a line."""
    client.sendall(line)
    with client.makefile("rb") as stream:
        return json.loads(stream.readline())


def works(client):
    reply = answer(client, b'{"jsonrpc":"2.0","id":7,"method":"daemon.version"}\n')
    assert reply["id"] == 7 and "version" in reply["result"], reply


def refused(line, code):
    reply = answer(connect(), line)
    print(reply)
    assert reply["error"]["code"] == code, reply
    assert len(reply["error"]["message"]) > 10, reply


def garbage():
    refused(b"GET / HTTP/1.1\n", PARSE)
    refused(b"\xff\xfe\x00\x01\n", PARSE)


def no_request():
    refused(b"[1, 2, 3]\n", INVALID)
    refused(b'{"id": 1}\n', INVALID)


def unknown_method():
    refused(b'{"jsonrpc":"2.0","id":1,"method":"coffee.make"}\n', NO_METHOD)


def deep():
    refused(b"[" * 100000 + b"\n", PARSE)


def numbers():
    """Integers beyond 64 bits, exponents, and numbers where text belongs: refused, each in its way."""
    for number in ("99999999999999999999999999", "-1", "1e400", "1.5", "0x10", "9223372036854775807"):
        client = connect()
        reply = answer(client, b'{"jsonrpc":"2.0","id":1,"method":"ipchains.delete_number",'
                       b'"params":{"chain":"input","number":%s}}\n' % number.encode())
        print(number, reply)
        assert "error" in reply and len(reply["error"]["message"]) > 10, reply
    refused(b'{"jsonrpc":"2.0","id":1,"method":7}\n', INVALID)
    works(connect())


def endless():
    """Never a newline: told and closed, long before the memory is full."""
    client = connect()
    sent = 0
    try:
        while sent < 256 << 20:
            sent += client.send(b'{"a":"' + b"x" * 65536)
        raise SystemExit("256 MB were taken")
    except (BrokenPipeError, ConnectionResetError):
        print(f"closed after {sent} bytes")
    works(connect())


def half():
    client = connect()
    client.sendall(b'{"jsonrpc":"2.0","id":1,"meth')
    client.close()
    works(connect())


def thousand():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    clients = [connect() for _ in range(1000)]
    for client in clients:
        works(client)
    for client in clients:
        client.close()
    works(connect())


def never_reads():
    """Ask until the daemon takes no more, then hold the connection until it is closed."""
    client = connect()
    client.settimeout(1)
    ask = b'{"jsonrpc":"2.0","id":1,"method":"rpc.methods"}\n' * 100
    try:
        while True:
            client.send(ask)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        print("stuck", flush=True)
    try:
        client.settimeout(None)
        client.recv(1, socket.MSG_PEEK | socket.MSG_WAITALL)
        sys.stdin.read()
    except OSError:
        pass


globals()[KIND.replace("-", "_")]()
