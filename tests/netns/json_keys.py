#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""json_keys.py PAGE...: which keys of the JSON on stdin (one document, or one a line) stand on no page?"""

import json
import sys


def keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def documents(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        while at < len(text) and text[at].isspace():
            at += 1
        yield value


pages = "".join(open(page, encoding="utf-8").read() for page in sys.argv[1:])
missing = {key for value in documents(sys.stdin.read()) for key in keys(value) if f"``{key}``" not in pages}
print(" ".join(sorted(missing)))
