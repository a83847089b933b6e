# SPDX-License-Identifier: BSD-3-Clause
"""TRex's Python classes as far as our profiles use them, for a test: the same names of arguments, nothing else.

A stream can be run: packets() does with its variables and writes what TRex's documentation says.
"""
import struct
import types


class Layer(object):
    """A packet of scapy, of which we need the fields and the bytes."""

    def __init__(self, name, head, **fields):
        self.layers = [(name, head, fields)]

    def __truediv__(self, other):
        both = Layer.__new__(Layer)
        both.layers = self.layers + (other.layers if isinstance(other, Layer) else [("data", len(other), {})])
        return both

    def __len__(self):
        return sum(head for _, head, _ in self.layers)

    def offset(self, where):
        layer, field = where.split(".")
        at = 0
        for name, head, _ in self.layers:
            if name == layer:
                return at + {"src": 12, "dst": 16, "sport": 0, "dport": 2}[field]
            at += head
        raise KeyError(where)

    def build(self):
        data = bytearray(len(self))
        for name, _, fields in self.layers:
            if name == "IP":
                for field in ("src", "dst"):
                    at = self.offset("IP." + field)
                    data[at:at + 4] = bytes(int(part) for part in fields[field].split("."))
            elif name == "UDP":
                at = self.offset("UDP.sport")
                data[at:at + 4] = struct.pack(">HH", fields["sport"], fields["dport"])
                assert fields["chksum"] == 0, "a checksum would be wrong once the ports change"
        return data


def Ether():
    return Layer("Ether", 14)


def IP(src, dst):
    return Layer("IP", 20, src=src, dst=dst)


def UDP(sport, dport, chksum):
    return Layer("UDP", 8, sport=sport, dport=dport, chksum=chksum)


class STLVmFlowVar(object):
    def __init__(self, name, min_value=None, max_value=None, size=4, op="inc"):
        assert size in (1, 2, 4, 8) and op in ("inc", "dec", "random") and 0 <= min_value <= max_value < 256 ** size
        self.name, self.low, self.high = name, min_value, max_value


class STLVmWrMaskFlowVar(object):
    def __init__(self, fv_name, pkt_offset, pkt_cast_size=1, mask=0xff, shift=0, add_value=0, offset_fixup=0,
                 is_big=True):
        assert pkt_cast_size in (1, 2, 4) and 0 <= mask < 256 ** pkt_cast_size
        self.fv_name, self.where, self.size = fv_name, pkt_offset, pkt_cast_size
        self.mask, self.shift, self.add, self.fixup = mask, shift, add_value, offset_fixup

    def write(self, packet, data, value):
        at = packet.offset(self.where) + self.fixup
        value = (value & (256 ** self.size - 1)) + self.add
        value = value << self.shift if self.shift >= 0 else value >> -self.shift
        old = int.from_bytes(data[at:at + self.size], "big")
        data[at:at + self.size] = ((old & ~self.mask) | (value & self.mask)).to_bytes(self.size, "big")


class STLVmFixIpv4(object):
    def __init__(self, offset):
        assert offset == "IP"


class STLScVmRaw(object):
    def __init__(self, list_of_commands=None):
        self.commands = list_of_commands


class STLPktBuilder(object):
    def __init__(self, pkt=None, vm=None):
        self.pkt, self.vm = pkt, vm


class STLTXCont(object):
    def __init__(self, pps=1):
        self.pps = pps


class STLFlowStats(object):
    def __init__(self, pg_id):
        self.pg_id = pg_id


class STLStream(object):
    def __init__(self, packet=None, mode=None, flow_stats=None):
        self.packet, self.mode, self.flow_stats = packet, mode, flow_stats

    def packets(self, every=1):
        """(source, destination, source port, destination port) of each every-th packet of one round."""
        packet, commands = self.packet.pkt, self.packet.vm.commands
        var = next(c for c in commands if isinstance(c, STLVmFlowVar))
        assert any(isinstance(c, STLVmFixIpv4) for c in commands)
        for value in range(var.low, var.high + 1, every):
            data = packet.build()
            for command in commands:
                if isinstance(command, STLVmWrMaskFlowVar):
                    assert command.fv_name == var.name
                    command.write(packet, data, value)
            at = packet.offset("UDP.sport")
            yield bytes(data[26:30]), bytes(data[30:34]), *struct.unpack(">HH", data[at:at + 4])


class ASTFProgram(object):
    TCP = {"connect", "send", "recv", "wait_for_peer_close", "reset"}
    UDP = {"set_keepalive_msg", "send_msg", "recv_msg", "close_msg"}

    def __init__(self, stream=True):
        self.stream, self.commands, self.labels = stream, [], {}

    def set_label(self, label):
        self.labels[label] = len(self.commands)

    def __getattr__(self, name):
        allowed = (self.TCP if self.stream else self.UDP) | {"delay", "set_var", "jmp_nz"}
        if name not in allowed:
            raise AttributeError(name)
        return lambda *args: self.commands.append((name,) + args)


class Plain(object):
    """Keeps the arguments that its kind may have."""

    ARGUMENTS = {
        "ASTFIPGenGlobal": {"ip_offset"},
        "ASTFIPGenDist": {"ip_range", "distribution", "per_core_distribution"},
        "ASTFIPGen": {"glob", "dist_client", "dist_server"},
        "ASTFTemplate": {"client_template", "server_template"},
        "ASTFTCPClientTemplate": {"ip_gen", "cluster", "program", "port", "cps", "glob_info", "limit"},
        "ASTFTCPServerTemplate": {"program", "assoc", "glob_info"},
        "ASTFAssociationRule": {"port", "ip_start", "ip_end"},
        "ASTFProfile": {"default_ip_gen", "templates", "cap_list", "default_c_glob_info", "default_s_glob_info"},
    }

    def __init__(self, **arguments):
        assert set(arguments) <= self.ARGUMENTS[type(self).__name__], arguments
        self.__dict__.update(arguments)


class STLClient(object):
    """An appliance between ports 0 and 1 that passes CAPACITY packets a second of each direction.

    In each trial it also asks ARP times by ARP at port 1, half as often at port 0, and is answered; only the
    ports count that.
    """

    CAPACITY, ARP = 0, 7
    calls = []

    def __init__(self, server):
        self.streams, self.stats = {}, {}

    def connect(self):
        self.calls.append("connect")

    def disconnect(self):
        self.calls.append("disconnect")

    def reset(self, ports):
        self.streams = {}

    def add_streams(self, streams, ports):
        for port in ports:
            self.streams[port] = streams

    def clear_stats(self):
        self.stats = {port: {"opackets": n, "ipackets": n} for port, n in enumerate((self.ARP // 2, self.ARP))}
        self.groups = {}

    def start(self, ports, mult, duration):
        assert mult.endswith("pps") and all(port in self.streams for port in ports)
        rate = int(mult[:-3])
        for port in ports:
            sent, passed = rate * duration, min(rate, self.CAPACITY) * duration
            self.stats[port]["opackets"] += sent
            self.stats[1 - port]["ipackets"] += passed
            for stream in self.streams[port]:
                assert stream.flow_stats.pg_id not in self.groups, "a group is one stream's of one port"
                self.groups[stream.flow_stats.pg_id] = {
                    "tx_pkts": {port: sent, "total": sent}, "rx_pkts": {1 - port: passed, "total": passed}}

    def wait_on_traffic(self, ports, rx_delay_ms):
        assert rx_delay_ms > 0

    def get_stats(self):
        return self.stats

    def get_pgid_stats(self, pgid_list=[]):
        return {"flow_stats": {group: self.groups[group] for group in pgid_list}}


def modules():
    """{name: module} to put into sys.modules."""
    stl, astf, api = (types.ModuleType(name) for name in ("trex_stl_lib.api", "trex.astf.api", "trex.stl.api"))
    for thing in (Ether, IP, UDP, STLVmFlowVar, STLVmWrMaskFlowVar, STLVmFixIpv4, STLScVmRaw, STLPktBuilder,
                  STLTXCont, STLStream):
        setattr(stl, thing.__name__, thing)
    astf.ASTFProgram = ASTFProgram
    for name in Plain.ARGUMENTS:
        setattr(astf, name, type(name, (Plain,), {}))
    api.STLClient, api.STLFlowStats = STLClient, STLFlowStats
    found = {module.__name__: module for module in (stl, astf, api)}
    for package in ("trex_stl_lib", "trex", "trex.astf", "trex.stl"):
        found[package] = types.ModuleType(package)
    return found
