"""The continual-learning table of one ladder: what every rung knows of every suite, and what that says in all.

Rows are rungs, the base model first; columns are the suites that generations brought, their parts apart. The share of a
part with one right answer is that of items answered exactly, of the others that of items which are likelier to the rung
than to the base model; the mean NLL stands beside both. What nobody scored is blank, and never a zero. Summaries are of
the last rung that is not rolled back and of the parents it grew from, as means over suites:

- average accuracy: over the suites that a rung has learned (Lopez-Paz & Ranzato 2017, GEM);
- backward transfer: of what its parents learned, now against the rung that learned it (same source);
- forward transfer: of a suite before it was learned, the parent against the base model (same source);
- forgetting: the best that any of its parents did, less what it does now (Chaudhry et al. 2018). A best of several is
  flattered by noise: read it with its interval.

Where nothing was rejected these are R[T, j] − R[j, j], R[j−1, j] − R[base, j] and max R[i, j] − R[T, j] of the sources.
Only answers to the same items are compared. Not here: where scores lie (continual/), and intervals (resampling.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from vibe_pipeline.evaluate.resampling import Estimate, greatest, resample
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.judgement import Figure
from vibe_pipeline.records import generation_name

BASE = "base"
BASE_ROW = 0

AVERAGE = "average"
TRANSFERS = ("backward_transfer", "forward_transfer", "forgetting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A share and an NLL in nats a token, each with n and 95 % interval; None is blank."""

    part: str
    facts: int
    """Clusters of the items: those of one fact stand or fall together."""
    share: Figure | None
    nll: Figure | None
    """Of a transfer, the nats that were saved; of forgetting, the nats that were lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Measured):
    """What one rung knows of one part of one suite."""

    suite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Measured):
    """A mean over suites, each as heavy as the others."""

    suites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rung, or the base model; a suite that is not among its cells was not measured."""

    generation: str
    adapter: str
    """Its sha; of the base model, the base model's."""
    parent: str | None = None
    """The adapter it grew from; None: the base model."""
    verdict: str | None = None
    is_champion: bool = False
    is_rolled_back: bool = False
    delta: tuple[int, ...] = ()
    learned: tuple[int, ...] = ()
    """Generations that it learned: its delta, and what its parents learned."""
    kl_base: Figure | None = None
    average: tuple[Summary, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The table of one lineage. Its summaries are those of one row, one for each part of which there is one."""

    lineage: str
    rows: tuple[Row, ...] = ()
    average: tuple[Summary, ...] = ()
    backward_transfer: tuple[Summary, ...] = ()
    forward_transfer: tuple[Summary, ...] = ()
    forgetting: tuple[Summary, ...] = ()

    @property
    def told(self) -> Row:
        """The row that the summaries are of."""
        return self.rows[_told(self.rows)]

    @property
    def parts(self) -> tuple[str, ...]:
        """Those with one right answer first."""
        return tuple(sorted({cell.part for row in self.rows for cell in row.cells}, key=_rank))


def matrix(lineage: str, rows: Sequence[Row], answers: pl.DataFrame) -> Matrix:
    """The table of some rungs, in the order of their generations and the base model first.

    `answers` has a line for each answer to an item: row (its number), part and generation of the suite, item_id,
    cluster, exact, nll; in any order.
    """
    sums = _Sums(rows, _line(rows))
    columns = answers.sort("part", "generation", "cluster", "item_id", "row").partition_by(
        "part", "generation", maintain_order=True, as_dict=True
    )
    for (part, generation), of_suite in columns.items():
        sums.add(str(part), int(generation), of_suite)
    return sums.matrix(lineage)


Pair = tuple[Estimate | None, Estimate | None]
"""Of the share, and of the gain in NLL: what is saved of it, so that more is better of both."""


@dataclass(slots=True)
class _Sums:
    """Grows by a column at a time, so that the draws of one are gone before the next."""

    rows: Sequence[Row]
    line: Sequence[int]
    cells: dict[int, list[Cell]] = field(default_factory=dict)
    totals: dict[tuple[str, int, str], Pair] = field(default_factory=dict)
    """Of (summary, row, part), added up over suites."""

    def add(self, part: str, generation: int, answers: pl.DataFrame) -> None:
        """All cells of a column, and what it adds to the summaries."""
        name, rows = generation_name(generation), len(self.rows)
        compared = [*_compared(self.rows, self.line, generation)]
        shares, gains, starts = _arrays(answers, part, rows)
        measured = [resample(_with_differences(it, compared), starts, name) for it in (shares, gains)]
        pairs: list[Pair] = [*zip(*measured, strict=True)]
        for number, pair in enumerate(pairs[:rows]):
            if any(pair):
                self.cells.setdefault(number, []).append(Cell(suite=name, **_level(part, pair)))
                if generation in self.rows[number].learned:
                    self._count(AVERAGE, number, part, pair)
        for kind in dict.fromkeys(kind for kind, _, _ in compared):
            of = [pair for pair, (it, _, _) in zip(pairs[rows:], compared, strict=True) if it == kind]
            shares_of, gains_of = zip(*of, strict=True)
            self._count(kind, self.line[0], part, (_greatest(shares_of), _greatest(gains_of)))

    def _count(self, kind: str, row: int, part: str, pair: Pair) -> None:
        before = self.totals.get((kind, row, part), (None, None))
        share, gain = (a + b if a and b else a or b for a, b in zip(before, pair, strict=True))
        self.totals[kind, row, part] = share, gain

    def matrix(self, lineage: str) -> Matrix:
        """The records, when all columns are in."""
        rows = tuple(
            replace(row, cells=tuple(self.cells.get(number, ())), average=self._summaries(AVERAGE, number))
            for number, row in enumerate(self.rows)
        )
        told = self.line[0]
        transfers = {kind: self._summaries(kind, told) for kind in TRANSFERS}
        return Matrix(lineage=lineage, rows=rows, average=rows[told].average if rows else (), **transfers)

    def _summaries(self, kind: str, row: int) -> tuple[Summary, ...]:
        parts = sorted({part for _, _, part in self.totals}, key=_rank)
        found = ((part, self.totals.get((kind, row, part), (None, None))) for part in parts)
        return tuple(_summary(kind, part, pair) for part, pair in found if any(pair))


def _compared(rows: Sequence[Row], line: Sequence[int], generation: int) -> Iterator[tuple[str, int, int]]:
    """Which rows are compared on the suite of a generation: (summary, row, the row that is taken away from it)."""
    last, *parents = line
    learner = next((row for row in (last, *parents) if generation in rows[row].delta), None)
    if learner is None:
        return
    if learner != last:
        yield "backward_transfer", last, learner
        yield from (("forgetting", earlier, last) for earlier in parents)
    before = [row for row in parents if row < learner]
    if before:
        yield "forward_transfer", before[0], BASE_ROW


def _with_differences(values: np.ndarray, compared: Sequence[tuple[str, int, int]]) -> np.ndarray:
    """Items × rows, and beside them items × comparisons."""
    return np.column_stack([values, *(values[:, more] - values[:, less] for _, more, less in compared)])


def _told(rows: Sequence[Row]) -> int:
    """The last row that is not rolled back: what the ladder stands on."""
    return max((place for place, row in enumerate(rows) if not row.is_rolled_back), default=len(rows) - 1)


def _line(rows: Sequence[Row]) -> list[int]:
    """The row that is told of and those that it grew from, its own parent first; the base model is none of them."""
    out = [_told(rows)]
    for place in reversed(range(BASE_ROW + 1, len(rows))):
        if place < out[-1] and rows[place].adapter == rows[out[-1]].parent:
            out.append(place)
    return out


def _arrays(answers: pl.DataFrame, part: str, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares and gains (minus NLL) as items × rows, NaN where nobody scored; and where each cluster begins."""
    items = answers.select("cluster", "item_id").unique(maintain_order=True).with_row_index("place")
    place = answers.join(items, on=["cluster", "item_id"], how="left", maintain_order="left")["place"].to_numpy()
    row = answers["row"].to_numpy()
    shares, gains = np.full((2, items.height, rows), np.nan)
    gains[place, row] = -answers["nll"].cast(pl.Float64).to_numpy()
    if part in EXACT_PARTS:
        shares[place, row] = answers["exact"].cast(pl.Float64).to_numpy()
    else:
        over = gains[:, 1:] - gains[:, [BASE_ROW]]
        shares[:, 1:] = np.where(np.isnan(over), np.nan, over > 0)
    clusters = items["cluster"].to_numpy()
    return shares, gains, np.flatnonzero(np.append(True, clusters[1:] != clusters[:-1]))


def _greatest(estimates: Sequence[Estimate | None]) -> Estimate | None:
    found = [it for it in estimates if it]
    return greatest(found) if found else None


def _level(part: str, pair: Pair) -> dict[str, Any]:
    """What a rung knows: a share from 0 to 1, and the NLL itself."""
    share, gain = pair
    nll = gain.unbounded() if gain else None
    return {
        "part": part,
        "facts": max(it.facts for it in pair if it),
        "share": share.between(0, 1) if share else None,
        "nll": Figure(value=-nll.value, n=nll.n, low=max(0.0, -nll.high), high=-nll.low) if nll else None,
    }


def _summary(kind: str, part: str, pair: Pair) -> Summary:
    """The mean over suites; of a transfer a difference of shares, and what was saved in NLL."""
    suites = max((it.suites for it in pair if it), key=len)
    share, gain = (it.mean() if it else None for it in pair)
    if kind == AVERAGE:
        return Summary(suites=suites, **_level(part, (share, gain)))
    return Summary(
        suites=suites,
        part=part,
        facts=max(it.facts for it in (share, gain) if it),
        share=share.between(-1, 1) if share else None,
        nll=gain.unbounded() if gain else None,
    )


def _rank(part: str) -> tuple[bool, str]:
    return part not in EXACT_PARTS, part
