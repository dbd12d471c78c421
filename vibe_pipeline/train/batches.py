"""A mix as batches of token ids.

The order of a mix is its curriculum, so batches are consecutive rows of one epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from vibe_pipeline.passes import packs


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids of some rows; the last `labels[i]` ids of row i are labels."""

    rows: list[list[int]]
    labels: list[int]

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return sum(map(len, self.rows))

    def packed(self, model: Any) -> Iterator[Batch]:
        """The same rows in order, a forward pass each; losses are summed over labels: packing changes no gradient."""
        for pack in packs(model, self.rows):
            yield Batch(self.rows[pack], self.labels[pack])


def batches(mix: pl.DataFrame, rows: list[list[int]], labels: list[int], size: int) -> list[Batch]:
    """Consecutive rows of each epoch in batches of `size`; an epoch's last batch may be smaller."""
    out = []
    start = 0
    for count in mix.group_by("epoch", maintain_order=True).len()["len"]:
        for at in range(start, start + count, size):
            end = min(at + size, start + count)
            out.append(Batch(rows[at:end], labels[at:end]))
        start += count
    return out
