"""Whether the next generation is due: pure, from counts to a decision that tells all its numbers.

Due as soon as one budget is reached (data, conversations, karma, time: the first of them is named) and all that is
required is there (diversity, and rows that an example may come of). Whether enough would be held out to judge by is
another question, which the cut asks (log.py). Not here: counting (counting.py), and who asks (sensors/).
"""

from __future__ import annotations

from dataclasses import dataclass

from vibe_pipeline.records import Counts
from vibe_pipeline.settings import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A number beside what is wanted of it."""

    name: str
    value: float
    wanted: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether there is as much."""
        return self.value >= self.wanted

    @property
    def words(self) -> str:
        """Both in one: "212 of 500 conversations"."""
        return f"{rounded(self.value):,} of {rounded(self.wanted):,} {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What was found: each budget that is set, each requirement, and whether a generation is due by them."""

    budgets: tuple[Condition, ...]
    required: tuple[Condition, ...]

    @property
    def reached(self) -> Condition | None:
        """The first budget that is reached."""
        return next((it for it in self.budgets if it.is_met), None)

    @property
    def lacking(self) -> tuple[Condition, ...]:
        """What is required and not there."""
        return tuple(it for it in self.required if not it.is_met)

    @property
    def is_due(self) -> bool:
        """Whether a generation may be opened, as far as counts tell."""
        return self.reached is not None and not self.lacking

    @property
    def words(self) -> str:
        """All numbers that decide, in one line."""
        if self.reached is None:
            return "; ".join(it.words for it in self.budgets) or "every budget of [trigger] is 0"
        lacking = ", ".join(it.words for it in self.lacking)
        return f"{self.reached.words}, but only {lacking}" if lacking else self.reached.words


def readiness(counts: Counts, trigger: Trigger) -> Readiness:
    """Budgets in the order in which they are asked, then what is required whichever is reached."""
    share = counts.meaningful / counts.rows if counts.rows else 0.0
    budgets = (
        ("megabytes", counts.bytes / 1e6, trigger.megabytes * trigger.fires_at, "MB"),
        ("conversations", counts.conversations, trigger.conversations, "new conversations"),
        ("karma", counts.karma, trigger.karma, "karma"),
        ("hours", counts.hours, trigger.hours, "hours"),
    )
    required = (
        ("min_conversations", counts.conversations, trigger.min_conversations, "distinct conversations"),
        ("min_kinds", counts.kinds, trigger.min_kinds, "kinds of actions"),
        ("min_modules", counts.modules, trigger.min_modules, "modules"),
        ("min_entropy", counts.entropy, trigger.min_entropy, "bits over conversations"),
        ("min_meaningful", 100 * share, 100 * trigger.min_meaningful, "% meaningful rows"),
    )
    return Readiness(
        budgets=tuple(_condition(*it) for it in budgets if it[2]),
        required=tuple(_condition(*it) for it in required),
    )


def _condition(name: str, value: float, wanted: float, unit: str) -> Condition:
    return Condition(name=name, value=value, wanted=wanted, unit=unit)


def rounded(value: float) -> float:
    """Whole numbers as such; others to one digit, towards zero, so that 99.97 of 100 is not shown as reached."""
    return int(value) if value == int(value) else int(value * 10) / 10
