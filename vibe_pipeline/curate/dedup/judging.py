"""Which candidates leave, and why: what is learned twice, and what would leak from the suites into training.

Suites are born clean: an item that nearly equals what was trained on before leaves the suite; from then on a training
row that nearly equals a suite item leaves training. For facts the question alone counts. Of several that are the same
the best stays. Not here: by which keys two are the same (keys.py), and rules about one example alone (quality.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import LOW, Entries, found, made, matches, pairs
from vibe_pipeline.curate.dedup.keys import KINDS, TEST, TRAIN, VALIDATION, Features
from vibe_pipeline.curate.dedup.shingles import mixed
from vibe_pipeline.curate.dedup.sketch import BANDS, similar
from vibe_pipeline.curate.dedup.sketch import ROWS as BAND_ROWS
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import Curate

KEPT = ""
ANEW = "fact told anew in the generation"
CONTRADICTS = "contradicts a better answer to the same prompt"
TWICE = "duplicate within the generation"
NEARLY_TWICE = "near-duplicate within the generation"
AGAIN = "duplicate of an earlier generation"
NEARLY_AGAIN = "near-duplicate of an earlier generation"
TRAINED_ON = "suite item already trained on"
NEARLY_TRAINED_ON = "suite item nearly trained on"
ASKED = "training row asks what a probe asks"
EQUAL = "training row equals a suite item"
NEAR = "training row nearly equals a suite item"
QUOTES = "training row quotes a suite item"
RENAMED = "training row is a suite item with other names"

DUPLICATES = (ANEW, TWICE, AGAIN, NEARLY_TWICE, NEARLY_AGAIN, CONTRADICTS)
CONTAMINATION = (TRAINED_ON, NEARLY_TRAINED_ON, ASKED, EQUAL, NEAR, QUOTES, RENAMED)
REASONS = (KEPT, *DUPLICATES, *CONTAMINATION)

ROWS_AT_ONCE = 1 << 16
THREADS = 2
"""That look through stretches of rows: numpy's sorts and searches let others work."""

LEAKED_BANDS = 5
"""Of 16: a row too many that leaves costs little, an item that leaked costs what a suite is for (similarity of .75)."""
QUOTED = 0.25
"""Of an item's sampled grams: where a tenth of the words is edited, a quarter of the windows of 13 is left."""
RENAMED_BANDS = 8
"""Of 16: code has less to say than prose, and its structure is common to more of it (similarity of some .84)."""


ANSWERS = tuple(KINDS.index(kind) for kind in (Kind.CONVERSATION, Kind.ERROR_PREDICTION))
"""Kinds in which a prompt has one answer: a task has many programs that solve it, a passage no prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is judged: features, and for each row what decides which of several stays."""

    features: Features
    rank: np.ndarray
    """int64: 0 for the best."""
    moment: np.ndarray
    """int64: µs"""
    conversation: np.ndarray
    """uint64"""
    is_augmented: np.ndarray
    """bool: made from another example, and near it on purpose."""
    rest: Callable[[], None] = lambda: None
    """Gives back the memory of what was looked at: all that ten million rows are compared by is too much."""


def judged(
    compared: Compared, earlier: Sequence[Entries], settings: Curate, scratch: Path
) -> tuple[np.ndarray, dict[str, int]]:
    """uint8, the place in REASONS of why each leaves; and what is on both sides of the split among those that stay."""
    judge = _Judge(compared, settings)
    judge.repeated()
    for run in earlier:
        judge.known(run)
    judge.nearly_repeated()
    for run in earlier:
        judge.nearly_known(run)
    suite = made(judge.suite(), scratch)
    for run in (*earlier, suite):
        judge.leaking(run)
    prose = compared.features.kind != KINDS.index(Kind.DOCUMENT)  # a document is held out by section
    return judge.reasons, {
        "conversations": judge.on_both_sides(compared.conversation, prose),
        "groups": judge.on_both_sides(compared.features.unit),
        "near_duplicates": judge.still_near(suite),
    }


def counted(reasons: np.ndarray) -> Counter[str]:
    """How often each reason."""
    return Counter({REASONS[code]: int(rows) for code, rows in enumerate(np.bincount(reasons)) if code and rows})


Found = TypeVar("Found")

Leaving = Iterator[tuple[str, np.ndarray]]
"""A reason, and the numbers of the rows that leave for it."""


class _Judge:
    def __init__(self, compared: Compared, settings: Curate) -> None:
        self.these, self.rank, self.moment = compared.features, compared.rank, compared.moment
        self.rest = compared.rest
        self.bands = int(BANDS * settings.near_duplicate**BAND_ROWS)
        self.may_be_near = (self.these.split != TEST) & ~compared.is_augmented
        self.leaked_bands = min(self.bands, LEAKED_BANDS)
        self.has_one_answer = settings.quality.contradiction == "drop"
        self.reasons = np.zeros(len(self.rank), dtype=np.uint8)

    @property
    def stays(self) -> np.ndarray:
        return self.reasons == 0

    def drop(self, rows: np.ndarray, reason: str) -> None:
        """Rows by mask or number; a row keeps the first reason."""
        numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
        self.reasons[numbers[self.reasons[numbers] == 0]] = REASONS.index(reason)

    def repeated(self) -> None:
        facts = np.flatnonzero(self.these.fact)
        question = keys.asked(self.these)[facts] ^ self.these.fact[facts]
        groups = _grouped(question, self.these.kind[facts], self.these.split[facts])
        latest = _best(groups, -self.moment[facts], self.rank[facts])
        self.drop(facts[self.these.content[facts] != self.these.content[facts[latest]]], ANEW)
        self.drop(self._outdone(self.stays, self.these.content), TWICE)
        answers = self.stays & np.isin(self.these.kind, ANSWERS) & self.has_one_answer
        self.drop(self._outdone(answers, self.these.prompt), CONTRADICTS)

    def _outdone(self, chosen: np.ndarray, hashes: np.ndarray) -> np.ndarray:
        """Of these rows, by a mask, those that share key, kind and side with a better one."""
        rows = np.flatnonzero(chosen)
        groups = _grouped(hashes[rows], self.these.kind[rows], self.these.is_held[rows])
        return rows[_best(groups, self.rank[rows]) != np.arange(len(rows))]

    def known(self, run: Entries) -> None:
        self.drop(found(run, keys.exact(self.these)), AGAIN)
        self.drop((self.these.split == TEST) & found(run, keys.asked(self.these)), TRAINED_ON)

    def nearly_repeated(self) -> None:
        edges = np.empty(0, dtype=np.uint64)
        may_be_near = self.stays & self.may_be_near

        def alike(band: int) -> np.ndarray:
            hashes = np.where(may_be_near, keys.near(self.these, band), np.uint64(0))
            return self._alike(*self._neighbours(np.flatnonzero(hashes), hashes))

        with ThreadPoolExecutor(THREADS) as pool:
            for found_alike in pool.map(alike, range(BANDS)):
                edges = np.union1d(edges, found_alike)
                self.rest()
        self.drop(_crowded_out(edges), NEARLY_TWICE)

    def nearly_known(self, run: Entries) -> None:
        def known(these: Features, first: int) -> Leaving:
            hashes = keys.every_band(keys.near, these)
            of_items = np.where(these.is_held[:, None], hashes, np.uint64(0))
            for pair in matches(run, of_items, self.leaked_bands, alone=True):
                yield NEARLY_TRAINED_ON, first + pair.queries[pair.refs & 1 == 0]
            for pair in matches(run, hashes, self.bands):
                rows, is_same_side = first + pair.queries, (pair.refs & 1 == 1) == these.is_held[pair.queries]
                is_like = similar(these.sketches.check[pair.queries], run.checks[pair.refs >> 1])
                yield NEARLY_AGAIN, rows[is_same_side & is_like & self.may_be_near[rows]]

        self._drop_found(known, self.stays & (self.these.split != TEST))

    def suite(self) -> Iterator[Entries]:
        """Entries of the items that stay."""
        items = self.these.is_held & self.stays
        return self._looked(lambda these, first: keys.entries(these, items[_of(these, first)]), items)

    def leaking(self, run: Entries) -> None:
        learned = self.stays & (self.these.split == TRAIN)

        def leaks(these: Features, first: int) -> Leaving:
            for reason, rows in self._leaks(run, these):
                leaking = np.zeros(len(these.kind), dtype=bool)
                leaking[rows] = True
                yield reason, first + np.flatnonzero(leaking & learned[_of(these, first)])

        self._drop_found(leaks, learned)

    def on_both_sides(self, units: np.ndarray, among: np.ndarray | bool = True) -> int:
        """Units of which rows that stay are learned from, and others judged on. A probe is of none."""
        kept = self.stays & among
        learned, judged_on = (np.unique(units[kept & (self.these.split == it)]) for it in (TRAIN, VALIDATION))
        return len(np.intersect1d(learned, judged_on, assume_unique=True))

    def still_near(self, suite: Entries) -> int:
        """Rows that stay, are learned from, and are near an item that stays."""
        learned = self.stays & (self.these.split == TRAIN)

        def near(these: Features, first: int) -> int:
            pairs = matches(suite, keys.every_band(keys.near, these), self.leaked_bands, alone=True)
            return sum(len(np.unique(pair.queries[learned[first + pair.queries]])) for pair in pairs)

        return sum(self._looked(near, learned))

    def _leaks(self, run: Entries, these: Features) -> Leaving:
        yield ASKED, found(run, keys.probed(these))
        yield EQUAL, found(run, keys.held(these))
        for banded in (keys.leaked, keys.near):
            for pair in matches(run, keys.every_band(banded, these), self.leaked_bands, alone=True):
                yield NEAR, pair.queries[pair.refs & 1 == 1]
        yield QUOTES, _quoting(run, these)
        for pair in matches(run, keys.every_band(keys.renamed, these), RENAMED_BANDS):
            yield RENAMED, pair.queries

    def _drop_found(self, look: Callable[[Features, int], Leaving], among: np.ndarray) -> None:
        for found_there in self._looked(lambda these, first: list(look(these, first)), among):
            for reason, rows in found_there:
                self.drop(rows, reason)

    def _looked(self, look: Callable[[Features, int], Found], among: np.ndarray) -> Iterator[Found]:
        """What is found in each stretch of rows of which some are wanted, given those and the first one's number."""
        firsts = (at for at in range(0, len(among), ROWS_AT_ONCE) if among[at : at + ROWS_AT_ONCE].any())
        with ThreadPoolExecutor(THREADS) as pool:
            while taken := list(islice(firsts, THREADS)):  # not all at once: what waits is in memory
                parts = [self.these.of(slice(first, min(first + ROWS_AT_ONCE, len(among)))) for first in taken]
                yield from pool.map(look, parts, taken)
                self.rest()

    def _neighbours(self, rows: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the rows that share a key, on the same side: each with the best of them, and with the next better one."""
        groups = _grouped(hashes[rows], self.these.is_held[rows])
        order = np.lexsort((self.rank[rows], groups))
        rows, groups = rows[order], groups[order]
        is_first = np.ones(len(rows), dtype=bool)
        is_first[1:] = groups[1:] != groups[:-1]
        leaders = rows[is_first][np.cumsum(is_first) - 1]
        followers = np.flatnonzero(~is_first)
        better = np.concatenate([leaders[followers], rows[followers - 1]])
        return better, np.concatenate([rows[followers], rows[followers]])

    def _alike(self, better: np.ndarray, worse: np.ndarray) -> np.ndarray:
        """(better << 32 | worse) of the pairs that are nearly the same."""
        edges = np.unique(better.astype(np.uint64) << np.uint64(32) | worse.astype(np.uint64))
        kept = [edges[:0]]
        for start in range(0, len(edges), ROWS_AT_ONCE):
            part = edges[start : start + ROWS_AT_ONCE]
            left, right = _ends(part)
            sketches = self.these.sketches
            shared = (sketches.bands[left] == sketches.bands[right]).sum(axis=1)
            kept.append(part[(shared >= self.bands) & similar(sketches.check[left], sketches.check[right])])
        return np.concatenate(kept)


def _quoting(run: Entries, these: Features) -> np.ndarray:
    """Rows that hold a quarter of the sampled grams of an item, or more. A gram of many items is boilerplate."""
    grams = keys.quoted(these)
    owners = np.repeat(np.arange(len(these.kind)), these.sketches.gram_counts)
    which, refs = pairs(run, grams, alone=True)
    quotes = owners[which].astype(np.uint64) << np.uint64(32) | refs
    once = np.unique(_grouped(quotes, grams[which]), return_index=True)[1]
    both, counts = np.unique(quotes[once], return_counts=True)
    rows, refs = _ends(both)
    return rows[counts >= QUOTED * run.sizes[refs >> 1]]


def _best(groups: np.ndarray, *ranks: np.ndarray) -> np.ndarray:
    """For each row the place of the lowest-ranking row of its group; a later rank decides where an earlier is equal."""
    order = np.lexsort((*reversed(ranks), groups))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = groups[order[1:]] != groups[order[:-1]]
    best = np.empty(len(order), dtype=np.int64)
    best[order] = order[is_first][np.cumsum(is_first) - 1]
    return best


def _of(these: Features, first: int) -> slice:
    return slice(first, first + len(these.kind))


def _grouped(*values: np.ndarray) -> np.ndarray:
    """One hash for each row of several columns."""
    groups = np.zeros(len(values[0]), dtype=np.uint64)
    for value in values:
        groups = mixed(groups ^ value.astype(np.uint64)) + np.uint64(1)
    return groups


def _crowded_out(edges: np.ndarray) -> np.ndarray:
    """Rows for which a better one stays: whoever has no better neighbour stays, its neighbours go, and so on."""
    gone = [np.empty(0, dtype=np.int64)]
    while len(edges):
        better, worse = _ends(edges)
        is_free = ~np.isin(better, worse)
        leaving = np.unique(worse[is_free])
        gone.append(leaving)
        edges = edges[~is_free & ~np.isin(better, leaving) & ~np.isin(worse, leaving)]
    return np.concatenate(gone)


def _ends(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (edges >> np.uint64(32)).astype(np.int64), (edges & LOW).astype(np.int64)
