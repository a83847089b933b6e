#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The profiles for TRex and Pktgen, run against stand-ins of their interfaces: what would they send?"""
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "trex")]

import fake_trex  # noqa: E402

sys.modules.update(fake_trex.modules())

import astf_cps  # noqa: E402
import astf_masquerade  # noqa: E402
import stl_forward  # noqa: E402
import stl_masquerade  # noqa: E402
import zero_loss  # noqa: E402
import zero_loss_search  # noqa: E402


class Search(unittest.TestCase):
    def test_finds_the_highest_rate_without_loss(self):
        for capacity in (1, 700, 123456, 999999):
            rate, trials = zero_loss_search.search(lambda r, c=capacity: max(0, r - c), 1, 1000000, 10)
            self.assertLessEqual(rate, capacity)
            self.assertGreaterEqual(rate, min(capacity, capacity - 10))
            self.assertLess(len(trials), 25)

    def test_the_ends_of_the_interval(self):
        self.assertEqual(zero_loss_search.search(lambda r: 0, 5, 100, 1), (100, [(100, 0)]))
        self.assertEqual(zero_loss_search.search(lambda r: 1, 5, 100, 1), (0, [(100, 1), (5, 1)]))
        self.assertRaises(ValueError, zero_loss_search.search, lambda r: 0, 0, 100, 1)
        self.assertRaises(ValueError, zero_loss_search.search, lambda r: 0, 5, 4, 1)

    def test_a_rate_must_pass_every_repetition(self):
        losses = iter([0, 0, 1, 0, 0, 0])
        rate, trials = zero_loss_search.search(lambda r: next(losses), 50, 100, 50, repeat=3)
        self.assertEqual((rate, len(trials)), (50, 6))


class Stateless(unittest.TestCase):
    def test_masquerade_has_exactly_so_many_flows(self):
        for flows in (1, 256, 1000, 65536):
            stream, = stl_masquerade.register().get_streams(0, ["--flows", str(flows)], port_id=0)
            seen = set(stream.packets())
            self.assertEqual(len(seen), flows)
            self.assertEqual({destination for _, _, _, destination in seen}, {7})
            self.assertTrue(all(src[:3] == bytes([16, 0, 1]) and dst[:3] == bytes([48, 0, 0]) and src[3] == dst[3]
                                for src, dst, _, _ in seen))
            self.assertEqual(min(port for _, _, port, _ in seen), 1024)

    def test_the_last_of_all_flows(self):
        stream, = stl_masquerade.register().get_streams(0, ["--flows", str(stl_masquerade.FLOWS_MAX)])
        *_, last = stream.packets(every=stl_masquerade.FLOWS_MAX - 1)
        self.assertEqual(last, (bytes([16, 0, 1, 255]), bytes([48, 0, 0, 255]), 65535, 7))

    def test_frames_have_the_size_that_was_asked_for(self):
        for size in (64, 512, 1518):
            stream, = stl_masquerade.register().get_streams(0, ["--size", str(size)])
            self.assertEqual(len(stream.packet.pkt), size - 4)
        for words in (["--size", "63"], ["--size", "1519"], ["--flows", "0"], ["--flows", "16515073"]):
            self.assertRaises(ValueError, stl_masquerade.register().get_streams, 0, words)
        self.assertEqual(stl_masquerade.register().get_streams(1, []), [])

    def test_answers_of_forwarded_flows_belong_to_them(self):
        for flows in (1, 300, 65536):
            words = ["--flows", str(flows)]
            there, = stl_forward.register().get_streams(1, words)
            back, = stl_forward.register().get_streams(0, words)
            asked = {(src, sport) for src, dst, sport, dport in there.packets()}
            answered = {(dst, dport) for src, dst, sport, dport in back.packets()}
            self.assertEqual(len(asked), flows)
            self.assertEqual(asked, answered)
            self.assertEqual({(dst, dport) for _, dst, _, dport in there.packets()}, {(bytes([203, 0, 113, 1]), 7)})
            self.assertEqual({(src, sport) for src, _, sport, _ in back.packets()}, {(bytes([192, 168, 1, 2]), 7)})


def talk(client, server):
    """Run two programs against each other; returns the bytes or messages sent by each, and how they ended."""
    sides = [{"at": 0, "vars": {}, "in": [], "sent": [], "program": p} for p in (client, server)]

    def step(me, other):
        if me["at"] >= len(me["program"].commands):
            return False
        name, *args = me["program"].commands[me["at"]]
        if name in ("send", "send_msg"):
            me["sent"].append(args[0])
            other["in"].append(args[0])
        elif name in ("recv", "recv_msg"):
            if len(me["in"]) < args[0]:
                return False
            del me["in"][:args[0]]
        elif name == "set_var":
            me["vars"][args[0]] = args[1]
        elif name == "jmp_nz":
            me["vars"][args[0]] -= 1
            if me["vars"][args[0]] != 0:
                me["at"] = me["program"].labels[args[1]]
                return True
        me["at"] += 1
        return True

    while step(*sides) or step(*reversed(sides)):
        pass
    return [(side["sent"], side["at"] == len(side["program"].commands)) for side in sides]


class Stateful(unittest.TestCase):
    def template(self, module, words):
        profile = module.register().get_profile(words)
        return profile.templates.client_template, profile.templates.server_template

    def test_masquerade_exchanges_packets_both_ways_and_ends(self):
        client, server = self.template(astf_masquerade, ["--count", "5", "--flows", "100", "--size", "128"])
        (there, client_ended), (back, server_ended) = talk(client.program, server.program)
        self.assertEqual((len(there), len(back)), (5, 5))
        self.assertEqual({len(message) for message in there + back}, {128 - 14 - 20 - 8 - 4})
        self.assertTrue(client_ended and server_ended)
        self.assertEqual((client.limit, client.port, server.assoc.port), (100, 7, 7))

    def test_a_flow_outlives_the_gap_between_its_packets(self):
        client, server = self.template(astf_masquerade, ["--gap", "20000"])
        for program in (client.program, server.program):
            self.assertGreater(dict(c[:2] for c in program.commands if len(c) > 1)["set_keepalive_msg"], 20000)

    def test_all_flows_open_within_the_ramp(self):
        client, _ = self.template(astf_masquerade, ["--flows", "65536", "--ramp", "8"])
        self.assertEqual(client.cps * 8, 65536)
        self.assertRaises(ValueError, astf_masquerade.register().get_profile, ["--gap", "0"])

    def test_a_short_connection_is_complete(self):
        client, server = self.template(astf_cps, ["--hold", "3"])
        (there, client_ended), (back, server_ended) = talk(client.program, server.program)
        self.assertEqual((there, back), ([b"?"], [b"!"]))
        self.assertTrue(client_ended and server_ended)
        self.assertEqual((client.cps, client.port, server.assoc.port), (1, 80, 80))
        self.assertIn(("delay", 3000), client.program.commands)
        client, _ = self.template(astf_cps, ["--clients", "65536"])
        self.assertEqual(client.ip_gen.dist_client.ip_range, ["16.0.0.0", "16.0.255.255"])
        self.assertRaises(ValueError, astf_cps.register().get_profile, ["--clients", "0"])


class ZeroLoss(unittest.TestCase):
    def run_it(self, capacity, *words):
        fake_trex.STLClient.CAPACITY, fake_trex.STLClient.calls = capacity, []
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = zero_loss.main(list(words))
        self.assertEqual(fake_trex.STLClient.calls, ["connect", "disconnect"])
        return code, json.loads(out.getvalue())

    def test_both_kinds_of_traffic(self):
        for more in ([], ["--forward"]):
            code, said = self.run_it(3000000, "--high", "10000000", "--precision", "1000", *more)
            self.assertEqual(code, 0)
            self.assertTrue(2999000 <= said["zero_loss_pps"] <= 3000000)
            self.assertEqual(said["directions"], 1 + len(more))

    def test_questions_of_the_appliance_are_no_test_packets(self):
        fake_trex.STLClient.ARP = 100000
        try:
            code, said = self.run_it(1000, "--high", "2000", "--seconds", "10", "--precision", "10")
        finally:
            fake_trex.STLClient.ARP = 7
        self.assertEqual(code, 0)
        self.assertTrue(990 <= said["zero_loss_pps"] <= 1000)

    def test_nothing_passes(self):
        code, said = self.run_it(10)
        self.assertEqual((code, said["zero_loss_pps"]), (1, 0))

    def test_a_library_that_is_not_found(self):
        done = subprocess.run([sys.executable, os.path.join(HERE, "trex", "zero_loss.py"), "--size", "64"],
                              env={"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Azero_loss.py: .*PYTHONPATH.*\n\Z")


@unittest.skipUnless(shutil.which("lua5.4"), "lua5.4 is not installed")
class Pktgen(unittest.TestCase):
    def run_it(self, capacity, arp=0, queues=1, flows=500, **setting):
        words = ", ".join(f"{name} = {value}" for name, value in setting.items())
        with tempfile.TemporaryDirectory() as folder:
            program = (f'CAPACITY = {capacity} ARP = {arp} QUEUES = {queues} FLOWS = {flows} dofile("{HERE}/fake_pktgen.lua")\n'
                       f'MASQ = {{ flows = {flows}, sizes = {{ 64 }}, {words} }}\n'
                       f'dofile("{HERE}/pktgen/masquerade.lua")')
            return subprocess.run(["lua5.4", "-e", program], cwd=folder, capture_output=True, text=True)

    def test_finds_the_highest_rate_without_loss(self):
        done = self.run_it(420000, lan_mac='"02:00:00:00:00:01"')
        self.assertEqual(done.returncode, 0, done.stderr)
        rate = float(done.stdout.split("zero loss: size 64 rate ")[1].split(" ")[0])
        self.assertTrue(41.5 <= rate <= 42, done.stdout)

    def test_questions_of_the_appliance_are_no_test_packets(self):
        for queues in (1, 8):
            done = self.run_it(420000, arp=50000, queues=queues, lan_mac='"02:00:00:00:00:01"')
            self.assertEqual(done.returncode, 0, done.stderr)
            rate = float(done.stdout.split("zero loss: size 64 rate ")[1].split(" ")[0])
            self.assertTrue(41.5 <= rate <= 42, done.stdout)

    def test_all_flows_are_open_before_a_trial(self):
        done = self.run_it(420000, lan_mac='"02:00:00:00:00:01"', flows=60000)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_port_that_sends_nothing_ends_it(self):
        done = self.run_it(1, lan_mac='"02:00:00:00:00:01"', lowest=0)
        self.assertIn("port 0 sends nothing", done.stderr)

    def test_settings_that_cannot_be(self):
        self.assertIn("lan_mac is missing", self.run_it(1).stderr)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    # A skipped case is neither; its reason stands above.
    print(f"cases: {result.testsRun - bad - len(result.skipped)} passed, {bad} failed")
    sys.exit(1 if bad else 0)
