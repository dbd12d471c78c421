"""Sets of 64-bit hashes: 8 bytes for what may be a long text, looked up a batch at a time.

Two of ten million share a hash with a probability of 3e-6. Not here: what is hashed.
"""

from __future__ import annotations

import duckdb
import numpy as np

RECENT = 1 << 17
"""Hashes that are kept apart before they are merged with all that are known."""


class Hashes:
    """A set that grows batch by batch."""

    def __init__(self, hashes: np.ndarray) -> None:
        """Takes the array (uint64) over."""
        self._old = hashes
        self._old.sort()
        self._recent = self._old[:0]

    def new(self, hashes: np.ndarray) -> np.ndarray:
        """Which of these are not in the set; of one that comes twice, the first."""
        new = np.zeros(len(hashes), dtype=bool)
        new[np.unique(hashes, return_index=True)[1]] = True
        return new & ~held(self._old, hashes) & ~held(self._recent, hashes)

    def add(self, hashes: np.ndarray) -> None:
        """Put these into the set."""
        self._recent = np.union1d(self._recent, hashes)
        if len(self._recent) > RECENT:  # copying all of them for each batch would cost more than the batch
            self._old, self._recent = np.union1d(self._old, self._recent), self._recent[:0]


def held(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which of the values are among these, which are sorted."""
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    places = np.searchsorted(ordered, values)
    return ordered[np.minimum(places, len(ordered) - 1)] == values


def hashes_of(found: duckdb.DuckDBPyRelation) -> np.ndarray:
    """The first column, batch by batch: ten million ids at once would be held several times over."""
    batches = [batch.column(0).to_numpy() for batch in found.to_arrow_reader()]
    return np.concatenate([np.empty(0, np.uint64), *batches])
