"""Error → fix pairs of packages: a working snippet, the same with one mistake, and what Python says to each.

Nothing is made up: both versions are run, and a pair is kept only where the first works and prints and the
second fails in its own lines. So the package is imported here, in processes of their own (see sandbox/).
"""

from __future__ import annotations

import logging
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.made import SOURCE
from vibe_pipeline.interactions.synthesize.mutations import mutations
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, importable_names
from vibe_pipeline.interactions.synthesize.pool import successes
from vibe_pipeline.interactions.synthesize.snippets import Snippet, snippets_for
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits, Run, repeats, run, run_all

MUTATIONS_TRIED = 4
"""A snippet; most fail with the first."""
PER_PACKAGE, AT_MOST = 20, 60
"""Pairs made when nobody says how many."""
MAX_TRACEBACK, MAX_PRINTED = 400, 200
"""Characters."""

CHANGING = re.compile(r"0x[0-9a-f]{6,}| at 0x")
OF_THE_SANDBOX = re.compile(r"/snippet\b(?!\.)|\b(nobody|localhost)\b")
"""Its folder, its user and its host name."""
NOT_FOR_USERS = re.compile(r"_[a-zA-Z]\w*$")
"""A private class is nothing to teach."""
LIMITS = Limits()
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pair:
    """One mistake with its fix, as both ran."""

    package: str
    mistake: str
    failing: str
    traceback: str
    error_type: str
    working: str
    printed: str


@dataclass(frozen=True, slots=True)
class _Task:
    package: Package
    public: PublicName
    number: int
    seed: int


def pairs_of(
    packages: Sequence[Package], *, limit: int | None, seed: int, limits: Limits = LIMITS, watch: Watch = nobody
) -> list[Pair]:
    """Up to `limit` pairs, at most one a public name, in the order of a seeded choice."""
    wanted = min(PER_PACKAGE * len(packages), AT_MOST) if limit is None else limit
    usable = [(package, _imported(package, limits, must=limit is not None)) for package in packages if wanted]
    tasks = _tasks(usable, seed)[: 3 * wanted + 20]
    with watch("mistakes") as advance:
        return list(successes(wanted, lambda task: _pair(task, limits), tasks, advance, lambda pair: pair.failing))


def rows_of_pair(pair: Pair, now: datetime) -> Iterator[Interaction]:
    """The failing run, then the working one, in one conversation."""
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


def _imported(package: Package, limits: Limits, *, must: bool) -> list[str]:
    """Which of its modules can be imported; raises where none can and pairs were asked for by number."""
    names = package.to_import()
    tried = run("\n".join(f"import {name}" for name in names), search_path=package.search_path, limits=limits)
    if tried.worked:
        return names
    each = names if len(names) > 1 else []
    alone = run_all((f"import {name}" for name in each), search_path=package.search_path, limits=limits)
    works = [name for name, it in zip(each, alone, strict=True) if it.worked]
    if works:
        missing = ", ".join(sorted(set(names).difference(works)))
        log.warning("no mistakes from %s of %s: importing fails", missing, package.name)
        return works
    reason = tried.output.splitlines()[-1] if tried.output else str(tried.error_type)
    if must:
        if tried.error_type == "Timeout":
            what, remedy = (
                f"importing {package.name} does not end within {limits.seconds:g} seconds",
                "Name a module of it",
            )
        else:
            what, remedy = (
                f"importing {package.name} fails: {_without_machine(reason)}",
                "Install what it needs beside vibe",
            )
        raise SourceUnreadable(what, f"{remedy}, or ask for no mistakes (--mistakes 0)")
    log.warning("no mistakes from %s, importing it fails: %s", package.name, reason)
    return []


def _tasks(usable: Sequence[tuple[Package, list[str]]], seed: int) -> list[_Task]:
    tops = [(package, {name.partition(".")[0] for name in names}) for package, names in usable]
    found = [
        (package, public)
        for package, those in tops
        for public in importable_names(package)
        if public.module.partition(".")[0] in those
    ]
    found.sort(key=lambda pair: key_of([seed, "mistake", pair[1].name]))
    return [_Task(package, public, number, seed) for number, (package, public) in enumerate(found)]


def _pair(task: _Task, limits: Limits) -> Pair | None:
    chooser = random.Random(key_of([task.seed, task.public.name]))
    for snippet in snippets_for(task.public, chooser):
        working = proven(snippet, task.package.search_path, limits)
        if working is not None:
            return _broken(snippet.code, working, task, chooser, limits)
    return None


def proven(snippet: Snippet, search_path: str | None, limits: Limits) -> Run | None:
    """Its run, if it works and prints something short that stays the same."""
    done = run(snippet.code, search_path=search_path, limits=limits)
    if not done.worked or not 0 < len(done.output) <= MAX_PRINTED or tells_of_machine(done.output, search_path):
        return None
    if NOT_FOR_USERS.match(done.output):
        return None
    return done if repeats(done, snippet.code, search_path=search_path, limits=limits) else None


def _broken(code: str, working: Run, task: _Task, chooser: random.Random, limits: Limits) -> Pair | None:
    for mistake, mutated in _first(mutations(code, chooser, task.number)):
        place = task.package.search_path
        failed = run(mutated, search_path=place, limits=limits)
        if is_lesson(failed, place) and repeats(failed, mutated, search_path=place, limits=limits):
            name = str(failed.error_type)
            return Pair(task.package.name, mistake, mutated, failed.output, name, code, working.output)
    return None


def _first(found: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for _, pair in zip(range(MUTATIONS_TRIED), found, strict=False)]


def is_lesson(failed: Run, search_path: str | None) -> bool:
    """Whether a run failed in its own lines, shortly, and tells nothing of this machine."""
    if failed.worked or not 0 < len(failed.output) <= MAX_TRACEBACK or tells_of_machine(failed.output, search_path):
        return False
    return 'File "snippet.py"' in failed.output and failed.error_type not in {"MemoryError", "Elsewhere"}


def _machine_paths() -> list[str]:
    paths = {sys.prefix, sys.base_prefix, str(Path.home()), tempfile.gettempdir(), str(Path.cwd())}
    return sorted((path for path in paths if len(path) > 1), key=len, reverse=True)


def tells_of_machine(text: str, search_path: str | None) -> bool:
    """An address in memory, a name of the sandbox or a path of this machine: no lesson; the last nobody's business."""
    places = [*_machine_paths(), *([search_path] if search_path else [])]
    if CHANGING.search(text) or OF_THE_SANDBOX.search(text):
        return True
    return any(place in text for place in places)


def _without_machine(text: str) -> str:
    for place in _machine_paths():
        text = text.replace(place, "…")
    return text
