"""What /proc tells of processes and processors, and how fast the machine is right now."""

import math
import os
import pathlib
import re
import time

TICKS = os.sysconf("SC_CLK_TCK")

# The machine's speed may change that much within a turn that is not taken again.
MAX_SWING = 1.3


def stat(path):
    """Name of a process or thread, and the fields behind it."""
    name, rest = path.read_text().rsplit(") ", 1)
    return name, rest.split()


def spent(pids):
    """Processor time of processes, each with its children, in seconds, by the names that they have here."""
    total = dict.fromkeys(pids, 0.0)
    names = {pid: name for name, pid in pids.items()}
    for line in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            process, fields = stat(line)
        except OSError:
            continue
        if name := names.get(int(process.split()[0])):
            # Children that have ended count with their parent.
            total[name] += sum(int(fields[at]) for at in (11, 12, 13, 14)) / TICKS
        if name := names.get(int(fields[1])):
            total[name] += sum(int(fields[at]) for at in (11, 12)) / TICKS
    return total


def idle():
    """Time that processors had nothing to do, in seconds: what is neither this nor a process's is the kernel's own."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / TICKS


def threads(pid):
    """Processor time by name of thread."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name, fields = stat(task / "stat")
        except OSError:
            continue
        name = re.sub(r"[-_:/.]?\d+$", "", name.split("(", 1)[1])
        found[name] = found.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS
    return found


def state(pid):
    return stat(pathlib.Path(f"/proc/{pid}/stat"))[1][0]


def pace():
    """How long a fixed computation takes right now, the least of ten times, in seconds."""
    least = math.inf
    for _ in range(10):
        began = time.perf_counter()
        sum(range(500_000))
        least = min(least, time.perf_counter() - began)
    return least
