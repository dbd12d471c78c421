"""A mix as batches of token ids, and a batch as micro-batches of similar length.

The order of a mix is its curriculum, so batches are consecutive rows of one epoch. Inside a batch the
gradient does not depend on the order, so rows are grouped by length there: padding is paid in full by the
linear layers. Loss is summed and divided by the batch's label count, so grouping changes no gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

PADDED_TOKENS = 1024
"""Padded tokens of a micro-batch: enough to fill the matrix units, at some 2 MB a token that a 135M model keeps."""

LENGTH_RATIO = 2.0
"""A micro-batch ends where the next row is this much longer than its shortest."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids of some rows; the last `labels[i]` ids of row i are labels."""

    rows: list[list[int]]
    labels: list[int]

    @property
    def tokens(self) -> int:
        """Real tokens, padding not counted."""
        return sum(map(len, self.rows))

    def micro_batches(self) -> Iterator[Batch]:
        """The same rows grouped by length, each group within the padded-token budget."""
        order = sorted(range(len(self.rows)), key=lambda i: (len(self.rows[i]), i))
        group: list[int] = []
        for i in order:
            width = len(self.rows[i])
            too_long = group and width > LENGTH_RATIO * len(self.rows[group[0]])
            if too_long or (len(group) + 1) * width > PADDED_TOKENS:
                if group:
                    yield self._pick(group)
                group = []
            group.append(i)
        if group:
            yield self._pick(group)

    def _pick(self, indices: list[int]) -> Batch:
        return Batch([self.rows[i] for i in indices], [self.labels[i] for i in indices])


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
