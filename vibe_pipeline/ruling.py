"""A comparison of two models → a rule of the gate: passed, failed or undecided, with its numbers in words.

Four things may be asked: whether a figure lies above a floor, whether a model is shown to be no worse than another but
for a margin, to have kept what another had gained, and to be better. Not here: which rules there are (promote.py), and
how bounds are found (paired.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from vibe_pipeline import paired
from vibe_pipeline.judgement import Comparison, Figure, Finding, Rule


@dataclass(frozen=True, slots=True)
class Unit:
    """How a difference is written."""

    factor: float
    form: str
    most: float = math.inf
    """No difference is larger."""


POINTS, NATS = Unit(100, ".1f", most=100), Unit(1, ".3f")


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule asks: whether a model is better than another, or worse by no more than a margin."""

    name: str
    it: Comparison
    level: float
    """How often the answer may be wrong."""
    margin: float = 0.0
    only_veto: str = ""
    """Why these items may stand in the way and need not decide; empty: they must."""

    @property
    def low(self) -> float:
        """Lower bound of the difference."""
        return paired.low(self.it, self.level)

    @property
    def high(self) -> float:
        """Upper bound of the difference."""
        return paired.high(self.it, self.level)

    def bounds(self, unit: Unit) -> str:
        """Both, and of how many items."""
        it, most = self.it, unit.most
        low, high = max(-most, unit.factor * self.low), min(most, unit.factor * self.high)
        count = f"{it.n}" if it.clusters == it.n else f"{it.n} in {it.clusters} clusters"
        has_bounds = math.isfinite(self.high - self.low)
        words = f"bounds {low:+{unit.form}} to {high:+{unit.form}}" if has_bounds else "no bounds of one cluster alone"
        return f"{words} (n = {count})"

    def moved(self) -> str:
        """By how many points a share is lower or higher, beside what is allowed."""
        points = round(100 * self.it.difference, 1)
        words = f"{abs(points):.1f} points {'lower' if points < 0 else 'higher'}, {self.bounds(POINTS)}"
        return f"{words}; at most {100 * self.margin:.0f} lower is allowed"

    def power(self, truth: float) -> float | None:
        """How often so many items let a model pass whose true difference is this; None of one cluster."""
        return paired.power(self.it, self.level, self.margin, truth) if math.isfinite(self.high - self.low) else None

    def answered(self, finding: Finding, words: str, power: float | None) -> Rule:
        """The rule with all its numbers; undecided, it says what would decide it, and what only vetoes passes."""
        needed = None
        is_passed_by = bool(self.only_veto) and finding != Finding.FAILED
        if is_passed_by:
            finding, words = Finding.PASSED, f"{words}; {self.only_veto}"
        if finding == Finding.UNDECIDED:
            needed = paired.items_needed(self.it, self.level, self.margin, self.it.difference)
            needed = needed and max(needed, self.it.n + 1)
            never = "no number of items would, if it stays what it is"
            else_ = never if self.it.clusters > 1 else "further ones would"
            words = f"{words}: these items cannot tell, {f'about {needed:,} items would' if needed else else_}"
        return Rule(
            name=self.name,
            finding=finding,
            words=f"{self.name}: {words}",
            limit=0.0 - self.margin,
            difference=self.it.difference,
            low=_finite(self.low),
            high=_finite(self.high),
            n=self.it.n,
            clusters=self.it.clusters,
            level=self.level,
            power=power,
            items_needed=needed,
            only_veto=is_passed_by,
        )


def not_worse(asked: Question) -> Rule:
    """Non-inferiority: the lower bound of the difference lies not below −margin. Broken where the difference itself
    does, and is a loss beyond noise."""
    is_lost = asked.it.difference <= -asked.margin and asked.high < 0
    finding = Finding.PASSED if asked.low >= -asked.margin else Finding.FAILED if is_lost else Finding.UNDECIDED
    return asked.answered(finding, asked.moved(), asked.power(0.0))


def kept(asked: Question, gained: Comparison, margin: float, whose: str) -> Rule:
    """Retention, in nats a token: what is asked is the child's gain over the base, less the share of another's that it
    must have kept (1 − margin of `gained`); its lower bound lies above 0. Where that gain cannot be told from nothing
    there is nothing to measure by: undecided, and not applicable to what only vetoes."""
    it, had = asked.it, Question(asked.name, gained, asked.level)
    words = f"{it.difference:+.3f} nats a token beside {1 - margin:.0%} of what {whose} had gained"
    words = f"{words}, {asked.bounds(NATS)}"
    owed = min(0.0, margin * gained.difference)  # of what was not gained no share: then the child itself must have lost
    if replace(asked, it=replace(it, difference=it.difference - owed)).high < 0:
        return asked.answered(Finding.FAILED, words, asked.power(margin * gained.difference))
    if had.low > 0:
        finding = Finding.PASSED if asked.low > 0 else Finding.UNDECIDED
        return asked.answered(finding, words, asked.power(margin * gained.difference))
    found = undecided(
        asked.name,
        f"what {whose} had gained on earlier free-form items cannot be told from nothing{_of_one(gained)} "
        f"({gained.difference:.3f} nats a token, n = {gained.n}), so there is nothing to measure what is kept by, and "
        "no loss stands out",
        gained.n,
    )
    return replace(found, finding=Finding.NOT_APPLICABLE) if asked.only_veto else found


def _of_one(it: Comparison) -> str:
    return " by one cluster alone, which has no bounds" if it.clusters == 1 else ""


def better(asked: Question, said: str, unit: Unit, notable: float) -> Rule:
    """Superiority: the lower bound of the difference lies above 0. Broken where there is no gain on these items. Its
    power is how often a gain of `notable` is seen."""
    finding = Finding.PASSED if asked.low > 0 else Finding.FAILED if asked.it.difference <= 0 else Finding.UNDECIDED
    if asked.only_veto and asked.high >= 0 and finding == Finding.FAILED:
        finding = Finding.UNDECIDED
    return asked.answered(finding, f"{said}, {asked.bounds(unit)}", asked.power(notable))


def above(name: str, figure: Figure, figure_is: str, floor: float) -> Rule:
    """A point estimate above a floor; only shares of exact answers have one."""
    if figure_is != "exact":
        return not_applicable(name, "no item" if figure_is == "not applicable" else f"{figure_is} has no floor")
    is_above = figure.n > 0 and (figure.value > floor or floor == 0)
    beside = f"{'above' if is_above else 'not above'} {floor:.2f}" if floor else "and no floor is set"
    words = f"{name}: {shown(figure)}, {beside}"
    words = words if figure.n else f"{name}: no item has a score, so nothing is above {floor:.2f}"
    return Rule(name=name, finding=met(is_above), words=words, limit=floor, n=figure.n)


def plain(name: str, is_met: bool, words: str) -> Rule:
    """A rule that is met or not, without a test."""
    return Rule(name=name, finding=met(is_met), words=f"{name}: {words}")


def not_applicable(name: str, why: str) -> Rule:
    """A rule that has nothing to ask."""
    return Rule(name=name, finding=Finding.NOT_APPLICABLE, words=f"{name}: not applicable, {why}")


def undecided(name: str, words: str, n: int | None = None) -> Rule:
    """A rule whose items say nothing at all."""
    return Rule(name=name, finding=Finding.UNDECIDED, words=f"{name}: {words}", n=n)


def met(is_met: bool) -> Finding:
    """Passed or failed."""
    return Finding.PASSED if is_met else Finding.FAILED


def shown(figure: Figure) -> str:
    """A figure as rules write it."""
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] (n = {figure.n})"


def _finite(bound: float) -> float | None:
    """One cluster has no bounds."""
    return bound if math.isfinite(bound) else None
