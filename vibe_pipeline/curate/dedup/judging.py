"""Which candidates leave, and why: what is learned twice, and what would leak from the suites into training.

Suites are born clean: an item that nearly equals what was trained on before leaves the suite; from then on a training
row that nearly equals a suite item leaves training. For facts the question alone counts. Of several that are the same
the best stays. Not here: by which keys two are the same (keys.py), what is a leak (leaks.py), and rules about one
example alone (quality.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import ALONE, REFS_A_KEY, Entries, ends, found, made, many, pairs
from vibe_pipeline.curate.dedup.keys import ANSWERS, KINDS, PATTERN, TEST, TRAIN, VALIDATION, Features
from vibe_pipeline.curate.dedup.leaks import LEAKED_BANDS, Leaving, alike, asks_alike, enough, leaks, trained_on
from vibe_pipeline.curate.dedup.reasons import (
    AGAIN,
    ANEW,
    CONTRADICTS,
    NEARLY_AGAIN,
    NEARLY_TRAINED_ON,
    NEARLY_TWICE,
    REASONS,
    TRAINED_ON,
    TWICE,
    UNSETTLED,
)
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.sketch import BANDS, similar
from vibe_pipeline.curate.dedup.sketch import ROWS as BAND_ROWS
from vibe_pipeline.curate.dedup.withdrawing import Withdrawing
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import Curate

ROWS_AT_ONCE = 1 << 16
ROWS_OF_A_PIECE = 1 << 21
"""Near-duplicates within a generation are looked for among so many rows at once, by their keys."""
THREADS = 2
"""That look through stretches of rows: numpy's sorts and searches let others work."""

GRAMS_AT_ONCE = 1 << 20
"""Where rows are long there are fewer of them at once."""

CROWD = 4
"""A band that more questions of a generation share is the words of a template, and tells nothing of any."""

DOCUMENT = KINDS.index(Kind.DOCUMENT)
PREDICTION = KINDS.index(Kind.ERROR_PREDICTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of them."""

    reasons: np.ndarray
    """uint8: the place in REASONS of why each leaves."""
    leaks: dict[str, int]
    """What is on both sides of the split among those that stay."""
    withdrawn: np.ndarray
    """uint64, sorted: places of rows of earlier generations that are learned no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is judged: features, and for each row what decides which of several stays."""

    features: Features
    rank: np.ndarray
    """int64: 0 for the best."""
    vouched: np.ndarray
    """uint8: how well it is vouched for."""
    moment: np.ndarray
    """int64: µs"""
    conversation: np.ndarray
    """uint64"""
    family: np.ndarray
    """uint64: the conversation, or the trunk of its branches."""
    is_augmented: np.ndarray
    """bool: made from another example, and near it on purpose."""
    is_edited: np.ndarray
    """bool: somebody corrected it, and it is near on purpose to what was learned before."""
    taken_back: np.ndarray
    """uint64: exact keys of what was left out for a reason that came to be known late, whoever said it."""
    rest: Callable[[], None] = lambda: None
    """Gives back the memory of what was looked at: all that ten million rows are compared by is too much."""


def judged(compared: Compared, earlier: Sequence[Entries], settings: Curate, scratch: Path) -> Judged:
    """Which leave, and which of the rows that were learned before."""
    judge = _Judge(compared, settings, Withdrawing(earlier, compared.taken_back))
    judge.repeated()
    judge.known(earlier)
    judge.nearly_repeated()
    judge.contradicted()
    judge.answered(earlier)
    judge.nearly_known(earlier)
    judge.nearly_trained_on(earlier)
    runs = (*earlier, made(judge.suite(), scratch))
    judge.leaking(runs)
    these = compared.features
    prose = these.kind != DOCUMENT  # a document is held out by section
    leaks = {
        "conversations": judge.on_both_sides(compared.conversation, prose) + judge.moved(earlier, these.unit),
        "families": judge.on_both_sides(compared.family, prose) + judge.moved(earlier, compared.family, prose),
        "groups": judge.on_both_sides(these.held_with) + judge.moved(earlier, these.held_with),
        "near_duplicates": judge.still_near(runs),
        "equal_answers": judge.equal_answers(earlier),
    }
    return Judged(reasons=judge.reasons, leaks=leaks, withdrawn=judge.withdrawing.places)


Found = TypeVar("Found")


class _Judge:
    def __init__(self, compared: Compared, settings: Curate, withdrawing: Withdrawing) -> None:
        self.withdrawing, self.vouched = withdrawing, compared.vouched
        self.these, self.rank, self.moment = compared.features, compared.rank, compared.moment
        self.rest = compared.rest
        self.bands = int(BANDS * settings.near_duplicate**BAND_ROWS)
        self.may_be_near = (self.these.split != TEST) & ~compared.is_augmented
        self.may_be_known = self.may_be_near & ~compared.is_edited
        self.is_news = np.zeros(len(self.rank), dtype=bool)
        self.has_one_answer = settings.quality.contradiction == "drop"
        self.reasons = np.zeros(len(self.rank), dtype=np.uint8)
        self.crowded = np.zeros(len(self.rank), dtype=np.uint16)

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
        groups = joined(question, self.these.kind[facts], self.these.split[facts])
        latest = _best(groups, -self.moment[facts], self.rank[facts])
        self.drop(facts[self.these.content[facts] != self.these.content[facts[latest]]], ANEW)
        self.drop(self._outdone(self.stays, self.these.content), TWICE)
        self.drop(self._disputed(self.stays & (self.these.kind == PREDICTION) & self.has_one_answer), UNSETTLED)

    def _outdone(self, chosen: np.ndarray, hashes: np.ndarray, *first: np.ndarray) -> np.ndarray:
        """Of these rows, by a mask, those that share key, kind and side with a better one; others rank `first`."""
        rows = np.flatnonzero(chosen)
        groups = joined(hashes[rows], self.these.kind[rows], self.these.is_held[rows])
        return rows[_best(groups, *(it[rows] for it in (*first, self.rank))) != np.arange(len(rows))]

    def _disputed(self, chosen: np.ndarray) -> np.ndarray:
        """Of these rows, by a mask, those whose prompt has several answers: no better one tells how a run will end."""
        rows = np.flatnonzero(chosen)
        prompts = self.these.prompt[rows]
        once = np.unique(joined(prompts, self.these.content[rows]), return_index=True)[1]
        several, counts = np.unique(prompts[once], return_counts=True)
        return rows[np.isin(prompts, several[counts > 1])]

    def known(self, runs: Sequence[Entries]) -> None:
        in_rows = np.zeros(len(self.rank), dtype=bool)
        for run in runs:
            rows, refs, _ = pairs(run, keys.exact(self.these), REFS_A_KEY)
            self.drop(rows[self.withdrawing.stand(run, refs)], AGAIN)
            self.drop((self.these.split == TEST) & found(run, keys.asked(self.these)), TRAINED_ON)
            for equal in (keys.equal, keys.equal_rejected):
                self.drop((self.these.split == VALIDATION) & found(run, equal(self.these, in_rows)), TRAINED_ON)

    def contradicted(self) -> None:
        """Of several answers to a prompt the best vouched stays, of these the best; what a probe knows is true."""
        answers = self.stays & np.isin(self.these.kind, ANSWERS) & self.has_one_answer
        first = self.these.split != TEST, -self.vouched.astype(np.int8)
        self.drop(self._outdone(answers, keys.answered(self.these), *first), CONTRADICTS)

    def answered(self, runs: Sequence[Entries]) -> None:
        """What earlier generations answered otherwise: the better vouched answer stays, of two alike the later one, and
        what is told of a fact is news. Of an input that did not end alike each time nothing is predicted any more."""
        these, found_there = self.these, []
        is_prediction = these.kind == PREDICTION
        asking = np.isin(these.kind, ANSWERS) & (these.split != TEST)
        asking &= self.stays | (is_prediction & (self.reasons == REASONS.index(UNSETTLED)))
        answered, equal = (
            np.where(asking, key, np.uint64(0))
            for key in (keys.answered(these), keys.equal(these, np.zeros(len(asking), dtype=bool)))
        )
        outdone = np.zeros(len(asking), dtype=bool)
        for run in runs:
            rows, refs, _ = pairs(run, answered, len(run.keys))
            if self.has_one_answer:
                self.drop(rows[is_prediction[rows]], UNSETTLED)
                self.withdrawing.withdraw(run, refs[is_prediction[rows]])
            stands = self.withdrawing.stand(run, refs) & ~is_prediction[rows]
            rows, refs = rows[stands], refs[stands]
            is_same = np.isin(_both(rows, refs), _both(*pairs(run, equal, len(run.keys))[:2]))
            self.drop(rows[is_same], NEARLY_AGAIN)
            rows, refs = rows[~is_same], refs[~is_same]
            if not self.has_one_answer:
                rows, refs = rows[these.fact[rows] != 0], refs[these.fact[rows] != 0]
            is_worse = (these.fact[rows] == 0) & (self.vouched[rows] < run.vouched[refs >> np.uint64(1)])
            outdone[rows[is_worse]] = True
            found_there.append((run, rows, refs))
        self.drop(outdone & (these.split == TRAIN), CONTRADICTS)
        for run, rows, refs in found_there:
            wins = self.stays[rows] & ~outdone[rows]
            self.withdrawing.withdraw(run, refs[wins])
            self.is_news[rows[wins]] = True

    def nearly_repeated(self) -> None:
        edges, retyped = np.empty(0, dtype=np.uint64), keys.retyped(self.these)
        self.drop(self._outdone(self.stays & self.may_be_near & (retyped != 0), retyped), NEARLY_TWICE)
        may_be_near = self.stays & self.may_be_near
        pieces = 1 + len(may_be_near) // ROWS_OF_A_PIECE

        def near(band: int) -> tuple[np.ndarray, np.ndarray]:
            hashes = np.zeros(len(may_be_near), dtype=np.uint64)
            for these, first in self._parts(may_be_near):
                part = _of(these, first)
                hashes[part] = np.where(may_be_near[part], keys.near(these, band), np.uint64(0))
            piece = ((hashes >> np.uint64(32)) % np.uint64(pieces)).astype(np.uint8)
            chosen = (np.flatnonzero((piece == number) & (hashes != 0)) for number in range(pieces))
            found_near = [self._near(rows, hashes[rows]) for rows in chosen]
            return np.concatenate([edges for edges, _ in found_near]), np.concatenate([rows for _, rows in found_near])

        with ThreadPoolExecutor(THREADS) as pool:
            for band, (found_near, crowded) in enumerate(pool.map(near, range(BANDS))):
                edges = np.union1d(edges, found_near)
                self.crowded[crowded] |= np.uint16(1 << band)
                self.rest()
        self.drop(_crowded_out(self._told_apart(edges)), NEARLY_TWICE)

    def nearly_known(self, runs: Sequence[Entries]) -> None:
        """Drop what is nearly known; but news takes the place of what is nearly the same: another answer, what is told
        of a fact in many words, and a document's section as it is by now."""
        may_be_known = self.stays & self.may_be_known
        is_told = (self.these.fact != 0) & self.these.sketches.is_long
        section = np.where(self.these.kind == DOCUMENT, keys.side_keys(self.these.unit), np.uint64(0))
        is_revised = np.any([np.zeros(len(section), bool), *(found(run, section) for run in runs)], axis=0)
        is_news = may_be_known & (self.is_news | is_told | is_revised) & (self.these.split == TRAIN)
        replaced: list[tuple[Entries, np.ndarray]] = []

        def known(these: Features, first: int) -> Leaving:
            origin, crowded = keys.origin(these), self.crowded[_of(these, first)]
            equal = np.where(keys.retyped(these) != 0, keys.equal(these, these.is_held), np.uint64(0))
            for run in runs:
                places, refs, _ = pairs(run, equal, REFS_A_KEY)
                is_same = origin[places] == run.origins[refs >> np.uint64(1)]
                is_same[is_same] = self.withdrawing.stand(run, refs[is_same])
                rows = first + places[is_same]
                yield NEARLY_AGAIN, rows[may_be_known[rows]]
            for run, pair in alike(runs, these, these.is_held, crowded, self.bands):
                is_same = (origin[pair.queries] == run.origins[pair.refs >> 1]) & asks_alike(run, these, pair)
                is_same[is_same] = self.withdrawing.stand(run, pair.refs[is_same])
                rows, refs = first + pair.queries[is_same], pair.refs[is_same]
                replaced.append((run, refs[is_news[rows]]))
                yield NEARLY_AGAIN, rows[may_be_known[rows] & ~is_news[rows]]

        self._drop_found(known, may_be_known)
        for run, refs in replaced:
            self.withdrawing.withdraw(run, refs)

    def nearly_trained_on(self, runs: Sequence[Entries]) -> None:
        items = self.stays & (self.these.split == VALIDATION)

        def taught(these: Features, first: int) -> Leaving:
            for rows in trained_on(runs, these, self.crowded[_of(these, first)]):
                yield NEARLY_TRAINED_ON, first + rows[items[first + rows]]

        self._drop_found(taught, items)

    def suite(self) -> Iterator[Entries]:
        """Entries of the items that stay."""
        items = self.these.is_held & self.stays
        nowhere = np.zeros(ROWS_AT_ONCE, np.uint64)  # in no file yet

        def entries(these: Features, first: int) -> Entries:
            part = _of(these, first)
            return keys.entries(these, items[part], nowhere[: len(these.kind)], self.vouched[part])

        return self._looked(entries, items)

    def leaking(self, runs: Sequence[Entries]) -> None:
        learned = self.stays & (self.these.split == TRAIN)

        def leaked(these: Features, first: int) -> Leaving:
            for reason, rows in leaks(runs, these, self.crowded[_of(these, first)]):
                leaking = np.zeros(len(these.kind), dtype=bool)
                leaking[rows] = True
                yield reason, first + np.flatnonzero(leaking & learned[_of(these, first)])

        self._drop_found(leaked, learned)

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
            crowded = self.crowded[_of(these, first)]
            for run, pair in alike(runs, these, ~these.is_held, crowded, LEAKED_BANDS):
                found_near[pair.queries[asks_alike(run, these, pair)]] = True
            return int((found_near & stay[_of(these, first)]).sum())

        return sum(self._looked(near, stay))

    def equal_answers(self, earlier: Sequence[Entries]) -> int:
        """Rows that are learned from and whose long answer is, word for word, that of an item of this generation,
        whatever was asked. Found by the words themselves, so that what the index does not see is seen here; there it
        is only asked whether the answer was boilerplate before."""
        says = np.where(self.stays & (self.these.kind != PATTERN), self.these.sketches.says, np.uint64(0))
        says = np.where(self.these.sketches.is_long, says, np.uint64(0))
        learned, items = (says * (self.these.split == it) for it in (TRAIN, VALIDATION))
        said = np.intersect1d(learned, items)
        items = np.flatnonzero(np.isin(items, said[said != 0]))
        once = items[np.unique(joined(says[items], self.these.unit[items]), return_index=True)[1]]
        answers, units = np.unique(says[once], return_counts=True)

        def equal(these: Features, first: int) -> int:
            mine = learned[_of(these, first)]
            rows = np.flatnonzero(np.isin(mine, answers))
            before = many(earlier, keys.like(these, np.ones(len(mine), dtype=bool), 0)[rows])
            return int((units[np.searchsorted(answers, mine[rows])] + before <= ALONE).sum())

        return sum(self._looked(equal, np.isin(learned, answers)))

    def moved(self, runs: Sequence[Entries], units: np.ndarray, among: np.ndarray | bool = True) -> int:
        """Units of which rows stay, and that are on the other side in a run."""
        stay = self.stays & among & (self.these.split != TEST)
        units, first = np.unique(units[stay], return_index=True)
        is_held, moved = self.these.is_held[stay][first], np.zeros(len(units), dtype=bool)
        for run in runs:
            places, refs, _ = pairs(run, keys.side_keys(units), 1)
            moved[places[is_held[places] != (refs & np.uint64(1))]] = True
        return int(moved.sum())

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
        ends, first = self.these.sketches.ends, 0
        while first < len(among):
            before = ends[first - 1] if first else 0
            few = int(np.searchsorted(ends, before + GRAMS_AT_ONCE, side="right"))
            stop = min(first + ROWS_AT_ONCE, max(first + 1, few), len(among))
            if among[first:stop].any():
                yield self.these.of(slice(first, stop)), first
            first = stop

    def _near(self, rows: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of rows and one of their bands: (better << 32 | worse) of those that share it and most others, and questions
        that share it with a crowd."""
        order = np.lexsort((self.rank[rows], hashes))
        rows, groups = rows[order], hashes[order]
        is_crowded = self._crowds(rows, groups >> np.uint64(32))
        return self._alike(*_neighbours(rows[~is_crowded], groups[~is_crowded])), rows[is_crowded]

    def _crowds(self, rows: np.ndarray, bands: np.ndarray) -> np.ndarray:
        """bool: of rows sorted by a band, those by whose questions it is shared with a crowd of others."""
        is_crowded = _sizes(bands) > CROWD
        is_crowded[is_crowded] = ~self.these.sketches.is_long[rows[is_crowded]]
        asks, bands = self.these.sketches.asks[rows[is_crowded]], bands[is_crowded]
        once = bands[np.unique(joined(bands, asks), return_index=True)[1]]
        shared, counts = np.unique(once, return_counts=True)
        is_crowded[is_crowded] = np.isin(bands, shared[counts > CROWD])
        return is_crowded

    def _alike(self, better: np.ndarray, worse: np.ndarray) -> np.ndarray:
        """(better << 32 | worse) of the pairs that share enough bands and have similar questions."""
        sketches = self.these.sketches

        def is_alike(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            shared = (sketches.bands[left] == sketches.bands[right]).sum(axis=1)
            return (shared >= self.bands) & similar(sketches.check[left], sketches.check[right])

        return _chosen(np.unique(better.astype(np.uint64) << np.uint64(32) | worse.astype(np.uint64)), is_alike)

    def _told_apart(self, edges: np.ndarray) -> np.ndarray:
        """Without questions that have nothing in common but what a crowd has."""
        sketches, places = self.these.sketches, np.arange(BANDS, dtype=np.uint16)

        def is_near(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            shared = sketches.bands[left] == sketches.bands[right]
            boilerplate = (shared & (self.crowded[left, None] >> places & 1).astype(bool)).sum(axis=1)
            needed = enough(self.bands, BANDS - boilerplate)
            return sketches.is_long[left] | (shared.sum(axis=1) - boilerplate >= needed)

        return _chosen(edges, is_near)


def _both(rows: np.ndarray, refs: np.ndarray) -> np.ndarray:
    """uint64: each pair as one number."""
    return rows.astype(np.uint64) << np.uint64(32) | refs.astype(np.uint64)


def _neighbours(rows: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rows sorted by group: each with the first of its group, and with the one before it."""
    is_first = _begins(groups)
    leaders = rows[is_first][np.cumsum(is_first) - 1]
    followers = np.flatnonzero(~is_first)
    better = np.concatenate([leaders[followers], rows[followers - 1]])
    return better, np.concatenate([rows[followers], rows[followers]])


def _sizes(groups: np.ndarray) -> np.ndarray:
    """int64 (n): how large the group of each is, where they are sorted by group."""
    starts = np.flatnonzero(_begins(groups))
    sizes = np.diff(np.append(starts, len(groups)))
    return np.repeat(sizes, sizes)


def _begins(groups: np.ndarray) -> np.ndarray:
    """bool (n): not of the same group as the one before."""
    is_first = np.ones(len(groups), dtype=bool)
    is_first[1:] = groups[1:] != groups[:-1]
    return is_first


def _chosen(edges: np.ndarray, look: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Those of which, given both ends of many, this is true."""
    parts = (edges[start : start + ROWS_AT_ONCE] for start in range(0, len(edges), ROWS_AT_ONCE))
    return np.concatenate([edges[:0], *(part[look(*ends(part))] for part in parts)])


def _best(groups: np.ndarray, *ranks: np.ndarray) -> np.ndarray:
    """For each row the place of the lowest-ranking row of its group; a later rank decides where an earlier is equal."""
    order = np.lexsort((*reversed(ranks), groups))
    is_first = _begins(groups[order])
    best = np.empty(len(order), dtype=np.int64)
    best[order] = order[is_first][np.cumsum(is_first) - 1]
    return best


def _of(these: Features, first: int) -> slice:
    return slice(first, first + len(these.kind))


def _crowded_out(edges: np.ndarray) -> np.ndarray:
    """Rows for which a better one stays: whoever has no better neighbour stays, its neighbours go, and so on."""
    gone = [np.empty(0, dtype=np.int64)]
    while len(edges):
        better, worse = ends(edges)
        is_free = ~np.isin(better, worse)
        leaving = np.unique(worse[is_free])
        gone.append(leaving)
        edges = edges[~is_free & ~np.isin(better, leaving) & ~np.isin(worse, leaving)]
    return np.concatenate(gone)
