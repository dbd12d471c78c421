"""Many runs beside each other, as many as are wanted and hardly more: what all that is made by running has in common.

The order of what comes out is that of the tasks, whichever run ended first: the same seed gives the same rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from vibe_pipeline.progress import Advance

WORKERS = 2
"""Threads that wait for processes; more of them on a small machine only time each other out."""

T = TypeVar("T")
R = TypeVar("R")


def successes(
    wanted: int,
    attempt: Callable[[T], R | None],
    tasks: Iterable[T],
    advance: Advance,
    key: Callable[[R], Hashable] = lambda _: object(),
) -> Iterator[R]:
    """The first `wanted` results that are not None, of those with one key the first; tasks are taken as needed.

    Without a key each is its own: an object that is kept, since the id of one that is gone comes again.
    """
    waiting = iter(tasks)
    seen: set[Hashable] = set()
    with ThreadPoolExecutor(WORKERS) as pool:
        while len(seen) < wanted and (batch := list(itertools.islice(waiting, 2 * WORKERS))):
            for result in pool.map(partial(_attempted, attempt), batch):
                if result is not None and len(seen) < wanted and (told := key(result)) not in seen:
                    seen.add(told)
                    advance(len(seen), wanted)
                    yield result


def _attempted(attempt: Callable[[T], R | None], task: T) -> R | None:
    """Code that is nested deeper than Python can walk gives nothing, and costs nobody else's."""
    try:
        return attempt(task)
    except RecursionError:
        return None
