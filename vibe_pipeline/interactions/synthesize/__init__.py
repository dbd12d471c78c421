"""`vibe synthesize`: interactions from packages, templates and the log's own code; the log needs no user to begin.

Facts become questions in two wordings, and a probe in a third that is never logged; mistakes become conversations of
two turns: the failing run, then the fixed one. What else there is has a number of its own (`Amounts`): documents,
signatures, examples, tasks, tests, variants, labels, and augmentations of all that. What claims to work has run.

Nothing is written here: the caller logs. Ids hash what is said, so that synthesising twice adds nothing, and a changed
docstring adds the new fact.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypedDict, Unpack

from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.synthesize.augment import augmented, in_order
from vibe_pipeline.interactions.synthesize.documentation import PROBE_WORDINGS, facts_of, probes_of_fact, rows_of_fact
from vibe_pipeline.interactions.synthesize.documents import documents_of, rows_of_document
from vibe_pipeline.interactions.synthesize.examples import examples_of, rows_of_example
from vibe_pipeline.interactions.synthesize.from_log import FromLog
from vibe_pipeline.interactions.synthesize.functions import Function
from vibe_pipeline.interactions.synthesize.functions.generated_tests import tested
from vibe_pipeline.interactions.synthesize.functions.logged import function_in, without_namesakes
from vibe_pipeline.interactions.synthesize.functions.rows import probes_of_tests, row_of_variant, rows_of_tests
from vibe_pipeline.interactions.synthesize.functions.standalone import standalone
from vibe_pipeline.interactions.synthesize.functions.variants import variant_of
from vibe_pipeline.interactions.synthesize.labels import labelled
from vibe_pipeline.interactions.synthesize.made import SOURCE
from vibe_pipeline.interactions.synthesize.mistakes import pairs_of, rows_of_pair
from vibe_pipeline.interactions.synthesize.packages import Package, find
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.interactions.synthesize.sentences import MAX_WORDS, MIN_WORDS
from vibe_pipeline.interactions.synthesize.signatures import probe_of_signature, rows_of_signature, signature_facts
from vibe_pipeline.interactions.synthesize.tasks import row_of_task, tasks_of
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.sandbox import Limits
from vibe_pipeline.settings import Curate

CANDIDATES = 20
"""Interactions of the log that are looked at for each that is wanted: most hold no code, or fit no frame."""

NO_FACTS = "no public docstring whose first sentence could be learned"
logger = logging.getLogger(__name__)

__all__ = ["SOURCE", "Amounts", "FromLog", "Synthesis", "synthesize"]


class Amounts(TypedDict, total=False):
    """How many of each in all, at most. What is left out is 0; of facts all, and of mistakes 20 a package (60)."""

    facts: int | None
    wordings: int
    """Probes of each fact: 1 if left out."""
    mistakes: int | None
    documents: int
    signatures: int
    examples: int
    tasks: int
    tests: int
    """Functions that get tests."""
    variants: int
    labels: int
    augment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """What was made: interactions to log, and probes that must never be logged as such."""

    interactions: tuple[Interaction, ...]
    probes: tuple[Probe, ...]


def synthesize(
    packages: Sequence[str],
    *,
    seed: int = 0,
    log: FromLog | None = None,
    watch: Watch = nobody,
    **amounts: Unpack[Amounts],
) -> Synthesis:
    """Interactions from installed packages, dotted modules, source folders or .py files, and from a log where given.

    Source is read, not run, to find facts, signatures and documents (see packages.py for the exceptions). Mistakes are
    run, in the sandbox, and need the package to be importable: without a number, what is not importable has none, and
    neither has a folder or file, whose top-level code would run when it is imported. Functions are cut out and run for
    tests and variants. A log gives functions, code to label and interactions to augment.
    """
    _check(packages, log, amounts)
    work = _Work(seed, watch, datetime.now(UTC), Limits())
    with watch("reading packages") as advance:
        found = []
        for number, spec in enumerate(specs := list(dict.fromkeys(packages))):
            advance(number, len(specs), spec)
            found.append(find(spec))
        read = _read(found, work, amounts)
    made = [read, _run(found, work, amounts), _called(found, log, work, amounts)]
    rows = [row for part in made for row in part.interactions]
    labels = _labels(log, work, amounts.get("labels", 0))
    more = _augmented(rows, log, work, amounts.get("augment", 0))
    if found and amounts.get("facts") != 0 and not (rows or labels or more):
        raise _nothing(found)
    probes = [probe for part in made for probe in part.probes]
    return Synthesis(interactions=(*rows, *labels, *more), probes=tuple(probes))


def _nothing(found: Sequence[Package]) -> SourceUnreadable:
    names = ", ".join(package.name for package in found)
    return SourceUnreadable(
        f"nothing was made of {names}: {NO_FACTS}, and what else was asked for gave nothing",
        f"Write docstrings ({MIN_WORDS} to {MAX_WORDS} words in the first sentence), ask for signatures, tests or"
        " documents, or name another package",
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What all that is made has in common."""

    seed: int
    watch: Watch
    now: datetime
    limits: Limits


def _check(packages: Sequence[str], log: FromLog | None, amounts: Amounts) -> None:
    if amounts.get("labels") and log is None:
        raise SettingsInvalid(f"labels = {amounts['labels']} without a log to label", "Take the log, or leave it out")
    if isinstance(packages, str) or not all(packages) or not (packages or log or amounts.get("tasks")):
        raise SettingsInvalid(f"packages = {packages!r} names no package", "Give one name or more, or take the log")
    for name, value in amounts.items():
        if isinstance(value, int) and value < 0:
            raise SettingsInvalid(f"{name} = {value} is below 0", "Give 0 or more, or leave it out")
    if not 1 <= (wordings := amounts.get("wordings", 1)) <= (most := len(PROBE_WORDINGS)):
        raise SettingsInvalid(f"wordings = {wordings} is not between 1 and {most}", "Name one of these")


def _read(found: Sequence[Package], work: _Work, amounts: Amounts) -> Synthesis:
    """What packages say: nothing of this runs."""
    limit = amounts.get("facts")
    for package in found:
        if limit != 0 and not facts_of([package], limit=1, seed=work.seed):
            logger.warning("no facts from %s: %s", package.name, NO_FACTS)
    facts = facts_of(found, limit=limit, seed=work.seed)
    signatures = signature_facts(found, limit=amounts.get("signatures", 0), seed=work.seed)
    documents = documents_of(found, limit=amounts.get("documents", 0), seed=work.seed)
    rows = (
        *(row for fact in facts for row in rows_of_fact(fact, work.now)),
        *(row for fact in signatures for row in rows_of_signature(fact, work.now)),
        *(row for document in documents for row in rows_of_document(document, work.now)),
    )
    probes = (
        *(probe for fact in facts for probe in probes_of_fact(fact, work.now, amounts.get("wordings", 1))),
        *(probe_of_signature(fact, work.now) for fact in signatures),
    )
    return Synthesis(interactions=rows, probes=probes)


def _run(found: Sequence[Package], work: _Work, amounts: Amounts) -> Synthesis:
    """What their snippets and examples do, and small tasks, which need no package."""
    mistakes, now = amounts.get("mistakes"), work.now
    breakable = [package for package in found if mistakes is not None or package.search_path is None]
    pairs = pairs_of(breakable, limit=mistakes, seed=work.seed, limits=work.limits, watch=work.watch)
    examples = examples_of(found, amounts.get("examples", 0), work.seed, work.limits, work.watch)
    tasks = tasks_of(amounts.get("tasks", 0), work.seed, work.limits, work.watch)
    rows = (
        *(row for pair in pairs for row in rows_of_pair(pair, now)),
        *(row for example in examples for row in rows_of_example(example, now)),
        *(row_of_task(task, now) for task in tasks),
    )
    return Synthesis(interactions=rows, probes=())


def _called(found: Sequence[Package], log: FromLog | None, work: _Work, amounts: Amounts) -> Synthesis:
    """What functions do, those of the log first: their tests, and variants that are faster."""
    rows: list[Interaction] = []
    probes: list[Probe] = []
    if limit := amounts.get("tests", 0):
        with work.watch("tests") as advance:
            functions = itertools.chain(_logged_by_name(log, work, limit), standalone(found, work.seed))
            for it in successes(limit, lambda one: tested(one, work.seed, work.limits), functions, advance):
                rows += rows_of_tests(it, work.now)
                probes += probes_of_tests(it, work.now)
    if limit := amounts.get("variants", 0):
        with work.watch("variants") as advance:
            functions = itertools.chain(_logged(log, work, limit), standalone(found, work.seed))
            for variant in successes(limit, lambda one: variant_of(one, work.seed, work.limits), functions, advance):
                rows.append(row_of_variant(variant, work.now))
    return Synthesis(interactions=tuple(rows), probes=tuple(probes))


def _logged(log: FromLog | None, work: _Work, limit: int) -> list[Function]:
    answers = log.with_code(CANDIDATES * limit, work.seed) if log is not None else []
    return list(filter(None, map(function_in, answers)))


def _logged_by_name(log: FromLog | None, work: _Work, limit: int) -> list[Function]:
    """Those that a question may name; who else bears a name is asked of the whole log, whatever the number is."""
    functions = _logged(log, work, limit)
    answers = log.with_code_of({it.name for it in functions}) if log is not None else []
    return without_namesakes(functions, filter(None, map(function_in, answers)))


def _labels(log: FromLog | None, work: _Work, limit: int) -> list[Interaction]:
    if log is None or not limit:
        return []
    with work.watch("labels") as advance:
        candidates = log.to_label(CANDIDATES * limit, work.seed)
        return list(successes(limit, lambda one: labelled(one, work.limits, work.now), candidates, advance))


def _augmented(rows: Sequence[Interaction], log: FromLog | None, work: _Work, limit: int) -> list[Interaction]:
    """Of what was just made and of the log."""
    if not limit:
        return []
    logged = log.to_augment(CANDIDATES * limit, work.seed) if log is not None else []
    later = work.now + timedelta(milliseconds=1)  # an augmentation follows what it was made from
    curate = log.settings if log is not None else Curate()
    with work.watch("augmentations") as advance:
        attempt = partial(augmented, actions=curate, now=later, seed=work.seed, limits=work.limits)
        found = successes(limit, attempt, in_order([*logged, *rows], work.seed), advance)
        return list(itertools.chain.from_iterable(found))
