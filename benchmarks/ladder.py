"""Does replay keep the old? The same streams climbed by every strategy: run by `make bench-ladder`.

A run goes through the climbs in the order of ladder_strategies.STRATEGIES, three seeds and all streams of one before
the next, then through further seeds, as long as its minutes last; what a kept climb has found is not measured again, so
an interrupted run goes on, and another run adds what the first had no time for. A strategy with fewer than three seeds
is in no table. Writes docs/benchmarks/ladder.json, the plots, and what is between the marks of
docs/continual-learning.md; the words around them are written by people.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks import ladder_page
from benchmarks.ladder_climb import Climb, climb
from benchmarks.ladder_results import SEEDS, UNTRAINED
from benchmarks.ladder_strategies import REFERENCE, STRATEGIES, WITHOUT, Strategy, steps
from benchmarks.report import machine
from benchmarks.streams import STREAMS, shapes, sizes
from vibe_pipeline.errors import VibeError
from vibe_pipeline.models import base_model
from vibe_pipeline.settings import Lineage, Recipe, home, load
from vibe_pipeline.store import Store

EPOCHS = 2
"""Each fact comes in four wordings, each intent in ten: two epochs show it as often as the demo's six epochs do."""

FIRST = {REFERENCE.name, WITHOUT.name}
"""Measured whatever it takes: without them there is no answer."""


@dataclass(frozen=True, slots=True)
class Group:
    """Climbs that are shown together or not at all."""

    name: str
    climbs: list[Climb]


def main(arguments: list[str] | None = None) -> int:
    """Measure as long as there is time, and write what was found."""
    options = _options(arguments)
    store = Store(options.home)
    try:
        with store.lock("bench-ladder", wait_s=1):
            _sweep(options.home)
            measure(groups(options), options.minutes, options.workers)
            ladder_page.write(
                options.docs, [it for group in groups(options) for it in group.climbs], machine(store.root)
            )
    except VibeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench-ladder: interrupted. Whole climbs stay, run the same command to go on.", file=sys.stderr)
        return 130
    return 0


def groups(options: argparse.Namespace) -> list[Group]:
    """All that may be measured, the most telling first."""
    lineage = Lineage(base_model=options.base, recipe=Recipe(epochs=EPOCHS), max_minutes=24 * 60)
    chosen = [it for it in STRATEGIES if not options.only or it.name in {*options.only, *FIRST}]
    named: list[tuple[str, Strategy | None, str]] = [(it.name, it, options.base) for it in chosen]
    sources = zip(UNTRAINED, (options.base, options.reference), strict=True)
    named[len(FIRST) : len(FIRST)] = [(name, None, source) for name, source in sources if source]
    shas = {source: base_model(Store(options.home), source).sha for _, _, source in named}
    return [
        Group(
            name,
            [
                Climb(
                    home=options.home,
                    data=options.data,
                    stream=stream,
                    shape=options.shapes[stream],
                    seed=seed,
                    name=name,
                    strategy=strategy,
                    lineage=lineage.model_copy(update={"base_model": source, "seed": seed}),
                    base_sha=shas[source],
                    threads=options.threads,
                )
                for seed in seeds
                for stream in options.streams
            ],
        )
        for seeds in [range(SEEDS), *([seed] for seed in range(SEEDS, options.seeds))]
        for name, strategy, source in named
    ]


def measure(wanted: Sequence[Group], minutes: float, workers: int) -> None:
    """Climb group after group while the next is expected to fit; a faster one behind it may."""
    started = time.monotonic()
    climbs = [it for group in wanted for it in group.climbs]
    for group in wanted:
        pending = [it for it in group.climbs if not it.is_done]
        ends = time.monotonic() - started + sum(map(_steps, pending)) * pace(climbs) / workers
        if pending and group.name not in FIRST and ends > minutes * 60:
            _say(f"{group.name}: left out, it would end after {ends / 60:.0f} minutes and there are {minutes:g}")
        elif pending:
            _climbed(pending, workers)


def pace(climbs: Sequence[Climb]) -> float:
    """Seconds a step of the climbs that are done, scoring with them; 0 before there is one."""
    told = [it.kept()[1] for it in climbs if it.strategy and it.is_done]
    steps = sum(generation["steps"] for it in told for generation in it["generations"])
    return sum(it["seconds"] for it in told) / steps if steps else 0.0


def _climbed(climbs: Sequence[Climb], workers: int) -> None:
    """So many at a time; the first that fails ends the run."""
    if workers == 1:
        for it in climbs:
            _told(it, _climb(it))
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"))
    try:
        for it, failed in zip(climbs, pool.map(_climb, climbs), strict=True):
            _told(it, failed)
    finally:
        pool.shutdown(cancel_futures=True)


def _climb(what: Climb) -> tuple[str, str] | None:
    """What went wrong, if anything: an error with a remedy does not travel between processes as it is."""
    try:
        climb(what)
    except VibeError as error:
        return error.what, error.remedy
    return None


def _told(what: Climb, failed: tuple[str, str] | None) -> None:
    if failed:
        raise VibeError(*failed)
    scores, told = what.kept()
    exact = scores.filter(generation=scores["generation"].max())["exact"].to_numpy().mean()
    _say(f"{what.stream}, seed {what.seed}, {what.name}: exact {exact:.2f} at the end, {told['seconds']:.0f} s")


def _steps(what: Climb) -> int:
    """Optimiser steps of a climb; none where a model is asked as it is."""
    if what.strategy is None:
        return 0
    sets = sizes(what.shape)
    recipe = what.lineage.recipe
    return sum(steps(what.strategy, sets[: number + 1], recipe) for number in range(len(sets)))


def _sweep(home: Path) -> None:
    """What a killed run had trained."""
    for left in home.glob(".climbing-*"):
        shutil.rmtree(left, ignore_errors=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description="Measure what replay is worth.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    kept = home() / "bench-ladder"
    data = Path(os.environ.get("VIBE_DATA", "../shared/data"))
    parser.add_argument("--minutes", type=float, default=60, help="no climb begins that would end later (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="at most; at least 3 (default: %(default)s)")
    parser.add_argument("--generations", type=int, default=6, help="of a stream (default: %(default)s)")
    parser.add_argument("--examples", type=int, default=80, help="of a generation (default: %(default)s)")
    parser.add_argument("--streams", nargs="+", default=list(STREAMS), choices=STREAMS, help="these streams")
    parser.add_argument(
        "--only", nargs="+", default=[], choices=[it.name for it in STRATEGIES], help="these strategies"
    )
    parser.add_argument("--base", default="embedded", help="the base model (default: %(default)s)")
    parser.add_argument("--reference", help="a larger model to ask the same (default: reference_model of vibe.toml)")
    parser.add_argument("--workers", type=int, default=cores, help="climbs at a time (default: %(default)s, the cores)")
    parser.add_argument("--threads", type=int, default=1, help="of each (default: %(default)s)")
    parser.add_argument("--home", type=Path, default=kept, help="what is kept (default: bench-ladder in VIBE_HOME)")
    parser.add_argument("--data", type=Path, default=data, help="the folder that holds dev/ (default: VIBE_DATA)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where figures go (default: %(default)s)")
    options = parser.parse_args(arguments)
    options.home = options.home.expanduser().absolute()
    named = (it.reference_model for it in load().lineages.values() if it.reference_model)
    options.reference = options.reference or next(named, None)
    options.shapes = shapes(options.generations, options.examples)
    return options


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
