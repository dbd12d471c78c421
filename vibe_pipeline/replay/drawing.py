"""Which rows of the past each epoch replays. A draw reads only the row groups that it hits."""

from __future__ import annotations

import numpy as np
import polars as pl

from vibe_pipeline.replay.request import Request
from vibe_pipeline.replay.rows import read, synthetic_rows
from vibe_pipeline.store import Store


def hands(request: Request, delta: pl.DataFrame, chance: np.random.Generator) -> list[np.ndarray]:
    """The rows of all ancestors that each epoch replays, as `picked_rows` counts them."""
    others, made = request.rows(request.ancestors)
    counts = request.replayed(delta.height - synthetic_rows(delta), synthetic_rows(delta))
    dealt = [_deal(pool, count, request.epochs, chance) for pool, count in zip((others, made), counts, strict=True)]
    return [np.append(rows, others + synthetic) for rows, synthetic in zip(*dealt, strict=True)]


def picked_rows(store: Store, request: Request, picked: np.ndarray) -> pl.DataFrame:
    """Those rows, counted over the training rows of all ancestors, synthetic ones last."""
    picked = np.sort(picked)
    stretches = [
        (examples, rows)
        for synthetic in (False, True)
        for examples in request.ancestors
        for rows in examples.train_ranges(request.kinds, synthetic)
    ]
    ends = np.cumsum([len(rows) for _, rows in stretches], dtype=np.int64)
    owner = np.searchsorted(ends, picked, side="right")
    wanted = []
    for index in np.unique(owner):
        examples, rows = stretches[index]
        wanted.append((examples, rows.start + picked[owner == index] - (ends[index] - len(rows))))
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
