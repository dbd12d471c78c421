"""The nouns: frozen, typed, and known to every stage. No behaviour beyond turning into plain values.

Tables (interactions, examples, mixes, item results) are Arrow or Polars frames on disk; the records here
are single things that people and the ledger read. A `sha` names bytes, a `key` names inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

SCHEMA_VERSION = 1
"""Carried by every Parquet and JSON file; readers of old versions live in interactions/schema.py."""


class Kind(StrEnum):
    """What an example teaches."""

    CODE_GENERATION = "code_generation"
    ERROR_CORRECTION = "error_correction"
    ERROR_PREDICTION = "error_prediction"
    OPTIMIZATION = "optimization"
    PREFERENCE = "preference"
    PATTERN = "pattern"
    CONVERSATION = "conversation"
    DOCUMENT = "document"


ONE_ANSWER = (Kind.CONVERSATION, Kind.ERROR_PREDICTION)
"""Kinds in which a prompt has one answer: a task has many programs that solve it, a passage no prompt."""


class Stage(StrEnum):
    """Curriculum stages, in the order in which a mix is trained."""

    FUNDAMENTALS = "fundamentals"
    MANUAL = "manual"
    LOGS_SPECS = "logs_specs"
    CONVERSATIONS = "conversations"


class Split(StrEnum):
    """Where an example may be used: train is learned from, validation and test are only judged on."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Tier(StrEnum):
    """Whose an example is."""

    OWN = "own"
    SYNTHETIC = "synthetic"
    COMMUNITY = "community"
    TEACHER = "teacher"


class Outcome(StrEnum):
    """How a rung settled."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One logged event: who did what with which input, what came out, whether it worked."""

    interaction_id: str
    conversation_id: str
    turn: int
    occurred_at: datetime
    module: str
    action: str
    input: str
    output: str = ""
    success: bool | None = None
    error_type: str | None = None
    user: str | None = None
    feedback: float | None = None
    improvements: tuple[str, ...] = ()
    learnings: tuple[str, ...] = ()
    model_id: str | None = None
    latency_ms: float | None = None
    source: str = "logger"
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question in a wording that is never logged: shows whether a fact was learned, not a sentence."""

    probe_id: str
    fact: str
    question: str
    answer: str
    occurred_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was said of an interaction afterwards: feedback (a score), an improvement or a learning (a text)."""

    remark_id: str
    interaction_id: str
    kind: str
    occurred_at: datetime
    source: str
    score: float | None = None
    text: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One sealed, content-addressed Parquet file of a log stream, with the counts that decisions need."""

    stream: str
    sequence: int
    sha: str
    rows: int
    bytes: int
    """Of the lines that came in."""
    conversations: int
    held_out: int
    """Rows of which an item is expected that is judged on."""
    month: str = ""
    """When its rows happened, such as 2026-11: the folder it lies in."""
    replaces: tuple[int, ...] = ()
    """Sequences of the smaller segments that were merged into it, and are read no more."""
    learned: int = 0
    """Rows of which an example is expected that is learned from."""
    grouped: int = 0
    """Rows of conversations that name a group (`curate.group`)."""
    counted_by: str = ""
    """Key of the settings by which these three were counted; empty where they do not hang on any, or are older."""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHealth:
    """Whether the log is alive and what comes in can be read: figures, each beside its limit."""

    interactions: int
    age_days: float | None
    """Of the newest interaction; None where there is none."""
    stale_days: float
    quarantined: int
    quarantine_share: float
    """Of all that came in, in every stream."""
    quarantine_limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Closes the window of one generation: which sealed segments are its delta, and where the log stood."""

    generation: int
    interaction_segments: tuple[str, ...]
    probe_segments: tuple[str, ...]
    interactions_position: int
    probes_position: int
    interactions: int
    probes: int
    expected_held_out: int
    previous: str | None
    remark_segments: tuple[str, ...] = ()
    remarks_position: int = -1
    schema_version: int = SCHEMA_VERSION


def generation_name(generation: int) -> str:
    """g000, g001, …: how people and partitions call a generation."""
    return f"g{generation:03d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSet:
    """The examples of one generation. Rows lie train first, then by kind, so that `counts` are also offsets."""

    generation: int
    sha: str
    suite_sha: str
    rows: int
    counts: tuple[tuple[str, str, int, int], ...]
    """(split, kind, rows, characters) in file order."""
    dropped: dict[str, int]
    synthetic: tuple[int, ...] = ()
    """How many rows of each of these counts are synthetic; they lie last."""
    leaks: dict[str, int] = field(default_factory=dict)
    """What is on both sides of the split, counted over the rows."""
    withdrawn: int = 0
    """Rows of earlier generations that this one took back: disliked since, or answered anew."""
    withdrawn_sha: str = ""
    """Of withdrawn/<sha>.parquet, with all that was taken back so far; empty where nothing was."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each step of curation."""
    group: str | None = None
    """What `curate.group` named; None where nobody noted it yet."""
    grouped: int = 0
    """Rows that have such a group; a probe has none."""
    group_since: int | None = None
    """From which generation on, without a break, it is what is named here; None where nobody noted it yet."""
    were_split: int = 0
    """Such groups that were on both sides of the split before that."""
    unlisted: int = 0
    """Interactions of actions that no list of `[curate]` names."""
    unlisted_actions: dict[str, int] = field(default_factory=dict)
    """The commonest of these actions and their interactions."""
    schema_version: int = SCHEMA_VERSION

    def train_rows(self, kinds: tuple[str, ...]) -> int:
        """Rows that a lineage of these kinds may train on."""
        return sum(map(len, self.train_ranges(kinds)))

    def held_out_rows(self, kinds: tuple[str, ...]) -> int:
        """Rows that a lineage of these kinds is judged on."""
        return sum(rows for split, kind, rows, _ in self.counts if split != Split.TRAIN and kind in kinds)

    def train_characters(self, kinds: tuple[str, ...]) -> int:
        """Characters of prompts and completions of those rows."""
        return sum(size for split, kind, _, size in self.counts if split == Split.TRAIN and kind in kinds)

    def train_ranges(self, kinds: tuple[str, ...], synthetic: bool | None = None) -> list[range]:
        """Where those rows lie in the file; all of them, or only those that are synthetic, or that are not."""
        ranges, start = [], 0
        for at, (split, kind, rows, _) in enumerate(self.counts):
            own = start + rows - (self.synthetic[at] if self.synthetic else 0)
            if split == Split.TRAIN and kind in kinds:
                chosen = {None: (start, start + rows), False: (start, own), True: (own, start + rows)}[synthetic]
                ranges.append(range(*chosen))
            start += rows
        return ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What one rung trains on: an ordered Parquet file, one row per example and epoch."""

    sha: str
    rows: int
    epochs: int
    delta_rows: int
    replay_rows: int
    """Both per epoch."""
    left_for_later: int
    """Rows of the delta that wait: the rung's budget has no room, or too many others are synthetic."""
    left_as_synthetic: int = 0
    """Of these, those that the budget has room for: too many others are synthetic."""
    synthetic_rows: int = 0
    """Of `rows`."""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a training run did. `measured` holds what depends on the clock and stays out of hashes."""

    adapter_sha: str
    steps: int
    learning_rate: float
    loss_start: float
    loss_end: float
    label_tokens: int
    tokens: int
    loss_curve: tuple[float, ...]
    gradient_norm_max: float
    adapter_change: float
    device: str
    dtype: str
    threads: int
    stopped: str
    """'complete', or 'max_minutes' when the clock ended the run before its last step."""
    measured: dict[str, float]
    """walltime_min, tokens_per_s."""
    schema_version: int = SCHEMA_VERSION


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
    gained: int | None = None
    """Items that it alone has right; None where what is compared are not right answers."""
    lost: int | None = None
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
    gain: Comparison | None = None
    """Right answers to the new suites: child beside parent."""
    gain_nll: Comparison | None = None
    """NLL of the new items in nats a token: what the child has less than the parent; of free-form items where there are
    any, else of all."""
    nll_before: float = 0.0
    """The parent's mean NLL of these items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Whether a model tells labels apart: of one new part whose answers are a few labels."""

    generation: int
    items: int
    labels: int
    balanced: Figure
    """Mean over labels of the share that was told right."""
    spread: float
    """Entropy of its predictions beside that of the answers: near 0 where it always says the same."""


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


T = TypeVar("T")


_ADAPTERS: dict[type[Any], Any] = {}
"""pydantic's, of records that were written or read: to make one takes milliseconds."""


def plain(record: Any) -> dict[str, Any]:
    """A record as values for JSON."""
    values = _adapter(type(record)).dump_python(record, mode="json")
    assert isinstance(values, dict)
    return values


def load(kind: type[T], values: dict[str, Any]) -> T:
    """The record that `plain` gave these values for."""
    record: T = _adapter(kind).validate_python(values)
    return record


def _adapter(kind: type[Any]) -> Any:
    from pydantic import TypeAdapter  # not above: a program that only logs must stay light

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
