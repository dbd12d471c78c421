"""The nouns of judging: what was measured of a model, and what the gate says of it. Frozen and typed, as records.py.

No single item is in them: items lie in tables (evaluate/results.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vibe_pipeline.records import SCHEMA_VERSION

DECIDES = 30
"""Items that decide by themselves; fewer, beside more of another sort, only veto."""


class Outcome(StrEnum):
    """How a rung settled."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number people compare: always with its n and its 95 % interval. n = 0 means not applicable."""

    value: float
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartScore:
    """One part of one suite, answered by base, parent and child on the same items."""

    suite_sha: str
    generation: int
    part: str
    scorer: str
    is_new: bool
    items: int
    base: dict[str, Figure]
    parent: dict[str, Figure]
    child: dict[str, Figure]
    """Metric name → figure; metrics are those of the scorer."""
    is_exact: bool = False
    """Whether its items have one right answer each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A model beside another on the same items (paired.py): what a test needs, and no single item any more."""

    n: int
    clusters: int
    """Items that were seen together (of one fact, one conversation) are one cluster."""
    difference: float
    """Mean over items; above 0 where the model is better."""
    error: float | None
    """Standard error of that mean, between clusters; None where there is one."""
    gained: float | None = None
    """Items that it alone has right; None where what is compared are not right answers."""
    lost: float | None = None
    """Items that the other alone has right."""
    effect: float = 1.0
    """Design effect: so many items tell as much as one would alone."""
    skew: float = 0.0
    """Skewness of what is compared, between clusters: of means, whose bounds a few large losses push down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A suite that belongs to no generation and is asked in each: the general one, or one of the user's own."""

    name: str
    suite_sha: str
    scorer: str
    items: int
    base: Figure
    parent: Figure
    child: Figure
    """Of the score that is compared: from 0 to 1."""
    parent_comparison: Comparison | None
    base_comparison: Comparison | None
    """None where no item has a score of both."""
    best_comparison: Comparison | None = None
    """Beside the promoted ancestor that did best on it; None where that is the parent, or there is none."""
    best_sha: str = ""
    """The adapter of that ancestor."""
    is_judged: bool = False
    """Some of its answers are compared by another model."""
    trained_on: tuple[int, ...] = ()
    """Rows of the suite that are in what the lineage learned from: they are neither asked nor compared. (Not their ids:
    those are a person's words, and the ledger keeps this for ever.)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """What the gate tests; None where there is nothing to compare."""

    recall: Comparison | None = None
    """Right answers to earlier suites: child beside parent."""
    since: Comparison | None = None
    """The same beside the champion that was promoted with each suite."""
    since_by_suite: tuple[tuple[int, Comparison], ...] = ()
    """The same for each generation's suite alone."""
    kept: Comparison | None = None
    """Free-form items of earlier suites: what the child gained over the base, less what it must have kept of the
    parent's gain (1 − `retention_margin` of it), in nats a token."""
    gained_before: Comparison | None = None
    """What the parent gained over the base on these items."""
    kept_since: Comparison | None = None
    """What the child gained, less what it must have kept of the gain of the champions that were promoted with each
    suite (1 − `retention_slide_margin` of it)."""
    gained_then: Comparison | None = None
    """What these champions had gained."""
    kept_since_by_suite: tuple[tuple[int, Comparison, Comparison], ...] = ()
    """`kept_since` and `gained_then` for each generation's suite alone."""
    balance: Comparison | None = None
    """Balanced accuracy on the labels of all earlier suites, each as its items weigh: child beside parent."""
    of_rarest: int = 0
    """Items of the label there that has fewest."""
    gain: Comparison | None = None
    """Right answers to the new suites: child beside parent."""
    gain_nll: Comparison | None = None
    """NLL of the new items in nats a token: what the child has less than the parent; of free-form items where there are
    any, else of all."""
    nll_before: float = 0.0
    """The parent's mean NLL of these items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Whether a model tells labels apart: of one part whose answers are a few labels."""

    generation: int
    items: int
    labels: int
    balanced: Figure
    """Mean over labels of the share that was told right."""
    spread: float | None
    """Entropy of its predictions beside that of the answers: near 0 where it always says the same; None where nothing
    but right answers was looked at."""
    beside_parent: Comparison | None = None
    """The same share less the parent's, of an earlier generation's suite; None: the suite is new."""
    only_veto: bool = False
    """Nobody called them labels: there are only few answers to many questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """Everything measured about one adapter, and the figures that the verdict reads."""

    adapter_sha: str
    parts: tuple[PartScore, ...]
    recall: Figure
    recall_parent: Figure
    recall_is: str
    """'exact', 'retention' or 'not applicable'."""
    generalization: Figure
    generalization_parent: Figure
    generalization_base: Figure
    generalization_is: str
    """'exact', 'beats base' or 'not applicable'."""
    style_drift: Figure
    tone: tuple[tuple[str, str, str], ...]
    """(question, answer, the corporate phrase found in it or '') per tone probe."""
    measured: dict[str, float]
    """seconds."""
    comparisons: Comparisons = Comparisons()
    standing: tuple[Standing, ...] = ()
    balances: tuple[Balance, ...] = ()
    kl_base: Figure | None = None
    """Mean divergence from the base on fixed prompts, in nats a token."""
    items_sha: str = ""
    """Of scorecards/<sha>.parquet: which items were asked, and what base, parent and child got for each."""
    missing: int = 0
    """Scores that are not there, of all that were asked for."""
    asked: int = 0
    """All scores that were asked for: one an item and model."""
    schema_version: int = SCHEMA_VERSION


class Finding(StrEnum):
    """What a rule of the gate found."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the gate with its numbers, in words."""

    name: str
    finding: Finding
    words: str
    limit: float | None = None
    """What the rule compares with: a floor, or a margin as a negative difference."""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    """One-sided bounds of the difference, each at `level`."""
    n: int | None = None
    clusters: int | None = None
    level: float | None = None
    power: float | None = None
    """How often so many items would let a harmless child pass, or a gain as large as the margin be seen."""
    items_needed: int | None = None
    """How many items would decide, if the difference stays what it is; None where none would."""
    only_veto: bool = False
    """Passed, because so few items say nothing against it: nothing is shown."""

    @property
    def passed(self) -> bool:
        """Whether it does not stand in the way."""
        return self.finding in (Finding.PASSED, Finding.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Promoted, rejected, undecided or skipped, with every rule behind it."""

    outcome: Outcome
    rules: tuple[Rule, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The rules that stood in the way, those that failed first; all of them when none did."""
        in_the_way = (Finding.FAILED, Finding.UNDECIDED)
        stood = tuple(rule.words for finding in in_the_way for rule in self.rules if rule.finding == finding)
        return stood or tuple(rule.words for rule in self.rules)
