"""Runs small snippets in processes of their own, under limits and shut off from the user's system.

A snippet can read Python and the installed packages, and the modules of a folder that the caller names; it can
write to a folder in memory that goes with it. It has no network, sees no process but its own, and is neither root
nor the user. That is so where Linux lets us use namespaces; elsewhere there are limits and a warning, and each run
says what held. See docs/decisions/0013.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from vibe_pipeline.sandbox import without_fork
from vibe_pipeline.sandbox.limits import LIMITS, Limits
from vibe_pipeline.sandbox.outcome import Run, failed, run_of
from vibe_pipeline.sandbox.probe import Isolation, current
from vibe_pipeline.sandbox.seeds import HASH_SEED, other_seeds
from vibe_pipeline.sandbox.workers import worker

__all__ = [
    "HASH_SEED",
    "Isolation",
    "Limits",
    "Run",
    "failed",
    "isolation",
    "other_seeds",
    "repeats",
    "run",
    "run_all",
]


def run(code: str, *, search_path: str | None = None, limits: Limits = LIMITS, hash_seed: str = HASH_SEED) -> Run:
    """Run `code` as snippet.py in an empty folder; never raises for what the snippet does.

    `search_path` is a folder whose modules can be imported. About 20 ms, and 60 once a thread and hash seed.
    SandboxUnavailable where it could not be run at all, which says nothing of the snippet.
    """
    mode, holds = current()
    search_path = os.path.realpath(search_path) if search_path else None
    if mode == "time":
        return run_of(without_fork.answer(code, search_path, hash_seed, limits), holds, 0.0)
    with worker(mode, search_path, hash_seed) as found:
        return run_of(found.ask(code, limits), holds, found.idle_seconds)


def repeats(done: Run, code: str, *, search_path: str | None = None, limits: Limits = LIMITS) -> bool:
    """Whether code that ended so does and says the same again, under every other hash seed and elsewhere."""
    again = partial(run, code, search_path=search_path, limits=limits)
    return all(again(hash_seed=seed) == done for seed in other_seeds(code))


def run_all(
    codes: Iterable[str], *, search_path: str | None = None, limits: Limits = LIMITS, beside: int | None = None
) -> Iterator[Run]:
    """The runs of many snippets in their order, `beside` each other (None: one a core)."""
    with ThreadPoolExecutor(beside or os.cpu_count()) as pool:
        yield from pool.map(partial(run, search_path=search_path, limits=limits), codes)


def isolation() -> Isolation:
    """What holds for snippets on this system."""
    return current()[1]
