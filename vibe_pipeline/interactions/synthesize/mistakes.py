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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.mutations import mutations
from vibe_pipeline.interactions.synthesize.packages import Package, PublicName, public_names
from vibe_pipeline.interactions.synthesize.sandbox import Limits, Run, run
from vibe_pipeline.interactions.synthesize.snippets import Snippet, snippets_for

WORKERS = 2
MUTATIONS_TRIED = 4
"""A snippet; most fail with the first."""
PER_PACKAGE, AT_MOST = 20, 60
"""Pairs made when nobody says how many."""
MAX_TRACEBACK, MAX_PRINTED = 400, 200
"""Characters."""

CHANGING = re.compile(r"0x[0-9a-f]{6,}| at 0x")
NOT_FOR_USERS = re.compile(r"_[a-zA-Z]\w*$")
"""A private class is nothing to teach."""
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


def pairs_of(packages: Sequence[Package], *, limit: int | None, seed: int, limits: Limits | None = None) -> list[Pair]:
    """Up to `limit` pairs, at most one a public name, in the order of a seeded choice."""
    wanted = min(PER_PACKAGE * len(packages), AT_MOST) if limit is None else limit
    limits = limits or Limits()
    usable = [package for package in packages if wanted and _imports(package, limits, must=limit is not None)]
    tasks = _tasks(usable, seed)[: 3 * wanted + 20]
    pairs: dict[str, Pair] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(tasks), 2 * WORKERS):
            if len(pairs) >= wanted:
                break
            for pair in pool.map(lambda task: _pair(task, limits), tasks[start : start + 2 * WORKERS]):
                if pair is not None:
                    pairs.setdefault(pair.failing, pair)
    return list(pairs.values())[:wanted]


def _imports(package: Package, limits: Limits, *, must: bool) -> bool:
    """Whether its modules can be imported; raises where pairs were asked for by number."""
    names = sorted({root.module.path if root.is_class else written for written, root in package.modules})
    tried = run("\n".join(f"import {name}" for name in names), search_path=package.search_path, limits=limits)
    if tried.worked:
        return True
    reason = tried.output.splitlines()[-1] if tried.output else str(tried.error_type)
    if must:
        raise SourceUnreadable(
            f"importing {package.name} fails: {_without_machine(reason)}",
            "Install what it needs beside vibe, or ask for no mistakes",
        )
    log.warning("no mistakes from %s, importing it fails: %s", package.name, reason)
    return False


def _tasks(packages: Sequence[Package], seed: int) -> list[_Task]:
    found = [(package, public) for package in packages for public in public_names(package)]
    found.sort(key=lambda pair: key_of([seed, "mistake", pair[1].name]))
    return [_Task(package, public, number, seed) for number, (package, public) in enumerate(found)]


def _pair(task: _Task, limits: Limits) -> Pair | None:
    chooser = random.Random(key_of([task.seed, task.public.name]))
    for snippet in snippets_for(task.public, chooser):
        working = _proven(snippet, task.package, limits)
        if working is not None:
            return _broken(snippet.code, working, task, chooser, limits)
    return None


def _proven(snippet: Snippet, package: Package, limits: Limits) -> Run | None:
    """Its run, if it works and prints something short that stays the same."""
    first = run(snippet.code, search_path=package.search_path, limits=limits)
    if not first.worked or not 0 < len(first.output) <= MAX_PRINTED or _tells_of_machine(first.output, package):
        return None
    if NOT_FOR_USERS.match(first.output):
        return None
    if snippet.is_example and run(snippet.code, search_path=package.search_path, limits=limits) != first:
        return None
    return first


def _broken(code: str, working: Run, task: _Task, chooser: random.Random, limits: Limits) -> Pair | None:
    for mistake, mutated in _first(mutations(code, chooser, task.number)):
        failed = run(mutated, search_path=task.package.search_path, limits=limits)
        if _is_lesson(failed, task.package):
            name = str(failed.error_type)
            return Pair(task.package.name, mistake, mutated, failed.output, name, code, working.output)
    return None


def _first(found: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for _, pair in zip(range(MUTATIONS_TRIED), found, strict=False)]


def _is_lesson(failed: Run, package: Package) -> bool:
    if failed.worked or not 0 < len(failed.output) <= MAX_TRACEBACK or _tells_of_machine(failed.output, package):
        return False
    return 'File "snippet.py"' in failed.output and failed.error_type not in {"MemoryError", "Elsewhere"}


def _machine_paths() -> list[str]:
    paths = {sys.prefix, sys.base_prefix, str(Path.home()), tempfile.gettempdir(), str(Path.cwd())}
    return sorted((path for path in paths if len(path) > 1), key=len, reverse=True)


def _tells_of_machine(text: str, package: Package) -> bool:
    """An address in memory or a path of this machine: neither is a lesson, the second is nobody's business."""
    places = [*_machine_paths(), *([package.search_path] if package.search_path else [])]
    return CHANGING.search(text) is not None or any(place in text for place in places)


def _without_machine(text: str) -> str:
    for place in _machine_paths():
        text = text.replace(place, "…")
    return text
