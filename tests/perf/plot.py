# SPDX-License-Identifier: BSD-3-Clause
"""The plot of a benchmark run as SVG, written by hand: cycles over the number of sessions."""

import math
from html import escape

WIDTH, HEIGHT = 960, 430
TOP, BOTTOM = 74, 52
INK, MUTED, GRID = "#1f2328", "#59636e", "#d9dee3"
# [row, label, colour] of the left panel
HITS = (("masquerade hit", "masquerade", "#0a58ca"), ("portfw hit", "portfw", "#c2410c"),
        ("routed packet", "routed", "#15803d"))
FONT = 'font-family="DejaVu Sans, Verdana, Helvetica, sans-serif"'


def figures(rows, what, key="value"):
    """[(sessions, median)] of a row of all sizes."""
    return sorted((row["x"], row[key]["median"]) for row in rows
                  if row["what"] == what and row["topic"] == "hit" and key in row)


def beside_masquerade(rows, what):
    """The same for the other kinds of flows, which were measured at other moments: on the scale of the
    masquerade hits, by their ratios to the ideal loop that ran beside both."""
    return sorted((row["x"], row["ratio"]["median"] * row["reference"]["median"]) for row in rows
                  if row["what"] == what and row.get("beside") == "masquerade hit")


def nice_step(top):
    for step in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000):
        if top / step <= 6:
            return step
    return 10000


def size_name(n):
    return f"{n / 1048576:g} M" if n >= 1048576 else f"{n / 1024:g} k"


class Panel:
    """Axes with a logarithmic x; lines with their names at their right ends."""

    def __init__(self, left, right, title, sizes, top):
        self.left, self.right, self.title, self.sizes = left, right, title, sizes
        self.step = nice_step(top)
        self.top = -(-top // self.step) * self.step
        self.parts, self.names = [], []

    def x(self, n):
        low, high = self.sizes[0], max(self.sizes[-1], 2 * self.sizes[0])
        share = math.log(n / low) / math.log(high / low)
        return self.left + 14 + share * (self.right - self.left - 28)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)

    def axes(self):
        yield f'<text x="{self.left - 34}" y="{TOP - 22}" font-size="15" font-weight="600" fill="{INK}">{escape(self.title)}</text>'
        value = 0
        while value <= self.top:
            y = self.y(value)
            colour = MUTED if value == 0 else GRID
            yield f'<line x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"/>'
            yield f'<text x="{self.left - 8}" y="{y + 4:.1f}" font-size="12" text-anchor="end" fill="{MUTED}">{value}</text>'
            value += self.step
        for n in self.sizes:
            yield f'<text x="{self.x(n):.1f}" y="{HEIGHT - BOTTOM + 20}" font-size="12" text-anchor="middle" fill="{MUTED}">{size_name(n)}</text>'
        middle = (self.left + self.right) / 2
        yield f'<text x="{middle:.1f}" y="{HEIGHT - 12}" font-size="12" text-anchor="middle" fill="{MUTED}">sessions</text>'

    def line(self, points, name, colour, dashed=False, thin=False):
        if not points:
            return
        path = " ".join(f"{self.x(n):.1f},{self.y(v):.1f}" for n, v in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        width = 1.5 if thin else 2.5
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dash}/>')
        if not dashed:
            self.parts += [f'<circle cx="{self.x(n):.1f}" cy="{self.y(v):.1f}" r="3.5" fill="{colour}" stroke="#fff"><title>{escape(name)}, {size_name(n)} sessions: {v:.0f} cycles</title></circle>' for n, v in points]
        self.names.append([self.y(points[-1][1]), name, colour])

    def labels(self):
        """Names beside the ends of their lines, moved apart where they would touch."""
        self.names.sort()
        for _ in range(50):
            for a, b in zip(self.names, self.names[1:]):
                if b[0] - a[0] < 16:
                    middle = (a[0] + b[0]) / 2
                    a[0], b[0] = middle - 8, middle + 8
        for y, name, colour in self.names:
            yield f'<text x="{self.right - 4}" y="{y + 4:.1f}" font-size="12.5" fill="{colour}">{escape(name)}</text>'

    def svg(self):
        return [*self.axes(), *self.parts, *self.labels()]


def plot(result):
    """The whole SVG document."""
    rows = result["rows"]
    ideal = figures(rows, "masquerade hit", "reference")
    lines = [(beside_masquerade(rows, what) or figures(rows, what), name, colour)
             for what, name, colour in HITS]
    new = figures(rows, "new masquerade session")
    adds = figures(rows, "new masquerade session", "reference")
    sizes = [n for n, _ in ideal]
    limit = [(n, 2 * v) for n, v in ideal]
    highest = max(v for points, _, _ in lines + [(limit, "", "")] for _, v in points)
    hits = Panel(58, 400, "Packet of an established flow, cycles", sizes, highest)
    hits.line(limit, "bar: 2 x ideal", MUTED, dashed=True, thin=True)
    hits.line(ideal, "ideal loop", MUTED)
    for points, name, colour in lines:
        hits.line(points, name, colour)
    panels = [hits]
    if new:
        bar = [(n, 2 * v) for n, v in adds]
        sessions = Panel(596, 822, "New session, cycles", [n for n, _ in new], max(v for _, v in new + bar))
        sessions.line(bar, "bar: 2 x adds", MUTED, dashed=True, thin=True)
        sessions.line(adds, "two bare adds", MUTED)
        sessions.line(new, "masquerade", "#0a58ca")
        panels.append(sessions)
    body = [part for panel in panels for part in panel.svg()]
    m = result["machine"]
    under = f"{m['cpu']}, {m['dpdk']}, {m['compiler']}, {m['date']}; medians, random order, both directions"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" {FONT}>',
        "<title>Cycles per packet over the number of sessions</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="24" y="24" font-size="12" fill="{MUTED}">{escape(under)}</text>',
        *body, "</svg>", ""])
