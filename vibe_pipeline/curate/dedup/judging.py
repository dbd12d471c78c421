"""Which candidates leave, and why: what is learned twice, and what would leak from the suites into training.

Suites are born clean: an item that nearly equals what was trained on before leaves the suite; from then on a training
row that nearly equals a suite item leaves training. For facts the question alone counts. Of several that are the same
the best stays. Not here: by which keys two are the same (keys.py), what is a leak (leaks.py), and rules about one
example alone (quality.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.answers import Answers
from vibe_pipeline.curate.dedup.index import ALONE, REFS_A_KEY, Entries, found, lookup, made, pairs
from vibe_pipeline.curate.dedup.keys import ANSWERS, KINDS, TEST, TRAIN, VALIDATION, Features
from vibe_pipeline.curate.dedup.leaks import Leaving, alike, asks_alike, leaks, trained_on
from vibe_pipeline.curate.dedup.neighbours import Neighbours, begins
from vibe_pipeline.curate.dedup.quoting import quoting
from vibe_pipeline.curate.dedup.reasons import (
    AGAIN,
    ANEW,
    CONTRADICTS,
    HELD_BACK,
    KEPT,
    NEARLY_AGAIN,
    NEARLY_TRAINED_ON,
    NEARLY_TWICE,
    REASONS,
    TRAINED_ON,
    TWICE,
    UNSETTLED,
)
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.sides import Sides
from vibe_pipeline.curate.dedup.sketch import BANDS
from vibe_pipeline.curate.dedup.sketch import ROWS as BAND_ROWS
from vibe_pipeline.curate.dedup.stretches import ROWS_AT_ONCE, Stretches
from vibe_pipeline.curate.dedup.withdrawing import Withdrawing
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import Curate

DOCUMENT = KINDS.index(Kind.DOCUMENT)
PREDICTION = KINDS.index(Kind.ERROR_PREDICTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of them."""

    reasons: np.ndarray
    """uint8: the place in REASONS of why each leaves."""
    leaks: dict[str, int]
    """What is on both sides of the split among those that stay."""
    were_split: int
    """Groups of theirs that were on both sides before they were held out as such."""
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
    """uint64: keys of what was left out for a reason that came to be known late."""
    rest: Callable[[], None] = lambda: None
    """Gives back the memory of what was looked at: all that ten million rows are compared by is too much."""


def judged(
    compared: Compared,
    earlier: Sequence[Entries],
    settings: Curate,
    scratch: Path,
    ungrouped: Sequence[Entries] = (),
) -> Judged:
    """Which leave, and which of the rows that were learned before; `ungrouped` are sides of groups before they were
    held out as such."""
    judge = _Judge(compared, settings, Withdrawing(earlier, compared.taken_back))
    judge.repeated()
    judge.known(earlier)
    judge.nearly_repeated()
    judge.contradicted()
    judge.unsettled(earlier)
    judge.answered(earlier)
    judge.nearly_known(earlier)
    judge.nearly_trained_on(earlier)
    judge.contradicted_by_items()
    judge.told_on_both_sides()
    if settings.group:
        judge.held_back()
    runs = (*earlier, made(judge.suite(), scratch))
    judge.leaking(runs)
    if settings.group:
        judge.held_back()  # once more: what told of a fact may have been a leak
    judge.replace()
    these = compared.features
    sides = Sides(these, judge.stays, earlier, ungrouped, judge.stretches)
    groups, were_split = sides.groups()
    prose = these.kind != DOCUMENT  # a document is held out by section
    leaks = {
        "conversations": sides.conversations(compared.conversation, prose),
        "families": sides.shared(compared.family, prose),
        "groups": groups,
        "near_duplicates": sides.near(runs, judge.crowded),
        "equal_answers": sides.equal_answers(),
    }
    return Judged(reasons=judge.reasons, leaks=leaks, were_split=were_split, withdrawn=judge.withdrawing.places)


class _Judge:
    def __init__(self, compared: Compared, settings: Curate, withdrawing: Withdrawing) -> None:
        self.withdrawing, self.vouched = withdrawing, compared.vouched
        self.replaced: list[tuple[Entries, np.ndarray, np.ndarray]] = []
        """Of each run the rows and refs of which a row takes the place of the ref, if it stays in the end."""
        self.these, self.rank, self.moment = compared.features, compared.rank, compared.moment
        self.is_edited = compared.is_edited
        self.stretches = Stretches(compared.features, compared.rest)
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
        question = self.these.sketches.asks[facts] ^ self.these.fact[facts]  # f(1, 2) is not f(2, 1)
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

    def nearly_repeated(self) -> None:
        retyped = keys.retyped(self.these)
        self.drop(self._outdone(self.stays & self.may_be_near & (retyped != 0), retyped), NEARLY_TWICE)
        near = Neighbours(self.these, self.stays & self.may_be_near, self.rank, self.bands, self.stretches)
        self.crowded = near.crowded
        self.drop(near.leaving, NEARLY_TWICE)

    def contradicted(self) -> None:
        """Of several answers to a prompt the best vouched stays, of these the best; what a probe knows is true. What is
        told of two facts may differ, and contradicts what is said without the name of one."""
        these = self.these
        answers = self.stays & np.isin(these.kind, ANSWERS) & self.has_one_answer
        first = these.split != TEST, -self.vouched.astype(np.int8)
        self.drop(self._outdone(answers, keys.answered(these), *first), CONTRADICTS)
        answers &= self.stays & (these.split != TEST)
        rows, best = self._best(answers, answers & (these.fact != 0), keys.nameless(these), these.is_held)
        is_told_of_two = (these.fact[rows] != 0) & (these.fact[best] != 0)
        self.drop(rows[~is_told_of_two & self._differ(rows, best)], CONTRADICTS)

    def contradicted_by_items(self) -> None:
        """Of two answers on both sides the item stays where it is better vouched, else both do."""
        is_held = self.these.is_held
        answers = self.stays & (self.these.split != TEST) & np.isin(self.these.kind, ANSWERS) & self.has_one_answer
        rows, best = self._best(answers, answers & is_held, keys.answered(self.these))
        is_crossed = ~is_held[rows] & is_held[best] & (self.vouched[rows] < self.vouched[best])
        self.drop(rows[is_crossed & self._differ(rows, best)], CONTRADICTS)

    def told_on_both_sides(self) -> None:
        """Of what is equal on both sides, in question and answer or in a long answer, the best one's side keeps it:
        what is said often is held out no likelier than what is said once. Items leave here; rows whose best is an item
        leak it, and leave as such."""
        these, in_rows = self.these, np.zeros(len(self.rank), dtype=bool)
        rows = np.flatnonzero(self.stays & (these.split != TEST))
        items = rows[these.is_held[rows]]
        answers = np.where(these.sketches.is_long, these.sketches.says, np.uint64(0))
        answers[np.isin(answers, _of_many(answers[items], these.unit[items]))] = 0  # boilerplate is no leak
        self._keep_on_one_side(answers[rows], rows)
        equal = [it(these, in_rows)[rows] for it in (keys.equal, keys.equal_rejected)]
        self._keep_on_one_side(np.concatenate(equal), np.tile(rows, 2))

    def _keep_on_one_side(self, hashes: np.ndarray, rows: np.ndarray) -> None:
        """Drop the items of which a better row of the other side has the same hash: (n) uint64, 0 for none, and (n)
        numbers of rows, in which one may stand twice."""
        is_held = self.these.is_held[rows]
        chosen = np.isin(hashes, np.intersect1d(hashes[is_held], hashes[~is_held])) & (hashes != 0)
        hashes, rows, is_held = hashes[chosen], rows[chosen], is_held[chosen]
        self.drop(rows[is_held & ~is_held[_best(hashes, self.rank[rows])]], TWICE)

    def _best(
        self, chosen: np.ndarray, some: np.ndarray, hashes: np.ndarray, *sides: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of these rows, by a mask, that share a key with some of them, and of the best vouched of those with
        the same key on the same side."""
        rows = np.flatnonzero(chosen)
        rows = rows[np.isin(hashes[rows], hashes[some])]
        groups = joined(hashes[rows], *(side[rows] for side in sides))
        return rows, rows[_best(groups, -self.vouched[rows].astype(np.int8), self.rank[rows])]

    def _differ(self, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        return self.these.sketches.says[rows] != self.these.sketches.says[others]

    def unsettled(self, runs: Sequence[Entries]) -> None:
        """Of an input that did not end alike each time, in one generation or in several, nothing is predicted."""
        ran = (self.these.kind == PREDICTION) & self.has_one_answer
        rows = np.flatnonzero(ran & (self.stays | (self.reasons == REASONS.index(UNSETTLED))))
        answered, inputs = keys.answered(self.these)[rows], keys.unsettled_keys(self.these.prompt[rows])
        for run in runs:
            self.drop(rows[found(run, answered) | found(run, inputs)], UNSETTLED)
            self.withdrawing.withdraw(run, lookup(run, np.unique(answered)))

    def answered(self, runs: Sequence[Entries]) -> None:
        """What earlier generations answered otherwise: the better vouched answer stays, of two alike the later one, and
        what is told of a fact is news."""
        asking = self.stays & np.isin(self.these.kind, ANSWERS) & (self.these.kind != PREDICTION)
        asking &= self.these.split != TEST
        answers = Answers(self.these, asking, self.vouched, self.is_edited, self.has_one_answer)
        outdone, found_there = np.zeros(len(asking), dtype=bool), []
        for run in runs:
            for met in answers.met(run, self.withdrawing):
                self.drop(met.rows[met.is_same], NEARLY_AGAIN)
                self.drop(met.rows[met.is_taught], NEARLY_TRAINED_ON)
                outdone[met.rows[met.loses]] = True
                found_there.append((run, met.rows[met.wins], met.refs[met.wins]))
        self.drop(outdone, CONTRADICTS)
        for run, rows, refs in found_there:
            self.replaced.append((run, rows, refs))
            self.is_news[rows] = True
        self.is_news &= self.stays & (self.these.split == TRAIN)

    def nearly_known(self, runs: Sequence[Entries]) -> None:
        """Drop what is nearly known; but no news: another answer, what is told of a fact in many words, and a
        document's section as it is by now. The latter two take the place of what was nearly the same of the same fact
        or section; which answers another takes the place of is known by then."""
        may_be_known = self.stays & self.may_be_known
        learned = may_be_known & (self.these.split == TRAIN)
        is_told = learned & (self.these.fact != 0) & self.these.sketches.is_long
        section = np.where(self.these.kind == DOCUMENT, keys.side_keys(self.these.unit), np.uint64(0))
        is_revised = learned & np.any([np.zeros(len(section), bool), *(found(run, section) for run in runs)], axis=0)
        is_news = self.is_news | is_told | is_revised

        def known(these: Features, part: slice) -> Leaving:
            origin, crowded = keys.origin(these), self.crowded[part]
            says, sources = these.sketches.says, keys.sources(these).astype(np.uint32)
            equal = np.where(keys.retyped(these) != 0, keys.equal(these, these.is_held), np.uint64(0))
            for run in runs:
                places, refs, _ = pairs(run, equal, REFS_A_KEY)
                is_same = origin[places] == run.origins[refs >> np.uint64(1)]
                is_same[is_same] = self.withdrawing.stand(run, refs[is_same])
                rows = part.start + places[is_same]
                yield NEARLY_AGAIN, rows[may_be_known[rows] & ~self.is_news[rows]]
            for run, pair in alike(runs, these, these.is_held, crowded, self.bands):
                is_near = (origin[pair.queries] == run.origins[pair.refs >> 1]) & asks_alike(run, these, pair)
                is_near[is_near] = self.withdrawing.stand(run, pair.refs[is_near])
                asking, refs = pair.queries[is_near], pair.refs[is_near]
                rows, is_same = part.start + asking, says[asking] == run.says[refs >> 1]
                is_its = is_told[rows] | (is_revised[rows] & (sources[asking] == run.sources[refs >> 1]))
                self.replaced.append((run, rows[is_its & ~is_same], refs[is_its & ~is_same]))
                is_known = ~is_news[rows] | (is_its & is_same & ~self.is_news[rows])
                yield NEARLY_AGAIN, rows[may_be_known[rows] & is_known]

        self._drop_found(known, may_be_known)

    def replace(self) -> None:
        """Take back that in whose place a row came that stays. Only now it is known which do: what leaves as a leak, or
        as an item that was nearly trained on, would have taken the old answer with it. Until now the old ones stand, so
        that what is nearly the same as one of them leaves, though its like is taken back here: it was answered anew."""
        for run, rows, refs in self.replaced:
            self.withdrawing.withdraw(run, refs[self.stays[rows]])

    def nearly_trained_on(self, runs: Sequence[Entries]) -> None:
        items = self.stays & (self.these.split == VALIDATION)

        def taught(these: Features, part: slice) -> Leaving:
            for rows in trained_on(runs, these, self.crowded[part]):
                yield NEARLY_TRAINED_ON, part.start + rows[items[part.start + rows]]

        self._drop_found(taught, items)

    def held_back(self) -> None:
        """Drop the probes that nothing teaches: of facts that only the held-out side tells, as a group that is held out
        may. What nobody tells now may have been told before, and stays; so does that of which a row left because it was
        told before."""
        rows = np.flatnonzero(self.these.fact)
        fact, split, reasons = (it[rows] for it in (self.these.fact, self.these.split, self.reasons))
        is_known = np.isin(reasons, [REASONS.index(it) for it in (KEPT, AGAIN, NEARLY_AGAIN)])
        held = np.setdiff1d(fact[(reasons == 0) & (split == VALIDATION)], fact[is_known & (split == TRAIN)])
        self.drop(rows[(split == TEST) & np.isin(fact, held)], HELD_BACK)

    def suite(self) -> Iterator[Entries]:
        """Entries of the items that stay."""
        items = self.these.is_held & self.stays
        nowhere = np.zeros(ROWS_AT_ONCE, np.uint64)  # in no file yet

        def entries(these: Features, part: slice) -> Entries:
            return keys.entries(these, items[part], nowhere[: len(these.kind)], self.vouched[part])

        return self.stretches.looked(entries, items)

    def leaking(self, runs: Sequence[Entries]) -> None:
        learned = self.stays & (self.these.split == TRAIN)
        quotes = quoting(runs, self.stretches, learned)

        def leaked(these: Features, part: slice) -> Leaving:
            for reason, rows in leaks(runs, these, self.crowded[part], quotes[part]):
                leaking = np.zeros(len(these.kind), dtype=bool)
                leaking[rows] = True
                yield reason, part.start + np.flatnonzero(leaking & learned[part])

        self._drop_found(leaked, learned)

    def _drop_found(self, look: Callable[[Features, slice], Leaving], among: np.ndarray) -> None:
        for found_there in self.stretches.looked(lambda these, part: list(look(these, part)), among):
            for reason, rows in found_there:
                self.drop(rows, reason)


def _of_many(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """uint64: those of n values that more than ALONE of their n units have."""
    once = values[np.unique(joined(values, units), return_index=True)[1]]
    shared, counts = np.unique(once, return_counts=True)
    return shared[counts > ALONE]


def _best(groups: np.ndarray, *ranks: np.ndarray) -> np.ndarray:
    """For each row the place of the lowest-ranking row of its group; a later rank decides where an earlier is equal."""
    order = np.lexsort((*reversed(ranks), groups))
    is_first = begins(groups[order])
    best = np.empty(len(order), dtype=np.int64)
    best[order] = order[is_first][np.cumsum(is_first) - 1]
    return best
