"""Rows in stretches that fit into memory, which several threads look through: numpy lets others work meanwhile.

Not here: what is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np

from vibe_pipeline.curate.dedup.keys import Features

ROWS_AT_ONCE = 1 << 16
GRAMS_AT_ONCE = 1 << 20
"""Where rows are long there are fewer of them at once."""
THREADS = 2

Found = TypeVar("Found")


class Stretches:
    """Of n rows, given their features; `rest` gives back the memory of what was looked at."""

    def __init__(self, these: Features, rest: Callable[[], None]) -> None:
        self._these, self.rest = these, rest

    def of(self, among: np.ndarray) -> Iterator[tuple[Features, slice]]:
        """Those that hold any of these rows, by a mask."""
        ends, first = self._these.sketches.ends, 0
        while first < len(among):
            before = ends[first - 1] if first else 0
            few = int(np.searchsorted(ends, before + GRAMS_AT_ONCE, side="right"))
            part = slice(first, min(first + ROWS_AT_ONCE, max(first + 1, few), len(among)))
            if among[part].any():
                yield self._these.of(part), part
            first = part.stop

    def looked(self, look: Callable[[Features, slice], Found], among: np.ndarray) -> Iterator[Found]:
        """What is found in each of them."""
        parts = self.of(among)
        with ThreadPoolExecutor(THREADS) as pool:
            while taken := list(islice(parts, THREADS)):  # not all at once: what waits is in memory
                yield from pool.map(look, *zip(*taken, strict=True))
                self.rest()
