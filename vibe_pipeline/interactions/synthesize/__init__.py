"""`vibe synthesize`: interactions from a package's own documentation and behaviour; the log needs no user to begin.

Facts become questions in two wordings, and a probe in a third that is never logged. Mistakes become
conversations of two turns: the failing run, then the fixed one. Nothing is written here: the caller logs.
Ids hash what is said, so that synthesising twice adds nothing, and a changed docstring adds the new fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.documentation import PROBE_WORDING, WORDINGS, Fact, facts_of
from vibe_pipeline.interactions.synthesize.mistakes import Pair, pairs_of
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.interactions.synthesize.sentences import MAX_WORDS, MIN_WORDS
from vibe_pipeline.records import Interaction, Probe

SOURCE = "synthesize"

__all__ = ["SOURCE", "Synthesis", "synthesize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """What a package gave: interactions to log, and probes that must never be logged as such."""

    interactions: tuple[Interaction, ...]
    probes: tuple[Probe, ...]


def synthesize(
    packages: Sequence[str], *, facts: int | None = None, mistakes: int | None = None, seed: int = 0
) -> Synthesis:
    """Interactions from installed packages, dotted modules, source folders or .py files.

    `facts` and `mistakes` limit the totals; None takes all facts, and 20 mistakes a package (60 at most).
    Source is read, not run, to find facts (see packages.py for the exceptions); mistakes are run, in processes
    of their own, and need the package to be importable: without a number, what is not importable has none, and
    neither has a folder or file, whose top-level code would run when it is imported.
    """
    _check(packages, facts, mistakes)
    found = [find(spec) for spec in dict.fromkeys(packages)]
    for package in found:
        if facts != 0 and not facts_of([package], limit=1, seed=seed):
            raise SourceUnreadable(
                f"{package.name} has no public docstring whose first sentence could be learned",
                f"Write docstrings ({MIN_WORDS} to {MAX_WORDS} words in the first sentence), or name another package",
            )
    chosen = facts_of(found, limit=facts, seed=seed)
    now = datetime.now(UTC)
    asked = [question for fact in chosen for question in _questions(fact, now)]
    run = [package for package in found if mistakes is not None or package.search_path is None]
    fixed = [turn for pair in pairs_of(run, limit=mistakes, seed=seed) for turn in _turns(pair, now)]
    return Synthesis(interactions=(*asked, *fixed), probes=tuple(_probe(fact, now) for fact in chosen))


def _check(packages: Sequence[str], facts: int | None, mistakes: int | None) -> None:
    if isinstance(packages, str) or not packages or not all(packages):
        raise SettingsInvalid(f"packages = {packages!r} names no package", "Give one name or more")
    for name, value in (("facts", facts), ("mistakes", mistakes)):
        if value is not None and value < 0:
            raise SettingsInvalid(f"{name} = {value} is below 0", "Give 0 or more, or leave it out")


def _questions(fact: Fact, now: datetime) -> Iterator[Interaction]:
    for wording, template in WORDINGS.items():
        question = template.format(name=fact.name)
        yield Interaction(
            interaction_id=key_of([SOURCE, fact.package, fact.name, question, fact.answer]),
            conversation_id=key_of([SOURCE, fact.package, fact.name, question, fact.answer]),
            turn=0,
            occurred_at=now,
            module=fact.package,
            action="ask",
            input=question,
            output=fact.answer,
            success=True,
            source=SOURCE,
            extra={"fact": fact.name, "wording": wording},
        )


def _turns(pair: Pair, now: datetime) -> Iterator[Interaction]:
    conversation = key_of([SOURCE, pair.package, pair.failing, pair.working])
    for turn, (code, output) in enumerate(((pair.failing, pair.traceback), (pair.working, pair.printed))):
        yield Interaction(
            interaction_id=key_of([SOURCE, pair.package, turn, code, output, conversation]),
            conversation_id=conversation,
            turn=turn,
            occurred_at=now,
            module=pair.package,
            action="run",
            input=code,
            output=output,
            success=turn == 1,
            error_type=pair.error_type if turn == 0 else None,
            source=SOURCE,
            extra={"mistake": pair.mistake},
        )


def _probe(fact: Fact, now: datetime) -> Probe:
    question = PROBE_WORDING.format(name=fact.name)
    return Probe(
        probe_id=key_of([SOURCE, fact.package, fact.name, question, fact.answer]),
        fact=fact.name,
        question=question,
        answer=fact.answer,
        occurred_at=now,
        source=SOURCE,
    )
