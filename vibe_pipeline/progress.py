"""Watching long work: a stage calls `advance`, and whoever started it chooses who looks.

A watch is a function from a title to a context that gives `advance`: nobody, a terminal (rich bar with ETA on
stderr, gone when done), or plain lines every ten seconds for whatever keeps a log.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Protocol

LINE_EVERY_S = 10.0


class Advance(Protocol):
    """How much is done of how much (0 of 0: nobody knows), and a few words."""

    def __call__(self, done: int, total: int, words: str = "") -> None: ...


class Watch(Protocol):
    """Opens a progress display under a title."""

    def __call__(self, title: str) -> AbstractContextManager[Advance]: ...


@contextmanager
def nobody(title: str) -> Iterator[Advance]:
    """Says nothing."""

    def advance(done: int, total: int, words: str = "") -> None:
        pass

    yield advance


def lines(write: Callable[[str], object]) -> Watch:
    """A watch that writes a line with the ETA at most every ten seconds, and one when the work is done."""

    @contextmanager
    def watch(title: str) -> Iterator[Advance]:
        started = last = time.monotonic()

        def advance(done: int, total: int, words: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= LINE_EVERY_S and done:
                last = now
                eta = timedelta(seconds=round((now - started) / done * (total - done)))
                far = f"{done} of {total}, ETA {eta}" if total else f"{done}"
                write(f"{title}: {far}{', ' + words if words else ''}")

        yield advance
        if time.monotonic() - started >= LINE_EVERY_S:
            write(f"{title}: done in {timedelta(seconds=round(time.monotonic() - started))}")

    return watch


def terminal(title: str) -> AbstractContextManager[Advance]:
    """A bar where there is a terminal to draw it on, else lines; both on stderr."""
    if sys.stderr.isatty():
        return _bar(title)
    return lines(lambda text: print(text, file=sys.stderr, flush=True))(title)


@contextmanager
def _bar(title: str) -> Iterator[Advance]:
    """Narrow enough for 80 columns; a spinner until the total is known."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task(title, total=None, words="")

        def advance(done: int, total: int, words: str = "") -> None:
            progress.update(task, completed=done, total=total or None, words=words)

        yield advance
