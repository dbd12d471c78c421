"""A command in processes of its own: what it prints, how long it takes and what memory it takes at most.

Memory is that of all its processes together, each page that they share counted once, looked at twice a second; and at
least that of the largest one, which the system keeps. Not here: what is run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any

MEASURED = """
import os, resource, subprocess, sys, threading
import psutil

def held(process):
    try:
        told = process.memory_full_info()
        return getattr(told, "pss", told.rss)
    except psutil.Error:
        return 0

cores = int(sys.argv[1])
if cores and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
child = subprocess.Popen(sys.argv[2:])
peak, ended = 0, threading.Event()

def look():
    global peak
    while not ended.wait(0.5):
        try:
            processes = [psutil.Process(child.pid)]
            processes += processes[0].children(recursive=True)
        except psutil.Error:
            continue
        peak = max(peak, sum(map(held, processes)))

watcher = threading.Thread(target=look)
watcher.start()
code = child.wait()
ended.set()
watcher.join()
unit = 1 if sys.platform == "darwin" else 1024
print(max(peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit), file=sys.stderr)
sys.exit(code)
"""
"""Starts a command from a small process: its peak counts from before exec, in the memory of whoever started it."""

ROOT = Path(__file__).parent.parent


def run(command: Sequence[str], environment: Mapping[str, str], cores: int = 0) -> tuple[dict[str, Any], float, int]:
    """(the JSON it printed, seconds, peak resident bytes) of Python with these arguments in the project's root.

    It may be told to stay on so many cores; 0 is all.
    """
    measured = [sys.executable, "-c", MEASURED, str(cores), sys.executable, *command]
    started = perf_counter()
    done = subprocess.run(measured, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True)
    took = perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-4000:]}")
    return json.loads(done.stdout), took, int(done.stderr.split()[-1])


class Steps:
    """What a measured program tells of itself: rows and seconds of each of its steps."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._since = perf_counter()

    def done(self, step: str, rows: int, parts: Mapping[str, float] = MappingProxyType({})) -> None:
        """The step is over, and so many rows are left; it may know what its parts took."""
        now = perf_counter()
        self._rows[step], self._seconds[step], self._since = rows, now - self._since, now
        self._seconds |= parts

    def tell(self, examples: Mapping[str, int]) -> None:
        """Print all, with the number of examples of each kind."""
        print(json.dumps({"rows": self._rows, "seconds": self._seconds, "examples": dict(examples)}))
