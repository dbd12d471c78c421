"""What is learned no longer: rows of earlier generations that were disliked since, or in whose place something came.

What was taken back stays taken back; who says it once more says it as something new. Not here: what takes a row's place
(judging.py), and how it is written down (withdrawn.py of the engine).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import Entries, found, pairs


class Withdrawing:
    """Which rows of earlier generations stand, and which of them a generation takes back."""

    def __init__(self, runs: Sequence[Entries], taken_back: np.ndarray) -> None:
        """`taken_back` are keys of what was left out for a reason that came to be known late."""
        self._runs = runs
        self.places = np.empty(0, np.uint64)
        """Sorted: of the rows that the generation takes back."""
        for run in runs:
            self.withdraw(run, pairs(run, taken_back, len(run.keys))[1])

    def withdraw(self, run: Entries, refs: np.ndarray) -> None:
        """Take back those rows of a run that are learned from and stand."""
        rows = np.unique(refs.astype(np.int64))
        rows = rows[rows & 1 == 0]
        self.places = np.union1d(self.places, run.places[rows[self.stand(run, rows)] >> 1])

    def stand(self, run: Entries, refs: np.ndarray) -> np.ndarray:
        """bool: whether the row of each ref of a run was not taken back, before or by this generation."""
        places = run.places[refs.astype(np.int64) >> 1]
        told, is_gone = keys.withdrawn_keys(places), np.isin(places, self.places)
        for it in self._runs:
            is_gone |= found(it, told)
        return ~is_gone
