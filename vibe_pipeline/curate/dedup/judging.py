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
from vibe_pipeline.curate.dedup.index import ALONE, LOW, REFS_A_KEY, Entries, Matches, found, made, matches, pairs
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
ROWS_OF_A_PIECE = 1 << 21
"""Near-duplicates within a generation are looked for among so many rows at once, by their keys."""
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
    judge.nearly_known(earlier)
    judge.nearly_trained_on(earlier)
    runs = (*earlier, made(judge.suite(), scratch))
    judge.leaking(runs)
    prose = compared.features.kind != KINDS.index(Kind.DOCUMENT)  # a document is held out by section
    return judge.reasons, {
        "conversations": judge.on_both_sides(compared.conversation, prose) + sum(map(judge.moved, earlier)),
        "groups": judge.on_both_sides(compared.features.held_with),
        "near_duplicates": judge.still_near(runs),
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
        in_rows = np.zeros(len(self.rank), dtype=bool)
        self.drop((self.these.split == VALIDATION) & found(run, keys.equal(self.these, in_rows)), TRAINED_ON)

    def nearly_repeated(self) -> None:
        edges = np.empty(0, dtype=np.uint64)
        may_be_near = self.stays & self.may_be_near
        pieces = 1 + len(may_be_near) // ROWS_OF_A_PIECE

        def alike(band: int) -> np.ndarray:
            hashes = np.zeros(len(may_be_near), dtype=np.uint64)
            for these, first in self._parts(may_be_near):
                part = _of(these, first)
                hashes[part] = np.where(may_be_near[part], keys.near(these, band), np.uint64(0))
            piece = (hashes % np.uint64(pieces)).astype(np.uint8)
            chosen = (np.flatnonzero((piece == number) & (hashes != 0)) for number in range(pieces))
            return np.concatenate([self._alike(*self._neighbours(rows, hashes[rows])) for rows in chosen])

        with ThreadPoolExecutor(THREADS) as pool:
            for found_alike in pool.map(alike, range(BANDS)):
                edges = np.union1d(edges, found_alike)
                self.rest()
        self.drop(_crowded_out(edges), NEARLY_TWICE)

    def nearly_known(self, runs: Sequence[Entries]) -> None:
        may_be_near = self.stays & self.may_be_near

        def known(these: Features, first: int) -> Leaving:
            origin, like = keys.origin(these), keys.every_band(keys.like, these, these.is_held)
            for run, pair in _matching(runs, like, self.bands):
                is_same = origin[pair.queries] == run.origins[pair.refs >> 1]
                rows = first + pair.queries[is_same & _asks_alike(run, these, pair)]
                yield NEARLY_AGAIN, rows[may_be_near[rows]]

        self._drop_found(known, may_be_near)

    def nearly_trained_on(self, runs: Sequence[Entries]) -> None:
        items = self.stays & (self.these.split == VALIDATION)

        def trained_on(these: Features, first: int) -> Leaving:
            in_rows = np.zeros(len(these.kind), dtype=bool)
            like, renamed = (keys.every_band(it, these, in_rows) for it in (keys.like, keys.renamed))
            found_rows = [
                *_quoted_by(runs, these, keys.quoted(these, in_rows)),
                *(pair.queries for _, pair in _matching(runs, like, LEAKED_BANDS)),
                *(pair.queries for _, pair in _matching(runs, renamed, RENAMED_BANDS)),
            ]
            for rows in found_rows:
                yield NEARLY_TRAINED_ON, first + rows[items[first + rows]]

        self._drop_found(trained_on, items)

    def suite(self) -> Iterator[Entries]:
        """Entries of the items that stay."""
        items = self.these.is_held & self.stays
        return self._looked(lambda these, first: keys.entries(these, items[_of(these, first)]), items)

    def leaking(self, runs: Sequence[Entries]) -> None:
        learned = self.stays & (self.these.split == TRAIN)

        def leaks(these: Features, first: int) -> Leaving:
            for reason, rows in _leaks(runs, these):
                leaking = np.zeros(len(these.kind), dtype=bool)
                leaking[rows] = True
                yield reason, first + np.flatnonzero(leaking & learned[_of(these, first)])

        self._drop_found(leaks, learned)

    def on_both_sides(self, units: np.ndarray, among: np.ndarray | bool = True) -> int:
        """Units of which rows that stay are learned from, and others judged on. A probe is of none."""
        kept = self.stays & among
        learned, judged_on = (np.unique(units[kept & (self.these.split == it)]) for it in (TRAIN, VALIDATION))
        return len(np.intersect1d(learned, judged_on, assume_unique=True))

    def still_near(self, runs: Sequence[Entries]) -> int:
        """Rows and items that stay and are near one of the other side in a run, with a question like its own."""
        stay = self.stays & (self.these.split != TEST)

        def near(these: Features, first: int) -> int:
            found_near = np.zeros(len(these.kind), dtype=bool)
            for run, pair in _matching(runs, keys.every_band(keys.like, these, ~these.is_held), LEAKED_BANDS):
                found_near[pair.queries[_asks_alike(run, these, pair)]] = True
            return int((found_near & stay[_of(these, first)]).sum())

        return sum(self._looked(near, stay))

    def moved(self, run: Entries) -> int:
        """Units that stay, and are on the other side in a run."""
        stay = self.stays & (self.these.split != TEST)
        units, first = np.unique(self.these.unit[stay], return_index=True)
        places, refs, _ = pairs(run, keys.side_keys(units), 1)
        return int((self.these.is_held[stay][first][places] != (refs & np.uint64(1))).sum())

    def _drop_found(self, look: Callable[[Features, int], Leaving], among: np.ndarray) -> None:
        for found_there in self._looked(lambda these, first: list(look(these, first)), among):
            for reason, rows in found_there:
                self.drop(rows, reason)

    def _looked(self, look: Callable[[Features, int], Found], among: np.ndarray) -> Iterator[Found]:
        """What is found in each stretch of rows of which some are wanted, given those and the first one's number."""
        parts = self._parts(among)
        with ThreadPoolExecutor(THREADS) as pool:
            while taken := list(islice(parts, THREADS)):  # not all at once: what waits is in memory
                yield from pool.map(look, *zip(*taken, strict=True))
                self.rest()

    def _parts(self, among: np.ndarray) -> Iterator[tuple[Features, int]]:
        for first in range(0, len(among), ROWS_AT_ONCE):
            if among[first : first + ROWS_AT_ONCE].any():
                yield self.these.of(slice(first, min(first + ROWS_AT_ONCE, len(among)))), first

    def _neighbours(self, rows: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the rows that share a key: each with the best of them, and with the next better one."""
        order = np.lexsort((self.rank[rows], hashes))
        rows, groups = rows[order], hashes[order]
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


def _leaks(runs: Sequence[Entries], these: Features) -> Leaving:
    """Of rows, why each leaks an item; numbers or a mask."""
    in_items = np.ones(len(these.kind), dtype=bool)
    probed, equal = keys.probed(these), keys.equal(these, in_items)
    yield ASKED, np.any([found(run, probed) for run in runs], axis=0)
    yield EQUAL, np.any([found(run, equal) for run in runs], axis=0)
    for run, pair in _matching(runs, keys.every_band(keys.like, these, in_items), LEAKED_BANDS):
        yield NEAR, pair.queries[(pair.rare >= LEAKED_BANDS) | _asks_alike(run, these, pair)]
    for rows in _quoting(runs, these, keys.quoted(these, in_items)):
        yield QUOTES, rows
    for _, pair in _matching(runs, keys.every_band(keys.renamed, these, in_items), RENAMED_BANDS):
        yield RENAMED, pair.queries


def _matching(runs: Sequence[Entries], hashes: np.ndarray, least: int) -> Iterator[tuple[Entries, Matches]]:
    return ((run, pair) for run in runs for pair in matches(run, hashes, least))


def _quoting(runs: Sequence[Entries], these: Features, grams: np.ndarray) -> Iterator[np.ndarray]:
    """Rows that hold a quarter of the sampled grams of an item, or more. A gram of many items is boilerplate."""
    for run in runs:
        rows, refs, counts = _shared_grams(run, these, grams, ALONE)
        yield rows[counts >= QUOTED * run.sizes[refs >> 1]]


def _quoted_by(runs: Sequence[Entries], these: Features, grams: np.ndarray) -> Iterator[np.ndarray]:
    """Items of which a row holds as much."""
    for run in runs:
        rows, _, counts = _shared_grams(run, these, grams, len(run.keys))
        yield rows[counts >= QUOTED * these.sketches.gram_counts[rows]]


def _shared_grams(
    run: Entries, these: Features, grams: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, refs, how many grams they share) of those that share some that no more than so many refs have."""
    owners = np.repeat(np.arange(len(these.kind)), these.sketches.gram_counts)
    which, refs, every = pairs(run, grams, REFS_A_KEY)
    which, refs = which[every <= most], refs[every <= most]
    quotes = owners[which].astype(np.uint64) << np.uint64(32) | refs
    once = np.unique(_grouped(quotes, grams[which]), return_index=True)[1]
    both, counts = np.unique(quotes[once], return_counts=True)
    return *_ends(both), counts


def _asks_alike(run: Entries, these: Features, pair: Matches) -> np.ndarray:
    return similar(these.sketches.check[pair.queries], run.checks[pair.refs >> 1])


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
