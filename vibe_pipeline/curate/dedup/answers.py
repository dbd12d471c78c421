"""Rows that answer what an earlier generation answered: which say the same, which lose, and which take its place.

Not here: what becomes of them (judging.py), and of two answers in one generation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import Entries, pairs
from vibe_pipeline.curate.dedup.keys import Features
from vibe_pipeline.curate.dedup.withdrawing import Withdrawing


@dataclass(frozen=True, slots=True)
class Met:
    """Pairs of a row and a ref of a run that stands, of one prompt; each field has one of either for each."""

    rows: np.ndarray
    refs: np.ndarray
    is_same: np.ndarray
    """bool: the same answer, of two that are learned from."""
    is_taught: np.ndarray
    """bool: the row is an item, and the ref says the same but for signs."""
    loses: np.ndarray
    """bool: the ref has a better answer."""
    wins: np.ndarray
    """bool: the row comes in the place of the ref."""


class Answers:
    """Of n rows those that ask, by a mask: of each prompt and side one, so that few pairs are found. Where a prompt may
    have several answers, only what is told of a fact by its name asks; else also for what says the same without the
    name, of which each contradicts the other like any two replies."""

    def __init__(
        self, these: Features, asking: np.ndarray, vouched: np.ndarray, is_edited: np.ndarray, has_one_answer: bool
    ) -> None:
        self._these, self._vouched, self._is_edited = these, vouched, is_edited
        is_told = these.fact != 0
        asking = asking & (has_one_answer | is_told)
        self._asked = [(np.where(asking, keys.answered(these), np.uint64(0)), is_told)]
        if has_one_answer:
            other = np.where(is_told, keys.nameless(these), keys.named(these))
            self._asked.append((np.where(asking, other, np.uint64(0)), np.zeros_like(is_told)))

    def met(self, run: Entries, withdrawing: Withdrawing) -> Iterator[Met]:
        """Which rows answer what those of a run answer that stand."""
        return (self._judged(run, withdrawing, asked, is_news) for asked, is_news in self._asked)

    def _judged(self, run: Entries, withdrawing: Withdrawing, asked: np.ndarray, is_news: np.ndarray) -> Met:
        rows, refs, _ = pairs(run, asked, len(run.keys))
        was_held = (refs & np.uint64(1)).astype(bool)
        met = withdrawing.stand(run, refs) & ~(was_held & self._these.is_held[rows])  # a suite stays as it is
        rows, refs, was_held = rows[met], refs[met], was_held[met]
        vouched, before = self._vouched[rows], run.vouched[refs >> np.uint64(1)]
        is_same = self._say_the_same(run, rows, refs, vouched > before)
        is_crossed = was_held | self._these.is_held[rows]
        loses = (vouched < before) & (is_crossed | ~is_news[rows])
        wins = np.where(is_crossed, vouched > before, ~loses) & ~is_same
        is_told = is_same | (self._these.sketches.tells[rows] == run.tells[refs >> np.uint64(1)])
        return Met(
            rows,
            refs,
            is_same=is_same & ~is_crossed,
            is_taught=is_told & self._these.is_held[rows] & ~wins,
            loses=loses & ~is_same & ~self._these.is_held[rows],
            wins=wins & ~was_held,
        )

    def _say_the_same(self, run: Entries, rows: np.ndarray, refs: np.ndarray, is_better: np.ndarray) -> np.ndarray:
        """bool: signs included where one counts: in few words, in a correction, in what is better vouched for, and in
        what is told of a fact. In a long reply that nobody looked at, they are typed in many ways."""
        sketches, places = self._these.sketches, refs >> np.uint64(1)
        is_typed = sketches.is_long[rows] & ~self._is_edited[rows] & ~is_better & (self._these.fact[rows] == 0)
        is_typed &= sketches.tells[rows] == run.tells[places]
        return is_typed | (sketches.says[rows] == run.says[places])
