"""What everything here uses: where things are, commands, waiting."""

import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
MENAGERIE = TARGET / "release" / "menagerie"
BY_HAND = TARGET / "release" / "by-hand"
STREAMS = ROOT / "benches" / "peers" / "kafka-streams"
SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def scaled(num):
    return max(int(num * SCALE), 100)


def run(*command, check=True, **options):
    return subprocess.run([str(part) for part in command], check=check, text=True, **options)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    """What a scenario could not do; the others go on."""


def wait(what, is_so, patience=120, every=0.001):
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not come within {patience} s")
        time.sleep(every)
