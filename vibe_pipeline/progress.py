"""Watching long work: a stage calls `advance`, and whoever started it chooses who looks.

A watch is a function from a title to a context that gives `advance`. Two watch here: nobody and a terminal
(rich bar with ETA on stderr, gone when done); the orchestration has one that writes to the run's log.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


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


@contextmanager
def terminal(title: str) -> Iterator[Advance]:
    """A bar with elapsed time and ETA; a spinner until the total is known."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=None, words="")

        def advance(done: int, total: int, words: str = "") -> None:
            progress.update(task, completed=done, total=total or None, words=words)

        yield advance
