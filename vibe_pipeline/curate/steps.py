"""The steps of curation: how long each took, and how far they are, for whoever watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from vibe_pipeline.progress import Advance


class Steps:
    """Each step is entered once for each part of a window, or once for all; `total` counts entries."""

    def __init__(self, advance: Advance) -> None:
        self.seconds: dict[str, float] = {}
        self.total = 0
        self._advance = advance
        self._done = 0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._advance(self._done, self.total, name)
        started = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - started
        self._done += 1
