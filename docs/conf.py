# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx configuration: HTML and man pages from one source."""

import os
import subprocess

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

project = "dpdk-masq"
author = "the dpdk-masq authors"
copyright = "2026, the dpdk-masq authors"
version = release = os.environ.get("MASQ_VERSION", "")
root_doc = "index"
extensions = []
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "description": "Linux 2.2 masquerading at line rate"}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
smartquotes = False
man_pages = [
    ("man/dpdk-masq.8", "dpdk-masq", "masquerading and port forwarding appliance", author, 8),
    ("man/dpdk-masq-cli.1", "dpdk-masq-cli", "command line of dpdk-masq", author, 1),
    ("man/dpdk-masq.conf.5", "dpdk-masq.conf", "start file of dpdk-masq", author, 5),
]


class FromCode(Directive):
    """``.. from-code:: KIND``: a table that docs/docgen.c prints from the program's own tables."""

    required_arguments = 1

    def run(self):
        text = subprocess.run([os.environ["MASQ_DOCGEN"], self.arguments[0]],
                              capture_output=True, text=True, check=True).stdout
        lines = StringList(text.splitlines(), source=f"docgen {self.arguments[0]}")
        box = nodes.Element()
        self.state.nested_parse(lines, self.content_offset, box)
        return box.children


def setup(app):
    app.add_directive("from-code", FromCode)
