"""The table: a line of it is a ratio or a figure of each turn."""

import datetime
import os
import statistics
import subprocess

from common import ROOT, run, say


class Table:
    """Of the commit that stands here when it is begun."""

    def __init__(self):
        self.lines = []
        describe = run("git", "-C", ROOT, "describe", "--always", "--dirty", stdout=subprocess.PIPE)
        self.commit, self.day = describe.stdout.strip(), datetime.date.today()

    def note(self, what, values, wanted=None, is_reached=None, unit=""):
        """One line of the table: a ratio or a figure of each turn."""
        low, middle, high = min(values), statistics.median(values), max(values)
        verdict = "" if is_reached is None else "reached" if is_reached(middle) else "NOT REACHED"
        line = {"what": what, "num": len(values), "min": low, "median": middle, "max": high, "unit": unit,
                "wanted": wanted or "", "verdict": verdict}
        self.lines.append(line)
        say(f"{what}: {figures(line)} {unit} {'(wanted ' + wanted + ') ' if wanted else ''}{verdict}")

    def at_least(self, what, values, bound, unit=""):
        self.note(what, values, f"at least {bound}", lambda middle: middle >= bound, unit)

    def at_most(self, what, values, bound, unit=""):
        self.note(what, values, f"at most {bound}", lambda middle: middle <= bound, unit)

    def __str__(self):
        rows = [f"Of {self.commit}, begun on {self.day}, on {len(os.sched_getaffinity(0))} cores.", "",
                "| what | min, median, max | wanted | |", "|---|---|---|---|"]
        for line in self.lines:
            rows.append(f"| {line['what']} | {figures(line)} {line['unit']} | {line['wanted']} | {line['verdict']} |")
        return "\n".join(rows)


def ratios(ones, others):
    return [one / other for one, other in zip(ones, others)]


def figures(line):
    """One of a single value."""
    keys = ("min", "median", "max") if line["num"] > 1 else ("median",)
    return ", ".join(figure(line[key]) for key in keys)


def figure(value):
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
