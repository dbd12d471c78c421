"""The nouns: frozen, typed, and known to every stage. No behaviour beyond turning into plain values.

Tables (interactions, examples, mixes, item results) are Arrow or Polars frames on disk; the records here
are single things that people and the ledger read. A `sha` names bytes, a `key` names inputs. Not here: what is said of
a model (judgement.py).
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
    sealed_at: str = ""
    """When its first row was sealed, in ISO 8601; empty where it is older than this field."""
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
class Counts:
    """What was sealed since the last cut, in the numbers that a trigger looks at."""

    bytes: int
    """Of the lines that came in, in every stream."""
    rows: int
    """Interactions, as those below."""
    conversations: int
    entropy: float
    """Bits, of how rows lie over conversations: of eight equally long ones 3."""
    kinds: int
    """Lists of `[curate]` of which an action is there."""
    modules: int
    meaningful: int
    """Rows that an example may come of."""
    karma: float
    """Sum of feedback, less `curate.neutral` each."""
    hours: float
    """Since the first of them was sealed; 0 where there is none, or the clock went back."""


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


OFFERED_AGAIN = 2
"""How many deltas of unpromoted rungs the next mix takes along."""


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
