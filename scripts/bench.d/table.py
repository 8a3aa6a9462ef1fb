"""The table: a line of it is a ratio or a figure of each turn."""

import datetime
import json
import os
import statistics
import subprocess

from common import ROOT, SCALE, run, say


# What is neither in the release build nor measures it. Of scripts what measures counts too: how long a backlog is, how
# the services are set up.
NOT_BUILT = ["*.md", "docs", "tests", ".ci", *(f"scripts/{name}" for name in (
    "check-deploy", "compare", "counts", "measure", "schemathesis", "screenshots", "test"))]


class Table:
    """Of the last commit of what is built here or measures it. Kept in a file, if one is named, with each scenario."""

    def __init__(self, turns, out=None):
        self.turns, self.lines, self.out, self.scenario = turns, [], out and out.resolve(), None
        built = ["--", ".", *(f":!{path}" for path in NOT_BUILT)]
        if out and self.out.is_relative_to(ROOT):
            built.append(f":!{self.out.relative_to(ROOT)}")
        self.commit = git("log", "-1", "--format=%h", *built)
        if git("status", "--porcelain", *built):
            self.commit += "-dirty"

    def resume(self):
        """Takes the lines that its file has of the same commit, taken as often and as large; the scenarios they
        are of."""
        if self.commit.endswith("-dirty"):
            raise SystemExit("bench: --resume goes by the commit, and something here is not committed")
        if self.out.exists():
            self.lines = [line for line in json.loads(self.out.read_text()) if self.is_of_this(line)]
        return {line["scenario"] for line in self.lines}

    def is_of_this(self, line):
        return all(line.get(name) == value for name, value in self.origin().items())

    def origin(self):
        """What two lines must have in common to stand in one table."""
        return {"commit": self.commit, "turns": self.turns, "scale": SCALE}

    def begin(self, scenario):
        self.scenario = scenario

    def keep(self):
        """In place of the file that was there, which is whole whenever this is cut short."""
        if self.out:
            part = self.out.with_name(self.out.name + ".part")
            part.write_text(json.dumps(self.lines, indent=2) + "\n")
            part.replace(self.out)

    def drop(self):
        """What has been noted of a scenario that failed."""
        self.lines = [line for line in self.lines if line["scenario"] != self.scenario]

    def note(self, what, values, wanted=None, is_reached=None, unit=""):
        """One line of the table: a ratio or a figure of each turn."""
        low, middle, high = min(values), statistics.median(values), max(values)
        verdict = "" if is_reached is None else "reached" if is_reached(middle) else "NOT REACHED"
        line = {"what": what, "num": len(values), "min": low, "median": middle, "max": high, "unit": unit,
                "wanted": wanted or "", "verdict": verdict,
                "scenario": self.scenario, "day": str(datetime.date.today()), **self.origin()}
        self.lines.append(line)
        say(f"{what}: {figures(line)} {unit} {'(wanted ' + wanted + ') ' if wanted else ''}{verdict}")

    def at_least(self, what, values, bound, unit=""):
        self.note(what, values, f"at least {bound}", lambda middle: middle >= bound, unit)

    def at_most(self, what, values, bound, unit=""):
        self.note(what, values, f"at most {bound}", lambda middle: middle <= bound, unit)

    def __str__(self):
        days = " and ".join(sorted({line["day"] for line in self.lines}))
        rows = [f"Of {self.commit}, measured on {days or 'no day'}, on {len(os.sched_getaffinity(0))} cores.", "",
                "| what | min, median, max | wanted | |", "|---|---|---|---|"]
        for line in self.lines:
            rows.append(f"| {line['what']} | {figures(line)} {line['unit']} | {line['wanted']} | {line['verdict']} |")
        return "\n".join(rows)


def git(*command):
    return run("git", "-C", ROOT, *command, stdout=subprocess.PIPE).stdout.strip()


def ratios(ones, others):
    return [one / other for one, other in zip(ones, others)]


def figures(line):
    """One of a single value."""
    keys = ("min", "median", "max") if line["num"] > 1 else ("median",)
    return ", ".join(figure(line[key]) for key in keys)


def figure(value):
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
