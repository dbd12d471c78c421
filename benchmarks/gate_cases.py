"""What is simulated, and how often the gate promotes, rejects and cannot tell, beside what people do without one.

A case is a truth about parent and child, and how many items there are to see it with. In a null the child should not be
promoted; its other rules are met, and floors are off but where said, so that one test stands in the way alone. Not
here: one generation (gate_simulate.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.gate_pool import Clustering, Items, Pool, Truth, exact, free
from benchmarks.gate_simulate import Generation, asked, by_table, in_turn, verdict
from vibe_pipeline.judgement import Figure, Finding, Outcome, Standing, Verdict
from vibe_pipeline.paired import compare_scores
from vibe_pipeline.settings import Gate

SIZES = (30, 60, 120, 200, 300)
LOSSES = {
    0.0: (0.02, 0.06, 0.12, 0.30),
    0.02: (0.02, 0.06, 0.12, 0.30),
    0.05: (0.06, 0.12, 0.30),
    0.10: (0.12, 0.30),
    0.20: (0.30,),
}
"""True losses of recall, and shares of items that parent and child answer differently."""

CLUSTERINGS: tuple[Clustering, ...] = ("alone", "as answered", "alike")

FREE = {"shell": "shell commands and short texts", "facts": "answers of a few words", "desks": "one word of six"}
"""Ladders with free-form answers, and what these are."""
CLEAR_GAIN = {"shell": 2.0, "facts": 0.5, "desks": 0.5}
"""In nats a token, as real rungs gained: the more, the more it varies from item to item."""

NEW_ITEMS = 200
CLEAR = Truth(0.90, 0.0, right=0.05)
NO_FLOORS = {"recall_floor": 0.0, "generalization_floor": 0.0}

CHECKED = 5
"""Generations of each case that are judged through tables too."""

TOLERANCE = 0.10
FIXED = (0.90, 0.85)

NAIVE = ("thresholds", "tolerance", "mean")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A truth, and the items to see it with."""

    group: str
    name: str
    earlier: int = 300
    """Items that are asked at most,"""
    there_are: int = 0
    """of so many; 0: no more than these."""
    clustering: Clustering = "as answered"
    turns: tuple[int, ...] = ()
    """Earlier items are conversations of so many turns, over and over,"""
    lost_whole: float = 0.0
    """of which those with this share of all items are lost whole, beside what else differs:"""
    losing: tuple[int, ...] = ()
    """some of those with so many turns."""
    recall: Truth | None = field(default_factory=lambda: harmless(0.06))
    """None: there are free-form items only,"""
    answers: str = ""
    """from ladders whose names begin like this."""
    new: Truth = CLEAR
    kept: float = 1.0
    """Of what the parent had gained, where items are free-form: so much is kept."""
    nll_gain: float | None = None
    """On new items, in nats a token; None: what it is."""
    is_same: bool = False
    """The child answers the new items as its parent does, to the last digit."""
    general: float | None = None
    """Lost on the general suite; None: it is not asked."""
    attempts: int = 1
    """Promoted is whoever is promoted in one of them."""
    gate: dict[str, float] = field(default_factory=lambda: NO_FLOORS)


@dataclass(frozen=True)
class Rates:
    """How often, of so many generations."""

    case: Case
    generations: int
    outcomes: dict[str, int]
    naive: dict[str, int]
    asked: float
    """Earlier items, on average."""

    def share(self, outcome: str) -> Figure:
        """With Wilson's 95 % interval."""
        from scipy.stats import binomtest

        count = self.outcomes.get(outcome, self.naive.get(outcome, 0))
        low, high = binomtest(count, self.generations).proportion_ci(method="wilson")
        return Figure(value=count / self.generations, n=self.generations, low=float(low), high=float(high))


def harmless(discordance: float) -> Truth:
    """Nothing is lost, and so many items are answered differently."""
    return lossy(0.0, discordance)


def lossy(loss: float, discordance: float, slide: float | None = None, right: float = 0.95) -> Truth:
    """So much less recall than the parent's, and than that of the champion of old if nothing else is said."""
    gained, lost = (discordance - loss) / 2, (discordance + loss) / 2
    return Truth(max(0.0, gained), lost, right, slide=loss if slide is None else slide)


def grid() -> list[Case]:
    """The gate as it is, but without floors, on each true loss with each number of items."""
    points = [(loss, often) for loss, its in LOSSES.items() for often in its]
    few = [it for it in points if it in {(0, 0.06), (0.05, 0.06), (0.05, 0.12), (0.1, 0.12)}]
    wanted = [*product(points, SIZES, CLUSTERINGS[1:2]), *product(few, (60, 300), CLUSTERINGS[::2])]
    return [_losing("loss", *point, earlier=size, clustering=clustering) for point, size, clustering in wanted]


def nulls() -> list[Case]:
    """Children that should not be promoted, each for one reason, at the default budget."""
    equal = [Truth(often / 2, often / 2, right=0.9) for often in (0.06, 0.12, 0.30)]
    named = [(f"{200 * it.gained:.0f} % differ", it) for it in equal]
    slid = "10 points below the champions of old"
    tries = product((0.06, 0.12), (2, 3))
    return [
        Case(group="equal", name="the very same answers", new=Truth(0.0, 0.0, right=0.9), is_same=True),
        *(Case(group="equal", name=name, new=it) for name, it in named),
        *(Case(group="equal", name=f"{name}, yet lower NLL", new=it, nll_gain=0.5) for name, it in named),
        *(_slid(slid, often) for often in (0.02, 0.06, 0.12)),
        Case(group="general", name="10 points lost on the general suite", general=0.10),
        *(_free("retention lower by its margin", answers, kept=0.80, nll_gain=CLEAR_GAIN[answers]) for answers in FREE),
        *(_free("no gain in NLL", answers, nll_gain=0.0) for answers in FREE),
        *(_free("all kept, clear gain", answers, nll_gain=CLEAR_GAIN[answers]) for answers in FREE),
        *(_losing("attempts", 0.05, often, also=f", attempts: {count}", attempts=count) for often, count in tries),
    ]


def sampled() -> list[Case]:
    """Some of the grid's truths on a ladder that has three times the items that are asked, and where a few long
    conversations stand beside many short ones."""
    points = ((0.0, 0.06), (0.0, 0.12), (0.05, 0.06), (0.05, 0.12), (0.10, 0.12))
    return [
        *(_losing("tall", *point, there_are=900) for point in points),
        *(_losing("uneven", *point, clustering="uneven") for point in points),
        *(_losing("uneven", *point, clustering="uneven", there_are=900) for point in points),
    ]


SHAPES = ((5,), (1, 1, 1, 1, 1, 5), (1, 1, 2, 5), (1, 1, 1, 3))


def whole() -> list[Case]:
    """Conversations of which some are lost whole, among answers that differ here and there: those say that turns of one
    conversation do not go together."""
    wanted = [*product(SHAPES, (0.0, 0.05), (0.02, 0.06), (0,)), *product(SHAPES[1:], (0.05, 0.10), (0.06,), (0, 900))]
    long = [(*it, it[0][-1:]) for it in dict.fromkeys(wanted)]
    short = [(turns, 0.05, 0.06, 900, (1,)) for turns in SHAPES[1:]]
    return [_lost_whole(*it) for it in (*long, *short)]


def _lost_whole(turns: tuple[int, ...], loss: float, often: float, there_are: int, losing: tuple[int, ...]) -> Case:
    shape = ", ".join(map(str, turns))
    of = f" in those of {losing[0]}" if loss and len(set(turns)) > 1 else ""
    name = f"{100 * loss:.0f} points lost{of}, {100 * often:.0f} % differ, conversations of {shape} turns"
    fixed: dict[str, Any] = {"group": "whole", "name": name, "there_are": there_are, "clustering": "by turns"}
    return Case(**fixed, turns=turns, lost_whole=loss, losing=losing, recall=harmless(often))


def budget() -> list[Case]:
    """Whole gates, with all floors: harmless children and true losses at the default gate and at the demo's."""
    at_demo = [(0.0, 0.02), (0.0, 0.06), (0.0, 0.12), (0.10, 0.12)]
    at_default = [*at_demo[:3], (0.05, 0.12), at_demo[3]]
    wanted = [
        *product(["default gate"], [0.05], CLUSTERINGS[:2], at_default),
        *product(["demo gate"], [0.10], CLUSTERINGS[1:2], at_demo),
    ]
    return [
        _losing(group, *point, gate={"margin": margin}, clustering=clustering)
        for group, margin, clustering, point in wanted
    ]


def _losing(group: str, loss: float, often: float, *, also: str = "", **its: Any) -> Case:
    name = f"{100 * loss:.0f} points lost, {100 * often:.0f} % differ{also}"
    return Case(group=group, name=name, recall=lossy(loss, often), **its)


def _free(name: str, answers: str, **its: Any) -> Case:
    return Case(group="free", name=f"{name}: {FREE[answers]}", recall=None, answers=answers, **its)


def _slid(name: str, often: float) -> Case:
    truth = lossy(0.0, often, 0.10, right=0.85)
    return Case(group="slide", name=f"{name}, {100 * often:.0f} % differ", recall=truth)


def possible(cases: list[Case], rows: pl.DataFrame) -> list[Case]:
    """Those for which there are real answers."""
    has_general = (rows["part"] == "general").any()
    has_free = {answers for answers in FREE if len(free(rows, answers, is_new=False))}
    return [it for it in cases if (it.recall or it.answers in has_free) and (it.general is None or has_general)]


def rates(file: Path, case: Case, generations: int, seed: tuple[int, int]) -> Rates:
    """Of simulated generations. The same seed gives the same rates."""
    random, gate = np.random.default_rng(seed), Gate(**case.gate)  # type: ignore[arg-type]
    pools = _pools(pl.read_parquet(file), case, gate)
    outcomes: Counter[str] = Counter()
    naive: Counter[str] = Counter()
    items = 0
    for number in range(generations):
        verdicts = []
        for attempt in range(1, case.attempts + 1):
            it = _generation(case, pools, random)
            chosen = replace(it, earlier=asked(it.earlier, gate, attempt))
            verdicts.append(verdict(chosen, gate, attempt))
            if number < CHECKED:
                _require_same(it, chosen, gate, attempt, verdicts[-1])
        items += len(chosen.earlier)
        naive.update(_naive(chosen))
        outcomes[_best([it.outcome for it in verdicts])] += 1
    return Rates(case, generations, dict(outcomes), dict(naive), items / generations)


Pools = tuple[Pool, Pool, Pool | None]


def _pools(rows: pl.DataFrame, case: Case, gate: Gate) -> Pools:
    general = None
    if case.general is not None:
        its = rows.filter(pl.col("part") == "general")
        chances = its.select("chance_base", "chance_parent", "chance_child").to_numpy().astype(float)
        chances -= chances.mean(axis=0) + np.array([0.0, 0.0, case.general])
        general = Pool(Items(np.arange(len(its)), np.zeros((len(its), 3), bool), chances))
    if case.recall is not None:
        return (
            Pool(exact(rows, case.clustering), case.recall),
            Pool(_gaining(exact(rows, "as answered"), case), case.new),
            general,
        )
    old, new = (free(rows, case.answers, is_new=it) for it in (False, True))
    gained = (old.nll[:, 0] - old.nll[:, 1]).mean()
    old.nll[:, 2] += (old.nll[:, 0] - old.nll[:, 2]).mean() - case.kept * gained
    return Pool(old), Pool(_gaining(new, case)), general


def _gaining(new: Items, case: Case) -> Items:
    """New items with the wanted truth about their NLL: of exchanged answers it is 0 by itself."""
    if case.is_same:
        new.nll[:, 2], new.exact[:, 2] = new.nll[:, 1], new.exact[:, 1]
    elif case.nll_gain is not None:
        new.nll[:, 2] += (new.nll[:, 1] - new.nll[:, 2]).mean() * (not new.is_exact) - case.nll_gain
    return new


def _generation(case: Case, pools: Pools, random: np.random.Generator) -> Generation:
    earlier, new, general = pools
    standing = () if general is None else (_standing(general.draw(random, 120)),)
    old = earlier.draw(random, case.there_are or case.earlier)
    old = _conversations(case, old, random) if case.turns else old
    old = in_turn(old) if case.there_are else old
    return Generation(old.take(slice(0, case.earlier)), new.draw(random, NEW_ITEMS), standing)


def _conversations(case: Case, its: Items, random: np.random.Generator) -> Items:
    """Items put together, and some of the conversations lost whole."""
    sizes = np.resize(case.turns, len(its))
    sizes = sizes[: np.searchsorted(np.cumsum(sizes), len(its)) + 1]
    clusters = np.repeat(np.arange(len(sizes)), sizes)[: len(its)]
    name = random.integers(1 << 40)  # which are asked is told by their names
    may_be = np.isin(sizes, case.losing)
    is_lost = (may_be & (random.random(len(sizes)) < case.lost_whole * sizes.sum() / sizes[may_be].sum()))[clusters]
    answers = np.where(is_lost[:, None], [True, True, False], its.exact)
    return Items(clusters + name, answers, its.nll)


def _standing(its: Items) -> Standing:
    _, parent, child = its.nll.T
    figure = Figure(value=0.5, n=len(its), low=0.4, high=0.6)
    return Standing(
        name="general", suite_sha="g", scorer="simulated", items=len(its), base=figure, parent=figure, child=figure,
        parent_comparison=compare_scores(child - parent, its.clusters),
        base_comparison=compare_scores(child - parent + 0.10, its.clusters),
    )  # fmt: skip


def _best(outcomes: list[Outcome]) -> str:
    """Of attempts: one that is promoted ends them."""
    return str(Outcome.PROMOTED if Outcome.PROMOTED in outcomes else outcomes[-1])


def _naive(it: Generation) -> set[str]:
    """Who would promote: fixed thresholds, a fixed tolerance, and "the mean is higher"."""
    if not it.earlier.is_exact:
        old, new = (items.nll.mean(axis=0) for items in (it.earlier, it.new))
        return {"mean"} if old[2] <= old[1] and new[2] < new[1] else set()
    old, new = (items.exact.mean(axis=0) for items in (it.earlier, it.new))
    says = {
        "thresholds": old[2] > FIXED[0] and new[2] > FIXED[1],
        "tolerance": old[2] >= old[1] - TOLERANCE and new[2] > new[1],
        "mean": old[2] >= old[1] and new[2] > new[1],
    }
    return {name for name, promotes in says.items() if promotes}


def _require_same(it: Generation, chosen: Generation, gate: Gate, attempt: int, found: Verdict) -> None:
    """Through the tables of a rung the gate says the same of the same generation."""
    count, other = by_table(it, gate, attempt)
    assert count == len(chosen.earlier), (count, len(chosen.earlier))
    assert _told(other) == _told(found), (_told(other), _told(found))


def _told(it: Verdict) -> list[tuple[str, Finding, int | None, float | None]]:
    return [(rule.name, rule.finding, rule.n, None if rule.low is None else round(rule.low, 9)) for rule in it.rules]
