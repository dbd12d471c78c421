"""What is on both sides of the split when all is decided, looked for once more among what stays.

Not here: who leaves so that there is nothing (judging.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import ALONE, Entries, many, pairs
from vibe_pipeline.curate.dedup.keys import PATTERN, TEST, TRAIN, VALIDATION, Features
from vibe_pipeline.curate.dedup.leaks import LEAKED_BANDS, alike, asks_alike
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.stretches import Stretches


@dataclass(frozen=True, slots=True)
class Sides:
    """The sides of those of n rows that stay, by a mask, and of earlier generations."""

    these: Features
    stays: np.ndarray
    earlier: Sequence[Entries]
    ungrouped: Sequence[Entries]
    """Sides of groups before they were held out as such."""
    stretches: Stretches

    def shared(self, units: np.ndarray, among: np.ndarray | bool = True) -> int:
        """Units, one a row, of which rows are learned from and others judged on, here or there."""
        return self._here(units, among) + self._moved(units, among)

    def conversations(self, conversations: np.ndarray, among: np.ndarray) -> int:
        """The same of conversations, by which earlier generations know what is on a side as a whole but for documents:
        those they know by section."""
        return self._here(conversations, among) + self._moved(self.these.unit)

    def groups(self) -> tuple[int, int]:
        """The same of groups, and how many of those that are here were on both sides before they were held out as such:
        of these it is new only that one is judged on."""
        if not self.ungrouped:
            return self.shared(self.these.held_with), 0
        stay = self.stays & (self.these.split != TEST)
        units, row = np.unique(self.these.held_with, return_inverse=True)
        learned, judged_on = (it[row] & stay for it in sides_before(self.ungrouped, units))
        was_both, is_held = learned & judged_on, self.these.is_held
        is_moved = np.where(is_held, learned, judged_on & ~learned)
        moved, both = (len(np.unique(self.these.held_with[rows])) for rows in (is_moved, was_both))
        return moved + self.shared(self.these.held_with, ~was_both & ~is_moved), both

    def near(self, runs: Sequence[Entries], crowded: np.ndarray) -> int:
        """Rows and items that are near one of the other side in a run, with a question like its own."""
        stay = self.stays & (self.these.split != TEST)

        def near(these: Features, part: slice) -> int:
            found_near = np.zeros(len(these.kind), dtype=bool)
            for run, pair in alike(runs, these, ~these.is_held, crowded[part], LEAKED_BANDS):
                found_near[pair.queries[asks_alike(run, these, pair)]] = True
            return int((found_near & stay[part]).sum())

        return sum(self.stretches.looked(near, stay))

    def equal_answers(self) -> int:
        """Rows that are learned from and whose long answer is, word for word, that of an item of this generation,
        whatever was asked. Found by the words themselves, so that what the index does not see is seen here; there it
        is only asked whether the answer was boilerplate before."""
        says = np.where(self.stays & (self.these.kind != PATTERN), self.these.sketches.says, np.uint64(0))
        says = np.where(self.these.sketches.is_long, says, np.uint64(0))
        learned, items = (says * (self.these.split == it) for it in (TRAIN, VALIDATION))
        said = np.intersect1d(learned, items)
        rows = np.flatnonzero(np.isin(items, said[said != 0]))
        once = rows[np.unique(joined(says[rows], self.these.unit[rows]), return_index=True)[1]]
        answers, units = np.unique(says[once], return_counts=True)

        def equal(these: Features, part: slice) -> int:
            mine = learned[part]
            rows = np.flatnonzero(np.isin(mine, answers))
            before = many(self.earlier, keys.like(these, np.ones(len(mine), dtype=bool), 0)[rows])
            return int((units[np.searchsorted(answers, mine[rows])] + before <= ALONE).sum())

        return sum(self.stretches.looked(equal, np.isin(learned, answers)))

    def _here(self, units: np.ndarray, among: np.ndarray | bool) -> int:
        """A probe is of no side."""
        kept = self.stays & among
        learned, judged_on = (np.unique(units[kept & (self.these.split == it)]) for it in (TRAIN, VALIDATION))
        return len(np.intersect1d(learned, judged_on, assume_unique=True))

    def _moved(self, units: np.ndarray, among: np.ndarray | bool = True) -> int:
        """Those that are on the other side in a run."""
        stay = self.stays & among & (self.these.split != TEST)
        units, first = np.unique(units[stay], return_index=True)
        is_held, moved = self.these.is_held[stay][first], np.zeros(len(units), dtype=bool)
        for run in self.earlier:
            places, refs, _ = pairs(run, keys.side_keys(units), 1)
            moved[places[is_held[places] != (refs & np.uint64(1))]] = True
        return int(moved.sum())


def sides_before(runs: Sequence[Entries], groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool (n), twice: of which of these was learned, and by which judged, before they were held out as such."""
    learned, judged_on = np.zeros((2, len(groups)), dtype=bool)
    for run in runs:
        places, refs, _ = pairs(run, groups, len(run.keys))
        learned[places[refs == 0]] = True
        judged_on[places[refs == 1]] = True
    return learned, judged_on
