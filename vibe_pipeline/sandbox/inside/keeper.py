"""The keeper of one snippet: takes down what it prints, ends it at its limits, and leaves nothing of it alive.

In a process namespace it is the init: whatever loses its parent comes to it. Elsewhere it is a subreaper.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

TICK = 0.05
"""Seconds between two looks at the memory of all processes together."""


def waking() -> int:
    """Readable when a child has ended; call it before the fork."""
    wakes, wakened = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(wakened, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
    return wakes


def keep(snippet: int, outputs: list[int], wakes: int, request: dict[str, Any]) -> dict[str, Any]:
    """What came of the process `snippet`, told when all that it started has ended; `outputs` are what it prints to, and
    last what it asks for in vain."""
    *outputs, misses = outputs
    printed = dict.fromkeys(outputs, b"")
    status, reason = _watch(snippet, printed, wakes, request)
    end_all(snippet)
    for output in outputs:
        printed[output] += _rest(output, request["output_bytes"] + 1 - len(printed[output]))
    if any(len(text) > request["output_bytes"] for text in printed.values()):
        reason = "Output"
    missed = _rest(misses, 1) != b""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    stdout, stderr = (text.decode("utf-8", "replace") for text in printed.values())
    return {
        "status": status,
        "reason": reason,
        "stdout": stdout,
        "stderr": stderr,
        "seconds": used.ru_utime + used.ru_stime,
        "memory_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "missed": missed,
    }


def _watch(
    snippet: int, printed: dict[int, bytes], wakes: int, request: dict[str, Any]
) -> tuple[int | None, str | None]:
    """Its exit status, or the limit that it met."""
    open_outputs = set(printed)
    deadline = time.monotonic() + request["seconds"]
    look = time.monotonic() + TICK
    while True:
        left = deadline - time.monotonic()
        ready, _, _ = select.select([*open_outputs, wakes], [], [], max(0.0, min(TICK, left)))
        for output in open_outputs.intersection(ready):
            more = os.read(output, 1 << 16)
            printed[output] += more
            if not more:
                open_outputs.remove(output)
            elif len(printed[output]) > request["output_bytes"]:
                return None, "Output"
        if wakes in ready:
            os.read(wakes, 1 << 16)
            status = _reaped(snippet)
            if status is not None:
                return status, None
        if left <= 0:
            return None, "Timeout"
        if time.monotonic() >= look:
            if _resident_bytes() > request["memory_bytes"]:
                return None, "MemoryError"
            look = time.monotonic() + TICK


def _rest(output: int, most: int) -> bytes:
    """What was printed and not read yet; nobody is left to print more, but for what macOS let escape."""
    os.set_blocking(output, False)
    rest = b""
    try:
        while len(rest) < most and (more := os.read(output, 1 << 16)):
            rest += more
    except BlockingIOError:
        return rest
    return rest


def _reaped(snippet: int) -> int | None:
    """The exit status of the snippet (negative: a signal), if it is among those that ended."""
    status = None
    try:
        while True:
            process, ended = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return status
            if process == snippet:
                status = os.waitstatus_to_exitcode(ended)
    except ChildProcessError:
        return status


def _resident_bytes() -> int:
    """Of all processes but the keeper, where only a snippet's are in sight."""
    pages = 0
    for process in _processes() if os.getpid() == 1 else []:
        try:
            with open(f"/proc/{process}/statm") as file:
                pages += int(file.read().split()[1]) if process != 1 else 0
        except OSError:
            continue
    return pages * resource.getpagesize()


def end_all(snippet: int) -> None:
    """Kill and reap the snippet, its children, and those that they left behind."""
    if os.getpid() == 1:  # an init: -1 is all in its namespace, and nothing outside
        _kill(os.kill, -1)
    else:
        _kill(os.killpg, snippet)
    while True:
        for child in _children():
            _kill(os.kill, child)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill(kill: Callable[[int, int], None], process: int) -> None:
    try:
        kill(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _children() -> list[int]:
    """Our own, to whom belong those whose parents ended."""
    found = []
    for process in _processes():
        try:
            with open(f"/proc/{process}/stat") as file:
                parent = file.read().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == os.getpid():
            found.append(process)
    return found


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # macOS: a process that left the group of the snippet is not found
