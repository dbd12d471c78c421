"""What came of a snippet, and how it is told from the worker's answer: what a person would see, without the machine."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from typing import Any

from vibe_pipeline.sandbox.probe import Isolation

FILE = "snippet.py"

GUTTER, MEMBERS = re.compile(r"^  [|+] "), "  +-"
"""What stands before the lines of an error that is a group, and above each of the errors in it."""
BESIDE = re.compile(
    r"^(Exception in thread |Exception ignored in|Task exception was never retrieved)"
    r"|^Traceback \(most recent call last\):$"
    r"|RuntimeWarning: coroutine .* was never awaited$",
    re.MULTILINE,
)
ERROR = re.compile(r"(?:[ |]*\| )?([A-Za-z_][\w.]*)(?::|$)")


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a snippet: its standard output, or the traceback without frames outside it.

    Two runs are equal when they said the same: what they cost, and where they ran, differs each time.
    """

    worked: bool
    output: str
    error_type: str | None = None
    """The exception's name; Timeout, MemoryError, Output (too much of it) or Killed where a limit or a signal ended
    the snippet; Exit where it ended itself without an error; Elsewhere where the error shows no line of its own."""
    causes: tuple[str, ...] = ()
    """Names of the errors behind that one: those that it followed, and those of a group."""
    missed: bool = field(default=False, compare=False)
    """It asked for something outside that was not there or not granted, whatever it made of that."""
    unheard: bool = field(default=False, compare=False)
    """It ended well, and told of an error beside: in a thread or a process, or that something was never awaited."""
    seconds: float = field(default=0.0, compare=False)
    """CPU seconds of the snippet and its children; starting and ending Python is taken off, give or take 5 ms."""
    memory_bytes: int = field(default=0, compare=False)
    """Peak resident memory of the largest process, Python's own 10 MB included."""
    isolation: Isolation | None = field(default=None, compare=False)
    """What held while it ran."""


def run_of(answer: dict[str, Any], isolation: Isolation, idle_seconds: float) -> Run:
    """The run that a worker's answer tells of; `idle_seconds` is what a snippet costs that does nothing."""
    measured = {
        "seconds": max(0.0, answer["seconds"] - idle_seconds),
        "memory_bytes": answer["memory_bytes"],
        "missed": answer["missed"],
        "isolation": isolation,
    }
    return replace(_said(answer), **measured)


def _said(answer: dict[str, Any]) -> Run:
    if answer["reason"]:
        return Run(False, "", answer["reason"])
    if answer["status"] == 0:
        is_unheard = BESIDE.search(answer["stderr"].replace("\r\n", "\n")) is not None
        return Run(True, answer["stdout"].replace("\r\n", "\n").strip(), unheard=is_unheard)
    if answer["status"] < 0:
        return Run(False, "", "Killed")
    return failed(answer["stderr"])


def failed(traceback: str) -> Run:
    """A run that ended with this traceback, or with none."""
    lines = [GUTTER.sub("", line) for line in traceback.strip("\r\n").splitlines()]
    last = _error_line(lines)
    if last is None:
        return Run(False, "", "Exit")
    told = [found[1].rpartition(".")[2] for line in (*lines[:last], *lines[last + 1 :]) if (found := ERROR.match(line))]
    error = _without_places(" ".join(lines[last].split()))
    message = [error, *itertools.takewhile(lambda line: not line.startswith(MEMBERS), lines[last + 1 :])]
    frame = _last_frame(lines[:last])
    if frame is None:  # an error without a line of the snippet teaches no fix
        return Run(False, error, "Elsewhere", tuple(told))
    heading = [] if error.startswith("SyntaxError") else ["Traceback (most recent call last):"]
    return Run(False, "\n".join([*heading, *frame, *message]), _type(error), tuple(told))


def _error_line(lines: list[str]) -> int | None:
    """Where `SomeError: words` stands: the first line below the last frame that is not indented. More words follow."""
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    below = range(frames[-1] + 1, len(lines)) if frames else ()
    return next((number for number in below if lines[number][:1].strip()), None)


def _last_frame(lines: list[str]) -> list[str] | None:
    """The last `File "snippet.py"` line and the code line below it, without carets."""
    starts = [number for number, line in enumerate(lines) if line.strip().startswith(f'File "{FILE}"')]
    if not starts:
        return None
    below = lines[starts[-1] + 1 : starts[-1] + 2]
    code = [f"    {line.strip()}" for line in below if not line.strip().startswith(("File ", "^", "~"))]
    return [f"  {lines[starts[-1]].strip()}", *code]


def _without_places(error: str) -> str:
    """`cannot import name 'x' from 'shutil' (/usr/lib/…/shutil.py)` names this machine: the bracket goes."""
    return re.sub(r" \((?:/|[A-Za-z]:\\|unknown location|built-in)[^)]*\)", "", error)


def _type(error: str) -> str:
    return error.partition(":")[0].rpartition(".")[2]
