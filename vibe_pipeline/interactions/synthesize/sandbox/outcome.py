"""What came of a snippet, and how it is told from the worker's answer: what a person would see, without the machine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from vibe_pipeline.interactions.synthesize.sandbox.probe import Isolation

FILE = "snippet.py"


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
    seconds: float = field(default=0.0, compare=False)
    """CPU seconds of the snippet and its children; starting and ending Python is taken off, give or take 5 ms."""
    memory_bytes: int = field(default=0, compare=False)
    """Peak resident memory of the largest process, Python's own 10 MB included."""
    isolation: Isolation | None = field(default=None, compare=False)
    """What held while it ran."""


def run_of(answer: dict[str, Any], isolation: Isolation, idle_seconds: float) -> Run:
    """The run that a worker's answer tells of; `idle_seconds` is what a snippet costs that does nothing."""
    worked, output, error_type = _said(answer)
    seconds = max(0.0, answer["seconds"] - idle_seconds)
    return Run(worked, output, error_type, seconds, answer["memory_bytes"], isolation)


def _said(answer: dict[str, Any]) -> tuple[bool, str, str | None]:
    if answer["reason"]:
        return False, "", answer["reason"]
    if answer["status"] == 0:
        return True, answer["stdout"].replace("\r\n", "\n").strip(), None
    if answer["status"] < 0:
        return False, "", "Killed"
    return _failed(answer["stderr"])


def _failed(stderr: str) -> tuple[bool, str, str | None]:
    lines = stderr.strip().splitlines()
    last = _last_error(lines)
    if last is None:
        return False, "", "Exit"
    frame = _last_frame(lines[:last])
    error = _without_places(" ".join(lines[last].split()))
    if frame is None or any(line.strip() for line in lines[last + 1 :]):
        return False, error, "Elsewhere"  # an error without a line of the snippet teaches no fix
    heading = [] if error.startswith("SyntaxError") else ["Traceback (most recent call last):"]
    return False, "\n".join([*heading, *frame, error]), _type(error)


def _last_error(lines: list[str]) -> int | None:
    """Where `SomeError: words` stands, the last line that is not indented."""
    found = [number for number, line in enumerate(lines) if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
    return found[-1] if found else None


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
