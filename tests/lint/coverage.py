#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the code declares, the documentation explains: one case a name.

Drop reasons, methods of the socket, timeouts and command words stand in the page that a reader would
open. (Keys of the start file are printed from the parser's own table and cannot be forgotten.) So does each
section of the original's behaviour that a comment refers to ("reference 5.4"). And the tests that the page about RFCs
names are there.
"""

import re

from common import files, read, report

CLI_WORDS = ("ipchains", "portfw", "session show", "session flush", "port show", "route add",
             "route del", "route show", "neigh show", "neigh flush", "timeout show", "timeout set",
             "stats show", "stats memory", "drops show", "top", "save", "load", "check", "proc", "version", "shutdown")


def quoted(path, macro):
    """First string of each X(...) row of an X-macro list."""
    text = read(path)
    body = re.search(r"#define " + macro + r"\(X\)((?:.*\\\n)*.*\n)", text).group(1)
    return re.findall(r'X\(\w+,\s*(?:\\\s*)?"([^"]+)"', body)


checked = 0
faults = []


def demand(name, page, what):
    global checked
    checked += 1
    if name not in read(page):
        faults.append(f"{page}: {what} '{name.strip()}' is not explained")


for name in quoted("lib/base/include/masq_drop.h", "MASQ_DROP_LIST"):
    demand(name, "docs/guide/troubleshooting.rst", "drop reason")
for field, word in re.findall(r'X\((\w+), "([a-z-]+)", \d+\)', read("lib/conf/include/masq_conf.h")):
    demand(word, "docs/reference/cli.rst", "timeout")
for method in quoted("lib/conf/include/masq_conf_command.h", "MASQ_CONF_VERB_LIST"):
    demand(method, "docs/reference/socket-api.rst", "method")
for method in re.findall(r'"([a-z]+\.[a-z_]+)", (?:true|false)', read("lib/rpc/include/masq_rpc.h")):
    demand(method, "docs/reference/socket-api.rst", "method")
for words in CLI_WORDS:
    demand(words, "docs/reference/cli.rst", "command")
    demand(words, "docs/man/dpdk-masq-cli.1.rst", "command")
sections = set()
for path in files(".c", ".h"):
    for numbers in re.findall(r"[Rr]eference,? (?:sections )?\(?((?:\d\.\d+(?:, | and )?)+)", read(path)):
        sections.update(re.findall(r"\d\.\d+", numbers))
for section in sorted(sections):
    demand(f"\n{section} ", "docs/dev/linux-2.2.rst", "section")
page = "docs/reference/rfc.rst"
tests = {path: read(path) for path in files(".c") if "/test_" in path}
for unit, program, names in re.findall(r"\*(unit )?(\w+)\*, (\w+(?:,\s+\w+)*)", read(page)):
    place = "tests/unit/" if unit else "tests/packet/"
    text = "".join(tests[path] for path in tests if path.startswith(place) and path.endswith(f"/test_{program}.c"))
    for name in re.findall(r"\w+", names):
        checked += 1
        if f"\n{name}(void **state)" not in text:
            faults.append(f"{page}: {place}.../test_{program}.c has no test '{name}'")
report(checked, faults)
