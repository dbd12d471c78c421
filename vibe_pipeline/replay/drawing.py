"""Which rows of the past each epoch replays. A draw reads only the row groups that it hits."""

from __future__ import annotations

import numpy as np
import polars as pl

from vibe_pipeline.replay.request import Request
from vibe_pipeline.replay.rows import read, synthetic_rows
from vibe_pipeline.store import Store
from vibe_pipeline.withdrawn import Withdrawn


class Past:
    """The training rows of all ancestors, by number: synthetic ones last, and what was taken back has none."""

    def __init__(self, request: Request, withdrawn: Withdrawn) -> None:
        self._request = request
        self._stretches = [
            (examples, rows)
            for synthetic in (False, True)
            for examples in request.ancestors
            for rows in examples.train_ranges(request.kinds, synthetic)
        ]
        self._ends = np.cumsum([len(rows) for _, rows in self._stretches], dtype=np.int64)
        gone = [np.empty(0, np.int64)]
        for (examples, rows), end in zip(self._stretches, self._ends, strict=True):
            gone.append(withdrawn.among(examples.generation, rows) - rows.stop + end)
        self._gone = np.concatenate(gone)

    def hands(self, delta: pl.DataFrame, chance: np.random.Generator) -> list[np.ndarray]:
        """The numbers that each epoch replays."""
        request, rows = self._request, self._request.rows(self._request.ancestors)
        counts = request.replayed(delta.height - synthetic_rows(delta), synthetic_rows(delta))
        gone = int((self._gone < rows[0]).sum())
        others, made = rows[0] - gone, rows[1] - (len(self._gone) - gone)
        dealt = [
            _deal(pool, min(count, pool), request.epochs, chance)
            for pool, count in zip((others, made), counts, strict=True)
        ]
        return [np.append(rows, others + synthetic) for rows, synthetic in zip(*dealt, strict=True)]

    def read(self, store: Store, numbers: np.ndarray) -> pl.DataFrame:
        """Their rows."""
        before = self._gone - np.arange(len(self._gone))  # rows that have a number, before each that has none
        places = np.sort(numbers)
        places = places + np.searchsorted(before, places, side="right")
        owner = np.searchsorted(self._ends, places, side="right")
        wanted = []
        for index in np.unique(owner):
            examples, rows = self._stretches[index]
            wanted.append((examples, rows.stop + places[owner == index] - self._ends[index]))
        return read(store, wanted)


def _deal(pool: int, count: int, epochs: int, chance: np.random.Generator) -> list[np.ndarray]:
    """`count` of `pool` rows for each epoch, dealt like cards: none twice before all were seen, none twice in an epoch.

    Independent draws would leave 5 % of a pool of 256 unseen after six epochs of 100 (docs/log.md, "replay is dealt").
    """
    dealt: list[np.ndarray] = []
    deck = np.empty(0, dtype=np.int64)
    for _ in range(epochs):
        if deck.size < count:
            fresh = chance.choice(pool, size=min(pool, count * epochs), replace=False)
            in_hand = np.isin(fresh, deck)
            deck = np.concatenate([deck, fresh[~in_hand], fresh[in_hand]])
        dealt.append(deck[:count])
        deck = deck[count:]
    return dealt
