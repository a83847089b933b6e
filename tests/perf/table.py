# SPDX-License-Identifier: BSD-3-Clause
"""The table of a benchmark run, as text for a terminal and as reStructuredText."""

HEADER = ("what", "at", "median (min-max)", "beside it", "ratio (min-max)", "bar", "met")


def number(value):
    """Three significant figures, but no exponent and no cents of large numbers."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def spread(stats, form=number):
    low, middle, high = (form(stats[k]) for k in ("min", "median", "max"))
    return middle if low == high else f"{middle} ({low}-{high})"


def bar_of(row):
    if "limit" not in row:
        return ""
    limit = number(row["limit"])
    return {
        "ratio at most": f"ratio <= {limit}",
        "at most": f"<= {limit} {row['unit']}",
        "least of the rounds at most": f"min <= {limit} {row['unit']}",
        "exactly": f"= {limit}",
    }[row["bar"]]


def cells(row):
    if "skipped" in row:
        return (row["what"], row["at"], f"skipped: {row['skipped']}", "", "", "", "")
    beside = ratio = ""
    if "beside" in row:
        beside = f"{row['beside']} {number(row['reference']['median'])}"
        ratio = spread(row["ratio"], lambda v: f"{v:.2f}")
    met = {True: "yes", False: "NO", None: ""}[row.get("met")]
    return (row["what"], row["at"], f"{spread(row['value'])} {row['unit']}", beside, ratio,
            bar_of(row), met)


def summary(result):
    judged = [row for row in result["rows"] if "met" in row]
    met = sum(row["met"] for row in judged)
    skipped = sum("skipped" in row for row in result["rows"])
    text = f"{met} of {len(judged)} bars met"
    return text + (f", {skipped} rows skipped" if skipped else "")


def pages_text(result):
    """Each run of a topic takes its memory anew, from hugepages when enough of them are free just then."""
    if result["machine"]["hugepages"] == "some":
        without = [r["run"].replace("--", "") for r in result["runs"] if r["hugepages"] is False]
        return "hugepages, but 4 KB pages for " + ", ".join(without)
    return "hugepages" if result["machine"]["hugepages"] else "4 KB pages"


def machine_text(result):
    m, pages = result["machine"], pages_text(result)
    return (f"{m['cpu']}, {m['cores']} cores, cycles of {m.get('tsc_mhz', 0):.0f} MHz, "
            f"{m.get('dpdk', '')}, {m.get('compiler', '')}, {pages}, "
            f"load {m['load']} before and {m.get('load_after', m['load'])} after")


def text_table(result):
    rows = [HEADER] + [cells(row) for row in result["rows"]]
    wide = [max(len(r[i]) for r in rows if not r[2].startswith("skipped")) for i in range(len(HEADER))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, wide)).rstrip() for r in rows]
    lines.insert(1, "  ".join("-" * w for w in wide))
    notes = [f"  {r['what']}, {r['at']}: {r['note']}" for r in result["rows"] if "note" in r]
    tail = ["", *notes, "", machine_text(result), summary(result) +
            f", {result['seconds']} s"]
    return "\n".join(lines + tail)


TOPICS = {
    "hit": "By the number of sessions",
    "aged": "In a box that has run for a while",
    "ports": "By ports in use",
    "rules": "By chain rules",
    "list": "By refused hosts",
    "workers": "By workers",
    "change": "New rules while packets flow",
    "expiry": "All sessions end at once",
    "capacity": "A full table",
}


def rst_table(rows):
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 30 14 20 16 12 12 6", ""]
    for row in [HEADER] + [cells(r) for r in rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}".rstrip() for i, cell in enumerate(row)]
    notes = [f"{row['what']}, {row['at']}: {row['note']}." for row in rows if "note" in row]
    return lines + [""] + [f"| {note}" for note in notes] + [""]


def rst_tables(result):
    """All rows, a table a topic, as an include of docs/performance.rst."""
    lines = [".. Made by tests/perf/report.py; do not edit.", "",
             f"{machine_text(result)}; {result['machine']['date']}, revision "
             f"{result['machine']['revision']}. {summary(result)}, in {result['seconds']} seconds.", ""]
    for topic in dict.fromkeys(row["topic"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["topic"] == topic]
        # One path after the other, each over its sizes.
        order = list(dict.fromkeys(row["what"] for row in rows))
        rows.sort(key=lambda row: order.index(row["what"]))
        title = TOPICS.get(topic, topic)
        lines += [title, "~" * len(title), ""] + rst_table(rows)
    return "\n".join(lines)
